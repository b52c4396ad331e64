/* crc32c.h — CRC-32C (Castagnoli, reflected polynomial 0x82F63B78), as iSCSI (RFC 3720) has it.
 * Uses the SSE4.2 or ARMv8 instruction when the machine has it, a slicing table otherwise; which
 * one is found per call by a cheap test, both give the same result. */
#ifndef SB_CRC32C_H
#define SB_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Continue a checksum: crc is 0 to start, or the result so far. */
uint32_t sb_crc32c(uint32_t crc, const void *data, size_t bytes);
/* The table version, for tests and machines without the instruction. */
uint32_t sb_crc32c_portable(uint32_t crc, const void *data, size_t bytes);

#endif
