/* shortcut.h — aggregations that need not see each row of their input: AGGREGATE looks at its plan when it is opened.
 * The plan stays as it is (EXPLAIN shows it); what is run is another way to the same numbers. */
#ifndef SB_CYPHER_SHORTCUT_H
#define SB_CYPHER_SHORTCUT_H

#include "cypher/exec/exec_priv.h"

/* count(*) of a scan, with or without a condition on one property: counted by the graph, at the speed of the column. */
typedef struct sb_scan_count {
    const sb_plan *scan;         /* NULL: it is no such plan */
    sb_name_ref *key;            /* NULL: no condition */
    sb_eval *equal, *low, *high; /* literals and parameters; NULL: open */
    bool low_inclusive, high_inclusive;
} sb_scan_count;
SB_MUST_CHECK sb_status sb_exec__scan_count_open(sb_operator *op, sb_scan_count *count);
/* *known false: a bound is of a kind that the graph does not compare; then rows decide. */
SB_MUST_CHECK sb_status sb_exec__scan_count(sb_exec *run, const sb_scan_count *count,
                                            uint64_t *rows, bool *known);

/* Counts of an expansion's rows by what is known before it: each row of its input counts as often as its list is long. *input becomes a
 * plan that binds that number to *weight (the expansion's `to`, which nobody reads). */
SB_MUST_CHECK sb_status sb_exec__degree_plan(sb_operator *op, const sb_plan **input,
                                             const sb_var **weight);
bool sb_exec__is_count(const sb_function *function);

#endif
