#include "stun/credentials.h"

#include <string.h>

#include "base/text.h"
#include "stun/build.h"

void stun_credentials_init(stun_credentials *c, slice username, slice password)
{
	memset(c, 0, sizeof *c);
	c->username = username;
	c->password = password;
	c->realm.limit = c->nonce.limit = STUN_QUOTED_MAX;
	c->algorithm = STUN_ALGORITHM_MD5;
	c->algorithms.limit = STUN_ALGORITHMS_MAX;
}

void stun_credentials_clear(stun_credentials *c)
{
	buf_clear(&c->realm);
	buf_clear(&c->nonce);
	buf_clear(&c->algorithms);
	wipe(&c->key, sizeof c->key);
	c->ready = false;
}

static int replace(buf *b, slice s)
{
	buf_consume(b, b->len);
	return buf_append(b, s);
}

/* RFC 8489 9.2.5. A challenge is not signed: one without algorithms must not undo an earlier one that had them. */
static int choose_algorithm(stun_credentials *c, const stun_message *msg)
{
	if (!msg->has_password_algorithms && stun_nonce_features(msg->nonce) & STUN_FEATURE_PASSWORD_ALGORITHMS)
		return PARLEY_EPROTO;
	if (!msg->has_password_algorithms)
		return 0;
	if (!stun_choose_algorithm(msg, &c->algorithm))
		return PARLEY_EUNSUPPORTED;
	c->use_sha256 = true;
	return replace(&c->algorithms, msg->password_algorithms);
}

static int derive(stun_credentials *c)
{
	slice realm = buf_slice(&c->realm);
	int error = stun_long_term_key(c->algorithm, c->username, realm, c->password, &c->key);
	return error ? error : stun_userhash(c->username, realm, c->userhash);
}

int stun_credentials_challenge(stun_credentials *c, const stun_message *msg)
{
	int error;
	if (!stun_is_challenge(msg) || !msg->has_nonce || (!msg->has_realm && !c->ready))
		return PARLEY_EPROTO;
	slice realm = msg->has_realm ? msg->realm : buf_slice(&c->realm); /* some servers leave it out of a 438 */
	bool same = c->shown && slice_equal(realm, buf_slice(&c->realm));
	if ((same && msg->error_code == STUN_UNAUTHENTICATED) || ++c->challenges > STUN_CHALLENGES_MAX)
		return PARLEY_EAUTH;
	if ((error = choose_algorithm(c, msg)) || (error = replace(&c->nonce, msg->nonce)) ||
	    (msg->has_realm && (error = replace(&c->realm, realm))) || (error = derive(c)))
		return error;
	c->use_userhash = stun_nonce_features(msg->nonce) & STUN_FEATURE_USERHASH;
	c->ready = true;
	c->shown = false;
	return 0;
}

void stun_credentials_accepted(stun_credentials *c)
{
	c->challenges = 0;
}

void stun_credentials_put(stun_credentials *c, writer *w)
{
	if (!c->ready)
		return;
	if (c->use_userhash)
		stun_put_bytes(w, STUN_ATTR_USERHASH, slice_of(c->userhash, sizeof c->userhash));
	else
		stun_put_bytes(w, STUN_ATTR_USERNAME, c->username);
	stun_put_bytes(w, STUN_ATTR_REALM, buf_slice(&c->realm));
	stun_put_bytes(w, STUN_ATTR_NONCE, buf_slice(&c->nonce));
	if (c->use_sha256) {
		stun_put_bytes(w, STUN_ATTR_PASSWORD_ALGORITHMS, buf_slice(&c->algorithms));
		stun_put_algorithm(w, c->algorithm);
		stun_put_integrity_sha256(w, stun_key_slice(&c->key));
	} else {
		stun_put_integrity(w, stun_key_slice(&c->key));
	}
	c->shown = true;
}

slice stun_credentials_key(const stun_credentials *c)
{
	return c->ready ? stun_key_slice(&c->key) : slice_of(NULL, 0);
}

int stun_time_limited_credentials(slice secret, uint64_t expiry_s, slice name, char *username, size_t username_size,
				  char password[STUN_TIME_LIMITED_PASSWORD_SIZE])
{
	uint8_t mac[SHA1_SIZE];
	text t = text_of(username, username_size);
	text_printf(&t, "%llu%s", (unsigned long long)expiry_s, name.len ? ":" : "");
	text_slice(&t, name);
	if (t.bad)
		return PARLEY_EMSGSIZE;
	int err = hmac_sha1(secret, slice_of(username, t.len), mac);
	if (!err)
		base64_encode(slice_of(mac, sizeof mac), password);
	wipe(mac, sizeof mac);
	return err;
}
