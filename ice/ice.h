/*
 * ice/ice.h: an ICE agent for one component of one stream, as WebRTC with BUNDLE and rtcp-mux needs (RFC 8445 full or lite,
 * trickle RFC 8838, patient about missing candidates RFC 8863, consent RFC 7675), over UDP and TCP (RFC 6544), IPv4 and IPv6,
 * directly and through TURN servers (RFC 8656).
 *
 * It finds an address pair that works and watches that it still does. It does no I/O: the owner binds sockets, hands in
 * STUN messages, sends what ice_poll_transmit gives, and calls ice_timeout when ice_deadline has come. After every call the
 * owner empties ice_poll_transmit, ice_poll_data and ice_poll_event before the next one.
 *
 * A path is a local and a remote transport address: all that the agent tells, and all that is above it, speaks of paths. Its local
 * address is that of a base: a socket of the owner's, or an address on a TURN server from which a relay sends for us. What that
 * takes is hidden at the edge: ice_envelop puts around an application's datagram what the path needs, ice_receive and
 * ice_stream_receive take it off.
 *
 * Not here: sockets, name resolution (ICE_EVENT_RESOLVE asks the owner), SDP beyond one candidate line (ice/candidate.h),
 * what application data means. A relayed remote candidate is an address like any other; active TCP ones are counted and left
 * out of the check list, since who is active comes by itself. TCP simultaneous open is neither offered nor accepted.
 *
 * Order of calls: ice_create; then in any order ice_add_local, ice_add_stun_server, ice_add_turn_server, ice_set_remote,
 * ice_add_remote_candidate (also before ice_set_remote: they wait); ice_end_of_sources once no more local sources come.
 * Checks start as soon as there is one pair and the remote credentials are known. Times are monotonic microseconds.
 * Strings given are copied. Failing calls change nothing. One thread at a time per agent.
 */
#ifndef PARLEY_ICE_H
#define PARLEY_ICE_H

#include "base/time.h"
#include "base/trace.h"
#include "ice/candidate.h"

/* Limits on what others can make the agent keep. */
#define ICE_BASES_MAX 96u	      /* local sockets, and addresses on relays */
#define ICE_STUN_SERVERS_MAX 16u      /* addresses */
#define ICE_TURN_SERVERS_MAX 16u      /* addresses, each with its transport */
#define ICE_GATHERS_MAX 64u	      /* socket x STUN server */
#define ICE_OWN_NAMES_MAX 32u	      /* for IP addresses */
#define ICE_RELAYS_MAX 32u	      /* socket x TURN server, and streams to TURN servers */
#define ICE_LOCAL_CANDIDATES_MAX 96u  /* host, server-reflexive and learnt from responses */
#define ICE_REMOTE_CANDIDATES_MAX 64u /* signalled ones; and as many again learnt from requests */
#define ICE_PAIRS_MAX 100u	      /* RFC 8445 6.1.2.5 */
#define ICE_CONNECTIONS_MAX 64u	      /* of ICE over TCP */
#define ICE_STRANGERS_MAX 16u /* of those, accepted and nothing proved yet; a further one pushes out the oldest, ... */
#define ICE_STRANGER_US (10 * US_PER_S) /* ... and none lasts longer */
#define ICE_FRAME_MAX 20000u	/* bytes of an RFC 4571 frame: more than any DTLS record takes. A longer one ends it */
#define ICE_EARLY_MAX 16u	/* requests remembered until the remote credentials come */
#define ICE_TRANSMIT_MAX 64u	/* packets queued; beyond it the newest is dropped and counted */
#define ICE_DATA_MAX (1u << 20) /* bytes waiting for ice_poll_data, overhead included; the same beyond it */

/* What ice_envelop may write around a datagram: the longest header is that of a TURN Send indication to an IPv6 address (RFC 8656
 * 11.1: 20 bytes of header, 24 of XOR-PEER-ADDRESS, 4 of DATA's header), padding makes multiples of 4. */
