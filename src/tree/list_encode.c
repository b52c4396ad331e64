/* list_encode.c — sorted triples to list leaves and back: how much fits, where to cut, the loops per width.
 *
 * All entries of a page share one frame of reference per array. The width of an array follows from the
 * least and the greatest value; when the greatest value itself fits that width the base is 0, so that later
 * inserts find the widest frame there is. */
#include "tree/list_priv.h"

SB_INLINE uint32_t align8(uint32_t bytes)
{
    return (bytes + 7u) & ~7u;
}

/* Where the arrays of a page with these statistics lie, without slack. */
typedef struct layout {
    uint32_t slot_count;
    uint32_t ends_bytes, diffs_bytes, neighbors_bytes, rels_bytes; /* without padding */
    uint8_t neighbor_width, rel_width, diff_width;
} layout;

static void compute_layout(const sb_list_stats *stats, layout *out)
{
    const uint64_t span = stats->last_id - stats->first_id;
    const unsigned diff_width = span <= 0xFFFFu ? 2u : span <= 0xFFFFFFFFu ? 4u : 8u;
    const uint64_t sparse_bytes =
        2u * ((uint64_t)stats->list_count + 1u) + (uint64_t)stats->list_count * diff_width;

    out->neighbor_width = (uint8_t)sb_width_of(stats->neighbor_max - stats->neighbor_min);
    out->rel_width = (uint8_t)sb_width_of(stats->rel_max - stats->rel_min);
    out->neighbors_bytes = stats->entry_count * out->neighbor_width;
    out->rels_bytes = stats->entry_count * out->rel_width;
    /* Dense where that costs at most a sixteenth more than the entries take: a look-up is then arithmetic instead of
     * a search, and R-MAT graphs, where about half of the nodes have no list, lie right at the border. A dense
     * directory has a slot for every id of the span, so there are fewer than 2^15 in a page. */
    const uint64_t allowed = sparse_bytes + (out->neighbors_bytes + out->rels_bytes) / 16u;
    if (span < SB_PAGE_BYTES_MAX / 2 - 1 && 2u * (span + 2u) <= allowed) {
        out->diff_width = 0;
        out->slot_count = (uint32_t)span + 1u;
        out->diffs_bytes = 0;
    } else {
        out->diff_width = (uint8_t)diff_width;
        out->slot_count = stats->list_count;
        out->diffs_bytes = stats->list_count * diff_width;
    }
    out->ends_bytes = 2u * (out->slot_count + 1u);
}

uint64_t sb_list__encoded_bytes(const sb_list_stats *stats)
{
    layout at;

    if (stats->entry_count == 0) return SB_LIST_HEADER + 2u;
    compute_layout(stats, &at);
    return SB_LIST_HEADER + (uint64_t)align8(at.ends_bytes) + align8(at.diffs_bytes) +
           align8(at.neighbors_bytes) + at.rels_bytes;
}

/* ---- Measuring ----------------------------------------------------------------------------------- */

/* Add entries [0, count), all of one list, which began before them unless starts. */
SB_INLINE void stats_add(sb_list_stats *stats, const sb_triple *triples, size_t count, bool starts)
{
    uint64_t rel_min = stats->rel_min, rel_max = stats->rel_max;

    if (stats->entry_count == 0) {
        stats->first_id = triples[0].node;
        stats->neighbor_min = stats->neighbor_max = triples[0].neighbor;
        rel_min = rel_max = triples[0].rel;
    }
    for (size_t i = 0; i < count; i++) {
        const uint64_t rel = triples[i].rel;
        rel_min = rel < rel_min ? rel : rel_min;
        rel_max = rel > rel_max ? rel : rel_max;
    }
    stats->rel_min = rel_min;
    stats->rel_max = rel_max;
    /* Neighbors of a list ascend: its ends are its extremes. */
    if (triples[0].neighbor < stats->neighbor_min) stats->neighbor_min = triples[0].neighbor;
    if (triples[count - 1].neighbor > stats->neighbor_max)
        stats->neighbor_max = triples[count - 1].neighbor;
    stats->last_id = triples[0].node;
    stats->list_count += starts ? 1u : 0u;
    stats->entry_count += (uint32_t)count;
}

