/*
 * tests/support/linkem/linkem.c: a link emulator between two network namespaces, for kernels without netem.
 *
 *     linkem NS_A NS_B [KEY VALUE]...        linkem a b delay 20 rate 4000 queue 300 loss 3 seed 7
 *
 * Makes a TUN device "em0" in each namespace (the caller gives them addresses and sets them up) and carries IP packets between them.
 * Prints "ready" once both exist, then reads further "KEY VALUE" lines, each taking effect at once, so that a test can change the
 * link while traffic flows. Ends at the end of stdin, at SIGINT or SIGTERM, and prints what it carried. Needs root.
 *
 *     delay MS      one way, of each direction      rate KBIT   of the link; 0: unlimited
 *     jitter MS     further delay, evenly random;   queue MS    what waits longer for the rate is dropped
 *                   the order is kept               seed N      of the random numbers
 *     loss PERCENT  of the packets, at random       dir ab|ba|both  which direction the keys after it set
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define PACKET_MAX 65536u
#define BATCH_MAX 256	  /* packets taken from one side before the other has its turn */
#define WIRE_OVERHEAD 14u /* bytes of Ethernet that a packet would have on a real link */
#define TICK_NS 100000	  /* how exact the delay is */
#define IDLE_MS 200
#define QUEUE_DEFAULT_MS 500.0
#define NS_PER_MS 1e6

typedef struct packet {
	struct packet *next;
	uint64_t due; /* ns; when it comes out */
	size_t len;
	uint8_t bytes[];
} packet;

typedef struct {
	const char *name;
	int in, out;
	double delay_ms, jitter_ms, loss_percent, rate_kbit, queue_ms;
	packet *first, **end;
	uint64_t link_free; /* ns; when the rate lets the next packet begin */
	uint64_t last_due;
	uint64_t carried, lost, overflowed, refused;
} direction;

typedef struct {
	direction directions[2]; /* a to b, b to a */
	bool chosen[2];		 /* which of them a key sets */
	uint64_t random;
	char line[256]; /* of stdin, so far */
	size_t line_len;
} link_emulator;

static volatile sig_atomic_t stopping;

static void on_signal(int number)
{
	(void)number;
	stopping = 1;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* xorshift64*, in [0, 1) */
static double random_unit(link_emulator *l)
{
	l->random ^= l->random >> 12;
	l->random ^= l->random << 25;
	l->random ^= l->random >> 27;
	return (double)((l->random * 0x2545F4914F6CDD1Du) >> 11) / 9007199254740992.0;
}

static void enter_namespace(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) != 0)
		fail(path);
	close(fd);
}

/* Leaves the process in the namespace. */
static int open_tun(const char *namespace)
{
	char path[256];
	snprintf(path, sizeof path, "/var/run/netns/%s", namespace);
	enter_namespace(path);
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	struct ifreq request = {.ifr_name = "em0", .ifr_flags = IFF_TUN | IFF_NO_PI};
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) != 0)
		fail("/dev/net/tun");
	return fd;
}

/* --- packets --- */

/* When a packet that comes now has left the link's sending end; false: the queue is full. */
static bool pass_rate(direction *d, size_t len, uint64_t now, uint64_t *departs)
{
	*departs = now;
	if (d->rate_kbit <= 0)
		return true;
	if (d->link_free > now && (double)(d->link_free - now) > d->queue_ms * NS_PER_MS)
		return false;
	uint64_t begins = d->link_free > now ? d->link_free : now;
	*departs = d->link_free = begins + (uint64_t)((double)(len + WIRE_OVERHEAD) * 8.0 * NS_PER_MS / d->rate_kbit);
	return true;
}

static void append(direction *d, const uint8_t *bytes, size_t len, uint64_t due)
{
	packet *p = malloc(sizeof *p + len);
	if (!p)
		fail("malloc");
	p->next = NULL;
	p->due = d->last_due = due > d->last_due ? due : d->last_due;
	p->len = len;
	memcpy(p->bytes, bytes, len);
	*d->end = p;
	d->end = &p->next;
}

static void accept_packet(link_emulator *l, direction *d, const uint8_t *bytes, size_t len, uint64_t now)
{
	uint64_t departs;
	if (random_unit(l) * 100 < d->loss_percent)
		d->lost++;
	else if (!pass_rate(d, len, now, &departs))
		d->overflowed++;
	else
		append(d, bytes, len, departs + (uint64_t)((d->delay_ms + d->jitter_ms * random_unit(l)) * NS_PER_MS));
}

static bool take_in(link_emulator *l, direction *d)
{
	static uint8_t bytes[PACKET_MAX];
	int taken = 0;
	for (ssize_t n; taken < BATCH_MAX && (n = read(d->in, bytes, sizeof bytes)) > 0; taken++)
		accept_packet(l, d, bytes, (size_t)n, now_ns());
	return taken > 0;
}

