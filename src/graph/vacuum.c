/* vacuum.c — rewriting a database compactly: into a new file, or into a temporary one that then takes the place of the
 * content as one transaction. Every tree is rebuilt bottom-up by the store's copy, so that leaves are full and lie in
 * order, and free pages are gone. */
#include "graph/graph_priv.h"

/* Private pages of the copy before they are spilled. Trees are written past them, so little comes together. */
#define COPY_MEMORY_BYTES ((uint64_t)64 << 20)

#define TEMPORARY_SUFFIX "-vacuum"

/* The new file while it is being written. */
typedef struct sb_copy_file {
    sb_vfs *vfs;
    const char *path; /* borrowed */
    sb_pager *pager;
    sb_session *session;
} sb_copy_file;

/* whole: it appears when it is complete, and is synced; else it is one that nobody else is to see. */
static sb_status open_copy(sb_copy_file *copy, const sb_pager *original, bool whole, sb_err *err)
{
    sb_pager_options options;

    sb_pager_options_init(&options);
    options.alloc = sb_pager_alloc(original);
    options.vfs = copy->vfs;
    options.profile = sb_pager_profile(original);
    options.page_bytes = sb_pager_page_bytes(original);
    options.durability = whole ? SB_DURABLE_FULL : SB_DURABLE_OFF;
    options.whole = whole;
    options.autocheckpoint_pages = 0; /* closing moves all into the one file */
    options.checkpoint_thread = false;
    options.txn_memory_bytes = COPY_MEMORY_BYTES;
    options.check = sb_tree_check_page;
    SB_TRY(sb_pager_open(copy->path, &options, &copy->pager, err));
    return sb_session_open(copy->pager, &copy->session, err);
}

/* Accepts one that was opened in part. */
static sb_status close_copy(sb_copy_file *copy, sb_err *err)
{
    sb_status st = SB_OK;

    sb_session_close(copy->session);
    if (copy->pager != NULL) st = sb_pager_close(copy->pager, err);
    copy->session = NULL;
    copy->pager = NULL;
    return st;
}

static void remove_file(sb_vfs *vfs, const char *path)
{
    bool existed;
    const sb_status st = vfs->ops->remove(vfs, path, &existed, NULL);
    (void)st; /* benign: what stays behind is in nobody's way, and another failure is told
               * already */
}

/* The file and what a copy that failed may have left beside it. */
static void remove_copy(const sb_copy_file *copy, const sb_allocator *alloc)
{
    static const char *const suffixes[] = {"-wal", "-shm"};
    const size_t bytes = strlen(copy->path);
    char *beside = sb_alloc(alloc, bytes + 5);

    remove_file(copy->vfs, copy->path);
    if (beside == NULL) return; /* benign: as above */
    memcpy(beside, copy->path, bytes);
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        memcpy(beside + bytes, suffixes[i], 5);
        remove_file(copy->vfs, beside);
    }
    sb_free(alloc, beside, bytes + 5);
}

/* Progress and cancellation as the session has them set. */
static bool copy_progress(void *ctx, uint64_t done, uint64_t total)
{
    return sb_graph__tick(ctx, done, total, NULL) == SB_OK;
}

static sb_status fill_copy(sb_copy_file *copy, sb_graph *from, sb_err *err)
{
    sb_view *view;
    sb_txn *txn;
    sb_status st;

    SB_TRY(sb_txn_begin_write(copy->session, &txn, err));
    st = sb_view_get(txn, &view, err);
    if (st == SB_OK) st = sb_store_copy(from->view, view, copy_progress, from, err);
    if (st == SB_OK) return sb_txn_commit(txn, err);
    sb_txn_rollback(txn);
    return st;
}

/* ---- Into a new file ---------------------------------------------------------------------------------------- */

