/* net/udp.h, net/interfaces.h, net/timer.h, net/random.h, net/sockaddr.h, net/dns.h */
#include "tests/support/test.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/addr.h"
#include "net/dns.h"
#include "net/interfaces.h"
#include "net/random.h"
#include "net/sockaddr.h"
#include "net/timer.h"
#include "net/udp.h"
#include "tests/net/harness.h"
#include "tests/net/kernel.h"

static const parley_addr loopback_v6 = {.family = PARLEY_IPV6, .ip = {[15] = 1}};

/* --- UDP --- */

typedef struct {
	net_udp *udp;
	bool echo, close_on_datagram;
	bool came;
	size_t count;
	uint8_t last[NET_UDP_BATCH_ROOM + 1];
	size_t last_len;
	parley_addr last_remote;
	net_ecn last_ecn;
	size_t wanted; /* all_came with so many */
	bool all_came;
	bool in_order; /* if it was true: the first byte of each is its number */
	size_t lengths[300];
} end;

static void end_datagram(end *e, const net_datagrams *d)
{
	assert_true(d->data.len <= sizeof e->last);
	if (d->data.len > 0)
		memcpy(e->last, d->data.data, d->data.len);
	e->last_len = d->data.len;
	e->last_remote = *d->remote;
	e->last_ecn = d->ecn;
	e->lengths[e->count % ARRAY_LENGTH(e->lengths)] = d->data.len;
	e->in_order &= d->data.len == 0 || d->data.data[0] == (uint8_t)e->count;
	e->came = true;
	e->count++;
	e->all_came |= e->count == e->wanted;
	if (e->echo)
		assert_true(net_udp_send(e->udp, d->remote, d->data));
}

static void end_datagrams(void *me, net_udp *udp, const net_datagrams *d)
{
	end *e = me;
	assert_ptr_equal(udp, e->udp);
	for (size_t i = 0; i < net_datagrams_count(d); i++) {
		net_datagrams one = *d;
		one.data = net_datagrams_at(d, i);
		end_datagram(e, &one);
	}
	if (e->close_on_datagram) {
		net_udp_close(udp);
		e->udp = NULL;
	}
}

static void end_open(end *e, uv_loop_t *loop, const parley_addr *local)
{
	assert_int_equal(net_udp_open(loop, local, end_datagrams, e, &e->udp), 0);
	assert_true(addr_equal_ip(net_udp_local(e->udp), local));
	assert_int_not_equal(net_udp_local(e->udp)->port, 0);
}

static bool has_address(const parley_addr *wanted)
{
	parley_addr all[NET_INTERFACES_MAX];
	size_t count = net_interfaces(true, all);
	for (size_t i = 0; i < count; i++)
		if (addr_equal_ip(&all[i], wanted))
			return true;
	return false;
}

static void a_datagram_is_echoed_over(const parley_addr *local)
{
	uv_loop_t *loop = harness_loop_new();
	end asker = {0}, echoer = {.echo = true};
	end_open(&asker, loop, local);
	end_open(&echoer, loop, local);
	uint8_t data[1472];
	memset(data, 0x5a, sizeof data);
	assert_true(net_udp_send(asker.udp, net_udp_local(echoer.udp), slice_of(data, sizeof data)));
	harness_run_until(loop, &asker.came);
	assert_int_equal(asker.last_len, sizeof data);
	assert_memory_equal(asker.last, data, sizeof data);
	assert_true(addr_equal(&asker.last_remote, net_udp_local(echoer.udp)));
	net_udp_close(asker.udp);
	net_udp_close(echoer.udp);
	harness_loop_free(loop);
}

static void datagrams_are_echoed_over_ipv4(void **state)
{
	(void)state;
	parley_addr loopback = addr_ipv4(127, 0, 0, 1, 0);
	a_datagram_is_echoed_over(&loopback);
}

static void datagrams_are_echoed_over_ipv6(void **state)
{
	(void)state;
	if (!has_address(&loopback_v6))
		skip();
	a_datagram_is_echoed_over(&loopback_v6);
}

