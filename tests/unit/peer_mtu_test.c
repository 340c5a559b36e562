/* peer/negotiate.c: how large the datagrams may become that path MTU discovery tries */
#include "tests/support/test.h"

#include <string.h>

#include "base/rng.h"
#include "peer/internal.h"
#include "sctp/internal.h"

#define NOW UINT64_C(1000000)

typedef struct {
	rng_seeded rng;
	parley_core *core;
} fixture;

static void make_core(fixture *f, uint64_t seed)
{
	parley_core_config config;
	parley_core_config_default(&config);
	rng_seeded_init(&f->rng, seed);
	config.random = rng_seeded_source(&f->rng);
	config.unix_time_s = 1700000000;
	assert_int_equal(parley_core_new(&config, NOW, &f->core), 0);
}

/* The offer without the line, as others make it. */
static void forget_max_datagram(char *sdp)
{
	char *line = strstr(sdp, "a=x-parley-max-datagram:");
	assert_non_null(line);
	char *end = strstr(line, "\r\n") + 2;
	memmove(line, end, strlen(end) + 1);
}

/* Chromium ends a connection on which a DTLS datagram of more than 2048 bytes comes. */
static void larger_datagrams_only_where_the_peer_takes_them(void **state)
{
	(void)state;
	for (int says = 0; says < 2; says++) {
		fixture a, b;
		char *sdp;
		parley_channel channel;
		make_core(&a, 1);
		make_core(&b, 2);
		assert_int_equal(parley_core_create_data_channel(a.core, NOW, "x", NULL, &channel), 0);
		assert_int_equal(parley_core_create_offer(a.core, &sdp), 0);
		if (!says)
			forget_max_datagram(sdp);
		assert_int_equal(parley_core_set_remote_description(b.core, NOW, PARLEY_SDP_OFFER, sdp), 0);
		parley_free(sdp);
		assert_int_equal(parley_core_set_local_description(b.core, NOW, PARLEY_SDP_ANSWER, NULL), 0);
		size_t most = says ? PARLEY_MTU_MAX : 1472;
		assert_int_equal(b.core->sctp->pmtu.max, (most - DTLS_RECORD_OVERHEAD) & ~(size_t)3);
		parley_core_free(a.core);
		parley_core_free(b.core);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(larger_datagrams_only_where_the_peer_takes_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
