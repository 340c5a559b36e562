#include "apps/parley-room/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define HUB_DEFAULT "http://127.0.0.1:8080"
#define HUB_PATH "/connectionHub"
#define EXIT_USAGE 2
#define WIDTH_DEFAULT 640
#define HEIGHT_DEFAULT 360
#define FPS_DEFAULT 30
#define FPS_MAX 120
#define SIZE_MIN 128 /* pixels: the strip of the test picture has 32 blocks */
#define SIZE_MAX_PX 4096

static const char usage[] =
	"usage: parley-room list | create NAME | join ID  [options]\n"
	"\n"
	"Meets one other peer, a browser or a native one, in a room of a SignalR hub and talks with it over a data channel.\n"
	"Lines on stdin are sent; \"/file PATH\" sends a file, \"/quit\" leaves.\n"
	"\n"
	"  --hub URL           the hub, default " HUB_DEFAULT HUB_PATH "\n"
	"  --ca FILE           trust these certificates (PEM) for https and turns\n"
	"  --insecure          trust any certificate\n" ICE_OPTIONS_USAGE
	"  --echo              answer each message with itself, on further channels of the peer too\n"
	"  --send-file FILE    send this file; when stdin has ended too, leave once it is received\n"
	"  --receive-dir DIR   take files and put them here\n"
	"  --send WHAT         send audio and video: a file, \"test\" for a moving picture with a clock and a tone, \"camera\"\n"
	"  --once              send the file once, not again and again\n"
	"  --size WxH --fps N  of the test picture, default 640x360 and 30\n"
	"  --codec NAME        prefer this for video: vp8, vp9, h264 or av1\n"
	"  --record FILE       record what arrives, as it arrives: .webm, .mkv or .mp4\n"
	"  --show              show what arrives in a window, with sound\n"
	"  --rtp-in URL        send the RTP packets that come to udp://ADDRESS:PORT?codec=NAME; once for video, once for audio\n"
	"  --rtp-out URL       pass the RTP packets that arrive on: video to udp://ADDRESS:PORT, audio to PORT + 2\n"
	"  --snap              tell SCTP's INIT in descriptions, so that channels open sooner with a peer that does so too\n"
	"  --json              print events as JSON lines\n"
	"  --key-log FILE      append the DTLS secrets, for Wireshark\n"
	"  -v, --verbose       print what the protocol layers say\n"
	"\n"
	"Exit status: 0 the call (or the list) was good to its end, 1 it was not, 2 the command line is wrong.\n";

enum {
	OPT_HUB = 256,
	OPT_CA,
	OPT_INSECURE,
	OPT_ECHO,
	OPT_SEND_FILE,
	OPT_RECEIVE,
	OPT_JSON,
	OPT_KEY_LOG,
	OPT_SEND,
	OPT_ONCE,
	OPT_SIZE,
	OPT_FPS,
	OPT_CODEC,
	OPT_RECORD,
	OPT_SHOW,
	OPT_RTP_IN,
	OPT_RTP_OUT,
	OPT_SNAP,
};

