/* damage.h — a small database that has everything in it, ways to damage its files, and a look at everything in a damaged one. Used by
 * the fuzz targets of files (fuzz_database, fuzz_wal) and by the campaign of damaged files (tests/crash/damage.h).
 *
 * The database is made by statements on a file system whose random bytes and clock are a fixed sequence: the same bytes in each run
 * of one build. It has every kind of page, index, constraint and value. */
#ifndef TESTS_DAMAGE_H
#define TESTS_DAMAGE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_priv.h"

/* Of one call on a damaged database. Long where a test would fail by it; fuzz targets set less. */
#ifndef DAMAGE_TIME_LIMIT_MS
#define DAMAGE_TIME_LIMIT_MS 120000u
#endif

#define DAMAGE_PATH       "d"
#define DAMAGE_WAL        "d-wal"
#define DAMAGE_SAVED      "saved"
#define DAMAGE_PAGE_BYTES 4096u
#define DAMAGE_COMMITS    4u /* in the WAL, when there is one */

/* Main file and WAL. */
typedef struct damage_files {
    uint8_t *bytes[2];
    size_t sizes[2];
    uint8_t digests[DAMAGE_COMMITS + 1]
                   [16]; /* of the main file alone, and behind each commit of the WAL */
} damage_files;

static inline void damage_abort(const char *what, const char *text)
{
    (void)fprintf(stderr, "%s: %s\n", what, text);
    abort();
}

/* ---- Making ----------------------------------------------------------------------------------- */

static const char *const damage_graph[] = {
    "CREATE CONSTRAINT FOR (p:Person) REQUIRE p.name IS UNIQUE",
    "CREATE CONSTRAINT FOR (p:Person) REQUIRE (p.name, p.age) IS NODE KEY",
    "CREATE CONSTRAINT FOR ()-[k:KNOWS]-() REQUIRE k.since IS NOT NULL",
    "CREATE CONSTRAINT FOR (p:Person) REQUIRE p.age IS :: INTEGER",
    "CREATE INDEX FOR (p:Person) ON (p.age)",
    "CREATE INDEX FOR ()-[k:KNOWS]-() ON (k.since)",
    "UNWIND range(1, 160) AS i CREATE (:Person {name: 'person ' + toString(i), age: i % 30, score: "
    "i * 0.25, odd: i % 2 = 1})",
    "MATCH (a:Person), (b:Person) WHERE b.age = (a.age * 7 + 3) % 30 AND b.name < a.name CREATE "
    "(a)-[:KNOWS {since: 1900 + a.age}]->(b)",
    "CREATE (h:Hub {name: 'hub'}) WITH h MATCH (p:Person) CREATE (p)-[:FOLLOWS]->(h)",
    "CREATE (:Values {flag: true, small: -1, real: 1.5, text: 'é 日本', date: date('2024-02-29'), "
    "time: time('12:34:56+02:00'), at: "
    "datetime('2024-02-29T12:00:00Z'), there: localdatetime('2024-02-29T12:00:00'), span: "
    "duration('P1Y2M3DT4H'), point: point({x: 1, y: 2, "
    "z: 3}), ints: [1, 2, 3], texts: ['a', ''], none: []})",
    "CREATE (:Long {text: reduce(s = '', i IN range(1, 9000) | s + toString(i % 10)), list: "
    "range(1, 1500)})",
    "CREATE (a:Loop) CREATE (a)-[:LOOP]->(a), (a)-[:LOOP]->(a)",
    "UNWIND range(1, 60) AS i CREATE (:Gone {i: i, text: 'gone and gone and "
    "gone'})-[:GONE]->(:Gone)",
    "MATCH (g:Gone) WHERE g.i IS NULL OR g.i <> 7 DETACH DELETE g",
    "UNWIND range(1, 12) AS i MATCH (a:Person {name: 'person ' + toString(i)}) CREATE "
    "(a)-[:T1]->(:A), (a)-[:T2]->(:B), (a)-[:T3]->(:C)",
};
static const char *const damage_later[DAMAGE_COMMITS] = {
    "MATCH (p:Person) WHERE p.age = 20 SET p.late = true, p.score = null",
    "MATCH (p:Person {name: 'person 33'}) DETACH DELETE p",
    ("UNWIND range(1, 30) AS i CREATE (:Person:New {name: 'new ' + toString(i), age: i})-[:KNOWS "
     "{since: i}]->(:New)"),
    "MATCH (l:Long) SET l.text = 'short', l.more = reduce(s = '', i IN range(1, 5000) | s + 'y')",
};

