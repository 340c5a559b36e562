#include "dtls/records.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <string.h>

#include "base/hash.h"
#include "dtls/dtls.h"

#define EPOCH 1u			    /* the only one: there is no renegotiation */
#define NUMBER_MAX UINT64_C(0xffffffffffff) /* 48 bits */
#define NONCE_SIZE 12u			    /* salt and explicit part */
#define KEY_MAX 32u
#define SALT_SIZE 4u
#define MASTER_SIZE 48u
#define ADDITIONAL_SIZE 13u /* RFC 6347 4.1.2.1: epoch, number, type, version, length of the plaintext */
#define VERSION 0xfefdu
#define NUMBER_AT 3u /* in a record's header: epoch and sequence number */
#define NUMBER_SIZE 8u

/* So far behind OpenSSL's nonces, which count up from a random one, that the two never meet. */
#define NONCE_DISTANCE (UINT64_C(1) << 32)

_Static_assert(DTLS_RECORD_FRONT == DTLS_RECORD_HEADER + DTLS_NONCE_EXPLICIT, "what stands before the ciphertext");
_Static_assert(DTLS_RECORD_OVERHEAD == DTLS_RECORD_FRONT + DTLS_TAG, "what a record adds");

/* --- keys --- */

/* RFC 5246 6.3: PRF(master_secret, "key expansion", server_random + client_random) */
static bool expand_keys(SSL *ssl, uint8_t *out, size_t len)
{
	static const char label[] = "key expansion";
	uint8_t master[MASTER_SIZE], seed[sizeof label - 1 + 2 * SSL3_RANDOM_SIZE];
	uint8_t *server = seed + sizeof label - 1, *client = server + SSL3_RANDOM_SIZE;
	const EVP_MD *digest = SSL_CIPHER_get_handshake_digest(SSL_get_current_cipher(ssl));
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	memcpy(seed, label, sizeof label - 1);
	bool ok = ctx && digest && SSL_get_server_random(ssl, server, SSL3_RANDOM_SIZE) == SSL3_RANDOM_SIZE &&
		  SSL_get_client_random(ssl, client, SSL3_RANDOM_SIZE) == SSL3_RANDOM_SIZE &&
		  SSL_SESSION_get_master_key(SSL_get_session(ssl), master, sizeof master) == sizeof master;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, ok ? (char *)EVP_MD_get0_name(digest) : NULL,
						 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, master, sizeof master),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, seed, sizeof seed),
		OSSL_PARAM_construct_end(),
	};
	ok = ok && EVP_KDF_derive(ctx, out, len, params) == 1;
	wipe(master, sizeof master);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return ok;
}

/* NULL: not ours. */
static const EVP_CIPHER *cipher_of(SSL *ssl)
{
	switch (SSL_CIPHER_get_cipher_nid(SSL_get_current_cipher(ssl))) {
	case NID_aes_128_gcm:
		return EVP_aes_128_gcm();
	case NID_aes_256_gcm:
		return EVP_aes_256_gcm();
	default:
		return NULL;
	}
}

static EVP_CIPHER_CTX *new_cipher(const EVP_CIPHER *cipher, const uint8_t *key, int encrypt)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	if (ctx && EVP_CipherInit_ex(ctx, cipher, NULL, key, NULL, encrypt) == 1)
		return ctx;
	EVP_CIPHER_CTX_free(ctx);
	return NULL;
}

int dtls_records_begin(dtls_records *r, SSL *ssl, bool client)
{
	uint8_t keys[2 * (KEY_MAX + SALT_SIZE)]; /* client's and server's key, client's and server's salt */
	const EVP_CIPHER *cipher = cipher_of(ssl);
	if (!cipher)
		return PARLEY_EUNSUPPORTED;
	size_t size = (size_t)EVP_CIPHER_get_key_length(cipher), ours = client ? 0 : 1;
	bool ok = expand_keys(ssl, keys, 2 * (size + SALT_SIZE));
	if (ok) {
		const uint8_t *salts = keys + 2 * size;
		r->seal = new_cipher(cipher, keys + ours * size, 1);
		r->open = new_cipher(cipher, keys + (1 - ours) * size, 0);
		memcpy(r->seal_salt, salts + ours * SALT_SIZE, SALT_SIZE);
		memcpy(r->open_salt, salts + (1 - ours) * SALT_SIZE, SALT_SIZE);
	}
	wipe(keys, sizeof keys);
	if (r->seal && r->open)
		return 0;
	dtls_records_end(r);
	return PARLEY_ECRYPTO;
}

void dtls_records_end(dtls_records *r)
{
	EVP_CIPHER_CTX_free(r->seal);
	EVP_CIPHER_CTX_free(r->open);
	*r = (dtls_records){0};
}

/* --- the wire --- */

slice dtls_next_record(slice *datagram)
{
	reader in = reader_of(*datagram);
	read_skip(&in, DTLS_RECORD_HEADER - 2);
	uint16_t len = read_u16(&in);
	read_skip(&in, len);
	size_t taken = in.bad ? datagram->len : in.pos;
	slice record = slice_part(*datagram, 0, taken);
	*datagram = slice_part(*datagram, taken, datagram->len);
	return record;
}

