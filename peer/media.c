/* Media in and out, between the transceivers and the RTP session. */
#include "peer/internal.h"

static int find_sending(parley_core *core, uint64_t now, parley_transceiver handle, transceiver **out)
{
	if (core->closed)
		return PARLEY_ECLOSED;
	core_enter(core, now);
	*out = transceivers_find(&core->transceivers, handle);
	if (!*out)
		return PARLEY_ENOTFOUND;
	if (!((*out)->info.current_direction & PARLEY_SENDONLY))
		return core_fail(core, PARLEY_ESTATE, "the transceiver is not negotiated to send");
	return 0;
}

int parley_core_send_frame(parley_core *core, uint64_t now, parley_transceiver handle, const parley_frame *frame)
{
	transceiver *t;
	(void)frame;
	return find_sending(core, now, handle, &t);
}

int parley_core_send_rtp(parley_core *core, uint64_t now, parley_transceiver handle, const uint8_t *data, size_t len)
{
	transceiver *t;
	(void)data, (void)len;
	return find_sending(core, now, handle, &t);
}

int parley_core_request_key_frame(parley_core *core, uint64_t now, parley_transceiver handle)
{
	if (core->closed)
		return PARLEY_ECLOSED;
	core_enter(core, now);
	const transceiver *t = transceivers_find(&core->transceivers, handle);
	if (!t)
		return PARLEY_ENOTFOUND;
	return core_fail(core, PARLEY_ESTATE, "the transceiver is not negotiated to receive");
}

int parley_core_set_bitrate(parley_core *core, uint64_t now, uint64_t min_bps, uint64_t start_bps, uint64_t max_bps)
{
	if (core->closed)
		return PARLEY_ECLOSED;
	core_enter(core, now);
	if ((start_bps && min_bps > start_bps) || (max_bps && (start_bps > max_bps || min_bps > max_bps)))
		return core_fail(core, PARLEY_EINVAL, "the bit rates are not in order: least, start, most");
	return 0;
}
