/*
 * stun/channel.h: TURN ChannelData (RFC 8656 12.4), and cutting the byte stream of TURN over TCP or TLS (RFC 8656 12.5)
 * into messages and ChannelData.
 *
 * |  channel number 0x4000-0x4FFF  |  length of the data  | data, on a stream padded to a multiple of 4
 */
#ifndef PARLEY_STUN_CHANNEL_H
#define PARLEY_STUN_CHANNEL_H

#include "stun/message.h"

#define STUN_CHANNEL_FIRST 0x4000u
#define STUN_CHANNEL_LAST 0x4FFFu
#define STUN_CHANNEL_HEADER_SIZE 4u

/* Is this datagram's first byte that of ChannelData, 64 to 79 (RFC 7983 7, RFC 8656 12)? */
bool stun_is_channel_data(slice datagram);
/* Takes number and data (borrowed; what follows is padding) out of one unit. PARLEY_EPROTO: malformed. */
int stun_parse_channel_data(slice in, uint16_t *number, slice *data);
/* The header for len bytes of data; the caller puts the data behind it, and on a stream pads to a multiple of 4. */
void stun_put_channel_header(writer *w, uint16_t number, size_t len);

/* The size of the message or ChannelData, padding included, that starts a stream's unread bytes. 0: more bytes are
 * needed to tell; the unit itself may also be still incomplete, then the size exceeds in.len. PARLEY_EPROTO:
 * neither, close the stream. */
int stun_stream_unit(slice in);

#endif
