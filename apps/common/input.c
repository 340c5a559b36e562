#include "apps/common/input.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/buf.h"

struct input {
	input_callbacks callbacks;
	void *me;
	buf pending; /* of a line that has not ended */
	enum { INPUT_STREAM, INPUT_FILE } kind;
	union {
		uv_stream_t stream;
		uv_pipe_t pipe;
		uv_tty_t tty;
	};
	uv_fs_t read;
	bool reading, busy, closing; /* busy: in a callback of ours, so that freeing waits for its return */
	char chunk[65536];
};

static void take(input *in, const char *bytes, size_t len)
{
	while (len && !in->closing) {
		const char *newline = memchr(bytes, '\n', len);
		size_t n = newline ? (size_t)(newline - bytes) : len;
		if (buf_append(&in->pending, slice_of(bytes, n)))
			in->pending.len = 0; /* out of memory or too long: this line is lost, the next is not */
		bytes += n + (newline != NULL);
		len -= n + (newline != NULL);
		if (!newline)
			return;
		in->callbacks.on_line(in->me, (const char *)in->pending.data, in->pending.len);
		in->pending.len = 0;
	}
}

static void end(input *in)
{
	if (in->pending.len && !in->closing)
		in->callbacks.on_line(in->me, (const char *)in->pending.data, in->pending.len);
	in->pending.len = 0;
	if (!in->closing)
		in->callbacks.on_end(in->me);
}

static void release(input *in)
{
	buf_clear(&in->pending);
	free(in);
}

/* --- terminals and pipes --- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
	(void)suggested;
	input *in = handle->data;
	*out = uv_buf_init(in->chunk, sizeof in->chunk);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
	input *in = stream->data;
	if (n > 0) {
		take(in, b->base, (size_t)n);
	} else if (n < 0) {
		uv_read_stop(stream);
		end(in);
	}
}

static void on_closed(uv_handle_t *handle)
{
	release(handle->data);
}

/* --- files, and what is like one --- */

static void read_more(input *in);

static void on_file_read(uv_fs_t *read)
{
	input *in = read->data;
	ssize_t n = read->result;
	uv_loop_t *loop = read->loop;
	uv_fs_req_cleanup(read);
	in->read.loop = loop;
	in->reading = false;
	in->busy = true;
	if (n > 0)
		take(in, in->chunk, (size_t)n);
	else
		end(in);
	in->busy = false;
	if (in->closing)
		release(in);
	else if (n > 0)
		read_more(in);
}

static void read_more(input *in)
{
	uv_buf_t b = uv_buf_init(in->chunk, sizeof in->chunk);
	in->read.data = in;
	in->reading = uv_fs_read(in->read.loop, &in->read, STDIN_FILENO, &b, 1, -1, on_file_read) == 0;
}

input *input_new(uv_loop_t *loop, const input_callbacks *callbacks, void *me)
{
	input *in = calloc(1, sizeof *in);
	if (!in)
		return NULL;
	in->callbacks = *callbacks;
	in->me = me;
	in->pending.limit = INPUT_LINE_MAX;
	switch (uv_guess_handle(STDIN_FILENO)) {
	case UV_TTY:
		uv_tty_init(loop, &in->tty, STDIN_FILENO, 1);
		break;
	case UV_NAMED_PIPE:
		uv_pipe_init(loop, &in->pipe, 0);
		uv_pipe_open(&in->pipe, STDIN_FILENO);
		break;
	default:
		in->kind = INPUT_FILE;
		in->read.loop = loop;
		read_more(in);
		return in;
	}
	in->stream.data = in;
	uv_read_start(&in->stream, on_alloc, on_read);
	return in;
}

void input_free(input *in)
{
	if (!in)
		return;
	in->closing = true;
	if (in->kind == INPUT_STREAM)
		uv_close((uv_handle_t *)&in->stream, on_closed);
	else if (in->reading)
		uv_cancel((uv_req_t *)&in->read);
	else if (!in->busy)
		release(in);
}
