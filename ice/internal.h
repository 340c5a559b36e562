/*
 * ice/internal.h: the agent's data and what its files call in each other.
 *
 *   agent.c      life, credentials, state, time, the event queue
 *   credentials.c  ufrags and passwords
 *   base.c       bases, which packets leave from and come to, and the candidates at them
 *   hidden.c     names for our addresses
 *   wire.c       from a path between two addresses to what the owner sends
 *   servers.c    STUN and TURN servers
 *   gather.c     asking STUN servers
 *   relay.c      allocations at TURN servers, and the permissions that paths through them need
 *   tcp.c        connections of ICE over TCP, and the frames on them
 *   restart.c    restarts and rollbacks: the generation before is kept
 *   remote.c     the remote's credentials and candidates, names, early requests
 *   checklist.c  pairs: forming, order, freezing, the triggered queue
 *   check.c      our checks: sending, responses
 *   nominate.c   which pair is nominated, by us or by the peer
 *   lite.c       the little that an ICE-lite agent does instead of checking
 *   server.c     the remote's checks: authentication, roles, triggered checks
 *   path.c       the pair that carries data: selection, signs of life, consent
 *   dump.c       counters, tables, invariants
 *
 * Every public call that changes something ends in ice_settle, which starts what may start and derives the state.
 */
#ifndef PARLEY_ICE_INTERNAL_H
#define PARLEY_ICE_INTERNAL_H

#include "base/array.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/rng.h"
#include "ice/ice.h"
#include "ice/mdns_responder.h"
#include "ice/pulse.h"
#include "ice/turn.h"
#include "stun/stun.h"

#define ICE_NO_BASE SIZE_MAX
#define ICE_COMPONENT 1u   /* BUNDLE and rtcp-mux: the only one */
#define ICE_PWD_LENGTH 24u /* RFC 8839 5.4: at least 128 bits; 144 here */
#define ICE_UFRAG_MIN 4u   /* RFC 8839 5.4: at least 24 bits of randomness */
#define ICE_PWD_MIN 22u
#define ICE_MESSAGE_MAX 1200u	/* of those built here, before they are enveloped */
#define ICE_EVENTS_MAX 256u	/* far more than one call can cause; beyond it the oldest goes */
#define ICE_EVENTS_FIRST 16u	/* room for so many is there from the start */
#define ICE_CONSENT_PENDING 32u /* checks of the path remembered: all of a doubt, and 10 s of a silent one */
#define ICE_SRFLX_KEEPALIVE_US (15 * US_PER_S) /* RFC 8445 5.1.1.4, 11: keep the NAT's binding */
#define ICE_CONFLICTS_MAX 8u		       /* a pair whose checks meet more is given up */
#define ICE_NOMINATION_MAX 0xffffffu	       /* draft-thatcher-ice-renomination-01 4: 24 bits */
#define ICE_NOMINATION_SENDS 2u /* of a nomination in vain, in 1.5 s, before another pair that works may get it */
#define ICE_CANCELLED_MAX 16u	/* checks of a pair that were cancelled and may yet be answered: 0.8 s of them */
#define ICE_TRIGGERS_MAX 64u	/* cancelled in a row: a peer cannot keep a pair in progress for ever */
#define ICE_RTO_MIN_US (500 * US_PER_MS)   /* RFC 8445 14.3 */
#define ICE_TA_DEFAULT_US (50 * US_PER_MS) /* RFC 8445 14.2: of one who does not say */
#define ICE_TA_MAX_US (1 * US_PER_S)	   /* what a peer can slow us down to */
#define ICE_TA_MIN_US (5 * US_PER_MS)	   /* RFC 8445 14.2 */
#define ICE_CONSENT_MIN_US (5 * US_PER_S)  /* RFC 7675 5.1: never less than 4 s, that is 0.8 of 5 s */

/* ufrag and pwd of one side: of a generation, and of the path that was made in it. In the heap, with its texts. */
typedef struct {
	unsigned holders;
	size_t size; /* of the texts */
	const char *ufrag, *pwd;
	char texts[];
} ice_credentials;

