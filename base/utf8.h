/*
 * base/utf8.h: UTF-8 (RFC 3629), one character at a time.
 */
#ifndef PARLEY_BASE_UTF8_H
#define PARLEY_BASE_UTF8_H

#include "base/bytes.h"

#define UTF8_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* Bytes (1 to 4) of the valid character at s.data[pos]; 0: there is none, or the bytes are no UTF-8. */
size_t utf8_length(slice s, size_t pos);
bool utf8_valid(slice s);
/* Encode a scalar value (not a surrogate, at most U+10FFFF). Returns the bytes written, 1 to 4. */
size_t utf8_encode(uint32_t character, uint8_t out[4]);

#endif
