/* columnar_priv.h — layout of a columnar leaf and what the columnar files share.
 *
 *   0        16                72             directory end        arrays_end    heap_start   page_bytes
 *   | common | columnar header | column entry × columns | id block | column blocks | gap | strings |
 *
 * A row of the leaf has a *slot*. Dense leaves: slot = id - first_id, and a bitmap tells holes from rows when there
 * are any. Sparse leaves: the slots count the rows, whose ids are sorted differences from first_id. Each column
 * block has room for `capacity` slots, so that appends and hole fills happen in place. Docs: docs/FORMAT.md.
 *
 * Invariants (checked when a page is first touched, kept by every writer; readers rely on them unchecked):
 * C1  blocks follow each other in directory order, without overlap, between directory end and arrays_end.
 * C2  every string of a present cell lies between heap_start and page_bytes; strings may share bytes.
 * C3  a presence bit, position or hole bit at or past `slots` is never set; cells exist only in live slots.
 * C4  entries are strictly ascending by (key, type); ids are strictly ascending and lie within the fences. */
#ifndef SB_COLUMNAR_PRIV_H
#define SB_COLUMNAR_PRIV_H

#include <assert.h>

#include "base/base.h"
#include "tree/tree.h"
#include "tree/tree_priv.h"

/* ---- Header ----------------------------------------------------------------------------------- */

#define SB_COL_LOW        16u /* u64: lowest id that belongs here; 0 with NO_LOW */
#define SB_COL_HIGH       24u /* u64: first id that does not; 0 with NO_HIGH */
#define SB_COL_FIRST_ID   32u /* u64: id that the slots or differences count from */
#define SB_COL_ROWS       40u /* u32: live rows */
#define SB_COL_SLOTS      44u /* u32: slots in use, holes counted */
#define SB_COL_CAPACITY   48u /* u32: slots that the blocks have room for */
#define SB_COL_ARRAYS_END 52u /* u32: end of the last block, bytes from page start */
#define SB_COL_HEAP_START 56u /* u32: lowest byte of the strings; page_bytes when there are none */
#define SB_COL_HEAP_DEAD  60u /* u32: bytes of the heap that no cell uses */
#define SB_COL_COLUMNS    64u /* u16: directory entries */
#define SB_COL_ID_WIDTH   66u /* u8: 0 dense; 2, 4 or 8: bytes of an id difference */
/* 67..71: zero */
#define SB_COL_HEADER 72u /* bytes; the directory starts here */
static_assert(SB_COL_LOW == SB_PAGE_COMMON, "columnar header follows the common one");
static_assert(SB_COL_HEADER % 8 == 0 && SB_COL_HEADER == SB_COL_ID_WIDTH + 6, "header abuts");

/* Flags at SB_PAGE_FLAGS. */
#define SB_COL_NO_LOW  1u
#define SB_COL_NO_HIGH 2u
#define SB_COL_HOLES   4u /* dense leaf with a bitmap of live slots as id block */
#define SB_COL_WIDE    8u /* column SB_COLUMN_WIDE occurs: some row is a wide row */
#define SB_COL_FLAGS   15u

/* ---- Column entry ------------------------------------------------------------------------------ */

#define SB_COLENT_KEY  0u /* u32 */
#define SB_COLENT_TYPE 4u /* u8 */
#define SB_COLENT_FORM 5u /* u8: width code, presence, constant; below */
#define SB_COLENT_OFF  6u /* u16: start of the block, bytes from page start */
/* u64: INT: frame of reference, INT64_MIN at width 8; DOUBLE: bits when constant; BYTES: least
 * length code, or offset | length code << 16 when constant */
#define SB_COLENT_BASE  8u
#define SB_COLENT_BYTES 16u
static_assert(SB_COLENT_BASE + 8 == SB_COLENT_BYTES, "column entry abuts");

