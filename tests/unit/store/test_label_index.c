/* test_label_index.c — random batches of ids under several labels against a bitmap for each, with savepoints, commits and
 * new files in between; what is out of order is refused, what is damaged named. */
#include "store_fixture.h"

#include "store/index_priv.h"

#define LABELS  4u
#define ID_SPAN 200000u               /* 49 containers */
#define FAR_ID  (SB_ID_MAX - ID_SPAN) /* the same again at the other end of the ids */

typedef struct model {
    store_fixture f;
    sb_random random;
    uint8_t has[LABELS][2][ID_SPAN / 8 + 1];
} model;

static sb_node_id id_of(size_t half, size_t i)
{
    return half == 0 ? i + 1 : FAR_ID + i;
}

/* A batch in one half: dense, scattered or a few; ascending. */
static size_t random_batch(model *m, size_t half, sb_node_id *ids, size_t *places, size_t capacity)
{
    static const uint64_t steps[] = {1, 2, 7, 300, 9000};
    const uint64_t step = steps[sb_random_below(&m->random, 5)];
    const size_t most = 1 + sb_random_below(&m->random, capacity);
    size_t count = 0;

    for (size_t i = sb_random_below(&m->random, ID_SPAN); i < ID_SPAN && count < most;
         i += 1 + sb_random_below(&m->random, step)) {
        places[count] = i;
        ids[count++] = id_of(half, i);
    }
    return count;
}

static void change(model *m)
{
    static sb_node_id ids[5000];
    static size_t places[5000];
    const size_t label = sb_random_below(&m->random, LABELS), half = sb_random_below(&m->random, 2);
    const bool add = sb_random_below(&m->random, 5) < 3;
    const size_t count = random_batch(m, half, ids, places, 5000);

    for (size_t i = 0; i < count; i++) {
        if (add) {
            sb_bit_set(m->has[label][half], places[i]);
        } else {
            sb_bit_clear(m->has[label][half], places[i]);
        }
    }
    store_fixture *f = &m->f;
    if (add) {
        OK(f, sb_label_index_add(f->view, (sb_label_id)label + 1, ids, count, &f->err));
    } else {
        OK(f, sb_label_index_remove(f->view, (sb_label_id)label + 1, ids, count, &f->err));
    }
}

/* The scan from a random place on with a random capacity gives what the model has. */
static void compare_scan(model *m, size_t label)
{
    static sb_node_id ids[3000];
    store_fixture *f = &m->f;
    const size_t capacity =
        sb_random_below(&m->random, 2) == 0 ? 3000 : 1 + sb_random_below(&m->random, 50);
    size_t limit = 20; /* small batches: not to the end */
    sb_node_id from =
        id_of(0, sb_random_below(&m->random, 2) * sb_random_below(&m->random, ID_SPAN));
    size_t at = (size_t)from - 1, half = 0;

    for (;;) {
        size_t count;
        OK(f, sb_label_index_scan(f->view, (sb_label_id)label + 1, from, ids, capacity, &count,
                                  &f->err));
        for (size_t i = 0; i < count; i++) {
            at = sb_bits_next(m->has[label][half], at, ID_SPAN);
            if (at == ID_SPAN && half == 0) {
                half = 1;
                at = sb_bits_next(m->has[label][half], 0, ID_SPAN);
            }
            assert_true(at < ID_SPAN);
            assert_int_equal(ids[i], id_of(half, at));
            at++;
        }
        if (count < capacity) break;
        if (capacity < 100 && --limit == 0) return;
        from = ids[count - 1] + 1;
    }
    assert_int_equal(sb_bits_next(m->has[label][half], at, ID_SPAN), ID_SPAN);
    if (half == 0) assert_int_equal(sb_bits_next(m->has[label][1], 0, ID_SPAN), ID_SPAN);
}

static void compare_has(model *m)
{
    store_fixture *f = &m->f;

    for (int i = 0; i < 200; i++) {
        const size_t label = sb_random_below(&m->random, LABELS),
                     half = sb_random_below(&m->random, 2);
        const size_t place = sb_random_below(&m->random, ID_SPAN);
        bool has;
        OK(f,
           sb_label_index_has(f->view, (sb_label_id)label + 1, id_of(half, place), &has, &f->err));
        assert_int_equal(has, sb_bit_get(m->has[label][half], place));
    }
}