/* The descriptor bound to the address: the loop's own business otherwise. */
static int descriptor_of(const parley_addr *local)
{
	for (int fd = 3; fd < 100; fd++) {
		struct sockaddr_storage s;
		socklen_t len = sizeof s;
		parley_addr a;
		if (getsockname(fd, (struct sockaddr *)&s, &len) == 0 && sockaddr_to_addr((struct sockaddr *)&s, &a) &&
		    addr_equal(&a, local))
			return fd;
	}
	fail_msg("no such socket");
	return -1;
}

/* RFC 8899 3, RFC 8261 5 */
static void datagrams_are_never_fragmented(void **state)
{
	(void)state;
	uv_loop_t *loop = harness_loop_new();
	parley_addr loopback = addr_ipv4(127, 0, 0, 1, 0);
	end e = {0};
	int value = 0;
	socklen_t len = sizeof value;
	end_open(&e, loop, &loopback);
	assert_int_equal(getsockopt(descriptor_of(net_udp_local(e.udp)), IPPROTO_IP, IP_MTU_DISCOVER, &value, &len), 0);
	assert_int_equal(value, IP_PMTUDISC_PROBE);
	net_udp_close(e.udp);
	if (has_address(&loopback_v6)) {
		end_open(&e, loop, &loopback_v6);
		assert_int_equal(
			getsockopt(descriptor_of(net_udp_local(e.udp)), IPPROTO_IPV6, IPV6_MTU_DISCOVER, &value, &len),
			0);
		assert_int_equal(value, IPV6_PMTUDISC_PROBE);
		net_udp_close(e.udp);
	}
	harness_loop_free(loop);
}

static void a_socket_may_be_closed_by_its_callback(void **state)
{
	(void)state;
	uv_loop_t *loop = harness_loop_new();
	parley_addr loopback = addr_ipv4(127, 0, 0, 1, 0);
	end sender = {0}, receiver = {.close_on_datagram = true};
	end_open(&sender, loop, &loopback);
	end_open(&receiver, loop, &loopback);
	for (int i = 0; i < 10; i++)
		net_udp_send(sender.udp, net_udp_local(receiver.udp), slice_of("x", 1));
	harness_run_until(loop, &receiver.came);
	assert_int_equal(receiver.count, 1);
	net_udp_close(sender.udp);
	harness_loop_free(loop);
}

static void what_cannot_be_sent_is_lost_and_the_socket_lives(void **state)
{
	(void)state;
	uv_loop_t *loop = harness_loop_new();
	parley_addr loopback = addr_ipv4(127, 0, 0, 1, 0);
	end a = {0}, b = {.echo = true}, gone = {0};
	end_open(&a, loop, &loopback);
	end_open(&b, loop, &loopback);
	end_open(&gone, loop, &loopback);
	parley_addr nobody = *net_udp_local(gone.udp);
	net_udp_close(gone.udp);
	uv_run(loop, UV_RUN_NOWAIT);
	uint8_t huge[65535] = {0};
	assert_false(net_udp_send(a.udp, net_udp_local(b.udp), slice_of(huge, sizeof huge))); /* EMSGSIZE */
	assert_false(net_udp_send(a.udp, &loopback_v6, slice_of(huge, 10)));		      /* another family */
	for (int i = 0; i < 3; i++)
		net_udp_send(a.udp, &nobody, slice_of("x", 1)); /* refused by ICMP */
	assert_true(net_udp_send(a.udp, net_udp_local(b.udp), slice_of("hello", 5)));
	harness_run_until(loop, &a.came);
	assert_memory_equal(a.last, "hello", 5);
	net_udp_close(a.udp);
	net_udp_close(b.udp);
	harness_loop_free(loop);
}

