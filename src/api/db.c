/* db.c — database and connection handles, errors, version. */
#include <stdio.h>
#include <string.h>

#include "api/mirror.h"

/* ---- Errors ---------------------------------------------------------------------------------------------- */

const char *sombra_version(void)
{
    return SOMBRA_VERSION;
}
uint32_t sombra_abi(void)
{
    return SOMBRA_ABI;
}
const char *sombra_status_text(sombra_status status)
{
    return sb_status_text((sb_status)status);
}
const char *sombra_status_name(sombra_status status)
{
    return sb_status_name((sb_status)status);
}
const char *sombra_type_name(uint32_t type)
{
    return sb_type_name(type);
}

/* The last part of a path of ours: "tree/list_insert.c". */
static const char *short_source(const char *file)
{
    const char *src = strstr(file, "src/");
    return src == NULL ? file : src + 4;
}

void sombra__error_copy(const sb_err *err, sombra_error *error)
{
    size_t bytes;
    char digits[12];
    unsigned at = sizeof digits;

    if (error == NULL) return;
    memset(error, 0, sizeof *error);
    error->status = sombra__status(err->code);
    error->page = SB_NO_PGNO;
    if (err->code == SB_OK) return;
    error->os_error = err->os_error;
    error->page = err->pgno;
    error->line = err->line;
    error->detail = err->detail;
    error->runtime = err->runtime;
    error->column = err->column;
    memcpy(error->message, err->text, sizeof error->message);
    static_assert(sizeof error->message == SB_ERR_TEXT_BYTES, "messages have the same room");
    if (err->source_file == NULL) return;
    bytes = strlen(short_source(err->source_file));
    if (bytes > sizeof error->source - sizeof digits - 1)
        bytes = sizeof error->source - sizeof digits - 1;
    memcpy(error->source, short_source(err->source_file), bytes);
    digits[--at] = '\0';
    for (uint32_t line = err->source_line; at > 1 && (line != 0 || at == sizeof digits - 1);
         line /= 10)
        digits[--at] = (char)('0' + line % 10);
    digits[--at] = ':';
    memcpy(error->source + bytes, digits + at, sizeof digits - at);
}

sb_bytes sombra__text(const void *text, size_t size)
{
    if (text == NULL) return sb_bytes_of(NULL, 0);
    return sb_bytes_of(text, size == SOMBRA_NUL_TERMINATED ? strlen(text) : size);
}

/* The limit, next to what was in use when it refused more: that the machine has more memory does not help. By now the call is undone. */
void sombra__name_limit(sombra_db *db, sombra_error *error)
{
    if (error == NULL || error->status != SOMBRA_NOMEM) return;
    const size_t used = strlen(error->message);
    const size_t refused_at = atomic_load_explicit(&db->memory.refused_at, memory_order_relaxed);

    (void)snprintf(
        error->message + used, sizeof error->message - used,
        " (memory_limit is %llu bytes, %llu %s)", (unsigned long long)sombra__memory_limit(db),
        (unsigned long long)(refused_at != 0 ? refused_at
                                             : atomic_load_explicit(&db->memory.live_bytes,
                                                                    memory_order_relaxed)),
        refused_at != 0 ? "were in use when it was reached" : "in use");
}

const sombra_error *sombra_error_of(const sombra_conn *conn)
{
    static const sombra_error no_connection = {
        .status = SOMBRA_MISUSE, .page = SB_NO_PGNO, .message = "there is no connection"};
    /* The error is part of the connection, which is not const for its owner: made when asked for. */
    sombra_conn *owner;
    if (conn == NULL) return &no_connection;
    memcpy(&owner, &conn, sizeof owner);
    sombra__error_copy(&conn->err, &owner->error);
    sombra__name_limit(conn->db, &owner->error);
    return &conn->error;
}

/* ---- Opening and closing ------------------------------------------------------------------------------------ */

static uint64_t read_clock(void *ctx)
{
    sb_vfs *vfs = ctx;
    return vfs->ops->monotonic_ns(vfs);
}

