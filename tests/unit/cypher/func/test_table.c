/* test_table.c — the table of functions: found by name in any case, no name twice, rows that agree with themselves, and no function
 * that falls over any kind of value in any place. */
#include "func_fixture.h"

static void test_cypher_func_table__names(void **state)
{
    char name[64];
    size_t count = 0;

    (void)state;
    for (const sb_function *f; (f = sb_function_at(count)) != NULL; count++) {
        assert_true(strlen(f->name) < sizeof name);
        assert_ptr_equal(sb_function_find(sb_bytes_of(f->name, strlen(f->name))), f);
        for (size_t i = 0; i <= strlen(f->name); i++)
            name[i] = (char)(f->name[i] >= 'a' && f->name[i] <= 'z' ? f->name[i] - 32 : f->name[i]);
        assert_ptr_equal(sb_function_find(sb_bytes_of(name, strlen(name))), f);
        /* The signature begins with the name, the text ends without a full stop. */
        assert_memory_equal(f->signature, f->name, strlen(f->name));
        assert_int_equal(f->signature[strlen(f->name)], '(');
        assert_true(strlen(f->help) >= 3 && f->help[strlen(f->help) - 1] != '.');
        assert_non_null(f->category);
        assert_true(f->min_args <= f->max_args);
        assert_true((f->call == NULL) == (f->aggregate != NULL));
        assert_true(((f->flags & SB_FUNC_AGGREGATE) != 0) == (f->aggregate != NULL));
        assert_true(f->result_kinds != 0 && (f->result_kinds & ~(uint32_t)SB_KIND_ANY) == 0);
        for (unsigned i = 0; i < f->max_args && f->max_args < 8; i++)
            assert_true((f->arg_kinds[i] & ~(uint32_t)SB_KIND_ANY) == 0 &&
                        (f->arg_kinds[i] & SB_KIND_NULL) != 0);
    }
    assert_true(count > 100);
    assert_null(sb_function_find(sb_bytes_of("toUppe", 6)));
    assert_null(sb_function_find(sb_bytes_of("toUpperr", 8)));
    assert_null(sb_function_find(sb_bytes_of("", 0)));
    assert_null(sb_function_at(SIZE_MAX));
}

static sb_status no_property(void *ctx, sb_val entity, sb_bytes key, sb_val *value, sb_err *err)
{
    (void)ctx;
    (void)entity;
    (void)key;
    (void)err;
    *value = SB_VAL_NULL_VALUE;
    return SB_OK;
}

static sb_status no_map(void *ctx, sb_val entity, sb_val *map, sb_err *err)
{
    sb_val_map *made = sb_val_map_make(ctx, 0);

    (void)entity;
    return made == NULL ? SB_FAIL_NOMEM(err) : sb_val_map_seal(made, map, err);
}

static sb_status no_value(void *ctx, sb_val entity, sb_val *value, sb_err *err)
{
    (void)ctx;
    (void)entity;
    (void)err;
    *value = SB_VAL_NULL_VALUE;
    return SB_OK;
}

static sb_status no_ends(void *ctx, sb_val rel, uint64_t *start, uint64_t *end, sb_err *err)
{
    (void)ctx;
    (void)rel;
    (void)err;
    *start = *end = 0;
    return SB_OK;
}

static const char *const VALUES[] = {
    "null",
    "true",
    "0",
    "-1",
    "9223372036854775807",
    "-9223372036854775808",
    "0.5",
    "NaN",
    "-Infinity",
    "1e308",
    "''",
    "'ä b'",
    "'day'",
    "'Europe/Berlin'",
    "'2020-02-29T23:59:59.999999999+18:00'",
    "[]",
    "[1, null, 'x', [2]]",
    "{}",
    "{year: 2020, months: 1, x: 1, nested: {a: 1}}",
    "date('+999999999-12-31')",
    "date('-999999999-01-01')",
    "localtime('23:59:59.999999999')",
    "time('00:00-18:00')",
    "localdatetime('-999999999-01-01T00:00')",
    "datetime('+999999999-12-31T00:00Z')",
    "datetime('2020-06-01T00:00[America/New_York]')",
    "duration({months: 9223372036854775807})",
    "duration({seconds: -9223372036854775808})",
    "point({x: 1, y: 2})",
    "$1",
    "$2",
    "$3",
};
#define VALUE_COUNT (sizeof VALUES / sizeof VALUES[0])

/* A result is of a kind that the table names; a failure is recorded with a detail. */
static void check_result(func_fixture *f, const sb_function *function, sb_status st, sb_val result)
{
    sb_buffer_reset(&f->text);
    if (st == SB_OK) {
        if ((sb_val_kind_bit(result) & function->result_kinds) == 0)
            fail_msg("%s gives a %s", function->name, sb_val_kind_name(result.kind));
        assert_int_equal(sb_val_to_literal(result, &f->text, NULL), SB_OK);
        (void)sb_val_hash(result, 1);
    } else {
        assert_int_equal(f->err.code, st);
        if (st != SB_NOMEM) assert_true(f->err.detail != 0 && f->err.runtime);
    }
    sb_err_clear(&f->err);
}