static void an_address_of_another_machine_cannot_be_bound(void **state)
{
	(void)state;
	uv_loop_t *loop = harness_loop_new();
	parley_addr not_ours = addr_ipv4(198, 51, 100, 77, 0);
	end e = {0};
	assert_int_equal(net_udp_open(loop, &not_ours, end_datagrams, &e, &e.udp), PARLEY_EIO);
	harness_loop_free(loop);
}

/* --- batches --- */

typedef struct {
	uv_loop_t *loop;
	end from, to;
	net_udp_batch batch;
	size_t added;
} batching;

static batching *batching_new(void)
{
	batching *b = calloc(1, sizeof *b);
	parley_addr loopback = addr_ipv4(127, 0, 0, 1, 0);
	b->loop = harness_loop_new();
	b->to.in_order = true;
	end_open(&b->from, b->loop, &loopback);
	end_open(&b->to, b->loop, &loopback);
	net_udp_batch_begin(&b->batch);
	kernel = (kernel_ways){0};
	return b;
}

static void batching_free(batching *b)
{
	net_udp_close(b->from.udp);
	net_udp_close(b->to.udp);
	harness_loop_free(b->loop);
	kernel = (kernel_ways){0};
	free(b);
}

/* A datagram that begins with its number. */
static void add_to(batching *b, const end *to, size_t len)
{
	packet room = net_udp_batch_room(&b->batch);
	assert_true(room.capacity >= NET_UDP_BATCH_ROOM);
	memset(room.data, 0x77, len);
	room.data[0] = (uint8_t)b->added++;
	net_udp_batch_add(&b->batch, b->from.udp, net_udp_local(to->udp), len);
}

static void add(batching *b, size_t len)
{
	add_to(b, &b->to, len);
}

static void run_until_all_came(batching *b)
{
	net_udp_batch_flush(&b->batch);
	b->to.wanted = b->added;
	b->to.all_came = b->to.count >= b->added;
	harness_run_until(b->loop, &b->to.all_came);
	assert_true(b->to.in_order);
	assert_int_equal(b->to.count, b->added);
}

static void equal_datagrams_leave_in_one_call(void **state)
{
	(void)state;
	batching *b = batching_new();
	for (int i = 0; i < 50; i++)
		add(b, 1200);
	add(b, 7);
	assert_int_equal(kernel.calls, 0);
	run_until_all_came(b);
	assert_int_equal(kernel.calls, 1);
	for (int i = 0; i < 50; i++)
		assert_int_equal(b->to.lengths[i], 1200);
	assert_int_equal(b->to.lengths[50], 7);
	batching_free(b);
}

static void datagrams_of_all_sizes_keep_length_and_order(void **state)
{
	(void)state;
	batching *b = batching_new();
	size_t lengths[250];
	for (size_t i = 0; i < ARRAY_LENGTH(lengths); i++) {
		lengths[i] = i % 7 < 4 ? 1200 : 1 + (i * 613) % 1472;
		add(b, lengths[i]);
	}
	run_until_all_came(b);
	assert_in_range(kernel.calls, 2, ARRAY_LENGTH(lengths) - 50);
	assert_memory_equal(b->to.lengths, lengths, sizeof lengths);
	batching_free(b);
}

static void a_batch_holds_as_much_as_the_kernel_takes(void **state)
{
	(void)state;
	batching *b = batching_new();
	for (int i = 0; i < 150; i++)
		add(b, 20); /* more than may go together */
	for (int i = 0; i < 100; i++)
		add(b, 1472); /* and more than fit */
	run_until_all_came(b);
	assert_in_range(kernel.calls, 3 + 3, 12);
	batching_free(b);
}

static void batches_to_different_remotes_are_told_apart(void **state)
{
	(void)state;
	batching *b = batching_new();
	end other = {0};
	parley_addr loopback = addr_ipv4(127, 0, 0, 1, 0);
	end_open(&other, b->loop, &loopback);
	for (int i = 0; i < 10; i++) {
		add(b, 100);
		add(b, 100);
		add_to(b, &other, 100);
		b->added--;
	}
	run_until_all_came(b);
	assert_int_equal(kernel.calls, 20);
	other.wanted = 10;
	other.all_came = other.count == 10;
	harness_run_until(b->loop, &other.all_came);
	net_udp_close(other.udp);
	batching_free(b);
}

