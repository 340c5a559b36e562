/*
 * apps/common/ice_options.h: what every program's command line says of ICE servers and paths.
 *
 *     static const struct option long_options[] = {ICE_OPTIONS, ...};          // <getopt.h>
 *     "..." ICE_OPTIONS_USAGE "..."
 *     for each option c: if (ice_options_take(&ice, c, optarg)) ...            // false: none of these, or not possible
 *     ice_options_finish(&ice, configuration, why)
 *
 * Passwords are wiped from the command line as they are read, so that ps does not show them any more.
 */
#ifndef PARLEY_APPS_COMMON_ICE_OPTIONS_H
#define PARLEY_APPS_COMMON_ICE_OPTIONS_H

#include "parley/parley.h"

#define ICE_WHY_MAX 256u
#define ICE_CREDENTIAL_MAX 512u

enum { OPT_ICE_SERVER = 512, OPT_ICE_USER, OPT_ICE_PASSWORD, OPT_ICE_SECRET, OPT_ICE_POLICY, OPT_ICE_MDNS };

#define ICE_OPTIONS                                                                                                   \
	{"ice-server", required_argument, NULL, OPT_ICE_SERVER}, {"ice-user", required_argument, NULL, OPT_ICE_USER}, \
		{"ice-password", required_argument, NULL, OPT_ICE_PASSWORD},                                          \
		{"ice-secret", required_argument, NULL, OPT_ICE_SECRET},                                              \
		{"ice-policy", required_argument, NULL, OPT_ICE_POLICY},                                              \
	{                                                                                                             \
		"ice-mdns", no_argument, NULL, OPT_ICE_MDNS                                                           \
	}

#define ICE_OPTIONS_USAGE                                                                                                 \
	"  --ice-server URL    stun:HOST[:PORT], turn:HOST[:PORT][?transport=udp|tcp] or turns:HOST[:PORT]; may be\n"     \
	"                      repeated; \"none\" for none; default stun:stun.l.google.com:19302\n"                       \
	"  --ice-user NAME, --ice-password TEXT    for the TURN servers; TEXT may be @FILE: what is in the file\n"        \
	"  --ice-secret TEXT   instead of the password: shared with the TURN servers, makes one that is good for a day\n" \
	"  --ice-policy P      \"relay\": only through TURN servers; \"all\" is the default\n"                            \
	"  --ice-mdns          hide the addresses of this machine behind .local names, as browsers do\n"

typedef struct {
	parley_ice_server servers[PARLEY_ICE_SERVERS_MAX];
	size_t server_count;
	bool none;
	enum parley_ice_transport_policy policy;
	bool mdns;
	char user[ICE_CREDENTIAL_MAX], password[ICE_CREDENTIAL_MAX], secret[ICE_CREDENTIAL_MAX];
} ice_options;

/* False: not one of these options, or its argument is not possible. */
bool ice_options_take(ice_options *o, int c, char *argument);
/* Once all are taken: false and one line in why if they do not fit together. */
bool ice_options_finish(ice_options *o, char why[ICE_WHY_MAX]);
/* o must outlive the connection's parley_pc_new. */
void ice_options_apply(const ice_options *o, parley_configuration *configuration);

#endif
