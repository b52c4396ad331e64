/* Goal: operators that take their whole input, or two: apply, aggregation, distinct, sorting, joins, product, union.
 * Method: small plans with their rows; larger ones against counts that are known; batched and row by row must agree. */
#include "exec_fixture.h"

#include <stdlib.h>

/* ---- Functions for aggregates ---------------------------------------------------------------------------------- */

/* sum of integers, and a list of what it was given: enough to see what reaches an aggregate */
static sb_status sum_update(sb_func_context *ctx, sb_arena *arena, void *state, const sb_val *args,
                            uint32_t count)
{
    (void)ctx;
    (void)arena;
    assert_int_equal(count, 1);
    *(int64_t *)state += args[0].as.integer;
    return SB_OK;
}
static sb_status sum_finish(sb_func_context *ctx, void *state, sb_val *result)
{
    (void)ctx;
    *result = sb_val_int(*(int64_t *)state);
    return SB_OK;
}
static const sb_aggregate sum_aggregate = {
    .state_bytes = sizeof(int64_t), .update = sum_update, .finish = sum_finish};
static const sb_function sum_function = {.name = "sum",
                                         .flags = SB_FUNC_AGGREGATE,
                                         .min_args = 1,
                                         .max_args = 1,
                                         .aggregate = &sum_aggregate};
static const sb_function count_function = {.name = "count", .flags = SB_FUNC_AGGREGATE};

typedef struct aggregate_plan {
    sb_plan *plan;
    sb_plan_assign groups[4];
    sb_plan_aggregate items[4];
} aggregate_plan;

static aggregate_plan *aggregate(exec_fixture *f, sb_plan *input)
{
    aggregate_plan *a = zeroed(f, sizeof *a);
    a->plan = plan(f, SB_PLAN_AGGREGATE, input);
    a->plan->as.aggregate.groups = a->groups;
    a->plan->as.aggregate.aggregates = a->items;
    return a;
}
static void group(aggregate_plan *a, sb_var *v, sb_expr *e)
{
    a->groups[a->plan->as.aggregate.group_count++] = (sb_plan_assign){.expr = e, .var = v};
}
static void item(exec_fixture *f, aggregate_plan *a, const sb_function *function, sb_var *v,
                 sb_expr *e, bool distinct)
{
    sb_expr **args = zeroed(f, sizeof *args);
    args[0] = e;
    a->items[a->plan->as.aggregate.aggregate_count++] = (sb_plan_aggregate){
        .function = function, .args = args, .arg_count = e != NULL, .distinct = distinct, .var = v};
}

static sb_expr *mod(exec_fixture *f, sb_var *x, int64_t by)
{
    return op2(f, SB_OP2_MOD, ref(f, x), num(f, by));
}

static void test_exec_whole__aggregate(void **state)
{
    exec_fixture f;
    (void)state;
    exec_open(&f);
    begin_write(&f.g);
    for (int64_t n = 0; n <= 3000; n = n * 3 + 10) {
        char expected[200];
        exec_clear(&f);
        sb_var *x = var(&f, SB_KIND_INT), *c = var(&f, SB_KIND_INT), *s = var(&f, SB_KIND_INT),
               *d = var(&f, SB_KIND_INT), *k = var(&f, SB_KIND_INT);
        aggregate_plan *a = aggregate(&f, unwind(&f, argument(&f, NULL), range(&f, 1, n), x));
        item(&f, a, &count_function, c, NULL, false);
        item(&f, a, &sum_function, s, ref(&f, x), false);
        item(&f, a, &count_function, d, mod(&f, x, 7), true);
        item(&f, a, &count_function, k, null_(&f), false);
        statement(&f, a->plan, c, s, d, k, NULL);
        snprintf(expected, sizeof expected, "%lld|%lld|%d|0\n", (long long)n,
                 (long long)(n * (n + 1) / 2), n < 7 ? (int)n : 7);
        gives(&f, expected);
    }
    exec_close(&f);
}

