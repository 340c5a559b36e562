#include "stun/channel.h"

bool stun_is_channel_data(slice datagram)
{
	return datagram.len >= STUN_CHANNEL_HEADER_SIZE && datagram.data[0] >= STUN_CHANNEL_FIRST >> 8 &&
	       datagram.data[0] <= STUN_CHANNEL_LAST >> 8;
}

int stun_parse_channel_data(slice in, uint16_t *number, slice *data)
{
	reader r = reader_of(in);
	*number = read_u16(&r);
	*data = read_bytes(&r, read_u16(&r));
	return r.bad || *number < STUN_CHANNEL_FIRST || *number > STUN_CHANNEL_LAST ? PARLEY_EPROTO : 0;
}

void stun_put_channel_header(writer *w, uint16_t number, size_t len)
{
	if (number < STUN_CHANNEL_FIRST || number > STUN_CHANNEL_LAST || len > UINT16_MAX)
		w->bad = true;
	write_u16(w, number);
	write_u16(w, (uint16_t)len);
}

int stun_stream_unit(slice in)
{
	reader r = reader_of(in);
	uint16_t type = read_u16(&r);
	int length = read_u16(&r);
	if (r.bad)
		return 0;
	if (type >= STUN_CHANNEL_FIRST && type <= STUN_CHANNEL_LAST)
		return (int)STUN_CHANNEL_HEADER_SIZE + (length + 3) / 4 * 4;
	if (type >= STUN_CHANNEL_FIRST || length % 4 != 0)
		return PARLEY_EPROTO;
	return (int)STUN_HEADER_SIZE + length;
}