static void what_is_too_long_to_wait_goes_at_once_and_in_its_turn(void **state)
{
	(void)state;
	batching *b = batching_new();
	uint8_t bytes[NET_UDP_BATCH_ROOM + 1] = {0};
	static const size_t lengths[] = {100, 100, sizeof bytes, 100};
	for (size_t i = 0; i < ARRAY_LENGTH(lengths); i++) {
		bytes[0] = (uint8_t)b->added++;
		net_udp_batch_send(&b->batch, b->from.udp, net_udp_local(b->to.udp), slice_of(bytes, lengths[i]));
	}
	run_until_all_came(b);
	assert_int_equal(kernel.calls, 3);
	assert_memory_equal(b->to.lengths, lengths, sizeof lengths);
	batching_free(b);
}

static void where_the_kernel_cannot_cut_each_goes_alone(void **state)
{
	(void)state;
	static const int errors[] = {EIO, EINVAL, EMSGSIZE, EOPNOTSUPP};
	for (size_t i = 0; i < ARRAY_LENGTH(errors); i++) {
		batching *b = batching_new();
		kernel.cut_error = errors[i];
		for (int k = 0; k < 20; k++)
			add(b, 1000);
		run_until_all_came(b);
		assert_int_equal(kernel.calls, 21);
		batching_free(b);
	}
}

static void what_the_kernel_refuses_for_now_goes_later_in_order(void **state)
{
	(void)state;
	static const int errors[] = {EAGAIN, ENOBUFS};
	for (size_t i = 0; i < ARRAY_LENGTH(errors); i++) {
		batching *b = batching_new();
		kernel.error = errors[i];
		kernel.errors = 3;
		for (int k = 0; k < 60; k++)
			add(b, 1100);
		net_udp_batch_flush(&b->batch);
		for (int k = 0; k < 5; k++) { /* these must not overtake */
			uint8_t bytes[10] = {(uint8_t)b->added++};
			assert_true(net_udp_send(b->from.udp, net_udp_local(b->to.udp), slice_of(bytes, sizeof bytes)));
		}
		run_until_all_came(b);
		assert_int_equal(kernel.errors, 0);
		batching_free(b);
	}
}

static void a_refusal_amid_a_batch_sends_none_twice(void **state)
{
	(void)state;
	batching *b = batching_new();
	kernel.cut_error = EIO;
	kernel.error = EAGAIN;
	kernel.errors = 2;
	kernel.before = 7;
	for (int k = 0; k < 20; k++)
		add(b, 1000);
	run_until_all_came(b);
	assert_int_equal(kernel.errors, 0);
	batching_free(b);
}

static void what_waits_has_a_limit_and_ends_with_the_socket(void **state)
{
	(void)state;
	batching *b = batching_new();
	kernel.error = EAGAIN;
	kernel.errors = SIZE_MAX;
	uint8_t bytes[60000] = {0};
	size_t taken = 0;
	while (net_udp_send(b->from.udp, net_udp_local(b->to.udp), slice_of(bytes, sizeof bytes)))
		taken++;
	assert_int_equal(taken, NET_UDP_QUEUE_LIMIT / sizeof bytes);
	batching_free(b);
}

static void marks_of_congestion_are_read(void **state)
{
	(void)state;
	uv_loop_t *loop = harness_loop_new();
	const parley_addr locals[] = {addr_ipv4(127, 0, 0, 1, 0), loopback_v6};
	for (size_t i = 0; i < ARRAY_LENGTH(locals) && has_address(&locals[i]); i++) {
		end to = {0};
		end_open(&to, loop, &locals[i]);
		bool v6 = locals[i].family == PARLEY_IPV6;
		int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0), mark = NET_ECN_CE;
		struct sockaddr_storage address;
		socklen_t len = sockaddr_from_addr(net_udp_local(to.udp), &address);
		assert_int_equal(
			setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_TCLASS : IP_TOS, &mark, sizeof mark),
			0);
		assert_int_equal(sendto(fd, "x", 1, 0, (struct sockaddr *)&address, len), 1);
		harness_run_until(loop, &to.came);
		assert_int_equal(to.last_ecn, NET_ECN_CE);
		close(fd);
		net_udp_close(to.udp);
	}
	harness_loop_free(loop);
}

