/* Audio whose payload is one frame as it is: Opus (RFC 7587 4.2) and G.711 (RFC 3551 4.5.14). */
#include "parley/types.h"
#include "rtp/payload_formats.h"

int rtp_audio_start(const rtp_packetizer *p)
{
	return p->frame.len > p->max_payload ? PARLEY_EMSGSIZE : 0;
}

void rtp_audio_next(rtp_packetizer *p, writer *out)
{
	write_bytes(out, p->frame);
	p->busy = false;
}

int rtp_audio_parse(slice payload, rtp_payload_info *out)
{
	if (payload.len == 0)
		return PARLEY_EPROTO;
	out->starts_frame = out->may_start = out->key = true;
	out->media = payload;
	return 0;
}

int rtp_audio_add(rtp_depacketizer *d, slice payload)
{
	/* A second packet would be a second frame: there is no fragmentation. */
	if (payload.len == 0 || d->out->len > 0)
		return PARLEY_EPROTO;
	return buf_append(d->out, payload);
}