#define ICE_HEADROOM 48u
#define ICE_TAILROOM 3u
#define ICE_PACKET_MAX (1200u + ICE_HEADROOM + ICE_TAILROOM) /* room to give to ice_poll_transmit */

#define ICE_PWD_MAX 256u	 /* RFC 8839 5.4: 22 to 256 */
#define ICE_UFRAG_LENGTH_MAX 32u /* of ours; RFC 8839 5.4 allows more */
#define ICE_REASON_MAX 128u	 /* characters */

typedef struct ice_agent ice_agent;

/* How a controlling agent makes its choice known. */
typedef enum {
	ICE_NOMINATION_REGULAR, /* RFC 8445 8.1.1: one pair, once it is known to be good */
	ICE_NOMINATION_AGGRESSIVE, /* RFC 5245 8.1.1.2: every check nominates. Regular where the peer knows RFC 8445 ("ice2") */
	ICE_NOMINATION_RENOMINATION, /* draft-thatcher-ice-renomination-01, if both sides have it: again, when a better pair works */
} ice_nomination;

typedef struct {
	parley_random random; /* required */
	struct trace *trace;  /* or NULL; must outlive the agent */
	bool controlling;     /* the role to begin with; a conflict may change it */
	bool has_tie_breaker; /* else it is drawn */
	uint64_t tie_breaker; /* any value, 0 and UINT64_MAX too */
	/* RFC 8445 2.5: for hosts that everybody can reach. Host candidates only; checks are answered, never sent; controlled, unless
	 * the peer is lite as well: then the best pair by priority is taken as it is, and the role that was set decides. */
	bool lite;
	ice_nomination nomination; /* default regular; a controlled agent follows any */
	bool allow_loopback;	   /* offer loopback addresses even if there are others */
	bool tcp; /* offer to open TCP connections from wherever there is a UDP socket; the owner does so when asked */
	/* Names in place of the addresses of host candidates, "UUID.local": who the peer is learns them only if multicast DNS reaches him
	 * (draft-ietf-rtcweb-mdns-ice-candidates). ICE_EVENT_OWN_NAME says what to answer there. */
	bool hide_addresses;
	bool relay_only;     /* only relayed candidates are told, paired and used: the peer learns no other address */
	bool shared_sockets; /* other agents use them too: no TURN over UDP, whose server would have one client */
	size_t ufrag_length; /* characters of ours, default 4, at most 32: more where it tells agents apart */
	uint64_t
		ta_us; /* pace of new transactions, default 20 ms, at least 5 ms (RFC 8445 14.2); to be told to the peer */
	uint64_t rto_us;      /* first retransmission of a check, default and least 500 ms (RFC 8445 14.3), doubling */
	uint32_t check_sends; /* how often a check is sent before its pair has failed, default 7: about 40 s */
	size_t pairs_max;     /* default and most ICE_PAIRS_MAX */
	uint64_t gather_rto_us;	    /* first retransmission to a STUN server, default 500 ms, doubling */
	uint64_t gather_timeout_us; /* a server that has not answered by then is waited for no longer, default 5 s */
	/* How much longer than a round trip a better pair is waited for before one is nominated, from the first valid pair on or from
	 * its own first check, and where only relays work so far from its third, default 100 ms; from the first valid pair on no
	 * longer than this, default 3 s. Data flows meanwhile. */
	uint64_t nomination_delay_us, nomination_patience_us;
	uint64_t pac_us;	      /* RFC 8863 4: never failed before that, default 39.5 s */
	uint64_t consent_interval_us; /* RFC 7675 5.1: default 5 s, each randomised by 0.8 to 1.2 */
	uint64_t consent_expiry_us;   /* RFC 7675 5.1: default 30 s */
} ice_config;

/* The W3C's RTCIceTransportState. connected: a pair carries data; completed: and nothing better will come. */
typedef enum {
	ICE_NEW,
	ICE_CHECKING,
	ICE_CONNECTED,
	ICE_COMPLETED,
	ICE_DISCONNECTED,
	ICE_FAILED,
	ICE_CLOSED,
} ice_state;

