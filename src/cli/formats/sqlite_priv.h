/* sqlite_priv.h — what the files of the SQLite reader share: the mapping from tables to nodes and relationships. */
#ifndef SB_CLI_FORMATS_SQLITE_PRIV_H
#define SB_CLI_FORMATS_SQLITE_PRIV_H

#include <sqlite3.h>

#include "cli/formats/json_priv.h"

typedef struct lite_texts {
    sombra_text *items;
    size_t count, capacity;
} lite_texts;

typedef struct lite_column {
    sombra_text column, key;
    char type[24]; /* "": what SQLite stores */
} lite_column;
typedef struct lite_columns {
    lite_column *items;
    size_t count, capacity;
} lite_columns;

/* How texts of a column are compared. */
typedef enum lite_fold { LITE_AS_IS, LITE_NOCASE, LITE_RTRIM } lite_fold;

/* Columns by which relationships find a node: those of its id, or others whose values are unique. */
typedef struct lite_id {
    sombra_text group;
    const lite_texts *columns;
    const lite_fold *folds; /* of each column */
} lite_id;

typedef struct lite_nodes {
    sombra_text table;
    lite_texts labels, id;  /* columns of the id */
    const lite_fold *folds; /* of the id's columns */
    lite_columns properties;
    lite_id *other_ids; /* that ends of relationships refer to */
    size_t other_count, other_capacity;
    const char *said_at; /* in the text of a mapping, while that is read */
} lite_nodes;

typedef struct lite_rels {
    sombra_text table, type;
    sombra_text ends[2];  /* tables of nodes */
    lite_texts keys[2];   /* columns that hold their ids, or: */
    lite_texts refers[2]; /* the values of these columns of theirs; empty: their ids */
    sombra_text groups[2];
    const lite_fold *folds[2];
    lite_columns properties;
    const char *said_at; /* as of nodes */
} lite_rels;

typedef struct lite {
    fmt_loader *loader;
    const char *path;
    sqlite3 *db;
    fmt_error *error;     /* where failures go: the loader's, or that of the records at hand */
    fmt_records *records; /* where values go */
    fmt_arena arena;      /* names */
    lite_nodes *nodes;
    size_t node_count, node_capacity;
    lite_rels *rels;
    size_t rel_count, rel_capacity;
} lite;

typedef struct lite_foreign_key {
    sombra_text table;
    lite_texts from, to;
    bool resolved; /* `to` are columns of a table that is there, whose values are unique */
    bool kept;     /* some rows have a part of it, which makes no relationship */
} lite_foreign_key;
typedef struct lite_table {
    sombra_text name;
    lite_texts names, declared, primary; /* columns, their types, the key's in its order */
    lite_foreign_key *keys;
    size_t key_count, key_capacity;
    bool referenced;
    bool is_join; /* its rows are relationships */
} lite_table;

/* ---- sqlite.c ---------------------------------------------------------------------------------------------------- */

sombra_text lite_keep(lite *r, const void *text, size_t size);
sombra_text lite_column_text(lite *r, sqlite3_stmt *stmt, int at); /* of a name */
void lite_add_text(lite_texts *list, sombra_text text);
bool lite_same(sombra_text a, sombra_text b); /* as names: case does not matter */
/* What SQLite calls a row's number; a column of that name hides it. */
#define LITE_ROW_NAMES 3u
sombra_text lite_row_name(size_t i);
bool lite_has(const lite_texts *list, sombra_text text);
sombra_status lite_fail(lite *r); /* SQLite's last error */
void lite_put_identifier(fmt_buffer *out, sombra_text name);
/* argument: of ?1; may be empty. */
sombra_status lite_prepare(lite *r, const char *sql, size_t size, sombra_text argument,
                           sqlite3_stmt **stmt);
sombra_status lite_read_columns(lite *r, lite_table *t);
/* Has a table an index under which values of these columns that are equal are there once? folds: equal as each column's entry says; NULL:
 * as the index does. */
sombra_status lite_is_unique(lite *r, sombra_text table, const lite_texts *columns,
                             const lite_fold *folds, bool *unique);
void lite_free_table(lite_table *t);
/* The value of a result column as a type, or as it is stored; texts and bytes are SQLite's own until the next step. */
bool lite_read_value(lite *r, sqlite3_stmt *stmt, int at, const char *type, sombra_value *value,
                     const char **why);
lite_nodes *lite_find_nodes(const lite *r, sombra_text table);
void lite_add_column(lite_columns *list, sombra_text column, const char *type);
lite_rels *lite_new_rel(lite *r, sombra_text table, sombra_text type);

/* ---- sqlite_propose.c, sqlite_mapping.c -------------------------------------------------------------------------- */

sombra_status lite_propose(lite *r);
sombra_status lite_put_mapping(lite *r, FILE *file);
sombra_status lite_read_mapping(lite *r, const char *path);

#endif
