/* test_lineage.c — files of one database at different states, mixed by hand in every way (lineage.c I21, I22, I33).
 * Two histories, the second parted from the first in the middle, go through commits, commits that bypass the WAL, rollbacks,
 * checkpoints of all kinds and back-fills that break off; the files are copied after each step. Then every main file is
 * opened with every WAL. What opens must show exactly one state of one of the two histories, and go on from there;
 * everything else must be refused with SB_CORRUPT. */
#include "pager_image.h"

#define IMAGES_MAX 40u
#define STEPS      16u

typedef struct history {
    model m;
} history;

typedef struct moment {
    image files;
    const history *of;
    uint64_t seq;
} moment;

typedef struct album {
    moment moments[IMAGES_MAX];
    size_t count;
} album;

typedef struct rig {
    fixture f;
    sb_vfs *inner;
} rig;

static void rig_open(rig *r, sb_vfs *inner)
{
    sb_vfs *vfs = NULL;
    assert_int_equal(sb_vfs_fault_create(&sb_allocator_libc, inner, &vfs, NULL), SB_OK);
    fixture_options(&r->f, vfs);
    r->inner = inner;
    r->f.options.txn_memory_bytes = 40 * 4096;
    fixture_open(&r->f, "x");
}
static void rig_close(rig *r)
{
    fixture_close(&r->f);
    sb_vfs_destroy(r->f.vfs);
    sb_vfs_destroy(r->inner);
}

static void take(album *a, rig *r, const history *h)
{
    assert_true(a->count < IMAGES_MAX);
    a->moments[a->count++] =
        (moment){.files = take_image(r->inner), .of = h, .seq = h->m.committed};
}

/* A back-fill whose n-th write fails: page 0 is that of before, some pages are not. */
static void break_off(rig *r, uint64_t n)
{
    sb_vfs_fault *fault = sb_vfs_fault_state(r->f.vfs);
    *fault =
        (sb_vfs_fault){.kinds = SB_IO_WRITE, .status = SB_IO, .fail_at = n, .persistent = true};
    const sb_status st = sb_pager_checkpoint(r->f.pager, SB_CHECKPOINT_PASSIVE, NULL, &r->f.err);
    assert_true(st == SB_OK || st == SB_IO);
    fault->fail_at = 0;
    sb_err_clear(&r->f.err);
}

/* Many fresh pages in one commit: they bypass the WAL. */
static void bulk(rig *r, history *h)
{
    sb_txn *txn = NULL;
    CHECK(&r->f, sb_txn_begin_write(r->f.session, &txn, &r->f.err));
    for (unsigned i = 0; i < 3; i++)
        CHECK(&r->f, model_op_run(&h->m, txn, &r->f.err));
    if (!sb_txn_dirty(txn)) {
        sb_txn_rollback(txn);
        return;
    }
    h->m.attempted = h->m.committed + 1;
    h->m.history[h->m.attempted] = h->m.now;
    CHECK(&r->f, sb_txn_commit(txn, &r->f.err));
    h->m.committed++;
}

static void step(rig *r, history *h, album *a, unsigned number)
{
    CHECK(&r->f, model_transaction(&h->m, r->f.session, &r->f.err));
    switch (number % 8) {
    case 1:
    case 5: bulk(r, h); break;
    case 2:
        CHECK(&r->f, sb_pager_checkpoint(r->f.pager, SB_CHECKPOINT_PASSIVE, NULL, &r->f.err));
        break;
    case 3: break_off(r, 3); break;
    case 4:
        CHECK(&r->f, sb_pager_checkpoint(r->f.pager, SB_CHECKPOINT_RESTART, NULL, &r->f.err));
        break;
    case 6: break_off(r, 2); break;
    case 7:
        CHECK(&r->f, sb_pager_checkpoint(r->f.pager,
                                         number == 7 ? SB_CHECKPOINT_TRUNCATE : SB_CHECKPOINT_FULL,
                                         NULL, &r->f.err));
        break;
    default: break;
    }
    take(a, r, h);
}

/* The second history begins as a copy of the files and the model of the first. */
static void part(history *to, const history *from)
{
    model_state *states = to->m.history;
    to->m = from->m;
    to->m.history = states;
    memcpy(states, from->m.history, MODEL_COMMITS * sizeof *states);
    to->m.random.state ^= 0x5bd1e995;
    to->m.next_version += 100000;
}