/* A server that was added, in the heap with its texts. */
typedef struct {
	size_t size;
	bool turn;
	ice_over over;
	parley_addr addr;
	uint32_t since, until; /* the generations in which it is asked: from since on, before until */
	slice username, password;
	const char *name;
	char texts[];
} ice_server;

/* Why a server did not help: as in ice_server_info. */
typedef struct {
	int error;
	unsigned code;
	char reason[ICE_REASON_MAX + 1];
} ice_failure;

typedef enum {
	ICE_RELAY_WAITING,    /* for its turn to ask */
	ICE_RELAY_CONNECTING, /* the stream has been asked for */
	ICE_RELAY_ALLOCATING,
	ICE_RELAY_ALLOCATED,
	ICE_RELAY_FAILED, /* until retry_at */
	ICE_RELAY_ENDING, /* the server is being told */
} ice_relay_state;

/* An allocation at a TURN server, wanted or made: of one socket, or with a stream of its own. In the heap, as bases refer to it. */
typedef struct {
	ice_relay_state state;
	ice_server *server;
	size_t base;			  /* the socket's, or ICE_NO_BASE */
	uint32_t stream;		  /* 0: none */
	turn_client *client;		  /* NULL in WAITING and FAILED */
	parley_addr mapped;		  /* the socket as the server sees it */
	char domain[TURN_DOMAIN_MAX + 1]; /* what another server's certificate must name, to which we were sent */
	bool gathering;			  /* gathering is not complete before it is ready */
	bool worked;			  /* there has been an allocation */
	bool confirmed;			  /* and it is there in this generation too: its candidates may be told */
	uint64_t asked_at, took_us;
	uint64_t retry_us, retry_at;
	ice_failure failure;
} ice_relay;

/* A TCP connection of ICE's own (RFC 6544), of the path between its base and remote. In the heap. */
typedef struct {
	uint32_t stream;
	size_t base;
	bool open;
	parley_addr local; /* where it really comes from; the active base says port 9 */
	parley_addr remote;
	uint64_t trusted_until; /* accepted: until then it need not have proved anything; 0: ours */
	buf in;			/* a frame that is not whole; mostly empty */
} ice_connection;

typedef enum { ICE_BASE_UDP, ICE_BASE_RELAY, ICE_BASE_TCP_ACTIVE, ICE_BASE_TCP_PASSIVE } ice_base_kind;

/* Where packets leave from and come to (RFC 8445 4). A slot is not used for another address while anything refers to it. */
typedef struct {
	bool used;
	ice_base_kind kind;
	ice_relay *relay; /* of this kind only: who sends from there for us */
	parley_addr addr;
	uint16_t preference; /* the local preference of RFC 8445 5.1.2.1 */
	bool offered;	     /* there is a candidate of this very address: only then it is paired */
} ice_base;

/* What an address of ours is called in candidates. */
typedef struct {
	parley_addr ip; /* port 0 */
	char text[MDNS_RANDOM_NAME_SIZE];
} ice_own_name;

typedef struct {
	uint32_t id;
	ice_candidate candidate; /* of a hidden one both the address and the name */
	size_t base;
	const ice_server *server; /* that told of it, part of the foundation; or NULL */
} ice_local;

typedef enum { ICE_NAME_NONE, ICE_NAME_ASKED, ICE_NAME_FAILED } ice_name_state;

typedef struct {
	uint32_t id;
	ice_candidate candidate; /* with addr filled in once the name is resolved */
	bool learnt;		 /* peer-reflexive */
	ice_name_state name;
} ice_remote;

/* What a check says of its sender's role and choice. */
typedef struct {
	bool controlling;
	bool nominates;	 /* USE-CANDIDATE */
	bool has_number; /* NOMINATION */
	uint32_t number;
} ice_intent;

/* A Binding request on its way. It is built anew, byte for byte the same, for each retransmission. */
typedef struct {
	bool active;
	stun_id id;
	ice_intent intent;
	bool resent; /* the round trip cannot be told (Karn) */
	bool once;   /* not sent again by time */
	uint32_t sends;
	uint64_t wait_us; /* until the next sending, or after the last until failure */
	uint64_t sent_at, due;
} ice_check;

