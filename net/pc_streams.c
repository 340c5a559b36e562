#include <stdlib.h>

#include "base/addr.h"
#include "net/pc_internal.h"
#include "net/stream.h"

/* Bytes that wait for the kernel beyond which data is dropped, as a router does whose queue is full: half a second at 2 Mbit/s. */
#define PC_STREAM_QUEUE_MAX 131072u

/* A stream that the core asked for, or took, under its id. */
typedef struct {
	list_node node;
	parley_pc *pc;
	uint32_t id;
	net_stream *stream;
} pc_stream;

static pc_stream *find(const parley_pc *pc, uint32_t id)
{
	LIST_FOR (node, &pc->streams)
		if (LIST_ENTRY(node, pc_stream, node)->id == id)
			return LIST_ENTRY(node, pc_stream, node);
	return NULL;
}

static void forget(pc_stream *s)
{
	list_remove(&s->node);
	free(s);
}

/* --- what the stream says; the drain is the last thing, as pc may be gone afterwards --- */

static void opened(void *me, net_stream *stream)
{
	pc_stream *s = me;
	parley_addr local = net_stream_local(stream);
	local.transport = PARLEY_TCP;
	parley_core_stream_opened(s->pc->core, net_now(), s->id, &local);
	pc_drain(s->pc);
}

static void received(void *me, net_stream *stream, slice data)
{
	(void)stream;
	pc_stream *s = me;
	parley_core_stream_receive(s->pc->core, net_now(), s->id, data.data, data.len);
	pc_drain(s->pc);
}

static void closed(void *me, net_stream *stream, int error, const char *why)
{
	(void)stream;
	pc_stream *s = me;
	parley_pc *pc = s->pc;
	parley_core_stream_closed(pc->core, net_now(), s->id, error ? error : PARLEY_ECLOSED, why);
	forget(s);
	pc_drain(pc);
}

/* --- what the core says --- */

static int make_tls(parley_pc *pc, char why[NET_WHY_MAX])
{
	return pc->tls ? 0 : net_tls_client_new(NULL, pc->tls_insecure, &pc->tls, why);
}

static int connect_stream(pc_stream *s, const parley_event *e, char why[NET_WHY_MAX])
{
	static const net_stream_callbacks callbacks = {.on_open = opened, .on_data = received, .on_close = closed};
	parley_pc *pc = s->pc;
	const parley_addr *remote = &e->stream_open.remote;
	char host[ADDR_TEXT_MAX];
	net_stream_options options;
	net_stream_options_default(&options);
	if (e->stream_open.tls) {
		int error = make_tls(pc, why);
		if (error)
			return error;
		options.tls = pc->tls;
		options.server_name = e->stream_open.server_name[0] ? e->stream_open.server_name : NULL;
	}
	if (e->stream_open.local.family)
		options.local = &e->stream_open.local;
	return net_stream_connect(pc->loop, addr_print_ip(remote, host), remote->port, &options, &callbacks, s,
				  &s->stream);
}

void pc_open_stream(parley_pc *pc, const parley_event *e)
{
	uint32_t id = e->stream_open.stream;
	char why[NET_WHY_MAX] = "";
	pc_stream *s = calloc(1, sizeof *s);
	int error = s ? 0 : PARLEY_ENOMEM;
	if (s) {
		*s = (pc_stream){.pc = pc, .id = id};
		list_append(&pc->streams, &s->node);
		error = connect_stream(s, e, why);
	}
	if (!error)
		return;
	if (s)
		forget(s);
	parley_core_stream_closed(pc->core, net_now(), id, error, why[0] ? why : parley_strerror(error));
}

void pc_take_stream(parley_pc *pc, const parley_addr *local, const parley_addr *remote, net_stream *stream)
{
	static const net_stream_callbacks callbacks = {.on_data = received, .on_close = closed};
	pc_stream *s = calloc(1, sizeof *s);
	if (!s)
		return; /* nobody took it: it is closed */
	*s = (pc_stream){.pc = pc, .stream = stream};
	if (parley_core_stream_accepted(pc->core, net_now(), local, remote, &s->id)) {
		free(s);
		return;
	}
	list_append(&pc->streams, &s->node);
	net_stream_set_callbacks(stream, &callbacks, s);
	net_turn_request(pc->turn); /* the core may have closed an older one for it */
}

void pc_close_stream(parley_pc *pc, uint32_t id)
{
	pc_stream *s = find(pc, id);
	if (!s)
		return;
	net_stream_release(s->stream);
	forget(s);
}

void pc_close_streams(parley_pc *pc)
{
	LIST_FOR_SAFE (node, after, &pc->streams) {
		pc_stream *s = LIST_ENTRY(node, pc_stream, node);
		net_stream_release(s->stream);
		forget(s);
	}
}

void pc_send_on_stream(parley_pc *pc, const parley_packet *p)
{
	const pc_stream *s = find(pc, p->stream);
	if (s && (p->control || net_stream_queued(s->stream) < PC_STREAM_QUEUE_MAX))
		(void)net_stream_write(s->stream, slice_of(p->data, p->len)); /* what it does not take is lost */
}
