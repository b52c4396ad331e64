/* held_list.c — a node's list in one piece: of one type and direction it comes sorted, of several it is sorted here. */
#include "cypher/exec/held_list.h"

#define FILTER_BITS_MIN 1024u
#define FILTER_BITS_MAX (UINT32_C(1) << 18) /* 32 KiB: stays in the first-level cache */
#define FILTER_SPARSE   32u                 /* bits for each entry: one in 32 passes in vain */
#define FILTER_EXACT    (UINT32_C(1) << 16) /* bits that are worth it where then none does */
#define FILTER_CLEARED  512u /* bits that are cleared in the time that one entry's word is */

#define DECODED 256u /* entries of a piece that are decoded at once */

void sb_exec__held_init(sb_exec *run, sb_held_list *list)
{
    *list = (sb_held_list){.run = run};
    sb_buffer_init(&list->pairs, run->alloc);
    sb_buffer_init(&list->scratch, run->alloc);
    sb_buffer_init(&list->rels, run->alloc);
}

static void free_filter(sb_held_list *list)
{
    if (list->filter != NULL) sb_free(list->run->alloc, list->filter, list->filter_room / 8);
    list->filter = NULL;
    list->filter_room = list->filter_bits = 0;
}

void sb_exec__held_free(sb_held_list *list)
{
    free_filter(list);
    sb_buffer_deinit(&list->pairs);
    sb_buffer_deinit(&list->scratch);
    sb_buffer_deinit(&list->rels);
}

void sb_exec__held_forget(sb_held_list *list)
{
    if (list->filter_bits != 0) memset(list->filter, 0, list->filter_bits / 8);
    list->filter_bits = 0;
    list->entries.count = 0;
}

/* While its list is there: bit by bit, where it has few for the filter's size. */
static void clear_filter(sb_held_list *list)
{
    if (list->filter_bits / FILTER_CLEARED <= list->entries.count) {
        sb_exec__held_forget(list);
        return;
    }
    for (uint32_t i = 0; i < list->entries.count; i++)
        list->filter[(sb_chunk_neighbor(&list->entries, i) & (list->filter_bits - 1)) / 64] = 0;
    list->filter_bits = 0;
}

/* first and last are known. */
static sb_status make_filter(sb_held_list *list)
{
    const sb_chunk *entries = &list->entries;
    const uint64_t span = list->last - list->first;
    uint64_t clashes = 0;
    uint32_t bits = FILTER_BITS_MIN;

    while (bits < FILTER_BITS_MAX &&
           (bits / FILTER_SPARSE < entries->count || (span < FILTER_EXACT && bits <= span)))
        bits *= 2;
    if (bits > list->filter_room) {
        free_filter(list);
        list->filter = sb_alloc_zero(list->run->alloc, bits / 8);
        if (list->filter == NULL) return sb_exec__no_memory(list->run);
        list->filter_room = bits;
    }
    list->filter_bits = bits;
    for (uint32_t i = 0; i < entries->count; i++) {
        const uint64_t place = sb_chunk_neighbor(entries, i) & (bits - 1), bit = UINT64_C(1)
                                                                                 << (place & 63);
        clashes |= list->filter[place / 64] & bit;
        list->filter[place / 64] |= bit;
    }
    list->exact = span < bits && clashes == 0;
    return SB_OK;
}

sb_status sb_exec__held_filter(sb_held_list *list)
{
    const sb_chunk *entries = &list->entries;

    list->first = entries->count == 0 ? 0 : sb_chunk_neighbor(entries, 0);
    list->last = entries->count == 0 ? 0 : sb_chunk_neighbor(entries, entries->count - 1);
    return make_filter(list);
}

static sb_status append_piece(sb_held_list *list, const sb_expand_piece *piece)
{
    const sb_chunk *chunk = &piece->entries;
    uint64_t neighbors[DECODED], rels[DECODED];

    if (sb_buffer_reserve(&list->pairs, chunk->count * sizeof(sb_pair)) != SB_OK)
        return sb_exec__no_memory(list->run);
    sb_pair *to = (sb_pair *)(void *)(list->pairs.data + list->pairs.size);
    size_t made = 0;
    for (uint32_t at = 0; at < chunk->count; at += DECODED) {
        const uint32_t count = chunk->count - at < DECODED ? chunk->count - at : DECODED;
        sb_chunk_neighbors(chunk, at, count, neighbors);
        sb_chunk_rels(chunk, at, count, rels);
        for (uint32_t i = 0; i < count; i++) {
            to[made] = (sb_pair){.key = neighbors[i], .value = rels[i]};
            made += neighbors[i] != piece->skipped;
        }
    }
    list->pairs.size += made * sizeof(sb_pair);
    return SB_OK;
}

static bool is_less(sb_pair a, sb_pair b)
{
    return a.key < b.key || (a.key == b.key && a.value < b.value);
}

/* Where the first of the ascending runs that pairs from `from` on are made of ends. */
static size_t run_end(const sb_pair *pairs, size_t from, size_t total)
{
    size_t end = from + 1;

    while (end < total && !is_less(pairs[end], pairs[end - 1]))
        end++;
    return end < total ? end : total;
}

