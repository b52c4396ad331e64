/* pager_model.h — a plain model of what the pager must hold, and a random workload that drives both.
 * Each page of the model has a version number; its bytes are a pattern of (page number, version), so a torn
 * page, one of another time or one of another place shows. The states of all commits are kept, so a
 * reopened store can be compared with each of them. Errors are returned, never asserted: the caller
 * decides which are allowed. */
#ifndef TESTS_PAGER_MODEL_H
#define TESTS_PAGER_MODEL_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "pager/pager.h"

#define MODEL_PAGES   1024u
#define MODEL_COMMITS 512u
#define MODEL_TREE    7u

typedef struct model_state {
    uint32_t version[MODEL_PAGES]; /* 0: not in use */
    uint32_t stamp;                /* in the first bytes of meta */
} model_state;

typedef struct model {
    sb_random random;
    uint32_t next_version;
    model_state now;       /* of the open transaction, or as committed */
    model_state *history;  /* by commit number; history[0] is empty */
    uint64_t committed;    /* commits acknowledged */
    uint64_t attempted;    /* greatest commit number whose commit call began */
    uint64_t checkpointed; /* commits that a checkpoint which waits has brought into the main
                            * file */
    bool with_checkpoints, with_spill;
} model;

static inline void model_init(model *m, uint64_t seed)
{
    memset(m, 0, sizeof *m);
    m->random.state = seed;
    m->next_version = 1;
    m->history = calloc(MODEL_COMMITS, sizeof *m->history);
    m->with_checkpoints = m->with_spill = true;
    if (m->history == NULL) abort();
}
static inline void model_deinit(model *m)
{
    free(m->history);
}

static inline uint64_t model_word(uint32_t pgno, uint32_t version, uint32_t i)
{
    return ((uint64_t)pgno << 40) ^ ((uint64_t)version << 16) ^ (uint64_t)i * 0x9E3779B97F4A7C15ull;
}
static inline void model_fill(uint8_t *bytes, uint32_t page_bytes, uint32_t pgno, uint32_t version)
{
    bytes[SB_PAGE_KIND] = SB_PAGE_SLOTTED;
    sb_store_le32(bytes + SB_PAGE_TREE, MODEL_TREE);
    for (uint32_t i = SB_PAGE_COMMON; i < page_bytes; i += 8)
        sb_store_le64(bytes + i, model_word(pgno, version, i));
}
static inline bool model_matches(const uint8_t *bytes, uint32_t page_bytes, uint32_t pgno,
                                 uint32_t version)
{
    if (bytes[SB_PAGE_KIND] != SB_PAGE_SLOTTED || sb_load_le32(bytes + SB_PAGE_TREE) != MODEL_TREE)
        return false;
    for (uint32_t i = SB_PAGE_COMMON; i < page_bytes; i += 8)
        if (sb_load_le64(bytes + i) != model_word(pgno, version, i)) return false;
    return true;
}
/* The structure check that the tests install: accepts any bytes, refuses wrong kinds. */
static inline sb_status model_check(void *ctx, const uint8_t *page, uint32_t page_bytes,
                                    sb_pgno pgno, sb_err *err)
{
    (void)ctx;
    (void)page_bytes;
    if (page[SB_PAGE_KIND] > SB_PAGE_OVERFLOW)
        return SB_FAIL_PAGE(err, pgno, "page %u: kind %u", pgno, page[4]);
    return SB_OK;
}

/* Does the transaction see exactly this state? Prints the difference. */
static inline sb_status model_compare(sb_txn *txn, const model_state *state, bool *same,
                                      sb_err *err)
{
    const uint32_t page_bytes = sb_pager_page_bytes(sb_txn_pager(txn));
    *same = sb_load_le32(sb_txn_meta(txn)) == state->stamp;
    if (!*same)
        printf("meta says %u, the model %u\n", sb_load_le32(sb_txn_meta(txn)), state->stamp);
    for (uint32_t pgno = 1; pgno < MODEL_PAGES && *same; pgno++) {
        sb_page page;
        if (state->version[pgno] == 0) continue;
        SB_TRY(sb_page_acquire(txn, pgno, &page, err));
        *same = model_matches(page.bytes, page_bytes, pgno, state->version[pgno]);
        if (!*same) {
            printf("page %u at commit %llu is not version %u; it has kind %u, word %llx\n", pgno,
                   (unsigned long long)sb_txn_seq(txn), state->version[pgno],
                   page.bytes[SB_PAGE_KIND], (unsigned long long)sb_load_le64(page.bytes + 16));
        }
        sb_page_release(txn, &page);
    }
    return SB_OK;
}

