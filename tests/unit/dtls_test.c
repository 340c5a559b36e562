/* dtls/dtls.h: connections between two of ours, in virtual time. The gate's own tests are in dtls_gate_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "tests/support/failmalloc.h"
#include "tests/support/virtual_openssl.h"
#include "tests/unit/dtls_pair.h"

#define START (5 * US_PER_S)
#define SOON (START + 5 * US_PER_S)
#define LATEST (START + 60 * US_PER_S)

static void assert_connected(const dtls_pair *p)
{
	for (int i = 0; i < 2; i++) {
		if (!p->side[i].connected)
			fail_msg("side %d is %s: %s", i, dtls_state_name(dtls_get_state(p->side[i].conn)),
				 p->side[i].reason ? p->side[i].reason : "");
		assert_false(p->side[i].failed);
	}
}

static void connected_pair(dtls_pair *p, uint64_t seed)
{
	dtls_pair_init(p, seed, START);
	dtls_pair_connect(p);
	dtls_pair_run(p, SOON);
	assert_connected(p);
}

static void send_text(dtls_pair *p, int from, const char *words)
{
	assert_int_equal(dtls_send(p->side[from].conn, p->now, slice_from_string(words)), 0);
	dtls_pair_drain(p, from);
}

static void assert_got(const dtls_side *s, size_t records, const char *last)
{
	assert_int_equal(s->received, records);
	assert_true(slice_equal_string(slice_of(s->last, s->last_len), last));
}

static void both_roles_connect_and_exchange_data(void **state)
{
	(void)state;
	dtls_pair p;
	connected_pair(&p, 1);
	send_text(&p, DTLS_CLIENT, "from client");
	send_text(&p, DTLS_SERVER, "from server");
	dtls_pair_run(&p, p.now + US_PER_S);
	assert_got(&p.side[DTLS_SERVER], 1, "from client");
	assert_got(&p.side[DTLS_CLIENT], 1, "from server");
	dtls_stats s;
	dtls_get_stats(p.side[DTLS_CLIENT].conn, &s);
	assert_int_equal(s.version, 0xfefd);
	assert_string_equal(s.cipher, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
	assert_int_equal(s.retransmissions, 0);
	assert_int_equal(s.records_received, 1);
	assert_true(slice_equal(dtls_remote_certificate(p.side[DTLS_CLIENT].conn),
				dtls_certificate_der(p.side[DTLS_SERVER].certificate)));
	assert_true(dtls_deadline(p.side[0].conn) == TIME_NEVER && dtls_deadline(p.side[1].conn) == TIME_NEVER);
	dtls_pair_clear(&p);
}

static void time_may_start_anywhere(void **state)
{
	(void)state;
	static const uint64_t starts[] = {0, 1, UINT64_C(1) << 40, UINT64_C(1) << 52};
	for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
		dtls_pair p;
		dtls_pair_init(&p, i, starts[i]);
		p.lose_percent = 30;
		dtls_pair_connect(&p);
		dtls_pair_run(&p, starts[i] + 30 * US_PER_S);
		assert_connected(&p);
		dtls_pair_clear(&p);
	}
}

static void handshake_survives_loss_reordering_and_duplication(void **state)
{
	(void)state;
	static const struct {
		unsigned lose, twice;
		uint64_t jitter;
		size_t mtu;
	} wires[] = {{20, 0, 0, 1200}, {0, 50, 0, 1200}, {0, 0, 80 * US_PER_MS, 256}, {15, 20, 60 * US_PER_MS, 512}};
	for (uint64_t seed = 0; seed < 60; seed++) {
		dtls_pair p;
		dtls_pair_init(&p, seed, START);
		p.lose_percent = wires[seed % 4].lose;
		p.double_percent = wires[seed % 4].twice;
		p.jitter_us = wires[seed % 4].jitter;
		for (int i = 0; i < 2; i++) {
			dtls_config config = dtls_pair_config(&p, i);
			config.mtu = wires[seed % 4].mtu;
			dtls_pair_create(&p, i, &config);
		}
		dtls_pair_connect(&p);
		dtls_pair_run(&p, LATEST);
		if (!p.side[0].connected || !p.side[1].connected)
			print_message("seed %u\n", (unsigned)seed);
		assert_connected(&p);
		dtls_pair_clear(&p);
	}
}

static void each_datagram_of_the_handshake_may_be_lost(void **state)
{
	(void)state;
	for (unsigned lost = 1; lost <= 4; lost++) { /* a handshake without loss has four */
		dtls_pair p;
		dtls_stats client, server;
		dtls_pair_init(&p, lost, START);
		p.lose_number = lost;
		dtls_pair_connect(&p);
		dtls_pair_run(&p, LATEST);
		assert_connected(&p);
		dtls_get_stats(p.side[DTLS_CLIENT].conn, &client);
		dtls_get_stats(p.side[DTLS_SERVER].conn, &server);
		assert_in_range(client.retransmissions + server.retransmissions, 1, 2);
		dtls_pair_clear(&p);
	}
}

