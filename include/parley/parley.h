/*
 * parley/parley.h: a WebRTC peer connection (W3C RTCPeerConnection) on a libuv loop.
 *
 * This is parley/core.h plus sockets, timers, DNS and multicast DNS. Everything happens on the loop's thread: call these functions
 * there, and callbacks come there, never from within the call that caused them... except parley_pc_close and parley_pc_free,
 * which call nothing. Any function here may be called in any callback, parley_pc_free of the same connection included.
 *
 * Ownership: strings and bytes passed in are copied; those passed to a callback are valid until it returns. Errors are negative
 * PARLEY_E*; parley_pc_last_error has the details.
 *
 *     parley_configuration configuration;
 *     parley_configuration_default(&configuration);
 *     parley_callbacks callbacks = {.on_ice_gathering_state = ..., .on_message = ...};
 *     parley_pc *pc;
 *     parley_pc_new(uv_default_loop(), &configuration, &callbacks, me, &pc);
 *     parley_pc_create_data_channel(pc, "sendDataChannel", NULL, &channel);
 *     parley_pc_set_local_description(pc, PARLEY_SDP_OFFER, NULL);         // then send it to the peer
 *     uv_run(uv_default_loop(), UV_RUN_DEFAULT);
 */
#ifndef PARLEY_PARLEY_H
#define PARLEY_PARLEY_H

#include "parley/core.h"
#include "parley/demux.h"

