/*
 * peer/transceivers.h: the transceivers of a peer connection: what each side wants to send and receive, and what the
 * descriptions made of it.
 */
#ifndef PARLEY_PEER_TRANSCEIVERS_H
#define PARLEY_PEER_TRANSCEIVERS_H

#include "parley/core.h"

#define TRANSCEIVER_ID_MAX 37u /* a stream or track id, NUL included: a UUID, or what the caller gave, cut */

typedef struct {
	parley_transceiver handle; /* index + 1 */
	parley_transceiver_info info;
	parley_codec codecs[PARLEY_CODECS_MAX + 1]; /* preferred, up to NONE */
	char stream_id[TRANSCEIVER_ID_MAX], track_id[TRANSCEIVER_ID_MAX];
	uint32_t rtx_ssrc;
	bool packets; /* receives packets, not frames */
} transceiver;

typedef struct {
	transceiver *items[PARLEY_TRANSCEIVERS_MAX];
	size_t count;
} transceivers;

void transceivers_clear(transceivers *t);
transceiver *transceivers_find(const transceivers *t, parley_transceiver handle);

#endif
