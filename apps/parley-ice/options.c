#include "apps/parley-ice/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define EXIT_USAGE 2
#define COUNT_MAX 1000000u
#define INTERVAL_MIN_MS 10u
#define INTERVAL_MAX_MS 3600000u
#define PING_COUNT 5u
#define PING_INTERVAL_MS 1000u
#define PAIR_COUNT 10u
#define PAIR_INTERVAL_MS 100u

static const char usage[] =
	"usage: parley-ice gather | ping URL | pair [LINE]  [options]\n"
	"\n"
	"Looks at the network as ICE sees it.\n"
	"\n"
	"  gather              which candidates this machine has: from which server, after how long; and what the NATs on the\n"
	"                      way do, where a server can tell (RFC 5780)\n"
	"  ping URL            round trips to a STUN or TURN server (as for --ice-server), and where it sees us\n"
	"  pair                finds a path to another parley-ice: give the line that it prints to the other side, enter the\n"
	"                      line that comes back. Shows the check list meanwhile, then measures round trips\n"
	"  pair LINE           the other side: takes the first side's line and prints the one to give back; \"-\": from stdin\n"
	"\n" ICE_OPTIONS_USAGE "  --ca FILE           trust these certificates (PEM) for turns:\n"
	"  --insecure          trust any certificate\n"
	"  --bind ADDRESS      only this address of the machine\n"
	"  --count N           round trips to measure, default 5 for ping, 10 for pair; 0: until Ctrl-C\n"
	"  --interval MS       from one to the next, default 1000 for ping, 100 for pair\n"
	"  --trickle           pair: print the line at once, and each candidate as a further line; for scripts\n"
	"  --json              print events as JSON lines\n"
	"  -v, --verbose       print what the protocol layers say\n"
	"\n"
	"Exit status: 0 there are candidates, answers, a path; 1 there are none; 2 the command line is wrong.\n";

enum { OPT_CA = 256, OPT_INSECURE, OPT_BIND, OPT_COUNT, OPT_INTERVAL, OPT_TRICKLE, OPT_JSON };

static const struct option long_options[] = {
	ICE_OPTIONS,
	{"ca", required_argument, NULL, OPT_CA},
	{"insecure", no_argument, NULL, OPT_INSECURE},
	{"bind", required_argument, NULL, OPT_BIND},
	{"count", required_argument, NULL, OPT_COUNT},
	{"interval", required_argument, NULL, OPT_INTERVAL},
	{"trickle", no_argument, NULL, OPT_TRICKLE},
	{"json", no_argument, NULL, OPT_JSON},
	{"verbose", no_argument, NULL, 'v'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

/* What the command line says; for the rest each command has its own choice. */
typedef struct {
	bool has_count, has_interval;
} given;

static bool take_option(int c, tool_options *o, given *g)
{
	switch (c) {
	case OPT_CA:
		o->ca_file = optarg;
		return true;
	case OPT_INSECURE:
		o->insecure = true;
		return true;
	case OPT_BIND:
		o->bind_address = optarg;
		return true;
	case OPT_COUNT:
		g->has_count = true;
		return scan_u32(slice_from_string(optarg), COUNT_MAX, &o->count);
	case OPT_INTERVAL:
		g->has_interval = true;
		return scan_u32(slice_from_string(optarg), INTERVAL_MAX_MS, &o->interval_ms) &&
		       o->interval_ms >= INTERVAL_MIN_MS;
	case OPT_TRICKLE:
		o->trickle = true;
		return true;
	case OPT_JSON:
		o->json = true;
		return true;
	case 'v':
		o->verbose = true;
		return true;
	default:
		return ice_options_take(&o->ice, c, optarg);
	}
}

static bool take_command(int argc, char **argv, tool_options *o)
{
	static const struct {
		const char *word;
		int arguments_min, arguments_max;
	} commands[] = {
		[COMMAND_GATHER] = {"gather", 0, 0},
		[COMMAND_PING] = {"ping", 1, 1},
		[COMMAND_PAIR] = {"pair", 0, 1},
	};
	const char *word = optind < argc ? argv[optind] : "";
	int rest = argc - optind - 1;
	o->argument = rest > 0 ? argv[optind + 1] : NULL;
	for (ice_command c = COMMAND_GATHER; c <= COMMAND_PAIR; c++)
		if (strcmp(word, commands[c].word) == 0) {
			o->command = c;
			return rest >= commands[c].arguments_min && rest <= commands[c].arguments_max;
		}
	return false;
}

static void take_defaults(tool_options *o, const given *g)
{
	bool ping = o->command == COMMAND_PING;
	if (!g->has_count)
		o->count = ping ? PING_COUNT : PAIR_COUNT;
	if (!g->has_interval)
		o->interval_ms = ping ? PING_INTERVAL_MS : PAIR_INTERVAL_MS;
}

bool options_parse(int argc, char **argv, tool_options *out, int *exit_status)
{
	given g = {0};
	*out = (tool_options){0};
	*exit_status = EXIT_USAGE;
	for (int c; (c = getopt_long(argc, argv, "vh", long_options, NULL)) != -1;) {
		if (c == 'h') {
			fputs(usage, stdout);
			*exit_status = 0;
			return false;
		}
		if (!take_option(c, out, &g)) {
			if (c != '?')
				fprintf(stderr, "parley-ice: not possible or too many: %s\n", optarg);
			fputs("Try parley-ice --help.\n", stderr);
			return false;
		}
	}
	if (!take_command(argc, argv, out)) {
		fputs(usage, stderr);
		return false;
	}
	take_defaults(out, &g);
	char why[ICE_WHY_MAX];
	bool fits = ice_options_finish(&out->ice, why);
	if (!fits)
		fprintf(stderr, "parley-ice: %s\n", why);
	return fits;
}
