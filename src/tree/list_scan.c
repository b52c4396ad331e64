/* list_scan.c — walking all lists of a range of nodes, leaf by leaf, in order of the parents' children; and the same of a
 * tree and its side at once. */
#include "tree/list_priv.h"

/* Leaves asked for ahead of the scan. */
#define READ_AHEAD 16u

/* Ask for the leaves behind the path's every READ_AHEAD leaves; *left counts them down. */
static sb_status read_ahead(sb_txn *txn, const sb_path *path, size_t *left, sb_err *err)
{
    sb_pgno pgnos[READ_AHEAD];
    size_t count = READ_AHEAD;

    if (*left > 0) {
        (*left)--;
        return SB_OK;
    }
    SB_TRY(sb_tree__path_siblings(txn, path, pgnos, &count, err));
    sb_page_prefetch(txn, pgnos, count);
    *left = count;
    return SB_OK;
}

/* Visit the lists of nodes in [first, last] of one page; *node is the one visited last, if *any. */
static sb_status scan_page(const uint8_t *page, uint64_t first, uint64_t last, uint64_t *node,
                           bool *any, sb_list_scan_visit visit, void *ctx)
{
    sb_list_view view;
    uint32_t slot, from;

    sb_list__view(page, &view);
    if (view.entry_count == 0) return SB_OK;
    if (first <= view.first_id)
        slot = 0;
    else if (!sb_list__find_slot(&view, first, &slot) && slot >= view.slot_count)
        return SB_OK;

    from = sb_list__end(page, slot);
    for (; slot < view.slot_count; slot++) {
        const uint32_t to = sb_list__end(page, slot + 1);
        sb_chunk chunk;

        if (from == to) continue;
        const uint64_t at = sb_list__slot_node(&view, slot);
        if (at > last) break;
        sb_list__chunk(&view, from, to, &chunk);
        from = to;
        const bool starts = !*any || *node != at;
        *node = at;
        *any = true;
        SB_TRY(visit(ctx, at, &chunk, starts));
    }
    return SB_OK;
}

static sb_status scan_plain(sb_txn *txn, const sb_tree *tree, uint64_t first, uint64_t last,
                            sb_list_scan_visit visit, void *ctx, sb_err *err)
{
    const sb_triple begin = {.node = first, .neighbor = 0, .rel = 0};
    uint8_t key[SB_LIST_KEY_BYTES];
    bool any = false, found = true;
    uint64_t node = 0;
    size_t left = 0;
    sb_path path;

    if (tree->root == SB_PGNO_NONE || first > last) return SB_OK;
    sb_list__key(&begin, key);
    SB_TRY(sb_tree__descend(txn, tree, sb_bytes_of(key, sizeof key), &path, err));
    while (found) {
        sb_list_range range;
        sb_status status;
        sb_page page;

        SB_TRY(read_ahead(txn, &path, &left, err));
        SB_TRY(sb_page_acquire(txn, path.leaf, &page, err));
        sb_list__range(page.bytes, &range);
        status = scan_page(page.bytes, first, last, &node, &any, visit, ctx);
        sb_page_release(txn, &page);
        if (status != SB_OK) return status;
        if (!range.has_high || range.high.node > last) break;
        SB_TRY(sb_tree__path_next(txn, tree, &path, &found, err));
    }
    return SB_OK;
}

/* ---- A tree and its side -------------------------------------------------------------------------------- */

/* The chunks of one tree, one at a time. */
typedef struct stream {
    sb_txn *txn;
    const sb_tree *tree;
    uint64_t first, last;
    sb_path path;
    sb_page page; /* held */
    size_t ahead;
    uint32_t slot;  /* the next one of the page */
    uint64_t node;  /* of the chunk */
    sb_chunk chunk; /* what is left of it; empty: the end */
} stream;

/* The page of the path, from the first list on that is in the range. */
static sb_status stream_page(stream *from, sb_err *err)
{
    sb_list_view view;

    SB_TRY(read_ahead(from->txn, &from->path, &from->ahead, err));
    SB_TRY(sb_page_acquire(from->txn, from->path.leaf, &from->page, err));
    sb_list__view(from->page.bytes, &view);
    from->slot = 0;
    if (from->first > view.first_id)
        (void)sb_list__find_slot(&view, from->first, &from->slot); /* or where it would be */
    return SB_OK;
}

/* The next list of the page; *found false when it has no more in the range. */
static void stream_slot(stream *from, bool *found)
{
    sb_list_view view;

    *found = false;
    sb_list__view(from->page.bytes, &view);
    for (; from->slot < view.slot_count && !*found; from->slot++) {
        const uint32_t begin = sb_list__end(view.page, from->slot);
        const uint32_t end = sb_list__end(view.page, from->slot + 1);

        if (begin == end) continue;
        from->node = sb_list__slot_node(&view, from->slot);
        if (from->node > from->last) return;
        sb_list__chunk(&view, begin, end, &from->chunk);
        *found = true;
    }
}