/* A check that is not retransmitted any more, but still answerable (RFC 8445 7.3.1.4). */
typedef struct {
	bool resent;
	stun_id id;
	ice_intent intent;
	uint64_t sent_at;
} ice_cancelled;

typedef struct ice_pair {
	list_node triggered; /* in agent.triggered, or a ring of its own */
	uint32_t id;
	size_t base;
	ice_local *local;  /* the candidate that is the base itself */
	ice_local *mapped; /* the local candidate of the valid pair (RFC 8445 7.2.5.3.2); NULL until valid */
	ice_remote *remote;
	parley_addr remote_addr; /* with the scope to send to */
	ice_pair_state state;
	uint64_t priority;
	bool valid;
	bool nominated;
	bool nominating;	  /* controlling: the next check carries USE-CANDIDATE */
	uint32_t nomination;	  /* controlling, with renomination: the number it carries */
	bool use_candidate;	  /* controlled: the last request from there had USE-CANDIDATE */
	bool asked_plainly;	  /* controlled: one from there had none, though the peer controlled */
	bool nominate_when_valid; /* controlled: it came before the pair was valid */
	bool heard;		  /* an authentic request came this way */
	bool revoked;		  /* consent was lost: never checked again in this generation (RFC 7675 5.1) */
	bool unpermitted;	  /* the relay lets nothing through yet */
	ice_check check;
	ice_cancelled *cancelled; /* an array that grows, the oldest first */
	size_t cancelled_count;
	uint32_t triggers; /* checks cancelled for another since the last answer */
	uint64_t requests_sent, responses_received, requests_received, responses_sent, consent_sent;
	bool has_rtt;
	uint64_t rtt_us, total_rtt_us;
	uint64_t last_sent, last_received;
	uint64_t answered_at; /* the last successful check: consent counts from here */
	uint32_t conflicts;   /* 487 answers to its checks */
} ice_pair;

typedef enum { ICE_GATHER_WAITING, ICE_GATHER_ASKED, ICE_GATHER_DONE, ICE_GATHER_FAILED } ice_gather_state;

/* One socket asking one STUN server. */
typedef struct {
	ice_gather_state state;
	size_t base;
	const ice_server *server;
	stun_id id;
	uint64_t wait_us, due, give_up;
	uint64_t asked_at, took_us;
	ice_failure failure;
	bool refreshing; /* DONE, and a keepalive is unanswered: id is its */
} ice_gather;

typedef struct {
	stun_id id;
	uint64_t sent_at;
} ice_consent_check;

/* The pair that carries data, with the credentials it was made with, so that it survives a restart. */
typedef struct {
	bool active;
	bool nominated;
	uint32_t generation;
	uint32_t pair_id;
	size_t base;
	parley_addr local, remote;
	ice_credentials *local_credentials, *remote_credentials;
	ice_consent_check *pending; /* an array that grows, the oldest first */
	size_t pending_count;
	uint64_t next_check, expiry;
	ice_pulse pulse;
} ice_path;

/* A request that came before the remote credentials. */
typedef struct {
	parley_addr local, remote;
	uint32_t ufrag_hash; /* of the sender's */
	uint32_t priority;
	ice_intent intent;
} ice_early;

typedef struct {
	list_node node;
	ice_packet packet; /* for its path, not yet in an envelope */
	uint8_t bytes[];
} ice_outgoing;

/* Application data that came wrapped. */
typedef struct {
	list_node node;
	ice_datagram datagram;
	uint8_t bytes[];
} ice_incoming;

typedef struct {
	ice_event_type type;
	uint32_t generation;
	uint32_t value; /* a state, a role, a candidate's id, a stream */
} ice_queued_event;

typedef struct ice_former ice_former;

struct ice_agent {
	ice_config config;
	bool controlling;
	uint64_t tie_breaker;
	uint32_t generation,
		last_generation; /* a restart takes the next number, a rollback goes back to an older one */
	ice_former *former;	 /* NULL: the generation is agreed on */
	uint32_t next_id;
	ice_state state;
	ice_gathering gathering;
	ice_credentials *local, *remote; /* remote: NULL until they are known */
	bool remote_lite;

