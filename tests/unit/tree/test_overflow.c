/* Goal: long values come back as they went in, give their pages back, and damage to reference or chain is noticed.
 * Method: values around the borders of a page and of many; each field of reference and page damaged; allocations fail. */
#include "support/unit.h"

#include <stdlib.h>

#include "tree/core_priv.h"

typedef struct world {
    sb_counting_allocator alloc;
    sb_profile profile;
    sb_vfs *vfs;
    sb_pager *pager;
    sb_session *session;
    sb_txn *txn;
} world;

static sb_err err;

static void assert_ok(sb_status status)
{
    if (status != SB_OK) fail_msg("%s: %s", sb_status_name(status), err.text);
}

static world *make_world(uint32_t page_bytes)
{
    world *w = (world *)calloc(1, sizeof *w);
    sb_pager_options options;
    assert_non_null(w);
    sb_err_clear(&err);
    sb_counting_allocator_init(&w->alloc, &sb_allocator_libc);
    assert_ok(sb_vfs_mem_create(&sb_allocator_libc, &w->vfs, &err));
    sb_pager_options_init(&options);
    options.alloc = &w->alloc.base;
    options.vfs = w->vfs;
    options.profile = &w->profile;
    options.page_bytes = page_bytes;
    options.create = true;
    options.durability = SB_DURABLE_OFF;
    options.check = sb_tree_check_page;
    assert_ok(sb_pager_open("overflow", &options, &w->pager, &err));
    assert_ok(sb_session_open(w->pager, &w->session, &err));
    assert_ok(sb_txn_begin_write(w->session, &w->txn, &err));
    return w;
}

static void free_world(world *w)
{
    sb_txn_rollback(w->txn);
    sb_session_close(w->session);
    assert_ok(sb_pager_close(w->pager, &err));
    sb_vfs_destroy(w->vfs);
    assert_int_equal(w->alloc.live_blocks, 0);
    free(w);
}

static uint8_t *make_value(size_t bytes, uint64_t seed)
{
    sb_random random = {seed};
    uint8_t *value = (uint8_t *)malloc(bytes + 1);
    assert_non_null(value);
    for (size_t i = 0; i < bytes; i++)
        value[i] = (uint8_t)sb_random_next(&random);
    return value;
}

static void assert_reads(world *w, const uint8_t *ref, const uint8_t *value, size_t bytes)
{
    sb_buffer out;
    sb_buffer_init(&out, &sb_allocator_libc);
    assert_ok(sb_buffer_append(&out, "before", 6));
    assert_ok(sb_overflow_read(w->txn, ref, &out, &err));
    assert_int_equal(out.size, 6 + bytes);
    assert_memory_equal(out.data, "before", 6);
    assert_memory_equal(out.data + 6, value, bytes);
    sb_buffer_deinit(&out);
}

static sb_status read_status(world *w, const uint8_t *ref)
{
    sb_buffer out;
    sb_buffer_init(&out, &sb_allocator_libc);
    const sb_status st = sb_overflow_read(w->txn, ref, &out, &err);
    sb_buffer_deinit(&out);
    sb_err_clear(&err);
    return st;
}

static void test_tree_overflow__sizes(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {4096, 8192, 65536};
    for (unsigned k = 0; k < 3; k++) {
        world *w = make_world(sizes[k]);
        const size_t room = sizes[k] - 40;
        const size_t bytes[] = {1,        2,        room - 1,     room,
                                room + 1, 2 * room, 2 * room + 1, 50 * room + 7};
        uint8_t refs[8][SB_OVERFLOW_REF_BYTES];
        uint8_t *values[8];
        for (unsigned i = 0; i < 8; i++) {
            values[i] = make_value(bytes[i], i);
            assert_ok(
                sb_overflow_write(w->txn, 5, i, sb_bytes_of(values[i], bytes[i]), refs[i], &err));
        }
        for (unsigned i = 0; i < 8; i++)
            assert_reads(w, refs[i], values[i], bytes[i]);
        assert_ok(sb_txn_commit(w->txn, &err));
        assert_ok(sb_txn_begin_write(w->session, &w->txn, &err));
        for (unsigned i = 0; i < 8; i++)
            assert_reads(w, refs[i], values[i], bytes[i]);
        for (unsigned i = 0; i < 8; i++)
            assert_ok(sb_overflow_free(w->txn, refs[i], &err));
        /* All pages are free again. */
        uint64_t findings = 0;
        uint8_t *used = (uint8_t *)calloc(1, sb_txn_page_count(w->txn) / 8 + 1);
        assert_ok(sb_pager_verify(w->txn, used, NULL, NULL, NULL, NULL, &findings, &err));
        assert_int_equal(findings, 0);
        free(used);
        for (unsigned i = 0; i < 8; i++)
            free(values[i]);
        free_world(w);
    }
}

static void test_tree_overflow__limits(void **state)
{
    (void)state;
    world *w = make_world(8192);
    uint8_t ref[SB_OVERFLOW_REF_BYTES];
    assert_int_equal(sb_overflow_write(w->txn, 5, 1, sb_bytes_of("", 0), ref, &err), SB_LIMIT);
    sb_err_clear(&err);
    assert_int_equal(sb_overflow_write(w->txn, 5, 1, sb_bytes_of("", (2ull << 30) + 1), ref, &err),
                     SB_LIMIT);
    sb_err_clear(&err);
    free_world(w);
}

