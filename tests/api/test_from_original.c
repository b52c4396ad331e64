/* test_from_original.c — the bugs of the system that Sombra was planned after (docs/FROM_ORIGINAL.md has them with their numbers) are not
 * bugs of ours: one test for each that no other test shows. */
#include <time.h>

#include "support/api_fixture.h"

static double now_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* count nodes of a label with number 0, 1, …; ids are the caller's to free. */
static uint64_t *make_nodes(api_fixture *f, const char *label, size_t count)
{
    const uint32_t label_id = api_name(f, SOMBRA_LABEL, label);
    int64_t *numbers = calloc(count, sizeof *numbers);
    uint64_t *ids = calloc(count, sizeof *ids);
    const sombra_column column = {
        .key = api_name(f, SOMBRA_KEY, "number"), .type = SOMBRA_TYPE_INT, .integers = numbers};
    for (size_t i = 0; i < count; i++)
        numbers[i] = (int64_t)i;
    OK(f, sombra_create_nodes(f->txn, &label_id, 1, count, &column, 1, ids));
    free(numbers);
    return ids;
}

/* B1: what is in the WAL alone was found by reading the whole WAL, for each page. 20,000 look-ups behind a WAL of thousands
 * of frames took minutes there; a second is ample here, and the bound is thirty. */
static void test_api_from_original__b1_reads_do_not_scan_the_log(void **state)
{
    api_fixture f, g;
    uint64_t *ids;
    uint32_t key;
    sombra_info info;
    double began;
    (void)state;

    api_new(&f);
    f.options.autocheckpoint = 0;
    f.options.read_mode = 2; /* a bounded cache: reads that miss it */
    f.options.cache_pages = 64;
    api_reopen(&f);
    api_begin(&f, SOMBRA_WRITE);
    ids = make_nodes(&f, "Person", 20000);
    key = api_name(&f, SOMBRA_KEY, "number");
    api_commit(&f);
    for (int i = 0; i < 1500; i++) {
        const sombra_prop prop = {.key = key, .value = sombra_int(-i)};
        sombra_op ops[10];
        for (int j = 0; j < 10; j++)
            ops[j] = (sombra_op){.kind = SOMBRA_SET_PROPS,
                                 .entity = {ids[(i * 10 + j) * 5 % 20000], -1},
                                 .props = &prop,
                                 .prop_count = 1};
        api_begin(&f, SOMBRA_WRITE);
        OK(&f, sombra_mutate(f.txn, ops, 10, NULL));
        api_commit(&f);
    }
    memset(&g, 0, sizeof g);
    g.options = f.options;
    api_open_at(&g, API_PATH);
    began = now_seconds();
    api_begin(&g, SOMBRA_READ);
    OK(&g, sombra_get_info(g.txn, &info));
    assert_true(info.wal_frames > 1000 && info.wal_backfilled == 0);
    for (int i = 0; i < 20000; i++) {
        sombra_value value;
        bool found;
        OK(&g,
           sombra_get_props(g.txn, SOMBRA_NODE, ids[(i * 7919) % 20000], &key, 1, &value, &found));
        assert_true(found);
    }
    assert_true(now_seconds() - began < 30);
    free(ids);
    api_close(&g);
    api_end(&f);
}

/* B2: "who follows each other" also gave pairs that do not: the second edge of a pattern was dropped. */
static void test_api_from_original__b2_both_edges_are_checked(void **state)
{
    api_fixture f;
    uint64_t ada, grace, alan, forth, back;
    (void)state;

    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    ada = api_node(&f, "User", 1);
    grace = api_node(&f, "User", 2);
    alan = api_node(&f, "User", 3);
    (void)api_rel(&f, ada, "FOLLOWS", grace);
    (void)api_rel(&f, grace, "FOLLOWS", ada);
    (void)api_rel(&f, ada, "FOLLOWS", alan);
    OK(&f, sombra_rel_between(f.txn, ada, grace, 1, &forth));
    OK(&f, sombra_rel_between(f.txn, grace, ada, 1, &back));
    assert_true(forth != 0 && back != 0 && forth != back);
    OK(&f, sombra_rel_between(f.txn, ada, alan, 1, &forth));
    OK(&f, sombra_rel_between(f.txn, alan, ada, 1, &back));
    assert_true(forth != 0 && back == 0);
    api_commit(&f);
    api_end(&f);
}

