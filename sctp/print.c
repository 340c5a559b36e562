#include <inttypes.h>

#include "sctp/chunk.h"
#include "sctp/packet.h"
#include "sctp/sctp.h"

static void print_data(const sctp_tlv *chunk, text *t)
{
	sctp_data d;
	if (sctp_data_decode(chunk, &d))
		text_printf(t, " tsn=%" PRIu32 " sid=%u %s=%" PRIu32 " %s=%" PRIu32 " len=%zu%s%s%s%s", d.tsn, d.stream,
			    d.interleaved ? "mid" : "ssn", d.mid, d.interleaved && !d.begin ? "fsn" : "ppid",
			    d.interleaved && !d.begin ? d.fsn : d.ppid, d.payload.len, d.begin ? " B" : "",
			    d.end ? " E" : "", d.unordered ? " U" : "", d.immediate ? " I" : "");
}

static void print_init(const sctp_tlv *chunk, text *t)
{
	sctp_init i;
	if (sctp_init_decode(chunk->value, &i))
		text_printf(t, " tag=%08" PRIx32 " a_rwnd=%" PRIu32 " streams=%u/%u tsn=%" PRIu32 "%s%s%s%s", i.tag,
			    i.window, i.streams_out, i.streams_in, i.initial_tsn,
			    i.features.forward_tsn ? " forward-tsn" : "", i.features.reconfig ? " re-config" : "",
			    i.features.i_data ? " i-data" : "", i.features.zero_checksum ? " zero-checksum" : "");
}

static void print_sack(const sctp_tlv *chunk, text *t)
{
	sctp_sack s;
	if (!sctp_sack_decode(chunk->value, &s))
		return;
	text_printf(t, " cum=%" PRIu32 " a_rwnd=%" PRIu32, s.cumulative_tsn, s.window);
	for (size_t i = 0; i < s.gap_count; i++)
		text_printf(t, "%s%u-%u", i ? "," : " gaps=", sctp_sack_gap(&s, i).start, sctp_sack_gap(&s, i).end);
	if (s.duplicate_count)
		text_printf(t, " dups=%zu", s.duplicate_count);
}

static void print_forward(const sctp_tlv *chunk, text *t)
{
	sctp_forward_tsn f;
	if (!sctp_forward_tsn_decode(chunk, &f))
		return;
	text_printf(t, " cum=%" PRIu32, f.new_cumulative_tsn);
	for (size_t i = 0; i < f.count; i++) {
		sctp_skipped s = sctp_forward_tsn_stream(&f, i);
		text_printf(t, " %u:%" PRIu32 "%s", s.stream, s.mid, s.unordered ? "U" : "");
	}
}

static void print_response(const sctp_reconfig_param *p, text *t)
{
	text_printf(t, " response(%" PRIu32 " result=%" PRIu32, p->request, p->result);
	if (p->has_tsns)
		text_printf(t, " tsns=%" PRIu32 "/%" PRIu32, p->sender_next, p->receiver_next);
	text_char(t, ')');
}

static void print_reconfig(const sctp_tlv *chunk, text *t)
{
	reader r = reader_of(chunk->value);
	for (sctp_tlv v; sctp_tlv_next(&r, &v);) {
		sctp_reconfig_param p;
		if (!sctp_reconfig_decode(&v, &p))
			continue;
		if (p.type == SCTP_PARAM_RECONFIG_RESPONSE)
			print_response(&p, t);
		else
			text_printf(t, " request(%" PRIu32 " type=%u streams=%zu)", p.request, p.type, p.stream_count);
	}
}

static void print_causes(const sctp_tlv *chunk, text *t)
{
	reader r = reader_of(chunk->value);
	for (sctp_tlv c; sctp_tlv_next(&r, &c);) {
		reader value = reader_of(c.value);
		uint32_t subject = read_u32(&value);
		uint16_t param = read_u16(&value);
		text_printf(t, " cause=%u", c.type);
		if (c.type == SCTP_CAUSE_NO_USER_DATA)
			text_printf(t, " tsn=%" PRIu32, subject);
		else if (c.type == SCTP_CAUSE_MISSING_PARAM)
			text_printf(t, " missing=%" PRIu32 ": %u", subject, param);
	}
}

static void print_chunk(const sctp_tlv *chunk, text *t)
{
	uint8_t type = sctp_chunk_type_of(chunk);
	const char *name = sctp_chunk_name(type);
	if (name)
		text_string(t, name);
	else
		text_printf(t, "chunk-%u", type);
	switch (type) {
	case SCTP_CHUNK_DATA:
	case SCTP_CHUNK_I_DATA:
		print_data(chunk, t);
		break;
	case SCTP_CHUNK_INIT:
	case SCTP_CHUNK_INIT_ACK:
		print_init(chunk, t);
		break;
	case SCTP_CHUNK_SACK:
		print_sack(chunk, t);
		break;
	case SCTP_CHUNK_FORWARD_TSN:
	case SCTP_CHUNK_I_FORWARD_TSN:
		print_forward(chunk, t);
		break;
	case SCTP_CHUNK_RECONFIG:
		print_reconfig(chunk, t);
		break;
	case SCTP_CHUNK_ABORT:
	case SCTP_CHUNK_ERROR:
		print_causes(chunk, t);
		break;
	default:
		break;
	}
}

void sctp_print_packet(slice packet_bytes, text *t)
{
	sctp_header h;
	if (!sctp_packet_decode_header(packet_bytes, &h)) {
		text_string(t, "not SCTP");
		return;
	}
	text_printf(t, "tag=%08" PRIx32, h.tag);
	reader r = reader_of(h.chunks);
	const char *separator = " ";
	for (sctp_tlv chunk; sctp_tlv_next(&r, &chunk); separator = ", ") {
		text_string(t, separator);
		print_chunk(&chunk, t);
	}
	if (r.bad)
		text_string(t, " (malformed)");
}
