/* bulk.c — bulk load: the phases in order, inside one atomic call (bulk_priv.h has the plan). */
#include "graph/bulk_priv.h"

#define CHUNK_BYTES  ((size_t)1 << 20)
#define SPLIT_COUNT  ((uint64_t)1 << 17)
#define MEMORY_BYTES ((size_t)256 << 20)
#define THREADS_MAX  64u

void sb_bulk_options_init(sb_bulk_options *options)
{
    *options =
        (sb_bulk_options){.delimiter = ',', .quote = '"', .max_rejects = 1000, .store_ids = true};
}

uint32_t sb_bulk__group(const sb_bulk *bulk, sb_bytes name)
{
    for (size_t i = 0; i < bulk->group_count; i++)
        if (sb_bytes_equal(bulk->groups[i].name, name)) return (uint32_t)i;
    return UINT32_MAX;
}

sb_status sb_bulk__add_group(sb_bulk *bulk, sb_bytes name, uint32_t *place, sb_err *err)
{
    *place = sb_bulk__group(bulk, name);
    if (*place != UINT32_MAX) return SB_OK;
    SB_ASSERT(bulk->group_count < bulk->group_capacity);
    bulk->groups[bulk->group_count] = (sb_bulk_group){.name = name};
    SB_TRY(sb_ids__init(&bulk->groups[bulk->group_count].ids, bulk->alloc, bulk->seed, err));
    *place = (uint32_t)bulk->group_count++;
    return SB_OK;
}

sb_status sb_bulk__tick(sb_bulk *bulk, const sb_input *input, sb_err *err)
{
    uint64_t done = bulk->bytes_before;

    if (input != NULL) done += sb_input__bytes_read(input);
    bulk->result->bytes_read = done;
    if (bulk->options->progress == NULL)
        return sb_graph__tick(bulk->graph, done, bulk->bytes_total, err);
    if (bulk->options->progress(bulk->options->progress_ctx, done, bulk->bytes_total)) return SB_OK;
    return SB_FAIL(err, SB_INTERRUPT, "cancelled");
}

static uint32_t choose_type(uint32_t candidates)
{
    static const uint32_t order[] = {SB_TYPE_INT,  SB_TYPE_FLOAT,          SB_TYPE_BOOL,
                                     SB_TYPE_DATE, SB_TYPE_LOCAL_DATETIME, SB_TYPE_DATETIME};

    if (candidates == UINT32_MAX) return SB_TYPE_STRING; /* no value at all */
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        if ((candidates & 1u << order[i]) != 0) return order[i];
    return SB_TYPE_STRING;
}

void sb_bulk__decide_types(sb_bulk *bulk, sb_entity entity)
{
    uint32_t slots = 0;

    for (size_t i = 0; i < bulk->file_counts[entity]; i++) {
        sb_bulk_table *file = &bulk->files[entity][i];
        file->first_slot = slots;
        slots += (uint32_t)file->prop_count;
        for (size_t j = 0; j < file->prop_count; j++)
            if (file->props[j].form == SB_FORM_TEXT)
                file->props[j].type.type = choose_type(file->props[j].candidates);
    }
}

/* ---- Setting up ------------------------------------------------------------------------------------------------- */

static sb_status check_options(const sb_bulk_options *options, sb_err *err)
{
    const char d = options->delimiter, q = options->quote, a = options->array_delimiter;

    SB_CHECK_ARG(err, options->vfs != NULL);
    if (d == '\0' || d == '\n' || d == '\r' || (d & 0x80) != 0)
        return SB_FAIL(err, SB_INVALID, "the delimiter is one ASCII character that is no line end");
    if (q == '\n' || q == '\r' || (q & 0x80) != 0 || q == d)
        return SB_FAIL(
            err, SB_INVALID,
            "the quote is one ASCII character (or none) that is neither line end nor delimiter");
    if (a == '\n' || a == '\r' || (a & 0x80) != 0 || a == '"' || a == q)
        return SB_FAIL(
            err, SB_INVALID,
            "the array delimiter is one ASCII character that is neither line end nor quote");
    if (a == d)
        return SB_FAIL(err, SB_INVALID,
                       "delimiter and array delimiter are both '%c': cells and the items of a list "
                       "need different ones",
                       d);
    const bool starts = options->ends[0].key.size != 0, ends = options->ends[1].key.size != 0;
    SB_CHECK_ARG(err, starts == ends && !(starts && options->node_file_count != 0));
    return SB_OK;
}

