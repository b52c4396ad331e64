/* bulk_rels.c — relationships: gathered by type and range of sources (phase 3), each range sorted and built into the
 * relationship table and the outgoing lists while the other direction is gathered by range of targets (phase 4), and that
 * built into the incoming lists (phase 5).
 *
 * A record of phase 3: size, source - first source of its stream, target, file, properties. Of phase 5, which
 * comes in order of (source, id) within a stream: target - first target, and the differences of source and id to the
 * record before: five bytes where plain ids take 24. */
#include "graph/bulk_priv.h"

#include <stdio.h>
#include <stdlib.h>

/* A type's sources fall into this many streams once it has split_count relationships. */
#define STREAMS_LOG2 9u
/* Relationships in a stream of the other direction, about. */
#define REVERSE_RECORDS 32768u
#define REVERSE_MAX     2048u
/* A type with more has its lists built bottom-up when it has none yet. */
#define BUILD_MIN 4096u
/* Columns of a job are made at once up to this many values, else piece by piece. */
#define VALUES_MAX ((size_t)1 << 22)

/* ---- Phase 3 --------------------------------------------------------------------------------------------------- */

static sb_status find_type(sb_bulk *bulk, sb_type_id type, uint32_t *place, sb_err *err)
{
    const uint64_t *known = sb_map_find(&bulk->type_index, type);

    if (known != NULL) {
        *place = (uint32_t)*known;
        return SB_OK;
    }
    SB_TRY(sb_graph__grow(bulk->alloc, &bulk->types, sizeof *bulk->types, bulk->type_count + 1,
                          &bulk->type_capacity, err));
    sb_bulk_type made = {.type = type, .shift = 63};
    made.streams = sb_alloc_zero(bulk->alloc, sizeof *made.streams);
    if (made.streams == NULL) return SB_FAIL_NOMEM(err);
    made.stream_count = 1;
    if (sb_map_put(&bulk->type_index, type, bulk->type_count) != SB_OK) {
        sb_free(bulk->alloc, made.streams, sizeof *made.streams);
        return SB_FAIL_NOMEM(err);
    }
    bulk->types[bulk->type_count] = made;
    *place = (uint32_t)bulk->type_count++;
    return SB_OK;
}

/* Bits to shift so that offsets up to span fall into at most 2^parts_log2 parts. */
static unsigned shift_for(uint64_t span, unsigned parts_log2)
{
    const unsigned bits = span == 0 ? 0 : 64 - sb_clz64(span);
    return bits > parts_log2 ? bits - parts_log2 : 0;
}

static size_t put_offset(uint8_t *out, const sb_bulk *bulk, const sb_bulk_type *type,
                         sb_node_id source, size_t *stream)
{
    const uint64_t offset = source - bulk->first_node;

    *stream = (size_t)(offset >> type->shift);
    return sb_varint_encode(out, offset - ((uint64_t)*stream << type->shift));
}

/* The one stream of a type that has grown into one for each range of sources. */
static sb_status split_type(sb_bulk *bulk, sb_bulk_type *type, sb_err *err)
{
    const unsigned shift = shift_for(bulk->last_node - bulk->first_node, STREAMS_LOG2);
    const size_t count = (size_t)((bulk->last_node - bulk->first_node) >> shift) + 1;
    sb_spool *spool = &bulk->spools[SB_REL];
    sb_stream *made;
    sb_buffer data;
    sb_status st;

    if (count == 1) return SB_OK;
    made = sb_alloc_array(bulk->alloc, count, sizeof *made);
    if (made == NULL) return SB_FAIL_NOMEM(err);
    memset(made, 0, count * sizeof *made);
    sb_buffer_init(&data, bulk->alloc);
    st = sb_spool__read(spool, &type->streams[0], &data, err);
    if (st != SB_OK) {
        sb_free(bulk->alloc, made, count * sizeof *made);
        sb_buffer_deinit(&data);
        return st;
    }
    sb_spool__forget(spool, &type->streams[0]);
    sb_free(bulk->alloc, type->streams, type->stream_count * sizeof *made);
    type->streams = made;
    type->stream_count = count;
    type->shift = shift;
    const uint8_t *pos = data.data, *end = pos + data.size;
    while (pos != end && st == SB_OK) {
        uint8_t head[SB_VARINT_MAX_BYTES];
        uint64_t size, offset;
        size_t stream;
        if (!sb_varint_decode(&pos, end, &size) || size > (size_t)(end - pos)) break;
        const uint8_t *next = pos + size;
        if (!sb_varint_decode(&pos, next, &offset)) break;
        const size_t head_bytes = put_offset(head, bulk, type, bulk->first_node + offset, &stream);
        st = sb_spool__append(spool, &made[stream], head, head_bytes, pos, (size_t)(next - pos),
                              err);
        pos = next;
    }
    if (st == SB_OK && pos != end)
        st = SB_FAIL(err, SB_IO, "a record of the load came back damaged from the temporary file");
    sb_buffer_deinit(&data);
    return st;
}

