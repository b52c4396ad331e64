/* graph_priv.h — what the files of graph/ share: struct sb_graph, the atomic-call bracket, the writer.
 *
 * G1  A public call that writes is bracketed by sb_graph__atomic_begin and _end: a savepoint that is rolled back to when the
 *     call fails, so that nothing of it stays (DESIGN §9 rule 8).
 * G2  What the writer holds besides pages (pending relationships, made ranges, overrides) lies in append-only arrays;
 *     a savepoint remembers their lengths, and rolling back cuts them. What is derived from them is made again.
 * G3  Relationship rows and statistics are written at once; only adjacency is pending. A pending relationship has a
 *     row, is counted, and is in no list tree. Before a relationship is deleted its type is flushed, so pending ones are
 *     never deleted. */
#ifndef SB_GRAPH_PRIV_H
#define SB_GRAPH_PRIV_H

#include "graph/graph.h"

/* ---- Writer ------------------------------------------------------------------------------------------------ */

/* Chains of the pending relationships of each node in one direction, for reads in the same transaction: heads maps
 * a node to the newest of its entries + 1, next leads to older ones. Made when first asked for. */
typedef struct sb_pending_chains {
    sb_map heads;
    uint32_t *next; /* of the first `indexed` entries: older entry of the same node + 1, 0: none */
    size_t indexed, capacity;
} sb_pending_chains;

/* Relationships of one type made in this transaction. forward[i] and reverse[i] are the two ends of the i-th; those from
 * `flushed` on are in no list tree yet. */
typedef struct sb_pending {
    sb_type_id type;
    uint32_t epoch;     /* of the newest savepoint whose log has its old lengths */
    sb_triple *forward; /* (source, target, rel), in order of creation */
    sb_triple *reverse; /* (target, source, rel) */
    size_t flushed, count;
    size_t forward_capacity, reverse_capacity;
    sb_pending_chains chains[2]; /* by direction */
} sb_pending;

/* Lengths of a sb_pending before its first change since a savepoint. */
typedef struct sb_pending_log {
    size_t place; /* in writer.pending */
    size_t flushed, count;
    uint32_t epoch;
} sb_pending_log;

/* Node ids made in this transaction, all of one label set, ascending without gaps. */
typedef struct sb_made {
    sb_node_id first, end; /* [first, end) */
    sb_set_id set;
} sb_made;

/* What this transaction did to a node that changes what the cache or a made range says of it. */
typedef struct sb_override {
    sb_node_id node;
    sb_set_id set;
    bool deleted;
} sb_override;

/* An entry of the existence cache: a node of the committed state that exists, and its label set there. */
typedef struct sb_cached_node {
    sb_node_id node; /* 0: free */
    sb_set_id set;
} sb_cached_node;

/* Lengths at a savepoint (G2). */
typedef struct sb_writer_mark {
    uint32_t savepoint;
    size_t made_count;
    sb_node_id made_end; /* end of the last made range */
    size_t override_count;
    size_t log_count;
    size_t touched_count;
} sb_writer_mark;

/* An entity whose existence and type constraints are checked at commit. */
typedef struct sb_touched {
    uint64_t id;
    uint8_t entity; /* sb_entity */
} sb_touched;

typedef struct sb_writer {
    bool active; /* the transaction has written through this writer */
    sb_pending *pending;
    size_t pending_count, pending_capacity; /* types */
    sb_map pending_index;                   /* type → place in pending */
    size_t pending_rels;                    /* in no tree yet, of all types */
    sb_pending_log *log;
    size_t log_count, log_capacity;
    uint32_t epoch; /* rises with each savepoint and each rolling back to one */
    sb_made *made;
    size_t made_count, made_capacity;
    sb_made *made_sorted; /* the first made_sorted_count of made, sorted by first */
    size_t made_sorted_count, made_sorted_capacity;
    size_t made_hint; /* place in made that was found last */
    sb_override *overrides;
    size_t override_count, override_capacity;
    sb_map override_index; /* node → place of its newest override */
    sb_cached_node *cache; /* direct-mapped, cache_mask + 1 entries; NULL: none */
    size_t cache_mask, cache_entries;
    sb_writer_mark *marks;
    size_t mark_count, mark_capacity;
    sb_touched *touched;
    size_t touched_count, touched_capacity;
    sb_writer_stats stats;
    /* Scratch, kept between calls and transactions so that a steady stream of them allocates nothing. */
    sb_buffer words;    /* uint64_t columns */
    sb_buffer columns;  /* sb_column[] */
    sb_buffer present;  /* bitmaps of mixed columns */
    sb_buffer texts;    /* sb_bytes columns of mixed columns */
    sb_buffer encoded;  /* encoded values */
    sb_buffer sets;     /* sb_set_id of endpoints */
    sb_buffer unique;   /* endpoints to look up */
    sb_buffer scratch;  /* sort scratch */
    sb_buffer keys;     /* index keys */
    sb_buffer items;    /* sb_item[] */
    sb_map endpoints;   /* endpoint → label set + 1 within one call */
} sb_writer;

/* ---- The graph ------------------------------------------------------------------------------------------------ */

/* Kept by the session between transactions. */
struct sb_graph {
    sb_session *session;
    const sb_allocator *alloc;
    sb_profile *profile;
    sb_txn *txn;   /* NULL between transactions */
    sb_view *view;
    sb_graph_settings settings;
    sb_arena *results; /* arena(call) */
    sb_writer writer;
};

