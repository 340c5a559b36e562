/*
 * parley/core.h: a WebRTC peer connection (W3C RTCPeerConnection, RFC 8829) that does no I/O.
 *
 * The caller owns the sockets, the clock and the random source and moves datagrams, time and names in and out; parley.h
 * does exactly that on a libuv loop. Use this one for your own event loop, a simulator, a conformance test or a fuzzer.
 * The same inputs at the same times with the same random bytes give the same outputs (OpenSSL's own randomness apart).
 *
 * The rhythm, after every call that takes `now`:
 *
 *     parley_core_xxx(core, now, ...);                                  one input
 *     while (parley_core_poll_transmit(core, now, &p)) send(&p);        then what it wants sent
 *     while (parley_core_poll_event(core, &e)) handle(&e);              then what it has to say
 *     arm_timer(parley_core_deadline(core));                            then the time it wants parley_core_timeout
 *
 * Handling an event may call back into the core (there are no callbacks, so nothing is re-entered); go round again until
 * both polls are empty. One thread at a time per core; cores share nothing.
 *
 * Ownership: strings and bytes passed in are copied; what an event or packet points to belongs to the core and stays valid until the
 * next call of the same poll function, or parley_core_free. Errors are negative PARLEY_E*; parley_core_last_error says more.
 */
#ifndef PARLEY_CORE_H
#define PARLEY_CORE_H

#include "parley/media.h"
#include "parley/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- the states, by their W3C names --- */

/* RTCSignalingState */
typedef enum {
	PARLEY_SIGNALING_STABLE,
	PARLEY_SIGNALING_HAVE_LOCAL_OFFER,
	PARLEY_SIGNALING_HAVE_REMOTE_OFFER,
	PARLEY_SIGNALING_HAVE_LOCAL_PRANSWER,
	PARLEY_SIGNALING_HAVE_REMOTE_PRANSWER,
	PARLEY_SIGNALING_CLOSED,
} parley_signaling_state;

/* RTCIceGatheringState */
typedef enum {
	PARLEY_GATHERING_NEW,
	PARLEY_GATHERING_GATHERING,
	PARLEY_GATHERING_COMPLETE,
} parley_gathering_state;

/* RTCIceConnectionState */
typedef enum {
	PARLEY_ICE_NEW,
	PARLEY_ICE_CHECKING,
	PARLEY_ICE_CONNECTED,
	PARLEY_ICE_COMPLETED,
	PARLEY_ICE_DISCONNECTED,
	PARLEY_ICE_FAILED,
	PARLEY_ICE_CLOSED,
} parley_ice_state;

/* RTCPeerConnectionState */
typedef enum {
	PARLEY_CONNECTION_NEW,
	PARLEY_CONNECTION_CONNECTING,
	PARLEY_CONNECTION_CONNECTED,
	PARLEY_CONNECTION_DISCONNECTED,
	PARLEY_CONNECTION_FAILED,
	PARLEY_CONNECTION_CLOSED,
} parley_connection_state;

/* RTCDataChannelState */
typedef enum {
	PARLEY_CHANNEL_CONNECTING,
	PARLEY_CHANNEL_OPEN,
	PARLEY_CHANNEL_CLOSING,
	PARLEY_CHANNEL_CLOSED,
} parley_channel_state;

/* RTCSdpType */
typedef enum {
	PARLEY_SDP_OFFER,
	PARLEY_SDP_PRANSWER,
	PARLEY_SDP_ANSWER,
	PARLEY_SDP_ROLLBACK,
} parley_sdp_type;

/* The W3C strings: "have-local-offer", "checking", "offer", ... Never NULL. */
const char *parley_signaling_state_name(parley_signaling_state state);
const char *parley_gathering_state_name(parley_gathering_state state);
const char *parley_ice_state_name(parley_ice_state state);
const char *parley_connection_state_name(parley_connection_state state);
const char *parley_channel_state_name(parley_channel_state state);
const char *parley_sdp_type_name(parley_sdp_type type);

/* --- configuration --- */