static void test_exec_whole__group(void **state)
{
    exec_fixture f;
    (void)state;
    exec_open(&f);
    begin_write(&f.g);
    sb_var *x = var(&f, SB_KIND_INT), *g = var(&f, SB_KIND_INT), *h = var(&f, SB_KIND_ANY),
           *c = var(&f, SB_KIND_INT), *s = var(&f, SB_KIND_INT);
    aggregate_plan *a = aggregate(&f, unwind(&f, argument(&f, NULL), range(&f, 1, 3000), x));
    group(a, g, mod(&f, x, 3));
    group(a, h, str(&f, "k"));
    item(&f, a, &count_function, c, ref(&f, x), false);
    item(&f, a, &sum_function, s, mod(&f, x, 5), true);
    statement(&f, a->plan, g, h, c, s, NULL);
    gives(&f, "1|'k'|1000|10\n2|'k'|1000|10\n0|'k'|1000|10\n");
    exec_clear(&f); /* 1 and 1.0 are one group, nulls another */
    x = var(&f, SB_KIND_ANY);
    c = var(&f, SB_KIND_INT);
    g = var(&f, SB_KIND_ANY);
    a = aggregate(&f, unwind(&f, argument(&f, NULL),
                             expr(&f, SB_EXPR_LIST, 5, num(&f, 1), null_(&f), dec(&f, 1.0),
                                  str(&f, "1"), null_(&f)),
                             x));
    group(a, g, ref(&f, x));
    item(&f, a, &count_function, c, NULL, false);
    statement(&f, a->plan, g, c, NULL);
    gives(&f, "1|2\nnull|2\n'1'|1\n");
    exec_clear(&f); /* no rows, no groups */
    x = var(&f, SB_KIND_ANY);
    c = var(&f, SB_KIND_INT);
    g = var(&f, SB_KIND_ANY);
    a = aggregate(&f, unwind(&f, argument(&f, NULL), range(&f, 1, 0), x));
    group(a, g, ref(&f, x));
    item(&f, a, &count_function, c, NULL, false);
    statement(&f, a->plan, g, c, NULL);
    gives(&f, "");
    exec_close(&f);
}

/* More groups than a batch, found again in later batches. */
static void test_exec_whole__many_groups(void **state)
{
    exec_fixture f;
    (void)state;
    exec_open(&f);
    begin_write(&f.g);
    sb_var *x = var(&f, SB_KIND_INT), *y = var(&f, SB_KIND_INT), *g = var(&f, SB_KIND_INT),
           *c = var(&f, SB_KIND_INT), *n = var(&f, SB_KIND_INT), *least = var(&f, SB_KIND_INT);
    sb_plan *p = unwind(&f, argument(&f, NULL), range(&f, 1, 3), y);
    aggregate_plan *a = aggregate(&f, unwind(&f, p, range(&f, 1, 5000), x));
    group(a, g, ref(&f, x));
    item(&f, a, &count_function, c, NULL, false);
    aggregate_plan *b = aggregate(&f, a->plan);
    item(&f, b, &count_function, n, NULL, false);
    item(&f, b, &sum_function, least, ref(&f, c), true);
    statement(&f, b->plan, n, least, NULL);
    gives(&f, "5000|3\n");
    exec_close(&f);
}

/* Keys that are places of an array at first, then not: far away, negative, other kinds, null; equal ones stay in one group. */
static void test_exec_whole__keys_leave_places(void **state)
{
    exec_fixture f;
    (void)state;
    exec_open(&f);
    begin_write(&f.g);
    static const int64_t far[] = {2000000, -1, INT64_MAX, 4294967295};
    for (size_t i = 0; i < sizeof far / sizeof *far; i++)
        for (int kind = 0; kind < 3; kind++) {
            char expected[100];
            exec_clear(&f);
            sb_var *x = var(&f, SB_KIND_ANY), *l = var(&f, SB_KIND_LIST), *y = var(&f, SB_KIND_INT),
                   *g = var(&f, SB_KIND_ANY), *c = var(&f, SB_KIND_INT), *n = var(&f, SB_KIND_INT),
                   *s = var(&f, SB_KIND_INT);
            sb_expr *odd = kind == 0 ? num(&f, far[i]) : kind == 1 ? dec(&f, 3.0) : null_(&f);
            /* 1 … 2000, something odd, and 1 … 2000 again */
            sb_plan *p = unwind(&f, argument(&f, NULL),
                                expr(&f, SB_EXPR_LIST, 3, range(&f, 1, 2000),
                                     expr(&f, SB_EXPR_LIST, 1, odd), range(&f, 1, 2000)),
                                l);
            p = unwind(&f, p, ref(&f, l), x);
            aggregate_plan *a = aggregate(&f, p);
            group(a, g, ref(&f, x));
            item(&f, a, &count_function, c, NULL, false);
            aggregate_plan *b = aggregate(&f, a->plan);
            item(&f, b, &count_function, n, NULL, false);
            item(&f, b, &sum_function, s, ref(&f, c), false);
            statement(&f, b->plan, n, s, NULL);
            snprintf(expected, sizeof expected, "%d|4001\n", kind == 1 ? 2000 : 2001);
            gives(&f, expected);
            (void)y;
        }
    exec_close(&f);
}

