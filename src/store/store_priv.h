/* store_priv.h — what the files of store/ share: the view (a session's cache of the catalog, and what its write
 * transaction has added to it), the rows of the catalog, and the calls between the files.
 *
 * I1  The cached names and label sets are those of the snapshot in use, no more and no fewer; they are only ever
 *     appended, so a newer state of the same lineage extends an older one.
 * I2  (lineage, names_version) decides names, sets and schema; (lineage, trees_version) decides the rows of
 *     adjacency and index trees. Two different contents never carry the same pair: the version rises in the commit that
 *     changes them, and a store that is made, copied, or put in the place of another (which may be a later state of the same
 *     file) draws a new lineage. So versions only rise within a lineage, and no state that somebody has cached comes back.
 * I3  Statistics, id blocks and core roots live in the view while a write transaction is open, and reach pages in
 *     before_commit. Each change is recorded once per savepoint (undo.c), so that rolling back can not fail. */
#ifndef SB_STORE_PRIV_H
#define SB_STORE_PRIV_H

#include "store/store.h"

/* ---- Meta: the client area of each commit (docs/FORMAT.md, section 11) ------------------------------------ */

#define SB_META_FORMAT        0u  /* u32: SB_STORE_FORMAT; 0 in a file that has no store yet */
#define SB_META_NEXT_TREE     4u  /* u32: number of the next tree to be made */
#define SB_META_NAMES_VERSION 8u  /* u64 */
#define SB_META_TREES_VERSION 16u /* u64 */
#define SB_META_LINEAGE       24u /* u64: drawn at random whenever what is there is replaced (I2) */
#define SB_META_NODE_END      32u /* u64: first node id that no block has */
#define SB_META_REL_END       40u /* u64 */
#define SB_META_NAME_COUNTS   48u /* 3 × u32: labels, types, keys */
#define SB_META_SET_COUNT     60u /* u32: label sets, the empty one included */
#define SB_META_NEXT_SCHEMA   64u /* u32: id of the next schema definition */
#define SB_META_ASIDE         68u /* u32: changes in a commit that puts list entries aside */
#define SB_META_CORE          72u /* SB_CORE_TREES × SB_META_TREE_BYTES */
#define SB_META_TREE_BYTES                                                                         \
    20u /* root u32, leaf count u32, moved_at u64, height u8, 3 reserved bytes */

#define SB_STORE_FORMAT 0x31474253u /* "SBG1" */

typedef enum sb_store__core {
    SB_CORE_CATALOG = 0,
    SB_CORE_NODES = 1,
    SB_CORE_RELS = 2,
    SB_CORE_LABELS = 3,
    SB_CORE_SHARED_OUT = 4, /* lists of the types that have no tree of their own; + SB_IN for the
                             * other direction */
    SB_CORE_SHARED_IN = 5,
    SB_CORE_TREES = 6
} sb_store__core;
#define SB_CORE_TREE_ID(core) ((uint32_t)(core) + 1u) /* tree numbers of the core trees */
#define SB_FIRST_TREE         16u                     /* of the others */

_Static_assert(SB_META_CORE + SB_CORE_TREES * SB_META_TREE_BYTES == SB_META_BYTES, "meta is full");

typedef struct sb_store__meta {
    bool founded;
    uint32_t next_tree, next_schema;
    uint32_t aside_version; /* sb_tree.side_version of all sides */
    uint32_t name_counts[SB_NAME_KINDS], set_count;
    uint64_t names_version, trees_version, lineage;
    uint64_t node_end, rel_end;
    sb_tree core[SB_CORE_TREES];
} sb_store__meta;

/* Zero bytes decode to an empty store. SB_CORRUPT, SB_VERSION_NEWER. */
SB_MUST_CHECK sb_status sb_store__meta_decode(const uint8_t *bytes, sb_pgno page_count,
                                              sb_store__meta *meta, sb_err *err);
void sb_store__meta_encode(const sb_store__meta *meta, uint8_t *bytes);

/* ---- Rows of the catalog (docs/FORMAT.md, section 12) ------------------------------------------------------- */

