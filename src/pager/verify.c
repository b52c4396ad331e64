/* verify.c — reading every page of a snapshot afresh: checksums, structure, and who owns it. */
#include <stdio.h>

#include "pager/pager_priv.h"

typedef struct verifier {
    sb_txn *txn;
    sb_finding finding;
    void *ctx;
    uint64_t count;
    uint8_t *free_map;  /* owned: all free pages */
    uint8_t *trunk_map; /* owned: those that are trunks */
    size_t map_bytes;
    uint8_t *buffer; /* of the session's pool */
} verifier;

static void report(verifier *v, sb_pgno pgno, const char *message)
{
    v->count++;
    if (v->finding != NULL) v->finding(v->ctx, pgno, message);
}

static sb_status note_free(void *ctx, sb_pgno pgno, bool trunk, sb_err *err)
{
    verifier *v = ctx;
    (void)err;
    if (sb_bit_get(v->free_map, pgno)) report(v, pgno, "the page is twice in the free list");
    sb_bit_set(v->free_map, pgno);
    if (trunk) sb_bit_set(v->trunk_map, pgno);
    return SB_OK;
}

/* Damage is a finding; any other failure ends the verification. */
static sb_status as_finding(verifier *v, sb_pgno pgno, sb_status st, const sb_err *page_err,
                            sb_err *err)
{
    if (st == SB_OK) return SB_OK;
    if (st != SB_CORRUPT) return SB_FAIL(err, st, "%s", page_err->text);
    report(v, pgno, page_err->text);
    return SB_OK;
}

static sb_status check_content(verifier *v, sb_pgno pgno, sb_err *err)
{
    sb_txn *txn = v->txn;
    sb_pager *pager = txn->pager;
    const sb_own_page *own = txn->writable ? sb_pager__own_find(txn, pgno) : NULL;
    if (own != NULL && own->now.kind == SB_OWN_PRIVATE) {
        /* Not written yet, so without a checksum: the structure alone. */
        if (pager->options.check == NULL || own->now.buffer[SB_PAGE_KIND] == SB_PAGE_FREE)
            return SB_OK;
        return pager->options.check(pager->options.check_ctx, own->now.buffer, pager->page_bytes,
                                    pgno, err);
    }
    uint32_t pos = 0;
    if (own != NULL && own->now.kind == SB_OWN_SPILLED)
        pos = own->now.pos;
    else if (!txn->main_only && (own == NULL || own->now.kind != SB_OWN_FRESH))
        pos = sb_pager__index_find(&pager->index, pgno, sb_mark_pos(txn->mark));
    SB_TRY(sb_pager__read_bytes(pager, pgno, pos, v->buffer, err));
    return sb_pager__check_page(pager, pgno, v->buffer, err);
}

static sb_status check_one(verifier *v, const uint8_t *used, sb_pgno pgno, sb_err *err)
{
    sb_err page_err;
    const bool is_free = sb_bit_get(v->free_map, pgno);
    if (used != NULL) {
        if (is_free && sb_bit_get(used, pgno))
            report(v, pgno, "the page is in use and in the free list");
        if (!is_free && !sb_bit_get(used, pgno))
            report(v, pgno, "the page is neither in use nor free");
    }
    if (is_free && !sb_bit_get(v->trunk_map, pgno)) return SB_OK; /* its content means nothing */
    sb_err_clear(&page_err);
    return as_finding(v, pgno, check_content(v, pgno, &page_err), &page_err, err);
}

/* They lie outside of page 0's checksum. One that is damaged counts for nothing, so that file and WAL of different times are
 * told apart less surely. */
static sb_status check_stamps(verifier *v, sb_err *err)
{
    unsigned damaged = 0;
    SB_TRY(sb_pager__stamps_check(v->txn->pager, &damaged, err));
    for (unsigned i = 0; i < SB_STAMPS; i++)
        if (damaged >> i & 1)
            report(
                v, 0,
                i == SB_STAMP_BACKFILL
                    ? "page 0: the back-fill stamp is damaged; opening the file to write clears it"
                    : "page 0: a bypass stamp is damaged; opening the file to write clears it");
    return SB_OK;
}

/* Pages from there on, told together: there may be billions if the number of pages is a lie. Free ones were never written. */
static void report_missing(verifier *v, sb_pgno there)
{
    char message[96];
    const sb_pgno end = v->txn->now.page_count;
    const uint64_t missing =
        end - there - (sb_bits_count(v->free_map, end) - sb_bits_count(v->free_map, there));
    if (missing == 0) return;
    (void)snprintf(message, sizeof message, "%llu pages from here on lie past the end of the file",
                   (unsigned long long)missing);
    report(v, there, message);
}

static sb_status check_all(verifier *v, const uint8_t *used, sb_progress progress,
                           void *progress_ctx, sb_err *err)
{
    sb_err list_err;
    sb_pgno there = 0;
    SB_TRY(check_stamps(v, err));
    sb_err_clear(&list_err);
    const sb_status listed = sb_pager__free_walk(v->txn, note_free, v, &list_err);
    SB_TRY(as_finding(v, v->txn->now.free_head, listed, &list_err, err));
    SB_TRY(sb_txn_pages_there(v->txn, &there, err));
    for (sb_pgno pgno = 1; pgno < there; pgno++) {
        SB_TRY(check_one(v, used, pgno, err));
        if (pgno % 1024 == 0 && progress != NULL &&
            !progress(progress_ctx, pgno, v->txn->now.page_count))
            return SB_FAIL(err, SB_INTERRUPT, "cancelled");
    }
    report_missing(v, there);
    return SB_OK;
}

sb_status sb_pager_verify(sb_txn *txn, const uint8_t *used, sb_finding finding, void *ctx,
                          sb_progress progress, void *progress_ctx, uint64_t *findings, sb_err *err)
{
    const sb_allocator *alloc = txn->pager->alloc;
    verifier v = {.txn = txn, .finding = finding, .ctx = ctx};
    *findings = 0;
    SB_ASSERT(txn->active);
    SB_TRY(sb_pager__buffer_take(txn, &v.buffer, err));
    v.map_bytes = (txn->now.page_count + (size_t)7) / 8;
    v.free_map = sb_alloc_zero(alloc, v.map_bytes);
    v.trunk_map = sb_alloc_zero(alloc, v.map_bytes);
    sb_status st = SB_OK;
    if (v.free_map == NULL || v.trunk_map == NULL)
        st = SB_FAIL_NOMEM(err);
    else
        st = check_all(&v, used, progress, progress_ctx, err);
    sb_free(alloc, v.free_map, v.map_bytes);
    sb_free(alloc, v.trunk_map, v.map_bytes);
    sb_pager__buffer_give(txn, v.buffer);
    *findings = v.count;
    return st;
}
