#include "sctp/tsn_map.h"

#include <string.h>

#include "base/serial.h"

#define WORDS (SCTP_TSN_WINDOW / 64)
_Static_assert((SCTP_TSN_WINDOW & (SCTP_TSN_WINDOW - 1)) == 0, "TSNs wrap evenly into the map");
_Static_assert(SCTP_TSN_WINDOW <= UINT16_MAX, "gap offsets are 16 bits");

static uint64_t *word_of(sctp_tsn_map *m, uint32_t tsn)
{
	return &m->bits[tsn / 64 % WORDS];
}

static uint64_t bit_of(uint32_t tsn)
{
	return UINT64_C(1) << (tsn % 64);
}

static bool has(const sctp_tsn_map *m, uint32_t tsn)
{
	return m->bits[tsn / 64 % WORDS] & bit_of(tsn);
}

void sctp_tsn_map_init(sctp_tsn_map *m, uint32_t initial_tsn)
{
	memset(m, 0, sizeof *m);
	m->cumulative = m->highest = initial_tsn - 1;
}

sctp_tsn_kind sctp_tsn_map_look(const sctp_tsn_map *m, uint32_t tsn)
{
	if (serial32_before_eq(tsn, m->cumulative))
		return SCTP_TSN_DUPLICATE;
	if (tsn - m->cumulative >= SCTP_TSN_WINDOW)
		return SCTP_TSN_BEYOND;
	return serial32_before_eq(tsn, m->highest) && has(m, tsn) ? SCTP_TSN_DUPLICATE : SCTP_TSN_NEW;
}

/* The cumulative TSN moves over what already came. */
static void close_up(sctp_tsn_map *m)
{
	while (m->cumulative != m->highest && has(m, m->cumulative + 1)) {
		m->cumulative++;
		*word_of(m, m->cumulative) &= ~bit_of(m->cumulative);
	}
}

void sctp_tsn_map_add(sctp_tsn_map *m, uint32_t tsn)
{
	if (tsn == m->cumulative + 1 && m->highest == m->cumulative) {
		m->cumulative = m->highest = tsn; /* the usual case */
		return;
	}
	*word_of(m, tsn) |= bit_of(tsn);
	if (serial32_before(m->highest, tsn))
		m->highest = tsn;
	close_up(m);
}

void sctp_tsn_map_note_duplicate(sctp_tsn_map *m, uint32_t tsn)
{
	if (m->duplicate_count < SCTP_DUPLICATES_MAX)
		m->duplicates[m->duplicate_count++] = tsn;
}

void sctp_tsn_map_forward(sctp_tsn_map *m, uint32_t cumulative)
{
	if (serial32_before_eq(m->highest, cumulative)) {
		memset(m->bits, 0, sizeof m->bits);
		m->cumulative = m->highest = cumulative;
		return;
	}
	while (serial32_before(m->cumulative, cumulative)) {
		m->cumulative++;
		*word_of(m, m->cumulative) &= ~bit_of(m->cumulative);
	}
	close_up(m);
}

bool sctp_tsn_map_has_gap(const sctp_tsn_map *m)
{
	return m->cumulative != m->highest;
}

/* The first TSN from `tsn` on that is (come == true) or is not in the map; past the highest if none. A word at a time. */
static uint32_t seek(const sctp_tsn_map *m, uint32_t tsn, bool come)
{
	while (serial32_before_eq(tsn, m->highest)) {
		uint64_t word = m->bits[tsn / 64 % WORDS];
		uint64_t rest = (come ? word : ~word) >> (tsn % 64);
		if (rest) {
			tsn += (uint32_t)__builtin_ctzll(rest);
			break;
		}
		tsn += 64 - tsn % 64;
	}
	return serial32_before_eq(tsn, m->highest) ? tsn : m->highest + 1;
}

size_t sctp_tsn_map_gaps(const sctp_tsn_map *m, sctp_gap *gaps, size_t max)
{
	size_t count = 0;
	uint32_t tsn = m->cumulative + 1;
	while (count < max && (tsn = seek(m, tsn, true)) != m->highest + 1) {
		uint32_t end = seek(m, tsn, false);
		gaps[count].start = (uint16_t)(tsn - m->cumulative);
		gaps[count].end = (uint16_t)(end - 1 - m->cumulative);
		count++;
		tsn = end;
	}
	return count;
}
