/* schema_csv.c — indexes and constraints as a CSV file beside those of an exported graph, and back.
 *
 *     kind,of,on,keys,types,name
 *     unique,nodes,Person,email,,person_email
 *     typed,relationships,KNOWS,since,DATE;LOCAL DATETIME,KNOWS_since
 *     no-label-index,nodes,Draft,,,
 *
 * Every label has a label index from the start, so only that one was dropped is written. Lists are as in other cells: between ';',
 * quoted where they must be. */
#include "graph/csv_priv.h"

#define COLUMNS      6u
#define LIST_SIGN    ';'
#define SCHEMA_BYTES ((size_t)64 << 20) /* longest file that is read */

static const char *const header[COLUMNS] = {"kind", "of", "on", "keys", "types", "name"};

/* By sb_schema_kind. A definition of LABEL_INDEX in the store says that the label's index was dropped. */
static const char *const kinds[] = {
    [SB_SCHEMA_INDEX] = "index",       [SB_SCHEMA_UNIQUE] = "unique",
    [SB_SCHEMA_NODE_KEY] = "node-key", [SB_SCHEMA_EXISTS] = "exists",
    [SB_SCHEMA_TYPED] = "typed",       [SB_SCHEMA_LABEL_INDEX] = "no-label-index"};
#define KIND_COUNT (sizeof kinds / sizeof *kinds)

/* ---- Writing --------------------------------------------------------------------------------------------------- */

static sb_status put_name(const sb_schema *schema, sb_bytes name, sb_buffer *out)
{
    /* The name of a dropped label index is the store's own. */
    if (schema->kind == SB_SCHEMA_LABEL_INDEX) return SB_OK;
    return sb_csv__put_cell(out, name.data, name.size);
}

static sb_status put_keys(sb_view *view, const sb_schema *schema, sb_buffer *list)
{
    for (uint32_t i = 0; i < schema->key_count; i++) {
        if (i != 0) SB_TRY(sb_buffer_append_byte(list, LIST_SIGN));
        SB_TRY(sb_text_quote_item(sb_name_of(view, SB_NAME_KEY, schema->keys[i]), LIST_SIGN, list));
    }
    return SB_OK;
}

static sb_status put_types(const sb_schema *schema, sb_buffer *list)
{
    for (uint32_t type = SB_TYPE_BOOL; type < SB_TYPE_NUMBERS; type++)
        if (schema->value_types >> type & 1)
            SB_TRY(sb_buffer_printf(list, "%s%s", list->size == 0 ? "" : ";", sb_type_name(type)));
    return SB_OK;
}

static sb_status put_list(sb_buffer *list, sb_buffer *out)
{
    SB_TRY(sb_buffer_append_byte(out, ','));
    return list->size == 0 ? SB_OK : sb_csv__put_cell(out, list->data, list->size);
}

sb_status sb_graph__schema_row(sb_view *view, const sb_schema *schema, sb_buffer *list,
                               sb_buffer *out)
{
    const sb_bytes on =
        sb_name_of(view, schema->on_rels ? SB_NAME_TYPE : SB_NAME_LABEL, schema->entity);

    SB_TRY(sb_buffer_printf(out, "%s,%s,", kinds[schema->kind],
                            schema->on_rels ? "relationships" : "nodes"));
    SB_TRY(sb_csv__put_cell(out, on.data, on.size));
    sb_buffer_reset(list);
    SB_TRY(put_keys(view, schema, list));
    SB_TRY(put_list(list, out));
    sb_buffer_reset(list);
    SB_TRY(put_types(schema, list));
    SB_TRY(put_list(list, out));
    SB_TRY(sb_buffer_append_byte(out, ','));
    SB_TRY(put_name(schema, schema->name, out));
    return sb_buffer_append_byte(out, '\n');
}

sb_status sb_graph__schema_text(sb_graph *graph, sb_buffer *out, uint64_t *count, sb_err *err)
{
    size_t schema_count;
    const sb_schema *schemas = sb_schemas(graph->view, &schema_count);
    sb_buffer list;
    sb_status st = SB_OK;

    *count = schema_count;
    if (schema_count == 0) return SB_OK;
    sb_buffer_init(&list, graph->alloc);
    for (size_t i = 0; i < COLUMNS && st == SB_OK; i++)
        st = sb_buffer_printf(out, "%s%c", header[i], i + 1 == COLUMNS ? '\n' : ',');
    for (size_t i = 0; i < schema_count && st == SB_OK; i++)
        st = sb_graph__schema_row(graph->view, &schemas[i], &list, out);
    sb_buffer_deinit(&list);
    return st == SB_OK ? SB_OK : SB_FAIL_NOMEM(err);
}

