/* list_side.c — a list tree and its side, a smaller tree with entries that are not merged in yet, read as one list.
 *
 * Both are sorted by (neighbor, rel), so what a reader gets is the one's chunks cut where entries of the other belong
 * between them: pointers into pages as ever, nothing is copied. A node without entries aside costs one look-up more than in
 * a tree without side, and then is read as there. No entry is in both trees: relationship ids are not used twice. */
#include "tree/list_priv.h"

static int compare_at(const sb_chunk *a, uint32_t i, const sb_chunk *b)
{
    const uint64_t x = sb_chunk_neighbor(a, i), y = sb_chunk_neighbor(b, 0);
    if (x != y) return x < y ? -1 : 1;
    const uint64_t p = sb_chunk_rel(a, i), q = sb_chunk_rel(b, 0);
    return p < q ? -1 : p > q;
}

uint32_t sb_list__chunk_before(const sb_chunk *a, const sb_chunk *b)
{
    uint32_t from = 0, to = a->count;

    if (b->count == 0) return to;
    while (from < to) {
        const uint32_t middle = from + (to - from) / 2;
        if (compare_at(a, middle, b) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

/* The next chunk of one of the two, when its last one is used up. */
static sb_status refill(sb_list *list, unsigned i, sb_err *err)
{
    sb_list_piece *piece = &list->pieces[i];
    sb_list plain;
    bool more;

    if (piece->chunk.count > 0 || piece->remaining == 0) return SB_OK;
    sb_list__init(&plain, list->txn, i == 0 ? list->tree : list->tree->side, list->node);
    plain.page = piece->page;
    plain.remaining = piece->remaining;
    const sb_status status = sb_list__next_plain(&plain, &more, err);
    *piece =
        (sb_list_piece){.chunk = plain.chunk, .remaining = plain.remaining, .page = plain.page};
    return status;
}

sb_status sb_list__weave_next(sb_list *list, bool *more, sb_err *err)
{
    sb_list_piece *from = &list->pieces[0], *other = &list->pieces[1];

    *more = false;
    list->chunk.count = 0;
    SB_TRY(refill(list, 0, err));
    SB_TRY(refill(list, 1, err));
    uint32_t take = sb_list__chunk_before(&from->chunk, &other->chunk);
    if (take == 0 && other->chunk.count > 0) {
        from = &list->pieces[1];
        other = &list->pieces[0];
        take = sb_list__chunk_before(&from->chunk, &other->chunk);
        if (take == 0) take = 1; /* an entry that is in both: told by verify */
    }
    if (take == 0) {
        list->remaining = 0;
        return SB_OK;
    }
    list->chunk = from->chunk;
    list->chunk.count = take;
    sb_list__chunk_skip(&from->chunk, take);
    list->remaining = from->chunk.count + from->remaining + other->chunk.count + other->remaining;
    *more = true;
    return SB_OK;
}

sb_status sb_list__weave(sb_list *list, uint64_t neighbor, uint64_t rel, sb_err *err)
{
    const sb_tree *side = list->tree->side;
    sb_list aside;
    bool more;
    sb_status status =
        (neighbor | rel) == 0
            ? sb_list__open_plain(list->txn, side, list->node, &aside, err)
            : sb_list__seek_plain(list->txn, side, list->node, neighbor, rel, &aside, err);

    if (status == SB_OK && aside.chunk.count == 0) {
        list->total += aside.total;
        sb_list_close(&aside);
        return SB_OK;
    }
    if (status == SB_OK) {
        list->pieces[0] =
            (sb_list_piece){.chunk = list->chunk, .remaining = list->remaining, .page = list->page};
        list->pieces[1] =
            (sb_list_piece){.chunk = aside.chunk, .remaining = aside.remaining, .page = aside.page};
        list->total += aside.total;
        list->page = (sb_page){0};
        list->woven = true;
        status = sb_list__weave_next(list, &more, err);
    }
    if (status != SB_OK) sb_list_close(list);
    return status;
}
