/* slots_priv.h — the page of sorted keys that inner pages and slotted leaves share.
 * From Graefe's B-trees: the page holds a low fence (inclusive) and a high fence (exclusive) in full, so
 * their common prefix belongs to every key and is cut from all of them ("Write-optimized B-trees", VLDB
 * 2004; "Modern B-tree techniques", 2011). From LeanStore (Leis, Haubenschild, Kemper, Neumann, ICDE 2018,
 * and its successors' B-trees): the first 4 bytes of each cut key, the head, stand in the slot as an
 * integer, and 16 hints sample the heads, so that a search is mostly compares of integers in one or two
 * cache lines. The code is our own.
 *
 *   0        16       32              96                                  heap              page_bytes
 *   | common | bounds | hints 16×u32 | slots, 8 bytes each → |   gap   | ← cells | low | high |
 *
 * Slot: head u32, cell offset u16, suffix length u16. 16 bits do for the offset even in a page of 65,536
 * bytes: a cell is never empty, so it begins below; only the heap bound can equal page_bytes, and it has
 * 32. Eight bytes keep slots aligned and two more in 8 KiB pages than LeanStore's ten; the value's length,
 * which no search needs, stands in the cell.
 * Cell of a leaf: value length u16, suffix, value. Cell of an inner page: child u32, suffix.
 *
 * Invariants (checked at first touch, so readers need no bounds checks):
 *   S1 prefix = longest common prefix of the fences; 0 when one of them is open (empty).
 *   S2 suffixes ascend strictly; prefix + suffix lies within [low, high).
 *   S3 slots_end <= heap <= heap_end; every cell lies in [heap, heap_end); cells' bytes + dead = heap_end - heap; no two cells share
 *      a byte, so that what is written into one is in no other.
 *   S4 head = first 4 bytes of the suffix, big-endian, filled up with zeros.
 *   S5 hint i = head of slot d·(i+1) with d = count / 17; all 0 while d is 0.
 *   S6 an inner page has at least two children, and its first suffix is empty: it stands for the low fence. */
#ifndef SB_TREE_SLOTS_PRIV_H
#define SB_TREE_SLOTS_PRIV_H

#include "tree/core_priv.h"

#define SB_SLOTS_HEAP      16u /* u32: lowest byte of the heap; equals heap_end when it is empty */
#define SB_SLOTS_DEAD      20u /* u32: bytes of the heap that no cell uses */
#define SB_SLOTS_COUNT     24u /* u16: slots */
#define SB_SLOTS_PREFIX    26u /* u16: bytes of the fences' common prefix */
#define SB_SLOTS_LOW       28u /* u16: bytes of the low fence, 0: open */
#define SB_SLOTS_HIGH      30u /* u16: bytes of the high fence, 0: open */
#define SB_SLOTS_HINTS     32u /* 16 × u32 */
#define SB_SLOTS_BEGIN     96u /* the slots */
#define SB_SLOT_BYTES      8u
#define SB_SLOT_HEAD       0u
#define SB_SLOT_CELL       4u
#define SB_SLOT_LENGTH     6u
#define SB_HINT_COUNT      16u
#define SB_LEAF_CELL_HEAD  2u /* value length */
#define SB_INNER_CELL_HEAD 4u /* child */
static_assert(SB_SLOTS_HEAP == SB_PAGE_COMMON, "bounds follow the common header");
static_assert(SB_SLOTS_HIGH + 2 == SB_SLOTS_HINTS, "hints follow the bounds");
static_assert(SB_SLOTS_HINTS + 4 * SB_HINT_COUNT == SB_SLOTS_BEGIN, "slots follow the hints");
static_assert(SB_SLOTS_BEGIN % SB_SLOT_BYTES == 0, "slots are aligned");

