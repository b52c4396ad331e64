/* spill.c — values as bytes: a kind, then what the kind needs. */
#include "cypher/exec/spill.h"

/* Bytes that are written and read at once: a 512th of the budget, within these. */
#define PIECE_MIN 4096u
#define PIECE_MAX 65536u
/* An operator that holds less than this share of the budget does not spill. */
#define LEAST_SHARE 64u

/* Of the budget, what others do not hold. An operator may count a little more than it has taken. */
static size_t left_by_others(const sb_budget *budget, const sb_held *held)
{
    const size_t used = sb_budget__used(budget);
    const size_t others = used > held->bytes ? used - held->bytes : 0;

    return budget->limit > others ? budget->limit - others : 0;
}

/* What does not fit divided is done undivided (morsel.h), and spills then. */
static bool may_spill(const sb_exec *run)
{
    return !run->is_part && !run->divided;
}

bool sb_spill__is_urgent(const sb_exec *run, const sb_held *held)
{
    const size_t left = left_by_others(&run->budget, held);

    return may_spill(run) && run->budget.limit != 0 && held->bytes + held->growth > left - left / 8;
}

bool sb_spill__is_due(const sb_exec *run, const sb_held *held)
{
    if (!may_spill(run)) return false;
    if (run->options->force_spill != 0) return held->rows >= run->options->force_spill;
    if (run->budget.limit == 0 || held->rows < 2 || held->bytes < run->budget.limit / LEAST_SHARE)
        return false;
    return held->bytes > left_by_others(&run->budget, held) / 2 || sb_spill__is_urgent(run, held);
}

bool sb_spill__affords(const sb_exec *run, size_t bytes)
{
    const sb_budget *budget = &run->budget;
    const size_t most = budget->limit - budget->limit / 4;

    return !may_spill(run) || budget->limit == 0 ||
           (bytes <= most && sb_budget__used(budget) <= most - bytes);
}

size_t sb_spill__piece_bytes(const sb_exec *run)
{
    const size_t share = run->budget.limit / 512;

    if (run->budget.limit == 0 || share > PIECE_MAX) return PIECE_MAX;
    return share < PIECE_MIN ? PIECE_MIN : share;
}

void sb_spill__open(sb_operator *op, sb_spill *spill)
{
    *spill = (sb_spill){.op = op};
}

void sb_spill__close(sb_spill *spill)
{
    if (spill->file != NULL) sb_memory_close_file(spill->op->run->options->reclaim, spill->file);
    spill->file = NULL;
    spill->size = 0;
}

void sb_spill__stream_open(sb_spill *spill, sb_spill_stream *stream)
{
    *stream = (sb_spill_stream){.spill = spill};
    sb_buffer_init(&stream->text, spill->op->run->alloc);
    sb_buffer_init(&stream->extents, spill->op->run->alloc);
}

void sb_spill__stream_close(sb_spill_stream *stream)
{
    if (stream->spill == NULL) return;
    sb_buffer_deinit(&stream->text);
    sb_buffer_deinit(&stream->extents);
    stream->spill = NULL;
}

bool sb_spill__is_empty(const sb_spill_stream *stream)
{
    return stream->text.size == 0 && stream->extents.size == 0;
}

/* ---- Writing ------------------------------------------------------------------------------------------------------ */

static sb_status put_bytes(sb_spill_stream *s, const void *data, size_t bytes)
{
    return sb_buffer_append(&s->text, data, bytes) == SB_OK ? SB_OK
                                                            : sb_exec__no_memory(s->spill->op->run);
}

static sb_status put_u64(sb_spill_stream *s, uint64_t word)
{
    return put_bytes(s, &word, sizeof word);
}

static sb_status put_text(sb_spill_stream *s, const void *data, size_t bytes)
{
    SB_TRY(put_u64(s, bytes));
    return put_bytes(s, data, bytes);
}

