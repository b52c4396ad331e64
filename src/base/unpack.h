/* unpack.h — arrays of numbers of 0, 1, 2, 4 or 8 little-endian bytes to 64-bit words: what lists and columns are read by. */
#ifndef SB_UNPACK_H
#define SB_UNPACK_H

#include <stddef.h>
#include <stdint.h>

/* out[i] = base + the i-th number of width bytes at in, wrapped; width 0: all are base. The arrays do not overlap. */
void sb_unpack(const uint8_t *in, uint64_t base, size_t count, unsigned width, uint64_t *out);
/* The same without instructions that not every processor has. */
void sb_unpack_portable(const uint8_t *in, uint64_t base, size_t count, unsigned width,
                        uint64_t *out);

#endif
