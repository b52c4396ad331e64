/* view.c — the graph as one transaction sees it: a session's cached catalog brought to the snapshot, and the hooks by
 * which a write transaction keeps, undoes and persists what lies outside the pages.
 *
 *   sb_view_get ── same commit as last time? ── yes ─► the cache as it is (a comparison of 200 bytes)
 *                        │ no
 *                        ▼
 *                  decode meta ── versions as cached? ── yes ─► new roots, statistics forgotten
 *                        │ no
 *                        ▼
 *                  load.c reads what differs
 *
 * A commit writes, in one put_many in key order: new names and sets, tree rows that changed, id blocks, statistics; then
 * meta, when any of it differs. A transaction that changed nothing writes nothing. */
#include "store/store_priv.h"

/* Tables that grew past this are given back at the end of a transaction. */
#define KEPT_CAPACITY 4096u

/* ---- The object of a session -------------------------------------------------------------------------------- */

static sb_status create_view(sb_session *session, void **object, sb_err *err)
{
    sb_pager *pager = sb_session_pager(session);
    const sb_allocator *alloc = sb_pager_alloc(pager);
    sb_view *view = sb_alloc_zero(alloc, sizeof *view);

    *object = NULL;
    if (view == NULL) return SB_FAIL_NOMEM(err);
    view->session = session;
    view->pager = pager;
    view->alloc = alloc;
    /* The time, too: the next view at this address is another one. */
    sb_vfs *vfs = sb_pager_vfs(pager);
    view->hash_seed = view->version =
        sb_hash_u64((uintptr_t)view ^ sb_hash_u64(vfs->ops->monotonic_ns(vfs)));
    view->arena = sb_arena_create(alloc, NULL);
    if (view->arena == NULL) {
        sb_free(alloc, view, sizeof *view);
        return SB_FAIL_NOMEM(err);
    }
    sb_store__stats_init(&view->stats, alloc);
    sb_map_init(&view->writer.log_keys, alloc);
    sb_map_init(&view->writer.block_index, alloc);
    sb_buffer_init(&view->writer.batch.bytes, alloc);
    sb_buffer_init(&view->writer.batch.places, alloc);
    sb_buffer_init(&view->writer.batch.items, alloc);
    sb_buffer_init(&view->writer.scratch, alloc);
    sb_buffer_init(&view->row_scratch, alloc);
    sb_buffer_init(&view->key_scratch, alloc);
    *object = view;
    return SB_OK;
}

static void destroy_writer(sb_view *view)
{
    const sb_allocator *alloc = view->alloc;
    sb_store__writer *writer = &view->writer;

    sb_free(alloc, writer->savepoints, writer->savepoint_capacity * sizeof *writer->savepoints);
    sb_free(alloc, writer->log, writer->log_capacity * sizeof *writer->log);
    sb_free(alloc, writer->schema_log, writer->schema_log_capacity * sizeof *writer->schema_log);
    sb_free(alloc, writer->dirty, writer->dirty_capacity * sizeof *writer->dirty);
    sb_free(alloc, writer->blocks, writer->block_capacity * sizeof *writer->blocks);
    sb_map_deinit(&writer->log_keys);
    sb_map_deinit(&writer->block_index);
    sb_buffer_deinit(&writer->batch.bytes);
    sb_buffer_deinit(&writer->batch.places);
    sb_buffer_deinit(&writer->batch.items);
    sb_buffer_deinit(&writer->scratch);
}

static void destroy_view(void *object)
{
    sb_view *view = object;

    sb_store__free_cache(view);
    sb_store__stats_deinit(&view->stats, view->alloc);
    destroy_writer(view);
    sb_buffer_deinit(&view->row_scratch);
    sb_buffer_deinit(&view->key_scratch);
    sb_free(view->alloc, view, sizeof *view);
}

static const sb_session_ext_kind view_kind = {
    .name = "store", .create = create_view, .destroy = destroy_view};

/* ---- Getting a view ---------------------------------------------------------------------------------------------- */