/* "P:" before a file's name forgets something; in a cell it means P. */
static sb_status check_labels(const sb_bulk *bulk, sb_bytes name, sb_err *err)
{
    const char delimiters[3] = {':', bulk->options->array_delimiter, '\0'};
    sb_bytes item;
    size_t pos = 0;
    bool nomem;

    while (sb_text_next_item(name, &pos, delimiters, bulk->arena, &item, &nomem))
        if (item.size == 0)
            return SB_FAIL(err, SB_INVALID, "'%.*s', the labels of a file, has an empty one",
                           (int)(name.size < 100 ? name.size : 100), (const char *)name.data);
    return nomem ? SB_FAIL_NOMEM(err) : SB_OK;
}

static sb_status add_tables(sb_bulk *bulk, sb_entity entity, const sb_bulk_file *files,
                            size_t count, sb_err *err)
{
    sb_view *view = sb_graph_view(bulk->graph);

    bulk->files[entity] = sb_arena_alloc_array(bulk->arena, count + 1, sizeof *bulk->files[entity]);
    if (bulk->files[entity] == NULL) return SB_FAIL_NOMEM(err);
    for (size_t i = 0; i < count; i++) {
        sb_bulk_table *table = &bulk->files[entity][i];
        if (files[i].path == NULL)
            return SB_FAIL(err, SB_MISUSE, "file %zu of %s has no path", i + 1,
                           entity == SB_NODE ? "nodes" : "relationships");
        *table = (sb_bulk_table){.path = strcmp(files[i].path, "-") == 0 ? "standard input"
                                                                         : files[i].path,
                                 .entity = entity,
                                 .number = (uint32_t)i,
                                 .name = files[i].name};
        table->header = files[i].header != NULL ? files[i].header : table->path;
        if (entity == SB_REL) {
            if (table->name.size != 0)
                SB_TRY(sb_name_intern(view, SB_NAME_TYPE, table->name, &table->type, err));
            continue;
        }
        SB_TRY(check_labels(bulk, table->name, err));
        SB_TRY(sb_bulk__labels(bulk, table->name, NULL, 0, bulk->arena, &table->labels,
                               &table->label_count, err));
        SB_TRY(sb_set_intern(view, table->labels, table->label_count, &table->set, err));
    }
    bulk->file_counts[entity] = count;
    return SB_OK;
}

/* Sizes of the files for the progress; unknown when one of them is a pipe, which stays open then. */
static sb_status measure_files(sb_bulk *bulk, sb_entity entity, const sb_bulk_file *files,
                               bool *known, sb_err *err)
{
    for (size_t i = 0; i < bulk->file_counts[entity]; i++) {
        sb_file *file;
        sb_file_info info;
        SB_TRY(sb_input__open_file(bulk->options->vfs, files[i].path, &file, err));
        const sb_status st = file->ops->info(file, &info, err);
        if (st == SB_OK && !info.regular) {
            bulk->files[entity][i].opened = file;
            *known = false;
            continue;
        }
        sb_file_close(file);
        SB_TRY(st);
        bulk->bytes_total += info.bytes;
    }
    if (!*known) bulk->bytes_total = 0;
    return SB_OK;
}