/* Types of a chunk's :TYPE cells, by number; arena(chunk). */
static sb_status resolve_types(sb_bulk *bulk, sb_bulk_chunk *chunk, uint32_t **places, sb_err *err)
{
    const uint8_t *at = chunk->names.data;
    sb_type_id type = chunk->file->type;

    *places = sb_arena_alloc_array(chunk->arena, (size_t)chunk->name_count + 1, sizeof **places);
    if (*places == NULL) return SB_FAIL_NOMEM(err);
    (*places)[0] = UINT32_MAX;
    for (uint32_t n = 0; n <= chunk->name_count; n++) {
        if (n != 0) {
            const sb_bytes text = sb_bytes_of(at + 4, sb_load_le32(at));
            at += 4 + text.size;
            SB_TRY(sb_name_intern(sb_graph_view(bulk->graph), SB_NAME_TYPE, text, &type, err));
        }
        if (type != 0) SB_TRY(find_type(bulk, type, &(*places)[n], err));
    }
    return SB_OK;
}

/* With node ids of the graph as endpoints: do they exist? */
static sb_status check_endpoints(sb_bulk *bulk, const sb_bulk_chunk *chunk,
                                 const sb_bulk_head *head, bool *exist, sb_err *err)
{
    sb_bulk_problem problem = {.code = SB_NOT_FOUND,
                               .line = head->line,
                               .row_at = head->row_at,
                               .row_bytes = head->row_bytes};
    const uint64_t ends[2] = {head->number, head->hash};

    *exist = true;
    for (unsigned i = 0; i < 2 && *exist; i++) {
        uint8_t found = 0;
        SB_TRY(sb_rows_exist(bulk->graph->txn, sb_node_table(bulk->graph->view), &ends[i], 1,
                             &found, err));
        if ((found & 1) != 0) continue;
        *exist = false;
        if (bulk->options->skip_missing_endpoints) {
            bulk->result->skipped_rows++;
            return SB_OK;
        }
        problem.column = (i == 0 ? chunk->file->start_column : chunk->file->end_column) + 1;
        (void)snprintf(problem.text, sizeof problem.text, "there is no node %llu",
                       (unsigned long long)ends[i]);
        SB_TRY(sb_bulk__reject(bulk, chunk, &problem, err));
    }
    return SB_OK;
}

sb_status sb_bulk__take_rels(sb_bulk *bulk, sb_bulk_chunk *chunk, sb_err *err)
{
    uint32_t *places;

    if (chunk->out.size == 0) return SB_OK;
    const uint8_t *at = chunk->out.data, *end = at + chunk->out.size;
    SB_TRY(resolve_types(bulk, chunk, &places, err));
    while (at != end) {
        uint8_t offset[SB_VARINT_MAX_BYTES];
        sb_bulk_head head;
        size_t stream;

        memcpy(&head, at, sizeof head);
        const uint8_t *body = at + sizeof head;
        at = body + head.body_bytes;
        if (bulk->graph_ids) {
            bool exist;
            SB_TRY(check_endpoints(bulk, chunk, &head, &exist, err));
            if (!exist) continue;
        }
        sb_bulk_type *type = &bulk->types[places[head.name]];
        if (type->count == bulk->split_count && type->stream_count == 1)
            SB_TRY(split_type(bulk, type, err));
        const size_t offset_bytes = put_offset(offset, bulk, type, head.number, &stream);
        SB_TRY(sb_spool__append(&bulk->spools[SB_REL], &type->streams[stream], offset, offset_bytes,
                                body, head.body_bytes, err));
        type->count++;
        bulk->result->rels++;
    }
    return SB_OK;
}