/* Add whole lists. */
SB_INLINE void stats_add_lists(sb_list_stats *stats, const sb_triple *triples, size_t count)
{
    for (size_t i = 0; i < count;) {
        const size_t from = i;
        const uint64_t node = triples[i].node;

        while (i < count && triples[i].node == node)
            i++;
        stats_add(stats, triples + from, i - from, true);
    }
}

void sb_list__stats(const sb_triple *triples, size_t count, sb_list_stats *stats)
{
    memset(stats, 0, sizeof *stats);
    stats_add_lists(stats, triples, count);
}

/* Entries are measured in blocks of this many, so that a list far longer than a page is not read to its
 * end for every page that it fills. */
#define PACK_BLOCK 64u

/* A tight leaf is left at most this share of a page emptier than asked for. On 1 M nodes with 10 M
 * relationships (R-MAT, 8 KiB pages): 8.47 bytes an entry when no short list is ever cut, 8.46, 8.38 and 8.35 with
 * an eighth, a sixteenth and a thirty-second; the smaller the share, the more lists lie in two leaves. */
#define TIGHT_SHARE 16u

/* Whole lists of up to PACK_BLOCK entries together, measured at once. False, and nothing taken, when the next list is longer or, roomy is
 * false then, when they do not fit. */
static bool pack_lists(const sb_triple *triples, size_t count, uint32_t budget,
                       sb_list_stats *stats, size_t *taken, bool *roomy)
{
    const size_t room = SB_LIST_ENTRIES_MAX - *taken, left = count - *taken;
    const sb_triple *list = triples + *taken;
    sb_list_stats more = *stats;
    size_t block = left < PACK_BLOCK ? left : PACK_BLOCK;

    if (block > room) block = room;
    while (block > 0 && block < left && list[block].node == list[block - 1].node)
        block--;
    if (block == 0) return false;
    stats_add_lists(&more, list, block);
    *roomy = sb_list__encoded_bytes(&more) <= budget;
    if (!*roomy) return false;
    *stats = more;
    *taken += block;
    return true;
}

/* The list that begins at first, block by block while it fits: where that ends. *whole: so does the list, or what may be read of it. */
static size_t pack_list(const sb_triple *triples, size_t count, uint32_t budget, size_t first,
                        sb_list_stats *stats, bool *whole)
{
    size_t next = first;

    for (;;) {
        const size_t from = next;
        size_t limit = from + PACK_BLOCK;
        sb_list_stats more = *stats;

        *whole = true;
        if (limit > count) limit = count;
        if (limit > SB_LIST_ENTRIES_MAX) limit = SB_LIST_ENTRIES_MAX;
        while (next < limit && triples[next].node == triples[first].node)
            next++;
        if (next == from) return next;
        stats_add(&more, triples + from, next - from, from == first);
        if (sb_list__encoded_bytes(&more) > budget) {
            *whole = false;
            return from;
        }
        *stats = more;
        if (next < limit) return next;
    }
}

/* Entries from next on of the list that begins at first, while they fit: where they end. */
static size_t pack_entries(const sb_triple *triples, size_t count, uint32_t budget, size_t first,
                           size_t next, sb_list_stats *stats)
{
    while (next < count && next < SB_LIST_ENTRIES_MAX &&
           triples[next].node == triples[first].node) {
        sb_list_stats more = *stats;
        stats_add(&more, triples + next, 1, next == first);
        if (next > 0 && sb_list__encoded_bytes(&more) > budget) break;
        *stats = more;
        next++;
    }
    return next;
}