static void test_exec_whole__distinct(void **state)
{
    exec_fixture f;
    (void)state;
    exec_open(&f);
    begin_write(&f.g);
    sb_var *x = var(&f, SB_KIND_INT), *y = var(&f, SB_KIND_INT);
    sb_plan *p = unwind(&f, argument(&f, NULL), range(&f, 1, 4000), x);
    p = project(&f, p, y, mod(&f, x, 3));
    sb_plan *d = plan(&f, SB_PLAN_DISTINCT, p);
    d->as.distinct.vars = vars(&f, &d->as.distinct.count, y, NULL);
    statement(&f, d, y, NULL);
    gives(&f, "1\n2\n0\n");
    exec_close(&f);
}

static sb_plan *sorted(exec_fixture *f, sb_plan_kind kind, sb_plan *input, sb_var *a, bool a_down,
                       sb_var *b, bool b_down)
{
    sb_plan *p = plan(f, kind, input);
    sb_plan_sort_key *keys = zeroed(f, 2 * sizeof *keys);
    keys[0] = (sb_plan_sort_key){.var = a, .descending = a_down};
    keys[1] = (sb_plan_sort_key){.var = b, .descending = b_down};
    p->as.sort.keys = keys;
    p->as.sort.count = b == NULL ? 1 : 2;
    return p;
}

static uint64_t clock_reads; /* what the clock below says is how often it was read */

static uint64_t count_clock_reads(sb_vfs *vfs)
{
    (void)vfs;
    return ++clock_reads;
}

/* Values of a MiB: between two of them it is asked whether to go on, though they all lie in one batch. */
static void test_exec_whole__long_values_look(void **state)
{
    enum { BYTES = 1 << 20, ROWS = 20 };
    exec_fixture f;
    char *room = malloc(BYTES);
    (void)state;
    assert_non_null(room);
    memset(room, 'a', BYTES);
    const sb_val text = sb_val_string(sb_bytes_of(room, BYTES));
    for (int what = 0; what < 6; what++) {
        exec_open(&f);
        begin_write(&f.g);
        sb_vfs_ops ops = *f.g.vfs->ops;
        const sb_vfs_ops *own = f.g.vfs->ops;
        ops.monotonic_ns = count_clock_reads;
        sb_var *x = var(&f, SB_KIND_INT), *t = var(&f, SB_KIND_STRING), *y = var(&f, SB_KIND_ANY);
        sb_expr *list = expr(&f, SB_EXPR_LIST, 2, param(&f, "t", text), ref(&f, t));
        sb_plan *p = project(&f, argument(&f, NULL), t, param(&f, "t", text));
        p = unwind(&f, p, range(&f, 1, ROWS), x);
        if (what == 0) {
            p = sorted(&f, SB_PLAN_SORT, p, t, false, x, true);
        } else if (what == 1) {
            p = sorted(&f, SB_PLAN_TOP, p, t, false, x, false);
            p->as.sort.limit = num(&f, 3);
        } else if (what == 2) {
            p = plan(&f, SB_PLAN_DISTINCT, p);
            p->as.distinct.vars = vars(&f, &p->as.distinct.count, t, x, NULL);
        } else if (what == 3) {
            p = project(&f, p, y,
                        op2(&f, SB_OP2_EQ, op2(&f, SB_OP2_ADD, ref(&f, t), ref(&f, x)),
                            param(&f, "u", text)));
        } else if (what == 4) {
            p = project(&f, p, y,
                        op2(&f, SB_OP2_IN, op2(&f, SB_OP2_ADD, ref(&f, t), ref(&f, x)), list));
        } else {
            p = project(&f, p, y,
                        op2(&f, SB_OP2_CONTAINS, ref(&f, t),
                            op2(&f, SB_OP2_ADD, str(&f, "b"), ref(&f, x))));
        }
        statement(&f, p, x, what < 3 ? NULL : y, NULL);
        f.g.vfs->ops = &ops;
        f.options.deadline_ns = ROWS / 2;
        clock_reads = 0;
        FAILS(&f.g, run(&f), SB_TIMEOUT, "time limit");
        assert_int_equal(clock_reads, ROWS / 2);
        f.g.vfs->ops = own;
        exec_close(&f);
    }
    free(room);
}

