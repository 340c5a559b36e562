#include "sctp/tsn_map.h"

#include "base/serial.h"

#define IDLE_CAPACITY 8192u /* TSNs (1 KiB): more is not kept when there is no gap */

_Static_assert(SCTP_TSN_WINDOW <= SCTP_TSN_SET_MAX, "what is accepted can be remembered");
_Static_assert(SCTP_TSN_WINDOW - 1 <= UINT16_MAX, "gap offsets are 16 bits");

void sctp_tsn_map_init(sctp_tsn_map *m, uint32_t initial_tsn)
{
	*m = (sctp_tsn_map){.cumulative = initial_tsn - 1, .highest = initial_tsn - 1, .next_gap = initial_tsn - 1};
}

void sctp_tsn_map_clear(sctp_tsn_map *m)
{
	sctp_tsn_set_free(&m->beyond);
	sctp_tsn_map_init(m, 0);
}

sctp_tsn_kind sctp_tsn_map_look(const sctp_tsn_map *m, uint32_t tsn)
{
	if (serial32_before_eq(tsn, m->cumulative))
		return SCTP_TSN_DUPLICATE;
	if (tsn - m->cumulative >= SCTP_TSN_WINDOW)
		return SCTP_TSN_BEYOND;
	bool came = serial32_before_eq(tsn, m->highest) && sctp_tsn_set_has(&m->beyond, tsn);
	return came ? SCTP_TSN_DUPLICATE : SCTP_TSN_NEW;
}

/* The usual case needs no memory of it. */
static bool is_next(const sctp_tsn_map *m, uint32_t tsn)
{
	return tsn == m->cumulative + 1 && m->highest == m->cumulative;
}

int sctp_tsn_map_reserve(sctp_tsn_map *m, uint32_t tsn)
{
	if (is_next(m, tsn))
		return 0;
	return sctp_tsn_set_reserve(&m->beyond, m->cumulative + 1, tsn - m->cumulative);
}

/* The cumulative TSN moves to this one and over what came behind it. */
static void advance(sctp_tsn_map *m, uint32_t tsn)
{
	uint32_t end = sctp_tsn_set_seek(&m->beyond, tsn + 1, m->highest + 1, false);
	sctp_tsn_set_remove_range(&m->beyond, m->cumulative + 1, end);
	m->cumulative = end - 1;
	if (m->cumulative == m->highest && m->beyond.capacity > IDLE_CAPACITY)
		sctp_tsn_set_free(&m->beyond);
}

void sctp_tsn_map_add(sctp_tsn_map *m, uint32_t tsn)
{
	if (is_next(m, tsn)) {
		m->cumulative = m->highest = tsn;
		return;
	}
	if (serial32_before(m->highest, tsn))
		m->highest = tsn;
	if (tsn == m->cumulative + 1)
		advance(m, tsn);
	else
		sctp_tsn_set_add(&m->beyond, tsn);
}

void sctp_tsn_map_note_duplicate(sctp_tsn_map *m, uint32_t tsn)
{
	if (m->duplicate_count < SCTP_DUPLICATES_MAX)
		m->duplicates[m->duplicate_count++] = tsn;
}

void sctp_tsn_map_forward(sctp_tsn_map *m, uint32_t cumulative)
{
	if (serial32_before(cumulative, m->highest)) {
		advance(m, cumulative);
		return;
	}
	sctp_tsn_set_remove_range(&m->beyond, m->cumulative + 1, m->highest + 1);
	m->cumulative = m->highest = cumulative;
}

bool sctp_tsn_map_has_gap(const sctp_tsn_map *m)
{
	return m->cumulative != m->highest;
}

size_t sctp_tsn_map_gaps(sctp_tsn_map *m, sctp_gap *gaps, size_t max)
{
	size_t count = 0;
	uint32_t end = m->highest + 1, tsn = m->cumulative + 1;
	if (serial32_before(tsn, m->next_gap) && serial32_before(m->next_gap, end))
		tsn = m->next_gap;
	while ((tsn = sctp_tsn_set_seek(&m->beyond, tsn, end, true)) != end && count < max) {
		uint32_t after = sctp_tsn_set_seek(&m->beyond, tsn, end, false);
		gaps[count].start = (uint16_t)(tsn - m->cumulative);
		gaps[count].end = (uint16_t)(after - 1 - m->cumulative);
		count++;
		tsn = after;
	}
	m->next_gap = tsn == end ? m->cumulative : tsn;
	return count;
}
