/*
 * stun/message.h: a STUN message decoded (RFC 8489 5, 14): header, and every attribute that we know, in one plain
 * struct.
 *
 *  0                   1                   2                   3
 * |0 0|   type (class bits C1 at 8, C0 at 4)  |  length of what follows the header, multiple of 4  |
 * |                         magic cookie 0x2112A442                                                |
 * |                         transaction id, 96 bits                                                |
 * then attributes: type (16), length of the value (16), value, 0 to 3 bytes of padding of any value
 *
 * Not here: whether the message is authentic (stun/auth.h), or makes sense for its method: that is its receiver's to
 * say. Nothing allocates. Slices borrow from the bytes given to stun_parse and live as long as those.
 */
#ifndef PARLEY_STUN_MESSAGE_H
#define PARLEY_STUN_MESSAGE_H

#include "base/bytes.h"
#include "parley/types.h"

#define STUN_HEADER_SIZE 20u
#define STUN_COOKIE 0x2112A442u
#define STUN_ID_SIZE 12u
#define STUN_METHOD_MAX 0xFFu /* 12 bits, but the higher ones collide with other protocols (RFC 7983 4) */
#define STUN_QUOTED_MAX 763u  /* bytes of a REALM, NONCE or reason that a receiver takes (RFC 8489 14.8-14.10) */
#define STUN_UNKNOWN_MAX 8u   /* unknown attributes remembered for a 420 answer; further ones are only counted */

typedef enum { STUN_REQUEST = 0, STUN_INDICATION = 1, STUN_SUCCESS = 2, STUN_ERROR = 3 } stun_class;

typedef enum {
	STUN_BINDING = 0x001,
	STUN_ALLOCATE = 0x003, /* RFC 8656 17 */
	STUN_REFRESH = 0x004,
	STUN_SEND = 0x006, /* indication only */
	STUN_DATA = 0x007, /* indication only */
	STUN_CREATE_PERMISSION = 0x008,
	STUN_CHANNEL_BIND = 0x009,
} stun_method;

/* Types below 0x8000 must be understood by who receives them (RFC 8489 14). */
enum stun_attribute_type {
	STUN_ATTR_MAPPED_ADDRESS = 0x0001,
	STUN_ATTR_CHANGE_REQUEST = 0x0003, /* RFC 5780 7.2 */
	STUN_ATTR_USERNAME = 0x0006,
	STUN_ATTR_MESSAGE_INTEGRITY = 0x0008,
	STUN_ATTR_ERROR_CODE = 0x0009,
	STUN_ATTR_UNKNOWN_ATTRIBUTES = 0x000A,
	STUN_ATTR_CHANNEL_NUMBER = 0x000C, /* RFC 8656 18, as those that follow up to REALM */
	STUN_ATTR_LIFETIME = 0x000D,
	STUN_ATTR_XOR_PEER_ADDRESS = 0x0012,
	STUN_ATTR_DATA = 0x0013,
	STUN_ATTR_REALM = 0x0014,
	STUN_ATTR_NONCE = 0x0015,
	STUN_ATTR_XOR_RELAYED_ADDRESS = 0x0016, /* RFC 8656 18 again */
	STUN_ATTR_REQUESTED_ADDRESS_FAMILY = 0x0017,
	STUN_ATTR_EVEN_PORT = 0x0018,
	STUN_ATTR_REQUESTED_TRANSPORT = 0x0019,
	STUN_ATTR_DONT_FRAGMENT = 0x001A,
	STUN_ATTR_MESSAGE_INTEGRITY_SHA256 = 0x001C,
	STUN_ATTR_PASSWORD_ALGORITHM = 0x001D,
	STUN_ATTR_USERHASH = 0x001E,
	STUN_ATTR_XOR_MAPPED_ADDRESS = 0x0020,
	STUN_ATTR_RESERVATION_TOKEN = 0x0022, /* RFC 8656 18.10 */
	STUN_ATTR_PRIORITY = 0x0024,	      /* RFC 8445 16.1 */
	STUN_ATTR_USE_CANDIDATE = 0x0025,
	STUN_ATTR_ADDITIONAL_ADDRESS_FAMILY = 0x8000, /* RFC 8656 18.11, 18.12 */
	STUN_ATTR_ADDRESS_ERROR_CODE = 0x8001,
	STUN_ATTR_ADDITIONAL_ADDRESS_FAMILY_DRAFT =
		0x8032, /* the same two before they had numbers: coturn knows these only */
	STUN_ATTR_ADDRESS_ERROR_CODE_DRAFT = 0x8033,
	STUN_ATTR_PASSWORD_ALGORITHMS = 0x8002,
	STUN_ATTR_ALTERNATE_DOMAIN = 0x8003,
	STUN_ATTR_SOFTWARE = 0x8022,
	STUN_ATTR_ALTERNATE_SERVER = 0x8023,
	STUN_ATTR_FINGERPRINT = 0x8028,
	STUN_ATTR_ICE_CONTROLLED = 0x8029, /* RFC 8445 16.1 */
	STUN_ATTR_ICE_CONTROLLING = 0x802A,
	STUN_ATTR_RESPONSE_ORIGIN = 0x802B, /* RFC 5780 7.3 */
	STUN_ATTR_OTHER_ADDRESS = 0x802C,
	STUN_ATTR_NOMINATION = 0xC001, /* draft-thatcher-ice-renomination, the number browsers use */
	STUN_ATTR_DTLS_PIECE = 0xC070, /* draft-hancke-webrtc-sped: META-DTLS-IN-STUN, a DTLS datagram */
	STUN_ATTR_DTLS_ACK = 0xC071,   /* META-DTLS-IN-STUN-ACKNOWLEDGEMENT: CRC-32s of those received */
};

