/*
 * bench/ends/traffic.h: what the ends of a measured connection have in common, whatever carries it: what they send, how the receiver
 * counts and checks it, and the lines by which bench/lib/ends.js leads them.
 *
 * An end is a program of its own: NAME_end send|receive [KEY=VALUE]... By lines of stdin it is told "signal TEXT", which the other end
 * said, and the sender "connect" and, when it is open, "go". Lines it says on stdout:
 *
 *     ready          it has started; of a receiver that does not wait for an offer: after its "signal"
 *     signal TEXT    to be handed to the other end
 *     open MS        of the sender: the connection can be used, so long after "connect"
 *     begin          of the receiver: what comes from now on is counted
 *     result JSON    of the receiver: it was counted for long enough. Both ends are to be killed then.
 *
 * There are two streams of messages: BULK, as fast as the connection takes them, and PACED, one at each interval. Every message begins with its
 * number in its stream and, if paced, the time when it was due to be sent, 8 bytes each; CLOCK_MONOTONIC, which all ends share.
 */
#ifndef PARLEY_BENCH_ENDS_TRAFFIC_H
#define PARLEY_BENCH_ENDS_TRAFFIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRAFFIC_HEADER 16u
#define TRAFFIC_MESSAGE_MAX 262144u

typedef enum { TRAFFIC_BULK, TRAFFIC_PACED, TRAFFIC_STREAMS } traffic_stream;

/* The KEYs. Those that an end has no use for, it ignores. */
typedef struct {
	bool is_sender;
	size_t size[TRAFFIC_STREAMS]; /* size=BYTES (default 65536), paced=BYTES (0); 0: there is no such stream */
	uint64_t interval_us;	      /* interval=MICROSECONDS between paced messages; default 10000 */
	uint64_t skip_us;	      /* skip=MILLISECONDS from the first message to the "begin"; default 300 */
	uint64_t count_us;	      /* count=MILLISECONDS from there to the "result"; default 2000 */
	const char *address;	      /* address=IP of this end; default 127.0.0.1 */
	const char *transport;	      /* transport=tls|tcp|udp; default tls */
	const char *congestion;	      /* congestion=cubic|bbr; default cubic */
	size_t mtu_max;		      /* mtu_max=BYTES up to which larger datagrams are tried; default 0: none */
	bool first;		      /* paced_first=1: paced messages are more urgent than bulk */
} traffic_options;

/* Ends the program with a line on stderr if they cannot be understood. */
traffic_options traffic_read_options(int argc, char **argv);

uint64_t traffic_now_ns(void);

/* Dies with the parent, so that no sender outlives an interrupted bench. */
void traffic_die_with_parent(void);

/* Says one line. */
void traffic_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

void traffic_fail(const char *what, const char *why) __attribute__((noreturn));

/* --- sending --- */

typedef struct {
	uint64_t next;	 /* number */
	uint64_t due_ns; /* of a paced stream: when the next is to leave */
	size_t size;
	uint64_t interval_ns;
	uint8_t bytes[TRAFFIC_MESSAGE_MAX];
} traffic_source;

void traffic_source_init(traffic_source *s, const traffic_options *options, traffic_stream stream);

/* The next message, to be sent now, is in bytes; called again without an advance between, it is the same. */
void traffic_source_fill(traffic_source *s);
void traffic_source_advance(traffic_source *s);

/* --- receiving --- */

typedef struct {
	uint64_t expected; /* number of the next message */
	uint64_t messages; /* counted, as the rest */
	uint64_t bytes;
	uint64_t wrong; /* of the wrong length, or not the next in order; of all that came */
	uint64_t gaps;	/* messages left out where that is allowed; of all that came */
	uint32_t *latencies_us;
	size_t latency_count;
	bool may_lose;
} traffic_count;

typedef enum { TRAFFIC_WAITING, TRAFFIC_SKIPPING, TRAFFIC_COUNTING, TRAFFIC_OVER } traffic_phase;

typedef struct {
	const traffic_options *options;
	traffic_phase phase;
	uint64_t began_ns; /* the present phase */
	traffic_count streams[TRAFFIC_STREAMS];
} traffic_meter;

/* may_lose: messages may be missing, as over UDP. */
void traffic_meter_init(traffic_meter *m, const traffic_options *options, bool may_lose);

/* A whole message came. */
void traffic_meter_take(traffic_meter *m, traffic_stream stream, const uint8_t *data, size_t len);

/* To be called some hundred times a second: says "begin" and "result" when it is time for them. */
void traffic_meter_tick(traffic_meter *m);

#endif
