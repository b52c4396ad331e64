/* doctor.c — sombra doctor: looks at the environment and at a database for what could go wrong, and says what helps. It changes nothing. */
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "config.h"
#include "history.h"

typedef enum verdict { FINE, WARNING, FAULT } verdict;

typedef struct doctor {
    invocation *cli;
    output *out;
    unsigned warnings, faults;
} doctor;

static const char *const doctor_columns[] = {"check", "result", "found", "remedy"};

static void tell(doctor *d, const char *check, verdict result, const char *found,
                 const char *remedy)
{
    static const char *const words[] = {"ok", "warning", "FAULT"};

    d->warnings += result == WARNING;
    d->faults += result == FAULT;
    output_row(d->out, (cell[]){cell_text(check), cell_text(words[result]), cell_text(found),
                                remedy == NULL ? cell_null() : cell_text(remedy)});
}

/* ---- The environment --------------------------------------------------------------------------------------------------------- */

static void check_locale(doctor *d)
{
    const char *codeset;

    (void)setlocale(LC_CTYPE, "");
    codeset = nl_langinfo(CODESET);
    if (strcmp(codeset, "UTF-8") == 0)
        tell(d, "locale", FINE, codeset, NULL);
    else
        tell(d, "locale", WARNING, codeset,
             "text is UTF-8, and the terminal may show it wrong: set LANG=C.UTF-8");
    (void)setlocale(LC_CTYPE, "C");
}

static void check_zones(doctor *d)
{
    const char *folder = getenv("TZDIR") != NULL ? getenv("TZDIR") : "/usr/share/zoneinfo";
    char path[1024];

    snprintf(path, sizeof path, "%.900s/Europe/Berlin", folder);
    if (access(path, R_OK) == 0)
        tell(d, "time zones", FINE, folder, NULL);
    else
        tell(d, "time zones", WARNING, "none",
             "named zones can not be used in queries: install tzdata");
}

static void check_config(doctor *d)
{
    bool named;
    char *path = config_file(d->cli, &named);

    /* one with mistakes has ended the command before */
    if (path == NULL)
        tell(d, "configuration", WARNING, "HOME is not set", "set HOME or XDG_CONFIG_HOME");
    else
        tell(d, "configuration", FINE, access(path, R_OK) == 0 ? path : "none", NULL);
    free(path);
}

static void check_history(doctor *d)
{
    char *path = history_path(false), remedy[4200];
    struct stat about;

    snprintf(remedy, sizeof remedy, "chmod 600 %.4100s", path == NULL ? "" : path);
    if (path == NULL || stat(path, &about) != 0)
        tell(d, "history", FINE, "none", NULL);
    else if ((about.st_mode & 077) != 0 && S_ISREG(about.st_mode))
        tell(d, "history", WARNING, "others can read it", remedy);
    else
        tell(d, "history", FINE, path, NULL);
    free(path);
}

static void check_limits(doctor *d)
{
    struct rlimit files, space;
    char text[64];

    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        snprintf(text, sizeof text, "%llu", (unsigned long long)files.rlim_cur);
        tell(d, "open files", files.rlim_cur >= 256 ? FINE : WARNING, text,
             files.rlim_cur >= 256 ? NULL : "raise it: ulimit -n 1024");
    }
    if (getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur != RLIM_INFINITY)
        tell(d, "address space", WARNING, human_bytes(space.rlim_cur, text),
             "files are mapped: read_mode=cache needs little (--option read_mode=cache)");
}

/* ---- A database ---------------------------------------------------------------------------------------------------------------- */

/* The folder that a file lies in. */
static void folder_of(const char *path, char *folder, size_t bytes)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        snprintf(folder, bytes, ".");
    else
        snprintf(folder, bytes, "%.*s", (int)(slash == path ? 1 : slash - path), path);
}

