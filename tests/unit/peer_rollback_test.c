/* Rollback of offers that restart ICE (RFC 8829 4.1.10.2, W3C webrtc-pc 4.4.1.5): which credentials the next description has. */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/rng.h"
#include "parley/core.h"

#define NOW UINT64_C(1000000)

typedef struct {
	parley_core *core;
	rng_seeded rng;
	unsigned needed; /* NEGOTIATION_NEEDED events */
} end;

static end a, b;

static void drain(end *e)
{
	parley_packet p;
	while (parley_core_poll_transmit(e->core, NOW, &p))
		;
	for (parley_event event; parley_core_poll_event(e->core, &event);)
		e->needed += event.type == PARLEY_EVENT_NEGOTIATION_NEEDED;
	parley_core_check_invariants(e->core);
}

static void make(end *e, uint8_t n)
{
	parley_core_config config;
	parley_addr home = addr_ipv4(192, 0, 2, n, 5000);
	memset(e, 0, sizeof *e);
	rng_seeded_init(&e->rng, n);
	parley_core_config_default(&config);
	config.random = rng_seeded_source(&e->rng);
	config.unix_time_s = 1700000000;
	assert_int_equal(parley_core_new(&config, NOW, &e->core), 0);
	assert_int_equal(parley_core_add_local_address(e->core, NOW, &home), 0);
	assert_int_equal(parley_core_local_addresses_done(e->core, NOW), 0);
	drain(e);
}

static void local(end *e, parley_sdp_type type)
{
	int err = parley_core_set_local_description(e->core, NOW, type, NULL);
	if (err)
		fail_msg("%s", parley_core_last_error(e->core));
	drain(e);
}

/* What `from` has described goes to `to`. */
static void tell(end *from, end *to)
{
	parley_sdp_type type;
	char *sdp;
	assert_int_equal(parley_core_local_description(from->core, &type, &sdp), 0);
	int err = parley_core_set_remote_description(to->core, NOW, type, sdp);
	if (err)
		fail_msg("%s", parley_core_last_error(to->core));
	parley_free(sdp);
	drain(to);
}

static void roll_back_remote(end *e)
{
	assert_int_equal(parley_core_set_remote_description(e->core, NOW, PARLEY_SDP_ROLLBACK, NULL), 0);
	drain(e);
}

static void restart(end *e)
{
	assert_int_equal(parley_core_restart_ice(e->core), 0);
	drain(e);
}

typedef struct {
	char text[64];
} name;

static name ufrag(const end *e)
{
	name n = {""};
	parley_sdp_type type;
	char *sdp;
	assert_int_equal(parley_core_local_description(e->core, &type, &sdp), 0);
	const char *at = strstr(sdp, "a=ice-ufrag:");
	assert_non_null(at);
	assert_int_equal(sscanf(at, "a=ice-ufrag:%63[^\r]", n.text), 1);
	/* Every candidate is of the same generation. */
	for (const char *c = sdp; (c = strstr(c, " ufrag ")); c++)
		assert_memory_equal(c + 7, n.text, strlen(n.text));
	parley_free(sdp);
	return n;
}

static void same(name x, name y)
{
	assert_string_equal(x.text, y.text);
}

static void other(name x, name y)
{
	assert_string_not_equal(x.text, y.text);
}

static void connect(void)
{
	parley_channel channel;
	make(&a, 1);
	make(&b, 2);
	assert_int_equal(parley_core_create_data_channel(a.core, NOW, "x", NULL, &channel), 0);
	local(&a, PARLEY_SDP_OFFER);
	tell(&a, &b);
	local(&b, PARLEY_SDP_ANSWER);
	tell(&b, &a);
	a.needed = b.needed = 0;
}

static void finish(void)
{
	parley_core_free(a.core);
	parley_core_free(b.core);
}

/* The wish for a restart outlives the rollback: it is asked for again, and the next offer has it. */
static void a_restart_that_is_rolled_back_is_still_wanted(void **state)
{
	(void)state;
	connect();
	name first = ufrag(&a);
	restart(&a);
	assert_int_equal(a.needed, 1);
	local(&a, PARLEY_SDP_OFFER);
	name second = ufrag(&a);
	other(first, second);
	local(&a, PARLEY_SDP_ROLLBACK);
	same(ufrag(&a), first);
	assert_int_equal(a.needed, 2);
	local(&a, PARLEY_SDP_OFFER);
	other(ufrag(&a), first);
	other(ufrag(&a), second);
	name third = ufrag(&a), theirs = ufrag(&b);
	tell(&a, &b);
	local(&b, PARLEY_SDP_ANSWER);
	other(ufrag(&b), theirs);
	tell(&b, &a);
	same(ufrag(&a), third);
	assert_int_equal(a.needed, 2); /* it has been done */
	local(&a, PARLEY_SDP_OFFER);
	same(ufrag(&a), third);
	finish();
}

