/*
 * apps/parley-ice/options.h: the command line.
 */
#ifndef PARLEY_APPS_ICE_OPTIONS_H
#define PARLEY_APPS_ICE_OPTIONS_H

#include "apps/common/ice_options.h"

typedef enum { COMMAND_GATHER, COMMAND_PING, COMMAND_PAIR } ice_command;

typedef struct {
	ice_command command;
	const char *argument; /* the server to ping; the line to answer, "-": it comes on stdin; NULL: none */
	ice_options ice;
	const char *ca_file; /* NULL: the system's certificates */
	bool insecure;
	const char *bind_address; /* NULL: all */
	uint32_t count;		  /* round trips to measure; 0: without end */
	uint32_t interval_ms;	  /* from one to the next */
	bool trickle, json, verbose;
} tool_options;

/* True: go on. False: stop with *exit_status; what there was to say has been said. */
bool options_parse(int argc, char **argv, tool_options *out, int *exit_status);

#endif
