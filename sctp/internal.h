/*
 * sctp/internal.h: the association from inside. Who does what:
 *   association.c  creation, state, timers, the end        transmit.c   building packets
 *   receive.c      packets and chunks come in              handshake.c  INIT to COOKIE-ACK, collisions, restart
 *   data.c         DATA, FORWARD-TSN, SACKs to send        ack.c        SACKs received, T3-rtx, heartbeats
 *   recovery.c     losses, tail loss probes, undo
 *   reconfig.c     stream reset and more streams: ours     shutdown.c   SHUTDOWN*, ABORT
 *   reconfig_peer.c  ... and the peer's
 *   event.c        what the owner polls                    inspect.c    stats, dump, invariants
 *   path.c         what the path below means for timers    path_mtu.c   probes of the path's MTU
 */
#ifndef PARLEY_SCTP_INTERNAL_H
#define PARLEY_SCTP_INTERNAL_H

#include "base/list.h"
#include "base/time.h"
#include "sctp/chunk.h"
#include "sctp/congestion.h"
#include "sctp/cookie.h"
#include "sctp/outstanding.h"
#include "sctp/pacer.h"
#include "sctp/packet.h"
#include "sctp/pmtu.h"
#include "sctp/reassembly.h"
#include "sctp/recovery.h"
#include "sctp/rto.h"
#include "sctp/sctp.h"
#include "sctp/tsn_map.h"
#include "sctp/window.h"

typedef enum {
	SCTP_TIMER_T1,	      /* INIT, COOKIE-ECHO (RFC 9260 5.1) */
	SCTP_TIMER_T2,	      /* SHUTDOWN, SHUTDOWN-ACK (9.2) */
	SCTP_TIMER_PROBE,     /* RFC 8985 7.2; before T3, which it puts off */
	SCTP_TIMER_T3,	      /* DATA, FORWARD-TSN (6.3) */
	SCTP_TIMER_RACK,      /* RFC 8985 6.2: chunks may be lost by then */
	SCTP_TIMER_PACER,     /* the next burst may leave */
	SCTP_TIMER_RECONFIG,  /* RFC 6525 5.1.1 */
	SCTP_TIMER_SACK,      /* 6.2 */
	SCTP_TIMER_HEARTBEAT, /* 8.3 */
	SCTP_TIMER_PMTU,      /* RFC 8899 5.1.1: PROBE_TIMER */
	SCTP_TIMER_COUNT,
} sctp_timer;

#define SCTP_REASON_MAX 256u

/* An answer that waits for poll_transmit: a chunk, or, if alone, all of a packet under a tag of its own. */
typedef struct {
	list_node node;
	bool alone;
	uint32_t tag; /* if alone */
	size_t len;
	uint8_t bytes[];
} sctp_control;

typedef struct { /* RFC 6525 */
	/* our requests: one at a time */
	uint32_t next_request;
	uint16_t outstanding;	      /* type of the one that waits for its answer; 0: none */
	bool in_progress;	      /* so the peer answered */
	uint32_t last_tsn, response;  /* of an outgoing reset */
	uint16_t asked_out, asked_in; /* of a request for more streams */
	uint16_t want_out, want_in;   /* yet to ask for */
	list_node
		wanted; /* sctp_stream_out in SCTP_RESET_WANTED that are still sending; the others: queue.resettable */
	bool answers;	/* the next reset also answers an incoming reset request of the peer, */
	uint32_t peer_asked; /* this one */
	size_t count;	     /* streams in the outstanding reset: */
	uint16_t streams[SCTP_RESET_STREAMS_MAX];
	/* the peer's */
	uint32_t expected;	     /* its next request */
	sctp_reconfig_response last; /* to the one before */
	sctp_run *deferred; /* incoming reset to be done when cumulative TSN reaches deferred->last_tsn; its event */
} sctp_reconfig;

struct sctp_association {
	sctp_config config;
	sctp_state state;
	bool ended; /* CLOSED for good */
	uint64_t timers[SCTP_TIMER_COUNT];
	unsigned errors; /* timer expiries in a row without a sign of the peer */

	/* handshake */
	uint8_t cookie_key[SCTP_COOKIE_KEY_SIZE];
	uint32_t local_tag, local_tsn; /* initial TSN */
	bool has_peer;		       /* the values below are known: from COOKIE_ECHOED on */
	uint32_t peer_tag;
	uint16_t streams_out, streams_in;
	sctp_features peer;
	bool has_peer_init;    /* by signaling: */
	sctp_cookie peer_init; /* what it says */
	uint64_t asked_at;     /* when INIT or COOKIE-ECHO was sent first */
	uint8_t *echo;	       /* the peer's cookie */
	size_t echo_len;

	/* what is due; each goes out with the next packet that may carry it */
	bool send_init, send_echo, send_sack, send_forward, send_reconfig, send_shutdown, send_shutdown_ack,
		send_heartbeat, send_pmtu_probe;
	list_node control; /* sctp_control */
	size_t control_count;