size_t sb_list__pack(const sb_triple *triples, size_t count, uint32_t page_bytes, uint32_t budget,
                     bool tight, sb_list_stats *stats)
{
    sb_list_stats trial;
    size_t taken = 0;
    bool roomy = true;

    SB_ASSERT(count > 0);
    memset(stats, 0, sizeof *stats);
    trial = *stats;
    while (taken < count && taken < SB_LIST_ENTRIES_MAX) {
        if (roomy && pack_lists(triples, count, budget, stats, &taken, &roomy)) {
            trial = *stats;
            continue;
        }
        const uint64_t node = triples[taken].node;
        bool whole;
        const size_t next = pack_list(triples, count, budget, taken, &trial, &whole);
        if (whole && (next == count || triples[next].node != node)) {
            *stats = trial;
            taken = next;
            continue;
        }

        /* The list does not fit to its end. One of up to a quarter page goes to the next leaf whole (L5). */
        const unsigned entry_bytes = sb_width_of(trial.neighbor_max - trial.neighbor_min) +
                                     sb_width_of(trial.rel_max - trial.rel_min);
        const size_t quarter = page_bytes / 4u / (entry_bytes == 0 ? 1u : entry_bytes);
        const bool is_long = count - taken > quarter && triples[taken + quarter].node == node;

        if (taken > 0 && !is_long &&
            !(tight && budget - sb_list__encoded_bytes(stats) > page_bytes / TIGHT_SHARE)) {
            return taken;
        }
        *stats = trial;
        return pack_entries(triples, count, budget, taken, next, stats);
    }
    return taken;
}

/* ---- Encoding ------------------------------------------------------------------------------------- */

SB_INLINE void store_neighbors(uint8_t *to, const sb_triple *triples, size_t count, uint64_t base,
                               unsigned width)
{
    for (size_t i = 0; i < count; i++)
        sb_store_width(to + i * width, width, triples[i].neighbor - base);
}
SB_INLINE void store_rels(uint8_t *to, const sb_triple *triples, size_t count, uint64_t base,
                          unsigned width)
{
    for (size_t i = 0; i < count; i++)
        sb_store_width(to + i * width, width, triples[i].rel - base);
}

static void encode_neighbors(uint8_t *to, const sb_triple *triples, size_t count, uint64_t base,
                             unsigned width)
{
    switch (width) {
    case 0: break;
    case 1: store_neighbors(to, triples, count, base, 1); break;
    case 2: store_neighbors(to, triples, count, base, 2); break;
    case 4: store_neighbors(to, triples, count, base, 4); break;
    default: store_neighbors(to, triples, count, base, 8); break;
    }
}

static void encode_rels(uint8_t *to, const sb_triple *triples, size_t count, uint64_t base,
                        unsigned width)
{
    switch (width) {
    case 0: break;
    case 1: store_rels(to, triples, count, base, 1); break;
    case 2: store_rels(to, triples, count, base, 2); break;
    case 4: store_rels(to, triples, count, base, 4); break;
    default: store_rels(to, triples, count, base, 8); break;
    }
}

/* Offsets and, in sparse pages, id differences. */
static void encode_directory(uint8_t *page, const layout *at, uint32_t diffs_off, uint64_t first_id,
                             const sb_triple *triples, size_t count)
{
    uint8_t *ends = page + SB_LIST_HEADER;
    uint32_t slot = 0;

    sb_store_le16(ends, 0);
    for (size_t i = 0; i < count;) {
        const uint64_t node = triples[i].node;
        const uint64_t diff = node - first_id;

        if (at->diff_width == 0) {
            /* Ids between without a list end where the last list does. */
            for (; slot < diff; slot++)
                sb_store_le16(ends + 2 * ((size_t)slot + 1), (uint16_t)i);
        } else {
            sb_store_width(page + diffs_off + (size_t)slot * at->diff_width, at->diff_width, diff);
        }
        while (i < count && triples[i].node == node)
            i++;
        slot++;
        sb_store_le16(ends + 2 * (size_t)slot, (uint16_t)i);
    }
    SB_ASSERT(slot == at->slot_count);
}

SB_INLINE uint64_t frame_base(uint64_t min, uint64_t max)
{
    return sb_width_of(max) == sb_width_of(max - min) ? 0 : min;
}

