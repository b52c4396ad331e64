/* Goal: verify finds every kind of inconsistency, names it, and is silent about a sound database.
 * Method: a random graph is damaged on purpose through the layers below, in a transaction that is rolled back; damage of pages
 * is done to the file. */
#include "random_graph.h"

typedef struct fixture {
    graph_fixture f;
    random_graph g;
    told t;
} fixture;

static int open_fixture(void **state)
{
    fixture *x = calloc(1, sizeof *x);
    graph_fixture_open(&x->f, 4096);
    make_random_graph(&x->f, &x->g, 1);
    *state = x;
    return 0;
}

static int close_fixture(void **state)
{
    fixture *x = *state;
    graph_fixture_close(&x->f);
    free(x);
    return 0;
}

/* Verify what the open transaction has done, roll it back, and see that all is well again. */
static void expect(fixture *x, const char *part)
{
    const sb_verify_result result = verify_graph(&x->f, &x->t);
    assert_true(result.findings > 0);
    assert_told(&x->t, part);
    rollback(&x->f);
    begin_read(&x->f);
    assert_sound(&x->f, &x->t);
    rollback(&x->f);
}

static void test_graph_verify__sound(void **state)
{
    fixture *x = *state;
    sb_verify_result result;
    sb_pager_info info;

    begin_read(&x->f);
    result = verify_graph(&x->f, &x->t);
    assert_string_equal(x->t.text, "");
    assert_int_equal(result.findings, 0);
    assert_int_equal(result.nodes, RANDOM_NODES - 100);
    assert_in_range(result.rels, RANDOM_RELS / 2, RANDOM_RELS - 1);
    assert_true(result.index_entries > RANDOM_NODES);
    OK(&x->f, sb_pager_get_info(x->f.pager, &info, &x->f.err));
    assert_int_equal(result.pages, info.page_count);
    assert_int_equal(result.free_pages, info.free_pages);
    rollback(&x->f);
}

static sb_rel_record some_rel(fixture *x, sb_type_id type)
{
    sb_rel_record record = {0};
    bool found = false;

    for (size_t i = RANDOM_RELS / 2; !found || record.type != type; i++)
        OK(&x->f, sb_graph_rel(x->f.graph, x->g.rels[i], &record, &found, &x->f.err));
    return record;
}

/* A node that was not deleted, with a label. */
static sb_node_id some_node(fixture *x, sb_label_id wanted)
{
    for (size_t i = 300; i < RANDOM_NODES; i++) {
        sb_set_id set;
        bool found;
        OK(&x->f, sb_graph_node_set(x->f.graph, x->g.nodes[i], &set, &found, &x->f.err));
        if (found && sb_set_has(x->f.view, set, wanted)) return x->g.nodes[i];
    }
    fail();
    return 0;
}

static void test_graph_verify__lists(void **state)
{
    fixture *x = *state;
    const sb_type_id types[] = {x->g.knows, x->g.likes}; /* a tree of its own, a shared one */
    size_t deleted;

    for (size_t i = 0; i < 2; i++) {
        begin_write(&x->f);
        sb_rel_record rel = some_rel(x, types[i]);
        sb_triple out = {rel.source, rel.target, rel.id}, in = {rel.target, rel.source, rel.id};
        OK(&x->f, sb_adjacency_delete(x->f.view, types[i], SB_OUT, &out, 1, &deleted, &x->f.err));
        assert_int_equal(deleted, 1);
        expect(x, "is not in the outgoing list of node");
        begin_write(&x->f);
        OK(&x->f, sb_adjacency_delete(x->f.view, types[i], SB_IN, &in, 1, &deleted, &x->f.err));
        expect(x, "is not in the incoming list of node");
        begin_write(&x->f);
        out.rel = 40000;
        OK(&x->f, sb_adjacency_insert(x->f.view, types[i], SB_OUT, &out, 1, &x->f.err));
        expect(x, "which does not exist");
        begin_write(&x->f);
        in.neighbor = x->g.nodes[0] + x->g.nodes[1]; /* once more, from somewhere else */
        OK(&x->f, sb_adjacency_insert(x->f.view, types[i], SB_IN, &in, 1, &x->f.err));
        expect(x, "whose row says");
    }
}

