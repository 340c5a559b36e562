/*
 * base/crc.h: the two CRCs of the stack: CRC-32 (ISO 3309) for the STUN FINGERPRINT, CRC-32C for SCTP (RFC 9260 appendix A).
 */
#ifndef PARLEY_BASE_CRC_H
#define PARLEY_BASE_CRC_H

#include "base/bytes.h"

uint32_t crc32_ieee(slice s);
uint32_t crc32c(slice s);
uint32_t crc32c_more(uint32_t crc, slice s); /* of all before, whose CRC is crc (0: nothing), followed by s */
/* The same in plain C: what crc32c_more does where the processor has no instruction for it. */
uint32_t crc32c_more_portable(uint32_t crc, slice s);

#endif
