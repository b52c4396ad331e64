/* test_copy.c — vacuum's copy: every tree of the copy holds what the original's does, entry by entry, under the same
 * number; names, sets, schema, statistics and id counters go on where they were; a failed or cancelled copy leaves the
 * target as it was; and running out of memory anywhere is clean. */
#include "store_fixture.h"

enum { NODES = 3000 };

/* A store with a bit of everything: short and long values, wide and sparse rows, small and large types, indexes. */
static void fill(store_fixture *f)
{
    static uint8_t long_value[30000];
    sb_set_id set;
    sb_schema definition;
    uint32_t index_id;
    char name[32];

    begin_write(f);
    sb_label_id labels[2] = {intern(f, SB_NAME_LABEL, "Person"), intern(f, SB_NAME_LABEL, "Admin")};
    OK(f, sb_set_intern(f->view, labels, 2, &set, &f->err));
    const sb_type_id small = intern(f, SB_NAME_TYPE, "SMALL"),
                     large = intern(f, SB_NAME_TYPE, "LARGE");
    for (unsigned i = 1; i <= 40; i++) {
        (void)snprintf(name, sizeof name, "key%u", i);
        (void)intern(f, SB_NAME_KEY, name);
    }
    for (size_t i = 0; i < sizeof long_value; i++)
        long_value[i] = (uint8_t)(i * 7);
    sb_node_id *ids = malloc(NODES * sizeof *ids);
    OK(f, sb_ids_take_nodes(f->view, set, NODES, ids, &f->err));
    for (size_t i = 0; i < NODES; i++) {
        char text_value[24];
        const int text_bytes = snprintf(text_value, sizeof text_value, "name of %zu", i);
        sb_cell cells[44];
        size_t count = 0;
        const uint64_t word_set = set, word = i * i, word_double = 0x3FF0000000000000ull + i;
        cells[count++] = (sb_cell){.key = 1, .type = SB_CLASS_INT | 2, .word = word};
        cells[count++] = (sb_cell){.key = 2,
                                   .type = SB_CLASS_BYTES | 4,
                                   .word = (uint64_t)text_bytes,
                                   .bytes = sb_bytes_of(text_value, (size_t)text_bytes)};
        if (i % 10 == 0)
            cells[count++] = (sb_cell){.key = 3, .type = SB_CLASS_DOUBLE | 3, .word = word_double};
        if (i % 500 == 3)
            cells[count++] = (sb_cell){.key = 4,
                                       .type = SB_CLASS_BYTES | 5,
                                       .word = sizeof long_value,
                                       .bytes = sb_bytes_of(long_value, sizeof long_value)};
        if (i % 700 == 5) { /* too much for a quarter of a page: a wide row */
            for (uint32_t key = 5; key <= 40; key++)
                cells[count++] = (sb_cell){.key = key,
                                           .type = SB_CLASS_BYTES | 4,
                                           .word = 200,
                                           .bytes = sb_bytes_of(long_value, 200)};
        }
        cells[count++] =
            (sb_cell){.key = SB_COLUMN_SET, .type = SB_CLASS_INT | 2, .word = word_set};
        sb_column columns[44];
        for (size_t k = 0; k < count; k++) {
            columns[k] = (sb_column){.key = cells[k].key,
                                     .type = cells[k].type,
                                     .words = &cells[k].word,
                                     .bytes = &cells[k].bytes};
        }
        const sb_rows rows = {
            .ids = &ids[i], .row_count = 1, .columns = columns, .column_count = count};
        OK(f, sb_rows_put(f->txn, sb_node_table(f->view), &rows, &f->err));
    }
    OK(f, sb_label_index_add(f->view, labels[0], ids, NODES, &f->err));
    OK(f, sb_label_index_add(f->view, labels[1], ids, NODES / 2, &f->err));
    sb_stats_add_nodes(f->view, set, NODES);
    sb_triple *triples = malloc(NODES * sizeof *triples);
    for (unsigned direction = 0; direction < 2; direction++) {
        for (size_t i = 0; i < NODES; i++)
            triples[i] =
                (sb_triple){.node = ids[i], .neighbor = ids[NODES - 1 - i], .rel = 1000 + i};
        OK(f,
           sb_adjacency_insert(f->view, large, (sb_direction)direction, triples, NODES, &f->err));
        OK(f, sb_adjacency_insert(f->view, small, (sb_direction)direction, triples, 10, &f->err));
        sb_stats_add_rels(f->view, set, large, (sb_direction)direction, NODES);
        sb_stats_add_rels(f->view, set, small, (sb_direction)direction, 10);
    }
    definition = (sb_schema){.kind = SB_SCHEMA_UNIQUE,
                             .entity = labels[0],
                             .key_count = 1,
                             .keys = {1},
                             .name = text("person_key")};
    OK(f, sb_schema_add(f->view, &definition, &index_id, &f->err));
    definition = (sb_schema){.kind = SB_SCHEMA_EXISTS,
                             .entity = labels[0],
                             .key_count = 1,
                             .keys = {2},
                             .name = text("exists")};
    OK(f, sb_schema_add(f->view, &definition, &index_id, &f->err));
    OK(f, sb_schema_drop(f->view, 1, NULL, NULL, &f->err)); /* a number that is not in use */
    definition = (sb_schema){.kind = SB_SCHEMA_INDEX,
                             .entity = labels[0],
                             .key_count = 1,
                             .keys = {2},
                             .name = text("person_name")};
    OK(f, sb_schema_add(f->view, &definition, &index_id, &f->err));
    for (unsigned i = 0; i < NODES; i++) {
        uint8_t key[4];
        sb_store_be32(key, i);
        OK(f, sb_tree_put(f->txn, sb_schema_tree(f->view, index_id), sb_bytes_of(key, 4), text("v"),
                          &f->err));
    }
    commit(f);
    free(ids);
    free(triples);
}

