/* base/bytes.h, base/serial.h, base/buf.h, base/text.h */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/serial.h"
#include "base/text.h"
#include "parley/types.h"
#include "tests/support/failmalloc.h"

static void numbers_round_trip(void **state)
{
	(void)state;
	uint8_t mem[32];
	writer w = writer_of(mem, sizeof mem);
	write_u8(&w, 0x01);
	write_u16(&w, 0x0203);
	write_u24(&w, 0x040506);
	write_u32(&w, 0x0708090a);
	write_u48(&w, 0x0b0c0d0e0f10);
	write_u64(&w, UINT64_C(0x1112131415161718));
	assert_false(w.bad);
	assert_int_equal(w.len, 24);
	for (size_t i = 0; i < w.len; i++)
		assert_int_equal(mem[i], i + 1);
	reader r = reader_of(writer_slice(&w));
	assert_int_equal(read_u8(&r), 0x01);
	assert_int_equal(read_u16(&r), 0x0203);
	assert_int_equal(read_u24(&r), 0x040506);
	assert_int_equal(read_u32(&r), 0x0708090a);
	assert_int_equal(read_u48(&r), 0x0b0c0d0e0f10);
	assert_int_equal(read_u64(&r), UINT64_C(0x1112131415161718));
	assert_int_equal(reader_left(&r), 0);
	assert_false(r.bad);
}

static void reading_past_the_end_is_sticky_and_gives_zeros(void **state)
{
	(void)state;
	uint8_t mem[3] = {0xff, 0xff, 0xff}, copy[4] = {9, 9, 9, 9};
	reader r = reader_of(slice_of(mem, sizeof mem));
	assert_int_equal(read_u32(&r), 0);
	assert_true(r.bad);
	assert_int_equal(read_u8(&r), 0); /* though a byte is there */
	read_copy(&r, copy, sizeof copy);
	assert_int_equal(copy[0] | copy[3], 0);
	assert_int_equal(read_bytes(&r, 1).len, 0);
}

static void writing_past_the_end_is_sticky(void **state)
{
	(void)state;
	uint8_t mem[4] = {0};
	writer w = writer_of(mem, 3);
	write_u16(&w, 0xaaaa);
	write_u16(&w, 0xbbbb);
	assert_true(w.bad);
	write_u8(&w, 0xcc);
	assert_int_equal(w.len, 2);
	assert_int_equal(mem[2] | mem[3], 0);
	w = writer_of(mem, 4);
	write_u16(&w, 1);
	write_u16_at(&w, 1, 7);
	assert_true(w.bad);
}

static void padding_fills_with_zeros(void **state)
{
	(void)state;
	uint8_t mem[8];
	memset(mem, 0xff, sizeof mem);
	writer w = writer_of(mem, sizeof mem);
	write_u8(&w, 1);
	write_pad(&w, 4);
	write_pad(&w, 4);
	assert_int_equal(w.len, 4);
	assert_int_equal(mem[1] | mem[2] | mem[3], 0);
}

static void serial_numbers_wrap(void **state)
{
	(void)state;
	assert_true(serial32_before(UINT32_MAX, 0));
	assert_false(serial32_before(0, UINT32_MAX));
	assert_false(serial32_before(5, 5));
	assert_true(serial32_before_eq(5, 5));
	assert_true(serial16_before(65535, 2));
	assert_false(serial16_before(2, 65535));
}

static void buf_keeps_its_limit(void **state)
{
	(void)state;
	buf b = {.limit = 10};
	assert_int_equal(buf_append(&b, slice_from_string("12345")), 0);
	assert_int_equal(buf_append(&b, slice_from_string("678901")), PARLEY_ELIMIT);
	assert_int_equal(b.len, 5);
	assert_int_equal(buf_printf(&b, "%s", "67890"), 0);
	assert_int_equal(buf_printf(&b, "x"), PARLEY_ELIMIT);
	assert_true(slice_equal_string(buf_slice(&b), "1234567890"));
	buf_consume(&b, 8);
	assert_true(slice_equal_string(buf_slice(&b), "90"));
	buf_clear(&b);
}

static void grow_a_buf(void *context)
{
	(void)context;
	buf b = {.limit = 4096};
	for (int i = 0; i < 100; i++) {
		size_t before = b.len;
		if (buf_append(&b, slice_from_string("0123456789")))
			assert_int_equal(b.len, before);
	}
	buf_clear(&b);
}

static void buf_survives_failing_allocations(void **state)
{
	(void)state;
	failmalloc_loop(grow_a_buf, NULL);
}

static void text_is_bounded_and_terminated(void **state)
{
	(void)state;
	char out[8];
	text t = text_of(out, sizeof out);
	text_string(&t, "abc");
	text_printf(&t, "%d", 1234);
	assert_false(t.bad);
	assert_string_equal(out, "abc1234");
	text_char(&t, 'x');
	assert_true(t.bad);
	assert_string_equal(out, "abc1234");
}

static void numbers_are_scanned_strictly(void **state)
{
	(void)state;
	uint64_t v = 7;
	const char *const bad[] = {"", " 1", "+1", "-1", "1 ", "0x1", "18446744073709551616", "256", "1a"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(scan_u64(slice_from_string(bad[i]), 255, &v));
	assert_int_equal(v, 7);
	assert_true(scan_u64(slice_from_string("255"), 255, &v));
	assert_int_equal(v, 255);
	assert_true(scan_u64(slice_from_string("18446744073709551615"), UINT64_MAX, &v));
	assert_true(v == UINT64_MAX);
}

static void tokens_split_at_each_separator(void **state)
{
	(void)state;
	slice s = slice_from_string("a  b"), t;
	assert_true(scan_token(&s, ' ', &t) && slice_equal_string(t, "a"));
	assert_true(scan_token(&s, ' ', &t) && t.len == 0);
	assert_true(scan_token(&s, ' ', &t) && slice_equal_string(t, "b"));
	assert_false(scan_token(&s, ' ', &t));
	assert_true(slice_equal_nocase(slice_from_string("TyP"), slice_from_string("tYp")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_round_trip),
		cmocka_unit_test(reading_past_the_end_is_sticky_and_gives_zeros),
		cmocka_unit_test(writing_past_the_end_is_sticky),
		cmocka_unit_test(padding_fills_with_zeros),
		cmocka_unit_test(serial_numbers_wrap),
		cmocka_unit_test(buf_keeps_its_limit),
		cmocka_unit_test(buf_survives_failing_allocations),
		cmocka_unit_test(text_is_bounded_and_terminated),
		cmocka_unit_test(numbers_are_scanned_strictly),
		cmocka_unit_test(tokens_split_at_each_separator),
	};
	return cmocka_run_group_tests_name("base/bytes", tests, NULL, NULL);
}
