/* rtp/twcc.c: the codec's reading half and the walk over its statuses. Writing is the receiver's: rtp/twcc_receiver.c */
#include "rtp/twcc.h"

#define CHUNK_VECTOR 0x8000u   /* else a run (draft 3.1.3) */
#define CHUNK_TWO_BITS 0x4000u /* of a vector (draft 3.1.4) */
#define RUN_LENGTH 0x1fffu
#define LEFTOVER_MAX 3u /* zero padding to a multiple of 4 */

enum { NOT_RECEIVED, SMALL_DELTA, LARGE_DELTA, RESERVED }; /* draft 3.1.1 */

twcc_walk twcc_walk_of(const twcc_feedback *feedback)
{
	return (twcc_walk){
		.chunks = reader_of(feedback->chunks),
		.deltas = reader_of(feedback->deltas),
		.sequence = feedback->base,
		.left = feedback->count,
	};
}

static void next_chunk(twcc_walk *walk)
{
	uint16_t chunk = read_u16(&walk->chunks);
	if (!(chunk & CHUNK_VECTOR)) {
		walk->width = 0;
		walk->symbols = chunk & RUN_LENGTH;
		walk->chunk = (uint16_t)(chunk << 1);
	} else {
		walk->width = chunk & CHUNK_TWO_BITS ? 2 : 1;
		walk->symbols = 14u / walk->width;
		walk->chunk = (uint16_t)(chunk << 2);
	}
	if (walk->chunks.bad || walk->symbols == 0)
		walk->bad = true;
}

static unsigned next_symbol(twcc_walk *walk)
{
	if (walk->symbols == 0)
		next_chunk(walk);
	if (walk->bad)
		return NOT_RECEIVED;
	walk->symbols--;
	unsigned symbol = walk->width == 1 ? walk->chunk >> 15 : walk->chunk >> 14;
	walk->chunk = (uint16_t)(walk->chunk << walk->width);
	return symbol;
}

bool twcc_next(twcc_walk *walk, twcc_status *status)
{
	if (walk->left == 0 || walk->bad)
		return false;
	unsigned symbol = next_symbol(walk);
	int ticks = 0;
	if (symbol == SMALL_DELTA)
		ticks = read_u8(&walk->deltas);
	else if (symbol == LARGE_DELTA)
		ticks = (int16_t)read_u16(&walk->deltas);
	if (walk->bad || walk->deltas.bad || symbol == RESERVED) {
		walk->bad = true;
		return false;
	}
	walk->offset_us += (int64_t)ticks * TWCC_TICK_US;
	*status = (twcc_status){walk->sequence, symbol != NOT_RECEIVED, walk->offset_us};
	walk->sequence++;
	walk->left--;
	return true;
}

static int32_t sign_extend_24(uint32_t value)
{
	return value & 0x800000u ? (int32_t)value - 0x1000000 : (int32_t)value;
}

/* How many bytes of chunks cover `count` statuses; 0: they end before. */
static size_t chunks_length(slice rest, uint16_t count)
{
	twcc_walk walk = {.chunks = reader_of(rest)};
	for (uint32_t covered = 0; covered < count; covered += walk.symbols) {
		next_chunk(&walk);
		if (walk.bad)
			return 0;
	}
	return walk.chunks.pos;
}

bool twcc_decode(slice body, twcc_feedback *out)
{
	reader r = reader_of(body);
	twcc_feedback feedback = {0};
	feedback.base = read_u16(&r);
	feedback.count = read_u16(&r);
	feedback.reference = sign_extend_24(read_u24(&r));
	feedback.number = read_u8(&r);
	slice rest = read_rest(&r);
	if (r.bad || feedback.count == 0)
		return false;
	size_t length = chunks_length(rest, feedback.count);
	if (length == 0)
		return false;
	feedback.chunks = slice_part(rest, 0, length);
	feedback.deltas = slice_part(rest, length, rest.len - length);
	twcc_walk walk = twcc_walk_of(&feedback);
	twcc_status status;
	while (twcc_next(&walk, &status))
		feedback.received = (uint16_t)(feedback.received + status.received);
	if (walk.bad || reader_left(&walk.deltas) > LEFTOVER_MAX)
		return false;
	feedback.deltas.len = walk.deltas.pos;
	*out = feedback;
	return true;
}
