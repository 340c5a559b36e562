/*
 * fuzz/dtls_fuzz.c: a client and a server, and someone on the path who injects, relays, changes, loses and replays.
 *
 * The input is a list of steps (enum step). Whatever happens, what either side hands out as data is what the other
 * sent.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* RAND_METHOD, so that an input always gives the same bytes */

#include <assert.h>
#include <openssl/rand.h>
#include <stdlib.h>

#include "base/rng.h"
#include "base/time.h"
#include "dtls/dtls.h"

enum step { INJECT, RELAY, CHANGE, LOSE, REPLAY, WAIT, SEND, CLOSE, STEPS };

#define STEPS_MAX 200u
#define DATAGRAM_MAX 4096u
#define SECRET "only what was sent"

static rng_seeded source;
static uint8_t last[DATAGRAM_MAX]; /* the datagram relayed or changed most recently */
static size_t last_len;

static int seeded_bytes(unsigned char *out, int len)
{
	parley_random random = rng_seeded_source(&source);
	return rng_bytes(&random, out, (size_t)len) == 0;
}

static int seeded_status(void)
{
	return 1;
}

/* One certificate for both, made once: its key does not depend on the input. */
static const dtls_certificate *certificate(void)
{
	static const RAND_METHOD seeded = {.bytes = seeded_bytes, .pseudorand = seeded_bytes, .status = seeded_status};
	static dtls_certificate *made;
	if (made)
		return made;
	RAND_set_rand_method(&seeded);
	rng_seeded_init(&source, 1);
	parley_random random = rng_seeded_source(&source);
	if (dtls_certificate_generate(&random, 1700000000, &made) != 0)
		abort();
	return made;
}

static dtls_conn *start(bool client, bool trusting)
{
	dtls_conn *conn;
	dtls_config config = dtls_config_default(certificate(), client);
	slice value = slice_from_string(dtls_certificate_fingerprint(certificate()));
	if (dtls_create(&config, &conn) != 0)
		abort();
	if (trusting)
		dtls_add_remote_fingerprint(conn, slice_from_string("sha-256"), value);
	dtls_start(conn, 0);
	return conn;
}

static void look_at(dtls_conn *conn)
{
	slice data;
	dtls_event event;
	dtls_check_invariants(conn);
	while (dtls_poll_data(conn, &data))
		assert(slice_equal_string(data, SECRET));
	while (dtls_poll_event(conn, &event))
		assert(event.kind != DTLS_EVENT_FAILED || event.reason[0]);
}

static void deliver(dtls_conn *to, uint64_t now, slice datagram)
{
	dtls_receive(to, now, datagram);
	look_at(to);
}

static void perform(dtls_conn *from, dtls_conn *to, reader *in, enum step step, uint64_t *now)
{
	packet out = {.data = last, .capacity = sizeof last};
	switch (step) {
	case INJECT:
		deliver(to, *now, read_bytes(in, read_u16(in) % DATAGRAM_MAX));
		break;
	case RELAY:
	case CHANGE:
	case LOSE:
		if (!dtls_poll_transmit(from, *now, &out))
			break;
		last_len = out.len;
		if (step == CHANGE)
			last[read_u16(in) % last_len] ^= read_u8(in);
		if (step != LOSE)
			deliver(to, *now, slice_of(last, last_len));
		break;
	case REPLAY:
		deliver(to, *now, slice_of(last, last_len));
		break;
	case WAIT:
		*now += read_u16(in) * US_PER_MS;
		dtls_timeout(to, *now);
		look_at(to);
		break;
	case SEND:
		dtls_send(from, *now, slice_from_string(SECRET));
		break;
	default:
		dtls_close(from, *now);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	reader in = reader_of(slice_of(data, size));
	uint8_t flags = read_u8(&in);
	uint64_t now = 0;
	(void)certificate();
	rng_seeded_init(&source, 2);
	last_len = 0;
	dtls_conn *conn[2] = {start(true, !(flags & 1)), start(false, !(flags & 2))};
	for (unsigned i = 0; i < STEPS_MAX && reader_left(&in) > 0; i++) {
		uint8_t step = read_u8(&in);
		int from = step & 1;
		perform(conn[from], conn[!from], &in, step >> 1 & (STEPS - 1), &now);
		look_at(conn[from]);
	}
	dtls_destroy(conn[0]);
	dtls_destroy(conn[1]);
	return 0;
}
