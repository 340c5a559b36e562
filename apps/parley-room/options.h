/*
 * apps/parley-room/options.h: the command line.
 */
#ifndef PARLEY_APPS_ROOM_OPTIONS_H
#define PARLEY_APPS_ROOM_OPTIONS_H

#include "parley/parley.h"

typedef enum { COMMAND_LIST, COMMAND_CREATE, COMMAND_JOIN } room_command;

typedef struct {
	room_command command;
	const char *argument; /* the name to create, the id to join */
	char hub[1024];	      /* URL, with the hub's path */
	const char *ca_file;  /* NULL: the system's */
	bool insecure;
	parley_ice_server ice_servers[PARLEY_ICE_SERVERS_MAX];
	size_t ice_server_count;
	bool echo, json, verbose;
	const char *send_file, *receive_dir, *key_log_file;
} room_options;

/* True: go on. False: stop with *exit_status; what there was to say has been said. */
bool options_parse(int argc, char **argv, room_options *out, int *exit_status);

#endif