static inline void damage_run(sombra_conn *conn, const char *text)
{
    sombra_stmt *stmt = NULL;
    sombra_status st = sombra_prepare(conn, text, SOMBRA_NUL_TERMINATED, &stmt, NULL);

    while (st == SOMBRA_OK || st == SOMBRA_ROW)
        st = sombra_stmt_step(stmt);
    if (st != SOMBRA_DONE) damage_abort(text, sombra_error_of(conn)->message);
    sombra_stmt_finalize(stmt);
}

static inline void damage_digest(sombra_conn *conn, uint8_t digest[16])
{
    sombra_txn *txn = NULL;

    if (sombra_begin(conn, SOMBRA_READ, &txn) != SOMBRA_OK ||
        sombra_digest(txn, digest) != SOMBRA_OK)
        damage_abort("digest", sombra_error_of(conn)->message);
    sombra_rollback(txn);
}

static inline uint8_t *damage_read(sb_vfs *vfs, const char *path, size_t *size)
{
    sb_file *file = NULL;
    sb_file_info info;

    *size = 0;
    if (sb_vfs_open(vfs, path, SB_OPEN_READ_ONLY, &file, NULL) != SB_OK) return NULL;
    if (file->ops->info(file, &info, NULL) != SB_OK) damage_abort(path, "info");
    uint8_t *bytes = malloc(info.bytes + 1);
    if (bytes == NULL || sb_file_read_all(file, 0, bytes, info.bytes, NULL) != SB_OK)
        damage_abort(path, "read");
    sb_file_close(file);
    *size = info.bytes;
    return bytes;
}

static inline void damage_write(sb_vfs *vfs, const char *path, const uint8_t *bytes, size_t size)
{
    sb_file *file = NULL;

    if (bytes == NULL) return;
    if (sb_vfs_open(vfs, path, SB_OPEN_CREATE, &file, NULL) != SB_OK ||
        (size != 0 && sb_file_write_all(file, 0, bytes, size, NULL) != SB_OK))
        damage_abort(path, "write");
    sb_file_close(file);
}

static inline void damage_options(sombra_options *options)
{
    sombra_options_init(options);
    options->page_size = DAMAGE_PAGE_BYTES;
    options->checkpoint_thread = false;
    options->busy_timeout_ms = 0;
    options->autocheckpoint = 0;
    options->memory_limit = 256u << 20;
    options->transaction_memory = 16u << 20;
}

/* The WAL is cut behind its last commit. */
static inline void damage_make(damage_files *files)
{
    sombra_options options;
    sombra_error error;
    sombra_db *db = NULL, *holder = NULL;
    sombra_conn *conn = NULL;
    sb_vfs *vfs = NULL;
    sombra_base base = {.alloc = &sb_allocator_libc};

    memset(files, 0, sizeof *files);
    damage_options(&options);
    if (sb_vfs_crash_create(&sb_allocator_libc, &vfs, NULL) != SB_OK)
        damage_abort("making", "no memory");
    base.vfs = vfs;
    for (unsigned round = 0; round < 2; round++) {
        if (sombra__open(DAMAGE_PATH, &options, &base, round == 0 ? &db : &holder, &error) !=
                SOMBRA_OK ||
            sombra_connect(round == 0 ? db : holder, &conn, &error) != SOMBRA_OK)
            damage_abort("making", error.message);
        for (size_t i = 0; round == 0 && i < sizeof damage_graph / sizeof damage_graph[0]; i++)
            damage_run(conn, damage_graph[i]);
        damage_digest(conn, files->digests[0]);
        if (round == 0) {
            sombra_disconnect(conn);
            if (sombra_close(db, &error) != SOMBRA_OK) damage_abort("making", error.message);
        }
    }
    for (size_t i = 0; i < DAMAGE_COMMITS; i++) {
        damage_run(conn, damage_later[i]);
        damage_digest(conn, files->digests[i + 1]);
    }
    files->bytes[0] = damage_read(vfs, DAMAGE_PATH, &files->sizes[0]);
    files->bytes[1] = damage_read(vfs, DAMAGE_WAL, &files->sizes[1]);
    while (files->sizes[1] > 64 && files->bytes[1][files->sizes[1] - 1] == 0)
        files->sizes[1]--;
    files->sizes[1] = (files->sizes[1] + 4095) / 4096 * 4096;
    sombra_disconnect(conn);
    if (sombra_close(holder, &error) != SOMBRA_OK) damage_abort("making", error.message);
    sb_vfs_destroy(vfs);
}

