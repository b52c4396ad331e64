/* store.h — how a graph lies in trees: names, label sets, tables, adjacency, indexes, statistics.
 * Hides:    catalog rows, tree numbers and roots, id blocks, key layouts, containers.
 * Promises: each call keeps its own trees consistent; keeping them consistent with each other (a node's row, label
 *           index, property indexes, statistics) is the graph layer's business. After a failed call of a write
 *           view the caller rolls back to a savepoint.
 * Needs:    tree, pager's transactions, base; XXH3, utf8proc's UTF-8 check is not needed here.
 * Threads:  a view belongs to its session's thread.
 * Format:   docs/FORMAT.md, sections 11 to 16.                      Tests: tests/unit/store */
#ifndef SB_STORE_H
#define SB_STORE_H

#include "base/base.h"
#include "pager/pager.h"
#include "store/value.h"
#include "tree/tree.h"

typedef uint64_t sb_node_id; /* from 1; 0 is no node */
typedef uint64_t sb_rel_id;  /* from 1 */
/* from 1; set 0 is the empty label set */
typedef uint32_t sb_label_id, sb_type_id, sb_key_id, sb_set_id;
/* 2^40 - 1: node and relationship ids; leaves room for a type in a 64-bit list key */
#define SB_ID_MAX 0xFFFFFFFFFFull

/* The graph as one transaction sees it. A session keeps the object between its transactions, so making one is
 * a version comparison when the schema has not changed. Ends with the transaction. */
typedef struct sb_view sb_view;
/* again after sb_txn_upgrade, before roots are changed */
SB_MUST_CHECK sb_status sb_view_get(sb_txn *txn, sb_view **view, sb_err *err);
/* Names a state: as long as it is the same, names, schemas and counts are. 0 in a write transaction, which may change them at any
 * time. */
uint64_t sb_view_version(const sb_view *view);
/* First write transaction of a new file: write the empty catalog. A no-op later. */
SB_MUST_CHECK sb_status sb_view_found(sb_view *view, sb_err *err);
/* One hook, run when the transaction commits, before the store writes its rows: the layer above flushes there what it
 * still holds. (The pager runs hooks in the order in which extensions were made, and the view's comes first.) Stays until
 * another is set or a write transaction ends; ctx lives as long. */
void sb_view_before_commit(sb_view *view, sb_status (*hook)(void *ctx, sb_err *err), void *ctx);

/* ---- Names -------------------------------------------------------------------------------------------- */

typedef enum sb_name_kind {
    SB_NAME_LABEL = 0,
    SB_NAME_TYPE = 1,
    SB_NAME_KEY = 2,
    SB_NAME_KINDS = 3
} sb_name_kind;
#define SB_NAME_BYTES_MAX 1024u /* UTF-8 bytes, at least 1 */
/* 0 when there is none. One hash look-up; no page is read. */
uint32_t sb_name_find(sb_view *view, sb_name_kind kind, sb_bytes name);
/* Find or make. SB_LIMIT, SB_INVALID (empty, not UTF-8), SB_READ_ONLY in a read transaction when absent. */
SB_MUST_CHECK sb_status sb_name_intern(sb_view *view, sb_name_kind kind, sb_bytes name,
                                       uint32_t *id, sb_err *err);
/* Borrowed until the view's next transaction; size 0 for an unknown id. */
sb_bytes sb_name_of(sb_view *view, sb_name_kind kind, uint32_t id);
/* Ids are 1 … count. */
uint32_t sb_name_count(sb_view *view, sb_name_kind kind);

/* ---- Label sets ------------------------------------------------------------------------------------------ */

#define SB_SET_LABELS_MAX 26112u
/* labels: ascending, no duplicates. Label sets are interned for ever, like names. */
SB_MUST_CHECK sb_status sb_set_intern(sb_view *view, const sb_label_id *labels, size_t count,
                                      sb_set_id *set, sb_err *err);
