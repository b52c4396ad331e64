/* Goal: what writing operators do to the graph, what they count, and what they refuse.
 * Method: plans by hand on a graph that starts empty; the graph is then read with plans, or by the graph's own calls. */
#include "exec_fixture.h"

static void write_open(exec_fixture *f)
{
    exec_open(f);
    begin_write(&f->g);
    f->writes = true;
}

/* ---- Making plans ------------------------------------------------------------------------------------------------- */

static sb_plan_create pattern(exec_fixture *f, sb_var *a, const char *a_label, sb_expr *a_props,
                              sb_var *r, const char *type, sb_expr *r_props, sb_var *b, bool b_made)
{
    sb_plan_create_node *nodes = zeroed(f, 2 * sizeof *nodes);
    sb_plan_create_rel *rels = zeroed(f, sizeof *rels);
    sb_plan_create c = {.nodes = nodes, .rels = rels};

    if (a_label != NULL)
        nodes[c.node_count++] =
            (sb_plan_create_node){.var = a,
                                  .labels = plan_names(f, SB_NAME_LABEL, a_label),
                                  .label_count = 1,
                                  .props = a_props};
    if (b_made) nodes[c.node_count++] = (sb_plan_create_node){.var = b};
    if (r != NULL)
        rels[c.rel_count++] = (sb_plan_create_rel){.var = r,
                                                   .from = a,
                                                   .to = b,
                                                   .type = plan_name(f, SB_NAME_TYPE, type),
                                                   .props = r_props};
    return c;
}

static sb_plan *create(exec_fixture *f, sb_plan *input, sb_plan_create c)
{
    sb_plan *p = plan(f, SB_PLAN_CREATE, input);
    p->as.create = c;
    return p;
}

static sb_plan *scan(exec_fixture *f, sb_plan *input, const char *name_text, sb_var *v)
{
    sb_plan *p = plan(f, SB_PLAN_LABEL_SCAN, input);
    p->as.scan.node = v;
    p->as.scan.label_given = true;
    p->as.scan.label = plan_name(f, SB_NAME_LABEL, name_text);
    return p;
}

static sb_plan *expand(exec_fixture *f, sb_plan *input, sb_var *from, const char *type, sb_var *rel,
                       sb_var *to)
{
    sb_plan *p = plan(f, SB_PLAN_EXPAND, input);
    p->as.expand.from = from;
    p->as.expand.rel = rel;
    p->as.expand.to = to;
    p->as.expand.direction = SB_REL_OUT;
    p->as.expand.types = plan_names(f, SB_NAME_TYPE, type);
    p->as.expand.type_count = 1;
    return p;
}

static sb_plan *set(exec_fixture *f, sb_plan *input, sb_set_kind kind, sb_expr *target,
                    const char *key, sb_expr *value)
{
    sb_plan *p = plan(f, SB_PLAN_SET, input);
    sb_plan_set_item *item = zeroed(f, sizeof *item);
    item->kind = kind;
    item->target = target;
    item->value = value;
    if (kind == SB_SET_PROPERTY) item->key = plan_name(f, SB_NAME_KEY, key);
    if (kind == SB_SET_LABELS) {
        item->labels = plan_names(f, SB_NAME_LABEL, key);
        item->label_count = 1;
    }
    p->as.set.items = item;
    p->as.set.count = 1;
    return p;
}

static sb_plan *delete_(exec_fixture *f, sb_plan *input, bool detach, sb_expr *e)
{
    sb_plan *p = plan(f, SB_PLAN_DELETE, input);
    p->as.delete_.entities = zeroed(f, sizeof(sb_expr *));
    p->as.delete_.entities[0] = e;
    p->as.delete_.count = 1;
    p->as.delete_.detach = detach;
    return p;
}

/* Run a statement without columns. */
static void does(exec_fixture *f, sb_plan *p)
{
    statement(f, p, NULL);
    OK(&f->g, run(f));
    assert_int_equal(f->text.size, 0);
}

