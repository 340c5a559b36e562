/*
 * parley-hub: the room hub with its web page, on one port, over HTTP or HTTPS.
 *
 * Exit status: 0 stopped by SIGINT or SIGTERM; 1 it could not start; 2 wrong usage.
 */
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "apps/parley-hub/pages.h"
#include "base/addr.h"
#include "net/random.h"
#include "net/timer.h"
#include "signaling/net.h"

#define SIGNALR_SCRIPT "/node_modules/@microsoft/signalr/dist/browser/signalr.min.js"

static const char usage[] =
	"usage: parley-hub [options]\n"
	"\n"
	"Serves rooms to web pages and native peers (a SignalR hub at /connectionHub), and the room page itself.\n"
	"\n"
	"  --listen ADDR:PORT   where to listen; an IPv6 address in brackets; port 0: any free one (default 127.0.0.1:8080)\n"
	"  --tls-cert FILE      certificate chain, PEM: serve HTTPS. With it:\n"
	"  --tls-key FILE       its private key, PEM\n"
	"  --root DIR           folder of the page (default: apps/web/public of the source tree)\n"
	"  --allow-origin URL   a page from this origin (https://HOST[:PORT]) may use the hub too; needed for its own page\n"
	"                       behind a reverse proxy that does not pass the Host header on as it came\n"
	"  -v, --verbose        say who comes, goes, creates and joins; twice: every message\n"
	"  -h, --help\n";

typedef struct {
	const char *listen, *cert, *key, *root, *allow_origin;
	trace_level level;
} options;

typedef struct {
	uv_loop_t *loop;
	pages pages;
	net_tls *tls;
	hub *hub;
	hub_net *net;
	trace trace;
	uv_prepare_t tracer; /* once in every turn of the loop */
	uv_signal_t signals[2];
	bool stopping;
} program;

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "parley-hub: %s%s%s\n", what, why ? ": " : "", why ? why : "");
	return 1;
}

/* --- options --- */