#ifdef __cplusplus
extern "C" {
#endif

struct uv_loop_s;
typedef struct parley_pc parley_pc;
typedef struct parley_port parley_port;

/* RTCConfiguration, and what a native program wants besides */
typedef struct {
	const parley_ice_server *ice_servers; /* default: stun:stun.l.google.com:19302 */
	size_t ice_server_count;
	uint32_t max_message_size; /* as in parley_core_config */
	size_t send_buffer_size;
	size_t mtu, mtu_max;
	enum parley_congestion congestion;
	bool allow_loopback; /* default false; loopback is used all the same when the machine has no other address */
	const char *bind_address; /* only this local IP address; NULL: all that are up, also those that come later */
	uint16_t port_min,
		port_max; /* of sockets that are bound, UDP and TCP, for firewalls; default 0, 0: any that is free */
	parley_port
		*port; /* these sockets, shared with others, instead of its own; what is above does not count then */
	enum parley_ice_transport_policy ice_transport_policy;
	bool ice_tcp; /* connect over TCP where UDP is blocked, and listen for it, though not at a parley_port; default true */
	const char *
		tls_ca_file; /* PEM: certificates of turns: servers are believed by these besides the system's; NULL: none more */
	bool tls_insecure; /* believe any certificate of a turns: server: for tests only */
	enum parley_nomination nomination;
	bool ice_lite;
	bool mdns_candidates; /* questions for the names are answered, on UDP port 5353, which others may share */
	uint8_t ice_candidate_pool_size;
	enum parley_log_level log_level;
	bool decline_media;
	bool snap;
	bool key_log;
} parley_configuration;

void parley_configuration_default(parley_configuration *configuration);

/* All optional. `me` is what parley_pc_new was given. */
typedef struct {
	void (*on_negotiation_needed)(void *me, parley_pc *pc);
	void (*on_signaling_state)(void *me, parley_pc *pc, parley_signaling_state state);
	void (*on_ice_gathering_state)(void *me, parley_pc *pc, parley_gathering_state state);
	void (*on_ice_connection_state)(void *me, parley_pc *pc, parley_ice_state state);
	/* reason: why it failed, one line; "" otherwise */
	void (*on_connection_state)(void *me, parley_pc *pc, parley_connection_state state, const char *reason);
	/* candidate "": the last has been given */
	void (*on_ice_candidate)(void *me, parley_pc *pc, const char *candidate, const char *mid, int mline_index);
	void (*on_selected_pair)(void *me, parley_pc *pc, const parley_addr *local, const char *local_type,
				 const parley_addr *remote, const char *remote_type);
	/* the peer opened a channel */
	void (*on_data_channel)(void *me, parley_pc *pc, parley_channel channel, const char *label,
				const char *protocol);
	void (*on_channel_state)(void *me, parley_pc *pc, parley_channel channel, parley_channel_state state,
				 const char *reason);
	void (*on_message)(void *me, parley_pc *pc, parley_channel channel, bool binary, const uint8_t *data,
			   size_t len);
	void (*on_message_part)(void *me, parley_pc *pc, const parley_message_part *part);
	void (*on_buffered_amount_low)(void *me, parley_pc *pc, parley_channel channel);
	/* media; see parley/media.h */
	void (*on_transceiver)(void *me, parley_pc *pc, const parley_transceiver_event *event);
	void (*on_frame)(void *me, parley_pc *pc, const parley_frame_event *frame);
	void (*on_rtp)(void *me, parley_pc *pc, const parley_rtp_event *packet);
	void (*on_key_frame_request)(void *me, parley_pc *pc, parley_transceiver transceiver);
	void (*on_target_bitrate)(void *me, parley_pc *pc, uint64_t bps);
	void (*on_log)(void *me, parley_pc *pc, enum parley_log_level level, const char *layer, const char *text);
	void (*on_key_log)(void *me, parley_pc *pc, const char *line);
} parley_callbacks;

/* callbacks is copied. loop must outlive the connection's closing (see parley_pc_free). */
int parley_pc_new(struct uv_loop_s *loop, const parley_configuration *configuration, const parley_callbacks *callbacks,
		  void *me, parley_pc **out);

/* W3C close(): tells the peer, stops everything; no callback comes after it. Never waits for the network. */
void parley_pc_close(parley_pc *pc);

/* Closes if need be and gives pc up: do not use it again. Its handles leave the loop in the loop's next turns. */
void parley_pc_free(parley_pc *pc);

const char *parley_pc_last_error(const parley_pc *pc);

/* As their parley_core_ namesakes. */
int parley_pc_create_offer(parley_pc *pc, char **sdp);
int parley_pc_create_answer(parley_pc *pc, char **sdp);
int parley_pc_set_local_description(parley_pc *pc, parley_sdp_type type, const char *sdp);
int parley_pc_set_remote_description(parley_pc *pc, parley_sdp_type type, const char *sdp);
int parley_pc_local_description(parley_pc *pc, parley_sdp_type *type, char **sdp);
int parley_pc_remote_description(parley_pc *pc, parley_sdp_type *type, char **sdp);
int parley_pc_add_ice_candidate(parley_pc *pc, const char *candidate, const char *mid, int mline_index);
int parley_pc_restart_ice(parley_pc *pc);
int parley_pc_set_ice_servers(parley_pc *pc, const parley_ice_server *servers, size_t count);
int parley_pc_create_data_channel(parley_pc *pc, const char *label, const parley_channel_init *init,
				  parley_channel *out);
int parley_pc_send(parley_pc *pc, parley_channel channel, bool binary, const void *data, size_t len);
int parley_pc_send_part(parley_pc *pc, parley_channel channel, bool binary, const void *data, size_t len, bool last);
int parley_pc_set_partial_delivery(parley_pc *pc, parley_channel channel, bool on);
size_t parley_pc_buffered_amount(const parley_pc *pc, parley_channel channel);
int parley_pc_set_buffered_amount_low_threshold(parley_pc *pc, parley_channel channel, size_t bytes);
int parley_pc_close_data_channel(parley_pc *pc, parley_channel channel);
parley_channel_state parley_pc_channel_state(const parley_pc *pc, parley_channel channel);
parley_signaling_state parley_pc_signaling_state(const parley_pc *pc);
parley_gathering_state parley_pc_gathering_state(const parley_pc *pc);
parley_ice_state parley_pc_ice_state(const parley_pc *pc);
parley_connection_state parley_pc_connection_state(const parley_pc *pc);
void parley_pc_get_stats(const parley_pc *pc, parley_core_stats *out);
int parley_pc_add_transceiver(parley_pc *pc, parley_media_kind kind, const parley_transceiver_init *init,
			      parley_transceiver *out);
int parley_pc_set_direction(parley_pc *pc, parley_transceiver transceiver, parley_direction direction);
int parley_pc_transceiver_info(const parley_pc *pc, parley_transceiver transceiver, parley_transceiver_info *out);
int parley_pc_send_frame(parley_pc *pc, parley_transceiver transceiver, const parley_frame *frame);
int parley_pc_send_rtp(parley_pc *pc, parley_transceiver transceiver, const uint8_t *data, size_t len);
int parley_pc_request_key_frame(parley_pc *pc, parley_transceiver transceiver);
int parley_pc_set_bitrate(parley_pc *pc, uint64_t min_bps, uint64_t start_bps, uint64_t max_bps);
int parley_pc_receive_packets(parley_pc *pc, parley_transceiver transceiver, bool packets);
int parley_pc_get_stats_json(const parley_pc *pc, char **json);

/*
 * One UDP port for many connections, told apart by their ICE credentials: a server's, which has one number to open in its firewall. Each
 * connection whose configuration names the port sends and receives there; parley/demux.h has what that means for safety, and its limits.
 *
 * address: the local IP address; NULL: all that are up now, without loopback unless there is nothing else. number 0: any that is free, the
 * same on all of them. max_connections: at a time; one more is PARLEY_ELIMIT from parley_pc_new. PARLEY_EINVAL: not an address or
 * not a number of connections; PARLEY_EIO: the port is taken, or not an address of this machine.
 */
int parley_port_new(struct uv_loop_s *loop, const char *address, uint16_t number, size_t max_connections,
		    parley_port **out);
uint16_t parley_port_number(const parley_port *port);
void parley_port_get_stats(const parley_port *port, parley_demux_stats *out);

/* Gives the port up; no new connection may name it. Connections that use it go on: the sockets close with the last of them. NULL is allowed. */
void parley_port_free(parley_port *port);

#ifdef __cplusplus
}
#endif
#endif