/* B3: what was asked for once came several times. */
static void test_api_from_original__b3_distinct_is_distinct(void **state)
{
    api_fixture f;
    uint64_t a, b;
    const sombra_neighbors_options once = {.direction = SOMBRA_BOTH, .distinct = true};
    const sombra_neighbor *neighbors;
    size_t count;
    (void)state;

    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    a = api_node(&f, "User", 1);
    b = api_node(&f, "User", 2);
    for (int i = 0; i < 5; i++) {
        (void)api_rel(&f, a, i % 2 ? "FOLLOWS" : "KNOWS", b);
        (void)api_rel(&f, b, "FOLLOWS", a);
        (void)api_rel(&f, a, "FOLLOWS", a);
    }
    OK(&f, sombra_neighbors(f.txn, a, &once, &neighbors, &count));
    assert_int_equal(count, 2);
    assert_true(neighbors[0].node != neighbors[1].node);
    api_commit(&f);
    api_end(&f);
}

/* B4: deleting a node did not see relationships made in the same transaction: they stayed, dangling. */
static void test_api_from_original__b4_delete_sees_its_own_transaction(void **state)
{
    for (int one_list = 0; one_list < 2; one_list++) {
        api_fixture f;
        uint64_t a, b, degree;
        uint32_t type;
        sombra_mutation done;
        (void)state;

        api_new(&f);
        api_begin(&f, SOMBRA_WRITE);
        a = api_node(&f, "User", 1);
        type = api_name(&f, SOMBRA_TYPE, "FOLLOWS");
        {
            sombra_op ops[] = {{.kind = SOMBRA_CREATE_NODE},
                               {.kind = SOMBRA_CREATE_REL,
                                .type = type,
                                .source = {.result_of = 0},
                                .target = {a, -1}},
                               {.kind = SOMBRA_DELETE_NODE, .entity = {.result_of = 0}}};
            if (one_list) {
                FAILS(&f, sombra_mutate(f.txn, ops, 3, &done), SOMBRA_CONSTRAINT, "op 2");
                ops[2].detach = true;
                OK(&f, sombra_mutate(f.txn, ops, 3, &done));
            } else {
                OK(&f, sombra_mutate(f.txn, ops, 2, &done));
                b = done.ids[0];
                ops[2].entity = (sombra_op_ref){b, -1};
                FAILS(&f, sombra_mutate(f.txn, &ops[2], 1, &done), SOMBRA_CONSTRAINT,
                      "relationships");
                ops[2].detach = true;
                OK(&f, sombra_mutate(f.txn, &ops[2], 1, &done));
            }
            assert_int_equal(done.rels_deleted, 1);
        }
        OK(&f, sombra_degree(f.txn, a, SOMBRA_BOTH, NULL, 0, &degree));
        assert_int_equal(degree, 0);
        api_verify(&f);
        api_commit(&f);
        assert_int_equal(api_node_count(&f), 1);
        api_end(&f);
    }
}

#ifdef SOMBRA_COMMAND
/* B6: SOMBRA_PROFILE=1 made every command fail. B7: a relative path was no place for a file. */
static void test_api_from_original__b6_b7_the_command(void **state)
{
    api_fixture f;
    (void)state;

    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    (void)api_node(&f, "User", 1);
    api_commit(&f);
    api_close(&f);
    assert_int_equal(system("SOMBRA_PROFILE=1 " SOMBRA_COMMAND " info " API_PATH " >/dev/null"), 0);
    assert_int_equal(system("SOMBRA_PROFILE=0 " SOMBRA_COMMAND " verify ./" API_PATH " >/dev/null"),
                     0);
    assert_int_not_equal(system(SOMBRA_COMMAND " info nowhere/at/all.sombra >/dev/null 2>&1"), 0);
    api_remove(API_PATH);
}
#endif