static void retransmissions_follow_the_configured_times(void **state)
{
	(void)state;
	static const uint64_t at_ms[] = {100, 300, 700, 1500, 3100, 6300, 10300, 14300};
	dtls_pair p;
	dtls_pair_init(&p, 1, START);
	p.cut[DTLS_SERVER] = true;
	dtls_pair_connect(&p);
	dtls_conn *client = p.side[DTLS_CLIENT].conn;
	for (size_t i = 0; i < sizeof at_ms / sizeof *at_ms; i++) {
		dtls_stats s;
		assert_int_equal(dtls_deadline(client), START + at_ms[i] * US_PER_MS);
		dtls_pair_run(&p, START + at_ms[i] * US_PER_MS);
		dtls_get_stats(client, &s);
		assert_int_equal(s.retransmissions, i + 1);
	}
	dtls_pair_clear(&p);
}

/* OpenSSL's clock stands still, is set back by an hour, and at last goes on: late retransmissions, no busy loop. */
static void a_wall_clock_that_disagrees_only_delays(void **state)
{
	(void)state;
	dtls_pair p;
	dtls_pair_init(&p, 1, START + 3600 * US_PER_S);
	p.lose_number = 1;
	dtls_pair_connect(&p);
	dtls_conn *client = p.side[DTLS_CLIENT].conn;
	uint64_t start = p.now, now = p.now;
	for (int i = 0; i < 5; i++) {
		now = dtls_deadline(client);
		if (i == 3)
			virtual_openssl_set_now(START);
		dtls_timeout(client, now);
		assert_in_range(dtls_deadline(client) - now, US_PER_MS, DTLS_RETRANSMIT_FIRST_US);
	}
	assert_in_range(now, start + 3 * DTLS_RETRANSMIT_FIRST_US, start + US_PER_S);
	p.now = now;
	dtls_pair_run(&p, p.now + US_PER_S);
	assert_connected(&p);
	dtls_pair_clear(&p);
}

static void handshake_ends_at_its_deadline(void **state)
{
	(void)state;
	dtls_pair p;
	dtls_pair_init(&p, 1, START);
	p.cut[DTLS_SERVER] = true;
	dtls_pair_connect(&p);
	dtls_pair_run(&p, LATEST);
	for (int i = 0; i < 2; i++) {
		assert_true(p.side[i].failed);
		assert_int_equal(p.side[i].error, PARLEY_ETIMEDOUT);
		assert_string_equal(p.side[i].reason, "the handshake did not end in time");
		assert_int_equal(dtls_receive(p.side[i].conn, p.now, slice_of("", 0)), PARLEY_ESTATE);
	}
	assert_true(dtls_deadline(p.side[0].conn) == TIME_NEVER);
	dtls_pair_clear(&p);
}

static void datagrams_keep_to_the_mtu(void **state)
{
	(void)state;
	static const size_t mtus[] = {256, 400, 1200, 4000};
	for (size_t i = 0; i < sizeof mtus / sizeof *mtus; i++) {
		dtls_pair p;
		dtls_pair_init(&p, 3, START);
		for (int k = 0; k < 2; k++) {
			dtls_config config = dtls_pair_config(&p, k);
			config.mtu = mtus[i];
			dtls_pair_create(&p, k, &config);
		}
		dtls_pair_connect(&p);
		dtls_pair_run(&p, SOON);
		assert_connected(&p);
		assert_in_range(p.longest, 128, mtus[i]);
		dtls_pair_clear(&p);
	}
}

static void same_seed_same_bytes(void **state)
{
	(void)state;
	uint64_t digest[3];
	for (size_t i = 0; i < 3; i++) {
		dtls_pair p;
		dtls_pair_init(&p, i < 2 ? 7 : 8, START);
		p.lose_percent = 20;
		dtls_pair_connect(&p);
		dtls_pair_run(&p, LATEST);
		assert_connected(&p);
		send_text(&p, DTLS_CLIENT, "same");
		digest[i] = p.digest;
		dtls_pair_clear(&p);
	}
	assert_true(digest[0] == digest[1]);
	assert_true(digest[0] != digest[2]);
}