static inline void model_print_finding(void *ctx, sb_pgno pgno, const char *message)
{
    (void)ctx;
    printf("finding: page %u: %s\n", pgno, message);
}

/* model_compare and sb_pager_verify; SB_CORRUPT when either finds a difference. */
static inline sb_status model_verify(sb_txn *txn, const model_state *state, sb_err *err)
{
    bool same = false;
    uint8_t used[MODEL_PAGES / 8] = {0};
    uint64_t findings = 0;
    SB_TRY(model_compare(txn, state, &same, err));
    if (!same)
        return SB_FAIL(err, SB_CORRUPT, "the content is not that of commit %llu",
                       (unsigned long long)sb_txn_seq(txn));
    for (uint32_t pgno = 1; pgno < MODEL_PAGES; pgno++)
        if (state->version[pgno] != 0) sb_bit_set(used, pgno);
    if (sb_txn_page_count(txn) > MODEL_PAGES) return SB_FAIL(err, SB_CORRUPT, "too many pages");
    SB_TRY(sb_pager_verify(txn, used, model_print_finding, NULL, NULL, NULL, &findings, err));
    if (findings != 0)
        return SB_FAIL(err, SB_CORRUPT, "verify has %llu findings", (unsigned long long)findings);
    return SB_OK;
}

/* ---- The workload ---------------------------------------------------------------------------- */

static inline uint32_t model_pick(model *m)
{
    const uint32_t from = 1 + (uint32_t)sb_random_below(&m->random, MODEL_PAGES - 1);
    for (uint32_t i = 0; i < MODEL_PAGES; i++) {
        const uint32_t pgno = (from + i) % MODEL_PAGES;
        if (m->now.version[pgno] != 0) return pgno;
    }
    return 0;
}

static inline sb_status model_op_alloc(model *m, sb_txn *txn, sb_err *err)
{
    sb_pgno pgno = 0;
    uint8_t *bytes = NULL;
    if (sb_txn_page_count(txn) >= MODEL_PAGES - 80) return SB_OK;
    SB_TRY(sb_page_alloc(txn, SB_PAGE_SLOTTED, MODEL_TREE, &pgno, &bytes, err));
    if (m->now.version[pgno] != 0)
        return SB_FAIL(err, SB_CORRUPT, "page %u was allocated while in use", pgno);
    m->now.version[pgno] = m->next_version++;
    model_fill(bytes, sb_pager_page_bytes(sb_txn_pager(txn)), pgno, m->now.version[pgno]);
    return SB_OK;
}

static inline sb_status model_op_mut(model *m, sb_txn *txn, sb_err *err)
{
    uint8_t *bytes = NULL;
    const uint32_t pgno = model_pick(m);
    const uint32_t page_bytes = sb_pager_page_bytes(sb_txn_pager(txn));
    if (pgno == 0) return SB_OK;
    SB_TRY(sb_page_mut(txn, pgno, &bytes, err));
    if (!model_matches(bytes, page_bytes, pgno, m->now.version[pgno]))
        return SB_FAIL(err, SB_CORRUPT, "page %u is not what the transaction made of it", pgno);
    m->now.version[pgno] = m->next_version++;
    model_fill(bytes, page_bytes, pgno, m->now.version[pgno]);
    return SB_OK;
}

static inline sb_status model_op_free(model *m, sb_txn *txn, sb_err *err)
{
    const uint32_t pgno = model_pick(m);
    if (pgno == 0) return SB_OK;
    SB_TRY(sb_page_free(txn, pgno, err));
    m->now.version[pgno] = 0;
    return SB_OK;
}

