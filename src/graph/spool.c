/* spool.c — streams of bytes in memory up to a budget and in a temporary file past it (bulk B1, B2).
 * Pieces of a stream double from PIECE_MIN to PIECE_MAX, so that ten thousand small streams stay small. When the budget is
 * passed every stream's memory goes to the file, each as one extent, and reading gathers extents and memory. */
#include "graph/bulk_priv.h"

#define PIECE_MIN 240u
#define PIECE_MAX 16368u

struct sb_piece {
    sb_piece *next;
    uint32_t used, capacity;
    /* capacity bytes follow */
};

typedef struct sb_spool_extent {
    uint64_t at, bytes;
} sb_spool_extent;

static uint8_t *data_of(sb_piece *piece)
{
    return (uint8_t *)(piece + 1);
}

void sb_spool__init(sb_spool *spool, const sb_allocator *alloc, sb_vfs *vfs, size_t budget)
{
    *spool = (sb_spool){.alloc = alloc, .vfs = vfs, .budget = budget};
    sb_buffer_init(&spool->scratch, alloc);
}

void sb_spool__deinit(sb_spool *spool)
{
    sb_file_close(spool->file);
    sb_buffer_deinit(&spool->scratch);
    spool->file = NULL;
}

static void free_pieces(sb_spool *spool, sb_stream *stream)
{
    while (stream->first != NULL) {
        sb_piece *piece = stream->first;
        const size_t bytes = sizeof *piece + piece->capacity;
        stream->first = piece->next;
        spool->memory_bytes -= bytes;
        sb_free(spool->alloc, piece, bytes);
    }
    stream->last = NULL;
    stream->memory_bytes = 0;
}

void sb_spool__release(sb_spool *spool, sb_stream *stream)
{
    free_pieces(spool, stream);
    sb_free(spool->alloc, stream->extents, stream->extent_capacity * sizeof *stream->extents);
    stream->extents = NULL;
    stream->extent_count = stream->extent_capacity = 0;
}

void sb_spool__forget(sb_spool *spool, sb_stream *stream)
{
    sb_stream **link = &spool->streams;

    while (*link != NULL && *link != stream)
        link = &(*link)->next;
    if (*link != NULL) *link = stream->next;
    sb_spool__release(spool, stream);
}

/* The stream's memory to the end of the file. */
static sb_status spill_stream(sb_spool *spool, sb_stream *stream, sb_err *err)
{
    if (stream->memory_bytes == 0) return SB_OK;
    SB_TRY(sb_graph__grow(spool->alloc, &stream->extents, sizeof *stream->extents,
                          stream->extent_count + 1, &stream->extent_capacity, err));
    sb_buffer_reset(&spool->scratch);
    if (sb_buffer_reserve(&spool->scratch, (size_t)stream->memory_bytes) != SB_OK)
        return SB_FAIL_NOMEM(err);
    for (sb_piece *piece = stream->first; piece != NULL; piece = piece->next) {
        memcpy(spool->scratch.data + spool->scratch.size, data_of(piece), piece->used);
        spool->scratch.size += piece->used;
    }
    SB_TRY(sb_file_write_all(spool->file, spool->file_bytes, spool->scratch.data,
                             spool->scratch.size, err));
    stream->extents[stream->extent_count++] =
        (sb_spool_extent){.at = spool->file_bytes, .bytes = spool->scratch.size};
    spool->file_bytes += spool->scratch.size;
    spool->spilled_bytes += spool->scratch.size;
    free_pieces(spool, stream);
    return SB_OK;
}

static sb_status spill(sb_spool *spool, sb_err *err)
{
    if (spool->file == NULL)
        SB_TRY(spool->vfs->ops->open_temporary(spool->vfs, NULL, &spool->file, err));
    while (spool->streams != NULL) {
        sb_stream *stream = spool->streams;
        SB_TRY(spill_stream(spool, stream, err));
        spool->streams = stream->next;
        stream->listed = false;
    }
    return SB_OK;
}

