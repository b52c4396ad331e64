/* test_list.c — functions of lists, maps, entities and paths, and of values of any kind. */
#include "func_fixture.h"

static void test_cypher_func_list__items(void **state)
{
    static const fixture_case cases[] = {
        {"head([1, 2])", "1"},      {"head([])", "null"},          {"head(null)", "null"},
        {"head('a')", VALUE_ERROR}, {"last([1, 2])", "2"},         {"last([])", "null"},
        {"last(1)", VALUE_ERROR},   {"tail([1, 2, 3])", "[2, 3]"}, {"tail([])", "[]"},
        {"tail({})", VALUE_ERROR},  {"size([1, null])", "2"},      {"size([])", "0"},
        {"size(null)", "null"},     {"size(1)", VALUE_ERROR},      {"size({a: 1})", VALUE_ERROR},
        {"isEmpty('')", "true"},    {"isEmpty([null])", "false"},  {"isEmpty({})", "true"},
        {"isEmpty(null)", "null"},  {"isEmpty(0)", VALUE_ERROR},
    };
    RUN_CASES(cases);
}

static void test_cypher_func_list__ranges(void **state)
{
    static const fixture_case cases[] = {
        {"range(0, 3)", "[0, 1, 2, 3]"},
        {"range(3, 0)", "[]"},
        {"range(3, 0, -1)", "[3, 2, 1, 0]"},
        {"range(0, 10, 4)", "[0, 4, 8]"},
        {"range(1, 1)", "[1]"},
        {"range(0, -5, -3)", "[0, -3]"},
        {"range(-9223372036854775808, 9223372036854775807, 9223372036854775807)",
         "[-9223372036854775808, -1, 9223372036854775806]"},
        {"range(9223372036854775806, 9223372036854775807)",
         "[9223372036854775806, 9223372036854775807]"},
        {"range(9223372036854775807, -9223372036854775808, -9223372036854775808)",
         "[9223372036854775807, -1]"},
        {"range(0, 1, 0)", RANGE_ERROR},
        {"range(0, 1.0)", VALUE_ERROR},
        {"range(0, 'a')", VALUE_ERROR},
        {"range(0, null)", "null"},
        {"range(0, 9223372036854775807)", "SyntaxError: LimitExceeded"},
        {"range(-9223372036854775808, 9223372036854775807)", "SyntaxError: LimitExceeded"},
    };
    RUN_CASES(cases);
}

static void test_cypher_func_list__any(void **state)
{
    static const fixture_case cases[] = {
        {"coalesce(null, 2, 3)", "2"},
        {"coalesce(null)", "null"},
        {"coalesce(false, 1)", "false"},
        {"nullIf(1, 1.0)", "null"},
        {"nullIf(1, 2)", "1"},
        {"nullIf(null, 1)", "null"},
        {"nullIf(1, null)", "1"},
        {"exists(null)", "false"},
        {"exists(0)", "true"},
        {"valueType(null)", "'NULL'"},
        {"valueType(1)", "'INTEGER NOT NULL'"},
        {"valueType(1.5)", "'FLOAT NOT NULL'"},
        {"valueType('a')", "'STRING NOT NULL'"},
        {"valueType(true)", "'BOOLEAN NOT NULL'"},
        {"valueType({})", "'MAP NOT NULL'"},
        {"valueType([])", "'LIST<NOTHING> NOT NULL'"},
        {"valueType([null])", "'LIST<NULL> NOT NULL'"},
        {"valueType([1, 2])", "'LIST<INTEGER NOT NULL> NOT NULL'"},
        {"valueType([1, null])", "'LIST<INTEGER> NOT NULL'"},
        {"valueType([1.5, 'a'])", "'LIST<STRING NOT NULL | FLOAT NOT NULL> NOT NULL'"},
        {"valueType([[1], ['a']])",
         "'LIST<LIST<STRING NOT NULL | INTEGER NOT NULL> NOT NULL> NOT NULL'"},
        {"valueType(date('2020-01-01'))", "'DATE NOT NULL'"},
        {"valueType(duration('P1D'))", "'DURATION NOT NULL'"},
        {"valueType(point({x: 1, y: 1}))", "'POINT NOT NULL'"},
    };
    RUN_CASES(cases);
}

static void test_cypher_func_list__lack_of_memory(void **state)
{
    static const char *const expressions[] = {
        "range(0, 100)",
        "tail([1, 2, 3])",
        "keys({a: 1, b: 2})",
        "toIntegerList([1, 2])",
    };

    (void)state;
    fixture_starve(expressions, sizeof expressions / sizeof expressions[0]);
}

static const uint64_t NODE_IDS[] = {5, 6, 7}, REL_IDS[] = {1, 2};
static const sb_val_path PATH = {2, NODE_IDS, REL_IDS};

static sb_status fake_properties(void *ctx, sb_val entity, sb_val *map, sb_err *err)
{
    sb_val_map *made = sb_val_map_make(ctx, 1);

    if (made == NULL) return SB_FAIL_NOMEM(err);
    made->entries[0] = (sb_val_entry){sb_bytes_of("id", 2), sb_val_int((int64_t)entity.as.id)};
    return sb_val_map_seal(made, map, err);
}

