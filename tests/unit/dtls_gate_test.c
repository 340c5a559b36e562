/* dtls/gate.h, and what hostile or unusual datagrams do to a handshake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/ssl.h>

#include "dtls/gate.h"
#include "tests/unit/dtls_captures.h"
#include "tests/unit/dtls_pair.h"

#define START (5 * US_PER_S)
#define SOON (START + 8 * US_PER_S)

#define BYTES(...)                                                                     \
	{                                                                              \
		(const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}) \
	}
/* Header of a record of 1.2 with sequence number `seq`, of less than 256 bytes. */
#define RECORD(type, epoch, seq, len) (type), 0xfe, 0xfd, 0, (epoch), 0, 0, 0, 0, 0, (seq), 0, (len)

static const slice fatal_alert = BYTES(RECORD(21, 0, 9, 2), 2, 40);
static const slice close_alert = BYTES(RECORD(21, 0, 9, 2), 1, 0);
static const slice garbage = BYTES(0x16, 0xfe, 0xfd, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17);
static const slice clear_data = BYTES(RECORD(23, 0, 9, 3), 1, 2, 3);
static const slice absurd_length = BYTES(RECORD(22, 0, 9, 16), 1, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4);
/* A ClientHello of five bytes. */
static const slice broken_hello = BYTES(RECORD(22, 0, 0, 17), 1, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 5, 0xfe, 0xfd, 1, 2, 3);
/* A ClientHello that offers nothing but TLS_NULL_WITH_NULL_NULL. */
static const slice null_cipher_hello = BYTES(RECORD(22, 0, 0, 54), 1, 0, 0, 42, 0, 0, 0, 0, 0, 0, 0, 42, 0xfe, 0xfd, 1,
					     2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22,
					     23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 0, 0, 0, 2, 0, 0, 1, 0);
static const slice forged_data =
	BYTES(23, 0xfe, 0xfd, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 32, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
	      14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32);

/* What OpenSSL itself puts aside, but with numbers far ahead of the genuine ones. */
static const slice early_cipher = BYTES(RECORD(20, 0, 255, 1), 1);
static const slice late_message = BYTES(RECORD(22, 0, 254, 12), 14, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0);
static const slice forged_finished = BYTES(RECORD(22, 1, 0, 33), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
					   17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33);

/* --- the gate alone --- */

