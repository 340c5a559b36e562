#include "dtls/fingerprint.h"

#include <openssl/evp.h>

#include "base/hash.h"
#include "base/text.h"
#include "parley/types.h"

/* The digest's length for an algorithm's name; 0 for one that is too weak (md5, sha-1, sha-224) or unknown. */
static size_t digest_length(slice algorithm)
{
	static const struct {
		const char *name;
		size_t len;
	} known[] = {{"sha-256", 32}, {"sha-384", 48}, {"sha-512", 64}};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (slice_equal_nocase(algorithm, slice_from_string(known[i].name)))
			return known[i].len;
	return 0;
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Exactly len pairs of digits with colons between them. */
static bool scan_value(slice value, uint8_t *out, size_t len)
{
	if (value.len != 3 * len - 1)
		return false;
	for (size_t i = 0; i < len; i++) {
		const uint8_t *pair = value.data + 3 * i;
		int high = hex_digit(pair[0]), low = hex_digit(pair[1]);
		if (high < 0 || low < 0 || (i + 1 < len && pair[2] != ':'))
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool contains(const dtls_fingerprints *set, slice digest)
{
	bool found = false;
	for (size_t i = 0; i < set->count; i++)
		found |= equal_constant_time(slice_of(set->entries[i].bytes, set->entries[i].len), digest);
	return found;
}

int dtls_fingerprint_add(dtls_fingerprints *set, slice algorithm, slice value, bool closed)
{
	uint8_t bytes[DTLS_FINGERPRINT_BYTES_MAX];
	size_t len = digest_length(algorithm);
	if (len == 0)
		return PARLEY_EUNSUPPORTED;
	if (!scan_value(value, bytes, len))
		return PARLEY_EINVAL;
	if (contains(set, slice_of(bytes, len)))
		return 0;
	if (closed)
		return PARLEY_ESTATE;
	if (set->count == DTLS_FINGERPRINTS_MAX)
		return PARLEY_ELIMIT;
	set->entries[set->count].len = len;
	for (size_t i = 0; i < len; i++)
		set->entries[set->count].bytes[i] = bytes[i];
	set->count++;
	return 0;
}

bool dtls_fingerprint_match(const dtls_fingerprints *set, const X509 *certificate)
{
	size_t strongest = 0;
	for (size_t i = 0; i < set->count; i++)
		if (set->entries[i].len > strongest)
			strongest = set->entries[i].len;
	if (strongest == 0)
		return false;
	const EVP_MD *md = strongest == 32 ? EVP_sha256() : strongest == 48 ? EVP_sha384() : EVP_sha512();
	uint8_t digest[EVP_MAX_MD_SIZE];
	return X509_digest(certificate, md, digest, NULL) == 1 && contains(set, slice_of(digest, strongest));
}

void dtls_fingerprint_print(slice digest, char *out)
{
	static const char digits[] = "0123456789ABCDEF";
	for (size_t i = 0; i < digest.len; i++) {
		out[3 * i] = digits[digest.data[i] >> 4];
		out[3 * i + 1] = digits[digest.data[i] & 15];
		out[3 * i + 2] = i + 1 < digest.len ? ':' : '\0';
	}
}
