/* test_threads.c — readers, writers and checkpoints of one process at the same time (DESIGN §9 rules 3, 4, 5).
 * Every commit gives all pages one version and writes it into meta: a reader that sees two versions, or a version
 * that the number of commits does not give, has seen a torn or a future state. Run it under
 * ThreadSanitizer too. */
#include "pager_fixture.h"

#include "pager/pager_priv.h"

#define PAGES          12u
#define AUTOCHECKPOINT 60u

typedef struct stress {
    fixture f;
    _Atomic bool stop;
    _Atomic uint64_t commits, reads, failures;
    _Atomic uint64_t acknowledged; /* greatest version whose commit has returned */
    _Atomic uint64_t most_frames;  /* that the WAL had when a commit had returned */
    unsigned rounds;
} stress;

static void note_failure(stress *s, const char *what, const char *text)
{
    if (atomic_fetch_add(&s->failures, 1) == 0) printf("%s: %s\n", what, text);
}

static void read_loop(void *ctx)
{
    stress *s = ctx;
    sb_session *session = NULL;
    sb_err err;
    sb_err_clear(&err);
    if (sb_session_open(s->f.pager, &session, &err) != SB_OK) note_failure(s, "session", err.text);
    while (!atomic_load(&s->stop) && session != NULL) {
        sb_txn *txn = NULL;
        const uint64_t least = atomic_load(&s->acknowledged);
        if (sb_txn_begin_read(session, &txn, &err) != SB_OK) {
            note_failure(s, "begin", err.text);
            break;
        }
        const uint32_t version = sb_load_le32(sb_txn_meta(txn));
        if (version < least) note_failure(s, "reader", "an acknowledged commit is missing");
        for (sb_pgno pgno = 1; pgno <= PAGES; pgno++) {
            sb_page page;
            if (sb_page_acquire(txn, pgno, &page, &err) != SB_OK) {
                note_failure(s, "acquire", err.text);
                break;
            }
            if (!model_matches(page.bytes, 4096, pgno, version))
                note_failure(s, "reader", "a torn or future state");
            sb_page_release(txn, &page);
        }
        sb_txn_rollback(txn);
        atomic_fetch_add(&s->reads, 1);
    }
    sb_session_close(session);
}

static void note_frames(stress *s)
{
    const uint64_t used = sb_mark_pos(atomic_load(&s->f.pager->shm->appended)) - SB_WAL_START;
    const uint64_t frames = used / (4096 / SB_WAL_UNIT + 1);
    uint64_t most = atomic_load(&s->most_frames);
    while (most < frames && !atomic_compare_exchange_weak(&s->most_frames, &most, frames)) {
    }
}

static sb_status write_once(stress *s, sb_session *session, sb_err *err)
{
    sb_txn *txn = NULL;
    SB_TRY(sb_txn_begin_write(session, &txn, err));
    const uint32_t version = sb_load_le32(sb_txn_meta(txn)) + 1;
    sb_store_le32(sb_txn_meta_mut(txn), version);
    for (sb_pgno pgno = 1; pgno <= PAGES; pgno++) {
        uint8_t *bytes = NULL;
        const sb_status st = sb_page_mut(txn, pgno, &bytes, err);
        if (st != SB_OK) {
            sb_txn_rollback(txn);
            return st;
        }
        model_fill(bytes, 4096, pgno, version);
    }
    SB_TRY(sb_txn_commit(txn, err));
    sb_err_clear(err);
    uint64_t seen = atomic_load(&s->acknowledged);
    while (seen < version && !atomic_compare_exchange_weak(&s->acknowledged, &seen, version)) {
    }
    atomic_fetch_add(&s->commits, 1);
    note_frames(s);
    return SB_OK;
}

static void write_loop(void *ctx)
{
    stress *s = ctx;
    sb_session *session = NULL;
    sb_err err;
    sb_err_clear(&err);
    if (sb_session_open(s->f.pager, &session, &err) != SB_OK) note_failure(s, "session", err.text);
    for (unsigned i = 0; i < s->rounds && session != NULL; i++)
        if (write_once(s, session, &err) != SB_OK) note_failure(s, "write", err.text);
    sb_session_close(session);
}

static void checkpoint_loop(void *ctx)
{
    stress *s = ctx;
    sb_err err;
    for (unsigned i = 0; !atomic_load(&s->stop); i++) {
        sb_err_clear(&err);
        const sb_status st =
            sb_pager_checkpoint(s->f.pager, (sb_checkpoint_mode)(i % 4), NULL, &err);
        if (st != SB_OK && st != SB_BUSY) note_failure(s, "checkpoint", err.text);
        s->f.vfs->ops->sleep_ns(s->f.vfs, 200000);
    }
}

