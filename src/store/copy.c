/* copy.c — vacuum's work: everything of one store into an empty one, each tree rebuilt bottom-up with full leaves.
 * Names, sets, schema, statistics, id blocks and tree numbers stay as they are: the rows of the catalog are copied as bytes,
 * but for those of trees, which get the new roots. The copy draws a lineage of its own (store I2). */
#include "store/store_priv.h"

#define FILL_PERCENT  100u
#define BATCH_TRIPLES 4096u
#define BATCH_BYTES   (256u * 1024u)

typedef struct copy {
    sb_view *from, *to;
    sb_progress progress;
    void *ctx;
    sb_err *err;
    uint64_t done, total; /* leaves */
    uint64_t tree_done;   /* leaves of the tree being copied, as far as counted */
    uint64_t tree_leaves;
    sb_build *build;              /* of that tree; owned */
    sb_store__meta meta;          /* of the copy */
    sb_tree *adjacency, *indexes; /* new ones, by place in from's arrays; owned */
    size_t next_index;            /* place in indexes */
    sb_triple *triples;           /* BATCH_TRIPLES; owned */
    size_t triple_count;
    sb_store__batch batch;
} copy;

static sb_status advance(copy *c, uint64_t leaves)
{
    const uint64_t left = c->tree_leaves - c->tree_done;

    c->tree_done += leaves < left ? leaves : left;
    if (c->progress == NULL || c->progress(c->ctx, c->done + c->tree_done, c->total)) return SB_OK;
    return SB_FAIL(c->err, SB_INTERRUPT, "copying was cancelled");
}

/* ---- Slotted trees -------------------------------------------------------------------------------------------- */

static sb_status flush_items(copy *c)
{
    const uint64_t leaves = c->batch.bytes.size / sb_pager_page_bytes(c->from->pager);
    const sb_item *items;
    size_t count;

    if (sb_store__batch_items(&c->batch, &items, &count) != SB_OK) return SB_FAIL_NOMEM(c->err);
    if (count != 0) SB_TRY(sb_build_items(c->build, items, count, c->err));
    sb_store__batch_reset(&c->batch);
    return advance(c, leaves);
}

static sb_status add_item(copy *c, sb_bytes key, sb_bytes value)
{
    if (sb_store__batch_add(&c->batch, key, value) != SB_OK) return SB_FAIL_NOMEM(c->err);
    return c->batch.bytes.size < BATCH_BYTES ? SB_OK : flush_items(c);
}

typedef sb_status (*item_visit)(copy *c, sb_bytes key, sb_bytes value);

static sb_status copy_items(copy *c, const sb_tree *source, item_visit visit)
{
    sb_cursor *cursor = NULL;
    bool found = false;

    sb_store__batch_reset(&c->batch);
    SB_TRY(sb_cursor_open(c->from->txn, source, &cursor, c->err));
    sb_status st = sb_cursor_first(cursor, &found, c->err);
    while (st == SB_OK && found) {
        st = visit(c, sb_cursor_key(cursor), sb_cursor_value(cursor));
        if (st == SB_OK) st = sb_cursor_next(cursor, &found, c->err);
    }
    if (st == SB_OK) st = flush_items(c);
    sb_cursor_close(cursor);
    return st;
}

/* ---- List and columnar trees ------------------------------------------------------------------------------------- */

static sb_status flush_triples(copy *c)
{
    const size_t count = c->triple_count;

    c->triple_count = 0;
    return count == 0 ? SB_OK : sb_build_triples(c->build, c->triples, count, c->err);
}

static sb_status copy_chunk(void *ctx, uint64_t node, const sb_chunk *chunk, bool starts)
{
    copy *c = ctx;

    (void)starts;
    for (uint32_t i = 0; i < chunk->count; i++) {
        c->triples[c->triple_count++] = (sb_triple){
            .node = node, .neighbor = sb_chunk_neighbor(chunk, i), .rel = sb_chunk_rel(chunk, i)};
        if (c->triple_count < BATCH_TRIPLES) continue;
        SB_TRY(flush_triples(c));
        SB_TRY(advance(c, 8 * (uint64_t)BATCH_TRIPLES / sb_pager_page_bytes(c->from->pager)));
    }
    return SB_OK;
}

static sb_status copy_lists(copy *c, const sb_tree *source)
{
    c->triple_count = 0;
    SB_TRY(sb_lists_scan(c->from->txn, source, 0, UINT64_MAX, copy_chunk, c, c->err));
    return flush_triples(c);
}

static sb_status leaf_copied(void *ctx)
{
    return advance(ctx, 1);
}

