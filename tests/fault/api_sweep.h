/* api_sweep.h — every call of sombra.h that does much, with its n-th allocation or its n-th call to the file system
 * failing, for n = 1, 2, 3, … until nothing fails any more: once and for good, as EIO, as ENOSPC, after half a write. After
 * each: the status is one of those that the fault can give, with a message; nothing of the call is there (digest and
 * schema), in the same transaction, in the next one and after reopening; verify finds nothing; the store can be
 * written; nothing leaks and no file is left behind. Used by test_api.c (a sample) and api_sweep.c (all of them). */
#ifndef TESTS_API_SWEEP_H
#define TESTS_API_SWEEP_H

#include "support/api_rig.h"

#include "base/random.h"

#define SWEEP_NODES        200u
#define SWEEP_OTHER        "other.sombra"
#define SWEEP_COPY         "copy.sombra"
#define SWEEP_FILES        8u
#define SWEEP_REPORT       1400u
#define SWEEP_FAILURES_MAX 20u

/* What a committed state is, as far as a caller can tell. */
typedef struct sweep_print {
    uint8_t digest[16], schema[16];
} sweep_print;

/* Bytes of files that a run starts with. */
typedef struct sweep_image {
    const char *names[SWEEP_FILES];
    uint8_t *bytes[SWEEP_FILES];
    size_t sizes[SWEEP_FILES];
    size_t count;
} sweep_image;

typedef struct sweep_scenario {
    const char *name;
    /* Works on an open rig without transaction, and commits; leaves the transaction open where a call failed. */
    sombra_status (*run)(api_rig *r);
    bool opens;        /* opening and closing are part of it */
    bool from_nothing; /* there is no file */
    bool from_wal;     /* the files are those of a killed process */
    const char *makes; /* a file that is there only after success, or NULL */
} sweep_scenario;

typedef enum sweep_fault {
    SWEEP_MEMORY_ONCE,
    SWEEP_MEMORY_FOR_GOOD,
    SWEEP_EIO_ONCE,
    SWEEP_EIO_FOR_GOOD,
    SWEEP_ENOSPC_ONCE,
    SWEEP_ENOSPC_FOR_GOOD,
    SWEEP_SHORT_WRITE,
    SWEEP_FAULTS
} sweep_fault;

static inline const char *sweep_fault_name(sweep_fault fault)
{
    static const char *const names[] = {
        "allocation, once", "allocations, for good", "EIO, once", "EIO, for good", "ENOSPC, once",
        "ENOSPC, for good", "short write, for good"};
    return names[fault];
}
static inline bool sweep_is_memory(sweep_fault fault)
{
    return fault == SWEEP_MEMORY_ONCE || fault == SWEEP_MEMORY_FOR_GOOD;
}

/* ---- Small words ----------------------------------------------------------------------------- */

#define SWEEP_TRY(call)                                                                            \
    do {                                                                                           \
        const sombra_status sweep_status = (call);                                                 \
        if (sweep_status != SOMBRA_OK) return sweep_status;                                        \
    } while (0)

static inline sombra_status sweep_name(api_rig *r, sombra_name_kind kind, const char *name,
                                       uint32_t *id)
{
    return sombra_name_intern(r->txn, kind, name, SOMBRA_NUL_TERMINATED, id);
}
static inline sombra_status sweep_commit(api_rig *r)
{
    sombra_txn *txn = r->txn;
    r->txn = NULL; /* a commit ends it either way */
    return sombra_commit(txn);
}
static inline void sweep_rollback(api_rig *r)
{
    sombra_rollback(r->txn);
    r->txn = NULL;
}

/* nodes of label with a number, a text and a mixed column; ids: count places. */
static inline sombra_status sweep_add_nodes(api_rig *r, const char *name, size_t count,
                                            uint64_t *ids)
{
    uint32_t label = 0, keys[3] = {0};
    sombra_column columns[3] = {{0}};
    int64_t *numbers = calloc(count, sizeof *numbers);
    sombra_value *values = calloc(count, sizeof *values);
    sombra_status status = sweep_name(r, SOMBRA_LABEL, name, &label);
    static const char *const key_names[] = {"number", "half", "any"};

    for (unsigned i = 0; i < 3 && status == SOMBRA_OK; i++)
        status = sweep_name(r, SOMBRA_KEY, key_names[i], &keys[i]);
    for (size_t i = 0; i < count; i++) {
        numbers[i] = (int64_t)i;
        values[i] = i % 3 == 0 ? sombra_string("a name that is long enough for the heap", i % 39)
                               : sombra_float((double)i / 4);
    }
    columns[0] = (sombra_column){.key = keys[0], .type = SOMBRA_TYPE_INT, .integers = numbers};
    columns[1] = (sombra_column){.key = keys[1], .type = SOMBRA_TYPE_INT, .integers = numbers};
    columns[2] = (sombra_column){.key = keys[2], .values = values};
    if (status == SOMBRA_OK)
        status = sombra_create_nodes(r->txn, &label, 1, count, columns, 3, ids);
    free(numbers);
    free(values);
    return status;
}

