/* database.c — opening and closing for a command, its own files, node references, captions, progress. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

/* ---- Opening ---------------------------------------------------------------------------------------------- */

/* Who may not write the file, or where it lies, reads it: what would change it is refused when it is tried. */
static sombra_status open_as_permitted(invocation *cli, sombra_error *error)
{
    const char *path = cli->arguments[0];
    const sombra_status status = sombra_open(path, &cli->options, &cli->db, error);

    if (status == SOMBRA_OK || cli->options.read_only || access(path, R_OK) != 0 ||
        (status != SOMBRA_READ_ONLY && (status != SOMBRA_CANT_OPEN || access(path, W_OK) == 0)))
        return status;
    cli->options.read_only = true;
    if (!cli->quiet)
        fprintf(stderr, "(%s can not be written here: it is opened read-only)\n", path);
    return sombra_open(path, &cli->options, &cli->db, error);
}

int open_database(invocation *cli, bool read_only, bool create)
{
    sombra_error error;

    if (cli->in_shell) return EXIT_OK;
    cli->options.read_only = cli->options.read_only || read_only;
    cli->options.create = create && cli->options.create;
    if (cli->arguments[0][0] == '\0') return complain(EXIT_USAGE, "the name of the file is empty");
    if (!create && strcmp(cli->arguments[0], ":memory:") == 0)
        return complain(EXIT_USAGE, "':memory:' is a new, empty database: name a file");
    if (open_as_permitted(cli, &error) != SOMBRA_OK) return complain_error(&error);
    if (sombra_connect(cli->db, &cli->conn, &error) != SOMBRA_OK)
        return close_database(cli, complain_error(&error));
    return EXIT_OK;
}

int begin_transaction(invocation *cli, sombra_mode mode)
{
    if (cli->in_shell && cli->shell_txn != NULL) {
        if (mode == SOMBRA_WRITE)
            return complain(EXIT_USAGE,
                            "a transaction is open, and this has one of its own: COMMIT or "
                            "ROLLBACK first");
        cli->txn = cli->shell_txn;
        return EXIT_OK;
    }
    if (sombra_begin(cli->conn, mode, &cli->txn) != SOMBRA_OK)
        return close_database(cli, complain_conn(cli));
    return EXIT_OK;
}

/* What was counted, where the database was opened with profile=on or SOMBRA_PROFILE. */
static void print_profile(invocation *cli)
{
    sombra_counter counters[128];
    size_t count = 0;

    if (cli->db == NULL ||
        sombra_profile_snapshot(cli->db, false, counters, sizeof counters / sizeof *counters,
                                &count) != SOMBRA_OK)
        return;
    for (size_t i = 0; i < count && i < sizeof counters / sizeof *counters; i++)
        if (counters[i].value != 0)
            fprintf(stderr, "%-20s %20llu\n", counters[i].name,
                    (unsigned long long)counters[i].value);
}

int complain_close(const invocation *cli, const sombra_error *error, int code)
{
    const bool keeps =
        !cli->options.create_whole && (error->status == SOMBRA_IO || error->status == SOMBRA_FULL ||
                                       error->status == SOMBRA_NOMEM);

    if (!keeps) {
        const int failed = complain_error(error);
        return code == EXIT_OK ? failed : code;
    }
    return complain(code,
                    "warning: %s (what was committed is kept beside the file, and whoever opens it "
                    "next goes on with it)",
                    error->message);
}

int close_database(invocation *cli, int code)
{
    sombra_error error;

    if (cli->txn != cli->shell_txn) sombra_rollback(cli->txn);
    cli->txn = NULL;
    if (cli->in_shell) return code;
    sombra_disconnect(cli->conn);
    cli->conn = NULL;
    print_profile(cli);
    if (cli->db != NULL && sombra_close(cli->db, &error) != SOMBRA_OK)
        code = complain_close(cli, &error, code);
    cli->db = NULL;
    return code;
}

int make_if_absent(invocation *cli, int code)
{
    const char *path = cli->arguments[0];

    if (code != EXIT_OK || cli->in_shell || strcmp(path, ":memory:") == 0 ||
        access(path, F_OK) == 0)
        return code;
    cli->options.create_whole = false; /* an empty one is whole at once */
    code = open_database(cli, false, true);
    return code == EXIT_OK ? close_database(cli, code) : code;
}

/* ---- Files that are not to be written over ---------------------------------------------------------------------- */

bool same_file(const char *a, const char *b)
{
    struct stat x, y;

    return stat(a, &x) == 0 && stat(b, &y) == 0 && S_ISREG(x.st_mode) && x.st_dev == y.st_dev &&
           x.st_ino == y.st_ino;
}

