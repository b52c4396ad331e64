/* Goal: the bytes of a list leaf: encoding, look-up, change in place, cutting, and the structure check.
 * Method: pages in memory, without a pager, against sorted arrays of triples; then the check against
 * damaged pages: whatever it accepts must be readable without leaving the page (sanitizers watch). */
#include "support/unit.h"

#include <stdlib.h>

#include "tree/list_priv.h"

#define MOST 20000u

static int compare(const void *a, const void *b)
{
    return sb_list__compare((const sb_triple *)a, (const sb_triple *)b);
}

static size_t sort_unique(sb_triple *triples, size_t count)
{
    size_t kept = 0;

    qsort(triples, count, sizeof *triples, compare);
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || compare(&triples[kept - 1], &triples[i]) != 0)
            triples[kept++] = triples[i];
    }
    return kept;
}

/* What random triples look like. */
typedef struct shape {
    uint64_t first, nodes, neighbors, rel_base, rels;
} shape;

static const shape shapes[] = {
    {0, 40, 1000000, 0, 10000000},              /* dense */
    {77, 3, 1, 5, 250},                         /* neighbors without width */
    {1000, 70000, 1, 0, 60000},                 /* sparse */
    {5, 1ull << 34, 300, 1ull << 50, 70000},    /* differences of 8 bytes */
    {0, UINT64_MAX, UINT64_MAX, 0, UINT64_MAX}, /* everything */
    {UINT64_MAX - 9, 9, 200, UINT64_MAX - 300, 200},
};

static size_t make_triples(sb_random *random, const shape *of, size_t count, sb_triple *out)
{
    for (size_t i = 0; i < count; i++) {
        out[i] = (sb_triple){.node = of->first + sb_random_below(random, of->nodes),
                             .neighbor = sb_random_below(random, of->neighbors),
                             .rel = of->rel_base + sb_random_below(random, of->rels)};
    }
    return sort_unique(out, count);
}

static uint8_t *make_page(uint32_t page_bytes)
{
    uint8_t *page = (uint8_t *)calloc(1, page_bytes);

    assert_non_null(page);
    page[SB_PAGE_KIND] = SB_PAGE_LIST;
    return page;
}

static void assert_page(const uint8_t *page, uint32_t page_bytes, const sb_triple *want,
                        size_t count)
{
    static sb_triple got[SB_LIST_ENTRIES_MAX];
    sb_list_view view;
    sb_err err;

    sb_err_clear(&err);
    if (sb_leaf_ops_list.check(page, page_bytes, 9, &err) != SB_OK) fail_msg("%s", err.text);
    sb_list__view(page, &view);
    assert_int_equal(view.entry_count, count);
    sb_list__decode(&view, got);
    if (count > 0) assert_memory_equal(got, want, count * sizeof *want);
}

static const sb_list_range everything = {.has_low = false, .has_high = false};

static void test_tree_list_page__encode_and_find(void **state)
{
    sb_random random = test_random(1);
    sb_triple *triples = (sb_triple *)calloc(MOST, sizeof *triples);

    (void)state;
    for (unsigned round = 0; round < 300; round++) {
        const uint32_t page_bytes = SB_PAGE_BYTES_MIN << (round % 5);
        const shape *of = &shapes[round % (sizeof shapes / sizeof shapes[0])];
        const size_t count =
            make_triples(&random, of, 1 + sb_random_below(&random, MOST - 1), triples);
        uint8_t *page = make_page(page_bytes);
        sb_list_stats stats, again;
        sb_list_view view;

        const size_t taken =
            sb_list__pack(triples, count, page_bytes, page_bytes, round % 2 == 0, &stats);
        assert_in_range(taken, 1, count);
        assert_true(sb_list__encoded_bytes(&stats) <= page_bytes);
        sb_list__stats(triples, taken, &again);
        assert_memory_equal(&again, &stats, sizeof stats);
        sb_list__encode(page, page_bytes, &everything, 0, triples, &stats);
        assert_page(page, page_bytes, triples, taken);

        sb_list__view(page, &view);
        for (unsigned i = 0; i < 200; i++) {
            const sb_triple *t = &triples[sb_random_below(&random, taken)];
            uint32_t slot;
            assert_true(sb_list__find_slot(&view, t->node, &slot));
            const uint32_t end = sb_list__end(page, slot + 1);
            const uint32_t at =
                sb_list__lower_bound(&view, sb_list__end(page, slot), end, t->neighbor, t->rel);
            assert_true(at < end);
            assert_int_equal(&triples[at] - triples, t - triples);
            /* An id that has no list finds none. */
            const uint64_t other = sb_random_next(&random);
            if (sb_list__find_slot(&view, other, &slot) &&
                sb_list__end(page, slot) < sb_list__end(page, slot + 1)) {
                assert_int_equal(triples[sb_list__end(page, slot)].node, other);
            }
        }
        free(page);
    }
    free(triples);
}