/* REQUESTED-TRANSPORT (RFC 8656 18.7), REQUESTED-ADDRESS-FAMILY and ADDITIONAL-ADDRESS-FAMILY (18.6, 18.11). */
#define STUN_TRANSPORT_UDP 17u
#define STUN_FAMILY_IPV4 1u
#define STUN_FAMILY_IPV6 2u
/* CHANGE-REQUEST (RFC 5780 7.2). */
#define STUN_CHANGE_IP 0x4u
#define STUN_CHANGE_PORT 0x2u
/* PASSWORD-ALGORITHM (RFC 8489 18.5.1). */
#define STUN_ALGORITHM_MD5 1u
#define STUN_ALGORITHM_SHA256 2u

/* Error codes (RFC 8489 14.8, RFC 8656 19, RFC 8445 7.3.1.1). */
enum stun_error_code {
	STUN_TRY_ALTERNATE = 300,
	STUN_BAD_REQUEST = 400,
	STUN_UNAUTHENTICATED = 401,
	STUN_FORBIDDEN = 403,
	STUN_UNKNOWN_ATTRIBUTE = 420,
	STUN_ALLOCATION_MISMATCH = 437,
	STUN_STALE_NONCE = 438,
	STUN_FAMILY_NOT_SUPPORTED = 440,
	STUN_WRONG_CREDENTIALS = 441,
	STUN_UNSUPPORTED_TRANSPORT = 442,
	STUN_PEER_FAMILY_MISMATCH = 443,
	STUN_ALLOCATION_QUOTA_REACHED = 486,
	STUN_ROLE_CONFLICT = 487,
	STUN_SERVER_ERROR = 500,
	STUN_INSUFFICIENT_CAPACITY = 508,
};

typedef struct {
	uint8_t bytes[STUN_ID_SIZE];
} stun_id;

/* A fresh transaction id: unpredictable (RFC 8489 5), or the source's error. */
int stun_id_random(const parley_random *random, stun_id *id);
bool stun_id_equal(const stun_id *a, const stun_id *b);

/*
 * A decoded message. A value counts only where its has_ flag is set; zero is a value like any other. Of an attribute
 * that is there twice, the first counts (RFC 8489 14); who wants all of them (XOR-PEER-ADDRESS in CreatePermission)
 * walks.
 */
