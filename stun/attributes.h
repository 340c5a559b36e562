/*
 * stun/attributes.h: private to stun/: numbers of the wire, and the table of the attributes that we know: name, form,
 * and where in stun_message the value goes. Decoding and printing both follow it.
 */
#ifndef PARLEY_STUN_ATTRIBUTES_H
#define PARLEY_STUN_ATTRIBUTES_H

#include "stun/message.h"

#define STUN_LENGTH_AT 2u /* offsets in the header */
#define STUN_ID_AT 8u
#define STUN_ATTRIBUTE_HEADER_SIZE 4u
#define STUN_FINGERPRINT_XOR 0x5354554eu /* RFC 8489 14.7 */

typedef enum {
	FORM_IGNORED,	  /* known by name only: of RFC 3489, or nothing a client needs */
	FORM_FLAG,	  /* no value */
	FORM_BYTES,	  /* slice */
	FORM_TEXT,	  /* slice, printable */
	FORM_U8,	  /* uint8_t, the rest is reserved */
	FORM_U16,	  /* uint16_t, the rest is reserved or parameters */
	FORM_U32,	  /* uint32_t */
	FORM_U64,	  /* uint64_t */
	FORM_ADDRESS,	  /* parley_addr */
	FORM_XOR_ADDRESS, /* parley_addr */
	FORM_ERROR,	  /* error_code and error_reason; or those of ADDRESS-ERROR-CODE and the family */
	FORM_INTEGRITY,	  /* slice of the value; its offset is noted too */
	FORM_FINGERPRINT, /* the same, a uint32_t */
} stun_form;

typedef struct {
	uint16_t type;
	uint16_t min, max; /* length of the value, bytes */
	stun_form form;
	uint16_t flag;	/* offset of the has_ flag in stun_message; 0 for FORM_IGNORED */
	uint16_t value; /* offset of the value; 0 where the form has none, or always the same */
	const char *name;
} stun_rule;

/* NULL: an attribute that we do not know. */
const stun_rule *stun_rule_of(uint16_t type);

#endif
