#include "sctp/chunk.h"

static size_t padding(size_t len)
{
	return (4 - len % 4) % 4;
}

bool sctp_tlv_next(reader *r, sctp_tlv *out)
{
	size_t left = reader_left(r);
	if (r->bad || !left)
		return false;
	reader header = *r;
	uint16_t type = read_u16(&header);
	uint16_t len = read_u16(&header);
	if (header.bad || len < SCTP_TLV_HEADER || len > left) {
		r->bad = true;
		return false;
	}
	out->type = type;
	out->whole = read_bytes(r, len);
	out->value = slice_part(out->whole, SCTP_TLV_HEADER, len);
	size_t pad = padding(len);
	read_skip(r, pad < left - len ? pad : left - len);
	return true;
}

bool sctp_tlvs_valid(slice s)
{
	reader r = reader_of(s);
	sctp_tlv t;
	while (sctp_tlv_next(&r, &t))
		;
	return !r.bad;
}

bool sctp_tlv_find(slice s, uint16_t type, sctp_tlv *out)
{
	reader r = reader_of(s);
	while (sctp_tlv_next(&r, out))
		if (out->type == type)
			return true;
	return false;
}

size_t sctp_chunk_begin(writer *w, uint8_t type, uint8_t flags)
{
	return sctp_param_begin(w, (uint16_t)(type << 8 | flags));
}

size_t sctp_param_begin(writer *w, uint16_t type)
{
	size_t at = w->len;
	write_u16(w, type);
	write_u16(w, 0);
	return at;
}

void sctp_tlv_end(writer *w, size_t at)
{
	write_u16_at(w, at + 2, (uint16_t)(w->len - at));
	write_zeros(w, padding(w->len - at));
}

void sctp_write_chunk(writer *w, uint8_t type, uint8_t flags, slice value)
{
	sctp_write_param(w, (uint16_t)(type << 8 | flags), value);
}

void sctp_write_param(writer *w, uint16_t type, slice value)
{
	size_t at = sctp_param_begin(w, type);
	write_bytes(w, value);
	sctp_tlv_end(w, at);
}

/* --- INIT --- */

static void note_extensions(sctp_features *f, slice types)
{
	for (size_t i = 0; i < types.len; i++) {
		if (types.data[i] == SCTP_CHUNK_RECONFIG)
			f->reconfig = true;
		else if (types.data[i] == SCTP_CHUNK_FORWARD_TSN)
			f->forward_tsn = true;
		else if (types.data[i] == SCTP_CHUNK_I_DATA)
			f->i_data = true;
		else if (types.data[i] == SCTP_CHUNK_I_FORWARD_TSN)
			f->i_forward_tsn = true;
	}
}

static bool detects_by_dtls(slice value)
{
	reader r = reader_of(value);
	return read_u32(&r) == SCTP_DETECTION_DTLS && !r.bad;
}

/* False: stop reading parameters (RFC 9260 3.2.1). */
static bool note_param(sctp_init *init, const sctp_tlv *p)
{
	switch (p->type) {
	case SCTP_PARAM_STATE_COOKIE:
		init->has_cookie = true;
		init->cookie = p->value;
		return true;
	case SCTP_PARAM_SUPPORTED_EXTENSIONS:
		note_extensions(&init->features, p->value);
		return true;
	case SCTP_PARAM_FORWARD_TSN:
		init->features.forward_tsn = true;
		return true;
	case SCTP_PARAM_ZERO_CHECKSUM:
		init->features.zero_checksum = detects_by_dtls(p->value);
		return true;
	case SCTP_PARAM_PAD:
		return true;
	case SCTP_PARAM_UNRECOGNIZED:
		return true; /* of ours: extensions are only used when announced, so there is nothing to undo */
	default:
		if (p->type & SCTP_PARAM_REPORT_BIT && init->unrecognized_count < SCTP_UNRECOGNIZED_MAX)
			init->unrecognized[init->unrecognized_count++] = p->whole;
		return p->type & SCTP_PARAM_SKIP_BIT;
	}
}