void sb_list__encode(uint8_t *page, uint32_t page_bytes, const sb_list_range *range, uint64_t rest,
                     const sb_triple *triples, const sb_list_stats *stats)
{
    const size_t count = stats->entry_count;
    uint64_t neighbor_base = 0, rel_base = 0;
    uint32_t neighbors_off, rels_off, diffs_off;
    layout at;

    memset(&at, 0, sizeof at);
    at.ends_bytes = 2;
    if (count > 0) {
        compute_layout(stats, &at);
        neighbor_base = frame_base(stats->neighbor_min, stats->neighbor_max);
        rel_base = frame_base(stats->rel_min, stats->rel_max);
    }
    const uint32_t used = SB_LIST_HEADER + align8(at.ends_bytes) + align8(at.diffs_bytes) +
                          align8(at.neighbors_bytes) + at.rels_bytes;
    SB_ASSERT(used <= page_bytes);

    /* Slack behind each array in proportion to its bytes; what rounding leaves falls to the last one. */
    const uint32_t slack = page_bytes - used;
    const uint32_t content = at.ends_bytes + at.diffs_bytes + at.neighbors_bytes + at.rels_bytes;
    const uint64_t scale = ((uint64_t)slack << 16) / content;

    diffs_off =
        SB_LIST_HEADER + align8(at.ends_bytes) + ((uint32_t)(at.ends_bytes * scale >> 16) & ~7u);
    neighbors_off =
        diffs_off + align8(at.diffs_bytes) + ((uint32_t)(at.diffs_bytes * scale >> 16) & ~7u);
    rels_off = neighbors_off + align8(at.neighbors_bytes) +
               ((uint32_t)(at.neighbors_bytes * scale >> 16) & ~7u);
    SB_ASSERT(rels_off + at.rels_bytes <= page_bytes);

    memset(page + SB_PAGE_COMMON, 0, page_bytes - SB_PAGE_COMMON);
    sb_store_le16(page + SB_PAGE_FLAGS, 0);
    sb_list__set_range(page, range);
    sb_store_le64(page + SB_LIST_FIRST_ID, count > 0 ? stats->first_id : 0);
    sb_store_le64(page + SB_LIST_NEIGHBOR_BASE, neighbor_base);
    sb_store_le64(page + SB_LIST_REL_BASE, rel_base);
    sb_list__set_rest(page, rest);
    sb_store_le16(page + SB_LIST_ENTRY_COUNT, (uint16_t)count);
    sb_store_le16(page + SB_LIST_SLOT_COUNT, (uint16_t)at.slot_count);
    page[SB_LIST_NEIGHBOR_WIDTH] = at.neighbor_width;
    page[SB_LIST_REL_WIDTH] = at.rel_width;
    page[SB_LIST_DIFF_WIDTH] = at.diff_width;
    sb_store_le16(page + SB_LIST_DIFFS_AT, (uint16_t)(diffs_off / 8));
    sb_store_le16(page + SB_LIST_NEIGHBORS_AT, (uint16_t)(neighbors_off / 8));
    sb_store_le16(page + SB_LIST_RELS_AT, (uint16_t)(rels_off / 8));
    if (count == 0) return;
    encode_directory(page, &at, diffs_off, stats->first_id, triples, count);
    encode_neighbors(page + neighbors_off, triples, count, neighbor_base, at.neighbor_width);
    encode_rels(page + rels_off, triples, count, rel_base, at.rel_width);
}

/* ---- Decoding -------------------------------------------------------------------------------------- */

SB_INLINE void load_arrays(const sb_list_view *view, sb_triple *out, unsigned neighbor_width,
                           unsigned rel_width)
{
    const uint8_t *neighbors = view->page + view->neighbors_off;
    const uint8_t *rels = view->page + view->rels_off;

    for (uint32_t i = 0; i < view->entry_count; i++) {
        out[i].neighbor = view->neighbor_base +
                          sb_load_width(neighbors + (size_t)i * neighbor_width, neighbor_width);
        out[i].rel = view->rel_base + sb_load_width(rels + (size_t)i * rel_width, rel_width);
    }
}

void sb_list__decode(const sb_list_view *view, sb_triple *out)
{
    uint32_t i = 0;

    /* 4 and 4 bytes is what most graphs have. */
    if (view->neighbor_width == 4 && view->rel_width == 4)
        load_arrays(view, out, 4, 4);
    else
        load_arrays(view, out, view->neighbor_width, view->rel_width);
    for (uint32_t slot = 0; slot < view->slot_count; slot++) {
        const uint64_t node = sb_list__slot_node(view, slot);
        const uint32_t end = sb_list__end(view->page, slot + 1);

        for (; i < end; i++)
            out[i].node = node;
    }
}
