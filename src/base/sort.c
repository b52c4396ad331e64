/* sort.c — least-significant-digit radix sort of records that are one, two or three 64-bit words.
 *
 * The three public record types are handled as rows of `words` words each, a constant at every call
 * of the inlined helpers, so each type gets its own unrolled code.
 *
 * For one word of all rows: the bits in which they differ (OR of all, minus AND of all) span some
 * range; only that range is sorted, in the fewest passes of at most 11 bits, all of equal width.
 * (20-bit ids: two passes of 10 bits, where bytes would take three; bench of 160,000 triples on one
 * core of a server CPU, 2026-11: 2.4 ms with bytes, 1.7 ms so.)
 *
 * Passes are stable, so rows whose last word is in order already (relationship ids usually are: they
 * are handed out in order) need no pass for it. */
#include "base/sort.h"

#include <string.h>

#include "base/bits.h"

/* Below this many rows insertion sort wins over clearing and summing histograms. */
#define INSERTION_ROWS      48u
#define WIDEST_DIGIT        11u
#define WIDEST_DIGIT_OF_FEW 8u
#define FEW_ROWS            4096u

_Static_assert(sizeof(sb_triple) == 3 * sizeof(uint64_t), "a triple is three words");
_Static_assert(sizeof(sb_pair) == 2 * sizeof(uint64_t), "a pair is two words");

bool sb_triples_sorted(const sb_triple *items, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        const sb_triple a = items[i - 1];
        const sb_triple b = items[i];
        if (a.node < b.node) continue;
        if (a.node > b.node) return false;
        if (a.neighbor > b.neighbor) return false;
        if (a.neighbor == b.neighbor && a.rel > b.rel) return false;
    }
    return true;
}

bool sb_pairs_sorted(const sb_pair *items, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (items[i - 1].key > items[i].key) return false;
        if (items[i - 1].key == items[i].key && items[i - 1].value > items[i].value) return false;
    }
    return true;
}

bool sb_u64_sorted(const uint64_t *items, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (items[i - 1] > items[i]) return false;
    }
    return true;
}

/* Words compared in order: the record types are declared so. */
SB_INLINE bool row_less(const uint64_t *a, const uint64_t *b, unsigned words)
{
    for (unsigned w = 0; w + 1 < words; w++) {
        if (a[w] != b[w]) return a[w] < b[w];
    }
    return a[words - 1] < b[words - 1];
}

SB_INLINE void row_copy(uint64_t *to, const uint64_t *from, unsigned words)
{
    for (unsigned w = 0; w < words; w++)
        to[w] = from[w];
}

SB_INLINE void insertion_sort(uint64_t *rows, size_t count, unsigned words)
{
    for (size_t i = 1; i < count; i++) {
        uint64_t row[3];
        size_t at = i;
        row_copy(row, rows + i * words, words);
        while (at > 0 && row_less(row, rows + (at - 1) * words, words)) {
            row_copy(rows + at * words, rows + (at - 1) * words, words);
            at--;
        }
        row_copy(rows + at * words, row, words);
    }
}

/* One stable pass by the digit `(word >> shift) & mask`. */
SB_INLINE void radix_pass(const uint64_t *from, uint64_t *to, size_t count, unsigned words,
                          unsigned word, unsigned shift, size_t mask)
{
    size_t starts[1u << WIDEST_DIGIT];
    size_t sum = 0;

    memset(starts, 0, (mask + 1) * sizeof starts[0]);
    for (size_t i = 0; i < count; i++)
        starts[(from[i * words + word] >> shift) & mask]++;
    for (size_t digit = 0; digit <= mask; digit++) {
        const size_t here = starts[digit];
        starts[digit] = sum;
        sum += here;
    }
    for (size_t i = 0; i < count; i++) {
        const uint64_t *row = from + i * words;
        row_copy(to + starts[(row[word] >> shift) & mask]++ * words, row, words);
    }
}

/* Sorts rows stably by one word; *rows and *scratch change places with every pass. */
SB_INLINE void sort_by_word(uint64_t **rows, uint64_t **scratch, size_t count, unsigned words,
                            unsigned word)
{
    uint64_t any = 0;
    uint64_t all = UINT64_MAX;
    bool sorted = true;
    uint64_t previous = 0;

    for (size_t i = 0; i < count; i++) {
        const uint64_t v = (*rows)[i * words + word];
        any |= v;
        all &= v;
        sorted &= previous <= v;
        previous = v;
    }
    const uint64_t varying = any & ~all;
    if (sorted) return;
    const unsigned low = sb_ctz64(varying);
    const unsigned span = 64u - sb_clz64(varying) - low;
    const unsigned widest = count < FEW_ROWS ? WIDEST_DIGIT_OF_FEW : WIDEST_DIGIT;
    const unsigned passes = (span + widest - 1) / widest;
    const unsigned width = (span + passes - 1) / passes;
    for (unsigned pass = 0; pass < passes; pass++) {
        uint64_t *const swap = *rows;
        radix_pass(*rows, *scratch, count, words, word, low + pass * width,
                   ((size_t)1 << width) - 1);
        *rows = *scratch;
        *scratch = swap;
    }
}

SB_INLINE void sort_rows(uint64_t *items, uint64_t *scratch, size_t count, unsigned words)
{
    uint64_t *rows = items;

    if (count <= INSERTION_ROWS) {
        insertion_sort(items, count, words);
        return;
    }
    for (unsigned word = words; word-- > 0;)
        sort_by_word(&rows, &scratch, count, words, word);
    if (rows != items) memcpy(items, rows, count * words * sizeof *items);
}

void sb_triples_sort(sb_triple *items, sb_triple *scratch, size_t count)
{
    sort_rows((uint64_t *)(void *)items, (uint64_t *)(void *)scratch, count, 3);
}

void sb_pairs_sort(sb_pair *items, sb_pair *scratch, size_t count)
{
    sort_rows((uint64_t *)(void *)items, (uint64_t *)(void *)scratch, count, 2);
}

void sb_u64_sort(uint64_t *items, uint64_t *scratch, size_t count)
{
    sort_rows(items, scratch, count, 1);
}

size_t sb_u64_unique(uint64_t *items, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || items[kept - 1] != items[i]) items[kept++] = items[i];
    }
    return kept;
}