/* ---- Jobs of phase 4 ------------------------------------------------------------------------------------------------ */

/* One stream of one type, sorted by (source, target, place). */
typedef struct rel_job {
    const sb_bulk *bulk;
    const sb_bulk_type *type;
    sb_stream *stream;
    sb_node_id base;
    bool last_of_type;
    uint64_t place; /* of its first record in the type */
    sb_buffer data, pairs, scratch, bodies, triples, ids, words;
    size_t count;
    bool decoded; /* batch holds all of it */
    uint64_t sort_ns;
    sb_batch batch;
    sb_status status;
    sb_err err;
} rel_job;

static uint64_t now(const rel_job *job)
{
    sb_vfs *vfs = job->bulk->options->vfs;
    return vfs->ops->monotonic_ns(vfs);
}

static sb_status fail_damaged(sb_err *err)
{
    return SB_FAIL(err, SB_IO, "a record of the load came back damaged from the temporary file");
}

static sb_status room(sb_buffer *buffer, size_t count, size_t size, sb_err *err)
{
    size_t bytes;

    sb_buffer_reset(buffer);
    if (!sb_mul_size(count, size, &bytes) || sb_buffer_reserve(buffer, bytes) != SB_OK)
        return SB_FAIL_NOMEM(err);
    return SB_OK;
}

/* Source, target and body of each record. triples: node, neighbor. */
static sb_status split_records(rel_job *job, sb_triple *triples, const uint8_t **bodies,
                               sb_err *err)
{
    const uint8_t *pos = job->data.data, *end = pos + job->data.size;
    size_t i = 0;

    for (; pos != end; i++) {
        uint64_t size, source, target;
        if (i == job->count || !sb_varint_decode(&pos, end, &size) || size > (size_t)(end - pos))
            return fail_damaged(err);
        const uint8_t *next = pos + size;
        if (!sb_varint_decode(&pos, next, &source) || !sb_varint_decode(&pos, next, &target))
            return fail_damaged(err);
        triples[i] = (sb_triple){.node = job->base + source, .neighbor = target};
        bodies[i] = pos;
        pos = next;
    }
    return i == job->count ? SB_OK : fail_damaged(err);
}

/* pairs[i].value: which record is the i-th. */
static void sort_records(rel_job *job, const sb_triple *triples, sb_pair *pairs, sb_pair *scratch)
{
    uint64_t sources = 0, targets = 0, least = UINT64_MAX;

    for (size_t i = 0; i < job->count; i++) {
        sources |= triples[i].node - job->base;
        targets = triples[i].neighbor > targets ? triples[i].neighbor : targets;
        least = triples[i].neighbor < least ? triples[i].neighbor : least;
    }
    const unsigned target_bits = targets == least ? 0 : 64 - sb_clz64(targets - least);
    const unsigned source_bits = sources == 0 ? 0 : 64 - sb_clz64(sources);
    if (target_bits + source_bits <= 63) {
        for (size_t i = 0; i < job->count; i++)
            pairs[i] = (sb_pair){.key = (triples[i].node - job->base) << target_bits |
                                        (triples[i].neighbor - least),
                                 .value = i};
        sb_bulk__sort(pairs, scratch, job->count);
        return;
    }
    for (size_t i = 0; i < job->count; i++)
        pairs[i] = (sb_pair){.key = triples[i].neighbor, .value = i};
    sb_bulk__sort(pairs, scratch, job->count);
    for (size_t i = 0; i < job->count; i++)
        pairs[i].key = triples[pairs[i].value].node;
    sb_bulk__sort(pairs, scratch, job->count);
}

static size_t slots_of(const sb_bulk *bulk)
{
    const sb_bulk_table *last = &bulk->files[SB_REL][bulk->file_counts[SB_REL] - 1];
    return last->first_slot + last->prop_count;
}

