/* session.c — sessions: a reader slot, one transaction at a time, and what layers above hang on them. */
#include "pager/pager_priv.h"

sb_status sb_session_open(sb_pager *pager, sb_session **out, sb_err *err)
{
    *out = NULL;
    SB_TRY(sb_pager_same_process(pager, err));
    sb_session *session = sb_alloc_zero(pager->alloc, sizeof *session);
    if (session == NULL) return SB_FAIL_NOMEM(err);
    session->pager = pager;
    const sb_status st = sb_pager__slot_take(session, err);
    if (st != SB_OK) {
        sb_free(pager->alloc, session, sizeof *session);
        return st;
    }
    sb_pager__txn_init(session);
    atomic_fetch_add_explicit(&pager->session_count, 1, memory_order_relaxed);
    *out = session;
    return SB_OK;
}

void sb_session_close(sb_session *session)
{
    if (session == NULL) return;
    sb_pager *pager = session->pager;
    SB_ASSERT(!session->txn.active);
    memset(session->txn.front.slots, 0, sizeof session->txn.front.slots);
    while (session->ext_count > 0) {
        const sb_session_ext ext = session->exts[--session->ext_count];
        if (ext.kind->destroy != NULL) ext.kind->destroy(ext.object);
    }
    sb_free(pager->alloc, session->exts, session->ext_capacity * sizeof *session->exts);
    sb_pager__txn_deinit(session);
    /* In a child after fork the slot and its lock are the parent's. */
    if (sb_fork_guard_same_process(pager->fork_guard)) sb_pager__slot_drop(session);
    atomic_fetch_sub_explicit(&pager->session_count, 1, memory_order_relaxed);
    sb_free(pager->alloc, session, sizeof *session);
}

void sb_session_watch(sb_session *session, const sb_watch *watch)
{
    session->watch = *watch;
}

sb_pager *sb_session_pager(const sb_session *session)
{
    return session->pager;
}

sb_status sb_session_ext_get(sb_session *session, const sb_session_ext_kind *kind, void **object,
                             sb_err *err)
{
    sb_txn_front *front = &session->txn.front;
    const size_t slot = kind->slot; /* 0: none; the front slots begin at 1 */
    if (slot != 0 && front->slots[slot - 1] != NULL) {
        *object = front->slots[slot - 1];
        return SB_OK;
    }
    const sb_allocator *alloc = session->pager->alloc;
    *object = NULL;
    for (size_t i = 0; i < session->ext_count; i++) {
        if (session->exts[i].kind != kind) continue;
        *object = session->exts[i].object;
        return SB_OK;
    }
    void *made = NULL;
    SB_TRY(kind->create(session, &made, err));
    if (session->ext_count == session->ext_capacity) {
        const size_t more = session->ext_capacity == 0 ? 4 : 2 * session->ext_capacity;
        sb_session_ext *grown = sb_resize(
            alloc, session->exts, session->ext_capacity * sizeof *grown, more * sizeof *grown);
        if (grown == NULL) {
            if (kind->destroy != NULL) kind->destroy(made);
            return SB_FAIL_NOMEM(err);
        }
        session->exts = grown;
        session->ext_capacity = more;
    }
    session->exts[session->ext_count++] = (sb_session_ext){.kind = kind, .object = made};
    if (slot != 0) front->slots[slot - 1] = made;
    *object = made;
    return SB_OK;
}