/* Rule 13: owner, sequence, length, checksum; no damage reads past the chain or asks for memory that it names. */
static void test_tree_overflow__damage(void **state)
{
    (void)state;
    world *w = make_world(4096);
    const size_t bytes = 5 * 4056 + 100;
    uint8_t *value = make_value(bytes, 9);
    uint8_t ref[SB_OVERFLOW_REF_BYTES], other[SB_OVERFLOW_REF_BYTES], wrong[SB_OVERFLOW_REF_BYTES];
    assert_ok(sb_overflow_write(w->txn, 5, 1, sb_bytes_of(value, bytes), ref, &err));
    assert_ok(sb_overflow_write(w->txn, 5, 2, sb_bytes_of(value, bytes), other, &err));
    for (unsigned at = 0; at < SB_OVERFLOW_REF_BYTES; at++) {
        memcpy(wrong, ref, sizeof wrong);
        wrong[at] ^= 0x80;
        assert_int_equal(read_status(w, wrong), SB_CORRUPT);
        memcpy(wrong, ref, sizeof wrong);
        wrong[at] ^= 0x01;
        assert_int_equal(read_status(w, wrong), SB_CORRUPT);
    }
    /* Pages: next (16), bytes (20), owner (24), sequence (32), kind, tree; of the second page. */
    sb_page first;
    uint8_t *page;
    assert_ok(sb_page_acquire(w->txn, sb_load_le32(ref), &first, &err));
    const sb_pgno second = sb_load_le32(first.bytes + 16);
    sb_page_release(w->txn, &first);
    assert_ok(sb_page_mut(w->txn, second, &page, &err));
    static const uint32_t fields[] = {SB_PAGE_KIND, SB_PAGE_TREE, 16, 20, 24, 32, 40, 4095};
    for (unsigned i = 0; i < sizeof fields / sizeof *fields; i++) {
        page[fields[i]] ^= 1;
        assert_int_equal(read_status(w, ref), SB_CORRUPT);
        if (fields[i] < 40) {
            uint32_t savepoint;
            assert_ok(sb_txn_savepoint(w->txn, &savepoint, &err));
            assert_int_equal(sb_overflow_free(w->txn, ref, &err), SB_CORRUPT);
            sb_err_clear(&err);
            assert_ok(sb_txn_rollback_to(w->txn, savepoint, &err));
            assert_ok(sb_page_mut(w->txn, second, &page, &err));
        }
        page[fields[i]] ^= 1;
    }
    /* A chain that leads into another value's, or in a circle. */
    const sb_pgno next = sb_load_le32(page + 16);
    sb_store_le32(page + 16, sb_load_le32(other));
    assert_int_equal(read_status(w, ref), SB_CORRUPT);
    sb_store_le32(page + 16, sb_load_le32(ref));
    assert_int_equal(read_status(w, ref), SB_CORRUPT);
    sb_store_le32(page + 16, next);
    assert_reads(w, ref, value, bytes);
    free(value);
    free_world(w);
}

static void test_tree_overflow__check(void **state)
{
    (void)state;
    sb_random random = test_random(6);
    uint8_t page[4096];
    for (unsigned turn = 0; turn < 20000; turn++) {
        for (size_t i = 0; i < 64; i++)
            page[i] = (uint8_t)sb_random_next(&random);
        page[SB_PAGE_KIND] = SB_PAGE_OVERFLOW;
        page[SB_PAGE_LEVEL] = 0;
        sb_store_le16(page + SB_PAGE_FLAGS, 0);
        sb_store_le32(page + 36, 0);
        const sb_status st = sb_tree_check_page(NULL, page, sizeof page, 9, &err);
        const uint32_t bytes = sb_load_le32(page + 20);
        assert_int_equal(st == SB_OK, bytes > 0 && bytes <= 4056 &&
                                          (sb_load_le32(page + 16) == 0 || bytes == 4056));
        sb_err_clear(&err);
        sb_store_le32(page + 20, 4056);
        assert_int_equal(sb_tree_check_page(NULL, page, sizeof page, 9, &err), SB_OK);
    }
}

static void test_tree_overflow__allocation_failures(void **state)
{
    (void)state;
    uint8_t *value = make_value(100000, 1);
    for (size_t n = 1;; n++) {
        world *w = make_world(4096);
        uint8_t ref[SB_OVERFLOW_REF_BYTES];
        sb_buffer out;
        sb_buffer_init(&out, &w->alloc.base);
        w->alloc.fail_at = w->alloc.alloc_count + n;
        sb_status st = sb_overflow_write(w->txn, 5, 1, sb_bytes_of(value, 100000), ref, &err);
        if (st == SB_OK) st = sb_overflow_read(w->txn, ref, &out, &err);
        if (st == SB_OK) st = sb_overflow_free(w->txn, ref, &err);
        w->alloc.fail_at = 0;
        sb_buffer_deinit(&out);
        sb_err_clear(&err);
        free_world(w);
        if (st == SB_OK) {
            assert_true(n > 5);
            break;
        }
        assert_int_equal(st, SB_NOMEM);
    }
    free(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_tree_overflow__sizes),
        TEST(test_tree_overflow__limits),
        TEST(test_tree_overflow__damage),
        TEST(test_tree_overflow__check),
        TEST(test_tree_overflow__allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
