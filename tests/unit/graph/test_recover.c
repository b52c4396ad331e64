/* Goal: of a damaged file all that is whole is saved, nothing wrong appears, and losses are told.
 * Method: a graph in which every node has a name of its own is written out as lines of text (a line for each node with its
 * labels, each property, each relationship). Each page of the file is damaged in turn, and what recovery makes of it must be a part of
 * these lines; when nothing is reported lost, all of them. */
#include "random_graph.h"

#include "support/page0.h"

#define FILE_NAME "test.sombra"

typedef struct lines {
    sb_buffer text;
    char **items; /* sorted */
    size_t count, capacity;
} lines;

typedef struct fixture {
    graph_fixture f;
    random_graph g;
    told t;
    uint8_t *file; /* the sound file */
    size_t bytes;
    uint32_t page_bytes;
    lines all;
    uint8_t digest[16];
    uint64_t nodes, rels;
    uint64_t id_end[2], id_last[2]; /* by sb_entity: handed out so far; of those that exist */
} fixture;

/* ---- A graph as lines ------------------------------------------------------------------------------------------ */

static void add_line(lines *l, const char *line, size_t bytes)
{
    if (l->count == l->capacity) {
        l->capacity = l->capacity == 0 ? 1024 : 2 * l->capacity;
        l->items = realloc(l->items, l->capacity * sizeof *l->items);
    }
    l->items[l->count] = malloc(bytes + 1);
    memcpy(l->items[l->count], line, bytes);
    l->items[l->count++][bytes] = '\0';
}

static void free_lines(lines *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->items[i]);
    free(l->items);
    *l = (lines){0};
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void append_prop(graph_fixture *f, sb_buffer *out, const sb_prop *prop)
{
    const sb_bytes key = sb_name_of(f->view, SB_NAME_KEY, prop->key);

    assert_int_equal(sb_buffer_printf(out, " %.*s(%s)=", (int)key.size, (const char *)key.data,
                                      sb_type_name(prop->value.type)),
                     SB_OK);
    if (prop->value.type == SB_TYPE_LIST) {
        for (size_t i = 0; i < prop->value.as.list.count; i++)
            assert_int_equal(sb_value_to_text(&prop->value.as.list.items[i], out), SB_OK);
        return;
    }
    assert_int_equal(sb_value_to_text(&prop->value, out), SB_OK);
}

/* Its name; "?" when that is lost. */
static void append_node_name(graph_fixture *f, sb_buffer *out, sb_node_id node)
{
    const sb_key_id key = sb_name_find(f->view, SB_NAME_KEY, text("name"));
    sb_value value;
    bool found;

    OK(f, sb_graph_get_props(f->graph, SB_NODE, node, &key, 1, &value, &found, &f->err));
    assert_true(found);
    if (value.type == SB_TYPE_STRING)
        assert_int_equal(sb_buffer_append(out, value.as.bytes.data, value.as.bytes.size), SB_OK);
    else
        assert_int_equal(sb_buffer_printf(out, "?"), SB_OK);
}

static void add_node(graph_fixture *f, lines *l, sb_buffer *line, sb_node_id id)
{
    const char *names[8];
    sb_node_record record;
    size_t count;
    bool found;

    OK(f, sb_graph_node(f->graph, id, &record, &found, &f->err));
    const sb_label_id *labels = sb_set_labels(f->view, record.set, &count);
    for (size_t i = 0; i < count; i++)
        names[i] = (const char *)sb_name_of(f->view, SB_NAME_LABEL, labels[i]).data;
    if (count > 1) qsort(names, count, sizeof *names, compare_lines);
    sb_buffer_reset(line);
    assert_int_equal(sb_buffer_printf(line, "node "), SB_OK);
    append_node_name(f, line, id);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(sb_buffer_printf(line, " :%.4s", names[i]), SB_OK);
    add_line(l, (char *)line->data, line->size);
    for (size_t i = 0;; i++) {
        /* reading the name took the arena */
        OK(f, sb_graph_node(f->graph, id, &record, &found, &f->err));
        if (i == record.prop_count) break;
        const sb_prop prop = record.props[i];
        sb_buffer value;
        sb_buffer_init(&value, &sb_allocator_libc);
        append_prop(f, &value, &prop);
        sb_buffer_reset(line);
        assert_int_equal(sb_buffer_printf(line, "value "), SB_OK);
        append_node_name(f, line, id);
        assert_int_equal(sb_buffer_append(line, value.data, value.size), SB_OK);
        add_line(l, (char *)line->data, line->size);
        sb_buffer_deinit(&value);
    }
}

