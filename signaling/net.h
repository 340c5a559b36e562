/*
 * signaling/net.h: the SignalR client and the room hub on libuv streams (net/stream.h). Nothing but pumping: what is
 * said is the business of signaling/client.h and signaling/hub.h.
 *
 * All on the loop's thread. Callbacks come from the loop, or from within signalr_net_flush; every function here may be called
 * inside them, free too.
 */
#ifndef PARLEY_SIGNALING_NET_H
#define PARLEY_SIGNALING_NET_H

#include "net/tls.h"
#include "signaling/client.h"
#include "signaling/hub.h"

struct uv_loop_s;

/* --- a client --- */

typedef struct signalr_net signalr_net;

typedef struct {
	/* url, access_token, reconnect, skip_negotiation and trace are taken; the randomness is the system's. */
	signalr_client_config client;
	const char *ca_file; /* NULL, or roots to believe beside the system's (PEM) */
	bool insecure;	     /* believe any certificate */
	/* Each event of the client except CONNECT and DISCONNECT, which are served here. May be NULL. */
	void (*on_event)(void *me, const signalr_client_event *event);
	void *me;
} signalr_net_config;

/* PARLEY_EINVAL, PARLEY_ENOMEM, PARLEY_EIO, PARLEY_ECRYPTO; why then has a line. Nothing is sent before signalr_client_start. */
int signalr_net_new(struct uv_loop_s *loop, const signalr_net_config *config, signalr_net **out, char why[NET_WHY_MAX]);
/* The client. After calling any function of it, call signalr_net_flush. */
signalr_client *signalr_net_client(signalr_net *n);
void signalr_net_flush(signalr_net *n);
/* No callback comes any more. What was already said is still sent. NULL is allowed. */
void signalr_net_free(signalr_net *n);

/* --- a hub --- */

typedef struct hub_net hub_net;

/* Listens, and serves. The hub must outlive the result. tls may be NULL. PARLEY_EIO: the address cannot be had; why has a line. */
int hub_net_new(struct uv_loop_s *loop, hub *h, const parley_addr *address, net_tls *tls, hub_net **out,
		char why[NET_WHY_MAX]);
parley_addr hub_net_address(const hub_net *n); /* with the port that was chosen */
/* Say Close to all and accept no more. on_stopped (may be NULL) follows when the last stream has ended. */
void hub_net_stop(hub_net *n, void (*on_stopped)(void *me), void *me);
/* Streams that are left end by themselves. NULL is allowed. */
void hub_net_free(hub_net *n);

#endif
