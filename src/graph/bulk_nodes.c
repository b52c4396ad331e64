/* bulk_nodes.c — nodes: rows gathered by label set and their ids entered (phase 1), then rows built set by set (phase 2). */
#include "graph/bulk_priv.h"

#include <stdio.h>
#include <stdlib.h>

/* A stream of a set is one piece of work of phase 2. */
#define STREAM_RECORDS 8192u
#define STREAM_BYTES   ((uint64_t)1 << 20)
/* A value in the id tables during phase 1: set number << PLACE_BITS | place + 1. */
#define PLACE_BITS 40u
#define PLACE_MASK (((uint64_t)1 << PLACE_BITS) - 1)

/* ---- Label sets ------------------------------------------------------------------------------------------------ */

static int compare_labels(const void *a, const void *b)
{
    const sb_label_id *x = a, *y = b;
    return *x < *y ? -1 : *x > *y ? 1 : 0;
}

sb_status sb_bulk__labels(sb_bulk *bulk, sb_bytes text, const sb_label_id *base, size_t base_count,
                          sb_arena *arena, sb_label_id **labels, size_t *count, sb_err *err)
{
    const char delimiters[3] = {':', bulk->options->array_delimiter, '\0'};
    size_t pos = 0, kept = 0;
    sb_bytes item;
    bool nomem;

    /* Each label but the last one ends with a delimiter. */
    *count = 0;
    *labels = sb_arena_alloc_array(arena, base_count + text.size + 1, sizeof **labels);
    if (*labels == NULL) return SB_FAIL_NOMEM(err);
    for (size_t i = 0; i < base_count; i++)
        (*labels)[(*count)++] = base[i];
    while (sb_text_next_item(text, &pos, delimiters, arena, &item, &nomem)) {
        if (item.size == 0) continue; /* "Person:" and "A::B" */
        SB_TRY(sb_name_intern(sb_graph_view(bulk->graph), SB_NAME_LABEL, item,
                              &(*labels)[(*count)++], err));
    }
    if (nomem) return SB_FAIL_NOMEM(err);
    if (*count > 1) qsort(*labels, *count, sizeof **labels, compare_labels);
    for (size_t i = 0; i < *count; i++)
        if (kept == 0 || (*labels)[kept - 1] != (*labels)[i]) (*labels)[kept++] = (*labels)[i];
    *count = kept;
    return SB_OK;
}

static sb_status find_set(sb_bulk *bulk, sb_set_id set, uint32_t *place, sb_err *err)
{
    const uint64_t *known = sb_map_find(&bulk->set_index, set);

    if (known != NULL) {
        *place = (uint32_t)*known;
        return SB_OK;
    }
    if (bulk->set_count >= ((size_t)1 << (64 - PLACE_BITS)))
        return SB_FAIL(err, SB_LIMIT, "more than 2^24 label sets");
    SB_TRY(sb_graph__grow(bulk->alloc, &bulk->sets, sizeof *bulk->sets, bulk->set_count + 1,
                          &bulk->set_capacity, err));
    if (sb_map_put(&bulk->set_index, set, bulk->set_count) != SB_OK) return SB_FAIL_NOMEM(err);
    bulk->sets[bulk->set_count] = (sb_bulk_set){.set = set};
    *place = (uint32_t)bulk->set_count++;
    return SB_OK;
}

/* Sets of the texts of a chunk's :LABEL cells, by number; arena(chunk). */
static sb_status resolve_names(sb_bulk *bulk, sb_bulk_chunk *chunk, uint32_t **places, sb_err *err)
{
    const uint8_t *at = chunk->names.data;
    const sb_bulk_table *file = chunk->file;
    sb_set_id set = file->set;

    *places = sb_arena_alloc_array(chunk->arena, (size_t)chunk->name_count + 1, sizeof **places);
    if (*places == NULL) return SB_FAIL_NOMEM(err);
    for (uint32_t n = 0; n <= chunk->name_count; n++) {
        if (n != 0) {
            sb_label_id *labels;
            size_t label_count;
            const sb_bytes text = sb_bytes_of(at + 4, sb_load_le32(at));
            at += 4 + text.size;
            SB_TRY(sb_bulk__labels(bulk, text, file->labels, file->label_count, chunk->arena,
                                   &labels, &label_count, err));
            SB_TRY(sb_set_intern(sb_graph_view(bulk->graph), labels, label_count, &set, err));
        }
        SB_TRY(find_set(bulk, set, &(*places)[n], err));
    }
    return SB_OK;
}

