#include "sctp/rate.h"

#include "base/time.h"

sctp_rate_mark sctp_rate_sent(sctp_rate *r, uint64_t now, size_t flight, size_t size)
{
	if (flight == size) /* nothing else is under way */
		r->first_sent_at = r->delivered_at = now;
	r->sent += size;
	return (sctp_rate_mark){.sent_at = now,
				.delivered = r->delivered,
				.delivered_at = r->delivered_at,
				.first_sent_at = r->first_sent_at,
				.lost = r->lost,
				.flight = (uint32_t)flight,
				.app_limited = r->app_limited != 0};
}

void sctp_rate_delivered(sctp_rate *r, sctp_rate_pass *pass, uint64_t now, const sctp_rate_mark *mark, size_t size,
			 bool newest)
{
	r->delivered += size;
	r->delivered_at = now;
	if (pass->any && !newest)
		return;
	pass->any = true;
	pass->newest = *mark;
	pass->send_elapsed = mark->sent_at - mark->first_sent_at;
	pass->ack_elapsed = now - mark->delivered_at;
	r->first_sent_at = mark->sent_at;
}

sctp_rate_sample sctp_rate_take(sctp_rate *r, const sctp_rate_pass *pass, uint64_t min_rtt)
{
	if (r->app_limited && r->delivered > r->app_limited)
		r->app_limited = 0;
	if (!pass->any)
		return (sctp_rate_sample){0};
	sctp_rate_sample s = {.valid = true,
			      .app_limited = pass->newest.app_limited,
			      .prior = pass->newest.delivered,
			      .delivered = r->delivered - pass->newest.delivered,
			      .lost = r->lost - pass->newest.lost,
			      .flight = pass->newest.flight,
			      .interval =
				      pass->send_elapsed > pass->ack_elapsed ? pass->send_elapsed : pass->ack_elapsed};
	/* Shorter than any round trip: a retransmission was taken for what its original did. */
	if (s.interval && s.interval >= min_rtt)
		s.bytes_per_second = s.delivered * US_PER_S / s.interval;
	return s;
}

void sctp_rate_limit(sctp_rate *r, size_t flight)
{
	r->app_limited = r->delivered + flight ? r->delivered + flight : 1;
}
