/* verify_priv.h — what the parts of verify share: findings with a cap for each kind, and what the walk over the tables
 * has counted, which the other parts compare with lists, indexes and statistics.
 *
 * Two sets of entries are compared by count and by order-independent sums of their hashes, in one sequential pass over
 * each; only when these differ a second, exact pass looks each entry up on the other side and names those that it misses,
 * as long as such names are told. So time is linear in the size of the file and memory that of a number for each node. */
#ifndef SB_VERIFY_PRIV_H
#define SB_VERIFY_PRIV_H

#include "graph/graph_priv.h"

/* What a finding is about; of each kind so many are told one by one, then only counted. */
typedef enum sb_finding_kind {
    SB_FINDING_PAGE, /* pages and the free list */
    SB_FINDING_TREE,
    SB_FINDING_CATALOG,
    SB_FINDING_ROW, /* a row alone: its system columns, its values, its id */
    SB_FINDING_ENDPOINT,
    SB_FINDING_LIST,
    SB_FINDING_LABEL, /* label index */
    SB_FINDING_INDEX,
    SB_FINDING_CONSTRAINT,
    SB_FINDING_STATISTIC,
    SB_FINDING_KINDS
} sb_finding_kind;
#define SB_FINDINGS_TOLD 100u

/* A multiset of entries. Equal ones have equal sums; different ones have equal sums with a chance of 2^-64. */
typedef struct sb_entry_sum {
    uint64_t count, sum, mixed;
} sb_entry_sum;
SB_INLINE void sb_verify__sum_add(sb_entry_sum *sum, uint64_t hash)
{
    sum->count++;
    sum->sum += hash;
    sum->mixed ^= sb_hash_u64(hash);
}
SB_INLINE bool sb_verify__sum_equal(const sb_entry_sum *a, const sb_entry_sum *b)
{
    return a->count == b->count && a->sum == b->sum && a->mixed == b->mixed;
}

#define SB_VERIFY_ABSENT 0u         /* in sets: no such node */
#define SB_VERIFY_NO_SET UINT32_MAX /* the node's label set is not known */

typedef struct sb_verify {
    sb_graph *graph;
    sb_view *view;
    sb_txn *txn;
    const sb_allocator *alloc;
    sb_err *err;
    sb_finding finding;
    void *ctx;
    uint64_t found[SB_FINDING_KINDS];
    const char *tree_name; /* of the one that is being checked; borrowed */
    sb_map told;           /* hashes of page and text of what was found in trees */
    sb_verify_result result;
    uint64_t work, total; /* pages, rows and entries looked at; about as many as there are */
    bool nodes_whole, rels_whole; /* the table could be read to its end */
    /* From the tables. */
    uint32_t *sets; /* label set + 1 by node id, below sets_end; owned; NULL: in sparse_sets */
    uint64_t sets_end;
    sb_map sparse_sets;
    uint32_t set_count, type_count;
    uint64_t *nodes_of_set; /* owned: set_count */
    sb_map rels_of_set;     /* sb_verify__stat_key → relationships */
    sb_entry_sum *rels;     /* by type, from 0; owned */
    sb_entry_sum *lists[2]; /* by direction and type; owned */
    size_t schema_count;
    sb_entry_sum *row_entries; /* by place of the schema: what its index should have; owned */
    sb_buffer key;             /* scratch */
    sb_arena *values;          /* scratch */
} sb_verify;

/* A finding at a page (SB_PGNO_NONE: none). */
void sb_verify__report(sb_verify *v, sb_finding_kind kind, sb_pgno pgno, const char *format, ...)
    SB_PRINTF(4, 5);
/* Have so many findings of a kind been told that details of more would only be counted, and are not worth a pass? */
SB_INLINE bool sb_verify__told_enough(const sb_verify *v, sb_finding_kind kind)
{
    return v->found[kind] >= SB_FINDINGS_TOLD;
}
/* Damage met while reading `what` is a finding, and *whole becomes false; other failures are passed on. */
SB_MUST_CHECK sb_status sb_verify__swallow(sb_verify *v, sb_status status, const sb_err *local,
                                           const char *what, bool *whole);
/* One more row or entry; now and then looks whether to go on. */
SB_MUST_CHECK sb_status sb_verify__step(sb_verify *v);
/* So many more; looks. */
SB_MUST_CHECK sb_status sb_verify__steps(sb_verify *v, uint64_t count, sb_err *err);

/* Label set + 1 of a node, SB_VERIFY_ABSENT, or SB_VERIFY_NO_SET. */
uint32_t sb_verify__set_of(const sb_verify *v, sb_node_id node);
SB_INLINE uint64_t sb_verify__stat_key(sb_set_id set, sb_type_id type, sb_direction direction)
{
    return (uint64_t)set << 25 | (uint64_t)type << 1 | (direction == SB_IN ? 1u : 0u);
}
/* Hash of one relationship, the same from its row and from either list. */
uint64_t sb_verify__rel_hash(sb_type_id type, sb_node_id source, sb_node_id target, sb_rel_id rel);
uint64_t sb_verify__key_hash(sb_bytes key);

/* verify_rows.c: both tables; fills in what is "from the tables". */
SB_MUST_CHECK sb_status sb_verify__tables(sb_verify *v);
/* The source, target and type of a relationship's row; false when it has them not as it should. */
bool sb_verify__rel_ends(const sb_row *row, sb_node_id *source, sb_node_id *target, uint64_t *type);
/* Visit every row of a table; damage is a finding. */
typedef sb_status (*sb_verify_row_visit)(sb_verify *v, uint64_t id, const sb_row *row, void *ctx);
SB_MUST_CHECK sb_status sb_verify__each_row(sb_verify *v, sb_entity entity,
                                            sb_verify_row_visit visit, void *ctx, bool *whole);
/* The key that an entity's row has in an index; *has false when it has none. In v->key until the next call. */
SB_MUST_CHECK sb_status sb_verify__entry_key(sb_verify *v, const sb_schema *schema, uint64_t id,
                                             const sb_row *row, bool *has);

/* verify_lists.c, verify_index.c: what is made from the tables, against them. */
SB_MUST_CHECK sb_status sb_verify__lists(sb_verify *v);
SB_MUST_CHECK sb_status sb_verify__labels(sb_verify *v);
SB_MUST_CHECK sb_status sb_verify__indexes(sb_verify *v);
SB_MUST_CHECK sb_status sb_verify__statistics(sb_verify *v);

#endif
