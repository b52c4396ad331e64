/* writer.c — what a write transaction holds besides pages: nodes it made, relationships that are in no list tree yet,
 * the node-existence cache; and how all of it rolls back (graph G2, G3). */
#include "graph/graph_priv.h"

#include <stdlib.h>

/* Pending relationships held at most before they are flushed. Each takes 24 bytes; as much again is held of those that were pending when
 * the call began, which come back if it fails; and twice that for sorting. Fewer where the transaction's memory is less, but enough
 * for a flush to be worth it: 6 MiB. */
#define PENDING_MAX   ((size_t)1 << 24)
#define PENDING_LEAST ((size_t)1 << 16)
#define PENDING_BYTES 96u
/* Endpoints of calls with fewer relationships are compared with each other: no map to fill. */
#define BATCH_MIN 8u
/* Entries of the existence cache that share a line of it. */
#define CACHE_WAYS 4u
/* Ranges of made nodes behind the sorted ones that are searched from end to start. */
#define MADE_TAIL_MAX 32u

/* ---- Life ------------------------------------------------------------------------------------------------ */

void sb_writer__init(sb_writer *writer, const sb_allocator *alloc)
{
    sb_buffer *const buffers[] = {&writer->words,  &writer->columns, &writer->present,
                                  &writer->texts,  &writer->encoded, &writer->sets,
                                  &writer->unique, &writer->scratch, &writer->keys,
                                  &writer->items,  &writer->slice};

    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        sb_buffer_init(buffers[i], alloc);
    sb_map_init(&writer->pending_index, alloc);
    sb_map_init(&writer->override_index, alloc);
    sb_map_init(&writer->endpoints, alloc);
    sb_upkeep__init(&writer->upkeep, alloc);
    sb_gather__init(&writer->gather, alloc);
}

static void free_pending(sb_graph *graph, sb_pending *pending)
{
    const sb_allocator *alloc = graph->alloc;

    sb_free(alloc, pending->rels, pending->capacity * sizeof *pending->rels);
    for (int d = 0; d < 2; d++) {
        sb_map_deinit(&pending->chains[d].heads);
        sb_free(alloc, pending->chains[d].next,
                pending->chains[d].capacity * sizeof *pending->chains[d].next);
    }
}

void sb_writer__deinit(sb_graph *graph)
{
    sb_writer *writer = &graph->writer;
    const sb_allocator *alloc = graph->alloc;
    sb_buffer *const buffers[] = {&writer->words,  &writer->columns, &writer->present,
                                  &writer->texts,  &writer->encoded, &writer->sets,
                                  &writer->unique, &writer->scratch, &writer->keys,
                                  &writer->items,  &writer->slice};

    sb_writer__reset(graph);
    for (size_t i = 0; i < writer->pending_count; i++)
        free_pending(graph, &writer->pending[i]);
    sb_free(alloc, writer->pending, writer->pending_capacity * sizeof *writer->pending);
    sb_free(alloc, writer->log, writer->log_capacity * sizeof *writer->log);
    sb_free(alloc, writer->made, writer->made_capacity * sizeof *writer->made);
    sb_free(alloc, writer->made_sorted, writer->made_sorted_capacity * sizeof *writer->made_sorted);
    sb_free(alloc, writer->overrides, writer->override_capacity * sizeof *writer->overrides);
    sb_free(alloc, writer->marks, writer->mark_capacity * sizeof *writer->marks);
    sb_free(alloc, writer->touched, writer->touched_capacity * sizeof *writer->touched);
    sb_free(alloc, writer->cache, writer->cache_entries * sizeof *writer->cache);
    sb_map_deinit(&writer->pending_index);
    sb_map_deinit(&writer->override_index);
    sb_map_deinit(&writer->endpoints);
    sb_upkeep__deinit(&writer->upkeep);
    sb_gather__deinit(&writer->gather);
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        sb_buffer_deinit(buffers[i]);
}

/* The number of types whose arrays a session keeps between transactions; past it they are freed. */
#define PENDING_KEPT 8u

/* Entries of another epoch are none: a small transaction does not pay for the size of the cache. */
static void clear_cache(sb_writer *writer)
{
    if (writer->cache_used && ++writer->cache_epoch == 0)
        memset(writer->cache, 0, writer->cache_entries * sizeof *writer->cache);
    writer->cache_used = false;
}

/* What the transaction did. Look-ups and flushes are added as they come. */
static void add_to_profile(sb_graph *graph)
{
    SB_PROFILE_ADD(graph->profile, EXISTS_CACHE_HITS, graph->writer.stats.cache_hits);
    SB_PROFILE_ADD(graph->profile, EXISTS_CACHE_MISSES, graph->writer.stats.cache_misses);
    SB_PROFILE_ADD(graph->profile, FORWARD_SORTS, graph->writer.stats.forward_sorts);
    SB_PROFILE_ADD(graph->profile, REVERSE_SORTS, graph->writer.stats.reverse_sorts);
    SB_PROFILE_ADD(graph->profile, INDEX_SORTS, graph->writer.stats.index_sorts);
}

