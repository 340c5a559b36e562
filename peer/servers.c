#include "peer/servers.h"

#include <string.h>

#include "base/addr.h"
#include "base/text.h"

static bool has_prefix(slice s, const char *prefix)
{
	slice p = slice_from_string(prefix);
	return slice_equal_nocase(slice_part(s, 0, p.len), p);
}

static int fail(const char **reason, int err, const char *why)
{
	*reason = why;
	return err;
}

/* Splits "host", "host:port" or "[v6]:port" into its parts; port is empty if there is none. */
static bool split_host_port(slice in, slice *host, slice *port)
{
	const uint8_t *end;
	*host = *port = slice_of(NULL, 0);
	if (in.len == 0)
		return true; /* an empty host, which the caller refuses */
	if (in.data[0] == '[') {
		end = memchr(in.data, ']', in.len);
		if (!end)
			return false;
		size_t len = (size_t)(end - in.data);
		*host = slice_of(in.data + 1, len - 1);
		in = slice_part(in, len + 1, in.len);
	} else {
		end = memchr(in.data, ':', in.len);
		size_t len = end ? (size_t)(end - in.data) : in.len;
		*host = slice_of(in.data, len);
		in = slice_part(in, len, in.len);
	}
	if (in.len == 0)
		return true;
	*port = slice_part(in, 1, in.len);
	return in.data[0] == ':' && port->len > 0;
}

static bool is_host_name(slice host)
{
	for (size_t i = 0; i < host.len; i++) {
		uint8_t c = host.data[i];
		bool alphanumeric = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		if (!alphanumeric && c != '-' && c != '.' && c != '_')
			return false;
	}
	return host.len > 0 && host.len < SERVER_HOST_MAX;
}

int stun_server_parse(slice url, stun_server *out, const char **reason)
{
	if (has_prefix(url, "turn:") || has_prefix(url, "turns:") || has_prefix(url, "stuns:"))
		return fail(reason, PARLEY_EUNSUPPORTED, "only stun: servers are supported");
	if (!has_prefix(url, "stun:"))
		return fail(reason, PARLEY_EINVAL, "an ICE server URL begins with stun:");
	slice host, port;
	stun_server s = {.port = STUN_DEFAULT_PORT};
	if (!split_host_port(slice_part(url, 5, url.len), &host, &port))
		return fail(reason, PARLEY_EINVAL, "malformed host and port");
	uint32_t number;
	if (port.len) {
		if (!scan_u32(port, 65535, &number) || number == 0)
			return fail(reason, PARLEY_EINVAL, "the port is not 1 to 65535");
		s.port = (uint16_t)number;
	}
	s.literal = addr_parse_ip(host, s.port, &s.address);
	if (!s.literal && !is_host_name(host))
		return fail(reason, PARLEY_EINVAL, "malformed host name");
	if (host.len)
		memcpy(s.host, host.data, host.len);
	*out = s;
	return 0;
}
