/* put_many.c — sorted items put along the leaves: one descent for each leaf, not for each item; a few items
 * shift into place one by one, a long run is merged into its leaf in one pass.
 * Items are borrowed from the caller through and through: the key before is the item before, so nothing is copied and no
 * item allocates. Scratch (page copies, references, separators) is the transaction's, reused from leaf to leaf. */
#include "tree/slotted_priv.h"

/* Merge when the run has at least this part of the leaf's entries: an insert shifts half of the slots and searches,
 * some 60 to 100 ns; writing a leaf of 400 entries anew costs what 50 to 80 of them do. */
#define MERGE_PART 6u
/* And when it is at least so long, so that nearly empty leaves are not written anew for each item. */
#define MERGE_LEAST 8u
/* Items of so many pages at most are merged at once, which bounds the scratch; the last page of a slice is written
 * again with the next one, one in so many. */
#define SLICE_PAGES 32u

typedef struct put_run {
    sb_txn *txn;
    sb_tree_txn *state;
    sb_tree *tree;
    sb_path path;
    uint8_t *page;   /* private leaf of path; NULL: descend first */
    sb_buffer *high; /* its high fence, empty: open */
} put_run;

/* Take the leaf of key: the one at hand when key is below its high fence (keys ascend, so it is not below the low one). */
static sb_status find_leaf(put_run *run, sb_bytes key, sb_err *err)
{
    if (run->page != NULL &&
        (run->high->size == 0 || sb_bytes_compare(key, sb_buffer_bytes(run->high)) < 0)) {
        sb_tree__count_reuses(run->state, 1);
        return SB_OK;
    }
    run->page = NULL;
    SB_TRY(sb_txn_spill(run->txn, err));
    SB_TRY(sb_tree__descend(run->txn, run->tree, key, &run->path, err));
    SB_TRY(sb_page_mut(run->txn, run->path.leaf, &run->page, err));
    SB_TRY(sb_tree__check_step(run->page, run->tree, run->path.leaf, 0, err));
    SB_TRY(sb_slots__check_key(run->page, run->state->page_bytes, run->path.leaf, key, err));
    const sb_bytes high = sb_slots__high(run->page, run->state->page_bytes);
    sb_buffer_reset(run->high);
    if (sb_buffer_append(run->high, high.data, high.size) != SB_OK) return SB_FAIL_NOMEM(err);
    return SB_OK;
}

/* How many items from the first on go to the leaf: checked for order and size, up to a slice. */
static sb_status measure_run(const put_run *run, const sb_item *items, size_t count, size_t *length,
                             sb_err *err)
{
    const sb_bytes high = sb_buffer_bytes(run->high);
    const uint32_t page_bytes = run->state->page_bytes;
    const size_t most = (size_t)page_bytes * SLICE_PAGES;
    const uint32_t key_limit = sb_tree_key_limit(page_bytes),
                   value_limit = sb_tree_value_limit(page_bytes);
    size_t bytes = 0, i = 0;
    for (; i < count && bytes < most; i++) {
        if (i > 0) {
            if (SB_UNLIKELY(sb_bytes_compare(items[i - 1].key, items[i].key) > 0))
                return SB_FAIL(err, SB_MISUSE, "tree %u: put_many's keys are not sorted",
                               (unsigned)run->tree->id);
            if (high.size > 0 && sb_bytes_compare(items[i].key, high) >= 0) break;
        }
        if (SB_UNLIKELY(items[i].key.size - 1 >= key_limit || items[i].value.size > value_limit))
            return sb_slotted__check_item(run->tree, page_bytes, items[i].key, items[i].value, err);
        bytes += SB_SLOT_BYTES + SB_LEAF_CELL_HEAD + items[i].key.size + items[i].value.size;
    }
    /* Equal keys stay together, so that the last of them wins. */
    while (i < count && i > 0 && sb_bytes_equal(items[i - 1].key, items[i].key)) {
        SB_TRY(sb_slotted__check_item(run->tree, page_bytes, items[i].key, items[i].value, err));
        i++;
    }
    *length = i;
    return SB_OK;
}