	/* receiving */
	sctp_tsn_map received;
	sctp_reassembly reassembly;
	sctp_window window;
	unsigned unacked_packets; /* with DATA, since the last SACK */
	bool packet_had_data;	  /* the one being received */
	unsigned eager_sacks;	  /* a gap is new: so many packets more are answered one by one */
	uint32_t announced_window;

	/* sending */
	sctp_send_queue queue;
	sctp_outstanding sent;
	sctp_rto rto;
	sctp_recovery recovery;
	sctp_congestion congestion;
	sctp_pacer pacer;
	uint32_t peer_window;
	sctp_pmtu pmtu;
	uint64_t pmtu_nonce; /* of the last probe */
	uint64_t heartbeat_nonce;
	bool heartbeat_unanswered;

	sctp_reconfig reconfig;

	/* events; the flags need no memory, so that these cannot get lost */
	bool event_connected, event_restarted, event_streams, event_closed;
	int streams_error;
	list_node events;  /* sctp_run */
	size_t event_cost; /* of messages among them and current */
	sctp_run *current; /* what the last poll_event lent out */
	int end_error;
	char end_reason[SCTP_REASON_MAX];

	sctp_stats stats; /* only the counters; sctp_get_stats fills in the rest */
};

#define SCTP_WARN(a, ...) trace_printf((a)->config.trace, TRACE_WARN, "sctp", __VA_ARGS__)
#define SCTP_INFO(a, ...) trace_printf((a)->config.trace, TRACE_INFO, "sctp", __VA_ARGS__)

