/* verify.c — whole trees: every page walked, its place in the tree proved, its entries counted; and the same walk to
 * free them all. */
#include <stdio.h>

#include "tree/list_priv.h"
#include "tree/slots_priv.h"

typedef struct tree_walk {
    sb_txn *txn;
    const sb_tree *tree;
    const sb_leaf_ops *ops;
    uint32_t page_bytes;
    uint8_t *used;      /* bitmap over all pages */
    sb_finding finding; /* may be NULL */
    void *ctx;
    sb_tree_stats *stats;
    uint64_t *findings;
    sb_pgno leaf; /* at hand, for its overflow values */
    sb_err *err;
} tree_walk;

static void report(tree_walk *walk, sb_pgno pgno, const char *message)
{
    (*walk->findings)++;
    if (walk->finding != NULL) walk->finding(walk->ctx, pgno, message);
}

static void SB_PRINTF(3, 4) reportf(tree_walk *walk, sb_pgno pgno, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    report(walk, pgno, text);
}

/* Damage is a finding, anything else (no memory, no disk) ends the walk. */
static sb_status swallow(tree_walk *walk, sb_pgno pgno, sb_status st, const sb_err *local)
{
    if (st == SB_CORRUPT) {
        report(walk, pgno, local->text);
        return SB_OK;
    }
    if (st != SB_OK && walk->err != NULL && walk->err->code == SB_OK) *walk->err = *local;
    return st;
}

/* False: seen before, do not walk into it (a cycle would not end). */
static bool mark(tree_walk *walk, sb_pgno pgno)
{
    if (pgno >= sb_txn_page_count(walk->txn)) return true; /* acquiring it says what is wrong */
    if (sb_bit_get(walk->used, pgno)) {
        reportf(walk, pgno, "page %u is used twice", (unsigned)pgno);
        return false;
    }
    sb_bit_set(walk->used, pgno);
    return true;
}

static sb_status visit_overflow_page(void *ctx, sb_pgno pgno, sb_err *err)
{
    tree_walk *at = ctx;
    (void)err;
    if (mark(at, pgno)) at->stats->overflow_pages++;
    return SB_OK;
}

static sb_status visit_overflow(void *ctx, const uint8_t *ref, uint64_t owner)
{
    tree_walk *at = ctx;
    sb_err local = {0};
    const sb_status st =
        sb_overflow__walk(at->txn, ref, at->tree->id, owner, visit_overflow_page, at, &local);
    return swallow(at, at->leaf, st, &local);
}

static sb_status verify_leaf(tree_walk *walk, sb_pgno pgno, const uint8_t *page)
{
    sb_err local = {0};
    sb_status st = walk->ops->verify(page, walk->page_bytes, pgno, walk->finding, walk->ctx,
                                     walk->findings, &local);
    if ((st = swallow(walk, pgno, st, &local)) != SB_OK) return st;
    walk->stats->leaf_pages++;
    walk->stats->entries += walk->ops->entries(page);
    walk->stats->leaf_used_bytes += walk->ops->used_bytes(page, walk->page_bytes);
    walk->leaf = pgno;
    return walk->ops->overflow_refs(page, walk->page_bytes, visit_overflow, walk);
}

/* Are the fences the ones that the parent's separators say? */
static void verify_fences(tree_walk *walk, sb_pgno pgno, const uint8_t *page, sb_bytes low,
                          sb_bytes high)
{
    sb_fences fences;
    sb_tree__fences(page, walk->page_bytes, &fences);
    if (!sb_bytes_equal(fences.low, low))
        reportf(walk, pgno, "page %u: its low fence is not its parent's separator", (unsigned)pgno);
    if (!sb_bytes_equal(fences.high, high))
        reportf(walk, pgno, "page %u: its high fence is not its parent's separator",
                (unsigned)pgno);
}

/* Full key of entry i of an inner page, in key (owned by the caller, room for the longest). */
static sb_bytes full_key(const uint8_t *page, uint32_t page_bytes, uint32_t i, uint8_t *key)
{
    if (i == 0) return sb_slots__low(page, page_bytes);
    const uint32_t prefix = sb_slots__prefix(page);
    const sb_bytes suffix = sb_slots__suffix(page, i);
    if (prefix > 0) memcpy(key, sb_slots__low(page, page_bytes).data, prefix);
    memcpy(key + prefix, suffix.data, suffix.size);
    return sb_bytes_of(key, prefix + suffix.size);
}

static sb_status verify_page(tree_walk *walk, sb_pgno pgno, uint32_t level, sb_bytes low,
                             sb_bytes high);

