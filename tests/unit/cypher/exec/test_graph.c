/* Goal: scans, seeks and expansions give what the graph has.
 * Method: a graph of numbered nodes (property i, label A; even ones B too) and relationships T: i → i + 1, i → 2 i, L: loops at multiples
 * of 5; plans by hand, counts and sums by loops over the numbers. Committed and in the transaction that made them. */
#include "exec_fixture.h"

#include <stdlib.h>

#define NODES 1500

typedef struct world {
    exec_fixture f;
    sb_node_id ids[NODES + 1];
    uint32_t unique; /* schema on (A.i) */
    uint32_t index;  /* on (A.k) */
} world;

static void connect(world *w, const char *type, int from, int to)
{
    sb_rel_id rel;
    const sb_value weight = integer(from * 10000 + to);
    const sb_prop_column column = {.key = key_of(&w->f.g, "w"), .values = &weight};

    OK(&w->f.g, sb_graph_create_rels(w->f.g.graph, type_of(&w->f.g, type), 1, &w->ids[from],
                                     &w->ids[to], &column, 1, &rel, &w->f.g.err));
}

static uint32_t make_index(world *w, sb_schema_kind kind, const char *key)
{
    sb_schema schema = {.kind = (uint8_t)kind, .key_count = 1, .name = text(key)};
    uint32_t id;

    schema.entity = label(&w->f.g, "A");
    schema.keys[0] = key_of(&w->f.g, key);
    OK(&w->f.g, sb_graph_schema_create(w->f.g.graph, &schema, &id, &w->f.g.err));
    return id;
}

static world *open_world(bool committed)
{
    world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    graph_fixture *g = &w->f.g;
    exec_open(&w->f);
    begin_write(g);
    const sb_label_id a = label(g, "A"), b = label(g, "B");
    const sb_label_id both[2] = {a < b ? a : b, a < b ? b : a};
    sb_set_id sets[2];
    sets[1] = set_of_label(g, a);
    OK(g, sb_set_intern(g->view, both, 2, &sets[0], &g->err));
    for (int i = 1; i <= NODES; i++) {
        char name_text[20];
        snprintf(name_text, sizeof name_text, "n%d", i % 100);
        const sb_value values[3] = {integer(i), integer(i % 10), string(name_text)};
        const sb_prop_column columns[3] = {{.key = key_of(g, "i"), .values = &values[0]},
                                           {.key = key_of(g, "k"), .values = &values[1]},
                                           {.key = key_of(g, "s"), .values = &values[2]}};
        OK(g, sb_graph_create_nodes(g->graph, sets[i % 2], 1, columns, 3, &w->ids[i], &g->err));
    }
    for (int i = 1; i < NODES; i++) {
        connect(w, "T", i, i + 1);
        if (2 * i <= NODES) connect(w, "T", i, 2 * i);
        if (i % 5 == 0) connect(w, "L", i, i);
    }
    w->unique = make_index(w, SB_SCHEMA_UNIQUE, "i");
    w->index = make_index(w, SB_SCHEMA_INDEX, "k");
    if (committed) {
        commit(g);
        begin_read(g);
    }
    return w;
}

static void close_world(world *w)
{
    exec_close(&w->f);
    free(w);
}

/* Sum over all rows of an expression: the run's one row is "rows|sum". */
static void sums_to(exec_fixture *f, sb_plan *p, sb_expr *e, int64_t rows, int64_t sum)
{
    int64_t got_rows = 0, got = 0;
    sb_var *v = var(f, SB_KIND_INT);
    uint32_t count;

    statement(f, project(f, p, v, e), v, NULL);
    sb_exec_close(f->exec);
    OK(&f->g, sb_exec_open(&f->compiled, &f->options, &f->exec, &f->g.err));
    for (int again = 0; again < 2; again++) {
        got_rows = got = 0;
        do {
            OK(&f->g, sb_exec_next(f->exec, &count, &f->g.err));
            for (uint32_t i = 0; i < count; i++)
                got += sb_exec_value(f->exec, 0, i).as.integer;
            got_rows += count;
        } while (count != 0);
        assert_int_equal(got_rows, rows);
        assert_int_equal(got, sum);
        OK(&f->g, sb_exec_reset(f->exec, &f->options, &f->g.err));
    }
}

