/* Goal: the leaf allocator hands out heap bytes that nobody uses and takes back all that is given; its snapshot is right
 * for any number of cells and holes, on the heap only past its inline arrays, and never believed when stale.
 * Method: random takes and gives on a page whose every heap byte has a known owner; properties checked at each step. */
#include "support/unit.h"

#include <stdlib.h>

#include "tree/slots_priv.h"

#define PAGE_BYTES 65536u
#define HOLE_VALUE                                                                                 \
    290u /* a cell of 300 bytes: more than the slots of 32 removed cells, so the gap does not do */

static sb_err err;

typedef struct world {
    sb_counting_allocator alloc;
    sb_profile profile;
    sb_tree_txn state;
    uint8_t *page;
    uint32_t cells; /* numbers of cells made so far: keys */
} world;

static world *make_world(uint32_t page_bytes)
{
    world *w = (world *)calloc(1, sizeof *w);
    assert_non_null(w);
    sb_err_clear(&err);
    sb_counting_allocator_init(&w->alloc, &sb_allocator_libc);
    w->state.alloc = &w->alloc.base;
    w->state.profile = &w->profile;
    w->state.page_bytes = page_bytes;
    sb_snapshot__init(&w->state.snapshot);
    w->page = (uint8_t *)calloc(1, page_bytes);
    assert_non_null(w->page);
    w->page[SB_PAGE_KIND] = SB_PAGE_SLOTTED;
    sb_slots__init(w->page, page_bytes, sb_bytes_of(NULL, 0), sb_bytes_of(NULL, 0));
    return w;
}

static void free_world(world *w)
{
    sb_snapshot__drop(&w->state);
    while (w->state.pooled > 0) {
        sb_buffer *buffer = w->state.pool[--w->state.pooled];
        sb_buffer_deinit(buffer);
        sb_free(&w->alloc.base, buffer, sizeof *buffer);
    }
    assert_int_equal(w->alloc.live_blocks, 0);
    free(w->page);
    free(w);
}

static bool add(world *w, uint32_t value_bytes)
{
    static const uint8_t value[16384];
    uint8_t key[8];
    uint32_t cell;
    bool equal;
    sb_store_be64(key, (uint64_t)w->cells * 0x9E3779B97F4A7C15ull);
    const sb_bytes suffix = sb_bytes_of(key, 8);
    const uint32_t i = sb_slots__search(w->page, suffix, &equal),
                   bytes = SB_LEAF_CELL_HEAD + 8 + value_bytes;
    const uint32_t room = sb_slots__gap(w->page) + sb_slots__dead(w->page);
    assert_false(equal);
    assert_int_equal(sb_snapshot__take(&w->state, 1, w->page, bytes, SB_SLOT_BYTES, &cell, &err),
                     SB_OK);
    assert_int_equal(cell != 0, room >= bytes + SB_SLOT_BYTES); /* all free bytes can be had */
    if (cell == 0) return false;
    sb_slots__write_cell(w->page, cell, suffix, sb_bytes_of(value, value_bytes));
    sb_slots__insert_slot(w->page, i, cell, suffix);
    w->cells++;
    return true;
}

static void take_out(world *w, uint32_t i)
{
    sb_snapshot__give(&w->state, 1, w->page, sb_slots__cell_at(w->page, i),
                      sb_slots__cell_bytes(w->page, i));
    sb_slots__remove_slot(w->page, i);
}

/* The page holds its invariants, no two cells overlap, and a current snapshot names exactly the holes. */
static void check(world *w)
{
    const uint32_t page_bytes = w->state.page_bytes, count = sb_slots__count(w->page);
    const sb_leaf_snapshot *snapshot = &w->state.snapshot;
    uint8_t *used = (uint8_t *)calloc(1, page_bytes);
    assert_int_equal(sb_slots__check(w->page, page_bytes, 1, &err), SB_OK);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t cell = sb_slots__cell_at(w->page, i),
                       bytes = sb_slots__cell_bytes(w->page, i);
        for (uint32_t k = cell; k < cell + bytes; k++)
            assert_int_equal(used[k]++, 0);
    }
    if (snapshot->pgno == 1 && snapshot->heap == sb_slots__heap(w->page) &&
        snapshot->dead == sb_slots__dead(w->page)) {
        for (uint32_t r = 0; r < snapshot->regions.count; r++) {
            const sb_extent region = snapshot->regions.items[r];
            assert_true(region.bytes > 0 && region.begin > snapshot->heap);
            if (r > 0)
                assert_true(snapshot->regions.items[r - 1].begin +
                                snapshot->regions.items[r - 1].bytes <
                            region.begin);
            for (uint32_t k = region.begin; k < region.begin + region.bytes; k++)
                assert_int_equal(used[k]++, 0);
        }
        for (uint32_t k = snapshot->heap; k < page_bytes; k++)
            assert_int_equal(used[k], 1);
    }
    free(used);
}