static void log_message(void *ctx, sb_log_level level, const char *message)
{
    const sombra_db *db = ctx;
    db->options.log(db->options.log_ctx, (sombra_log_level)level, message);
}

static void free_db(sombra_db *db)
{
    const sb_allocator *alloc = db->base.alloc;
    sb_memory_settle(db->large);
    sb_cypher_registry_destroy(db->registry);
    sb_mutex_destroy(db->lock);
    if (db->files != db->vfs) sombra__files_close(db, db->files);
    if (db->vfs != db->base.vfs) sb_vfs_destroy(db->vfs);
    sb_memory_destroy(db->large);
    sb_free(alloc, db, sizeof *db);
}

sb_status sombra__files_open(sombra_db *db, sb_vfs **vfs, sb_err *err)
{
    *vfs = db->base.vfs;
    return *vfs != NULL ? SB_OK : sb_vfs_posix_create(&db->memory.base, vfs, err);
}

void sombra__files_close(sombra_db *db, sb_vfs *vfs)
{
    if (vfs != db->base.vfs) sb_vfs_destroy(vfs);
}

/* The caller's options, or the defaults; older callers have a shorter struct. */
static sb_status take_options(const sombra_options *options, sombra_options *out, sb_err *err)
{
    sombra_options_init(out);
    if (options == NULL) return SB_OK;
    if (options->abi != SOMBRA_ABI)
        return SB_FAIL(err, SB_MISUSE,
                       "the program was compiled for ABI %u, this library has ABI %u: compile it "
                       "again (or call sombra_options_init first)",
                       options->abi, SOMBRA_ABI);
    memcpy(out, options, options->struct_bytes < sizeof *out ? options->struct_bytes : sizeof *out);
    return sombra__options_check(out, err);
}

uint64_t sombra__transaction_memory(sombra_db *db)
{
    const uint64_t given = db->options.transaction_memory;
    return given != 0 ? given : sombra__memory_limit(db) / 8;
}

static uint64_t transaction_memory(void *ctx)
{
    return sombra__transaction_memory(ctx);
}

/* A full page cache stays full, so it may not take what everything else needs. */
static uint64_t cache_memory(void *ctx)
{
    return sombra__memory_limit(ctx) / 4;
}

/* Reading what the machine and the process's group have takes as long as the first look-ups: so that is left until this much is in use, or until
 * a write or a statement wants its share. */
#define MEMORY_UNASKED ((size_t)16 << 20)

static size_t machine_share(void)
{
    return (size_t)(sb_os_memory_bytes() / 4);
}

void sombra__pager_options(sombra_db *db, sb_pager_options *pager)
{
    const sombra_options *options = &db->options;

    sb_pager_options_init(pager);
    pager->alloc = &db->memory.base;
    pager->vfs = db->vfs;
    pager->profile = &db->profile;
    pager->page_bytes = options->page_size;
    pager->create = options->create;
    pager->whole = options->create_whole && options->create && !options->read_only &&
                   !options->immutable && db->files == db->vfs; /* one in memory has no name */
    pager->read_only = options->read_only || options->immutable;
    pager->immutable = options->immutable;
    pager->durability = (sb_durability)options->durability;
    pager->read_mode = (sb_read_mode)options->read_mode;
    pager->cache_pages = options->cache_pages;
    pager->autocheckpoint_pages = options->autocheckpoint;
    pager->checkpoint_thread = options->checkpoint_thread;
    pager->busy_timeout_ns = (uint64_t)options->busy_timeout_ms * 1000000u;
    pager->txn_memory = transaction_memory;
    pager->cache_memory = cache_memory;
    pager->memory_ctx = db;
    pager->check = sb_tree_check_page;
    if (options->log != NULL) {
        pager->log = log_message;
        pager->log_ctx = db;
    }
}