static void an_answer_to_an_ordinary_offer_has_the_old_credentials(void **state)
{
	(void)state;
	connect();
	name mine = ufrag(&a), theirs = ufrag(&b);
	for (int set = 0; set < 2; set++) {
		restart(&a);
		if (set) {
			local(&a, PARLEY_SDP_OFFER);
		} else { /* created, but never set */
			char *sdp;
			assert_int_equal(parley_core_create_offer(a.core, &sdp), 0);
			parley_free(sdp);
		}
		unsigned needed = a.needed;
		local(&b, PARLEY_SDP_OFFER); /* of something else */
		same(ufrag(&b), theirs);
		tell(&b, &a); /* rolls back what there is */
		local(&a, PARLEY_SDP_ANSWER);
		same(ufrag(&a), mine);
		tell(&a, &b);
		assert_int_equal(a.needed, needed + 1); /* its turn has come */
	}
	finish();
}

static void crossing_restarts_end_in_one(void **state)
{
	(void)state;
	connect();
	name mine = ufrag(&a), theirs = ufrag(&b);
	restart(&a);
	restart(&b);
	local(&a, PARLEY_SDP_OFFER);
	local(&b, PARLEY_SDP_OFFER);
	name offered = ufrag(&b);
	other(offered, theirs);
	tell(&b, &a); /* a is polite */
	local(&a, PARLEY_SDP_ANSWER);
	other(ufrag(&a), mine);
	tell(&a, &b);
	same(ufrag(&b), offered);
	unsigned needed = a.needed;
	drain(&a);
	assert_int_equal(a.needed, needed); /* the answer did what was wanted */
	local(&a, PARLEY_SDP_OFFER);
	tell(&a, &b); /* nobody restarts again */
	local(&b, PARLEY_SDP_ANSWER);
	same(ufrag(&b), offered);
	finish();
}

static void a_restart_of_the_peer_is_rolled_back(void **state)
{
	(void)state;
	connect();
	name theirs = ufrag(&b), mine = ufrag(&a);
	restart(&a);
	local(&a, PARLEY_SDP_OFFER);
	tell(&a, &b);
	roll_back_remote(&b);
	same(ufrag(&b), theirs);
	local(&a, PARLEY_SDP_ROLLBACK);
	same(ufrag(&a), mine);
	local(&b, PARLEY_SDP_OFFER);
	same(ufrag(&b), theirs);
	tell(&b, &a);
	local(&a, PARLEY_SDP_ANSWER);
	same(ufrag(&a), mine);
	tell(&a, &b);
	finish();
}

/* Asked for once more while one is under way: that one is not enough. */
static void a_second_restart_has_its_turn(void **state)
{
	(void)state;
	connect();
	restart(&a);
	local(&a, PARLEY_SDP_OFFER);
	name second = ufrag(&a);
	restart(&a);
	tell(&a, &b);
	local(&b, PARLEY_SDP_ANSWER);
	tell(&b, &a);
	same(ufrag(&a), second);
	assert_int_equal(a.needed, 2);
	local(&a, PARLEY_SDP_OFFER);
	other(ufrag(&a), second);
	finish();
}

/* A broken offer is refused as a whole: our own stays in force. */
static void a_broken_offer_rolls_nothing_back(void **state)
{
	(void)state;
	connect();
	restart(&a);
	local(&a, PARLEY_SDP_OFFER);
	name offered = ufrag(&a);
	parley_sdp_type type;
	char *sdp;
	local(&b, PARLEY_SDP_OFFER);
	assert_int_equal(parley_core_local_description(b.core, &type, &sdp), 0);
	char *at = strstr(sdp, " typ host");
	assert_non_null(at);
	at[1] = 'x';
	assert_int_equal(parley_core_set_remote_description(a.core, NOW, PARLEY_SDP_OFFER, sdp), PARLEY_EINVAL);
	parley_free(sdp);
	drain(&a);
	assert_int_equal(parley_core_signaling_state(a.core), PARLEY_SIGNALING_HAVE_LOCAL_OFFER);
	same(ufrag(&a), offered);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_restart_that_is_rolled_back_is_still_wanted),
		cmocka_unit_test(an_answer_to_an_ordinary_offer_has_the_old_credentials),
		cmocka_unit_test(crossing_restarts_end_in_one),
		cmocka_unit_test(a_restart_of_the_peer_is_rolled_back),
		cmocka_unit_test(a_second_restart_has_its_turn),
		cmocka_unit_test(a_broken_offer_rolls_nothing_back),
	};
	return cmocka_run_group_tests_name("peer/rollback", tests, NULL, NULL);
}