typedef enum { ICE_GATHERING_NEW, ICE_GATHERING_ACTIVE, ICE_GATHERING_COMPLETE } ice_gathering;

/* RFC 8445 6.1.2.6 */
typedef enum {
	ICE_PAIR_FROZEN,
	ICE_PAIR_WAITING,
	ICE_PAIR_IN_PROGRESS,
	ICE_PAIR_SUCCEEDED,
	ICE_PAIR_FAILED
} ice_pair_state;

typedef enum {
	ICE_EVENT_CANDIDATE,	   /* a new local candidate to signal, of the present generation */
	ICE_EVENT_GATHERING_STATE, /* gathering */
	ICE_EVENT_STATE,	   /* state */
	ICE_EVENT_SELECTED_PAIR,   /* ice_selected has changed: local, remote */
	ICE_EVENT_RESOLVE,	   /* look up name and call ice_resolved(id) */
	ICE_EVENT_OWN_NAME,	   /* answer multicast DNS queries for name with the IP of local from now on */
	ICE_EVENT_ROLE,		   /* a role conflict made us controlling, or controlled */
	/* connect the stream id to remote, from local's IP if it has one: ice_stream_opened or ice_stream_closed answers */
	ICE_EVENT_STREAM_OPEN,
	ICE_EVENT_STREAM_CLOSE, /* close the stream id and forget it */
} ice_event_type;

/* A copy: valid as long as the caller keeps it. */
typedef struct {
	ice_event_type type;
	ice_candidate candidate;
	ice_gathering gathering;
	ice_state state;
	parley_addr local, remote; /* of a stream local has port 0, or no family: any */
	uint32_t id;
	bool tls;
	char name[ICE_NAME_MAX +
		  1]; /* to resolve; of a stream with tls: what the certificate must name, "": the address */
	bool controlling;
} ice_event;

/* stream 0: send data from the socket bound at local to remote. Else write it to that stream, all of it or, where the stream is
 * full, nothing: as a network would. Unless it is control: that comes only once, and may not be lost. */
typedef struct {
	uint32_t stream;
	bool control;
	parley_addr local, remote;
	packet data;
} ice_packet;

/* Application data that came along a path wrapped in something. */
typedef struct {
	parley_addr local, remote;
	slice data;
} ice_datagram;

/* How a server is reached, in the order of preference. */
typedef enum { ICE_OVER_UDP, ICE_OVER_TCP, ICE_OVER_TLS } ice_over;

typedef struct {
	parley_addr addr; /* transport as over says */
	ice_over over;
	slice username, password;
	const char *name; /* what a TLS certificate must name; NULL or "": the address */
} ice_turn_server;

typedef enum { ICE_SERVER_ASKED, ICE_SERVER_ANSWERED, ICE_SERVER_FAILED } ice_server_state;

/* A server that was asked. */
typedef struct {
	bool turn;
	ice_over over;
	parley_addr server; /* as it was added: the server itself may have sent us to another */
} ice_source;

/* What came of asking one server from one socket, or over one stream. */
typedef struct {
	ice_source source;
	parley_addr local; /* family PARLEY_ADDR_NONE for streams */
	ice_server_state state;
	uint64_t took_us; /* from asking to the answer or the failure */
	int error;	  /* FAILED: PARLEY_E*, as in ice/turn.h */
	unsigned code;	  /* of the STUN error response; 0: none came */
	char reason[ICE_REASON_MAX + 1];
} ice_server_info;

/* Counters since ice_create. */
typedef struct {
	uint64_t requests_sent;	     /* checks, first sends */
	uint64_t requests_resent;    /* their retransmissions */
	uint64_t consent_sent;	     /* consent checks */
	uint64_t requests_received;  /* authenticated ones */
	uint64_t responses_sent;     /* success only */
	uint64_t errors_sent;	     /* error responses */
	uint64_t responses_received; /* authenticated successes that matched a check or consent check */
	uint64_t errors_received;
	uint64_t drop_malformed;    /* not STUN, or no valid FINGERPRINT */
	uint64_t drop_unauthorised; /* wrong or missing USERNAME or MESSAGE-INTEGRITY */
	uint64_t drop_unmatched;    /* a response nobody waits for */
	uint64_t drop_limit;	    /* a limit above was reached */
	uint64_t
		candidates_ignored; /* remote ones of an unusable kind: TCP, names, unusable addresses, other components */
	uint64_t role_conflicts;
	uint64_t restarts;
} ice_counters;

