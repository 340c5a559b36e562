/* Description to text, in one canonical order (RFC 8866 5 for the lines, attributes much as Chromium writes them). */
#include <string.h>

#include "sdp/internal.h"

/* The output with its first error, which sticks. */
typedef struct {
	buf *out;
	int error;
} printer;

/* For "%.*s". */
#define TEXT(s) (int)(s).len, (s).len ? (const char *)(s).data : ""

#define PRINT(p, ...)                                                   \
	do {                                                            \
		if (!(p)->error)                                        \
			(p)->error = buf_printf((p)->out, __VA_ARGS__); \
	} while (0)

static void print_text(printer *p, const char *before, slice value)
{
	if (value.len)
		PRINT(p, "%s%.*s\r\n", before, TEXT(value));
}

static void print_flag(printer *p, bool flag, const char *name)
{
	if (flag)
		PRINT(p, "a=%s\r\n", name);
}

static void print_each(printer *p, const char *before, const sdp_slices *list)
{
	for (size_t i = 0; i < list->count; i++)
		PRINT(p, "%s%.*s\r\n", before, TEXT(list->items[i]));
}

/* The kept lines of these types, in the order they came. */
static void print_lines(printer *p, const sdp_lines *lines, const char *types)
{
	for (size_t i = 0; i < lines->count; i++)
		if (strchr(types, lines->items[i].type))
			PRINT(p, "%c=%.*s\r\n", lines->items[i].type, TEXT(lines->items[i].value));
}

static void print_connection(printer *p, const sdp_connection *c, const sdp_lines *lines)
{
	if (c->nettype.len)
		PRINT(p, "c=%.*s %.*s %.*s\r\n", TEXT(c->nettype), TEXT(c->addrtype), TEXT(c->address));
	print_lines(p, lines, "c");
}

static void print_direction(printer *p, bool has_direction, sdp_direction direction)
{
	if (has_direction)
		print_flag(p, true, sdp_direction_name(direction));
}

static void print_transport(printer *p, const sdp_transport *t)
{
	print_text(p, "a=ice-ufrag:", t->ufrag);
	print_text(p, "a=ice-pwd:", t->pwd);
	print_text(p, "a=ice-options:", t->ice_options);
	for (size_t i = 0; i < t->fingerprint_count; i++)
		PRINT(p, "a=fingerprint:%.*s %.*s\r\n", TEXT(t->fingerprints[i].algorithm),
		      TEXT(t->fingerprints[i].value));
	if (t->setup)
		PRINT(p, "a=setup:%s\r\n", sdp_setup_name(t->setup));
	print_text(p, "a=tls-id:", t->tls_id);
}

static void print_session_level(printer *p, const sdp_session *s)
{
	PRINT(p, "v=0\r\no=%.*s %llu %llu %.*s %.*s %.*s\r\ns=%.*s\r\n", TEXT(s->username),
	      (unsigned long long)s->session_id, (unsigned long long)s->session_version, TEXT(s->origin.nettype),
	      TEXT(s->origin.addrtype), TEXT(s->origin.address), TEXT(s->name));
	print_lines(p, &s->lines, "i");
	print_lines(p, &s->lines, "u");
	print_lines(p, &s->lines, "e");
	print_lines(p, &s->lines, "p");
	print_connection(p, &s->connection, &s->lines);
	print_lines(p, &s->lines, "b");
	print_lines(p, &s->lines, "trz"); /* together: an r= belongs to the t= before it */
	print_lines(p, &s->lines, "k");
	for (size_t i = 0; i < s->group_count; i++) {
		PRINT(p, "a=group:%.*s", TEXT(s->groups[i].semantics));
		for (size_t k = 0; k < s->groups[i].mids.count; k++)
			PRINT(p, " %.*s", TEXT(s->groups[i].mids.items[k]));
		PRINT(p, "\r\n");
	}
	print_flag(p, s->ice_lite, "ice-lite");
	if (s->has_ice_pacing)
		PRINT(p, "a=ice-pacing:%u\r\n", s->ice_pacing);
	print_flag(p, s->extmap_allow_mixed, "extmap-allow-mixed");
	print_transport(p, &s->transport);
	print_direction(p, s->has_direction, s->direction);
	print_each(p, "a=", &s->attributes);
}

static void print_media_line(printer *p, const sdp_media *m)
{
	PRINT(p, "m=%.*s %u", TEXT(m->media), m->port);
	if (m->port_count)
		PRINT(p, "/%u", m->port_count);
	PRINT(p, " %.*s", TEXT(m->proto));
	for (size_t i = 0; i < m->codec_count; i++)
		PRINT(p, " %u", m->codecs[i].payload_type);
	for (size_t i = 0; i < m->formats.count; i++)
		PRINT(p, " %.*s", TEXT(m->formats.items[i]));
	PRINT(p, "\r\n");
}

static void print_codec(printer *p, const sdp_codec *c)
{
	if (c->has_rtpmap) {
		PRINT(p, "a=rtpmap:%u %.*s/%u", c->payload_type, TEXT(c->name), c->clock_rate);
		if (c->channels)
			PRINT(p, "/%u", c->channels);
		PRINT(p, "\r\n");
	}
	for (size_t i = 0; i < c->rtcp_fb.count; i++)
		PRINT(p, "a=rtcp-fb:%u %.*s\r\n", c->payload_type, TEXT(c->rtcp_fb.items[i]));
	if (c->fmtp.len)
		PRINT(p, "a=fmtp:%u %.*s\r\n", c->payload_type, TEXT(c->fmtp));
}

