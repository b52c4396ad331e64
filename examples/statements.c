/* statements.c — queries from a program: prepared once and run many times, in a transaction of one's own, with a function of one's own.
 *
 *     cc statements.c $(pkg-config --cflags --libs sombra) -o statements && ./statements g.sombra */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sombra.h>

static void fail(const sombra_error *error)
{
    fprintf(stderr, "%s\n",
            error->message); /* with the line of the query and a caret below the place */
    exit(1);
}

/* A function for queries: initials('Ada Lovelace') is 'AL'. */
static sombra_status initials(sombra_call *call)
{
    const sombra_value *name = sombra_call_arg(call, 0);
    char letters[16];
    size_t count = 0;

    if (name->type == SOMBRA_TYPE_NULL) return SOMBRA_OK; /* no result: null */
    const char *text = name->as.bytes.data;
    for (size_t i = 0; i < name->as.bytes.size && count < sizeof letters; i++)
        if (text[i] != ' ' && (i == 0 || text[i - 1] == ' ')) letters[count++] = text[i];
    sombra_value result = sombra_string(letters, count);
    return sombra_call_result(call, &result);
}

/* Statements without parameters and rows. */
static void run(sombra_conn *conn, const char *text)
{
    sombra_stmt *stmt;

    if (sombra_prepare(conn, text, SOMBRA_NUL_TERMINATED, &stmt, NULL)) fail(sombra_error_of(conn));
    if (sombra_stmt_step(stmt) != SOMBRA_DONE) fail(sombra_error_of(conn));
    sombra_stmt_finalize(stmt);
}

static int print_friends(const char *path)
{
    sombra_db *db;
    sombra_conn *conn;
    sombra_stmt *stmt;
    sombra_error error;
    sombra_value value;
    if (sombra_open(path, NULL, &db, &error)) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    sombra_connect(db, &conn, &error);
    sombra_prepare(conn, "MATCH (:Person {name: $name})-[:KNOWS]->(p) RETURN p.name",
                   SOMBRA_NUL_TERMINATED, &stmt, NULL);
    value = sombra_string("Ada Lovelace", 12);
    sombra_stmt_bind(stmt, "name", &value);
    while (sombra_stmt_step(stmt) == SOMBRA_ROW) {
        sombra_stmt_column(stmt, 0, &value);
        printf("%.*s\n", (int)value.as.bytes.size, (const char *)value.as.bytes.data);
    }
    sombra_stmt_finalize(stmt);
    sombra_disconnect(conn);
    return sombra_close(db, &error) == SOMBRA_OK ? 0 : 1;
}

static void insert_many(sombra_conn *conn)
{
    static const char *const names[] = {"Ada Lovelace", "Charles Babbage", "Mary Somerville"};
    sombra_txn *txn;
    sombra_stmt *stmt;

    /* Three statements, one commit: one sync of the disk, and all or nothing. */
    if (sombra_begin(conn, SOMBRA_WRITE, &txn)) fail(sombra_error_of(conn));
    if (sombra_prepare(conn,
                       "MERGE (p:Person {name: $name}) ON CREATE SET p.initials = initials($name)",
                       SOMBRA_NUL_TERMINATED, &stmt, NULL))
        fail(sombra_error_of(conn));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        sombra_value name = sombra_string(names[i], strlen(names[i]));
        sombra_stmt_bind(stmt, "name", &name);
        if (sombra_stmt_step(stmt) != SOMBRA_DONE) fail(sombra_error_of(conn));
        sombra_stmt_reset(stmt); /* to be run again; parameters stay until they are bound anew */
    }
    sombra_stmt_finalize(stmt);
    if (sombra_commit(txn)) fail(sombra_error_of(conn));
}

static void show_errors(sombra_conn *conn)
{
    sombra_stmt *stmt;

    if (sombra_prepare(conn, "MATCH (p:Person) RETURN q.name", SOMBRA_NUL_TERMINATED, &stmt,
                       NULL)) {
        const sombra_error *error = sombra_error_of(conn);
        printf("%s, %s, line %u, column %u\n", sombra_error_class(error),
               sombra_error_detail(error), error->line, error->column);
    }
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "statements.sombra";
    sombra_db *db;
    sombra_conn *conn = NULL;
    sombra_error error;

    if (sombra_open(path, NULL, &db, &error) || sombra_connect(db, &conn, &error)) fail(&error);
    if (sombra_register_function(db, "initials(name :: STRING?) :: STRING?", initials, NULL,
                                 &error))
        fail(&error);
    run(conn, "CREATE CONSTRAINT IF NOT EXISTS FOR (p:Person) REQUIRE p.name IS UNIQUE");
    insert_many(conn);
    run(conn, "MATCH (a:Person {initials: 'AL'}), (b:Person) WHERE a <> b MERGE (a)-[:KNOWS]->(b)");
    show_errors(conn);
    sombra_disconnect(conn);
    if (sombra_close(db, &error)) fail(&error);
    return print_friends(path);
}