sb_status sb_graph_vacuum_into(sb_graph *graph, sb_vfs *vfs, const char *path, sb_err *err)
{
    const sb_pager *pager = sb_txn_pager(graph->txn);
    sb_copy_file copy = {.vfs = vfs, .path = path};
    sb_status st, closed;

    if (sb_txn_dirty(graph->txn))
        return SB_FAIL(err, SB_MISUSE,
                       "vacuum: the transaction has changed something already: commit it first");
    st = open_copy(&copy, pager, true, err);
    if (st == SB_OK) st = fill_copy(&copy, graph, err);
    closed = close_copy(&copy, err);
    return st == SB_OK ? closed : st;
}

/* ---- In place --------------------------------------------------------------------------------------------------- */

/* A read transaction on the very state that the writer sees. Whoever committed it may not have synced it yet, or never will: it was killed,
 * or is in `normal`. */
static sb_status begin_same(sb_session *session, sb_txn *writer, sb_txn **txn, sb_err *err)
{
    SB_TRY(sb_txn_make_durable(writer, err));
    SB_TRY(sb_txn_begin_read(session, txn, err));
    SB_ASSERT(sb_txn_seq(*txn) == sb_txn_seq(writer));
    return SB_OK;
}

/* The session's progress and cancellation, for the copy's reader. */
static sb_status follow_settings(sb_session *session, sb_session *reader, sb_err *err)
{
    sb_graph_settings settings;

    SB_TRY(sb_graph__settings(session, &settings, err));
    return sb_graph_configure(reader, &settings, err);
}

/* Copy what reader's transaction sees, and put it in the place of the writer's content. writer is gone afterwards. */
static sb_status copy_and_replace(sb_copy_file *copy, sb_session *reader, sb_txn *writer,
                                  sb_err *err)
{
    sb_graph *graph = NULL;
    sb_txn *from = NULL, *source = NULL;
    sb_status st = begin_same(reader, writer, &from, err);

    if (st == SB_OK) st = sb_graph_get(from, &graph, err);
    if (st == SB_OK) st = fill_copy(copy, graph, err);
    sb_txn_rollback(from);
    if (st == SB_OK) st = sb_txn_begin_read(copy->session, &source, err);
    if (st == SB_OK)
        st = sb_store_replace(writer, source, NULL, NULL, err);
    else
        sb_txn_rollback(writer);
    sb_txn_rollback(source);
    return st;
}

static sb_status vacuum_through(sb_copy_file *copy, sb_session *session, sb_err *err)
{
    sb_pager *pager = sb_session_pager(session);
    sb_session *reader = NULL;
    sb_txn *writer;
    sb_status st;

    /* The writer lock is held from here on, so nobody commits meanwhile. */
    SB_TRY(sb_txn_begin_write(session, &writer, err));
    remove_copy(copy, sb_pager_alloc(pager)); /* that of a vacuum that was killed */
    st = open_copy(copy, pager, false, err);
    if (st == SB_OK) st = sb_session_open(pager, &reader, err);
    if (st == SB_OK) st = follow_settings(session, reader, err);
    if (st == SB_OK)
        st = copy_and_replace(copy, reader, writer, err);
    else
        sb_txn_rollback(writer);
    sb_session_close(reader);
    return st;
}

sb_status sb_graph_vacuum(sb_session *session, sb_err *err)
{
    const sb_pager *pager = sb_session_pager(session);
    const sb_allocator *alloc = sb_pager_alloc(pager);
    const size_t bytes = strlen(sb_pager_real_path(pager));
    sb_copy_file copy = {.vfs = sb_pager_vfs(pager)};
    sb_err ignored;
    sb_status st, closed;
    char *path = sb_alloc(alloc, bytes + sizeof TEMPORARY_SUFFIX);

    if (path == NULL) return SB_FAIL_NOMEM(err);
    memcpy(path, sb_pager_real_path(pager), bytes);
    memcpy(path + bytes, TEMPORARY_SUFFIX, sizeof TEMPORARY_SUFFIX);
    copy.path = path;
    st = vacuum_through(&copy, session, err);
    sb_err_clear(&ignored);
    closed = close_copy(&copy, &ignored);
    (void)closed; /* benign: the copy has done its work */
    remove_copy(&copy, alloc);
    sb_free(alloc, path, bytes + sizeof TEMPORARY_SUFFIX);
    return st;
}
