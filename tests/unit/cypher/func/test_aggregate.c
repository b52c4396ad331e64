/* test_aggregate.c — aggregation: each aggregate over lists of values, in one state and in two merged ones, which must agree; then
 * limits, wrong types, and lack of memory. */
#include "func_fixture.h"

typedef struct aggregate_case {
    const char *name, *values, *second; /* second: the argument behind the value, or NULL */
    const char *expected;
} aggregate_case;

/* Feed items [from, to) to a fresh state. */
static void *feed(func_fixture *f, const sb_function *function, sb_arena *arena,
                  const sb_val_list *list, const sb_val *second, uint64_t from, uint64_t to)
{
    void *state = sb_arena_alloc_zero(arena, function->aggregate->state_bytes);

    if (state == NULL) {
        fixture_note(f, SB_FAIL_NOMEM(&f->err));
        return NULL;
    }
    for (uint64_t i = from; i < to && f->status == SB_OK; i++) {
        const sb_val args[2] = {list->items[i], second != NULL ? *second : SB_VAL_NULL_VALUE};
        if (args[0].kind == SB_VAL_NULL) continue;
        fixture_note(
            f, function->aggregate->update(&f->ctx, arena, state, args, second != NULL ? 2 : 1));
    }
    return state;
}

/* cut: how many values go to the first of two states; UINT64_MAX: one state. */
static sb_val aggregate(func_fixture *f, const aggregate_case *c, sb_arena *arena, uint64_t cut)
{
    const sb_function *function = sb_function_find(sb_bytes_of(c->name, strlen(c->name)));
    sb_val second = SB_VAL_NULL_VALUE, result = SB_VAL_NULL_VALUE;

    assert_non_null(function);
    const sb_val values = fixture_eval(f, c->values);
    if (f->status == SB_OK && c->second != NULL) second = fixture_eval(f, c->second);
    if (f->status != SB_OK) return result;
    const sb_val_list *list = values.as.list;
    const uint64_t middle = cut < list->count ? cut : list->count;
    const sb_val *extra = c->second != NULL ? &second : NULL;
    void *state = feed(f, function, arena, list, extra, 0, middle);
    if (cut != UINT64_MAX && f->status == SB_OK) {
        /* The other part's arena dies before the end. */
        sb_arena *other_arena = sb_arena_create(&f->counting.base, NULL);
        if (other_arena == NULL) {
            fixture_note(f, SB_FAIL_NOMEM(&f->err));
            return result;
        }
        const void *other = feed(f, function, other_arena, list, extra, middle, list->count);
        if (f->status == SB_OK)
            fixture_note(f, function->aggregate->merge(&f->ctx, arena, state, other));
        sb_arena_destroy(other_arena);
    }
    if (f->status == SB_OK) fixture_note(f, function->aggregate->finish(&f->ctx, state, &result));
    return result;
}

static void check(const aggregate_case *c)
{
    for (uint64_t cut = 0; cut < 8; cut++) {
        func_fixture f;
        fixture_open(&f);
        sb_arena *arena = sb_arena_create(&f.counting.base, NULL);
        assert_non_null(arena);
        const sb_val result = aggregate(&f, c, arena, cut == 7 ? UINT64_MAX : cut);
        if (f.status == SB_OK) {
            assert_int_equal(sb_val_to_literal(result, &f.text, NULL), SB_OK);
        } else {
            assert_int_equal(sb_buffer_printf(&f.text, "%s: %s", sb_cypher_error_type(f.err.detail),
                                              sb_cypher_error_name(f.err.detail)),
                             SB_OK);
        }
        assert_int_equal(sb_buffer_append_byte(&f.text, '\0'), SB_OK);
        if (strcmp((const char *)f.text.data, c->expected) != 0)
            fail_msg("%s of %s is %s, not %s", c->name, c->values, (const char *)f.text.data,
                     c->expected);
        sb_arena_destroy(arena);
        fixture_close(&f);
    }
}

#define CHECK(cases)                                                                               \
    do {                                                                                           \
        (void)state;                                                                               \
        for (size_t i = 0; i < sizeof(cases) / sizeof((cases)[0]); i++)                            \
            check(&(cases)[i]);                                                                    \
    } while (0)

static void test_cypher_func_aggregate__count_and_collect(void **state)
{
    static const aggregate_case cases[] = {
        {"count", "[]", NULL, "0"},
        {"count", "[1, null, 'a']", NULL, "2"},
        {"collect", "[]", NULL, "[]"},
        {"collect", "[1, null, 'a', [2], {b: 3}]", NULL, "[1, 'a', [2], {b: 3}]"},
        {"collect", "range(1, 12)", NULL, "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]"},
    };
    CHECK(cases);
}

