/* Goal: pages that are each sound but contradict each other (children in another's place, fences that do not meet, lists out of
 * order), as a damaged file has them, are noticed by whoever changes the tree, before what they say is used as a length.
 * Method: random trees, a random contradiction, random changes until one fails, and back to the savepoint; under sanitizers.
 * SOMBRA_TEST_OPS sets the number of contradictions for each kind of tree. */
#include "support/unit.h"

#include <stdlib.h>

#include "tree/columnar_priv.h"
#include "tree/list_priv.h"
#include "tree/slots_priv.h"

#define KEY_MOST 40u
#define STEPS    40u

typedef struct world {
    sb_counting_allocator alloc;
    sb_profile profile;
    sb_vfs *vfs;
    sb_pager *pager;
    sb_session *session;
    sb_txn *txn;
    sb_tree tree, side;
    sb_random random;
} world;

static sb_err err;

static void assert_ok(sb_status status)
{
    if (status != SB_OK) fail_msg("%s: %s", sb_status_name(status), err.text);
}

static world *make_world(uint64_t seed)
{
    world *w = (world *)calloc(1, sizeof *w);
    sb_pager_options options;

    assert_non_null(w);
    sb_err_clear(&err);
    w->random = test_random(seed);
    sb_counting_allocator_init(&w->alloc, &sb_allocator_libc);
    assert_ok(sb_vfs_mem_create(&sb_allocator_libc, &w->vfs, &err));
    sb_pager_options_init(&options);
    options.alloc = &w->alloc.base;
    options.vfs = w->vfs;
    options.profile = &w->profile;
    options.page_bytes = 4096;
    options.create = true;
    options.durability = SB_DURABLE_OFF;
    options.check = sb_tree_check_page;
    assert_ok(sb_pager_open("contradiction", &options, &w->pager, &err));
    assert_ok(sb_session_open(w->pager, &w->session, &err));
    assert_ok(sb_txn_begin_write(w->session, &w->txn, &err));
    return w;
}

static void free_world(world *w)
{
    sb_txn_rollback(w->txn);
    sb_session_close(w->session);
    assert_ok(sb_pager_close(w->pager, &err));
    sb_vfs_destroy(w->vfs);
    assert_int_equal(w->alloc.live_blocks, 0);
    free(w);
}

static uint64_t below(world *w, uint64_t limit)
{
    return sb_random_next(&w->random) % limit;
}

/* ---- Contradictions ---- */

/* A page of the tree at a level, by a random way down. */
static sb_pgno random_page(world *w, const sb_tree *tree, uint32_t level)
{
    sb_pgno pgno = tree->root;

    for (uint32_t at = tree->height - 1u; at > level; at--) {
        sb_page page;
        assert_ok(sb_page_acquire(w->txn, pgno, &page, &err));
        pgno = sb_slots__child(page.bytes, (uint32_t)below(w, sb_slots__count(page.bytes)));
        sb_page_release(w->txn, &page);
    }
    return pgno;
}

static uint8_t *random_child(world *w, const sb_tree *tree, uint32_t level)
{
    uint8_t *page;

    assert_ok(sb_page_mut(w->txn, random_page(w, tree, level), &page, &err));
    return page + sb_slots__cell_at(page, (uint32_t)below(w, sb_slots__count(page)));
}

static void contradict_children(world *w, const sb_tree *tree)
{
    if (tree->height < 2) return;
    const uint32_t level = 1 + (uint32_t)below(w, tree->height - 1u);
    uint8_t *a = random_child(w, tree, level), *b = random_child(w, tree, level);
    const sb_pgno left = sb_load_le32(a), right = sb_load_le32(b);

    sb_store_le32(a, right);
    if (below(w, 2) == 0) sb_store_le32(b, left);
    if (below(w, 8) == 0) sb_store_le32(b, 2 + (sb_pgno)below(w, sb_txn_page_count(w->txn) - 2));
}

/* ---- Slotted ---- */

static sb_bytes random_key(world *w, uint8_t key[KEY_MOST])
{
    const size_t shared = 8 * below(w, 4);
    size_t size = 1 + below(w, KEY_MOST);

    for (size_t i = 0; i < size; i++)
        key[i] = i < shared ? 'm' : (uint8_t)('a' + below(w, 26));
    return sb_bytes_of(key, size);
}

