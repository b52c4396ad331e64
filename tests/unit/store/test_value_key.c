/* test_value_key.c — index keys: memcmp order is value order, equal values have equal keys, no key is a prefix of another, keys
 * are read back, cut keys behave, hostile bytes are refused. */
#include "support/unit.h"

#include "support/random_value.h"

typedef struct fixture {
    sb_random random;
    sb_arena *arena;
    sb_buffer a, b;
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);

    f->random = test_random(20261122);
    f->arena = sb_arena_create(&sb_allocator_libc, NULL);
    sb_buffer_init(&f->a, &sb_allocator_libc);
    sb_buffer_init(&f->b, &sb_allocator_libc);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;

    sb_buffer_deinit(&f->a);
    sb_buffer_deinit(&f->b);
    sb_arena_destroy(f->arena);
    free(f);
    return 0;
}

static sb_bytes key_of(const sb_value *value, size_t limit, sb_buffer *buffer, bool *cut)
{
    bool ignored;

    sb_buffer_reset(buffer);
    assert_int_equal(sb_value_append_key(value, limit, buffer, cut != NULL ? cut : &ignored, NULL),
                     SB_OK);
    return sb_buffer_bytes(buffer);
}

static bool is_prefix(sb_bytes a, sb_bytes b)
{
    return a.size < b.size && memcmp(a.data, b.data, a.size) == 0;
}

static int sign(int v)
{
    return (v > 0) - (v < 0);
}

/* One of the same, half of the time: random pairs of different types would test the first byte only. */
static sb_value related_value(fixture *f, const sb_value *a)
{
    sb_value b;

    do {
        b = random_value(&f->random, f->arena);
    } while (sb_random_below(&f->random, 16) != 0 && sb_value__rank(a) != sb_value__rank(&b));
    return b;
}

static void test_store_value_key__order(void **state)
{
    fixture *f = *state;
    int equals = 0;

    for (int round = 0; round < 200000; round++) {
        const sb_value a = random_value(&f->random, f->arena), b = related_value(f, &a);
        const sb_bytes key_a = key_of(&a, 0, &f->a, NULL), key_b = key_of(&b, 0, &f->b, NULL);
        const int order = sign(sb_value_compare(&a, &b));
        if (sign(sb_bytes_compare(key_a, key_b)) != order)
            fail_msg("round %d: %s and %s", round, sb_type_name(a.type), sb_type_name(b.type));
        assert_false(is_prefix(key_a, key_b));
        assert_false(is_prefix(key_b, key_a));
        equals += order == 0;
        sb_arena_reset(f->arena);
    }
    assert_true(equals > 1000);
}

/* Any two numbers, the neighbors of powers of two above all. */
static void test_store_value_key__numbers(void **state)
{
    fixture *f = *state;

    for (int round = 0; round < 300000; round++) {
        sb_value v[2];
        for (int i = 0; i < 2; i++) {
            const bool integer = sb_random_below(&f->random, 2) != 0;
            v[i] = (sb_value){.type = integer ? SB_TYPE_INT : SB_TYPE_FLOAT};
            if (integer) {
                v[i].as.integer = random_int(&f->random);
            } else {
                v[i].as.real = random_real(&f->random);
            }
            if (!integer && sb_random_below(&f->random, 2) != 0)
                v[i].as.real = nextafter((double)random_int(&f->random), random_real(&f->random));
        }
        const sb_bytes a = key_of(&v[0], 0, &f->a, NULL), b = key_of(&v[1], 0, &f->b, NULL);
        assert_int_equal(sign(sb_bytes_compare(a, b)), sign(sb_value_compare(&v[0], &v[1])));
    }
}

static void test_store_value_key__short(void **state)
{
    fixture *f = *state;
    static const struct {
        int64_t v;
        size_t bytes;
    } cases[] = {{0, 1},       {1, 2},         {-1, 2},        {127, 2},
                 {128, 3},     {-127, 2},      {-128, 3},      {32767, 3},
                 {1000000, 4}, {INT32_MAX, 5}, {INT64_MAX, 9}, {INT64_MIN, 9}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const sb_value v = {.type = SB_TYPE_INT, .as.integer = cases[i].v};
        assert_int_equal(key_of(&v, 0, &f->a, NULL).size, cases[i].bytes);
    }
    sb_value text = {.type = SB_TYPE_STRING};
    text.as.bytes.data = "twelve chars";
    text.as.bytes.size = 12;
    assert_int_equal(key_of(&text, 0, &f->a, NULL).size, 14);
}

