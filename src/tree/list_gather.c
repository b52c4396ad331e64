/* list_gather.c — when entries are better put aside, and bringing home what was.
 *
 * A page is what a commit writes. A leaf holds about a thousand entries, so relationships between random nodes of a large
 * graph change a page for each end of theirs, and their leaves, which bulk load fills whole, also split. Put into a small
 * tree beside (sb_tree.side) they share pages, and later come into their leaf with all others that belong there: a page for
 * some fifty entries. Which tree an entry goes to is decided for each batch, by those who call; here is what they ask. */
#include "tree/core_priv.h"
#include "tree/list_priv.h"

/* Runs from this length on are worth their leaf at once: 512 bytes of page image for each entry. */
#define RUN_MIN 16u
/* Places of a batch that are looked at. */
#define SAMPLES 32u
/* Entries that come home at once at most: what a leaf has aside is some fifty on average, but a hub has many. */
#define GATHER_MAX 1024u

static sb_status leaf_of(sb_txn *txn, const sb_tree *tree, const sb_triple *triple, sb_pgno *leaf,
                         sb_err *err)
{
    uint8_t key[SB_LIST_KEY_BYTES];
    sb_path path;

    sb_list__key(triple, key);
    SB_TRY(sb_tree__descend(txn, tree, sb_bytes_of(key, sizeof key), &path, err));
    *leaf = path.leaf;
    return SB_OK;
}

/* How many triples lie before those of the last leaf. */
static sb_status before_last_leaf(sb_txn *txn, const sb_tree *tree, const sb_triple *triples,
                                  size_t count, size_t *before, sb_err *err)
{
    size_t from = 0, to = count;
    sb_pgno leaf;
    sb_path path;

    SB_TRY(sb_tree__path_end(txn, tree, true, &path, err));
    *before = count;
    SB_TRY(leaf_of(txn, tree, &triples[count - 1], &leaf, err));
    if (leaf != path.leaf) return SB_OK;
    while (from < to) {
        const size_t middle = from + (to - from) / 2;
        SB_TRY(leaf_of(txn, tree, &triples[middle], &leaf, err));
        if (leaf != path.leaf)
            from = middle + 1;
        else
            to = middle;
    }
    *before = from;
    return SB_OK;
}

sb_status sb_lists_scattered(sb_txn *txn, const sb_tree *tree, const sb_triple *triples,
                             size_t count, size_t *aside, sb_err *err)
{
    size_t before, short_runs = 0;

    *aside = 0;
    if (count == 0 || tree->height < 2) return SB_OK;
    SB_TRY(before_last_leaf(txn, tree, triples, count, &before, err));
    if (before <= 1) {
        *aside = before;
        return SB_OK;
    }
    const size_t samples = before / RUN_MIN < 1         ? 1
                           : before / RUN_MIN < SAMPLES ? before / RUN_MIN
                                                        : SAMPLES;
    for (size_t i = 0; i < samples; i++) {
        const size_t from = i * (before / samples);
        const size_t to = from + RUN_MIN <= before ? from + RUN_MIN - 1 : before - 1;
        sb_pgno first, last;

        SB_TRY(leaf_of(txn, tree, &triples[from], &first, err));
        SB_TRY(leaf_of(txn, tree, &triples[to], &last, err));
        short_runs += first != last;
    }
    if (2 * short_runs > samples) *aside = before;
    return SB_OK;
}

/* Entries of a page that lie in range, up to *count of them; *count: how many. */
static void collect_page(const uint8_t *page, const sb_list_range *range, sb_triple *out,
                         size_t *count)
{
    const size_t capacity = *count;
    sb_list_view view;
    size_t found = 0;

    sb_list__view(page, &view);
    for (uint32_t slot = 0; slot < view.slot_count; slot++) {
        const uint64_t node = sb_list__slot_node(&view, slot);
        const uint32_t end = sb_list__end(page, slot + 1);

        if (node < range->low.node) continue;
        if (range->has_high && node > range->high.node) break;
        for (uint32_t i = sb_list__end(page, slot); i < end && found < capacity; i++) {
            const sb_triple at = {.node = node,
                                  .neighbor = sb_list__neighbor_at(&view, i),
                                  .rel = sb_list__rel_at(&view, i)};
            if (sb_list__in_range(range, &at)) out[found++] = at;
        }
    }
    *count = found;
}

/* The first entries of side that lie in range, up to GATHER_MAX. */
static sb_status collect(sb_txn *txn, const sb_tree *side, const sb_list_range *range,
                         sb_triple *out, size_t *count, sb_err *err)
{
    uint8_t key[SB_LIST_KEY_BYTES];
    bool found = true;
    sb_list_range here = {.has_high = false};
    sb_path path;

    *count = 0;
    if (side->root == SB_PGNO_NONE) return SB_OK;
    sb_list__key(&range->low, key);
    SB_TRY(sb_tree__descend(txn, side, sb_bytes_of(key, sizeof key), &path, err));
    while (found && *count < GATHER_MAX) {
        const sb_list_range before = here;
        size_t more = GATHER_MAX - *count;
        sb_page page;

        SB_TRY(sb_tree__acquire(txn, side, path.leaf, 0, &page, err));
        sb_list__range(page.bytes, &here);
        const bool follows = !before.has_high || sb_list__follows(&here, &before);
        collect_page(page.bytes, range, out + *count, &more);
        sb_page_release(txn, &page);
        if (!follows) return sb_tree__fail_border(path.leaf, err);
        *count += more;
        if (!here.has_high || !sb_list__below_high(range, &here.high)) break;
        SB_TRY(sb_tree__path_next(txn, side, &path, &found, err));
    }
    return sb_list__check_entries(range, out, *count, path.leaf, err);
}

sb_status sb_lists_gather(sb_txn *txn, sb_tree *tree, sb_tree *side, const sb_triple *triples,
                          size_t count, size_t least, size_t *taken, size_t *from_side, sb_err *err)
{
    sb_buffer *buffer = NULL;
    sb_tree_txn *state;
    sb_list_range range;
    sb_path path;
    size_t aside = 0, deleted = 0;

    SB_ASSERT(count > 0);
    *taken = *from_side = 0;
    SB_TRY(sb_list__find_leaf(txn, tree, &triples[0], &path, &range, err));
    const size_t run = sb_list__run(&range, triples, count);
    SB_TRY(sb_tree__txn(txn, &state, err));
    SB_TRY(sb_tree__buffer_acquire(state, (run + GATHER_MAX) * sizeof *triples, &buffer, err));
    sb_triple *const merged = (sb_triple *)(void *)buffer->data;
    sb_status status = collect(txn, side, &range, merged + run, &aside, err);
    const bool worth = aside >= least;
    if (status == SB_OK && worth && aside > 0)
        status = sb_lists_delete(txn, side, merged + run, aside, &deleted, err);
    if (status == SB_OK && worth && deleted != aside)
        status =
            SB_FAIL_PAGE(err, side->root, "tree %u: %zu of %zu entries that are read are not found",
                         (unsigned)side->id, aside - deleted, aside);
    /* An entry that is in both runs is found when it is inserted. */
    if (status == SB_OK && worth && !sb_list__merge_runs(merged, aside, triples, run))
        status = SB_FAIL(err, SB_MISUSE, "a list entry of node %llu or one soon behind it is there",
                         (unsigned long long)triples[0].node);
    if (status == SB_OK && worth) status = sb_lists_insert(txn, tree, merged, run + aside, err);
    sb_tree__buffer_release(state, buffer);
    if (status == SB_OK) {
        *taken = run;
        *from_side = deleted;
    }
    return status;
}
