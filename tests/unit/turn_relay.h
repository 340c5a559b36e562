/*
 * tests/unit/turn_relay.h: a TURN client, a scripted server and virtual time. The server answers as its settings say; or a
 * test answers by itself, by the relay_reply functions.
 */
#ifndef PARLEY_TESTS_TURN_RELAY_H
#define PARLEY_TESTS_TURN_RELAY_H

#include "base/rng.h"
#include "ice/turn.h"

#define RELAY_SENT_MAX 64
#define RELAY_EVENTS_MAX 128
#define RELAY_MESSAGE_MAX 2048
#define RELAY_REALM "realm.test"

typedef enum { RELAY_NO_AUTH, RELAY_SHA1, RELAY_SHA256 } relay_auth;

typedef struct {
	uint64_t at;
	parley_addr to;
	size_t len;
	uint8_t bytes[TURN_PACKET_MAX];
	stun_message m; /* borrows from bytes */
} relay_sent;

typedef struct {
	turn_client *c;
	uint64_t now;
	rng_seeded rng;
	turn_config config;

	/* The server. */
	relay_auth auth;
	const char *nonce;    /* anything else in a request is stale */
	const char *password; /* what it knows */
	bool mute;
	bool allocated;
	uint32_t lifetime_s;
	bool no_families;	/* RFC 5766: 420 for REQUESTED-ADDRESS-FAMILY, ADDITIONAL-ADDRESS-FAMILY ignored */
	bool only_ipv4;		/* of both: ADDRESS-ERROR-CODE 440 for IPv6 */
	parley_addr forbidden;	/* a peer's ip: 403 */
	unsigned channel_error; /* for every ChannelBind */

	/* What the client sent since relay_forget, in order, and told. */
	relay_sent sent[RELAY_SENT_MAX];
	size_t sent_count, served;
	turn_event events[RELAY_EVENTS_MAX];
	size_t event_count;
	/* What came out of the last message that was handed in. */
	bool got_data;
	turn_data data;
	uint8_t unit[RELAY_MESSAGE_MAX + 4]; /* the last message handed in: data borrows from it */
	size_t cut;			     /* on a stream: hand in this many bytes at once; 0: all */
} relay;

extern const parley_addr RELAY_SERVER, RELAY_ALTERNATE, RELAY_RELAYED, RELAY_RELAYED6, RELAY_MAPPED, RELAY_PEER,
	RELAY_PEER6;

void relay_init(relay *w, bool stream); /* config may then be changed */
void relay_start(relay *w);		/* creates and starts the client */
void relay_end(relay *w);
/* From nothing to ALLOCATED, events forgotten. */
void relay_allocate(relay *w, bool stream);

/* Empties the client's queues into sent and events. */
void relay_pump(relay *w);
/* The server answers all that was not yet served; again until nothing more is sent. */
void relay_serve(relay *w);
/* Lets time go by, deadline by deadline, serving, until `until`. */
void relay_run(relay *w, uint64_t until);
void relay_forget(relay *w);
/* Hands a message in, as the server's. */
void relay_hand_in(relay *w, slice message);

/* The last request sent; fails the test if there is none. */
const relay_sent *relay_last(const relay *w);
/* How many of this method and class were sent since relay_forget. */
size_t relay_count(const relay *w, uint16_t method);
/* How many events of this type; the last of them, which must exist. */
size_t relay_events(const relay *w, turn_event_type type);
const turn_event *relay_event(const relay *w, turn_event_type type);

/* Answers to request r. The key, if any, is that of the server's realm and password. */
void relay_begin_reply(const relay *w, writer *out, stun_class class, const relay_sent *r);
void relay_end_reply(relay *w, writer *out, bool is_signed); /* and hands it in */
void relay_reply_error(relay *w, const relay_sent *r, unsigned code, bool is_signed);
void relay_challenge(relay *w, const relay_sent *r, unsigned code);	   /* 401 or 438 with realm and nonce */
void relay_send_data(relay *w, const parley_addr *peer, const char *what); /* a Data indication */
void relay_send_channel(relay *w, uint16_t number, const char *what);

#endif
