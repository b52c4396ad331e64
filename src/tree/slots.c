/* slots.c — search, check and change of one page of sorted keys (slots_priv.h has the layout). */
#include "tree/slots_priv.h"

size_t sb_slots__shared(sb_bytes a, sb_bytes b)
{
    const size_t limit = a.size < b.size ? a.size : b.size;
    size_t i = 0;
    for (; i + 8 <= limit; i += 8) {
        const uint64_t differ = sb_load_le64(a.data + i) ^ sb_load_le64(b.data + i);
        if (differ != 0) return i + sb_ctz64(differ) / 8;
    }
    while (i < limit && a.data[i] == b.data[i])
        i++;
    return i;
}

/* ---- Search ------------------------------------------------------------------------------------------ */

/* Order of slot i's suffix against suffix, whose head is equal. Heads are filled up with zeros, so of two
 * equal ones where either is short the shorter suffix is a prefix of the other. */
static int compare_tails(const uint8_t *page, uint32_t i, sb_bytes suffix)
{
    const uint32_t length = sb_slots__length_at(page, i);
    if (length > 4 && suffix.size > 4) {
        const size_t shared = (length < suffix.size ? length : suffix.size) - 4;
        const int order = memcmp(sb_slots__suffix(page, i).data + 4, suffix.data + 4, shared);
        if (order != 0) return order;
    }
    return length < suffix.size ? -1 : length > suffix.size ? 1 : 0;
}

void sb_slots__narrow(const uint8_t *page, sb_bytes suffix, sb_window *window)
{
    const uint32_t count = sb_slots__count(page);
    const uint32_t distance = count / (SB_HINT_COUNT + 1);

    *window = (sb_window){.head = sb_slots__head_of(suffix), .upper = count, .guess = count};
    if (distance <= 1) return;
    /* Hint i samples slot distance·(i + 1). Two counts instead of a search: no branch to mispredict, and
     * the compiler makes vector compares of them. */
    uint32_t below = 0, not_above = 0;
    for (uint32_t i = 0; i < SB_HINT_COUNT; i++) {
        const uint32_t hint = sb_load_le32(page + SB_SLOTS_HINTS + 4 * i);
        below += hint < window->head;
        not_above += hint <= window->head;
    }
    window->lower = below == 0 ? 0 : distance * below + 1;
    window->upper = not_above == SB_HINT_COUNT ? count : distance * (not_above + 1);
    window->guess = window->upper;
    /* The window is a few cache lines: ask for all of them, or the search waits for one after the other. */
    for (uint32_t i = window->lower; i < window->upper; i += 64 / SB_SLOT_BYTES)
        SB_PREFETCH(sb_slots__slot(page, i));
}

void sb_slots__guess(const uint8_t *page, uint32_t page_bytes, sb_window *window)
{
    const uint32_t count = sb_slots__count(page);
    const uint32_t distance = count / (SB_HINT_COUNT + 1);
    const uint32_t before = window->lower == 0 ? 0 : window->lower - 1;

    if (distance <= 1 || before == 0 || before + distance > distance * SB_HINT_COUNT) return;
    /* Between the slots before and before + distance, which have hints; the second one's head is not below ours. */
    const uint8_t *const hint = page + SB_SLOTS_HINTS + 4 * (size_t)(before / distance - 1);
    const uint32_t from = sb_load_le32(hint), range = sb_load_le32(hint + 4) - from;
    const uint64_t part = (uint64_t)distance * (window->head - from) + range / 2;
    const uint32_t heap_end = sb_slots__heap_end(page, page_bytes);
    window->guess = before + (uint32_t)(part / range);
    SB_PREFETCH(
        page + heap_end -
        (uint32_t)((uint64_t)(heap_end - sb_slots__heap(page)) * (window->guess + 1) / count));
}

/* First slot of the window with a head not below its head. */
static uint32_t search_heads(const uint8_t *page, const sb_window *window)
{
    const uint32_t guess = window->guess;
    uint32_t i = window->lower;

    if (guess >= window->lower && guess < window->upper &&
        sb_slots__head_at(page, guess) >= window->head &&
        sb_slots__head_at(page, guess - 1) < window->head)
        return guess;
    for (uint32_t left = window->upper - window->lower; left > 0;) {
        const uint32_t half = left / 2;
        const bool before = sb_slots__head_at(page, i + half) < window->head;
        i = before ? i + half + 1 : i;
        left = before ? left - half - 1 : half;
    }
    return i;
}

