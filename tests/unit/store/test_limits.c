/* test_limits.c — limits of docs/LIMITS.md that are too far away to be reached by use: counters are set just below them,
 * and what comes next must be SB_LIMIT with the transaction still usable. The limits stand here as the page has them, and not by
 * their names in the code. */
#include "store_fixture.h"

#include "store/store_priv.h"

static void test_store_limits__ids(void **state)
{
    const uint64_t last = 1099511627775; /* 2^40 - 1 */
    store_fixture f;
    uint64_t ids[4];
    (void)state;

    fixture_open(&f, 8192);
    begin_write(&f);
    OK(&f, sb_view_found(f.view, &f.err));
    f.view->meta.node_end = last - 1; /* a new label set takes a block of its own: two are left */
    OK(&f, sb_ids_take_nodes(f.view, 0, 1, ids, &f.err));
    assert_int_equal(ids[0], last - 1);
    FAILS(&f, sb_ids_take_nodes(f.view, 0, 2, ids, &f.err), SB_LIMIT);
    assert_int_equal(intern(&f, SB_NAME_TYPE, "first"), 1);
    assert_int_equal(intern(&f, SB_NAME_TYPE, "second"), 2);
    f.view->meta.rel_end = last;
    OK(&f, sb_ids_take_rels(f.view, 1, 1, ids, &f.err));
    assert_int_equal(ids[0], last);
    FAILS(&f, sb_ids_take_rels(f.view, 1, 1, ids, &f.err), SB_LIMIT);
    FAILS(&f, sb_ids_take_rels(f.view, 2, 1, ids, &f.err), SB_LIMIT);
    sb_txn_rollback(f.txn);
    fixture_close(&f);
}

/* Below the limit a name is refused for want of memory, which the test sees to, and at the limit because of it. */
static void test_store_limits__names(void **state)
{
    static const struct {
        uint32_t most;
        const char *text;
    } limits[SB_NAME_KINDS] = {{4294967293, "4294967293 labels"},
                               {16777215, "16777215 relationship types"},
                               {4294967039, "4294967039 property keys"}};
    store_fixture f;
    (void)state;

    fixture_open(&f, 8192);
    begin_write(&f);
    OK(&f, sb_view_found(f.view, &f.err));
    for (unsigned kind = 0; kind < SB_NAME_KINDS; kind++) {
        const sb_bytes name = sb_bytes_of("one more", 8);
        const uint32_t real = f.view->names[kind].count;
        uint32_t id = 0;
        f.view->names[kind].count = limits[kind].most - 1;
        f.alloc.fail_at = f.alloc.alloc_count + 1;
        FAILS(&f, sb_name_intern(f.view, (sb_name_kind)kind, name, &id, &f.err), SB_NOMEM);
        f.alloc.fail_at = 0;
        f.view->names[kind].count = limits[kind].most;
        assert_int_equal(sb_name_intern(f.view, (sb_name_kind)kind, name, &id, &f.err), SB_LIMIT);
        assert_non_null(strstr(f.err.text, limits[kind].text));
        sb_err_clear(&f.err);
        f.view->names[kind].count = real;
        OK(&f, sb_name_intern(f.view, (sb_name_kind)kind, name, &id, &f.err));
    }
    OK(&f, sb_txn_commit(f.txn, &f.err));
    fixture_close(&f);
}

/* Numbers that the file hands out to itself: label sets, definitions, trees. */
static void test_store_limits__numbers(void **state)
{
    store_fixture f;
    sb_schema definition = {.kind = SB_SCHEMA_INDEX, .entity = 1, .key_count = 1, .keys = {1}};
    uint32_t id;
    sb_set_id set;
    sb_tree tree;
    (void)state;

    fixture_open(&f, 8192);
    begin_write(&f);
    OK(&f, sb_view_found(f.view, &f.err));
    const sb_label_id label = intern(&f, SB_NAME_LABEL, "L");
    assert_int_equal(intern(&f, SB_NAME_KEY, "k"), 1);
    const uint32_t real = f.view->sets.count;
    f.view->sets.count = 4294967292;
    f.alloc.fail_at = f.alloc.alloc_count + 1;
    FAILS(&f, sb_set_intern(f.view, &label, 1, &set, &f.err), SB_NOMEM);
    f.alloc.fail_at = 0;
    f.view->sets.count = 4294967293;
    FAILS(&f, sb_set_intern(f.view, &label, 1, &set, &f.err), SB_LIMIT);
    f.view->sets.count = real;
    f.view->meta.next_schema = 2147483647;
    definition.name = sb_bytes_of("a", 1);
    OK(&f, sb_schema_add(f.view, &definition, &id, &f.err));
    assert_int_equal(id, 2147483647);
    definition.name = sb_bytes_of("b", 1);
    definition.kind = SB_SCHEMA_UNIQUE;
    FAILS(&f, sb_schema_add(f.view, &definition, &id, &f.err), SB_LIMIT);
    f.view->meta.next_tree = 4294967294;
    OK(&f, sb_store__new_tree(f.view, SB_TREE_SLOTTED, &tree, &f.err));
    FAILS(&f, sb_store__new_tree(f.view, SB_TREE_SLOTTED, &tree, &f.err), SB_LIMIT);
    sb_txn_rollback(f.txn);
    fixture_close(&f);
}

/* Of a value's length no more is believed than the file can hold, before its pages have been seen. */
static void test_store_limits__damaged_length(void **state)
{
    const uint64_t length = 1u << 30;
    static uint8_t bytes[100000];
    uint8_t ref[SB_OVERFLOW_REF_BYTES];
    sb_counting_allocator counting;
    store_fixture f;
    sb_value value;
    (void)state;

    fixture_open(&f, 8192);
    begin_write(&f);
    OK(&f, sb_overflow_write(f.txn, 5, 1, sb_bytes_of(bytes, sizeof bytes), ref, &f.err));
    sb_cell cell = {.type = SB_CELL_BYTES,
                    .overflow = true,
                    .word = sizeof bytes,
                    .bytes = sb_bytes_of(ref, sizeof ref)};
    sb_counting_allocator_init(&counting, &sb_allocator_libc);
    sb_arena *arena = sb_arena_create(&counting.base, NULL);
    OK(&f, sb_value_from_cell(f.txn, &cell, arena, &value, &f.err));
    assert_int_equal(value.as.bytes.size, sizeof bytes);
    cell.word = length;
    sb_store_le64(ref + 8, length);
    FAILS(&f, sb_value_from_cell(f.txn, &cell, arena, &value, &f.err), SB_CORRUPT);
    assert_true(counting.peak_bytes < 1u << 20);
    sb_arena_destroy(arena);
    sb_txn_rollback(f.txn);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_store_limits__ids),
        cmocka_unit_test(test_store_limits__names),
        cmocka_unit_test(test_store_limits__numbers),
        cmocka_unit_test(test_store_limits__damaged_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
