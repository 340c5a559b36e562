/* Names in place of the addresses of host candidates (draft-ietf-rtcweb-mdns-ice-candidates 3.1): one for each IP address, for good. */
#include <stdlib.h>
#include <string.h>

#include "ice/internal.h"

static const ice_own_name *find(const ice_agent *a, const parley_addr *ip)
{
	for (size_t i = 0; i < a->own_name_count; i++)
		if (addr_equal_ip(&a->own_names[i].ip, ip))
			return &a->own_names[i];
	return NULL;
}

const char *ice_hidden_name(ice_agent *a, const parley_addr *ip)
{
	const ice_own_name *known = find(a, ip);
	if (known)
		return known->text;
	ice_own_name fresh = {.ip = *ip};
	fresh.ip.port = 0;
	fresh.ip.transport = PARLEY_UDP;
	if (a->own_name_count == ICE_OWN_NAMES_MAX || !ARRAY_ROOM(a->own_names, a->own_name_count) ||
	    mdns_random_name(&a->config.random, fresh.text)) {
		a->counters.drop_limit++;
		return NULL;
	}
	a->own_names[a->own_name_count] = fresh;
	ice_queue_event(a, ICE_EVENT_OWN_NAME, (uint32_t)a->own_name_count);
	return a->own_names[a->own_name_count++].text;
}

bool ice_is_hidden(const ice_agent *a, const parley_addr *ip)
{
	return find(a, ip) != NULL;
}

void ice_hidden_clear(ice_agent *a)
{
	free(a->own_names);
	a->own_names = NULL;
	a->own_name_count = 0;
}
