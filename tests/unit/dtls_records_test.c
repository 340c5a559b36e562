/* dtls/records.h: against OpenSSL's own record layer, both ways */
#include "tests/support/test.h"

#include <string.h>

#include "dtls/internal.h"
#include "tests/unit/dtls_pair.h"

#define LENGTH_MAX DTLS_PLAINTEXT_MAX

static uint8_t plain[LENGTH_MAX], sealed[LENGTH_MAX + DTLS_RECORD_OVERHEAD], opened[LENGTH_MAX + DTLS_RECORD_OVERHEAD];
static const size_t lengths[] = {1, 15, 16, 17, 1163, 4000, LENGTH_MAX};

/* A connected pair, and records of the client that nobody has written before. */
static void begin(dtls_pair *p, dtls_records *r)
{
	dtls_pair_init(p, 1, US_PER_S);
	dtls_pair_connect(p);
	dtls_pair_run(p, 5 * US_PER_S);
	assert_true(p->side[DTLS_CLIENT].connected && p->side[DTLS_SERVER].connected);
	for (size_t i = 0; i < sizeof plain; i++)
		plain[i] = (uint8_t)(i * 31 + 7);
	*r = (dtls_records){0};
	assert_int_equal(dtls_records_begin(r, p->side[DTLS_CLIENT].conn->ssl, true), 0);
	dtls_records_take_over(r, &p->side[DTLS_CLIENT].conn->link.sealed);
}

static void end(dtls_pair *p, dtls_records *r)
{
	dtls_records_end(r);
	dtls_pair_clear(p);
}

static int seal(dtls_records *r, size_t len)
{
	return dtls_records_seal(r, DTLS_APPLICATION_DATA, slice_of(plain, len), sealed);
}

/* What OpenSSL writes on the server. */
static slice written_by_openssl(dtls_conn *server, size_t len)
{
	packet out = {.data = sealed, .capacity = sizeof sealed};
	server->link.direct = &out;
	assert_int_equal(SSL_write(server->ssl, plain, (int)len), len);
	server->link.direct = NULL;
	return slice_of(out.data, out.len);
}

static void openssl_opens_what_we_seal(void **state)
{
	(void)state;
	dtls_pair p;
	dtls_records r;
	begin(&p, &r);
	dtls_conn *server = p.side[DTLS_SERVER].conn;
	for (size_t i = 0; i < ARRAY_LENGTH(lengths); i++) {
		int n = seal(&r, lengths[i]);
		assert_int_equal(n, lengths[i] + DTLS_RECORD_OVERHEAD);
		server->link.in = slice_of(sealed, (size_t)n);
		assert_int_equal(SSL_read(server->ssl, opened, sizeof opened), lengths[i]);
		assert_memory_equal(opened, plain, lengths[i]);
	}
	end(&p, &r);
}

static void we_open_what_openssl_seals(void **state)
{
	(void)state;
	dtls_pair p;
	dtls_records r;
	begin(&p, &r);
	for (size_t i = 0; i < ARRAY_LENGTH(lengths); i++) {
		slice record = written_by_openssl(p.side[DTLS_SERVER].conn, lengths[i]);
		assert_true(dtls_is_data(record));
		assert_int_equal(dtls_records_open(&r, record, opened), lengths[i]);
		assert_memory_equal(opened, plain, lengths[i]);
	}
	end(&p, &r);
}

static void forged_records_are_refused(void **state)
{
	(void)state;
	dtls_pair p;
	dtls_records r;
	begin(&p, &r);
	slice record = written_by_openssl(p.side[DTLS_SERVER].conn, 50);
	for (size_t i = 3; i < record.len; i++) { /* type and version are looked at before */
		sealed[i] ^= 1;
		assert_true(dtls_records_open(&r, record, opened) < 0);
		sealed[i] ^= 1;
	}
	for (size_t len = 0; len < record.len; len++)
		assert_true(dtls_records_open(&r, slice_part(record, 0, len), opened) < 0);
	assert_int_equal(dtls_records_open(&r, record, opened), 50);
	end(&p, &r);
}

/* RFC 6347 4.1.2.6 */
static void a_record_is_opened_once(void **state)
{
	(void)state;
	dtls_pair p;
	dtls_records r;
	static uint8_t kept[2 * DTLS_REPLAY_WINDOW][64];
	slice records[ARRAY_LENGTH(kept)];
	begin(&p, &r);
	for (size_t i = 0; i < ARRAY_LENGTH(kept); i++) {
		records[i] = written_by_openssl(p.side[DTLS_SERVER].conn, 9);
		memcpy(kept[i], records[i].data, records[i].len);
		records[i].data = kept[i];
	}
	size_t last = ARRAY_LENGTH(kept) - 1, oldest = last + 1 - DTLS_REPLAY_WINDOW;
	assert_int_equal(dtls_records_open(&r, records[last], opened), 9);
	assert_int_equal(dtls_records_open(&r, records[oldest], opened), 9);
	assert_int_equal(dtls_records_open(&r, records[oldest - 1], opened), PARLEY_EAUTH);
	for (size_t i = oldest + 1; i < last; i++)
		assert_int_equal(dtls_records_open(&r, records[i], opened), 9);
	for (size_t i = 0; i <= last; i++)
		assert_int_equal(dtls_records_open(&r, records[i], opened), PARLEY_EAUTH);
	end(&p, &r);
}

