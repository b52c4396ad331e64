/* recover.c — saving what can be read of a damaged database into a new one.
 * The damaged file is copied (with its WAL, which is applied as far as it is whole), so that it is never changed; rows
 * are then read leaf by leaf (recover_pages.c) and made anew in batches, in one transaction. */
#include "graph/recover_priv.h"

#include <stdio.h>

#define SCRATCH_SUFFIX "-salvage"

/* Pages are read from a copy, whose name tells a reader nothing: the damaged file's goes in its place. */
static void name_damaged(const sb_recovery *r, char *text, size_t bytes)
{
    char rest[SB_ERR_TEXT_BYTES];

    if (r->scratch == NULL) return;
    for (char *place = text; (place = strstr(place, r->scratch)) != NULL;) {
        (void)snprintf(rest, sizeof rest, "%s", place + strlen(r->scratch));
        (void)snprintf(place, bytes - (size_t)(place - text), "%s%s", r->damaged, rest);
        place += strlen(r->damaged) < strlen(place) ? strlen(r->damaged) : strlen(place);
    }
}

void sb_recover__lost(sb_recovery *r, const char *format, ...)
{
    va_list args;

    r->result->messages++;
    if (r->options->lost == NULL) return;
    va_start(args, format);
    (void)vsnprintf(r->message, sizeof r->message, format, args);
    va_end(args);
    name_damaged(r, r->message, sizeof r->message);
    r->options->lost(r->options->lost_ctx, r->message);
}

sb_status sb_recover__forgive(sb_recovery *r, sb_status st, const sb_err *cause, bool *damaged)
{
    *damaged = st == SB_CORRUPT;
    return st == SB_OK || st == SB_CORRUPT
               ? SB_OK
               : SB_FAIL_OS(r->err, st, cause->os_error, "%s", cause->text);
}

/* ---- Files ------------------------------------------------------------------------------------------------------ */

static void note_left_out(void *ctx, sb_log_level level, const char *message)
{
    if (level == SB_LOG_WARNING) sb_recover__lost(ctx, "%s", message);
}

static sb_status open_file(sb_recovery *r, const char *path, uint32_t page_bytes, bool scratch,
                           sb_open_file *file, sb_err *err)
{
    sb_pager_options options;
    sb_graph_settings settings;

    sb_graph_settings_init(&settings);
    settings.memory = r->options->memory;
    sb_pager_options_init(&options);
    options.alloc = r->alloc;
    options.vfs = r->options->vfs;
    options.profile = r->options->profile;
    options.page_bytes = page_bytes;
    options.create = options.whole = !scratch; /* the new one appears when all is in it */
    options.forgive = scratch;
    options.read_only = scratch; /* so that what only newer versions may write is saved, too */
    if (scratch) options.log = note_left_out;
    options.log_ctx = r;
    options.durability = scratch ? SB_DURABLE_OFF : SB_DURABLE_FULL;
    options.autocheckpoint_pages = 0;
    options.checkpoint_thread = false;
    options.txn_memory_bytes = r->options->txn_memory_bytes;
    options.check = sb_tree_check_page;
    SB_TRY(sb_pager_open(path, &options, &file->pager, err));
    SB_TRY(sb_session_open(file->pager, &file->session, err));
    SB_TRY(sb_graph_configure(file->session, &settings, err));
    return scratch ? sb_txn_begin_read(file->session, &file->txn, err)
                   : sb_txn_begin_write(file->session, &file->txn, err);
}

/* Accepts one that was opened in part. Ends its transaction, if it is still open. */
static sb_status close_file(sb_open_file *file, sb_err *err)
{
    sb_status st = SB_OK;

    sb_txn_rollback(file->txn);
    sb_session_close(file->session);
    if (file->pager != NULL) st = sb_pager_close(file->pager, err);
    *file = (sb_open_file){0};
    return st;
}

static void remove_one(const sb_recovery *r, const char *name)
{
    bool existed;
    const sb_status st = r->options->vfs->ops->remove(r->options->vfs, name, &existed, NULL);
    (void)st; /* benign: it is in nobody's way */
}