/* 0..4: 0, 1, 2, 4, 8 bytes: of an INT or DOUBLE value, of a length code of BYTES */
#define SB_FORM_WIDTH          7u
#define SB_FORM_PRESENCE       3u /* bits of the presence kind, after shifting */
#define SB_FORM_PRESENCE_SHIFT 3u
#define SB_FORM_CONSTANT       32u /* BYTES: one string for all present rows, at base */
#define SB_FORM_MASK           63u

/* How a block tells which rows have the column. */
#define SB_PRESENT_ALL    0u /* every row; a value place per slot */
#define SB_PRESENT_BITMAP 1u /* bitmap[capacity/8], then a value place per slot */
/* u16 count, u16 places, u64 bitmap words, u16 rank before each word, values in order */
#define SB_PRESENT_PACKED 2u
/* u16 count, u16 places, u16 slots ascending, values in the same order */
#define SB_PRESENT_LIST 3u
#define SB_BLOCK_HEAD   4u /* count and places of PACKED and LIST */

/* BYTES: places hold u16 offsets, then length codes of `width` bytes above base. A code below SB_CODE_OVERFLOW is
 * the length of the string at offset; SB_CODE_OVERFLOW: SB_OVERFLOW_REF_BYTES of reference lie there. */
#define SB_CODE_OVERFLOW 0x8000u

/* arrays_end and offsets of blocks must fit 16 bits in 64 KiB pages too. */
#define SB_COL_ARRAYS_LIMIT 65528u

/* Slots a leaf may have. Columns that take no space would allow any number otherwise. */
SB_INLINE uint32_t sb_columnar__max_slots(uint32_t page_bytes)
{
    return page_bytes / 2;
}
/* Strings longer than this go to overflow pages; a row whose cells take more than that becomes a wide row. */
SB_INLINE uint32_t sb_columnar__inline_limit(uint32_t page_bytes)
{
    return page_bytes / 8;
}
SB_INLINE uint32_t sb_columnar__row_limit(uint32_t page_bytes)
{
    return page_bytes / 4;
}
/* What a cell counts for against the row limit, its string apart. */
#define SB_COL_CELL_COST 8u

/* ---- Reading a checked page --------------------------------------------------------------------- */

SB_INLINE uint32_t sb_columnar__flags(const uint8_t *page)
{
    return sb_load_le16(page + SB_PAGE_FLAGS);
}
SB_INLINE uint32_t sb_columnar__rows(const uint8_t *page)
{
    return sb_load_le32(page + SB_COL_ROWS);
}
SB_INLINE uint32_t sb_columnar__slots(const uint8_t *page)
{
    return sb_load_le32(page + SB_COL_SLOTS);
}
SB_INLINE uint32_t sb_columnar__capacity(const uint8_t *page)
{
    return sb_load_le32(page + SB_COL_CAPACITY);
}
SB_INLINE uint32_t sb_columnar__columns(const uint8_t *page)
{
    return sb_load_le16(page + SB_COL_COLUMNS);
}
SB_INLINE uint64_t sb_columnar__first_id(const uint8_t *page)
{
    return sb_load_le64(page + SB_COL_FIRST_ID);
}
SB_INLINE uint32_t sb_columnar__entry_off(uint32_t index)
{
    return SB_COL_HEADER + index * SB_COLENT_BYTES;
}
/* Start of the id block: bitmap of live slots, or differences. */
SB_INLINE uint32_t sb_columnar__ids_off(const uint8_t *page)
{
    return sb_columnar__entry_off(sb_columnar__columns(page));
}
SB_INLINE uint32_t sb_columnar__ids_bytes(uint32_t capacity, uint32_t id_width, bool holes)
{
    return id_width != 0 ? capacity * id_width : holes ? (capacity + 7) / 8 : 0;
}
SB_INLINE bool sb_columnar__live(const uint8_t *page, uint32_t slot)
{
    return (sb_columnar__flags(page) & SB_COL_HOLES) == 0 ||
           sb_bit_get(page + sb_columnar__ids_off(page), slot);
}
SB_INLINE uint64_t sb_columnar__id_at(const uint8_t *page, uint32_t slot)
{
    const uint32_t width = page[SB_COL_ID_WIDTH];
    const uint64_t first = sb_columnar__first_id(page);
    return first +
           (width == 0
                ? slot
                : sb_load_width(page + sb_columnar__ids_off(page) + (size_t)slot * width, width));
}
/* Does the id lie between the fences? */
SB_INLINE bool sb_columnar__covers(const uint8_t *page, uint64_t id)
{
    const uint32_t flags = sb_columnar__flags(page);
    return ((flags & SB_COL_NO_LOW) != 0 || id >= sb_load_le64(page + SB_COL_LOW)) &&
           ((flags & SB_COL_NO_HIGH) != 0 || id < sb_load_le64(page + SB_COL_HIGH));
}