/* Borrowed as names are. */
const sb_label_id *sb_set_labels(sb_view *view, sb_set_id set, size_t *count);
bool sb_set_has(sb_view *view, sb_set_id set, sb_label_id label);
uint32_t sb_set_count(sb_view *view); /* ids are 0 … count - 1 */
/* Sets that hold a label, ascending; borrowed as names are. */
const sb_set_id *sb_label_sets(sb_view *view, sb_label_id label, size_t *count);

/* ---- Ids ---------------------------------------------------------------------------------------------------- */

/* Hand out count ids: rows of one label set (or type) lie together in blocks that double from 64 to 65,536 ids; a large
 * count takes one block of its own size. Ids come ascending but may have gaps between blocks. */
SB_MUST_CHECK sb_status sb_ids_take_nodes(sb_view *view, sb_set_id set, size_t count,
                                          sb_node_id *ids, sb_err *err);
SB_MUST_CHECK sb_status sb_ids_take_rels(sb_view *view, sb_type_id type, size_t count,
                                         sb_rel_id *ids, sb_err *err);
/* Ids of all nodes ever made, uncommitted ones included, are below it. */
sb_node_id sb_ids_node_end(const sb_view *view);
sb_rel_id sb_ids_rel_end(const sb_view *view);
/* In a store that has handed out none: the first ids. Too high to leave room for many: false, and ids begin at 1. */
SB_MUST_CHECK bool sb_ids_begin_at(sb_view *view, sb_node_id node, sb_rel_id rel);

/* ---- Node and relationship tables ----------------------------------------------------------------------------- */

/* System columns of the tables. */
#define SB_COLUMN_SET    0xFFFFFF00u /* node: label set, INT */
#define SB_COLUMN_SOURCE 0xFFFFFF01u /* relationship: source node, INT */
#define SB_COLUMN_TARGET 0xFFFFFF02u
#define SB_COLUMN_TYPE   0xFFFFFF03u

sb_tree *sb_node_table(sb_view *view); /* for sb_rows_*: the view persists root changes at commit */
sb_tree *sb_rel_table(sb_view *view);

/* ---- Adjacency -------------------------------------------------------------------------------------------------- */

typedef enum sb_direction { SB_OUT = 0, SB_IN = 1, SB_BOTH = 2 } sb_direction;

/* Sorted triples of one type and direction: (node, neighbor, rel). Types with few relationships share one tree,
 * under ids (type << 40 | node); a type that outgrows it moves to a tree of its own here. */
SB_MUST_CHECK sb_status sb_adjacency_insert(sb_view *view, sb_type_id type, sb_direction direction,
                                            const sb_triple *triples, size_t count, sb_err *err);
SB_MUST_CHECK sb_status sb_adjacency_delete(sb_view *view, sb_type_id type, sb_direction direction,
                                            const sb_triple *triples, size_t count, size_t *deleted,
                                            sb_err *err);
/* The tree that holds a type's lists and the id of node in it, for sb_list_* and sb_lists_*. tree is NULL when the type
 * has none. */
/* id in tree = node + *id_bias */
const sb_tree *sb_adjacency_tree(sb_view *view, sb_type_id type, sb_direction direction,
                                 uint64_t *id_bias);
/* For bulk load: a fresh tree for a type with no relationships yet; finish with sb_adjacency_adopt. */
SB_MUST_CHECK sb_status sb_adjacency_fresh(sb_view *view, sb_type_id type, sb_direction direction,
                                           sb_tree *tree, sb_err *err);
SB_MUST_CHECK sb_status sb_adjacency_adopt(sb_view *view, sb_type_id type, sb_direction direction,
                                           const sb_tree *tree, sb_err *err);

/* ---- Label index --------------------------------------------------------------------------------------------------- */

/* Ids ascending. */
SB_MUST_CHECK sb_status sb_label_index_add(sb_view *view, sb_label_id label, const sb_node_id *ids,
                                           size_t count, sb_err *err);
