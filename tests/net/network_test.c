/*
 * net/network_monitor.h, and what a connection does when addresses come and go: in a network namespace of its own, which ends with the
 * program. Without the right to make one there is nothing to test.
 */
#include "tests/support/test.h"

#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/addr.h"
#include "net/interfaces.h"
#include "net/network_monitor.h"
#include "parley/parley.h"
#include "tests/net/harness.h"

#define FIRST "10.77.0.1"
#define SECOND "10.77.0.2"
#define THIRD "10.77.0.3"

static bool has_namespace;
static uv_loop_t *loop;

/* ip(8) with these words, ARGUMENT in place of %s. */
static void run_ip(const char *format, const char *argument)
{
	char command[200], *words[16] = {NULL};
	size_t count = 0;
	snprintf(command, sizeof command, format, argument);
	char *rest = command;
	while (count < ARRAY_LENGTH(words) - 1 && (words[count] = strtok_r(rest, " ", &rest)))
		count++;
	pid_t child;
	int status = -1;
	assert_int_equal(posix_spawnp(&child, words[0], NULL, NULL, words, environ), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	if (status != 0) {
		snprintf(command, sizeof command, format, argument);
		fail_msg("%s", command);
	}
}

static bool write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	if (!f)
		return false;
	bool written = fputs(text, f) >= 0;
	return fclose(f) == 0 && written;
}

static void add(const char *ip)
{
	run_ip("ip addr add %s/24 dev v0", ip);
}

static void del(const char *ip)
{
	run_ip("ip addr del %s/24 dev v0", ip);
}

/* A pair of interfaces with nobody on the other end; what is for a local address goes by loopback anyway. */
static int make_network(void **state)
{
	(void)state;
	if (!has_namespace)
		return 0;
	run_ip("ip link add v0 type veth peer name v1%s", "");
	run_ip("ip link set %s up", "v0");
	run_ip("ip link set %s up", "v1");
	run_ip("ip link set %s up", "lo");
	assert_true(write_file("/proc/sys/net/ipv6/conf/v0/disable_ipv6", "1"));
	assert_true(write_file("/proc/sys/net/ipv6/conf/v1/disable_ipv6", "1"));
	/* Else the first address would take its like along. */
	assert_true(write_file("/proc/sys/net/ipv4/conf/v0/promote_secondaries", "1"));
	add(FIRST);
	add(SECOND);
	loop = harness_loop_new();
	return 0;
}

static int end_network(void **state)
{
	(void)state;
	if (!has_namespace)
		return 0;
	harness_loop_free(loop);
	run_ip("ip link del v0%s", "");
	return 0;
}

#define NEED_NAMESPACE()            \
	do                          \
		if (!has_namespace) \
			skip();     \
	while (0)

/* --- the monitor --- */

typedef struct watcher {
	net_network_watch watch;
	struct watcher *stops; /* when told */
	unsigned told;
	bool was_told;
} watcher;

static void on_change(void *me)
{
	watcher *w = me;
	w->told++;
	w->was_told = true;
	if (w->stops)
		net_network_watch_stop(&w->stops->watch);
}

static void start(watcher *w)
{
	char why[NET_WHY_MAX] = "";
	*w = (watcher){.told = 0};
	if (net_network_watch_start(loop, on_change, w, &w->watch, why))
		fail_msg("%s", why);
}

static void wait_for(watcher *w)
{
	w->was_told = false;
	harness_run_until(loop, &w->was_told);
}

static void changes_are_told_to_all_who_watch(void **state)
{
	(void)state;
	watcher a, b;
	NEED_NAMESPACE();
	start(&a);
	start(&b);
	assert_ptr_equal(a.watch.monitor, b.watch.monitor);
	add(THIRD);
	wait_for(&a);
	assert_int_equal(a.told, 1);
	if (!b.told)
		wait_for(&b);
	net_network_watch_stop(&b.watch);
	net_network_watch_stop(&b.watch);
	del(THIRD);
	wait_for(&a);
	run_ip("ip link set v1 down%s", ""); /* no carrier */
	wait_for(&a);
	run_ip("ip link set v1 up%s", "");
	wait_for(&a);
	assert_int_equal(b.told, 1);
	net_network_watch_stop(&a.watch);
}

