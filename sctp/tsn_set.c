#include "sctp/tsn_set.h"

#include <stdlib.h>
#include <string.h>

#include "base/serial.h"
#include "parley/types.h"

#define WORD_BITS 64u
#define FIRST_CAPACITY 512u /* TSNs: 64 bytes */
#define CAPACITY_MAX (2u * SCTP_TSN_SET_MAX)

static uint64_t *word_of(const sctp_tsn_set *s, uint32_t tsn)
{
	return &s->words[(tsn & (s->capacity - 1)) / WORD_BITS];
}

static uint64_t bit_of(uint32_t tsn)
{
	return UINT64_C(1) << (tsn % WORD_BITS);
}

void sctp_tsn_set_free(sctp_tsn_set *s)
{
	free(s->words);
	*s = (sctp_tsn_set){0};
}

/* With a word to spare, so that the first and the last of a window never share one. */
static bool fits(const sctp_tsn_set *s, uint32_t count)
{
	return s->capacity && count <= s->capacity - WORD_BITS;
}

int sctp_tsn_set_reserve(sctp_tsn_set *s, uint32_t first, uint32_t count)
{
	if (fits(s, count))
		return 0;
	if (count > SCTP_TSN_SET_MAX)
		return PARLEY_ELIMIT;
	sctp_tsn_set larger = {.capacity = s->capacity ? s->capacity : FIRST_CAPACITY};
	while (!fits(&larger, count))
		larger.capacity *= 2;
	larger.words = calloc(larger.capacity / WORD_BITS, sizeof *larger.words);
	if (!larger.words)
		return PARLEY_ENOMEM;
	for (uint32_t i = 0; i < s->capacity; i += WORD_BITS)
		*word_of(&larger, first + i) = *word_of(s, first + i);
	free(s->words);
	*s = larger;
	return 0;
}

bool sctp_tsn_set_has(const sctp_tsn_set *s, uint32_t tsn)
{
	return s->capacity && *word_of(s, tsn) & bit_of(tsn);
}

void sctp_tsn_set_add(sctp_tsn_set *s, uint32_t tsn)
{
	*word_of(s, tsn) |= bit_of(tsn);
}

void sctp_tsn_set_remove(sctp_tsn_set *s, uint32_t tsn)
{
	if (s->capacity)
		*word_of(s, tsn) &= ~bit_of(tsn);
}

void sctp_tsn_set_remove_range(sctp_tsn_set *s, uint32_t from, uint32_t end)
{
	if (!s->capacity)
		return;
	while (from != end) {
		uint32_t rest = WORD_BITS - from % WORD_BITS;
		uint32_t count = end - from < rest ? end - from : rest;
		uint64_t mask = count < WORD_BITS ? (UINT64_C(1) << count) - 1 : UINT64_MAX;
		*word_of(s, from) &= ~(mask << (from % WORD_BITS));
		from += count;
	}
}

uint32_t sctp_tsn_set_seek(const sctp_tsn_set *s, uint32_t from, uint32_t end, bool member)
{
	if (!s->capacity)
		return member ? end : from;
	while (serial32_before(from, end)) {
		uint64_t word = *word_of(s, from);
		uint64_t rest = (member ? word : ~word) >> (from % WORD_BITS);
		if (rest) {
			from += (uint32_t)__builtin_ctzll(rest);
			break;
		}
		from += WORD_BITS - from % WORD_BITS;
	}
	return serial32_before(from, end) ? from : end;
}
