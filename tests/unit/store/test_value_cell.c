/* test_value_cell.c — values in table cells: every value comes back as it was, what fits a word is one, and bytes that no
 * value encodes to are refused without harm. */
#include "support/unit.h"

#include "support/random_value.h"

typedef struct fixture {
    sb_random random;
    sb_arena *arena;
    sb_buffer scratch;
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);

    f->random = test_random(20261122);
    f->arena = sb_arena_create(&sb_allocator_libc, NULL);
    sb_buffer_init(&f->scratch, &sb_allocator_libc);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;

    sb_buffer_deinit(&f->scratch);
    sb_arena_destroy(f->arena);
    free(f);
    return 0;
}

static sb_cell to_cell(fixture *f, const sb_value *value)
{
    sb_cell cell;

    sb_buffer_reset(&f->scratch);
    assert_int_equal(sb_buffer_reserve(&f->scratch, sb_value_cell_bytes(value)), SB_OK);
    assert_int_equal(sb_value_to_cell(value, 7, &f->scratch, &cell, NULL), SB_OK);
    assert_int_equal(f->scratch.size, sb_value_cell_bytes(value));
    assert_int_equal(cell.type, sb_value_cell_type(value));
    assert_int_equal(cell.type & 0x3F, value->type);
    assert_int_equal(cell.key, 7);
    if ((cell.type & SB_CLASS_MASK) == SB_CLASS_BYTES) assert_int_equal(cell.word, cell.bytes.size);
    return cell;
}

/* Same in every bit that counts: −0.0 and NaN keep theirs in a cell. */
static bool same(const sb_value *a, const sb_value *b)
{
    if (a->type != b->type || sb_value_compare(a, b) != 0) return false;
    if (a->type == SB_TYPE_FLOAT) return memcmp(&a->as.real, &b->as.real, 8) == 0;
    if (a->type != SB_TYPE_LIST) return true;
    for (size_t i = 0; i < a->as.list.count; i++) {
        if (a->as.list.items[i].type != b->as.list.items[i].type) return false;
    }
    return true;
}

static void test_store_value_cell__round_trip(void **state)
{
    fixture *f = *state;

    for (int round = 0; round < 200000; round++) {
        const sb_value value = random_value(&f->random, f->arena);
        sb_value back;
        const sb_cell cell = to_cell(f, &value);
        assert_int_equal(sb_value_from_cell(NULL, &cell, f->arena, &back, NULL), SB_OK);
        if (!same(&value, &back)) fail_msg("round %d: %s", round, sb_type_name(value.type));
        sb_arena_reset(f->arena);
    }
}

/* Bytes that mean a value but are not the form it is written in. */
static void test_store_value_cell__one_form(void **state)
{
    static const struct {
        uint8_t type; /* of a BYTES cell */
        uint8_t bytes[8];
        size_t size;
        bool valid;
    } cases[] = {
        {SB_TYPE_LIST, {0, 2, 2, 0, 1, 1}, 6, true},  /* 0, true */
        {SB_TYPE_LIST, {0, 2, 2, 0, 2, 2}, 6, false}, /* 0, 1 as a mixed list */
        {SB_TYPE_LIST, {2, 2, 0, 2}, 4, true},        /* 0, 1 */
        {SB_TYPE_LIST, {2, 2, 0, 2, 0}, 5, false},    /* a byte too many */
        {SB_TYPE_LIST, {2, 2, 0, 0x82, 0}, 5, false}, /* a varint too long */
        {SB_TYPE_LIST, {0, 0}, 2, true},
        {SB_TYPE_LIST, {2, 0}, 2, false},           /* empty, yet of integers */
        {SB_TYPE_LIST, {0, 1, 13, 0, 0}, 5, false}, /* a list in a list */
        {SB_TYPE_LIST, {0, 1, 0}, 3, false},        /* a null */
        {SB_TYPE_LIST, {1, 1, 2}, 3, false},        /* a boolean 2 */
        {SB_TYPE_LIST, {4, 1, 1, 0xC3}, 4, false},  /* not UTF-8 */
        {SB_TYPE_LOCAL_DATETIME, {0, 0}, 2, false}, /* fits a word */
        {SB_TYPE_DATETIME, {0, 0, 0, 0}, 4, false}, /* fits a word */
        {SB_TYPE_DATETIME, {0, 1, 0, 0}, 4, true},  /* a nanosecond */
        {SB_TYPE_DATETIME, {0, 0, 0, 1, 'Z'}, 5, true},
        {SB_TYPE_DURATION, {0, 0, 0, 1}, 4, false}, /* -1 nanoseconds */
        {SB_TYPE_DURATION, {0, 0, 0, 2}, 4, true},
        {SB_TYPE_INT, {0}, 1, false}, /* never in bytes */
        {SB_TYPE_STRING, {0xFF}, 1, false},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const sb_cell cell = {.key = 1,
                              .type = (uint8_t)(SB_CLASS_BYTES | cases[i].type),
                              .word = cases[i].size,
                              .bytes = sb_bytes_of(cases[i].bytes, cases[i].size)};
        sb_value value;
        const sb_status st = sb_value_from_cell(NULL, &cell, f->arena, &value, NULL);
        if (st != (cases[i].valid ? SB_OK : SB_CORRUPT)) fail_msg("case %zu: %d", i, (int)st);
    }
}

