/* tree.h — the B+tree, with its three kinds of leaves: slotted, columnar, list.
 * Hides:    page layout, fences, splits, merges, the leaf cache, overflow pages.
 * Promises: keys compare as unsigned bytes; after a failed call the tree may be half changed, and the caller
 *           rolls back to a savepoint of its own (every call of the layers above has one).
 * Needs:    pager, base.
 * Threads:  as the transaction that is passed in.
 * Format:   docs/FORMAT.md, sections 6 to 10.                        Tests: tests/unit/tree, tests/model */
#ifndef SB_TREE_H
#define SB_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "pager/pager.h"

typedef enum sb_tree_kind {
    SB_TREE_SLOTTED = 0,
    SB_TREE_COLUMNAR = 1,
    SB_TREE_LIST = 2
} sb_tree_kind;

/* Where a tree is, as a value: the layer above keeps it (in the catalog) and writes it back when a call has
 * changed it. An empty tree has root SB_PGNO_NONE and height 0; a single leaf has height 1. */
typedef struct sb_tree sb_tree;
struct sb_tree {
    uint32_t id;    /* in every page of it; not 0; never reused for another tree */
    uint8_t kind;   /* sb_tree_kind */
    uint8_t height; /* levels; at most SB_TREE_MAX_HEIGHT */
    sb_pgno root;
    uint64_t moved_at; /* commit (sb_txn_seq + 1 of the writer) that last freed or moved a leaf;
                        * DESIGN §9 rule 1 */
    uint64_t leaf_count;
    /* Lists: a smaller tree with entries of the same nodes that are not merged in yet, or NULL. Borrowed. What reads
     * lists reads both as one; what writes, builds and verifies takes this tree alone. */
    const sb_tree *side;
    /* A number that differs in two commits when something was put into the side in between; borrowed, NULL: not known. */
    const uint32_t *side_version;
};

#define SB_TREE_MAX_HEIGHT 16u

/* Options for sb_pager: the structure check of all page kinds of this layer. */
sb_status sb_tree_check_page(void *ctx, const uint8_t *page, uint32_t page_bytes, sb_pgno pgno,
                             sb_err *err) SB_MUST_CHECK;

/* Longest key, and longest value that a slotted leaf takes, in bytes: a quarter of a page less 64, so that one of
 * each fits between two fences of that length. */
uint32_t sb_tree_key_limit(uint32_t page_bytes);
uint32_t sb_tree_value_limit(uint32_t page_bytes);

/* ---- Slotted trees -------------------------------------------------------------------------------- */

/* *value is borrowed from the page: valid until the session's next tree call that changes anything, in a
 * mapped read transaction until it ends. For read_mode=cache the page stays pinned by hold, which the caller
 * releases with sb_page_release. */
SB_MUST_CHECK sb_status sb_tree_get(sb_txn *txn, const sb_tree *tree, sb_bytes key, sb_page *hold,
                                    sb_bytes *value, bool *found, sb_err *err);
/* The first key that begins with prefix (it may be the prefix itself): one descent, no allocation. The bytes behind the prefix
 * are copied to tail; SB_CORRUPT when they are more than tail_capacity: the caller knows how long its keys are. */
SB_MUST_CHECK sb_status sb_tree_get_prefix(sb_txn *txn, const sb_tree *tree, sb_bytes prefix,
                                           uint8_t *tail, size_t tail_capacity, size_t *tail_size,
                                           bool *found, sb_err *err);
/* Many at once, in any order, with look-ups overlapped by prefetching. All tails have tail_bytes, else SB_CORRUPT: tail i is at tails +
 * i × tail_bytes when found[i]. */
SB_MUST_CHECK sb_status sb_tree_get_prefix_many(sb_txn *txn, const sb_tree *tree,
                                                const sb_bytes *prefixes, size_t count,
                                                uint8_t *tails, size_t tail_bytes, bool *found,
                                                sb_err *err);
/* A prefix of one to eight bytes as sb_bytes_word has it: what most index look-ups have, and need no memory for. */
typedef struct sb_tree_word {
    uint64_t word;
    uint32_t size;
} sb_tree_word;
/* sb_tree_get_prefix_many with such prefixes, in trees whose keys have tail_bytes (one to eight) behind them, else SB_CORRUPT. Tails
 * are numbers, big-endian in the key. Where keys are as evenly spread as dense numbers are, one look at a leaf finds them. */
