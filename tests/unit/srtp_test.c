/* rtp/srtp.h */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "parley/types.h"
#include "rtp/packet.h"
#include "rtp/rtcp.h"
#include "rtp/rtcp_feedback.h"
#include "rtp/srtp.h"
#include "tests/support/failmalloc.h"
#include "tests/unit/srtp_reference.h"

#define SLICE(array) slice_of(array, sizeof(array))
#define SSRC 0x4d617273u
#define PACKET_MAX 1500

static const unsigned PROFILES[] = {RTP_CRYPTO_AES128_CM_SHA1_80, RTP_CRYPTO_AEAD_AES_128_GCM,
				    RTP_CRYPTO_AEAD_AES_256_GCM};

/* Two ends of one DTLS connection. */
typedef struct {
	unsigned profile;
	uint8_t keying[RTP_CRYPTO_KEYING_MAX];
	rtp_crypto *client, *server;
} pair;

static pair pair_new(unsigned profile)
{
	pair p = {.profile = profile};
	for (size_t i = 0; i < sizeof p.keying; i++)
		p.keying[i] = (uint8_t)(37 * i + profile);
	slice keys = slice_of(p.keying, rtp_crypto_keying_size(profile));
	assert_int_equal(rtp_crypto_create(profile, keys, true, NULL, &p.client), 0);
	assert_int_equal(rtp_crypto_create(profile, keys, false, NULL, &p.server), 0);
	return p;
}

static void pair_free(pair *p)
{
	rtp_crypto_destroy(p->client);
	rtp_crypto_destroy(p->server);
}

static slice pair_keys(const pair *p)
{
	return slice_of(p->keying, rtp_crypto_keying_size(p->profile));
}

/* A packet that owns its memory. */
typedef struct {
	uint8_t bytes[PACKET_MAX];
	packet p;
} datagram;

static packet *begin(datagram *d)
{
	memset(d->bytes, 0, sizeof d->bytes);
	d->p = (packet){.data = d->bytes, .capacity = sizeof d->bytes};
	return &d->p;
}

static void make_rtp(datagram *d, uint32_t ssrc, uint16_t sequence, const char *text)
{
	static const uint8_t extension[] = {0x22, 0x7c, 0x2f, 0x76, 0x31, 0x00, 0x01, 0x00};
	rtp_packet p = {.payload_type = 111,
			.sequence = sequence,
			.timestamp = 960u * sequence,
			.ssrc = ssrc,
			.has_extension = true,
			.extension_profile = 0xbede,
			.extension = SLICE(extension),
			.payload = slice_from_string(text)};
	begin(d);
	writer w = writer_of(d->bytes, sizeof d->bytes);
	assert_int_equal(rtp_packet_write(&w, &p), 0);
	d->p.len = w.len;
}

static void make_rtcp(datagram *d, uint32_t ssrc)
{
	begin(d);
	writer w = writer_of(d->bytes, sizeof d->bytes);
	rtcp_sr sr = {.ssrc = ssrc, .ntp = 0x1234, .packets_sent = 5, .report_count = 1, .reports = {{.ssrc = 9}}};
	assert_int_equal(rtcp_sr_write(&w, &sr), 0);
	assert_int_equal(rtcp_pli_write(&w, ssrc, 9), 0);
	d->p.len = w.len;
}

static slice bytes_of(const datagram *d)
{
	return slice_of(d->p.data, d->p.len);
}

static datagram copy_of(const datagram *d)
{
	datagram copy = *d;
	copy.p.data = NULL; /* set by whoever gets it: use `settle` */
	return copy;
}

static packet *settle(datagram *d)
{
	d->p.data = d->bytes;
	return &d->p;
}

static void assert_opens(rtp_crypto *c, const datagram *sent, const datagram *plain)
{
	datagram got = copy_of(sent);
	assert_int_equal(rtp_crypto_unprotect_rtp(c, settle(&got)), 0);
	assert_true(slice_equal(bytes_of(&got), slice_of(plain->bytes, plain->p.len)));
}

static int open_copy(rtp_crypto *c, const datagram *sent)
{
	datagram got = copy_of(sent);
	return rtp_crypto_unprotect_rtp(c, settle(&got));
}

/* --- the reference is right --- */

