/*
 * sctp/reassembly.h: from DATA chunks to messages in the order of their streams (RFC 9260 6.5, 6.6, 6.9).
 *
 * A run is a message or the part of one that came with TSNs in sequence. A chunk that continues a run is appended to it,
 * so in the usual order a message's bytes are copied once. Complete runs go to `deliver` as soon as their stream allows; a
 * gap in the TSNs holds back only what is ordered behind it. Which TSNs are new is the caller's business (tsn_map.h).
 */
#ifndef PARLEY_SCTP_REASSEMBLY_H
#define PARLEY_SCTP_REASSEMBLY_H

#include "base/buf.h"
#include "base/list.h"
#include "sctp/chunk.h"
#include "sctp/sctp.h"
#include "sctp/stream_map.h"

/* A message (whole or in part), and, once delivered, the event that carries it to the owner. Other events use it too. */
typedef struct {
	list_node node;
	sctp_event event;
	buf data;
	size_t cost; /* counted in sctp_reassembly.bytes */
	uint32_t first_tsn, last_tsn;
	uint16_t ssn;
	bool begin, end; /* the first and last fragment are in it */
} sctp_run;

typedef struct {
	uint16_t id, next_ssn;
	list_node waiting; /* complete runs by SSN, from next_ssn on */
} sctp_stream_in;

typedef struct {
	size_t max_message;
	list_node runs;	    /* incomplete ones, by TSN */
	stream_map streams; /* sctp_stream_in */
	size_t bytes;	    /* cost of all runs here and of those delivered and not yet released */
} sctp_reassembly;

void sctp_reassembly_init(sctp_reassembly *r, size_t max_message);
void sctp_reassembly_clear(sctp_reassembly *r);
/* Adds a chunk with a new TSN and a payload. PARLEY_ENOMEM: nothing changed. PARLEY_EMSGSIZE: the message is too long. */
int sctp_reassembly_add(sctp_reassembly *r, const sctp_data *data, list_node *deliver);
/* Drops what the sender abandoned (RFC 3758 3.6): incomplete runs up to the new cumulative TSN. */
void sctp_reassembly_forward(sctp_reassembly *r, uint32_t cumulative_tsn);
/* ... and on an ordered stream goes on behind the SSN. */
void sctp_reassembly_skip(sctp_reassembly *r, sctp_skipped skipped, list_node *deliver);
/* The peer reset the stream: SSNs begin at 0. What still waits is delivered first. */
void sctp_reassembly_reset(sctp_reassembly *r, uint16_t stream, list_node *deliver);
void sctp_reassembly_reset_all(sctp_reassembly *r, list_node *deliver);
void sctp_reassembly_release(sctp_reassembly *r, sctp_run *run); /* a delivered one; frees it */
void sctp_reassembly_check(const sctp_reassembly *r, size_t delivered_cost);

#endif