static void let_out(direction *d, uint64_t now)
{
	while (d->first && d->first->due <= now) {
		packet *p = d->first;
		d->first = p->next;
		if (!d->first)
			d->end = &d->first;
		if (write(d->out, p->bytes, p->len) < 0)
			d->refused++;
		else
			d->carried++;
		free(p);
	}
}

/* --- settings --- */

static bool set_number(direction *d, const char *key, double value)
{
	struct {
		const char *key;
		double *value;
	} const keys[] = {{"delay", &d->delay_ms},
			  {"jitter", &d->jitter_ms},
			  {"loss", &d->loss_percent},
			  {"rate", &d->rate_kbit},
			  {"queue", &d->queue_ms}};
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		if (strcmp(keys[i].key, key) == 0) {
			*keys[i].value = value;
			return true;
		}
	}
	return false;
}

static bool set(link_emulator *l, const char *key, const char *value)
{
	if (strcmp(key, "dir") == 0) {
		l->chosen[0] = strcmp(value, "ba") != 0;
		l->chosen[1] = strcmp(value, "ab") != 0;
		return true;
	}
	if (strcmp(key, "seed") == 0) {
		l->random = strtoull(value, NULL, 10) * 0x9E3779B97F4A7C15u + 1;
		return true;
	}
	char *end;
	double number = strtod(value, &end);
	bool known = end != value && *end == '\0';
	for (int i = 0; i < 2 && known; i++)
		known = !l->chosen[i] || set_number(&l->directions[i], key, number);
	return known;
}

static void set_by_line(link_emulator *l, const char *line)
{
	char key[32], value[32];
	if (sscanf(line, "%31s %31s", key, value) != 2 || !set(l, key, value))
		fprintf(stderr, "linkem: what is \"%s\"?\n", line);
}

/* False: stdin has ended. */
static bool read_settings(link_emulator *l)
{
	ssize_t n = read(STDIN_FILENO, l->line + l->line_len, sizeof l->line - 1 - l->line_len);
	if (n <= 0)
		return n < 0 && errno == EAGAIN;
	l->line_len += (size_t)n;
	l->line[l->line_len] = '\0';
	for (char *end; (end = strchr(l->line, '\n'));) {
		*end = '\0';
		set_by_line(l, l->line);
		l->line_len -= (size_t)(end + 1 - l->line);
		memmove(l->line, end + 1, l->line_len + 1);
	}
	if (l->line_len == sizeof l->line - 1)
		l->line_len = 0; /* no setting is that long */
	return true;
}

/* --- the program --- */

static void run(link_emulator *l)
{
	direction *d = l->directions;
	while (!stopping) {
		bool busy = take_in(l, &d[0]);
		busy |= take_in(l, &d[1]);
		let_out(&d[0], now_ns());
		let_out(&d[1], now_ns());
		struct pollfd fds[] = {{STDIN_FILENO, POLLIN, 0}, {d[0].in, POLLIN, 0}, {d[1].in, POLLIN, 0}};
		if (busy || d[0].first || d[1].first) {
			nanosleep(&(struct timespec){.tv_nsec = TICK_NS}, NULL);
			poll(fds, 1, 0);
		} else {
			poll(fds, 3, IDLE_MS);
		}
		if (fds[0].revents && !read_settings(l))
			return;
	}
}

/* So that the delay is what was asked for on a busy machine too; without the right to it, it is less exact. */
static void be_punctual(void)
{
	sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 10});
	prctl(PR_SET_TIMERSLACK, 1);
}

int main(int argc, char **argv)
{
	static link_emulator l = {.directions = {{.name = "a to b", .queue_ms = QUEUE_DEFAULT_MS},
						 {.name = "b to a", .queue_ms = QUEUE_DEFAULT_MS}},
				  .chosen = {true, true},
				  .random = 1};
	bool known = argc >= 3 && argc % 2 == 1;
	for (int i = 3; known && i < argc; i += 2)
		known = set(&l, argv[i], argv[i + 1]);
	if (!known) {
		fputs("usage: linkem NS_A NS_B [KEY VALUE]...   (see the head of linkem.c)\n", stderr);
		return 2;
	}
	l.chosen[0] = l.chosen[1] = true;
	direction *d = l.directions;
	d[0].in = d[1].out = open_tun(argv[1]);
	d[1].in = d[0].out = open_tun(argv[2]);
	d[0].end = &d[0].first;
	d[1].end = &d[1].first;
	be_punctual();
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
	puts("ready");
	fflush(stdout);
	run(&l);
	for (int i = 0; i < 2; i++)
		printf("%s: carried %ju, lost %ju, overflowed %ju, refused %ju\n", d[i].name, (uintmax_t)d[i].carried,
		       (uintmax_t)d[i].lost, (uintmax_t)d[i].overflowed, (uintmax_t)d[i].refused);
	return 0;
}
