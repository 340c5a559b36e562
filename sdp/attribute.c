/* The a= lines that are typed; each handler gets what follows the colon. All others are kept word for word. */
#include <string.h>

#include "base/text.h"
#include "sdp/internal.h"

#define ATTRIBUTE_COUNT(table) (sizeof(table) / sizeof *(table))

static sdp_transport *transport_in(sdp_parser *p)
{
	return p->media ? &p->media->transport : &p->session->transport;
}

static int keep_verbatim(sdp_parser *p)
{
	return sdp_push_slice(p->session, p->media ? &p->media->attributes : &p->session->attributes, p->attribute);
}

/* RFC 8866 9: token-char. */
bool sdp_is_token(slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.data[i] <= ' ' || s.data[i] >= 0x7f || strchr("\"(),/:;<=>?@[\\]", (char)s.data[i]))
			return false;
	return s.len > 0;
}

static bool parse_direction_word(slice word, sdp_direction *out)
{
	for (sdp_direction d = SDP_INACTIVE; d <= SDP_SENDRECV; d++) {
		if (slice_equal_string(word, sdp_direction_name(d))) {
			*out = d;
			return true;
		}
	}
	return false;
}

/* --- transport --- */

static int parse_setup(sdp_parser *p, slice value)
{
	sdp_transport *t = transport_in(p);
	if (t->setup)
		return SDP_REFUSE(p, "a second a=setup");
	for (sdp_setup s = SDP_SETUP_ACTPASS; s <= SDP_SETUP_HOLDCONN; s++)
		if (slice_equal_string(value, sdp_setup_name(s)))
			t->setup = s;
	return t->setup ? 0 : SDP_REFUSE(p, "a=setup:%.*s is unknown", SDP_WORD(value));
}