/* The i-th of the nodes of a leaf: even, at both ends, ever farther apart, or ever nearer. */
static uint64_t spread(unsigned how, uint32_t i, uint32_t count, sb_random *random)
{
    const uint64_t far = 40000, step = far / count;

    switch (how) {
    case 0: return i * step + sb_random_below(random, step);
    case 1: return i < count / 2 ? 2 * i : far - 2 * (count - i);
    case 2: return far * i / count * i / count + i;
    default: return far - far * (count - i) / count * (count - i) / count + i;
    }
}

/* Every id of a leaf with few of them is found if it is there, and else the slot behind it, however the ids are spread. */
static void test_tree_list_page__finds_spread_nodes(void **state)
{
    sb_random random = test_random(2);
    static sb_triple triples[1200];

    (void)state;
    for (unsigned round = 0; round < 40; round++) {
        const uint32_t count = 100 + (uint32_t)sb_random_below(&random, 1100), page_bytes = 32768;
        uint8_t *page = make_page(page_bytes);
        sb_list_stats stats;
        sb_list_view view;
        uint32_t want = 0, slot;

        for (uint32_t i = 0; i < count; i++)
            triples[i] = (sb_triple){.node = 500 + spread(round % 4, i, count, &random),
                                     .neighbor = 1 + i,
                                     .rel = 1 + i};
        assert_int_equal(sort_unique(triples, count), count);
        assert_int_equal(sb_list__pack(triples, count, page_bytes, page_bytes, true, &stats),
                         count);
        sb_list__encode(page, page_bytes, &everything, 0, triples, &stats);
        sb_list__view(page, &view);
        assert_int_equal(view.diff_width, 2);
        for (uint64_t node = 0; node < 41000; node++) {
            while (want < count && triples[want].node < node)
                want++;
            assert_int_equal(sb_list__find_slot(&view, node, &slot),
                             want < count && triples[want].node == node);
            assert_int_equal(slot, want);
        }
        free(page);
    }
}

static void test_tree_list_page__directory_fits_the_gaps(void **state)
{
    const struct {
        uint64_t step;
        uint8_t diff_width;
    } cases[] = {{1, 0}, {2, 0}, {4, 2}, {1000, 4}, {1ull << 32, 8}};
    sb_triple triples[100];

    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        uint8_t *page = make_page(8192);
        sb_list_stats stats;
        for (uint64_t i = 0; i < 100; i++)
            triples[i] = (sb_triple){.node = 5 + i * cases[c].step};
        sb_list__stats(triples, 100, &stats);
        sb_list__encode(page, 8192, &everything, 0, triples, &stats);
        assert_page(page, 8192, triples, 100);
        assert_int_equal(page[SB_LIST_DIFF_WIDTH], cases[c].diff_width);
        free(page);
    }
}

static void test_tree_list_page__pack_cuts_between_lists(void **state)
{
    enum { LIST = 100, LISTS = 100 };
    static sb_triple triples[LIST * LISTS];
    sb_list_stats stats;

    (void)state;
    for (uint64_t i = 0; i < LIST * LISTS; i++) {
        triples[i] = (sb_triple){.node = i / LIST, .neighbor = i % LIST * 1000000, .rel = i};
    }
    /* 4 + 4, later 2 bytes an entry: about ten lists a page of 8 KiB, cut between two. */
    const size_t whole = sb_list__pack(triples, LIST * LISTS, 8192, 8192, false, &stats);
    assert_int_equal(whole % LIST, 0);
    assert_in_range(whole, 900, 1400);
    /* Tight: the rest of the page is filled when more than a sixteenth would stay empty. */
    const size_t tight = sb_list__pack(triples, LIST * LISTS, 8192, 8192, true, &stats);
    assert_true(tight >= whole);
    assert_true(sb_list__encoded_bytes(&stats) > 8192 - 8192 / 16 - 16);
    /* A list over a quarter of a page fills the page to its end. */
    for (uint64_t i = 0; i < LIST * LISTS; i++) {
        triples[i] =
            (sb_triple){.node = i < 50 ? 1 : 2, .neighbor = i * 1000000, .rel = i * 100000};
    }
    (void)sb_list__pack(triples, LIST * LISTS, 8192, 8192, false, &stats);
    assert_true(sb_list__encoded_bytes(&stats) > 8192 - 32);
}

