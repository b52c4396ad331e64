/* test_property_index.c — property indexes of one to three keys against a plain array of entries: look-ups, scans of every kind of range in
 * both directions, deletion while scanning, cut keys, misuse, damage. */
#include "store_fixture.h"

#include "store/index_priv.h"
#include "support/random_value.h"

#define ENTRIES_MAX 3000u
#define KEYS_MAX    3u

typedef struct entry {
    sb_value values[KEYS_MAX];
    uint64_t id;
} entry;

typedef struct model {
    store_fixture f;
    sb_random random;
    sb_arena *arena;
    uint32_t schema;
    size_t key_count;
    entry entries[ENTRIES_MAX]; /* in no order */
    size_t count;
    sb_buffer key;
} model;

static uint32_t add_index(store_fixture *f, size_t key_count)
{
    static const char *const names[] = {"a", "b", "c"};
    sb_schema definition = {
        .kind = SB_SCHEMA_INDEX, .name = text("index"), .key_count = (uint32_t)key_count};
    uint32_t id = 0;

    definition.entity = intern(f, SB_NAME_LABEL, "Label");
    for (size_t i = 0; i < key_count; i++)
        definition.keys[i] = intern(f, SB_NAME_KEY, names[i]);
    OK(f, sb_schema_add(f->view, &definition, &id, &f->err));
    return id;
}

/* Small integers often, so that values of leading keys repeat; long texts sometimes, which are cut. */
static sb_value index_value(model *m, size_t limit)
{
    sb_value value = {.type = SB_TYPE_INT,
                      .as.integer = (int64_t)sb_random_below(&m->random, 6) - 3};

    switch (sb_random_below(&m->random, 6)) {
    case 0:
    case 1:
    case 2: return value;
    case 3: {
        const size_t same = limit - 20 + sb_random_below(&m->random, 6);
        const sb_bytes end = random_text(&m->random, m->arena, sb_random_below(&m->random, 3));
        uint8_t *bytes = sb_arena_alloc(m->arena, same + end.size);
        memset(bytes, 'x', same);
        memcpy(bytes + same, end.data, end.size);
        value = (sb_value){.type = SB_TYPE_STRING};
        value.as.bytes.data = bytes;
        value.as.bytes.size = same + end.size;
        return value;
    }
    default: return random_value(&m->random, m->arena);
    }
}

static void put_entry(model *m, const entry *e)
{
    store_fixture *f = &m->f;
    bool cut;

    sb_buffer_reset(&m->key);
    OK(f, sb_index_key(f->view, m->schema, e->values, m->key_count, e->id, &m->key, &cut, &f->err));
    uint64_t id;
    OK(f, sb_index_entry_id(sb_buffer_bytes(&m->key), &id, &f->err));
    assert_int_equal(id, e->id);
    OK(f, sb_tree_put(f->txn, sb_schema_tree(f->view, m->schema), sb_buffer_bytes(&m->key),
                      (sb_bytes){0}, &f->err));
}

static void delete_entry(model *m, const entry *e)
{
    store_fixture *f = &m->f;
    bool cut, found;

    sb_buffer_reset(&m->key);
    OK(f, sb_index_key(f->view, m->schema, e->values, m->key_count, e->id, &m->key, &cut, &f->err));
    OK(f, sb_tree_delete(f->txn, sb_schema_tree(f->view, m->schema), sb_buffer_bytes(&m->key),
                         &found, &f->err));
    assert_true(found);
}

static size_t limit_of(model *m)
{
    size_t limit;

    OK(&m->f, sb_index__value_limit(m->f.view, m->key_count, &limit, &m->f.err));
    return limit;
}