/* The option, or the environment with the words that the option takes; unset and empty: off. */
static sb_status switch_profile(sombra_db *db, sb_err *err)
{
    const char *text = sb_os_environment("SOMBRA_PROFILE");
    bool on = false;

    if (text != NULL && *text != '\0' && !sombra__parse_bool(text, &on))
        return SB_FAIL(err, SB_INVALID,
                       "SOMBRA_PROFILE in the environment: '%s' is neither true nor false", text);
    db->profile.on = db->options.profile || on;
    return SB_OK;
}

/* "a:b" → two folders; empty ones are left out. */
static sb_status cut_import_dirs(sombra_db *db, sb_err *err)
{
    memcpy(db->import_text, db->options.import_dirs, sizeof db->import_text);
    for (char *at = db->import_text; at != NULL && *at != '\0';) {
        char *const colon = strchr(at, ':');

        if (colon != NULL) *colon = '\0';
        if (db->import_dir_count == SOMBRA_IMPORT_DIRS_MAX)
            return SB_FAIL(err, SB_INVALID, "option import_dirs: more than %u folders",
                           SOMBRA_IMPORT_DIRS_MAX);
        if (*at != '\0') db->import_dirs[db->import_dir_count++] = at;
        at = colon == NULL ? NULL : colon + 1;
    }
    return SB_OK;
}

static sb_status open_pager(sombra_db *db, const char *path, sb_err *err)
{
    sb_pager_options options;

    sombra__pager_options(db, &options);
    const sb_status st = sb_pager_open(path, &options, &db->pager, err);
    if (st != SB_EXISTS || !options.whole) return st;
    sb_err_clear(err);
    options.whole = false; /* it is there: so it is opened */
    return sb_pager_open(path, &options, &db->pager, err);
}

static sb_status open_memory(sombra_db *db, sb_err *err)
{
    const sombra_options *options = &db->options;

    if (!options->create || options->read_only || options->immutable)
        return SB_FAIL(err, SB_INVALID,
                       "':memory:' is a new, empty database: it can not be opened with %s",
                       options->immutable   ? "immutable=true"
                       : options->read_only ? "read_only=true"
                                            : "create=false");
    return open_pager(db, ":memory:", err);
}

/* Freed blocks that wait to be used again, beside memory_limit. */
#define KEPT_BYTES (32u << 20)

static sb_status open_allocator(sombra_db *db, sb_err *err)
{
    const size_t limit = (size_t)db->options.memory_limit;
    const size_t kept = limit == 0 || limit / 8 > KEPT_BYTES ? KEPT_BYTES : limit / 8;

    sb_counting_allocator_init(&db->memory, db->base.alloc);
    if (db->base.maps) {
        SB_TRY(sb_memory_create(db->base.alloc, &db->large, err));
        sb_memory_keep(db->large, kept);
        db->memory.inner = sb_memory_allocator(db->large);
    }
    if (limit == 0)
        sb_counting_allocator_limit_later(&db->memory, MEMORY_UNASKED, machine_share);
    else
        atomic_store_explicit(&db->memory.limit_bytes, limit, memory_order_relaxed);
    return SB_OK;
}

sb_status sombra__alone_begin(sombra_db *db, const sombra_options *options, sb_err *err)
{
    SB_TRY(take_options(options, &db->options, err));
    return open_allocator(db, err);
}

void sombra__alone_end(sombra_db *db)
{
    sb_memory_settle(db->large);
    sb_memory_destroy(db->large);
}

static sb_status open_db(sombra_db *db, const char *path, const sombra_options *options,
                         sb_err *err)
{
    const bool in_memory = strcmp(path, ":memory:") == 0;

    SB_TRY(take_options(options, &db->options, err));
    SB_TRY(cut_import_dirs(db, err));
    SB_TRY(open_allocator(db, err));
    SB_TRY(sb_mutex_create(&db->memory.base, SB_RANK_DATABASE, &db->lock, err));
    SB_TRY(sb_cypher_registry_create(&db->memory.base, &db->registry, err));
    SB_TRY(in_memory ? sb_vfs_mem_create(&db->memory.base, &db->vfs, err)
                     : sombra__files_open(db, &db->vfs, err));
    if (in_memory)
        SB_TRY(sombra__files_open(db, &db->files, err));
    else
        db->files = db->vfs;
    SB_TRY(switch_profile(db, err));
    db->profile.clock_ns = read_clock;
    db->profile.clock_ctx = db->files; /* which stay, where a restore replaces what is in memory */
    db->cores = sb_os_cpu_count();
    SB_TRY(in_memory ? open_memory(db, err) : open_pager(db, path, err));
    const sb_status status = sb_workers_create(db->pager, &db->workers, err);
    if (status != SB_OK) {
        sb_err ignored; /* the first failure is what the caller hears of */
        sb_err_clear(&ignored);
        (void)(sb_pager_close(db->pager, &ignored) == SB_OK);
    }
    return status;
}

