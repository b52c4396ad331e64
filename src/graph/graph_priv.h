/* graph_priv.h — what the files of graph/ share: struct sb_graph, the atomic-call bracket, the writer.
 *
 * G1  A public call that writes is bracketed by sb_graph__atomic_begin and _end: a savepoint that is rolled back to when the
 *     call fails, so that nothing of it stays (DESIGN §9 rule 8). One that is enclosed leaves that to its caller, a statement.
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

/* Relationships of one type made in this transaction, in order of creation; those from `flushed` on are in no list tree
 * yet. */
typedef struct sb_pending {
    sb_type_id type;
    uint64_t epoch; /* of the newest savepoint whose log has its old lengths */
    size_t
        kept; /* its length then: what it was at a savepoint is wanted if that is rolled back to */
    sb_triple *rels; /* (source, target, rel) */
    size_t flushed, count, capacity;
    sb_pending_chains chains[2]; /* by direction */
} sb_pending;

/* Lengths of a sb_pending before its first change since a savepoint. */
typedef struct sb_pending_log {
    size_t place; /* in writer.pending */
    size_t flushed, count, kept;
    uint64_t epoch;
} sb_pending_log;

/* Node ids made in this transaction, all of one label set, ascending without gaps. */
typedef struct sb_made {
    sb_node_id first, end; /* [first, end) */
    sb_set_id set;
} sb_made;

/* What this transaction did to a node that it made itself: a made range says something else of it. */
typedef struct sb_override {
    sb_node_id node;
    sb_set_id set;
    bool deleted;
} sb_override;

/* An entry of the existence cache: a node of the committed state that exists, and its label set there. */
typedef struct sb_cached_node {
    sb_node_id node; /* 0: free */
    sb_set_id set;
    uint32_t epoch; /* counts in the writer's cache_epoch alone */
} sb_cached_node;

/* Lengths at a savepoint (G2). */
typedef struct sb_writer_mark {
    uint32_t savepoint;
    size_t made_count;
    sb_node_id made_end; /* end of the last made range */
    size_t override_count;
    size_t log_count;
    size_t touched_count;
    uint64_t epoch; /* since it: logs of an older one have older lengths */
} sb_writer_mark;

/* An entity whose existence and type constraints did not hold when it was last changed: checked at commit. */
typedef struct sb_touched {
    uint64_t id;
    uint8_t entity; /* sb_entity */
} sb_touched;

/* A change of a property index that is not in its tree yet, or an entry to check for uniqueness. The key lies in a
 * buffer beside, which may move while it grows. */
typedef struct sb_entry {
    uint32_t schema;
    bool add;   /* else remove */
    size_t off; /* of the key */
    size_t key_bytes;
    size_t number; /* order of arrival */
} sb_entry;

/* What a call has still to do to property indexes (index_upkeep.c). Empty between calls. */
typedef struct sb_upkeep {
    bool defer_unique;            /* check at the end of the call: mutate may swap two values */
    sb_buffer edits, edit_keys;   /* sb_entry[], their keys */
    sb_buffer checks, check_keys; /* entries of unique indexes that the call added */
    sb_arena *work;               /* values read back; reset often */
} sb_upkeep;

/* Creations that are gathered into typed batches (gather.c). Scratch, kept. */
typedef struct sb_gather {
    sb_buffer order;  /* uint32_t: rows by group */
    sb_buffer groups; /* sb_group[] */
    sb_map group_index;
    sb_buffer shapes; /* sb_shape[]: columns of a batch */
    sb_map shape_index;
    sb_buffer columns; /* sb_prop_column[] */
    sb_buffer cells;   /* their arrays */
    sb_buffer ids;     /* ids, sources, targets of a batch */
    sb_buffer numbers; /* uint32_t: names of a batch's rows in messages */
} sb_gather;

/* How messages call the rows of a batch: "row 3", or the place in the caller's list. */
typedef struct sb_row_names {
    const char *noun;        /* NULL: "row" */
    const uint32_t *numbers; /* borrowed; NULL: the row's own number */
    size_t first; /* of the slice that is being made: its row 0 is this one of the batch */
} sb_row_names;

SB_INLINE size_t sb_row_names__at(const sb_row_names *rows, size_t row)
{
    return rows->numbers == NULL ? rows->first + row : rows->numbers[rows->first + row];
}