/* ---- Phase 1 -------------------------------------------------------------------------------------------------------- */

static sb_status stream_of(sb_bulk *bulk, sb_bulk_set *set, sb_stream **stream, sb_err *err)
{
    sb_stream *last = set->stream_count == 0 ? NULL : set->streams[set->stream_count - 1];

    *stream = last;
    if (last != NULL && last->records < STREAM_RECORDS && last->bytes < STREAM_BYTES) return SB_OK;
    SB_TRY(sb_graph__grow(bulk->alloc, &set->streams, sizeof(sb_stream *), set->stream_count + 1,
                          &set->stream_capacity, err));
    last = sb_alloc_zero(bulk->alloc, sizeof *last);
    if (last == NULL) return SB_FAIL_NOMEM(err);
    set->streams[set->stream_count++] = *stream = last;
    return SB_OK;
}

static sb_status reject_duplicate(sb_bulk *bulk, const sb_bulk_chunk *chunk,
                                  const sb_bulk_head *head, const uint8_t *id, sb_err *err)
{
    const sb_bytes group = bulk->groups[chunk->file->id_group].name;
    const char *in = group.size == 0 ? "" : " in group ",
               *name = group.size == 0 ? "" : (const char *)group.data;
    const int group_size = (int)(group.size < 60 ? group.size : 60);
    sb_bulk_problem problem = {.code = SB_EXISTS,
                               .line = head->line,
                               .column = chunk->file->id_columns[0] + 1,
                               .row_at = head->row_at,
                               .row_bytes = head->row_bytes};

    if (bulk->options->skip_duplicate_ids) {
        bulk->result->skipped_rows++;
        return SB_OK;
    }
    if (head->id_kind == 1)
        (void)snprintf(problem.text, sizeof problem.text,
                       "'%llu' is the id of an earlier node%s%.*s",
                       (unsigned long long)head->number, in, group_size, name);
    else
        (void)snprintf(problem.text, sizeof problem.text,
                       "'%.*s' is the id of an earlier node%s%.*s",
                       (int)(head->id_bytes < 80 ? head->id_bytes : 80), (const char *)id, in,
                       group_size, name);
    return sb_bulk__reject(bulk, chunk, &problem, err);
}

sb_status sb_bulk__take_nodes(sb_bulk *bulk, sb_bulk_chunk *chunk, sb_err *err)
{
    sb_bulk_table *file = chunk->file;
    uint32_t *places;

    if (chunk->out.size == 0) return SB_OK;
    const uint8_t *at = chunk->out.data, *end = at + chunk->out.size;
    SB_TRY(resolve_names(bulk, chunk, &places, err));
    while (at != end) {
        sb_bulk_head head;
        sb_stream *stream;
        uint64_t existing = 0;

        memcpy(&head, at, sizeof head);
        const uint8_t *id = at + sizeof head, *body = id + head.id_bytes;
        at = body + head.body_bytes;
        sb_bulk_set *set = &bulk->sets[places[head.name]];
        if (set->count >= PLACE_MASK) return SB_FAIL(err, SB_LIMIT, "more than 2^40 nodes");
        if (head.id_kind != 0) {
            const sb_id_cell cell = {.is_number = head.id_kind == 1,
                                     .number = head.number,
                                     .text = sb_bytes_of(id, head.id_bytes),
                                     .hash = head.hash};
            const uint64_t value = (uint64_t)places[head.name] << PLACE_BITS | (set->count + 1);
            SB_TRY(sb_ids__add(&bulk->groups[file->id_group].ids, &cell, value, &existing, err));
        }
        if (existing != 0) {
            SB_TRY(reject_duplicate(bulk, chunk, &head, id, err));
            continue;
        }
        SB_TRY(stream_of(bulk, set, &stream, err));
        SB_TRY(
            sb_spool__append(&bulk->spools[SB_NODE], stream, NULL, 0, body, head.body_bytes, err));
        set->count++;
        bulk->result->nodes++;
    }
    return SB_OK;
}

/* ---- Ids ------------------------------------------------------------------------------------------------------------------ */

#define IDS_AT_ONCE 65536u

