/* list_insert.c — merging sorted triples into a list tree.
 *
 * The triples that belong to one leaf are put in together:
 *   1. a few, where room and widths allow, by shifting both arrays in the page (list_page.c);
 *   2. otherwise the leaf is decoded into a scratch buffer of the transaction's pool, merged with them, and
 *      written again as one or several leaves;
 *   3. into an empty leaf they are encoded straight from the caller's array.
 * Leaves made by appending at the right edge are filled whole; else the content is divided evenly.
 *
 * Totals (list L3): an entry put behind its list's home changes the home's rest. Triples come sorted, so one
 * pending change is enough: it is written when the node changes and at the end, once a node and call. */
#include "tree/core_priv.h"
#include "tree/list_priv.h"

/* ---- Order and runs ----------------------------------------------------------------------------------- */

size_t sb_list__ascending(const sb_triple *triples, size_t count)
{
    size_t i = 1;

    while (i < count && SB_LIKELY(sb_list__compare(&triples[i - 1], &triples[i]) < 0))
        i++;
    return i < count ? i : count;
}

sb_status sb_list__check_order(const sb_triple *triples, size_t count, sb_err *err)
{
    const size_t i = sb_list__ascending(triples, count);

    if (SB_LIKELY(i == count)) return SB_OK;
    return SB_FAIL(err, SB_MISUSE,
                   "list entries must ascend strictly by node, neighbor and relationship: "
                   "number %zu of node %llu does not",
                   i, (unsigned long long)triples[i].node);
}

sb_status sb_list__check_entries(const sb_list_range *range, const sb_triple *triples, size_t count,
                                 sb_pgno pgno, sb_err *err)
{
    if (count == 0) return SB_OK;
    SB_CHECK_PAGE(err, pgno, sb_list__ascending(triples, count) == count);
    SB_CHECK_PAGE(err, pgno, sb_list__in_range(range, &triples[0]));
    SB_CHECK_PAGE(err, pgno, sb_list__in_range(range, &triples[count - 1]));
    return SB_OK;
}

size_t sb_list__run(const sb_list_range *range, const sb_triple *triples, size_t count)
{
    size_t below = 1, step = 1;

    SB_ASSERT(count > 0);
    if (sb_list__below_high(range, &triples[count - 1])) return count;
    /* Gallop: the run is short when triples are scattered, long when they are not. */
    while (below + step < count && sb_list__below_high(range, &triples[below + step - 1])) {
        below += step;
        step *= 2;
    }
    size_t above = below + step < count ? below + step : count;
    while (below < above) {
        const size_t middle = below + (above - below) / 2;
        if (sb_list__below_high(range, &triples[middle]))
            below = middle + 1;
        else
            above = middle;
    }
    return below;
}

/* ---- Totals of lists over several leaves --------------------------------------------------------------- */

sb_status sb_list__pending_flush(sb_txn *txn, sb_tree *tree, sb_list_pending *pending, sb_err *err)
{
    const sb_triple begin = {.node = pending->node, .neighbor = 0, .rel = 0};
    uint8_t key[SB_LIST_KEY_BYTES];
    sb_list_range range;
    sb_path path;
    uint8_t *bytes;

    if (pending->delta == 0 || tree->root == SB_PGNO_NONE) {
        pending->delta = 0;
        return SB_OK;
    }
    sb_list__key(&begin, key);
    SB_TRY(sb_tree__descend(txn, tree, sb_bytes_of(key, sizeof key), &path, err));
    SB_TRY(sb_page_mut(txn, path.leaf, &bytes, err));
    SB_TRY(sb_tree__check_step(bytes, tree, path.leaf, 0, err));
    sb_list__range(bytes, &range);
    /* The rest may have come home by a merge meanwhile: then it is counted there. */
    if (sb_list__is_home(&range) && range.high.node == pending->node) {
        const uint64_t rest = sb_load_le64(bytes + SB_LIST_REST) + (uint64_t)pending->delta;
        SB_CHECK_PAGE(err, path.leaf, rest <= (uint64_t)INT64_MAX);
        sb_list__set_rest(bytes, rest);
    }
    pending->delta = 0;
    /* A home without entries was kept for the rest alone (list_delete.c). */
    if (sb_load_le16(bytes + SB_LIST_ENTRY_COUNT) == 0 && sb_load_le64(bytes + SB_LIST_REST) == 0) {
        return sb_tree__remove_leaf(txn, tree, &path, err);
    }
    return SB_OK;
}

