/*
 * dtls/dtls.h: one DTLS 1.2 connection (RFC 6347) as WebRTC uses it (RFC 8827, RFC 8842): mutual certificates that are
 * known by fingerprint, both roles, SRTP keys (RFC 5764), on OpenSSL 3. No I/O: datagrams in, datagrams out.
 *
 * Not here: which address a datagram came from. The owner passes on only what came over a path that ICE has
 * validated, so that a stranger cannot even reach the handshake. DTLS 1.3 and post-quantum offers of browsers are
 * negotiated down.
 *
 * What a forged datagram from such a path can do: during the handshake nothing in epoch 0 is authenticated, and OpenSSL
 * gives up for ever on one malformed ClientHello or one plaintext alert. So there is a gate in front of it: it drops
 * alerts in the clear, messages that cannot be meant for this role, and absurd lengths, and it does not trust sequence
 * numbers in the clear. A server's handshake that is broken before it has answered anything starts anew. What remains
 * fails the connection only where nothing else is possible: a well-formed lie in the middle of the handshake.
 *
 * Once it is up, records of AES-GCM, which all browsers agree on, are sealed and opened here (dtls/records.h); those of other
 * cipher suites and alerts by OpenSSL.
 *
 * Nothing is believed before the peer's certificate matches a fingerprint of its description: not CONNECTED, not data.
 *
 * Time: `now` is monotonic microseconds. One exception is OpenSSL's: it measures its retransmission timer by the wall
 * clock. dtls_deadline counts in `now` by the same durations; if at the deadline the wall clock disagrees, the
 * deadline moves by what is left. Simulations give OpenSSL a virtual wall clock (tests/support/virtual_openssl.h).
 *
 * After each call the owner drains dtls_poll_transmit, dtls_poll_data and dtls_poll_event. Not thread-safe; different
 * connections, also with the same certificate, may live in different threads.
 */
#ifndef PARLEY_DTLS_H
#define PARLEY_DTLS_H

#include "base/bytes.h"
#include "base/text.h"
#include "base/trace.h"
#include "dtls/certificate.h"
#include "parley/types.h"

/* Bytes of UDP payload per handshake datagram. 1200 passes everywhere (RFC 8831 5: SCTP's initial path MTU). */
#define DTLS_MTU_DEFAULT 1200u
#define DTLS_MTU_MIN 256u  /* OpenSSL's least */
#define DTLS_MTU_MAX 4000u /* OpenSSL puts a flight together in a buffer of 4096 bytes, and would cut records there */

/* What a record adds to its plaintext: header 13, explicit nonce 8, tag 16 (RFC 6347 4.1, RFC 5288 3). Never more. */
#define DTLS_RECORD_OVERHEAD 37u
#define DTLS_RECORD_FRONT 21u	  /* of these, before the plaintext */
#define DTLS_PLAINTEXT_MAX 16384u /* RFC 6347 4.1 */

/* RFC 6347 4.2.4.1 says 1 s "but less where appropriate": on a validated path 100 ms, doubled each time up to 4 s. With
 * OpenSSL's 12 retransmissions that lasts 30 s. */
#define DTLS_RETRANSMIT_FIRST_US UINT64_C(100000)
#define DTLS_RETRANSMIT_MAX_US UINT64_C(4000000)
#define DTLS_HANDSHAKE_TIMEOUT_US UINT64_C(30000000)

/* Limits of what a remote can make us hold or do. */
#define DTLS_TRANSMIT_MAX 256u		  /* datagrams waiting for dtls_poll_transmit */
#define DTLS_RECEIVED_MAX 262144u	  /* bytes of decrypted records waiting for dtls_poll_data */
#define DTLS_EARLY_MAX 8192u		  /* bytes of records with data that overtook the handshake's end */
#define DTLS_HANDSHAKE_MESSAGE_MAX 16384u /* length a handshake message may claim; certificates are some 300 bytes */
#define DTLS_REBUILDS_MAX 8u		  /* handshakes begun anew because the first bytes were broken */
#define DTLS_FINGERPRINTS_MAX 8u	  /* of the peer's description */
#define DTLS_FINGERPRINT_BYTES_MAX 64u	  /* SHA-512 */
#define DTLS_SRTP_PROFILES_MAX 3u
#define DTLS_REASON_SIZE 160u
#define DTLS_KEY_LOG_LINE_MAX 256u