static void test_tree_list_page__entry_limit(void **state)
{
    static sb_triple triples[70000];
    sb_list_stats stats;

    (void)state;
    /* No width at all is needed for the neighbors, one byte for the relationships, and yet L4 holds. */
    for (uint64_t i = 0; i < 70000; i++)
        triples[i] = (sb_triple){.node = 1, .neighbor = i >> 8, .rel = i & 0xFF};
    const size_t taken = sb_list__pack(triples, 70000, 65536, 1u << 30, true, &stats);
    assert_int_equal(taken, SB_LIST_ENTRIES_MAX);
}

static void test_tree_list_page__in_place(void **state)
{
    sb_random random = test_random(2);
    sb_triple *want = (sb_triple *)calloc(MOST, sizeof *want);
    sb_triple batch[SB_LIST_IN_PLACE_MAX];
    size_t inserted = 0, refused = 0;

    (void)state;
    for (unsigned round = 0; round < 200; round++) {
        const uint32_t page_bytes = SB_PAGE_BYTES_MIN << (round % 5);
        const shape *of = &shapes[round % (sizeof shapes / sizeof shapes[0])];
        size_t count = make_triples(&random, of, 1 + sb_random_below(&random, 3000), want);
        uint8_t *page = make_page(page_bytes), *copy = make_page(page_bytes);
        sb_list_stats stats;

        count = sb_list__pack(want, count, page_bytes, page_bytes - page_bytes / 4, false, &stats);
        sb_list__encode(page, page_bytes, &everything, 0, want, &stats);
        for (unsigned step = 0; step < 40; step++) {
            const size_t asked =
                1 + sb_random_below(&random, step % 2 == 0 ? 1 : SB_LIST_IN_PLACE_MAX);
            size_t m = make_triples(&random, of, asked, batch);
            bool duplicate, exists = false;

            if (count > 0 && step % 3 == 0) { /* near what is there */
                for (size_t i = 0; i < m; i++) {
                    batch[i] = want[sb_random_below(&random, count)];
                    batch[i].rel ^= sb_random_below(&random, 8);
                }
                m = sort_unique(batch, m);
            }
            for (size_t i = 0; i < m; i++) {
                exists |= bsearch(&batch[i], want, count, sizeof *want, compare) != NULL;
            }
            memcpy(copy, page, page_bytes);
            if (sb_list__insert_in_place(page, page_bytes, batch, m, &duplicate)) {
                assert_false(exists);
                memcpy(want + count, batch, m * sizeof *batch);
                count = sort_unique(want, count + m);
                inserted++;
            } else {
                assert_true(!duplicate || exists);
                assert_memory_equal(copy, page, page_bytes);
                refused++;
            }
            assert_page(page, page_bytes, want, count);

            if (count == 0 || step % 4 != 0) continue;
            /* Take some out again, some of them not there. */
            m = 0;
            for (size_t i = 0; i < asked; i++) {
                batch[m] = want[sb_random_below(&random, count)];
                batch[m++].rel += sb_random_below(&random, 4) == 0 ? 1 : 0;
            }
            m = sort_unique(batch, m);
            size_t left = 0, gone_of_first = 0, of_first;
            for (size_t i = 0; i < count; i++) {
                if (bsearch(&want[i], batch, m, sizeof *batch, compare) == NULL)
                    want[left++] = want[i];
                else if (want[i].node == batch[0].node)
                    gone_of_first++;
            }
            assert_int_equal(sb_list__delete_in_place(page, batch, m, batch[0].node, &of_first),
                             count - left);
            assert_int_equal(of_first, gone_of_first);
            count = left;
            assert_page(page, page_bytes, want, count);
        }
        free(page);
        free(copy);
    }
    /* Both ways must have been seen often. */
    assert_true(inserted > 1000 && refused > 100);
    free(want);
}

