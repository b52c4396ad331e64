/* Goal: the first key with a prefix, one by one and of many, is the right one however it is found: by the leaf cache's address, by its
 * page number, by descent; in leaves that begin or end within a prefix, after deletes, in read and write transactions.
 * Method: random histories of a tree of keys with tails of five bytes, of several shapes, against a plain array; every round asks for
 * what is there and what is not, twice in a snapshot. */
#include "support/unit.h"

#include <stdlib.h>

#include "tree/slots_priv.h"

#define KEYS  4000u
#define TAIL  5u
#define ASKED 700u

typedef enum shape { NUMBERS, SPREAD, WORDS, LENGTHS, SQUARES, LUMP } shape;

typedef struct world {
    sb_profile profile;
    sb_vfs *vfs;
    sb_pager *pager;
    sb_session *sessions[2];
    sb_tree tree;
    bool there[KEYS][2]; /* each prefix has two keys, with tails 1 and 2 */
    sb_random random;
    shape shape;
} world;

static sb_err err;

static void assert_ok(sb_status status)
{
    if (status != SB_OK) fail_msg("%s: %s", sb_status_name(status), err.text);
}

/* The prefix of number i; none is the beginning of another. Numbers are in order. */
static size_t prefix_of(const world *w, size_t i, uint8_t out[64])
{
    if (w->shape == NUMBERS) {
        sb_store_be64(out, 0x0300000040000000ull + i);
        return 8;
    }
    if (w->shape == SPREAD) {
        sb_store_be64(out, sb_hash_u64(i));
        out[8] = 0x7F;
        return 9;
    }
    if (w->shape == LENGTHS) { /* as keys of numbers are: half of two bytes, half of three */
        const uint32_t number = (i < KEYS / 2 ? 63000u : 65000u) + (uint32_t)i;
        out[0] = number < 65536 ? 0x92 : 0x93;
        sb_store_be32(out + 1, number << (number < 65536 ? 16 : 8));
        return number < 65536 ? 3 : 4;
    }
    if (w->shape == SQUARES) { /* no guess by even steps is right for long */
        sb_store_be32(out, 0x93000000u + (uint32_t)(i * i));
        return 4;
    }
    if (w->shape == LUMP) { /* many leaves where the cache expects one, with the same last bytes */
        const size_t before = i < 1500 ? i : 1500, within = i < 1500   ? 0
                                                            : i < 2500 ? i - 1500
                                                                       : 999;
        out[0] = 0x94;
        sb_store_be32(out + 1, (uint32_t)((before + (i < 2500 ? 0 : i - 2499)) << 16 | within));
        return 5;
    }
    return (size_t)snprintf((char *)out, 64, "the same beginning %05zu|", i);
}

static sb_bytes key_of(const world *w, size_t i, unsigned tail, uint8_t out[64])
{
    const size_t size = prefix_of(w, i, out);
    memset(out + size, 0, TAIL);
    out[size + TAIL - 1] = (uint8_t)(tail + 1);
    return sb_bytes_of(out, size + TAIL);
}

static void change(world *w, sb_txn *txn)
{
    const size_t first = (size_t)sb_random_below(&w->random, KEYS);
    const size_t end = first + (size_t)sb_random_below(&w->random, KEYS - first) / 2;
    const bool put = sb_random_below(&w->random, 3) != 0;
    uint8_t key[64];

    for (size_t i = first; i < end; i++) {
        const unsigned tail = (unsigned)sb_random_below(&w->random, 2);
        bool found;
        if (put)
            assert_ok(
                sb_tree_put(txn, &w->tree, key_of(w, i, tail, key), sb_bytes_of(NULL, 0), &err));
        else
            assert_ok(sb_tree_delete(txn, &w->tree, key_of(w, i, tail, key), &found, &err));
        w->there[i][tail] = put;
    }
}

static void assert_answer(const world *w, size_t i, bool found, const uint8_t *tail)
{
    assert_int_equal(found, w->there[i][0] || w->there[i][1]);
    if (found) assert_int_equal(tail[TAIL - 1], w->there[i][0] ? 1 : 2);
}

/* The same prefixes as words. */
static void ask_words(world *w, sb_txn *txn, const sb_bytes *prefixes, const size_t *numbers)
{
    static sb_tree_word words[ASKED];
    static uint64_t tails[ASKED];
    static bool found[ASKED];

    for (size_t k = 0; k < ASKED; k++) {
        const bool *const there = w->there[numbers[k]];
        words[k] = (sb_tree_word){sb_bytes_word(prefixes[k]), (uint32_t)prefixes[k].size};
        if (k % 2 == 0) continue;
        assert_ok(sb_tree_get_word(txn, &w->tree, words[k], TAIL, &tails[k], &found[k], &err));
        assert_int_equal(found[k], there[0] || there[1]);
        if (found[k]) assert_int_equal(tails[k], there[0] ? 1 : 2);
    }
    assert_ok(sb_tree_get_words(txn, &w->tree, words, ASKED, TAIL, tails, found, &err));
    for (size_t k = 0; k < ASKED; k++) {
        const bool *const there = w->there[numbers[k]];
        assert_int_equal(found[k], there[0] || there[1]);
        if (found[k]) assert_int_equal(tails[k], there[0] ? 1 : 2);
    }
}