static sb_status prepare(rel_job *job, sb_err *err)
{
    const size_t count = (size_t)job->stream->records;

    job->count = count;
    job->decoded = false;
    SB_TRY(sb_spool__read(&job->bulk->spools[SB_REL], job->stream, &job->data, err));
    SB_TRY(room(&job->triples, count, 2 * sizeof(sb_triple), err)); /* as read, then sorted */
    SB_TRY(room(&job->pairs, count, sizeof(sb_pair), err));
    SB_TRY(room(&job->scratch, count, sizeof(sb_pair), err));
    SB_TRY(room(&job->bodies, count, 2 * sizeof(uint8_t *), err)); /* likewise */
    SB_TRY(room(&job->ids, count, sizeof(uint64_t), err));
    SB_TRY(room(&job->words, count, 3 * sizeof(uint64_t), err));
    sb_triple *triples = (sb_triple *)(void *)job->triples.data, *sorted = triples + count;
    const uint8_t **bodies = (const uint8_t **)(void *)job->bodies.data,
                  **sorted_bodies = bodies + count;
    sb_pair *pairs = (sb_pair *)(void *)job->pairs.data;
    uint64_t *words = (uint64_t *)(void *)job->words.data;
    SB_TRY(split_records(job, triples, bodies, err));
    const uint64_t started = now(job);
    sort_records(job, triples, pairs, (sb_pair *)(void *)job->scratch.data);
    job->sort_ns = now(job) - started;
    for (size_t i = 0; i < count; i++) {
        sorted[i] = triples[pairs[i].value];
        sorted_bodies[i] = bodies[pairs[i].value];
        words[i] = sorted[i].node;
        words[count + i] = sorted[i].neighbor;
        words[2 * count + i] = job->type->type;
    }
    if (count > VALUES_MAX / (slots_of(job->bulk) + 4)) return SB_OK;
    job->decoded = true;
    return sb_batch__decode(&job->batch, job->bulk, SB_REL, sorted_bodies,
                            job->data.data + job->data.size, count, err);
}

static void work_rels(void *ctx, void *slot)
{
    rel_job *job = slot;

    (void)ctx;
    sb_err_clear(&job->err);
    job->status = prepare(job, &job->err);
}

/* ---- Taking jobs ------------------------------------------------------------------------------------------------------- */

typedef struct rel_build {
    sb_bulk *bulk;
    sb_build *table;    /* NULL: rows are put */
    sb_tree lists_tree; /* of the type at hand, when it is built */
    sb_build *lists;    /* NULL: triples are inserted */
    sb_direction direction;
    size_t range; /* of rel_ranges, for next */
    size_t stream;
    uint64_t place;
    size_t take_range;
    bool type_begun;
    sb_map fresh; /* types whose lists are built bottom-up */
} rel_build;

/* Both directions of a type are built when it is new and large. */
static sb_status begin_lists(rel_build *b, const sb_bulk_type *type, sb_err *err)
{
    sb_graph *graph = b->bulk->graph;

    b->type_begun = true;
    if (sb_map_find(&b->fresh, type->type) == NULL) return SB_OK;
    SB_TRY(sb_adjacency_fresh(graph->view, type->type, b->direction, &b->lists_tree, err));
    return sb_build_open(graph->txn, &b->lists_tree, 100, &b->lists, err);
}

static sb_status end_lists(rel_build *b, const sb_bulk_type *type, sb_err *err)
{
    sb_build *lists = b->lists;

    b->type_begun = false;
    if (lists == NULL) return SB_OK;
    b->lists = NULL;
    SB_TRY(sb_build_finish(lists, err));
    return sb_adjacency_adopt(b->bulk->graph->view, type->type, b->direction, &b->lists_tree, err);
}

static sb_status put_lists(rel_build *b, const sb_bulk_type *type, const sb_triple *triples,
                           size_t count, sb_err *err)
{
    if (b->lists != NULL) return sb_build_triples(b->lists, triples, count, err);
    return sb_adjacency_insert(b->bulk->graph->view, type->type, b->direction, triples, count, err);
}