static void test_exec_whole__sort(void **state)
{
    exec_fixture f;
    (void)state;
    exec_open(&f);
    begin_write(&f.g);
    sb_var *x = var(&f, SB_KIND_ANY);
    sb_expr *list = expr(&f, SB_EXPR_LIST, 6, num(&f, 2), null_(&f), str(&f, "b"), num(&f, 1),
                         dec(&f, 1.5), str(&f, "a"));
    statement(
        &f,
        sorted(&f, SB_PLAN_SORT, unwind(&f, argument(&f, NULL), list, x), x, false, NULL, false), x,
        NULL);
    gives(&f, "'a'\n'b'\n1\n1.5\n2\nnull\n");
    exec_clear(&f);
    x = var(&f, SB_KIND_INT);
    list = expr(&f, SB_EXPR_LIST, 5, num(&f, 2), num(&f, -1), num(&f, INT64_MAX),
                num(&f, INT64_MIN), num(&f, 0));
    statement(
        &f, sorted(&f, SB_PLAN_SORT, unwind(&f, argument(&f, NULL), list, x), x, true, NULL, false),
        x, NULL);
    gives(&f, "9223372036854775807\n2\n0\n-1\n-9223372036854775808\n");
    exec_close(&f);
}

/* Each row of the run against the one before. */
static void check_order(exec_fixture *f, uint64_t expected, bool b_down)
{
    uint32_t count;
    int64_t last_a = INT64_MIN, last_b = 0;
    uint64_t total = 0;

    sb_exec_close(f->exec);
    OK(&f->g, sb_exec_open(&f->compiled, &f->options, &f->exec, &f->g.err));
    do {
        OK(&f->g, sb_exec_next(f->exec, &count, &f->g.err));
        for (uint32_t i = 0; i < count; i++) {
            const int64_t a = sb_exec_value(f->exec, 0, i).as.integer,
                          b = sb_exec_value(f->exec, 1, i).as.integer;
            if (total != 0) {
                assert_true(a >= last_a);
                if (a == last_a) assert_true(b_down ? b < last_b : b > last_b);
            }
            last_a = a;
            last_b = b;
            total++;
        }
    } while (count != 0);
    assert_int_equal(total, expected);
}

static void test_exec_whole__sort_many(void **state)
{
    exec_fixture f;
    (void)state;
    exec_open(&f);
    begin_write(&f.g);
    for (int down = 0; down < 2; down++)
        for (int kind = SB_PLAN_SORT; kind <= SB_PLAN_TOP; kind++)
            for (int64_t top = 0; top <= 20000; top = top * 7 + 3) {
                exec_clear(&f);
                sb_var *x = var(&f, SB_KIND_INT), *y = var(&f, SB_KIND_INT);
                sb_plan *p = unwind(&f, argument(&f, NULL), range(&f, 1, 10000), x);
                p = project(&f, p, y, mod(&f, x, 17));
                p = sorted(&f, (sb_plan_kind)kind, p, y, false, x, down == 1);
                p->as.sort.limit = num(&f, top);
                statement(&f, p, y, x, NULL);
                check_order(&f, kind == SB_PLAN_SORT || top > 10000 ? 10000u : (uint64_t)top,
                            down == 1);
            }
    exec_close(&f);
}