static inline void damage_free(damage_files *files)
{
    free(files->bytes[0]);
    free(files->bytes[1]);
}

static inline damage_files damage_copy(const damage_files *files)
{
    damage_files copy = *files;

    for (unsigned i = 0; i < 2; i++) {
        copy.bytes[i] = malloc(files->sizes[i] + 1);
        if (copy.bytes[i] == NULL) abort();
        memcpy(copy.bytes[i], files->bytes[i], files->sizes[i]);
    }
    return copy;
}

/* Edits from a fuzzer: 16-bit page, 16-bit offset in it, length (above 200: zeros), bytes. Page 65,535: cut at offset × 64. */
static inline void damage_edit(uint8_t *bytes, size_t *size, const uint8_t *edits, size_t left)
{
    while (left >= 5) {
        const size_t page = (size_t)edits[0] << 8 | edits[1],
                     offset = (size_t)edits[2] << 8 | edits[3];
        size_t count = edits[4], given = count > 200 ? 0 : count;
        edits += 5;
        left -= 5;
        if (given > left) given = count = left;
        if (page == 0xFFFF) {
            if (offset * 64 < *size) *size = offset * 64;
        } else if (*size != 0) {
            const size_t at = (page * DAMAGE_PAGE_BYTES + offset % DAMAGE_PAGE_BYTES) % *size;
            if (count > *size - at) count = *size - at;
            if (given != 0)
                memcpy(bytes + at, edits, count);
            else
                memset(bytes + at, 0, count);
        }
        edits += given;
        left -= given;
    }
}

/* Is it the digest of the main file, or of a commit in the WAL? */
static inline bool damage_is_a_state(const damage_files *files, const uint8_t digest[16])
{
    for (unsigned i = 0; i <= DAMAGE_COMMITS; i++)
        if (memcmp(files->digests[i], digest, 16) == 0) return true;
    return false;
}

/* ---- Checksums made right again: damage that a bug or an attacker makes, not a disk --------------------- */

/* docs/format/file.md section 2. */
static inline uint32_t damage_page_crc(const uint8_t *page, uint64_t pgno)
{
    uint8_t number[8];

    sb_store_le64(number, pgno);
    uint32_t crc = sb_crc32c(0, number, sizeof number);
    if (pgno != 0) return sb_crc32c(crc, page + 4, DAMAGE_PAGE_BYTES - 4);
    crc = sb_crc32c(crc, page + 4, 1024 - 4); /* without the three stamps */
    return sb_crc32c(crc, page + 2560, DAMAGE_PAGE_BYTES - 2560);
}

static inline void damage_seal(uint8_t *bytes, size_t size)
{
    for (size_t at = 0; at + DAMAGE_PAGE_BYTES <= size; at += DAMAGE_PAGE_BYTES)
        sb_store_le32(bytes + at, damage_page_crc(bytes + at, at / DAMAGE_PAGE_BYTES));
    for (size_t at = 1024; size >= DAMAGE_PAGE_BYTES && at < 2560; at += 512)
        sb_store_le32(bytes + at, sb_crc32c(0, bytes + at + 4, 508));
}