/* Statistics of one end: triples are sorted by node. */
static sb_status count_ends(rel_build *b, const sb_bulk_type *type, const sb_triple *triples,
                            size_t count, sb_err *err)
{
    size_t hint = 0, run_from = 0;
    sb_set_id run_set = 0;

    for (size_t i = 0; i < count; i++) {
        sb_set_id set;
        if (i != 0 && triples[i].node == triples[i - 1].node) continue;
        SB_TRY(sb_bulk__set_of(b->bulk, triples[i].node, &hint, &set, err));
        if (i != 0 && set == run_set) continue;
        if (i != 0)
            sb_stats_add_rels(b->bulk->graph->view, run_set, type->type, b->direction,
                              (int64_t)(i - run_from));
        run_set = set;
        run_from = i;
    }
    if (count != 0)
        sb_stats_add_rels(b->bulk->graph->view, run_set, type->type, b->direction,
                          (int64_t)(count - run_from));
    return SB_OK;
}

static sb_status gather_reverse(sb_bulk *bulk, sb_bulk_type *type, const sb_triple *triples,
                                size_t count, sb_err *err)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t record[3 * SB_VARINT_MAX_BYTES];
        const uint64_t offset = triples[i].neighbor - bulk->first_node;
        const uint64_t place = offset >> type->reverse_shift;
        sb_stream *stream = &type->reverse[place];
        size_t bytes = sb_varint_encode(record, offset - (place << type->reverse_shift));
        bytes += sb_varint_encode(record + bytes, triples[i].node - stream->last_source);
        bytes += sb_varint_encode(record + bytes, triples[i].rel - stream->last_rel);
        stream->last_source = triples[i].node;
        stream->last_rel = triples[i].rel;
        stream->records++;
        SB_TRY(sb_spool__append_raw(&bulk->reverse_spool, stream, record, bytes, err));
    }
    return SB_OK;
}

static sb_status put_rows(rel_build *b, rel_job *job, size_t from, size_t count, sb_err *err)
{
    sb_graph *graph = b->bulk->graph;
    const uint64_t *ids = (const uint64_t *)(const void *)job->ids.data + from;
    const uint64_t *words = (const uint64_t *)(const void *)job->words.data + from;

    SB_TRY(sb_origins__add(b->bulk, SB_REL, ids, job->batch.origins, count, err));
    SB_TRY(sb_batch__system(&job->batch, SB_COLUMN_SOURCE, words, err));
    SB_TRY(sb_batch__system(&job->batch, SB_COLUMN_TARGET, words + job->count, err));
    SB_TRY(sb_batch__system(&job->batch, SB_COLUMN_TYPE, words + 2 * job->count, err));
    const sb_rows rows = {.ids = ids,
                          .row_count = count,
                          .columns = job->batch.table,
                          .column_count = job->batch.table_count};
    if (b->table != NULL)
        SB_TRY(sb_build_rows(b->table, &rows, err));
    else
        SB_TRY(sb_rows_put(graph->txn, sb_rel_table(graph->view), &rows, err));
    job->batch.table_count -= 3;
    b->bulk->result->properties += job->batch.value_count;
    return b->table != NULL
               ? SB_OK
               : sb_batch__upkeep(&job->batch, graph, SB_REL, job->type->type, ids, count, err);
}

static sb_status put_all_rows(rel_build *b, rel_job *job, sb_err *err)
{
    const uint8_t *const *bodies =
        (const uint8_t *const *)(const void *)job->bodies.data + job->count;
    size_t step = VALUES_MAX / (slots_of(b->bulk) + 4);

    if (job->decoded) return put_rows(b, job, 0, job->count, err);
    if (step < 64) step = 64;
    for (size_t from = 0; from < job->count; from += step) {
        const size_t count = job->count - from < step ? job->count - from : step;
        SB_TRY(sb_batch__decode(&job->batch, b->bulk, SB_REL, bodies + from,
                                job->data.data + job->data.size, count, err));
        SB_TRY(put_rows(b, job, from, count, err));
    }
    return SB_OK;
}

static sb_status begin_reverse(sb_bulk *bulk, sb_bulk_type *type, sb_err *err)
{
    const uint64_t span = bulk->last_node - bulk->first_node;
    uint64_t parts = type->count / REVERSE_RECORDS + 1;

    parts = sb_pow2_ceil(parts > REVERSE_MAX ? REVERSE_MAX : parts);
    type->reverse_shift = shift_for(span, sb_ctz64(parts));
    const size_t count = (size_t)(span >> type->reverse_shift) + 1;
    type->reverse = sb_alloc_zero(bulk->alloc, count * sizeof *type->reverse);
    if (type->reverse == NULL) return SB_FAIL_NOMEM(err);
    type->reverse_count = count;
    return SB_OK;
}

