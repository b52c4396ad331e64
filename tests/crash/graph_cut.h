/* graph_cut.h — one power cut under a graph: statements, transactions that spill, indexes, checkpoints, vacuums in place and closes, by
 * sombra.h on the power-losing file system. When the power is back the graph must be that of the last acknowledged step or of the one
 * in flight, verify, and go on; in half of the runs power goes again while the file is first opened, and in half of all one who only reads
 * opens it before the others. Backups and vacuums into a file that had returned must be there. With levels that change, what off
 * writes may be lost until somebody in full or normal has written. Used by test_graph.c (a
 * sample) and crash_sweep.c. What the pager alone must hold is in pager_cut.h. */
#ifndef TESTS_GRAPH_CUT_H
#define TESTS_GRAPH_CUT_H

#include <stdio.h>

#include "api/api_priv.h"
#include "base/random.h"
#include "pager/pager_priv.h"

#define GRAPH_CUT_STEPS   28u
#define GRAPH_CUT_CHANGES ((sombra_durability)3) /* from step to step */

typedef struct graph_cut_case {
    uint64_t seed;      /* of the workload */
    uint64_t cut;       /* event before which the power goes; 0: never */
    sb_crash_mode mode; /* what is left of unsynced writes */
    sombra_durability durability;
    uint64_t
        outcome_seed; /* which of them; odd: power goes a second time; bit 1: a reader is first */
} graph_cut_case;

typedef struct graph_cut_run {
    const graph_cut_case *c;
    sombra_options options;
    sombra_base base;
    sombra_db *db;
    sombra_conn *conn;
    sombra_error error;
    sb_random random;
    uint64_t next_id;
    unsigned done;   /* steps that were acknowledged */
    unsigned synced; /* of these, what must survive in any level */
    bool loose;      /* off has written, and nobody has settled since: nothing is promised */
    unsigned copies[GRAPH_CUT_STEPS]; /* steps behind each file that was made */
    unsigned copy_count;
    bool closed_durable;    /* the handle that was closed last has synced what there was */
    bool keep;              /* digests are noted, not compared */
    uint8_t (*digests)[16]; /* behind each step, [0] before the first; of the run without a cut */
} graph_cut_run;

/* All that was done is on the disk. */
static inline void graph_cut_is_durable(graph_cut_run *r)
{
    r->synced = r->done;
    r->loose = false;
}

static inline sombra_status graph_cut_open_file(graph_cut_run *r, const char *path)
{
    sombra_status st = sombra__open(path, &r->options, &r->base, &r->db, &r->error);

    if (st == SOMBRA_OK) st = sombra_connect(r->db, &r->conn, &r->error);
    return st;
}

static inline sombra_status graph_cut_open(graph_cut_run *r)
{
    return graph_cut_open_file(r, "g");
}

/* What a failed call said is kept. A handle whose sync failed, be it an automatic checkpoint's, closes with OK and makes nothing durable;
 * one in off makes nothing durable either, unless all sync. */
static inline sombra_status graph_cut_close(graph_cut_run *r)
{
    sombra_error ignored;
    sb_pager_info info = {0};

    r->closed_durable =
        r->db != NULL && sb_pager_get_info(r->db->pager, &info, NULL) == SB_OK && !info.poisoned &&
        (r->options.durability != SOMBRA_DURABLE_OFF || sb_pager__is_settled(r->db->pager));
    sombra_disconnect(r->conn);
    const sombra_status st = sombra_close(r->db, &ignored);
    r->conn = NULL;
    r->db = NULL;
    return st;
}

static inline sombra_status graph_cut_failed(graph_cut_run *r, sombra_status st)
{
    r->error = *sombra_error_of(r->conn);
    return st;
}

static inline sombra_status graph_cut_say(graph_cut_run *r, const char *text)
{
    sombra_stmt *stmt = NULL;
    sombra_status st = sombra_prepare(r->conn, text, SOMBRA_NUL_TERMINATED, &stmt, NULL);

    while (st == SOMBRA_OK || st == SOMBRA_ROW)
        st = sombra_stmt_step(stmt);
    if (st != SOMBRA_DONE) (void)graph_cut_failed(r, st);
    sombra_stmt_finalize(stmt);
    return st == SOMBRA_DONE ? SOMBRA_OK : st;
}

