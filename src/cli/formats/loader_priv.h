/* loader_priv.h — what the files of the loader share. */
#ifndef SB_CLI_FORMATS_LOADER_PRIV_H
#define SB_CLI_FORMATS_LOADER_PRIV_H

#include "cli/formats/json_priv.h"
#include "cli/formats/records_priv.h"

#define LOADER_KINDS (SOMBRA_TYPE_LIST + 1)

typedef struct loader_column {
    uint32_t key; /* place in loader.keys */
    uint32_t type;
    bool mixed;
    sombra_value *values; /* of the batch's rows; NULL typed: absent */
    size_t capacity, present;
    uint64_t last_record;         /* that gave a value, from 1: two of one record are an error */
    uint64_t kinds[LOADER_KINDS]; /* how many of each type so far, in all batches */
} loader_column;

typedef struct loader_group {
    bool is_rel;
    sombra_text caption; /* ":A:B", "TYPE" */
    uint32_t *names;     /* label numbers, none twice; or the type's */
    size_t name_count;
    size_t rows;
    uint64_t total;    /* entities in all batches */
    uint64_t *ends[2]; /* nodes: number; relationships: of both ends */
    size_t end_capacity[2];
    uint64_t first_line; /* of the batch */
    loader_column *columns;
    size_t column_count, column_capacity;
    size_t hint;  /* column that comes next, if records look alike */
    size_t *used; /* columns with a value in this batch */
    size_t used_count, used_capacity;
    fmt_map by_key;  /* key + 1 → column + 1, when there are many */
    fmt_arena arena; /* values of the batch */
    size_t array_bytes;
} loader_group;

/* External ids of one group: numbers where they are written as numbers usually are, else texts. */
typedef struct loader_ids {
    uint64_t *dense; /* node + 1 by number; 0: none */
    size_t dense_count;
    fmt_map sparse; /* number → node + 1 */
    fmt_names texts;
    uint64_t *text_nodes; /* node + 1 by text */
    size_t text_capacity;
    uint64_t count;
} loader_ids;

struct fmt_loader {
    fmt_options options;
    fmt_error error;
    fmt_result result;
    sombra_txn *txn;
    uint64_t in_transaction; /* records since the last commit */
    /* The record at hand. */
    const char *path;
    uint64_t line;
    const char *raw;
    size_t raw_bytes;
    uint64_t record;
    /* Names: texts → numbers of the database. */
    fmt_names keys, set_texts, group_names, paths;
    uint32_t *key_ids;
    size_t key_capacity;
    loader_group *groups;
    size_t group_count, group_capacity;
    fmt_buffer set_text;       /* scratch */
    sombra_text last_names[2]; /* nodes, relationships: the one label or type asked for last */
    size_t last_places[2];     /* its group */
    size_t held_bytes;
    loader_ids *ids;
    size_t id_capacity;
    uint32_t letters['z' - 'A' + 1]; /* place + 1 of the table of ids as n17; 0: none yet */
    uint32_t last_groups[2];         /* places + 1 in ids of the names asked for last; 0: none */
    uint64_t *nodes;                 /* node ids by number; 0: not written yet */
    size_t node_count, node_capacity;
    size_t unwritten_nodes;
    FILE *waiting; /* relationships for the end; NULL: none yet */
    uint64_t waiting_count;
    fmt_buffer packed;              /* scratch */
    fmt_arena scratch, row_scratch; /* of a batch being written, of a record */
    struct schema_copy *schemas;
    size_t schema_count, schema_capacity;
    fmt_arena schema_arena;
};

/* SOMBRA_DONE: the record has been rejected or skipped; it is what callers of the loader need not know. */
static inline sombra_status loader_reject(sombra_status status)
{
    return status == SOMBRA_OK ? SOMBRA_DONE : status;
}
static inline sombra_status loader_outcome(sombra_status status)
{
    return status == SOMBRA_DONE ? SOMBRA_OK : status;
}

/* ---- loader.c --------------------------------------------------------------------------------------------------- */

/* One that waited: no node will follow, so an end that is not known is missing. */
sombra_status loader_load_waiting_rel(fmt_loader *l, const fmt_rel *rel);

/* ---- loader_errors.c -------------------------------------------------------------------------------------------- */

/* The connection's last error becomes the loader's. */
sombra_status loader_fail_conn(fmt_loader *l);
/* errno tells why the rejects could not be written. */
sombra_status loader_fail_rejects(fmt_loader *l);

/* ---- loader_ids.c ----------------------------------------------------------------------------------------------- */

/* fmt_loader_find gives the number of a node, + 1. */
void loader_add_id(fmt_loader *l, const fmt_id *id, uint64_t node);
/* fmt_loader_find of up to so many. */
#define LOADER_FIND_MAX 64u
void loader_find_all(fmt_loader *l, const fmt_id *const *ids, size_t count, uint64_t *found);
void loader_free_ids(fmt_loader *l);

/* ---- loader_rows.c ---------------------------------------------------------------------------------------------- */

/* The group of a label set or type. */
sombra_status loader_group_of(fmt_loader *l, bool is_rel, const sombra_text *names, size_t count,
                              size_t *place);
/* A list as a property holds values of any storable type, but no nulls and no lists. */
sombra_status loader_check_value(fmt_loader *l, sombra_text name, const sombra_value *value);
/* A record into its group's batch, whole or not at all. ends: a node's number; of a relationship those of both ends. */
sombra_status loader_put_row(fmt_loader *l, size_t group, const fmt_prop *props, size_t count,
                             const uint64_t *ends);
/* Write the group's batch if it is full, and all of them if they hold too much. */
sombra_status loader_write_full(fmt_loader *l, size_t group);
/* Write all batches. keep: their arrays serve the next ones. */
sombra_status loader_write_all(fmt_loader *l, bool keep);
void loader_free_groups(fmt_loader *l);

/* ---- loader_waiting.c, loader_schema.c ------------------------------------------------------------------------- */

sombra_status loader_put_aside(fmt_loader *l, const fmt_rel *rel);
sombra_status loader_load_waiting(fmt_loader *l);
sombra_status loader_make_schemas(fmt_loader *l);

#endif