/* Recursion is bounded by SB_VAL_DEPTH_MAX. */
static sb_status put_val(sb_spill_stream *s, sb_val v)
{
    SB_TRY(put_bytes(s, &v.kind, 1));
    switch (v.kind) {
    case SB_VAL_NULL: return SB_OK;
    case SB_VAL_STRING:
    case SB_VAL_BYTES: return put_text(s, v.as.text, v.aux);
    case SB_VAL_LIST:
        SB_TRY(put_u64(s, v.as.list->count));
        for (uint64_t i = 0; i < v.as.list->count; i++)
            SB_TRY(put_val(s, v.as.list->items[i]));
        return SB_OK;
    case SB_VAL_MAP:
        SB_TRY(put_u64(s, v.as.map->count));
        for (uint32_t i = 0; i < v.as.map->count; i++) {
            SB_TRY(put_text(s, v.as.map->entries[i].key.data, v.as.map->entries[i].key.size));
            SB_TRY(put_val(s, v.as.map->entries[i].value));
        }
        return SB_OK;
    case SB_VAL_PATH:
        SB_TRY(put_u64(s, v.as.path->length));
        SB_TRY(put_bytes(s, v.as.path->nodes, (size_t)(v.as.path->length + 1) * sizeof(uint64_t)));
        return put_bytes(s, v.as.path->rels, (size_t)v.as.path->length * sizeof(uint64_t));
    case SB_VAL_DATETIME:
    case SB_VAL_DURATION:
    case SB_VAL_POINT:
        SB_TRY(put_bytes(s, v.as.boxed, sizeof *v.as.boxed));
        return v.kind == SB_VAL_DATETIME
                   ? put_bytes(s, v.as.boxed->as.datetime.zone, v.as.boxed->as.datetime.zone_size)
                   : SB_OK;
    case SB_VAL_INT:
    case SB_VAL_FLOAT:
    case SB_VAL_NODE:
    case SB_VAL_REL: return put_bytes(s, &v.as, sizeof v.as);
    default: return put_bytes(s, &v, sizeof v);
    }
}

static sb_spill_extent *extents_of(const sb_spill_stream *s)
{
    return (sb_spill_extent *)(void *)s->extents.data;
}

/* A piece behind the one before it makes that one longer. */
static sb_status note_extent(sb_spill_stream *s, uint64_t begin, uint64_t end)
{
    const size_t count = s->extents.size / sizeof(sb_spill_extent);
    const sb_spill_extent extent = {begin, end};

    if (count != 0 && extents_of(s)[count - 1].end == begin) {
        extents_of(s)[count - 1].end = end;
        return SB_OK;
    }
    return sb_buffer_append(&s->extents, &extent, sizeof extent) == SB_OK
               ? SB_OK
               : sb_exec__no_memory(s->spill->op->run);
}

static void count_bytes(const sb_spill_stream *s)
{
    const sb_operator *op = s->spill->op;

    if (op->run->profile == NULL) return;
    sb_exec_operator_profile *profile = &op->run->profile[op->plan->number];
    profile->spilled_bytes += s->text.size;
    profile->spilled_parts += s->extents.size == 0;
}

static sb_status write_out(sb_spill_stream *s)
{
    sb_spill *spill = s->spill;
    sb_exec *run = spill->op->run;
    sb_vfs *vfs = run->options->vfs;

    if (s->text.size == 0) return SB_OK;
    SB_TRY(sb_exec__tick(run));
    if (spill->file == NULL) SB_TRY(vfs->ops->open_temporary(vfs, NULL, &spill->file, run->err));
    SB_TRY(sb_file_write_all(spill->file, spill->size, s->text.data, s->text.size, run->err));
    count_bytes(s);
    SB_TRY(note_extent(s, spill->size, spill->size + s->text.size));
    spill->size += s->text.size;
    sb_buffer_reset(&s->text);
    return SB_OK;
}

sb_status sb_spill__put(sb_spill_stream *stream, sb_val v)
{
    SB_TRY(put_val(stream, v));
    return stream->text.size < sb_spill__piece_bytes(stream->spill->op->run) ? SB_OK
                                                                             : write_out(stream);
}

sb_status sb_spill__flush(sb_spill_stream *stream)
{
    SB_TRY(write_out(stream));
    sb_buffer_deinit(&stream->text);
    return SB_OK;
}

/* ---- Reading ------------------------------------------------------------------------------------------------------- */

static sb_exec *run_of(const sb_spill_reader *r)
{
    return r->stream->spill->op->run;
}

void sb_spill__read(const sb_spill_stream *stream, sb_spill_reader *reader)
{
    *reader = (sb_spill_reader){.stream = stream};
    if (stream->extents.size != 0) reader->at = extents_of(stream)[0].begin;
    sb_buffer_init(&reader->text, run_of(reader)->alloc);
}