/* --- identity --- */

static void wrong_fingerprint_fails_in_both_roles(void **state)
{
	(void)state;
	for (int deceived = 0; deceived < 2; deceived++) {
		dtls_pair p;
		dtls_pair_init(&p, 1, START);
		for (int i = 0; i < 2; i++) {
			dtls_config config = dtls_pair_config(&p, i);
			dtls_pair_create(&p, i, &config);
		}
		/* Its own fingerprint in place of the other's: someone stands in between. */
		const char *wrong = dtls_certificate_fingerprint(p.side[deceived].certificate);
		dtls_add_remote_fingerprint(p.side[deceived].conn, slice_from_string("sha-256"),
					    slice_from_string(wrong));
		dtls_pair_trust(&p, !deceived);
		dtls_pair_start(&p, DTLS_SERVER);
		dtls_pair_start(&p, DTLS_CLIENT);
		dtls_pair_run(&p, SOON);
		assert_true(p.side[deceived].failed);
		assert_false(p.side[deceived].connected);
		assert_int_equal(p.side[deceived].error, PARLEY_EAUTH);
		assert_string_equal(p.side[deceived].reason,
				    "the peer's certificate does not match the fingerprint of its description");
		assert_int_equal(dtls_send(p.side[deceived].conn, p.now, slice_from_string("x")), PARLEY_ESTATE);
		assert_int_equal(dtls_remote_certificate(p.side[deceived].conn).len, 0);
		assert_false(p.side[!deceived].connected);
		dtls_pair_clear(&p);
	}
}

static void fingerprint_may_come_after_the_handshake(void **state)
{
	(void)state;
	for (int late = 0; late < 2; late++) {
		dtls_pair p;
		dtls_pair_init(&p, 1, START);
		for (int i = 0; i < 2; i++) {
			dtls_config config = dtls_pair_config(&p, i);
			dtls_pair_create(&p, i, &config);
		}
		dtls_pair_trust(&p, !late);
		dtls_pair_start(&p, DTLS_SERVER);
		dtls_pair_start(&p, DTLS_CLIENT);
		dtls_pair_run(&p, SOON);
		dtls_side *s = &p.side[late];
		assert_int_equal(dtls_get_state(s->conn), DTLS_UNVERIFIED);
		assert_true(p.side[!late].connected);
		send_text(&p, !late, "early");
		dtls_pair_run(&p, SOON + US_PER_S);
		assert_int_equal(s->received, 0);
		assert_false(s->connected);
		assert_int_equal(dtls_send(s->conn, p.now, slice_from_string("x")), PARLEY_ESTATE);
		uint8_t key[16];
		assert_int_equal(dtls_export(s->conn, "EXTRACTOR-dtls_srtp", key, sizeof key), PARLEY_ESTATE);
		dtls_pair_trust(&p, late);
		assert_int_equal(dtls_deadline(s->conn), 0);
		dtls_pair_run(&p, SOON + 2 * US_PER_S);
		assert_true(s->connected);
		assert_got(s, 1, "early");
		dtls_pair_clear(&p);
	}
}

static void late_wrong_fingerprint_fails_and_tells_the_peer(void **state)
{
	(void)state;
	dtls_pair p;
	dtls_pair_init(&p, 1, START);
	for (int i = 0; i < 2; i++) {
		dtls_config config = dtls_pair_config(&p, i);
		dtls_pair_create(&p, i, &config);
	}
	dtls_pair_trust(&p, DTLS_CLIENT);
	dtls_pair_start(&p, DTLS_SERVER);
	dtls_pair_start(&p, DTLS_CLIENT);
	dtls_pair_run(&p, SOON);
	send_text(&p, DTLS_CLIENT, "never believed");
	dtls_pair_run(&p, SOON + US_PER_S);
	const char *wrong = dtls_certificate_fingerprint(p.side[DTLS_SERVER].certificate);
	dtls_add_remote_fingerprint(p.side[DTLS_SERVER].conn, slice_from_string("SHA-256"), slice_from_string(wrong));
	dtls_pair_run(&p, SOON + 2 * US_PER_S);
	assert_int_equal(p.side[DTLS_SERVER].error, PARLEY_EAUTH);
	assert_int_equal(p.side[DTLS_SERVER].received, 0);
	assert_true(p.side[DTLS_CLIENT].closed);
	dtls_pair_clear(&p);
}