static void print_extmap(printer *p, const sdp_extmap *e)
{
	PRINT(p, "a=extmap:%u", e->id);
	if (e->has_direction)
		PRINT(p, "/%s", sdp_direction_name(e->direction));
	PRINT(p, " %.*s", TEXT(e->uri));
	if (e->attributes.len)
		PRINT(p, " %.*s", TEXT(e->attributes));
	PRINT(p, "\r\n");
}

static void print_sources(printer *p, const sdp_media *m)
{
	for (size_t i = 0; i < m->ssrc_group_count; i++) {
		const sdp_ssrc_group *g = &m->ssrc_groups[i];
		PRINT(p, "a=ssrc-group:%.*s", TEXT(g->semantics));
		for (size_t k = 0; k < g->count; k++)
			PRINT(p, " %u", g->ssrcs[k]);
		PRINT(p, "\r\n");
	}
	for (size_t i = 0; i < m->ssrc_count; i++) {
		const sdp_ssrc *s = &m->ssrcs[i];
		PRINT(p, "a=ssrc:%u %.*s%s%.*s\r\n", s->ssrc, TEXT(s->attribute), s->has_value ? ":" : "",
		      TEXT(s->value));
	}
}

static void print_simulcast_list(printer *p, const char *name, const sdp_simulcast_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const sdp_simulcast_rid *r = &list->items[i];
		PRINT(p, "%s%s%.*s", i == 0 ? name : r->alternative ? "," : ";", r->paused ? "~" : "", TEXT(r->rid));
	}
}

static void print_layers(printer *p, const sdp_media *m)
{
	const sdp_simulcast_list *send = &m->simulcast_send, *recv = &m->simulcast_recv;
	for (size_t i = 0; i < m->rid_count; i++) {
		const sdp_rid *r = &m->rids[i];
		PRINT(p, "a=rid:%.*s %s%s%.*s\r\n", TEXT(r->id), r->direction == SDP_SENDONLY ? "send" : "recv",
		      r->restrictions.len ? " " : "", TEXT(r->restrictions));
	}
	if (!send->count && !recv->count)
		return;
	PRINT(p, "a=simulcast:");
	print_simulcast_list(p, "send ", send);
	print_simulcast_list(p, send->count ? " recv " : "recv ", recv);
	PRINT(p, "\r\n");
}

static void print_rtp(printer *p, const sdp_media *m)
{
	print_flag(p, m->extmap_allow_mixed, "extmap-allow-mixed");
	for (size_t i = 0; i < m->extmap_count; i++)
		print_extmap(p, &m->extmaps[i]);
	print_direction(p, m->has_direction, m->direction);
	for (size_t i = 0; i < m->msid_count; i++)
		PRINT(p, "a=msid:%.*s%s%.*s\r\n", TEXT(m->msids[i].stream), m->msids[i].track.len ? " " : "",
		      TEXT(m->msids[i].track));
	print_flag(p, m->rtcp_mux, "rtcp-mux");
	print_flag(p, m->rtcp_mux_only, "rtcp-mux-only");
	print_flag(p, m->rtcp_rsize, "rtcp-rsize");
	for (size_t i = 0; i < m->codec_count; i++)
		print_codec(p, &m->codecs[i]);
	print_each(p, "a=rtcp-fb:* ", &m->rtcp_fb_any);
	print_layers(p, m);
	print_sources(p, m);
}

static void print_data(printer *p, const sdp_media *m)
{
	if (m->has_sctp_port)
		PRINT(p, "a=sctp-port:%u\r\n", m->sctp_port);
	if (m->has_max_message_size)
		PRINT(p, "a=max-message-size:%llu\r\n", (unsigned long long)m->max_message_size);
	print_text(p, "a=sctp-init:", m->sctp_init);
	if (m->max_datagram)
		PRINT(p, "a=x-parley-max-datagram:%u\r\n", m->max_datagram);
}

static void print_media(printer *p, const sdp_media *m)
{
	print_media_line(p, m);
	print_lines(p, &m->lines, "i");
	print_connection(p, &m->connection, &m->lines);
	print_lines(p, &m->lines, "b");
	print_lines(p, &m->lines, "k");
	print_each(p, "a=", &m->candidates);
	print_flag(p, m->end_of_candidates, "end-of-candidates");
	print_transport(p, &m->transport);
	print_text(p, "a=mid:", m->mid);
	print_flag(p, m->bundle_only, "bundle-only");
	print_rtp(p, m);
	print_data(p, m);
	print_each(p, "a=", &m->attributes);
}

int sdp_print(const sdp_session *session, buf *out)
{
	size_t before = out->len;
	printer p = {.out = out};
	print_session_level(&p, session);
	for (size_t i = 0; i < session->media_count; i++)
		print_media(&p, &session->media[i]);
	if (p.error)
		out->len = before;
	return p.error;
}
