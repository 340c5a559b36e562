/*
 * tests/sim/rival.h: a sender that shares a link with others and does not yield to losses: what BBR's first version, which Linux
 * has, does once it has found the path's rate (draft-cardwell-iccrg-bbr-congestion-control-00 4.3.4). It sends at the highest rate
 * that was delivered in the last ten round trips; of eight, one is a quarter faster and the next as much slower; at most twice the
 * path's volume is in flight. Packets leave in bursts of a millisecond. It does not look for the empty path's round trip, which it is told.
 *
 * Knows no link: whoever owns one asks when it wants to send, and tells what became of each packet.
 */
#ifndef PARLEY_TESTS_RIVAL_H
#define PARLEY_TESTS_RIVAL_H

#include <stdbool.h>
#include <stdint.h>

#define RIVAL_PACKET 1200u /* bytes */
#define RIVAL_FLIGHT_MAX 4096u
#define RIVAL_WINDOW 10u /* round trips that the rate is the most of */

typedef struct {
	uint64_t sent_at, acked_at; /* acked_at: TIME_NEVER: lost */
	uint64_t delivered;	    /* packets, when it was sent */
	uint64_t delivered_at;
} rival_packet;

typedef struct {
	uint64_t min_rtt;		       /* us */
	uint64_t next;			       /* when the next burst is sent, unless too much is in flight */
	unsigned burst;			       /* packets of the last one still to be sent */
	double rate, best[RIVAL_WINDOW];       /* packets per us; by round */
	uint64_t round, round_end;	       /* the latter: packets delivered */
	rival_packet flight[RIVAL_FLIGHT_MAX]; /* a ring */
	unsigned first, count;
	uint64_t delivered, delivered_at; /* packets, and when the last was */
} rival;

/* rate: to begin with, bits per second; min_rtt: us. */
void rival_begin(rival *r, uint64_t now, uint64_t rate, uint64_t min_rtt);
uint64_t rival_deadline(const rival *r); /* TIME_NEVER: never; a rival that is all zeros has not begun */
/* Takes what has been acknowledged by now. True: it sends a packet; rival_sent must follow. */
bool rival_step(rival *r, uint64_t now);
/* acked_at: TIME_NEVER: it was lost. */
void rival_sent(rival *r, uint64_t now, uint64_t acked_at);

#endif