static bool is_current(const sb_view *view, const sb_txn *txn)
{
    /* The number of commits alone does not name a state: after a failed sync the same number may come again. */
    return view->current && view->seq == sb_txn_seq(txn) &&
           memcmp(view->meta_bytes, sb_txn_meta(txn), SB_META_BYTES) == 0;
}

static bool same_content(const sb_store__meta *a, const sb_store__meta *b)
{
    return a->founded == b->founded && a->lineage == b->lineage &&
           a->names_version == b->names_version && a->trees_version == b->trees_version;
}

/* Bring the cache to the state of txn. */
static SB_NOINLINE sb_status refresh(sb_view *view, sb_txn *txn, sb_err *err)
{
    const sb_store__meta old = view->meta;
    sb_store__meta meta;

    view->current = false;
    view->version += view->version == UINT64_MAX ? 2 : 1; /* never 0 */
    view->txn = txn;
    SB_TRY(sb_store__meta_decode(sb_txn_meta(txn), sb_txn_page_count(txn), &meta, err));
    view->meta = meta;
    /* Another lineage is other content under the same tree numbers (vacuum, restore): what the leaf cache knows of commits
     * and pages is of the old one. */
    if (old.founded && old.lineage != meta.lineage) sb_tree_forget_leaves(view->session);
    sb_store__stats_clear(&view->stats);
    if (!view->cached || !same_content(&old, &meta)) SB_TRY(sb_store__load(view, &old, err));
    memcpy(view->meta_bytes, sb_txn_meta(txn), SB_META_BYTES);
    view->seq = sb_txn_seq(txn);
    view->current = true;
    return SB_OK;
}

static const sb_txn_ext_kind writer_kind;

sb_status sb_view_get(sb_txn *txn, sb_view **out, sb_err *err)
{
    void *object;

    *out = NULL;
    SB_TRY(sb_session_ext_get(sb_txn_session(txn), &view_kind, &object, err));
    sb_view *view = object;
    if (view->writer.active) {
        SB_ASSERT(view->txn == txn);
    } else {
        if (SB_UNLIKELY(!is_current(view, txn))) SB_TRY(refresh(view, txn, err));
        view->txn = txn;
        if (sb_txn_writable(txn)) SB_TRY(sb_txn_ext_get(txn, &writer_kind, &object, err));
    }
    *out = view;
    return SB_OK;
}

uint64_t sb_view_version(const sb_view *view)
{
    return view->writer.active ? 0 : view->version;
}

/* Roots are changed through these pointers, so in a write transaction the hooks must be in place: after sb_txn_upgrade,
 * sb_view_get or a call that changes something comes first. */
static sb_tree *core_tree(sb_view *view, sb_store__core core)
{
    SB_ASSERT(!sb_txn_writable(view->txn) || view->writer.active);
    return sb_store__core_tree(view, core);
}

sb_tree *sb_node_table(sb_view *view)
{
    return core_tree(view, SB_CORE_NODES);
}
sb_tree *sb_rel_table(sb_view *view)
{
    return core_tree(view, SB_CORE_RELS);
}

/* ---- Changing ------------------------------------------------------------------------------------------------------- */

static sb_status activate(sb_txn *txn, void **object, sb_err *err)
{
    void *found;

    *object = NULL;
    SB_TRY(sb_session_ext_get(sb_txn_session(txn), &view_kind, &found, err));
    sb_view *view = found;
    sb_store__writer *writer = &view->writer;
    writer->active = true;
    writer->names_changed = writer->copied = false;
    memcpy(writer->written_names, view->meta.name_counts, sizeof writer->written_names);
    writer->written_sets = view->meta.set_count;
    writer->failed = SB_OK;
    writer->failed_savepoints = 0;
    writer->epoch++;
    writer->flushes = 0;
    writer->base = view->meta;
    writer->base_mark = sb_arena_get_mark(view->arena);
    writer->savepoint_count = writer->log_count = writer->log_compacted = writer->schema_log_count =
        0;
    writer->dirty_count = 0;
    *object = view;
    return SB_OK;
}

