#include "stun/auth.h"

#include <stdlib.h>
#include <string.h>

#include "base/crc.h"
#include "stun/attributes.h"

#define NONCE_COOKIE "obMatJos2" /* RFC 8489 9.2 */
#define NONCE_FEATURE_CHARS 4u	 /* base64 of 24 bits */

bool stun_check_fingerprint(const stun_message *m)
{
	/* It is last, hence the length in the header is already the one that it covers. */
	return m->has_fingerprint &&
	       m->fingerprint == (crc32_ieee(slice_part(m->raw, 0, m->fingerprint_at)) ^ STUN_FINGERPRINT_XOR);
}

/* What an integrity attribute at `at` with a value of mac_size covers: everything before it, with the length in the
 * header as if the message ended behind it (RFC 8489 14.5). False: too long. */
static bool covered_bytes(const stun_message *m, size_t at, size_t mac_size, writer *copy)
{
	write_bytes(copy, slice_part(m->raw, 0, at));
	write_u16_at(copy, STUN_LENGTH_AT, (uint16_t)(at + STUN_ATTRIBUTE_HEADER_SIZE + mac_size - STUN_HEADER_SIZE));
	return !copy->bad;
}

int stun_check_integrity(const stun_message *m, slice key)
{
	uint8_t bytes[STUN_AUTHENTICATED_MAX], mac[SHA256_SIZE];
	writer copy = writer_of(bytes, sizeof bytes);
	if (!m->has_integrity && !m->has_integrity_sha256)
		return PARLEY_ENOTFOUND;
	bool sha256 = m->has_integrity_sha256;
	slice theirs = sha256 ? m->integrity_sha256 : m->integrity;
	if (!covered_bytes(m, sha256 ? m->integrity_sha256_at : m->integrity_at, theirs.len, &copy))
		return PARLEY_EAUTH;
	int error = (sha256 ? hmac_sha256 : hmac_sha1)(key, writer_slice(&copy), mac);
	if (error)
		return error;
	return equal_constant_time(theirs, slice_of(mac, sha256 ? SHA256_SIZE : SHA1_SIZE)) ? 0 : PARLEY_EAUTH;
}

/* The parts joined by colons, in memory that the caller wipes and frees. NULL: out of memory. */
static uint8_t *join_colons(const slice *parts, size_t count, size_t *len)
{
	size_t size = count;
	for (size_t i = 0; i < count; i++)
		size += parts[i].len;
	uint8_t *out = malloc(size);
	if (!out)
		return NULL;
	writer w = writer_of(out, size);
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			write_u8(&w, ':');
		write_bytes(&w, parts[i]);
	}
	*len = w.len;
	return out;
}

int stun_long_term_key(uint16_t algorithm, slice username, slice realm, slice password, stun_key *key)
{
	if (algorithm != STUN_ALGORITHM_MD5 && algorithm != STUN_ALGORITHM_SHA256)
		return PARLEY_EUNSUPPORTED;
	const slice parts[] = {username, realm, password};
	size_t len;
	uint8_t *joined = join_colons(parts, 3, &len);
	if (!joined)
		return PARLEY_ENOMEM;
	bool md5 = algorithm == STUN_ALGORITHM_MD5;
	key->len = md5 ? MD5_SIZE : SHA256_SIZE;
	int error = (md5 ? hash_md5 : hash_sha256)(slice_of(joined, len), key->bytes);
	wipe(joined, len);
	free(joined);
	return error;
}

int stun_userhash(slice username, slice realm, uint8_t out[SHA256_SIZE])
{
	const slice parts[] = {username, realm};
	size_t len;
	uint8_t *joined = join_colons(parts, 2, &len);
	if (!joined)
		return PARLEY_ENOMEM;
	int error = hash_sha256(slice_of(joined, len), out);
	free(joined);
	return error;
}

uint32_t stun_nonce_features(slice nonce)
{
	const slice cookie = slice_from_string(NONCE_COOKIE);
	uint8_t bits[3];
	size_t len;
	if (!slice_equal(slice_part(nonce, 0, cookie.len), cookie) ||
	    base64_decode(slice_part(nonce, cookie.len, NONCE_FEATURE_CHARS), bits, sizeof bits, &len) != 0 ||
	    len != sizeof bits)
		return 0;
	reader r = reader_of(slice_of(bits, len));
	return read_u24(&r);
}
