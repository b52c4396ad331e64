/* bulk_ids.c — tables from external ids to nodes. Numbers that lie densely index an array, whatever order they come in;
 * other numbers are in a hash table, texts in one with their bytes. */
#include "graph/bulk_priv.h"

/* The array may have this many places at once, and eight times as many as there are ids. */
#define DENSE_FREE   ((size_t)1 << 21)
#define DENSE_FACTOR 8u
#define KEY_BLOCK    65536u

struct sb_id_text {
    const uint8_t *data; /* arena(keys) */
    uint32_t size, hash;
    uint64_t value; /* 0: free place */
};

sb_status sb_ids__init(sb_ids *ids, const sb_allocator *alloc, uint64_t seed, sb_err *err)
{
    *ids = (sb_ids){.alloc = alloc, .seed = seed};
    sb_map_init(&ids->sparse, alloc);
    ids->keys = sb_arena_create(alloc, NULL);
    return ids->keys != NULL ? SB_OK : SB_FAIL_NOMEM(err);
}

void sb_ids__deinit(sb_ids *ids)
{
    if (ids->alloc == NULL) return;
    if (ids->dense != NULL) sb_free(ids->alloc, ids->dense, ids->dense_count * sizeof *ids->dense);
    if (ids->narrow != NULL)
        sb_free(ids->alloc, ids->narrow, ids->dense_count * sizeof *ids->narrow);
    sb_free(ids->alloc, ids->texts, ids->text_capacity * sizeof *ids->texts);
    sb_map_deinit(&ids->sparse);
    sb_arena_destroy(ids->keys);
    *ids = (sb_ids){0};
}

sb_id_cell sb_ids__cell(const sb_ids *ids, sb_bytes text)
{
    sb_id_cell cell = {.text = text};
    uint64_t number = 0;
    size_t i = 0;

    /* Up to 18 digits without a zero in front. */
    if (text.size != 0 && text.size <= 18 && (text.data[0] != '0' || text.size == 1)) {
        for (; i < text.size; i++) {
            const unsigned digit = (unsigned)text.data[i] - '0';
            if (digit > 9) break;
            number = number * 10 + digit;
        }
        if (i == text.size) {
            cell.is_number = true;
            cell.number = number;
            return cell;
        }
    }
    cell.hash = sb_hash_bytes(text.data, text.size, ids->seed);
    return cell;
}

/* ---- Numbers ------------------------------------------------------------------------------------------------- */

static uint64_t find_number(const sb_ids *ids, uint64_t number)
{
    if (number < ids->dense_count) {
        const uint64_t value = ids->narrow != NULL ? ids->narrow[number] : ids->dense[number];
        if (value != 0) return value;
    }
    if (ids->sparse.count == 0) return 0;
    const uint64_t *value = sb_map_find(&ids->sparse, number);
    return value != NULL ? *value : 0;
}

static sb_status grow_dense(sb_ids *ids, uint64_t number, sb_err *err)
{
    const size_t count = (size_t)sb_pow2_ceil(number + 1 < 1024 ? 1024 : number + 1);

    uint64_t *grown = sb_alloc_zero(ids->alloc, count * sizeof *grown);
    if (grown == NULL) return SB_FAIL_NOMEM(err);
    if (ids->dense_count != 0) memcpy(grown, ids->dense, ids->dense_count * sizeof *grown);
    sb_free(ids->alloc, ids->dense, ids->dense_count * sizeof *grown);
    ids->dense = grown;
    ids->dense_count = count;
    return SB_OK;
}

static sb_status add_number(sb_ids *ids, uint64_t number, uint64_t value, sb_err *err)
{
    if (number >= ids->dense_count && (number < DENSE_FREE || number / DENSE_FACTOR < ids->count))
        SB_TRY(grow_dense(ids, number, err));
    if (number < ids->dense_count) {
        ids->dense[number] = value;
        return SB_OK;
    }
    return sb_map_put(&ids->sparse, number, value) == SB_OK ? SB_OK : SB_FAIL_NOMEM(err);
}

/* ---- Texts ------------------------------------------------------------------------------------------------------- */

/* The place of a text, or the free one where it belongs. The table is not full. */
static sb_id_text *probe(const sb_ids *ids, const sb_id_cell *cell)
{
    const size_t mask = ids->text_capacity - 1;
    size_t place = (size_t)cell->hash & mask;

    for (;; place = (place + 1) & mask) {
        sb_id_text *entry = &ids->texts[place];
        if (entry->value == 0) return entry;
        if (entry->hash == (uint32_t)(cell->hash >> 32) && entry->size == cell->text.size &&
            memcmp(entry->data, cell->text.data, cell->text.size) == 0)
            return entry;
    }
}

