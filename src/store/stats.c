/* stats.c — exact counts: nodes of each label set, relationships of each (label set, type, direction), and sums.
 * Pending changes are deltas in a table; the same table remembers what was read, so that planning a query reads no row
 * twice. When a transaction commits, each row that has deltas is read, changed and written once, in key order: rows
 * hold 64 neighboring counts, so one new node touches one row, one new relationship three.
 * S1  count = base (known, or 0 when the row was read and has no entry) + delta.
 * S2  An entry's delta as a savepoint saw it is in the undo log, or has not changed since. */
#include "store/store_priv.h"

/* A table that was larger than this is given back at the end of the transaction: clearing costs its size. */
#define KEPT_CAPACITY 4096u
#define TYPE_BITS     24u
#define CHUNK_OF(key) ((key) >> SB_STAT_CHUNK_BITS)

static bool has_head(uint64_t key)
{
    const unsigned kind = (unsigned)(key >> 56);
    return kind == SB_STAT_OUT || kind == SB_STAT_IN;
}

/* ---- The table ---------------------------------------------------------------------------------------------- */

void sb_store__stats_init(sb_store__stats *stats, const sb_allocator *alloc)
{
    *stats = (sb_store__stats){0};
    sb_map_init(&stats->index, alloc);
    sb_map_init(&stats->heads_index, alloc);
    sb_map_init(&stats->chunks, alloc);
    sb_buffer_init(&stats->scratch, alloc);
    sb_buffer_init(&stats->emptied, alloc);
}

static void free_arrays(sb_store__stats *stats, const sb_allocator *alloc)
{
    for (size_t i = 0; i < stats->head_capacity; i++) {
        sb_free(alloc, stats->heads[i].types, stats->heads[i].capacity * sizeof(sb_type_id));
    }
    sb_free(alloc, stats->heads, stats->head_capacity * sizeof *stats->heads);
    sb_free(alloc, stats->entries, stats->capacity * sizeof *stats->entries);
    stats->heads = NULL;
    stats->entries = NULL;
    stats->count = stats->capacity = stats->head_count = stats->head_capacity = 0;
    sb_map_deinit(&stats->index);
    sb_map_deinit(&stats->heads_index);
    sb_map_deinit(&stats->chunks);
}

void sb_store__stats_deinit(sb_store__stats *stats, const sb_allocator *alloc)
{
    free_arrays(stats, alloc);
    sb_buffer_deinit(&stats->scratch);
    sb_buffer_deinit(&stats->emptied);
}

void sb_store__stats_clear(sb_store__stats *stats)
{
    sb_map_clear(&stats->index);
    sb_map_clear(&stats->heads_index);
    sb_map_clear(&stats->chunks);
    stats->count = 0;
    stats->head_count = 0;
    stats->last_key[SB_OUT] = stats->last_key[SB_IN] = 0;
}

void sb_store__stats_shrink(sb_store__stats *stats)
{
    if (stats->capacity > KEPT_CAPACITY || stats->chunks.capacity > KEPT_CAPACITY) {
        free_arrays(stats, stats->index.alloc);
        sb_buffer_deinit(&stats->scratch);
    }
    sb_store__stats_clear(stats);
}

static sb_store__stat *find_entry(const sb_store__stats *stats, uint64_t key)
{
    const uint64_t *place = sb_map_find(&stats->index, key);
    return place == NULL ? NULL : &stats->entries[*place];
}

/* The head of a key that has one, made when absent; its place + 1, 0 on no memory. */
static uint32_t head_place(sb_store__stats *stats, uint64_t key)
{
    const size_t old_capacity = stats->head_capacity;
    const uint64_t *found = sb_map_find(&stats->heads_index, key >> TYPE_BITS);

    if (found != NULL) return (uint32_t)*found + 1;
    if (sb_store__grow(stats->index.alloc, &stats->heads, sizeof *stats->heads,
                       stats->head_count + 1, &stats->head_capacity) != SB_OK)
        return 0;
    for (size_t i = old_capacity; i < stats->head_capacity; i++) {
        stats->heads[i] = (sb_store__stat_head){0};
    }
    if (sb_map_put(&stats->heads_index, key >> TYPE_BITS, stats->head_count) != SB_OK) return 0;
    sb_store__stat_head *head = &stats->heads[stats->head_count];
    head->first = 0;
    head->loaded = head->sorted = false;
    head->count = 0;
    return (uint32_t)++stats->head_count;
}