	/* arrays that grow (base/array.h), up to the limits in ice.h */
	ice_base *bases;
	size_t base_count;
	ice_server **servers;
	size_t server_count;
	uint32_t servers_since; /* the generation from which those added now are asked */
	ice_relay **relays;
	size_t relay_count;
	ice_connection **connections;
	size_t connection_count;
	uint32_t last_stream;
	bool end_of_sources;
	ice_gather *gathers;
	size_t gather_count;
	uint32_t next_foundation;

	ice_own_name *own_names;
	size_t own_name_count;
	ice_local **locals;
	size_t local_count;
	ice_remote **remotes;
	size_t remote_count, learnt_count;
	bool end_of_remote;
	ice_early *early;
	size_t early_count;

	ice_pair **pairs; /* by priority, the best first */
	size_t pair_count;
	list_node triggered;
	bool checks_begun;
	ice_remote_options remote_options;
	uint64_t ta_us;				      /* agreed with the peer (RFC 8445 14.2) */
	uint32_t nominations_made, nominations_heard; /* the largest numbers */
	bool in_haste;				      /* nothing came through when this generation began */
	bool concluded;				      /* something is nominated: no new ordinary checks */
	bool gather_turn;			      /* both want to send: whose turn */
	bool relay_turn;			      /* the same among servers: TURN before STUN */
	uint64_t next_start;			      /* pacing: no new transaction before */
	bool has_valid_since;
	uint64_t valid_since;  /* the first valid pair of this generation */
	uint64_t pac_deadline; /* TIME_NEVER until the remote is known */
	bool pac_expired;

	ice_path path;

	list_node outgoing;
	size_t outgoing_count;
	list_node incoming;
	size_t incoming_bytes;
	ice_incoming *polled;	  /* given last: still in use */
	ice_queued_event *events; /* a ring */
	size_t event_first, event_count, event_capacity;
	ice_counters counters;
};

/* agent.c */
void ice_settle(ice_agent *a, uint64_t now);
void ice_queue_event(ice_agent *a, ice_event_type type, uint32_t value);
void ice_set_gathering(ice_agent *a, ice_gathering gathering);
void ice_take_role(ice_agent *a, bool controlling);
int ice_receive_stun(ice_agent *a, uint64_t now, const parley_addr *local, const parley_addr *remote, slice message);

void ice_state_restarted(ice_agent *a);

/* credentials.c */
ice_credentials *ice_credentials_new(slice ufrag, slice pwd); /* NULL: no memory */
int ice_credentials_random(const ice_config *config, ice_credentials **out);
ice_credentials *ice_credentials_hold(ice_credentials *c);
void ice_credentials_drop(ice_credentials **held); /* which is then NULL, as it may have been */

/* restart.c */
void ice_generation_clear(ice_agent *a); /* candidates and pairs */
void ice_former_clear(ice_agent *a);
void ice_former_forget_base(ice_agent *a, size_t base);
/* With new credentials, and in this role unless we are lite. As ice_restart. */
int ice_restart_as(ice_agent *a, uint64_t now, bool controlling);
/* Do we control, as the peer knows it? While our offer is out it has not changed its role. */
bool ice_agreed_role(const ice_agent *a);
/* A pair of the generation that was put aside; NULL: there is no such one. */
ice_pair *ice_former_pair(const ice_agent *a, uint32_t generation, uint32_t id);

