/* rewrite.c — a range of entries written anew as one page or several: splits, merges and long runs of
 * put_many, of inner pages and slotted leaves alike. */
#include "tree/slots_priv.h"

sb_status sb_parts__open(sb_tree_txn *state, sb_parts *parts, sb_err *err)
{
    *parts = (sb_parts){0};
    sb_status st = sb_tree__buffer_acquire(state, 64 * sizeof(sb_part), &parts->parts, err);
    if (st == SB_OK) st = sb_tree__buffer_acquire(state, state->page_bytes, &parts->keys, err);
    if (st != SB_OK) sb_parts__close(state, parts);
    return st;
}

void sb_parts__close(sb_tree_txn *state, sb_parts *parts)
{
    sb_tree__buffer_release(state, parts->keys);
    sb_tree__buffer_release(state, parts->parts);
    *parts = (sb_parts){0};
}

sb_status sb_slots__refs(const uint8_t *page, uint32_t skip, sb_buffer *refs, sb_err *err)
{
    const uint32_t count = sb_slots__count(page);
    const bool inner = sb_slots__is_inner(page);
    if (sb_buffer_reserve(refs, count * sizeof(sb_ref)) != SB_OK) return SB_FAIL_NOMEM(err);

    sb_ref *ref = (sb_ref *)(void *)(refs->data + refs->size);
    for (uint32_t i = 0; i < count; i++, ref++) {
        const uint8_t *cell = page + sb_slots__cell_at(page, i);
        const uint32_t length = sb_slots__length_at(page, i);
        const uint32_t cut =
            length < skip ? length : skip; /* the empty first suffix of an inner page */
        const uint8_t *suffix = cell + (inner ? SB_INNER_CELL_HEAD : SB_LEAF_CELL_HEAD);
        *ref = (sb_ref){.suffix = suffix + cut,
                        .suffix_bytes = length - cut,
                        .payload = inner ? cell : suffix + length,
                        .payload_bytes = inner ? SB_INNER_CELL_HEAD : sb_load_le16(cell)};
    }
    refs->size += count * sizeof(sb_ref);
    return SB_OK;
}

/* ---- Where a page ends ------------------------------------------------------------------------------------ */

/* Bytes of entry i with its slot, before any prefix is cut. */
static size_t entry_bytes(const sb_rewrite *rw, size_t i)
{
    const sb_ref *ref = &rw->refs[i];
    return SB_SLOT_BYTES + ref->suffix_bytes +
           (rw->kind == SB_PAGE_INNER ? SB_INNER_CELL_HEAD
                                      : SB_LEAF_CELL_HEAD + ref->payload_bytes);
}

sb_bytes sb_slots__separator(const sb_rewrite *rw, size_t i)
{
    const sb_bytes key = sb_bytes_of(rw->refs[i].suffix, rw->refs[i].suffix_bytes);
    if (rw->kind == SB_PAGE_INNER) return key;
    const sb_bytes before = sb_bytes_of(rw->refs[i - 1].suffix, rw->refs[i - 1].suffix_bytes);
    return sb_bytes_of(key.data, sb_slots__shared(before, key) + 1);
}

/* Bytes of a page that holds [begin, end), whose entries sum up to entries: exactly. low is without base. */
static size_t page_size(const sb_rewrite *rw, size_t begin, size_t end, sb_bytes low,
                        size_t entries)
{
    const bool last = end == rw->count;
    const sb_bytes high = !last               ? sb_slots__separator(rw, end)
                          : rw->high.size > 0 ? sb_bytes_of(rw->high.data + rw->base.size,
                                                            rw->high.size - rw->base.size)
                                              : sb_bytes_of(NULL, 0);
    const size_t cut = sb_slots__shared(low, high); /* an open fence is empty and shares nothing */
    size_t keys = end - begin;
    size_t bytes = SB_SLOTS_BEGIN + entries + 2 * rw->base.size + low.size + high.size;
    if (rw->kind ==
        SB_PAGE_INNER) { /* the first key of an inner page is the low fence: not stored twice */
        keys--;
        bytes -= rw->refs[begin].suffix_bytes;
    }
    return bytes - keys * cut;
}

/* One entry always fits in a leaf and three in an inner page, by the limits of keys and values. */
size_t sb_slots__page_end(const sb_rewrite *rw, size_t begin, sb_bytes low, uint32_t page_bytes)
{
    const size_t least = rw->kind == SB_PAGE_INNER ? 2 : 1;
    size_t entries = 0, end = begin;
    while (end < rw->count) {
        const size_t with = entries + entry_bytes(rw, end);
        /* Even uncut and with the next key as its fence? Else exactly. */
        const size_t next = end + 1 < rw->count ? rw->refs[end + 1].suffix_bytes : rw->high.size;
        const size_t most = SB_SLOTS_BEGIN + with + 2 * rw->base.size + low.size + next;
        if (end - begin >= least && most > page_bytes &&
            page_size(rw, begin, end + 1, low, with) > page_bytes)
            break;
        entries = with;
        end++;
        if (entries >= rw->target && end - begin >= least) break;
    }
    if (rw->kind == SB_PAGE_INNER && rw->count - end == 1) {
        /* A page of one child would break S6. */
        if (end - begin > 2)
            end--;
        else
            end++;
    }
    return end;
}

