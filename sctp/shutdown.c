#include <string.h>

#include "sctp/internal.h"

#define ABORT_TEXT_MAX 200u

static void enter_shutdown_sent(sctp_association *a, uint64_t now)
{
	sctp_set_state(a, SCTP_SHUTDOWN_SENT);
	a->send_shutdown = true;
	sctp_timer_start(a, SCTP_TIMER_T2, now, a->rto.rto);
}

static void enter_shutdown_ack_sent(sctp_association *a, uint64_t now)
{
	sctp_set_state(a, SCTP_SHUTDOWN_ACK_SENT);
	a->send_shutdown = false;
	a->send_shutdown_ack = true;
	sctp_timer_start(a, SCTP_TIMER_T2, now, a->rto.rto);
}

/* Nobody will end them any more. */
static void give_up_open_messages(sctp_association *a, uint64_t now)
{
	uint32_t id = 0;
	for (sctp_stream_out *s; a->queue.open && (s = stream_map_next(&a->queue.streams, &id)); id++)
		sctp_abandon_open(a, now, s); /* if not now, the next time */
}

/* RFC 9260 9.2: the next step, once all that was queued is acknowledged. */
void sctp_shutdown_advance(sctp_association *a, uint64_t now)
{
	if (a->state == SCTP_SHUTDOWN_PENDING || a->state == SCTP_SHUTDOWN_RECEIVED)
		give_up_open_messages(a, now);
	if (a->queue.messages || sctp_outstanding_count(&a->sent))
		return;
	if (a->state == SCTP_SHUTDOWN_PENDING)
		enter_shutdown_sent(a, now);
	else if (a->state == SCTP_SHUTDOWN_RECEIVED)
		enter_shutdown_ack_sent(a, now);
}

int sctp_shutdown(sctp_association *a, uint64_t now)
{
	if (a->state != SCTP_ESTABLISHED)
		return PARLEY_ESTATE;
	sctp_set_state(a, SCTP_SHUTDOWN_PENDING);
	sctp_shutdown_advance(a, now);
	return 0;
}

void sctp_handle_shutdown(sctp_association *a, uint64_t now, const sctp_tlv *chunk)
{
	reader r = reader_of(chunk->value);
	uint32_t cumulative = read_u32(&r);
	if (r.bad || a->state < SCTP_ESTABLISHED)
		return; /* RFC 9260 9.2: silently in COOKIE-WAIT and COOKIE-ECHOED */
	if (a->state == SCTP_SHUTDOWN_ACK_SENT) {
		a->send_shutdown_ack = true;
		return;
	}
	sctp_handle_cumulative_ack(a, now, cumulative);
	if (a->state == SCTP_SHUTDOWN_SENT) /* both at once */
		enter_shutdown_ack_sent(a, now);
	else if (a->state != SCTP_SHUTDOWN_RECEIVED)
		sctp_set_state(a, SCTP_SHUTDOWN_RECEIVED);
	sctp_shutdown_advance(a, now);
}

static void complete(sctp_association *a, uint32_t tag, uint8_t flags)
{
	uint8_t bytes[SCTP_TLV_HEADER];
	writer w = writer_of(bytes, sizeof bytes);
	sctp_write_chunk(&w, SCTP_CHUNK_SHUTDOWN_COMPLETE, flags, (slice){0});
	sctp_queue_packet(a, tag, writer_slice(&w));
}

void sctp_handle_shutdown_ack(sctp_association *a, const sctp_header *header)
{
	switch (a->state) {
	case SCTP_SHUTDOWN_SENT:
	case SCTP_SHUTDOWN_ACK_SENT: {
		uint32_t tag = a->peer_tag;
		sctp_end(a, 0, "shut down");
		complete(a, tag, 0);
		break;
	}
	case SCTP_COOKIE_WAIT:
	case SCTP_COOKIE_ECHOED: /* RFC 9260 8.5.1 E */
		complete(a, header->tag, SCTP_FLAG_TAG_REFLECTED);
		break;
	default:
		break;
	}
}

void sctp_handle_shutdown_complete(sctp_association *a)
{
	if (a->state == SCTP_SHUTDOWN_ACK_SENT)
		sctp_end(a, 0, "shut down");
}

void sctp_t2_expired(sctp_association *a, uint64_t now)
{
	if (sctp_count_error(a, a->config.max_retransmits))
		return;
	a->send_shutdown = a->state == SCTP_SHUTDOWN_SENT;
	a->send_shutdown_ack = a->state == SCTP_SHUTDOWN_ACK_SENT;
	sctp_rto_back_off(&a->rto);
	sctp_timer_start(a, SCTP_TIMER_T2, now, a->rto.rto);
}

