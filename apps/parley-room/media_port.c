#include "apps/parley-room/media_port.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/addr.h"
#include "base/text.h"
#include "net/sockaddr.h"

#define PACKET_MAX 2048u /* bytes: more is no packet for any path */
#define RTP_HEADER 12u	 /* RFC 3550 5.1 */
#define AUDIO_PORT_STEP 2u
#define KINDS 2
#define NO_TYPE (-1)

/* --- URLs --- */

static bool parse_address(slice in, parley_addr *out)
{
	uint32_t port;
	size_t colon = in.len;
	while (colon > 0 && in.data[colon - 1] != ':')
		colon--;
	if (colon < 2 || !scan_u32(slice_part(in, colon, in.len - colon), UINT16_MAX, &port) || port == 0)
		return false;
	slice ip = slice_part(in, 0, colon - 1);
	if (ip.len > 2 && ip.data[0] == '[' && ip.data[ip.len - 1] == ']')
		ip = slice_part(ip, 1, ip.len - 2);
	return addr_parse_ip(ip, (uint16_t)port, out);
}

bool port_url_parse(const char *url, port_url *out, char why[MEDIA_WHY_MAX])
{
	static const char scheme[] = "udp://", codec[] = "?codec=";
	const char *address = strncmp(url, scheme, sizeof scheme - 1) == 0 ? url + sizeof scheme - 1 : NULL;
	const char *query = strstr(url, codec);
	*out = (port_url){.codec = PARLEY_CODEC_NONE};
	if (query)
		out->codec = parley_codec_by_name(query + sizeof codec - 1);
	bool good = address && (!query || out->codec != PARLEY_CODEC_NONE);
	slice where = good ? slice_of(address, query ? (size_t)(query - address) : strlen(address)) : slice_of(NULL, 0);
	if (good && parse_address(where, &out->address))
		return true;
	snprintf(why, MEDIA_WHY_MAX, "%.100s is not udp://ADDRESS:PORT or udp://ADDRESS:PORT?codec=NAME", url);
	return false;
}

static bool say_port(char why[MEDIA_WHY_MAX], const port_url *url, int error)
{
	char address[ADDR_TEXT_MAX];
	snprintf(why, MEDIA_WHY_MAX, "%s: %s", addr_print(&url->address, address), uv_strerror(error));
	return false;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

/* --- in --- */

struct rtp_in {
	uv_udp_t socket;
	void (*on_packet)(void *me, const uint8_t *data, size_t len);
	void *me;
	char packet[PACKET_MAX];
};

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
	(void)suggested;
	rtp_in *in = handle->data;
	*out = uv_buf_init(in->packet, sizeof in->packet);
}

static void on_receive(uv_udp_t *socket, ssize_t n, const uv_buf_t *b, const struct sockaddr *from, unsigned flags)
{
	rtp_in *in = socket->data;
	if (n > 0 && from && !(flags & UV_UDP_PARTIAL))
		in->on_packet(in->me, (const uint8_t *)b->base, (size_t)n);
}

rtp_in *rtp_in_new(uv_loop_t *loop, const port_url *url, void (*on_packet)(void *me, const uint8_t *data, size_t len),
		   void *me, char why[MEDIA_WHY_MAX])
{
	struct sockaddr_storage address;
	rtp_in *in = calloc(1, sizeof *in);
	if (!in) {
		snprintf(why, MEDIA_WHY_MAX, "out of memory");
		return NULL;
	}
	in->on_packet = on_packet;
	in->me = me;
	uv_udp_init(loop, &in->socket);
	in->socket.data = in;
	sockaddr_from_addr(&url->address, &address);
	int err = uv_udp_bind(&in->socket, (const struct sockaddr *)&address, 0);
	if (!err)
		err = uv_udp_recv_start(&in->socket, on_alloc, on_receive);
	if (!err)
		return in;
	say_port(why, url, err);
	rtp_in_free(in);
	return NULL;
}

