/* overflow.c — values too long for a leaf, in chains of pages. Each page names the chain's owner and its place in
 * it, so that a reference that leads into another value's pages is found out (DESIGN §9 rule 13).
 *
 *   | common | next u32 | bytes u32 | owner u64 | sequence u32 | 0 u32 | data … |
 * Reference: first page u32, CRC-32C of the whole value u32, its length u64. All pages but the last are full. */
#include "tree/core_priv.h"

#define OVERFLOW_NEXT     16u /* u32: page; 0 at the end */
#define OVERFLOW_BYTES    20u /* u32: of data in this page, at least 1 */
#define OVERFLOW_OWNER    24u /* u64 */
#define OVERFLOW_SEQUENCE 32u /* u32: from 0 */
#define OVERFLOW_DATA     40u
#define OVERFLOW_LIMIT    (2ull << 30) /* bytes of a value */
static_assert(OVERFLOW_NEXT == SB_PAGE_COMMON, "the chain follows the common header");
static_assert(OVERFLOW_SEQUENCE + 8 == OVERFLOW_DATA, "data follows the header");

static uint32_t data_bytes(uint32_t page_bytes)
{
    return page_bytes - OVERFLOW_DATA;
}

sb_status sb_overflow__check(const uint8_t *page, uint32_t page_bytes, sb_pgno pgno, sb_err *err)
{
    const uint32_t bytes = sb_load_le32(page + OVERFLOW_BYTES),
                   next = sb_load_le32(page + OVERFLOW_NEXT);
    SB_CHECK_PAGE(err, pgno, page[SB_PAGE_LEVEL] == 0);
    SB_CHECK_PAGE(err, pgno, sb_load_le16(page + SB_PAGE_FLAGS) == 0);
    SB_CHECK_PAGE(err, pgno, sb_load_le32(page + OVERFLOW_SEQUENCE + 4) == 0);
    SB_CHECK_PAGE(err, pgno, bytes > 0 && bytes <= data_bytes(page_bytes));
    SB_CHECK_PAGE(err, pgno, next != pgno);
    SB_CHECK_PAGE(err, pgno, next == SB_PGNO_NONE || bytes == data_bytes(page_bytes));
    return SB_OK;
}

sb_status sb_overflow_write(sb_txn *txn, uint32_t tree, uint64_t owner, sb_bytes value,
                            uint8_t ref[SB_OVERFLOW_REF_BYTES], sb_err *err)
{
    const uint32_t room = data_bytes(sb_pager_page_bytes(sb_txn_pager(txn)));
    memset(ref, 0, SB_OVERFLOW_REF_BYTES);
    if (value.size == 0 || value.size > OVERFLOW_LIMIT)
        return SB_FAIL(err, SB_LIMIT, "a value has %zu bytes; 1 to %llu can be kept apart",
                       value.size, (unsigned long long)OVERFLOW_LIMIT);

    sb_pgno last = SB_PGNO_NONE;
    size_t at = 0;
    for (uint32_t sequence = 0; at < value.size; sequence++) {
        sb_pgno pgno;
        uint8_t *page, *before;
        SB_TRY(sb_txn_spill(txn,
                            err)); /* no page is held here: a value may be larger than the memory */
        SB_TRY(sb_page_alloc(txn, SB_PAGE_OVERFLOW, tree, &pgno, &page, err));
        const uint32_t bytes = value.size - at < room ? (uint32_t)(value.size - at) : room;
        sb_store_le32(page + OVERFLOW_BYTES, bytes);
        sb_store_le64(page + OVERFLOW_OWNER, owner);
        sb_store_le32(page + OVERFLOW_SEQUENCE, sequence);
        memcpy(page + OVERFLOW_DATA, value.data + at, bytes);
        if (last == SB_PGNO_NONE) {
            sb_store_le32(ref, pgno);
        } else {
            SB_TRY(sb_page_mut(txn, last, &before, err));
            sb_store_le32(before + OVERFLOW_NEXT, pgno);
        }
        last = pgno;
        at += bytes;
    }
    sb_store_le32(ref + 4, sb_crc32c(0, value.data, value.size));
    sb_store_le64(ref + 8, value.size);
    return SB_OK;
}

typedef struct chain {
    sb_pgno next;
    uint64_t left;     /* bytes not yet seen */
    uint32_t sequence; /* of next */
    uint32_t tree;     /* of the first page */
    uint64_t owner;
} chain;

static sb_status start_chain(chain *at, const uint8_t *ref, sb_err *err)
{
    *at = (chain){.next = sb_load_le32(ref), .left = sb_load_le64(ref + 8)};
    if (at->left == 0 || at->left > OVERFLOW_LIMIT || at->next == SB_PGNO_NONE)
        return SB_FAIL_PAGE(err, at->next,
                            "a reference to an overflow value of %llu bytes at page %u is damaged",
                            (unsigned long long)at->left, (unsigned)at->next);
    return SB_OK;
}

