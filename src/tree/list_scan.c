/* list_scan.c — walking all lists of a range of nodes, leaf by leaf, in order of the parents' children: list by list, of a tree and its
 * side at once; or many lists together, of one after the other. */
#include "base/unpack.h"
#include "tree/core_priv.h"
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

/* A walk over the leaves of a tree that have lists of nodes in [first, last]; visit is for one of them. */
typedef struct walk walk;
struct walk {
    uint64_t first, last;
    sb_status (*page)(walk *w, const uint8_t *page);
    /* list by list */
    sb_list_scan_visit visit;
    uint64_t node; /* visited last, */
    bool any;      /* if any was */
    /* many together */
    sb_list_block_visit visit_block;
    void *ctx;
};

/* The first slot of a page that is in the walk's range; slot_count when none is. */
static uint32_t first_slot(const walk *w, const sb_list_view *view)
{
    uint32_t slot = 0;

    if (w->first > view->first_id)
        (void)sb_list__find_slot(view, w->first, &slot); /* or where it would be */
    return slot;
}

/* Visit the lists of one page. */
static sb_status scan_page(walk *w, const uint8_t *page)
{
    sb_list_view view;

    sb_list__view(page, &view);
    if (view.entry_count == 0) return SB_OK;
    uint32_t slot = first_slot(w, &view), from = sb_list__end(page, slot);
    for (; slot < view.slot_count; slot++) {
        const uint32_t to = sb_list__end(page, slot + 1);
        sb_chunk chunk;

        if (from == to) continue;
        const uint64_t at = sb_list__slot_node(&view, slot);
        if (at > w->last) break;
        sb_list__chunk(&view, from, to, &chunk);
        from = to;
        const bool starts = !w->any || w->node != at;
        w->node = at;
        w->any = true;
        SB_TRY(w->visit(w->ctx, at, &chunk, starts));
    }
    return SB_OK;
}

static sb_status walk_leaves(sb_txn *txn, const sb_tree *tree, walk *w, sb_err *err)
{
    const sb_triple begin = {.node = w->first, .neighbor = 0, .rel = 0};
    uint8_t key[SB_LIST_KEY_BYTES];
    sb_list_range range = {.has_high = false};
    bool found = true;
    size_t left = 0;
    sb_path path;

    if (tree->root == SB_PGNO_NONE || w->first > w->last) return SB_OK;
    sb_list__key(&begin, key);
    SB_TRY(sb_tree__descend(txn, tree, sb_bytes_of(key, sizeof key), &path, err));
    while (found) {
        const sb_list_range before = range;
        sb_status status = SB_OK;
        sb_page page;

        SB_TRY(read_ahead(txn, &path, &left, err));
        SB_TRY(sb_tree__acquire(txn, tree, path.leaf, 0, &page, err));
        sb_list__range(page.bytes, &range);
        if (SB_UNLIKELY(before.has_high && !sb_list__follows(&range, &before)))
            status = sb_tree__fail_border(path.leaf, err);
        if (status == SB_OK) status = w->page(w, page.bytes);
        sb_page_release(txn, &page);
        if (status != SB_OK) return status;
        if (!range.has_high || range.high.node > w->last) break;
        SB_TRY(sb_tree__path_next(txn, tree, &path, &found, err));
    }
    return SB_OK;
}

/* ---- Many lists together --------------------------------------------------------------------------------- */

/* Nodes of count slots from slot on. */
static void slot_nodes(const sb_list_view *view, uint32_t slot, uint32_t count, uint64_t *nodes)
{
    for (uint32_t i = 0; view->diff_width == 0 && i < count; i++)
        nodes[i] = view->first_id + slot + i;
    if (view->diff_width != 0)
        sb_unpack(view->page + view->diffs_off + (size_t)slot * view->diff_width, view->first_id,
                  count, view->diff_width, nodes);
}

/* Lengths of the lists of count slots from slot on: their ends lie one after the other. */
static void slot_lengths(const uint8_t *page, uint32_t slot, uint32_t count, uint32_t *lengths)
{
    const uint8_t *const ends = page + SB_LIST_HEADER + 2 * (size_t)slot;

    for (size_t i = 0; i < count; i++)
        lengths[i] =
            (uint32_t)sb_load_le16(ends + 2 * i + 2) - (uint32_t)sb_load_le16(ends + 2 * i);
}

