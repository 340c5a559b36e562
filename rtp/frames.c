#include "rtp/frames.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "parley/types.h"

#define RING_FIRST 64u /* a power of two */
#define TID_ALL 7u     /* the highest temporal layer there can be */

struct rtp_frames_entry {
	rtp_frames_packet packet; /* its payload points behind this struct */
	rtp_payload_info info;
	bool filler;	/* of no frame */
	bool malformed; /* breaks its frame */
	uint8_t payload[];
};

/* ---- the ring ---- */

static rtp_frames_entry *entry_at(const rtp_frames *f, uint64_t sequence)
{
	return sequence >= f->next && sequence < f->end ? f->ring[sequence & (f->capacity - 1)] : NULL;
}

static bool is_video(const rtp_frames *f)
{
	return rtp_codec_is_video(f->codec);
}

static void free_entry(rtp_frames *f, rtp_frames_entry *e)
{
	f->held--;
	f->bytes -= e->packet.payload.len;
	f->keys -= e->info.key;
	free(e);
}

/* Done with everything below `to`, which counts as not used for any frame given out. */
static void consume(rtp_frames *f, uint64_t to)
{
	for (; f->next < to && f->next < f->end; f->next++) {
		rtp_frames_entry **slot = &f->ring[f->next & (f->capacity - 1)];
		rtp_frames_entry *e = *slot;
		*slot = NULL;
		if (!e)
			f->stats.lost++;
		f->unused += !e || !e->filler;
		if (e && e->info.parameter_sets)
			rtp_h264_sets_learn(&f->sets, e->packet.payload);
		if (e)
			free_entry(f, e);
	}
	if (f->next < to) {
		f->stats.lost += to - f->next;
		f->unused += to - f->next;
		f->next = to;
	}
	if (f->end < f->next)
		f->end = f->next;
	f->scan = f->next;
	f->hole = false;
	f->consumed = true;
}

/* Room for the numbers [first, end), with first <= next. */
static int grow(rtp_frames *f, uint64_t first, uint64_t end)
{
	size_t capacity = f->capacity ? f->capacity : RING_FIRST;
	while (capacity < end - first)
		capacity *= 2;
	if (capacity == f->capacity)
		return 0;
	rtp_frames_entry **ring = calloc(capacity, sizeof *ring);
	if (!ring)
		return PARLEY_ENOMEM;
	for (uint64_t s = f->next; s < f->end; s++)
		ring[s & (capacity - 1)] = entry_at(f, s);
	free(f->ring);
	f->ring = ring;
	f->capacity = capacity;
	return 0;
}

/* ---- life ---- */

void rtp_frames_init(rtp_frames *f, rtp_codec codec, trace *t)
{
	*f = (rtp_frames){.codec = codec, .trace = t};
	f->frame.limit = RTP_FRAME_MAX;
	f->wait_key = rtp_codec_is_video(codec);
	f->after_gap = true;
	f->tid_limit = TID_ALL;
}

void rtp_frames_clear(rtp_frames *f)
{
	for (uint64_t s = f->next; s < f->end; s++)
		if (entry_at(f, s))
			free_entry(f, entry_at(f, s));
	free(f->ring);
	buf_clear(&f->frame);
	rtp_frames_init(f, f->codec, f->trace);
}

void rtp_frames_reset(rtp_frames *f, rtp_codec codec)
{
	rtp_frames_stats stats = f->stats;
	rtp_h264_sets sets = f->sets;
	rtp_frames_clear(f);
	rtp_frames_init(f, codec, f->trace);
	f->stats = stats;
	f->sets = sets;
}

/* ---- in ---- */

/* Gives up the oldest until the packet has its place. */
static void make_room(rtp_frames *f, const rtp_frames_packet *p)
{
	uint64_t before = f->next;
	if (p->sequence >= f->next && p->sequence - f->next >= RTP_FRAMES_PACKETS_MAX)
		consume(f, p->sequence - RTP_FRAMES_PACKETS_MAX + 1);
	while (f->bytes + p->payload.len > RTP_FRAMES_BYTES_MAX)
		consume(f, f->next + 1);
	if (f->next == before)
		return;
	f->stats.evicted++;
	f->after_gap = f->broken = true;
	trace_printf(f->trace, TRACE_WARN, "rtp", "frames: too much held, gave up packets before %" PRIu64, f->next);
}