static void add_rel(graph_fixture *f, lines *l, sb_buffer *line, sb_rel_id id)
{
    sb_rel_record record;
    bool found;

    sb_buffer_reset(line);
    OK(f, sb_graph_rel(f->graph, id, &record, &found, &f->err));
    const sb_bytes type = sb_name_of(f->view, SB_NAME_TYPE, record.type);
    assert_int_equal(sb_buffer_printf(line, "rel %.*s", (int)type.size, (const char *)type.data),
                     SB_OK);
    /* Ids of keys change: in order of their names, of which there are two. */
    const bool swap = record.prop_count == 2 &&
                      sb_bytes_compare(sb_name_of(f->view, SB_NAME_KEY, record.props[0].key),
                                       sb_name_of(f->view, SB_NAME_KEY, record.props[1].key)) > 0;
    for (size_t i = 0; i < record.prop_count; i++)
        append_prop(f, line, &record.props[swap ? 1 - i : i]);
    assert_int_equal(sb_buffer_printf(line, " from "), SB_OK);
    append_node_name(f, line, record.source);
    assert_int_equal(sb_buffer_printf(line, " to "), SB_OK);
    append_node_name(f, line, record.target);
    add_line(l, (char *)line->data, line->size);
}

static void write_lines(graph_fixture *f, lines *l)
{
    sb_buffer line;

    sb_buffer_init(&line, &sb_allocator_libc);
    for (unsigned entity = SB_NODE; entity <= SB_REL; entity++) {
        const sb_tree *table = entity == SB_NODE ? sb_node_table(f->view) : sb_rel_table(f->view);
        sb_row_scan *scan;
        size_t count;
        OK(f, sb_row_scan_open(f->txn, table, 0, UINT64_MAX, &scan, &f->err));
        for (;;) {
            OK(f, sb_row_scan_next(scan, &count, &f->err));
            if (count == 0) break;
            for (size_t i = 0; i < count; i++) {
                const uint64_t id = sb_row_scan_ids(scan)[i];
                if (entity == SB_NODE)
                    add_node(f, l, &line, id);
                else
                    add_rel(f, l, &line, id);
            }
        }
        sb_row_scan_close(scan);
    }
    sb_buffer_deinit(&line);
    qsort(l->items, l->count, sizeof *l->items, compare_lines);
}

/* Lines of part that all does not have. */
static size_t count_wrong(const lines *part, const lines *all)
{
    size_t wrong = 0;

    for (size_t i = 0, j = 0; i < part->count; i++) {
        while (j < all->count && strcmp(all->items[j], part->items[i]) < 0)
            j++;
        if (j < all->count && strcmp(all->items[j], part->items[i]) == 0) {
            j++;
            continue;
        }
        if (wrong++ < 5) print_error("not in the original: %.200s\n", part->items[i]);
    }
    return wrong;
}

/* ---- Files ----------------------------------------------------------------------------------------------------- */

static void write_file(fixture *x, const char *name, const uint8_t *data, size_t bytes)
{
    sb_file *file;

    OK(&x->f, sb_vfs_open(x->f.vfs, name, SB_OPEN_CREATE, &file, &x->f.err));
    OK(&x->f, file->ops->truncate(file, 0, &x->f.err));
    OK(&x->f, sb_file_write_all(file, 0, data, bytes, &x->f.err));
    sb_file_close(file);
}

static void remove_file(fixture *x, const char *name)
{
    bool existed;
    OK(&x->f, x->f.vfs->ops->remove(x->f.vfs, name, &existed, &x->f.err));
}

static uint8_t *read_file(fixture *x, const char *path, size_t *bytes)
{
    sb_file *file;
    sb_file_info info;

    OK(&x->f, sb_vfs_open(x->f.vfs, path, SB_OPEN_READ_ONLY, &file, &x->f.err));
    OK(&x->f, file->ops->info(file, &info, &x->f.err));
    uint8_t *all = malloc(info.bytes);
    OK(&x->f, sb_file_read_all(file, 0, all, info.bytes, &x->f.err));
    sb_file_close(file);
    *bytes = info.bytes;
    return all;
}

/* The lowest and the highest id of a table, 0 when it is empty. */
static void id_range(graph_fixture *f, sb_entity entity, uint64_t *first, uint64_t *last)
{
    sb_tree *table = entity == SB_NODE ? sb_node_table(f->view) : sb_rel_table(f->view);
    sb_row_scan *scan = NULL;
    size_t count = 0;

    *first = *last = 0;
    OK(f, sb_row_scan_open(f->txn, table, 0, UINT64_MAX, &scan, &f->err));
    for (;;) {
        OK(f, sb_row_scan_next(scan, &count, &f->err));
        if (count == 0) break;
        if (*first == 0) *first = sb_row_scan_ids(scan)[0];
        *last = sb_row_scan_ids(scan)[count - 1];
    }
    sb_row_scan_close(scan);
}