/* B8: an index took no more than about a thousand nodes of one value in a transaction. */
static void test_api_from_original__b8_many_of_one_value(void **state)
{
    enum { MANY = 20000 };
    api_fixture f;
    uint32_t label, key, id;
    int64_t *same = calloc(MANY, sizeof *same);
    const sombra_value zero = sombra_int(0);
    uint64_t count;
    (void)state;

    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    label = api_name(&f, SOMBRA_LABEL, "User");
    key = api_name(&f, SOMBRA_KEY, "same");
    {
        const sombra_schema index = {
            .kind = SOMBRA_INDEX, .entity = label, .keys = &key, .key_count = 1};
        const sombra_column column = {.key = key, .type = SOMBRA_TYPE_INT, .integers = same};
        const sombra_scan_options equal = {
            .entity = SOMBRA_NODE, .name = label, .key = key, .equal = &zero};
        OK(&f, sombra_schema_create(f.txn, &index, &id));
        OK(&f, sombra_create_nodes(f.txn, &label, 1, MANY, &column, 1, NULL));
        OK(&f, sombra_count(f.txn, &equal, &count));
        assert_int_equal(count, MANY);
    }
    api_verify(&f);
    api_commit(&f);
    free(same);
    api_end(&f);
}

static void read_whole(const char *path, char **bytes, size_t *size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *size = (size_t)ftell(file);
    rewind(file);
    *bytes = malloc(*size);
    assert_int_equal(fread(*bytes, 1, *size, file), *size);
    assert_int_equal(fclose(file), 0);
}

/* B10: looking at a file changed it. */
static void test_api_from_original__b10_looking_writes_nothing(void **state)
{
    api_fixture f;
    char *before, *after;
    size_t before_size, after_size;
    (void)state;

    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    free(make_nodes(&f, "User", 1000));
    api_commit(&f);
    api_close(&f);
    read_whole(API_PATH, &before, &before_size);
    for (int i = 0; i < 3; i++) {
        sombra_info info;
        uint64_t sequence;
        api_open_at(&f, API_PATH);
        api_begin(&f, SOMBRA_READ);
        OK(&f, sombra_get_info(f.txn, &info));
        sequence = info.sequence;
        api_verify(&f);
        OK(&f, sombra_get_info(f.txn, &info));
        assert_int_equal(info.sequence, sequence);
        api_close(&f);
    }
    read_whole(API_PATH, &after, &after_size);
    assert_int_equal(before_size, after_size);
    assert_memory_equal(before, after, after_size);
    free(before);
    free(after);
    api_remove(API_PATH);
}