static void test_tree_list_page__separators(void **state)
{
    sb_random random = test_random(3);
    uint8_t key[SB_LIST_KEY_BYTES];

    (void)state;
    for (unsigned i = 0; i < 100000; i++) {
        const unsigned shift = (unsigned)sb_random_below(&random, 64);
        sb_triple a = {sb_random_below(&random, 3), sb_random_next(&random) >> shift,
                       sb_random_below(&random, 700)};
        sb_triple b = {sb_random_below(&random, 3),
                       a.neighbor + sb_random_below(&random, 3) * (1ull << shift),
                       sb_random_next(&random) >> shift};
        sb_triple cut;

        if (sb_list__compare(&a, &b) == 0) continue;
        if (sb_list__compare(&a, &b) > 0) {
            const sb_triple swap = a;
            a = b;
            b = swap;
        }
        const size_t bytes = sb_list__separator(&a, &b, &cut);
        assert_true(sb_list__compare(&a, &cut) < 0);
        assert_true(sb_list__compare(&cut, &b) <= 0);
        /* Its first bytes are all of it, the last of them is needed. */
        sb_list__key(&cut, key);
        const sb_triple back = sb_list__triple(sb_bytes_of(key, bytes));
        assert_int_equal(sb_list__compare(&back, &cut), 0);
        const sb_triple shorter = sb_list__triple(sb_bytes_of(key, bytes - 1));
        assert_true(sb_list__compare(&shorter, &a) <= 0);
        /* L2: on a node border if and only if the nodes differ. */
        assert_int_equal(sb_list__is_inside(&cut), a.node == b.node);
    }
}

/* Read everything that readers read. */
static uint64_t read_all(const uint8_t *page)
{
    static sb_triple triples[SB_LIST_ENTRIES_MAX];
    static uint64_t words[SB_LIST_ENTRIES_MAX];
    sb_list_view view;
    uint64_t sum = 0;
    uint32_t slot;

    sb_list__view(page, &view);
    sb_list__decode(&view, triples);
    for (uint32_t s = 0; s < view.slot_count; s++) {
        const uint64_t node = sb_list__slot_node(&view, s);
        sb_chunk chunk;
        if (!sb_list__find_slot(&view, node, &slot)) continue;
        sb_list__chunk(&view, sb_list__end(page, slot), sb_list__end(page, slot + 1), &chunk);
        sb_chunk_neighbors(&chunk, 0, chunk.count, words);
        sb_chunk_rels(&chunk, 0, chunk.count, words);
        sum += sb_list__lower_bound(&view, sb_list__end(page, slot), sb_list__end(page, slot + 1),
                                    node, node);
    }
    return sum;
}

static void no_finding(void *ctx, sb_pgno pgno, const char *message)
{
    (void)ctx, (void)pgno, (void)message;
}

static void test_tree_list_page__damage(void **state)
{
    sb_random random = test_random(4);
    sb_triple *triples = (sb_triple *)calloc(MOST, sizeof *triples);
    size_t accepted = 0, rejected = 0;

    (void)state;
    for (unsigned round = 0; round < 24; round++) {
        const uint32_t page_bytes = round % 8 == 7 ? 65536 : SB_PAGE_BYTES_MIN;
        const shape *of = &shapes[round % (sizeof shapes / sizeof shapes[0])];
        const size_t count = make_triples(&random, of, 1 + sb_random_below(&random, 2000), triples);
        uint8_t *good = make_page(page_bytes), *page = make_page(page_bytes);
        sb_list_stats stats;

        (void)sb_list__pack(triples, count, page_bytes, page_bytes, true, &stats);
        sb_list__encode(good, page_bytes, &everything, 0, triples, &stats);
        for (unsigned hit = 0; hit < 500; hit++) {
            uint64_t findings = 0;

            memcpy(page, good, page_bytes);
            for (unsigned n = 0; n <= hit % 3; n++) {
                const size_t reach = hit % 4 == 0 ? page_bytes : SB_LIST_HEADER + 16;
                page[sb_random_below(&random, reach)] = (uint8_t)sb_random_next(&random);
            }
            if (sb_leaf_ops_list.check(page, page_bytes, 1, NULL) != SB_OK) {
                rejected++;
                continue;
            }
            accepted++;
            (void)read_all(page);
            assert_int_equal(
                sb_leaf_ops_list.verify(page, page_bytes, 1, no_finding, NULL, &findings, NULL),
                SB_OK);
            /* Changes of an accepted page stay inside it too. */
            bool duplicate;
            (void)sb_list__insert_in_place(page, page_bytes, triples, count < 9 ? count : 9,
                                           &duplicate);
            (void)sb_list__delete_in_place(page, triples, count, 0, NULL);
        }
        free(good);
        free(page);
    }
    free(triples);
    assert_true(accepted > 500 && rejected > 500);
}

