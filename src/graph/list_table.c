/* list_table.c — all lists over one type in one direction, unpacked into arrays of 32 bits: for whoever looks most of them up.
 * A list in the file waits for its leaf's header, for its place in the leaf, then for its entries; in a table for a place and the entries,
 * and as nothing is decoded the processor begins the next look-up meanwhile.
 *
 * The lists are read in the order in which they lie, and put one behind the other; one that goes on in the next leaf goes on in the table. Where a node comes again
 * later (it has entries aside) they are read once more: the lengths, which are known by then, tell where each one's entries go. What came in pieces is sorted at last.
 *
 * As long as no node has more than one entry (a message has one creator), that lies at the node's own place, and there are no starts: half of
 * what is written, and of what a look-up waits for. At the first longer list entries move together. */
#include "graph/graph_priv.h"

/* Ids for each entry, up to which entries may lie at their nodes' own places. */
#define IDS_PER_SINGLE 4u

typedef struct filling {
    sb_list_table *table;
    const sb_list_table_options *options;
    sb_err *err;
    uint64_t entries; /* of the type, by the statistics */
    uint64_t next;    /* nodes below have been seen */
    uint64_t total;   /* entries so far */
    bool misfit;      /* an id is not of this graph: the file is damaged, which others will tell */
    bool again;       /* a node came again */
} filling;

SB_INLINE uint64_t put_words(const uint8_t *from, uint64_t base, unsigned width, uint32_t count,
                             uint32_t *to)
{
    uint64_t bits = 0;

    for (uint32_t i = 0; i < count; i++) {
        const uint64_t number = base + sb_load_width(from + (size_t)i * width, width);
        to[i] = (uint32_t)number;
        bits |= number;
    }
    return bits;
}

/* count numbers of a chunk's column from `first` on, which are below 2^32 unless something is wrong: with a loop per width. */
static void put_numbers(filling *f, const uint8_t *column, uint64_t base, unsigned width,
                        uint32_t first, uint32_t count, uint32_t *to)
{
    const uint8_t *from = column + (size_t)first * width;
    uint64_t bits;

    switch (width) {
    case 0: bits = put_words(from, base, 0, count, to); break;
    case 1: bits = put_words(from, base, 1, count, to); break;
    case 2: bits = put_words(from, base, 2, count, to); break;
    case 4: bits = put_words(from, base, 4, count, to); break;
    default: bits = put_words(from, base, 8, count, to); break;
    }
    f->misfit = f->misfit || bits > UINT32_MAX;
}

/* Entries [first, first + count) of a chunk become those of the table from `at` on. */
static void put_entries(filling *f, const sb_chunk *c, uint32_t first, uint32_t count, uint64_t at)
{
    const sb_list_table *t = f->table;

    put_numbers(f, c->neighbors, c->neighbor_base, c->neighbor_width, first, count,
                t->neighbors + at);
    if (t->rels != NULL)
        put_numbers(f, c->rels, c->rel_base, c->rel_width, first, count, t->rels + at);
}

/* ---- Single entries --------------------------------------------------------------------------------------------- */

static size_t entries_bytes(const sb_list_table *t)
{
    return ((size_t)t->room + SB_LIST_TABLE_PAD) * sizeof *t->neighbors;
}

static size_t starts_bytes(const sb_list_table *t)
{
    return ((size_t)t->ids + 2) * sizeof *t->starts;
}

/* Has no list of a block more than one entry? */
static bool are_singles(const sb_list_block *block)
{
    uint32_t bits = 0;

    for (uint32_t i = 0; i < block->count; i++)
        bits |= block->lengths[i];
    return bits <= 1;
}

/* Are they lists of nodes whose ids follow one another? */
static bool are_neighbors(const sb_list_block *block)
{
    return block->nodes[block->count - 1] - block->nodes[0] == block->count - 1;
}

