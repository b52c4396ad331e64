/* bulk_parse.c — a piece of CSV text to records: done by any thread, with nothing shared but what is read only.
 * A record is a sb_bulk_head, the text of a text id, and a body: for relationships the target as a varint; the file's number as a
 * varint; a bitmap of the properties that are present; their values. Problems of rows are noted and dealt with
 * when the piece is taken, so that they come in order and with their lines. */
#include "graph/bulk_priv.h"

#include <stdio.h>

sb_status sb_bulk__chunk_init(sb_bulk_chunk *chunk, const sb_bulk *bulk, sb_err *err)
{
    *chunk = (sb_bulk_chunk){.bulk = bulk, .zone_source = bulk->zone_source};
    sb_buffer_init(&chunk->out, bulk->alloc);
    sb_buffer_init(&chunk->body, bulk->alloc);
    sb_buffer_init(&chunk->encoded, bulk->alloc);
    sb_buffer_init(&chunk->problems, bulk->alloc);
    sb_buffer_init(&chunk->names, bulk->alloc);
    sb_map_init(&chunk->name_index, bulk->alloc);
    chunk->arena = sb_arena_create(bulk->alloc, NULL);
    return chunk->arena != NULL ? SB_OK : SB_FAIL_NOMEM(err);
}

void sb_bulk__chunk_deinit(sb_bulk_chunk *chunk)
{
    if (chunk->bulk == NULL) return;
    const sb_allocator *alloc = chunk->bulk->alloc;

    sb_free(alloc, chunk->data, chunk->capacity);
    sb_free(alloc, chunk->cells, chunk->cell_capacity * sizeof *chunk->cells);
    sb_free(alloc, chunk->candidates, chunk->candidate_capacity * sizeof *chunk->candidates);
    sb_buffer_deinit(&chunk->out);
    sb_buffer_deinit(&chunk->body);
    sb_buffer_deinit(&chunk->encoded);
    sb_buffer_deinit(&chunk->problems);
    sb_buffer_deinit(&chunk->names);
    sb_map_deinit(&chunk->name_index);
    sb_zones_destroy(chunk->zones);
    sb_arena_destroy(chunk->arena);
    *chunk = (sb_bulk_chunk){0};
}

/* ---- Problems ------------------------------------------------------------------------------------------------- */

/* Rows read ahead of the one at hand, whose endpoints are being fetched meanwhile. */
#define AHEAD 16u

typedef struct pending_row {
    sb_csv_reader reader; /* as it was behind the row */
    sb_id_cell ends[2];   /* relationships whose rows have all cells */
} pending_row;

typedef struct parser {
    sb_bulk_chunk *chunk;
    const sb_bulk *bulk;
    sb_bulk_table *file;
    const sb_csv_reader *reader; /* of the row at hand */
    const pending_row *row;      /* at hand */
    bool check_bytes;            /* the piece holds a NUL or something past ASCII */
    pending_row rows[AHEAD];
} parser;

/* SB_SYNTAX marks a bad row for the callers below; anything but that and SB_OK is fatal. */
static sb_status note(parser *p, sb_status code, size_t column, const char *text)
{
    sb_bulk_chunk *chunk = p->chunk;
    sb_bulk_problem problem = {.code = code,
                               .line = p->reader->line,
                               .column = (uint32_t)column,
                               .row_at = (uint32_t)(p->reader->row - chunk->data),
                               .row_bytes = (uint32_t)p->reader->row_bytes};

    (void)snprintf(problem.text, sizeof problem.text, "%.*s", (int)sizeof problem.text - 1, text);
    if (sb_buffer_append(&chunk->problems, &problem, sizeof problem) != SB_OK) return SB_NOMEM;
    return SB_SYNTAX;
}

static sb_status note_err(parser *p, size_t column, const sb_err *err)
{
    return err->code == SB_NOMEM ? SB_NOMEM : note(p, err->code, column, err->text);
}

static sb_status note_cell(parser *p, sb_status code, size_t column, const char *format,
                           sb_bytes cell)
{
    char text[sizeof((sb_bulk_problem *)0)->text];
    const int size = (int)(cell.size < 80 ? cell.size : 80);
    size_t used =
        (size_t)snprintf(text, sizeof text, "'%.*s'%s", size,
                         cell.size == 0 ? "" : (const char *)cell.data, cell.size > 80 ? "…" : "");

    if (used < sizeof text) (void)snprintf(text + used, sizeof text - used, "%s", format);
    return note(p, code, column, text);
}

