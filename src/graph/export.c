/* export.c — the whole graph as CSV files that bulk load reads back: one file for each label set, one for each type, and one for
 * indexes and constraints (schema_csv.c).
 * Two scans of each table: the first finds which properties of which types a set or type has, for the headers; the second writes
 * rows, gathered for each file and appended to it in pieces, so that any number of files needs one open at a time.
 * A property with values of several types takes a column for each. Lists of one type of items are type[], others any[]. */
#include "graph/csv_priv.h"

#include <stdio.h>
#include <stdlib.h>

#define FLUSH_BYTES ((size_t)1 << 18) /* of one file */
#define HOLD_BYTES  ((size_t)1 << 26) /* of all */
#define LIST_BIT    0x100u /* kind of a column: sb_type of value or items, and this for lists */
#define NAME_BYTES  120u

/* A column of a file: property and kind. */
typedef struct out_column {
    sb_key_id key;
    uint32_t kind;
} out_column;

/* A file being written: of a label set or a type. */
typedef struct out_file {
    uint32_t name; /* set or type */
    bool used;
    bool made; /* in the directory */
    out_column *columns;
    size_t column_count, column_capacity; /* sorted by (key, kind) */
    sb_buffer text;                       /* not yet written */
    uint64_t bytes;                       /* written */
} out_file;

typedef struct export
{
    sb_graph *graph;
    const sb_allocator *alloc;
    sb_vfs *vfs;
    const char *directory;
    sb_export_result *result;
    sb_entity entity;
    out_file *files;
    size_t file_count; /* by set or type */
    size_t held_bytes;
    sb_arena *arena;  /* values of a row */
    sb_buffer cells;  /* texts of a row's cells, one behind the other */
    sb_buffer places; /* size_t[]: where each column's text begins + 1, 0: absent; then where it
                       * ends */
    sb_buffer ends;   /* nodes that the relationships of a leaf lead from and to; then a bitmap */
    uint64_t done, total;
}
export;

/* ---- Cells ------------------------------------------------------------------------------------------------------- */

static bool needs_quotes(const uint8_t *text, size_t size)
{
    if (size == 0 || text[0] == ' ' || text[0] == '\t' || text[size - 1] == ' ' ||
        text[size - 1] == '\t')
        return true;
    for (size_t i = 0; i < size; i++)
        if (text[i] == ',' || text[i] == '"' || text[i] == '\n' || text[i] == '\r' ||
            text[i] == '\0')
            return true;
    return false;
}

sb_status sb_csv__put_cell(sb_buffer *out, const uint8_t *text, size_t size)
{
    if (!needs_quotes(text, size)) return sb_buffer_append(out, text, size);
    SB_TRY(sb_buffer_append_byte(out, '"'));
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '"') SB_TRY(sb_buffer_append_byte(out, '"'));
        SB_TRY(sb_buffer_append_byte(out, text[i]));
    }
    return sb_buffer_append_byte(out, '"');
}

static uint32_t kind_of_value(const sb_value *value)
{
    return value->type == SB_TYPE_LIST ? LIST_BIT | sb_list_item_type(value) : value->type;
}

static sb_status value_text(const sb_value *value, sb_buffer *out)
{
    if (value->type != SB_TYPE_LIST) return sb_value_to_text(value, out);
    return sb_list_to_text(value, ';', sb_list_item_type(value) == SB_TYPE_NULL, out);
}

/* Kind of a cell; only lists have to be looked into. */
static sb_status kind_of_cell(export *e, const sb_cell *cell, uint32_t *kind, sb_err *err)
{
    sb_value value;

    *kind = cell->type & (uint8_t)~SB_CLASS_MASK;
    if (*kind != SB_TYPE_LIST) return SB_OK;
    SB_TRY(sb_value_from_cell(e->graph->txn, cell, e->arena, &value, err));
    *kind = kind_of_value(&value);
    return SB_OK;
}

/* ---- Columns ------------------------------------------------------------------------------------------------------- */