static void reference_derives_as_rfc3711_b3(void **state)
{
	(void)state;
	static const uint8_t key[] = {0xe1, 0xf9, 0x7a, 0x0d, 0x3e, 0x01, 0x8b, 0xe0,
				      0xd6, 0x4f, 0xa3, 0x2c, 0x06, 0xde, 0x41, 0x39};
	static const uint8_t salt[] = {0x0e, 0xc6, 0x75, 0xad, 0x49, 0x8a, 0xfe,
				       0xeb, 0xb6, 0x96, 0x0b, 0x3a, 0xab, 0xe6};
	static const uint8_t cipher_key[] = {0xc6, 0x1e, 0x7a, 0x93, 0x74, 0x4f, 0x39, 0xee,
					     0x10, 0x73, 0x4a, 0xfe, 0x3f, 0xf7, 0xa0, 0x87};
	static const uint8_t cipher_salt[] = {0x30, 0xcb, 0xbc, 0x08, 0x86, 0x3d, 0x8c,
					      0x85, 0xd4, 0x9d, 0xb3, 0x4a, 0x9a, 0xe1};
	static const uint8_t auth_key[] = {0xce, 0xbe, 0x32, 0x1f, 0x6f, 0xf7, 0x71, 0x6b, 0x6f, 0xd4,
					   0xab, 0x49, 0xaf, 0x25, 0x6a, 0x15, 0x6d, 0x38, 0xba, 0xa4};
	uint8_t out[20];
	reference_derive(SLICE(key), SLICE(salt), REFERENCE_CIPHER_KEY, out, 16);
	assert_memory_equal(out, cipher_key, 16);
	reference_derive(SLICE(key), SLICE(salt), REFERENCE_SALT, out, 14);
	assert_memory_equal(out, cipher_salt, 14);
	reference_derive(SLICE(key), SLICE(salt), REFERENCE_AUTH_KEY, out, 20);
	assert_memory_equal(out, auth_key, 20);
}

static void reference_key_stream_is_that_of_rfc3711_b2(void **state)
{
	(void)state;
	static const uint8_t key[] = {0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6,
				      0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c};
	static const uint8_t offset[16] = {0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7,
					   0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0x00, 0x00};
	static const uint8_t first[] = {0xe0, 0x3e, 0xad, 0x09, 0x35, 0xc9, 0x5e, 0x80, 0xe1, 0x66, 0xb1,
					0x6d, 0xd9, 0x2b, 0x4e, 0xb4, 0xd2, 0x35, 0x13, 0x16, 0x2b, 0x02,
					0xd0, 0xf7, 0x2a, 0x43, 0xa2, 0xfe, 0x4a, 0x5f, 0x97, 0xab};
	static const uint8_t zeros[32];
	uint8_t out[32];
	reference_aes_cm(SLICE(key), offset, SLICE(zeros), out);
	assert_memory_equal(out, first, 32);
}

static reference_keys rfc7714_keys(size_t key_size)
{
	reference_keys k = {.gcm = true, .key_size = key_size, .salt = "Quid pro quo"};
	for (size_t i = 0; i < key_size; i++)
		k.key[i] = (uint8_t)i;
	return k;
}

static const uint8_t RFC7714_RTP[] =
	"\x80\x40\xf1\x7b\x80\x41\xf8\xd3\x55\x01\xa0\xb2Gallia est omnis divisa in partes tres";
static const uint8_t RFC7714_RTCP[] = {0x81, 0xc8, 0x00, 0x0d, 0x4d, 0x61, 0x72, 0x73, 0x4e, 0x54, 0x50, 0x31, 0x4e,
				       0x54, 0x50, 0x32, 0x52, 0x54, 0x50, 0x20, 0x00, 0x00, 0x04, 0x2a, 0x00, 0x00,
				       0xe9, 0x30, 0x4c, 0x75, 0x6e, 0x61, 0xde, 0xad, 0xbe, 0xef, 0xde, 0xad, 0xbe,
				       0xef, 0xde, 0xad, 0xbe, 0xef, 0xde, 0xad, 0xbe, 0xef, 0xde, 0xad, 0xbe, 0xef};

