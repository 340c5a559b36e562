#include "net/interfaces.h"

#include <string.h>
#include <uv.h>

#include "base/addr.h"
#include "net/sockaddr.h"

static bool is_usable(const parley_addr *a)
{
	bool is_ipv6_link_local = a->family == PARLEY_IPV6 && addr_is_link_local(a);
	return !is_ipv6_link_local && !addr_is_any(a) && !addr_is_multicast(a) && !addr_is_deprecated_v6(a);
}

static bool contains(const parley_addr *addresses, size_t count, const parley_addr *a)
{
	for (size_t i = 0; i < count; i++)
		if (addr_equal(&addresses[i], a))
			return true;
	return false;
}

/* RFC 4291 appendix A: made of the interface's hardware address, so that its owner is known again wherever he goes. */
static bool allows_tracking(const parley_addr *a)
{
	return a->family == PARLEY_IPV6 && a->ip[11] == 0xff && a->ip[12] == 0xfe;
}

static bool same_prefix(const parley_addr *a, const parley_addr *b)
{
	return a->family == b->family && memcmp(a->ip, b->ip, 8) == 0; /* 64 bits, as such addresses have it */
}

/* RFC 8445 5.1.1.1: where the same interface has one of the same prefix that does not allow it. */
static bool must_hide(const uv_interface_address_t *all, int all_count, const uv_interface_address_t *which,
		      const parley_addr *a)
{
	for (int i = 0; i < all_count && allows_tracking(a); i++) {
		parley_addr other;
		if (strcmp(all[i].name, which->name) == 0 &&
		    sockaddr_to_addr((const struct sockaddr *)&all[i].address, &other) && same_prefix(a, &other) &&
		    !allows_tracking(&other))
			return true;
	}
	return false;
}

static size_t collect(const uv_interface_address_t *all, int all_count, bool loopback, size_t count, parley_addr *out)
{
	for (int i = 0; i < all_count && count < NET_INTERFACES_MAX; i++) {
		parley_addr a;
		if (!sockaddr_to_addr((const struct sockaddr *)&all[i].address, &a))
			continue;
		if (addr_is_loopback(&a) == loopback && is_usable(&a) && !contains(out, count, &a) &&
		    !must_hide(all, all_count, &all[i], &a))
			out[count++] = a;
	}
	return count;
}

size_t net_interfaces(bool allow_loopback, parley_addr out[NET_INTERFACES_MAX])
{
	uv_interface_address_t *all;
	int all_count;
	if (uv_interface_addresses(&all, &all_count) != 0) /* those that are up and running */
		return 0;
	size_t count = collect(all, all_count, false, 0, out);
	if (allow_loopback || count == 0)
		count = collect(all, all_count, true, count, out);
	uv_free_interface_addresses(all, all_count);
	return count;
}
