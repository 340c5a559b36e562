#include "net/sockaddr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/addr.h"

socklen_t sockaddr_from_addr(const parley_addr *address, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof *out);
	if (address->family == PARLEY_IPV4) {
		struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(address->port)};
		memcpy(&v4.sin_addr, address->ip, sizeof v4.sin_addr);
		memcpy(out, &v4, sizeof v4);
		return sizeof v4;
	}
	struct sockaddr_in6 v6 = {
		.sin6_family = AF_INET6, .sin6_port = htons(address->port), .sin6_scope_id = address->scope};
	memcpy(&v6.sin6_addr, address->ip, sizeof v6.sin6_addr);
	memcpy(out, &v6, sizeof v6);
	return sizeof v6;
}

bool sockaddr_to_addr(const struct sockaddr *in, parley_addr *out)
{
	parley_addr a = {0};
	if (in->sa_family == AF_INET) {
		struct sockaddr_in v4;
		memcpy(&v4, in, sizeof v4);
		a.family = PARLEY_IPV4;
		a.port = ntohs(v4.sin_port);
		memcpy(a.ip, &v4.sin_addr, sizeof v4.sin_addr);
	} else if (in->sa_family == AF_INET6) {
		struct sockaddr_in6 v6;
		memcpy(&v6, in, sizeof v6);
		a.family = PARLEY_IPV6;
		a.port = ntohs(v6.sin6_port);
		memcpy(a.ip, &v6.sin6_addr, sizeof v6.sin6_addr);
		if (addr_is_link_local(&a))
			a.scope = v6.sin6_scope_id;
		if (addr_is_v4_mapped(&a))
			a = addr_ipv4(a.ip[12], a.ip[13], a.ip[14], a.ip[15], a.port);
	} else {
		return false;
	}
	*out = a;
	return true;
}