/* --- ABORT, ERROR --- */

/* RFC 9260 3.3.10: only two causes have room for words; the others carry what they are about, or nothing. */
static void write_cause(writer *w, uint16_t cause, uint32_t subject, slice words)
{
	size_t at = sctp_param_begin(w, cause);
	switch (cause) {
	case SCTP_CAUSE_MISSING_PARAM:
		write_u32(w, 1); /* how many are missing */
		write_u16(w, (uint16_t)subject);
		break;
	case SCTP_CAUSE_NO_USER_DATA:
		write_u32(w, subject);
		break;
	case SCTP_CAUSE_USER_ABORT:
	case SCTP_CAUSE_PROTOCOL_VIOLATION:
		write_bytes(w, words);
		break;
	default:
		break;
	}
	sctp_tlv_end(w, at);
}

void sctp_abort_with(sctp_association *a, uint16_t cause, uint32_t subject, int error, const char *reason)
{
	uint8_t bytes[2 * SCTP_TLV_HEADER + ABORT_TEXT_MAX];
	writer w = writer_of(bytes, sizeof bytes);
	slice words = slice_part(slice_from_string(reason), 0, ABORT_TEXT_MAX);
	size_t at = sctp_chunk_begin(&w, SCTP_CHUNK_ABORT, 0);
	write_cause(&w, cause, subject, words);
	sctp_tlv_end(&w, at);
	bool tell = a->has_peer && !a->ended;
	uint32_t tag = a->peer_tag;
	sctp_end(a, error, "%.*s", (int)words.len, (const char *)words.data);
	if (tell)
		sctp_queue_packet(a, tag, writer_slice(&w));
}

void sctp_abort(sctp_association *a, uint64_t now, const char *reason)
{
	(void)now;
	sctp_abort_with(a, SCTP_CAUSE_USER_ABORT, 0, PARLEY_ECLOSED, reason ? reason : "");
}

static void text_printable(text *t, slice s)
{
	for (size_t i = 0; i < s.len; i++)
		text_char(t, s.data[i] >= 0x20 && s.data[i] < 0x7f ? (char)s.data[i] : '.');
}

static void describe_causes(slice causes, text *t)
{
	reader r = reader_of(causes);
	for (sctp_tlv c; sctp_tlv_next(&r, &c);) {
		const char *name = sctp_cause_name(c.type);
		text_string(t, ": ");
		if (name)
			text_string(t, name);
		else
			text_printf(t, "cause %u", c.type);
		if ((c.type == SCTP_CAUSE_USER_ABORT || c.type == SCTP_CAUSE_PROTOCOL_VIOLATION) && c.value.len) {
			text_string(t, ": ");
			text_printable(t, slice_part(c.value, 0, ABORT_TEXT_MAX));
		}
	}
}

/* What its user wanted is no failure to show to ours; every WebRTC stack says these words (peer/core.c too) when it is closed. */
#define USUAL_WORDS "Close called"

void sctp_handle_abort(sctp_association *a, const sctp_tlv *chunk)
{
	char causes[SCTP_REASON_MAX], words[ABORT_TEXT_MAX + 1];
	text t = text_of(causes, sizeof causes), u = text_of(words, sizeof words);
	sctp_tlv cause;
	describe_causes(chunk->value, &t);
	SCTP_INFO(a, "aborted by the peer%s", causes);
	if (!sctp_tlv_find(chunk->value, SCTP_CAUSE_USER_ABORT, &cause)) {
		sctp_end(a, PARLEY_ECLOSED, "aborted by the peer%s", causes);
		return;
	}
	bool usual = !cause.value.len || slice_equal_string(cause.value, USUAL_WORDS);
	text_printable(&u, slice_part(cause.value, 0, ABORT_TEXT_MAX));
	sctp_end(a, PARLEY_ECLOSED, "the peer closed the connection%s%s", usual ? "" : ": ", usual ? "" : words);
}

void sctp_handle_error(sctp_association *a, uint64_t now, const sctp_tlv *chunk)
{
	char what[SCTP_REASON_MAX];
	text t = text_of(what, sizeof what);
	describe_causes(chunk->value, &t);
	SCTP_WARN(a, "the peer reports an error%s", what);
	sctp_tlv stale;
	if (sctp_tlv_find(chunk->value, SCTP_CAUSE_STALE_COOKIE, &stale))
		sctp_stale_cookie(a, now);
}