void sb_writer__reset(sb_graph *graph)
{
    sb_writer *writer = &graph->writer;

    if (!writer->active) return;
    while (writer->pending_count > PENDING_KEPT)
        free_pending(graph, &writer->pending[--writer->pending_count]);
    for (size_t i = 0; i < writer->pending_count; i++) {
        sb_pending *pending = &writer->pending[i];
        pending->type = 0;
        pending->count = pending->flushed = pending->kept = 0;
        pending->epoch = 0;
        for (int d = 0; d < 2; d++) {
            sb_map_clear(&pending->chains[d].heads);
            pending->chains[d].indexed = 0;
        }
    }
    sb_map_clear(&writer->pending_index);
    writer->pending_rels = 0;
    writer->log_count = 0;
    writer->epoch = 0;
    writer->made_count = writer->made_sorted_count = writer->made_hint = 0;
    writer->override_count = 0;
    sb_map_clear(&writer->override_index);
    clear_cache(writer);
    writer->mark_count = 0;
    writer->touched_count = 0;
    writer->knows_place = false;
    add_to_profile(graph);
    writer->stats = (sb_writer_stats){0};
    writer->active = false;
}

/* The cache has capacity entries rounded down to a power of two; a capacity changed since is taken up here. */
static void size_cache(sb_graph *graph)
{
    sb_writer *writer = &graph->writer;
    const uint32_t capacity = graph->settings.edge_cache_capacity;
    size_t entries = capacity == 0 ? 0 : (size_t)sb_pow2_ceil(capacity);

    if (entries > capacity) entries /= 2;
    if (entries != 0 && entries < CACHE_WAYS) entries = CACHE_WAYS;
    if (graph->profile->switched_off & SB_SEED_EXISTS_CACHE) entries = 0;
    if (entries == writer->cache_entries) return;
    sb_free(graph->alloc, writer->cache, writer->cache_entries * sizeof *writer->cache);
    writer->cache =
        entries == 0 ? NULL : sb_alloc_zero(graph->alloc, entries * sizeof *writer->cache);
    writer->cache_entries =
        writer->cache == NULL ? 0 : entries; /* benign: without it every check looks up */
    writer->cache_mask = entries / CACHE_WAYS - 1;
    writer->cache_used = false;
}

sb_status sb_writer__begin(sb_graph *graph, sb_err *err)
{
    if (!sb_txn_writable(graph->txn))
        return SB_FAIL(err, SB_READ_ONLY,
                       "this is a read transaction: begin a write transaction to change the graph");
    if (!graph->writer.active) {
        size_cache(graph);
        graph->writer.active = true;
    }
    return sb_view_found(graph->view, err);
}

/* ---- Savepoints -------------------------------------------------------------------------------------------- */

sb_status sb_writer__mark(sb_graph *graph, uint32_t savepoint, sb_err *err)
{
    sb_writer *writer = &graph->writer;

    SB_TRY(sb_graph__grow(graph->alloc, &writer->marks, sizeof *writer->marks,
                          writer->mark_count + 1, &writer->mark_capacity, err));
    writer->marks[writer->mark_count++] = (sb_writer_mark){
        .savepoint = savepoint,
        .made_count = writer->made_count,
        .made_end = writer->made_count == 0 ? 0 : writer->made[writer->made_count - 1].end,
        .override_count = writer->override_count,
        .log_count = writer->log_count,
        .touched_count = writer->touched_count,
        .epoch = ++writer->epoch,
    };
    return SB_OK;
}

static sb_node_id end_of(const sb_triple *rel, sb_direction direction)
{
    return direction == SB_OUT ? rel->node : rel->neighbor;
}

/* Cut a chain index back to the first count entries: newest first, each is the head of its node. */
static void unchain(sb_pending *pending, sb_direction direction, size_t count)
{
    sb_pending_chains *chains = &pending->chains[direction];

    if (count == 0) {
        sb_map_clear(&chains->heads);
        chains->indexed = 0;
    }
    while (chains->indexed > count) {
        const size_t i = --chains->indexed;
        const sb_node_id node = end_of(&pending->rels[i], direction);
        if (chains->next[i] == 0)
            (void)sb_map_remove(&chains->heads, node);
        else
            *sb_map_find(&chains->heads, node) = chains->next[i];
    }
}

void sb_writer__rollback_to(sb_graph *graph, uint32_t savepoint)
{
    sb_writer *writer = &graph->writer;
    const sb_writer_mark *mark;

    while (writer->mark_count > 0 && writer->marks[writer->mark_count - 1].savepoint > savepoint)
        writer->mark_count--;
    if (writer->mark_count == 0 || writer->marks[writer->mark_count - 1].savepoint != savepoint) {
        /* The savepoint is older than this graph object: everything it holds came later. */
        const uint64_t epoch = writer->epoch;
        if (!writer->active) return;
        sb_writer__reset(graph);
        writer->epoch = epoch + 1;
        writer->active = true;
        return;
    }
    mark = &writer->marks[writer->mark_count - 1];
    while (writer->log_count > mark->log_count) {
        const sb_pending_log *log = &writer->log[--writer->log_count];
        sb_pending *pending = &writer->pending[log->place];
        unchain(pending, SB_OUT, log->count);
        unchain(pending, SB_IN, log->count);
        writer->pending_rels -= pending->count - pending->flushed;
        pending->count = log->count;
        pending->flushed = log->flushed;
        pending->epoch = log->epoch;
        pending->kept = log->kept;
        writer->pending_rels += pending->count - pending->flushed;
    }
    if (writer->made_sorted_count > mark->made_count) writer->made_sorted_count = 0;
    writer->made_count = mark->made_count;
    writer->made_hint = 0;
    if (mark->made_count != 0) {
        writer->made[mark->made_count - 1].end = mark->made_end;
        if (writer->made_sorted_count == mark->made_count) writer->made_sorted_count = 0;
    }
    if (writer->override_count > mark->override_count) {
        writer->override_count = mark->override_count;
        sb_map_clear(&writer->override_index);
        for (size_t i = 0; i < writer->override_count; i++) /* fits: it held more before */
            (void)!sb_map_put(&writer->override_index, writer->overrides[i].node, i);
    }
    writer->touched_count = mark->touched_count;
    writer->knows_place = false; /* ids may be given again */
    clear_cache(writer); /* nodes that a bulk load made, and that are gone now, may be in it */
    writer->epoch++;
}

