#include "sctp/dcep.h"

#define TYPE_UNORDERED 0x80u
#define TYPE_RELIABLE 0u
#define TYPE_MAX_RETRANSMITS 1u
#define TYPE_LIFETIME 2u

bool dcep_open_decode(slice message, dcep_open *open)
{
	reader r = reader_of(message);
	uint8_t type = read_u8(&r);
	uint8_t channel = read_u8(&r);
	*open = (dcep_open){.unordered = channel & TYPE_UNORDERED, .priority = read_u16(&r)};
	open->reliability = read_u32(&r);
	uint16_t label = read_u16(&r), protocol = read_u16(&r);
	open->label = read_bytes(&r, label);
	open->protocol = read_bytes(&r, protocol);
	unsigned kind = channel & ~TYPE_UNORDERED;
	open->has_max_retransmits = kind == TYPE_MAX_RETRANSMITS;
	open->has_lifetime = kind == TYPE_LIFETIME;
	return !r.bad && !reader_left(&r) && type == DCEP_OPEN && kind <= TYPE_LIFETIME;
}

void dcep_open_encode(writer *w, const dcep_open *open)
{
	unsigned kind = open->has_max_retransmits ? TYPE_MAX_RETRANSMITS
			: open->has_lifetime	  ? TYPE_LIFETIME
						  : TYPE_RELIABLE;
	write_u8(w, DCEP_OPEN);
	write_u8(w, (uint8_t)(kind | (open->unordered ? TYPE_UNORDERED : 0)));
	write_u16(w, open->priority);
	write_u32(w, kind == TYPE_RELIABLE ? 0 : open->reliability);
	write_u16(w, (uint16_t)open->label.len);
	write_u16(w, (uint16_t)open->protocol.len);
	write_bytes(w, open->label);
	write_bytes(w, open->protocol);
}

bool dcep_is_ack(slice message)
{
	return message.len && message.data[0] == DCEP_ACK;
}