static sb_plan *scan(exec_fixture *f, sb_plan *input, const char *name_text, sb_var *v)
{
    sb_plan *p = plan(f, name_text == NULL ? SB_PLAN_ALL_NODES : SB_PLAN_LABEL_SCAN, input);
    p->as.scan.node = v;
    if (name_text != NULL) {
        p->as.scan.label_given = true;
        p->as.scan.label = plan_name(f, SB_NAME_LABEL, name_text);
    }
    return p;
}

static void check_scans(world *w)
{
    exec_fixture *f = &w->f;
    int64_t sum = 0, even = 0;

    for (int i = 1; i <= NODES; i++) {
        sum += i;
        if (i % 2 == 0) even += i;
    }
    exec_clear(f);
    sb_var *n = var(f, SB_KIND_NODE), *m = var(f, SB_KIND_NODE), *x = var(f, SB_KIND_INT);
    sums_to(f, scan(f, argument(f, NULL), "A", n), prop(f, ref(f, n), "i"), NODES, sum);
    exec_clear(f);
    n = var(f, SB_KIND_NODE);
    sums_to(f, scan(f, argument(f, NULL), "B", n), prop(f, ref(f, n), "i"), NODES / 2, even);
    exec_clear(f);
    n = var(f, SB_KIND_NODE);
    sums_to(f, scan(f, argument(f, NULL), NULL, n), prop(f, ref(f, n), "i"), NODES, sum);
    exec_clear(f);
    n = var(f, SB_KIND_NODE);
    sums_to(f, scan(f, argument(f, NULL), "Nowhere", n), prop(f, ref(f, n), "i"), 0, 0);
    exec_clear(f); /* a scan for each row */
    n = var(f, SB_KIND_NODE);
    m = var(f, SB_KIND_NODE);
    x = var(f, SB_KIND_INT);
    sb_plan *p = scan(f, unwind(f, argument(f, NULL), range(f, 1, 3), x), "B", n);
    sums_to(f, p, op2(f, SB_OP2_MUL, ref(f, x), prop(f, ref(f, n), "i")), NODES / 2 * 3, even * 6);
    (void)m;
}

static sb_plan *expand(exec_fixture *f, sb_plan_kind kind, sb_plan *input, sb_var *from,
                       sb_rel_direction direction, const char *type, sb_var *rel, sb_var *to)
{
    sb_plan *p = plan(f, kind, input);
    p->as.expand.from = from;
    p->as.expand.rel = rel;
    p->as.expand.to = to;
    p->as.expand.direction = direction;
    if (type != NULL) {
        p->as.expand.types = plan_names(f, SB_NAME_TYPE, type);
        p->as.expand.type_count = 1;
    }
    return p;
}

/* All (from, to) of a type: visit each in one direction. */
typedef struct pairs {
    int64_t rows, sum; /* of from × 3 + to */
} pairs;
static void add_pair(pairs *p, int from, int to)
{
    p->rows++;
    p->sum += from * 3 + to;
}
static pairs all_pairs(sb_rel_direction direction, const char *type, bool even_ends)
{
    pairs p = {0, 0};

    for (int i = 1; i < NODES; i++)
        for (int which = 0; which < 3; which++) {
            const int to = which == 0 ? i + 1 : which == 1 ? 2 * i : i;
            const bool is_t = which < 2,
                       exists = which == 0 || (which == 1 ? to <= NODES : i % 5 == 0);
            if (!exists || (type != NULL && is_t != (type[0] == 'T'))) continue;
            if (direction != SB_REL_IN && (!even_ends || to % 2 == 0)) add_pair(&p, i, to);
            if (direction == SB_REL_IN && (!even_ends || i % 2 == 0)) add_pair(&p, to, i);
            if (direction == SB_REL_EITHER && i != to && (!even_ends || i % 2 == 0))
                add_pair(&p, to, i);
        }
    return p;
}

