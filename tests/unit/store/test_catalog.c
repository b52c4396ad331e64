/* test_catalog.c — names, label sets, ids, schema: what is made is there at once, after reopening, and not after rolling
 * back to a savepoint or to nothing; a second session sees the old state, then the new one. */
#include "store_fixture.h"

/* ---- Names and sets -------------------------------------------------------------------------------------- */

static void test_store_catalog__names_and_sets(void **state)
{
    store_fixture f;
    sb_set_id set, again;
    size_t count;
    (void)state;
    fixture_open(&f, 4096);
    begin_write(&f);
    const uint32_t person = intern(&f, SB_NAME_LABEL, "Person");
    const uint32_t city = intern(&f, SB_NAME_LABEL, "City");
    assert_int_equal(person, 1);
    assert_int_equal(city, 2);
    assert_int_equal(intern(&f, SB_NAME_LABEL, "Person"), person);
    assert_int_equal(intern(&f, SB_NAME_TYPE, "Person"), 1); /* kinds do not mix */
    assert_int_equal(sb_name_find(f.view, SB_NAME_KEY, text("Person")), 0);
    const sb_label_id both[] = {person, city};
    OK(&f, sb_set_intern(f.view, NULL, 0, &set, &f.err));
    assert_int_equal(set, 0);
    OK(&f, sb_set_intern(f.view, both, 1, &set, &f.err));
    assert_int_equal(set, 1);
    OK(&f, sb_set_intern(f.view, both, 2, &set, &f.err));
    assert_int_equal(set, 2);
    OK(&f, sb_set_intern(f.view, both, 2, &again, &f.err));
    assert_int_equal(again, 2);
    const sb_label_id wrong[] = {city, person}, missing[] = {person, 9};
    FAILS(&f, sb_set_intern(f.view, wrong, 2, &set, &f.err), SB_MISUSE);
    FAILS(&f, sb_set_intern(f.view, missing, 2, &set, &f.err), SB_MISUSE);
    commit(&f);
    for (unsigned round = 0; round < 2; round++) {
        begin_read(&f);
        assert_int_equal(sb_name_count(f.view, SB_NAME_LABEL), 2);
        assert_int_equal(sb_name_find(f.view, SB_NAME_LABEL, text("City")), city);
        assert_true(sb_bytes_equal(sb_name_of(f.view, SB_NAME_LABEL, person), text("Person")));
        assert_int_equal(sb_name_of(f.view, SB_NAME_LABEL, 3).size, 0);
        assert_int_equal(sb_name_of(f.view, SB_NAME_LABEL, 0).size, 0);
        assert_int_equal(sb_set_count(f.view), 3);
        const sb_label_id *labels = sb_set_labels(f.view, 2, &count);
        assert_int_equal(count, 2);
        assert_int_equal(labels[0], person);
        assert_int_equal(labels[1], city);
        assert_true(sb_set_has(f.view, 2, city));
        assert_false(sb_set_has(f.view, 1, city));
        assert_false(sb_set_has(f.view, 0, city));
        const sb_set_id *sets = sb_label_sets(f.view, person, &count);
        assert_int_equal(count, 2);
        assert_int_equal(sets[0], 1);
        assert_int_equal(sets[1], 2);
        FAILS(&f, sb_name_intern(f.view, SB_NAME_LABEL, text("New"), &set, &f.err), SB_READ_ONLY);
        OK(&f, sb_name_intern(f.view, SB_NAME_LABEL, text("City"), &set, &f.err));
        assert_int_equal(verify(&f), 0);
        rollback(&f);
        reopen(&f);
    }
    fixture_close(&f);
}

