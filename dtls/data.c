/* The connection after its handshake: records out and in, keys for SRTP, counters. */
#include <assert.h>
#include <openssl/err.h>
#include <string.h>

#include "dtls/internal.h"

#define LENGTH_SIZE 2u /* before each record in conn->received */

/* --- in --- */

/* The owner has seen what was handed out: reuse its room, before new records come. */
static void drop_handed_out(dtls_conn *conn)
{
	buf_consume(&conn->received, conn->handed_out);
	conn->handed_out = 0;
}

/* SSL_read has nothing more; why? */
static void reading_ended(dtls_conn *conn, int rc)
{
	switch (SSL_get_error(conn->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		return;
	case SSL_ERROR_ZERO_RETURN:
		SSL_shutdown(conn->ssl); /* answer in kind (RFC 5246 7.2.1) */
		dtls_closed_by_peer(conn);
		return;
	default:
		dtls_fail(conn, PARLEY_EPROTO, "the peer broke off: %s", dtls_openssl_reason());
	}
}

/* The next record, decrypted to where it waits for dtls_poll_data. There is room. As SSL_read. */
static int read_record(dtls_conn *conn, size_t longest)
{
	uint8_t *at = conn->received.data + conn->received.len;
	int n = SSL_read(conn->ssl, at + LENGTH_SIZE, (int)longest);
	if (n <= 0)
		return n;
	writer w = writer_of(at, LENGTH_SIZE);
	write_u16(&w, (uint16_t)n);
	conn->received.len += LENGTH_SIZE + (size_t)n;
	conn->stats.records_received++;
	return n;
}

/* OpenSSL has nothing left of what was given to it, so asking for more would find nothing. */
static bool all_is_read(const dtls_conn *conn)
{
	return conn->link.in.len == 0 && !SSL_has_pending(conn->ssl);
}

/*
 * Records are longer than their plaintext by more than LENGTH_SIZE: the length of the datagram is room enough for all in it. Once only
 * OpenSSL may have kept others, of any length, that came during the handshake.
 */
void dtls_read_records(dtls_conn *conn)
{
	bool first = !conn->settled;
	size_t given = conn->link.in.len, longest = first ? DTLS_PLAINTEXT_MAX : given;
	uint64_t before = conn->stats.records_received;
	int n;
	if (longest == 0)
		return;
	drop_handed_out(conn);
	dtls_forget_errors();
	do {
		if (buf_reserve(&conn->received, LENGTH_SIZE + longest) != 0) {
			conn->stats.data_dropped++;
			return;
		}
		n = read_record(conn, longest);
	} while (n > 0 && (first || !all_is_read(conn)));
	if (n <= 0)
		reading_ended(conn, n);
	if (first)
		buf_trim(&conn->received);
	conn->settled = true;
	if (given && conn->stats.records_received == before && conn->state == DTLS_CONNECTED)
		conn->stats.datagrams_ignored++;
}

bool dtls_poll_data(dtls_conn *conn, slice *out)
{
	if (!conn->verified || conn->handed_out == conn->received.len)
		return false;
	slice waiting = buf_slice(&conn->received);
	reader r = reader_of(slice_part(waiting, conn->handed_out, waiting.len));
	uint16_t len = read_u16(&r);
	*out = read_bytes(&r, len);
	assert(!r.bad);
	conn->handed_out += LENGTH_SIZE + len;
	return true;
}

/* --- out --- */

/* One record of plaintext, to the queue or into `direct`. */
static int encrypt(dtls_conn *conn, uint64_t now, slice plaintext, packet *direct)
{
	if (conn->state != DTLS_CONNECTED)
		return PARLEY_ESTATE;
	if (plaintext.len == 0 || plaintext.len > DTLS_PLAINTEXT_MAX)
		return PARLEY_EMSGSIZE;
	uint64_t dropped = conn->link.dropped;
	conn->link.now = now;
	conn->link.direct = direct;
	dtls_forget_errors();
	int n = SSL_write(conn->ssl, plaintext.data, (int)plaintext.len);
	conn->link.direct = NULL;
	if (n <= 0) {
		dtls_fail(conn, PARLEY_ECRYPTO, "encryption failed: %s", dtls_openssl_reason());
		return PARLEY_ECRYPTO;
	}
	return conn->link.dropped == dropped ? 0 : PARLEY_ENOMEM;
}

int dtls_send(dtls_conn *conn, uint64_t now, slice plaintext)
{
	if (conn->state == DTLS_CONNECTED && conn->link.count >= conn->link.limit)
		return PARLEY_ELIMIT;
	return encrypt(conn, now, plaintext, NULL);
}

int dtls_seal(dtls_conn *conn, uint64_t now, slice plaintext, packet *out)
{
	out->len = 0;
	if (conn->state == DTLS_CONNECTED &&
	    (out->capacity < DTLS_RECORD_OVERHEAD || out->capacity - DTLS_RECORD_OVERHEAD < plaintext.len))
		return PARLEY_EMSGSIZE;
	return encrypt(conn, now, plaintext, out);
}

bool dtls_poll_transmit(dtls_conn *conn, uint64_t now, packet *out)
{
	conn->link.now = now;
	return dtls_link_take(&conn->link, out);
}

/* --- keys --- */

int dtls_export(dtls_conn *conn, const char *label, uint8_t *out, size_t len)
{
	if (conn->state != DTLS_CONNECTED)
		return PARLEY_ESTATE;
	ERR_clear_error();
	return SSL_export_keying_material(conn->ssl, out, len, label, strlen(label), NULL, 0, 0) == 1 ? 0
												      : PARLEY_ECRYPTO;
}

dtls_srtp_profile dtls_srtp(const dtls_conn *conn)
{
	const SRTP_PROTECTION_PROFILE *profile =
		conn->state == DTLS_CONNECTED ? SSL_get_selected_srtp_profile(conn->ssl) : NULL;
	return profile ? (dtls_srtp_profile)profile->id : DTLS_SRTP_NONE;
}

/* --- for people --- */

void dtls_get_stats(const dtls_conn *conn, dtls_stats *out)
{
	*out = conn->stats;
	out->datagrams_sent = conn->link.sent;
	out->bytes_sent = conn->link.sent_bytes;
	out->transmit_dropped = conn->link.dropped;
	out->retransmissions = conn->link.retransmissions;
	if (!out->cipher)
		out->cipher = "";
}

uint64_t dtls_records_received(const dtls_conn *conn)
{
	return conn->stats.records_received;
}

void dtls_check_invariants(const dtls_conn *conn)
{
	assert(conn->ssl && conn->link.in.len == 0 && !conn->link.direct);
	assert(conn->link.count <= conn->link.limit);
	assert((conn->link.count == 0) == list_empty(&conn->link.queue));
	assert(conn->received.len <= conn->received.limit && conn->handed_out <= conn->received.len);
	assert(conn->stats.rebuilds <= DTLS_REBUILDS_MAX);
	assert(!conn->verified || (conn->fingerprints.count > 0 && conn->remote_der_len > 0 && !conn->mismatch));
	assert(conn->verified || conn->handed_out == 0);
	assert(conn->state != DTLS_CONNECTED || conn->verified);
	/* A handshake ends some time, unless the owner took that upon itself. */
	assert(conn->state != DTLS_HANDSHAKING || conn->handshake_deadline != PARLEY_NEVER ||
	       conn->config.handshake_timeout_us == PARLEY_NEVER);
}

void dtls_dump(const dtls_conn *conn, text *out)
{
	dtls_stats s;
	dtls_get_stats(conn, &s);
	text_printf(out, "dtls %s %s %s\n", conn->config.client ? "client" : "server", dtls_state_name(conn->state),
		    s.cipher);
	if (dtls_deadline(conn) != PARLEY_NEVER)
		text_printf(out, "  deadline %llu us\n", (unsigned long long)dtls_deadline(conn));
	text_printf(out, "  queued: %zu datagrams to send, %zu bytes received\n", conn->link.count,
		    conn->received.len - conn->handed_out);
	text_printf(out, "  received %llu, sent %llu, retransmissions %llu, rebuilds %llu\n",
		    (unsigned long long)s.datagrams_received, (unsigned long long)s.datagrams_sent,
		    (unsigned long long)s.retransmissions, (unsigned long long)s.rebuilds);
	text_printf(out, "  dropped: %llu alerts, %llu records, %llu data; ignored %llu\n",
		    (unsigned long long)s.alerts_dropped, (unsigned long long)s.records_dropped,
		    (unsigned long long)s.data_dropped, (unsigned long long)s.datagrams_ignored);
	if (conn->reason[0])
		text_printf(out, "  failed: %s\n", conn->reason);
}