static sb_status put_items(world *w, size_t count)
{
    static uint8_t keys[2000][KEY_MOST], value[200];
    static sb_item items[2000];

    for (size_t i = 0; i < count; i++) {
        items[i].key = random_key(w, keys[i]);
        items[i].value = sb_bytes_of(value, below(w, sizeof value));
    }
    for (size_t i = 1; i < count; i++) /* insertion sort: few, or once */
        for (size_t k = i; k > 0 && sb_bytes_compare(items[k - 1].key, items[k].key) > 0; k--) {
            const sb_item swap = items[k];
            items[k] = items[k - 1];
            items[k - 1] = swap;
        }
    return sb_tree_put_many(w->txn, &w->tree, items, count, &err);
}

/* Keys ascend, whoever walks. */
static sb_status walk_cursor(world *w, bool forward)
{
    uint8_t last[KEY_MOST * 2];
    size_t last_bytes = 0, steps = 0;
    sb_cursor *cursor;
    bool found;

    assert_ok(sb_cursor_open(w->txn, &w->tree, &cursor, &err));
    sb_status st =
        forward ? sb_cursor_first(cursor, &found, &err) : sb_cursor_last(cursor, &found, &err);
    while (st == SB_OK && found) {
        const sb_bytes key = sb_cursor_key(cursor);
        if (steps++ > 0) {
            const int order = sb_bytes_compare(sb_bytes_of(last, last_bytes), key);
            assert_true(forward ? order < 0 : order > 0);
        }
        assert_true(key.size <= sizeof last);
        memcpy(last, key.data, key.size);
        last_bytes = key.size;
        st = forward ? sb_cursor_next(cursor, &found, &err) : sb_cursor_prev(cursor, &found, &err);
    }
    sb_cursor_close(cursor);
    return st;
}

static sb_status change_slotted(world *w)
{
    uint8_t key[KEY_MOST];
    bool found;

    switch (below(w, 5)) {
    case 0: return put_items(w, 1 + below(w, 100));
    case 1: return walk_cursor(w, below(w, 2) == 0);
    case 2: return sb_tree_put(w->txn, &w->tree, random_key(w, key), sb_bytes_of("value", 5), &err);
    default: break;
    }
    for (unsigned i = 0; i < 20; i++) {
        sb_cursor *cursor;
        size_t size = 0;
        sb_status st = sb_cursor_open(w->txn, &w->tree, &cursor, &err);
        if (st == SB_OK) st = sb_cursor_seek(cursor, random_key(w, key), &found, &err);
        if (st == SB_OK && found) {
            size = sb_cursor_key(cursor).size;
            assert_true(size <= sizeof key);
            memcpy(key, sb_cursor_key(cursor).data, size);
        }
        sb_cursor_close(cursor);
        if (st == SB_OK && size != 0)
            st = sb_tree_delete(w->txn, &w->tree, sb_bytes_of(key, size), &found, &err);
        if (st != SB_OK) return st;
    }
    return SB_OK;
}

/* ---- Lists ---- */

static int compare(const void *a, const void *b)
{
    return sb_list__compare((const sb_triple *)a, (const sb_triple *)b);
}

static size_t sort_unique(sb_triple *triples, size_t count)
{
    size_t kept = 0;

    qsort(triples, count, sizeof *triples, compare);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || compare(&triples[kept - 1], &triples[i]) != 0)
            triples[kept++] = triples[i];
    return kept;
}

static size_t random_triples(world *w, sb_triple *triples, size_t count)
{
    const uint64_t hub = below(w, 200);

    for (size_t i = 0; i < count; i++)
        triples[i] = (sb_triple){.node = below(w, 3) == 0 ? hub : below(w, 1000),
                                 .neighbor = below(w, below(w, 50) == 0 ? 1ull << 40 : 3000),
                                 .rel = below(w, 20)};
    return sort_unique(triples, count);
}

