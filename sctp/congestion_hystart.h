/*
 * sctp/congestion_hystart.h: when slow start has filled the pipe. Seen by round-trip times that grow (HyStart++, RFC 9406): first
 * it grows more slowly (CSS), and if that was no false alarm, ends. And seen by a delivery rate that grows no more although the
 * window did: RFC 9406 looks at the least round trip of a round only, which on a long path rises when the queue is full already.
 */
#ifndef PARLEY_SCTP_CONGESTION_HYSTART_H
#define PARLEY_SCTP_CONGESTION_HYSTART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sctp/rate.h"

typedef struct {
	uint64_t round_end;	  /* the round is over once so many bytes were delivered */
	unsigned samples;	  /* of this round */
	uint64_t rtt, last_rtt;	  /* the least of this round and of the last; UINT64_MAX: none */
	bool slow;		  /* in CSS */
	uint64_t baseline;	  /* the least round trip when CSS began */
	unsigned rounds;	  /* in CSS */
	uint64_t rate, last_rate; /* the most of this round and of the last, in bytes per second; 0: not measured */
	bool app_limited;	  /* in this round: its rate says nothing of the path */
	bool full;		  /* the rate did not grow */
} sctp_hystart;

void sctp_hystart_init(sctp_hystart *h);
/*
 * An acknowledgement in slow start: so many bytes delivered in all, so many in flight. rtt: UINT64_MAX: none; queued: round trips
 * are longer than the least, so that a rate that does not grow is no accident. Slow start is over when sctp_hystart_done.
 */
void sctp_hystart_acked(sctp_hystart *h, uint64_t delivered, size_t flight, uint64_t rtt, bool queued,
			const sctp_rate_sample *sample);
uint64_t sctp_hystart_threshold(uint64_t rtt); /* by how much round trips must differ to mean something */
size_t sctp_hystart_growth(const sctp_hystart *h, size_t acked); /* of the window, for so many bytes acknowledged */
bool sctp_hystart_done(const sctp_hystart *h);

#endif
