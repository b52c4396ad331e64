/* write.h — what the writing operators share: properties from maps, making a pattern, SET items, deleting.
 * Part of exec/. All changes go through sb_graph_mutate_enclosed, which counts them; when one fails the statement around
 * is undone by whoever runs it. */
#ifndef SB_CYPHER_WRITE_H
#define SB_CYPHER_WRITE_H

#include "cypher/exec/exec_priv.h"

/* A map expression as properties. Of a literal each value has its evaluator; anything else is evaluated as a whole. */
typedef struct sb_props {
    sb_eval *whole; /* NULL: the parts below, or no properties */
    sb_eval **values;
    sb_name_ref **keys;
    uint32_t count, set; /* the last so many were given by SET: a null among them is no property */
} sb_props;
typedef enum sb_null_prop { SB_NULL_IGNORED, SB_NULL_REMOVES, SB_NULL_REFUSED } sb_null_prop;

SB_MUST_CHECK sb_status sb_props__compile(sb_exec *run, const sb_expr *expr, sb_props *props);
/* Append sb_prop entries. SB_NULL_REFUSED: MergeReadOwnWrites. */
SB_MUST_CHECK sb_status sb_props__append(sb_exec *run, const sb_props *props, const sb_batch *in,
                                         uint32_t row, sb_null_prop null, sb_buffer *out);

/* One more key, which is not among them, with the evaluator of what SET gives it; props->whole is NULL. */
SB_MUST_CHECK sb_status sb_props__add(sb_exec *run, sb_props *props, sb_name_ref *key,
                                      sb_eval *value);

/* A list of changes that grows; properties and labels lie beside, since they move while they grow. */
typedef struct sb_changes {
    sb_exec *run;
    sb_buffer ops;    /* sb_op: props and labels are set when they are applied */
    sb_buffer firsts; /* size_t pairs: where an op's props and labels begin */
    sb_buffer props;  /* sb_prop */
    sb_buffer labels; /* sb_label_id */
    bool late;        /* what two have of unique values is the run's doubt, not a failure */
} sb_changes;
void sb_changes__open(sb_exec *run, sb_changes *changes);
void sb_changes__close(sb_changes *changes);
/* Before the changes of a batch: a run that failed may have left some. */
void sb_changes__clear(sb_changes *changes);
/* A new op at the end; what is appended to props and labels until the next belongs to it. NULL: no memory. */
sb_op *sb_changes__add(sb_changes *changes, sb_op_kind kind, sb_entity entity, uint64_t id);
SB_INLINE size_t sb_changes__count(const sb_changes *changes)
{
    return changes->ops.size / sizeof(sb_op);
}
/* Do them, count them, forget them. ids (may be NULL): of the things concerned, valid until the next call on the graph. */
SB_MUST_CHECK sb_status sb_changes__apply(sb_changes *changes, const uint64_t **ids);

/* Nodes and relationships of CREATE and MERGE. */
typedef struct sb_creator {
    const sb_plan_create *plan;
    sb_props *node_props, *rel_props;
    sb_eval **node_dynamic, **rel_dynamic; /* labels, types; NULL entries: none */
    sb_buffer types;                       /* scratch */
    sb_out *node_outs, *rel_outs;          /* what was made last */
    sb_changes changes;
} sb_creator;
SB_MUST_CHECK sb_status sb_creator__open(sb_exec *run, const sb_plan_create *plan,
                                         sb_creator *creator);
void sb_creator__close(sb_creator *creator); /* accepts a zeroed one */
/* For rows [first, first + count) of a batch; the new ids become columns, in rows from 0. */
SB_MUST_CHECK sb_status sb_creator__run(sb_creator *creator, const sb_batch *in, uint32_t first,
                                        uint32_t count, sb_null_prop null, sb_batch *out);

/* SET and REMOVE. */
typedef struct sb_setter {
    const sb_plan_set_item *items;
    uint32_t count;
    struct sb_set_part *parts;
    sb_changes changes;
    bool *
        reads; /* by slot: a value depends on it, and it may be an entity that is changed here; NULL: on none */
    bool runs_plans; /* a value depends on the graph */
} sb_setter;
SB_MUST_CHECK sb_status sb_setter__open(sb_exec *run, const sb_plan_set_item *items, uint32_t count,
                                        sb_setter *setter);
void sb_setter__close(sb_setter *setter); /* the same */
/* Where all that it does is to give what the creator makes properties that do not depend on that, they are made with it, and the setter
 * has nothing left to do. */
SB_MUST_CHECK sb_status sb_setter__join(sb_setter *setter, sb_creator *creator);
/* All rows of a batch: each sees what those before it did. */
SB_MUST_CHECK sb_status sb_setter__run(sb_setter *setter, const sb_batch *in);

#endif
