/*
 * tests/unit/ice_solo.h: one ICE agent with one socket, and its peer played by hand: requests and answers are made up, right or
 * wrong, and what the agent sends is there to be looked at.
 */
#ifndef PARLEY_TESTS_ICE_SOLO_H
#define PARLEY_TESTS_ICE_SOLO_H

#include "base/rng.h"
#include "ice/ice.h"
#include "stun/stun.h"

#define SOLO_UFRAG "remo" /* the peer's */
#define SOLO_PWD "remotepasswordremotepass"
#define SOLO_TIE_BREAKER 1000u /* the agent's */

extern const parley_addr solo_base, solo_peer;

#define SOLO_LOG_MAX 128u

typedef struct {
	uint64_t at;
	parley_addr to;
	stun_id id;
} solo_sent;

typedef struct {
	rng_seeded rng;
	ice_config config;
	ice_agent *ice;
	uint64_t now;
	unsigned sent;	   /* since the last question or answer */
	ice_packet packet; /* the last one */
	stun_message message;
	uint8_t bytes[ICE_PACKET_MAX];
	solo_sent log[SOLO_LOG_MAX]; /* all requests since solo_create, as far as they fit */
	size_t logged;
} solo_agent;

extern solo_agent solo;

/* The default configuration, from a fixed seed; solo.config may be changed before solo_create. */
void solo_prepare(bool controlling);
void solo_create(bool know_remote);
void solo_begin(bool controlling, bool know_remote); /* both */
void solo_end(void);
void solo_add_peer(void); /* solo_peer as a host candidate */
void solo_pump(void);	  /* empties the agent's queues */

/* A check of the peer's. */
typedef struct {
	const char *ufrag, *pwd; /* NULL: none */
	const char *sender;
	bool no_priority, no_fingerprint, use_candidate, unknown;
	bool has_nomination;
	uint32_t nomination;
	bool controlled; /* the peer says it is */
	uint64_t tie;
	uint64_t id;
} solo_request;

solo_request solo_good_request(void);			 /* authentic, of a controlled peer */
slice solo_build(const solo_request *p, uint8_t *bytes); /* ICE_PACKET_MAX of them */
int solo_ask(const solo_request *p, const parley_addr *from);
/* Answers the request sent last, or not quite. code 0: success; pwd NULL: unsigned. */
int solo_answer(unsigned code, const char *pwd, const parley_addr *from, const parley_addr *mapped);
void solo_run_for(uint64_t us);
void solo_wait_for_request(void);   /* time passes until one is sent */
ice_pair_info solo_only_pair(void); /* there is one */
/* Where data goes; family PARLEY_ADDR_NONE: nowhere. */
parley_addr solo_selected(void);

#endif
