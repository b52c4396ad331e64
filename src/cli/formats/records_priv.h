/* records_priv.h — what records look like between a reader and the loader. */
#ifndef SB_CLI_FORMATS_RECORDS_PRIV_H
#define SB_CLI_FORMATS_RECORDS_PRIV_H

#include <stdarg.h>

#include "cli/formats/formats.h"

typedef enum fmt_record_kind { FMT_NODE, FMT_REL, FMT_SCHEMA, FMT_BAD, FMT_NOTE } fmt_record_kind;

typedef struct fmt_problem {
    sombra_status status;
    uint64_t column;
    sombra_text where, value;
    const char *why;
} fmt_problem;

typedef struct fmt_record {
    fmt_record_kind kind;
    uint64_t line;
    const char *raw;
    size_t raw_bytes;
    union {
        fmt_node node;
        fmt_rel rel;
        const fmt_schema *schema;
        const fmt_problem *problem;
        const char *note;
    } as;
} fmt_record;

/* "standard input" for "-". */
const char *fmt_path_name(const char *path);
/* "FILE, line 7, column 3 (name)" */
void fmt_put_place(fmt_buffer *out, const char *path, uint64_t line, uint64_t column,
                   sombra_text where);
/* Sets the error to that place and what the format says is wrong there; returns status. */
sombra_status fmt_fail_at(fmt_error *error, sombra_status status, const char *path, uint64_t line,
                          uint64_t column, const char *format, va_list list)
    __attribute__((format(printf, 6, 0)));

#endif
