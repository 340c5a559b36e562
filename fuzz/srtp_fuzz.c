/*
 * Hostile SRTP and SRTCP: the first byte chooses profile and use, the rest is the packet. Whatever comes is refused,
 * unless we made it: then it opens to what it was.
 */
#include <assert.h>
#include <string.h>

#include "rtp/srtp.h"

static const unsigned PROFILES[] = {RTP_CRYPTO_AES128_CM_SHA1_80, RTP_CRYPTO_AEAD_AES_128_GCM,
				    RTP_CRYPTO_AEAD_AES_256_GCM};

typedef struct {
	rtp_crypto *sender, *receiver;
	bool rtcp;
} world;

static bool open_packet(const world *w, packet *p)
{
	return !(w->rtcp ? rtp_crypto_unprotect_rtcp : rtp_crypto_unprotect_rtp)(w->receiver, p);
}

static void hostile(const world *w, slice in, uint8_t *bytes)
{
	packet p = {.data = bytes, .capacity = in.len, .len = in.len};
	memcpy(bytes, in.data, in.len);
	bool opened = open_packet(w, &p);
	assert(!opened && p.len == in.len);
}

static void honest(const world *w, slice in, uint8_t *bytes)
{
	packet p = {.data = bytes, .capacity = in.len + RTP_CRYPTO_RTCP_OVERHEAD_MAX, .len = in.len};
	memcpy(bytes, in.data, in.len);
	if ((w->rtcp ? rtp_crypto_protect_rtcp : rtp_crypto_protect_rtp)(w->sender, &p))
		return;
	bool opened = open_packet(w, &p);
	assert(opened && slice_equal(slice_of(p.data, p.len), in));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t keying[RTP_CRYPTO_KEYING_MAX] = {1, 2, 3};
	_Alignas(8) uint8_t bytes[4096];
	if (size < 2 || size - 1 + RTP_CRYPTO_RTCP_OVERHEAD_MAX > sizeof bytes)
		return 0;
	unsigned profile = PROFILES[data[0] % 3];
	slice keys = slice_of(keying, rtp_crypto_keying_size(profile)), in = slice_of(data + 1, size - 1);
	world w = {.rtcp = data[0] & 4};
	if (rtp_crypto_create(profile, keys, true, NULL, &w.sender) ||
	    rtp_crypto_create(profile, keys, false, NULL, &w.receiver))
		__builtin_trap();
	hostile(&w, in, bytes);
	honest(&w, in, bytes);
	rtp_crypto_destroy(w.sender);
	rtp_crypto_destroy(w.receiver);
	return 0;
}