static void who_is_told_may_stop_anybody(void **state)
{
	(void)state;
	watcher w[3];
	NEED_NAMESPACE();
	for (int i = 0; i < 3; i++)
		start(&w[i]);
	w[0].stops = &w[1]; /* who has not been told yet */
	w[2].stops = &w[0]; /* who has */
	add(THIRD);
	wait_for(&w[2]);
	assert_int_equal(w[0].told, 1);
	assert_int_equal(w[1].told, 0);
	w[2].stops = &w[2]; /* the last one, itself */
	del(THIRD);
	wait_for(&w[2]);
	for (int i = 0; i < 3; i++)
		assert_null(w[i].watch.monitor);
}

/* --- which addresses there are --- */

static bool is_listed(const char *ip)
{
	parley_addr all[NET_INTERFACES_MAX], wanted;
	assert_true(addr_parse_ip(slice_from_string(ip), 0, &wanted));
	size_t count = net_interfaces(false, all);
	for (size_t i = 0; i < count; i++)
		if (addr_equal_ip(&all[i], &wanted))
			return true;
	return false;
}

/* RFC 8445 5.1.1.1 */
static void addresses_that_allow_tracking_are_hidden_behind_others(void **state)
{
	static const char tracked[] = "2001:db8::211:22ff:fe33:4455", private[] = "2001:db8::1:2:3:4",
			  elsewhere[] = "2001:db8:0:1:1:2:3:4";
	(void)state;
	NEED_NAMESPACE();
	assert_true(write_file("/proc/sys/net/ipv6/conf/v0/disable_ipv6", "0"));
	run_ip("ip addr add %s/64 dev v0 nodad", tracked);
	run_ip("ip addr add %s/64 dev v0 nodad", elsewhere);
	assert_true(is_listed(tracked) && is_listed(elsewhere));
	run_ip("ip addr add %s/64 dev v0 nodad", private);
	assert_true(is_listed(private) && is_listed(elsewhere) && is_listed(FIRST));
	assert_false(is_listed(tracked));
	run_ip("ip addr del %s/64 dev v0", private);
	assert_true(is_listed(tracked));
	assert_false(is_listed("127.0.0.1")); /* there are others */
}

/* --- a connection --- */

typedef struct peer {
	parley_pc *pc;
	struct peer *other;
	parley_channel channel;
	parley_addr local;	       /* of the selected pair */
	unsigned sent, received, told; /* messages; candidates */
	bool open, all_received, misordered;
	unsigned awaited;
} peer;

static peer peers[2];

static void on_candidate(void *me, parley_pc *pc, const char *candidate, const char *mid, int mline_index)
{
	peer *p = me;
	(void)pc;
	p->told += *candidate != '\0';
	assert_int_equal(parley_pc_add_ice_candidate(p->other->pc, candidate, mid, mline_index), 0);
}

static void on_selected_pair(void *me, parley_pc *pc, const parley_addr *local, const char *local_type,
			     const parley_addr *remote, const char *remote_type)
{
	peer *p = me;
	(void)pc;
	(void)local_type;
	(void)remote;
	(void)remote_type;
	p->local = *local;
}

static void on_data_channel(void *me, parley_pc *pc, parley_channel channel, const char *label, const char *protocol)
{
	peer *p = me;
	(void)pc;
	(void)label;
	(void)protocol;
	p->channel = channel;
}

static void on_channel_state(void *me, parley_pc *pc, parley_channel channel, parley_channel_state state,
			     const char *reason)
{
	peer *p = me;
	(void)pc;
	(void)channel;
	(void)reason;
	p->open = state == PARLEY_CHANNEL_OPEN;
}

static void on_message(void *me, parley_pc *pc, parley_channel channel, bool binary, const uint8_t *data, size_t len)
{
	peer *p = me;
	uint32_t number;
	(void)pc;
	(void)channel;
	assert_true(binary && len == sizeof number);
	memcpy(&number, data, sizeof number);
	p->misordered |= number != p->received++;
	p->all_received = p->received == p->awaited;
}

static void talk(unsigned messages)
{
	for (int i = 0; i < 2; i++) {
		peer *p = &peers[i];
		p->other->awaited = p->sent + messages;
		p->other->all_received = false;
		for (unsigned n = 0; n < messages; n++) {
			uint32_t number = p->sent++;
			assert_int_equal(parley_pc_send(p->pc, p->channel, true, &number, sizeof number), 0);
		}
	}
}

