/* bulk_files.c — the files of one entity, one after the other: headers read, text cut into pieces of whole rows, pieces parsed by
 * all threads and taken in order, rows that are wrong rejected or reported with file, line and column. */
#include "graph/bulk_priv.h"

#include <stdio.h>

#define SLOTS_MAX 130u

typedef struct reading {
    sb_bulk *bulk;
    sb_entity entity;
    sb_bulk_take take;
    size_t file;     /* at hand; file_counts[entity] at the end */
    sb_input *input; /* of it, or NULL */
    sb_buffer carry; /* text read and not yet given to a piece */
    bool input_ended;
} reading;

/* ---- Errors with positions --------------------------------------------------------------------------------------- */

void sb_bulk__describe(const sb_bulk_table *file, uint64_t line, uint32_t column, char *text,
                       size_t bytes)
{
    size_t used =
        (size_t)snprintf(text, bytes, "%s, line %llu", file->path, (unsigned long long)line);

    if (column == 0 || used >= bytes) return;
    used += (size_t)snprintf(text + used, bytes - used, ", column %u", column);
    if (used >= bytes || column > file->column_count) return;
    static const char *const roles[] = {"",        ":IGNORE", ":ID",  ":START_ID",
                                        ":END_ID", ":LABEL",  ":TYPE"};
    const sb_csv_column *c = &file->columns[column - 1];
    if (c->name.size != 0)
        (void)snprintf(text + used, bytes - used, " (%.*s)",
                       (int)(c->name.size < 64 ? c->name.size : 64), (const char *)c->name.data);
    else
        (void)snprintf(text + used, bytes - used, " (%s)", roles[c->role]);
}

static void place_error(sb_err *err, uint64_t line, uint32_t column)
{
    if (err == NULL) return;
    err->line = line > UINT32_MAX ? UINT32_MAX : (uint32_t)line;
    err->column = column;
}

static sb_status write_reject(sb_bulk *bulk, const uint8_t *row, size_t row_bytes,
                              const char *where, const char *why, sb_err *err)
{
    const uint8_t quote = bulk->dialect.quote == 0 ? '"' : bulk->dialect.quote;
    sb_buffer out;
    sb_status st;

    sb_buffer_init(&out, bulk->alloc);
    st = sb_buffer_append(&out, row, row_bytes);
    if (st == SB_OK) st = sb_buffer_printf(&out, "%c%c", bulk->dialect.delimiter, quote);
    for (const char *texts[3] = {where, ": ", why}, **t = texts; t != texts + 3 && st == SB_OK; t++)
        for (const char *c = *t; *c != '\0' && st == SB_OK; c++) {
            if ((uint8_t)*c == quote) st = sb_buffer_append_byte(&out, quote);
            if (st == SB_OK) st = sb_buffer_append_byte(&out, (uint8_t)*c);
        }
    if (st == SB_OK) st = sb_buffer_printf(&out, "%c\n", quote);
    if (st != SB_OK)
        st = SB_FAIL_NOMEM(err);
    else
        st = sb_file_write_all(bulk->reject_file, bulk->reject_bytes, out.data, out.size, err);
    if (st == SB_OK) bulk->reject_bytes += out.size;
    sb_buffer_deinit(&out);
    return st;
}

sb_status sb_bulk__reject(sb_bulk *bulk, const sb_bulk_chunk *chunk, const sb_bulk_problem *problem,
                          sb_err *err)
{
    const uint64_t line = chunk->file->line + problem->line + 1;
    char where[SB_ERR_TEXT_BYTES / 2];
    sb_status st;

    sb_bulk__describe(chunk->file, line, problem->column, where, sizeof where);
    if (!sb_bulk__rejects(bulk)) {
        st = SB_FAIL(err, problem->code, "%s: %s", where, problem->text);
        place_error(err, line, problem->column);
        return st;
    }
    if (bulk->result->rejected_rows >= bulk->options->max_rejects) {
        st = SB_FAIL(err, SB_REJECTED, "more than %llu rows are wrong; this one is %s: %s",
                     (unsigned long long)bulk->options->max_rejects, where, problem->text);
        place_error(err, line, problem->column);
        return st;
    }
    bulk->result->rejected_rows++;
    if (bulk->reject_file == NULL) {
        char message[SB_ERR_TEXT_BYTES];
        (void)snprintf(message, sizeof message, "%s: %s", where, problem->text);
        return bulk->options->rejected(bulk->options->rejected_ctx, message, err);
    }
    return write_reject(bulk, chunk->data + problem->row_at, problem->row_bytes, where,
                        problem->text, err);
}

