/* graph.h — the transactional graph: creating, changing, reading, traversing, checking, loading.
 * Hides:    which trees a change touches, in which order, and what is still pending.
 * Promises: every call is atomic: one that fails is undone alone and the transaction goes on. Reads see what
 *           the same transaction has written. Constraints hold at the end of each call (unique, node key) or at
 *           commit (existence, types).
 * Needs:    store, pager's transactions, os's temporary files and threads, base.
 * Threads:  as the session. sb_graph_cancel may be called from any thread.
 * Tests:    tests/unit/graph, tests/model
 *
 * Parts, in files of their own: writer (pending relationships, existence cache), create and change, schema, read,
 * traverse, csv/bulk/export, check (verify, digest). */
#ifndef SB_GRAPH_H
#define SB_GRAPH_H

#include "base/base.h"
#include "graph/text_value.h"
#include "os/os.h"
#include "pager/pager.h"
#include "store/store.h"

/* ---- The graph of one transaction ------------------------------------------------------------------------ */

typedef struct sb_graph sb_graph;

/* What sb_graph_mutate does to an entity. */
typedef enum sb_change {
    SB_NODE_CREATED,
    SB_NODE_CHANGED,
    SB_NODE_DELETED,
    SB_REL_CREATED,
    SB_REL_CHANGED,
    SB_REL_DELETED
} sb_change;

typedef struct sb_graph_settings {
    uint32_t edge_cache_capacity; /* entries of the node-existence cache; 0: none; default 8,192 */
    bool trusted_endpoints;       /* skip the check that endpoints exist; debug builds check all the
                                   * same */
    bool distinct_neighbors;      /* default of sb_neighbors_options.distinct */
    size_t memory_bytes; /* that traversals, builders and loads of this session may hold; 0: half of
                           * the limit of memory */
    sb_counting_allocator *memory; /* borrowed; NULL: then 0 is no limit */
    _Atomic bool *cancel; /* borrowed; set by another thread: long calls return SB_INTERRUPT; may
                           * be NULL */
    sb_progress progress; /* of long calls; may be NULL */
    void *progress_ctx;
    /* Told of what sb_graph_mutate does, real changes only, in order of the operations, while the call runs: it may still fail, and then
     * nothing of it is there. NULL: nobody listens. */
    sb_status (*changed)(void *ctx, sb_change change, const uint64_t *ids, size_t count,
                         sb_err *err);
    void *changed_ctx;
} sb_graph_settings;
void sb_graph_settings_init(sb_graph_settings *settings);
/* Settings of a session, copied. They take effect at once, but for the size of the existence cache, which a running write
 * transaction keeps. */
SB_MUST_CHECK sb_status sb_graph_configure(sb_session *session, const sb_graph_settings *settings,
                                           sb_err *err);

sb_graph_settings sb_graph_settings_of(const sb_graph *graph);

/* The graph that txn sees; made on first use, ends with txn. */
SB_MUST_CHECK sb_status sb_graph_get(sb_txn *txn, sb_graph **graph, sb_err *err);
sb_view *sb_graph_view(sb_graph *graph);
sb_txn *sb_graph_txn(sb_graph *graph);
/* Results that calls below say are "arena(call)" live until the next call on this graph that has results. */
sb_arena *sb_graph_arena(sb_graph *graph);

typedef enum sb_entity { SB_NODE = 0, SB_REL = 1 } sb_entity;

typedef struct sb_prop {
    sb_key_id key;
    sb_value value; /* NULL type: remove, where removing makes sense; else ignored */
} sb_prop;

/* One column of a batch: count values of one kind. Exactly one of the arrays is set. */
typedef struct sb_prop_column {
    sb_key_id key;
    uint32_t type;           /* sb_type of all present values; SB_TYPE_NULL: mixed, in values */
    const uint8_t *present;  /* bitmap; NULL: all present */
    const int64_t *integers; /* INT, BOOL (0, 1), DATE, LOCAL_TIME */
    const double *reals;     /* FLOAT */
    const sb_bytes *bytes;   /* STRING, BYTES */
    const sb_value *values;  /* any */
} sb_prop_column;

/* ---- Creating (writer) -------------------------------------------------------------------------------------- */

/* Typed batch: columns in, ids out. ids: count places, ascending ids; NULL: they are not wanted. A large batch is made in slices, so
 * that its memory is bounded by the transaction's: of several faults the one in the first slice is told. */
SB_MUST_CHECK sb_status sb_graph_create_nodes(sb_graph *graph, sb_set_id set, size_t count,
                                              const sb_prop_column *columns, size_t column_count,
                                              sb_node_id *ids, sb_err *err);
/* ids must not lie in the arrays of sources or targets (SB_MISUSE). SB_NOT_FOUND names the endpoint that does not exist (row, which end, id); nothing of the call stays. Endpoints are
 * de-duplicated and looked up at most once each; nodes made in this transaction are not looked up at all. */
SB_MUST_CHECK sb_status sb_graph_create_rels(sb_graph *graph, sb_type_id type, size_t count,
                                             const sb_node_id *sources, const sb_node_id *targets,
                                             const sb_prop_column *columns, size_t column_count,
                                             sb_rel_id *ids, sb_err *err);

