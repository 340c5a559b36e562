#include "signaling/json.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define JSMN_STATIC
#define JSMN_STRICT
#define JSMN_PARENT_LINKS /* closing a bracket is then O(1) instead of a search back */
#include <jsmn.h>

#include "base/text.h"
#include "base/utf8.h"
#include "parley/types.h"

/* --- reading --- */

/* Walks what jsmn found, and requires between its tokens exactly the punctuation of the grammar. */
typedef struct {
	slice text;
	const jsmntok_t *found;
	size_t count; /* of found */
	size_t index; /* the next one */
	size_t pos;   /* in text: all before it is checked */
	json_token *out;
} checker;

static bool one_of(uint8_t c, const char *set)
{
	return c && strchr(set, c);
}

static void skip_space(checker *c)
{
	while (c->pos < c->text.len && one_of(c->text.data[c->pos], " \t\r\n"))
		c->pos++;
}

static bool take(checker *c, uint8_t wanted)
{
	skip_space(c);
	if (c->pos >= c->text.len || c->text.data[c->pos] != wanted)
		return false;
	c->pos++;
	return true;
}

static size_t digits(slice s, size_t pos)
{
	size_t n = 0;
	while (pos + n < s.len && s.data[pos + n] >= '0' && s.data[pos + n] <= '9')
		n++;
	return n;
}

/* RFC 8259 6 */
static bool is_number(slice s)
{
	size_t pos = s.len && s.data[0] == '-' ? 1 : 0;
	size_t n = digits(s, pos);
	if (n == 0 || (n > 1 && s.data[pos] == '0'))
		return false;
	pos += n;
	if (pos < s.len && s.data[pos] == '.') {
		n = digits(s, pos + 1);
		if (n == 0)
			return false;
		pos += 1 + n;
	}
	if (pos < s.len && (s.data[pos] | 0x20) == 'e') {
		pos++;
		if (pos < s.len && (s.data[pos] == '+' || s.data[pos] == '-'))
			pos++;
		n = digits(s, pos);
		if (n == 0)
			return false;
		pos += n;
	}
	return pos == s.len;
}

static json_type primitive_type(slice s)
{
	if (slice_equal_string(s, "null"))
		return JSON_NULL;
	if (slice_equal_string(s, "true") || slice_equal_string(s, "false"))
		return JSON_BOOLEAN;
	return is_number(s) ? JSON_NUMBER : JSON_MISSING;
}

