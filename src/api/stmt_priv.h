/* stmt_priv.h — a prepared statement's handle, and values of queries both ways. */
#ifndef SB_STMT_PRIV_H
#define SB_STMT_PRIV_H

#include "api/api_priv.h"
#include "cypher/cypher.h"

typedef enum stmt_state { STMT_READY, STMT_RUNNING, STMT_ENDED } stmt_state;

struct sombra_stmt {
    sombra_conn *conn;
    sb_cypher_statement *inner; /* owned */
    sombra_stmt *next;          /* in the connection's list of idle ones, or of those that run */
    sb_buffer
        source; /* the text that it was prepared from, for finding it again; empty: not remembered */
    uint64_t hash; /* of source */
    sb_statement_kind kind;
    sb_explain explains;
    bool writes;
    stmt_state state;
    bool automatic;          /* runs in a transaction that statements opened */
    uint64_t number;         /* of the run's transaction */
    uint32_t savepoint;      /* of the run, in a transaction of the caller's; 0: none */
    uint64_t seen;           /* the connection's statements.undoable when rows were last made */
    uint32_t mark;           /* savepoint of one transaction of CALL { } IN TRANSACTIONS */
    uint32_t row, row_count; /* in the current batch */
    sb_arena *arena;         /* owned: values given out, until the next call */
    bool made;               /* there may be some in it */
    size_t column_count;
    uint32_t next_param; /* behind the one that was last bound by name */
    sb_buffer text;      /* plan */
    sb_buffer notes;     /* what the run has changed so far, for the change hook */
    size_t marked_notes; /* bytes of them at the mark */
    sombra_told told;    /* of the run */
    struct sombra_arrow_stream
        *arrow;        /* that takes the rows of this run; NULL: they are stepped through */
    size_t idle_bytes; /* that its run keeps for the next one, while it is idle */
};

/* ---- The run, for the stream that takes its rows (arrow.c); what fails is recorded on the connection ---------------- */

/* MISUSE: the statement has been stepped past a batch's first row and not reset. */
SB_MUST_CHECK sb_status sombra__stmt_check_ready(sombra_stmt *stmt);
/* Can it go on? MISUSE: it has ended, or its transaction has. */
SB_MUST_CHECK sb_status sombra__stmt_check(sombra_stmt *stmt);
/* BEGIN, COMMIT or ROLLBACK. */
bool sombra__stmt_is_control(const sombra_stmt *stmt);
/* The next rows, *rows 0 behind the last; the first call begins the run. Between sombra__run_begin and end. */
SB_MUST_CHECK sb_status sombra__stmt_rows(sombra_stmt *stmt, uint32_t *rows);
/* A column of them, valid until the next call. */
struct sb_vector sombra__stmt_vector(const sombra_stmt *stmt, uint32_t column, sb_val *plan);
/* Masks of sb_kind: of a column's values, and of the items of lists. */
void sombra__stmt_column_kinds(const sombra_stmt *stmt, uint32_t column, uint32_t *kinds,
                               uint32_t *items);
/* End the run: whole, or undone. */
sb_status sombra__stmt_end(sombra_stmt *stmt, bool whole);
/* Ready to run again, as sombra_stmt_reset leaves it. */
sb_status sombra__stmt_reset(sombra_stmt *stmt);

/* ---- Values ------------------------------------------------------------------------------------------------------------ */

/* Values with lists and maps deeper than this are SB_LIMIT. */
#define SOMBRA_VALUE_DEPTH_MAX 100u

/* Made in arena, but texts and bytes, which stay borrowed. SB_INVALID: not UTF-8, out of its range; SB_TYPE_MISMATCH: no such type; SB_LIMIT. */
SB_MUST_CHECK sb_status sombra__val_from_public(sb_arena *arena, const sombra_value *value,
                                                sb_val *v, sb_err *err);
/* A value that nothing has to be made for. False: it is of another kind, and value may have been written to. */
bool sombra__val_plain(sb_val v, sombra_value *value);
SB_MUST_CHECK sb_status sombra__val_to_public(sb_arena *arena, sb_val v, sombra_value *value,
                                              sb_err *err);

#endif
