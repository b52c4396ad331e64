/* bulk_fixture.h — for the tests of bulk load and export: files in memory, loads, and a graph printed as sorted lines (labels and
 * properties; for relationships those of both ends), so that two graphs are equal up to ids when their prints are. Printing
 * checks the lists of both directions, the label index and the statistics on its way. */
#ifndef TESTS_BULK_FIXTURE_H
#define TESTS_BULK_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>

#include "support/graph_fixture.h"

#include "graph/graph_priv.h"

static inline void put_file(graph_fixture *f, const char *path, const void *data, size_t size)
{
    sb_file *file;

    OK(f, sb_vfs_open(f->vfs, path, SB_OPEN_CREATE, &file, &f->err));
    OK(f, file->ops->truncate(file, 0, &f->err));
    if (size != 0) OK(f, sb_file_write_all(file, 0, data, size, &f->err));
    sb_file_close(file);
}

static inline void put_text(graph_fixture *f, const char *path, const char *content)
{
    put_file(f, path, content, strlen(content));
}

/* NUL-terminated; the caller frees it. */
static inline char *get_text(graph_fixture *f, const char *path)
{
    sb_file *file;
    sb_file_info info;

    OK(f, sb_vfs_open(f->vfs, path, SB_OPEN_READ_ONLY, &file, &f->err));
    OK(f, file->ops->info(file, &info, &f->err));
    char *content = malloc(info.bytes + 1);
    OK(f, sb_file_read_all(file, 0, content, info.bytes, &f->err));
    content[info.bytes] = '\0';
    sb_file_close(file);
    return content;
}

/* ---- Printing a graph ------------------------------------------------------------------------------------------ */

typedef struct lines {
    char **items;
    size_t count, capacity;
} lines;

static inline void add_line(lines *l, const sb_buffer *from)
{
    if (l->count == l->capacity) {
        l->capacity = l->capacity == 0 ? 64 : 2 * l->capacity;
        l->items = realloc(l->items, l->capacity * sizeof *l->items);
    }
    char *copy = malloc(from->size + 1);
    for (size_t i = 0; i < from->size; i++)
        copy[i] = from->data[i] == 0 ? '~' : (char)from->data[i];
    copy[from->size] = '\0';
    l->items[l->count++] = copy;
}

static inline int compare_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static inline void free_lines(lines *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->items[i]);
    free(l->items);
    *l = (lines){0};
}

static inline void print_names(graph_fixture *f, sb_name_kind kind, const uint32_t *ids,
                               size_t count, sb_buffer *out)
{
    lines names = {0};

    for (size_t i = 0; i < count; i++) {
        const sb_bytes n = sb_name_of(f->view, kind, ids[i]);
        sb_buffer one = {.data = (uint8_t *)(uintptr_t)n.data, .size = n.size};
        add_line(&names, &one);
    }
    if (names.count != 0) qsort(names.items, names.count, sizeof *names.items, compare_text);
    for (size_t i = 0; i < names.count; i++)
        OK(f, sb_buffer_printf(out, ":%s", names.items[i]));
    free_lines(&names);
}

/* " {key=type:text ...}" of all property cells of a row, by name. */
static inline void print_props(graph_fixture *f, const sb_row *row, sb_arena *arena, sb_buffer *out)
{
    lines props = {0};
    sb_buffer one;
    sb_cell cell;
    size_t pos = 0;

    sb_buffer_init(&one, &sb_allocator_libc);
    while (sb_row_next_cell(row, &pos, &cell)) {
        sb_value value;
        if (cell.key >= SB_COLUMN_SYSTEM) continue;
        const sb_bytes key = sb_name_of(f->view, SB_NAME_KEY, cell.key);
        sb_buffer_reset(&one);
        OK(f, sb_value_from_cell(f->txn, &cell, arena, &value, &f->err));
        OK(f, sb_buffer_append(&one, key.data, key.size));
        OK(f, sb_buffer_printf(&one, "=%s(", sb_type_name(value.type)));
        if (value.type == SB_TYPE_LIST)
            OK(f, sb_list_to_text(&value, ';', true, &one));
        else
            OK(f, sb_value_to_text(&value, &one));
        OK(f, sb_buffer_append_byte(&one, ')'));
        add_line(&props, &one);
    }
    if (props.count != 0) qsort(props.items, props.count, sizeof *props.items, compare_text);
    for (size_t i = 0; i < props.count; i++)
        OK(f, sb_buffer_printf(out, " %s", props.items[i]));
    free_lines(&props);
    sb_buffer_deinit(&one);
}