/* 0 then; -1 for ids below, 1 above. */
SB_INLINE int sb_columnar__side(const uint8_t *page, uint64_t id)
{
    const uint32_t flags = sb_columnar__flags(page);
    if ((flags & SB_COL_NO_LOW) == 0 && id < sb_load_le64(page + SB_COL_LOW)) return -1;
    return (flags & SB_COL_NO_HIGH) == 0 && id >= sb_load_le64(page + SB_COL_HIGH);
}

#define SB_SLOT_NONE UINT32_MAX
/* First slot whose id is >= id in a sparse leaf; slots when there is none. */
uint32_t sb_columnar__sparse_bound(const uint8_t *page, uint64_t id);
/* Slot of the row, SB_SLOT_NONE when it is not there. */
SB_INLINE uint32_t sb_columnar__slot_of(const uint8_t *page, uint64_t id)
{
    const uint64_t diff = id - sb_columnar__first_id(page);
    const uint32_t slots = sb_columnar__slots(page);
    if (SB_LIKELY(page[SB_COL_ID_WIDTH] == 0))
        return diff < slots && sb_columnar__live(page, (uint32_t)diff) ? (uint32_t)diff
                                                                       : SB_SLOT_NONE;
    const uint32_t slot = sb_columnar__sparse_bound(page, id);
    return slot < slots && sb_columnar__id_at(page, slot) == id ? slot : SB_SLOT_NONE;
}

/* A directory entry with its block taken apart; offsets are bytes from page start. */
typedef struct sb_colview {
    uint32_t key;
    uint8_t type, class_, presence;
    uint8_t width; /* bytes of a value; of a length code for BYTES */
    bool constant;
    uint64_t base;
    uint32_t count;   /* PACKED, LIST: values in use */
    uint32_t places;  /* value places */
    uint32_t off;     /* of the block */
    uint32_t map;     /* bitmap (BITMAP, PACKED) or slots (LIST) */
    uint32_t ranks;   /* PACKED */
    uint32_t values;  /* BYTES: the offsets */
    uint32_t lengths; /* BYTES */
    uint32_t end;     /* of the block */
} sb_colview;

SB_INLINE void sb_columnar__open(const uint8_t *page, uint32_t index, sb_colview *view)
{
    const uint8_t *entry = page + sb_columnar__entry_off(index);
    const uint32_t form = entry[SB_COLENT_FORM];
    const uint32_t capacity = sb_columnar__capacity(page);
    uint32_t off = sb_load_le16(entry + SB_COLENT_OFF);

    view->key = sb_load_le32(entry + SB_COLENT_KEY);
    view->type = entry[SB_COLENT_TYPE];
    view->class_ = view->type & SB_CLASS_MASK;
    view->presence = (uint8_t)(form >> SB_FORM_PRESENCE_SHIFT & SB_FORM_PRESENCE);
    view->width = (uint8_t)((1u << (form & SB_FORM_WIDTH)) >> 1);
    view->constant = (form & SB_FORM_CONSTANT) != 0;
    view->base = sb_load_le64(entry + SB_COLENT_BASE);
    view->off = view->map = view->ranks = off;
    view->count = 0;
    view->places = capacity;
    if (view->presence == SB_PRESENT_BITMAP) {
        off += (capacity + 7) / 8;
    } else if (view->presence != SB_PRESENT_ALL) {
        view->count = sb_load_le16(page + off);
        view->places = sb_load_le16(page + off + 2);
        view->map = off += SB_BLOCK_HEAD;
        if (view->presence == SB_PRESENT_PACKED) {
            view->ranks = off + (capacity + 63) / 64 * 8;
            off = view->ranks + (capacity + 63) / 64 * 2;
        } else {
            off += view->places * 2;
        }
    }
    view->values = view->lengths = off;
    if (view->class_ == SB_CLASS_BYTES) {
        if (!view->constant) off = view->lengths = off + view->places * 2;
    }
    view->end = off + view->places * view->width;
}