/* ---- Cells -------------------------------------------------------------------------------------------------------- */

SB_INLINE sb_bytes bytes_of(const sb_csv_cell *cell)
{
    return sb_bytes_of(cell->data, cell->size);
}

SB_INLINE bool is_absent(const sb_bulk *bulk, const sb_csv_cell *cell)
{
    if (cell->size == 0 && !cell->quoted) return true;
    return bulk->has_null_text && sb_bytes_equal(bytes_of(cell), bulk->null_text);
}

static sb_status check_bytes(parser *p)
{
    for (size_t i = 0; i < p->file->column_count; i++) {
        const sb_csv_cell *cell = &p->reader->cells[i];
        const uint8_t *nul = cell->size == 0 ? NULL : memchr(cell->data, 0, cell->size);
        /* In quotes it is meant: export writes it so. Elsewhere the text is UTF-16, or no text. */
        if (nul != NULL && !cell->quoted)
            return note(p, SB_SYNTAX, i + 1, "the cell holds a NUL byte outside quotes");
        if (!sb_utf8_valid(bytes_of(cell)))
            return note(p, SB_SYNTAX, i + 1, "the cell is not valid UTF-8");
    }
    return SB_OK;
}

static sb_status check_row(parser *p)
{
    const sb_bulk_table *file = p->file;
    char text[120];

    if (SB_UNLIKELY(p->reader->problem != NULL))
        return note(p, SB_SYNTAX, p->reader->problem_cell + 1, p->reader->problem);
    if (SB_UNLIKELY(p->reader->cell_count != file->column_count)) {
        (void)snprintf(text, sizeof text, "%zu cell%s where the header has %zu",
                       p->reader->cell_count, p->reader->cell_count == 1 ? "" : "s",
                       file->column_count);
        return note(p, SB_SYNTAX, 0, text);
    }
    return SB_UNLIKELY(p->check_bytes) ? check_bytes(p) : SB_OK;
}

/* ---- Inference ------------------------------------------------------------------------------------------------------- */

#define BIT(type) (1u << (type))

/* As programs write integers: 7, -12, not 007 or +7, which are often no numbers. */
static bool is_plain_int(sb_bytes text, int64_t *value)
{
    const size_t sign = text.size != 0 && text.data[0] == '-';

    if (text.size == sign || (text.data[sign] == '0' && text.size > sign + 1)) return false;
    return text.data[sign] != '+' && sb_text_to_int(text, value) && !(sign == 1 && *value == 0);
}

static bool is_plain_real(sb_bytes text)
{
    const size_t sign = text.size != 0 && text.data[0] == '-';
    size_t digits = sign;
    double value;

    while (digits < text.size && (unsigned)text.data[digits] - '0' <= 9)
        digits++;
    if (digits == sign) return false; /* not .5, nan, inf */
    if (text.data[sign] == '0' && digits > sign + 1) return false;
    if (digits == text.size && text.data[sign] != '0') return false; /* more than 64 bits */
    return text.data[text.size - 1] != '.' && sb_text_to_real(text, &value);
}

static bool float_holds(int64_t integer)
{
    const double real = (double)integer;

    return real < 0x1p63 && (int64_t)real == integer;
}

/* Digits alone may be an id, of which none may be lost: they are a float only where that holds them all. */
static uint32_t number_candidates(sb_bytes text)
{
    int64_t integer;

    if (is_plain_int(text, &integer))
        return BIT(SB_TYPE_INT) | (float_holds(integer) ? BIT(SB_TYPE_FLOAT) : 0);
    return is_plain_real(text) ? BIT(SB_TYPE_FLOAT) : 0;
}

/* 2024-02-29 in front: shorter forms look like numbers. */
static bool begins_with_date(sb_bytes text)
{
    return text.size >= 10 && text.data[4] == '-' && text.data[7] == '-';
}