/* n nodes :A {i: 1…n} */
static void make_nodes(exec_fixture *f, int64_t n)
{
    exec_clear(f);
    sb_var *x = var(f, SB_KIND_INT), *a = var(f, SB_KIND_NODE);
    does(f, create(f, unwind(f, argument(f, NULL), range(f, 1, n), x),
                   pattern(f, a, "A", map_(f, "i", ref(f, x), NULL, NULL), NULL, NULL, NULL, NULL,
                           false)));
}

/* i of all nodes of a label, in order. */
static void nodes_are(exec_fixture *f, const char *label_text, const char *key, const char *rows)
{
    exec_clear(f);
    f->writes = false;
    sb_var *n = var(f, SB_KIND_NODE), *v = var(f, SB_KIND_ANY);
    statement(f, project(f, scan(f, argument(f, NULL), label_text, n), v, prop(f, ref(f, n), key)),
              v, NULL);
    gives(f, rows);
    f->writes = true;
}

/* ---- CREATE ------------------------------------------------------------------------------------------------------------ */

static void test_exec_write__create(void **state)
{
    exec_fixture f;
    (void)state;
    write_open(&f);
    sb_var *x = var(&f, SB_KIND_ANY), *a = var(&f, SB_KIND_NODE), *b = var(&f, SB_KIND_NODE),
           *r = var(&f, SB_KIND_REL), *v = var(&f, SB_KIND_ANY);
    sb_expr *list = expr(&f, SB_EXPR_LIST, 3, num(&f, 1), null_(&f), str(&f, "s"));
    sb_plan *p = create(&f, unwind(&f, argument(&f, NULL), list, x),
                        pattern(&f, a, "A", map_(&f, "i", ref(&f, x), NULL, NULL), r, "T",
                                map_(&f, "w", num(&f, 5), NULL, NULL), b, true));
    p = project(&f, p, v,
                expr(&f, SB_EXPR_LIST, 2, prop(&f, ref(&f, a), "i"), prop(&f, ref(&f, r), "w")));
    statement(&f, p, v, NULL);
    gives(&f, "[1, 5]\n[null, 5]\n['s', 5]\n");
    assert_int_equal(f.stats.nodes_created, 6);
    assert_int_equal(f.stats.rels_created, 3);
    assert_int_equal(f.stats.properties_set, 5);
    assert_int_equal(f.stats.labels_added, 3);
    nodes_are(&f, "A", "i", "1\nnull\n's'\n");
    exec_close(&f);
}

static void test_exec_write__create_many(void **state)
{
    exec_fixture f;
    (void)state;
    write_open(&f);
    make_nodes(&f, 2500);
    assert_int_equal(f.stats.nodes_created, 2500);
    exec_clear(&f); /* a relationship from each to itself */
    sb_var *a = var(&f, SB_KIND_NODE), *r = var(&f, SB_KIND_REL);
    sb_plan *e = plan(&f, SB_PLAN_EAGER, scan(&f, argument(&f, NULL), "A", a));
    does(&f, create(&f, e, pattern(&f, a, NULL, NULL, r, "L", NULL, a, false)));
    assert_int_equal(f.stats.rels_created, 2500);
    exec_close(&f);
}

static void test_exec_write__create_refuses(void **state)
{
    exec_fixture f;
    (void)state;
    write_open(&f);
    sb_var *a = var(&f, SB_KIND_NODE);
    statement(
        &f,
        create(&f, argument(&f, NULL),
               pattern(&f, a, "A", map_(&f, "i", map_(&f, "k", num(&f, 1), NULL, NULL), NULL, NULL),
                       NULL, NULL, NULL, NULL, false)),
        NULL);
    fails(&f, SB_TYPE_MISMATCH, SB_CYPHER_INVALID_PROPERTY_TYPE, "");
    exec_clear(&f);
    a = var(&f, SB_KIND_NODE);
    statement(
        &f,
        create(&f, argument(&f, NULL),
               pattern(&f, a, "A", param(&f, "p", sb_val_int(1)), NULL, NULL, NULL, NULL, false)),
        NULL);
    fails(&f, SB_TYPE_MISMATCH, SB_CYPHER_ARGUMENT_TYPE, "expected a map");
    exec_clear(&f);
    a = var(&f, SB_KIND_NODE);
    sb_var *r = var(&f, SB_KIND_REL), *n = var(&f, SB_KIND_ANY);
    statement(&f,
              create(&f, project(&f, argument(&f, NULL), n, null_(&f)),
                     pattern(&f, a, "A", NULL, r, "T", NULL, n, false)),
              NULL);
    fails(&f, SB_TYPE_MISMATCH, SB_CYPHER_ARGUMENT_TYPE, "expected a node");
    exec_close(&f);
}