static uint64_t word(const sb_row *row, uint32_t key)
{
    sb_cell cell;
    assert_true(sb_row_cell(row, key, &cell));
    return cell.word;
}

static inline void print_node(graph_fixture *f, const sb_row *row, sb_arena *arena, sb_buffer *out)
{
    size_t count;
    const sb_label_id *labels = sb_set_labels(f->view, (sb_set_id)word(row, SB_COLUMN_SET), &count);

    print_names(f, SB_NAME_LABEL, labels, count, out);
    print_props(f, row, arena, out);
}

static inline void print_end(graph_fixture *f, uint64_t id, sb_arena *arena, sb_buffer *out)
{
    sb_row row;
    bool found;

    OK(f, sb_row_find(f->txn, sb_node_table(f->view), id, &row, &found, &f->err));
    assert_true(found);
    OK(f, sb_buffer_append_byte(out, '('));
    print_node(f, &row, arena, out);
    OK(f, sb_buffer_append_byte(out, ')'));
    sb_row_release(&row);
}

typedef struct listed {
    graph_fixture *f;
    uint64_t bias;
    sb_triple *triples;
    size_t count, capacity;
    bool reverse;
} listed;

static inline sb_status collect_chunk(void *ctx, uint64_t node, const sb_chunk *chunk, bool starts)
{
    listed *l = ctx;

    (void)starts;
    for (uint32_t i = 0; i < chunk->count; i++) {
        if (l->count == l->capacity) {
            l->capacity = l->capacity == 0 ? 64 : 2 * l->capacity;
            l->triples = realloc(l->triples, l->capacity * sizeof *l->triples);
        }
        const uint64_t self = node - l->bias, other = sb_chunk_neighbor(chunk, i);
        l->triples[l->count++] = (sb_triple){.node = l->reverse ? other : self,
                                             .neighbor = l->reverse ? self : other,
                                             .rel = sb_chunk_rel(chunk, i)};
    }
    return SB_OK;
}

static inline int compare_rels(const void *a, const void *b)
{
    const sb_triple *x = a, *y = b;
    return x->rel < y->rel ? -1 : x->rel > y->rel;
}

/* All lists of a type in one direction, as (source, target, rel) by rel. */
static inline listed collect(graph_fixture *f, sb_type_id type, sb_direction direction)
{
    listed l = {.f = f, .reverse = direction == SB_IN};
    const sb_tree *tree = sb_adjacency_tree(f->view, type, direction, &l.bias);

    if (tree != NULL && tree->root != SB_PGNO_NONE)
        OK(f, sb_lists_scan(f->txn, tree, l.bias, l.bias + SB_ID_MAX, collect_chunk, &l, &f->err));
    if (l.count > 1) qsort(l.triples, l.count, sizeof *l.triples, compare_rels);
    return l;
}

/* The lists of every type against the table's rows. */
static inline void check_adjacency(graph_fixture *f)
{
    uint64_t seen = 0, all;

    for (sb_type_id type = 1; type <= sb_name_count(f->view, SB_NAME_TYPE); type++) {
        listed out = collect(f, type, SB_OUT), in = collect(f, type, SB_IN);
        uint64_t counted;
        OK(f, sb_stats_rels_of_type(f->view, type, &counted, &f->err));
        assert_int_equal(out.count, counted);
        assert_int_equal(in.count, counted);
        for (size_t i = 0; i < out.count; i++) {
            sb_row row;
            bool found;
            assert_memory_equal(&out.triples[i], &in.triples[i], sizeof out.triples[i]);
            OK(f, sb_row_find(f->txn, sb_rel_table(f->view), out.triples[i].rel, &row, &found,
                              &f->err));
            assert_true(found);
            assert_int_equal(word(&row, SB_COLUMN_SOURCE), out.triples[i].node);
            assert_int_equal(word(&row, SB_COLUMN_TARGET), out.triples[i].neighbor);
            assert_int_equal(word(&row, SB_COLUMN_TYPE), type);
            sb_row_release(&row);
        }
        seen += out.count;
        free(out.triples);
        free(in.triples);
    }
    OK(f, sb_stats_rels_of_type(f->view, 0, &all, &f->err));
    assert_int_equal(seen, all);
}

