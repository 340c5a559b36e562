#include "peer/servers.h"

#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/hash.h"
#include "base/text.h"
#include "ice/turn.h"

#define PORT_DEFAULT 3478u     /* RFC 7064 3.2, RFC 7065 3.2 */
#define PORT_TLS_DEFAULT 5349u /* RFC 7065 3.2 */

/* --- URLs --- */

static bool take_prefix(slice *s, const char *prefix)
{
	slice p = slice_from_string(prefix);
	if (!slice_equal_nocase(slice_part(*s, 0, p.len), p))
		return false;
	*s = slice_part(*s, p.len, s->len);
	return true;
}

static int fail(const char **reason, int err, const char *why)
{
	*reason = why;
	return err;
}

static int take_scheme(slice *url, server_url *s, const char **reason)
{
	s->port = PORT_DEFAULT;
	if (take_prefix(url, "stun:"))
		return 0;
	if (take_prefix(url, "stuns:"))
		return fail(reason, PARLEY_EUNSUPPORTED,
			    "STUN over TLS is not supported, as nothing is learnt from it");
	s->turn = true;
	if (take_prefix(url, "turn:"))
		return 0;
	if (!take_prefix(url, "turns:"))
		return fail(reason, PARLEY_EINVAL, "an ICE server URL begins with stun:, turn: or turns:");
	s->over = ICE_OVER_TLS;
	s->port = PORT_TLS_DEFAULT;
	return 0;
}

/* RFC 7065 3.1: the transport to the server; of turns: it is TCP below TLS, and UDP below DTLS. */
static int take_transport(slice query, server_url *s, const char **reason)
{
	if (!s->turn)
		return fail(reason, PARLEY_EINVAL, "a stun: URL has no query");
	if (!take_prefix(&query, "transport="))
		return fail(reason, PARLEY_EINVAL, "the query of a TURN URL is transport=udp or transport=tcp");
	bool udp = slice_equal_nocase(query, slice_from_string("udp"));
	if (!udp && !slice_equal_nocase(query, slice_from_string("tcp")))
		return fail(reason, PARLEY_EUNSUPPORTED, "the transport is neither udp nor tcp");
	if (udp && s->over == ICE_OVER_TLS)
		return fail(reason, PARLEY_EUNSUPPORTED, "TURN over DTLS is not supported");
	if (!udp && s->over == ICE_OVER_UDP)
		s->over = ICE_OVER_TCP;
	return 0;
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

static int take_host(slice url, server_url *s, const char **reason)
{
	slice host, port;
	uint32_t number;
	if (!split_host_port(url, &host, &port))
		return fail(reason, PARLEY_EINVAL, "malformed host and port");
	if (port.len && (!scan_u32(port, 65535, &number) || number == 0))
		return fail(reason, PARLEY_EINVAL, "the port is not 1 to 65535");
	if (port.len)
		s->port = (uint16_t)number;
	s->literal = addr_parse_ip(host, s->port, &s->address);
	if (!s->literal && !is_host_name(host))
		return fail(reason, PARLEY_EINVAL, "malformed host name");
	text_copy(s->host, sizeof s->host, host);
	return 0;
}

int server_url_parse(slice url, server_url *out, const char **reason)
{
	server_url s = {.over = ICE_OVER_UDP};
	int err = take_scheme(&url, &s, reason);
	if (err)
		return err;
	const uint8_t *query = url.len ? memchr(url.data, '?', url.len) : NULL;
	size_t len = query ? (size_t)(query - url.data) : url.len;
	if (query)
		err = take_transport(slice_part(url, len + 1, url.len), &s, reason);
	if (!err)
		err = take_host(slice_part(url, 0, len), &s, reason);
	if (!err)
		*out = s;
	return err;
}

/* --- the configured ones --- */

static int check_credentials(const parley_ice_server *given, const char **reason)
{
	size_t username = slice_from_string(given->username).len, credential = slice_from_string(given->credential).len;
	if (username == 0 || credential == 0)
		return fail(reason, PARLEY_EINVAL, "a TURN server wants a user name and a credential");
	if (username > TURN_USERNAME_MAX || credential > TURN_PASSWORD_MAX)
		return fail(reason, PARLEY_EINVAL, "the user name or the credential is too long");
	return 0;
}

static int check(const parley_ice_server *given, server_url *at, const char **reason)
{
	if (!given->url)
		return fail(reason, PARLEY_EINVAL, "an ICE server has a URL");
	int err = server_url_parse(slice_from_string(given->url), at, reason);
	return !err && at->turn ? check_credentials(given, reason) : err;
}

int parley_ice_server_check(const parley_ice_server *given, const char **reason)
{
	server_url at;
	const char *why = "";
	int err = check(given, &at, &why);
	if (reason)
		*reason = why;
	return err;
}

static char *copy_of(const char *given)
{
	size_t size = slice_from_string(given).len + 1;
	char *copy = calloc(1, size);
	if (copy && given)
		memcpy(copy, given, size);
	return copy;
}

static void clear(peer_server *s)
{
	if (s->credential)
		wipe(s->credential, strlen(s->credential));
	free(s->url);
	free(s->username);
	free(s->credential);
}

static int make(peer_server *s, const parley_ice_server *given, const char **reason)
{
	int err = check(given, &s->at, reason);
	if (err)
		return err;
	s->url = copy_of(given->url);
	s->username = copy_of(given->username);
	s->credential = copy_of(given->credential);
	return s->url && s->username && s->credential ? 0 : fail(reason, PARLEY_ENOMEM, "out of memory");
}

int server_list_make(server_list *out, const parley_ice_server *servers, size_t count, const char **reason)
{
	server_list list = {.items = calloc(count + 1, sizeof *list.items)};
	int err = list.items ? 0 : fail(reason, PARLEY_ENOMEM, "out of memory");
	for (size_t i = 0; i < count && !err; i++) {
		list.count++;
		err = make(&list.items[i], &servers[i], reason);
	}
	if (err)
		server_list_clear(&list);
	else
		*out = list;
	return err;
}

void server_list_clear(server_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		clear(&list->items[i]);
	free(list->items);
	*list = (server_list){0};
}

void server_add_address(peer_server *s, const parley_addr *address)
{
	for (size_t i = 0; i < s->address_count; i++)
		if (s->addresses[i].family == address->family)
			return;
	if (s->address_count == SERVER_ADDRESSES_MAX)
		return;
	parley_addr *a = &s->addresses[s->address_count++];
	*a = *address;
	a->port = s->at.port;
	a->transport = s->at.over == ICE_OVER_UDP ? PARLEY_UDP : PARLEY_TCP;
}

bool server_is_source(const peer_server *s, const ice_source *source)
{
	if (s->at.turn != source->turn || s->at.over != source->over)
		return false;
	for (size_t i = 0; i < s->address_count; i++)
		if (addr_equal(&s->addresses[i], &source->server))
			return true;
	return false;
}