/* ---- A digest of everything ------------------------------------------------------------------------------------ */

typedef struct digest {
    store_fixture *f;
    uint64_t hash;
    uint64_t trees;
} digest;

static void add(digest *d, const void *data, size_t bytes)
{
    d->hash = sb_hash_bytes(data, bytes, d->hash);
}
static void add_word(digest *d, uint64_t word)
{
    add(d, &word, sizeof word);
}

static sb_status digest_chunk(void *ctx, uint64_t node, const sb_chunk *chunk, bool starts)
{
    (void)starts;
    for (uint32_t i = 0; i < chunk->count; i++) {
        add_word(ctx, node);
        add_word(ctx, sb_chunk_neighbor(chunk, i));
        add_word(ctx, sb_chunk_rel(chunk, i));
    }
    return SB_OK;
}

static void digest_rows(digest *d, const sb_tree *tree)
{
    sb_row_scan *scan;
    sb_buffer bytes;
    size_t count;

    sb_buffer_init(&bytes, &sb_allocator_libc);
    OK(d->f, sb_row_scan_open(d->f->txn, tree, 0, UINT64_MAX, &scan, &d->f->err));
    for (;;) {
        OK(d->f, sb_row_scan_next(scan, &count, &d->f->err));
        if (count == 0) break;
        for (size_t i = 0; i < count; i++) {
            sb_cell cell;
            add_word(d, sb_row_scan_ids(scan)[i]);
            for (size_t pos = 0; sb_row_next_cell(sb_row_scan_row(scan, i), &pos, &cell);) {
                add_word(d, cell.key);
                add_word(d, cell.type);
                add_word(d, cell.word);
                if ((cell.type & SB_CLASS_MASK) != SB_CLASS_BYTES) continue;
                sb_buffer_reset(&bytes);
                OK(d->f, sb_cell_read(d->f->txn, &cell, &bytes, &d->f->err));
                add(d, bytes.data, bytes.size);
            }
        }
    }
    sb_row_scan_close(scan);
    sb_buffer_deinit(&bytes);
}

