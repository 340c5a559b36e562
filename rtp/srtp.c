#include "rtp/srtp.h"

#include <limits.h>
#include <srtp2/srtp.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "parley/types.h"
#include "rtp/packet.h"

#define LAYER "srtp"
#define RTCP_WITH_SSRC_SIZE 8u /* the part of SRTCP that is never encrypted */
#define SRTCP_INDEX_SIZE 4u
#define KEY_AND_SALT_MAX (RTP_CRYPTO_KEYING_MAX / 2)

typedef struct {
	unsigned profile;
	size_t key_size, salt_size, tag_size;
	void (*set_policy)(srtp_crypto_policy_t *);
} profile_info;

/* RFC 5764 4.1.2, RFC 7714 14.2. SRTCP has the same tag as SRTP in all three. */
static const profile_info PROFILES[] = {
	{RTP_CRYPTO_AES128_CM_SHA1_80, 16, 14, 10, srtp_crypto_policy_set_rtcp_default},
	{RTP_CRYPTO_AEAD_AES_128_GCM, 16, 12, 16, srtp_crypto_policy_set_aes_gcm_128_16_auth},
	{RTP_CRYPTO_AEAD_AES_256_GCM, 32, 12, 16, srtp_crypto_policy_set_aes_gcm_256_16_auth},
};

/* Sources that libsrtp2 keeps a state for, so that it keeps no more than we want. */
typedef struct {
	size_t count;
	size_t last; /* found last: most packets follow one of the same source */
	uint32_t ssrcs[RTP_CRYPTO_SOURCES_MAX];
} source_set;

/* A direction has a libsrtp2 session of its own: with one for both, an SSRC that both sides happen to use would be taken for
 * one stream and the keys of the wrong direction. */
typedef struct {
	srtp_t session;
	source_set sources;
} direction;

struct rtp_crypto {
	const profile_info *profile;
	trace *trace;
	direction out, in;
	rtp_crypto_stats stats;
};

static const profile_info *find_profile(unsigned profile)
{
	for (size_t i = 0; i < sizeof PROFILES / sizeof *PROFILES; i++) {
		if (PROFILES[i].profile == profile)
			return &PROFILES[i];
	}
	return NULL;
}

size_t rtp_crypto_keying_size(unsigned profile)
{
	const profile_info *info = find_profile(profile);
	return info ? 2 * (info->key_size + info->salt_size) : 0;
}

size_t rtp_crypto_rtp_overhead(unsigned profile)
{
	const profile_info *info = find_profile(profile);
	return info ? info->tag_size : 0;
}

size_t rtp_crypto_rtcp_overhead(unsigned profile)
{
	const profile_info *info = find_profile(profile);
	return info ? info->tag_size + SRTCP_INDEX_SIZE : 0;
}

/* --- creation --- */

static int error_of_create(srtp_err_status_t status)
{
	return status == srtp_err_status_ok ? 0 : status == srtp_err_status_alloc_fail ? PARLEY_ENOMEM : PARLEY_ECRYPTO;
}

/* Whether libsrtp2 has its tables it says itself: nothing can be created before srtp_init. A second srtp_init would be
 * no help: it runs all self-tests anew, tens of milliseconds, and can fail. */
static int create_session(srtp_t *session, const srtp_policy_t *policy)
{
	srtp_err_status_t status = srtp_create(session, policy);
	if (status == srtp_err_status_init_fail) {
		if (srtp_init() != srtp_err_status_ok)
			return PARLEY_ECRYPTO;
		status = srtp_create(session, policy);
	}
	if (status != srtp_err_status_ok)
		*session = NULL;
	return error_of_create(status);
}

/* Client's keys come first, then the salts (RFC 5764 4.2); libsrtp2 wants each key with its salt behind it. */
static int create_direction(const profile_info *info, slice keying, bool by_client, srtp_ssrc_type_t type,
			    srtp_t *session)
{
	uint8_t key[KEY_AND_SALT_MAX];
	slice secret = slice_part(keying, by_client ? 0 : info->key_size, info->key_size);
	slice salt = slice_part(keying, 2 * info->key_size + (by_client ? 0 : info->salt_size), info->salt_size);
	writer w = writer_of(key, sizeof key);
	write_bytes(&w, secret);
	write_bytes(&w, salt);
	srtp_policy_t policy = {.ssrc = {.type = type}, .key = key, .window_size = RTP_CRYPTO_WINDOW};
	info->set_policy(&policy.rtp);
	info->set_policy(&policy.rtcp);
	int error = create_session(session, &policy);
	wipe(key, sizeof key);
	return error;
}

