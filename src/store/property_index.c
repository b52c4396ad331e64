/* property_index.c — look-ups and range scans of a property index: a slotted tree of keys without values.
 * A range is turned into two keys, start (inclusive) and end (exclusive); everything between them, and nothing else, is
 * in the range, but for cut keys (value_key.c, K3): where a bound is longer than what a cut key keeps, all entries that agree with
 * it so far are in, and the caller checks their rows. */
#include "store/index_priv.h"
#include "store/value_priv.h"

/* ---- Look-up ---------------------------------------------------------------------------------------------- */

static SB_COLD sb_status fail_no_id(uint32_t schema_id, sb_err *err)
{
    return SB_FAIL(err, SB_CORRUPT, "index %u: an entry has no id", schema_id);
}

sb_status sb_index_lookup(sb_view *view, uint32_t schema_id, const sb_value *values,
                          size_t value_count, uint64_t *id, bool *cut, sb_err *err)
{
    uint8_t tail[SB_ENTRY_ID_BYTES];
    sb_buffer *key = &view->key_scratch;
    sb_store__schema *schema;
    size_t limit, tail_size;
    bool matches, found;
    sb_tree_word word;

    *id = 0;
    *cut = false;
    SB_TRY(sb_index__schema(view, schema_id, &schema, err));
    if (SB_UNLIKELY(value_count != schema->definition.key_count))
        return SB_FAIL(err, SB_MISUSE, "index %u has %u keys, not %zu", schema_id,
                       schema->definition.key_count, value_count);
    if (SB_LIKELY(value_count == 1 && sb_value__key_word(values, &word))) {
        SB_TRY(
            sb_tree_get_word(view->txn, &schema->tree, word, SB_ENTRY_ID_BYTES, id, &found, err));
        return SB_LIKELY(!found || *id != 0) ? SB_OK : fail_no_id(schema_id, err);
    }
    SB_TRY(sb_index__value_limit(view, value_count, &limit, err));
    sb_buffer_reset(key);
    SB_TRY(sb_index__append_values(values, value_count, limit, key, cut, &matches, err));
    if (!matches) return SB_OK;
    SB_TRY(sb_tree_get_prefix(view->txn, &schema->tree, sb_buffer_bytes(key), tail, sizeof tail,
                              &tail_size, &found, err));
    if (!found) return SB_OK;
    *id = (uint64_t)tail[0] << 32 | sb_load_be32(tail + 1);
    if (SB_UNLIKELY(tail_size != sizeof tail || *id == 0)) {
        *id = 0;
        return fail_no_id(schema_id, err);
    }
    return SB_OK;
}

/* Look-ups whose keys are built side by side before the tree is asked. */
#define BATCH 64u

typedef struct lookup_batch {
    size_t ends[BATCH]; /* of each key in the view's buffer */
    sb_bytes keys[BATCH];
    size_t places[BATCH]; /* which look-up it is */
    bool found[BATCH];
    uint8_t tails[BATCH][SB_ENTRY_ID_BYTES];
    size_t count;
} lookup_batch;

/* Keys of up to BATCH look-ups from first on; those that nothing matches are left out. */
static sb_status build_keys(sb_buffer *key, const sb_value *values, size_t key_count, size_t limit,
                            size_t first, size_t end, lookup_batch *batch, bool *any_cut,
                            sb_err *err)
{
    bool cut, matches;

    batch->count = 0;
    sb_buffer_reset(key);
    for (size_t i = first; i < end; i++) {
        const size_t size_before = key->size;
        SB_TRY(sb_index__append_values(values + i * key_count, key_count, limit, key, &cut,
                                       &matches, err));
        if (!matches) {
            key->size = size_before;
            continue;
        }
        *any_cut |= cut;
        batch->places[batch->count] = i;
        batch->ends[batch->count++] = key->size;
    }
    for (size_t k = 0, begin = 0; k < batch->count; begin = batch->ends[k++])
        batch->keys[k] = sb_bytes_of(key->data + begin, batch->ends[k] - begin);
    return SB_OK;
}

