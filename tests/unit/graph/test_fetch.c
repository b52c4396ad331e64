/* Goal: one property of many entities as a typed column, their label sets and ends, are what reading them one by one gives.
 * Method: a graph with values of all types, wide rows and deleted entities; in a read transaction, in one that writes, and with
 * few cached pages. Out of memory at each allocation. */
#include "random_graph.h"

#include "graph/graph_priv.h"

/* Value i of a column as a value. */
static sb_value column_value(const sb_fetched *column, size_t i)
{
    sb_value value = {.type = column->type};

    if (!sb_bit_get(column->present, i)) {
        if (column->values != NULL) assert_int_equal(column->values[i].type, SB_TYPE_NULL);
        if (column->integers != NULL) assert_int_equal(column->integers[i], 0);
        return SB_VALUE_NULL;
    }
    if (column->values != NULL) return column->values[i];
    if (column->type == SB_TYPE_BOOL)
        value.as.boolean = column->integers[i] != 0;
    else if (column->integers != NULL)
        value.as.integer = column->integers[i];
    else if (column->reals != NULL)
        value.as.real = column->reals[i];
    else {
        assert_non_null(column->bytes);
        value.as.bytes.data = column->bytes[i].data;
        value.as.bytes.size = column->bytes[i].size;
    }
    return value;
}

static void check_column(graph_fixture *f, sb_entity entity, const uint64_t *ids, size_t count,
                         sb_key_id key)
{
    sb_arena *arena = sb_arena_create(&sb_allocator_libc, NULL);
    sb_fetched column;
    size_t present = 0;
    uint32_t type = SB_TYPE_NULL;

    OK(f, sb_graph_fetch(f->graph, entity, ids, count, key, arena, &column, &f->err));
    for (size_t i = 0; i < count; i++) {
        sb_value expected, got = column_value(&column, i);
        bool found;
        OK(f, sb_graph_get_props(f->graph, entity, ids[i], &key, 1, &expected, &found, &f->err));
        assert_int_equal(got.type, expected.type);
        assert_int_equal(sb_value_compare(&got, &expected), 0);
        if (expected.type == SB_TYPE_NULL) continue;
        present++;
        type = type == SB_TYPE_NULL || type == expected.type ? expected.type : SB_TYPE_MIXED;
    }
    assert_int_equal(column.present_count, present);
    assert_int_equal(column.type, type);
    sb_arena_destroy(arena);
}

static void check_sets(graph_fixture *f, const uint64_t *ids, size_t count)
{
    sb_set_id sets[200];
    uint8_t found[25];

    OK(f, sb_graph_fetch_sets(f->graph, ids, count, sets, found, &f->err));
    for (size_t i = 0; i < count; i++) {
        sb_set_id set;
        bool exists;
        OK(f, sb_graph_node_set(f->graph, ids[i], &set, &exists, &f->err));
        assert_int_equal(sb_bit_get(found, i), exists);
        assert_int_equal(sets[i], set);
    }
}

static void check_ends(graph_fixture *f, const uint64_t *ids, size_t count)
{
    sb_node_id sources[200], targets[200];
    sb_type_id types[200];
    uint8_t found[25];

    OK(f, sb_graph_fetch_ends(f->graph, ids, count, sources, targets, types, found, &f->err));
    for (size_t i = 0; i < count; i++) {
        sb_rel_record record;
        bool exists;
        OK(f, sb_graph_rel(f->graph, ids[i], &record, &exists, &f->err));
        assert_int_equal(sb_bit_get(found, i), exists);
        assert_int_equal(sources[i], exists ? record.source : 0);
        assert_int_equal(targets[i], exists ? record.target : 0);
        assert_int_equal(types[i], exists ? record.type : 0);
    }
    OK(f, sb_graph_fetch_ends(f->graph, ids, count, NULL, targets, NULL, found, &f->err));
}