/* First place in a LIST block whose slot is >= slot; count when there is none. */
uint32_t sb_columnar__list_bound(const uint8_t *page, const sb_colview *view, uint32_t slot);

/* Which value place holds the cell of a live slot; false: the row does not have the column. */
SB_INLINE bool sb_columnar__place(const uint8_t *page, const sb_colview *view, uint32_t slot,
                                  uint32_t *place)
{
    *place = slot;
    if (SB_LIKELY(view->presence == SB_PRESENT_ALL)) return true;
    if (view->presence == SB_PRESENT_BITMAP) return sb_bit_get(page + view->map, slot);
    if (view->presence == SB_PRESENT_PACKED) {
        const uint32_t word = slot >> 6, bit = slot & 63;
        const uint64_t bits = sb_load_le64(page + view->map + (size_t)word * 8);
        if ((bits >> bit & 1) == 0) return false;
        *place = sb_load_le16(page + view->ranks + (size_t)word * 2) +
                 sb_popcount64(bits & ((1ull << bit) - 1));
        return true;
    }
    *place = sb_columnar__list_bound(page, view, slot);
    return *place < view->count && sb_load_le16(page + view->map + (size_t)*place * 2) == slot;
}
/* INT: two's complement; DOUBLE: bits; NULL: 0. */
SB_INLINE uint64_t sb_columnar__word(const uint8_t *page, const sb_colview *view, uint32_t place)
{
    const uint64_t coded =
        sb_load_width(page + view->values + (size_t)place * view->width, view->width);
    return view->class_ == SB_CLASS_INT ? view->base + coded
           : view->width == 0           ? view->base
                                        : coded;
}
SB_INLINE sb_bytes sb_columnar__string(const uint8_t *page, const sb_colview *view, uint32_t place,
                                       bool *overflow)
{
    uint32_t off, code;
    if (view->constant) {
        off = (uint32_t)(view->base & 0xFFFFu);
        code = (uint32_t)(view->base >> 16);
    } else {
        off = sb_load_le16(page + view->values + (size_t)place * 2);
        code = (uint32_t)(view->base +
                          sb_load_width(page + view->lengths + (size_t)place * view->width,
                                        view->width));
    }
    *overflow = code == SB_CODE_OVERFLOW;
    return sb_bytes_of(page + off, *overflow ? SB_OVERFLOW_REF_BYTES : code);
}
/* Total length of the value that a reference stands for. */
SB_INLINE uint64_t sb_columnar__ref_length(const uint8_t *ref)
{
    return sb_load_le64(ref + 8);
}

/* Fill in a cell from a place. */
SB_INLINE void sb_columnar__cell(const uint8_t *page, const sb_colview *view, uint32_t place,
                                 sb_cell *cell)
{
    cell->key = view->key;
    cell->type = view->type;
    cell->overflow = false;
    cell->bytes = (sb_bytes){0};
    if (view->class_ == SB_CLASS_BYTES) {
        cell->bytes = sb_columnar__string(page, view, place, &cell->overflow);
        cell->word = cell->overflow ? sb_columnar__ref_length(cell->bytes.data) : cell->bytes.size;
    } else {
        cell->word = sb_columnar__word(page, view, place);
    }
}
/* Entry index of the first column whose (key, type) is >= the given; columns when there is none. */
uint32_t sb_columnar__column_bound(const uint8_t *page, uint32_t key, uint8_t type);
/* One number that orders columns. */
SB_INLINE uint64_t sb_columnar__order(uint32_t key, uint8_t type)
{
    return (uint64_t)key << 8 | type;
}

