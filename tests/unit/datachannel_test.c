/* sctp/datachannel.h: two layers over two associations on a virtual clock */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sctp/datachannel.h"
#include "sctp/internal.h"
#include "tests/support/failmalloc.h"
#include "tests/unit/sctp_pair.h"

typedef struct {
	dc_layer *layer[2];
	size_t parts[2], aborted[2];
	size_t opened[2], incoming[2], messages[2], closing[2], closed[2], low[2], ended[2];
	uint64_t bytes[2];
	dc_handle last_incoming[2], last_message_on[2];
	bool last_binary[2];
	char last_text[2][64];
	int last_error[2];
	char last_label[2][32];
	bool echo; /* side 1 sends back what comes */
} ends;

static ends *of(pair *p)
{
	return p->user;
}

static void note(pair *p, int side, const dc_event *e)
{
	ends *x = of(p);
	dc_info info;
	switch (e->type) {
	case DC_EVENT_CONNECTED:
		p->connected[side] = true;
		break;
	case DC_EVENT_OPEN:
		x->opened[side]++;
		break;
	case DC_EVENT_INCOMING:
		x->incoming[side]++;
		x->last_incoming[side] = e->handle;
		assert_int_equal(dc_get_info(x->layer[side], e->handle, &info), 0);
		snprintf(x->last_label[side], sizeof x->last_label[side], "%.*s", (int)info.label.len,
			 (const char *)info.label.data);
		break;
	case DC_EVENT_MESSAGE:
		x->messages[side]++;
		x->bytes[side] += e->data.len;
		x->last_message_on[side] = e->handle;
		x->last_binary[side] = e->binary;
		snprintf(x->last_text[side], sizeof x->last_text[side], "%.*s", (int)e->data.len,
			 (const char *)e->data.data);
		if (x->echo && side == 1)
			dc_send(x->layer[1], p->now, e->handle, e->binary, e->data);
		break;
	case DC_EVENT_MESSAGE_PART:
		x->parts[side]++;
		x->messages[side] += e->last && !e->aborted;
		x->aborted[side] += e->aborted;
		x->bytes[side] += e->data.len;
		x->last_binary[side] = e->binary;
		break;
	case DC_EVENT_CLOSING:
		x->closing[side]++;
		break;
	case DC_EVENT_CLOSED:
		x->closed[side]++;
		x->last_error[side] = e->error;
		assert_non_null(e->reason);
		assert_int_equal(dc_send(x->layer[side], p->now, e->handle, true, slice_of("x", 1)), PARLEY_ESTATE);
		break;
	case DC_EVENT_BUFFERED_LOW:
		x->low[side]++;
		break;
	case DC_EVENT_ENDED:
		x->ended[side]++;
		break;
	}
}

static void pump(pair *p, int side)
{
	dc_event e;
	while (dc_poll_event(of(p)->layer[side], p->now, &e))
		note(p, side, &e);
	if (!p->unchecked)
		dc_check_invariants(of(p)->layer[side]);
}

static bool begin(pair *p, ends *x, uint64_t seed)
{
	*x = (ends){0};
	pair_prepare(p, seed);
	p->user = x;
	p->pump = pump;
	return pair_create(p) && dc_layer_create(NULL, &x->layer[0]) == 0 && dc_layer_create(NULL, &x->layer[1]) == 0;
}

static bool join(pair *p, ends *x)
{
	return dc_attach(x->layer[0], p->now, p->end[0], true) == 0 &&
	       dc_attach(x->layer[1], p->now, p->end[1], false) == 0 && sctp_connect(p->end[0], p->now) == 0 &&
	       sctp_connect(p->end[1], p->now) == 0 && pair_run_until(p, pair_both_connected, 60 * US_PER_S);
}

static void finish(pair *p, ends *x)
{
	dc_layer_destroy(x->layer[0]);
	dc_layer_destroy(x->layer[1]);
	pair_clear(p);
}

static dc_handle create(pair *p, int side, const char *label)
{
	dc_handle h = 0;
	dc_options o = {.label = slice_from_string(label)};
	assert_int_equal(dc_create(of(p)->layer[side], p->now, &o, &h), 0);
	return h;
}