SB_MUST_CHECK sb_status sb_tree_get_words(sb_txn *txn, const sb_tree *tree,
                                          const sb_tree_word *prefixes, size_t count,
                                          uint32_t tail_bytes, uint64_t *tails, bool *found,
                                          sb_err *err);
/* One such. */
SB_MUST_CHECK sb_status sb_tree_get_word(sb_txn *txn, const sb_tree *tree, sb_tree_word prefix,
                                         uint32_t tail_bytes, uint64_t *tail, bool *found,
                                         sb_err *err);
/* Insert or overwrite. SB_LIMIT: empty key, key or value over the limit. */
SB_MUST_CHECK sb_status sb_tree_put(sb_txn *txn, sb_tree *tree, sb_bytes key, sb_bytes value,
                                    sb_err *err);
typedef struct sb_item {
    sb_bytes key, value;
} sb_item;
/* Sorted items; SB_MISUSE when a key is below the one before (nothing said about what was put by then); of
 * equal keys the last wins. No allocation per item in steady state. */
SB_MUST_CHECK sb_status sb_tree_put_many(sb_txn *txn, sb_tree *tree, const sb_item *items,
                                         size_t count, sb_err *err);
SB_MUST_CHECK sb_status sb_tree_delete(sb_txn *txn, sb_tree *tree, sb_bytes key, bool *found,
                                       sb_err *err);

/* A position in a slotted tree. Reads what the transaction sees; a change of the tree by the same transaction makes
 * the cursor re-seek by itself (its current key is kept). Up to SB_TREE_MAX_HEIGHT pages are held. */
typedef struct sb_cursor sb_cursor;
SB_MUST_CHECK sb_status sb_cursor_open(sb_txn *txn, const sb_tree *tree, sb_cursor **cursor,
                                       sb_err *err);
void sb_cursor_close(sb_cursor *cursor); /* accepts NULL */
/* To the first key >= key / the last key <= key / either end. *found false: there is none. */
SB_MUST_CHECK sb_status sb_cursor_seek(sb_cursor *cursor, sb_bytes key, bool *found, sb_err *err);
SB_MUST_CHECK sb_status sb_cursor_seek_before(sb_cursor *cursor, sb_bytes key, bool *found,
                                              sb_err *err);
SB_MUST_CHECK sb_status sb_cursor_first(sb_cursor *cursor, bool *found, sb_err *err);
SB_MUST_CHECK sb_status sb_cursor_last(sb_cursor *cursor, bool *found, sb_err *err);
SB_MUST_CHECK sb_status sb_cursor_next(sb_cursor *cursor, bool *found, sb_err *err);
SB_MUST_CHECK sb_status sb_cursor_prev(sb_cursor *cursor, bool *found, sb_err *err);
/* Valid until the cursor moves. */
sb_bytes sb_cursor_key(sb_cursor *cursor);
sb_bytes sb_cursor_value(sb_cursor *cursor);

/* ---- Columnar trees: rows keyed by a 64-bit id ------------------------------------------------------ */

/* A column is a (key, type) pair. The top two bits of type are its storage class, the rest belongs to the
 * layer above. Two types under one key are two columns; a row has at most one of them. */
#define SB_CLASS_NULL 0x00u /* presence alone */
#define SB_CLASS_INT                                                                               \
    0x40u /* 64-bit signed integer, frame-of-reference coded in 0, 1, 2, 4 or 8 bytes */
#define SB_CLASS_DOUBLE 0x80u /* IEEE 754 bits */
#define SB_CLASS_BYTES  0xC0u /* bytes in the page's heap; long ones in overflow pages */
#define SB_CLASS_MASK   0xC0u
/* Column keys from here on are for the layers' own columns; SB_COLUMN_WIDE is this layer's. */
#define SB_COLUMN_SYSTEM 0xFFFFFF00u
#define SB_COLUMN_WIDE   0xFFFFFFFFu