sb_status sb_store__new_lineage(const sb_pager *pager, uint64_t *lineage, sb_err *err)
{
    sb_vfs *vfs = sb_pager_vfs(pager);

    SB_TRY(vfs->ops->random(vfs, lineage, sizeof *lineage, err));
    if (*lineage == 0) *lineage = 1; /* 0 is that of files without a store */
    return SB_OK;
}

static sb_status found_store(sb_view *view, sb_err *err)
{
    SB_TRY(sb_store__new_lineage(view->pager, &view->meta.lineage, err));
    view->meta.names_version = view->meta.trees_version = 1;
    view->meta.founded = true;
    return SB_OK;
}

sb_status sb_store__begin_change(sb_view *view, sb_err *err)
{
    const sb_store__writer *writer = &view->writer;

    if (!writer->active) { /* a reader, or one that was made a writer after the view was got */
        void *object;
        if (!sb_txn_writable(view->txn))
            return SB_FAIL(err, SB_READ_ONLY, "the transaction is for reading only");
        SB_TRY(sb_txn_ext_get(view->txn, &writer_kind, &object, err));
    }
    if (writer->failed != SB_OK)
        return SB_FAIL(err, writer->failed,
                       "an earlier change failed: roll back to a savepoint made before it");
    if (!view->meta.founded) SB_TRY(found_store(view, err));
    if (view->stats.count > SB_STATS_PENDING_MAX) return sb_store__stats_flush(view, err);
    return SB_OK;
}

sb_status sb_view_found(sb_view *view, sb_err *err)
{
    return sb_store__begin_change(view, err);
}

void sb_view_before_commit(sb_view *view, sb_status (*hook)(void *ctx, sb_err *err), void *ctx)
{
    view->hook = hook;
    view->hook_ctx = ctx;
}

sb_status sb_store__new_tree(sb_view *view, uint8_t kind, sb_tree *tree, sb_err *err)
{
    if (view->meta.next_tree == UINT32_MAX)
        return SB_FAIL(err, SB_LIMIT,
                       "all %u tree numbers of the file are used up: vacuum does not help, export "
                       "and load does",
                       UINT32_MAX - 1);
    *tree = (sb_tree){.id = view->meta.next_tree++, .kind = kind};
    return SB_OK;
}

/* ---- Commit ------------------------------------------------------------------------------------------------------------ */

static sb_status gather_names(sb_view *view, sb_err *err)
{
    for (unsigned kind = 0; kind < SB_NAME_KINDS; kind++) {
        for (uint32_t index = view->writer.written_names[kind]; index < view->names[kind].count;
             index++) {
            const sb_store__interned *name = &view->names[kind].items[index];
            SB_TRY(sb_store__batch_add_pieces(&view->writer.batch, SB_ROW_NAME + kind, index + 1,
                                              sb_bytes_of(name->data, name->size), err));
        }
    }
    return SB_OK;
}

static sb_status gather_sets(sb_view *view, sb_err *err)
{
    sb_buffer *row = &view->row_scratch;

    for (sb_set_id set = view->writer.written_sets; set < view->sets.count; set++) {
        size_t count;
        const sb_label_id *labels = sb_set_labels(view, set, &count);
        sb_label_id before = 0;
        sb_buffer_reset(row);
        if (sb_buffer_reserve(row, count * SB_VARINT_MAX_BYTES) != SB_OK) return SB_FAIL_NOMEM(err);
        for (size_t i = 0; i < count; i++) {
            row->size += sb_varint_encode(row->data + row->size, labels[i] - before);
            before = labels[i];
        }
        SB_TRY(sb_store__batch_add_pieces(&view->writer.batch, SB_ROW_SET, set,
                                          sb_buffer_bytes(row), err));
    }
    return SB_OK;
}

static bool same_tree(const sb_tree *a, const sb_tree *b)
{
    return a->id == b->id && a->height == b->height && a->root == b->root &&
           a->moved_at == b->moved_at && a->leaf_count == b->leaf_count;
}

