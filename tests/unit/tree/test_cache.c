/* Goal: the leaf cache never names a leaf that a descent would not find (DESIGN §9 rule 1; cache C1 to C5).
 * Method: each rule by a history that breaks it when its check is left out, then random histories of two sessions;
 * every look-up is compared with a descent in the same snapshot. The trees are slotted ones keyed by id. */
#include "support/unit.h"

#include <stdlib.h>

#include "tree/cache_priv.h"
#include "tree/slots_priv.h"

#define IDS 6000u

typedef struct world {
    sb_profile profile;
    sb_vfs *vfs;
    sb_pager *pager;
    sb_session *sessions[2];
    sb_tree tree; /* as committed */
} world;

static sb_err err;
static uint64_t addresses_used; /* look-ups that the short way has answered */

static void assert_ok(sb_status status)
{
    if (status != SB_OK) fail_msg("%s: %s", sb_status_name(status), err.text);
}

static sb_item item_of(uint64_t id, uint8_t key[8])
{
    static const uint8_t value[100] = {1};
    sb_store_be64(key, id);
    return (sb_item){sb_bytes_of(key, 8), sb_bytes_of(value, sizeof value)};
}

static void put(sb_txn *txn, sb_tree *tree, uint64_t id)
{
    uint8_t key[8];
    const sb_item item = item_of(id, key);
    assert_ok(sb_tree_put(txn, tree, item.key, item.value, &err));
}

static void delete_range(sb_txn *txn, sb_tree *tree, uint64_t first, uint64_t end)
{
    uint8_t key[8];
    bool found;
    for (uint64_t id = first; id < end; id++) {
        sb_store_be64(key, id);
        assert_ok(sb_tree_delete(txn, tree, sb_bytes_of(key, 8), &found, &err));
    }
}

static world *make_world(sb_durability durability)
{
    world *w = (world *)calloc(1, sizeof *w);
    sb_pager_options options;
    sb_txn *txn;
    assert_non_null(w);
    sb_err_clear(&err);
    assert_ok(sb_vfs_mem_create(&sb_allocator_libc, &w->vfs, &err));
    sb_pager_options_init(&options);
    options.alloc = &sb_allocator_libc;
    options.vfs = w->vfs;
    options.profile = &w->profile;
    options.page_bytes = 4096;
    options.create = true;
    options.durability = durability;
    options.check = sb_tree_check_page;
    assert_ok(sb_pager_open("cache", &options, &w->pager, &err));
    for (unsigned i = 0; i < 2; i++)
        assert_ok(sb_session_open(w->pager, &w->sessions[i], &err));
    w->tree = (sb_tree){.id = 3, .kind = SB_TREE_SLOTTED};
    assert_ok(sb_txn_begin_write(w->sessions[1], &txn, &err));
    for (uint64_t id = 0; id < IDS; id++)
        put(txn, &w->tree, 2 * id);
    assert_ok(sb_txn_commit(txn, &err));
    return w;
}

static void free_world(world *w)
{
    for (unsigned i = 0; i < 2; i++)
        sb_session_close(w->sessions[i]);
    assert_ok(sb_pager_close(w->pager, &err));
    sb_vfs_destroy(w->vfs);
    free(w);
}

/* What the short way gives is the leaf, or known by its header not to be. */
static void look_up_address(sb_txn *txn, const sb_tree *tree, uint64_t id, sb_pgno leaf)
{
    sb_leaves leaves;
    sb_page page;

    if (!sb_leaves__open(txn, tree, id, &leaves)) return;
    for (int side = -1; side <= 1; side++) {
        const uint8_t *bytes = sb_leaves__find(&leaves, id, side);
        if (bytes == NULL || sb_tree__leaf_side(tree, bytes, 4096, id) != 0) continue;
        assert_ok(sb_page_acquire(txn, leaf, &page, &err));
        assert_ptr_equal(bytes, page.bytes);
        assert_int_equal(sb_leaves__pgno(&leaves, id, side), leaf);
        sb_page_release(txn, &page);
        addresses_used++;
    }
}