/* The entry of key, made when absent. NULL on no memory. */
static sb_store__stat *entry_at(sb_store__stats *stats, uint64_t key)
{
    sb_store__stat *entry = find_entry(stats, key);
    uint32_t head = 0;

    if (entry != NULL) return entry;
    if (has_head(key) && (head = head_place(stats, key)) == 0) return NULL;
    if (stats->count >= UINT32_MAX - 1 ||
        sb_store__grow(stats->index.alloc, &stats->entries, sizeof *stats->entries,
                       stats->count + 1, &stats->capacity) != SB_OK ||
        sb_map_put(&stats->index, key, stats->count) != SB_OK) {
        return NULL;
    }
    entry = &stats->entries[stats->count++];
    *entry = (sb_store__stat){.key = key, .head = head};
    if (head != 0) {
        entry->next = stats->heads[head - 1].first;
        stats->heads[head - 1].first = (uint32_t)stats->count;
        stats->heads[head - 1].sorted = false;
    }
    return entry;
}

/* ---- Changes --------------------------------------------------------------------------------------------------- */

static bool change_entry(sb_view *view, sb_store__stat *entry, int64_t delta)
{
    if (sb_store__logging(view) && entry->epoch != view->writer.epoch) {
        const sb_store__undo undo = {
            .key = entry->key, .kind = SB_UNDO_STAT, .old.delta = entry->delta};
        if (sb_store__log(view, &undo, &entry->epoch) != SB_OK) return false;
    }
    entry->delta += delta;
    if (entry->head != 0) view->stats.heads[entry->head - 1].sorted = false;
    return true;
}

static void change_key(sb_view *view, uint64_t key, int64_t delta)
{
    sb_store__stat *entry = entry_at(&view->stats, key);
    if (entry == NULL || !change_entry(view, entry, delta)) sb_store__fail(view, SB_NOMEM);
}

void sb_stats_add_nodes(sb_view *view, sb_set_id set, int64_t delta)
{
    SB_ASSERT(view->writer.active);
    change_key(view, SB_STAT_KEY(SB_STAT_NODES, 0, 0) + set + 1, delta);
    change_key(view, SB_STAT_KEY(SB_STAT_NODES, 0, 0), delta);
}

/* Make the entries that a (set, type, direction) touches, and remember their places for the next call. */
static bool find_places(sb_view *view, uint64_t key, sb_type_id type, sb_direction direction)
{
    sb_store__stats *stats = &view->stats;
    const uint64_t keys[3] = {key, SB_STAT_KEY(SB_STAT_TYPES, 0, type),
                              SB_STAT_KEY(SB_STAT_TYPES, 0, 0)};

    if (stats->last_key[direction] == key) return true;
    stats->last_key[direction] = 0;
    for (size_t i = 0; i < (direction == SB_OUT ? 3u : 1u); i++) {
        const sb_store__stat *entry = entry_at(stats, keys[i]);
        if (entry == NULL) return false;
        stats->last_place[direction][i] = (size_t)(entry - stats->entries);
    }
    stats->last_key[direction] = key;
    return true;
}

void sb_stats_add_rels(sb_view *view, sb_set_id set, sb_type_id type, sb_direction direction,
                       int64_t delta)
{
    const uint64_t key = SB_STAT_KEY(direction == SB_OUT ? SB_STAT_OUT : SB_STAT_IN, set, type);

    SB_ASSERT(view->writer.active && (direction == SB_OUT || direction == SB_IN));
    bool done = find_places(view, key, type, direction);
    /* The type's sum counts sources alone, so that each relationship counts once. */
    for (size_t i = 0; done && i < (direction == SB_OUT ? 3u : 1u); i++) {
        done =
            change_entry(view, &view->stats.entries[view->stats.last_place[direction][i]], delta);
    }
    if (!done) sb_store__fail(view, SB_NOMEM);
}

void sb_store__stats_restore(sb_view *view, uint64_t key, int64_t delta)
{
    sb_store__stat *entry = find_entry(&view->stats, key);

    if (entry == NULL && delta == 0) return;
    if (entry == NULL) entry = entry_at(&view->stats, key);
    if (entry == NULL) {
        sb_store__fail(view, SB_NOMEM);
        return;
    }
    entry->delta = delta;
    if (entry->head != 0) view->stats.heads[entry->head - 1].sorted = false;
}