/* One value of a row. */
typedef struct sb_cell {
    uint32_t key;
    uint8_t type;
    bool overflow;  /* bytes holds a reference: read it with sb_cell_read */
    uint64_t word;  /* INT: the value as two's complement; DOUBLE: its bits; BYTES: total length */
    sb_bytes bytes; /* BYTES: borrowed (page, or the caller's on write) */
} sb_cell;

/* Columns of a batch of rows, in the caller's memory. */
typedef struct sb_column {
    uint32_t key;
    uint8_t type;
    const uint8_t *present; /* bitmap over the rows; NULL: all */
    const uint64_t *words;  /* INT and DOUBLE: one a row */
    const sb_bytes *bytes;  /* BYTES: one a row */
} sb_column;
typedef struct sb_rows {
    const uint64_t *ids; /* strictly ascending, else SB_MISUSE */
    size_t row_count;
    const sb_column *columns; /* sorted by (key, type) */
    size_t column_count;
} sb_rows;

/* Insert rows, or replace whole rows of the same id. */
SB_MUST_CHECK sb_status sb_rows_put(sb_txn *txn, sb_tree *tree, const sb_rows *rows, sb_err *err);
/* Set cells of one row; a cell of class NULL type 0 with key removes that key, else it replaces all columns of its
 * key. Fixed-width values that fit their column are changed in place. *found: whether the row exists. */
SB_MUST_CHECK sb_status sb_row_set(sb_txn *txn, sb_tree *tree, uint64_t id, const sb_cell *cells,
                                   size_t count, bool *found, sb_err *err);
/* Delete rows (ids strictly ascending) with their overflow pages; absent ones are skipped. */
SB_MUST_CHECK sb_status sb_rows_delete(sb_txn *txn, sb_tree *tree, const uint64_t *ids,
                                       size_t count, size_t *deleted, sb_err *err);

/* A located row. */
typedef struct sb_row {
    sb_page page;   /* held; release with sb_row_release */
    uint32_t index; /* position in the leaf */
    sb_pgno pgno;
    bool wide;
    uint8_t *wide_data; /* decoded wide row, owned; NULL otherwise */
    size_t wide_bytes;
    sb_txn *txn;
} sb_row;
/* O(1) through the leaf cache in the common case. */
SB_MUST_CHECK sb_status sb_row_find(sb_txn *txn, const sb_tree *tree, uint64_t id, sb_row *row,
                                    bool *found, sb_err *err);
void sb_row_release(sb_row *row); /* accepts a zeroed row */
/* The cell of a key, whatever its type. Checked by the page check, so it can not fail. */
bool sb_row_cell(const sb_row *row, uint32_t key, sb_cell *cell);
/* All cells in order of (key, type): *pos starts at 0; false at the end. */
bool sb_row_next_cell(const sb_row *row, size_t *pos, sb_cell *cell);
/* Bytes of a cell, from overflow pages if need be, appended to out. */
SB_MUST_CHECK sb_status sb_cell_read(sb_txn *txn, const sb_cell *cell, sb_buffer *out, sb_err *err);
/* The shortest way to some cells of one row, when the leaf is remembered where it lies, the row is an ordinary one and the columns have
 * their commonest form; found[i] tells whether the row has keys[i]. False: not so, take sb_row_find. */
bool sb_row_peek(sb_txn *txn, const sb_tree *tree, uint64_t id, const uint32_t *keys, size_t count,
                 sb_cell *cells, bool *found);
/* Many ids at once, in any order, with look-ups overlapped by prefetching. For each id (in input order)
 * visit(ctx, i, row or NULL). The row is valid during the call. Non-zero from visit stops and is returned. */
typedef sb_status (*sb_row_visit)(void *ctx, size_t i, const sb_row *row);
SB_MUST_CHECK sb_status sb_rows_find(sb_txn *txn, const sb_tree *tree, const uint64_t *ids,
                                     size_t count, sb_row_visit visit, void *ctx, sb_err *err);