sb_status sb_list__pending_add(sb_txn *txn, sb_tree *tree, sb_list_pending *pending, uint64_t node,
                               int64_t delta, sb_err *err)
{
    if (delta == 0) return SB_OK;
    if (pending->delta != 0 && pending->node != node)
        SB_TRY(sb_list__pending_flush(txn, tree, pending, err));
    pending->node = node;
    pending->delta += delta;
    return SB_OK;
}

/* ---- Writing a run of triples as leaves ---------------------------------------------------------------------- */

/* How a leaf's new content is divided. */
typedef struct division {
    size_t count;                       /* parts */
    size_t from[SB_LIST_PARTS_MAX + 1]; /* first triple of each; the last is the end */
    sb_list_stats stats[SB_LIST_PARTS_MAX];
    sb_triple low[SB_LIST_PARTS_MAX]; /* fences between the parts; low[0] unused */
    uint8_t low_key[SB_LIST_PARTS_MAX][SB_LIST_KEY_BYTES];
    sb_part parts[SB_LIST_PARTS_MAX];
} division;

/* Divide: append fills each leaf whole; otherwise evenly, with room in each. Content that does not fit
 * SB_LIST_PARTS_MAX leaves is left out: what is taken ends at from[count]. */
static void divide(const sb_triple *triples, size_t count, uint32_t page_bytes, bool append,
                   division *out)
{
    size_t at = 0;

    out->count = 0;
    out->from[0] = 0;
    while (at < count && out->count < SB_LIST_PARTS_MAX) {
        uint32_t budget = page_bytes;
        sb_list_stats *stats = &out->stats[out->count];
        size_t taken =
            sb_list__pack(triples + at, count - at, page_bytes, page_bytes, append, stats);

        SB_ASSERT(taken > 0);
        /* Not the last one: take an even share of what is left, when that is less than a page. */
        if (!append && at + taken < count) {
            const uint64_t content = sb_list__encoded_bytes(stats) - SB_LIST_HEADER;
            const uint64_t left =
                content * (count - at) / taken; /* estimate, by the density so far */
            const uint64_t room = (page_bytes - SB_LIST_HEADER) * 7ull / 8u;
            const uint64_t leaves = left / room + 1;
            const uint64_t share = SB_LIST_HEADER + left / (leaves < 2 ? 2 : leaves) + left / 64;
            if (share < budget) budget = (uint32_t)share;
            taken = sb_list__pack(triples + at, count - at, page_bytes, budget, false, stats);
        }
        at += taken;
        out->from[++out->count] = at;
    }
}

/* Entries of node from triples[i] on. */
static uint64_t count_of_node(const sb_triple *triples, size_t i, size_t count, uint64_t node)
{
    const size_t from = i;

    while (i < count && triples[i].node == node)
        i++;
    return i - from;
}

/* Write the parts: the first into the leaf at hand, the others into new pages; then the separators. */
static sb_status write_parts(sb_txn *txn, sb_tree *tree, sb_path *path, uint8_t *bytes,
                             const sb_triple *triples, division *parts, sb_err *err)
{
    const uint32_t page_bytes = sb_pager_page_bytes(sb_txn_pager(txn));
    const size_t count = parts->from[parts->count];
    const uint64_t old_rest = sb_load_le64(bytes + SB_LIST_REST);
    sb_list_range old;

    sb_list__range(bytes, &old);
    for (size_t p = 1; p < parts->count; p++) {
        const size_t from = parts->from[p];
        const size_t size = sb_list__separator(&triples[from - 1], &triples[from], &parts->low[p]);
        sb_list__key(&parts->low[p], parts->low_key[p]);
        parts->parts[p].low = sb_bytes_of(parts->low_key[p], size);
    }
    for (size_t p = 0; p < parts->count; p++) {
        sb_list_range range = old;
        uint64_t rest = 0;

        if (p > 0) {
            SB_TRY(sb_page_alloc(txn, SB_PAGE_LIST, tree->id, &parts->parts[p].pgno, &bytes, err));
            range.low = parts->low[p];
            range.has_low = true;
        }
        if (p + 1 < parts->count) {
            range.high = parts->low[p + 1];
            range.has_high = true;
        }
        if (sb_list__is_home(&range)) {
            const size_t to = parts->from[p + 1];
            const uint64_t behind = count_of_node(triples, to, count, range.high.node);
            rest = behind;
            if (to + behind == count && sb_list__continues(&old) &&
                old.high.node == range.high.node)
                rest += old_rest;
        }
        sb_list__encode(bytes, page_bytes, &range, rest, triples + parts->from[p],
                        &parts->stats[p]);
    }
    parts->parts[0] = (sb_part){.pgno = path->leaf, .low = {NULL, 0}};
    if (parts->count == 1) return SB_OK;
    return sb_tree__split(txn, tree, path, parts->parts, parts->count, err);
}

