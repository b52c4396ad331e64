/* core.c — descents and paths: how a key finds its leaf, and how a reader gets to the next one without
 * sibling pointers. Keys are bytes here; what a leaf holds is its kind's business (sb_leaf_ops). */
#include "tree/slots_priv.h"

/* A page holds at least one entry of the longest key and value between two fences of the longest key:
 * 4·limit + header + slot + cell head <= page; and an inner page three children. */
uint32_t sb_tree_key_limit(uint32_t page_bytes)
{
    return page_bytes / 4 - 64;
}
uint32_t sb_tree_value_limit(uint32_t page_bytes)
{
    return page_bytes / 4 - 64;
}
static_assert(4 * 64 >= SB_SLOTS_BEGIN + 3 * (SB_SLOT_BYTES + SB_INNER_CELL_HEAD),
              "three children fit between long fences");

const sb_leaf_ops *sb_tree__leaf_ops(uint8_t tree_kind)
{
    static const sb_leaf_ops *const table[] = {
        [SB_TREE_SLOTTED] = &sb_leaf_ops_slotted,
        [SB_TREE_COLUMNAR] = &sb_leaf_ops_columnar,
        [SB_TREE_LIST] = &sb_leaf_ops_list,
    };
    return tree_kind < sizeof table / sizeof table[0] ? table[tree_kind] : NULL;
}

static const sb_leaf_ops *ops_of_page(const uint8_t *page)
{
    switch (page[SB_PAGE_KIND]) {
    case SB_PAGE_SLOTTED: return &sb_leaf_ops_slotted;
    case SB_PAGE_COLUMNAR: return &sb_leaf_ops_columnar;
    case SB_PAGE_LIST: return &sb_leaf_ops_list;
    default: return NULL;
    }
}

void sb_tree__fences(const uint8_t *page, uint32_t page_bytes, sb_fences *fences)
{
    const sb_leaf_ops *ops = ops_of_page(page);
    if (ops != NULL) {
        ops->fences(page, page_bytes, fences);
        return;
    }
    fences->low = sb_slots__low(page, page_bytes);
    fences->high = sb_slots__high(page, page_bytes);
}

sb_status sb_tree_check_page(void *ctx, const uint8_t *page, uint32_t page_bytes, sb_pgno pgno,
                             sb_err *err)
{
    (void)ctx;
    const sb_leaf_ops *ops = ops_of_page(page);
    if (ops != NULL) return ops->check(page, page_bytes, pgno, err);
    switch (page[SB_PAGE_KIND]) {
    case SB_PAGE_FREE:
    case SB_PAGE_HEADER: return SB_OK; /* the pager's own */
    case SB_PAGE_INNER: return sb_slots__check(page, page_bytes, pgno, err);
    case SB_PAGE_OVERFLOW: return sb_overflow__check(page, page_bytes, pgno, err);
    default:
        return SB_FAIL_PAGE(err, pgno, "page %u: unknown kind %u", (unsigned)pgno,
                            (unsigned)page[SB_PAGE_KIND]);
    }
}

static_assert(SB_PAGE_COLUMNAR == SB_PAGE_SLOTTED + (unsigned)SB_TREE_COLUMNAR &&
                  SB_PAGE_LIST == SB_PAGE_SLOTTED + (unsigned)SB_TREE_LIST,
              "a leaf's page kind follows from the tree's kind");

sb_status sb_tree__check_step(const uint8_t *page, const sb_tree *tree, sb_pgno pgno,
                              uint32_t level, sb_err *err)
{
    /* With the level checked at each step a descent ends after height steps, whatever the page numbers. */
    const unsigned kind = level > 0 ? SB_PAGE_INNER : SB_PAGE_SLOTTED + (unsigned)tree->kind;
    if (SB_LIKELY(page[SB_PAGE_KIND] == kind && page[SB_PAGE_LEVEL] == level &&
                  sb_load_le32(page + SB_PAGE_TREE) == tree->id))
        return SB_OK;
    return SB_FAIL_PAGE(
        err, pgno, "page %u: kind %u, level %u of tree %u where tree %u has kind %u, level %u",
        (unsigned)pgno, (unsigned)page[SB_PAGE_KIND], (unsigned)page[SB_PAGE_LEVEL],
        (unsigned)sb_load_le32(page + SB_PAGE_TREE), (unsigned)tree->id, kind, (unsigned)level);
}