int check_not_stdout(const char *path, const char *what, const char *instead)
{
    if (strcmp(path, "-") != 0) return EXIT_OK;
    return complain(EXIT_USAGE, "%s does not go to standard output: %s", what, instead);
}

int check_not_own(const invocation *cli, const char *path, const char *what)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-making", "-making-wal", "-making-shm"};
    char own[4200];

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        (void)snprintf(own, sizeof own, "%s%s", cli->arguments[0], ends[i]);
        if (same_file(path, own))
            return complain(EXIT_USAGE, "%s, %s, is the database's own (%s): name another", what,
                            path, own);
    }
    return EXIT_OK;
}

/* ---- Node references ----------------------------------------------------------------------------------------- */

static int find_name(invocation *cli, sombra_name_kind kind, const char *what, const char *name,
                     size_t size, uint32_t *id)
{
    if (sombra_name_find(cli->txn, kind, name, size, id) != SOMBRA_OK) return complain_conn(cli);
    if (*id == SOMBRA_NO_NAME)
        return complain(EXIT_NOT_FOUND, "there is no %s '%.*s' in %s", what,
                        (int)(size < 200 ? size : 200), name, cli->arguments[0]);
    return EXIT_OK;
}

/* "Label.key=value" taken apart; the value's type may stand behind the key. */
static int find_by_property(invocation *cli, const char *reference, const char *dot,
                            const char *equals, uint64_t *id)
{
    const char *colon = memchr(dot, ':', (size_t)(equals - dot));
    const char *key_end = colon != NULL ? colon : equals;
    sombra_scan_options options;
    sombra_value value;
    sombra_scan *scan;
    char type[32] = "string";
    uint64_t ids[2];
    size_t count;
    int code;

    memset(&options, 0, sizeof options);
    if ((code = find_name(cli, SOMBRA_LABEL, "label", reference, (size_t)(dot - reference),
                          &options.name)) != EXIT_OK)
        return code;
    if ((code = find_name(cli, SOMBRA_KEY, "property", dot + 1, (size_t)(key_end - dot - 1),
                          &options.key)) != EXIT_OK)
        return code;
    if (colon != NULL) snprintf(type, sizeof type, "%.*s", (int)(equals - colon - 1), colon + 1);
    if (sombra_value_from_text(cli->txn, type, equals + 1, SOMBRA_NUL_TERMINATED, &value) !=
        SOMBRA_OK)
        return complain_conn(cli);
    options.equal = &value;
    if (sombra_scan_open(cli->txn, &options, &scan) != SOMBRA_OK) return complain_conn(cli);
    if (sombra_scan_next(scan, ids, 2, &count) != SOMBRA_OK) {
        sombra_scan_close(scan);
        return complain_conn(cli);
    }
    sombra_scan_close(scan);
    if (count == 0) return complain(EXIT_NOT_FOUND, "there is no node %s", reference);
    if (count > 1)
        return complain(EXIT_USAGE, "several nodes are %s (%llu, %llu, …): name one by its id",
                        reference, (unsigned long long)ids[0], (unsigned long long)ids[1]);
    *id = ids[0];
    return EXIT_OK;
}

int resolve_node(invocation *cli, const char *reference, uint64_t *id)
{
    const char *equals = strchr(reference, '=');
    const char *dot = equals == NULL ? NULL : memchr(reference, '.', (size_t)(equals - reference));
    char *end;

    *id = 0;
    if (dot != NULL) return find_by_property(cli, reference, dot, equals, id);
    errno = 0;
    *id = strtoull(reference, &end, 10);
    if (errno != 0 || end == reference || *end != '\0' || *reference == '-')
        return complain(EXIT_USAGE, "'%s' names no node: give an id, or Label.key=value",
                        reference);
    return EXIT_OK;
}

int resolve_types(invocation *cli, uint32_t *types, size_t capacity, size_t *count)
{
    const char *name;

    for (*count = 0; (name = flag_at(cli, "type", *count)) != NULL; ++*count) {
        int code;
        if (*count == capacity) return complain(EXIT_USAGE, "more than %zu types", capacity);
        code = find_name(cli, SOMBRA_TYPE, "relationship type", name, strlen(name), &types[*count]);
        if (code != EXIT_OK) return code;
    }
    return EXIT_OK;
}

