/* csv_priv.h — CSV text: where it comes from, where records end, what cells a row has, what a header says.
 *
 * C1  A record ends at a newline outside quotes. A cell is quoted when its first character (after blanks, with trim) is the
 *     quote; a quote elsewhere is an error of its row, and does not hide a newline. The splitter (sb_csv__last_end) and
 *     the row reader share this rule, so a piece cut by the one is whole rows for the other.
 * C2  Behind the text of a piece lie SB_CSV_PADDING newlines: the row reader looks at eight bytes at a time, and a last
 *     row without a newline ends there. */
#ifndef SB_CSV_PRIV_H
#define SB_CSV_PRIV_H

#include "graph/graph_priv.h"
#include "graph/text_priv.h"

/* ---- input.c: bytes of a file, a pipe or standard input, plain or compressed ------------------------------------ */

typedef struct sb_input sb_input;
/* "-" is standard input. gzip and zstd are recognized by their first bytes; SB_UNSUPPORTED without the library. opened: the
 * file, already open, which is the input's from now on; NULL: open path. */
SB_MUST_CHECK sb_status sb_input__open(const sb_allocator *alloc, sb_vfs *vfs, const char *path,
                                       sb_file *opened, sb_input **input, sb_err *err);
SB_MUST_CHECK sb_status sb_input__open_file(sb_vfs *vfs, const char *path, sb_file **file,
                                            sb_err *err);
/* Fewer than bytes only at the end. SB_SYNTAX: damaged compressed data. */
SB_MUST_CHECK sb_status sb_input__read(sb_input *input, uint8_t *data, size_t bytes, size_t *got,
                                       sb_err *err);
uint64_t sb_input__bytes_read(const sb_input *input);  /* of the file, before decompression */
uint64_t sb_input__bytes_total(const sb_input *input); /* of it; 0: not known, as of a pipe */
void sb_input__close(sb_input *input);                 /* accepts NULL */

/* ---- csv_split.c and csv_row.c ------------------------------------------------------------------------------------ */

typedef struct sb_csv_dialect {
    uint8_t delimiter;
    uint8_t quote; /* 0: none */
    bool trim;     /* blanks and tabs around cells are dropped */
} sb_csv_dialect;

#define SB_CSV_PADDING 8u
/* Longest record: a quote that is never closed shall not make a file of any size be read into memory. */
#define SB_CSV_RECORD_MAX ((size_t)1 << 30)

/* Bytes of the whole records at the front of data; 0: it ends inside the first one. */
size_t sb_csv__last_end(const sb_csv_dialect *dialect, const uint8_t *data, size_t size);
/* How far a text has been searched for it, which is given again with more behind it: each byte is looked at once. Zeroed: not at all. */
typedef struct sb_csv_split {
    size_t at;               /* where to go on */
    size_t plain, plain_end; /* the last stretch outside quotes that holds a newline */
    bool quoted;             /* at lies in a quoted cell */
} sb_csv_split;
size_t sb_csv__last_end_from(const sb_csv_dialect *dialect, sb_csv_split *split,
                             const uint8_t *data, size_t size);
/* The same for the first record alone. */
size_t sb_csv__first_end(const sb_csv_dialect *dialect, const uint8_t *data, size_t size);

typedef struct sb_csv_cell {
    const uint8_t *data; /* of the piece, or arena when quotes were doubled */
    size_t size;
    bool quoted;
} sb_csv_cell;

typedef struct sb_csv_reader {
    const sb_csv_dialect *dialect;
    const uint8_t *pos, *end; /* end: C2 */
    sb_arena *arena;          /* for cells with doubled quotes */
    sb_csv_cell *cells;       /* caller's, of capacity */
    size_t capacity;
    size_t cell_count;        /* of the row; those past capacity are counted, not kept */
    const uint8_t *row;       /* where the row begins */
    size_t row_bytes;         /* without its line end */
    uint32_t line, next_line; /* of the row and behind it, from 0 */
    const char *problem;      /* what is wrong with the row, static; NULL: nothing */
    size_t problem_cell;      /* from 0 */
    sb_csv_watch watch;       /* asked at each MiB of quoted cells, which may be long */
    size_t unasked;           /* bytes of them since then */
    sb_status status;         /* SB_NOMEM (not recorded), or what watch gave */
} sb_csv_reader;
/* The next row that is not empty; false at the end, or when status is not SB_OK. */
bool sb_csv__next_row(sb_csv_reader *reader);

/* ---- csv_header.c --------------------------------------------------------------------------------------------------- */

typedef enum sb_csv_role {
    SB_CSV_PROPERTY,
    SB_CSV_IGNORE,
    SB_CSV_ID,
    SB_CSV_START,
    SB_CSV_END,
    SB_CSV_LABEL,
    SB_CSV_TYPE
} sb_csv_role;

typedef struct sb_csv_column {
    sb_csv_role role;
    bool is_property; /* PROPERTY, or an ID that is kept */
    bool infer;       /* the type is found from the values */
    bool has_type;    /* the header names one */
    bool is_marked;   /* the header says the role, not an option */
    sb_text_type type;
    sb_bytes name;  /* of the property; arena(load) */
    sb_bytes group; /* of ID, START, END; arena(load) */
    uint32_t
        before; /* of properties: the column before it with a name of this hash; SB_CSV_NO_COLUMN */
} sb_csv_column;
#define SB_CSV_NO_COLUMN UINT32_MAX

typedef struct sb_csv_context {
    const sb_bulk_options *options;
    sb_arena *arena; /* arena(load) */
    sb_zones *zones; /* named in headers; they live as long as the columns */
    const sb_allocator *alloc;
    uint64_t seed; /* of hashes */
    /* Called every SB_CSV_TICK_COLUMNS: a failure ends the reading. */
    sb_status (*tick)(void *ctx, sb_err *err);
    void *tick_ctx;
    uint64_t compared; /* pairs of columns so far, which a test counts */
} sb_csv_context;
#define SB_CSV_TICK_COLUMNS 1024u
/* Read the header's cells into columns (count of them, arena). The messages do not name the file; err->column is the cell. */
SB_MUST_CHECK sb_status sb_csv__header(sb_csv_context *context, sb_entity entity,
                                       const sb_csv_cell *cells, size_t count,
                                       sb_csv_column *columns, sb_err *err);

/* ---- export.c and schema_csv.c -------------------------------------------------------------------------------------- */

/* Append a cell, in quotes where it needs them. SB_NOMEM is not recorded. */
SB_MUST_CHECK sb_status sb_csv__put_cell(sb_buffer *out, const uint8_t *text, size_t size);
/* Append the line of one index or constraint; list is scratch. SB_NOMEM is not recorded. */
SB_MUST_CHECK sb_status sb_graph__schema_row(sb_view *view, const sb_schema *schema,
                                             sb_buffer *list, sb_buffer *out);
/* Append the graph's indexes and constraints as a schema file; nothing when there are none (*count 0). */
SB_MUST_CHECK sb_status sb_graph__schema_text(sb_graph *graph, sb_buffer *out, uint64_t *count,
                                              sb_err *err);
/* Make what a schema file says; *count: how many. What fails is told with file and line; what was made before stays. */
SB_MUST_CHECK sb_status sb_graph__schema_read(sb_graph *graph, sb_vfs *vfs, const char *path,
                                              uint64_t *count, sb_err *err);

#endif