/* Triples that are, or are not, in the tree. */
static size_t present(world *w, const sb_tree *tree, sb_triple *triples, size_t count, bool wanted)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        sb_list list;
        if (sb_list_seek(w->txn, tree, triples[i].node, triples[i].neighbor, triples[i].rel, &list,
                         NULL) != SB_OK)
            continue;
        const bool there = list.chunk.count > 0 &&
                           sb_chunk_neighbor(&list.chunk, 0) == triples[i].neighbor &&
                           sb_chunk_rel(&list.chunk, 0) == triples[i].rel;
        sb_list_close(&list);
        if (there == wanted) triples[kept++] = triples[i];
    }
    return kept;
}

typedef struct taken {
    sb_triple triples[2000];
    size_t count, most;
} taken;

static sb_status take_chunk(void *ctx, uint64_t node, const sb_chunk *chunk, bool starts)
{
    taken *t = ctx;

    (void)starts;
    for (uint32_t i = 0; i < chunk->count && t->count < t->most; i++)
        t->triples[t->count++] = (sb_triple){
            .node = node, .neighbor = sb_chunk_neighbor(chunk, i), .rel = sb_chunk_rel(chunk, i)};
    return SB_OK;
}

static sb_status change_lists(world *w)
{
    static taken t;
    sb_triple triples[1500];
    size_t count = random_triples(w, triples, 1 + below(w, below(w, 4) == 0 ? 1500 : 60)), deleted;

    switch (below(w, 4)) {
    case 0:
        count = present(w, &w->tree, triples, count, false);
        return sb_lists_insert(w->txn, &w->tree, triples, count, &err);
    case 1: {
        t.count = 0;
        t.most = 1 + below(w, 2000);
        sb_status st =
            sb_lists_scan(w->txn, &w->tree, below(w, 1000), UINT64_MAX, take_chunk, &t, &err);
        if (st != SB_OK) return st;
        count = sort_unique(t.triples, t.count);
        return sb_lists_delete(w->txn, &w->tree, t.triples, count, &deleted, &err);
    }
    default: {
        size_t took, came;
        count = present(w, &w->tree, triples, count, false);
        if (count == 0) return SB_OK;
        return sb_lists_gather(w->txn, &w->tree, &w->side, triples, count, 0, &took, &came, &err);
    }
    }
}

static void contradict_list(world *w, const sb_tree *tree)
{
    uint8_t *page;
    sb_list_view view;

    assert_ok(sb_page_mut(w->txn, random_page(w, tree, 0), &page, &err));
    sb_list__view(page, &view);
    if (view.entry_count < 2 || view.neighbor_width == 0) return;
    const uint32_t i = (uint32_t)below(w, view.entry_count),
                   k = (uint32_t)below(w, view.entry_count);
    uint8_t *const neighbors = page + view.neighbors_off;
    memcpy(neighbors + (size_t)i * view.neighbor_width, neighbors + (size_t)k * view.neighbor_width,
           view.neighbor_width);
}

/* ---- Rows ---- */

static sb_status put_rows(world *w, size_t count)
{
    static uint64_t ids[2000], words[2000];
    static sb_bytes texts[2000];
    static char text[3000];
    uint64_t id = below(w, 20000);

    for (size_t i = 0; i < count; i++) {
        ids[i] = id;
        words[i] = below(w, 1ull << below(w, 60));
        texts[i] = sb_bytes_of(text, below(w, below(w, 40) == 0 ? sizeof text : 40));
        id += 1 + below(w, 4);
    }
    const sb_column columns[] = {
        {.key = 5, .type = SB_CLASS_INT, .words = words},
        {.key = 6, .type = SB_CLASS_BYTES, .bytes = texts},
    };
    const sb_rows rows = {.ids = ids, .row_count = count, .columns = columns, .column_count = 2};
    return sb_rows_put(w->txn, &w->tree, &rows, &err);
}

