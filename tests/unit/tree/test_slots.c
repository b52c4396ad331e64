/* Goal: one page of sorted keys by itself: search finds what a plain comparison of keys finds, the check accepts what
 * the code writes and no damage that would make a reader leave the page, rewriting keeps entries and bounds.
 * Method: random pages of all shapes; every byte damaged in turn, with the page in memory of exactly its size, so that the
 * address sanitizer sees a step outside. */
#include "support/unit.h"

#include <stdlib.h>

#include "tree/slots_priv.h"

static sb_err err;

typedef struct key {
    uint32_t bytes;
    uint8_t data[64];
} key;

static int compare_keys(const void *a, const void *b)
{
    const key *x = (const key *)a, *y = (const key *)b;
    return sb_bytes_compare(sb_bytes_of(x->data, x->bytes), sb_bytes_of(y->data, y->bytes));
}

static sb_bytes bytes_of(const key *k)
{
    return sb_bytes_of(k->data, k->bytes);
}

static void random_key(sb_random *random, unsigned shape, const char *lead, key *k)
{
    const size_t lead_bytes = strlen(lead);
    k->bytes = (uint32_t)lead_bytes;
    memcpy(k->data, lead, lead_bytes);
    const size_t more = shape == 0 ? 8 : 1 + sb_random_below(random, 12);
    for (size_t i = 0; i < more; i++)
        k->data[k->bytes++] = shape == 0   ? (uint8_t)sb_random_below(random, 256)
                              : shape == 1 ? (uint8_t)(sb_random_below(random, 5) == 0)
                                           : (uint8_t)('a' + sb_random_below(random, 2));
}

/* Sorted, distinct. */
static size_t random_keys(sb_random *random, unsigned shape, const char *lead, key *keys,
                          size_t count)
{
    for (size_t i = 0; i < count; i++)
        random_key(random, shape, lead, &keys[i]);
    qsort(keys, count, sizeof *keys, compare_keys);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || compare_keys(&keys[kept - 1], &keys[i]) != 0) keys[kept++] = keys[i];
    return kept;
}

/* A leaf of keys[0 .. count), with fences that lie around them. */
static void make_leaf(uint8_t *page, uint32_t page_bytes, const key *keys, size_t count,
                      const char *lead, bool open)
{
    char high[32];
    const size_t lead_bytes = strlen(lead);
    memset(page, 0, page_bytes);
    page[SB_PAGE_KIND] = SB_PAGE_SLOTTED;
    memcpy(high, lead, lead_bytes);
    high[lead_bytes] = (char)0xFF;
    high[lead_bytes + 1] = (char)0xFF;
    const bool closed = lead_bytes > 0 && !open;
    sb_slots__init(page, page_bytes, sb_bytes_of(lead, closed ? lead_bytes : 0),
                   sb_bytes_of(high, closed ? lead_bytes + 2 : 0));
    for (size_t i = 0; i < count; i++) {
        const uint32_t prefix = sb_slots__prefix(page);
        sb_slots__append(page, sb_bytes_of(NULL, 0),
                         sb_bytes_of(keys[i].data + prefix, keys[i].bytes - prefix),
                         sb_bytes_of(keys[i].data, i % 7));
    }
    sb_slots__hints(page, 0);
}

static void make_inner(uint8_t *page, uint32_t page_bytes, const key *keys, size_t count)
{
    memset(page, 0, page_bytes);
    page[SB_PAGE_KIND] = SB_PAGE_INNER;
    page[SB_PAGE_LEVEL] = 1;
    sb_slots__init(page, page_bytes, sb_bytes_of(NULL, 0), sb_bytes_of(NULL, 0));
    for (uint32_t i = 0; i < count; i++) {
        uint8_t child[4];
        sb_store_le32(child, i + 1);
        sb_slots__append(page, sb_bytes_of(NULL, 0),
                         i == 0 ? sb_bytes_of(NULL, 0) : bytes_of(&keys[i]), sb_bytes_of(child, 4));
    }
    sb_slots__hints(page, 0);
}