/* The sound graph: its file in memory, closed, and its lines. */
static int open_fixture(void **state)
{
    fixture *x = calloc(1, sizeof *x);
    sb_verify_result result;

    graph_fixture_open(&x->f, 4096);
    make_random_graph(&x->f, &x->g, 1);
    begin_read(&x->f);
    result = verify_graph(&x->f, &x->t);
    x->nodes = result.nodes;
    x->rels = result.rels;
    x->id_end[SB_NODE] = sb_ids_node_end(x->f.view);
    x->id_end[SB_REL] = sb_ids_rel_end(x->f.view);
    for (unsigned entity = 0; entity < 2; entity++) {
        uint64_t first;
        id_range(&x->f, (sb_entity)entity, &first, &x->id_last[entity]);
    }
    write_lines(&x->f, &x->all);
    OK(&x->f, sb_graph_digest(x->f.graph, x->digest, &x->f.err));
    rollback(&x->f);
    graph_close_file(&x->f);
    x->file = read_file(x, FILE_NAME, &x->bytes);
    x->page_bytes = 4096;
    *state = x;
    return 0;
}

static int close_fixture(void **state)
{
    fixture *x = *state;

    graph_open_file(&x->f); /* what is there by now */
    graph_fixture_close(&x->f);
    free_lines(&x->all);
    free(x->file);
    free(x);
    return 0;
}

static void tell_loss(void *ctx, const char *message)
{
    tell_line(ctx, message);
}

static sb_status recover(fixture *x, const char *damaged, const char *path,
                         sb_recover_result *result)
{
    const sb_recover_options options = {.alloc = &x->f.alloc.base,
                                        .vfs = x->f.vfs,
                                        .profile = &x->f.profile,
                                        .lost = tell_loss,
                                        .lost_ctx = &x->t};

    x->t.size = x->t.lines = 0;
    x->t.text[0] = '\0';
    return sb_graph_recover(damaged, path, &options, result, &x->f.err);
}

typedef struct outcome {
    sb_recover_result result;
    size_t lines, wrong;
    bool names_lost, same_digest;
    uint64_t id_first[2]; /* by sb_entity: the lowest of the new file */
} outcome;

/* Recover bad.sombra, and look at what came of it. */
static outcome recover_and_compare(fixture *x)
{
    outcome o = {0};
    uint8_t digest[16];
    lines saved = {0};
    bool exists;

    remove_file(x, FILE_NAME);
    OK(&x->f, recover(x, "bad.sombra", FILE_NAME, &o.result));
    OK(&x->f, x->f.vfs->ops->exists(x->f.vfs, FILE_NAME "-salvage", &exists, &x->f.err));
    assert_false(exists);
    o.names_lost =
        strstr(x->t.text, "the name of") != NULL || strstr(x->t.text, "the labels of") != NULL;
    graph_open_file(&x->f);
    begin_read(&x->f);
    told *t = calloc(1, sizeof *t);
    assert_sound(&x->f, t);
    free(t);
    for (unsigned entity = 0; entity < 2; entity++) {
        uint64_t last;
        id_range(&x->f, (sb_entity)entity, &o.id_first[entity], &last);
    }
    if (!o.names_lost) {
        write_lines(&x->f, &saved);
        o.lines = saved.count;
        o.wrong = count_wrong(&saved, &x->all);
        OK(&x->f, sb_graph_digest(x->f.graph, digest, &x->f.err));
        o.same_digest = memcmp(digest, x->digest, sizeof digest) == 0;
    }
    rollback(&x->f);
    graph_close_file(&x->f);
    free_lines(&saved);
    return o;
}

/* ---- Tests ------------------------------------------------------------------------------------------------------------ */

static void test_graph_recover__sound(void **state)
{
    fixture *x = *state;

    write_file(x, "bad.sombra", x->file, x->bytes);
    const outcome o = recover_and_compare(x);
    assert_string_equal(x->t.text, "");
    assert_int_equal(o.result.messages, 0);
    assert_int_equal(o.lines, x->all.count);
    assert_int_equal(o.wrong, 0);
    assert_true(o.same_digest);
    assert_int_equal(o.result.nodes, x->nodes);
    assert_int_equal(o.result.rels, x->rels);
    assert_int_equal(o.result.lost_nodes + o.result.lost_rels + o.result.damaged_pages, 0);
    /* No old id, of what was deleted neither, names another entity. */
    assert_int_equal(o.id_first[SB_NODE], x->id_end[SB_NODE]);
    assert_int_equal(o.id_first[SB_REL], x->id_end[SB_REL]);
    assert_true(x->id_end[SB_NODE] > x->id_last[SB_NODE]);
    graph_open_file(&x->f); /* indexes and constraints are there */
    begin_read(&x->f);
    size_t count;
    (void)sb_schemas(x->f.view, &count);
    assert_int_equal(count, 5);
    rollback(&x->f);
    graph_close_file(&x->f);
}