static void check_expansions(world *w)
{
    exec_fixture *f = &w->f;
    static const char *const types[] = {"T", "L", NULL};

    for (int direction = SB_REL_OUT; direction <= SB_REL_EITHER; direction++)
        for (size_t t = 0; t < 3; t++) {
            const pairs expected = all_pairs((sb_rel_direction)direction, types[t], false),
                        even = all_pairs((sb_rel_direction)direction, types[t], true);
            for (int labels = 0; labels < 2; labels++) {
                exec_clear(f);
                sb_var *n = var(f, SB_KIND_NODE), *m = var(f, SB_KIND_NODE),
                       *r = var(f, SB_KIND_REL);
                sb_plan *p = expand(f, SB_PLAN_EXPAND, scan(f, argument(f, NULL), NULL, n), n,
                                    (sb_rel_direction)direction, types[t], r, m);
                if (labels) p->as.expand.to_labels = labelled(f, "B");
                sb_expr *e =
                    op2(f, SB_OP2_ADD, op2(f, SB_OP2_MUL, prop(f, ref(f, n), "i"), num(f, 3)),
                        prop(f, ref(f, m), "i"));
                sums_to(f, p, e, labels ? even.rows : expected.rows,
                        labels ? even.sum : expected.sum);
            }
            exec_clear(f);
            sb_var *n = var(f, SB_KIND_NODE), *m = var(f, SB_KIND_NODE), *r = var(f, SB_KIND_REL);
            sb_plan *p = expand(f, SB_PLAN_REL_SCAN, argument(f, NULL), n,
                                (sb_rel_direction)direction, types[t], r, m);
            sums_to(f, p,
                    op2(f, SB_OP2_ADD, op2(f, SB_OP2_MUL, prop(f, ref(f, n), "i"), num(f, 3)),
                        prop(f, ref(f, m), "i")),
                    expected.rows, expected.sum);
        }
}

/* (a)-[r:T]->(b)-[s:T]->(c) with r and s different; the relationship's own property says where it leads. */
static void check_two_steps(world *w)
{
    exec_fixture *f = &w->f;
    int64_t rows = 0, sum = 0;

    for (int i = 1; i < NODES; i++)
        for (int first = 0; first < 2; first++)
            for (int second = 0; second < 2; second++) {
                const int b = first == 0 ? i + 1 : 2 * i;
                const int c = second == 0 ? b + 1 : 2 * b;
                /* from 1 both ways lead to 2 */
                if (b > NODES || c > NODES || (b == NODES && second == 0)) continue;
                rows++;
                sum += b * 10000 + c;
            }
    exec_clear(f);
    sb_var *a = var(f, SB_KIND_NODE), *b = var(f, SB_KIND_NODE), *c = var(f, SB_KIND_NODE),
           *r = var(f, SB_KIND_REL), *s = var(f, SB_KIND_REL);
    sb_plan *p =
        expand(f, SB_PLAN_EXPAND, scan(f, argument(f, NULL), "A", a), a, SB_REL_OUT, "T", r, b);
    p = expand(f, SB_PLAN_EXPAND, p, b, SB_REL_OUT, "T", s, c);
    p->as.expand.unlike = vars(f, &p->as.expand.unlike_count, r, NULL);
    sums_to(f, p, prop(f, ref(f, s), "w"), rows, sum);
    exec_clear(
        f); /* either direction: back by another relationship only, which parallel ones of node 1 allow */
    a = var(f, SB_KIND_NODE);
    b = var(f, SB_KIND_NODE);
    r = var(f, SB_KIND_REL);
    s = var(f, SB_KIND_REL);
    p = expand(f, SB_PLAN_EXPAND, scan(f, argument(f, NULL), "A", a), a, SB_REL_EITHER, "T", r, b);
    p = expand(f, SB_PLAN_EXPAND, p, b, SB_REL_EITHER, "T", s, a);
    p->as.expand.to_bound = true;
    p->as.expand.unlike = vars(f, &p->as.expand.unlike_count, r, NULL);
    sums_to(f, p, num(f, 1), 4, 4);
    exec_clear(f);
    a = var(f, SB_KIND_NODE);
    b = var(f, SB_KIND_NODE);
    r = var(f, SB_KIND_REL);
    s = var(f, SB_KIND_REL);
    p = expand(f, SB_PLAN_EXPAND, scan(f, argument(f, NULL), "A", a), a, SB_REL_EITHER, "T", r, b);
    p = expand(f, SB_PLAN_EXPAND_INTO, p, b, SB_REL_EITHER, "T", s, a);
    p->as.expand.unlike = vars(f, &p->as.expand.unlike_count, r, NULL);
    sums_to(f, p, num(f, 1), 4, 4);
}

static sb_plan *seek(world *w, sb_plan *input, uint32_t schema, sb_var *v, sb_expr *equal)
{
    sb_plan *p = plan(&w->f, SB_PLAN_INDEX_SEEK, input);
    p->as.seek.schema = schema;
    p->as.seek.entity = v;
    p->as.seek.unique = schema == w->unique;
    if (equal != NULL) {
        p->as.seek.equal = zeroed(&w->f, sizeof(sb_expr *));
        p->as.seek.equal[0] = equal;
        p->as.seek.equal_count = 1;
    }
    return p;
}