static inline sombra_status sweep_add_rels(api_rig *r, size_t count, const uint64_t *ids,
                                           size_t id_count)
{
    uint32_t type = 0;
    uint64_t *ends = calloc(2 * count, sizeof *ends);
    sombra_status status = sweep_name(r, SOMBRA_TYPE, "KNOWS", &type);
    for (size_t i = 0; i < count; i++) {
        ends[i] = ids[i * 7 % id_count];
        ends[count + i] = ids[i * 13 % id_count];
    }
    if (status == SOMBRA_OK)
        status = sombra_create_rels(r->txn, type, count, ends, ends + count, NULL, 0, NULL);
    free(ends);
    return status;
}

/* One node of its own label, committed. */
static inline sombra_status sweep_mark(api_rig *r)
{
    uint32_t label = 0;
    SWEEP_TRY(sombra_begin(r->conn, SOMBRA_WRITE, &r->txn));
    SWEEP_TRY(sweep_name(r, SOMBRA_LABEL, "Marker", &label));
    SWEEP_TRY(sombra_create_nodes(r->txn, &label, 1, 1, NULL, 0, NULL));
    return sweep_commit(r);
}

/* Of the open transaction. */
static inline sombra_status sweep_print_open(sombra_txn *txn, sweep_print *print)
{
    memset(print, 0, sizeof *print);
    SWEEP_TRY(sombra_digest(txn, print->digest));
    return sombra_schema_digest(txn, print->schema);
}
static inline bool sweep_same(const sweep_print *a, const sweep_print *b)
{
    return memcmp(a->digest, b->digest, 16) == 0 && memcmp(a->schema, b->schema, 16) == 0;
}

static inline void sweep_tell_finding(void *ctx, uint64_t page, const char *message)
{
    (void)ctx;
    printf("page %llu: %s\n", (unsigned long long)page, message);
}
/* Of the committed state, which must be whole. */
static inline sombra_status sweep_print_now(api_rig *r, sweep_print *print, uint64_t *findings)
{
    sombra_verify_result verified = {0};
    SWEEP_TRY(sombra_begin(r->conn, SOMBRA_READ, &r->txn));
    sombra_status status = sweep_print_open(r->txn, print);
    if (status == SOMBRA_OK) status = sombra_verify(r->txn, sweep_tell_finding, NULL, &verified);
    *findings = verified.findings;
    sweep_rollback(r);
    return status;
}

/* ---- Scenarios ------------------------------------------------------------------------------- */