/* ---- SET ---------------------------------------------------------------------------------------------------------------- */

static void test_exec_write__set(void **state)
{
    exec_fixture f;
    (void)state;
    write_open(&f);
    make_nodes(&f, 3);
    exec_clear(&f);
    sb_var *a = var(&f, SB_KIND_NODE);
    sb_plan *p = scan(&f, argument(&f, NULL), "A", a);
    does(&f, set(&f, p, SB_SET_PROPERTY, ref(&f, a), "j",
                 op2(&f, SB_OP2_MUL, prop(&f, ref(&f, a), "i"), num(&f, 10))));
    assert_int_equal(f.stats.properties_set, 3);
    nodes_are(&f, "A", "j", "10\n20\n30\n");
    exec_clear(&f); /* null removes; a key that is nowhere changes nothing */
    a = var(&f, SB_KIND_NODE);
    p = filter(&f, scan(&f, argument(&f, NULL), "A", a),
               op2(&f, SB_OP2_EQ, prop(&f, ref(&f, a), "i"), num(&f, 2)));
    p = set(&f, p, SB_SET_PROPERTY, ref(&f, a), "j", null_(&f));
    does(&f, set(&f, p, SB_SET_PROPERTY, ref(&f, a), "nowhere", null_(&f)));
    assert_int_equal(f.stats.properties_set, 1);
    nodes_are(&f, "A", "j", "10\nnull\n30\n");
    exec_clear(&f); /* += and = */
    a = var(&f, SB_KIND_NODE);
    p = scan(&f, argument(&f, NULL), "A", a);
    does(&f,
         set(&f, p, SB_SET_MERGE, ref(&f, a), NULL, map_(&f, "j", null_(&f), "k", str(&f, "x"))));
    assert_int_equal(f.stats.properties_set, 2 + 3);
    nodes_are(&f, "A", "k", "'x'\n'x'\n'x'\n");
    nodes_are(&f, "A", "j", "null\nnull\nnull\n");
    exec_clear(&f);
    a = var(&f, SB_KIND_NODE);
    p = scan(&f, argument(&f, NULL), "A", a);
    does(&f, set(&f, p, SB_SET_REPLACE, ref(&f, a), NULL, map_(&f, "z", num(&f, 1), NULL, NULL)));
    nodes_are(&f, "A", "i", "null\nnull\nnull\n");
    nodes_are(&f, "A", "z", "1\n1\n1\n");
    exec_clear(&f); /* labels, there and back */
    a = var(&f, SB_KIND_NODE);
    p = set(&f, scan(&f, argument(&f, NULL), "A", a), SB_SET_LABELS, ref(&f, a), "B", NULL);
    does(&f, p);
    assert_int_equal(f.stats.labels_added, 3);
    nodes_are(&f, "B", "z", "1\n1\n1\n");
    exec_clear(&f);
    a = var(&f, SB_KIND_NODE);
    p = plan(&f, SB_PLAN_EAGER, scan(&f, argument(&f, NULL), "B", a));
    p = set(&f, p, SB_SET_LABELS, ref(&f, a), "A", NULL);
    ((sb_plan_set_item *)p->as.set.items)->remove = true;
    does(&f, p);
    assert_int_equal(f.stats.labels_removed, 3);
    nodes_are(&f, "A", "z", "");
    exec_close(&f);
}

