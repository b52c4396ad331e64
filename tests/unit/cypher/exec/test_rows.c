/* Goal: operators that look at one batch at a time, and the life of a run.
 * Method: plans made by hand; sizes around a batch; each run twice, the second time after a reset. */
#include "exec_fixture.h"

static void test_exec_rows__unwind(void **state)
{
    exec_fixture f;
    (void)state;
    exec_open(&f);
    begin_write(&f.g);
    sb_var *x = var(&f, SB_KIND_INT), *y = var(&f, SB_KIND_INT);
    statement(&f,
              unwind(&f, unwind(&f, argument(&f, NULL), range(&f, 1, 2), x), range(&f, 7, 8), y), x,
              y, NULL);
    gives(&f, "1|7\n1|8\n2|7\n2|8\n");
    exec_clear(&f);
    x = var(&f, SB_KIND_ANY);
    statement(&f, unwind(&f, argument(&f, NULL), null_(&f), x), x, NULL);
    gives(&f, "");
    exec_clear(&f);
    x = var(&f, SB_KIND_ANY);
    statement(&f, unwind(&f, argument(&f, NULL), num(&f, 5), x), x, NULL);
    gives(&f, "5\n");
    exec_clear(&f);
    x = var(&f, SB_KIND_ANY);
    statement(&f,
              unwind(&f, argument(&f, NULL),
                     expr(&f, SB_EXPR_LIST, 3, num(&f, 5), null_(&f), str(&f, "a")), x),
              x, NULL);
    gives(&f, "5\nnull\n'a'\n");
    exec_close(&f);
}

/* Rows numbered from 1: how many there are, and the last. */
static void count_rows(exec_fixture *f, uint64_t expected)
{
    uint32_t count;
    uint64_t total = 0;

    OK(&f->g, sb_exec_open(&f->compiled, &f->options, &f->exec, &f->g.err));
    do {
        OK(&f->g, sb_exec_next(f->exec, &count, &f->g.err));
        total += count;
    } while (count != 0);
    assert_int_equal(total, expected);
    sb_exec_close(f->exec);
    f->exec = NULL;
}

static void test_exec_rows__many_batches(void **state)
{
    exec_fixture f;
    (void)state;
    exec_open(&f);
    begin_write(&f.g);
    for (int64_t n = 1023; n <= 1025; n++) {
        exec_clear(&f);
        sb_var *x = var(&f, SB_KIND_INT), *y = var(&f, SB_KIND_INT), *z = var(&f, SB_KIND_ANY);
        sb_plan *p = unwind(&f, argument(&f, NULL), range(&f, 1, n), x);
        p = unwind(&f, p, range(&f, 1, 3), y);
        p = project(&f, p, z, op2(&f, SB_OP2_ADD, ref(&f, x), ref(&f, y)));
        p = filter(&f, p, op2(&f, SB_OP2_EQ, ref(&f, z), num(&f, n + 1)));
        statement(&f, p, x, y, z, NULL);
        count_rows(&f, 3);
    }
    exec_close(&f);
}

static void test_exec_rows__filter(void **state)
{
    exec_fixture f;
    (void)state;
    exec_open(&f);
    begin_write(&f.g);
    sb_var *x = var(&f, SB_KIND_ANY);
    sb_expr *list = expr(&f, SB_EXPR_LIST, 4, num(&f, 1), null_(&f), num(&f, 3), num(&f, 4));
    sb_plan *p = unwind(&f, argument(&f, NULL), list, x);
    statement(&f, filter(&f, p, op2(&f, SB_OP2_GT, ref(&f, x), num(&f, 2))), x, NULL);
    gives(&f, "3\n4\n");
    exec_clear(&f);
    x = var(&f, SB_KIND_ANY);
    p = unwind(&f, argument(&f, NULL), range(&f, 1, 3), x);
    statement(&f, filter(&f, p, null_(&f)), x, NULL);
    gives(&f, "");
    exec_clear(&f);
    x = var(&f, SB_KIND_ANY);
    p = unwind(&f, argument(&f, NULL), range(&f, 1, 3), x);
    statement(&f, filter(&f, p, ref(&f, x)), x, NULL);
    fails(&f, SB_TYPE_MISMATCH, SB_CYPHER_ARGUMENT_TYPE, "expected a boolean");
    exec_close(&f);
}

