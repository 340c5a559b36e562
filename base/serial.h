/*
 * base/serial.h: serial number arithmetic (RFC 1982) for sequence numbers that wrap: TSN, SSN, RTP sequence.
 *
 * a is "before" b if it is up to half the number space behind it.
 */
#ifndef PARLEY_BASE_SERIAL_H
#define PARLEY_BASE_SERIAL_H

#include <stdbool.h>
#include <stdint.h>

static inline bool serial32_before(uint32_t a, uint32_t b)
{
	return a != b && (uint32_t)(b - a) < UINT32_C(0x80000000);
}

static inline bool serial32_before_eq(uint32_t a, uint32_t b)
{
	return (uint32_t)(b - a) < UINT32_C(0x80000000);
}

static inline bool serial16_before(uint16_t a, uint16_t b)
{
	return a != b && (uint16_t)(b - a) < 0x8000u;
}

static inline bool serial16_before_eq(uint16_t a, uint16_t b)
{
	return (uint16_t)(b - a) < 0x8000u;
}

#endif