static inline sombra_status sweep_run_create(api_rig *r)
{
    uint64_t ids[20];
    SWEEP_TRY(sombra_begin(r->conn, SOMBRA_WRITE, &r->txn));
    SWEEP_TRY(sweep_add_nodes(r, "Person", 20, ids));
    return sweep_commit(r);
}
static inline sombra_status sweep_run_nothing(api_rig *r)
{
    (void)r;
    return SOMBRA_OK;
}
static inline sombra_status sweep_run_batch(api_rig *r)
{
    uint64_t ids[300];
    SWEEP_TRY(sombra_begin(r->conn, SOMBRA_WRITE, &r->txn));
    SWEEP_TRY(sweep_add_nodes(r, "City", 300, ids));
    SWEEP_TRY(sweep_add_rels(r, 900, ids, 300));
    return sweep_commit(r);
}
static inline sombra_status sweep_run_spilled(api_rig *r)
{
    uint64_t *ids = calloc(4000, sizeof *ids);
    sombra_status status = sombra_begin(r->conn, SOMBRA_WRITE, &r->txn);
    for (unsigned i = 0; i < 4 && status == SOMBRA_OK; i++)
        status = sweep_add_nodes(r, i % 2 ? "City" : "Person", 1000, ids + (size_t)1000 * i);
    if (status == SOMBRA_OK) status = sweep_add_rels(r, 3000, ids, 4000);
    free(ids);
    return status == SOMBRA_OK ? sweep_commit(r) : status;
}
static inline sombra_status sweep_run_builder(api_rig *r)
{
    sombra_builder *builder = NULL;
    sombra_created created;
    uint32_t label = 0, type = 0, key = 0;
    SWEEP_TRY(sombra_begin(r->conn, SOMBRA_WRITE, &r->txn));
    SWEEP_TRY(sweep_name(r, SOMBRA_LABEL, "Built", &label));
    SWEEP_TRY(sweep_name(r, SOMBRA_TYPE, "NEXT", &type));
    SWEEP_TRY(sweep_name(r, SOMBRA_KEY, "number", &key));
    sombra_status status = sombra_builder_open(r->txn, &builder);
    for (int64_t i = 0; i < 50 && status == SOMBRA_OK; i++) {
        const sombra_prop prop = {.key = key, .value = sombra_int(i)};
        uint64_t handle = 0;
        status = sombra_builder_node(builder, &label, 1, NULL, 0, &prop, 1, &handle);
        if (status == SOMBRA_OK && i > 0)
            status = sombra_builder_rel(builder, sombra_ref_handle((uint64_t)i - 1), type,
                                        sombra_ref_handle(handle), &prop, 1);
    }
    if (status == SOMBRA_OK) status = sombra_builder_execute(builder, &created);
    sombra_builder_close(builder);
    return status == SOMBRA_OK ? sweep_commit(r) : status;
}
static inline sombra_status sweep_run_mutate(api_rig *r)
{
    sombra_op ops[6] = {{0}};
    sombra_prop props[2] = {{0}};
    uint32_t label = 0, type = 0;
    SWEEP_TRY(sombra_begin(r->conn, SOMBRA_WRITE, &r->txn));
    SWEEP_TRY(sweep_name(r, SOMBRA_LABEL, "Changed", &label));
    SWEEP_TRY(sweep_name(r, SOMBRA_TYPE, "KNOWS", &type));
    SWEEP_TRY(sweep_name(r, SOMBRA_KEY, "number", &props[0].key));
    SWEEP_TRY(sweep_name(r, SOMBRA_KEY, "story", &props[1].key));
    static char story[9000]; /* of several pages */
    memset(story, 'x', sizeof story);
    props[0].value = sombra_int(-5);
    props[1].value = sombra_string(story, sizeof story);
    for (unsigned i = 0; i < 6; i++)
        ops[i].entity.result_of = ops[i].source.result_of = ops[i].target.result_of = -1;
    ops[0] = (sombra_op){.kind = SOMBRA_CREATE_NODE,
                         .labels = &label,
                         .label_count = 1,
                         .props = props,
                         .prop_count = 2,
                         .entity.result_of = -1};
    ops[1].kind = SOMBRA_CREATE_REL;
    ops[1].type = type;
    ops[1].source.result_of = 0;
    ops[1].target.id = 3;
    ops[2].kind = SOMBRA_SET_PROPS;
    ops[2].entity.id = 4;
    ops[2].props = props;
    ops[2].prop_count = 2;
    ops[3].kind = SOMBRA_ADD_LABELS;
    ops[3].entity.id = 5;
    ops[3].labels = &label;
    ops[3].label_count = 1;
    ops[4].kind = SOMBRA_DELETE_NODE;
    ops[4].entity.id = 6;
    ops[4].detach = true;
    ops[5].kind = SOMBRA_DELETE_REL;
    ops[5].entity.id = 9;
    SWEEP_TRY(sombra_mutate(r->txn, ops, 6, NULL));
    return sweep_commit(r);
}
static inline sombra_status sweep_run_schema(api_rig *r)
{
    uint32_t label = 0, key = 0, half = 0, id = 0;
    SWEEP_TRY(sombra_begin(r->conn, SOMBRA_WRITE, &r->txn));
    SWEEP_TRY(sweep_name(r, SOMBRA_LABEL, "Person", &label));
    SWEEP_TRY(sweep_name(r, SOMBRA_KEY, "any", &key));
    SWEEP_TRY(sweep_name(r, SOMBRA_KEY, "half", &half));
    const sombra_schema unique = {
        .kind = SOMBRA_UNIQUE, .entity = label, .keys = &half, .key_count = 1};
    const sombra_schema index = {
        .kind = SOMBRA_INDEX, .entity = label, .keys = &key, .key_count = 1};
    /* In a transaction of its own each, so that what one did is known when the other fails. */
    SWEEP_TRY(sombra_schema_create(r->txn, &unique, &id));
    SWEEP_TRY(sombra_schema_drop(r->txn, id));
    SWEEP_TRY(sombra_schema_create(r->txn, &index, &id));
    return sweep_commit(r);
}
static inline sombra_status sweep_run_import(api_rig *r)
{
    const sombra_import_file nodes = {.path = "/data/nodes.csv", .name = "Person"},
                             rels = {.path = "/data/rels.csv", .name = "KNOWS"};
    sombra_import_options options;
    sombra_import_options_init(&options);
    options.nodes = &nodes;
    options.node_file_count = 1;
    options.rels = &rels;
    options.rel_file_count = 1;
    options.threads = 1;
    options.memory = 8u << 20;
    SWEEP_TRY(sombra_begin(r->conn, SOMBRA_WRITE, &r->txn));
    SWEEP_TRY(sombra_import_csv(r->txn, &options, NULL));
    return sweep_commit(r);
}
static inline sombra_status sweep_statement(api_rig *r, const char *query)
{
    sombra_stmt *stmt;
    SWEEP_TRY(sombra_prepare(r->conn, query, SOMBRA_NUL_TERMINATED, &stmt, NULL));
    sombra_status status = sombra_stmt_step(stmt);
    while (status == SOMBRA_ROW)
        status = sombra_stmt_step(stmt);
    sombra_stmt_finalize(stmt);
    return status == SOMBRA_DONE ? SOMBRA_OK : status;
}
static inline sombra_status sweep_run_import_call(api_rig *r)
{
    SWEEP_TRY(sombra_begin(r->conn, SOMBRA_WRITE, &r->txn));
    SWEEP_TRY(sweep_statement(r, "CALL sombra.import.nodes('nodes.csv', {label: 'Person'})"));
    SWEEP_TRY(sweep_statement(
        r, "CALL sombra.import.relationships('rels.csv', {type: 'KNOWS', start_label: 'Person', "
           "start_key: 'key', end_label: 'Person', end_key: 'key', max_rejects: 3})"));
    return sweep_commit(r);
}
static inline sombra_status sweep_run_export(api_rig *r)
{
    SWEEP_TRY(sombra_begin(r->conn, SOMBRA_READ, &r->txn));
    SWEEP_TRY(sombra_export_csv(r->txn, "out", NULL));
    sweep_rollback(r);
    return SOMBRA_OK;
}
static inline sombra_status sweep_run_backup(api_rig *r)
{
    SWEEP_TRY(sombra_begin(r->conn, SOMBRA_READ, &r->txn));
    SWEEP_TRY(sombra_backup(r->txn, SWEEP_COPY));
    sweep_rollback(r);
    return SOMBRA_OK;
}
static inline sombra_status sweep_run_vacuum(api_rig *r)
{
    return sombra_vacuum(r->conn, NULL);
}
static inline sombra_status sweep_run_vacuum_into(api_rig *r)
{
    return sombra_vacuum(r->conn, SWEEP_COPY);
}
static inline sombra_status sweep_run_restore(api_rig *r)
{
    return sombra_restore(r->conn, SWEEP_OTHER);
}
static inline sombra_status sweep_run_recover(api_rig *r)
{
    return sombra__recover(SWEEP_OTHER, SWEEP_COPY, NULL, &r->base, NULL, NULL, NULL, &r->error);
}
static inline sombra_status sweep_run_checkpoint(api_rig *r)
{
    return sombra_checkpoint(r->conn, SOMBRA_TRUNCATE, NULL);
}
static inline sombra_status sweep_run_read(api_rig *r)
{
    sombra_verify_result verified;
    sombra_path path;
    uint64_t count = 0, from = 1;
    uint8_t digest[16];
    SWEEP_TRY(sombra_begin(r->conn, SOMBRA_READ, &r->txn));
    const uint32_t label = 1;
    const sombra_scan_options all = {.entity = SOMBRA_NODE, .name = label};
    SWEEP_TRY(sombra_count(r->txn, &all, &count));
    SWEEP_TRY(sombra_bfs(r->txn, from, NULL, NULL, NULL, NULL));
    SWEEP_TRY(sombra_shortest_path(r->txn, from, 9, NULL, &path));
    SWEEP_TRY(sombra_digest(r->txn, digest));
    SWEEP_TRY(sombra_schema_digest(r->txn, digest));
    SWEEP_TRY(sombra_verify(r->txn, NULL, NULL, &verified));
    sweep_rollback(r);
    return SOMBRA_OK;
}
static inline sombra_status sweep_run_savepoints(api_rig *r)
{
    uint64_t ids[100];
    uint32_t outer = 0, inner = 0;
    SWEEP_TRY(sombra_begin(r->conn, SOMBRA_WRITE, &r->txn));
    SWEEP_TRY(sombra_savepoint(r->txn, &outer));
    SWEEP_TRY(sweep_add_nodes(r, "City", 100, ids));
    SWEEP_TRY(sombra_savepoint(r->txn, &inner));
    SWEEP_TRY(sweep_add_rels(r, 100, ids, 100));
    SWEEP_TRY(sombra_rollback_to(r->txn, inner));
    SWEEP_TRY(sombra_release(r->txn, outer));
    return sweep_commit(r);
}

