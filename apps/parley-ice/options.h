/*
 * apps/parley-ice/options.h: the command line.
 */
#ifndef PARLEY_APPS_ICE_OPTIONS_H
#define PARLEY_APPS_ICE_OPTIONS_H

#include "parley/parley.h"

typedef enum { COMMAND_GATHER, COMMAND_PING, COMMAND_PAIR } ice_command;

typedef struct {
	ice_command command;
	const char *argument; /* the server to ping; the line to answer, "-": it comes on stdin; NULL: none */
	parley_ice_server servers[PARLEY_ICE_SERVERS_MAX];
	size_t server_count;
	const char *bind_address; /* NULL: all */
	uint32_t count;		  /* round trips to measure; 0: without end */
	uint32_t interval_ms;	  /* from one to the next */
	bool trickle, json, verbose;
} ice_options;

/* True: go on. False: stop with *exit_status; what there was to say has been said. */
bool options_parse(int argc, char **argv, ice_options *out, int *exit_status);

#endif