static void without_a_fingerprint_it_fails_in_time(void **state)
{
	(void)state;
	dtls_pair p;
	dtls_pair_init(&p, 1, START);
	for (int i = 0; i < 2; i++) {
		dtls_config config = dtls_pair_config(&p, i);
		dtls_pair_create(&p, i, &config);
		slice sha1 = slice_from_string("4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB");
		assert_int_equal(dtls_add_remote_fingerprint(p.side[i].conn, slice_from_string("sha-1"), sha1),
				 PARLEY_EUNSUPPORTED);
	}
	dtls_pair_start(&p, DTLS_SERVER);
	dtls_pair_start(&p, DTLS_CLIENT);
	dtls_pair_run(&p, LATEST);
	for (int i = 0; i < 2; i++) {
		assert_false(p.side[i].connected);
		assert_string_equal(p.side[i].reason, "no fingerprint of the peer was given in time");
	}
	dtls_pair_clear(&p);
}

static void malformed_fingerprints_are_refused(void **state)
{
	(void)state;
	dtls_pair p;
	dtls_pair_init(&p, 1, START);
	dtls_config config = dtls_pair_config(&p, 0);
	dtls_pair_create(&p, 0, &config);
	char value[DTLS_FINGERPRINT_TEXT_SIZE];
	static const struct {
		size_t at;
		char c;
	} spoils[] = {{0, 'G'}, {2, ' '}, {94, ':'}, {94, '\0'}, {5, '0'}};
	for (size_t i = 0; i < sizeof spoils / sizeof *spoils; i++) {
		strcpy(value, dtls_certificate_fingerprint(p.side[1].certificate));
		value[spoils[i].at] = spoils[i].c;
		assert_int_equal(dtls_add_remote_fingerprint(p.side[0].conn, slice_from_string("sha-256"),
							     slice_from_string(value)),
				 PARLEY_EINVAL);
	}
	assert_int_equal(dtls_add_remote_fingerprint(p.side[0].conn, slice_from_string("md5"), slice_from_string("00")),
			 PARLEY_EUNSUPPORTED);
	strcpy(value, dtls_certificate_fingerprint(p.side[1].certificate));
	for (size_t i = 0; i < DTLS_FINGERPRINTS_MAX; i++) {
		value[0] = (char)('0' + i);
		for (int again = 0; again < 2; again++) /* a second time is no second one */
			assert_int_equal(dtls_add_remote_fingerprint(p.side[0].conn, slice_from_string("sha-256"),
								     slice_from_string(value)),
					 0);
	}
	value[0] = 'F';
	assert_int_equal(
		dtls_add_remote_fingerprint(p.side[0].conn, slice_from_string("sha-256"), slice_from_string(value)),
		PARLEY_ELIMIT);
	dtls_pair_clear(&p);
}

/* "AA:AA:..." of len bytes. */
static slice dummy_value(char *out, size_t len)
{
	for (size_t i = 0; i < 3 * len; i++)
		out[i] = i % 3 == 2 ? ':' : 'A';
	return slice_of(out, 3 * len - 1);
}

static void any_of_the_strongest_fingerprints_will_do(void **state)
{
	(void)state;
	char value[3 * 64];
	static const struct {
		const char *algorithm;
		size_t len;
		bool connects;
	} others[] = {{"sha-256", 32, true}, {"sha-512", 64, false}, {"sha-384", 48, false}};
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		dtls_pair p;
		dtls_pair_init(&p, i, START);
		dtls_config config = dtls_pair_config(&p, 0);
		dtls_pair_create(&p, 0, &config);
		assert_int_equal(dtls_add_remote_fingerprint(p.side[0].conn, slice_from_string(others[i].algorithm),
							     dummy_value(value, others[i].len)),
				 0);
		dtls_pair_connect(&p);
		dtls_pair_run(&p, SOON);
		assert_int_equal(p.side[0].connected, others[i].connects);
		dtls_pair_clear(&p);
	}
}

static void fingerprints_are_fixed_once_connected(void **state)
{
	(void)state;
	dtls_pair p;
	connected_pair(&p, 1);
	char value[3 * 32];
	dtls_pair_trust(&p, DTLS_CLIENT); /* a new description usually repeats it */
	assert_int_equal(
		dtls_add_remote_fingerprint(p.side[0].conn, slice_from_string("sha-256"), dummy_value(value, 32)),
		PARLEY_ESTATE);
	dtls_pair_clear(&p);
}

