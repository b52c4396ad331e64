/* catalog.c — how meta and the rows of the catalog look as bytes, and walking over them.
 * Format: docs/FORMAT.md, sections 11 and 12. Everything read here comes from a file and is checked here; what the
 * values mean together (ids without gaps, labels that exist) is checked by those who load them. */
#include "store/store_priv.h"

/* ---- Meta ---------------------------------------------------------------------------------------------- */

static const uint8_t core_kinds[SB_CORE_TREES] = {
    [SB_CORE_CATALOG] = SB_TREE_SLOTTED, [SB_CORE_NODES] = SB_TREE_COLUMNAR,
    [SB_CORE_RELS] = SB_TREE_COLUMNAR,   [SB_CORE_LABELS] = SB_TREE_SLOTTED,
    [SB_CORE_SHARED_OUT] = SB_TREE_LIST, [SB_CORE_SHARED_IN] = SB_TREE_LIST,
};

static sb_status check_tree(const sb_tree *tree, sb_pgno page_count, sb_err *err)
{
    if ((tree->root == SB_PGNO_NONE) != (tree->height == 0) || tree->height > SB_TREE_MAX_HEIGHT ||
        tree->root >= page_count || (tree->root == SB_PGNO_NONE) != (tree->leaf_count == 0)) {
        return SB_FAIL(
            err, SB_CORRUPT,
            "catalog: tree %u with root %u, height %u and %llu leaves in a file of %u pages",
            tree->id, tree->root, tree->height, (unsigned long long)tree->leaf_count, page_count);
    }
    return SB_OK;
}

static void init_meta(sb_store__meta *meta)
{
    *meta = (sb_store__meta){
        .next_tree = SB_FIRST_TREE, .next_schema = 1, .set_count = 1, .node_end = 1, .rel_end = 1};
    for (unsigned core = 0; core < SB_CORE_TREES; core++) {
        meta->core[core] = (sb_tree){.id = SB_CORE_TREE_ID(core), .kind = core_kinds[core]};
    }
}

static sb_status decode_core(const uint8_t *bytes, sb_pgno page_count, sb_tree *tree, sb_err *err)
{
    tree->root = sb_load_le32(bytes);
    tree->leaf_count = sb_load_le32(bytes + 4);
    tree->moved_at = sb_load_le64(bytes + 8);
    tree->height = bytes[16];
    if (bytes[17] != 0 || bytes[18] != 0 || bytes[19] != 0) {
        return SB_FAIL(err, SB_CORRUPT, "catalog: reserved bytes of core tree %u are not 0",
                       tree->id);
    }
    return check_tree(tree, page_count, err);
}

sb_status sb_store__meta_decode(const uint8_t *bytes, sb_pgno page_count, sb_store__meta *meta,
                                sb_err *err)
{
    const uint32_t format = sb_load_le32(bytes + SB_META_FORMAT);

    init_meta(meta);
    if (format == 0) {
        for (size_t i = 0; i < SB_META_BYTES; i++) {
            if (bytes[i] != 0)
                return SB_FAIL(
                    err, SB_CORRUPT,
                    "catalog: no format word, but byte %zu of the commit's area is not 0", i);
        }
        return SB_OK;
    }
    if (format != SB_STORE_FORMAT)
        return SB_FAIL(err, SB_VERSION_NEWER,
                       "the file's store format %08x is not known to this version", format);
    meta->founded = true;
    meta->next_tree = sb_load_le32(bytes + SB_META_NEXT_TREE);
    meta->names_version = sb_load_le64(bytes + SB_META_NAMES_VERSION);
    meta->trees_version = sb_load_le64(bytes + SB_META_TREES_VERSION);
    meta->lineage = sb_load_le64(bytes + SB_META_LINEAGE);
    meta->node_end = sb_load_le64(bytes + SB_META_NODE_END);
    meta->rel_end = sb_load_le64(bytes + SB_META_REL_END);
    for (unsigned kind = 0; kind < SB_NAME_KINDS; kind++) {
        meta->name_counts[kind] = sb_load_le32(bytes + SB_META_NAME_COUNTS + 4 * kind);
    }
    meta->set_count = sb_load_le32(bytes + SB_META_SET_COUNT);
    meta->next_schema = sb_load_le32(bytes + SB_META_NEXT_SCHEMA);
    meta->aside_version = sb_load_le32(bytes + SB_META_ASIDE);
    for (unsigned core = 0; core < SB_CORE_TREES; core++) {
        SB_TRY(decode_core(bytes + SB_META_CORE + core * SB_META_TREE_BYTES, page_count,
                           &meta->core[core], err));
    }
    if (meta->next_tree < SB_FIRST_TREE || meta->next_schema == 0 || meta->set_count == 0 ||
        meta->node_end == 0 || meta->node_end > SB_ID_MAX + 1 || meta->rel_end == 0 ||
        meta->rel_end > SB_ID_MAX + 1 || meta->name_counts[SB_NAME_TYPE] > SB_TYPE_ID_MAX) {
        return SB_FAIL(err, SB_CORRUPT, "catalog: a counter of the commit's area is out of range");
    }
    return SB_OK;
}

