#include "dtls/link.h"

#include <stdlib.h>
#include <string.h>

/* IPv6 and UDP headers: what OpenSSL takes off a link's MTU. */
#define IP_UDP_OVERHEAD 48

/* In a record's header (RFC 6347 4.1). */
#define EPOCH_AT 3u
#define SEQUENCE_AT 5u
#define SEQUENCE_SIZE 6u
#define LENGTH_SIZE 2u

typedef struct {
	list_node node;
	size_t len;
	uint8_t data[];
} datagram;

static bool enqueue(dtls_link *link, slice bytes)
{
	if (link->count >= link->limit)
		return false;
	datagram *d = malloc(sizeof *d + bytes.len);
	if (!d)
		return false;
	d->len = bytes.len;
	memcpy(d->data, bytes.data, bytes.len);
	list_append(&link->queue, &d->node);
	link->count++;
	return true;
}

bool dtls_link_put(dtls_link *link, slice bytes)
{
	bool ok = enqueue(link, bytes);
	link->dropped += !ok;
	return ok;
}

static bool hand_out(dtls_link *link, packet *out, slice bytes)
{
	if (bytes.len > out->capacity)
		return false;
	memcpy(out->data, bytes.data, bytes.len);
	out->len = bytes.len;
	link->sent++;
	link->sent_bytes += bytes.len;
	return true;
}

/* Whoever writes after OpenSSL must not use its numbers and nonces again. */
static void note_sealed(dtls_link *link, slice bytes)
{
	while (bytes.len > 0) {
		reader in = reader_of(dtls_next_record(&bytes));
		read_skip(&in, EPOCH_AT);
		if (read_u16(&in) == 0)
			continue;
		link->sealed.next = read_u48(&in) + 1;
		read_skip(&in, LENGTH_SIZE);
		link->sealed.nonce = read_u64(&in);
	}
}

/* Writing never fails for OpenSSL: a datagram without room is one that the network lost. */
static int bio_write(BIO *bio, const char *data, int len)
{
	dtls_link *link = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	if (len <= 0)
		return 0;
	slice bytes = slice_of(data, (size_t)len);
	link->written++;
	note_sealed(link, bytes);
	if (!(link->direct ? hand_out(link, link->direct, bytes) : enqueue(link, bytes)))
		link->dropped++;
	return len;
}

/*
 * Sequence numbers in the clear are anyone's: a single forged one, far ahead, would make OpenSSL take all genuine
 * records for replays (RFC 6347 4.1.2.6). So such records are counted here. Nothing else depends on the number in
 * epoch 0, and what is doubled the handshake knows by its message number.
 */
static void renumber(dtls_link *link, uint8_t *record, size_t len)
{
	if (len < SEQUENCE_AT + SEQUENCE_SIZE)
		return;
	writer w = writer_of(record + SEQUENCE_AT, SEQUENCE_SIZE);
	write_u48(&w, link->clear_seq++);
}

static int bio_read(BIO *bio, char *out, int capacity)
{
	dtls_link *link = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	if (link->in.len == 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	slice s = slice_part(link->in, 0, capacity > 0 ? (size_t)capacity : 0);
	memcpy(out, s.data, s.len);
	if (link->renumber)
		renumber(link, (uint8_t *)out, s.len);
	link->in = slice_of(NULL, 0); /* as with a socket, what did not fit is gone */
	return (int)s.len;
}

/* OpenSSL starts (or, with zeros, stops) its timer. The time it gives is of the wall clock: only the fact is taken. */
static void note_timer(dtls_link *link, const struct timeval *at)
{
	bool running = at->tv_sec || at->tv_usec;
	link->deadline = running ? time_after(link->now, link->wait_us) : TIME_NEVER;
}

static long bio_ctrl(BIO *bio, int cmd, long number, void *pointer)
{
	(void)number;
	dtls_link *link = BIO_get_data(bio);
	switch (cmd) {
	case BIO_CTRL_FLUSH:
		return 1;
	case BIO_CTRL_PENDING:
		return (long)link->in.len;
	case BIO_CTRL_DGRAM_QUERY_MTU:
	case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
		return (long)link->mtu;
	case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD:
		return IP_UDP_OVERHEAD;
	case BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT:
		note_timer(link, pointer);
		return 1;
	default:
		return 0;
	}
}

static int bio_create(BIO *bio)
{
	BIO_set_init(bio, 1);
	return 1;
}

/* How long to wait this time: previous_us is 0 at the start of a flight, else the wait that has just passed in vain. */
static unsigned next_wait(SSL *ssl, unsigned previous_us)
{
	dtls_link *link = BIO_get_data(SSL_get_rbio(ssl));
	link->wait_us = previous_us == 0 ? link->first_us : time_min(2 * (uint64_t)previous_us, link->max_us);
	if (previous_us)
		link->retransmissions++;
	return (unsigned)link->wait_us;
}

bool dtls_link_init(dtls_link *link, size_t mtu, size_t limit, uint64_t first_us, uint64_t max_us)
{
	*link = (dtls_link){.mtu = mtu, .limit = limit, .first_us = first_us, .max_us = max_us, .deadline = TIME_NEVER};
	list_init(&link->queue);
	link->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "parley datagrams");
	return link->method && BIO_meth_set_write(link->method, bio_write) &&
	       BIO_meth_set_read(link->method, bio_read) && BIO_meth_set_ctrl(link->method, bio_ctrl) &&
	       BIO_meth_set_create(link->method, bio_create);
}

void dtls_link_clear(dtls_link *link)
{
	dtls_link_truncate(link, 0);
	BIO_meth_free(link->method);
	link->method = NULL;
}

bool dtls_link_attach(dtls_link *link, SSL *ssl)
{
	BIO *bio = BIO_new(link->method);
	if (!bio)
		return false;
	BIO_set_data(bio, link);
	SSL_set_bio(ssl, bio, bio); /* ssl owns the BIO now */
	DTLS_set_timer_cb(ssl, next_wait);
	link->deadline = TIME_NEVER;
	SSL_set_options(ssl, SSL_OP_NO_QUERY_MTU);
	return SSL_set_mtu(ssl, (long)link->mtu) != 0;
}

bool dtls_link_take(dtls_link *link, packet *out)
{
	bool taken = false;
	while (!taken && link->count > 0) {
		datagram *d = LIST_ENTRY(list_pop(&link->queue), datagram, node);
		link->count--;
		taken = hand_out(link, out, slice_of(d->data, d->len));
		if (!taken)
			link->dropped++;
		free(d);
	}
	return taken;
}

void dtls_link_truncate(dtls_link *link, size_t keep)
{
	while (link->count > keep) {
		datagram *newest = LIST_ENTRY(link->queue.prev, datagram, node);
		list_remove(&newest->node);
		free(newest);
		link->count--;
	}
}