static void certificate_is_what_its_accessors_say(void **state)
{
	(void)state;
	rng_seeded seeded;
	rng_seeded_init(&seeded, 1);
	parley_random random = rng_seeded_source(&seeded);
	dtls_certificate *c;
	assert_int_equal(dtls_certificate_generate(&random, 1700000000, &c), 0);
	uint8_t digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];
	hash_sha256(dtls_certificate_der(c), digest);
	hex_encode(slice_of(digest, sizeof digest), hex);
	const char *fingerprint = dtls_certificate_fingerprint(c);
	assert_int_equal(strlen(fingerprint), DTLS_FINGERPRINT_TEXT_SIZE - 1);
	for (size_t i = 0; i < SHA256_SIZE; i++) {
		char pair[3] = {hex[2 * i], hex[2 * i + 1], 0};
		assert_int_equal(strtol(pair, NULL, 16), strtol(fingerprint + 3 * i, NULL, 16));
		assert_true(fingerprint[3 * i] <= 'F');
	}
	assert_int_equal(dtls_certificate_expires(c), 1700000000 + DTLS_CERTIFICATE_AFTER_S);
	dtls_certificate_free(c);
	random.fill = NULL;
	assert_int_equal(dtls_certificate_generate(&random, 1700000000, &c), PARLEY_EINVAL);
}

static void certificate_may_go_before_its_connections(void **state)
{
	(void)state;
	dtls_pair p;
	dtls_pair_init(&p, 1, START);
	for (int i = 0; i < 2; i++) {
		dtls_config config = dtls_pair_config(&p, i);
		dtls_pair_create(&p, i, &config);
		dtls_pair_trust(&p, i);
		if (i == 1)
			dtls_pair_trust(&p, 0);
	}
	for (int i = 0; i < 2; i++) {
		dtls_certificate_free(p.side[i].certificate);
		p.side[i].certificate = NULL;
	}
	dtls_pair_start(&p, DTLS_SERVER);
	dtls_pair_start(&p, DTLS_CLIENT);
	dtls_pair_run(&p, SOON);
	assert_connected(&p);
	dtls_pair_clear(&p);
}

/* --- keys --- */

static void both_sides_export_the_same_keys(void **state)
{
	(void)state;
	dtls_pair p;
	connected_pair(&p, 1);
	uint8_t key[2][60], other[60];
	for (int i = 0; i < 2; i++)
		assert_int_equal(dtls_export(p.side[i].conn, "EXTRACTOR-dtls_srtp", key[i], sizeof key[i]), 0);
	assert_memory_equal(key[0], key[1], sizeof other);
	assert_int_equal(dtls_export(p.side[0].conn, "EXPORTER-other", other, sizeof other), 0);
	assert_memory_not_equal(key[0], other, sizeof other);
	dtls_pair_clear(&p);
}

static void srtp_profile_is_agreed_on(void **state)
{
	(void)state;
	static const struct {
		dtls_srtp_profile client[3], server[3], agreed;
	} cases[] = {
		{{7, 8, 1}, {7, 8, 1}, DTLS_SRTP_AEAD_AES_128_GCM},
		{{7, 8, 1}, {8, 7, 1}, DTLS_SRTP_AEAD_AES_256_GCM}, /* the server's preference counts */
		{{1}, {7, 1}, DTLS_SRTP_AES128_CM_SHA1_80},
		{{7}, {8}, DTLS_SRTP_NONE},
		{{0}, {7, 8, 1}, DTLS_SRTP_NONE},
		{{7, 8, 1}, {0}, DTLS_SRTP_NONE},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		dtls_pair p;
		dtls_pair_init(&p, i, START);
		for (int k = 0; k < 2; k++) {
			dtls_config config = dtls_pair_config(&p, k);
			memcpy(config.srtp_profiles, k ? cases[i].server : cases[i].client, sizeof cases[i].client);
			dtls_pair_create(&p, k, &config);
			assert_int_equal(dtls_srtp(p.side[k].conn), DTLS_SRTP_NONE);
		}
		dtls_pair_connect(&p);
		dtls_pair_run(&p, SOON);
		assert_connected(&p);
		for (int k = 0; k < 2; k++)
			assert_int_equal(dtls_srtp(p.side[k].conn), cases[i].agreed);
		dtls_pair_clear(&p);
	}
}