bool sctp_init_decode(slice value, sctp_init *init)
{
	reader r = reader_of(value);
	*init = (sctp_init){0};
	init->tag = read_u32(&r);
	init->window = read_u32(&r);
	init->streams_out = read_u16(&r);
	init->streams_in = read_u16(&r);
	init->initial_tsn = read_u32(&r);
	slice params = read_rest(&r);
	if (r.bad || !sctp_tlvs_valid(params))
		return false;
	r = reader_of(params);
	for (sctp_tlv p; sctp_tlv_next(&r, &p) && note_param(init, &p);)
		;
	return true;
}

static void write_features(writer *w, const sctp_features *f)
{
	uint8_t types[4];
	writer list = writer_of(types, sizeof types);
	if (f->forward_tsn)
		sctp_write_param(w, SCTP_PARAM_FORWARD_TSN, (slice){0});
	if (f->reconfig)
		write_u8(&list, SCTP_CHUNK_RECONFIG);
	if (f->forward_tsn)
		write_u8(&list, SCTP_CHUNK_FORWARD_TSN);
	if (f->i_data)
		write_u8(&list, SCTP_CHUNK_I_DATA);
	if (f->i_forward_tsn)
		write_u8(&list, SCTP_CHUNK_I_FORWARD_TSN);
	if (list.len)
		sctp_write_param(w, SCTP_PARAM_SUPPORTED_EXTENSIONS, writer_slice(&list));
	if (f->zero_checksum) {
		size_t at = sctp_param_begin(w, SCTP_PARAM_ZERO_CHECKSUM);
		write_u32(w, SCTP_DETECTION_DTLS);
		sctp_tlv_end(w, at);
	}
}

void sctp_init_encode(writer *w, uint8_t type, const sctp_init *init)
{
	size_t at = sctp_chunk_begin(w, type, 0);
	write_u32(w, init->tag);
	write_u32(w, init->window);
	write_u16(w, init->streams_out);
	write_u16(w, init->streams_in);
	write_u32(w, init->initial_tsn);
	write_features(w, &init->features);
	if (init->has_cookie)
		sctp_write_param(w, SCTP_PARAM_STATE_COOKIE, init->cookie);
	for (size_t i = 0; i < init->unrecognized_count; i++)
		sctp_write_param(w, SCTP_PARAM_UNRECOGNIZED, init->unrecognized[i]);
	sctp_tlv_end(w, at);
}

/* --- DATA, I-DATA --- */

/* RFC 8260 2.1: a reserved field in place of the SSN, then the MID; the PPID in the first fragment, the FSN in others. */
static void read_numbers(reader *r, sctp_data *data)
{
	uint16_t ssn = read_u16(r);
	data->mid = data->interleaved ? read_u32(r) : ssn;
	uint32_t last = read_u32(r);
	bool is_ppid = !data->interleaved || data->begin;
	data->ppid = is_ppid ? last : 0;
	data->fsn = is_ppid ? 0 : last;
}

bool sctp_data_decode(const sctp_tlv *chunk, sctp_data *data)
{
	uint8_t flags = sctp_chunk_flags_of(chunk);
	reader r = reader_of(chunk->value);
	data->interleaved = sctp_chunk_type_of(chunk) == SCTP_CHUNK_I_DATA;
	data->unordered = flags & SCTP_FLAG_UNORDERED;
	data->begin = flags & SCTP_FLAG_BEGIN;
	data->end = flags & SCTP_FLAG_END;
	data->immediate = flags & SCTP_FLAG_IMMEDIATE;
	data->tsn = read_u32(&r);
	data->stream = read_u16(&r);
	read_numbers(&r, data);
	data->payload = read_rest(&r);
	return !r.bad;
}

void sctp_data_encode(writer *w, const sctp_data *data)
{
	uint8_t flags = (uint8_t)((data->unordered ? SCTP_FLAG_UNORDERED : 0) | (data->begin ? SCTP_FLAG_BEGIN : 0) |
				  (data->end ? SCTP_FLAG_END : 0) | (data->immediate ? SCTP_FLAG_IMMEDIATE : 0));
	size_t at = sctp_chunk_begin(w, data->interleaved ? SCTP_CHUNK_I_DATA : SCTP_CHUNK_DATA, flags);
	write_u32(w, data->tsn);
	write_u16(w, data->stream);
	write_u16(w, data->interleaved ? 0 : (uint16_t)data->mid);
	if (data->interleaved)
		write_u32(w, data->mid);
	write_u32(w, !data->interleaved || data->begin ? data->ppid : data->fsn);
	write_bytes(w, data->payload);
	sctp_tlv_end(w, at);
}