/* What only a newer version may write can be read, and so saved: the new file is of this version. */
static void test_graph_recover__newer_to_write(void **state)
{
    fixture *x = *state;
    uint8_t *bad = malloc(x->bytes);

    memcpy(bad, x->file, x->bytes);
    bad[44] = 1; /* a feature that writers must know */
    seal_page0(bad, x->page_bytes);
    write_file(x, "bad.sombra", bad, x->bytes);
    const outcome o = recover_and_compare(x);
    assert_string_equal(x->t.text, "");
    assert_true(o.same_digest);
    free(bad);
}

static void test_graph_recover__each_page(void **state)
{
    fixture *x = *state;
    uint8_t *bad = malloc(x->bytes);
    size_t whole = 0, partial = 0, renamed = 0, unknown = 0;

    for (size_t page = 0; page < x->bytes / x->page_bytes; page++) {
        memcpy(bad, x->file, x->bytes);
        for (size_t i = 0; i < 40; i++)
            bad[page * x->page_bytes + i * 97] ^= 0x5A;
        write_file(x, "bad.sombra", bad, x->bytes);
        const outcome o = recover_and_compare(x);
        assert_true(o.result.damaged_pages <= 1); /* 0: it was free */
        assert_int_equal(o.wrong, 0);
        /* The totals are in the catalog: when they are lost, that is told, and what is counted is the least. */
        unknown += !o.result.nodes_known;
        assert_true(o.result.nodes_known || x->t.lines > 0);
        assert_true(o.result.nodes + o.result.lost_nodes <= x->nodes);
        assert_true(o.result.nodes_known || o.result.damaged_pages == 1);
        /* One leaf is lost at most, with what hangs on its nodes; an inner page costs nothing. */
        assert_true(o.result.nodes >= x->nodes - 150 && o.result.rels >= x->rels - 800);
        if (o.names_lost) {
            assert_int_equal(o.result.nodes, x->nodes);
            assert_int_equal(o.result.rels, x->rels);
            renamed++;
        } else if (o.lines == x->all.count) {
            assert_true(o.same_digest);
            assert_int_equal(o.result.lost_nodes + o.result.lost_rels, 0);
            whole++;
        } else {
            assert_int_equal(o.result.damaged_pages, 1);
            assert_true(x->t.lines > 0);
            assert_int_equal(o.result.nodes + o.result.lost_nodes, x->nodes);
            assert_int_equal(o.result.rels + o.result.lost_rels, x->rels);
            partial++;
        }
    }
    print_message("%zu pages: nothing lost with %zu, something with %zu, names with %zu\n",
                  x->bytes / x->page_bytes, whole, partial, renamed);
    assert_true(whole > 20 && partial > 10 && unknown > 0 && renamed >= 1);
    free(bad);
}

static void test_graph_recover__header_gone(void **state)
{
    fixture *x = *state;
    uint8_t *bad = malloc(x->bytes);

    memcpy(bad, x->file, x->bytes);
    memset(bad, 0, x->page_bytes);
    write_file(x, "bad.sombra", bad, x->bytes);
    const outcome o = recover_and_compare(x);
    assert_int_equal(o.wrong, 0);
    assert_int_equal(o.lines, x->all.count);
    assert_true(o.same_digest);
    assert_told(&x->t, "page 0 is damaged");
    assert_told(&x->t, "indexes and constraints are lost");
    assert_true(o.id_first[SB_NODE] > x->id_last[SB_NODE]);
    assert_true(o.id_first[SB_REL] > x->id_last[SB_REL]);
    free(bad);
}

/* Without a header nothing tells free pages from others: leaves that were freed long ago must not come back. */
static void test_graph_recover__old_leaves(void **state)
{
    fixture *x = *state;
    sb_node_id *ids = malloc(8000 * sizeof *ids);
    uint8_t header[4096] = {0};
    sb_file *file;

    write_file(x, FILE_NAME, x->file, x->bytes);
    graph_open_file(&x->f);
    begin_write(&x->f);
    OK(&x->f, sb_graph_create_nodes(x->f.graph, set_of_label(&x->f, label(&x->f, "Passing")), 8000,
                                    NULL, 0, ids, &x->f.err));
    commit(&x->f);
    graph_reopen(&x->f);
    begin_write(&x->f);
    for (size_t i = 0; i < 8000; i++) {
        const sb_op op = {.kind = SB_OP_DELETE_NODE, .target_entity = {ids[i], -1}};
        sb_mutation result;
        OK(&x->f, sb_graph_mutate(x->f.graph, &op, 1, &result, &x->f.err));
    }
    commit(&x->f);
    begin_read(&x->f);
    assert_true(verify_graph(&x->f, &x->t).free_pages > 3);
    rollback(&x->f);
    graph_close_file(&x->f);
    OK(&x->f, x->f.vfs->ops->rename(x->f.vfs, FILE_NAME, "bad.sombra", &x->f.err));
    OK(&x->f, sb_vfs_open(x->f.vfs, "bad.sombra", 0, &file, &x->f.err));
    OK(&x->f, sb_file_write_all(file, 0, header, sizeof header, &x->f.err));
    sb_file_close(file);
    const outcome o = recover_and_compare(x);
    assert_int_equal(o.wrong, 0);
    assert_int_equal(o.lines, x->all.count);
    assert_int_equal(o.result.lost_nodes + o.result.lost_rels, 0);
    free(ids);
}

