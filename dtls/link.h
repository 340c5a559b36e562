/*
 * dtls/link.h: the wire as OpenSSL sees it: a BIO that reads one datagram at a time and writes into a queue of
 * datagrams, and the retransmission timer, counted in the owner's `now`.
 *
 * Not thread-safe, knows nothing of handshakes. Whoever calls into OpenSSL sets `now` before.
 */
#ifndef PARLEY_DTLS_LINK_H
#define PARLEY_DTLS_LINK_H

#include <openssl/ssl.h>

#include "base/bytes.h"
#include "base/list.h"
#include "base/time.h"
#include "dtls/records.h"

typedef struct {
	BIO_METHOD *method;
	uint64_t now;

	slice in;	    /* what the next read gives, whole; empty: nothing has come */
	bool renumber;	    /* it is one record in the clear: give it the next number in place of its own */
	uint64_t clear_seq; /* that number */
	packet *direct;	    /* if set, the next write goes here and not into the queue */
	list_node queue;    /* datagrams to send, oldest first */
	size_t count;
	size_t limit;
	uint64_t written;	   /* datagrams OpenSSL has written, also those that were dropped */
	dtls_written sealed;	   /* records among these, under the keys of the handshake */
	uint64_t dropped;	   /* for want of room or memory */
	uint64_t sent, sent_bytes; /* handed out */

	size_t mtu;
	uint64_t first_us, max_us; /* retransmission timer: first wait, and where its doubling ends */
	uint64_t wait_us;	   /* the one OpenSSL was told last */
	uint64_t deadline;	   /* in `now`; TIME_NEVER: not running */
	uint64_t retransmissions;
} dtls_link;

/* False: out of memory. The link must not move afterwards. */
bool dtls_link_init(dtls_link *link, size_t mtu, size_t limit, uint64_t first_us, uint64_t max_us);
void dtls_link_clear(dtls_link *link);

/* Make ssl read and write here, with this link's timer and MTU. False: out of memory. */
bool dtls_link_attach(dtls_link *link, SSL *ssl);

/* The oldest datagram into out. False: none. One that does not fit counts as dropped. */
bool dtls_link_take(dtls_link *link, packet *out);
/* One of the owner's at the end of the queue. False: no room or memory. */
bool dtls_link_put(dtls_link *link, slice bytes);
/* Forget the newest ones until `keep` are left. */
void dtls_link_truncate(dtls_link *link, size_t keep);

#endif