static void reference_encrypts_as_rfc7714_16(void **state)
{
	(void)state;
	static const uint8_t gcm128[] = {0xf2, 0x4d, 0xe3, 0xa3, 0xfb, 0x34, 0xde, 0x6c, 0xac, 0xba, 0x86,
					 0x1c, 0x9d, 0x7e, 0x4b, 0xca, 0xbe, 0x63, 0x3b, 0xd5, 0x0d, 0x29,
					 0x4e, 0x6f, 0x42, 0xa5, 0xf4, 0x7a, 0x51, 0xc7, 0xd1, 0x9b, 0x36,
					 0xde, 0x3a, 0xdf, 0x88, 0x33, 0x89, 0x9d, 0x7f, 0x27, 0xbe, 0xb1,
					 0x6a, 0x91, 0x52, 0xcf, 0x76, 0x5e, 0xe4, 0x39, 0x0c, 0xce};
	static const uint8_t gcm256[] = {0x32, 0xb1, 0xde, 0x78, 0xa8, 0x22, 0xfe, 0x12, 0xef, 0x9f, 0x78,
					 0xfa, 0x33, 0x2e, 0x33, 0xaa, 0xb1, 0x80, 0x12, 0x38, 0x9a, 0x58,
					 0xe2, 0xf3, 0xb5, 0x0b, 0x2a, 0x02, 0x76, 0xff, 0xae, 0x0f, 0x1b,
					 0xa6, 0x37, 0x99, 0xb8, 0x7b, 0x7a, 0xa3, 0xdb, 0x36, 0xdf, 0xff,
					 0xd6, 0xb0, 0xf9, 0xbb, 0x78, 0x78, 0xd7, 0xa7, 0x6c, 0x13};
	const slice plain = slice_of(RFC7714_RTP, sizeof RFC7714_RTP - 1);
	uint8_t out[100];
	reference_keys k = rfc7714_keys(16);
	assert_int_equal(reference_protect_rtp(&k, 0, plain, RTP_HEADER_SIZE, out), plain.len + 16);
	assert_memory_equal(out + RTP_HEADER_SIZE, gcm128, sizeof gcm128);
	k = rfc7714_keys(32);
	assert_int_equal(reference_protect_rtp(&k, 0, plain, RTP_HEADER_SIZE, out), plain.len + 16);
	assert_memory_equal(out + RTP_HEADER_SIZE, gcm256, sizeof gcm256);
}

static void reference_encrypts_as_rfc7714_17(void **state)
{
	(void)state;
	static const uint8_t gcm128[] = {0x63, 0xe9, 0x48, 0x85, 0xdc, 0xda, 0xb6, 0x7c, 0xa7, 0x27, 0xd7, 0x66, 0x2f,
					 0x6b, 0x7e, 0x99, 0x7f, 0xf5, 0xc0, 0xf7, 0x6c, 0x06, 0xf3, 0x2d, 0xc6, 0x76,
					 0xa5, 0xf1, 0x73, 0x0d, 0x6f, 0xda, 0x4c, 0xe0, 0x9b, 0x46, 0x86, 0x30, 0x3d,
					 0xed, 0x0b, 0xb9, 0x27, 0x5b, 0xc8, 0x4a, 0xa4, 0x58, 0x96, 0xcf, 0x4d, 0x2f,
					 0xc5, 0xab, 0xf8, 0x72, 0x45, 0xd9, 0xea, 0xde, 0x80, 0x00, 0x05, 0xd4};
	static const uint8_t gcm256[] = {0xd5, 0x0a, 0xe4, 0xd1, 0xf5, 0xce, 0x5d, 0x30, 0x4b, 0xa2, 0x97, 0xe4, 0x7d,
					 0x47, 0x0c, 0x28, 0x2c, 0x3e, 0xce, 0x5d, 0xbf, 0xfe, 0x0a, 0x50, 0xa2, 0xea,
					 0xa5, 0xc1, 0x11, 0x05, 0x55, 0xbe, 0x84, 0x15, 0xf6, 0x58, 0xc6, 0x1d, 0xe0,
					 0x47, 0x6f, 0x1b, 0x6f, 0xad, 0x1d, 0x1e, 0xb3, 0x0c, 0x44, 0x46, 0x83, 0x9f,
					 0x57, 0xff, 0x6f, 0x6c, 0xb2, 0x6a, 0xc3, 0xbe, 0x80, 0x00, 0x05, 0xd4};
	uint8_t out[100];
	reference_keys k = rfc7714_keys(16);
	assert_int_equal(reference_protect_rtcp(&k, 0x5d4, SLICE(RFC7714_RTCP), out), sizeof RFC7714_RTCP + 20);
	assert_memory_equal(out + 8, gcm128, sizeof gcm128);
	k = rfc7714_keys(32);
	assert_int_equal(reference_protect_rtcp(&k, 0x5d4, SLICE(RFC7714_RTCP), out), sizeof RFC7714_RTCP + 20);
	assert_memory_equal(out + 8, gcm256, sizeof gcm256);
}