typedef enum sb_row_kind {
    SB_ROW_NAME = 1,      /* 1, 2, 3: labels, types, keys: id be32, piece u8 → UTF-8 */
    SB_ROW_SET = 4,       /* set be32, piece u8 → labels, ascending, as varint differences */
    SB_ROW_SCHEMA = 5,    /* id be32, piece u8 → definition */
    SB_ROW_ADJACENCY = 6, /* type be32, direction u8 → tree */
    SB_ROW_INDEX = 7,     /* schema id be32 → tree */
    SB_ROW_NODE_IDS = 8,  /* set be32 → id block */
    SB_ROW_REL_IDS = 9,   /* type be32 → id block */
    SB_ROW_STATS = 10     /* chunk be56 → counts */
} sb_row_kind;

#define SB_ROW_KEY_MAX 8u
#define SB_ROW_PIECE                                                                               \
    512u /* bytes; a row of pieces goes on in the next one when a piece has exactly this size */
#define SB_TREE_ROW_MAX (5u * SB_VARINT_MAX_BYTES)

/* Keys into buf (SB_ROW_KEY_MAX bytes); return their sizes. */
size_t sb_store__key_piece(uint8_t *buf, unsigned kind, uint32_t id, uint8_t piece);
size_t sb_store__key_adjacency(uint8_t *buf, sb_type_id type, unsigned lane);
size_t sb_store__key_id(uint8_t *buf, unsigned kind, uint32_t id); /* INDEX, NODE_IDS, REL_IDS */
size_t sb_store__key_stats(uint8_t *buf, uint64_t chunk);
/* The value of a tree row into buf (SB_TREE_ROW_MAX bytes), and back (kind is the caller's to set). */
size_t sb_store__tree_encode(const sb_tree *tree, uint8_t *buf);
SB_MUST_CHECK sb_status sb_store__tree_decode(sb_bytes value, sb_pgno page_count, uint8_t tree_kind,
                                              sb_tree *tree, sb_err *err);

/* Sorted rows being gathered for one put_many: keys and values lie in one buffer. */
typedef struct sb_store__batch {
    sb_buffer bytes;
    sb_buffer places; /* sb_store__place[] */
    sb_buffer items;  /* sb_item[], made from places when all bytes are in */
} sb_store__batch;
SB_MUST_CHECK sb_status sb_store__batch_add(sb_store__batch *batch, sb_bytes key, sb_bytes value);
/* value cut into pieces; SB_LIMIT past 256 of them. */
SB_MUST_CHECK sb_status sb_store__batch_add_pieces(sb_store__batch *batch, unsigned kind,
                                                   uint32_t id, sb_bytes value, sb_err *err);
/* Items borrowed until the batch changes. */
SB_MUST_CHECK sb_status sb_store__batch_items(sb_store__batch *batch, const sb_item **items,
                                              size_t *count);
void sb_store__batch_reset(sb_store__batch *batch);

/* Walk rows of pieces of one kind from id on: visit gets each whole value, in order of id. */
typedef sb_status (*sb_store__piece_visit)(void *ctx, uint32_t id, sb_bytes value, sb_err *err);
SB_MUST_CHECK sb_status sb_store__each_piece_row(sb_view *view, unsigned kind, uint32_t from,
                                                 sb_store__piece_visit visit, void *ctx,
                                                 sb_err *err);
/* Walk rows of kind as they are. */
typedef sb_status (*sb_store__row_visit)(void *ctx, sb_bytes key, sb_bytes value, sb_err *err);
SB_MUST_CHECK sb_status sb_store__each_row(sb_view *view, unsigned kind, sb_store__row_visit visit,
                                           void *ctx, sb_err *err);

/* ---- Interned byte strings: names of one kind, or label sets --------------------------------------------------- */

typedef struct sb_store__interned {
    const uint8_t *data; /* arena(view) */
    uint32_t size, hash;
} sb_store__interned;
/* Index i is found by its bytes through a hash with linear probing. Items enter in order of index, also when
 * the table grows, so the last ones can be taken out again by clearing their places. */