static void ask(world *w, sb_txn *txn)
{
    static uint8_t bytes[ASKED][64], tails[ASKED][TAIL];
    static sb_bytes prefixes[ASKED];
    static size_t numbers[ASKED];
    static bool found[ASKED];

    for (size_t k = 0; k < ASKED; k++) {
        uint8_t tail[TAIL];
        size_t size;
        numbers[k] = (size_t)sb_random_below(&w->random, KEYS);
        prefixes[k] = sb_bytes_of(bytes[k], prefix_of(w, numbers[k], bytes[k]));
        if (k % 2 == 0) continue;
        assert_ok(
            sb_tree_get_prefix(txn, &w->tree, prefixes[k], tail, TAIL, &size, &found[k], &err));
        assert_answer(w, numbers[k], found[k], tail);
        if (found[k]) assert_int_equal(size, TAIL);
    }
    assert_ok(sb_tree_get_prefix_many(txn, &w->tree, prefixes, ASKED, tails[0], TAIL, found, &err));
    for (size_t k = 0; k < ASKED; k++)
        assert_answer(w, numbers[k], found[k], tails[k]);
    if (w->shape != WORDS && w->shape != SPREAD) ask_words(w, txn, prefixes, numbers);
}

static void run(shape kind, sb_read_mode mode)
{
    static world w;
    sb_pager_options options;

    memset(&w, 0, sizeof w);
    w.random = test_random(5 + (uint64_t)kind);
    w.shape = kind;
    sb_err_clear(&err);
    assert_ok(sb_vfs_mem_create(&sb_allocator_libc, &w.vfs, &err));
    sb_pager_options_init(&options);
    options.alloc = &sb_allocator_libc;
    options.vfs = w.vfs;
    options.profile = &w.profile;
    options.page_bytes = 4096;
    options.create = true;
    options.durability = SB_DURABLE_OFF;
    options.check = sb_tree_check_page;
    options.read_mode = mode;
    options.cache_pages = 8;
    assert_ok(sb_pager_open("prefix", &options, &w.pager, &err));
    for (unsigned i = 0; i < 2; i++)
        assert_ok(sb_session_open(w.pager, &w.sessions[i], &err));
    w.tree = (sb_tree){.id = 9, .kind = SB_TREE_SLOTTED};
    for (unsigned round = 0; round < 30; round++) {
        sb_session *session = w.sessions[sb_random_below(&w.random, 2)];
        sb_txn *txn;
        assert_ok(sb_txn_begin_write(session, &txn, &err));
        change(&w, txn);
        ask(&w, txn);
        change(&w, txn);
        assert_ok(sb_txn_commit(txn, &err));
        for (unsigned i = 0; i < 2; i++) {
            assert_ok(sb_txn_begin_read(w.sessions[i], &txn, &err));
            ask(&w, txn);
            ask(&w, txn);
            sb_txn_rollback(txn);
        }
    }
#ifndef SOMBRA_NO_PROFILE
    if (kind != WORDS && kind != LUMP) { /* whose first eight bytes tell nothing, or little */
        sb_txn *txn;
        assert_ok(sb_txn_begin_read(w.sessions[0], &txn, &err));
        ask(&w, txn);
        w.profile.on = true;
        ask(&w, txn);
        w.profile.on = false;
        sb_txn_rollback(txn);
        assert_true(w.profile.counts[SB_COUNT_LEAF_CACHE_HITS] >
                    4 * w.profile.counts[SB_COUNT_LEAF_CACHE_MISSES]);
    }
#endif
    for (unsigned i = 0; i < 2; i++)
        sb_session_close(w.sessions[i]);
    assert_ok(sb_pager_close(w.pager, &err));
    sb_vfs_destroy(w.vfs);
}

static void test_tree_prefix__numbers(void **state)
{
    (void)state;
    run(NUMBERS, SB_READ_MAP);
}

static void test_tree_prefix__spread(void **state)
{
    (void)state;
    run(SPREAD, SB_READ_MAP);
}

static void test_tree_prefix__words(void **state)
{
    (void)state;
    run(WORDS, SB_READ_MAP);
}

static void test_tree_prefix__lengths(void **state)
{
    (void)state;
    run(LENGTHS, SB_READ_MAP);
}

static void test_tree_prefix__squares(void **state)
{
    (void)state;
    run(SQUARES, SB_READ_MAP);
}

static void test_tree_prefix__lump(void **state)
{
    (void)state;
    run(LUMP, SB_READ_MAP);
}

static void test_tree_prefix__few_cached_pages(void **state)
{
    (void)state;
    run(NUMBERS, SB_READ_CACHE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_tree_prefix__numbers), TEST(test_tree_prefix__spread),
        TEST(test_tree_prefix__words),   TEST(test_tree_prefix__lengths),
        TEST(test_tree_prefix__squares), TEST(test_tree_prefix__few_cached_pages),
        TEST(test_tree_prefix__lump),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