static void test_tree_slots__search(void **state)
{
    (void)state;
    static const char *const leads[] = {"", "table/7/"};
    sb_random random = test_random(1);
    uint8_t *page = (uint8_t *)malloc(8192);
    static key keys[400];
    for (unsigned turn = 0; turn < 600; turn++) {
        const unsigned shape = turn % 3;
        const char *lead = leads[turn / 3 % 2];
        const size_t count = random_keys(&random, shape, lead, keys,
                                         turn % 5 == 0 ? sb_random_below(&random, 40)
                                                       : 20 + sb_random_below(&random, 200));
        make_leaf(page, 8192, keys, count, lead, turn % 11 == 0);
        assert_int_equal(sb_slots__check(page, 8192, 5, &err), SB_OK);
        for (unsigned k = 0; k < 100; k++) {
            key probe;
            size_t at = 0;
            bool equal;
            if (k % 2 == 0 || count == 0)
                random_key(&random, shape, lead, &probe);
            else
                probe = keys[sb_random_below(&random, count)];
            while (at < count && compare_keys(&keys[at], &probe) < 0)
                at++;
            assert_int_equal(sb_slots__search(page, sb_slots__cut(page, bytes_of(&probe)), &equal),
                             at);
            assert_int_equal(equal, at < count && compare_keys(&keys[at], &probe) == 0);
        }
        /* The child is the last one whose key is not above. */
        if (count < 2) continue;
        make_inner(page, 8192, keys, count);
        assert_int_equal(sb_slots__check(page, 8192, 5, &err), SB_OK);
        for (unsigned k = 0; k < 50; k++) {
            key probe;
            size_t at = 0;
            random_key(&random, shape, lead, &probe);
            if (k % 4 == 0) probe = keys[sb_random_below(&random, count)];
            while (at + 1 < count && compare_keys(&keys[at + 1], &probe) <= 0)
                at++;
            assert_int_equal(sb_slots__child_slot(page, bytes_of(&probe)), at);
        }
    }
    free(page);
}

/* Everything a reader does with a page that passed its check. */
static void read_all(const uint8_t *page, uint32_t page_bytes)
{
    uint64_t sum = 0;
    bool equal;
    const uint32_t count = sb_slots__count(page);
    for (uint32_t i = 0; i < count; i++) {
        const sb_bytes suffix = sb_slots__suffix(page, i);
        for (size_t k = 0; k < suffix.size; k++)
            sum += suffix.data[k];
        if (!sb_slots__is_inner(page)) {
            const sb_bytes value = sb_slots__value(page, i);
            for (size_t k = 0; k < value.size; k++)
                sum += value.data[k];
        } else {
            sum += sb_slots__child(page, i);
        }
        /* In a page that passed, every entry is found where it stands. */
        assert_int_equal(sb_slots__search(page, suffix, &equal), i);
        assert_true(equal);
    }
    sum += sb_slots__low(page, page_bytes).size + sb_slots__high(page, page_bytes).size;
    assert_true(sum < UINT64_MAX);
}

/* Search must stay inside also while a page is being damaged only logically: hints are not trusted. */
static void test_tree_slots__damage(void **state)
{
    (void)state;
    sb_random random = test_random(2);
    uint8_t *page = (uint8_t *)malloc(4096), *good = (uint8_t *)malloc(4096);
    static key keys[120];
    size_t refused = 0, accepted = 0;
    for (unsigned kind = 0; kind < 2; kind++)
        for (unsigned shape = 0; shape < 3; shape++) {
            const size_t count = random_keys(&random, shape, "ab/", keys, 90);
            if (kind == 0)
                make_leaf(good, 4096, keys, count, "ab/", false);
            else
                make_inner(good, 4096, keys, count);
            assert_int_equal(sb_slots__check(good, 4096, 5, &err), SB_OK);
            for (uint32_t at = SB_PAGE_LEVEL; at < 4096; at++)
                for (unsigned k = 0; k < 6; k++) {
                    memcpy(page, good, 4096);
                    if (k < 4)
                        page[at] = (uint8_t)(k == 0   ? page[at] ^ 1u << sb_random_below(&random, 8)
                                             : k == 1 ? 0
                                             : k == 2 ? 0xFF
                                                      : sb_random_next(&random));
                    else
                        for (unsigned n = 0; n < 4 && at + n < 4096; n++)
                            page[at + n] = (uint8_t)sb_random_next(&random);
                    if (memcmp(page, good, 4096) == 0) continue;
                    const sb_status st = sb_slots__check(page, 4096, 5, &err);
                    sb_err_clear(&err);
                    if (st == SB_OK) {
                        accepted++;
                        read_all(page, 4096);
                    } else {
                        assert_int_equal(st, SB_CORRUPT);
                        refused++;
                    }
                }
        }
    print_message("%zu damaged pages refused, %zu accepted (other values, gaps)\n", refused,
                  accepted);
    assert_true(refused > 10000);
    /* Noise instead of a page. */
    for (unsigned turn = 0; turn < 20000; turn++) {
        for (size_t i = 0; i < 4096; i++)
            page[i] = (uint8_t)sb_random_next(&random);
        page[SB_PAGE_KIND] = turn % 2 == 0 ? SB_PAGE_INNER : SB_PAGE_SLOTTED;
        if (turn % 4 < 2) memcpy(page, good, 24 + turn % 64);
        if (sb_slots__check(page, 4096, 5, &err) == SB_OK) read_all(page, 4096);
        sb_err_clear(&err);
        assert_int_not_equal(sb_tree_check_page(NULL, page, 4096, 5, &err), SB_MISUSE);
        sb_err_clear(&err);
    }
    free(good);
    free(page);
}