sombra_status sombra__open(const char *path, const sombra_options *options, const sombra_base *base,
                           sombra_db **db, sombra_error *error)
{
    sb_err err;
    sb_status status;
    sombra_db *opened;

    sb_err_clear(&err);
    sombra__error_copy(&err, error);
    if (db != NULL) *db = NULL;
    if (path == NULL || db == NULL) {
        status = SB_FAIL(&err, SB_MISUSE, "sombra_open: path and db are needed");
    } else if ((opened = sb_alloc_zero(base->alloc, sizeof *opened)) == NULL) {
        status = SB_FAIL_NOMEM(&err);
    } else {
        opened->base = *base;
        status = open_db(opened, path, options, &err);
        if (status == SB_OK) {
            *db = opened;
            return SOMBRA_OK;
        }
        sombra__error_copy(&err, error);
        sombra__name_limit(opened, error);
        free_db(opened);
        return sombra__status(status);
    }
    sombra__error_copy(&err, error);
    return sombra__status(status);
}

sombra_status sombra_open(const char *path, const sombra_options *options, sombra_db **db,
                          sombra_error *error)
{
    const sombra_base base = {.alloc = &sb_allocator_libc, .maps = true};
    return sombra__open(path, options, &base, db, error);
}

sombra_status sombra_close(sombra_db *db, sombra_error *error)
{
    sb_err err;
    sb_status status;
    size_t connections;

    sb_err_clear(&err);
    if (db == NULL) {
        sombra__error_copy(&err, error);
        return SOMBRA_OK;
    }
    sb_mutex_lock(db->lock);
    connections = db->connections;
    sb_mutex_unlock(db->lock);
    if (connections != 0) {
        status = SB_FAIL(&err, SB_MISUSE, "%zu connections are still open: disconnect them first",
                         connections);
    } else {
        sb_workers_destroy(db->workers);
        status = sb_pager_close(db->pager, &err);
        free_db(db);
    }
    sombra__error_copy(&err, error);
    return sombra__status(status);
}

/* ---- Connections ---------------------------------------------------------------------------------------------- */

/* Parts of one call may count in ways of their own: the first that knows a total gives the scale, and others move nothing. So what is
 * told never falls, and its total changes once at most, when it becomes known. */
static void take_progress(sombra_told *told, uint64_t done, uint64_t total)
{
    if (told->total != 0 && total != told->total) return;
    if (told->total != total) told->done = 0;
    told->total = total;
    if (total != 0 && done > total) done = total;
    if (done > told->done) told->done = done;
}

static bool tell_progress(sombra_conn *conn, sombra_told *told)
{
    told->any = true;
    const sb_status before = sombra__callback_begin(conn);
    const bool on = conn->progress(conn->progress_ctx, told->done, told->total);
    sombra__callback_end(conn, before);
    return on;
}

void sombra__tell_whole(sombra_conn *conn, sombra_told *told)
{
    if (conn->progress == NULL || !told->any || told->done == told->total || told->total == 0)
        return;
    told->done = told->total;
    (void)tell_progress(conn, told); /* there is nothing left to cancel */
}