/* Create builder: several nodes and relationships with references among them, made in one call. */
typedef struct sb_builder sb_builder;
typedef struct sb_ref {
    enum { SB_REF_ID, SB_REF_HANDLE, SB_REF_ALIAS } kind;
    uint64_t id;    /* ID: an existing node; HANDLE: from sb_builder_node */
    sb_bytes alias; /* ALIAS */
} sb_ref;
SB_MUST_CHECK sb_status sb_builder_open(sb_graph *graph, sb_builder **builder, sb_err *err);
void sb_builder_close(sb_builder *builder); /* accepts NULL; what was not executed is forgotten */
/* labels may be empty. alias may be empty; one given twice is SB_EXISTS. Values are copied. *handle counts from 0. */
SB_MUST_CHECK sb_status sb_builder_node(sb_builder *builder, const sb_label_id *labels,
                                        size_t label_count, sb_bytes alias, const sb_prop *props,
                                        size_t prop_count, uint64_t *handle, sb_err *err);
/* Unknown alias or handle: SB_NOT_FOUND here for handles, at execute for aliases (they may come later). */
SB_MUST_CHECK sb_status sb_builder_rel(sb_builder *builder, const sb_ref *source, sb_type_id type,
                                       const sb_ref *target, const sb_prop *props,
                                       size_t prop_count, sb_err *err);
/* Make all; results borrowed until close: ids in order of the calls. The builder is empty afterwards; on failure it keeps all. */
typedef struct sb_builder_result {
    const sb_node_id *node_ids;
    size_t node_count;
    const sb_rel_id *rel_ids;
    size_t rel_count;
} sb_builder_result;
SB_MUST_CHECK sb_status sb_builder_execute(sb_builder *builder, sb_builder_result *result,
                                           sb_err *err);
/* after execute */
SB_MUST_CHECK sb_status sb_builder_alias(const sb_builder *builder, sb_bytes alias, sb_node_id *id,
                                         bool *found);

/* ---- Changing (mutate) ---------------------------------------------------------------------------------------- */

typedef enum sb_op_kind {
    SB_OP_CREATE_NODE, /* labels, props */
    SB_OP_CREATE_REL,  /* source, target, type, props */
    SB_OP_SET_PROPS,   /* entity, id, props (NULL value removes); replace: others are removed too */
    SB_OP_ADD_LABELS,
    SB_OP_REMOVE_LABELS, /* id, labels */
    SB_OP_DELETE_NODE, /* id; detach: with its relationships, else SB_CONSTRAINT when it has any */
    SB_OP_DELETE_REL   /* id */
} sb_op_kind;
/* A node or relationship of an op: an id, or (result_of >= 0) what op number result_of of the same list created. */
typedef struct sb_op_ref {
    uint64_t id;
    int64_t result_of;
} sb_op_ref;
typedef struct sb_op {
    sb_op_kind kind;
    sb_entity entity;
    sb_op_ref target_entity;  /* whom SET_PROPS, labels, DELETE concern */
    sb_op_ref source, target; /* CREATE_REL */
    sb_type_id type;
    const sb_label_id *labels;
    size_t label_count;
    const sb_prop *props;
    size_t prop_count;
    bool replace, detach;
} sb_op;
typedef struct sb_mutation {
    uint64_t nodes_created, rels_created, nodes_deleted, rels_deleted; /* detached ones included */
    /* only real changes count; what is created counts with its properties and labels */
    uint64_t properties_set, properties_removed, labels_added, labels_removed;
    /* per op: the id created, else the one concerned; arena(call) */
    const uint64_t *ids;
    size_t id_count;
} sb_mutation;
/* Ops in order, atomically. Failures name the op's position. */
SB_MUST_CHECK sb_status sb_graph_mutate(sb_graph *graph, const sb_op *ops, size_t count,
                                        sb_mutation *result, sb_err *err);
/* Values of unique indexes that calls of one statement have left with two entities: a later one may solve that. Takes memory for each. */
typedef struct sb_unique_doubts {
    sb_buffer entries, keys; /* as those of upkeep (graph_priv.h) */
    size_t many;             /* so many are looked at again */
} sb_unique_doubts;
void sb_unique_doubts_init(sb_unique_doubts *doubts, const sb_allocator *alloc);
void sb_unique_doubts_clear(sb_unique_doubts *doubts); /* has no memory then */
/* SB_CONSTRAINT if there still is one. Afterwards there is none, whatever comes of it. */
SB_MUST_CHECK sb_status sb_graph_settle_unique(sb_graph *graph, sb_unique_doubts *doubts,
                                               sb_err *err);
/* The same for a caller that, when it fails, rolls back to a savepoint of before it or ends the transaction: what it has done is not undone
 * here, so pages that one call after the other changes are not copied for each. Failures do not number the ops, which are none that a user wrote.
 * doubts: NULL, or where to put what else would fail as not unique. */
SB_MUST_CHECK sb_status sb_graph_mutate_enclosed(sb_graph *graph, const sb_op *ops, size_t count,
                                                 sb_unique_doubts *doubts, sb_mutation *result,
                                                 sb_err *err);
