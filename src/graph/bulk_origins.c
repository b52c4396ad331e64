/* bulk_origins.c — from which row of which file a node or relationship of a load came: for the message when it breaks a constraint,
 * which shows only when all rows have their ids. Nothing is kept of nodes, or of relationships, unless there are constraints on
 * some, or the load makes constraints.
 * An entry is the differences of id and origin to those of the entry before, in streams of a spool. */
#include "graph/bulk_priv.h"

/* What is read at a time to find an entry. */
#define STREAM_BYTES ((uint64_t)1 << 20)

sb_status sb_origins__add_piece(sb_bulk *bulk, const sb_bulk_chunk *chunk, sb_err *err)
{
    sb_bulk_origins *o = &bulk->origins;

    if (!bulk->keeps_origins[SB_NODE] && !bulk->keeps_origins[SB_REL]) return SB_OK;
    SB_ASSERT(chunk->number == o->piece_count);
    SB_TRY(sb_graph__grow(bulk->alloc, &o->pieces, sizeof *o->pieces, o->piece_count + 1,
                          &o->piece_capacity, err));
    o->pieces[o->piece_count++] =
        (sb_bulk_piece){.file = chunk->file, .first_line = chunk->file->line + 1};
    return SB_OK;
}

static sb_status next_stream(sb_bulk *bulk, sb_entity entity, sb_stream **stream, sb_err *err)
{
    sb_bulk_origins *o = &bulk->origins;
    sb_bulk_entries *entries = &o->entries[entity];
    sb_stream *last = entries->count == 0 ? NULL : entries->streams[entries->count - 1];

    *stream = last;
    if (last != NULL && last->bytes < STREAM_BYTES) return SB_OK;
    SB_TRY(sb_graph__grow(bulk->alloc, &entries->streams, sizeof(sb_stream *), entries->count + 1,
                          &entries->capacity, err));
    last = sb_alloc_zero(bulk->alloc, sizeof *last);
    if (last == NULL) return SB_FAIL_NOMEM(err);
    entries->streams[entries->count++] = *stream = last;
    return SB_OK;
}

sb_status sb_origins__add(sb_bulk *bulk, sb_entity entity, const uint64_t *ids,
                          const uint64_t *origins, size_t count, sb_err *err)
{
    if (!bulk->keeps_origins[entity]) return SB_OK;
    for (size_t i = 0; i < count; i++) {
        uint8_t entry[2 * SB_VARINT_MAX_BYTES];
        sb_stream *stream;
        SB_TRY(next_stream(bulk, entity, &stream, err));
        size_t bytes = sb_varint_encode(entry, ids[i] - stream->last_rel);
        bytes +=
            sb_varint_encode(entry + bytes, sb_zigzag((int64_t)(origins[i] - stream->last_source)));
        stream->last_rel = ids[i];
        stream->last_source = origins[i];
        SB_TRY(sb_spool__append_raw(&bulk->origins.spool, stream, entry, bytes, err));
    }
    return SB_OK;
}

/* The entry of an id in a stream's bytes. */
static bool find_entry(const sb_buffer *data, uint64_t id, uint64_t *origin)
{
    const uint8_t *pos = data->data, *end = pos + data->size;
    uint64_t at = 0, step, change;

    *origin = 0;
    while (pos != end) {
        if (!sb_varint_decode(&pos, end, &step) || !sb_varint_decode(&pos, end, &change))
            return false;
        at += step;
        *origin += (uint64_t)sb_unzigzag(change);
        if (at == id) return true;
    }
    return false;
}

static bool find_origin(const sb_bulk *bulk, sb_entity entity, uint64_t id, uint64_t *origin)
{
    const sb_bulk_entries *entries = &bulk->origins.entries[entity];
    sb_buffer data;
    bool found = false;

    sb_buffer_init(&data, bulk->alloc);
    for (size_t i = 0; i < entries->count && !found; i++) {
        /* benign: without it the message names the id */
        if (sb_spool__read(&bulk->origins.spool, entries->streams[i], &data, NULL) != SB_OK) break;
        found = find_entry(&data, id, origin);
    }
    sb_buffer_deinit(&data);
    return found;
}

bool sb_origins__place(void *ctx, sb_entity entity, uint64_t id, sb_key_id key, sb_row_place *place)
{
    const sb_bulk *bulk = ctx;
    uint64_t origin;

    if (!find_origin(bulk, entity, id, &origin)) return false;
    if (origin >> 32 >= bulk->origins.piece_count) return false;
    const sb_bulk_piece *piece = &bulk->origins.pieces[origin >> 32];
    place->order = origin;
    place->line = piece->first_line + (uint32_t)origin;
    place->column = 0;
    for (size_t i = 0; i < piece->file->prop_count && place->column == 0 && key != 0; i++)
        if (piece->file->props[i].key == key) place->column = piece->file->props[i].column + 1;
    sb_bulk__describe(piece->file, place->line, place->column, place->text, sizeof place->text);
    return true;
}

void sb_origins__deinit(sb_bulk *bulk)
{
    sb_bulk_origins *o = &bulk->origins;

    for (unsigned e = 0; e < 2; e++) {
        for (size_t i = 0; i < o->entries[e].count; i++) {
            sb_spool__release(&o->spool, o->entries[e].streams[i]);
            sb_free(bulk->alloc, o->entries[e].streams[i], sizeof(sb_stream));
        }
        sb_free(bulk->alloc, o->entries[e].streams, o->entries[e].capacity * sizeof(sb_stream *));
    }
    sb_free(bulk->alloc, o->pieces, o->piece_capacity * sizeof *o->pieces);
    sb_spool__deinit(&o->spool);
}