void sb_spill__read_close(sb_spill_reader *reader)
{
    if (reader->stream == NULL) return;
    sb_buffer_deinit(&reader->text);
    reader->stream = NULL;
}

/* Bytes of the extent at hand that have not been read; the next one is taken when it has none. */
static uint64_t bytes_left(sb_spill_reader *r)
{
    const size_t count = r->stream->extents.size / sizeof(sb_spill_extent);

    if (r->extent == count) return 0;
    if (r->at == extents_of(r->stream)[r->extent].end) {
        if (++r->extent == count) return 0;
        r->at = extents_of(r->stream)[r->extent].begin;
    }
    return extents_of(r->stream)[r->extent].end - r->at;
}

bool sb_spill__at_end(const sb_spill_reader *reader)
{
    const size_t count = reader->stream->extents.size / sizeof(sb_spill_extent);

    return reader->pos == reader->text.size &&
           (reader->extent == count ||
            (reader->extent == count - 1 &&
             reader->at == extents_of(reader->stream)[reader->extent].end));
}

/* At least bytes in text behind pos. */
static sb_status need(sb_spill_reader *r, size_t bytes)
{
    sb_exec *run = run_of(r);
    const size_t have = r->text.size - r->pos;

    if (have >= bytes) return SB_OK;
    if (have != 0) memmove(r->text.data, r->text.data + r->pos, have);
    r->text.size = have;
    r->pos = 0;
    while (r->text.size < bytes) {
        const uint64_t left = bytes_left(r);
        const size_t missing = bytes - r->text.size, most = missing > sb_spill__piece_bytes(run)
                                                                ? missing
                                                                : sb_spill__piece_bytes(run);
        if (SB_NEVER(left == 0))
            return SB_FAIL(run->err, SB_CORRUPT, "a temporary file ends inside a value");
        const size_t taken = left < most ? (size_t)left : most;
        if (sb_buffer_reserve(&r->text, taken) != SB_OK) return sb_exec__no_memory(run);
        SB_TRY(sb_file_read_all(r->stream->spill->file, r->at, r->text.data + r->text.size, taken,
                                run->err));
        r->text.size += taken;
        r->at += taken;
    }
    return sb_exec__tick(run);
}

static sb_status get_bytes(sb_spill_reader *r, void *data, size_t bytes)
{
    SB_TRY(need(r, bytes));
    if (bytes != 0) memcpy(data, r->text.data + r->pos, bytes);
    r->pos += bytes;
    return SB_OK;
}

static sb_status get_u64(sb_spill_reader *r, uint64_t *word)
{
    return get_bytes(r, word, sizeof *word);
}

static sb_status get_text(sb_spill_reader *r, sb_arena *arena, sb_bytes *text)
{
    uint64_t bytes;
    uint8_t *copy;

    SB_TRY(get_u64(r, &bytes));
    copy = sb_arena_alloc(arena, (size_t)bytes);
    if (copy == NULL) return sb_exec__no_memory(run_of(r));
    *text = sb_bytes_of(copy, (size_t)bytes);
    return get_bytes(r, copy, (size_t)bytes);
}

static sb_status get_list(sb_spill_reader *r, sb_arena *arena, sb_val *v)
{
    sb_exec *run = run_of(r);
    uint64_t count;

    SB_TRY(get_u64(r, &count));
    sb_val_list *list = sb_val_list_make(arena, count);
    if (list == NULL) return sb_exec__no_memory(run);
    for (uint64_t i = 0; i < count; i++)
        SB_TRY(sb_spill__get(r, arena, &list->items[i]));
    return sb_val_list_seal(list, v, run->err);
}

static sb_status get_map(sb_spill_reader *r, sb_arena *arena, sb_val *v)
{
    sb_exec *run = run_of(r);
    uint64_t count;

    SB_TRY(get_u64(r, &count));
    sb_val_map *map = sb_val_map_make(arena, count);
    if (map == NULL) return sb_exec__no_memory(run);
    for (uint64_t i = 0; i < count; i++) {
        SB_TRY(get_text(r, arena, &map->entries[i].key));
        SB_TRY(sb_spill__get(r, arena, &map->entries[i].value));
    }
    return sb_val_map_seal(map, v, run->err);
}