/* The look-up that is tested against the one that needs no cache. */
static void look_up(sb_txn *txn, const sb_tree *tree, uint64_t id)
{
    sb_page page;
    sb_pgno pgno;
    sb_path path;
    uint8_t key[8];
    if (tree->root == SB_PGNO_NONE) {
        assert_ok(sb_tree__leaf_of_id(txn, tree, id, &page, &pgno, &err));
        assert_int_equal(pgno, SB_PGNO_NONE);
        return;
    }
    sb_store_be64(key, id);
    assert_ok(sb_tree__descend(txn, tree, sb_bytes_of(key, 8), &path, &err));
    look_up_address(txn, tree, id, path.leaf);
    assert_ok(sb_tree__leaf_of_id(txn, tree, id, &page, &pgno, &err));
    assert_int_equal(pgno, path.leaf);
    assert_non_null(page.bytes);
    sb_page_release(txn, &page);
}

static void look_up_all(sb_txn *txn, const sb_tree *tree)
{
    for (uint64_t id = 0; id < 2 * IDS + 10; id += 3)
        look_up(txn, tree, id);
}

static sb_txn *begin_read(world *w, unsigned session)
{
    sb_txn *txn;
    assert_ok(sb_txn_begin_read(w->sessions[session], &txn, &err));
    return txn;
}

static sb_txn *begin_write(world *w, unsigned session)
{
    sb_txn *txn;
    assert_ok(sb_txn_begin_write(w->sessions[session], &txn, &err));
    return txn;
}

/* It is a cache: the second time no descent is made for nearly all ids, and k is learned. */
static void test_tree_cache__hits(void **state)
{
    (void)state;
    world *w = make_world(SB_DURABLE_OFF);
    sb_txn *txn = begin_read(w, 0);
    look_up_all(txn, &w->tree);
    w->profile.on = true;
    look_up_all(txn, &w->tree);
    w->profile.on = false;
    const uint64_t hits = w->profile.counts[SB_COUNT_LEAF_CACHE_HITS],
                   misses = w->profile.counts[SB_COUNT_LEAF_CACHE_MISSES];
    print_message("%llu hits, %llu misses\n", (unsigned long long)hits, (unsigned long long)misses);
#ifndef SOMBRA_NO_PROFILE
    assert_true(hits > 8 * misses);
#endif
    sb_txn_rollback(txn);
    free_world(w);
}

#define PAIRS  12u
#define ROUNDS 20u /* moves come at ever longer distances */

/* C9: whichever two trees are read, each look-up of the one beside that of the other, they get out of each other's way. */
static void test_tree_cache__two_trees(void **state)
{
    (void)state;
    world *w = make_world(SB_DURABLE_OFF);
    sb_tree others[PAIRS];
    sb_txn *txn = begin_write(w, 1);
    for (uint32_t i = 0; i < PAIRS; i++) {
        others[i] = (sb_tree){.id = w->tree.id + 1 + i, .kind = SB_TREE_SLOTTED};
        for (uint64_t id = 0; id < IDS; id++)
            put(txn, &others[i], 2 * id);
    }
    assert_ok(sb_txn_commit(txn, &err));
    for (uint32_t i = 0; i < PAIRS; i++) {
        sb_session_close(w->sessions[0]);
        assert_ok(sb_session_open(w->pager, &w->sessions[0], &err));
        txn = begin_read(w, 0);
        for (unsigned round = 0; round < ROUNDS; round++) {
            w->profile.on = round == ROUNDS - 1;
            w->profile.counts[SB_COUNT_LEAF_CACHE_HITS] = 0;
            w->profile.counts[SB_COUNT_LEAF_CACHE_MISSES] = 0;
            for (uint64_t id = 0; id < 2 * IDS; id += 3) {
                look_up(txn, &w->tree, id);
                look_up(txn, &others[i], id);
            }
        }
        w->profile.on = false;
#ifndef SOMBRA_NO_PROFILE
        assert_true(w->profile.counts[SB_COUNT_LEAF_CACHE_HITS] >
                    8 * w->profile.counts[SB_COUNT_LEAF_CACHE_MISSES]);
#endif
        sb_txn_rollback(txn);
    }
    free_world(w);
}

