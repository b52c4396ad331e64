/* Goal: the digest tells content and nothing else; a vacuumed database has the same content in fewer pages.
 * Method: one small graph is made in two orders, then with one thing different at a time. */
#include "random_graph.h"

typedef struct variant {
    bool reversed;   /* order of creation, and ids in between */
    unsigned change; /* 0: none; else which thing is different */
} variant;
#define CHANGES 14u

typedef struct digest {
    uint8_t bytes[16];
} digest;

static digest digest_of(graph_fixture *f)
{
    digest d;
    OK(f, sb_graph_digest(f->graph, d.bytes, &f->err));
    return d;
}

static sb_node_id put_node(graph_fixture *f, const char *const *labels, const sb_prop *props,
                           size_t prop_count)
{
    sb_label_id ids[4];
    sb_op op = {.kind = SB_OP_CREATE_NODE, .labels = ids, .props = props, .prop_count = prop_count};
    sb_mutation result;

    for (; labels[op.label_count] != NULL; op.label_count++)
        ids[op.label_count] = label(f, labels[op.label_count]);
    OK(f, sb_graph_mutate(f->graph, &op, 1, &result, &f->err));
    return result.ids[0];
}

static void put_rel(graph_fixture *f, sb_node_id source, const char *type, sb_node_id target,
                    const sb_prop *props, size_t prop_count)
{
    const sb_op op = {.kind = SB_OP_CREATE_REL,
                      .entity = SB_REL,
                      .source = {source, -1},
                      .target = {target, -1},
                      .type = type_of(f, type),
                      .props = props,
                      .prop_count = prop_count};
    sb_mutation result;

    OK(f, sb_graph_mutate(f->graph, &op, 1, &result, &f->err));
}

/* Five nodes, seven relationships, a loop and two parallel ones among them. */
static void make_variant(graph_fixture *f, const variant *v)
{
    static const char *const person[] = {"Person", NULL}, *const both[] = {"Person", "Admin", NULL},
                             *const none[] = {NULL};
    const unsigned c = v->change;
    const sb_value list[] = {integer(1), string("a"), real(0.5)};
    sb_node_id nodes[5];

    if (v->reversed) { /* other numbers for names and ids */
        (void)type_of(f, "B");
        (void)key_of(f, "weight");
        (void)label(f, "Unused");
        (void)label(f, "Admin");
        for (int i = 0; i < 70; i++)
            (void)put_node(f, both, NULL, 0);
        for (sb_node_id id = 1; id < 500; id++) {
            const sb_op op = {.kind = SB_OP_DELETE_NODE, .target_entity = {id, -1}};
            sb_mutation result;
            if (sb_graph_mutate(f->graph, &op, 1, &result, &f->err) != SB_OK) sb_err_clear(&f->err);
        }
    }
    for (unsigned step = 0; step < 5; step++) {
        const unsigned i = v->reversed ? 4 - step : step;
        sb_prop props[3] = {{key_of(f, "name"), string(i == 0   ? "a"
                                                       : i == 1 ? "b"
                                                                : "c")},
                            {key_of(f, "n"), integer(i / 2)}};
        size_t count = 2;
        if (i == 2 && c == 1) props[1].value = integer(2);
        if (i == 2 && c == 2) props[1].value = real(1.0); /* the same number, another type */
        if (i == 2 && c == 3) count = 1;
        if (i == 2 && c == 4) props[0].key = key_of(f, "nom");
        if (i == 3 && c != 5)
            props[count++] = (sb_prop){key_of(f, "list"),
                                       {.type = SB_TYPE_LIST, .as.list = {list, c == 6 ? 2 : 3}}};
        nodes[i] = put_node(f, i == 0 ? both : i == 4 && c != 7 ? none : person, props, count);
    }
    for (unsigned step = 0; step < 7; step++) {
        const unsigned i = v->reversed ? 6 - step : step;
        static const unsigned ends[7][2] = {{0, 1}, {0, 1}, {1, 2}, {2, 3}, {3, 3}, {3, 4}, {4, 0}};
        const sb_prop weight = {key_of(f, "weight"), integer(i)};
        unsigned from = ends[i][0], to = ends[i][1];
        if (i == 2 && c == 8) from = ends[i][1], to = ends[i][0];
        if (i == 5 && c == 9) to = 2;
        put_rel(f, nodes[from],
                i == 3 && c == 10 ? "B"
                : i < 2           ? "A"
                : i == 6          ? "B"
                                  : "C",
                nodes[to], &weight, i == 6 && c != 11 ? 1 : 0);
    }
    if (c == 12) put_rel(f, nodes[0], "A", nodes[1], NULL, 0); /* a third parallel one */
    if (c == 13) (void)put_node(f, none, NULL, 0);
    if (c == 14) put_rel(f, nodes[1], "C", nodes[1], NULL, 0);
}