/* Read back, several in a row: the value compares equal, numbers as integers where they are. */
/* A key as a word is the first bytes of the appended one, and all of it; which have one. */
static void assert_word(fixture *f, int64_t v)
{
    const sb_value value = {.type = SB_TYPE_INT, .as.integer = v};
    const sb_bytes key = key_of(&value, 0, &f->a, NULL);
    const bool is_word = v != 0 && key.size <= 8 && v != INT64_MIN;
    sb_tree_word word;

    assert_int_equal(sb_value__key_word(&value, &word), is_word);
    if (!is_word) return;
    assert_int_equal(word.size, key.size);
    assert_true(word.word == sb_bytes_word(key));
}

static void test_store_value_key__word(void **state)
{
    fixture *f = *state;
    const sb_value real = {.type = SB_TYPE_FLOAT, .as.real = 1};
    sb_tree_word word;

    assert_word(f, 0);
    assert_word(f, INT64_MAX);
    assert_word(f, INT64_MIN);
    for (unsigned bit = 0; bit < 63; bit++)
        for (int64_t v = ((int64_t)1 << bit) - 1; v <= ((int64_t)1 << bit) + 1; v++) {
            assert_word(f, v);
            assert_word(f, -v);
        }
    assert_false(sb_value__key_word(&real, &word));
    assert_false(sb_value__key_word(&SB_VALUE_NULL, &word));
}

static void test_store_value_key__read_back(void **state)
{
    fixture *f = *state;

    for (int round = 0; round < 100000; round++) {
        sb_value v[3], back;
        bool cut, whole;
        sb_buffer_reset(&f->a);
        for (int i = 0; i < 3; i++) {
            v[i] = random_value(&f->random, f->arena);
            assert_int_equal(sb_value_append_key(&v[i], 0, &f->a, &cut, NULL), SB_OK);
            assert_false(cut);
        }
        const uint8_t *pos = f->a.data, *end = pos + f->a.size;
        for (int i = 0; i < 3; i++) {
            assert_int_equal(sb_value_from_key(&pos, end, 0, f->arena, &back, &whole, NULL), SB_OK);
            assert_true(whole);
            if (sb_value_compare(&v[i], &back) != 0)
                fail_msg("round %d: %s", round, sb_type_name(v[i].type));
            assert_int_equal(sb_value__rank(&v[i]), sb_value__rank(&back));
        }
        assert_ptr_equal(pos, end);
        sb_arena_reset(f->arena);
    }
}

static sb_value long_value(fixture *f)
{
    sb_value v = {.type = SB_TYPE_STRING};

    if (sb_random_below(&f->random, 4) == 0) return random_value(&f->random, f->arena);
    /* Long common beginnings, lengths around the limit. */
    const sb_bytes text = random_text(&f->random, f->arena, 1 + sb_random_below(&f->random, 4));
    const size_t same = 30 + sb_random_below(&f->random, 20);
    uint8_t *data = sb_arena_alloc(f->arena, same + text.size);
    memset(data, sb_random_below(&f->random, 8) == 0 ? 1 : 'x', same);
    memcpy(data + same, text.data, text.size);
    v.as.bytes.data = data;
    v.as.bytes.size = same + text.size;
    if (sb_random_below(&f->random, 3) != 0) return v;
    sb_value *items = sb_arena_alloc_array(f->arena, 3, sizeof *items);
    items[0] = sb_random_below(&f->random, 2) == 0 ? v : random_scalar(&f->random, f->arena);
    items[1] = v;
    items[2] = random_scalar(&f->random, f->arena);
    v = (sb_value){.type = SB_TYPE_LIST};
    v.as.list.items = items;
    v.as.list.count = 3;
    return v;
}

/* With a limit: equal keys for equal values and (hashes!) only for them; the order holds unless both are cut and agree in
 * their first bytes; no prefixes; reading tells whole from cut. */
