/*
 * sctp/window.h: how many bytes the peer may have us hold: the receive window. It grows with what the owner reads in a round trip,
 * so that a path of any bandwidth-delay product can be filled, up to a limit; and shrinks while the owner does not read.
 */
#ifndef PARLEY_SCTP_WINDOW_H
#define PARLEY_SCTP_WINDOW_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
	uint32_t least, most;
	uint32_t size;	   /* what a_rwnd is made of: least..most */
	uint32_t promised; /* at least size: what it was before it shrank, while that may still be on its way */
	uint64_t read;	   /* bytes that the owner took, in all */
	uint64_t round_began, round_read; /* the time, and `read` then */
} sctp_window;

void sctp_window_init(sctp_window *w, uint32_t least, uint32_t most);
/* Data came: held bytes are here, of which unread ones wait for the owner. */
void sctp_window_adapt(sctp_window *w, uint64_t now, uint64_t rtt, size_t held, size_t unread);

#endif