static const sweep_scenario sweep_scenarios[] = {
    {.name = "create", .run = sweep_run_create, .opens = true, .from_nothing = true},
    {.name = "open and close", .run = sweep_run_nothing, .opens = true},
    {.name = "recover and close", .run = sweep_run_nothing, .opens = true, .from_wal = true},
    {.name = "batch", .run = sweep_run_batch},
    {.name = "spilled batch", .run = sweep_run_spilled},
    {.name = "builder", .run = sweep_run_builder},
    {.name = "mutate", .run = sweep_run_mutate},
    {.name = "savepoints", .run = sweep_run_savepoints},
    {.name = "schema", .run = sweep_run_schema},
    {.name = "import", .run = sweep_run_import},
    {.name = "import_call", .run = sweep_run_import_call},
    {.name = "export", .run = sweep_run_export},
    {.name = "backup", .run = sweep_run_backup, .makes = SWEEP_COPY},
    {.name = "vacuum", .run = sweep_run_vacuum},
    {.name = "vacuum into", .run = sweep_run_vacuum_into, .makes = SWEEP_COPY},
    {.name = "restore", .run = sweep_run_restore},
    {.name = "recover", .run = sweep_run_recover, .makes = SWEEP_COPY},
    {.name = "checkpoint", .run = sweep_run_checkpoint, .from_wal = true},
    {.name = "read", .run = sweep_run_read},
};
#define SWEEP_SCENARIOS (sizeof sweep_scenarios / sizeof *sweep_scenarios)

