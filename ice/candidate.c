#include "ice/candidate.h"

#include <string.h>

#define CANDIDATE_LINE_MAX 2048u /* longer lines are nobody's candidate */
#define COMPONENT_MAX 256u	 /* RFC 8839 5.1: 1*3DIGIT, RFC 8445 5.1.2.1: 1 to 256 */
#define PORT_MAX 65535u

static const char *const type_names[] = {"relay", "srflx", "prflx", "host"};
static const char *const tcptype_names[] = {"", "active", "passive", "so"};

const char *ice_type_name(ice_type type)
{
	return type_names[type];
}

const char *ice_transport_name(const parley_addr *addr)
{
	return addr->transport == PARLEY_TCP ? "tcp" : "udp";
}

static slice trim_end(slice s)
{
	while (s.len && (s.data[s.len - 1] == '\r' || s.data[s.len - 1] == '\n' || s.data[s.len - 1] == ' '))
		s.len--;
	return s;
}

static bool skip_prefix(slice *s, const char *prefix)
{
	slice p = slice_from_string(prefix);
	if (!slice_equal_nocase(slice_part(*s, 0, p.len), p))
		return false;
	*s = slice_part(*s, p.len, s->len);
	return true;
}

/* One word; several spaces between words are forgiven. */
static bool word(slice *s, slice *out)
{
	while (scan_token(s, ' ', out))
		if (out->len)
			return true;
	return false;
}

static bool word_is(slice *s, const char *expected)
{
	slice w;
	return word(s, &w) && slice_equal_nocase(w, slice_from_string(expected));
}

static bool word_number(slice *s, uint32_t max, uint32_t *out)
{
	slice w;
	return word(s, &w) && scan_u32(w, max, out);
}

/* RFC 8839 5.1: ALPHA / DIGIT / "+" / "/" */
static bool is_ice_char(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

/* Copies s if it is 1 to max characters, each an ice-char or one of also. */
static bool copy_chars(slice s, char *out, size_t max, const char *also)
{
	if (s.len == 0 || s.len > max)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!is_ice_char(s.data[i]) && !(s.data[i] && strchr(also, s.data[i])))
			return false;
	memcpy(out, s.data, s.len);
	out[s.len] = '\0';
	return true;
}

static bool parse_address(slice in, uint16_t port, ice_candidate *c)
{
	c->addr = (parley_addr){.port = port};
	if (addr_parse_ip(in, port, &c->addr))
		return true;
	/* Not an address, so it must be able to be a name; one with a colon would be a broken IPv6 address. */
	return copy_chars(in, c->name, ICE_NAME_MAX, ".-_") && !strpbrk(c->name, "+/");
}

/* RFC 8839 5.1: transport is "UDP" or a token; browsers write it in either case. */
static bool parse_transport(slice in, ice_candidate *c)
{
	if (slice_equal_nocase(in, slice_from_string("udp")))
		c->addr.transport = PARLEY_UDP;
	else if (slice_equal_nocase(in, slice_from_string("tcp")))
		c->addr.transport = PARLEY_TCP;
	else
		return false;
	return true;
}

/* The index of in among names, or -1. */
static int name_index(slice in, const char *const *names, int count)
{
	for (int i = 0; i < count; i++)
		if (slice_equal_nocase(in, slice_from_string(names[i])))
			return i;
	return -1;
}

static bool parse_tcptype(slice value, ice_candidate *c)
{
	int i = name_index(value, tcptype_names, 4);
	if (i < 1)
		return false;
	c->tcptype = (ice_tcptype)i;
	return true;
}

static bool parse_number(slice value, bool *has, uint32_t *out)
{
	*has = scan_u32(value, UINT32_MAX, out);
	return *has;
}

/* raddr and rport as they are met; kept only if there are both and raddr is an address. */
typedef struct {
	slice raddr;
	uint32_t rport;
	bool has_raddr, has_rport;
} related;

static bool parse_extension(slice name, slice value, ice_candidate *c, related *r)
{
	if (slice_equal_string(name, "raddr")) {
		r->raddr = value;
		return r->has_raddr = true;
	}
	if (slice_equal_string(name, "rport"))
		return r->has_rport = scan_u32(value, PORT_MAX, &r->rport);
	if (slice_equal_string(name, "tcptype"))
		return parse_tcptype(value, c);
	if (slice_equal_string(name, "ufrag") || slice_equal_string(name, "username"))
		return copy_chars(value, c->ufrag, ICE_UFRAG_MAX, "");
	if (slice_equal_string(name, "generation"))
		return parse_number(value, &c->has_generation, &c->generation);
	if (slice_equal_string(name, "network-id"))
		return parse_number(value, &c->has_network_id, &c->network_id);
	if (slice_equal_string(name, "network-cost"))
		return parse_number(value, &c->has_network_cost, &c->network_cost);
	return true; /* RFC 8839 5.1: unknown ones are ignored */
}