/* Delete relationships, or nodes that have none, for such a caller. ids: all different; the more at once, the less is written for each.
 * SB_NOT_FOUND, or SB_CONSTRAINT for a node with relationships, names one. */
SB_MUST_CHECK sb_status sb_graph_delete_enclosed(sb_graph *graph, sb_entity entity,
                                                 const uint64_t *ids, size_t count, sb_err *err);

/* Counters of the writer in this transaction: always on. */
typedef struct sb_writer_stats {
    uint64_t endpoint_checks; /* endpoints given: 2 per relationship */
    uint64_t cache_hits, cache_misses;
    uint64_t node_lookups; /* look-ups in the node table for endpoints */
    uint64_t known_in_txn; /* endpoints made in this transaction: not looked up */
    uint64_t trusted;      /* not checked */
    /* sorts done; guards passed are not counted. Entries of label indexes come in order of id and are never sorted */
    uint64_t forward_sorts, reverse_sorts, index_sorts;
    uint64_t flushes, flushed_rels;
} sb_writer_stats;
void sb_graph_writer_stats(sb_graph *graph, sb_writer_stats *stats);
/* Put pending relationships into their trees now (done by itself before whole-tree scans and commit). */
SB_MUST_CHECK sb_status sb_graph_flush(sb_graph *graph, sb_err *err);

/* ---- Schema ---------------------------------------------------------------------------------------------------------- */

/* Make an index or constraint, also on a full store; a name without data is made up from label or type and keys. Existing data is checked and the index filled (progress, cancel).
 * SB_CONSTRAINT names label, key, value and both entities. */
SB_MUST_CHECK sb_status sb_graph_schema_create(sb_graph *graph, const sb_schema *definition,
                                               uint32_t *id, sb_err *err);
/* Label indexes, which are there from the start, have the number of their label with this bit. */
#define SB_GRAPH_LABEL_INDEX 0x80000000u
SB_MUST_CHECK sb_status sb_graph_schema_drop(sb_graph *graph, uint32_t id, sb_err *err);
/* The schema whose index serves exactly these keys of a label or type, or NULL. */
const sb_schema *sb_graph_index_for(sb_graph *graph, sb_entity entity, uint32_t entity_name,
                                    const sb_key_id *keys, size_t key_count);

/* ---- Reading ----------------------------------------------------------------------------------------------------------- */

/* Some properties of one node or relationship: values[i] is NULL typed when absent. Borrowed from the page in mapped mode,
 * else arena(call). Does not allocate for fixed-width values and, mapped, strings. The hot path of lookup_id. */
SB_MUST_CHECK sb_status sb_graph_get_props(sb_graph *graph, sb_entity entity, uint64_t id,
                                           const sb_key_id *keys, size_t key_count,
                                           sb_value *values, bool *found, sb_err *err);
/* The same where it can be answered with values that stay until the transaction ends, and cost next to nothing: of a read transaction, the
 * commonest types, in leaves that the leaf cache knows, of at most eight keys. False: it can not, which says nothing of the entity. */
bool sb_graph_peek_props(sb_graph *graph, sb_entity entity, uint64_t id, const sb_key_id *keys,
                         size_t key_count, sb_value *values);
/* The same for many ids at once, overlapped by prefetching: values is id_count × key_count, row by row; found: bitmap. */
SB_MUST_CHECK sb_status sb_graph_get_props_many(sb_graph *graph, sb_entity entity,
                                                const uint64_t *ids, size_t id_count,
                                                const sb_key_id *keys, size_t key_count,
                                                sb_value *values, uint8_t *found, sb_err *err);
typedef struct sb_node_record {
    sb_node_id id;
    sb_set_id set;
    const sb_prop *props;
    size_t prop_count;
} sb_node_record;
typedef struct sb_rel_record {
    sb_rel_id id;
    sb_node_id source, target;
    sb_type_id type;
    const sb_prop *props;
    size_t prop_count;
} sb_rel_record;
/* Whole records; props in order of key id, arena(call). */
SB_MUST_CHECK sb_status sb_graph_node(sb_graph *graph, sb_node_id id, sb_node_record *record,
                                      bool *found, sb_err *err);
SB_MUST_CHECK sb_status sb_graph_rel(sb_graph *graph, sb_rel_id id, sb_rel_record *record,
                                     bool *found, sb_err *err);
/* Label set of a node without its properties. */
SB_MUST_CHECK sb_status sb_graph_node_set(sb_graph *graph, sb_node_id id, sb_set_id *set,
                                          bool *found, sb_err *err);
SB_MUST_CHECK sb_status sb_graph_nodes_exist(sb_graph *graph, const sb_node_id *ids, size_t count,
                                             uint8_t *exist, sb_err *err);