typedef struct sb_store__interner {
    sb_store__interned *items;
    uint32_t count, capacity;
    uint32_t *slots; /* index + 1; 0: free */
    uint32_t slot_count;
} sb_store__interner;
#define SB_INTERNED_NONE UINT32_MAX
uint32_t sb_store__interner_find(const sb_store__interner *interner, sb_bytes bytes, uint64_t seed);
/* Room for one more; then add can not fail. */
SB_MUST_CHECK sb_status sb_store__interner_reserve(sb_store__interner *interner,
                                                   const sb_allocator *alloc);
void sb_store__interner_add(sb_store__interner *interner, sb_bytes bytes, uint64_t seed);
void sb_store__interner_truncate(sb_store__interner *interner, uint32_t count);
void sb_store__interner_clear(sb_store__interner *interner);
void sb_store__interner_deinit(sb_store__interner *interner, const sb_allocator *alloc);

/* Sets that hold one label. */
typedef struct sb_store__set_list {
    sb_set_id *sets;
    size_t count, capacity;
} sb_store__set_list;

/* ---- Adjacency trees of their own -------------------------------------------------------------------------------- */

/* A type has up to four: its lists out and in (lane = direction), and beside each a smaller one (sb_tree.side). */
#define SB_LANES         4u
#define SB_LANE_SIDE_OUT 2u
#define SB_LANE_SIDE_IN  3u

typedef struct sb_store__adjacency {
    sb_tree tree;  /* id 0: none (made in this transaction and rolled back) */
    sb_tree saved; /* as the catalog has it; id 0: it has not */
    sb_type_id type;
    uint8_t lane;
    bool dirty; /* in writer.dirty */
    uint64_t epoch;
} sb_store__adjacency;
#define SB_ADJACENCY_BLOCK                                                                         \
    64u /* entries are allocated in blocks, so that pointers to trees stay valid */
/* A type moves to a tree of its own when it has more relationships than this. */
#define SB_SHARED_MAX 512u
/* Trees from this many leaves on have a side. It is emptied when the tree has shrunk to half of them, or the side, after a
 * deletion, to no less than the second of the shares below. */
#define SB_SIDE_LEAVES_MIN 16u
/* A side of more than this share of the tree's leaves gives more entries home than it takes. A larger side has more pages that a
 * scattered batch writes, a smaller one less for each leaf at home that is opened: of 10 M relationships and batches of 80,000, an
 * eighth, a tenth, a twelfth and a sixteenth write about as much, and what reads has less to look at in a small one. */
#define SB_SIDE_SHARE 16u
#define SB_SIDE_MOST  4u

/* ---- Schema -------------------------------------------------------------------------------------------------------- */

typedef struct sb_store__schema {
    bool touched;         /* its tree was handed out for writing in this transaction … */
    uint64_t touch_epoch; /* … first when writer.epoch was this */
    sb_tree tree, saved;
    sb_schema definition; /* id and has_tree in it; its name lies behind this struct */
    size_t bytes;         /* allocated */
} sb_store__schema;

/* ---- Id blocks ------------------------------------------------------------------------------------------------------- */

typedef struct sb_store__block {
    uint64_t key;       /* SB_BLOCK_KEY: row kind and set or type, in catalog order */
    uint64_t next;      /* id to hand out next */
    uint64_t remaining; /* of the block */
    uint32_t size_log2; /* of the last block in the doubling; 0: none yet */
    bool dirty;
    uint64_t epoch;
} sb_store__block;

/* ---- Statistics --------------------------------------------------------------------------------------------------------- */

/* A statistic is named by a 59-bit key: kind << 56 | set << 24 | type, or for nodes kind << 56 | set + 1 (0: all).
 * 64 neighbors make a chunk, which is one row. */
typedef enum sb_stat_kind {
    SB_STAT_NODES = 0,
    SB_STAT_OUT = 1,
    SB_STAT_IN = 2,
    SB_STAT_TYPES = 3
} sb_stat_kind;
#define SB_STAT_KEY(kind, set, type)                                                               \
    ((uint64_t)(kind) << 56 | (uint64_t)(set) << 24 | (uint64_t)(type))
#define SB_STAT_CHUNK_BITS 6u
#define SB_STAT_CHUNK      64u
#define SB_STAT_ROW_MAX    (SB_STAT_CHUNK * (1u + SB_VARINT_MAX_BYTES))
#define SB_TYPE_ID_MAX                                                                             \
    0xFFFFFFu /* 24 bits: a type shares a 64-bit list key with a 40-bit node id */

