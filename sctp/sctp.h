/*
 * sctp/sctp.h: one SCTP association over DTLS, as WebRTC uses it (RFC 9260, RFC 8261, RFC 8831 5-6): set-up with
 * collisions, ordered and unordered messages on up to 65535 streams, interleaved (RFC 8260), loss recovery, congestion control, partial
 * reliability (RFC 3758, RFC 7496), stream reset (RFC 6525), path MTU discovery (RFC 8899), graceful and hard close.
 *
 * Not here: data channels (sctp/datachannel.h), DTLS, sockets, clocks. One path, no multi-homing, no address parameters
 * (RFC 8261 6.1).
 *
 * The verbs: sctp_receive, sctp_timeout, sctp_deadline, sctp_poll_transmit, sctp_poll_event. After each call that takes
 * `now` the owner drains events and transmit until both are empty, then arms a timer for sctp_deadline. Time is monotonic
 * microseconds and must not go backwards. One object, one thread. Events and calls are free of callbacks.
 *
 * Endings. The association never gives up by itself because packets are lost, unless config says so: ICE consent
 * (RFC 7675) decides whether the path lives, and its owner then calls sctp_destroy. What ends it: sctp_shutdown,
 * sctp_abort, the peer's SHUTDOWN or ABORT, a peer that breaks the protocol, lack of memory. SCTP_EVENT_CLOSED is then the
 * last event; afterwards only poll_transmit (a last chunk may wait), poll_event, stats and destroy make sense; calls
 * return PARLEY_ESTATE.
 */
#ifndef PARLEY_SCTP_SCTP_H
#define PARLEY_SCTP_SCTP_H

#include "base/bytes.h"
#include "base/text.h"
#include "base/trace.h"
#include "parley/types.h"

/* RFC 8841 5: what every browser uses on both sides. */
#define SCTP_PORT 5000u
/*
 * Bytes of one SCTP packet: DTLS takes 13 (record header) + 8 (explicit nonce) + 16 (tag) of a 1200-byte datagram, which
 * fits any path that carries WebRTC (RFC 8831 5). A multiple of 4 below that is what is used of it.
 */
#define SCTP_MTU_DEFAULT 1163u
#define SCTP_MTU_MIN 300u	/* INIT-ACK with its cookie must fit */
#define SCTP_MTU_MAX 16384u	/* a DTLS record (RFC 6347 4.1) */
#define SCTP_STREAMS_MAX 65535u /* ids 0..65534: 65535 is reserved (RFC 8832 6) */

/* What a remote can make grow, and how far. */
#define SCTP_RECEIVE_WINDOW_DEFAULT \
	(1u << 20) /* bytes of messages and fragments held, announced as a_rwnd: at first, */
#define SCTP_RECEIVE_WINDOW_MAX_DEFAULT (64u << 20) /* and at most: 500 Mbit/s over 200 ms, five times */
#define SCTP_MAX_MESSAGE_DEFAULT 262144u	    /* as Chromium's a=max-message-size */
#define SCTP_TSN_WINDOW 65536u			    /* TSNs accepted beyond the cumulative one */
#define SCTP_RX_OVERHEAD 128u	    /* bytes a held message or run of fragments costs besides its payload */
#define SCTP_RX_COST_MAX 4u	    /* windows: with that; what fits the window of messages of 43 bytes or more */
#define SCTP_CONTROL_QUEUE_MAX 16u  /* answers waiting for poll_transmit; further ones are dropped */
#define SCTP_GAP_BLOCKS_MAX 256u    /* per SACK sent */
#define SCTP_RESET_STREAMS_MAX 256u /* stream numbers per request of ours; more wait their turn */

/* What the owner can make grow. */
/* Bytes of messages not yet sent. Those on their way are bounded by the peer's window, cwnd and 65535 chunks. */
#define SCTP_SEND_BUFFER_DEFAULT (16u << 20)
#define SCTP_SEND_OVERHEAD 64u /* bytes each message counts for besides its payload */

#define SCTP_PRIORITY_DEFAULT 256u /* RFC 8831 6.4: normal */
#define SCTP_UNLIMITED UINT32_MAX

typedef struct sctp_association sctp_association;

