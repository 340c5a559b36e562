#include <string.h>

#include "sctp/internal.h"

#define REPORTED_CHUNK_MAX 256u /* bytes of an unknown chunk sent back */

static void invalid(sctp_association *a, const char *why)
{
	a->stats.packets_invalid++;
	SCTP_WARN(a, "packet dropped: %s", why);
}

/* --- whose packet is it? (RFC 9260 8.4, 8.5) --- */

typedef enum { TAG_OURS, TAG_WRONG, TAG_DEFERRED } tag_verdict; /* DEFERRED: the chunk's handler decides */

static tag_verdict reflectable(const sctp_association *a, const sctp_header *h, const sctp_tlv *first)
{
	bool reflected = sctp_chunk_flags_of(first) & SCTP_FLAG_TAG_REFLECTED;
	if (reflected)
		return a->has_peer && h->tag == a->peer_tag ? TAG_OURS : TAG_WRONG;
	return h->tag == a->local_tag ? TAG_OURS : TAG_WRONG;
}

static tag_verdict check_tag(const sctp_association *a, const sctp_header *h, const sctp_tlv *first)
{
	switch (sctp_chunk_type_of(first)) {
	case SCTP_CHUNK_INIT:
		return h->tag == 0 ? TAG_OURS : TAG_WRONG; /* 8.5.1 A */
	case SCTP_CHUNK_COOKIE_ECHO:
		return TAG_DEFERRED;	   /* 8.5.1 D: the cookie knows */
	case SCTP_CHUNK_ABORT:		   /* 8.5.1 B */
	case SCTP_CHUNK_SHUTDOWN_COMPLETE: /* 8.5.1 C */
		return reflectable(a, h, first);
	case SCTP_CHUNK_SHUTDOWN_ACK: /* 8.5.1 E */
		return a->state <= SCTP_COOKIE_ECHOED ? TAG_DEFERRED : h->tag == a->local_tag ? TAG_OURS : TAG_WRONG;
	default:
		return h->tag == a->local_tag ? TAG_OURS : TAG_WRONG;
	}
}

static void answer_reflected(sctp_association *a, const sctp_header *h, uint8_t type)
{
	uint8_t bytes[SCTP_TLV_HEADER];
	writer w = writer_of(bytes, sizeof bytes);
	sctp_write_chunk(&w, type, SCTP_FLAG_TAG_REFLECTED, (slice){0});
	sctp_queue_packet(a, h->tag, writer_slice(&w));
}

/* There is no association: "out of the blue" (RFC 9260 8.4). True: the packet is dealt with. */
static bool out_of_the_blue(sctp_association *a, const sctp_header *h, const sctp_tlv *first)
{
	if (a->state != SCTP_CLOSED)
		return false;
	sctp_tlv found;
	reader r = reader_of(h->chunks);
	while (sctp_tlv_next(&r, &found))
		if (sctp_chunk_type_of(&found) == SCTP_CHUNK_ABORT)
			return true; /* 8.4 2 */
	switch (sctp_chunk_type_of(first)) {
	case SCTP_CHUNK_INIT:
	case SCTP_CHUNK_COOKIE_ECHO:
		return a->ended;
	case SCTP_CHUNK_SHUTDOWN_ACK:
		answer_reflected(a, h, SCTP_CHUNK_SHUTDOWN_COMPLETE); /* 8.4 5 */
		return true;
	case SCTP_CHUNK_SHUTDOWN_COMPLETE:
	case SCTP_CHUNK_COOKIE_ACK:
	case SCTP_CHUNK_ERROR:
		return true; /* 8.4 6, 7 */
	default:
		SCTP_WARN(a, "out of the blue: chunk type %u", sctp_chunk_type_of(first));
		answer_reflected(a, h, SCTP_CHUNK_ABORT); /* 8.4 8 */
		return true;
	}
}

/* --- chunks --- */

/* RFC 9260 3.2. False: the rest of the packet is to be dropped. */
static bool unknown_chunk(sctp_association *a, const sctp_tlv *chunk)
{
	uint8_t type = sctp_chunk_type_of(chunk);
	a->stats.chunks_unknown++;
	SCTP_WARN(a, "unknown chunk type %u", type);
	if (type & SCTP_CHUNK_REPORT_BIT) {
		uint8_t bytes[SCTP_TLV_HEADER + REPORTED_CHUNK_MAX];
		writer w = writer_of(bytes, sizeof bytes);
		sctp_write_param(&w, SCTP_CAUSE_UNRECOGNIZED_CHUNK, slice_part(chunk->whole, 0, REPORTED_CHUNK_MAX));
		sctp_queue_chunk(a, SCTP_CHUNK_ERROR, 0, writer_slice(&w));
	}
	return type & SCTP_CHUNK_SKIP_BIT;
}

