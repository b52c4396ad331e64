/* aggregate.h — what the files of AGGREGATE share: its state, and the way of a row into it. */
#ifndef SB_CYPHER_AGGREGATE_H
#define SB_CYPHER_AGGREGATE_H

#include "cypher/exec/grouping.h"
#include "cypher/exec/partition.h"
#include "cypher/exec/seen_ids.h"
#include "cypher/exec/shortcut.h"

typedef struct sb_aggregate_item {
    const sb_plan_aggregate *plan;
    sb_eval **args;
    const sb_vector **columns; /* of the batch */
    sb_val *vals;              /* one row's arguments, behind the group's number */
    size_t off;                /* of its state within a group's */
    size_t state_bytes;
    bool counts;          /* count: the state is a number */
    bool is_plain;        /* the state is bytes alone, which may go to a file and come back */
    bool any_order;       /* its result does not depend on the order of rows */
    bool frozen;          /* seen takes no more values: those that it lacks are put aside */
    sb_groups seen;       /* distinct: (group, arguments) */
    sb_seen_ids seen_ids; /* instead, of one argument without keys */
    sb_partitions aside;  /* of values by (group, arguments): seen once all rows have been read */
    sb_val plain;         /* a state that was read from a file: BYTES */
    sb_val digits;        /* of its exact sum: BYTES or null */
    sb_out *out;
} sb_aggregate_item;

typedef struct sb_aggregate_op {
    sb_operator op;
    sb_eval **keys;
    sb_out **key_outs;
    sb_grouping grouping;
    sb_aggregate_item *items;
    sb_arena *arena;  /* of states */
    sb_buffer states; /* group i at i × state_bytes */
    size_t state_bytes;
    /* rows of the input that stand for some: the columns that keys read */
    sb_batch heavy;
    sb_out *heavy_outs;       /* by slot */
    bool *is_read;            /* by slot */
    const sb_var *weight;     /* how many rows each row of the input stands for; NULL: one */
    int64_t row_weight;       /* of the row at hand */
    sb_scan_count scan_count; /* what the graph counts by itself */
    bool unique_keys;         /* rows with integers for a key are groups */
    bool by_ends;             /* its input, an EXPAND, gives it ends and no rows */
    bool done;                /* the input has been read */
    uint64_t next;            /* group to hand on */
    /* groups that do not fit (aggregate_spill.c) */
    sb_partitions parts;
    bool grows;          /* a group takes more memory with each row */
    bool by_row;         /* rows are taken one by one: groups are frozen, or a test wants it */
    bool frozen;         /* no groups are made: rows of those that are not there are put aside */
    bool evicted;        /* nor are there any: all rows are */
    size_t frozen_bytes; /* that it held then */
    sb_arena *record;    /* values read from a file; NULL until then */
} sb_aggregate_op;

SB_INLINE void *sb_aggregate__state(const sb_aggregate_op *a, uint64_t group,
                                    const sb_aggregate_item *item)
{
    return a->states.data + (size_t)group * a->state_bytes + item->off;
}
/* States for all groups that there are. */
SB_MUST_CHECK sb_status sb_aggregate__make_states(sb_aggregate_op *a, uint64_t groups);
/* A row's arguments, in item->vals, for its group. */
SB_MUST_CHECK sb_status sb_aggregate__update(sb_aggregate_op *a, sb_aggregate_item *item,
                                             uint32_t group);
/* Forget the groups. */
void sb_aggregate__clear(sb_aggregate_op *a);
/* From bits to hashing: what was seen goes along. Where that takes too much memory no more bits are added, if that is possible. */
SB_MUST_CHECK sb_status sb_aggregate__give_up_bits(sb_aggregate_op *a, sb_aggregate_item *item);
void sb_aggregate__free_bits(sb_aggregate_op *a, sb_aggregate_item *item);

/* Take in what another run's AGGREGATE of the same plan has read, of rows behind this one's: neither spills. aggregate_merge.c */
SB_MUST_CHECK sb_status sb_aggregate__merge(sb_operator *op, sb_operator *part);

/* ---- Spilling: aggregate_spill.c ---- */

sb_held sb_aggregate__held(const sb_aggregate_op *a);
/* Memory is short: hold less, or at least no more. */
SB_MUST_CHECK sb_status sb_aggregate__relieve(sb_aggregate_op *a, const sb_held *held);
/* The row whose keys are in grouping.row, whose arguments in the items' vals, and whose weight in row_weight. */
SB_MUST_CHECK sb_status sb_aggregate__row(sb_aggregate_op *a);
/* All rows have come: deal with values that were put aside, so that the groups at hand are finished. */
SB_MUST_CHECK sb_status sb_aggregate__settle(sb_aggregate_op *a);
/* After the groups at hand have gone: those of the next partition; *more false: there is none. */
SB_MUST_CHECK sb_status sb_aggregate__next_part(sb_aggregate_op *a, bool *more);
/* Put a value of a frozen item aside: item->vals, with this hash. */
SB_MUST_CHECK sb_status sb_aggregate__put_value(sb_aggregate_op *a, sb_aggregate_item *item,
                                                uint64_t hash);
/* From now on seen takes no more values. */
SB_MUST_CHECK sb_status sb_aggregate__freeze_item(sb_aggregate_item *item);

#endif