/* Take flushed relationships out of the arrays, but for those that come back when the newest savepoint is rolled back to. */
static void drop_flushed(sb_writer *writer)
{
    if (writer->mark_count == 0) writer->log_count = 0;
    for (size_t i = 0; i < writer->pending_count; i++) {
        sb_pending *pending = &writer->pending[i];
        const size_t left = pending->count - pending->flushed;
        if (writer->mark_count == 0) pending->kept = 0;
        if (pending->flushed <= pending->kept) continue;
        unchain(pending, SB_OUT, pending->kept);
        unchain(pending, SB_IN, pending->kept);
        memmove(pending->rels + pending->kept, pending->rels + pending->flushed,
                left * sizeof *pending->rels);
        pending->flushed = pending->kept;
        pending->count = pending->kept + left;
    }
}

/* Of the log from first on: what the newest savepoint that is left does not need, since it has older lengths of the same types. So
 * neither the log nor what is kept of the flushed grows with the calls that are made under it. */
static void shorten_log(sb_writer *writer, size_t first)
{
    const uint64_t epoch = writer->marks[writer->mark_count - 1].epoch;
    size_t left = first;

    for (size_t i = writer->log_count; i-- > first;)
        if (writer->log[i].epoch >= epoch)
            writer->pending[writer->log[i].place].kept = writer->log[i].kept;
    for (size_t i = first; i < writer->log_count; i++)
        if (writer->log[i].epoch < epoch) writer->log[left++] = writer->log[i];
    if (left == writer->log_count) return;
    writer->log_count = left;
    drop_flushed(writer);
}

void sb_writer__release(sb_graph *graph, uint32_t savepoint)
{
    sb_writer *writer = &graph->writer;
    size_t first = writer->log_count;
    bool flushed_any = false;

    while (writer->mark_count > 0 && writer->marks[writer->mark_count - 1].savepoint >= savepoint)
        first = writer->marks[--writer->mark_count].log_count;
    if (writer->mark_count != 0) {
        shorten_log(writer, first);
        return;
    }
    for (size_t i = 0; i < writer->log_count && !flushed_any; i++)
        flushed_any = writer->pending[writer->log[i].place].flushed != 0;
    writer->log_count = 0;
    if (flushed_any) drop_flushed(writer);
}

/* ---- Nodes made in this transaction --------------------------------------------------------------------------- */

sb_status sb_writer__made(sb_graph *graph, sb_set_id set, const sb_node_id *ids, size_t count,
                          sb_err *err)
{
    sb_writer *writer = &graph->writer;

    for (size_t i = 0; i < count;) {
        size_t run = 1;
        sb_made *last = writer->made_count == 0 ? NULL : &writer->made[writer->made_count - 1];
        while (i + run < count && ids[i + run] == ids[i] + run)
            run++;
        if (last != NULL && last->set == set && last->end == ids[i]) {
            last->end += run;
            if (writer->made_sorted_count == writer->made_count) writer->made_sorted_count = 0;
        } else {
            SB_TRY(sb_graph__grow(graph->alloc, &writer->made, sizeof *writer->made,
                                  writer->made_count + 1, &writer->made_capacity, err));
            SB_ASSERT(writer->made != NULL);
            writer->made[writer->made_count++] =
                (sb_made){.first = ids[i], .end = ids[i] + run, .set = set};
        }
        i += run;
    }
    return SB_OK;
}

static int compare_made(const void *a, const void *b)
{
    const sb_made *left = a, *right = b;
    return left->first < right->first ? -1 : left->first > right->first;
}

/* Bring the sorted copy up to date when many ranges lie behind it: the tail grows with the copy, so that the
 * sorting costs n log² n in all. */
static void sort_made(sb_graph *graph)
{
    sb_writer *writer = &graph->writer;

    if (writer->made_count - writer->made_sorted_count <=
        MADE_TAIL_MAX + writer->made_sorted_count / 8)
        return;
    if (sb_graph__grow(graph->alloc, &writer->made_sorted, sizeof *writer->made_sorted,
                       writer->made_count, &writer->made_sorted_capacity, NULL) != SB_OK)
        return; /* benign: the tail is searched instead */
    memcpy(writer->made_sorted, writer->made, writer->made_count * sizeof *writer->made);
    qsort(writer->made_sorted, writer->made_count, sizeof *writer->made_sorted, compare_made);
    writer->made_sorted_count = writer->made_count;
}

/* The range that id lies in, or NULL. */
static const sb_made *find_made(sb_graph *graph, sb_node_id id)
{
    sb_writer *writer = &graph->writer;
    size_t low = 0, high;

    if (writer->made_count == 0) return NULL;
    if (writer->made_hint < writer->made_count) {
        const sb_made *hint = &writer->made[writer->made_hint];
        if (id >= hint->first && id < hint->end) return hint;
    }
    sort_made(graph);
    for (size_t i = writer->made_count; i-- > writer->made_sorted_count;)
        if (id >= writer->made[i].first && id < writer->made[i].end) {
            writer->made_hint = i;
            return &writer->made[i];
        }
    high = writer->made_sorted_count;
    while (low < high) { /* first range that begins past id */
        const size_t middle = low + (high - low) / 2;
        if (writer->made_sorted[middle].first <= id)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || id >= writer->made_sorted[low - 1].end) return NULL;
    return &writer->made_sorted[low - 1];
}

