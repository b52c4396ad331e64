/* Goal: slotted trees as the layers above use them hold what an ordered map would: put, put_many, delete, get,
 * cursors both ways, bulk build; through commits, reopening, savepoints rolled back, and allocations that fail.
 * Method: random operations of several key shapes against one sorted array, the whole tree verified and read
 * after each batch. SOMBRA_TEST_OPS sets the number of operations of each run (default: thousands). */
#include "support/unit.h"

#include <stdlib.h>

#include "tree/slots_priv.h"

/* An entry of the reference; shared by the copies that savepoints keep. */
typedef struct entry {
    uint32_t refs, key_bytes, value_bytes;
    uint8_t bytes[]; /* key, value */
} entry;

typedef struct map {
    entry **items;
    size_t count, capacity;
} map;

typedef struct world {
    sb_counting_allocator alloc;
    sb_profile profile;
    sb_vfs *vfs;
    sb_pager *pager;
    sb_session *session;
    sb_txn *txn;
    sb_tree tree;
    uint32_t page_bytes;
    map want;
    sb_random random;
    size_t operations; /* puts, deletes and look-ups so far */
} world;

static sb_err err;

static void assert_ok(sb_status status)
{
    if (status != SB_OK) fail_msg("%s: %s", sb_status_name(status), err.text);
}

/* ---- The reference ----------------------------------------------------------------------------------- */

static sb_bytes key_of(const entry *e)
{
    return sb_bytes_of(e->bytes, e->key_bytes);
}

static sb_bytes value_of(const entry *e)
{
    return sb_bytes_of(e->bytes + e->key_bytes, e->value_bytes);
}

static entry *make_entry(sb_bytes key, sb_bytes value)
{
    entry *e = (entry *)malloc(sizeof *e + key.size + value.size);
    assert_non_null(e);
    *e = (entry){.refs = 1, .key_bytes = (uint32_t)key.size, .value_bytes = (uint32_t)value.size};
    memcpy(e->bytes, key.data, key.size);
    if (value.size > 0) memcpy(e->bytes + key.size, value.data, value.size);
    return e;
}

static void drop_entry(entry *e)
{
    if (--e->refs == 0) free(e);
}