static void test_graph_recover__truncated(void **state)
{
    fixture *x = *state;
    size_t before = x->all.count;

    for (unsigned percent = 90; percent >= 30; percent -= 20) {
        write_file(x, "bad.sombra", x->file, x->bytes * percent / 100 + 13);
        const outcome o = recover_and_compare(x);
        assert_int_equal(o.wrong, 0);
        assert_true(o.result.damaged_pages > 0);
        assert_true(o.lines <= before);
        if (o.lines != 0) before = o.lines;
    }
    assert_true(before < x->all.count);
}

/* Pages at random, many at once. */
static void test_graph_recover__many_pages(void **state)
{
    fixture *x = *state;
    uint8_t *bad = malloc(x->bytes);
    sb_random random = test_random(5);

    for (unsigned round = 0; round < 12; round++) {
        memcpy(bad, x->file, x->bytes);
        for (unsigned i = 0; i < 3 * (round + 1); i++) {
            const size_t at = (size_t)sb_random_below(&random, x->bytes - 64);
            for (size_t j = 0; j < 1 + round; j++)
                bad[at + j] = (uint8_t)sb_random_next(&random);
        }
        write_file(x, "bad.sombra", bad, x->bytes);
        const outcome o = recover_and_compare(x);
        assert_true(o.names_lost || o.lines == x->all.count || x->t.lines > 0);
        /* With the free list damaged as well, rows that were deleted may come back: that is told. */
        if (strstr(x->t.text, "may be old") == NULL) assert_int_equal(o.wrong, 0);
    }
    free(bad);
}

/* Digest of another file of the same vfs. */
static void recovered_digest(fixture *x, const char *path, uint8_t digest[16])
{
    sb_pager_options options;
    sb_pager *pager;
    sb_session *session;
    sb_graph *graph;
    sb_txn *txn;

    sb_pager_options_init(&options);
    options.alloc = &x->f.alloc.base;
    options.vfs = x->f.vfs;
    options.profile = &x->f.profile;
    options.check = sb_tree_check_page;
    OK(&x->f, sb_pager_open(path, &options, &pager, &x->f.err));
    OK(&x->f, sb_session_open(pager, &session, &x->f.err));
    OK(&x->f, sb_txn_begin_read(session, &txn, &x->f.err));
    OK(&x->f, sb_graph_get(txn, &graph, &x->f.err));
    OK(&x->f, sb_graph_digest(graph, digest, &x->f.err));
    sb_txn_rollback(txn);
    sb_session_close(session);
    OK(&x->f, sb_pager_close(pager, &x->f.err));
}

/* One node, and nothing of it in the main file yet. */
static void make_wal_only(fixture *x, uint8_t page[4096], uint8_t **wal, size_t *wal_bytes)
{
    size_t page_bytes;
    sb_node_id id;

    remove_file(x, FILE_NAME);
    graph_open_file(&x->f);
    begin_write(&x->f);
    OK(&x->f, sb_graph_create_nodes(x->f.graph, set_of_label(&x->f, label(&x->f, "Only")), 1, NULL,
                                    0, &id, &x->f.err));
    commit(&x->f);
    uint8_t *file = read_file(x, FILE_NAME, &page_bytes);
    assert_int_equal(page_bytes, 4096);
    memcpy(page, file, page_bytes);
    *wal = read_file(x, FILE_NAME "-wal", wal_bytes);
    graph_close_file(&x->f);
    write_file(x, FILE_NAME, x->file, x->bytes);
    free(file);
}

