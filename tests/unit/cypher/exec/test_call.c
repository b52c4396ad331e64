/* Goal: procedures' results beside their rows, expressions that run a plan, and CALL { … } IN TRANSACTIONS.
 * Method: a procedure of the test that gives n rows; plans by hand. */
#include "exec_fixture.h"

static sb_status upto(void *ctx, sb_func_context *func, sb_exec *run, const sb_val *args,
                      uint32_t arg_count, sb_status (*emit)(void *emit_ctx, const sb_val *row),
                      void *emit_ctx, sb_err *err)
{
    (void)ctx;
    (void)func;
    (void)err;
    assert_non_null(run);
    assert_int_equal(arg_count, 2);
    assert_int_equal(args[1].kind, SB_VAL_FLOAT);
    for (int64_t i = 1; args[0].kind == SB_VAL_INT && i <= args[0].as.integer; i++) {
        char name_text[24];
        snprintf(name_text, sizeof name_text, "n%lld", (long long)i);
        const sb_val row[2] = {sb_val_int(i), sb_val_string(text(name_text))};
        SB_TRY(emit(emit_ctx, row));
    }
    return SB_OK;
}

static const sb_procedure_field upto_args[] = {{.kinds = SB_KIND_INT, .type_text = "INTEGER?"},
                                               {.kinds = SB_KIND_FLOAT, .type_text = "FLOAT?"}};
static const sb_procedure upto_procedure = {
    .args = upto_args, .arg_count = 2, .result_count = 2, .signature = "upto(n, f)", .call = upto};
static const sb_procedure silent_procedure = {
    .args = upto_args, .arg_count = 2, .signature = "silent(n, f)", .call = upto};

static sb_plan *call(exec_fixture *f, sb_plan *input, const sb_procedure *procedure, sb_expr *n,
                     sb_var *name_var)
{
    static const uint32_t second[] = {1};
    sb_plan *p = plan(f, SB_PLAN_CALL, input);
    p->as.call.procedure = procedure;
    p->as.call.args = zeroed(f, 2 * sizeof(sb_expr *));
    p->as.call.args[0] = n;
    p->as.call.args[1] = num(f, 1);
    p->as.call.results = vars(f, &p->as.call.result_count, name_var, NULL);
    p->as.call.fields = second;
    return p;
}

static void test_exec_call__procedure(void **state)
{
    exec_fixture f;
    (void)state;
    exec_open(&f);
    begin_write(&f.g);
    sb_var *x = var(&f, SB_KIND_INT), *n = var(&f, SB_KIND_STRING);
    sb_plan *p = unwind(&f, argument(&f, NULL), range(&f, 0, 2), x);
    statement(&f, call(&f, p, &upto_procedure, ref(&f, x), n), x, n, NULL);
    gives(&f, "1|'n1'\n2|'n1'\n2|'n2'\n");
    exec_clear(&f); /* more than a batch for a row; null is let through */
    x = var(&f, SB_KIND_ANY);
    n = var(&f, SB_KIND_STRING);
    sb_expr *list = expr(&f, SB_EXPR_LIST, 3, num(&f, 3000), null_(&f), num(&f, 1));
    p = call(&f, unwind(&f, argument(&f, NULL), list, x), &upto_procedure, ref(&f, x), n);
    sb_expr *last =
        op2(&f, SB_OP2_IN, ref(&f, n), expr(&f, SB_EXPR_LIST, 2, str(&f, "n3000"), str(&f, "n1")));
    statement(&f, filter(&f, p, last), x, n, NULL);
    gives(&f, "3000|'n1'\n3000|'n3000'\n1|'n1'\n");
    exec_clear(&f); /* one without results lets rows through */
    x = var(&f, SB_KIND_INT);
    p = plan(&f, SB_PLAN_CALL, unwind(&f, argument(&f, NULL), range(&f, 1, 3), x));
    p->as.call.procedure = &silent_procedure;
    p->as.call.args = zeroed(&f, 2 * sizeof(sb_expr *));
    p->as.call.args[0] = null_(&f);
    p->as.call.args[1] = dec(&f, 1);
    statement(&f, p, x, NULL);
    gives(&f, "1\n2\n3\n");
    exec_clear(&f);
    n = var(&f, SB_KIND_STRING);
    statement(&f, call(&f, argument(&f, NULL), &upto_procedure, str(&f, "x"), n), n, NULL);
    fails(&f, SB_TYPE_MISMATCH, SB_CYPHER_ARGUMENT_TYPE, "INTEGER?");
    exec_close(&f);
}

/* ---- Expressions that run a plan ------------------------------------------------------------------------------------- */

/* The numbers y of 1 … 5 below x, as rows (columns 0) or as a column. */
static sb_expr *below(exec_fixture *f, sb_expr_kind kind, sb_var *x, bool column)
{
    sb_expr *e = expr(f, kind, 0);
    sb_var *y = var(f, SB_KIND_INT);
    sb_plan *p = unwind(f, argument(f, x, NULL), range(f, 1, 5), y);
    p = filter(f, p, op2(f, SB_OP2_LT, ref(f, y), ref(f, x)));
    p = plan(f, SB_PLAN_RESULT, p);
    if (column) p->as.result.columns = vars(f, &p->as.result.count, y, NULL);
    e->plan = p;
    return e;
}