static void gate_judges_single_records(void **state)
{
	(void)state;
	const struct {
		slice datagram;
		bool client;
		dtls_gate_verdict verdict;
	} cases[] = {
		{BYTES(RECORD(22, 0, 0, 13), 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 7), false, DTLS_GATE_PASS},
		{BYTES(22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12, 14, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0), true,
		 DTLS_GATE_PASS},
		{BYTES(RECORD(20, 0, 5, 1), 1), false, DTLS_GATE_PASS},
		{BYTES(RECORD(22, 1, 0, 3), 1, 2, 3), true, DTLS_GATE_PASS}, /* encrypted: OpenSSL's to judge */
		{BYTES(RECORD(21, 1, 0, 3), 1, 2, 3), true, DTLS_GATE_PASS},
		{BYTES(RECORD(21, 0, 0, 2), 2, 40), true, DTLS_GATE_ALERT},
		{BYTES(RECORD(21, 0, 0, 3), 2, 40, 1), true, DTLS_GATE_ALERT},
		/* a ClientHello to a client, a ServerHello to a server */
		{BYTES(RECORD(22, 0, 0, 13), 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 7), true, DTLS_GATE_DROP},
		{BYTES(RECORD(22, 0, 0, 13), 2, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 7), false, DTLS_GATE_DROP},
		/* HelloRequest, Finished and message 255 in the clear */
		{BYTES(RECORD(22, 0, 0, 12), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), true, DTLS_GATE_DROP},
		{BYTES(RECORD(22, 0, 0, 13), 20, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 7), true, DTLS_GATE_DROP},
		{BYTES(RECORD(22, 0, 0, 13), 255, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 7), true, DTLS_GATE_DROP},
		/* fragment: longer than its record, past the message's end, empty, at an offset near 2^24 */
		{BYTES(RECORD(22, 0, 0, 13), 1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 2, 7), false, DTLS_GATE_DROP},
		{BYTES(RECORD(22, 0, 0, 13), 1, 0, 0, 2, 0, 0, 0, 0, 2, 0, 0, 1, 7), false, DTLS_GATE_DROP},
		{BYTES(RECORD(22, 0, 0, 12), 1, 0, 0, 2, 0, 0, 0, 0, 1, 0, 0, 0), false, DTLS_GATE_DROP},
		{BYTES(RECORD(22, 0, 0, 13), 1, 0, 0, 2, 0, 0, 0xff, 0xff, 0xff, 0, 0, 1, 7), false, DTLS_GATE_DROP},
		{BYTES(RECORD(22, 0, 0, 13), 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1, 7), false,
		 DTLS_GATE_DROP}, /* message 256 */
		{BYTES(RECORD(22, 0, 0, 11), 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), false, DTLS_GATE_DROP},
		{BYTES(RECORD(22, 0, 0, 0)), false, DTLS_GATE_DROP},
		{BYTES(RECORD(20, 0, 0, 2), 1, 1), false, DTLS_GATE_DROP},
		{BYTES(RECORD(24, 0, 0, 1), 1), false, DTLS_GATE_DROP}, /* heartbeat */
		{BYTES(RECORD(23, 2, 0, 1), 1), false, DTLS_GATE_DROP}, /* epoch 2 */
		{BYTES(22, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), false, DTLS_GATE_DROP},
		{BYTES(0x2e, 1, 2, 3), false, DTLS_GATE_DROP}, /* 1.3's unified header */
		{BYTES(22), false, DTLS_GATE_DROP},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		slice rest = cases[i].datagram;
		dtls_gate_record r;
		dtls_gate_verdict verdict = dtls_gate_next(&rest, cases[i].client, &r);
		if (verdict != cases[i].verdict)
			fail_msg("case %zu: %d, not %d: %s", i, verdict, cases[i].verdict, r.reason ? r.reason : "");
		assert_int_equal(rest.len, 0);
		assert_true((verdict == DTLS_GATE_DROP) == (r.reason != NULL));
	}
}

static void gate_takes_record_by_record(void **state)
{
	(void)state;
	slice rest = BYTES(RECORD(21, 0, 0, 2), 2, 42, RECORD(20, 0, 1, 1), 1, RECORD(22, 1, 0, 2), 1, 2, 22, 0xfe);
	static const size_t lengths[] = {15, 14, 15, 2};
	static const dtls_gate_verdict verdicts[] = {DTLS_GATE_ALERT, DTLS_GATE_PASS, DTLS_GATE_PASS, DTLS_GATE_DROP};
	for (size_t i = 0; i < 4; i++) {
		dtls_gate_record r;
		assert_int_equal(dtls_gate_next(&rest, true, &r), verdicts[i]);
		assert_int_equal(r.record.len, lengths[i]);
		if (i == 0)
			assert_int_equal(r.alert, 42);
	}
	assert_int_equal(rest.len, 0);
}

/* --- browsers' first words --- */

static void new_server(dtls_pair *p)
{
	dtls_pair_init(p, 1, START);
	dtls_config config = dtls_pair_config(p, DTLS_SERVER);
	dtls_pair_create(p, DTLS_SERVER, &config);
	dtls_pair_trust(p, DTLS_SERVER);
	assert_int_equal(dtls_start(p->side[DTLS_SERVER].conn, START), 0);
}