/* Look-ups of one key each, at most BATCH, if all their keys are words: *done. */
static sb_status look_up_words(sb_view *view, sb_store__schema *schema, const sb_value *values,
                               size_t count, uint64_t *ids, bool *done, sb_err *err)
{
    sb_tree_word words[BATCH];
    bool found[BATCH];

    for (size_t k = 0; k < count; k++) {
        *done = sb_value__key_word(&values[k], &words[k]);
        if (!*done) return SB_OK;
    }
    SB_TRY(sb_tree_get_words(view->txn, &schema->tree, words, count, SB_ENTRY_ID_BYTES, ids, found,
                             err));
    for (size_t k = 0; k < count; k++) {
        if (SB_UNLIKELY(!found[k]))
            ids[k] = 0;
        else if (SB_UNLIKELY(ids[k] == 0))
            return fail_no_id(schema->definition.id, err);
    }
    return SB_OK;
}

sb_status sb_index_lookup_many(sb_view *view, uint32_t schema_id, const sb_value *values,
                               size_t count, uint64_t *ids, bool *cut, sb_err *err)
{
    sb_store__schema *schema;
    lookup_batch batch;
    size_t limit;

    *cut = false;
    if (count != 0) memset(ids, 0, count * sizeof *ids);
    SB_TRY(sb_index__schema(view, schema_id, &schema, err));
    const size_t key_count = schema->definition.key_count;
    SB_TRY(sb_index__value_limit(view, key_count, &limit, err));
    for (size_t first = 0; first < count; first += BATCH) {
        const size_t end = count - first < BATCH ? count : first + BATCH;
        bool done = false;
        if (key_count == 1)
            SB_TRY(
                look_up_words(view, schema, values + first, end - first, ids + first, &done, err));
        if (done) continue;
        SB_TRY(
            build_keys(&view->key_scratch, values, key_count, limit, first, end, &batch, cut, err));
        SB_TRY(sb_tree_get_prefix_many(view->txn, &schema->tree, batch.keys, batch.count,
                                       batch.tails[0], SB_ENTRY_ID_BYTES, batch.found, err));
        for (size_t k = 0; k < batch.count; k++) {
            /* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Branch) — filled by the call above */
            if (!batch.found[k]) continue;
            const uint64_t id =
                (uint64_t)batch.tails[k][0] << 32 | sb_load_be32(batch.tails[k] + 1);
            if (SB_UNLIKELY(id == 0)) return fail_no_id(schema_id, err);
            ids[batch.places[k]] = id;
        }
    }
    return SB_OK;
}

/* ---- Scans ---------------------------------------------------------------------------------------------------- */

struct sb_index_scan {
    const sb_allocator *alloc;
    sb_cursor *cursor;
    sb_arena *arena;  /* to look into keys that may be cut; NULL until one comes */
    sb_buffer start;  /* first key of the range; empty: no bound */
    sb_buffer end;    /* first key behind it; empty: no bound */
    sb_buffer keys;   /* copies of the keys handed out last */
    size_t key_count; /* values of an entry */
    size_t limit;     /* of each value's key */
    bool descending;
    bool begun; /* the cursor is in place */
    bool done;  /* nothing (more) is in the range */
    bool cut;   /* of the batch handed out last */
};

/* The least bytes above everything that begins with bytes: cut behind the last byte that can be raised. Empty
 * when there are none, but keys do not begin with 0xFF. */
static void raise_bytes(sb_buffer *bytes)
{
    while (bytes->size > 0 && bytes->data[bytes->size - 1] == 0xFF)
        bytes->size--;
    if (bytes->size > 0) bytes->data[bytes->size - 1]++;
}

/* Append the key of a bound. A cut one is taken without its hash: *cut. */
static sb_status append_bound(sb_index_scan *scan, sb_buffer *bytes, const sb_value *bound,
                              bool *cut, sb_err *err)
{
    const size_t begin = bytes->size;

    SB_TRY(sb_value_append_key(bound, scan->limit, bytes, cut, err));
    if (*cut) bytes->size = begin + SB_KEY_FIRST_BYTES(scan->limit);
    return SB_OK;
}

static sb_status append_byte(sb_buffer *bytes, uint8_t byte, sb_err *err)
{
    return sb_buffer_append_byte(bytes, byte) == SB_OK ? SB_OK : SB_FAIL_NOMEM(err);
}