/* Change one system column of a row. */
static void set_word(fixture *x, sb_tree *table, uint64_t id, uint32_t key, uint8_t type,
                     uint64_t word)
{
    const sb_cell cell = {.key = key, .type = type, .word = word};
    bool found;

    OK(&x->f, sb_row_set(x->f.txn, table, id, &cell, 1, &found, &x->f.err));
    assert_true(found);
}

static void test_graph_verify__ends(void **state)
{
    fixture *x = *state;
    char part[64];

    begin_write(&x->f);
    sb_rel_record rel = some_rel(x, x->g.knows);
    set_word(x, sb_rel_table(x->f.view), rel.id, SB_COLUMN_SOURCE, SB_CELL_INT,
             rel.source == x->g.nodes[0] ? x->g.nodes[1] : x->g.nodes[0]);
    expect(x, "whose row says");
    begin_write(&x->f);
    set_word(x, sb_rel_table(x->f.view), rel.id, SB_COLUMN_TARGET, SB_CELL_INT, x->g.nodes[150]);
    (void)snprintf(part, sizeof part, "its target, node %llu, does not exist",
                   (unsigned long long)x->g.nodes[150]);
    expect(x, part);
    begin_write(&x->f);
    set_word(x, sb_rel_table(x->f.view), rel.id, SB_COLUMN_TYPE, SB_CELL_INT, 77);
    expect(x, "has type 77, which does not exist");
    begin_write(&x->f);
    set_word(x, sb_rel_table(x->f.view), rel.id, SB_COLUMN_TYPE, SB_CELL_INT, x->g.likes);
    expect(x, "statistics");
    begin_write(&x->f);
    size_t deleted;
    const sb_node_id node = rel.source;
    OK(&x->f, sb_rows_delete(x->f.txn, sb_node_table(x->f.view), &node, 1, &deleted, &x->f.err));
    expect(x, "its source, node");
}

static void test_graph_verify__rows(void **state)
{
    fixture *x = *state;
    const uint64_t far = 5000000, set = 0;
    const sb_column column = {.key = SB_COLUMN_SET, .type = SB_CELL_INT, .words = &set};
    const sb_cell text_cell = {.key = x->g.name,
                               .type = SB_CELL_STRING,
                               .word = 2,
                               .bytes = {(const uint8_t *)"\xff\xfe", 2}};
    bool found;

    begin_write(&x->f);
    const sb_node_id node = some_node(x, x->g.person);
    set_word(x, sb_node_table(x->f.view), node, SB_COLUMN_SET, SB_CELL_INT, 99);
    expect(x, "label set 99, which does not exist");
    begin_write(&x->f);
    set_word(x, sb_node_table(x->f.view), node, 55, SB_CELL_INT, 1);
    expect(x, "property key 55, which does not exist");
    begin_write(&x->f);
    set_word(x, sb_node_table(x->f.view), node, x->g.any, SB_CELL_BOOL, 7);
    expect(x, "property any has no valid value");
    begin_write(&x->f);
    OK(&x->f,
       sb_row_set(x->f.txn, sb_node_table(x->f.view), node, &text_cell, 1, &found, &x->f.err));
    expect(x, "property name has no valid value");
    begin_write(&x->f);
    const sb_rows rows = {.ids = &far, .row_count = 1, .columns = &column, .column_count = 1};
    OK(&x->f, sb_rows_put(x->f.txn, sb_node_table(x->f.view), &rows, &x->f.err));
    expect(x, "node 5000000: ids from");
    begin_write(&x->f);
    const sb_rows bare = {.ids = &node, .row_count = 1};
    OK(&x->f, sb_rows_put(x->f.txn, sb_node_table(x->f.view), &bare, &x->f.err));
    expect(x, "has no label set");
}