static void test_exec_rows__skip_and_limit(void **state)
{
    static const struct {
        int64_t skip, limit;
        uint64_t rows;
    } cases[] = {{0, 0, 0},          {0, 1, 1},       {1, 1, 1},        {1023, 5, 5},
                 {1024, 5000, 1976}, {2999, 10, 1},   {3000, 10, 0},    {4000, 1, 0},
                 {0, 1024, 1024},    {0, 2048, 2048}, {100, 2048, 2048}};
    exec_fixture f;
    (void)state;
    exec_open(&f);
    begin_write(&f.g);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        exec_clear(&f);
        sb_var *x = var(&f, SB_KIND_INT);
        sb_plan *p = unwind(&f, argument(&f, NULL), range(&f, 1, 3000), x);
        p = limit(&f, SB_PLAN_SKIP, p, num(&f, cases[i].skip));
        p = limit(&f, SB_PLAN_LIMIT, p, param(&f, "n", sb_val_int(cases[i].limit)));
        statement(&f, p, x, NULL);
        count_rows(&f, cases[i].rows);
    }
    exec_close(&f);
}

static void test_exec_rows__skip_and_limit_refuse(void **state)
{
    exec_fixture f;
    (void)state;
    exec_open(&f);
    begin_write(&f.g);
    for (int kind = SB_PLAN_SKIP; kind <= SB_PLAN_LIMIT; kind++)
        for (int which = 0; which < 3; which++) {
            exec_clear(&f);
            sb_var *x = var(&f, SB_KIND_INT);
            const sb_val v = which == 0   ? sb_val_int(-1)
                             : which == 1 ? sb_val_float(1.5)
                                          : SB_VAL_NULL_VALUE;
            sb_plan *p = unwind(&f, argument(&f, NULL), range(&f, 1, 3), x);
            statement(&f, limit(&f, (sb_plan_kind)kind, p, param(&f, "n", v)), x, NULL);
            assert_int_equal(run(&f), which == 0 ? SB_INVALID : SB_TYPE_MISMATCH);
            assert_int_equal(f.g.err.detail, which == 0 ? SB_CYPHER_NEGATIVE_INTEGER_ARGUMENT
                                                        : SB_CYPHER_INVALID_ARGUMENT_TYPE);
            assert_true(f.g.err.runtime);
            sb_err_clear(&f.g.err);
        }
    exec_close(&f);
}

/* What no row reaches does not fail. */
static void test_exec_rows__constants_are_lazy(void **state)
{
    exec_fixture f;
    (void)state;
    exec_open(&f);
    begin_write(&f.g);
    sb_var *x = var(&f, SB_KIND_INT), *y = var(&f, SB_KIND_ANY);
    sb_plan *p = unwind(&f, argument(&f, NULL), range(&f, 1, 0), x);
    statement(&f, project(&f, p, y, op2(&f, SB_OP2_DIV, num(&f, 1), num(&f, 0))), y, NULL);
    gives(&f, "");
    exec_clear(&f);
    x = var(&f, SB_KIND_INT);
    y = var(&f, SB_KIND_ANY);
    p = unwind(&f, argument(&f, NULL), range(&f, 1, 2), x);
    statement(&f, project(&f, p, y, op2(&f, SB_OP2_DIV, num(&f, 1), num(&f, 0))), y, NULL);
    fails(&f, SB_INVALID, SB_CYPHER_DIVISION_BY_ZERO, "/ 0");
    exec_close(&f);
}

/* Parameters are those of the reset; a failed run says so until then. */
static void test_exec_rows__reset(void **state)
{
    exec_fixture f;
    uint32_t count;
    (void)state;
    exec_open(&f);
    begin_write(&f.g);
    sb_var *x = var(&f, SB_KIND_ANY);
    statement(&f,
              project(&f, argument(&f, NULL), x,
                      op2(&f, SB_OP2_DIV, num(&f, 10), param(&f, "p", sb_val_int(5)))),
              x, NULL);
    gives(&f, "2\n");
    f.values[0] = sb_val_int(0);
    OK(&f.g, sb_exec_reset(f.exec, &f.options, &f.g.err));
    FAILS(&f.g, fetch_rows(&f), SB_INVALID, "/ 0");
    FAILS(&f.g, sb_exec_next(f.exec, &count, &f.g.err), SB_MISUSE, "reset it");
    f.values[0] = sb_val_int(2);
    OK(&f.g, sb_exec_reset(f.exec, &f.options, &f.g.err));
    OK(&f.g, fetch_rows(&f));
    assert_string_equal(rows_text(&f), "5\n");
    OK(&f.g, sb_exec_next(f.exec, &count, &f.g.err));
    assert_int_equal(count, 0);
    exec_close(&f);
}

