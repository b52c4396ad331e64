/* format_target.h — what the fuzz targets of import formats share: any bytes are refused with a message, or make a graph; that is written, in
 * the same format or where it has no writer as JSON lines, and read again, and has the same digest. The first byte chooses options. */
#ifndef SB_FUZZ_FORMAT_TARGET_H
#define SB_FUZZ_FORMAT_TARGET_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/formats/formats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

typedef struct fuzz_graph {
    sombra_db *db;
    sombra_conn *conn;
} fuzz_graph;

static void fuzz_check(bool holds, const char *what)
{
    if (holds) return;
    (void)fprintf(stderr, "%s does not hold\n", what);
    abort();
}

static fuzz_graph fuzz_open(void)
{
    sombra_options options;
    sombra_error error;
    fuzz_graph g;

    sombra_options_init(&options);
    options.checkpoint_thread = false;
    options.memory_limit = 64u << 20;
    fuzz_check(sombra_open(":memory:", &options, &g.db, &error) == SOMBRA_OK, "open");
    fuzz_check(sombra_connect(g.db, &g.conn, &error) == SOMBRA_OK, "connect");
    sombra_set_time_limit(g.conn, 5000); /* of a script's statements */
    return g;
}

static void fuzz_close(fuzz_graph *g)
{
    sombra_disconnect(g->conn);
    fuzz_check(sombra_close(g->db, NULL) == SOMBRA_OK, "close");
}

static bool fuzz_load(fuzz_graph *g, fmt_reader read, const char *path, uint8_t flags)
{
    fmt_options options = {.conn = g->conn,
                           .skip_duplicate_ids = (flags & 1) != 0,
                           .skip_missing_endpoints = (flags & 2) != 0,
                           .batch = (flags & 4) != 0 ? 3 : 0,
                           .max_rejects = 5,
                           .label = (flags & 8) != 0 ? "Label" : NULL,
                           .type = (flags & 16) != 0 ? "TYPE" : NULL,
                           .dry_run = (flags & 64) != 0,
                           .quiet = true};
    fmt_error error = {0};
    fmt_result result;

    if ((flags & 32) != 0) options.rejects = fopen("/dev/null", "w");
    fmt_loader *loader = fmt_loader_open(&options, &error);
    fuzz_check(loader != NULL, "begin");
    sombra_status status = read(loader, path);
    if (status == SOMBRA_OK) status = fmt_loader_finish(loader, &result);
    error = *fmt_loader_error(loader);
    fuzz_check(status == error.status, "the status is the recorded one");
    fuzz_check((status == SOMBRA_OK) == (error.text[0] == '\0'), "a failure has a message");
    fmt_loader_close(loader, NULL);
    if (options.rejects != NULL) (void)fclose(options.rejects);
    return status == SOMBRA_OK && !options.dry_run;
}

static void fuzz_digest(fuzz_graph *g, uint8_t digest[16])
{
    sombra_txn *txn;

    fuzz_check(sombra_begin(g->conn, SOMBRA_READ, &txn) == SOMBRA_OK, "begin");
    fuzz_check(sombra_digest(txn, digest) == SOMBRA_OK, "digest");
    sombra_rollback(txn);
}

static void fuzz_write(fuzz_graph *g, fmt_writer write, const char *path)
{
    fmt_error error = {0};
    fmt_walk walk = {.conn = g->conn, .error = &error};
    fmt_output out = {.path = path, .file = fopen(path, "w"), .made = true};

    fuzz_check(out.file != NULL, "a file in memory");
    fuzz_check(sombra_begin(g->conn, SOMBRA_READ, &walk.txn) == SOMBRA_OK, "begin");
    fuzz_check(fmt_walk_begin(&walk) == SOMBRA_OK && write(&walk, &out) == SOMBRA_OK, "writing");
    fuzz_check(fmt_output_close(&out, false, &error) == SOMBRA_OK, "closing");
    sombra_rollback(walk.txn);
}

/* What a path holds is refused, or makes a graph that is equal when it is written and read again. */
static void fuzz_path(fmt_reader read, const char *path, uint8_t flags, fmt_reader again,
                      fmt_writer write)
{
    uint8_t first[16], second[16];
    char copy[64];
    fuzz_graph g = fuzz_open();

    if (fuzz_load(&g, read, path, flags)) {
        const int file = memfd_create("fuzz", 0);
        fuzz_graph other = fuzz_open();
        fuzz_check(file >= 0, "a file in memory");
        (void)snprintf(copy, sizeof copy, "/proc/self/fd/%d", file);
        fuzz_digest(&g, first);
        fuzz_write(&g, write, copy);
        fuzz_check(fuzz_load(&other, again, copy, 0), "what is written is read");
        fuzz_digest(&other, second);
        fuzz_check(memcmp(first, second, sizeof first) == 0, "an equal digest");
        fuzz_close(&other);
        (void)close(file);
    }
    fuzz_close(&g);
}

static void fuzz_fill(int file, const uint8_t *data, size_t bytes)
{
    fuzz_check(file >= 0 && pwrite(file, data, bytes, 0) == (ssize_t)bytes, "a file in memory");
}

static inline int fuzz_format(fmt_reader read, fmt_reader again, fmt_writer write,
                              const uint8_t *data, size_t bytes)
{
    char path[64];

    if (bytes == 0) return 0;
    const int file = memfd_create("fuzz", 0);
    fuzz_fill(file, data + 1, bytes - 1);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    fuzz_path(read, path, data[0], again, write);
    (void)close(file);
    return 0;
}

#endif