static void record(history h[2], album *a, uint64_t seed)
{
    rig r, other;
    model_init(&h[0].m, seed);
    model_init(&h[1].m, seed);
    rig_open(&r, fixture_memory());
    for (unsigned i = 0; i < STEPS; i++) {
        if (i == STEPS / 2) {
            const image *now = &a->moments[a->count - 1].files;
            part(&h[1], &h[0]);
            rig_open(&other, boot(now));
            for (unsigned k = i; k < STEPS; k++)
                step(&other, &h[1], a, k);
            rig_close(&other);
        }
        step(&r, &h[0], a, i);
    }
    rig_close(&r);
}

/* Which of the histories the store is a state of, or NULL. */
static const history *find_history(fixture *f, sb_txn *txn, const history h[2])
{
    for (unsigned i = 0; i < 2; i++) {
        bool same = false;
        const model_state *state = &h[i].m.history[sb_txn_seq(txn)];
        if (sb_txn_seq(txn) > h[i].m.committed) continue;
        if (sb_load_le32(sb_txn_meta(txn)) != state->stamp) continue;
        if (model_compare(txn, state, &same, &f->err) == SB_OK && same) return &h[i];
    }
    return NULL;
}

/* 1: opened, shows a state; 0: refused. Fails on anything else. */
static int mix(const history h[2], const moment *file, const moment *wal, const char *what)
{
    fixture f;
    sb_txn *txn = NULL;
    const image files = {file->files.main_file, wal == NULL ? NULL : wal->files.wal,
                         file->files.main_bytes, wal == NULL ? 0 : wal->files.wal_bytes};
    fixture_options(&f, boot(&files));
    const sb_status st = sb_pager_open("x", &f.options, &f.pager, &f.err);
    if (st != SB_OK) {
        if (st != SB_CORRUPT || file == wal) fail_msg("%s: %s (%d)", what, f.err.text, st);
        sb_vfs_destroy(f.vfs);
        return 0;
    }
    CHECK(&f, sb_session_open(f.pager, &f.session, &f.err));
    CHECK(&f, sb_txn_begin_read(f.session, &txn, &f.err));
    const uint64_t seq = sb_txn_seq(txn);
    if (find_history(&f, txn, h) == NULL)
        fail_msg("%s: it opens, and what it shows as commit %llu never was: %s", what,
                 (unsigned long long)seq, f.err.text);
    if (file == wal && seq != file->seq)
        fail_msg("%s: commit %llu instead of %llu", what, (unsigned long long)seq,
                 (unsigned long long)file->seq);
    sb_txn_rollback(txn);
    /* And it goes on from there. */
    CHECK(&f, sb_txn_begin_write(f.session, &txn, &f.err));
    sb_txn_meta_mut(txn)[8] = 1;
    CHECK(&f, sb_txn_commit(txn, &f.err));
    fixture_close(&f);
    fixture_open(&f, "x");
    CHECK(&f, sb_txn_begin_read(f.session, &txn, &f.err));
    assert_int_equal(sb_txn_seq(txn), seq + 1);
    sb_txn_rollback(txn);
    fixture_close(&f);
    sb_vfs_destroy(f.vfs);
    return 1;
}

static void test_pager_lineage__every_mixture(void **state)
{
    (void)state;
    static history h[2];
    static album a;
    const uint64_t seed = test_random(77).state;
    size_t opened = 0, alone = 0;
    memset(&a, 0, sizeof a);
    record(h, &a, seed);
    for (size_t i = 0; i < a.count; i++) {
        char what[100];
        for (size_t j = 0; j < a.count; j++) {
            (void)snprintf(what, sizeof what, "seed %llu, file %zu, WAL %zu",
                           (unsigned long long)seed, i, j);
            opened += (size_t)mix(h, &a.moments[i], &a.moments[j], what);
        }
        (void)snprintf(what, sizeof what, "seed %llu, file %zu, no WAL", (unsigned long long)seed,
                       i);
        alone += (size_t)mix(h, &a.moments[i], NULL, what);
    }
    printf("%zu states: %zu of %zu mixtures open, %zu without a WAL\n", a.count, opened,
           a.count * a.count, alone);
    assert_true(opened >= a.count && opened < a.count * a.count * 3 / 4 && alone < a.count);
    for (size_t i = 0; i < a.count; i++)
        free_image(&a.moments[i].files);
    model_deinit(&h[0].m);
    model_deinit(&h[1].m);
}