static void check_seeks(world *w)
{
    exec_fixture *f = &w->f;
    sb_plan *p;

    exec_clear(f); /* one node for each row; 0, 1501, null, a string, a map find none */
    sb_var *x = var(f, SB_KIND_ANY), *n = var(f, SB_KIND_NODE);
    sb_expr *list = range(f, 0, NODES + 1);
    list->args[3] = null_(f);
    list->args[4] = str(f, "4");
    list->args[5] = map_(f, "a", num(f, 1), NULL, NULL);
    list->args[6] = dec(f, 6.0);
    p = seek(w, unwind(f, argument(f, NULL), list, x), w->unique, n, ref(f, x));
    sums_to(f, p, prop(f, ref(f, n), "i"), NODES - 3, (int64_t)NODES * (NODES + 1) / 2 - 3 - 4 - 5);
    exec_clear(f); /* many nodes a key */
    x = var(f, SB_KIND_ANY);
    n = var(f, SB_KIND_NODE);
    p = seek(w, unwind(f, argument(f, NULL), range(f, 3, 12), x), w->index, n, ref(f, x));
    sums_to(f, p, prop(f, ref(f, n), "k"), 7 * NODES / 10,
            (3 + 4 + 5 + 6 + 7 + 8 + 9) * NODES / 10);
    exec_clear(f); /* IN a list with doubles */
    n = var(f, SB_KIND_NODE);
    list = expr(f, SB_EXPR_LIST, 6, num(f, 3), dec(f, 3.0), null_(f), num(f, 4), str(f, "x"),
                num(f, 3));
    p = seek(w, argument(f, NULL), w->index, n, list);
    p->as.seek.in_list = true;
    sums_to(f, p, prop(f, ref(f, n), "k"), 2 * NODES / 10, 7 * NODES / 10);
    exec_clear(f); /* a range */
    n = var(f, SB_KIND_NODE);
    p = seek(w, argument(f, NULL), w->index, n, NULL);
    p->as.seek.low = (sb_plan_bound){num(f, 2), false};
    p->as.seek.high = (sb_plan_bound){dec(f, 4.0), true};
    sums_to(f, p, prop(f, ref(f, n), "k"), 2 * NODES / 10, 7 * NODES / 10);
    exec_clear(f);
    n = var(f, SB_KIND_NODE);
    p = seek(w, argument(f, NULL), w->index, n, NULL);
    p->as.seek.low = (sb_plan_bound){null_(f), false};
    sums_to(f, p, prop(f, ref(f, n), "k"), 0, 0);
}

static void check_by_id(world *w)
{
    exec_fixture *f = &w->f;
    int64_t sum = 0;

    exec_clear(f);
    sb_var *x = var(f, SB_KIND_ANY), *n = var(f, SB_KIND_NODE);
    sb_plan *p = plan(f, SB_PLAN_NODE_BY_ID, unwind(f, argument(f, NULL), range(f, -1, 5000), x));
    p->as.by_id.node = n;
    p->as.by_id.id = ref(f, x);
    sums_to(f, p, prop(f, ref(f, n), "i"), NODES, (int64_t)NODES * (NODES + 1) / 2);
    exec_clear(f);
    n = var(f, SB_KIND_NODE);
    char node[30], rel[30];
    snprintf(node, sizeof node, "n%llu", (unsigned long long)w->ids[8]);
    snprintf(rel, sizeof rel, "r%llu", (unsigned long long)w->ids[9]);
    p = plan(f, SB_PLAN_NODE_BY_ID, argument(f, NULL));
    p->as.by_id.node = n;
    p->as.by_id.list = true;
    p->as.by_id.id =
        expr(f, SB_EXPR_LIST, 6, num(f, (int64_t)w->ids[7]), num(f, (int64_t)w->ids[10]),
             num(f, (int64_t)w->ids[7]), str(f, node + 1), str(f, node), null_(f));
    sums_to(f, p, prop(f, ref(f, n), "i"), 2, 17);
    exec_clear(f); /* by elementId() */
    n = var(f, SB_KIND_NODE);
    p = plan(f, SB_PLAN_NODE_BY_ID, argument(f, NULL));
    p->as.by_id.node = n;
    p->as.by_id.list = true;
    p->as.by_id.of_element = true;
    p->as.by_id.id = expr(f, SB_EXPR_LIST, 6, num(f, (int64_t)w->ids[7]), str(f, node),
                          str(f, node), str(f, node + 1), str(f, rel), null_(f));
    sums_to(f, p, prop(f, ref(f, n), "i"), 1, 8);
    exec_clear(f); /* a relationship with its ends */
    n = var(f, SB_KIND_REL);
    x = var(f, SB_KIND_ANY);
    sb_var *a = var(f, SB_KIND_NODE), *b = var(f, SB_KIND_NODE);
    p = plan(f, SB_PLAN_NODE_BY_ID, unwind(f, argument(f, NULL), range(f, 1, 20), x));
    p->as.by_id.node = n;
    p->as.by_id.id = ref(f, x);
    p->as.by_id.on_rels = true;
    p->as.by_id.from = a;
    p->as.by_id.to = b;
    p = filter(f, p,
               op2(f, SB_OP2_EQ,
                   op2(f, SB_OP2_ADD, op2(f, SB_OP2_MUL, prop(f, ref(f, a), "i"), num(f, 10000)),
                       prop(f, ref(f, b), "i")),
                   prop(f, ref(f, n), "w")));
    (void)sum;
    sums_to(f, p, num(f, 1), 20, 20);
}