typedef struct sb_neighbors_options {
    sb_direction direction;
    const sb_type_id *types;
    size_t type_count; /* 0: all types */
    bool distinct;     /* each neighbor once (the first relationship of each) */
    uint64_t limit;    /* 0: none */
} sb_neighbors_options;
typedef struct sb_neighbor {
    sb_node_id node;
    sb_rel_id rel;
    sb_type_id type;
    bool outgoing;
} sb_neighbor;
/* Into the caller's array of capacity; *count: how many there are (call again with more room if > capacity). In order of type, direction, neighbor, rel. A loop is
 * seen once for OUT, once for IN, twice for BOTH (degree counts the same way). A missing node: SB_NOT_FOUND. */
SB_MUST_CHECK sb_status sb_graph_neighbors(sb_graph *graph, sb_node_id id,
                                           const sb_neighbors_options *options,
                                           sb_neighbor *neighbors, size_t capacity, size_t *count,
                                           sb_err *err);
/* Ids of neighbors over one type (0: all) in one direction: the hot path; the array grows with the result. arena(call). */
SB_MUST_CHECK sb_status sb_graph_neighbor_ids(sb_graph *graph, sb_node_id id,
                                              sb_direction direction, sb_type_id type,
                                              const sb_node_id **ids, size_t *count, sb_err *err);
/* Many nodes at once: lists concatenated in *ids (arena(call)), ends[i] is the end of the i-th. Missing nodes have empty lists. */
SB_MUST_CHECK sb_status sb_graph_neighbor_ids_many(sb_graph *graph, const sb_node_id *nodes,
                                                   size_t node_count, sb_direction direction,
                                                   sb_type_id type, const sb_node_id **ids,
                                                   size_t *ends, sb_err *err);
/* The same without decoding: where the list lies in the file, or, when it does not lie in one piece (several leaves, types or
 * directions, pending relationships, pages that may move), as numbers of 8 bytes in arena(call). A list in the file is valid until
 * the transaction ends or is upgraded. */
SB_MUST_CHECK sb_status sb_graph_list(sb_graph *graph, sb_node_id id, sb_direction direction,
                                      sb_type_id type, sb_id_list *list, sb_err *err);
/* Of many nodes, overlapped by prefetching. */
SB_MUST_CHECK sb_status sb_graph_lists(sb_graph *graph, const sb_node_id *nodes, size_t node_count,
                                       sb_direction direction, sb_type_id type, sb_id_list *lists,
                                       sb_err *err);
SB_MUST_CHECK sb_status sb_graph_degree(sb_graph *graph, sb_node_id id, sb_direction direction,
                                        const sb_type_id *types, size_t type_count,
                                        uint64_t *degree, sb_err *err);
/* Of many nodes over one type (0: all), overlapped by prefetching, without asking whether they exist: a missing node has 0. */
SB_MUST_CHECK sb_status sb_graph_degrees(sb_graph *graph, const sb_node_id *nodes,
                                         size_t node_count, sb_direction direction, sb_type_id type,
                                         uint64_t *degrees, sb_err *err);
/* Is there a relationship source → target (of type, 0: any)? *rel the first, 0 when none. */
SB_MUST_CHECK sb_status sb_graph_rel_between(sb_graph *graph, sb_node_id source, sb_node_id target,
                                             sb_type_id type, sb_rel_id *rel, sb_err *err);

/* ---- Reading in batches: for executors -------------------------------------------------------------------------------- */

/* One property of many entities, as typed as it is. Arrays are arena(the caller's), one place for each entity. */
#define SB_TYPE_MIXED 255u
typedef struct sb_fetched {
    uint32_t
        type; /* sb_type of all present values; SB_TYPE_NULL: none is; SB_TYPE_MIXED: several */
    size_t present_count;
    uint8_t *present;  /* bitmap */
    int64_t *integers; /* INT, DATE, LOCAL_TIME, BOOL (0, 1); 0 where absent; else NULL */
    double *reals;     /* FLOAT; 0 where absent; else NULL */
    sb_bytes *
        bytes; /* STRING, BYTES; borrowed from the page (the transaction, while it only reads) or arena; else NULL */
    sb_value *values; /* all other types, and MIXED; NULL typed where absent; else NULL */
} sb_fetched;
/* Entities that do not exist (0, say, for null) have no value. Look-ups are overlapped by prefetching. */
SB_MUST_CHECK sb_status sb_graph_fetch(sb_graph *graph, sb_entity entity, const uint64_t *ids,
                                       size_t count, sb_key_id key, sb_arena *arena,
                                       sb_fetched *column, sb_err *err);
/* What entity i has; null where it has nothing. */
sb_value sb_fetched_value(const sb_fetched *column, size_t i);
/* Label sets of many nodes, and which exist (bitmap); 0 for those that do not. */
SB_MUST_CHECK sb_status sb_graph_fetch_sets(sb_graph *graph, const sb_node_id *ids, size_t count,
                                            sb_set_id *sets, uint8_t *found, sb_err *err);
/* Ends and types of many relationships, and which exist; each of the three may be NULL. 0 for those that do not. */
SB_MUST_CHECK sb_status sb_graph_fetch_ends(sb_graph *graph, const sb_rel_id *ids, size_t count,
                                            sb_node_id *sources, sb_node_id *targets,
                                            sb_type_id *types, uint8_t *found, sb_err *err);