/* The message says what to do, a reader without a slot and an immutable one judge alike, and salvage leaves out what does
 * not belong. */
static void test_pager_lineage__everybody_refuses(void **state)
{
    (void)state;
    rig r;
    fixture f;
    sb_txn *txn = NULL;
    rig_open(&r, fixture_memory());
    for (uint32_t v = 1; v <= 3; v++)
        CHECK(&r.f, fixture_put(&r.f, r.f.session, 1, 5, v));
    const image old = take_image(r.inner);
    CHECK(&r.f, sb_pager_checkpoint(r.f.pager, SB_CHECKPOINT_RESTART, NULL, &r.f.err));
    CHECK(&r.f, fixture_put(&r.f, r.f.session, 1, 5, 4));
    CHECK(&r.f, fixture_put(&r.f, r.f.session, 1, 5, 5));
    const image new = take_image(r.inner);
    rig_close(&r);
    const image mixed = {old.main_file, new.wal, old.main_bytes, new.wal_bytes};
    fixture_options(&f, boot(&mixed));
    assert_int_equal(sb_pager_open("x", &f.options, &f.pager, &f.err), SB_CORRUPT);
    assert_non_null(strstr(f.err.text, "x-wal holds commits up to 5 of another state"));
    assert_non_null(strstr(f.err.text, "move the WAL away"));
    sb_err_clear(&f.err);
    f.options.forgive = true;
    fixture_open(&f, "x"); /* page 0 of that time: nothing had been checkpointed */
    CHECK(&f, sb_txn_begin_read(f.session, &txn, &f.err));
    assert_int_equal(sb_txn_seq(txn), 0);
    sb_txn_rollback(txn);
    fixture_close(&f);
    sb_vfs_destroy(f.vfs);
    free(old.main_file);
    free(old.wal);
    free(new.main_file);
    free(new.wal);
}

/* A back-fill has begun: the file alone is no state of anybody's, for immutable readers neither. */
static void test_pager_lineage__unfinished_back_fill(void **state)
{
    (void)state;
    rig r;
    fixture f;
    rig_open(&r, fixture_memory());
    for (uint32_t v = 1; v <= 3; v++)
        CHECK(&r.f, fixture_put(&r.f, r.f.session, 1, 5, v));
    break_off(&r, 2);
    image half = take_image(r.inner);
    rig_close(&r);
    free(half.wal);
    half.wal = NULL;
    for (unsigned immutable = 0; immutable < 2; immutable++) {
        fixture_options(&f, boot(&half));
        f.options.immutable = immutable != 0;
        assert_int_equal(sb_pager_open("x", &f.options, &f.pager, &f.err), SB_CORRUPT);
        assert_non_null(strstr(f.err.text, "being brought to commit 3"));
        sb_vfs_destroy(f.vfs);
    }
    free_image(&half);
}

/* In `normal` the end of the WAL may be lost; what bypassed it is known even when stamps of later commits came after. */
static void test_pager_lineage__lost_tail_after_bypasses(void **state)
{
    (void)state;
    static history h;
    static image states[70];
    rig r;
    model_init(&h.m, 5);
    rig_open(&r, fixture_memory());
    CHECK(&r.f, sb_pager_set_durability(r.f.pager, SB_DURABLE_NORMAL, &r.f.err));
    size_t count = 0;
    for (; count < 12; count++) {
        bulk(&r, &h);
        states[count] = take_image(r.inner);
    }
    const image *last = &states[count - 1];
    for (size_t i = 0; i < count; i++) {
        moment file = {.files = *last}, wal = {.files = states[i], .seq = i + 1};
        char what[40];
        (void)snprintf(what, sizeof what, "tail lost after commit %zu", i + 1);
        const history both[2] = {h, h};
        assert_int_equal(mix(both, &file, &wal, what), 1);
    }
    rig_close(&r);
    for (size_t i = 0; i < count; i++)
        free_image(&states[i]);
    model_deinit(&h.m);
}