/* With runs in a temporary file the order is the same: forced, and for want of memory. Values of all kinds come back. */
static void test_exec_whole__sort_spills(void **state)
{
    exec_fixture f;
    (void)state;
    exec_open(&f);
    begin_write(&f.g);
    for (int forced = 0; forced < 2; forced++)
        for (int down = 0; down < 2; down++) {
            exec_clear(&f);
            sb_var *x = var(&f, SB_KIND_INT), *y = var(&f, SB_KIND_INT), *t = var(&f, SB_KIND_ANY),
                   *a = var(&f, SB_KIND_INT), *b = var(&f, SB_KIND_INT);
            sb_plan *p = unwind(&f, argument(&f, NULL), range(&f, 1, 1000), a);
            p = unwind(&f, p, range(&f, 1, 200), b);
            p = project(
                &f, p, x,
                op2(&f, SB_OP2_ADD, op2(&f, SB_OP2_MUL, ref(&f, b), num(&f, 1000)), ref(&f, a)));
            p = project(&f, p, y, mod(&f, x, 17));
            p = project(&f, p, t, op2(&f, SB_OP2_ADD, str(&f, "some text of a row "), ref(&f, x)));
            p = sorted(&f, SB_PLAN_SORT, p, y, false, x, down == 1);
            statement(&f, p, y, x, t, NULL);
            f.options.force_spill = forced == 1 ? 700 : 0;
            f.options.memory_bytes = forced == 1 ? 0 : 16u << 20;
            check_order(&f, 200000, down == 1);
        }
    f.options.memory_bytes = 0;
    exec_clear(&f);
    sb_var *x = var(&f, SB_KIND_INT), *v = var(&f, SB_KIND_ANY), *c = var(&f, SB_KIND_INT),
           *same = var(&f, SB_KIND_ANY);
    sb_expr *values = expr(&f, SB_EXPR_LIST, 5, map_(&f, "a", ref(&f, x), "b", str(&f, "t")),
                           expr(&f, SB_EXPR_LIST, 2, null_(&f), dec(&f, 1.5)), boolean(&f, true),
                           str(&f, ""), expr(&f, SB_EXPR_LIST, 0));
    sb_plan *p = unwind(&f, argument(&f, NULL), range(&f, 1, 3000), x);
    p = plan(&f, SB_PLAN_EAGER, project(&f, p, v, values));
    p = project(
        &f, p, same,
        op2(&f, SB_OP2_AND,
            op2(&f, SB_OP2_EQ, prop(&f, expr(&f, SB_EXPR_INDEX, 2, ref(&f, v), num(&f, 0)), "a"),
                ref(&f, x)),
            op2(&f, SB_OP2_EQ, expr(&f, SB_EXPR_INDEX, 2, ref(&f, v), num(&f, 3)), str(&f, ""))));
    aggregate_plan *a = aggregate(&f, filter(&f, p, ref(&f, same)));
    item(&f, a, &count_function, c, NULL, false);
    statement(&f, a->plan, c, NULL);
    gives(&f, "3000\n");
    f.options.force_spill = 0;
    exec_close(&f);
}

/* So many integers that they are divided before they are sorted: keys far apart, keys close together, and all the same. */
static void test_exec_whole__sort_in_steps(void **state)
{
    exec_fixture f;
    (void)state;
    exec_open(&f);
    begin_write(&f.g);
    for (int keys = 0; keys < 3; keys++) {
        const bool down = keys == 1;
        exec_clear(&f);
        sb_var *x = var(&f, SB_KIND_INT), *y = var(&f, SB_KIND_INT), *a = var(&f, SB_KIND_INT),
               *b = var(&f, SB_KIND_INT);
        sb_plan *p = unwind(&f, argument(&f, NULL), range(&f, 1, 700), a);
        p = unwind(&f, p, range(&f, 1, 1000), b);
        p = project(
            &f, p, x,
            op2(&f, SB_OP2_ADD, op2(&f, SB_OP2_MUL, ref(&f, a), num(&f, 1000)), ref(&f, b)));
        sb_expr *key = keys == 2 ? num(&f, 7) : mod(&f, x, keys == 0 ? 5003 : 699967);
        if (keys == 0)
            key = op2(&f, SB_OP2_MUL, key, op2(&f, SB_OP2_MUL, mod(&f, x, 5003), mod(&f, x, 5003)));
        p = project(&f, p, y, key);
        p = sorted(&f, SB_PLAN_SORT, p, y, down, NULL, false);
        if (down) p = project(&f, p, a, op2(&f, SB_OP2_SUB, num(&f, 0), ref(&f, y)));
        statement(&f, p, down ? a : y, x, NULL);
        check_order(&f, 700000, false);
    }
    exec_close(&f);
}

/* The best rows come last, with long texts: dropped rows give their memory back. */
static void test_exec_whole__top_of_texts(void **state)
{
    exec_fixture f;
    char *long_text = malloc(3001);
    (void)state;
    memset(long_text, 'x', 3000);
    long_text[3000] = '\0';
    exec_open(&f);
    begin_write(&f.g);
    sb_var *x = var(&f, SB_KIND_INT), *y = var(&f, SB_KIND_STRING);
    sb_plan *p = unwind(&f, argument(&f, NULL), range(&f, 1, 20000), x);
    p = project(&f, p, y, op2(&f, SB_OP2_ADD, str(&f, long_text), ref(&f, x)));
    p = sorted(&f, SB_PLAN_TOP, p, x, true, NULL, false);
    p->as.sort.limit = num(&f, 2);
    statement(&f, p, x, NULL);
    f.options.memory_bytes = 24u << 20; /* all of them take 60 MB */
    gives(&f, "20000\n19999\n");
    exec_close(&f);
    free(long_text);
}