int rtp_crypto_create(unsigned profile, slice keying, bool client, trace *t, rtp_crypto **out)
{
	const profile_info *info = find_profile(profile);
	*out = NULL;
	if (!info || keying.len != rtp_crypto_keying_size(profile))
		return PARLEY_EINVAL;
	rtp_crypto *c = calloc(1, sizeof *c);
	if (!c)
		return PARLEY_ENOMEM;
	c->profile = info;
	c->trace = t;
	int error = create_direction(info, keying, client, ssrc_any_outbound, &c->out.session);
	if (!error)
		error = create_direction(info, keying, !client, ssrc_any_inbound, &c->in.session);
	if (error) {
		trace_printf(t, TRACE_ERROR, LAYER, "no session for profile 0x%04x: %s", profile,
			     parley_strerror(error));
		rtp_crypto_destroy(c);
		return error;
	}
	*out = c;
	return 0;
}

void rtp_crypto_destroy(rtp_crypto *c)
{
	if (!c)
		return;
	if (c->out.session)
		srtp_dealloc(c->out.session);
	if (c->in.session)
		srtp_dealloc(c->in.session);
	free(c);
}

const rtp_crypto_stats *rtp_crypto_get_stats(const rtp_crypto *c)
{
	return &c->stats;
}

/* --- packets --- */

static bool sources_has(source_set *s, uint32_t ssrc)
{
	if (s->count && s->ssrcs[s->last] == ssrc)
		return true;
	for (size_t i = 0; i < s->count; i++) {
		if (s->ssrcs[i] == ssrc) {
			s->last = i;
			return true;
		}
	}
	return false;
}

static void sources_add(source_set *s, uint32_t ssrc)
{
	if (sources_has(s, ssrc) || s->count == RTP_CRYPTO_SOURCES_MAX)
		return;
	s->last = s->count;
	s->ssrcs[s->count++] = ssrc;
}

static bool may_enter(rtp_crypto *c, direction *d, uint32_t ssrc)
{
	if (sources_has(&d->sources, ssrc) || d->sources.count < RTP_CRYPTO_SOURCES_MAX)
		return true;
	c->stats.over_limit++;
	trace_printf(c->trace, TRACE_WARN, LAYER, "source %08x is one too many", ssrc);
	return false;
}

/* What of an RTP packet is in the clear must be sound, with `behind` bytes more at its end. */
static bool rtp_ssrc(const packet *p, size_t behind, uint32_t *ssrc)
{
	rtp_packet header;
	if (p->len < behind || p->len > INT_MAX)
		return false;
	slice in = slice_of(p->data, p->len - behind);
	if (rtp_classify(in) != RTP_KIND_RTP || rtp_header_parse(in, &header))
		return false;
	*ssrc = header.ssrc;
	return true;
}

static bool rtcp_ssrc(const packet *p, size_t behind, uint32_t *ssrc)
{
	if (p->len < behind || p->len > INT_MAX)
		return false;
	slice in = slice_of(p->data, p->len - behind);
	if (in.len < RTCP_WITH_SSRC_SIZE || rtp_classify(in) != RTP_KIND_RTCP)
		return false;
	reader r = reader_of(in);
	read_skip(&r, 4);
	*ssrc = read_u32(&r);
	return true;
}

static int error_of_protect(srtp_err_status_t status)
{
	switch (status) {
	case srtp_err_status_replay_fail:
	case srtp_err_status_replay_old:
	case srtp_err_status_pkt_idx_old:
	case srtp_err_status_key_expired:
		return PARLEY_ESTATE;
	case srtp_err_status_alloc_fail:
		return PARLEY_ENOMEM;
	case srtp_err_status_bad_param:
	case srtp_err_status_parse_err:
		return PARLEY_EINVAL;
	default:
		return PARLEY_ECRYPTO;
	}
}

typedef srtp_err_status_t crypt(srtp_t session, void *data, int *len);