/* --- interfaces --- */

static void interfaces_are_usable_and_listed_once(void **state)
{
	(void)state;
	parley_addr all[NET_INTERFACES_MAX], usual[NET_INTERFACES_MAX];
	size_t all_count = net_interfaces(true, all), usual_count = net_interfaces(false, usual);
	assert_in_range(usual_count, 1, all_count);
	parley_addr loopback = addr_ipv4(127, 0, 0, 1, 0);
	assert_true(has_address(&loopback));
	for (size_t i = 0; i < all_count; i++) {
		assert_int_equal(all[i].port, 0);
		assert_false(all[i].family == PARLEY_IPV6 && addr_is_link_local(&all[i]));
		for (size_t k = 0; k < i; k++)
			assert_false(addr_equal(&all[i], &all[k]));
	}
	if (usual_count < all_count) /* there is another address: then loopback must have been left out */
		for (size_t i = 0; i < usual_count; i++)
			assert_false(addr_is_loopback(&usual[i]));
}

/* --- timers --- */

typedef struct {
	net_timer *timer;
	bool done;
	bool free_when_fired;
	unsigned fired, rearm;
	uint64_t deadline;
} alarm_clock;

static void alarm_rings(void *me)
{
	alarm_clock *a = me;
	assert_true(net_now() >= a->deadline);
	a->fired++;
	if (a->rearm > 0) {
		a->rearm--;
		net_timer_set(a->timer, 0); /* long past */
		return;
	}
	a->done = true;
	if (a->free_when_fired)
		net_timer_free(a->timer);
}

static void timers_fire_once_and_never_early(void **state)
{
	(void)state;
	uv_loop_t *loop = harness_loop_new();
	for (uint64_t delay = 0; delay < 3000; delay += 617) {
		alarm_clock a = {.deadline = net_now() + delay};
		a.timer = net_timer_new(loop, alarm_rings, &a);
		net_timer_set(a.timer, a.deadline + 1000000);
		net_timer_set(a.timer, a.deadline);
		harness_run_until(loop, &a.done);
		assert_int_equal(a.fired, 1);
		net_timer_free(a.timer);
	}
	harness_loop_free(loop);
}

static void a_timer_put_off_fires_at_its_last_deadline(void **state)
{
	(void)state;
	uv_loop_t *loop = harness_loop_new();
	uint64_t now = net_now();
	alarm_clock later = {.deadline = now + 30000}, sooner = {.deadline = now + 10000}, passed = {.deadline = now};
	later.timer = net_timer_new(loop, alarm_rings, &later);
	sooner.timer = net_timer_new(loop, alarm_rings, &sooner);
	passed.timer = net_timer_new(loop, alarm_rings, &passed);
	net_timer_set(later.timer, now + 5000);
	net_timer_set(later.timer, now + 1000000);
	net_timer_set(later.timer, later.deadline);
	net_timer_set(sooner.timer, now + 15000);
	net_timer_set(sooner.timer, now + 20000);
	net_timer_set(sooner.timer, sooner.deadline);
	net_timer_set(passed.timer, now + 5000);
	net_timer_set(passed.timer, now);
	harness_run_until(loop, &later.done);
	assert_true(sooner.done && passed.done);
	assert_int_equal(later.fired + sooner.fired + passed.fired, 3);
	net_timer_free(later.timer);
	net_timer_free(sooner.timer);
	net_timer_free(passed.timer);
	harness_loop_free(loop);
}