/* Is there a place for this number? Before anything was given out the first packet need not be the one that came first. */
static bool in_window(const rtp_frames *f, const rtp_frames_packet *p)
{
	return p->sequence >= f->next || (!f->consumed && f->end - p->sequence <= RTP_FRAMES_PACKETS_MAX);
}

static rtp_frames_entry *new_entry(rtp_frames *f, const rtp_frames_packet *p)
{
	rtp_payload_info info = {0};
	bool filler = p->payload.len == 0;
	bool malformed = !filler && rtp_payload_parse(f->codec, p->payload, &info) != 0;
	size_t len = malformed ? 0 : p->payload.len;
	rtp_frames_entry *e = malloc(sizeof *e + len);
	if (!e)
		return NULL;
	*e = (rtp_frames_entry){.packet = *p, .filler = filler, .malformed = malformed};
	if (!malformed)
		e->info = info;
	e->info.media = slice_of(NULL, 0);
	if (len)
		memcpy(e->payload, p->payload.data, len);
	e->packet.payload = slice_of(e->payload, len);
	return e;
}

static void put(rtp_frames *f, rtp_frames_entry *e)
{
	uint64_t s = e->packet.sequence;
	if (!f->any || s < f->next) {
		f->next = f->scan = s;
		f->hole = false;
	}
	if (!f->any || s >= f->end)
		f->end = s + 1;
	f->any = true;
	if (s < f->scan) { /* one that was given up comes after all */
		f->scan = f->next;
		f->hole = false;
	}
	f->ring[s & (f->capacity - 1)] = e;
	f->held++;
	f->bytes += e->packet.payload.len;
	f->keys += e->info.key;
	f->rescan = true;
	f->stats.packets++;
}

int rtp_frames_insert(rtp_frames *f, const rtp_frames_packet *p)
{
	if (f->any && in_window(f, p))
		make_room(f, p);
	if (f->any && !in_window(f, p)) {
		f->stats.late++;
		return 0;
	}
	if (f->any && entry_at(f, p->sequence)) {
		f->stats.duplicates++;
		return 0;
	}
	uint64_t first = f->any && f->next < p->sequence ? f->next : p->sequence;
	uint64_t end = f->any && f->end > p->sequence ? f->end : p->sequence + 1;
	if (grow(f, first, end) != 0)
		return PARLEY_ENOMEM;
	rtp_frames_entry *e = new_entry(f, p);
	if (!e)
		return PARLEY_ENOMEM;
	put(f, e);
	if (!e->malformed)
		return 0;
	f->stats.malformed++;
	trace_printf(f->trace, TRACE_WARN, "rtp", "frames: packet %" PRIu64 ": malformed %s payload of %zu bytes",
		     p->sequence, rtp_codec_name(f->codec), p->payload.len);
	return PARLEY_EPROTO;
}

void rtp_frames_give_up_before(rtp_frames *f, uint64_t sequence)
{
	if (sequence > f->end)
		sequence = f->end; /* what never came after the last packet held is not known to exist */
	if (sequence > f->lost_before)
		f->lost_before = sequence;
}

void rtp_frames_want_key(rtp_frames *f)
{
	f->wait_key = is_video(f);
	f->rescan = true;
}

bool rtp_frames_needs_key(const rtp_frames *f)
{
	return f->wait_key && f->any;
}

void rtp_frames_add_parameter_set(rtp_frames *f, slice nal)
{
	rtp_h264_sets_add(&f->sets, nal);
}

bool rtp_frames_first_gap(const rtp_frames *f, rtp_frames_gap *out)
{
	uint64_t s = f->scan;
	while (s < f->end && (entry_at(f, s) || s < f->lost_before))
		s++;
	if (s >= f->end)
		return false;
	*out = (rtp_frames_gap){.first = s};
	while (!entry_at(f, s)) /* the last before end is always there */
		s++;
	out->count = s - out->first;
	out->arrival = entry_at(f, s)->packet.arrival;
	return true;
}

