/* test_from_original.c — the bugs of the system that Sombra was planned after (docs/FROM_ORIGINAL.md has them with their numbers) are not
 * bugs of ours: one test for each that no other test shows. */
#include "support/api_rig.h"
#include "support/api_rows.h"

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

/* Look up the number of 20,000 nodes, in no order: how many reads of a file that takes. */
static uint64_t reads_of_look_ups(api_rig *r, uint32_t key)
{
    const uint64_t before = r->fault->reads;

    assert_int_equal(sombra_begin(r->conn, SOMBRA_READ, &r->txn), SOMBRA_OK);
    for (uint64_t i = 0; i < 20000; i++) {
        sombra_value value;
        bool found;
        assert_int_equal(
            sombra_get_props(r->txn, SOMBRA_NODE, 1 + i * 7919 % 20000, &key, 1, &value, &found),
            SOMBRA_OK);
        assert_true(found && value.type == SOMBRA_TYPE_INT);
    }
    sombra_rollback(r->txn);
    return r->fault->reads - before;
}

/* 20,000 nodes with a number each, and 1,500 commits that change ten of them: all in the WAL. */
static uint32_t fill_log(api_rig *r)
{
    static int64_t numbers[20000];
    sombra_column column = {.type = SOMBRA_TYPE_INT, .integers = numbers};

    assert_int_equal(sombra_begin(r->conn, SOMBRA_WRITE, &r->txn), SOMBRA_OK);
    assert_int_equal(sombra_name_intern(r->txn, SOMBRA_KEY, "number", 6, &column.key), SOMBRA_OK);
    assert_int_equal(sombra_create_nodes(r->txn, NULL, 0, 20000, &column, 1, NULL), SOMBRA_OK);
    assert_int_equal(sombra_commit(r->txn), SOMBRA_OK);
    for (uint64_t i = 0; i < 1500; i++) {
        const sombra_prop prop = {.key = column.key, .value = sombra_int(-(int64_t)i)};
        sombra_op ops[10];
        for (uint64_t j = 0; j < 10; j++)
            ops[j] = (sombra_op){.kind = SOMBRA_SET_PROPS,
                                 .entity = {1 + (i * 10 + j) * 5 % 20000, -1},
                                 .props = &prop,
                                 .prop_count = 1};
        assert_int_equal(sombra_begin(r->conn, SOMBRA_WRITE, &r->txn), SOMBRA_OK);
        assert_int_equal(sombra_mutate(r->txn, ops, 10, NULL), SOMBRA_OK);
        assert_int_equal(sombra_commit(r->txn), SOMBRA_OK);
    }
    return column.key;
}

/* B1: what is in the WAL alone was found by reading the whole WAL, for each page. Who comes new to a WAL of thousands of frames reads it
 * once; from then on looking up takes as many reads as it does when all is in the main file. */
static void test_api_from_original__b1_reads_do_not_scan_the_log(void **state)
{
    api_rig r, other;
    sombra_info info;
    uint32_t key;
    uint64_t first, again, without;
    (void)state;

    api_rig_init(&r);
    r.options.autocheckpoint = 0;
    r.options.read_mode = 2; /* a bounded cache: reads that miss it */
    r.options.cache_pages = 8;
    assert_int_equal(api_rig_open(&r), SOMBRA_OK);
    key = fill_log(&r);
    other = r; /* as another process would open it */
    other.db = NULL;
    other.conn = NULL;
    assert_int_equal(api_rig_open(&other), SOMBRA_OK);
    assert_int_equal(sombra_begin(r.conn, SOMBRA_READ, &r.txn), SOMBRA_OK);
    assert_int_equal(sombra_get_info(r.txn, &info), SOMBRA_OK);
    sombra_rollback(r.txn);
    assert_true(info.wal_frames > 1000 && info.wal_backfilled == 0);
    first = reads_of_look_ups(&other, key);
    again = reads_of_look_ups(&other, key);
    assert_int_equal(sombra_checkpoint(r.conn, SOMBRA_TRUNCATE, NULL), SOMBRA_OK);
    without = reads_of_look_ups(&other, key);
    print_message("reads of 20,000 look-ups: %llu, %llu; without WAL %llu; frames %llu\n",
                  (unsigned long long)first, (unsigned long long)again, (unsigned long long)without,
                  (unsigned long long)info.wal_frames);
    assert_true(without > 5000); /* the cache holds few of the pages */
    assert_true(again <= without + 100);
    assert_true(first <= again + 2 * info.wal_frames);
    assert_int_equal(api_rig_close(&other), SOMBRA_OK);
    assert_int_equal(api_rig_close(&r), SOMBRA_OK);
    api_rig_deinit(&r);
}

