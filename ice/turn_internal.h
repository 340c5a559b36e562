/*
 * ice/turn_internal.h: the TURN client's data and what its files call in each other.
 *
 *   turn_client.c      life, state, events, time, what leaves
 *   turn_request.c     requests under way: building, credentials, matching answers, giving up
 *   turn_allocation.c  Allocate, Refresh, deletion, redirection
 *   turn_permission.c  permissions
 *   turn_channel.c     channels
 *   turn_data.c        messages in: datagrams and streams; the envelope out
 *   turn_dump.c        tables, invariants
 *
 * A request is about to be sent when its subject (the allocation, permissions, a channel) is due and a slot is free;
 * turn_poll_transmit starts what is due, so that what one call of the owner wants goes in few requests.
 */
#ifndef PARLEY_ICE_TURN_INTERNAL_H
#define PARLEY_ICE_TURN_INTERNAL_H

#include "base/buf.h"
#include "ice/turn.h"

#define TURN_SOFTWARE "parley"	     /* RFC 8656 5: SHOULD be in Allocate and Refresh */
#define TURN_LIFETIME_DEFAULT_S 600u /* RFC 8656 6 */
#define TURN_LIFETIME_MAX_S \
	3600u /* RFC 8656 7.2: servers should not give more; we ask again after that at the latest */
#define TURN_REFRESH_AHEAD_US (60 * US_PER_S)	     /* RFC 8656 8: about a minute before it expires */
#define TURN_REFRESH_RETRY_US (5 * US_PER_S)	     /* a refresh that failed without a verdict is tried again */
#define TURN_PERMISSION_LIFETIME_US (300 * US_PER_S) /* RFC 8656 9 */
#define TURN_PERMISSION_AHEAD_US (60 * US_PER_S)     /* room for all retransmissions of the refresh */
#define TURN_PERMISSION_TOGETHER_US (30 * US_PER_S)  /* refreshes due within this time share a request */
#define TURN_PERMISSIONS_PER_REQUEST 16u	     /* 16 IPv6 addresses are 384 bytes: fits beside the credentials */
#define TURN_CHANNEL_LIFETIME_US (600 * US_PER_S)    /* RFC 8656 12 */
#define TURN_CHANNEL_AHEAD_US (60 * US_PER_S)
#define TURN_CHANNEL_REST_US (300 * US_PER_S) /* RFC 8656 12: number and peer may be bound otherwise only after that */
#define TURN_REFUSED_US (60 * US_PER_S)	      /* what was refused is not asked for again before */
#define TURN_CLOSE_WAIT_US (2 * US_PER_S)
#define TURN_PROBE_RESEND_US (500 * US_PER_MS)
#define TURN_UNIT_MAX (STUN_HEADER_SIZE + 65536u) /* of a stream: the longest message or ChannelData there is */

/* Slots for requests under way: one is the allocation's own, so that nothing delays a refresh. */
#define TURN_REQUESTS_MAX 5u
#define TURN_ALLOCATION_SLOT 0u
#define TURN_NO_SLOT TURN_REQUESTS_MAX

typedef enum {
	TURN_ASK_ALLOCATE,
	TURN_ASK_REFRESH,
	TURN_ASK_DELETE,
	TURN_ASK_PERMISSIONS, /* of all turn_permission with this slot */
	TURN_ASK_CHANNEL,     /* the turn_channel with this slot */
} turn_ask;

typedef struct {
	turn_ask ask;
	stun_txn txn; /* IDLE: the slot is free */
	uint8_t *bytes;
	size_t len;
	uint64_t started; /* the server's timers began no earlier */
	uint64_t give_up;
	uint32_t challenge;   /* built with the credentials of this one: turn_client.challenge then */
	bool violated;	      /* a response without valid integrity came: said if no other comes (RFC 8489 9.2.5) */
	unsigned hinted_code; /* ... and this was its error code, for people */
} turn_request;

/* Why something did not work: as in turn_event. */
typedef struct {
	int error;
	unsigned code;
	bool unauthentic; /* code is what somebody without the key says */
} turn_failure;

typedef struct {
	bool used;
	parley_addr ip;	  /* port 0 */
	size_t slot;	  /* of the request under way, or TURN_NO_SLOT */
	uint64_t due;	  /* when to ask (again); TIME_NEVER: not */
	uint64_t expires; /* installed until then; 0: not */
	uint64_t refused_until;
	turn_failure failure;
	bool alone; /* a request for several was refused: this one is asked for by itself */
	bool permitted_told;
	bool tell_permitted, tell_refused; /* events to come */
} turn_permission;

typedef struct {
	bool used;
	bool wanted; /* to be kept */
	uint16_t number;
	parley_addr peer;
	size_t slot;
	uint64_t due;
	uint64_t expires;    /* bound until then; 0: not */
	uint64_t rest_until; /* number and peer may be bound otherwise from then on */
} turn_channel;

struct turn_client {
	turn_config config; /* its slices point to the two texts below */
	char username[TURN_USERNAME_MAX + 1], password[TURN_PASSWORD_MAX + 1];
	turn_state state;
	turn_counters counters;

