#include <string.h>

#include "base/utf8.h"
#include "peer/internal.h"

#define CHANNEL_ID_MAX 65534u /* RFC 8832 6: 65535 is reserved */

static int check_init(parley_core *core, const parley_channel_init *init)
{
	if (init->has_max_packet_life_time && init->has_max_retransmits)
		return core_fail(core, PARLEY_EINVAL, "a channel limits life time or retransmissions, not both");
	if (init->negotiated && init->id > CHANNEL_ID_MAX)
		return core_fail(core, PARLEY_EINVAL, "channel id %u is above %u", init->id, CHANNEL_ID_MAX);
	if ((unsigned)init->priority > PARLEY_PRIORITY_HIGH)
		return core_fail(core, PARLEY_EINVAL, "there is no priority %u", (unsigned)init->priority);
	return 0;
}

/* RFC 8831 6.4 */
static uint16_t sctp_priority(parley_priority priority)
{
	static const uint16_t values[] = {
		[PARLEY_PRIORITY_DEFAULT] = 256, [PARLEY_PRIORITY_VERY_LOW] = 128, [PARLEY_PRIORITY_LOW] = 256,
		[PARLEY_PRIORITY_MEDIUM] = 512,	 [PARLEY_PRIORITY_HIGH] = 1024,
	};
	return values[priority];
}

int parley_core_create_data_channel(parley_core *core, uint64_t now, const char *label, const parley_channel_init *init,
				    parley_channel *out)
{
	static const parley_channel_init reliable;
	if (core->closed)
		return PARLEY_ECLOSED;
	core_enter(core, now);
	if (!init)
		init = &reliable;
	int err = check_init(core, init);
	if (err)
		return err;
	dc_options options = {
		.label = slice_from_string(label),
		.protocol = slice_from_string(init->protocol),
		.unordered = init->unordered,
		.has_max_retransmits = init->has_max_retransmits,
		.max_retransmits = init->max_retransmits,
		.has_lifetime = init->has_max_packet_life_time,
		.lifetime_ms = init->max_packet_life_time,
		.negotiated = init->negotiated,
		.id = init->id,
		.priority = sctp_priority(init->priority),
	};
	err = dc_create(core->channels, now, &options, out);
	if (err)
		return core_fail(core, err, "data channel \"%.60s\": %s", label, parley_strerror(err));
	jsep_check_negotiation_needed(core);
	return 0;
}

int parley_core_send(parley_core *core, uint64_t now, parley_channel channel, bool binary, const void *data, size_t len)
{
	if (core->closed)
		return PARLEY_ECLOSED;
	core_enter(core, now);
	slice message = slice_of(data, len);
	if (!binary && !utf8_valid(message))
		return core_fail(core, PARLEY_EINVAL, "the text is not UTF-8");
	int err = dc_send(core->channels, now, channel, binary, message);
	if (err)
		return core_fail(core, err, "message of %zu bytes not sent: %s", len, parley_strerror(err));
	core->messages_sent++;
	return 0;
}

int parley_core_send_part(parley_core *core, uint64_t now, parley_channel channel, bool binary, const void *data,
			  size_t len, bool last)
{
	if (core->closed)
		return PARLEY_ECLOSED;
	core_enter(core, now);
	slice part = slice_of(data, len);
	if (!binary && !utf8_valid(part))
		return core_fail(core, PARLEY_EINVAL, "the part of the text is not UTF-8");
	int err = dc_send_part(core->channels, now, channel, binary, part, last);
	if (err)
		return core_fail(core, err, "part of %zu bytes not sent: %s", len, parley_strerror(err));
	core->messages_sent += last;
	return 0;
}

int parley_core_set_partial_delivery(parley_core *core, parley_channel channel, bool on)
{
	return core->closed ? PARLEY_ECLOSED : dc_set_partial_delivery(core->channels, channel, on);
}

size_t parley_core_buffered_amount(const parley_core *core, parley_channel channel)
{
	return dc_buffered_amount(core->channels, channel);
}

int parley_core_set_buffered_amount_low_threshold(parley_core *core, parley_channel channel, size_t bytes)
{
	return dc_set_low_threshold(core->channels, channel, bytes);
}

int parley_core_close_data_channel(parley_core *core, uint64_t now, parley_channel channel)
{
	if (core->closed)
		return PARLEY_ECLOSED;
	core_enter(core, now);
	return dc_close(core->channels, now, channel);
}

parley_channel_state parley_core_channel_state(const parley_core *core, parley_channel channel)
{
	dc_info info;
	if (core->closed || dc_get_info(core->channels, channel, &info))
		return PARLEY_CHANNEL_CLOSED;
	return (parley_channel_state)info.state;
}