sb_status sb_bulk__take_ids(sb_bulk *bulk, sb_entity entity, uint32_t set_or_type, uint32_t owner,
                            uint64_t count, sb_err *err)
{
    sb_bulk_ranges *ranges = entity == SB_NODE ? &bulk->node_ranges : &bulk->rel_ranges;
    sb_view *view = sb_graph_view(bulk->graph);
    const size_t most = count < IDS_AT_ONCE ? (size_t)count : IDS_AT_ONCE;
    uint64_t *ids = sb_alloc_array(bulk->alloc, most, sizeof *ids);
    sb_status st = SB_OK;

    if (ids == NULL) return SB_FAIL_NOMEM(err);
    for (uint64_t place = 0; place < count && st == SB_OK;) {
        const size_t part = count - place < most ? (size_t)(count - place) : most;
        st = entity == SB_NODE ? sb_ids_take_nodes(view, set_or_type, part, ids, err)
                               : sb_ids_take_rels(view, set_or_type, part, ids, err);
        for (size_t i = 0; i < part && st == SB_OK; i++, place++) {
            sb_bulk_range *last = ranges->count == 0 ? NULL : &ranges->items[ranges->count - 1];
            if (last != NULL && last->owner == owner && last->first + last->count == ids[i]) {
                last->count++;
                continue;
            }
            st = sb_graph__grow(bulk->alloc, &ranges->items, sizeof *ranges->items,
                                ranges->count + 1, &ranges->capacity, err);
            if (st != SB_OK) continue;
            SB_ASSERT(ranges->items != NULL);
            ranges->items[ranges->count++] =
                (sb_bulk_range){.first = ids[i], .count = 1, .place = place, .owner = owner};
        }
    }
    sb_free(bulk->alloc, ids, most * sizeof *ids);
    return st;
}

void sb_bulk__ids_at(const sb_bulk_ranges *ranges, size_t *range, uint64_t place, size_t count,
                     uint64_t *ids)
{
    for (size_t done = 0; done < count;) {
        const sb_bulk_range *r = &ranges->items[*range];
        if (place + done >= r->place + r->count) {
            ++*range;
            continue;
        }
        const uint64_t offset = place + done - r->place;
        for (uint64_t i = offset; i < r->count && done < count; i++)
            ids[done++] = r->first + i;
    }
}

static int compare_ids(const void *a, const void *b)
{
    const sb_bulk_range *x = a, *y = b;
    return x->first < y->first ? -1 : x->first > y->first ? 1 : 0;
}

static int compare_owners(const void *a, const void *b)
{
    const sb_bulk_range *x = a, *y = b;
    if (x->owner != y->owner) return x->owner < y->owner ? -1 : 1;
    return x->place < y->place ? -1 : x->place > y->place ? 1 : 0;
}

void sb_bulk__order_ranges(sb_bulk_ranges *ranges, sb_bulk_range *by_id)
{
    sb_bulk_range *items = ranges->items;

    ranges->ascending = true;
    if (ranges->count > 1) qsort(items, ranges->count, sizeof *items, compare_ids);
    /* Still owner by owner, unless ids left over in old blocks lie between those of another owner. */
    for (size_t i = 1; i < ranges->count; i++)
        ranges->ascending = ranges->ascending && (items[i].owner == items[i - 1].owner
                                                      ? items[i].place > items[i - 1].place
                                                      : items[i].place == 0);
    if (by_id != NULL && ranges->count != 0) memcpy(by_id, items, ranges->count * sizeof *items);
    if (!ranges->ascending) qsort(items, ranges->count, sizeof *items, compare_owners);
}

/* So that the set of a node is found without a search through all ranges: with hundreds of thousands of label sets that
 * missed the cache a dozen times for each end of a relationship (a third of a load). */
static sb_status index_ranges(sb_bulk *bulk, sb_err *err)
{
    const size_t count = bulk->node_ranges.count;
    const uint64_t span = bulk->last_node - bulk->first_node;
    size_t range = 0;

    while (span >> bulk->set_shift > 2 * (uint64_t)count)
        bulk->set_shift++;
    const size_t buckets = (size_t)(span >> bulk->set_shift) + 1;
    bulk->set_starts = sb_arena_alloc_array(bulk->arena, buckets + 1, sizeof *bulk->set_starts);
    if (bulk->set_starts == NULL) return SB_FAIL_NOMEM(err);
    for (size_t b = 0; b < buckets; b++) {
        const uint64_t node = bulk->first_node + ((uint64_t)b << bulk->set_shift);
        while (range + 1 < count && bulk->by_id[range + 1].first <= node)
            range++;
        bulk->set_starts[b] = (uint32_t)range;
    }
    bulk->set_starts[buckets] = (uint32_t)(count - 1);
    return SB_OK;
}

