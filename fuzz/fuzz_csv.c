/* fuzz_csv.c — CSV text as a file of nodes, then as a file of relationships, into a database in memory: any bytes load or are refused
 * with a message, whatever the piece size, and two piece sizes agree (of damaged gzip or zstd: that it is refused). Input: one byte of
 * options, one of the piece size, then the files, the second behind a byte 0x1E. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void need(sb_status status, const sb_err *err)
{
    if (status == SB_OK) return;
    (void)fprintf(stderr, "%s: %s\n", sb_status_name(status), err->text);
    abort();
}

static void put_file(sb_vfs *vfs, const char *path, const uint8_t *data, size_t bytes, sb_err *err)
{
    sb_file *file;

    need(sb_vfs_open(vfs, path, SB_OPEN_CREATE, &file, err), err);
    if (bytes != 0) need(sb_file_write_all(file, 0, data, bytes, err), err);
    sb_file_close(file);
}

/* Load both files in pieces of chunk bytes; what came out into summary. */
static void load(sb_session *session, sb_vfs *vfs, uint8_t flags, size_t chunk, char *summary,
                 size_t summary_bytes)
{
    sb_bulk_file nodes = {.path = "nodes"}, rels = {.path = "rels", .name = sb_bytes_of("R", 1)};
    sb_bulk_options options;
    sb_bulk_result result;
    sb_graph *graph;
    sb_txn *txn;
    sb_err err;

    sb_err_clear(&err);
    need(sb_txn_begin_write(session, &txn, &err), &err);
    need(sb_graph_get(txn, &graph, &err), &err);
    need(sb_view_found(sb_graph_view(graph), &err), &err);
    sb_bulk_options_init(&options);
    options.vfs = vfs;
    options.node_files = &nodes;
    options.node_file_count = 1;
    options.rel_files = &rels;
    options.rel_file_count = 1;
    options.threads = 1;
    options.chunk_bytes = chunk;
    options.infer_types = (flags & 1) != 0;
    options.trim = (flags & 2) != 0;
    options.reject_path = (flags & 4) != 0 ? "rejects" : NULL;
    options.max_rejects = 10;
    options.skip_duplicate_ids = options.skip_missing_endpoints = (flags & 8) != 0;
    options.null_text = (flags & 16) != 0 ? "NULL" : NULL;
    options.memory_bytes = (flags & 32) != 0 ? 1 : 0;
    const sb_status st = sb_graph_bulk_load(graph, &options, &result, &err);
    if (st != err.code) abort();
    /* With rejects the row that is one too many depends on the piece; its message is left out. */
    (void)snprintf(summary, summary_bytes, "%d %llu %llu %llu %llu %s", (int)st,
                   st != SB_OK ? 0 : (unsigned long long)result.nodes,
                   st != SB_OK ? 0 : (unsigned long long)result.rels,
                   st != SB_OK ? 0 : (unsigned long long)result.properties,
                   st != SB_OK ? 0 : (unsigned long long)result.rejected_rows,
                   st == SB_REJECTED ? "" : err.text);
    sb_txn_rollback(txn);
}

/* Damage of packed bytes is told when they are read, ahead of the rows before it: which of two faults is met first depends on the piece. */
static bool is_damage(const char *summary)
{
    return strstr(summary, " data is damaged near byte ") != NULL ||
           strstr(summary, ": behind the gzip data") != NULL;
}

static bool agree(const char *first, const char *second)
{
    if (is_damage(first) || is_damage(second)) return first[0] == '-' && second[0] == '-';
    return strcmp(first, second) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static sb_profile profile;
    char first[700], second[700];
    sb_pager_options options;
    sb_session *session;
    sb_pager *pager;
    sb_vfs *vfs;
    sb_err err;

    if (bytes < 2) return 0;
    const uint8_t *files = data + 2, *end = data + bytes;
    const uint8_t *split = files == end ? NULL : memchr(files, 0x1E, (size_t)(end - files));
    sb_err_clear(&err);
    need(sb_vfs_mem_create(&sb_allocator_libc, &vfs, &err), &err);
    put_file(vfs, "nodes", files, (size_t)((split != NULL ? split : end) - files), &err);
    if (split != NULL)
        put_file(vfs, "rels", split + 1, (size_t)(end - split - 1), &err);
    else
        put_file(vfs, "rels", (const uint8_t *)":START_ID,:END_ID\n", 18, &err);
    sb_pager_options_init(&options);
    options.alloc = &sb_allocator_libc;
    options.vfs = vfs;
    options.profile = &profile;
    options.create = true;
    options.durability = SB_DURABLE_OFF;
    options.check = sb_tree_check_page;
    need(sb_pager_open("fuzz.sombra", &options, &pager, &err), &err);
    need(sb_session_open(pager, &session, &err), &err);
    load(session, vfs, data[0], 0, first, sizeof first);
    load(session, vfs, data[0], 1 + data[1], second, sizeof second);
    if (!agree(first, second)) {
        (void)fprintf(stderr, "whole: %s\nin pieces of %d: %s\n", first, 1 + data[1], second);
        abort();
    }
    sb_session_close(session);
    need(sb_pager_close(pager, &err), &err);
    sb_vfs_destroy(vfs);
    return 0;
}