/* Section 5. As far as frames can be followed. */
static inline void damage_seal_wal(uint8_t *bytes, size_t size)
{
    if (size < 4096) return;
    sb_store_le32(bytes + 60, sb_crc32c(0, bytes, 60));
    uint32_t chain = sb_load_le32(bytes + 60);
    for (size_t at = 4096; at + 64 <= size;) {
        uint8_t *frame = bytes + at;
        const uint32_t kind = sb_load_le32(frame), payload = sb_load_le32(frame + 8);
        if (payload > size - at - 64 || payload % 64 != 0) return;
        if (kind == 1 && payload == DAMAGE_PAGE_BYTES)
            sb_store_le32(frame + 64, damage_page_crc(frame + 64, sb_load_le32(frame + 4)));
        sb_store_le32(frame + 12, kind == 1 && payload >= 4 ? sb_load_le32(frame + 64)
                                  : kind == 2               ? sb_crc32c(0, frame + 64, payload)
                                                            : 0);
        chain = sb_crc32c(chain, frame, 60);
        sb_store_le32(frame + 60, chain);
        at += 64 + (size_t)payload;
    }
}

/* ---- Looking ---------------------------------------------------------------------------------- */

/* What a look came upon. */
typedef struct damage_look {
    sombra_status opened;
    unsigned errors; /* calls of reading that said that something is damaged */
    bool digested;   /* the digest could be computed */
    uint8_t digest[16];
    uint64_t findings;    /* of verify */
    sombra_status saved;  /* of recover */
    uint64_t nodes, rels; /* read one by one, without an error */
    sombra_recover_result recovered;
    uint8_t saved_digest[16], saved_schema[16]; /* of what recover made */
} damage_look;

/* A failure says something, and is one that damage can cause. */
static inline bool damage_failed(damage_look *look, const sombra_error *error, sombra_status st)
{
    if (st == SOMBRA_OK || st == SOMBRA_ROW || st == SOMBRA_DONE) return false;
    look->errors++;
    switch (st) {
    case SOMBRA_CORRUPT:
    case SOMBRA_VERSION_NEWER:
    case SOMBRA_LIMIT:
    case SOMBRA_NOMEM: /* the limit of a query */
    case SOMBRA_TIMEOUT:
    case SOMBRA_CONSTRAINT:
    case SOMBRA_NOT_FOUND:
    case SOMBRA_INVALID:
    case SOMBRA_TYPE_MISMATCH:
    case SOMBRA_EXISTS: break;
    default: damage_abort(sombra_status_name(st), error->message);
    }
    if (error->status != st || error->message[0] == '\0')
        damage_abort(sombra_status_name(st), "without a message");
    return true;
}

/* st is evaluated before the error is asked for, in whatever order a compiler takes arguments. */
static inline bool damage_failed_on(damage_look *look, sombra_conn *conn, sombra_status st)
{
    return damage_failed(look, sombra_error_of(conn), st);
}

static inline void damage_read_entities(sombra_conn *conn, sombra_txn *txn, damage_look *look)
{
    for (unsigned entity = 0; entity < 2; entity++) {
        const sombra_scan_options options = {.entity = (sombra_entity)entity};
        sombra_scan *scan = NULL;
        uint64_t ids[64];
        size_t count = 0;
        sombra_status st = sombra_scan_open(txn, &options, &scan);
        for (unsigned round = 0; st == SOMBRA_OK && round < 100; round++) {
            st = sombra_scan_next(scan, ids, 64, &count);
            if (st != SOMBRA_OK || count == 0) break;
            for (size_t i = 0; i < count; i++) {
                sombra_node node;
                sombra_rel rel;
                const sombra_neighbor *neighbors;
                const sombra_neighbors_options both = {.direction = SOMBRA_BOTH};
                size_t neighbor_count;
                uint64_t degree;
                bool found;
                if (entity == 1) {
                    if (!damage_failed_on(look, conn, sombra_get_rel(txn, ids[i], &rel, &found)))
                        look->rels += found;
                    continue;
                }
                if (!damage_failed_on(look, conn, sombra_get_node(txn, ids[i], &node, &found)))
                    look->nodes += found;
                (void)damage_failed_on(
                    look, conn, sombra_neighbors(txn, ids[i], &both, &neighbors, &neighbor_count));
                (void)damage_failed_on(look, conn,
                                       sombra_degree(txn, ids[i], SOMBRA_BOTH, NULL, 0, &degree));
            }
        }
        (void)damage_failed_on(look, conn, st);
        sombra_scan_close(scan);
    }
}

