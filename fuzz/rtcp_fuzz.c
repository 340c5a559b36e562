/* Any bytes as compound RTCP; and what is read, written, and read again says the same. */
#include <assert.h>
#include <string.h>

#include "rtp/rtcp.h"
#include "rtp/rtcp_feedback.h"
#include "rtp/rtcp_xr.h"

/* The one packet that was written. */
static rtcp_packet written(const writer *w)
{
	rtcp_reader r = rtcp_reader_of(writer_slice(w));
	rtcp_packet p = {0};
	bool more = rtcp_next(&r, &p);
	assert(more && !w->bad && !reader_left(&r.r));
	return p;
}

#define REPORT_MAX 1024u /* 28 bytes and 31 blocks of 24 */

static void reports(const rtcp_packet *p, writer w)
{
	rtcp_sr sr, sr_again;
	rtcp_rr rr, rr_again;
	rtcp_xr xr, xr_again;
	rtcp_packet q;
	uint8_t bytes[REPORT_MAX];
	writer again = writer_of(bytes, sizeof bytes);
	if (!rtcp_sr_read(p, &sr)) {
		assert(!rtcp_sr_write(&w, &sr));
		q = written(&w);
		assert(!rtcp_sr_read(&q, &sr_again) && !rtcp_sr_write(&again, &sr_again));
		assert(slice_equal(writer_slice(&w), writer_slice(&again)));
	} else if (!rtcp_rr_read(p, &rr)) {
		assert(!rtcp_rr_write(&w, &rr));
		q = written(&w);
		assert(!rtcp_rr_read(&q, &rr_again) && !rtcp_rr_write(&again, &rr_again));
		assert(slice_equal(writer_slice(&w), writer_slice(&again)));
	} else if (!rtcp_xr_read(p, &xr)) {
		assert(!rtcp_xr_write(&w, &xr));
		q = written(&w);
		assert(!rtcp_xr_read(&q, &xr_again) && xr.has_reference_time == xr_again.has_reference_time);
		assert(xr.dlrr_count == xr_again.dlrr_count && !memcmp(xr.dlrrs, xr_again.dlrrs, sizeof xr.dlrrs));
	}
}

static void texts(const rtcp_packet *p, writer w)
{
	rtcp_sdes sdes, sdes_again;
	rtcp_bye bye, bye_again;
	rtcp_packet q;
	if (!rtcp_sdes_read(p, &sdes)) {
		assert(!rtcp_sdes_write(&w, &sdes));
		q = written(&w);
		assert(!rtcp_sdes_read(&q, &sdes_again) && sdes.chunk_count == sdes_again.chunk_count);
		for (size_t i = 0; i < sdes.chunk_count; i++) {
			assert(sdes.chunks[i].ssrc == sdes_again.chunks[i].ssrc);
			assert(sdes.chunks[i].has_cname == sdes_again.chunks[i].has_cname);
			assert(slice_equal(sdes.chunks[i].cname, sdes_again.chunks[i].cname));
		}
	} else if (!rtcp_bye_read(p, &bye)) {
		assert(!rtcp_bye_write(&w, &bye));
		q = written(&w);
		assert(!rtcp_bye_read(&q, &bye_again) && bye.ssrc_count == bye_again.ssrc_count);
		assert(!memcmp(bye.ssrcs, bye_again.ssrcs, sizeof bye.ssrcs));
		assert(bye.has_reason == bye_again.has_reason && slice_equal(bye.reason, bye_again.reason));
	}
}

static void nack(const rtcp_feedback *f, writer w)
{
	static uint16_t lost[RTCP_NACK_SEQUENCES_MAX], again[RTCP_NACK_SEQUENCES_MAX];
	size_t count, count_again;
	rtcp_feedback g;
	if (rtcp_nack_read(f, lost, RTCP_NACK_SEQUENCES_MAX, &count))
		return;
	assert(!rtcp_nack_write(&w, f->sender, f->media, lost, count));
	rtcp_packet q = written(&w);
	assert(!rtcp_feedback_read(&q, &g) && !rtcp_nack_read(&g, again, RTCP_NACK_SEQUENCES_MAX, &count_again));
	/* Messages may name a number twice; then the second writing is shorter. */
	assert(count_again <= count && again[0] == lost[0]);
}

static void feedback(const rtcp_packet *p, writer w)
{
	rtcp_feedback f, g;
	rtcp_fir fir, fir_again;
	static rtcp_remb remb, remb_again;
	rtcp_packet q;
	if (rtcp_feedback_read(p, &f))
		return;
	nack(&f, w);
	if (!rtcp_fir_read(&f, &fir)) {
		assert(!rtcp_fir_write(&w, f.sender, fir.entries, fir.count));
		q = written(&w);
		assert(!rtcp_feedback_read(&q, &g) && !rtcp_fir_read(&g, &fir_again));
		assert(fir.count == fir_again.count);
	} else if (!rtcp_remb_read(&f, &remb)) {
		assert(!rtcp_remb_write(&w, f.sender, &remb));
		q = written(&w);
		assert(!rtcp_feedback_read(&q, &g) && !rtcp_remb_read(&g, &remb_again));
		assert(remb.bitrate == remb_again.bitrate || remb.bitrate == UINT64_MAX);
		assert(remb.ssrc_count == remb_again.ssrc_count);
	} else if (f.kind == RTCP_FB_TWCC) {
		assert(!rtcp_twcc_write(&w, f.sender, f.media, f.fci));
		q = written(&w);
		assert(!rtcp_feedback_read(&q, &g) && slice_equal(f.fci, g.fci));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t bytes[1 << 19];
	rtcp_reader r = rtcp_reader_of(slice_of(data, size));
	size_t count = 0;
	for (rtcp_packet p; rtcp_next(&r, &p); count++) {
		reports(&p, writer_of(bytes, sizeof bytes));
		texts(&p, writer_of(bytes, sizeof bytes));
		feedback(&p, writer_of(bytes, sizeof bytes));
	}
	assert(rtcp_is_valid(slice_of(data, size)) == (count > 0 && !r.bad));
	return 0;
}
