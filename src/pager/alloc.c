/* alloc.c — which pages are free (docs/FORMAT.md §4).
 *
 * Free pages are listed in trunk pages, linked from the state of the commit. How many entries of the first
 * trunk count is part of the state as well, so that taking a page writes no page: only giving one back
 * changes a trunk. Every trunk but the first is full up to the count in its own header. Because the list is
 * state and pages, savepoints and rollback restore it like anything else. */
#include "pager/pager_priv.h"

#define TRUNK_NEXT    (SB_PAGE_COMMON + 0u) /* u32: next trunk, or 0 */
#define TRUNK_COUNT   (SB_PAGE_COMMON + 4u) /* u32: entries of the next trunk that count */
#define TRUNK_ENTRIES (SB_PAGE_COMMON + 8u) /* u32 each */

static uint32_t trunk_capacity(const sb_pager *pager)
{
    return (pager->page_bytes - TRUNK_ENTRIES) / 4;
}

/* A page from the free list, or 0. */
static sb_status take_free(sb_txn *txn, sb_pgno *pgno, sb_err *err)
{
    sb_state *state = &txn->now;
    sb_page trunk;
    *pgno = 0;
    if (state->free_head == 0) return SB_OK;
    SB_TRY(sb_page_acquire(txn, state->free_head, &trunk, err));
    const uint32_t next = sb_load_le32(trunk.bytes + TRUNK_NEXT);
    const uint32_t next_count = sb_load_le32(trunk.bytes + TRUNK_COUNT);
    const uint32_t count = state->free_head_count;
    uint32_t entry = 0;
    const bool is_trunk =
        trunk.bytes[SB_PAGE_KIND] == SB_PAGE_FREE && count <= trunk_capacity(txn->pager);
    if (is_trunk && count > 0)
        entry = sb_load_le32(trunk.bytes + TRUNK_ENTRIES + 4 * (size_t)(count - 1));
    sb_page_release(txn, &trunk);
    if (!is_trunk)
        return SB_FAIL_PAGE(err, state->free_head, "page %u is no trunk of the free list",
                            state->free_head);
    if (count > 0) {
        if (entry == 0 || entry >= state->page_count || entry == state->free_head)
            return SB_FAIL_PAGE(err, state->free_head, "the free list names page %u", entry);
        *pgno = entry;
        state->free_head_count--;
    } else {
        /* An empty trunk is itself the next page to use. */
        const bool last = next == 0;
        if (next >= state->page_count || next == state->free_head ||
            next_count > trunk_capacity(txn->pager) || last != (state->free_count == 1) ||
            (!last && next_count + 1 > state->free_count - 1))
            return SB_FAIL_PAGE(err, state->free_head, "the free list does not add up");
        *pgno = state->free_head;
        state->free_head = next;
        state->free_head_count = last ? 0 : next_count;
    }
    state->free_count--;
    txn->dirty = true;
    return SB_OK;
}

static void give_back_free(sb_txn *txn, const sb_state *before)
{
    txn->now.free_head = before->free_head;
    txn->now.free_head_count = before->free_head_count;
    txn->now.free_count = before->free_count;
    txn->now.page_count = before->page_count;
}

sb_status sb_page_alloc(sb_txn *txn, sb_page_kind kind, uint32_t tree, sb_pgno *pgno,
                        uint8_t **bytes, sb_err *err)
{
    sb_own_page *entry = NULL;
    uint8_t *buffer = NULL, *spare = NULL;
    *pgno = 0;
    *bytes = NULL;
    SB_ASSERT(txn->active && txn->writable);
    const sb_state before = txn->now;
    SB_TRY(sb_pager__buffer_take(txn, &buffer, err));
    sb_pgno found = 0;
    sb_status st = take_free(txn, &found, err);
    if (st == SB_OK && found == 0) {
        found = txn->now.page_count;
        if (found >= SB_PGNO_MAX)
            st = SB_FAIL(err, SB_LIMIT, "%s is at its limit of %u pages", txn->pager->path,
                         SB_PGNO_MAX);
        else
            txn->now.page_count++;
    }
    if (st == SB_OK) st = sb_pager__own_touch(txn, found, &entry, &spare, err);
    if (st != SB_OK) {
        give_back_free(txn, &before);
        sb_pager__buffer_give(txn, buffer);
        return st;
    }
    if (txn->now.page_count > txn->high_count) txn->high_count = txn->now.page_count;
    if (spare != NULL) sb_pager__buffer_give(txn, spare);
    memset(buffer, 0, txn->pager->page_bytes);
    buffer[SB_PAGE_KIND] = (uint8_t)kind;
    sb_store_le32(buffer + SB_PAGE_TREE, tree);
    entry->now.kind = SB_OWN_PRIVATE;
    entry->now.buffer = buffer;
    SB_PROFILE_ADD(txn->pager->options.profile, PAGES_ALLOCATED, 1);
    *pgno = found;
    *bytes = buffer;
    return SB_OK;
}