static void test_cypher_func_aggregate__sums(void **state)
{
    static const aggregate_case cases[] = {
        {"sum", "[]", NULL, "0"},
        {"sum", "[1, 2, 3]", NULL, "6"},
        {"sum", "[1, 2.5]", NULL, "3.5"},
        {"sum", "[9223372036854775807, 1, -1]", NULL, "9223372036854775807"},
        {"sum", "[9223372036854775807, 1]", NULL, OVERFLOW_ERROR},
        {"sum", "[1e100, 1.0, -1e100]", NULL, "1.0"},
        {"sum", "[Infinity, 1]", NULL, "1.0 / 0.0"},
        {"sum", "[Infinity, -Infinity]", NULL, "0.0 / 0.0"},
        {"sum", "[NaN, 1]", NULL, "0.0 / 0.0"},
        {"sum", "[duration('P1D'), duration('PT25H')]", NULL, "duration('P1DT25H')"},
        {"sum", "[duration({seconds: 9223372036854775807}), duration('PT1S')]", NULL,
         OVERFLOW_ERROR},
        {"sum", "[1, duration('P1D')]", NULL, VALUE_ERROR},
        {"sum", "[1, 'a']", NULL, VALUE_ERROR},
        {"avg", "[]", NULL, "null"},
        {"avg", "[1, 2]", NULL, "1.5"},
        {"avg", "[9223372036854775807, 9223372036854775807]", NULL, "9.223372036854776E18"},
        {"avg", "[1, 2.5, null]", NULL, "1.75"},
        {"avg", "[duration('P1D'), duration('P2D')]", NULL, "duration('P1DT12H')"},
        {"avg", "[true]", NULL, VALUE_ERROR},
    };
    CHECK(cases);
}

static void test_cypher_func_aggregate__extremes(void **state)
{
    static const aggregate_case cases[] = {
        {"min", "[]", NULL, "null"},
        {"max", "[null]", NULL, "null"},
        {"min", "[3, 1.5, 2]", NULL, "1.5"},
        {"max", "[3, 1.5, 2]", NULL, "3"},
        {"max", "['a', 'bb', 'ccc', 'dddd', 'e']", NULL, "'e'"},
        {"min", "['eeee', 'ddd', 'cc', 'b', '']", NULL, "''"},
        {"min", "[[1, 2], [1], [1, null]]", NULL, "[1]"},
        {"max", "[1, 'a', null, [1, 2], 0.2, 'b']", NULL, "1"},
        {"min", "[1, 'a', null, [1, 2], 0.2, 'b']", NULL, "[1, 2]"},
        {"max", "[NaN, 1e300]", NULL, "0.0 / 0.0"},
        {"max", "[date('2020-01-01'), date('2021-01-01')]", NULL, "date('2021-01-01')"},
        {"min", "[{a: 2}, {a: 1}]", NULL, "{a: 1}"},
        {"max", "[datetime('2020-01-01T00:00[Europe/Berlin]')]", NULL,
         "datetime('2020-01-01T00:00+01:00[Europe/Berlin]')"},
    };
    CHECK(cases);
}

static void test_cypher_func_aggregate__percentiles(void **state)
{
    static const aggregate_case cases[] = {
        {"percentileCont", "[10.0, 30.0, 20.0]", "0.0", "10.0"},
        {"percentileCont", "[10.0, 30.0, 20.0]", "0.5", "20.0"},
        {"percentileCont", "[10.0, 30.0, 20.0]", "1.0", "30.0"},
        {"percentileCont", "[10, 20]", "0.25", "12.5"},
        {"percentileCont", "[5]", "0.3", "5.0"},
        {"percentileCont", "[1, Infinity]", "0", "1.0"},
        {"percentileCont", "[]", "0.5", "null"},
        {"percentileDisc", "[10, 30, 20]", "0.0", "10"},
        {"percentileDisc", "[10, 30, 20]", "0.5", "20"},
        {"percentileDisc", "[10, 30, 20]", "1", "30"},
        {"percentileDisc", "[10.5, 30, 20, 40]", "0.5", "20"},
        {"percentileDisc", "[10.5, 30, 20, 40]", "0.51", "30"},
        {"percentileDisc", "[4, 2, 9, 7, 5, 1, 8, 3, 6, 10]", "0.9", "9"},
        {"percentileDisc", "[]", "0.5", "null"},
        {"percentileCont", "[1]", "1.1", RANGE_ERROR},
        {"percentileDisc", "[1]", "-1", RANGE_ERROR},
        {"percentileDisc", "[0.9]", "7", RANGE_ERROR},
        {"percentileDisc", "[1]", "NaN", RANGE_ERROR},
        {"percentileDisc", "[1]", "'a'", VALUE_ERROR},
        {"percentileCont", "['a']", "0.5", VALUE_ERROR},
    };
    CHECK(cases);
}