static void fill(model *m, uint32_t page_bytes, size_t key_count, size_t count)
{
    store_fixture *f = &m->f;

    m->random = test_random(20261122);
    m->arena = sb_arena_create(&sb_allocator_libc, NULL);
    sb_buffer_init(&m->key, &sb_allocator_libc);
    fixture_open(f, page_bytes);
    begin_write(f);
    m->key_count = key_count;
    m->schema = add_index(f, key_count);
    const size_t limit = limit_of(m);
    for (size_t i = 0; i < count; i++) {
        entry *e = &m->entries[m->count++];
        for (size_t k = 0; k < key_count; k++)
            e->values[k] = index_value(m, limit);
        e->id = sb_random_below(&m->random, 4) == 0 ? SB_ID_MAX - i : i + 1;
        put_entry(m, e);
    }
}

static void drop(model *m)
{
    if (m->f.txn != NULL) rollback(&m->f);
    fixture_close(&m->f);
    sb_buffer_deinit(&m->key);
    sb_arena_destroy(m->arena);
    free(m);
}

static bool values_equal(const sb_value *a, const sb_value *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!sb_value_equal(&a[i], &b[i])) return false;
    }
    return true;
}

static entry *entry_of(model *m, uint64_t id)
{
    for (size_t i = 0; i < m->count; i++) {
        if (m->entries[i].id == id) return &m->entries[i];
    }
    return NULL;
}

/* ---- Look-ups ------------------------------------------------------------------------------------ */

static void compare_lookup(model *m)
{
    store_fixture *f = &m->f;
    const bool known = m->count > 0 && sb_random_below(&m->random, 2) == 0;
    const size_t limit = limit_of(m);
    sb_value values[KEYS_MAX];
    uint64_t least = 0, id;
    bool cut;

    for (size_t k = 0; k < m->key_count; k++)
        values[k] = known ? m->entries[sb_random_below(&m->random, m->count)].values[k]
                          : index_value(m, limit);
    if (known && m->key_count > 1) {
        const size_t i = sb_random_below(&m->random, m->count);
        memcpy(values, m->entries[i].values, sizeof values);
    }
    for (size_t i = 0; i < m->count; i++) {
        if (values_equal(m->entries[i].values, values, m->key_count) &&
            (least == 0 || m->entries[i].id < least))
            least = m->entries[i].id;
    }
    OK(f, sb_index_lookup(f->view, m->schema, values, m->key_count, &id, &cut, &f->err));
    assert_int_equal(id, least);
}

/* A batch gives what single look-ups give. */
static void compare_many(model *m)
{
    static sb_value values[200 * KEYS_MAX];
    static uint64_t ids[200];
    store_fixture *f = &m->f;
    const size_t count = sb_random_below(&m->random, 200), limit = limit_of(m);
    bool any_cut, cut, expect_cut = false;

    for (size_t i = 0; i < count; i++) {
        sb_value *v = values + i * m->key_count;
        for (size_t k = 0; k < m->key_count; k++)
            v[k] = sb_random_below(&m->random, 20) == 0 ? SB_VALUE_NULL : index_value(m, limit);
        if (sb_random_below(&m->random, 3) != 0)
            memcpy(v, m->entries[sb_random_below(&m->random, m->count)].values,
                   m->key_count * sizeof *v);
    }
    OK(f, sb_index_lookup_many(f->view, m->schema, values, count, ids, &any_cut, &f->err));
    for (size_t i = 0; i < count; i++) {
        uint64_t id;
        OK(f, sb_index_lookup(f->view, m->schema, values + i * m->key_count, m->key_count, &id,
                              &cut, &f->err));
        assert_int_equal(ids[i], id);
        if (id != 0) expect_cut |= cut;
    }
    if (expect_cut) assert_true(any_cut);
}

static void test_store_property_index__lookup(void **state)
{
    (void)state;
    for (size_t keys = 1; keys <= KEYS_MAX; keys++) {
        model *m = calloc(1, sizeof *m);
        fill(m, keys == 2 ? 8192 : 4096, keys, ENTRIES_MAX);
        for (int i = 0; i < 1000; i++)
            compare_lookup(m);
        commit(&m->f);
        reopen(&m->f);
        begin_read(&m->f);
        for (int i = 0; i < 1000; i++)
            compare_lookup(m);
        for (int i = 0; i < 100; i++)
            compare_many(m);
        drop(m);
    }
}