static digest digest_of_variant(const variant *v)
{
    graph_fixture f;
    digest d, again;

    graph_fixture_open(&f, v->reversed ? 8192 : 4096);
    begin_write(&f);
    make_variant(&f, v);
    d = digest_of(&f); /* with relationships pending */
    commit(&f);
    begin_read(&f);
    again = digest_of(&f);
    assert_memory_equal(&d, &again, sizeof d);
    rollback(&f);
    graph_fixture_close(&f);
    return d;
}

static void test_graph_digest__order_and_ids(void **state)
{
    const variant plain = {.reversed = false}, reversed = {.reversed = true};
    const digest a = digest_of_variant(&plain), b = digest_of_variant(&reversed);

    (void)state;
    assert_memory_equal(&a, &b, sizeof a);
}

static void test_graph_digest__any_change(void **state)
{
    digest all[CHANGES + 1];

    (void)state;
    for (unsigned change = 0; change <= CHANGES; change++) {
        const variant v = {.change = change}, reversed = {.reversed = true, .change = change};
        all[change] = digest_of_variant(&v);
        const digest same = digest_of_variant(&reversed);
        assert_memory_equal(&all[change], &same, sizeof same);
        for (unsigned before = 0; before < change; before++) {
            if (memcmp(&all[before], &all[change], sizeof all[0]) == 0)
                print_error("changes %u and %u\n", before, change);
            assert_memory_not_equal(&all[before], &all[change], sizeof all[0]);
        }
    }
}

static void test_graph_digest__value_types(void **state)
{
    static const sb_value items[] = {{.type = SB_TYPE_INT, .as.integer = 1}};
    const sb_value values[] = {
        integer(1),
        real(1),
        {.type = SB_TYPE_BOOL, .as.boolean = true},
        string("1"),
        {.type = SB_TYPE_BYTES, .as.bytes = {"1", 1}},
        {.type = SB_TYPE_DATE, .as.integer = 1},
        {.type = SB_TYPE_LOCAL_TIME, .as.integer = 1},
        {.type = SB_TYPE_TIME, .as.time = {1, 0}},
        {.type = SB_TYPE_TIME, .as.time = {1, 60}},
        {.type = SB_TYPE_LOCAL_DATETIME, .as.datetime = {.seconds = 1}},
        {.type = SB_TYPE_DATETIME, .as.datetime = {.seconds = 1}},
        {.type = SB_TYPE_DATETIME, .as.datetime = {.seconds = 1, .offset = 60}},
        {.type = SB_TYPE_DURATION, .as.duration = {.months = 1}},
        {.type = SB_TYPE_DURATION, .as.duration = {.days = 1}},
        {.type = SB_TYPE_POINT, .extra = 7203, .as.point = {1, 0, 0}},
        {.type = SB_TYPE_POINT, .extra = 9157, .as.point = {1, 0, 0}},
        {.type = SB_TYPE_LIST, .as.list = {items, 1}},
        {.type = SB_TYPE_LIST, .as.list = {items, 0}}};
    enum { COUNT = sizeof values / sizeof values[0] };
    digest all[COUNT];
    graph_fixture f;

    (void)state;
    graph_fixture_open(&f, 4096);
    for (size_t i = 0; i < COUNT; i++) {
        static const char *const none[] = {NULL};
        begin_write(&f);
        const sb_prop prop = {key_of(&f, "v"), values[i]};
        (void)put_node(&f, none, &prop, 1);
        all[i] = digest_of(&f);
        rollback(&f);
        for (size_t before = 0; before < i; before++)
            assert_memory_not_equal(&all[before], &all[i], sizeof all[0]);
    }
    graph_fixture_close(&f);
}