static void check_predicates(world *w)
{
    exec_fixture *f = &w->f;

    exec_clear(f);
    sb_var *n = var(f, SB_KIND_NODE);
    sb_plan *p = scan(f, argument(f, NULL), "A", n);
    sb_expr *both =
        op2(f, SB_OP2_AND, op2(f, SB_OP2_EQ, prop(f, ref(f, n), "s"), str(f, "n7")),
            op1(f, SB_OP1_NOT, op2(f, SB_OP2_GE, prop(f, ref(f, n), "i"), num(f, 1000))));
    sums_to(f, filter(f, p, both), num(f, 1), 10, 10);
    exec_clear(f);
    n = var(f, SB_KIND_NODE);
    p = scan(f, argument(f, NULL), "A", n);
    sb_expr *has = expr(f, SB_EXPR_HAS_LABELS, 1, ref(f, n));
    has->labels = labelled(f, "B");
    sums_to(f, filter(f, p, has), num(f, 1), NODES / 2, NODES / 2);
    exec_clear(f);
    n = var(f, SB_KIND_NODE);
    p = scan(f, argument(f, NULL), "A", n);
    sums_to(f, filter(f, p, op1(f, SB_OP1_IS_NULL, prop(f, ref(f, n), "none"))), num(f, 1), NODES,
            NODES);
}

/* ---- Shortcuts: counts that the graph makes, and by the lengths of lists, against the same by rows ------------------------ */

static const sb_function count_function = {.name = "count", .flags = SB_FUNC_AGGREGATE};

/* count(*) of a plan, with a group or without; by_rows: through a projection that keeps shortcuts away. */
static sb_plan *counted(exec_fixture *f, sb_plan *input, sb_var *group_var, sb_expr *group,
                        sb_var *count, bool by_rows)
{
    sb_plan_assign *groups = zeroed(f, sizeof *groups);
    sb_plan_aggregate *items = zeroed(f, sizeof *items);
    sb_var *none = var(f, SB_KIND_ANY);
    sb_plan *p = plan(f, SB_PLAN_AGGREGATE, by_rows ? project(f, input, none, num(f, 1)) : input);
    groups[0] = (sb_plan_assign){.expr = group, .var = group_var};
    items[0] = (sb_plan_aggregate){.function = &count_function, .var = count};
    p->as.aggregate.groups = groups;
    p->as.aggregate.group_count = group != NULL;
    p->as.aggregate.aggregates = items;
    p->as.aggregate.aggregate_count = 1;
    return p;
}

/* Both ways give the same rows. */
typedef sb_plan *(*counted_plan)(world *w, int which, bool by_rows, sb_var **a, sb_var **b);
static void check_both_ways(world *w, counted_plan make, int which)
{
    exec_fixture *f = &w->f;
    char *by_rows;
    sb_var *a, *b;

    exec_clear(f);
    sb_plan *p = make(w, which, true, &a, &b);
    statement(f, p, a, b, NULL);
    OK(&f->g, run(f));
    by_rows = strdup(rows_text(f));
    exec_clear(f);
    p = make(w, which, false, &a, &b);
    statement(f, p, a, b, NULL);
    gives(f, by_rows);
    free(by_rows);
}