/* Copy bits [from, from + count) of a bitmap to the start of out; bits past count in the last byte are 0. */
void sb_columnar__copy_bits(uint8_t *out, const uint8_t *map, size_t from, size_t count);
/* Set every bit of [0, count), clear the rest of the last byte. */
void sb_columnar__set_bits(uint8_t *out, size_t count);
/* Ids of slots [from, to) that are live into ids, their slots into slots (either may be NULL); how many. */
uint32_t sb_columnar__list_rows(const uint8_t *page, uint32_t from, uint32_t to, uint64_t *ids,
                                uint16_t *slots);
/* First slot whose id is >= id (a hole may be it); slots when none. */
uint32_t sb_columnar__slot_bound(const uint8_t *page, uint64_t id);
/* Id of the last live row; rows > 0. */
uint64_t sb_columnar__last_id(const uint8_t *page);
/* A key above last and not above first, with as many zero bytes at its end as there can be: inner pages cut them. */
uint64_t sb_columnar__separator(uint64_t last, uint64_t first);
/* Bytes that header, live rows and live strings take; places of holes are free. */
uint32_t sb_columnar__used(const uint8_t *page, uint32_t page_bytes);
/* values[i] = base + the i-th little-endian number of `width` bytes, with a loop per width. */
void sb_columnar__load_words(uint64_t *values, const uint8_t *in, unsigned width, size_t count,
                             uint64_t base);
void sb_columnar__store_words(uint8_t *out, unsigned width, const uint64_t *values, size_t count,
                              uint64_t base);

/* ---- Rows on their way into pages ---------------------------------------------------------------- */

/* Columns as sb_column, but with values that lie in overflow pages already. Bit and array index is the row. */
typedef struct sb_source_column {
    uint32_t key;
    uint8_t type;
    const uint8_t *present; /* NULL: all */
    const uint64_t *words;
    const sb_bytes *bytes;
    const uint8_t *overflow; /* bit: bytes holds a reference; NULL: none does */
} sb_source_column;
typedef struct sb_source {
    const uint64_t *ids;
    size_t rows;
    const sb_source_column *columns;
    size_t column_count;
} sb_source;
SB_INLINE bool sb_source__has(const sb_source_column *column, size_t row)
{
    return column->present == NULL || sb_bit_get(column->present, row);
}
SB_INLINE uint32_t sb_source__code(const sb_source_column *column, size_t row)
{
    return column->overflow != NULL && sb_bit_get(column->overflow, row)
               ? SB_CODE_OVERFLOW
               : (uint32_t)column->bytes[row].size;
}

/* What the encoder learns about a column over a run of rows. */
typedef struct sb_colstats {
    uint32_t count;    /* rows that have it */
    bool same;         /* BYTES: all inline and equal so far */
    uint64_t min, max; /* INT: with the sign bit turned, DOUBLE: bits, BYTES: length codes */
    uint64_t heap;     /* BYTES: bytes of strings and references */
    size_t first;      /* first row that has it */
} sb_colstats;
/* And what it makes of that. */
typedef struct sb_colplan {
    uint8_t width, presence;
    bool constant;
    uint64_t base;
    uint32_t place_bytes;
    uint32_t places; /* PACKED, LIST */
    uint32_t heap;   /* bytes of strings, room for rows to come counted */
} sb_colplan;

/* Turns the order of signed into that of unsigned words. */
#define SB_COL_INT_BIAS 0x8000000000000000ull
/* Form of a column of which `rows` rows in `slots` slots are known by stats. */
void sb_columnar__plan_column(sb_colplan *plan, const sb_colstats *stats, uint8_t type,
                              uint32_t slots, uint32_t rows);

