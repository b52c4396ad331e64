/* arrow.c — graphs as Arrow record batches, through the C data interface: the rows of a query come out as columns, and columns go in as nodes and
 * relationships. No library of Arrow is needed.
 *
 *     cc arrow.c $(pkg-config --cflags --libs sombra) -o arrow && ./arrow */
#include <stdio.h>
#include <stdlib.h>

#include <sombra.h>

static void check(sombra_conn *conn, sombra_status status)
{
    if (status == SOMBRA_OK) return;
    fprintf(stderr, "%s\n", sombra_error_of(conn)->message);
    exit(1);
}

static void open_memory(sombra_db **db, sombra_conn **conn)
{
    sombra_error error;

    if (sombra_open(":memory:", NULL, db, &error) || sombra_connect(*db, conn, &error)) {
        fprintf(stderr, "%s\n", error.message);
        exit(1);
    }
}

static void run(sombra_conn *conn, const char *text)
{
    sombra_stmt *stmt;

    check(conn, sombra_prepare(conn, text, SOMBRA_NUL_TERMINATED, &stmt, NULL));
    if (sombra_stmt_step(stmt) != SOMBRA_DONE) check(conn, sombra_error_of(conn)->status);
    sombra_stmt_finalize(stmt);
}

/* A query's result as a stream; *stmt is finalized when it has been read. */
static struct ArrowArrayStream stream_of(sombra_conn *conn, const char *text, sombra_stmt **stmt)
{
    struct ArrowArrayStream stream;

    check(conn, sombra_prepare(conn, text, SOMBRA_NUL_TERMINATED, stmt, NULL));
    check(conn, sombra_stmt_arrow(*stmt, 0, &stream));
    return stream;
}

static void add_up(sombra_conn *conn)
{
    long long rows = 0, ages = 0;
    sombra_stmt *stmt;
    struct ArrowArrayStream stream;
    sombra_prepare(conn, "MATCH (p:Person) RETURN p.name AS name, p.age AS age",
                   SOMBRA_NUL_TERMINATED, &stmt, NULL);
    if (sombra_stmt_arrow(stmt, 0, &stream) == SOMBRA_OK) {
        struct ArrowArray batch;
        while (stream.get_next(&stream, &batch) == 0 && batch.release != NULL) {
            const int64_t *age = batch.children[1]->buffers[1];
            for (int64_t i = 0; i < batch.length; i++)
                ages += age[i];
            rows += batch.length;
            batch.release(&batch);
        }
        stream.release(&stream);
    }
    sombra_stmt_finalize(stmt);
    printf("%lld rows, ages %lld\n", rows, ages);
}

/* People and whom they know, out of one database into another. */
static size_t copy_people(sombra_conn *from, sombra_conn *to)
{
    sombra_stmt *nodes, *rels;
    uint32_t person, knows, email;
    sombra_txn *txn;
    size_t count;

    run(to, "CREATE CONSTRAINT FOR (p:Person) REQUIRE p.email IS UNIQUE");
    struct ArrowArrayStream people = stream_of(
        from, "MATCH (p:Person) RETURN p.email AS email, p.name AS name, p.age AS age", &nodes);
    struct ArrowArrayStream pairs = stream_of(
        from, "MATCH (p)-[k:KNOWS]->(q) RETURN p.email AS from, q.email AS to, k.since AS since",
        &rels);
    check(to, sombra_begin(to, SOMBRA_WRITE, &txn));
    check(to, sombra_name_intern(txn, SOMBRA_LABEL, "Person", SOMBRA_NUL_TERMINATED, &person));
    check(to, sombra_name_intern(txn, SOMBRA_TYPE, "KNOWS", SOMBRA_NUL_TERMINATED, &knows));
    check(to, sombra_name_intern(txn, SOMBRA_KEY, "email", SOMBRA_NUL_TERMINATED, &email));

    sombra_arrow_ends ends = {.source = "from",
                              .target = "to",
                              .source_label = person,
                              .source_key = email,
                              .target_label = person,
                              .target_key = email};
    check(to, sombra_create_nodes_arrow(txn, &person, 1, &people, NULL, &count));
    check(to, sombra_create_rels_arrow(txn, knows, &ends, &pairs, NULL, &count));

    check(to, sombra_commit(txn));
    sombra_stmt_finalize(nodes);
    sombra_stmt_finalize(rels);
    return count;
}

int main(void)
{
    sombra_db *db, *other_db;
    sombra_conn *conn, *other;
    sombra_error error;

    open_memory(&db, &conn);
    open_memory(&other_db, &other);
    run(conn, "UNWIND range(1, 1000) AS i CREATE (:Person {email: i + '@example.org', name: 'p' + "
              "i, age: i % 90})");
    run(conn, "MATCH (p:Person), (q:Person) WHERE q.age = p.age + 1 AND p.age < 3 CREATE "
              "(p)-[:KNOWS {since: 2000 + p.age}]->(q)");
    add_up(conn);
    printf("%zu relationships copied\n", copy_people(conn, other));
    add_up(other);
    sombra_disconnect(conn);
    sombra_disconnect(other);
    return sombra_close(db, &error) == SOMBRA_OK && sombra_close(other_db, &error) == SOMBRA_OK ? 0
                                                                                                : 1;
}