static bool hex_digit(uint8_t c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* Between the quotes: valid UTF-8, no bare control characters, whole escapes (RFC 8259 7). */
static bool is_string_content(slice s)
{
	for (size_t pos = 0; pos < s.len;) {
		size_t n = utf8_length(s, pos);
		if (n == 0 || s.data[pos] < 0x20)
			return false;
		if (s.data[pos] == '\\') {
			n = pos + 1 < s.len && s.data[pos + 1] == 'u' ? 6 : 2;
			if (s.len - pos < n || (n == 2 && !one_of(s.data[pos + 1], "\"\\/bfnrt")))
				return false;
			for (size_t i = 2; i < n; i++)
				if (!hex_digit(s.data[pos + i]))
					return false;
		}
		pos += n;
	}
	return true;
}

static bool check_value(checker *c, size_t depth);

static bool check_string(checker *c, json_token *out, const jsmntok_t *token)
{
	slice content = slice_part(c->text, out->start, (size_t)(token->end - token->start));
	if (!take(c, '"') || c->pos != out->start || !is_string_content(content))
		return false;
	c->pos += content.len + 1;
	out->type = JSON_STRING;
	out->start--;
	out->end++;
	return true;
}

static bool check_primitive(checker *c, json_token *out)
{
	skip_space(c);
	out->type = primitive_type(slice_part(c->text, out->start, out->end - out->start));
	if (c->pos != out->start || out->type == JSON_MISSING)
		return false;
	c->pos = out->end;
	return true;
}

static bool next_is(const checker *c, jsmntype_t type)
{
	return c->index < c->count && c->found[c->index].type == type;
}

static bool check_container(checker *c, json_token *out, bool object, size_t depth)
{
	out->type = object ? JSON_OBJECT : JSON_ARRAY;
	if (depth == JSON_DEPTH_MAX || !take(c, object ? '{' : '[') || c->pos != out->start + 1u)
		return false;
	skip_space(c);
	if (c->pos + 1 != out->end) {
		do {
			if (object && !(next_is(c, JSMN_STRING) && check_value(c, depth + 1) && take(c, ':')))
				return false;
			if (!check_value(c, depth + 1))
				return false;
			out->count++;
		} while (take(c, ','));
	}
	return take(c, object ? '}' : ']') && c->pos == out->end;
}

/* One value with all inside it. Recursion ends at JSON_DEPTH_MAX. */
static bool check_value(checker *c, size_t depth)
{
	if (c->index == c->count)
		return false;
	const jsmntok_t *token = &c->found[c->index];
	json_token *out = &c->out[c->index++];
	*out = (json_token){.start = (uint32_t)token->start, .end = (uint32_t)token->end};
	bool good = false;
	switch (token->type) {
	case JSMN_STRING:
		good = check_string(c, out, token);
		break;
	case JSMN_PRIMITIVE:
		good = check_primitive(c, out);
		break;
	case JSMN_OBJECT:
	case JSMN_ARRAY:
		good = check_container(c, out, token->type == JSMN_OBJECT, depth);
		break;
	case JSMN_UNDEFINED:
		break;
	}
	out->next = (uint32_t)c->index;
	return good;
}

static bool check_document(checker *c)
{
	if (!next_is(c, JSMN_OBJECT) && !next_is(c, JSMN_ARRAY))
		return false;
	if (!check_value(c, 0))
		return false;
	skip_space(c);
	return c->index == c->count && c->pos == c->text.len;
}

static int jsmn_run(slice in, jsmntok_t *tokens, size_t count)
{
	jsmn_parser parser;
	jsmn_init(&parser);
	return jsmn_parse(&parser, (const char *)in.data, in.len, tokens, (unsigned)count);
}

static int parse_counted(json_document *doc, slice in, size_t count)
{
	jsmntok_t *found = calloc(count, sizeof *found);
	json_token *tokens = calloc(count, sizeof *tokens);
	int err = found && tokens ? 0 : PARLEY_ENOMEM;
	if (!err) {
		int n = jsmn_run(in, found, count);
		checker c = {.text = in, .found = found, .count = n > 0 ? (size_t)n : 0, .out = tokens};
		err = check_document(&c) ? 0 : PARLEY_EPROTO;
	}
	free(found);
	if (err) {
		free(tokens);
		return err;
	}
	*doc = (json_document){.text = in, .tokens = tokens, .count = count};
	return 0;
}

int json_parse(json_document *doc, slice in)
{
	*doc = (json_document){0};
	if (in.len > JSON_TEXT_MAX)
		return PARLEY_ELIMIT;
	if (in.len == 0)
		return PARLEY_EPROTO;
	int n = jsmn_run(in, NULL, 0); /* only counts */
	if (n <= 0)
		return PARLEY_EPROTO;
	if ((size_t)n > JSON_TOKENS_MAX)
		return PARLEY_ELIMIT;
	return parse_counted(doc, in, (size_t)n);
}

void json_clear(json_document *doc)
{
	free(doc->tokens);
	*doc = (json_document){0};
}

/* --- looking --- */

static const json_token *token_of(json_value v)
{
	static const json_token missing = {.type = JSON_MISSING};
	return v.document ? &v.document->tokens[v.token] : &missing;
}

json_value json_root(const json_document *doc)
{
	return (json_value){.document = doc->count ? doc : NULL};
}

json_type json_type_of(json_value v)
{
	return token_of(v)->type;
}

bool json_is(json_value v, json_type type)
{
	return token_of(v)->type == type;
}

size_t json_count(json_value v)
{
	return token_of(v)->count;
}

json_value json_member(json_value v, const char *name)
{
	json_value result = {0};
	if (!json_is(v, JSON_OBJECT))
		return result;
	json_value key = {v.document, v.token + 1};
	for (size_t n = json_count(v); n > 0; n--) {
		json_value value = {v.document, key.token + 1};
		if (json_equals(key, name))
			result = value;
		key.token = token_of(value)->next;
	}
	return result;
}

json_value json_element(json_value v, size_t index)
{
	if (!json_is(v, JSON_ARRAY) || index >= json_count(v))
		return (json_value){0};
	json_value element = {v.document, v.token + 1};
	for (; index > 0; index--)
		element.token = token_of(element)->next;
	return element;
}

slice json_raw(json_value v)
{
	const json_token *t = token_of(v);
	return v.document ? slice_part(v.document->text, t->start, t->end - t->start) : (slice){0};
}

/* The four hexadecimal digits of an escape, which are known to be such. */
static uint32_t unit_at(slice s, size_t pos)
{
	uint32_t unit = 0;
	for (size_t i = 0; i < 4; i++) {
		uint8_t c = s.data[pos + i];
		unit = unit << 4 | (uint32_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return unit;
}

/* A \uXXXX at pos, with its second half if it is a surrogate pair. */
static uint32_t escaped_unit(slice s, size_t *pos)
{
	uint32_t unit = unit_at(s, *pos + 2);
	*pos += 6;
	if (unit < 0xd800 || unit > 0xdfff)
		return unit;
	if (unit <= 0xdbff && s.len - *pos >= 6 && s.data[*pos] == '\\' && s.data[*pos + 1] == 'u') {
		uint32_t low = unit_at(s, *pos + 2);
		if (low >= 0xdc00 && low <= 0xdfff) {
			*pos += 6;
			return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
		}
	}
	return 0xfffd;
}

/* The next character of a checked string's content, as UTF-8. Returns its length, 0 at the end. */
static size_t next_character(slice s, size_t *pos, uint8_t out[4])
{
	size_t n = utf8_length(s, *pos);
	if (n == 0)
		return 0;
	if (s.data[*pos] != '\\') {
		memcpy(out, s.data + *pos, n);
		*pos += n;
		return n;
	}
	uint8_t kind = s.data[*pos + 1];
	if (kind == 'u')
		return utf8_encode(escaped_unit(s, pos), out);
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	const char *found = strchr(from, kind);
	out[0] = found ? (uint8_t)to[found - from] : kind;
	*pos += 2;
	return 1;
}

static slice string_content(json_value v)
{
	slice raw = json_raw(v);
	return slice_part(raw, 1, raw.len - 2);
}

int json_string(json_value v, buf *out)
{
	if (!json_is(v, JSON_STRING))
		return PARLEY_EINVAL;
	slice content = string_content(v);
	uint8_t character[4];
	size_t pos = 0, n;
	int err = 0;
	while (!err && (n = next_character(content, &pos, character)) > 0)
		err = buf_append(out, slice_of(character, n));
	return err;
}

bool json_copy(json_value v, char *out, size_t capacity)
{
	if (!json_is(v, JSON_STRING))
		return false;
	slice content = string_content(v);
	uint8_t character[4];
	size_t pos = 0, n;
	text t = text_of(out, capacity);
	while ((n = next_character(content, &pos, character)) > 0) {
		if (character[0] == '\0')
			return false;
		text_slice(&t, slice_of(character, n));
	}
	return !t.bad;
}

bool json_equals(json_value v, const char *wanted)
{
	if (!json_is(v, JSON_STRING))
		return false;
	slice content = string_content(v), rest = slice_from_string(wanted);
	uint8_t character[4];
	size_t pos = 0, n;
	while ((n = next_character(content, &pos, character)) > 0) {
		if (rest.len < n || memcmp(rest.data, character, n) != 0)
			return false;
		rest = slice_part(rest, n, rest.len);
	}
	return rest.len == 0;
}

bool json_boolean(json_value v, bool *out)
{
	if (!json_is(v, JSON_BOOLEAN))
		return false;
	*out = slice_equal_string(json_raw(v), "true");
	return true;
}

bool json_integer(json_value v, int64_t min, int64_t max, int64_t *out)
{
	if (!json_is(v, JSON_NUMBER))
		return false;
	slice raw = json_raw(v);
	bool negative = raw.data[0] == '-';
	uint64_t magnitude;
	if (!scan_u64(slice_part(raw, negative, raw.len), INT64_MAX, &magnitude))
		return false;
	int64_t value = negative ? -(int64_t)magnitude : (int64_t)magnitude;
	if (value < min || value > max)
		return false;
	*out = value;
	return true;
}

/* --- writing --- */

json_writer json_writer_of(buf *out)
{
	return (json_writer){.out = out};
}

void json_write_value(json_writer *w, slice json)
{
	if (!w->error)
		w->error = buf_append(w->out, json);
}

void json_write_raw(json_writer *w, const char *punctuation)
{
	json_write_value(w, slice_from_string(punctuation));
}

static void write_escape(json_writer *w, uint8_t c)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *found = c ? strchr(from, c) : NULL;
	if (w->error)
		return;
	if (found)
		w->error = buf_append(w->out, slice_of((char[]){'\\', to[found - from]}, 2));
	else
		w->error = buf_printf(w->out, "\\u%04x", c);
}

static bool needs_escape(uint8_t c)
{
	return c < 0x20 || c == '"' || c == '\\' || c == 0x7f;
}

void json_write_string(json_writer *w, slice s)
{
	json_write_raw(w, "\"");
	for (size_t pos = 0; pos < s.len && !w->error;) {
		/* As much as needs nothing done to it, in one piece. */
		size_t run = 0, n;
		while ((n = utf8_length(s, pos + run)) > 0 && !needs_escape(s.data[pos + run]))
			run += n;
		json_write_value(w, slice_part(s, pos, run));
		pos += run;
		if (pos == s.len)
			break;
		if (n == 0)
			json_write_raw(w, UTF8_REPLACEMENT);
		else
			write_escape(w, s.data[pos]);
		pos++;
	}
	json_write_raw(w, "\"");
}

void json_write_text(json_writer *w, const char *s)
{
	json_write_string(w, slice_from_string(s));
}

void json_write_integer(json_writer *w, int64_t value)
{
	if (!w->error)
		w->error = buf_printf(w->out, "%lld", (long long)value);
}
