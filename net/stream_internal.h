/* net/stream_internal.h: how net/listener.c makes streams of what it accepts. */
#ifndef PARLEY_NET_STREAM_INTERNAL_H
#define PARLEY_NET_STREAM_INTERNAL_H

#include "net/connector.h"
#include "net/stream.h"

/* A stream over an accepted socket, which it owns from now on, also when this fails. */
int net_stream_accepted(uv_loop_t *loop, tcp_socket *socket, const net_stream_options *options, net_stream **out);
bool net_stream_has_callbacks(const net_stream *stream);

#endif
