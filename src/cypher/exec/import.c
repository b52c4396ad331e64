/* import.c — the procedures sombra.import.nodes and sombra.import.relationships: bulk load of a CSV file as part of a statement. Config is a map
 * of the options of `sombra import`, by one table. */
#include "cypher/exec/import.h"

#include <stddef.h>
#include <stdio.h>

#define ERRORS_KEPT 100u /* messages of rejected rows that are handed on */

typedef struct import_call {
    sb_exec *run;
    const char *name; /* of the procedure */
    sb_entity entity;
    sb_bulk_options options;
    sb_bulk_file file;
    sb_val_list *errors; /* arena(step); count of them are set */
    uint32_t error_count;
} import_call;

/* ---- Config ---------------------------------------------------------------------------------------------------- */

typedef enum config_form {
    FORM_TEXT, /* const char * of sb_bulk_options */
    FORM_NAME, /* sb_bytes */
    FORM_CHAR, /* char: one character; none, where it may be empty */
    FORM_FLAG, /* bool */
    FORM_COUNT /* uint64_t */
} config_form;

typedef struct config_option {
    const char *name;
    config_form form;
    unsigned entities; /* bits 1 << sb_entity */
    size_t offset;     /* in import_call */
} config_option;

#define NODES     (1u << SB_NODE)
#define RELS      (1u << SB_REL)
#define BOTH      (NODES | RELS)
#define AT(field) offsetof(import_call, field)

static const config_option OPTIONS[] = {
    {"label", FORM_NAME, NODES, AT(file.name)},
    {"id", FORM_TEXT, NODES, AT(options.id_column)},
    {"label_column", FORM_TEXT, NODES, AT(options.label_column)},
    {"store_ids", FORM_FLAG, NODES, AT(options.store_ids)},
    {"skip_duplicate_ids", FORM_FLAG, NODES, AT(options.skip_duplicate_ids)},
    {"type", FORM_NAME, RELS, AT(file.name)},
    {"start", FORM_TEXT, RELS, AT(options.start_column)},
    {"end", FORM_TEXT, RELS, AT(options.end_column)},
    {"type_column", FORM_TEXT, RELS, AT(options.type_column)},
    {"start_label", FORM_NAME, RELS, AT(options.ends[0].label)},
    {"start_key", FORM_NAME, RELS, AT(options.ends[0].key)},
    {"end_label", FORM_NAME, RELS, AT(options.ends[1].label)},
    {"end_key", FORM_NAME, RELS, AT(options.ends[1].key)},
    {"skip_missing_endpoints", FORM_FLAG, RELS, AT(options.skip_missing_endpoints)},
    {"header", FORM_TEXT, BOTH, AT(file.header)},
    {"delimiter", FORM_CHAR, BOTH, AT(options.delimiter)},
    {"quote", FORM_CHAR, BOTH, AT(options.quote)},
    {"array_delimiter", FORM_CHAR, BOTH, AT(options.array_delimiter)},
    {"null", FORM_TEXT, BOTH, AT(options.null_text)},
    {"infer_types", FORM_FLAG, BOTH, AT(options.infer_types)},
    {"trim", FORM_FLAG, BOTH, AT(options.trim)},
    {"max_rejects", FORM_COUNT, BOTH, AT(options.max_rejects)},
};

static sb_status bad_config(const import_call *i, sb_bytes key, const char *why)
{
    return sb_cypher_fail_runtime(i->run->err, SB_CYPHER_INVALID_ARGUMENT_VALUE, "%s, '%.*s': %s",
                                  i->name, (int)(key.size < 60 ? key.size : 60),
                                  (const char *)key.data, why);
}

static sb_bytes option_name(const config_option *option)
{
    return sb_bytes_of(option->name, strlen(option->name));
}

/* Candidate k of those that a procedure has. */
static sb_bytes next_name(void *ctx, size_t k)
{
    const sb_entity entity = *(const sb_entity *)ctx;

    for (size_t i = 0; i < sizeof OPTIONS / sizeof *OPTIONS; i++)
        if ((OPTIONS[i].entities >> entity & 1) != 0 && k-- == 0) return option_name(&OPTIONS[i]);
    return sb_bytes_of(NULL, 0);
}

static sb_status unknown_option(import_call *i, sb_bytes key)
{
    sb_bytes near;
    char why[120] = "there is no such option";

    if (sb_cypher_nearest(key, next_name, &i->entity, &near))
        (void)snprintf(why, sizeof why, "there is no such option; did you mean '%.*s'?",
                       (int)near.size, (const char *)near.data);
    return bad_config(i, key, why);
}

static sb_status take_text(import_call *i, const config_option *option, sb_val v)
{
    const sb_bytes text = sb_val_text(v);
    void *const to = (uint8_t *)i + option->offset;

    if (v.kind != SB_VAL_STRING) return bad_config(i, option_name(option), "a string is expected");
    if (option->form == FORM_NAME) {
        *(sb_bytes *)to = text;
        return SB_OK;
    }
    if (memchr(text.data, '\0', text.size) != NULL)
        return bad_config(i, option_name(option), "a text without NUL is expected");
    if (option->form == FORM_CHAR) {
        if (text.size > 1)
            return bad_config(i, option_name(option), "one character of ASCII is expected");
        *(char *)to = text.size == 0 ? '\0' : (char)text.data[0];
        return SB_OK;
    }
    const char *copy = sb_arena_strndup(i->run->func.arena, (const char *)text.data, text.size);
    *(const char **)to = copy;
    return copy != NULL ? SB_OK : sb_exec__no_memory(i->run);
}

