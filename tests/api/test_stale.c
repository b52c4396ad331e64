/* test_stale.c — what is remembered of one state of a database is not taken for another's: names, roots, leaves, plans and prepared
 * statements, when content is replaced (restore, vacuum) or undone, by whoever does it.
 * The connection f.conn sleeps meanwhile, with all that it has cached; `other` does what makes that stale. */
#include "support/api_rows.h"
#include "support/seed.h"

#define BACKUP_PATH "stale-backup.sombra"
#define OTHER_PATH  "stale-other.sombra"

/* The connection at work beside the fixture's: f is all that the helpers look at. */
static api_fixture beside(const api_fixture *f)
{
    api_fixture other = *f;

    OK_ERROR(&other, sombra_connect(f->db, &other.conn, &other.error));
    return other;
}

static void backup(api_fixture *f, const char *path)
{
    api_remove(path);
    api_begin(f, SOMBRA_READ);
    OK(f, sombra_backup(f->txn, path));
    sombra_rollback(f->txn);
}

/* ---- Content that is replaced ------------------------------------------------------------------------------------ */

#define COUNT_B "MATCH (n:B) RETURN count(*)"
#define COUNT_C "MATCH (n:C) RETURN count(*)"
#define FIND_A  "MATCH (n:A) WHERE n.j = 200 RETURN count(*)"

/* Backed up, changed, restored and changed otherwise by as many commits: each counter of the file is where the sleeper has seen it. */
static void replace_under(api_fixture *f, api_fixture *other)
{
    gives(other, "UNWIND range(1, 10) AS i CREATE (:A {k: i, j: i})", "");
    backup(other, BACKUP_PATH);
    gives(other, "UNWIND range(1, 5) AS i CREATE (:B {b: i})", "");
    gives(other, "CREATE INDEX FOR (n:A) ON (n.k)", "");
    gives(f, COUNT_B, "5");
    gives(f, COUNT_C, "0");
    gives(f, FIND_A, "0");
    OK(other, sombra_restore(other->conn, BACKUP_PATH));
    gives(other, "UNWIND range(1, 7) AS i CREATE (:C {c: i})", "");
    gives(other, "CREATE INDEX FOR (n:A) ON (n.j)", "");
    gives(f, COUNT_B, "0");
    gives(f, COUNT_C, "7");
    gives(f, "UNWIND range(1, 3) AS i CREATE (:A {k: 100 + i, j: 199 + i})", "");
    gives(f, FIND_A, "1");
    gives(other, FIND_A, "1");
    gives(f, "CREATE (:B)", "");
    gives(other, COUNT_B, "1");
    gives(other, COUNT_C, "7");
    assert_int_equal(api_node_count(other), 10 + 7 + 3 + 1); /* and verify */
    api_remove(BACKUP_PATH);
}

static void test_api_stale__restored_under_a_connection(void **state)
{
    static const char *const paths[] = {API_PATH, ":memory:"};
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        api_fixture f;
        api_new(&f);
        api_close(&f);
        api_open_at(&f, paths[i]);
        api_fixture other = beside(&f);
        replace_under(&f, &other);
        sombra_disconnect(other.conn);
        api_end(&f);
    }
}

/* A handle of its own on the file, as another process has. */
static void test_api_stale__restored_by_another_handle(void **state)
{
    api_fixture f;
    (void)state;

    api_new(&f);
    api_fixture other = {.options = f.options};
    api_open_at(&other, API_PATH);
    replace_under(&f, &other);
    api_close(&other);
    api_end(&f);
}

/* Restored by the sleeper itself, which had its plans and names of what is gone. */
static void test_api_stale__restored_by_itself(void **state)
{
    api_fixture f;
    (void)state;

    api_new(&f);
    replace_under(&f, &f);
    api_end(&f);
}

