#include "base/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

#include "parley/types.h"

static int digest(const EVP_MD *md, slice in, uint8_t *out)
{
	return EVP_Digest(in.data, in.len, out, NULL, md, NULL) == 1 ? 0 : PARLEY_ECRYPTO;
}

int hash_md5(slice in, uint8_t out[MD5_SIZE])
{
	return digest(EVP_md5(), in, out);
}

int hash_sha1(slice in, uint8_t out[SHA1_SIZE])
{
	return digest(EVP_sha1(), in, out);
}

int hash_sha256(slice in, uint8_t out[SHA256_SIZE])
{
	return digest(EVP_sha256(), in, out);
}

static int hmac(const EVP_MD *md, slice key, slice in, uint8_t *out)
{
	static const uint8_t none;
	const uint8_t *k = key.len ? key.data : &none; /* NULL would mean "the key of last time" */
	if (key.len > INT32_MAX)
		return PARLEY_EINVAL;
	return HMAC(md, k, (int)key.len, in.data, in.len, out, NULL) ? 0 : PARLEY_ECRYPTO;
}

int hmac_sha1(slice key, slice in, uint8_t out[SHA1_SIZE])
{
	return hmac(EVP_sha1(), key, in, out);
}

int hmac_sha256(slice key, slice in, uint8_t out[SHA256_SIZE])
{
	return hmac(EVP_sha256(), key, in, out);
}

struct sha256_stream {
	EVP_MD_CTX *ctx;
};

sha256_stream *sha256_stream_new(void)
{
	sha256_stream *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->ctx = EVP_MD_CTX_new();
	if (!s->ctx || EVP_DigestInit_ex(s->ctx, EVP_sha256(), NULL) != 1) {
		sha256_stream_free(s);
		return NULL;
	}
	return s;
}

int sha256_stream_add(sha256_stream *s, slice in)
{
	return EVP_DigestUpdate(s->ctx, in.data, in.len) == 1 ? 0 : PARLEY_ECRYPTO;
}

int sha256_stream_end(sha256_stream *s, uint8_t out[SHA256_SIZE])
{
	return EVP_DigestFinal_ex(s->ctx, out, NULL) == 1 ? 0 : PARLEY_ECRYPTO;
}

void sha256_stream_free(sha256_stream *s)
{
	if (!s)
		return;
	EVP_MD_CTX_free(s->ctx);
	free(s);
}

bool equal_constant_time(slice a, slice b)
{
	return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.data, b.data, a.len) == 0);
}

void wipe(void *p, size_t len)
{
	OPENSSL_cleanse(p, len);
}

static const char base64_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(slice in, char *out)
{
	size_t o = 0;
	for (size_t i = 0; i < in.len; i += 3) {
		uint32_t v = (uint32_t)in.data[i] << 16;
		if (i + 1 < in.len)
			v |= (uint32_t)in.data[i + 1] << 8;
		if (i + 2 < in.len)
			v |= in.data[i + 2];
		out[o++] = base64_alphabet[v >> 18 & 63];
		out[o++] = base64_alphabet[v >> 12 & 63];
		out[o++] = i + 1 < in.len ? base64_alphabet[v >> 6 & 63] : '=';
		out[o++] = i + 2 < in.len ? base64_alphabet[v & 63] : '=';
	}
	out[o] = '\0';
}

static int base64_value(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int base64_decode(slice in, uint8_t *out, size_t capacity, size_t *out_len)
{
	if (in.len % 4)
		return PARLEY_EINVAL;
	size_t pad = 0;
	while (pad < 2 && pad < in.len && in.data[in.len - 1 - pad] == '=')
		pad++;
	size_t len = in.len / 4 * 3 - pad, o = 0;
	if (len > capacity)
		return PARLEY_EINVAL;
	for (size_t i = 0; i < in.len; i += 4) {
		uint32_t v = 0;
		for (size_t k = 0; k < 4; k++) {
			bool padding = i + k >= in.len - pad;
			int d = padding ? 0 : base64_value(in.data[i + k]);
			if (d < 0)
				return PARLEY_EINVAL;
			v = v << 6 | (uint32_t)d;
		}
		for (int shift = 16; shift >= 0; shift -= 8) {
			if (o < len)
				out[o++] = (uint8_t)(v >> shift);
			else if (v >> shift & 0xff)
				return PARLEY_EINVAL; /* bits behind the end must be zero (RFC 4648 3.5) */
		}
	}
	*out_len = len;
	return 0;
}

void hex_encode(slice in, char *out)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < in.len; i++) {
		out[2 * i] = digits[in.data[i] >> 4];
		out[2 * i + 1] = digits[in.data[i] & 15];
	}
	out[2 * in.len] = '\0';
}