/* Each row sees what those before it set, whether or not the value tells that it reads the node. */
static void test_exec_write__set_in_order(void **state)
{
    exec_fixture f;
    (void)state;
    write_open(&f);
    make_nodes(&f, 1);
    for (int through_list = 0; through_list < 2; through_list++) {
        exec_clear(&f);
        sb_var *x = var(&f, SB_KIND_INT), *a = var(&f, SB_KIND_NODE), *l = var(&f, SB_KIND_LIST);
        sb_plan *p = scan(&f, unwind(&f, argument(&f, NULL), range(&f, 1, 5), x), "A", a);
        p = project(&f, p, l, expr(&f, SB_EXPR_LIST, 1, ref(&f, a)));
        sb_expr *node =
            through_list ? expr(&f, SB_EXPR_INDEX, 2, ref(&f, l), num(&f, 0)) : ref(&f, a);
        does(&f, set(&f, p, SB_SET_PROPERTY, ref(&f, a), "i",
                     op2(&f, SB_OP2_MUL, prop(&f, node, "i"), num(&f, 2))));
    }
    nodes_are(&f, "A", "i", "1024\n");
    exec_close(&f);
}

static void test_exec_write__set_refuses(void **state)
{
    exec_fixture f;
    (void)state;
    write_open(&f);
    sb_var *v = var(&f, SB_KIND_ANY);
    sb_plan *p = project(&f, argument(&f, NULL), v, null_(&f)); /* null: nothing */
    does(&f, set(&f, p, SB_SET_PROPERTY, ref(&f, v), "i", num(&f, 1)));
    exec_clear(&f);
    v = var(&f, SB_KIND_ANY);
    p = project(&f, argument(&f, NULL), v, num(&f, 1));
    statement(&f, set(&f, p, SB_SET_PROPERTY, ref(&f, v), "i", num(&f, 1)), NULL);
    fails(&f, SB_TYPE_MISMATCH, SB_CYPHER_ARGUMENT_TYPE, "a node or relationship");
    exec_close(&f);
}

/* ---- DELETE ------------------------------------------------------------------------------------------------------------------ */

/* (1)-[:T]->(2)-[:T]->(3) … n */
static void make_chain(exec_fixture *f, int64_t n)
{
    make_nodes(f, n);
    exec_clear(f);
    sb_var *a = var(f, SB_KIND_NODE), *b = var(f, SB_KIND_NODE), *r = var(f, SB_KIND_REL);
    sb_plan *p = scan(f, scan(f, argument(f, NULL), "A", a), "A", b);
    p = filter(f, p,
               op2(f, SB_OP2_EQ, prop(f, ref(f, b), "i"),
                   op2(f, SB_OP2_ADD, prop(f, ref(f, a), "i"), num(f, 1))));
    does(f,
         create(f, plan(f, SB_PLAN_EAGER, p), pattern(f, a, NULL, NULL, r, "T", NULL, b, false)));
    assert_int_equal(f->stats.rels_created, (uint64_t)n - 1);
}

