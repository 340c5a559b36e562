/* Any bytes through the STUN decoder, its checks, its printer and the cutting of streams. */
#include <assert.h>
#include <stdlib.h>

#include "stun/stun.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
	(void)stun_choose_algorithm(&m, &number);
	(void)stun_nonce_features(m.nonce);
	return 0;
}