/* numbers of lists of one entry at most, or none, go to their nodes' places, of which all in the range get one. */
static void scatter(const sb_list_block *block, const uint32_t *numbers, uint32_t *to)
{
    const uint64_t *const nodes = block->nodes;
    const uint64_t first = nodes[0], span = nodes[block->count - 1] - first + 1;
    uint32_t at = 0;

    memset(to + first, 0, span * sizeof *to);
    for (uint32_t i = 0; i < block->count; i++) {
        to[nodes[i]] = numbers[at] & (0u - block->lengths[i]);
        at += block->lengths[i];
    }
}

static void add_singles(filling *f, const sb_list_block *block)
{
    const sb_list_table *t = f->table;
    const sb_chunk *c = &block->entries;
    uint32_t numbers[SB_LIST_BLOCK + 1] = {0}; /* one more is read, behind the last entry */

    memset(t->neighbors + f->next, 0, (block->nodes[0] - f->next) * sizeof *t->neighbors);
    if (c->count == block->count && are_neighbors(block)) {
        put_entries(f, c, 0, c->count, block->nodes[0]);
        return;
    }
    put_numbers(f, c->neighbors, c->neighbor_base, c->neighbor_width, 0, c->count, numbers);
    scatter(block, numbers, t->neighbors);
    if (t->rels == NULL) return;
    put_numbers(f, c->rels, c->rel_base, c->rel_width, 0, c->count, numbers);
    scatter(block, numbers, t->rels);
}

static sb_status need_starts(filling *f)
{
    sb_list_table *t = f->table;

    t->singles = false;
    if (t->starts == NULL) t->starts = sb_alloc(t->alloc, starts_bytes(t));
    return t->starts != NULL ? SB_OK : SB_FAIL_NOMEM(f->err);
}

/* Entries move together: none moves up, as nodes before it have one each at most. */
static sb_status end_singles(filling *f)
{
    const sb_list_table *t = f->table;
    uint32_t at = 0;

    SB_TRY(need_starts(f));
    for (uint64_t node = t->first; node < f->next; node++) {
        const uint32_t neighbor = t->neighbors[node];
        t->starts[node] = at;
        t->neighbors[at] = neighbor;
        if (t->rels != NULL) t->rels[at] = t->rels[node];
        at += neighbor != 0;
    }
    f->total = at;
    return SB_OK;
}

/* ---- Lists in order --------------------------------------------------------------------------------------------- */

/* A node's list begins where the one before it ends; one without entries between two of them begins where the next one does. How many those are is not
 * foreseen, so they are not looked for: all get a number from behind, the least so far. */
static void add_starts(filling *f, const sb_list_block *block)
{
    uint32_t *const starts = f->table->starts; /* copies: no store changes them */
    const uint64_t *const nodes = block->nodes;
    const uint32_t *const lengths = block->lengths;
    const uint64_t first = nodes[0], last = nodes[block->count - 1];
    uint32_t at = (uint32_t)f->total;

    for (uint64_t node = f->next; node < first; node++)
        starts[node] = at;
    if (are_neighbors(block)) {
        for (size_t i = 0; i < block->count; i++) {
            starts[first + i] = at;
            at += lengths[i];
        }
        return;
    }
    memset(starts + first, 0xff, (last - first + 1) * sizeof *starts);
    for (size_t i = 0; i < block->count; i++) {
        starts[nodes[i]] = at;
        at += lengths[i];
    }
    uint32_t least = UINT32_MAX;
    for (uint64_t node = last + 1; node-- > first;) {
        least = starts[node] < least ? starts[node] : least;
        starts[node] = least;
    }
}

static sb_pair entry_of(const sb_list_table *t, uint64_t at)
{
    return (sb_pair){.key = t->neighbors[at], .value = t->rels == NULL ? 0 : t->rels[at]};
}

static bool is_after(sb_pair entry, sb_pair before)
{
    return entry.key > before.key || (entry.key == before.key && entry.value >= before.value);
}

/* Lists of which the first belongs to the node that came last: leaves are filled to their ends, so it is in two of them, or in more. */
static void go_on(filling *f, const sb_list_block *block)
{
    sb_list_table *t = f->table;
    const uint64_t node = block->nodes[0], at = f->total;
    const uint32_t start = t->starts[node];

    f->next = node;
    add_starts(f, block);
    t->starts[node] = start;
    put_entries(f, &block->entries, 0, block->entries.count, at);
    /* What lies aside is another list of that node, which begins anywhere. */
    f->again =
        start < at && block->lengths[0] != 0 && !is_after(entry_of(t, at), entry_of(t, at - 1));
}