static void test_exec_rows__cancel_and_deadline(void **state)
{
    exec_fixture f;
    _Atomic bool cancel = true;
    (void)state;
    exec_open(&f);
    begin_write(&f.g);
    sb_var *x = var(&f, SB_KIND_ANY);
    statement(&f, unwind(&f, argument(&f, NULL), range(&f, 1, 3), x), x, NULL);
    f.options.cancel = &cancel;
    FAILS(&f.g, run(&f), SB_INTERRUPT, "cancelled");
    f.options.cancel = NULL;
    f.options.deadline_ns = 1;
    FAILS(&f.g, run(&f), SB_TIMEOUT, "time limit");
    f.options.deadline_ns = UINT64_MAX;
    OK(&f.g, run(&f));
    exec_close(&f);
}

static uint64_t clock_reads; /* what the clock below says is how often it was read */

static uint64_t count_clock_reads(sb_vfs *vfs)
{
    (void)vfs;
    return ++clock_reads;
}

enum { NEST_ITEMS = 60, NEST_DEPTH = 3 };

/* An expression that goes through NEST_ITEMS items, for each of them through as many again, … */
static sb_expr *nested(exec_fixture *f, sb_expr_kind kind, sb_var *list, int depth)
{
    sb_expr *inner = depth == 1 ? num(f, 1) : nested(f, kind, list, depth - 1), *e;
    sb_var *item = var(f, SB_KIND_INT);

    if (kind == SB_EXPR_QUANTIFIER) {
        e = expr(f, kind, 2, ref(f, list), depth == 1 ? boolean(f, true) : inner);
        e->op = SB_ALL;
    } else if (kind == SB_EXPR_REDUCE) {
        e = expr(f, kind, 3, num(f, 0), ref(f, list), inner);
        e->bound2 = var(f, SB_KIND_ANY);
    } else {
        e = expr(f, kind, 3, ref(f, list), NULL, inner);
    }
    e->bound = item;
    return e;
}

/* Lists that are short, in one another: the looks at interrupt and time limit are counted by all items, not by those of a list. */
static void test_exec_rows__nested_lists_look(void **state)
{
    static const sb_expr_kind kinds[] = {SB_EXPR_LIST_COMPREHENSION, SB_EXPR_QUANTIFIER,
                                         SB_EXPR_REDUCE};
    const uint64_t looks = NEST_ITEMS * NEST_ITEMS * NEST_ITEMS / 1024;
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        exec_fixture f;
        exec_open(&f);
        begin_write(&f.g);
        sb_vfs_ops ops = *f.g.vfs->ops;
        sb_vfs vfs = {.ops = &ops};
        ops.monotonic_ns = count_clock_reads;
        sb_var *list = var(&f, SB_KIND_LIST), *y = var(&f, SB_KIND_ANY);
        sb_plan *p = project(&f, argument(&f, NULL), list, range(&f, 1, NEST_ITEMS));
        p = project(&f, p, y, nested(&f, kinds[i], list, NEST_DEPTH));
        statement(&f, p, y, NULL);
        f.options.vfs = &vfs;
        f.options.deadline_ns = UINT64_MAX;
        clock_reads = 0;
        OK(&f.g, run(&f));
        assert_true(clock_reads >= looks);
        f.options.deadline_ns = looks / 2;
        clock_reads = 0;
        FAILS(&f.g, run(&f), SB_TIMEOUT, "time limit");
        assert_int_equal(clock_reads, looks / 2);
        f.options.vfs = f.g.vfs;
        exec_close(&f);
    }
}

/* Of what reduce() makes only the last value is kept: all together are 400 MB. */
static void test_exec_rows__reduce_lets_go(void **state)
{
    enum { ITEMS = 10000 };
    exec_fixture f;
    (void)state;
    exec_open(&f);
    begin_write(&f.g);
    sb_var *sum = var(&f, SB_KIND_ANY), *item = var(&f, SB_KIND_INT), *x = var(&f, SB_KIND_ANY);
    sb_expr *e = expr(&f, SB_EXPR_REDUCE, 3, str(&f, ""), range(&f, 1, ITEMS),
                      op2(&f, SB_OP2_ADD, ref(&f, sum), str(&f, "abcdefgh")));
    e->bound = item;
    e->bound2 = sum;
    statement(&f, project(&f, argument(&f, NULL), x, e), x, NULL);
    f.options.memory_bytes = 16u << 20;
    OK(&f.g, run(&f));
    const char *text = rows_text(&f);
    assert_int_equal(strlen(text), 8 * ITEMS + 3); /* quotes and a newline */
    for (size_t i = 0; i < ITEMS; i++)
        assert_memory_equal(text + 1 + 8 * i, "abcdefgh", 8);
    f.options.memory_bytes = 0;
    exec_close(&f);
}

/* The clock of a test that has seen many calls. */
static bool count_progress(void *ctx, uint64_t done, uint64_t total)
{
    int *calls = ctx;
    assert_int_equal(total, 0);
    (void)done;
    return ++*calls < 3;
}

