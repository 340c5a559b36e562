/* Text to description: the lines other than a= (RFC 8866 5), one by one. */
#include <string.h>

#include "base/text.h"
#include "sdp/internal.h"

/* RFC 3551 6, tables 4 and 5: what a payload type below 96 means without an rtpmap. */
static const struct {
	uint8_t payload_type;
	const char *name;
	uint32_t clock_rate, channels;
} static_payload_types[] = {
	{0, "PCMU", 8000, 1},	{3, "GSM", 8000, 1},	{4, "G723", 8000, 1},	{5, "DVI4", 8000, 1},
	{6, "DVI4", 16000, 1},	{7, "LPC", 8000, 1},	{8, "PCMA", 8000, 1},	{9, "G722", 8000, 1},
	{10, "L16", 44100, 2},	{11, "L16", 44100, 1},	{12, "QCELP", 8000, 1}, {13, "CN", 8000, 1},
	{14, "MPA", 90000, 0},	{15, "G728", 8000, 1},	{16, "DVI4", 11025, 1}, {17, "DVI4", 22050, 1},
	{18, "G729", 8000, 1},	{25, "CelB", 90000, 0}, {26, "JPEG", 90000, 0}, {28, "nv", 90000, 0},
	{31, "H261", 90000, 0}, {32, "MPV", 90000, 0},	{33, "MP2T", 90000, 0}, {34, "H263", 90000, 0},
};

bool sdp_split(slice in, slice *words, size_t count)
{
	if (in.len && in.data[in.len - 1] == ' ')
		return false;
	for (size_t i = 0; i < count; i++)
		if (!scan_token(&in, ' ', &words[i]) || words[i].len == 0)
			return false;
	return in.len == 0;
}

static int parse_connection(sdp_parser *p, slice value, sdp_connection *out)
{
	slice w[3];
	if (!sdp_split(value, w, 3))
		return SDP_REFUSE(p, "c= is not \"nettype addrtype address\"");
	*out = (sdp_connection){w[0], w[1], w[2]};
	return 0;
}

static int parse_origin(sdp_parser *p, slice value)
{
	sdp_session *s = p->session;
	slice w[6];
	if (!sdp_split(value, w, 6))
		return SDP_REFUSE(p, "o= is not \"username id version nettype addrtype address\"");
	if (!scan_u64(w[1], UINT64_MAX, &s->session_id))
		return SDP_REFUSE(p, "session id \"%.*s\" is not a number of 64 bits", SDP_WORD(w[1]));
	if (!scan_u64(w[2], UINT64_MAX, &s->session_version))
		return SDP_REFUSE(p, "session version \"%.*s\" is not a number of 64 bits", SDP_WORD(w[2]));
	s->username = w[0];
	s->origin = (sdp_connection){w[3], w[4], w[5]};
	return 0;
}

static void name_static_codec(sdp_codec *codec)
{
	for (size_t i = 0; i < sizeof static_payload_types / sizeof *static_payload_types; i++) {
		if (static_payload_types[i].payload_type != codec->payload_type)
			continue;
		codec->name = slice_from_string(static_payload_types[i].name);
		codec->clock_rate = static_payload_types[i].clock_rate;
		codec->channels = static_payload_types[i].channels;
	}
}

static int parse_format(sdp_parser *p, slice format)
{
	sdp_media *m = p->media;
	uint32_t payload_type;
	if (format.len == 0)
		return SDP_REFUSE(p, "m= has an empty format");
	if (!m->rtp)
		return sdp_push_slice(p->session, &m->formats, format);
	if (!scan_u32(format, 127, &payload_type))
		return SDP_REFUSE(p, "\"%.*s\" is not a payload type (0 to 127)", SDP_WORD(format));
	if (sdp_find_codec(m, payload_type))
		return SDP_REFUSE(p, "payload type %u is listed twice", payload_type);
	sdp_codec *codec = SDP_PUSH(p->session, m->codecs, m->codec_count);
	if (!codec)
		return PARLEY_ENOMEM;
	codec->payload_type = (uint8_t)payload_type;
	name_static_codec(codec);
	return 0;
}

static int parse_port(sdp_parser *p, slice text_in)
{
	sdp_media *m = p->media;
	slice port = {0};
	uint32_t number, count = 0;
	scan_token(&text_in, '/', &port);
	if (!scan_u32(port, 65535, &number))
		return SDP_REFUSE(p, "m= has no port from 0 to 65535");
	if (text_in.len && (!scan_u32(text_in, 65535, &count) || count == 0))
		return SDP_REFUSE(p, "m= has a wrong number of ports");
	m->port = (uint16_t)number;
	m->port_count = (uint16_t)count;
	return 0;
}

static sdp_kind kind_of(slice media)
{
	for (sdp_kind k = SDP_AUDIO; k < SDP_OTHER; k++)
		if (slice_equal_string(media, sdp_kind_name(k)))
			return k;
	return SDP_OTHER;
}

