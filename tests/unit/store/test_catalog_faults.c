/* test_catalog_faults.c — the catalog under failing allocations, and catalogs that lie.
 * The sweep runs one scenario with each allocation failing in turn, once or from there on: the call says SB_NOMEM, nothing
 * is half there afterwards, nothing leaks, and the same session can do it again. The second part puts wrong rows and wrong
 * meta into a file: loading says SB_CORRUPT, or verify names the fault. */
#include "store_fixture.h"

#include "store/store_priv.h"

/* ---- Allocation sweep ------------------------------------------------------------------------------------- */

static sb_status scenario(store_fixture *f)
{
    uint32_t label, type, key, schema, savepoint;
    sb_set_id set;
    sb_node_id nodes[200];
    sb_rel_id rels[600];
    const sb_type_id *types;
    size_t count, deleted;
    uint64_t nodes_count;
    static sb_triple triples[600];
    sb_err *err = &f->err;

    SB_TRY(sb_view_get(f->txn, &f->view, err));
    sb_view *view = f->view;
    SB_TRY(sb_name_intern(view, SB_NAME_LABEL, text("Label"), &label, err));
    SB_TRY(sb_name_intern(view, SB_NAME_TYPE, text("Type"), &type, err));
    SB_TRY(sb_name_intern(view, SB_NAME_KEY, text("key"), &key, err));
    SB_TRY(sb_set_intern(view, &label, 1, &set, err));
    SB_TRY(sb_ids_take_nodes(view, set, 200, nodes, err));
    SB_TRY(sb_ids_take_rels(view, type, 600, rels, err));
    sb_stats_add_nodes(view, set, 200);
    SB_TRY(sb_txn_savepoint(f->txn, &savepoint, err));
    const sb_schema definition = {.kind = SB_SCHEMA_UNIQUE,
                                  .entity = label,
                                  .key_count = 1,
                                  .keys = {key},
                                  .name = text("unique")};
    SB_TRY(sb_schema_add(view, &definition, &schema, err));
    for (size_t i = 0; i < 600; i++)
        triples[i] =
            (sb_triple){.node = nodes[i % 200], .neighbor = nodes[i / 200], .rel = rels[i]};
    sb_triple scratch[600];
    sb_triples_sort(triples, scratch, 600);
    SB_TRY(sb_adjacency_insert(view, type, SB_OUT, triples, 100, err));
    sb_stats_add_rels(view, set, type, SB_OUT, 600);
    sb_stats_add_rels(view, set, type, SB_IN, 600);
    SB_TRY(sb_adjacency_insert(view, type, SB_OUT, triples + 100, 500, err));
    SB_TRY(sb_adjacency_delete(view, type, SB_OUT, triples, 5, &deleted, err));
    SB_TRY(sb_tree_put(f->txn, sb_schema_tree(view, schema), text("k"), text("v"), err));
    SB_TRY(sb_stats_types_at(view, set, SB_OUT, &types, &count, err));
    SB_TRY(sb_stats_nodes_of_label(view, label, &nodes_count, err));
    SB_TRY(sb_txn_release(f->txn, savepoint, err));
    return SB_OK;
}

static void check_done(store_fixture *f, bool done)
{
    size_t count;
    uint64_t nodes;

    begin_read(f);
    assert_int_equal(sb_name_count(f->view, SB_NAME_LABEL), done ? 1 : 0);
    assert_int_equal(sb_set_count(f->view), done ? 2 : 1);
    (void)sb_schemas(f->view, &count);
    assert_int_equal(count, done ? 1 : 0);
    OK(f, sb_stats_nodes_of_label(f->view, 0, &nodes, &f->err));
    assert_int_equal(nodes, done ? 200 : 0);
    if (done) assert_int_equal(verify(f), 0);
    rollback(f);
}

static void sweep(bool persistent)
{
    for (size_t step = 0;; step++) {
        store_fixture f;
        fixture_open(&f, 4096);
        OK(&f, sb_txn_begin_write(f.session, &f.txn, &f.err));
        f.alloc.fail_at = f.alloc.alloc_count + 1 + step;
        f.alloc.fail_persistent = persistent;
        sb_status st = scenario(&f);
        bool ended = false;
        if (st == SB_OK) {
            st = sb_txn_commit(f.txn, &f.err);
            ended = true;
        }
        const bool reached = f.alloc.alloc_count >= f.alloc.fail_at;
        f.alloc.fail_at = 0;
        f.alloc.fail_persistent = false;
        if (!ended) rollback(&f);
        if (st != SB_OK) {
            assert_int_equal(st, SB_NOMEM);
            sb_err_clear(&f.err);
            check_done(&f, false);
            OK(&f, sb_txn_begin_write(f.session, &f.txn, &f.err));
            OK(&f, scenario(&f));
            commit(&f);
        }
        check_done(&f, true);
        reopen(&f);
        check_done(&f, true);
        fixture_close(&f);
        if (!reached) {
            assert_true(step > 30);
            return;
        }
    }
}