/*
 * RTCIceServer: "stun:host[:port]" (RFC 7064), "turn:host[:port][?transport=udp|tcp]" or "turns:host[:port][?transport=tcp]" (RFC 7065;
 * ports by default 3478, of turns: 5349; turns: over UDP is not supported). host is a name, an IPv4 address, or an IPv6 address in
 * brackets. All servers are used at the same time; of a name with addresses of both families each is a server of its own.
 */
typedef struct {
	const char *url;
	const char *username, *credential; /* for TURN, and required there (RFC 8489 9.2); UTF-8 */
} parley_ice_server;

/* 0, or what parley_core_new would say to it, and one line that says why (static). reason may be NULL. */
int parley_ice_server_check(const parley_ice_server *given, const char **reason);

/* RTCIceTransportPolicy. Relay: no other candidate is told, tried or answered from; the peer learns no address but that of a TURN server. */
enum parley_ice_transport_policy { PARLEY_ICE_TRANSPORT_ALL, PARLEY_ICE_TRANSPORT_RELAY };

/* How ICE tells the peer which pair of addresses to use, where we control (which the offerer does). */
enum parley_nomination {
	PARLEY_NOMINATION_REGULAR, /* once one is known to be good (RFC 8445 8.1.1) */
	PARLEY_NOMINATION_AGGRESSIVE, /* with every check (RFC 5245 8.1.1.2): faster with old peers that know no RFC 8445 */
	PARLEY_NOMINATION_RENOMINATION, /* again when a better one comes up, with peers that offer it too
					   (draft-thatcher-ice-renomination) */
};

/* How fast data channels send. Of one side; the other may have the other. */
enum parley_congestion {
	PARLEY_CONGESTION_CUBIC, /* as most of the Internet (RFC 9438): every loss halves it, nearly */
	PARLEY_CONGESTION_BBR, /* by the path's measured rate (draft-ietf-ccwg-bbr): fast through random loss, and with short queues */
};

#define PARLEY_ICE_SERVERS_MAX 16u
#define PARLEY_MESSAGE_MAX_DEFAULT 262144u
#define PARLEY_MTU_MAX 16421u /* UDP payload of a full DTLS record (RFC 6347 4.1) */

enum parley_log_level { PARLEY_LOG_OFF, PARLEY_LOG_ERROR, PARLEY_LOG_WARN, PARLEY_LOG_INFO, PARLEY_LOG_DEBUG };

typedef struct {
	parley_random random; /* required */
	uint64_t unix_time_s; /* required: wall time, for the certificate's validity only */
	const parley_ice_server *ice_servers;
	size_t ice_server_count;
	uint32_t
		max_message_size; /* what we announce and accept, bytes; default PARLEY_MESSAGE_MAX_DEFAULT; 0: any, and those
				      longer than that come as PARLEY_EVENT_MESSAGE_PARTs */
	size_t send_buffer_size; /* bytes of unsent messages per connection before parley_core_send says PARLEY_ELIMIT; default 16 MiB */
	size_t mtu; /* UDP payload bytes per datagram that every path is taken to carry, 576..1472; default 1200 */
	enum parley_congestion congestion;
	size_t mtu_max; /* where much data is sent, larger datagrams are tried up to this (RFC 8899), which the caller must send
			   without letting them be fragmented; mtu..PARLEY_MTU_MAX, the default; 0: never. More than 1472 only
			   with peers that say that they take so much (Parley): Chromium takes 2048 and dies of more */
	bool allow_loopback; /* offer loopback addresses as candidates: for tests on one machine; default false */
	enum parley_ice_transport_policy ice_transport_policy; /* default PARLEY_ICE_TRANSPORT_ALL */
	enum parley_nomination nomination;		       /* default PARLEY_NOMINATION_REGULAR */
	/* ICE over TCP (RFC 6544): offer to open connections wherever there is a UDP address, which PARLEY_EVENT_STREAM_OPEN then asks
	 * for; default false. Connections are accepted where parley_core_add_local_address was given a listener's address. */
	bool ice_tcp;
	/* ICE lite (RFC 8445 2.5): checks are answered, none are sent, servers not asked. For a machine that everybody can reach at
	 * its own addresses, such as a public server; default false */
	bool ice_lite;
	/* RTCConfiguration's: more than 0: gathering begins at once, and what is there by then is told when the first local description
	 * is set (RFC 8829 3.5.4). With BUNDLE one set of candidates is all that is ever needed: a larger number changes nothing */
	uint8_t ice_candidate_pool_size;
	/* Host candidates tell "UUID.local" in place of their address: only who can ask this machine's network by multicast DNS learns it
	 * (draft-ietf-rtcweb-mdns-ice-candidates). PARLEY_EVENT_MDNS_NAME says what has to be answered there; default false */
	bool mdns_candidates;
	enum parley_log_level log_level; /* which log lines become events; default PARLEY_LOG_OFF */
	bool decline_media; /* answer audio and video inactive where no transceiver was added for them; default false: a
			       recvonly transceiver is made for each */
	bool snap; /* tell SCTP's INIT in descriptions: channels open two round trips earlier with a peer that does so too
		      (draft-hancke-tsvwg-snap, Chromium behind a field trial); default false */
	bool key_log; /* emit PARLEY_EVENT_KEY_LOG: secrets that decrypt the connection; default false */
	struct parley_demux
		*demux;	   /* parley/demux.h: the sockets are shared with its other connections; default NULL */
	void *demux_owner; /* what parley_demux_route gives back */
} parley_core_config;