/* --- ours is as the reference --- */

static void rtp_is_as_the_reference(rtp_crypto *sender, const pair *p, bool client, uint16_t sequence, uint32_t roc)
{
	reference_keys k = reference_keys_of(p->profile, pair_keys(p), client, false);
	uint8_t expected[PACKET_MAX];
	rtp_packet header;
	datagram d;
	make_rtp(&d, SSRC, sequence, sequence % 2 ? "Gallia est omnis divisa in partes tres" : "");
	assert_int_equal(rtp_header_parse(bytes_of(&d), &header), 0);
	size_t clear = d.p.len - header.payload.len;
	size_t len = reference_protect_rtp(&k, roc, bytes_of(&d), clear, expected);
	assert_int_equal(rtp_crypto_protect_rtp(sender, &d.p), 0);
	assert_true(slice_equal(bytes_of(&d), slice_of(expected, len)));
}

static void rtp_is_as_the_reference_in_both_roles(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(PROFILES); i++) {
		pair p = pair_new(PROFILES[i]);
		for (uint32_t n = 65530; n < 65545; n++) {
			rtp_is_as_the_reference(p.client, &p, true, (uint16_t)n, n >> 16);
			rtp_is_as_the_reference(p.server, &p, false, (uint16_t)n, n >> 16);
		}
		pair_free(&p);
	}
}

static void reference_rtp_is_opened(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(PROFILES); i++) {
		pair p = pair_new(PROFILES[i]);
		reference_keys k = reference_keys_of(p.profile, pair_keys(&p), false, false);
		datagram plain, d;
		make_rtp(&plain, SSRC, 7, "from a server");
		begin(&d);
		d.p.len = reference_protect_rtp(&k, 0, bytes_of(&plain), RTP_HEADER_SIZE + 12, d.bytes);
		assert_opens(p.client, &d, &plain);
		pair_free(&p);
	}
}

static void rtcp_is_as_the_reference_in_both_roles(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LENGTH(PROFILES); i++) {
		bool client = i % 2;
		pair p = pair_new(PROFILES[i / 2]);
		reference_keys k = reference_keys_of(p.profile, pair_keys(&p), client, true);
		uint8_t expected[PACKET_MAX];
		for (uint32_t index = 1; index < 4; index++) {
			datagram d, plain;
			make_rtcp(&d, SSRC);
			plain = d;
			size_t len = reference_protect_rtcp(&k, index, bytes_of(&d), expected);
			assert_int_equal(rtp_crypto_protect_rtcp(client ? p.client : p.server, &d.p), 0);
			assert_int_equal(d.p.len, plain.p.len + rtp_crypto_rtcp_overhead(p.profile));
			assert_true(slice_equal(bytes_of(&d), slice_of(expected, len)));
			assert_int_equal(rtp_crypto_unprotect_rtcp(client ? p.server : p.client, &d.p), 0);
			assert_true(slice_equal(bytes_of(&d), slice_of(plain.bytes, plain.p.len)));
		}
		pair_free(&p);
	}
}

/* --- what is refused --- */

static void fill(uint8_t *out, size_t len, unsigned how, rng_seeded *rng)
{
	for (size_t i = 0; i < len; i++)
		out[i] = how ? (uint8_t)rng_seeded_next(rng) : 0;
	if (how > 1 && len > 1) {
		static const uint8_t firsts[] = {0x80, 0x90, 0x8f, 0xbf};
		out[0] = firsts[how % 4];
		out[1] = how % 2 ? 111 : 200;
	}
}