/* B11: a date-time from a CSV file and one from a program did not compare equal. */
static void test_api_from_original__b11_one_date_time(void **state)
{
    api_fixture f;
    sombra_import_options options;
    const sombra_import_file nodes = {.path = "when.csv", .name = "Event"};
    const sombra_value wanted = {
        .type = SOMBRA_TYPE_DATETIME, .extra = 123000000, .as.datetime = {1700000000, 0, 0, NULL}};
    sombra_value parsed;
    uint32_t label, key;
    uint64_t count;
    FILE *file = fopen("when.csv", "w");
    (void)state;

    assert_non_null(file);
    assert_true(fputs("id:ID,at:datetime\n1,2023-11-14T22:13:20.123Z\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    sombra_import_options_init(&options);
    options.nodes = &nodes;
    options.node_file_count = 1;
    OK(&f, sombra_import_csv(f.txn, &options, NULL));
    OK(&f, sombra_name_find(f.txn, SOMBRA_LABEL, "Event", 5, &label));
    OK(&f, sombra_name_find(f.txn, SOMBRA_KEY, "at", 2, &key));
    OK(&f, sombra_value_from_text(f.txn, "datetime", "2023-11-14T22:13:20.123Z",
                                  SOMBRA_NUL_TERMINATED, &parsed));
    assert_true(parsed.as.datetime.seconds == 1700000000 && parsed.extra == 123000000);
    {
        const sombra_scan_options equal = {
            .entity = SOMBRA_NODE, .name = label, .key = key, .equal = &wanted};
        OK(&f, sombra_count(f.txn, &equal, &count));
        assert_int_equal(count, 1);
    }
    api_commit(&f);
    (void)unlink("when.csv");
    api_end(&f);
}

/* B12: filling in the same data again doubled it, and the figures told of more than was made. */
static void test_api_from_original__b12_a_second_load_is_refused(void **state)
{
    api_fixture f;
    sombra_import_options options;
    sombra_import_result result;
    const sombra_import_file nodes = {.path = "users.csv", .name = "User"};
    uint32_t label, key;
    FILE *file = fopen("users.csv", "w");
    (void)state;

    assert_non_null(file);
    assert_true(fputs("name:ID\nAda\nGrace\nAlan\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    label = api_name(&f, SOMBRA_LABEL, "User");
    key = api_name(&f, SOMBRA_KEY, "name");
    {
        const sombra_schema unique = {
            .kind = SOMBRA_UNIQUE, .entity = label, .keys = &key, .key_count = 1};
        OK(&f, sombra_schema_create(f.txn, &unique, NULL));
    }
    sombra_import_options_init(&options);
    options.nodes = &nodes;
    options.node_file_count = 1;
    OK(&f, sombra_import_csv(f.txn, &options, &result));
    assert_int_equal(result.nodes, 3);
    assert_int_not_equal(sombra_import_csv(f.txn, &options, &result), SOMBRA_OK);
    api_commit(&f);
    assert_int_equal(api_node_count(&f), 3);
    (void)unlink("users.csv");
    api_end(&f);
}

/* B13: replacing a value rebuilt its page. Here the same pages hold after thousands of replacements. */
static void test_api_from_original__b13_replacing_in_place(void **state)
{
    api_fixture f;
    uint64_t *ids;
    uint32_t key;
    sombra_info before, after;
    (void)state;

    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    ids = make_nodes(&f, "User", 5000);
    key = api_name(&f, SOMBRA_KEY, "number");
    api_commit(&f);
    api_begin(&f, SOMBRA_WRITE);
    OK(&f, sombra_get_info(f.txn, &before));
    for (int i = 0; i < 5000; i++) {
        const sombra_prop prop = {.key = key, .value = sombra_int(4999 - i)};
        const sombra_op op = {
            .kind = SOMBRA_SET_PROPS, .entity = {ids[i], -1}, .props = &prop, .prop_count = 1};
        OK(&f, sombra_mutate(f.txn, &op, 1, NULL));
    }
    api_verify(&f);
    api_commit(&f);
    api_begin(&f, SOMBRA_READ);
    OK(&f, sombra_get_info(f.txn, &after));
    assert_true(after.pages <= before.pages + 2);
    free(ids);
    api_end(&f);
}

/* B15: percentiles were read from counters that the first of them had cleared. A snapshot that resets tells the same as one that
 * does not. */
static void test_api_from_original__b15_reset_loses_nothing(void **state)
{
    api_fixture f;
    sombra_counter kept[256], reset[256], empty[256];
    size_t count;
    (void)state;

    api_new(&f);
    f.options.profile = true;
    api_reopen(&f);
    api_begin(&f, SOMBRA_WRITE);
    free(make_nodes(&f, "User", 100));
    api_commit(&f);
    assert_int_equal(sombra_profile_snapshot(f.db, false, kept, 256, &count), SOMBRA_OK);
    assert_int_equal(sombra_profile_snapshot(f.db, true, reset, 256, &count), SOMBRA_OK);
    assert_int_equal(sombra_profile_snapshot(f.db, false, empty, 256, &count), SOMBRA_OK);
    assert_true(count <= 256);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(kept[i].name, reset[i].name);
        assert_int_equal(kept[i].value, reset[i].value);
        assert_int_equal(empty[i].value, 0);
    }
    api_end(&f);
}

/* B18: a condition that nothing fulfills gave everything. B19: one value of another kind made the whole question fail; 1 equals 1.0. */
static void test_api_from_original__b18_b19_conditions(void **state)
{
    api_fixture f;
    uint32_t label, key, id;
    sombra_value values[6] = {
        sombra_int(1), sombra_float(1.0), sombra_int(2), sombra_bool(true), {0}, {0}};
    const sombra_value one = sombra_int(1), real = sombra_float(1.0), zero = sombra_int(0),
                       five = sombra_int(5), null = sombra_null();
    (void)state;

    values[4] = api_text("one");
    values[5] = sombra_bytes("\1", 1);
    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    label = api_name(&f, SOMBRA_LABEL, "Mixed");
    key = api_name(&f, SOMBRA_KEY, "value");
    {
        const sombra_column column = {.key = key, .type = SOMBRA_TYPE_NULL, .values = values};
        OK(&f, sombra_create_nodes(f.txn, &label, 1, 6, &column, 1, NULL));
    }
    for (int indexed = 0; indexed < 2; indexed++) {
        const sombra_schema index = {
            .kind = SOMBRA_INDEX, .entity = label, .keys = &key, .key_count = 1};
        const struct {
            const sombra_value *equal, *low, *high;
            uint64_t count;
        } cases[] = {
            {&one, NULL, NULL, 2},   {&real, NULL, NULL, 2}, {NULL, &zero, &five, 3},
            {NULL, &five, &zero, 0}, {&null, NULL, NULL, 0}, {&five, NULL, NULL, 0},
            {NULL, &five, NULL, 0},
        };
        if (indexed) OK(&f, sombra_schema_create(f.txn, &index, &id));
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            const sombra_scan_options scan = {.entity = SOMBRA_NODE,
                                              .name = label,
                                              .key = key,
                                              .equal = cases[i].equal,
                                              .low = cases[i].low,
                                              .high = cases[i].high};
            uint64_t count = 99;
            OK(&f, sombra_count(f.txn, &scan, &count));
            if (count != cases[i].count)
                print_error("case %zu, index %d: %llu\n", i, indexed, (unsigned long long)count);
            assert_int_equal(count, cases[i].count);
        }
    }
    api_commit(&f);
    api_end(&f);
}

/* B20: relationships deleted with their node were not counted; updates that change nothing were. */
static void test_api_from_original__b20_summaries(void **state)
{
    api_fixture f;
    uint64_t a, b;
    sombra_mutation done;
    (void)state;

    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    a = api_node(&f, "User", 1);
    b = api_node(&f, "User", 2);
    (void)api_rel(&f, a, "FOLLOWS", b);
    (void)api_rel(&f, b, "FOLLOWS", a);
    (void)api_rel(&f, a, "FOLLOWS", a);
    {
        const sombra_prop same = {.key = api_name(&f, SOMBRA_KEY, "number"),
                                  .value = sombra_int(1)};
        const sombra_op ops[] = {
            {.kind = SOMBRA_SET_PROPS, .entity = {a, -1}, .props = &same, .prop_count = 1},
            {.kind = SOMBRA_DELETE_NODE, .entity = {a, -1}, .detach = true}};
        OK(&f, sombra_mutate(f.txn, ops, 2, &done));
    }
    assert_int_equal(done.properties_set, 0);
    assert_int_equal(done.nodes_deleted, 1);
    assert_int_equal(done.rels_deleted, 3);
    api_commit(&f);
    api_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_from_original__b1_reads_do_not_scan_the_log),
        cmocka_unit_test(test_api_from_original__b2_both_edges_are_checked),
        cmocka_unit_test(test_api_from_original__b3_distinct_is_distinct),
        cmocka_unit_test(test_api_from_original__b4_delete_sees_its_own_transaction),
#ifdef SOMBRA_COMMAND
        cmocka_unit_test(test_api_from_original__b6_b7_the_command),
#endif
        cmocka_unit_test(test_api_from_original__b8_many_of_one_value),
        cmocka_unit_test(test_api_from_original__b10_looking_writes_nothing),
        cmocka_unit_test(test_api_from_original__b11_one_date_time),
        cmocka_unit_test(test_api_from_original__b12_a_second_load_is_refused),
        cmocka_unit_test(test_api_from_original__b13_replacing_in_place),
        cmocka_unit_test(test_api_from_original__b15_reset_loses_nothing),
        cmocka_unit_test(test_api_from_original__b18_b19_conditions),
        cmocka_unit_test(test_api_from_original__b20_summaries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