void sb_store__meta_encode(const sb_store__meta *meta, uint8_t *bytes)
{
    memset(bytes, 0, SB_META_BYTES);
    if (!meta->founded) return;
    sb_store_le32(bytes + SB_META_FORMAT, SB_STORE_FORMAT);
    sb_store_le32(bytes + SB_META_NEXT_TREE, meta->next_tree);
    sb_store_le64(bytes + SB_META_NAMES_VERSION, meta->names_version);
    sb_store_le64(bytes + SB_META_TREES_VERSION, meta->trees_version);
    sb_store_le64(bytes + SB_META_LINEAGE, meta->lineage);
    sb_store_le64(bytes + SB_META_NODE_END, meta->node_end);
    sb_store_le64(bytes + SB_META_REL_END, meta->rel_end);
    for (unsigned kind = 0; kind < SB_NAME_KINDS; kind++) {
        sb_store_le32(bytes + SB_META_NAME_COUNTS + 4 * kind, meta->name_counts[kind]);
    }
    sb_store_le32(bytes + SB_META_SET_COUNT, meta->set_count);
    sb_store_le32(bytes + SB_META_NEXT_SCHEMA, meta->next_schema);
    sb_store_le32(bytes + SB_META_ASIDE, meta->aside_version);
    for (unsigned core = 0; core < SB_CORE_TREES; core++) {
        uint8_t *place = bytes + SB_META_CORE + core * SB_META_TREE_BYTES;
        sb_store_le32(place, meta->core[core].root);
        sb_store_le32(place + 4,
                      (uint32_t)meta->core[core].leaf_count); /* pages are counted in 32 bits */
        sb_store_le64(place + 8, meta->core[core].moved_at);
        place[16] = meta->core[core].height;
    }
}

/* ---- Rows ------------------------------------------------------------------------------------------------- */

size_t sb_store__key_piece(uint8_t *buf, unsigned kind, uint32_t id, uint8_t piece)
{
    buf[0] = (uint8_t)kind;
    sb_store_be32(buf + 1, id);
    buf[5] = piece;
    return 6;
}

size_t sb_store__key_adjacency(uint8_t *buf, sb_type_id type, unsigned lane)
{
    return sb_store__key_piece(buf, SB_ROW_ADJACENCY, type, (uint8_t)lane);
}

size_t sb_store__key_id(uint8_t *buf, unsigned kind, uint32_t id)
{
    buf[0] = (uint8_t)kind;
    sb_store_be32(buf + 1, id);
    return 5;
}

size_t sb_store__key_stats(uint8_t *buf, uint64_t chunk)
{
    sb_store_be64(buf, chunk); /* 53 bits: the first byte is free for the kind */
    buf[0] = SB_ROW_STATS;
    return 8;
}

size_t sb_store__tree_encode(const sb_tree *tree, uint8_t *buf)
{
    size_t bytes = sb_varint_encode(buf, tree->id);

    bytes += sb_varint_encode(buf + bytes, tree->height);
    bytes += sb_varint_encode(buf + bytes, tree->root);
    bytes += sb_varint_encode(buf + bytes, tree->leaf_count);
    bytes += sb_varint_encode(buf + bytes, tree->moved_at);
    return bytes;
}