/* base.c */
bool ice_find_base(const ice_agent *a, const parley_addr *addr, size_t *index);
/* Everything that begins there goes; a path from there is given up. */
void ice_base_remove(ice_agent *a, uint64_t now, size_t base);
int ice_base_add_relay(ice_agent *a, ice_relay *relay, const parley_addr *relayed); /* and its candidate */
void ice_bases_offer(ice_agent *a); /* their candidates, unless they have been offered in this generation */
bool ice_is_usable(const parley_addr *a);
/* The local candidate with this address at base; NULL: none. */
ice_local *ice_local_find(const ice_agent *a, size_t base, const parley_addr *addr);
/* Of a candidate of the present generation (RFC 8445 5.1.2.1); rank: among those of its type at this base, the best is 0. */
uint32_t ice_local_priority(const ice_agent *a, size_t base, ice_type type, unsigned rank);
/* Adds a peer-reflexive one (RFC 8445 7.2.5.3.1), and tells nobody of it. NULL: limit or memory. */
ice_local *ice_local_learn(ice_agent *a, size_t base, const parley_addr *addr);
/* Adds a server-reflexive one and tells of it, unless it says nothing new. */
void ice_local_reflexive(ice_agent *a, size_t base, const parley_addr *mapped, const ice_server *server);

/* servers.c */
bool ice_server_is_asked(const ice_agent *a, const ice_server *s);		  /* in this generation */
bool ice_server_is_reached(const ice_agent *a, const ice_server *s, size_t base); /* from this socket, over UDP */
unsigned ice_server_rank(const ice_agent *a, const ice_server *s);
void ice_servers_sweep(ice_agent *a); /* those that are not asked any more and not in use */
void ice_servers_clear(ice_agent *a); /* all; nothing may refer to one */

/* relay.c */
void ice_relays_at(ice_agent *a, ice_server *server); /* all that can be had there are wanted */
bool ice_relays_use(const ice_agent *a, const ice_server *server);
bool ice_relays_want_start(const ice_agent *a);
bool ice_relay_start_one(ice_agent *a, uint64_t now); /* false: none wants */
bool ice_relays_update(ice_agent *a,
		       uint64_t now); /* what their clients say, what the pairs need; true: something came */
bool ice_relays_gathering(const ice_agent *a);
void ice_relays_confirm(ice_agent *a,
			uint64_t now);		   /* a new generation: those that are still there are offered again */
void ice_relays_probe(ice_agent *a, uint64_t now); /* are they still there? A server may have restarted unseen */
void ice_relays_timeout(ice_agent *a, uint64_t now);
uint64_t ice_relays_deadline(const ice_agent *a);
void ice_relays_drop(ice_agent *a, uint64_t now, size_t base); /* their socket is gone */
void ice_relays_clear(ice_agent *a);			       /* frees them all; no base may refer to one any more */
/* Whose server it is that this socket has to do with at remote; or whose stream. NULL: none. */
ice_relay *ice_relay_at(const ice_agent *a, size_t base, const parley_addr *remote);
ice_relay *ice_relay_of(const ice_agent *a, uint32_t stream);
void ice_relay_address(const ice_agent *a, const ice_relay *r, ice_packet *p); /* to the server */
bool ice_relays_transmit(ice_agent *a, uint64_t now, ice_packet *out);
void ice_relay_opened(ice_relay *r, uint64_t now);
void ice_relay_closed(ice_relay *r, uint64_t now, int error, const char *why);
/* For bases of any kind; nothing happens at those without a relay: */
void ice_relay_forget(ice_agent *a, const ice_pair *p); /* it goes, and with it perhaps the last use of a permission */
void ice_relay_carry(ice_agent *a, uint64_t now, size_t base, const parley_addr *remote); /* data from now on */
void ice_relay_unload(ice_agent *a, size_t base, const parley_addr *remote);		  /* and no longer */

/* tcp.c */
bool ice_tcp_is(const ice_agent *a, size_t base);
ice_tcptype ice_tcp_type(const ice_agent *a, size_t base); /* NONE at other bases */
/* RFC 6544 6.2; true at other bases. */
bool ice_tcp_may_pair(const ice_agent *a, size_t base, const ice_candidate *remote);
/* Opens the pair's connection unless there is one. False: there is none and cannot be. */
bool ice_tcp_connect(ice_agent *a, const ice_pair *p);
/* Is that the address that the pair's connection really comes from? */
bool ice_tcp_is_own(const ice_agent *a, const ice_pair *p, const parley_addr *mapped);
ice_connection *ice_tcp_of(const ice_agent *a, uint32_t stream); /* NULL: none */
void ice_tcp_fill(const ice_agent *a, const ice_connection *c, ice_event *out);
void ice_tcp_opened(ice_agent *a, uint64_t now, ice_connection *c, const parley_addr *local);
void ice_tcp_closed(ice_agent *a, uint64_t now, ice_connection *c, const char *why); /* frees it */
void ice_tcp_receive(ice_agent *a, uint64_t now, ice_connection *c, slice bytes);
bool ice_tcp_envelop(const ice_agent *a, size_t base, ice_packet *p);
void ice_tcp_sweep(ice_agent *a, uint64_t now); /* closes what nothing needs */
uint64_t ice_tcp_deadline(const ice_agent *a);
void ice_tcp_clear(ice_agent *a);

