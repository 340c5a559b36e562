#include "sctp/cookie.h"

#include <assert.h>

#include "base/hash.h"
#include "parley/types.h"

static slice key_slice(const uint8_t key[SCTP_COOKIE_KEY_SIZE])
{
	return slice_of(key, SCTP_COOKIE_KEY_SIZE);
}

static uint8_t pack_features(const sctp_features *f)
{
	return (uint8_t)((f->forward_tsn ? 1 : 0) | (f->reconfig ? 2 : 0) | (f->zero_checksum ? 4 : 0) |
			 (f->i_data ? 8 : 0) | (f->i_forward_tsn ? 16 : 0));
}

static sctp_features unpack_features(uint8_t bits)
{
	return (sctp_features){.forward_tsn = bits & 1,
			       .reconfig = bits & 2,
			       .zero_checksum = bits & 4,
			       .i_data = bits & 8,
			       .i_forward_tsn = bits & 16};
}

int sctp_cookie_seal(const sctp_cookie *cookie, const uint8_t key[SCTP_COOKIE_KEY_SIZE], uint8_t out[SCTP_COOKIE_SIZE])
{
	writer w = writer_of(out, SCTP_COOKIE_SIZE);
	write_zeros(&w, SHA256_SIZE);
	write_u64(&w, cookie->created);
	write_u32(&w, cookie->local_tag);
	write_u32(&w, cookie->peer_tag);
	write_u32(&w, cookie->local_tie);
	write_u32(&w, cookie->peer_tie);
	write_u32(&w, cookie->local_tsn);
	write_u32(&w, cookie->peer_tsn);
	write_u32(&w, cookie->peer_window);
	write_u16(&w, cookie->streams_out);
	write_u16(&w, cookie->streams_in);
	write_u8(&w, pack_features(&cookie->features));
	assert(!w.bad && w.len == SCTP_COOKIE_SIZE);
	return hmac_sha256(key_slice(key), slice_of(out + SHA256_SIZE, SCTP_COOKIE_SIZE - SHA256_SIZE), out);
}

int sctp_cookie_open(slice bytes, const uint8_t key[SCTP_COOKIE_KEY_SIZE], sctp_cookie *cookie)
{
	if (bytes.len != SCTP_COOKIE_SIZE)
		return PARLEY_EAUTH;
	uint8_t mac[SHA256_SIZE];
	int err = hmac_sha256(key_slice(key), slice_part(bytes, SHA256_SIZE, bytes.len), mac);
	if (err)
		return err;
	if (!equal_constant_time(slice_of(mac, sizeof mac), slice_part(bytes, 0, SHA256_SIZE)))
		return PARLEY_EAUTH;
	reader r = reader_of(slice_part(bytes, SHA256_SIZE, bytes.len));
	cookie->created = read_u64(&r);
	cookie->local_tag = read_u32(&r);
	cookie->peer_tag = read_u32(&r);
	cookie->local_tie = read_u32(&r);
	cookie->peer_tie = read_u32(&r);
	cookie->local_tsn = read_u32(&r);
	cookie->peer_tsn = read_u32(&r);
	cookie->peer_window = read_u32(&r);
	cookie->streams_out = read_u16(&r);
	cookie->streams_in = read_u16(&r);
	cookie->features = unpack_features(read_u8(&r));
	assert(!r.bad);
	return 0;
}
