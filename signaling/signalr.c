#include "signaling/signalr.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "parley/types.h"

bool signalr_next_record(slice *payload, slice *record)
{
	const uint8_t *end = payload->len ? memchr(payload->data, SIGNALR_RECORD_END, payload->len) : NULL;
	if (!end)
		return false;
	size_t len = (size_t)(end - payload->data);
	*record = slice_of(payload->data, len);
	*payload = slice_part(*payload, len + 1, payload->len);
	return true;
}

/* --- decoding --- */

/* A string of the record, decoded behind the others in m->strings; where it begins is kept until all are there. */
typedef struct {
	bool present;
	size_t at, len;
} string_place;

/* null counts as absent: that is how some serializers leave a field out. */
static int decode_string(signalr_message *m, const char *name, size_t max, string_place *place)
{
	json_value v = json_member(json_root(&m->document), name);
	*place = (string_place){.at = m->strings.len};
	if (json_is(v, JSON_MISSING) || json_is(v, JSON_NULL))
		return 0;
	int err = json_string(v, &m->strings);
	if (err)
		return err == PARLEY_EINVAL ? PARLEY_EPROTO : err;
	place->present = true;
	place->len = m->strings.len - place->at;
	return place->len > max ? PARLEY_ELIMIT : 0;
}

static slice string_at(const signalr_message *m, string_place place)
{
	return slice_part(buf_slice(&m->strings), place.at, place.len);
}

static int decode_strings(signalr_message *m)
{
	string_place id, target = {0}, error;
	bool calls = m->type == SIGNALR_INVOCATION || m->type == SIGNALR_STREAM_INVOCATION;
	int err = decode_string(m, "invocationId", SIGNALR_ID_MAX, &id);
	if (!err && calls)
		err = decode_string(m, "target", SIGNALR_TARGET_MAX, &target);
	err = err ? err : decode_string(m, "error", JSON_TEXT_MAX, &error);
	if (err)
		return err;
	m->has_id = id.present;
	m->has_error = error.present;
	m->id = string_at(m, id);
	m->target = string_at(m, target);
	m->error = string_at(m, error);
	return 0;
}

static int decode_values(signalr_message *m)
{
	json_value root = json_root(&m->document);
	json_value arguments = json_member(root, "arguments");
	json_value result = json_member(root, m->type == SIGNALR_STREAM_ITEM ? "item" : "result");
	json_value allow = json_member(root, "allowReconnect"), sequence = json_member(root, "sequenceId");
	int64_t number = 0;
	if (!json_is(arguments, JSON_MISSING) && !json_is(arguments, JSON_ARRAY))
		return PARLEY_EPROTO;
	if (!json_is(allow, JSON_MISSING) && !json_boolean(allow, &m->allow_reconnect))
		return PARLEY_EPROTO;
	if (!json_is(sequence, JSON_MISSING) && !json_integer(sequence, 0, INT64_MAX, &number))
		return PARLEY_EPROTO;
	m->arguments = json_raw(arguments);
	m->has_result = !json_is(result, JSON_MISSING);
	m->result = json_raw(result);
	m->sequence_id = (uint64_t)number;
	return 0;
}

/* What HubProtocol.md requires of each type, beyond the types of the fields. */
static bool is_complete(const signalr_message *m)
{
	switch (m->type) {
	case SIGNALR_INVOCATION:
		return m->target.len > 0 && m->arguments.len > 0;
	case SIGNALR_STREAM_INVOCATION:
		return m->has_id && m->target.len > 0 && m->arguments.len > 0;
	case SIGNALR_STREAM_ITEM:
		return m->has_id && m->has_result;
	case SIGNALR_COMPLETION:
		return m->has_id && !(m->has_result && m->has_error);
	case SIGNALR_CANCEL_INVOCATION:
		return m->has_id;
	case SIGNALR_ACK:
	case SIGNALR_SEQUENCE:
		return json_is(json_member(json_root(&m->document), "sequenceId"), JSON_NUMBER);
	case SIGNALR_PING:
	case SIGNALR_CLOSE:
	case SIGNALR_UNKNOWN:
		break;
	}
	return true;
}

static int decode_fields(signalr_message *m)
{
	json_value root = json_root(&m->document);
	int64_t type;
	if (!json_is(root, JSON_OBJECT) || !json_integer(json_member(root, "type"), INT32_MIN, INT32_MAX, &type))
		return PARLEY_EPROTO;
	if (type < SIGNALR_INVOCATION || type > SIGNALR_SEQUENCE)
		return 0; /* stays SIGNALR_UNKNOWN; its fields mean nothing here */
	m->type = (signalr_type)type;
	int err = decode_strings(m);
	err = err ? err : decode_values(m);
	return err ? err : is_complete(m) ? 0 : PARLEY_EPROTO;
}