bool sombra__progress(void *ctx, uint64_t done, uint64_t total)
{
    sombra_conn *conn = ctx;
    if (atomic_load_explicit(&conn->cancel, memory_order_relaxed)) return false;
    if (conn->loading) done = conn->made.size / sizeof(uint64_t);
    if (!conn->querying) take_progress(conn->telling, done, total);
    if (conn->progress != NULL && !tell_progress(conn, conn->telling)) return false;
    if (conn->deadline_ns != 0 && read_clock(conn->db->vfs) >= conn->deadline_ns)
        conn->timed_out = true;
    return !conn->timed_out;
}

bool sombra__query_progress(void *ctx, uint64_t done, uint64_t total)
{
    sombra_conn *conn = ctx;
    take_progress(conn->telling, done, total);
    return sombra__progress(conn, done, total);
}

static void set_threads(sombra_conn *conn, uint32_t threads)
{
    const uint32_t cores = conn->db->cores;

    if (threads == 0) threads = cores < SB_WORKERS_MAX ? cores : SB_WORKERS_MAX;
    conn->trial.plan.threads = threads;
}

static bool is_wanted(void *ctx, uint64_t done, uint64_t total)
{
    (void)done;
    (void)total;
    return !atomic_load_explicit(&((sombra_conn *)ctx)->cancel, memory_order_relaxed);
}

sb_status sombra__session_open(sombra_conn *conn, sb_pager *pager, sb_session **session)
{
    const sb_watch watch = {is_wanted, conn};

    SB_TRY(sb_session_open(pager, session, &conn->err));
    sb_session_watch(*session, &watch);
    return sb_graph_configure(*session, &conn->settings, &conn->err);
}

static sb_status open_conn(sombra_conn *conn)
{
    const sombra_options *options = &conn->db->options;

    set_threads(conn, options->threads);

    conn->txn.conn = conn;
    conn->telling = &conn->told;
    sb_graph_settings_init(&conn->settings);
    conn->settings.edge_cache_capacity = options->edge_cache_capacity;
    conn->settings.trusted_endpoints = options->trusted_endpoints;
    conn->settings.distinct_neighbors = options->distinct_neighbors;
    conn->settings.memory = &conn->db->memory;
    conn->settings.cancel = &conn->cancel;
    conn->settings.progress = sombra__progress;
    conn->settings.progress_ctx = conn;
    sb_buffer_init(&conn->made, &conn->db->memory.base);
    conn->settings.changed_ctx = conn;
    sb_buffer_init(&conn->changes, &conn->db->memory.base);
    conn->notes = &conn->changes;
    return sombra__session_open(conn, conn->db->pager, &conn->session);
}

/* Whoever is counted keeps a restore from replacing what is in memory. */
static void count_connection(sombra_db *db, bool more)
{
    sb_mutex_lock(db->lock);
    db->connections = more ? db->connections + 1 : db->connections - 1;
    sb_mutex_unlock(db->lock);
}

sombra_status sombra_connect(sombra_db *db, sombra_conn **conn, sombra_error *error)
{
    sb_err err;
    sb_status status;
    sombra_conn *opened;

    sb_err_clear(&err);
    if (conn != NULL) *conn = NULL;
    if (db == NULL || conn == NULL) {
        status = SB_FAIL(&err, SB_MISUSE, "sombra_connect: db and conn are needed");
    } else if ((opened = sb_alloc_zero(&db->memory.base, sizeof *opened)) == NULL) {
        status = SB_FAIL_NOMEM(&err);
    } else {
        opened->db = db;
        count_connection(db, true);
        status = open_conn(opened);
        if (status == SB_OK) {
            *conn = opened;
        } else {
            err = opened->err;
            sb_session_close(opened->session);
            count_connection(db, false);
            sb_free(&db->memory.base, opened, sizeof *opened);
        }
    }
    sombra__error_copy(&err, error);
    return sombra__status(status);
}

void sombra_disconnect(sombra_conn *conn)
{
    sombra_db *db;

    if (conn == NULL || sombra__is_refused(conn)) return;
    db = conn->db;
    if (conn->txn.txn != NULL) sombra_rollback(&conn->txn);
    sombra__statements_close(conn);
    sb_session_close(conn->session);
    sb_buffer_deinit(&conn->made);
    sb_buffer_deinit(&conn->changes);
    sb_free(&db->memory.base, conn, sizeof *conn);
    count_connection(db, false);
}