/* Walks a copy of the page, so that no page is held on the way down: with few cache frames a high tree would
 * need more than there are. page is released here. */
static sb_status verify_children(tree_walk *walk, sb_pgno pgno, sb_page *page, uint32_t level)
{
    const sb_allocator *alloc = sb_pager_alloc(sb_txn_pager(walk->txn));
    const uint32_t page_bytes = walk->page_bytes, limit = sb_tree_key_limit(page_bytes);
    const size_t bytes = page_bytes + 2 * (size_t)limit;
    sb_err local = {0};
    uint8_t *copy = sb_alloc(alloc, bytes);
    if (copy != NULL) memcpy(copy, page->bytes, page_bytes);
    sb_page_release(walk->txn, page);
    if (copy == NULL) return SB_FAIL_NOMEM(walk->err);
    walk->stats->inner_pages++;

    /* A private page of this transaction was not checked when it was touched. */
    sb_status st = sb_slots__check(copy, page_bytes, pgno, &local);
    const uint32_t count = st == SB_OK ? sb_slots__count(copy) : 0;
    uint8_t *keys = copy + page_bytes;
    st = swallow(walk, pgno, st, &local);
    for (uint32_t i = 0; st == SB_OK && i < count; i++) {
        const sb_bytes low = full_key(copy, page_bytes, i, keys);
        const sb_bytes high = i + 1 < count ? full_key(copy, page_bytes, i + 1, keys + limit)
                                            : sb_slots__high(copy, page_bytes);
        st = verify_page(walk, sb_slots__child(copy, i), level - 1, low, high);
    }
    sb_free(alloc, copy, bytes);
    return st;
}

/* Recursion goes one level down at each step, at most SB_TREE_MAX_HEIGHT deep. */
static sb_status verify_page(tree_walk *walk, sb_pgno pgno, uint32_t level, sb_bytes low,
                             sb_bytes high)
{
    sb_err local = {0};
    sb_page page;
    if (!mark(walk, pgno)) return SB_OK;
    sb_status st = sb_tree__acquire(walk->txn, walk->tree, pgno, level, &page, &local);
    if (st != SB_OK) return swallow(walk, pgno, st, &local);
    verify_fences(walk, pgno, page.bytes, low, high);
    if (level > 0) return verify_children(walk, pgno, &page, level);
    st = verify_leaf(walk, pgno, page.bytes);
    sb_page_release(walk->txn, &page);
    return st;
}

static size_t bitmap_bytes(const sb_txn *txn)
{
    return ((size_t)sb_txn_page_count(txn) + 7) / 8;
}

static sb_status verify_tree(tree_walk *at)
{
    const sb_tree *tree = at->tree;
    if (at->ops == NULL || tree->height > SB_TREE_MAX_HEIGHT ||
        (tree->root == SB_PGNO_NONE) != (tree->height == 0)) {
        reportf(at, tree->root, "tree %u: root %u, height %u and kind %u do not go together",
                (unsigned)tree->id, (unsigned)tree->root, (unsigned)tree->height,
                (unsigned)tree->kind);
        return SB_OK;
    }
    if (tree->root != SB_PGNO_NONE) {
        const sb_bytes open = sb_bytes_of(NULL, 0);
        SB_TRY(verify_page(at, tree->root, tree->height - 1u, open, open));
    }
    if (at->stats->leaf_pages != tree->leaf_count)
        reportf(at, tree->root, "tree %u has %llu leaves, its root says %llu", (unsigned)tree->id,
                (unsigned long long)at->stats->leaf_pages, (unsigned long long)tree->leaf_count);
    return SB_OK;
}

sb_status sb_tree_verify(sb_txn *txn, const sb_tree *tree, uint8_t *used, sb_finding finding,
                         void *ctx, sb_tree_stats *stats, uint64_t *findings, sb_err *err)
{
    const sb_allocator *alloc = sb_pager_alloc(sb_txn_pager(txn));
    tree_walk at = {.txn = txn,
                    .tree = tree,
                    .ops = sb_tree__leaf_ops(tree->kind),
                    .page_bytes = sb_pager_page_bytes(sb_txn_pager(txn)),
                    .used = used,
                    .finding = finding,
                    .ctx = ctx,
                    .stats = stats,
                    .findings = findings,
                    .err = err};
    const uint64_t before = *findings;
    *stats = (sb_tree_stats){.height = tree->height};
    const size_t bytes = bitmap_bytes(txn);
    if (used == NULL && (at.used = sb_alloc_zero(alloc, bytes)) == NULL) return SB_FAIL_NOMEM(err);
    sb_status st = verify_tree(&at);
    if (used == NULL) sb_free(alloc, at.used, bytes);
    /* Lengths of lists over several leaves are counted by a second walk, for which the tree must be sound. */
    if (st == SB_OK && tree->kind == SB_TREE_LIST && *findings == before)
        st = sb_list__verify_tree(txn, tree, finding, ctx, findings, err);
    return st;
}