/* Where the row lies that an entity of a bulk load came from, or which op of a list concerned it. */
typedef struct sb_row_place {
    char text[256];       /* "people.csv, line 3, column 2 (name)" */
    uint64_t line, order; /* order: of the rows of all files */
    uint32_t column;      /* 0: none is to blame */
} sb_row_place;
/* For messages of constraints while a load runs, or a list of ops ends; find NULL: neither. key: the property that is wrong, 0: none. False: it is
 * none of them. */
typedef struct sb_row_finder {
    bool (*find)(void *ctx, sb_entity entity, uint64_t id, sb_key_id key, sb_row_place *place);
    void *ctx;
} sb_row_finder;

typedef struct sb_writer {
    bool active; /* the transaction has written through this writer */
    sb_pending *pending;
    size_t pending_count, pending_capacity; /* types */
    sb_map pending_index;                   /* type → place in pending */
    size_t pending_rels;                    /* in no tree yet, of all types */
    sb_pending_log *log;
    size_t log_count, log_capacity;
    uint64_t epoch; /* rises with each savepoint and each rolling back to one */
    sb_made *made;
    size_t made_count, made_capacity;
    sb_made *made_sorted; /* the first made_sorted_count of made, sorted by first */
    size_t made_sorted_count, made_sorted_capacity;
    size_t made_hint; /* place in made that was found last */
    sb_override *overrides;
    size_t override_count, override_capacity;
    sb_map override_index; /* node → place of its newest override */
    sb_cached_node *cache; /* 4-way, cache_mask + 1 lines; NULL: none */
    size_t cache_mask, cache_entries;
    sb_writer_mark *marks;
    size_t mark_count, mark_capacity;
    sb_touched *touched;
    size_t touched_count, touched_capacity;
    sb_writer_stats stats;
    uint64_t work; /* units that the call has done: rows, values, ends, relationships flushed */
    /* Scratch, kept between calls and transactions so that a steady stream of them allocates nothing. */
    sb_buffer words;      /* uint64_t columns */
    sb_buffer columns;    /* sb_column[] */
    sb_buffer present;    /* bitmaps of mixed columns */
    sb_buffer texts;      /* sb_bytes columns of mixed columns */
    sb_buffer encoded;    /* encoded values */
    sb_buffer sets;       /* sb_set_id of endpoints */
    sb_buffer unique;     /* endpoints to look up */
    sb_buffer scratch;    /* sort scratch */
    sb_buffer keys;       /* index keys */
    sb_buffer items;      /* sb_item[] */
    sb_buffer slice;      /* sb_prop_column[] of a slice, then ids that the caller does not want */
    sb_map endpoints;     /* endpoint → label set + 1 within one call */
    uint32_t cache_epoch; /* rises whenever the cache is cleared */
    bool cache_used;      /* the cache has had an entry since it was cleared */
    sb_row_names rows;    /* of the batch being made */
    sb_row_finder row_finder;
    /* Of what loads of this transaction made, the first that breaks a constraint which is checked at commit. */
    bool knows_place;
    sb_touched broken;
    sb_row_place broken_place;
    sb_upkeep upkeep;
    sb_gather gather;
} sb_writer;

/* ---- The graph ------------------------------------------------------------------------------------------------ */

/* Kept by the session between transactions. */
struct sb_graph {
    sb_session *session;
    const sb_allocator *alloc;
    sb_profile *profile;
    sb_txn *txn; /* NULL between transactions */
    sb_view *view;
    sb_graph_settings settings;
    sb_arena *results;      /* arena(call) */
    sb_buffer neighbor_ids; /* results of the id-only neighbor calls: kept, so that a steady
                             * stream of them allocates nothing */
    sb_buffer rel_ids;      /* scratch beside it */
    sb_writer writer;
    bool
        committing; /* what runs belongs to a commit, which reports no progress and has no time limit */
};

/* What traversals, builders and loads may hold; 0: no limit. */
SB_INLINE size_t sb_graph__memory(const sb_graph *graph)
{
    const sb_graph_settings *settings = &graph->settings;
    if (settings->memory_bytes != 0 || settings->memory == NULL) return settings->memory_bytes;
    return sb_counting_allocator_limit(settings->memory) / 2;
}
/* The allocator of the graph's long-lived memory. */
SB_INLINE const sb_allocator *sb_graph__alloc(const sb_graph *graph)
{
    return graph->alloc;
}
/* The arena for this call's results, emptied. */
sb_arena *sb_graph__results(sb_graph *graph);
/* SB_INTERRUPT when the session was cancelled; calls progress. Call about every 65,536 units of work. */
SB_MUST_CHECK sb_status sb_graph__tick(sb_graph *graph, uint64_t done, uint64_t total, sb_err *err);
/* Units of work between two ticks. */
#define SB_GRAPH_STEP ((size_t)65536)
/* Ids of a call that reads many between two ticks, which is a millisecond or two; a multiple of 8, so that bitmaps can be cut there. Fewer where
 * each id is asked for in several trees. */