/* Conditions on i, k or s of nodes, and on w of relationships. */
static sb_plan *scan_count(world *w, int which, bool by_rows, sb_var **a, sb_var **b)
{
    exec_fixture *f = &w->f;
    const bool rels = which % 2 == 1;
    sb_var *n = var(f, rels ? SB_KIND_REL : SB_KIND_NODE), *from = var(f, SB_KIND_NODE),
           *to = var(f, SB_KIND_NODE);
    sb_plan *p;
    const char *key = rels ? "w" : which % 4 == 0 ? "i" : "s";
    sb_expr *bound = which / 16 == 0   ? num(f, 700)
                     : which / 16 == 1 ? dec(f, 700.5)
                     : which / 16 == 2 ? str(f, "n3")
                     : which / 16 == 3 ? null_(f)
                                       : boolean(f, true);
    static const sb_op2 ops[] = {SB_OP2_EQ, SB_OP2_LT, SB_OP2_LE, SB_OP2_GT, SB_OP2_GE};
    const sb_op2 op = ops[which / 4 % 4 + (which / 16 % 2)];

    if (rels) {
        p = plan(f, SB_PLAN_REL_SCAN, argument(f, NULL));
        p->as.expand.rel = n;
        p->as.expand.from = from;
        p->as.expand.to = to;
        p->as.expand.direction = SB_REL_OUT;
        p->as.expand.types = plan_names(f, SB_NAME_TYPE, "T");
        p->as.expand.type_count = 1;
        if (bound->kind == SB_EXPR_INT) bound->value.integer *= 10000;
    } else {
        p = scan(f, argument(f, NULL), "A", n);
    }
    p = filter(f, p,
               which % 3 == 0 ? op2(f, op, bound, prop(f, ref(f, n), key))
                              : op2(f, op, prop(f, ref(f, n), key), bound));
    if (which % 5 == 0) p = filter(f, p, op2(f, SB_OP2_GT, prop(f, ref(f, n), key), num(f, 100)));
    *a = var(f, SB_KIND_INT);
    *b = *a;
    return counted(f, p, NULL, NULL, *a, by_rows);
}

/* Grouped by one end of an expansion, or of a scan of relationships; sorted, since groups come in another order. */
static sb_plan *degree_count(world *w, int which, bool by_rows, sb_var **a, sb_var **b)
{
    exec_fixture *f = &w->f;
    const sb_rel_direction direction = (sb_rel_direction)(which % 3);
    const char *type = which / 3 % 3 == 0 ? "T" : which / 3 % 3 == 1 ? "L" : NULL;
    const int form = which / 9 % 4;
    sb_var *n = var(f, SB_KIND_NODE), *m = var(f, SB_KIND_NODE), *r = var(f, SB_KIND_REL);
    sb_plan *p;

    if (form < 2) {
        p = expand(f, SB_PLAN_EXPAND, scan(f, argument(f, NULL), NULL, n), n, direction, type, r,
                   m);
    } else {
        p = expand(f, SB_PLAN_REL_SCAN, argument(f, NULL), n, direction, type, r, m);
        p->rows = 10000;
    }
    *a = var(f, SB_KIND_ANY);
    *b = var(f, SB_KIND_INT);
    sb_expr *group = form == 0   ? NULL
                     : form == 1 ? op2(f, SB_OP2_MOD, prop(f, ref(f, n), "i"), num(f, 7))
                     : form == 2 ? prop(f, ref(f, n), "i")
                                 : prop(f, ref(f, m), "i");
    if (group == NULL) *a = *b;
    p = counted(f, p, *a, group, *b, by_rows);
    sb_plan *sorted = plan(f, SB_PLAN_SORT, p);
    sb_plan_sort_key *keys = zeroed(f, sizeof *keys);
    keys[0].var = *a;
    sorted->as.sort.keys = keys;
    sorted->as.sort.count = 1;
    return sorted;
}

static void check_shortcuts(world *w)
{
    for (int which = 0; which < 80; which++)
        check_both_ways(w, scan_count, which);
    for (int which = 0; which < 36; which++)
        check_both_ways(w, degree_count, which);
}

static void check_all(bool committed)
{
    world *w = open_world(committed);

    check_scans(w);
    check_expansions(w);
    check_two_steps(w);
    check_seeks(w);
    check_by_id(w);
    check_predicates(w);
    check_shortcuts(w);
    close_world(w);
}

