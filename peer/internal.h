/*
 * peer/internal.h: one peer connection as its own files see it: which layers it holds and which file does what.
 *
 *   core.c       life, configuration, states, statistics
 *   events.c     the queue of what the owner is to be told, and the channels' events on their way out
 *   jsep.c       descriptions and the signaling state (RFC 8829)
 *   snap.c       SCTP's INITs in descriptions
 *   negotiate.c  what a negotiated pair of descriptions means for ICE, DTLS and SCTP
 *   sources.c    what candidates come from: local addresses, ICE servers
 *   gather.c     candidates in both directions
 *   transport.c  datagrams in and out, time, ICE -> DTLS -> SCTP
 *   channels.c   the data channel calls
 *   transceivers.c  the transceiver calls; media_sdp.c: their part in descriptions; media.c: frames and packets
 *   demux.c      sockets shared with other connections
 *   stats.c      getStats
 *   servers.c    ICE server URLs
 *   failure.c    why there is no path
 */
#ifndef PARLEY_PEER_INTERNAL_H
#define PARLEY_PEER_INTERNAL_H

#include "base/array.h"
#include "base/list.h"
#include "base/time.h"
#include "base/trace.h"
#include "dtls/dtls.h"
#include "ice/demux.h"
#include "ice/ice.h"
#include "parley/core.h"
#include "peer/servers.h"
#include "peer/transceivers.h"
#include "rtp/session.h"
#include "sctp/datachannel.h"
#include "sdp/sdp.h"

#define PEER_ERROR_MAX 256u
#define SNAP_INIT_SIZE 96u	  /* an INIT of ours in base64, and the NUL: more than for SCTP_LOCAL_INIT_MAX bytes */
#define CNAME_SIZE 17u		  /* 96 bits in base64, and the NUL */
#define PEER_DATAGRAM_FIRST 1536u /* bytes: the largest datagram before path MTU discovery (core.c: MTU_MAX) and some */

/* An event that waits, with the strings it points to behind it. */
typedef struct {
	list_node node;
	parley_event event;
	char strings[];
} queued_event;

/* A description that create_offer or create_answer made and set_local_description may take. */
typedef struct {
	char *sdp; /* NULL: none */
	sdp_session *session;
	int sections[PARLEY_TRANSCEIVERS_MAX]; /* of each transceiver there was; -1: none */
} created_description;

struct parley_core {
	/* configuration and tools */
	parley_random random;
	trace trace;
	uint64_t now; /* of the last input */
	uint32_t max_message_size;
	size_t send_buffer_size, mtu, mtu_max;
	enum parley_congestion congestion;
	bool key_log;
	char last_error[PEER_ERROR_MAX];
	char failure[PEER_ERROR_MAX]; /* why the connection state is failed */

	/* layers, the lower ones first */
	dtls_certificate *certificate;
	ice_agent *ice;
	ice_demux *demux;		/* NULL: the sockets are this connection's own */
	ice_demux_member *demux_member; /* until closed */
	void *demux_owner;
	struct early_hellos *early;   /* what came before DTLS starts; NULL: nothing */
	dtls_conn *dtls;	      /* from the first negotiated transport on */
	sctp_association *sctp;	      /* from the first negotiated data section on */
	sctp_association *early_sctp; /* before that, if its INIT was told; NULL */
	dc_layer *channels;
	transceivers transceivers;
	rtp_session *rtp; /* from the first negotiated audio or video section on */

	/* descriptions; a pending one overrides the current one (W3C webrtc-pc 4.4.2) */
	sdp_session *current_local, *pending_local, *current_remote, *pending_remote;
	parley_sdp_type current_local_type, pending_local_type, current_remote_type, pending_remote_type;
	created_description offer, answer;
	uint64_t session_id, session_version;
	char cname[CNAME_SIZE]; /* RFC 7022 4.2: random, for this connection only */
	bool decline_media;
	bool snap, snap_agreed;		/* wanted; and the association there is came about by it */
	char snap_init[SNAP_INIT_SIZE]; /* of early_sctp, or of the association */
	const char *ice_options;	/* what we say in a=ice-options; static */
	bool ice_lite;
	uint64_t ice_pacing_us;		      /* what we propose */
	uint64_t min_bps, start_bps, max_bps; /* 0: the default */
	uint64_t created_at, unix_time_s;     /* the wall clock then */
	/* The ufrag that restart_ice wants replaced; "": none. W3C's [[LocalIceCredentialsToReplace]] */
	char restart_from[ICE_UFRAG_LENGTH_MAX + 1];
	bool negotiation_needed; /* the event was given and no negotiation has answered it */

	/* gathering */
	parley_addr *locals; /* an array that grows (base/array.h) up to ICE_BASES_MAX */
	size_t local_count;
	bool locals_done, gathering_started, sources_ended;
	bool gathering_held;		     /* of a restart: something to tell once its description is set */
	server_list servers, former_servers; /* the former ones are in use until the next restart */
	uint32_t server_questions;
	bool relay_only;