#define READERS_MOST 8u
#define WRITERS_MOST 3u

typedef struct stress_plan {
    sb_durability durability;
    sb_read_mode read_mode;
    unsigned readers, writers;
    bool checkpoints; /* on demand, of all modes, beside the automatic ones */
    unsigned rounds;  /* commits of each writer */
} stress_plan;

static void stress_open(stress *s, const stress_plan *plan)
{
    memset(s, 0, sizeof *s);
    fixture_options(&s->f, fixture_memory());
    s->f.options.durability = plan->durability;
    s->f.options.read_mode = plan->read_mode;
    s->f.options.cache_pages = 16;
    s->f.options.autocheckpoint_pages = AUTOCHECKPOINT;
    s->f.options.checkpoint_thread = true;
    s->f.options.busy_timeout_ns = 20000000000u;
    s->rounds = plan->rounds;
    fixture_open(&s->f, "t");
    CHECK(&s->f, fixture_put(&s->f, s->f.session, 1, PAGES, 0));
}

static void stress_threads(stress *s, const stress_plan *plan)
{
    sb_thread *readers[READERS_MOST], *writers[WRITERS_MOST], *checkpointer = NULL;
    for (unsigned i = 0; i < plan->readers; i++)
        CHECK(&s->f, sb_thread_create(&sb_allocator_libc, read_loop, s, &readers[i], &s->f.err));
    for (unsigned i = 0; i < plan->writers; i++)
        CHECK(&s->f, sb_thread_create(&sb_allocator_libc, write_loop, s, &writers[i], &s->f.err));
    if (plan->checkpoints)
        CHECK(&s->f,
              sb_thread_create(&sb_allocator_libc, checkpoint_loop, s, &checkpointer, &s->f.err));
    for (unsigned i = 0; i < plan->writers; i++)
        sb_thread_join(writers[i]);
    atomic_store(&s->stop, true);
    for (unsigned i = 0; i < plan->readers; i++)
        sb_thread_join(readers[i]);
    sb_thread_join(checkpointer);
}

static void run_stress(const stress_plan *plan)
{
    static stress s;
    const uint64_t commits = (uint64_t)plan->writers * plan->rounds;
    stress_open(&s, plan);
    stress_threads(&s, plan);
    sb_pager_info info;
    CHECK(&s.f, sb_pager_get_info(s.f.pager, &info, &s.f.err));
    printf("%llu commits, %llu reads, %llu syncs, WAL %llu frames at most\n",
           (unsigned long long)s.commits, (unsigned long long)s.reads,
           (unsigned long long)info.syncs, (unsigned long long)s.most_frames);
    assert_int_equal(s.failures, 0);
    assert_int_equal(s.commits, commits);
    assert_int_equal(info.commit_seq, commits + 1);
    assert_true(s.reads > 0);
    assert_true(fixture_reads(&s.f, s.f.session, 1, PAGES, (uint32_t)commits));
    assert_true(s.most_frames < 4 * AUTOCHECKPOINT); /* rule 4, after each of the commits */
    fixture_close(&s.f);
    sb_vfs_destroy(s.f.vfs);
}

static void test_pager_threads__full(void **state)
{
    (void)state;
    run_stress(&(stress_plan){SB_DURABLE_FULL, SB_READ_MAP, 3, 3, true, 150});
}
static void test_pager_threads__normal(void **state)
{
    (void)state;
    run_stress(&(stress_plan){SB_DURABLE_NORMAL, SB_READ_MAP, 3, 3, true, 150});
}
static void test_pager_threads__cache(void **state)
{
    (void)state;
    run_stress(&(stress_plan){SB_DURABLE_FULL, SB_READ_CACHE, 3, 3, true, 150});
}
/* Rule 4: overlapping readers do not starve the restart of the WAL. */
static void test_pager_threads__no_starvation(void **state)
{
    (void)state;
    run_stress(&(stress_plan){SB_DURABLE_NORMAL, SB_READ_MAP, 8, 1, false, 300});
    run_stress(&(stress_plan){SB_DURABLE_FULL, SB_READ_MAP, 8, 1, false, 200});
    run_stress(&(stress_plan){SB_DURABLE_NORMAL, SB_READ_MAP, 8, 3, false, 100});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_pager_threads__full),
        TEST(test_pager_threads__normal),
        TEST(test_pager_threads__cache),
        TEST(test_pager_threads__no_starvation),
    };
    return cmocka_run_group_tests_name("pager_threads", tests, NULL, NULL);
}