/* ---- One leaf ---------------------------------------------------------------------------------------------- */

bool sb_list__merge_runs(sb_triple *buffer, size_t old_count, const sb_triple *fresh,
                         size_t fresh_count)
{
    const sb_triple *old = buffer + fresh_count;
    const sb_triple *const old_end = old + old_count, *const fresh_end = fresh + fresh_count;
    sb_triple *out = buffer;

    while (fresh < fresh_end && old < old_end) {
        const int order = sb_list__compare(old, fresh);
        if (order == 0) return false;
        *out++ = order < 0 ? *old++ : *fresh++;
    }
    memcpy(out, fresh, (size_t)(fresh_end - fresh) * sizeof *out);
    /* The old entries that are left lie where they belong. */
    return true;
}

static sb_status fail_duplicate(const sb_triple *run, sb_err *err)
{
    return SB_FAIL(err, SB_MISUSE, "a list entry of node %llu or one soon behind it exists already",
                   (unsigned long long)run->node);
}

/* Triples that are appended to a leaf at once: each time that leaf is written anew, which 24 bytes for each of these make rare. */
#define APPENDED_MOST ((size_t)16384)

/* Rebuild the leaf with run put in. *taken: how many of run are in it or its new siblings afterwards. */
static sb_status rebuild_leaf(sb_txn *txn, sb_tree *tree, sb_tree_txn *state, sb_path *path,
                              uint8_t *bytes, const sb_triple *run, size_t count, size_t *taken,
                              sb_err *err)
{
    const uint32_t page_bytes = sb_pager_page_bytes(sb_txn_pager(txn));
    /* As many as surely make fewer than SB_LIST_PARTS_MAX leaves together with the old ones: a triple takes
     * at most 26 bytes. */
    const size_t window = 16u * page_bytes / 26u;
    sb_status status = SB_OK;
    sb_buffer *scratch = NULL, *parts_buffer = NULL;
    const sb_triple *content = run;
    bool append;
    sb_list_range range;
    sb_list_view view;

    sb_list__view(bytes, &view);
    sb_list__range(bytes, &range);
    SB_TRY(sb_tree__buffer_acquire(state, sizeof(division), &parts_buffer, err));
    division *const parts = (division *)(void *)parts_buffer->data;

    append = !range.has_high;
    size_t total = count;
    if (view.entry_count > 0) {
        const size_t most = append && APPENDED_MOST > window ? APPENDED_MOST : window;
        if (count > most) count = most;
        status = sb_tree__buffer_acquire(state, (count + view.entry_count) * sizeof(sb_triple),
                                         &scratch, err);
        if (status != SB_OK) goto done;
        sb_triple *const old = (sb_triple *)(void *)scratch->data + count;
        sb_list__decode(&view, old);
        status = sb_list__check_entries(&range, old, view.entry_count, path->leaf, err);
        if (status != SB_OK) goto done;
        append = append && sb_list__compare(&old[view.entry_count - 1], run) < 0;
        if (!append && count > window) count = window;
        total = count + view.entry_count;
        if (!sb_list__merge_runs(old - count, view.entry_count, run, count)) {
            status = fail_duplicate(run, err);
            goto done;
        }
        content = old - count;
    }
    divide(content, total, page_bytes, append, parts);
    *taken = count - (total - parts->from[parts->count]);
    SB_ASSERT(append || view.entry_count == 0 || parts->from[parts->count] == total);
    status = write_parts(txn, tree, path, bytes, content, parts, err);

done:
    sb_tree__buffer_release(state, scratch);
    sb_tree__buffer_release(state, parts_buffer);
    return status;
}

