/*
 * sctp/reassembly.h: from DATA and I-DATA chunks to messages in the order of their streams (RFC 9260 6.5, 6.6, 6.9; RFC 8260
 * 2.2.3).
 *
 * A run is a message or a part of one without a gap: fragments in sequence, by TSN or, with I-DATA, by FSN. A chunk that
 * continues a run is appended to it, so in the usual order a message's bytes are copied once. Each stream has two lanes,
 * one of ordered and one of unordered messages, of runs in the order in which they were sent. Whole runs go to `deliver`:
 * unordered ones at once, ordered ones in their turn; a gap holds back only what is ordered behind it.
 * Where messages may be given out in parts (sctp_set_partial_delivery), a run that begins one whose turn it is stands in `due` as
 * long as there is something of it to give.
 * Which TSNs are new is the caller's business (tsn_map.h).
 */
#ifndef PARLEY_SCTP_REASSEMBLY_H
#define PARLEY_SCTP_REASSEMBLY_H

#include "base/list.h"
#include "sctp/chunk.h"
#include "sctp/sctp.h"
#include "sctp/stream_map.h"

/* A message (whole or in part), and, once delivered, the event that carries it to the owner. Other events use it too. */
typedef struct {
	list_node node;	      /* in its lane; or in deliver, or in the queue of events */
	list_node incomplete; /* in sctp_reassembly.incomplete while not whole */
	list_node due;	      /* in sctp_reassembly.due */
	sctp_event event;
	uint8_t *data;
	size_t len, capacity;
	size_t cost;		      /* counted in sctp_reassembly.bytes */
	uint32_t mid;		      /* DATA: the SSN, extended to count on behind 65535; 0 if unordered */
	uint32_t first, last;	      /* fragments: TSN; with I-DATA, FSN */
	uint32_t last_tsn;	      /* of an event of an incoming reset: when it is due */
	bool begin, end;	      /* the first and last fragment of the message are in it */
	bool in_parts;		      /* to be given out so */
	bool given;		      /* what came before was given out: what is in it follows that */
	_Alignas(8) uint8_t inside[]; /* data, at first */
} sctp_run;

typedef struct {
	list_node runs;	   /* by MID and fragment */
	sctp_run *gap;	   /* where one was last put in before the end: the next such is near; or NULL */
	uint32_t next_mid; /* ordered: to be delivered; unordered: 0 */
	bool in_parts;	   /* its messages may be given out so */
	size_t typical;	   /* bytes of the last whole message of several fragments */
} sctp_lane;

typedef struct {
	uint16_t id;
	sctp_lane lanes[2]; /* ordered, unordered */
} sctp_stream_in;

typedef struct {
	bool interleaved; /* I-DATA */
	bool any_length;  /* longer messages than max_message are given out in parts */
	size_t max_message;
	list_node due;	       /* runs, to be given out in parts */
	uint32_t next_message; /* the number of the next message that is given out so */
	list_node incomplete;  /* runs, in no order */
	stream_map streams;    /* sctp_stream_in */
	size_t bytes;	       /* cost of all runs here and of those delivered and not yet released */
	size_t runs;	       /* their number, each SCTP_RX_OVERHEAD of that */
	size_t spare;	       /* bytes allocated to runs ahead of what came */
} sctp_reassembly;

void sctp_reassembly_init(sctp_reassembly *r, size_t max_message, bool any_length);
void sctp_reassembly_clear(sctp_reassembly *r);
/*
 * Adds a chunk with a new TSN and a payload. One that contradicts what came before is a liar's and dropped. PARLEY_ENOMEM:
 * nothing changed. PARLEY_EMSGSIZE: the message is too long.
 */
int sctp_reassembly_add(sctp_reassembly *r, const sctp_data *data, list_node *deliver);
/* DATA only: drops what the sender abandoned (RFC 3758 3.6): incomplete runs that begin up to the new cumulative TSN. */
void sctp_reassembly_forward(sctp_reassembly *r, uint32_t cumulative_tsn, list_node *deliver);
/* Goes on behind the MID. Ordered: what is whole before is delivered. PARLEY_ENOMEM: nothing changed. */
int sctp_reassembly_skip(sctp_reassembly *r, const sctp_skipped *skipped, list_node *deliver);
/* The peer reset the stream: MIDs begin at 0. What is whole is delivered, what is not never will be. */
void sctp_reassembly_reset(sctp_reassembly *r, uint16_t stream, list_node *deliver);
void sctp_reassembly_reset_all(sctp_reassembly *r, list_node *deliver);

int sctp_reassembly_set_parts(sctp_reassembly *r, uint16_t stream, bool on); /* PARLEY_ENOMEM */
/* Gives out what there is of a message whose turn it is, and what then has its turn. Without memory: nothing, for now. */
void sctp_reassembly_give(sctp_reassembly *r, list_node *deliver);

sctp_run *sctp_run_new(size_t room); /* empty, with room for so many bytes inside; NULL: out of memory */
void sctp_reassembly_release(sctp_reassembly *r, sctp_run *run); /* a delivered one, or one of no message; frees it */
void sctp_reassembly_check(const sctp_reassembly *r, size_t delivered_cost);

#endif