/* Relationships of many nodes, a batch of rows at a time: order of nodes, then of type, direction, neighbor, relationship. */
typedef struct sb_expand_options {
    sb_direction direction;
    const sb_type_id *types; /* ascending, none twice; copied */
    size_t type_count;       /* 0: all types */
    bool loops_once;         /* BOTH: a loop is one row (outgoing), not two */
} sb_expand_options;
typedef struct
    sb_expand_rows { /* the caller's arrays; those that may be NULL are then not filled in */
    uint32_t *from;  /* which of the nodes */
    sb_node_id *neighbors;
    sb_rel_id *rels;   /* may be NULL */
    sb_type_id *types; /* may be NULL */
    bool *outgoing;    /* may be NULL */
} sb_expand_rows;
typedef struct sb_expand sb_expand;
SB_MUST_CHECK sb_status sb_expand_open(sb_graph *graph, const sb_expand_options *options,
                                       sb_expand **expand, sb_err *err);
/* Again with other options, or in another transaction of the session (what was open in an ended one must not be read on): keeps its
 * memory. */
SB_MUST_CHECK sb_status sb_expand_reopen(sb_expand *expand, sb_graph *graph,
                                         const sb_expand_options *options, sb_err *err);
void sb_expand_close(sb_expand *expand); /* accepts NULL */
/* The next batch of nodes, borrowed until its rows are read. Those that do not exist have none. What was left of the batch before is
 * forgotten. */
void sb_expand_begin(sb_expand *expand, const sb_node_id *nodes, size_t count);
/* *count 0: the end of the batch. The transaction may write between calls: rows are those of the list when its first ones were read. */
SB_MUST_CHECK sb_status sb_expand_next(sb_expand *expand, const sb_expand_rows *rows,
                                       size_t capacity, size_t *count, sb_err *err);
/* The same without decoding: a stretch of the list of one node, sorted by (neighbor, relationship), where it lies. */
typedef struct sb_expand_piece {
    uint32_t from;    /* which of the nodes */
    sb_chunk entries; /* never empty; borrowed until the next call, */
    bool stays;       /* or, when true, the transaction, until it is upgraded */
    sb_node_id
        skipped; /* entries with this neighbor are none (a loop that was in a piece before); 0: all are */
} sb_expand_piece;
/* *more false: the end of the batch. Not to be mixed with sb_expand_next within a batch. */
SB_MUST_CHECK sb_status sb_expand_next_piece(sb_expand *expand, sb_expand_piece *piece, bool *more,
                                             sb_err *err);

/* All lists over one type (0: any) in one direction, OUT or IN, a block at a time, of nodes in ascending order but for what lies aside (or
 * is of another type): a node may come again. In a transaction that only reads. Pages are read once, in order: for whom most
 * lists are wanted, this takes a tenth of what looking each one up takes. */
SB_MUST_CHECK sb_status sb_graph_scan_lists(sb_graph *graph, sb_direction direction,
                                            sb_type_id type, sb_list_block_visit visit, void *ctx,
                                            sb_err *err);

/* All lists over one type in one direction in arrays, for whoever looks up most of them, of a transaction that only reads. Memory: 4 bytes for each
 * node id, and 4 or 8 for each entry; where no node has more than one, 4 or 8 for each id. */
#define SB_LIST_TABLE_PAD 4u
typedef struct sb_list_table {
    const sb_allocator *alloc;
    bool
        singles; /* no node has more than one entry: neighbors and rels are by node, and neighbor 0 is none; else */
    uint32_t *starts; /* of node n's entries, which end where those of n + 1 start */
    uint32_t *
        neighbors; /* by node, neighbor, relationship; behind the last one SB_LIST_TABLE_PAD more that may be read */
    uint32_t *rels;       /* likewise; NULL: not wanted */
    uint64_t first, span; /* nodes from first on have lists here, others have none */
    uint64_t ids;         /* of nodes: below this number */
    uint64_t room;        /* for entries */
} sb_list_table;
typedef struct sb_list_table_options {
    sb_type_id type;
    sb_direction direction;       /* OUT or IN */
    bool rels;                    /* relationships are wanted, too */
    const sb_allocator *alloc;    /* it must outlive the table */
    sb_status (*poll)(void *ctx); /* called now and then; what is not SB_OK ends the making */
    void *poll_ctx;
} sb_list_table_options;
/* *table NULL: ids are not below 2^32. */
SB_MUST_CHECK sb_status sb_list_table_make(sb_graph *graph, const sb_list_table_options *options,
                                           sb_list_table **table, sb_err *err);