static inline sb_status model_op_run(model *m, sb_txn *txn, sb_err *err)
{
    const uint32_t page_bytes = sb_pager_page_bytes(sb_txn_pager(txn));
    const uint32_t count = 1 + (uint32_t)sb_random_below(&m->random, 40);
    sb_pgno first = 0;
    if (sb_txn_page_count(txn) + count >= MODEL_PAGES - 80) return SB_OK;
    uint8_t *pages = calloc(count, page_bytes);
    if (pages == NULL) abort();
    sb_status st = sb_page_alloc_run(txn, count, &first, err);
    for (uint32_t i = 0; i < count && st == SB_OK; i++) {
        m->now.version[first + i] = m->next_version++;
        model_fill(pages + (size_t)i * page_bytes, page_bytes, first + i,
                   m->now.version[first + i]);
    }
    if (st == SB_OK) st = sb_page_write_fresh(txn, first, pages, count, err);
    free(pages);
    return st;
}

static inline sb_status model_ops(model *m, sb_txn *txn, uint32_t count, unsigned depth,
                                  sb_err *err);

static inline sb_status model_op_savepoint(model *m, sb_txn *txn, unsigned depth, sb_err *err)
{
    uint32_t id = 0;
    model_state *before = malloc(sizeof *before);
    if (before == NULL) abort();
    *before = m->now;
    sb_status st = sb_txn_savepoint(txn, &id, err);
    if (st == SB_OK) {
        sb_store_le32(sb_txn_meta_mut(txn), m->now.stamp = m->next_version++);
        st = model_ops(m, txn, 1 + (uint32_t)sb_random_below(&m->random, 8), depth + 1, err);
    }
    if (st == SB_OK && sb_random_below(&m->random, 2) == 0) {
        st = sb_txn_rollback_to(txn, id, err);
        m->now = *before;
    }
    if (st == SB_OK) st = sb_txn_release(txn, id, err);
    free(before);
    return st;
}

static inline sb_status model_ops(model *m, sb_txn *txn, uint32_t count, unsigned depth,
                                  sb_err *err)
{
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t dice = sb_random_below(&m->random, 100);
        if (dice < 30)
            SB_TRY(model_op_alloc(m, txn, err));
        else if (dice < 65)
            SB_TRY(model_op_mut(m, txn, err));
        else if (dice < 80)
            SB_TRY(model_op_free(m, txn, err));
        else if (dice < 84)
            SB_TRY(model_op_run(m, txn, err));
        else if (dice < 92 && depth < 3)
            SB_TRY(model_op_savepoint(m, txn, depth, err));
        else if (m->with_spill)
            SB_TRY(sb_txn_spill(txn, err));
    }
    return SB_OK;
}

/* One write transaction, committed or (one time in eight) rolled back. On failure the model is as
 * committed before; attempted tells whether the commit call was reached. */
static inline sb_status model_transaction(model *m, sb_session *session, sb_err *err)
{
    sb_txn *txn = NULL;
    bool same = false;
    const model_state *before = &m->history[m->committed];
    SB_TRY(sb_txn_begin_write(session, &txn, err));
    uint32_t count = (uint32_t)sb_random_below(&m->random, 12);
    if (sb_random_below(&m->random, 10) == 0) count *= 8;
    sb_store_le32(sb_txn_meta_mut(txn), m->now.stamp = m->next_version++);
    sb_status st = model_ops(m, txn, count, 0, err);
    if (st == SB_OK && sb_random_below(&m->random, 4) == 0) {
        st = model_compare(txn, &m->now, &same, err);
        if (st == SB_OK && !same)
            st = SB_FAIL(err, SB_CORRUPT, "the writer does not see its own changes");
    }
    if (st != SB_OK || sb_random_below(&m->random, 8) == 0 || m->committed + 1 == MODEL_COMMITS) {
        sb_txn_rollback(txn);
        m->now = *before;
        return st;
    }
    m->history[m->committed + 1] = m->now;
    m->attempted = m->committed + 1;
    st = sb_txn_commit(txn, err);
    if (st == SB_OK)
        m->committed++;
    else
        m->now = *before;
    return st;
}

/* A step of the workload: a transaction, sometimes followed by a checkpoint. */
static inline sb_status model_step(model *m, sb_pager *pager, sb_session *session, sb_err *err)
{
    SB_TRY(model_transaction(m, session, err));
    if (!m->with_checkpoints || sb_random_below(&m->random, 8) != 0) return SB_OK;
    const sb_checkpoint_mode mode = (sb_checkpoint_mode)sb_random_below(&m->random, 4);
    SB_TRY(sb_pager_checkpoint(pager, mode, NULL, err));
    if (mode != SB_CHECKPOINT_PASSIVE) m->checkpointed = m->committed;
    return SB_OK;
}

#endif