/* ---- Files to start from --------------------------------------------------------------------- */

static inline void sweep_put_file(sb_vfs *vfs, const char *name, const void *bytes, size_t size)
{
    sb_file *file = NULL;
    if (sb_vfs_open(vfs, name, SB_OPEN_CREATE, &file, NULL) != SB_OK ||
        sb_file_write_all(file, 0, bytes, size, NULL) != SB_OK)
        abort();
    sb_file_close(file);
}
static inline void sweep_take_file(sweep_image *image, sb_vfs *vfs, const char *name)
{
    sb_file *file = NULL;
    sb_file_info info;
    const size_t i = image->count++;
    if (sb_vfs_open(vfs, name, SB_OPEN_READ_ONLY, &file, NULL) != SB_OK ||
        file->ops->info(file, &info, NULL) != SB_OK)
        abort();
    image->names[i] = name;
    image->sizes[i] = (size_t)info.bytes;
    image->bytes[i] = malloc(image->sizes[i] + 1);
    if (sb_file_read_all(file, 0, image->bytes[i], image->sizes[i], NULL) != SB_OK) abort();
    sb_file_close(file);
}
static inline void sweep_drop_image(sweep_image *image)
{
    for (size_t i = 0; i < image->count; i++)
        free(image->bytes[i]);
}

/* The base graph in a file, the same with its last commit in the WAL, another graph, and CSV files. */
typedef struct sweep_base {
    sweep_image closed, killed;
} sweep_base;

static inline sombra_status sweep_fill(api_rig *r)
{
    uint64_t ids[SWEEP_NODES];
    uint32_t key = 0, label = 0, id = 0;
    SWEEP_TRY(sombra_begin(r->conn, SOMBRA_WRITE, &r->txn));
    SWEEP_TRY(sweep_add_nodes(r, "Person", SWEEP_NODES, ids));
    SWEEP_TRY(sweep_add_rels(r, 2 * SWEEP_NODES, ids, SWEEP_NODES));
    SWEEP_TRY(sweep_name(r, SOMBRA_KEY, "number", &key));
    SWEEP_TRY(sweep_name(r, SOMBRA_LABEL, "Person", &label));
    const sombra_schema index = {
        .kind = SOMBRA_INDEX, .entity = label, .keys = &key, .key_count = 1};
    SWEEP_TRY(sombra_schema_create(r->txn, &index, &id));
    return sweep_commit(r);
}

static inline void sweep_put_csv(sb_vfs *vfs)
{
    char *text = malloc(200000);
    size_t used = (size_t)sprintf(text, "key:ID,number:int,story\n");
    for (unsigned i = 0; i < 400; i++)
        used +=
            (size_t)sprintf(text + used, "%u,%u,\"a story, of some length, number %u\"\n", i, i, i);
    sweep_put_file(vfs, "/data/nodes.csv", text, used);
    used = (size_t)sprintf(text, ":START_ID,:END_ID,since:int\n");
    for (unsigned i = 0; i < 1200; i++)
        used += (size_t)sprintf(text + used, "%u,%u,%u\n", i * 7 % 400, i * 13 % 400, i);
    sweep_put_file(vfs, "/data/rels.csv", text, used);
    free(text);
}

static inline sombra_status sweep_prepare(sweep_base *base)
{
    api_rig r;
    uint64_t ids[500];
    memset(base, 0, sizeof *base);
    api_rig_init(&r);
    SWEEP_TRY(api_rig_open(&r));
    SWEEP_TRY(sombra_begin(r.conn, SOMBRA_WRITE, &r.txn));
    SWEEP_TRY(sweep_add_nodes(&r, "Other", 500, ids));
    SWEEP_TRY(sweep_commit(&r));
    SWEEP_TRY(sombra_begin(r.conn, SOMBRA_READ, &r.txn));
    SWEEP_TRY(sombra_backup(r.txn, SWEEP_OTHER));
    sweep_rollback(&r);
    sweep_take_file(&base->closed, r.inner, SWEEP_OTHER);
    SWEEP_TRY(api_rig_close(&r));
    api_rig_deinit(&r);
    api_rig_init(&r);
    SWEEP_TRY(api_rig_open(&r));
    SWEEP_TRY(sweep_fill(&r));
    sweep_put_csv(r.inner);
    sweep_take_file(&base->killed, r.inner, RIG_PATH);
    sweep_take_file(&base->killed, r.inner, RIG_PATH "-wal");
    SWEEP_TRY(api_rig_close(&r));
    sweep_take_file(&base->closed, r.inner, RIG_PATH);
    sweep_take_file(&base->closed, r.inner, "/data/nodes.csv");
    sweep_take_file(&base->closed, r.inner, "/data/rels.csv");
    api_rig_deinit(&r);
    return SOMBRA_OK;
}
static inline void sweep_free(sweep_base *base)
{
    sweep_drop_image(&base->closed);
    sweep_drop_image(&base->killed);
}