/* --- SACK --- */

sctp_gap sctp_sack_gap(const sctp_sack *sack, size_t i)
{
	reader r = reader_of(slice_part(sack->gaps, i * 4, 4));
	sctp_gap gap;
	gap.start = read_u16(&r);
	gap.end = read_u16(&r);
	return gap;
}

uint32_t sctp_sack_duplicate(const sctp_sack *sack, size_t i)
{
	reader r = reader_of(slice_part(sack->duplicates, i * 4, 4));
	return read_u32(&r);
}

bool sctp_sack_decode(slice value, sctp_sack *sack)
{
	reader r = reader_of(value);
	sack->cumulative_tsn = read_u32(&r);
	sack->window = read_u32(&r);
	sack->gap_count = read_u16(&r);
	sack->duplicate_count = read_u16(&r);
	sack->gaps = read_bytes(&r, sack->gap_count * 4);
	sack->duplicates = read_bytes(&r, sack->duplicate_count * 4);
	if (r.bad)
		return false;
	unsigned previous_end = 0;
	for (size_t i = 0; i < sack->gap_count; i++) {
		sctp_gap gap = sctp_sack_gap(sack, i);
		if (gap.start <= previous_end || gap.end < gap.start)
			return false;
		previous_end = gap.end;
	}
	return true;
}

/* --- FORWARD TSN (RFC 3758 3.2), I-FORWARD TSN (RFC 8260 2.3.1) --- */

#define SKIPPED_UNORDERED 0x0001u /* the U bit, the last of the reserved ones */

size_t sctp_skipped_size(bool interleaved)
{
	return interleaved ? 8 : 4;
}

bool sctp_forward_tsn_decode(const sctp_tlv *chunk, sctp_forward_tsn *forward)
{
	reader r = reader_of(chunk->value);
	forward->interleaved = sctp_chunk_type_of(chunk) == SCTP_CHUNK_I_FORWARD_TSN;
	size_t size = sctp_skipped_size(forward->interleaved);
	forward->new_cumulative_tsn = read_u32(&r);
	forward->streams = read_rest(&r);
	forward->count = forward->streams.len / size;
	return !r.bad && forward->streams.len % size == 0;
}

sctp_skipped sctp_forward_tsn_stream(const sctp_forward_tsn *forward, size_t i)
{
	size_t size = sctp_skipped_size(forward->interleaved);
	reader r = reader_of(slice_part(forward->streams, i * size, size));
	uint16_t stream = read_u16(&r), second = read_u16(&r);
	if (!forward->interleaved)
		return (sctp_skipped){.stream = stream, .mid = second};
	return (sctp_skipped){.stream = stream, .unordered = second & SKIPPED_UNORDERED, .mid = read_u32(&r)};
}

void sctp_forward_tsn_encode(writer *w, bool interleaved, uint32_t new_cumulative_tsn, const sctp_skipped *skipped,
			     size_t count)
{
	size_t at = sctp_chunk_begin(w, interleaved ? SCTP_CHUNK_I_FORWARD_TSN : SCTP_CHUNK_FORWARD_TSN, 0);
	write_u32(w, new_cumulative_tsn);
	for (size_t i = 0; i < count; i++) {
		write_u16(w, skipped[i].stream);
		if (!interleaved) {
			write_u16(w, (uint16_t)skipped[i].mid);
			continue;
		}
		write_u16(w, skipped[i].unordered ? SKIPPED_UNORDERED : 0);
		write_u32(w, skipped[i].mid);
	}
	sctp_tlv_end(w, at);
}

/* --- RE-CONFIG parameters (RFC 6525 4) --- */