static void test_store_catalog__names_that_are_refused(void **state)
{
    store_fixture f;
    uint32_t id;
    char longest[SB_NAME_BYTES_MAX + 1];
    (void)state;
    fixture_open(&f, 4096);
    begin_write(&f);
    memset(longest, 'x', sizeof longest);
    FAILS(&f, sb_name_intern(f.view, SB_NAME_KEY, text(""), &id, &f.err), SB_INVALID);
    FAILS(&f, sb_name_intern(f.view, SB_NAME_KEY, text("\xC3("), &id, &f.err), SB_INVALID);
    FAILS(&f,
          sb_name_intern(f.view, SB_NAME_KEY, sb_bytes_of(longest, sizeof longest), &id, &f.err),
          SB_LIMIT);
    assert_int_equal(id, 0);
    /* Rows of 512 and 1,024 bytes are pieces that end exactly at their limit. */
    for (size_t bytes = 511; bytes <= 1024; bytes = bytes == 513 ? 1023 : bytes + 1) {
        OK(&f, sb_name_intern(f.view, SB_NAME_KEY, sb_bytes_of(longest, bytes), &id, &f.err));
    }
    assert_int_equal(id, 5);
    commit(&f);
    reopen(&f);
    begin_read(&f);
    assert_int_equal(sb_name_count(f.view, SB_NAME_KEY), 5);
    assert_int_equal(sb_name_of(f.view, SB_NAME_KEY, 2).size, 512);
    assert_int_equal(sb_name_find(f.view, SB_NAME_KEY, sb_bytes_of(longest, 1024)), 5);
    rollback(&f);
    fixture_close(&f);
}

static void test_store_catalog__many_names(void **state)
{
    enum { COUNT = 10000 };
    store_fixture f;
    char name[32];
    sb_label_id labels[300];
    sb_set_id set;
    (void)state;
    fixture_open(&f, 8192);
    begin_write(&f);
    for (unsigned i = 1; i <= COUNT; i++) {
        (void)snprintf(name, sizeof name, "type number %u", i);
        assert_int_equal(intern(&f, SB_NAME_TYPE, name), i);
    }
    for (unsigned i = 0; i < 300; i++) {
        (void)snprintf(name, sizeof name, "label %u", i);
        labels[i] = intern(&f, SB_NAME_LABEL, name);
        OK(&f, sb_set_intern(f.view, labels, i + 1, &set, &f.err));
        assert_int_equal(set, i + 1);
    }
    commit(&f);
    reopen(&f);
    begin_read(&f);
    for (unsigned i = 1; i <= COUNT; i++) {
        (void)snprintf(name, sizeof name, "type number %u", i);
        assert_int_equal(sb_name_find(f.view, SB_NAME_TYPE, text(name)), i);
    }
    size_t count;
    assert_int_equal(sb_set_labels(f.view, 300, &count)[299], labels[299]);
    assert_int_equal(count, 300);
    (void)sb_label_sets(f.view, labels[0], &count);
    assert_int_equal(count, 300);
    assert_int_equal(verify(&f), 0);
    rollback(&f);
    fixture_close(&f);
}

/* ---- Rolling back -------------------------------------------------------------------------------------------- */

static void test_store_catalog__rollback_forgets(void **state)
{
    store_fixture f;
    sb_node_id first, second;
    sb_set_id set;
    (void)state;
    fixture_open(&f, 4096);
    begin_write(&f);
    const sb_label_id label = intern(&f, SB_NAME_LABEL, "A");
    commit(&f);
    begin_write(&f);
    assert_int_equal(intern(&f, SB_NAME_LABEL, "B"), 2);
    OK(&f, sb_set_intern(f.view, &label, 1, &set, &f.err));
    OK(&f, sb_ids_take_nodes(f.view, set, 1, &first, &f.err));
    rollback(&f);
    begin_write(&f);
    assert_int_equal(sb_name_find(f.view, SB_NAME_LABEL, text("B")), 0);
    assert_int_equal(sb_name_count(f.view, SB_NAME_LABEL), 1);
    assert_int_equal(sb_set_count(f.view), 1);
    assert_int_equal(intern(&f, SB_NAME_LABEL, "C"), 2);
    OK(&f, sb_set_intern(f.view, &label, 1, &set, &f.err));
    OK(&f, sb_ids_take_nodes(f.view, set, 1, &second, &f.err));
    assert_int_equal(first, second); /* not committed, so not used */
    commit(&f);
    begin_read(&f);
    assert_int_equal(sb_name_find(f.view, SB_NAME_LABEL, text("C")), 2);
    assert_int_equal(verify(&f), 0);
    rollback(&f);
    fixture_close(&f);
}