void sombra_interrupt(sombra_conn *conn)
{
    if (conn != NULL && atomic_load(&conn->running)) atomic_store(&conn->cancel, true);
}

static uint64_t deadline_after(const sombra_conn *conn)
{
    const uint64_t now = read_clock(conn->db->vfs);
    return conn->time_limit_ns < UINT64_MAX - now ? now + conn->time_limit_ns : UINT64_MAX;
}

void sombra__run_begin(sombra_conn *conn)
{
    conn->timed_out = false;
    conn->told = (sombra_told){0};
    conn->telling = &conn->told;
    conn->deadline_ns = conn->time_limit_ns == 0 ? 0 : deadline_after(conn);
    /* Whoever sees the second store sees the first: no total order is needed, which would cost each statement four locked instructions. */
    atomic_store_explicit(&conn->cancel, false, memory_order_release);
    atomic_store_explicit(&conn->running, true, memory_order_release);
}

sb_status sombra__run_end(sombra_conn *conn, sb_status status)
{
    atomic_store_explicit(&conn->running, false, memory_order_release);
    atomic_store_explicit(&conn->cancel, false, memory_order_release); /* not for the next call */
    conn->telling = &conn->told;
    if (status != SB_INTERRUPT || !conn->timed_out) return status;
    sb_err_clear(&conn->err);
    return SB_FAIL(&conn->err, SB_TIMEOUT, "the time limit of %llu ms was reached",
                   (unsigned long long)(conn->time_limit_ns / 1000000u));
}

sb_status sombra__call_end(sombra_conn *conn, sb_status status)
{
    status = sombra__run_end(conn, status);
    if (status == SB_OK) sombra__tell_whole(conn, &conn->told);
    return status;
}

void sombra_set_time_limit(sombra_conn *conn, uint64_t ms)
{
    if (conn == NULL || sombra__is_refused(conn)) return;
    conn->time_limit_ns = ms < UINT64_MAX / 1000000u ? ms * 1000000u : 0; /* 584 years: none */
}

void sombra_set_progress(sombra_conn *conn,
                         bool (*progress)(void *ctx, uint64_t done, uint64_t total), void *ctx)
{
    if (conn == NULL || sombra__is_refused(conn)) return;
    conn->progress = progress;
    conn->progress_ctx = ctx;
}

void sombra_set_commit_hook(sombra_conn *conn, sombra_status (*hook)(void *ctx), void *ctx)
{
    if (conn == NULL || sombra__is_refused(conn)) return;
    conn->commit_hook = hook;
    conn->commit_ctx = ctx;
}

/* ---- Changes, for the hook --------------------------------------------------------------------------------------- */

static_assert((int)SOMBRA_NODE_CREATED == (int)SB_NODE_CREATED &&
                  (int)SOMBRA_NODE_CHANGED == (int)SB_NODE_CHANGED &&
                  (int)SOMBRA_NODE_DELETED == (int)SB_NODE_DELETED &&
                  (int)SOMBRA_REL_CREATED == (int)SB_REL_CREATED &&
                  (int)SOMBRA_REL_CHANGED == (int)SB_REL_CHANGED &&
                  (int)SOMBRA_REL_DELETED == (int)SB_REL_DELETED,
              "one is cast to the other");

typedef struct noted_change {
    uint64_t id;
    sombra_change change;
} noted_change;

/* More than this is given back when it was told: one large statement shall not hold it for ever. */
#define NOTES_KEPT_BYTES 65536u

/* The graph layer's. ctx: the connection. */
static sb_status note_change(void *ctx, sb_change change, const uint64_t *ids, size_t count,
                             sb_err *err)
{
    sombra_conn *const conn = ctx;

    for (size_t i = 0; i < count; i++) {
        const noted_change one = {.id = ids[i], .change = (sombra_change)change};
        if (sb_buffer_append(conn->notes, &one, sizeof one) != SB_OK) return SB_FAIL_NOMEM(err);
    }
    return SB_OK;
}

