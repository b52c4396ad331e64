/* undo.c — savepoints of what lies outside the pages: the pager restores pages, this restores the view.
 * Each change of a statistic, id block or tree root records its old value once per savepoint: writer.epoch rises
 * with every savepoint, and an entry that carries the current epoch has been recorded. Rolling back replays the old
 * values, newest first, so that the oldest one stays; it needs no memory and can not fail.
 * Index trees are handed out for writing as pointers, so nobody tells when they change: a savepoint keeps those handed
 * out before it, and one handed out later was, at the savepoint, as the catalog has it.
 * U1  Records of a savepoint's lifetime lie behind its log_end; its kept trees between log_begin and log_end.
 * U2  Dropping an inner savepoint leaves its records to the outer one, where only the oldest of a key counts;
 *     compact() removes the others, so that a million statements inside one savepoint do not add up. */
#include "store/store_priv.h"

#define COMPACT_MIN 256u

static uint64_t log_key(const sb_store__undo *undo)
{
    return (uint64_t)undo->kind << 60 | undo->key;
}

static sb_status push(sb_view *view, const sb_store__undo *undo)
{
    sb_store__writer *writer = &view->writer;

    SB_TRY(sb_store__grow(view->alloc, &writer->log, sizeof *writer->log, writer->log_count + 1,
                          &writer->log_capacity));
    writer->log[writer->log_count++] = *undo;
    return SB_OK;
}

sb_status sb_store__log(sb_view *view, const sb_store__undo *undo, uint64_t *epoch)
{
    if (!sb_store__logging(view) || *epoch == view->writer.epoch) return SB_OK;
    SB_TRY(push(view, undo));
    *epoch = view->writer.epoch;
    return SB_OK;
}

sb_status sb_store__schema_log(sb_view *view, bool added, sb_store__schema *schema)
{
    sb_store__writer *writer = &view->writer;

    SB_TRY(sb_store__grow(view->alloc, &writer->schema_log, sizeof *writer->schema_log,
                          writer->schema_log_count + 1, &writer->schema_log_capacity));
    writer->schema_log[writer->schema_log_count++] =
        (sb_store__schema_undo){.added = added, .schema = schema};
    return SB_OK;
}

void sb_store__fail(sb_view *view, sb_status st)
{
    if (view->writer.failed != SB_OK) return;
    view->writer.failed = st;
    view->writer.failed_savepoints = view->writer.savepoint_count;
}

/* ---- Making ---------------------------------------------------------------------------------------------------- */

static sb_status keep_trees(sb_view *view)
{
    for (size_t i = 0; i < view->schema_count; i++) {
        const sb_store__schema *schema = view->schemas[i];
        const sb_store__undo undo = {
            .key = schema->definition.id, .kind = SB_UNDO_INDEX, .old.tree = schema->tree};
        if (schema->touched) SB_TRY(push(view, &undo));
    }
    return SB_OK;
}

sb_status sb_store__savepoint_make(sb_view *view, uint32_t savepoint)
{
    sb_store__writer *writer = &view->writer;

    SB_TRY(sb_store__grow(view->alloc, &writer->savepoints, sizeof *writer->savepoints,
                          writer->savepoint_count + 1, &writer->savepoint_capacity));
    sb_store__savepoint *made = &writer->savepoints[writer->savepoint_count];
    *made = (sb_store__savepoint){.id = savepoint,
                                  .epoch = writer->epoch + 1,
                                  .flushes = writer->flushes,
                                  .names_changed = writer->names_changed,
                                  .meta = view->meta,
                                  .mark = sb_arena_get_mark(view->arena),
                                  .log_begin = writer->log_count,
                                  .schema_log = writer->schema_log_count};
    if (keep_trees(view) != SB_OK) {
        writer->log_count = made->log_begin;
        return SB_NOMEM;
    }
    made->log_end = writer->log_count;
    writer->epoch++;
    writer->savepoint_count++;
    return SB_OK;
}

/* ---- Rolling back ------------------------------------------------------------------------------------------------ */

static void undo_schema(sb_view *view, size_t schema_log)
{
    sb_store__writer *writer = &view->writer;

    while (writer->schema_log_count > schema_log) {
        const sb_store__schema_undo undo = writer->schema_log[--writer->schema_log_count];
        if (undo.added) {
            sb_store__schema_remove(view, undo.schema->definition.id);
            sb_store__schema_free(view, undo.schema);
        } else {
            /* The arrays had room for it when it was dropped, and never shrink. */
            const sb_status st = sb_store__schema_insert(view, undo.schema);
            SB_ASSERT(st == SB_OK);
            (void)st;
        }
    }
}

static void apply(sb_view *view, const sb_store__undo *undo)
{
    sb_store__schema *schema;

    switch (undo->kind) {
    case SB_UNDO_STAT: sb_store__stats_restore(view, undo->key, undo->old.delta); break;
    case SB_UNDO_BLOCK: sb_store__block_restore(view, &undo->old.block); break;
    case SB_UNDO_ADJACENCY:
        sb_store__adjacency_at(view, (uint32_t)undo->key)->tree = undo->old.tree;
        break;
    case SB_UNDO_INDEX:
        schema = sb_store__schema_of(view, (uint32_t)undo->key);
        if (schema != NULL) schema->tree = undo->old.tree;
        break;
    }
}