/* ---- Rows ---------------------------------------------------------------------------------------------------------- */

sb_status sb_store__stats_decode(sb_bytes value, uint64_t counts[SB_STAT_CHUNK], sb_err *err)
{
    unsigned next = 0;

    memset(counts, 0, SB_STAT_CHUNK * sizeof counts[0]);
    if (value.size == 0) return SB_OK; /* a row that is not there yet: no pointer to count from */
    const uint8_t *pos = value.data;
    const uint8_t *end = pos + value.size;
    while (pos != end) {
        const unsigned place = *pos++;
        if (place < next || place >= SB_STAT_CHUNK ||
            !sb_varint_decode(&pos, end, &counts[place]) || counts[place] == 0 ||
            counts[place] > INT64_MAX) {
            return SB_FAIL(err, SB_CORRUPT, "catalog: a row of statistics does not decode");
        }
        next = place + 1;
    }
    return SB_OK;
}

static size_t encode_counts(const uint64_t counts[SB_STAT_CHUNK], uint8_t *out)
{
    size_t bytes = 0;

    for (unsigned i = 0; i < SB_STAT_CHUNK; i++) {
        if (counts[i] == 0) continue;
        out[bytes++] = (uint8_t)i;
        bytes += sb_varint_encode(out + bytes, counts[i]);
    }
    return bytes;
}

static sb_status read_row(sb_view *view, uint64_t chunk, uint64_t counts[SB_STAT_CHUNK],
                          bool *found, sb_err *err)
{
    uint8_t key[SB_ROW_KEY_MAX];
    const size_t bytes = sb_store__key_stats(key, chunk);
    sb_page hold = {0};
    sb_bytes value;

    SB_TRY(sb_tree_get(view->txn, sb_store__core_tree(view, SB_CORE_CATALOG),
                       sb_bytes_of(key, bytes), &hold, &value, found, err));
    const sb_status st = sb_store__stats_decode(*found ? value : sb_bytes_of(NULL, 0), counts, err);
    sb_page_release(view->txn, &hold);
    return st;
}

/* Counts of a row into the table. */
static sb_status enter_counts(sb_view *view, uint64_t chunk, const uint64_t counts[SB_STAT_CHUNK],
                              sb_err *err)
{
    for (unsigned i = 0; i < SB_STAT_CHUNK; i++) {
        if (counts[i] == 0) continue;
        sb_store__stat *entry = entry_at(&view->stats, (chunk << SB_STAT_CHUNK_BITS) + i);
        if (entry == NULL) return SB_FAIL_NOMEM(err);
        entry->base = counts[i];
        entry->known = true;
    }
    return SB_OK;
}

/* A read view's table holds only what was read, so it can be dropped when it has grown large. */
static void bound_table(sb_view *view)
{
    if (!view->writer.active && view->stats.count > SB_STATS_PENDING_MAX)
        sb_store__stats_shrink(&view->stats);
}

static sb_status load_chunk(sb_view *view, uint64_t chunk, sb_err *err)
{
    uint64_t counts[SB_STAT_CHUNK];
    bool found;

    SB_TRY(read_row(view, chunk, counts, &found, err));
    SB_TRY(enter_counts(view, chunk, counts, err));
    return sb_map_put(&view->stats.chunks, chunk, 1) == SB_OK ? SB_OK : SB_FAIL_NOMEM(err);
}

static bool row_was_read(const sb_store__stats *stats, uint64_t key)
{
    if (sb_map_find(&stats->chunks, CHUNK_OF(key)) != NULL) return true;
    if (!has_head(key)) return false;
    const uint64_t *head = sb_map_find(&stats->heads_index, key >> TYPE_BITS);
    return head != NULL && stats->heads[*head].loaded;
}

static uint64_t count_of(const sb_store__stat *entry)
{
    const int64_t base = entry->known ? (int64_t)entry->base : 0;
    const int64_t sum = (int64_t)((uint64_t)base + (uint64_t)entry->delta);
    return sum < 0 ? 0
                   : (uint64_t)sum; /* in the middle of a change; at commit it would be an error */
}

static sb_status read_count(sb_view *view, uint64_t key, uint64_t *count, sb_err *err)
{
    const sb_store__stat *entry = find_entry(&view->stats, key);

    *count = 0;
    if (entry == NULL || !entry->known) {
        if (!row_was_read(&view->stats, key)) {
            bound_table(view);
            SB_TRY(load_chunk(view, CHUNK_OF(key), err));
        }
        entry = find_entry(&view->stats, key);
    }
    if (entry != NULL) *count = count_of(entry);
    return SB_OK;
}

