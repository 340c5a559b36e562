/*
 * peer/transceivers.h: the transceivers of a peer connection: what each side wants to send and receive, and what the
 * descriptions made of it.
 */
#ifndef PARLEY_PEER_TRANSCEIVERS_H
#define PARLEY_PEER_TRANSCEIVERS_H

#include "parley/core.h"
#include "sdp/sdp.h"

#define TRANSCEIVER_SDP_CODECS_MAX 16u /* entries of sdp_default_codecs that its codecs can match */
#define TRANSCEIVER_ID_MAX 37u	       /* a stream or track id, NUL included: a UUID, or what the caller gave, cut */

typedef struct {
	parley_transceiver handle; /* index + 1 */
	parley_transceiver_info info;
	char stream_id[TRANSCEIVER_ID_MAX], track_id[TRANSCEIVER_ID_MAX];
	uint32_t rtx_ssrc;
	bool packets; /* receives packets, not frames */

	/* what it puts in descriptions; no codecs: those of sdp_default_codecs */
	sdp_local_codec sdp_codecs[TRANSCEIVER_SDP_CODECS_MAX];
	size_t sdp_codec_count;
	bool mid_is_pending; /* given by a description that is not agreed on yet, and gone if that is rolled back */
	parley_direction negotiated_wanted; /* info.direction when it was last negotiated */
	uint32_t sender, receiver;	    /* of the RTP session; 0: none */
} transceiver;

typedef struct {
	transceiver *items[PARLEY_TRANSCEIVERS_MAX];
	size_t count;
} transceivers;

void transceivers_clear(transceivers *t);
transceiver *transceivers_find(const transceivers *t, parley_transceiver handle);
/* PARLEY_EINVAL: a codec is not of its kind; PARLEY_ELIMIT; PARLEY_ENOMEM, or the random source's error. */
int transceivers_add(struct parley_core *core, parley_media_kind kind, const parley_transceiver_init *init,
		     transceiver **out);

/* --- media_sdp.c: the transceivers and the descriptions --- */

/* One entry per transceiver, in out (of PARLEY_TRANSCEIVERS_MAX), borrowing from the transceivers and from streams (likewise). */
size_t transceivers_describe(const struct parley_core *core, sdp_local_media *out, slice *streams);
/* A local description is set: those that got a section in it have its mid from now on. */
void transceivers_take_sections(struct parley_core *core, const sdp_session *local, const int *sections);
/* A remote offer is set: each section gets a transceiver, an old one, a waiting one, or (if the owner wants media) a new one. */
int transceivers_match_offer(struct parley_core *core, const sdp_session *offer);
/* What was matched or took sections since the last agreement is forgotten. */
void transceivers_roll_back(struct parley_core *core);
/* Something was changed that the descriptions in force do not say. */
bool transceivers_need_negotiation(const struct parley_core *core);
/* Offer and answer are agreed on. */
void transceivers_negotiated(struct parley_core *core, bool answer_is_local);

#endif