/* Each invariant of the page, broken by itself, is refused. */
static void test_tree_slots__invariants(void **state)
{
    (void)state;
    static key keys[60];
    sb_random random = test_random(3);
    uint8_t *good = (uint8_t *)malloc(4096), *page = (uint8_t *)malloc(4096);
    const size_t count = random_keys(&random, 0, "ab/", keys, 60);
    make_leaf(good, 4096, keys, count, "ab/", false);
    const uint32_t heap = sb_slots__heap(good);
#define REFUSED(...)                                                                               \
    do {                                                                                           \
        memcpy(page, good, 4096);                                                                  \
        __VA_ARGS__;                                                                               \
        assert_int_equal(sb_slots__check(page, 4096, 5, &err), SB_CORRUPT);                        \
        sb_err_clear(&err);                                                                        \
    } while (0)
    REFUSED(sb_store_le16(page + SB_PAGE_FLAGS, 1));
    REFUSED(page[SB_PAGE_LEVEL] = 1);
    REFUSED(sb_store_le32(page + 12, 1));
    REFUSED(sb_store_le16(page + SB_SLOTS_PREFIX, 2)); /* S1 */
    REFUSED(sb_store_le16(page + SB_SLOTS_LOW, 2000));
    REFUSED(sb_store_le16(page + SB_SLOTS_COUNT, (uint16_t)(count + 1)));
    REFUSED(sb_store_le16(page + SB_SLOTS_COUNT, 60000));
    REFUSED(sb_store_le32(page + SB_SLOTS_HEAP, heap - 1)); /* S3 */
    REFUSED(sb_store_le32(page + SB_SLOTS_HEAP, heap + 1));
    REFUSED(sb_store_le32(page + SB_SLOTS_HEAP, 0xFFFFFFF0u));
    REFUSED(sb_store_le32(page + SB_SLOTS_DEAD, 1));
    REFUSED(sb_store_le16(page + SB_SLOTS_BEGIN + SB_SLOT_CELL, (uint16_t)(heap - 1)));
    REFUSED(sb_store_le16(page + SB_SLOTS_BEGIN + SB_SLOT_CELL, 65535));
    REFUSED(sb_store_le16(page + SB_SLOTS_BEGIN + SB_SLOT_LENGTH, 65535));
    REFUSED(sb_store_le32(page + SB_SLOTS_BEGIN + 8 * 5, 7)); /* S4 */
    REFUSED(sb_store_le32(page + SB_SLOTS_HINTS + 4 * 3, 7)); /* S5 */
    REFUSED({
        uint8_t swap[8]; /* S2 */
        memcpy(swap, page + SB_SLOTS_BEGIN, 8);
        memcpy(page + SB_SLOTS_BEGIN, page + SB_SLOTS_BEGIN + 8, 8);
        memcpy(page + SB_SLOTS_BEGIN + 8, swap, 8);
    });
    REFUSED(memset(page + 4096 - 2, 0, 2)); /* the high fence below the keys */
    REFUSED(
        { /* one cell within the value of another, and a hole where it was, which nobody else has (S3) */
          static const uint8_t value[100];
          sb_slots__init(page, 4096, sb_bytes_of(NULL, 0), sb_bytes_of(NULL, 0));
          sb_slots__append(page, sb_bytes_of(NULL, 0), sb_bytes_of("a", 1), sb_bytes_of(value, 9));
          sb_slots__append(page, sb_bytes_of(NULL, 0), sb_bytes_of("b", 1),
                           sb_bytes_of(value, 100));
          sb_slots__hints(page, 0);
          assert_int_equal(sb_slots__check(page, 4096, 5, &err), SB_OK);
          memcpy(page + sb_slots__cell_at(page, 1) + 50, page + sb_slots__cell_at(page, 0), 12);
          sb_store_le16(page + SB_SLOTS_BEGIN + SB_SLOT_CELL,
                        (uint16_t)(sb_slots__cell_at(page, 1) + 50));
        });
    /* A value that reaches into the fences, its bytes taken from a hole so that the sum is right. */
    sb_slots__remove(good, 20);
    assert_int_equal(sb_slots__check(good, 4096, 5, &err), SB_OK);
    REFUSED({
        uint8_t *value_bytes = page + sb_slots__cell_at(page, 0);
        sb_store_le16(value_bytes, (uint16_t)(sb_load_le16(value_bytes) + 4));
        sb_store_le32(page + SB_SLOTS_DEAD, sb_slots__dead(page) - 4);
    });
    make_inner(good, 4096, keys, count);
    assert_int_equal(sb_slots__check(good, 4096, 5, &err), SB_OK);
    REFUSED(page[SB_PAGE_LEVEL] = 0);
    REFUSED(page[SB_PAGE_LEVEL] = SB_TREE_MAX_HEIGHT);
    REFUSED(sb_store_le32(page + sb_slots__cell_at(page, 3), 0));
    make_inner(good, 4096, keys, 1);
    REFUSED((void)0); /* S6 */
    make_leaf(good, 4096, keys, 0, "ab/", false);
    assert_int_equal(sb_slots__check(good, 4096, 5, &err), SB_OK); /* an empty leaf is none */
    free(page);
    free(good);
}

