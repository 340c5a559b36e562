/* The first byte says whether the rest is a request or a response, and in which pieces it comes. */
#include <stdlib.h>

#include "signaling/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const http_reader *r)
{
	char out[64];
	slice value;
	http_header_get(r, "host", &value);
	http_header_has(r, "connection", "upgrade");
	url_query_value(r->query, "id", out, sizeof out);
	if (r->body.len > r->body.limit || (r->method && r->path.len == 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	slice in = slice_of(data, size);
	http_reader r;
	url u;
	const char *why;
	size_t used;
	if (size == 0)
		return 0;
	size_t chunk = 1 + (data[0] >> 1);
	http_reader_init(&r, data[0] & 1 ? HTTP_READ_RESPONSE : HTTP_READ_REQUEST, 1000);
	in = slice_part(in, 1, in.len);
	url_parse(&u, in, &why);
	while (in.len && !r.complete && http_receive(&r, slice_part(in, 0, chunk), &used) == 0)
		in = slice_part(in, used, in.len);
	if (!r.complete)
		http_receive_end(&r);
	if (r.complete)
		look(&r);
	http_reader_problem(&r);
	http_reader_clear(&r);
	return 0;
}