static void test_graph_verify__labels(void **state)
{
    fixture *x = *state;
    sb_node_id ids[4096];
    size_t count;

    begin_write(&x->f);
    sb_node_id node = some_node(x, x->g.city);
    OK(&x->f, sb_label_index_remove(x->f.view, x->g.city, &node, 1, &x->f.err));
    expect(x, "carries label City, and is not in its index");
    begin_write(&x->f);
    node = x->g.nodes[150]; /* deleted */
    OK(&x->f, sb_label_index_add(x->f.view, x->g.city, &node, 1, &x->f.err));
    expect(x, "under City, which does not exist");
    begin_write(&x->f);
    OK(&x->f, sb_label_index_scan(x->f.view, x->g.person, 0, ids, 4096, &count, &x->f.err));
    OK(&x->f, sb_label_index_add(x->f.view, x->g.company, ids, count, &x->f.err));
    expect(x, "which does not carry it");
    begin_write(&x->f);
    OK(&x->f, sb_label_index_add(x->f.view, 4, ids, 1, &x->f.err));
    expect(x, "label 4, which does not exist");
    begin_write(&x->f); /* many are counted */
    assert_true(count > 150);
    OK(&x->f, sb_label_index_remove(x->f.view, x->g.person, ids, 150, &x->f.err));
    expect(x, "and 50 more findings about the label index");
}

/* Key of an entity's entry in an index. */
static void entry_key(fixture *x, uint32_t schema, const sb_value *value, uint64_t id,
                      sb_buffer *key)
{
    bool cut;

    sb_buffer_reset(key);
    OK(&x->f, sb_index_key(x->f.view, schema, value, 1, id, key, &cut, &x->f.err));
}

static void test_graph_verify__indexes(void **state)
{
    fixture *x = *state;
    sb_value value;
    sb_buffer key;
    bool found;

    sb_buffer_init(&key, &sb_allocator_libc);
    begin_write(&x->f);
    const sb_node_id node = some_node(x, x->g.person);
    OK(&x->f, sb_graph_get_props(x->f.graph, SB_NODE, node, &x->g.n, 1, &value, &found, &x->f.err));
    entry_key(x, x->g.person_n, &value, node, &key);
    OK(&x->f, sb_tree_delete(x->f.txn, sb_schema_tree(x->f.view, x->g.person_n),
                             sb_buffer_bytes(&key), &found, &x->f.err));
    assert_true(found);
    expect(x, "index person_n lacks the entry of node");
    begin_write(&x->f);
    value.as.integer += 1000;
    entry_key(x, x->g.person_n, &value, node, &key);
    OK(&x->f, sb_tree_put(x->f.txn, sb_schema_tree(x->f.view, x->g.person_n), sb_buffer_bytes(&key),
                          sb_bytes_of(NULL, 0), &x->f.err));
    expect(x, "which has no such values");
    begin_write(&x->f);
    entry_key(x, x->g.knows_since, &value, 999999, &key);
    OK(&x->f, sb_tree_put(x->f.txn, sb_schema_tree(x->f.view, x->g.knows_since),
                          sb_buffer_bytes(&key), sb_bytes_of(NULL, 0), &x->f.err));
    expect(x, "index knows_since has an entry of relationship 999999, which does not exist");
    begin_write(&x->f); /* the row changes behind the index's back */
    set_word(x, sb_node_table(x->f.view), node, x->g.n, SB_CELL_INT, 123456);
    expect(x, "index person_n lacks the entry of node");
    sb_buffer_deinit(&key);
}

/* Verify what the open transaction has done, and roll it back: how many findings? */
static uint64_t count_findings(fixture *x)
{
    const uint64_t findings = verify_graph(&x->f, &x->t).findings;

    rollback(&x->f);
    return findings;
}