/*
 * Which stream sends next (RFC 8260 3.2, 3.4, 3.6): of the messages that wait; with I-DATA, of their chunks, so that a large
 * message does not keep others waiting. Priorities by sctp_set_priority.
 */
typedef enum {
	SCTP_SCHEDULE_WEIGHTED, /* weighted fair queueing: each its share of the capacity by its priority (RFC 8831 6.4) */
	SCTP_SCHEDULE_PRIORITY, /* a higher priority goes first, always; among equals in turn */
	SCTP_SCHEDULE_ROUND_ROBIN,
} sctp_schedule;

typedef enum {
	SCTP_CUBIC, /* RFC 9438: as most of the Internet; takes every loss for congestion */
	SCTP_BBR,   /* draft-ietf-ccwg-bbr: models the path; goes on through random loss, keeps queues short */
} sctp_congestion_control;

typedef struct {
	parley_random random; /* tags, TSNs, cookie key, heartbeat nonces */
	struct trace *trace;  /* may be NULL */
	uint16_t local_port, remote_port;
	size_t mtu; /* SCTP_MTU_MIN..SCTP_MTU_MAX: what every path carries */
	size_t mtu_max; /* up to here larger packets are tried (RFC 8899), where much is sent; SCTP_MTU_MAX at most; 0: never */
	uint16_t streams_out;	 /* asked for in INIT; the peer may allow fewer */
	uint16_t streams_in;	 /* allowed to the peer; 1.. */
	uint16_t streams_in_max; /* ... if it asks for more later (RFC 6525 5.2.5); default SCTP_STREAMS_MAX */
	/*
	 * Bytes of messages and fragments, with SCTP_RX_OVERHEAD each, that the peer may have us hold: the least, 1500 or more and
	 * twice max_message_receive; and the most. Between them the window follows what comes in a round trip, four times, and
	 * shrinks while events are not polled, or when memory is out. A window that was announced may be filled with payload alone, so small messages may
	 * cost SCTP_RX_COST_MAX times as much. What fills gaps may go beyond it by a quarter and receive_window.
	 */
	uint32_t receive_window;
	uint32_t receive_window_max;  /* less than receive_window counts as that */
	uint32_t max_message_receive; /* a longer message ends the association, as it was announced in SDP; but: */
	bool any_length;	      /* one comes in parts instead (MESSAGE_PART); default false */
	uint32_t
		max_message_send; /* the peer's a=max-message-size; UINT32_MAX: no limit. See sctp_set_max_message_send */
	size_t send_buffer;	  /* bytes; see sctp_send */
	/*
	 * Retransmission timeout (RFC 9260 6.3.1, 16). Deviations, as every WebRTC stack has them: RFC: Initial 1 s, Min 1 s,
	 * Max 60 s. Interactive traffic cannot wait that long, and peers acknowledge within 20-200 ms.
	 */
	uint64_t rto_initial_us; /* default 500 ms */
	uint64_t rto_min_us;	 /* default 220 ms: above a peer's delayed SACK of 200 ms */
	uint64_t rto_max_us;	 /* default 10 s: the path may come back any moment */
	uint64_t sack_delay_us;	 /* default 20 ms; RFC 9260 6.2: at most 500 ms, should be 200 ms */
	uint64_t heartbeat_us;	 /* when idle, this plus RTO (RFC 9260 8.3); default 30 s; TIME_NEVER: none */
	sctp_congestion_control congestion; /* default SCTP_CUBIC */
	bool interleaving;		    /* I-DATA (RFC 8260) with a peer that knows it; default true */
	sctp_schedule schedule;		    /* default SCTP_SCHEDULE_WEIGHTED */
	bool zero_checksum; /* take packets without checksum, and send them to a peer that takes them (RFC 9653); default true */
	uint64_t cookie_life_us;       /* default 60 s (RFC 9260 16) */
	uint32_t max_init_retransmits; /* SCTP_UNLIMITED by default: see "Endings" */
	uint32_t max_retransmits;      /* the same, in a row and unanswered, for data, RE-CONFIG, SHUTDOWN */
	uint32_t initial_tsn;	       /* for tests; used only if has_initial_tsn, else random */
	bool has_initial_tsn;
} sctp_config;