void sombra_set_change_hook(sombra_conn *conn,
                            void (*hook)(void *ctx, sombra_change change, uint64_t id), void *ctx)
{
    if (conn == NULL || sombra__is_refused(conn)) return;
    conn->change_hook = hook;
    conn->change_ctx = ctx;
    conn->settings.changed = hook != NULL ? note_change : NULL;
    /* The session has its object of the graph since it was opened: this only copies. */
    const sb_status st = sb_graph_configure(conn->session, &conn->settings, NULL);
    SB_ASSERT(st == SB_OK);
    (void)st;
}

void sombra__changed(sombra_conn *conn, sombra_change change, const uint64_t *ids, size_t count)
{
    if (conn->change_hook == NULL) return;
    const sb_status before = sombra__callback_begin(conn);
    for (size_t i = 0; i < count; i++)
        conn->change_hook(conn->change_ctx, change, ids[i]);
    sombra__callback_end(conn, before);
}

void sombra__notes_drop(sb_buffer *notes)
{
    if (notes->capacity > NOTES_KEPT_BYTES)
        sb_buffer_deinit(notes);
    else
        sb_buffer_reset(notes);
}

void sombra__notes_tell(sombra_conn *conn, sb_buffer *notes)
{
    for (size_t at = 0; at < notes->size; at += sizeof(noted_change)) {
        noted_change one;
        memcpy(&one, notes->data + at, sizeof one);
        sombra__changed(conn, one.change, &one.id, 1);
    }
    sombra__notes_drop(notes);
}

sombra_status sombra_pragma(sombra_conn *conn, const char *name, const char *value)
{
    sombra_options parsed;
    sombra_error error;
    sombra_status status;
    sb_pager *pager;

    if (sombra__enter_conn(conn) != SOMBRA_OK) return SOMBRA_MISUSE;
    if (name == NULL || value == NULL)
        return sombra__status(
            SB_FAIL(&conn->err, SB_MISUSE, "sombra_pragma: name and value are needed"));
    sombra_options_init(&parsed);
    status = sombra_options_set(&parsed, name, value, &error);
    if (status != SOMBRA_OK)
        return sombra__status(SB_FAIL(&conn->err, (sb_status)status, "%s", error.message));
    pager = conn->db->pager;
    if (sb_pager_same_process(pager, &conn->err) != SB_OK) return SOMBRA_MISUSE;
    if (strcmp(name, "durability") == 0)
        return sombra__status(
            sb_pager_set_durability(pager, (sb_durability)parsed.durability, &conn->err));
    if (strcmp(name, "autocheckpoint") == 0)
        sb_pager_set_autocheckpoint(pager, parsed.autocheckpoint);
    else if (strcmp(name, "busy_timeout_ms") == 0)
        sb_pager_set_busy_timeout(pager, (uint64_t)parsed.busy_timeout_ms * 1000000u);
    else if (strcmp(name, "threads") == 0)
        set_threads(conn, parsed.threads);
    else
        return sombra__status(SB_FAIL(&conn->err, SB_INVALID,
                                      "option %s is fixed when the database is opened", name));
    return SOMBRA_OK;
}

/* ---- Profile ------------------------------------------------------------------------------------------------------ */

sombra_status sombra_profile_snapshot(sombra_db *db, bool reset, sombra_counter *counters,
                                      size_t capacity, size_t *count)
{
    uint64_t values[SB_COUNTER_KINDS];

    if (db == NULL || count == NULL || (counters == NULL && capacity != 0)) return SOMBRA_MISUSE;
    *count = SB_COUNTER_KINDS;
    sb_profile_read(&db->profile, reset, values);
    for (size_t i = 0; i < capacity && i < SB_COUNTER_KINDS; i++)
        counters[i] = (sombra_counter){.name = sb_counter_name((sb_counter)i), .value = values[i]};
    return SOMBRA_OK;
}