typedef struct sb_store__stat {
    uint64_t key;
    uint64_t base; /* as in the catalog, when known */
    int64_t delta; /* of this transaction */
    uint64_t epoch;
    uint32_t next; /* + 1: another entry of the same head */
    uint32_t head; /* + 1: of the (kind, set) that it belongs to; 0 for nodes and types */
    bool known;
} sb_store__stat;
typedef struct sb_store__stat_head { /* a (set, direction) */
    uint32_t first;                  /* + 1 */
    bool loaded;                     /* every row of it was read: what has no entry is 0 */
    bool sorted;                     /* types is up to date */
    sb_type_id *types;
    size_t count, capacity;
} sb_store__stat_head;
typedef struct sb_store__stats {
    sb_map index;       /* key → place in entries */
    sb_map heads_index; /* key >> 24 → place in heads */
    sb_map chunks;      /* chunk → 1: its row was read */
    sb_store__stat *entries;
    size_t count, capacity;
    sb_store__stat_head *heads; /* those past head_count keep their arrays */
    size_t head_count, head_capacity;
    uint64_t last_key
        [2]; /* of sb_stats_add_rels by direction: runs of equal ones are the common case; 0:
              * none */
    size_t last_place[2][3];
    sb_buffer scratch; /* sb_pair[], twice */
    sb_buffer emptied; /* chunks whose rows go away, u64[] */
} sb_store__stats;
/* Deltas past this many entries are written to the catalog at the next call that can fail. */
#define SB_STATS_PENDING_MAX 65536u

/* ---- Undo ------------------------------------------------------------------------------------------------------------------ */

typedef enum sb_undo_kind {
    SB_UNDO_STAT,
    SB_UNDO_BLOCK,
    SB_UNDO_ADJACENCY,
    SB_UNDO_INDEX
} sb_undo_kind;
typedef struct sb_store__undo {
    uint64_t key; /* of the statistic or block; place of the adjacency; schema id */
    sb_undo_kind kind;
    union {
        int64_t delta;
        sb_store__block block;
        sb_tree tree;
    } old;
} sb_store__undo;
typedef struct sb_store__schema_undo {
    bool added; /* else dropped */
    sb_store__schema *schema;
} sb_store__schema_undo;
typedef struct sb_store__savepoint {
    uint32_t id;
    uint64_t epoch, flushes;
    bool names_changed;
    sb_store__meta meta; /* core trees and counters; name and set counts as they were */
    sb_arena_mark mark;
    size_t log_begin,
        log_end; /* between them: trees that were handed out, as they were at the savepoint */
    size_t schema_log;
} sb_store__savepoint;

/* What a write transaction has on top of the catalog. Embedded in the view and reused: a stream of small
 * commits allocates nothing. */
typedef struct sb_store__writer {
    bool active;
    bool names_changed; /* names, sets or schema: their version must rise */
    sb_status failed;   /* of a call that can not return one; cleared by rolling back behind it */
    size_t failed_savepoints; /* savepoints that were open then */
    uint64_t epoch; /* rises with each savepoint, never falls; entries with it have been recorded */
    uint64_t flushes; /* of statistics before the commit */
    bool copied; /* the content was replaced by sb_store_copy: rolling back empties the cache */
    uint32_t written_names[SB_NAME_KINDS], written_sets; /* those past these have no rows yet */
    sb_store__meta base;                                 /* as the transaction began */
    sb_arena_mark base_mark;
    sb_store__savepoint *savepoints;
    size_t savepoint_count, savepoint_capacity;
    sb_store__undo *log;
    size_t log_count, log_capacity, log_compacted;
    sb_map log_keys; /* scratch of compaction */
    sb_store__schema_undo *schema_log;
    size_t schema_log_count, schema_log_capacity;
    uint32_t *dirty; /* places of adjacency entries that were changed */
    size_t dirty_count, dirty_capacity;
    sb_map block_index; /* key → place in blocks */
    sb_store__block *blocks;
    size_t block_count, block_capacity;
    sb_store__batch batch;
    sb_buffer scratch; /* triples, pairs */
} sb_store__writer;