static int parse_media(sdp_parser *p, slice value)
{
	sdp_session *s = p->session;
	slice port = {0}, format;
	if (s->media_count == SDP_SECTIONS_MAX)
		return sdp_fail(p->error, PARLEY_ELIMIT, p->line, "more than %u m= lines", SDP_SECTIONS_MAX);
	sdp_media *m = p->media = SDP_PUSH(s, s->media, s->media_count);
	if (!m)
		return PARLEY_ENOMEM;
	if (!scan_token(&value, ' ', &m->media) || m->media.len == 0)
		return SDP_REFUSE(p, "m= has no media type");
	scan_token(&value, ' ', &port);
	int err = parse_port(p, port);
	if (err)
		return err;
	if (!scan_token(&value, ' ', &m->proto) || m->proto.len == 0)
		return SDP_REFUSE(p, "m= has no protocol");
	m->kind = kind_of(m->media);
	m->rtp = memmem(m->proto.data, m->proto.len, "RTP/", 4) != NULL;
	if (value.len == 0)
		return SDP_REFUSE(p, "m= has no format");
	while (!err && scan_token(&value, ' ', &format))
		err = parse_format(p, format);
	return err;
}

static int keep_line(sdp_parser *p, char type, slice value)
{
	sdp_lines *lines = p->media ? &p->media->lines : &p->session->lines;
	sdp_line *line = SDP_PUSH(p->session, lines->items, lines->count);
	if (!line)
		return PARLEY_ENOMEM;
	*line = (sdp_line){type, value};
	return 0;
}

static int parse_line(sdp_parser *p, char type, slice value)
{
	sdp_connection *connection = p->media ? &p->media->connection : &p->session->connection;
	switch (type) {
	case 'a':
		return sdp_parse_attribute(p, value);
	case 'm':
		return parse_media(p, value);
	case 'c':
		return connection->nettype.len ? keep_line(p, type, value) : parse_connection(p, value, connection);
	default:
		break;
	}
	if (!strchr(p->media ? "ibk" : "iuepbtrzk", type))
		return SDP_REFUSE(p, "%c= is not a line of %s", type,
				  p->media ? "a media section" : "the session level");
	return keep_line(p, type, value);
}

/* RFC 8866 5: the first three lines are v=, o=, s=. */
static int parse_first_lines(sdp_parser *p, char type, slice value)
{
	if (type != "vos"[p->line - 1])
		return SDP_REFUSE(p, "not %c=, with which line %u begins", "vos"[p->line - 1], p -> line);
	switch (type) {
	case 'v':
		return slice_equal_string(value, "0") ? 0 : SDP_REFUSE(p, "the version is not 0");
	case 'o':
		return parse_origin(p, value);
	default:
		p->session->name = value;
		return 0;
	}
}

static int parse_raw_line(sdp_parser *p, slice line)
{
	if (memchr(line.data, '\0', line.len) || memchr(line.data, '\r', line.len))
		return SDP_REFUSE(p, "a NUL or CR within the line");
	if (line.len < 2 || line.data[1] != '=')
		return SDP_REFUSE(p, "not of the form x=...");
	char type = (char)line.data[0];
	slice value = slice_part(line, 2, line.len);
	return p->line <= 3 ? parse_first_lines(p, type, value) : parse_line(p, type, value);
}

static bool is_blank(slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.data[i] != '\r' && s.data[i] != '\n')
			return false;
	return true;
}

static int parse_lines(sdp_parser *p, slice in)
{
	int err = 0;
	slice line;
	/* Blank lines are not SDP, but at the end they are a common habit. */
	while (!err && !is_blank(in)) {
		scan_token(&in, '\n', &line);
		p->line++;
		if (line.len && line.data[line.len - 1] == '\r')
			line.len--;
		err = parse_raw_line(p, line);
	}
	return err;
}

static int check_whole(sdp_parser *p)
{
	if (p->line < 3)
		return sdp_fail(p->error, PARLEY_EPROTO, 0, "not a session description: it has %u lines", p->line);
	for (size_t i = 0; i < p->session->lines.count; i++)
		if (p->session->lines.items[i].type == 't')
			return 0;
	return sdp_fail(p->error, PARLEY_EPROTO, 0, "no t= line");
}

int sdp_parse(slice in, sdp_session **out, sdp_error *error)
{
	if (in.len > SDP_TEXT_MAX)
		return sdp_fail(error, PARLEY_ELIMIT, 0, "longer than %u bytes", SDP_TEXT_MAX);
	sdp_parser p = {.session = sdp_new(), .error = error};
	uint8_t *copy = p.session ? sdp_alloc(p.session, in.len) : NULL;
	int err = PARLEY_ENOMEM;
	if (copy) {
		if (in.len)
			memcpy(copy, in.data, in.len);
		err = parse_lines(&p, slice_of(copy, in.len));
	}
	if (!err)
		err = check_whole(&p);
	if (err == PARLEY_ENOMEM)
		sdp_fail(error, err, 0, "out of memory");
	if (err)
		sdp_free(p.session);
	else
		*out = p.session;
	return err;
}
