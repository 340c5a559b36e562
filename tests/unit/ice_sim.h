/*
 * tests/unit/ice_sim.h: two ICE agents, a network with NATs, loss and delay between them, STUN and TURN servers and
 * signalling; on a virtual clock, from a seed. Allocates nothing itself.
 *
 * A stream to the TURN server is an address of transport TCP here, of side 10.0.<side>.1, its port the stream's number: it loses
 * nothing.
 */
#ifndef PARLEY_TESTS_ICE_SIM_H
#define PARLEY_TESTS_ICE_SIM_H

#include "base/rng.h"
#include "ice/ice.h"
#include "stun/stun.h"

#define SIM_FLIGHT_MAX 256
#define SIM_MAPPINGS_MAX 512
#define SIM_HISTORY 32
#define SIM_ALLOCATIONS_MAX 32
#define SIM_PEERS_MAX 32 /* of an allocation */
#define SIM_DATA_MAX 100 /* bytes of a datagram of data */

typedef enum { SIM_NO_NAT, SIM_NAT_CONE, SIM_NAT_RESTRICTED, SIM_NAT_SYMMETRIC } sim_nat;

typedef struct {
	bool used;
	uint64_t at;
	uint64_t order;
	parley_addr from, to;
	size_t len;
	uint8_t data[ICE_PACKET_MAX];
} sim_datagram;

typedef struct {
	parley_addr inside, outside, remote; /* remote counts for symmetric ones only */
	bool filtered;
	parley_addr allowed[8];
	size_t allowed_count;
} sim_mapping;

typedef struct {
	ice_agent *ice;
	sim_nat nat;
	uint8_t public_octet; /* 203.0.113.x */
	sim_mapping mappings[SIM_MAPPINGS_MAX];
	size_t mapping_count;
	bool mute_candidates; /* do not signal ours */
	bool lie_addresses;   /* signal no host candidates: the peer has to learn */
	ice_candidate candidates[16];
	size_t candidate_count;
	ice_state states[SIM_HISTORY];
	uint64_t state_times[SIM_HISTORY];
	size_t state_count;
	uint64_t gathered_at;
	bool gathered;
	uint32_t resolve_id;
	unsigned resolves, role_changes, selections;
	unsigned sent;
	unsigned sent_to_peers; /* of those, neither to the STUN nor to the TURN server */
	uint32_t stream;	/* opened last */
	unsigned streams_opened, streams_closed;
	char name[ICE_NAME_MAX + 1]; /* that its certificate must have */
	/* Data, beside STUN: every talk_us (0: none) the side sends a datagram where ice_selected says; an answer comes to each
	 * answer_every-th (0: none) that it gets. */
	uint64_t talk_us, next_talk;
	unsigned answer_every;
	unsigned data_sent, data_received;
	uint64_t last_data;	     /* when it came */
	char data[SIM_DATA_MAX + 1]; /* what came last */
} sim_side;

#define SIM_TURN_REALM "realm"
#define SIM_TURN_USER "user"

typedef struct {
	bool used;
	stun_id made_by;
	parley_addr client, server, relayed;
	parley_addr permitted[SIM_PEERS_MAX];
	size_t permitted_count;
	parley_addr bound[SIM_PEERS_MAX]; /* to channel 0x4000 and so on, as the client asked */
	uint16_t number[SIM_PEERS_MAX];
	size_t bound_count;
} sim_allocation;

/* RFC 8656 as far as a client that behaves needs it, and strict with one that does not: tests/unit/ice_sim_turn.c. */
typedef struct {
	parley_addr addr; /* of transport UDP, and the same over TCP */
	bool mute;	  /* answers nothing */
	bool refuses_streams;
	const char *password, *nonce;
	parley_addr alternate; /* another port of it: Allocate is answered 300, go there */
	parley_addr forbidden; /* a peer for whom there is no permission */
	sim_allocation allocations[SIM_ALLOCATIONS_MAX];
	uint16_t next_port;
	unsigned allocated, deleted, refused, unpermitted;
	unsigned channel_data, indications; /* from clients */
} sim_turn;

typedef struct {
	uint64_t now, order;
	rng_seeded rng, network;
	sim_side side[2];
	sim_datagram flight[SIM_FLIGHT_MAX];
	uint64_t delay_us, jitter_us;
	unsigned loss_percent;
	bool cut;	    /* nothing is delivered */
	parley_addr broken; /* nothing is delivered from or to it */
	parley_addr stun_server, dead_server;
	sim_turn turn;
	ice_config config[2];
} sim;

void sim_init(sim *s, uint64_t seed); /* side 0 is controlling */
int sim_create(sim *s);		      /* both agents, from config */
void sim_destroy(sim *s);
/* Bind 10.0.<side>.1:5000 (or public addresses without NAT) and let both know the other's credentials. */
void sim_bind(sim *s, int side, parley_addr addr);
void sim_exchange_credentials(sim *s);
void sim_pump(sim *s); /* empty both agents' queues */
/* One step: the next delivery or deadline. False: nothing is due before `until`. */
bool sim_step(sim *s, uint64_t until);
void sim_run(sim *s, uint64_t for_us);
/* Until both are in this state. False: it takes longer than that. */
bool sim_until(sim *s, ice_state state, uint64_t within_us);
bool sim_was(const sim *s, int side, ice_state state);
/* When it last came into this state; TIME_NEVER: not since sim_forget. */
uint64_t sim_when(const sim *s, int side, ice_state state);
void sim_forget(sim *s); /* the states so far */
/* Both send to where the other receives from. */
bool sim_paths_match(const sim *s);
/* Both begin to send data at this interval, 0: stop. */
void sim_talk(sim *s, uint64_t interval_us);
/* An application's datagram on the selected path, to the other side's data. False: there is no path, or no way. */
bool sim_send(sim *s, int side, const char *what);
/* On its way from here to there. */
void sim_launch(sim *s, const parley_addr *from, const parley_addr *to, slice data);
void sim_answer_binding(sim *s, const parley_addr *server, const parley_addr *from, const stun_id *id);
int sim_add_turn(sim *s, int side, ice_over over); /* with the right password */
void sim_turn_init(sim_turn *t);
void sim_turn_restart(sim_turn *t); /* forgets everything */
bool sim_turn_is_at(const sim_turn *t, const parley_addr *addr);
void sim_turn_receive(sim *s, const parley_addr *to, const parley_addr *from, slice data);
void sim_inject(sim *s, int side, parley_addr local, parley_addr from, slice data);

#endif
