/* range_count.h — how many numbers of an array lie in a range: what filters over columns come down to. */
#ifndef SB_RANGE_COUNT_H
#define SB_RANGE_COUNT_H

#include <stddef.h>
#include <stdint.h>

/* Of count little-endian unsigned numbers of width bytes (1, 2, 4 or 8) those in [low, low + span]; low and span fit the width. */
size_t sb_range_count(const uint8_t *in, unsigned width, size_t count, uint64_t low, uint64_t span);

#endif