static sb_status copy_content(copy *c, const sb_tree *source, item_visit visit)
{
    switch (source->kind) {
    case SB_TREE_SLOTTED: return copy_items(c, source, visit);
    case SB_TREE_COLUMNAR:
        return sb_store__copy_rows(c->from, source, c->build, leaf_copied, c, c->err);
    default: return copy_lists(c, source);
    }
}

/* Build *target, which gets the source's number, from the source's content. */
static sb_status copy_tree(copy *c, const sb_tree *source, sb_tree *target, item_visit visit)
{
    *target = (sb_tree){.id = source->id, .kind = source->kind};
    if (source->root == SB_PGNO_NONE) return SB_OK;
    c->tree_leaves = source->leaf_count;
    c->tree_done = 0;
    SB_TRY(sb_build_open(c->to->txn, target, FILL_PERCENT, &c->build, c->err));
    const sb_status st = sb_store__of_source(source, copy_content(c, source, visit), c->err);
    sb_build *build = c->build;
    c->build = NULL;
    if (st != SB_OK) {
        sb_build_abort(build);
        return st;
    }
    SB_TRY(sb_build_finish(build, c->err)); /* frees it in either case */
    SB_TRY(advance(c, source->leaf_count));
    c->done += source->leaf_count;
    return SB_OK;
}

/* What is aside of another tree is copied with that one, and is at home there in the copy. */
static sb_status leave_empty(copy *c, const sb_tree *side, sb_tree *target)
{
    *target = (sb_tree){.id = side->id, .kind = side->kind};
    c->tree_leaves = c->tree_done = 0;
    c->done += side->leaf_count;
    return advance(c, 0);
}

/* ---- The catalog ----------------------------------------------------------------------------------------------------- */

/* The copy of the tree that a row of from's catalog describes, or NULL. Index rows come in order of id, as the
 * definitions lie. */
static const sb_tree *copied_tree(copy *c, sb_bytes key)
{
    const uint32_t id = key.size < 5 ? 0 : sb_load_be32(key.data + 1);

    if (key.data[0] == SB_ROW_ADJACENCY && key.size == 6 && id < c->from->adjacency_types &&
        key.data[5] < SB_LANES) {
        const uint32_t place = c->from->adjacency_index[SB_LANES * (size_t)id + key.data[5]];
        return place == 0 ? NULL : &c->adjacency[place - 1];
    }
    if (key.data[0] != SB_ROW_INDEX) return NULL;
    while (c->next_index < c->from->schema_count && c->from->definitions[c->next_index].id < id) {
        c->next_index++;
    }
    return c->next_index < c->from->schema_count && c->from->definitions[c->next_index].id == id
               ? &c->indexes[c->next_index]
               : NULL;
}

static sb_status copy_catalog_row(copy *c, sb_bytes key, sb_bytes value)
{
    uint8_t row[SB_TREE_ROW_MAX];
    const unsigned kind = key.size == 0 ? 0 : key.data[0];

    if (kind != SB_ROW_ADJACENCY && kind != SB_ROW_INDEX) return add_item(c, key, value);
    const sb_tree *tree = copied_tree(c, key);
    if (tree == NULL)
        return SB_FAIL(c->err, SB_CORRUPT, "catalog: a row of a tree that was not loaded");
    return add_item(c, key, sb_bytes_of(row, sb_store__tree_encode(tree, row)));
}

static sb_status copy_trees(copy *c)
{
    sb_view *from = c->from;

    for (unsigned core = SB_CORE_NODES; core < SB_CORE_TREES; core++) {
        SB_TRY(copy_tree(c, &from->meta.core[core], &c->meta.core[core], add_item));
    }
    for (uint32_t place = 0; place < from->adjacency_count; place++) {
        const sb_store__adjacency *entry = sb_store__adjacency_at(from, place);
        sb_tree *target = &c->adjacency[place];
        SB_TRY(entry->lane < SB_LANE_SIDE_OUT ? copy_tree(c, &entry->tree, target, add_item)
                                              : leave_empty(c, &entry->tree, target));
    }
    for (size_t i = 0; i < from->schema_count; i++) {
        SB_TRY(copy_tree(c, &from->schemas[i]->tree, &c->indexes[i], add_item));
    }
    return copy_tree(c, &from->meta.core[SB_CORE_CATALOG], &c->meta.core[SB_CORE_CATALOG],
                     copy_catalog_row);
}

/* ---- The whole ----------------------------------------------------------------------------------------------------------- */