static void test_store_catalog_faults__each_allocation_once(void **state)
{
    (void)state;
    sweep(false);
}

static void test_store_catalog_faults__each_allocation_and_all_later(void **state)
{
    (void)state;
    sweep(true);
}

/* Loading: a session that meets a full catalog for the first time. */
static void test_store_catalog_faults__loading(void **state)
{
    store_fixture f;
    (void)state;
    fixture_open(&f, 4096);
    OK(&f, sb_txn_begin_write(f.session, &f.txn, &f.err));
    OK(&f, scenario(&f));
    commit(&f);
    for (size_t step = 0;; step++) {
        sb_session_close(f.session);
        OK(&f, sb_session_open(f.pager, &f.session, &f.err));
        OK(&f, sb_txn_begin_read(f.session, &f.txn, &f.err));
        f.alloc.fail_at = f.alloc.alloc_count + 1 + step;
        const sb_status st = sb_view_get(f.txn, &f.view, &f.err);
        f.alloc.fail_at = 0;
        if (st != SB_OK) {
            assert_int_equal(st, SB_NOMEM);
            assert_null(f.view);
            sb_err_clear(&f.err);
            OK(&f, sb_view_get(f.txn, &f.view, &f.err)); /* the same transaction, again */
        }
        assert_int_equal(sb_name_find(f.view, SB_NAME_TYPE, text("Type")), 1);
        assert_non_null(sb_schema_find(f.view, text("unique")));
        rollback(&f);
        if (st != SB_OK) continue;
        assert_true(step > 8);
        break;
    }
    fixture_close(&f);
}

/* ---- Catalogs that lie --------------------------------------------------------------------------------------- */

typedef struct lie {
    uint8_t key[10];
    size_t key_bytes;
    const char *value;
    size_t value_bytes;
    bool corrupt_on_load; /* else verify finds it */
} lie;

/* Label 1 "Label", type 1 "Type", key 1 "key", set 1 {1}, definition 1 with tree 17; own tree 16 of type 1, OUT. */
static const lie lies[] = {
    {{1, 0, 0, 0, 2, 0}, 6, "Another", 7, true}, /* a name past the count */
    {{1, 0, 0, 0, 1, 0}, 6, "", 0, true},        /* an empty name */
    {{1, 0, 0, 0, 1, 0}, 6, "\xFF", 1, true},    /* not UTF-8 */
    {{1, 0, 0, 0, 0, 0}, 6, "Zero", 4, false},   /* name 0 */
    {{4, 0, 0, 0, 0, 0}, 6, "\x01", 1, false},   /* set 0 needs no row */
    {{4, 0, 0, 0, 1, 0}, 6, "\x02", 1, true},    /* a label that does not exist */
    {{4, 0, 0, 0, 1, 0}, 6, "\x00", 1, true},
    {{4, 0, 0, 0, 1, 0}, 6, "\x80", 1, true},
    {{5, 0, 0, 0, 1, 0}, 6, "", 0, true},
    {{5, 0, 0, 0, 1, 0}, 6, "\x02\x00\x09\x00\x01\x01x", 7, true}, /* label 9 */
    {{5, 0, 0, 0, 1, 0}, 6, "\x02\x00\x01\x00\x7F\x01x", 7, true}, /* 127 keys */
    {{5, 0, 0, 0, 9, 0},
     6,
     "\x04\x00\x01\x00\x01\x01x",
     7,
     true},                                                     /* number 9 was never given out */
    {{5, 0, 0, 0, 1}, 5, "\x04\x00\x01\x00\x01\x01x", 7, true}, /* a short key */
    {{6, 0, 0, 0, 9, 0}, 6, "\x11\x00\x00\x00\x00", 5, true},   /* type 9 */
    {{6, 0, 0, 0, 1, 5}, 6, "\x11\x00\x00\x00\x00", 5, true},   /* direction 5 */
    {{6, 0, 0, 0, 1, 0}, 6, "\x63\x00\x00\x00\x00", 5, true},   /* tree 99 */
    {{6, 0, 0, 0, 1, 0}, 6, "\x11\x01\x00\x01\x00", 5, true},   /* height 1, no root */
    {{6, 0, 0, 0, 1, 0}, 6, "\x11\x01\xFF\xFF\x7F\x01\x00", 7, true}, /* a root past the file */
    {{6, 0, 0, 0, 1, 1}, 6, "\x10\x00\x00\x00\x00", 5, false}, /* a tree number that is taken */
    {{7, 0, 0, 0, 5}, 5, "\x11\x00\x00\x00\x00", 5, true},     /* definition 5 */
    {{7, 0, 0, 0, 1}, 5, "\x11\x00", 2, true},
    {{8, 0, 0, 0, 7}, 5, "\x01\x01\x06", 3, false},             /* an id block of set 7 */
    {{8, 0, 0, 0, 0}, 5, "\xC9\x01\x0A\x06", 4, false},         /* 201 to 210, which set 1 has */
    {{8, 0, 0, 0, 0}, 5, "\x81\x80\x80\x01\x01\x06", 6, false}, /* past all ids */
    {{9, 0, 0, 0, 1}, 5, "\x00\x01\x06", 3, false},
    {{10, 0, 0, 0, 0, 0, 0, 0}, 8, "\x00\x07\x02\x09", 4, false}, /* sums of nodes */
    {{10, 0, 0, 0, 0, 0, 0, 0}, 8, "\x40\x01", 2, false},
    {{10, 0x04, 0, 0, 0x05, 0, 0, 0}, 8, "\x01\x01", 2, false}, /* set 5, OUT */
    {{10, 0x04, 0, 0, 0, 0, 0, 0}, 8, "\x01\x01", 2, false},    /* (0, 1, OUT): sums by type */
    {{11}, 1, "x", 1, false},
    {{0, 1}, 2, "x", 1, false},
};