/* SRTP protection profiles by their IANA numbers (RFC 5764 4.1.2, RFC 7714 14.2). */
typedef enum {
	DTLS_SRTP_NONE = 0,
	DTLS_SRTP_AES128_CM_SHA1_80 = 0x0001,
	DTLS_SRTP_AEAD_AES_128_GCM = 0x0007,
	DTLS_SRTP_AEAD_AES_256_GCM = 0x0008,
} dtls_srtp_profile;

typedef enum {
	DTLS_NEW, /* before dtls_start */
	DTLS_HANDSHAKING,
	DTLS_UNVERIFIED, /* the handshake is done, the peer's fingerprint not yet known */
	DTLS_CONNECTED,
	DTLS_CLOSED, /* close_notify was sent or received */
	DTLS_FAILED,
} dtls_state;

const char *dtls_state_name(dtls_state state); /* "handshaking" ...; static */

typedef struct {
	const dtls_certificate *certificate; /* ours; needed during dtls_create only */
	bool client;			     /* "a=setup:active": we begin (RFC 8842 5) */
	trace *trace;			     /* may be NULL; outlives the connection */
	size_t mtu;			     /* DTLS_MTU_MIN..DTLS_MTU_MAX */
	uint64_t handshake_timeout_us;	     /* from dtls_start; TIME_NEVER: the owner decides */
	uint64_t retransmit_first_us;	     /* first retransmission; 20 ms .. 60 s */
	uint64_t retransmit_max_us;	     /* where the doubling ends; first .. 60 s */
	/* Offered, or accepted, in this order of preference up to the first NONE; all NONE: use_srtp is not spoken of. */
	dtls_srtp_profile srtp_profiles[DTLS_SRTP_PROFILES_MAX];
	bool key_log; /* keep the secret for dtls_poll_key_log: for debugging only */
} dtls_config;

/* The defaults above, all three SRTP profiles (AEAD first), no trace, no key log. */
dtls_config dtls_config_default(const dtls_certificate *certificate, bool client);

typedef struct dtls_conn dtls_conn;

/* PARLEY_EINVAL: no certificate, or a number out of its range; PARLEY_ENOMEM; PARLEY_ECRYPTO. */
int dtls_create(const dtls_config *config, dtls_conn **out);
/* Sends nothing (dtls_close does). NULL is allowed. */
void dtls_destroy(dtls_conn *conn);

/*
 * One "a=fingerprint" of the peer's description: algorithm "sha-256", "sha-384" or "sha-512" (in any case), value as
 * hex with colons (RFC 8122 5). Any number of calls up to DTLS_FINGERPRINTS_MAX, also after dtls_start, as with an
 * answer that is slower than the handshake; the peer's certificate must then match one of those with the strongest
 * algorithm given (RFC 8122 5.1). Give all of a description before the next other call: a handshake that waits for
 * them is judged at dtls_deadline, which is then at once.
 *
 * PARLEY_EUNSUPPORTED: a weak or unknown algorithm, such as sha-1: ignored, and not enough alone. PARLEY_EINVAL: not
 * that many bytes of hex. PARLEY_ELIMIT. PARLEY_ESTATE: connected, closed or failed; but what was given before, as
 * each new description repeats it, is fine at any time.
 */
int dtls_add_remote_fingerprint(dtls_conn *conn, slice algorithm, slice value);

/* Begins: a client sends its ClientHello, a server now listens. The handshake's time runs from here. PARLEY_ESTATE:
 * begun already. */
int dtls_start(dtls_conn *conn, uint64_t now);

/*
 * A datagram from the validated path, of the DTLS kind (first byte 20..63, RFC 7983). What it leads to comes as
 * transmit, data and events. Returns 0 also for what is dropped (see dtls_get_stats and, out of memory,
 * DTLS_EVENT_FAILED); PARLEY_ESTATE before dtls_start and after the end.
 */
int dtls_receive(dtls_conn *conn, uint64_t now, slice datagram);

/* One decrypted record, in the order of arrival; DTLS keeps neither order nor all. False: none. *out stays valid until
 * the next dtls_receive, dtls_timeout or dtls_destroy. Also after CLOSED: what came before it. */
bool dtls_poll_data(dtls_conn *conn, slice *out);

/*
 * Encrypts plaintext as one record in one datagram, for dtls_poll_transmit. PARLEY_ESTATE: not connected;
 * PARLEY_EMSGSIZE: empty or more than DTLS_PLAINTEXT_MAX; PARLEY_ELIMIT: drain dtls_poll_transmit first; PARLEY_ENOMEM.
 * The MTU is the caller's to keep: plaintext + DTLS_RECORD_OVERHEAD.
 */