static void timers_may_be_set_and_freed_when_they_fire(void **state)
{
	(void)state;
	uv_loop_t *loop = harness_loop_new();
	alarm_clock again = {.rearm = 3}, ends = {.free_when_fired = true}, never = {0};
	again.timer = net_timer_new(loop, alarm_rings, &again);
	ends.timer = net_timer_new(loop, alarm_rings, &ends);
	never.timer = net_timer_new(loop, alarm_rings, &never);
	net_timer_set(again.timer, 0);
	net_timer_set(ends.timer, 0);
	net_timer_set(never.timer, 0);
	net_timer_set(never.timer, TIME_NEVER);
	assert_int_equal(again.fired, 0); /* from the loop only */
	uv_run(loop, UV_RUN_NOWAIT);
	assert_int_equal(again.fired, 1); /* a past deadline waits for the next turn: sockets have theirs first */
	harness_run_until(loop, &again.done);
	assert_int_equal(again.fired, 4);
	assert_int_equal(ends.fired, 1);
	assert_int_equal(never.fired, 0);
	net_timer_free(again.timer);
	net_timer_free(never.timer);
	harness_loop_free(loop);
}

/* --- names --- */

typedef struct {
	bool answered;
	int error;
	size_t count;
	parley_addr first;
	char why[NET_WHY_MAX];
} answer;

static void name_answered(void *me, int error, const char *why, const parley_addr *addresses, size_t count)
{
	answer *a = me;
	a->answered = true;
	a->error = error;
	a->count = count;
	if (count > 0)
		a->first = addresses[0];
	snprintf(a->why, sizeof a->why, "%s", why);
}

static answer ask(const char *name)
{
	uv_loop_t *loop = harness_loop_new();
	answer a = {0};
	net_dns *dns;
	assert_int_equal(net_dns_resolve(loop, name, 443, name_answered, &a, &dns), 0);
	assert_false(a.answered);
	harness_run_until(loop, &a.answered);
	harness_loop_free(loop);
	return a;
}

static void names_and_literals_are_resolved(void **state)
{
	(void)state;
	answer a = ask("localhost");
	assert_int_equal(a.error, 0);
	assert_true(addr_is_loopback(&a.first));
	assert_int_equal(a.first.port, 443);
	char text[ADDR_TEXT_MAX];
	a = ask("192.0.2.7");
	assert_string_equal(addr_print(&a.first, text), "192.0.2.7:443");
	a = ask("2001:db8::7");
	assert_string_equal(addr_print(&a.first, text), "[2001:db8::7]:443");
}

static void names_without_address_are_reported(void **state)
{
	(void)state;
	answer a = ask("foo.invalid");
	assert_int_equal(a.error, PARLEY_ERESOLVE);
	assert_int_equal(a.count, 0);
	assert_non_null(strstr(a.why, "foo.invalid"));
	a = ask("Something.LOCAL.");
	assert_int_equal(a.error, PARLEY_ERESOLVE);
	net_dns *dns;
	char too_long[300] = {0};
	memset(too_long, 'a', sizeof too_long - 1);
	assert_int_equal(net_dns_resolve(NULL, "", 1, name_answered, NULL, &dns), PARLEY_EINVAL);
	assert_int_equal(net_dns_resolve(NULL, too_long, 1, name_answered, NULL, &dns), PARLEY_EINVAL);
}

static void a_cancelled_lookup_never_answers(void **state)
{
	(void)state;
	static const char *const names[] = {"localhost", "127.0.0.1", "foo.invalid"};
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		uv_loop_t *loop = harness_loop_new();
		answer a = {0};
		net_dns *dns;
		assert_int_equal(net_dns_resolve(loop, names[i], 1, name_answered, &a, &dns), 0);
		net_dns_cancel(dns);
		harness_loop_free(loop);
		assert_false(a.answered);
	}
}