static sb_status get_path(sb_spill_reader *r, sb_arena *arena, sb_val *v)
{
    sb_val_path *path = sb_arena_alloc(arena, sizeof *path);
    uint64_t length;

    SB_TRY(get_u64(r, &length));
    uint64_t *words = sb_arena_alloc_array(arena, 2 * (size_t)length + 1, sizeof *words);
    if (path == NULL || words == NULL) return sb_exec__no_memory(run_of(r));
    *path = (sb_val_path){.length = length, .nodes = words, .rels = words + length + 1};
    *v = (sb_val){.kind = SB_VAL_PATH, .as.path = path};
    return get_bytes(r, words, (2 * (size_t)length + 1) * sizeof *words);
}

static sb_status get_boxed(sb_spill_reader *r, sb_arena *arena, uint8_t kind, sb_val *v)
{
    sb_value *boxed = sb_arena_alloc(arena, sizeof *boxed);

    if (boxed == NULL) return sb_exec__no_memory(run_of(r));
    SB_TRY(get_bytes(r, boxed, sizeof *boxed));
    *v = (sb_val){.kind = kind, .as.boxed = boxed};
    if (kind != SB_VAL_DATETIME) return SB_OK;
    char *zone = sb_arena_alloc(arena, boxed->as.datetime.zone_size + 1u);
    if (zone == NULL) return sb_exec__no_memory(run_of(r));
    zone[boxed->as.datetime.zone_size] = '\0';
    if (boxed->as.datetime.zone != NULL) boxed->as.datetime.zone = zone;
    return get_bytes(r, zone, boxed->as.datetime.zone_size);
}

sb_status sb_spill__get(sb_spill_reader *r, sb_arena *arena, sb_val *v)
{
    uint8_t kind;
    sb_bytes text;

    SB_TRY(get_bytes(r, &kind, 1));
    switch (kind) {
    case SB_VAL_NULL: *v = SB_VAL_NULL_VALUE; return SB_OK;
    case SB_VAL_STRING:
    case SB_VAL_BYTES:
        SB_TRY(get_text(r, arena, &text));
        *v = (sb_val){.kind = kind, .aux = (uint32_t)text.size, .as.text = text.data};
        return SB_OK;
    case SB_VAL_LIST: return get_list(r, arena, v);
    case SB_VAL_MAP: return get_map(r, arena, v);
    case SB_VAL_PATH: return get_path(r, arena, v);
    case SB_VAL_DATETIME:
    case SB_VAL_DURATION:
    case SB_VAL_POINT: return get_boxed(r, arena, kind, v);
    case SB_VAL_INT:
    case SB_VAL_FLOAT:
    case SB_VAL_NODE:
    case SB_VAL_REL: *v = (sb_val){.kind = kind}; return get_bytes(r, &v->as, sizeof v->as);
    default: return get_bytes(r, v, sizeof *v);
    }
}

/* ---- Kept rows --------------------------------------------------------------------------------------------------------- */

sb_status sb_spill__put_rows(sb_spill *spill, sb_spill_stream *stream, sb_kept *kept)
{
    if (stream->spill == NULL) sb_spill__stream_open(spill, stream);
    for (uint64_t i = 0; i < kept->count; i++) {
        const sb_val *row = sb_kept__row(kept, i);
        for (uint32_t c = 0; c < kept->width; c++)
            SB_TRY(sb_spill__put(stream, row[c]));
    }
    sb_kept__clear(kept);
    return SB_OK;
}

sb_status sb_spill__put_due_rows(sb_spill *spill, sb_spill_stream *stream, sb_kept *kept)
{
    const sb_held held = {.bytes = sb_kept__bytes(kept),
                          .growth = sb_kept__growth(kept, SB_BATCH_ROWS),
                          .rows = kept->count};

    return kept->width != 0 && sb_spill__is_due(spill->op->run, &held)
               ? sb_spill__put_rows(spill, stream, kept)
               : SB_OK;
}

sb_status sb_spill__get_rows(sb_spill_reader *reader, uint64_t most, sb_kept *kept)
{
    sb_val *to;

    sb_kept__clear(kept);
    while (kept->count < most && !sb_spill__at_end(reader)) {
        SB_TRY(sb_kept__room(kept, &to));
        for (uint32_t c = 0; c < kept->width; c++)
            SB_TRY(sb_spill__get(reader, kept->arena, &to[c]));
        kept->count++;
        kept->vals.size += kept->width * sizeof(sb_val);
    }
    return SB_OK;
}
