/* pager_cut.h — one power cut: a recorded workload on the power-losing file system runs into it, the power comes
 * back, and the store must open, equal the last acknowledged commit or the one in flight, pass verify,
 * and go on working. One who only reads opens it first, in half of the runs; backups that were made must be there. With levels that
 * change, what off writes may be lost until somebody settles (settle.c), and nothing after that. Used by test_pager.c (a sample) and crash_sweep.c (as many as wanted). */
#ifndef TESTS_PAGER_CUT_H
#define TESTS_PAGER_CUT_H

#include "support/pager_model.h"

#define CUT_STEPS   30u
#define CUT_CHANGES ((sb_durability)3) /* each handle has a level of its own, and changes it */
#define CUT_COPIES  8u

typedef struct cut_case {
    uint64_t seed;      /* of the workload */
    uint64_t cut;       /* event before which the power goes; 0: never */
    sb_crash_mode mode; /* what is left of unsynced writes */
    sb_durability durability;
    uint64_t outcome_seed; /* which of them; odd: a reader opens first */
} cut_case;

/* What a power cut must leave. */
typedef struct cut_promise {
    sb_durability durability; /* of the handle, now */
    bool settled;             /* somebody in full or normal has written since the file was opened */
    bool loose;     /* off has written, and nobody has settled since: nothing is promised */
    uint64_t least; /* else: the oldest commit that may be the last one */
    uint64_t copies[CUT_COPIES]; /* backups made: commit of each */
    unsigned copy_count;
} cut_promise;

static inline void cut_options(const cut_case *c, sb_vfs *vfs, sb_profile *profile,
                               sb_pager_options *options)
{
    sb_pager_options_init(options);
    options->vfs = vfs;
    options->profile = profile;
    options->page_bytes = 4096;
    options->durability = c->durability == CUT_CHANGES ? SB_DURABLE_FULL : c->durability;
    options->checkpoint_thread = false; /* the same events in each run */
    options->autocheckpoint_pages = 64;
    options->txn_memory_bytes = 12 * 4096;
    options->busy_timeout_ns = 0;
    options->check = model_check;
}

/* A transaction or a checkpoint came to its end. */
static inline void cut_promise_step(cut_promise *p, const model *m, uint64_t before)
{
    if (p->durability == SB_DURABLE_OFF && !p->settled) {
        p->loose = true;
        return;
    }
    if (!p->settled) p->least = before; /* settled as it began */
    p->settled = true;
    p->loose = false;
    if (p->least < m->checkpointed) p->least = m->checkpointed;
    if (p->durability == SB_DURABLE_FULL) p->least = m->committed;
}

static inline void cut_promise_closed(cut_promise *p, model *m)
{
    if (p->durability == SB_DURABLE_OFF && !p->settled) return;
    p->loose = false;
    p->least = m->checkpointed = m->committed;
}

static inline sb_status cut_copy(cut_promise *p, const model *m, sb_session *session, sb_err *err)
{
    char name[16];
    sb_txn *txn = NULL;
    SB_TRY(sb_txn_begin_read(session, &txn, err));
    const uint64_t seq = sb_txn_seq(txn);
    (void)snprintf(name, sizeof name, "copy%u", p->copy_count);
    sb_status st = seq <= m->committed ? sb_pager_backup(txn, sb_pager_vfs(sb_txn_pager(txn)), name,
                                                         NULL, NULL, err)
                                       : SB_FAIL(err, SB_CORRUPT, "a commit that nobody has made");
    sb_txn_rollback(txn);
    if (st == SB_OK) p->copies[p->copy_count++] = seq;
    return st;
}

static inline sb_status cut_step(const cut_case *c, cut_promise *p, model *m, sb_pager *pager,
                                 sb_session *session, sb_err *err)
{
    const uint64_t before = m->committed;
    if (c->durability == CUT_CHANGES && sb_random_below(&m->random, 4) == 0) {
        p->durability = (sb_durability)sb_random_below(&m->random, 3);
        SB_TRY(sb_pager_set_durability(pager, p->durability, err));
    }
    /* From its first write on. */
    p->loose = p->loose || (p->durability == SB_DURABLE_OFF && !p->settled);
    const sb_status st = model_step(m, pager, session, err);
    if (st == SB_OK || m->committed != before) cut_promise_step(p, m, before);
    if (st != SB_OK) return st;
    if (p->copy_count == CUT_COPIES || sb_random_below(&m->random, 8) != 0) return SB_OK;
    return cut_copy(p, m, session, err);
}

/* Steps until one fails; closes in between now and then. The status is that of the failure. */
static inline sb_status cut_workload(const cut_case *c, cut_promise *p, model *m,
                                     sb_pager_options *options, unsigned steps, sb_err *err)
{
    sb_status st = SB_OK;
    for (unsigned step = 0; step < steps && st == SB_OK;) {
        sb_pager *pager = NULL;
        sb_session *session = NULL;
        if (c->durability == CUT_CHANGES)
            options->durability = (sb_durability)sb_random_below(&m->random, 3);
        p->durability = options->durability;
        p->settled = false;
        /* A file that is made in `off` may be anything until somebody has synced it. */
        p->loose = p->loose || (p->durability == SB_DURABLE_OFF && m->committed == 0);
        st = sb_pager_open("g", options, &pager, err);
        if (st != SB_OK) return st;
        if (p->durability != SB_DURABLE_OFF)
            cut_promise_closed(p, m); /* what it found is durable */
        st = sb_session_open(pager, &session, err);
        for (const unsigned end = step + 5 + (unsigned)sb_random_below(&m->random, 15);
             step < end && step < steps && st == SB_OK; step++)
            st = cut_step(c, p, m, pager, session, err);
        sb_session_close(session);
        const sb_status closed = sb_pager_close(pager, st == SB_OK ? err : NULL);
        if (st == SB_OK) st = closed;
        if (st == SB_OK) cut_promise_closed(p, m);
    }
    return st;
}