/* ---- which packets are the next frame ---- */

/* Passes what belongs to no frame. False if nothing is held behind it, or a packet may still come. */
static bool skip_to_packet(rtp_frames *f)
{
	while (f->next < f->end) {
		rtp_frames_entry *e = entry_at(f, f->next);
		if (e && !e->filler)
			return true;
		if (!e && f->next >= f->lost_before)
			return false;
		if (!e)
			f->after_gap = f->broken = true;
		consume(f, f->next + 1);
	}
	return false;
}

/*
 * Looks for the end of the frame whose first packet is at `begin`, from *scan on. It ends behind a marker, or where the
 * timestamp changes: senders have been seen to forget the marker. False if that is not known yet; *scan says how far it got.
 */
static bool find_end(const rtp_frames *f, uint64_t begin, uint64_t *scan, bool *hole)
{
	uint32_t timestamp = entry_at(f, begin)->packet.timestamp;
	for (; *scan < f->end; ++*scan) {
		const rtp_frames_entry *e = entry_at(f, *scan);
		if (!e && *scan >= f->lost_before)
			return false;
		*hole = *hole || !e || e->malformed;
		if (!e || e->filler)
			continue;
		if (e->packet.timestamp != timestamp)
			return true;
		if (e->packet.marker || !is_video(f)) {
			++*scan;
			return true;
		}
	}
	return false;
}

/* May a key frame begin at s, with nothing known of what is before `s` but what is held? */
static bool begins_key_frame(const rtp_frames *f, uint64_t s)
{
	const rtp_frames_entry *e = entry_at(f, s), *before = s > f->next ? entry_at(f, s - 1) : NULL;
	if (!e || !(e->info.key || e->info.parameter_sets))
		return false;
	return e->info.starts_frame || (before && !before->filler &&
					(before->packet.marker || before->packet.timestamp != e->packet.timestamp));
}

/* H.264: parameter sets in packets of their own, as browsers send them before an IDR slice, make no key frame alone. */
static bool has_key(const rtp_frames *f, uint64_t begin, uint64_t end)
{
	while (begin < end && !entry_at(f, begin)->info.key)
		begin++;
	return begin < end;
}

/* While waiting for a key frame nothing before it is of use: a whole one behind a gap is taken at once. */
static bool jump_to_key_frame(rtp_frames *f)
{
	if (!f->wait_key || !f->rescan || f->keys == 0)
		return false;
	f->rescan = false;
	for (uint64_t s = f->scan; s < f->end; s++) {
		if (!begins_key_frame(f, s))
			continue;
		uint64_t end = s;
		bool hole = false;
		if (!find_end(f, s, &end, &hole) || hole || !has_key(f, s, end)) {
			s = end - 1; /* from no packet in between would it end elsewhere */
			continue;
		}
		bool certain = entry_at(f, s)->info.starts_frame;
		consume(f, s);
		f->after_gap = certain;
		return true;
	}
	return false;
}

/* ---- can it be decoded ---- */

/* VP9 in flexible mode: does it refer to the last picture given out, and to no other? */
static bool refers_to_last_only(const rtp_frames *f, const rtp_payload_info *i)
{
	unsigned mask = i->picture_id_bits == 15 ? 0x7fffu : 0x7fu;
	for (unsigned n = 0; n < i->references; n++)
		if (((unsigned)i->picture_id - i->p_diff[n] - f->last.picture_id) & mask)
			return false;
	return i->references > 0;
}

typedef enum { CHAIN_WHOLE, CHAIN_UPPER_LAYER, CHAIN_BROKEN } chain;

/* Frames may have been lost since the last one given out: does what this one says of itself show that it needs none of
 * them? (RFC 7741 4.2; RFC 9628 4.2) */
