/* quickstart.c — a program that uses Sombra: who knows whom, and over how many corners.
 *
 *     cc quickstart.c $(pkg-config --cflags --libs sombra) -o quickstart && ./quickstart people.sombra
 *
 * With CMake: examples/CMakeLists.txt. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sombra.h>

/* Every call returns a status; the connection remembers what went wrong. */
static void check(sombra_conn *conn, sombra_status status)
{
    if (status == SOMBRA_OK) return;
    fprintf(stderr, "%s: %s\n", sombra_status_name(status), sombra_error_of(conn)->message);
    exit(1);
}

static uint32_t intern(sombra_conn *conn, sombra_txn *txn, sombra_name_kind kind, const char *name)
{
    uint32_t id;
    check(conn, sombra_name_intern(txn, kind, name, SOMBRA_NUL_TERMINATED, &id));
    return id;
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : ":memory:";
    static const char *const people[] = {"Ada", "Grace", "Alan", "Barbara"};
    enum { PEOPLE = sizeof people / sizeof *people };
    sombra_db *db;
    sombra_conn *conn;
    sombra_txn *txn;
    sombra_error error;

    if (sombra_open(path, NULL, &db, &error) != SOMBRA_OK ||
        sombra_connect(db, &conn, &error) != SOMBRA_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }

    /* Write: four people in a row, and a shortcut. All of it is there after the commit, or nothing. */
    check(conn, sombra_begin(conn, SOMBRA_WRITE, &txn));
    uint32_t person = intern(conn, txn, SOMBRA_LABEL, "Person");
    uint32_t knows = intern(conn, txn, SOMBRA_TYPE, "KNOWS");
    uint32_t name = intern(conn, txn, SOMBRA_KEY, "name");
    sombra_text names[PEOPLE];
    uint64_t ids[PEOPLE];
    for (size_t i = 0; i < PEOPLE; i++)
        names[i] = (sombra_text){people[i], strlen(people[i])};
    sombra_column column = {.key = name, .type = SOMBRA_TYPE_STRING, .texts = names};
    check(conn, sombra_create_nodes(txn, &person, 1, PEOPLE, &column, 1, ids));
    check(conn, sombra_create_rels(txn, knows, PEOPLE - 1, &ids[0], &ids[1], NULL, 0, NULL));
    check(conn, sombra_create_rels(txn, knows, 1, &ids[0], &ids[2], NULL, 0, NULL));
    check(conn, sombra_commit(txn));

    /* Read: a transaction sees one state, whatever others write meanwhile. */
    check(conn, sombra_begin(conn, SOMBRA_READ, &txn));
    const sombra_neighbor *neighbors;
    size_t count;
    check(conn, sombra_neighbors(txn, ids[0], NULL, &neighbors, &count));
    printf("Ada knows %zu people\n", count);

    sombra_path way;
    check(conn, sombra_shortest_path(txn, ids[0], ids[3], NULL, &way));
    uint64_t stations[PEOPLE];
    size_t length = way.length;
    memcpy(stations, way.nodes,
           (length + 1) * sizeof *stations); /* results live until the next call */
    for (size_t i = 0; i <= length; i++) {
        sombra_value value;
        bool found;
        check(conn, sombra_get_props(txn, SOMBRA_NODE, stations[i], &name, 1, &value, &found));
        printf("%s%.*s", i == 0 ? "" : " -> ", (int)value.as.bytes.size,
               (const char *)value.as.bytes.data);
    }
    printf("\n");
    sombra_rollback(txn);

    sombra_disconnect(conn);
    if (sombra_close(db, &error) != SOMBRA_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    return 0;
}