/* ---- One run --------------------------------------------------------------------------------- */

/* What the states of a scenario look like: before, after it, each also with the mark. */
typedef struct sweep_wanted {
    sweep_print before, after, before_marked, after_marked;
} sweep_wanted;

/* How the database is opened. */
typedef struct sweep_way {
    const char *name;
    uint8_t durability, read_mode;
} sweep_way;

static const sweep_way sweep_ways[] = {
    {.name = "full, mapped", .durability = SOMBRA_DURABLE_FULL, .read_mode = SB_READ_MAP},
    {.name = "normal, cached", .durability = SOMBRA_DURABLE_NORMAL, .read_mode = SB_READ_CACHE},
    {.name = "off, mapped", .durability = SOMBRA_DURABLE_OFF, .read_mode = SB_READ_MAP},
};
#define SWEEP_WAYS (sizeof sweep_ways / sizeof *sweep_ways)

typedef struct sweep_run {
    const sweep_scenario *scenario;
    const sweep_way *way;
    const sweep_wanted *wanted;
    sweep_fault fault;
    uint64_t n;
    api_rig rig;
    sombra_status status; /* of the scenario */
    char first[512];      /* its message */
    bool reached;         /* something was made to fail */
    char report[SWEEP_REPORT];
} sweep_run;

static inline bool sweep_complain(sweep_run *run, const char *what, const char *detail)
{
    (void)snprintf(run->report, sizeof run->report, "%s, %s, %s number %llu (%s: %s): %s%s%s",
                   run->way->name, run->scenario->name, sweep_fault_name(run->fault),
                   (unsigned long long)run->n, sombra_status_name(run->status), run->first, what,
                   detail == NULL ? "" : ": ", detail == NULL ? "" : detail);
    return false;
}
static inline bool sweep_complain_conn(sweep_run *run, const char *what)
{
    return sweep_complain(run, what, sombra_error_of(run->rig.conn)->message);
}

static inline void sweep_arm(sweep_run *run)
{
    api_rig *r = &run->rig;
    const bool persistent = run->fault == SWEEP_MEMORY_FOR_GOOD ||
                            run->fault == SWEEP_EIO_FOR_GOOD ||
                            run->fault == SWEEP_ENOSPC_FOR_GOOD || run->fault == SWEEP_SHORT_WRITE;
    const bool full = run->fault >= SWEEP_ENOSPC_ONCE;
    /* A disk that is full can still be read. */
    const unsigned kinds = full ? SB_IO_OPEN | SB_IO_WRITE | SB_IO_MAP : SB_IO_ALL;
    if (sweep_is_memory(run->fault))
        api_rig_fail_memory(r, run->n, persistent);
    else
        api_rig_fail_files(r, run->n, kinds, full ? SB_FULL : SB_IO, persistent,
                           run->fault == SWEEP_SHORT_WRITE);
}
static inline void sweep_disarm(sweep_run *run)
{
    api_rig *r = &run->rig;
    const size_t at = atomic_load(&r->memory.fail_at);
    run->reached = sweep_is_memory(run->fault)
                       ? at != 0 && atomic_load(&r->memory.alloc_count) >= at
                       : r->fault->failed != 0;
    api_rig_fail_memory(r, 0, false);
    api_rig_fail_files(r, 0, 0, SB_IO, false, false);
}

/* The scenario with its fault; closes when closing is part of it. */
static inline void sweep_execute(sweep_run *run)
{
    api_rig *r = &run->rig;
    const sombra_error *told = &r->error;
    run->status = SOMBRA_OK;
    if (!run->scenario->opens) run->status = api_rig_open(r);
    if (run->n != 0) sweep_arm(run);
    if (run->scenario->opens) run->status = api_rig_open(r);
    if (run->status == SOMBRA_OK) {
        run->status = run->scenario->run(r);
        /* A call without a handle tells through the rig's error. */
        if (sombra_error_of(r->conn)->status != SOMBRA_OK) told = sombra_error_of(r->conn);
    }
    (void)snprintf(run->first, sizeof run->first, "%s", told->message);
    if (run->scenario->opens && run->status == SOMBRA_OK) {
        run->status = api_rig_close(r);
        (void)snprintf(run->first, sizeof run->first, "%s", r->error.message);
    }
    sweep_disarm(run);
}

static inline bool sweep_status_allowed(const sweep_run *run)
{
    const sombra_status st = run->status;
    const bool is_memory = sweep_is_memory(run->fault),
               is_io = run->fault == SWEEP_EIO_ONCE || run->fault == SWEEP_EIO_FOR_GOOD;
    if (st == SOMBRA_OK) return true;
    if (is_memory) return st == SOMBRA_NOMEM;
    if (st == SOMBRA_CANT_OPEN) return run->scenario->opens;
    if (is_io) return st == SOMBRA_IO || st == SOMBRA_POISONED;
    return st == SOMBRA_FULL;
}