/* The server's flight begins with a ServerHello of version 1.2. */
static void assert_answered(dtls_pair *p)
{
	uint8_t bytes[DTLS_PAIR_DATAGRAM_MAX];
	packet out = {.data = bytes, .capacity = sizeof bytes};
	assert_true(dtls_poll_transmit(p->side[DTLS_SERVER].conn, p->now, &out));
	reader r = reader_of(slice_of(out.data, out.len));
	assert_int_equal(read_u8(&r), 22);
	assert_int_equal(read_u16(&r), 0xfefd);
	read_skip(&r, 10);
	assert_int_equal(read_u8(&r), 2);
	read_skip(&r, 11);
	assert_int_equal(read_u16(&r), 0xfefd);
	assert_false(r.bad);
	assert_true(dtls_deadline(p->side[DTLS_SERVER].conn) == START + DTLS_RETRANSMIT_FIRST_US);
}

static void server_answers_browsers(void **state)
{
	(void)state;
	for (size_t i = 0; i < DTLS_CLIENT_HELLOS; i++) {
		for (int turned = 0; turned < 2; turned++) { /* also in the wrong order */
			const dtls_client_hello *hello = &dtls_client_hellos[i];
			dtls_pair p;
			new_server(&p);
			for (size_t k = 0; k < hello->count; k++)
				dtls_receive(p.side[DTLS_SERVER].conn, START,
					     hello->datagrams[turned ? hello->count - 1 - k : k]);
			assert_answered(&p);
			dtls_pair_clear(&p);
		}
	}
}

/* The body of the ClientHello that comes in the datagrams, each one record with one fragment. */
static size_t join_hello(const dtls_client_hello *hello, uint8_t *out, size_t capacity)
{
	writer w = writer_of(out, capacity);
	for (size_t k = 0; k < hello->count; k++)
		write_bytes(&w, slice_part(hello->datagrams[k], 25, hello->datagrams[k].len));
	assert_false(w.bad);
	return w.len;
}

static slice cut_fragment(writer *w, slice body, size_t from, size_t len, uint8_t seq)
{
	const uint8_t record_header[] = {22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, seq};
	slice fragment = slice_part(body, from, len);
	write_bytes(w, slice_of(record_header, sizeof record_header));
	write_u16(w, (uint16_t)(12 + fragment.len));
	write_u8(w, 1);
	write_u24(w, (uint32_t)body.len);
	write_u16(w, 0);
	write_u24(w, (uint32_t)from);
	write_u24(w, (uint32_t)fragment.len);
	write_bytes(w, fragment);
	assert_false(w->bad);
	return writer_slice(w);
}

static void server_puts_together_any_cut(void **state)
{
	(void)state;
	static const size_t cuts[] = {60, 128, 500, 1400};
	uint8_t body[2048], datagram[2048];
	size_t body_len = join_hello(&dtls_client_hellos[0], body, sizeof body);
	for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
		dtls_pair p;
		uint8_t seq = 0;
		new_server(&p);
		for (size_t from = 0; from < body_len; from += cuts[i]) {
			writer w = writer_of(datagram, sizeof datagram);
			slice d = cut_fragment(&w, slice_of(body, body_len), from, cuts[i], seq++);
			dtls_receive(p.side[DTLS_SERVER].conn, START, d);
		}
		assert_answered(&p);
		dtls_pair_clear(&p);
	}
}

/* --- forgers --- */

static void assert_both_connected(const dtls_pair *p)
{
	for (int i = 0; i < 2; i++)
		if (!p->side[i].connected || p->side[i].failed)
			fail_msg("side %d: %s", i, p->side[i].reason ? p->side[i].reason : "not connected");
}