	/* states */
	parley_signaling_state signaling_state;
	parley_gathering_state gathering_state;
	parley_ice_state ice_state;
	parley_connection_state connection_state;
	bool dtls_started, closed;
	bool has_goodbye; /* closed with something left to say, from here to there */
	parley_addr goodbye_local, goodbye_remote;

	/* what goes to the owner */
	list_node events;
	queued_event *polled;  /* the event given last: its strings are still in use */
	queued_event *reserve; /* allocated in advance, to report that memory ran out */
	trace_line polled_log;
	buf polled_label;  /* label and protocol of the channel given last, each with its NUL */
	uint8_t *datagram; /* being put together to be sent, with ICE's headroom before and tailroom behind it */
	size_t datagram_size;

	/* counters */
	uint64_t packets_sent, packets_received, bytes_sent, bytes_received, packets_dropped;
	uint64_t messages_sent, messages_received;
};

/* core.c */
int core_fail(parley_core *core, int err, const char *format, ...) __attribute__((format(printf, 3, 4)));
void core_enter(parley_core *core, uint64_t now); /* at the beginning of each input */

/* events.c */
void event_push(parley_core *core, const parley_event *event); /* copies the strings */
void event_push_type(parley_core *core, parley_event_type type);
void events_clear(parley_core *core);
void state_set_signaling(parley_core *core, parley_signaling_state state);
void state_set_gathering(parley_core *core, parley_gathering_state state);
void state_set_ice(parley_core *core, parley_ice_state state);
void state_update_connection(parley_core *core); /* from those of ICE and DTLS (W3C webrtc-pc 4.3.3) */

/* jsep.c */
sdp_session *local_description(const parley_core *core);  /* pending or current; NULL */
sdp_session *remote_description(const parley_core *core); /* the same */
void jsep_check_negotiation_needed(parley_core *core);
void jsep_clear(parley_core *core);

/* negotiate.c */
/* Could negotiate_remote_ice read the candidates? Changes nothing. */
int negotiate_check_candidates(parley_core *core, const sdp_session *remote, size_t section);
/* The credentials and candidates of a remote offer or answer go to ICE; section: the one that speaks for the transport. */
int negotiate_remote_ice(parley_core *core, const sdp_session *remote, size_t section);
/* Offer and answer are agreed: makes DTLS and SCTP for them if there are none. Changes nothing if it fails. */
int negotiate_apply(parley_core *core, const sdp_session *answer, const sdp_session *remote, bool answer_is_local);

int negotiate_create_sctp(parley_core *core, sctp_association **out);

/* snap.c */
/* What the next offer or answer says in a=sctp-init; empty: nothing. */
int snap_line(parley_core *core, bool answer, slice *line);
int snap_check_remote(parley_core *core, const sdp_session *remote);
/* Both sides told their INIT, or not: sctp, not yet begun, learns of the peer's. */
int snap_agree(parley_core *core, const sdp_session *answer, const sdp_session *remote, sctp_association *sctp);

/* media.c */
/* The RTP session sends and receives from now on what the plan says. */
void media_apply(parley_core *core, transceiver *t, const sdp_media_plan *plan);
int media_take_keys(parley_core *core); /* DTLS is connected: SRTP's keys come from it */
bool media_poll_event(parley_core *core, parley_event *out);

/* sources.c */
void sources_start(parley_core *core);
const peer_server *sources_find(const parley_core *core, const ice_source *source); /* NULL: not there any more */

/* failure.c */
void failure_of_ice(const parley_core *core, text *out);

/* gather.c */
void gather_start(parley_core *core);
void gather_on_candidate(parley_core *core, const ice_candidate *candidate);
void gather_on_state(parley_core *core, ice_gathering state);
int remote_candidate_check(parley_core *core, slice line); /* PARLEY_EINVAL: malformed */
int remote_candidate_add(parley_core *core, slice line);   /* to ICE; unusable kinds are 0 */

/* demux.c: nothing happens where there is none */
int demux_join(parley_core *core, struct parley_demux *demux, void *owner);
void demux_leave(parley_core *core);
void demux_follow_restart(parley_core *core);	    /* at the end of each input: the ufrag may be another one */
void demux_sent(parley_core *core, slice datagram); /* by ICE */
/* ICE has taken it for authentic. */
void demux_heard(parley_core *core, const parley_addr *local, const parley_addr *remote, slice message);

/*
 * early.c: ClientHellos that come before they can be believed. A peer that takes our offer may begin DTLS at once, and its first words
 * are here before its answer, which takes the longer way (RFC 8842 5.2): rather than have them said again 100 ms later, a
 * few are kept until ICE has validated where they came from. The newest ones stay, whoever sends more.
 */
typedef struct early_hellos early_hellos;
bool early_keep(parley_core *core, const parley_addr *local, const parley_addr *remote,
		slice datagram); /* false: it is none, DTLS goes on already, or there is no memory */
void early_believe(
	parley_core *core); /* once DTLS has started: hands over those from valid paths, and forgets the rest */

/* transport.c */
bool transport_make_room(parley_core *core, size_t size); /* for datagrams of so many bytes; false: there is less */
void transport_pump(
	parley_core *core); /* at the end of each input: carries on between the layers until nothing moves */

#endif
