#include "stun/message.h"

#include <string.h>

#include "base/rng.h"
#include "stun/attributes.h"

#define FIRST_BYTE_MAX 3u /* RFC 7983 7: the two leading zero bits, and no DTLS, RTP, ... before it */
#define WIRE_IPV4 1u	  /* RFC 8489 14.1 */
#define WIRE_IPV6 2u

int stun_id_random(const parley_random *random, stun_id *id)
{
	return rng_bytes(random, id->bytes, sizeof id->bytes);
}

bool stun_id_equal(const stun_id *a, const stun_id *b)
{
	return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

bool stun_is_message(slice datagram)
{
	reader r = reader_of(datagram);
	uint8_t first = read_u8(&r);
	read_skip(&r, 1);
	size_t length = read_u16(&r);
	return first <= FIRST_BYTE_MAX && read_u32(&r) == STUN_COOKIE && !r.bad && length % 4 == 0 &&
	       datagram.len == STUN_HEADER_SIZE + length;
}

bool stun_read_header(slice datagram, stun_header *h)
{
	if (!stun_is_message(datagram))
		return false;
	reader r = reader_of(datagram);
	uint16_t type = read_u16(&r);
	h->class = (stun_class)((type >> 7 & 2) | (type >> 4 & 1));
	h->method = (uint16_t)((type >> 2 & 0xf80) | (type >> 1 & 0x70) | (type & 0xf));
	read_skip(&r, STUN_ID_AT - r.pos);
	read_copy(&r, h->id.bytes, STUN_ID_SIZE);
	return true;
}

reader stun_attributes(slice message)
{
	reader r = reader_of(message);
	read_skip(&r, STUN_HEADER_SIZE);
	return r;
}

bool stun_next_attribute(reader *r, stun_attribute *a)
{
	if (r->bad || reader_left(r) == 0)
		return false;
	a->at = r->pos;
	a->type = read_u16(r);
	size_t length = read_u16(r);
	a->value = read_bytes(r, length);
	read_skip(r, (4 - length % 4) % 4);
	return !r->bad;
}

bool stun_decode_address(slice value, const stun_id *id, parley_addr *out)
{
	reader r = reader_of(value);
	read_skip(&r, 1);
	uint8_t family = read_u8(&r);
	uint16_t port = read_u16(&r);
	size_t size = family == WIRE_IPV4 ? 4 : 16;
	parley_addr a = {.family = family == WIRE_IPV4 ? PARLEY_IPV4 : PARLEY_IPV6, .port = port};
	read_copy(&r, a.ip, size);
	if ((family != WIRE_IPV4 && family != WIRE_IPV6) || r.bad || reader_left(&r) > 0)
		return false;
	if (id)
		stun_xor_address(&a, id);
	*out = a;
	return true;
}

void stun_xor_address(parley_addr *a, const stun_id *id)
{
	static const uint8_t COOKIE[4] = {STUN_COOKIE >> 24, STUN_COOKIE >> 16 & 0xff, STUN_COOKIE >> 8 & 0xff,
					  STUN_COOKIE & 0xff};
	a->port ^= STUN_COOKIE >> 16;
	for (size_t i = 0; i < 4; i++)
		a->ip[i] ^= COOKIE[i];
	for (size_t i = 0; a->family == PARLEY_IPV6 && i < STUN_ID_SIZE; i++)
		a->ip[4 + i] ^= id->bytes[i];
}

/* RFC 8489 14.8: 21 reserved bits, the hundreds, the rest. RFC 8656 18.12: 8 of the reserved ones are a family. */
static bool decode_error(const stun_attribute *a, stun_message *m)
{
	reader r = reader_of(a->value);
	uint32_t word = read_u32(&r);
	uint32_t hundreds = word >> 8 & 7, number = word & 0xff;
	uint16_t code = (uint16_t)(hundreds * 100 + number);
	if (a->type == STUN_ATTR_ERROR_CODE) {
		m->error_code = code;
		m->error_reason = read_rest(&r);
	} else {
		m->address_error_family = (uint8_t)(word >> 24);
		m->address_error_code = code;
		m->address_error_reason = read_rest(&r);
	}
	return hundreds >= 3 && hundreds <= 6 && number <= 99;
}

static bool decode_integrity(const stun_attribute *a, stun_message *m, slice *value)
{
	*value = a->value;
	*(a->type == STUN_ATTR_MESSAGE_INTEGRITY ? &m->integrity_at : &m->integrity_sha256_at) = a->at;
	return a->value.len % 4 == 0;
}

/* The value into its place. False: of the wrong form. */
static bool decode_value(const stun_rule *rule, const stun_attribute *a, stun_message *m)
{
	void *place = (char *)m + rule->value;
	reader r = reader_of(a->value);
	switch (rule->form) {
	case FORM_IGNORED:
	case FORM_FLAG:
		return true;
	case FORM_BYTES:
	case FORM_TEXT:
		*(slice *)place = a->value;
		return true;
	case FORM_U8:
		*(uint8_t *)place = read_u8(&r);
		return true;
	case FORM_U16:
		*(uint16_t *)place = read_u16(&r);
		return true;
	case FORM_U32:
		*(uint32_t *)place = read_u32(&r);
		return true;
	case FORM_U64:
		*(uint64_t *)place = read_u64(&r);
		return true;
	case FORM_ADDRESS:
		return stun_decode_address(a->value, NULL, place);
	case FORM_XOR_ADDRESS:
		return stun_decode_address(a->value, &m->id, place);
	case FORM_ERROR:
		return decode_error(a, m);
	case FORM_INTEGRITY:
		return decode_integrity(a, m, place);
	case FORM_FINGERPRINT:
		m->fingerprint_at = a->at;
		*(uint32_t *)place = read_u32(&r);
		return true;
	}
	return false;
}

/* RFC 8489 14.5, 14.6: behind integrity only what is checked otherwise. */
static bool is_vouched_for(const stun_message *m, uint16_t type)
{
	if (type == STUN_ATTR_FINGERPRINT)
		return true;
	if (m->has_integrity_sha256)
		return false;
	return !m->has_integrity || type == STUN_ATTR_MESSAGE_INTEGRITY_SHA256;
}

static bool decode_attribute(const stun_attribute *a, stun_message *m)
{
	if (m->has_fingerprint)
		return false; /* which must be last */
	if (!is_vouched_for(m, a->type))
		return true;
	const stun_rule *rule = stun_rule_of(a->type);
	if (!rule) {
		if (a->type < 0x8000 && m->unknown_count++ < STUN_UNKNOWN_MAX)
			m->unknown[m->unknown_count - 1] = a->type;
		return true;
	}
	if (rule->form == FORM_IGNORED)
		return true;
	bool *flag = (bool *)((char *)m + rule->flag);
	if (*flag)
		return true; /* the first one counts */
	if (a->value.len < rule->min || a->value.len > rule->max || !decode_value(rule, a, m))
		return false;
	*flag = true;
	return true;
}

int stun_parse(slice in, stun_message *m)
{
	memset(m, 0, sizeof *m);
	stun_header h;
	if (!stun_read_header(in, &h))
		return PARLEY_EPROTO;
	m->raw = in;
	m->class = h.class;
	m->method = h.method;
	m->id = h.id;
	reader r = stun_attributes(in);
	stun_attribute a;
	while (stun_next_attribute(&r, &a))
		if (!decode_attribute(&a, m))
			return PARLEY_EPROTO;
	return r.bad ? PARLEY_EPROTO : 0;
}

bool stun_is_challenge(const stun_message *m)
{
	return m->class == STUN_ERROR && m->has_error &&
	       (m->error_code == STUN_UNAUTHENTICATED || m->error_code == STUN_STALE_NONCE);
}

bool stun_choose_algorithm(const stun_message *m, uint16_t *algorithm)
{
	bool md5 = false, sha256 = false;
	reader r = reader_of(m->password_algorithms);
	while (!r.bad && reader_left(&r) > 0) {
		uint16_t number = read_u16(&r);
		size_t length = read_u16(&r);
		md5 |= !r.bad && number == STUN_ALGORITHM_MD5;
		sha256 |= !r.bad && number == STUN_ALGORITHM_SHA256;
		read_skip(&r, (length + 3) / 4 * 4);
	}
	*algorithm = sha256 ? STUN_ALGORITHM_SHA256 : STUN_ALGORITHM_MD5;
	return md5 || sha256;
}
