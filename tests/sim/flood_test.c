/*
 * A call under a flood: 100,000 forged STUN messages from strangers, who know the addresses and one even the ufrag, but no password. Nobody
 * notices: the call goes on, nothing is remembered of them, and nobody is sent more than was spent on him.
 */
#include "tests/support/test.h"

#include <string.h>

#include "base/addr.h"
#include "stun/stun.h"
#include "tests/sim/call.h"
#include "tests/support/failmalloc.h"

#define FLOOD 100000u
#define PER_ROUND 1000u

typedef struct {
	call c;
	char ufrag[2][64]; /* of the two ends */
	uint64_t bytes_in, bytes_out;
	unsigned answers;
} scene;

static void learn_ufrag(const call_end *end, char out[64])
{
	parley_sdp_type type;
	char *sdp;
	assert_int_equal(parley_core_local_description(end->node->core, &type, &sdp), 0);
	const char *at = strstr(sdp, "a=ice-ufrag:");
	assert_non_null(at);
	assert_int_equal(sscanf(at, "a=ice-ufrag:%63[^\r]", out), 1);
	parley_free(sdp);
}

static void begin(scene *s)
{
	simnet_path path = {.delay_us = 20 * US_PER_MS};
	call_options options = {.messages = 10, .signaling_delay = 20 * US_PER_MS};
	call_init(&s->c, 1, &path, &options, NULL);
	call_start(&s->c);
	assert_true(call_run(&s->c, 10 * US_PER_S));
	call_run_for(&s->c, US_PER_S);
	for (int i = 0; i < 2; i++) {
		learn_ufrag(&s->c.ends[i], s->ufrag[i]);
		s->c.ends[i].ice_states = 0;
	}
}

/* The n-th kind of lie, to end `to`. */
static slice forge(const scene *s, unsigned n, unsigned to, uint8_t *bytes, size_t size)
{
	writer w = writer_of(bytes, size);
	stun_id id = {{0}};
	char name[160];
	memcpy(id.bytes, &n, sizeof n);
	unsigned kind = n % 8;
	stun_class class = kind == 6 ? STUN_SUCCESS : kind == 7 ? STUN_ERROR : STUN_REQUEST;
	stun_begin(&w, class, STUN_BINDING, &id);
	snprintf(name, sizeof name, "%s:%s", kind & 1 ? s->ufrag[to] : "evil", s->ufrag[1 - to]);
	if (kind < 5)
		stun_put_bytes(&w, STUN_ATTR_USERNAME, slice_from_string(name));
	if (kind < 4) {
		stun_put_u32(&w, STUN_ATTR_PRIORITY, UINT32_MAX);
		stun_put_u64(&w, kind & 2 ? STUN_ATTR_ICE_CONTROLLING : STUN_ATTR_ICE_CONTROLLED, UINT64_MAX);
		stun_put_flag(&w, STUN_ATTR_USE_CANDIDATE);
		stun_put_integrity(&w, slice_from_string("notthepasswordnotthepass"));
	}
	if (class == STUN_ERROR)
		stun_put_error(&w, STUN_FORBIDDEN, NULL);
	stun_put_fingerprint(&w); /* kind 5 is nothing but that */
	assert_false(w.bad);
	return writer_slice(&w);
}

static void inject(scene *s, unsigned n)
{
	uint8_t bytes[512];
	unsigned to = n / 8 & 1;
	simnet_node *node = s->c.ends[to].node;
	uint64_t now = s->c.net.now;
	parley_core_stats path;
	parley_core_get_stats(node->core, &path);
	assert_true(path.has_selected_pair);
	/* Every hundredth pretends to be the peer. */
	parley_addr from =
		n % 100 ? addr_ipv4(198, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n, (uint16_t)(n | 1))
			: path.remote;
	slice lie = forge(s, n, to, bytes, sizeof bytes);
	parley_core_receive(node->core, now, &path.local, &from, lie.data, lie.len);
	s->bytes_in += lie.len;
	for (parley_packet p; parley_core_poll_transmit(node->core, now, &p);) {
		assert_true(addr_equal(&p.remote, &from)); /* it causes nothing else */
		assert_true(p.len <= lie.len);
		s->bytes_out += p.len;
		s->answers++;
	}
	parley_core_check_invariants(node->core);
}

static void a_flood_changes_nothing(void **state)
{
	(void)state;
	scene s = {.answers = 0};
	begin(&s);
	parley_core_stats before[2], after;
	for (int i = 0; i < 2; i++)
		parley_core_get_stats(s.c.ends[i].node->core, &before[i]);
	size_t live = failmalloc_live(), most = 0;
	for (unsigned n = 0; n < FLOOD;) {
		call_send(&s.c, 3);
		for (unsigned k = 0; k < PER_ROUND; k++)
			inject(&s, n++);
		most = failmalloc_live() > most ? failmalloc_live() : most;
		call_run_for(&s.c, 100 * US_PER_MS);
	}
	call_run_for(&s.c, 5 * US_PER_S);
	print_message(
		"%u forged messages, %u answers, %llu bytes in, %llu out; allocations %zu before, %zu at most, %zu after\n",
		FLOOD, s.answers, (unsigned long long)s.bytes_in, (unsigned long long)s.bytes_out, live, most,
		failmalloc_live());
	assert_true(s.bytes_out <= s.bytes_in);
	assert_true(most < live + 100); /* messages of the call on their way */
	assert_true(failmalloc_live() <= live + 5);
	for (int i = 0; i < 2; i++) {
		parley_core_get_stats(s.c.ends[i].node->core, &after);
		assert_true(addr_equal(&after.local, &before[i].local));
		assert_true(addr_equal(&after.remote, &before[i].remote));
		assert_int_equal(s.c.ends[i].ice_states, 0);
		assert_int_equal(s.c.ends[i].received, s.c.options.messages);
		assert_false(s.c.ends[i].misordered);
		assert_int_equal(s.c.ends[i].connection_state, PARLEY_CONNECTION_CONNECTED);
	}
	call_clear(&s.c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_flood_changes_nothing)};
	return cmocka_run_group_tests_name("sim/flood", tests, NULL, NULL);
}