static bool is_hex_digit(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

/* RFC 8122 5: 2UHEX *(":" 2UHEX); small letters occur. */
static bool is_fingerprint_value(slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (i % 3 == 2 ? s.data[i] != ':' : !is_hex_digit(s.data[i]))
			return false;
	return s.len % 3 == 2;
}

static int parse_fingerprint(sdp_parser *p, slice value)
{
	sdp_transport *t = transport_in(p);
	slice w[2];
	if (!sdp_split(value, w, 2) || !is_fingerprint_value(w[1]))
		return SDP_REFUSE(p, "a=fingerprint is not \"hash XX:XX:...\"");
	sdp_fingerprint *f = SDP_PUSH(p->session, t->fingerprints, t->fingerprint_count);
	if (!f)
		return PARLEY_ENOMEM;
	*f = (sdp_fingerprint){w[0], w[1]};
	return 0;
}

/* --- session --- */

static int parse_group(sdp_parser *p, slice value)
{
	sdp_session *s = p->session;
	slice mid;
	sdp_group *g = SDP_PUSH(s, s->groups, s->group_count);
	if (!g)
		return PARLEY_ENOMEM;
	if (!scan_token(&value, ' ', &g->semantics) || !sdp_is_token(g->semantics))
		return SDP_REFUSE(p, "a=group has no semantics");
	int err = 0;
	while (!err && scan_token(&value, ' ', &mid))
		err = sdp_is_token(mid) ? sdp_push_slice(s, &g->mids, mid) : SDP_REFUSE(p, "a=group has a wrong mid");
	return err;
}

/* --- RTP --- */

/* Takes the payload type and the space behind it off value. *codec is NULL when the m= line does not list it. */
static int take_payload_type(sdp_parser *p, slice *value, sdp_codec **codec)
{
	slice word = {0};
	uint32_t payload_type;
	scan_token(value, ' ', &word);
	if (!scan_u32(word, 127, &payload_type))
		return SDP_REFUSE(p, "\"%.*s\" is not a payload type (0 to 127)", SDP_WORD(word));
	*codec = sdp_find_codec(p->media, payload_type);
	return 0;
}

static int parse_rtpmap(sdp_parser *p, slice value)
{
	sdp_codec *codec, parsed = {0};
	slice rate = {0};
	if (!p->media->rtp)
		return keep_verbatim(p);
	int err = take_payload_type(p, &value, &codec);
	if (err)
		return err;
	scan_token(&value, '/', &parsed.name);
	scan_token(&value, '/', &rate);
	if (!sdp_is_token(parsed.name) || !scan_u32(rate, UINT32_MAX, &parsed.clock_rate) || parsed.clock_rate == 0)
		return SDP_REFUSE(p, "a=rtpmap is not \"type name/rate\"");
	if (value.len && (!scan_u32(value, UINT32_MAX, &parsed.channels) || parsed.channels == 0))
		return SDP_REFUSE(p, "a=rtpmap has a wrong number of channels");
	if (!codec)
		return keep_verbatim(p);
	if (codec->has_rtpmap)
		return SDP_REFUSE(p, "a second a=rtpmap:%u", codec->payload_type);
	codec->has_rtpmap = true;
	codec->name = parsed.name;
	codec->clock_rate = parsed.clock_rate;
	codec->channels = parsed.channels;
	return 0;
}

static int parse_fmtp(sdp_parser *p, slice value)
{
	sdp_codec *codec;
	if (!p->media->rtp)
		return keep_verbatim(p);
	int err = take_payload_type(p, &value, &codec);
	if (err)
		return err;
	if (!codec || codec->fmtp.len || value.len == 0)
		return keep_verbatim(p);
	codec->fmtp = value;
	return 0;
}

static int parse_rtcp_fb(sdp_parser *p, slice value)
{
	sdp_codec *codec;
	sdp_slices *list = &p->media->rtcp_fb_any;
	if (!p->media->rtp)
		return keep_verbatim(p);
	if (value.len > 2 && memcmp(value.data, "* ", 2) == 0)
		return sdp_push_slice(p->session, list, slice_part(value, 2, value.len));
	int err = take_payload_type(p, &value, &codec);
	if (err)
		return err;
	if (value.len == 0)
		return SDP_REFUSE(p, "a=rtcp-fb says nothing");
	return codec ? sdp_push_slice(p->session, &codec->rtcp_fb, value) : keep_verbatim(p);
}

static int parse_extmap(sdp_parser *p, slice value)
{
	sdp_media *m = p->media;
	sdp_extmap parsed = {0};
	slice first = {0}, id = {0};
	uint32_t number;
	scan_token(&value, ' ', &first);
	bool slash = memchr(first.data ? first.data : (const uint8_t *)"", '/', first.len) != NULL;
	scan_token(&first, '/', &id);
	if (!scan_u32(id, 4351, &number) || number == 0 || (number > 255 && number < 4096))
		return SDP_REFUSE(p, "\"%.*s\" is not the id of a header extension", SDP_WORD(id));
	parsed.id = (uint16_t)number;
	parsed.has_direction = slash;
	if (slash && !parse_direction_word(first, &parsed.direction))
		return SDP_REFUSE(p, "a=extmap has the direction \"%.*s\"", SDP_WORD(first));
	scan_token(&value, ' ', &parsed.uri);
	parsed.attributes = value;
	if (parsed.uri.len == 0)
		return SDP_REFUSE(p, "a=extmap has no URI");
	sdp_extmap *e = SDP_PUSH(p->session, m->extmaps, m->extmap_count);
	if (!e)
		return PARLEY_ENOMEM;
	*e = parsed;
	return 0;
}

static int parse_ssrc(sdp_parser *p, slice value)
{
	sdp_media *m = p->media;
	sdp_ssrc parsed = {0};
	slice id = {0};
	scan_token(&value, ' ', &id);
	if (!scan_u32(id, UINT32_MAX, &parsed.ssrc))
		return SDP_REFUSE(p, "\"%.*s\" is not an SSRC", SDP_WORD(id));
	parsed.has_value = value.len && memchr(value.data, ':', value.len);
	scan_token(&value, ':', &parsed.attribute);
	parsed.value = value;
	if (!sdp_is_token(parsed.attribute))
		return SDP_REFUSE(p, "a=ssrc has no attribute");
	sdp_ssrc *s = SDP_PUSH(p->session, m->ssrcs, m->ssrc_count);
	if (!s)
		return PARLEY_ENOMEM;
	*s = parsed;
	return 0;
}

static int parse_ssrc_group(sdp_parser *p, slice value)
{
	sdp_media *m = p->media;
	slice word;
	sdp_ssrc_group *g = SDP_PUSH(p->session, m->ssrc_groups, m->ssrc_group_count);
	if (!g)
		return PARLEY_ENOMEM;
	if (!scan_token(&value, ' ', &g->semantics) || !sdp_is_token(g->semantics))
		return SDP_REFUSE(p, "a=ssrc-group has no semantics");
	while (scan_token(&value, ' ', &word)) {
		uint32_t *ssrc = SDP_PUSH(p->session, g->ssrcs, g->count);
		if (!ssrc)
			return PARLEY_ENOMEM;
		if (!scan_u32(word, UINT32_MAX, ssrc))
			return SDP_REFUSE(p, "\"%.*s\" is not an SSRC", SDP_WORD(word));
	}
	return 0;
}

static int parse_msid(sdp_parser *p, slice value)
{
	sdp_media *m = p->media;
	sdp_msid parsed = {0};
	scan_token(&value, ' ', &parsed.stream);
	parsed.track = value;
	if (parsed.stream.len == 0)
		return SDP_REFUSE(p, "a=msid has no id");
	sdp_msid *msid = SDP_PUSH(p->session, m->msids, m->msid_count);
	if (!msid)
		return PARLEY_ENOMEM;
	*msid = parsed;
	return 0;
}

static bool parse_send_or_recv(slice word, sdp_direction *out)
{
	*out = slice_equal_string(word, "send") ? SDP_SENDONLY : SDP_RECVONLY;
	return *out == SDP_SENDONLY || slice_equal_string(word, "recv");
}

static int parse_rid(sdp_parser *p, slice value)
{
	sdp_media *m = p->media;
	sdp_rid parsed = {0};
	slice direction = {0};
	scan_token(&value, ' ', &parsed.id);
	scan_token(&value, ' ', &direction);
	parsed.restrictions = value;
	if (!sdp_is_token(parsed.id) || !parse_send_or_recv(direction, &parsed.direction))
		return SDP_REFUSE(p, "a=rid is not \"id send\" or \"id recv\"");
	sdp_rid *rid = SDP_PUSH(p->session, m->rids, m->rid_count);
	if (!rid)
		return PARLEY_ENOMEM;
	*rid = parsed;
	return 0;
}

/* RFC 8853 5.1: streams by ';', alternatives of each by ','. */
static int parse_simulcast_list(sdp_parser *p, slice in, sdp_simulcast_list *list)
{
	slice stream, rid;
	while (scan_token(&in, ';', &stream)) {
		if (stream.len == 0)
			return SDP_REFUSE(p, "a=simulcast has an empty stream");
		for (bool alternative = false; scan_token(&stream, ',', &rid); alternative = true) {
			bool paused = rid.len && rid.data[0] == '~';
			slice id = slice_part(rid, paused, rid.len);
			if (!sdp_is_token(id))
				return SDP_REFUSE(p, "a=simulcast has a wrong rid");
			sdp_simulcast_rid *r = SDP_PUSH(p->session, list->items, list->count);
			if (!r)
				return PARLEY_ENOMEM;
			*r = (sdp_simulcast_rid){id, paused, alternative};
		}
	}
	return 0;
}

static int parse_simulcast(sdp_parser *p, slice value)
{
	sdp_media *m = p->media;
	slice word, streams;
	int err = 0;
	if (m->simulcast_send.count || m->simulcast_recv.count)
		return SDP_REFUSE(p, "a second a=simulcast");
	while (!err && scan_token(&value, ' ', &word)) {
		sdp_direction direction;
		bool known = parse_send_or_recv(word, &direction);
		sdp_simulcast_list *list = direction == SDP_SENDONLY ? &m->simulcast_send : &m->simulcast_recv;
		if (!known || list->count || !scan_token(&value, ' ', &streams) || streams.len == 0)
			return SDP_REFUSE(p, "a=simulcast is not \"send rids\", \"recv rids\" or both");
		err = parse_simulcast_list(p, streams, list);
	}
	if (!err && !m->simulcast_send.count && !m->simulcast_recv.count)
		return SDP_REFUSE(p, "a=simulcast says nothing");
	return err;
}

/* --- others of a section --- */

static int parse_candidate(sdp_parser *p, slice value)
{
	(void)value; /* a candidate is kept with its name, as ICE writes it everywhere */
	if (p->media->candidates.count == SDP_CANDIDATES_MAX)
		return sdp_fail(p->error, PARLEY_ELIMIT, p->line, "more than %u candidates", SDP_CANDIDATES_MAX);
	return sdp_push_slice(p->session, &p->media->candidates, p->attribute);
}

static int parse_sctp_port(sdp_parser *p, slice value)
{
	uint32_t port;
	if (p->media->has_sctp_port)
		return SDP_REFUSE(p, "a second a=sctp-port");
	if (!scan_u32(value, 65535, &port))
		return SDP_REFUSE(p, "a=sctp-port is not a number from 0 to 65535");
	p->media->has_sctp_port = true;
	p->media->sctp_port = (uint16_t)port;
	return 0;
}

static int parse_max_message_size(sdp_parser *p, slice value)
{
	if (p->media->has_max_message_size)
		return SDP_REFUSE(p, "a second a=max-message-size");
	if (!scan_u64(value, UINT64_MAX, &p->media->max_message_size))
		return SDP_REFUSE(p, "a=max-message-size is not a number of 64 bits");
	p->media->has_max_message_size = true;
	return 0;
}

static int parse_max_datagram(sdp_parser *p, slice value)
{
	if (p->media->max_datagram)
		return SDP_REFUSE(p, "a second a=x-parley-max-datagram");
	if (!scan_u32(value, UINT16_MAX, &p->media->max_datagram) || !p->media->max_datagram)
		return SDP_REFUSE(p, "a=x-parley-max-datagram is not a number from 1 to 65535");
	return 0;
}

/* RFC 8839 5.5: 1*10DIGIT */
static int parse_ice_pacing(sdp_parser *p, slice value)
{
	if (p->session->has_ice_pacing)
		return SDP_REFUSE(p, "a second a=ice-pacing");
	p->session->has_ice_pacing = scan_u32(value, UINT32_MAX, &p->session->ice_pacing);
	return p->session->has_ice_pacing ? 0 : SDP_REFUSE(p, "a=ice-pacing is not a number");
}

/* --- the tables --- */

static const struct {
	const char *name;
	int (*parse)(sdp_parser *p, slice value);
} media_attributes[] = {
	{"candidate", parse_candidate},
	{"extmap", parse_extmap},
	{"fmtp", parse_fmtp},
	{"max-message-size", parse_max_message_size},
	{"msid", parse_msid},
	{"rid", parse_rid},
	{"rtcp-fb", parse_rtcp_fb},
	{"rtpmap", parse_rtpmap},
	{"sctp-port", parse_sctp_port},
	{"simulcast", parse_simulcast},
	{"ssrc", parse_ssrc},
	{"ssrc-group", parse_ssrc_group},
	{"x-parley-max-datagram", parse_max_datagram},
};

/* Attributes that are only a name. NULL: not one of them at this level. */
static bool *flag_named(sdp_parser *p, slice name)
{
	sdp_media *m = p->media;
	const struct {
		const char *name;
		bool *flag;
	} flags[] = {
		{"ice-lite", m ? NULL : &p->session->ice_lite},
		{"extmap-allow-mixed", m ? &m->extmap_allow_mixed : &p->session->extmap_allow_mixed},
		{"rtcp-mux", m ? &m->rtcp_mux : NULL},
		{"rtcp-mux-only", m ? &m->rtcp_mux_only : NULL},
		{"rtcp-rsize", m ? &m->rtcp_rsize : NULL},
		{"bundle-only", m ? &m->bundle_only : NULL},
		{"end-of-candidates", m ? &m->end_of_candidates : NULL},
	};
	for (size_t i = 0; i < ATTRIBUTE_COUNT(flags); i++)
		if (slice_equal_string(name, flags[i].name))
			return flags[i].flag;
	return NULL;
}

/* Attributes whose value is one text, at most once. NULL: not one of them at this level. */
static slice *text_named(sdp_parser *p, slice name)
{
	sdp_media *m = p->media;
	sdp_transport *t = transport_in(p);
	const struct {
		const char *name;
		slice *value;
	} texts[] = {
		{"ice-ufrag", &t->ufrag}, {"ice-pwd", &t->pwd},	       {"ice-options", &t->ice_options},
		{"tls-id", &t->tls_id},	  {"mid", m ? &m->mid : NULL}, {"sctp-init", m ? &m->sctp_init : NULL},
	};
	for (size_t i = 0; i < ATTRIBUTE_COUNT(texts); i++)
		if (slice_equal_string(name, texts[i].name))
			return texts[i].value;
	return NULL;
}

static int set_text(sdp_parser *p, slice *field, slice name, slice value)
{
	if (field->len)
		return SDP_REFUSE(p, "a second a=%.*s", SDP_WORD(name));
	if (value.len == 0)
		return SDP_REFUSE(p, "a=%.*s has no value", SDP_WORD(name));
	if (p->media && field == &p->media->mid) {
		if (!sdp_is_token(value))
			return SDP_REFUSE(p, "a=mid is not a token");
		if (sdp_find_mid(p->session, value) >= 0)
			return SDP_REFUSE(p, "mid %.*s is used already", SDP_WORD(value));
	}
	*field = value;
	return 0;
}

static int set_direction(sdp_parser *p, sdp_direction direction)
{
	bool *has = p->media ? &p->media->has_direction : &p->session->has_direction;
	sdp_direction *field = p->media ? &p->media->direction : &p->session->direction;
	if (*has && *field != direction)
		return SDP_REFUSE(p, "both a=%s and a=%s", sdp_direction_name(*field), sdp_direction_name(direction));
	*has = true;
	*field = direction;
	return 0;
}

static int parse_name_only(sdp_parser *p, slice name)
{
	sdp_direction direction;
	bool *flag = flag_named(p, name);
	if (parse_direction_word(name, &direction))
		return set_direction(p, direction);
	if (!flag)
		return keep_verbatim(p);
	*flag = true;
	return 0;
}

static int parse_name_and_value(sdp_parser *p, slice name, slice value)
{
	slice *field = text_named(p, name);
	if (field)
		return set_text(p, field, name, value);
	if (slice_equal_string(name, "setup"))
		return parse_setup(p, value);
	if (slice_equal_string(name, "fingerprint"))
		return parse_fingerprint(p, value);
	if (!p->media && slice_equal_string(name, "group"))
		return parse_group(p, value);
	if (!p->media)
		return slice_equal_string(name, "ice-pacing") ? parse_ice_pacing(p, value) : keep_verbatim(p);
	for (size_t i = 0; i < ATTRIBUTE_COUNT(media_attributes); i++)
		if (slice_equal_string(name, media_attributes[i].name))
			return media_attributes[i].parse(p, value);
	return keep_verbatim(p);
}

int sdp_parse_attribute(sdp_parser *p, slice attribute)
{
	slice value = attribute, name = {0};
	scan_token(&value, ':', &name);
	if (name.len == 0)
		return SDP_REFUSE(p, "a= has no name");
	p->attribute = attribute;
	return name.len < attribute.len ? parse_name_and_value(p, name, value) : parse_name_only(p, name);
}