void parley_core_config_default(parley_core_config *config);

/* --- life --- */

typedef struct parley_core parley_core;

/* Creates a connection in state `new`. PARLEY_EINVAL: the configuration is malformed (a URL, a range); PARLEY_EUNSUPPORTED: an ICE server
 * is of a kind that is not there; PARLEY_ELIMIT: the demux has as
 * many connections as it may. */
int parley_core_new(const parley_core_config *config, uint64_t now, parley_core **out);

/* W3C close(): says goodbye to the peer (what poll_transmit still gives out), all states become closed. Never waits. After it, calls
 * other than the polls, the state getters and parley_core_free return PARLEY_ECLOSED. Closing twice is harmless. */
void parley_core_close(parley_core *core, uint64_t now);

/* Frees everything at once, in any state; without a close before, the peer notices by its own timeouts. NULL is allowed. */
void parley_core_free(parley_core *core);

/* One line on the last call that returned an error, e.g. "line 12: a=setup:foo is not a role". Valid until the next call. */
const char *parley_core_last_error(const parley_core *core);

/* --- descriptions (JSEP) --- */

/* *sdp is malloc'ed; the caller frees it with parley_free. */
int parley_core_create_offer(parley_core *core, char **sdp);
int parley_core_create_answer(parley_core *core, char **sdp);
void parley_free(void *p);

/* sdp NULL: as create_offer or create_answer would give (and what type ROLLBACK wants). A local description must be the last one
 * created. Setting the first one starts gathering. PARLEY_EINVAL with last_error: malformed; PARLEY_ESTATE: wrong signaling state. */
int parley_core_set_local_description(parley_core *core, uint64_t now, parley_sdp_type type, const char *sdp);
int parley_core_set_remote_description(parley_core *core, uint64_t now, parley_sdp_type type, const char *sdp);

/* The description in force or pending, with the candidates gathered so far; *sdp malloc'ed. PARLEY_ENOTFOUND: none yet. */
int parley_core_local_description(parley_core *core, parley_sdp_type *type, char **sdp);
int parley_core_remote_description(parley_core *core, parley_sdp_type *type, char **sdp);

/* A trickled remote candidate (RFC 8838): "candidate:..." or "" for the end of candidates. mid may be NULL if mline_index >= 0, and
 * the other way round. Candidates of a transport type not used here are accepted and ignored, as browsers do. */
int parley_core_add_ice_candidate(parley_core *core, uint64_t now, const char *candidate, const char *mid,
				  int mline_index);

/* The next offer carries new ICE credentials and gathers anew; data flows on the old path meanwhile. */
int parley_core_restart_ice(parley_core *core);

/* W3C setConfiguration, as far as it is about servers: these from the next gathering on, which a restart begins. What was allocated at
 * those before is used until then. PARLEY_EINVAL, PARLEY_EUNSUPPORTED with last_error. */