static void run_model(uint32_t page_bytes, int rounds)
{
    model *m = calloc(1, sizeof *m);
    uint8_t(*saved)[2][ID_SPAN / 8 + 1] = malloc(sizeof m->has);
    store_fixture *f = &m->f;

    m->random = test_random(20261122);
    fixture_open(f, page_bytes);
    begin_write(f);
    for (int round = 0; round < rounds; round++) {
        const bool undo = sb_random_below(&m->random, 4) == 0;
        uint32_t savepoint = 0;
        if (undo) {
            OK(f, sb_txn_savepoint(f->txn, &savepoint, &f->err));
            memcpy(saved, m->has, sizeof m->has);
        }
        for (int i = 0; i < 5; i++)
            change(m);
        if (undo) {
            OK(f, sb_txn_rollback_to(f->txn, savepoint, &f->err));
            OK(f, sb_txn_release(f->txn, savepoint, &f->err));
            memcpy(m->has, saved, sizeof m->has);
        }
        if (sb_random_below(&m->random, 8) == 0) {
            commit(f);
            if (sb_random_below(&m->random, 2) == 0) reopen(f);
            begin_write(f);
        }
        compare_has(m);
        compare_scan(m, sb_random_below(&m->random, LABELS));
    }
    for (size_t label = 0; label < LABELS; label++)
        compare_scan(m, label);
    commit(f);
    fixture_close(f);
    free(saved);
    free(m);
}

static void test_store_label_index__model(void **state)
{
    (void)state;
    run_model(4096, 150);
    run_model(8192, 100);
}

/* Bits of labels in one half of the ids, with containers left out, and in both, which lie too far apart. */
static void test_store_label_index__bits(void **state)
{
    static sb_node_id ids[5000];
    static size_t places[5000];
    model *m = calloc(1, sizeof *m);
    store_fixture *f = &m->f;
    sb_buffer bits;
    sb_node_id first;
    bool fits;

    (void)state;
    sb_buffer_init(&bits, &sb_allocator_libc);
    m->random = test_random(20261128);
    fixture_open(f, 4096);
    begin_write(f);
    for (sb_label_id label = 1; label <= 100; label++) {
        const size_t half = label % 2, count = random_batch(m, half, ids, places, 5000);
        OK(f, sb_label_index_add(f->view, label, ids, count, &f->err));
        sb_buffer_reset(&bits);
        OK(f, sb_label_index_bits(f->view, label, SIZE_MAX, &bits, &first, &fits, &f->err));
        assert_true(fits);
        assert_int_equal(first % SB_CONTAINER_IDS, 0);
        assert_int_equal(first / SB_CONTAINER_IDS, ids[0] / SB_CONTAINER_IDS);
        const size_t bytes = bits.size;
        size_t at = 0;
        for (size_t i = 0; i < 8 * bytes; i++) {
            const bool is = at < count && ids[at] == first + i;
            assert_int_equal(sb_bit_get(bits.data, i), is);
            at += is;
        }
        assert_int_equal(at, count);
        for (size_t less = 0; less < 2; less++) {
            sb_buffer_reset(&bits);
            OK(f, sb_label_index_bits(f->view, label, bytes - less, &bits, &first, &fits, &f->err));
            assert_int_equal(fits, less == 0);
            assert_int_equal(bits.size, less == 0 ? bytes : 0);
        }
        const sb_node_id other = id_of(1 - half, 7);
        sb_buffer_reset(&bits);
        OK(f, sb_label_index_add(f->view, label, &other, 1, &f->err));
        OK(f, sb_label_index_bits(f->view, label, 1 << 20, &bits, &first, &fits, &f->err));
        assert_false(fits);
        assert_int_equal(bits.size, 0);
    }
    OK(f, sb_label_index_bits(f->view, 101, 0, &bits, &first, &fits, &f->err)); /* nobody's */
    assert_true(fits);
    assert_int_equal(bits.size, 0);
    sb_buffer_deinit(&bits);
    rollback(f);
    fixture_close(f);
    free(m);
}