static void every_length_is_refused(rtp_crypto *c, size_t len, unsigned how, rng_seeded *rng)
{
	/* Of the exact size, so that the sanitizer sees a step outside. */
	uint8_t *bytes = malloc(len ? len : 1);
	assert_non_null(bytes);
	packet p = {.data = bytes, .capacity = len, .len = len};
	fill(bytes, len, how, rng);
	int error = rtp_crypto_unprotect_rtp(c, &p);
	assert_true(error == PARLEY_EPROTO || error == PARLEY_EAUTH);
	assert_int_equal(p.len, len);
	fill(bytes, len, how, rng);
	error = rtp_crypto_unprotect_rtcp(c, &p);
	assert_true(error == PARLEY_EPROTO || error == PARLEY_EAUTH);
	assert_int_equal(p.len, len);
	free(bytes);
}

static void every_short_length_is_refused(void **state)
{
	(void)state;
	rng_seeded rng;
	rng_seeded_init(&rng, 3);
	for (size_t i = 0; i < ARRAY_LENGTH(PROFILES); i++) {
		pair p = pair_new(PROFILES[i]);
		uint64_t count = 0;
		for (size_t len = 0; len <= 64; len++) {
			for (unsigned how = 0; how < 8; how++, count += 2)
				every_length_is_refused(p.server, len, how, &rng);
		}
		const rtp_crypto_stats *s = rtp_crypto_get_stats(p.server);
		assert_int_equal(s->malformed + s->auth_failures, count);
		assert_true(s->malformed > 0 && s->auth_failures > 0);
		assert_int_equal(s->rtp_unprotected + s->rtcp_unprotected + s->replays, 0);
		pair_free(&p);
	}
}

static void every_truncation_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(PROFILES); i++) {
		pair p = pair_new(PROFILES[i]);
		datagram rtp, rtcp;
		make_rtp(&rtp, SSRC, 1, "payload");
		make_rtcp(&rtcp, SSRC);
		assert_int_equal(rtp_crypto_protect_rtp(p.client, &rtp.p), 0);
		assert_int_equal(rtp_crypto_protect_rtcp(p.client, &rtcp.p), 0);
		for (size_t len = 0; len < rtp.p.len; len++) {
			datagram d = copy_of(&rtp);
			settle(&d)->len = len;
			assert_true(rtp_crypto_unprotect_rtp(p.server, &d.p) < 0);
		}
		for (size_t len = 0; len < rtcp.p.len; len++) {
			datagram d = copy_of(&rtcp);
			settle(&d)->len = len;
			assert_true(rtp_crypto_unprotect_rtcp(p.server, &d.p) < 0);
		}
		pair_free(&p);
	}
}

static void every_changed_bit_is_refused_and_does_no_harm(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(PROFILES); i++) {
		pair p = pair_new(PROFILES[i]);
		datagram plain, sent;
		make_rtp(&plain, SSRC, 100, "payload");
		sent = copy_of(&plain);
		assert_int_equal(rtp_crypto_protect_rtp(p.client, settle(&sent)), 0);
		for (size_t bit = 0; bit < 8 * sent.p.len; bit++) {
			datagram d = copy_of(&sent);
			d.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
			assert_true(rtp_crypto_unprotect_rtp(p.server, settle(&d)) < 0);
		}
		/* Neither the replay window nor the roll-over counter believed any of it. */
		assert_opens(p.server, &sent, &plain);
		pair_free(&p);
	}
}

static void changed_rtcp_is_refused_and_does_no_harm(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(PROFILES); i++) {
		pair p = pair_new(PROFILES[i]);
		datagram sent;
		make_rtcp(&sent, SSRC);
		assert_int_equal(rtp_crypto_protect_rtcp(p.client, &sent.p), 0);
		for (size_t bit = 0; bit < 8 * sent.p.len; bit++) {
			datagram d = copy_of(&sent);
			d.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
			assert_true(rtp_crypto_unprotect_rtcp(p.server, settle(&d)) < 0);
		}
		assert_int_equal(rtp_crypto_unprotect_rtcp(p.server, &sent.p), 0);
		pair_free(&p);
	}
}

