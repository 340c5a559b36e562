/*
 * rtp/rtcp_xr.h: of the extended reports (RFC 3611) those two that give a receiver, who sends no SR, a round-trip time
 * ("a=rtcp-xr:rcvr-rtt=all"): receiver reference time (4.4) and its echo, DLRR (4.5). Other blocks are skipped.
 */
#ifndef PARLEY_RTP_RTCP_XR_H
#define PARLEY_RTP_RTCP_XR_H

#include "rtp/rtcp.h"

#define RTCP_XR_DLRRS_MAX 32u /* looked at; the rest is skipped */

typedef struct {
	uint32_t ssrc;		      /* of the receiver whose reference time is echoed */
	uint32_t last_rr;	      /* its NTP time, the middle 32 bits; 0: none yet */
	uint32_t delay_since_last_rr; /* 1/65536 s */
} rtcp_dlrr;

typedef struct {
	uint32_t sender;
	bool has_reference_time;
	uint64_t reference_time; /* NTP, 32.32 seconds */
	size_t dlrr_count;
	rtcp_dlrr dlrrs[RTCP_XR_DLRRS_MAX];
} rtcp_xr;

/* PARLEY_EINVAL: another type; PARLEY_EPROTO: a block is longer than the packet or not of its type's length. */
int rtcp_xr_read(const rtcp_packet *p, rtcp_xr *out);
/* PARLEY_EINVAL: too many; PARLEY_EMSGSIZE. */
int rtcp_xr_write(writer *w, const rtcp_xr *xr);

#endif
