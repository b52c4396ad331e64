/* arrow.c — the rows of a query as Arrow record batches, through the C data interface: no library of Arrow is needed.
 *
 *     cc arrow.c $(pkg-config --cflags --libs sombra) -o arrow && ./arrow */
#include <stdio.h>

#include <sombra.h>

int main(void)
{
    sombra_db *db;
    sombra_conn *conn;
    sombra_stmt *stmt;
    sombra_error error;
    long long rows = 0, ages = 0;

    if (sombra_open(":memory:", NULL, &db, &error) || sombra_connect(db, &conn, &error)) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    sombra_prepare(conn, "UNWIND range(1, 1000) AS i CREATE (:Person {name: 'p' + i, age: i % 90})",
                   SOMBRA_NUL_TERMINATED, &stmt, NULL);
    sombra_stmt_step(stmt);
    sombra_stmt_finalize(stmt);

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
    sombra_disconnect(conn);
    return sombra_close(db, &error) == SOMBRA_OK && rows == 1000 ? 0 : 1;
}