/* The WAL is moved away, a transaction then writes over the pages that bypassed it, and is rolled back: the WAL must not
 * be taken when it is brought back. */
static void test_pager_lineage__brought_back(void **state)
{
    (void)state;
    rig r;
    fixture f;
    sb_txn *txn = NULL;
    for (unsigned commit = 0; commit < 2; commit++) {
        rig_open(&r, fixture_memory());
        CHECK(&r.f, fixture_put(&r.f, r.f.session, 1, 5, 1));
        CHECK(&r.f, sb_pager_checkpoint(r.f.pager, SB_CHECKPOINT_RESTART, NULL, &r.f.err));
        CHECK(&r.f, fixture_put(&r.f, r.f.session, 6, 40, 2)); /* bypasses the WAL */
        image old = take_image(r.inner);
        rig_close(&r);
        const image alone = {.main_file = old.main_file, .main_bytes = old.main_bytes};
        rig_open(&r, boot(&alone));
        if (commit) CHECK(&r.f, fixture_put(&r.f, r.f.session, 1, 5, 3));
        CHECK(&r.f, sb_txn_begin_write(r.f.session, &txn, &r.f.err));
        assert_int_equal(sb_txn_page_count(txn), 6);
        for (sb_pgno pgno = 6; pgno < 60; pgno++) {
            sb_pgno made = 0;
            uint8_t *bytes = NULL;
            CHECK(&r.f, sb_page_alloc(txn, SB_PAGE_SLOTTED, MODEL_TREE, &made, &bytes, &r.f.err));
            model_fill(bytes, 4096, made, 9);
            CHECK(&r.f, sb_txn_spill(txn, &r.f.err));
        }
        sb_txn_rollback(txn);
        image now = take_image(r.inner);
        rig_close(&r);
        const image mixed = {now.main_file, old.wal, now.main_bytes, old.wal_bytes};
        fixture_options(&f, boot(&mixed));
        assert_int_equal(sb_pager_open("x", &f.options, &f.pager, &f.err), SB_CORRUPT);
        sb_vfs_destroy(f.vfs);
        free_image(&old);
        free_image(&now);
    }
}

/* ---- Page 0 lost ----------------------------------------------------------------------------- */

/* What is left of a main file: so many bytes of it, or a page 0 of zeros before the rest. */
static image remains(const moment *file, const moment *wal, size_t bytes)
{
    image left = {.main_bytes = bytes == SIZE_MAX ? file->files.main_bytes : bytes};
    left.main_file = malloc(left.main_bytes + 1);
    assert_non_null(left.main_file);
    memcpy(left.main_file, file->files.main_file, left.main_bytes);
    if (bytes == SIZE_MAX || bytes == 4096) memset(left.main_file, 0, 4096);
    if (wal != NULL) {
        left.wal = wal->files.wal;
        left.wal_bytes = wal->files.wal_bytes;
    }
    return left;
}

/* Refused: both files are as they were. */
static void same_files(sb_vfs *vfs, const image *left, const char *what)
{
    image now = take_image(vfs);
    if (now.main_bytes != left->main_bytes || now.wal_bytes != left->wal_bytes ||
        memcmp(now.main_file, left->main_file, now.main_bytes) != 0 ||
        (now.wal_bytes != 0 && memcmp(now.wal, left->wal, now.wal_bytes) != 0))
        fail_msg("%s: refused, and changed", what);
    free_image(&now);
}

/* Opens what is left, and again as a process leaves it that is killed behind its first commit there. 1: it shows a state of
 * history h; 0: it is refused, or says that pages are lost; -1: a database yet to begin. */
