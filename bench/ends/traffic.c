#include "bench/ends/traffic.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "base/bytes.h"

#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_US UINT64_C(1000)
#define US_PER_MS 1000u
#define LATENCIES_MAX (1u << 20)
#define PERCENT 100u
#define LATENCY_PERCENTILE 99u

uint64_t traffic_now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

void traffic_die_with_parent(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

void traffic_say(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	fflush(stdout);
}

void traffic_fail(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	exit(1);
}

/* --- options --- */

static uint64_t number(const char *text)
{
	char *end;
	uint64_t value = strtoull(text, &end, 10);
	if (end == text || *end)
		traffic_fail(text, "is not a number");
	return value;
}

static void read_option(traffic_options *o, const char *key, const char *value)
{
	if (strcmp(key, "size") == 0)
		o->size[TRAFFIC_BULK] = number(value);
	else if (strcmp(key, "paced") == 0)
		o->size[TRAFFIC_PACED] = number(value);
	else if (strcmp(key, "interval") == 0)
		o->interval_us = number(value);
	else if (strcmp(key, "skip") == 0)
		o->skip_us = number(value) * US_PER_MS;
	else if (strcmp(key, "count") == 0)
		o->count_us = number(value) * US_PER_MS;
	else if (strcmp(key, "address") == 0)
		o->address = value;
	else if (strcmp(key, "transport") == 0)
		o->transport = value;
	else if (strcmp(key, "congestion") == 0)
		o->congestion = value;
	else if (strcmp(key, "mtu_max") == 0)
		o->mtu_max = number(value);
	else if (strcmp(key, "paced_first") == 0)
		o->first = number(value) != 0;
	else
		traffic_fail(key, "is no option");
}

traffic_options traffic_read_options(int argc, char **argv)
{
	traffic_options o = {.size = {65536, 0},
			     .interval_us = 10000,
			     .skip_us = 300 * US_PER_MS,
			     .count_us = 2000 * US_PER_MS,
			     .address = "127.0.0.1",
			     .transport = "tls",
			     .congestion = "cubic"};
	if (argc < 2 || (strcmp(argv[1], "send") != 0 && strcmp(argv[1], "receive") != 0))
		traffic_fail("usage", "NAME_end send|receive [KEY=VALUE]...   (see bench/ends/traffic.h)");
	o.is_sender = strcmp(argv[1], "send") == 0;
	for (int i = 2; i < argc; i++) {
		char *value = strchr(argv[i], '=');
		if (!value)
			traffic_fail(argv[i], "has no value");
		*value = '\0';
		read_option(&o, argv[i], value + 1);
	}
	for (int i = 0; i < TRAFFIC_STREAMS; i++)
		if (o.size[i] && (o.size[i] < TRAFFIC_HEADER || o.size[i] > TRAFFIC_MESSAGE_MAX))
			traffic_fail("size", "16 to 262144, or 0");
	return o;
}

/* --- sending --- */

void traffic_source_init(traffic_source *s, const traffic_options *options, traffic_stream stream)
{
	memset(s, 0, sizeof *s);
	s->size = options->size[stream];
	s->interval_ns = stream == TRAFFIC_PACED ? options->interval_us * NS_PER_US : 0;
	s->due_ns = traffic_now_ns();
	memset(s->bytes, 'x', sizeof s->bytes);
}

void traffic_source_fill(traffic_source *s)
{
	writer w = writer_of(s->bytes, TRAFFIC_HEADER);
	write_u64(&w, s->next);
	write_u64(&w, s->due_ns);
}

void traffic_source_advance(traffic_source *s)
{
	s->next++;
	s->due_ns += s->interval_ns;
}

/* --- receiving --- */

void traffic_meter_init(traffic_meter *m, const traffic_options *options, bool may_lose)
{
	memset(m, 0, sizeof *m);
	m->options = options;
	for (int i = 0; i < TRAFFIC_STREAMS; i++)
		m->streams[i].may_lose = may_lose;
	m->streams[TRAFFIC_PACED].latencies_us = calloc(LATENCIES_MAX, sizeof(uint32_t));
	if (!m->streams[TRAFFIC_PACED].latencies_us)
		traffic_fail("meter", "out of memory");
}

static void check_number(traffic_count *c, uint64_t n)
{
	if (n == c->expected || (c->may_lose && n > c->expected)) {
		c->gaps += n - c->expected;
		c->expected = n + 1;
	} else {
		c->wrong++;
	}
}

static void note_latency(traffic_count *c, uint64_t due_ns)
{
	if (!c->latencies_us || c->latency_count == LATENCIES_MAX)
		return;
	uint64_t us = (traffic_now_ns() - due_ns) / NS_PER_US;
	c->latencies_us[c->latency_count++] = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

void traffic_meter_take(traffic_meter *m, traffic_stream stream, const uint8_t *data, size_t len)
{
	traffic_count *c = &m->streams[stream];
	reader r = reader_of(slice_of(data, len));
	uint64_t n = read_u64(&r);
	uint64_t due_ns = read_u64(&r);
	if (m->phase == TRAFFIC_WAITING) {
		m->phase = TRAFFIC_SKIPPING;
		m->began_ns = traffic_now_ns();
	}
	if (r.bad || len != m->options->size[stream])
		c->wrong++;
	else
		check_number(c, n);
	if (m->phase != TRAFFIC_COUNTING)
		return;
	c->messages++;
	c->bytes += len;
	note_latency(c, due_ns);
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

static uint32_t percentile(const traffic_count *c, size_t percent)
{
	return c->latency_count ? c->latencies_us[(c->latency_count - 1) * percent / PERCENT] : 0;
}

static void say_result(const traffic_meter *m, uint64_t now)
{
	const traffic_count *bulk = &m->streams[TRAFFIC_BULK], *paced = &m->streams[TRAFFIC_PACED];
	qsort(paced->latencies_us, paced->latency_count, sizeof *paced->latencies_us, compare);
	traffic_say("result {\"seconds\":%.6f,\"bytes\":%ju,\"messages\":%ju,\"wrong\":%ju,"
		    "\"paced\":%ju,\"gaps\":%ju,\"p50_us\":%u,\"p99_us\":%u,\"max_us\":%u}",
		    (double)(now - m->began_ns) / (double)NS_PER_S, (uintmax_t)bulk->bytes, (uintmax_t)bulk->messages,
		    (uintmax_t)(bulk->wrong + paced->wrong), (uintmax_t)paced->messages,
		    (uintmax_t)(bulk->gaps + paced->gaps), percentile(paced, PERCENT / 2),
		    percentile(paced, LATENCY_PERCENTILE), percentile(paced, PERCENT));
}

void traffic_meter_tick(traffic_meter *m)
{
	uint64_t now = traffic_now_ns();
	uint64_t passed_us = (now - m->began_ns) / NS_PER_US;
	if (m->phase == TRAFFIC_SKIPPING && passed_us >= m->options->skip_us) {
		traffic_say("begin");
		m->phase = TRAFFIC_COUNTING;
		m->began_ns = now;
	} else if (m->phase == TRAFFIC_COUNTING && passed_us >= m->options->count_us) {
		m->phase = TRAFFIC_OVER;
		say_result(m, now);
	}
}