/* Behind as many findings of a kind as are told, what differs is one more, and nobody looks for its parts: that would be a pass over
 * the whole table for each type, label and index. */
static void test_graph_verify__details_end(void **state)
{
    enum { MANY = 150 };
    fixture *x = *state;
    sb_triple triples[MANY];
    sb_node_id ids[MANY];
    size_t count;
    sb_value value = {.type = SB_TYPE_INT};
    sb_buffer key;

    for (size_t i = 0; i < MANY; i++)
        triples[i] = (sb_triple){.node = i + 1, .neighbor = 1, .rel = 40000 + i};
    begin_write(&x->f);
    OK(&x->f, sb_adjacency_insert(x->f.view, x->g.knows, SB_OUT, triples, MANY, &x->f.err));
    OK(&x->f, sb_adjacency_insert(x->f.view, x->g.likes, SB_OUT, triples, 2, &x->f.err));
    assert_int_equal(count_findings(x), MANY + 1);
    begin_write(&x->f);
    OK(&x->f, sb_label_index_scan(x->f.view, x->g.person, 0, ids, MANY, &count, &x->f.err));
    assert_int_equal(count, MANY);
    OK(&x->f, sb_label_index_remove(x->f.view, x->g.person, ids, MANY, &x->f.err));
    OK(&x->f, sb_label_index_scan(x->f.view, x->g.company, 0, ids, 2, &count, &x->f.err));
    OK(&x->f, sb_label_index_remove(x->f.view, x->g.company, ids, 2, &x->f.err));
    assert_int_equal(count_findings(x), MANY + 1);
    begin_write(&x->f);
    sb_buffer_init(&key, &sb_allocator_libc);
    for (size_t i = 0; i < MANY + 2; i++) {
        const uint32_t schema = i < MANY ? x->g.person_n : x->g.knows_since;
        entry_key(x, schema, &value, 900000 + i, &key);
        OK(&x->f, sb_tree_put(x->f.txn, sb_schema_tree(x->f.view, schema), sb_buffer_bytes(&key),
                              sb_bytes_of(NULL, 0), &x->f.err));
    }
    sb_buffer_deinit(&key);
    assert_int_equal(count_findings(x), MANY + 1);
}

static void test_graph_verify__constraints(void **state)
{
    fixture *x = *state;
    const sb_cell gone = {.key = x->g.name, .type = SB_CLASS_NULL};
    sb_value values[2];
    sb_buffer key;
    bool found;

    sb_buffer_init(&key, &sb_allocator_libc);
    begin_write(&x->f); /* two cities of one name, in rows and index alike */
    const sb_node_id city = some_node(x, x->g.city);
    const sb_node_id other = x->g.nodes[1];
    OK(&x->f,
       sb_graph_get_props(x->f.graph, SB_NODE, city, &x->g.name, 1, &values[0], &found, &x->f.err));
    entry_key(x, x->g.city_name, &values[0], other, &key);
    OK(&x->f, sb_tree_put(x->f.txn, sb_schema_tree(x->f.view, x->g.city_name),
                          sb_buffer_bytes(&key), sb_bytes_of(NULL, 0), &x->f.err));
    const sb_cell same = {.key = x->g.name,
                          .type = SB_CELL_STRING,
                          .word = values[0].as.bytes.size,
                          .bytes = {values[0].as.bytes.data, values[0].as.bytes.size}};
    char copy[64];
    memcpy(copy, same.bytes.data, same.bytes.size);
    const sb_cell copied = {.key = x->g.name,
                            .type = SB_CELL_STRING,
                            .word = same.word,
                            .bytes = {(const uint8_t *)copy, same.bytes.size}};
    OK(&x->f, sb_row_set(x->f.txn, sb_node_table(x->f.view), other, &copied, 1, &found, &x->f.err));
    expect(x, "both have :City(name) = 'name ");
    begin_write(&x->f);
    OK(&x->f, sb_row_set(x->f.txn, sb_node_table(x->f.view), some_node(x, x->g.company), &gone, 1,
                         &found, &x->f.err));
    expect(x, "no :Company(name)");
    begin_write(&x->f);
    set_word(x, sb_node_table(x->f.view), some_node(x, x->g.person), x->g.n, SB_CELL_FLOAT, 0);
    expect(x, "constraint person_typed");
    sb_buffer_deinit(&key);
}