/* The lists of nodes below limit that follow in the page, in one go. */
static sb_status stream_below(stream *from, uint64_t limit, sb_list_scan_visit visit, void *ctx)
{
    sb_list_view view;
    uint32_t begin;

    if (from->page.bytes == NULL) return SB_OK;
    sb_list__view(from->page.bytes, &view);
    begin = sb_list__end(view.page, from->slot);
    for (; from->slot < view.slot_count; from->slot++) {
        const uint32_t end = sb_list__end(view.page, from->slot + 1);
        const uint64_t node = sb_list__slot_node(&view, from->slot);
        sb_chunk chunk;

        if (node >= limit || node > from->last) break;
        if (begin == end) continue;
        sb_list__chunk(&view, begin, end, &chunk);
        begin = end;
        SB_TRY(visit(ctx, node, &chunk, true));
        from->node = node;
    }
    return SB_OK;
}

static sb_status stream_next(stream *from, sb_err *err)
{
    bool found = false;

    from->chunk.count = 0;
    while (from->page.bytes != NULL) {
        sb_list_range range;

        stream_slot(from, &found);
        if (found) return SB_OK;
        sb_list__range(from->page.bytes, &range);
        sb_page_release(from->txn, &from->page);
        if (!range.has_high || range.high.node > from->last) return SB_OK;
        SB_TRY(sb_tree__path_next(from->txn, from->tree, &from->path, &found, err));
        if (found) SB_TRY(stream_page(from, err));
    }
    return SB_OK;
}

static sb_status stream_open(sb_txn *txn, const sb_tree *tree, uint64_t first, uint64_t last,
                             stream *from, sb_err *err)
{
    const sb_triple begin = {.node = first, .neighbor = 0, .rel = 0};
    uint8_t key[SB_LIST_KEY_BYTES];

    *from = (stream){.txn = txn, .tree = tree, .first = first, .last = last};
    if (tree->root == SB_PGNO_NONE) return SB_OK;
    sb_list__key(&begin, key);
    SB_TRY(sb_tree__descend(txn, tree, sb_bytes_of(key, sizeof key), &from->path, err));
    SB_TRY(stream_page(from, err));
    return stream_next(from, err);
}

/* How many entries of a's chunk come before what b has; 0: b comes first. */
static uint32_t before(const stream *a, const stream *b)
{
    if (b->chunk.count == 0 || a->chunk.count == 0 || a->node < b->node) return a->chunk.count;
    return a->node > b->node ? 0 : sb_list__chunk_before(&a->chunk, &b->chunk);
}

static sb_status scan_woven(stream *main, stream *side, sb_list_scan_visit visit, void *ctx,
                            sb_err *err)
{
    uint64_t node = 0;
    bool any = false;

    while (main->chunk.count > 0 || side->chunk.count > 0) {
        stream *from = main;
        uint32_t take = before(main, side);

        if (take == 0) {
            from = side;
            take = before(side, main);
            if (take == 0) take = 1; /* an entry that is in both: told by verify */
        }
        const bool starts = !any || node != from->node;
        sb_chunk chunk = from->chunk;
        chunk.count = take;
        node = from->node;
        any = true;
        SB_TRY(visit(ctx, node, &chunk, starts));
        sb_list__chunk_skip(&from->chunk, take);
        if (from->chunk.count > 0) continue;
        /* Up to where the side goes on the tree's lists are whole, but for one that a leaf begins or ends with. */
        if (from == main && main->slot > 0)
            SB_TRY(stream_below(main, side->chunk.count > 0 ? side->node : UINT64_MAX, visit, ctx));
        if (from == main) node = main->node;
        SB_TRY(stream_next(from, err));
    }
    return SB_OK;
}

sb_status sb_lists_scan(sb_txn *txn, const sb_tree *tree, uint64_t first, uint64_t last,
                        sb_list_scan_visit visit, void *ctx, sb_err *err)
{
    stream main, side = {.page.bytes = NULL};

    if (!sb_list__has_side(tree)) return scan_plain(txn, tree, first, last, visit, ctx, err);
    if (first > last) return SB_OK;
    sb_status status = stream_open(txn, tree, first, last, &main, err);
    if (status == SB_OK) status = stream_open(txn, tree->side, first, last, &side, err);
    if (status == SB_OK) status = scan_woven(&main, &side, visit, ctx, err);
    if (main.page.bytes != NULL) sb_page_release(txn, &main.page);
    if (side.page.bytes != NULL) sb_page_release(txn, &side.page);
    return status;
}