/* The lists of slots that together fit a block, from slot on: their number; 0 when the first one is too long. */
static uint32_t slots_that_fit(const sb_list_view *view, uint32_t slot)
{
    const uint32_t from = sb_list__end(view->page, slot);
    uint32_t count =
        view->slot_count - slot < SB_LIST_BLOCK ? view->slot_count - slot : SB_LIST_BLOCK;

    while (sb_list__end(view->page, slot + count) - from > SB_LIST_BLOCK)
        count /= 2;
    return count;
}

static sb_status visit_long_list(walk *w, const sb_list_view *view, uint32_t slot)
{
    const uint32_t end = sb_list__end(view->page, slot + 1);

    for (uint32_t from = sb_list__end(view->page, slot), take; from < end; from += take) {
        uint64_t node = sb_list__slot_node(view, slot);
        take = end - from < SB_LIST_BLOCK ? end - from : SB_LIST_BLOCK;
        sb_list_block block = {.nodes = &node, .lengths = &take, .count = 1};
        sb_list__chunk(view, from, from + take, &block.entries);
        SB_TRY(w->visit_block(w->ctx, &block));
    }
    return SB_OK;
}

/* Visit the lists of one page in blocks. */
static sb_status scan_page_blocks(walk *w, const uint8_t *page)
{
    uint64_t nodes[SB_LIST_BLOCK];
    uint32_t lengths[SB_LIST_BLOCK];
    sb_list_block block = {.nodes = nodes, .lengths = lengths};
    sb_list_view view;

    sb_list__view(page, &view);
    for (uint32_t slot = first_slot(w, &view), count; slot < view.slot_count; slot += count) {
        if (sb_list__slot_node(&view, slot) > w->last) return SB_OK;
        count = slots_that_fit(&view, slot);
        if (count == 0) {
            SB_TRY(visit_long_list(w, &view, slot));
            count = 1;
            continue;
        }
        slot_nodes(&view, slot, count, nodes);
        slot_lengths(page, slot, count, lengths);
        block.count = count;
        while (nodes[block.count - 1] > w->last)
            block.count--;
        sb_list__chunk(&view, sb_list__end(page, slot), sb_list__end(page, slot + block.count),
                       &block.entries);
        SB_TRY(w->visit_block(w->ctx, &block));
    }
    return SB_OK;
}

sb_status sb_lists_scan_blocks(sb_txn *txn, const sb_tree *tree, uint64_t first, uint64_t last,
                               sb_list_block_visit visit, void *ctx, sb_err *err)
{
    walk w = {
        .first = first, .last = last, .page = scan_page_blocks, .visit_block = visit, .ctx = ctx};

    SB_TRY(walk_leaves(txn, tree, &w, err));
    return sb_list__has_side(tree) ? walk_leaves(txn, tree->side, &w, err) : SB_OK;
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
    SB_TRY(sb_tree__acquire(from->txn, from->tree, from->path.leaf, 0, &from->page, err));
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
        if (!found) return SB_OK;
        const sb_list_range before = range;
        SB_TRY(stream_page(from, err));
        sb_list__range(from->page.bytes, &range);
        if (SB_UNLIKELY(!sb_list__follows(&range, &before)))
            return sb_tree__fail_border(from->path.leaf, err);
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
    walk w = {.first = first, .last = last, .page = scan_page, .visit = visit, .ctx = ctx};

    if (!sb_list__has_side(tree)) return walk_leaves(txn, tree, &w, err);
    if (first > last) return SB_OK;
    sb_status status = stream_open(txn, tree, first, last, &main, err);
    if (status == SB_OK) status = stream_open(txn, tree->side, first, last, &side, err);
    if (status == SB_OK) status = scan_woven(&main, &side, visit, ctx, err);
    if (main.page.bytes != NULL) sb_page_release(txn, &main.page);
    if (side.page.bytes != NULL) sb_page_release(txn, &side.page);
    return status;
}
