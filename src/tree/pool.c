/* pool.c — the tree layer's state of a transaction: buffer pool, counters, the snapshot of the leaf that is
 * being edited. It is an extension of the transaction: made on first use, gone with it. */
#include "tree/core_priv.h"

static sb_status create_state(sb_txn *txn, void **object, sb_err *err)
{
    const sb_allocator *alloc = sb_pager_alloc(sb_txn_pager(txn));
    sb_tree_txn *state = sb_alloc_zero(alloc, sizeof *state);
    *object = state;
    if (state == NULL) return SB_FAIL_NOMEM(err);
    state->txn = txn;
    state->alloc = alloc;
    state->profile = sb_pager_profile(sb_txn_pager(txn));
    state->page_bytes = sb_pager_page_bytes(sb_txn_pager(txn));
    sb_snapshot__init(&state->snapshot);
    return SB_OK;
}

/* What was changed since is undone: no snapshot of a leaf and no position holds. */
static void rollback_state(void *object, sb_txn *txn, uint32_t savepoint)
{
    sb_tree_txn *state = object;
    (void)savepoint;
    sb_snapshot__drop(state);
    sb_tree__changed(state);
    sb_tree__cache_rollback(sb_txn_session(txn), sb_txn_seq(txn));
}

static void free_buffer(const sb_tree_txn *state, sb_buffer *buffer)
{
    sb_buffer_deinit(buffer);
    sb_free(state->alloc, buffer, sizeof *buffer);
}

static void end_state(void *object, bool committed)
{
    sb_tree_txn *state = object;
    sb_tree__cache_end(sb_txn_session(state->txn), sb_txn_seq(state->txn), committed);
    sb_snapshot__drop(state);
    for (uint32_t i = 0; i < state->pooled; i++)
        free_buffer(state, state->pool[i]);
    sb_free(state->alloc, state, sizeof *state);
}

static const sb_txn_ext_kind state_kind = {
    .name = "tree",
    .create = create_state,
    .rollback_to = rollback_state,
    .end = end_state,
};

sb_status sb_tree__txn(sb_txn *txn, sb_tree_txn **state, sb_err *err)
{
    void *object = NULL;
    const sb_status st = sb_txn_ext_get(txn, &state_kind, &object, err);
    *state = object;
    return st;
}

sb_tree_txn *sb_tree__txn_find(const sb_txn *txn)
{
    return sb_txn_ext_find(txn, &state_kind);
}

void sb_tree__count_in_place(sb_tree_txn *state, uint64_t n)
{
    state->counters.in_place += n;
    SB_PROFILE_ADD(state->profile, LEAF_IN_PLACE, n);
}

void sb_tree__count_rebuilds(sb_tree_txn *state, uint64_t n)
{
    state->counters.rebuilds += n;
    SB_PROFILE_ADD(state->profile, LEAF_REBUILDS, n);
}

void sb_tree__count_reuses(sb_tree_txn *state, uint64_t n)
{
    state->counters.leaf_reuses += n;
    SB_PROFILE_ADD(state->profile, LEAF_REUSES, n);
}

const sb_tree_counters *sb_tree_counters_get(sb_txn *txn)
{
    const sb_tree_txn *state = sb_tree__txn_find(txn);
    return state == NULL ? NULL : &state->counters;
}

static sb_status make_buffer(sb_tree_txn *state, sb_buffer **buffer, sb_err *err)
{
    sb_buffer *made = sb_alloc(state->alloc, sizeof *made);
    if (made == NULL) return SB_FAIL_NOMEM(err);
    sb_buffer_init(made, state->alloc);
    *buffer = made;
    return SB_OK;
}

sb_status sb_tree__buffer_acquire(sb_tree_txn *state, size_t bytes, sb_buffer **buffer, sb_err *err)
{
    *buffer = NULL;
    /* Of the pooled ones the smallest that is large enough, else the largest: small requests do not make the
     * large buffers scarce, and large ones grow as few buffers as possible. */
    uint32_t best = 0;
    for (uint32_t i = 1; i < state->pooled; i++) {
        const size_t have = state->pool[i]->capacity, best_has = state->pool[best]->capacity;
        const bool fits = have >= bytes, best_fits = best_has >= bytes;
        if (fits != best_fits ? fits : fits ? have < best_has : have > best_has) best = i;
    }
    if (state->pooled > 0) {
        *buffer = state->pool[best];
        state->pool[best] = state->pool[--state->pooled];
        state->counters.pool_hits++;
        SB_PROFILE_ADD(state->profile, POOL_HITS, 1);
    } else {
        SB_TRY(make_buffer(state, buffer, err));
        state->counters.pool_misses++;
        SB_PROFILE_ADD(state->profile, POOL_MISSES, 1);
    }
    sb_buffer_reset(*buffer);
    if (sb_buffer_reserve(*buffer, bytes) != SB_OK) {
        sb_tree__buffer_release(state, *buffer);
        *buffer = NULL;
        return SB_FAIL_NOMEM(err);
    }
    return SB_OK;
}

void sb_tree__buffer_release(sb_tree_txn *state, sb_buffer *buffer)
{
    if (buffer == NULL) return;
    if (state->pooled == SB_POOL_BUFFERS || sb_tree__seed_off(state, SB_SEED_BUFFER_POOL))
        free_buffer(state, buffer);
    else
        state->pool[state->pooled++] = buffer;
}