static size_t map_find(const map *m, sb_bytes key, bool *equal)
{
    size_t from = 0, to = m->count;
    *equal = false;
    while (from < to) {
        const size_t middle = (from + to) / 2;
        const int order = sb_bytes_compare(key_of(m->items[middle]), key);
        if (order == 0) {
            *equal = true;
            return middle;
        }
        if (order < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static void map_put(map *m, sb_bytes key, sb_bytes value)
{
    bool equal;
    const size_t at = map_find(m, key, &equal);
    if (equal) {
        drop_entry(m->items[at]);
        m->items[at] = make_entry(key, value);
        return;
    }
    if (m->count == m->capacity) {
        m->capacity = m->capacity == 0 ? 1024 : 2 * m->capacity;
        m->items = (entry **)realloc(m->items, m->capacity * sizeof *m->items);
        assert_non_null(m->items);
    }
    memmove(m->items + at + 1, m->items + at, (m->count - at) * sizeof *m->items);
    m->items[at] = make_entry(key, value);
    m->count++;
}

static bool map_delete(map *m, sb_bytes key)
{
    bool equal;
    const size_t at = map_find(m, key, &equal);
    if (!equal) return false;
    drop_entry(m->items[at]);
    memmove(m->items + at, m->items + at + 1, (m->count - at - 1) * sizeof *m->items);
    m->count--;
    return true;
}

static map map_copy(const map *m)
{
    map copy = {.count = m->count, .capacity = m->count};
    copy.items = (entry **)malloc((m->count + 1) * sizeof *copy.items);
    assert_non_null(copy.items);
    for (size_t i = 0; i < m->count; i++) {
        copy.items[i] = m->items[i];
        copy.items[i]->refs++;
    }
    return copy;
}

static void map_free(map *m)
{
    for (size_t i = 0; i < m->count; i++)
        drop_entry(m->items[i]);
    free(m->items);
    *m = (map){0};
}

/* ---- The world ------------------------------------------------------------------------------------------ */

static void open_pager(world *w)
{
    sb_pager_options options;
    sb_pager_options_init(&options);
    options.alloc = &w->alloc.base;
    options.vfs = w->vfs;
    options.profile = &w->profile;
    options.page_bytes = w->page_bytes;
    options.create = true;
    options.durability = SB_DURABLE_OFF;
    options.read_mode = w->page_bytes == 4096 ? SB_READ_CACHE : SB_READ_MAP;
    options.cache_pages = 8; /* the fewest there can be */
    options.txn_memory_bytes = 4u << 20;
    options.check = sb_tree_check_page;
    assert_ok(sb_pager_open("slotted", &options, &w->pager, &err));
    assert_ok(sb_session_open(w->pager, &w->session, &err));
}

static world *make_world(uint32_t page_bytes)
{
    world *w = (world *)calloc(1, sizeof *w);
    assert_non_null(w);
    sb_err_clear(&err);
    sb_counting_allocator_init(&w->alloc, &sb_allocator_libc);
    assert_ok(sb_vfs_mem_create(&sb_allocator_libc, &w->vfs, &err));
    w->page_bytes = page_bytes;
    open_pager(w);
    assert_ok(sb_txn_begin_write(w->session, &w->txn, &err));
    w->tree = (sb_tree){.id = 9, .kind = SB_TREE_SLOTTED};
    w->random = test_random(20261122 + page_bytes);
    return w;
}

static void free_world(world *w)
{
    sb_txn_rollback(w->txn);
    sb_session_close(w->session);
    if (w->pager != NULL) assert_ok(sb_pager_close(w->pager, &err));
    sb_vfs_destroy(w->vfs);
    assert_int_equal(w->alloc.live_blocks, 0);
    map_free(&w->want);
    free(w);
}

static void commit(world *w)
{
    assert_ok(sb_txn_commit(w->txn, &err));
    assert_ok(sb_txn_begin_write(w->session, &w->txn, &err));
}

static void reopen(world *w)
{
    assert_ok(sb_txn_commit(w->txn, &err));
    sb_session_close(w->session);
    assert_ok(sb_pager_close(w->pager, &err));
    open_pager(w);
    assert_ok(sb_txn_begin_write(w->session, &w->txn, &err));
}

static void print_finding(void *ctx, sb_pgno pgno, const char *message)
{
    (void)ctx;
    printf("page %u: %s\n", (unsigned)pgno, message);
}

static sb_tree_stats verify(world *w)
{
    sb_tree_stats stats;
    uint64_t findings = 0;
    const size_t bytes = ((size_t)sb_txn_page_count(w->txn) + 7) / 8;
    uint8_t *used = (uint8_t *)calloc(1, bytes);
    assert_ok(sb_tree_verify(w->txn, &w->tree, used, print_finding, NULL, &stats, &findings, &err));
    assert_int_equal(findings, 0);
    assert_int_equal(stats.entries, w->want.count);
    /* Pages that the tree does not use are free, or were never made. */
    assert_ok(sb_pager_verify(w->txn, used, print_finding, NULL, NULL, NULL, &findings, &err));
    assert_int_equal(findings, 0);
    free(used);
    return stats;
}

static void assert_bytes(sb_bytes a, sb_bytes b)
{
    assert_int_equal(a.size, b.size);
    if (a.size > 0) assert_memory_equal(a.data, b.data, a.size);
}

static void compare_all(world *w, sb_txn *txn)
{
    sb_cursor *cursor;
    bool found;
    size_t i = 0;
    assert_ok(sb_cursor_open(txn, &w->tree, &cursor, &err));
    for (assert_ok(sb_cursor_first(cursor, &found, &err)); found;
         assert_ok(sb_cursor_next(cursor, &found, &err)), i++) {
        assert_true(i < w->want.count);
        assert_bytes(sb_cursor_key(cursor), key_of(w->want.items[i]));
        assert_bytes(sb_cursor_value(cursor), value_of(w->want.items[i]));
    }
    assert_int_equal(i, w->want.count);
    for (assert_ok(sb_cursor_last(cursor, &found, &err)); found;
         assert_ok(sb_cursor_prev(cursor, &found, &err))) {
        assert_true(i > 0);
        assert_bytes(sb_cursor_key(cursor), key_of(w->want.items[--i]));
        assert_bytes(sb_cursor_value(cursor), value_of(w->want.items[i]));
    }
    assert_int_equal(i, 0);
    sb_cursor_close(cursor);
}

/* ---- Random keys ------------------------------------------------------------------------------------------ */

typedef enum shape { SHAPE_IDS, SHAPE_WORDS, SHAPE_ZEROS, SHAPE_LONG, SHAPES } shape;

static size_t random_key(world *w, shape s, uint8_t *key)
{
    sb_random *r = &w->random;
    const uint32_t limit = sb_tree_key_limit(w->page_bytes);
    switch (s) {
    case SHAPE_IDS: /* a common prefix and a small number */
        memcpy(key, "index/", 6);
        sb_store_be64(key + 6, sb_random_below(r, 20000));
        return 14;
    case SHAPE_WORDS: {
        const size_t bytes = 1 + sb_random_below(r, 12);
        for (size_t i = 0; i < bytes; i++)
            key[i] = (uint8_t)('a' + sb_random_below(r, 4));
        return bytes;
    }
    case SHAPE_ZEROS: { /* heads filled up with zeros and keys that are prefixes of each other */
        const size_t bytes = 1 + sb_random_below(r, 9);
        for (size_t i = 0; i < bytes; i++)
            key[i] = (uint8_t)(sb_random_below(r, 6) == 0 ? 0xFF : sb_random_below(r, 3) == 0);
        return bytes;
    }
    case SHAPE_LONG:
    case SHAPES:
    default: { /* long common parts, up to the limit */
        const size_t bytes = 8 + sb_random_below(r, limit - 7);
        memset(key, 'x', bytes);
        for (size_t i = 0; i < 4; i++)
            key[sb_random_below(r, bytes)] = (uint8_t)sb_random_below(r, 256);
        return bytes;
    }
    }
}

static size_t random_value(world *w, uint8_t *value)
{
    sb_random *r = &w->random;
    const uint32_t limit = sb_tree_value_limit(w->page_bytes);
    const uint64_t dice = sb_random_below(r, 100);
    const size_t bytes = dice < 30   ? 0
                         : dice < 90 ? sb_random_below(r, 24)
                         : dice < 98 ? sb_random_below(r, 200)
                                     : sb_random_below(r, limit + 1);
    const uint8_t fill = (uint8_t)sb_random_below(r, 256);
    for (size_t i = 0; i < bytes; i++)
        value[i] = (uint8_t)(fill + i);
    return bytes;
}

static int compare_items(const void *a, const void *b)
{
    return sb_bytes_compare(((const sb_item *)a)->key, ((const sb_item *)b)->key);
}

/* Sorted items with duplicates, the later of which must win; with qsort equal ones are in any order, so the reference
 * takes them as they come out. */
static void put_many_random(world *w, shape s, size_t count)
{
    sb_item *items = (sb_item *)calloc(count, sizeof *items);
    uint8_t buffer[2][16384];
    for (size_t i = 0; i < count; i++) {
        const size_t key_bytes = random_key(w, s, buffer[0]),
                     value_bytes = random_value(w, buffer[1]);
        entry *e =
            make_entry(sb_bytes_of(buffer[0], key_bytes), sb_bytes_of(buffer[1], value_bytes));
        items[i] = (sb_item){key_of(e), value_of(e)};
    }
    qsort(items, count, sizeof *items, compare_items);
    assert_ok(sb_tree_put_many(w->txn, &w->tree, items, count, &err));
    w->operations += count;
    for (size_t i = 0; i < count; i++) {
        map_put(&w->want, items[i].key, items[i].value);
        free(SB_CONTAINER(items[i].key.data, entry, bytes));
    }
    free(items);
}

/* ---- The model --------------------------------------------------------------------------------------------- */

static void check_key(world *w, sb_bytes key)
{
    sb_page hold;
    sb_bytes value;
    bool found, equal;
    const size_t at = map_find(&w->want, key, &equal);
    assert_ok(sb_tree_get(w->txn, &w->tree, key, &hold, &value, &found, &err));
    assert_int_equal(found, equal);
    if (found) assert_bytes(value, value_of(w->want.items[at]));
    sb_page_release(w->txn, &hold);
}

static void check_cursor(world *w, sb_bytes key)
{
    sb_cursor *cursor;
    bool found, equal;
    const size_t at = map_find(&w->want, key, &equal);
    assert_ok(sb_cursor_open(w->txn, &w->tree, &cursor, &err));
    assert_ok(sb_cursor_seek(cursor, key, &found, &err));
    assert_int_equal(found, at < w->want.count);
    if (found) assert_bytes(sb_cursor_key(cursor), key_of(w->want.items[at]));
    if (found && at > 0) {
        assert_ok(sb_cursor_prev(cursor, &found, &err));
        assert_true(found);
        assert_bytes(sb_cursor_key(cursor), key_of(w->want.items[at - 1]));
    }
    const size_t before = equal ? at + 1 : at;
    assert_ok(sb_cursor_seek_before(cursor, key, &found, &err));
    assert_int_equal(found, before > 0);
    if (found) assert_bytes(sb_cursor_key(cursor), key_of(w->want.items[before - 1]));
    sb_cursor_close(cursor);
}

static void one_operation(world *w, shape s, unsigned delete_percent)
{
    uint8_t key[16384], value[16384];
    bool found;
    const sb_bytes k = sb_bytes_of(key, random_key(w, s, key));
    const uint64_t dice = sb_random_below(&w->random, 100);
    w->operations++;
    if (dice < delete_percent) {
        /* Mostly a key that is there. */
        sb_bytes victim = k;
        if (dice % 4 != 0 && w->want.count > 0) {
            victim = key_of(w->want.items[sb_random_below(&w->random, w->want.count)]);
            memcpy(key, victim.data, victim.size);
            victim.data = key;
        }
        const bool expected = map_delete(&w->want, victim);
        assert_ok(sb_tree_delete(w->txn, &w->tree, victim, &found, &err));
        assert_int_equal(found, expected);
    } else if (dice < 85) {
        const sb_bytes v = sb_bytes_of(value, random_value(w, value));
        assert_ok(sb_tree_put(w->txn, &w->tree, k, v, &err));
        map_put(&w->want, k, v);
    } else if (dice < 95) {
        check_key(w, k);
    } else {
        check_cursor(w, k);
    }
}

static void run_model(uint32_t page_bytes, shape s, size_t count)
{
    world *w = make_world(page_bytes);
    /* More would only make comparing all of it slow. */
    const size_t most = s == SHAPE_LONG ? 5000 : 50000;
    unsigned delete_percent = 25;
    while (w->operations < count) {
        one_operation(w, s, delete_percent);
        const uint64_t dice = sb_random_below(&w->random, 2000);
        if (dice == 0)
            delete_percent = (unsigned)sb_random_below(&w->random, 80);
        else if (w->want.count > most)
            delete_percent = 75;
        else if (dice == 1)
            put_many_random(w, s,
                            1 + sb_random_below(&w->random, 3000) / (s == SHAPE_LONG ? 50 : 1));
        else if (dice == 2)
            commit(w);
        else if (dice == 3 && sb_random_below(&w->random, 4) == 0)
            reopen(w);
        else if (dice == 4) {
            uint32_t savepoint;
            const sb_tree tree = w->tree;
            map kept = map_copy(&w->want);
            assert_ok(sb_txn_savepoint(w->txn, &savepoint, &err));
            for (unsigned k = 0; k < 200; k++)
                one_operation(w, s, delete_percent);
            put_many_random(w, s, 50);
            assert_ok(sb_txn_rollback_to(w->txn, savepoint, &err));
            assert_ok(sb_txn_release(w->txn, savepoint, &err));
            w->tree = tree;
            map_free(&w->want);
            w->want = kept;
            (void)verify(w);
        } else if (dice == 5) {
            (void)verify(w);
            compare_all(w, w->txn);
        }
    }
    (void)verify(w);
    compare_all(w, w->txn);
    assert_ok(sb_txn_commit(w->txn, &err));
    assert_ok(sb_txn_begin_read(w->session, &w->txn, &err));
    compare_all(w, w->txn);
    sb_txn_rollback(w->txn);
    assert_ok(sb_txn_begin_write(w->session, &w->txn, &err));
    /* Down to nothing, so that every merge and collapse happens. */
    while (w->want.count > 0) {
        bool found;
        entry *e = w->want.items[sb_random_below(&w->random, w->want.count)];
        e->refs++;
        assert_true(map_delete(&w->want, key_of(e)));
        assert_ok(sb_tree_delete(w->txn, &w->tree, key_of(e), &found, &err));
        assert_true(found);
        drop_entry(e);
        if (sb_random_below(&w->random, 2000) == 0) (void)verify(w);
    }
    assert_int_equal(w->tree.root, SB_PGNO_NONE);
    assert_int_equal(w->tree.height, 0);
    assert_int_equal(w->tree.leaf_count, 0);
    (void)verify(w);
    test_operations_done(w->operations);
    free_world(w);
}

static void test_tree_slotted__model_ids(void **state)
{
    (void)state;
    run_model(4096, SHAPE_IDS, test_operations(40000));
    run_model(8192, SHAPE_IDS, test_operations(20000));
}
static void test_tree_slotted__model_words(void **state)
{
    (void)state;
    run_model(8192, SHAPE_WORDS, test_operations(40000));
    run_model(65536, SHAPE_WORDS, test_operations(20000));
}
static void test_tree_slotted__model_zeros(void **state)
{
    (void)state;
    run_model(4096, SHAPE_ZEROS, test_operations(30000));
}
static void test_tree_slotted__model_long(void **state)
{
    (void)state;
    run_model(4096, SHAPE_LONG, test_operations(8000));
    run_model(65536, SHAPE_LONG, test_operations(2000));
}

/* ---- Single rules -------------------------------------------------------------------------------------------- */

static sb_item *make_items(uint8_t *bytes, size_t count, uint64_t step)
{
    sb_item *items = (sb_item *)malloc(count * sizeof *items);
    assert_non_null(items);
    for (size_t i = 0; i < count; i++) {
        sb_store_be64(bytes + 8 * i, i * step);
        items[i] = (sb_item){sb_bytes_of(bytes + 8 * i, 8), sb_bytes_of(bytes + 8 * i, 8)};
    }
    return items;
}

static void assert_holds_items(world *w, const sb_item *items, size_t count)
{
    sb_cursor *cursor;
    bool found;
    size_t i = 0;
    assert_ok(sb_cursor_open(w->txn, &w->tree, &cursor, &err));
    for (assert_ok(sb_cursor_first(cursor, &found, &err)); found;
         assert_ok(sb_cursor_next(cursor, &found, &err)), i++) {
        assert_true(i < count);
        assert_bytes(sb_cursor_key(cursor), items[i].key);
        assert_bytes(sb_cursor_value(cursor), items[i].value);
    }
    assert_int_equal(i, count);
    sb_cursor_close(cursor);
}

static sb_tree_stats verify_count(world *w, size_t entries)
{
    sb_tree_stats stats;
    uint64_t findings = 0;
    assert_ok(sb_tree_verify(w->txn, &w->tree, NULL, print_finding, NULL, &stats, &findings, &err));
    assert_int_equal(findings, 0);
    assert_int_equal(stats.entries, entries);
    return stats;
}

/* Sorted items go one descent for each slice of pages, fill pages whole, and cost no allocation each: ten times the items
 * cost ten times the page buffers and no more (the pager's one for each page, and growing of its tables). */
static void test_tree_slotted__put_many_sorted(void **state)
{
    (void)state;
    static uint8_t bytes[8 * 100000];
    size_t allocs[2], pages[2];
    for (unsigned round = 0; round < 2; round++) {
        const size_t count = round == 0 ? 10000 : 100000;
        world *w = make_world(8192);
        sb_item *items = make_items(bytes, count, 3);
        const size_t before = w->alloc.alloc_count;
        assert_ok(sb_tree_put_many(w->txn, &w->tree, items, count, &err));
        allocs[round] = w->alloc.alloc_count - before;
        const sb_tree_stats stats = verify_count(w, count);
        pages[round] = (size_t)(stats.leaf_pages + stats.inner_pages);
        assert_true(stats.leaf_used_bytes >= stats.leaf_pages * 8192 * 9 / 10);
        const sb_tree_counters *counters = sb_tree_counters_get(w->txn);
        assert_true(counters->descents <= stats.leaf_pages / 16 + 2);
        assert_holds_items(w, items, count);
        free(items);
        free_world(w);
    }
    print_message("put_many: %zu allocations for %zu pages, %zu for %zu\n", allocs[0], pages[0],
                  allocs[1], pages[1]);
#if defined(NDEBUG) && !SB_SANITIZED_MEMORY
    assert_true(allocs[1] - allocs[0] <= 24); /* buffers of pages come in runs */
#else
    assert_true(allocs[1] - allocs[0] <= pages[1] - pages[0] + 24);
#endif
}

/* Into leaves that are there and private already, 1,000 and 10,000 more overwrites and inserts that fit allocate
 * nothing at all. */
static void test_tree_slotted__no_allocation_per_item(void **state)
{
    (void)state;
    static uint8_t bytes[8 * 20000];
    world *w = make_world(8192);
    const size_t count = 20000;
    sb_item *items = make_items(bytes, count, 2);
    sb_item *half = (sb_item *)malloc(count * sizeof *half);
    assert_non_null(half);
    for (size_t i = 0; i < count / 2; i++)
        half[i] = items[2 * i];
    assert_ok(sb_tree_put_many(w->txn, &w->tree, half, count / 2, &err));
    /* Once over all leaves, so that they have room and are private; then the measure. */
    for (size_t i = 0; i < count; i += 40)
        assert_ok(sb_tree_put(w->txn, &w->tree, items[i + 1].key, items[i + 1].value, &err));
    for (size_t n = 1000; n <= 10000; n *= 10) {
        const size_t before = w->alloc.alloc_count;
        assert_ok(sb_tree_put_many(w->txn, &w->tree, half, n, &err));
        for (size_t i = 0; i < n; i++)
            assert_ok(sb_tree_put(w->txn, &w->tree, half[i].key, half[i].value, &err));
        assert_int_equal(w->alloc.alloc_count - before, 0);
    }
    free(half);
    free(items);
    free_world(w);
}

static void test_tree_slotted__put_many_rules(void **state)
{
    (void)state;
    world *w = make_world(8192);
    const sb_item wrong[] = {{sb_bytes_of("b", 1), sb_bytes_of("1", 1)},
                             {sb_bytes_of("a", 1), sb_bytes_of("2", 1)}};
    assert_int_equal(sb_tree_put_many(w->txn, &w->tree, wrong, 2, &err), SB_MISUSE);
    sb_err_clear(&err);
    /* Out of order across leaves and slices, too. */
    static uint8_t bytes[8 * 50000];
    sb_item *items = make_items(bytes, 50000, 1);
    const sb_item kept = items[49999];
    items[49999] = items[3];
    assert_int_equal(sb_tree_put_many(w->txn, &w->tree, items, 50000, &err), SB_MISUSE);
    sb_err_clear(&err);
    items[49999] = kept;
    /* Of equal keys the last wins: few of them and many, new and already there. */
    for (unsigned round = 0; round < 2; round++) {
        sb_item *same = (sb_item *)malloc(60000 * sizeof *same);
        assert_non_null(same);
        for (size_t i = 0; i < 60000; i++) {
            same[i].key = i < 30000 ? items[100].key : items[200 + i / 30].key;
            same[i].value = items[i % 50000].value;
        }
        assert_ok(sb_tree_put_many(w->txn, &w->tree, same, 60000, &err));
        sb_page hold;
        sb_bytes value;
        bool found;
        assert_ok(sb_tree_get(w->txn, &w->tree, items[100].key, &hold, &value, &found, &err));
        assert_true(found);
        assert_bytes(value, items[29999].value);
        sb_page_release(w->txn, &hold);
        assert_ok(sb_tree_get(w->txn, &w->tree, items[200 + 59999 / 30].key, &hold, &value, &found,
                              &err));
        assert_true(found);
        assert_bytes(value, items[59999 % 50000].value);
        sb_page_release(w->txn, &hold);
        free(same);
    }
    const sb_item twice[] = {{sb_bytes_of("k", 1), sb_bytes_of("1", 1)},
                             {sb_bytes_of("k", 1), sb_bytes_of("22", 2)}};
    assert_ok(sb_tree_put_many(w->txn, &w->tree, twice, 2, &err));
    sb_page hold;
    sb_bytes value;
    bool found;
    assert_ok(sb_tree_get(w->txn, &w->tree, sb_bytes_of("k", 1), &hold, &value, &found, &err));
    assert_bytes(value, sb_bytes_of("22", 2));
    sb_page_release(w->txn, &hold);
    free(items);
    free_world(w);
}

static void test_tree_slotted__limits(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {4096, 8192, 65536};
    for (unsigned k = 0; k < 3; k++) {
        world *w = make_world(sizes[k]);
        const uint32_t limit = sb_tree_key_limit(sizes[k]);
        uint8_t *key = (uint8_t *)calloc(1, limit + 1), *value = (uint8_t *)calloc(1, limit + 1);
        bool found;
        assert_true(limit >= sizes[k] / 4 - 64 && sb_tree_value_limit(sizes[k]) == limit);
        assert_int_equal(
            sb_tree_put(w->txn, &w->tree, sb_bytes_of(key, limit + 1), sb_bytes_of(value, 0), &err),
            SB_LIMIT);
        sb_err_clear(&err);
        assert_int_equal(
            sb_tree_put(w->txn, &w->tree, sb_bytes_of(key, 1), sb_bytes_of(value, limit + 1), &err),
            SB_LIMIT);
        sb_err_clear(&err);
        assert_int_equal(
            sb_tree_put(w->txn, &w->tree, sb_bytes_of(key, 0), sb_bytes_of(value, 1), &err),
            SB_LIMIT);
        sb_err_clear(&err);
        /* Longest keys, differing only at the end or only at the beginning, with longest values: the worst fences. */
        for (unsigned i = 0; i < 300; i++) {
            key[i % 2 == 0 ? 0 : limit - 1] = (uint8_t)sb_random_below(&w->random, 256);
            assert_ok(sb_tree_put(w->txn, &w->tree, sb_bytes_of(key, limit),
                                  sb_bytes_of(value, i % 3 == 0 ? limit : 0), &err));
            map_put(&w->want, sb_bytes_of(key, limit), sb_bytes_of(value, i % 3 == 0 ? limit : 0));
        }
        (void)verify(w);
        compare_all(w, w->txn);
        while (w->want.count > 0) {
            const sb_bytes last = key_of(w->want.items[w->want.count / 2]);
            memcpy(key, last.data, limit);
            assert_ok(sb_tree_delete(w->txn, &w->tree, sb_bytes_of(key, limit), &found, &err));
            assert_true(found && map_delete(&w->want, sb_bytes_of(key, limit)));
            if (w->want.count % 16 == 0) (void)verify(w);
        }
        free(value);
        free(key);
        free_world(w);
    }
}

/* Ascending puts leave full pages behind (but for the prefix that a closed page gains), descending ones halves. */
static void test_tree_slotted__right_edge(void **state)
{
    (void)state;
    static uint8_t bytes[8 * 30000];
    world *w = make_world(8192);
    sb_item *items = make_items(bytes, 30000, 1);
    for (size_t i = 0; i < 30000; i++)
        assert_ok(sb_tree_put(w->txn, &w->tree, items[i].key, items[i].value, &err));
    const sb_tree_stats stats = verify_count(w, 30000);
    assert_true(stats.leaf_used_bytes >= stats.leaf_pages * 8192 * 7 / 10);
    assert_holds_items(w, items, 30000);
    free(items);
    free_world(w);
}

/* A cursor of a write transaction keeps its place while everything around it changes, also by rolling back. */
static void test_tree_slotted__cursor_in_changing_tree(void **state)
{
    (void)state;
    static uint8_t bytes[8 * 20000];
    world *w = make_world(4096);
    sb_item *items = make_items(bytes, 20000, 1);
    assert_ok(sb_tree_put_many(w->txn, &w->tree, items, 20000, &err));
    sb_cursor *cursor;
    bool found;
    assert_ok(sb_cursor_open(w->txn, &w->tree, &cursor, &err));
    assert_ok(sb_cursor_seek(cursor, items[5000].key, &found, &err));
    for (size_t i = 4000; i < 9000; i++) {
        bool deleted;
        assert_ok(sb_tree_delete(w->txn, &w->tree, items[i].key, &deleted, &err));
        assert_true(deleted);
    }
    assert_bytes(sb_cursor_key(cursor), items[5000].key);
    assert_bytes(sb_cursor_value(cursor), items[5000].value);
    assert_ok(sb_cursor_next(cursor, &found, &err));
    assert_true(found);
    assert_bytes(sb_cursor_key(cursor), items[9000].key);
    assert_ok(sb_cursor_prev(cursor, &found, &err));
    assert_bytes(sb_cursor_key(cursor), items[3999].key);
    /* Deleting under the cursor while it walks. */
    for (size_t i = 3999; found && i > 3000; i--) {
        bool deleted;
        assert_bytes(sb_cursor_key(cursor), items[i].key);
        assert_ok(sb_tree_delete(w->txn, &w->tree, sb_cursor_key(cursor), &deleted, &err));
        assert_true(deleted);
        assert_ok(sb_cursor_prev(cursor, &found, &err));
    }
    const sb_tree tree = w->tree;
    uint32_t savepoint;
    assert_ok(sb_txn_savepoint(w->txn, &savepoint, &err));
    for (size_t i = 4000; i < 9000; i++)
        assert_ok(sb_tree_put(w->txn, &w->tree, items[i].key, items[i].value, &err));
    assert_ok(sb_cursor_seek(cursor, items[7000].key, &found, &err));
    assert_true(found);
    assert_ok(sb_txn_rollback_to(w->txn, savepoint, &err));
    w->tree = tree;
    assert_bytes(sb_cursor_key(cursor), items[7000].key);
    assert_ok(sb_cursor_next(cursor, &found, &err));
    assert_true(found);
    assert_bytes(sb_cursor_key(cursor), items[9000].key);
    /* The whole tree goes. */
    assert_ok(sb_tree_clear(w->txn, &w->tree, NULL, NULL, &err));
    assert_ok(sb_cursor_next(cursor, &found, &err));
    assert_false(found);
    sb_cursor_close(cursor);
    free(items);
    (void)verify(w);
    free_world(w);
}

static void test_tree_slotted__build(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 400, 5000, 60000};
    static const uint32_t sizes[] = {4096, 8192, 65536};
    static uint8_t bytes[8 * 60000];
    for (unsigned k = 0; k < 5; k++)
        for (unsigned s = 0; s < 3; s++) {
            world *w = make_world(sizes[s]);
            sb_build *build;
            sb_item *items = make_items(bytes, counts[k], 5);
            const unsigned fill = s == 1 ? 70 : 100;
            assert_ok(sb_build_open(w->txn, &w->tree, fill, &build, &err));
            for (size_t i = 0; i < counts[k]; i += 999)
                assert_ok(sb_build_items(build, items + i,
                                         counts[k] - i < 999 ? counts[k] - i : 999, &err));
            assert_ok(sb_build_finish(build, &err));
            sb_tree_stats stats;
            uint64_t findings = 0;
            const size_t map_bytes = ((size_t)sb_txn_page_count(w->txn) + 7) / 8;
            uint8_t *used = (uint8_t *)calloc(1, map_bytes);
            assert_ok(sb_tree_verify(w->txn, &w->tree, used, print_finding, NULL, &stats, &findings,
                                     &err));
            assert_ok(
                sb_pager_verify(w->txn, used, print_finding, NULL, NULL, NULL, &findings, &err));
            free(used);
            assert_int_equal(findings, 0);
            assert_int_equal(stats.entries, counts[k]);
            if (counts[k] == 60000) {
                const uint64_t percent =
                    stats.leaf_used_bytes * 100 / (stats.leaf_pages * sizes[s]);
                assert_in_range(percent, fill - 10, fill);
            }
            assert_holds_items(w, items, counts[k]);
            commit(w);
            assert_holds_items(w, items, counts[k]);
            /* A built tree is a tree: it can be changed. */
            for (size_t i = 0; i < counts[k]; i += 7) {
                bool found;
                assert_ok(sb_tree_delete(w->txn, &w->tree, items[i].key, &found, &err));
                assert_true(found);
            }
            (void)verify_count(w, counts[k] - (counts[k] + 6) / 7);
            if (counts[k] > 0) {
                assert_int_equal(sb_build_open(w->txn, &w->tree, 100, &build, &err),
                                 w->tree.root == SB_PGNO_NONE ? SB_OK : SB_MISUSE);
                if (w->tree.root == SB_PGNO_NONE) sb_build_abort(build);
                sb_err_clear(&err);
            }
            free(items);
            free_world(w);
        }
    world *w = make_world(8192);
    sb_build *build;
    sb_item *items = make_items(bytes, 50000, 1);
    assert_ok(sb_build_open(w->txn, &w->tree, 100, &build, &err));
    assert_ok(sb_build_items(build, items, 50000, &err));
    assert_int_equal(sb_build_items(build, items + 7, 1, &err), SB_MISUSE);
    sb_err_clear(&err);
    sb_build_abort(build);
    assert_int_equal(w->tree.root, SB_PGNO_NONE);
    free(items);
    free_world(w);
}

/* Each seed part switched off gives the same tree, at its price. */
static void test_tree_slotted__seed_parts_off(void **state)
{
    (void)state;
    static const uint32_t parts[] = {0,
                                     SB_SEED_BUFFER_POOL,
                                     SB_SEED_INLINE_SNAPSHOT,
                                     SB_SEED_PUT_REUSE,
                                     SB_SEED_LEAF_REUSE,
                                     SB_SEED_ALL};
    size_t allocs[6];
    uint64_t descents[6], heap[6];
    for (unsigned k = 0; k < 6; k++) {
        world *w = make_world(8192);
        w->profile.switched_off = parts[k];
        w->random.state = 5;
        for (unsigned i = 0; i < 20; i++)
            put_many_random(w, SHAPE_IDS, 500);
        for (unsigned i = 0; i < 20000; i++)
            one_operation(w, SHAPE_IDS, 30);
        (void)verify(w);
        compare_all(w, w->txn);
        const sb_tree_counters *counters = sb_tree_counters_get(w->txn);
        allocs[k] = w->alloc.alloc_count;
        descents[k] = counters->descents;
        heap[k] = counters->snapshot_heap_allocations;
        free_world(w);
    }
    print_message("allocations: all parts %zu, pool off %zu, inline off %zu, put reuse off %zu, "
                  "leaf reuse off %zu, all off %zu\n",
                  allocs[0], allocs[1], allocs[2], allocs[3], allocs[4], allocs[5]);
    assert_true(allocs[1] > allocs[0] && heap[2] > heap[0] && allocs[3] > allocs[0] + 9000 &&
                descents[4] > descents[0] + 5000);
}

/* ---- Damage and failure --------------------------------------------------------------------------------------------- */

static void count_finding(void *ctx, sb_pgno pgno, const char *message)
{
    (void)pgno;
    (void)message;
    (*(unsigned *)ctx)++;
}

/* A tree whose pages point in circles, into another tree or to nowhere is SB_CORRUPT, and verify says so (rule 7). */
static void test_tree_slotted__damaged_steps(void **state)
{
    (void)state;
    static uint8_t bytes[8 * 50000];
    world *w = make_world(4096);
    sb_item *items = make_items(bytes, 50000, 1);
    sb_tree other = {.id = 10, .kind = SB_TREE_SLOTTED};
    assert_ok(sb_tree_put_many(w->txn, &w->tree, items, 50000, &err));
    assert_ok(sb_tree_put(w->txn, &other, items[0].key, items[0].value, &err));
    assert_true(w->tree.height >= 3);
    uint8_t *root;
    assert_ok(sb_page_mut(w->txn, w->tree.root, &root, &err));
    uint8_t *child = root + sb_slots__cell_at(root, 0);
    const sb_pgno good = sb_load_le32(child);
    const sb_pgno wrong[] = {w->tree.root, other.root, sb_txn_page_count(w->txn) + 5,
                             sb_slots__child(root, 1)};
    for (unsigned i = 0; i < 4; i++) {
        sb_page hold;
        sb_bytes value;
        bool found;
        unsigned reported = 0;
        uint64_t findings = 0;
        sb_tree_stats stats;
        sb_store_le32(child, wrong[i]);
        if (i < 3)
            assert_int_equal(
                sb_tree_get(w->txn, &w->tree, items[0].key, &hold, &value, &found, &err),
                SB_CORRUPT);
        sb_err_clear(&err);
        assert_ok(sb_tree_verify(w->txn, &w->tree, NULL, count_finding, &reported, &stats,
                                 &findings, &err));
        assert_true(findings > 0 && reported == findings);
        if (i != 3) {
            uint32_t savepoint;
            sb_tree copy = w->tree;
            assert_ok(sb_txn_savepoint(w->txn, &savepoint, &err));
            assert_int_equal(sb_tree_clear(w->txn, &copy, NULL, NULL, &err), SB_CORRUPT);
            sb_err_clear(&err);
            assert_ok(sb_txn_rollback_to(w->txn, savepoint, &err));
            assert_ok(sb_page_mut(w->txn, w->tree.root, &root, &err));
            child = root + sb_slots__cell_at(root, 0);
        }
    }
    sb_store_le32(child, good);
    /* A private page that would not pass its check is not walked into. */
    unsigned reported = 0;
    uint64_t findings = 0;
    sb_tree_stats stats;
    const uint16_t length = sb_load_le16(root + SB_SLOTS_BEGIN + SB_SLOT_BYTES + SB_SLOT_LENGTH);
    sb_store_le16(root + SB_SLOTS_BEGIN + SB_SLOT_BYTES + SB_SLOT_LENGTH, 60000);
    assert_ok(
        sb_tree_verify(w->txn, &w->tree, NULL, count_finding, &reported, &stats, &findings, &err));
    assert_true(findings > 0 && stats.leaf_pages == 0);
    sb_store_le16(root + SB_SLOTS_BEGIN + SB_SLOT_BYTES + SB_SLOT_LENGTH, length);
    (void)verify_count(w, 50000);
    free(items);
    free_world(w);
}

/* Every allocation fails once: SB_NOMEM, nothing leaks, and the state before is there after rolling back. */
static void test_tree_slotted__allocation_failures(void **state)
{
    (void)state;
    static uint8_t bytes[8 * 6000];
    sb_item *items = make_items(bytes, 6000, 1);
    size_t failures = 0;
    for (size_t n = 1;; n++) {
        world *w = make_world(4096);
        assert_ok(sb_tree_put_many(w->txn, &w->tree, items, 1500, &err));
        commit(w);
        const sb_tree tree = w->tree;
        uint32_t savepoint;
        assert_ok(sb_txn_savepoint(w->txn, &savepoint, &err));
        w->alloc.fail_at = w->alloc.alloc_count + n;
        bool found;
        sb_cursor *cursor = NULL;
        sb_build *build = NULL;
        sb_tree built = {.id = 11, .kind = SB_TREE_SLOTTED};
        sb_status st = sb_tree_put_many(w->txn, &w->tree, items + 1000, 5000, &err);
        for (size_t i = 0; st == SB_OK && i < 3000; i += 2)
            st = sb_tree_delete(w->txn, &w->tree, items[i].key, &found, &err);
        for (size_t i = 0; st == SB_OK && i < 3000; i += 3)
            st = sb_tree_put(w->txn, &w->tree, items[i].key, sb_bytes_of(bytes, i % 90), &err);
        if (st == SB_OK) st = sb_cursor_open(w->txn, &w->tree, &cursor, &err);
        if (st == SB_OK) st = sb_cursor_first(cursor, &found, &err);
        sb_cursor_close(cursor);
        if (st == SB_OK) st = sb_build_open(w->txn, &built, 100, &build, &err);
        if (st == SB_OK) st = sb_build_items(build, items, 4000, &err);
        if (st == SB_OK)
            st = sb_build_finish(build, &err);
        else
            sb_build_abort(build);
        w->alloc.fail_at = 0;
        if (st == SB_OK) {
            free_world(w);
            break;
        }
        failures++;
        assert_int_equal(st, SB_NOMEM);
        sb_err_clear(&err);
        assert_ok(sb_txn_rollback_to(w->txn, savepoint, &err));
        w->tree = tree;
        if (n % 16 == 1) {
            (void)verify_count(w, 1500);
            assert_holds_items(w, items, 1500);
            assert_ok(sb_tree_put_many(w->txn, &w->tree, items, 6000, &err));
            assert_holds_items(w, items, 6000);
        }
        free_world(w);
    }
    print_message("%zu allocations failed in turn\n", failures);
#if defined(NDEBUG) && !SB_SANITIZED_MEMORY
    assert_true(failures > 10); /* buffers of pages come in runs */
#else
    assert_true(failures > 30);
#endif
    free(items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_tree_slotted__model_ids),       TEST(test_tree_slotted__model_words),
        TEST(test_tree_slotted__model_zeros),     TEST(test_tree_slotted__model_long),
        TEST(test_tree_slotted__put_many_sorted), TEST(test_tree_slotted__no_allocation_per_item),
        TEST(test_tree_slotted__put_many_rules),  TEST(test_tree_slotted__limits),
        TEST(test_tree_slotted__right_edge),      TEST(test_tree_slotted__cursor_in_changing_tree),
        TEST(test_tree_slotted__build),           TEST(test_tree_slotted__seed_parts_off),
        TEST(test_tree_slotted__damaged_steps),   TEST(test_tree_slotted__allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