static int send_text(pair *p, int side, dc_handle h, const char *s)
{
	return dc_send(of(p)->layer[side], p->now, h, false, slice_from_string(s));
}

static bool drop_all(pair *p, int from, slice bytes)
{
	(void)p;
	(void)from;
	(void)bytes;
	return true;
}

static void channels_made_before_the_role_is_known_get_ids(void **state)
{
	(void)state;
	pair p;
	ends x;
	dc_info info;
	assert_true(begin(&p, &x, 1));
	dc_handle a = create(&p, 0, "first"), b = create(&p, 0, "second"), c = create(&p, 1, "third");
	assert_int_equal(dc_get_info(x.layer[0], a, &info), 0);
	assert_false(info.has_id);
	assert_int_equal(send_text(&p, 0, a, "too early"), PARLEY_ESTATE);
	assert_true(join(&p, &x));
	pair_run(&p, US_PER_S);
	assert_int_equal(x.opened[0], 2);
	assert_int_equal(x.incoming[1], 2);
	assert_int_equal(x.incoming[0], 1);
	assert_string_equal(x.last_label[1], "second");
	dc_get_info(x.layer[0], a, &info);
	assert_int_equal(info.id, 0);
	dc_get_info(x.layer[0], b, &info);
	assert_int_equal(info.id, 2);
	dc_get_info(x.layer[1], c, &info);
	assert_int_equal(info.id, 1);
	finish(&p, &x);
}

static void strings_bytes_and_empty_messages_arrive(void **state)
{
	(void)state;
	pair p;
	ends x;
	assert_true(begin(&p, &x, 2));
	dc_handle h = create(&p, 0, "chat");
	assert_true(join(&p, &x));
	x.echo = true;
	static const char *const texts[] = {"hello", "", "bye"};
	for (size_t i = 0; i < 6; i++) {
		bool binary = i & 1;
		assert_int_equal(dc_send(x.layer[0], p.now, h, binary, slice_from_string(texts[i / 2])), 0);
		pair_run(&p, US_PER_S);
		assert_int_equal(x.messages[0], i + 1);
		assert_string_equal(x.last_text[0], texts[i / 2]);
		assert_int_equal(x.last_binary[0], binary);
		assert_int_equal(x.last_message_on[0], h);
	}
	dc_info info;
	dc_get_info(x.layer[0], h, &info);
	assert_int_equal(info.messages_sent, 6);
	assert_int_equal(info.bytes_received, 16);
	finish(&p, &x);
}

static void options_reach_the_peer(void **state)
{
	(void)state;
	pair p;
	ends x;
	dc_info info;
	dc_handle h;
	assert_true(begin(&p, &x, 3));
	assert_true(join(&p, &x));
	dc_options o = {.label = slice_from_string("l"), .protocol = slice_from_string("proto"), .unordered = true};
	o.has_lifetime = true;
	o.lifetime_ms = 150;
	o.priority = 1024;
	o.has_max_retransmits = true;
	assert_int_equal(dc_create(x.layer[1], p.now, &o, &h), PARLEY_EINVAL);
	o.has_max_retransmits = false;
	assert_int_equal(dc_create(x.layer[1], p.now, &o, &h), 0);
	pair_run(&p, US_PER_S);
	assert_int_equal(dc_get_info(x.layer[0], x.last_incoming[0], &info), 0);
	assert_true(info.unordered && info.has_lifetime && !info.has_max_retransmits && !info.negotiated);
	assert_int_equal(info.lifetime_ms, 150);
	assert_int_equal(info.priority, 1024);
	assert_int_equal(info.id, 1);
	assert_true(slice_equal_string(info.protocol, "proto"));
	finish(&p, &x);
}