SB_INLINE uint32_t sb_slots__count(const uint8_t *page)
{
    return sb_load_le16(page + SB_SLOTS_COUNT);
}
SB_INLINE uint32_t sb_slots__heap(const uint8_t *page)
{
    return sb_load_le32(page + SB_SLOTS_HEAP);
}
SB_INLINE uint32_t sb_slots__dead(const uint8_t *page)
{
    return sb_load_le32(page + SB_SLOTS_DEAD);
}
SB_INLINE uint32_t sb_slots__prefix(const uint8_t *page)
{
    return sb_load_le16(page + SB_SLOTS_PREFIX);
}
SB_INLINE bool sb_slots__is_inner(const uint8_t *page)
{
    return page[SB_PAGE_KIND] == SB_PAGE_INNER;
}
SB_INLINE uint32_t sb_slots__cell_head(const uint8_t *page)
{
    return sb_slots__is_inner(page) ? SB_INNER_CELL_HEAD : SB_LEAF_CELL_HEAD;
}
SB_INLINE sb_bytes sb_slots__low(const uint8_t *page, uint32_t page_bytes)
{
    const uint32_t low = sb_load_le16(page + SB_SLOTS_LOW),
                   high = sb_load_le16(page + SB_SLOTS_HIGH);
    return sb_bytes_of(page + page_bytes - low - high, low);
}
SB_INLINE sb_bytes sb_slots__high(const uint8_t *page, uint32_t page_bytes)
{
    const uint32_t high = sb_load_le16(page + SB_SLOTS_HIGH);
    return sb_bytes_of(page + page_bytes - high, high);
}
SB_INLINE uint32_t sb_slots__heap_end(const uint8_t *page, uint32_t page_bytes)
{
    return page_bytes - sb_load_le16(page + SB_SLOTS_LOW) - sb_load_le16(page + SB_SLOTS_HIGH);
}
SB_INLINE const uint8_t *sb_slots__slot(const uint8_t *page, uint32_t i)
{
    return page + SB_SLOTS_BEGIN + (size_t)i * SB_SLOT_BYTES;
}
SB_INLINE uint32_t sb_slots__head_at(const uint8_t *page, uint32_t i)
{
    return sb_load_le32(sb_slots__slot(page, i) + SB_SLOT_HEAD);
}
SB_INLINE uint32_t sb_slots__cell_at(const uint8_t *page, uint32_t i)
{
    return sb_load_le16(sb_slots__slot(page, i) + SB_SLOT_CELL);
}
SB_INLINE uint32_t sb_slots__length_at(const uint8_t *page, uint32_t i)
{
    return sb_load_le16(sb_slots__slot(page, i) + SB_SLOT_LENGTH);
}
SB_INLINE uint32_t sb_slots__end(const uint8_t *page)
{
    return SB_SLOTS_BEGIN + sb_slots__count(page) * SB_SLOT_BYTES;
}
SB_INLINE uint32_t sb_slots__gap(const uint8_t *page)
{
    return sb_slots__heap(page) - sb_slots__end(page);
}
SB_INLINE sb_bytes sb_slots__suffix(const uint8_t *page, uint32_t i)
{
    return sb_bytes_of(page + sb_slots__cell_at(page, i) + sb_slots__cell_head(page),
                       sb_slots__length_at(page, i));
}
/* Of leaves. */
SB_INLINE sb_bytes sb_slots__value(const uint8_t *page, uint32_t i)
{
    const uint8_t *cell = page + sb_slots__cell_at(page, i);
    return sb_bytes_of(cell + SB_LEAF_CELL_HEAD + sb_slots__length_at(page, i), sb_load_le16(cell));
}
/* Of inner pages. */
SB_INLINE sb_pgno sb_slots__child(const uint8_t *page, uint32_t i)
{
    return sb_load_le32(page + sb_slots__cell_at(page, i));
}
SB_INLINE uint32_t sb_slots__cell_bytes(const uint8_t *page, uint32_t i)
{
    const uint32_t suffix = sb_slots__length_at(page, i);
    return sb_slots__is_inner(page)
               ? SB_INNER_CELL_HEAD + suffix
               : SB_LEAF_CELL_HEAD + suffix + sb_load_le16(page + sb_slots__cell_at(page, i));
}
/* Header, fences, slots and cells; gap and dead bytes not counted. */
SB_INLINE uint32_t sb_slots__used(const uint8_t *page, uint32_t page_bytes)
{
    return page_bytes - sb_slots__gap(page) - sb_slots__dead(page);
}
SB_INLINE uint32_t sb_slots__head_of(sb_bytes suffix)
{
    if (SB_LIKELY(suffix.size >= 4)) return sb_load_be32(suffix.data);
    uint32_t head = 0;
    for (size_t i = 0; i < suffix.size; i++)
        head |= (uint32_t)suffix.data[i] << (24 - 8 * i);
    return head;
}
/* A key of the tree without the page's prefix. A key that lies within the fences has it; for any other
 * (only a damaged tree asks for one) the answer is wrong but inside the page. */
