#include "sctp/window.h"

#include "base/time.h"

/*
 * Of what is read in a round trip: twice, since a sender in slow start doubles its rate in the next; and twice again, since what a
 * loss holds up stays here for another round trip or two while the rest goes on coming.
 */
#define GAIN 4u

void sctp_window_init(sctp_window *w, uint32_t least, uint32_t most)
{
	*w = (sctp_window){.least = least, .most = most < least ? least : most, .size = least, .promised = least};
}

static void grow(sctp_window *w, uint64_t read)
{
	uint64_t wanted = read * GAIN;
	if (wanted > w->most)
		wanted = w->most;
	if (wanted > w->size)
		w->size = (uint32_t)wanted;
	if (w->size > w->promised)
		w->promised = w->size;
}

static void shrink(sctp_window *w)
{
	w->size = w->size / 2 > w->least ? w->size / 2 : w->least;
}

void sctp_window_adapt(sctp_window *w, uint64_t now, uint64_t rtt, size_t held, size_t unread)
{
	uint64_t took = now - w->round_began, read = w->read - w->round_read;
	if (held <= w->size)
		w->promised = w->size;
	if (unread <= w->size / 2)
		grow(w, took > rtt ? read * rtt / took : read); /* a round may last longer when little comes */
	if (took < rtt)
		return;
	if (unread > w->size / 2)
		shrink(w);
	w->round_began = now;
	w->round_read = w->read;
}
