/* pager_cut.h — one power cut: a recorded workload on the power-losing file system runs into it, the power comes
 * back, and the store must open, equal the last acknowledged commit or the one in flight, pass verify,
 * and go on working. Used by test_pager.c (a sample) and crash_sweep.c (as many as wanted). */
#ifndef TESTS_PAGER_CUT_H
#define TESTS_PAGER_CUT_H

#include "support/pager_model.h"

#define CUT_STEPS 30u

typedef struct cut_case {
    uint64_t seed;      /* of the workload */
    uint64_t cut;       /* event before which the power goes; 0: never */
    sb_crash_mode mode; /* what is left of unsynced writes */
    sb_durability durability;
    uint64_t outcome_seed; /* which of them */
} cut_case;

static inline void cut_options(const cut_case *c, sb_vfs *vfs, sb_profile *profile,
                               sb_pager_options *options)
{
    sb_pager_options_init(options);
    options->vfs = vfs;
    options->profile = profile;
    options->page_bytes = 4096;
    options->durability = c->durability;
    options->checkpoint_thread = false; /* the same events in each run */
    options->autocheckpoint_pages = 64;
    options->txn_memory_bytes = 12 * 4096;
    options->busy_timeout_ns = 0;
    options->check = model_check;
}

/* Steps until one fails; closes in between now and then. The status is that of the failure. */
static inline sb_status cut_workload(model *m, const sb_pager_options *options, unsigned steps,
                                     sb_err *err)
{
    sb_status st = SB_OK;
    for (unsigned step = 0; step < steps && st == SB_OK;) {
        sb_pager *pager = NULL;
        sb_session *session = NULL;
        st = sb_pager_open("g", options, &pager, err);
        if (st != SB_OK) return st;
        st = sb_session_open(pager, &session, err);
        for (const unsigned end = step + 5 + (unsigned)sb_random_below(&m->random, 15);
             step < end && step < steps && st == SB_OK; step++)
            st = model_step(m, pager, session, err);
        sb_session_close(session);
        const sb_status closed = sb_pager_close(pager, st == SB_OK ? err : NULL);
        if (st == SB_OK) st = closed;
        if (st == SB_OK) m->checkpointed = m->committed;
    }
    return st;
}

static inline bool cut_seq_allowed(const cut_case *c, const model *m, uint64_t seq)
{
    if (c->durability == SB_DURABLE_NORMAL) return seq >= m->checkpointed && seq <= m->attempted;
    return seq == m->committed || seq == m->attempted;
}

static inline sb_status cut_check(const cut_case *c, model *m, const sb_pager_options *options,
                                  sb_err *err)
{
    sb_pager *pager = NULL;
    sb_session *session = NULL;
    sb_txn *txn = NULL;
    SB_TRY(sb_pager_open("g", options, &pager, err));
    sb_status st = sb_session_open(pager, &session, err);
    if (st == SB_OK) st = sb_txn_begin_read(session, &txn, err);
    if (st == SB_OK) {
        const uint64_t seq = sb_txn_seq(txn);
        if (!cut_seq_allowed(c, m, seq))
            st = SB_FAIL(err, SB_CORRUPT,
                         "it shows commit %llu; acknowledged %llu, begun %llu, checkpointed %llu",
                         (unsigned long long)seq, (unsigned long long)m->committed,
                         (unsigned long long)m->attempted, (unsigned long long)m->checkpointed);
        else
            st = model_verify(txn, &m->history[seq], err);
        m->committed = m->attempted = seq;
        m->now = m->history[seq];
    }
    sb_txn_rollback(txn);
    sb_session_close(session);
    const sb_status closed = sb_pager_close(pager, st == SB_OK ? err : NULL);
    return st == SB_OK ? closed : st;
}

/* *events: how many there were. *failure: what is wrong, SB_OK when all is well. */
static inline sb_status cut_run(const cut_case *c, uint64_t *events, sb_err *err)
{
    static sb_profile profile;
    sb_vfs *vfs = NULL, *after = NULL;
    sb_pager_options options;
    model m;
    sb_err ignored;
    sb_err_clear(&ignored);
    SB_TRY(sb_vfs_crash_create(&sb_allocator_libc, &vfs, err));
    model_init(&m, c->seed);
    sb_vfs_crash_set_cut(vfs, c->cut);
    cut_options(c, vfs, &profile, &options);
    sb_status st = cut_workload(&m, &options, CUT_STEPS, &ignored);
    *events = sb_vfs_crash_events(vfs);
    if (st != SB_OK && c->cut == 0)
        st = SB_FAIL(err, st, "the workload fails without a cut: %s", ignored.text);
    else if (st == SB_CORRUPT)
        st = SB_FAIL(err, st, "before the power went: %s", ignored.text);
    else
        st = sb_vfs_crash_reboot(vfs, c->mode, c->outcome_seed, &after, err);
    if (st == SB_OK) {
        options.vfs = after;
        st = cut_check(c, &m, &options, err);
        if (st == SB_OK) st = cut_workload(&m, &options, 6, err);
        if (st == SB_OK) st = cut_check(c, &m, &options, err);
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