static sb_status grow_texts(sb_ids *ids, sb_err *err)
{
    const size_t old_capacity = ids->text_capacity,
                 capacity = old_capacity == 0 ? 1024 : 2 * old_capacity;
    sb_id_text *old = ids->texts;
    size_t bytes;

    if (!sb_mul_size(capacity, sizeof *old, &bytes)) return SB_FAIL_NOMEM(err);
    sb_id_text *grown = sb_alloc_zero(ids->alloc, bytes);
    if (grown == NULL) return SB_FAIL_NOMEM(err);
    for (size_t i = 0; i < old_capacity; i++) {
        if (old[i].value == 0) continue;
        size_t place = (size_t)sb_hash_bytes(old[i].data, old[i].size, ids->seed) & (capacity - 1);
        while (grown[place].value != 0)
            place = (place + 1) & (capacity - 1);
        grown[place] = old[i];
    }
    sb_free(ids->alloc, old, old_capacity * sizeof *old);
    ids->texts = grown;
    ids->text_capacity = capacity;
    return SB_OK;
}

static sb_status keep_key(sb_ids *ids, sb_bytes text, const uint8_t **data, sb_err *err)
{
    if (text.size > ids->key_left) {
        const size_t bytes = text.size > KEY_BLOCK / 4 ? text.size : KEY_BLOCK;
        uint8_t *block = sb_arena_alloc(ids->keys, bytes);
        if (block == NULL) return SB_FAIL_NOMEM(err);
        if (bytes != KEY_BLOCK) {
            memcpy(block, text.data, text.size);
            *data = block;
            return SB_OK;
        }
        ids->key_block = block;
        ids->key_left = bytes;
    }
    if (text.size == 0) { /* of the first one there is no block yet */
        *data = (const uint8_t *)"";
        return SB_OK;
    }
    *data = ids->key_block;
    memcpy(ids->key_block, text.data, text.size);
    ids->key_block += text.size;
    ids->key_left -= text.size;
    return SB_OK;
}

static sb_status add_text(sb_ids *ids, const sb_id_cell *cell, uint64_t value, uint64_t *existing,
                          sb_err *err)
{
    if (ids->text_count >= ids->text_capacity - ids->text_capacity / 4)
        SB_TRY(grow_texts(ids, err));
    sb_id_text *entry = probe(ids, cell);
    *existing = entry->value;
    if (entry->value != 0) return SB_OK;
    SB_TRY(keep_key(ids, cell->text, &entry->data, err));
    entry->size = (uint32_t)cell->text.size;
    entry->hash = (uint32_t)(cell->hash >> 32);
    entry->value = value;
    ids->text_count++;
    return SB_OK;
}

/* ---- Both --------------------------------------------------------------------------------------------------------------- */

uint64_t sb_ids__find(const sb_ids *ids, const sb_id_cell *cell)
{
    if (cell->is_number) return find_number(ids, cell->number);
    return ids->text_count == 0 ? 0 : probe(ids, cell)->value;
}

sb_status sb_ids__add(sb_ids *ids, const sb_id_cell *cell, uint64_t value, uint64_t *existing,
                      sb_err *err)
{
    if (!cell->is_number) {
        SB_TRY(add_text(ids, cell, value, existing, err));
    } else {
        *existing = find_number(ids, cell->number);
        if (*existing == 0) SB_TRY(add_number(ids, cell->number, value, err));
    }
    if (*existing == 0) ids->count++;
    return SB_OK;
}

void sb_ids__replace(sb_ids *ids, const sb_id_cell *cell, uint64_t value)
{
    if (!cell->is_number)
        probe(ids, cell)->value = value;
    else if (cell->number < ids->dense_count && ids->dense[cell->number] != 0)
        ids->dense[cell->number] = value;
    else
        *sb_map_find(&ids->sparse, cell->number) = value;
}

static void narrow_dense(sb_ids *ids)
{
    uint32_t *narrow = sb_alloc_array(ids->alloc, ids->dense_count, sizeof *narrow);

    if (narrow == NULL) return; /* benign: it only is slower */
    for (size_t i = 0; i < ids->dense_count; i++)
        narrow[i] = (uint32_t)ids->dense[i];
    sb_free(ids->alloc, ids->dense, ids->dense_count * sizeof *ids->dense);
    ids->dense = NULL;
    ids->narrow = narrow;
}

void sb_ids__rewrite(sb_ids *ids, uint64_t (*map)(void *ctx, uint64_t value), void *ctx,
                     uint64_t most)
{
    for (size_t i = 0; i < ids->dense_count; i++)
        if (ids->dense[i] != 0) ids->dense[i] = map(ctx, ids->dense[i]);
    for (size_t i = 0; i < ids->text_capacity; i++)
        if (ids->texts[i].value != 0) ids->texts[i].value = map(ctx, ids->texts[i].value);
    for (size_t i = 0; i < ids->sparse.capacity; i++)
        if (ids->sparse.entries[i].key != SB_MAP_EMPTY)
            ids->sparse.entries[i].value = map(ctx, ids->sparse.entries[i].value);
    if (most <= UINT32_MAX && ids->dense_count != 0) narrow_dense(ids);
}
