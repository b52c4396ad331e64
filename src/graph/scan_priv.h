/* scan_priv.h — what scans and counts share: the property filter, membership of a label or type, and scans opened. */
#ifndef SB_GRAPH_SCAN_PRIV_H
#define SB_GRAPH_SCAN_PRIV_H

#include "graph/graph_priv.h"

/* ---- filter.c: a condition on one property ------------------------------------------------------------------- */

typedef enum sb_filter_kind {
    SB_FILTER_NONE,    /* no condition */
    SB_FILTER_NOTHING, /* can not be met: null, NaN, bounds of two classes */
    SB_FILTER_PRESENT,
    SB_FILTER_EQUAL,
    SB_FILTER_RANGE
} sb_filter_kind;

typedef struct sb_filter {
    sb_filter_kind kind;
    sb_key_id key;
    const sb_value *equal, *low, *high; /* arena(owned); NULL: none */
    bool low_inclusive, high_inclusive;
    /* Conditions on numbers, booleans, dates and local times as closed ranges over column words. */
    uint8_t word_type; /* cell type of the INT column; 0: values are compared one by one */
    int64_t word_low, word_high; /* low > high: none */
    bool reals;                  /* numbers: the FLOAT column counts too */
    double real_low, real_high;
    sb_arena *owned; /* copies of the values */
    sb_arena *work;  /* values of rows; emptied often */
    const sb_allocator *alloc;
    sb_buffer words, present; /* of a leaf's column */
} sb_filter;

/* close is due whatever open returns. */
SB_MUST_CHECK sb_status sb_filter__open(sb_graph *graph, const sb_scan_options *options,
                                        sb_filter *filter, sb_err *err);
void sb_filter__close(sb_filter *filter);
SB_MUST_CHECK sb_status sb_filter__row(sb_filter *filter, const sb_row *row, bool *matches,
                                       sb_err *err);
/* Keep those ids whose rows meet the condition, in order; rows that do not exist do not. */
SB_MUST_CHECK sb_status sb_filter__keep(sb_graph *graph, sb_filter *filter, const sb_tree *table,
                                        uint64_t *ids, size_t *count, sb_err *err);
/* Rows of a scan's current leaf that meet it, as a bitmap of row_count bits. candidates (may be NULL: all) bounds which bits
 * the caller will read. */
SB_MUST_CHECK sb_status sb_filter__leaf(sb_filter *filter, sb_row_scan *rows, size_t row_count,
                                        const uint8_t *candidates, uint8_t *matches,
                                        size_t *match_count, sb_err *err);

/* ---- scan.c ------------------------------------------------------------------------------------------------------ */

typedef enum sb_scan_way {
    SB_SCAN_NOTHING,
    SB_SCAN_INDEX,
    SB_SCAN_LABEL,
    SB_SCAN_ROWS
} sb_scan_way;

/* A run of label sets, or the type. */
typedef struct sb_member_run {
    int64_t first, last;
} sb_member_run;

struct sb_scan {
    sb_graph *graph; /* borrowed */
    sb_scan_way way;
    sb_entity entity;
    uint32_t name;
    sb_filter filter;
    sb_member_run *runs; /* owned; NULL: every row is a member */
    size_t run_count, run_capacity;
    sb_index_scan *index; /* owned */
    sb_row_scan *rows;    /* owned */
    uint64_t next_id;     /* where label and row scans go on */
    uint64_t last_id;     /* where they end, included */
    bool ended;
    size_t leaf_rows;          /* rows of the leaf at hand */
    sb_buffer matches, others; /* bitmaps of them */
    sb_buffer ids;             /* uint64_t: those that match, handed out from ids_at on */
    size_t ids_at;
    uint64_t done, total; /* rows, for progress */
};

/* The next leaf: rows in scan->leaf_rows (0: the end), how many match, and which as the bits of scan->matches unless
 * all do. */
SB_MUST_CHECK sb_status sb_scan__leaf(sb_scan *scan, size_t *match_count, sb_err *err);
/* The next leaf as above, but only how many of its rows match. */
SB_MUST_CHECK sb_status sb_scan__count(sb_scan *scan, size_t *match_count, sb_err *err);
/* Look at cancel and progress about every 65,536 rows. */
SB_MUST_CHECK sb_status sb_scan__tick(sb_scan *scan, size_t rows, sb_err *err);

#endif
