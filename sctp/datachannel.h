/*
 * sctp/datachannel.h: data channels (RFC 8831, RFC 8832) on one association: ids, DCEP OPEN and ACK, strings and bytes,
 * closing by stream reset.
 *
 * Not here: SDP, the association's own set-up and clock. The owner makes the layer when it likes, creates channels, and
 * attaches an association when the DTLS role is known; from then on it drives the association by sctp_receive,
 * sctp_timeout and sctp_poll_transmit, but takes the events from dc_poll_event, which takes sctp_poll_event's. Answers are
 * queued while events are polled: so after each input drain events first, then transmit; again until both are empty.
 *
 * Channels are named by handles, which are never 0 and not reused soon; an unknown or stale one gives PARLEY_ENOTFOUND.
 */
#ifndef PARLEY_SCTP_DATACHANNEL_H
#define PARLEY_SCTP_DATACHANNEL_H

#include "sctp/sctp.h"

#define DC_CHANNELS_MAX 65535u	      /* the ids there are: what either side can open */
#define DC_LABEL_MAX 65535u	      /* bytes of a label or protocol (RFC 8832 5.1) */
#define DC_OPEN_SIZE_MAX (16u * 1024) /* a longer OPEN from the peer is refused: labels are for people */

typedef struct dc_layer dc_layer;
typedef uint32_t dc_handle;

typedef enum { DC_CONNECTING, DC_OPEN, DC_CLOSING, DC_CLOSED } dc_state;

typedef struct {
	slice label, protocol; /* UTF-8, copied */
	bool unordered;
	bool has_max_retransmits, has_lifetime; /* not both (PARLEY_EINVAL) */
	uint32_t max_retransmits;
	uint32_t lifetime_ms;
	bool negotiated;   /* agreed out of band under `id`: no DCEP, both sides create it */
	uint16_t id;	   /* 0..65534; only if negotiated */
	uint16_t priority; /* RFC 8831 6.4: the weight of the channel among others; 0: SCTP_PRIORITY_DEFAULT, normal */
} dc_options;

/* lines: where to trace to; may be NULL. PARLEY_ENOMEM. */
int dc_layer_create(struct trace *lines, dc_layer **out);
void dc_layer_destroy(dc_layer *layer); /* before the association; NULL is fine; sends nothing */

/*
 * Binds the association (borrowed; it must outlive the layer's use of it) and gives ids to waiting channels: even ones if
 * we are the DTLS client, odd if the server (RFC 8832 6). Once. They open when it is connected. PARLEY_ESTATE: has one.
 */
int dc_attach(dc_layer *layer, uint64_t now, sctp_association *association, bool dtls_client);
/*
 * The association is gone, e.g. because ICE or DTLS failed: all channels close (events follow), and another cannot be
 * attached. Also happens by itself when the association ends.
 */
void dc_detach(dc_layer *layer, int error, const char *reason);

/*
 * Creates a channel, before or after dc_attach. Errors: PARLEY_EINVAL (options), PARLEY_ELIMIT (no id left, or the id is
 * taken), PARLEY_ESTATE (the association has ended), PARLEY_ENOMEM. DC_EVENT_OPEN follows.
 */
int dc_create(dc_layer *layer, uint64_t now, const dc_options *options, dc_handle *out);

/*
 * PARLEY_ESTATE unless open; PARLEY_EMSGSIZE, PARLEY_ELIMIT, PARLEY_ENOMEM as sctp_send. May be empty (RFC 8831 6.6).
 * Until the peer's ACK messages go ordered, whatever the channel's kind, so that none overtakes the OPEN (RFC 8832 6).
 */
int dc_send(dc_layer *layer, uint64_t now, dc_handle channel, bool binary, slice message);

/* As sctp_send_part: a message in parts; of one that is empty altogether the first part is the last. PARLEY_EINVAL: the channel limits
 * retransmissions or lifetime. */
int dc_send_part(dc_layer *layer, uint64_t now, dc_handle channel, bool binary, slice part, bool last);
/* Messages come in parts, as sctp_set_partial_delivery; from creation on, or from the next poll on. PARLEY_ENOTFOUND, PARLEY_ENOMEM. */
int dc_set_partial_delivery(dc_layer *layer, dc_handle channel, bool on);

/* Closes both ways (RFC 8831 6.7) once everything sent so far has arrived. DC_EVENT_CLOSED follows; twice is harmless. */
int dc_close(dc_layer *layer, uint64_t now, dc_handle channel);

size_t dc_buffered_amount(const dc_layer *layer, dc_handle channel); /* bytes, as sctp_buffered; 0 if unknown */
int dc_set_low_threshold(dc_layer *layer, dc_handle channel, size_t threshold);

typedef struct {
	dc_handle handle;
	dc_state state;
	bool has_id; /* false until dc_attach */
	uint16_t id;
	slice label, protocol; /* until the channel's CLOSED event was taken and the next one polled */
	bool unordered, has_max_retransmits, has_lifetime, negotiated;
	uint32_t max_retransmits, lifetime_ms;
	uint16_t priority;
	uint64_t messages_sent, messages_received, bytes_sent, bytes_received;
} dc_info;

int dc_get_info(const dc_layer *layer, dc_handle channel, dc_info *info); /* PARLEY_ENOTFOUND */

/* The channels that were ever open, and those of them that are so no longer. */
typedef struct {
	uint64_t opened, closed;
} dc_counts;

dc_counts dc_get_counts(const dc_layer *layer);
/* All channels there are, in no particular order: start with 0, go on with what it returned; 0: no more. */
dc_handle dc_next(const dc_layer *layer, dc_handle after);

typedef enum {
	DC_EVENT_CONNECTED, /* the association is up; handle 0 */
	DC_EVENT_OPEN,	    /* a channel of ours may send */
	DC_EVENT_INCOMING,  /* the peer opened one: it is open; see dc_get_info */
	DC_EVENT_MESSAGE,
	DC_EVENT_MESSAGE_PART, /* as SCTP_EVENT_MESSAGE_PART */
	DC_EVENT_CLOSING,      /* the peer closes it: nothing can be sent any more */
	DC_EVENT_CLOSED,       /* last event of a channel; the handle is stale after the next dc_poll_event */
	DC_EVENT_BUFFERED_LOW,
	DC_EVENT_ENDED, /* the association is gone; handle 0; all channels' CLOSED came before. The last event. */
} dc_event_type;

typedef struct {
	dc_event_type type;
	dc_handle handle;
	bool binary;		   /* MESSAGE, MESSAGE_PART */
	slice data;		   /* MESSAGE, MESSAGE_PART: until the next dc_poll_event */
	bool first, last, aborted; /* MESSAGE_PART */
	uint32_t message;	   /* MESSAGE_PART */
	int error;		   /* CLOSED, ENDED: 0 if closed in order, else why */
	const char *reason; /* CLOSED, ENDED: one line of English, until the next dc_poll_event; "" if in order */
} dc_event;

/* Takes the association's events and turns them into these. May queue packets on the association (ACK, stream reset). */
bool dc_poll_event(dc_layer *layer, uint64_t now, dc_event *event);

void dc_check_invariants(const dc_layer *layer); /* with sctp_check_invariants of the association */
void dc_dump(const dc_layer *layer, text *t);

#endif