static uint32_t candidates_of(sb_bytes text, uint32_t among)
{
    uint32_t candidates = BIT(SB_TYPE_STRING);
    sb_value value = {0};

    if ((among & (BIT(SB_TYPE_INT) | BIT(SB_TYPE_FLOAT))) != 0)
        candidates |= number_candidates(text);
    if ((among & BIT(SB_TYPE_BOOL)) != 0 &&
        (sb_text__same(text, "true") || sb_text__same(text, "false")))
        candidates |= BIT(SB_TYPE_BOOL);
    if ((among & (BIT(SB_TYPE_DATE) | BIT(SB_TYPE_LOCAL_DATETIME) | BIT(SB_TYPE_DATETIME))) != 0 &&
        begins_with_date(text)) {
        if (text.size == 10)
            candidates |= sb_text__date(text, &value) ? BIT(SB_TYPE_DATE) : 0;
        else if (sb_text__local_datetime(text, &value))
            candidates |= BIT(SB_TYPE_LOCAL_DATETIME);
        else if (sb_text__datetime(text, &value))
            candidates |= BIT(SB_TYPE_DATETIME);
    }
    return candidates & among;
}

/* ---- Values --------------------------------------------------------------------------------------------------------------- */

static void put_varint(sb_buffer *out, uint64_t v)
{
    out->size += sb_varint_encode(out->data + out->size, v);
}

/* Room for it is reserved. */
static void put_bytes(sb_buffer *out, sb_bytes bytes)
{
    put_varint(out, bytes.size);
    if (bytes.size != 0) memcpy(out->data + out->size, bytes.data, bytes.size);
    out->size += bytes.size;
}

static sb_status put_cell(parser *p, const sb_value *value, sb_buffer *out)
{
    sb_buffer *encoded = &p->chunk->encoded;
    sb_cell cell;

    sb_buffer_reset(encoded);
    SB_TRY(sb_buffer_reserve(encoded, sb_value_cell_bytes(value)));
    SB_TRY(sb_value_to_cell(value, 0, encoded, &cell, NULL));
    SB_TRY(sb_buffer_reserve(out, cell.bytes.size + 2 * SB_VARINT_MAX_BYTES));
    out->data[out->size++] = cell.type;
    if ((cell.type & SB_CLASS_MASK) == SB_CLASS_BYTES) {
        put_bytes(out, cell.bytes);
    } else {
        sb_store_le64(out->data + out->size, cell.word);
        out->size += 8;
    }
    return SB_OK;
}

/* A cell that is no integer, float or string, or a bad one. */
static sb_status put_other(parser *p, const sb_bulk_prop *prop, sb_bytes text, sb_buffer *out)
{
    sb_bulk_chunk *chunk = p->chunk;
    sb_text_type type = prop->type;
    sb_value value;
    sb_err err;

    sb_err_clear(&err);
    /* Zones are of one thread: those that headers name are read before, those of values by each parser. */
    if (type.type == SB_TYPE_DATETIME && chunk->zones == NULL &&
        sb_zones_create(p->bulk->alloc, sb_zone_read_system, &chunk->zone_source, &chunk->zones,
                        &err) != SB_OK)
        return SB_NOMEM;
    type.zones = chunk->zones;
    if (sb_text_to_value(&type, text, p->chunk->arena, &value, &err) != SB_OK)
        return note_err(p, (size_t)prop->column + 1, &err);
    switch ((sb_bulk_form)prop->form) {
    case SB_FORM_WORD:
        put_varint(out, sb_zigzag(value.type == SB_TYPE_BOOL ? (int64_t)value.as.boolean
                                                             : value.as.integer));
        return SB_OK;
    case SB_FORM_BYTES:
        put_bytes(out, sb_bytes_of(value.as.bytes.data, value.as.bytes.size));
        return SB_OK;
    case SB_FORM_DOUBLE:
    case SB_FORM_CELL:
    case SB_FORM_TEXT:
    default: return put_cell(p, &value, out);
    }
}