static void check_place(doctor *d, const char *path)
{
    static const struct {
        unsigned long magic; /* statfs(2) */
        const char *name;
    } remote[] = {{0x6969, "NFS"}, {0x517B, "SMB"}, {0xFF534D42, "CIFS"}, {0xFE534D42, "SMB2"}};
    char folder[4096], text[64];
    struct statfs system;
    struct statvfs space;
    const char *name = NULL;

    folder_of(path, folder, sizeof folder);
    if (access(path, W_OK) != 0)
        tell(d, "permissions", WARNING, "the file can not be written",
             "reading works: --option read_only=true");
    else if (access(folder, W_OK | X_OK) != 0)
        tell(d, "permissions", FAULT, "its folder can not be written",
             "the WAL lies beside the file: give write permission, or --option immutable=true to "
             "read");
    else
        tell(d, "permissions", FINE, "file and folder can be written", NULL);
    if (statfs(folder, &system) == 0) {
        for (size_t i = 0; i < sizeof remote / sizeof *remote; i++)
            if ((unsigned long)system.f_type == remote[i].magic) name = remote[i].name;
        if (name != NULL)
            tell(d, "file system", WARNING, name,
                 "shared memory and locks do not work between machines: use it from one alone");
        else
            tell(d, "file system", FINE, "local", NULL);
    }
    if (statvfs(folder, &space) == 0) {
        const uint64_t left = (uint64_t)space.f_bavail * space.f_frsize;
        tell(d, "free space", left < 64u << 20 ? WARNING : FINE, human_bytes(left, text),
             left < 64u << 20 ? "commits fail on a full disk: make room" : NULL);
    }
}

static uint64_t file_bytes(const char *path, const char *suffix)
{
    char name[4096];
    struct stat about;

    snprintf(name, sizeof name, "%s%s", path, suffix);
    return stat(name, &about) == 0 ? (uint64_t)about.st_size : 0;
}

static void check_figures(doctor *d, const sombra_info *info)
{
    char text[128], a[32], b[32];

    snprintf(text, sizeof text, "%s nodes, %s relationships", group_digits(info->nodes, a),
             group_digits(info->rels, b));
    tell(d, "graph", FINE, text, NULL);
    snprintf(text, sizeof text, "%s, %.0f %% free", human_bytes(info->file_bytes, a),
             info->pages == 0 ? 0.0 : 100.0 * (double)info->free_pages / (double)info->pages);
    tell(d, "file", info->free_pages > 1000 && info->free_pages > info->pages / 2 ? WARNING : FINE,
         text,
         info->free_pages > 1000 && info->free_pages > info->pages / 2
             ? "sombra vacuum makes it smaller"
             : NULL);
    snprintf(text, sizeof text, "%s", human_bytes(info->wal_bytes, a));
    tell(d, "WAL", info->wal_bytes > 256u << 20 ? WARNING : FINE, text,
         info->wal_bytes > 256u << 20 ? "sombra checkpoint --mode truncate; a reader that never "
                                        "ends keeps it from being reused"
                                      : NULL);
    snprintf(text, sizeof text, "%llu besides this one",
             (unsigned long long)(info->readers == 0 ? 0 : info->readers - 1));
    tell(d, "readers", FINE, text, NULL);
}

/* Is a writer at work? Asked only where others have the file open, so that nothing is recovered or made by asking. */
static void check_lock(doctor *d, const char *path)
{
    sombra_options options = d->cli->options;
    sombra_error error;
    sombra_db *db;
    sombra_conn *conn;
    sombra_txn *txn;

    options.read_only = false;
    options.create = false;
    options.busy_timeout_ms = 0;
    if (sombra_open(path, &options, &db, &error) != SOMBRA_OK) {
        tell(d, "writer lock", WARNING, error.message, NULL);
        return;
    }
    if (sombra_connect(db, &conn, &error) == SOMBRA_OK) {
        if (sombra_begin(conn, SOMBRA_WRITE, &txn) == SOMBRA_OK) {
            sombra_rollback(txn);
            tell(d, "writer lock", FINE, "free", NULL);
        } else {
            tell(d, "writer lock", WARNING, sombra_error_of(conn)->message,
                 "others wait for it up to busy_timeout_ms: keep write transactions short");
        }
        sombra_disconnect(conn);
    }
    (void)sombra_close(db, &error);
}

