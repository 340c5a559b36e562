#include "apps/common/ice_options.h"

#include <stdio.h>
#include <string.h>

#include "net/stun.h"

#define SERVER_DEFAULT "stun:stun.l.google.com:19302"
#define SECRET_LIFETIME_S 86400u /* of a password made of the shared secret */

static bool is_turn(const char *url)
{
	return strncmp(url, "turn:", 5) == 0 || strncmp(url, "turns:", 6) == 0;
}

static bool add_server(ice_options *o, const char *url)
{
	if (strcmp(url, "none") == 0) {
		o->none = true;
		return true;
	}
	if (o->server_count == PARLEY_ICE_SERVERS_MAX)
		return false;
	o->servers[o->server_count++].url = url;
	return true;
}

/* The first line of a file, or the text itself. */
static bool take_text(const char *argument, char out[ICE_CREDENTIAL_MAX])
{
	if (argument[0] != '@')
		return snprintf(out, ICE_CREDENTIAL_MAX, "%s", argument) < (int)ICE_CREDENTIAL_MAX;
	FILE *file = fopen(argument + 1, "r");
	if (!file)
		return false;
	bool read = fgets(out, ICE_CREDENTIAL_MAX, file) != NULL;
	fclose(file);
	if (read)
		out[strcspn(out, "\r\n")] = '\0';
	return read;
}

static bool take_secret_text(char *argument, char out[ICE_CREDENTIAL_MAX])
{
	bool good = take_text(argument, out);
	if (good)
		memset(argument, '*', strlen(argument));
	return good;
}

static bool take_policy(ice_options *o, const char *name)
{
	bool relay = strcmp(name, "relay") == 0;
	o->policy = relay ? PARLEY_ICE_TRANSPORT_RELAY : PARLEY_ICE_TRANSPORT_ALL;
	return relay || strcmp(name, "all") == 0;
}

bool ice_options_take(ice_options *o, int c, char *argument)
{
	switch (c) {
	case OPT_ICE_SERVER:
		return add_server(o, argument);
	case OPT_ICE_USER:
		return take_text(argument, o->user);
	case OPT_ICE_PASSWORD:
		return take_secret_text(argument, o->password);
	case OPT_ICE_SECRET:
		return take_secret_text(argument, o->secret);
	case OPT_ICE_POLICY:
		return take_policy(o, argument);
	case OPT_ICE_MDNS:
		o->mdns = true;
		return true;
	default:
		return false;
	}
}

static bool use_secret(ice_options *o, char why[ICE_WHY_MAX])
{
	char user[ICE_CREDENTIAL_MAX];
	int error = net_stun_time_limited(o->secret, o->user, SECRET_LIFETIME_S, user, sizeof user, o->password);
	if (error)
		snprintf(why, ICE_WHY_MAX, "no password from the secret: %s", parley_strerror(error));
	else
		memcpy(o->user, user, sizeof user);
	return !error;
}

bool ice_options_finish(ice_options *o, char why[ICE_WHY_MAX])
{
	if (o->server_count == 0 && !o->none)
		o->servers[o->server_count++].url = SERVER_DEFAULT;
	if (*o->secret && !use_secret(o, why))
		return false;
	for (size_t i = 0; i < o->server_count; i++) {
		const char *reason;
		parley_ice_server *s = &o->servers[i];
		if (is_turn(s->url)) {
			s->username = *o->user ? o->user : NULL;
			s->credential = *o->password ? o->password : NULL;
		}
		if (parley_ice_server_check(s, &reason)) {
			snprintf(why, ICE_WHY_MAX, "%s: %s", s->url, reason);
			return false;
		}
	}
	return true;
}

void ice_options_apply(const ice_options *o, parley_configuration *configuration)
{
	configuration->ice_servers = o->servers;
	configuration->ice_server_count = o->server_count;
	configuration->ice_transport_policy = o->policy;
	configuration->mdns_candidates = o->mdns;
}