static inline void damage_query(sombra_conn *conn, const char *text, damage_look *look)
{
    sombra_stmt *stmt = NULL;
    sombra_status st = sombra_prepare(conn, text, SOMBRA_NUL_TERMINATED, &stmt, NULL);

    for (unsigned row = 0; row < 2000 && (st == SOMBRA_OK || st == SOMBRA_ROW); row++) {
        sombra_value value;
        st = sombra_stmt_step(stmt);
        for (size_t i = 0; st == SOMBRA_ROW && i < sombra_stmt_column_count(stmt); i++)
            (void)damage_failed_on(look, conn, sombra_stmt_column(stmt, i, &value));
    }
    (void)damage_failed_on(look, conn, st);
    sombra_stmt_finalize(stmt);
}

static inline void damage_read_all(sombra_conn *conn, damage_look *look)
{
    static const char *const queries[] = {
        "MATCH (n) RETURN n, labels(n), properties(n)",
        "MATCH (a)-[r]->(b) RETURN type(r), properties(r), count(*)",
        "MATCH (p:Person {name: 'person 7'})-[:KNOWS*1..2]-(q) RETURN count(q)",
        "MATCH (p:Person) WHERE p.age >= 10 AND p.age < 20 RETURN p.name ORDER BY p.name DESC",
        "MATCH (h:Hub)<--(p) RETURN count(DISTINCT p), sum(size(p.name))",
        ("MATCH p = shortestPath((:Person {name: 'person 7'})-[*]-(:Person {name: 'person 90'})) "
         "RETURN length(p)"),
        "MATCH ()-[k:KNOWS]->() WHERE k.since = 1910 RETURN count(k)",
        "SHOW INDEXES",
        "SHOW CONSTRAINTS",
    };
    sombra_txn *txn = NULL;
    sombra_verify_result result;
    sombra_info info;
    sombra_tree_info tree;
    sombra_schema schema;
    bool more = true;

    if (damage_failed_on(look, conn, sombra_begin(conn, SOMBRA_READ, &txn))) return;
    damage_read_entities(conn, txn, look);
    look->digested = !damage_failed_on(look, conn, sombra_digest(txn, look->digest));
    (void)damage_failed_on(look, conn, sombra_get_info(txn, &info));
    for (size_t i = 0; i < 100 && more; i++)
        if (damage_failed_on(look, conn, sombra_tree_at(txn, i, &tree, &more))) break;
    more = true;
    for (size_t i = 0; i < 100 && more; i++)
        if (damage_failed_on(look, conn, sombra_schema_at(txn, i, &schema, &more))) break;
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++)
        damage_query(conn, queries[i], look);
    if (!damage_failed_on(look, conn, sombra_verify(txn, NULL, NULL, &result)))
        look->findings = result.findings;
    sombra_rollback(txn);
}

/* Changes of every kind: each is done, or refused. */
static inline void damage_change_all(sombra_conn *conn, damage_look *look)
{
    static const char *const changes[] = {
        "MATCH (p:Person) WHERE p.age < 3 SET p.age = p.age + 100, p.text = 'changed'",
        ("UNWIND range(1, 40) AS i MERGE (p:Person {name: 'person ' + toString(i), age: i}) CREATE "
         "(p)-[:KNOWS {since: i}]->(:New)"),
        "MATCH (l:Long) SET l.text = 'x'",
        "MATCH (p:Person)-[k:KNOWS]->() WHERE p.age > 20 DELETE k",
        "MATCH (h:Hub) DETACH DELETE h",
        "MATCH (n:Loop) SET n:Person:Other REMOVE n:Loop",
        "CREATE INDEX FOR (p:Person) ON (p.score)",
        "MATCH (n) WHERE n.age = 7 DETACH DELETE n",
    };

    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++)
        damage_query(conn, changes[i], look);
    (void)damage_failed_on(look, conn, sombra_checkpoint(conn, SOMBRA_TRUNCATE, NULL));
    (void)damage_failed_on(look, conn, sombra_vacuum(conn, NULL));
}