/* Inserting and removing one by one comes to the same as writing at once; also when compacted. */
static void test_tree_slots__edit(void **state)
{
    (void)state;
    sb_random random = test_random(4);
    static key keys[200];
    static bool in[200];
    uint8_t *page = (uint8_t *)malloc(8192), *scratch = (uint8_t *)malloc(8192);
    for (unsigned turn = 0; turn < 60; turn++) {
        const size_t count = random_keys(&random, turn % 3, "k", keys, 150);
        make_leaf(page, 8192, keys, 0, "k", false);
        memset(in, 0, sizeof in);
        for (unsigned step = 0; step < 800; step++) {
            const size_t k = sb_random_below(&random, count);
            const sb_bytes suffix = sb_slots__cut(page, bytes_of(&keys[k]));
            bool equal;
            const uint32_t i = sb_slots__search(page, suffix, &equal);
            assert_int_equal(equal, in[k]);
            if (equal) {
                sb_slots__remove(page, i);
                in[k] = false;
            } else {
                const uint32_t bytes = SB_LEAF_CELL_HEAD + (uint32_t)suffix.size + 3;
                if (sb_slots__gap(page) < bytes + SB_SLOT_BYTES)
                    sb_slots__compact(page, 8192, scratch);
                const uint32_t cell = sb_slots__heap(page) - bytes;
                sb_slots__write_cell(page, cell, suffix, sb_bytes_of("val", 3));
                sb_store_le32(page + SB_SLOTS_HEAP, cell);
                sb_slots__insert_slot(page, i, cell, suffix);
                in[k] = true;
            }
            if (step % 50 == 0) assert_int_equal(sb_slots__check(page, 8192, 5, &err), SB_OK);
        }
        sb_slots__compact(page, 8192, scratch);
        assert_int_equal(sb_slots__dead(page), 0);
        assert_int_equal(sb_slots__check(page, 8192, 5, &err), SB_OK);
        uint32_t i = 0;
        for (size_t k = 0; k < count; k++) {
            if (!in[k]) continue;
            const sb_bytes suffix = sb_slots__cut(page, bytes_of(&keys[k]));
            assert_int_equal(sb_bytes_compare(sb_slots__suffix(page, i), suffix), 0);
            assert_memory_equal(sb_slots__value(page, i).data, "val", 3);
            i++;
        }
        assert_int_equal(i, sb_slots__count(page));
    }
    free(scratch);
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_tree_slots__search),
        TEST(test_tree_slots__damage),
        TEST(test_tree_slots__invariants),
        TEST(test_tree_slots__edit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