/* Fences: after splits the page remembered holds only part of what it held. */
static void test_tree_cache__splits(void **state)
{
    (void)state;
    world *w = make_world(SB_DURABLE_OFF);
    sb_txn *txn = begin_read(w, 0);
    look_up_all(txn, &w->tree);
    sb_txn_rollback(txn);
    txn = begin_write(w, 1);
    for (uint64_t id = 0; id < IDS; id++)
        put(txn, &w->tree, 2 * id + 1);
    assert_ok(sb_txn_commit(txn, &err));
    txn = begin_read(w, 0);
    look_up_all(txn, &w->tree);
    sb_txn_rollback(txn);
    free_world(w);
}

/* C2: a leaf that another session freed keeps its bytes: only moved_at says so. */
static void test_tree_cache__freed_by_another_commit(void **state)
{
    (void)state;
    world *w = make_world(SB_DURABLE_OFF);
    sb_txn *txn = begin_read(w, 0);
    look_up_all(txn, &w->tree);
    sb_txn_rollback(txn);
    txn = begin_write(w, 1);
    delete_range(txn, &w->tree, 1000, 9000);
    assert_ok(sb_txn_commit(txn, &err));
    txn = begin_read(w, 0);
    look_up_all(txn, &w->tree);
    sb_txn_rollback(txn);
    /* And what is put in anew counts again, though it is of the very commit that freed leaves. */
    txn = begin_read(w, 0);
    const uint64_t before = w->profile.counts[SB_COUNT_LEAF_CACHE_HITS];
    w->profile.on = true;
    look_up_all(txn, &w->tree);
    w->profile.on = false;
#ifndef SOMBRA_NO_PROFILE
    assert_true(w->profile.counts[SB_COUNT_LEAF_CACHE_HITS] > before + 1000);
#endif
    (void)before;
    sb_txn_rollback(txn);
    free_world(w);
}

/* C3: freed in the transaction that remembered it, before and after that commits. */
static void test_tree_cache__freed_by_own_transaction(void **state)
{
    (void)state;
    world *w = make_world(SB_DURABLE_OFF);
    sb_txn *txn = begin_write(w, 0);
    put(txn, &w->tree, 1);
    look_up_all(txn, &w->tree);
    delete_range(txn, &w->tree, 1000, 3000);
    look_up_all(txn, &w->tree);
    delete_range(txn, &w->tree, 5000, 9000);
    /* Committed without a look at those: entries from before the last freed leaf stand in the cache. */
    assert_ok(sb_txn_commit(txn, &err));
    txn = begin_read(w, 0);
    for (uint64_t id = 2; id < 2 * IDS; id += 3)
        look_up(txn, &w->tree, id);
    look_up_all(txn, &w->tree);
    sb_txn_rollback(txn);
    free_world(w);
}

/* C3: epochs are not used twice. The commit frees leaves after it remembered them; a later transaction, which comes to
 * nothing, remembers something, too; then the commit's entries are asked for. */
static void test_tree_cache__epochs_are_unique(void **state)
{
    (void)state;
    world *w = make_world(SB_DURABLE_OFF);
    sb_txn *txn = begin_write(w, 0);
    put(txn, &w->tree, 1);
    look_up_all(txn, &w->tree);
    delete_range(txn, &w->tree, 1000, 9000);
    assert_ok(sb_txn_commit(txn, &err));
    txn = begin_write(w, 0);
    sb_tree other = {.id = 4, .kind = SB_TREE_SLOTTED};
    put(txn, &other, 5);
    look_up(txn, &w->tree, 0);
    sb_txn_rollback(txn);
    txn = begin_read(w, 0);
    look_up(txn, &w->tree, 0);
    look_up_all(txn, &w->tree);
    sb_txn_rollback(txn);
    free_world(w);
}