/* Puts rows of a source into pages. Set the first group of fields, give it memory, then fit and write. */
typedef struct sb_encoder {
    const sb_source *source;
    uint32_t page_bytes;
    uint32_t budget; /* bytes of a page that may be filled */
    sb_colstats *stats, *trial;
    sb_colplan *plans;
    size_t hint; /* rows that fitted last time, to start from; 0: none */
    /* The result of fit: */
    uint32_t rows, slots, columns;
    uint8_t id_width;
    bool holes;
} sb_encoder;
size_t sb_encoder__memory(size_t column_count);
void sb_encoder__init(sb_encoder *encoder, const sb_source *source, uint32_t page_bytes,
                      uint32_t budget, void *memory);
/* Most rows of [from, from + limit) that fit one page; at least 1 (a row always fits: prepared rows keep to the row limit). */
size_t sb_encoder__fit(sb_encoder *encoder, size_t from, size_t limit);
/* Fences of a page as numbers. */
typedef struct sb_col_fences {
    uint64_t low, high;
    bool no_low, no_high;
} sb_col_fences;
sb_col_fences sb_columnar__get_fences(const uint8_t *page);
void sb_columnar__put_fences(uint8_t *page, const sb_col_fences *fences);
/* Write the rows of the last fit, which began at from. The common header stays; strings of the source may not lie
 * in page. slack: leave room for more rows in the blocks, as much as the page holds of rows like these. */
void sb_encoder__write(sb_encoder *encoder, size_t from, bool slack, const sb_col_fences *fences,
                       uint8_t *page);
/* Write one value at its place; strings go below *heap_start. The value is known to fit. */
void sb_columnar__put_value(uint8_t *page, uint32_t *heap_start, const sb_colview *view,
                            uint32_t place, const sb_source_column *column, size_t row);
/* Ranks of a PACKED block from a word on, after bits of it changed. */
void sb_columnar__rerank(uint8_t *page, const sb_colview *view, uint32_t word);
/* Columns of a page and of a source side by side in order: each call gives the next (key, type) and where it is.
 * Start with both 0; page_index or source_index is SIZE_MAX when that side does not have it. False at the end. */
typedef struct sb_colpairs {
    size_t page_next, source_next;   /* zeroed to start */
    size_t page_index, source_index; /* current */
} sb_colpairs;
bool sb_columnar__next_pair(sb_colpairs *pairs, const uint8_t *page, const sb_source *source);
/* An empty leaf: no rows, no columns. */
void sb_columnar__write_empty(const sb_col_fences *fences, uint8_t *page, uint32_t page_bytes);

/* Rows of a leaf (without those whose bit in dropped is set; NULL: none) and rows [from, from + count) of a source in
 * one; a row of the source replaces that of the same id. Strings stay where they are: page and source live on.
 * Everything of *merged lies in a buffer of the pool, which the caller gives back. */
SB_MUST_CHECK sb_status sb_columnar__merge(sb_tree_txn *state, const uint8_t *page,
                                           const uint8_t *dropped, const sb_source *source,
                                           size_t from, size_t count, sb_source *merged,
                                           sb_buffer **memory, sb_err *err);

/* ---- In place -------------------------------------------------------------------------------------- */

/* Insert a prefix of rows [from, from + limit), whose ids lie within the fences, without moving anything: past
 * the last row or into holes. How many went in; 0: the page is as it was. */
size_t sb_columnar__insert(uint8_t *page, uint32_t page_bytes, const sb_source *source, size_t from,
                           size_t limit);
/* Set cells (one per key, sorted, none with overflow) of a slot when all of them fit. false: the page is as it was. */
bool sb_columnar__set_cells(uint8_t *page, uint32_t page_bytes, const sb_cell *cells, size_t count,
                            uint32_t slot);
/* Set one cell that set_cells refused, by writing its column's block anew and moving those behind it. false: the page
 * is as it was, and has to be written afresh. scratch: reshape_bytes, aligned to 8. */