static void test_exec_call__plans_in_expressions(void **state)
{
    exec_fixture f;
    (void)state;
    exec_open(&f);
    begin_write(&f.g);
    sb_var *x = var(&f, SB_KIND_INT), *a = var(&f, SB_KIND_BOOL), *b = var(&f, SB_KIND_INT),
           *c = var(&f, SB_KIND_LIST);
    sb_plan *p = unwind(&f, argument(&f, NULL), range(&f, 1, 3), x);
    p = project(&f, p, a, below(&f, SB_EXPR_EXISTS, x, false));
    p = project(&f, p, b, below(&f, SB_EXPR_COUNT, x, false));
    p = project(&f, p, c, below(&f, SB_EXPR_COLLECT, x, true));
    statement(&f, p, x, a, b, c, NULL);
    gives(&f, "1|false|0|[]\n2|true|1|[1]\n3|true|2|[1, 2]\n");
    exec_clear(&f); /* for each item of a list: what the expression around binds is seen inside */
    sb_var *i = var(&f, SB_KIND_INT);
    c = var(&f, SB_KIND_LIST);
    sb_expr *e = expr(&f, SB_EXPR_LIST_COMPREHENSION, 3, range(&f, 0, 3), NULL,
                      below(&f, SB_EXPR_COLLECT, i, true));
    e->bound = i;
    statement(&f, project(&f, argument(&f, NULL), c, e), c, NULL);
    gives(&f, "[[], [], [1], [1, 2]]\n");
    exec_close(&f);
}

/* ---- IN TRANSACTIONS --------------------------------------------------------------------------------------------------- */

typedef struct commits {
    exec_fixture *f;
    int count;
} commits;

static sb_status next_transaction(void *ctx, sb_graph **graph, sb_err *err)
{
    commits *c = ctx;
    c->count++;
    SB_TRY(sb_txn_commit(c->f->g.txn, err));
    SB_TRY(sb_txn_begin_write(c->f->g.session, &c->f->g.txn, err));
    graph_bind(&c->f->g);
    *graph = c->f->g.graph;
    return SB_OK;
}

static sb_plan *in_transactions(exec_fixture *f, int64_t rows, int64_t each, sb_var *x, sb_var *y)
{
    sb_var *n = var(f, SB_KIND_NODE);
    sb_plan *p =
        plan(f, SB_PLAN_SUBQUERY_TRANSACTIONS, unwind(f, argument(f, NULL), range(f, 1, rows), x));
    sb_plan *inner = plan(f, SB_PLAN_CREATE, argument(f, x, NULL));
    sb_plan_create_node *node = zeroed(f, sizeof *node);
    *node = (sb_plan_create_node){.var = n,
                                  .labels = plan_names(f, SB_NAME_LABEL, "A"),
                                  .label_count = 1,
                                  .props = map_(f, "i", ref(f, x), NULL, NULL)};
    inner->as.create.nodes = node;
    inner->as.create.node_count = 1;
    p->inner = y == NULL ? inner : project(f, inner, y, prop(f, ref(f, n), "i"));
    if (y != NULL) p->as.apply.nulls = vars(f, &p->as.apply.null_count, y, NULL);
    p->as.apply.batch_rows = num(f, each);
    return p;
}

static void test_exec_call__in_transactions(void **state)
{
    exec_fixture f;
    commits c = {.f = &f};
    (void)state;
    exec_open(&f);
    f.writes = true;
    begin_write(&f.g);
    sb_var *x = var(&f, SB_KIND_INT), *y = var(&f, SB_KIND_INT);
    statement(&f, in_transactions(&f, 5, 2, x, y), x, y, NULL);
    FAILS(&f.g, run(&f), SB_MISUSE, "IN TRANSACTIONS");
    f.options.next_transaction = next_transaction;
    f.options.next_transaction_ctx = &c;
    gives(&f, "1|1\n2|2\n3|3\n4|4\n5|5\n");
    assert_int_equal(c.count, 3);
    assert_int_equal(f.stats.nodes_created, 5);
    exec_clear(&f);
    x = var(&f, SB_KIND_INT);
    statement(&f, in_transactions(&f, 3000, 1000, x, NULL), NULL);
    gives(&f, "");
    assert_int_equal(c.count, 6);
    rollback(&f.g);
    begin_read(&f.g);
    uint64_t count;
    OK(&f.g, sb_stats_nodes_of_label(f.g.view, 0, &count, &f.g.err));
    assert_int_equal(count, 3005);
    rollback(&f.g);
    begin_write(&f.g);
    exec_clear(&f);
    x = var(&f, SB_KIND_INT);
    statement(&f, in_transactions(&f, 3, 0, x, NULL), NULL);
    fails(&f, SB_INVALID, SB_CYPHER_NEGATIVE_INTEGER_ARGUMENT, "at least one row");
    exec_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_exec_call__procedure),
        TEST(test_exec_call__plans_in_expressions),
        TEST(test_exec_call__in_transactions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