static void test_graph_verify__statistics(void **state)
{
    fixture *x = *state;

    begin_write(&x->f);
    sb_stats_add_nodes(x->f.view, set_of_label(&x->f, x->g.person), 1);
    expect(x, "statistics: label set");
    begin_write(&x->f);
    sb_stats_add_rels(x->f.view, set_of_label(&x->f, x->g.person), x->g.knows, SB_OUT, -1);
    expect(x, "relationships of type KNOWS leave nodes of label set");
    begin_write(&x->f);
    sb_stats_add_rels(x->f.view, set_of_label(&x->f, x->g.person), x->g.likes, SB_IN, 2);
    expect(x, "relationships of type LIKES come to nodes of label set");
    begin_write(&x->f); /* counts that are not there at all */
    const sb_set_id persons = set_of_label(&x->f, x->g.person);
    uint64_t count;
    OK(&x->f, sb_stats_nodes_of_set(x->f.view, persons, &count, &x->f.err));
    assert_true(count != 0);
    sb_stats_add_nodes(x->f.view, persons, -(int64_t)count);
    expect(x, "has no count, the table has");
    begin_write(&x->f);
    OK(&x->f, sb_stats_rels_of(x->f.view, persons, x->g.knows, SB_IN, &count, &x->f.err));
    sb_stats_add_rels(x->f.view, persons, x->g.knows, SB_IN, -(int64_t)count);
    expect(x, "no count of relationships of type KNOWS that come to nodes");
}

/* A page that belongs to nobody. */
static void test_graph_verify__lost_page(void **state)
{
    fixture *x = *state;
    sb_pgno pgno;
    uint8_t *bytes;

    begin_write(&x->f);
    OK(&x->f, sb_page_alloc(x->f.txn, SB_PAGE_SLOTTED, 1, &pgno, &bytes, &x->f.err));
    expect(x, "the page is neither in use nor free");
    assert_int_equal(x->t.page, SB_PGNO_NONE);
}

/* Pending relationships of the same transaction are no finding. */
static void test_graph_verify__pending(void **state)
{
    fixture *x = *state;
    sb_node_id nodes[10];
    sb_rel_id rels[10];

    begin_write(&x->f);
    OK(&x->f, sb_graph_create_nodes(x->f.graph, 0, 10, NULL, 0, nodes, &x->f.err));
    OK(&x->f,
       sb_graph_create_rels(x->f.graph, x->g.knows, 10, nodes, nodes, NULL, 0, rels, &x->f.err));
    assert_sound(&x->f, &x->t);
    rollback(&x->f);
}

