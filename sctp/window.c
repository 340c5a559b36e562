#include "sctp/window.h"

#include "base/time.h"

/*
 * Of what comes in a round trip, read or held up by a loss: twice, since a sender in slow start doubles its rate in the next; and
 * twice again, since what a loss holds up stays here for another round trip while the rest goes on coming.
 */
#define GAIN 4u
/* What comes may be more than what is read: by two doublings while a loss holds all up. */
#define HELD_UP 4u

void sctp_window_init(sctp_window *w, uint32_t least, uint32_t most)
{
	*w = (sctp_window){.least = least, .most = most < least ? least : most, .size = least, .promised = least};
}

static void grow(sctp_window *w, uint64_t came)
{
	uint64_t wanted = came * GAIN;
	if (wanted > w->most)
		wanted = w->most;
	if (wanted > w->size)
		w->size = (uint32_t)wanted;
	if (w->size > w->promised)
		w->promised = w->size;
}

void sctp_window_shrink(sctp_window *w)
{
	w->size = w->size / 2 > w->least ? w->size / 2 : w->least;
}

static uint64_t per_round(uint64_t bytes, uint64_t took, uint64_t rtt)
{
	return took > rtt ? bytes * rtt / took : bytes; /* a round may last longer when little comes */
}

void sctp_window_adapt(sctp_window *w, uint64_t now, uint64_t rtt, size_t held, size_t unread)
{
	uint64_t took = now - w->round_began;
	uint64_t came = per_round(w->came - w->round_came, took, rtt),
		 read = per_round(w->read - w->round_read, took, rtt);
	if (held <= w->size)
		w->promised = w->size;
	if (read > w->most_read)
		w->most_read = read;
	if (unread <= w->size / 2)
		grow(w, came < HELD_UP * w->most_read ? came : HELD_UP * w->most_read);
	if (took < rtt)
		return;
	if (unread > w->size / 2)
		sctp_window_shrink(w);
	w->round_began = now;
	w->round_came = w->came;
	w->round_read = w->read;
}
