/*
 * apps/parley-ice/checks.h: candidates and check list of a connection, read out of the W3C's getStats().
 */
#ifndef PARLEY_APPS_ICE_CHECKS_H
#define PARLEY_APPS_ICE_CHECKS_H

#include "parley/parley.h"

#define CHECKS_CANDIDATES_MAX 256u /* the first ones; further ones are left out */
#define CHECKS_PAIRS_MAX 128u
#define CHECKS_ID_MAX 16u
#define CHECKS_WORD_MAX 16u
#define CHECKS_ADDRESS_MAX 80u
#define CHECKS_URL_MAX 300u
#define CHECKS_END_MAX 160u /* of a candidate printed */

typedef struct {
	char id[CHECKS_ID_MAX];
	bool local;
	char type[CHECKS_WORD_MAX];	      /* "host", "srflx", "prflx", "relay" */
	char protocol[CHECKS_WORD_MAX];	      /* "udp", "tcp" */
	char tcp_type[CHECKS_WORD_MAX];	      /* "active", "passive", "so"; "" for UDP */
	char relay_protocol[CHECKS_WORD_MAX]; /* how we reach the relay: "udp", "tcp", "tls"; "" for other types */
	char address[CHECKS_ADDRESS_MAX];     /* an IP address or a name */
	int port;
	char related[CHECKS_ADDRESS_MAX]; /* the base's "address:port", or "" */
	char url[CHECKS_URL_MAX];	  /* of the server it is from, or "" */
} check_candidate;

typedef struct {
	char id[CHECKS_ID_MAX];
	const check_candidate *local, *remote;
	char state[CHECKS_WORD_MAX];
	bool nominated, selected;
	int64_t sent, answered, received; /* requests, responses to them, requests from the peer */
	bool has_rtt;
	double rtt_ms;
} check_pair;

typedef struct {
	check_candidate candidates[CHECKS_CANDIDATES_MAX];
	size_t candidate_count;
	check_pair pairs[CHECKS_PAIRS_MAX]; /* the most promising first */
	size_t pair_count;
	const check_pair *selected; /* NULL: none */
	int64_t sent;		    /* requests in all */
} checks;

/* Of this moment; free() it. NULL: out of memory, or the report is not understood. */
checks *checks_read(const parley_pc *pc);

/* "srflx udp 203.0.113.1:5000"; of a relayed one of ours "relay tcp>udp ...", as we reach the relay by TCP and it the peer by UDP. */
const char *check_candidate_print(const check_candidate *c, char out[CHECKS_END_MAX]);

#endif