/* What is only in the WAL is saved too; a WAL cut off in the middle gives an earlier state. */
static void test_graph_recover__wal(void **state)
{
    fixture *x = *state;
    sb_recover_result result;
    size_t wal_bytes;

    write_file(x, FILE_NAME, x->file, x->bytes);
    graph_open_file(&x->f);
    begin_write(&x->f);
    sb_node_id id;
    char late[801]; /* a name in two pieces */
    memset(late, 'L', sizeof late - 1);
    late[sizeof late - 1] = '\0';
    OK(&x->f, sb_graph_create_nodes(x->f.graph, set_of_label(&x->f, label(&x->f, late)), 1, NULL, 0,
                                    &id, &x->f.err));
    commit(&x->f);
    begin_read(&x->f);
    uint8_t digest[16], saved_digest[16];
    OK(&x->f, sb_graph_digest(x->f.graph, digest, &x->f.err));
    rollback(&x->f);
    OK(&x->f, recover(x, FILE_NAME, "out.sombra", &result));
    recovered_digest(x, "out.sombra", saved_digest);
    assert_memory_equal(digest, saved_digest, sizeof digest);
    assert_string_equal(x->t.text, "");
    assert_int_equal(result.nodes, x->nodes + 1);
    assert_int_equal(result.rels, x->rels);
    remove_file(x, "out.sombra");
    uint8_t *wal = read_file(x, FILE_NAME "-wal", &wal_bytes);
    wal[4096 + 200] ^= 1; /* in the first frame */
    write_file(x, "bad.sombra", x->file, x->bytes);
    write_file(x, "bad.sombra-wal", wal, wal_bytes);
    OK(&x->f, recover(x, "bad.sombra", "out.sombra", &result));
    assert_int_equal(result.nodes, x->nodes);
    remove_file(x, "out.sombra");
    remove_file(x, "bad.sombra-wal");
    graph_close_file(&x->f);
    free(wal);
}

/* A database of which the WAL has everything: whatever is left of the main file, all is saved; but not into another database, and not with
 * the WAL of another one. */
static void test_graph_recover__wal_alone(void **state)
{
    static const size_t lengths[] = {0, 1, 300, 1000, 2048, 2560, 4095, 4096};
    fixture *x = *state;
    sb_recover_result result;
    uint8_t page[4096], *wal = NULL;
    size_t wal_bytes;

    make_wal_only(x, page, &wal, &wal_bytes);
    for (unsigned zeroed = 0; zeroed < 2; zeroed++)
        for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
            if (zeroed) memset(page, 0, sizeof page);
            if (zeroed) page[sizeof page - 1] = 1; /* not blank */
            write_file(x, "bad.sombra", page, lengths[i]);
            write_file(x, "bad.sombra-wal", wal, wal_bytes);
            OK(&x->f, recover(x, "bad.sombra", "out.sombra", &result));
            assert_int_equal(result.nodes, 1);
            remove_file(x, "out.sombra");
        }
    /* The sound file has more pages than this WAL knows of: it is saved, and not what a stranger has. */
    uint8_t *bad = malloc(x->bytes);
    memcpy(bad, x->file, x->bytes);
    for (unsigned zeroed = 0; zeroed < 2; zeroed++) {
        if (zeroed) memset(bad, 0, x->page_bytes);
        bad[100] ^= 1;
        write_file(x, "bad.sombra", bad, x->bytes);
        OK(&x->f, recover(x, "bad.sombra", "out.sombra", &result));
        assert_int_equal(result.nodes, x->nodes);
        remove_file(x, "out.sombra");
    }
    remove_file(x, "bad.sombra-wal");
    free(bad);
    free(wal);
}

static void test_graph_recover__refused(void **state)
{
    fixture *x = *state;
    sb_recover_result result;
    uint8_t noise[20000];
    sb_random random = test_random(6);

    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (uint8_t)sb_random_next(&random);
    write_file(x, "bad.sombra", noise, sizeof noise);
    FAILS(&x->f, recover(x, "bad.sombra", "out.sombra", &result), SB_NOT_A_DB, "valid checksum");
    FAILS(&x->f, recover(x, "bad.sombra", FILE_NAME, &result), SB_EXISTS, "exists already");
    FAILS(&x->f, recover(x, "nothing.sombra", "out.sombra", &result), SB_CANT_OPEN,
          "nothing.sombra");
    write_file(x, "bad.sombra", noise, 0);
    FAILS(&x->f, recover(x, "bad.sombra", "out.sombra", &result), SB_NOT_A_DB, "");
}

/* A damaged file that lies where something of the new one does stays as it is. */
static void test_graph_recover__source_in_the_way(void **state)
{
    static const char *const names[] = {"out.sombra-wal",     "out.sombra-shm",
                                        "out.sombra-making",  "out.sombra-making-wal",
                                        "out.sombra-salvage", "out.sombra-salvage-wal"};
    fixture *x = *state;
    sb_recover_result result;
    size_t bytes;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        write_file(x, names[i], x->file, x->bytes);
        FAILS(&x->f, recover(x, names[i], "out.sombra", &result), SB_INVALID, "written over");
        uint8_t *left = read_file(x, names[i], &bytes);
        assert_int_equal(bytes, x->bytes);
        assert_memory_equal(left, x->file, bytes);
        free(left);
        remove_file(x, names[i]);
    }
}

/* ---- Losses that are in no damaged page ------------------------------------------------------------------------- */

/* Open a copy of the sound file, to be changed. */
static void begin_change(fixture *x)
{
    write_file(x, FILE_NAME, x->file, x->bytes);
    graph_open_file(&x->f);
    begin_write(&x->f);
}