/* For getStats and tables. Candidates are told by their index in ice_local_candidate, ice_remote_candidate. */
typedef struct {
	uint32_t id; /* never used again within the agent */
	uint32_t local, remote;
	parley_addr local_addr, remote_addr; /* local_addr: the base, from which it is sent */
	ice_pair_state state;
	uint64_t priority;
	bool valid, nominated, selected;
	uint64_t requests_sent, responses_received, requests_received, responses_sent;
	uint64_t consent_sent;
	bool has_rtt;
	uint64_t rtt_us, total_rtt_us;	   /* of the last one, and of all responses_received together */
	uint64_t last_sent, last_received; /* STUN, 0: never */
} ice_pair_info;

void ice_config_default(ice_config *config); /* random and role remain to be set */

/* PARLEY_EINVAL (no random, or numbers out of range), PARLEY_ENOMEM, or the random source's error. */
int ice_create(const ice_config *config, ice_agent **out);
void ice_destroy(ice_agent *a); /* NULL is allowed */
/* State closed: nothing is answered or reported afterwards but this state. Paths can still be sent on, for a last word, until
 * ice_poll_transmit is called: it then tells the TURN servers that we are gone, and that is all. */
void ice_close(ice_agent *a, uint64_t now);

/* NUL-terminated, of the present generation: 4 and 24 characters (RFC 8839 5.4). Valid until the next restart. */
const char *ice_local_ufrag(const ice_agent *a);
const char *ice_local_pwd(const ice_agent *a);

/*
 * The owner has bound a UDP socket to exactly this address, or (transport PARLEY_TCP) listens there: makes a host candidate, over TCP a
 * passive one, whose connections come by ice_stream_accepted. Loopback addresses (unless
 * config.allow_loopback), and those RFC 8445 5.1.1.1 excludes, get no candidate: loopback ones get theirs at
 * ice_end_of_sources if there is no other. PARLEY_EINVAL: no such address can work (any, multicast, v4-mapped, port 0).
 * PARLEY_ELIMIT. Twice the same: 0, nothing happens. May come at any time before ice_close.
 */
int ice_add_local(ice_agent *a, uint64_t now, const parley_addr *addr);
/* The socket is gone: its candidates and pairs with it. If the selected pair used it, another valid one takes over, or the
 * state falls back to disconnected. PARLEY_ENOTFOUND. */
int ice_remove_local(ice_agent *a, uint64_t now, const parley_addr *addr);
/* Asks this server from each socket of its family for a server-reflexive candidate. All are asked in parallel. */
int ice_add_stun_server(ice_agent *a, uint64_t now, const parley_addr *server);
/*
 * Wants relayed candidates of this server: over UDP one from each socket of its family, else one over a stream that
 * ICE_EVENT_STREAM_OPEN asks for; and the server-reflexive candidates it knows of. An allocation lasts until ice_close, restarts
 * included. One that the server lost is made anew, and is then another candidate, also after gathering is complete.
 * PARLEY_EINVAL: the address is unusable or not of the transport, a user name or password is empty or too long.
 */
int ice_add_turn_server(ice_agent *a, uint64_t now, const ice_turn_server *server);
/* Forgets all servers added so far: from the next generation on (ice_restart) nothing is asked of them, and their allocations end.
 * Servers that are added anew before that keep theirs. */
void ice_clear_servers(ice_agent *a);
/* No more sources for now: gathering is complete as soon as every server has answered or been given up. */
void ice_end_of_sources(ice_agent *a, uint64_t now);

