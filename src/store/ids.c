/* ids.c — handing out node and relationship ids.
 * Each label set (type) owns a block of ids and takes from it; a used-up block is followed by one twice as long, up to
 * 65,536, cut from the end of all ids. So rows that are scanned together lie together in the table, whatever order they were
 * made in, and a set with one node costs a gap of 63 ids, which cost nothing on disk. A large request takes a block of
 * its own length. An id is never handed out again once its transaction has committed. */
#include <stdlib.h>

#include "store/store_priv.h"

#define FIRST_BLOCK_LOG2   6u
#define LARGEST_BLOCK_LOG2 16u
/* next, remaining, log2 of the size */
#define BLOCK_ROW_MAX (3u * SB_VARINT_MAX_BYTES)

sb_status sb_store__block_decode(sb_bytes value, sb_store__block *block, sb_err *err)
{
    const uint8_t *pos = value.data;
    const uint8_t *end = pos + value.size;
    uint64_t size_log2;

    if (!sb_varint_decode(&pos, end, &block->next) ||
        !sb_varint_decode(&pos, end, &block->remaining) ||
        !sb_varint_decode(&pos, end, &size_log2) || pos != end || block->next == 0 ||
        block->next > SB_ID_MAX + 1 || block->remaining > SB_ID_MAX + 1 - block->next ||
        size_log2 < FIRST_BLOCK_LOG2 || size_log2 > LARGEST_BLOCK_LOG2) {
        return SB_FAIL(err, SB_CORRUPT, "catalog: an id block of %zu bytes does not decode",
                       value.size);
    }
    block->size_log2 = (uint32_t)size_log2;
    return SB_OK;
}

static size_t encode_block(const sb_store__block *block, uint8_t *out)
{
    size_t bytes = sb_varint_encode(out, block->next);

    bytes += sb_varint_encode(out + bytes, block->remaining);
    bytes += sb_varint_encode(out + bytes, block->size_log2);
    return bytes;
}

static sb_status read_block(sb_view *view, uint64_t key, sb_store__block *block, sb_err *err)
{
    uint8_t row_key[SB_ROW_KEY_MAX];
    const size_t bytes = sb_store__key_id(row_key, (unsigned)(key >> 32), (uint32_t)key);
    sb_page hold = {0};
    sb_bytes value;
    bool found = false;

    *block = (sb_store__block){.key = key};
    SB_TRY(sb_tree_get(view->txn, sb_store__core_tree(view, SB_CORE_CATALOG),
                       sb_bytes_of(row_key, bytes), &hold, &value, &found, err));
    const uint64_t end = key >> 32 == SB_ROW_NODE_IDS ? view->meta.node_end : view->meta.rel_end;
    sb_status st = found ? sb_store__block_decode(value, block, err) : SB_OK;
    if (st == SB_OK && block->next + block->remaining > end) {
        st = SB_FAIL(err, SB_CORRUPT, "catalog: an id block ends at %llu, past all ids",
                     (unsigned long long)(block->next + block->remaining));
    }
    sb_page_release(view->txn, &hold);
    return st;
}

/* Place of the block of key in writer.blocks, read from the catalog on first use in a transaction. */
static sb_status find_block(sb_view *view, uint64_t key, size_t *place, sb_err *err)
{
    sb_store__writer *writer = &view->writer;
    const uint64_t *found = sb_map_find(&writer->block_index, key);

    *place = found == NULL ? writer->block_count : (size_t)*found;
    if (found != NULL) return SB_OK;
    if (sb_store__grow(view->alloc, &writer->blocks, sizeof *writer->blocks,
                       writer->block_count + 1, &writer->block_capacity) != SB_OK) {
        return SB_FAIL_NOMEM(err);
    }
    SB_TRY(read_block(view, key, &writer->blocks[writer->block_count], err));
    if (sb_map_put(&writer->block_index, key, writer->block_count) != SB_OK)
        return SB_FAIL_NOMEM(err);
    writer->block_count++;
    return SB_OK;
}

/* A new block for at least one and at best wanted ids, at *end. */
static sb_status cut_block(sb_store__block *block, uint64_t *end, size_t wanted, sb_err *err)
{
    const uint64_t left = SB_ID_MAX + 1 - *end;

    if (block->size_log2 == 0) {
        block->size_log2 = FIRST_BLOCK_LOG2;
    } else if (block->size_log2 < LARGEST_BLOCK_LOG2) {
        block->size_log2++;
    }
    while (block->size_log2 < LARGEST_BLOCK_LOG2 && (uint64_t)1 << block->size_log2 < wanted) {
        block->size_log2++;
    }
    const uint64_t length = (uint64_t)1 << block->size_log2;
    uint64_t size = wanted > length ? wanted : length;
    if (size > left) size = left;
    if (size == 0)
        return SB_FAIL(err, SB_LIMIT, "all %llu ids are used up", (unsigned long long)SB_ID_MAX);
    block->next = *end;
    block->remaining = size;
    *end += size;
    return SB_OK;
}