SB_INLINE sb_bytes sb_slots__cut(const uint8_t *page, sb_bytes key)
{
    const size_t prefix = sb_slots__prefix(page);
    return SB_LIKELY(key.size >= prefix) ? sb_bytes_of(key.data + prefix, key.size - prefix)
                                         : sb_bytes_of(key.data + key.size, 0);
}

/* The word of a fence. Fences lie at the end of a page, so the eight bytes that end with one are the page's. */
SB_INLINE uint64_t sb_slots__fence_word(sb_bytes fence)
{
    return fence.size >= 8 ? sb_load_be64(fence.data)
                           : sb_load_be64(fence.data + fence.size - 8) << (64 - 8 * fence.size);
}
/* Where a key, whose word is sb_bytes_word, lies by the fences: 0 within, -1 below, 1 above. Words decide nearly always. */
SB_INLINE int sb_slots__side(const uint8_t *page, uint32_t page_bytes, sb_bytes key, uint64_t word)
{
    const sb_bytes low = sb_slots__low(page, page_bytes), high = sb_slots__high(page, page_bytes);

    if (low.size != 0) {
        const uint64_t least = sb_slots__fence_word(low);
        if (word < least || (word == least && sb_bytes_compare(key, low) < 0)) return -1;
    }
    if (high.size == 0) return 0;
    const uint64_t end = sb_slots__fence_word(high);
    return word > end || (word == end && sb_bytes_compare(key, high) >= 0);
}

/* Does the leaf that a key led to hold it? Only then is the page's prefix the key's, too. */
SB_MUST_CHECK SB_INLINE sb_status sb_slots__check_key(const uint8_t *page, uint32_t page_bytes,
                                                      sb_pgno pgno, sb_bytes key, sb_err *err)
{
    SB_CHECK_PAGE(err, pgno, sb_slots__side(page, page_bytes, key, sb_bytes_word(key)) == 0);
    return SB_OK;
}

/* The slots between two hints, to which a search is narrowed, and where in them the head would be if heads were as evenly spread
 * as dense numbers are. */
typedef struct sb_window {
    uint32_t head; /* of the suffix */
    uint32_t lower, upper;
    uint32_t guess; /* upper: none */
} sb_window;
/* The window of a suffix; its slots are asked for, and the guess is not made. */
void sb_slots__narrow(const uint8_t *page, sb_bytes suffix, sb_window *window);
/* Make the guess, and ask for its cell, if cells lie as in a page that was filled in order, from its end down. Elsewhere that costs a line
 * which nobody reads; where it is right, a search waits once, not twice. */
void sb_slots__guess(const uint8_t *page, uint32_t page_bytes, sb_window *window);
/* First slot whose suffix is >= the given one (count when there is none), and whether it is equal. */
uint32_t sb_slots__search_window(const uint8_t *page, sb_bytes suffix, const sb_window *window,
                                 bool *equal);
SB_INLINE uint32_t sb_slots__search(const uint8_t *page, sb_bytes suffix, bool *equal)
{
    sb_window window;
    sb_slots__narrow(page, suffix, &window);
    return sb_slots__search_window(page, suffix, &window, equal);
}
/* Inner pages: the child slot whose range holds the suffix. */
SB_INLINE uint32_t sb_slots__child_slot(const uint8_t *page, sb_bytes suffix)
{
    bool equal;
    const uint32_t i = sb_slots__search(page, suffix, &equal);
    return equal || i == 0 ? i : i - 1;
}

/* S1 to S6 of either kind, whatever the bytes. */
SB_MUST_CHECK sb_status sb_slots__check(const uint8_t *page, uint32_t page_bytes, sb_pgno pgno,
                                        sb_err *err);

/* Longest common prefix. */
size_t sb_slots__shared(sb_bytes a, sb_bytes b);