static void negotiated_channels_need_no_dcep(void **state)
{
	(void)state;
	pair p;
	ends x;
	dc_handle h[2], other;
	assert_true(begin(&p, &x, 4));
	dc_options o = {.negotiated = true, .id = 7};
	for (int i = 0; i < 2; i++)
		assert_int_equal(dc_create(x.layer[i], p.now, &o, &h[i]), 0);
	assert_int_equal(dc_create(x.layer[0], p.now, &o, &other), PARLEY_ELIMIT);
	assert_true(join(&p, &x));
	pair_run(&p, US_PER_S);
	assert_int_equal(x.opened[0] + x.opened[1], 2);
	assert_int_equal(x.incoming[0] + x.incoming[1], 0);
	assert_int_equal(send_text(&p, 0, h[0], "hi"), 0);
	pair_run(&p, US_PER_S);
	assert_string_equal(x.last_text[1], "hi");
	assert_int_equal(x.last_message_on[1], h[1]);
	finish(&p, &x);
}

static void closing_flushes_and_frees_the_id(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 40; seed++) {
		pair p;
		ends x;
		dc_info info;
		assert_true(begin(&p, &x, 100 + seed));
		dc_handle h = create(&p, 0, "c");
		assert_true(join(&p, &x));
		p.loss_per_mille = seed % 4 ? 200 : 0;
		static uint8_t big[50000];
		for (int i = 0; i < 4; i++)
			assert_int_equal(dc_send(x.layer[0], p.now, h, true, slice_of(big, sizeof big)), 0);
		assert_int_equal(dc_close(x.layer[0], p.now, h), 0);
		assert_int_equal(dc_close(x.layer[0], p.now, h), 0);
		assert_int_equal(send_text(&p, 0, h, "late"), PARLEY_ESTATE);
		if (seed % 3 == 0 && x.incoming[1]) /* both at once */
			dc_close(x.layer[1], p.now, x.last_incoming[1]);
		pair_run(&p, 120 * US_PER_S);
		assert_int_equal(x.closed[0], 1);
		assert_int_equal(x.closed[1], 1);
		assert_int_equal(x.last_error[0] | x.last_error[1], 0);
		assert_int_equal(dc_get_info(x.layer[0], h, &info), PARLEY_ENOTFOUND);
		assert_int_equal(dc_next(x.layer[0], 0), 0);
		if (seed % 3)
			assert_int_equal(x.messages[1], 4);
		dc_handle again = create(&p, 0, "again");
		dc_get_info(x.layer[0], again, &info);
		assert_int_equal(info.id, 0);
		assert_int_equal(send_text(&p, 0, again, "new life"), 0);
		pair_run(&p, 60 * US_PER_S);
		assert_string_equal(x.last_text[1], "new life");
		finish(&p, &x);
	}
}

static void many_channels_come_and_go(void **state)
{
	(void)state;
	pair p;
	ends x;
	assert_true(begin(&p, &x, 5));
	assert_true(join(&p, &x));
	p.loss_per_mille = 50;
	p.delay_us = US_PER_MS;
	enum { ROUNDS = 20, CHANNELS = 30 };
	for (int round = 0; round < ROUNDS; round++) {
		dc_handle h[CHANNELS];
		for (int i = 0; i < CHANNELS; i++) {
			h[i] = create(&p, i % 2, "churn");
			assert_int_equal(send_text(&p, i % 2, h[i], "x"), 0);
		}
		pair_run(&p, (uint64_t)(round % 3) * 5 * US_PER_MS);
		for (int i = 0; i < CHANNELS; i++)
			dc_close(x.layer[i % 2], p.now, h[i]);
		pair_run(&p, 20 * US_PER_S);
	}
	for (int side = 0; side < 2; side++) {
		assert_int_equal(x.opened[side], ROUNDS * CHANNELS / 2);
		assert_int_equal(x.incoming[side], ROUNDS * CHANNELS / 2);
		assert_int_equal(x.messages[side], ROUNDS * CHANNELS / 2);
		assert_int_equal(x.closed[side], ROUNDS * CHANNELS);
		assert_int_equal(dc_next(x.layer[side], 0), 0);
	}
	finish(&p, &x);
}

/* Runs until so many are open, or closed, on each side. */
static size_t wanted_open, wanted_closed;

static bool all_open(pair *p)
{
	return of(p)->opened[0] + of(p)->incoming[0] >= wanted_open &&
	       of(p)->opened[1] + of(p)->incoming[1] >= wanted_open;
}

static bool all_closed(pair *p)
{
	return of(p)->closed[0] >= wanted_closed && of(p)->closed[1] >= wanted_closed;
}

