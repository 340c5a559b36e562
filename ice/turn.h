/*
 * ice/turn.h: a TURN client (RFC 8656, and servers of RFC 5766): one allocation at one server, over UDP, TCP or TLS;
 * permissions and channels for the peers that data flows to; the envelope around that data, both ways.
 *
 * It does no I/O and knows nothing of ICE. Its owner
 *   - has a way to the server: a socket whose datagrams go to turn_server and come from there, or a stream connected to it
 *     (TLS, if wanted, is the owner's). Which of several clients a datagram is for, the owner tells by the addresses:
 *     only what came from turn_server may be handed in here. One allocation per local address and server (RFC 8656 2):
 *     two clients of one server need two sockets or streams.
 *   - sends all that turn_poll_transmit gives: one datagram each, or bytes for the stream. On a stream requests leave once:
 *     none of them may be dropped, enveloped data may (whole).
 *   - hands in what comes: turn_receive, or turn_stream_receive. Either may give application data back.
 *   - puts turn_envelop's header around the data it wants relayed, and sends that itself.
 *   - calls turn_timeout when turn_deadline has come; and after every call here empties first turn_poll_transmit, then
 *     turn_poll_event.
 *
 *   turn_create -> turn_start -> TURN_EVENT_ALLOCATED ... -> turn_close -> TURN_EVENT_CLOSED -> turn_destroy
 *                     ^   |            |-> TURN_EVENT_LOST             (turn_destroy is allowed at any time)
 *                     |   |-> TURN_EVENT_FAILED
 *                     `---'  TURN_EVENT_ALTERNATE
 *
 * LOST, FAILED and CLOSED are final: who wants to try again makes another client, from another local port where the
 * reason is 437 (RFC 8656 7.4), and not before a minute where it is 486 or 508.
 *
 * Not here: names (the owner resolves), TCP relaying (RFC 6062), even ports and reservations, ICMP errors of peers.
 * Times are monotonic microseconds. Strings given are copied. Failing calls change nothing. One thread at a time.
 */
#ifndef PARLEY_ICE_TURN_H
#define PARLEY_ICE_TURN_H

#include "base/time.h"
#include "base/trace.h"
#include "parley/types.h"
#include "stun/stun.h"

/* Limits. */
#define TURN_PERMISSIONS_MAX 64u /* peers' IP addresses; as many as an ICE agent takes remote candidates */
#define TURN_CHANNELS_MAX \
	32u /* peers with a channel, those of the last 15 minutes that must not be reused among them */
#define TURN_ALTERNATES_MAX 4u /* redirections followed, RFC 8489 10 */
#define TURN_PACKET_MAX 1200u  /* room to give to turn_poll_transmit; no request is longer (RFC 8489 6.1) */
#define TURN_USERNAME_MAX 508u /* bytes, RFC 8489 14.3 */
#define TURN_PASSWORD_MAX 512u /* bytes */
#define TURN_DATA_MAX 65000u   /* bytes of application data that still fit a datagram with the envelope around them */

/* What turn_envelop writes around the data: in front a Send indication's header, an IPv6 address and the header of DATA;
 * behind, padding to a multiple of 4. A bound channel takes 4 bytes in front, and padding on a stream only. */
#define TURN_HEADROOM 48u
#define TURN_TAILROOM 3u

#define TURN_TEXT_MAX 128u   /* characters kept of a server's SOFTWARE and of its reason phrases */
#define TURN_DOMAIN_MAX 253u /* characters of ALTERNATE-DOMAIN: a DNS name */

typedef struct turn_client turn_client;

typedef enum { TURN_IPV4 = 1, TURN_IPV6 = 2, TURN_BOTH = 3 } turn_families;

typedef struct {
	parley_random random;	      /* required */
	struct trace *trace;	      /* or NULL; must outlive the client */
	parley_addr server;	      /* required. Of transport PARLEY_TCP: a stream, TCP or TLS */
	slice username, password;     /* required, both not empty; prepared as stun/auth.h says */
	turn_families families;	      /* relayed addresses to ask for, default IPv4. Any that comes is a success */
	uint32_t lifetime_s;	      /* asked for, default 600 (RFC 8656 6); the server decides */
	uint64_t rto_us;	      /* first retransmission on UDP, default 500 ms, doubling (RFC 8489 6.2.1) */
	uint64_t allocate_timeout_us; /* from turn_start to FAILED at the latest, default 10 s, redirections included */
	uint64_t
		request_timeout_us; /* any later request unanswered so long has failed, default 39.5 s (RFC 8489 6.2) */
	uint64_t
		keepalive_us; /* nothing sent for so long: a Binding indication, for the NATs before a UDP server. 0: never;
				* default 15 s. Not on streams */
} turn_config;