static void forget_cached(sb_writer *writer, sb_node_id id);

/* Of a node that is older than the transaction its row tells, which has been changed. */
sb_status sb_writer__override(sb_graph *graph, sb_node_id node, sb_set_id set, bool deleted,
                              sb_err *err)
{
    sb_writer *writer = &graph->writer;

    if (find_made(graph, node) == NULL) {
        forget_cached(writer, node);
        return SB_OK;
    }
    SB_TRY(sb_graph__grow(graph->alloc, &writer->overrides, sizeof *writer->overrides,
                          writer->override_count + 1, &writer->override_capacity, err));
    if (sb_map_put(&writer->override_index, node, writer->override_count) != SB_OK)
        return SB_FAIL_NOMEM(err);
    writer->overrides[writer->override_count++] =
        (sb_override){.node = node, .set = set, .deleted = deleted};
    return SB_OK;
}

/* ---- Endpoints ---------------------------------------------------------------------------------------------------- */

/* What is known of an endpoint without looking at the node table. */
typedef enum sb_known { KNOWN_NO, KNOWN_MISSING, KNOWN_SET } sb_known;

static sb_known known_in_txn(sb_graph *graph, sb_node_id id, sb_set_id *set)
{
    sb_writer *writer = &graph->writer;
    const sb_made *made;

    if (SB_UNLIKELY(id == 0 || id > SB_ID_MAX))
        return KNOWN_MISSING; /* 0 marks free places of the cache */
    if (writer->override_count != 0) {
        const uint64_t *place = sb_map_find(&writer->override_index, id);
        if (place != NULL) {
            *set = writer->overrides[*place].set;
            return writer->overrides[*place].deleted ? KNOWN_MISSING : KNOWN_SET;
        }
    }
    made = find_made(graph, id);
    if (made == NULL) return KNOWN_NO;
    *set = made->set;
    return KNOWN_SET;
}

/* The ways that a node's entry can be in: one cache line of them. */
static sb_cached_node *cache_line(sb_writer *writer, sb_node_id id)
{
    return &writer->cache[(sb_hash_u64(id) & writer->cache_mask) * CACHE_WAYS];
}

static sb_known known_in_cache(sb_writer *writer, sb_node_id id, sb_set_id *set)
{
    const sb_cached_node *line;

    if (writer->cache == NULL) return KNOWN_NO;
    line = cache_line(writer, id);
    for (size_t way = 0; way < CACHE_WAYS; way++) {
        if (line[way].node != id || line[way].epoch != writer->cache_epoch) continue;
        writer->stats.cache_hits++;
        *set = line[way].set;
        return KNOWN_SET;
    }
    writer->stats.cache_misses++;
    return KNOWN_NO;
}

/* The newest is first in its line, the oldest falls out. */
static void cache_node(sb_writer *writer, sb_node_id id, sb_set_id set)
{
    sb_cached_node *line;

    if (writer->cache == NULL) return;
    line = cache_line(writer, id);
    memmove(line + 1, line, (CACHE_WAYS - 1) * sizeof *line);
    line[0] = (sb_cached_node){.node = id, .set = set, .epoch = writer->cache_epoch};
    writer->cache_used = true;
}

static void forget_cached(sb_writer *writer, sb_node_id id)
{
    sb_cached_node *line;

    if (writer->cache == NULL) return;
    line = cache_line(writer, id);
    for (size_t way = 0; way < CACHE_WAYS; way++) {
        if (line[way].node == id) line[way].node = 0;
    }
}

typedef struct sb_lookup {
    sb_writer *writer;
    const sb_node_id *ids;
} sb_lookup;

static sb_status note_looked_up(void *ctx, size_t i, const sb_row *row)
{
    const sb_lookup *lookup = ctx;
    sb_cell cell;
    uint64_t *value;

    if (row == NULL || !sb_row_cell(row, SB_COLUMN_SET, &cell)) return SB_OK;
    value = sb_map_find(&lookup->writer->endpoints, lookup->ids[i]);
    SB_ASSERT(value != NULL);
    *value = (uint64_t)(sb_set_id)cell.word + 1;
    cache_node(lookup->writer, lookup->ids[i], (sb_set_id)cell.word);
    return SB_OK;
}

/* One endpoint by itself. */
static sb_status check_one(sb_graph *graph, sb_node_id id, sb_set_id *set, bool *exists,
                           sb_err *err)
{
    sb_writer *writer = &graph->writer;
    sb_known known = known_in_txn(graph, id, set);
    sb_row row;
    bool found;
    sb_cell cell;

    *exists = known == KNOWN_SET;
    if (known != KNOWN_NO) {
        writer->stats.known_in_txn += known == KNOWN_SET;
        return SB_OK;
    }
    *exists = known_in_cache(writer, id, set) == KNOWN_SET;
    if (*exists) return SB_OK;
    writer->stats.node_lookups++;
    SB_PROFILE_ADD(graph->profile, NODE_LOOKUPS, 1);
    SB_TRY(sb_row_find(graph->txn, sb_node_table(graph->view), id, &row, &found, err));
    if (found && sb_row_cell(&row, SB_COLUMN_SET, &cell)) {
        *set = (sb_set_id)cell.word;
        *exists = true;
        cache_node(writer, id, *set);
    }
    sb_row_release(&row);
    return SB_OK;
}