/* Entries are put behind each other as long as they come in order. */
static sb_status add_lists(void *ctx, const sb_list_block *block)
{
    filling *f = ctx;
    sb_list_table *t = f->table;
    const uint32_t count = block->entries.count;

    SB_TRY(f->options->poll(f->options->poll_ctx));
    const bool goes_on = f->next != 0 && block->nodes[0] == f->next - 1;
    f->again = f->again || (block->nodes[0] < f->next && !goes_on);
    f->misfit =
        f->misfit || block->nodes[block->count - 1] >= t->ids || count > f->entries - f->total;
    if (f->again || f->misfit) return SB_OK;
    if (f->next == 0) t->first = f->next = block->nodes[0];
    if (t->singles && (goes_on || !are_singles(block))) SB_TRY(end_singles(f));
    if (goes_on) {
        go_on(f, block);
    } else if (t->singles) {
        add_singles(f, block);
    } else {
        add_starts(f, block);
        put_entries(f, &block->entries, 0, count, f->total);
    }
    f->total += count;
    f->next = block->nodes[block->count - 1] + 1;
    return SB_OK;
}

/* ---- Lists in pieces -------------------------------------------------------------------------------------------- */

/* starts[n + 2] is the length of n's list. */
static sb_status add_lengths(void *ctx, const sb_list_block *block)
{
    filling *f = ctx;
    sb_list_table *t = f->table;

    SB_TRY(f->options->poll(f->options->poll_ctx));
    f->total += block->entries.count;
    f->misfit = f->misfit || block->nodes[block->count - 1] >= t->ids || f->total > f->entries;
    for (uint32_t i = 0; !f->misfit && i < block->count; i++)
        t->starts[block->nodes[i] + 2] += block->lengths[i];
    return SB_OK;
}

/* starts[n + 1] is where n's next entry goes, and after the last one where n + 1 begins. */
static sb_status add_pieces(void *ctx, const sb_list_block *block)
{
    filling *f = ctx;
    sb_list_table *t = f->table;
    uint32_t from = 0;

    SB_TRY(f->options->poll(f->options->poll_ctx));
    for (uint32_t i = 0; i < block->count; i++) {
        uint32_t *at = &t->starts[block->nodes[i] + 1];
        put_entries(f, &block->entries, from, block->lengths[i], *at);
        *at += block->lengths[i];
        from += block->lengths[i];
    }
    return SB_OK;
}

static bool is_sorted(const sb_list_table *t, uint32_t from, uint32_t end)
{
    for (uint32_t i = from + 1; i < end; i++)
        if (!is_after(entry_of(t, i), entry_of(t, i - 1))) return false;
    return true;
}

static sb_status sort_list(sb_list_table *t, uint32_t from, uint32_t end, sb_buffer *scratch,
                           sb_err *err)
{
    const size_t count = end - from;

    if (sb_buffer_reserve(scratch, 2 * count * sizeof(sb_pair)) != SB_OK) return SB_FAIL_NOMEM(err);
    sb_pair *const pairs = (sb_pair *)(void *)scratch->data;
    for (size_t i = 0; i < count; i++)
        pairs[i] = entry_of(t, from + (uint32_t)i);
    sb_pairs_sort(pairs, pairs + count, count);
    for (size_t i = 0; i < count; i++) {
        t->neighbors[from + i] = (uint32_t)pairs[i].key;
        if (t->rels != NULL) t->rels[from + i] = (uint32_t)pairs[i].value;
    }
    return SB_OK;
}

static sb_status sort_lists(filling *f, sb_err *err)
{
    const sb_list_table *t = f->table;
    sb_status status = SB_OK;
    sb_buffer scratch;

    sb_buffer_init(&scratch, f->options->alloc);
    for (uint64_t node = 0; status == SB_OK && node < t->ids; node++) {
        const uint32_t from = t->starts[node], end = t->starts[node + 1];
        if (node % SB_LIST_BLOCK == 0) status = f->options->poll(f->options->poll_ctx);
        if (status == SB_OK && !is_sorted(t, from, end))
            status = sort_list(f->table, from, end, &scratch, err);
    }
    sb_buffer_deinit(&scratch);
    return status;
}