static void key_log_only_when_wanted(void **state)
{
	(void)state;
	dtls_pair p;
	const char *line;
	dtls_pair_init(&p, 1, START);
	dtls_config config = dtls_pair_config(&p, DTLS_CLIENT);
	config.key_log = true;
	dtls_pair_create(&p, DTLS_CLIENT, &config);
	dtls_pair_connect(&p);
	dtls_pair_run(&p, SOON);
	assert_false(dtls_poll_key_log(p.side[DTLS_SERVER].conn, &line));
	assert_true(dtls_poll_key_log(p.side[DTLS_CLIENT].conn, &line));
	assert_int_equal(strncmp(line, "CLIENT_RANDOM ", 14), 0);
	assert_int_equal(strlen(line), 14 + 64 + 1 + 96);
	assert_false(dtls_poll_key_log(p.side[DTLS_CLIENT].conn, &line));
	dtls_pair_clear(&p);
}

/* --- records --- */

static void a_record_may_be_sealed_into_a_packet(void **state)
{
	(void)state;
	dtls_pair p;
	connected_pair(&p, 1);
	uint8_t bytes[100];
	packet out = {.data = bytes, .capacity = 5 + DTLS_RECORD_OVERHEAD};
	dtls_conn *client = p.side[DTLS_CLIENT].conn;
	assert_int_equal(dtls_seal(client, p.now, slice_from_string("seal it"), &out), PARLEY_EMSGSIZE);
	assert_int_equal(dtls_seal(client, p.now, slice_from_string("seal"), &out), 0);
	assert_int_equal(out.len, 4 + DTLS_RECORD_OVERHEAD);
	dtls_pair_deliver(&p, DTLS_SERVER, slice_of(out.data, out.len));
	assert_got(&p.side[DTLS_SERVER], 1, "seal");
	dtls_pair_clear(&p);
}

static void sending_has_limits(void **state)
{
	(void)state;
	dtls_pair p;
	static uint8_t zeros[DTLS_PLAINTEXT_MAX + 1];
	dtls_pair_init(&p, 1, START);
	dtls_config config = dtls_pair_config(&p, 0);
	dtls_pair_create(&p, 0, &config);
	dtls_conn *client = p.side[0].conn;
	assert_int_equal(dtls_send(client, p.now, slice_of(zeros, 1)), PARLEY_ESTATE);
	dtls_pair_connect(&p);
	dtls_pair_run(&p, SOON);
	assert_int_equal(dtls_send(client, p.now, slice_of(zeros, 0)), PARLEY_EMSGSIZE);
	assert_int_equal(dtls_send(client, p.now, slice_of(zeros, DTLS_PLAINTEXT_MAX + 1)), PARLEY_EMSGSIZE);
	for (unsigned i = 0; i < DTLS_TRANSMIT_MAX; i++)
		assert_int_equal(dtls_send(client, p.now, slice_of(zeros, 1)), 0);
	assert_int_equal(dtls_send(client, p.now, slice_of(zeros, 1)), PARLEY_ELIMIT);
	dtls_pair_drain(&p, 0);
	assert_int_equal(dtls_send(client, p.now, slice_of(zeros, 1)), 0);
	dtls_pair_clear(&p);
}

static void the_largest_record_passes(void **state)
{
	(void)state;
	dtls_pair p;
	static uint8_t zeros[DTLS_PLAINTEXT_MAX], sealed[DTLS_PLAINTEXT_MAX + DTLS_RECORD_OVERHEAD];
	connected_pair(&p, 1);
	packet out = {.data = sealed, .capacity = sizeof sealed};
	slice got;
	assert_int_equal(dtls_seal(p.side[0].conn, p.now, slice_of(zeros, sizeof zeros), &out), 0);
	assert_int_equal(dtls_receive(p.side[1].conn, p.now, slice_of(out.data, out.len)), 0);
	assert_true(dtls_poll_data(p.side[1].conn, &got));
	assert_int_equal(got.len, sizeof zeros);
	assert_false(dtls_poll_data(p.side[1].conn, &got));
	dtls_pair_clear(&p);
}

static void several_records_in_one_datagram(void **state)
{
	(void)state;
	dtls_pair p;
	uint8_t bytes[256];
	size_t len = 0;
	connected_pair(&p, 1);
	for (int i = 0; i < 3; i++) {
		packet out = {.data = bytes + len, .capacity = sizeof bytes - len};
		assert_int_equal(dtls_seal(p.side[0].conn, p.now, slice_of(&"abc"[i], 1), &out), 0);
		len += out.len;
	}
	dtls_pair_deliver(&p, DTLS_SERVER, slice_of(bytes, len));
	assert_got(&p.side[DTLS_SERVER], 3, "c");
	dtls_pair_clear(&p);
}