void sb_list_table_free(sb_list_table *table); /* accepts NULL */
/* Where a node's entries lie; one that is not there has none. */
typedef struct sb_list_place {
    uint32_t from, count;
} sb_list_place;
SB_INLINE sb_list_place sb_list_table_place(const sb_list_table *table, sb_node_id node)
{
    const bool has = node - table->first < table->span;

    if (table->singles)
        return (sb_list_place){has ? (uint32_t)node : 0, has ? table->neighbors[node] != 0 : 0};
    const uint32_t from = has ? table->starts[node] : 0;
    return (sb_list_place){from, has ? table->starts[node + 1] - from : 0};
}
SB_INLINE sb_chunk sb_list_table_list(const sb_list_table *table, sb_node_id node)
{
    const sb_list_place place = sb_list_table_place(table, node);
    return (sb_chunk){
        .neighbors = (const uint8_t *)(table->neighbors + place.from),
        .rels =
            (const uint8_t *)((table->rels == NULL ? table->neighbors : table->rels) + place.from),
        .neighbor_width = sizeof *table->neighbors,
        .rel_width = table->rels == NULL ? 0 : sizeof *table->rels,
        .count = place.count};
}
SB_INLINE uint32_t sb_list_table_length(const sb_list_table *table, sb_node_id node)
{
    return sb_list_table_place(table, node).count;
}
/* For each of two nodes, one of each table, the pairs of relationships, one of each node's list, that lead to the same node: how many. */
void sb_list_tables_common(const sb_list_table *const tables[2], const sb_node_id *const nodes[2],
                           size_t count, int64_t *common);
/* Is there a relationship between the two? Most lists are short, and their lengths not foreseen: four entries are compared at once. */
SB_INLINE bool sb_list_table_has(const sb_list_table *table, sb_node_id node, sb_node_id neighbor)
{
    const sb_list_place place = sb_list_table_place(table, node);
    const uint32_t *entries = table->neighbors + place.from;
    const uint32_t id = (uint32_t)neighbor;
    uint32_t count = neighbor > UINT32_MAX ? 0 : place.count;

    while (SB_UNLIKELY(count >
                       4)) { /* the last one that is not above it is among entries [0, count) */
        const uint32_t half = count / 2;
        entries = entries[half] <= id ? entries + half : entries;
        count -= half;
    }
    return ((count > 0) & (entries[0] == id)) | ((count > 1) & (entries[1] == id)) |
           ((count > 2) & (entries[2] == id)) | ((count > 3) & (entries[3] == id));
}
/* For the batch that has begun, of lists over the place-th of the expansion's types in a direction: they are read in a table, which lives until the
 * batch is read. Without relationships it is for a batch of which nobody reads them. */
void sb_expand_use(sb_expand *expand, size_t place, sb_direction direction,
                   const sb_list_table *table);

/* All relationships from → to (IN: to → from; BOTH: either) of some types, each once: arena(call). */
SB_MUST_CHECK sb_status sb_graph_rels_between(sb_graph *graph, sb_node_id from, sb_node_id to,
                                              const sb_expand_options *options,
                                              const sb_rel_id **rels, size_t *count, sb_err *err);

/* Scans: nodes by label (0: all) or relationships by type (0: all), with an optional filter on one property served by an
 * index when there is one, else by scanning the column. */
typedef struct sb_scan_options {
    sb_entity entity;
    uint32_t name;         /* label or type id, or 0 */
    sb_key_id key;         /* 0: no filter */
    const sb_value *equal; /* or: */
    const sb_value *low, *high;
    bool low_inclusive, high_inclusive;
    bool no_index; /* scan the column even if there is an index */
    /* Only ids of this range, both included, of a scan without a filter; last 0: all. */
    uint64_t first_id, last_id;
} sb_scan_options;
typedef struct sb_scan sb_scan;
SB_MUST_CHECK sb_status sb_scan_open(sb_graph *graph, const sb_scan_options *options,
                                     sb_scan **scan, sb_err *err);
/* *count 0: the end */
SB_MUST_CHECK sb_status sb_scan_next(sb_scan *scan, uint64_t *ids, size_t capacity, size_t *count,
                                     sb_err *err);
bool sb_scan_uses_index(const sb_scan *scan);
void sb_scan_close(sb_scan *scan);
/* How many match, without making the ids: the hot path of scan_filter. */
SB_MUST_CHECK sb_status sb_graph_count(sb_graph *graph, const sb_scan_options *options,
                                       uint64_t *count, sb_err *err);

/* sb_index_lookup whose key was cut: the first entity whose row really has these values; *id 0 when none. */
SB_MUST_CHECK sb_status sb_graph_lookup_cut(sb_graph *graph, uint32_t schema_id,
                                            const sb_value *values, size_t value_count,
                                            uint64_t *id, sb_err *err);
/* Many look-ups at once, overlapped by prefetching: values holds value_count for each. ids[i] 0 where there is none. */
SB_MUST_CHECK sb_status sb_graph_lookup_many(sb_graph *graph, uint32_t schema_id,
                                             const sb_value *values, size_t value_count,
                                             size_t count, uint64_t *ids, sb_err *err);

/* ---- Traversal ------------------------------------------------------------------------------------------------------------ */

typedef struct sb_bfs_options {
    sb_direction direction;
    const sb_type_id *types;
    size_t type_count;
    uint32_t max_depth;  /* UINT32_MAX: no bound */
    uint64_t max_visits; /* 0: no bound; more than that: stops, truncated */
    bool steps_only;     /* start is not at depth 0, but reached where a step leads back to it */
    bool
        any_side; /* which relationships are looked at does not matter, and rels_seen tells those that were */
} sb_bfs_options;
/* Breadth first from start (depth 0, included): visit(ctx, nodes, count, depth) with each node once, in order of depth, some of one depth at a
 * time; non-zero from visit stops and is returned. NULL visit only counts. Past a few percent of the nodes frontiers are bitmaps walked in
 * id order. */