/* One column of many rows, in arrays with a place for each id, which the caller gives zeroed: places of absent cells stay as they are. */
typedef struct sb_rows_column {
    uint64_t *
        words; /* INT (two's complement) and DOUBLE cells; may share memory with bytes: one of the two is used */
    sb_bytes *bytes;  /* BYTES cells, borrowed from their pages */
    uint8_t *present; /* bitmap */
    size_t present_count;
    uint8_t type; /* storage class and logical type of the present cells, if any */
    bool
        borrows; /* BYTES cells may be taken: pages stay as they are as long as the arrays are used */
} sb_rows_column;
/* The cells of a key for the first *done ids: as far as their leaves have dense ids, and the cells are of one type and lie in pages that stay in memory.
 * Made for ids that follow one another: each leaf is looked for when the id at hand is not in the last. */
SB_MUST_CHECK sb_status sb_rows_take(sb_txn *txn, const sb_tree *tree, const uint64_t *ids,
                                     size_t count, uint32_t key, sb_rows_column *column,
                                     size_t *done, sb_err *err);
/* Does each id exist? One bit per id into found (bitmap of count bits); touches each leaf once when ids are sorted. */
SB_MUST_CHECK sb_status sb_rows_exist(sb_txn *txn, const sb_tree *tree, const uint64_t *ids,
                                      size_t count, uint8_t *found, sb_err *err);

/* Scanning leaf by leaf, as a columnar store does. */
typedef struct sb_row_scan sb_row_scan;
SB_MUST_CHECK sb_status sb_row_scan_open(sb_txn *txn, const sb_tree *tree, uint64_t first_id,
                                         uint64_t last_id, sb_row_scan **scan, sb_err *err);
void sb_row_scan_close(sb_row_scan *scan);
/* The next leaf with rows in the range. *row_count 0: the end. Ids of the rows: sb_row_scan_ids. The next leaves
 * are prefetched. */
SB_MUST_CHECK sb_status sb_row_scan_next(sb_row_scan *scan, size_t *row_count, sb_err *err);
/* Ascending ids of the current leaf's rows (in the range); valid until next. */
const uint64_t *sb_row_scan_ids(sb_row_scan *scan);
/* Row i of the current leaf as a row, for sb_row_cell (no release needed). */
const sb_row *sb_row_scan_row(sb_row_scan *scan, size_t i);
/* Decode one column of the current leaf: words[i] and present bit i for each row. false when no row has it. */
SB_MUST_CHECK sb_status sb_row_scan_words(sb_row_scan *scan, uint32_t key, uint8_t type,
                                          uint64_t *words, uint8_t *present, bool *any,
                                          sb_err *err);
/* Rows of the current leaf whose INT column lies in [low, high], compared in coded form: bitmap and count. */
SB_MUST_CHECK sb_status sb_row_scan_filter_int(sb_row_scan *scan, uint32_t key, uint8_t type,
                                               int64_t low, int64_t high, uint8_t *matches,
                                               size_t *match_count, sb_err *err);
/* Only how many, without a bitmap, in a leaf of the simplest form: no holes, no wide rows, the column in all rows or in none, no other of
 * its key. False: the leaf is not so. The same column of the next leaf is asked for meanwhile. */
bool sb_row_scan_count_int(sb_row_scan *scan, uint32_t key, uint8_t type, int64_t low, int64_t high,
                           size_t *match_count);

/* ---- List trees: adjacency ---------------------------------------------------------------------------- */

/* Merge sorted (node, neighbor, rel) triples in. A triple that is there already is SB_MISUSE. */
SB_MUST_CHECK sb_status sb_lists_insert(sb_txn *txn, sb_tree *tree, const sb_triple *triples,
                                        size_t count, sb_err *err);
/* Remove sorted triples; absent ones are skipped; *deleted counts. */
SB_MUST_CHECK sb_status sb_lists_delete(sb_txn *txn, sb_tree *tree, const sb_triple *triples,
                                        size_t count, size_t *deleted, sb_err *err);

/* How many triples from the front are better put aside (sb_tree.side) than merged in now: 0 when each leaf that they belong
 * to takes many of them; those that belong to the last leaf are never among them. Reads inner pages alone. */
SB_MUST_CHECK sb_status sb_lists_scattered(sb_txn *txn, const sb_tree *tree,
                                           const sb_triple *triples, size_t count, size_t *aside,
                                           sb_err *err);
