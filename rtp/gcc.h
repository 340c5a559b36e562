/*
 * rtp/gcc.h: how many bits per second may be sent? Google congestion control (draft-ietf-rmcat-gcc-02), sender-side, with
 * the probing that makes it fast, from transport-wide feedback (rtp/twcc.h) or, without it, from receiver reports and REMB.
 *
 *     feedback -> groups -> trendline -> overuse? -> AIMD rate (rtp/gcc_delay.h, rtp/gcc_aimd.h)  \
 *              -> received rate (rtp/gcc_rate.h), probe results (rtp/gcc_probe.h)                  > the least is the target
 *              -> fraction lost -> loss-based rate (rtp/gcc_loss.h)                               /
 *     REMB, the configured maximum                                                              /
 *
 * Not here: when each packet leaves (rtp/pacer.h), what is sent, encoders. No I/O and no clock; nothing allocates. All
 * rates are bits per second and count what the owner counts as a packet's size: the same for gcc and twcc.
 *
 * Use, in the owner's loop:
 *   a packet leaves:      seq = twcc_sender_sent(...); gcc_on_packet_sent(...)
 *   feedback comes:       twcc_decode, twcc_sender_feedback, gcc_on_feedback(g, now, s->results, s->result_count)
 *   RR, REMB, RTT come:   gcc_on_loss_report, gcc_on_remb, gcc_on_rtt
 *   at gcc_deadline:      gcc_timeout
 *   after each of these:  while (gcc_poll_probe(...)) rtp_pacer_probe_start(...);
 *                         rtp_pacer_set_rates(p, gcc_pacing_bps(g), gcc_target_bps(g)); tell the encoder if the target moved.
 * The target is for everything sent: media, retransmissions and headers. The encoder gets what audio and retransmissions leave.
 */
#ifndef PARLEY_RTP_GCC_H
#define PARLEY_RTP_GCC_H

#include "base/text.h"
#include "base/trace.h"
#include "rtp/gcc_aimd.h"
#include "rtp/gcc_delay.h"
#include "rtp/gcc_loss.h"
#include "rtp/gcc_probe.h"
#include "rtp/gcc_rate.h"
#include "rtp/twcc.h"

#define GCC_MIN_BPS 30000u
#define GCC_START_BPS 300000u
#define GCC_MAX_BPS 20000000u
#define GCC_PACING_FACTOR 2.5		 /* times target, as browsers do */
#define GCC_RTT_DEFAULT_US 200000u	 /* until gcc_on_rtt */
#define GCC_PROCESS_US 25000u		 /* gcc_timeout that often while packets are sent */
#define GCC_FEEDBACK_TIMEOUT_US 1500000u /* packets sent, no feedback: the path is taken for congested */
#define GCC_IDLE_US 5000000u		 /* nothing sent: no more timeouts */
#define GCC_QUEUE_DRAIN_US 150000u	 /* more delay than this above the base: send less than the link takes */
#define GCC_STANDING_US 8000u	/* a queue stands if the least delay of a feedback's packets is this: else no overuse */
#define GCC_COLLAPSE_US 100000u /* more delay than this, and little arrives: overuse, at once */
#define GCC_REMB_TIMEOUT_US 10000000u /* an older REMB no longer binds */

typedef struct {
	uint64_t min_bps, start_bps, max_bps; /* 0: the defaults above */
	double pacing_factor;		      /* 0: the default */
	bool no_probing;		      /* never ask for probes: audio only, or padding cannot be made */
} gcc_config;

typedef struct {
	uint64_t target_bps, pacing_bps;
	uint64_t delay_bps;    /* of the delay-based estimate; 0: no transport-wide feedback yet */
	uint64_t loss_bps;     /* of the loss-based one; UINT64_MAX: not limiting */
	uint64_t remb_bps;     /* UINT64_MAX: none */
	uint64_t received_bps; /* measured at the receiver; 0: not known */
	uint64_t queue_us;     /* one-way delay above its minimum of the last half minute */
	uint64_t rtt_us;
	double loss; /* fraction lost lately, 0..1 */
	gcc_usage usage;
	bool application_limited;
	bool draining; /* a queue stands at the bottleneck: less is sent than it takes */
	uint64_t feedbacks, feedback_timeouts, decreases, probes, probes_succeeded;
} gcc_stats;

typedef struct {
	gcc_config config; /* with the defaults filled in */
	trace *trace;
	uint64_t target_bps;
	bool has_feedback; /* transport-wide feedback is what we go by */
	uint64_t remb_bps, remb_at;
	uint64_t rtt_us;
	uint64_t started;      /* first packet sent; TIME_NEVER: none yet */
	uint64_t last_overuse; /* seen; TIME_NEVER: never */
	uint64_t reduced;      /* losses of packets sent before this are answered already; TIME_NEVER: none */
	uint64_t raised;       /* by a probe: packets sent before this say nothing of the rate now; TIME_NEVER: never */
	uint64_t queue_us;     /* of the last feedback: the least of its packets */
	bool draining;	       /* a queue stands: less is sent than the link takes */
	uint64_t last_sent, last_feedback, last_process;
	uint64_t unanswered_since; /* first packet sent since the last feedback; TIME_NEVER: none */
	gcc_delay delay;
	gcc_aimd aimd;
	gcc_rate rate;
	gcc_loss loss;
	gcc_probes probes;
	uint64_t feedbacks, feedback_timeouts, decreases;
} gcc;

/* config may be NULL; log may be NULL. start_bps is clipped to [min, max]. */
void gcc_init(gcc *g, const gcc_config *config, trace *log);
/* What the application would send at most (sum of its encoders' maxima). Probes do not go beyond twice this, and when it
 * rises above the target a probe is made. 0: nothing that could grow (audio only): no probes. Unlimited until called. */
void gcc_set_demand(gcc *g, uint64_t now, uint64_t bps);
void gcc_set_max(gcc *g, uint64_t max_bps);

void gcc_on_packet_sent(gcc *g, uint64_t now, size_t size);
/* results as twcc_sender_feedback leaves them: received ones by arrival. */
void gcc_on_feedback(gcc *g, uint64_t now, const twcc_result *results, size_t count);
/* From a receiver report: fraction lost 0..1 of about `packets` expected in its interval. Ignored while transport-wide
 * feedback comes, which says the same earlier. */
void gcc_on_loss_report(gcc *g, uint64_t now, double fraction, uint32_t packets);
void gcc_on_rtt(gcc *g, uint64_t rtt_us);
void gcc_on_remb(gcc *g, uint64_t now, uint64_t bps);

void gcc_timeout(gcc *g, uint64_t now);
uint64_t gcc_deadline(const gcc *g);

uint64_t gcc_target_bps(const gcc *g);
uint64_t gcc_pacing_bps(const gcc *g);
/* True: send a probe as *out says. */
bool gcc_poll_probe(gcc *g, uint64_t now, gcc_probe *out);

void gcc_get_stats(const gcc *g, gcc_stats *out);
void gcc_check_invariants(const gcc *g);
void gcc_dump(const gcc *g, text *out);

#endif
