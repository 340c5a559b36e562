/*
 * sctp/window.h: how many bytes the peer may have us hold: the receive window. It grows with what comes in a round trip, so that a
 * path of any bandwidth-delay product can be filled, up to a limit, and a multiple of what was ever read in one, so that nobody fills
 * it who completes nothing; and shrinks while the owner does not read, or memory is out.
 */
#ifndef PARLEY_SCTP_WINDOW_H
#define PARLEY_SCTP_WINDOW_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
	uint32_t least, most;
	uint32_t size;	     /* what a_rwnd is made of: least..most */
	uint32_t promised;   /* at least size: what it was before it shrank, while that may still be on its way */
	uint64_t came, read; /* bytes that were accepted, and that the owner took, in all */
	uint64_t round_began, round_came, round_read; /* the time, and those then */
	uint64_t most_read;			      /* in a round trip */
} sctp_window;

void sctp_window_init(sctp_window *w, uint32_t least, uint32_t most);
/* Data came: held bytes are here, of which unread ones wait for the owner. */
void sctp_window_adapt(sctp_window *w, uint64_t now, uint64_t rtt, size_t held, size_t unread);
void sctp_window_shrink(sctp_window *w); /* there was no memory for what came */

#endif