static int open_remains(const image *left, const history *h, const char *what)
{
    fixture f;
    sb_txn *txn = NULL;
    bool same = false;
    fixture_options(&f, boot(left));
    sb_status st = sb_pager_open("x", &f.options, &f.pager, &f.err);
    if (st != SB_OK) {
        if (st != SB_CORRUPT && st != SB_NOT_A_DB) fail_msg("%s: %s", what, f.err.text);
        same_files(f.vfs, left, what);
        sb_vfs_destroy(f.vfs);
        return 0;
    }
    CHECK(&f, sb_session_open(f.pager, &f.session, &f.err));
    CHECK(&f, sb_txn_begin_read(f.session, &txn, &f.err));
    const uint64_t seq = sb_txn_seq(txn);
    if (seq != 0) st = model_compare(txn, &h->m.history[seq], &same, &f.err);
    if (st == SB_OK && seq != 0 && !same) fail_msg("%s: a state of nobody's", what);
    sb_txn_rollback(txn);
    if (same) {
        CHECK(&f, sb_txn_begin_write(f.session, &txn, &f.err));
        sb_txn_meta_mut(txn)[8] = 1;
        CHECK(&f, sb_txn_commit(txn, &f.err));
        fixture killed;
        image then = take_image(f.vfs);
        fixture_options(&killed, boot(&then));
        fixture_open(&killed, "x");
        CHECK(&killed, sb_txn_begin_read(killed.session, &txn, &killed.err));
        assert_int_equal(sb_txn_seq(txn), seq + 1);
        sb_txn_rollback(txn);
        fixture_close(&killed);
        sb_vfs_destroy(killed.vfs);
        free_image(&then);
    }
    sb_err_clear(&f.err);
    fixture_close(&f);
    sb_vfs_destroy(f.vfs);
    return seq == 0 ? -1 : same;
}

/* Main files cut off in page 0, or without it, beside WALs of their own, of strangers, and none (I29). */
static void test_pager_lineage__page_0_lost(void **state)
{
    static const size_t lengths[] = {0,    1,    300,  511,  512,  1000,    2048,
                                     2559, 2560, 3000, 4095, 4096, SIZE_MAX};
    (void)state;
    static history h[2];
    static album a;
    size_t opened = 0, files = 0;
    memset(&a, 0, sizeof a);
    for (unsigned i = 0; i < 2; i++) {
        rig r;
        model_init(&h[i].m, 8 + i); /* no commit of the first step bypasses the WAL */
        rig_open(&r, fixture_memory());
        for (unsigned k = 0; k < 6; k++)
            step(&r, &h[i], &a, k == 0 ? 8 : k);
        rig_close(&r);
    }
    for (size_t i = 0; i < a.count / 2; i++)
        for (size_t j = 0; j <= a.count; j++)
            for (size_t l = 0; l < sizeof lengths / sizeof lengths[0]; l++) {
                const moment *file = &a.moments[i], *wal = j < a.count ? &a.moments[j] : NULL;
                const bool own = wal == NULL || wal->of == file->of;
                char what[100];
                (void)snprintf(what, sizeof what, "file %zu, %zu bytes of it, WAL %zu", i,
                               lengths[l], j);
                const image left = remains(file, wal, lengths[l]);
                bool blank = true;
                for (size_t at = 0; at < left.main_bytes; at++)
                    blank = blank && left.main_file[at] == 0;
                const int got = open_remains(&left, wal == NULL ? file->of : wal->of, what);
                const bool whole = lengths[l] >= 2560 && lengths[l] < 4096; /* zeros follow */
                if (got == -1 && (wal != NULL || (lengths[l] != 0 && !whole)))
                    fail_msg("%s: taken for a database yet to begin", what);
                if (got == 1 && !own && !blank) fail_msg("%s: a stranger's WAL counts", what);
                if (got != 1 && blank && (j == 0 || j == a.count / 2))
                    fail_msg("%s: all is in the WAL", what);
                opened += got == 1;
                files++;
                free(left.main_file);
            }
    printf("%zu mixtures, %zu show a state\n", files, opened);
    assert_true(opened > 0 && opened < files / 4);
    for (size_t i = 0; i < a.count; i++)
        free_image(&a.moments[i].files);
    model_deinit(&h[0].m);
    model_deinit(&h[1].m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_pager_lineage__page_0_lost),
        TEST(test_pager_lineage__every_mixture),
        TEST(test_pager_lineage__everybody_refuses),
        TEST(test_pager_lineage__unfinished_back_fill),
        TEST(test_pager_lineage__lost_tail_after_bypasses),
        TEST(test_pager_lineage__brought_back),
    };
    return cmocka_run_group_tests_name("pager_lineage", tests, NULL, NULL);
}