struct sb_view {
    sb_txn *txn;
    sb_session *session;
    sb_pager *pager;
    const sb_allocator *alloc;
    uint64_t seq;     /* of the state that meta_bytes is of */
    uint64_t version; /* sb_view_version; counts refreshes, from a number of the view's own */
    bool current;     /* seq and meta_bytes are those of what is cached */
    bool cached;      /* names, sets, schema and tree rows are those of meta */
    uint8_t meta_bytes[SB_META_BYTES];
    sb_store__meta meta;                       /* live: a write transaction changes it in place */
    sb_status (*hook)(void *ctx, sb_err *err); /* sb_view_before_commit */
    void *hook_ctx;

    uint64_t hash_seed;
    sb_arena *arena;                         /* name bytes and label arrays */
    sb_store__interner names[SB_NAME_KINDS]; /* id - 1 is the index */
    sb_store__interner sets;                 /* id is the index; items are sb_label_id arrays */
    sb_store__set_list *label_sets;          /* by label */
    size_t label_sets_capacity;              /* those past the highest label in use are empty */

    uint32_t *adjacency_index; /* [SB_LANES × type + lane]: place + 1, 0: none */
    uint32_t adjacency_types;  /* types that the index covers, 0 included */
    size_t adjacency_capacity; /* elements allocated in it */
    sb_store__adjacency **adjacency_blocks;
    uint32_t adjacency_count, adjacency_block_count;
    size_t adjacency_block_capacity;

    sb_store__schema **schemas; /* ascending by id */
    sb_schema *definitions;     /* copies in the same order, contiguous */
    size_t schema_count, schema_capacity, definition_capacity;

    sb_store__stats stats;
    sb_store__writer writer;
    sb_buffer row_scratch; /* rows of pieces put together */
    sb_buffer key_scratch; /* for value and index code: an index key */
};

/* ---- Calls between the files ------------------------------------------------------------------------------------------------ */

/* The view may be changed: SB_READ_ONLY in a read transaction; also writes statistics out when they are many, and
 * reports what a call without a result failed of. First in every call that changes something. */
SB_MUST_CHECK sb_status sb_store__begin_change(sb_view *view, sb_err *err);
/* A random number for meta.lineage (store I2). */
SB_MUST_CHECK sb_status sb_store__new_lineage(const sb_pager *pager, uint64_t *lineage,
                                              sb_err *err);
SB_MUST_CHECK sb_status sb_store__new_tree(sb_view *view, uint8_t kind, sb_tree *tree, sb_err *err);
SB_INLINE sb_tree *sb_store__core_tree(sb_view *view, sb_store__core core)
{
    return &view->meta.core[core];
}
/* Borrowed; NULL for an unknown id. For the value and index files. */
sb_store__schema *sb_store__schema_of(sb_view *view, uint32_t id);
/* Grow *array (elements of size bytes) to at least count, doubling. */
SB_MUST_CHECK sb_status sb_store__grow(const sb_allocator *alloc, void *array_pointer, size_t size,
                                       size_t count, size_t *capacity);

/* load.c: bring the cache, which holds what *old says, to view->meta. On failure the cache is empty and not
 * marked as cached. */
SB_MUST_CHECK sb_status sb_store__load(sb_view *view, const sb_store__meta *old, sb_err *err);
void sb_store__unload(sb_view *view); /* empty the cache; keeps its blocks */
void sb_store__free_cache(sb_view *view);

/* names.c, sets.c */
void sb_store__names_truncate(sb_view *view, const uint32_t counts[SB_NAME_KINDS]);
void sb_store__sets_truncate(sb_view *view, uint32_t count);
SB_MUST_CHECK sb_status sb_store__sets_add(sb_view *view, const sb_label_id *labels, size_t count,
                                           sb_err *err);
SB_MUST_CHECK sb_status sb_store__names_add(sb_view *view, sb_name_kind kind, sb_bytes name,
                                            sb_err *err);