static void all_arrive(void)
{
	for (int i = 0; i < 2; i++) {
		harness_run_until(loop, &peers[i].all_received);
		assert_false(peers[i].misordered);
	}
}

static void describe(peer *p, parley_sdp_type type)
{
	char *sdp;
	assert_int_equal(parley_pc_set_local_description(p->pc, type, NULL), 0);
	assert_int_equal(parley_pc_local_description(p->pc, &type, &sdp), 0);
	assert_int_equal(parley_pc_set_remote_description(p->other->pc, type, sdp), 0);
	parley_free(sdp);
}

static void meet(void)
{
	static const parley_callbacks callbacks = {
		.on_ice_candidate = on_candidate,
		.on_selected_pair = on_selected_pair,
		.on_data_channel = on_data_channel,
		.on_channel_state = on_channel_state,
		.on_message = on_message,
	};
	for (int i = 0; i < 2; i++) {
		parley_configuration configuration;
		parley_configuration_default(&configuration);
		configuration.ice_server_count = 0;
		peers[i] = (peer){.other = &peers[1 - i]};
		assert_int_equal(parley_pc_new(loop, &configuration, &callbacks, &peers[i], &peers[i].pc), 0);
	}
	assert_int_equal(parley_pc_create_data_channel(peers[0].pc, "x", NULL, &peers[0].channel), 0);
	describe(&peers[0], PARLEY_SDP_OFFER);
	describe(&peers[1], PARLEY_SDP_ANSWER);
	for (int i = 0; i < 2; i++)
		harness_run_until(loop, &peers[i].open);
	talk(10);
	all_arrive();
}

static void finish(void)
{
	for (int i = 0; i < 2; i++)
		parley_pc_free(peers[i].pc);
}

static void is_at(const peer *p, const char *ip)
{
	char text[ADDR_TEXT_MAX];
	assert_string_equal(addr_print_ip(&p->local, text), ip);
}

/* From one address to the next, three times over, and nothing is lost. */
static void a_connection_follows_the_addresses(void **state)
{
	static const char *const ips[] = {FIRST, SECOND, THIRD};
	(void)state;
	NEED_NAMESPACE();
	meet();
	del(SECOND); /* whichever was used, one remains */
	talk(10);
	all_arrive();
	for (unsigned i = 0; i < 6; i++) {
		const char *from = i ? ips[(i + 1) % 3] : FIRST, *to = ips[(i + 2) % 3];
		unsigned told[2] = {peers[0].told, peers[1].told};
		add(to);
		del(from);
		talk(10);
		all_arrive();
		for (int k = 0; k < 2; k++) {
			is_at(&peers[k], to);
			assert_true(peers[k].told > told[k]);
		}
	}
	finish();
}

/* The only address goes and comes back: nothing has to be told. */
static void the_same_address_may_come_back(void **state)
{
	(void)state;
	NEED_NAMESPACE();
	del(SECOND);
	meet();
	unsigned told = peers[0].told;
	del(FIRST);
	talk(10);
	watcher w;
	start(&w);
	add(FIRST);
	wait_for(&w);
	net_network_watch_stop(&w.watch);
	all_arrive();
	assert_int_equal(peers[0].told, told);
	is_at(&peers[0], FIRST);
	finish();
}

/* Without being root outside. */
static bool become_root_of_a_namespace(void)
{
	char map[64];
	snprintf(map, sizeof map, "0 %u 1", (unsigned)getuid());
	return unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 && write_file("/proc/self/uid_map", map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(changes_are_told_to_all_who_watch, make_network, end_network),
		cmocka_unit_test_setup_teardown(who_is_told_may_stop_anybody, make_network, end_network),
		cmocka_unit_test_setup_teardown(addresses_that_allow_tracking_are_hidden_behind_others, make_network,
						end_network),
		cmocka_unit_test_setup_teardown(a_connection_follows_the_addresses, make_network, end_network),
		cmocka_unit_test_setup_teardown(the_same_address_may_come_back, make_network, end_network),
	};
	has_namespace = unshare(CLONE_NEWNET) == 0 || become_root_of_a_namespace();
	return cmocka_run_group_tests_name("net/network", tests, NULL, NULL);
}