/* ---- Header ---------------------------------------------------------------------------------------------------------- */

static sb_status fail_header(const sb_bulk_table *file, sb_err *err)
{
    char column[40] = "";

    if (err != NULL && err->column != 0)
        (void)snprintf(column, sizeof column, ", column %u", err->column);
    sb_err_prefix(err, "%s, line 1%s", file->header, column);
    if (err != NULL) err->line = 1;
    return err != NULL ? err->code : SB_SYNTAX;
}

static void choose_form(const sb_csv_column *column, sb_bulk_prop *prop)
{
    prop->type = column->type;
    prop->candidates = UINT32_MAX;
    prop->form = SB_FORM_CELL;
    if (column->infer) {
        prop->form = SB_FORM_TEXT;
        return;
    }
    if (column->type.list) return;
    switch (column->type.type) {
    case SB_TYPE_BOOL:
    case SB_TYPE_INT:
    case SB_TYPE_DATE:
    case SB_TYPE_LOCAL_TIME:
        prop->form = SB_FORM_WORD;
        prop->cell_type = (uint8_t)(SB_CLASS_INT | column->type.type);
        break;
    case SB_TYPE_FLOAT:
        prop->form = SB_FORM_DOUBLE;
        prop->cell_type = SB_CELL_FLOAT;
        break;
    case SB_TYPE_STRING:
    case SB_TYPE_BYTES:
        prop->form = SB_FORM_BYTES;
        prop->cell_type = (uint8_t)(SB_CLASS_BYTES | column->type.type);
        break;
    default: break;
    }
}

/* The group of a :START_ID (end 0) or :END_ID (1) column. */
static sb_status find_group(sb_bulk *bulk, const sb_csv_column *column, uint32_t number,
                            unsigned end, uint32_t *place, sb_err *err)
{
    char names[200] = "";
    size_t used = 0;

    *place = bulk->graph_ends ? bulk->end_groups[end] : sb_bulk__group(bulk, column->group);
    if (*place != UINT32_MAX) return SB_OK;
    for (size_t i = 0; i < bulk->group_count && used < sizeof names; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s'%.*s'", i == 0 ? "" : ", ",
                                 (int)bulk->groups[i].name.size,
                                 (const char *)bulk->groups[i].name.data);
    const sb_status st =
        SB_FAIL(err, SB_SYNTAX, "no file of nodes has ids of group '%.*s' (there %s: %s)%s",
                (int)(column->group.size < 100 ? column->group.size : 100),
                (const char *)column->group.data, bulk->group_count == 1 ? "is" : "are",
                bulk->group_count == 0 ? "none" : names,
                bulk->group_count == 0 ? "; --id-column names the id of a plain header" : "");
    if (err != NULL) err->column = number;
    return st;
}

static sb_status read_roles(sb_bulk *bulk, sb_bulk_table *file, sb_err *err)
{
    file->start_column = file->end_column = file->type_column = UINT32_MAX;
    file->id_columns =
        sb_arena_alloc_array(bulk->arena, file->column_count + 1, sizeof *file->id_columns);
    if (file->id_columns == NULL) return SB_FAIL_NOMEM(err);
    for (uint32_t i = 0; i < file->column_count; i++) {
        const sb_csv_column *column = &file->columns[i];
        if (column->role == SB_CSV_ID) {
            file->id_columns[file->id_column_count++] = i;
            SB_TRY(sb_bulk__add_group(bulk, column->group, &file->id_group, err));
        } else if (column->role == SB_CSV_START) {
            file->start_column = i;
            SB_TRY(find_group(bulk, column, i + 1, 0, &file->start_group, err));
        } else if (column->role == SB_CSV_END) {
            file->end_column = i;
            SB_TRY(find_group(bulk, column, i + 1, 1, &file->end_group, err));
        } else if (column->role == SB_CSV_TYPE) {
            file->type_column = i;
        }
    }
    if (file->entity == SB_REL && file->type == 0 && file->type_column == UINT32_MAX)
        return SB_FAIL(
            err, SB_SYNTAX,
            "no relationship type is known: give one with the file's name (TYPE=file), a :TYPE "
            "column, or --type-column");
    return SB_OK;
}