static void check_all(pair *p)
{
	for (int side = 0; side < 2; side++) {
		dc_check_invariants(of(p)->layer[side]);
		sctp_check_invariants(p->end[side]);
	}
}

/* All ids there are, three times over: opened by either side, closed by either side. */
static void every_id_is_used_and_used_again(void **state)
{
	(void)state;
	static dc_handle handles[DC_CHANNELS_MAX];
	pair p;
	ends x;
	dc_options o = {0};
	dc_handle one_more;
	assert_true(begin(&p, &x, 15));
	assert_true(join(&p, &x));
	p.unchecked = true;
	p.delay_us = US_PER_MS;
	for (size_t round = 1; round <= 3; round++) {
		for (size_t i = 0; i < DC_CHANNELS_MAX; i++)
			assert_int_equal(dc_create(x.layer[i % 2], p.now, &o, &handles[i]), 0);
		for (int side = 0; side < 2; side++)
			assert_int_equal(dc_create(x.layer[side], p.now, &o, &one_more), PARLEY_ELIMIT);
		wanted_open = round * DC_CHANNELS_MAX;
		assert_true(pair_run_until(&p, all_open, 600 * US_PER_S));
		assert_int_equal(send_text(&p, 0, handles[DC_CHANNELS_MAX - 1], "the last"), 0);
		pair_run(&p, US_PER_S);
		assert_string_equal(x.last_text[1], "the last");
		check_all(&p);
		for (int side = 0; side < 2; side++)
			for (dc_handle h = 0; (h = dc_next(x.layer[side], h));)
				if (side == 0 || h % 3)
					dc_close(x.layer[side], p.now, h);
		wanted_closed = round * DC_CHANNELS_MAX;
		assert_true(pair_run_until(&p, all_closed, 600 * US_PER_S));
		check_all(&p);
		for (int side = 0; side < 2; side++) {
			uint32_t id = 0;
			assert_int_equal(dc_next(x.layer[side], 0), 0);
			assert_null(stream_map_next(&p.end[side]->queue.streams, &id));
			id = 0;
			assert_null(stream_map_next(&p.end[side]->reassembly.streams, &id));
		}
	}
	assert_int_equal(x.last_error[0] | x.last_error[1], 0);
	finish(&p, &x);
}

static void a_thousand_channels_talk_at_once(void **state)
{
	(void)state;
	enum { CHANNELS = 1000, ROUNDS = 20 };
	static dc_handle handles[CHANNELS];
	pair p;
	ends x;
	assert_true(begin(&p, &x, 16));
	assert_true(join(&p, &x));
	p.unchecked = true;
	p.loss_per_mille = 10;
	x.echo = true;
	for (size_t i = 0; i < CHANNELS; i++)
		handles[i] = create(&p, 0, "one of many");
	for (int round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < CHANNELS; i++)
			assert_int_equal(send_text(&p, 0, handles[i], "hello"), 0);
		pair_run(&p, 50 * US_PER_MS);
	}
	pair_run(&p, 30 * US_PER_S);
	assert_int_equal(x.incoming[1], CHANNELS);
	assert_int_equal(x.messages[0], CHANNELS * ROUNDS);
	for (size_t i = 0; i < CHANNELS; i++) {
		dc_info info;
		dc_get_info(x.layer[0], handles[i], &info);
		assert_int_equal(info.messages_received, ROUNDS);
	}
	check_all(&p);
	finish(&p, &x);
}

static void buffered_amount_falls_and_is_told(void **state)
{
	(void)state;
	pair p;
	ends x;
	assert_true(begin(&p, &x, 6));
	dc_handle h = create(&p, 0, "b");
	assert_int_equal(dc_set_low_threshold(x.layer[0], h, 1000), 0);
	assert_true(join(&p, &x));
	pair_run(&p, US_PER_S);
	assert_int_equal(x.low[0], 0);
	static uint8_t big[100000];
	assert_int_equal(dc_send(x.layer[0], p.now, h, true, slice_of(big, sizeof big)), 0);
	assert_int_equal(dc_buffered_amount(x.layer[0], h), sizeof big);
	pair_run(&p, 5 * US_PER_S);
	assert_int_equal(dc_buffered_amount(x.layer[0], h), 0);
	assert_int_equal(x.low[0], 1);
	assert_int_equal(x.bytes[1], sizeof big);
	finish(&p, &x);
}