int parley_core_set_ice_servers(parley_core *core, uint64_t now, const parley_ice_server *servers, size_t count);

/* --- network --- */

/* A UDP socket of the caller is bound to this address (never the wildcard), or, with transport PARLEY_TCP, it listens there: it becomes
 * a host candidate, and packets for it are accepted. Call for each; then parley_core_local_addresses_done, without which gathering does not complete. */
int parley_core_add_local_address(parley_core *core, uint64_t now, const parley_addr *local);
int parley_core_remove_local_address(parley_core *core, uint64_t now, const parley_addr *local);
int parley_core_local_addresses_done(parley_core *core, uint64_t now);

/* A datagram came to the socket bound to `local`, from `remote`. Anything may be in it; what is not for us is counted and dropped. */
void parley_core_receive(parley_core *core, uint64_t now, const parley_addr *local, const parley_addr *remote,
			 const uint8_t *data, size_t len);

/* The same for several datagrams that lie one behind the other, each segment bytes long but the last, which may be shorter: what some
 * kernels give (UDP_GRO). Cheaper than one by one. */
void parley_core_receive_many(parley_core *core, uint64_t now, const parley_addr *local, const parley_addr *remote,
			      const uint8_t *data, size_t len, size_t segment);

/* The deadline has passed (calling early or late is harmless). */
void parley_core_timeout(parley_core *core, uint64_t now);
uint64_t parley_core_deadline(const parley_core *core);

typedef struct {
	uint32_t stream; /* 0: a datagram; else these bytes for that stream, all of them or none */
	bool control; /* of a stream: may not be dropped, as it is said only once. Other packets may, whole, where it is full */
	parley_addr local;  /* send from the socket bound here */
	parley_addr remote; /* to here */
	const uint8_t *data;
	size_t len;
} parley_packet;

bool parley_core_poll_transmit(parley_core *core, uint64_t now, parley_packet *out);

/* The same, but the datagram is put together in memory, PARLEY_DATAGRAM_ROOM bytes of the caller's: out->data is at its beginning, or
 * somewhat behind (on a path through a TURN server). So several can be laid one behind the other to be sent together. */
#define PARLEY_DATAGRAM_ROOM 16512u
bool parley_core_poll_transmit_into(parley_core *core, uint64_t now, uint8_t *memory, parley_packet *out);

/* The answer to PARLEY_EVENT_RESOLVE: addresses of the name, count 0 when it has none. Ports are ignored: the core knows them. */
void parley_core_resolved(parley_core *core, uint64_t now, uint32_t id, const parley_addr *addresses, size_t count);

/*
 * Streams: connections to TURN servers over TCP or TLS, which PARLEY_EVENT_STREAM_OPEN asks for and which the caller makes. Their
 * numbers are not used again within a core. Calls for one that is closed meanwhile are ignored.
 */
/* A connection came to the listener at local; *stream is its number from now on. An error: close it. */
int parley_core_stream_accepted(parley_core *core, uint64_t now, const parley_addr *local, const parley_addr *remote,
				uint32_t *stream);
/* Connected; with TLS: the certificate is valid for server_name, or for the address where that is "". */
void parley_core_stream_opened(parley_core *core, uint64_t now, uint32_t stream, const parley_addr *local);
/* Could not be connected, or ended by itself; no PARLEY_EVENT_STREAM_CLOSE follows. why: one line, for people. */
void parley_core_stream_closed(parley_core *core, uint64_t now, uint32_t stream, int error, const char *why);
/* Bytes came, cut in any way. */
void parley_core_stream_receive(parley_core *core, uint64_t now, uint32_t stream, const uint8_t *data, size_t len);

/* --- data channels --- */

typedef uint32_t parley_channel; /* a handle, unique for the life of the connection; 0 is none */

/*
 * RTCPriorityType: what a channel gets of the connection's capacity while others want it too, doubling from one to the next
 * (RFC 8831 6.4). With a peer that knows I-DATA (Parley, Firefox) not even a large message holds the others up.
 */