	parley_addr server;
	parley_addr tried[TURN_ALTERNATES_MAX + 1];
	size_t tried_count;
	char domain[TURN_DOMAIN_MAX + 1];

	stun_credentials credentials;
	uint32_t challenge; /* how many were taken */
	turn_request requests[TURN_REQUESTS_MAX];

	turn_families families; /* still asked for */
	bool started;
	uint64_t allocate_by;
	parley_addr relayed_ipv4, relayed_ipv6, mapped;
	uint32_t lifetime_s;
	char software[TURN_TEXT_MAX + 1];
	unsigned missing_code; /* why one family of two is missing */
	uint64_t expires, refresh_due;

	turn_permission permissions[TURN_PERMISSIONS_MAX];
	turn_channel channels[TURN_CHANNELS_MAX];
	size_t permission_count, channel_count; /* places that have ever been used: the others need no looking at */
	uint16_t next_number;

	buf partial;	   /* the unfinished unit of the stream */
	bool partial_done; /* it was finished and given away: drop it */

	uint64_t last_sent;
	bool keepalive_wanted;

	bool tell_alternate, tell_allocated, tell_alive, tell_over;
	turn_failure over;
	char over_why[TURN_TEXT_MAX + 1]; /* in place of what is known of the failure; "": nothing */
	char words[TURN_TEXT_MAX + 1];	  /* the reason phrase of the last error response ... */
	unsigned words_code;		  /* ... which had this code */
};

static inline bool turn_on_stream(const turn_client *c)
{
	return c->server.transport == PARLEY_TCP;
}

/* --- turn_client.c --- */

void turn_set_state(turn_client *c, turn_state state);
/* The allocation, or the attempt at one, is over: LOST or FAILED (or CLOSED while closing). why: NULL, or what says more
 * than the failure does. */
void turn_over(turn_client *c, turn_failure failure, const char *why);
bool turn_is_live(const turn_client *c); /* something may still come of it */
turn_failure turn_failure_of(unsigned code);
/* The server has refused, and would again: unlike silence, its own errors (5xx), and what is wrong with us. */
bool turn_is_verdict(turn_failure failure);
void turn_note_words(turn_client *c, const stun_message *m);

/* --- turn_request.c --- */

bool turn_slot_free(const turn_client *c, size_t *slot); /* one for permissions and channels */
/* Builds and starts it; subjects are marked with the slot already. On error the slot is free and nothing else changed. */
int turn_request_start(turn_client *c, uint64_t now, size_t slot, turn_ask ask, uint64_t give_up);
void turn_request_release(turn_client *c, size_t slot);
void turn_request_receive(turn_client *c, uint64_t now, const stun_message *m);
void turn_request_timeout(turn_client *c, uint64_t now);
/* What waits for its turn, which may be long after the network was away, is sent now: anew, if it was sent as often as it may be. */
void turn_requests_hurry(turn_client *c, uint64_t now);
bool turn_request_transmit(turn_client *c, uint64_t now, packet *out);
uint64_t turn_request_deadline(const turn_client *c);

/* --- what each kind of request does; m: the success, or the error response, or NULL where none came --- */

void turn_allocate(turn_client *c, uint64_t now);
void turn_delete(turn_client *c, uint64_t now);
void turn_put_allocate(const turn_client *c, writer *w);
void turn_allocate_answered(turn_client *c, uint64_t now, const stun_message *m);
void turn_allocate_failed(turn_client *c, uint64_t now, turn_failure failure, const stun_message *m);
void turn_refresh_start(turn_client *c, uint64_t now);
void turn_refresh_answered(turn_client *c, uint64_t now, const stun_message *m);
void turn_refresh_failed(turn_client *c, uint64_t now, turn_failure failure);

void turn_permissions_start(turn_client *c, uint64_t now);
bool turn_put_permissions(const turn_client *c, size_t slot, writer *w); /* false: none is left */
void turn_permissions_answered(turn_client *c, size_t slot);
void turn_permissions_failed(turn_client *c, uint64_t now, size_t slot, turn_failure failure);
void turn_permissions_timeout(turn_client *c, uint64_t now);
uint64_t turn_permissions_deadline(const turn_client *c);
void turn_permissions_allocated(turn_client *c, uint64_t now); /* refuses those of families we did not get */
/* A channel was bound: the permission with it (RFC 8656 12.3). */
void turn_permission_installed(turn_client *c, const parley_addr *peer, uint64_t since);
/* Data from it may be believed: there is a permission, or one is being asked for and may be there already. */
bool turn_permission_expected(const turn_client *c, uint64_t now, const parley_addr *peer);

void turn_channels_start(turn_client *c, uint64_t now);
bool turn_put_channel(const turn_client *c, size_t slot, writer *w);
void turn_channel_answered(turn_client *c, size_t slot);
void turn_channel_failed(turn_client *c, uint64_t now, size_t slot, turn_failure failure);
uint64_t turn_channels_deadline(const turn_client *c);
void turn_channels_forbid(turn_client *c, const parley_addr *ip);
const turn_channel *turn_channel_bound(const turn_client *c, uint64_t now, const parley_addr *peer);
const turn_channel *turn_channel_numbered(const turn_client *c, uint16_t number);

#endif
