#include "stun/print.h"

#include "base/addr.h"
#include "base/hash.h"
#include "stun/attributes.h"

#define TEXT_SHOWN_MAX 64u /* bytes of a text attribute: a trace line is short */

const char *stun_class_name(stun_class class)
{
	switch (class) {
	case STUN_REQUEST:
		return "request";
	case STUN_INDICATION:
		return "indication";
	case STUN_SUCCESS:
		return "success";
	case STUN_ERROR:
		return "error";
	}
	return "?";
}

const char *stun_method_name(uint16_t method)
{
	switch (method) {
	case STUN_BINDING:
		return "Binding";
	case STUN_ALLOCATE:
		return "Allocate";
	case STUN_REFRESH:
		return "Refresh";
	case STUN_SEND:
		return "Send";
	case STUN_DATA:
		return "Data";
	case STUN_CREATE_PERMISSION:
		return "CreatePermission";
	case STUN_CHANNEL_BIND:
		return "ChannelBind";
	default:
		return "unknown method";
	}
}

const char *stun_attribute_name(uint16_t type)
{
	const stun_rule *rule = stun_rule_of(type);
	return rule ? rule->name : NULL;
}

const char *stun_error_phrase(unsigned code)
{
	static const struct {
		unsigned code;
		const char *phrase;
	} PHRASES[] = {
		{STUN_TRY_ALTERNATE, "Try Alternate"},
		{STUN_BAD_REQUEST, "Bad Request"},
		{STUN_UNAUTHENTICATED, "Unauthenticated"},
		{STUN_FORBIDDEN, "Forbidden"},
		{STUN_UNKNOWN_ATTRIBUTE, "Unknown Attribute"},
		{STUN_ALLOCATION_MISMATCH, "Allocation Mismatch"},
		{STUN_STALE_NONCE, "Stale Nonce"},
		{STUN_FAMILY_NOT_SUPPORTED, "Address Family not Supported"},
		{STUN_WRONG_CREDENTIALS, "Wrong Credentials"},
		{STUN_UNSUPPORTED_TRANSPORT, "Unsupported Transport Protocol"},
		{STUN_PEER_FAMILY_MISMATCH, "Peer Address Family Mismatch"},
		{STUN_ALLOCATION_QUOTA_REACHED, "Allocation Quota Reached"},
		{STUN_ROLE_CONFLICT, "Role Conflict"},
		{STUN_SERVER_ERROR, "Server Error"},
		{STUN_INSUFFICIENT_CAPACITY, "Insufficient Capacity"},
	};
	for (size_t i = 0; i < sizeof PHRASES / sizeof *PHRASES; i++)
		if (PHRASES[i].code == code)
			return PHRASES[i].phrase;
	return "Error";
}

/* What a stranger wrote, made harmless for a terminal. */
static void print_quoted(slice s, text *t)
{
	text_char(t, '"');
	for (size_t i = 0; i < s.len && i < TEXT_SHOWN_MAX; i++)
		text_char(t, s.data[i] >= ' ' && s.data[i] < 0x7f && s.data[i] != '"' ? (char)s.data[i] : '.');
	text_string(t, s.len > TEXT_SHOWN_MAX ? "...\"" : "\"");
}

static void print_value(const stun_rule *rule, const stun_message *m, text *t)
{
	const void *place = (const char *)m + rule->value;
	char address[ADDR_TEXT_MAX];
	switch (rule->form) {
	case FORM_IGNORED:
	case FORM_FLAG:
	case FORM_INTEGRITY:
	case FORM_FINGERPRINT:
		break;
	case FORM_BYTES:
		text_printf(t, "=(%zu bytes)", ((const slice *)place)->len);
		break;
	case FORM_TEXT:
		text_char(t, '=');
		print_quoted(*(const slice *)place, t);
		break;
	case FORM_U8:
		text_printf(t, "=%u", *(const uint8_t *)place);
		break;
	case FORM_U16:
		text_printf(t, "=0x%x", *(const uint16_t *)place);
		break;
	case FORM_U32:
		text_printf(t, "=%u", *(const uint32_t *)place);
		break;
	case FORM_U64:
		text_printf(t, "=%016llx", (unsigned long long)*(const uint64_t *)place);
		break;
	case FORM_ADDRESS:
	case FORM_XOR_ADDRESS:
		text_printf(t, "=%s", addr_print(place, address));
		break;
	case FORM_ERROR:
		text_printf(t, "=%u ", rule->type == STUN_ATTR_ERROR_CODE ? m->error_code : m->address_error_code);
		print_quoted(rule->type == STUN_ATTR_ERROR_CODE ? m->error_reason : m->address_error_reason, t);
		break;
	}
}

static void print_attribute(const stun_attribute *a, const stun_message *m, text *t)
{
	const stun_rule *rule = stun_rule_of(a->type);
	text_char(t, ' ');
	if (!rule) {
		text_printf(t, "0x%04x=(%zu bytes)", a->type, a->value.len);
		return;
	}
	text_string(t, rule->name);
	if (rule->form != FORM_IGNORED && *(const bool *)((const char *)m + rule->flag))
		print_value(rule, m, t);
}

void stun_print(const stun_message *m, text *t)
{
	char id[2 * STUN_ID_SIZE + 1];
	hex_encode(slice_of(m->id.bytes, STUN_ID_SIZE), id);
	text_printf(t, "%s %s %s", stun_method_name(m->method), stun_class_name(m->class), id);
	reader r = stun_attributes(m->raw);
	for (stun_attribute a; stun_next_attribute(&r, &a);)
		print_attribute(&a, m, t);
}