/* B2: "who follows each other" also gave pairs that do not: an edge of a pattern between two nodes that others had bound was dropped. */
static void test_api_from_original__b2_both_edges_are_checked(void **state)
{
    /* Each list that is asked whether the other end is in it has others, too. */
    static const int follows[][2] = {{1, 2}, {2, 1}, {1, 3}, {4, 1}, {4, 2}, {5, 3}, {3, 6}};
    api_fixture f;
    uint64_t users[7], ada, grace, alan, forth, back;
    (void)state;

    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    for (int i = 1; i < 7; i++)
        users[i] = api_node(&f, "User", i);
    for (size_t i = 0; i < sizeof follows / sizeof *follows; i++)
        (void)api_rel(&f, users[follows[i][0]], "FOLLOWS", users[follows[i][1]]);
    ada = users[1];
    grace = users[2];
    alan = users[3];
    (void)api_rel(&f, grace, "KNOWS", alan);
    OK(&f, sombra_rel_between(f.txn, ada, grace, 1, &forth));
    OK(&f, sombra_rel_between(f.txn, grace, ada, 1, &back));
    assert_true(forth != 0 && back != 0 && forth != back);
    OK(&f, sombra_rel_between(f.txn, ada, alan, 1, &forth));
    OK(&f, sombra_rel_between(f.txn, alan, ada, 1, &back));
    assert_true(forth != 0 && back == 0);
    gives(&f,
          "MATCH (a)-[:FOLLOWS]->(b)-[:FOLLOWS]->(a) RETURN a.number, b.number ORDER BY a.number",
          "1|2 2|1");
    gives(&f, "MATCH (a)-[:FOLLOWS]->(b), (b)-[:FOLLOWS]->(a) RETURN count(*)", "2");
    gives(&f, "MATCH (a), (b) MATCH (a)-[:FOLLOWS]->(b) MATCH (b)-[:FOLLOWS]->(a) RETURN count(*)",
          "2");
    /* A triangle, whose last edge is the one between two that are bound; in the other direction there is none. */
    gives(&f,
          "MATCH (a)-[:FOLLOWS]->(b)-[:KNOWS]->(c)<-[:FOLLOWS]-(a) "
          "RETURN a.number, b.number, c.number",
          "1|2|3");
    gives(&f, "MATCH (a)-[:FOLLOWS]->(b)-[:KNOWS]->(c)-[:FOLLOWS]->(a) RETURN count(*)", "0");
    gives(&f, "MATCH (a)-[:FOLLOWS]->(b) WHERE (b)-[:FOLLOWS]->(a) RETURN count(*)", "2");
    /* Both nodes are bound before either edge is asked for. */
    gives(&f,
          "MATCH (a), (b) WITH a, b MATCH (a)-[:FOLLOWS]->(b) MATCH (b)-[:FOLLOWS]->(a) "
          "RETURN a.number, b.number ORDER BY a.number",
          "1|2 2|1");
    api_commit(&f);
    api_end(&f);
}