/* What is read from random and from slightly wrong bytes is either refused or writes the same bytes again. */
static void read_hostile(fixture *f, const sb_cell *cell)
{
    sb_value value;
    sb_err err;

    sb_err_clear(&err);
    const sb_status st = sb_value_from_cell(NULL, cell, f->arena, &value, &err);
    if (st != SB_OK) {
        assert_int_equal(st, SB_CORRUPT);
        assert_non_null(strstr(err.text, "property key"));
        return;
    }
    sb_buffer scratch;
    sb_cell again;
    sb_buffer_init(&scratch, &sb_allocator_libc);
    /* Degrees past their ends are read, though nobody can write them. */
    if (sb_value_check(&value, &err) != SB_OK)
        assert_non_null(strstr(err.text, "is not on the Earth"));
    assert_int_equal(sb_buffer_reserve(&scratch, sb_value_cell_bytes(&value)), SB_OK);
    assert_int_equal(sb_value_to_cell(&value, 7, &scratch, &again, NULL), SB_OK);
    assert_int_equal(again.type, cell->type);
    if ((cell->type & SB_CLASS_MASK) == SB_CLASS_BYTES) {
        assert_true(sb_bytes_equal(again.bytes, cell->bytes));
    } else {
        assert_int_equal(again.word, cell->word);
    }
    sb_buffer_deinit(&scratch);
}

static void test_store_value_cell__hostile(void **state)
{
    fixture *f = *state;

    for (int round = 0; round < 200000; round++) {
        const sb_value value = random_value(&f->random, f->arena);
        sb_cell cell = to_cell(f, &value);
        const size_t size = cell.bytes.size;
        /* An exact copy on the heap: a read past its end is seen by the address sanitizer. */
        size_t new_size = size;
        if (sb_random_below(&f->random, 4) == 0) new_size = sb_random_below(&f->random, size + 3);
        uint8_t *bytes = malloc(new_size + (new_size == 0));
        for (size_t i = 0; i < new_size; i++)
            bytes[i] = i < size ? cell.bytes.data[i] : (uint8_t)sb_random_next(&f->random);
        for (uint64_t i = sb_random_below(&f->random, 4); i > 0 && new_size > 0; i--)
            bytes[sb_random_below(&f->random, new_size)] = (uint8_t)sb_random_next(&f->random);
        if (sb_random_below(&f->random, 4) == 0) cell.type = (uint8_t)sb_random_next(&f->random);
        if (sb_random_below(&f->random, 2) == 0) cell.word = sb_random_next(&f->random);
        if ((cell.type & SB_CLASS_MASK) == SB_CLASS_BYTES) cell.word = new_size;
        cell.bytes = sb_bytes_of(bytes, new_size);
        read_hostile(f, &cell);
        free(bytes);
        sb_arena_reset(f->arena);
    }
}