typedef sb_status (*sb_bfs_visit)(void *ctx, const sb_node_id *nodes, size_t count, uint32_t depth);
typedef struct sb_bfs_result {
    uint64_t visited;
    uint32_t depth;
    uint64_t rels_seen;
    bool truncated;
} sb_bfs_result;
SB_MUST_CHECK sb_status sb_graph_bfs(sb_graph *graph, sb_node_id start,
                                     const sb_bfs_options *options, sb_bfs_visit visit, void *ctx,
                                     sb_bfs_result *result, sb_err *err);

typedef struct sb_graph_path {
    const sb_node_id *nodes; /* length + 1, arena(call) */
    const sb_rel_id *rels;   /* length */
    size_t length;
    double weight; /* sum; of an unweighted path its length */
    bool found;
} sb_graph_path;
/* Bidirectional breadth-first search, expanding the smaller side. */
SB_MUST_CHECK sb_status sb_graph_shortest_path(sb_graph *graph, sb_node_id from, sb_node_id to,
                                               const sb_bfs_options *options, sb_graph_path *path,
                                               sb_err *err);
/* Dijkstra over a numeric relationship property (absent: default_weight). A negative or NaN weight is SB_INVALID and names the relationship. */
SB_MUST_CHECK sb_status sb_graph_weighted_path(sb_graph *graph, sb_node_id from, sb_node_id to,
                                               const sb_bfs_options *options, sb_key_id weight,
                                               double default_weight, sb_graph_path *path,
                                               sb_err *err);

/* ---- Checking ---------------------------------------------------------------------------------------------------------------- */

typedef struct sb_verify_result {
    uint64_t findings, pages, free_pages, nodes, rels, index_entries;
} sb_verify_result;
/* Everything against everything else: pages, trees, fences, free list; rows' label sets and endpoints; adjacency both ways against the
 * relationship table; label and property indexes against rows, both ways; unique and other constraints; statistics; ids handed out. */
SB_MUST_CHECK sb_status sb_graph_verify(sb_graph *graph, sb_finding finding, void *ctx,
                                        sb_verify_result *result, sb_err *err);
/* A 128-bit digest of the graph's content (names, not ids or layout): equal graphs up to ids have equal digests. Each node's and relationship's canonical
 * form is hashed (XXH3-128), relationships with their end nodes' hashes refined by a few rounds of neighborhood hashing, and summed. */
SB_MUST_CHECK sb_status sb_graph_digest(sb_graph *graph, uint8_t digest[16], sb_err *err);
/* The same of the indexes and constraints, whatever the order they were made in. */
SB_MUST_CHECK sb_status sb_graph_schema_digest(sb_graph *graph, uint8_t digest[16], sb_err *err);
/* Rebuild the session's database compactly in place: a compact copy in a temporary file beside it, put back as one transaction; the
 * file is cut when nobody else has it open. No transaction may be open on the session. Not for :memory: on a private
 * vfs other than by a copy in the same vfs. */
SB_MUST_CHECK sb_status sb_graph_vacuum(sb_session *session, sb_err *err);
/* Write a compact copy (vacuum into) to a new file. */
SB_MUST_CHECK sb_status sb_graph_vacuum_into(sb_graph *graph, sb_vfs *vfs, const char *path,
                                             sb_err *err);

/* Salvage what can be read of a damaged file into a new one (SB_EXISTS) on the same vfs: nodes with their labels and properties,
 * relationships whose ends were saved, indexes and constraints when the catalog is whole. Ids change: new ones go on behind the highest that the damaged file has
 * given, as far as it tells, so that no old id names another entity; names that are lost become label_1,
 * type_1, key_1. lost (may be NULL) is told of each thing that could not be saved. The damaged file is only read. */
typedef struct sb_recover_options {
    const sb_allocator *alloc;
    sb_vfs *vfs;
    sb_profile *profile;
    uint64_t txn_memory_bytes; /* private pages past this are spilled */
    sb_counting_allocator
        *memory; /* borrowed; of half of its limit indexes are sorted; NULL: no limit */
    void (*lost)(void *ctx, const char *message);
    void *lost_ctx;
} sb_recover_options;
typedef struct sb_recover_result {
    uint64_t nodes, rels; /* saved */
    uint64_t lost_nodes, lost_rels;
    bool nodes_known,
        rels_known; /* how many there were; else lost_ has only what was seen to be lost */
    uint64_t damaged_pages;
    uint64_t lost_props, lost_names, lost_sets, lost_schemas;
    uint64_t messages; /* losses and doubts that were, or would be, told */
} sb_recover_result;
SB_MUST_CHECK sb_status sb_graph_recover(const char *damaged, const char *path,
                                         const sb_recover_options *options,
                                         sb_recover_result *result, sb_err *err);

/* ---- Bulk load and export (CSV) ------------------------------------------------------------------------------------------------ */

