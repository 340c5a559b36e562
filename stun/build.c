#include "stun/build.h"

#include "base/crc.h"
#include "base/hash.h"
#include "stun/attributes.h"
#include "stun/print.h"

void stun_begin(writer *w, stun_class class, uint16_t method, const stun_id *id)
{
	unsigned c = (unsigned)class;
	unsigned type = (method & 0xf80u) << 2 | (method & 0x70u) << 1 | (method & 0xfu) | (c & 2) << 7 | (c & 1) << 4;
	if (w->len > 0 || method > STUN_METHOD_MAX)
		w->bad = true;
	write_u16(w, (uint16_t)type);
	write_u16(w, 0);
	write_u32(w, STUN_COOKIE);
	write_bytes(w, slice_of(id->bytes, sizeof id->bytes));
}

/* The header's length, as if the message ended `extra` bytes behind what is written. */
static void set_length(writer *w, size_t extra)
{
	size_t end = w->len + extra;
	if (end < STUN_HEADER_SIZE || end - STUN_HEADER_SIZE > UINT16_MAX)
		w->bad = true;
	else
		write_u16_at(w, STUN_LENGTH_AT, (uint16_t)(end - STUN_HEADER_SIZE));
}

void stun_put_bytes(writer *w, uint16_t type, slice value)
{
	if (value.len > UINT16_MAX) {
		w->bad = true;
		return;
	}
	write_u16(w, type);
	write_u16(w, (uint16_t)value.len);
	write_bytes(w, value);
	write_pad(w, 4);
	set_length(w, 0);
}

void stun_put_header(writer *w, uint16_t type, size_t len)
{
	if (len > UINT16_MAX)
		w->bad = true;
	write_u16(w, type);
	write_u16(w, (uint16_t)len);
	set_length(w, (len + 3) / 4 * 4);
}

void stun_put_flag(writer *w, uint16_t type)
{
	stun_put_bytes(w, type, slice_of(NULL, 0));
}

/* A number of up to 8 bytes, left aligned in a value of `size` bytes. */
static void put_number(writer *w, uint16_t type, uint64_t left_aligned, size_t size)
{
	uint8_t bytes[8];
	writer value = writer_of(bytes, sizeof bytes);
	write_u64(&value, left_aligned);
	stun_put_bytes(w, type, slice_of(bytes, size));
}

void stun_put_u8(writer *w, uint16_t type, uint8_t value)
{
	put_number(w, type, (uint64_t)value << 56, 4);
}

void stun_put_u16(writer *w, uint16_t type, uint16_t value)
{
	put_number(w, type, (uint64_t)value << 48, 4);
}

void stun_put_u32(writer *w, uint16_t type, uint32_t value)
{
	put_number(w, type, (uint64_t)value << 32, 4);
}

void stun_put_u64(writer *w, uint16_t type, uint64_t value)
{
	put_number(w, type, value, 8);
}

void stun_put_address(writer *w, uint16_t type, const parley_addr *a)
{
	uint8_t bytes[20];
	writer value = writer_of(bytes, sizeof bytes);
	write_u16(&value, a->family == PARLEY_IPV4 ? STUN_FAMILY_IPV4 : STUN_FAMILY_IPV6);
	write_u16(&value, a->port);
	write_bytes(&value, slice_of(a->ip, a->family == PARLEY_IPV4 ? 4 : 16));
	if (a->family != PARLEY_IPV4 && a->family != PARLEY_IPV6)
		w->bad = true;
	stun_put_bytes(w, type, writer_slice(&value));
}

void stun_put_xor_address(writer *w, uint16_t type, const parley_addr *a)
{
	stun_id id;
	reader r = reader_of(slice_part(writer_slice(w), STUN_ID_AT, STUN_ID_SIZE));
	read_copy(&r, id.bytes, sizeof id.bytes);
	parley_addr hidden = *a;
	stun_xor_address(&hidden, &id);
	stun_put_address(w, type, &hidden);
}

static void put_error(writer *w, uint16_t type, uint8_t family, unsigned code, const char *reason)
{
	uint8_t bytes[512];
	writer value = writer_of(bytes, sizeof bytes);
	write_u8(&value, family);
	write_u8(&value, 0);
	write_u8(&value, (uint8_t)(code / 100));
	write_u8(&value, (uint8_t)(code % 100));
	write_bytes(&value, slice_from_string(reason ? reason : stun_error_phrase(code)));
	if (code < 300 || code > 699 || value.bad)
		w->bad = true;
	stun_put_bytes(w, type, writer_slice(&value));
}

void stun_put_error(writer *w, unsigned code, const char *reason)
{
	put_error(w, STUN_ATTR_ERROR_CODE, 0, code, reason);
}

void stun_put_address_error(writer *w, uint8_t family, unsigned code, const char *reason)
{
	put_error(w, STUN_ATTR_ADDRESS_ERROR_CODE, family, code, reason);
}

void stun_put_unknown(writer *w, const stun_message *m)
{
	uint8_t bytes[2 * STUN_UNKNOWN_MAX];
	writer value = writer_of(bytes, sizeof bytes);
	for (size_t i = 0; i < m->unknown_count && i < STUN_UNKNOWN_MAX; i++)
		write_u16(&value, m->unknown[i]);
	stun_put_bytes(w, STUN_ATTR_UNKNOWN_ATTRIBUTES, writer_slice(&value));
}

void stun_put_algorithm(writer *w, uint16_t algorithm)
{
	stun_put_u16(w, STUN_ATTR_PASSWORD_ALGORITHM, algorithm); /* the 16 bits behind it: no parameters */
}

void stun_put_integrity(writer *w, slice key)
{
	uint8_t mac[SHA1_SIZE];
	set_length(w, STUN_ATTRIBUTE_HEADER_SIZE + sizeof mac);
	if (w->bad || hmac_sha1(key, writer_slice(w), mac) != 0)
		w->bad = true;
	else
		stun_put_bytes(w, STUN_ATTR_MESSAGE_INTEGRITY, slice_of(mac, sizeof mac));
}

void stun_put_integrity_sha256(writer *w, slice key)
{
	uint8_t mac[SHA256_SIZE];
	set_length(w, STUN_ATTRIBUTE_HEADER_SIZE + sizeof mac);
	if (w->bad || hmac_sha256(key, writer_slice(w), mac) != 0)
		w->bad = true;
	else
		stun_put_bytes(w, STUN_ATTR_MESSAGE_INTEGRITY_SHA256, slice_of(mac, sizeof mac));
}

void stun_put_fingerprint(writer *w)
{
	set_length(w, STUN_ATTRIBUTE_HEADER_SIZE + 4);
	stun_put_u32(w, STUN_ATTR_FINGERPRINT, crc32_ieee(writer_slice(w)) ^ STUN_FINGERPRINT_XOR);
}