static sb_status fail_job(sb_status status, const sb_err *job_err, sb_err *err)
{
    if (job_err->code == SB_OK) return SB_FAIL(err, status, "%s", sb_status_text(status));
    if (err != NULL) *err = *job_err;
    return status;
}

static sb_status take_rels(void *ctx, void *slot, sb_err *err)
{
    rel_build *b = ctx;
    rel_job *job = slot;
    sb_bulk *bulk = b->bulk;
    sb_bulk_type *type = &bulk->types[job->type - bulk->types];

    if (job->status != SB_OK) return fail_job(job->status, &job->err, err);
    bulk->result->sort_ns += job->sort_ns;
    if (!b->type_begun) {
        b->take_range = type->first_range;
        SB_TRY(begin_lists(b, type, err));
        SB_TRY(begin_reverse(bulk, type, err));
    }
    uint64_t *ids = (uint64_t *)(void *)job->ids.data;
    sb_triple *triples = (sb_triple *)(void *)job->triples.data + job->count;
    sb_bulk__ids_at(&bulk->rel_ranges, &b->take_range, job->place, job->count, ids);
    for (size_t i = 0; i < job->count; i++)
        triples[i].rel = ids[i];
    SB_TRY(put_all_rows(b, job, err));
    SB_TRY(put_lists(b, type, triples, job->count, err));
    SB_TRY(count_ends(b, type, triples, job->count, err));
    SB_TRY(gather_reverse(bulk, type, triples, job->count, err));
    sb_spool__release(&bulk->spools[SB_REL], job->stream);
    if (job->last_of_type) SB_TRY(end_lists(b, type, err));
    SB_TRY(sb_txn_spill(bulk->graph->txn, err));
    return sb_bulk__tick(bulk, NULL, err);
}

/* The next stream that is not empty, in order of ids. */
static bool next_stream(rel_build *b, bool reverse, const sb_bulk_type **type, sb_stream **stream,
                        size_t *index, bool *last)
{
    const sb_bulk_ranges *ranges = &b->bulk->rel_ranges;

    while (b->range < ranges->count) {
        const sb_bulk_type *t = &b->bulk->types[ranges->items[b->range].owner];
        sb_stream *streams = reverse ? t->reverse : t->streams;
        const size_t count = reverse ? t->reverse_count : t->stream_count;
        while (b->stream < count && streams[b->stream].records == 0)
            b->stream++;
        if (b->stream < count) {
            *type = t;
            *index = b->stream;
            *stream = &streams[b->stream++];
            while (b->stream < count && streams[b->stream].records == 0)
                b->stream++;
            *last = b->stream == count;
            return true;
        }
        b->range = t->first_range + t->range_count;
        b->stream = 0;
        b->place = 0;
    }
    return false;
}

static sb_status next_rels(void *ctx, void *slot, bool *more, sb_err *err)
{
    rel_build *b = ctx;
    rel_job *job = slot;
    size_t index;

    (void)err;
    *more = next_stream(b, false, &job->type, &job->stream, &index, &job->last_of_type);
    if (!*more) return SB_OK;
    job->place = b->place;
    b->place += job->stream->records;
    job->base = b->bulk->first_node + ((uint64_t)index << job->type->shift);
    return SB_OK;
}

/* ---- Phase 5 ------------------------------------------------------------------------------------------------------------------ */

