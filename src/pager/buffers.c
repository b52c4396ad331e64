/* buffers.c — page buffers of a session. They are taken from the allocator in runs: as many at once as there are already, up to RUN_BYTES. So
 * a transaction of many pages asks for memory a few times and gets large blocks, which cost the system less (os/os_memory.c I5), and one of few
 * pages takes few.
 * I34 The pool has room for every buffer there is, so that giving one back can not fail. Runs are freed between transactions only, when all
 *     buffers are in the pool: within one, what was spilled is soon needed again. */
#include "pager/pager_priv.h"

/* Sanitizers are to see the ends of each buffer, and tests of debug builds make each one fail: there a run is one. */
#if SB_SANITIZED_MEMORY || !defined(NDEBUG)
#define RUN_BYTES ((size_t)0)
#else
#define RUN_BYTES ((size_t)512 << 10)
#endif

/* In front of a run's buffers; as long as a frame header, so that buffers stay aligned like those. */
struct sb_buffer_run {
    sb_buffer_run *older; /* owned */
    size_t count;
};

static_assert(sizeof(sb_buffer_run) <= SB_FRAME_BYTES, "a run's head");

/* A buffer with room for its frame header before it. */
static size_t block_bytes(const sb_session *session)
{
    return SB_FRAME_BYTES + (size_t)session->pager->page_bytes;
}

static size_t run_bytes(const sb_session *session, size_t count)
{
    return SB_FRAME_BYTES + count * block_bytes(session);
}

/* All buffers of a run into the pool; the first is taken first. */
static void pool_run(sb_session *session, sb_buffer_run *run)
{
    uint8_t *const first = (uint8_t *)run + 2 * (size_t)SB_FRAME_BYTES;

    for (size_t i = run->count; i-- > 0;)
        session->pool[session->pool_count++] = first + i * block_bytes(session);
}

static sb_status add_run(sb_session *session, sb_err *err)
{
    const sb_allocator *alloc = session->pager->alloc;
    const size_t most = RUN_BYTES / block_bytes(session);
    size_t count = session->buffer_count < most ? session->buffer_count : most;
    sb_buffer_run *run;

    if (count == 0) count = 1;
    const size_t needed = session->buffer_count + count;
    if (needed > session->pool_capacity) {
        uint8_t **pool = sb_resize(alloc, session->pool, session->pool_capacity * sizeof *pool,
                                   2 * needed * sizeof *pool);
        if (pool == NULL) return SB_FAIL_NOMEM(err);
        session->pool = pool;
        session->pool_capacity = 2 * needed;
    }
    while ((run = sb_alloc(alloc, run_bytes(session, count))) == NULL && count > 1)
        count /= 2; /* benign */
    if (run == NULL) return SB_FAIL_NOMEM(err);
    *run = (sb_buffer_run){.older = session->runs, .count = count};
    session->runs = run;
    session->buffer_count += count;
    pool_run(session, run);
    return SB_OK;
}

sb_status sb_pager__buffer_take(sb_txn *txn, uint8_t **buffer, sb_err *err)
{
    sb_session *session = txn->session;

    *buffer = NULL;
    if (SB_UNLIKELY(session->pool_count == 0)) SB_TRY(add_run(session, err));
    *buffer = session->pool[--session->pool_count];
    txn->buffers++;
    return SB_OK;
}

void sb_pager__buffer_give(sb_txn *txn, uint8_t *buffer)
{
    sb_session *session = txn->session;

    txn->buffers--;
    SB_ASSERT(session->pool_count < session->buffer_count);
    session->pool[session->pool_count++] = buffer;
}

void sb_pager__buffers_keep(sb_session *session, size_t most)
{
    if (session->buffer_count <= most || session->pool_count != session->buffer_count) return;
    while (session->buffer_count > most) {
        sb_buffer_run *run = session->runs;
        session->runs = run->older;
        session->buffer_count -= run->count;
        sb_free(session->pager->alloc, run, run_bytes(session, run->count));
    }
    session->pool_count = 0;
    for (sb_buffer_run *run = session->runs; run != NULL; run = run->older)
        pool_run(session, run);
}

void sb_pager__buffers_free(sb_session *session)
{
    sb_pager__buffers_keep(session, 0);
    sb_free(session->pager->alloc, session->pool, session->pool_capacity * sizeof *session->pool);
}