/* The next page of the chain, held in *page; checked to be that one. Ends after length / room pages, whatever the bytes. */
static sb_status next_in_chain(sb_txn *txn, chain *at, sb_page *page, sb_bytes *data, sb_err *err)
{
    const sb_pgno pgno = at->next;
    const uint32_t room = data_bytes(sb_pager_page_bytes(sb_txn_pager(txn)));
    SB_TRY(sb_page_acquire(txn, pgno, page, err));
    const uint8_t *p = page->bytes;
    const uint32_t bytes = at->left < room ? (uint32_t)at->left : room;
    const sb_pgno next = sb_load_le32(p + OVERFLOW_NEXT);
    if (at->sequence == 0) {
        at->tree = sb_load_le32(p + SB_PAGE_TREE);
        at->owner = sb_load_le64(p + OVERFLOW_OWNER);
    }
    if (p[SB_PAGE_KIND] != SB_PAGE_OVERFLOW || sb_load_le32(p + SB_PAGE_TREE) != at->tree ||
        sb_load_le64(p + OVERFLOW_OWNER) != at->owner ||
        sb_load_le32(p + OVERFLOW_SEQUENCE) != at->sequence ||
        sb_load_le32(p + OVERFLOW_BYTES) != bytes ||
        (next == SB_PGNO_NONE) != (at->left == bytes)) {
        sb_page_release(txn, page);
        return SB_FAIL_PAGE(err, pgno, "page %u is not part %u of its overflow value",
                            (unsigned)pgno, (unsigned)at->sequence);
    }
    *data = sb_bytes_of(p + OVERFLOW_DATA, bytes);
    at->left -= bytes;
    at->next = next;
    at->sequence++;
    return SB_OK;
}

sb_status sb_overflow_fits(sb_txn *txn, uint64_t bytes, sb_err *err)
{
    const uint64_t pages = sb_txn_page_count(txn);
    if (SB_LIKELY(bytes / sb_pager_page_bytes(sb_txn_pager(txn)) < pages)) return SB_OK;
    return SB_FAIL(err, SB_CORRUPT, "overflow values of %llu bytes in a file of %llu pages",
                   (unsigned long long)bytes, (unsigned long long)pages);
}

sb_status sb_overflow_read(sb_txn *txn, const uint8_t ref[SB_OVERFLOW_REF_BYTES], sb_buffer *out,
                           sb_err *err)
{
    chain at;
    const size_t begin = out->size;
    SB_TRY(start_chain(&at, ref, err));
    const sb_pgno first = at.next;
    while (at.left > 0) {
        /* Room as pages come, not as the reference promises: a damaged length can not ask for gigabytes. */
        sb_page page;
        sb_bytes data;
        SB_TRY(next_in_chain(txn, &at, &page, &data, err));
        const bool kept = sb_buffer_append(out, data.data, data.size) == SB_OK;
        sb_page_release(txn, &page);
        if (!kept) return SB_FAIL_NOMEM(err);
    }
    if (sb_crc32c(0, out->data + begin, out->size - begin) != sb_load_le32(ref + 4))
        return SB_FAIL_PAGE(err, first, "the overflow value at page %u does not have its checksum",
                            (unsigned)first);
    return SB_OK;
}

sb_status sb_overflow_free(sb_txn *txn, const uint8_t ref[SB_OVERFLOW_REF_BYTES], sb_err *err)
{
    chain at;
    SB_TRY(start_chain(&at, ref, err));
    while (at.left > 0) {
        sb_page page;
        sb_bytes data;
        const sb_pgno pgno = at.next;
        SB_TRY(next_in_chain(txn, &at, &page, &data, err));
        sb_page_release(txn, &page);
        SB_TRY(sb_page_free(txn, pgno, err));
    }
    return SB_OK;
}

sb_status sb_overflow__walk(sb_txn *txn, const uint8_t *ref, uint32_t tree, uint64_t owner,
                            sb_status (*visit)(void *ctx, sb_pgno pgno, sb_err *err), void *ctx,
                            sb_err *err)
{
    chain at;
    SB_TRY(start_chain(&at, ref, err));
    uint32_t crc = 0;
    const sb_pgno first = at.next;
    while (at.left > 0) {
        sb_page page;
        sb_bytes data;
        const sb_pgno pgno = at.next;
        SB_TRY(next_in_chain(txn, &at, &page, &data, err));
        crc = sb_crc32c(crc, data.data, data.size);
        sb_page_release(txn, &page);
        SB_TRY(visit(ctx, pgno, err));
    }
    if (at.tree != tree || at.owner != owner)
        return SB_FAIL_PAGE(
            err, first,
            "the overflow value at page %u belongs to %llu of tree %u, not to %llu of tree %u",
            (unsigned)first, (unsigned long long)at.owner, (unsigned)at.tree,
            (unsigned long long)owner, (unsigned)tree);
    if (crc != sb_load_le32(ref + 4))
        return SB_FAIL_PAGE(err, first, "the overflow value at page %u does not have its checksum",
                            (unsigned)first);
    return SB_OK;
}