/* Room for the text and 16 bytes more is reserved. */
static sb_status put_value(parser *p, const sb_bulk_prop *prop, size_t place, sb_bytes text,
                           sb_buffer *out)
{
    if (prop->form == SB_FORM_WORD && prop->type.type == SB_TYPE_INT && prop->type.narrow == 0) {
        int64_t integer;
        if (SB_LIKELY(sb_text_to_int(text, &integer))) {
            put_varint(out, sb_zigzag(integer));
            return SB_OK;
        }
    } else if (prop->form == SB_FORM_DOUBLE) {
        double real;
        if (SB_LIKELY(sb_text_to_real(text, &real))) {
            memcpy(out->data + out->size, &real, sizeof real);
            out->size += sizeof real;
            return SB_OK;
        }
    } else if (prop->form == SB_FORM_TEXT ||
               (prop->form == SB_FORM_BYTES && prop->type.type == SB_TYPE_STRING)) {
        uint32_t *candidates = &p->chunk->candidates[place];
        if (prop->form == SB_FORM_TEXT && *candidates != BIT(SB_TYPE_STRING))
            *candidates = candidates_of(text, *candidates);
        put_bytes(out, text);
        return SB_OK;
    }
    return put_other(p, prop, text, out);
}

/* Two columns of one property in one row. */
static sb_status check_keys(parser *p, const uint8_t *present)
{
    const sb_bulk_table *file = p->file;
    char text[80];

    for (size_t i = 0; i < file->prop_count; i++) {
        if (!sb_bit_get(present, i)) continue;
        for (uint32_t j = file->props[i].before; j != SB_CSV_NO_COLUMN; j = file->props[j].before) {
            if (file->props[j].key != file->props[i].key || !sb_bit_get(present, j)) continue;
            (void)snprintf(text, sizeof text, "column %u gives the same property already",
                           file->props[j].column + 1);
            return note(p, SB_SYNTAX, (size_t)file->props[i].column + 1, text);
        }
    }
    return SB_OK;
}

static sb_status put_props(parser *p, sb_buffer *out)
{
    const sb_bulk_table *file = p->file;
    const size_t bitmap_bytes = (file->prop_count + 7) / 8;

    /* Each value takes at most its text and 16 bytes, but for encoded ones, which reserve for themselves (and leave this much). */
    const size_t room = p->reader->row_bytes + 16 * (file->prop_count + 3) + bitmap_bytes;
    SB_TRY(sb_buffer_reserve(out, room));
    put_varint(out, file->number);
    if (p->bulk->keeps_origins[file->entity]) {
        put_varint(out, p->chunk->number);
        put_varint(out, (uint64_t)p->reader->line);
    }
    const size_t bitmap_at = out->size;
    if (bitmap_bytes != 0) memset(out->data + bitmap_at, 0, bitmap_bytes);
    out->size += bitmap_bytes;
    for (size_t i = 0; i < file->prop_count; i++) {
        const sb_bulk_prop *prop = &file->props[i];
        const sb_csv_cell *cell = &p->reader->cells[prop->column];
        if (is_absent(p->bulk, cell)) continue;
        sb_bit_set(out->data + bitmap_at, i);
        SB_TRY(put_value(p, prop, i, bytes_of(cell), out));
        if (prop->form == SB_FORM_CELL) SB_TRY(sb_buffer_reserve(out, room));
    }
    if (file->has_same_keys) SB_TRY(check_keys(p, out->data + bitmap_at));
    return SB_OK;
}

/* ---- Names ---------------------------------------------------------------------------------------------------------------------- */

static sb_bytes name_at(const sb_bulk_chunk *chunk, size_t at)
{
    return sb_bytes_of(chunk->names.data + at + 4, sb_load_le32(chunk->names.data + at));
}

/* Number of a :LABEL or :TYPE text within the piece. Most rows repeat the last one. */
static sb_status number_name(parser *p, sb_bytes text, uint32_t *number)
{
    sb_bulk_chunk *chunk = p->chunk;
    uint64_t hash, *place;
    bool inserted;

    if (chunk->last_name.data != NULL && sb_bytes_equal(text, chunk->last_name)) {
        *number = chunk->last_number;
        return SB_OK;
    }
    hash = sb_hash_bytes(text.data, text.size, p->bulk->seed);
    for (;; hash++) {
        if (hash == SB_MAP_EMPTY) hash = 0;
        place = sb_map_at(&chunk->name_index, hash, &inserted);
        if (place == NULL) return SB_NOMEM;
        if (inserted) break;
        /* Value: offset << 32 | number. Two texts of one hash take neighboring keys. */
        if (!sb_bytes_equal(name_at(chunk, (size_t)(*place >> 32)), text)) continue;
        *number = (uint32_t)*place;
        chunk->last_name = text;
        chunk->last_number = *number;
        return SB_OK;
    }
    uint8_t size[4];
    *number = ++chunk->name_count;
    *place = (uint64_t)chunk->names.size << 32 | *number;
    sb_store_le32(size, (uint32_t)text.size);
    SB_TRY(sb_buffer_append(&chunk->names, size, sizeof size));
    SB_TRY(sb_buffer_append(&chunk->names, text.data, text.size));
    chunk->last_name = text;
    chunk->last_number = *number;
    return SB_OK;
}

