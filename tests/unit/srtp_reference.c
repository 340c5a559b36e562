#include "tests/support/test.h"

#include "tests/unit/srtp_reference.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/hash.h"
#include "rtp/srtp.h"

#define GCM_TAG 16
#define CM_TAG 10
#define RTCP_CLEAR 8
#define E_FLAG UINT32_C(0x80000000)

static void put_u32(uint8_t *out, uint32_t v)
{
	writer w = writer_of(out, 4);
	write_u32(&w, v);
}

static void xor_into(uint8_t *out, const uint8_t *with, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] ^= with[i];
}

void reference_aes_cm(slice key, const uint8_t iv[16], slice in, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int len = 0;
	assert_non_null(ctx);
	assert_int_equal(
		EVP_EncryptInit_ex(ctx, key.len == 16 ? EVP_aes_128_ctr() : EVP_aes_256_ctr(), NULL, key.data, iv), 1);
	assert_int_equal(EVP_EncryptUpdate(ctx, out, &len, in.data, (int)in.len), 1);
	EVP_CIPHER_CTX_free(ctx);
}

void reference_derive(slice master_key, slice master_salt, unsigned label, uint8_t *out, size_t len)
{
	uint8_t x[16] = {0}, zeros[128] = {0};
	assert_true(len <= sizeof zeros);
	memcpy(x, master_salt.data, master_salt.len);
	x[7] ^= (uint8_t)label;
	reference_aes_cm(master_key, x, slice_of(zeros, len), out);
}

reference_keys reference_keys_of(unsigned profile, slice keying, bool client, bool rtcp)
{
	reference_keys k = {.gcm = profile != RTP_CRYPTO_AES128_CM_SHA1_80,
			    .key_size = profile == RTP_CRYPTO_AEAD_AES_256_GCM ? 32 : 16};
	size_t salt_size = k.gcm ? 12 : 14;
	unsigned base = rtcp ? REFERENCE_RTCP : 0;
	slice key = slice_part(keying, client ? 0 : k.key_size, k.key_size);
	slice salt = slice_part(keying, 2 * k.key_size + (client ? 0 : salt_size), salt_size);
	reference_derive(key, salt, base + REFERENCE_CIPHER_KEY, k.key, k.key_size);
	reference_derive(key, salt, base + REFERENCE_AUTH_KEY, k.auth_key, sizeof k.auth_key);
	reference_derive(key, salt, base + REFERENCE_SALT, k.salt, salt_size);
	return k;
}

static void gcm(const reference_keys *k, const uint8_t iv[12], slice aad, slice aad_end, slice in, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int len = 0;
	assert_non_null(ctx);
	assert_int_equal(
		EVP_EncryptInit_ex(ctx, k->key_size == 16 ? EVP_aes_128_gcm() : EVP_aes_256_gcm(), NULL, k->key, iv),
		1);
	assert_int_equal(EVP_EncryptUpdate(ctx, NULL, &len, aad.data, (int)aad.len), 1);
	if (aad_end.len)
		assert_int_equal(EVP_EncryptUpdate(ctx, NULL, &len, aad_end.data, (int)aad_end.len), 1);
	if (in.len)
		assert_int_equal(EVP_EncryptUpdate(ctx, out, &len, in.data, (int)in.len), 1);
	assert_int_equal(EVP_EncryptFinal_ex(ctx, out + in.len, &len), 1);
	assert_int_equal(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, GCM_TAG, out + in.len), 1);
	EVP_CIPHER_CTX_free(ctx);
}

/* RFC 7714 8.1 and 9.1; ssrc points to its four bytes in the packet, tail is ROC | SEQ or 0 | index. */
static void gcm_iv(const reference_keys *k, const uint8_t *ssrc, const uint8_t tail[6], uint8_t iv[12])
{
	memset(iv, 0, 12);
	memcpy(iv + 2, ssrc, 4);
	memcpy(iv + 6, tail, 6);
	xor_into(iv, k->salt, 12);
}

/* RFC 3711 4.1.1: the 48-bit index ends two bytes before the end. */
static void cm_iv(const reference_keys *k, const uint8_t *ssrc, const uint8_t index[6], uint8_t iv[16])
{
	memset(iv, 0, 16);
	memcpy(iv + 4, ssrc, 4);
	memcpy(iv + 8, index, 6);
	xor_into(iv, k->salt, 14);
}

size_t reference_protect_rtp(const reference_keys *k, uint32_t roc, slice in, size_t header, uint8_t *out)
{
	uint8_t tail[6], iv[16], mac[SHA1_SIZE], covered[2048];
	slice payload = slice_part(in, header, in.len);
	put_u32(tail, roc);
	memcpy(tail + 4, in.data + 2, 2);
	memcpy(out, in.data, header);
	if (k->gcm) {
		gcm_iv(k, in.data + 8, tail, iv);
		gcm(k, iv, slice_of(in.data, header), slice_of(NULL, 0), payload, out + header);
		return in.len + GCM_TAG;
	}
	cm_iv(k, in.data + 8, tail, iv);
	reference_aes_cm(slice_of(k->key, k->key_size), iv, payload, out + header);
	memcpy(covered, out, in.len);
	put_u32(covered + in.len, roc);
	hmac_sha1(slice_of(k->auth_key, sizeof k->auth_key), slice_of(covered, in.len + 4), mac);
	memcpy(out + in.len, mac, CM_TAG);
	return in.len + CM_TAG;
}

size_t reference_protect_rtcp(const reference_keys *k, uint32_t index, slice in, uint8_t *out)
{
	uint8_t tail[6] = {0}, iv[16], mac[SHA1_SIZE], word[4];
	slice rest = slice_part(in, RTCP_CLEAR, in.len);
	put_u32(tail + 2, index);
	put_u32(word, index | E_FLAG);
	memcpy(out, in.data, RTCP_CLEAR);
	if (k->gcm) {
		gcm_iv(k, in.data + 4, tail, iv);
		gcm(k, iv, slice_of(in.data, RTCP_CLEAR), slice_of(word, 4), rest, out + RTCP_CLEAR);
		memcpy(out + in.len + GCM_TAG, word, 4);
		return in.len + GCM_TAG + 4;
	}
	cm_iv(k, in.data + 4, tail, iv);
	reference_aes_cm(slice_of(k->key, k->key_size), iv, rest, out + RTCP_CLEAR);
	memcpy(out + in.len, word, 4);
	hmac_sha1(slice_of(k->auth_key, sizeof k->auth_key), slice_of(out, in.len + 4), mac);
	memcpy(out + in.len + 4, mac, CM_TAG);
	return in.len + 4 + CM_TAG;
}