static void test_cypher_func_table__any_value_anywhere(void **state)
{
    static const uint64_t nodes[] = {1, 2}, rels[] = {3};
    static const sb_val_path path = {1, nodes, rels};
    sb_entity_reader reader = {.property = no_property,
                               .properties = no_map,
                               .labels = no_value,
                               .type = no_value,
                               .ends = no_ends};
    sb_random random = test_random(77);
    sb_val values[VALUE_COUNT];
    func_fixture f;

    (void)state;
    fixture_open(&f);
    reader.ctx = f.ctx.arena;
    f.ctx.reader = &reader;
    f.params[1] = sb_val_node(1);
    f.params[2] = sb_val_rel(2);
    f.params[3] = (sb_val){.kind = SB_VAL_PATH, .as.path = &path};
    for (size_t i = 0; i < VALUE_COUNT; i++) {
        values[i] = fixture_eval(&f, VALUES[i]);
        assert_int_equal(f.status, SB_OK);
    }
    const sb_function *function;
    for (size_t i = 0; (function = sb_function_at(i)) != NULL; i++) {
        const unsigned most = function->max_args < 4 ? function->max_args : 4;
        for (unsigned round = 0; round < 2500; round++) {
            sb_val args[4], result = SB_VAL_NULL_VALUE;
            const unsigned count = function->min_args + (unsigned)sb_random_below(
                                                            &random, most - function->min_args + 1);
            bool has_null = false;
            for (unsigned a = 0; a < count; a++) {
                args[a] = values[sb_random_below(&random, VALUE_COUNT)];
                has_null = has_null || args[a].kind == SB_VAL_NULL;
            }
            if (has_null && (function->flags & SB_FUNC_NULL_IN_NULL_OUT) != 0) continue;
            const sb_arena_mark mark = sb_arena_get_mark(f.ctx.arena);
            if (function->aggregate == NULL) {
                check_result(&f, function, function->call(&f.ctx, args, count, &result), result);
            } else if (!has_null) {
                void *s = sb_arena_alloc_zero(f.ctx.arena, function->aggregate->state_bytes);
                sb_status st = function->aggregate->update(&f.ctx, f.ctx.arena, s, args, count);
                if (st == SB_OK) st = function->aggregate->finish(&f.ctx, s, &result);
                check_result(&f, function, st, result);
            }
            sb_arena_rewind(f.ctx.arena, mark);
        }
    }
    fixture_close(&f);
}

/* The same for operators. */
static void test_cypher_func_table__any_value_in_operators(void **state)
{
    static const uint64_t nodes[] = {1, 2}, rels[] = {3};
    static const sb_val_path path = {1, nodes, rels};
    sb_entity_reader reader = {.property = no_property};
    static const sb_function any = {.name = "an operator", .result_kinds = SB_KIND_ANY};
    sb_val values[VALUE_COUNT], result;
    func_fixture f;

    (void)state;
    fixture_open(&f);
    f.ctx.reader = &reader;
    f.params[1] = sb_val_node(1);
    f.params[2] = sb_val_rel(2);
    f.params[3] = (sb_val){.kind = SB_VAL_PATH, .as.path = &path};
    for (size_t i = 0; i < VALUE_COUNT; i++)
        values[i] = fixture_eval(&f, VALUES[i]);
    for (size_t i = 0; i < VALUE_COUNT; i++) {
        for (size_t j = 0; j < VALUE_COUNT; j++) {
            const sb_arena_mark mark = sb_arena_get_mark(f.ctx.arena);
            for (int op = SB_OP2_OR; op <= SB_OP2_REGEX; op++)
                check_result(&f, &any,
                             sb_op_binary(&f.ctx, (sb_op2)op, values[i], values[j], &result),
                             result);
            check_result(&f, &any, sb_op_index(&f.ctx, values[i], values[j], &result), result);
            check_result(&f, &any, sb_op_slice(&f.ctx, values[i], &values[j], &values[j], &result),
                         result);
            sb_arena_rewind(f.ctx.arena, mark);
        }
        for (int op = SB_OP1_NOT; op <= SB_OP1_IS_NOT_NULL; op++)
            check_result(&f, &any, sb_op_unary(&f.ctx, (sb_op1)op, values[i], &result), result);
        check_result(&f, &any, sb_op_property(&f.ctx, values[i], sb_bytes_of("year", 4), &result),
                     result);
    }
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_cypher_func_table__names),
        TEST(test_cypher_func_table__any_value_anywhere),
        TEST(test_cypher_func_table__any_value_in_operators),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