/* ---- Rows --------------------------------------------------------------------------------------------------------------------------- */

static sb_status emit(parser *p, const sb_bulk_head *head, sb_bytes id)
{
    sb_buffer *out = &p->chunk->out;

    SB_TRY(sb_buffer_reserve(out, sizeof *head + id.size + p->chunk->body.size));
    memcpy(out->data + out->size, head, sizeof *head);
    out->size += sizeof *head;
    if (id.size != 0) memcpy(out->data + out->size, id.data, id.size);
    out->size += id.size;
    memcpy(out->data + out->size, p->chunk->body.data, p->chunk->body.size);
    out->size += p->chunk->body.size;
    p->chunk->rows++;
    return SB_OK;
}

static sb_bulk_head head_of(const parser *p)
{
    return (sb_bulk_head){.line = p->reader->line,
                          .row_at = (uint32_t)(p->reader->row - p->chunk->data),
                          .row_bytes = (uint32_t)p->reader->row_bytes};
}

/* The first :LABEL cell that is not empty gives a number; several are joined. */
static sb_status label_name(parser *p, uint32_t *number)
{
    const sb_bulk_table *file = p->file;
    sb_bytes joined = {0};

    for (size_t i = 0; i < file->column_count; i++) {
        const sb_csv_cell *cell = &p->reader->cells[i];
        if (file->columns[i].role != SB_CSV_LABEL || is_absent(p->bulk, cell) || cell->size == 0)
            continue;
        if (joined.size == 0) {
            joined = bytes_of(cell);
            continue;
        }
        uint8_t *both = sb_arena_alloc(p->chunk->arena, joined.size + 1 + cell->size);
        if (both == NULL) return SB_NOMEM;
        memcpy(both, joined.data, joined.size);
        both[joined.size] = ':';
        memcpy(both + joined.size + 1, cell->data, cell->size);
        joined = sb_bytes_of(both, joined.size + 1 + cell->size);
    }
    return joined.size == 0 ? SB_OK : number_name(p, joined, number);
}

/* The texts of its columns, one behind the other, as neo4j-admin has it. */
static sb_status node_id(parser *p, sb_bytes *id)
{
    const sb_bulk_table *file = p->file;
    const sb_csv_cell *cells = p->reader->cells;
    size_t size = 0;

    for (uint32_t i = 0; i < file->id_column_count; i++) {
        const uint32_t column = file->id_columns[i];
        if (is_absent(p->bulk, &cells[column]))
            return note(p, SB_SYNTAX, (size_t)column + 1,
                        file->id_column_count == 1 ? "the node has no id"
                                                   : "a part of the node's id is not there");
        size += cells[column].size;
    }
    *id = bytes_of(&cells[file->id_columns[0]]);
    if (file->id_column_count == 1) return SB_OK;
    uint8_t *joined = sb_arena_alloc(p->chunk->arena, size);
    if (joined == NULL) return SB_NOMEM;
    *id = sb_bytes_of(joined, 0);
    for (uint32_t i = 0; i < file->id_column_count; i++) {
        const sb_csv_cell *cell = &cells[file->id_columns[i]];
        if (cell->size != 0) memcpy(joined + id->size, cell->data, cell->size);
        id->size += cell->size;
    }
    return SB_OK;
}

static sb_status parse_node(parser *p)
{
    const sb_bulk_table *file = p->file;
    sb_bulk_head head = head_of(p);
    sb_bytes id = {0};

    if (file->id_column_count != 0) {
        SB_TRY(node_id(p, &id));
        const sb_id_cell found = sb_ids__cell(&p->bulk->groups[file->id_group].ids, id);
        head.id_kind = found.is_number ? 1 : 2;
        head.number = found.number;
        head.hash = found.hash;
        if (found.is_number) id.size = 0;
        head.id_bytes = (uint32_t)id.size;
    }
    SB_TRY(label_name(p, &head.name));
    sb_buffer_reset(&p->chunk->body);
    SB_TRY(put_props(p, &p->chunk->body));
    head.body_bytes = (uint32_t)p->chunk->body.size;
    return emit(p, &head, id);
}