static void replays_are_refused_and_counted(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(PROFILES); i++) {
		pair p = pair_new(PROFILES[i]);
		datagram rtp, rtcp, again;
		make_rtp(&rtp, SSRC, 1, "payload");
		make_rtcp(&rtcp, SSRC);
		assert_int_equal(rtp_crypto_protect_rtp(p.client, &rtp.p), 0);
		assert_int_equal(rtp_crypto_protect_rtcp(p.client, &rtcp.p), 0);
		assert_int_equal(open_copy(p.server, &rtp), 0);
		assert_int_equal(open_copy(p.server, &rtp), PARLEY_EAUTH);
		again = copy_of(&rtcp);
		assert_int_equal(rtp_crypto_unprotect_rtcp(p.server, settle(&again)), 0);
		again = copy_of(&rtcp);
		assert_int_equal(rtp_crypto_unprotect_rtcp(p.server, settle(&again)), PARLEY_EAUTH);
		const rtp_crypto_stats *s = rtp_crypto_get_stats(p.server);
		assert_int_equal(s->replays, 2);
		assert_int_equal(s->auth_failures, 0);
		assert_int_equal(s->rtp_unprotected, 1);
		assert_int_equal(s->rtcp_unprotected, 1);
		pair_free(&p);
	}
}

static void our_own_packets_coming_back_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(PROFILES); i++) {
		pair p = pair_new(PROFILES[i]);
		datagram d;
		make_rtp(&d, SSRC, 1, "payload");
		assert_int_equal(rtp_crypto_protect_rtp(p.client, &d.p), 0);
		assert_int_equal(open_copy(p.client, &d), PARLEY_EAUTH);
		assert_int_equal(rtp_crypto_get_stats(p.client)->auth_failures, 1);
		pair_free(&p);
	}
}

/* --- indices --- */

static void late_packets_are_opened_within_the_window(void **state)
{
	(void)state;
	pair p = pair_new(RTP_CRYPTO_AEAD_AES_128_GCM);
	datagram edge, beyond, newest, plain;
	make_rtp(&beyond, SSRC, 99, "late");
	make_rtp(&edge, SSRC, 101, "late");
	plain = edge;
	make_rtp(&newest, SSRC, 100 + RTP_CRYPTO_WINDOW, "now");
	assert_int_equal(rtp_crypto_protect_rtp(p.client, &beyond.p), 0);
	assert_int_equal(rtp_crypto_protect_rtp(p.client, settle(&edge)), 0);
	assert_int_equal(rtp_crypto_protect_rtp(p.client, settle(&newest)), 0);
	assert_int_equal(open_copy(p.server, &newest), 0);
	assert_opens(p.server, &edge, &plain);
	assert_int_equal(open_copy(p.server, &beyond), PARLEY_EAUTH);
	assert_int_equal(rtp_crypto_get_stats(p.server)->replays, 1);
	pair_free(&p);
}

#define WRAP_FIRST 65000u
#define WRAP_COUNT 1500u

/* Sends across the wrap; a third is lost, and blocks of eight arrive backwards. */
static void sequence_wraps_with_loss_and_reordering(void **state)
{
	(void)state;
	static datagram sent[WRAP_COUNT], plain[WRAP_COUNT];
	for (size_t i = 0; i < ARRAY_LENGTH(PROFILES); i++) {
		pair p = pair_new(PROFILES[i]);
		for (uint32_t n = 0; n < WRAP_COUNT; n++) {
			make_rtp(&plain[n], SSRC, (uint16_t)(WRAP_FIRST + n), "across");
			sent[n] = copy_of(&plain[n]);
			assert_int_equal(rtp_crypto_protect_rtp(p.client, settle(&sent[n])), 0);
		}
		for (uint32_t n = 0; n + 8 <= WRAP_COUNT; n++) {
			uint32_t shuffled = (n & ~7u) + (7 - n % 8);
			if (shuffled % 3 != 1)
				assert_opens(p.server, &sent[shuffled], &plain[shuffled]);
		}
		pair_free(&p);
	}
}

static void the_wrap_itself_may_be_lost(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(PROFILES); i++) {
		pair p = pair_new(PROFILES[i]);
		datagram plain, d, before;
		for (uint32_t n = 65000; n < 66000; n++) {
			make_rtp(&plain, SSRC, (uint16_t)n, "across");
			d = copy_of(&plain);
			assert_int_equal(rtp_crypto_protect_rtp(p.client, settle(&d)), 0);
			if (n == 65535)
				before = d;
			if (n < 65500 || n > 65600)
				assert_opens(p.server, &d, &plain);
			if (n == 65700) /* the last of the old count, behind 165 of the new */
				assert_int_equal(open_copy(p.server, &before), 0);
		}
		pair_free(&p);
	}
}