/* C4: pages made in a transaction that is rolled back, and used otherwise by the next one. */
static void test_tree_cache__rolled_back(void **state)
{
    (void)state;
    for (unsigned whole = 0; whole < 2; whole++) {
        world *w = make_world(SB_DURABLE_OFF);
        const sb_tree tree = w->tree;
        uint32_t savepoint = 0;
        sb_txn *txn = begin_write(w, 0);
        put(txn, &w->tree, 1);
        w->tree = tree;
        if (whole == 0) assert_ok(sb_txn_savepoint(txn, &savepoint, &err));
        sb_tree changed = tree;
        for (uint64_t id = 0; id < IDS; id++)
            put(txn, &changed, 2 * id + 1);
        look_up_all(txn, &changed);
        if (whole == 0) {
            assert_ok(sb_txn_rollback_to(txn, savepoint, &err));
        } else {
            sb_txn_rollback(txn);
            txn = begin_write(w, 0);
        }
        /* The same page numbers for other ids of the tree. */
        changed = tree;
        for (uint64_t id = IDS; id-- > 0;)
            put(txn, &changed, 2 * id + 1);
        look_up_all(txn, &changed);
        assert_ok(sb_txn_commit(txn, &err));
        txn = begin_read(w, 0);
        look_up_all(txn, &changed);
        sb_txn_rollback(txn);
        free_world(w);
    }
}

/* C4 also for a transaction that changed something, but no tree: another session then makes its commit. */
static void test_tree_cache__rolled_back_without_change(void **state)
{
    (void)state;
    world *w = make_world(SB_DURABLE_OFF);
    sb_txn *txn = begin_write(w, 0);
    sb_txn_meta_mut(txn)[0] = 1;
    assert_true(sb_txn_dirty(txn));
    look_up_all(txn, &w->tree);
    sb_txn_rollback(txn);
    txn = begin_write(w, 1);
    delete_range(txn, &w->tree, 1000, 9000);
    assert_ok(sb_txn_commit(txn, &err));
    txn = begin_read(w, 0);
    for (uint64_t id = 3000; id < 8000; id += 3)
        look_up(txn, &w->tree, id);
    look_up_all(txn, &w->tree);
    sb_txn_rollback(txn);
    free_world(w);
}

/* C1: an entry newer than the snapshot. While a commit waits for its sync, a write transaction of another session sees
 * it already, and a read that follows in the same session does not yet. The clock of the profile, which the pager
 * reads when the sync is done and before the commit counts as durable, is where this gets in between. */
typedef struct between {
    world *w;
    sb_tree newer, older;
    uint64_t syncs;
    unsigned calls;
} between;

SB_UNUSED static uint64_t clock_between(void *ctx) /* unused without the profile */
{
    between *at = (between *)ctx;
    if (at->calls > 0 || at->w->profile.counts[SB_COUNT_WAL_SYNCS] == at->syncs) return 0;
    at->calls++;
    sb_txn *txn = begin_write(at->w, 0);
    const uint64_t newer = sb_txn_seq(txn);
    look_up_all(txn, &at->newer);
    sb_txn_rollback(txn);
    txn = begin_read(at->w, 0);
    assert_int_equal(sb_txn_seq(txn), newer - 1);
    look_up_all(txn, &at->older);
    sb_txn_rollback(txn);
    return 0;
}

static void test_tree_cache__older_snapshot(void **state)
{
    (void)state;
#ifdef SOMBRA_NO_PROFILE
    skip();
#else
    world *w = make_world(SB_DURABLE_FULL);
    between at = {.w = w};
    /* One leaf is freed, which keeps its bytes; the next commit takes its page for the same ids. */
    sb_txn *txn = begin_write(w, 1);
    const uint64_t leaves = w->tree.leaf_count;
    uint64_t end = 2000;
    for (; w->tree.leaf_count == leaves; end++)
        delete_range(txn, &w->tree, end, end + 1);
    assert_ok(sb_txn_commit(txn, &err));
    at.older = w->tree;
    txn = begin_write(w, 1);
    for (uint64_t id = 2000; id < end; id += 2)
        put(txn, &w->tree, id);
    for (uint64_t id = 2001; w->tree.leaf_count < leaves; id += 2)
        put(txn, &w->tree, id);
    at.newer = w->tree;
    at.syncs = w->profile.counts[SB_COUNT_WAL_SYNCS];
    w->profile.clock_ctx = &at;
    w->profile.clock_ns = clock_between;
    w->profile.on = true;
    assert_ok(sb_txn_commit(txn, &err));
    w->profile.on = false;
    assert_int_equal(at.calls, 1);
    free_world(w);
#endif
}