#define SB_GRAPH_MANY       ((size_t)16384)
#define SB_GRAPH_MANY_TREES ((size_t)1024)
/* How many of count ids come next. */
SB_INLINE size_t sb_graph__slice(size_t at, size_t count, size_t step)
{
    return count - at < step ? count - at : step;
}
/* Count work of a call that writes, in steps of any size: ticks each SB_GRAPH_STEP units. Nothing in a commit. */
SB_MUST_CHECK sb_status sb_graph__work(sb_graph *graph, size_t units, sb_err *err);
/* Tick now: within work that counts no units, or takes long for each. */
SB_MUST_CHECK sb_status sb_graph__poll(sb_graph *graph, sb_err *err);
/* Bracket of a call that writes (G1). end passes status through, after rolling back if it is a failure. */
SB_MUST_CHECK sb_status sb_graph__atomic_begin(sb_graph *graph, uint32_t *savepoint, sb_err *err);
SB_MUST_CHECK sb_status sb_graph__atomic_end(sb_graph *graph, uint32_t savepoint, sb_status status,
                                             sb_err *err);
/* The same for a call within a savepoint of the caller's, who rolls back to it when the call fails. */
SB_MUST_CHECK sb_status sb_graph__enclosed_begin(sb_graph *graph, sb_err *err);
SB_MUST_CHECK sb_status sb_graph__enclosed_end(sb_graph *graph, sb_status status, sb_err *err);
/* Grow an array of elements of size bytes to hold count, doubling: the second when it does not. */
SB_MUST_CHECK sb_status sb_graph__grow_array(const sb_allocator *alloc, void *array, size_t size,
                                             size_t count, size_t *capacity, sb_err *err);
SB_MUST_CHECK SB_INLINE sb_status sb_graph__grow(const sb_allocator *alloc, void *array,
                                                 size_t size, size_t count, size_t *capacity,
                                                 sb_err *err)
{
    if (SB_LIKELY(count <= *capacity)) return SB_OK;
    return sb_graph__grow_array(alloc, array, size, count, capacity, err);
}
/* Settings of a session, for another one that does part of its work. */
SB_MUST_CHECK sb_status sb_graph__settings(sb_session *session, sb_graph_settings *settings,
                                           sb_err *err);
/* "Person" of a label (type, key) for messages, as a NUL-terminated copy in buf. */
const char *sb_graph__name(sb_graph *graph, sb_name_kind kind, uint32_t id, char *buf,
                           size_t bytes);

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
SB_MUST_CHECK sb_status sb_writer__made(sb_graph *graph, sb_set_id set, const sb_node_id *ids,
                                        size_t count, sb_err *err);
/* A node's label set changed, or it was deleted: its row has been changed already. */
SB_MUST_CHECK sb_status sb_writer__override(sb_graph *graph, sb_node_id node, sb_set_id set,
                                            bool deleted, sb_err *err);
/* Relationships whose sources, and whose targets, are nodes of one label set that this transaction made in a row: *made, and their
 * sets; counted as checked. Else nothing is done, and they are for the next. */
SB_MUST_CHECK sb_status sb_writer__ends_made(sb_graph *graph, const sb_node_id *sources,
                                             const sb_node_id *targets, size_t rels,
                                             sb_set_id *source_set, sb_set_id *target_set,
                                             bool *made, sb_err *err);
/* Label sets of count endpoints (both ends of rels: sources then targets), each looked up at most once.
 * SB_NOT_FOUND names the first that does not exist, and its row. */
SB_MUST_CHECK sb_status sb_writer__endpoints(sb_graph *graph, const sb_node_id *sources,
                                             const sb_node_id *targets, size_t rels,
                                             sb_set_id *source_sets, sb_set_id *target_sets,
                                             sb_err *err);
/* The same for ends of relationships that exist: not counted as checks; a missing node counts for the empty set. */
SB_MUST_CHECK sb_status sb_writer__sets_of(sb_graph *graph, const sb_node_id *sources,
                                           const sb_node_id *targets, size_t rels,
                                           sb_set_id *source_sets, sb_set_id *target_sets,
                                           sb_err *err);