/* No node, or not just one, has the id of an end. */
static sb_status note_end(parser *p, size_t column, const sb_bulk_group *group, bool several,
                          sb_bytes cell)
{
    const char *many = several ? "several nodes" : "no node";
    char text[160];

    if (group->end != NULL) {
        const sb_bytes label = group->end->label, key = group->end->key;
        (void)snprintf(text, sizeof text, " is the %.*s of %s%s%.*s",
                       (int)(key.size < 60 ? key.size : 60), (const char *)key.data, many,
                       label.size != 0 ? " :" : "", (int)(label.size < 60 ? label.size : 60),
                       label.size == 0 ? "" : (const char *)label.data);
    } else {
        (void)snprintf(text, sizeof text, " is the id of %s%s%.*s", many,
                       group->name.size != 0 ? " in group " : "",
                       (int)(group->name.size < 60 ? group->name.size : 60),
                       group->name.size == 0 ? "" : (const char *)group->name.data);
    }
    return note_cell(p, SB_NOT_FOUND, column, text, cell);
}

/* *node 0: there is none, which is noted or counted. */
static sb_status find_endpoint(parser *p, unsigned end, sb_node_id *node)
{
    const uint32_t column = end == 0 ? p->file->start_column : p->file->end_column;
    const uint32_t group = end == 0 ? p->file->start_group : p->file->end_group;
    const sb_csv_cell *cell = &p->reader->cells[column];
    const sb_bulk *bulk = p->bulk;
    char text[100];

    *node = 0;
    if (is_absent(bulk, cell)) {
        (void)snprintf(text, sizeof text, "the relationship has no %s node",
                       end == 0 ? "start" : "end");
        return note(p, SB_SYNTAX, (size_t)column + 1, text);
    }
    if (bulk->graph_ids) {
        int64_t id;
        if (!sb_text_to_int(bytes_of(cell), &id) || id < 1 || (uint64_t)id > SB_ID_MAX)
            return note_cell(p, SB_TYPE_MISMATCH, (size_t)column + 1, " is no node id of the graph",
                             bytes_of(cell));
        *node = (sb_node_id)id;
        return SB_OK;
    }
    const uint64_t found = sb_ids__find(&bulk->groups[group].ids, &p->row->ends[end]);
    if (found != 0 && found != SB_BULK_SEVERAL) {
        *node = found;
        return SB_OK;
    }
    if (found == 0 && bulk->options->skip_missing_endpoints) {
        p->chunk->skipped++;
        return SB_OK;
    }
    return note_end(p, (size_t)column + 1, &bulk->groups[group], found != 0, bytes_of(cell));
}

static sb_status parse_rel(parser *p)
{
    const sb_bulk_table *file = p->file;
    sb_bulk_head head = head_of(p);
    sb_buffer *body = &p->chunk->body;
    sb_node_id source, target;

    SB_TRY(find_endpoint(p, 0, &source));
    if (source == 0) return SB_OK;
    SB_TRY(find_endpoint(p, 1, &target));
    if (target == 0) return SB_OK;
    head.number = source;
    head.hash = target;
    if (file->type_column != UINT32_MAX) {
        const sb_csv_cell *cell = &p->reader->cells[file->type_column];
        if (!is_absent(p->bulk, cell) && cell->size != 0)
            SB_TRY(number_name(p, bytes_of(cell), &head.name));
        else if (file->type == 0)
            return note(p, SB_SYNTAX, (size_t)file->type_column + 1,
                        "the relationship has no type");
    }
    sb_buffer_reset(body);
    SB_TRY(sb_buffer_reserve(body, SB_VARINT_MAX_BYTES));
    put_varint(body, target);
    SB_TRY(put_props(p, body));
    head.body_bytes = (uint32_t)body->size;
    return emit(p, &head, sb_bytes_of(NULL, 0));
}