/* A change: one statement, whose text depends on the seed alone. */
static inline sombra_status graph_cut_change(graph_cut_run *r)
{
    const unsigned n = (unsigned)sb_random_below(&r->random, 9), a = (unsigned)r->next_id;
    char text[400];

    if (n <= 2) { /* the last is large for its transaction: it spills */
        const unsigned count = n == 2 ? 500 : 20;
        (void)snprintf(
            text, sizeof text,
            "UNWIND range(%u, %u) AS i CREATE (:P {id: i, text: 'number ' + toString(i)})"
            "-[:R {w: i}]->(:Q {of: i})",
            a, a + count - 1);
        r->next_id += count;
    } else {
        static const char *const texts[] = {
            "MATCH (a:P), (b:P) WHERE a.id % 7 = k AND b.id = a.id + 1 CREATE (a)-[:R {w: "
            "a.id}]->(b)",
            "MATCH (p:P) WHERE p.id % 5 = k SET p.text = reduce(s = '', i IN range(1, p.id % 60) | "
            "s + 'forty bytes, forty bytes, forty bytes, ')",
            "MATCH (p:P) WHERE p.id % 13 = k DETACH DELETE p",
            "MATCH ()-[r:R]->() WHERE r.w % 5 = k DELETE r",
            "MATCH (q:Q) WHERE q.of % 3 = k SET q:Marked REMOVE q.of",
            "MATCH (q:Q) WHERE q.of % 11 = k MERGE (q)-[:S]->(:T {of: q.of})",
        };
        (void)snprintf(text, sizeof text, "WITH %u AS k %s",
                       (unsigned)sb_random_below(&r->random, 3), texts[n - 3]);
    }
    return graph_cut_say(r, text);
}

/* Several statements that stay together, or go. */
static inline sombra_status graph_cut_together(graph_cut_run *r)
{
    const bool keep = sb_random_below(&r->random, 3) != 0;
    sombra_status st = graph_cut_say(r, "BEGIN");

    for (unsigned i = 0; i < 3 && st == SOMBRA_OK; i++)
        st = graph_cut_change(r);
    return st == SOMBRA_OK ? graph_cut_say(r, keep ? "COMMIT" : "ROLLBACK") : st;
}

static inline sombra_status graph_cut_schema(graph_cut_run *r, unsigned step)
{
    static const char *const texts[] = {
        "CREATE CONSTRAINT p_id IF NOT EXISTS FOR (p:P) REQUIRE p.id IS UNIQUE",
        "CREATE INDEX r_w IF NOT EXISTS FOR ()-[r:R]-() ON (r.w)",
        "CREATE INDEX q_of IF NOT EXISTS FOR (q:Q) ON (q.of)",
        "DROP INDEX r_w IF EXISTS",
    };
    return graph_cut_say(r, texts[step % 4]);
}

static inline sombra_status graph_cut_reopen(graph_cut_run *r)
{
    sombra_status st = graph_cut_close(r);

    if (st != SOMBRA_OK) return st;
    if (r->closed_durable) graph_cut_is_durable(r);
    st = graph_cut_open(r);
    if (st == SOMBRA_OK && r->options.durability != SOMBRA_DURABLE_OFF) graph_cut_is_durable(r);
    return st;
}

/* Into a file of its own. */
static inline sombra_status graph_cut_copy(graph_cut_run *r, bool vacuum)
{
    char name[16];
    sombra_txn *txn = NULL;
    sombra_status st;

    (void)snprintf(name, sizeof name, "copy%u", r->copy_count);
    if (vacuum) {
        st = sombra_vacuum(r->conn, name);
    } else {
        st = sombra_begin(r->conn, SOMBRA_READ, &txn);
        if (st == SOMBRA_OK) st = sombra_backup(txn, name);
    }
    if (st == SOMBRA_OK) r->copies[r->copy_count++] = r->done;
    if (st != SOMBRA_OK) (void)graph_cut_failed(r, st);
    sombra_rollback(txn);
    return st;
}

/* No change of the graph. A vacuum is a commit; the others also make durable what is there. */
static inline sombra_status graph_cut_settle(graph_cut_run *r)
{
    sombra_status st;

    switch (sb_random_below(&r->random, 6)) {
    case 0: st = sombra_checkpoint(r->conn, SOMBRA_TRUNCATE, NULL); break;
    case 1: return graph_cut_reopen(r);
    case 2: return graph_cut_copy(r, false);
    case 3: return graph_cut_copy(r, true);
    default: st = sombra_vacuum(r->conn, NULL); break;
    }
    return st == SOMBRA_OK ? st : graph_cut_failed(r, st);
}

static inline sombra_status graph_cut_digest(graph_cut_run *r, uint8_t digest[16])
{
    sombra_txn *txn = NULL;
    sombra_status st = sombra_begin(r->conn, SOMBRA_READ, &txn);

    if (st == SOMBRA_OK) st = sombra_digest(txn, digest);
    if (st != SOMBRA_OK) (void)graph_cut_failed(r, st);
    sombra_rollback(txn);
    return st;
}

