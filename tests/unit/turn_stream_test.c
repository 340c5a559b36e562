/* ice/turn.h over TCP and TLS: units out of bytes cut in any way, framing that is none, streams that end */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "tests/unit/turn_relay.h"

static relay w;

/* A whole life, the server's bytes cut into pieces of each small size. */
static void every_size_of_pieces_works(void **state)
{
	(void)state;
	for (size_t cut = 1; cut <= 40; cut++) {
		relay_init(&w, true);
		w.cut = cut;
		relay_start(&w);
		relay_serve(&w);
		assert_int_equal(turn_bind(w.c, w.now, &RELAY_PEER), 0);
		relay_serve(&w);
		relay_send_data(&w, &RELAY_PEER, "an indication");
		assert_true(w.got_data && slice_equal_string(w.data.data, "an indication"));
		relay_send_channel(&w, STUN_CHANNEL_FIRST, "channel data");
		assert_true(w.got_data && slice_equal_string(w.data.data, "channel data"));
		relay_send_channel(&w, STUN_CHANNEL_FIRST, "");
		assert_true(w.got_data && w.data.data.len == 0);
		relay_end(&w);
	}
}

/* --- many units in one piece, cut at every byte --- */

#define TEXTS 4

static const char *const EXPECTED[TEXTS] = {"one", "", "three!", "four"};

static void put_data(writer *out, size_t i)
{
	uint8_t bytes[128];
	stun_id id = {{1}};
	if (i % 2 == 0) {
		stun_put_channel_header(out, STUN_CHANNEL_FIRST, strlen(EXPECTED[i]));
		write_bytes(out, slice_from_string(EXPECTED[i]));
	} else {
		writer m = writer_of(bytes, sizeof bytes);
		stun_begin(&m, STUN_INDICATION, STUN_DATA, &id);
		stun_put_xor_address(&m, STUN_ATTR_XOR_PEER_ADDRESS, &RELAY_PEER);
		stun_put_bytes(&m, STUN_ATTR_DATA, slice_from_string(EXPECTED[i]));
		write_bytes(out, writer_slice(&m));
	}
	write_pad(out, 4);
}

/* Bytes of the exact size, so that the address sanitizer sees a read past the end. */
static size_t receive_exactly(slice bytes, size_t next)
{
	uint8_t *copy = malloc(bytes.len + 1);
	assert_non_null(copy);
	if (bytes.len)
		memcpy(copy, bytes.data, bytes.len);
	slice in = slice_of(copy, bytes.len);
	for (turn_data data; turn_stream_receive(w.c, w.now, &in, &data); next++) {
		assert_true(next < TEXTS && slice_equal_string(data.data, EXPECTED[next]));
		assert_true(addr_equal(&data.peer, &RELAY_PEER));
		turn_check_invariants(w.c);
	}
	free(copy);
	return next;
}

static void begin_bound(void)
{
	relay_allocate(&w, true);
	assert_int_equal(turn_bind(w.c, w.now, &RELAY_PEER), 0);
	relay_serve(&w);
	relay_forget(&w);
}

static void units_are_cut_out_wherever_the_bytes_break(void **state)
{
	(void)state;
	uint8_t bytes[512];
	writer all = writer_of(bytes, sizeof bytes);
	for (size_t i = 0; i < TEXTS; i++)
		put_data(&all, i);
	assert_false(all.bad);
	begin_bound();
	for (size_t cut = 0; cut <= all.len; cut++) {
		size_t got = receive_exactly(slice_part(writer_slice(&all), 0, cut), 0);
		got = receive_exactly(slice_part(writer_slice(&all), cut, all.len), got);
		assert_int_equal(got, TEXTS);
	}
	relay_end(&w);
}

static void the_longest_unit_passes_in_pieces(void **state)
{
	(void)state;
	static uint8_t unit[4 + 65536];
	writer out = writer_of(unit, sizeof unit);
	stun_put_channel_header(&out, STUN_CHANNEL_FIRST, UINT16_MAX);
	memset(unit + 4, 'x', UINT16_MAX);
	begin_bound();
	size_t got = 0;
	for (size_t at = 0; at < sizeof unit; at += 1000) {
		slice in = slice_part(slice_of(unit, sizeof unit), at, 1000);
		for (turn_data data; turn_stream_receive(w.c, w.now, &in, &data); got++)
			assert_true(data.data.len == UINT16_MAX && data.data.data[UINT16_MAX - 1] == 'x');
		turn_check_invariants(w.c);
	}
	assert_int_equal(got, 1);
	relay_end(&w);
}

/* --- what is no TURN --- */

static void receive_text(const char *what, size_t len)
{
	slice in = slice_of(what, len);
	turn_data data;
	assert_false(turn_stream_receive(w.c, w.now, &in, &data));
	assert_int_equal(in.len, 0);
	relay_pump(&w);
}