typedef struct {
	slice raw; /* the whole message, header included */
	stun_class class;
	uint16_t method; /* a stun_method, or any other up to STUN_METHOD_MAX */
	stun_id id;

	bool has_mapped_address, has_xor_mapped_address, has_alternate_server, has_response_origin, has_other_address;
	parley_addr mapped_address, xor_mapped_address, alternate_server, response_origin, other_address;

	bool has_username, has_userhash, has_realm, has_nonce, has_software, has_alternate_domain;
	slice username, userhash /* 32 bytes */, realm, nonce, software, alternate_domain;
	bool has_password_algorithm, has_password_algorithms;
	uint16_t password_algorithm;
	slice password_algorithms; /* encoded: stun_choose_algorithm */

	bool has_error;
	uint16_t error_code; /* 300 to 699 */
	slice error_reason;
	bool has_unknown_attributes;
	slice unknown_attributes; /* what the other side did not know: 16-bit types */

	bool has_priority, has_use_candidate, has_ice_controlled, has_ice_controlling, has_nomination;
	uint32_t priority, nomination;
	uint64_t ice_controlled, ice_controlling; /* tie-breakers */
	bool has_dtls_piece, has_dtls_ack;
	slice dtls_piece, dtls_ack;

	bool has_peer_address, has_relayed_address;
	parley_addr peer_address, relayed_address;
	bool has_channel_number, has_lifetime, has_data, has_requested_transport, has_requested_family;
	bool has_additional_family, has_even_port, has_dont_fragment, has_reservation_token, has_change_request;
	uint16_t channel_number;
	uint32_t lifetime; /* seconds */
	slice data;
	uint8_t requested_transport;		     /* an IP protocol number */
	uint8_t requested_family, additional_family; /* STUN_FAMILY_ */
	uint8_t even_port;			     /* 0x80: reserve the next port too */
	uint64_t reservation_token;
	bool has_address_error; /* of a dual allocation: one family is missing */
	uint8_t address_error_family;
	uint16_t address_error_code;
	slice address_error_reason;
	uint32_t change_request; /* STUN_CHANGE_ bits */

	/* Offsets in raw of the attribute's header, for the checks in stun/auth.h. */
	bool has_integrity, has_integrity_sha256, has_fingerprint;
	size_t integrity_at, integrity_sha256_at, fingerprint_at;
	slice integrity, integrity_sha256; /* the values */
	uint32_t fingerprint;

	/* Comprehension-required attributes that we do not know: a request with any is answered 420 (RFC 8489 6.3.1), a
	 * response with any is a failed transaction (6.3.3), an indication is dropped (6.3.2). */
	size_t unknown_count; /* may exceed STUN_UNKNOWN_MAX; the first ones are in unknown */
	uint16_t unknown[STUN_UNKNOWN_MAX];
} stun_message;

/* Could this datagram be STUN? First byte 0 to 3 (RFC 7983 7), the cookie, and a length that is a multiple of 4 and the
 * datagram's. Cheap, for telling protocols apart on one port; says nothing of the attributes. */
bool stun_is_message(slice datagram);

/* The header alone, for who only has to pass a message on. False: not stun_is_message. */
typedef struct {
	stun_class class;
	uint16_t method; /* a stun_method, or any other */
	stun_id id;
} stun_header;

bool stun_read_header(slice datagram, stun_header *h);

/*
 * Decodes all of in, which is one whole message. 0, or PARLEY_EPROTO: not STUN, an attribute past the end, a known
 * attribute of the wrong form, or anything after FINGERPRINT (RFC 8489 14.7). *m is then not to be used.
 * What follows MESSAGE-INTEGRITY is ignored, as no one vouches for it: except MESSAGE-INTEGRITY-SHA256 and FINGERPRINT
 * (RFC 8489 14.5, 14.6).
 */
int stun_parse(slice in, stun_message *m);

/* An error that asks for (other) credentials: 401 or 438. Its integrity does not count: most often there is none, as
 * server and client share no key yet, and if there is one it may be of a former key (RFC 8489 9.2.4, 9.2.5). */
bool stun_is_challenge(const stun_message *m);
/* Of PASSWORD-ALGORITHMS SHA-256 where it is offered (RFC 8656 6; RFC 8489 9.2.5 would take the server's first), else MD5.
 * False: neither. */
bool stun_choose_algorithm(const stun_message *m, uint16_t *algorithm);

/* The one walker of attributes. */
typedef struct {
	uint16_t type;
	slice value; /* without padding */
	size_t at;   /* offset of the attribute's header in the reader's input */
} stun_attribute;

/* From MESSAGE-INTEGRITY or MESSAGE-INTEGRITY-SHA256 on nobody vouches for what a walk finds. */
static inline bool stun_is_integrity(uint16_t type)
{
	return type == STUN_ATTR_MESSAGE_INTEGRITY || type == STUN_ATTR_MESSAGE_INTEGRITY_SHA256;
}

/* A reader of a message, placed behind its header. */
reader stun_attributes(slice message);
/* Takes the next attribute. False at the end, and then r->bad tells whether the end came within an attribute. */
bool stun_next_attribute(reader *r, stun_attribute *a);
/* An address attribute's value (RFC 8489 14.1, 14.2). False: malformed. id is needed for the XOR of IPv6; NULL: no
 * XOR. */
bool stun_decode_address(slice value, const stun_id *id, parley_addr *out);
/* XORs port and ip as RFC 8489 14.2 says: its own inverse. */
void stun_xor_address(parley_addr *a, const stun_id *id);

#endif