static void test_exec_rows__progress(void **state)
{
    exec_fixture f;
    int calls = 0;
    (void)state;
    exec_open(&f);
    begin_write(&f.g);
    sb_var *x = var(&f, SB_KIND_ANY), *y = var(&f, SB_KIND_ANY), *z = var(&f, SB_KIND_ANY);
    sb_plan *p = unwind(&f, argument(&f, NULL), range(&f, 1, 100000), x);
    p = unwind(&f, unwind(&f, p, range(&f, 1, 1000), y), range(&f, 1, 1000), z);
    statement(&f, filter(&f, p, op2(&f, SB_OP2_LT, ref(&f, z), num(&f, 0))), z, NULL);
    f.options.progress = count_progress;
    f.options.progress_ctx = &calls;
    FAILS(&f.g, run(&f), SB_INTERRUPT, "progress");
    assert_int_equal(calls, 3);
    exec_close(&f);
}

static void test_exec_rows__memory_limit(void **state)
{
    exec_fixture f;
    (void)state;
    exec_open(&f);
    begin_write(&f.g);
    sb_var *x = var(&f, SB_KIND_ANY), *y = var(&f, SB_KIND_ANY);
    sb_plan *p = unwind(&f, argument(&f, NULL), range(&f, 1, 100000), x);
    statement(&f, project(&f, p, y, ref(&f, x)), y, NULL);
    f.options.memory_bytes = 1 << 20;
    FAILS(&f.g, run(&f), SB_LIMIT, "memory_limit");
    f.options.memory_bytes = 512u << 20;
    OK(&f.g, run(&f));
    exec_close(&f);
}

/* Each allocation of a run fails once: an error, nothing leaked, and the next run is whole. */
static void test_exec_rows__no_memory(void **state)
{
    exec_fixture f;
    (void)state;
    exec_open(&f);
    begin_write(&f.g);
    sb_var *x = var(&f, SB_KIND_ANY), *y = var(&f, SB_KIND_ANY);
    sb_plan *p = unwind(&f, argument(&f, NULL), range(&f, 1, 2000), x);
    p = filter(&f, p, op2(&f, SB_OP2_GT, ref(&f, x), num(&f, 1995)));
    statement(&f, project(&f, p, y, expr(&f, SB_EXPR_LIST, 2, ref(&f, x), str(&f, "a"))), y, NULL);
    sb_status st = SB_NOMEM;
    for (size_t at = 1; st == SB_NOMEM; at++) {
        f.g.alloc.fail_at = f.g.alloc.alloc_count + at;
        st = run(&f);
        f.g.alloc.fail_at = 0;
        if (st != SB_OK) sb_err_clear(&f.g.err);
    }
    assert_int_equal(st, SB_OK);
    assert_string_equal(rows_text(&f),
                        "[1996, 'a']\n[1997, 'a']\n[1998, 'a']\n[1999, 'a']\n[2000, 'a']\n");
    exec_close(&f);
}

/* A run in its stride allocates nothing. */
static void test_exec_rows__no_allocation(void **state)
{
    exec_fixture f;
    (void)state;
    exec_open(&f);
    begin_write(&f.g);
    sb_var *x = var(&f, SB_KIND_ANY), *y = var(&f, SB_KIND_ANY);
    sb_plan *p = unwind(&f, argument(&f, NULL), range(&f, 1, 3), x);
    p = filter(&f, p, op2(&f, SB_OP2_GT, ref(&f, x), num(&f, 1)));
    statement(&f, project(&f, p, y, op2(&f, SB_OP2_ADD, ref(&f, x), num(&f, 1))), y, NULL);
    OK(&f.g, run(&f));
    const size_t before = f.g.alloc.alloc_count;
    for (int i = 0; i < 10; i++) {
        OK(&f.g, sb_exec_reset(f.exec, &f.options, &f.g.err));
        OK(&f.g, fetch_rows(&f));
    }
    assert_string_equal(rows_text(&f), "3\n4\n");
    assert_int_equal(f.g.alloc.alloc_count, before);
    exec_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_exec_rows__unwind),
        TEST(test_exec_rows__many_batches),
        TEST(test_exec_rows__filter),
        TEST(test_exec_rows__skip_and_limit),
        TEST(test_exec_rows__skip_and_limit_refuse),
        TEST(test_exec_rows__constants_are_lazy),
        TEST(test_exec_rows__reset),
        TEST(test_exec_rows__cancel_and_deadline),
        TEST(test_exec_rows__reduce_lets_go),
        TEST(test_exec_rows__nested_lists_look),
        TEST(test_exec_rows__progress),
        TEST(test_exec_rows__memory_limit),
        TEST(test_exec_rows__no_memory),
        TEST(test_exec_rows__no_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
