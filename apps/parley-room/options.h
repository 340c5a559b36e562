/*
 * apps/parley-room/options.h: the command line.
 */
#ifndef PARLEY_APPS_ROOM_OPTIONS_H
#define PARLEY_APPS_ROOM_OPTIONS_H

#include "apps/common/ice_options.h"

typedef enum { COMMAND_LIST, COMMAND_CREATE, COMMAND_JOIN } room_command;

#define RTP_PORTS_MAX 2u /* one for each kind */

/* What is sent and done with what arrives. All empty: no media at all, only data. */
typedef struct {
	const char *send;	/* a file, "test" or "camera" */
	bool once;		/* the file is not begun again at its end */
	int width, height, fps; /* of the test picture */
	parley_codec codec;	/* the video codec to put first; NONE: as the source wants */
	const char *record;	/* file */
	bool show;
	const char *rtp_in[RTP_PORTS_MAX]; /* udp:// URLs */
	size_t rtp_in_count;
	const char *rtp_out;
} media_options;

typedef struct {
	room_command command;
	const char *argument; /* the name to create, the id to join */
	char hub[1024];	      /* URL, with the hub's path */
	const char *ca_file;  /* NULL: the system's */
	bool insecure;
	ice_options ice;
	bool echo, json, verbose;
	bool snap;
	const char *send_file, *receive_dir, *key_log_file;
	media_options media;
} room_options;

/* True: go on. False: stop with *exit_status; what there was to say has been said. */
bool options_parse(int argc, char **argv, room_options *out, int *exit_status);

#endif