/* Ids for all nodes; where each set's are; what the tables of external ids say becomes node ids. */
static sb_status number_nodes(sb_bulk *bulk, sb_err *err)
{
    sb_bulk_ranges *ranges = &bulk->node_ranges;

    for (size_t i = 0; i < bulk->set_count; i++)
        if (bulk->sets[i].count != 0)
            SB_TRY(sb_bulk__take_ids(bulk, SB_NODE, bulk->sets[i].set, (uint32_t)i,
                                     bulk->sets[i].count, err));
    bulk->by_id = sb_arena_alloc_array(bulk->arena, ranges->count + 1, sizeof *bulk->by_id);
    if (bulk->by_id == NULL) return SB_FAIL_NOMEM(err);
    sb_bulk__order_ranges(ranges, bulk->by_id);
    for (size_t i = ranges->count; i-- != 0;) {
        sb_bulk_set *set = &bulk->sets[ranges->items[i].owner];
        set->first_range = i;
        set->range_count++;
    }
    for (size_t i = 0; i < ranges->count; i++)
        bulk->by_id[i].owner = bulk->sets[bulk->by_id[i].owner].set;
    if (ranges->count == 0) return SB_OK;
    const sb_bulk_range *last = &bulk->by_id[ranges->count - 1];
    bulk->first_node = bulk->by_id[0].first;
    bulk->last_node = last->first + last->count - 1;
    return index_ranges(bulk, err);
}

static uint64_t node_of_value(void *ctx, uint64_t value)
{
    const sb_bulk *bulk = ctx;
    const sb_bulk_set *set = &bulk->sets[value >> PLACE_BITS];
    const uint64_t place = (value & PLACE_MASK) - 1;
    const sb_bulk_range *ranges = bulk->node_ranges.items + set->first_range;
    size_t low = 0, high = set->range_count;

    while (high - low > 1) {
        const size_t middle = (low + high) / 2;
        if (ranges[middle].place <= place)
            low = middle;
        else
            high = middle;
    }
    return ranges[low].first + (place - ranges[low].place);
}

static sb_status set_in_graph(const sb_bulk *bulk, sb_node_id node, sb_set_id *set, sb_err *err)
{
    sb_row row;
    sb_cell cell;
    bool found;

    SB_TRY(sb_row_find(sb_graph_txn(bulk->graph), sb_node_table(sb_graph_view(bulk->graph)), node,
                       &row, &found, err));
    if (!found)
        return SB_FAIL(err, SB_NOT_FOUND, "there is no node %llu", (unsigned long long)node);
    *set = sb_row_cell(&row, SB_COLUMN_SET, &cell) ? (sb_set_id)cell.word : 0;
    sb_row_release(&row);
    return SB_OK;
}

sb_status sb_bulk__set_of(const sb_bulk *bulk, sb_node_id node, size_t *hint, sb_set_id *set,
                          sb_err *err)
{
    if (bulk->graph_ends) return set_in_graph(bulk, node, set, err);
    if (node - bulk->by_id[*hint].first >= bulk->by_id[*hint].count) {
        const size_t bucket = (size_t)((node - bulk->first_node) >> bulk->set_shift);
        size_t low = bulk->set_starts[bucket], high = (size_t)bulk->set_starts[bucket + 1] + 1;
        while (high - low > 1) {
            const size_t middle = (low + high) / 2;
            if (bulk->by_id[middle].first <= node)
                low = middle;
            else
                high = middle;
        }
        *hint = low;
    }
    *set = bulk->by_id[*hint].owner;
    return SB_OK;
}

/* ---- Phase 2 ----------------------------------------------------------------------------------------------------------------- */

typedef struct node_job {
    const sb_bulk *bulk;
    sb_bulk_set *set;
    sb_stream *stream;
    uint64_t place; /* of its first record in the set */
    sb_buffer data, bodies, ids, words;
    sb_batch batch;
    sb_status status;
    sb_err err;
} node_job;