uint32_t sb_slots__search_window(const uint8_t *page, sb_bytes suffix, const sb_window *window,
                                 bool *equal)
{
    const uint32_t head = window->head;
    uint32_t i = search_heads(page, window);

    *equal = false;
    if (i == sb_slots__count(page) || sb_slots__head_at(page, i) != head) return i;

    /* Among equal heads by the rest. Most often there is one, so look at it before searching on. */
    int order = compare_tails(page, i, suffix);
    if (order >= 0) {
        *equal = order == 0;
        return i;
    }
    uint32_t end = window->upper;
    i++;
    while (i < end) {
        const uint32_t middle = i + (end - i) / 2;
        if (sb_slots__head_at(page, middle) > head) {
            end = middle;
            continue;
        }
        order = compare_tails(page, middle, suffix);
        if (order == 0) {
            *equal = true;
            return middle;
        }
        if (order < 0)
            i = middle + 1;
        else
            end = middle;
    }
    return i;
}

/* ---- Check -------------------------------------------------------------------------------------------- */

static sb_status check_bounds(const uint8_t *page, uint32_t page_bytes, sb_pgno pgno, sb_err *err)
{
    const bool inner = sb_slots__is_inner(page);
    const uint32_t limit = sb_tree_key_limit(page_bytes);
    const uint32_t low_bytes = sb_load_le16(page + SB_SLOTS_LOW);
    const uint32_t high_bytes = sb_load_le16(page + SB_SLOTS_HIGH);
    const uint32_t prefix = sb_slots__prefix(page);

    SB_CHECK_PAGE(err, pgno, sb_load_le16(page + SB_PAGE_FLAGS) == 0);
    SB_CHECK_PAGE(err, pgno, sb_load_le32(page + 12) == 0);
    SB_CHECK_PAGE(err, pgno,
                  inner ? page[SB_PAGE_LEVEL] >= 1 && page[SB_PAGE_LEVEL] < SB_TREE_MAX_HEIGHT
                        : page[SB_PAGE_LEVEL] == 0);
    SB_CHECK_PAGE(err, pgno, low_bytes <= limit);
    SB_CHECK_PAGE(err, pgno, high_bytes <= limit);
    const sb_bytes low = sb_slots__low(page, page_bytes), high = sb_slots__high(page, page_bytes);
    if (low_bytes > 0 && high_bytes > 0) {
        SB_CHECK_PAGE(err, pgno, sb_bytes_compare(low, high) < 0);
        SB_CHECK_PAGE(err, pgno, prefix == sb_slots__shared(low, high));
    } else {
        SB_CHECK_PAGE(err, pgno, prefix == 0);
    }
    const uint32_t count = sb_slots__count(page);
    const uint32_t heap = sb_slots__heap(page), heap_end = sb_slots__heap_end(page, page_bytes);
    if (inner) SB_CHECK_PAGE(err, pgno, count >= 2);
    SB_CHECK_PAGE(err, pgno, heap <= heap_end);
    SB_CHECK_PAGE(err, pgno, sb_slots__end(page) <= heap);
    SB_CHECK_PAGE(err, pgno, sb_slots__dead(page) <= heap_end - heap);
    return SB_OK;
}

static sb_status check_cell(const uint8_t *page, uint32_t page_bytes, uint32_t i, sb_pgno pgno,
                            sb_err *err)
{
    const bool inner = sb_slots__is_inner(page);
    const uint32_t heap_end = sb_slots__heap_end(page, page_bytes);
    const uint32_t cell = sb_slots__cell_at(page, i), length = sb_slots__length_at(page, i);

    SB_CHECK_PAGE(err, pgno, cell >= sb_slots__heap(page));
    SB_CHECK_PAGE(err, pgno, cell + sb_slots__cell_head(page) + length <= heap_end);
    SB_CHECK_PAGE(err, pgno, sb_slots__prefix(page) + length <= sb_tree_key_limit(page_bytes));
    if (inner) {
        SB_CHECK_PAGE(err, pgno,
                      sb_slots__child(page, i) != SB_PGNO_NONE &&
                          sb_slots__child(page, i) <= SB_PGNO_MAX);
    } else {
        SB_CHECK_PAGE(err, pgno, sb_load_le16(page + cell) <= sb_tree_value_limit(page_bytes));
        SB_CHECK_PAGE(err, pgno, cell + sb_slots__cell_bytes(page, i) <= heap_end);
    }
    SB_CHECK_PAGE(err, pgno,
                  sb_slots__head_at(page, i) == sb_slots__head_of(sb_slots__suffix(page, i)));
    return SB_OK;
}

