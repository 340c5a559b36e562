/*
 * sctp/tsn_set.h: a set of TSNs that lie within a moving window, one bit each, looked at a word (64) at a time: what came out of
 * order (tsn_map.h), what gap blocks acknowledged and what is lost (outstanding.h).
 *
 * The owner keeps the window: all members lie between its `first` and SCTP_TSN_SET_MAX further. Memory follows the window in
 * use, from nothing on; {0} is the empty set.
 */
#ifndef PARLEY_SCTP_TSN_SET_H
#define PARLEY_SCTP_TSN_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCTP_TSN_SET_MAX 65536u /* TSNs: gap blocks reach 65535 beyond the cumulative one (RFC 9260 3.3.4) */

typedef struct {
	uint64_t *words;
	uint32_t capacity; /* TSNs, a power of two, 0 at first; a window uses at most 64 less */
} sctp_tsn_set;

void sctp_tsn_set_free(sctp_tsn_set *s); /* it is empty again */
/* Makes room for a window of `count` TSNs from `first` on; what is in it stays. PARLEY_ENOMEM, PARLEY_ELIMIT. */
int sctp_tsn_set_reserve(sctp_tsn_set *s, uint32_t first, uint32_t count);

bool sctp_tsn_set_has(const sctp_tsn_set *s, uint32_t tsn);
void sctp_tsn_set_add(sctp_tsn_set *s, uint32_t tsn); /* into room that was reserved */
void sctp_tsn_set_remove(sctp_tsn_set *s, uint32_t tsn);
void sctp_tsn_set_remove_range(sctp_tsn_set *s, uint32_t from, uint32_t end); /* without end */
/* The first TSN from `from` on that is (member) or is not in the set; `end` if there is none before that. */
uint32_t sctp_tsn_set_seek(const sctp_tsn_set *s, uint32_t from, uint32_t end, bool member);

#endif