static sb_status put_run_items(put_run *run, const sb_item *items, size_t count, sb_err *err)
{
    if (count >= MERGE_LEAST && count >= sb_slots__count(run->page) / MERGE_PART) {
        uint8_t *page = run->page;
        run->page = NULL;
        return sb_slotted__merge_items(run->txn, run->state, run->tree, &run->path, page, items,
                                       count, err);
    }
    for (size_t i = 0; i < count; i++) {
        bool fits;
        SB_TRY(sb_slotted__insert(run->state, run->path.leaf, run->page, items[i].key,
                                  items[i].value, &fits, err));
        if (!fits) { /* the rest of the run takes part in the split */
            uint8_t *page = run->page;
            run->page = NULL;
            return sb_slotted__merge_items(run->txn, run->state, run->tree, &run->path, page,
                                           items + i, count - i, err);
        }
        if (i > 0) sb_tree__count_reuses(run->state, 1);
    }
    return SB_OK;
}

/* Only for the ablation of seed parts: one item by itself, with copies of its own and a descent when asked. */
static sb_status put_alone(put_run *run, sb_item item, sb_err *err)
{
    sb_buffer key, value;
    sb_status st = SB_OK;
    sb_buffer_init(&key, run->state->alloc);
    sb_buffer_init(&value, run->state->alloc);
    if (sb_tree__seed_off(run->state, SB_SEED_PUT_REUSE)) {
        if (sb_buffer_append(&key, item.key.data, item.key.size) != SB_OK ||
            sb_buffer_append(&value, item.value.data, item.value.size) != SB_OK) {
            st = SB_FAIL_NOMEM(err);
            goto done;
        }
        item = (sb_item){sb_buffer_bytes(&key), sb_buffer_bytes(&value)};
    }
    if (sb_tree__seed_off(run->state, SB_SEED_LEAF_REUSE)) run->page = NULL;
    if ((st = sb_slotted__check_item(run->tree, run->state->page_bytes, item.key, item.value,
                                     err)) != SB_OK)
        goto done;
    if ((st = find_leaf(run, item.key, err)) != SB_OK) goto done;
    st = put_run_items(run, &item, 1, err);

done:
    sb_buffer_deinit(&value);
    sb_buffer_deinit(&key);
    return st;
}

sb_status sb_tree_put_many(sb_txn *txn, sb_tree *tree, const sb_item *items, size_t count,
                           sb_err *err)
{
    put_run run = {.txn = txn, .tree = tree};
    sb_status st = SB_OK;
    SB_ASSERT(tree->kind == SB_TREE_SLOTTED);
    if (count == 0) return SB_OK;
    SB_TRY(sb_tree__txn(txn, &run.state, err));
    sb_tree__changed(run.state);
    SB_TRY(sb_tree__buffer_acquire(run.state, 256, &run.high, err));
    const bool alone = sb_tree__seed_off(run.state, SB_SEED_LEAF_REUSE) ||
                       sb_tree__seed_off(run.state, SB_SEED_PUT_REUSE);

    if (tree->root == SB_PGNO_NONE) {
        if ((st = sb_slotted__check_item(tree, run.state->page_bytes, items[0].key, items[0].value,
                                         err)) != SB_OK)
            goto done;
        if ((st = sb_slotted__plant(txn, tree, run.state->page_bytes, err)) != SB_OK) goto done;
    }
    for (size_t i = 0; i < count;) {
        size_t length = 1;
        if (i > 0 && sb_bytes_compare(items[i - 1].key, items[i].key) > 0) {
            st = SB_FAIL(err, SB_MISUSE, "tree %u: put_many's keys are not sorted",
                         (unsigned)tree->id);
            goto done;
        }
        if (alone) {
            if ((st = put_alone(&run, items[i], err)) != SB_OK) goto done;
        } else {
            if ((st = find_leaf(&run, items[i].key, err)) != SB_OK) goto done;
            if ((st = measure_run(&run, items + i, count - i, &length, err)) != SB_OK) goto done;
            if ((st = put_run_items(&run, items + i, length, err)) != SB_OK) goto done;
        }
        i += length;
    }

done:
    sb_tree__buffer_release(run.state, run.high);
    return st;
}