static void test_exec_whole__eager(void **state)
{
    exec_fixture f;
    (void)state;
    exec_open(&f);
    begin_write(&f.g);
    sb_var *x = var(&f, SB_KIND_INT), *c = var(&f, SB_KIND_INT), *s = var(&f, SB_KIND_INT);
    sb_plan *p = plan(&f, SB_PLAN_EAGER, unwind(&f, argument(&f, NULL), range(&f, 1, 2500), x));
    aggregate_plan *a = aggregate(&f, p);
    item(&f, a, &count_function, c, NULL, false);
    item(&f, a, &sum_function, s, ref(&f, x), false);
    statement(&f, a->plan, c, s, NULL);
    gives(&f, "2500|3126250\n");
    exec_close(&f);
}

/* ---- Two inputs ---------------------------------------------------------------------------------------------------- */

static sb_plan *two(exec_fixture *f, sb_plan_kind kind, sb_plan *input, sb_plan *inner)
{
    sb_plan *p = plan(f, kind, input);
    p->inner = inner;
    return p;
}

/* For each x of 1 … n the numbers y of 1 … 4 with y > x: by rows or batched. */
static sb_plan *apply(exec_fixture *f, sb_plan_kind kind, bool batched, int64_t n, sb_var *x,
                      sb_var *y)
{
    sb_var *row = batched ? var(f, SB_KIND_INT) : NULL;
    sb_plan *arg = batched ? argument(f, x, row, NULL) : argument(f, x, NULL);
    arg->as.argument.row = row;
    sb_plan *inner = unwind(f, arg, range(f, 1, 4), y);
    inner = filter(f, inner, op2(f, SB_OP2_GT, ref(f, y), ref(f, x)));
    sb_plan *p = two(f, kind, unwind(f, argument(f, NULL), range(f, 1, n), x), inner);
    p->as.apply.batched = batched;
    p->as.apply.row = row;
    p->as.apply.nulls = vars(f, &p->as.apply.null_count, y, NULL);
    return p;
}

static void test_exec_whole__apply(void **state)
{
    static const struct {
        sb_plan_kind kind;
        bool anti;
        const char *rows;
    } cases[] = {{SB_PLAN_APPLY, false, "1|2\n1|3\n1|4\n2|3\n2|4\n3|4\n"},
                 {SB_PLAN_OPTIONAL_APPLY, false, "1|2\n1|3\n1|4\n2|3\n2|4\n3|4\n4|null\n5|null\n"},
                 {SB_PLAN_SEMI_APPLY, false, "1\n2\n3\n"},
                 {SB_PLAN_SEMI_APPLY, true, "4\n5\n"}};
    exec_fixture f;
    (void)state;
    exec_open(&f);
    begin_write(&f.g);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int batched = 0; batched < 2; batched++) {
            exec_clear(&f);
            sb_var *x = var(&f, SB_KIND_INT), *y = var(&f, SB_KIND_INT);
            sb_plan *p = apply(&f, cases[i].kind, batched == 1, 5, x, y);
            p->as.apply.anti = cases[i].anti;
            if (cases[i].kind == SB_PLAN_SEMI_APPLY)
                statement(&f, p, x, NULL);
            else
                statement(&f, p, x, y, NULL);
            gives(&f, cases[i].rows);
        }
    exec_close(&f);
}

