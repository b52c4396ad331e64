/* container.c — 4,096 neighboring ids as an array, a bitmap or runs, whichever is smallest.
 * The idea is that of Roaring bitmaps (Chambi, Lemire, Kaser and Godin, "Better bitmap performance with Roaring
 * bitmaps", 2016; run containers: Lemire, Ssi-Yan-Kai and Kaser, 2016), with chunks of 4,096 ids instead of 65,536: one is
 * a value of a slotted leaf then, and changing an id rewrites half a kilobyte and not eight. Changes go through a
 * bitmap on the stack: 64 words are decoded and encoded in some hundred nanoseconds, whatever the form. */
#include "store/index_priv.h"

typedef enum container_kind {
    KIND_ARRAY = 1,  /* u16 each, ascending */
    KIND_BITMAP = 2, /* 512 bytes: bit i % 8 of byte i / 8 */
    KIND_RUNS = 3    /* first u16 and last u16 each, ascending, with gaps between them */
} container_kind;

#define BITMAP_BYTES 512u
#define RUN_BYTES    4u

/* ---- Encoding --------------------------------------------------------------------------------------- */

static void count_forms(const sb_container *container, size_t *ids, size_t *runs)
{
    uint64_t carry = 0; /* highest bit of the word before */

    *ids = 0;
    *runs = 0;
    for (size_t i = 0; i < SB_CONTAINER_WORDS; i++) {
        const uint64_t word = container->words[i];
        *ids += sb_popcount64(word);
        *runs +=
            sb_popcount64(word & ~(word << 1 | carry)); /* bits whose lower neighbor is clear */
        carry = word >> 63;
    }
}

static uint8_t *write_array(const sb_container *container, uint8_t *out)
{
    for (uint32_t i = 0; i < SB_CONTAINER_WORDS; i++) {
        for (uint64_t word = container->words[i]; word != 0; word &= word - 1) {
            sb_store_le16(out, (uint16_t)(64 * i + sb_ctz64(word)));
            out += 2;
        }
    }
    return out;
}

static uint8_t *write_bitmap(const sb_container *container, uint8_t *out)
{
    for (size_t i = 0; i < SB_CONTAINER_WORDS; i++)
        sb_store_le64(out + 8 * i, container->words[i]);
    return out + BITMAP_BYTES;
}

/* First bit at or after from that is set (or clear); SB_CONTAINER_IDS when there is none. */
static uint32_t next_bit(const sb_container *container, uint32_t from, bool set)
{
    const uint64_t flip = set ? 0 : UINT64_MAX;

    if (from >= SB_CONTAINER_IDS) return SB_CONTAINER_IDS;
    uint64_t word = (container->words[from >> 6] ^ flip) & UINT64_MAX << (from & 63);
    for (uint32_t i = from >> 6;;) {
        if (word != 0) return 64 * i + sb_ctz64(word);
        if (++i == SB_CONTAINER_WORDS) return SB_CONTAINER_IDS;
        word = container->words[i] ^ flip;
    }
}

static uint8_t *write_runs(const sb_container *container, uint8_t *out)
{
    uint32_t first = next_bit(container, 0, true);

    while (first < SB_CONTAINER_IDS) {
        const uint32_t behind = next_bit(container, first, false);
        sb_store_le16(out, (uint16_t)first);
        sb_store_le16(out + 2, (uint16_t)(behind - 1));
        out += RUN_BYTES;
        first = next_bit(container, behind, true);
    }
    return out;
}

size_t sb_container__encode(const sb_container *container, uint8_t out[SB_CONTAINER_BYTES_MAX])
{
    size_t ids, runs;
    uint8_t *end;

    count_forms(container, &ids, &runs);
    if (ids == 0) return 0;
    if (RUN_BYTES * runs <= 2 * ids && RUN_BYTES * runs < BITMAP_BYTES) {
        out[0] = KIND_RUNS;
        end = write_runs(container, out + 1);
    } else if (2 * ids < BITMAP_BYTES) {
        out[0] = KIND_ARRAY;
        end = write_array(container, out + 1);
    } else {
        out[0] = KIND_BITMAP;
        end = write_bitmap(container, out + 1);
    }
    return (size_t)(end - out);
}

bool sb_container__extend(sb_bytes bytes, uint32_t first, uint32_t last,
                          uint8_t out[SB_CONTAINER_BYTES_MAX])
{
    if (bytes.size < 1 + RUN_BYTES || bytes.size > SB_CONTAINER_BYTES_MAX ||
        bytes.data[0] != KIND_RUNS || (bytes.size - 1) % RUN_BYTES != 0 ||
        sb_load_le16(bytes.data + bytes.size - 2) + 1u != first)
        return false;
    memcpy(out, bytes.data, bytes.size);
    sb_store_le16(out + bytes.size - 2, (uint16_t)last);
    return true;
}

/* ---- Decoding ----------------------------------------------------------------------------------------- */

/* What follows the kind, when its size is one that the kind can have. */
static bool open_container(sb_bytes bytes, uint8_t *kind, sb_bytes *body)
{
    if (bytes.size < 2 || bytes.size > SB_CONTAINER_BYTES_MAX) return false;
    *kind = bytes.data[0];
    *body = sb_bytes_of(bytes.data + 1, bytes.size - 1);
    switch (*kind) {
    case KIND_ARRAY: return body->size % 2 == 0;
    case KIND_BITMAP: return body->size == BITMAP_BYTES;
    case KIND_RUNS: return body->size % RUN_BYTES == 0;
    default: return false;
    }
}