/* The main file goes without a name being made, so also when there is no memory. */
static void remove_files(const sb_recovery *r, const char *path)
{
    static const char *const suffixes[] = {"-wal", "-shm"};
    const size_t bytes = strlen(path);

    remove_one(r, path);
    char *name = sb_alloc(r->alloc, bytes + 5);
    if (name == NULL) return; /* benign: without the main file they mean nothing */
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        (void)snprintf(name, bytes + 5, "%s%s", path, suffixes[i]); /* fits */
        remove_one(r, name);
    }
    sb_free(r->alloc, name, bytes + 5);
}

static sb_status open_damaged(sb_recovery *r, const char *damaged, const char *scratch)
{
    sb_vfs *vfs = r->options->vfs;
    sb_err cause, ignored;

    SB_TRY(sb_pager_salvage(vfs, r->alloc, damaged, scratch, r->err));
    sb_err_clear(&cause);
    sb_err_clear(&ignored);
    sb_status st = open_file(r, scratch, 0, true, &r->old, &cause);
    if (st == SB_OK) return SB_OK;
    const sb_status closed = close_file(&r->old, &ignored);
    (void)closed; /* benign: it did not open, and is a copy */
    if (st != SB_CORRUPT && st != SB_NOT_A_DB)
        return SB_FAIL_OS(r->err, st, cause.os_error, "%s", cause.text);
    sb_recover__lost(r, "page 0 is damaged: %s", cause.text);
    r->header_lost = true;
    r->result->damaged_pages++;
    SB_TRY(sb_pager_salvage_header(vfs, r->alloc, scratch, r->err));
    return open_file(r, scratch, 0, true, &r->old, r->err);
}

/* ---- Batches ------------------------------------------------------------------------------------------------------ */

static sb_status put_batch(sb_recovery *r, bool nodes)
{
    const size_t count = r->ops.size / sizeof(sb_op);
    const uint64_t *olds = (const uint64_t *)(const void *)r->olds.data;
    sb_mutation mutation;

    if (count == 0) return SB_OK;
    SB_TRY(sb_graph_mutate(r->graph, (const sb_op *)(const void *)r->ops.data, count, &mutation,
                           r->err));
    for (size_t i = 0; nodes && i < count; i++)
        sb_recover__node_made(r, olds[i], mutation.ids[i]);
    *(nodes ? &r->result->nodes : &r->result->rels) += count;
    sb_buffer_reset(&r->ops);
    sb_buffer_reset(&r->olds);
    sb_arena_reset(r->arena);
    return sb_txn_spill(r->fresh.txn, r->err);
}

static sb_status add_op(sb_recovery *r, const sb_op *op, uint64_t old)
{
    const bool added = sb_buffer_append(&r->ops, op, sizeof *op) == SB_OK &&
                       sb_buffer_append(&r->olds, &old, sizeof old) == SB_OK;
    return added ? SB_OK : SB_FAIL_NOMEM(r->err);
}

/* ---- Rows ------------------------------------------------------------------------------------------------------------ */

static sb_status take_value(sb_recovery *r, const char *noun, uint64_t id, const sb_cell *cell,
                            sb_prop *prop, bool *taken)
{
    sb_err cause;
    bool damaged = false;

    *taken = false;
    sb_err_clear(&cause);
    sb_status st = sb_value_from_cell(r->old.txn, cell, r->arena, &prop->value, &cause);
    if (st == SB_OK && sb_value_check(&prop->value, &cause) != SB_OK) st = SB_CORRUPT;
    SB_TRY(sb_recover__forgive(r, st, &cause, &damaged));
    SB_TRY(sb_recover__name(r, SB_NAME_KEY, cell->key, &prop->key));
    *taken = !damaged;
    if (damaged) {
        r->result->lost_props++;
        const sb_bytes name = sb_name_of(r->view, SB_NAME_KEY, prop->key);
        sb_recover__lost(r, "%s %llu: property %.*s is lost: %s", noun, (unsigned long long)id,
                         (int)name.size, (const char *)name.data, cause.text);
    }
    return SB_OK;
}