/* Each page of the file in turn with a wrong byte: verify says so, naming the page, or the catalog can not be opened. */
static void test_graph_verify__pages(void **state)
{
    fixture *x = *state;
    sb_file *file;
    sb_file_info info;
    size_t named = 0, refused = 0, silent = 0;

    graph_reopen(&x->f); /* all into the one file */
    graph_close_file(&x->f);
    OK(&x->f, sb_vfs_open(x->f.vfs, "test.sombra", 0, &file, &x->f.err));
    OK(&x->f, file->ops->info(file, &info, &x->f.err));
    for (sb_pgno pgno = 1; pgno < info.bytes / 4096; pgno += 3) {
        uint8_t byte, flipped;
        const uint64_t at = (uint64_t)pgno * 4096 + 100 + pgno;
        OK(&x->f, sb_file_read_all(file, at, &byte, 1, &x->f.err));
        flipped = (uint8_t)(byte ^ 0x10);
        OK(&x->f, sb_file_write_all(file, at, &flipped, 1, &x->f.err));
        graph_open_file(&x->f);
        OK(&x->f, sb_txn_begin_read(x->f.session, &x->f.txn, &x->f.err));
        const sb_status st = sb_graph_get(x->f.txn, &x->f.graph, &x->f.err);
        if (st == SB_OK) {
            char part[32];
            const sb_verify_result result = verify_graph(&x->f, &x->t);
            (void)snprintf(part, sizeof part, "page %u ", (unsigned)pgno);
            if (result.findings != 0) assert_told(&x->t, part);
            *(result.findings != 0 ? &named : &silent) += 1;
        } else {
            assert_int_equal(st, SB_CORRUPT);
            refused++;
        }
        sb_err_clear(&x->f.err);
        rollback(&x->f);
        graph_close_file(&x->f);
        OK(&x->f, sb_file_write_all(file, at, &byte, 1, &x->f.err));
    }
    sb_file_close(file);
    graph_open_file(&x->f);
    print_message("%zu named, %zu refused, %zu free\n", named, refused, silent);
    begin_read(&x->f);
    const sb_verify_result sound = verify_graph(&x->f, &x->t);
    assert_int_equal(sound.findings, 0);
    assert_true(silent <= sound.free_pages);
    assert_true(named > refused);
    rollback(&x->f);
}

/* Random graphs of several seeds, after vacuum too, are sound. */
static void test_graph_verify__random(void **state)
{
    fixture *x = calloc(1, sizeof *x);

    (void)state;
    for (uint64_t seed = 2; seed < 5; seed++) {
        graph_fixture_open(&x->f, seed == 3 ? 8192 : 4096);
        make_random_graph(&x->f, &x->g, seed);
        begin_read(&x->f);
        assert_sound(&x->f, &x->t);
        rollback(&x->f);
        OK(&x->f, sb_graph_vacuum(x->f.session, &x->f.err));
        begin_read(&x->f);
        assert_sound(&x->f, &x->t);
        rollback(&x->f);
        graph_fixture_close(&x->f);
    }
    free(x);
}

/* Every allocation failing in turn: SB_NOMEM, nothing leaked, and the database is as it was. */
static void test_graph_verify__no_memory(void **state)
{
    fixture *x = *state;
    sb_verify_result result;
    size_t step = 1;

    for (sb_status st = SB_NOMEM; st == SB_NOMEM; step += 3) {
        begin_read(&x->f);
        x->f.alloc.fail_at = x->f.alloc.alloc_count + step;
        st = sb_graph_verify(x->f.graph, NULL, NULL, &result, &x->f.err);
        x->f.alloc.fail_at = 0;
        if (st != SB_OK) assert_int_equal(st, SB_NOMEM);
        if (st == SB_OK) assert_int_equal(result.findings, 0);
        sb_err_clear(&x->f.err);
        rollback(&x->f);
    }
    assert_true(step > 20);
}

#define DAMAGED(test) cmocka_unit_test_setup_teardown(test, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DAMAGED(test_graph_verify__sound),       DAMAGED(test_graph_verify__lists),
        DAMAGED(test_graph_verify__ends),        DAMAGED(test_graph_verify__rows),
        DAMAGED(test_graph_verify__labels),      DAMAGED(test_graph_verify__indexes),
        DAMAGED(test_graph_verify__details_end), DAMAGED(test_graph_verify__constraints),
        DAMAGED(test_graph_verify__statistics),  DAMAGED(test_graph_verify__pending),
        DAMAGED(test_graph_verify__lost_page),   DAMAGED(test_graph_verify__pages),
        DAMAGED(test_graph_verify__no_memory),   TEST(test_graph_verify__random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