static void messages_in_parts_arrive_in_parts(void **state)
{
	(void)state;
	pair p;
	ends x;
	dc_info info;
	dc_handle limited;
	dc_options o = {.has_max_retransmits = true};
	static const uint8_t big[40000];
	assert_true(begin(&p, &x, 13));
	dc_handle h = create(&p, 0, "p");
	assert_int_equal(dc_send_part(x.layer[0], p.now, h, true, slice_of("x", 1), false), PARLEY_ESTATE);
	assert_int_equal(dc_send_part(x.layer[0], p.now, 77, true, slice_of("x", 1), false), PARLEY_ENOTFOUND);
	assert_int_equal(dc_set_partial_delivery(x.layer[0], 77, true), PARLEY_ENOTFOUND);
	assert_int_equal(dc_set_partial_delivery(x.layer[0], h, true), 0); /* before there is an association */
	assert_true(join(&p, &x));
	pair_run(&p, US_PER_S);
	assert_int_equal(dc_set_partial_delivery(x.layer[1], x.last_incoming[1], true), 0);
	for (int side = 0; side < 2; side++) {
		dc_handle own = side ? x.last_incoming[1] : h;
		for (int i = 0; i < 3; i++) {
			assert_int_equal(
				dc_send_part(x.layer[side], p.now, own, side, slice_of(big, sizeof big), i == 2), 0);
			assert_int_equal(dc_send(x.layer[side], p.now, own, true, slice_of("x", 1)),
					 i == 2 ? 0 : PARLEY_ESTATE);
			pair_run(&p, US_PER_S);
		}
		assert_true(x.parts[!side] >= 3);
		assert_int_equal(x.messages[!side], 2);
		assert_int_equal(x.bytes[!side], 3 * sizeof big + 1);
		dc_get_info(x.layer[side], own, &info);
		assert_int_equal(info.messages_sent, 2);
		assert_int_equal(info.bytes_sent, 3 * sizeof big + 1);
	}
	assert_int_equal(dc_send_part(x.layer[0], p.now, h, false, (slice){0}, true), 0); /* empty */
	pair_run(&p, US_PER_S);
	assert_int_equal(x.messages[1], 3);
	assert_string_equal(x.last_text[1], "");
	assert_false(x.last_binary[1]);
	assert_int_equal(dc_create(x.layer[0], p.now, &o, &limited), 0);
	pair_run(&p, US_PER_S);
	assert_int_equal(dc_send_part(x.layer[0], p.now, limited, false, slice_of("x", 1), false), PARLEY_EINVAL);
	finish(&p, &x);
}

static void closing_gives_up_a_message_that_was_begun(void **state)
{
	(void)state;
	static const uint8_t big[40000];
	for (int closer = 0; closer < 2; closer++) {
		pair p;
		ends x;
		assert_true(begin(&p, &x, 14));
		dc_handle h = create(&p, 0, "p");
		assert_true(join(&p, &x));
		pair_run(&p, US_PER_S);
		assert_int_equal(dc_set_partial_delivery(x.layer[1], x.last_incoming[1], true), 0);
		assert_int_equal(dc_send_part(x.layer[0], p.now, h, true, slice_of(big, sizeof big), false), 0);
		pair_run(&p, US_PER_S);
		assert_true(x.parts[1] > 0);
		assert_int_equal(dc_close(x.layer[closer], p.now, closer ? x.last_incoming[1] : h), 0);
		pair_run(&p, 5 * US_PER_S);
		assert_int_equal(x.closed[0], 1);
		assert_int_equal(x.closed[1], 1);
		assert_int_equal(x.last_error[0] | x.last_error[1], 0);
		assert_int_equal(x.aborted[1], closer == 0); /* who closes hears no more of it */
		assert_int_equal(x.messages[1], 0);
		finish(&p, &x);
	}
}