static sb_status insert_run(sb_txn *txn, sb_tree *tree, sb_tree_txn *state, sb_path *path,
                            const sb_triple *run, size_t count, size_t *taken, sb_err *err)
{
    const uint32_t page_bytes = sb_pager_page_bytes(sb_txn_pager(txn));
    uint8_t *bytes;

    SB_TRY(sb_page_mut(txn, path->leaf, &bytes, err));
    sb_tree__count_reuses(state, count - 1);
    if (count <= SB_LIST_IN_PLACE_MAX) {
        bool duplicate;
        if (sb_list__insert_in_place(bytes, page_bytes, run, count, &duplicate)) {
            sb_tree__count_in_place(state, 1);
            *taken = count;
            return SB_OK;
        }
        if (duplicate) return fail_duplicate(run, err);
    }
    sb_tree__count_rebuilds(state, 1);
    return rebuild_leaf(txn, tree, state, path, bytes, run, count, taken, err);
}

/* ---- Front door --------------------------------------------------------------------------------------------- */

sb_status sb_list__find_leaf(sb_txn *txn, sb_tree *tree, const sb_triple *triple, sb_path *path,
                             sb_list_range *range, sb_err *err)
{
    uint8_t key[SB_LIST_KEY_BYTES];
    sb_page page;

    if (tree->root == SB_PGNO_NONE) {
        const sb_list_range open = {.has_low = false, .has_high = false};
        sb_list_stats none;
        uint8_t *bytes;
        sb_pgno leaf;

        memset(&none, 0, sizeof none);
        SB_TRY(sb_tree__plant(txn, tree, &leaf, &bytes, err));
        sb_list__encode(bytes, sb_pager_page_bytes(sb_txn_pager(txn)), &open, 0, NULL, &none);
    }
    sb_list__key(triple, key);
    SB_TRY(sb_tree__descend(txn, tree, sb_bytes_of(key, sizeof key), path, err));
    SB_TRY(sb_tree__acquire(txn, tree, path->leaf, 0, &page, err));
    sb_list__range(page.bytes, range);
    sb_page_release(txn, &page);
    SB_CHECK_PAGE(err, path->leaf, sb_list__in_range(range, triple));
    return SB_OK;
}

sb_status sb_lists_insert(sb_txn *txn, sb_tree *tree, const sb_triple *triples, size_t count,
                          sb_err *err)
{
    const bool one_by_one =
        (sb_pager_profile(sb_txn_pager(txn))->switched_off & SB_SEED_LEAF_REUSE) != 0;
    sb_list_pending pending = {0, 0};
    sb_tree_txn *state;

    SB_CHECK_ARG(err, tree->kind == SB_TREE_LIST);
    SB_TRY(sb_list__check_order(triples, count, err));
    SB_TRY(sb_tree__txn(txn, &state, err));
    for (size_t i = 0; i < count;) {
        sb_list_range range;
        sb_path path;
        size_t taken = 0;

        SB_TRY(sb_txn_spill(txn, err)); /* no page is held between two leaves */
        SB_TRY(sb_list__find_leaf(txn, tree, &triples[i], &path, &range, err));
        const size_t run = one_by_one ? 1 : sb_list__run(&range, triples + i, count - i);
        SB_TRY(insert_run(txn, tree, state, &path, triples + i, run, &taken, err));
        if (sb_list__begins_inside(&range, triples[i].node)) {
            const uint64_t behind = count_of_node(triples, i, i + taken, triples[i].node);
            SB_TRY(
                sb_list__pending_add(txn, tree, &pending, triples[i].node, (int64_t)behind, err));
        }
        i += taken;
    }
    return sb_list__pending_flush(txn, tree, &pending, err);
}