/* One value on many leaves: the first of its ids, while they go from the front. A separator between two of its entries stays when the
 * entries before it are gone: the look-up then comes to a leaf that has none and goes on to the next. */
static void test_store_property_index__first_of_many(void **state)
{
    model *m = calloc(1, sizeof *m);
    store_fixture *f = &m->f;
    const sb_value values[1] = {{.type = SB_TYPE_INT, .as.integer = 5}};
    entry e = {.values = {values[0]}};
    uint64_t id;
    bool cut;

    (void)state;
    fill(m, 4096, 1, 0);
    for (e.id = 1; e.id <= 3000; e.id++)
        put_entry(m, &e);
    e.values[0].as.integer = 4; /* keeps the first leaf from going */
    e.id = 1;
    put_entry(m, &e);
    e.values[0].as.integer = 5;
    for (e.id = 1; e.id <= 3000; e.id++) {
        OK(f, sb_index_lookup(f->view, m->schema, values, 1, &id, &cut, &f->err));
        assert_int_equal(id, e.id);
        OK(f, sb_index_lookup_many(f->view, m->schema, values, 1, &id, &cut, &f->err));
        assert_int_equal(id, e.id);
        delete_entry(m, &e);
    }
    OK(f, sb_index_lookup(f->view, m->schema, values, 1, &id, &cut, &f->err));
    assert_int_equal(id, 0);
    drop(m);
}

/* ---- Scans ------------------------------------------------------------------------------------------ */

static bool in_class(const sb_value *value, const sb_value *bound)
{
    return sb_value__rank(value) == sb_value__rank(bound);
}

/* What the range means, said with sb_value_compare. */
static bool in_range(const entry *e, const sb_index_range *range)
{
    const sb_value *next = &e->values[range->equal_count];

    if (!values_equal(e->values, range->equal, range->equal_count)) return false;
    if (range->low != NULL) {
        const int order = sb_value_compare(next, range->low);
        if (!in_class(next, range->low) || sb_value__has_nan(range->low)) return false;
        if (order < 0 || (order == 0 && !range->low_inclusive)) return false;
    }
    if (range->high != NULL) {
        const int order = sb_value_compare(next, range->high);
        if (!in_class(next, range->high) || sb_value__has_nan(range->high)) return false;
        if (order > 0 || (order == 0 && !range->high_inclusive)) return false;
    }
    return true;
}

static int compare_entries(const model *m, const entry *a, const entry *b)
{
    for (size_t k = 0; k < m->key_count; k++) {
        const int order = sb_value_compare(&a->values[k], &b->values[k]);
        if (order != 0) return order;
    }
    return (a->id > b->id) - (a->id < b->id);
}

static bool is_cut(model *m, const entry *e)
{
    bool cut;

    sb_buffer_reset(&m->key);
    OK(&m->f,
       sb_index_key(m->f.view, m->schema, e->values, m->key_count, 0, &m->key, &cut, &m->f.err));
    return cut;
}

static void random_range(model *m, sb_value bounds[KEYS_MAX + 2], sb_index_range *range)
{
    const size_t limit = limit_of(m);

    *range = (sb_index_range){.equal = bounds,
                              .equal_count = sb_random_below(&m->random, m->key_count + 1)};
    for (size_t i = 0; i < KEYS_MAX + 2; i++)
        bounds[i] = index_value(m, limit);
    if (sb_random_below(&m->random, 2) == 0)
        memcpy(bounds, m->entries[sb_random_below(&m->random, m->count)].values,
               sizeof(sb_value) * KEYS_MAX);
    if (range->equal_count < m->key_count) {
        sb_value *low = &bounds[KEYS_MAX], *high = &bounds[KEYS_MAX + 1];
        if (sb_random_below(&m->random, 3) != 0) range->low = low;
        if (sb_random_below(&m->random, 3) != 0) range->high = high;
        /* Of one class mostly, and in order. */
        while (sb_random_below(&m->random, 16) != 0 && !in_class(low, high))
            *high = index_value(m, limit);
        if (sb_value_compare(low, high) > 0 && sb_random_below(&m->random, 8) != 0) {
            const sb_value swap = *low;
            *low = *high;
            *high = swap;
        }
    }
    range->low_inclusive = sb_random_below(&m->random, 2) == 0;
    range->high_inclusive = sb_random_below(&m->random, 2) == 0;
    range->descending = sb_random_below(&m->random, 2) == 0;
}