SB_MUST_CHECK sb_status sb_label_index_remove(sb_view *view, sb_label_id label,
                                              const sb_node_id *ids, size_t count, sb_err *err);
/* The next up to capacity ids >= from that carry label, ascending; *count 0 at the end. */
SB_MUST_CHECK sb_status sb_label_index_scan(sb_view *view, sb_label_id label, sb_node_id from,
                                            sb_node_id *ids, size_t capacity, size_t *count,
                                            sb_err *err);
SB_MUST_CHECK sb_status sb_label_index_has(sb_view *view, sb_label_id label, sb_node_id id,
                                           bool *has, sb_err *err);
/* A bit (sb_bit_get) for each id from *first on, up to the last that carries label, appended to the empty buffer bits. *fits false: they would take
 * more than `most` bytes, and there are none. */
SB_MUST_CHECK sb_status sb_label_index_bits(sb_view *view, sb_label_id label, size_t most,
                                            sb_buffer *bits, sb_node_id *first, bool *fits,
                                            sb_err *err);

/* ---- Schema: indexes and constraints --------------------------------------------------------------------------------- */

typedef enum sb_schema_kind {
    SB_SCHEMA_INDEX = 1,  /* property index, one or more keys */
    SB_SCHEMA_UNIQUE = 2, /* backed by an index; nodes or relationships lacking a key are exempt */
    SB_SCHEMA_NODE_KEY = 3,   /* unique, and every key present */
    SB_SCHEMA_EXISTS = 4,     /* key present; no index */
    SB_SCHEMA_TYPED = 5,      /* key, when present, has one of value_types; no index */
    SB_SCHEMA_LABEL_INDEX = 6 /* the label index can be dropped for a label and made again */
} sb_schema_kind;
#define SB_SCHEMA_KEYS_MAX 16u
#define SB_SCHEMA_ID_MAX   0x7FFFFFFFu /* higher ones are the graph's, for label indexes */

typedef struct sb_schema {
    uint32_t id;     /* from 1; given again when what it was given to is rolled back */
    uint64_t stamp;  /* hash of id and of all that it says, names by their texts */
    uint8_t kind;    /* sb_schema_kind */
    bool on_rels;    /* entity is a relationship type, else a label */
    uint32_t entity; /* label or type id */
    uint32_t key_count;
    sb_key_id keys[SB_SCHEMA_KEYS_MAX];
    uint32_t
        value_types; /* TYPED: bit (1 << sb_type) for each admitted type, SB_TYPE_LIST_OF included */
    sb_bytes name;   /* unique among all; borrowed */
    bool has_tree;
} sb_schema;

/* All of them, by id; borrowed as names are. */
const sb_schema *sb_schemas(sb_view *view, size_t *count);
const sb_schema *sb_schema_find(sb_view *view, sb_bytes name); /* NULL when absent */
/* Are the label's nodes in the label index? It can be dropped for a label. */
bool sb_label_indexed(sb_view *view, sb_label_id label);
/* Add a definition (and an empty tree). SB_EXISTS: the name, or the same definition, is there. The caller fills the index. */
SB_MUST_CHECK sb_status sb_schema_add(sb_view *view, const sb_schema *definition, uint32_t *id,
                                      sb_err *err);
/* Remove it and free its tree (sb_tree_clear). */
SB_MUST_CHECK sb_status sb_schema_drop(sb_view *view, uint32_t id, sb_progress progress, void *ctx,
                                       sb_err *err);

/* Index entries: the keys of all values in order, then the entity's id. */
sb_tree *sb_schema_tree(sb_view *view, uint32_t schema_id); /* slotted; NULL when it has none */
/* Append an entry's key: values[key_count] then id (0: leave it out, for look-up prefixes; then of the first values only, if you
 * like). No null has an entry: SB_MISUSE. *cut: a value is too long and stands with its first bytes and a hash. */
