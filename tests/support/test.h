/* tests/support/test.h: cmocka with the headers it wants before it. Include this first, not <cmocka.h>. */
#ifndef PARLEY_TESTS_TEST_H
#define PARLEY_TESTS_TEST_H

/* The order matters to cmocka. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof *(a))

#endif