static sb_status take_values(sb_recovery *r, const char *noun, uint64_t id, const sb_row *row,
                             sb_op *op)
{
    size_t count = 0;
    sb_cell cell;
    bool taken;

    for (size_t pos = 0; sb_row_next_cell(row, &pos, &cell);)
        count += cell.key < SB_COLUMN_SYSTEM;
    sb_prop *props = sb_arena_alloc_array(r->arena, count, sizeof *props);
    if (props == NULL) return SB_FAIL_NOMEM(r->err);
    op->props = props;
    for (size_t pos = 0; sb_row_next_cell(row, &pos, &cell);) {
        if (cell.key >= SB_COLUMN_SYSTEM || cell.key == 0) continue;
        SB_TRY(take_value(r, noun, id, &cell, &props[op->prop_count], &taken));
        if (taken &&
            (op->prop_count == 0 || props[op->prop_count - 1].key != props[op->prop_count].key))
            op->prop_count++;
    }
    return SB_OK;
}

static bool system_word(const sb_row *row, uint32_t key, uint64_t *word)
{
    sb_cell cell;

    if (!sb_row_cell(row, key, &cell) || cell.type != SB_CELL_INT) return false;
    *word = cell.word;
    return true;
}

static sb_status take_node(sb_recovery *r, uint64_t id, const sb_row *row)
{
    sb_op op = {.kind = SB_OP_CREATE_NODE, .entity = SB_NODE};
    uint64_t old_set;
    sb_set_id set;
    bool fresh;

    if (id == 0 || id > SB_ID_MAX || !system_word(row, SB_COLUMN_SET, &old_set) ||
        old_set > UINT32_MAX) {
        r->row_losses[SB_NODE]++;
        sb_recover__lost(r, "node %llu is lost: it has no label set", (unsigned long long)id);
        return SB_OK;
    }
    SB_TRY(sb_recover__see_node(r, id, &fresh));
    if (!fresh) return SB_OK;
    SB_TRY(sb_recover__set(r, old_set, &set));
    const sb_label_id *labels = sb_set_labels(r->view, set, &op.label_count);
    /* names made later may move them */
    sb_label_id *copy = sb_arena_alloc_array(r->arena, op.label_count, sizeof *copy);
    if (copy == NULL) return SB_FAIL_NOMEM(r->err);
    if (op.label_count != 0) memcpy(copy, labels, op.label_count * sizeof *copy);
    op.labels = copy;
    SB_TRY(take_values(r, "node", id, row, &op));
    return add_op(r, &op, id);
}

static bool find_end(const sb_recovery *r, uint64_t old, sb_op_ref *ref)
{
    *ref = (sb_op_ref){.id = sb_recover__node(r, old), .result_of = -1};
    return ref->id != 0;
}

static sb_status lose_rel(sb_recovery *r, uint64_t id, const char *end, uint64_t node)
{
    r->row_losses[SB_REL]++;
    sb_recover__lost(r, "relationship %llu is lost: its %s, node %llu, is lost too",
                     (unsigned long long)id, end, (unsigned long long)node);
    return SB_OK;
}

static sb_status take_rel(sb_recovery *r, uint64_t id, const sb_row *row)
{
    sb_op op = {.kind = SB_OP_CREATE_REL, .entity = SB_REL};
    uint64_t source, target, type;
    bool fresh = true;

    if (!r->tree_whole[SB_RECOVER_RELS]) SB_TRY(sb_recover__see_rel(r, id, &fresh));
    if (!fresh) return SB_OK;
    if (!system_word(row, SB_COLUMN_SOURCE, &source) ||
        !system_word(row, SB_COLUMN_TARGET, &target) || !system_word(row, SB_COLUMN_TYPE, &type) ||
        type == 0 || type > UINT32_MAX) {
        r->row_losses[SB_REL]++;
        sb_recover__lost(r, "relationship %llu is lost: it lacks an end or its type",
                         (unsigned long long)id);
        return SB_OK;
    }
    if (!find_end(r, source, &op.source)) return lose_rel(r, id, "source", source);
    if (!find_end(r, target, &op.target)) return lose_rel(r, id, "target", target);
    SB_TRY(sb_recover__name(r, SB_NAME_TYPE, (uint32_t)type, &op.type));
    SB_TRY(take_values(r, "relationship", id, row, &op));
    return add_op(r, &op, id);
}

/* ---- Leaves ------------------------------------------------------------------------------------------------------------- */

/* Rows of one leaf in a range of ids. A row in overflow pages that are damaged keeps the whole leaf from being handed
 * out: then the range is halved until that row stands alone. */