/* The limit that docs/LIMITS.md tells of: a ring of six and two rings of three. A label on one node tells them apart. */
static void test_graph_digest__look_alikes(void **state)
{
    static const unsigned next[2][6] = {{1, 2, 3, 4, 5, 0}, {1, 2, 0, 4, 5, 3}};
    digest all[2][2];
    graph_fixture f;

    (void)state;
    graph_fixture_open(&f, 4096);
    for (unsigned wiring = 0; wiring < 2; wiring++)
        for (unsigned labeled = 0; labeled < 2; labeled++) {
            sb_node_id nodes[6];
            begin_write(&f);
            for (unsigned i = 0; i < 6; i++) {
                const char *const labels[] = {i == 0 && labeled ? "First" : NULL, NULL};
                nodes[i] = put_node(&f, labels, NULL, 0);
            }
            for (unsigned i = 0; i < 6; i++)
                put_rel(&f, nodes[i], "NEXT", nodes[next[wiring][i]], NULL, 0);
            all[wiring][labeled] = digest_of(&f);
            rollback(&f);
        }
    assert_memory_equal(&all[0][0], &all[1][0], sizeof(digest));
    assert_memory_not_equal(&all[0][1], &all[1][1], sizeof(digest));
    graph_fixture_close(&f);
}

/* Indexes and constraints that differ in one thing from the first, which is made alone and behind another one. */
static void test_graph_digest__schema(void **state)
{
    enum { COUNT = 8 };
    digest all[COUNT + 2];
    graph_fixture f;

    (void)state;
    graph_fixture_open(&f, 4096);
    for (unsigned i = 0; i < COUNT + 2; i++) {
        begin_write(&f);
        const sb_key_id key = key_of(&f, "k"), other = key_of(&f, "l");
        sb_schema schemas[2] = {{.kind = SB_SCHEMA_UNIQUE,
                                 .entity = label(&f, "A"),
                                 .key_count = 1,
                                 .keys = {key},
                                 .name = sb_bytes_of("one", 3)},
                                {.kind = SB_SCHEMA_INDEX,
                                 .on_rels = true,
                                 .entity = type_of(&f, "R"),
                                 .key_count = 2,
                                 .keys = {other, key},
                                 .name = sb_bytes_of("two", 3)}};
        const bool reversed = i == COUNT + 1;
        size_t count = i >= COUNT ? 2 : 1;
        switch (i) {
        case 1: schemas[0].kind = SB_SCHEMA_NODE_KEY; break;
        case 2: schemas[0].entity = label(&f, "B"); break;
        case 3: schemas[0].keys[0] = other; break;
        case 4: schemas[0].name = sb_bytes_of("two", 3); break;
        case 5: count = 0; break;
        case 6: schemas[0] = schemas[1]; break;
        case 7:
            schemas[0] = schemas[1];
            schemas[0].keys[0] = key;
            schemas[0].keys[1] = other;
            break;
        default: break;
        }
        for (size_t n = 0; n < count; n++) {
            uint32_t id;
            OK(&f, sb_graph_schema_create(f.graph, &schemas[reversed ? 1 - n : n], &id, &f.err));
        }
        OK(&f, sb_graph_schema_digest(f.graph, all[i].bytes, &f.err));
        rollback(&f);
        for (unsigned before = 0; before < i && !reversed; before++)
            assert_memory_not_equal(&all[before], &all[i], sizeof all[0]);
    }
    assert_memory_equal(&all[COUNT], &all[COUNT + 1], sizeof all[0]);
    graph_fixture_close(&f);
}

