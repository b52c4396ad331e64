/* formats.h — the formats that the command imports and exports beside CSV, and what they share.
 * A reader turns pieces of a file into records of nodes and relationships, on threads of its own (pipeline.c); the calling one
 * gives them in the order of the file to a loader, which checks ids and ends, gathers typed batches (sombra_create_nodes,
 * sombra_create_rels) and commits: once, or every so many records. So a load does not depend on the number of threads. A writer
 * walks the graph and writes each entity. All of it stands on sombra.h alone.
 *
 * F1  Memory is bounded by about 128 MiB of batches, 64 MiB of pieces, one record, and 16 bytes for each external id that is a
 *     number, 60 and its length for others. Relationships whose ends are not known yet wait in a temporary file.
 * F2  Input is hostile: each length, depth and count is checked, and every error names file, line and, where it is known,
 *     column and value.
 * F3  What the operating system has no memory for ends the program (exit code 8): this is the command, not the library. The
 *     database is then as it was at the last commit. */
#ifndef SB_CLI_FORMATS_H
#define SB_CLI_FORMATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "sombra.h"

/* Longest record: a line of JSON, an element of XML with all that is in it, a row of CSV. */
#define FMT_RECORD_MAX ((size_t)1 << 30)

/* ---- support.c: memory, tables, texts ------------------------------------------------------------------------ */

/* p, or the end of the program when it is NULL (F3). */
void *fmt_need(void *p);
void *fmt_grow(void *array, size_t *capacity, size_t wanted, size_t item_bytes);

/* Blocks that are freed together. Zeroed: empty. */
typedef struct fmt_arena {
    struct fmt_block *blocks; /* newest first */
    size_t bytes;             /* of all blocks */
} fmt_arena;
void *fmt_arena_alloc(fmt_arena *arena, size_t bytes);
sombra_text fmt_arena_text(fmt_arena *arena, const void *data, size_t bytes); /* and a NUL */
void fmt_arena_reset(fmt_arena *arena);                                       /* keeps one block */
void fmt_arena_free(fmt_arena *arena);
/* A value and all that it points at. */
sombra_value fmt_value_copy(fmt_arena *arena, const sombra_value *value);

/* 64-bit keys to values that are not 0. Zeroed: empty. */
typedef struct fmt_map {
    struct fmt_map_entry *entries;
    size_t count, capacity;
} fmt_map;
uint64_t fmt_map_get(const fmt_map *map, uint64_t key); /* 0: none */
void fmt_map_put(fmt_map *map, uint64_t key, uint64_t value);
/* Each in no order, from *at 0 on; false: no more. */
bool fmt_map_next(const fmt_map *map, size_t *at, uint64_t *key, uint64_t *value);
void fmt_map_free(fmt_map *map);

/* Texts, numbered from 0 in order of their first appearance. Zeroed: empty. */
typedef struct fmt_names {
    sombra_text *texts;
    uint64_t *hashes;
    size_t count, capacity, hash_capacity;
    uint32_t *slots; /* number + 1 */
    size_t slot_count;
    fmt_arena arena;
} fmt_names;
uint32_t fmt_names_add(fmt_names *names, const void *data, size_t bytes);
uint32_t fmt_names_find(const fmt_names *names, const void *data,
                        size_t bytes); /* UINT32_MAX: none */
void fmt_names_free(fmt_names *names);