/* What counts is what the application sent: no OPEN, no ACK, and nothing for an empty message. */
static void buffered_amount_counts_payload_only(void **state)
{
	(void)state;
	pair p;
	ends x;
	assert_true(begin(&p, &x, 11));
	dc_handle h = create(&p, 0, "b");
	assert_true(join(&p, &x));
	p.drop = drop_all;
	dc_handle g = create(&p, 0, "a label that waits to be sent");
	pair_run(&p, US_PER_MS);
	static uint8_t big[100000];
	assert_int_equal(dc_send(x.layer[0], p.now, g, true, slice_of(big, sizeof big)), 0); /* fills the window */
	pair_run(&p, US_PER_MS);
	assert_int_equal(dc_buffered_amount(x.layer[0], h), 0);
	static const size_t sizes[] = {0, 1, 0, 1000, 2};
	size_t sum = 0;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		assert_int_equal(dc_send(x.layer[0], p.now, h, i & 1, slice_of(big, sizes[i])), 0);
		sum += sizes[i];
		assert_int_equal(dc_buffered_amount(x.layer[0], h), sum);
	}
	p.drop = NULL;
	pair_run(&p, 5 * US_PER_S);
	assert_int_equal(x.messages[1], 6);
	assert_int_equal(dc_buffered_amount(x.layer[0], h), 0);
	assert_int_equal(x.low[0], 2); /* once for each channel, and none for their OPENs */
	finish(&p, &x);
}

static uint16_t weight_of(const pair *p, int side, uint16_t id)
{
	const sctp_stream_out *s = stream_map_get(&p->end[side]->queue.streams, id);
	return s ? s->turn.priority : 0;
}

/* RFC 8831 6.4: on both sides; whether the channel was made before or after the association. */
static void priorities_become_weights(void **state)
{
	(void)state;
	pair p;
	ends x;
	dc_handle h;
	dc_options o = {.label = slice_from_string("p"), .priority = 1024};
	dc_options agreed = {.negotiated = true, .id = 7, .priority = 128};
	assert_true(begin(&p, &x, 12));
	assert_int_equal(dc_create(x.layer[0], p.now, &o, &h), 0);
	assert_int_equal(dc_create(x.layer[0], p.now, &agreed, &h), 0);
	assert_true(join(&p, &x));
	assert_int_equal(dc_create(x.layer[1], p.now, &o, &h), 0);
	pair_run(&p, US_PER_S);
	for (int side = 0; side < 2; side++) {
		assert_int_equal(weight_of(&p, side, 0), 1024);
		assert_int_equal(weight_of(&p, side, 1), 1024);
	}
	assert_int_equal(weight_of(&p, 0, 7), 128);
	dc_close(x.layer[1], p.now, h);
	pair_run(&p, US_PER_S);
	assert_int_equal(weight_of(&p, 0, 1), 0); /* forgotten with the channel */
	assert_int_equal(weight_of(&p, 1, 1), 0);
	finish(&p, &x);
}

static void the_end_of_the_association_closes_all(void **state)
{
	(void)state;
	pair p;
	ends x;
	assert_true(begin(&p, &x, 7));
	create(&p, 0, "a");
	create(&p, 0, "b");
	assert_true(join(&p, &x));
	pair_run(&p, US_PER_S);
	sctp_abort(p.end[0], p.now, "Close called");
	pair_run(&p, US_PER_S);
	for (int side = 0; side < 2; side++) {
		assert_int_equal(x.closed[side], 2);
		assert_int_equal(dc_get_counts(x.layer[side]).opened, 2);
		assert_int_equal(dc_get_counts(x.layer[side]).closed, 2);
		assert_int_equal(x.ended[side], 1);
		assert_int_equal(x.last_error[side], PARLEY_ECLOSED);
	}
	dc_options o = {0};
	dc_handle h;
	assert_int_equal(dc_create(x.layer[0], p.now, &o, &h), PARLEY_ESTATE);
	finish(&p, &x);
}

