/* extremes.h — the least and the greatest of many words, which decide how narrow a column can be. */
#ifndef SB_EXTREMES_H
#define SB_EXTREMES_H

#include <stddef.h>
#include <stdint.h>

/* *min and *max widened to what words[i] ^ bias reach, compared without sign. */
void sb_extremes(const uint64_t *words, size_t count, uint64_t bias, uint64_t *min, uint64_t *max);
/* The same without instructions that not every processor has. */
void sb_extremes_portable(const uint64_t *words, size_t count, uint64_t bias, uint64_t *min,
                          uint64_t *max);

#endif