static void test_store_value_key__cut(void **state)
{
    fixture *f = *state;
    const size_t limit = SB_KEY_LIMIT_MIN, first = limit - 16;
    int cuts = 0, ties = 0;

    for (int round = 0; round < 200000; round++) {
        const sb_value a = long_value(f), b = long_value(f);
        bool cut_a, cut_b, whole;
        const sb_bytes key_a = key_of(&a, limit, &f->a, &cut_a);
        const sb_bytes key_b = key_of(&b, limit, &f->b, &cut_b);
        const int order = sign(sb_value_compare(&a, &b)),
                  keys = sign(sb_bytes_compare(key_a, key_b));
        if (cut_a) assert_int_equal(key_a.size, limit);
        if (!cut_a) assert_true(key_a.size <= first);
        assert_int_equal(keys == 0, order == 0);
        if (cut_a && cut_b && memcmp(key_a.data, key_b.data, first) == 0) {
            ties += order != 0;
        } else {
            assert_int_equal(keys, order);
        }
        assert_false(is_prefix(key_a, key_b));
        assert_false(is_prefix(key_b, key_a));
        cuts += cut_a;

        /* An id behind it, as in an index. */
        sb_value back;
        assert_int_equal(sb_buffer_append(&f->a, "\0\0\0\1\2", 5), SB_OK);
        const uint8_t *pos = f->a.data, *end = pos + f->a.size;
        assert_int_equal(sb_value_from_key(&pos, end, limit, f->arena, &back, &whole, NULL), SB_OK);
        assert_int_equal(whole, !cut_a);
        assert_int_equal(end - pos, 5);
        if (whole) assert_int_equal(sb_value_compare(&a, &back), 0);
        if (!whole) assert_int_equal(back.type, SB_TYPE_NULL);
        sb_arena_reset(f->arena);
    }
    assert_true(cuts > 10000);
    assert_true(ties > 1000);
}

/* Fixed sizes are never cut at the smallest limit. */
static void test_store_value_key__longest_fixed(void **state)
{
    fixture *f = *state;
    bool cut;
    const sb_value duration = {.type = SB_TYPE_DURATION,
                               .as.duration = {INT64_MIN, INT64_MAX, INT64_MIN, 999999999}};
    const sb_value point = {.type = SB_TYPE_POINT, .extra = 9157, .as.point = {-1e300, 0.1, -0.0}};
    sb_value back;
    bool whole;

    key_of(&duration, SB_KEY_LIMIT_MIN, &f->a, &cut);
    assert_false(cut);
    const uint8_t *pos = f->a.data;
    assert_int_equal(
        sb_value_from_key(&pos, pos + f->a.size, SB_KEY_LIMIT_MIN, f->arena, &back, &whole, NULL),
        SB_OK);
    assert_true(whole && sb_value_equal(&duration, &back));
    key_of(&point, SB_KEY_LIMIT_MIN, &f->a, &cut);
    assert_false(cut);
    assert_int_equal(sb_value_append_key(&point, SB_KEY_LIMIT_MIN - 1, &f->a, &cut, NULL),
                     SB_MISUSE);
}

/* Whatever is read without complaint writes the same bytes again. */
static void test_store_value_key__hostile(void **state)
{
    fixture *f = *state;

    for (int round = 0; round < 300000; round++) {
        const sb_value value = random_value(&f->random, f->arena);
        const sb_bytes key = key_of(&value, 0, &f->a, NULL);
        size_t size = key.size;
        if (sb_random_below(&f->random, 4) == 0) size = sb_random_below(&f->random, key.size + 1);
        uint8_t *bytes = malloc(size + (size == 0));
        memcpy(bytes, key.data, size);
        for (uint64_t i = sb_random_below(&f->random, 4); i > 0 && size > 0; i--)
            bytes[sb_random_below(&f->random, sb_random_below(&f->random, 2) == 0 ? size : 1)] =
                (uint8_t)sb_random_next(&f->random);
        sb_value back;
        bool whole;
        const uint8_t *pos = bytes;
        const size_t limit = sb_random_below(&f->random, 2) == 0 ? 0 : SB_KEY_LIMIT_MIN;
        const sb_status st =
            sb_value_from_key(&pos, bytes + size, limit, f->arena, &back, &whole, NULL);
        if (st == SB_OK && whole) {
            const sb_bytes again = key_of(&back, 0, &f->b, NULL);
            assert_int_equal(again.size, pos - bytes);
            assert_memory_equal(again.data, bytes, again.size);
        } else if (st == SB_OK) {
            assert_int_equal(pos - bytes, limit);
        } else {
            assert_int_equal(st, SB_CORRUPT);
        }
        free(bytes);
        sb_arena_reset(f->arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_store_value_key__order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_store_value_key__numbers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_store_value_key__short, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_store_value_key__word, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_store_value_key__read_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_store_value_key__cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_store_value_key__longest_fixed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_store_value_key__hostile, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
