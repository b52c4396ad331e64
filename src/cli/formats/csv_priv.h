/* csv_priv.h — rows of CSV text in dialects that the library's loader does not read: an escape character of its own, no header
 * that says types. */
#ifndef SB_CLI_FORMATS_CSV_PRIV_H
#define SB_CLI_FORMATS_CSV_PRIV_H

#include "cli/formats/formats.h"

typedef struct csv_dialect {
    char delimiter, quote, escape; /* escape: the quote itself, when it is doubled */
} csv_dialect;

typedef struct csv_cell {
    sombra_text text;
    bool quoted;
} csv_cell;

/* Rows of text that ends where a row does. One thread, one row at a time. */
typedef struct csv_rows {
    csv_dialect dialect;
    const char *at, *end;
    uint64_t line; /* of at */
    fmt_arena *arena;
    uint64_t row_line; /* of the row */
    sombra_text row;   /* without its line end */
    csv_cell *cells;   /* until the next row; owned by the caller */
    size_t count, cell_capacity;
} csv_rows;
/* False: the end. */
bool csv_next(csv_rows *rows);

/* The last end of a row in text that grows from call to call. */
typedef struct csv_search {
    csv_dialect dialect;
    size_t seen;
    bool quoted;
    bool skip; /* the next character is escaped */
} csv_search;
/* Bytes up to it; 0: none yet. The next call's text begins there. */
size_t csv_place(csv_search *search, const char *text, size_t size);

#endif