/* B3: rows were made distinct before they were projected, so the same row came out several times. */
static void test_api_from_original__b3_distinct_is_distinct(void **state)
{
    api_fixture f;
    uint64_t a, b, c;
    const sombra_neighbors_options once = {.direction = SOMBRA_BOTH, .distinct = true};
    const sombra_neighbor *neighbors;
    size_t count;
    (void)state;

    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    a = api_node(&f, "User", 1);
    b = api_node(&f, "User", 2);
    c = api_node(&f, "User", 2); /* another node, of which the same is returned */
    for (int i = 0; i < 5; i++) {
        (void)api_rel(&f, a, i % 2 ? "FOLLOWS" : "KNOWS", b);
        (void)api_rel(&f, b, "FOLLOWS", a);
        (void)api_rel(&f, a, "FOLLOWS", a);
        (void)api_rel(&f, a, "FOLLOWS", c);
    }
    OK(&f, sombra_neighbors(f.txn, a, &once, &neighbors, &count));
    assert_int_equal(count, 3);
    assert_true(neighbors[0].node != neighbors[1].node && neighbors[1].node != neighbors[2].node &&
                neighbors[0].node != neighbors[2].node);
    gives(&f, "MATCH (n:User) RETURN DISTINCT n.number ORDER BY n.number", "1 2");
    gives(&f, "MATCH (n:User) RETURN count(DISTINCT n.number)", "2");
    gives(&f, "MATCH (n:User) WITH DISTINCT n.number AS number RETURN count(number)", "2");
    gives(&f, "MATCH (:User {number: 1})-->(m) RETURN DISTINCT m.number ORDER BY m.number", "1 2");
    gives(&f, "MATCH (:User {number: 1})-->(m) RETURN count(DISTINCT m)", "3");
    gives(&f, "MATCH (n)-[r]->(m) RETURN DISTINCT type(r), m.number ORDER BY type(r), m.number",
          "FOLLOWS|1 FOLLOWS|2 KNOWS|2");
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

/* A counter of the profile by its name. */
static uint64_t counter(const api_fixture *f, const char *name)
{
    sombra_counter counters[256];
    size_t count;

    assert_int_equal(sombra_profile_snapshot(f->db, false, counters, 256, &count), SOMBRA_OK);
    for (size_t i = 0; i < count; i++)
        if (strcmp(counters[i].name, name) == 0) return counters[i].value;
    fail_msg("no counter %s", name);
    return 0;
}

/* B13: replacing a value rebuilt its page, deleting copied it. Here no replacement writes a leaf afresh, and of the deletions only the first one
 * in each leaf, which makes room to mark them. */
static void test_api_from_original__b13_replacing_in_place(void **state)
{
    enum { NODES = 5000 };
    api_fixture f;
    uint64_t *ids, in_place, rebuilds;
    uint32_t key;
    sombra_info before, after;
    (void)state;

    api_new(&f);
    f.options.profile = true;
    api_reopen(&f);
    api_begin(&f, SOMBRA_WRITE);
    ids = make_nodes(&f, "User", NODES);
    key = api_name(&f, SOMBRA_KEY, "number");
    api_commit(&f);
    api_begin(&f, SOMBRA_WRITE);
    OK(&f, sombra_get_info(f.txn, &before));
    in_place = counter(&f, "leaf_in_place");
    rebuilds = counter(&f, "leaf_rebuilds");
    for (int i = 0; i < NODES; i++) {
        const sombra_prop prop = {.key = key, .value = sombra_int(NODES - 1 - i)};
        const sombra_op op = {
            .kind = SOMBRA_SET_PROPS, .entity = {ids[i], -1}, .props = &prop, .prop_count = 1};
        OK(&f, sombra_mutate(f.txn, &op, 1, NULL));
    }
#ifndef SOMBRA_NO_PROFILE
    assert_int_equal(counter(&f, "leaf_rebuilds"), rebuilds);
    assert_true(counter(&f, "leaf_in_place") >= in_place + NODES);
#endif
    in_place = counter(&f, "leaf_in_place");
    for (int i = 0; i < NODES; i += 5) {
        const sombra_op op = {.kind = SOMBRA_DELETE_NODE, .entity = {ids[i], -1}};
        OK(&f, sombra_mutate(f.txn, &op, 1, NULL));
    }
#ifndef SOMBRA_NO_PROFILE
    assert_true(counter(&f, "leaf_rebuilds") <= rebuilds + 5); /* three leaves of nodes */
    assert_true(counter(&f, "leaf_in_place") >= in_place + NODES / 5);
#endif
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
        gives(&f, "MATCH (n:Mixed) WHERE any(x IN [] WHERE n.value = x) RETURN count(*)", "0");
        gives(&f, "MATCH (n:Mixed) WHERE n.value IN [] RETURN count(*)", "0");
        gives(&f, "MATCH (n:Mixed) WHERE n.value = 1 RETURN count(*)", "2");
        gives(&f, "MATCH (n:Mixed) WHERE n.value > 1 OR n.value = 'one' RETURN count(*)", "2");
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