static void test_store_catalog__savepoints(void **state)
{
    store_fixture f;
    uint32_t outer, inner, id;
    sb_set_id set;
    sb_node_id nodes[3];
    size_t count;
    (void)state;
    fixture_open(&f, 4096);
    begin_write(&f);
    const sb_label_id a = intern(&f, SB_NAME_LABEL, "A");
    OK(&f, sb_set_intern(f.view, &a, 1, &set, &f.err));
    OK(&f, sb_ids_take_nodes(f.view, set, 1, &nodes[0], &f.err));
    OK(&f, sb_txn_savepoint(f.txn, &outer, &f.err));
    (void)intern(&f, SB_NAME_LABEL, "B");
    OK(&f, sb_ids_take_nodes(f.view, set, 1, &nodes[1], &f.err));
    const uint32_t key = intern(&f, SB_NAME_KEY, "k");
    const sb_schema definition = {
        .kind = SB_SCHEMA_INDEX, .entity = a, .key_count = 1, .keys = {key}, .name = text("a_k")};
    OK(&f, sb_schema_add(f.view, &definition, &id, &f.err));
    OK(&f, sb_txn_savepoint(f.txn, &inner, &f.err));
    OK(&f, sb_schema_drop(f.view, id, NULL, NULL, &f.err));
    const sb_label_id pair[] = {1, 2};
    OK(&f, sb_set_intern(f.view, pair, 2, &set, &f.err));
    OK(&f, sb_ids_take_nodes(f.view, 1, 1, &nodes[2], &f.err));
    assert_null(sb_schema_find(f.view, text("a_k")));
    assert_int_equal(nodes[2], nodes[0] + 2);

    OK(&f, sb_txn_rollback_to(f.txn, inner, &f.err));
    assert_non_null(sb_schema_find(f.view, text("a_k")));
    assert_non_null(sb_schema_tree(f.view, id));
    assert_int_equal(sb_set_count(f.view), 2);
    (void)sb_label_sets(f.view, a, &count);
    assert_int_equal(count, 1);
    assert_int_equal(sb_name_count(f.view, SB_NAME_LABEL), 2);
    OK(&f, sb_ids_take_nodes(f.view, 1, 1, &nodes[2], &f.err));
    assert_int_equal(nodes[2], nodes[0] + 2);

    OK(&f, sb_txn_rollback_to(f.txn, outer, &f.err));
    assert_null(sb_schema_find(f.view, text("a_k")));
    assert_int_equal(sb_name_count(f.view, SB_NAME_LABEL), 1);
    OK(&f, sb_ids_take_nodes(f.view, 1, 1, &nodes[2], &f.err));
    assert_int_equal(nodes[2], nodes[0] + 1);
    (void)intern(&f, SB_NAME_LABEL, "C");
    commit(&f);
    reopen(&f);
    begin_read(&f);
    assert_int_equal(sb_name_find(f.view, SB_NAME_LABEL, text("C")), 2);
    assert_int_equal(sb_name_count(f.view, SB_NAME_KEY), 0);
    (void)sb_schemas(f.view, &count);
    assert_int_equal(count, 0);
    assert_int_equal(verify(&f), 0);
    rollback(&f);
    fixture_close(&f);
}

/* A savepoint that is older than the view's part in the transaction. */
static void test_store_catalog__savepoint_before_the_view(void **state)
{
    store_fixture f;
    uint32_t savepoint;
    (void)state;
    fixture_open(&f, 4096);
    OK(&f, sb_txn_begin_write(f.session, &f.txn, &f.err));
    OK(&f, sb_txn_savepoint(f.txn, &savepoint, &f.err));
    OK(&f, sb_view_get(f.txn, &f.view, &f.err));
    (void)intern(&f, SB_NAME_LABEL, "A");
    sb_stats_add_nodes(f.view, 0, 3);
    OK(&f, sb_txn_rollback_to(f.txn, savepoint, &f.err));
    assert_int_equal(sb_name_count(f.view, SB_NAME_LABEL), 0);
    assert_int_equal(intern(&f, SB_NAME_LABEL, "B"), 1);
    commit(&f);
    begin_read(&f);
    uint64_t nodes;
    OK(&f, sb_stats_nodes_of_label(f.view, 0, &nodes, &f.err));
    assert_int_equal(nodes, 0);
    assert_int_equal(sb_name_find(f.view, SB_NAME_LABEL, text("B")), 1);
    rollback(&f);
    fixture_close(&f);
}

/* ---- Two sessions ---------------------------------------------------------------------------------------------- */