static sb_status add_tree_row(sb_view *view, const uint8_t *key, size_t key_bytes,
                              const sb_tree *tree, sb_err *err)
{
    uint8_t value[SB_TREE_ROW_MAX];
    const size_t value_bytes = sb_store__tree_encode(tree, value);

    const sb_status st = sb_store__batch_add(&view->writer.batch, sb_bytes_of(key, key_bytes),
                                             sb_bytes_of(value, value_bytes));
    return st == SB_OK ? SB_OK : SB_FAIL_NOMEM(err);
}

/* Dirty adjacency entries in order of (type, lane): (order, place) pairs in scratch. NULL: no memory. */
static const sb_pair *sort_dirty(sb_view *view, size_t count)
{
    const uint32_t *dirty = view->writer.dirty;
    sb_buffer *scratch = &view->writer.scratch;

    sb_buffer_reset(scratch);
    if (sb_buffer_reserve(scratch, 2 * count * sizeof(sb_pair)) != SB_OK) return NULL;
    sb_pair *sorted = (sb_pair *)(void *)scratch->data;
    for (size_t i = 0; i < count; i++) {
        const sb_store__adjacency *entry = sb_store__adjacency_at(view, dirty[i]);
        sorted[i] =
            (sb_pair){.key = SB_LANES * (uint64_t)entry->type + entry->lane, .value = dirty[i]};
    }
    if (!sb_pairs_sorted(sorted, count)) sb_pairs_sort(sorted, sorted + count, count);
    return sorted;
}

static sb_status gather_adjacency(sb_view *view, sb_err *err)
{
    const size_t count = view->writer.dirty_count;
    uint8_t key[SB_ROW_KEY_MAX];

    if (count == 0) return SB_OK;
    const sb_pair *dirty = sort_dirty(view, count);
    if (dirty == NULL) return SB_FAIL_NOMEM(err);
    for (size_t i = 0; i < count; i++) {
        const sb_store__adjacency *entry = sb_store__adjacency_at(view, (uint32_t)dirty[i].value);
        if (entry->tree.id == 0 || same_tree(&entry->tree, &entry->saved)) continue;
        const size_t bytes = sb_store__key_adjacency(key, entry->type, entry->lane);
        SB_TRY(add_tree_row(view, key, bytes, &entry->tree, err));
    }
    return SB_OK;
}

static sb_status gather_indexes(sb_view *view, sb_err *err)
{
    uint8_t key[SB_ROW_KEY_MAX];

    for (size_t i = 0; i < view->schema_count; i++) {
        const sb_store__schema *schema = view->schemas[i];
        if (!schema->touched || !schema->definition.has_tree) continue;
        if (same_tree(&schema->tree, &schema->saved)) continue;
        const size_t bytes = sb_store__key_id(key, SB_ROW_INDEX, schema->definition.id);
        SB_TRY(add_tree_row(view, key, bytes, &schema->tree, err));
    }
    return SB_OK;
}

/* All rows of the commit in key order; *trees_changed: some are of trees. */
static sb_status gather_rows(sb_view *view, bool *trees_changed, sb_err *err)
{
    sb_store__batch *batch = &view->writer.batch;

    sb_store__batch_reset(batch);
    SB_TRY(gather_names(view, err));
    SB_TRY(gather_sets(view, err));
    const size_t before = batch->places.size;
    SB_TRY(gather_adjacency(view, err));
    SB_TRY(gather_indexes(view, err));
    *trees_changed = batch->places.size != before;
    SB_TRY(sb_store__blocks_gather(view, err));
    return sb_store__stats_gather(view, err);
}

static sb_status write_rows(sb_view *view, sb_err *err)
{
    const sb_item *items;
    size_t count;

    if (sb_store__batch_items(&view->writer.batch, &items, &count) != SB_OK)
        return SB_FAIL_NOMEM(err);
    if (count != 0)
        SB_TRY(sb_tree_put_many(view->txn, sb_store__core_tree(view, SB_CORE_CATALOG), items, count,
                                err));
    return sb_store__stats_delete_emptied(view, err);
}