static void run(uint32_t page_bytes, uint32_t switched_off)
{
    sb_random random = test_random(page_bytes + switched_off);
    for (unsigned turn = 0; turn < 12; turn++) {
        world *w = make_world(page_bytes);
        w->profile.switched_off = switched_off;
        const uint32_t most = turn % 3 == 0 ? 4 : turn % 3 == 1 ? 60 : 400;
        unsigned fill = 80;
        for (unsigned step = 0; step < 1500; step++) {
            if (step % 100 == 0) fill = (unsigned)sb_random_below(&random, 100);
            const uint32_t count = sb_slots__count(w->page);
            if (count == 0 || sb_random_below(&random, 100) < fill) {
                if (!add(w, (uint32_t)sb_random_below(&random, most)) && count > 0)
                    take_out(w, (uint32_t)sb_random_below(&random, count));
            } else {
                take_out(w, (uint32_t)sb_random_below(&random, count));
            }
            /* Somebody else edits the page: the snapshot must not be believed afterwards. */
            if (step % 97 == 0 && sb_slots__count(w->page) > 1)
                sb_slots__remove(w->page,
                                 (uint32_t)sb_random_below(&random, sb_slots__count(w->page)));
            if (step % 7 == 0) check(w);
        }
        check(w);
        free_world(w);
    }
}

static void test_tree_allocator__properties(void **state)
{
    (void)state;
    run(4096, 0);
    run(8192, 0);
    run(PAGE_BYTES, 0);
    run(8192, SB_SEED_INLINE_SNAPSHOT | SB_SEED_BUFFER_POOL);
}

/* Up to 128 cells and 32 holes nothing is allocated; one more of either takes a heap block, and is right. */
static void test_tree_allocator__inline_limits(void **state)
{
    (void)state;
    static const struct {
        uint32_t cells, holes;
        bool heap;
    } cases[] = {{128, 32, false}, {129, 32, true}, {128, 33, true}, {300, 60, true}};
    for (unsigned k = 0; k < sizeof cases / sizeof *cases; k++) {
        world *w = make_world(PAGE_BYTES);
        /* Cells that will be holes, each with a small one behind it. */
        for (uint32_t i = 0; i < cases[k].holes; i++)
            assert_true(add(w, HOLE_VALUE) && add(w, 1));
        /* What is missing of the cells, the last ones as large as it takes to use up the gap. */
        uint32_t missing = cases[k].cells - cases[k].holes;
        for (; missing > 6; missing--)
            assert_true(add(w, 1));
        for (; missing > 0; missing--) {
            const uint32_t share = sb_slots__gap(w->page) / missing;
            assert_true(add(w, share - SB_SLOT_BYTES - SB_LEAF_CELL_HEAD - 8));
        }
        /* The holes are made past the allocator, as an earlier transaction would have. */
        for (uint32_t i = sb_slots__count(w->page); i-- > 0;)
            if (sb_slots__value(w->page, i).size == HOLE_VALUE) sb_slots__remove(w->page, i);
        assert_int_equal(sb_slots__count(w->page), cases[k].cells);
        const size_t blocks = w->alloc.alloc_count;
        while (sb_slots__gap(w->page) >= HOLE_VALUE)
            assert_true(add(w, 1)); /* none with 33 holes and fewer */
        const uint32_t cells = sb_slots__count(w->page);
        assert_true(add(w, HOLE_VALUE));
        assert_int_equal(w->state.snapshot.regions.count, cases[k].holes - 1);
        assert_int_equal(w->state.snapshot.slots.count, cells);
        assert_int_equal(w->alloc.alloc_count > blocks, cases[k].heap);
        assert_int_equal(w->state.counters.snapshot_heap_allocations > 0, cases[k].heap);
        check(w);
        /* Each hole is taken, and given back, without anything being worked out or allocated again. */
        const size_t then = w->alloc.alloc_count;
        while (w->state.snapshot.regions.count > 0 && sb_slots__gap(w->page) >= SB_SLOT_BYTES)
            assert_true(add(w, HOLE_VALUE));
        take_out(w, 3);
        check(w);
        assert_int_equal(w->alloc.alloc_count, then);
        free_world(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_tree_allocator__properties),
        TEST(test_tree_allocator__inline_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