bool dtls_is_data(slice record)
{
	reader in = reader_of(record);
	uint8_t type = read_u8(&in);
	uint16_t version = read_u16(&in), epoch = read_u16(&in);
	return !in.bad && type == DTLS_APPLICATION_DATA && version == VERSION && epoch == EPOCH;
}

static void write_additional(uint8_t out[ADDITIONAL_SIZE], const uint8_t header[DTLS_RECORD_HEADER],
			     size_t plaintext_len)
{
	memcpy(out, header + NUMBER_AT, NUMBER_SIZE);
	memcpy(out + NUMBER_SIZE, header, NUMBER_AT);
	bytes_put_u16(out + NUMBER_SIZE + NUMBER_AT, (uint16_t)plaintext_len);
}

/* One pass of the cipher, in place or not, between the key's set-up and the tag. */
static bool run(EVP_CIPHER_CTX *ctx, const uint8_t salt[SALT_SIZE], const uint8_t *explicit_nonce,
		const uint8_t additional[ADDITIONAL_SIZE], slice in, uint8_t *out)
{
	uint8_t nonce[NONCE_SIZE];
	int n;
	memcpy(nonce, salt, SALT_SIZE);
	memcpy(nonce + SALT_SIZE, explicit_nonce, DTLS_NONCE_EXPLICIT);
	return EVP_CipherInit_ex(ctx, NULL, NULL, NULL, nonce, -1) == 1 &&
	       EVP_CipherUpdate(ctx, NULL, &n, additional, ADDITIONAL_SIZE) == 1 &&
	       EVP_CipherUpdate(ctx, out, &n, in.data, (int)in.len) == 1;
}

/* --- out --- */

void dtls_records_take_over(dtls_records *r, const dtls_written *written)
{
	r->sealing = true;
	r->next = written->next;
	r->nonce = written->nonce + NONCE_DISTANCE;
}

int dtls_records_seal(dtls_records *r, dtls_content type, slice plaintext, uint8_t *out)
{
	uint8_t additional[ADDITIONAL_SIZE];
	int n;
	if (r->next > NUMBER_MAX)
		return PARLEY_ELIMIT;
	writer w = writer_of(out, DTLS_RECORD_OVERHEAD + plaintext.len);
	write_u8(&w, (uint8_t)type);
	write_u16(&w, VERSION);
	write_u16(&w, EPOCH);
	write_u48(&w, r->next++);
	write_u16(&w, (uint16_t)(DTLS_NONCE_EXPLICIT + plaintext.len + DTLS_TAG));
	write_u64(&w, r->nonce++);
	write_additional(additional, out, plaintext.len);
	uint8_t *body = out + DTLS_RECORD_FRONT;
	bool ok = run(r->seal, r->seal_salt, out + DTLS_RECORD_HEADER, additional, plaintext, body) &&
		  EVP_CipherFinal_ex(r->seal, body, &n) == 1 &&
		  EVP_CIPHER_CTX_ctrl(r->seal, EVP_CTRL_AEAD_GET_TAG, DTLS_TAG, body + plaintext.len) == 1;
	return ok ? (int)(DTLS_RECORD_OVERHEAD + plaintext.len) : PARLEY_ECRYPTO;
}

/* --- in --- */

static bool is_replayed(const dtls_records *r, uint64_t number)
{
	if (!r->any_opened || number > r->highest)
		return false;
	uint64_t back = r->highest - number;
	return back >= DTLS_REPLAY_WINDOW || r->which >> back & 1;
}

static void note_opened(dtls_records *r, uint64_t number)
{
	if (!r->any_opened || number > r->highest) {
		uint64_t ahead = r->any_opened ? number - r->highest : DTLS_REPLAY_WINDOW;
		r->which = ahead < DTLS_REPLAY_WINDOW ? r->which << ahead : 0;
		r->highest = number;
		r->any_opened = true;
	}
	r->which |= UINT64_C(1) << (r->highest - number);
}

int dtls_records_open(dtls_records *r, slice record, uint8_t *out)
{
	uint8_t additional[ADDITIONAL_SIZE], rest[DTLS_TAG];
	int n;
	reader in = reader_of(record);
	read_skip(&in, NUMBER_AT + 2);
	uint64_t number = read_u48(&in);
	uint16_t len = read_u16(&in);
	slice nonce = read_bytes(&in, DTLS_NONCE_EXPLICIT);
	size_t sealed = in.bad || len < DTLS_NONCE_EXPLICIT + DTLS_TAG ? 0 : len - DTLS_NONCE_EXPLICIT - DTLS_TAG;
	slice body = read_bytes(&in, sealed), tag = read_bytes(&in, DTLS_TAG);
	if (in.bad || sealed == 0 || sealed > DTLS_PLAINTEXT_MAX || is_replayed(r, number))
		return PARLEY_EAUTH;
	write_additional(additional, record.data, body.len);
	bool ok = run(r->open, r->open_salt, nonce.data, additional, body, out) &&
		  EVP_CIPHER_CTX_ctrl(r->open, EVP_CTRL_AEAD_SET_TAG, DTLS_TAG, (void *)tag.data) == 1 &&
		  EVP_CipherFinal_ex(r->open, rest, &n) == 1;
	if (!ok)
		return PARLEY_EAUTH;
	note_opened(r, number);
	return (int)body.len;
}