/*
 * The remote's credentials: checks may start. Lengths as RFC 8839 5.4 (4..256, 22..256), else PARLEY_EINVAL. The same
 * again: 0, nothing happens. Others than before, without a ice_restart in between: the remote restarts, and so do we first:
 * ice_local_ufrag is then new (RFC 8839 4.4.3.1.1) and belongs into the answer, and the remote controls.
 * remote_lite: we become controlling.
 */
int ice_set_remote(ice_agent *a, uint64_t now, slice ufrag, slice pwd, bool remote_lite);
/* What the remote's description says of how it does ICE. Before ice_set_remote. */
typedef struct {
	bool ice2, renomination; /* ice-options (RFC 8839 5.6) */
	bool has_pacing;
	uint64_t pacing_us; /* ice-pacing (RFC 8839 5.5) */
} ice_remote_options;

/* The pace of new transactions is from now on the slower one of ours and the remote's, which is 50 ms where it does not say (RFC 8445
 * 14.2). Without this call it is ours. */
void ice_set_remote_options(ice_agent *a, const ice_remote_options *options);
/*
 * A signalled candidate. Duplicates: 0. One with a ufrag that is not the remote's present one: PARLEY_ESTATE when the remote
 * is known (it belongs to another generation). PARLEY_EUNSUPPORTED: of an unusable kind, ignored and counted.
 * PARLEY_ELIMIT.
 */
int ice_add_remote_candidate(ice_agent *a, uint64_t now, const ice_candidate *c);
/* The answer to ICE_EVENT_RESOLVE: only ip is used. NULL: there is no such name. Unknown or late ids are ignored. */
void ice_resolved(ice_agent *a, uint64_t now, uint32_t id, const parley_addr *addr);
void ice_end_of_remote_candidates(ice_agent *a, uint64_t now);

/* Sets the role that offer and answer determine. Ignored (and false) once checks have begun: then only conflicts and restarts
 * change it. */
bool ice_set_controlling(ice_agent *a, bool controlling);
bool ice_is_controlling(const ice_agent *a);

/*
 * New ufrag and pwd; local candidates are gathered anew and reported again; the remote's credentials and candidates are forgotten until
 * ice_set_remote. The pair that carries data keeps carrying it, and its consent is kept, until the new generation has
 * nominated one (RFC 8445 9), unless it is silent: then what works first takes its place. The generation before is kept aside until
 * ice_agreed. Who restarts controls, as with libwebrtc, though RFC 8445 6.1.1 would keep the roles. May fail with the random source's error or
 * PARLEY_ENOMEM, then nothing changed.
 */
int ice_restart(ice_agent *a, uint64_t now);
/* Offer and answer are both there: no way back. */
void ice_agreed(ice_agent *a);
/* The generation agreed on last is back, with its credentials, candidates and pairs; those since are gone. False: it was never left. */
bool ice_rollback(ice_agent *a, uint64_t now);

/*
 * A datagram that looks like STUN or TURN's ChannelData (ice_wants) arrived at the socket bound at local, from remote. 0: it was one
 * of ours. PARLEY_EPROTO: malformed. PARLEY_EAUTH: not authentic. PARLEY_ENOTFOUND: an unknown local address, or a response nobody
 * waits for. All of these are counted and traced: the result needs no handling. Data may be in it: ice_poll_data.
 */
int ice_receive(ice_agent *a, uint64_t now, const parley_addr *local, const parley_addr *remote, slice datagram);
bool ice_wants(slice datagram); /* RFC 7983 7: first byte 0..3 or 64..79 */
/* Application data that was wrapped, valid until the next call of this function. False: no more. */
bool ice_poll_data(ice_agent *a, ice_datagram *out);

/*
 * Streams are the owner's TCP or TLS connections, under numbers given here and never used again within the agent. Calls for
 * an unknown one, or one closed meanwhile, are ignored.
 */
/* A connection came to the listener at local, which was given by ice_add_local. PARLEY_ENOTFOUND: no such candidate;
 * PARLEY_EINVAL; PARLEY_ELIMIT, PARLEY_ENOMEM: close it. */
int ice_stream_accepted(ice_agent *a, uint64_t now, const parley_addr *local, const parley_addr *remote,
			uint32_t *stream);