/* Merge in those of the sorted triples that belong into one leaf of tree with triples[0], *taken of them, together with what
 * side has for that leaf (up to a bound), which is removed from there: *from_side entries. When these are fewer than least,
 * nothing is done. */
SB_MUST_CHECK sb_status sb_lists_gather(sb_txn *txn, sb_tree *tree, sb_tree *side,
                                        const sb_triple *triples, size_t count, size_t least,
                                        size_t *taken, size_t *from_side, sb_err *err);

/* A run of a node's list inside one leaf: neighbor i is neighbor_base + the i-th number of neighbor_width
 * bytes at neighbors; relationships likewise. */
typedef struct sb_chunk {
    const uint8_t *neighbors, *rels; /* borrowed from the page */
    uint64_t neighbor_base, rel_base;
    uint8_t neighbor_width, rel_width; /* 0, 1, 2, 4, 8 */
    uint32_t count;
} sb_chunk;
SB_INLINE uint64_t sb_chunk_neighbor(const sb_chunk *chunk, uint32_t i)
{
    return chunk->neighbor_base +
           sb_load_width(chunk->neighbors + (size_t)i * chunk->neighbor_width,
                         chunk->neighbor_width);
}
SB_INLINE uint64_t sb_chunk_rel(const sb_chunk *chunk, uint32_t i)
{
    return chunk->rel_base +
           sb_load_width(chunk->rels + (size_t)i * chunk->rel_width, chunk->rel_width);
}
/* Decode [from, from + count) into out, with a loop per width. */
void sb_chunk_neighbors(const sb_chunk *chunk, uint32_t from, uint32_t count, uint64_t *out);
void sb_chunk_rels(const sb_chunk *chunk, uint32_t from, uint32_t count, uint64_t *out);
/* A number that no neighbor is above, below twice the largest one's distance from the first. */
uint64_t sb_chunk_most(const sb_chunk *chunk);
/* The first entry from `from` on with this relationship; count: none. */
uint32_t sb_chunk_find_rel(const sb_chunk *chunk, uint32_t from, uint64_t rel);

/* What is left of a node's list in one of two trees that are read as one. */
typedef struct sb_list_piece {
    sb_chunk chunk;
    uint64_t remaining; /* behind the chunk */
    sb_page page;       /* held */
} sb_list_piece;

/* A node's list, walked chunk by chunk in order of (neighbor, rel). Plain struct on the caller's stack. */
typedef struct sb_list {
    sb_txn *txn;
    const sb_tree *tree;
    uint64_t node;
    uint64_t total;     /* length of the whole list, as its home says: no more is ever returned */
    uint64_t remaining; /* not yet returned by next, chunk excluded */
    sb_chunk chunk;     /* current */
    sb_page page;       /* held */
    sb_pgno parent;     /* of the page, at slot there; SB_PGNO_NONE: not known */
    uint32_t slot;
    sb_pgno next; /* the page behind, or SB_PGNO_NONE: not known */
    bool
        woven; /* of the tree and its side: the chunk is a part of one of the pieces, which hold the pages */
    sb_list_piece pieces[2]; /* set when woven */
} sb_list;
/* Position at the first chunk; total 0 and chunk.count 0 when the node has no list. O(1) through the leaf cache. */
SB_MUST_CHECK sb_status sb_list_open(sb_txn *txn, const sb_tree *tree, uint64_t node, sb_list *list,
                                     sb_err *err);
/* To the next chunk; *more false at the end. SB_CORRUPT where more would follow than the list's home says. */
SB_MUST_CHECK sb_status sb_list_next(sb_list *list, bool *more, sb_err *err);
void sb_list_close(sb_list *list);
/* Position at the first entry >= (neighbor, rel): the chunk starts there. In a list over several leaves remaining is then
 * an upper bound; it is 0 at the end all the same. */
SB_MUST_CHECK sb_status sb_list_seek(sb_txn *txn, const sb_tree *tree, uint64_t node,
                                     uint64_t neighbor, uint64_t rel, sb_list *list, sb_err *err);
/* Length of the list of node: one look at where it begins. */
SB_MUST_CHECK sb_status sb_list_degree(sb_txn *txn, const sb_tree *tree, uint64_t node,
                                       uint64_t *degree, sb_err *err);