static void test_store_catalog__two_sessions(void **state)
{
    store_fixture f;
    sb_session *other;
    sb_txn *read;
    sb_view *view;
    uint32_t id;
    size_t count;
    (void)state;
    fixture_open(&f, 4096);
    OK(&f, sb_session_open(f.pager, &other, &f.err));
    begin_write(&f);
    (void)intern(&f, SB_NAME_LABEL, "A");
    const uint32_t key = intern(&f, SB_NAME_KEY, "k");
    commit(&f);
    OK(&f, sb_txn_begin_read(other, &read, &f.err));
    OK(&f, sb_view_get(read, &view, &f.err));
    assert_int_equal(sb_name_count(view, SB_NAME_LABEL), 1);
    begin_write(&f);
    (void)intern(&f, SB_NAME_LABEL, "B");
    const sb_schema definition = {
        .kind = SB_SCHEMA_UNIQUE, .entity = 1, .key_count = 1, .keys = {key}, .name = text("u")};
    OK(&f, sb_schema_add(f.view, &definition, &id, &f.err));
    commit(&f);
    /* The old snapshot, the same view again. */
    OK(&f, sb_view_get(read, &view, &f.err));
    assert_int_equal(sb_name_count(view, SB_NAME_LABEL), 1);
    assert_int_equal(sb_name_find(view, SB_NAME_LABEL, text("B")), 0);
    assert_null(sb_schema_find(view, text("u")));
    sb_txn_rollback(read);
    OK(&f, sb_txn_begin_read(other, &read, &f.err));
    OK(&f, sb_view_get(read, &view, &f.err));
    assert_int_equal(sb_name_find(view, SB_NAME_LABEL, text("B")), 2);
    assert_non_null(sb_schema_find(view, text("u")));
    assert_non_null(sb_schema_tree(view, id));
    sb_txn_rollback(read);
    begin_write(&f);
    OK(&f, sb_schema_drop(f.view, id, NULL, NULL, &f.err));
    commit(&f);
    OK(&f, sb_txn_begin_read(other, &read, &f.err));
    OK(&f, sb_view_get(read, &view, &f.err));
    (void)sb_schemas(view, &count);
    assert_int_equal(count, 0);
    sb_txn_rollback(read);
    sb_session_close(other);
    fixture_close(&f);
}

/* ---- Ids ------------------------------------------------------------------------------------------------------------ */

static void test_store_catalog__ids(void **state)
{
    enum { COUNT = 200000 };
    store_fixture f;
    sb_set_id sets[2];
    sb_node_id *ids = malloc(COUNT * sizeof *ids), one, highest = 0;
    (void)state;
    fixture_open(&f, 4096);
    begin_write(&f);
    for (sb_label_id label = 1; label <= 2; label++) {
        (void)intern(&f, SB_NAME_LABEL, label == 1 ? "A" : "B");
        OK(&f, sb_set_intern(f.view, &label, 1, &sets[label - 1], &f.err));
    }
    (void)intern(&f, SB_NAME_TYPE, "T");
    FAILS(&f, sb_ids_take_nodes(f.view, 9, 1, &one, &f.err), SB_MISUSE);
    FAILS(&f, sb_ids_take_rels(f.view, 2, 1, &one, &f.err), SB_MISUSE);
    OK(&f, sb_ids_take_nodes(f.view, sets[0], 1, &one, &f.err));
    assert_int_equal(one, 1);
    OK(&f, sb_ids_take_nodes(f.view, sets[1], 1, &one, &f.err));
    assert_int_equal(one, 65); /* behind the first block of the other set */
    OK(&f, sb_ids_take_nodes(f.view, sets[0], 64, ids, &f.err));
    assert_int_equal(ids[0], 2);
    assert_int_equal(ids[62], 64);
    assert_int_equal(ids[63], 129); /* a block of 128 begins */
    OK(&f, sb_ids_take_rels(f.view, 1, 2, ids, &f.err));
    assert_int_equal(ids[0], 1); /* relationships count by themselves */
    commit(&f);
    reopen(&f);
    begin_write(&f);
    OK(&f, sb_ids_take_nodes(f.view, sets[0], 1, &one, &f.err));
    assert_int_equal(one, 130);
    OK(&f, sb_ids_take_nodes(f.view, sets[1], COUNT, ids, &f.err));
    for (size_t i = 1; i < COUNT; i++) {
        assert_true(ids[i] > ids[i - 1]);
    }
    assert_int_equal(ids[COUNT - 1] - ids[63], COUNT - 1 - 63); /* one block of its own size */
    highest = ids[COUNT - 1];
    OK(&f, sb_ids_take_nodes(f.view, sets[1], 1, &one, &f.err));
    assert_int_equal(one, highest + 1);
    commit(&f);
    begin_read(&f);
    assert_int_equal(verify(&f), 0);
    rollback(&f);
    fixture_close(&f);
    free(ids);
}

