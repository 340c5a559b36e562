/*
 * tests/sim/call.h: a call in the simulator: two peers, the signaling between them, and the messages they exchange.
 *
 * The first node creates the channel "sendDataChannel" and offers; each side then sends `messages` numbered texts and
 * checks that the other's arrive in order, none missing, none twice. With video_frames each also sends VP8 frames of made-up
 * content, makes key frames when asked to, and checks that whole frames come, in order, with gaps only where frames were lost.
 */
#ifndef PARLEY_TESTS_CALL_H
#define PARLEY_TESTS_CALL_H

#include "tests/sim/simnet.h"

#define CALL_MESSAGE_MAX 2000u

typedef struct {
	unsigned messages;	  /* each way */
	unsigned message_len;	  /* bytes, at most CALL_MESSAGE_MAX - 1; less than their text: just that */
	uint64_t signaling_delay; /* of each description and candidate, microseconds */
	unsigned video_frames;	  /* each way, 30 a second, from when both are connected */
	bool wait_for_gathering;  /* descriptions leave with all candidates, and none are trickled */
} call_options;

typedef struct call call;

/* One end. */
typedef struct {
	call *call;
	simnet_node *node;
	bool initiator;
	bool described; /* its description is on its way; until then candidates wait in it */
	parley_channel channel;
	unsigned sent, received;
	bool misordered;
	parley_channel_state channel_state;
	parley_connection_state connection_state;
	char failure[160];
	unsigned ice_states;		    /* those seen: 1 << PARLEY_ICE_... */
	uint64_t described_at;		    /* its last description left */
	uint64_t ice_connected_at;	    /* for the first time, 0: never */
	char local_type[8], remote_type[8]; /* of the selected pair */
	bool over_tcp;
	parley_transceiver video, audio;
	unsigned audio_sent, audio_received;
	unsigned frames_sent, frames_received, key_frames_wanted;
	bool key_frame_due, frame_misordered, frame_damaged;
	uint32_t last_frame;			/* its number + 1 */
	uint64_t last_frame_at, longest_freeze; /* microseconds between two frames */
	uint64_t target_bps;
} call_end;

struct call {
	simnet net;
	call_options options;
	call_end ends[2];
};

/* net->trace may be set in between. */
void call_init(call *c, uint64_t seed, const simnet_path *path, const call_options *options,
	       const parley_core_config *config);
/* The same in steps, for ends that differ: the network alone, then each of the two ends. */
void call_init_network(call *c, uint64_t seed, const simnet_path *path, const call_options *options);
void call_join(call *c, const parley_core_config *config, const simnet_interface *interfaces, size_t count);
void call_start(call *c);
/* Runs until both have received everything; false: not so by `limit_us` of virtual time. */
bool call_run(call *c, uint64_t limit_us);
/* So many messages more, each way. */
void call_send(call *c, unsigned more);
/* This end restarts ICE: an offer follows as after the first one whenever the core finds it needed. Where both offer at once,
 * the second end is the polite one (W3C webrtc-pc 10.7). */
void call_restart_ice(call *c, unsigned end);
/* This end offers, with nothing new. */
void call_offer(call *c, unsigned end);
/* Runs on for so long. */
void call_run_for(call *c, uint64_t us);
void call_clear(call *c);

#endif