void sctp_config_default(sctp_config *config); /* random is left zero: the owner sets it */

/* PARLEY_EINVAL (config out of range), PARLEY_ENOMEM, or the random source's error. *out is written on success only. */
int sctp_create(const sctp_config *config, sctp_association **out);
void sctp_destroy(sctp_association *a); /* NULL is fine. Sends nothing. */

typedef enum {
	SCTP_CLOSED, /* before the handshake, and after the end */
	SCTP_COOKIE_WAIT,
	SCTP_COOKIE_ECHOED,
	SCTP_ESTABLISHED,
	SCTP_SHUTDOWN_PENDING,
	SCTP_SHUTDOWN_SENT,
	SCTP_SHUTDOWN_RECEIVED,
	SCTP_SHUTDOWN_ACK_SENT,
} sctp_state;

sctp_state sctp_get_state(const sctp_association *a);
const char *sctp_state_name(sctp_state state);

/*
 * Sends INIT. Both sides may do so at once (RFC 9260 5.2.1), and a side that does not still answers the other's.
 * Messages may be queued before. PARLEY_ESTATE unless newly created.
 */
int sctp_connect(sctp_association *a, uint64_t now);

/*
 * SNAP (draft-hancke-tsvwg-snap): INITs that travel by signaling. sctp_local_init writes the chunk that sctp_connect would
 * send, without padding, and changes nothing. With the peer's given by sctp_set_peer_init, sctp_connect sends none and establishes
 * the association at once; so does the first packet that comes, since the peer may be the first to know that DTLS is up.
 * PARLEY_ESTATE unless newly created; PARLEY_EINVAL: not an INIT chunk, or one that would be refused.
 */
#define SCTP_LOCAL_INIT_MAX 64u
int sctp_local_init(const sctp_association *a, writer *w); /* with that much room */
int sctp_set_peer_init(sctp_association *a, slice chunk);
bool sctp_init_is_valid(slice chunk);
/* From SDP, when it comes after sctp_create, and before sctp_connect. */
void sctp_set_remote_port(sctp_association *a, uint16_t port);
void sctp_set_mtu_max(sctp_association *a, size_t size); /* config.mtu_max; SCTP_MTU_MAX at most */

/* One whole SCTP packet, as DTLS decrypted it. Returns nothing: what is wrong with it is counted and traced. */
void sctp_receive(sctp_association *a, uint64_t now, slice packet_bytes);
void sctp_timeout(sctp_association *a, uint64_t now); /* too early is harmless */
uint64_t sctp_deadline(const sctp_association *a);    /* TIME_NEVER: none */
/*
 * Writes the next packet straight to out->data and sets out->len. False: nothing to send now. Capacity at least config.mtu;
 * packets are no longer than that, and path MTU discovery wants as much as sctp_packet_max says. Whoever sends them must
 * not let them be fragmented on the way (RFC 8261 5).
 */
bool sctp_poll_transmit(sctp_association *a, uint64_t now, packet *out);
size_t sctp_packet_max(const sctp_association *a); /* bytes of the largest packet that it could write now */

/*
 * What is below has found another path, or the old one carries again: what waits for a timer that has backed off (RFC 9260
 * 6.3.3 E2 doubles it each time) is sent at once, if it was repeated in vain before, sctp_deadline is then now; and so is a SACK.
 */
void sctp_path_changed(sctp_association *a, uint64_t now);
/* Something was sent that the peer must answer, and it has not yet. */
bool sctp_awaits_answer(const sctp_association *a);

typedef struct {
	bool unordered;
	/* Partial reliability, none by default (RFC 3758, 7496). At most one of the first two in data channels; all work together. */
	bool has_max_retransmits;
	uint32_t max_retransmits; /* 0: sent once */
	bool has_lifetime;
	uint64_t lifetime_us; /* from this call on; then neither sent nor sent again */
	/* When the send buffer is full, messages not yet begun that are worth less than a new one are given up for it, the least
	 * first (RFC 7496 3.2). Those without a value are worth more than all others. */
	bool has_value;
	uint8_t value;
	bool uncounted; /* not in sctp_buffered: what the owner of the stream did not ask for */
} sctp_send_options;