/* Lay pairs out like a piece, in order: of two runs, [0, cut) and [cut, total), the lesser one first each time. */
static void lay_out(const sb_pair *pairs, size_t cut, size_t total, uint64_t *neighbors,
                    uint64_t *rels)
{
    size_t first = 0, second = cut;

    for (size_t i = 0; i < total; i++) {
        const bool is_second =
            second < total && (first == cut || is_less(pairs[second], pairs[first]));
        const sb_pair pair = pairs[is_second ? second : first];
        second += is_second;
        first += !is_second;
        neighbors[i] = pair.key;
        rels[i] = pair.value;
    }
}

/* Put what was put together in order: both lists of a node, of which each is, or more of them. */
static sb_status set_entries(sb_held_list *list)
{
    const size_t total = list->pairs.size / sizeof(sb_pair);
    sb_pair *const pairs = (sb_pair *)(void *)list->pairs.data;

    sb_buffer_reset(&list->scratch);
    sb_buffer_reset(&list->rels);
    if (total == 0) return SB_OK;
    if (total > UINT32_MAX || sb_buffer_reserve(&list->scratch, total * sizeof(sb_pair)) != SB_OK ||
        sb_buffer_reserve(&list->rels, total * sizeof(uint64_t)) != SB_OK)
        return sb_exec__no_memory(list->run);
    size_t cut = run_end(pairs, 0, total);
    if (cut < total && run_end(pairs, cut, total) < total) {
        const sb_sort_poll poll = {.call = sb_exec__tick_of, .ctx = list->run};
        SB_TRY(sb_pairs_sort_polled(pairs, (sb_pair *)(void *)list->scratch.data, total, &poll));
        cut = total;
    }
    lay_out(pairs, cut, total, (uint64_t *)(void *)list->scratch.data,
            (uint64_t *)(void *)list->rels.data);
    list->entries = (sb_chunk){.neighbors = list->scratch.data,
                               .rels = list->rels.data,
                               .neighbor_width = sizeof(uint64_t),
                               .rel_width = sizeof(uint64_t),
                               .count = (uint32_t)total};
    return SB_OK;
}

sb_status sb_exec__held_read(sb_held_list *list, sb_expand *expand, uint64_t node, size_t most,
                             bool *whole)
{
    sb_expand_piece piece, first = {.entries = {.count = 0}};
    size_t total = 0;
    bool more;

    *whole = true;
    clear_filter(list);
    list->entries = (sb_chunk){.count = 0};
    sb_buffer_reset(&list->pairs);
    sb_expand_begin(expand, &node, 1);
    for (;;) {
        SB_TRY(sb_expand_next_piece(expand, &piece, &more, list->run->err));
        if (!more) break;
        total += piece.entries.count;
        *whole = total <= most;
        if (!*whole) return SB_OK;
        if (total == piece.entries.count && piece.stays && piece.skipped == 0) {
            first = piece;
            continue;
        }
        SB_TRY(sb_exec__tick(list->run));
        if (first.entries.count != 0) SB_TRY(append_piece(list, &first));
        first.entries.count = 0;
        SB_TRY(append_piece(list, &piece));
    }
    list->entries = first.entries;
    return first.entries.count != 0 ? SB_OK : set_entries(list);
}

/* Neighbors of a piece, behind those that are there. */
static sb_status append_neighbors(sb_held_list *list, const sb_expand_piece *piece)
{
    const uint32_t count = piece->entries.count;

    if (sb_buffer_reserve(&list->scratch, count * sizeof(uint64_t)) != SB_OK)
        return sb_exec__no_memory(list->run);
    uint64_t *const to = (uint64_t *)(void *)(list->scratch.data + list->scratch.size);
    uint32_t made = 0;
    sb_chunk_neighbors(&piece->entries, 0, count, to);
    for (uint32_t i = 0; i < count; i++) {
        to[made] = to[i];
        made += to[i] != piece->skipped;
    }
    list->scratch.size += made * sizeof(uint64_t);
    if (made == 0) return SB_OK;
    list->first = to[0] < list->first ? to[0] : list->first; /* a piece is sorted */
    list->last = to[made - 1] > list->last ? to[made - 1] : list->last;
    return SB_OK;
}

sb_status sb_exec__held_read_bits(sb_held_list *list, sb_expand *expand, uint64_t node)
{
    sb_expand_piece piece;
    bool more, whole;

    clear_filter(list);
    list->entries = (sb_chunk){.count = 0};
    sb_buffer_reset(&list->scratch);
    list->first = UINT64_MAX;
    list->last = 0;
    sb_expand_begin(expand, &node, 1);
    for (;;) {
        SB_TRY(sb_expand_next_piece(expand, &piece, &more, list->run->err));
        if (!more) break;
        SB_TRY(sb_exec__tick(list->run));
        SB_TRY(append_neighbors(list, &piece));
    }
    const size_t count = list->scratch.size / sizeof(uint64_t);
    if (count == 0) return SB_OK;
    if (count <= UINT32_MAX && list->last - list->first < FILTER_EXACT) {
        list->entries = (sb_chunk){.neighbors = list->scratch.data,
                                   .neighbor_width = sizeof(uint64_t),
                                   .count = (uint32_t)count};
        SB_TRY(make_filter(list));
        if (list->exact) return SB_OK;
    }
    SB_TRY(sb_exec__held_read(list, expand, node, SIZE_MAX, &whole));
    return sb_exec__held_filter(list);
}