/* ---- The piece ------------------------------------------------------------------------------------------------------------------------- */

static bool has_other_bytes(const uint8_t *data, size_t size)
{
    uint64_t any = 0;
    size_t i = 0;

    for (; i + 8 <= size; i += 8)
        any |= sb_load_le64(data + i);
    for (; i < size; i++)
        any |= data[i];
    return (any & 0x8080808080808080ull) != 0 || (size != 0 && memchr(data, 0, size) != NULL);
}

static void reset_chunk(sb_bulk_chunk *chunk)
{
    sb_arena_reset(chunk->arena);
    sb_buffer_reset(&chunk->out);
    sb_buffer_reset(&chunk->problems);
    sb_buffer_reset(&chunk->names);
    sb_map_clear(&chunk->name_index);
    chunk->name_count = 0;
    chunk->last_name = sb_bytes_of(NULL, 0);
    chunk->lines = 0;
    chunk->rows = chunk->skipped = 0;
}

/* The ids of a relationship's ends, and where they are looked up. */
static void fetch_ends(const parser *p, pending_row *row)
{
    const sb_bulk_table *file = p->file;
    const uint32_t columns[2] = {file->start_column, file->end_column},
                   groups[2] = {file->start_group, file->end_group};

    if (file->entity == SB_NODE || p->bulk->graph_ids ||
        row->reader.cell_count != file->column_count)
        return;
    for (unsigned end = 0; end < 2; end++) {
        const sb_ids *ids = &p->bulk->groups[groups[end]].ids;
        row->ends[end] = sb_ids__cell(ids, bytes_of(&row->reader.cells[columns[end]]));
        sb_ids__prefetch(ids, &row->ends[end]);
    }
}

/* SB_SYNTAX: the row is bad, and ends the load. */
static sb_status parse_row(parser *p, const pending_row *row)
{
    const sb_bulk *bulk = p->bulk;
    sb_status st;

    p->row = row;
    p->reader = &row->reader;
    st = check_row(p);
    if (st == SB_OK) st = p->file->entity == SB_NODE ? parse_node(p) : parse_rel(p);
    if (st == SB_SYNTAX && sb_bulk__rejects(bulk) &&
        p->chunk->problems.size / sizeof(sb_bulk_problem) <= bulk->options->max_rejects)
        return SB_OK;
    return st;
}

static sb_status parse(sb_bulk_chunk *chunk)
{
    sb_bulk_table *file = chunk->file;
    parser p = {.chunk = chunk, .bulk = chunk->bulk, .file = file};
    const size_t width = file->column_count + 1;
    size_t read = 0, done = 0;
    sb_status st = SB_OK;

    SB_TRY(sb_graph__grow(chunk->bulk->alloc, &chunk->cells, sizeof *chunk->cells, AHEAD * width,
                          &chunk->cell_capacity, NULL));
    SB_TRY(sb_graph__grow(chunk->bulk->alloc, &chunk->candidates, sizeof *chunk->candidates,
                          file->prop_count + 1, &chunk->candidate_capacity, NULL));
    for (size_t i = 0; i < file->prop_count; i++)
        chunk->candidates[i] = UINT32_MAX;
    p.check_bytes = has_other_bytes(chunk->data, chunk->size);
    sb_csv_reader reader = {.dialect = &chunk->bulk->dialect,
                            .pos = chunk->data,
                            .end = chunk->data + chunk->size,
                            .arena = chunk->arena,
                            .cells = chunk->cells,
                            .capacity = file->column_count};
    for (bool more = true; st == SB_OK && (more || done < read);) {
        if (more && read - done < AHEAD) {
            reader.cells = chunk->cells + read % AHEAD * width;
            more = sb_csv__next_row(&reader);
            if (!more) continue;
            p.rows[read % AHEAD].reader = reader;
            fetch_ends(&p, &p.rows[read++ % AHEAD]);
        } else {
            st = parse_row(&p, &p.rows[done++ % AHEAD]);
        }
    }
    chunk->lines = reader.next_line;
    return reader.status != SB_OK ? SB_NOMEM : st == SB_SYNTAX ? SB_OK : st;
}

void sb_bulk__parse(sb_bulk_chunk *chunk)
{
    reset_chunk(chunk);
    chunk->status = parse(chunk);
}