int resolve_direction(invocation *cli, sombra_direction fallback, sombra_direction *direction)
{
    const char *text = flag_text(cli, "direction");

    *direction = fallback;
    if (text == NULL) return EXIT_OK;
    if (strcmp(text, "out") == 0)
        *direction = SOMBRA_OUT;
    else if (strcmp(text, "in") == 0)
        *direction = SOMBRA_IN;
    else if (strcmp(text, "both") == 0)
        *direction = SOMBRA_BOTH;
    else
        return complain(EXIT_USAGE, "--direction: '%s' is none of out, in, both", text);
    return EXIT_OK;
}

/* ---- Captions ------------------------------------------------------------------------------------------------------ */

void node_caption(invocation *cli, uint64_t id, text_buffer *text)
{
    static const char *const keys[] = {"name", "title", "label", "caption"};
    char number[32];

    text->size = 0;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        uint32_t key;
        sombra_value value;
        bool found;
        if (sombra_name_find(cli->txn, SOMBRA_KEY, keys[i], SOMBRA_NUL_TERMINATED, &key) !=
            SOMBRA_OK)
            continue;
        if (sombra_get_props(cli->txn, SOMBRA_NODE, id, &key, 1, &value, &found) != SOMBRA_OK ||
            !found)
            continue;
        if (value.type != SOMBRA_TYPE_STRING || value.as.bytes.size == 0) continue;
        put(text, value.as.bytes.data, value.as.bytes.size);
        return;
    }
    snprintf(number, sizeof number, "#%llu", (unsigned long long)id);
    put_text(text, number);
}

void node_labels(invocation *cli, const sombra_node *node, text_buffer *text)
{
    for (size_t i = 0; i < node->label_count; i++) {
        size_t size;
        const char *name = sombra_name_text(cli->txn, SOMBRA_LABEL, node->labels[i], &size);
        put_text(text, ":");
        if (name != NULL) put(text, name, size);
    }
}

/* ---- Numbers -------------------------------------------------------------------------------------------------------- */

double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

const char *group_digits(uint64_t number, char *text)
{
    char digits[24];
    const int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
    char *out = text;

    for (int i = 0; i < length; i++) {
        if (i != 0 && (length - i) % 3 == 0) *out++ = ',';
        *out++ = digits[i];
    }
    *out = '\0';
    return text;
}

const char *counted(uint64_t number, const char *one, const char *many, char *text)
{
    char digits[32];

    snprintf(text, 64, "%s %s", group_digits(number, digits), number == 1 ? one : many);
    return text;
}

const char *human_bytes(uint64_t bytes, char *text)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double number = (double)bytes;
    int unit = 0;

    while (number >= 1024 && unit < 4)
        number /= 1024, unit++;
    snprintf(text, 32, unit == 0 ? "%.0f %s" : "%.1f %s", number, units[unit]);
    return text;
}

/* ---- Ctrl-C ----------------------------------------------------------------------------------------------------------- */

/* Signal handlers have no argument to say what they are for. */
static sombra_conn *volatile cancelled_conn;
static volatile sig_atomic_t cancelled;
static char unfinished[6]
                      [4096]; /* of one call: what it makes until the new file is whole; "": none */

static void on_signal(int signal_number)
{
    (void)signal_number;
    cancelled = 1;
    sombra_interrupt(cancelled_conn);
    if (unfinished[0][0] == '\0') return;
    for (size_t i = 0; i < sizeof unfinished / sizeof *unfinished; i++)
        (void)unlink(unfinished[i]);
    _exit(7);
}

static const int watched[] = {SIGINT, SIGTERM, SIGHUP};
static struct sigaction before[sizeof watched / sizeof *watched]; /* while they are watched */

/* once: what does not end at the first signal ends at the second. Else only Ctrl-C is watched. */
static void watch_signals(bool once)
{
    /* At a terminal what is being written goes on; else a read that waits for ever is ended, too. */
    struct sigaction action = {.sa_handler = on_signal,
                               .sa_flags = once ? (int)SA_RESETHAND : SA_RESTART};

    for (size_t i = 0; i < (once ? sizeof watched / sizeof *watched : 1); i++)
        /* nohup's SIG_IGN stays. */
        if (sigaction(watched[i], NULL, &before[i]) == 0 && before[i].sa_handler != SIG_IGN)
            (void)sigaction(watched[i], &action, NULL);
}

static void unwatch_signals(bool once)
{
    for (size_t i = 0; i < (once ? sizeof watched / sizeof *watched : 1); i++)
        (void)sigaction(watched[i], &before[i], NULL);
}

bool was_cancelled(void)
{
    return cancelled != 0;
}