void rtp_in_free(rtp_in *in)
{
	if (in)
		uv_close((uv_handle_t *)&in->socket, on_closed);
}

/* --- out --- */

struct rtp_out {
	uv_udp_t socket;
	parley_addr addresses[KINDS];
	int payload_types[KINDS]; /* NO_TYPE: nothing was sent yet */
};

rtp_out *rtp_out_new(uv_loop_t *loop, const port_url *url, char why[MEDIA_WHY_MAX])
{
	if (url->address.port > UINT16_MAX - AUDIO_PORT_STEP) {
		say_port(why, url, UV_EINVAL);
		return NULL;
	}
	rtp_out *out = calloc(1, sizeof *out);
	if (!out) {
		snprintf(why, MEDIA_WHY_MAX, "out of memory");
		return NULL;
	}
	for (int k = 0; k < KINDS; k++) {
		out->payload_types[k] = NO_TYPE;
		out->addresses[k] = url->address;
	}
	out->addresses[PARLEY_AUDIO].port = (uint16_t)(url->address.port + AUDIO_PORT_STEP);
	uv_udp_init(loop, &out->socket);
	out->socket.data = out;
	return out;
}

void rtp_out_free(rtp_out *out)
{
	if (out)
		uv_close((uv_handle_t *)&out->socket, on_closed);
}

bool rtp_out_send(rtp_out *out, parley_media_kind kind, const uint8_t *data, size_t len)
{
	struct sockaddr_storage address;
	if (len < RTP_HEADER)
		return false;
	sockaddr_from_addr(&out->addresses[kind], &address);
	uv_buf_t b = uv_buf_init((char *)(uintptr_t)data, (unsigned)len);	 /* libuv does not write to it */
	uv_udp_try_send(&out->socket, &b, 1, (const struct sockaddr *)&address); /* a lost packet is a lost packet */
	int payload_type = data[1] & 0x7f;
	bool other = out->payload_types[kind] != payload_type;
	out->payload_types[kind] = payload_type;
	return other;
}

/* Copies the description's "a=rtpmap:N ..." and "a=fmtp:N ..." lines of one payload type. */
static int copy_lines(slice description, int payload_type, buf *sdp)
{
	static const char *const names[] = {"a=rtpmap:", "a=fmtp:"};
	int err = 0;
	for (slice line; !err && scan_token(&description, '\n', &line);) {
		if (line.len && line.data[line.len - 1] == '\r')
			line.len--;
		for (size_t i = 0; i < 2 && !err; i++) {
			char prefix[32];
			int n = snprintf(prefix, sizeof prefix, "%s%d ", names[i], payload_type);
			if (line.len > (size_t)n && memcmp(line.data, prefix, (size_t)n) == 0)
				err = buf_printf(sdp, "%.*s\r\n", (int)line.len, (const char *)line.data);
		}
	}
	return err;
}

int rtp_out_describe(const rtp_out *out, const char *local_description, buf *sdp)
{
	char ip[ADDR_TEXT_MAX];
	const parley_addr *to = &out->addresses[PARLEY_VIDEO];
	const char *family = to->family == PARLEY_IPV4 ? "IP4" : "IP6";
	addr_print_ip(to, ip);
	int err = buf_printf(sdp, "v=0\r\no=- 0 0 IN %s %s\r\ns=parley-room\r\nc=IN %s %s\r\nt=0 0\r\n", family, ip,
			     family, ip);
	for (int k = KINDS - 1; k >= 0 && !err; k--) {
		if (out->payload_types[k] == NO_TYPE)
			continue;
		err = buf_printf(sdp, "m=%s %u RTP/AVP %d\r\n", k == PARLEY_VIDEO ? "video" : "audio",
				 out->addresses[k].port, out->payload_types[k]);
		if (!err)
			err = copy_lines(slice_from_string(local_description), out->payload_types[k], sdp);
	}
	return err;
}