static void sources_are_independent(void **state)
{
	(void)state;
	pair p = pair_new(RTP_CRYPTO_AES128_CM_SHA1_80);
	for (uint32_t ssrc = 1; ssrc <= 3; ssrc++) {
		for (uint16_t n = 0; n < 3; n++) {
			datagram plain, d;
			make_rtp(&plain, ssrc, (uint16_t)(1000 * ssrc + n), "one of three");
			d = copy_of(&plain);
			assert_int_equal(rtp_crypto_protect_rtp(p.client, settle(&d)), 0);
			assert_opens(p.server, &d, &plain);
		}
	}
	pair_free(&p);
}

static void both_ends_may_use_one_ssrc(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(PROFILES); i++) {
		pair p = pair_new(PROFILES[i]);
		datagram plain, to_server, to_client;
		make_rtp(&plain, SSRC, 5, "the same");
		to_server = copy_of(&plain);
		to_client = copy_of(&plain);
		assert_int_equal(rtp_crypto_protect_rtp(p.client, settle(&to_server)), 0);
		assert_int_equal(rtp_crypto_protect_rtp(p.server, settle(&to_client)), 0);
		assert_opens(p.server, &to_server, &plain);
		assert_opens(p.client, &to_client, &plain);
		pair_free(&p);
	}
}

static void sources_are_limited(void **state)
{
	(void)state;
	pair p = pair_new(RTP_CRYPTO_AEAD_AES_128_GCM);
	pair other = pair_new(RTP_CRYPTO_AEAD_AES_128_GCM); /* the same keys, a sender of its own */
	datagram d;
	for (uint32_t n = 0; n < RTP_CRYPTO_SOURCES_MAX; n++) {
		make_rtp(&d, n, 1, "x");
		assert_int_equal(rtp_crypto_protect_rtp(p.client, &d.p), 0);
		assert_int_equal(open_copy(p.server, &d), 0);
	}
	make_rtp(&d, RTP_CRYPTO_SOURCES_MAX, 1, "x");
	assert_int_equal(rtp_crypto_protect_rtp(p.client, &d.p), PARLEY_ELIMIT);
	make_rtp(&d, RTP_CRYPTO_SOURCES_MAX, 1, "x");
	assert_int_equal(rtp_crypto_protect_rtp(other.client, &d.p), 0);
	assert_int_equal(open_copy(p.server, &d), PARLEY_ELIMIT);
	assert_int_equal(rtp_crypto_get_stats(p.server)->over_limit, 1);
	make_rtp(&d, 0, 2, "x");
	assert_int_equal(rtp_crypto_protect_rtp(p.client, &d.p), 0);
	assert_int_equal(open_copy(p.server, &d), 0);
	pair_free(&p);
	pair_free(&other);
}

/* --- the caller's mistakes --- */

static void a_sequence_number_is_sent_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(PROFILES); i++) {
		pair p = pair_new(PROFILES[i]);
		datagram d;
		make_rtp(&d, SSRC, 5, "first");
		assert_int_equal(rtp_crypto_protect_rtp(p.client, &d.p), 0);
		make_rtp(&d, SSRC, 5, "other bytes");
		assert_int_equal(rtp_crypto_protect_rtp(p.client, &d.p), PARLEY_ESTATE);
		pair_free(&p);
	}
}

static void room_is_needed_for_the_tag(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(PROFILES); i++) {
		pair p = pair_new(PROFILES[i]);
		size_t overhead = rtp_crypto_rtp_overhead(p.profile);
		datagram d;
		make_rtp(&d, SSRC, 5, "first");
		d.p.capacity = d.p.len + overhead - 1;
		assert_int_equal(rtp_crypto_protect_rtp(p.client, &d.p), PARLEY_EMSGSIZE);
		d.p.capacity++;
		size_t before = d.p.len;
		assert_int_equal(rtp_crypto_protect_rtp(p.client, &d.p), 0);
		assert_int_equal(d.p.len, before + overhead);
		make_rtcp(&d, SSRC);
		d.p.capacity = d.p.len + rtp_crypto_rtcp_overhead(p.profile) - 1;
		assert_int_equal(rtp_crypto_protect_rtcp(p.client, &d.p), PARLEY_EMSGSIZE);
		pair_free(&p);
	}
}