/* Commit what was changed, and recover it into out.sombra, which is open then. */
static void recover_changed(fixture *x, sb_recover_result *result)
{
    bool existed;

    commit(&x->f);
    graph_close_file(&x->f);
    OK(&x->f, recover(x, FILE_NAME, "out.sombra", result));
    assert_int_equal(result->messages, x->t.lines);
    assert_int_equal(result->lost_nodes + result->lost_rels + result->damaged_pages, 0);
    OK(&x->f, x->f.vfs->ops->remove(x->f.vfs, FILE_NAME, &existed, &x->f.err));
    OK(&x->f, x->f.vfs->ops->rename(x->f.vfs, "out.sombra", FILE_NAME, &x->f.err));
    graph_open_file(&x->f);
    begin_read(&x->f);
    told *t = calloc(1, sizeof *t);
    assert_sound(&x->f, t);
    free(t);
}

static void end_recovered(fixture *x)
{
    rollback(&x->f);
    graph_close_file(&x->f);
}

/* The row of the catalog with a name or label set: gone, or with another value. */
static void change_catalog(fixture *x, sb_salvage_kind kind, uint32_t id, uint8_t piece,
                           const char *value)
{
    uint8_t key[6] = {(uint8_t)(kind + 1)}; /* docs/format: kind, id, piece */
    const sb_bytes row = {key, sizeof key};
    sb_salvage_trees trees;
    sb_salvage_row meant;
    bool found = true;

    sb_store_be32(key + 1, id);
    key[5] = piece;
    assert_true(sb_store_salvage_row(row, sb_bytes_of(NULL, 0), &meant));
    assert_true(meant.kind == kind && meant.id == id && meant.piece == piece);
    sb_store_salvage_trees(x->f.txn, &trees);
    if (value == NULL)
        OK(&x->f, sb_tree_delete(x->f.txn, &trees.catalog, row, &found, &x->f.err));
    else
        OK(&x->f, sb_tree_put(x->f.txn, &trees.catalog, row, text(value), &x->f.err));
    assert_true(found);
}

static bool has_label(fixture *x, const char *name)
{
    return sb_name_find(x->f.view, SB_NAME_LABEL, text(name)) != 0;
}

/* A value that is none, and so a constraint that does not hold any more. */
static void test_graph_recover__lost_value(void **state)
{
    fixture *x = *state;
    const sb_cell wrong = {.key = x->g.name,
                           .type = SB_CELL_STRING,
                           .word = 2,
                           .bytes = {(const uint8_t *)"\xff\xfe", 2}};
    sb_recover_result result;
    sb_node_id company;
    size_t count;
    bool found;

    begin_change(x);
    OK(&x->f, sb_label_index_scan(x->f.view, x->g.company, 0, &company, 1, &count, &x->f.err));
    OK(&x->f,
       sb_row_set(x->f.txn, sb_node_table(x->f.view), company, &wrong, 1, &found, &x->f.err));
    assert_true(found);
    recover_changed(x, &result);
    assert_int_equal(result.lost_props, 1);
    assert_int_equal(result.lost_schemas, 1);
    assert_int_equal(result.lost_names + result.lost_sets, 0);
    assert_told(&x->t, "property name is lost");
    assert_told(&x->t, "constraint company_name is not made again");
    assert_int_equal(result.messages, 2);
    end_recovered(x);
}

/* A label, a key and a label set without their rows; labels that are there have the names they would get. */
static void test_graph_recover__lost_names(void **state)
{
    fixture *x = *state;
    sb_recover_result result;
    char city[32], set_name[32];
    sb_node_id id;

    begin_change(x);
    const sb_set_id set = set_of_label(&x->f, x->g.person);
    (void)snprintf(city, sizeof city, "label_%u", x->g.city);
    (void)snprintf(set_name, sizeof set_name, "set_%u", set);
    const sb_label_id both[] = {label(&x->f, city), label(&x->f, set_name)};
    for (size_t i = 0; i < 2; i++)
        OK(&x->f, sb_graph_create_nodes(x->f.graph, set_of_label(&x->f, both[i]), 1, NULL, 0, &id,
                                        &x->f.err));
    commit(&x->f);
    begin_write(&x->f);
    change_catalog(x, SB_SALVAGE_LABEL, x->g.city, 0, NULL);
    change_catalog(x, SB_SALVAGE_KEY, x->g.note, 0, NULL);
    change_catalog(x, SB_SALVAGE_SET, set, 0, NULL);
    recover_changed(x, &result);
    assert_int_equal(result.nodes, x->nodes + 2);
    assert_true(has_label(x, "Company") && !has_label(x, "City"));
    assert_true(has_label(x, city) && has_label(x, set_name)); /* of both that are named so, one */
    assert_int_equal(sb_name_find(x->f.view, SB_NAME_KEY, text("note")), 0);
    assert_int_equal(result.lost_sets, 1);
    assert_true(result.lost_names >= 2);
    assert_told(&x->t, "indexes and constraints are lost"); /* how many there were, nothing tells */
    assert_int_equal(result.lost_schemas + result.lost_props, 0);
    end_recovered(x);
}