static const struct option long_options[] = {
	{"hub", required_argument, NULL, OPT_HUB},
	{"ca", required_argument, NULL, OPT_CA},
	{"insecure", no_argument, NULL, OPT_INSECURE},
	ICE_OPTIONS,
	{"echo", no_argument, NULL, OPT_ECHO},
	{"send-file", required_argument, NULL, OPT_SEND_FILE},
	{"receive-dir", required_argument, NULL, OPT_RECEIVE},
	{"json", no_argument, NULL, OPT_JSON},
	{"key-log", required_argument, NULL, OPT_KEY_LOG},
	{"send", required_argument, NULL, OPT_SEND},
	{"once", no_argument, NULL, OPT_ONCE},
	{"size", required_argument, NULL, OPT_SIZE},
	{"fps", required_argument, NULL, OPT_FPS},
	{"codec", required_argument, NULL, OPT_CODEC},
	{"record", required_argument, NULL, OPT_RECORD},
	{"show", no_argument, NULL, OPT_SHOW},
	{"rtp-in", required_argument, NULL, OPT_RTP_IN},
	{"rtp-out", required_argument, NULL, OPT_RTP_OUT},
	{"snap", no_argument, NULL, OPT_SNAP},
	{"verbose", no_argument, NULL, 'v'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

/* "http://host:port" and "http://host:port/" mean the hub at its usual path. */
static bool set_hub(room_options *o, const char *url)
{
	const char *scheme_end = strstr(url, "://");
	const char *path = strchr(scheme_end ? scheme_end + 3 : url, '/');
	bool bare = !path || path[1] == '\0';
	size_t len = path && bare ? (size_t)(path - url) : strlen(url);
	int n = snprintf(o->hub, sizeof o->hub, "%.*s%s", (int)len, url, bare ? HUB_PATH : "");
	return n > 0 && (size_t)n < sizeof o->hub;
}

static bool set_side(slice number, int *out)
{
	uint32_t value;
	if (!scan_u32(number, SIZE_MAX_PX, &value) || value < SIZE_MIN || value % 2)
		return false;
	*out = (int)value;
	return true;
}

static bool set_size(media_options *m, const char *spec)
{
	slice rest = slice_from_string(spec), width;
	return scan_token(&rest, 'x', &width) && set_side(width, &m->width) && set_side(rest, &m->height);
}

static bool set_fps(media_options *m, const char *spec)
{
	uint32_t value;
	if (!scan_u32(slice_from_string(spec), FPS_MAX, &value) || value == 0)
		return false;
	m->fps = (int)value;
	return true;
}

static bool set_codec(media_options *m, const char *name)
{
	m->codec = parley_codec_by_name(name);
	return m->codec == PARLEY_VP8 || m->codec == PARLEY_VP9 || m->codec == PARLEY_H264 || m->codec == PARLEY_AV1;
}

static bool take_media_option(int c, media_options *m)
{
	switch (c) {
	case OPT_SEND:
		m->send = optarg;
		return true;
	case OPT_ONCE:
		m->once = true;
		return true;
	case OPT_SIZE:
		return set_size(m, optarg);
	case OPT_FPS:
		return set_fps(m, optarg);
	case OPT_CODEC:
		return set_codec(m, optarg);
	case OPT_RECORD:
		m->record = optarg;
		return true;
	case OPT_SHOW:
		m->show = true;
		return true;
	case OPT_RTP_IN:
		if (m->rtp_in_count == RTP_PORTS_MAX)
			return false;
		m->rtp_in[m->rtp_in_count++] = optarg;
		return true;
	case OPT_RTP_OUT:
		m->rtp_out = optarg;
		return true;
	default:
		return false;
	}
}

/* What cannot be had together; NULL: nothing. */
static const char *find_conflict(const media_options *m)
{
	if (m->send && m->rtp_in_count)
		return "--send and --rtp-in";
	if (m->rtp_out && m->record)
		return "--rtp-out and --record";
	return m->rtp_out && m->show ? "--rtp-out and --show" : NULL;
}

static bool take_option(int c, room_options *o)
{
	switch (c) {
	case OPT_HUB:
		return set_hub(o, optarg);
	case OPT_CA:
		o->ca_file = optarg;
		return true;
	case OPT_INSECURE:
		o->insecure = true;
		return true;
	case OPT_ECHO:
		o->echo = true;
		return true;
	case OPT_SEND_FILE:
		o->send_file = optarg;
		return true;
	case OPT_RECEIVE:
		o->receive_dir = optarg;
		return true;
	case OPT_JSON:
		o->json = true;
		return true;
	case OPT_SNAP:
		o->snap = true;
		return true;
	case OPT_KEY_LOG:
		o->key_log_file = optarg;
		return true;
	case 'v':
		o->verbose = true;
		return true;
	default:
		return ice_options_take(&o->ice, c, optarg) || take_media_option(c, &o->media);
	}
}

static bool take_command(int argc, char **argv, room_options *o)
{
	const char *word = optind < argc ? argv[optind] : "";
	int rest = argc - optind - 1;
	o->argument = rest > 0 ? argv[optind + 1] : NULL;
	if (strcmp(word, "list") == 0) {
		o->command = COMMAND_LIST;
		return rest == 0;
	}
	o->command = strcmp(word, "create") == 0 ? COMMAND_CREATE : COMMAND_JOIN;
	return (o->command == COMMAND_CREATE || strcmp(word, "join") == 0) && rest == 1;
}

bool options_parse(int argc, char **argv, room_options *out, int *exit_status)
{
	*out = (room_options){.media = {.width = WIDTH_DEFAULT, .height = HEIGHT_DEFAULT, .fps = FPS_DEFAULT}};
	set_hub(out, HUB_DEFAULT);
	*exit_status = EXIT_USAGE;
	for (int c; (c = getopt_long(argc, argv, "vh", long_options, NULL)) != -1;) {
		if (c == 'h') {
			fputs(usage, stdout);
			*exit_status = 0;
			return false;
		}
		if (!take_option(c, out)) {
			if (c != '?')
				fprintf(stderr, "parley-room: not possible, too long or too many: %s\n", optarg);
			fputs("Try parley-room --help.\n", stderr);
			return false;
		}
	}
	if (!take_command(argc, argv, out)) {
		fputs(usage, stderr);
		return false;
	}
	const char *conflict = find_conflict(&out->media);
	if (conflict) {
		fprintf(stderr, "parley-room: %s exclude each other\n", conflict);
		return false;
	}
	char why[ICE_WHY_MAX];
	bool fits = ice_options_finish(&out->ice, why);
	if (!fits)
		fprintf(stderr, "parley-room: %s\n", why);
	return fits;
}
