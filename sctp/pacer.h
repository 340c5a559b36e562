/*
 * sctp/pacer.h: spreads packets over time at a rate: they leave in bursts, each as long as about a millisecond of the rate, so that
 * neither a queue on the path overflows nor every packet needs a wake-up of its own (and the owner can send a burst as one batch).
 */
#ifndef PARLEY_SCTP_PACER_H
#define PARLEY_SCTP_PACER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCTP_BURST_US 1000u   /* of the rate */
#define SCTP_BURST_MAX 65536u /* bytes: what GSO takes at once */
#define SCTP_BURST_PACKETS_MIN 2u
/* What may leave at once after a pause, or to make up for a late wake-up: so long of the rate, or an initial window (RFC 6928). */
#define SCTP_PACER_LATE_US 2000u
#define SCTP_PACER_LATE_PACKETS 10u

typedef struct {
	uint64_t ready; /* when the next burst may leave; while one is under way, when it began */
	size_t used;	/* bytes of the burst under way */
} sctp_pacer;

size_t sctp_burst(uint64_t rate, size_t mtu); /* bytes */
/* May data leave now? */
bool sctp_pacer_open(const sctp_pacer *p, uint64_t now);
/* A packet of so many bytes leaves, at a rate in bytes per second; 0: as fast as you can. */
void sctp_pacer_sent(sctp_pacer *p, uint64_t now, size_t bytes, uint64_t rate, size_t mtu);

#endif