typedef struct node_build {
    sb_bulk *bulk;
    sb_build *build; /* NULL: rows are put */
    size_t range;    /* of the set at hand */
    size_t stream;   /* next one of its set */
    uint64_t place;
    size_t take_range; /* of the job taken last */
} node_build;

/* Bodies of a stream's records: each begins behind its size. */
static sb_status find_bodies(const sb_buffer *data, sb_buffer *bodies)
{
    const uint8_t *pos = data->data, *end = pos + data->size;
    uint64_t size;

    sb_buffer_reset(bodies);
    while (pos != end) {
        if (!sb_varint_decode(&pos, end, &size) || size > (size_t)(end - pos)) return SB_IO;
        SB_TRY(sb_buffer_append(bodies, &pos, sizeof pos));
        pos += size;
    }
    return SB_OK;
}

static sb_status next_stream(void *ctx, void *slot, bool *more, sb_err *err)
{
    node_build *b = ctx;
    node_job *job = slot;
    const sb_bulk_ranges *ranges = &b->bulk->node_ranges;

    (void)err;
    *more = false;
    while (b->range < ranges->count) {
        sb_bulk_set *set = &b->bulk->sets[ranges->items[b->range].owner];
        if (b->stream < set->stream_count) {
            job->set = set;
            job->stream = set->streams[b->stream++];
            job->place = b->place;
            b->place += job->stream->records;
            *more = true;
            return SB_OK;
        }
        b->range = set->first_range + set->range_count;
        b->stream = 0;
        b->place = 0;
    }
    return SB_OK;
}

static void decode_stream(void *ctx, void *slot)
{
    node_job *job = slot;

    (void)ctx;
    sb_err_clear(&job->err);
    job->status = sb_spool__read(&job->bulk->spools[SB_NODE], job->stream, &job->data, &job->err);
    if (job->status != SB_OK) return;
    job->status = find_bodies(&job->data, &job->bodies);
    if (job->status == SB_OK)
        job->status = sb_batch__decode(
            &job->batch, job->bulk, SB_NODE, (const uint8_t *const *)(const void *)job->bodies.data,
            job->data.data + job->data.size, job->bodies.size / sizeof(uint8_t *), &job->err);
}

static sb_status put_labels(sb_bulk *bulk, sb_set_id set, const sb_node_id *ids, size_t count,
                            sb_err *err)
{
    sb_view *view = sb_graph_view(bulk->graph);
    size_t label_count;
    const sb_label_id *labels = sb_set_labels(view, set, &label_count);

    bulk->result->labels += count * label_count;
    for (size_t i = 0; i < label_count; i++)
        if (sb_label_indexed(bulk->graph->view, labels[i]))
            SB_TRY(sb_label_index_add(view, labels[i], ids, count, err));
    return SB_OK;
}

static sb_status put_stream(node_build *b, node_job *job, sb_err *err)
{
    sb_bulk *bulk = b->bulk;
    sb_graph *graph = bulk->graph;
    const size_t count = job->bodies.size / sizeof(uint8_t *);
    const size_t bytes = count * sizeof(uint64_t);

    sb_buffer_reset(&job->ids);
    sb_buffer_reset(&job->words);
    if (sb_buffer_reserve(&job->ids, bytes) != SB_OK ||
        sb_buffer_reserve(&job->words, bytes) != SB_OK)
        return SB_FAIL_NOMEM(err);
    uint64_t *ids = (uint64_t *)(void *)job->ids.data, *words = (uint64_t *)(void *)job->words.data;
    if (job->place == 0) b->take_range = job->set->first_range;
    sb_bulk__ids_at(&bulk->node_ranges, &b->take_range, job->place, count, ids);
    SB_TRY(sb_origins__add(bulk, SB_NODE, ids, job->batch.origins, count, err));
    for (size_t i = 0; i < count; i++)
        words[i] = job->set->set;
    SB_TRY(sb_batch__system(&job->batch, SB_COLUMN_SET, words, err));
    const sb_rows rows = {.ids = ids,
                          .row_count = count,
                          .columns = job->batch.table,
                          .column_count = job->batch.table_count};
    if (b->build != NULL)
        SB_TRY(sb_build_rows(b->build, &rows, err));
    else
        SB_TRY(sb_rows_put(graph->txn, sb_node_table(graph->view), &rows, err));
    job->batch.table_count--;
    SB_TRY(put_labels(bulk, job->set->set, ids, count, err));
    /* A table that is built has empty indexes: they are filled at the end, bottom-up. */
    if (b->build == NULL)
        SB_TRY(sb_batch__upkeep(&job->batch, graph, SB_NODE, job->set->set, ids, count, err));
    SB_TRY(sb_writer__made(graph, job->set->set, ids, count, err));
    sb_stats_add_nodes(graph->view, job->set->set, (int64_t)count);
    bulk->result->properties += job->batch.value_count;
    sb_spool__release(&bulk->spools[SB_NODE], job->stream);
    SB_TRY(sb_txn_spill(graph->txn, err));
    return sb_bulk__tick(bulk, NULL, err);
}