/* start and end have the keys of the equal values: add the bounds of the next one. */
static sb_status add_bounds(sb_index_scan *scan, const sb_index_range *range, sb_err *err)
{
    uint8_t first, behind;
    bool cut = false;

    if (range->low == NULL && range->high == NULL) {
        raise_bytes(&scan->end);
        return SB_OK;
    }
    sb_value__key_class(range->low != NULL ? range->low : range->high, &first, &behind);
    if (range->low == NULL) {
        SB_TRY(append_byte(&scan->start, first, err));
    } else {
        SB_TRY(append_bound(scan, &scan->start, range->low, &cut, err));
        if (!range->low_inclusive && !cut) raise_bytes(&scan->start);
    }
    if (range->high == NULL) {
        SB_TRY(append_byte(&scan->end, behind, err));
    } else {
        SB_TRY(append_bound(scan, &scan->end, range->high, &cut, err));
        if (range->high_inclusive || cut) raise_bytes(&scan->end);
    }
    return SB_OK;
}

/* A bound that nothing compares with, or two of different types: nothing lies between. */
static bool bounds_match(const sb_index_range *range)
{
    const sb_value *bounds[2] = {range->low, range->high};
    uint8_t first[2] = {0, 0}, behind;

    for (int i = 0; i < 2; i++) {
        if (bounds[i] == NULL) continue;
        if (bounds[i]->type == SB_TYPE_NULL || sb_value__has_nan(bounds[i])) return false;
        sb_value__key_class(bounds[i], &first[i], &behind);
    }
    return range->low == NULL || range->high == NULL || first[0] == first[1];
}

static sb_status make_bounds(sb_index_scan *scan, const sb_index_range *range, sb_err *err)
{
    bool cut, matches;

    SB_TRY(sb_index__append_values(range->equal, range->equal_count, scan->limit, &scan->start,
                                   &cut, &matches, err));
    if (sb_buffer_append(&scan->end, scan->start.data, scan->start.size) != SB_OK)
        return SB_FAIL_NOMEM(err);
    if (!matches || !bounds_match(range)) {
        scan->done = true;
        return SB_OK;
    }
    return add_bounds(scan, range, err);
}

static bool below_end(const sb_index_scan *scan, sb_bytes key)
{
    return scan->end.size == 0 || sb_bytes_compare(key, sb_buffer_bytes(&scan->end)) < 0;
}

static bool in_range(const sb_index_scan *scan, sb_bytes key)
{
    if (!scan->descending) return below_end(scan, key);
    return sb_bytes_compare(key, sb_buffer_bytes(&scan->start)) >= 0;
}

/* To the first entry of the range in the scan's direction, if there is one. */
static sb_status begin_scan(sb_index_scan *scan, sb_err *err)
{
    bool found = false;

    scan->begun = true;
    if (!scan->descending) {
        SB_TRY(scan->start.size != 0
                   ? sb_cursor_seek(scan->cursor, sb_buffer_bytes(&scan->start), &found, err)
                   : sb_cursor_first(scan->cursor, &found, err));
    } else {
        SB_TRY(scan->end.size != 0
                   ? sb_cursor_seek_before(scan->cursor, sb_buffer_bytes(&scan->end), &found, err)
                   : sb_cursor_last(scan->cursor, &found, err));
        while (found && !below_end(scan, sb_cursor_key(scan->cursor)))
            SB_TRY(sb_cursor_prev(scan->cursor, &found, err));
    }
    scan->done = !found;
    return SB_OK;
}

/* Does an entry have a cut value? A cut value's key has exactly the limit's length, so most are told by theirs. */
static sb_status look_for_cut(sb_index_scan *scan, sb_bytes key, bool *cut, sb_err *err)
{
    *cut = false;
    if (SB_LIKELY(key.size < scan->limit + SB_ENTRY_ID_BYTES)) return SB_OK;
    if (scan->arena == NULL) scan->arena = sb_arena_create(scan->alloc, NULL);
    if (scan->arena == NULL) return SB_FAIL_NOMEM(err);
    const uint8_t *pos = key.data, *end = key.data + key.size - SB_ENTRY_ID_BYTES;
    for (size_t i = 0; i < scan->key_count; i++) {
        sb_value value;
        bool whole;
        SB_TRY(sb_value_from_key(&pos, end, scan->limit, scan->arena, &value, &whole, err));
        if (!whole) *cut = true;
    }
    sb_arena_reset(scan->arena);
    return SB_OK;
}