bool sctp_reconfig_decode(const sctp_tlv *param, sctp_reconfig_param *out)
{
	reader r = reader_of(param->value);
	*out = (sctp_reconfig_param){.type = param->type};
	out->request = read_u32(&r);
	switch (param->type) {
	case SCTP_PARAM_OUTGOING_RESET:
		out->response = read_u32(&r);
		out->last_tsn = read_u32(&r);
		out->streams = read_rest(&r);
		break;
	case SCTP_PARAM_INCOMING_RESET:
		out->streams = read_rest(&r);
		break;
	case SCTP_PARAM_RECONFIG_RESPONSE:
		out->result = read_u32(&r);
		out->has_tsns = reader_left(&r);
		out->sender_next = out->has_tsns ? read_u32(&r) : 0;
		out->receiver_next = out->has_tsns ? read_u32(&r) : 0;
		break;
	case SCTP_PARAM_ADD_OUTGOING:
	case SCTP_PARAM_ADD_INCOMING:
		out->added = read_u16(&r);
		read_u16(&r); /* reserved */
		break;
	default:
		break;
	}
	out->stream_count = out->streams.len / 2;
	return !r.bad && out->streams.len % 2 == 0;
}

uint16_t sctp_reconfig_stream(const sctp_reconfig_param *param, size_t i)
{
	reader r = reader_of(slice_part(param->streams, i * 2, 2));
	return read_u16(&r);
}

void sctp_reconfig_response_encode(writer *w, const sctp_reconfig_response *response)
{
	size_t at = sctp_param_begin(w, SCTP_PARAM_RECONFIG_RESPONSE);
	write_u32(w, response->request);
	write_u32(w, response->result);
	if (response->has_tsns) {
		write_u32(w, response->sender_next);
		write_u32(w, response->receiver_next);
	}
	sctp_tlv_end(w, at);
}

/* --- names --- */

const char *sctp_chunk_name(uint8_t type)
{
	switch (type) {
	case SCTP_CHUNK_DATA:
		return "DATA";
	case SCTP_CHUNK_INIT:
		return "INIT";
	case SCTP_CHUNK_INIT_ACK:
		return "INIT-ACK";
	case SCTP_CHUNK_SACK:
		return "SACK";
	case SCTP_CHUNK_HEARTBEAT:
		return "HEARTBEAT";
	case SCTP_CHUNK_HEARTBEAT_ACK:
		return "HEARTBEAT-ACK";
	case SCTP_CHUNK_ABORT:
		return "ABORT";
	case SCTP_CHUNK_SHUTDOWN:
		return "SHUTDOWN";
	case SCTP_CHUNK_SHUTDOWN_ACK:
		return "SHUTDOWN-ACK";
	case SCTP_CHUNK_ERROR:
		return "ERROR";
	case SCTP_CHUNK_COOKIE_ECHO:
		return "COOKIE-ECHO";
	case SCTP_CHUNK_COOKIE_ACK:
		return "COOKIE-ACK";
	case SCTP_CHUNK_SHUTDOWN_COMPLETE:
		return "SHUTDOWN-COMPLETE";
	case SCTP_CHUNK_I_DATA:
		return "I-DATA";
	case SCTP_CHUNK_RECONFIG:
		return "RE-CONFIG";
	case SCTP_CHUNK_PAD:
		return "PAD";
	case SCTP_CHUNK_FORWARD_TSN:
		return "FORWARD-TSN";
	case SCTP_CHUNK_I_FORWARD_TSN:
		return "I-FORWARD-TSN";
	default:
		return NULL;
	}
}

const char *sctp_cause_name(uint16_t code)
{
	static const char *const names[] = {
		[SCTP_CAUSE_INVALID_STREAM] = "invalid stream identifier",
		[SCTP_CAUSE_MISSING_PARAM] = "missing mandatory parameter",
		[SCTP_CAUSE_STALE_COOKIE] = "stale cookie",
		[SCTP_CAUSE_OUT_OF_RESOURCE] = "out of resource",
		[5] = "unresolvable address",
		[SCTP_CAUSE_UNRECOGNIZED_CHUNK] = "unrecognized chunk type",
		[SCTP_CAUSE_INVALID_PARAM] = "invalid mandatory parameter",
		[SCTP_CAUSE_UNRECOGNIZED_PARAM] = "unrecognized parameters",
		[SCTP_CAUSE_NO_USER_DATA] = "no user data",
		[SCTP_CAUSE_COOKIE_WHILE_SHUTDOWN] = "cookie received while shutting down",
		[11] = "restart with new addresses",
		[SCTP_CAUSE_USER_ABORT] = "user initiated abort",
		[SCTP_CAUSE_PROTOCOL_VIOLATION] = "protocol violation",
	};
	return code < sizeof names / sizeof *names ? names[code] : NULL;
}