/* S3: do cells share no byte? Those of a page that was written at once lie one below the other, which the caller has seen to; here they
 * lie anyhow. */
static bool cells_apart(const uint8_t *page, uint32_t page_bytes)
{
    const uint32_t count = sb_slots__count(page);
    uint8_t begins[SB_PAGE_BYTES_MAX / 8];

    memset(begins, 0, page_bytes / 8);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t cell = sb_slots__cell_at(page, i);
        if (sb_bit_get(begins, cell)) return false;
        sb_bit_set(begins, cell);
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t cell = sb_slots__cell_at(page, i);
        const uint32_t end = cell + sb_slots__cell_bytes(page, i);
        if (sb_bits_next(begins, cell + 1, end) < end) return false;
    }
    return true;
}

/* S2: strictly ascending, and within the fences. */
static sb_status check_order(const uint8_t *page, uint32_t page_bytes, sb_pgno pgno, sb_err *err)
{
    const uint32_t count = sb_slots__count(page), prefix = sb_slots__prefix(page);
    const sb_bytes low = sb_slots__low(page, page_bytes), high = sb_slots__high(page, page_bytes);
    if (count == 0) return SB_OK;

    uint32_t from = 0;
    if (sb_slots__is_inner(page)) {
        /* The first suffix stands for the low fence itself: empty, and everything else is above the fence. */
        SB_CHECK_PAGE(err, pgno, sb_slots__length_at(page, 0) == 0);
        SB_CHECK_PAGE(err, pgno, sb_slots__length_at(page, 1) > 0);
        from = 1;
    }
    const int above_low = sb_bytes_compare(sb_slots__suffix(page, from),
                                           sb_bytes_of(low.data + prefix, low.size - prefix));
    SB_CHECK_PAGE(err, pgno, from == 0 ? above_low >= 0 : above_low > 0);
    if (high.size > 0)
        SB_CHECK_PAGE(err, pgno,
                      sb_bytes_compare(sb_slots__suffix(page, count - 1),
                                       sb_bytes_of(high.data + prefix, high.size - prefix)) < 0);
    SB_CHECK_PAGE(err, pgno, prefix + sb_slots__length_at(page, from) > 0);
    for (uint32_t i = from + 1; i < count; i++) {
        const uint32_t before = sb_slots__head_at(page, i - 1), here = sb_slots__head_at(page, i);
        if (SB_LIKELY(before < here)) continue;
        SB_CHECK_PAGE(err, pgno, before == here);
        SB_CHECK_PAGE(err, pgno, compare_tails(page, i - 1, sb_slots__suffix(page, i)) < 0);
    }
    return SB_OK;
}

sb_status sb_slots__check(const uint8_t *page, uint32_t page_bytes, sb_pgno pgno, sb_err *err)
{
    SB_TRY(check_bounds(page, page_bytes, pgno, err));

    const uint32_t count = sb_slots__count(page);
    uint32_t above = page_bytes;
    uint64_t cell_bytes = 0;
    bool descend = true;
    for (uint32_t i = 0; i < count; i++) {
        SB_TRY(check_cell(page, page_bytes, i, pgno, err));
        const uint32_t cell = sb_slots__cell_at(page, i), bytes = sb_slots__cell_bytes(page, i);
        descend = descend && cell + bytes <= above;
        above = cell;
        cell_bytes += bytes;
    }
    SB_CHECK_PAGE(err, pgno,
                  cell_bytes + sb_slots__dead(page) ==
                      sb_slots__heap_end(page, page_bytes) - sb_slots__heap(page));
    SB_CHECK_PAGE(err, pgno, descend || cells_apart(page, page_bytes));
    SB_TRY(check_order(page, page_bytes, pgno, err));

    const uint32_t distance = count / (SB_HINT_COUNT + 1);
    for (uint32_t i = 0; i < SB_HINT_COUNT; i++) {
        const uint32_t hint = sb_load_le32(page + SB_SLOTS_HINTS + 4 * i);
        SB_CHECK_PAGE(err, pgno,
                      hint == (distance == 0 ? 0 : sb_slots__head_at(page, distance * (i + 1))));
    }
    return SB_OK;
}

