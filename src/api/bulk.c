/* bulk.c — CSV import and export. */
#include <string.h>

#include "api/api_priv.h"

void sombra_import_options_init_for(sombra_import_options *options, uint32_t struct_bytes)
{
    sombra_import_options all;
    sb_bulk_options defaults;

    sb_bulk_options_init(&defaults);
    memset(&all, 0, sizeof all);
    all.struct_bytes = struct_bytes;
    all.delimiter = defaults.delimiter;
    all.quote = defaults.quote;
    all.array_delimiter = defaults.array_delimiter;
    all.store_ids = defaults.store_ids;
    all.infer_types = defaults.infer_types;
    all.trim = defaults.trim;
    all.max_rejects = defaults.max_rejects;
    /* A caller with a shorter, older struct gets its part; in a longer, newer one the rest is 0. */
    if (struct_bytes > sizeof all)
        memset((uint8_t *)options + sizeof all, 0, struct_bytes - sizeof all);
    memcpy(options, &all, struct_bytes < sizeof all ? struct_bytes : sizeof all);
}

static void convert_files(const sombra_import_file *files, const char *const *headers, size_t count,
                          sb_bulk_file *out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = (sb_bulk_file){.path = files[i].path,
                                .header = headers == NULL ? NULL : headers[i],
                                .name = sombra__text(files[i].name, SOMBRA_NUL_TERMINATED)};
}

static void convert_options(const sombra_import_options *options, sb_vfs *vfs,
                            const sb_bulk_file *files, uint64_t memory, sb_bulk_options *inner)
{
    sb_bulk_options_init(inner);
    inner->vfs = vfs;
    inner->node_files = files;
    inner->node_file_count = options->node_file_count;
    inner->rel_files = files + options->node_file_count;
    inner->rel_file_count = options->rel_file_count;
    inner->delimiter = options->delimiter;
    inner->quote = options->quote;
    inner->array_delimiter = options->array_delimiter;
    inner->id_column = options->id_column;
    inner->start_column = options->start_column;
    inner->end_column = options->end_column;
    inner->type_column = options->type_column;
    inner->label_column = options->label_column;
    inner->null_text = options->null_text;
    inner->infer_types = options->infer_types;
    inner->trim = options->trim;
    inner->skip_missing_endpoints = options->skip_missing_endpoints;
    inner->skip_duplicate_ids = options->skip_duplicate_ids;
    inner->reject_path = options->reject_path;
    inner->max_rejects = options->max_rejects;
    inner->threads = options->threads;
    inner->memory_bytes = (size_t)memory;
    inner->store_ids = options->store_ids;
    inner->schema_path = options->schema_path;
}

sombra_status sombra_import_csv(sombra_txn *txn, const sombra_import_options *options,
                                sombra_import_result *result)
{
    sombra_import_options all;
    const sb_allocator *alloc;
    sb_bulk_options inner;
    sb_bulk_result loaded;
    sb_bulk_file *files;
    sb_vfs *vfs;
    sb_status status;
    size_t count;

    if (result != NULL) memset(result, 0, sizeof *result);
    SOMBRA_ENTER_WRITE(txn);
    SOMBRA_ARG_GIVEN(txn, options);
    SOMBRA_ARG(txn, options->struct_bytes >= sizeof options->struct_bytes,
               "sombra_import_csv: options->struct_bytes is %zu: call "
               "sombra_import_options_init first",
               (size_t)options->struct_bytes);
    sombra_import_options_init(&all); /* for what an older caller's struct lacks */
    memcpy(&all, options, options->struct_bytes < sizeof all ? options->struct_bytes : sizeof all);
    SOMBRA_ARG_ARRAY(txn, all.nodes, all.node_file_count);
    SOMBRA_ARG_ARRAY(txn, all.rels, all.rel_file_count);
    alloc = &txn->conn->db->memory.base;
    count = all.node_file_count + all.rel_file_count;
    files = sb_alloc_array(alloc, count, sizeof *files);
    if (files == NULL) return sombra__status(SB_FAIL_NOMEM(&txn->conn->err));
    convert_files(all.nodes, all.node_headers, all.node_file_count, files);
    convert_files(all.rels, all.rel_headers, all.rel_file_count, files + all.node_file_count);
    status = sombra__files_open(txn->conn->db, &vfs, &txn->conn->err);
    if (status == SB_OK) {
        convert_options(&all, vfs, files,
                        all.memory != 0 ? all.memory : sombra__memory_limit(txn->conn->db) / 2,
                        &inner);
        if (txn->conn->db->files == txn->conn->db->vfs)
            inner.database_path = sb_pager_real_path(txn->conn->db->pager);
        memset(&loaded, 0, sizeof loaded);
        sombra__run_begin(txn->conn);
        status = sb_graph_bulk_load(txn->graph, &inner, &loaded, &txn->conn->err);
        status = sombra__call_end(txn->conn, status);
        sombra__files_close(txn->conn->db, vfs);
        if (result != NULL) /* also after a failure: how far it came */
            *result = (sombra_import_result){.nodes = loaded.nodes,
                                             .rels = loaded.rels,
                                             .properties = loaded.properties,
                                             .rejected_rows = loaded.rejected_rows,
                                             .skipped_rows = loaded.skipped_rows,
                                             .bytes_read = loaded.bytes_read,
                                             .parse_ns = loaded.parse_ns,
                                             .sort_ns = loaded.sort_ns,
                                             .build_ns = loaded.build_ns,
                                             .schemas = loaded.schemas};
    }
    sb_free(alloc, files, count * sizeof *files);
    return sombra__status(status);
}

sombra_status sombra_export_csv(sombra_txn *txn, const char *directory,
                                sombra_export_result *result)
{
    sb_export_result written;
    sb_vfs *vfs;
    sb_status status;

    if (result != NULL) memset(result, 0, sizeof *result);
    SOMBRA_ENTER(txn);
    SOMBRA_ARG_GIVEN(txn, directory);
    status = sombra__files_open(txn->conn->db, &vfs, &txn->conn->err);
    if (status != SB_OK) return sombra__status(status);
    sombra__run_begin(txn->conn);
    status = sb_graph_export(txn->graph, vfs, directory, &written, &txn->conn->err);
    status = sombra__call_end(txn->conn, status);
    sombra__files_close(txn->conn->db, vfs);
    if (status == SB_OK && result != NULL)
        *result = (sombra_export_result){.nodes = written.nodes,
                                         .rels = written.rels,
                                         .files = written.files,
                                         .bytes = written.bytes,
                                         .schemas = written.schemas};
    return sombra__status(status);
}
