/*
 * apps/parley-ice/echo.h: round trips over a data channel: each side sends numbered messages and answers the other's.
 *
 *   ping N   answered by   pong N
 *   done     the sender has all its answers; it stays until the other is done too
 *
 * A message that comes twice, out of order or unasked is counted as wrong: the channel is reliable and ordered.
 */
#ifndef PARLEY_APPS_ICE_ECHO_H
#define PARLEY_APPS_ICE_ECHO_H

#include "base/bytes.h"
#include "parley/parley.h"

typedef struct {
	uint32_t count; /* round trips wanted; 0: without end */
	uint32_t sent, answered, echoed;
	uint32_t wrong;
	uint64_t sent_at; /* the one that is out */
	uint64_t least_us, most_us, total_us;
	bool done, peer_done; /* said so, heard so */
} echo;

/* The next message, if it is time: none is out and not all have been. */
void echo_send(echo *e, uint64_t now, parley_pc *pc, parley_channel channel);
void echo_receive(echo *e, uint64_t now, parley_pc *pc, parley_channel channel, slice message);
bool echo_is_over(const echo *e); /* both sides are done */

#endif