sb_status sb_tree__fail_border(sb_pgno pgno, sb_err *err)
{
    return SB_FAIL_PAGE(err, pgno, "page %u: its fences do not meet those of the leaf beside it",
                        (unsigned)pgno);
}

sb_status sb_tree__acquire(sb_txn *txn, const sb_tree *tree, sb_pgno pgno, uint32_t level,
                           sb_page *page, sb_err *err)
{
    SB_TRY(sb_page_acquire(txn, pgno, page, err));
    SB_PREFETCH(page->bytes + 64); /* the rest of the header: hints, directories */
    const sb_status st = sb_tree__check_step(page->bytes, tree, pgno, level, err);
    if (SB_UNLIKELY(st != SB_OK)) sb_page_release(txn, page);
    return st;
}

static void count_descent(sb_txn *txn)
{
    SB_PROFILE_ADD(sb_pager_profile(sb_txn_pager(txn)), TREE_DESCENTS, 1);
    if (!sb_txn_writable(txn)) return;
    sb_tree_txn *state = sb_tree__txn_find(txn);
    if (state != NULL) state->counters.descents++;
}

/* Which child of an inner page to take. */
typedef enum route { ROUTE_KEY, ROUTE_FIRST, ROUTE_LAST } route;

/* Down from the child pgno at path->steps[step] (or the leaf) along the route; fills in the steps below. The leaf is
 * left held in *leaf, or not read at all when leaf is NULL. */
static sb_status go_down(sb_txn *txn, const sb_tree *tree, sb_pgno pgno, uint32_t step, route way,
                         sb_bytes key, sb_path *path, sb_page *leaf, sb_err *err)
{
    for (; step + 1 < tree->height; step++) {
        sb_page page;
        SB_TRY(sb_tree__acquire(txn, tree, pgno, tree->height - 1 - step, &page, err));
        const uint32_t slot = way == ROUTE_KEY
                                  ? sb_slots__child_slot(page.bytes, sb_slots__cut(page.bytes, key))
                              : way == ROUTE_FIRST ? 0
                                                   : sb_slots__count(page.bytes) - 1;
        path->steps[step].pgno = pgno;
        path->steps[step].slot = slot;
        pgno = sb_slots__child(page.bytes, slot);
        sb_page_release(txn, &page);
    }
    path->leaf = pgno;
    return leaf == NULL ? SB_OK : sb_tree__acquire(txn, tree, pgno, 0, leaf, err);
}

static sb_status start_path(const sb_tree *tree, sb_path *path, sb_err *err)
{
    if (SB_UNLIKELY(tree->root == SB_PGNO_NONE || tree->height == 0 ||
                    tree->height > SB_TREE_MAX_HEIGHT || sb_tree__leaf_ops(tree->kind) == NULL))
        return SB_FAIL_PAGE(err, tree->root, "tree %u: root %u, height %u and kind %u name no tree",
                            (unsigned)tree->id, (unsigned)tree->root, (unsigned)tree->height,
                            (unsigned)tree->kind);
    path->height = tree->height;
    return SB_OK;
}

sb_status sb_tree__descend_page(sb_txn *txn, const sb_tree *tree, sb_bytes key, sb_path *path,
                                sb_page *leaf, sb_err *err)
{
    if (leaf != NULL) *leaf = (sb_page){0};
    SB_TRY(start_path(tree, path, err));
    count_descent(txn);
    return go_down(txn, tree, tree->root, 0, ROUTE_KEY, key, path, leaf, err);
}