/* Every entry of the range comes once; others come only in batches that say that a key is cut. In order, but for cut ones. */
static void compare_scan(model *m)
{
    store_fixture *f = &m->f;
    const size_t capacity = 1 + sb_random_below(&m->random, 200);
    static uint64_t ids[200];
    static sb_bytes keys[200];
    static bool seen[ENTRIES_MAX];
    sb_value bounds[KEYS_MAX + 2];
    sb_index_range range;
    sb_index_scan *scan;
    size_t count, matching = 0, expected = 0;
    const entry *last = NULL;

    memset(seen, 0, sizeof seen);
    random_range(m, bounds, &range);
    for (size_t i = 0; i < m->count; i++)
        expected += in_range(&m->entries[i], &range);
    OK(f, sb_index_scan_open(f->view, m->schema, &range, &scan, &f->err));
    do {
        OK(f, sb_index_scan_next(scan, ids, keys, capacity, &count, &f->err));
        for (size_t i = 0; i < count; i++) {
            entry *e = entry_of(m, ids[i]);
            uint64_t id;
            assert_non_null(e);
            OK(f, sb_index_entry_id(keys[i], &id, &f->err));
            assert_int_equal(id, ids[i]);
            assert_false(seen[e - m->entries]);
            seen[e - m->entries] = true;
            const bool cut = is_cut(m, e);
            if (cut) assert_true(sb_index_scan_cut(scan));
            if (!in_range(e, &range)) {
                assert_true(cut);
                continue;
            }
            matching++;
            if (!cut) {
                const int order = last == NULL ? -1 : compare_entries(m, last, e);
                assert_true(range.descending ? last == NULL || order > 0 : order < 0);
                last = e;
            }
        }
    } while (count > 0);
    sb_index_scan_close(scan);
    assert_int_equal(matching, expected);
}

static void test_store_property_index__scan(void **state)
{
    (void)state;
    for (size_t keys = 1; keys <= KEYS_MAX; keys++) {
        model *m = calloc(1, sizeof *m);
        fill(m, 4096, keys, 1000);
        for (int i = 0; i < 1500; i++)
            compare_scan(m);
        drop(m);
    }
}

/* Everything that a scan hands out is deleted before it goes on. */
static void test_store_property_index__delete_while_scanning(void **state)
{
    model *m = calloc(1, sizeof *m);
    store_fixture *f = &m->f;
    uint64_t ids[37];
    size_t count, total = 0;

    (void)state;
    fill(m, 4096, 1, 2000);
    for (int descending = 0; descending < 2; descending++) {
        const sb_index_range all = {.descending = descending != 0};
        sb_index_scan *scan;
        OK(f, sb_index_scan_open(f->view, m->schema, &all, &scan, &f->err));
        while (total < (descending != 0 ? 2000u : 1000u)) {
            OK(f, sb_index_scan_next(scan, ids, NULL, 37, &count, &f->err));
            if (count == 0) break;
            for (size_t i = 0; i < count; i++)
                delete_entry(m, entry_of(m, ids[i]));
            total += count;
        }
        sb_index_scan_close(scan);
    }
    assert_int_equal(total, 2000);
    assert_int_equal(sb_schema_tree(f->view, m->schema)->root, SB_PGNO_NONE);
    drop(m);
}

/* ---- Edges -------------------------------------------------------------------------------------------- */