typedef enum {
	PARLEY_PRIORITY_DEFAULT, /* low */
	PARLEY_PRIORITY_VERY_LOW,
	PARLEY_PRIORITY_LOW,
	PARLEY_PRIORITY_MEDIUM,
	PARLEY_PRIORITY_HIGH,
} parley_priority;

/* RTCDataChannelInit */
typedef struct {
	const char *protocol;	       /* NULL: "" */
	bool unordered;		       /* W3C ordered: false */
	bool has_max_packet_life_time; /* at most one of the two */
	uint16_t max_packet_life_time; /* milliseconds */
	bool has_max_retransmits;
	uint16_t max_retransmits;
	bool negotiated; /* both sides create it with the same id; no DCEP OPEN is sent */
	uint16_t id;	 /* with negotiated only, 0..65534 */
	parley_priority priority;
} parley_channel_init;

/* init NULL: reliable and ordered. May be called before any description exists: the channel opens with the connection. */
int parley_core_create_data_channel(parley_core *core, uint64_t now, const char *label, const parley_channel_init *init,
				    parley_channel *out);

/* Queues a whole message, copied. PARLEY_ELIMIT: the send buffer is full, wait for PARLEY_EVENT_BUFFERED_AMOUNT_LOW;
 * PARLEY_EMSGSIZE: more than the peer's max-message-size; PARLEY_ESTATE: the channel is not open. A text must be UTF-8. */
int parley_core_send(parley_core *core, uint64_t now, parley_channel channel, bool binary, const void *data,
		     size_t len);

/*
 * Sends a message in parts, also one that is larger than the send buffer or than memory: each call queues the next part, the one with
 * last ends the message and may be empty. Errors as parley_core_send, and PARLEY_EINVAL for a channel that limits retransmissions or
 * life time. A text is cut between characters. Until the end parley_core_send says PARLEY_ESTATE on this channel, and where the
 * peer does not know I-DATA (as Chromium) all other channels wait for it. Closing the channel gives the message up.
 */
int parley_core_send_part(parley_core *core, uint64_t now, parley_channel channel, bool binary, const void *data,
			  size_t len, bool last);

/* Messages of the peer on this channel are handed on as they come, as PARLEY_EVENT_MESSAGE_PARTs, unless they are whole by then. */
int parley_core_set_partial_delivery(parley_core *core, parley_channel channel, bool on);

/* W3C bufferedAmount: payload bytes queued and not yet given to the transport. 0 for an unknown channel. */
size_t parley_core_buffered_amount(const parley_core *core, parley_channel channel);
int parley_core_set_buffered_amount_low_threshold(parley_core *core, parley_channel channel, size_t bytes);

/* Starts the closing of both directions once all queued messages are sent (RFC 8831 6.7). */
int parley_core_close_data_channel(parley_core *core, uint64_t now, parley_channel channel);

parley_channel_state parley_core_channel_state(const parley_core *core, parley_channel channel);

/* --- events --- */

typedef enum {
	PARLEY_EVENT_NEGOTIATION_NEEDED,
	PARLEY_EVENT_SIGNALING_STATE,
	PARLEY_EVENT_GATHERING_STATE,
	PARLEY_EVENT_ICE_STATE,
	PARLEY_EVENT_CONNECTION_STATE,
	PARLEY_EVENT_ICE_CANDIDATE,
	PARLEY_EVENT_RESOLVE,
	PARLEY_EVENT_MDNS_NAME,
	PARLEY_EVENT_STREAM_OPEN,
	PARLEY_EVENT_STREAM_CLOSE,
	PARLEY_EVENT_DATA_CHANNEL, /* the peer opened one */
	PARLEY_EVENT_CHANNEL_STATE,
	PARLEY_EVENT_MESSAGE,
	PARLEY_EVENT_MESSAGE_PART,
	PARLEY_EVENT_BUFFERED_AMOUNT_LOW,
	PARLEY_EVENT_SELECTED_PAIR,
	PARLEY_EVENT_TRANSCEIVER, /* see parley/media.h for these */
	PARLEY_EVENT_FRAME,
	PARLEY_EVENT_RTP,
	PARLEY_EVENT_KEY_FRAME_REQUEST, /* the peer cannot decode what the transceiver sends: make a key frame */
	PARLEY_EVENT_TARGET_BITRATE,
	PARLEY_EVENT_LOG,
	PARLEY_EVENT_KEY_LOG,
} parley_event_type;

