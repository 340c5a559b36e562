/* The addresses of this machine change: sockets of a connection come and go with them. */
#include "base/addr.h"
#include "net/pc_internal.h"

static bool contains(const parley_addr *addresses, size_t count, const parley_addr *ip)
{
	for (size_t i = 0; i < count; i++)
		if (addr_equal_ip(&addresses[i], ip))
			return true;
	return false;
}

static bool has_socket_at(const parley_pc *pc, const parley_addr *ip)
{
	for (size_t i = 0; i < pc->socket_count; i++)
		if (addr_equal_ip(net_udp_local(pc->sockets[i]), ip))
			return true;
	return false;
}

static void log_change(parley_pc *pc, const char *what, const parley_addr *ip)
{
	char text[ADDR_TEXT_MAX];
	pc_log(pc, PARLEY_LOG_INFO, "%s %s", addr_print_ip(ip, text), what);
}

static void drop_gone(parley_pc *pc, const parley_addr *addresses, size_t count)
{
	for (size_t i = pc->socket_count; i-- > 0 && !pc->closed;) {
		parley_addr local = *net_udp_local(pc->sockets[i]);
		if (addr_is_loopback(&local) || contains(addresses, count, &local))
			continue;
		pc_close_socket(pc, i);
		log_change(pc, "is gone", &local);
	}
}

static void take_new(parley_pc *pc, const parley_addr *addresses, size_t count)
{
	for (size_t i = 0; i < count && !pc->closed; i++) {
		if (has_socket_at(pc, &addresses[i]) || !pc_open_socket(pc, &addresses[i]))
			continue; /* one that cannot be bound yet is told of again when it can */
		log_change(pc, "is new", &addresses[i]);
	}
}

/*
 * Where nothing is left, the sockets stay: the same address may come back, and they work again then, without a word to the peer. As soon
 * as there is another address the connection goes there.
 */
static void network_changed(void *me)
{
	parley_pc *pc = me;
	parley_addr addresses[NET_INTERFACES_MAX];
	size_t count = net_interfaces(pc->loopback, addresses);
	if (count == 0 || addr_is_loopback(&addresses[0]))
		return;
	pc->draining = true; /* log lines' callbacks may free pc */
	take_new(pc, addresses, count);
	drop_gone(pc, addresses, count);
	pc_drain(pc);
}

void pc_watch_network(parley_pc *pc)
{
	char why[NET_WHY_MAX] = "";
	if (pc->port || pc->one_address)
		return; /* a shared port keeps its sockets; one address is all that is wanted */
	if (net_network_watch_start(pc->loop, network_changed, pc, &pc->network, why))
		pc_log(pc, PARLEY_LOG_WARN, "changes of the network will not be noticed: %s", why);
}