static void what_is_not_collected_is_bounded(void **state)
{
	(void)state;
	dtls_pair p;
	static uint8_t zeros[8192], sealed[8192 + DTLS_RECORD_OVERHEAD];
	connected_pair(&p, 1);
	for (int i = 0; i < 64; i++) {
		packet out = {.data = sealed, .capacity = sizeof sealed};
		assert_int_equal(dtls_seal(p.side[0].conn, p.now, slice_of(zeros, sizeof zeros), &out), 0);
		assert_int_equal(dtls_receive(p.side[1].conn, p.now, slice_of(out.data, out.len)), 0);
		dtls_check_invariants(p.side[1].conn);
	}
	dtls_stats s;
	dtls_get_stats(p.side[1].conn, &s);
	assert_int_equal(s.records_received, DTLS_RECEIVED_MAX / (sizeof zeros + 2));
	assert_int_equal(s.data_dropped, 64 - s.records_received);
	dtls_pair_clear(&p);
}

static void a_replayed_record_is_ignored(void **state)
{
	(void)state;
	dtls_pair p;
	uint8_t bytes[100];
	packet out = {.data = bytes, .capacity = sizeof bytes};
	connected_pair(&p, 1);
	assert_int_equal(dtls_seal(p.side[0].conn, p.now, slice_from_string("once"), &out), 0);
	for (int i = 0; i < 3; i++)
		dtls_pair_deliver(&p, DTLS_SERVER, slice_of(out.data, out.len));
	assert_got(&p.side[DTLS_SERVER], 1, "once");
	dtls_stats s;
	dtls_get_stats(p.side[DTLS_SERVER].conn, &s);
	assert_int_equal(s.datagrams_ignored, 2);
	dtls_pair_clear(&p);
}

/* --- the end --- */

static void close_notify_reaches_the_peer(void **state)
{
	(void)state;
	for (int closer = 0; closer < 2; closer++) {
		dtls_pair p;
		connected_pair(&p, 1);
		send_text(&p, closer, "last words");
		assert_int_equal(dtls_close(p.side[closer].conn, p.now), 0);
		assert_int_equal(dtls_close(p.side[closer].conn, p.now), 0);
		dtls_pair_drain(&p, closer);
		dtls_pair_run(&p, p.now + US_PER_S);
		assert_got(&p.side[!closer], 1, "last words");
		assert_true(p.side[!closer].closed);
		assert_false(p.side[closer].closed);
		for (int i = 0; i < 2; i++) {
			assert_int_equal(dtls_get_state(p.side[i].conn), DTLS_CLOSED);
			assert_int_equal(dtls_send(p.side[i].conn, p.now, slice_from_string("x")), PARLEY_ESTATE);
		}
		dtls_pair_clear(&p);
	}
}

static void closing_early_is_silent(void **state)
{
	(void)state;
	dtls_pair p;
	dtls_pair_init(&p, 1, START);
	dtls_pair_connect(&p);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(dtls_close(p.side[i].conn, p.now), 0);
		assert_int_equal(dtls_start(p.side[i].conn, p.now), PARLEY_ESTATE);
		assert_true(dtls_deadline(p.side[i].conn) == TIME_NEVER);
	}
	dtls_pair_run(&p, LATEST);
	assert_false(p.side[0].closed || p.side[0].failed || p.side[1].closed || p.side[1].failed);
	dtls_pair_clear(&p);
}

static void configurations_out_of_range_are_refused(void **state)
{
	(void)state;
	dtls_pair p;
	dtls_pair_init(&p, 1, START);
	dtls_config bad[5];
	for (int i = 0; i < 5; i++)
		bad[i] = dtls_pair_config(&p, 0);
	bad[0].certificate = NULL;
	bad[1].mtu = DTLS_MTU_MIN - 1;
	bad[2].mtu = DTLS_MTU_MAX + 1;
	bad[3].retransmit_first_us = 0;
	bad[4].retransmit_max_us = bad[4].retransmit_first_us - 1;
	for (int i = 0; i < 5; i++)
		assert_int_equal(dtls_create(&bad[i], &p.side[0].conn), PARLEY_EINVAL);
	dtls_pair_clear(&p);
}