/*
 * Queues a copy of message on a stream; options may be NULL (ordered, reliable). An empty message is PARLEY_EINVAL: SCTP has
 * none (RFC 8831 6.6 says what to do). PARLEY_EMSGSIZE: longer than the peer takes. PARLEY_ELIMIT: the send buffer is
 * full, and not of what is worth less: wait for SCTP_EVENT_BUFFERED_LOW. PARLEY_EINVAL: the stream is above what was negotiated. PARLEY_ESTATE: closing,
 * closed, or the stream is being reset. PARLEY_ENOMEM.
 */
int sctp_send(sctp_association *a, uint64_t now, uint16_t stream, uint32_t ppid, slice message,
	      const sctp_send_options *options);
/*
 * A message in parts, also one larger than the send buffer or than memory: parts follow each other on the stream and are sent
 * as they come; last ends it, and may be empty then. ppid and options of the first part count. Errors as sctp_send, and
 * PARLEY_EINVAL for limits of reliability, which such a message has none of, and for an empty message. Meanwhile sctp_send on this
 * stream is PARLEY_ESTATE; with a peer without I-DATA all other streams wait for the end too (RFC 8260 4.4). A stream reset or
 * sctp_shutdown in the middle gives the message up.
 */
int sctp_send_part(sctp_association *a, uint64_t now, uint16_t stream, uint32_t ppid, slice part, bool last,
		   const sctp_send_options *options);
/* From SDP, when it comes after sctp_create. */
void sctp_set_max_message_send(sctp_association *a, uint32_t size);

/*
 * bufferedAmount: bytes of the stream's messages not yet handed to the network; a byte leaves this count when it is first
 * put in a packet, or when its message is abandoned unsent. BUFFERED_LOW comes when the count falls from above to at or
 * below the stream's threshold (default 0).
 */
size_t sctp_buffered(const sctp_association *a, uint16_t stream);
int sctp_set_low_threshold(sctp_association *a, uint16_t stream, size_t threshold); /* PARLEY_ENOMEM */

/*
 * Messages of the peer on this stream are given out as they come, whatever their length, in MESSAGE_PARTs; ordered ones still
 * one after the other. Lasts until the stream is reset. PARLEY_ENOMEM.
 */
int sctp_set_partial_delivery(sctp_association *a, uint16_t stream, bool on);

/* 1..65535, default SCTP_PRIORITY_DEFAULT; see sctp_schedule. Lasts until the stream is reset. PARLEY_ENOMEM, PARLEY_EINVAL. */
int sctp_set_priority(sctp_association *a, uint16_t stream, uint16_t priority);

/*
 * Resets our outgoing side of the streams (RFC 6525 5.1.2) as soon as all that was sent on them is acknowledged or abandoned;
 * from now on sctp_send refuses them, until STREAMS_RESET{outgoing} lets the numbers start anew. Asking twice is harmless.
 * PARLEY_EUNSUPPORTED: the peer knows no RE-CONFIG. PARLEY_ESTATE, PARLEY_EINVAL, PARLEY_ENOMEM.
 */
int sctp_reset_streams(sctp_association *a, uint64_t now, const uint16_t *streams, size_t count);

/*
 * Asks for more streams: out for us to send on, in for the peer (RFC 6525 5.1.5, 5.1.6). STREAMS_CHANGED tells, once or twice.
 * PARLEY_EINVAL: more than SCTP_STREAMS_MAX together; PARLEY_ESTATE, PARLEY_EUNSUPPORTED as above.
 */
int sctp_add_streams(sctp_association *a, uint64_t now, uint16_t out, uint16_t in);

/* Sends what is queued, then closes (RFC 9260 9.2). PARLEY_ESTATE unless established. */
int sctp_shutdown(sctp_association *a, uint64_t now);
/* Drops all, sends ABORT with cause 12 and the text (cut at 200 bytes; may be NULL), is closed at once. Any state. */
void sctp_abort(sctp_association *a, uint64_t now, const char *reason);