/* Each of these kills an SSL object that sees it before the genuine ClientHello. */
static void server_outlives_forged_first_words(void **state)
{
	(void)state;
	const struct {
		slice datagram;
		uint64_t alerts, records, rebuilds;
	} cases[] = {
		{fatal_alert, 1, 0, 0}, {close_alert, 1, 0, 0},	 {garbage, 0, 1, 0},	       {absurd_length, 0, 1, 0},
		{clear_data, 0, 1, 0},	{broken_hello, 0, 0, 1}, {null_cipher_hello, 0, 0, 1}, {forged_data, 0, 0, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		dtls_pair p;
		dtls_stats s;
		new_server(&p);
		dtls_pair_deliver(&p, DTLS_SERVER, cases[i].datagram);
		dtls_get_stats(p.side[DTLS_SERVER].conn, &s);
		if (s.alerts_dropped != cases[i].alerts || s.records_dropped != cases[i].records ||
		    s.rebuilds != cases[i].rebuilds)
			fail_msg("case %zu: %u alerts, %u records, %u rebuilds", i, (unsigned)s.alerts_dropped,
				 (unsigned)s.records_dropped, (unsigned)s.rebuilds);
		assert_int_equal(s.datagrams_sent, 0); /* no alert to the forger */
		dtls_config config = dtls_pair_config(&p, DTLS_CLIENT);
		dtls_pair_create(&p, DTLS_CLIENT, &config);
		dtls_pair_trust(&p, DTLS_CLIENT);
		dtls_pair_start(&p, DTLS_CLIENT);
		dtls_pair_run(&p, SOON);
		assert_both_connected(&p);
		dtls_pair_clear(&p);
	}
}

static void rebuilding_has_a_limit(void **state)
{
	(void)state;
	dtls_pair p;
	dtls_stats s;
	new_server(&p);
	for (unsigned i = 0; i < DTLS_REBUILDS_MAX; i++)
		dtls_pair_deliver(&p, DTLS_SERVER, broken_hello);
	assert_false(p.side[DTLS_SERVER].failed);
	dtls_pair_deliver(&p, DTLS_SERVER, null_cipher_hello);
	assert_true(p.side[DTLS_SERVER].failed);
	assert_int_equal(p.side[DTLS_SERVER].error, PARLEY_EPROTO);
	assert_string_equal(p.side[DTLS_SERVER].reason, "the handshake failed: no shared cipher");
	dtls_get_stats(p.side[DTLS_SERVER].conn, &s);
	assert_int_equal(s.rebuilds, DTLS_REBUILDS_MAX);
	assert_int_equal(s.datagrams_sent, 1); /* now the peer may know */
	dtls_pair_clear(&p);
}

static void forgeries_at_every_step_change_nothing(void **state)
{
	(void)state;
	const slice noises[] = {fatal_alert,   close_alert,	garbage,	  clear_data,
				absurd_length, forged_data,	broken_hello,	  early_cipher,
				late_message,  forged_finished, null_cipher_hello};
	for (size_t i = 0; i < sizeof noises / sizeof *noises; i++) {
		dtls_pair p;
		dtls_pair_init(&p, i, START);
		p.noise[0] = noises[i];
		dtls_pair_connect(&p);
		dtls_pair_run(&p, SOON);
		assert_both_connected(&p);
		assert_int_equal(p.datagrams, 4); /* and leads to no answer */
		dtls_pair_clear(&p);
	}
}

static void a_refusal_in_the_clear_is_named_when_time_is_up(void **state)
{
	(void)state;
	dtls_pair p;
	dtls_pair_init(&p, 1, START);
	p.cut[DTLS_SERVER] = true;
	dtls_pair_connect(&p);
	dtls_pair_deliver(&p, DTLS_CLIENT, fatal_alert);
	assert_false(p.side[DTLS_CLIENT].failed);
	dtls_pair_run(&p, START + DTLS_HANDSHAKE_TIMEOUT_US);
	assert_int_equal(p.side[DTLS_CLIENT].error, PARLEY_ETIMEDOUT);
	assert_non_null(strstr(p.side[DTLS_CLIENT].reason, "handshake failure"));
	dtls_pair_clear(&p);
}

static void forgeries_after_the_handshake_are_ignored(void **state)
{
	(void)state;
	const slice forged[] = {fatal_alert,  close_alert, garbage,	  clear_data,
				broken_hello, forged_data, absurd_length, dtls_client_hellos[2].datagrams[0]};
	dtls_pair p;
	dtls_stats s;
	dtls_pair_init(&p, 1, START);
	dtls_pair_connect(&p);
	dtls_pair_run(&p, SOON);
	uint64_t sent = p.datagrams;
	for (size_t i = 0; i < sizeof forged / sizeof *forged; i++)
		for (int to = 0; to < 2; to++) {
			dtls_pair_deliver(&p, to, forged[i]);
			dtls_get_stats(p.side[to].conn, &s);
			assert_int_equal(s.datagrams_ignored, i + 1);
			assert_int_equal(dtls_get_state(p.side[to].conn), DTLS_CONNECTED);
		}
	assert_int_equal(p.datagrams, sent); /* no answer either */
	for (int from = 0; from < 2; from++) {
		assert_int_equal(dtls_send(p.side[from].conn, p.now, slice_from_string("still here")), 0);
		dtls_pair_drain(&p, from);
	}
	dtls_pair_run(&p, p.now + US_PER_S);
	for (int i = 0; i < 2; i++)
		assert_true(slice_equal_string(slice_of(p.side[i].last, p.side[i].last_len), "still here"));
	dtls_pair_clear(&p);
}

/* A client of OpenSSL's own without certificate, on memory BIOs that keep the bounds of our datagrams by turns. */
static void hand_over(dtls_pair *p, BIO *from_client, BIO *to_client)
{
	uint8_t bytes[DTLS_PAIR_DATAGRAM_MAX];
	packet out = {.data = bytes, .capacity = sizeof bytes};
	int n = BIO_read(from_client, bytes, sizeof bytes);
	if (n > 0)
		dtls_receive(p->side[DTLS_SERVER].conn, p->now, slice_of(bytes, (size_t)n));
	while (dtls_poll_transmit(p->side[DTLS_SERVER].conn, p->now, &out))
		BIO_write(to_client, out.data, (int)out.len);
}

static void a_client_without_certificate_is_refused(void **state)
{
	(void)state;
	dtls_pair p;
	dtls_event e;
	new_server(&p);
	SSL_CTX *ctx = SSL_CTX_new(DTLS_method());
	SSL *client = SSL_new(ctx);
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
	BIO_set_mem_eof_return(in, -1);
	SSL_set_bio(client, in, out);
	SSL_set_options(client, SSL_OP_NO_QUERY_MTU);
	SSL_set_mtu(client, 1200);
	for (int round = 0; round < 6; round++) {
		SSL_connect(client);
		hand_over(&p, out, in);
	}
	assert_true(dtls_poll_event(p.side[DTLS_SERVER].conn, &e));
	assert_int_equal(e.kind, DTLS_EVENT_FAILED);
	assert_int_equal(e.error, PARLEY_EAUTH);
	assert_string_equal(e.reason, "the peer showed no certificate");
	SSL_free(client);
	SSL_CTX_free(ctx);
	dtls_pair_clear(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gate_judges_single_records),
		cmocka_unit_test(gate_takes_record_by_record),
		cmocka_unit_test(server_answers_browsers),
		cmocka_unit_test(server_puts_together_any_cut),
		cmocka_unit_test(server_outlives_forged_first_words),
		cmocka_unit_test(rebuilding_has_a_limit),
		cmocka_unit_test(forgeries_at_every_step_change_nothing),
		cmocka_unit_test(a_refusal_in_the_clear_is_named_when_time_is_up),
		cmocka_unit_test(forgeries_after_the_handshake_are_ignored),
		cmocka_unit_test(a_client_without_certificate_is_refused),
	};
	return cmocka_run_group_tests_name("dtls gate", tests, NULL, NULL);
}
