/*
 * sctp/scheduler.h: which of the streams that have something to send is next (RFC 8260 3): a heap of them.
 *
 * Weighted fair queueing is the start-time kind: a stream's place is the virtual time at which its next chunk may begin; it
 * moves on by the bytes sent divided by the weight, and one that was silent begins at the time of the chunk sent last. So a
 * stream that seldom sends does not wait behind those that always do, whatever their weights, and of n streams each
 * gets its weight's share. Knows no messages: whoever calls says which streams are ready and what they sent.
 */
#ifndef PARLEY_SCTP_SCHEDULER_H
#define PARLEY_SCTP_SCHEDULER_H

#include <stddef.h>
#include <stdint.h>

#include "sctp/sctp.h"

typedef struct {	   /* a stream's part in it */
	size_t place;	   /* in the heap, from 1; 0: not ready */
	uint64_t rank;	   /* lowest first; then */
	uint64_t turn;	   /* this */
	uint64_t finish;   /* virtual time at which its last chunk ended */
	uint16_t priority; /* 1..: the weight, or the rank */
} sctp_turn;

typedef struct {
	sctp_schedule kind;
	sctp_turn **heap; /* from [1] on */
	size_t count, capacity;
	uint64_t turns; /* given so far */
	uint64_t time;	/* virtual: where the last chunk sent began */
} sctp_scheduler;

void sctp_scheduler_init(sctp_scheduler *s, sctp_schedule kind);
void sctp_scheduler_clear(sctp_scheduler *s);  /* forgets all; whoever was ready must not be used any more */
int sctp_scheduler_reserve(sctp_scheduler *s); /* the next enter is sure to work; PARLEY_ENOMEM */
void sctp_scheduler_enter(sctp_scheduler *s, sctp_turn *t);		 /* ready; harmless if it is already */
void sctp_scheduler_leave(sctp_scheduler *s, sctp_turn *t);		 /* not ready; the same */
sctp_turn *sctp_scheduler_first(const sctp_scheduler *s);		 /* NULL: none is ready */
void sctp_scheduler_sent(sctp_scheduler *s, sctp_turn *t, size_t bytes); /* its turn is over */
void sctp_scheduler_set_priority(sctp_scheduler *s, sctp_turn *t, uint16_t priority);
void sctp_scheduler_check(const sctp_scheduler *s);

#endif
