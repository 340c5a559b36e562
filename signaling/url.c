#include "signaling/url.h"

#include <string.h>

#include "base/addr.h"
#include "base/text.h"

typedef struct {
	const char *name;
	bool tls;
	uint16_t port;
} scheme;

static const scheme schemes[] = {{"http", false, 80}, {"https", true, 443}, {"ws", false, 80}, {"wss", true, 443}};

static const scheme *find_scheme(slice name)
{
	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
		if (slice_equal_nocase(name, slice_from_string(schemes[i].name)))
			return &schemes[i];
	return NULL;
}

/* Up to the first of these characters, or all. */
static size_t span_until(slice s, const char *ends)
{
	size_t n = 0;
	while (n < s.len && !(s.data[n] && strchr(ends, s.data[n])))
		n++;
	return n;
}

static bool copy(char *out, size_t capacity, const char *before, slice s)
{
	text t = text_of(out, capacity);
	text_string(&t, before);
	text_slice(&t, s);
	return !t.bad;
}

static bool is_host_name(slice host)
{
	for (size_t i = 0; i < host.len; i++) {
		uint8_t c = host.data[i];
		bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
		if (!letter && !(c >= '0' && c <= '9') && c != '-' && c != '.' && c != '_')
			return false;
	}
	return host.len > 0;
}

static const char *parse_authority(url *u, slice authority, uint16_t default_port)
{
	slice host, port;
	if (span_until(authority, "@") < authority.len)
		return "user names and passwords in URLs are not accepted";
	if (authority.len && authority.data[0] == '[') {
		size_t end = span_until(authority, "]");
		parley_addr literal;
		host = slice_part(authority, 1, end - 1);
		port = slice_part(authority, end + 1, authority.len);
		if (end == authority.len || !addr_parse_ip(host, 0, &literal) || literal.family != PARLEY_IPV6)
			return "the brackets hold no IPv6 address";
		u->literal6 = true;
	} else {
		size_t end = span_until(authority, ":");
		host = slice_part(authority, 0, end);
		port = slice_part(authority, end, authority.len);
		if (host.len == 0)
			return "the host is missing";
		if (!is_host_name(host))
			return "the host has a character that no host name has";
	}
	if (!copy(u->host, sizeof u->host, "", host))
		return "the host name is too long";
	u->port = default_port;
	if (port.len > 1) {
		uint32_t number;
		if (port.data[0] != ':' || !scan_u32(slice_part(port, 1, port.len), UINT16_MAX, &number) || number == 0)
			return "the port is not a number from 1 to 65535";
		u->port = (uint16_t)number;
	} else if (port.len == 1 && port.data[0] != ':') {
		return "the brackets are followed by something other than a port";
	}
	return NULL;
}

static const char *parse(url *u, slice in)
{
	size_t colon = span_until(in, ":/?#");
	if (!slice_equal_string(slice_part(in, colon, 3), "://"))
		return "it does not begin with http://, https://, ws:// or wss://";
	const scheme *s = find_scheme(slice_part(in, 0, colon));
	if (!s)
		return "its scheme is none of http, https, ws, wss";
	for (size_t i = 0; i < in.len; i++)
		if (in.data[i] <= ' ' || in.data[i] >= 0x7f)
			return "it has a space, or a character that must be percent-encoded";
	u->tls = s->tls;
	slice rest = slice_part(in, colon + 3, in.len);
	rest.len = span_until(rest, "#");
	size_t authority_len = span_until(rest, "/?");
	const char *why = parse_authority(u, slice_part(rest, 0, authority_len), s->port);
	if (why)
		return why;
	rest = slice_part(rest, authority_len, rest.len);
	size_t path_len = span_until(rest, "?");
	if (!copy(u->path, sizeof u->path, path_len ? "" : "/", slice_part(rest, 0, path_len)) ||
	    !copy(u->query, sizeof u->query, "", slice_part(rest, path_len + 1, rest.len)))
		return "it is too long";
	return NULL;
}

int url_parse(url *u, slice in, const char **why)
{
	*u = (url){0};
	*why = parse(u, in);
	return *why ? PARLEY_EINVAL : 0;
}

int url_print_authority(const url *u, buf *out)
{
	int err = buf_printf(out, u->literal6 ? "[%s]" : "%s", u->host);
	if (!err && u->port != (u->tls ? 443 : 80))
		err = buf_printf(out, ":%u", u->port);
	return err;
}

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool percent_decode(slice in, char *out, size_t capacity)
{
	text t = text_of(out, capacity);
	for (size_t i = 0; i < in.len; i++) {
		uint8_t c = in.data[i];
		if (c == '%') {
			int high = i + 2 < in.len ? hex_value(in.data[i + 1]) : -1;
			int low = i + 2 < in.len ? hex_value(in.data[i + 2]) : -1;
			if (high < 0 || low < 0)
				return false;
			c = (uint8_t)(high << 4 | low);
			i += 2;
		} else if (c == '+') {
			c = ' ';
		}
		if (c == '\0')
			return false;
		text_char(&t, (char)c);
	}
	return !t.bad;
}

bool url_query_value(slice query, const char *name, char *out, size_t capacity)
{
	slice pair, key;
	while (scan_token(&query, '&', &pair))
		if (scan_token(&pair, '=', &key) && slice_equal_string(key, name))
			return percent_decode(pair, out, capacity);
	return false;
}

int url_write_encoded(buf *out, slice value)
{
	int err = 0;
	for (size_t i = 0; i < value.len && !err; i++) {
		uint8_t c = value.data[i];
		bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
		if (letter || (c >= '0' && c <= '9') || (c && strchr("-._~", c)))
			err = buf_append(out, slice_of(&c, 1));
		else
			err = buf_printf(out, "%%%02X", c);
	}
	return err;
}
