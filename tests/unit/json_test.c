/* signaling/json.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "parley/types.h"
#include "signaling/json.h"
#include "tests/support/failmalloc.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static int parse(json_document *doc, const char *s)
{
	return json_parse(doc, slice_from_string(s));
}

static void json_and_nothing_else_is_accepted(void **state)
{
	(void)state;
	static const char *const good[] = {
		"{}",
		"[]",
		" [ ] ",
		"[1,2]",
		"{\"a\":{\"b\":[null,true,false]}}",
		"[-0,0.5,1e9,1E+2,-1.25e-7]",
		"[\"\\u00e9\\n\\/\"]",
		"[\"\xc3\xa9\xf0\x9f\x98\x80\"]",
		"\t{\r\n\"a\" : 1 }\n",
		"{\"\":0}",
		"[[[[[[]]]]]]",
		"[\"\x7f\"]",
	};
	static const char *const bad[] = {
		"",
		" ",
		"1",
		"\"a\"",
		"null",
		"{",
		"[",
		"]",
		"}",
		"[1,]",
		"[,1]",
		"[1 2]",
		"[1,,2]",
		"{\"a\"}",
		"{\"a\":}",
		"{\"a\":1,}",
		"{1:2}",
		"{\"a\":1 \"b\":2}",
		"{\"a\" \"b\"}",
		"{\"a\":1:2}",
		"[01]",
		"[1.]",
		"[.5]",
		"[+1]",
		"[1e]",
		"[0x10]",
		"[-]",
		"[tru]",
		"[nulll]",
		"[True]",
		"[nan]",
		"[\"\\x\"]",
		"[\"\\u12\"]",
		"[\"\\u12g4\"]",
		"[\"a]",
		"[\"a\nb\"]",
		"[\"\x01\"]",
		"[\"\xff\"]",
		"[\"\xc0\xaf\"]",
		"[\"\xed\xa0\x80\"]",
		"[\"\xe2\x82\"]",
		"[1]]",
		"[1}",
		"{\"a\":1]",
		"[1][2]",
		"[1] x",
		"{}{}",
		"[a]",
		"{a:1}",
		"{'a':1}",
		"[1]//",
		"[\"a\":1]",
		"{\"a\",\"b\"}",
		"{[]:1}",
		"[\"a\" : 1]",
		"{\"a\":1,\"b\"}",
	};
	json_document doc;
	for (size_t i = 0; i < COUNT(good); i++) {
		if (parse(&doc, good[i]))
			fail_msg("refused: %s", good[i]);
		json_clear(&doc);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		if (parse(&doc, bad[i]) != PARLEY_EPROTO)
			fail_msg("accepted: %s", bad[i]);
	assert_int_equal(json_parse(&doc, slice_of("[1]\0", 4)), PARLEY_EPROTO);
	assert_int_equal(json_parse(&doc, slice_of("[\"a\0b\"]", 7)), PARLEY_EPROTO);
}

static void nesting_and_size_are_limited(void **state)
{
	(void)state;
	json_document doc;
	char deep[200] = "";
	for (size_t i = 0; i < JSON_DEPTH_MAX; i++)
		strcat(deep, "[");
	for (size_t i = 0; i < JSON_DEPTH_MAX; i++)
		strcat(deep, "]");
	assert_int_equal(parse(&doc, deep), 0);
	json_clear(&doc);
	char deeper[202];
	snprintf(deeper, sizeof deeper, "[%s]", deep);
	assert_int_equal(parse(&doc, deeper), PARLEY_EPROTO);
	size_t many = JSON_TOKENS_MAX + 1;
	char *wide = malloc(2 * many);
	assert_non_null(wide);
	for (size_t i = 0; i < many; i++)
		memcpy(wide + 2 * i, i ? ",1" : "[1", 2);
	wide[2 * many - 1] = ']';
	assert_int_equal(json_parse(&doc, slice_of(wide, 2 * many)), PARLEY_ELIMIT);
	memset(wide, '[', 2 * many);
	assert_int_equal(json_parse(&doc, slice_of(wide, 2 * many)), PARLEY_ELIMIT);
	free(wide);
}

static void strings_are_decoded_to_utf8(void **state)
{
	(void)state;
	static const struct {
		const char *json, *text;
	} cases[] = {
		{"[\"\"]", ""},
		{"[\"a\\\"\\\\\\/\\b\\f\\n\\r\\tz\"]", "a\"\\/\b\f\n\r\tz"},
		{"[\"\\u0041\\u00e9\\u20AC\"]", "A\xc3\xa9\xe2\x82\xac"},
		{"[\"\\ud83d\\uDE00\"]", "\xf0\x9f\x98\x80"},
		{"[\"\\ud83d\"]", UTF8_REPLACEMENT},
		{"[\"\\ud83dx\"]", UTF8_REPLACEMENT "x"},
		{"[\"\\ud83d\\u0041\"]", UTF8_REPLACEMENT "A"},
		{"[\"\\ude00\\ud83d\"]", UTF8_REPLACEMENT UTF8_REPLACEMENT},
		{"[\"\\ud83d\\n\"]", UTF8_REPLACEMENT "\n"},
		{"[\"\\u002B\\u003C\\u0022\"]", "+<\""},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		json_document doc;
		char copied[64];
		buf out = {.limit = 64};
		assert_int_equal(parse(&doc, cases[i].json), 0);
		json_value v = json_element(json_root(&doc), 0);
		assert_int_equal(json_string(v, &out), 0);
		assert_true(slice_equal_string(buf_slice(&out), cases[i].text));
		assert_true(json_copy(v, copied, sizeof copied));
		assert_string_equal(copied, cases[i].text);
		assert_true(json_equals(v, cases[i].text));
		assert_false(json_equals(v, "something else"));
		buf_clear(&out);
		json_clear(&doc);
	}
}

static void copies_refuse_what_does_not_fit_a_c_string(void **state)
{
	(void)state;
	json_document doc;
	char out[4];
	assert_int_equal(parse(&doc, "[\"abc\",\"abcd\",\"a\\u0000\",5]"), 0);
	json_value root = json_root(&doc);
	assert_true(json_copy(json_element(root, 0), out, sizeof out));
	for (size_t i = 1; i < 5; i++)
		assert_false(json_copy(json_element(root, i), out, sizeof out));
	json_clear(&doc);
}

static void values_are_found_by_name_and_index(void **state)
{
	(void)state;
	json_document doc;
	assert_int_equal(parse(&doc, "{\"a\":[1,{\"x\":[2,3]},4],\"b\":\"s\",\"\\u0063\":true,\"b\":\"t\"}"), 0);
	json_value root = json_root(&doc), a = json_member(root, "a");
	assert_int_equal(json_count(root), 4);
	assert_int_equal(json_count(a), 3);
	assert_true(slice_equal_string(json_raw(json_element(a, 1)), "{\"x\":[2,3]}"));
	assert_true(slice_equal_string(json_raw(json_element(a, 2)), "4"));
	assert_true(json_equals(json_member(root, "b"), "t"));
	bool flag = false;
	assert_true(json_boolean(json_member(root, "c"), &flag));
	assert_true(flag);
	assert_true(json_is(json_member(a, "x"), JSON_MISSING));
	assert_true(json_is(json_element(a, 3), JSON_MISSING));
	assert_true(json_is(json_member(json_member(json_member(root, "no"), "such"), "path"), JSON_MISSING));
	json_clear(&doc);
}

static void integers_are_exact(void **state)
{
	(void)state;
	json_document doc;
	int64_t v;
	assert_int_equal(parse(&doc, "[0,-7,9223372036854775807,9223372036854775808,1.0,1e3,300,\"5\"]"), 0);
	json_value root = json_root(&doc);
	static const bool is_integer[] = {true, true, true, false, false, false, true, false};
	for (size_t i = 0; i < COUNT(is_integer); i++)
		assert_int_equal(json_integer(json_element(root, i), INT64_MIN, INT64_MAX, &v), is_integer[i]);
	assert_false(json_integer(json_element(root, 6), 0, 255, &v));
	assert_true(json_integer(json_element(root, 1), -10, 10, &v));
	assert_int_equal(v, -7);
	json_clear(&doc);
}

static void what_is_written_reads_back(void **state)
{
	(void)state;
	static const char raw[] = "q\" b\\ c\x01\n\t\x7f \xc3\xa9 \xff\xfe <\xf0\x9f\x98\x80> \xed\xa0\x80.";
	buf out = {.limit = 4096};
	json_writer w = json_writer_of(&out);
	json_write_raw(&w, "[");
	json_write_string(&w, slice_of(raw, sizeof raw)); /* with its NUL */
	json_write_raw(&w, ",");
	json_write_integer(&w, -42);
	json_write_raw(&w, "]");
	assert_int_equal(w.error, 0);
	assert_true(utf8_valid(buf_slice(&out)));
	json_document doc;
	buf back = {.limit = 4096};
	assert_int_equal(json_parse(&doc, buf_slice(&out)), 0);
	assert_int_equal(json_string(json_element(json_root(&doc), 0), &back), 0);
	static const char expected[] = "q\" b\\ c\x01\n\t\x7f \xc3\xa9 " UTF8_REPLACEMENT UTF8_REPLACEMENT
				       " <\xf0\x9f\x98\x80> " UTF8_REPLACEMENT UTF8_REPLACEMENT UTF8_REPLACEMENT ".";
	assert_true(slice_equal(buf_slice(&back), slice_of(expected, sizeof expected)));
	json_clear(&doc);
	buf_clear(&back);
	buf_clear(&out);
}

static void a_full_buf_sticks_in_the_writer(void **state)
{
	(void)state;
	buf out = {.limit = 4};
	json_writer w = json_writer_of(&out);
	json_write_text(&w, "abcdef");
	json_write_raw(&w, "x");
	assert_int_equal(w.error, PARLEY_ELIMIT);
	buf_clear(&out);
}

static void parse_once(void *context)
{
	(void)context;
	json_document doc;
	if (parse(&doc, "{\"a\":[1,2,{\"b\":\"c\"}]}") == 0)
		json_clear(&doc);
}

static void parsing_survives_failing_allocations(void **state)
{
	(void)state;
	failmalloc_loop(parse_once, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_and_nothing_else_is_accepted),
		cmocka_unit_test(nesting_and_size_are_limited),
		cmocka_unit_test(strings_are_decoded_to_utf8),
		cmocka_unit_test(copies_refuse_what_does_not_fit_a_c_string),
		cmocka_unit_test(values_are_found_by_name_and_index),
		cmocka_unit_test(integers_are_exact),
		cmocka_unit_test(what_is_written_reads_back),
		cmocka_unit_test(a_full_buf_sticks_in_the_writer),
		cmocka_unit_test(parsing_survives_failing_allocations),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