static void test_api_stale__vacuumed(void **state)
{
    api_fixture f;
    (void)state;

    api_new(&f);
    api_fixture other = beside(&f);
    gives(&other, "UNWIND range(1, 2000) AS i CREATE (:A {k: i})-[:T]->(:B)", "");
    gives(&f, "MATCH (:A)-[:T]->(b:B) RETURN count(b)", "2000");
    gives(&other, "MATCH (a:A) WHERE a.k > 10 DETACH DELETE a", "");
    OK(&other, sombra_vacuum(other.conn, NULL));
    gives(&f, "MATCH (:A)-[:T]->(b:B) RETURN count(b)", "10");
    gives(&f, "MATCH (a:A {k: 7}) CREATE (a)-[:U]->(:D)", "");
    gives(&other, "MATCH (a)-[:U]->(:D) RETURN a.k", "7");
    assert_int_equal(api_node_count(&other), 2011);
    sombra_disconnect(other.conn);
    api_end(&f);
}

/* Any order of such changes: a connection that has slept through some of them sees what a new one does. */
static const char *const asked[] = {
    "MATCH (n:X0) RETURN count(*)", "MATCH (n:X1 {k0: 1}) RETURN count(*)",
    "MATCH (n:X2) WHERE n.k1 > 0 RETURN count(*)", "MATCH (:X3)-[r:R1]->() RETURN count(*)",
    "MATCH (n) WHERE n:X4 AND n.k2 IS NOT NULL RETURN count(*)"};

static void see_the_same(api_fixture *sleeper)
{
    api_fixture fresh = beside(sleeper);

    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        char rows[100];
        OK(&fresh, rows_of(&fresh, asked[i], rows, sizeof rows));
        gives(sleeper, asked[i], rows);
    }
    sombra_disconnect(fresh.conn);
}

static void write_some(api_fixture *f, sb_random *random)
{
    const unsigned label = (unsigned)sb_random_below(random, 5),
                   key = (unsigned)sb_random_below(random, 3);
    char text[200], rows[100];

    (void)snprintf(text, sizeof text,
                   sb_random_below(random, 3) != 0
                       ? "UNWIND range(0, 9) AS i CREATE (n:X%u {k%u: i %% 3})-[:R%u]->(n)"
                       : "CREATE INDEX i%u IF NOT EXISTS FOR (n:X%u) ON (n.k%u)",
                   label, sb_random_below(random, 2) != 0 ? label : key, key);
    OK(f, rows_of(f, text, rows, sizeof rows));
}

static void change_at_random(api_fixture *f, sb_random *random, bool *saved)
{
    switch (sb_random_below(random, 8)) {
    case 0:
        backup(f, BACKUP_PATH);
        *saved = true;
        break;
    case 1:
        if (*saved) OK(f, sombra_restore(f->conn, BACKUP_PATH));
        break;
    case 2: OK(f, sombra_vacuum(f->conn, NULL)); break;
    case 3: gives(f, "DROP INDEX i1 IF EXISTS", ""); break;
    case 4:
        api_begin(f, SOMBRA_WRITE);
        write_some(f, random);
        sombra_rollback(f->txn);
        break;
    default: write_some(f, random); break;
    }
}

static void test_api_stale__any_order(void **state)
{
    sb_random random = test_random(14);
    api_fixture f;
    bool saved = false;
    (void)state;

    api_new(&f);
    api_fixture other = beside(&f), second = beside(&f);
    for (unsigned step = 0; step < 150; step++) {
        change_at_random(&other, &random, &saved);
        if (sb_random_below(&random, 3) == 0) see_the_same(&f);
        if (sb_random_below(&random, 2) == 0) see_the_same(&second);
        see_the_same(&other);
    }
    (void)api_node_count(&other);
    sombra_disconnect(other.conn);
    sombra_disconnect(second.conn);
    api_remove(BACKUP_PATH);
    api_end(&f);
}

/* ---- Definitions that are undone --------------------------------------------------------------------------------- */

#define SEEK       "MATCH (n:X) WHERE n.a > 0 RETURN count(*)"
#define INDEX_ON_A "CREATE INDEX FOR (n:X) ON (n.a)"
#define INDEX_ON_B "CREATE INDEX FOR (n:X) ON (n.b)"