/* A relationship into nothing is no content. */
static void test_graph_digest__missing_end(void **state)
{
    graph_fixture f;
    random_graph *g = calloc(1, sizeof *g);
    uint8_t bytes[16];
    size_t deleted;

    (void)state;
    graph_fixture_open(&f, 4096);
    make_random_graph(&f, g, 8);
    begin_write(&f);
    for (size_t i = 400; i < 420; i++)
        OK(&f, sb_rows_delete(f.txn, sb_node_table(f.view), g->nodes + i, 1, &deleted, &f.err));
    FAILS(&f, sb_graph_digest(f.graph, bytes, &f.err), SB_CORRUPT, "does not exist");
    rollback(&f);
    graph_fixture_close(&f);
    free(g);
}

/* ---- Vacuum ------------------------------------------------------------------------------------------------------ */

/* Much is made and deleted again, so that there is something to gain. */
static void make_sparse(graph_fixture *f, random_graph *g)
{
    sb_node_id *ids = malloc(6000 * sizeof *ids), *rels = malloc(6000 * sizeof *rels);

    make_random_graph(f, g, 6);
    begin_write(f);
    OK(f, sb_graph_create_nodes(f->graph, set_of_label(f, g->city), 6000, NULL, 0, ids, &f->err));
    OK(f, sb_graph_create_rels(f->graph, g->knows, 6000, ids, ids, NULL, 0, rels, &f->err));
    commit(f);
    begin_write(f);
    sb_node_id first = g->nodes[RANDOM_NODES - 1];
    for (sb_node_id id = first + 1; id < first + 14000; id++) {
        const sb_op op = {.kind = SB_OP_DELETE_NODE, .target_entity = {id, -1}, .detach = true};
        sb_mutation result;
        if (sb_graph_mutate(f->graph, &op, 1, &result, &f->err) != SB_OK) sb_err_clear(&f->err);
    }
    commit(f);
    free(ids);
    free(rels);
}

static void test_graph_vacuum__into(void **state)
{
    graph_fixture f;
    random_graph *g = calloc(1, sizeof *g);
    told *t = calloc(1, sizeof *t);
    sb_pager_info before, after;

    (void)state;
    graph_fixture_open(&f, 4096);
    make_sparse(&f, g);
    begin_read(&f);
    const digest d = digest_of(&f);
    OK(&f, sb_pager_get_info(f.pager, &before, &f.err));
    OK(&f, sb_graph_vacuum_into(f.graph, f.vfs, "copy.sombra", &f.err));
    FAILS(&f, sb_graph_vacuum_into(f.graph, f.vfs, "copy.sombra", &f.err), SB_EXISTS,
          "copy.sombra");
    rollback(&f);
    begin_write(&f);
    (void)label(&f, "New");
    sb_node_id id;
    OK(&f, sb_graph_create_nodes(f.graph, 0, 1, NULL, 0, &id, &f.err));
    FAILS(&f, sb_graph_vacuum_into(f.graph, f.vfs, "other.sombra", &f.err), SB_MISUSE, "commit");
    rollback(&f);
    graph_close_file(&f);
    bool existed;
    OK(&f, f.vfs->ops->remove(f.vfs, "test.sombra", &existed, &f.err));
    OK(&f, f.vfs->ops->rename(f.vfs, "copy.sombra", "test.sombra", &f.err));
    graph_open_file(&f);
    begin_read(&f);
    const digest copied = digest_of(&f);
    assert_memory_equal(&d, &copied, sizeof d);
    assert_sound(&f, t);
    OK(&f, sb_pager_get_info(f.pager, &after, &f.err));
    assert_int_equal(after.free_pages, 0);
    assert_true(after.page_count < before.page_count);
    rollback(&f);
    graph_fixture_close(&f);
    free(g);
    free(t);
}

