/*
 * sctp/tsn_map.h: which TSNs came: the cumulative one, those beyond it, and the duplicates to report.
 */
#ifndef PARLEY_SCTP_TSN_MAP_H
#define PARLEY_SCTP_TSN_MAP_H

#include "sctp/chunk.h"
#include "sctp/sctp.h"
#include "sctp/tsn_set.h"

#define SCTP_DUPLICATES_MAX 16u /* reported per SACK; more are only counted */

typedef enum { SCTP_TSN_NEW, SCTP_TSN_DUPLICATE, SCTP_TSN_BEYOND } sctp_tsn_kind;

typedef struct {
	uint32_t cumulative; /* this and all before it came */
	uint32_t highest;    /* that came; equal to cumulative if there is no gap */
	sctp_tsn_set beyond; /* of (cumulative, highest] */
	uint32_t next_gap;   /* TSN from which on gap blocks are to be told; at or before cumulative: all */
	uint32_t duplicates[SCTP_DUPLICATES_MAX];
	size_t duplicate_count;
} sctp_tsn_map;

void sctp_tsn_map_init(sctp_tsn_map *m, uint32_t initial_tsn); /* a cleared or zeroed one */
void sctp_tsn_map_clear(sctp_tsn_map *m);
sctp_tsn_kind sctp_tsn_map_look(const sctp_tsn_map *m, uint32_t tsn);
/* Memory for adding a new one: PARLEY_ENOMEM. */
int sctp_tsn_map_reserve(sctp_tsn_map *m, uint32_t tsn);
void sctp_tsn_map_add(sctp_tsn_map *m, uint32_t tsn);
void sctp_tsn_map_note_duplicate(sctp_tsn_map *m, uint32_t tsn);
/* Takes all up to cumulative as come (RFC 3758 3.6). */
void sctp_tsn_map_forward(sctp_tsn_map *m, uint32_t cumulative);
bool sctp_tsn_map_has_gap(const sctp_tsn_map *m);
/*
 * Gap blocks in order, at most max. If there are more, the next call goes on behind them, and so on in turn: the sender learns of
 * all in as many SACKs.
 */
size_t sctp_tsn_map_gaps(sctp_tsn_map *m, sctp_gap *gaps, size_t max);

#endif
