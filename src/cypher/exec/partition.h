/* partition.h — rows that an operator puts aside, by the hash of their keys, because they do not fit its memory; and their coming back.
 * Rows with the same keys are put aside together and come back in the order in which they went. A partition that does not fit either is
 * divided again, by the next bits of the hash, a bounded number of times.
 *
 *   put aside:  sb_partitions__begin, then values to sb_partitions__stream(hash), any number of rows
 *   read back:  sb_partitions__next while there is one; its rows from sb_partitions__reader, some of which may be put aside again
 *
 * After Goetz Graefe, "Query evaluation techniques for large databases", ACM Computing Surveys 25 (1993), hybrid hashing. */
#ifndef SB_CYPHER_PARTITION_H
#define SB_CYPHER_PARTITION_H

#include "cypher/exec/spill.h"

#define SB_PARTITION_BITS  4u
#define SB_PARTITION_COUNT (1u << SB_PARTITION_BITS)
/* A hash has so many levels of bits above those that tables of groups find their entries by. */
#define SB_PARTITION_LEVELS 8u
/* Streams of a partition: a join has its inner side and its input, others one. */
#define SB_PARTITION_SIDES 2u

typedef struct sb_partition_level sb_partition_level;

typedef struct sb_partitions {
    sb_operator *op;
    sb_partition_level *writing; /* owned; NULL: nothing is being put aside */
    sb_partition_level *open;    /* owned: levels with partitions left to read, the finest first */
    uint32_t depth; /* divisions behind the rows that are being read: 0: the operator's input */
    sb_spill_reader reader;
} sb_partitions;

void sb_partitions__open(sb_operator *op, sb_partitions *p);
void sb_partitions__clear(sb_partitions *p); /* drop all; accepts a zeroed one. Also the close */
SB_INLINE bool sb_partitions__is_writing(const sb_partitions *p)
{
    return p->writing != NULL;
}
/* Are there rows aside, or partitions being read? */
SB_INLINE bool sb_partitions__any(const sb_partitions *p)
{
    return p->writing != NULL || p->open != NULL;
}
/* Can the rows being read be divided once more? */
SB_INLINE bool sb_partitions__divides(const sb_partitions *p)
{
    return p->depth < SB_PARTITION_LEVELS;
}
/* From now on rows can be put aside. */
SB_MUST_CHECK sb_status sb_partitions__begin(sb_partitions *p);
/* Memory that writing takes, from its beginning on, beyond what is held. */
size_t sb_partitions__growth(const sb_partitions *p);
/* Where a row with this hash goes. */
sb_spill_stream *sb_partitions__stream(const sb_partitions *p, uint32_t side, uint64_t hash);
/* One side has all its rows: gives back the memory of its streams. */
SB_MUST_CHECK sb_status sb_partitions__flush(sb_partitions *p, uint32_t side);
/* All rows that were read have been dealt with, and what was put aside is complete: on to the next partition that has rows. */
SB_MUST_CHECK sb_status sb_partitions__next(sb_partitions *p, bool *more);
/* Rows of the partition at hand, from the first. Valid until the next call of this or of next. */
sb_spill_reader *sb_partitions__reader(sb_partitions *p, uint32_t side);
bool sb_partitions__side_is_empty(const sb_partitions *p, uint32_t side);

#endif