static size_t find_column(const out_file *file, sb_key_id key, uint32_t kind, bool *found)
{
    size_t low = 0, high = file->column_count;

    while (low < high) {
        const size_t middle = (low + high) / 2;
        const out_column *column = &file->columns[middle];
        if (column->key < key || (column->key == key && column->kind < kind))
            low = middle + 1;
        else
            high = middle;
    }
    *found = low < file->column_count && file->columns[low].key == key &&
             file->columns[low].kind == kind;
    return low;
}

static sb_status note_column(export *e, out_file *file, sb_key_id key, uint32_t kind, sb_err *err)
{
    bool found;
    const size_t place = find_column(file, key, kind, &found);

    if (found) return SB_OK;
    SB_TRY(sb_graph__grow(e->alloc, &file->columns, sizeof *file->columns, file->column_count + 1,
                          &file->column_capacity, err));
    memmove(file->columns + place + 1, file->columns + place,
            (file->column_count - place) * sizeof *file->columns);
    file->columns[place] = (out_column){.key = key, .kind = kind};
    file->column_count++;
    return SB_OK;
}

/* ---- Files ------------------------------------------------------------------------------------------------------------ */

static bool is_safe(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

/* Labels or type as part of a file name: unsafe characters become '_', and then, or when it is cut, the number follows
 * so that no two are the same. */
static void file_name(export *e, const out_file *file, char *name, size_t bytes)
{
    sb_view *view = e->graph->view;
    size_t count = 1, used = 0;
    const sb_label_id *labels =
        e->entity == SB_NODE ? sb_set_labels(view, file->name, &count) : &file->name;
    bool exact = true;
    char text[NAME_BYTES + 1];

    for (size_t i = 0; i < count; i++) {
        const sb_bytes label =
            sb_name_of(view, e->entity == SB_NODE ? SB_NAME_LABEL : SB_NAME_TYPE, labels[i]);
        if (i != 0 && used < NAME_BYTES) text[used++] = '+';
        for (size_t j = 0; j < label.size; j++) {
            exact = exact && is_safe(label.data[j]) && used < NAME_BYTES;
            if (used < NAME_BYTES)
                text[used++] = is_safe(label.data[j]) ? (char)label.data[j] : '_';
        }
    }
    text[used] = '\0';
    const char *kind = e->entity == SB_NODE ? "nodes" : "relationships";
    if (used == 0)
        (void)snprintf(name, bytes, "%s/%s.csv", e->directory, kind);
    else if (exact)
        (void)snprintf(name, bytes, "%s/%s-%s.csv", e->directory, kind, text);
    else
        (void)snprintf(name, bytes, "%s/%s-%s.%u.csv", e->directory, kind, text, file->name);
}

static sb_status path_of(export *e, const out_file *file, sb_buffer *path, sb_err *err)
{
    const size_t bytes = strlen(e->directory) + NAME_BYTES + 64;

    sb_buffer_init(path, e->alloc);
    if (sb_buffer_reserve(path, bytes) != SB_OK) return SB_FAIL_NOMEM(err);
    file_name(e, file, (char *)path->data, bytes);
    return SB_OK;
}

static sb_status flush_file(export *e, out_file *file, sb_err *err)
{
    sb_buffer path;
    sb_file *out = NULL;
    sb_status st;

    if (file->text.size == 0) return SB_OK;
    SB_TRY(path_of(e, file, &path, err));
    st = sb_vfs_open(e->vfs, (const char *)path.data,
                     file->made ? 0 : SB_OPEN_CREATE | SB_OPEN_EXCLUSIVE, &out, err);
    if (st == SB_OK) {
        file->made = true;
        st = sb_file_write_all(out, file->bytes, file->text.data, file->text.size, err);
    }
    sb_file_close(out);
    sb_buffer_deinit(&path);
    if (st != SB_OK) return st;
    file->bytes += file->text.size;
    e->result->bytes += file->text.size;
    e->held_bytes -= file->text.size;
    sb_buffer_deinit(&file->text); /* there may be ten thousand files, filled one after the other */
    return SB_OK;
}

static sb_status flush_all(export *e, sb_err *err)
{
    for (size_t i = 0; i < e->file_count; i++)
        SB_TRY(flush_file(e, &e->files[i], err));
    return SB_OK;
}

static sb_status header_text(export *e, out_file *file)
{
    sb_view *view = e->graph->view;
    sb_buffer *cell = &e->cells;

    SB_TRY(sb_buffer_printf(&file->text,
                            e->entity == SB_NODE ? ":ID,:LABEL" : ":START_ID,:END_ID,:TYPE"));
    for (size_t i = 0; i < file->column_count; i++) {
        const out_column *column = &file->columns[i];
        const sb_bytes name = sb_name_of(view, SB_NAME_KEY, column->key);
        const bool list = (column->kind & LIST_BIT) != 0;
        sb_buffer_reset(cell);
        SB_TRY(sb_buffer_append(cell, name.data, name.size));
        SB_TRY(sb_buffer_printf(cell, ":%s%s", sb_text_type_name(column->kind & ~LIST_BIT),
                                list ? "[]" : ""));
        SB_TRY(sb_buffer_append_byte(&file->text, ','));
        SB_TRY(sb_csv__put_cell(&file->text, cell->data, cell->size));
    }
    return sb_buffer_append_byte(&file->text, '\n');
}

/* ---- Rows ---------------------------------------------------------------------------------------------------------------- */

static uint64_t word_of(const sb_row *row, uint32_t key)
{
    sb_cell cell;
    return sb_row_cell(row, key, &cell) ? cell.word : 0;
}

/* NULL: there is no such set or type (SB_CORRUPT in err). */
static out_file *find_file(export *e, const sb_row *row, sb_err *err)
{
    const bool nodes = e->entity == SB_NODE;
    const uint64_t name = word_of(row, nodes ? SB_COLUMN_SET : SB_COLUMN_TYPE);

    if (name < e->file_count) return &e->files[name];
    (void)SB_FAIL(err, SB_CORRUPT, "a %s has %s %llu, which there is not",
                  nodes ? "node" : "relationship", nodes ? "label set" : "type",
                  (unsigned long long)name);
    return NULL;
}

static sb_status survey_row(export *e, uint64_t id, const sb_row *row, sb_err *err)
{
    out_file *file = find_file(e, row, err);
    sb_cell cell;
    size_t pos = 0;

    (void)id;
    if (file == NULL) return SB_CORRUPT;
    file->used = true;
    while (sb_row_next_cell(row, &pos, &cell)) {
        uint32_t kind;
        if (cell.key >= SB_COLUMN_SYSTEM) continue;
        SB_TRY(kind_of_cell(e, &cell, &kind, err));
        SB_TRY(note_column(e, file, cell.key, kind, err));
    }
    return SB_OK;
}

static sb_status put_labels(export *e, out_file *file)
{
    sb_view *view = e->graph->view;
    sb_buffer *list = &e->cells;
    size_t count;
    const sb_label_id *labels = sb_set_labels(view, file->name, &count);

    sb_buffer_reset(list);
    for (size_t i = 0; i < count; i++) {
        const sb_bytes label = sb_name_of(view, SB_NAME_LABEL, labels[i]);
        /* Labels are split at ':' too. */
        const char delimiter = memchr(label.data, ':', label.size) != NULL ? ':' : ';';
        if (i != 0) SB_TRY(sb_buffer_append_byte(list, ';'));
        SB_TRY(sb_text_quote_item(label, delimiter, list));
    }
    return count == 0 ? SB_OK : sb_csv__put_cell(&file->text, list->data, list->size);
}

static sb_status put_front(export *e, out_file *file, uint64_t id, const sb_row *row)
{
    if (e->entity == SB_NODE) {
        SB_TRY(sb_buffer_printf(&file->text, "%llu,", (unsigned long long)id));
        return put_labels(e, file);
    }
    SB_TRY(sb_buffer_printf(&file->text, "%llu,%llu,",
                            (unsigned long long)word_of(row, SB_COLUMN_SOURCE),
                            (unsigned long long)word_of(row, SB_COLUMN_TARGET)));
    const sb_bytes type = sb_name_of(e->graph->view, SB_NAME_TYPE, file->name);
    return sb_csv__put_cell(&file->text, type.data, type.size);
}

/* Texts of the row's properties into e->cells, with their places. */
static sb_status gather_cells(export *e, const out_file *file, const sb_row *row, sb_err *err)
{
    sb_cell cell;
    size_t pos = 0;

    sb_buffer_reset(&e->cells);
    sb_buffer_reset(&e->places);
    if (sb_buffer_reserve(&e->places, 2 * file->column_count * sizeof(size_t)) != SB_OK)
        return SB_FAIL_NOMEM(err);
    size_t *places = (size_t *)(void *)e->places.data;
    if (file->column_count != 0) memset(places, 0, 2 * file->column_count * sizeof *places);
    while (sb_row_next_cell(row, &pos, &cell)) {
        sb_value value;
        bool found;
        if (cell.key >= SB_COLUMN_SYSTEM) continue;
        SB_TRY(sb_value_from_cell(e->graph->txn, &cell, e->arena, &value, err));
        const size_t place = find_column(file, cell.key, kind_of_value(&value), &found);
        if (!found) return SB_FAIL(err, SB_CORRUPT, "a row has changed between two looks at it");
        places[2 * place] = e->cells.size + 1;
        if (value_text(&value, &e->cells) != SB_OK) return SB_FAIL_NOMEM(err);
        places[2 * place + 1] = e->cells.size;
    }
    return SB_OK;
}

static sb_status put_cells(export *e, out_file *file)
{
    const size_t *places = (const size_t *)(const void *)e->places.data;

    for (size_t i = 0; i < file->column_count; i++) {
        SB_TRY(sb_buffer_append_byte(&file->text, ','));
        if (places[2 * i] == 0) continue;
        const size_t from = places[2 * i] - 1;
        SB_TRY(sb_csv__put_cell(&file->text,
                                e->cells.data == NULL ? (const uint8_t *)"" : e->cells.data + from,
                                places[2 * i + 1] - from));
    }
    return sb_buffer_append_byte(&file->text, '\n');
}

static sb_status write_row(export *e, uint64_t id, const sb_row *row, sb_err *err)
{
    out_file *file = find_file(e, row, err);

    if (file == NULL) return SB_CORRUPT;
    const size_t before = file->text.size;
    if (put_front(e, file, id, row) != SB_OK) return SB_FAIL_NOMEM(err);
    SB_TRY(gather_cells(e, file, row, err));
    if (put_cells(e, file) != SB_OK) return SB_FAIL_NOMEM(err);
    e->held_bytes += file->text.size - before;
    if (e->entity == SB_NODE)
        e->result->nodes++;
    else
        e->result->rels++;
    if (file->text.size >= FLUSH_BYTES) SB_TRY(flush_file(e, file, err));
    return e->held_bytes >= HOLD_BYTES ? flush_all(e, err) : SB_OK;
}

/* ---- Tables --------------------------------------------------------------------------------------------------------------- */

typedef sb_status (*row_visit)(export *e, uint64_t id, const sb_row *row, sb_err *err);

/* Do both ends of a leaf's relationships exist? What was promised wrongly with trusted_endpoints could be written, but not be read back. */
static sb_status check_ends(export *e, sb_row_scan *scan, size_t count, sb_err *err)
{
    const size_t bytes = 2 * count * sizeof(uint64_t);

    sb_buffer_reset(&e->ends);
    if (sb_buffer_reserve(&e->ends, bytes + 2 * count / 8 + 1) != SB_OK) return SB_FAIL_NOMEM(err);
    uint64_t *ends = (uint64_t *)(void *)e->ends.data;
    uint8_t *exist = e->ends.data + bytes;
    for (size_t i = 0; i < count; i++) {
        const sb_row *row = sb_row_scan_row(scan, i);
        ends[2 * i] = word_of(row, SB_COLUMN_SOURCE);
        ends[2 * i + 1] = word_of(row, SB_COLUMN_TARGET);
    }
    SB_TRY(sb_graph_nodes_exist(e->graph, ends, 2 * count, exist, err));
    for (size_t i = 0; i < 2 * count; i++)
        if (!sb_bit_get(exist, i))
            return SB_FAIL(err, SB_CORRUPT,
                           "relationship %llu leads %s node %llu, which does not exist: no import "
                           "would take it (sombra recover leaves out what leads nowhere)",
                           (unsigned long long)sb_row_scan_ids(scan)[i / 2],
                           i % 2 == 0 ? "from" : "to", (unsigned long long)ends[i]);
    return SB_OK;
}

static sb_status scan_table(export *e, row_visit visit, sb_err *err)
{
    const sb_tree *table =
        e->entity == SB_NODE ? sb_node_table(e->graph->view) : sb_rel_table(e->graph->view);
    sb_row_scan *scan;
    size_t count = 0;
    sb_status st;

    SB_TRY(sb_row_scan_open(e->graph->txn, table, 0, UINT64_MAX, &scan, err));
    for (;;) {
        if ((st = sb_row_scan_next(scan, &count, err)) != SB_OK || count == 0) break;
        const uint64_t *ids = sb_row_scan_ids(scan);
        if (e->entity == SB_REL && visit == survey_row) st = check_ends(e, scan, count, err);
        for (size_t i = 0; i < count && st == SB_OK; i++) {
            st = visit(e, ids[i], sb_row_scan_row(scan, i), err);
            sb_arena_reset(e->arena);
        }
        if (st != SB_OK) break;
        e->done += count;
        if ((st = sb_graph__tick(e->graph, e->done, e->total, err)) != SB_OK) break;
    }
    sb_row_scan_close(scan);
    return st;
}

/* Benign when it fails: the cause is reported already. */
static void remove_file(export *e, const char *path)
{
    bool existed;
    (void)e->vfs->ops->remove(e->vfs, path, &existed, NULL);
}

static void remove_files(export *e)
{
    for (size_t i = 0; i < e->file_count; i++) {
        sb_buffer path;
        if (!e->files[i].made) continue;
        if (path_of(e, &e->files[i], &path, NULL) == SB_OK) remove_file(e, (const char *)path.data);
        sb_buffer_deinit(&path);
    }
}

static sb_status begin_files(export *e, size_t count, sb_err *err)
{
    e->files = sb_alloc_array(e->alloc, count, sizeof *e->files);
    if (e->files == NULL) return SB_FAIL_NOMEM(err);
    e->file_count = count;
    for (size_t i = 0; i < count; i++) {
        e->files[i] = (out_file){.name = (uint32_t)i};
        sb_buffer_init(&e->files[i].text, e->alloc);
    }
    return SB_OK;
}

static void end_files(export *e)
{
    for (size_t i = 0; i < e->file_count; i++) {
        sb_buffer_deinit(&e->files[i].text);
        sb_free(e->alloc, e->files[i].columns,
                e->files[i].column_capacity * sizeof *e->files[i].columns);
    }
    sb_free(e->alloc, e->files, e->file_count * sizeof *e->files);
    e->files = NULL;
    e->file_count = 0;
    e->held_bytes = 0;
}

static sb_status write_headers(export *e, sb_err *err)
{
    for (size_t i = 0; i < e->file_count; i++) {
        if (!e->files[i].used) continue;
        if (header_text(e, &e->files[i]) != SB_OK) return SB_FAIL_NOMEM(err);
        e->held_bytes += e->files[i].text.size;
        e->result->files++;
    }
    return SB_OK;
}

static sb_status export_table(export *e, sb_entity entity, sb_err *err)
{
    sb_view *view = e->graph->view;
    sb_status st;

    e->entity = entity;
    SB_TRY(begin_files(
        e, entity == SB_NODE ? sb_set_count(view) : (size_t)sb_name_count(view, SB_NAME_TYPE) + 1,
        err));
    st = scan_table(e, survey_row, err);
    if (st == SB_OK) st = write_headers(e, err);
    if (st == SB_OK) st = scan_table(e, write_row, err);
    if (st == SB_OK) st = flush_all(e, err);
    return st;
}

/* schema.csv, unless there is nothing to say. */
static sb_status export_schema(export *e, sb_buffer *path, sb_buffer *text, sb_err *err)
{
    sb_file *file = NULL;
    sb_status st;

    SB_TRY(sb_graph__schema_text(e->graph, text, &e->result->schemas, err));
    if (text->size == 0) return SB_OK;
    if (sb_buffer_printf(path, "%s/schema.csv", e->directory) != SB_OK ||
        sb_buffer_append_byte(path, '\0') != SB_OK)
        return SB_FAIL_NOMEM(err);
    SB_TRY(sb_vfs_open(e->vfs, (const char *)path->data, SB_OPEN_CREATE | SB_OPEN_EXCLUSIVE, &file,
                       err));
    st = sb_file_write_all(file, 0, text->data, text->size, err);
    sb_file_close(file);
    if (st != SB_OK) remove_file(e, (const char *)path->data);
    e->result->files++;
    e->result->bytes += text->size;
    return st;
}

/* All of the export but for what it needs: buffers and the directory. */
static sb_status export_all(export *e, sb_err *err)
{
    out_file *node_files;
    size_t node_file_count;
    sb_buffer path, text;
    sb_status st = export_table(e, SB_NODE, err);

    /* Kept until everything is written: a failed export leaves nothing behind. */
    node_files = e->files;
    node_file_count = e->file_count;
    e->files = NULL;
    e->file_count = 0;
    if (st == SB_OK) st = export_table(e, SB_REL, err);
    sb_buffer_init(&path, e->alloc);
    sb_buffer_init(&text, e->alloc);
    if (st == SB_OK) st = export_schema(e, &path, &text, err);
    sb_buffer_deinit(&text);
    sb_buffer_deinit(&path);
    if (st != SB_OK) remove_files(e);
    end_files(e);
    e->entity = SB_NODE;
    e->files = node_files;
    e->file_count = node_file_count;
    if (st == SB_OK && e->result->files == 0) { /* a graph of nothing can be read back, too */
        e->files[0].used = true;
        st = write_headers(e, err);
        if (st == SB_OK) st = flush_all(e, err);
    }
    if (st != SB_OK) remove_files(e);
    end_files(e);
    return st;
}

sb_status sb_graph_export(sb_graph *graph, sb_vfs *vfs, const char *directory,
                          sb_export_result *result, sb_err *err)
{
    export e = {.graph = graph,
                .alloc = graph->alloc,
                .vfs = vfs,
                .directory = directory,
                .result = result};
    uint64_t nodes = 0, rels = 0;
    bool made_directory;
    sb_status st;

    *result = (sb_export_result){0};
    SB_CHECK_ARG(err, vfs != NULL && directory != NULL);
    SB_TRY(sb_stats_nodes_of_label(graph->view, 0, &nodes, err));
    SB_TRY(sb_stats_rels_of_type(graph->view, 0, &rels, err));
    e.total = 2 * (nodes + rels);
    SB_TRY(sb_vfs_make_directory(vfs, directory, &made_directory, err));
    sb_buffer_init(&e.ends, e.alloc);
    sb_buffer_init(&e.cells, e.alloc);
    sb_buffer_init(&e.places, e.alloc);
    e.arena = sb_arena_create(e.alloc, NULL);
    st = e.arena == NULL ? SB_FAIL_NOMEM(err) : export_all(&e, err);
    sb_arena_destroy(e.arena);
    sb_buffer_deinit(&e.places);
    sb_buffer_deinit(&e.ends);
    sb_buffer_deinit(&e.cells);
    if (st != SB_OK && made_directory)
        (void)sb_vfs_remove_directory(vfs, directory, NULL); /* benign: the cause is reported */
    return st;
}