typedef enum {
	SCTP_EVENT_CONNECTED,
	SCTP_EVENT_RESTARTED, /* the peer began anew (RFC 9260 5.2.4.1): all queued data and stream state is lost */
	SCTP_EVENT_MESSAGE,
	SCTP_EVENT_MESSAGE_PART, /* see sctp_set_partial_delivery; messages that are whole when polled are MESSAGEs all the same */
	SCTP_EVENT_STREAMS_RESET,
	SCTP_EVENT_STREAMS_CHANGED, /* there are more of them: see sctp_stats; or error says why not */
	SCTP_EVENT_BUFFERED_LOW,
	SCTP_EVENT_SEND_FAILED, /* a message was abandoned (partial reliability), or lost in a restart */
	SCTP_EVENT_CLOSED,
} sctp_event_type;

typedef enum {
	SCTP_RESET_INCOMING,	    /* the peer reset its side: nothing more comes on these until it starts anew */
	SCTP_RESET_OUTGOING,	    /* ours is done */
	SCTP_RESET_OUTGOING_DENIED, /* the peer refused ours; the streams go on as they were */
} sctp_reset_kind;

typedef struct {
	sctp_event_type type;
	uint16_t stream; /* MESSAGE, MESSAGE_PART, BUFFERED_LOW, SEND_FAILED */
	uint32_t ppid;	 /* MESSAGE, MESSAGE_PART, SEND_FAILED */
	bool unordered;	 /* MESSAGE, MESSAGE_PART */
	slice data;	 /* MESSAGE, MESSAGE_PART: until the next sctp_poll_event or sctp_destroy */
	/* MESSAGE_PART: where in its message; aborted: the sender gave the message up, the rest never comes (data is empty) */
	bool first, last, aborted;
	uint32_t message; /* MESSAGE_PART: the same for all of a message; parts of unordered ones may mix */
	sctp_reset_kind reset;
	const uint16_t *streams; /* STREAMS_RESET: count of them, as long as data; count 0: all streams */
	size_t count;
	int error; /* STREAMS_CHANGED: 0 or PARLEY_EREFUSED. CLOSED: 0 after a graceful end, PARLEY_ECLOSED after ABORT by either side, else what failed */
	const char *reason; /* CLOSED: one line of English, as long as data; peer's text is printable ASCII */
} sctp_event;

bool sctp_poll_event(sctp_association *a, sctp_event *event);

typedef struct {
	uint64_t packets_sent, packets_received, bytes_sent, bytes_received;
	uint64_t packets_invalid; /* checksum, tag, malformed */
	uint64_t chunks_unknown;
	uint64_t data_sent, data_retransmitted, data_received, data_duplicate, data_dropped; /* DATA chunks */
	uint64_t messages_sent, messages_received, messages_abandoned;
	uint64_t fast_retransmits, timeouts;   /* entries into fast recovery; T3-rtx expiries */
	uint64_t probes, spurious_retransmits; /* tail loss probes; recoveries that turned out to be needless */
	size_t cwnd, ssthresh, flight;	       /* bytes */
	uint32_t peer_window, our_window;      /* a_rwnd as last announced by them; as of now by us */
	uint64_t srtt_us, rto_us;	       /* srtt 0: not measured yet */
	bool has_rtt;
	size_t mtu;			  /* bytes of a packet as of now */
	size_t send_buffered;		  /* bytes counted against config.send_buffer */
	size_t receive_buffered;	  /* bytes counted against the receive window */
	uint16_t streams_out, streams_in; /* negotiated; as configured before */
	bool peer_forward_tsn, peer_reconfig, peer_zero_checksum;
	bool interleaving; /* I-DATA is used, both ways */
} sctp_stats;

void sctp_get_stats(const sctp_association *a, sctp_stats *stats);

/* Asserts what must always hold: outstanding data has a timer, counters add up, queues are within limits. For tests. */
void sctp_check_invariants(const sctp_association *a);
void sctp_check_timers(const sctp_association *a);   /* the part of it that takes constant time: nothing can stall */
void sctp_dump(const sctp_association *a, text *t);  /* some lines for people */
void sctp_print_packet(slice packet_bytes, text *t); /* one line: "DATA tsn=.. sid=.. ..., SACK ..." */

#endif