void progress_note(int signal_number)
{
    (void)signal_number;
    cancelled = 1;
}

void progress_forget(void)
{
    cancelled = 0;
}

int cancelled_code(void)
{
    return was_cancelled() ? complain(exit_code_of(SOMBRA_INTERRUPT), "cancelled") : EXIT_OK;
}

void catch_begin(const char *made_file)
{
    static const char *const suffixes[] = {
        "-making",  "-making-wal",  "-making-shm",   /* of the file */
        "-salvage", "-salvage-wal", "-salvage-shm"}; /* of the copy worked on */

    if (access(made_file, F_OK) == 0 || strlen(made_file) > sizeof *unfinished - 16)
        return; /* the call will refuse it */
    for (size_t i = 0; i < sizeof unfinished / sizeof *unfinished; i++)
        snprintf(unfinished[i], sizeof unfinished[i], "%s%s", made_file, suffixes[i]);
    watch_signals(true);
}

void catch_end(void)
{
    if (unfinished[0][0] == '\0') return;
    unwatch_signals(true);
    unfinished[0][0] = '\0';
}

/* ---- Progress --------------------------------------------------------------------------------------------------------- */

#define LATE_SECONDS 2.0 /* statements that are done before show no bar */

typedef struct bar {
    const char *what, *unit;
    double started, drawn;
    bool shown, late, stays;
    bool visible; /* it may be drawn: a terminal, and the command is not quiet */
} bar;
static bar current; /* the command runs one thing at a time */

/* Columns that a bar may take: one that wraps can not be taken away again. */
static int bar_width(void)
{
    struct winsize size;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_col > 80)
        return 79;
    return size.ws_col - 1;
}

static bool draw(void *ctx, uint64_t done, uint64_t total)
{
    const double now = seconds_now();
    const double spent = now - current.started;
    char line[240], number[40], rate[48] = "", left[32] = "";
    int filled;

    (void)ctx;
    if (now - current.drawn < 0.1 || (current.late && spent < LATE_SECONDS)) return true;
    current.drawn = now;
    if (strcmp(current.unit, "B") == 0)
        snprintf(rate, sizeof rate, "%s/s",
                 human_bytes((uint64_t)((double)done / (spent > 0 ? spent : 1)), number));
    else if (current.late && total == 0 && done != 0)
        snprintf(rate, sizeof rate, "%s rows", group_digits(done, number));
    if (total == 0) {
        snprintf(line, sizeof line, "%s  %.0f s  %s%s", current.what, spent, rate,
                 current.stays ? "  (Ctrl-C cancels)" : "");
    } else {
        const double part = (double)done / (double)total;
        filled = (int)(part * 30 + 0.5);
        if (filled > 30) filled = 30;
        if (part > 0.01) snprintf(left, sizeof left, "  %.0f s left", spent / part - spent);
        snprintf(line, sizeof line, "%s [%.*s%.*s] %3.0f %%  %s%s%s", current.what, filled,
                 "##############################", 30 - filled, "..............................",
                 part * 100, rate, left, current.stays && current.late ? "  (Ctrl-C cancels)" : "");
    }
    fprintf(stderr, "\r%.*s\033[K", bar_width(), line);
    fflush(stderr);
    current.shown = true;
    return true;
}

static bool can_redraw(void)
{
    const char *terminal = getenv("TERM");
    return isatty(STDERR_FILENO) && terminal != NULL && strcmp(terminal, "dumb") != 0;
}

static void start(invocation *cli)
{
    current.started = seconds_now();
    current.stays = cli->stays;
    current.visible = !cli->quiet && can_redraw();
    if (current.visible) sombra_set_progress(cli->conn, draw, NULL);
    cancelled_conn = cli->conn;
    cancelled = 0;
    watch_signals(!cli->stays);
}

void progress_start(invocation *cli, const char *what, const char *unit)
{
    current = (bar){.what = what, .unit = unit};
    start(cli);
}

void progress_start_late(invocation *cli, const char *what)
{
    current = (bar){.what = what, .unit = "", .late = true};
    start(cli);
}

void progress_clear(void)
{
    if (current.shown) fputs("\r\033[K", stderr);
    current.shown = false;
}

bool progress_tick(void *ctx, uint64_t done, uint64_t total)
{
    if (current.visible) (void)draw(ctx, done, total);
    return cancelled == 0;
}

void progress_stop(invocation *cli)
{
    unwatch_signals(!cli->stays);
    cancelled_conn = NULL;
    sombra_set_progress(cli->conn, NULL, NULL);
    progress_clear();
}