/* ---- Change -------------------------------------------------------------------------------------------- */

void sb_slots__init(uint8_t *page, uint32_t page_bytes, sb_bytes low, sb_bytes high)
{
    /* Zeros, so that equal contents are equal pages and no bytes of other data stay behind. */
    memset(page + SB_PAGE_COMMON, 0, page_bytes - SB_PAGE_COMMON);
    const uint32_t heap = page_bytes - (uint32_t)low.size - (uint32_t)high.size;
    sb_store_le32(page + SB_SLOTS_HEAP, heap);
    sb_store_le16(page + SB_SLOTS_LOW, (uint16_t)low.size);
    sb_store_le16(page + SB_SLOTS_HIGH, (uint16_t)high.size);
    sb_store_le16(page + SB_SLOTS_PREFIX,
                  (uint16_t)sb_slots__shared(low, high)); /* 0 when one is empty */
    if (low.size > 0) memcpy(page + heap, low.data, low.size);
    if (high.size > 0) memcpy(page + heap + low.size, high.data, high.size);
}

static void store_slot(uint8_t *page, uint32_t i, uint32_t head, uint32_t cell, uint32_t length)
{
    uint8_t *slot = page + SB_SLOTS_BEGIN + (size_t)i * SB_SLOT_BYTES;
    sb_store_le32(slot + SB_SLOT_HEAD, head);
    sb_store_le16(slot + SB_SLOT_CELL, (uint16_t)cell);
    sb_store_le16(slot + SB_SLOT_LENGTH, (uint16_t)length);
}

void sb_slots__append(uint8_t *page, sb_bytes lead, sb_bytes suffix, sb_bytes payload)
{
    const bool inner = sb_slots__is_inner(page);
    const uint32_t length = (uint32_t)(lead.size + suffix.size);
    const uint32_t bytes =
        length + (inner ? SB_INNER_CELL_HEAD : SB_LEAF_CELL_HEAD + (uint32_t)payload.size);
    const uint32_t count = sb_slots__count(page);
    SB_ASSERT(sb_slots__gap(page) >= bytes + SB_SLOT_BYTES);

    const uint32_t cell = sb_slots__heap(page) - bytes;
    uint8_t *p = page + cell;
    if (inner) {
        memcpy(p, payload.data, SB_INNER_CELL_HEAD);
        p += SB_INNER_CELL_HEAD;
    } else {
        sb_store_le16(p, (uint16_t)payload.size);
        p += SB_LEAF_CELL_HEAD;
    }
    uint8_t *key = p;
    if (lead.size > 0) memcpy(p, lead.data, lead.size);
    p += lead.size;
    if (suffix.size > 0) memcpy(p, suffix.data, suffix.size);
    p += suffix.size;
    if (!inner && payload.size > 0) memcpy(p, payload.data, payload.size);
    store_slot(page, count, sb_slots__head_of(sb_bytes_of(key, length)), cell, length);
    sb_store_le16(page + SB_SLOTS_COUNT, (uint16_t)(count + 1));
    sb_store_le32(page + SB_SLOTS_HEAP, cell);
}

void sb_slots__hints(uint8_t *page, uint32_t from)
{
    const uint32_t distance = sb_slots__count(page) / (SB_HINT_COUNT + 1);
    if (distance == 0) {
        memset(page + SB_SLOTS_HINTS, 0, 4 * SB_HINT_COUNT);
        return;
    }
    /* Hints of slots below from are as they were. */
    for (uint32_t i = from == 0 ? 0 : (from - 1) / distance; i < SB_HINT_COUNT; i++)
        sb_store_le32(page + SB_SLOTS_HINTS + 4 * i, sb_slots__head_at(page, distance * (i + 1)));
}

