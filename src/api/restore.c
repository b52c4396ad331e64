/* restore.c — the content of a database replaced by that of a file.
 * Pages are copied as they are, so both have pages of one size. A database in memory takes over the file's: what it lies in is
 * made anew for pages of that size, filled, and put in the place of the old when it is whole. */
#include <string.h>

#include "api/api_priv.h"

/* A second pager on a file, for reading; closed by the caller. */
typedef struct sb_source {
    sombra_db *db; /* beside which it is */
    sb_vfs *vfs;
    sb_pager *pager;
    sb_session *session;
    sb_txn *txn;
    sb_profile profile;
} sb_source;

/* It was only read: nothing is lost with it. */
static void close_pager(sb_pager *pager)
{
    sb_err ignored;

    sb_err_clear(&ignored);
    if (pager != NULL && sb_pager_close(pager, &ignored) != SB_OK) {
        /* benign: nobody reads it again */
    }
}

static void close_source(sb_source *source)
{
    sb_txn_rollback(source->txn);
    sb_session_close(source->session);
    close_pager(source->pager);
    sombra__files_close(source->db, source->vfs);
}

static sb_status open_source(sombra_conn *conn, const char *path, sb_source *source)
{
    sb_pager_options options;

    memset(source, 0, sizeof *source);
    source->db = conn->db;
    SB_TRY(sombra__files_open(conn->db, &source->vfs, &conn->err));
    sb_pager_options_init(&options);
    options.alloc = &conn->db->memory.base;
    options.vfs = source->vfs;
    options.profile = &source->profile;
    options.read_only = true;
    options.create = false;
    options.check = sb_tree_check_page;
    SB_TRY(sb_pager_open(path, &options, &source->pager, &conn->err));
    SB_TRY(sb_session_open(source->pager, &source->session, &conn->err));
    return sb_txn_begin_read(source->session, &source->txn, &conn->err);
}

static sb_status fill(sombra_conn *conn, sb_session *session, sb_source *source)
{
    sb_txn *txn;

    SB_TRY(sb_txn_begin_write(session, &txn, &conn->err));
    return sb_store_replace(txn, source->txn, sombra__progress, conn, &conn->err);
}

/* ---- A database in memory, with pages of another size --------------------------------------------------------- */

/* What one lies in, and who stands on that. */
typedef struct memory_home {
    sb_vfs *vfs;
    sb_pager *pager;
    sb_session *session; /* of its only connection */
    sb_workers *workers;
} memory_home;

static void close_home(memory_home *home)
{
    sb_workers_destroy(home->workers);
    sb_session_close(home->session);
    close_pager(home->pager);
    sb_vfs_destroy(home->vfs);
}

static sb_status make_home(sombra_conn *conn, sb_source *source, memory_home *home)
{
    sombra_db *db = conn->db;
    sb_pager_options options;
    sb_pager_info info;

    SB_TRY(sb_pager_get_info(db->pager, &info, &conn->err));
    SB_TRY(sb_vfs_mem_create(&db->memory.base, &home->vfs, &conn->err));
    sombra__pager_options(db, &options);
    options.vfs = home->vfs;
    options.page_bytes = sb_pager_page_bytes(source->pager);
    options.first_seq = info.commit_seq; /* the connection's commits count on */
    SB_TRY(sb_pager_open(sb_pager_path(db->pager), &options, &home->pager, &conn->err));
    sb_pager_take_settings(home->pager, db->pager);
    SB_TRY(sombra__session_open(conn, home->pager, &home->session));
    SB_TRY(sb_workers_create(home->pager, &home->workers, &conn->err));
    return fill(conn, home->session, source);
}

/* False: another connection stands on the old one. */
static bool move_in(sombra_conn *conn, memory_home *home)
{
    sombra_db *db = conn->db;
    const memory_home old = {db->vfs, db->pager, conn->session, db->workers};

    sb_mutex_lock(db->lock);
    const bool alone = db->connections == 1;
    if (alone) {
        db->vfs = home->vfs;
        db->pager = home->pager;
        db->workers = home->workers;
        conn->session = home->session;
        *home = old;
    }
    sb_mutex_unlock(db->lock);
    return alone;
}

static sb_status restore_anew(sombra_conn *conn, sb_source *source)
{
    memory_home home = {0};
    sb_status status = make_home(conn, source, &home);

    if (status == SB_OK && !move_in(conn, &home))
        status =
            SB_FAIL(&conn->err, SB_INVALID,
                    "%s has pages of %u bytes, this database of %u: close its other connections, "
                    "or open it with page_size=%u",
                    sb_pager_path(source->pager), sb_pager_page_bytes(source->pager),
                    sb_pager_page_bytes(conn->db->pager), sb_pager_page_bytes(source->pager));
    close_home(&home);
    return status;
}

/* ---- Restore --------------------------------------------------------------------------------------------------- */

static sb_status restore(sombra_conn *conn, sb_source *source)
{
    sombra_db *db = conn->db;
    const uint32_t wanted = sb_pager_page_bytes(source->pager),
                   present = sb_pager_page_bytes(db->pager);

    if (wanted == present) return fill(conn, conn->session, source);
    SB_TRY(sb_pager_same_process(db->pager, &conn->err));
    if (db->files != db->vfs) return restore_anew(conn, source);
    return SB_FAIL(
        &conn->err, SB_INVALID,
        "%s has pages of %u bytes, %s of %u: restore it into a new file that is made with "
        "page_size=%u, or copy it",
        sb_pager_path(source->pager), wanted, sb_pager_path(db->pager), present, wanted);
}

sombra_status sombra_restore(sombra_conn *conn, const char *path)
{
    sb_source source;
    sb_status status;
    const sombra_status entered = sombra__enter_idle(conn);

    if (entered != SOMBRA_OK) return entered;
    if (path == NULL)
        return sombra__status(SB_FAIL(&conn->err, SB_MISUSE, "sombra_restore: path is needed"));
    sombra__run_begin(conn);
    status = open_source(conn, path, &source);
    if (status == SB_OK) status = restore(conn, &source);
    close_source(&source);
    status = sombra__call_end(conn, status);
    return sombra__status(status);
}