/* Of a message that is not whole yet; see parley_core_set_partial_delivery. */
typedef struct {
	parley_channel channel;
	bool binary; /* a text may be cut within a character */
	bool first, last;
	bool aborted;	  /* the peer gave the message up: this is the last part, and empty */
	uint32_t message; /* the same in all parts of a message; on an unordered channel those of several may mix */
	const uint8_t *data;
	size_t len;
} parley_message_part;

typedef struct {
	parley_event_type type;
	union {
		parley_signaling_state signaling_state;
		parley_gathering_state gathering_state;
		parley_ice_state ice_state;
		struct {
			parley_connection_state state;
			const char *reason; /* why FAILED, one line; "" in other states */
		} connection;
		struct {
			const char *candidate; /* "candidate:...", or "": no more of this generation */
			const char *mid;
			int mline_index;
		} ice_candidate;
		struct { /* answer with parley_core_resolved */
			uint32_t id;
			const char *name;
			bool mdns; /* a ".local" name: ask by multicast DNS, never by unicast DNS */
		} resolve;
		struct { /* connect: answer with parley_core_stream_opened or parley_core_stream_closed */
			uint32_t stream;
			parley_addr local; /* from here, port 0: any; no family: from anywhere */
			parley_addr remote;
			bool tls;
			const char *server_name; /* what the certificate must name; "": the address */
		} stream_open;
		uint32_t stream_close;	     /* close it and forget it */
		struct {		     /* to be answered by multicast DNS from now on, until parley_core_close */
			const char *name;    /* "....local" */
			parley_addr address; /* port 0 */
		} mdns_name;
		struct {
			parley_channel channel;
			uint16_t id;
			const char *label;
			const char *protocol;
			bool ordered;
		} data_channel;
		struct {
			parley_channel channel;
			parley_channel_state state;
			const char *reason; /* of a closing that nobody asked for, else "" */
		} channel_state;
		struct {
			parley_channel channel;
			bool binary;
			const uint8_t *data;
			size_t len;
		} message;
		parley_message_part message_part;
		parley_channel buffered_amount_low;
		struct {
			parley_addr local, remote;
			const char *local_type, *remote_type; /* "host", "srflx", "prflx", "relay" */
		} selected_pair;
		struct {
			uint64_t time; /* the `now` of the input that caused it */
			enum parley_log_level level;
			const char *layer;
			const char *text;
		} log;
		parley_transceiver_event transceiver;
		parley_frame_event frame;
		parley_rtp_event rtp;
		parley_transceiver key_frame_request;
		parley_bitrate_event target_bitrate;
		const char *key_log; /* a line for an SSLKEYLOGFILE */
	};
} parley_event;

bool parley_core_poll_event(parley_core *core, parley_event *out);

/* --- looking in --- */

parley_signaling_state parley_core_signaling_state(const parley_core *core);
parley_gathering_state parley_core_gathering_state(const parley_core *core);
parley_ice_state parley_core_ice_state(const parley_core *core);
parley_connection_state parley_core_connection_state(const parley_core *core);

typedef struct {
	uint64_t packets_sent, packets_received;
	uint64_t bytes_sent, bytes_received; /* UDP payload */
	uint64_t packets_dropped;	     /* received and believed by no layer */
	uint64_t messages_sent, messages_received;
	uint64_t round_trip_time_us; /* of the selected pair, smoothed; 0: not measured yet */
	uint64_t sctp_retransmissions;
	size_t data_mtu; /* UDP payload bytes of a full datagram of channel data, as of now; 0: no data channels */
	bool has_selected_pair;
	parley_addr local, remote; /* of the selected pair */
} parley_core_stats;

void parley_core_get_stats(const parley_core *core, parley_core_stats *out);

/* Asserts the internal invariants of all layers: for simulations and fuzzers, after every step. */
void parley_core_check_invariants(const parley_core *core);

#ifdef __cplusplus
}
#endif
#endif
