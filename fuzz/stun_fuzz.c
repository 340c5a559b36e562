/* Any bytes through the STUN decoder, its checks, its printer and the cutting of streams. */
#include <assert.h>
#include <stdlib.h>

#include "stun/stun.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A server's challenge, and the request that answers it. */
static void answer_challenge(const stun_message *challenge)
{
	uint8_t bytes[4096];
	stun_message request;
	stun_credentials c;
	stun_credentials_init(&c, slice_from_string("user"), slice_from_string("pass"));
	if (stun_credentials_challenge(&c, challenge) == 0) {
		writer w = writer_of(bytes, sizeof bytes);
		stun_begin(&w, STUN_REQUEST, challenge->method, &challenge->id);
		stun_credentials_put(&c, &w);
		assert(!w.bad && stun_parse(writer_slice(&w), &request) == 0);
		assert(stun_check_integrity(&request, stun_credentials_key(&c)) == 0);
	}
	stun_credentials_clear(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	slice in = slice_of(data, size), channel_data;
	stun_message m;
	uint16_t number;
	char line[256];
	text t = text_of(line, sizeof line);
	(void)stun_stream_unit(in);
	(void)stun_parse_channel_data(in, &number, &channel_data);
	if (stun_parse(in, &m) != 0)
		return 0;
	assert(stun_is_message(in));
	assert(stun_stream_unit(in) == (int)size);
	stun_print(&m, &t);
	(void)stun_check_fingerprint(&m);
	assert(stun_check_integrity(&m, slice_from_string("key")) != 0 || m.has_integrity || m.has_integrity_sha256);
	answer_challenge(&m);
	return 0;
}
