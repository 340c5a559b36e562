/*
 * tests/sim/tcp_model.h: what a TCP that makes no mistake gets of a link with a given congestion control, reckoned by round trips: no
 * packet is lost but by chance or because the queue overflows, each loss is seen and repaired within a round trip, slow start ends as
 * soon as the pipe is full. What simulated associations are measured against.
 */
#ifndef PARLEY_TESTS_TCP_MODEL_H
#define PARLEY_TESTS_TCP_MODEL_H

#include <stdint.h>

typedef struct {
	double packets_per_s; /* that the link carries */
	double rtt_s;	      /* without queue */
	double queue_packets;
	unsigned loss_ppm;
} tcp_model_link;

/* Shares of the link's packets between two times since the connection began; seed: of the losses. */
double tcp_model_cubic(const tcp_model_link *link, double from_s, double to_s, uint64_t seed);
double tcp_model_bbr(const tcp_model_link *link, double from_s, double to_s);

#endif