static void dump_names_the_state(void **state)
{
	(void)state;
	dtls_pair p;
	char out[1024];
	connected_pair(&p, 1);
	text t = text_of(out, sizeof out);
	dtls_dump(p.side[0].conn, &t);
	assert_false(t.bad);
	assert_non_null(strstr(out, "dtls client connected TLS_ECDHE"));
	dtls_pair_clear(&p);
}

/* Creation, a handshake and a record, whatever allocation fails in between. Each datagram's loss is the wire's. */
static void live_and_die(void *context)
{
	(void)context;
	static uint8_t bytes[2048];
	rng_seeded seeded;
	rng_seeded_init(&seeded, 1);
	parley_random random = rng_seeded_source(&seeded);
	dtls_certificate *certificate = NULL;
	dtls_conn *conn[2] = {NULL, NULL};
	bool ok = dtls_certificate_generate(&random, 1700000000, &certificate) == 0;
	for (int i = 0; ok && i < 2; i++) {
		dtls_config config = dtls_config_default(certificate, i == DTLS_CLIENT);
		slice value = slice_from_string(dtls_certificate_fingerprint(certificate));
		ok = dtls_create(&config, &conn[i]) == 0 &&
		     dtls_add_remote_fingerprint(conn[i], slice_from_string("sha-256"), value) == 0;
	}
	for (int i = 1; ok && i >= 0; i--)
		ok = dtls_start(conn[i], START) == 0;
	for (int round = 0; ok && round < 20; round++) {
		packet out = {.data = bytes, .capacity = sizeof bytes};
		int from = round % 2;
		while (dtls_poll_transmit(conn[from], START, &out))
			dtls_receive(conn[!from], START, slice_of(out.data, out.len));
		if (round == 10)
			dtls_send(conn[from], START, slice_from_string("x"));
		for (int i = 0; i < 2; i++)
			dtls_check_invariants(conn[i]);
	}
	for (int i = 0; i < 2; i++)
		dtls_destroy(conn[i]);
	dtls_certificate_free(certificate);
}

static void any_allocation_may_fail(void **state)
{
	(void)state;
	failmalloc_loop(live_and_die, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_roles_connect_and_exchange_data),
		cmocka_unit_test(time_may_start_anywhere),
		cmocka_unit_test(handshake_survives_loss_reordering_and_duplication),
		cmocka_unit_test(each_datagram_of_the_handshake_may_be_lost),
		cmocka_unit_test(retransmissions_follow_the_configured_times),
		cmocka_unit_test(a_wall_clock_that_disagrees_only_delays),
		cmocka_unit_test(handshake_ends_at_its_deadline),
		cmocka_unit_test(datagrams_keep_to_the_mtu),
		cmocka_unit_test(same_seed_same_bytes),
		cmocka_unit_test(wrong_fingerprint_fails_in_both_roles),
		cmocka_unit_test(fingerprint_may_come_after_the_handshake),
		cmocka_unit_test(late_wrong_fingerprint_fails_and_tells_the_peer),
		cmocka_unit_test(without_a_fingerprint_it_fails_in_time),
		cmocka_unit_test(malformed_fingerprints_are_refused),
		cmocka_unit_test(any_of_the_strongest_fingerprints_will_do),
		cmocka_unit_test(fingerprints_are_fixed_once_connected),
		cmocka_unit_test(certificate_is_what_its_accessors_say),
		cmocka_unit_test(certificate_may_go_before_its_connections),
		cmocka_unit_test(both_sides_export_the_same_keys),
		cmocka_unit_test(srtp_profile_is_agreed_on),
		cmocka_unit_test(key_log_only_when_wanted),
		cmocka_unit_test(a_record_may_be_sealed_into_a_packet),
		cmocka_unit_test(sending_has_limits),
		cmocka_unit_test(the_largest_record_passes),
		cmocka_unit_test(several_records_in_one_datagram),
		cmocka_unit_test(what_is_not_collected_is_bounded),
		cmocka_unit_test(a_replayed_record_is_ignored),
		cmocka_unit_test(close_notify_reaches_the_peer),
		cmocka_unit_test(closing_early_is_silent),
		cmocka_unit_test(configurations_out_of_range_are_refused),
		cmocka_unit_test(dump_names_the_state),
		cmocka_unit_test(any_allocation_may_fail),
	};
	return cmocka_run_group_tests_name("dtls", tests, NULL, NULL);
}