static sb_status prepare_reverse(rel_job *job, sb_err *err)
{
    const size_t count = (size_t)job->stream->records;
    uint64_t source = 0, rel = 0;

    job->count = count;
    SB_TRY(sb_spool__read(&job->bulk->reverse_spool, job->stream, &job->data, err));
    SB_TRY(room(&job->triples, count, 2 * sizeof(sb_triple), err));
    SB_TRY(room(&job->pairs, count, sizeof(sb_pair), err));
    SB_TRY(room(&job->scratch, count, sizeof(sb_pair), err));
    sb_triple *triples = (sb_triple *)(void *)job->triples.data, *sorted = triples + count;
    sb_pair *pairs = (sb_pair *)(void *)job->pairs.data;
    const uint8_t *pos = job->data.data, *end = pos + job->data.size;
    for (size_t i = 0; i < count; i++) {
        uint64_t target, source_step, rel_step;
        if (!sb_varint_decode(&pos, end, &target) || !sb_varint_decode(&pos, end, &source_step) ||
            !sb_varint_decode(&pos, end, &rel_step))
            return fail_damaged(err);
        source += source_step;
        rel += rel_step;
        triples[i] = (sb_triple){.node = job->base + target, .neighbor = source, .rel = rel};
        pairs[i] = (sb_pair){.key = target, .value = i};
    }
    if (pos != end) return fail_damaged(err);
    const uint64_t started = now(job);
    sb_bulk__sort(pairs, (sb_pair *)(void *)job->scratch.data, count);
    job->sort_ns = now(job) - started;
    for (size_t i = 0; i < count; i++)
        sorted[i] = triples[pairs[i].value];
    return SB_OK;
}

static void work_reverse(void *ctx, void *slot)
{
    rel_job *job = slot;

    (void)ctx;
    sb_err_clear(&job->err);
    job->status = prepare_reverse(job, &job->err);
}

static sb_status take_reverse(void *ctx, void *slot, sb_err *err)
{
    rel_build *b = ctx;
    rel_job *job = slot;
    sb_bulk *bulk = b->bulk;
    const sb_triple *triples = (const sb_triple *)(const void *)job->triples.data + job->count;

    if (job->status != SB_OK) return fail_job(job->status, &job->err, err);
    bulk->result->sort_ns += job->sort_ns;
    if (!b->type_begun) SB_TRY(begin_lists(b, job->type, err));
    SB_TRY(put_lists(b, job->type, triples, job->count, err));
    SB_TRY(count_ends(b, job->type, triples, job->count, err));
    sb_spool__release(&bulk->reverse_spool, job->stream);
    if (job->last_of_type) SB_TRY(end_lists(b, job->type, err));
    SB_TRY(sb_txn_spill(bulk->graph->txn, err));
    return sb_bulk__tick(bulk, NULL, err);
}

static sb_status next_reverse(void *ctx, void *slot, bool *more, sb_err *err)
{
    rel_build *b = ctx;
    rel_job *job = slot;
    size_t index;

    (void)err;
    *more = next_stream(b, true, &job->type, &job->stream, &index, &job->last_of_type);
    if (*more) job->base = b->bulk->first_node + ((uint64_t)index << job->type->reverse_shift);
    return SB_OK;
}

/* ---- Both phases --------------------------------------------------------------------------------------------------------------- */

static sb_status number_rels(sb_bulk *bulk, sb_err *err)
{
    sb_bulk_ranges *ranges = &bulk->rel_ranges;

    for (size_t i = 0; i < bulk->type_count; i++)
        if (bulk->types[i].count != 0)
            SB_TRY(sb_bulk__take_ids(bulk, SB_REL, bulk->types[i].type, (uint32_t)i,
                                     bulk->types[i].count, err));
    sb_bulk__order_ranges(ranges, NULL);
    for (size_t i = ranges->count; i-- != 0;) {
        sb_bulk_type *type = &bulk->types[ranges->items[i].owner];
        type->first_range = i;
        type->range_count++;
    }
    return SB_OK;
}

static sb_status choose_fresh(rel_build *b, sb_err *err)
{
    sb_bulk *bulk = b->bulk;
    uint64_t existing, bias;

    for (size_t i = 0; i < bulk->type_count; i++) {
        const sb_bulk_type *type = &bulk->types[i];
        if (type->count < BUILD_MIN) continue;
        SB_TRY(sb_stats_rels_of_type(bulk->graph->view, type->type, &existing, err));
        if (existing != 0) continue;
        for (unsigned d = 0; d < 2; d++) {
            const sb_tree *tree =
                sb_adjacency_tree(bulk->graph->view, type->type, (sb_direction)d, &bias);
            /* A tree of its own that has been emptied may still have pages. */
            existing += tree != NULL && bias == 0 && tree->root != SB_PGNO_NONE;
        }
        if (existing == 0 && sb_map_put(&b->fresh, type->type, 1) != SB_OK)
            return SB_FAIL_NOMEM(err);
    }
    return SB_OK;
}

