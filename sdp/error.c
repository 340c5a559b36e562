/* The one sentence that says what is wrong with a description. */
#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"
#include "sdp/internal.h"

int sdp_fail(sdp_error *error, int code, unsigned line, const char *format, ...)
{
	if (!error)
		return code;
	error->line = line;
	text t = text_of(error->text, sizeof error->text);
	if (line)
		text_printf(&t, "line %u: ", line);
	va_list args;
	va_start(args, format);
	vsnprintf(t.out + t.len, t.capacity - t.len, format, args);
	va_end(args);
	for (char *c = error->text; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return code;
}
