/* The connection after its handshake: what it carries out and in, keys for SRTP, counters. */
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
		dtls_say_goodbye(conn); /* answer in kind (RFC 5246 7.2.1) */
		dtls_closed_by_peer(conn);
		return;
	default:
		dtls_fail(conn, PARLEY_EPROTO, "the peer broke off: %s", dtls_openssl_reason());
	}
}

/* Where the plaintext of a record of that length goes, to wait for dtls_poll_data. NULL: too much waits; it is as if lost. */
static uint8_t *room_for(dtls_conn *conn, size_t record_len)
{
	if (buf_reserve(&conn->received, LENGTH_SIZE + record_len) != 0) {
		conn->stats.data_dropped++;
		return NULL;
	}
	return conn->received.data + conn->received.len + LENGTH_SIZE;
}

static void keep(dtls_conn *conn, size_t len)
{
	writer w = writer_of(conn->received.data + conn->received.len, LENGTH_SIZE);
	write_u16(&w, (uint16_t)len);
	conn->received.len += LENGTH_SIZE + len;
	conn->stats.records_received++;
}

/* Asking OpenSSL for more would find nothing. */
static bool all_is_read(const dtls_conn *conn)
{
	return conn->link.in.len == 0 && !SSL_has_pending(conn->ssl);
}

static void read_by_openssl(dtls_conn *conn, slice input)
{
	int n;
	conn->link.in = input;
	dtls_forget_errors();
	do {
		uint8_t *room = room_for(conn, input.len);
		if (!room)
			break;
		n = SSL_read(conn->ssl, room, (int)input.len);
		if (n > 0)
			keep(conn, (size_t)n);
		else
			reading_ended(conn, n);
	} while (n > 0 && !all_is_read(conn));
	conn->link.in = slice_of(NULL, 0);
}

static void open_record(dtls_conn *conn, slice record)
{
	uint8_t *room = room_for(conn, record.len);
	int n = room ? dtls_records_open(&conn->records, record, room) : 0;
	if (n <= 0)
		return;
	keep(conn, (size_t)n);
	if (!conn->records.sealing) /* the peer has our Finished */
		dtls_records_take_over(&conn->records, &conn->link.sealed);
}

static void read_records(dtls_conn *conn, slice input)
{
	while (input.len > 0 && (conn->state == DTLS_UNVERIFIED || conn->state == DTLS_CONNECTED)) {
		slice record = conn->records.open ? dtls_next_record(&input) : input;
		if (!conn->records.open)
			input = slice_of(NULL, 0);
		if (conn->records.open && dtls_is_data(record))
			open_record(conn, record);
		else
			read_by_openssl(conn, record);
	}
}

void dtls_keep_early(dtls_conn *conn, slice record)
{
	if (buf_append(&conn->early, record) != 0)
		conn->stats.data_dropped++;
}

void dtls_read_records(dtls_conn *conn, slice datagram)
{
	uint64_t before = conn->stats.records_received;
	drop_handed_out(conn);
	read_records(conn, buf_slice(&conn->early));
	buf_clear(&conn->early);
	read_records(conn, datagram);
	if (datagram.len > 0 && conn->stats.records_received == before && conn->state == DTLS_CONNECTED)
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

/* Straight to `out`, which has room. */
static int seal(dtls_conn *conn, slice plaintext, packet *out)
{
	int n = dtls_records_seal(&conn->records, DTLS_APPLICATION_DATA, plaintext, out->data);
	if (n < 0) {
		dtls_fail(conn, PARLEY_ECRYPTO, "encryption failed: %s", parley_strerror(n));
		return PARLEY_ECRYPTO;
	}
	out->len = (size_t)n;
	return 0;
}

static int seal_for_queue(dtls_conn *conn, slice plaintext)
{
	uint8_t bytes[DTLS_PLAINTEXT_MAX + DTLS_RECORD_OVERHEAD];
	packet record = {.data = bytes, .capacity = sizeof bytes};
	int err = seal(conn, plaintext, &record);
	if (err)
		return err;
	return dtls_link_put(&conn->link, slice_of(record.data, record.len)) ? 0 : PARLEY_ENOMEM;
}

/* To the queue or into `direct`. */
static int seal_by_openssl(dtls_conn *conn, slice plaintext, packet *direct)
{
	uint64_t dropped = conn->link.dropped;
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

static int check_plaintext(const dtls_conn *conn, slice plaintext)
{
	if (conn->state != DTLS_CONNECTED)
		return PARLEY_ESTATE;
	return plaintext.len == 0 || plaintext.len > DTLS_PLAINTEXT_MAX ? PARLEY_EMSGSIZE : 0;
}

int dtls_send(dtls_conn *conn, uint64_t now, slice plaintext)
{
	int err = check_plaintext(conn, plaintext);
	if (err)
		return err;
	if (conn->link.count >= conn->link.limit)
		return PARLEY_ELIMIT;
	conn->link.now = now;
	return conn->records.sealing ? seal_for_queue(conn, plaintext) : seal_by_openssl(conn, plaintext, NULL);
}

int dtls_seal(dtls_conn *conn, uint64_t now, slice plaintext, packet *out)
{
	out->len = 0;
	int err = check_plaintext(conn, plaintext);
	if (err)
		return err;
	if (out->capacity < DTLS_RECORD_OVERHEAD || out->capacity - DTLS_RECORD_OVERHEAD < plaintext.len)
		return PARLEY_EMSGSIZE;
	conn->link.now = now;
	if (!conn->records.sealing)
		return seal_by_openssl(conn, plaintext, out);
	err = seal(conn, plaintext, out);
	if (err)
		return err;
	conn->link.sent++;
	conn->link.sent_bytes += out->len;
	return 0;
}

void dtls_say_goodbye(dtls_conn *conn)
{
	static const uint8_t close_notify[] = {1, 0}; /* a warning */
	uint8_t record[sizeof close_notify + DTLS_RECORD_OVERHEAD];
	dtls_forget_errors();
	if (!conn->records.sealing) {
		SSL_shutdown(conn->ssl);
		return;
	}
	int n = dtls_records_seal(&conn->records, DTLS_ALERT, slice_of(close_notify, sizeof close_notify), record);
	if (n > 0)
		dtls_link_put(&conn->link, slice_of(record, (size_t)n));
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