static sb_status before_commit(void *object, sb_txn *txn, sb_err *err)
{
    sb_view *view = object;
    const sb_store__writer *writer = &view->writer;
    bool trees_changed = false;
    uint8_t bytes[SB_META_BYTES];

    if (view->hook != NULL) SB_TRY(view->hook(view->hook_ctx, err));
    if (writer->failed != SB_OK)
        return SB_FAIL(err, writer->failed,
                       "a change of the transaction failed, and was not rolled back");
    SB_TRY(gather_rows(view, &trees_changed, err));
    SB_TRY(write_rows(view, err));
    if (writer->names_changed) view->meta.names_version = writer->base.names_version + 1;
    if (trees_changed) view->meta.trees_version = writer->base.trees_version + 1;
    sb_store__meta_encode(&view->meta, bytes);
    if (memcmp(bytes, sb_txn_meta(txn), SB_META_BYTES) != 0)
        memcpy(sb_txn_meta_mut(txn), bytes, SB_META_BYTES);
    return SB_OK;
}

/* ---- The other hooks ----------------------------------------------------------------------------------------------------- */

static sb_status on_savepoint(void *object, sb_txn *txn, uint32_t savepoint, sb_err *err)
{
    (void)txn;
    return sb_store__savepoint_make(object, savepoint) == SB_OK ? SB_OK : SB_FAIL_NOMEM(err);
}

static void on_rollback_to(void *object, sb_txn *txn, uint32_t savepoint)
{
    (void)txn;
    sb_store__rollback_to(object, savepoint);
}

static void on_release(void *object, sb_txn *txn, uint32_t savepoint)
{
    (void)txn;
    sb_store__savepoint_release(object, savepoint);
}

/* What the catalog now has is what the view has. */
static void accept_changes(sb_view *view)
{
    sb_store__writer *writer = &view->writer;

    for (size_t i = 0; i < writer->dirty_count; i++) {
        sb_store__adjacency *entry = sb_store__adjacency_at(view, writer->dirty[i]);
        entry->saved = entry->tree;
    }
    for (size_t i = 0; i < view->schema_count; i++) {
        view->schemas[i]->saved = view->schemas[i]->tree;
        view->schemas[i]->touched = false;
    }
    for (size_t i = 0; i < writer->schema_log_count; i++) {
        if (!writer->schema_log[i].added) sb_store__schema_free(view, writer->schema_log[i].schema);
    }
}

static void shrink(sb_view *view)
{
    sb_store__writer *writer = &view->writer;

    sb_store__stats_shrink(&view->stats);
    sb_store__blocks_clear(view);
    if (writer->block_index.capacity > KEPT_CAPACITY) sb_map_deinit(&writer->block_index);
    if (writer->log_keys.capacity > KEPT_CAPACITY) sb_map_deinit(&writer->log_keys);
    if (writer->batch.bytes.capacity > KEPT_CAPACITY * SB_ROW_PIECE)
        sb_buffer_deinit(&writer->batch.bytes);
}

static void on_end(void *object, bool committed)
{
    sb_view *view = object;
    sb_store__writer *writer = &view->writer;

    if (committed) {
        accept_changes(view);
    } else {
        sb_store__rollback_all(view);
    }
    for (size_t i = 0; i < writer->dirty_count; i++) {
        sb_store__adjacency_at(view, writer->dirty[i])->dirty = false;
    }
    writer->dirty_count = 0;
    writer->active = false;
    view->hook = NULL;
    view->hook_ctx = NULL;
    view->current = false; /* the next transaction compares versions; what is cached stays */
    shrink(view);
}

static const sb_txn_ext_kind writer_kind = {.name = "store",
                                            .create = activate,
                                            .before_commit = before_commit,
                                            .savepoint = on_savepoint,
                                            .rollback_to = on_rollback_to,
                                            .release = on_release,
                                            .end = on_end};