/* association.c */
void sctp_set_state(sctp_association *a, sctp_state next);
void sctp_timer_start(sctp_association *a, sctp_timer timer, uint64_t now, uint64_t delay);
void sctp_timer_stop(sctp_association *a, sctp_timer timer);
bool sctp_timer_armed(const sctp_association *a, sctp_timer timer);
/* The end, without a word to the peer: everything queued to send is dropped, CLOSED is the last event. */
void sctp_end(sctp_association *a, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* A timer expired without an answer. True: that was once too often, and the association has ended. */
bool sctp_count_error(sctp_association *a, uint32_t max);
/* A message that was begun in parts is not ended any more. PARLEY_ENOMEM, PARLEY_ELIMIT; PARLEY_EUNSUPPORTED: the peer cannot skip. */
int sctp_abandon_open(sctp_association *a, uint64_t now, sctp_stream_out *s);
bool sctp_is_open(const sctp_association *a); /* a state in which DATA may come or go */

/* transmit.c */
/* Queues a chunk to be bundled, or a packet of one chunk under a tag. Dropped if the queue is full or memory is out. */
void sctp_queue_chunk(sctp_association *a, uint8_t type, uint8_t flags, slice value);
void sctp_queue_packet(sctp_association *a, uint32_t tag, slice chunk);
/* The longest payload of a DATA chunk: fits a packet of the base MTU, and so that a whole number of them fills one of ours. */
size_t sctp_data_room(const sctp_association *a);

/* handshake.c */
sctp_features sctp_our_features(const sctp_association *a);
sctp_init sctp_our_init(const sctp_association *a);
void sctp_begin_established(sctp_association *a, uint64_t now); /* with peer_init */
bool sctp_interleaving(const sctp_association *a);  /* I-DATA was negotiated: known with has_peer (RFC 8260 2.2.1) */
bool sctp_peer_can_skip(const sctp_association *a); /* by FORWARD TSN, or I-FORWARD TSN: whichever it must be */
void sctp_handle_init(sctp_association *a, uint64_t now, const sctp_header *header, const sctp_tlv *chunk);
void sctp_handle_init_ack(sctp_association *a, uint64_t now, const sctp_tlv *chunk);
/* False: not to be believed; the rest of the packet is dropped. */
bool sctp_handle_cookie_echo(sctp_association *a, uint64_t now, const sctp_header *header, const sctp_tlv *chunk);
void sctp_handle_cookie_ack(sctp_association *a, uint64_t now);
void sctp_t1_expired(sctp_association *a, uint64_t now);
void sctp_stale_cookie(sctp_association *a, uint64_t now); /* the peer says so */

/* data.c */
void sctp_handle_data(sctp_association *a, uint64_t now, const sctp_tlv *chunk);
void sctp_handle_forward_tsn(sctp_association *a, uint64_t now, const sctp_tlv *chunk);
void sctp_schedule_sack(sctp_association *a, uint64_t now); /* after a packet that had DATA */
void sctp_write_sack(sctp_association *a, writer *w);
uint32_t sctp_a_rwnd(const sctp_association *a); /* now */
void sctp_deliver(sctp_association *a, list_node *runs);

/* ack.c */
void sctp_handle_sack(sctp_association *a, uint64_t now, const sctp_tlv *chunk);
void sctp_handle_cumulative_ack(sctp_association *a, uint64_t now, uint32_t tsn); /* in a SHUTDOWN */
void sctp_t3_expired(sctp_association *a, uint64_t now);
void sctp_heartbeat_expired(sctp_association *a, uint64_t now);
void sctp_write_heartbeat(sctp_association *a, uint64_t now, writer *w);
/* A HEARTBEAT with the time and a nonce as its information. */
void sctp_heartbeat_encode(writer *w, uint64_t now, uint64_t nonce);
void sctp_handle_heartbeat(sctp_association *a, const sctp_tlv *chunk);
void sctp_handle_heartbeat_ack(sctp_association *a, uint64_t now, const sctp_tlv *chunk);
void sctp_heartbeat_restart(sctp_association *a, uint64_t now);
void sctp_progress(sctp_association *a, uint64_t now); /* something left the queues: reset or shutdown may go on */

/* recovery.c */
/* A SACK was applied to the outstanding chunks: what it says of losses. Returns the bytes newly found lost. */
size_t sctp_recovery_acked(sctp_association *a, uint64_t now, const sctp_sack *sack, const sctp_ack_result *got);
/* ... of which only this is news in an old one: what came twice, and so whether a recovery was needed. */
void sctp_recovery_duplicates(sctp_association *a, uint64_t now, const sctp_sack *sack, const sctp_ack_result *got);
void sctp_recovery_timeout(sctp_association *a, uint64_t now);
void sctp_rack_expired(sctp_association *a, uint64_t now);
void sctp_probe_schedule(sctp_association *a, uint64_t now); /* new data was sent, or something acknowledged */
void sctp_probe_expired(sctp_association *a, uint64_t now);
bool sctp_probe_is_due(const sctp_association *a); /* the next packet is one */
void sctp_probe_sent(sctp_association *a, uint64_t now, bool resent, uint32_t tsn);

/* path_mtu.c */
void sctp_pmtu_demand(sctp_association *a, uint64_t now); /* something was queued: is larger packets' time? */
void sctp_pmtu_losses(sctp_association *a, uint64_t now); /* packets were lost: all, or the large ones? */
void sctp_pmtu_begin_anew(sctp_association *a);		  /* nothing comes through, or the path is another */
void sctp_write_pmtu_probe(sctp_association *a, uint64_t now, writer *w);
void sctp_pmtu_expired(sctp_association *a, uint64_t now);
bool sctp_pmtu_heartbeat_ack(sctp_association *a, uint64_t now, uint64_t nonce); /* was it a probe's? */

/* reconfig.c */
void sctp_reconfig_init(sctp_association *a, uint32_t peer_tsn);
void sctp_reconfig_clear(sctp_association *a);
void sctp_handle_reconfig(sctp_association *a, uint64_t now, const sctp_tlv *chunk);
void sctp_reconfig_advance(sctp_association *a, uint64_t now);	  /* streams may be ready to be reset */
void sctp_reconfig_cumulative(sctp_association *a, uint64_t now); /* our cumulative TSN moved: deferred reset */
void sctp_reconfig_expired(sctp_association *a, uint64_t now);
void sctp_want_reset(sctp_association *a, sctp_stream_out *s); /* harmless if it is wanted or asked for already */
void sctp_handle_reconfig_response(sctp_association *a, uint64_t now, const sctp_reconfig_response *r);
void sctp_write_reconfig(sctp_association *a, writer *w);

/* shutdown.c */
void sctp_shutdown_advance(sctp_association *a, uint64_t now);
void sctp_handle_shutdown(sctp_association *a, uint64_t now, const sctp_tlv *chunk);
void sctp_handle_shutdown_ack(sctp_association *a, const sctp_header *header);
void sctp_handle_shutdown_complete(sctp_association *a);
void sctp_handle_abort(sctp_association *a, const sctp_tlv *chunk);
void sctp_handle_error(sctp_association *a, uint64_t now, const sctp_tlv *chunk);
void sctp_t2_expired(sctp_association *a, uint64_t now);
/*
 * Ends with an ABORT to the peer of this cause. subject is what it is about, where it has a place for that: the TSN of
 * SCTP_CAUSE_NO_USER_DATA, the parameter of SCTP_CAUSE_MISSING_PARAM. The reason goes along where there is room for words.
 */
void sctp_abort_with(sctp_association *a, uint16_t cause, uint32_t subject, int error, const char *reason);

/* event.c */
void sctp_tell_streams(sctp_association *a, int error);	     /* STREAMS_CHANGED */
sctp_run *sctp_event_new(sctp_event_type type, size_t size); /* size: bytes of room in data; NULL: out of memory */
void sctp_event_push(sctp_association *a, sctp_run *run);
void sctp_events_clear(sctp_association *a);

#endif