/* One node has a, a hundred have b: a seek in the wrong index can not go unnoticed. */
static void fill(api_fixture *f)
{
    gives(f, "UNWIND range(1, 100) AS i CREATE (:X {b: i})", "");
    gives(f, "CREATE (:X {a: 1})", "");
}

static sombra_status refuse_commit(void *ctx)
{
    (void)ctx;
    return SOMBRA_CONSTRAINT;
}

/* The index on a goes in one of four ways, and the next one gets its number. */
static void take_back(api_fixture *f, unsigned way, uint32_t savepoint)
{
    if (way == 0) sombra_rollback(f->txn);
    if (way == 1) OK(f, sombra_rollback_to(f->txn, savepoint));
    if (way == 2) {
        sombra_set_commit_hook(f->conn, refuse_commit, NULL);
        FAILS(f, sombra_commit(f->txn), SOMBRA_CONSTRAINT, "hook");
        sombra_set_commit_hook(f->conn, NULL, NULL);
    }
    if (way == 3) gives(f, "ROLLBACK", "");
    if (way != 1) api_begin(f, SOMBRA_WRITE);
}

static void test_api_stale__numbers_of_indexes_come_again(void **state)
{
    (void)state;

    for (unsigned way = 0; way < 4; way++) {
        api_fixture f;
        uint32_t savepoint;

        api_new(&f);
        fill(&f);
        api_begin(&f, SOMBRA_WRITE);
        OK(&f, sombra_savepoint(f.txn, &savepoint));
        gives(&f, INDEX_ON_A, "");
        gives(&f, SEEK, "1");
        take_back(&f, way, savepoint);
        gives(&f, INDEX_ON_B, "");
        gives(&f, SEEK, "1");
        api_commit(&f);
        gives(&f, SEEK, "1");
        gives(&f, "MATCH (n:X) WHERE n.a > 0 DELETE n", "");
        assert_int_equal(api_node_count(&f), 100);
        api_end(&f);
    }
}

/* Numbers of names, too: here all numbers of the one definition are those of the other. */
static void test_api_stale__numbers_of_names_come_again(void **state)
{
    api_fixture f;
    (void)state;

    api_new(&f);
    gives(&f, "UNWIND range(1, 100) AS i CREATE (:X)", "");
    api_begin(&f, SOMBRA_WRITE);
    gives(&f, "CREATE (:X {a: 1})", "");
    gives(&f, INDEX_ON_A, "");
    gives(&f, SEEK, "1");
    sombra_rollback(f.txn);
    gives(&f, "MATCH (n:X) SET n.b = 7", "");
    gives(&f, "CREATE (:X {a: 1})", "");
    gives(&f, INDEX_ON_B, "");
    gives(&f, SEEK, "1");
    api_end(&f);
}

/* Two files that agree in every number. */
static void test_api_stale__indexes_of_another_file(void **state)
{
    api_fixture f;
    (void)state;

    api_new(&f);
    fill(&f);
    gives(&f, INDEX_ON_B, "");
    backup(&f, OTHER_PATH);
    api_end(&f);
    api_new(&f);
    fill(&f);
    gives(&f, INDEX_ON_A, "");
    gives(&f, SEEK, "1");
    OK(&f, sombra_restore(f.conn, OTHER_PATH));
    gives(&f, SEEK, "1");
    api_remove(OTHER_PATH);
    api_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_stale__restored_under_a_connection),
        cmocka_unit_test(test_api_stale__restored_by_another_handle),
        cmocka_unit_test(test_api_stale__restored_by_itself),
        cmocka_unit_test(test_api_stale__vacuumed),
        cmocka_unit_test(test_api_stale__any_order),
        cmocka_unit_test(test_api_stale__numbers_of_indexes_come_again),
        cmocka_unit_test(test_api_stale__numbers_of_names_come_again),
        cmocka_unit_test(test_api_stale__indexes_of_another_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