/* Of a call's endpoints, those that are not of this transaction, each once, into writer->unique and the map. */
static sb_status gather_unknown(sb_graph *graph, const sb_node_id *ids, size_t count,
                                sb_set_id *sets, sb_err *err)
{
    sb_writer *writer = &graph->writer;
    const bool overridden = writer->override_count != 0;
    sb_made hint = {0, 0, 0};

    for (size_t i = 0; i < count; i++) {
        bool inserted;
        uint64_t *value;
        if (SB_UNLIKELY((i + 1) % SB_GRAPH_STEP == 0))
            SB_TRY(sb_graph__work(graph, SB_GRAPH_STEP, err));
        if (!overridden && ids[i] >= hint.first && ids[i] < hint.end) {
            sets[i] = hint.set;
            writer->stats.known_in_txn++;
            continue;
        }
        sets[i] = UINT32_MAX; /* not known yet */
        switch (known_in_txn(graph, ids[i], &sets[i])) {
        case KNOWN_SET:
            writer->stats.known_in_txn++;
            if (writer->made_hint < writer->made_count) hint = writer->made[writer->made_hint];
            continue;
        case KNOWN_MISSING: /* the map has no such entry, so it will be reported */
            sets[i] = UINT32_MAX;
            continue;
        case KNOWN_NO: break;
        }
        if (ids[i] == SB_MAP_EMPTY) continue;
        value = sb_map_at(&writer->endpoints, ids[i], &inserted);
        if (value == NULL) return SB_FAIL_NOMEM(err);
        if (!inserted) continue;
        if (known_in_cache(writer, ids[i], &sets[i]) == KNOWN_SET) {
            *value = (uint64_t)sets[i] + 1;
            continue;
        }
        if (sb_buffer_append(&writer->unique, &ids[i], sizeof ids[i]) != SB_OK)
            return SB_FAIL_NOMEM(err);
    }
    return SB_OK;
}

/* Look the gathered ones up, in order of id, so that each leaf is touched once. */
static sb_status look_up_gathered(sb_graph *graph, sb_err *err)
{
    sb_writer *writer = &graph->writer;
    const size_t count = writer->unique.size / sizeof(sb_node_id);
    sb_node_id *ids = (sb_node_id *)(void *)writer->unique.data;
    sb_lookup lookup = {.writer = writer, .ids = ids};

    if (count == 0) return SB_OK;
    if (!sb_u64_sorted(ids, count)) {
        sb_buffer_reset(&writer->scratch);
        if (sb_buffer_reserve(&writer->scratch, count * sizeof *ids) != SB_OK)
            return SB_FAIL_NOMEM(err);
        sb_u64_sort(ids, (uint64_t *)(void *)writer->scratch.data, count);
    }
    writer->stats.node_lookups += count;
    SB_PROFILE_ADD(graph->profile, NODE_LOOKUPS, count);
    for (size_t begin = 0, step; begin < count; begin += step) {
        step = count - begin < SB_GRAPH_STEP ? count - begin : SB_GRAPH_STEP;
        lookup.ids = ids + begin;
        SB_TRY(sb_rows_find(graph->txn, sb_node_table(graph->view), lookup.ids, step,
                            note_looked_up, &lookup, err));
        SB_TRY(sb_graph__work(graph, step, err));
    }
    return SB_OK;
}

static sb_status missing_endpoint(sb_graph *graph, size_t row, const char *end, sb_node_id id,
                                  sb_err *err)
{
    const sb_row_names *rows = &graph->writer.rows;

    return SB_FAIL(err, SB_NOT_FOUND, "%s %zu: its %s node %llu does not exist",
                   rows->noun == NULL ? "relationship" : rows->noun, sb_row_names__at(rows, row),
                   end, (unsigned long long)id);
}

/* Trusted endpoints are not checked; their label sets are needed all the same, for the statistics. When all nodes
 * are of one set they need no look-up. */
static sb_status trust(sb_graph *graph, size_t rels, sb_set_id *source_sets, sb_set_id *target_sets,
                       bool *all_known, sb_err *err)
{
    const uint32_t sets = sb_set_count(graph->view);
    uint64_t total, of_set;

    *all_known = false;
    SB_TRY(sb_stats_nodes_of_label(graph->view, 0, &total, err));
    for (sb_set_id set = 0; set < sets && set < 4; set++) { /* more sets: hardly all nodes in one */
        SB_TRY(sb_stats_nodes_of_set(graph->view, set, &of_set, err));
        if (of_set != total) continue;
        for (size_t i = 0; i < rels; i++)
            source_sets[i] = target_sets[i] = set;
        *all_known = true;
        return SB_OK;
    }
    return SB_OK;
}

/* The end's set from the map where it is not known yet. */
static sb_status resolve(sb_graph *graph, const sb_node_id *ids, size_t count, sb_set_id *sets,
                         const char *end, bool trusted, sb_err *err)
{
    for (size_t i = 0; i < count; i++) {
        const uint64_t *value;
        if (sets[i] != UINT32_MAX) continue;
        value = ids[i] == SB_MAP_EMPTY ? NULL : sb_map_find(&graph->writer.endpoints, ids[i]);
        if (value != NULL && *value != 0)
            sets[i] = (sb_set_id)(*value - 1);
        else if (trusted)
            sets[i] = 0;
        else
            return missing_endpoint(graph, i, end, ids[i], err);
    }
    return SB_OK;
}

