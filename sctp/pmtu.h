/*
 * sctp/pmtu.h: how large a packet the path carries (RFC 8899: packetization layer path MTU discovery for datagrams): the
 * state machine and the search. Knows no chunks and no clock: it says what size to probe, and is told what became of it.
 * All sizes are of SCTP packets, in bytes, multiples of 4.
 *
 * What a packet may hold grows with what is found; DATA chunks do not: they stay at what fits `base`, so that all in flight can
 * be sent again, in smaller packets, when a path turns out to carry less. Hence base is also the MIN_PLPMTU here.
 */
#ifndef PARLEY_SCTP_PMTU_H
#define PARLEY_SCTP_PMTU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"

#define SCTP_PMTU_PROBES_MAX 3u		    /* RFC 8899 5.1.2: MAX_PROBES of one size */
#define SCTP_PMTU_PROBE_US (1 * US_PER_S)   /* 5.1.1: PROBE_TIMER, or the RTO if that is longer */
#define SCTP_PMTU_RAISE_US (600 * US_PER_S) /* 5.1.1: PMTU_RAISE_TIMER */
#define SCTP_PMTU_TRUST_US (1 * US_PER_S)   /* what was confirmed is not asked again for so long */
#define SCTP_PMTU_PRECISION_SHIFT 6	    /* the search ends when less than 1/64 is left to win */

typedef enum {
	SCTP_PMTU_DISABLED, /* not begun, or never to be */
	SCTP_PMTU_BASE,	    /* does the path carry base? */
	SCTP_PMTU_SEARCHING,
	SCTP_PMTU_COMPLETE,
	SCTP_PMTU_ERROR, /* not even base was answered: asked again and again */
} sctp_pmtu_state;

typedef struct {
	sctp_pmtu_state state;
	size_t base, max;
	size_t current;	   /* PLPMTU: what packets may hold */
	size_t probed;	   /* PROBED_SIZE, unless confirming */
	size_t too_large;  /* the least size that was not answered; max + 4: none */
	unsigned count;	   /* PROBE_COUNT: probes of this size unanswered */
	uint64_t raise_at; /* when COMPLETE: larger sizes may be tried again */
	bool confirming;   /* that current still holds comes before any search */
	unsigned unconfirmed;
	uint64_t trusted_until; /* it was confirmed lately */
} sctp_pmtu;

void sctp_pmtu_init(sctp_pmtu *p, size_t base, size_t max); /* max <= base: always disabled */
/* Much is to be sent: the search begins, or begins again after the raise time. */
void sctp_pmtu_wanted(sctp_pmtu *p, uint64_t now);
/* Packets were lost: it is asked whether the path still carries current (4.3). */
void sctp_pmtu_suspect(sctp_pmtu *p, uint64_t now);
/* Nothing came through at all: back to base at once. Also when the path is another one. */
void sctp_pmtu_restart(sctp_pmtu *p);
size_t sctp_pmtu_probe(const sctp_pmtu *p); /* the size of the probe to send, or under way; 0: none */
/* The probe was answered; or was not, in time. */
void sctp_pmtu_answered(sctp_pmtu *p, uint64_t now);
void sctp_pmtu_unanswered(sctp_pmtu *p, uint64_t now);
const char *sctp_pmtu_state_name(sctp_pmtu_state state);
void sctp_pmtu_check(const sctp_pmtu *p);

#endif