/* C5: an entry of another tree under the same tag. */
static void test_tree_cache__another_tree(void **state)
{
    (void)state;
    world *w = make_world(SB_DURABLE_OFF);
    sb_tree other = {.id = 77, .kind = SB_TREE_SLOTTED};
    sb_txn *txn = begin_write(w, 0);
    for (uint64_t id = 0; id < IDS; id++)
        put(txn, &other, 2 * id);
    assert_ok(sb_txn_commit(txn, &err));
    txn = begin_read(w, 0);
    for (uint64_t id = 0; id < 2 * IDS; id += 50) {
        sb_path path;
        sb_page page;
        uint8_t key[8];
        sb_store_be64(key, id);
        assert_ok(sb_tree__descend_page(txn, &other, sb_bytes_of(key, 8), &path, &page, &err));
        sb_tree__leaf_remember(txn, &w->tree, id, path.leaf, &page);
        sb_page_release(txn, &page);
        look_up(txn, &w->tree, id);
    }
    sb_txn_rollback(txn);
    free_world(w);
}

/* Random histories of two sessions, with checkpoints, which move pages and start the WAL anew. */
static void test_tree_cache__random(void **state)
{
    (void)state;
    sb_random random = test_random(77);
    world *w = make_world(SB_DURABLE_OFF);
    addresses_used = 0;
    for (unsigned turn = 0; turn < 250; turn++) {
        if (sb_random_below(&random, 5) == 0) {
            sb_checkpoint_result result;
            assert_ok(sb_pager_checkpoint(w->pager, (sb_checkpoint_mode)sb_random_below(&random, 4),
                                          &result, &err));
        }
        const unsigned session = (unsigned)sb_random_below(&random, 2);
        const bool writes = sb_random_below(&random, 2) == 0;
        sb_txn *txn = writes ? begin_write(w, session) : begin_read(w, session);
        sb_tree tree = w->tree;
        uint32_t savepoint = 0;
        sb_tree kept = tree;
        for (unsigned step = 0; step < 12; step++) {
            for (unsigned i = 0; i < 60; i++)
                look_up(txn, &tree, sb_random_below(&random, 2 * IDS));
            if (!writes) continue;
            const uint64_t at = sb_random_below(&random, 2 * IDS),
                           dice = sb_random_below(&random, 8);
            if (dice < 3)
                delete_range(txn, &tree, at, at + sb_random_below(&random, 600));
            else if (dice < 6)
                for (uint64_t id = at; id < at + 300; id++)
                    put(txn, &tree, id);
            else if (dice == 6 && savepoint == 0) {
                assert_ok(sb_txn_savepoint(txn, &savepoint, &err));
                kept = tree;
            } else if (dice == 7 && savepoint != 0) {
                assert_ok(sb_txn_rollback_to(txn, savepoint, &err));
                tree = kept;
            }
        }
        if (writes && sb_random_below(&random, 3) != 0) {
            assert_ok(sb_txn_commit(txn, &err));
            w->tree = tree;
        } else {
            sb_txn_rollback(txn);
        }
    }
    print_message("%llu by address\n", (unsigned long long)addresses_used);
    assert_true(addresses_used > 10000);
    free_world(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_tree_cache__hits),
        TEST(test_tree_cache__two_trees),
        TEST(test_tree_cache__splits),
        TEST(test_tree_cache__freed_by_another_commit),
        TEST(test_tree_cache__freed_by_own_transaction),
        TEST(test_tree_cache__epochs_are_unique),
        TEST(test_tree_cache__rolled_back),
        TEST(test_tree_cache__rolled_back_without_change),
        TEST(test_tree_cache__older_snapshot),
        TEST(test_tree_cache__another_tree),
        TEST(test_tree_cache__random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