static bool parse_extensions(slice in, ice_candidate *c)
{
	related r = {0};
	slice name, value;
	while (word(&in, &name))
		if (!word(&in, &value) || !parse_extension(name, value, c, &r))
			return false;
	if (r.has_raddr && r.has_rport) {
		c->has_related = addr_parse_ip(r.raddr, (uint16_t)r.rport, &c->related);
		c->related.transport = c->addr.transport;
	}
	/* RFC 6544 4.5: required for TCP. Port 9 means active where an old peer left it out. */
	if (c->addr.transport == PARLEY_UDP)
		c->tcptype = ICE_TCPTYPE_NONE;
	else if (c->tcptype == ICE_TCPTYPE_NONE)
		c->tcptype = c->addr.port == 9 ? ICE_TCPTYPE_ACTIVE : ICE_TCPTYPE_PASSIVE;
	return true;
}

int ice_candidate_parse(slice line, ice_candidate *out)
{
	if (line.len > CANDIDATE_LINE_MAX)
		return PARLEY_EINVAL;
	line = trim_end(line);
	skip_prefix(&line, "a=");
	skip_prefix(&line, "candidate:");
	ice_candidate c = {0};
	slice foundation, transport, address, type;
	uint32_t component, port;
	if (!word(&line, &foundation) || !copy_chars(foundation, c.foundation, ICE_FOUNDATION_MAX, "-_") ||
	    !word_number(&line, COMPONENT_MAX, &component) || component == 0 || !word(&line, &transport) ||
	    !word_number(&line, ICE_PRIORITY_MAX, &c.priority) || !word(&line, &address) ||
	    !word_number(&line, PORT_MAX, &port) || !parse_address(address, (uint16_t)port, &c) ||
	    !word_is(&line, "typ") || !word(&line, &type))
		return PARLEY_EINVAL;
	c.component = (uint16_t)component;
	int type_index = name_index(type, type_names, 4);
	if (!parse_transport(transport, &c) || type_index < 0)
		return PARLEY_EUNSUPPORTED;
	c.type = (ice_type)type_index;
	if (!parse_extensions(line, &c))
		return PARLEY_EINVAL;
	*out = c;
	return 0;
}

void ice_candidate_print(const ice_candidate *c, text *out)
{
	char address[ADDR_TEXT_MAX];
	text_printf(out, "candidate:%s %u %s %u %s %u typ %s", c->foundation, c->component,
		    ice_transport_name(&c->addr), c->priority, c->name[0] ? c->name : addr_print_ip(&c->addr, address),
		    c->addr.port, ice_type_name(c->type));
	if (c->has_related)
		text_printf(out, " raddr %s rport %u", addr_print_ip(&c->related, address), c->related.port);
	if (c->addr.transport == PARLEY_TCP)
		text_printf(out, " tcptype %s", tcptype_names[c->tcptype]);
	if (c->has_generation)
		text_printf(out, " generation %u", c->generation);
	if (c->ufrag[0])
		text_printf(out, " ufrag %s", c->ufrag);
	if (c->has_network_id)
		text_printf(out, " network-id %u", c->network_id);
	if (c->has_network_cost)
		text_printf(out, " network-cost %u", c->network_cost);
}

bool ice_candidate_same(const ice_candidate *a, const ice_candidate *b)
{
	return a->type == b->type && a->tcptype == b->tcptype && a->component == b->component &&
	       addr_equal(&a->addr, &b->addr) &&
	       slice_equal_nocase(slice_from_string(a->name), slice_from_string(b->name));
}

bool ice_candidate_is_mdns(const ice_candidate *c)
{
	slice name = slice_from_string(c->name), suffix = slice_from_string(".local");
	return name.len > suffix.len && slice_equal_nocase(slice_part(name, name.len - suffix.len, suffix.len), suffix);
}

uint32_t ice_priority(unsigned type_preference, uint16_t local_preference, uint16_t component)
{
	return (uint32_t)type_preference << 24 | (uint32_t)local_preference << 8 | (256u - component);
}

uint64_t ice_pair_priority(uint32_t controlling, uint32_t controlled)
{
	uint64_t low = controlling < controlled ? controlling : controlled;
	uint64_t high = controlling < controlled ? controlled : controlling;
	return (low << 32) + 2 * high + (controlling > controlled ? 1 : 0);
}