/* The page's content is wanted no more. */
static sb_status forget_content(sb_txn *txn, sb_pgno pgno, sb_err *err)
{
    sb_own_page *entry = NULL;
    uint8_t *spare = NULL;
    SB_TRY(sb_pager__own_touch(txn, pgno, &entry, &spare, err));
    if (spare != NULL) sb_pager__buffer_give(txn, spare);
    entry->now.kind = SB_OWN_FREED;
    return SB_OK;
}

/* Make a page the new first trunk. */
static sb_status push_trunk(sb_txn *txn, sb_pgno pgno, sb_err *err)
{
    sb_own_page *entry = NULL;
    uint8_t *buffer = NULL, *spare = NULL;
    SB_TRY(sb_pager__buffer_take(txn, &buffer, err));
    const sb_status st = sb_pager__own_touch(txn, pgno, &entry, &spare, err);
    if (st != SB_OK) {
        sb_pager__buffer_give(txn, buffer);
        return st;
    }
    if (spare != NULL) sb_pager__buffer_give(txn, spare);
    memset(buffer, 0, txn->pager->page_bytes);
    buffer[SB_PAGE_KIND] = SB_PAGE_FREE;
    sb_store_le32(buffer + TRUNK_NEXT, txn->now.free_head);
    sb_store_le32(buffer + TRUNK_COUNT, txn->now.free_head_count);
    entry->now.kind = SB_OWN_PRIVATE;
    entry->now.buffer = buffer;
    txn->now.free_head = pgno;
    txn->now.free_head_count = 0;
    return SB_OK;
}

sb_status sb_page_free(sb_txn *txn, sb_pgno pgno, sb_err *err)
{
    sb_state *state = &txn->now;
    SB_ASSERT(txn->active && txn->writable);
    if (pgno == 0 || pgno >= state->page_count)
        return SB_FAIL_PAGE(err, pgno, "page %u is outside of %s", pgno, txn->pager->path);
    const sb_own_page *own = sb_pager__own_find(txn, pgno);
    if (pgno == state->free_head || (own != NULL && own->now.kind == SB_OWN_FREED) ||
        state->free_count + 2 > state->page_count)
        return SB_FAIL_PAGE(err, pgno, "page %u is free already", pgno);
    if (state->free_head == 0 || state->free_head_count == trunk_capacity(txn->pager)) {
        SB_TRY(push_trunk(txn, pgno, err));
    } else {
        uint8_t *trunk = NULL;
        SB_TRY(sb_page_mut(txn, state->free_head, &trunk, err));
        if (trunk[SB_PAGE_KIND] != SB_PAGE_FREE)
            return SB_FAIL_PAGE(err, state->free_head, "page %u is no trunk of the free list",
                                state->free_head);
        SB_TRY(forget_content(txn, pgno, err));
        sb_store_le32(trunk + TRUNK_ENTRIES + 4 * (size_t)state->free_head_count, pgno);
        state->free_head_count++;
    }
    state->free_count++;
    SB_PROFILE_ADD(txn->pager->options.profile, PAGES_FREED, 1);
    return SB_OK;
}

sb_status sb_pager__free_walk(sb_txn *txn,
                              sb_status (*item)(void *ctx, sb_pgno pgno, bool trunk, sb_err *err),
                              void *ctx, sb_err *err)
{
    const sb_state *state = &txn->now;
    sb_pgno trunk_pgno = state->free_head;
    uint32_t count = state->free_head_count;
    uint64_t seen = 0;
    while (trunk_pgno != 0) {
        sb_page trunk;
        SB_TRY(sb_page_acquire(txn, trunk_pgno, &trunk, err));
        sb_status st = SB_OK;
        if (trunk.bytes[SB_PAGE_KIND] != SB_PAGE_FREE || count > trunk_capacity(txn->pager) ||
            seen + count + 1 > state->free_count)
            st = SB_FAIL_PAGE(err, trunk_pgno, "page %u is no trunk of the free list", trunk_pgno);
        if (st == SB_OK) st = item(ctx, trunk_pgno, true, err);
        for (uint32_t i = 0; i < count && st == SB_OK; i++) {
            const sb_pgno pgno = sb_load_le32(trunk.bytes + TRUNK_ENTRIES + 4 * (size_t)i);
            if (pgno == 0 || pgno >= state->page_count)
                st = SB_FAIL_PAGE(err, trunk_pgno, "the free list names page %u", pgno);
            else
                st = item(ctx, pgno, false, err);
        }
        seen += (uint64_t)count + 1;
        count = sb_load_le32(trunk.bytes + TRUNK_COUNT);
        trunk_pgno = sb_load_le32(trunk.bytes + TRUNK_NEXT);
        sb_page_release(txn, &trunk);
        if (st != SB_OK) return st;
    }
    if (seen != state->free_count)
        return SB_FAIL_PAGE(err, 0, "the free list has %llu pages, its count says %u",
                            (unsigned long long)seen, state->free_count);
    return SB_OK;
}