static void test_store_value_cell__in_a_word(void **state)
{
    fixture *f = *state;
    sb_value v = {.type = SB_TYPE_DATETIME, .extra = 123456000};

    v.as.datetime.seconds = -1;
    v.as.datetime.offset = -3600;
    assert_int_equal(to_cell(f, &v).type, SB_CELL_DATETIME);
    assert_int_equal(sb_value_cell_bytes(&v), 0);
    v.extra = 123456789; /* nanoseconds */
    assert_int_equal(to_cell(f, &v).type, SB_CLASS_BYTES | SB_TYPE_DATETIME);
    v.extra = 0;
    v.as.datetime.zone = "Europe/Berlin";
    v.as.datetime.zone_size = 13;
    assert_int_equal(to_cell(f, &v).type, SB_CLASS_BYTES | SB_TYPE_DATETIME);
    v = (sb_value){.type = SB_TYPE_LOCAL_DATETIME, .extra = 1};
    v.as.datetime.seconds = 1800000000;
    assert_int_equal(to_cell(f, &v).type, SB_CELL_LOCAL_DATETIME);
    assert_int_equal(to_cell(f, &v).word, 1800000000000000001ull);
    v.as.datetime.seconds = 9223372036;
    assert_int_equal(to_cell(f, &v).type, SB_CLASS_BYTES | SB_TYPE_LOCAL_DATETIME);
    v = (sb_value){.type = SB_TYPE_STRING};
    v.as.bytes.data = "text";
    v.as.bytes.size = 4;
    const sb_cell cell = to_cell(f, &v);
    assert_ptr_equal(cell.bytes.data, v.as.bytes.data); /* not copied */
}

/* Words keep the order of instants, so that a column can be filtered in coded form. */
static void test_store_value_cell__words_in_order(void **state)
{
    fixture *f = *state;
    int compared = 0;

    while (compared < 20000) {
        sb_value a = random_scalar(&f->random, f->arena), b = random_scalar(&f->random, f->arena);
        const uint8_t type = sb_value_cell_type(&a);
        const bool ordered = type == SB_CELL_DATE || type == SB_CELL_DATETIME ||
                             type == SB_CELL_LOCAL_DATETIME || type == SB_CELL_LOCAL_TIME;
        if (ordered && type == sb_value_cell_type(&b)) {
            const int64_t word_a = (int64_t)to_cell(f, &a).word;
            const int64_t word_b = (int64_t)to_cell(f, &b).word;
            assert_int_equal(sb_value_compare(&a, &b), (word_a > word_b) - (word_a < word_b));
            compared++;
        }
        sb_arena_reset(f->arena);
    }
}

static void test_store_value_cell__misuse(void **state)
{
    fixture *f = *state;
    sb_value v = SB_VALUE_NULL;
    sb_cell cell;

    assert_int_equal(sb_value_to_cell(&v, 1, &f->scratch, &cell, NULL), SB_TYPE_MISMATCH);
    v = (sb_value){.type = 14};
    assert_int_equal(sb_value_to_cell(&v, 1, &f->scratch, &cell, NULL), SB_TYPE_MISMATCH);
    v = (sb_value){.type = SB_TYPE_DURATION};
    assert_int_equal(sb_value_to_cell(&v, 1, &f->scratch, &cell, NULL), SB_MISUSE);
}

/* Lists and overflow values need memory: none is SB_NOMEM. */
static void test_store_value_cell__no_memory(void **state)
{
    fixture *f = *state;
    sb_counting_allocator counting;
    sb_value items[300], list = {.type = SB_TYPE_LIST}, back;

    for (size_t i = 0; i < 300; i++)
        items[i] = (sb_value){.type = SB_TYPE_INT, .as.integer = (int64_t)i};
    list.as.list.items = items;
    list.as.list.count = 300;
    const sb_cell cell = to_cell(f, &list);
    sb_counting_allocator_init(&counting, &sb_allocator_libc);
    sb_arena *arena = sb_arena_create(&counting.base, NULL);
    counting.fail_at = counting.alloc_count + 1;
    assert_int_equal(sb_value_from_cell(NULL, &cell, arena, &back, NULL), SB_NOMEM);
    assert_int_equal(sb_value_from_cell(NULL, &cell, arena, &back, NULL), SB_OK);
    assert_true(same(&list, &back));
    sb_arena_destroy(arena);
    assert_int_equal(counting.live_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_store_value_cell__round_trip, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_store_value_cell__one_form, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_store_value_cell__hostile, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_store_value_cell__in_a_word, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_store_value_cell__words_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_store_value_cell__misuse, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_store_value_cell__no_memory, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