typedef enum {
	TURN_NEW,	 /* until turn_start; on a stream also after TURN_EVENT_ALTERNATE */
	TURN_ALLOCATING, /* Allocate sent */
	TURN_ALLOCATED,
	TURN_CLOSING, /* being deleted */
	TURN_CLOSED,
	TURN_LOST,   /* there was an allocation and it is gone */
	TURN_FAILED, /* there was none */
} turn_state;

typedef enum {
	TURN_EVENT_ALLOCATED, /* relayed, mapped, lifetime_s, software; of TURN_BOTH maybe one, with why the other is missing */
	TURN_EVENT_ALTERNATE, /* server, domain: see turn_start */
	TURN_EVENT_PERMITTED, /* peer (port 0): data flows to and from this IP now. Once, not at every refresh */
	TURN_EVENT_REFUSED,   /* peer (port 0), error, code, reason: no permission for it, or no longer */
	TURN_EVENT_ALIVE,     /* the server has confirmed the allocation: the answer to turn_probe, or a refresh */
	TURN_EVENT_LOST,      /* error, code, reason; relayed addresses, permissions and channels are gone */
	TURN_EVENT_FAILED,    /* error, code, reason */
	TURN_EVENT_CLOSED,    /* after turn_close: deleted, or the server did not say so in time */
} turn_event_type;

/* A copy: valid as long as the caller keeps it. What the type does not list is zero. */
typedef struct {
	turn_event_type type;
	parley_addr relayed_ipv4, relayed_ipv6; /* family PARLEY_ADDR_NONE: none */
	parley_addr mapped; /* our address as the server sees it, for a server-reflexive candidate; or NONE */
	uint32_t lifetime_s;
	char software[TURN_TEXT_MAX + 1]; /* of the server, printable ASCII; "" if it does not say */
	parley_addr peer;
	parley_addr server;
	char domain[TURN_DOMAIN_MAX + 1]; /* what the TLS certificate must name; "": the name it had to name before */
	/*
	 * PARLEY_EAUTH: user name or password (401, 441), or answers without valid integrity; PARLEY_ETIMEDOUT: no answer, or expired; PARLEY_EUNSUPPORTED: a
	 * family, transport or attribute the server does not know (420, 440, 442, 443); PARLEY_EPROTO: what it sent breaks
	 * the protocol; PARLEY_ECLOSED: the stream ended, or the allocation is unknown to the server (437);
	 * PARLEY_EREFUSED: any other error response; PARLEY_EUNREACHABLE: a peer of a family we have no relayed address
	 * of; PARLEY_ENOMEM, PARLEY_ECRYPTO or the random source's error.
	 */
	int error;
	unsigned code;			/* of the STUN error response, 0: none */
	char reason[TURN_TEXT_MAX + 1]; /* in English, then the server's own words; printable ASCII */
} turn_event;

/* Application data that came relayed. */
typedef struct {
	parley_addr relayed; /* ours, that it was sent to */
	parley_addr peer;    /* who sent it */
	slice data;	     /* borrowed: see the function that gave it */
} turn_data;

/* Counters since turn_create. */
typedef struct {
	uint64_t requests_sent, requests_resent; /* first sends, retransmissions */
	uint64_t responses_received;		 /* successes and errors that answered a request */
	uint64_t challenges;			 /* 401 and 438 that were answered */
	uint64_t indications_sent, channel_sent; /* data enveloped as Send indication, as ChannelData */
	uint64_t indications_received,
		channel_received; /* data delivered out of a Data indication, out of ChannelData */
	uint64_t keepalives_sent;
	uint64_t drop_malformed;    /* neither STUN nor ChannelData, or not of TURN, or a wrong FINGERPRINT */
	uint64_t drop_unauthorised; /* responses without valid integrity */
	uint64_t drop_unmatched;    /* responses nobody waits for; channels that are not bound */
	uint64_t drop_unpermitted;  /* data from a peer without a permission; data for one (turn_envelop) */
} turn_counters;

void turn_config_default(turn_config *config); /* random, server, username and password remain to be set */

/* PARLEY_EINVAL: something required is missing or out of range; PARLEY_ENOMEM. */
int turn_create(const turn_config *config, turn_client **out);
void turn_destroy(turn_client *c); /* NULL is allowed. Wipes what is secret */

/*
 * Sends Allocate. On a stream: once it is connected. PARLEY_ESTATE: not TURN_NEW.
 *
 * TURN_EVENT_ALTERNATE: the server sends us to another, which turn_server names from now on. On UDP the client has begun
 * there already: the owner only sends to the new address, and takes answers from there. On a stream the owner closes the
 * old one, connects a new one (TLS: that shows a certificate for domain), and calls turn_start again. No server is asked
 * twice (RFC 8489 10).
 */
int turn_start(turn_client *c, uint64_t now);
/* Deletes the allocation: Refresh with lifetime 0. TURN_EVENT_CLOSED comes after the answer, or without one within 2 s; at
 * once if there is nothing to delete. The owner need not wait: to send what turn_poll_transmit gives is enough. */
