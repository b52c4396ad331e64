/* grouping.h — the group of each row of a batch, by keys in columns: for AGGREGATE and DISTINCT. */
#ifndef SB_CYPHER_GROUPING_H
#define SB_CYPHER_GROUPING_H

#include "cypher/exec/table.h"

/* A single key that is a number or an id, and not far from 0, is its own place in an array; else keys are hashed. What is far for a few rows is not
 * for many: then groups move from the table to places. */
typedef struct sb_grouping {
    sb_groups groups;
    uint32_t key_count;
    const sb_vector **keys; /* of the batch */
    sb_val *row;            /* one row's keys */
    bool direct;            /* all keys so far are in places */
    bool mixed;             /* they can not be any more: not of one kind, or they must be hashed */
    uint8_t direct_kind;    /* sb_vector_kind of them, while they are not mixed, */
    uint64_t most;          /* and a number that none of them is above */
    uint32_t *places;       /* group + 1 by key; owned */
    size_t place_count;
    uint64_t rows; /* seen so far */
    uint32_t of[SB_BATCH_ROWS];
    bool made[SB_BATCH_ROWS];
} sb_grouping;

SB_MUST_CHECK sb_status sb_grouping__open(sb_exec *run, uint32_t key_count, sb_grouping *g);
void sb_grouping__close(sb_grouping *g); /* accepts a zeroed one */
void sb_grouping__clear(sb_grouping *g);
/* Groups of all rows of a batch, made where they are not there: g->of and g->made. Before: g->keys. */
SB_MUST_CHECK sb_status sb_grouping__rows(sb_grouping *g, uint32_t row_count);
/* The group of one row, whose keys are in g->row, made when it is not there. Before the first of these calls: sb_grouping__hash. */
SB_MUST_CHECK sb_status sb_grouping__at(sb_grouping *g, uint64_t hash, uint32_t *group, bool *made);
SB_MUST_CHECK sb_status sb_grouping__hash(sb_grouping *g); /* find groups by hashing from now on */
/* The group of the keys in g->row, or SB_GROUP_NONE. */
uint32_t sb_grouping__find(const sb_grouping *g, uint64_t hash);
/* Groups of rows behind this one's rows, made by another run, are taken in; of: the group that each of them is here. */
SB_MUST_CHECK sb_status sb_grouping__merge(sb_grouping *g, const sb_grouping *part, uint32_t *of);
size_t sb_grouping__bytes(const sb_grouping *g);
size_t sb_grouping__growth(const sb_grouping *g, uint64_t rows);

#endif
