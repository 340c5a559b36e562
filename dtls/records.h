/*
 * dtls/records.h: application data in DTLS 1.2 records of AES-GCM (RFC 6347 4.1, RFC 5288 3), sealed and opened by EVP in one pass from
 * where it lies to where it goes, with the keys that OpenSSL's handshake agreed on (RFC 5246 6.3). OpenSSL's own record layer
 * copies twice and costs twice as much as the cipher.
 *
 * Not here: the handshake and alerts that come, which stay OpenSSL's; other cipher suites, where all does.
 *
 * One record has one number and one nonce, so the two must not both write: sealing begins, where OpenSSL's numbers end, with the
 * first authentic record of the peer. Before that the peer may not have our Finished, which OpenSSL then repeats.
 */
#ifndef PARLEY_DTLS_RECORDS_H
#define PARLEY_DTLS_RECORDS_H

#include <openssl/ssl.h>

#include "base/bytes.h"

#define DTLS_RECORD_HEADER 13u
#define DTLS_NONCE_EXPLICIT 8u /* of a record; RFC 5288 3 */
#define DTLS_TAG 16u
#define DTLS_REPLAY_WINDOW 64u /* records; RFC 6347 4.1.2.6 */

typedef enum { DTLS_ALERT = 21, DTLS_APPLICATION_DATA = 23 } dtls_content;

typedef struct {
	EVP_CIPHER_CTX *seal, *open; /* NULL: not our cipher suite, or not yet */
	bool sealing;
	uint8_t seal_salt[4], open_salt[4];
	uint64_t next;		 /* number of the next record sealed */
	uint64_t nonce;		 /* explicit one of it */
	uint64_t highest, which; /* opened: the highest number, and bit i: that less i */
	bool any_opened;
} dtls_records;

/* What OpenSSL has written under the keys. */
typedef struct {
	uint64_t next;	/* number */
	uint64_t nonce; /* of the last record */
} dtls_written;

/* Once the handshake is done. PARLEY_EUNSUPPORTED: of another cipher suite; PARLEY_ECRYPTO. */
int dtls_records_begin(dtls_records *r, SSL *ssl, bool client);
void dtls_records_end(dtls_records *r);

/* Is it application data under the keys of the handshake? What is not is OpenSSL's. */
bool dtls_is_data(slice record);
/* Takes the first record off *datagram (not empty); one that is cut off takes all that is left. */
slice dtls_next_record(slice *datagram);

/* From now on it is we who write. */
void dtls_records_take_over(dtls_records *r, const dtls_written *written);
/*
 * out has room for DTLS_RECORD_OVERHEAD more than plaintext, which may stand where its ciphertext will: DTLS_RECORD_FRONT behind out.
 * Returns the length of the record; PARLEY_ECRYPTO; PARLEY_ELIMIT: all numbers are used (RFC 6347 4.1: never again).
 */
int dtls_records_seal(dtls_records *r, dtls_content type, slice plaintext, uint8_t *out);
/* out has room for the record's length. Returns the length of the plaintext; PARLEY_EAUTH: forged, or came before. */
int dtls_records_open(dtls_records *r, slice record, uint8_t *out);

#endif
