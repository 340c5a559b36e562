/* ice/turn.h: forged, malformed and truncated input, floods, a machine without memory or randomness, and what stays secret */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "tests/support/failmalloc.h"
#include "tests/unit/turn_relay.h"

static relay w;

static turn_counters counters(void)
{
	turn_counters all;
	turn_get_counters(w.c, &all);
	return all;
}

static void build_success(writer *out)
{
	relay_begin_reply(&w, out, STUN_SUCCESS, relay_last(&w));
	stun_put_xor_address(out, STUN_ATTR_XOR_RELAYED_ADDRESS, &RELAY_RELAYED);
	stun_put_u32(out, STUN_ATTR_LIFETIME, 600);
}

static void begin_challenged(void)
{
	relay_init(&w, false);
	relay_start(&w);
	relay_challenge(&w, relay_last(&w), STUN_UNAUTHENTICATED);
	w.served = w.sent_count;
}

/* --- forgers --- */

static void forged_answers_do_not_end_the_wait(void **state)
{
	(void)state;
	uint8_t bytes[RELAY_MESSAGE_MAX];
	begin_challenged();
	writer out = writer_of(bytes, sizeof bytes);
	build_success(&out);
	relay_end_reply(&w, &out, false); /* unsigned */
	w.password = "guess";
	out = writer_of(bytes, sizeof bytes);
	build_success(&out);
	relay_end_reply(&w, &out, true); /* signed by another key */
	w.password = "secret";
	relay_reply_error(&w, relay_last(&w), STUN_FORBIDDEN, false);
	relay_sent other = *relay_last(&w);
	other.m.id.bytes[0] ^= 1;
	relay_reply_error(&w, &other, STUN_FORBIDDEN, true); /* another id */
	other = *relay_last(&w);
	other.m.method = STUN_REFRESH;
	relay_reply_error(&w, &other, STUN_FORBIDDEN, true); /* another method */
	assert_int_equal(turn_get_state(w.c), TURN_ALLOCATING);
	assert_int_equal(counters().drop_unauthorised, 4);
	assert_int_equal(counters().drop_unmatched, 1);
	w.served--;
	relay_serve(&w);
	assert_int_equal(turn_get_state(w.c), TURN_ALLOCATED);
	relay_end(&w);
}

/* RFC 8489 9.2.5: said instead of a time-out, so that people see what the server says though it cannot be believed. */
static void if_only_forged_answers_come_that_is_said(void **state)
{
	(void)state;
	begin_challenged();
	w.mute = true;
	relay_reply_error(&w, relay_last(&w), STUN_ALLOCATION_QUOTA_REACHED, false);
	relay_run(&w, w.now + 20 * US_PER_S);
	const turn_event *e = relay_event(&w, TURN_EVENT_FAILED);
	assert_int_equal(e->error, PARLEY_EAUTH);
	assert_int_equal(e->code, STUN_ALLOCATION_QUOTA_REACHED);
	relay_end(&w);
}

static void an_announced_list_that_was_taken_out_is_noticed(void **state)
{
	(void)state;
	uint8_t bytes[RELAY_MESSAGE_MAX];
	begin_challenged();
	writer out = writer_of(bytes, sizeof bytes);
	build_success(&out);
	stun_put_bytes(&out, STUN_ATTR_NONCE, slice_from_string("obMatJos2gAAAx"));
	relay_end_reply(&w, &out, true);
	assert_int_equal(turn_get_state(w.c), TURN_ALLOCATING);
	w.nonce = "obMatJos2gAAAx"; /* and in a challenge */
	relay_challenge(&w, relay_last(&w), STUN_STALE_NONCE);
	assert_int_equal(relay_event(&w, TURN_EVENT_FAILED)->error, PARLEY_EPROTO);
	relay_end(&w);
}

static void a_stranger_gets_nothing_from_an_allocation(void **state)
{
	(void)state;
	relay_allocate(&w, false);
	assert_int_equal(turn_bind(w.c, w.now, &RELAY_PEER), 0);
	relay_serve(&w);
	size_t live = failmalloc_live();
	for (unsigned i = 0; i < 20000; i++) {
		uint8_t bytes[128];
		relay_sent r = {.m = {.method = i % 16, .id = {{(uint8_t)i, (uint8_t)(i >> 8)}}}};
		writer out = writer_of(bytes, sizeof bytes);
		stun_begin(&out, (stun_class)(i / 16 % 4), r.m.method, &r.m.id);
		stun_put_error(&out, i % 2 ? STUN_ALLOCATION_MISMATCH : STUN_UNAUTHENTICATED, NULL);
		stun_put_xor_address(&out, STUN_ATTR_XOR_PEER_ADDRESS, &RELAY_PEER6);
		stun_put_u32(&out, STUN_ATTR_LIFETIME, 0);
		if (i % 3)
			stun_put_fingerprint(&out);
		relay_hand_in(&w, writer_slice(&out));
		assert_false(w.got_data);
	}
	assert_int_equal(turn_get_state(w.c), TURN_ALLOCATED);
	assert_int_equal(failmalloc_live(), live);
	relay_forget(&w);
	relay_send_channel(&w, STUN_CHANNEL_FIRST, "still there");
	assert_true(w.got_data);
	relay_end(&w);
}