static int protect(rtp_crypto *c, packet *p, uint32_t ssrc, size_t overhead, crypt *run)
{
	if (p->len > p->capacity || p->capacity - p->len < overhead)
		return PARLEY_EMSGSIZE;
	if (!may_enter(c, &c->out, ssrc))
		return PARLEY_ELIMIT;
	int len = (int)p->len;
	srtp_err_status_t status = run(c->out.session, p->data, &len);
	if (status != srtp_err_status_ok) {
		trace_printf(c->trace, TRACE_WARN, LAYER, "a packet of %08x cannot be encrypted: status %d", ssrc,
			     (int)status);
		return error_of_protect(status);
	}
	sources_add(&c->out.sources, ssrc);
	p->len = (size_t)len;
	return 0;
}

int rtp_crypto_protect_rtp(rtp_crypto *c, packet *p)
{
	uint32_t ssrc = 0;
	if (!rtp_ssrc(p, 0, &ssrc))
		return PARLEY_EINVAL;
	int error = protect(c, p, ssrc, c->profile->tag_size, srtp_protect);
	c->stats.rtp_protected += !error;
	return error;
}

int rtp_crypto_protect_rtcp(rtp_crypto *c, packet *p)
{
	uint32_t ssrc = 0;
	if (!rtcp_ssrc(p, 0, &ssrc))
		return PARLEY_EINVAL;
	int error = protect(c, p, ssrc, c->profile->tag_size + SRTCP_INDEX_SIZE, srtp_protect_rtcp);
	c->stats.rtcp_protected += !error;
	return error;
}

static int malformed(rtp_crypto *c, const char *what, size_t len)
{
	c->stats.malformed++;
	trace_printf(c->trace, TRACE_WARN, LAYER, "%zu bytes are no %s", len, what);
	return PARLEY_EPROTO;
}

/* GCM's wrong tag is a cipher failure to libsrtp2. */
static int error_of_unprotect(rtp_crypto *c, uint32_t ssrc, srtp_err_status_t status)
{
	switch (status) {
	case srtp_err_status_replay_fail:
	case srtp_err_status_replay_old:
	case srtp_err_status_pkt_idx_old:
		c->stats.replays++;
		trace_printf(c->trace, TRACE_DEBUG, LAYER, "a packet of %08x came before, or too late", ssrc);
		return PARLEY_EAUTH;
	case srtp_err_status_auth_fail:
	case srtp_err_status_cipher_fail:
		c->stats.auth_failures++;
		trace_printf(c->trace, TRACE_WARN, LAYER, "a packet of %08x has a wrong tag", ssrc);
		return PARLEY_EAUTH;
	case srtp_err_status_alloc_fail:
		return PARLEY_ENOMEM;
	case srtp_err_status_bad_param:
	case srtp_err_status_parse_err:
	case srtp_err_status_cant_check: /* SRTCP in the clear, which was not agreed on */
		c->stats.malformed++;
		trace_printf(c->trace, TRACE_WARN, LAYER, "a packet of %08x is malformed", ssrc);
		return PARLEY_EPROTO;
	default:
		trace_printf(c->trace, TRACE_WARN, LAYER, "a packet of %08x fails: status %d", ssrc, (int)status);
		return PARLEY_ECRYPTO;
	}
}

static int unprotect(rtp_crypto *c, packet *p, uint32_t ssrc, crypt *run)
{
	if (!may_enter(c, &c->in, ssrc))
		return PARLEY_ELIMIT;
	int len = (int)p->len;
	srtp_err_status_t status = run(c->in.session, p->data, &len);
	if (status != srtp_err_status_ok)
		return error_of_unprotect(c, ssrc, status);
	sources_add(&c->in.sources, ssrc);
	p->len = (size_t)len;
	return 0;
}

int rtp_crypto_unprotect_rtp(rtp_crypto *c, packet *p)
{
	uint32_t ssrc = 0;
	if (!rtp_ssrc(p, c->profile->tag_size, &ssrc))
		return malformed(c, "SRTP", p->len);
	int error = unprotect(c, p, ssrc, srtp_unprotect);
	c->stats.rtp_unprotected += !error;
	return error;
}

int rtp_crypto_unprotect_rtcp(rtp_crypto *c, packet *p)
{
	uint32_t ssrc = 0;
	if (!rtcp_ssrc(p, c->profile->tag_size + SRTCP_INDEX_SIZE, &ssrc))
		return malformed(c, "SRTCP", p->len);
	int error = unprotect(c, p, ssrc, srtp_unprotect_rtcp);
	c->stats.rtcp_unprotected += !error;
	return error;
}