void turn_close(turn_client *c, uint64_t now);

/* A datagram came from the server. True: it carried application data, *out; out->data borrows from it. */
bool turn_receive(turn_client *c, uint64_t now, slice datagram, turn_data *out);
/*
 * Bytes came on the stream, cut in any way. Takes them off the front of *in. True: application data came, *out: call again
 * for the rest. False: *in is empty. out->data borrows from the bytes given or from the client, until the next call. What
 * cannot be TURN fails the client (TURN_EVENT_FAILED or LOST with PARLEY_EPROTO): close the stream.
 *
 *   while (turn_stream_receive(c, now, &in, &out))
 *       deliver(&out);
 */
bool turn_stream_receive(turn_client *c, uint64_t now, slice *in, turn_data *out);
/* The stream could not be connected, or ended: FAILED or LOST with this error, and why (English, or NULL) in reason. */
void turn_stream_closed(turn_client *c, uint64_t now, int error, const char *why);

/*
 * Wants a permission for the peer's IP (the port does not count), now and until turn_forbid: several are asked for in one
 * request, and refreshed in time. May come before the allocation, then it waits. Twice the same: 0, nothing happens.
 * TURN_EVENT_PERMITTED or TURN_EVENT_REFUSED tells. PARLEY_EREFUSED: the server refused it within the
 * last minute. PARLEY_EUNREACHABLE: we have, or want, no relayed address of this family. PARLEY_EINVAL: no peer can have
 * this address (none, any, multicast, v4-mapped). PARLEY_ELIMIT; PARLEY_ESTATE: closing or over.
 */
int turn_permit(turn_client *c, uint64_t now, const parley_addr *peer);
/* No longer: data from it is dropped at once, permission and channels are no longer refreshed. Unknown: nothing happens. */
void turn_forbid(turn_client *c, const parley_addr *peer);
/* Is there a permission: does turn_envelop work for it? */
bool turn_is_permitted(const turn_client *c, uint64_t now, const parley_addr *peer);

/*
 * Wants a channel to this peer, ip and port, for data that flows (4 bytes of overhead instead of 36 to 48), and a permission
 * with it, until turn_unbind. Data goes in Send indications until it is bound, and if the server refuses (no event tells;
 * tried again after a minute). Errors as of turn_permit; PARLEY_ELIMIT also costs nothing but overhead.
 */
int turn_bind(turn_client *c, uint64_t now, const parley_addr *peer);
/* The channel is no longer refreshed; it is used as long as it lasts, its permission is kept. */
void turn_unbind(turn_client *c, const parley_addr *peer);

/*
 * Puts the envelope for peer around the application data p->data[0..p->len), in place. TURN_HEADROOM bytes in front of
 * p->data must be there to be written, and p->capacity be p->len + TURN_TAILROOM or more. p then tells of the whole: send it
 * to the server. PARLEY_ESTATE: no allocation, or no permission (yet, or any more): drop it, it is counted.
 * PARLEY_EMSGSIZE: more than TURN_DATA_MAX, or no tailroom; or the random source's error. p is then unchanged.
 */
int turn_envelop(turn_client *c, uint64_t now, const parley_addr *peer, packet *p);

/*
 * Is the allocation still there? Asks the server now, by a Refresh: for when a relayed path has gone silent, as a server
 * that was restarted (437) would else be noticed minutes later. TURN_EVENT_ALIVE or TURN_EVENT_LOST answers; silence means
 * that the server cannot be reached, and then LOST comes when the allocation has expired. Requests that are under way are sent
 * again, unless they left within the last half second; so calling this every few seconds is fine.
 */
void turn_probe(turn_client *c, uint64_t now);

void turn_timeout(turn_client *c, uint64_t now);
uint64_t turn_deadline(const turn_client *c); /* TIME_NEVER: none */
/* The caller provides data (TURN_PACKET_MAX bytes). */
bool turn_poll_transmit(turn_client *c, uint64_t now, packet *out);
bool turn_poll_event(turn_client *c, turn_event *out);

turn_state turn_get_state(const turn_client *c);
const char *turn_state_name(turn_state state);
/* Where what turn_poll_transmit and turn_envelop gave goes; changes with TURN_EVENT_ALTERNATE only, and before that event is
 * told. Valid until turn_destroy. */
const parley_addr *turn_server(const turn_client *c);
/* Our relayed address of a family. False: none (also before ALLOCATED, and afterwards). */
bool turn_relayed(const turn_client *c, enum parley_family family, parley_addr *out);
void turn_get_counters(const turn_client *c, turn_counters *out);

/* For people: state, addresses, permissions, channels, requests under way. No passwords. */
void turn_dump(const turn_client *c, uint64_t now, text *out);
/* Asserts what must hold between calls. For tests and fuzzers. */
void turn_check_invariants(const turn_client *c);

#endif
