/* list_build.c — list leaves bottom-up from sorted triples, each written once.
 *
 * A leaf is written when something is known to lie behind it, for its high fence comes from there. The first
 * leaf of a list that runs on also waits for the list's end, which is its length: up to HUB_WAIT entries
 * are kept back for that. The few lists longer than that get their length by a change of the finished page. */
#include "tree/list_priv.h"

/* Entries kept in memory until a list's length is known: 1.5 MiB of triples. */
#define HUB_WAIT 65536u
/* New input is gathered up to this many entries before leaves are cut from it again, so that small inputs do not
 * make each entry be measured often. */
#define GATHER 4096u

/* The length of a list that became known too late. */
typedef struct late_rest {
    uint64_t rest;
    sb_pgno home;
} late_rest;

struct sb_list_build {
    sb_txn *txn;         /* borrowed */
    sb_build_core *core; /* owned */
    const sb_allocator *alloc;
    uint32_t page_bytes;
    uint32_t budget;   /* bytes of a page to fill */
    sb_buffer pending; /* triples not yet written */
    size_t wanted;     /* pending triples from which cutting is tried again */
    sb_triple last;    /* of the input so far */
    bool any;          /* last is set */
    sb_triple low;     /* low fence of the next leaf */
    size_t low_size;   /* bytes of it that count; 0: the first leaf */
    bool hub_open;     /* a list whose home is written without its rest */
    uint64_t hub_node;
    late_rest hub;
    sb_buffer late; /* late_rest of the lists done */
};

sb_status sb_list__build_open(sb_txn *txn, sb_build_core *core, unsigned fill_percent,
                              sb_list_build **build, sb_err *err)
{
    const sb_allocator *alloc = sb_pager_alloc(sb_txn_pager(txn));
    const uint32_t page_bytes = sb_pager_page_bytes(sb_txn_pager(txn));
    sb_list_build *made = sb_alloc_zero(alloc, sizeof *made);

    *build = NULL;
    if (made == NULL) return SB_FAIL_NOMEM(err);
    made->txn = txn;
    made->core = core;
    made->alloc = alloc;
    made->page_bytes = page_bytes;
    made->budget = page_bytes / 100u *
                   (fill_percent < 10    ? 10
                    : fill_percent > 100 ? 100
                                         : fill_percent);
    if (fill_percent >= 100) made->budget = page_bytes;
    made->wanted = GATHER;
    sb_buffer_init(&made->pending, alloc);
    sb_buffer_init(&made->late, alloc);
    *build = made;
    return SB_OK;
}

static void free_build(sb_list_build *build)
{
    sb_buffer_deinit(&build->pending);
    sb_buffer_deinit(&build->late);
    sb_free(build->alloc, build, sizeof *build);
}

void sb_list__build_abort(sb_list_build *build)
{
    if (build == NULL) return;
    sb_build__core_abort(build->core);
    free_build(build);
}

static size_t run_of_node(const sb_triple *triples, size_t from, size_t count, uint64_t node)
{
    size_t i = from;

    while (i < count && triples[i].node == node)
        i++;
    return i - from;
}

/* Keep track of a list whose home is written already, by a leaf that follows. */
static sb_status count_hub(sb_list_build *build, const sb_list_range *range,
                           const sb_triple *triples, size_t count, sb_err *err)
{
    if (!build->hub_open) return SB_OK;
    build->hub.rest += run_of_node(triples, 0, count, build->hub_node);
    if (sb_list__continues(range) && range->high.node == build->hub_node) return SB_OK;
    build->hub_open = false;
    if (sb_buffer_append(&build->late, &build->hub, sizeof build->hub) != SB_OK)
        return SB_FAIL_NOMEM(err);
    return SB_OK;
}

static sb_status write_leaf(sb_list_build *build, const sb_list_range *range, uint64_t rest,
                            bool rest_known, const sb_triple *triples, const sb_list_stats *stats,
                            sb_err *err)
{
    uint8_t key[SB_LIST_KEY_BYTES];
    uint8_t *bytes;
    sb_pgno pgno;

    SB_TRY(sb_build__leaf_begin(build->core, &bytes, &pgno, err));
    sb_list__encode(bytes, build->page_bytes, range, rest, triples, stats);
    sb_list__key(&range->low, key);
    SB_TRY(sb_build__leaf_end(build->core, sb_bytes_of(key, build->low_size), err));
    SB_TRY(count_hub(build, range, triples, stats->entry_count, err));
    if (!rest_known) {
        build->hub_open = true;
        build->hub_node = range->high.node;
        build->hub = (late_rest){.rest = 0, .home = pgno};
    }
    return SB_OK;
}