/* Relationships were made: add them to what is pending. ids ascending. */
SB_MUST_CHECK sb_status sb_writer__pend(sb_graph *graph, sb_type_id type, const sb_node_id *sources,
                                        const sb_node_id *targets, const sb_rel_id *ids,
                                        size_t count, sb_err *err);
/* Put what is pending of a type (0: all) into the trees. */
SB_MUST_CHECK sb_status sb_writer__flush(sb_graph *graph, sb_type_id type, sb_err *err);
/* Note that existence and type constraints of an entity must be checked at commit. */
SB_MUST_CHECK sb_status sb_writer__touch(sb_graph *graph, sb_entity entity, uint64_t id,
                                         sb_err *err);

/* Pending relationships of a node over a type in a direction (SB_OUT or SB_IN), sorted by (neighbor, rel): borrowed until
 * the next write. *count 0 costs a comparison when nothing is pending. */
SB_MUST_CHECK sb_status sb_graph__pending_list(sb_graph *graph, sb_type_id type,
                                               sb_direction direction, sb_node_id node,
                                               const sb_triple **items, size_t *count, sb_err *err);
/* Append those of a type from source to target to rels (sb_rel_id), ascending. Costs the shorter of the two nodes' pending lists. */
SB_MUST_CHECK sb_status sb_graph__pending_between(sb_graph *graph, sb_type_id type,
                                                  sb_node_id source, sb_node_id target,
                                                  sb_buffer *rels, sb_err *err);
/* Is anything pending at all? */
SB_INLINE bool sb_graph__has_pending(const sb_graph *graph)
{
    return graph->writer.pending_rels != 0;
}

/* ---- flush.c ----------------------------------------------------------------------------------------------------- */

/* Relationships of a type, in any order, into its lists of both directions. */
SB_MUST_CHECK sb_status sb_flush__lists(sb_graph *graph, sb_type_id type, const sb_triple *rels,
                                        size_t count, sb_err *err);

/* ---- read.c ------------------------------------------------------------------------------------------------------------ */

/* What a call needs to make values: where the arena is NULL, the graph's results are emptied when the first value wants it, so that the
 * common call touches no memory but the page. */
typedef struct sb_reader {
    sb_graph *graph;
    sb_arena *arena;
} sb_reader;
/* pinned: the page that the cell lies in is given back before the caller reads the value, or it is a wide row. */
SB_MUST_CHECK sb_status sb_read__value(sb_reader *reader, const sb_cell *cell, bool pinned,
                                       sb_value *value, sb_err *err);
/* A system column that every row of its table has. */
SB_MUST_CHECK sb_status sb_read__system(const sb_row *row, const char *what, uint64_t id,
                                        uint32_t key, uint64_t *word, sb_err *err);

/* ---- columns.c ---------------------------------------------------------------------------------------------------- */

/* Rows of a batch that go into their table at a time; a multiple of 8, so that bitmaps can be cut there. */
#define SB_PUT_STEP ((size_t)16384)

/* Check batch columns and turn them into table columns (in writer scratch, borrowed until the next call of it), sorted by
 * (key, type), with room for `extra` system columns behind, and in writer.words for the words of one that is constant. count: rows. */
SB_MUST_CHECK sb_status sb_columns__convert(sb_graph *graph, const sb_prop_column *columns,
                                            size_t column_count, size_t count, size_t extra,
                                            sb_column **out, size_t *out_count, sb_err *err);
/* Value i of a batch column; NULL typed when absent. */
sb_value sb_columns__value(const sb_prop_column *column, size_t i);
/* The column of a key, or NULL. */
const sb_prop_column *sb_columns__find(const sb_prop_column *columns, size_t column_count,
                                       sb_key_id key);

/* ---- create.c -------------------------------------------------------------------------------------------------------- */

/* Rows of so many columns that a typed batch makes at once, so that what they need beside pages keeps to the transaction's memory. A
 * multiple of 8. */
size_t sb_create__slice(const sb_graph *graph, size_t column_count);
/* The typed batch inside a call's bracket, slice by slice. count is not 0; set and type exist; ids may be NULL. Of several faults the
 * one in the first slice is told. */
SB_MUST_CHECK sb_status sb_create__nodes(sb_graph *graph, sb_set_id set, size_t count,
                                         const sb_prop_column *columns, size_t column_count,
                                         sb_node_id *ids, sb_err *err);
SB_MUST_CHECK sb_status sb_create__rels(sb_graph *graph, sb_type_id type, size_t count,
                                        const sb_node_id *sources, const sb_node_id *targets,
                                        const sb_prop_column *columns, size_t column_count,
                                        sb_rel_id *ids, sb_err *err);