static void test_exec_write__delete(void **state)
{
    exec_fixture f;
    (void)state;
    write_open(&f);
    make_chain(&f, 5);
    exec_clear(&f); /* connected */
    sb_var *a = var(&f, SB_KIND_NODE), *r = var(&f, SB_KIND_REL), *b = var(&f, SB_KIND_NODE),
           *t = var(&f, SB_KIND_ANY);
    uint32_t mark = savepoint(&f.g);
    statement(&f, delete_(&f, scan(&f, argument(&f, NULL), "A", a), false, ref(&f, a)), NULL);
    fails(&f, SB_CONSTRAINT, SB_CYPHER_DELETE_CONNECTED_NODE, "relationship");
    OK(&f.g, sb_txn_rollback_to(f.g.txn, mark, &f.g.err));
    exec_clear(&f); /* a node first, its relationships by a later clause */
    a = var(&f, SB_KIND_NODE);
    b = var(&f, SB_KIND_NODE);
    r = var(&f, SB_KIND_REL);
    sb_plan *p = expand(&f, scan(&f, argument(&f, NULL), "A", a), a, "T", r, b);
    p = filter(&f, p, op2(&f, SB_OP2_EQ, prop(&f, ref(&f, a), "i"), num(&f, 1)));
    p = delete_(&f, plan(&f, SB_PLAN_EAGER, p), false, ref(&f, a));
    does(&f, delete_(&f, p, false, ref(&f, r)));
    assert_int_equal(f.stats.nodes_deleted, 1);
    assert_int_equal(f.stats.rels_deleted, 1);
    nodes_are(&f, "A", "i", "2\n3\n4\n5\n");
    exec_clear(&f); /* twice, and its type afterwards */
    a = var(&f, SB_KIND_NODE);
    b = var(&f, SB_KIND_NODE);
    r = var(&f, SB_KIND_REL);
    t = var(&f, SB_KIND_ANY);
    p = expand(&f, scan(&f, argument(&f, NULL), "A", a), a, "T", r, b);
    p = limit(&f, SB_PLAN_LIMIT, p, num(&f, 1));
    p = delete_(&f, plan(&f, SB_PLAN_EAGER, p), false, ref(&f, r));
    p = delete_(&f, p, false, ref(&f, r));
    sb_expr *has = expr(&f, SB_EXPR_HAS_LABELS, 1, ref(&f, r));
    has->labels = labelled(&f, "T");
    statement(&f, project(&f, p, t, has), t, NULL);
    gives(&f, "true\n");
    assert_int_equal(f.stats.rels_deleted, 1);
    exec_clear(&f); /* detached; null is nobody */
    a = var(&f, SB_KIND_NODE);
    p = delete_(&f, scan(&f, argument(&f, NULL), "A", a), true, ref(&f, a));
    does(&f, delete_(&f, p, true, null_(&f)));
    assert_int_equal(f.stats.nodes_deleted, 4);
    assert_int_equal(f.stats.rels_deleted, 2);
    nodes_are(&f, "A", "i", "");
    exec_close(&f);
}

static uint64_t clock_reads;

static uint64_t count_clock_reads(sb_vfs *vfs)
{
    (void)vfs;
    return ++clock_reads;
}

/* One node with many relationships: the clock is read with each 16th look at interrupt and time limit, one look for each 1,024 of them. */
static void test_exec_write__delete_looks(void **state)
{
    enum { RELS = 100000 };
    exec_fixture f;
    sb_node_id *ends = calloc(RELS, sizeof *ends);
    sb_rel_id *rels = calloc(RELS, sizeof *rels);
    (void)state;
    assert_true(ends != NULL && rels != NULL);
    write_open(&f);
    make_nodes(&f, 1);
    exec_clear(&f);
    for (size_t i = 0; i < RELS; i++)
        ends[i] = 1;
    OK(&f.g, sb_graph_create_rels(f.g.graph, type_of(&f.g, "T"), RELS, ends, ends, NULL, 0, rels,
                                  &f.g.err));
    sb_vfs_ops ops = *f.options.vfs->ops;
    sb_vfs vfs = {.ops = &ops};
    ops.monotonic_ns = count_clock_reads;
    f.options.deadline_ns = UINT64_MAX;
    sb_var *a = var(&f, SB_KIND_NODE);
    sb_plan *p = delete_(&f, scan(&f, argument(&f, NULL), "A", a), true, ref(&f, a));
    statement(&f, p, NULL);
    f.options.vfs = &vfs;
    clock_reads = 0;
    OK(&f.g, run(&f));
    assert_int_equal(f.stats.rels_deleted, RELS);
    assert_true(clock_reads >= RELS / 1024 / 16);
    f.options.vfs = f.g.vfs;
    f.options.deadline_ns = 0;
    free(ends);
    free(rels);
    exec_close(&f);
}

static void test_exec_write__deleted_access(void **state)
{
    exec_fixture f;
    (void)state;
    write_open(&f);
    make_nodes(&f, 1);
    exec_clear(&f);
    sb_var *a = var(&f, SB_KIND_NODE), *v = var(&f, SB_KIND_ANY);
    sb_plan *p = delete_(&f, scan(&f, argument(&f, NULL), "A", a), false, ref(&f, a));
    statement(&f, project(&f, p, v, prop(&f, ref(&f, a), "i")), v, NULL);
    fails(&f, SB_NOT_FOUND, SB_CYPHER_DELETED_ENTITY_ACCESS, "was deleted");
    exec_clear(&f);
    v = var(&f, SB_KIND_ANY);
    statement(&f, delete_(&f, argument(&f, NULL), false, num(&f, 1)), NULL);
    fails(&f, SB_TYPE_MISMATCH, SB_CYPHER_ARGUMENT_TYPE, "DELETE");
    exec_close(&f);
}