SB_MUST_CHECK sb_status sb_index_key(sb_view *view, uint32_t schema_id, const sb_value *values,
                                     size_t value_count, uint64_t id, sb_buffer *key, bool *cut,
                                     sb_err *err);
/* What the keys of all entries of an index have in common, so that many are made without asking for it again. */
typedef struct sb_index_form {
    size_t key_count, limit; /* bytes of the longest key of a value */
} sb_index_form;
SB_MUST_CHECK sb_status sb_index_form_of(sb_view *view, uint32_t schema_id, sb_index_form *form,
                                         sb_err *err);
/* As sb_index_key for an entry, which has a value for each key and an id. */
SB_MUST_CHECK sb_status sb_index_append(const sb_index_form *form, const sb_value *values,
                                        uint64_t id, sb_buffer *key, sb_err *err);
/* Id at the end of an entry's key. SB_CORRUPT when it has none. */
SB_MUST_CHECK sb_status sb_index_entry_id(sb_bytes key, uint64_t *id, sb_err *err);
/* The first entity with exactly these values (a full look-up), *id 0 when none: the hot path of lookup_key: one descent, no
 * allocation. Cut keys are checked against the row by the caller (cut). */
SB_MUST_CHECK sb_status sb_index_lookup(sb_view *view, uint32_t schema_id, const sb_value *values,
                                        size_t value_count, uint64_t *id, bool *cut, sb_err *err);
/* Many look-ups at once: values holds the index's number of keys for each; ids[i] as sb_index_lookup gives it. Memory accesses
 * of neighbors overlap. *cut: one of the keys was cut; then look those up one by one. */
SB_MUST_CHECK sb_status sb_index_lookup_many(sb_view *view, uint32_t schema_id,
                                             const sb_value *values, size_t count, uint64_t *ids,
                                             bool *cut, sb_err *err);
/* Range or equality scan, ascending or descending. Bounds are on the value after `equal_count` leading equal values. */
typedef struct sb_index_range {
    const sb_value *equal; /* leading values that must be equal */
    size_t equal_count;
    const sb_value *low, *high; /* bounds of the next value, or NULL; both of one type class */
    bool low_inclusive, high_inclusive;
    bool descending;
} sb_index_range;
typedef struct sb_index_scan sb_index_scan;
SB_MUST_CHECK sb_status sb_index_scan_open(sb_view *view, uint32_t schema_id,
                                           const sb_index_range *range, sb_index_scan **scan,
                                           sb_err *err);
/* Up to capacity ids in index order; *count 0 at the end. keys (may be NULL): the entries' keys, borrowed until the next call.
 * What was handed out may be deleted from the index meanwhile. Null and NaN bounds, and bounds of two classes, match nothing; with one
 * bound only values of its class are in the range. */
SB_MUST_CHECK sb_status sb_index_scan_next(sb_index_scan *scan, uint64_t *ids, sb_bytes *keys,
                                           size_t capacity, size_t *count, sb_err *err);
/* Whether an entry of the last batch has a cut key: then the caller checks that batch's rows against the range. */
bool sb_index_scan_cut(const sb_index_scan *scan);
void sb_index_scan_close(sb_index_scan *scan); /* accepts NULL */

/* ---- Statistics ---------------------------------------------------------------------------------------------------------- */

/* Exact, transactional: pending changes of this transaction included. No page is read twice in a transaction. */
void sb_stats_add_nodes(sb_view *view, sb_set_id set, int64_t delta);
/* OUT: set is the source's; IN: the target's */
void sb_stats_add_rels(sb_view *view, sb_set_id set, sb_type_id type, sb_direction direction,
                       int64_t delta);
SB_MUST_CHECK sb_status sb_stats_nodes_of_set(sb_view *view, sb_set_id set, uint64_t *count,
                                              sb_err *err);
/* 0: all nodes */
SB_MUST_CHECK sb_status sb_stats_nodes_of_label(sb_view *view, sb_label_id label, uint64_t *count,
                                                sb_err *err);