static void check_all(graph_fixture *f, random_graph *g, sb_random *random)
{
    const sb_key_id keys[] = {g->n, g->name, g->since, g->note, g->any, SB_COLUMN_SET};

    for (unsigned round = 0; round < 30; round++) {
        const bool rels = round % 2 == 0;
        const size_t count = (size_t)sb_random_below(random, 201);
        uint64_t ids[200];
        for (size_t i = 0; i < count; i++)
            ids[i] = sb_random_below(random, 20) == 0 ? 0
                     : rels ? g->rels[sb_random_below(random, RANDOM_RELS)]
                            : g->nodes[sb_random_below(random, RANDOM_NODES)];
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
            check_column(f, rels ? SB_REL : SB_NODE, ids, count, keys[k]);
        if (rels)
            check_ends(f, ids, count);
        else
            check_sets(f, ids, count);
    }
    /* As a scan gives them, with gaps, deleted ones, and past the last. */
    for (unsigned round = 0; round < 30; round++) {
        const bool rels = round % 2 == 0;
        uint64_t ids[200], id = rels ? g->rels[sb_random_below(random, RANDOM_RELS)]
                                     : g->nodes[sb_random_below(random, RANDOM_NODES)];
        for (size_t i = 0; i < 200; i++)
            ids[i] = id += 1 + sb_random_below(random, 3);
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
            check_column(f, rels ? SB_REL : SB_NODE, ids, 200, keys[k]);
    }
    /* Of one type each: every twelfth value. */
    for (size_t first = 0; first < 12; first++) {
        uint64_t ids[40];
        for (size_t i = 0; i < 40; i++)
            ids[i] = g->nodes[300 + first + 12 * i];
        check_column(f, SB_NODE, ids, 40, g->any);
    }
}

static void set_prop(graph_fixture *f, sb_node_id node, const sb_prop *prop)
{
    const sb_op op = {.kind = SB_OP_SET_PROPS,
                      .entity = SB_NODE,
                      .target_entity = {node, -1},
                      .props = prop,
                      .prop_count = 1};
    sb_mutation result;

    OK(f, sb_graph_mutate(f->graph, &op, 1, &result, &f->err));
}

static void test_graph_fetch__columns(void **state)
{
    sb_random random = test_random(11);
    random_graph g;
    graph_fixture f;

    (void)state;
    graph_fixture_open(&f, 4096);
    make_random_graph(&f, &g, 3);
    begin_read(&f);
    check_all(&f, &g, &random);
    commit(&f);
    begin_write(&f);
    for (unsigned i = 300; i < 600; i += 7) {
        char any[32];
        const sb_prop prop = {g.any, value_of(sb_random_below(&random, 100), any)};
        set_prop(&f, g.nodes[i], &prop);
    }
    check_all(&f, &g, &random);
    rollback(&f);
    graph_fixture_close(&f);
}

/* ---- Columns of leaves ------------------------------------------------------------------------------------------- */

#define RUN 150u /* nodes that have one type of value, some of them */

/* RUN nodes of which every `each`-th has a value of one type: 0 to 11 as value_of has them; 12: strings, and one in overflow pages; 13: one string. */
static void make_run(graph_fixture *f, sb_key_id any, size_t type, size_t each, sb_node_id *ids)
{
    static char long_text[3000];

    memset(long_text, 'x', sizeof long_text);
    for (size_t i = 0; i < RUN; i++) {
        char buffer[32];
        sb_prop prop = {any, value_of(12 * i + (type < 12 ? type : 11), buffer)};
        const sb_op op = {
            .kind = SB_OP_CREATE_NODE, .props = &prop, .prop_count = i % each == 0 ? 1 : 0};
        sb_mutation result;
        if (type == 13) prop.value = string("the same");
        if (type == 12 && i == 100)
            prop.value =
                (sb_value){.type = SB_TYPE_STRING, .as.bytes = {long_text, sizeof long_text}};
        OK(f, sb_graph_mutate(f->graph, &op, 1, &result, &f->err));
        ids[i] = result.ids[0];
    }
}

