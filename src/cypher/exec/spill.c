/* spill.c — values as bytes: a kind, then what the kind needs. */
#include "cypher/exec/spill.h"

#define WRITE_BYTES (256u * 1024u)
#define READ_BYTES  (64u * 1024u)
/* Tests that force spilling: rows in memory. */
#define FORCED_ROWS 700u

bool sb_spill__is_due(const sb_exec *run, uint64_t kept)
{
    if (run->options.force_spill) return kept >= FORCED_ROWS;
    return run->budget.limit != 0 && run->budget.used > run->budget.limit / 2 && kept > 1;
}

void sb_spill__open(sb_exec *run, sb_spill *spill)
{
    *spill = (sb_spill){.run = run};
    sb_buffer_init(&spill->text, run->alloc);
}

void sb_spill__close(sb_spill *spill)
{
    if (spill->run == NULL) return;
    sb_file_close(spill->file);
    sb_buffer_deinit(&spill->text);
    spill->file = NULL;
    spill->size = 0;
}

/* ---- Writing ------------------------------------------------------------------------------------------------------ */

static sb_status put_bytes(sb_spill *s, const void *data, size_t bytes)
{
    return sb_buffer_append(&s->text, data, bytes) == SB_OK ? SB_OK : sb_exec__no_memory(s->run);
}

static sb_status put_u64(sb_spill *s, uint64_t word)
{
    return put_bytes(s, &word, sizeof word);
}

static sb_status put_text(sb_spill *s, const void *data, size_t bytes)
{
    SB_TRY(put_u64(s, bytes));
    return put_bytes(s, data, bytes);
}

/* Recursion is bounded by SB_VAL_DEPTH_MAX. */
static sb_status put_val(sb_spill *s, sb_val v)
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
    default: return put_bytes(s, &v, sizeof v);
    }
}

static sb_status write_out(sb_spill *s)
{
    sb_exec *run = s->run;
    sb_vfs *vfs = run->options.vfs;

    if (s->text.size == 0) return SB_OK;
    if (s->file == NULL) SB_TRY(vfs->ops->open_temporary(vfs, NULL, &s->file, run->err));
    SB_TRY(sb_file_write_all(s->file, s->size, s->text.data, s->text.size, run->err));
    s->size += s->text.size;
    sb_buffer_reset(&s->text);
    return SB_OK;
}

sb_status sb_spill__put(sb_spill *spill, sb_val v)
{
    SB_TRY(put_val(spill, v));
    return spill->text.size < WRITE_BYTES ? SB_OK : write_out(spill);
}

sb_status sb_spill__flush(sb_spill *spill, uint64_t *end)
{
    SB_TRY(write_out(spill));
    *end = spill->size;
    return SB_OK;
}

/* ---- Reading ------------------------------------------------------------------------------------------------------- */

void sb_spill__read(const sb_spill *spill, uint64_t begin, uint64_t end, sb_spill_reader *reader)
{
    *reader = (sb_spill_reader){.spill = spill, .at = begin, .end = end};
    sb_buffer_init(&reader->text, spill->run->alloc);
}

void sb_spill__read_close(sb_spill_reader *reader)
{
    sb_buffer_deinit(&reader->text);
}

bool sb_spill__at_end(const sb_spill_reader *reader)
{
    return reader->at == reader->end && reader->pos == reader->text.size;
}

/* At least bytes in text behind pos. */
static sb_status need(sb_spill_reader *r, size_t bytes)
{
    sb_exec *run = r->spill->run;
    const size_t have = r->text.size - r->pos;

    if (have >= bytes) return SB_OK;
    const size_t missing = bytes - have;
    const uint64_t left = r->end - r->at;
    if (SB_NEVER(missing > left))
        return SB_FAIL(run->err, SB_CORRUPT, "a temporary file ends inside a value");
    if (have != 0) memmove(r->text.data, r->text.data + r->pos, have);
    r->text.size = have;
    r->pos = 0;
    const size_t wanted = missing > READ_BYTES ? missing
                          : left < READ_BYTES  ? (size_t)left
                                               : READ_BYTES;
    if (sb_buffer_reserve(&r->text, wanted) != SB_OK) return sb_exec__no_memory(run);
    SB_TRY(sb_file_read_all(r->spill->file, r->at, r->text.data + have, wanted, run->err));
    r->text.size += wanted;
    r->at += wanted;
    return SB_OK;
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
    if (copy == NULL) return sb_exec__no_memory(r->spill->run);
    *text = sb_bytes_of(copy, (size_t)bytes);
    return get_bytes(r, copy, (size_t)bytes);
}

static sb_status get_list(sb_spill_reader *r, sb_arena *arena, sb_val *v)
{
    sb_exec *run = r->spill->run;
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
    sb_exec *run = r->spill->run;
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
    if (path == NULL || words == NULL) return sb_exec__no_memory(r->spill->run);
    *path = (sb_val_path){.length = length, .nodes = words, .rels = words + length + 1};
    *v = (sb_val){.kind = SB_VAL_PATH, .as.path = path};
    return get_bytes(r, words, (2 * (size_t)length + 1) * sizeof *words);
}

static sb_status get_boxed(sb_spill_reader *r, sb_arena *arena, uint8_t kind, sb_val *v)
{
    sb_value *boxed = sb_arena_alloc(arena, sizeof *boxed);

    if (boxed == NULL) return sb_exec__no_memory(r->spill->run);
    SB_TRY(get_bytes(r, boxed, sizeof *boxed));
    *v = (sb_val){.kind = kind, .as.boxed = boxed};
    if (kind != SB_VAL_DATETIME) return SB_OK;
    char *zone = sb_arena_alloc(arena, boxed->as.datetime.zone_size + 1u);
    if (zone == NULL) return sb_exec__no_memory(r->spill->run);
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
    default: return get_bytes(r, v, sizeof *v);
    }
}