static chain chain_after_loss(rtp_frames *f, const rtp_payload_info *i)
{
	const rtp_payload_info *last = &f->last;
	if (!f->have_last)
		return CHAIN_BROKEN;
	if (i->has_picture_id && last->has_picture_id && i->picture_id_bits == last->picture_id_bits) {
		unsigned mask = i->picture_id_bits == 15 ? 0x7fffu : 0x7fu;
		if ((((unsigned)last->picture_id + 1) & mask) == i->picture_id || refers_to_last_only(f, i))
			return CHAIN_WHOLE;
	}
	if (!i->has_tl0picidx || !i->has_tid || !last->has_tl0picidx)
		return CHAIN_BROKEN;
	if (i->tid == 0 && i->tl0picidx == (uint8_t)(last->tl0picidx + 1)) {
		f->tid_limit = 0; /* only upper layers were lost, and those on top of them are of no use */
		return CHAIN_WHOLE;
	}
	return i->tid > 0 && i->tl0picidx == last->tl0picidx ? CHAIN_UPPER_LAYER : CHAIN_BROKEN;
}

/* Decides by what the first packet says; changes what the stream waits for. */
static bool may_decode(rtp_frames *f, const rtp_payload_info *i, bool key)
{
	if (key) {
		f->tid_limit = TID_ALL;
		return true;
	}
	if (f->wait_key)
		return false;
	chain state = f->broken ? chain_after_loss(f, i) : CHAIN_WHOLE;
	if (state == CHAIN_BROKEN) {
		rtp_frames_want_key(f);
		return false;
	}
	/* A layer sync refers to the base layer alone, and that is whole. */
	bool upper = state == CHAIN_UPPER_LAYER || (i->has_tid && i->tid > f->tid_limit);
	if (upper && !(i->layer_sync && f->have_last && i->tl0picidx == f->last.tl0picidx))
		return false;
	if (upper)
		f->tid_limit = i->tid;
	return true;
}

/* ---- out ---- */

/* The frame [next, end) lacks something. */
static void drop_broken(rtp_frames *f, uint64_t end, const char *why)
{
	const rtp_frames_entry *first = entry_at(f, f->next), *last = entry_at(f, end - 1);
	bool whole_stretch = !f->after_gap && last && last->packet.marker; /* nothing but this frame is lost */
	f->stats.broken++;
	trace_printf(f->trace, TRACE_WARN, "rtp",
		     "frames: dropped packets %" PRIu64 "-%" PRIu64 " of time %" PRIu32 ": %s", f->next, end - 1,
		     first->packet.timestamp, why);
	if (!whole_stretch || !first->info.discardable) {
		f->broken = true;
		/* Nothing that could show the chain to be whole will come. */
		if (is_video(f) && !(f->have_last && f->last.has_picture_id))
			f->wait_key = true;
	}
	f->after_gap = !last; /* the next frame's beginning may have been in the hole, too */
	f->rescan = true;
	consume(f, end);
}

static int assemble(rtp_frames *f, uint64_t end)
{
	rtp_depacketizer d;
	rtp_depacketizer_start(&d, f->codec, &f->frame);
	int err = 0;
	for (uint64_t s = f->next; s < end && !err; s++) {
		const rtp_frames_entry *e = entry_at(f, s);
		if (!e->filler)
			err = rtp_depacketizer_add(&d, e->packet.payload);
	}
	return err ? err : rtp_depacketizer_finish(&d);
}

/* Everything of the frame but whether it is a key frame. */
static void describe(const rtp_frames *f, uint64_t end, rtp_frame *out)
{
	const rtp_frames_entry *first = entry_at(f, f->next);
	*out = (rtp_frame){
		.data = buf_slice(&f->frame),
		.timestamp = first->packet.timestamp,
		.first_sequence = f->next,
		.first_arrival = first->packet.arrival,
		.lost_before = f->unused,
		.info = first->info,
	};
	for (uint64_t s = f->next; s < end; s++) {
		const rtp_frames_entry *e = entry_at(f, s);
		if (e->filler)
			continue;
		out->last_sequence = s;
		out->marker = e->packet.marker;
		out->tag = e->packet.tag;
		if (e->packet.arrival < out->first_arrival)
			out->first_arrival = e->packet.arrival;
		if (e->packet.arrival > out->last_arrival)
			out->last_arrival = e->packet.arrival;
	}
}