/* ---- Reading --------------------------------------------------------------------------------------------------- */

typedef struct schema_file {
    sb_graph *graph;
    const char *path;
    sb_arena *arena;
    sb_csv_cell cells[COLUMNS];
    uint32_t line; /* of the row, from 1 */
    sb_err *err;
} schema_file;

static sb_bytes cell_of(const schema_file *file, size_t column)
{
    return sb_bytes_of(file->cells[column].data, file->cells[column].size);
}

static sb_status fail_row(const schema_file *file, const char *what)
{
    (void)SB_FAIL(file->err, SB_SYNTAX, "%s, line %u: %s", file->path, file->line, what);
    if (file->err != NULL) file->err->line = file->line;
    return SB_SYNTAX;
}

/* "schema.csv, line 3, column 2 (of): 'edges' is …" */
static sb_status fail_cell(const schema_file *file, size_t column, const char *what)
{
    const sb_bytes cell = cell_of(file, column);

    (void)SB_FAIL(file->err, SB_SYNTAX, "%s, line %u, column %zu (%s): '%.*s' %s", file->path,
                  file->line, column + 1, header[column], (int)(cell.size < 60 ? cell.size : 60),
                  cell.size == 0 ? "" : (const char *)cell.data, what);
    if (file->err != NULL) {
        file->err->line = file->line;
        file->err->column = (uint32_t)column + 1;
    }
    return SB_SYNTAX;
}

static sb_status read_kind(const schema_file *file, sb_schema *schema)
{
    const sb_bytes kind = cell_of(file, 0), of = cell_of(file, 1);

    for (size_t i = SB_SCHEMA_INDEX; i < KIND_COUNT; i++)
        if (sb_text__same(kind, kinds[i])) schema->kind = (uint8_t)i;
    if (schema->kind == 0)
        return fail_cell(file, 0,
                         "is none of index, unique, node-key, exists, typed, no-label-index");
    schema->on_rels = sb_text__same(of, "relationships");
    if (!schema->on_rels && !sb_text__same(of, "nodes"))
        return fail_cell(file, 1, "is neither nodes nor relationships");
    return SB_OK;
}

static sb_status read_keys(const schema_file *file, sb_schema *schema)
{
    const char delimiters[] = {LIST_SIGN, '\0'};
    sb_bytes key;
    size_t pos = 0;
    bool nomem = false;

    while (sb_text_next_item(cell_of(file, 3), &pos, delimiters, file->arena, &key, &nomem)) {
        if (schema->key_count == SB_SCHEMA_KEYS_MAX)
            return fail_cell(file, 3, "names more keys than an index may have (16)");
        SB_TRY(sb_name_intern(file->graph->view, SB_NAME_KEY, key,
                              &schema->keys[schema->key_count++], file->err));
    }
    return nomem ? SB_FAIL_NOMEM(file->err) : SB_OK;
}

static sb_status read_types(const schema_file *file, sb_schema *schema)
{
    const char delimiters[] = {LIST_SIGN, '\0'};
    sb_bytes name;
    size_t pos = 0;
    bool nomem = false;

    while (sb_text_next_item(cell_of(file, 4), &pos, delimiters, file->arena, &name, &nomem)) {
        uint32_t type = SB_TYPE_BOOL;
        while (type < SB_TYPE_NUMBERS && !sb_text__same(name, sb_type_name(type)))
            type++;
        if (type == SB_TYPE_NUMBERS) return fail_cell(file, 4, "names a type that no property has");
        schema->value_types |= 1u << type;
    }
    return nomem ? SB_FAIL_NOMEM(file->err) : SB_OK;
}

static sb_status make_schema(const schema_file *file, sb_schema *schema)
{
    uint32_t id;

    SB_TRY(sb_name_intern(file->graph->view, schema->on_rels ? SB_NAME_TYPE : SB_NAME_LABEL,
                          cell_of(file, 2), &schema->entity, file->err));
    if (schema->kind == SB_SCHEMA_LABEL_INDEX)
        return sb_graph_schema_drop(file->graph, SB_GRAPH_LABEL_INDEX | schema->entity, file->err);
    return sb_graph_schema_create(file->graph, schema, &id, file->err);
}