static void set_run(sb_container *container, uint32_t first, uint32_t last)
{
    const uint32_t i = first >> 6, j = last >> 6;
    const uint64_t from = UINT64_MAX << (first & 63), to = UINT64_MAX >> (63 - (last & 63));

    if (i == j) {
        container->words[i] |= from & to;
        return;
    }
    container->words[i] |= from;
    for (uint32_t k = i + 1; k < j; k++)
        container->words[k] = UINT64_MAX;
    container->words[j] |= to;
}

bool sb_container__decode(sb_bytes bytes, sb_container *container)
{
    uint32_t next = 0; /* lowest id that may come */
    uint8_t kind;
    sb_bytes body;

    *container = (sb_container){{0}};
    if (!open_container(bytes, &kind, &body)) return false;
    if (kind == KIND_BITMAP) {
        for (size_t i = 0; i < SB_CONTAINER_WORDS; i++)
            container->words[i] = sb_load_le64(body.data + 8 * i);
        return true;
    }
    const size_t step = kind == KIND_RUNS ? RUN_BYTES : 2;
    for (size_t at = 0; at < body.size; at += step) {
        const uint32_t first = sb_load_le16(body.data + at);
        const uint32_t last = kind == KIND_RUNS ? sb_load_le16(body.data + at + 2) : first;
        if (first < next || last < first || last >= SB_CONTAINER_IDS) return false;
        set_run(container, first, last);
        next = kind == KIND_RUNS ? last + 2 : last + 1;
    }
    return true;
}

/* Number of entries (of step bytes, beginning with a u16) whose first number is <= low. Safe for any bytes: it
 * stays inside. */
static size_t entries_up_to(sb_bytes body, size_t step, uint32_t low)
{
    size_t begin = 0, end = body.size / step;

    while (begin < end) {
        const size_t middle = begin + (end - begin) / 2;
        if (sb_load_le16(body.data + middle * step) <= low) {
            begin = middle + 1;
        } else {
            end = middle;
        }
    }
    return begin;
}

bool sb_container__has(sb_bytes bytes, uint32_t low, bool *has)
{
    uint8_t kind;
    sb_bytes body;

    *has = false;
    if (!open_container(bytes, &kind, &body)) return false;
    if (kind == KIND_BITMAP) {
        *has = sb_bit_get(body.data, low);
        return true;
    }
    const size_t step = kind == KIND_RUNS ? RUN_BYTES : 2;
    const size_t count = entries_up_to(body, step, low);
    if (count == 0) return true;
    const uint8_t *entry = body.data + (count - 1) * step;
    *has = kind == KIND_RUNS ? low <= sb_load_le16(entry + 2) : low == sb_load_le16(entry);
    return true;
}

/* From entry at on. Out of order, which a page from a damaged file may be, is told at the end. */
static bool read_array(sb_bytes body, size_t at, uint64_t base, uint64_t *ids, size_t capacity,
                       size_t *count)
{
    const size_t left = body.size / 2 - at, most = left < capacity ? left : capacity;
    const uint8_t *entry = body.data + 2 * at;
    uint32_t next = 0; /* lowest id that may come */
    bool valid = true;

    for (size_t i = 0; i < most; i++) {
        const uint32_t low = sb_load_le16(entry + 2 * i);
        valid &= low >= next;
        next = low + 1;
        ids[i] = base + low;
    }
    *count = most;
    return valid && next <= SB_CONTAINER_IDS;
}

/* From run at on. */
static bool read_runs(sb_bytes body, size_t at, uint32_t from, uint64_t base, uint64_t *ids,
                      size_t capacity, size_t *count)
{
    uint32_t next = 0;

    for (at *= RUN_BYTES; at < body.size; at += RUN_BYTES) {
        uint32_t low = sb_load_le16(body.data + at);
        const uint32_t last = sb_load_le16(body.data + at + 2);
        if (low < next || last < low || last >= SB_CONTAINER_IDS) return false;
        next = last + 1;
        if (low < from) low = from;
        for (; low <= last; low++) {
            if (*count == capacity) return true;
            ids[(*count)++] = base + low;
        }
    }
    return true;
}

static void read_bitmap(const uint8_t *map, uint32_t from, uint64_t base, uint64_t *ids,
                        size_t capacity, size_t *count)
{
    uint64_t skip = UINT64_MAX << (from & 63);

    for (uint32_t i = from >> 6; i < SB_CONTAINER_WORDS; i++) {
        for (uint64_t word = sb_load_le64(map + 8 * (size_t)i) & skip; word != 0;
             word &= word - 1) {
            if (*count == capacity) return;
            ids[(*count)++] = base + 64 * i + sb_ctz64(word);
        }
        skip = UINT64_MAX;
    }
}

bool sb_container__read(sb_bytes bytes, uint32_t from, uint64_t base, uint64_t *ids,
                        size_t capacity, size_t *count)
{
    uint8_t kind;
    sb_bytes body;
    size_t at;

    *count = 0;
    if (!open_container(bytes, &kind, &body)) return false;
    if (from >= SB_CONTAINER_IDS) return true;
    switch (kind) {
    case KIND_BITMAP: read_bitmap(body.data, from, base, ids, capacity, count); return true;
    case KIND_ARRAY:
        at = from == 0 ? 0 : entries_up_to(body, 2, from - 1);
        return read_array(body, at, base, ids, capacity, count);
    default:
        /* The last run that begins at or before from may reach past it. */
        at = entries_up_to(body, RUN_BYTES, from);
        return read_runs(body, at > 0 ? at - 1 : 0, from, base, ids, capacity, count);
    }
}