/* Rows without a partner between, before and behind those with one; inner rows over several batches. */
static void test_exec_whole__optional_batched(void **state)
{
    exec_fixture f, g;
    (void)state;
    exec_open(&f);
    exec_open(&g);
    begin_write(&f.g);
    begin_write(&g.g);
    for (int64_t inner_rows = 1; inner_rows < 2000; inner_rows = inner_rows * 4 + 1) {
        exec_fixture *both[2] = {&f, &g};
        for (int batched = 0; batched < 2; batched++) {
            exec_fixture *t = both[batched];
            exec_clear(t);
            sb_var *x = var(t, SB_KIND_INT), *y = var(t, SB_KIND_INT), *row = var(t, SB_KIND_INT);
            sb_plan *arg = batched ? argument(t, x, row, NULL) : argument(t, x, NULL);
            arg->as.argument.row = batched ? row : NULL;
            sb_plan *inner = filter(t, arg, op2(t, SB_OP2_EQ, mod(t, x, 5), num(t, 2)));
            inner = unwind(t, inner, range(t, 1, inner_rows), y);
            sb_plan *p = two(t, SB_PLAN_OPTIONAL_APPLY,
                             unwind(t, argument(t, NULL), range(t, 1, 1500), x), inner);
            p->as.apply.batched = batched == 1;
            p->as.apply.row = row;
            p->as.apply.nulls = vars(t, &p->as.apply.null_count, y, NULL);
            statement(t, p, x, y, NULL);
            OK(&t->g, run(t));
        }
        assert_string_equal(rows_text(&f), rows_text(&g));
    }
    exec_close(&f);
    exec_close(&g);
}

static void test_exec_whole__hash_join(void **state)
{
    exec_fixture f;
    (void)state;
    exec_open(&f);
    begin_write(&f.g);
    for (int outer = 0; outer < 2; outer++) {
        exec_clear(&f);
        sb_var *x = var(&f, SB_KIND_ANY), *y = var(&f, SB_KIND_ANY), *z = var(&f, SB_KIND_ANY);
        sb_expr *left = expr(&f, SB_EXPR_LIST, 4, num(&f, 3), null_(&f), num(&f, 1), num(&f, 9));
        sb_expr *right =
            expr(&f, SB_EXPR_LIST, 5, dec(&f, 1.0), null_(&f), num(&f, 3), num(&f, 3), num(&f, 7));
        sb_plan *inner = unwind(&f, argument(&f, NULL), right, y);
        inner = project(&f, inner, z, op2(&f, SB_OP2_ADD, ref(&f, y), num(&f, 10)));
        sb_plan *p = two(&f, SB_PLAN_HASH_JOIN, unwind(&f, argument(&f, NULL), left, x), inner);
        sb_expr **keys = zeroed(&f, 2 * sizeof *keys);
        keys[0] = ref(&f, x);
        keys[1] = ref(&f, y);
        p->as.join.input_keys = keys;
        p->as.join.inner_keys = keys + 1;
        p->as.join.count = 1;
        p->as.join.outer = outer == 1;
        p->as.join.bound = vars(&f, &p->as.join.bound_count, y, z, NULL);
        statement(&f, p, x, y, z, NULL);
        gives(&f, outer ? "3|3|13\n3|3|13\nnull|null|null\n1|1.0|11.0\n9|null|null\n"
                        : "3|3|13\n3|3|13\n1|1.0|11.0\n");
    }
    exec_close(&f);
}

/* Keys of all rows: x % left for 500 rows of the input, y % right for 300 of the inner side; null where the number is a multiple of 7. */
static void join_text(exec_fixture *f, bool outer, int64_t left, int64_t right)
{
    exec_clear(f);
    sb_var *x = var(f, SB_KIND_INT), *y = var(f, SB_KIND_INT), *t = var(f, SB_KIND_ANY),
           *c = var(f, SB_KIND_INT), *d = var(f, SB_KIND_INT), *s = var(f, SB_KIND_INT),
           *u = var(f, SB_KIND_INT);
    sb_plan *inner = unwind(f, argument(f, NULL), range(f, 1, 300), y);
    inner = project(f, inner, t, op2(f, SB_OP2_ADD, str(f, "text "), ref(f, y)));
    sb_plan *p =
        two(f, SB_PLAN_HASH_JOIN, unwind(f, argument(f, NULL), range(f, 1, 500), x), inner);
    sb_expr **keys = zeroed(f, 4 * sizeof *keys);
    keys[0] = mod(f, x, left);
    keys[1] = op2(f, SB_OP2_NE, mod(f, x, 7), num(f, 0));
    keys[2] = mod(f, y, right);
    keys[3] = boolean(f, true);
    p->as.join.input_keys = keys;
    p->as.join.inner_keys = keys + 2;
    p->as.join.count = 2;
    p->as.join.outer = outer;
    p->as.join.bound = vars(f, &p->as.join.bound_count, y, t, NULL);
    aggregate_plan *a = aggregate(f, p);
    item(f, a, &count_function, c, NULL, false);
    item(f, a, &count_function, d, ref(f, t), true);
    item(f, a, &sum_function, s, op2(f, SB_OP2_MUL, ref(f, x), ref(f, y)), false);
    item(f, a, &sum_function, u, ref(f, x), false);
    statement(f, a->plan, c, d, s, u, NULL);
    OK(&f->g, run(f));
}