static void test_cypher_func_aggregate__deviations(void **state)
{
    static const aggregate_case cases[] = {
        {"stDev", "[]", NULL, "0.0"},
        {"stDev", "[5]", NULL, "0.0"},
        {"stDev", "[1, 2, 3]", NULL, "1.0"},
        {"stDevP", "[]", NULL, "0.0"},
        {"stDevP", "[2, 2, 2, 2]", NULL, "0.0"},
        {"stDevP", "[1, 3]", NULL, "1.0"},
        {"stDev", "['a']", NULL, VALUE_ERROR},
        /* neither a distance that no double holds, nor a square, is met on the way to a result that is one */
        {"stDevP", "[1.7e308, -1.7e308]", NULL, "1.7E308"},
        {"stDev", "[1.7e308, 1.7e308]", NULL, "0.0"},
        {"stDev", "[1.7e308, -1.7e308]", NULL, "1.0 / 0.0"},
        {"stDevP", "[0, 1, 1e-300, 4e300, 4e300, 4e300, 4e300, 2]", NULL, "2.0E300"},
        {"stDevP", "[0, 4e-300, 0.0, 4e-300]", NULL, "2.0E-300"},
        {"stDevP", "[0, 6e-324, -6e-324]", NULL, "4.9E-324"},
        {"stDevP", "[0, 0, 0]", NULL, "0.0"},
        {"stDevP", "[1, Infinity, 1e308]", NULL, "0.0 / 0.0"},
        {"stDevP", "[0, NaN]", NULL, "0.0 / 0.0"},
    };
    CHECK(cases);
}

/* Strings in ascending order must not pile up in the arena of max(). */
static void test_cypher_func_aggregate__extremes_reuse_room(void **state)
{
    func_fixture f;
    char text[64];

    (void)state;
    fixture_open(&f);
    const sb_aggregate *max = sb_function_find(sb_bytes_of("max", 3))->aggregate;
    sb_arena *arena = sb_arena_create(&sb_allocator_libc, NULL);
    void *s = sb_arena_alloc_zero(arena, max->state_bytes);
    for (int i = 0; i < 100000; i++) {
        const int size = snprintf(text, sizeof text, "a rather long text %08d", i);
        const sb_val v = sb_val_string(sb_bytes_of(text, (size_t)size));
        assert_int_equal(max->update(&f.ctx, arena, s, &v, 1), SB_OK);
    }
    assert_true(sb_arena_bytes(arena) < 8192);
    sb_val v;
    assert_int_equal(max->finish(&f.ctx, s, &v), SB_OK);
    assert_memory_equal(v.as.text, "a rather long text 00099999", v.aux);
    sb_arena_destroy(arena);
    fixture_close(&f);
}

static void test_cypher_func_aggregate__lack_of_memory(void **state)
{
    static const aggregate_case cases[] = {
        {"collect", "range(1, 40)", NULL, NULL},
        {"max", "['a', 'bb', 'ccc']", NULL, NULL},
        {"min", "[[2], [1]]", NULL, NULL},
        {"percentileDisc", "[3, 1, 2]", "0.5", NULL},
        {"percentileCont", "[3, 1, 2]", "0.5", NULL},
        {"sum", "[duration('P1D')]", NULL, NULL},
        {"avg", "[duration('P1D')]", NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool passed = false;
        for (size_t fail_at = 1; !passed; fail_at++) {
            func_fixture f;
            fixture_open(&f);
            sb_arena *arena = sb_arena_create(&f.counting.base, NULL);
            f.counting.fail_at = f.counting.alloc_count + fail_at;
            (void)aggregate(&f, &cases[i], arena, 2);
            passed = f.status == SB_OK;
            if (!passed) assert_int_equal(f.status, SB_NOMEM);
            sb_arena_destroy(arena);
            fixture_close(&f);
            assert_true(fail_at < 100);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_cypher_func_aggregate__count_and_collect),
        TEST(test_cypher_func_aggregate__sums),
        TEST(test_cypher_func_aggregate__extremes),
        TEST(test_cypher_func_aggregate__percentiles),
        TEST(test_cypher_func_aggregate__deviations),
        TEST(test_cypher_func_aggregate__extremes_reuse_room),
        TEST(test_cypher_func_aggregate__lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