/* The call that failed left nothing in its transaction, which goes on. */
static inline bool sweep_check_transaction(sweep_run *run)
{
    api_rig *r = &run->rig;
    sombra_verify_result verified;
    if (r->txn == NULL) return true;
    /* What earlier calls of the transaction did stays: only the whole can be checked. */
    if (sombra_verify(r->txn, sweep_tell_finding, NULL, &verified) != SOMBRA_OK)
        return sweep_complain_conn(run, "verify in the transaction");
    if (verified.findings != 0) return sweep_complain(run, "the transaction is damaged", NULL);
    sweep_rollback(r);
    return true;
}

static inline bool sweep_is_poisoned(sweep_run *run, bool *poisoned)
{
    api_rig *r = &run->rig;
    sombra_info info;
    if (sombra_begin(r->conn, SOMBRA_READ, &r->txn) != SOMBRA_OK ||
        sombra_get_info(r->txn, &info) != SOMBRA_OK)
        return sweep_complain_conn(run, "information");
    sweep_rollback(r);
    *poisoned = info.poisoned;
    return true;
}

/* after: the scenario counts as done. */
static inline bool sweep_check_state(sweep_run *run, bool undecided, bool *after, const char *when)
{
    sweep_print now;
    uint64_t findings = 0;
    if (sweep_print_now(&run->rig, &now, &findings) != SOMBRA_OK)
        return sweep_complain_conn(run, when);
    if (findings != 0) return sweep_complain(run, "verify has findings", when);
    const bool is_before = sweep_same(&now, &run->wanted->before),
               is_after = sweep_same(&now, &run->wanted->after);
    if (undecided && (is_before || is_after)) {
        *after = is_after && !is_before;
        return true;
    }
    if (*after ? is_after : is_before) return true;
    return sweep_complain(run, *after ? "what was done is not there" : "something stayed", when);
}

static inline bool sweep_check_marked(sweep_run *run, bool after)
{
    sweep_print now;
    uint64_t findings = 0;
    const sombra_status marked = sweep_mark(&run->rig);
    if (marked != SOMBRA_OK) return sweep_complain_conn(run, "the next commit");
    if (sweep_print_now(&run->rig, &now, &findings) != SOMBRA_OK)
        return sweep_complain_conn(run, "after the next commit");
    if (findings != 0 ||
        !sweep_same(&now, after ? &run->wanted->after_marked : &run->wanted->before_marked))
        return sweep_complain(run, "the next commit shows something else", NULL);
    return true;
}

static inline bool sweep_check_files(sweep_run *run, bool after)
{
    const sweep_scenario *scenario = run->scenario;
    bool exists = false;
    const bool once = run->fault == SWEEP_MEMORY_ONCE || run->fault == SWEEP_EIO_ONCE ||
                      run->fault == SWEEP_ENOSPC_ONCE;
    if (scenario->makes == NULL || (!once && !sweep_is_memory(run->fault))) return true;
    if (run->rig.inner->ops->exists(run->rig.inner, scenario->makes, &exists, NULL) != SB_OK)
        abort();
    return exists == after ||
           sweep_complain(run, "a file is left behind, or missing", scenario->makes);
}

/* Everything is there once more, and nothing is left over. */
static inline bool sweep_check(sweep_run *run)
{
    api_rig *r = &run->rig;
    bool after = run->status == SOMBRA_OK;
    bool poisoned = false;
    if (!sweep_status_allowed(run)) return sweep_complain(run, "this status", NULL);
    if (run->status != SOMBRA_OK && run->first[0] == '\0')
        return sweep_complain(run, "no message", NULL);
    if (!sweep_check_files(run, after) || !sweep_check_transaction(run)) return false;
    if (run->scenario->opens && api_rig_close(r) != SOMBRA_OK)
        return sweep_complain(run, "closing", r->error.message);
    if (api_rig_open(r) != SOMBRA_OK) return sweep_complain(run, "opening", r->error.message);
    const bool undecided = run->scenario->opens && !after; /* closing failed, or never began */
    if (!sweep_check_state(run, undecided, &after, "at once") || !sweep_is_poisoned(run, &poisoned))
        return false;
    if (run->status == SOMBRA_POISONED && !poisoned && !run->scenario->opens)
        return sweep_complain(run, "it is not poisoned", NULL);
    if (!poisoned && !sweep_check_marked(run, after)) return false;
    if (api_rig_close(r) != SOMBRA_OK) return sweep_complain(run, "closing", r->error.message);
    if (api_rig_open(r) != SOMBRA_OK) return sweep_complain(run, "reopening", r->error.message);
    if (poisoned) {
        /* The commit whose sync failed may stand or not; one that was acknowledged before stands. */
        if (!sweep_check_state(run, !after, &after, "reopened")) return false;
        if (!sweep_check_marked(run, after)) return false;
    } else {
        sweep_print now;
        uint64_t findings = 0;
        if (sweep_print_now(r, &now, &findings) != SOMBRA_OK)
            return sweep_complain_conn(run, "reopened");
        if (findings != 0 ||
            !sweep_same(&now, after ? &run->wanted->after_marked : &run->wanted->before_marked))
            return sweep_complain(run, "reopened, it shows something else", NULL);
    }
    if (api_rig_close(r) != SOMBRA_OK)
        return sweep_complain(run, "the last closing", r->error.message);
    if (atomic_load(&r->memory.live_blocks) != 0) return sweep_complain(run, "memory leaks", NULL);
    return true;
}