static sb_status check_views(const sb_view *from, const sb_view *to, sb_err *err)
{
    const sb_store__meta *meta = &to->meta;
    const bool empty = meta->core[SB_CORE_CATALOG].root == SB_PGNO_NONE &&
                       meta->core[SB_CORE_NODES].root == SB_PGNO_NONE &&
                       to->names[SB_NAME_LABEL].count + to->names[SB_NAME_TYPE].count +
                               to->names[SB_NAME_KEY].count ==
                           0 &&
                       to->schema_count == 0 && to->writer.schema_log_count == 0;

    if (from->writer.active)
        return SB_FAIL(err, SB_MISUSE, "the store to copy from is being changed");
    if (!empty || sb_store__logging(to))
        return SB_FAIL(err, SB_MISUSE, "the store to copy to is not empty, or has savepoints");
    if (sb_pager_page_bytes(from->pager) != sb_pager_page_bytes(to->pager)) {
        return SB_FAIL(err, SB_INVALID, "the copy has pages of %u bytes, the original of %u",
                       sb_pager_page_bytes(to->pager), sb_pager_page_bytes(from->pager));
    }
    return SB_OK;
}

static sb_status count_leaves(void *ctx, const sb_tree *tree, const char *what)
{
    uint64_t *total = ctx;

    (void)what;
    *total += tree->leaf_count;
    return SB_OK;
}

/* From here on the target's view is that of the copy. */
static sb_status take_over(copy *c)
{
    sb_view *to = c->to;
    const sb_store__meta old = to->meta;

    to->writer.copied = true;
    to->writer.names_changed = false;
    to->meta = c->meta;
    sb_store__unload(to);
    SB_TRY(sb_store__load(to, &old, c->err));
    memcpy(to->writer.written_names, to->meta.name_counts, sizeof to->writer.written_names);
    to->writer.written_sets = to->meta.set_count;
    return SB_OK;
}

static sb_status run_copy(copy *c)
{
    SB_TRY(sb_store_each_tree(c->from, count_leaves, &c->total, c->err));
    c->meta = c->from->meta;
    if (!c->meta.founded) return SB_OK;
    SB_TRY(sb_store__new_lineage(c->to->pager, &c->meta.lineage, c->err));
    SB_TRY(copy_trees(c));
    return take_over(c);
}

sb_status sb_store_copy(sb_view *from, sb_view *to, sb_progress progress, void *ctx, sb_err *err)
{
    const sb_allocator *alloc = from->alloc;
    copy c = {.from = from, .to = to, .progress = progress, .ctx = ctx, .err = err};

    SB_TRY(sb_store__begin_change(to, err));
    SB_TRY(check_views(from, to, err));
    sb_buffer_init(&c.batch.bytes, alloc);
    sb_buffer_init(&c.batch.places, alloc);
    sb_buffer_init(&c.batch.items, alloc);
    c.adjacency = sb_alloc_array(alloc, from->adjacency_count, sizeof(sb_tree));
    c.indexes = sb_alloc_array(alloc, from->schema_count, sizeof(sb_tree));
    c.triples = sb_alloc_array(alloc, BATCH_TRIPLES, sizeof(sb_triple));
    const bool ready = c.adjacency != NULL && c.indexes != NULL && c.triples != NULL;
    const sb_status st = ready ? run_copy(&c) : SB_FAIL_NOMEM(err);
    sb_free(alloc, c.adjacency, from->adjacency_count * sizeof(sb_tree));
    sb_free(alloc, c.indexes, from->schema_count * sizeof(sb_tree));
    sb_free(alloc, c.triples, BATCH_TRIPLES * sizeof(sb_triple));
    sb_buffer_deinit(&c.batch.bytes);
    sb_buffer_deinit(&c.batch.places);
    sb_buffer_deinit(&c.batch.items);
    return st;
}

/* ---- In the place of another --------------------------------------------------------------------------------- */

sb_status sb_store_replace(sb_txn *txn, sb_txn *source, sb_progress progress, void *ctx,
                           sb_err *err)
{
    uint8_t meta[SB_META_BYTES];
    uint64_t lineage;

    memcpy(meta, sb_txn_meta(source), SB_META_BYTES);
    if (sb_load_le32(meta + SB_META_FORMAT) == SB_STORE_FORMAT) {
        const sb_status st = sb_store__new_lineage(sb_txn_pager(txn), &lineage, err);
        if (st != SB_OK) {
            sb_txn_rollback(txn);
            return st;
        }
        sb_store_le64(meta + SB_META_LINEAGE, lineage);
    }
    return sb_pager_replace(txn, source, meta, progress, ctx, err);
}
