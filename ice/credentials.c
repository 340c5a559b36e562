/* The user name fragments and passwords of both sides, each made once and held by whoever needs it. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "ice/internal.h"

ice_credentials *ice_credentials_new(slice ufrag, slice pwd)
{
	size_t size = ufrag.len + pwd.len + 2;
	ice_credentials *c = calloc(1, sizeof *c + size);
	if (!c)
		return NULL;
	c->holders = 1;
	c->size = size;
	c->ufrag = c->texts;
	c->pwd = c->texts + ufrag.len + 1;
	memcpy(c->texts, ufrag.data, ufrag.len);
	memcpy(c->texts + ufrag.len + 1, pwd.data, pwd.len);
	return c;
}

int ice_credentials_random(const ice_config *config, ice_credentials **out)
{
	char ufrag[ICE_UFRAG_LENGTH_MAX + 1], pwd[ICE_PWD_LENGTH + 1];
	int err = rng_ice_chars(&config->random, ufrag, config->ufrag_length);
	if (!err)
		err = rng_ice_chars(&config->random, pwd, ICE_PWD_LENGTH);
	if (err)
		return err;
	*out = ice_credentials_new(ice_text(ufrag), ice_text(pwd));
	wipe(pwd, sizeof pwd);
	return *out ? 0 : PARLEY_ENOMEM;
}

ice_credentials *ice_credentials_hold(ice_credentials *c)
{
	c->holders++;
	return c;
}

void ice_credentials_drop(ice_credentials **held)
{
	ice_credentials *c = *held;
	*held = NULL;
	if (!c || --c->holders)
		return;
	wipe(c->texts, c->size);
	free(c);
}