/* --- broken messages --- */

static void receive_exact(slice in)
{
	uint8_t *copy = malloc(in.len + 1);
	turn_data data;
	assert_non_null(copy);
	if (in.len)
		memcpy(copy, in.data, in.len);
	(void)turn_receive(w.c, w.now, slice_of(copy, in.len), &data);
	free(copy);
	relay_pump(&w);
}

static void truncated_and_changed_answers_do_no_harm(void **state)
{
	(void)state;
	uint8_t bytes[RELAY_MESSAGE_MAX];
	begin_challenged();
	stun_key key;
	assert_int_equal(stun_long_term_key(STUN_ALGORITHM_MD5, w.config.username, slice_from_string(RELAY_REALM),
					    w.config.password, &key),
			 0);
	writer out = writer_of(bytes, sizeof bytes);
	build_success(&out);
	stun_put_integrity(&out, stun_key_slice(&key));
	stun_put_fingerprint(&out);
	for (size_t len = 0; len < out.len; len++)
		receive_exact(slice_of(bytes, len));
	for (size_t bit = 0; bit < 8 * (out.len - 8); bit++) { /* all but FINGERPRINT, which nobody vouches for */
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		receive_exact(writer_slice(&out));
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(turn_get_state(w.c), TURN_ALLOCATING);
	receive_exact(writer_slice(&out));
	assert_int_equal(turn_get_state(w.c), TURN_ALLOCATED);
	relay_end(&w);
}

static void broken_data_is_dropped(void **state)
{
	(void)state;
	uint8_t bytes[256];
	stun_id id = {{1}};
	turn_data data;
	relay_allocate(&w, false);
	assert_int_equal(turn_bind(w.c, w.now, &RELAY_PEER), 0);
	relay_serve(&w);
	for (unsigned broken = 0; broken < 6; broken++) {
		writer out = writer_of(bytes, sizeof bytes);
		stun_begin(&out, STUN_INDICATION, broken == 0 ? STUN_SEND : STUN_DATA, &id);
		if (broken != 1)
			stun_put_xor_address(&out, STUN_ATTR_XOR_PEER_ADDRESS, &RELAY_PEER);
		if (broken == 2) /* ICMP instead of DATA: not for us */
			stun_put_u64(&out, 0x8004, 0);
		else
			stun_put_bytes(&out, STUN_ATTR_DATA, slice_from_string("data"));
		if (broken == 3)
			stun_put_u32(&out, 0x7abc, 0); /* must be understood */
		stun_put_fingerprint(&out);
		if (broken == 4)
			bytes[out.len - 1] ^= 1;
		assert_int_equal(turn_receive(w.c, w.now, writer_slice(&out), &data), broken == 5);
	}
	assert_int_equal(counters().drop_malformed, 5);
	/* ChannelData: longer than the datagram, of a reserved number, a header cut off; padding is none of the data. */
	static const struct {
		const char *bytes;
		size_t len;
		bool good;
	} CASES[] = {
		{"\x40\x00\x00\x05"
		 "abcd",
		 8, false},
		{"\x50\x00\x00\x04"
		 "abcd",
		 8, false},
		{"\x40\x00\x00", 3, false},
		{"\x40", 1, false},
		{"", 0, false},
		{"\x40\x00\x00\x02"
		 "abcd",
		 8, true},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(CASES); i++) {
		slice in = slice_of(CASES[i].bytes, CASES[i].len);
		assert_int_equal(turn_receive(w.c, w.now, in, &data), CASES[i].good);
	}
	assert_true(slice_equal_string(data.data, "ab"));
	relay_end(&w);
}

/* --- this machine --- */

static int no_randomness(void *context, uint8_t *out, size_t len)
{
	(void)out;
	(void)len;
	int *left = context;
	return (*left)-- > 0 ? 0 : PARLEY_ECRYPTO;
}

static void without_randomness_nothing_is_predictable(void **state)
{
	(void)state;
	int left = 0;
	uint8_t room[TURN_HEADROOM + 8 + TURN_TAILROOM];
	relay_init(&w, false);
	w.config.random = (parley_random){.fill = no_randomness, .context = &left};
	relay_start(&w);
	assert_int_equal(w.sent_count, 0);
	assert_int_equal(relay_event(&w, TURN_EVENT_FAILED)->error, PARLEY_ECRYPTO);
	relay_end(&w);

	relay_init(&w, false);
	left = 3; /* two Allocates, one CreatePermission */
	w.config.random = (parley_random){.fill = no_randomness, .context = &left};
	relay_start(&w);
	assert_int_equal(turn_permit(w.c, w.now, &RELAY_PEER), 0);
	relay_serve(&w);
	assert_true(turn_is_permitted(w.c, w.now, &RELAY_PEER));
	packet p = {.data = room + TURN_HEADROOM, .len = 4, .capacity = 8};
	assert_int_equal(turn_envelop(w.c, w.now, &RELAY_PEER, &p), PARLEY_ECRYPTO);
	parley_addr other = addr_ipv4(192, 0, 2, 77, 1);
	assert_int_equal(turn_permit(w.c, w.now, &other), 0);
	relay_pump(&w);
	assert_int_equal(relay_event(&w, TURN_EVENT_REFUSED)->error, PARLEY_ECRYPTO);
	assert_int_equal(turn_bind(w.c, w.now, &RELAY_PEER), 0);
	relay_run(&w, w.now + 700 * US_PER_S);
	assert_int_equal(relay_event(&w, TURN_EVENT_LOST)->error, PARLEY_ETIMEDOUT);
	relay_end(&w);
}

/* All that allocates, whatever of it fails. */
static void live(void *context)
{
	bool stream = *(bool *)context;
	relay_init(&w, stream);
	w.auth = RELAY_SHA256;
	w.nonce = "obMatJos2wAAAfresh";
	w.cut = 7;
	if (turn_create(&w.config, &w.c))
		return;
	(void)turn_start(w.c, w.now);
	relay_serve(&w);
	(void)turn_bind(w.c, w.now, &RELAY_PEER);
	relay_serve(&w);
	relay_send_channel(&w, STUN_CHANNEL_FIRST, "data");
	w.nonce = "obMatJos2wAAAother";
	turn_probe(w.c, w.now);
	relay_serve(&w);
	relay_run(&w, w.now + 60 * US_PER_S);
	turn_close(w.c, w.now);
	relay_run(&w, w.now + 60 * US_PER_S);
	assert_true(turn_deadline(w.c) == TIME_NEVER);
	relay_end(&w);
}

static void out_of_memory_is_an_error(void **state)
{
	(void)state;
	for (int stream = 0; stream < 2; stream++) {
		bool how = stream;
		live(&how); /* the server derives its secrets */
		failmalloc_loop(live, &how);
	}
}

/* --- secrets and words --- */

static void passwords_are_told_to_nobody(void **state)
{
	(void)state;
	char out[4096];
	trace t;
	trace_line line;
	assert_int_equal(trace_init(&t, TRACE_DEBUG), 0);
	relay_init(&w, false);
	w.config.trace = &t;
	relay_start(&w);
	relay_serve(&w);
	assert_int_equal(turn_bind(w.c, w.now, &RELAY_PEER), 0);
	parley_addr denied = addr_ipv4(10, 0, 0, 1, 1);
	w.forbidden = denied;
	assert_int_equal(turn_permit(w.c, w.now, &denied), 0);
	relay_serve(&w);
	turn_probe(w.c, w.now);
	relay_pump(&w);
	text dump = text_of(out, sizeof out);
	turn_dump(w.c, w.now, &dump);
	assert_false(dump.bad);
	assert_non_null(strstr(out, "allocated, relayed 203.0.113.10:50000"));
	assert_non_null(strstr(out, "Refresh under way"));
	assert_non_null(strstr(out, "permission 10.0.0.1 refused: 403"));
	assert_non_null(strstr(out, "channel 0x4000 192.0.2.1:6000 for 600 s more"));
	assert_null(strstr(out, "secret"));
	unsigned lines = 0;
	for (; trace_poll(&t, &line); lines++)
		assert_null(strstr(line.text, "secret"));
	assert_true(lines > 8);
	relay_end(&w);
	trace_clear(&t);
}

static void a_servers_words_are_made_harmless(void **state)
{
	(void)state;
	uint8_t bytes[RELAY_MESSAGE_MAX];
	char words[400];
	begin_challenged();
	memset(words, 'x', sizeof words);
	memcpy(words, "\x1b[2Jno\n", 7);
	words[sizeof words - 1] = '\0';
	writer out = writer_of(bytes, sizeof bytes);
	relay_begin_reply(&w, &out, STUN_ERROR, relay_last(&w));
	stun_put_error(&out, STUN_FORBIDDEN, words);
	relay_end_reply(&w, &out, true);
	const turn_event *e = relay_event(&w, TURN_EVENT_FAILED);
	assert_non_null(strstr(e->reason, ".[2Jno.xxx"));
	assert_true(strlen(e->reason) <= TURN_TEXT_MAX);
	relay_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forged_answers_do_not_end_the_wait),
		cmocka_unit_test(if_only_forged_answers_come_that_is_said),
		cmocka_unit_test(an_announced_list_that_was_taken_out_is_noticed),
		cmocka_unit_test(a_stranger_gets_nothing_from_an_allocation),
		cmocka_unit_test(truncated_and_changed_answers_do_no_harm),
		cmocka_unit_test(broken_data_is_dropped),
		cmocka_unit_test(without_randomness_nothing_is_predictable),
		cmocka_unit_test(out_of_memory_is_an_error),
		cmocka_unit_test(passwords_are_told_to_nobody),
		cmocka_unit_test(a_servers_words_are_made_harmless),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