/* Many nodes at once, overlapped by prefetching: visit(ctx, i, list) with the first chunk positioned; it may call
 * sb_list_next, must not close, and must not change the tree. */
typedef sb_status (*sb_list_visit)(void *ctx, size_t i, sb_list *list);
SB_MUST_CHECK sb_status sb_lists_open(sb_txn *txn, const sb_tree *tree, const uint64_t *nodes,
                                      size_t count, sb_list_visit visit, void *ctx, sb_err *err);
/* Neighbors of one node, without their relationships, as they lie in a page: neighbor i is base + the i-th little-endian number of
 * width bytes at words. */
typedef struct sb_id_list {
    const uint8_t *words; /* mapped (the transaction) */
    uint64_t base;
    size_t count;
    uint8_t width; /* 0, 1, 2, 4, 8; SB_ID_LIST_NONE: such a run can not be had, use sb_list_open */
} SB_MAY_ALIAS sb_id_list;
#define SB_ID_LIST_NONE 255u
SB_INLINE uint64_t sb_id_list_at(const sb_id_list *run, size_t i)
{
    return run->base + sb_load_width(run->words + i * run->width, run->width);
}
/* Decode all of it. */
void sb_id_list_decode(const sb_id_list *run, uint64_t *out);
/* The whole list of node as a run: when it lies in one page, in a transaction whose pages stay where they are (sb_txn_addresses). */
SB_MUST_CHECK sb_status sb_list_run(sb_txn *txn, const sb_tree *tree, uint64_t node,
                                    sb_id_list *run, sb_err *err);
/* Many nodes at once, in any order, overlapped by prefetching; the words are asked for, too. */
SB_MUST_CHECK sb_status sb_lists_runs(sb_txn *txn, const sb_tree *tree, const uint64_t *nodes,
                                      size_t count, sb_id_list *runs, sb_err *err);
/* The same with relationships: a chunk that is the whole list; neighbor_width SB_ID_LIST_NONE: there is no such. */
SB_MUST_CHECK sb_status sb_lists_chunks(sb_txn *txn, const sb_tree *tree, const uint64_t *nodes,
                                        size_t count, sb_chunk *chunks, sb_err *err);
/* Lengths of the lists of many nodes: one look at where each begins. */
SB_MUST_CHECK sb_status sb_lists_degrees(sb_txn *txn, const sb_tree *tree, const uint64_t *nodes,
                                         size_t count, uint64_t *degrees, sb_err *err);
/* Walk all lists of nodes in [first, last] in id order, with read-ahead: visit(ctx, node, chunk, starts): starts is true
 * for a node's first chunk. Non-zero from visit stops and is returned. */
typedef sb_status (*sb_list_scan_visit)(void *ctx, uint64_t node, const sb_chunk *chunk,
                                        bool starts);
SB_MUST_CHECK sb_status sb_lists_scan(sb_txn *txn, const sb_tree *tree, uint64_t first,
                                      uint64_t last, sb_list_scan_visit visit, void *ctx,
                                      sb_err *err);

/* Lists that lie side by side in a leaf, or a part of one of them, each with its length, which may be 0; their entries lie one after the
 * other. */
#define SB_LIST_BLOCK 1024u /* entries, at most */
typedef struct sb_list_block {
    uint64_t *nodes; /* the visitor's to change */
    const uint32_t *lengths;
    uint32_t count;
    sb_chunk entries;
} sb_list_block;
/* Walk the same lists a block at a time, for whom it is all one in which order and in how many pieces they come: a tree's side
 * follows behind. A page is held meanwhile. Non-zero from visit stops and is returned. */
typedef sb_status (*sb_list_block_visit)(void *ctx, const sb_list_block *block);
SB_MUST_CHECK sb_status sb_lists_scan_blocks(sb_txn *txn, const sb_tree *tree, uint64_t first,
                                             uint64_t last, sb_list_block_visit visit, void *ctx,
                                             sb_err *err);

/* Drop all that the session's leaf cache, and its filters of what lies aside, remember: for whoever notices that the whole content was replaced by that of
 * another file, whose trees may have the same numbers and older moved_at (sb_pager_replace). */
void sb_tree_forget_leaves(sb_session *session);