static sb_status read_props(sb_bulk *bulk, sb_bulk_table *file, sb_err *err)
{
    sb_view *view = sb_graph_view(bulk->graph);

    file->props = sb_arena_alloc_array(bulk->arena, file->column_count + 1, sizeof *file->props);
    uint32_t *places = sb_arena_alloc_array(bulk->arena, file->column_count + 1, sizeof *places);
    if (file->props == NULL || places == NULL) return SB_FAIL_NOMEM(err);
    for (uint32_t i = 0; i < file->column_count; i++) {
        const sb_csv_column *column = &file->columns[i];
        if (!column->is_property) continue;
        sb_bulk_prop *prop = &file->props[file->prop_count];
        if (i % SB_CSV_TICK_COLUMNS == 0) SB_TRY(sb_bulk__tick(bulk, NULL, err));
        *prop = (sb_bulk_prop){.column = i, .before = SB_CSV_NO_COLUMN};
        if (column->before != SB_CSV_NO_COLUMN) prop->before = places[column->before];
        file->has_same_keys = file->has_same_keys || prop->before != SB_CSV_NO_COLUMN;
        places[i] = (uint32_t)file->prop_count++;
        SB_TRY(sb_name_intern(view, SB_NAME_KEY, column->name, &prop->key, err));
        choose_form(column, prop);
    }
    return SB_OK;
}

static sb_status tick_header(void *ctx, sb_err *err)
{
    return sb_bulk__tick(ctx, NULL, err);
}

static sb_status read_columns(sb_bulk *bulk, sb_bulk_table *file, sb_csv_reader *reader,
                              sb_err *err)
{
    size_t bytes;

    for (size_t i = 0; i < reader->cell_count; i++)
        if (!sb_utf8_valid(sb_bytes_of(reader->cells[i].data, reader->cells[i].size)) ||
            (!reader->cells[i].quoted && reader->cells[i].size != 0 &&
             memchr(reader->cells[i].data, 0, reader->cells[i].size) != NULL)) {
            if (err != NULL) err->column = (uint32_t)(i + 1);
            return SB_FAIL(
                err, SB_SYNTAX,
                "the name is not valid UTF-8 (a text in UTF-16 must be converted first)");
        }
    if (!sb_mul_size(reader->cell_count, sizeof *file->columns, &bytes)) return SB_FAIL_NOMEM(err);
    file->columns = sb_arena_alloc(bulk->arena, bytes);
    if (file->columns == NULL) return SB_FAIL_NOMEM(err);
    sb_csv_context context = {.options = bulk->options,
                              .arena = bulk->arena,
                              .zones = bulk->zones,
                              .alloc = bulk->alloc,
                              .seed = bulk->seed,
                              .tick = tick_header,
                              .tick_ctx = bulk};
    SB_TRY(sb_csv__header(&context, file->entity, reader->cells, reader->cell_count, file->columns,
                          err));
    file->column_count = reader->cell_count;
    SB_TRY(read_roles(bulk, file, err));
    return read_props(bulk, file, err);
}

/* Cells of the header, of which there may be any number: parsed once to count them. */
static sb_status read_header(sb_bulk *bulk, sb_bulk_table *file, const uint8_t *text, size_t size,
                             sb_err *err)
{
    sb_csv_reader reader = {
        .dialect = &bulk->dialect, .pos = text, .end = text + size, .arena = bulk->arena};

    if (!sb_csv__next_row(&reader) && reader.status == SB_OK)
        return SB_FAIL(err, SB_SYNTAX, "the header is empty");
    sb_csv_cell *cells = reader.status != SB_OK
                             ? NULL
                             : sb_arena_alloc_array(bulk->arena, reader.cell_count, sizeof *cells);
    if (cells == NULL) return SB_FAIL_NOMEM(err);
    reader = (sb_csv_reader){.dialect = &bulk->dialect,
                             .pos = text,
                             .end = text + size,
                             .arena = bulk->arena,
                             .cells = cells,
                             .capacity = reader.cell_count};
    if (!sb_csv__next_row(&reader)) return SB_FAIL_NOMEM(err);
    for (size_t i = 0; i < reader.cell_count; i++)
        if (!cells[i].quoted && cells[i].size != 0 && memchr(cells[i].data, '\r', cells[i].size))
            return SB_FAIL(err, SB_SYNTAX,
                           "there is a carriage return inside the header: lines must end with LF "
                           "or CRLF, not CR alone");
    if (reader.problem != NULL) {
        if (err != NULL) err->column = (uint32_t)(reader.problem_cell + 1);
        return SB_FAIL(err, SB_SYNTAX, "%s", reader.problem);
    }
    file->line = reader.next_line;
    return read_columns(bulk, file, &reader, err);
}