/* hidden.c */
/* The name of this IP address, made if need be. NULL: limit, memory or no randomness. Valid until the next call. */
const char *ice_hidden_name(ice_agent *a, const parley_addr *ip);
bool ice_is_hidden(const ice_agent *a, const parley_addr *ip); /* it has one */
void ice_hidden_clear(ice_agent *a);

/* wire.c */
/* Queues a finished message; drops it when w->bad, out of memory, or over the limit. */
bool ice_send(ice_agent *a, const parley_addr *local, const parley_addr *remote, const writer *w);
/* What came along a path, out of its envelope: STUN of ours, or data for ice_poll_data. */
void ice_unwrapped(ice_agent *a, uint64_t now, const parley_addr *local, const parley_addr *remote, slice datagram);
void ice_wire_clear(ice_agent *a);

/* gather.c */
void ice_gather_from(ice_agent *a, size_t base);	    /* all servers are to be asked from there */
void ice_gather_at(ice_agent *a, const ice_server *server); /* from all sockets */
void ice_gathers_clear(ice_agent *a);
void ice_gather_forget(ice_agent *a, size_t base);
void ice_gather_again(ice_agent *a, uint64_t now); /* after a restart: the bases' candidates and questions to servers */
bool ice_gather_wants_start(const ice_agent *a);
void ice_gather_start_one(ice_agent *a, uint64_t now);
void ice_gather_timeout(ice_agent *a, uint64_t now);
uint64_t ice_gather_deadline(const ice_agent *a); /* without those waiting for their start */
bool ice_gather_receive(ice_agent *a, uint64_t now, size_t base, const parley_addr *remote, const stun_message *m);
void ice_gather_update(ice_agent *a); /* complete yet? */
bool ice_gather_pending(const ice_agent *a);

/* remote.c */
ice_remote *ice_remote_find(const ice_agent *a, const parley_addr *addr);
ice_remote *ice_remote_learn(ice_agent *a, const parley_addr *addr, uint32_t priority);
void ice_remember_early(ice_agent *a, const parley_addr *local, const parley_addr *remote, slice ufrag,
			uint32_t priority, const ice_intent *intent);
void ice_remote_unlearn(ice_agent *a, ice_remote *r); /* unless it was signalled; no pair may have it */
void ice_forget_remote(ice_agent *a);		      /* candidates, credentials, early requests */

/* checklist.c */
void ice_form_pairs(ice_agent *a); /* of all candidates that are known and not yet paired */
ice_pair *ice_pair_find(const ice_agent *a, size_t base, const parley_addr *remote);
/* Adds a pair, or finds it. NULL: limit or memory. */
ice_pair *ice_pair_add(ice_agent *a, size_t base, ice_remote *remote);
void ice_pair_remove(ice_agent *a, ice_pair *p);
void ice_pair_free(ice_pair *p); /* which is on no list */
void ice_pairs_clear(ice_agent *a);
void ice_pair_set_state(ice_agent *a, ice_pair *p, ice_pair_state state);
/* A pair that carries no data may have been valid too long ago: then its consent is over (RFC 7675 5.1). */
void ice_pair_expire(ice_agent *a, uint64_t now, ice_pair *p);
void ice_pair_trigger(ice_agent *a, ice_pair *p, bool first);
void ice_pairs_reorder(ice_agent *a); /* after a role change */
void ice_unfreeze(ice_agent *a, const ice_pair *like);
ice_pair *ice_next_pair(const ice_agent *a); /* whose check is to be started next; NULL: none */
bool ice_pairs_unfinished(const ice_agent *a);
void ice_conclude(ice_agent *a); /* RFC 8445 8.1.2 */
/* The path has fallen silent or is gone: all other ways there are and may be are checked. */
void ice_pairs_recheck(ice_agent *a, uint64_t now);
size_t ice_pairs_active(const ice_agent *a); /* waiting and in progress */