/* The file of rejected rows is written over: it must not be one that is read, nor the database. */
static sb_status refuse_rejects(sb_bulk *bulk, const char *resolved, const char *path,
                                const char *end, const char *what, sb_err *err)
{
    char *other;
    size_t bytes;

    if (path == NULL) return SB_OK;
    SB_TRY(sb_vfs_resolve(bulk->options->vfs, bulk->alloc, path, &other, &bytes, err));
    const size_t length = strlen(other);
    const bool same = strncmp(resolved, other, length) == 0 && strcmp(resolved + length, end) == 0;
    sb_free(bulk->alloc, other, bytes);
    if (!same) return SB_OK;
    return SB_FAIL(err, SB_INVALID, "the file for rejected rows, %s, is %s: name another",
                   bulk->options->reject_path, what);
}

static sb_status check_rejects(sb_bulk *bulk, const char *resolved, sb_err *err)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    const sb_bulk_options *options = bulk->options;

    for (size_t i = 0; i < options->node_file_count + options->rel_file_count; i++) {
        const sb_bulk_file *file = i < options->node_file_count
                                       ? &options->node_files[i]
                                       : &options->rel_files[i - options->node_file_count];
        SB_TRY(refuse_rejects(bulk, resolved, file->path, "", "read, too", err));
        SB_TRY(refuse_rejects(bulk, resolved, file->header, "", "read, too", err));
    }
    SB_TRY(refuse_rejects(bulk, resolved, options->schema_path, "", "read, too", err));
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        SB_TRY(refuse_rejects(bulk, resolved, options->database_path, ends[i], "the database's own",
                              err));
    return SB_OK;
}

static sb_status open_rejects(sb_bulk *bulk, sb_err *err)
{
    const sb_bulk_options *options = bulk->options;
    char *resolved;
    size_t bytes;

    if (options->reject_path == NULL) return SB_OK;
    SB_TRY(sb_vfs_resolve(options->vfs, bulk->alloc, options->reject_path, &resolved, &bytes, err));
    const sb_status st = check_rejects(bulk, resolved, err);
    sb_free(bulk->alloc, resolved, bytes);
    SB_TRY(st);
    SB_TRY(
        sb_vfs_open(options->vfs, options->reject_path, SB_OPEN_CREATE, &bulk->reject_file, err));
    return bulk->reject_file->ops->truncate(bulk->reject_file, 0, err);
}

/* The highest node id in use: where rows at or behind an id exist is found by halving. */
static sb_status find_last_node(sb_bulk *bulk, sb_err *err)
{
    const sb_tree *table = sb_node_table(sb_graph_view(bulk->graph));
    uint64_t low = 0, high = SB_ID_MAX;

    while (low < high) {
        const uint64_t middle = low + (high - low + 1) / 2;
        sb_row_scan *scan;
        size_t rows;
        SB_TRY(sb_row_scan_open(sb_graph_txn(bulk->graph), table, middle, SB_ID_MAX, &scan, err));
        const sb_status st = sb_row_scan_next(scan, &rows, err);
        sb_row_scan_close(scan);
        SB_TRY(st);
        if (rows != 0)
            low = middle;
        else
            high = middle - 1;
    }
    bulk->first_node = 1;
    bulk->last_node = low == 0 ? 1 : low;
    return SB_OK;
}

static bool has_constraints(sb_graph *graph, sb_entity entity)
{
    size_t count;
    const sb_schema *schemas = sb_schemas(graph->view, &count);

    for (size_t i = 0; i < count; i++)
        if (schemas[i].on_rels == (entity == SB_REL) && schemas[i].kind != SB_SCHEMA_INDEX &&
            schemas[i].kind != SB_SCHEMA_LABEL_INDEX)
            return true;
    return false;
}

static size_t count_standard(const sb_bulk_file *files, size_t count)
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        found += files[i].path != NULL && strcmp(files[i].path, "-") == 0;
        found += files[i].header != NULL && strcmp(files[i].header, "-") == 0;
    }
    return found;
}