/* ---- MERGE, FOREACH ------------------------------------------------------------------------------------------------------------- */

static sb_plan *merge(exec_fixture *f, sb_plan *input, sb_var *x, sb_var *a)
{
    sb_plan *p = plan(f, SB_PLAN_MERGE, input);
    sb_plan *match = scan(f, argument(f, x, NULL), "M", a);
    p->inner = filter(f, match, op2(f, SB_OP2_EQ, prop(f, ref(f, a), "i"), ref(f, x)));
    p->as.merge.create =
        pattern(f, a, "M", map_(f, "i", ref(f, x), NULL, NULL), NULL, NULL, NULL, NULL, false);
    return p;
}

static void merge_sets(exec_fixture *f, sb_plan *p, sb_var *a)
{
    sb_plan_set_item *items = zeroed(f, 2 * sizeof *items);
    items[0] = (sb_plan_set_item){.kind = SB_SET_PROPERTY,
                                  .target = ref(f, a),
                                  .key = plan_name(f, SB_NAME_KEY, "n"),
                                  .value = num(f, 1)};
    items[1] = items[0];
    items[1].value = op2(f, SB_OP2_ADD, prop(f, ref(f, a), "n"), num(f, 1));
    p->as.merge.on_create = items;
    p->as.merge.on_create_count = 1;
    p->as.merge.on_match = items + 1;
    p->as.merge.on_match_count = 1;
}

static void test_exec_write__merge(void **state)
{
    exec_fixture f;
    (void)state;
    write_open(&f);
    sb_var *x = var(&f, SB_KIND_ANY), *a = var(&f, SB_KIND_NODE), *v = var(&f, SB_KIND_ANY);
    sb_expr *list =
        expr(&f, SB_EXPR_LIST, 5, num(&f, 1), num(&f, 2), num(&f, 1), dec(&f, 1.0), num(&f, 2));
    sb_plan *p = merge(&f, unwind(&f, argument(&f, NULL), list, x), x, a);
    merge_sets(&f, p, a);
    /* what ON MATCH reads need not go on */
    set_live(&f, p, (const sb_var *[]){x, a}, 2);
    statement(&f, project(&f, p, v, prop(&f, ref(&f, a), "n")), x, v, NULL);
    gives(&f, "1|1\n2|1\n1|2\n1.0|3\n2|2\n");
    assert_int_equal(f.stats.nodes_created, 2);
    assert_int_equal(f.stats.properties_set, 4 + 3);
    nodes_are(&f, "M", "n", "3\n2\n");
    exec_clear(&f);
    x = var(&f, SB_KIND_ANY);
    a = var(&f, SB_KIND_NODE);
    statement(&f, merge(&f, project(&f, argument(&f, NULL), x, null_(&f)), x, a), NULL);
    fails(&f, SB_INVALID, SB_CYPHER_MERGE_READ_OWN_WRITES, "null");
    exec_close(&f);
}

static void test_exec_write__foreach(void **state)
{
    exec_fixture f;
    (void)state;
    write_open(&f);
    sb_var *x = var(&f, SB_KIND_INT), *y = var(&f, SB_KIND_ANY), *a = var(&f, SB_KIND_NODE);
    sb_plan *p = plan(&f, SB_PLAN_FOREACH, unwind(&f, argument(&f, NULL), range(&f, 1, 2), x));
    p->inner = create(
        &f, argument(&f, x, y, NULL),
        pattern(&f, a, "A",
                map_(&f, "i",
                     op2(&f, SB_OP2_ADD, op2(&f, SB_OP2_MUL, ref(&f, x), num(&f, 10)), ref(&f, y)),
                     NULL, NULL),
                NULL, NULL, NULL, NULL, false));
    p->as.foreach.list = range(&f, 1, 3);
    p->as.foreach.var = y;
    statement(&f, p, x, NULL);
    gives(&f, "1\n2\n");
    assert_int_equal(f.stats.nodes_created, 6);
    nodes_are(&f, "A", "i", "11\n12\n13\n21\n22\n23\n");
    exec_clear(&f); /* a sub-query that returns nothing: once for each row */
    x = var(&f, SB_KIND_INT);
    a = var(&f, SB_KIND_NODE);
    p = plan(&f, SB_PLAN_FOREACH, unwind(&f, argument(&f, NULL), range(&f, 1, 2), x));
    p->inner = create(
        &f, argument(&f, x, NULL),
        pattern(&f, a, "B", map_(&f, "i", ref(&f, x), NULL, NULL), NULL, NULL, NULL, NULL, false));
    statement(&f, p, x, NULL);
    gives(&f, "1\n2\n");
    nodes_are(&f, "B", "i", "1\n2\n");
    exec_close(&f);
}