/* One end of the i-th relationship of a small call: in a batch what an earlier end of it was found to be, else by itself. */
static sb_status check_end(sb_graph *graph, const sb_node_id *sources, const sb_node_id *targets,
                           sb_set_id *source_sets, sb_set_id *target_sets, size_t i, bool is_target,
                           bool batch, bool trusted, sb_err *err)
{
    const sb_node_id id = is_target ? targets[i] : sources[i];
    sb_set_id *set = is_target ? &target_sets[i] : &source_sets[i];
    bool exists;

    *set = 0;
    if (batch) {
        for (size_t j = 0; j < i + is_target; j++) { /* fewer than BATCH_MIN */
            if (sources[j] == id) {
                *set = source_sets[j];
                return SB_OK;
            }
            if (j < i && targets[j] == id) {
                *set = target_sets[j];
                return SB_OK;
            }
        }
    }
    SB_TRY(check_one(graph, id, set, &exists, err));
    if (!exists && !trusted)
        return missing_endpoint(graph, i, is_target ? "target" : "source", id, err);
    return SB_OK;
}

/* Label sets of both ends. A missing node is an error, or trusted to be there: then it counts for the empty set. */
static sb_status find_sets(sb_graph *graph, const sb_node_id *sources, const sb_node_id *targets,
                           size_t rels, bool trusted, sb_set_id *source_sets,
                           sb_set_id *target_sets, sb_err *err)
{
    sb_writer *writer = &graph->writer;
    const bool off = (graph->profile->switched_off & SB_SEED_EXISTS_CACHE) != 0;

    if (rels < BATCH_MIN || off) {
        const bool batch = rels > 1 && !off;
        for (size_t i = 0; i < rels; i++) {
            SB_TRY(check_end(graph, sources, targets, source_sets, target_sets, i, false, batch,
                             trusted, err));
            SB_TRY(check_end(graph, sources, targets, source_sets, target_sets, i, true, batch,
                             trusted, err));
        }
        return SB_OK;
    }
    if (writer->endpoints.capacity / 16 > rels)
        sb_map_deinit(&writer->endpoints); /* clearing would cost more */
    sb_map_clear(&writer->endpoints);
    sb_buffer_reset(&writer->unique);
    SB_TRY(gather_unknown(graph, sources, rels, source_sets, err));
    SB_TRY(gather_unknown(graph, targets, rels, target_sets, err));
    SB_TRY(look_up_gathered(graph, err));
    SB_TRY(resolve(graph, sources, rels, source_sets, "source", trusted, err));
    return resolve(graph, targets, rels, target_sets, "target", trusted, err);
}

/* An id that no node can have is refused, whatever is trusted: it would reach into the bits of the type in the list trees
 * that small types share (store/adjacency.c), and so into lists of another type. */
static sb_status check_range(sb_graph *graph, const sb_node_id *ids, size_t count, const char *end,
                             sb_err *err)
{
    bool past = false;

    for (size_t i = 0; i < count; i++)
        past |= ids[i] - 1 >= SB_ID_MAX; /* 0 too */
    for (size_t i = 0; past && i < count; i++)
        if (ids[i] - 1 >= SB_ID_MAX) return missing_endpoint(graph, i, end, ids[i], err);
    return SB_OK;
}

/* Are all ids of one run of nodes that this transaction made, and has not changed? */
static bool made_together(sb_graph *graph, const sb_node_id *ids, size_t count, sb_set_id *set)
{
    const sb_made *made = find_made(graph, ids[0]);
    bool outside = false;

    if (made == NULL) return false;
    const sb_node_id first = made->first, span = made->end - first;
    *set = made->set;
    for (size_t i = 0; i < count; i++)
        outside |= ids[i] - first >= span;
    return !outside;
}

sb_status sb_writer__ends_made(sb_graph *graph, const sb_node_id *sources,
                               const sb_node_id *targets, size_t rels, sb_set_id *source_set,
                               sb_set_id *target_set, bool *made, sb_err *err)
{
    sb_writer *writer = &graph->writer;

    *made = !graph->settings.trusted_endpoints && writer->override_count == 0 &&
            (graph->profile->switched_off & SB_SEED_EXISTS_CACHE) == 0 &&
            made_together(graph, sources, rels, source_set) &&
            made_together(graph, targets, rels, target_set);
    if (!*made) return SB_OK;
    writer->stats.endpoint_checks += 2 * (uint64_t)rels;
    writer->stats.known_in_txn += 2 * (uint64_t)rels;
    return sb_graph__work(graph, 2 * rels, err);
}

sb_status sb_writer__endpoints(sb_graph *graph, const sb_node_id *sources,
                               const sb_node_id *targets, size_t rels, sb_set_id *source_sets,
                               sb_set_id *target_sets, sb_err *err)
{
    sb_writer *writer = &graph->writer;
    bool trusted = graph->settings.trusted_endpoints;

    writer->stats.endpoint_checks += 2 * (uint64_t)rels;
#ifndef NDEBUG
    trusted = false; /* debug builds check all the same */
#endif
    SB_TRY(check_range(graph, sources, rels, "source", err));
    SB_TRY(check_range(graph, targets, rels, "target", err));
    if (trusted) {
        bool all_known;
        writer->stats.trusted += 2 * (uint64_t)rels;
        SB_TRY(trust(graph, rels, source_sets, target_sets, &all_known, err));
        if (all_known) return SB_OK;
    }
    return find_sets(graph, sources, targets, rels, trusted, source_sets, target_sets, err);
}

sb_status sb_writer__sets_of(sb_graph *graph, const sb_node_id *sources, const sb_node_id *targets,
                             size_t rels, sb_set_id *source_sets, sb_set_id *target_sets,
                             sb_err *err)
{
    const sb_writer_stats counted = graph->writer.stats;
    const sb_status st =
        find_sets(graph, sources, targets, rels, true, source_sets, target_sets, err);

    graph->writer.stats = counted;
    return st;
}

/* ---- Pending relationships -------------------------------------------------------------------------------------------- */