/* ---- Reading --------------------------------------------------------------------------------------------------------- */

sb_status sb_stats_nodes_of_set(sb_view *view, sb_set_id set, uint64_t *count, sb_err *err)
{
    return read_count(view, SB_STAT_KEY(SB_STAT_NODES, 0, 0) + set + 1, count, err);
}

sb_status sb_stats_nodes_of_label(sb_view *view, sb_label_id label, uint64_t *count, sb_err *err)
{
    size_t set_count;

    if (label == 0) return read_count(view, SB_STAT_KEY(SB_STAT_NODES, 0, 0), count, err);
    const sb_set_id *sets = sb_label_sets(view, label, &set_count);
    *count = 0;
    for (size_t i = 0; i < set_count; i++) {
        uint64_t part;
        SB_TRY(sb_stats_nodes_of_set(view, sets[i], &part, err));
        *count += part;
    }
    return SB_OK;
}

sb_status sb_stats_rels_of_type(sb_view *view, sb_type_id type, uint64_t *count, sb_err *err)
{
    *count = 0;
    if (type > SB_TYPE_ID_MAX) return SB_OK; /* nobody's number */
    return read_count(view, SB_STAT_KEY(SB_STAT_TYPES, 0, type), count, err);
}

sb_status sb_stats_rels_of(sb_view *view, sb_set_id set, sb_type_id type, sb_direction direction,
                           uint64_t *count, sb_err *err)
{
    return read_count(
        view,
        SB_STAT_KEY(direction == SB_OUT ? SB_STAT_OUT : SB_STAT_IN, set, type & SB_TYPE_ID_MAX),
        count, err);
}

/* Every row of a (set, direction) into the table: one descent and a walk. */
static sb_status load_rows(sb_view *view, uint64_t first_key, sb_cursor *cursor, sb_err *err)
{
    uint8_t key[SB_ROW_KEY_MAX];
    const size_t bytes = sb_store__key_stats(key, CHUNK_OF(first_key));
    const uint64_t last_chunk = CHUNK_OF(first_key + SB_TYPE_ID_MAX);
    bool found;

    SB_TRY(sb_cursor_seek(cursor, sb_bytes_of(key, bytes), &found, err));
    while (found) {
        const sb_bytes row = sb_cursor_key(cursor);
        uint64_t counts[SB_STAT_CHUNK];
        if (row.size != 8)
            return SB_FAIL(err, SB_CORRUPT, "catalog: the key of a row of statistics has %zu bytes",
                           row.size);
        const uint64_t chunk = sb_load_be64(row.data) & 0x00FFFFFFFFFFFFFFull;
        if (chunk > last_chunk) break;
        SB_TRY(sb_store__stats_decode(sb_cursor_value(cursor), counts, err));
        SB_TRY(enter_counts(view, chunk, counts, err));
        SB_TRY(sb_cursor_next(cursor, &found, err));
    }
    return SB_OK;
}

static sb_status load_head(sb_view *view, size_t place, uint64_t first_key, sb_err *err)
{
    sb_cursor *cursor = NULL;

    SB_TRY(sb_cursor_open(view->txn, sb_store__core_tree(view, SB_CORE_CATALOG), &cursor, err));
    const sb_status st = load_rows(view, first_key, cursor, err);
    sb_cursor_close(cursor);
    if (st == SB_OK) view->stats.heads[place].loaded = true;
    return st;
}

static sb_status sort_types(sb_view *view, sb_store__stat_head *head, sb_err *err)
{
    sb_store__stats *stats = &view->stats;
    size_t count = 0;

    sb_buffer_reset(&stats->scratch);
    for (uint32_t place = head->first; place != 0; place = stats->entries[place - 1].next) {
        const sb_store__stat *entry = &stats->entries[place - 1];
        const uint64_t type = entry->key & SB_TYPE_ID_MAX;
        if (count_of(entry) == 0) continue;
        if (sb_buffer_append(&stats->scratch, &type, sizeof type) != SB_OK)
            return SB_FAIL_NOMEM(err);
        count++;
    }
    if (sb_buffer_reserve(&stats->scratch, count * sizeof(uint64_t)) != SB_OK ||
        sb_store__grow(stats->index.alloc, &head->types, sizeof *head->types, count,
                       &head->capacity) != SB_OK) {
        return SB_FAIL_NOMEM(err);
    }
    uint64_t *types = (uint64_t *)(void *)stats->scratch.data;
    if (!sb_u64_sorted(types, count)) sb_u64_sort(types, types + count, count);
    for (size_t i = 0; i < count; i++) {
        head->types[i] = (sb_type_id)types[i];
    }
    head->count = count;
    head->sorted = true;
    return SB_OK;
}