static void local_names_are_told_apart(void **state)
{
	(void)state;
	assert_true(net_dns_is_local("a.local"));
	assert_true(net_dns_is_local("a.b.LoCaL."));
	assert_false(net_dns_is_local("local"));
	assert_false(net_dns_is_local(".local"));
	assert_false(net_dns_is_local("a.local.example"));
	assert_false(net_dns_is_local("alocal"));
	assert_false(net_dns_is_local(""));
}

/* --- small things --- */

static void random_bytes_differ(void **state)
{
	(void)state;
	parley_random random = net_random();
	uint8_t a[1000] = {0}, b[1000] = {0};
	assert_int_equal(random.fill(random.context, a, sizeof a), 0);
	assert_int_equal(random.fill(random.context, b, sizeof b), 0);
	assert_memory_not_equal(a, b, sizeof a);
}

static void socket_addresses_convert_both_ways(void **state)
{
	(void)state;
	parley_addr link_local = {.family = PARLEY_IPV6, .ip = {0xfe, 0x80, [15] = 1}, .port = 9, .scope = 3};
	parley_addr v4 = addr_ipv4(192, 0, 2, 1, 65535), back;
	struct sockaddr_storage raw;
	assert_int_equal(sockaddr_from_addr(&link_local, &raw), sizeof(struct sockaddr_in6));
	assert_true(sockaddr_to_addr((struct sockaddr *)&raw, &back));
	assert_true(addr_equal(&back, &link_local));
	assert_int_equal(sockaddr_from_addr(&v4, &raw), sizeof(struct sockaddr_in));
	assert_true(sockaddr_to_addr((struct sockaddr *)&raw, &back));
	assert_true(addr_equal(&back, &v4));
	parley_addr mapped = {.family = PARLEY_IPV6, .ip = {[10] = 0xff, [11] = 0xff, 192, 0, 2, 1}, .port = 65535};
	sockaddr_from_addr(&mapped, &raw);
	assert_true(sockaddr_to_addr((struct sockaddr *)&raw, &back));
	assert_true(addr_equal(&back, &v4));
	raw.ss_family = AF_UNIX;
	assert_false(sockaddr_to_addr((struct sockaddr *)&raw, &back));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(datagrams_are_echoed_over_ipv4),
		cmocka_unit_test(datagrams_are_echoed_over_ipv6),
		cmocka_unit_test(datagrams_are_never_fragmented),
		cmocka_unit_test(a_socket_may_be_closed_by_its_callback),
		cmocka_unit_test(what_cannot_be_sent_is_lost_and_the_socket_lives),
		cmocka_unit_test(an_address_of_another_machine_cannot_be_bound),
		cmocka_unit_test(equal_datagrams_leave_in_one_call),
		cmocka_unit_test(datagrams_of_all_sizes_keep_length_and_order),
		cmocka_unit_test(a_batch_holds_as_much_as_the_kernel_takes),
		cmocka_unit_test(batches_to_different_remotes_are_told_apart),
		cmocka_unit_test(what_is_too_long_to_wait_goes_at_once_and_in_its_turn),
		cmocka_unit_test(where_the_kernel_cannot_cut_each_goes_alone),
		cmocka_unit_test(what_the_kernel_refuses_for_now_goes_later_in_order),
		cmocka_unit_test(a_refusal_amid_a_batch_sends_none_twice),
		cmocka_unit_test(what_waits_has_a_limit_and_ends_with_the_socket),
		cmocka_unit_test(marks_of_congestion_are_read),
		cmocka_unit_test(interfaces_are_usable_and_listed_once),
		cmocka_unit_test(timers_fire_once_and_never_early),
		cmocka_unit_test(a_timer_put_off_fires_at_its_last_deadline),
		cmocka_unit_test(timers_may_be_set_and_freed_when_they_fire),
		cmocka_unit_test(names_and_literals_are_resolved),
		cmocka_unit_test(names_without_address_are_reported),
		cmocka_unit_test(a_cancelled_lookup_never_answers),
		cmocka_unit_test(local_names_are_told_apart),
		cmocka_unit_test(random_bytes_differ),
		cmocka_unit_test(socket_addresses_convert_both_ways),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