/* adjacency.c */
SB_INLINE sb_store__adjacency *sb_store__adjacency_at(const sb_view *view, uint32_t place)
{
    return &view->adjacency_blocks[place / SB_ADJACENCY_BLOCK][place % SB_ADJACENCY_BLOCK];
}
/* The entry of (type, direction), made when absent (tree.id 0 then). NULL: no memory. */
sb_store__adjacency *sb_store__adjacency_entry(sb_view *view, sb_type_id type, unsigned lane);
/* Lists of own are read together with those aside from here on. */
void sb_store__adjacency_join(sb_view *view, sb_tree *own, const sb_store__adjacency *side);
/* An entry that has a tree, or NULL. */
sb_store__adjacency *sb_store__adjacency_find(const sb_view *view, sb_type_id type, unsigned lane);
/* What was read in source and goes elsewhere: what a tree refuses of it as misuse (SB_MISUSE) is damage there. */
SB_MUST_CHECK sb_status sb_store__of_source(const sb_tree *source, sb_status st, sb_err *err);

/* schema.c */
SB_MUST_CHECK sb_status sb_store__schema_decode(sb_view *view, uint32_t id, sb_bytes value,
                                                sb_store__schema **schema, sb_err *err);
SB_MUST_CHECK sb_status sb_store__schema_insert(sb_view *view, sb_store__schema *schema);
void sb_store__schema_remove(sb_view *view, uint32_t id); /* out of the arrays; not freed */
void sb_store__schema_free(sb_view *view, sb_store__schema *schema);

/* stats.c */
void sb_store__stats_init(sb_store__stats *stats, const sb_allocator *alloc);
void sb_store__stats_deinit(sb_store__stats *stats, const sb_allocator *alloc);
void sb_store__stats_clear(sb_store__stats *stats);  /* keeps its blocks */
void sb_store__stats_shrink(sb_store__stats *stats); /* clear, and give back what is large */
void sb_store__stats_restore(sb_view *view, uint64_t key, int64_t delta);
/* Rows of what has changed, into writer.batch behind what is there; then, with the batch put, delete the emptied ones. */
SB_MUST_CHECK sb_status sb_store__stats_gather(sb_view *view, sb_err *err);
SB_MUST_CHECK sb_status sb_store__stats_delete_emptied(sb_view *view, sb_err *err);
/* Both, in the middle of a transaction; the deltas are 0 then. */
SB_MUST_CHECK sb_status sb_store__stats_flush(sb_view *view, sb_err *err);
SB_MUST_CHECK sb_status sb_store__stats_decode(sb_bytes value, uint64_t counts[SB_STAT_CHUNK],
                                               sb_err *err);

/* ids.c */
#define SB_BLOCK_KEY(kind, id) ((uint64_t)(kind) << 32 | (id))
SB_MUST_CHECK sb_status sb_store__block_decode(sb_bytes value, sb_store__block *block, sb_err *err);
SB_MUST_CHECK sb_status sb_store__blocks_gather(sb_view *view,
                                                sb_err *err); /* dirty ones into writer.batch */
void sb_store__block_restore(sb_view *view, const sb_store__block *old);
void sb_store__blocks_clear(sb_view *view);

/* copy_rows.c: rows of a columnar tree into build; leaf_done after each leaf, non-zero stops. */
SB_MUST_CHECK sb_status sb_store__copy_rows(sb_view *from, const sb_tree *source, sb_build *build,
                                            sb_status (*leaf_done)(void *ctx), void *ctx,
                                            sb_err *err);

/* undo.c */
/* A call without a result has failed: the transaction can only go on by rolling back to a savepoint made before. */
void sb_store__fail(sb_view *view, sb_status st);
/* Record the old value when a savepoint is open and *epoch says that it has not been. */
SB_MUST_CHECK sb_status sb_store__log(sb_view *view, const sb_store__undo *undo, uint64_t *epoch);
SB_MUST_CHECK sb_status sb_store__schema_log(sb_view *view, bool added, sb_store__schema *schema);
SB_MUST_CHECK sb_status sb_store__savepoint_make(sb_view *view, uint32_t savepoint);
void sb_store__rollback_to(sb_view *view, uint32_t savepoint);
void sb_store__rollback_all(sb_view *view);
void sb_store__savepoint_release(sb_view *view, uint32_t savepoint);
SB_INLINE bool sb_store__logging(const sb_view *view)
{
    return view->writer.savepoint_count != 0;
}

#endif