sb_status sb_store__tree_decode(sb_bytes value, sb_pgno page_count, uint8_t tree_kind,
                                sb_tree *tree, sb_err *err)
{
    const uint8_t *pos = value.data;
    const uint8_t *end = pos + value.size;
    uint64_t id, height, root, leaf_count, moved_at;

    if (!sb_varint_decode(&pos, end, &id) || !sb_varint_decode(&pos, end, &height) ||
        !sb_varint_decode(&pos, end, &root) || !sb_varint_decode(&pos, end, &leaf_count) ||
        !sb_varint_decode(&pos, end, &moved_at) || pos != end || id == 0 || id > UINT32_MAX ||
        height > SB_TREE_MAX_HEIGHT || root > SB_PGNO_MAX) {
        return SB_FAIL(err, SB_CORRUPT, "catalog: a tree row of %zu bytes does not decode",
                       value.size);
    }
    *tree = (sb_tree){.id = (uint32_t)id,
                      .kind = tree_kind,
                      .height = (uint8_t)height,
                      .root = (sb_pgno)root,
                      .moved_at = moved_at,
                      .leaf_count = leaf_count};
    return check_tree(tree, page_count, err);
}

/* ---- Gathering rows ------------------------------------------------------------------------------------------ */

typedef struct row_place {
    size_t key_off, value_off; /* in batch.bytes */
    uint32_t key_bytes, value_bytes;
} row_place;

sb_status sb_store__batch_add(sb_store__batch *batch, sb_bytes key, sb_bytes value)
{
    const row_place place = {.key_off = batch->bytes.size,
                             .value_off = batch->bytes.size + key.size,
                             .key_bytes = (uint32_t)key.size,
                             .value_bytes = (uint32_t)value.size};

    SB_TRY(sb_buffer_append(&batch->bytes, key.data, key.size));
    if (value.size != 0) SB_TRY(sb_buffer_append(&batch->bytes, value.data, value.size));
    return sb_buffer_append(&batch->places, &place, sizeof place);
}

sb_status sb_store__batch_add_pieces(sb_store__batch *batch, unsigned kind, uint32_t id,
                                     sb_bytes value, sb_err *err)
{
    uint8_t key[SB_ROW_KEY_MAX];
    size_t off = 0;

    for (unsigned piece = 0;; piece++) {
        const size_t bytes = value.size - off < SB_ROW_PIECE ? value.size - off : SB_ROW_PIECE;
        if (piece > UINT8_MAX)
            return SB_FAIL(err, SB_LIMIT, "a catalog row of %zu bytes is too long", value.size);
        const size_t key_bytes = sb_store__key_piece(key, kind, id, (uint8_t)piece);
        if (sb_store__batch_add(batch, sb_bytes_of(key, key_bytes),
                                sb_bytes_of(bytes == 0 ? NULL : value.data + off, bytes)) !=
            SB_OK) {
            return SB_FAIL_NOMEM(err);
        }
        off += bytes;
        if (bytes < SB_ROW_PIECE) return SB_OK;
    }
}

sb_status sb_store__batch_items(sb_store__batch *batch, const sb_item **items, size_t *count)
{
    const size_t row_count = batch->places.size / sizeof(row_place);

    *items = NULL;
    *count = 0;
    sb_buffer_reset(&batch->items);
    SB_TRY(sb_buffer_reserve(&batch->items, row_count * sizeof(sb_item)));
    for (size_t i = 0; i < row_count; i++) {
        row_place place;
        memcpy(&place, batch->places.data + i * sizeof place, sizeof place);
        const sb_item item = {
            .key = sb_bytes_of(batch->bytes.data + place.key_off, place.key_bytes),
            .value = sb_bytes_of(batch->bytes.data + place.value_off, place.value_bytes)};
        SB_TRY(sb_buffer_append(&batch->items, &item, sizeof item));
    }
    *items = (const sb_item *)(const void *)batch->items.data;
    *count = row_count;
    return SB_OK;
}

void sb_store__batch_reset(sb_store__batch *batch)
{
    sb_buffer_reset(&batch->bytes);
    sb_buffer_reset(&batch->places);
    sb_buffer_reset(&batch->items);
}

/* ---- Walking -------------------------------------------------------------------------------------------------- */

/* Key of a row of pieces, taken apart. */
static sb_status decode_piece_key(sb_bytes key, uint32_t *id, uint8_t *piece, sb_err *err)
{
    if (key.size != 6)
        return SB_FAIL(err, SB_CORRUPT, "catalog: a key of kind %u has %zu bytes", key.data[0],
                       key.size);
    *id = sb_load_be32(key.data + 1);
    *piece = key.data[5];
    return SB_OK;
}

/* First byte of the current key. */
static unsigned row_kind(sb_cursor *cursor)
{
    const sb_bytes key = sb_cursor_key(cursor);
    return key.size == 0 ? 0 : key.data[0];
}