/* It can be read once: whoever came second would find it empty. */
static sb_status check_standard(const sb_bulk_options *options, sb_err *err)
{
    const bool schema = options->schema_path != NULL && strcmp(options->schema_path, "-") == 0;
    const size_t found = count_standard(options->node_files, options->node_file_count) +
                         count_standard(options->rel_files, options->rel_file_count) + schema;

    if (found <= 1) return SB_OK;
    return SB_FAIL(err, SB_INVALID, "standard input ('-') is given %zu times: it can be read once",
                   found);
}

static sb_status set_up(sb_bulk *bulk, sb_err *err)
{
    const sb_bulk_options *options = bulk->options;
    const size_t limit = sb_graph__memory(bulk->graph);
    size_t memory = options->memory_bytes != 0 ? options->memory_bytes
                    : limit != 0               ? limit
                                               : MEMORY_BYTES;
    bool known = true;

    SB_TRY(check_standard(options, err));
    bulk->dialect = (sb_csv_dialect){.delimiter = (uint8_t)options->delimiter,
                                     .quote = (uint8_t)options->quote,
                                     .trim = options->trim};
    bulk->has_null_text = options->null_text != NULL;
    if (bulk->has_null_text)
        bulk->null_text = sb_bytes_of(options->null_text, strlen(options->null_text));
    bulk->threads = options->threads != 0 ? options->threads : sb_os_cpu_count();
    if (bulk->threads > THREADS_MAX) bulk->threads = THREADS_MAX;
    bulk->chunk_bytes = options->chunk_bytes != 0 ? options->chunk_bytes : CHUNK_BYTES;
    bulk->split_count = options->split_count != 0 ? options->split_count : SPLIT_COUNT;
    sb_spool__init(&bulk->spools[SB_NODE], bulk->alloc, options->vfs, memory / 2);
    sb_spool__init(&bulk->spools[SB_REL], bulk->alloc, options->vfs, memory / 2);
    sb_spool__init(&bulk->reverse_spool, bulk->alloc, options->vfs, memory / 2);
    sb_spool__init(&bulk->origins.spool, bulk->alloc, options->vfs, memory / 8);
    for (unsigned e = SB_NODE; e <= SB_REL; e++)
        bulk->keeps_origins[e] =
            options->schema_path != NULL || has_constraints(bulk->graph, (sb_entity)e);
    SB_TRY(options->vfs->ops->random(options->vfs, &bulk->seed, sizeof bulk->seed, err));
    bulk->arena = sb_arena_create(bulk->alloc, NULL);
    if (bulk->arena == NULL) return SB_FAIL_NOMEM(err);
    bulk->zone_source = (sb_zone_source){.vfs = options->vfs, .alloc = bulk->alloc};
    SB_TRY(
        sb_zones_create(bulk->alloc, sb_zone_read_system, &bulk->zone_source, &bulk->zones, err));
    /* One a file, or two ends. They stay where they are: pieces are parsed while the next file's header is read. */
    SB_TRY(sb_graph__grow(bulk->alloc, &bulk->groups, sizeof *bulk->groups,
                          options->node_file_count + 2, &bulk->group_capacity, err));
    SB_TRY(add_tables(bulk, SB_NODE, options->node_files, options->node_file_count, err));
    SB_TRY(add_tables(bulk, SB_REL, options->rel_files, options->rel_file_count, err));
    SB_TRY(measure_files(bulk, SB_NODE, options->node_files, &known, err));
    SB_TRY(measure_files(bulk, SB_REL, options->rel_files, &known, err));
    return open_rejects(bulk, err);
}