static inline sombra_status graph_cut_change_level(graph_cut_run *r)
{
    static const char *const names[] = {"full", "normal", "off"};

    if (r->c->durability != GRAPH_CUT_CHANGES || sb_random_below(&r->random, 3) != 0)
        return SOMBRA_OK;
    r->options.durability = (uint8_t)sb_random_below(&r->random, 3);
    const sombra_status st = sombra_pragma(r->conn, "durability", names[r->options.durability]);
    return st == SOMBRA_OK ? st : graph_cut_failed(r, st);
}

/* What of the steps up to now, the last of which has just been done, survives. */
static inline void graph_cut_promise(graph_cut_run *r, bool was_settled)
{
    if (!sb_pager__is_settled(r->db->pager)) return;
    r->loose = false;
    if (!was_settled) r->synced = r->done - 1;
    if (r->options.durability == SOMBRA_DURABLE_FULL) r->synced = r->done;
}

static inline sombra_status graph_cut_step(graph_cut_run *r, unsigned step)
{
    const uint64_t kind = sb_random_below(&r->random, 10);
    sombra_status st = graph_cut_change_level(r);

    if (st != SOMBRA_OK) return st;
    const bool was_settled = sb_pager__is_settled(r->db->pager);
    if (r->options.durability == SOMBRA_DURABLE_OFF && !was_settled) r->loose = true;
    if (step < 2 || kind == 0)
        st = graph_cut_schema(r, step);
    else if (kind <= 2)
        st = graph_cut_settle(r);
    else if (kind == 3)
        st = graph_cut_together(r);
    else
        st = graph_cut_change(r);
    if (st != SOMBRA_OK) return st;
    r->done = step + 1;
    graph_cut_promise(r, was_settled);
    return r->keep ? graph_cut_digest(r, r->digests[r->done]) : SOMBRA_OK;
}

/* Until a step fails, whose status it gives. */
static inline sombra_status graph_cut_workload(graph_cut_run *r)
{
    sombra_status st = graph_cut_open(r);

    if (st == SOMBRA_OK && r->keep) st = graph_cut_digest(r, r->digests[0]);
    for (unsigned step = 0; step < GRAPH_CUT_STEPS && st == SOMBRA_OK; step++)
        st = graph_cut_step(r, step);
    const sombra_status closed = graph_cut_close(r);
    if (st == SOMBRA_OK && closed == SOMBRA_OK && r->closed_durable) graph_cut_is_durable(r);
    return st == SOMBRA_OK ? closed : st;
}

static inline void graph_cut_begin(graph_cut_run *r, const graph_cut_case *c, sb_vfs *vfs,
                                   uint8_t (*digests)[16], bool keep)
{
    *r = (graph_cut_run){.c = c, .digests = digests, .keep = keep, .next_id = 1};
    r->random.state = c->seed;
    r->base = (sombra_base){.alloc = &sb_allocator_libc, .vfs = vfs};
    sombra_options_init(&r->options);
    r->options.page_size = 4096;
    r->options.durability =
        c->durability == GRAPH_CUT_CHANGES ? SOMBRA_DURABLE_FULL : (uint8_t)c->durability;
    r->options.checkpoint_thread = false; /* the same events in each run */
    r->options.threads = 1;
    r->options.autocheckpoint = 64;
    r->options.busy_timeout_ms = 0;
    r->options.memory_limit = 64u << 20;
    r->options.transaction_memory = 12 * 4096;
}

static inline void graph_cut_found(void *ctx, uint64_t page, const char *message)
{
    graph_cut_run *r = ctx;

    if (r->error.status == SOMBRA_OK)
        (void)snprintf(r->error.message, sizeof r->error.message, "page %llu: %s",
                       (unsigned long long)page, message);
    r->error.status = SOMBRA_CORRUPT;
}

/* Is the graph of the open file that of a step from first to last? */
static inline bool graph_cut_is_of(graph_cut_run *r, unsigned first, unsigned last,
                                   uint8_t digest[16])
{
    if (graph_cut_digest(r, digest) != SOMBRA_OK) return false;
    for (unsigned step = first; step <= last; step++)
        if (memcmp(digest, r->digests[step], 16) == 0) return true;
    (void)snprintf(r->error.message, sizeof r->error.message,
                   "a graph that no step from %u to %u has made", first, last);
    return false;
}

/* One who only reads sees it first. Where nothing must be there, the file need not be. */
static inline bool graph_cut_read_first(graph_cut_run *r, unsigned first, unsigned last,
                                        uint8_t digest[16], bool *seen)
{
    r->options.read_only = true;
    const sombra_status st = graph_cut_open(r);
    *seen = st == SOMBRA_OK;
    const bool right = *seen ? graph_cut_is_of(r, first, last, digest) : first == 0;
    const sombra_status closed = graph_cut_close(r);
    r->options.read_only = false;
    return right && (closed == SOMBRA_OK || !*seen);
}