/* How many of the ids come by column. */
static size_t taken_by_column(graph_fixture *f, const uint64_t *ids, size_t count, sb_key_id key)
{
    static sb_bytes values[RUN];
    static uint8_t present[(RUN + 7) / 8];
    sb_rows_column column = {
        .words = (uint64_t *)(void *)values, .bytes = values, .present = present, .borrows = true};
    size_t done;

    memset(values, 0, sizeof values);
    memset(present, 0, sizeof present);
    OK(f, sb_rows_take(f->graph->txn, sb_node_table(f->graph->view), ids, count, key, &column,
                       &done, &f->err));
    assert_int_equal(column.present_count, sb_bits_count(present, RUN));
    return done;
}

static void check_run(graph_fixture *f, sb_random *random, const sb_node_id *ids, sb_key_id any)
{
    check_column(f, SB_NODE, ids, RUN, any);
    for (unsigned round = 0; round < 4; round++) {
        uint64_t some[RUN];
        size_t count = 0;
        for (size_t i = (size_t)sb_random_below(random, 40); i < RUN;
             i += 1 + (size_t)sb_random_below(random, 3))
            some[count++] = ids[i];
        check_column(f, SB_NODE, some, count, any);
    }
}

/* A key for each type: what has several types under one key is read row by row. */
static sb_key_id key_for(graph_fixture *f, size_t type)
{
    char name[16];

    (void)snprintf(name, sizeof name, "key%zu", type);
    return key_of(f, name);
}

/* Every type, in every form that a leaf has for who has it, without and with holes between the rows. */
static void test_graph_fetch__runs(void **state)
{
    static const size_t each[] = {1, 2, 7, 40, 1000};
    static sb_node_id ids[14][5][RUN];
    sb_random random = test_random(13);
    graph_fixture f;
    sb_key_id keys[14];

    (void)state;
    graph_fixture_open(&f, 4096);
    begin_write(&f);
    for (size_t type = 0; type < 14; type++) {
        keys[type] = key_for(&f, type);
        for (size_t k = 0; k < 5; k++)
            make_run(&f, keys[type], type, each[k], ids[type][k]);
    }
    commit(&f);
    for (unsigned holes = 0; holes < 2; holes++) {
        begin_read(&f);
        for (size_t type = 0; type < 14; type++)
            for (size_t k = 0; k < 5; k++)
                check_run(&f, &random, ids[type][k], keys[type]);
        for (size_t type = 0; type < 14; type++)
            assert_int_equal(taken_by_column(&f, ids[type][1], RUN, keys[type]),
                             type == 12 ? 100 : RUN);
        assert_int_equal(taken_by_column(&f, ids[12][0] + 60, 90, keys[12]), 40);
        commit(&f);
        begin_write(&f);
        for (size_t type = 0; type < 14 && holes == 0; type++)
            for (size_t i = 0; i < RUN; i += 3) {
                const sb_op op = {.kind = SB_OP_DELETE_NODE,
                                  .entity = SB_NODE,
                                  .target_entity = {ids[type][0][i], -1}};
                sb_mutation result;
                OK(&f, sb_graph_mutate(f.graph, &op, 1, &result, &f.err));
            }
        check_run(&f, &random, ids[11][1], keys[11]);
        commit(&f);
    }
    graph_fixture_close(&f);
}

/* A word that no value of its type has is the file's fault. */
static void test_graph_fetch__out_of_range(void **state)
{
    static const struct {
        size_t type;
        uint8_t cell_type;
        uint64_t word;
    } wrong[] = {{0, SB_CELL_BOOL, 2},
                 {3, SB_CELL_DATE, 1ull << 62},
                 {3, SB_CELL_DATE, 1ull << 63},
                 {4, SB_CELL_LOCAL_TIME, UINT64_MAX},
                 {6, SB_CELL_LOCAL_DATETIME, 1ull << 63}};
    static sb_node_id ids[RUN];
    sb_fetched column;
    graph_fixture f;

    (void)state;
    graph_fixture_open(&f, 4096);
    begin_write(&f);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const sb_key_id any = key_for(&f, i);
        sb_arena *arena = sb_arena_create(&sb_allocator_libc, NULL);
        const sb_cell cell = {.key = any, .type = wrong[i].cell_type, .word = wrong[i].word};
        sb_tree table;
        bool found;

        make_run(&f, any, wrong[i].type, 1, ids);
        table = *sb_node_table(f.graph->view);
        OK(&f, sb_row_set(f.graph->txn, &table, ids[77], &cell, 1, &found, &f.err));
        assert_true(found);
        assert_int_equal(taken_by_column(&f, ids + 60, 30, any), 30);
        FAILS(&f, sb_graph_fetch(f.graph, SB_NODE, ids + 40, 60, any, arena, &column, &f.err),
              SB_CORRUPT, "not a valid");
        sb_arena_destroy(arena);
    }
    rollback(&f);
    graph_fixture_close(&f);
}