/* A growing text. Zeroed: empty. */
typedef struct fmt_buffer {
    char *data;
    size_t size, capacity;
} fmt_buffer;
void fmt_put(fmt_buffer *out, const void *data, size_t bytes);
void fmt_puts(fmt_buffer *out, const char *text);
void fmt_printf(fmt_buffer *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

bool fmt_utf8_valid(const void *data, size_t bytes);
/* Blanks for what a terminal would obey, but for line ends and tabs: C0, DEL, C1 in UTF-8, and the characters that turn the direction of text. */
void fmt_blank_controls(char *text, size_t bytes);
/* Write text of JSON, Cypher or XML, none of which has such characters but in strings and names. A terminal gets an escape for each, which means
 * the same (but in names of Cypher, which have none: there it shows what they hold). False: errno says why. */
bool fmt_write(FILE *file, const char *text, size_t bytes, bool xml);
static inline bool fmt_is(sombra_text text, const char *word)
{
    return strlen(word) == text.size && memcmp(word, text.data, text.size) == 0;
}
static inline sombra_text fmt_text(const char *text, size_t bytes)
{
    return (sombra_text){text, bytes};
}

/* ---- Errors --------------------------------------------------------------------------------------------------- */

typedef struct fmt_error {
    sombra_status status;
    char text[1024];
} fmt_error;
/* Records the first one; returns status. */
sombra_status fmt_fail(fmt_error *error, sombra_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same of a file that could not be opened, as errno says: SOMBRA_NOT_FOUND when there is none. */
sombra_status fmt_fail_open(fmt_error *error, const char *path);

/* ---- input.c: bytes of a file, a pipe or standard input, plain or compressed --------------------------------------- */

typedef struct fmt_input fmt_input;
/* "-" is standard input. gzip and zstd are recognized by their first bytes. NULL: recorded. */
fmt_input *fmt_input_open(const char *path, fmt_error *error);
/* Fewer than bytes only at the end. */
sombra_status fmt_input_read(fmt_input *input, void *data, size_t bytes, size_t *got,
                             fmt_error *error);
uint64_t
fmt_input_done(const fmt_input *input); /* bytes of the file so far, before decompression */
uint64_t fmt_input_total(const fmt_input *input); /* 0: not known */
void fmt_input_close(fmt_input *input);           /* accepts NULL */

/* ---- Records ---------------------------------------------------------------------------------------------------------------- */

typedef struct fmt_prop {
    sombra_text key;
    sombra_value value; /* NULL typed: absent */
} fmt_prop;
/* An external id. Ids are compared as texts within their group. */
typedef struct fmt_id {
    sombra_text group, text;
} fmt_id;
typedef struct fmt_node {
    fmt_id id;
    bool has_id;
    const fmt_id *other_ids; /* by which relationships may refer to it, too */
    size_t other_id_count;
    const sombra_text *labels;
    size_t label_count;
    const fmt_prop *props;
    size_t prop_count;
} fmt_node;
typedef struct fmt_rel {
    sombra_text type;
    fmt_id ends[2]; /* source, target */
    const fmt_prop *props;
    size_t prop_count;
} fmt_rel;

typedef struct fmt_options {
    sombra_conn *conn;
    bool dry_run; /* nothing is written: what there is is counted */
    bool skip_duplicate_ids, skip_missing_endpoints;
    uint64_t batch;   /* records of one transaction; 0: all of them */
    unsigned threads; /* that read; 0: as many as there are cores; 1: the one that loads */
    FILE *rejects;    /* records that are wrong go there; NULL: the first one ends the load */
    uint64_t max_rejects;
    const char *label, *type; /* of entities that the file gives none; may be NULL */
    const char
        *mapping;   /* of SQLite: the file that says what tables become; NULL: as is proposed */
    FILE *proposal; /* of SQLite: the mapping is written here, and nothing loaded; NULL */
    bool quiet;     /* no notes on standard error */
    bool (*tick)(void *ctx, uint64_t done, uint64_t total); /* false: cancel. May be NULL */
    void *tick_ctx;
} fmt_options;
typedef struct fmt_result {
    uint64_t nodes, rels, properties, skipped, rejected, bytes, schemas, commits;
} fmt_result;

/* ---- records.c: what a reader has found in a part of a file ------------------------------------------------------------ */

/* An index or constraint: made when all is loaded. kind … as in schema.csv (docs/IMPORT.md). */
typedef struct fmt_schema {
    sombra_text kind, name, on;
    bool on_rels;
    const sombra_text *keys;
    size_t key_count;
    const sombra_text *types;
    size_t type_count;
} fmt_schema;

typedef struct fmt_value_reader fmt_value_reader;
/* Records in the order of the file, and what is wrong with some. What they point at is in arena, or lives as long. One thread
 * at a time. Zeroed: empty. */
typedef struct fmt_records {
    fmt_arena arena;
    const char *path;
    struct fmt_record *items;
    size_t count, capacity;
    fmt_error error; /* behind the records: ends the load */
    /* Where what is added next stands: the line (from 1), and the text for the rejects, NULL when it is not known. */
    uint64_t line;
    const char *raw;
    size_t raw_bytes;
    fmt_value_reader *values; /* NULL until a value needs it */
} fmt_records;
void fmt_records_reset(fmt_records *records); /* keeps its memory */
void fmt_records_free(fmt_records *records);
void fmt_records_at(fmt_records *records, uint64_t line, const char *raw, size_t raw_bytes);
void fmt_add_node(fmt_records *records, const fmt_node *node);
void fmt_add_rel(fmt_records *records, const fmt_rel *rel);
void fmt_add_schema(fmt_records *records, const fmt_schema *schema);
/* The record at hand is wrong, and is no record. column: from 1, or 0; where, value: what is wrong (a property's name, say),
 * and its text; may be empty. */
void fmt_add_bad(fmt_records *records, sombra_status status, uint64_t column, sombra_text where,
                 sombra_text value, const char *format, ...) __attribute__((format(printf, 6, 7)));
/* Something that the user should know of the record at hand, which goes on. text: static. */
void fmt_add_note(fmt_records *records, const char *text);
/* A failure that is no record's, with the place: nothing is added any more. */
sombra_status fmt_records_broken(fmt_records *records, sombra_status status, uint64_t column,
                                 const char *format, ...) __attribute__((format(printf, 4, 5)));
/* A value from a text of a type that a CSV header could name: strings are the text itself, all else is in arena. False: *why
 * tells. */
bool fmt_value_of(fmt_records *records, const char *type, sombra_text text, sombra_value *value,
                  const char **why);

/* ---- loader.c: records to a graph ------------------------------------------------------------------------------------- */

typedef struct fmt_loader fmt_loader;
/* Begins a write transaction. NULL: recorded. */
fmt_loader *fmt_loader_open(const fmt_options *options, fmt_error *error);
sombra_status fmt_load_records(fmt_loader *loader, const fmt_records *records);
/* What the next calls are about: the record of a file that begins at line (from 1). raw: as it stands in the file, for the
 * rejects, borrowed; NULL: not known. */
void fmt_at(fmt_loader *loader, const char *path, uint64_t line, const char *raw, size_t raw_bytes);
/* The record at hand is wrong: SOMBRA_OK when it has been put with the rejects, else the status, recorded. Otherwise as
 * fmt_add_bad. */
sombra_status fmt_bad(fmt_loader *loader, sombra_status status, uint64_t column, sombra_text where,
                      sombra_text value, const char *format, ...)
    __attribute__((format(printf, 6, 7)));
/* A failure that is no record's: recorded, with the place. */
sombra_status fmt_broken(fmt_loader *loader, sombra_status status, uint64_t column,
                         const char *format, ...) __attribute__((format(printf, 4, 5)));
sombra_status fmt_load_node(fmt_loader *loader, const fmt_node *node);
sombra_status fmt_load_rel(fmt_loader *loader, const fmt_rel *rel);
sombra_status fmt_load_schema(fmt_loader *loader, const fmt_schema *schema);
/* What a reader has made in the loader's transaction by itself, and the end of a batch of that. */
void fmt_count(fmt_loader *loader, uint64_t nodes, uint64_t rels, uint64_t properties);
/* The same of indexes and constraints; one that was there before may be dropped, too. */
void fmt_count_schemas(fmt_loader *loader, uint64_t made, uint64_t dropped);
sombra_status fmt_loader_commit(fmt_loader *loader);
/* Before a reader looks at the graph by itself: what is gathered is written. */
sombra_status fmt_loader_settle(fmt_loader *loader);
/* Ids of the groups whose names begin so are of no node any more. */
void fmt_loader_forget(fmt_loader *loader, sombra_text begin);
/* The node with an id, for fmt_load_rel_between and as long as no ids are forgotten; 0: there is none. */
uint64_t fmt_loader_find(fmt_loader *loader, const fmt_id *id);
/* The same of ids that are numbers below FMT_NUMBERS: nodes take their places. False: one has none. */
#define FMT_NUMBERS ((uint64_t)1000000000000000000)
bool fmt_loader_find_numbers(fmt_loader *loader, sombra_text group, uint64_t *ids, size_t count);
sombra_status fmt_load_rel_between(fmt_loader *loader, sombra_text type, const uint64_t ends[2],
                                   const fmt_prop *props, size_t count);
/* The nodes with ids of a group get a label, and their id as property: an integer, or a string. */
sombra_status fmt_loader_mark(fmt_loader *loader, sombra_text group, bool integers,
                              sombra_text label, sombra_text key);
/* Has no node the label, and no index sees label or key but a constraint that nodes of the label differ in the key? */
bool fmt_loader_is_unused(fmt_loader *loader, sombra_text label, sombra_text key);
/* Is there a constraint by which at most one node with the label has a value of the key? */
bool fmt_loader_is_unique(fmt_loader *loader, sombra_text label, sombra_text key);
void fmt_note(const fmt_loader *loader, const char *text);
/* Look at the clock and the cancel flag; done and total of the progress. */
sombra_status fmt_tick(fmt_loader *loader, uint64_t done, uint64_t total);
/* Relationships that wait, batches, schemas, commit. With dry_run nothing is committed. */
sombra_status fmt_loader_finish(fmt_loader *loader, fmt_result *result);
/* What a dry run has found: labels and types with their properties and the types of these, one a line; or as JSON, a list. */
void fmt_loader_survey(const fmt_loader *loader, bool json, fmt_buffer *out);
fmt_error *fmt_loader_error(fmt_loader *loader);
const fmt_options *fmt_loader_options(const fmt_loader *loader);
/* Rolls back what is not committed; counts so far into result when it is not NULL. */
void fmt_loader_close(fmt_loader *loader, fmt_result *result);

/* ---- pipeline.c: threads that read, while the calling one loads ------------------------------------------------------------ */

/* A part of a file. */
typedef struct fmt_piece {
    char *text; /* for readers of text */
    size_t size, capacity;
    uint64_t line;   /* of text, from 1 */
    uint64_t column; /* characters in front of text on its first line; XML alone needs it */
    uint64_t number; /* from 0 */
    bool last;
    uint64_t done, total; /* the progress behind it */
    fmt_records records;
    void *state; /* of the reader; kept from piece to piece */
} fmt_piece;
typedef struct fmt_steps {
    /* One thread at a time, in order: the next part of the file into an empty piece; last is set when nothing follows, and
     * behind an error. */
    void (*cut)(void *ctx, fmt_piece *piece);
    /* Any thread: its text to records. NULL when cut has made them. */
    void (*parse)(void *ctx, fmt_piece *piece);
    void (*free_state)(void *state); /* may be NULL */
} fmt_steps;
typedef struct fmt_pipeline fmt_pipeline;
fmt_pipeline *fmt_pipeline_open(fmt_loader *loader, const fmt_steps *steps, void *ctx);
/* The next piece in order, when it is parsed, until fmt_pipeline_release. NULL: there is none, or the load was cancelled
 * (recorded). */
fmt_piece *fmt_pipeline_next(fmt_pipeline *pipeline);
void fmt_pipeline_release(fmt_pipeline *pipeline);
/* Wait until no thread parses a piece. */
void fmt_pipeline_rest(fmt_pipeline *pipeline);
void fmt_pipeline_close(fmt_pipeline *pipeline);
/* All pieces into the loader. */
sombra_status fmt_pipeline_run(fmt_loader *loader, const fmt_steps *steps, void *ctx);

/* Cuts an input's text where a record ends. Zeroed but for input, path and the functions. */
typedef struct fmt_cutter {
    fmt_input *input;
    const char *path;
    const char *too_long; /* message when a record is longer than FMT_RECORD_MAX */
    /* Bytes up to the last place where the text may be cut; 0: there is none yet. Called again with more of the same text. */
    size_t (*place)(void *ctx, const char *text, size_t size);
    void *ctx;
    fmt_buffer rest; /* behind the last cut */
    uint64_t lines;  /* before it */
    bool begun;
} fmt_cutter;
/* A byte-order mark is left out. */
void fmt_cut(fmt_cutter *cutter, fmt_piece *piece);
void fmt_cutter_close(fmt_cutter *cutter);
uint64_t fmt_count_lines(const char *text, size_t size); /* ends of lines */

/* ---- walk.c: a graph to records ------------------------------------------------------------------------------------------ */

typedef struct fmt_walk {
    sombra_conn *conn;
    sombra_txn *txn;
    bool (*tick)(void *ctx, uint64_t done, uint64_t total);
    void *tick_ctx;
    uint64_t done, total; /* of the progress */
    uint64_t entities;    /* walked; a writer that walks twice sets it back */
    fmt_error *error;
} fmt_walk;
/* Each node, and each relationship, in order of id. What visit returns ends the walk unless it is SOMBRA_OK. */
sombra_status fmt_each_node(fmt_walk *walk, sombra_status (*visit)(void *ctx, const sombra_node *),
                            void *ctx);
sombra_status fmt_each_rel(fmt_walk *walk, sombra_status (*visit)(void *ctx, const sombra_rel *),
                           void *ctx);
/* Do the ends of a relationship exist? One that leads nowhere (trusted_endpoints, and a wrong promise) could be written, but not be read back: fails. */
sombra_status fmt_check_ends(sombra_conn *conn, sombra_txn *txn, const sombra_rel *rel,
                             fmt_error *error);
sombra_status fmt_walk_begin(fmt_walk *walk); /* total */
sombra_text fmt_name(fmt_walk *walk, sombra_name_kind kind, uint32_t id);
/* Name of a value's type as a CSV header has it: "int", "date", "string[]", "any[]" for a list of several or none. */
void fmt_type_name(const sombra_value *value, char name[24]);
/* The value as a CSV cell has it, appended. */
sombra_status fmt_put_value(fmt_walk *walk, fmt_buffer *out, const sombra_value *value);

/* A file being written; it must not exist before. */
typedef struct fmt_output {
    FILE *file;
    const char *path; /* "-": standard output */
    bool made, xml;
    uint64_t bytes;
    fmt_buffer buffer; /* not yet written */
} fmt_output;
sombra_status fmt_output_open(fmt_output *out, const char *path, fmt_error *error);
/* Write the buffer when it has grown large. */
sombra_status fmt_output_flush(fmt_output *out, bool all, fmt_error *error);
/* failed: what was made is removed. */
sombra_status fmt_output_close(fmt_output *out, bool failed, fmt_error *error);

/* ---- The formats ------------------------------------------------------------------------------------------------------------ */

/* Each reads a whole file into the loader; SOMBRA_OK, or recorded in the loader's error. */
typedef sombra_status (*fmt_reader)(fmt_loader *loader, const char *path);
sombra_status fmt_read_jsonl(fmt_loader *loader, const char *path);
sombra_status fmt_read_graphml(fmt_loader *loader,
                               const char *path); /* UNSUPPORTED without Expat */
sombra_status fmt_read_gexf(fmt_loader *loader, const char *path);
sombra_status fmt_read_cypher(fmt_loader *loader, const char *path);
sombra_status fmt_read_kuzu(fmt_loader *loader, const char *path); /* a folder */
sombra_status fmt_read_sqlite(fmt_loader *loader,
                              const char *path); /* UNSUPPORTED without SQLite */

typedef sombra_status (*fmt_writer)(fmt_walk *walk, fmt_output *out);
sombra_status fmt_write_jsonl(fmt_walk *walk, fmt_output *out);
sombra_status fmt_write_graphml(fmt_walk *walk, fmt_output *out);
sombra_status fmt_write_gexf(fmt_walk *walk, fmt_output *out);

#endif