void sb_slots__write_cell(uint8_t *page, uint32_t cell, sb_bytes suffix, sb_bytes payload)
{
    uint8_t *p = page + cell;
    if (sb_slots__is_inner(page)) {
        memcpy(p, payload.data, SB_INNER_CELL_HEAD);
        if (suffix.size > 0) memcpy(p + SB_INNER_CELL_HEAD, suffix.data, suffix.size);
        return;
    }
    sb_store_le16(p, (uint16_t)payload.size);
    if (suffix.size > 0) memcpy(p + SB_LEAF_CELL_HEAD, suffix.data, suffix.size);
    if (payload.size > 0) memcpy(p + SB_LEAF_CELL_HEAD + suffix.size, payload.data, payload.size);
}

/* The count became count: hints all move when their distance changes, else only those behind the slot. */
static void set_count(uint8_t *page, uint32_t old_count, uint32_t count, uint32_t slot)
{
    sb_store_le16(page + SB_SLOTS_COUNT, (uint16_t)count);
    const bool same = old_count / (SB_HINT_COUNT + 1) == count / (SB_HINT_COUNT + 1);
    sb_slots__hints(page, same ? slot : 0);
}

void sb_slots__insert_slot(uint8_t *page, uint32_t i, uint32_t cell, sb_bytes suffix)
{
    const uint32_t count = sb_slots__count(page);
    uint8_t *slot = page + SB_SLOTS_BEGIN + (size_t)i * SB_SLOT_BYTES;
    memmove(slot + SB_SLOT_BYTES, slot, (size_t)(count - i) * SB_SLOT_BYTES);
    store_slot(page, i, sb_slots__head_of(suffix), cell, (uint32_t)suffix.size);
    set_count(page, count, count + 1, i);
}

void sb_slots__discard(uint8_t *page, uint32_t cell, uint32_t bytes)
{
    const uint32_t heap = sb_slots__heap(page);
    if (cell == heap)
        sb_store_le32(page + SB_SLOTS_HEAP, heap + bytes);
    else
        sb_store_le32(page + SB_SLOTS_DEAD, sb_slots__dead(page) + bytes);
}

void sb_slots__remove(uint8_t *page, uint32_t i)
{
    sb_slots__discard(page, sb_slots__cell_at(page, i), sb_slots__cell_bytes(page, i));
    sb_slots__remove_slot(page, i);
}

void sb_slots__remove_slot(uint8_t *page, uint32_t i)
{
    const uint32_t count = sb_slots__count(page);
    uint8_t *slot = page + SB_SLOTS_BEGIN + (size_t)i * SB_SLOT_BYTES;
    memmove(slot, slot + SB_SLOT_BYTES, (size_t)(count - i - 1) * SB_SLOT_BYTES);
    memset(page + SB_SLOTS_BEGIN + (size_t)(count - 1) * SB_SLOT_BYTES, 0, SB_SLOT_BYTES);
    set_count(page, count, count - 1, i);
}

void sb_slots__compact(uint8_t *page, uint32_t page_bytes, uint8_t *scratch)
{
    const uint32_t old_heap = sb_slots__heap(page), heap_end = sb_slots__heap_end(page, page_bytes);
    uint32_t heap = heap_end;
    memcpy(scratch + old_heap, page + old_heap, heap_end - old_heap);
    for (uint32_t i = 0; i < sb_slots__count(page); i++) {
        uint8_t *slot = page + SB_SLOTS_BEGIN + (size_t)i * SB_SLOT_BYTES;
        const uint32_t cell = sb_load_le16(slot + SB_SLOT_CELL),
                       length = sb_load_le16(slot + SB_SLOT_LENGTH);
        const uint32_t bytes = sb_slots__is_inner(page)
                                   ? SB_INNER_CELL_HEAD + length
                                   : SB_LEAF_CELL_HEAD + length + sb_load_le16(scratch + cell);
        heap -= bytes;
        memcpy(page + heap, scratch + cell, bytes);
        sb_store_le16(slot + SB_SLOT_CELL, (uint16_t)heap);
    }
    memset(page + old_heap, 0, heap - old_heap);
    sb_store_le32(page + SB_SLOTS_HEAP, heap);
    sb_store_le32(page + SB_SLOTS_DEAD, 0);
}
