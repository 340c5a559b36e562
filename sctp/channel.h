/*
 * sctp/channel.h: the data channel layer from inside: channels, their handles and ids, and what is due on each.
 * channel.c keeps the tables and the life of a channel; datachannel.c is the owner's side, dc_event.c the association's.
 *
 * Nothing here queues with allocation: what a channel has to tell or to do is a flag on it, and it then stands in a list.
 */
#ifndef PARLEY_SCTP_CHANNEL_H
#define PARLEY_SCTP_CHANNEL_H

#include "base/list.h"
#include "sctp/datachannel.h"
#include "sctp/dcep.h"
#include "sctp/stream_map.h"

typedef struct {
	dc_info info; /* counters, id, state, label (owned) ... */
	size_t low_threshold;
	bool partial_delivery;
	bool in_parts; /* a message was begun by dc_send_part and is not ended */
	bool acked;    /* may send unordered: the peer knows the channel (RFC 8832 6) */
	/* to tell: in this order */
	bool tell_open, tell_closing, tell_closed;
	/* to do, as soon as the association takes it */
	bool do_open, do_ack, do_reset;
	bool reset_out, reset_in; /* done, while CLOSING */
	int error;		  /* why it closed; 0: in order */
	list_node telling, doing; /* in dc_layer's lists while a flag of each kind is set */
	uint8_t names[];	  /* label and protocol */
} dc_channel;

typedef struct {
	dc_channel *channel; /* NULL: free */
	uint16_t generation;
	uint16_t next_free; /* if free: the one to be used after it */
} dc_slot;

struct dc_layer {
	struct trace *trace;
	sctp_association *association; /* NULL before dc_attach and after the end */
	bool attached, client, connected, ended;
	bool tell_connected, tell_ended;
	int end_error;
	char end_reason[256];
	dc_slot *slots;
	size_t slot_count, slot_capacity, channels;
	uint16_t first_free,
		last_free; /* slots, if slot_count > channels: used in the order in which they became free */
	dc_counts counts;
	size_t next_id; /* no id of our parity is free before this one */
	stream_map ids; /* dc_channel with an id */
	list_node telling, doing;
	dc_channel *told; /* its CLOSED was given out: freed at the next poll */
};

dc_channel *dc_find(const dc_layer *layer, dc_handle handle);
/* A channel in state CONNECTING with a handle and no id; error as dc_create. */
int dc_channel_new(dc_layer *layer, const dc_options *options, dc_channel **out);
void dc_channel_free(dc_layer *layer, dc_channel *c);
void dc_set_state(dc_layer *layer, dc_channel *c, dc_state state);
/* Its stream gets what the channel wants of it: priority, threshold, partial delivery. PARLEY_ENOMEM. */
int dc_apply_settings(dc_layer *layer, const dc_channel *c);
/* PARLEY_ELIMIT: taken or out of the association's range; PARLEY_ENOMEM. */
int dc_take_id(dc_layer *layer, dc_channel *c, uint16_t id);
int dc_choose_id(dc_layer *layer, dc_channel *c);
bool dc_id_is_ours(const dc_layer *layer, uint16_t id); /* by parity (RFC 8832 6) */
/* The association is up: OPEN goes out, or the channel is open at once if negotiated. */
void dc_begin(dc_layer *layer, uint64_t now, dc_channel *c);
void dc_begin_closing(dc_layer *layer, uint64_t now, dc_channel *c);
/* No more of it: CLOSED is told, its id is free. */
void dc_closed(dc_layer *layer, dc_channel *c, int error);
void dc_close_all(dc_layer *layer, int error);
void dc_tell(dc_layer *layer, dc_channel *c, bool *flag);
void dc_do(dc_layer *layer, uint64_t now, dc_channel *c, bool *flag);
void dc_retry(dc_layer *layer, uint64_t now); /* what could not be done before */

#endif
