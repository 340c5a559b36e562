#include "base/addr.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define IPV6_GROUPS 8

parley_addr addr_ipv4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint16_t port)
{
	return (parley_addr){.family = PARLEY_IPV4, .ip = {a, b, c, d}, .port = port};
}

bool addr_equal_ip(const parley_addr *a, const parley_addr *b)
{
	return a->family == b->family && a->scope == b->scope && memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

bool addr_equal(const parley_addr *a, const parley_addr *b)
{
	return a->port == b->port && a->transport == b->transport && addr_equal_ip(a, b);
}

static bool parse_ipv4(slice in, uint8_t ip[4])
{
	for (int i = 0; i < 4; i++) {
		slice part;
		uint32_t v;
		if (!scan_token(&in, '.', &part) || part.len > 3 || !scan_u32(part, 255, &v))
			return false;
		if (part.len > 1 && part.data[0] == '0')
			return false; /* could be meant as octal */
		if (i < 3 && in.len == 0)
			return false;
		ip[i] = (uint8_t)v;
	}
	return in.len == 0;
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Reads 1 to 4 hex digits at *pos. */
static bool parse_group(slice in, size_t *pos, uint16_t *group)
{
	uint32_t v = 0;
	size_t n = 0;
	for (; *pos < in.len && n < 4; n++, ++*pos) {
		int d = hex_digit(in.data[*pos]);
		if (d < 0)
			break;
		v = v << 4 | (uint32_t)d;
	}
	*group = (uint16_t)v;
	return n > 0;
}

/* RFC 4291 2.2: eight groups, one run of which may be "::", the last two of which may be dotted IPv4. */
static bool parse_ipv6(slice in, uint8_t ip[16])
{
	uint16_t groups[IPV6_GROUPS] = {0};
	size_t n = 0, gap = SIZE_MAX, pos = 0;
	if (in.len >= 2 && in.data[0] == ':' && in.data[1] == ':') {
		gap = 0;
		pos = 2;
	}
	while (pos < in.len) {
		size_t start = pos;
		if (n == IPV6_GROUPS || !parse_group(in, &pos, &groups[n]))
			return false;
		if (pos < in.len && in.data[pos] == '.') {
			uint8_t v4[4];
			if (n > IPV6_GROUPS - 2 || !parse_ipv4(slice_part(in, start, in.len), v4))
				return false;
			groups[n++] = (uint16_t)(v4[0] << 8 | v4[1]);
			groups[n++] = (uint16_t)(v4[2] << 8 | v4[3]);
			break;
		}
		n++;
		if (pos == in.len)
			break;
		if (in.data[pos++] != ':' || pos == in.len)
			return false;
		if (in.data[pos] == ':') {
			if (gap != SIZE_MAX)
				return false;
			gap = n;
			pos++;
		}
	}
	if (gap == SIZE_MAX ? n != IPV6_GROUPS : n >= IPV6_GROUPS)
		return false;
	memset(ip, 0, 16);
	for (size_t i = 0; i < n; i++) {
		size_t at = i < gap ? i : i + IPV6_GROUPS - n;
		ip[2 * at] = (uint8_t)(groups[i] >> 8);
		ip[2 * at + 1] = (uint8_t)groups[i];
	}
	return true;
}

bool addr_parse_ip(slice in, uint16_t port, parley_addr *out)
{
	parley_addr a = {.port = port};
	if (parse_ipv4(in, a.ip))
		a.family = PARLEY_IPV4;
	else if (parse_ipv6(in, a.ip))
		a.family = PARLEY_IPV6;
	else
		return false;
	*out = a;
	return true;
}

static uint16_t ipv6_group(const parley_addr *a, int i)
{
	return (uint16_t)(a->ip[2 * i] << 8 | a->ip[2 * i + 1]);
}

/* RFC 5952 4.2: the longest run of at least two zero groups, the first of equals. */
static void longest_zero_run(const parley_addr *a, int *start, int *len)
{
	*start = -1;
	*len = 1;
	for (int i = 0; i < IPV6_GROUPS; i++) {
		int n = 0;
		while (i + n < IPV6_GROUPS && ipv6_group(a, i + n) == 0)
			n++;
		if (n > *len) {
			*start = i;
			*len = n;
		}
		if (n)
			i += n - 1;
	}
}

static void print_ip(const parley_addr *a, text *t)
{
	if (a->family == PARLEY_IPV4) {
		text_printf(t, "%u.%u.%u.%u", a->ip[0], a->ip[1], a->ip[2], a->ip[3]);
		return;
	}
	if (a->family != PARLEY_IPV6) {
		text_string(t, "none");
		return;
	}
	if (addr_is_v4_mapped(a)) { /* RFC 5952 5 */
		text_printf(t, "::ffff:%u.%u.%u.%u", a->ip[12], a->ip[13], a->ip[14], a->ip[15]);
		return;
	}
	int gap, gap_len;
	longest_zero_run(a, &gap, &gap_len);
	for (int i = 0; i < IPV6_GROUPS; i++) {
		if (i == gap) {
			text_string(t, "::");
			i += gap_len - 1;
			continue;
		}
		text_printf(t, "%s%x", i == 0 || (gap >= 0 && i == gap + gap_len) ? "" : ":", ipv6_group(a, i));
	}
	if (a->scope)
		text_printf(t, "%%%u", a->scope);
}

const char *addr_print_ip(const parley_addr *a, char out[ADDR_TEXT_MAX])
{
	text t = text_of(out, ADDR_TEXT_MAX);
	print_ip(a, &t);
	return out;
}

const char *addr_print(const parley_addr *a, char out[ADDR_TEXT_MAX])
{
	text t = text_of(out, ADDR_TEXT_MAX);
	bool v6 = a->family == PARLEY_IPV6;
	text_string(&t, v6 ? "[" : "");
	print_ip(a, &t);
	text_printf(&t, "%s:%u", v6 ? "]" : "", a->port);
	return out;
}

uint32_t addr_hash(const parley_addr *a)
{
	uint32_t h = UINT32_C(2166136261) ^ a->family; /* FNV-1a */
	for (size_t i = 0; i < sizeof a->ip; i++)
		h = (h ^ a->ip[i]) * UINT32_C(16777619);
	return (h ^ a->port ^ (uint32_t)a->transport << 16) * UINT32_C(16777619);
}

static bool all_zero(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

bool addr_is_any(const parley_addr *a)
{
	return all_zero(a->ip, sizeof a->ip);
}

bool addr_is_loopback(const parley_addr *a)
{
	if (a->family == PARLEY_IPV4)
		return a->ip[0] == 127;
	return a->family == PARLEY_IPV6 && all_zero(a->ip, 15) && a->ip[15] == 1;
}

bool addr_is_link_local(const parley_addr *a)
{
	if (a->family == PARLEY_IPV4)
		return a->ip[0] == 169 && a->ip[1] == 254;
	return a->family == PARLEY_IPV6 && a->ip[0] == 0xfe && (a->ip[1] & 0xc0) == 0x80;
}

bool addr_is_multicast(const parley_addr *a)
{
	if (a->family == PARLEY_IPV4)
		return (a->ip[0] & 0xf0) == 0xe0;
	return a->family == PARLEY_IPV6 && a->ip[0] == 0xff;
}

bool addr_is_private(const parley_addr *a)
{
	if (a->family == PARLEY_IPV4)
		return a->ip[0] == 10 || (a->ip[0] == 172 && (a->ip[1] & 0xf0) == 16) ||
		       (a->ip[0] == 192 && a->ip[1] == 168);
	return a->family == PARLEY_IPV6 && (a->ip[0] & 0xfe) == 0xfc;
}

bool addr_is_v4_mapped(const parley_addr *a)
{
	return a->family == PARLEY_IPV6 && all_zero(a->ip, 10) && a->ip[10] == 0xff && a->ip[11] == 0xff;
}

bool addr_is_deprecated_v6(const parley_addr *a)
{
	if (a->family != PARLEY_IPV6)
		return false;
	bool site_local = a->ip[0] == 0xfe && (a->ip[1] & 0xc0) == 0xc0;
	bool v4_compatible = all_zero(a->ip, 12) && !all_zero(a->ip + 12, 3);
	return site_local || v4_compatible;
}

bool addr_is_unicast(const parley_addr *a)
{
	return (a->family == PARLEY_IPV4 || a->family == PARLEY_IPV6) && !addr_is_any(a) && !addr_is_multicast(a) &&
	       !addr_is_v4_mapped(a);
}