/* What recover makes of the files verifies. */
static inline void damage_save(const sombra_base *base, const sombra_options *options,
                               damage_look *look)
{
    sombra_error error;
    sombra_db *db = NULL;
    sombra_conn *conn = NULL;
    sombra_txn *txn = NULL;
    sombra_verify_result result;
    damage_look saved = {0};

    look->saved = sombra__recover(DAMAGE_PATH, DAMAGE_SAVED, NULL, base, NULL, NULL,
                                  &look->recovered, &error);
    if (look->saved == SOMBRA_NOT_A_DB || look->saved == SOMBRA_VERSION_NEWER) return;
    if (damage_failed(&saved, &error, look->saved)) return;
    if (sombra__open(DAMAGE_SAVED, options, base, &db, &error) != SOMBRA_OK ||
        sombra_connect(db, &conn, &error) != SOMBRA_OK)
        damage_abort("what was saved does not open", error.message);
    if (sombra_begin(conn, SOMBRA_READ, &txn) != SOMBRA_OK ||
        sombra_verify(txn, NULL, NULL, &result) != SOMBRA_OK)
        damage_abort("what was saved can not be verified", sombra_error_of(conn)->message);
    if (result.findings != 0) damage_abort("what was saved", "has findings");
    if (result.nodes != look->recovered.nodes || result.rels != look->recovered.rels)
        damage_abort("what was saved", "is not what recover says");
    if (sombra_digest(txn, look->saved_digest) != SOMBRA_OK ||
        sombra_schema_digest(txn, look->saved_schema) != SOMBRA_OK)
        damage_abort("what was saved has no digest", sombra_error_of(conn)->message);
    sombra_rollback(txn);
    sombra_disconnect(conn);
    if (sombra_close(db, &error) != SOMBRA_OK)
        damage_abort("what was saved can not be closed", error.message);
}

/* Everything that can be read, saved and changed of these files. Aborts on what must not be. */
static inline void damage_look_at(const damage_files *files, bool saves, bool changes,
                                  damage_look *look)
{
    sombra_options options;
    sombra_error error;
    sombra_db *db = NULL;
    sombra_conn *conn = NULL;
    sb_vfs *vfs = NULL;
    sb_counting_allocator memory;
    sombra_base base = {.alloc = &memory.base};
    damage_look later = {0}; /* refused changes: constraints hold, too */

    memset(look, 0, sizeof *look);
    sb_counting_allocator_init(&memory, &sb_allocator_libc);
    damage_options(&options);
    if (sb_vfs_mem_create(&sb_allocator_libc, &vfs, NULL) != SB_OK)
        damage_abort("looking", "no memory");
    base.vfs = vfs;
    damage_write(vfs, DAMAGE_PATH, files->bytes[0], files->sizes[0]);
    if (files->sizes[1] != 0) damage_write(vfs, DAMAGE_WAL, files->bytes[1], files->sizes[1]);
    if (saves) damage_save(&base, &options, look);
    look->opened = sombra__open(DAMAGE_PATH, &options, &base, &db, &error);
    if (look->opened == SOMBRA_OK) {
        if (sombra_connect(db, &conn, &error) != SOMBRA_OK) damage_abort("connect", error.message);
        sombra_set_time_limit(conn, DAMAGE_TIME_LIMIT_MS);
        damage_read_all(conn, look);
        if (changes) damage_change_all(conn, &later);
        if (changes) damage_read_all(conn, &later);
        sombra_disconnect(conn);
        (void)damage_failed(&later, &error, sombra_close(db, &error));
    } else if (look->opened != SOMBRA_NOT_A_DB && look->opened != SOMBRA_VERSION_NEWER) {
        (void)damage_failed(look, &error, look->opened);
    }
    if (memory.live_blocks != 0) damage_abort("looking", "memory leaks");
    sb_vfs_destroy(vfs);
}

#endif