/* As many labels as a node can have; with one more the row is no label set. */
static void test_graph_recover__many_labels(void **state)
{
    enum { MOST = 26112 };
    fixture *x = *state;
    sb_label_id *labels = malloc(MOST * sizeof *labels);
    uint8_t before[16], after[16];
    sb_recover_result result;
    sb_set_id set;
    sb_node_id id;

    for (unsigned round = 0; round < 2; round++) {
        begin_change(x);
        for (unsigned i = 0; i < MOST; i++) {
            char name[16];
            (void)snprintf(name, sizeof name, "L%u", i);
            labels[i] = label(&x->f, name);
        }
        OK(&x->f, sb_set_intern(x->f.view, labels, MOST, &set, &x->f.err));
        OK(&x->f, sb_graph_create_nodes(x->f.graph, set, 1, NULL, 0, &id, &x->f.err));
        OK(&x->f, sb_graph_digest(x->f.graph, before, &x->f.err));
        commit(&x->f);
        begin_write(&x->f);
        if (round == 1) change_catalog(x, SB_SALVAGE_SET, set, MOST / 512, "\1");
        recover_changed(x, &result);
        OK(&x->f, sb_graph_digest(x->f.graph, after, &x->f.err));
        assert_int_equal(memcmp(before, after, sizeof after) == 0, round == 0);
        assert_int_equal(result.lost_sets, round);
        assert_int_equal(result.messages != 0, round);
        assert_int_equal(has_label(x, "L26111"), round == 0);
        end_recovered(x);
    }
    free(labels);
}

static void test_graph_recover__dropped_label_index(void **state)
{
    fixture *x = *state;
    sb_recover_result result;

    begin_change(x);
    OK(&x->f, sb_graph_schema_drop(x->f.graph, SB_GRAPH_LABEL_INDEX | x->g.city, &x->f.err));
    recover_changed(x, &result);
    assert_int_equal(result.messages, 0);
    assert_false(sb_label_indexed(x->f.view, sb_name_find(x->f.view, SB_NAME_LABEL, text("City"))));
    assert_true(
        sb_label_indexed(x->f.view, sb_name_find(x->f.view, SB_NAME_LABEL, text("Person"))));
    end_recovered(x);
}

/* Every allocation failing in turn: SB_NOMEM, no file is left, nothing leaks. */
static void test_graph_recover__no_memory(void **state)
{
    fixture *x = *state;
    sb_recover_result result;
    bool exists;

    write_file(x, "bad.sombra", x->file, x->bytes);
    size_t step = 1, swallowed = 0;
    for (bool reached = true; reached; step += 1 + step / 4) {
        const size_t fail_at = x->f.alloc.alloc_count + step;
        x->f.alloc.fail_at = fail_at;
        const sb_status st = recover(x, "bad.sombra", "out.sombra", &result);
        reached = x->f.alloc.alloc_count >= fail_at;
        x->f.alloc.fail_at = 0;
        assert_int_equal(x->f.alloc.live_blocks, 0);
        OK(&x->f, x->f.vfs->ops->exists(x->f.vfs, "out.sombra", &exists, &x->f.err));
        assert_true(exists == (st == SB_OK));
        if (st == SB_OK) { /* of a cache, or the name of a file that is removed at leisure */
            assert_int_equal(result.nodes, x->nodes);
            remove_file(x, "out.sombra");
            swallowed += reached;
        } else {
            assert_int_equal(st, SB_NOMEM);
        }
        remove_file(x, "out.sombra-salvage");
        sb_err_clear(&x->f.err);
    }
    print_message("about %zu allocations\n", step);
    assert_true(step > 100);
    assert_true(swallowed < 10);
}

#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FILE(test_graph_recover__sound),
        WITH_FILE(test_graph_recover__newer_to_write),
        WITH_FILE(test_graph_recover__each_page),
        WITH_FILE(test_graph_recover__header_gone),
        WITH_FILE(test_graph_recover__old_leaves),
        WITH_FILE(test_graph_recover__truncated),
        WITH_FILE(test_graph_recover__many_pages),
        WITH_FILE(test_graph_recover__wal),
        WITH_FILE(test_graph_recover__refused),
        WITH_FILE(test_graph_recover__source_in_the_way),
        WITH_FILE(test_graph_recover__wal_alone),
        WITH_FILE(test_graph_recover__lost_value),
        WITH_FILE(test_graph_recover__lost_names),
        WITH_FILE(test_graph_recover__many_labels),
        WITH_FILE(test_graph_recover__dropped_label_index),
        WITH_FILE(test_graph_recover__no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
