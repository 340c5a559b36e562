/*
 * ice/pulse.h: does a path still carry? From what leaves and what comes: when to ask, and when to call it silent.
 *
 * Signs of life are authentic STUN messages, and data that only the peer can have sent. Silence alone means nothing. But where
 * data left that the peer reacts to, and the reaction is late for this path, or a check has no answer, the path is in doubt:
 * then it is asked at once and in quick succession, each time by a new transaction. A lively path that is cut is found out in
 * about 1.5 s plus three round trips, an idle one as soon after its next consent check; a fifth of all packets lost does not
 * look like a cut, nor does a peer that by habit says little.
 *
 * Not here: the messages, and consent, which only answers give (RFC 7675). Time is monotonic microseconds. Nothing allocates.
 */
#ifndef PARLEY_ICE_PULSE_H
#define PARLEY_ICE_PULSE_H

#include <stdbool.h>

#include "base/time.h"

/* The least time, beside a round trip, until silence is odd: two delayed SACKs (200 ms), or what a station of a wireless
 * network takes to roam and repeat. */
#define ICE_PATIENCE_MIN_US (500 * US_PER_MS)
/* The most: beyond it the calm rhythm of consent (RFC 7675 5.1: at least 4 s) is as fast. */
#define ICE_PATIENCE_MAX_US (4 * US_PER_S)
/* Where 20 % are lost each way an answer comes to 64 %: all ten are lost once in 27,000 doubts. */
#define ICE_PROBES 10u
#define ICE_PROBE_INTERVAL_US (80 * US_PER_MS)
/* A silent path is asked on, so that its return is seen soon: 12 kB until consent expires. */
#define ICE_PROBE_SILENT_US (500 * US_PER_MS)
/* The least time that an answer gets: RFC 8445 14.3 would give 500 ms, but ten of them wait together. */
#define ICE_ANSWER_MIN_US (200 * US_PER_MS)
/* No answer for so long while data comes: we hear the peer, but it does not hear us. Two consent checks. */
#define ICE_DEAF_US (10 * US_PER_S)
/* Between two hints that are followed: some peers check other paths all the time. */
#define ICE_HINT_INTERVAL_US (4 * US_PER_S)
/* A lite agent only listens: a peer's consent checks come every 4 to 6 s, so three of them, or two of the keepalives of RFC 5245. */
#define ICE_LISTEN_US (30 * US_PER_S / 2)
#define ICE_RTT_UNKNOWN_US (250 * US_PER_MS) /* as the first retransmission of a check assumes */

typedef enum { ICE_PULSE_CALM, ICE_PULSE_DOUBT, ICE_PULSE_SILENT } ice_pulse_state;

/* How long something takes: mean and deviation as in RFC 6298 2. */
typedef struct {
	bool known;
	uint64_t mean, deviation;
} ice_estimate;

typedef struct {
	ice_pulse_state state;
	ice_estimate rtt;	/* of checks */
	ice_estimate reaction;	/* from data that leaves to the next data that comes */
	uint64_t heard_at;	/* the last sign of life */
	uint64_t waiting_since; /* data has left and none has come; TIME_NEVER: not waiting */
	uint64_t asked_since;	/* a check has left and none is answered; TIME_NEVER: not waiting */
	uint64_t listens_us;	/* not 0: nothing is asked, and after so long without a sign of life it is silent */
	bool excused;		/* the wait for data has been found harmless: no doubt again because of it */
	uint64_t hints_from;	/* hints count from then on */
	bool deaf;		/* the doubt is whether the peer hears us there: only an answer ends it */
	unsigned probes;	/* sent in this doubt */
	uint64_t next_probe;
} ice_pulse;

/* A check was answered just now, after rtt_us; 0: not known. */
void ice_pulse_init(ice_pulse *p, uint64_t now, uint64_t rtt_us);
/* For one who never asks. patience_us: until it is silent, TIME_NEVER: never. */
void ice_pulse_init_listener(ice_pulse *p, uint64_t now, uint64_t patience_us);

void ice_pulse_sent(ice_pulse *p, uint64_t now);  /* data that the peer reacts to */
void ice_pulse_asked(ice_pulse *p, uint64_t now); /* a check, be it for consent or because ice_pulse_timeout said so */
void ice_pulse_data(ice_pulse *p, uint64_t now);  /* authentic data came */
void ice_pulse_heard(ice_pulse *p, uint64_t now); /* an authentic request of the peer came */
void ice_pulse_answered(ice_pulse *p, uint64_t now, uint64_t rtt_us);
/* The peer seems to look for another path: does it still hear us on this one? */
void ice_pulse_hint(ice_pulse *p, uint64_t now);

/* The deadline has passed. True: send a check now. */
bool ice_pulse_timeout(ice_pulse *p, uint64_t now);
uint64_t ice_pulse_deadline(const ice_pulse *p);

static inline bool ice_pulse_is_silent(const ice_pulse *p)
{
	return p->state == ICE_PULSE_SILENT;
}

#endif