static void test_tree_list_page__check_names_the_rule(void **state)
{
    const sb_list_range cut = {
        .low = {1, 0, 0}, .high = {9, 4, 0}, .has_low = true, .has_high = true};
    const sb_triple triples[] = {{1, 2, 3}, {1, 3, 4}, {9, 1, 1}};
    const struct {
        uint32_t at;
        uint8_t byte;
        const char *rule;
    } cases[] = {
        {SB_PAGE_KIND, SB_PAGE_INNER, "SB_PAGE_KIND"},
        {SB_PAGE_FLAGS, 15, "SB_LIST_HAS_LOW"},
        {SB_LIST_RESERVED_A, 1, "SB_LIST_RESERVED_A"},
        {SB_LIST_RESERVED_B + 9, 1, "SB_LIST_RESERVED_B"},
        {SB_LIST_LOW_NODE, 10, "&range.low"},
        {SB_LIST_LOW_NODE, 2, "range->low.node"},
        {SB_LIST_HIGH_NODE, 8, "range->high.node"},
        {SB_LIST_REST + 7, 0x80, "rest"},
        {SB_LIST_REST, 0, "SB_LIST_HAS_REST"},
        {SB_PAGE_FLAGS, 3, "SB_LIST_HAS_REST"},
        {SB_LIST_NEIGHBOR_WIDTH, 3, "neighbor_width"},
        {SB_LIST_DIFF_WIDTH, 1, "diff_width"},
        {SB_LIST_DIFFS_AT + 1, 255, "diffs_off"},
        {SB_LIST_NEIGHBORS_AT + 1, 0, "neighbors_off"},
        {SB_LIST_ENTRY_COUNT, 2, "entry_count"},
        {SB_LIST_ENTRY_COUNT + 1, 255, "rels_off"},
        {SB_LIST_SLOT_COUNT, 1, "last"},
        {SB_LIST_HEADER, 1, "== 0"},
        {SB_LIST_HEADER + 2, 9, "ascend"},
    };
    sb_list_stats stats;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t *page = make_page(4096);
        sb_err err;

        sb_err_clear(&err);
        sb_list__stats(triples, 3, &stats);
        sb_list__encode(page, 4096, &cut, 5, triples, &stats);
        assert_int_equal(sb_leaf_ops_list.check(page, 4096, 3, &err), SB_OK);
        page[cases[i].at] = cases[i].byte;
        if (sb_leaf_ops_list.check(page, 4096, 3, &err) != SB_CORRUPT)
            fail_msg("case %zu accepted", i);
        assert_int_equal(err.pgno, 3);
        if (strstr(err.text, cases[i].rule) == NULL) fail_msg("case %zu: %s", i, err.text);
        free(page);
    }
    /* A rest where there is nothing behind the leaf. */
    uint8_t *page = make_page(4096);
    sb_list__encode(page, 4096, &everything, 5, triples, &stats);
    assert_int_equal(sb_leaf_ops_list.check(page, 4096, 3, NULL), SB_CORRUPT);
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_tree_list_page__encode_and_find),
        TEST(test_tree_list_page__finds_spread_nodes),
        TEST(test_tree_list_page__directory_fits_the_gaps),
        TEST(test_tree_list_page__pack_cuts_between_lists),
        TEST(test_tree_list_page__entry_limit),
        TEST(test_tree_list_page__in_place),
        TEST(test_tree_list_page__separators),
        TEST(test_tree_list_page__damage),
        TEST(test_tree_list_page__check_names_the_rule),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
