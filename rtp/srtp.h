/*
 * rtp/srtp.h: SRTP and SRTCP (RFC 3711, RFC 7714) for one DTLS connection (RFC 5764), on libsrtp2.
 *
 * An rtp_crypto encrypts what we send and opens what the peer sends, in place, any number of sources (SSRC) each way, with
 * one master key per direction. It keeps roll-over counters and replay windows per source; libsrtp2's type names
 * do not appear outside rtp/srtp.c.
 *
 * A sequence number of a source is encrypted once. A second time is refused (PARLEY_ESTATE), since the same key stream over
 * other bytes gives both away, and in GCM the key of the checksum too. So send again the encrypted packet, kept as it was,
 * or retransmit as RFC 4588 does, with a sequence number of its own.
 *
 * A new source should begin below sequence number 2^15 (RFC 3711 3.3.1): if the packets before its first wrap are lost, the
 * receiver counts one roll-over too few and opens nothing more of it.
 *
 * Forged, damaged and replayed packets change nothing. SRTCP's replay window is libsrtp2's own, 128 packets.
 *
 * libsrtp2 has tables of its own, filled at the first rtp_crypto_create of the process: that first one must not run in two
 * threads at once. Afterwards each rtp_crypto is independent of all others.
 */
#ifndef PARLEY_RTP_SRTP_H
#define PARLEY_RTP_SRTP_H

#include "base/bytes.h"
#include "base/trace.h"

/* By their IANA numbers (RFC 5764 4.1.2, RFC 7714 14.2), as use_srtp negotiates them. */
typedef enum {
	RTP_CRYPTO_AES128_CM_SHA1_80 = 0x0001,
	RTP_CRYPTO_AEAD_AES_128_GCM = 0x0007,
	RTP_CRYPTO_AEAD_AES_256_GCM = 0x0008,
} rtp_crypto_profile;

/* RFC 5764 4.2: what to export from DTLS, and how much: client key | server key | client salt | server salt. */
#define RTP_CRYPTO_EXPORTER_LABEL "EXTRACTOR-dtls_srtp"
#define RTP_CRYPTO_KEYING_MAX 88u /* AEAD_AES_256_GCM: 2 * (32 + 12) */
/* 60, 56, 88 bytes for the three profiles; 0 for any other number. */
size_t rtp_crypto_keying_size(unsigned profile);

/* Bytes that encryption adds at most: the tag; and for SRTCP the word with E flag and index. */
#define RTP_CRYPTO_RTP_OVERHEAD_MAX 16u
#define RTP_CRYPTO_RTCP_OVERHEAD_MAX 20u
/* Of a profile: 10 and 14 (CM), 16 and 20 (GCM). */
size_t rtp_crypto_rtp_overhead(unsigned profile);
size_t rtp_crypto_rtcp_overhead(unsigned profile);

/* How far behind the newest packet a late one is still accepted, packets: at 10 Mbit/s a second. */
#define RTP_CRYPTO_WINDOW 1024u
/* Sources each way that get a state of their own; an authenticated peer that invents more gets PARLEY_ELIMIT. */
#define RTP_CRYPTO_SOURCES_MAX 256u

typedef struct {
	uint64_t rtp_protected, rtcp_protected;
	uint64_t rtp_unprotected, rtcp_unprotected;
	uint64_t auth_failures; /* wrong tag: forged, damaged or of other keys */
	uint64_t replays;	/* seen before, or behind the window: duplicates are part of networks */
	uint64_t malformed;	/* too short, or not RTP / RTCP */
	uint64_t over_limit;	/* of a source beyond RTP_CRYPTO_SOURCES_MAX */
} rtp_crypto_stats;

typedef struct rtp_crypto rtp_crypto;

/*
 * keying: exactly rtp_crypto_keying_size(profile) bytes of the exporter; copied, the caller wipes its own. client: our role
 * in DTLS. t may be NULL and must outlive the object. PARLEY_EINVAL: unknown profile or wrong size; PARLEY_ENOMEM;
 * PARLEY_ECRYPTO: libsrtp2 refused, e.g. a build without GCM.
 */
int rtp_crypto_create(unsigned profile, slice keying, bool client, trace *t, rtp_crypto **out);
void rtp_crypto_destroy(rtp_crypto *c); /* keys are wiped; NULL is allowed */

/*
 * Encrypts p->data[0, p->len) in place and lengthens it. PARLEY_EINVAL: not an RTP / RTCP packet; PARLEY_EMSGSIZE: fewer
 * than the overhead's bytes of capacity left; PARLEY_ESTATE: that sequence number was sent already, or is behind the
 * window, or the key is used up (2^48 packets of SRTP, 2^31 of SRTCP: renegotiate); PARLEY_ELIMIT: too many sources.
 * On error p is to be thrown away.
 */
int rtp_crypto_protect_rtp(rtp_crypto *c, packet *p);
int rtp_crypto_protect_rtcp(rtp_crypto *c, packet *p);

/*
 * Checks and decrypts in place and shortens. PARLEY_EPROTO: too short or malformed; PARLEY_EAUTH: the tag is wrong, or the
 * packet is a replay (stats tell which); PARLEY_ELIMIT. On error nothing of p may be used: its bytes are undefined.
 */
int rtp_crypto_unprotect_rtp(rtp_crypto *c, packet *p);
int rtp_crypto_unprotect_rtcp(rtp_crypto *c, packet *p);

const rtp_crypto_stats *rtp_crypto_get_stats(const rtp_crypto *c);

#endif