static sb_status each_piece_row(sb_cursor *cursor, bool found, unsigned kind, sb_buffer *whole,
                                sb_store__piece_visit visit, void *ctx, sb_err *err)
{
    while (found && row_kind(cursor) == kind) {
        uint32_t id = 0, next_id = 0;
        uint8_t piece = 0;
        size_t piece_bytes;

        SB_TRY(decode_piece_key(sb_cursor_key(cursor), &id, &piece, err));
        if (piece != 0)
            return SB_FAIL(err, SB_CORRUPT, "catalog: row %u of kind %u begins with piece %u", id,
                           kind, piece);
        sb_buffer_reset(whole);
        for (uint8_t expected = 0;; expected++) {
            const sb_bytes value = sb_cursor_value(cursor);
            piece_bytes = value.size;
            if (piece_bytes > SB_ROW_PIECE)
                return SB_FAIL(err, SB_CORRUPT,
                               "catalog: row %u of kind %u has a piece of %zu bytes", id, kind,
                               piece_bytes);
            if (piece_bytes != 0 && sb_buffer_append(whole, value.data, piece_bytes) != SB_OK)
                return SB_FAIL_NOMEM(err);
            SB_TRY(sb_cursor_next(cursor, &found, err));
            if (piece_bytes < SB_ROW_PIECE) break;
            if (!found || row_kind(cursor) != kind)
                return SB_FAIL(err, SB_CORRUPT, "catalog: row %u of kind %u lacks its end", id,
                               kind);
            SB_TRY(decode_piece_key(sb_cursor_key(cursor), &next_id, &piece, err));
            if (next_id != id || piece != (uint8_t)(expected + 1) || piece == 0) {
                return SB_FAIL(err, SB_CORRUPT, "catalog: row %u of kind %u lacks piece %u", id,
                               kind, expected + 1u);
            }
        }
        SB_TRY(visit(ctx, id, sb_buffer_bytes(whole), err));
    }
    return SB_OK;
}

sb_status sb_store__each_piece_row(sb_view *view, unsigned kind, uint32_t from,
                                   sb_store__piece_visit visit, void *ctx, sb_err *err)
{
    uint8_t key[SB_ROW_KEY_MAX];
    const size_t key_bytes = sb_store__key_piece(key, kind, from, 0);
    sb_cursor *cursor = NULL;
    bool found = false;

    SB_TRY(sb_cursor_open(view->txn, sb_store__core_tree(view, SB_CORE_CATALOG), &cursor, err));
    sb_status st = sb_cursor_seek(cursor, sb_bytes_of(key, key_bytes), &found, err);
    if (st == SB_OK) st = each_piece_row(cursor, found, kind, &view->row_scratch, visit, ctx, err);
    sb_cursor_close(cursor);
    return st;
}

sb_status sb_store__each_row(sb_view *view, unsigned kind, sb_store__row_visit visit, void *ctx,
                             sb_err *err)
{
    const uint8_t first = (uint8_t)kind;
    sb_cursor *cursor = NULL;
    bool found = false;

    SB_TRY(sb_cursor_open(view->txn, sb_store__core_tree(view, SB_CORE_CATALOG), &cursor, err));
    sb_status st = sb_cursor_seek(cursor, sb_bytes_of(&first, 1), &found, err);
    while (st == SB_OK && found && row_kind(cursor) == kind) {
        st = visit(ctx, sb_cursor_key(cursor), sb_cursor_value(cursor), err);
        if (st == SB_OK) st = sb_cursor_next(cursor, &found, err);
    }
    sb_cursor_close(cursor);
    return st;
}

sb_status sb_store__grow(const sb_allocator *alloc, void *array_pointer, size_t size, size_t count,
                         size_t *capacity)
{
    void *old, *grown;
    size_t wanted = *capacity < 8 ? 8 : *capacity, new_bytes;

    if (count <= *capacity) return SB_OK;
    while (wanted < count) {
        if (!sb_mul_size(wanted, 2, &wanted)) return SB_NOMEM;
    }
    if (!sb_mul_size(wanted, size, &new_bytes)) return SB_NOMEM;
    memcpy(&old, array_pointer,
           sizeof old); /* a pointer to any kind of object pointer; all have one form here */
    grown = old == NULL ? sb_alloc(alloc, new_bytes)
                        : sb_resize(alloc, old, *capacity * size, new_bytes);
    if (grown == NULL) return SB_NOMEM;
    memcpy(array_pointer, &grown, sizeof grown);
    *capacity = wanted;
    return SB_OK;
}