static void test_store_property_index__nothing_matches(void **state)
{
    model *m = calloc(1, sizeof *m);
    store_fixture *f = &m->f;
    const sb_value nan = {.type = SB_TYPE_FLOAT, .as.real = (double)NAN}, null = SB_VALUE_NULL;
    const sb_value one = {.type = SB_TYPE_INT, .as.integer = 1}, word = {.type = SB_TYPE_STRING};
    const sb_index_range ranges[] = {
        {.equal = &nan, .equal_count = 1},
        {.equal = &null, .equal_count = 1},
        {.low = &nan},
        {.high = &null},
        {.low = &one, .high = &word},
    };
    uint64_t id;
    size_t count;
    bool cut;

    (void)state;
    fill(m, 4096, 1, 0);
    const entry e = {.values = {nan}, .id = 7};
    put_entry(m, &e);
    OK(f, sb_index_lookup(f->view, m->schema, &nan, 1, &id, &cut, &f->err));
    assert_int_equal(id, 0);
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        sb_index_scan *scan;
        OK(f, sb_index_scan_open(f->view, m->schema, &ranges[i], &scan, &f->err));
        OK(f, sb_index_scan_next(scan, &id, NULL, 1, &count, &f->err));
        assert_int_equal(count, 0);
        sb_index_scan_close(scan);
    }
    drop(m);
}

static void test_store_property_index__misuse(void **state)
{
    model *m = calloc(1, sizeof *m);
    store_fixture *f = &m->f;
    const sb_value values[3] = {{.type = SB_TYPE_INT}, SB_VALUE_NULL, {.type = SB_TYPE_INT}};
    const sb_index_range range = {.equal = values, .equal_count = 3};
    sb_index_scan *scan;
    uint64_t id;
    bool cut;

    (void)state;
    fill(m, 4096, 2, 0);
    FAILS(f, sb_index_key(f->view, m->schema, values, 2, 1, &m->key, &cut, &f->err), SB_MISUSE);
    FAILS(f, sb_index_key(f->view, m->schema, values, 3, 1, &m->key, &cut, &f->err), SB_MISUSE);
    FAILS(f, sb_index_key(f->view, m->schema, values, 1, 1, &m->key, &cut, &f->err), SB_MISUSE);
    FAILS(f, sb_index_key(f->view, m->schema, values, 1, SB_ID_MAX + 1, &m->key, &cut, &f->err),
          SB_MISUSE);
    FAILS(f, sb_index_key(f->view, 99, values, 1, 0, &m->key, &cut, &f->err), SB_NOT_FOUND);
    FAILS(f, sb_index_lookup(f->view, m->schema, values, 1, &id, &cut, &f->err), SB_MISUSE);
    FAILS(f, sb_index_scan_open(f->view, m->schema, &range, &scan, &f->err), SB_MISUSE);
    assert_null(scan);
    assert_int_equal(m->key.size, 0);
    OK(f, sb_index_key(f->view, m->schema, values, 1, 0, &m->key, &cut, &f->err)); /* a prefix */
    assert_int_equal(m->key.size, 1);
    drop(m);
}

static void test_store_property_index__damaged(void **state)
{
    model *m = calloc(1, sizeof *m);
    store_fixture *f = &m->f;
    const sb_value one = {.type = SB_TYPE_INT, .as.integer = 1};
    const sb_index_range all = {.equal_count = 0};
    static const uint8_t keys[][9] = {
        {0x91, 2, 0, 0, 0, 0, 0},       /* id 0 */
        {0x91, 2, 1, 1, 1, 1},          /* cut short */
        {0x91, 2, 1, 1, 1, 1, 1, 1, 1}, /* too long */
    };
    static const size_t sizes[] = {7, 6, 9};
    uint64_t id;
    bool cut;

    (void)state;
    fill(m, 4096, 1, 0);
    sb_tree *tree = sb_schema_tree(f->view, m->schema);
    for (size_t i = 0; i < 3; i++) {
        bool found;
        OK(f, sb_tree_put(f->txn, tree, sb_bytes_of(keys[i], sizes[i]), (sb_bytes){0}, &f->err));
        FAILS(f, sb_index_lookup(f->view, m->schema, &one, 1, &id, &cut, &f->err), SB_CORRUPT);
        assert_int_equal(id, 0);
        FAILS(f, sb_index_lookup_many(f->view, m->schema, &one, 1, &id, &cut, &f->err), SB_CORRUPT);
        OK(f, sb_tree_delete(f->txn, tree, sb_bytes_of(keys[i], sizes[i]), &found, &f->err));
    }
    OK(f, sb_tree_put(f->txn, tree, sb_bytes_of(keys[1], 3), (sb_bytes){0}, &f->err));
    sb_index_scan *scan;
    size_t count;
    OK(f, sb_index_scan_open(f->view, m->schema, &all, &scan, &f->err));
    FAILS(f, sb_index_scan_next(scan, &id, NULL, 1, &count, &f->err), SB_CORRUPT);
    sb_index_scan_close(scan);
    drop(m);
}