/* ---- Bulk build -------------------------------------------------------------------------------------------- */

/* Build a tree bottom-up from sorted input, full leaves (fill percent of each), written straight to the file
 * past its end (sb_page_write_fresh). The tree must be empty. */
typedef struct sb_build sb_build;
SB_MUST_CHECK sb_status sb_build_open(sb_txn *txn, sb_tree *tree, unsigned fill_percent,
                                      sb_build **build, sb_err *err);
SB_MUST_CHECK sb_status sb_build_items(sb_build *build, const sb_item *items, size_t count,
                                       sb_err *err); /* slotted */
SB_MUST_CHECK sb_status sb_build_rows(sb_build *build, const sb_rows *rows,
                                      sb_err *err); /* columnar */
SB_MUST_CHECK sb_status sb_build_triples(sb_build *build, const sb_triple *triples, size_t count,
                                         sb_err *err); /* list */
/* Writes the last leaves and the inner levels, fills in *tree. */
SB_MUST_CHECK sb_status sb_build_finish(sb_build *build, sb_err *err);
void sb_build_abort(
    sb_build *build); /* free it without finishing; accepts NULL. finish frees it too */

/* ---- Overflow values ------------------------------------------------------------------------------------------ */

/* A chain of pages holding one value; each page carries owner and sequence number (DESIGN §9 rule 13). */
#define SB_OVERFLOW_REF_BYTES 16u /* first page u32, CRC-32C of the whole u32, length u64 */
SB_MUST_CHECK sb_status sb_overflow_write(sb_txn *txn, uint32_t tree, uint64_t owner,
                                          sb_bytes value, uint8_t ref[SB_OVERFLOW_REF_BYTES],
                                          sb_err *err);
SB_MUST_CHECK sb_status sb_overflow_read(sb_txn *txn, const uint8_t ref[SB_OVERFLOW_REF_BYTES],
                                         sb_buffer *out, sb_err *err);
/* Can the file hold values of so many bytes together? If not, a damaged page named the length: to be asked before room is made for them. */
SB_MUST_CHECK sb_status sb_overflow_fits(sb_txn *txn, uint64_t bytes, sb_err *err);
SB_MUST_CHECK sb_status sb_overflow_free(sb_txn *txn, const uint8_t ref[SB_OVERFLOW_REF_BYTES],
                                         sb_err *err);

/* ---- Whole trees ------------------------------------------------------------------------------------------------- */

/* Free every page, overflow included; *tree becomes empty. progress (may be NULL) is of leaves; false from it is SB_INTERRUPT, and as after any
 * failure the transaction or savepoint is to be rolled back. */
SB_MUST_CHECK sb_status sb_tree_clear(sb_txn *txn, sb_tree *tree, sb_progress progress, void *ctx,
                                      sb_err *err);
typedef struct sb_tree_stats {
    uint64_t inner_pages, leaf_pages, overflow_pages;
    uint64_t entries;         /* items, rows or list entries */
    uint64_t leaf_used_bytes; /* of leaf_pages × page_bytes */
    uint32_t height;
} sb_tree_stats;
/* Walk the whole tree: order, fences, separators, heights, kinds, tree number, overflow chains. Every page seen is
 * set in used (bitmap of sb_txn_page_count bits; may be NULL); one seen twice is a finding. */
SB_MUST_CHECK sb_status sb_tree_verify(sb_txn *txn, const sb_tree *tree, uint8_t *used,
                                       sb_finding finding, void *ctx, sb_tree_stats *stats,
                                       uint64_t *findings, sb_err *err);

/* Counters of the write path of the current transaction, for tests and benchmarks: always on. */
typedef struct sb_tree_counters {
    uint64_t descents, leaf_cache_hits, leaf_cache_misses, leaf_reuses;
    uint64_t splits, merges, rebuilds, in_place;
    uint64_t pool_hits, pool_misses;    /* buffer pool of the transaction (16 buffers) */
    uint64_t snapshot_heap_allocations; /* leaf allocator snapshots past their inline arrays */
} sb_tree_counters;
const sb_tree_counters *
sb_tree_counters_get(sb_txn *txn); /* NULL before the first tree call that writes */

#endif