static sb_status change_rows(world *w)
{
    static uint64_t ids[500];
    size_t deleted;
    bool found;

    switch (below(w, 4)) {
    case 0: return put_rows(w, 1 + below(w, 300));
    case 1: {
        const sb_cell cell = {.key = 5, .type = SB_CLASS_INT, .word = below(w, 1ull << 50)};
        return sb_row_set(w->txn, &w->tree, below(w, 20000), &cell, 1, &found, &err);
    }
    case 2: {
        const size_t count = 1 + below(w, 500);
        uint64_t id = below(w, 20000);
        for (size_t i = 0; i < count; i++, id += 1 + below(w, 3))
            ids[i] = id;
        return sb_rows_delete(w->txn, &w->tree, ids, count, &deleted, &err);
    }
    default: {
        sb_row_scan *scan;
        size_t rows = 1;
        uint64_t last = 0;
        bool any = false;
        sb_status st = sb_row_scan_open(w->txn, &w->tree, below(w, 20000), UINT64_MAX, &scan, &err);
        while (st == SB_OK && rows != 0) {
            st = sb_row_scan_next(scan, &rows, &err);
            for (size_t i = 0; st == SB_OK && i < rows; i++) {
                assert_true(!any || sb_row_scan_ids(scan)[i] > last);
                last = sb_row_scan_ids(scan)[i];
                any = true;
            }
        }
        sb_row_scan_close(scan);
        return st;
    }
    }
}

/* ---- The runs ---- */

static void run(world *w, sb_status (*change)(world *), void (*contradict)(world *))
{
    const size_t turns = test_operations(100);
    size_t noticed = 0;

    for (size_t turn = 0; turn < turns; turn++) {
        const sb_tree before = w->tree, side = w->side;
        sb_status st = SB_OK;
        uint32_t savepoint;

        assert_ok(sb_txn_savepoint(w->txn, &savepoint, &err));
        contradict(w);
        for (unsigned i = 0; i < STEPS && st == SB_OK; i++)
            st = change(w);
        /* An entry that damage put out of reach is there already, for who puts it in. */
        if (st != SB_OK && st != SB_CORRUPT && (w->tree.kind != SB_TREE_LIST || st != SB_MISUSE))
            fail_msg("%s: %s", sb_status_name(st), err.text);
        noticed += st != SB_OK;
        sb_err_clear(&err);
        assert_ok(sb_txn_rollback_to(w->txn, savepoint, &err));
        assert_ok(sb_txn_release(w->txn, savepoint, &err));
        w->tree = before;
        w->side = side;
    }
    print_message("%zu of %zu contradictions noticed\n", noticed, turns);
    assert_true(noticed > turns / 4);
    free_world(w);
}

static void contradict_slotted(world *w)
{
    contradict_children(w, &w->tree);
}

static void contradict_lists(world *w)
{
    const sb_tree *tree = below(w, 3) == 0 ? &w->side : &w->tree;

    if (below(w, 2) == 0)
        contradict_children(w, tree);
    else
        contradict_list(w, tree);
}

static void test_tree_contradiction__slotted(void **state)
{
    world *w = make_world(1);

    (void)state;
    w->tree = (sb_tree){.id = 7, .kind = SB_TREE_SLOTTED};
    for (unsigned i = 0; i < 10; i++)
        assert_ok(put_items(w, 2000));
    assert_true(w->tree.height >= 3);
    run(w, change_slotted, contradict_slotted);
}

static void test_tree_contradiction__lists(void **state)
{
    static sb_triple triples[40000];
    world *w = make_world(2);
    size_t count;

    (void)state;
    w->tree = (sb_tree){.id = 7, .kind = SB_TREE_LIST};
    w->side = (sb_tree){.id = 8, .kind = SB_TREE_LIST};
    count = random_triples(w, triples, 40000);
    assert_ok(sb_lists_insert(w->txn, &w->tree, triples, count, &err));
    count = random_triples(w, triples, 4000);
    count = present(w, &w->tree, triples, count, false);
    assert_ok(sb_lists_insert(w->txn, &w->side, triples, count, &err));
    run(w, change_lists, contradict_lists);
}

static void test_tree_contradiction__rows(void **state)
{
    world *w = make_world(3);

    (void)state;
    w->tree = (sb_tree){.id = 7, .kind = SB_TREE_COLUMNAR};
    for (unsigned i = 0; i < 40; i++)
        assert_ok(put_rows(w, 1000));
    run(w, change_rows, contradict_slotted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_tree_contradiction__slotted),
        TEST(test_tree_contradiction__lists),
        TEST(test_tree_contradiction__rows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
