#include "sctp/congestion.h"

typedef struct {
	void (*begin)(sctp_congestion *c, uint32_t seed);
	void (*resized)(sctp_congestion *c, double ratio);
	void (*sending)(sctp_congestion *c, uint64_t now, size_t flight, uint64_t rto);
	void (*lost)(sctp_congestion *c, uint64_t now, const sctp_loss *loss);
	void (*acked)(sctp_congestion *c, const sctp_acknowledgement *ack);
	void (*recover)(sctp_congestion *c, uint64_t now, size_t flight);
	void (*recovered)(sctp_congestion *c, uint64_t now, bool timeout);
	void (*timeout)(sctp_congestion *c, uint64_t now, size_t flight, bool again);
	void (*undo)(sctp_congestion *c, uint64_t now);
} controller;

static const controller controllers[] = {
	[SCTP_CUBIC] = {sctp_cubic_begin, sctp_cubic_resized, sctp_cubic_sending, sctp_cubic_lost, sctp_cubic_acked,
			sctp_cubic_recover, sctp_cubic_recovered, sctp_cubic_timeout, sctp_cubic_undo},
	[SCTP_BBR] = {sctp_bbr_begin, sctp_bbr_resized, sctp_bbr_sending, sctp_bbr_lost, sctp_bbr_acked,
		      sctp_bbr_recover, sctp_bbr_recovered, sctp_bbr_timeout, sctp_bbr_undo},
};

void sctp_congestion_init(sctp_congestion *c, sctp_congestion_control control, size_t mtu, sctp_rate *rate,
			  uint32_t seed)
{
	*c = (sctp_congestion){.control = control,
			       .rate = rate,
			       .mtu = mtu,
			       .cwnd = SCTP_INITIAL_WINDOW_PACKETS * mtu,
			       .ssthresh = SIZE_MAX};
	controllers[control].begin(c, seed);
}

void sctp_congestion_set_mtu(sctp_congestion *c, size_t mtu)
{
	if (mtu == c->mtu)
		return;
	controllers[c->control].resized(c, (double)c->mtu / (double)mtu);
	c->mtu = mtu;
	if (c->cwnd < mtu)
		c->cwnd = mtu;
	if (c->ssthresh < mtu) /* what cwnd will be once a recovery is over */
		c->ssthresh = mtu;
}

void sctp_congestion_sending(sctp_congestion *c, uint64_t now, size_t flight, uint64_t rto)
{
	controllers[c->control].sending(c, now, flight, rto);
}

void sctp_congestion_limited(sctp_congestion *c, size_t flight)
{
	c->limited_until = c->rate->delivered + flight;
}

bool sctp_congestion_is_limited(const sctp_congestion *c)
{
	return c->rate->delivered <= c->limited_until;
}

void sctp_congestion_lost(sctp_congestion *c, uint64_t now, const sctp_loss *loss)
{
	controllers[c->control].lost(c, now, loss);
}

void sctp_congestion_acked(sctp_congestion *c, const sctp_acknowledgement *ack)
{
	controllers[c->control].acked(c, ack);
}

void sctp_congestion_recover(sctp_congestion *c, uint64_t now, size_t flight)
{
	controllers[c->control].recover(c, now, flight);
}

void sctp_congestion_recovered(sctp_congestion *c, uint64_t now, bool timeout)
{
	controllers[c->control].recovered(c, now, timeout);
}

void sctp_congestion_timeout(sctp_congestion *c, uint64_t now, size_t flight, bool again)
{
	controllers[c->control].timeout(c, now, flight, again);
}

void sctp_congestion_undo(sctp_congestion *c, uint64_t now)
{
	controllers[c->control].undo(c, now);
}