/* ---- Text into pieces ------------------------------------------------------------------------------------------------------ */

/* More text behind the carry, up to size bytes in all. */
static sb_status read_more(reading *r, size_t size, sb_err *err)
{
    size_t got;

    if (r->input_ended || r->carry.size >= size) return SB_OK;
    if (sb_buffer_reserve(&r->carry, size - r->carry.size + SB_CSV_PADDING) != SB_OK)
        return SB_FAIL_NOMEM(err);
    SB_TRY(
        sb_input__read(r->input, r->carry.data + r->carry.size, size - r->carry.size, &got, err));
    r->input_ended = r->carry.size + got < size;
    r->carry.size += got;
    return SB_OK;
}

/* Read until the carry holds a record's end as find sees it; *end: bytes up to there, all of them at the end of the input. */
static sb_status find_end(reading *r,
                          size_t (*find)(const sb_csv_dialect *, const uint8_t *, size_t),
                          size_t wanted, size_t *end, sb_err *err)
{
    for (size_t size = wanted;; size *= 2) {
        if (size > SB_CSV_RECORD_MAX) size = SB_CSV_RECORD_MAX + 1;
        SB_TRY(read_more(r, size, err));
        *end = r->carry.size == 0 ? 0 : find(&r->bulk->dialect, r->carry.data, r->carry.size);
        if (*end != 0) return SB_OK;
        if (r->input_ended) break;
        if (size > SB_CSV_RECORD_MAX)
            return SB_FAIL(err, SB_LIMIT,
                           "%s, behind line %llu: a record is longer than %zu bytes (is a quote "
                           "never closed?)",
                           r->bulk->files[r->entity][r->file].path,
                           (unsigned long long)r->bulk->files[r->entity][r->file].line,
                           SB_CSV_RECORD_MAX);
    }
    *end = r->carry.size;
    return SB_OK;
}

/* Bytes of the first record, behind a byte-order mark, which is dropped. */
static sb_status first_record(reading *r, size_t *end, sb_err *err)
{
    SB_TRY(find_end(r, sb_csv__first_end, r->bulk->chunk_bytes, end, err));
    if (r->carry.size < 3 || memcmp(r->carry.data, "\xEF\xBB\xBF", 3) != 0) return SB_OK;
    /* The mark is no part of the first name; then the record's end must be found again, for a quote may follow. */
    r->carry.size -= 3;
    memmove(r->carry.data, r->carry.data + 3, r->carry.size);
    return find_end(r, sb_csv__first_end, r->bulk->chunk_bytes, end, err);
}

static sb_status open_input(reading *r, const char *path, sb_file *opened, sb_err *err)
{
    SB_TRY(sb_input__open(r->bulk->alloc, r->bulk->options->vfs, path, opened, &r->input, err));
    r->input_ended = false;
    sb_buffer_reset(&r->carry);
    return SB_OK;
}

/* The header at the front of the input. */
static sb_status take_header(reading *r, sb_bulk_table *file, sb_err *err)
{
    sb_bulk *bulk = r->bulk;
    size_t end;

    SB_TRY(first_record(r, &end, err));
    uint8_t *header = sb_arena_alloc(bulk->arena, end + SB_CSV_PADDING);
    if (header == NULL) return SB_FAIL_NOMEM(err);
    if (end != 0) memcpy(header, r->carry.data, end);
    memset(header + end, '\n', SB_CSV_PADDING);
    if (read_header(bulk, file, header, end, err) != SB_OK) return fail_header(file, err);
    r->carry.size -= end;
    if (r->carry.size != 0) memmove(r->carry.data, r->carry.data + end, r->carry.size);
    return SB_OK;
}

static sb_status open_file(reading *r, sb_err *err)
{
    sb_bulk_table *file = &r->bulk->files[r->entity][r->file];
    const sb_bulk_file *named = r->entity == SB_NODE ? &r->bulk->options->node_files[r->file]
                                                     : &r->bulk->options->rel_files[r->file];
    size_t end;

    if (named->header != NULL) {
        SB_TRY(open_input(r, named->header, NULL, err));
        SB_TRY(take_header(r, file, err));
        sb_input__close(r->input);
        r->input = NULL;
        file->line = 0;
    }
    sb_file *opened = file->opened;
    file->opened = NULL;
    SB_TRY(open_input(r, named->path, opened, err));
    return named->header != NULL ? first_record(r, &end, err) : take_header(r, file, err);
}