/* Count relationships per label set of one end: a call of the store for each run of equal sets. sign: 1 or -1. */
void sb_create__count_ends(sb_graph *graph, const sb_set_id *sets, size_t count, sb_type_id type,
                           sb_direction direction, int sign);

/* ---- gather.c -------------------------------------------------------------------------------------------------------- */

/* A property to be made: half the size of sb_prop, since a builder holds many. */
typedef struct sb_packed_prop {
    sb_key_id key;
    uint32_t type; /* not NULL */
    union {
        int64_t integer; /* BOOL too */
        double real;
        sb_bytes bytes;        /* borrowed */
        const sb_value *value; /* borrowed: what is none of these */
    } as;
} sb_packed_prop;
/* value is prop's, or where a copy of it lives. */
SB_INLINE void sb_gather__pack(const sb_prop *prop, const sb_value *value, sb_packed_prop *packed)
{
    packed->key = prop->key;
    packed->type = value->type;
    switch (value->type) {
    case SB_TYPE_BOOL: packed->as.integer = value->as.boolean; break;
    case SB_TYPE_INT:
    case SB_TYPE_DATE:
    case SB_TYPE_LOCAL_TIME: packed->as.integer = value->as.integer; break;
    case SB_TYPE_FLOAT: packed->as.real = value->as.real; break;
    case SB_TYPE_STRING:
    case SB_TYPE_BYTES:
        packed->as.bytes = sb_bytes_of(value->as.bytes.data, value->as.bytes.size);
        break;
    default: packed->as.value = value; break;
    }
}
/* A node or relationship to be made. */
typedef struct sb_new_thing {
    uint64_t first_prop; /* place in sb_creations.props */
    uint32_t prop_count;
    uint32_t name; /* label set or type, or its place in sb_creations.names */
} sb_new_thing;
typedef struct sb_creations {
    const sb_new_thing *things;
    size_t count;
    const sb_packed_prop *props;
    const uint32_t *names;   /* may be NULL */
    const uint32_t *numbers; /* how messages call them; NULL: by their places */
    const char *noun;        /* "node", "op" */
    /* Ends of relationship number i; NULL: they are nodes. */
    sb_status (*ends)(void *ctx, size_t i, sb_node_id *source, sb_node_id *target, sb_err *err);
    void *ctx;
} sb_creations;
/* Make them in batches: ids[i] is that of the i-th. SB_INVALID: a property given twice. */
SB_MUST_CHECK sb_status sb_gather__create(sb_graph *graph, const sb_creations *list, uint64_t *ids,
                                          sb_err *err);
void sb_gather__init(sb_gather *gather, const sb_allocator *alloc);
void sb_gather__deinit(sb_gather *gather);

/* ---- schema_ops.c ----------------------------------------------------------------------------------------------------- */

/* Fill the empty index of a definition from the table, and check its constraint. Part of a call that writes. */
SB_MUST_CHECK sb_status sb_schema__fill(sb_graph *graph, const sb_schema *schema, sb_err *err);

/* ---- index_upkeep.c -------------------------------------------------------------------------------------------------- */

/* An entity before or after a change: its row, with changes on top. */
typedef struct sb_side {
    bool exists;
    uint32_t name;          /* label set of a node, type of a relationship */
    const sb_row *row;      /* borrowed */
    const sb_prop *changes; /* NULL typed: removed */
    size_t change_count;
    bool replaced; /* only changes count */
} sb_side;

void sb_upkeep__init(sb_upkeep *upkeep, const sb_allocator *alloc);
void sb_upkeep__deinit(sb_upkeep *upkeep);
/* Bracket of a call that changes entities. end applies what is left and checks uniqueness: what is not unique goes to doubts, or fails
 * when that is NULL. */
void sb_upkeep__begin(sb_graph *graph, bool defer_unique);
SB_MUST_CHECK sb_status sb_upkeep__end(sb_graph *graph, sb_unique_doubts *doubts, sb_err *err);
/* New entities (ids ascending) of a label set or type with these columns: enter them into every property index that concerns
 * them, check uniqueness, note existence and type constraints. */
SB_MUST_CHECK sb_status sb_upkeep__created(sb_graph *graph, sb_entity entity, uint32_t set_or_type,
                                           const uint64_t *ids, size_t count,
                                           const sb_prop_column *columns, size_t column_count,
                                           sb_err *err);