static void numbers_end(void **state)
{
	(void)state;
	dtls_pair p;
	dtls_records r;
	begin(&p, &r);
	r.next = UINT64_C(0xffffffffffff);
	assert_true(seal(&r, 1) > 0);
	assert_int_equal(seal(&r, 1), PARLEY_ELIMIT);
	end(&p, &r);
}

/* The first record of the peer tells that it has our Finished: only then OpenSSL need not write any more. */
static void takes_over_when_the_peer_is_done(void **state)
{
	(void)state;
	dtls_pair p;
	dtls_records unused;
	begin(&p, &unused);
	dtls_conn *client = p.side[DTLS_CLIENT].conn, *server = p.side[DTLS_SERVER].conn;
	uint8_t bytes[100];
	packet out = {.data = bytes, .capacity = sizeof bytes};
	for (int round = 0; round < 3; round++) {
		bool begun = round > 0;
		assert_int_equal(client->records.sealing, begun);
		memcpy(bytes + DTLS_RECORD_FRONT, "in place", 8);
		assert_int_equal(dtls_seal(client, p.now, slice_of(bytes + DTLS_RECORD_FRONT, 8), &out), 0);
		dtls_pair_deliver(&p, DTLS_SERVER, slice_of(out.data, out.len));
		assert_memory_equal(p.side[DTLS_SERVER].last, "in place", 8);
		assert_true(server->records.sealing);
		assert_int_equal(dtls_send(server, p.now, slice_from_string("queued")), 0);
		dtls_pair_drain(&p, DTLS_SERVER);
		dtls_pair_run(&p, p.now + US_PER_S);
		assert_memory_equal(p.side[DTLS_CLIENT].last, "queued", 6);
	}
	assert_int_equal(p.side[DTLS_SERVER].received, 3);
	assert_int_equal(p.side[DTLS_CLIENT].received, 3);
	dtls_close(client, p.now); /* OpenSSL reads what we have sealed */
	dtls_pair_drain(&p, DTLS_CLIENT);
	dtls_pair_run(&p, p.now + US_PER_S);
	assert_true(p.side[DTLS_SERVER].closed);
	end(&p, &unused);
}

static void create(dtls_pair *p)
{
	dtls_pair_init(p, 1, US_PER_S);
	for (int i = 0; i < 2; i++) {
		dtls_config config = dtls_pair_config(p, i);
		dtls_pair_create(p, i, &config);
		dtls_pair_trust(p, i);
	}
}

static void say(dtls_pair *p, int from, const char *what)
{
	assert_int_equal(dtls_send(p->side[from].conn, p->now, slice_from_string(what)), 0);
	dtls_pair_drain(p, from);
	dtls_pair_run(p, p->now + US_PER_S);
	assert_memory_equal(p->side[!from].last, what, strlen(what));
}

static void every_cipher_suite_works(void **state)
{
	static const char *const suites[] = {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
					     "ECDHE-ECDSA-CHACHA20-POLY1305"};
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(suites); i++) {
		dtls_pair p;
		create(&p);
		dtls_conn *client = p.side[DTLS_CLIENT].conn;
		assert_int_equal(SSL_set_cipher_list(client->ssl, suites[i]), 1);
		dtls_pair_start(&p, DTLS_SERVER);
		dtls_pair_start(&p, DTLS_CLIENT);
		dtls_pair_run(&p, 5 * US_PER_S);
		assert_true(p.side[DTLS_CLIENT].connected);
		for (int round = 0; round < 2; round++) {
			say(&p, DTLS_CLIENT, "ping");
			say(&p, DTLS_SERVER, "pong");
		}
		assert_int_equal(client->records.sealing, i < 2);
		dtls_close(client, p.now);
		dtls_pair_drain(&p, DTLS_CLIENT);
		dtls_pair_run(&p, p.now + US_PER_S);
		assert_true(p.side[DTLS_SERVER].closed);
		dtls_pair_clear(&p);
	}
}

/* The server's last flight is overtaken by what it says after it. */
static void data_that_overtakes_the_handshake_waits(void **state)
{
	(void)state;
	dtls_pair p;
	create(&p);
	dtls_pair_start(&p, DTLS_SERVER);
	dtls_pair_start(&p, DTLS_CLIENT);
	dtls_conn *client = p.side[DTLS_CLIENT].conn, *server = p.side[DTLS_SERVER].conn;
	while (dtls_get_state(server) != DTLS_CONNECTED)
		dtls_pair_run(&p, p.now + US_PER_MS);
	assert_int_equal(dtls_get_state(client), DTLS_HANDSHAKING);
	uint8_t bytes[100];
	packet out = {.data = bytes, .capacity = sizeof bytes};
	assert_int_equal(dtls_seal(server, p.now, slice_from_string("early"), &out), 0);
	dtls_pair_deliver(&p, DTLS_CLIENT, slice_of(out.data, out.len));
	assert_int_equal(p.side[DTLS_CLIENT].received, 0);
	dtls_pair_run(&p, p.now + US_PER_S);
	assert_int_equal(p.side[DTLS_CLIENT].received, 1);
	assert_memory_equal(p.side[DTLS_CLIENT].last, "early", 5);
	dtls_pair_clear(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(openssl_opens_what_we_seal),
		cmocka_unit_test(we_open_what_openssl_seals),
		cmocka_unit_test(forged_records_are_refused),
		cmocka_unit_test(a_record_is_opened_once),
		cmocka_unit_test(numbers_end),
		cmocka_unit_test(takes_over_when_the_peer_is_done),
		cmocka_unit_test(every_cipher_suite_works),
		cmocka_unit_test(data_that_overtakes_the_handshake_waits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