/* In a transaction that writes, strings outlive a change of their page. */
static void test_graph_fetch__copies_while_writing(void **state)
{
    sb_arena *arena = sb_arena_create(&sb_allocator_libc, NULL);
    random_graph g;
    graph_fixture f;
    sb_fetched column;
    char before[64];

    (void)state;
    graph_fixture_open(&f, 4096);
    make_random_graph(&f, &g, 3);
    begin_write(&f);
    {
        const sb_prop prop = {g.note, string("changed, so that the page is this transaction's")};
        set_prop(&f, g.nodes[400], &prop);
    }
    OK(&f, sb_graph_fetch(f.graph, SB_NODE, &g.nodes[401], 1, g.name, arena, &column, &f.err));
    assert_int_equal(column.type, SB_TYPE_STRING);
    (void)snprintf(before, sizeof before, "name %d", 401);
    for (unsigned i = 401; i < 440; i++) {
        const sb_prop prop = {g.note, string("longer than what there was before")};
        set_prop(&f, g.nodes[i], &prop);
    }
    assert_int_equal(column.bytes[0].size, strlen(before));
    assert_memory_equal(column.bytes[0].data, before, strlen(before));
    rollback(&f);
    sb_arena_destroy(arena);
    graph_fixture_close(&f);
}

static void test_graph_fetch__few_cached_pages(void **state)
{
    sb_random random = test_random(12);
    sb_pager_options options;
    random_graph g;
    graph_fixture f;

    (void)state;
    graph_fixture_open(&f, 4096);
    make_random_graph(&f, &g, 4);
    graph_close_file(&f);
    sb_pager_options_init(&options);
    options.alloc = &f.alloc.base;
    options.vfs = f.vfs;
    options.profile = &f.profile;
    options.durability = SB_DURABLE_OFF;
    options.check = sb_tree_check_page;
    options.read_mode = SB_READ_CACHE;
    options.cache_pages = 8;
    OK(&f, sb_pager_open("test.sombra", &options, &f.pager, &f.err));
    OK(&f, sb_session_open(f.pager, &f.session, &f.err));
    begin_read(&f);
    check_all(&f, &g, &random);
    commit(&f);
    graph_fixture_close(&f);
}

/* Every allocation of a column may fail. */
static void test_graph_fetch__no_memory(void **state)
{
    random_graph g;
    graph_fixture f;
    bool done = false;

    (void)state;
    graph_fixture_open(&f, 4096);
    make_random_graph(&f, &g, 3);
    begin_read(&f);
    for (uint64_t room = 0; !done; room += 512) {
        sb_counting_allocator bounded;
        sb_arena *arena;
        sb_fetched column;
        sb_counting_allocator_init(&bounded, &sb_allocator_libc);
        arena = sb_arena_create(&bounded.base, NULL);
        assert_non_null(arena);
        bounded.limit_bytes = bounded.live_bytes + room;
        done = sb_graph_fetch(f.graph, SB_NODE, g.nodes + 300, 400, g.any, arena, &column,
                              &f.err) == SB_OK;
        if (!done) assert_int_equal(f.err.code, SB_NOMEM);
        sb_err_clear(&f.err);
        sb_arena_destroy(arena);
    }
    commit(&f);
    graph_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_graph_fetch__columns),          TEST(test_graph_fetch__runs),
        TEST(test_graph_fetch__out_of_range),     TEST(test_graph_fetch__copies_while_writing),
        TEST(test_graph_fetch__few_cached_pages), TEST(test_graph_fetch__no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