static sb_status take_stream(void *ctx, void *slot, sb_err *err)
{
    node_job *job = slot;

    if (job->status != SB_OK) {
        if (job->err.code != SB_OK && err != NULL) *err = job->err;
        return job->err.code != SB_OK
                   ? job->status
                   : SB_FAIL(err, job->status, "%s", sb_status_text(job->status));
    }
    return put_stream(ctx, job, err);
}

static sb_status run_builds(sb_bulk *bulk, node_build *b, sb_err *err)
{
    static const sb_pipe_steps steps = {
        .next = next_stream, .work = decode_stream, .take = take_stream};
    node_job jobs[6] = {{0}};
    void *slots[6];
    const size_t slot_count = 2 * (size_t)bulk->threads < 6 ? 2 * (size_t)bulk->threads : 6;
    sb_status st;

    for (size_t i = 0; i < slot_count; i++) {
        jobs[i].bulk = bulk;
        sb_buffer_init(&jobs[i].data, bulk->alloc);
        sb_buffer_init(&jobs[i].bodies, bulk->alloc);
        sb_buffer_init(&jobs[i].ids, bulk->alloc);
        sb_buffer_init(&jobs[i].words, bulk->alloc);
        sb_batch__init(&jobs[i].batch, bulk->alloc);
        slots[i] = &jobs[i];
    }
    st = sb_pipe__run(bulk->alloc, bulk->threads, &steps, b, slots, slot_count, err);
    for (size_t i = 0; i < slot_count; i++) {
        sb_buffer_deinit(&jobs[i].data);
        sb_buffer_deinit(&jobs[i].bodies);
        sb_buffer_deinit(&jobs[i].ids);
        sb_buffer_deinit(&jobs[i].words);
        sb_batch__deinit(&jobs[i].batch);
    }
    return st;
}

sb_status sb_bulk__build_nodes(sb_bulk *bulk, sb_err *err)
{
    node_build b = {.bulk = bulk};
    sb_tree *table = sb_node_table(bulk->graph->view);
    sb_status st;

    SB_TRY(number_nodes(bulk, err));
    for (size_t i = 0; i < bulk->group_count; i++)
        sb_ids__rewrite(&bulk->groups[i].ids, node_of_value, bulk, bulk->last_node);
    if (table->root == SB_PGNO_NONE && bulk->node_ranges.ascending && bulk->node_ranges.count != 0)
        SB_TRY(sb_build_open(bulk->graph->txn, table, 100, &b.build, err));
    st = run_builds(bulk, &b, err);
    if (st != SB_OK || b.build == NULL) {
        sb_build_abort(b.build);
        return st;
    }
    SB_TRY(sb_build_finish(b.build, err));
    return sb_bulk__fill_indexes(bulk, SB_NODE, err);
}

void sb_bulk__nodes_deinit(sb_bulk *bulk)
{
    for (size_t i = 0; i < bulk->set_count; i++) {
        sb_bulk_set *set = &bulk->sets[i];
        for (size_t j = 0; j < set->stream_count; j++) {
            sb_spool__release(&bulk->spools[SB_NODE], set->streams[j]);
            sb_free(bulk->alloc, set->streams[j], sizeof *set->streams[j]);
        }
        sb_free(bulk->alloc, set->streams, set->stream_capacity * sizeof(sb_stream *));
    }
    sb_free(bulk->alloc, bulk->sets, bulk->set_capacity * sizeof *bulk->sets);
    sb_free(bulk->alloc, bulk->node_ranges.items,
            bulk->node_ranges.capacity * sizeof *bulk->node_ranges.items);
    sb_map_deinit(&bulk->set_index);
}