static void test_store_catalog_faults__lies(void **state)
{
    bool failed = false;
    (void)state;
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        store_fixture f;
        const lie *l = &lies[i];
        fixture_open(&f, 4096);
        OK(&f, sb_txn_begin_write(f.session, &f.txn, &f.err));
        OK(&f, scenario(&f));
        commit(&f);
        begin_write(&f);
        OK(&f, sb_tree_put(f.txn, sb_store__core_tree(f.view, SB_CORE_CATALOG),
                           sb_bytes_of(l->key, l->key_bytes), sb_bytes_of(l->value, l->value_bytes),
                           &f.err));
        commit(&f);
        reopen(&f);
        OK(&f, sb_txn_begin_read(f.session, &f.txn, &f.err));
        const sb_status st = sb_view_get(f.txn, &f.view, &f.err);
        uint64_t findings = 0;
        if (st == SB_OK) OK(&f, sb_store_verify(f.view, NULL, NULL, &findings, &f.err));
        if ((l->corrupt_on_load && st != SB_CORRUPT) ||
            (!l->corrupt_on_load && (st != SB_OK || findings == 0))) {
            print_error("lie %zu: %s, %llu findings: %s\n", i, sb_status_name(st),
                        (unsigned long long)findings, f.err.text);
            failed = true;
        }
        sb_err_clear(&f.err);
        rollback(&f);
        fixture_close(&f);
    }
    assert_false(failed);
}

/* Any bytes in meta: an error or a view, never more. */
static void test_store_catalog_faults__any_meta(void **state)
{
    sb_random random = test_random(77);
    uint8_t meta[SB_META_BYTES];
    sb_store__meta decoded;
    (void)state;
    for (size_t round = 0; round < 200; round++) {
        store_fixture f;
        fixture_open(&f, 4096);
        OK(&f, sb_txn_begin_write(f.session, &f.txn, &f.err));
        OK(&f, scenario(&f));
        commit(&f);
        OK(&f,
           sb_txn_begin_write(f.session, &f.txn, &f.err)); /* no view: its hook would write meta */
        memcpy(meta, sb_txn_meta(f.txn), sizeof meta);
        const size_t place =
            round < SB_META_BYTES ? round : (size_t)sb_random_below(&random, SB_META_BYTES);
        meta[place] ^= (uint8_t)(1 + sb_random_below(&random, 255));
        memcpy(sb_txn_meta_mut(f.txn), meta, sizeof meta);
        commit(&f);
        reopen(&f);
        OK(&f, sb_txn_begin_read(f.session, &f.txn, &f.err));
        const sb_status st = sb_view_get(f.txn, &f.view, &f.err);
        if (st == SB_OK) {
            uint64_t findings;
            const sb_status verified = sb_store_verify(f.view, NULL, NULL, &findings, &f.err);
            assert_true(verified == SB_OK || verified == SB_CORRUPT);
        } else {
            assert_true(st == SB_CORRUPT || st == SB_VERSION_NEWER);
        }
        sb_err_clear(&f.err);
        rollback(&f);
        fixture_close(&f);
    }
    memset(meta, 0, sizeof meta);
    assert_int_equal(sb_store__meta_decode(meta, 1, &decoded, NULL), SB_OK);
    assert_false(decoded.founded);
    meta[100] = 1;
    assert_int_equal(sb_store__meta_decode(meta, 1, &decoded, NULL), SB_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_store_catalog_faults__each_allocation_once),
        TEST(test_store_catalog_faults__each_allocation_and_all_later),
        TEST(test_store_catalog_faults__loading),
        TEST(test_store_catalog_faults__lies),
        TEST(test_store_catalog_faults__any_meta),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