/* Connected; with TLS: the certificate is believed. local: where from. */
void ice_stream_opened(ice_agent *a, uint64_t now, uint32_t stream, const parley_addr *local);
/* Could not be connected, or has ended; no ICE_EVENT_STREAM_CLOSE follows. why: one line for people. */
void ice_stream_closed(ice_agent *a, uint64_t now, uint32_t stream, int error, const char *why);
/* Bytes came, cut in any way. Data may be in them: ice_poll_data. */
void ice_stream_receive(ice_agent *a, uint64_t now, uint32_t stream, slice bytes);

/* The peer has proved, by a STUN message with a password only it and we know, that it is at remote and reaches local: the
 * gate that other protocols' packets must pass. */
bool ice_is_validated(const ice_agent *a, const parley_addr *local, const parley_addr *remote);
/* Where to send data now: the nominated pair, or before that the best valid one. False: nowhere (also: consent expired). */
bool ice_selected(const ice_agent *a, parley_addr *local, parley_addr *remote);

/*
 * Signs of life on the path that carries data (numbers and reasons: ice/pulse.h). ice_path_used: a datagram was sent on it that
 * makes the peer send something. ice_path_alive: data came that only the peer can have sent, as it was decrypted; on another
 * path: nothing happens. A path that stays silent after use is checked at once, and again and again; after about 1.5 s the
 * state is disconnected, other pairs are checked, and the controlling agent nominates the best one that works.
 */
void ice_path_used(ice_agent *a, uint64_t now);
void ice_path_alive(ice_agent *a, uint64_t now, const parley_addr *local, const parley_addr *remote);

void ice_timeout(ice_agent *a, uint64_t now);
uint64_t ice_deadline(const ice_agent *a); /* TIME_NEVER: none */
/* The caller provides data (ICE_PACKET_MAX bytes); the rest is filled in. */
bool ice_poll_transmit(ice_agent *a, uint64_t now, ice_packet *out);
/*
 * Turns an application's datagram from local to remote, a pair such as ice_selected gives, into what has to be sent for it: headers
 * go in front of data, padding behind, in place. ICE_HEADROOM bytes before data.data and ICE_TAILROOM behind data.len are
 * the callee's to write. False, p unchanged: there is no way to send from local now; the datagram is lost.
 */
bool ice_envelop(ice_agent *a, uint64_t now, ice_packet *p);
/* How much of ICE_HEADROOM that needs from this local address: all, or 0. */
size_t ice_headroom(const ice_agent *a, const parley_addr *local);
bool ice_poll_event(ice_agent *a, ice_event *out);

ice_state ice_get_state(const ice_agent *a);
ice_gathering ice_get_gathering(const ice_agent *a);
const char *ice_state_name(ice_state state); /* as the W3C spells it */
const char *ice_gathering_name(ice_gathering gathering);
const char *ice_pair_state_name(ice_pair_state state);
const char *ice_over_name(ice_over over); /* "udp", "tcp", "tls": the W3C's RTCIceServerTransportProtocol */
void ice_get_counters(const ice_agent *a, ice_counters *out);
/* Fills up to max, sorted by priority, the best first; returns how many there are. */
size_t ice_get_pairs(const ice_agent *a, ice_pair_info *out, size_t max);
/* NULL past the end. Valid until the next call that is not const. Of the present generation. */
const ice_candidate *ice_local_candidate(const ice_agent *a, size_t i);
const ice_candidate *ice_remote_candidate(const ice_agent *a, size_t i);
/* The server that told of local candidate i. False: none did. */
bool ice_local_source(const ice_agent *a, size_t i, ice_source *out);
/* What came of asking the servers of this generation; fills up to max, returns how many there are. */
size_t ice_get_servers(const ice_agent *a, ice_server_info *out, size_t max);

/* A table for people: roles, candidates, check list. No passwords. */
void ice_dump(const ice_agent *a, uint64_t now, text *out);
/* Asserts what must hold between calls. For tests and fuzzers. */
void ice_check_invariants(const ice_agent *a);

#endif
