/*
 * signaling/json.h: JSON (RFC 8259) read strictly into a bounded document, and written with all escaping done.
 *
 * Reading is jsmn's, which is lax by design; what it found is then checked against the grammar, so that only JSON passes:
 * UTF-8 must be valid, control characters escaped, one value and nothing after it. The root must be an object or an array.
 *
 * A document borrows its text: the text must outlive it. A json_value is a position in a document and needs no freeing.
 * "Missing" is a value too (json_is(v, JSON_MISSING)): accessors of a missing or wrongly typed value give missing or false,
 * so that a path can be followed first and checked once.
 */
#ifndef PARLEY_SIGNALING_JSON_H
#define PARLEY_SIGNALING_JSON_H

#include "base/buf.h"

#define JSON_TEXT_MAX (1024u * 1024u) /* bytes of one document */
#define JSON_TOKENS_MAX 8192u	      /* values and names of one document: a hostile "[[[[" buys no more than this */
#define JSON_DEPTH_MAX 32u	      /* nesting */

typedef enum { JSON_MISSING, JSON_NULL, JSON_BOOLEAN, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT } json_type;

/* Private to json.c. */
typedef struct {
	json_type type;
	uint32_t start, end; /* of the text; a string's quotes included */
	uint32_t count;	     /* elements, or members */
	uint32_t next;	     /* the token after this one and all inside it */
} json_token;

typedef struct {
	slice text;
	json_token *tokens;
	size_t count;
} json_document;

typedef struct {
	const json_document *document; /* NULL: missing */
	size_t token;
} json_value;

/* PARLEY_EPROTO: not JSON; PARLEY_ELIMIT: past a limit above; PARLEY_ENOMEM. On an error there is nothing to clear. */
int json_parse(json_document *doc, slice in);
void json_clear(json_document *doc); /* harmless on {0} and when repeated */

json_value json_root(const json_document *doc);
json_type json_type_of(json_value v);
bool json_is(json_value v, json_type type);
size_t json_count(json_value v);			/* elements or members; 0 for anything else */
json_value json_member(json_value v, const char *name); /* the last of that name, as JavaScript has it */
json_value json_element(json_value v, size_t index);
slice json_raw(json_value v); /* its source text; empty when missing */

/* Append a string's characters as UTF-8, escapes decoded; a lone surrogate becomes U+FFFD. PARLEY_EINVAL: not a string. */
int json_string(json_value v, buf *out);
/* The same into memory of the caller, NUL-terminated. False: not a string, does not fit, or holds U+0000. */
bool json_copy(json_value v, char *out, size_t capacity);
bool json_equals(json_value v, const char *wanted); /* a string of exactly this text */
bool json_boolean(json_value v, bool *out);
/* A number that is an integer of digits only, or a sign and digits, in range. */
bool json_integer(json_value v, int64_t min, int64_t max, int64_t *out);

/* Writing: append to out; the first failure (of buf) sticks in error, later calls then do nothing. Check it once. */
typedef struct {
	buf *out;
	int error;
} json_writer;

json_writer json_writer_of(buf *out);
void json_write_raw(json_writer *w, const char *punctuation); /* copied as it is */
void json_write_value(json_writer *w, slice json);	      /* JSON already: copied as it is */
void json_write_string(json_writer *w, slice s);	      /* quoted and escaped; invalid bytes become U+FFFD */
void json_write_text(json_writer *w, const char *s);	      /* the same of a C string */
void json_write_integer(json_writer *w, int64_t value);

#endif