static sb_status fake_labels(void *ctx, sb_val node, sb_val *list, sb_err *err)
{
    sb_val_list *made = sb_val_list_make(ctx, 1);

    (void)node;
    if (made == NULL) return SB_FAIL_NOMEM(err);
    made->items[0] = sb_val_string(sb_bytes_of("A", 1));
    *list = sb_val_flat_list(made);
    return SB_OK;
}

static sb_status fake_type(void *ctx, sb_val rel, sb_val *name, sb_err *err)
{
    (void)ctx;
    if (rel.as.id == 99)
        return sb_cypher_fail_runtime(err, SB_CYPHER_DELETED_ENTITY_ACCESS, "it is gone");
    *name = sb_val_string(sb_bytes_of("T", 1));
    return SB_OK;
}

static sb_status fake_ends(void *ctx, sb_val rel, uint64_t *start, uint64_t *end, sb_err *err)
{
    (void)ctx;
    if (rel.as.id == 99)
        return sb_cypher_fail_runtime(err, SB_CYPHER_DELETED_ENTITY_ACCESS, "it is gone");
    *start = 10;
    *end = 20;
    return SB_OK;
}

static void with_entities(func_fixture *f, sb_entity_reader *reader)
{
    fixture_open(f);
    *reader = (sb_entity_reader){.ctx = f->ctx.arena,
                                 .properties = fake_properties,
                                 .labels = fake_labels,
                                 .type = fake_type,
                                 .ends = fake_ends};
    f->ctx.reader = reader;
    f->params[1] = (sb_val){.kind = SB_VAL_PATH, .as.path = &PATH};
    f->params[2] = sb_val_node(7);
    f->params[3] = sb_val_rel(8);
    f->params[4] = sb_val_rel(99);
}

static void test_cypher_func_list__entities(void **state)
{
    static const fixture_case cases[] = {
        {"id($2)", "7"},
        {"id($3)", "8"},
        {"id(1)", VALUE_ERROR},
        {"id(null)", "null"},
        {"elementId($2)", "'n7'"},
        {"elementId($3)", "'r8'"},
        {"elementId([])", VALUE_ERROR},
        {"labels($2)", "['A']"},
        {"labels(null)", "null"},
        {"labels($3)", VALUE_ERROR},
        {"labels(1)", VALUE_ERROR},
        {"type($3)", "'T'"},
        {"type(null)", "null"},
        {"type($2)", VALUE_ERROR},
        {"type('')", VALUE_ERROR},
        {"type($4)", "EntityNotFound: DeletedEntityAccess"},
        {"startNode($3)", "(10)"},
        {"endNode($3)", "(20)"},
        {"endNode($4)", "EntityNotFound: DeletedEntityAccess"},
        {"startNode($2)", VALUE_ERROR},
        {"properties($2)", "{id: 7}"},
        {"properties($3)", "{id: 8}"},
        {"properties({a: 1})", "{a: 1}"},
        {"properties(null)", "null"},
        {"properties(1)", VALUE_ERROR},
        {"keys($2)", "['id']"},
        {"keys({b: 1, a: null})", "['b', 'a']"},
        {"keys({})", "[]"},
        {"keys([])", VALUE_ERROR},
        {"length($1)", "2"},
        {"length('abc')", VALUE_ERROR},
        {"length(null)", "null"},
        {"nodes($1)", "[(5), (6), (7)]"},
        {"relationships($1)", "[[1], [2]]"},
        {"nodes([])", VALUE_ERROR},
        {"relationships($2)", VALUE_ERROR},
        {"valueType($1)", "'PATH NOT NULL'"},
        {"valueType([$2, $3])", "'LIST<NODE NOT NULL | RELATIONSHIP NOT NULL> NOT NULL'"},
    };
    sb_entity_reader reader;
    func_fixture f;

    (void)state;
    with_entities(&f, &reader);
    CHECK_CASES(&f, cases);
    fixture_close(&f);
}

static void test_cypher_func_list__element_ids(void **state)
{
    static const char *const wrong[] = {
        "", "n", "x1", "n01", "n-1", "n1x", "7", "N7", "n 7", "r+1", "n18446744073709551616"};
    sb_val v;

    (void)state;
    assert_true(sb_element_id_parse(sb_bytes_of("n0", 2), &v));
    assert_true(v.kind == SB_VAL_NODE && v.as.id == 0);
    assert_true(sb_element_id_parse(sb_bytes_of("r18446744073709551615", 21), &v));
    assert_true(v.kind == SB_VAL_REL && v.as.id == UINT64_MAX);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(sb_element_id_parse(sb_bytes_of(wrong[i], strlen(wrong[i])), &v));
        assert_int_equal(v.kind, SB_VAL_NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_cypher_func_list__items),    TEST(test_cypher_func_list__ranges),
        TEST(test_cypher_func_list__any),      TEST(test_cypher_func_list__lack_of_memory),
        TEST(test_cypher_func_list__entities), TEST(test_cypher_func_list__element_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