static sb_status take_option(import_call *i, const sb_val_entry *entry)
{
    const config_option *option = NULL;
    void *to;

    for (size_t k = 0; k < sizeof OPTIONS / sizeof *OPTIONS && option == NULL; k++)
        if ((OPTIONS[k].entities >> i->entity & 1) != 0 &&
            sb_bytes_equal(option_name(&OPTIONS[k]), entry->key))
            option = &OPTIONS[k];
    if (option == NULL) return unknown_option(i, entry->key);
    if (entry->value.kind == SB_VAL_NULL) return SB_OK; /* as if it were not there */
    to = (uint8_t *)i + option->offset;
    if (option->form == FORM_FLAG) {
        if (entry->value.kind != SB_VAL_BOOL)
            return bad_config(i, entry->key, "true or false is expected");
        *(bool *)to = entry->value.as.boolean;
        return SB_OK;
    }
    if (option->form != FORM_COUNT) return take_text(i, option, entry->value);
    if (entry->value.kind != SB_VAL_INT || entry->value.as.integer < 0)
        return bad_config(i, entry->key, "an integer from 0 on is expected");
    *(uint64_t *)to = (uint64_t)entry->value.as.integer;
    return SB_OK;
}

/* Ends of relationships are found by a key, or are node ids: both alike. */
static sb_status check_ends(import_call *i)
{
    static const char *const keys[2] = {"start_key", "end_key"};
    const sb_bulk_end *ends = i->options.ends;

    for (unsigned e = 0; e < 2; e++) {
        if (ends[e].key.size != 0 || (ends[e].label.size == 0 && ends[1 - e].key.size == 0))
            continue;
        return bad_config(i, sb_bytes_of(keys[e], strlen(keys[e])),
                          "it says by which property the nodes are found, and is needed");
    }
    return SB_OK;
}

static sb_status read_config(import_call *i, sb_val config)
{
    sb_bulk_options_init(&i->options);
    i->options.max_rejects = 0;
    for (uint32_t k = 0; config.kind == SB_VAL_MAP && k < config.as.map->count; k++)
        SB_TRY(take_option(i, &config.as.map->entries[k]));
    SB_TRY(check_ends(i));
    if (i->file.header == NULL) return SB_OK;
    char *header;
    SB_TRY(sb_import__file(i->run, i->name,
                           sb_val_string(sb_bytes_of(i->file.header, strlen(i->file.header))),
                           &header));
    i->file.header = header;
    return SB_OK;
}

/* ---- Running --------------------------------------------------------------------------------------------------------- */

static sb_status keep_error(void *ctx, const char *message, sb_err *err)
{
    import_call *i = ctx;

    if (i->error_count == ERRORS_KEPT) return SB_OK;
    const size_t size = strlen(message);
    const char *copy = sb_arena_strndup(i->run->func.arena, message, size);
    if (copy == NULL) return SB_FAIL_NOMEM(err);
    i->errors->items[i->error_count++] = sb_val_string(sb_bytes_of(copy, size));
    return SB_OK;
}

static sb_status load(import_call *i, sb_bulk_result *result, sb_err *err)
{
    const sb_exec_options *given = i->run->options;
    sb_bulk_options *options = &i->options;

    options->vfs = given->vfs;
    options->memory_bytes = given->memory_bytes;
    options->threads = given->threads;
    options->progress = given->progress;
    options->progress_ctx = given->progress_ctx;
    if (options->max_rejects != 0) {
        options->rejected = keep_error;
        options->rejected_ctx = i;
    }
    options->node_files = options->rel_files = &i->file;
    options->node_file_count = i->entity == SB_NODE;
    options->rel_file_count = i->entity == SB_REL;
    const sb_status st = sb_graph_bulk_load(i->run->graph, options, result, err);
    /* The message tells the place in the file; line and column of an error are those in the query. */
    if (st != SB_OK) err->line = err->column = 0;
    return st;
}

sb_status sb_import__call(void *ctx, sb_func_context *func, sb_exec *run, const sb_val *args,
                          uint32_t arg_count, sb_status (*emit)(void *emit_ctx, const sb_val *row),
                          void *emit_ctx, sb_err *err)
{
    static const char *const names[] = {"sombra.import.nodes", "sombra.import.relationships"};
    const sb_entity entity = *(const sb_entity *)ctx;
    import_call i = {.run = run, .name = names[entity], .entity = entity};
    sb_bulk_result made;
    char *path;

    (void)arg_count;
    SB_TRY(sb_import__file(run, i.name, args[0], &path));
    i.file.path = path;
    SB_TRY(read_config(&i, args[1]));
    i.errors = sb_val_list_make(func->arena, ERRORS_KEPT);
    if (i.errors == NULL) return sb_exec__no_memory(run);
    SB_TRY(load(&i, &made, err));
    i.errors->count = i.error_count;
    run->stats.nodes_created += made.nodes;
    run->stats.rels_created += made.rels;
    run->stats.properties_set += made.properties;
    run->stats.labels_added += made.labels;
    const sb_val row[SB_IMPORT_FIELDS] = {
        sb_val_int((int64_t)made.nodes),         sb_val_int((int64_t)made.rels),
        sb_val_int((int64_t)made.properties),    sb_val_int((int64_t)made.skipped_rows),
        sb_val_int((int64_t)made.rejected_rows), sb_val_flat_list(i.errors)};
    return emit(emit_ctx, row);
}