int dtls_send(dtls_conn *conn, uint64_t now, slice plaintext);
/* The same straight into out (len is set), past the queue. PARLEY_EMSGSIZE also when out is too small for the record
 * with DTLS_RECORD_OVERHEAD. plaintext may stand in out already, DTLS_RECORD_FRONT bytes from its beginning: then nothing is copied. */
int dtls_seal(dtls_conn *conn, uint64_t now, slice plaintext, packet *out);

/* The next datagram to send, copied into out. False: none. One that does not fit is dropped and counted. */
bool dtls_poll_transmit(dtls_conn *conn, uint64_t now, packet *out);

/* When to call dtls_timeout: a retransmission, the end of the handshake's time, or (0) at once. TIME_NEVER: no need. */
uint64_t dtls_deadline(const dtls_conn *conn);
/* To be called at the deadline; too early does nothing. */
void dtls_timeout(dtls_conn *conn, uint64_t now);

typedef enum {
	DTLS_EVENT_CONNECTED, /* handshake done and fingerprint right: data flows, keys can be exported */
	DTLS_EVENT_FAILED,    /* the end, with error and reason */
	DTLS_EVENT_CLOSED,    /* the end: the peer's close_notify (not after our own dtls_close) */
} dtls_event_kind;

typedef struct {
	dtls_event_kind kind;
	int error;	    /* FAILED: PARLEY_EAUTH, _ETIMEDOUT, _EPROTO, _ECLOSED, _ECRYPTO or _ENOMEM */
	const char *reason; /* FAILED: one line for people; else "". Valid until dtls_destroy */
} dtls_event;

bool dtls_poll_event(dtls_conn *conn, dtls_event *out);

/* Ends: a close_notify, if connected, is the last datagram; no event follows. Again, or when failed: no effect, 0. */
int dtls_close(dtls_conn *conn, uint64_t now);

/* Keying material for the label, without context (RFC 5705; for SRTP "EXTRACTOR-dtls_srtp", RFC 5764 4.2).
 * PARLEY_ESTATE: not connected. */
int dtls_export(dtls_conn *conn, const char *label, uint8_t *out, size_t len);
/* What use_srtp agreed on; DTLS_SRTP_NONE: nothing, or not connected. */
dtls_srtp_profile dtls_srtp(const dtls_conn *conn);

/* The handshake's secret as a line of the SSLKEYLOGFILE format, without newline, once; needs config.key_log. Valid
 * until dtls_destroy. False: none. */
bool dtls_poll_key_log(dtls_conn *conn, const char **line);

dtls_state dtls_get_state(const dtls_conn *conn);
bool dtls_is_client(const dtls_conn *conn);
/* The peer's certificate, DER, once it is verified; else empty. Valid until dtls_destroy. */
slice dtls_remote_certificate(const dtls_conn *conn);

typedef struct {
	uint64_t datagrams_received, bytes_received; /* all that came in, also what was dropped */
	uint64_t datagrams_sent, bytes_sent;
	uint64_t records_received;  /* decrypted and handed out */
	uint64_t alerts_dropped;    /* in the clear during the handshake: nobody can know who sent them */
	uint64_t records_dropped;   /* by the gate: malformed, absurd length, wrong role, not DTLS 1.2 */
	uint64_t datagrams_ignored; /* when connected: replayed, forged or late; no data came of them */
	uint64_t data_dropped;	    /* datagrams that came while DTLS_RECEIVED_MAX waited, as if lost on the way */
	uint64_t transmit_dropped;  /* DTLS_TRANSMIT_MAX waited, out of memory, or too large for the packet given */
	uint64_t retransmissions;   /* timer ran out and the flight was sent again */
	uint64_t rebuilds;	    /* broken first bytes, handshake begun anew */
	uint16_t version;	    /* 0xfefd for DTLS 1.2; 0 before the handshake's end */
	const char *cipher;	    /* IANA name, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"; "" before. Static */
} dtls_stats;

void dtls_get_stats(const dtls_conn *conn, dtls_stats *out);
uint64_t dtls_records_received(
	const dtls_conn *conn); /* of these, the one that tells of each datagram whether it was authentic */

/* For simulations and fuzzers: asserts what must always hold. */
void dtls_check_invariants(const dtls_conn *conn);
/* For people: state, deadlines, queues, counters, one item per line. */
void dtls_dump(const dtls_conn *conn, text *out);

#endif