static inline bool graph_cut_check_copies(graph_cut_run *r)
{
    bool right = true;

    for (unsigned i = 0; i < r->copy_count && right; i++) {
        char name[16];
        uint8_t digest[16];
        (void)snprintf(name, sizeof name, "copy%u", i);
        right = graph_cut_open_file(r, name) == SOMBRA_OK &&
                graph_cut_is_of(r, r->copies[i], r->copies[i], digest);
        (void)graph_cut_close(r);
    }
    return right;
}

/* The graph of an allowed step is there, is sound, and takes a change. */
static inline bool graph_cut_check(graph_cut_run *r)
{
    const bool all = r->c->durability == SOMBRA_DURABLE_FULL || r->c->mode == SB_CRASH_KEEP_ALL;
    const unsigned first = all ? r->done : r->synced;
    const unsigned last = r->done < GRAPH_CUT_STEPS ? r->done + 1 : r->done;
    uint8_t digest[16] = {0}, seen_digest[16] = {0};
    sombra_txn *txn = NULL;
    bool seen = false;

    memset(&r->error, 0, sizeof r->error);
    if (!graph_cut_check_copies(r)) return false;
    if ((r->c->outcome_seed & 2) != 0 && !graph_cut_read_first(r, first, last, seen_digest, &seen))
        return false;
    memset(&r->error, 0, sizeof r->error);
    if (graph_cut_open(r) != SOMBRA_OK || !graph_cut_is_of(r, first, last, digest)) return false;
    if (seen && memcmp(digest, seen_digest, 16) != 0) {
        (void)snprintf(r->error.message, sizeof r->error.message, "a reader saw another graph");
        return false;
    }
    sombra_status st = sombra_begin(r->conn, SOMBRA_READ, &txn);
    if (st == SOMBRA_OK) st = sombra_verify(txn, graph_cut_found, r, NULL);
    sombra_rollback(txn);
    if (st != SOMBRA_OK || r->error.status != SOMBRA_OK) return false;
    return graph_cut_say(r, "CREATE (:After {text: 'the cut'})") == SOMBRA_OK &&
           graph_cut_close(r) == SOMBRA_OK;
}

/* The second cut: in what opening does, which recovers. Other sectors survive it than the first. */
static inline sb_status graph_cut_again(graph_cut_run *r, sb_vfs **vfs, sb_err *err)
{
    sb_vfs *after = NULL;

    if (r->options.durability == SOMBRA_DURABLE_OFF) /* or nothing would be promised again */
        r->options.durability = SOMBRA_DURABLE_FULL;
    sb_vfs_crash_set_cut(*vfs, 1 + r->c->outcome_seed / 2 % 12);
    r->base.vfs = *vfs;
    (void)graph_cut_open(r);
    (void)graph_cut_close(r);
    const sb_status st =
        sb_vfs_crash_reboot(*vfs, r->c->mode, r->c->outcome_seed * 31, &after, err);
    sb_vfs_destroy(*vfs);
    *vfs = after;
    return st;
}

/* digests: of the run without a cut (c->cut 0), which notes them; room for GRAPH_CUT_STEPS + 1. *events: how many there were. On
 * failure err says what is wrong. */
static inline sb_status graph_cut_try(const graph_cut_case *c, uint8_t (*digests)[16],
                                      uint64_t *events, sb_err *err)
{
    sb_vfs *vfs = NULL, *after = NULL;
    graph_cut_run r;

    SB_TRY(sb_vfs_crash_create(&sb_allocator_libc, &vfs, err));
    graph_cut_begin(&r, c, vfs, digests, c->cut == 0);
    sb_vfs_crash_set_cut(vfs, c->cut);
    const sombra_status worked = graph_cut_workload(&r);
    *events = sb_vfs_crash_events(vfs);
    sb_status st = SB_OK;
    if (worked != SOMBRA_OK && (c->cut == 0 || worked == SOMBRA_CORRUPT))
        st = SB_FAIL(err, SB_CORRUPT, "step %u, before any cut: %s", r.done, r.error.message);
    /* What is loose may not even open. */
    const bool look = !r.loose || c->mode == SB_CRASH_KEEP_ALL;
    if (st == SB_OK) st = sb_vfs_crash_reboot(vfs, c->mode, c->outcome_seed, &after, err);
    if (st == SB_OK && c->cut != 0 && c->outcome_seed % 2 != 0)
        st = graph_cut_again(&r, &after, err);
    if (st == SB_OK && look) {
        r.base.vfs = after;
        if (!graph_cut_check(&r)) {
            st = SB_FAIL(err, SB_CORRUPT, "after step %u: %s", r.done, r.error.message);
            (void)graph_cut_close(&r);
        }
    }
    sb_vfs_destroy(after);
    sb_vfs_destroy(vfs);
    return st;
}

#endif