/* ---- Clear ---------------------------------------------------------------------------------------------------- */

/* Leaves between two reports of progress. */
#define CLEARED 16u

typedef struct clearing {
    sb_txn *txn;
    sb_tree_txn *state;
    sb_tree *tree;
    const sb_leaf_ops *ops;
    uint8_t *seen; /* bitmap over all pages: a damaged tree may name one twice */
    uint64_t leaves;
    sb_progress progress;
    void *progress_ctx;
    sb_err *err;
} clearing;

static sb_status free_overflow(void *ctx, const uint8_t *ref, uint64_t owner)
{
    clearing *clear = ctx;
    (void)owner;
    return sb_overflow_free(clear->txn, ref, clear->err);
}

static sb_status clear_page(clearing *clear, sb_pgno pgno, uint32_t level)
{
    sb_page page;
    if (pgno < sb_txn_page_count(clear->txn)) {
        if (sb_bit_get(clear->seen, pgno))
            return SB_FAIL_PAGE(clear->err, pgno, "page %u is used twice", (unsigned)pgno);
        sb_bit_set(clear->seen, pgno);
    }
    sb_status st = sb_tree__acquire(clear->txn, clear->tree, pgno, level, &page, clear->err);
    if (st != SB_OK) return st;
    if (level == 0 && ++clear->leaves % CLEARED == 0 && clear->progress != NULL &&
        !clear->progress(clear->progress_ctx, clear->leaves, clear->tree->leaf_count)) {
        sb_page_release(clear->txn, &page);
        return SB_FAIL(clear->err, SB_INTERRUPT, "cancelled");
    }
    if (level == 0) {
        st = clear->ops->overflow_refs(page.bytes, clear->state->page_bytes, free_overflow, clear);
        sb_page_release(clear->txn, &page);
    } else { /* a copy, as in verify_children */
        const uint32_t page_bytes = clear->state->page_bytes;
        uint8_t *copy = sb_alloc(clear->state->alloc, page_bytes);
        if (copy != NULL) memcpy(copy, page.bytes, page_bytes);
        sb_page_release(clear->txn, &page);
        if (copy == NULL) return SB_FAIL_NOMEM(clear->err);
        for (uint32_t i = 0; st == SB_OK && i < sb_slots__count(copy); i++)
            st = clear_page(clear, sb_slots__child(copy, i), level - 1);
        sb_free(clear->state->alloc, copy, page_bytes);
    }
    if (st == SB_OK) st = sb_page_free(clear->txn, pgno, clear->err);
    return st;
}

sb_status sb_tree_clear(sb_txn *txn, sb_tree *tree, sb_progress progress, void *ctx, sb_err *err)
{
    clearing clear = {.txn = txn,
                      .tree = tree,
                      .ops = sb_tree__leaf_ops(tree->kind),
                      .progress = progress,
                      .progress_ctx = ctx,
                      .err = err};
    if (tree->root == SB_PGNO_NONE) return SB_OK;
    if (clear.ops == NULL || tree->height == 0 || tree->height > SB_TREE_MAX_HEIGHT)
        return SB_FAIL_PAGE(err, tree->root, "tree %u: height %u and kind %u name no tree",
                            (unsigned)tree->id, (unsigned)tree->height, (unsigned)tree->kind);
    SB_TRY(sb_tree__txn(txn, &clear.state, err));
    sb_tree__changed(clear.state);
    sb_snapshot__drop(clear.state);
    SB_TRY(sb_tree__leaf_freed(txn, tree, err));
    const size_t bytes = bitmap_bytes(txn);
    clear.seen = sb_alloc_zero(clear.state->alloc, bytes);
    if (clear.seen == NULL) return SB_FAIL_NOMEM(err);
    const sb_status st = clear_page(&clear, tree->root, tree->height - 1u);
    sb_free(clear.state->alloc, clear.seen, bytes);
    if (st != SB_OK) return st;
    tree->root = SB_PGNO_NONE;
    tree->height = 0;
    tree->leaf_count = 0;
    return SB_OK;
}
