#include "rtp/packet.h"

#include <string.h>

#include "parley/types.h"

#define RTP_VERSION_BITS (RTP_VERSION << 6)
#define RTP_FLAG_PADDING 0x20u
#define RTP_FLAG_EXTENSION 0x10u
#define RTP_FLAG_MARKER 0x80u
/* The reserved payload types that RTCP packet types 192..223 would be, were they RTP (RFC 5761 4). */
#define RTCP_AS_PAYLOAD_MIN 64u
#define RTCP_AS_PAYLOAD_MAX 95u
#define RTCP_HEADER_AND_SSRC 8u

rtp_kind rtp_classify(slice in)
{
	if (in.len < RTCP_HEADER_AND_SSRC || in.data[0] >> 6 != RTP_VERSION)
		return RTP_KIND_NONE;
	uint8_t payload_type = in.data[1] & RTP_PAYLOAD_TYPE_MAX;
	if (payload_type >= RTCP_AS_PAYLOAD_MIN && payload_type <= RTCP_AS_PAYLOAD_MAX)
		return RTP_KIND_RTCP;
	return in.len < RTP_HEADER_SIZE ? RTP_KIND_NONE : RTP_KIND_RTP;
}

static void read_extension(reader *r, rtp_packet *p)
{
	p->has_extension = true;
	p->extension_profile = read_u16(r);
	p->extension = read_bytes(r, read_u16(r) * (size_t)4);
}

/* Header, CSRCs, extension; then everything else is payload. */
static bool read_header(slice in, rtp_packet *p, bool *padded)
{
	reader r = reader_of(in);
	uint8_t first = read_u8(&r), second = read_u8(&r);
	if (first >> 6 != RTP_VERSION)
		return false;
	*padded = first & RTP_FLAG_PADDING;
	p->csrc_count = first & RTP_CSRCS_MAX;
	p->marker = second & RTP_FLAG_MARKER;
	p->payload_type = second & RTP_PAYLOAD_TYPE_MAX;
	p->sequence = read_u16(&r);
	p->timestamp = read_u32(&r);
	p->ssrc = read_u32(&r);
	for (size_t i = 0; i < p->csrc_count; i++)
		p->csrcs[i] = read_u32(&r);
	if (first & RTP_FLAG_EXTENSION)
		read_extension(&r, p);
	p->payload = read_rest(&r);
	return !r.bad;
}

int rtp_header_parse(slice in, rtp_packet *out)
{
	bool padded;
	memset(out, 0, sizeof *out);
	if (read_header(in, out, &padded))
		return 0;
	memset(out, 0, sizeof *out);
	return PARLEY_EPROTO;
}

int rtp_packet_parse(slice in, rtp_packet *out)
{
	bool padded = false;
	memset(out, 0, sizeof *out);
	bool good = read_header(in, out, &padded);
	if (good && padded) {
		out->padding = out->payload.len ? out->payload.data[out->payload.len - 1] : 0;
		good = out->padding > 0 && out->padding <= out->payload.len;
	}
	if (!good) {
		memset(out, 0, sizeof *out);
		return PARLEY_EPROTO;
	}
	out->payload.len -= out->padding;
	return 0;
}

static size_t extension_words(const rtp_packet *p)
{
	return (p->extension.len + 3) / 4;
}

size_t rtp_packet_size(const rtp_packet *p)
{
	size_t extension = p->has_extension ? RTP_EXTENSION_HEADER_SIZE + 4 * extension_words(p) : 0;
	return RTP_HEADER_SIZE + 4 * (size_t)p->csrc_count + extension + p->payload.len + p->padding;
}

int rtp_header_write(writer *w, const rtp_packet *p)
{
	if (p->csrc_count > RTP_CSRCS_MAX || p->payload_type > RTP_PAYLOAD_TYPE_MAX ||
	    (p->has_extension && extension_words(p) > UINT16_MAX))
		return PARLEY_EINVAL;
	unsigned flags = (p->padding ? RTP_FLAG_PADDING : 0) | (p->has_extension ? RTP_FLAG_EXTENSION : 0);
	write_u8(w, (uint8_t)(RTP_VERSION_BITS | flags | p->csrc_count));
	write_u8(w, (uint8_t)((p->marker ? RTP_FLAG_MARKER : 0) | p->payload_type));
	write_u16(w, p->sequence);
	write_u32(w, p->timestamp);
	write_u32(w, p->ssrc);
	for (size_t i = 0; i < p->csrc_count; i++)
		write_u32(w, p->csrcs[i]);
	if (p->has_extension) {
		write_u16(w, p->extension_profile);
		write_u16(w, (uint16_t)extension_words(p));
		write_bytes(w, p->extension);
		write_zeros(w, 4 * extension_words(p) - p->extension.len);
	}
	return w->bad ? PARLEY_EMSGSIZE : 0;
}

void rtp_padding_write(writer *w, uint8_t padding)
{
	if (!padding)
		return;
	write_zeros(w, padding - 1u);
	write_u8(w, padding);
}

int rtp_packet_write(writer *w, const rtp_packet *p)
{
	int error = rtp_header_write(w, p);
	if (error)
		return error;
	write_bytes(w, p->payload);
	rtp_padding_write(w, p->padding);
	return w->bad ? PARLEY_EMSGSIZE : 0;
}

/* The way from the highest to the value is at most half the number space long, in either direction. */
int64_t rtp_unwrap16_peek(const rtp_unwrapper *u, uint16_t value)
{
	return u->started ? u->highest + (int16_t)(uint16_t)(value - (uint16_t)u->highest) : value;
}

int64_t rtp_unwrap32_peek(const rtp_unwrapper *u, uint32_t value)
{
	return u->started ? u->highest + (int32_t)(uint32_t)(value - (uint32_t)u->highest) : value;
}

static int64_t remember(rtp_unwrapper *u, int64_t value)
{
	if (!u->started || value > u->highest)
		u->highest = value;
	u->started = true;
	return value;
}

int64_t rtp_unwrap16(rtp_unwrapper *u, uint16_t value)
{
	return remember(u, rtp_unwrap16_peek(u, value));
}

int64_t rtp_unwrap32(rtp_unwrapper *u, uint32_t value)
{
	return remember(u, rtp_unwrap32_peek(u, value));
}