bool sb_columnar__reshape(uint8_t *page, uint32_t page_bytes, const sb_cell *cell, uint32_t slot,
                          uint8_t *scratch);
size_t sb_columnar__reshape_bytes(uint32_t page_bytes);
/* Make a slot a hole. false (page as it was): the page has no bitmap of holes, or a column packs its values. */
bool sb_columnar__punch(uint8_t *page, uint32_t page_bytes, uint32_t slot);

/* ---- Writing leaves ------------------------------------------------------------------------------------ */

/* Put rows into the tree; those replaced lose their overflow pages when free_replaced. */
SB_MUST_CHECK sb_status sb_columnar__put(sb_txn *txn, sb_tree *tree, const sb_source *source,
                                         bool free_replaced, sb_err *err);
/* Write rows that replace the whole content of leaf pgno, splitting it where they do not fit; rows > 0. page is the
 * leaf's private copy; no string of the source lies in it. */
SB_MUST_CHECK sb_status sb_columnar__rewrite(sb_txn *txn, sb_tree *tree, uint8_t *page,
                                             sb_pgno pgno, const sb_source *source, sb_err *err);
/* Free the overflow pages of one row. */
SB_MUST_CHECK sb_status sb_columnar__free_refs(sb_txn *txn, const uint8_t *page, uint32_t slot,
                                               sb_err *err);
/* Check order and types of a caller's columns. */
SB_MUST_CHECK sb_status sb_columnar__check_rows(const sb_rows *rows, sb_err *err);
/* A source over the caller's columns, in a buffer of the pool. */
SB_MUST_CHECK sb_status sb_columnar__source(sb_tree_txn *state, const sb_rows *rows,
                                            sb_source *source, sb_buffer **memory, sb_err *err);

/* ---- Wide rows ------------------------------------------------------------------------------------------- */

/* Do all rows go into pages as they are: no string past the inline limit, no row past the row limit? */
bool sb_columnar__plain(const sb_source *source, uint32_t page_bytes);
/* Rows [from, from + count) of a source made fit for pages: long strings and wide rows are written to overflow pages
 * of the tree. *prepared lies in a buffer of the pool. */
SB_MUST_CHECK sb_status sb_columnar__prepare(sb_txn *txn, uint32_t tree, const sb_source *source,
                                             size_t from, size_t count, sb_source *prepared,
                                             sb_buffer **memory, sb_err *err);
/* Rows to prepare at once. */
size_t sb_columnar__window(const sb_source *source);
/* Read the wide row's blob, if the row has one (else *data is NULL): checked, owned memory of *bytes from the pager's
 * allocator, which may be more than the blob. */
SB_MUST_CHECK sb_status sb_columnar__load_wide(sb_txn *txn, const uint8_t *page, uint32_t slot,
                                               uint8_t **data, size_t *bytes, sb_err *err);
/* First cell of a checked blob whose (key, type) is >= order; false when none. */
bool sb_columnar__wide_seek(const uint8_t *data, uint64_t order, sb_cell *cell);

/* ---- Bulk build -------------------------------------------------------------------------------------------- */

/* The columnar side of sb_build: rows collect in one unfinished page; full ones go to the core. */
typedef struct sb_columnar_build sb_columnar_build;
SB_MUST_CHECK sb_status sb_columnar__build_open(sb_txn *txn, sb_tree *tree, sb_build_core *core,
                                                unsigned fill_percent, sb_columnar_build **build,
                                                sb_err *err);
SB_MUST_CHECK sb_status sb_columnar__build_rows(sb_columnar_build *build, const sb_rows *rows,
                                                sb_err *err);
/* Hands the last page to the core. The core itself is finished by the caller. */
SB_MUST_CHECK sb_status sb_columnar__build_finish(sb_columnar_build *build, sb_err *err);
void sb_columnar__build_free(sb_columnar_build *build); /* accepts NULL */

#endif