/* ---- Making ------------------------------------------------------------------------------------------------------- */

static sb_status scan(sb_graph *graph, filling *f, sb_list_block_visit visit, sb_err *err)
{
    return sb_graph_scan_lists(graph, f->options->direction, f->options->type, visit, f, err);
}

static sb_status fill_in_pieces(sb_graph *graph, filling *f, sb_err *err)
{
    sb_list_table *t = f->table;

    SB_TRY(need_starts(f));
    memset(t->starts, 0, starts_bytes(t));
    t->first = f->total = 0;
    t->span = t->ids;
    SB_TRY(scan(graph, f, add_lengths, err));
    if (f->misfit) return SB_OK;
    for (uint64_t node = 0; node < t->ids; node++)
        t->starts[node + 2] += t->starts[node + 1];
    SB_TRY(scan(graph, f, add_pieces, err));
    return f->misfit ? SB_OK : sort_lists(f, err);
}

static void clear_pad(const sb_list_table *t, uint32_t *numbers)
{
    if (numbers != NULL) memset(numbers + t->room, 0, SB_LIST_TABLE_PAD * sizeof *numbers);
}

static sb_status fill(sb_graph *graph, filling *f, sb_err *err)
{
    sb_list_table *t = f->table;

    t->singles = f->entries <= t->ids && f->entries >= t->ids / IDS_PER_SINGLE;
    t->room = t->singles ? t->ids : f->entries;
    t->neighbors = sb_alloc(t->alloc, entries_bytes(t));
    if (f->options->rels) t->rels = sb_alloc(t->alloc, entries_bytes(t));
    if (t->neighbors == NULL || (f->options->rels && t->rels == NULL)) return SB_FAIL_NOMEM(err);
    if (!t->singles) SB_TRY(need_starts(f));
    clear_pad(t, t->neighbors);
    clear_pad(t, t->rels);
    SB_TRY(scan(graph, f, add_lists, err));
    if (f->again && !f->misfit) return fill_in_pieces(graph, f, err);
    if (!t->singles) t->starts[f->next] = (uint32_t)f->total;
    t->span = f->next - t->first;
    return SB_OK;
}

sb_status sb_list_table_make(sb_graph *graph, const sb_list_table_options *options,
                             sb_list_table **table, sb_err *err)
{
    filling f = {.options = options, .err = err};
    sb_status status;
    uint64_t entries;

    *table = NULL;
    SB_CHECK_ARG(err, options->direction < SB_BOTH && !sb_txn_writable(graph->txn));
    SB_TRY(sb_stats_rels_of_type(graph->view, options->type, &entries, err));
    if (sb_ids_node_end(graph->view) > UINT32_MAX || sb_ids_rel_end(graph->view) > UINT32_MAX ||
        entries > UINT32_MAX)
        return SB_OK;
    f.table = sb_alloc_zero(options->alloc, sizeof *f.table);
    if (f.table == NULL) return SB_FAIL_NOMEM(err);
    f.table->alloc = options->alloc;
    f.table->ids = sb_ids_node_end(graph->view);
    f.entries = entries;
    status = fill(graph, &f, err);
    if (status == SB_OK && !f.misfit)
        *table = f.table;
    else
        sb_list_table_free(f.table);
    return status;
}

void sb_list_table_free(sb_list_table *table)
{
    if (table == NULL) return;
    sb_free(table->alloc, table->rels, entries_bytes(table));
    sb_free(table->alloc, table->neighbors, entries_bytes(table));
    sb_free(table->alloc, table->starts, starts_bytes(table));
    sb_free(table->alloc, table, sizeof *table);
}

/* ---- Two tables ---------------------------------------------------------------------------------------------------- */