sb_status sb_stats_types_at(sb_view *view, sb_set_id set, sb_direction direction,
                            const sb_type_id **types, size_t *count, sb_err *err)
{
    const uint64_t key = SB_STAT_KEY(direction == SB_OUT ? SB_STAT_OUT : SB_STAT_IN, set, 0);

    *types = NULL;
    *count = 0;
    bound_table(view);
    const uint32_t place = head_place(&view->stats, key);
    if (place == 0) return SB_FAIL_NOMEM(err);
    if (!view->stats.heads[place - 1].loaded) SB_TRY(load_head(view, place - 1, key, err));
    sb_store__stat_head *head = &view->stats.heads[place - 1];
    if (!head->sorted) SB_TRY(sort_types(view, head, err));
    *types = head->types;
    *count = head->count;
    return SB_OK;
}

/* ---- Writing out --------------------------------------------------------------------------------------------------------- */

/* Pairs (key, place) of the entries with a delta, in order of key. */
static sb_status sort_pending(sb_store__stats *stats, const sb_pair **pairs, size_t *count)
{
    *count = 0;
    sb_buffer_reset(&stats->scratch);
    for (size_t i = 0; i < stats->count; i++) {
        const sb_pair pair = {.key = stats->entries[i].key, .value = i};
        if (stats->entries[i].delta == 0) continue;
        SB_TRY(sb_buffer_append(&stats->scratch, &pair, sizeof pair));
        ++*count;
    }
    SB_TRY(sb_buffer_reserve(&stats->scratch, *count * sizeof(sb_pair)));
    sb_pair *sorted = (sb_pair *)(void *)stats->scratch.data;
    if (!sb_pairs_sorted(sorted, *count)) sb_pairs_sort(sorted, sorted + *count, *count);
    *pairs = sorted;
    return SB_OK;
}

static sb_status apply_delta(uint64_t *count, const sb_store__stat *entry, sb_err *err)
{
    const int64_t sum = (int64_t)(*count + (uint64_t)entry->delta);

    if (sum < 0) {
        return SB_FAIL(err, SB_CORRUPT, "statistics: the count under key %llx would be %lld",
                       (unsigned long long)entry->key, (long long)sum);
    }
    *count = (uint64_t)sum;
    return SB_OK;
}

/* One row with the deltas of pairs[0 .. count), all of its chunk. */
static sb_status gather_row(sb_view *view, const sb_pair *pairs, size_t count, sb_err *err)
{
    const uint64_t chunk = CHUNK_OF(pairs[0].key);
    uint64_t counts[SB_STAT_CHUNK];
    uint8_t key[SB_ROW_KEY_MAX], value[SB_STAT_ROW_MAX];
    bool found;

    SB_TRY(read_row(view, chunk, counts, &found, err));
    for (size_t i = 0; i < count; i++) {
        SB_TRY(apply_delta(&counts[pairs[i].key % SB_STAT_CHUNK],
                           &view->stats.entries[pairs[i].value], err));
    }
    const size_t value_bytes = encode_counts(counts, value);
    const size_t key_bytes = sb_store__key_stats(key, chunk);
    if (value_bytes == 0) {
        if (!found) return SB_OK;
        return sb_buffer_append(&view->stats.emptied, &chunk, sizeof chunk) == SB_OK
                   ? SB_OK
                   : SB_FAIL_NOMEM(err);
    }
    const sb_status st = sb_store__batch_add(&view->writer.batch, sb_bytes_of(key, key_bytes),
                                             sb_bytes_of(value, value_bytes));
    return st == SB_OK ? SB_OK : SB_FAIL_NOMEM(err);
}