static void check_content(doctor *d)
{
    sombra_verify_result result;
    char text[64];
    invocation *cli = d->cli;

    progress_start(cli, "verifying", "pages");
    if (sombra_verify(cli->txn, NULL, NULL, &result) != SOMBRA_OK)
        tell(d, "content", FAULT, sombra_error_of(cli->conn)->message,
             "sombra recover saves what can be read");
    else if (result.findings != 0)
        tell(d, "content", FAULT, counted(result.findings, "fault", "faults", text),
             "sombra verify names them, sombra recover saves what can be read");
    else
        tell(d, "content", FINE, counted(result.pages, "page checked", "pages checked", text),
             NULL);
    progress_stop(cli);
}

static const char *remedy_of(sombra_status status)
{
    switch (status) {
    case SOMBRA_READ_ONLY: return "open it once for writing: sombra FILE -c '.info'";
    case SOMBRA_NOT_A_DB:
        return "another file was meant, or its first page is gone: sombra recover";
    case SOMBRA_CORRUPT: return "sombra recover saves what can be read";
    case SOMBRA_VERSION_NEWER: return "use a newer Sombra";
    case SOMBRA_BUSY: return "another process recovers it: try again";
    case SOMBRA_CANT_OPEN: return "check the name and its permissions";
    default: return NULL;
    }
}

static void check_database(doctor *d, const char *path)
{
    invocation *cli = d->cli;
    sombra_error error;
    sombra_info info;
    bool in_use;

    if (access(path, F_OK) != 0) {
        tell(d, "database", FAULT, strerror(errno), "sombra init makes a new one");
        return;
    }
    check_place(d, path);
    in_use = file_bytes(path, "-shm") != 0;
    cli->options.read_only = true;
    cli->options.create = false;
    if (sombra_open(path, &cli->options, &cli->db, &error) != SOMBRA_OK ||
        sombra_connect(cli->db, &cli->conn, &error) != SOMBRA_OK) {
        tell(d, "database", error.status == SOMBRA_READ_ONLY ? WARNING : FAULT, error.message,
             remedy_of(error.status));
        return;
    }
    if (sombra_begin(cli->conn, SOMBRA_READ, &cli->txn) != SOMBRA_OK ||
        sombra_get_info(cli->txn, &info) != SOMBRA_OK) {
        tell(d, "database", FAULT, sombra_error_of(cli->conn)->message,
             remedy_of(sombra_error_of(cli->conn)->status));
        return;
    }
    tell(d, "database", FINE, in_use ? "sound at first sight, and in use" : "sound at first sight",
         NULL);
    check_figures(d, &info);
    if (in_use) check_lock(d, path);
    if (flag_given(cli, "verify")) check_content(d);
}

int run_doctor(invocation *cli)
{
    doctor d = {.cli = cli};
    char a[64], b[64];
    bool written;

    d.out = output_begin(cli, doctor_columns, 4);
    tell(&d, "version", FINE, sombra_version(),
         strcmp(sombra_version(), SOMBRA_VERSION) == 0 ? NULL : "library and command differ");
    check_locale(&d);
    check_zones(&d);
    check_config(&d);
    check_history(&d);
    check_limits(&d);
    if (cli->argument_count > 0) check_database(&d, cli->arguments[0]);
    written = output_end(d.out);
    if (cli->format == FORMAT_TABLE && !cli->quiet)
        printf("%s, %s\n", counted(d.faults, "fault", "faults", a),
               counted(d.warnings, "warning", "warnings", b));
    return close_database(cli, d.faults != 0 ? EXIT_WRONG : written ? EXIT_OK : 9);
}