/* Write leaves from the front of triples while they are known to be full. *used: how many are written. */
static sb_status cut_leaves(sb_list_build *build, const sb_triple *triples, size_t count,
                            bool is_end, size_t *used, sb_err *err)
{
    size_t at = 0;

    while (at < count) {
        sb_list_range range = {
            .low = build->low, .has_low = build->low_size > 0, .has_high = false};
        size_t high_size = 0;
        bool rest_known = true;
        uint64_t rest = 0;
        sb_list_stats stats;
        const size_t next = at + sb_list__pack(triples + at, count - at, build->page_bytes,
                                               build->budget, true, &stats);

        if (next == count && !is_end) break;
        if (next < count) {
            high_size = sb_list__separator(&triples[next - 1], &triples[next], &range.high);
            range.has_high = true;
        }
        if (sb_list__is_home(&range)) {
            rest = run_of_node(triples, next, count, range.high.node);
            if (next + rest == count && !is_end) {
                if (count - at < HUB_WAIT) break;
                rest = 0;
                rest_known = false;
            }
        }
        SB_TRY(write_leaf(build, &range, rest, rest_known, triples + at, &stats, err));
        build->low = range.high;
        build->low_size = high_size;
        at = next;
    }
    *used = at;
    return SB_OK;
}

static sb_status keep(sb_list_build *build, const sb_triple *triples, size_t count, sb_err *err)
{
    if (sb_buffer_append(&build->pending, triples, count * sizeof *triples) != SB_OK)
        return SB_FAIL_NOMEM(err);
    return SB_OK;
}

sb_status sb_list__build_triples(sb_list_build *build, const sb_triple *triples, size_t count,
                                 sb_err *err)
{
    if (count == 0) return SB_OK;
    SB_TRY(sb_list__check_order(triples, count, err));
    if (build->any && sb_list__compare(&build->last, &triples[0]) >= 0) {
        return SB_FAIL(err, SB_MISUSE, "list entries must ascend from one call to the next");
    }
    build->last = triples[count - 1];
    build->any = true;
    while (count > 0) {
        const size_t old = build->pending.size / sizeof(sb_triple);
        size_t used;

        if (old == 0) { /* straight from the caller's array */
            SB_TRY(cut_leaves(build, triples, count, false, &used, err));
            build->wanted = count - used + GATHER;
            return keep(build, triples + used, count - used, err);
        }
        const size_t more = old < build->wanted && count > build->wanted - old ? build->wanted - old
                            : count < GATHER                                   ? count
                                                                               : GATHER;
        SB_TRY(keep(build, triples, more, err));
        triples += more;
        count -= more;
        if (old + more < build->wanted) continue;
        SB_TRY(cut_leaves(build, (const sb_triple *)(void *)build->pending.data, old + more, false,
                          &used, err));
        if (used >= old) { /* what is left lies in the caller's array too */
            triples -= old + more - used;
            count += old + more - used;
            sb_buffer_reset(&build->pending);
            continue;
        }
        memmove(build->pending.data, build->pending.data + used * sizeof(sb_triple),
                (old + more - used) * sizeof(sb_triple));
        build->pending.size = (old + more - used) * sizeof(sb_triple);
        build->wanted = old + more - used + GATHER;
    }
    return SB_OK;
}

/* Lengths that were not known when their leaf was written. */
static sb_status write_late(sb_txn *txn, const sb_buffer *late, sb_err *err)
{
    for (size_t at = 0; at + sizeof(late_rest) <= late->size; at += sizeof(late_rest)) {
        late_rest known;
        uint8_t *bytes;

        memcpy(&known, late->data + at, sizeof known);
        SB_TRY(sb_page_mut(txn, known.home, &bytes, err));
        sb_list__set_rest(bytes, known.rest);
    }
    return SB_OK;
}

sb_status sb_list__build_finish(sb_list_build *build, sb_err *err)
{
    sb_txn *const txn = build->txn;
    size_t used;
    sb_status status = cut_leaves(build, (const sb_triple *)(void *)build->pending.data,
                                  build->pending.size / sizeof(sb_triple), true, &used, err);

    if (status == SB_OK)
        status = sb_build__core_finish(build->core, err);
    else
        sb_build__core_abort(build->core);
    if (status == SB_OK) status = write_late(txn, &build->late, err);
    free_build(build);
    return status;
}
