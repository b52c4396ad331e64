/* csv_priv.h — rows of CSV text in dialects that the library's loader does not read: an escape character of its own, no header
 * that says types. One thread, one row at a time. */
#ifndef SB_CLI_FORMATS_CSV_PRIV_H
#define SB_CLI_FORMATS_CSV_PRIV_H

#include "cli/formats/formats.h"

typedef struct csv_cell {
    sombra_text text;
    bool quoted;
} csv_cell;
typedef struct csv_rows {
    fmt_loader *loader;
    fmt_input *input;
    const char *path;
    char delimiter, quote, escape; /* escape: the quote itself, when it is doubled */
    char *data;
    size_t at, size, capacity; /* text that has been read: [at, size) is not taken */
    bool ended;
    uint64_t line; /* behind the row */
    fmt_arena arena;
    csv_cell *cells; /* of the row, until the next one */
    size_t count, cell_capacity;
} csv_rows;

/* NULL input afterwards: recorded. Zeroed but for loader, path and the three characters. */
sombra_status csv_open(csv_rows *rows);
/* *more false: the end. fmt_at has been called for the row. */
sombra_status csv_next(csv_rows *rows, bool *more);
void csv_close(csv_rows *rows);

#endif