static void close_file(reading *r)
{
    if (r->input != NULL) {
        r->bulk->bytes_before += sb_input__bytes_read(r->input);
        r->bulk->result->bytes_read = r->bulk->bytes_before;
    }
    sb_input__close(r->input);
    r->input = NULL;
    r->file++;
}

static sb_status next_piece(void *ctx, void *slot, bool *more, sb_err *err)
{
    reading *r = ctx;
    sb_bulk *bulk = r->bulk;
    sb_bulk_chunk *chunk = slot;
    size_t end = 0;

    *more = false;
    while (r->file < bulk->file_counts[r->entity]) {
        if (r->input == NULL) SB_TRY(open_file(r, err));
        SB_TRY(find_end(r, sb_csv__last_end, bulk->chunk_bytes, &end, err));
        if (end != 0) break;
        close_file(r);
    }
    if (end == 0) return SB_OK;
    /* The piece takes the carry's block, and the carry the piece's, with what belongs to the next one. */
    sb_buffer taken = r->carry;
    const size_t rest = taken.size - end;
    r->carry = (sb_buffer){.alloc = bulk->alloc, .data = chunk->data, .capacity = chunk->capacity};
    chunk->data = taken.data;
    chunk->capacity = taken.capacity;
    if (sb_buffer_reserve(&r->carry, rest + SB_CSV_PADDING) != SB_OK) return SB_FAIL_NOMEM(err);
    if (rest != 0) memcpy(r->carry.data, chunk->data + end, rest);
    r->carry.size = rest;
    memset(chunk->data + end, '\n', SB_CSV_PADDING);
    chunk->size = end;
    chunk->file = &bulk->files[r->entity][r->file];
    chunk->number = bulk->pieces_cut++;
    *more = true;
    return sb_bulk__look_up_ends(bulk, chunk, err);
}

static void work_piece(void *ctx, void *slot)
{
    (void)ctx;
    sb_bulk__parse(slot);
}

static sb_status take_piece(void *ctx, void *slot, sb_err *err)
{
    reading *r = ctx;
    sb_bulk *bulk = r->bulk;
    sb_bulk_chunk *chunk = slot;
    const size_t problem_count = chunk->problems.size / sizeof(sb_bulk_problem);
    const sb_bulk_problem *problems = (const sb_bulk_problem *)(const void *)chunk->problems.data;

    if (chunk->status == SB_NOMEM) return SB_FAIL_NOMEM(err);
    if (chunk->status != SB_OK)
        return SB_FAIL(err, chunk->status, "%s: a piece could not be parsed", chunk->file->path);
    SB_TRY(sb_origins__add_piece(bulk, chunk, err));
    /* Rows in front of the first problem may have problems of their own that only show now, so they are taken first. */
    SB_TRY(r->take(bulk, chunk, err));
    for (size_t i = 0; i < problem_count; i++)
        SB_TRY(sb_bulk__reject(bulk, chunk, &problems[i], err));
    for (size_t i = 0; i < chunk->file->prop_count; i++)
        chunk->file->props[i].candidates &= chunk->candidates[i];
    bulk->result->skipped_rows += chunk->skipped;
    chunk->file->line += chunk->lines;
    return sb_bulk__tick(bulk, r->input, err);
}

sb_status sb_bulk__read_files(sb_bulk *bulk, sb_entity entity, sb_bulk_take take, sb_err *err)
{
    static const sb_pipe_steps steps = {.next = next_piece, .work = work_piece, .take = take_piece};
    reading r = {.bulk = bulk, .entity = entity, .take = take};
    sb_bulk_chunk chunks[SLOTS_MAX] = {{0}};
    void *slots[SLOTS_MAX];
    size_t slot_count = 2 * (size_t)bulk->threads + 1;
    sb_status st = SB_OK;

    if (slot_count > SLOTS_MAX) slot_count = SLOTS_MAX;
    sb_buffer_init(&r.carry, bulk->alloc);
    for (size_t i = 0; i < slot_count && st == SB_OK; i++) {
        st = sb_bulk__chunk_init(&chunks[i], bulk, err);
        slots[i] = &chunks[i];
    }
    if (st == SB_OK)
        st = sb_pipe__run(bulk->alloc, bulk->threads, &steps, &r, slots, slot_count, err);
    for (size_t i = 0; i < slot_count; i++)
        sb_bulk__chunk_deinit(&chunks[i]);
    sb_input__close(r.input);
    sb_buffer_deinit(&r.carry);
    return st;
}