/* Returns -1 to go on, else the exit status. */
static int parse_options(int argc, char **argv, options *o)
{
	enum { LISTEN = 256, CERT, KEY, ROOT, ORIGIN };
	static const struct option longs[] = {
		{"listen", required_argument, NULL, LISTEN},
		{"tls-cert", required_argument, NULL, CERT},
		{"tls-key", required_argument, NULL, KEY},
		{"root", required_argument, NULL, ROOT},
		{"allow-origin", required_argument, NULL, ORIGIN},
		{"verbose", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	*o = (options){.listen = "127.0.0.1:8080", .level = TRACE_OFF};
	for (int option; (option = getopt_long(argc, argv, "vh", longs, NULL)) != -1;) {
		switch (option) {
		case LISTEN:
			o->listen = optarg;
			break;
		case CERT:
			o->cert = optarg;
			break;
		case KEY:
			o->key = optarg;
			break;
		case ROOT:
			o->root = optarg;
			break;
		case ORIGIN:
			o->allow_origin = optarg;
			break;
		case 'v':
			o->level = o->level == TRACE_OFF ? TRACE_INFO : TRACE_DEBUG;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs("Try parley-hub --help.\n", stderr);
			return 2;
		}
	}
	if (optind < argc || !o->cert != !o->key) {
		fail(optind < argc ? "unexpected argument" : "--tls-cert and --tls-key belong together", argv[optind]);
		return 2;
	}
	return -1;
}

/* "ADDR:PORT" or "[ADDR6]:PORT" */
static bool parse_listen(const char *in, parley_addr *out)
{
	slice whole = slice_from_string(in);
	const char *colon = strrchr(in, ':');
	uint32_t port;
	if (!colon)
		return false;
	slice host = slice_part(whole, 0, (size_t)(colon - in));
	if (!scan_u32(slice_from_string(colon + 1), UINT16_MAX, &port))
		return false;
	if (host.len > 2 && host.data[0] == '[' && host.data[host.len - 1] == ']')
		host = slice_part(host, 1, host.len - 2);
	return addr_parse_ip(host, (uint16_t)port, out);
}

/* --- the page --- */

/* The source tree's apps/web, seen from the program in build/ or build/VARIANT/. False: not there. */
static bool find_web(char out[PATH_MAX])
{
	static const char *const steps[] = {"/../apps/web", "/../../apps/web"};
	char self[PATH_MAX], candidate[PATH_MAX + 32];
	ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
	if (len < 0)
		return false;
	self[len] = '\0';
	const char *folder = dirname(self);
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		snprintf(candidate, sizeof candidate, "%s%s", folder, steps[i]);
		if (realpath(candidate, out))
			return true;
	}
	return false;
}

static bool load_pages(program *p, const char *root, char why[256])
{
	char web[PATH_MAX], path[PATH_MAX + sizeof SIGNALR_SCRIPT];
	if (root)
		return pages_load(&p->pages, root, why);
	if (!find_web(web)) {
		fprintf(stderr, "parley-hub: no page found beside the program; serving the hub alone (see --root)\n");
		return true;
	}
	snprintf(path, sizeof path, "%s/public", web);
	if (!pages_load(&p->pages, path, why))
		return false;
	snprintf(path, sizeof path, "%s" SIGNALR_SCRIPT, web);
	if (access(path, R_OK))
		fprintf(stderr, "parley-hub: %s is missing: run npm ci in %s for the page to work\n", path, web);
	return pages_add(&p->pages, path, "/lib/signalr.min.js", why);
}

/* --- running --- */

static void print_trace(program *p)
{
	trace_line line;
	while (trace_poll(&p->trace, &line))
		fprintf(stderr, "%s\n", line.text);
}

static void on_turn(uv_prepare_t *handle)
{
	program *p = handle->data;
	print_trace(p);
}

static void on_stopped(void *me)
{
	program *p = me;
	for (size_t i = 0; i < 2; i++)
		uv_close((uv_handle_t *)&p->signals[i], NULL);
	uv_close((uv_handle_t *)&p->tracer, NULL);
	hub_net_free(p->net);
	p->net = NULL;
}

static void on_signal(uv_signal_t *handle, int number)
{
	program *p = handle->data;
	(void)number;
	if (p->stopping)
		return;
	p->stopping = true;
	hub_net_stop(p->net, on_stopped, p);
}

static void watch(program *p)
{
	static const int numbers[] = {SIGINT, SIGTERM};
	for (size_t i = 0; i < 2; i++) {
		uv_signal_init(p->loop, &p->signals[i]);
		p->signals[i].data = p;
		uv_signal_start(&p->signals[i], on_signal, numbers[i]);
	}
	uv_prepare_init(p->loop, &p->tracer);
	p->tracer.data = p;
	uv_prepare_start(&p->tracer, on_turn);
}

static int set_up(program *p, const options *o)
{
	char why[NET_WHY_MAX], at[ADDR_TEXT_MAX];
	parley_addr address;
	if (!parse_listen(o->listen, &address))
		return fail("--listen is not ADDRESS:PORT", o->listen);
	if (!load_pages(p, o->root, why))
		return fail("the page cannot be read", why);
	if (o->cert && net_tls_server_new(o->cert, o->key, &p->tls, why))
		return fail("TLS", why);
	hub_config config = {
		.files = p->pages.files,
		.file_count = p->pages.count,
		.allow_origin = o->allow_origin,
		.random = net_random(),
		.trace = &p->trace,
	};
	if (trace_init(&p->trace, o->level) || hub_new(&p->hub, &config))
		return fail("out of memory", NULL);
	if (hub_net_new(p->loop, p->hub, &address, p->tls, &p->net, why))
		return fail(why, NULL);
	address = hub_net_address(p->net);
	printf("listening on %s://%s/\n", p->tls ? "https" : "http", addr_print(&address, at));
	fflush(stdout);
	return 0;
}

int main(int argc, char **argv)
{
	options o;
	int status = parse_options(argc, argv, &o);
	if (status >= 0)
		return status;
	signal(SIGPIPE, SIG_IGN);
	program p = {.loop = uv_default_loop()};
	status = set_up(&p, &o);
	if (status == 0)
		watch(&p);
	uv_run(p.loop, UV_RUN_DEFAULT); /* after a failure: lets what was begun end */
	print_trace(&p);
	hub_net_free(p.net);
	hub_free(p.hub);
	net_tls_free(p.tls);
	trace_clear(&p.trace);
	pages_clear(&p.pages);
	uv_loop_close(p.loop);
	return status;
}