static sb_status add_piece(sb_spool *spool, sb_stream *stream, sb_err *err)
{
    size_t capacity = stream->last == NULL ? PIECE_MIN : 2 * (size_t)stream->last->capacity;

    if (spool->memory_bytes > spool->budget) SB_TRY(spill(spool, err));
    if (capacity > PIECE_MAX) capacity = PIECE_MAX;
    sb_piece *piece = sb_alloc(spool->alloc, sizeof *piece + capacity);
    if (piece == NULL) return SB_FAIL_NOMEM(err);
    *piece = (sb_piece){.capacity = (uint32_t)capacity};
    spool->memory_bytes += sizeof *piece + capacity;
    if (stream->last == NULL)
        stream->first = piece;
    else
        stream->last->next = piece;
    stream->last = piece;
    if (!stream->listed) {
        stream->next = spool->streams;
        spool->streams = stream;
        stream->listed = true;
    }
    return SB_OK;
}

sb_status sb_spool__append_raw(sb_spool *spool, sb_stream *stream, const uint8_t *data,
                               size_t bytes, sb_err *err)
{
    while (bytes != 0) {
        sb_piece *piece = stream->last;
        if (piece == NULL || piece->used == piece->capacity) {
            SB_TRY(add_piece(spool, stream, err));
            piece = stream->last;
        }
        const size_t room = piece->capacity - piece->used, part = bytes < room ? bytes : room;
        memcpy(data_of(piece) + piece->used, data, part);
        piece->used += (uint32_t)part;
        stream->memory_bytes += part;
        stream->bytes += part;
        data += part;
        bytes -= part;
    }
    return SB_OK;
}

sb_status sb_spool__append(sb_spool *spool, sb_stream *stream, const uint8_t *head,
                           size_t head_bytes, const uint8_t *body, size_t body_bytes, sb_err *err)
{
    uint8_t size[SB_VARINT_MAX_BYTES];
    const size_t size_bytes = sb_varint_encode(size, head_bytes + body_bytes);
    sb_piece *piece = stream->last;

    stream->records++;
    /* The common case: all of it fits the piece at hand. */
    if (piece != NULL &&
        (size_t)(piece->capacity - piece->used) >= size_bytes + head_bytes + body_bytes) {
        uint8_t *out = data_of(piece) + piece->used;
        const size_t all = size_bytes + head_bytes + body_bytes;
        memcpy(out, size, size_bytes);
        if (head_bytes != 0) memcpy(out + size_bytes, head, head_bytes);
        memcpy(out + size_bytes + head_bytes, body, body_bytes);
        piece->used += (uint32_t)all;
        stream->memory_bytes += all;
        stream->bytes += all;
        return SB_OK;
    }
    SB_TRY(sb_spool__append_raw(spool, stream, size, size_bytes, err));
    SB_TRY(sb_spool__append_raw(spool, stream, head, head_bytes, err));
    return sb_spool__append_raw(spool, stream, body, body_bytes, err);
}

sb_status sb_spool__read(const sb_spool *spool, const sb_stream *stream, sb_buffer *out,
                         sb_err *err)
{
    sb_buffer_reset(out);
    if (stream->bytes > SIZE_MAX / 2 || sb_buffer_reserve(out, (size_t)stream->bytes) != SB_OK)
        return SB_FAIL_NOMEM(err);
    for (size_t i = 0; i < stream->extent_count; i++) {
        const sb_spool_extent *extent = &stream->extents[i];
        SB_TRY(sb_file_read_all(spool->file, extent->at, out->data + out->size,
                                (size_t)extent->bytes, err));
        out->size += (size_t)extent->bytes;
    }
    for (sb_piece *piece = stream->first; piece != NULL; piece = piece->next) {
        memcpy(out->data + out->size, data_of(piece), piece->used);
        out->size += piece->used;
    }
    return SB_OK;
}