/* ---- Writing --------------------------------------------------------------------------------------------------- */

static void fill_page(const sb_rewrite *rw, uint8_t *page, uint32_t page_bytes, size_t begin,
                      size_t end, sb_bytes low, sb_bytes high)
{
    sb_slots__init(page, page_bytes, low, high);
    page[SB_PAGE_LEVEL] = rw->level;
    /* The page's range lies in the old one, so its prefix is at least the base, and every key begins with it. */
    const size_t cut = sb_slots__prefix(page) - rw->base.size;
    for (size_t i = begin; i < end; i++) {
        const sb_ref *ref = &rw->refs[i];
        const sb_bytes payload = sb_bytes_of(ref->payload, ref->payload_bytes);
        if (i == begin && rw->kind == SB_PAGE_INNER)
            sb_slots__append(page, sb_bytes_of(NULL, 0), sb_bytes_of(NULL, 0), payload);
        else
            sb_slots__append(page, sb_bytes_of(NULL, 0),
                             sb_bytes_of(ref->suffix + cut, ref->suffix_bytes - cut), payload);
    }
    sb_slots__hints(page, 0);
}

/* Append base + suffix to keys: its place there. Room for one more key is kept, so that pointers into keys stay good
 * until the next call. */
static sb_status add_key(const sb_rewrite *rw, sb_buffer *keys, sb_bytes suffix, size_t *place,
                         sb_err *err)
{
    *place = keys->size;
    if (sb_buffer_reserve(keys, rw->base.size + suffix.size) != SB_OK) return SB_FAIL_NOMEM(err);
    if (rw->base.size > 0) memcpy(keys->data + keys->size, rw->base.data, rw->base.size);
    keys->size += rw->base.size;
    if (suffix.size > 0) memcpy(keys->data + keys->size, suffix.data, suffix.size);
    keys->size += suffix.size;
    return SB_OK;
}

static sb_status next_page(sb_txn *txn, const sb_rewrite *rw, size_t part, sb_pgno *pgno,
                           uint8_t **page, sb_err *err)
{
    if (part >= rw->page_count)
        return sb_page_alloc(txn, (sb_page_kind)rw->kind, rw->tree, pgno, page, err);
    *pgno = rw->pages[part];
    return sb_page_mut(txn, *pgno, page, err);
}

sb_status sb_slots__rewrite(sb_txn *txn, sb_tree_txn *state, const sb_rewrite *rw, sb_parts *parts,
                            sb_err *err)
{
    const uint32_t page_bytes = state->page_bytes;
    sb_bytes low = sb_bytes_of(rw->low.size > 0 ? rw->low.data + rw->base.size : NULL,
                               rw->low.size > 0 ? rw->low.size - rw->base.size : 0);
    size_t low_place = 0,
           low_bytes = 0; /* of the part's low fence in keys; the first one's is rw->low */

    sb_buffer_reset(parts->parts);
    sb_buffer_reset(parts->keys);
    for (size_t begin = 0, part = 0; begin < rw->count; part++) {
        const size_t end = sb_slots__page_end(rw, begin, low, page_bytes);
        size_t high_place = 0;
        if (end < rw->count)
            SB_TRY(add_key(rw, parts->keys, sb_slots__separator(rw, end), &high_place, err));
        const sb_bytes full_low =
            part == 0 ? rw->low : sb_bytes_of(parts->keys->data + low_place, low_bytes);
        const sb_bytes full_high = end < rw->count ? sb_bytes_of(parts->keys->data + high_place,
                                                                 parts->keys->size - high_place)
                                                   : rw->high;

        sb_part item = {.low = sb_bytes_of(NULL, full_low.size)};
        uint8_t *page;
        SB_TRY(next_page(txn, rw, part, &item.pgno, &page, err));
        fill_page(rw, page, page_bytes, begin, end, full_low, full_high);
        if (sb_buffer_append(parts->parts, &item, sizeof item) != SB_OK) return SB_FAIL_NOMEM(err);

        low_place = high_place;
        low_bytes = full_high.size;
        if (end < rw->count) low = sb_slots__separator(rw, end);
        begin = end;
    }
    /* The keys stand one behind the other; only now they no longer move. */
    sb_part *array = sb_parts__array(parts);
    const uint8_t *key = parts->keys->data;
    for (size_t i = 0; i < sb_parts__count(parts); i++) {
        array[i].low.data = i == 0 ? rw->low.data : key;
        if (i > 0) key += array[i].low.size;
    }
    sb_tree__count_rebuilds(state, sb_parts__count(parts));
    return SB_OK;
}