static sb_status save_range(sb_recovery *r, const sb_tree *leaf, bool nodes, uint64_t first,
                            uint64_t last)
{
    sb_row_scan *scan;
    sb_err cause;
    size_t count;
    bool damaged = false;

    sb_err_clear(&cause);
    SB_TRY(sb_row_scan_open(r->old.txn, leaf, first, last, &scan, r->err));
    sb_status st = sb_row_scan_next(scan, &count, &cause);
    if (st == SB_OK && count != 0) {
        const uint64_t *ids = sb_row_scan_ids(scan);
        for (size_t i = 0; st == SB_OK && i < count; i++)
            st = nodes ? take_node(r, ids[i], sb_row_scan_row(scan, i))
                       : take_rel(r, ids[i], sb_row_scan_row(scan, i));
        if (st == SB_OK) st = put_batch(r, nodes); /* before the leaf goes: values may lie in it */
        sb_row_scan_close(scan);
        return st;
    }
    sb_row_scan_close(scan);
    SB_TRY(sb_recover__forgive(r, st, &cause, &damaged));
    if (!damaged) return SB_OK;
    if (first == last) {
        r->row_losses[nodes ? SB_NODE : SB_REL]++;
        sb_recover__lost(r, "%s %llu is lost: %s", nodes ? "node" : "relationship",
                         (unsigned long long)first, cause.text);
        return SB_OK;
    }
    const uint64_t middle = first + (last - first) / 2;
    SB_TRY(save_range(r, leaf, nodes, first, middle));
    return save_range(r, leaf, nodes, middle + 1, last);
}

static sb_status save_nodes(sb_recovery *r, const sb_tree *leaf)
{
    return save_range(r, leaf, true, 0, UINT64_MAX);
}
static sb_status save_rels(sb_recovery *r, const sb_tree *leaf)
{
    return save_range(r, leaf, false, 0, UINT64_MAX);
}

/* ---- The whole ------------------------------------------------------------------------------------------------------------ */

static uint64_t count_lost(bool known, uint64_t total, uint64_t saved, uint64_t row_losses)
{
    return known && total > saved ? total - saved : row_losses;
}

static void count_losses(sb_recovery *r)
{
    sb_recover_result *result = r->result;

    result->lost_nodes =
        count_lost(r->node_total_known, r->node_total, result->nodes, r->row_losses[SB_NODE]);
    result->lost_rels =
        count_lost(r->rel_total_known, r->rel_total, result->rels, r->row_losses[SB_REL]);
    /* A whole catalog without a total: there were none. */
    result->nodes_known = r->node_total_known || r->tree_whole[SB_RECOVER_CATALOG];
    result->rels_known = r->rel_total_known || r->tree_whole[SB_RECOVER_CATALOG];
    if (!result->nodes_known || !result->rels_known)
        sb_recover__lost(r,
                         "how many %s there were is lost: what lay in damaged pages is not counted",
                         result->nodes_known  ? "relationships"
                         : result->rels_known ? "nodes"
                                              : "nodes and relationships");
    if (result->lost_nodes != 0 || result->lost_rels != 0)
        sb_recover__lost(r, "lost in all: %llu nodes and %llu relationships",
                         (unsigned long long)result->lost_nodes,
                         (unsigned long long)result->lost_rels);
}

/* No id of the damaged file, of what was deleted or lost neither, names another entity in the new one. */
static void begin_ids(sb_recovery *r)
{
    uint64_t *end = r->id_end;

    for (unsigned entity = 0; entity < 2; entity++)
        if (end[entity] == 0) end[entity] = 1; /* there was none, or nothing tells */
    if (sb_ids_begin_at(r->view, end[SB_NODE], end[SB_REL])) return;
    sb_recover__lost(r, "ids begin at 1 again: the file says that they went up to %llu and %llu",
                     (unsigned long long)end[SB_NODE], (unsigned long long)end[SB_REL]);
}

