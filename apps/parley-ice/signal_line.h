/*
 * apps/parley-ice/signal_line.h: what the two sides tell each other, as lines of text that can be copied from one terminal to another.
 *
 *   offer:BASE64, answer:BASE64   a description, its SDP in Base64
 *   candidate:...                 a candidate (RFC 8839 5.1)
 *   end-of-candidates             there are no more (RFC 8840 8.2)
 */
#ifndef PARLEY_APPS_ICE_SIGNAL_LINE_H
#define PARLEY_APPS_ICE_SIGNAL_LINE_H

#include "base/bytes.h"
#include "parley/parley.h"

#define SIGNAL_END "end-of-candidates"

typedef enum { SIGNAL_OTHER, SIGNAL_DESCRIPTION, SIGNAL_CANDIDATE } signal_kind;

typedef struct {
	signal_kind kind;     /* OTHER: the line is none of these */
	parley_sdp_type type; /* DESCRIPTION: offer or answer */
	char *text;	      /* the SDP; the candidate, "" at the end of them. The caller frees it; NULL with OTHER */
} signal_message;

/* malloc'ed; NULL: out of memory. */
char *signal_print_description(parley_sdp_type type, const char *sdp);
/* Spaces around it are no part of it. PARLEY_ENOMEM. */
int signal_parse(slice line, signal_message *out);

#endif