/* The frame is whole: gives it out if a decoder can use it. Either way it is done with. */
static bool give_out(rtp_frames *f, uint64_t end, rtp_frame *out)
{
	rtp_payload_info info = entry_at(f, f->next)->info;
	bool key = rtp_frame_is_key(f->codec, buf_slice(&f->frame));
	if (f->codec == RTP_H264 && key)
		key = rtp_h264_sets_restore(&f->sets, &f->frame) == 0;
	bool decodable = !is_video(f) || may_decode(f, &info, key);
	if (decodable)
		describe(f, end, out);
	consume(f, end);
	f->after_gap = false;
	if (!decodable) {
		f->stats.skipped++;
		return false;
	}
	out->key = key;
	f->unused = 0;
	f->wait_key = f->broken = false;
	f->have_last = true;
	f->last = info;
	f->stats.frames++;
	f->stats.key_frames += key;
	return true;
}

/* Takes the frame [next, end) away. True if it is given out. */
static bool take(rtp_frames *f, uint64_t end, bool hole, rtp_frame *out)
{
	if (hole) {
		drop_broken(f, end, "packets missing or malformed");
		return false;
	}
	if (f->after_gap && !entry_at(f, f->next)->info.may_start) {
		drop_broken(f, end, "its beginning is missing");
		return false;
	}
	int err = assemble(f, end);
	if (err) {
		drop_broken(f, end, parley_strerror(err));
		return false;
	}
	return give_out(f, end, out);
}

/* The very first packets may come in any order: a key frame's may be behind those of the frames after it. */
static bool may_be_overtaken(const rtp_frames *f)
{
	return f->wait_key && !f->consumed && f->end - f->next < RTP_FRAMES_START_PACKETS && f->lost_before <= f->next;
}

bool rtp_frames_poll(rtp_frames *f, rtp_frame *out)
{
	for (;;) {
		if (!may_be_overtaken(f) && skip_to_packet(f) && find_end(f, f->next, &f->scan, &f->hole)) {
			if (take(f, f->scan, f->hole, out))
				return true;
		} else if (!jump_to_key_frame(f)) {
			return false;
		}
	}
}

/* ---- for tests and people ---- */

void rtp_frames_check_invariants(const rtp_frames *f)
{
	size_t held = 0, bytes = 0, keys = 0;
	for (uint64_t s = f->next; s < f->end; s++) {
		const rtp_frames_entry *e = entry_at(f, s);
		assert(!e || e->packet.sequence == s);
		held += e != NULL;
		bytes += e ? e->packet.payload.len : 0;
		keys += e && e->info.key;
	}
	assert(held == f->held && bytes == f->bytes && keys == f->keys);
	assert(f->next <= f->scan && f->scan <= f->end && f->end - f->next <= f->capacity);
	assert(f->end - f->next <= RTP_FRAMES_PACKETS_MAX && f->bytes <= RTP_FRAMES_BYTES_MAX);
	assert(f->end == f->next || entry_at(f, f->end - 1));
	assert(f->frame.len <= RTP_FRAME_MAX);
	assert(is_video(f) || !f->wait_key);
}

void rtp_frames_dump(const rtp_frames *f, text *out)
{
	text_printf(out, "%s frames: next %" PRIu64 " end %" PRIu64 " held %zu (%zu bytes)%s%s%s\n",
		    rtp_codec_name(f->codec), f->next, f->end, f->held, f->bytes, f->wait_key ? " waits for key" : "",
		    f->broken ? " broken" : "", f->after_gap ? " after gap" : "");
	text_printf(out,
		    "  packets %" PRIu64 " duplicate %" PRIu64 " late %" PRIu64 " malformed %" PRIu64 " lost %" PRIu64
		    " evicted %" PRIu64 "; frames %" PRIu64 " key %" PRIu64 " broken %" PRIu64 " skipped %" PRIu64 "\n",
		    f->stats.packets, f->stats.duplicates, f->stats.late, f->stats.malformed, f->stats.lost,
		    f->stats.evicted, f->stats.frames, f->stats.key_frames, f->stats.broken, f->stats.skipped);
	rtp_frames_gap gap;
	if (rtp_frames_first_gap(f, &gap))
		text_printf(out, "  missing %" PRIu64 " and %" PRIu64 " more\n", gap.first, gap.count - 1);
}