/* An entity changes: note the edits of property indexes that follow, and constraints to check at commit. Rows may be
 * released afterwards. */
SB_MUST_CHECK sb_status sb_upkeep__plan(sb_graph *graph, sb_entity entity, uint64_t id,
                                        const sb_side *before, const sb_side *after, sb_err *err);
/* Is there a property index on a label of this set, or on this type? */
bool sb_upkeep__indexed(sb_graph *graph, sb_entity entity, uint32_t set_or_type);
/* Sort entries of an index by key; nothing when they are sorted. Can be cancelled, as the next. */
SB_MUST_CHECK sb_status sb_upkeep__sort_items(sb_graph *graph, sb_item *items, size_t count,
                                              sb_err *err);
/* sb_tree_put_many of sorted entries, in pieces. */
SB_MUST_CHECK sb_status sb_upkeep__put_items(sb_graph *graph, sb_tree *tree, const sb_item *items,
                                             size_t count, sb_err *err);
/* The value of a key on a side; NULL typed when absent. Long ones are made in upkeep.work. */
SB_MUST_CHECK sb_status sb_side__value(sb_graph *graph, const sb_side *side, sb_key_id key,
                                       sb_value *value, sb_err *err);
/* Does a schema concern this label set or type? */
SB_INLINE bool sb_schema__concerns(sb_view *view, const sb_schema *schema, sb_entity entity,
                                   uint32_t set_or_type)
{
    if (schema->kind == SB_SCHEMA_LABEL_INDEX || schema->on_rels != (entity == SB_REL))
        return false;
    return entity == SB_REL ? schema->entity == set_or_type
                            : sb_set_has(view, set_or_type, schema->entity);
}
/* Bytes of the entity's id at the end of an index entry's key (docs/FORMAT.md, property index). */
#define SB_ENTRY_TAIL_BYTES 5u

/* ---- constraints.c ----------------------------------------------------------------------------------------------------- */

/* Does an existence, node key or type constraint hold for a side? */
SB_MUST_CHECK sb_status sb_constraints__holds(sb_graph *graph, const sb_schema *schema,
                                              const sb_side *side, bool *holds, sb_err *err);
/* Two entities have entries of equal key in a unique index: SB_CONSTRAINT unless their values differ after all (cut keys, NaN). */
SB_MUST_CHECK sb_status sb_constraints__conflict(sb_graph *graph, const sb_schema *schema,
                                                 uint64_t id, uint64_t other, sb_err *err);
/* SB_CONSTRAINT: an entity breaks an existence, node key or type constraint. */
SB_MUST_CHECK sb_status sb_constraints__broken(sb_graph *graph, const sb_schema *schema,
                                               uint64_t id, const sb_side *side, sb_err *err);
/* At the end of a load: of the entities touched from place `from` on, keep where the row of the first lies, for the message of the commit. */
SB_MUST_CHECK sb_status sb_constraints__remember_place(sb_graph *graph, size_t from, sb_err *err);
/* Existence, node key presence and types of all touched entities: before commit. */
SB_MUST_CHECK sb_status sb_constraints__check_touched(sb_graph *graph, sb_err *err);

/* ---- delete.c ------------------------------------------------------------------------------------------------------------ */

/* Inside a call's bracket. SB_NOT_FOUND names the one that does not exist. */
SB_MUST_CHECK sb_status sb_delete__rel(sb_graph *graph, sb_rel_id id, sb_err *err);
/* Many relationships, or nodes without any, at once: ids ascending. The change hook is the caller's matter. *done false: one of them is not there,
 * or not as it should be, or has relationships, and nothing was done: one after the other they tell which. */
SB_MUST_CHECK sb_status sb_delete__many(sb_graph *graph, sb_entity entity, const uint64_t *ids,
                                        size_t count, bool *done, sb_err *err);
/* Tell who listens of a change; nothing without one. */
SB_MUST_CHECK SB_INLINE sb_status sb_graph__changed(sb_graph *graph, sb_change change,
                                                    const uint64_t *ids, size_t count, sb_err *err)
{
    const sb_graph_settings *settings = &graph->settings;
    if (SB_LIKELY(settings->changed == NULL)) return SB_OK;
    return settings->changed(settings->changed_ctx, change, ids, count, err);
}

/* detached: relationships deleted with it. SB_CONSTRAINT: it has some and detach is not given. */
SB_MUST_CHECK sb_status sb_delete__node(sb_graph *graph, sb_node_id id, bool detach,
                                        uint64_t *detached, sb_err *err);

#endif
