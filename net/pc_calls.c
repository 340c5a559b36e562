/* parley/parley.h: the calls that the core answers. */
#include "net/pc_internal.h"

int parley_pc_set_local_description(parley_pc *pc, parley_sdp_type type, const char *sdp)
{
	int error = parley_core_set_local_description(pc->core, net_now(), type, sdp);
	if (!error)
		pc_bind(pc);
	return pc_called(pc, error);
}

int parley_pc_set_remote_description(parley_pc *pc, parley_sdp_type type, const char *sdp)
{
	return pc_called(pc, parley_core_set_remote_description(pc->core, net_now(), type, sdp));
}

int parley_pc_create_offer(parley_pc *pc, char **sdp)
{
	return pc_called(pc, parley_core_create_offer(pc->core, sdp));
}

int parley_pc_create_answer(parley_pc *pc, char **sdp)
{
	return pc_called(pc, parley_core_create_answer(pc->core, sdp));
}

int parley_pc_local_description(parley_pc *pc, parley_sdp_type *type, char **sdp)
{
	return parley_core_local_description(pc->core, type, sdp);
}

int parley_pc_remote_description(parley_pc *pc, parley_sdp_type *type, char **sdp)
{
	return parley_core_remote_description(pc->core, type, sdp);
}

int parley_pc_add_ice_candidate(parley_pc *pc, const char *candidate, const char *mid, int mline_index)
{
	return pc_called(pc, parley_core_add_ice_candidate(pc->core, net_now(), candidate, mid, mline_index));
}

int parley_pc_set_ice_servers(parley_pc *pc, const parley_ice_server *servers, size_t count)
{
	return pc_called(pc, parley_core_set_ice_servers(pc->core, net_now(), servers, count));
}

int parley_pc_restart_ice(parley_pc *pc)
{
	return pc_called(pc, parley_core_restart_ice(pc->core));
}

int parley_pc_create_data_channel(parley_pc *pc, const char *label, const parley_channel_init *init,
				  parley_channel *out)
{
	return pc_called(pc, parley_core_create_data_channel(pc->core, net_now(), label, init, out));
}

int parley_pc_send(parley_pc *pc, parley_channel channel, bool binary, const void *data, size_t len)
{
	return pc_called(pc, parley_core_send(pc->core, net_now(), channel, binary, data, len));
}

int parley_pc_send_part(parley_pc *pc, parley_channel channel, bool binary, const void *data, size_t len, bool last)
{
	return pc_called(pc, parley_core_send_part(pc->core, net_now(), channel, binary, data, len, last));
}

int parley_pc_set_partial_delivery(parley_pc *pc, parley_channel channel, bool on)
{
	return pc_called(pc, parley_core_set_partial_delivery(pc->core, channel, on));
}

int parley_pc_set_buffered_amount_low_threshold(parley_pc *pc, parley_channel channel, size_t bytes)
{
	return pc_called(pc, parley_core_set_buffered_amount_low_threshold(pc->core, channel, bytes));
}

int parley_pc_close_data_channel(parley_pc *pc, parley_channel channel)
{
	return pc_called(pc, parley_core_close_data_channel(pc->core, net_now(), channel));
}

/* --- looking in --- */

const char *parley_pc_last_error(const parley_pc *pc)
{
	return parley_core_last_error(pc->core);
}

size_t parley_pc_buffered_amount(const parley_pc *pc, parley_channel channel)
{
	return parley_core_buffered_amount(pc->core, channel);
}

parley_channel_state parley_pc_channel_state(const parley_pc *pc, parley_channel channel)
{
	return parley_core_channel_state(pc->core, channel);
}

parley_signaling_state parley_pc_signaling_state(const parley_pc *pc)
{
	return parley_core_signaling_state(pc->core);
}

parley_gathering_state parley_pc_gathering_state(const parley_pc *pc)
{
	return parley_core_gathering_state(pc->core);
}

parley_ice_state parley_pc_ice_state(const parley_pc *pc)
{
	return parley_core_ice_state(pc->core);
}

parley_connection_state parley_pc_connection_state(const parley_pc *pc)
{
	return parley_core_connection_state(pc->core);
}

void parley_pc_get_stats(const parley_pc *pc, parley_core_stats *out)
{
	parley_core_get_stats(pc->core, out);
}

/* --- media --- */

int parley_pc_add_transceiver(parley_pc *pc, parley_media_kind kind, const parley_transceiver_init *init,
			      parley_transceiver *out)
{
	return pc_called(pc, parley_core_add_transceiver(pc->core, net_now(), kind, init, out));
}

int parley_pc_set_direction(parley_pc *pc, parley_transceiver transceiver, parley_direction direction)
{
	return pc_called(pc, parley_core_set_direction(pc->core, net_now(), transceiver, direction));
}

int parley_pc_transceiver_info(const parley_pc *pc, parley_transceiver transceiver, parley_transceiver_info *out)
{
	return parley_core_transceiver_info(pc->core, transceiver, out);
}

int parley_pc_send_frame(parley_pc *pc, parley_transceiver transceiver, const parley_frame *frame)
{
	return pc_called(pc, parley_core_send_frame(pc->core, net_now(), transceiver, frame));
}

int parley_pc_send_rtp(parley_pc *pc, parley_transceiver transceiver, const uint8_t *data, size_t len)
{
	return pc_called(pc, parley_core_send_rtp(pc->core, net_now(), transceiver, data, len));
}

int parley_pc_request_key_frame(parley_pc *pc, parley_transceiver transceiver)
{
	return pc_called(pc, parley_core_request_key_frame(pc->core, net_now(), transceiver));
}

int parley_pc_set_bitrate(parley_pc *pc, uint64_t min_bps, uint64_t start_bps, uint64_t max_bps)
{
	return pc_called(pc, parley_core_set_bitrate(pc->core, net_now(), min_bps, start_bps, max_bps));
}

int parley_pc_receive_packets(parley_pc *pc, parley_transceiver transceiver, bool packets)
{
	return parley_core_receive_packets(pc->core, transceiver, packets);
}

int parley_pc_get_stats_json(const parley_pc *pc, char **json)
{
	return parley_core_get_stats_json(pc->core, net_now(), json);
}