static void test_graph_vacuum__in_place(void **state)
{
    graph_fixture f;
    random_graph *g = calloc(1, sizeof *g);
    told *t = calloc(1, sizeof *t);
    sb_pager_info before, after;
    bool exists;

    (void)state;
    graph_fixture_open(&f, 4096);
    make_sparse(&f, g);
    begin_read(&f);
    const digest d = digest_of(&f);
    OK(&f, sb_pager_get_info(f.pager, &before, &f.err));
    rollback(&f);
    OK(&f, sb_graph_vacuum(f.session, &f.err));
    begin_read(&f);
    const digest same = digest_of(&f);
    assert_memory_equal(&d, &same, sizeof d);
    assert_sound(&f, t);
    OK(&f, sb_pager_get_info(f.pager, &after, &f.err));
    assert_true(after.page_count < before.page_count);
    assert_true(after.file_bytes < before.file_bytes);
    rollback(&f);
    OK(&f, f.vfs->ops->exists(f.vfs, "test.sombra-vacuum", &exists, &f.err));
    assert_false(exists);
    begin_write(&f); /* and life goes on */
    sb_node_id id;
    sb_rel_id rel;
    OK(&f, sb_graph_create_nodes(f.graph, set_of_label(&f, g->city), 1, NULL, 0, &id, &f.err));
    OK(&f, sb_graph_create_rels(f.graph, g->knows, 1, &id, &id, NULL, 0, &rel, &f.err));
    commit(&f);
    graph_reopen(&f);
    begin_read(&f);
    assert_sound(&f, t);
    rollback(&f);
    graph_fixture_close(&f);
    free(g);
    free(t);
}

/* Cancelled, nothing stays of it. */
static bool refuse(void *ctx, uint64_t done, uint64_t total)
{
    (void)done;
    (void)total;
    return --*(int *)ctx > 0;
}

static void test_graph_vacuum__cancelled(void **state)
{
    graph_fixture f;
    random_graph *g = calloc(1, sizeof *g);
    told *t = calloc(1, sizeof *t);
    int left = 3;
    bool exists;

    (void)state;
    graph_fixture_open(&f, 4096);
    make_random_graph(&f, g, 7);
    f.settings.progress = refuse;
    f.settings.progress_ctx = &left;
    OK(&f, sb_graph_configure(f.session, &f.settings, &f.err));
    FAILS(&f, sb_graph_vacuum(f.session, &f.err), SB_INTERRUPT, "cancelled");
    left = 3;
    begin_read(&f);
    FAILS(&f, sb_graph_vacuum_into(f.graph, f.vfs, "copy.sombra", &f.err), SB_INTERRUPT,
          "cancelled");
    rollback(&f);
    OK(&f, f.vfs->ops->exists(f.vfs, "copy.sombra", &exists, &f.err));
    assert_false(exists);
    OK(&f, f.vfs->ops->exists(f.vfs, "test.sombra-vacuum", &exists, &f.err));
    assert_false(exists);
    f.settings.progress = NULL;
    OK(&f, sb_graph_configure(f.session, &f.settings, &f.err));
    begin_read(&f);
    assert_sound(&f, t);
    rollback(&f);
    graph_fixture_close(&f);
    free(g);
    free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_graph_digest__order_and_ids), TEST(test_graph_digest__any_change),
        TEST(test_graph_digest__value_types),   TEST(test_graph_digest__look_alikes),
        TEST(test_graph_digest__schema),        TEST(test_graph_digest__missing_end),
        TEST(test_graph_vacuum__into),          TEST(test_graph_vacuum__in_place),
        TEST(test_graph_vacuum__cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
