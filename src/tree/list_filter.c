/* list_filter.c — which nodes may have entries in a tree's side, so that reading the others costs nothing more.
 *
 * A session keeps a Bloom filter for the sides it reads: two bits in one word for each node, about nine for each entry. It is
 * made by one walk over the side, once as many look-ups were made without it as cost about the same. It holds for as long as
 * nothing was put aside, which a number in each commit tells (sb_tree.side_version): what comes home meanwhile only makes
 * it say yes in vain. In a transaction that has changed something that number tells nothing, and the filter is not used.
 * What can not be had for lack of memory is done without. */
#include "tree/list_priv.h"

/* Sides with a filter in a session; more share places. */
#define FILTERS 16u
/* Look-ups for each leaf of a side that are made before a filter is. */
#define ASKED_PER_LEAF 16u
/* 4 MiB. */
#define WORDS_MAX ((uint64_t)1 << 19)

typedef struct filter {
    uint32_t tree;    /* number of the side; 0: none */
    uint32_t version; /* *side_version that it is of */
    uint64_t asked;   /* look-ups so far without it */
    uint64_t *words;  /* owned; NULL: not made yet */
    uint64_t mask;    /* number of words, a power of two, less 1 */
} filter;

typedef struct filters {
    const sb_allocator *alloc;
    filter items[FILTERS];
} filters;

static sb_status create_filters(sb_session *session, void **object, sb_err *err)
{
    const sb_allocator *alloc = sb_pager_alloc(sb_session_pager(session));
    filters *made = sb_alloc_zero(alloc, sizeof *made);

    *object = made;
    if (made == NULL) return SB_FAIL_NOMEM(err);
    made->alloc = alloc;
    return SB_OK;
}

static void drop(filters *all, filter *of)
{
    sb_free(all->alloc, of->words, (of->mask + 1) * sizeof *of->words);
    *of = (filter){0};
}

static void destroy_filters(void *object)
{
    filters *all = object;

    for (size_t i = 0; i < FILTERS; i++)
        if (all->items[i].words != NULL) drop(all, &all->items[i]);
    sb_free(all->alloc, all, sizeof *all);
}

static const sb_session_ext_kind filters_kind = {
    .name = "filters of sides", .create = create_filters, .destroy = destroy_filters};

/* NULL when there is no memory for them. */
static filters *find_filters(sb_session *session)
{
    void *object = NULL;
    return sb_session_ext_get(session, &filters_kind, &object, NULL) == SB_OK ? object
                                                                              : NULL; /* benign */
}

void sb_list__forget_filters(sb_session *session)
{
    filters *all = find_filters(session);

    for (size_t i = 0; all != NULL && i < FILTERS; i++)
        if (all->items[i].words != NULL)
            drop(all, &all->items[i]);
        else
            all->items[i] = (filter){0};
}

static sb_status add_node(void *ctx, uint64_t node, const sb_chunk *chunk, bool starts)
{
    const filter *of = ctx;

    (void)chunk;
    if (starts) of->words[sb_list__aside_word(node, of->mask)] |= sb_list__aside_bits(node);
    return SB_OK;
}

/* Walk over the side. It stays without words when that can not be done. */
static void make(filters *all, filter *of, sb_txn *txn, const sb_tree *side)
{
    const uint64_t wanted =
        side->leaf_count * (sb_pager_page_bytes(sb_txn_pager(txn)) / (16 * sizeof *of->words));
    const uint64_t words = wanted >= WORDS_MAX ? WORDS_MAX : sb_pow2_ceil(wanted);

    of->mask = words - 1;
    of->words = sb_alloc_zero(all->alloc, words * sizeof *of->words);
    if (of->words == NULL) return; /* benign: tried again after as many look-ups */
    /* What is wrong with the side is told by the look-up proper. */
    if (sb_lists_scan(txn, side, 0, UINT64_MAX, add_node, of, NULL) == SB_OK) return;
    sb_free(all->alloc, of->words, words * sizeof *of->words);
    of->words = NULL;
}

sb_aside_filter sb_list__aside_filter(sb_txn *txn, const sb_tree *tree, size_t asked)
{
    const sb_aside_filter none = {NULL, 0};
    const sb_tree *side = tree->side;

    if (tree->side_version == NULL || (sb_txn_writable(txn) && sb_txn_dirty(txn))) return none;
    filters *all = find_filters(sb_txn_session(txn));
    if (all == NULL) return none;
    filter *of = &all->items[side->id % FILTERS];
    if (SB_UNLIKELY(of->tree != side->id || of->version != *tree->side_version)) {
        if (of->words != NULL) drop(all, of);
        of->tree = side->id;
        of->version = *tree->side_version;
        of->asked = 0;
    }
    if (SB_UNLIKELY(of->words == NULL)) {
        of->asked += asked;
        if (of->asked < ASKED_PER_LEAF * side->leaf_count) return none;
        of->asked = 0;
        make(all, of, txn, side);
    }
    return (sb_aside_filter){.words = of->words, .mask = of->mask};
}