/* A peer that opens with the wrong parity, twice the same id, or nonsense (RFC 8832 6). */
static void rule_breakers_are_refused(void **state)
{
	(void)state;
	pair p;
	ends x;
	assert_true(begin(&p, &x, 8));
	create(&p, 1, "ours");
	assert_true(join(&p, &x));
	pair_run(&p, US_PER_S);
	static const uint8_t open[] = {3, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 'x'};
	assert_int_equal(sctp_send(p.end[0], p.now, 5, 50, slice_of(open, sizeof open), NULL), 0);     /* parity */
	assert_int_equal(sctp_send(p.end[0], p.now, 1, 50, slice_of(open, sizeof open), NULL), 0);     /* in use */
	assert_int_equal(sctp_send(p.end[0], p.now, 4, 50, slice_of(open, sizeof open - 1), NULL), 0); /* short */
	assert_int_equal(sctp_send(p.end[0], p.now, 8, 50, slice_of("\2", 1), NULL), 0);	       /* stray ACK */
	assert_int_equal(sctp_send(p.end[0], p.now, 10, 51, slice_of("data", 4), NULL), 0);	       /* no channel */
	assert_int_equal(sctp_send(p.end[0], p.now, 1, 99, slice_of("data", 4), NULL), 0); /* no such ppid */
	pair_run(&p, 5 * US_PER_S);
	assert_int_equal(x.incoming[1], 0);
	assert_int_equal(x.messages[1], 0);
	assert_int_equal(x.closed[1], 1); /* the one whose id was opened again */
	assert_int_equal(x.closed[0], 1);
	assert_int_equal(x.last_error[1], 0);
	finish(&p, &x);
}

static void no_id_above_the_peers_streams(void **state)
{
	(void)state;
	pair p;
	ends x;
	assert_true(begin(&p, &x, 9));
	sctp_destroy(p.end[1]);
	p.config[1].streams_in = 4;
	assert_int_equal(sctp_create(&p.config[1], &p.end[1]), 0);
	for (int i = 0; i < 3; i++)
		create(&p, 0, "early"); /* 0, 2, and 4, which is too high */
	assert_true(join(&p, &x));
	pair_run(&p, US_PER_S);
	assert_int_equal(x.opened[0], 2);
	assert_int_equal(x.closed[0], 1);
	assert_int_equal(x.last_error[0], PARLEY_ELIMIT);
	dc_options o = {0};
	dc_handle h;
	assert_int_equal(dc_create(x.layer[0], p.now, &o, &h), PARLEY_ELIMIT);
	finish(&p, &x);
}

static void out_of_memory_body(void *context)
{
	(void)context;
	pair p;
	ends x;
	dc_handle h, g;
	dc_options o = {.label = slice_from_string("label")};
	if (begin(&p, &x, 10) && dc_create(x.layer[0], p.now, &o, &h) == 0 && join(&p, &x)) {
		send_text(&p, 0, h, "one");
		if (dc_create(x.layer[1], p.now, &o, &g) == 0)
			send_text(&p, 1, g, "two");
		pair_run(&p, 3 * US_PER_S);
		dc_close(x.layer[0], p.now, h);
		pair_run(&p, 3 * US_PER_S);
	}
	finish(&p, &x);
}

static void runs_out_of_memory_cleanly(void **state)
{
	(void)state;
	failmalloc_loop(out_of_memory_body, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(channels_made_before_the_role_is_known_get_ids),
		cmocka_unit_test(strings_bytes_and_empty_messages_arrive),
		cmocka_unit_test(options_reach_the_peer),
		cmocka_unit_test(negotiated_channels_need_no_dcep),
		cmocka_unit_test(closing_flushes_and_frees_the_id),
		cmocka_unit_test(many_channels_come_and_go),
		cmocka_unit_test(every_id_is_used_and_used_again),
		cmocka_unit_test(a_thousand_channels_talk_at_once),
		cmocka_unit_test(buffered_amount_falls_and_is_told),
		cmocka_unit_test(messages_in_parts_arrive_in_parts),
		cmocka_unit_test(closing_gives_up_a_message_that_was_begun),
		cmocka_unit_test(buffered_amount_counts_payload_only),
		cmocka_unit_test(priorities_become_weights),
		cmocka_unit_test(the_end_of_the_association_closes_all),
		cmocka_unit_test(rule_breakers_are_refused),
		cmocka_unit_test(no_id_above_the_peers_streams),
		cmocka_unit_test(runs_out_of_memory_cleanly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
