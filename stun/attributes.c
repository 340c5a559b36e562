#include "stun/attributes.h"

#include <stddef.h>

#define AT(member) ((uint16_t)offsetof(stun_message, member))
#define RULE(type, min, max, form, member, name)                                            \
	{                                                                                   \
		STUN_ATTR_##type, min, max, FORM_##form, AT(has_##member), AT(member), name \
	}
#define RULE_NO_VALUE(type, min, max, form, member, name)                          \
	{                                                                          \
		STUN_ATTR_##type, min, max, FORM_##form, AT(has_##member), 0, name \
	}
#define RULE_IGNORED(number, name)                              \
	{                                                       \
		number, 0, UINT16_MAX, FORM_IGNORED, 0, 0, name \
	}

#define ADDRESS_MIN 8u
#define ADDRESS_MAX 20u
#define USERNAME_MAX 513u /* RFC 8489 14.3: fewer than 509 bytes, but 513 in RFC 5389 */

/* Ascending by type, for the search. */
static const stun_rule RULES[] = {
	RULE(MAPPED_ADDRESS, ADDRESS_MIN, ADDRESS_MAX, ADDRESS, mapped_address, "MAPPED-ADDRESS"),
	RULE_IGNORED(0x0002, "RESPONSE-ADDRESS"),
	RULE(CHANGE_REQUEST, 4, 4, U32, change_request, "CHANGE-REQUEST"),
	RULE_IGNORED(0x0004, "SOURCE-ADDRESS"), /* servers of RFC 3489 and 5780 alike still send these two */
	RULE_IGNORED(0x0005, "CHANGED-ADDRESS"),
	RULE(USERNAME, 0, USERNAME_MAX, TEXT, username, "USERNAME"),
	RULE(MESSAGE_INTEGRITY, 20, 20, INTEGRITY, integrity, "MESSAGE-INTEGRITY"),
	RULE_NO_VALUE(ERROR_CODE, 4, 4 + STUN_QUOTED_MAX, ERROR, error, "ERROR-CODE"),
	RULE(UNKNOWN_ATTRIBUTES, 0, UINT16_MAX, BYTES, unknown_attributes, "UNKNOWN-ATTRIBUTES"),
	RULE(CHANNEL_NUMBER, 4, 4, U16, channel_number, "CHANNEL-NUMBER"),
	RULE(LIFETIME, 4, 4, U32, lifetime, "LIFETIME"),
	RULE(XOR_PEER_ADDRESS, ADDRESS_MIN, ADDRESS_MAX, XOR_ADDRESS, peer_address, "XOR-PEER-ADDRESS"),
	RULE(DATA, 0, UINT16_MAX, BYTES, data, "DATA"),
	RULE(REALM, 0, STUN_QUOTED_MAX, TEXT, realm, "REALM"),
	RULE(NONCE, 0, STUN_QUOTED_MAX, BYTES, nonce, "NONCE"),
	RULE(XOR_RELAYED_ADDRESS, ADDRESS_MIN, ADDRESS_MAX, XOR_ADDRESS, relayed_address, "XOR-RELAYED-ADDRESS"),
	RULE(REQUESTED_ADDRESS_FAMILY, 4, 4, U8, requested_family, "REQUESTED-ADDRESS-FAMILY"),
	RULE(EVEN_PORT, 1, 1, U8, even_port, "EVEN-PORT"),
	RULE(REQUESTED_TRANSPORT, 4, 4, U8, requested_transport, "REQUESTED-TRANSPORT"),
	RULE_NO_VALUE(DONT_FRAGMENT, 0, 0, FLAG, dont_fragment, "DONT-FRAGMENT"),
	RULE(MESSAGE_INTEGRITY_SHA256, 16, 32, INTEGRITY, integrity_sha256, "MESSAGE-INTEGRITY-SHA256"),
	RULE(PASSWORD_ALGORITHM, 4, UINT16_MAX, U16, password_algorithm, "PASSWORD-ALGORITHM"),
	RULE(USERHASH, 32, 32, BYTES, userhash, "USERHASH"),
	RULE(XOR_MAPPED_ADDRESS, ADDRESS_MIN, ADDRESS_MAX, XOR_ADDRESS, xor_mapped_address, "XOR-MAPPED-ADDRESS"),
	RULE(RESERVATION_TOKEN, 8, 8, U64, reservation_token, "RESERVATION-TOKEN"),
	RULE(PRIORITY, 4, 4, U32, priority, "PRIORITY"),
	RULE_NO_VALUE(USE_CANDIDATE, 0, 0, FLAG, use_candidate, "USE-CANDIDATE"),
	RULE(ADDITIONAL_ADDRESS_FAMILY, 4, 4, U8, additional_family, "ADDITIONAL-ADDRESS-FAMILY"),
	RULE_NO_VALUE(ADDRESS_ERROR_CODE, 4, 4 + STUN_QUOTED_MAX, ERROR, address_error, "ADDRESS-ERROR-CODE"),
	RULE(PASSWORD_ALGORITHMS, 0, UINT16_MAX, BYTES, password_algorithms, "PASSWORD-ALGORITHMS"),
	RULE(ALTERNATE_DOMAIN, 0, UINT16_MAX, TEXT, alternate_domain, "ALTERNATE-DOMAIN"),
	RULE_IGNORED(0x8004, "ICMP"),
	RULE(SOFTWARE, 0, UINT16_MAX, TEXT, software, "SOFTWARE"), /* informative: no reason to refuse a long one */
	RULE(ALTERNATE_SERVER, ADDRESS_MIN, ADDRESS_MAX, ADDRESS, alternate_server, "ALTERNATE-SERVER"),
	RULE(FINGERPRINT, 4, 4, FINGERPRINT, fingerprint, "FINGERPRINT"),
	RULE(ICE_CONTROLLED, 8, 8, U64, ice_controlled, "ICE-CONTROLLED"),
	RULE(ICE_CONTROLLING, 8, 8, U64, ice_controlling, "ICE-CONTROLLING"),
	RULE(RESPONSE_ORIGIN, ADDRESS_MIN, ADDRESS_MAX, ADDRESS, response_origin, "RESPONSE-ORIGIN"),
	RULE(OTHER_ADDRESS, ADDRESS_MIN, ADDRESS_MAX, ADDRESS, other_address, "OTHER-ADDRESS"),
	RULE(ADDITIONAL_ADDRESS_FAMILY_DRAFT, 4, 4, U8, additional_family, "ADDITIONAL-ADDRESS-FAMILY (draft)"),
	RULE_NO_VALUE(ADDRESS_ERROR_CODE_DRAFT, 4, 4 + STUN_QUOTED_MAX, ERROR, address_error,
		      "ADDRESS-ERROR-CODE (draft)"),
	RULE(NOMINATION, 4, 4, U32, nomination, "NOMINATION"),
	RULE_IGNORED(0xC057, "GOOG-NETWORK-INFO"),
	RULE(DTLS_PIECE, 0, UINT16_MAX, BYTES, dtls_piece, "META-DTLS-IN-STUN"),
	RULE(DTLS_ACK, 0, UINT16_MAX, BYTES, dtls_ack, "META-DTLS-IN-STUN-ACK"),
};

const stun_rule *stun_rule_of(uint16_t type)
{
	size_t low = 0, high = sizeof RULES / sizeof *RULES;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (RULES[middle].type == type)
			return &RULES[middle];
		if (RULES[middle].type < type)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}