/* The allocator of the graph's long-lived memory. */
SB_INLINE const sb_allocator *sb_graph__alloc(const sb_graph *graph) { return graph->alloc; }
/* The arena for this call's results, emptied. */
sb_arena *sb_graph__results(sb_graph *graph);
/* SB_INTERRUPT when the session was cancelled; calls progress. Call about every 65,536 units of work. */
SB_MUST_CHECK sb_status sb_graph__tick(sb_graph *graph, uint64_t done, uint64_t total, sb_err *err);
/* Bracket of a call that writes (G1). end passes status through, after rolling back if it is a failure. */
SB_MUST_CHECK sb_status sb_graph__atomic_begin(sb_graph *graph, uint32_t *savepoint, sb_err *err);
SB_MUST_CHECK sb_status sb_graph__atomic_end(sb_graph *graph, uint32_t savepoint, sb_status status, sb_err *err);
/* Grow an array of elements of size bytes to hold count, doubling. */
SB_MUST_CHECK sb_status sb_graph__grow(const sb_allocator *alloc, void *array, size_t size, size_t count, size_t *capacity, sb_err *err);
/* "Person" of a label (type, key) for messages, as a NUL-terminated copy in buf. */
const char *sb_graph__name(sb_graph *graph, sb_name_kind kind, uint32_t id, char *buf, size_t bytes);

/* ---- writer.c ---------------------------------------------------------------------------------------------------- */

void sb_writer__init(sb_writer *writer, const sb_allocator *alloc);
void sb_writer__deinit(sb_graph *graph);
/* Forget what belongs to a transaction; keep the blocks. */
void sb_writer__reset(sb_graph *graph);
SB_MUST_CHECK sb_status sb_writer__mark(sb_graph *graph, uint32_t savepoint, sb_err *err);
void sb_writer__rollback_to(sb_graph *graph, uint32_t savepoint);
void sb_writer__release(sb_graph *graph, uint32_t savepoint);
/* First in every call that writes. SB_READ_ONLY. */
SB_MUST_CHECK sb_status sb_writer__begin(sb_graph *graph, sb_err *err);

/* Nodes were made: count ids, ascending, of one set. */
SB_MUST_CHECK sb_status sb_writer__made(sb_graph *graph, sb_set_id set, const sb_node_id *ids, size_t count, sb_err *err);
/* A node's label set changed, or it was deleted. */
SB_MUST_CHECK sb_status sb_writer__override(sb_graph *graph, sb_node_id node, sb_set_id set, bool deleted, sb_err *err);
/* Label sets of count endpoints (both ends of rels: sources then targets), each looked up at most once. missing_at:
 * the first endpoint that does not exist, count when all do. */
SB_MUST_CHECK sb_status sb_writer__endpoints(sb_graph *graph, const sb_node_id *sources, const sb_node_id *targets, size_t rels, sb_set_id *source_sets, sb_set_id *target_sets, sb_err *err);
/* Relationships were made: add them to what is pending. ids ascending. */
SB_MUST_CHECK sb_status sb_writer__pend(sb_graph *graph, sb_type_id type, const sb_node_id *sources, const sb_node_id *targets, const sb_rel_id *ids, size_t count, sb_err *err);
/* Put what is pending of a type (0: all) into the trees. */
SB_MUST_CHECK sb_status sb_writer__flush(sb_graph *graph, sb_type_id type, sb_err *err);
/* Note that existence and type constraints of an entity must be checked at commit. */
SB_MUST_CHECK sb_status sb_writer__touch(sb_graph *graph, sb_entity entity, uint64_t id, sb_err *err);

/* Pending relationships of a node over a type in a direction (SB_OUT or SB_IN), sorted by (neighbor, rel): borrowed until
 * the next write. *count 0 costs a comparison when nothing is pending. */
SB_MUST_CHECK sb_status sb_graph__pending_list(sb_graph *graph, sb_type_id type, sb_direction direction, sb_node_id node, const sb_triple **items, size_t *count, sb_err *err);
/* Is anything pending at all? */
SB_INLINE bool sb_graph__has_pending(const sb_graph *graph) { return graph->writer.pending_rels != 0; }

/* ---- columns.c ---------------------------------------------------------------------------------------------------- */

/* Check batch columns and turn them into table columns (in writer scratch, borrowed until the next call of it), sorted by
 * (key, type), with room for `extra` system columns behind. count: rows. */
SB_MUST_CHECK sb_status sb_columns__convert(sb_graph *graph, const sb_prop_column *columns, size_t column_count, size_t count, size_t extra, sb_column **out, size_t *out_count, sb_err *err);
/* Value i of a batch column; NULL typed when absent. */
sb_value sb_columns__value(const sb_prop_column *column, size_t i);
/* The column of a key, or NULL. */
const sb_prop_column *sb_columns__find(const sb_prop_column *columns, size_t column_count, sb_key_id key);

/* ---- index_upkeep.c -------------------------------------------------------------------------------------------------- */

/* New entities (ids ascending) of a label set or type with these columns: enter them into every property index that concerns
 * them, check uniqueness, note existence and type constraints. */
SB_MUST_CHECK sb_status sb_upkeep__created(sb_graph *graph, sb_entity entity, uint32_t set_or_type, const uint64_t *ids, size_t count, const sb_prop_column *columns, size_t column_count, sb_err *err);
/* Is the label index of a label kept (it can be dropped)? */
bool sb_upkeep__label_indexed(sb_graph *graph, sb_label_id label);

/* ---- constraints.c ----------------------------------------------------------------------------------------------------- */

/* Existence, node key presence and types of all touched entities: before commit. */
SB_MUST_CHECK sb_status sb_constraints__check_touched(sb_graph *graph, sb_err *err);

#endif