/* Partitions, and one key for all rows, whose partition has to be joined in pieces. */
static void test_exec_whole__join_spills(void **state)
{
    static const int64_t keys[][2] = {{50, 70}, {500, 300}, {1, 1}, {2, 1}, {1, 40}};
    exec_fixture f;
    char expected[200];
    (void)state;
    exec_open(&f);
    begin_write(&f.g);
    for (int outer = 0; outer < 2; outer++)
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
            f.options.force_spill = 0;
            join_text(&f, outer == 1, keys[i][0], keys[i][1]);
            (void)snprintf(expected, sizeof expected, "%s", rows_text(&f));
            for (uint32_t rows = 1; rows < 400; rows = rows * 2 + 1) {
                f.options.force_spill = rows;
                join_text(&f, outer == 1, keys[i][0], keys[i][1]);
                assert_string_equal(rows_text(&f), expected);
            }
        }
    f.options.force_spill = 0;
    exec_close(&f);
}

static void test_exec_whole__product(void **state)
{
    exec_fixture f;
    (void)state;
    exec_open(&f);
    begin_write(&f.g);
    static const int64_t sizes[][2] = {{2, 3}, {0, 3}, {3, 0}, {1, 2500}, {2500, 1}, {40, 50}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char expected[100];
        exec_clear(&f);
        sb_var *x = var(&f, SB_KIND_INT), *y = var(&f, SB_KIND_INT), *c = var(&f, SB_KIND_INT),
               *s = var(&f, SB_KIND_INT);
        sb_plan *p =
            two(&f, SB_PLAN_PRODUCT, unwind(&f, argument(&f, NULL), range(&f, 1, sizes[i][0]), x),
                unwind(&f, argument(&f, NULL), range(&f, 1, sizes[i][1]), y));
        aggregate_plan *a = aggregate(&f, p);
        item(&f, a, &count_function, c, NULL, false);
        item(&f, a, &sum_function, s, op2(&f, SB_OP2_MUL, ref(&f, x), ref(&f, y)), false);
        statement(&f, a->plan, c, s, NULL);
        const int64_t n = sizes[i][0], m = sizes[i][1];
        snprintf(expected, sizeof expected, "%lld|%lld\n", (long long)(n * m),
                 (long long)(n * (n + 1) / 2 * (m * (m + 1) / 2)));
        gives(&f, expected);
        f.options.force_spill = 3;
        gives(&f, expected);
        f.options.force_spill = 0;
    }
    exec_close(&f);
}

static void test_exec_whole__union(void **state)
{
    exec_fixture f;
    (void)state;
    exec_open(&f);
    begin_write(&f.g);
    sb_var *x = var(&f, SB_KIND_INT), *y = var(&f, SB_KIND_STRING), *z = var(&f, SB_KIND_ANY);
    sb_plan *p = two(&f, SB_PLAN_UNION, unwind(&f, argument(&f, NULL), range(&f, 1, 2), x),
                     unwind(&f, argument(&f, NULL), str(&f, "a"), y));
    p->as.union_.left = vars(&f, &p->as.union_.count, x, NULL);
    p->as.union_.right = vars(&f, &p->as.union_.count, y, NULL);
    p->as.union_.vars = vars(&f, &p->as.union_.count, z, NULL);
    statement(&f, p, z, NULL);
    gives(&f, "1\n2\n'a'\n");
    exec_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_exec_whole__aggregate),     TEST(test_exec_whole__group),
        TEST(test_exec_whole__many_groups),   TEST(test_exec_whole__keys_leave_places),
        TEST(test_exec_whole__distinct),      TEST(test_exec_whole__long_values_look),
        TEST(test_exec_whole__sort),          TEST(test_exec_whole__sort_many),
        TEST(test_exec_whole__sort_in_steps), TEST(test_exec_whole__sort_spills),
        TEST(test_exec_whole__top_of_texts),  TEST(test_exec_whole__eager),
        TEST(test_exec_whole__apply),         TEST(test_exec_whole__optional_batched),
        TEST(test_exec_whole__hash_join),     TEST(test_exec_whole__join_spills),
        TEST(test_exec_whole__product),       TEST(test_exec_whole__union),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
