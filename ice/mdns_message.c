#include "ice/mdns_message.h"

#include <string.h>

#include "base/text.h"

#define HEADER_SIZE 12u
#define QUESTION_COUNT_AT 4u
#define ANSWER_COUNT_AT 6u
#define FLAG_RESPONSE 0x8000u
#define FLAG_AUTHORITATIVE 0x0400u /* RFC 6762 18.4: set in responses */
#define OPCODE_AND_RCODE 0x780fu
#define CLASS_IN 1u
#define TOP_BIT 0x8000u	   /* of the class: cache-flush, or QU */
#define LABEL_MAX 63u	   /* RFC 1035 2.3.4 */
#define WIRE_NAME_MAX 255u /* RFC 1035 2.3.4 */
#define POINTER_BITS 0xc0u /* RFC 1035 4.1.4 */
#define POINTERS_MAX 16u   /* of one name: chains are bounded anyway, but a packet can hold many names */
#define NSEC_BLOCK_MAX 32u /* RFC 4034 4.1.2 */
#define LOCAL "\5local"	   /* and the root's 0, which the literal ends with */

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

int mdns_name_parse(slice in, mdns_name *name)
{
	const slice suffix = slice_from_string(".local");
	if (in.len <= suffix.len || in.len - suffix.len > LABEL_MAX)
		return PARLEY_EINVAL;
	mdns_name n;
	writer w = writer_of(n.wire, sizeof n.wire);
	write_u8(&w, (uint8_t)(in.len - suffix.len));
	for (size_t i = 0; i < in.len - suffix.len; i++) {
		uint8_t c = lower(in.data[i]);
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_')
			return PARLEY_EINVAL;
		write_u8(&w, c);
	}
	if (!slice_equal_nocase(slice_part(in, in.len - suffix.len, suffix.len), suffix))
		return PARLEY_EINVAL;
	write_bytes(&w, slice_of(LOCAL, sizeof LOCAL));
	n.len = (uint8_t)w.len;
	*name = n;
	return 0;
}

bool mdns_name_equal(const mdns_name *a, const mdns_name *b)
{
	return a->len > 0 && slice_equal(slice_of(a->wire, a->len), slice_of(b->wire, b->len));
}

const char *mdns_name_print(const mdns_name *name, char out[MDNS_NAME_TEXT_MAX])
{
	text t = text_of(out, MDNS_NAME_TEXT_MAX);
	reader r = reader_of(slice_of(name->wire, name->len));
	slice label = read_bytes(&r, read_u8(&r));
	for (size_t i = 0; i < label.len; i++)
		text_char(&t, label.data[i] > ' ' && label.data[i] < 0x7f ? (char)label.data[i] : '?');
	text_string(&t, label.len ? ".local" : "?");
	return out;
}

/* Is this "label.local"? */
static bool is_host_name(slice wire)
{
	return wire.len > sizeof LOCAL && (size_t)wire.data[0] + 1 + sizeof LOCAL == wire.len &&
	       slice_equal(slice_part(wire, wire.len - sizeof LOCAL, sizeof LOCAL), slice_of(LOCAL, sizeof LOCAL));
}

/* One label, its length byte already read, behind the others in wire. */
static void read_label(reader *r, size_t len, writer *wire)
{
	slice label = read_bytes(r, len);
	write_u8(wire, (uint8_t)len);
	for (size_t i = 0; i < label.len; i++)
		write_u8(wire, lower(label.data[i]));
}

/* r reads the whole packet, since names point into it; afterwards it is behind the name. */
static void read_name(reader *r, mdns_name *name)
{
	uint8_t bytes[WIRE_NAME_MAX];
	writer wire = writer_of(bytes, sizeof bytes);
	reader at = *r;		/* where the labels are */
	size_t before = r->pos; /* where a pointer must point before: falls with each one followed */
	unsigned followed = 0;
	for (uint8_t len = 1; len > 0 && !at.bad && !wire.bad;) {
		len = read_u8(&at);
		if ((len & POINTER_BITS) == POINTER_BITS) {
			size_t target = (size_t)(len & ~POINTER_BITS) << 8 | read_u8(&at);
			if (followed++ == 0)
				*r = at;
			at = reader_of(r->in);
			read_skip(&at, target);
			at.bad |= target >= before || target < HEADER_SIZE || followed > POINTERS_MAX;
			before = target;
		} else {
			at.bad |= len > LABEL_MAX;
			read_label(&at, len, &wire);
		}
	}
	if (followed == 0)
		*r = at;
	r->bad |= at.bad || wire.bad;
	slice found = writer_slice(&wire);
	name->len = !r->bad && is_host_name(found) ? (uint8_t)found.len : 0;
	memcpy(name->wire, found.data, name->len);
}

static void read_question(reader *r, mdns_question *q)
{
	read_name(r, &q->name);
	q->type = read_u16(r);
	uint16_t class = read_u16(r);
	q->unicast = class & TOP_BIT;
	class &= (uint16_t)~TOP_BIT;
	if (class != CLASS_IN && class != MDNS_ANY)
		q->name.len = 0; /* nothing that we have */
}

static void read_address(reader *r, uint8_t family, size_t size, size_t length, mdns_record *record)
{
	record->address = (parley_addr){.family = family};
	r->bad |= length != size;
	read_copy(r, record->address.ip, size);
}