static void free_scan(sb_index_scan *scan)
{
    sb_cursor_close(scan->cursor);
    sb_arena_destroy(scan->arena);
    sb_buffer_deinit(&scan->start);
    sb_buffer_deinit(&scan->end);
    sb_buffer_deinit(&scan->keys);
    sb_free(scan->alloc, scan, sizeof *scan);
}

sb_status sb_index_scan_open(sb_view *view, uint32_t schema_id, const sb_index_range *range,
                             sb_index_scan **scan, sb_err *err)
{
    sb_store__schema *schema;
    size_t limit;
    sb_status st;

    *scan = NULL;
    SB_TRY(sb_index__schema(view, schema_id, &schema, err));
    const size_t key_count = schema->definition.key_count;
    const size_t bounded = range->equal_count + (range->low != NULL || range->high != NULL);
    if (bounded > key_count)
        return SB_FAIL(err, SB_MISUSE, "index %u has %zu keys, not %zu", schema_id, key_count,
                       bounded);
    SB_TRY(sb_index__value_limit(view, key_count, &limit, err));
    sb_index_scan *made = sb_alloc_zero(view->alloc, sizeof *made);
    if (made == NULL) return SB_FAIL_NOMEM(err);
    made->alloc = view->alloc;
    made->key_count = key_count;
    made->limit = limit;
    made->descending = range->descending;
    sb_buffer_init(&made->start, view->alloc);
    sb_buffer_init(&made->end, view->alloc);
    sb_buffer_init(&made->keys, view->alloc);
    st = make_bounds(made, range, err);
    if (st == SB_OK) st = sb_cursor_open(view->txn, &schema->tree, &made->cursor, err);
    if (st != SB_OK) {
        free_scan(made);
        return st;
    }
    *scan = made;
    return SB_OK;
}

/* The entry at the cursor: its id, and whether it is cut; its key is copied behind the others when wanted. */
static sb_status take_entry(sb_index_scan *scan, sb_bytes key, uint64_t *id, bool copy, sb_err *err)
{
    bool cut;

    SB_TRY(sb_index_entry_id(key, id, err));
    SB_TRY(look_for_cut(scan, key, &cut, err));
    scan->cut |= cut;
    if (copy && sb_buffer_append(&scan->keys, key.data, key.size) != SB_OK)
        return SB_FAIL_NOMEM(err);
    return SB_OK;
}

sb_status sb_index_scan_next(sb_index_scan *scan, uint64_t *ids, sb_bytes *keys, size_t capacity,
                             size_t *count, sb_err *err)
{
    size_t taken = 0;

    *count = 0;
    scan->cut = false;
    sb_buffer_reset(&scan->keys);
    if (scan->done) return SB_OK;
    if (!scan->begun) SB_TRY(begin_scan(scan, err));
    while (!scan->done && taken < capacity) {
        const sb_bytes key = sb_cursor_key(scan->cursor);
        bool found;
        if (!in_range(scan, key)) {
            scan->done = true;
            break;
        }
        SB_TRY(take_entry(scan, key, &ids[taken], keys != NULL, err));
        if (keys != NULL) keys[taken] = key; /* for its size: the bytes move */
        taken++;
        /* Now, not at the next call: the caller may delete what it was given. */
        SB_TRY(scan->descending ? sb_cursor_prev(scan->cursor, &found, err)
                                : sb_cursor_next(scan->cursor, &found, err));
        scan->done = !found;
    }
    if (keys != NULL) {
        const uint8_t *data = scan->keys.data;
        for (size_t i = 0; i < taken; i++) {
            keys[i].data = data;
            data += keys[i].size;
        }
    }
    *count = taken;
    return SB_OK;
}

bool sb_index_scan_cut(const sb_index_scan *scan)
{
    return scan->cut;
}

void sb_index_scan_close(sb_index_scan *scan)
{
    if (scan != NULL) free_scan(scan);
}