/* check.c */
void ice_check_start(ice_agent *a, uint64_t now, ice_pair *p);
void ice_check_resend(ice_agent *a, uint64_t now, ice_pair *p); /* the check under way, if there is one */
void ice_pair_failed(ice_agent *a, ice_pair *p);
void ice_check_cancel(ice_pair *p); /* no more retransmissions, and no failure */
void ice_check_forget(ice_pair *p); /* that, and no answer counts */
void ice_check_timeout(ice_agent *a, uint64_t now);
uint64_t ice_check_deadline(const ice_agent *a);
int ice_check_receive(ice_agent *a, uint64_t now, size_t base, const parley_addr *remote, const stun_message *m);
/* A Binding request under these credentials into w. pair may be NULL. */
void ice_build_request(const ice_agent *a, writer *w, const stun_id *id, const ice_credentials *local,
		       const ice_credentials *remote, uint32_t priority, const ice_intent *intent);
uint32_t ice_check_priority(const ice_agent *a, size_t base);

/* nominate.c */
void ice_nominate(ice_agent *a, uint64_t now); /* a pair, if it is time */
uint64_t ice_nominate_deadline(const ice_agent *a);
ice_intent ice_nominate_intent(const ice_agent *a, const ice_pair *p);		 /* of the next check of p */
void ice_nominate_answered(ice_agent *a, ice_pair *p, const ice_intent *intent); /* a check of ours, which said this */
void ice_nominate_heard(ice_agent *a, uint64_t now, ice_pair *p, const ice_intent *intent);
bool ice_is_wanted(const ice_agent *a, const ice_pair *p); /* though another is nominated */
void ice_pair_nominated(ice_agent *a, ice_pair *p);
bool ice_may_renominate(const ice_agent *a); /* both sides know how */
bool ice_is_hasty(const ice_agent *a);	     /* what works first is nominated, and what is better afterwards */

/* lite.c */
/* An authentic request came on p: it does for a lite agent what an answer does for a full one (RFC 8445 7.3.2). */
void ice_lite_heard(ice_agent *a, uint64_t now, ice_pair *p, const ice_intent *intent);
void ice_lite_pair_up(ice_agent *a, uint64_t now); /* two lite agents: by priority alone (RFC 8445 8.2.2) */
static inline bool ice_is_lite_pair(const ice_agent *a)
{
	return a->config.lite && a->remote_lite;
}

/* server.c */
int ice_request_receive(ice_agent *a, uint64_t now, const parley_addr *local, const parley_addr *remote,
			const stun_message *m);
/* What an accepted request causes (RFC 8445 7.3.1.3 - 7.3.1.5). */
ice_pair *ice_request_apply(ice_agent *a, uint64_t now, size_t base, const parley_addr *remote, uint32_t priority,
			    const ice_intent *intent);

/* path.c */
void ice_path_update(ice_agent *a, uint64_t now); /* which pair carries data */
void ice_path_drop(ice_agent *a);
void ice_path_lost(ice_agent *a, uint64_t now); /* its way is gone: dropped, and all others are of interest again */
bool ice_path_is_well(const ice_agent *a);	/* there is one, and it is not silent */
/* An authentic request came from remote to local: a sign of life, or, if that is not the path, of trouble. */
void ice_path_heard(ice_agent *a, uint64_t now, const parley_addr *local, const parley_addr *remote);
void ice_path_timeout(ice_agent *a, uint64_t now);
uint64_t ice_path_deadline(const ice_agent *a);
bool ice_path_receive(ice_agent *a, uint64_t now, size_t base, const parley_addr *remote, const stun_message *m);

static inline slice ice_text(const char *s)
{
	return slice_from_string(s);
}

#endif