static void only_rtp_and_rtcp_are_encrypted(void **state)
{
	(void)state;
	pair p = pair_new(RTP_CRYPTO_AEAD_AES_128_GCM);
	datagram d;
	make_rtcp(&d, SSRC);
	assert_int_equal(rtp_crypto_protect_rtp(p.client, &d.p), PARLEY_EINVAL);
	make_rtp(&d, SSRC, 1, "x");
	assert_int_equal(rtp_crypto_protect_rtcp(p.client, &d.p), PARLEY_EINVAL);
	d.p.len = RTP_HEADER_SIZE - 1;
	assert_int_equal(rtp_crypto_protect_rtp(p.client, &d.p), PARLEY_EINVAL);
	d.p.len = 0;
	assert_int_equal(rtp_crypto_protect_rtcp(p.client, &d.p), PARLEY_EINVAL);
	pair_free(&p);
}

static void keying_of_the_wrong_size_is_refused(void **state)
{
	(void)state;
	static const uint8_t keying[RTP_CRYPTO_KEYING_MAX + 1];
	static const size_t sizes[] = {60, 56, 88};
	rtp_crypto *c = NULL;
	for (size_t i = 0; i < ARRAY_LENGTH(PROFILES); i++) {
		assert_int_equal(rtp_crypto_keying_size(PROFILES[i]), sizes[i]);
		for (size_t len = 0; len <= sizeof keying; len++) {
			int error = rtp_crypto_create(PROFILES[i], slice_of(keying, len), true, NULL, &c);
			assert_int_equal(error, len == sizes[i] ? 0 : PARLEY_EINVAL);
			rtp_crypto_destroy(c);
		}
	}
	assert_int_equal(rtp_crypto_create(2, slice_of(keying, 60), true, NULL, &c), PARLEY_EINVAL);
	assert_int_equal(rtp_crypto_keying_size(2) + rtp_crypto_rtp_overhead(2) + rtp_crypto_rtcp_overhead(2), 0);
}

static void create_without_memory(void *context)
{
	(void)context;
	static const uint8_t keying[60];
	rtp_crypto *c = NULL;
	int error = rtp_crypto_create(RTP_CRYPTO_AES128_CM_SHA1_80, SLICE(keying), true, NULL, &c);
	assert_true(error == 0 || error == PARLEY_ENOMEM);
	rtp_crypto_destroy(c);
}

static void lack_of_memory_is_an_error(void **state)
{
	(void)state;
	failmalloc_loop(create_without_memory, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reference_derives_as_rfc3711_b3),
		cmocka_unit_test(reference_key_stream_is_that_of_rfc3711_b2),
		cmocka_unit_test(reference_encrypts_as_rfc7714_16),
		cmocka_unit_test(reference_encrypts_as_rfc7714_17),
		cmocka_unit_test(rtp_is_as_the_reference_in_both_roles),
		cmocka_unit_test(reference_rtp_is_opened),
		cmocka_unit_test(rtcp_is_as_the_reference_in_both_roles),
		cmocka_unit_test(every_short_length_is_refused),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(every_changed_bit_is_refused_and_does_no_harm),
		cmocka_unit_test(changed_rtcp_is_refused_and_does_no_harm),
		cmocka_unit_test(replays_are_refused_and_counted),
		cmocka_unit_test(our_own_packets_coming_back_are_refused),
		cmocka_unit_test(late_packets_are_opened_within_the_window),
		cmocka_unit_test(sequence_wraps_with_loss_and_reordering),
		cmocka_unit_test(the_wrap_itself_may_be_lost),
		cmocka_unit_test(sources_are_independent),
		cmocka_unit_test(both_ends_may_use_one_ssrc),
		cmocka_unit_test(sources_are_limited),
		cmocka_unit_test(a_sequence_number_is_sent_once),
		cmocka_unit_test(room_is_needed_for_the_tag),
		cmocka_unit_test(only_rtp_and_rtcp_are_encrypted),
		cmocka_unit_test(keying_of_the_wrong_size_is_refused),
		cmocka_unit_test(lack_of_memory_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
