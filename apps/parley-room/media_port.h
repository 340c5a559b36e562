/*
 * apps/parley-room/media_port.h: RTP packets to and from other programs (GStreamer, FFmpeg) over plain UDP (--rtp-in, --rtp-out).
 */
#ifndef PARLEY_APPS_ROOM_MEDIA_PORT_H
#define PARLEY_APPS_ROOM_MEDIA_PORT_H

#include "apps/parley-room/media_codec.h"
#include "base/buf.h"

struct uv_loop_s;

/* "udp://ADDRESS:PORT[?codec=NAME]", the address a literal one, in brackets if IPv6. */
typedef struct {
	parley_addr address;
	parley_codec codec; /* NONE: not said */
} port_url;

bool port_url_parse(const char *url, port_url *out, char why[MEDIA_WHY_MAX]);

/* --- packets that come from another program --- */

typedef struct rtp_in rtp_in;
/* on_packet: anything that came; the peer connection refuses what is no RTP. NULL, and why. */
rtp_in *rtp_in_new(struct uv_loop_s *loop, const port_url *url,
		   void (*on_packet)(void *me, const uint8_t *data, size_t len), void *me, char why[MEDIA_WHY_MAX]);
void rtp_in_free(rtp_in *in); /* NULL: nothing */

/* --- packets that go to another program: video to the port, audio to the port + 2 (RFC 3551 8) --- */

typedef struct rtp_out rtp_out;
rtp_out *rtp_out_new(struct uv_loop_s *loop, const port_url *url, char why[MEDIA_WHY_MAX]);
void rtp_out_free(rtp_out *out); /* NULL: nothing */
/* True: the packet is the first of its kind or payload type; describe it. */
bool rtp_out_send(rtp_out *out, parley_media_kind kind, const uint8_t *data, size_t len);
/* Appends the SDP that the other program needs (RFC 8866), for all kinds that were sent; our own local description says what the
 * payload types mean. */
int rtp_out_describe(const rtp_out *out, const char *local_description, buf *sdp);

#endif