/* ---- Schema ------------------------------------------------------------------------------------------------------------- */

static void test_store_catalog__schema(void **state)
{
    store_fixture f;
    uint32_t id, second;
    size_t count;
    char name[700];
    (void)state;
    fixture_open(&f, 4096);
    begin_write(&f);
    (void)intern(&f, SB_NAME_LABEL, "A");
    (void)intern(&f, SB_NAME_TYPE, "T");
    (void)intern(&f, SB_NAME_KEY, "k");
    (void)intern(&f, SB_NAME_KEY, "l");
    memset(name, 'n', sizeof name);
    sb_schema definition = {.kind = SB_SCHEMA_NODE_KEY,
                            .entity = 1,
                            .key_count = 2,
                            .keys = {2, 1},
                            .name = sb_bytes_of(name, sizeof name)};
    OK(&f, sb_schema_add(f.view, &definition, &id, &f.err));
    assert_int_equal(id, 1);
    definition.kind = SB_SCHEMA_INDEX;
    FAILS(&f, sb_schema_add(f.view, &definition, &second, &f.err), SB_EXISTS); /* the name */
    definition.name = text("other");
    definition.kind = SB_SCHEMA_NODE_KEY;
    FAILS(&f, sb_schema_add(f.view, &definition, &second, &f.err),
          SB_EXISTS); /* the same in all but its name */
    definition.keys[1] = 3;
    FAILS(&f, sb_schema_add(f.view, &definition, &second, &f.err), SB_INVALID);
    definition.keys[1] = 2;
    FAILS(&f, sb_schema_add(f.view, &definition, &second, &f.err), SB_INVALID);
    definition = (sb_schema){.kind = SB_SCHEMA_TYPED,
                             .on_rels = true,
                             .entity = 1,
                             .key_count = 1,
                             .keys = {1},
                             .value_types = 4,
                             .name = text("t")};
    OK(&f, sb_schema_add(f.view, &definition, &second, &f.err));
    assert_null(sb_schema_tree(f.view, second));
    /* The index gets a row, through the pointer that is handed out. */
    sb_tree *tree = sb_schema_tree(f.view, id);
    OK(&f, sb_tree_put(f.txn, tree, text("key"), text("value"), &f.err));
    commit(&f);
    reopen(&f);
    begin_write(&f);
    const sb_schema *all = sb_schemas(f.view, &count);
    assert_int_equal(count, 2);
    assert_int_equal(all[0].id, 1);
    assert_int_equal(all[0].kind, SB_SCHEMA_NODE_KEY);
    assert_int_equal(all[0].keys[0], 2);
    assert_int_equal(all[0].name.size, sizeof name);
    assert_true(all[0].has_tree);
    assert_true(all[1].on_rels);
    assert_int_equal(all[1].value_types, 4);
    assert_false(all[1].has_tree);
    sb_page hold = {0};
    sb_bytes value;
    bool found;
    OK(&f,
       sb_tree_get(f.txn, sb_schema_tree(f.view, id), text("key"), &hold, &value, &found, &f.err));
    assert_true(found);
    sb_page_release(f.txn, &hold);
    FAILS(&f, sb_schema_drop(f.view, 7, NULL, NULL, &f.err), SB_NOT_FOUND);
    OK(&f, sb_schema_drop(f.view, id, NULL, NULL, &f.err));
    /* A number never comes again. */
    definition =
        (sb_schema){.kind = SB_SCHEMA_LABEL_INDEX, .entity = 1, .name = text("labels of A")};
    OK(&f, sb_schema_add(f.view, &definition, &second, &f.err));
    assert_int_equal(second, 3);
    commit(&f);
    reopen(&f);
    begin_read(&f);
    (void)sb_schemas(f.view, &count);
    assert_int_equal(count, 2);
    assert_null(sb_schema_tree(f.view, id));
    assert_int_equal(verify(&f), 0);
    rollback(&f);
    fixture_close(&f);
}