/* An empty page with fences: everything behind the common header is written. The fences are not in page. */
void sb_slots__init(uint8_t *page, uint32_t page_bytes, sb_bytes low, sb_bytes high);
/* Write a cell at the end of the heap and a slot behind the last one: key is lead + suffix (without the
 * page's prefix), payload a value or 4 bytes of child. The caller knows that it fits; hints are not kept. */
void sb_slots__append(uint8_t *page, sb_bytes lead, sb_bytes suffix, sb_bytes payload);
/* Make the hints true from slot onwards (0: all). */
void sb_slots__hints(uint8_t *page, uint32_t from);
/* Insert a slot at i for a cell written at offset cell. The gap has room for a slot. */
void sb_slots__insert_slot(uint8_t *page, uint32_t i, uint32_t cell, sb_bytes suffix);
/* Write the cell itself. */
void sb_slots__write_cell(uint8_t *page, uint32_t cell, sb_bytes suffix, sb_bytes payload);
/* Take slot i out; its cell's bytes become dead, or part of the gap when it lay lowest. */
void sb_slots__remove(uint8_t *page, uint32_t i);
/* Only the slot: its cell has been given up. */
void sb_slots__remove_slot(uint8_t *page, uint32_t i);
/* Give up bytes of the heap at cell. */
void sb_slots__discard(uint8_t *page, uint32_t cell, uint32_t bytes);
/* Move all cells together so that dead is 0. scratch: page_bytes. */
void sb_slots__compact(uint8_t *page, uint32_t page_bytes, uint8_t *scratch);

/* ---- Rewriting a range of entries as pages ---------------------------------------------------------- */

/* An entry to be written; nothing of it lies in a page that is written. */
typedef struct sb_ref {
    const uint8_t *suffix, *payload; /* key without base; value, or child as 4 bytes */
    uint32_t suffix_bytes, payload_bytes;
} sb_ref;

typedef struct sb_rewrite {
    uint8_t kind;  /* SB_PAGE_INNER or SB_PAGE_SLOTTED */
    uint8_t level; /* of the pages made */
    uint32_t tree;
    sb_bytes low, high; /* outer fences; not in a page that is written */
    sb_bytes base;      /* what all keys share and the refs lack: a prefix of both fences */
    const sb_ref *refs; /* ascending */
    size_t count;
    size_t target; /* close a page when its entries have so many bytes; SIZE_MAX: when it is full */
    const sb_pgno *pages; /* written first, in this order; then new ones */
    size_t page_count;
} sb_rewrite;

/* The separator below entry i, without base: for leaves the shortest prefix of its key that is above the key before. */
sb_bytes sb_slots__separator(const sb_rewrite *rewrite, size_t i);
/* The end of the page that begins at entry begin with the fence low (without base), when it may take page_bytes. */
size_t sb_slots__page_end(const sb_rewrite *rewrite, size_t begin, sb_bytes low,
                          uint32_t page_bytes);

/* Parts made by a rewrite: parts.data holds sb_part, whose low fences lie in keys. */
typedef struct sb_parts {
    sb_buffer *parts, *keys; /* from the transaction's pool */
} sb_parts;
SB_MUST_CHECK sb_status sb_parts__open(sb_tree_txn *state, sb_parts *parts, sb_err *err);
void sb_parts__close(sb_tree_txn *state, sb_parts *parts);
SB_INLINE size_t sb_parts__count(const sb_parts *parts)
{
    return parts->parts->size / sizeof(sb_part);
}
SB_INLINE sb_part *sb_parts__array(const sb_parts *parts)
{
    return (sb_part *)(void *)parts->parts->data;
}

/* Write the entries as pages; a leaf's separators are cut as short as they can be. parts[0].low is the low
 * fence. Pages of rewrite->pages that are not needed are left as they were: parts are fewer then. */
SB_MUST_CHECK sb_status sb_slots__rewrite(sb_txn *txn, sb_tree_txn *state,
                                          const sb_rewrite *rewrite, sb_parts *parts, sb_err *err);
/* Refs to all entries of page, appended to refs (sb_ref each): suffixes without the first skip bytes. */
SB_MUST_CHECK sb_status sb_slots__refs(const uint8_t *page, uint32_t skip, sb_buffer *refs,
                                       sb_err *err);

#endif