/* An inner plan that reads nothing but its argument: one look at interrupt and time limit for each item of the list. */
static void test_exec_write__foreach_looks(void **state)
{
    enum { ITEMS = 1000 };
    const uint64_t looks = ITEMS / 16; /* the clock is read with each 16th */
    (void)state;
    for (int what = 0; what < 3; what++) {
        exec_fixture f;
        write_open(&f);
        make_nodes(&f, 1);
        exec_clear(&f);
        sb_vfs_ops ops = *f.g.vfs->ops;
        const sb_vfs_ops *own = f.g.vfs->ops;
        ops.monotonic_ns = count_clock_reads;
        sb_var *a = var(&f, SB_KIND_NODE), *y = var(&f, SB_KIND_ANY), *b = var(&f, SB_KIND_NODE);
        sb_plan *p = plan(&f, SB_PLAN_FOREACH, scan(&f, argument(&f, NULL), "A", a));
        p->inner = argument(&f, a, y, NULL);
        if (what == 0)
            p->inner =
                create(&f, p->inner, pattern(&f, b, "B", NULL, NULL, NULL, NULL, NULL, false));
        else if (what == 1)
            p->inner = set(&f, p->inner, SB_SET_PROPERTY, ref(&f, a), "i", ref(&f, y));
        else
            p->inner = set(&f, p->inner, SB_SET_LABELS, ref(&f, a), "L", NULL);
        p->as.foreach.list = range(&f, 1, ITEMS);
        p->as.foreach.var = y;
        statement(&f, p, NULL);
        f.g.vfs->ops = &ops;
        f.options.deadline_ns = looks;
        clock_reads = 0;
        FAILS(&f.g, run(&f), SB_TIMEOUT, "time limit");
        assert_int_equal(clock_reads, looks);
        f.options.deadline_ns = 0;
        f.g.vfs->ops = own;
        exec_close(&f);
    }
}

/* LIMIT does not keep rows from being written. */
static void test_exec_write__limit_drains(void **state)
{
    exec_fixture f;
    (void)state;
    for (int64_t n = 0; n < 2; n++) {
        write_open(&f);
        sb_var *x = var(&f, SB_KIND_INT), *a = var(&f, SB_KIND_NODE);
        sb_plan *p = create(&f, unwind(&f, argument(&f, NULL), range(&f, 1, 3000), x),
                            pattern(&f, a, "A", NULL, NULL, NULL, NULL, NULL, false));
        statement(&f, limit(&f, SB_PLAN_LIMIT, p, num(&f, n)), x, NULL);
        gives(&f, n == 0 ? "" : "1\n");
        assert_int_equal(f.stats.nodes_created, 3000);
        exec_close(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_exec_write__create),         TEST(test_exec_write__create_many),
        TEST(test_exec_write__create_refuses), TEST(test_exec_write__set),
        TEST(test_exec_write__set_in_order),   TEST(test_exec_write__set_refuses),
        TEST(test_exec_write__delete),         TEST(test_exec_write__deleted_access),
        TEST(test_exec_write__delete_looks),   TEST(test_exec_write__merge),
        TEST(test_exec_write__foreach),        TEST(test_exec_write__foreach_looks),
        TEST(test_exec_write__limit_drains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