static sb_status take_ids(sb_view *view, uint64_t key, size_t count, uint64_t *ids, uint64_t *end,
                          sb_err *err)
{
    size_t place, taken = 0;

    SB_TRY(sb_store__begin_change(view, err));
    if (count == 0) return SB_OK;
    SB_TRY(find_block(view, key, &place, err));
    sb_store__block *block = &view->writer.blocks[place];
    const sb_store__undo undo = {.key = key, .kind = SB_UNDO_BLOCK, .old.block = *block};
    if (sb_store__log(view, &undo, &block->epoch) != SB_OK) return SB_FAIL_NOMEM(err);
    block->dirty = true;
    while (taken < count) {
        if (block->remaining == 0) SB_TRY(cut_block(block, end, count - taken, err));
        const size_t part =
            block->remaining < count - taken ? (size_t)block->remaining : count - taken;
        for (size_t i = 0; i < part; i++) {
            ids[taken + i] = block->next + i;
        }
        block->next += part;
        block->remaining -= part;
        taken += part;
    }
    return SB_OK;
}

sb_status sb_ids_take_nodes(sb_view *view, sb_set_id set, size_t count, sb_node_id *ids,
                            sb_err *err)
{
    if (set >= view->sets.count) return SB_FAIL(err, SB_MISUSE, "label set %u does not exist", set);
    return take_ids(view, SB_BLOCK_KEY(SB_ROW_NODE_IDS, set), count, ids, &view->meta.node_end,
                    err);
}

sb_status sb_ids_take_rels(sb_view *view, sb_type_id type, size_t count, sb_rel_id *ids,
                           sb_err *err)
{
    if (type == 0 || type > view->names[SB_NAME_TYPE].count)
        return SB_FAIL(err, SB_MISUSE, "relationship type %u does not exist", type);
    return take_ids(view, SB_BLOCK_KEY(SB_ROW_REL_IDS, type), count, ids, &view->meta.rel_end, err);
}

void sb_store__block_restore(sb_view *view, const sb_store__block *old)
{
    const uint64_t *place = sb_map_find(&view->writer.block_index, old->key);
    if (place != NULL) view->writer.blocks[*place] = *old;
}

void sb_store__blocks_clear(sb_view *view)
{
    sb_map_clear(&view->writer.block_index);
    view->writer.block_count = 0;
}

/* In catalog order. */
static int compare_blocks(const void *a, const void *b)
{
    const sb_store__block *x = a, *y = b;
    return x->key < y->key ? -1 : x->key > y->key ? 1 : 0;
}

sb_status sb_store__blocks_gather(sb_view *view, sb_err *err)
{
    sb_store__writer *writer = &view->writer;

    /* The transaction ends here: places in block_index are not needed any more. */
    if (writer->block_count > 1)
        qsort(writer->blocks, writer->block_count, sizeof *writer->blocks, compare_blocks);
    for (size_t i = 0; i < writer->block_count; i++) {
        const sb_store__block *block = &writer->blocks[i];
        uint8_t key[SB_ROW_KEY_MAX], value[BLOCK_ROW_MAX];
        if (!block->dirty) continue;
        const size_t key_bytes =
            sb_store__key_id(key, (unsigned)(block->key >> 32), (uint32_t)block->key);
        const size_t value_bytes = encode_block(block, value);
        if (sb_store__batch_add(&writer->batch, sb_bytes_of(key, key_bytes),
                                sb_bytes_of(value, value_bytes)) != SB_OK)
            return SB_FAIL_NOMEM(err);
    }
    return SB_OK;
}

sb_node_id sb_ids_node_end(const sb_view *view)
{
    return view->meta.node_end;
}

sb_rel_id sb_ids_rel_end(const sb_view *view)
{
    return view->meta.rel_end;
}

bool sb_ids_begin_at(sb_view *view, sb_node_id node, sb_rel_id rel)
{
    SB_ASSERT(view->writer.active && view->meta.node_end == 1 && view->meta.rel_end == 1);
    if (node == 0 || rel == 0 || node > SB_ID_MAX / 2 || rel > SB_ID_MAX / 2) return false;
    view->meta.node_end = node;
    view->meta.rel_end = rel;
    return true;
}
