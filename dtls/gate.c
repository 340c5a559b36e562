#include "dtls/gate.h"

#include "dtls/dtls.h"

#define RECORD_LENGTH_MAX (DTLS_PLAINTEXT_MAX + 2048) /* RFC 5246 6.2.3 */
#define VERSION_DTLS_1_0 0xfeffu /* also on a first ClientHello, whatever it offers (RFC 6347 4.2.1) */
#define VERSION_DTLS_1_2 0xfefdu
#define MESSAGE_SEQ_MAX 31u /* a full handshake has 6 messages from each side */
#define ALERT_UNREADABLE 255u
#define HEARD_FROM_SERVER (1u << 2 | 1u << 3 | 1u << 4 | 1u << 11 | 1u << 12 | 1u << 13 | 1u << 14 | 1u << 22)
#define HEARD_FROM_CLIENT (1u << 1 | 1u << 11 | 1u << 15 | 1u << 16)

/* RFC 5246 6.2.1. */
enum { CHANGE_CIPHER_SPEC = 20, ALERT = 21, HANDSHAKE = 22, APPLICATION_DATA = 23 };

typedef struct {
	uint8_t type;
	uint16_t version;
	uint16_t epoch;
	slice body;
} record;

/*
 *  0       1               3       5                       11      13
 *  | type  | version       | epoch | sequence number       | len   | body
 */
static bool read_record(reader *in, record *out)
{
	out->type = read_u8(in);
	out->version = read_u16(in);
	out->epoch = read_u16(in);
	read_u48(in);
	uint16_t len = read_u16(in);
	out->body = read_bytes(in, len);
	return !in->bad;
}

/*
 *  0       1               4       6               9               12
 *  | type  | length        | seq   | fragment from | fragment len  | fragment      (RFC 6347 4.2.2)
 */
static const char *judge_message(reader *in, bool client)
{
	uint8_t type = read_u8(in);
	uint32_t length = read_u24(in);
	uint16_t seq = read_u16(in);
	uint32_t from = read_u24(in);
	uint32_t len = read_u24(in);
	read_skip(in, len);
	if (in->bad)
		return "handshake fragment is longer than its record";
	if (type > 31 || !(1u << type & (client ? HEARD_FROM_SERVER : HEARD_FROM_CLIENT)))
		return "handshake message that is not for this role";
	if (length > DTLS_HANDSHAKE_MESSAGE_MAX)
		return "handshake message claims an absurd length";
	if (from > length || len > length - from)
		return "handshake fragment lies outside of its message";
	if (len == 0 && length > 0)
		return "empty handshake fragment";
	if (seq > MESSAGE_SEQ_MAX)
		return "handshake message number is absurd";
	return NULL;
}

static const char *judge_handshake(slice body, bool client)
{
	const char *reason = body.len ? NULL : "empty handshake record";
	reader in = reader_of(body);
	while (!reason && reader_left(&in) > 0)
		reason = judge_message(&in, client);
	return reason;
}

static const char *judge_plaintext(const record *r, bool client)
{
	switch (r->type) {
	case HANDSHAKE:
		return judge_handshake(r->body, client);
	case CHANGE_CIPHER_SPEC:
		return r->body.len == 1 && r->body.data[0] == 1 ? NULL : "malformed ChangeCipherSpec";
	case APPLICATION_DATA:
		return "application data in the clear";
	default:
		return "unknown record type";
	}
}

static const char *judge_encrypted(const record *r)
{
	if (r->epoch > 1)
		return "epoch that no handshake has led to";
	return r->type >= ALERT && r->type <= APPLICATION_DATA ? NULL : "unknown record type";
}

static const char *judge(const record *r, bool client)
{
	if (r->version != VERSION_DTLS_1_2 && r->version != VERSION_DTLS_1_0)
		return "record of another protocol version";
	if (r->body.len > RECORD_LENGTH_MAX)
		return "record is too long";
	return r->epoch == 0 ? judge_plaintext(r, client) : judge_encrypted(r);
}

dtls_gate_verdict dtls_gate_next(slice *datagram, bool client, dtls_gate_record *out)
{
	reader in = reader_of(*datagram);
	record r;
	bool whole = read_record(&in, &r);
	size_t len = whole ? in.pos : datagram->len;
	*out = (dtls_gate_record){.record = slice_part(*datagram, 0, len)};
	*datagram = slice_part(*datagram, len, datagram->len);
	out->clear = whole && r.epoch == 0;
	if (out->clear && r.type == ALERT) {
		out->alert = r.body.len == 2 ? r.body.data[1] : ALERT_UNREADABLE;
		return DTLS_GATE_ALERT;
	}
	out->reason = whole ? judge(&r, client) : "record is cut off";
	return out->reason ? DTLS_GATE_DROP : DTLS_GATE_PASS;
}