sb_status sb_store__stats_gather(sb_view *view, sb_err *err)
{
    const sb_pair *pairs;
    size_t count, begin = 0;

    sb_buffer_reset(&view->stats.emptied);
    if (sort_pending(&view->stats, &pairs, &count) != SB_OK) return SB_FAIL_NOMEM(err);
    while (begin < count) {
        size_t end = begin + 1;
        while (end < count && CHUNK_OF(pairs[end].key) == CHUNK_OF(pairs[begin].key)) {
            end++;
        }
        SB_TRY(gather_row(view, pairs + begin, end - begin, err));
        begin = end;
    }
    return SB_OK;
}

sb_status sb_store__stats_delete_emptied(sb_view *view, sb_err *err)
{
    const sb_buffer *emptied = &view->stats.emptied;

    for (size_t off = 0; off < emptied->size; off += sizeof(uint64_t)) {
        uint8_t key[SB_ROW_KEY_MAX];
        uint64_t chunk;
        bool found;
        memcpy(&chunk, emptied->data + off, sizeof chunk);
        const size_t bytes = sb_store__key_stats(key, chunk);
        SB_TRY(sb_tree_delete(view->txn, sb_store__core_tree(view, SB_CORE_CATALOG),
                              sb_bytes_of(key, bytes), &found, err));
    }
    return SB_OK;
}

/* S2: what an open savepoint has not seen recorded, before the deltas go. */
static sb_status log_all(sb_view *view)
{
    for (size_t i = 0; i < view->stats.count && sb_store__logging(view); i++) {
        sb_store__stat *entry = &view->stats.entries[i];
        const sb_store__undo undo = {
            .key = entry->key, .kind = SB_UNDO_STAT, .old.delta = entry->delta};
        if (entry->delta == 0) continue;
        SB_TRY(sb_store__log(view, &undo, &entry->epoch));
    }
    return SB_OK;
}

sb_status sb_store__stats_flush(sb_view *view, sb_err *err)
{
    const sb_item *items;
    size_t count;

    sb_store__batch_reset(&view->writer.batch);
    if (log_all(view) != SB_OK) return SB_FAIL_NOMEM(err);
    SB_TRY(sb_store__stats_gather(view, err));
    if (sb_store__batch_items(&view->writer.batch, &items, &count) != SB_OK)
        return SB_FAIL_NOMEM(err);
    if (count != 0)
        SB_TRY(sb_tree_put_many(view->txn, sb_store__core_tree(view, SB_CORE_CATALOG), items, count,
                                err));
    SB_TRY(sb_store__stats_delete_emptied(view, err));
    sb_store__stats_clear(&view->stats);
    view->writer.flushes++;
    return SB_OK;
}

/* ---- Visiting -------------------------------------------------------------------------------------------------------------- */

typedef struct each {
    sb_stats_visit visit;
    void *ctx;
} each;

static sb_status visit_row(void *ctx, sb_bytes key, sb_bytes value, sb_err *err)
{
    const each *e = ctx;
    uint64_t counts[SB_STAT_CHUNK];

    if (key.size != 8)
        return SB_FAIL(err, SB_CORRUPT, "catalog: the key of a row of statistics has %zu bytes",
                       key.size);
    const uint64_t first = (sb_load_be64(key.data) & 0x00FFFFFFFFFFFFFFull) << SB_STAT_CHUNK_BITS;
    SB_TRY(sb_store__stats_decode(value, counts, err));
    for (unsigned i = 0; i < SB_STAT_CHUNK; i++) {
        const uint64_t stat = first + i;
        const unsigned kind = (unsigned)(stat >> 56);
        if (counts[i] == 0) continue;
        if (kind == SB_STAT_NODES && stat != 0)
            SB_TRY(e->visit(e->ctx, 0, (sb_set_id)(stat - 1), 0, SB_OUT, counts[i]));
        if (kind == SB_STAT_OUT || kind == SB_STAT_IN) {
            SB_TRY(e->visit(e->ctx, 1, (sb_set_id)(stat >> TYPE_BITS),
                            (sb_type_id)(stat & SB_TYPE_ID_MAX),
                            kind == SB_STAT_OUT ? SB_OUT : SB_IN, counts[i]));
        }
    }
    return SB_OK;
}

sb_status sb_stats_each(sb_view *view, sb_stats_visit visit, void *ctx, sb_err *err)
{
    each e = {.visit = visit, .ctx = ctx};

    if (view->writer.active) SB_TRY(sb_store__stats_flush(view, err));
    return sb_store__each_row(view, SB_ROW_STATS, visit_row, &e, err);
}
