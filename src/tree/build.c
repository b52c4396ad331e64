/* build.c — trees built bottom-up from sorted input: leaves are written once, full, straight to the file past its
 * end, inner levels last. The first few leaves are ordinary private pages, so that a small tree costs no
 * second sync; a later one comes out of runs that double up to 128 pages. */
#include "tree/slots_priv.h"

#define PRIVATE_LEAVES 8u
#define RUN_PAGES_MAX  128u

struct sb_build_core {
    sb_txn *txn;
    sb_tree_txn *state;
    sb_tree *tree;
    unsigned fill_percent;
    uint64_t leaves;       /* begun and ended */
    uint8_t *private_page; /* of the leaf at hand, while leaves are private */
    sb_pgno leaf;          /* at hand */
    sb_pgno run_first;     /* the run at hand: pages [run_first, run_first + run_pages) */
    uint32_t run_pages, run_used;
    uint32_t run_capacity; /* pages of buffer */
    uint8_t *buffer;       /* owned: the run's pages */
    sb_buffer parts;       /* sb_part of each leaf; low.data counts from the start of keys until the
                            * end */
    sb_buffer keys;
};

sb_status sb_build__core_open(sb_txn *txn, sb_tree *tree, unsigned fill_percent,
                              sb_build_core **core, sb_err *err)
{
    sb_tree_txn *state;
    *core = NULL;
    if (tree->root != SB_PGNO_NONE)
        return SB_FAIL(err, SB_MISUSE, "tree %u is not empty: it can not be built",
                       (unsigned)tree->id);
    if (fill_percent < 10 || fill_percent > 100)
        return SB_FAIL(err, SB_INVALID, "a fill of %u %%: 10 to 100 are possible", fill_percent);
    SB_TRY(sb_tree__txn(txn, &state, err));
    sb_build_core *made = sb_alloc_zero(state->alloc, sizeof *made);
    if (made == NULL) return SB_FAIL_NOMEM(err);
    made->txn = txn;
    made->state = state;
    made->tree = tree;
    made->fill_percent = fill_percent;
    sb_buffer_init(&made->parts, state->alloc);
    sb_buffer_init(&made->keys, state->alloc);
    *core = made;
    return SB_OK;
}

uint32_t sb_build__fill_bytes(const sb_build_core *core)
{
    return (uint32_t)((uint64_t)core->state->page_bytes * core->fill_percent / 100);
}

static sb_status write_run(sb_build_core *core, sb_err *err)
{
    if (core->run_used == 0) return SB_OK;
    SB_TRY(sb_page_write_fresh(core->txn, core->run_first, core->buffer, core->run_used, err));
    /* What the run has left over is free. */
    while (core->run_used < core->run_pages) {
        core->run_pages--;
        SB_TRY(sb_page_free(core->txn, core->run_first + core->run_pages, err));
    }
    core->run_used = 0;
    core->run_pages = 0;
    return SB_OK;
}

static sb_status begin_run(sb_build_core *core, sb_err *err)
{
    const uint32_t page_bytes = core->state->page_bytes;
    const uint32_t pages = core->run_capacity == 0              ? 8
                           : core->run_capacity < RUN_PAGES_MAX ? core->run_capacity * 2
                                                                : RUN_PAGES_MAX;
    if (pages > core->run_capacity) {
        uint8_t *buffer = sb_alloc(core->state->alloc, (size_t)pages * page_bytes);
        if (buffer == NULL) return SB_FAIL_NOMEM(err);
        sb_free(core->state->alloc, core->buffer, (size_t)core->run_capacity * page_bytes);
        core->buffer = buffer;
        core->run_capacity = pages;
    }
    SB_TRY(sb_page_alloc_run(core->txn, pages, &core->run_first, err));
    core->run_pages = pages;
    core->run_used = 0;
    return SB_OK;
}

sb_status sb_build__leaf_begin(sb_build_core *core, uint8_t **bytes, sb_pgno *pgno, sb_err *err)
{
    const uint8_t kind = sb_tree__leaf_ops(core->tree->kind)->page_kind;
    const uint32_t page_bytes = core->state->page_bytes;
    if (core->leaves < PRIVATE_LEAVES) {
        SB_TRY(sb_page_alloc(core->txn, (sb_page_kind)kind, core->tree->id, &core->leaf,
                             &core->private_page, err));
        *bytes = core->private_page;
    } else {
        if (core->run_used == core->run_pages) {
            SB_TRY(write_run(core, err));
            SB_TRY(begin_run(core, err));
        }
        core->leaf = core->run_first + core->run_used;
        *bytes = core->buffer + (size_t)core->run_used * page_bytes;
        memset(*bytes, 0, page_bytes);
        (*bytes)[SB_PAGE_KIND] = kind;
        sb_store_le32(*bytes + SB_PAGE_TREE, core->tree->id);
    }
    *pgno = core->leaf;
    return SB_OK;
}

sb_status sb_build__leaf_end(sb_build_core *core, sb_bytes low, sb_err *err)
{
    const sb_part part = {.pgno = core->leaf, .low = sb_bytes_of(NULL, low.size)};
    if (sb_buffer_append(&core->parts, &part, sizeof part) != SB_OK) return SB_FAIL_NOMEM(err);
    if (low.size > 0 && sb_buffer_append(&core->keys, low.data, low.size) != SB_OK)
        return SB_FAIL_NOMEM(err);
    if (core->leaves >= PRIVATE_LEAVES) core->run_used++;
    core->leaves++;
    return SB_OK;
}

static sb_status finish_levels(sb_build_core *core, sb_err *err)
{
    sb_part *parts = (sb_part *)(void *)core->parts.data;
    const size_t count = core->parts.size / sizeof(sb_part);
    const uint8_t *key = core->keys.data;
    for (size_t i = 0; i < count; i++) {
        parts[i].low.data = key;
        key = parts[i].low.size > 0 ? key + parts[i].low.size : key;
    }
    core->tree->root = parts[0].pgno;
    core->tree->height = 1;
    core->tree->leaf_count = count;
    return sb_tree__grow(core->txn, core->state, core->tree, parts, count, err);
}

sb_status sb_build__core_finish(sb_build_core *core, sb_err *err)
{
    sb_status st = write_run(core, err);
    if (st == SB_OK) {
        sb_tree__changed(core->state);
        if (core->leaves > 0) st = finish_levels(core, err);
    }
    sb_build__core_abort(core);
    return st;
}

void sb_build__core_abort(sb_build_core *core)
{
    if (core == NULL) return;
    const sb_allocator *alloc = core->state->alloc;
    sb_free(alloc, core->buffer, (size_t)core->run_capacity * core->state->page_bytes);
    sb_buffer_deinit(&core->keys);
    sb_buffer_deinit(&core->parts);
    sb_free(alloc, core, sizeof *core);
}
