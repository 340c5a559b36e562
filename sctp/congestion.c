#include "sctp/congestion.h"

#include "base/serial.h"

static size_t max_size(size_t a, size_t b)
{
	return a > b ? a : b;
}

void sctp_congestion_init(sctp_congestion *c, size_t mtu)
{
	*c = (sctp_congestion){.mtu = mtu, .cwnd = SCTP_INITIAL_WINDOW_PACKETS * mtu, .ssthresh = SIZE_MAX};
}

void sctp_congestion_acked(sctp_congestion *c, size_t acked, size_t flight, bool cumulative, uint32_t cumulative_tsn)
{
	if (c->in_recovery && cumulative && serial32_before_eq(c->recovery_end, cumulative_tsn))
		c->in_recovery = false;
	if (c->in_recovery || !acked)
		return;
	/* A window that was not filled says nothing about the path (RFC 9260 7.2.1). */
	bool full = flight + c->mtu > c->cwnd;
	if (c->cwnd <= c->ssthresh) {
		if (full && cumulative)
			c->cwnd +=
				acked; /* RFC 9260 7.2.1 caps this at one MTU; RFC 3465 with L=2 and ours: byte counting */
		return;
	}
	c->partial_acked += acked;
	if (c->partial_acked < c->cwnd)
		return;
	if (full) {
		c->partial_acked -= c->cwnd;
		c->cwnd += c->mtu;
	} else {
		c->partial_acked = c->cwnd;
	}
}

bool sctp_congestion_lost(sctp_congestion *c, uint32_t next_tsn)
{
	if (c->in_recovery)
		return false;
	c->ssthresh = max_size(c->cwnd / 2, SCTP_MIN_WINDOW_PACKETS * c->mtu);
	c->cwnd = c->ssthresh;
	c->partial_acked = 0;
	c->in_recovery = true;
	c->recovery_end = next_tsn - 1;
	return true;
}

void sctp_congestion_timeout(sctp_congestion *c)
{
	c->ssthresh = max_size(c->cwnd / 2, SCTP_MIN_WINDOW_PACKETS * c->mtu);
	c->cwnd = c->mtu;
	c->partial_acked = 0;
	c->in_recovery = false;
}

void sctp_congestion_sending(sctp_congestion *c, uint64_t now, uint64_t rto, size_t flight)
{
	if (!flight && c->last_sent && rto) {
		size_t floor = SCTP_INITIAL_WINDOW_PACKETS * c->mtu;
		for (uint64_t idle = now - c->last_sent; idle > rto && c->cwnd > floor; idle -= rto)
			c->cwnd = max_size(c->cwnd / 2, floor);
	}
	c->last_sent = now;
}