static void test_store_label_index__misuse(void **state)
{
    store_fixture f_, *f = &f_;
    const sb_node_id descending[] = {5, 4}, twice[] = {5, 5}, zero[] = {0, 1},
                     far[] = {SB_ID_MAX, SB_ID_MAX + 1};
    const sb_node_id good[] = {1, SB_ID_MAX};
    sb_node_id ids[4];
    size_t count;
    bool has;

    (void)state;
    fixture_open(f, 4096);
    begin_write(f);
    FAILS(f, sb_label_index_add(f->view, 1, descending, 2, &f->err), SB_MISUSE);
    FAILS(f, sb_label_index_add(f->view, 1, twice, 2, &f->err), SB_MISUSE);
    FAILS(f, sb_label_index_add(f->view, 1, zero, 2, &f->err), SB_MISUSE);
    FAILS(f, sb_label_index_remove(f->view, 1, far, 2, &f->err), SB_MISUSE);
    OK(f, sb_label_index_add(f->view, 1, good, 2, &f->err));
    OK(f, sb_label_index_add(f->view, 1, good, 0, &f->err));
    OK(f, sb_label_index_remove(f->view, 2, good, 2, &f->err)); /* absent ones are skipped */
    OK(f, sb_label_index_scan(f->view, 1, 0, ids, 4, &count, &f->err));
    assert_int_equal(count, 2);
    assert_int_equal(ids[1], SB_ID_MAX);
    OK(f, sb_label_index_scan(f->view, 1, SB_ID_MAX + 1, ids, 4, &count, &f->err));
    assert_int_equal(count, 0);
    OK(f, sb_label_index_has(f->view, 1, SB_ID_MAX + 1, &has, &f->err));
    assert_false(has);
    commit(f);
    begin_read(f);
    FAILS(f, sb_label_index_add(f->view, 1, good, 2, &f->err), SB_READ_ONLY);
    rollback(f);
    fixture_close(f);
}

/* Rows that no version of this writes. */
static void test_store_label_index__damaged(void **state)
{
    store_fixture f_, *f = &f_;
    const uint8_t key[8] = {0, 0, 0, 1, 0, 0, 0, 0}, longer[9] = {0, 0, 0, 2, 0, 0, 0, 0, 0};
    const uint8_t value[] = {1, 9, 0, 8, 0};
    const sb_node_id good[] = {7};
    sb_node_id ids[4];
    size_t count;
    bool has;
    sb_buffer bits;
    sb_node_id first;

    (void)state;
    sb_buffer_init(&bits, &sb_allocator_libc);
    fixture_open(f, 4096);
    begin_write(f);
    sb_tree *tree = sb_store__core_tree(f->view, SB_CORE_LABELS);
    OK(f, sb_tree_put(f->txn, tree, sb_bytes_of(key, 8), sb_bytes_of(value, 5), &f->err));
    OK(f, sb_tree_put(f->txn, tree, sb_bytes_of(longer, 9), sb_bytes_of(value, 3), &f->err));
    FAILS(f, sb_label_index_scan(f->view, 1, 0, ids, 4, &count, &f->err), SB_CORRUPT);
    FAILS(f, sb_label_index_scan(f->view, 2, 0, ids, 4, &count, &f->err), SB_CORRUPT);
    FAILS(f, sb_label_index_add(f->view, 1, good, 1, &f->err), SB_CORRUPT);
    for (sb_label_id label = 1; label <= 2; label++)
        FAILS(f, sb_label_index_bits(f->view, label, SIZE_MAX, &bits, &first, &has, &f->err),
              SB_CORRUPT);
    sb_buffer_deinit(&bits);
    OK(f, sb_tree_put(f->txn, tree, sb_bytes_of(key, 8), sb_bytes_of(value, 2), &f->err));
    FAILS(f, sb_label_index_has(f->view, 1, 9, &has, &f->err), SB_CORRUPT);
    rollback(f);
    fixture_close(f);
}

/* A label on all nodes of dense ids is one run a container. */
static void test_store_label_index__size(void **state)
{
    store_fixture f_, *f = &f_;
    static sb_node_id ids[100000];

    (void)state;
    fixture_open(f, 8192);
    begin_write(f);
    for (size_t i = 0; i < 100000; i++)
        ids[i] = i + 1;
    OK(f, sb_label_index_add(f->view, 1, ids, 100000, &f->err));
    assert_int_equal(sb_store__core_tree(f->view, SB_CORE_LABELS)->height, 1);
    OK(f, sb_label_index_remove(f->view, 1, ids, 100000, &f->err));
    size_t count;
    OK(f, sb_label_index_scan(f->view, 1, 0, ids, 4, &count, &f->err));
    assert_int_equal(count, 0);
    rollback(f);
    fixture_close(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_store_label_index__model),  TEST(test_store_label_index__bits),
        TEST(test_store_label_index__misuse), TEST(test_store_label_index__damaged),
        TEST(test_store_label_index__size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
