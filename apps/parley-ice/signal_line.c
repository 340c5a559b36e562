#include "apps/parley-ice/signal_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define CANDIDATE "candidate:"

char *signal_print_description(parley_sdp_type type, const char *sdp)
{
	size_t len = strlen(sdp), size = BASE64_SIZE(len) + 16;
	char *line = malloc(size);
	if (!line)
		return NULL;
	int at = snprintf(line, size, "%s:", parley_sdp_type_name(type));
	base64_encode(slice_of(sdp, len), line + at);
	return line;
}

static slice trim(slice s)
{
	static const char spaces[] = " \t\r\n";
	while (s.len && strchr(spaces, s.data[0]))
		s = slice_part(s, 1, s.len);
	while (s.len && strchr(spaces, s.data[s.len - 1]))
		s.len--;
	return s;
}

static bool starts_with(slice s, const char *prefix)
{
	return slice_equal_string(slice_part(s, 0, strlen(prefix)), prefix);
}

static int take_description(slice base64, parley_sdp_type type, signal_message *out)
{
	size_t len;
	char *text = malloc(base64.len + 1);
	if (!text)
		return PARLEY_ENOMEM;
	if (base64_decode(base64, (uint8_t *)text, base64.len, &len) || memchr(text, '\0', len)) {
		free(text);
		return 0;
	}
	text[len] = '\0';
	*out = (signal_message){.kind = SIGNAL_DESCRIPTION, .type = type, .text = text};
	return 0;
}

static int take_candidate(slice line, signal_message *out)
{
	char *text = malloc(line.len + 1);
	if (!text)
		return PARLEY_ENOMEM;
	if (line.len)
		memcpy(text, line.data, line.len);
	text[line.len] = '\0';
	*out = (signal_message){.kind = SIGNAL_CANDIDATE, .text = text};
	return 0;
}

int signal_parse(slice line, signal_message *out)
{
	*out = (signal_message){.kind = SIGNAL_OTHER};
	line = trim(line);
	for (parley_sdp_type type = PARLEY_SDP_OFFER; type <= PARLEY_SDP_ANSWER; type++) {
		const char *name = parley_sdp_type_name(type);
		size_t n = strlen(name);
		if (type != PARLEY_SDP_PRANSWER && starts_with(line, name) && line.len > n && line.data[n] == ':')
			return take_description(slice_part(line, n + 1, line.len), type, out);
	}
	if (slice_equal_string(line, SIGNAL_END))
		return take_candidate(slice_of(NULL, 0), out);
	return starts_with(line, CANDIDATE) ? take_candidate(line, out) : 0;
}