/* The file as it opens: the state of an allowed commit, which *seq tells. */
static inline sb_status cut_look(const sb_pager_options *options, const char *path,
                                 const model_state *history, uint64_t least, uint64_t most,
                                 uint64_t *seq, sb_err *err)
{
    sb_pager *pager = NULL;
    sb_session *session = NULL;
    sb_txn *txn = NULL;
    SB_TRY(sb_pager_open(path, options, &pager, err));
    sb_status st = sb_session_open(pager, &session, err);
    if (st == SB_OK) st = sb_txn_begin_read(session, &txn, err);
    if (st == SB_OK) {
        *seq = sb_txn_seq(txn);
        if (*seq < least || *seq > most)
            st = SB_FAIL(err, SB_CORRUPT, "%s shows commit %llu instead of %llu to %llu", path,
                         (unsigned long long)*seq, (unsigned long long)least,
                         (unsigned long long)most);
        else
            st = model_verify(txn, &history[*seq], err);
    }
    sb_txn_rollback(txn);
    sb_session_close(session);
    const sb_status closed = sb_pager_close(pager, st == SB_OK ? err : NULL);
    return st == SB_OK ? closed : st;
}

static inline sb_status cut_check(const cut_case *c, cut_promise *p, model *m,
                                  const sb_pager_options *options, sb_err *err)
{
    uint64_t least = p->least, seq = 0;
    if (c->outcome_seed % 2 != 0) {
        sb_pager_options reading = *options;
        reading.read_only = true;
        const sb_status st = cut_look(&reading, "g", m->history, least, m->attempted, &seq, err);
        if (st != SB_OK && !(st == SB_CANT_OPEN && least == 0)) return st; /* not made yet */
        if (st == SB_OK) least = seq; /* who comes after sees no less */
        if (err != NULL) sb_err_clear(err);
    }
    SB_TRY(cut_look(options, "g", m->history, least, m->attempted, &seq, err));
    m->committed = m->attempted = m->checkpointed = p->least = seq;
    m->now = m->history[seq];
    return SB_OK;
}

/* The backups that had returned; before the history goes on another way. */
static inline sb_status cut_check_copies(const cut_promise *p, const model *m,
                                         const sb_pager_options *options, sb_err *err)
{
    for (unsigned i = 0; i < p->copy_count; i++) {
        char name[16];
        uint64_t seq = 0;
        (void)snprintf(name, sizeof name, "copy%u", i);
        SB_TRY(cut_look(options, name, m->history, p->copies[i], p->copies[i], &seq, err));
    }
    return SB_OK;
}

/* *events: how many there were. *failure: what is wrong, SB_OK when all is well. */
static inline sb_status cut_run(const cut_case *c, uint64_t *events, sb_err *err)
{
    static sb_profile profile;
    sb_vfs *vfs = NULL, *after = NULL;
    sb_pager_options options;
    cut_promise p = {0};
    model m;
    sb_err ignored;
    sb_err_clear(&ignored);
    SB_TRY(sb_vfs_crash_create(&sb_allocator_libc, &vfs, err));
    model_init(&m, c->seed);
    sb_vfs_crash_set_cut(vfs, c->cut);
    cut_options(c, vfs, &profile, &options);
    sb_status st = cut_workload(c, &p, &m, &options, CUT_STEPS, &ignored);
    *events = sb_vfs_crash_events(vfs);
    if (st != SB_OK && c->cut == 0)
        st = SB_FAIL(err, st, "the workload fails without a cut: %s", ignored.text);
    else if (st == SB_CORRUPT)
        st = SB_FAIL(err, st, "before the power went: %s", ignored.text);
    else if (p.loose && c->mode != SB_CRASH_KEEP_ALL)
        st = SB_OK; /* it may not even open */
    else
        st = sb_vfs_crash_reboot(vfs, c->mode, c->outcome_seed, &after, err);
    if (st == SB_OK && after != NULL) {
        options.vfs = after;
        if (c->mode == SB_CRASH_KEEP_ALL) p.least = m.committed;
        st = cut_check(c, &p, &m, &options, err);
        if (st == SB_OK) st = cut_check_copies(&p, &m, &options, err);
        p.copy_count = CUT_COPIES; /* no more */
        if (st == SB_OK) st = cut_workload(c, &p, &m, &options, 6, err);
        p.least = m.committed; /* nothing is lost without a cut */
        if (st == SB_OK) st = cut_check(c, &p, &m, &options, err);
    }
    model_deinit(&m);
    sb_vfs_destroy(after);
    sb_vfs_destroy(vfs);
    return st;
}

static inline const char *cut_mode_name(sb_crash_mode mode)
{
    static const char *const names[] = {"lose all", "keep all", "random sectors",
                                        "random sectors and garbage"};
    return names[mode];
}

#endif