int signalr_decode(signalr_message *m, slice record)
{
	*m = (signalr_message){.strings = {.limit = JSON_TEXT_MAX}};
	int err = json_parse(&m->document, record);
	if (err)
		return err;
	err = decode_fields(m);
	if (err)
		signalr_message_clear(m);
	return err;
}

void signalr_message_clear(signalr_message *m)
{
	json_clear(&m->document);
	buf_clear(&m->strings);
	*m = (signalr_message){0};
}

static json_value arguments_of(const signalr_message *m)
{
	return json_member(json_root(&m->document), "arguments");
}

size_t signalr_argument_count(const signalr_message *m)
{
	return json_count(arguments_of(m));
}

json_value signalr_argument(const signalr_message *m, size_t index)
{
	return json_element(arguments_of(m), index);
}

/* --- encoding --- */

static void write_string_field(json_writer *w, const char *punctuation, slice s)
{
	json_write_raw(w, punctuation);
	json_write_string(w, s);
}

static void write_value_field(json_writer *w, const char *punctuation, slice json)
{
	json_write_raw(w, punctuation);
	json_write_value(w, json);
}

static void write_fields(json_writer *w, const signalr_message *m)
{
	json_write_raw(w, "{\"type\":");
	json_write_integer(w, m->type);
	if (m->has_id)
		write_string_field(w, ",\"invocationId\":", m->id);
	switch (m->type) {
	case SIGNALR_INVOCATION:
	case SIGNALR_STREAM_INVOCATION:
		write_string_field(w, ",\"target\":", m->target);
		write_value_field(w, ",\"arguments\":", m->arguments);
		break;
	case SIGNALR_STREAM_ITEM:
		write_value_field(w, ",\"item\":", m->result);
		break;
	case SIGNALR_COMPLETION:
		if (m->has_result && !m->has_error)
			write_value_field(w, ",\"result\":", m->result);
		break;
	case SIGNALR_CLOSE:
		if (m->allow_reconnect)
			json_write_raw(w, ",\"allowReconnect\":true");
		break;
	case SIGNALR_ACK:
	case SIGNALR_SEQUENCE:
		json_write_raw(w, ",\"sequenceId\":");
		json_write_integer(w, (int64_t)m->sequence_id);
		break;
	case SIGNALR_CANCEL_INVOCATION:
	case SIGNALR_PING:
	case SIGNALR_UNKNOWN:
		break;
	}
	if (m->has_error)
		write_string_field(w, ",\"error\":", m->error);
	json_write_raw(w, "}\x1e");
}

int signalr_encode(buf *out, const signalr_message *m)
{
	size_t before = out->len;
	json_writer w = json_writer_of(out);
	if (m->type == SIGNALR_UNKNOWN)
		return PARLEY_EINVAL;
	write_fields(&w, m);
	if (w.error)
		out->len = before;
	return w.error;
}

/* --- handshake --- */

int signalr_write_handshake_request(buf *out)
{
	return buf_append(out, slice_from_string("{\"protocol\":\"json\",\"version\":1}\x1e"));
}

int signalr_read_handshake_request(signalr_handshake *h, slice record)
{
	json_document doc;
	int err = json_parse(&doc, record);
	if (err)
		return err;
	json_value root = json_root(&doc);
	if (!json_copy(json_member(root, "protocol"), h->protocol, sizeof h->protocol) ||
	    !json_integer(json_member(root, "version"), 0, INT32_MAX, &h->version))
		err = PARLEY_EPROTO;
	json_clear(&doc);
	return err;
}

int signalr_write_handshake_response(buf *out, const char *error)
{
	json_writer w = json_writer_of(out);
	json_write_raw(&w, "{");
	if (error)
		write_string_field(&w, "\"error\":", slice_from_string(error));
	json_write_raw(&w, "}\x1e");
	return w.error;
}

int signalr_read_handshake_response(slice record, char *error, size_t capacity)
{
	json_document doc;
	int err = json_parse(&doc, record);
	if (err)
		return err;
	json_value root = json_root(&doc), words = json_member(root, "error");
	if (!json_is(root, JSON_OBJECT) || !json_is(json_member(root, "type"), JSON_MISSING))
		err = PARLEY_EPROTO; /* a message before the handshake */
	else if (json_is(words, JSON_STRING)) {
		json_copy(words, error, capacity);
		err = PARLEY_EREFUSED;
	} else if (!json_is(words, JSON_MISSING) && !json_is(words, JSON_NULL)) {
		err = PARLEY_EPROTO;
	}
	json_clear(&doc);
	return err;
}