static sb_status take_row(const schema_file *file)
{
    sb_schema schema = {.name = cell_of(file, 5)};
    sb_status st;

    SB_TRY(read_kind(file, &schema));
    SB_TRY(read_keys(file, &schema));
    SB_TRY(read_types(file, &schema));
    if (schema.kind == SB_SCHEMA_LABEL_INDEX && schema.on_rels)
        return fail_cell(file, 1, "have no label index");
    st = make_schema(file, &schema);
    if (st == SB_OK) return SB_OK;
    sb_err_prefix(file->err, "%s, line %u", file->path, file->line);
    if (file->err != NULL) {
        file->err->line = file->line;
        file->err->column = 0; /* of the row that the message may name */
    }
    return st;
}

static sb_status check_header(const schema_file *file, size_t cell_count)
{
    bool right = cell_count == COLUMNS;

    for (size_t i = 0; i < COLUMNS && right; i++)
        right = sb_text__same(cell_of(file, i), header[i]);
    return right ? SB_OK : fail_row(file, "a schema file begins with kind,of,on,keys,types,name");
}

static sb_status read_rows(schema_file *file, const sb_buffer *text, uint64_t *count)
{
    const sb_csv_dialect dialect = {.delimiter = ',', .quote = '"'};
    sb_csv_reader reader = {.dialect = &dialect,
                            .pos = text->data,
                            .end = text->data + text->size - SB_CSV_PADDING,
                            .arena = file->arena,
                            .cells = file->cells,
                            .capacity = COLUMNS};
    bool first = true;

    if (reader.end - reader.pos >= 3 && memcmp(reader.pos, "\xEF\xBB\xBF", 3) == 0) reader.pos += 3;
    while (sb_csv__next_row(&reader)) {
        file->line = reader.line + 1;
        if (reader.problem != NULL) return fail_row(file, reader.problem);
        if (first) {
            SB_TRY(check_header(file, reader.cell_count));
            first = false;
            continue;
        }
        if (reader.cell_count != COLUMNS) return fail_row(file, "a row has six cells");
        SB_TRY(take_row(file));
        ++*count;
        sb_arena_reset(file->arena);
    }
    return reader.status != SB_OK ? SB_FAIL_NOMEM(file->err) : SB_OK;
}

/* The whole file with its padding of newlines (csv C2). */
static sb_status read_text(schema_file *file, sb_vfs *vfs, sb_buffer *text)
{
    static const uint8_t padding[SB_CSV_PADDING] = "\n\n\n\n\n\n\n";
    sb_input *input;
    size_t got = 1;
    sb_status st;

    SB_TRY(sb_input__open(file->graph->alloc, vfs, file->path, NULL, &input, file->err));
    for (st = SB_OK; st == SB_OK && got != 0;) {
        uint8_t block[4096];
        st = sb_input__read(input, block, sizeof block, &got, file->err);
        if (st == SB_OK && text->size + got > SCHEMA_BYTES)
            st = SB_FAIL(file->err, SB_LIMIT, "%s is longer than %zu bytes", file->path,
                         SCHEMA_BYTES);
        if (st == SB_OK && sb_buffer_append(text, block, got) != SB_OK)
            st = SB_FAIL_NOMEM(file->err);
    }
    sb_input__close(input);
    if (st == SB_OK && sb_buffer_append(text, padding, sizeof padding) != SB_OK)
        st = SB_FAIL_NOMEM(file->err);
    return st;
}

sb_status sb_graph__schema_read(sb_graph *graph, sb_vfs *vfs, const char *path, uint64_t *count,
                                sb_err *err)
{
    schema_file file = {.graph = graph, .path = path, .err = err};
    sb_buffer text;
    sb_status st;

    *count = 0;
    file.arena = sb_arena_create(graph->alloc, NULL);
    if (file.arena == NULL) return SB_FAIL_NOMEM(err);
    sb_buffer_init(&text, graph->alloc);
    st = read_text(&file, vfs, &text);
    if (st == SB_OK) st = read_rows(&file, &text, count);
    sb_buffer_deinit(&text);
    sb_arena_destroy(file.arena);
    return st;
}