static void digest_items(digest *d, const sb_tree *tree)
{
    sb_cursor *cursor;
    bool found;

    OK(d->f, sb_cursor_open(d->f->txn, tree, &cursor, &d->f->err));
    OK(d->f, sb_cursor_first(cursor, &found, &d->f->err));
    while (found) {
        add(d, sb_cursor_key(cursor).data, sb_cursor_key(cursor).size);
        add(d, sb_cursor_value(cursor).data, sb_cursor_value(cursor).size);
        OK(d->f, sb_cursor_next(cursor, &found, &d->f->err));
    }
    sb_cursor_close(cursor);
}

static sb_status digest_tree(void *ctx, const sb_tree *tree, const char *what)
{
    digest *d = ctx;
    sb_tree_stats stats;
    uint64_t findings = 0;

    d->trees++;
    OK(d->f,
       sb_tree_verify(d->f->txn, tree, NULL, print_finding, NULL, &stats, &findings, &d->f->err));
    assert_int_equal(findings, 0);
    assert_int_equal(stats.leaf_pages, tree->leaf_count);
    add(d, what, strlen(what));
    add_word(d, tree->id);
    if (tree->root == SB_PGNO_NONE || strcmp(what, "catalog") == 0)
        return SB_OK; /* its rows of trees differ */
    if (tree->kind == SB_TREE_LIST)
        OK(d->f, sb_lists_scan(d->f->txn, tree, 0, UINT64_MAX, digest_chunk, d, &d->f->err));
    if (tree->kind == SB_TREE_COLUMNAR) digest_rows(d, tree);
    if (tree->kind == SB_TREE_SLOTTED) digest_items(d, tree);
    return SB_OK;
}

static sb_status digest_stat(void *ctx, int kind, sb_set_id set, sb_type_id type,
                             sb_direction direction, uint64_t count)
{
    add_word(ctx, (uint64_t)kind << 32 | set);
    add_word(ctx, (uint64_t)type << 8 | (unsigned)direction);
    add_word(ctx, count);
    return SB_OK;
}

static uint64_t digest_of(store_fixture *f)
{
    digest d = {.f = f};
    size_t count;

    begin_read(f);
    assert_int_equal(verify(f), 0);
    OK(f, sb_store_each_tree(f->view, digest_tree, &d, &f->err));
    OK(f, sb_stats_each(f->view, digest_stat, &d, &f->err));
    for (unsigned kind = 0; kind < SB_NAME_KINDS; kind++) {
        for (uint32_t id = 1; id <= sb_name_count(f->view, (sb_name_kind)kind); id++) {
            const sb_bytes name = sb_name_of(f->view, (sb_name_kind)kind, id);
            add(&d, name.data, name.size);
        }
    }
    const sb_schema *schemas = sb_schemas(f->view, &count);
    for (size_t i = 0; i < count; i++) {
        add_word(&d, schemas[i].id);
        add(&d, schemas[i].name.data, schemas[i].name.size);
    }
    add_word(&d, sb_set_count(f->view));
    assert_int_equal(d.trees, 6 + 2 + count - 1);
    rollback(f);
    return d.hash;
}

static bool count_progress(void *ctx, uint64_t done, uint64_t total)
{
    uint64_t *calls = ctx;
    assert_true(done <= total);
    ++*calls;
    return *calls != 5; /* cancels the fifth time, when it is not set past it */
}