/* RFC 4034 4.1.2: blocks of 256 types each, a bit for each type, the highest bit first. */
static void read_nsec(reader *r, size_t length, mdns_record *record)
{
	mdns_name next;
	size_t end = r->pos + length;
	read_name(r, &next);
	while (!r->bad && r->pos < end) {
		uint8_t block = read_u8(r), size = read_u8(r);
		slice bits = read_bytes(r, size);
		r->bad |= size == 0 || size > NSEC_BLOCK_MAX;
		if (r->bad || block > 0)
			continue;
		record->has_a = bits.data[MDNS_A / 8] & 0x80 >> MDNS_A % 8;
		record->has_aaaa = bits.len > MDNS_AAAA / 8 && bits.data[MDNS_AAAA / 8] & 0x80 >> MDNS_AAAA % 8;
	}
	r->bad |= r->pos != end;
}

/* False: well-formed or not, of no interest. */
static bool read_record(reader *r, mdns_record *record)
{
	*record = (mdns_record){0};
	read_name(r, &record->name);
	record->type = read_u16(r);
	uint16_t class = read_u16(r);
	record->cache_flush = class & TOP_BIT;
	record->ttl = read_u32(r);
	size_t length = read_u16(r);
	if (length > reader_left(r))
		r->bad = true;
	if ((class & ~TOP_BIT) != CLASS_IN)
		record->type = 0;
	switch (record->type) {
	case MDNS_A:
		read_address(r, PARLEY_IPV4, 4, length, record);
		return true;
	case MDNS_AAAA:
		read_address(r, PARLEY_IPV6, 16, length, record);
		return true;
	case MDNS_NSEC:
		read_nsec(r, length, record);
		return true;
	default:
		read_skip(r, length);
		return false;
	}
}

int mdns_parse(slice in, mdns_message *m)
{
	reader r = reader_of(in);
	read_skip(&r, 2); /* the id means nothing here (RFC 6762 18.1) */
	uint16_t flags = read_u16(&r);
	size_t questions = read_u16(&r), answers = read_u16(&r), authorities = read_u16(&r), additionals = read_u16(&r);
	if (r.bad || flags & OPCODE_AND_RCODE)
		return PARLEY_EPROTO;
	m->response = flags & FLAG_RESPONSE;
	m->question_count = m->record_count = 0;
	for (size_t i = 0; i < questions && !r.bad; i++) {
		mdns_question ignored;
		read_question(&r,
			      m->question_count < MDNS_QUESTIONS_MAX ? &m->questions[m->question_count++] : &ignored);
	}
	for (size_t i = 0; i < answers + authorities + additionals && !r.bad; i++) {
		mdns_record record;
		if (!read_record(&r, &record) || m->record_count == MDNS_RECORDS_MAX)
			continue;
		record.answer = i < answers;
		m->records[m->record_count++] = record;
	}
	return r.bad ? PARLEY_EPROTO : 0;
}

void mdns_begin(writer *w, bool response)
{
	if (w->len > 0)
		w->bad = true;
	write_u16(w, 0);
	write_u16(w, response ? FLAG_RESPONSE | FLAG_AUTHORITATIVE : 0);
	write_zeros(w, HEADER_SIZE - 4);
}

static void count_one_more(writer *w, size_t count_at)
{
	reader r = reader_of(slice_part(writer_slice(w), count_at, 2));
	write_u16_at(w, count_at, (uint16_t)(read_u16(&r) + 1));
}

void mdns_put_question(writer *w, const mdns_name *name, uint16_t type)
{
	write_bytes(w, slice_of(name->wire, name->len));
	write_u16(w, type);
	write_u16(w, CLASS_IN);
	count_one_more(w, QUESTION_COUNT_AT);
}

static void put_answer(writer *w, const mdns_name *name, uint16_t type, slice data)
{
	write_bytes(w, slice_of(name->wire, name->len));
	write_u16(w, type);
	write_u16(w, CLASS_IN | TOP_BIT);
	write_u32(w, MDNS_TTL_S);
	write_u16(w, (uint16_t)data.len);
	write_bytes(w, data);
	count_one_more(w, ANSWER_COUNT_AT);
}

void mdns_put_address(writer *w, const mdns_name *name, const parley_addr *address)
{
	bool v4 = address->family == PARLEY_IPV4;
	put_answer(w, name, v4 ? MDNS_A : MDNS_AAAA, slice_of(address->ip, v4 ? 4 : 16));
}

void mdns_put_nsec(writer *w, const mdns_name *name, bool has_a, bool has_aaaa)
{
	uint8_t bytes[MDNS_NAME_MAX + 6];
	writer data = writer_of(bytes, sizeof bytes);
	write_bytes(&data, slice_of(name->wire, name->len)); /* the "next" name is the name itself (RFC 6762 6.1) */
	write_u8(&data, 0);
	write_u8(&data, has_aaaa ? 4 : 1); /* trailing zeros are left out */
	write_u8(&data, has_a ? 0x80 >> MDNS_A % 8 : 0);
	if (has_aaaa) {
		write_u16(&data, 0);
		write_u8(&data, 0x80 >> MDNS_AAAA % 8);
	}
	put_answer(w, name, MDNS_NSEC, writer_slice(&data));
}