/* The label index against the label sets of the nodes. */
static inline void check_labels(graph_fixture *f, const uint64_t *counts)
{
    for (sb_label_id l = 1; l <= sb_name_count(f->view, SB_NAME_LABEL); l++) {
        uint64_t counted, indexed = 0;
        sb_node_id ids[256], from = 1;
        size_t count;
        OK(f, sb_stats_nodes_of_label(f->view, l, &counted, &f->err));
        assert_int_equal(counted, counts[l]);
        for (;;) {
            OK(f, sb_label_index_scan(f->view, l, from, ids, 256, &count, &f->err));
            if (count == 0) break;
            indexed += count;
            from = ids[count - 1] + 1;
        }
        assert_int_equal(indexed, counts[l]);
    }
}

static inline lines print_graph(graph_fixture *f)
{
    lines all = {0};
    sb_arena *arena = sb_arena_create(&sb_allocator_libc, NULL);
    sb_buffer out;
    uint64_t *label_counts =
        calloc((size_t)sb_name_count(f->view, SB_NAME_LABEL) + 1, sizeof *label_counts);

    sb_buffer_init(&out, &sb_allocator_libc);
    for (int rels = 0; rels < 2; rels++) {
        sb_row_scan *scan;
        size_t count;
        OK(f, sb_row_scan_open(f->txn, rels ? sb_rel_table(f->view) : sb_node_table(f->view), 0,
                               UINT64_MAX, &scan, &f->err));
        for (;;) {
            OK(f, sb_row_scan_next(scan, &count, &f->err));
            if (count == 0) break;
            for (size_t i = 0; i < count; i++) {
                const sb_row *row = sb_row_scan_row(scan, i);
                sb_buffer_reset(&out);
                if (rels) {
                    const uint32_t type = (uint32_t)word(row, SB_COLUMN_TYPE);
                    print_end(f, word(row, SB_COLUMN_SOURCE), arena, &out);
                    print_names(f, SB_NAME_TYPE, &type, 1, &out);
                    print_end(f, word(row, SB_COLUMN_TARGET), arena, &out);
                    print_props(f, row, arena, &out);
                } else {
                    size_t label_count;
                    const sb_label_id *labels =
                        sb_set_labels(f->view, (sb_set_id)word(row, SB_COLUMN_SET), &label_count);
                    for (size_t k = 0; k < label_count; k++)
                        label_counts[labels[k]]++;
                    print_node(f, row, arena, &out);
                }
                add_line(&all, &out);
                sb_arena_reset(arena);
            }
        }
        sb_row_scan_close(scan);
    }
    check_adjacency(f);
    check_labels(f, label_counts);
    if (all.count != 0) qsort(all.items, all.count, sizeof *all.items, compare_text);
    sb_buffer_deinit(&out);
    sb_arena_destroy(arena);
    free(label_counts);
    return all;
}

static inline void same_lines(const lines *a, const lines *b)
{
    for (size_t i = 0; i < a->count && i < b->count; i++)
        assert_string_equal(a->items[i], b->items[i]);
    assert_int_equal(a->count, b->count);
}

/* ---- Loading ---------------------------------------------------------------------------------------------------- */

typedef struct job {
    sb_bulk_options options;
    sb_bulk_file nodes[8], rels[8];
    sb_bulk_result result;
} job;

static inline job make_job(graph_fixture *f)
{
    job j = {0};

    sb_bulk_options_init(&j.options);
    j.options.vfs = f->vfs;
    j.options.threads = 2;
    return j;
}

static inline void add_nodes(job *j, const char *path, const char *labels)
{
    j->nodes[j->options.node_file_count++] = (sb_bulk_file){.path = path, .name = text(labels)};
}

static inline void add_rels(job *j, const char *path, const char *type)
{
    j->rels[j->options.rel_file_count++] = (sb_bulk_file){.path = path, .name = text(type)};
}

static inline sb_status run(graph_fixture *f, job *j)
{
    j->options.node_files = j->nodes;
    j->options.rel_files = j->rels;
    return sb_graph_bulk_load(f->graph, &j->options, &j->result, &f->err);
}

#endif