/* False: the rest of the packet is not to be looked at. */
static bool handle_chunk(sctp_association *a, uint64_t now, const sctp_header *h, const sctp_tlv *chunk)
{
	switch (sctp_chunk_type_of(chunk)) {
	case SCTP_CHUNK_DATA:
	case SCTP_CHUNK_I_DATA:
		sctp_handle_data(a, now, chunk);
		break;
	case SCTP_CHUNK_INIT:
		sctp_handle_init(a, now, h, chunk);
		return false;
	case SCTP_CHUNK_INIT_ACK:
		sctp_handle_init_ack(a, now, chunk);
		return false;
	case SCTP_CHUNK_SACK:
		sctp_handle_sack(a, now, chunk);
		break;
	case SCTP_CHUNK_HEARTBEAT:
		sctp_handle_heartbeat(a, chunk);
		break;
	case SCTP_CHUNK_HEARTBEAT_ACK:
		sctp_handle_heartbeat_ack(a, now, chunk);
		break;
	case SCTP_CHUNK_ABORT:
		sctp_handle_abort(a, chunk);
		break;
	case SCTP_CHUNK_SHUTDOWN:
		sctp_handle_shutdown(a, now, chunk);
		break;
	case SCTP_CHUNK_SHUTDOWN_ACK:
		sctp_handle_shutdown_ack(a, h);
		break;
	case SCTP_CHUNK_SHUTDOWN_COMPLETE:
		sctp_handle_shutdown_complete(a);
		break;
	case SCTP_CHUNK_ERROR:
		sctp_handle_error(a, now, chunk);
		break;
	case SCTP_CHUNK_COOKIE_ECHO:
		return sctp_handle_cookie_echo(a, now, h, chunk) && !a->ended;
	case SCTP_CHUNK_COOKIE_ACK:
		sctp_handle_cookie_ack(a, now);
		break;
	case SCTP_CHUNK_RECONFIG:
		sctp_handle_reconfig(a, now, chunk);
		break;
	case SCTP_CHUNK_FORWARD_TSN:
	case SCTP_CHUNK_I_FORWARD_TSN:
		sctp_handle_forward_tsn(a, now, chunk);
		break;
	case SCTP_CHUNK_PAD: /* RFC 4820 3: to be ignored */
		break;
	default:
		return unknown_chunk(a, chunk);
	}
	return !a->ended;
}

/* INIT, INIT ACK and SHUTDOWN COMPLETE travel alone (RFC 9260 6.10); COOKIE-ECHO comes first (5.1). */
static bool bundled_wrongly(slice chunks)
{
	reader r = reader_of(chunks);
	sctp_tlv t;
	for (size_t i = 0; sctp_tlv_next(&r, &t); i++) {
		uint8_t type = sctp_chunk_type_of(&t);
		bool alone =
			type == SCTP_CHUNK_INIT || type == SCTP_CHUNK_INIT_ACK || type == SCTP_CHUNK_SHUTDOWN_COMPLETE;
		if (alone && (i || reader_left(&r)))
			return true;
		if (type == SCTP_CHUNK_COOKIE_ECHO && i)
			return true;
	}
	return false;
}

static void handle_chunks(sctp_association *a, uint64_t now, const sctp_header *h)
{
	a->packet_had_data = false;
	reader r = reader_of(h->chunks);
	sctp_tlv chunk;
	while (sctp_tlv_next(&r, &chunk))
		if (!handle_chunk(a, now, h, &chunk))
			break;
	if (a->ended)
		return;
	if (a->packet_had_data)
		sctp_schedule_sack(a, now);
	sctp_progress(a, now);
}

void sctp_receive(sctp_association *a, uint64_t now, slice packet_bytes)
{
	sctp_header h;
	sctp_tlv first;
	a->stats.packets_received++;
	a->stats.bytes_received += packet_bytes.len;
	if (!sctp_packet_decode(packet_bytes, a->config.zero_checksum, &h)) {
		invalid(a, "checksum or structure");
		return;
	}
	if (h.source_port != a->config.remote_port || h.destination_port != a->config.local_port) {
		invalid(a, "ports");
		return;
	}
	if (bundled_wrongly(h.chunks)) {
		invalid(a, "chunks that must not be bundled");
		return;
	}
	if (a->has_peer_init && a->state == SCTP_CLOSED && !a->ended)
		sctp_begin_established(a, now); /* the peer has, so DTLS is up */
	reader r = reader_of(h.chunks);
	sctp_tlv_next(&r, &first);
	if (out_of_the_blue(a, &h, &first))
		return;
	switch (check_tag(a, &h, &first)) {
	case TAG_WRONG:
		invalid(a, "verification tag");
		break;
	case TAG_OURS:
	case TAG_DEFERRED:
		handle_chunks(a, now, &h);
		break;
	}
}