/* Roots of index trees changed between and after savepoints come back. */
static void test_store_catalog__index_trees_and_savepoints(void **state)
{
    store_fixture f;
    uint32_t ids[2], first, second;
    char key[16];
    (void)state;
    fixture_open(&f, 4096);
    begin_write(&f);
    (void)intern(&f, SB_NAME_LABEL, "A");
    for (uint32_t i = 0; i < 2; i++) {
        (void)snprintf(key, sizeof key, "k%u", i);
        const sb_schema definition = {.kind = SB_SCHEMA_INDEX,
                                      .entity = 1,
                                      .key_count = 1,
                                      .keys = {intern(&f, SB_NAME_KEY, key)},
                                      .name = text(key)};
        OK(&f, sb_schema_add(f.view, &definition, &ids[i], &f.err));
    }
    commit(&f);
    begin_write(&f);
    OK(&f, sb_tree_put(f.txn, sb_schema_tree(f.view, ids[0]), text("a"), text("1"), &f.err));
    const sb_tree before = *sb_schema_tree(f.view, ids[0]);
    OK(&f, sb_txn_savepoint(f.txn, &first, &f.err));
    for (unsigned i = 0; i < 500; i++) {
        (void)snprintf(key, sizeof key, "%08u", i);
        OK(&f, sb_tree_put(f.txn, sb_schema_tree(f.view, ids[0]), text(key), text(key), &f.err));
        OK(&f, sb_tree_put(f.txn, sb_schema_tree(f.view, ids[1]), text(key), text(key), &f.err));
    }
    OK(&f, sb_txn_savepoint(f.txn, &second, &f.err));
    const sb_tree middle = *sb_schema_tree(f.view, ids[1]);
    OK(&f, sb_tree_clear(f.txn, sb_schema_tree(f.view, ids[1]), NULL, NULL, &f.err));
    OK(&f, sb_txn_rollback_to(f.txn, second, &f.err));
    assert_int_equal(sb_schema_tree(f.view, ids[1])->root, middle.root);
    assert_int_equal(sb_schema_tree(f.view, ids[1])->leaf_count, middle.leaf_count);
    OK(&f, sb_txn_rollback_to(f.txn, first, &f.err));
    assert_int_equal(sb_schema_tree(f.view, ids[0])->root, before.root);
    assert_int_equal(sb_schema_tree(f.view, ids[0])->height, before.height);
    assert_int_equal(sb_schema_tree(f.view, ids[1])->root, SB_PGNO_NONE);
    /* And once more, to the same savepoint. */
    OK(&f, sb_tree_clear(f.txn, sb_schema_tree(f.view, ids[0]), NULL, NULL, &f.err));
    OK(&f, sb_txn_rollback_to(f.txn, first, &f.err));
    assert_int_equal(sb_schema_tree(f.view, ids[0])->root, before.root);
    commit(&f);
    begin_write(&f);
    assert_int_equal(sb_schema_tree(f.view, ids[0])->root, before.root);
    OK(&f, sb_tree_clear(f.txn, sb_schema_tree(f.view, ids[0]), NULL, NULL, &f.err));
    rollback(&f);
    begin_read(&f);
    assert_int_equal(sb_schema_tree(f.view, ids[0])->root, before.root);
    rollback(&f);
    fixture_close(&f);
}

/* ---- Nothing changed, nothing written ------------------------------------------------------------------------------------- */

static void test_store_catalog__idle_transactions_write_nothing(void **state)
{
    store_fixture f;
    uint32_t savepoint;
    (void)state;
    fixture_open(&f, 4096);
    begin_write(&f);
    (void)intern(&f, SB_NAME_LABEL, "A");
    commit(&f);
    begin_write(&f);
    const uint64_t seq = sb_txn_seq(f.txn);
    (void)intern(&f, SB_NAME_LABEL, "A");
    sb_stats_add_nodes(f.view, 0, 1);
    sb_stats_add_nodes(f.view, 0, -1);
    OK(&f, sb_txn_savepoint(f.txn, &savepoint, &f.err));
    (void)intern(&f, SB_NAME_LABEL, "B");
    OK(&f, sb_txn_rollback_to(f.txn, savepoint, &f.err));
    commit(&f);
    begin_read(&f);
    assert_int_equal(sb_txn_seq(f.txn), seq);
    rollback(&f);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_store_catalog__names_and_sets),
        TEST(test_store_catalog__names_that_are_refused),
        TEST(test_store_catalog__many_names),
        TEST(test_store_catalog__rollback_forgets),
        TEST(test_store_catalog__savepoints),
        TEST(test_store_catalog__savepoint_before_the_view),
        TEST(test_store_catalog__two_sessions),
        TEST(test_store_catalog__ids),
        TEST(test_store_catalog__schema),
        TEST(test_store_catalog__index_trees_and_savepoints),
        TEST(test_store_catalog__idle_transactions_write_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
