/*
 * sctp/congestion_hystart.h: when slow start has filled the pipe, seen by round-trip times that grow (HyStart++, RFC 9406): first
 * it grows more slowly (CSS), and if that was no false alarm, ends.
 */
#ifndef PARLEY_SCTP_CONGESTION_HYSTART_H
#define PARLEY_SCTP_CONGESTION_HYSTART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
	uint64_t round_end;	/* the round is over once so many bytes were delivered */
	unsigned samples;	/* of this round */
	uint64_t rtt, last_rtt; /* the least of this round and of the last; UINT64_MAX: none */
	bool slow;		/* in CSS */
	uint64_t baseline;	/* the least round trip when CSS began */
	unsigned rounds;	/* in CSS */
} sctp_hystart;

void sctp_hystart_init(sctp_hystart *h);
/*
 * An acknowledgement in slow start: delivered in all, with so much in flight. How many bytes the window may grow for `acked`
 * of them; *done: slow start is over.
 */
size_t sctp_hystart_acked(sctp_hystart *h, uint64_t delivered, size_t flight, size_t acked, bool has_rtt, uint64_t rtt,
			  bool *done);

#endif