static void other_protocols_end_it(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t len;
	} CASES[] = {
		{"HTTP/1.1 400 Bad Request\r\n\r\n", 28}, /* looks like ChannelData, but there is no channel yet */
		{"\x16\x03\x01\x02\x00\x01", 6},	  /* TLS, to a plain client: the length fits STUN */
		{"\x80\x00\x00\x00", 4},		  /* the first bits are of neither */
		{"\x01\x13\x00\x03", 4},		  /* no multiple of 4 */
		{"\x01\x13\x00\x00"
		 "aaaabbbbccccdddd",
		 20}, /* no cookie */
	};
	for (size_t i = 0; i < ARRAY_LENGTH(CASES); i++) {
		relay_init(&w, true);
		relay_start(&w);
		receive_text(CASES[i].bytes, CASES[i].len);
		if (i == 1) { /* only seen when the message that its length claims is complete */
			static const char REST[0x201 + 20];
			receive_text(REST, sizeof REST);
		}
		assert_int_equal(relay_event(&w, TURN_EVENT_FAILED)->error, PARLEY_EPROTO);
		receive_text("more", 4);
		assert_int_equal(w.event_count, 1);
		relay_end(&w);
	}
}

static void broken_framing_loses_the_allocation(void **state)
{
	(void)state;
	begin_bound();
	receive_text("\xff\xff\xff\xff", 4);
	assert_int_equal(relay_event(&w, TURN_EVENT_LOST)->error, PARLEY_EPROTO);
	relay_end(&w);
}

static void malformed_messages_in_good_frames_are_dropped(void **state)
{
	(void)state;
	turn_counters counters;
	uint8_t bytes[64];
	stun_id id = {{1}};
	writer m = writer_of(bytes, sizeof bytes);
	stun_begin(&m, STUN_INDICATION, STUN_DATA, &id);
	stun_put_bytes(&m, STUN_ATTR_XOR_PEER_ADDRESS, slice_of("bad!", 4));
	begin_bound();
	relay_hand_in(&w, writer_slice(&m));
	turn_get_counters(w.c, &counters);
	assert_int_equal(counters.drop_malformed, 1);
	relay_send_channel(&w, STUN_CHANNEL_FIRST, "goes on");
	assert_true(w.got_data);
	relay_end(&w);
}

/* --- streams that end --- */

static void a_stream_that_ends_takes_the_allocation_along(void **state)
{
	(void)state;
	relay_init(&w, true);
	relay_start(&w);
	turn_stream_closed(w.c, w.now, PARLEY_EREFUSED, "connection refused");
	relay_pump(&w);
	const turn_event *e = relay_event(&w, TURN_EVENT_FAILED);
	assert_int_equal(e->error, PARLEY_EREFUSED);
	assert_string_equal(e->reason, "connection refused");
	relay_end(&w);

	begin_bound();
	turn_stream_closed(w.c, w.now, PARLEY_ECLOSED, NULL);
	turn_stream_closed(w.c, w.now, PARLEY_ECLOSED, NULL);
	relay_pump(&w);
	assert_int_equal(relay_event(&w, TURN_EVENT_LOST)->error, PARLEY_ECLOSED);
	assert_string_equal(relay_event(&w, TURN_EVENT_LOST)->reason, "closed");
	assert_int_equal(w.event_count, 1);
	relay_end(&w);

	begin_bound();
	turn_close(w.c, w.now);
	turn_stream_closed(w.c, w.now, PARLEY_ECLOSED, NULL);
	relay_pump(&w);
	assert_int_equal(relay_events(&w, TURN_EVENT_CLOSED), 1);
	relay_end(&w);
}

static void an_unauthentic_answer_ends_the_request_at_once(void **state)
{
	(void)state;
	relay_init(&w, true);
	relay_start(&w);
	relay_challenge(&w, relay_last(&w), STUN_UNAUTHENTICATED);
	relay_reply_error(&w, relay_last(&w), STUN_ALLOCATION_QUOTA_REACHED, false);
	const turn_event *e = relay_event(&w, TURN_EVENT_FAILED);
	assert_int_equal(e->error, PARLEY_EAUTH);
	assert_int_equal(e->code, STUN_ALLOCATION_QUOTA_REACHED);
	assert_string_equal(e->reason, "no authentic answer (486 Allocation Quota Reached)");
	relay_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_size_of_pieces_works),
		cmocka_unit_test(units_are_cut_out_wherever_the_bytes_break),
		cmocka_unit_test(the_longest_unit_passes_in_pieces),
		cmocka_unit_test(other_protocols_end_it),
		cmocka_unit_test(broken_framing_loses_the_allocation),
		cmocka_unit_test(malformed_messages_in_good_frames_are_dropped),
		cmocka_unit_test(a_stream_that_ends_takes_the_allocation_along),
		cmocka_unit_test(an_unauthentic_answer_ends_the_request_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