static inline void sweep_start(sweep_run *run, const sweep_base *base)
{
    const sweep_image *image = run->scenario->from_wal ? &base->killed : &base->closed;
    api_rig_init(&run->rig);
    run->rig.options.durability = run->way->durability;
    run->rig.options.read_mode = run->way->read_mode;
    for (size_t i = 0; i < image->count; i++)
        if (!run->scenario->from_nothing || strcmp(image->names[i], RIG_PATH) != 0)
            sweep_put_file(run->rig.inner, image->names[i], image->bytes[i], image->sizes[i]);
}

/* Run the scenario's n-th fault. False: the report says what is wrong. */
static inline bool sweep_one(sweep_run *run, const sweep_base *base)
{
    sweep_start(run, base);
    sweep_execute(run);
    const bool good = sweep_check(run);
    if (!good) { /* whatever is open still */
        if (run->rig.txn != NULL) sweep_rollback(&run->rig);
        (void)api_rig_close(&run->rig);
    }
    api_rig_deinit(&run->rig);
    return good;
}

/* The states that a scenario's runs must show, from runs without faults. */
static inline bool sweep_learn(const sweep_scenario *scenario, const sweep_way *way,
                               const sweep_base *base, sweep_wanted *wanted)
{
    for (int after = 0; after < 2; after++) {
        sweep_run run = {.scenario = scenario, .way = way};
        sweep_print *plain = after ? &wanted->after : &wanted->before,
                    *marked = after ? &wanted->after_marked : &wanted->before_marked;
        uint64_t findings = 0;
        sweep_start(&run, base);
        if (after) sweep_execute(&run);
        const bool good = run.status == SOMBRA_OK && api_rig_open(&run.rig) == SOMBRA_OK &&
                          sweep_print_now(&run.rig, plain, &findings) == SOMBRA_OK &&
                          findings == 0 && sweep_mark(&run.rig) == SOMBRA_OK &&
                          sweep_print_now(&run.rig, marked, &findings) == SOMBRA_OK &&
                          findings == 0 && api_rig_close(&run.rig) == SOMBRA_OK;
        if (!good) {
            printf("%s without a fault: %s %s\n", scenario->name, run.first, run.rig.error.message);
            return false;
        }
        api_rig_deinit(&run.rig);
    }
    return true;
}

typedef struct sweep_counts {
    uint64_t runs, seen, failures;
} sweep_counts;

/* All faults of one kind: every one when stride is 1, else about one in stride, drawn. */
static inline void sweep_faults(const sweep_scenario *scenario, const sweep_way *way,
                                const sweep_wanted *wanted, sweep_fault fault,
                                const sweep_base *base, sb_random *random, uint64_t stride,
                                sweep_counts *counts)
{
    static sweep_run run;
    for (uint64_t n = 1;; n += stride == 1 ? 1 : 1 + sb_random_below(random, 2 * stride - 1)) {
        memset(&run, 0, sizeof run);
        run.scenario = scenario;
        run.way = way;
        run.wanted = wanted;
        run.fault = fault;
        run.n = n;
        const bool good = sweep_one(&run, base);
        counts->runs++;
        counts->seen += run.status != SOMBRA_OK;
        if (!good) {
            printf("%s\n", run.report);
            if (++counts->failures >= SWEEP_FAILURES_MAX) return;
        }
        if (!run.reached) return;
    }
}

/* All scenarios, or the one named only, opened one way. Ends after a score of failures. */
static inline void sweep_all(const sweep_way *way, const char *only, const sweep_base *base,
                             sb_random *random, uint64_t stride, sweep_counts *counts)
{
    printf("%s:\n", way->name);
    for (size_t i = 0; i < SWEEP_SCENARIOS && counts->failures < SWEEP_FAILURES_MAX; i++) {
        const sweep_scenario *scenario = &sweep_scenarios[i];
        sweep_wanted wanted;
        const sweep_counts before = *counts;
        if (only != NULL && strcmp(only, scenario->name) != 0) continue;
        if (!sweep_learn(scenario, way, base, &wanted)) {
            counts->failures++;
            continue;
        }
        for (unsigned fault = 0; fault < SWEEP_FAULTS && counts->failures < SWEEP_FAILURES_MAX;
             fault++)
            sweep_faults(scenario, way, &wanted, (sweep_fault)fault, base, random, stride, counts);
        printf("  %-18s %6llu faults, %6llu told\n", scenario->name,
               (unsigned long long)(counts->runs - before.runs),
               (unsigned long long)(counts->seen - before.seen));
        (void)fflush(stdout);
    }
}

#endif
