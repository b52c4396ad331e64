/* api_rows.h — what a statement gives, as one text: values with '|' between them, rows with a blank. */
#ifndef TESTS_API_ROWS_H
#define TESTS_API_ROWS_H

#include "support/api_fixture.h"

static inline size_t put_value(char *out, size_t room, const sombra_value *value)
{
    size_t size = 0;

    if (value->type == SOMBRA_TYPE_NULL) return (size_t)snprintf(out, room, "null");
    if (value->type == SOMBRA_TYPE_LIST) {
        size_t at = (size_t)snprintf(out, room, "[");
        for (size_t i = 0; i < value->as.list.count; i++) {
            if (i != 0) at += (size_t)snprintf(out + at, room - at, ",");
            at += put_value(out + at, room - at, &value->as.list.items[i]);
        }
        return at + (size_t)snprintf(out + at, room - at, "]");
    }
    assert_int_equal(sombra_value_to_string(value, out, room, &size), SOMBRA_OK);
    assert_true(size < room);
    out[size] = '\0';
    return size;
}

/* Runs a statement and writes its rows: values with '|' between them, rows with a blank. The first failure. */
static inline sombra_status rows_of(api_fixture *f, const char *query, char *out, size_t room)
{
    sombra_stmt *stmt;
    sombra_status status = sombra_prepare(f->conn, query, SOMBRA_NUL_TERMINATED, &stmt, NULL);
    size_t at = 0;

    out[0] = '\0';
    if (status != SOMBRA_OK) return status;
    while ((status = sombra_stmt_step(stmt)) == SOMBRA_ROW) {
        if (at != 0) at += (size_t)snprintf(out + at, room - at, " ");
        for (size_t i = 0; i < sombra_stmt_column_count(stmt); i++) {
            sombra_value value;
            OK(f, sombra_stmt_column(stmt, i, &value));
            if (i != 0) at += (size_t)snprintf(out + at, room - at, "|");
            at += put_value(out + at, room - at, &value);
        }
    }
    sombra_stmt_finalize(stmt);
    return status == SOMBRA_DONE ? SOMBRA_OK : status;
}

static inline void gives(api_fixture *f, const char *query, const char *expected)
{
    char rows[4000];
    const sombra_status status = rows_of(f, query, rows, sizeof rows);

    if (status != SOMBRA_OK) print_error("%s\n", sombra_error_of(f->conn)->message);
    assert_int_equal(status, SOMBRA_OK);
    if (strcmp(rows, expected) != 0) print_error("%s\n", query);
    assert_string_equal(rows, expected);
}

static inline void refused(api_fixture *f, const char *query, sombra_status status,
                           const char *part)
{
    char rows[4000];

    FAILS(f, rows_of(f, query, rows, sizeof rows), status, part);
}

#endif