typedef struct sb_bulk_file {
    const char *path;   /* "-": standard input; pipes are read too */
    const char *header; /* a file whose first line is the header; NULL: path has its own */
    sb_bytes name; /* label(s, separated by ':' or ';') or type given on the command line; may be
                       * empty */
} sb_bulk_file;
/* Nodes that the graph has, by the text of a property's value. */
typedef struct sb_bulk_end {
    sb_bytes label; /* empty: whatever their labels */
    sb_bytes key;   /* empty: the end is no such node */
} sb_bulk_end;
typedef struct sb_bulk_options {
    sb_vfs *vfs;
    const sb_bulk_file *node_files;
    size_t node_file_count;
    const sb_bulk_file *rel_files;
    size_t rel_file_count;
    char delimiter, quote;
    char array_delimiter; /* '\0', the default: ';', or ',' where ';' is the delimiter */
    /* for plain headers; may be NULL */
    const char *id_column, *start_column, *end_column, *type_column, *label_column;
    const char *null_text; /* cells equal to it are absent; unquoted empty cells always are; may
                            * be NULL */
    bool infer_types;      /* for columns without a type: from the values; else strings */
    bool trim;
    bool skip_missing_endpoints, skip_duplicate_ids; /* count instead of failing */
    /* Starts and ends of relationships, of a load without files of nodes: both have keys, or none has. */
    sb_bulk_end ends[2];
    const char *reject_path; /* rejected rows go there */
    /* or their messages ("file, line 3, column 1 (id): …") to this. Neither: the first bad row fails the load */
    sb_status (*rejected)(void *ctx, const char *message, sb_err *err);
    void *rejected_ctx;
    uint64_t max_rejects; /* more fail the load */
    sb_progress progress; /* of bytes read, in place of the session's; may be NULL */
    void *progress_ctx;
    unsigned threads;    /* 0: all cores */
    size_t memory_bytes; /* sort and build buffers; past it runs go to temporary files; 0: a
                              * default */
    bool store_ids;      /* keep the :ID cell as a property named by the header cell's name; default
                         * true */
    size_t chunk_bytes;  /* text parsed at a time; 0: a default. Tests set it small */
    uint64_t split_count; /* relationships of a type that are sorted in one piece; 0: a default */
    const char *database_path; /* of the graph's own file; NULL: in memory */
    const char *schema_path;   /* indexes and constraints made when all is loaded; NULL: none */
} sb_bulk_options;
void sb_bulk_options_init(sb_bulk_options *options);
typedef struct sb_bulk_result {
    uint64_t nodes, rels, properties, labels, rejected_rows, skipped_rows, bytes_read, schemas;
    uint64_t parse_ns, build_ns; /* on the clock */
    uint64_t sort_ns;            /* of all threads, within build_ns */
    uint64_t commit_ns;          /* the caller's to set */
} sb_bulk_result;
/* Load into the transaction's graph (empty or not) as part of it: one atomic commit makes it visible. Errors name file, line, column and
 * value: SB_SYNTAX, SB_TYPE_MISMATCH, SB_NOT_FOUND (endpoint), SB_EXISTS (id), SB_REJECTED (more than max_rejects). */
SB_MUST_CHECK sb_status sb_graph_bulk_load(sb_graph *graph, const sb_bulk_options *options,
                                           sb_bulk_result *result, sb_err *err);
/* Export to CSV in the same form, one file per label set and per type in directory, and schema.csv where there are indexes or
 * constraints; load of it gives an equal digest. A failed or cancelled one removes what it made. */
typedef struct sb_export_result {
    uint64_t nodes, rels, schemas, files, bytes;
} sb_export_result;
SB_MUST_CHECK sb_status sb_graph_export(sb_graph *graph, sb_vfs *vfs, const char *directory,
                                        sb_export_result *result, sb_err *err);

/* Rows of a CSV file as texts, from front to back; plain, gzip or zstd. Quotes are those of bulk load; empty lines are skipped. */
typedef struct sb_csv_table sb_csv_table;
typedef struct sb_csv_text {
    sb_bytes text; /* UTF-8 */
    bool quoted;
} sb_csv_text;
/* Asked now and then, within rows too: not SB_OK (whoever answers records it) ends the call with that status. */
typedef struct sb_csv_watch {
    sb_status (*ask)(void *ctx); /* NULL: nobody */
    void *ctx;
} sb_csv_watch;
SB_MUST_CHECK sb_status sb_csv_table_open(const sb_allocator *alloc, sb_vfs *vfs, const char *path,
                                          uint8_t delimiter, const sb_csv_watch *watch,
                                          sb_csv_table **table, sb_err *err);
/* *count 0: the end. Cells are borrowed until the next call. Errors name file and line. */
SB_MUST_CHECK sb_status sb_csv_table_next(sb_csv_table *table, const sb_csv_text **cells,
                                          size_t *count, sb_err *err);
/* Of the file, before decompression: its size (0: not known), and what has been read of it and given as rows, about. */
uint64_t sb_csv_table_bytes(const sb_csv_table *table);
uint64_t sb_csv_table_bytes_done(const sb_csv_table *table);
void sb_csv_table_close(sb_csv_table *table); /* accepts NULL */

#endif