/* The hot path: after the first, a look-up allocates nothing. */
static void test_store_property_index__no_allocation(void **state)
{
    model *m = calloc(1, sizeof *m);
    store_fixture *f = &m->f;
    bool cut;
    uint64_t id;

    (void)state;
    fill(m, 4096, 1, 3000);
    commit(f);
    begin_read(f);
    OK(f, sb_index_lookup(f->view, m->schema, m->entries[0].values, 1, &id, &cut, &f->err));
    OK(f, sb_index_lookup(f->view, m->schema, m->entries[1].values, 1, &id, &cut, &f->err));
    size_t longest = 0;
    for (size_t i = 0; i < m->count; i++) { /* the key's buffer has its full size then */
        sb_buffer_reset(&m->key);
        OK(f, sb_index_key(f->view, m->schema, m->entries[i].values, 1, 0, &m->key, &cut, &f->err));
        if (m->key.size > longest) longest = m->key.size;
        OK(f, sb_index_lookup(f->view, m->schema, m->entries[i].values, 1, &id, &cut, &f->err));
    }
    const size_t before = f->alloc.alloc_count;
    for (size_t i = 0; i < m->count; i++)
        OK(f, sb_index_lookup(f->view, m->schema, m->entries[i].values, 1, &id, &cut, &f->err));
    assert_int_equal(f->alloc.alloc_count, before);
    drop(m);
}

/* Each allocation of a scan fails once: SB_NOMEM, nothing leaked (fixture_close looks), and the scan works afterwards. */
static void test_store_property_index__no_memory(void **state)
{
    model *m = calloc(1, sizeof *m);
    store_fixture *f = &m->f;
    const sb_value low = {.type = SB_TYPE_STRING};
    const sb_index_range range = {.low = &low, .low_inclusive = true};
    sb_bytes keys[50];
    uint64_t ids[50];
    size_t count, failures = 0;
    sb_status st;

    (void)state;
    fill(m, 4096, 1, 500);
    do {
        sb_index_scan *scan;
        f->alloc.fail_at = f->alloc.alloc_count + ++failures;
        st = sb_index_scan_open(f->view, m->schema, &range, &scan, &f->err);
        while (st == SB_OK) {
            st = sb_index_scan_next(scan, ids, keys, 50, &count, &f->err);
            if (count == 0) break;
        }
        sb_index_scan_close(scan);
        assert_true(st == SB_OK || st == SB_NOMEM);
        sb_err_clear(&f->err);
    } while (st == SB_NOMEM);
    assert_true(failures > 3);
    f->alloc.fail_at = 0;
    drop(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_store_property_index__lookup),
        TEST(test_store_property_index__first_of_many),
        TEST(test_store_property_index__scan),
        TEST(test_store_property_index__delete_while_scanning),
        TEST(test_store_property_index__nothing_matches),
        TEST(test_store_property_index__misuse),
        TEST(test_store_property_index__damaged),
        TEST(test_store_property_index__no_allocation),
        TEST(test_store_property_index__no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
