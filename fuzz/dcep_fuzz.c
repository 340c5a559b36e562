/* Any bytes as a DCEP message; an OPEN encodes again to the same bytes, its reliability parameter apart. */
#include <assert.h>

#include "sctp/dcep.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t bytes[DCEP_OPEN_HEADER + 2 * UINT16_MAX];
	dcep_open open, again;
	dcep_is_ack(slice_of(data, size));
	if (!dcep_open_decode(slice_of(data, size), &open))
		return 0;
	writer w = writer_of(bytes, sizeof bytes);
	dcep_open_encode(&w, &open);
	bool good = dcep_open_decode(writer_slice(&w), &again);
	assert(good && w.len == size && slice_equal(open.label, again.label) &&
	       slice_equal(open.protocol, again.protocol));
	return 0;
}