static void test_store_copy__everything_is_equal(void **state)
{
    store_fixture from, to;
    uint64_t calls = 100;
    uint32_t id;
    sb_node_id nodes[2];
    (void)state;
    fixture_open(&from, 4096);
    fixture_open(&to, 4096);
    fill(&from);
    const uint64_t digest_before = digest_of(&from);
    begin_read(&from);
    begin_write(&to);
    OK(&to, sb_store_copy(from.view, to.view, count_progress, &calls, &to.err));
    assert_true(calls > 110);
    /* The view goes on as that of the copy. */
    assert_int_equal(sb_name_find(to.view, SB_NAME_LABEL, text("Admin")), 2);
    FAILS(&to, sb_store_copy(from.view, to.view, NULL, NULL, &to.err), SB_MISUSE);
    commit(&to);
    rollback(&from);
    assert_int_equal(digest_of(&to), digest_before);
    reopen(&to);
    assert_int_equal(digest_of(&to), digest_before);
    /* Both go on alike: ids, tree and schema numbers. */
    store_fixture *const both[] = {&from, &to};
    for (unsigned i = 0; i < 2; i++) {
        store_fixture *f = both[i];
        begin_write(f);
        OK(f, sb_ids_take_nodes(f->view, 1, 1, &nodes[i], &f->err));
        assert_int_equal(intern(f, SB_NAME_LABEL, "New"), 3);
        const sb_schema definition = {
            .kind = SB_SCHEMA_INDEX, .entity = 3, .key_count = 1, .keys = {1}, .name = text("new")};
        OK(f, sb_schema_add(f->view, &definition, &id, &f->err));
        assert_int_equal(id, 4);
        commit(f);
    }
    assert_int_equal(nodes[0], nodes[1]);
    assert_int_equal(digest_of(&from), digest_of(&to));
    fixture_close(&from);
    fixture_close(&to);
}

static void test_store_copy__cancel_leaves_nothing(void **state)
{
    store_fixture from, to;
    uint64_t calls = 0;
    (void)state;
    fixture_open(&from, 4096);
    fixture_open(&to, 4096);
    fill(&from);
    begin_read(&from);
    begin_write(&to);
    FAILS(&to, sb_store_copy(from.view, to.view, count_progress, &calls, &to.err), SB_INTERRUPT);
    rollback(&to);
    begin_write(&to);
    OK(&to, sb_store_copy(from.view, to.view, NULL, NULL, &to.err));
    rollback(&to); /* copied whole, and not wanted after all */
    begin_read(&to);
    assert_int_equal(sb_name_count(to.view, SB_NAME_LABEL), 0);
    assert_int_equal(sb_set_count(to.view), 1);
    rollback(&to);
    begin_write(&to);
    assert_int_equal(intern(&to, SB_NAME_LABEL, "Other"), 1);
    commit(&to);
    rollback(&from);
    fixture_close(&from);
    fixture_close(&to);
}

static void test_store_copy__an_empty_store(void **state)
{
    store_fixture from, to;
    (void)state;
    fixture_open(&from, 4096);
    fixture_open(&to, 4096);
    begin_read(&from);
    begin_write(&to);
    OK(&to, sb_store_copy(from.view, to.view, NULL, NULL, &to.err));
    assert_int_equal(intern(&to, SB_NAME_LABEL, "A"), 1);
    commit(&to);
    rollback(&from);
    fixture_close(&from);
    fixture_close(&to);
}

/* Each allocation of the copy fails in turn; then it works. */
static void test_store_copy__allocation_failures(void **state)
{
    store_fixture from, to;
    size_t step = 0;
    (void)state;
    fixture_open(&from, 4096);
    fixture_open(&to, 4096);
    fill(&from);
    const uint64_t digest_before = digest_of(&from);
    for (;; step = step < 40 ? step + 1 : step + step / 8) {
        begin_read(&from);
        begin_write(&to);
        from.alloc.fail_at = from.alloc.alloc_count + 1 + step;
        to.alloc.fail_at = to.alloc.alloc_count + 1 + step;
        sb_status st = sb_store_copy(from.view, to.view, NULL, NULL, &to.err);
        if (st == SB_OK) {
            st = sb_txn_commit(to.txn, &to.err);
        } else {
            rollback(&to);
        }
        from.alloc.fail_at = to.alloc.fail_at = 0;
        rollback(&from);
        if (st == SB_OK) break;
        assert_int_equal(st, SB_NOMEM);
        sb_err_clear(&to.err);
        begin_read(&to);
        assert_int_equal(sb_name_count(to.view, SB_NAME_LABEL), 0);
        rollback(&to);
    }
    assert_true(step > 20);
    assert_int_equal(digest_of(&to), digest_before);
    fixture_close(&from);
    fixture_close(&to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_store_copy__everything_is_equal),
        TEST(test_store_copy__cancel_leaves_nothing),
        TEST(test_store_copy__an_empty_store),
        TEST(test_store_copy__allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