static void init_job(rel_job *job, const sb_bulk *bulk)
{
    sb_buffer *const buffers[] = {&job->data,    &job->pairs, &job->scratch, &job->bodies,
                                  &job->triples, &job->ids,   &job->words};

    *job = (rel_job){.bulk = bulk};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        sb_buffer_init(buffers[i], bulk->alloc);
    sb_batch__init(&job->batch, bulk->alloc);
}

static void deinit_job(rel_job *job)
{
    sb_buffer *const buffers[] = {&job->data,    &job->pairs, &job->scratch, &job->bodies,
                                  &job->triples, &job->ids,   &job->words};

    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        sb_buffer_deinit(buffers[i]);
    sb_batch__deinit(&job->batch);
}

static sb_status run_phase(rel_build *b, const sb_pipe_steps *steps, sb_direction direction,
                           sb_err *err)
{
    sb_bulk *bulk = b->bulk;
    rel_job jobs[8];
    void *slots[8];
    const size_t slot_count = 2 * (size_t)bulk->threads < 8 ? 2 * (size_t)bulk->threads : 8;
    sb_status st;

    b->direction = direction;
    b->range = b->stream = 0;
    b->place = 0;
    b->type_begun = false;
    for (size_t i = 0; i < slot_count; i++) {
        init_job(&jobs[i], bulk);
        slots[i] = &jobs[i];
    }
    st = sb_pipe__run(bulk->alloc, bulk->threads, steps, b, slots, slot_count, err);
    sb_build_abort(b->lists);
    b->lists = NULL;
    for (size_t i = 0; i < slot_count; i++)
        deinit_job(&jobs[i]);
    return st;
}

sb_status sb_bulk__build_rels(sb_bulk *bulk, sb_err *err)
{
    static const sb_pipe_steps forward = {.next = next_rels, .work = work_rels, .take = take_rels};
    static const sb_pipe_steps backward = {
        .next = next_reverse, .work = work_reverse, .take = take_reverse};
    rel_build b = {.bulk = bulk};
    sb_tree *table = sb_rel_table(bulk->graph->view);
    bool built = false;
    sb_status st;

    if (bulk->result->rels == 0) return SB_OK;
    SB_TRY(number_rels(bulk, err));
    sb_map_init(&b.fresh, bulk->alloc);
    st = choose_fresh(&b, err);
    if (st == SB_OK && table->root == SB_PGNO_NONE && bulk->rel_ranges.ascending)
        st = sb_build_open(bulk->graph->txn, table, 100, &b.table, err);
    if (st == SB_OK) st = run_phase(&b, &forward, SB_OUT, err);
    if (st == SB_OK && b.table != NULL) {
        sb_build *finished = b.table;
        b.table = NULL;
        built = true;
        st = sb_build_finish(finished, err);
    }
    if (st == SB_OK) st = run_phase(&b, &backward, SB_IN, err);
    if (st == SB_OK && built) st = sb_bulk__fill_indexes(bulk, SB_REL, err);
    sb_build_abort(b.table);
    sb_map_deinit(&b.fresh);
    return st;
}

void sb_bulk__rels_deinit(sb_bulk *bulk)
{
    for (size_t i = 0; i < bulk->type_count; i++) {
        sb_bulk_type *type = &bulk->types[i];
        for (size_t j = 0; j < type->stream_count; j++)
            sb_spool__release(&bulk->spools[SB_REL], &type->streams[j]);
        for (size_t j = 0; j < type->reverse_count; j++)
            sb_spool__release(&bulk->reverse_spool, &type->reverse[j]);
        sb_free(bulk->alloc, type->streams, type->stream_count * sizeof *type->streams);
        sb_free(bulk->alloc, type->reverse, type->reverse_count * sizeof *type->reverse);
    }
    sb_free(bulk->alloc, bulk->types, bulk->type_capacity * sizeof *bulk->types);
    sb_free(bulk->alloc, bulk->rel_ranges.items,
            bulk->rel_ranges.capacity * sizeof *bulk->rel_ranges.items);
    sb_map_deinit(&bulk->type_index);
}