#define FEW    4u   /* entries that are compared with each other at once */
#define LONGER 16u  /* times as long: from here on halving beats reading on */
#define PAIRS  128u /* of lists whose places are found together */
#define AHEAD  8u   /* pairs that are asked for ahead */

static uint32_t copies_of(const uint32_t *list, uint32_t at, uint32_t count, uint32_t id)
{
    uint32_t copies = 0;

    while (at + copies < count && list[at + copies] == id)
        copies++;
    return copies;
}

/* The first place from `at` on with no number below id. */
static uint32_t place_of(const uint32_t *list, uint32_t at, uint32_t count, uint32_t id)
{
    while (at < count) {
        const uint32_t middle = at + (count - at) / 2;
        if (list[middle] < id)
            at = middle + 1;
        else
            count = middle;
    }
    return at;
}

static int64_t common_sorted(const uint32_t *a, uint32_t a_count, const uint32_t *b,
                             uint32_t b_count)
{
    const bool halves = b_count / LONGER > a_count;
    int64_t common = 0;
    uint32_t k = 0;

    for (uint32_t i = 0; i < a_count && k < b_count; i++) {
        if (halves) k = place_of(b, k, b_count, a[i]);
        while (!halves && k < b_count && b[k] < a[i])
            k++;
        common += copies_of(b, k, b_count, a[i]);
    }
    return common;
}

/* Of short lists, without a branch on their lengths or on what is in them, which nobody foresees: behind the last entry there is a pad. */
SB_INLINE int64_t common_few(const uint32_t *a, uint32_t a_count, const uint32_t *b,
                             uint32_t b_count)
{
    uint32_t hits[FEW] = {0}, common = 0;

    for (uint32_t k = 0; k < FEW; k++)
        for (uint32_t i = 0; i < FEW; i++)
            hits[i] += (a[i] == b[k]) & (k < b_count);
    for (uint32_t i = 0; i < FEW; i++)
        common += i < a_count ? hits[i] : 0;
    return common;
}

typedef struct list_pair {
    sb_list_place a, b;
    size_t of;
} list_pair;

SB_INLINE void ask_for(const sb_list_table *t, sb_node_id node)
{
    const uint32_t *const places = t->singles ? t->neighbors : t->starts;

    if (node - t->first < t->span) SB_PREFETCH(&places[node]);
}

static int64_t common_of(const uint32_t *a, uint32_t a_count, const uint32_t *b, uint32_t b_count)
{
    if (a_count <= FEW && b_count <= FEW) return common_few(a, a_count, b, b_count);
    return a_count <= b_count ? common_sorted(a, a_count, b, b_count)
                              : common_sorted(b, b_count, a, a_count);
}

/* Places of many are found before the first entry is read: their waits go on side by side, and nodes without a list take no more. */
void sb_list_tables_common(const sb_list_table *const tables[2], const sb_node_id *const nodes[2],
                           size_t count, int64_t *common)
{
    const sb_list_table a = *tables[0], b = *tables[1]; /* copies: no store changes them */
    list_pair pairs[PAIRS + AHEAD] = {0};

    for (size_t at = 0; at < count;) {
        const size_t end = count - at < PAIRS ? count : at + PAIRS;
        size_t made = 0;
        for (; at < end; at++) {
            if (at + 2 * AHEAD < count) {
                ask_for(&a, nodes[0][at + 2 * AHEAD]);
                ask_for(&b, nodes[1][at + 2 * AHEAD]);
            }
            const sb_list_place left = sb_list_table_place(&a, nodes[0][at]),
                                right = sb_list_table_place(&b, nodes[1][at]);
            common[at] = 0;
            pairs[made].a = left;
            pairs[made].b = right;
            pairs[made].of = at;
            made += (left.count != 0) & (right.count != 0);
        }
        for (size_t i = 0; i < made; i++) {
            SB_PREFETCH(a.neighbors + pairs[i + AHEAD].a.from);
            SB_PREFETCH(b.neighbors + pairs[i + AHEAD].b.from);
            common[pairs[i].of] = common_of(a.neighbors + pairs[i].a.from, pairs[i].a.count,
                                            b.neighbors + pairs[i].b.from, pairs[i].b.count);
        }
    }
}