static void test_exec_graph__in_the_transaction(void **state)
{
    (void)state;
    check_all(false);
}

static void test_exec_graph__committed(void **state)
{
    (void)state;
    check_all(true);
}

/* A run that is stopped in the middle holds nothing of its transaction, and the next one is whole. */
static void test_exec_graph__stop(void **state)
{
    world *w = open_world(true);
    exec_fixture *f = &w->f;
    uint32_t count;
    (void)state;
    sb_var *n = var(f, SB_KIND_NODE), *m = var(f, SB_KIND_NODE), *v = var(f, SB_KIND_ANY);
    sb_plan *p =
        expand(f, SB_PLAN_EXPAND, scan(f, argument(f, NULL), "A", n), n, SB_REL_OUT, "T", NULL, m);
    p = limit(f, SB_PLAN_LIMIT, p, num(f, 3));
    statement(f, project(f, p, v, prop(f, ref(f, m), "i")), v, NULL);
    OK(&f->g, sb_exec_open(&f->compiled, &f->options, &f->exec, &f->g.err));
    OK(&f->g, sb_exec_next(f->exec, &count, &f->g.err));
    assert_int_equal(count, 3);
    sb_exec_stop(f->exec);
    OK(&f->g, sb_exec_next(f->exec, &count, &f->g.err));
    assert_int_equal(count, 0);
    rollback(&f->g);
    begin_read(&f->g);
    f->options.graph = f->g.graph;
    OK(&f->g, sb_exec_reset(f->exec, &f->options, &f->g.err));
    OK(&f->g, fetch_rows(f));
    sb_exec_stop(f->exec);
    sb_exec_stop(f->exec);
    close_world(w);
}

/* A prepared look-up allocates nothing, nor does one of neighbors. */
static void test_exec_graph__point_query(void **state)
{
    world *w = open_world(true);
    exec_fixture *f = &w->f;
    (void)state;
    sb_var *n = var(f, SB_KIND_NODE), *v = var(f, SB_KIND_ANY);
    sb_plan *p = seek(w, argument(f, NULL), w->unique, n, param(f, "i", sb_val_int(1)));
    statement(f, project(f, p, v, prop(f, ref(f, n), "i")), v, NULL);
    OK(&f->g, run(f));
    OK(&f->g, sb_exec_reset(f->exec, &f->options, &f->g.err));
    OK(&f->g, fetch_rows(f));
    const size_t before = f->g.alloc.alloc_count;
    for (int i = 1; i <= NODES; i++) {
        uint32_t count;
        f->values[0] = sb_val_int(i);
        OK(&f->g, sb_exec_reset(f->exec, &f->options, &f->g.err));
        OK(&f->g, sb_exec_next(f->exec, &count, &f->g.err));
        assert_int_equal(count, 1);
        assert_int_equal(sb_exec_value(f->exec, 0, 0).as.integer, i);
        OK(&f->g, sb_exec_next(f->exec, &count, &f->g.err));
        assert_int_equal(count, 0);
    }
    assert_int_equal(f->g.alloc.alloc_count, before);
    exec_clear(f);
    n = var(f, SB_KIND_NODE);
    v = var(f, SB_KIND_NODE);
    p = seek(w, argument(f, NULL), w->unique, n, param(f, "i", sb_val_int(1)));
    statement(f, expand(f, SB_PLAN_EXPAND, p, n, SB_REL_OUT, "T", NULL, v), v, NULL);
    OK(&f->g, sb_exec_open(&f->compiled, &f->options, &f->exec, &f->g.err));
    size_t second = 0;
    for (int i = 1; i < 50; i++) {
        uint32_t count;
        f->values[0] = sb_val_int(i);
        OK(&f->g, sb_exec_reset(f->exec, &f->options, &f->g.err));
        OK(&f->g, sb_exec_next(f->exec, &count, &f->g.err));
        assert_int_equal(count, 2);
        OK(&f->g, sb_exec_next(f->exec, &count, &f->g.err));
        assert_int_equal(count, 0);
        if (i == 2) second = f->g.alloc.alloc_count;
    }
    assert_int_equal(f->g.alloc.alloc_count, second);
    close_world(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_exec_graph__in_the_transaction),
        TEST(test_exec_graph__committed),
        TEST(test_exec_graph__stop),
        TEST(test_exec_graph__point_query),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