static sb_status pending_of(sb_graph *graph, sb_type_id type, size_t *place, sb_err *err)
{
    sb_writer *writer = &graph->writer;
    const uint64_t *known = sb_map_find(&writer->pending_index, type);
    sb_pending *fresh;
    size_t i;

    if (known != NULL) {
        *place = (size_t)*known;
        return SB_OK;
    }
    for (i = 0; i < writer->pending_count && i < PENDING_KEPT; i++)
        if (writer->pending[i].type == 0) break; /* arrays kept from an earlier transaction */
    if (i == writer->pending_count || i == PENDING_KEPT) {
        i = writer->pending_count;
        SB_TRY(sb_graph__grow(graph->alloc, &writer->pending, sizeof *writer->pending, i + 1,
                              &writer->pending_capacity, err));
        fresh = &writer->pending[i];
        *fresh = (sb_pending){0};
        sb_map_init(&fresh->chains[SB_OUT].heads, graph->alloc);
        sb_map_init(&fresh->chains[SB_IN].heads, graph->alloc);
        writer->pending_count++;
    }
    if (sb_map_put(&writer->pending_index, type, i) != SB_OK) return SB_FAIL_NOMEM(err);
    writer->pending[i].type = type;
    *place = i;
    return SB_OK;
}

/* Remember the lengths of a type before its first change since the newest savepoint. */
static sb_status log_pending(sb_graph *graph, size_t place, sb_err *err)
{
    sb_writer *writer = &graph->writer;
    sb_pending *pending = &writer->pending[place];

    if (writer->mark_count == 0 || pending->epoch == writer->epoch) return SB_OK;
    SB_TRY(sb_graph__grow(graph->alloc, &writer->log, sizeof *writer->log, writer->log_count + 1,
                          &writer->log_capacity, err));
    writer->log[writer->log_count++] = (sb_pending_log){.place = place,
                                                        .flushed = pending->flushed,
                                                        .count = pending->count,
                                                        .kept = pending->kept,
                                                        .epoch = pending->epoch};
    pending->epoch = writer->epoch;
    pending->kept = pending->count;
    return SB_OK;
}

static size_t pending_limit(const sb_graph *graph)
{
    const uint64_t fitting = sb_pager_txn_memory(sb_txn_pager(graph->txn)) / PENDING_BYTES;

    return fitting > PENDING_MAX     ? PENDING_MAX
           : fitting < PENDING_LEAST ? PENDING_LEAST
                                     : (size_t)fitting;
}

sb_status sb_writer__pend(sb_graph *graph, sb_type_id type, const sb_node_id *sources,
                          const sb_node_id *targets, const sb_rel_id *ids, size_t count,
                          sb_err *err)
{
    sb_writer *writer = &graph->writer;
    sb_pending *pending;
    size_t place = 0;

    if (writer->pending_rels + count > pending_limit(graph))
        SB_TRY(sb_writer__flush(graph, 0, err));
    SB_TRY(pending_of(graph, type, &place, err));
    SB_TRY(log_pending(graph, place, err));
    pending = &writer->pending[place];
    SB_TRY(sb_graph__grow(graph->alloc, &pending->rels, sizeof *pending->rels,
                          pending->count + count, &pending->capacity, err));
    for (size_t i = 0; i < count; i++)
        pending->rels[pending->count + i] = (sb_triple){sources[i], targets[i], ids[i]};
    pending->count += count;
    writer->pending_rels += count;
    return SB_OK;
}

static sb_status flush_type(sb_graph *graph, size_t place, sb_err *err)
{
    sb_writer *writer = &graph->writer;
    sb_pending *pending = &writer->pending[place];
    const size_t count = pending->count - pending->flushed;

    if (count == 0) return SB_OK;
    SB_TRY(log_pending(graph, place, err));
    SB_TRY(sb_flush__lists(graph, pending->type, pending->rels + pending->flushed, count, err));
    pending->flushed = pending->count;
    writer->pending_rels -= count;
    writer->stats.flushed_rels += count;
    return SB_OK;
}

sb_status sb_writer__flush(sb_graph *graph, sb_type_id type, sb_err *err)
{
    sb_writer *writer = &graph->writer;
    const uint64_t started = SB_PROFILE_START(graph->profile);
    const uint64_t *place;

    if (writer->pending_rels == 0) return SB_OK;
    if (type != 0) {
        place = sb_map_find(&writer->pending_index, type);
        if (place == NULL || writer->pending[*place].flushed == writer->pending[*place].count)
            return SB_OK;
        SB_TRY(flush_type(graph, (size_t)*place, err));
    } else {
        for (size_t i = 0; i < writer->pending_count; i++)
            SB_TRY(flush_type(graph, i, err));
    }
    writer->stats.flushes++;
    drop_flushed(writer);
    SB_PROFILE_ADD(graph->profile, FLUSHES, 1);
    SB_PROFILE_STOP(graph->profile, FLUSH_NS, started);
    return SB_OK;
}

sb_status sb_graph_flush(sb_graph *graph, sb_err *err)
{
    uint32_t savepoint;

    if (graph->writer.pending_rels == 0) return SB_OK;
    SB_TRY(sb_graph__atomic_begin(graph, &savepoint, err));
    return sb_graph__atomic_end(graph, savepoint, sb_writer__flush(graph, 0, err), err);
}

/* ---- Reading what is pending -------------------------------------------------------------------------------------------- */