/* 0: all */
SB_MUST_CHECK sb_status sb_stats_rels_of_type(sb_view *view, sb_type_id type, uint64_t *count,
                                              sb_err *err);
SB_MUST_CHECK sb_status sb_stats_rels_of(sb_view *view, sb_set_id set, sb_type_id type,
                                         sb_direction direction, uint64_t *count, sb_err *err);
/* Types that occur at nodes of a set in a direction (count > 0), ascending; borrowed until the next stats call. */
SB_MUST_CHECK sb_status sb_stats_types_at(sb_view *view, sb_set_id set, sb_direction direction,
                                          const sb_type_id **types, size_t *count, sb_err *err);
/* Visit every non-zero statistic: kind 0: nodes of set; 1: relationships of (set, type, direction). */
typedef sb_status (*sb_stats_visit)(void *ctx, int kind, sb_set_id set, sb_type_id type,
                                    sb_direction direction, uint64_t count);
SB_MUST_CHECK sb_status sb_stats_each(sb_view *view, sb_stats_visit visit, void *ctx, sb_err *err);

/* ---- Whole store ------------------------------------------------------------------------------------------------------------ */

/* Every tree of the file: for verify, info, vacuum. what: "nodes", "relationships", "index person_name", … */
typedef sb_status (*sb_store_tree_visit)(void *ctx, const sb_tree *tree, const char *what);
SB_MUST_CHECK sb_status sb_store_each_tree(sb_view *view, sb_store_tree_visit visit, void *ctx,
                                           sb_err *err);
/* Catalog against itself: names both ways, sets, ids beyond what was handed out, tree rows. */
SB_MUST_CHECK sb_status sb_store_verify(sb_view *view, sb_finding finding, void *ctx,
                                        uint64_t *findings, sb_err *err);
/* Copy everything into an empty store, each tree rebuilt with full leaves (vacuum). */
SB_MUST_CHECK sb_status sb_store_copy(sb_view *from, sb_view *to, sb_progress progress, void *ctx,
                                      sb_err *err);
/* sb_pager_replace for files with a store: what has been there under the same numbers, in an older state of this very file too, is told
 * from what takes its place by a new lineage. txn is gone in every case. */
SB_MUST_CHECK sb_status sb_store_replace(sb_txn *txn, sb_txn *source, sb_progress progress,
                                         void *ctx, sb_err *err);

/* ---- Salvage: reading a damaged file without a catalog that is whole ------------------------------------------------------------ */

typedef struct sb_salvage_trees {
    bool known; /* else they have no roots here: only numbers and kinds */
    sb_tree catalog, nodes, rels;
    uint64_t node_end, rel_end; /* behind all ids ever handed out; 0: not known */
} sb_salvage_trees;
void sb_store_salvage_trees(sb_txn *txn, sb_salvage_trees *trees);
typedef enum sb_salvage_kind {
    SB_SALVAGE_LABEL = SB_NAME_LABEL,
    SB_SALVAGE_TYPE = SB_NAME_TYPE,
    SB_SALVAGE_KEY = SB_NAME_KEY,
    SB_SALVAGE_SET,   /* a label set */
    SB_SALVAGE_NODES, /* how many nodes there were */
    SB_SALVAGE_RELS
} sb_salvage_kind;
/* What a row of the catalog says. Names and sets may come in pieces, numbered from 0. */
typedef struct sb_salvage_row {
    sb_salvage_kind kind;
    uint32_t id;
    uint8_t piece;
    bool last;
    sb_bytes value;
    uint64_t count;
} sb_salvage_row;
/* false: it is of no use here */
bool sb_store_salvage_row(sb_bytes key, sb_bytes value, sb_salvage_row *row);
/* The labels of a set's row, its pieces joined. False: it does not decode, or has more labels than capacity. */
bool sb_store_salvage_set(sb_bytes value, sb_label_id *labels, size_t capacity, size_t *count);

#endif