static sb_status fill_fresh(sb_recovery *r, const char *path)
{
    SB_TRY(open_file(r, path, sb_pager_page_bytes(r->old.pager), false, &r->fresh, r->err));
    SB_TRY(sb_graph_get(r->fresh.txn, &r->graph, r->err));
    r->view = sb_graph_view(r->graph);
    SB_TRY(sb_view_found(r->view, r->err));
    begin_ids(r);
    SB_TRY(sb_recover__each_leaf(r, SB_RECOVER_NODES, save_nodes));
    SB_TRY(sb_recover__each_leaf(r, SB_RECOVER_RELS, save_rels));
    SB_TRY(sb_recover__schemas(r));
    count_losses(r);
    sb_txn *txn = r->fresh.txn;
    r->fresh.txn = NULL;
    return sb_txn_commit(txn, r->err);
}

static sb_status run_recovery(sb_recovery *r, const char *damaged, const char *path,
                              const char *scratch)
{
    sb_vfs *vfs = r->options->vfs;
    bool exists = false;

    SB_TRY(vfs->ops->exists(vfs, path, &exists, r->err));
    if (exists) return SB_FAIL(r->err, SB_EXISTS, "%s exists already", path);
    SB_TRY(sb_pager_salvage_check(vfs, r->alloc, damaged, path, scratch, r->err));
    remove_files(r, scratch); /* those of a recovery that was killed */
    sb_status st = open_damaged(r, damaged, scratch);
    if (st == SB_OK) st = sb_recover__survey(r);
    if (st == SB_OK) st = sb_recover__read_names(r);
    if (st == SB_OK) st = fill_fresh(r, path);
    const sb_status closed = close_file(&r->fresh, r->err);
    if (st == SB_OK) st = closed;
    sb_err ignored;
    sb_err_clear(&ignored);
    const sb_status old_closed = close_file(&r->old, &ignored);
    (void)old_closed; /* benign: it is a copy */
    remove_files(r, scratch);
    return st;
}

static void init_recovery(sb_recovery *r)
{
    sb_map *const maps[] = {&r->piece_places, &r->names, &r->sets, &r->node_groups, &r->rels};
    sb_buffer *const buffers[] = {&r->pieces, &r->ops, &r->olds, &r->node_ids};

    for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++)
        sb_map_init(maps[i], r->alloc);
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++)
        sb_buffer_init(buffers[i], r->alloc);
}

static void deinit_recovery(sb_recovery *r)
{
    sb_map *const maps[] = {&r->piece_places, &r->names, &r->sets, &r->node_groups, &r->rels};
    sb_buffer *const buffers[] = {&r->pieces, &r->ops, &r->olds, &r->node_ids};
    const size_t bitmap_bytes = (size_t)r->page_count / 8 + 1;

    for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++)
        sb_map_deinit(maps[i]);
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++)
        sb_buffer_deinit(buffers[i]);
    sb_free(r->alloc, r->free, bitmap_bytes);
    sb_free(r->alloc, r->used, bitmap_bytes);
    sb_free(r->alloc, r->uses, r->pages_there);
    sb_arena_destroy(r->arena);
}

sb_status sb_graph_recover(const char *damaged, const char *path, const sb_recover_options *options,
                           sb_recover_result *result, sb_err *err)
{
    sb_recovery r = {.options = options, .alloc = options->alloc, .err = err, .result = result};
    const size_t bytes = strlen(path);
    char *scratch = sb_alloc(options->alloc, bytes + sizeof SCRATCH_SUFFIX);

    *result = (sb_recover_result){0};
    init_recovery(&r);
    r.arena = sb_arena_create(options->alloc, NULL);
    sb_status st = scratch == NULL || r.arena == NULL ? SB_FAIL_NOMEM(err) : SB_OK;
    if (st == SB_OK) {
        /* NOLINTNEXTLINE(bugprone-not-null-terminated-result) — the suffix ends it */
        memcpy(scratch, path, bytes);
        memcpy(scratch + bytes, SCRATCH_SUFFIX, sizeof SCRATCH_SUFFIX);
        r.damaged = damaged;
        r.scratch = scratch;
        st = run_recovery(&r, damaged, path, scratch);
    }
    /* What is wrong inside is the damaged file's; what could not be written is the copy's own. */
    if ((st == SB_CORRUPT || st == SB_NOT_A_DB || st == SB_VERSION_NEWER) && err != NULL)
        name_damaged(&r, err->text, sizeof err->text);
    deinit_recovery(&r);
    sb_free(options->alloc, scratch, bytes + sizeof SCRATCH_SUFFIX);
    return st;
}