sb_status sb_tree__descend(sb_txn *txn, const sb_tree *tree, sb_bytes key, sb_path *path,
                           sb_err *err)
{
    return sb_tree__descend_page(txn, tree, key, path, NULL, err);
}

sb_status sb_tree__path_end(sb_txn *txn, const sb_tree *tree, bool last, sb_path *path, sb_err *err)
{
    SB_TRY(start_path(tree, path, err));
    return go_down(txn, tree, tree->root, 0, last ? ROUTE_LAST : ROUTE_FIRST, sb_bytes_of(NULL, 0),
                   path, NULL, err);
}

/* Up to the lowest page that has a child on that side, and down along its near edge. */
static sb_status move_path(sb_txn *txn, const sb_tree *tree, sb_path *path, bool forward,
                           bool *found, sb_err *err)
{
    *found = false;
    for (uint32_t step = tree->height - 1; step-- > 0;) {
        const uint32_t slot = path->steps[step].slot;
        if (!forward && slot == 0) continue;
        sb_page page;
        SB_TRY(sb_tree__acquire(txn, tree, path->steps[step].pgno, tree->height - 1 - step, &page,
                                err));
        const uint32_t target = forward ? slot + 1 : slot - 1;
        const bool here = target < sb_slots__count(page.bytes);
        const sb_pgno child = here ? sb_slots__child(page.bytes, target) : SB_PGNO_NONE;
        sb_page_release(txn, &page);
        if (!here) continue;
        path->steps[step].slot = target;
        *found = true;
        return go_down(txn, tree, child, step + 1, forward ? ROUTE_FIRST : ROUTE_LAST,
                       sb_bytes_of(NULL, 0), path, NULL, err);
    }
    return SB_OK;
}

sb_status sb_tree__path_next(sb_txn *txn, const sb_tree *tree, sb_path *path, bool *found,
                             sb_err *err)
{
    return move_path(txn, tree, path, true, found, err);
}

sb_status sb_tree__path_prev(sb_txn *txn, const sb_tree *tree, sb_path *path, bool *found,
                             sb_err *err)
{
    return move_path(txn, tree, path, false, found, err);
}

sb_status sb_tree__path_siblings(sb_txn *txn, const sb_path *path, sb_pgno *pgnos, size_t *count,
                                 sb_err *err)
{
    const size_t most = *count;
    *count = 0;
    if (path->height < 2) return SB_OK;
    sb_page page;
    SB_TRY(sb_page_acquire(txn, path->steps[path->height - 2].pgno, &page, err));
    if (page.bytes[SB_PAGE_KIND] == SB_PAGE_INNER) {
        const uint32_t children = sb_slots__count(page.bytes);
        for (uint32_t i = path->steps[path->height - 2].slot + 1; i < children && *count < most;
             i++)
            pgnos[(*count)++] = sb_slots__child(page.bytes, i);
    }
    sb_page_release(txn, &page);
    return SB_OK;
}

sb_status sb_tree__plant(sb_txn *txn, sb_tree *tree, sb_pgno *leaf, uint8_t **bytes, sb_err *err)
{
    sb_tree_txn *state;
    const sb_leaf_ops *ops = sb_tree__leaf_ops(tree->kind);
    *leaf = SB_PGNO_NONE;
    *bytes = NULL;
    SB_ASSERT(ops != NULL && tree->id != 0 && tree->root == SB_PGNO_NONE);
    SB_TRY(sb_tree__txn(txn, &state, err));
    SB_TRY(sb_page_alloc(txn, (sb_page_kind)ops->page_kind, tree->id, leaf, bytes, err));
    sb_tree__changed(state);
    tree->root = *leaf;
    tree->height = 1;
    tree->leaf_count = 1;
    return SB_OK;
}