static void tear_down(sb_bulk *bulk)
{
    sb_bulk__nodes_deinit(bulk);
    sb_bulk__rels_deinit(bulk);
    sb_origins__deinit(bulk);
    for (unsigned e = 0; e < 2; e++)
        for (size_t i = 0; i < bulk->file_counts[e]; i++)
            sb_file_close(bulk->files[e][i].opened);
    for (size_t i = 0; i < bulk->group_count; i++)
        sb_ids__deinit(&bulk->groups[i].ids);
    sb_free(bulk->alloc, bulk->groups, bulk->group_capacity * sizeof *bulk->groups);
    sb_spool__deinit(&bulk->spools[SB_NODE]);
    sb_spool__deinit(&bulk->spools[SB_REL]);
    sb_spool__deinit(&bulk->reverse_spool);
    sb_file_close(bulk->reject_file);
    sb_zones_destroy(bulk->zones);
    sb_arena_destroy(bulk->arena);
}

/* ---- Running --------------------------------------------------------------------------------------------------------- */

static sb_status run(sb_bulk *bulk, sb_err *err)
{
    sb_vfs *vfs = bulk->options->vfs;
    sb_bulk_result *result = bulk->result;
    uint64_t times[5];

    times[0] = vfs->ops->monotonic_ns(vfs);
    SB_TRY(sb_bulk__read_files(bulk, SB_NODE, sb_bulk__take_nodes, err));
    times[1] = vfs->ops->monotonic_ns(vfs);
    sb_bulk__decide_types(bulk, SB_NODE);
    SB_TRY(sb_bulk__build_nodes(bulk, err));
    bulk->graph_ends = bulk->file_counts[SB_NODE] == 0;
    bulk->graph_ids = bulk->graph_ends && bulk->options->ends[0].key.size == 0;
    if (bulk->graph_ends && bulk->file_counts[SB_REL] != 0) SB_TRY(find_last_node(bulk, err));
    if (bulk->graph_ends && !bulk->graph_ids) SB_TRY(sb_bulk__find_ends(bulk, err));
    times[2] = vfs->ops->monotonic_ns(vfs);
    SB_TRY(sb_bulk__read_files(bulk, SB_REL, sb_bulk__take_rels, err));
    for (size_t i = 0; i < bulk->group_count; i++)
        sb_ids__deinit(&bulk->groups[i].ids);
    times[3] = vfs->ops->monotonic_ns(vfs);
    sb_bulk__decide_types(bulk, SB_REL);
    SB_TRY(sb_bulk__build_rels(bulk, err));
    times[4] = vfs->ops->monotonic_ns(vfs);
    result->parse_ns = times[1] - times[0] + times[3] - times[2];
    result->build_ns = times[2] - times[1] + times[4] - times[3];
    return SB_OK;
}

sb_status sb_graph_bulk_load(sb_graph *graph, const sb_bulk_options *options,
                             sb_bulk_result *result, sb_err *err)
{
    sb_bulk_options all = *options;
    sb_bulk bulk = {.graph = graph, .alloc = graph->alloc, .options = &all, .result = result};
    const size_t touched = graph->writer.touched_count;
    uint32_t savepoint;
    sb_status st;

    *result = (sb_bulk_result){0};
    if (all.array_delimiter == '\0') all.array_delimiter = all.delimiter == ';' ? ',' : ';';
    SB_TRY(check_options(&all, err));
    SB_TRY(sb_graph__atomic_begin(graph, &savepoint, err));
    sb_map_init(&bulk.set_index, bulk.alloc);
    sb_map_init(&bulk.type_index, bulk.alloc);
    st = set_up(&bulk, err);
    graph->writer.row_finder = (sb_row_finder){.find = sb_origins__place, .ctx = &bulk};
    if (st == SB_OK) st = run(&bulk, err);
    if (st == SB_OK && options->schema_path != NULL)
        st =
            sb_graph__schema_read(graph, options->vfs, options->schema_path, &result->schemas, err);
    if (st == SB_OK) st = sb_constraints__remember_place(graph, touched, err);
    graph->writer.row_finder = (sb_row_finder){0};
    tear_down(&bulk);
    return sb_graph__atomic_end(graph, savepoint, st, err);
}