/* Bring the chains of a direction up to the pending count. */
static sb_status chain(sb_graph *graph, sb_pending *pending, sb_direction direction, sb_err *err)
{
    sb_pending_chains *chains = &pending->chains[direction];

    if (chains->indexed == pending->count) return SB_OK;
    if (pending->count > UINT32_MAX - 1)
        return SB_FAIL(err, SB_LIMIT, "more than 4 billion relationships are pending");
    SB_TRY(sb_graph__grow(graph->alloc, &chains->next, sizeof *chains->next, pending->count,
                          &chains->capacity, err));
    for (; chains->indexed < pending->count; chains->indexed++) {
        bool inserted;
        uint64_t *head = sb_map_at(&chains->heads,
                                   end_of(&pending->rels[chains->indexed], direction), &inserted);
        if (head == NULL) return SB_FAIL_NOMEM(err);
        chains->next[chains->indexed] = inserted ? 0 : (uint32_t)*head;
        *head = chains->indexed + 1;
    }
    return SB_OK;
}

/* What is pending of a type, with the chains of a direction brought up to date; *pending NULL: nothing. */
static sb_status find_pending(sb_graph *graph, sb_type_id type, sb_direction direction,
                              sb_pending **pending, sb_err *err)
{
    sb_writer *writer = &graph->writer;
    const uint64_t *place;

    *pending = NULL;
    if (writer->pending_rels == 0) return SB_OK;
    place = sb_map_find(&writer->pending_index, type);
    if (place == NULL) return SB_OK;
    sb_pending *const found = &writer->pending[*place];
    if (found->flushed == found->count) return SB_OK;
    SB_TRY(chain(graph, found, direction, err));
    *pending = found;
    return SB_OK;
}

/* The newest pending relationship of a node in a direction + 1; entries lead to older ones, and those up to `flushed` are in the tree. */
static size_t newest_of(const sb_pending *pending, sb_direction direction, sb_node_id node)
{
    const uint64_t *head = sb_map_find(&pending->chains[direction].heads, node);

    return head == NULL ? 0 : (size_t)*head;
}

sb_status sb_graph__pending_between(sb_graph *graph, sb_type_id type, sb_node_id source,
                                    sb_node_id target, sb_buffer *rels, sb_err *err)
{
    sb_pending *pending;
    const size_t before = rels->size / sizeof(sb_rel_id);

    SB_TRY(find_pending(graph, type, SB_OUT, &pending, err));
    if (pending == NULL) return SB_OK;
    SB_TRY(chain(graph, pending, SB_IN, err));
    const size_t out = newest_of(pending, SB_OUT, source), in = newest_of(pending, SB_IN, target);
    const uint32_t *const next_out = pending->chains[SB_OUT].next, *const next_in =
                                                                       pending->chains[SB_IN].next;
    size_t a = out, b = in;
    while (a > pending->flushed && b > pending->flushed) {
        a = next_out[a - 1];
        b = next_in[b - 1];
    }
    const bool by_source = a <= pending->flushed; /* its list is not the longer one */
    const uint32_t *const next = by_source ? next_out : next_in;
    for (size_t i = by_source ? out : in; i > pending->flushed; i = next[i - 1]) {
        const sb_triple *rel = &pending->rels[i - 1];
        if (rel->node == source && rel->neighbor == target &&
            sb_buffer_append(rels, &rel->rel, sizeof rel->rel) != SB_OK)
            return SB_FAIL_NOMEM(err);
    }
    if (rels->size == before * sizeof(sb_rel_id)) return SB_OK;
    sb_rel_id *const found = (sb_rel_id *)(void *)rels->data + before;
    for (size_t i = 0, k = rels->size / sizeof *found - before; i + 1 < k; i++) { /* older first */
        const sb_rel_id rel = found[i];
        found[i] = found[--k];
        found[k] = rel;
    }
    return SB_OK;
}

sb_status sb_graph__pending_list(sb_graph *graph, sb_type_id type, sb_direction direction,
                                 sb_node_id node, const sb_triple **items, size_t *count,
                                 sb_err *err)
{
    sb_writer *writer = &graph->writer;
    const uint32_t *next;
    sb_pending *pending;
    sb_triple *out;
    size_t found = 0;

    *items = NULL;
    *count = 0;
    SB_TRY(find_pending(graph, type, direction, &pending, err));
    if (pending == NULL) return SB_OK;
    const size_t newest = newest_of(pending, direction, node);
    if (newest == 0) return SB_OK;
    next = pending->chains[direction].next;
    for (size_t i = newest; i > pending->flushed; i = next[i - 1])
        found++;
    sb_buffer_reset(&writer->scratch);
    if (sb_buffer_reserve(&writer->scratch, 2 * found * sizeof *out) != SB_OK)
        return SB_FAIL_NOMEM(err);
    out = (sb_triple *)(void *)writer->scratch.data;
    for (size_t i = newest, at = found; i > pending->flushed; i = next[i - 1]) {
        const sb_triple *rel = &pending->rels[i - 1];
        out[--at] = direction == SB_OUT ? *rel : (sb_triple){rel->neighbor, rel->node, rel->rel};
    }
    if (found != 0) sb_triples_sort(out, out + found, found);
    *items = out;
    *count = found;
    return SB_OK;
}

/* ---- Touched entities -------------------------------------------------------------------------------------------------------- */

sb_status sb_writer__touch(sb_graph *graph, sb_entity entity, uint64_t id, sb_err *err)
{
    sb_writer *writer = &graph->writer;

    SB_TRY(sb_graph__grow(graph->alloc, &writer->touched, sizeof *writer->touched,
                          writer->touched_count + 1, &writer->touched_capacity, err));
    writer->touched[writer->touched_count++] = (sb_touched){.id = id, .entity = (uint8_t)entity};
    return SB_OK;
}

void sb_graph_writer_stats(sb_graph *graph, sb_writer_stats *stats)
{
    *stats = graph->writer.stats;
}