/* Counters, core roots, names and sets. */
static void restore_meta(sb_view *view, const sb_store__meta *meta, sb_arena_mark mark)
{
    sb_store__sets_truncate(view, meta->set_count);
    sb_store__names_truncate(view, meta->name_counts);
    sb_arena_rewind(view->arena, mark);
    view->meta = *meta;
}

/* Index trees that were handed out at or after epoch. */
static void restore_touched(sb_view *view, uint64_t epoch)
{
    for (size_t i = 0; i < view->schema_count; i++) {
        sb_store__schema *schema = view->schemas[i];
        if (!schema->touched || schema->touch_epoch < epoch) continue;
        schema->tree = schema->saved;
        schema->touched = false;
    }
}

static void restore_savepoint(sb_view *view, sb_store__savepoint *savepoint)
{
    sb_store__writer *writer = &view->writer;

    if (writer->savepoint_count <= writer->failed_savepoints) writer->failed = SB_OK;
    undo_schema(view, savepoint->schema_log);
    /* A flush has emptied the table; what it held was recorded, so what is in it now came later. */
    if (writer->flushes != savepoint->flushes) sb_store__stats_clear(&view->stats);
    const sb_status failed = writer->failed;
    while (writer->log_count > savepoint->log_end) {
        apply(view, &writer->log[--writer->log_count]);
    }
    if (failed != writer->failed)
        writer->failed_savepoints = 0; /* no memory while restoring: nothing earlier is known to
                                        * be right */
    restore_touched(view, savepoint->epoch);
    for (size_t i = savepoint->log_begin; i < savepoint->log_end; i++) {
        apply(view, &writer->log[i]);
    }
    restore_meta(view, &savepoint->meta, savepoint->mark);
    writer->names_changed = savepoint->names_changed;
    writer->flushes = savepoint->flushes;
    writer->epoch++;
    /* Index trees handed out from here on are told from those that the savepoint kept. */
    savepoint->epoch = writer->epoch;
}

void sb_store__rollback_all(sb_view *view)
{
    sb_store__writer *writer = &view->writer;

    if (writer->copied) { /* the cache is that of the copy; the next transaction reads its own
                           * again */
        sb_store__unload(view);
        view->meta = writer->base;
        writer->dirty_count = writer->schema_log_count = 0;
    } else {
        undo_schema(view, 0);
        restore_touched(view, 0);
        for (size_t i = 0; i < writer->dirty_count; i++) {
            sb_store__adjacency *entry = sb_store__adjacency_at(view, writer->dirty[i]);
            entry->tree = entry->saved;
        }
        restore_meta(view, &writer->base, writer->base_mark);
    }
    sb_store__stats_clear(&view->stats);
    sb_store__blocks_clear(view);
    writer->log_count = 0;
    writer->savepoint_count = 0;
    writer->names_changed = false;
    writer->flushes = 0;
    writer->failed = SB_OK;
    writer->epoch++;
}

void sb_store__rollback_to(sb_view *view, uint32_t savepoint)
{
    sb_store__writer *writer = &view->writer;

    while (writer->savepoint_count != 0 &&
           writer->savepoints[writer->savepoint_count - 1].id > savepoint) {
        writer->savepoint_count--;
    }
    if (writer->savepoint_count == 0) {
        sb_store__rollback_all(
            view); /* it is older than the first use of the store in this transaction */
    } else {
        restore_savepoint(view, &writer->savepoints[writer->savepoint_count - 1]);
    }
}

/* ---- Releasing ------------------------------------------------------------------------------------------------------ */

/* U2: keep the first record of each key behind the last savepoint. */
static void compact(sb_view *view)
{
    sb_store__writer *writer = &view->writer;
    const size_t begin = writer->savepoints[writer->savepoint_count - 1].log_end;
    size_t kept = begin;

    if (writer->log_count - begin < COMPACT_MIN || writer->log_count < 2 * writer->log_compacted)
        return;
    sb_map_clear(&writer->log_keys);
    for (size_t i = begin; i < writer->log_count; i++) {
        bool inserted = false;
        /* benign: without memory the record stays, which is only longer */
        if (sb_map_at(&writer->log_keys, log_key(&writer->log[i]), &inserted) != NULL && !inserted)
            continue;
        writer->log[kept++] = writer->log[i];
    }
    writer->log_count = kept;
    writer->log_compacted = kept;
}

void sb_store__savepoint_release(sb_view *view, uint32_t savepoint)
{
    sb_store__writer *writer = &view->writer;

    while (writer->savepoint_count != 0 &&
           writer->savepoints[writer->savepoint_count - 1].id >= savepoint) {
        writer->savepoint_count--;
    }
    if (writer->failed_savepoints > writer->savepoint_count)
        writer->failed_savepoints = writer->savepoint_count;
    if (writer->savepoint_count == 0) {
        writer->log_count = writer->log_compacted = 0;
    } else {
        compact(view);
    }
}
