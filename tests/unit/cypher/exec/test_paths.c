/* Goal: paths of variable length, shortest paths, path values, counts and degrees are those of the definition.
 * Method: small random multigraphs with loops and parallel relationships; a plain recursion over all relationships lists every trail,
 * and each plan's rows are compared with what it lists, as sorted texts. */
#include "exec_fixture.h"

#include <stdlib.h>

#define NODES 7
#define RELS  11
#define TYPES 2

typedef struct edge {
    int from, to, type;
    sb_rel_id id;
} edge;
typedef struct world {
    exec_fixture f;
    sb_node_id ids[NODES];
    edge edges[RELS];
    char *lines[200000];
    size_t line_count;
} world;

static world *open_world(uint64_t seed)
{
    static const char *const names[TYPES] = {"T", "U"};
    sb_random random = test_random(seed);
    world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    graph_fixture *g = &w->f.g;
    exec_open(&w->f);
    begin_write(g);
    for (int i = 0; i < NODES; i++) {
        const sb_value number = integer(i);
        const sb_prop_column column = {.key = key_of(g, "i"), .values = &number};
        const sb_set_id set = set_of_label(g, label(g, i % 2 == 0 ? "A" : "B"));
        OK(g, sb_graph_create_nodes(g->graph, set, 1, &column, 1, &w->ids[i], &g->err));
    }
    for (int i = 0; i < RELS; i++) {
        edge *e = &w->edges[i];
        const sb_value number = integer(i);
        const sb_prop_column column = {.key = key_of(g, "i"), .values = &number};
        e->from = (int)sb_random_below(&random, NODES - 1);
        e->to = (int)sb_random_below(&random, NODES - 1);
        e->type = (int)sb_random_below(&random, TYPES);
        OK(g, sb_graph_create_rels(g->graph, type_of(g, names[e->type]), 1, &w->ids[e->from],
                                   &w->ids[e->to], &column, 1, &e->id, &g->err));
    }
    commit(g);
    begin_read(g);
    return w;
}

static void forget_lines(world *w)
{
    for (size_t i = 0; i < w->line_count; i++)
        free(w->lines[i]);
    w->line_count = 0;
}

static void close_world(world *w)
{
    forget_lines(w);
    exec_close(&w->f);
    free(w);
}

/* ---- All trails ---------------------------------------------------------------------------------------------------- */

typedef struct query {
    int from, to; /* to -1: any */
    int type;     /* -1: any */
    sb_rel_direction direction;
    size_t min, max;
    int skip; /* a relationship that no step may be; -1 */
} query;
typedef struct trail {
    int edges[RELS], nodes[RELS + 1];
    size_t length;
} trail;
typedef void (*trail_visit)(world *w, const query *q, const trail *t);

static void walk(world *w, const query *q, trail *t, trail_visit visit)
{
    const int here = t->nodes[t->length];

    if (t->length >= q->min && (q->to < 0 || here == q->to)) visit(w, q, t);
    if (t->length == q->max) return;
    for (int i = 0; i < RELS; i++) {
        const edge *e = &w->edges[i];
        bool used = i == q->skip || (q->type >= 0 && e->type != q->type);
        for (size_t k = 0; k < t->length; k++)
            used = used || t->edges[k] == i;
        for (int way = 0; way < 2 && !used; way++) {
            const int a = way == 0 ? e->from : e->to, b = way == 0 ? e->to : e->from;
            if (a != here || (q->direction == SB_REL_OUT && way == 1) ||
                (q->direction == SB_REL_IN && way == 0) ||
                (way == 1 && a == b && q->direction == SB_REL_EITHER))
                continue;
            t->edges[t->length++] = i;
            t->nodes[t->length] = b;
            walk(w, q, t, visit);
            t->length--;
        }
    }
}

static void all_trails(world *w, const query *q, trail_visit visit)
{
    trail t = {.length = 0};
    t.nodes[0] = q->from;
    walk(w, q, &t, visit);
}

static void add_line(world *w, const char *line)
{
    assert_true(w->line_count < sizeof w->lines / sizeof *w->lines);
    w->lines[w->line_count++] = strdup(line);
}

static int compare_lines(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

/* "to|[rels]" */
static void write_trail(world *w, const query *q, const trail *t)
{
    char line[200];
    int size = snprintf(line, sizeof line, "%d|[", t->nodes[t->length]);
    (void)q;
    for (size_t i = 0; i < t->length; i++)
        size += snprintf(line + size, sizeof line - (size_t)size, "%s%d", i == 0 ? "" : ", ",
                         t->edges[i]);
    snprintf(line + size, sizeof line - (size_t)size, "]");
    add_line(w, line);
}

/* The run's rows, sorted, are the lines. */
static void rows_are_lines(world *w)
{
    exec_fixture *f = &w->f;
    char *rows[2000], *at;
    size_t count = 0;

    OK(&f->g, run(f));
    at = (char *)(uintptr_t)rows_text(f);
    while (*at != '\0') {
        char *end = strchr(at, '\n');
        *end = '\0';
        assert_true(count < 2000);
        rows[count++] = at;
        at = end + 1;
    }
    qsort(rows, count, sizeof *rows, compare_lines);
    qsort(w->lines, w->line_count, sizeof *w->lines, compare_lines);
    if (count != w->line_count) print_error("%zu rows, %zu expected\n", count, w->line_count);
    for (size_t i = 0; i < count && i < w->line_count; i++)
        assert_string_equal(rows[i], w->lines[i]);
    assert_int_equal(count, w->line_count);
    forget_lines(w);
}

/* ---- Plans -------------------------------------------------------------------------------------------------------------- */

static sb_plan *node_at(exec_fixture *f, world *w, sb_plan *input, sb_var *v, int i)
{
    sb_plan *p = plan(f, SB_PLAN_NODE_BY_ID, input);
    p->as.by_id.node = v;
    p->as.by_id.id = num(f, (int64_t)w->ids[i]);
    return p;
}

static void fill(exec_fixture *f, const query *q, sb_plan_expand *e, sb_var *from, sb_var *rel,
                 sb_var *to)
{
    e->from = from;
    e->rel = rel;
    e->to = to;
    e->direction = q->direction;
    e->min = (uint32_t)q->min;
    e->max = (uint32_t)q->max;
    if (q->type >= 0) {
        e->types = plan_names(f, SB_NAME_TYPE, q->type == 0 ? "T" : "U");
        e->type_count = 1;
    }
}

/* [x IN list | x.i] */
static sb_expr *numbers(exec_fixture *f, sb_var *list)
{
    sb_var *x = var(f, SB_KIND_REL);
    sb_expr *e =
        expr(f, SB_EXPR_LIST_COMPREHENSION, 3, ref(f, list), NULL, prop(f, ref(f, x), "i"));
    e->bound = x;
    return e;
}

static sb_plan *two_columns(exec_fixture *f, sb_plan *p, sb_expr *a, sb_expr *b, sb_var **va,
                            sb_var **vb)
{
    *va = var(f, SB_KIND_ANY);
    *vb = var(f, SB_KIND_ANY);
    return project(f, project(f, p, *va, a), *vb, b);
}

static query random_query(sb_random *random)
{
    query q = {.from = (int)sb_random_below(random, NODES), .to = -1, .type = -1, .skip = -1};
    q.direction = (sb_rel_direction)sb_random_below(random, 3);
    if (sb_random_below(random, 2) == 0) q.type = (int)sb_random_below(random, TYPES);
    if (sb_random_below(random, 3) == 0) q.to = (int)sb_random_below(random, NODES);
    if (sb_random_below(random, 3) == 0) q.skip = (int)sb_random_below(random, RELS);
    q.min = sb_random_below(random, 3);
    q.max = q.direction == SB_REL_EITHER ? 1 + sb_random_below(random, 3)
                                         : 1 + sb_random_below(random, 6);
    if (sb_random_below(random, 5) == 0 && q.direction != SB_REL_EITHER) q.max = 100;
    if (q.max < q.min) q.max = q.min;
    return q;
}

/* The expansion of the query, behind the row with its ends and the relationship that it must not use. r NULL: nobody reads the paths. */
static sb_plan *expand_of(world *w, const query *q, sb_var *a, sb_var *r, sb_var *b)
{
    exec_fixture *f = &w->f;
    sb_var *other = var(f, SB_KIND_REL);
    sb_plan *p = node_at(f, w, argument(f, NULL), a, q->from);

    if (q->to >= 0) p = node_at(f, w, p, b, q->to);
    if (q->skip >= 0) {
        p = plan(f, SB_PLAN_NODE_BY_ID, p);
        p->as.by_id.node = other;
        p->as.by_id.on_rels = true;
        p->as.by_id.id = num(f, (int64_t)w->edges[q->skip].id);
    }
    p = plan(f, SB_PLAN_VAR_EXPAND, p);
    fill(f, q, &p->as.expand, a, r, b);
    p->as.expand.to_bound = q->to >= 0;
    if (q->skip >= 0) p->as.expand.unlike = vars(f, &p->as.expand.unlike_count, other, NULL);
    return p;
}

static void check_trails(world *w, const query *q)
{
    exec_fixture *f = &w->f;
    exec_clear(f);
    sb_var *a = var(f, SB_KIND_NODE), *b = var(f, SB_KIND_NODE), *r = var(f, SB_KIND_LIST), *to,
           *rels;
    sb_plan *p = expand_of(w, q, a, r, b);
    p = two_columns(f, p, prop(f, ref(f, b), "i"), numbers(f, r), &to, &rels);
    statement(f, p, to, rels, NULL);
    all_trails(w, q, write_trail);
    rows_are_lines(w);
}

static void test_exec_paths__trails(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        sb_random random = test_random(seed + 100);
        world *w = open_world(seed);
        for (int i = 0; i < 60; i++) {
            const query q = random_query(&random);
            check_trails(w, &q);
        }
        close_world(w);
    }
}

/* A condition on each step is one on the trails' relationships: i not 3. */
static void test_exec_paths__step_filter(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        world *w = open_world(seed);
        exec_fixture *f = &w->f;
        for (int from = 0; from < NODES; from++) {
            const query q = {.from = from,
                             .to = -1,
                             .type = -1,
                             .skip = 3,
                             .direction = SB_REL_OUT,
                             .min = 0,
                             .max = 100};
            exec_clear(f);
            sb_var *a = var(f, SB_KIND_NODE), *b = var(f, SB_KIND_NODE), *r = var(f, SB_KIND_LIST),
                   *step = var(f, SB_KIND_REL), *to, *rels;
            sb_plan *p = plan(f, SB_PLAN_VAR_EXPAND, node_at(f, w, argument(f, NULL), a, from));
            fill(f, &q, &p->as.expand, a, r, b);
            p->as.expand.step_rels = vars(f, &p->as.expand.step_rel_count, step, NULL);
            p->as.expand.filter = op2(f, SB_OP2_NE, prop(f, ref(f, step), "i"), num(f, 3));
            p = two_columns(f, p, prop(f, ref(f, b), "i"), numbers(f, r), &to, &rels);
            statement(f, p, to, rels, NULL);
            all_trails(w, &q, write_trail);
            rows_are_lines(w);
        }
        close_world(w);
    }
}

/* ---- Reaching ------------------------------------------------------------------------------------------------------------ */

static bool seen_end[NODES];
static void note_end(world *w, const query *q, const trail *t)
{
    (void)w;
    (void)q;
    seen_end[t->nodes[t->length]] = true;
}

static void test_exec_paths__reach(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        world *w = open_world(seed);
        exec_fixture *f = &w->f;
        sb_random random = test_random(seed);
        for (int i = 0; i < 40; i++) {
            query q = random_query(&random);
            q.min %= 2;
            exec_clear(f);
            sb_var *a = var(f, SB_KIND_NODE), *b = var(f, SB_KIND_NODE), *to = var(f, SB_KIND_ANY);
            sb_plan *p = expand_of(w, &q, a, NULL, b);
            p->as.expand.reach_only = true;
            statement(f, project(f, p, to, prop(f, ref(f, b), "i")), to, NULL);
            memset(seen_end, 0, sizeof seen_end);
            all_trails(w, &q, note_end);
            for (int n = 0; n < NODES; n++)
                if (seen_end[n]) {
                    char line[20];
                    snprintf(line, sizeof line, "%d", n);
                    add_line(w, line);
                }
            rows_are_lines(w);
        }
        close_world(w);
    }
}

/* ---- Path values --------------------------------------------------------------------------------------------------------- */

static void write_path(world *w, const query *q, const trail *t)
{
    char line[300];
    int size = snprintf(line, sizeof line, "%d", t->nodes[0]);
    (void)q;
    for (size_t i = 0; i < t->length; i++)
        size += snprintf(line + size, sizeof line - (size_t)size, " %d %d", t->edges[i],
                         t->nodes[i + 1]);
    add_line(w, line);
}

/* Rows of a path column in the form of write_path. */
static void paths_are_lines(world *w)
{
    exec_fixture *f = &w->f;
    char *rows[3000];
    size_t total = 0;
    uint32_t count;

    sb_exec_close(f->exec);
    OK(&f->g, sb_exec_open(&f->compiled, &f->options, &f->exec, &f->g.err));
    do {
        OK(&f->g, sb_exec_next(f->exec, &count, &f->g.err));
        for (uint32_t row = 0; row < count; row++) {
            const sb_val v = sb_exec_value(f->exec, 0, row);
            char line[300];
            int size = 0;
            assert_int_equal(v.kind, SB_VAL_PATH);
            for (uint64_t i = 0; i <= v.as.path->length; i++) {
                for (int e = 0; i > 0 && e < RELS; e++)
                    if (w->edges[e].id == v.as.path->rels[i - 1])
                        size += snprintf(line + size, sizeof line - (size_t)size, " %d ", e);
                for (int n = 0; n < NODES; n++)
                    if (w->ids[n] == v.as.path->nodes[i])
                        size += snprintf(line + size, sizeof line - (size_t)size, "%d", n);
            }
            assert_true(total < 3000);
            rows[total++] = strdup(line);
        }
    } while (count != 0);
    qsort(rows, total, sizeof *rows, compare_lines);
    qsort(w->lines, w->line_count, sizeof *w->lines, compare_lines);
    for (size_t i = 0; i < total && i < w->line_count; i++)
        assert_string_equal(rows[i], w->lines[i]);
    assert_int_equal(total, w->line_count);
    for (size_t i = 0; i < total; i++)
        free(rows[i]);
    forget_lines(w);
}

static void test_exec_paths__values(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        world *w = open_world(seed);
        exec_fixture *f = &w->f;
        sb_random random = test_random(seed);
        for (int i = 0; i < 30; i++) {
            query q = random_query(&random);
            q.to = q.skip = -1;
            exec_clear(f);
            sb_var *a = var(f, SB_KIND_NODE), *b = var(f, SB_KIND_NODE), *r = var(f, SB_KIND_LIST),
                   *path = var(f, SB_KIND_PATH);
            sb_plan *p = plan(f, SB_PLAN_VAR_EXPAND, node_at(f, w, argument(f, NULL), a, q.from));
            fill(f, &q, &p->as.expand, a, r, b);
            p = plan(f, SB_PLAN_PATH, p);
            p->as.path.path = path;
            p->as.path.parts = vars(f, &p->as.path.count, a, r, b, NULL);
            statement(f, p, path, NULL);
            all_trails(w, &q, write_path);
            paths_are_lines(w);
        }
        close_world(w);
    }
}

/* ---- Shortest paths ------------------------------------------------------------------------------------------------------- */

static trail kept_trails[20000];
static size_t kept_count;
static int condition_edge; /* paths must have this relationship; -1: no condition */
static void keep_trail(world *w, const query *q, const trail *t)
{
    bool has = condition_edge < 0;
    (void)w;
    (void)q;
    for (size_t i = 0; i < t->length; i++)
        has = has || t->edges[i] == condition_edge;
    if (!has) return;
    assert_true(kept_count < sizeof kept_trails / sizeof *kept_trails);
    kept_trails[kept_count++] = *t;
}

static int compare_lengths(const void *a, const void *b)
{
    const trail *x = a, *y = b;
    return x->length < y->length ? -1 : x->length > y->length;
}

/* How many of the trails, sorted by length, a selector takes; *exact: these and no others. */
static size_t selected(sb_selector selector, size_t k, bool *exact)
{
    size_t groups = 0, i = 0;

    *exact = selector == SB_PATHS_ALL_SHORTEST || selector == SB_PATHS_SHORTEST_GROUPS;
    if (!*exact) return kept_count < k ? kept_count : k;
    for (; i < kept_count; i++) {
        if (i == 0 || kept_trails[i].length != kept_trails[i - 1].length) groups++;
        if (groups > k) break;
    }
    return i;
}

/* [x IN list WHERE x.i = edge] is not empty */
static sb_expr *has_edge(exec_fixture *f, sb_var *list, int i)
{
    sb_var *x = var(f, SB_KIND_REL);
    sb_expr *e = expr(f, SB_EXPR_QUANTIFIER, 2, ref(f, list),
                      op2(f, SB_OP2_EQ, prop(f, ref(f, x), "i"), num(f, i)));
    e->op = SB_ANY;
    e->bound = x;
    return e;
}

static void check_shortest(world *w, const query *q, sb_selector selector, size_t k)
{
    exec_fixture *f = &w->f;
    bool exact;

    exec_clear(f);
    sb_var *a = var(f, SB_KIND_NODE), *b = var(f, SB_KIND_NODE), *r = var(f, SB_KIND_LIST),
           *path = var(f, SB_KIND_PATH), *length = var(f, SB_KIND_INT), *t = var(f, SB_KIND_ANY);
    sb_plan *p = node_at(f, w, node_at(f, w, argument(f, NULL), a, q->from), b, q->to);
    p = plan(f, SB_PLAN_SHORTEST, p);
    fill(f, q, &p->as.expand, a, r, b);
    p->as.expand.path = path;
    p->as.expand.selector = selector;
    p->as.expand.selector_count = k;
    p->as.expand.to_bound = true;
    if (condition_edge >= 0) p->as.expand.path_filter = has_edge(f, r, condition_edge);
    kept_count = 0;
    all_trails(w, q, keep_trail);
    qsort(kept_trails, kept_count, sizeof *kept_trails, compare_lengths);
    const size_t count = selected(selector, k, &exact);
    if (exact) {
        statement(f, p, path, NULL);
        for (size_t i = 0; i < count; i++)
            write_path(w, q, &kept_trails[i]);
        paths_are_lines(w);
        return;
    }
    /* which of the equally long ones is open: their lengths are not */
    (void)length;
    statement(f, project(f, p, t, numbers(f, r)), t, NULL);
    OK(&f->g, run(f));
    const char *at = rows_text(f);
    for (size_t i = 0; i < count; i++) {
        size_t commas = 0;
        const bool empty = at[1] == ']';
        for (; *at != '\n'; at++)
            commas += *at == ',';
        at++;
        assert_int_equal(empty ? 0 : commas + 1, kept_trails[i].length);
    }
    assert_int_equal(*at, '\0');
}

static void test_exec_paths__shortest(void **state)
{
    static const sb_selector selectors[] = {SB_PATHS_SHORTEST, SB_PATHS_ALL_SHORTEST,
                                            SB_PATHS_SHORTEST_K, SB_PATHS_SHORTEST_GROUPS,
                                            SB_PATHS_ANY};
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        world *w = open_world(seed);
        sb_random random = test_random(seed);
        for (int i = 0; i < 100; i++) {
            query q = random_query(&random);
            const sb_selector selector = selectors[sb_random_below(&random, 5)];
            const size_t k = selector == SB_PATHS_SHORTEST || selector == SB_PATHS_ALL_SHORTEST
                                 ? 1
                                 : 1 + sb_random_below(&random, 3);
            q.skip = -1;
            q.to = (int)sb_random_below(&random, NODES);
            condition_edge =
                sb_random_below(&random, 3) == 0 ? (int)sb_random_below(&random, RELS) : -1;
            check_shortest(w, &q, selector, k);
        }
        close_world(w);
    }
}

/* ---- Quantified patterns ----------------------------------------------------------------------------------------------- */

/* (a) ((x)-[r:type]->(y)){min,max} (b): one relationship a repetition, so the same trails. */
static sb_plan *quantified(exec_fixture *f, world *w, const query *q, sb_var *a, sb_var *b,
                           sb_var *outer, sb_selector selector, size_t k, sb_var *path)
{
    sb_var *x = var(f, SB_KIND_NODE), *y = var(f, SB_KIND_NODE), *r = var(f, SB_KIND_REL);
    sb_quantified *pattern = zeroed(f, sizeof *pattern);
    sb_plan *p = node_at(f, w, argument(f, NULL), a, q->from);

    if (q->to >= 0) p = node_at(f, w, p, b, q->to);
    pattern->min = (uint32_t)q->min;
    pattern->max = q->max >= 100 ? UINT32_MAX : (uint32_t)q->max;
    pattern->part = zeroed(f, sizeof *pattern->part);
    pattern->part->steps = zeroed(f, sizeof *pattern->part->steps);
    pattern->part->steps[0].rel = zeroed(f, sizeof(sb_rel_pattern));
    pattern->part->steps[0].rel->var = r;
    pattern->part->step_count = 1;
    pattern->groups = zeroed(f, sizeof *pattern->groups);
    pattern->groups[0].inner = r;
    pattern->groups[0].outer = outer;
    pattern->group_count = 1;
    p = plan(f, SB_PLAN_QUANTIFIED, p);
    p->inner = plan(f, SB_PLAN_EXPAND, argument(f, x, NULL));
    fill(f, q, &p->inner->as.expand, x, r, y);
    p->as.quantified.pattern = pattern;
    p->as.quantified.from = a;
    p->as.quantified.to = b;
    p->as.quantified.to_bound = q->to >= 0;
    p->as.quantified.inner_from = x;
    p->as.quantified.inner_to = y;
    p->as.quantified.selector = selector;
    p->as.quantified.selector_count = k;
    p->as.quantified.path = path;
    return p;
}

static void test_exec_paths__quantified(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        world *w = open_world(seed);
        exec_fixture *f = &w->f;
        sb_random random = test_random(seed);
        for (int i = 0; i < 30; i++) {
            query q = random_query(&random);
            q.skip = -1;
            exec_clear(f);
            sb_var *a = var(f, SB_KIND_NODE), *b = var(f, SB_KIND_NODE),
                   *list = var(f, SB_KIND_LIST), *to, *rels;
            sb_plan *p = quantified(f, w, &q, a, b, list, SB_PATHS_ALL, 1, NULL);
            p = two_columns(f, p, prop(f, ref(f, b), "i"), numbers(f, list), &to, &rels);
            statement(f, p, to, rels, NULL);
            all_trails(w, &q, write_trail);
            rows_are_lines(w);
        }
        close_world(w);
    }
}

static void test_exec_paths__quantified_selectors(void **state)
{
    static const sb_selector selectors[] = {SB_PATHS_ALL_SHORTEST, SB_PATHS_SHORTEST_GROUPS};
    (void)state;
    condition_edge = -1;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        world *w = open_world(seed);
        exec_fixture *f = &w->f;
        sb_random random = test_random(seed);
        for (int i = 0; i < 60; i++) {
            query q = random_query(&random);
            const sb_selector selector = selectors[sb_random_below(&random, 2)];
            const size_t k =
                selector == SB_PATHS_ALL_SHORTEST ? 1 : 1 + sb_random_below(&random, 3);
            const bool any_end = sb_random_below(&random, 2) == 0;
            q.skip = -1;
            q.to = any_end ? -1 : (int)sb_random_below(&random, NODES);
            exec_clear(f);
            sb_var *a = var(f, SB_KIND_NODE), *b = var(f, SB_KIND_NODE),
                   *list = var(f, SB_KIND_LIST), *path = var(f, SB_KIND_PATH);
            statement(f, quantified(f, w, &q, a, b, list, selector, k, path), path, NULL);
            for (int end = 0; end < NODES; end++) { /* the selection is one for each end */
                bool exact;
                if (!any_end && end != q.to) continue;
                query one = q;
                one.to = end;
                kept_count = 0;
                all_trails(w, &one, keep_trail);
                qsort(kept_trails, kept_count, sizeof *kept_trails, compare_lengths);
                const size_t count = selected(selector, k, &exact);
                for (size_t n = 0; n < count; n++)
                    write_path(w, &one, &kept_trails[n]);
            }
            paths_are_lines(w);
        }
        close_world(w);
    }
}

/* ---- Both ends known ------------------------------------------------------------------------------------------------------ */

static sb_rel_direction seen_from_end(sb_rel_direction direction)
{
    return direction == SB_REL_OUT  ? SB_REL_IN
           : direction == SB_REL_IN ? SB_REL_OUT
                                    : SB_REL_EITHER;
}

/* (a)--(b)--(c) and a relationship between c and a, by EXPAND_INTO, by an expansion whose end is bound, or by INTERSECT of the lists of b
 * and a: numbers of the three. */
static void run_triangles(world *w, sb_plan_kind kind, const query *q, sb_rel_direction first)
{
    exec_fixture *f = &w->f;
    exec_clear(f);
    sb_var *a = var(f, SB_KIND_NODE), *b = var(f, SB_KIND_NODE), *c = var(f, SB_KIND_NODE),
           *r = var(f, SB_KIND_REL), *s = var(f, SB_KIND_REL), *t = var(f, SB_KIND_REL), *x, *y;
    sb_plan *p = plan(f, SB_PLAN_ALL_NODES, argument(f, NULL));
    query any = *q;
    p->as.scan.node = a;
    any.type = -1;
    any.direction = first;
    p = plan(f, SB_PLAN_EXPAND, p);
    fill(f, &any, &p->as.expand, a, r, b);
    if (kind == SB_PLAN_INTERSECT) {
        query turned = *q;
        turned.direction = seen_from_end(q->direction);
        p = plan(f, kind, p);
        sb_plan_expand *sides = p->as.intersect.sides;
        fill(f, &any, &sides[0], b, s, c);
        fill(f, &turned, &sides[1], a, t, c);
        for (unsigned i = 0; i < 2; i++)
            sides[i].unlike = vars(f, &sides[i].unlike_count, r, NULL);
        p->as.intersect.differ = true;
    } else {
        p = plan(f, SB_PLAN_EXPAND, p);
        fill(f, &any, &p->as.expand, b, s, c);
        p->as.expand.unlike = vars(f, &p->as.expand.unlike_count, r, NULL);
        p = plan(f, kind, p);
        fill(f, q, &p->as.expand, c, t, a);
        p->as.expand.to_bound = true;
        p->as.expand.unlike = vars(f, &p->as.expand.unlike_count, r, s, NULL);
    }
    p = two_columns(f, p,
                    expr(f, SB_EXPR_LIST, 2, prop(f, ref(f, r), "i"), prop(f, ref(f, s), "i")),
                    prop(f, ref(f, t), "i"), &x, &y);
    statement(f, p, x, y, NULL);
}

static void test_exec_paths__into(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        world *w = open_world(seed);
        for (int which = 0; which < 27; which++) {
            const query q = {.type = which % 3 - 1,
                             .direction = (sb_rel_direction)(which / 3 % 3),
                             .min = 1,
                             .max = 1};
            run_triangles(w, SB_PLAN_EXPAND, &q, (sb_rel_direction)(which / 9));
            OK(&w->f.g, run(&w->f));
            char *rows = strdup(rows_text(&w->f)), *line;
            for (line = strtok(rows, "\n"); line != NULL; line = strtok(NULL, "\n"))
                add_line(w, line);
            free(rows);
            const sb_plan_kind kind =
                (seed + (uint64_t)which) % 2 == 0 ? SB_PLAN_EXPAND_INTO : SB_PLAN_INTERSECT;
            run_triangles(w, kind, &q, (sb_rel_direction)(which / 9));
            rows_are_lines(w);
        }
        close_world(w);
    }
}

/* ---- Counts --------------------------------------------------------------------------------------------------------------- */

static size_t trail_count;
static void count_trail(world *w, const query *q, const trail *t)
{
    (void)w;
    (void)q;
    (void)t;
    trail_count++;
}

static void test_exec_paths__degree(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        world *w = open_world(seed);
        exec_fixture *f = &w->f;
        for (int direction = SB_REL_OUT; direction <= SB_REL_EITHER; direction++)
            for (int type = -1; type < TYPES; type++) {
                char expected[200] = "";
                const query all = {.type = type, .direction = (sb_rel_direction)direction};
                exec_clear(f);
                sb_var *n = var(f, SB_KIND_NODE), *d = var(f, SB_KIND_INT);
                sb_plan *p = plan(f, SB_PLAN_ALL_NODES, argument(f, NULL));
                p->as.scan.node = n;
                p = plan(f, SB_PLAN_DEGREE, p);
                fill(f, &all, &p->as.expand, n, d, NULL);
                statement(f, p, d, NULL);
                for (int i = 0; i < NODES; i++) {
                    const query q = {.from = i,
                                     .to = -1,
                                     .type = type,
                                     .skip = -1,
                                     .direction = (sb_rel_direction)direction,
                                     .min = 1,
                                     .max = 1};
                    trail_count = 0;
                    all_trails(w, &q, count_trail);
                    snprintf(expected + strlen(expected), 20, "%zu\n", trail_count);
                }
                /* nodes come by id: those of label A, then of B */
                char sorted[200] = "";
                for (int odd = 0; odd < 2; odd++) {
                    char copy[200], *line;
                    int i = 0;
                    memcpy(copy, expected, sizeof copy);
                    for (line = strtok(copy, "\n"); line != NULL; line = strtok(NULL, "\n"), i++)
                        if (i % 2 == odd) snprintf(sorted + strlen(sorted), 20, "%s\n", line);
                }
                gives(f, sorted);
            }
        close_world(w);
    }
}

static void test_exec_paths__statistics(void **state)
{
    (void)state;
    world *w = open_world(3);
    exec_fixture *f = &w->f;
    for (int type = -1; type <= TYPES; type++)
        for (int labels = 0; labels < 2; labels++)
            for (int direction = SB_REL_OUT; direction <= SB_REL_IN; direction++) {
                char expected[20];
                int count = 0;
                for (int i = 0; i < RELS; i++) {
                    const edge *e = &w->edges[i];
                    const int end = direction == SB_REL_OUT ? e->to : e->from;
                    count += (type < 0 || e->type == type) && (labels == 0 || end % 2 == 1);
                }
                exec_clear(f);
                sb_var *c = var(f, SB_KIND_INT);
                sb_plan *p = plan(f, SB_PLAN_COUNT_RELS, argument(f, NULL));
                p->as.expand.rel = c;
                p->as.expand.direction = (sb_rel_direction)direction;
                if (type >= 0) {
                    static const char *const names[] = {"T", "U", "Nowhere"};
                    p->as.expand.types = plan_names(f, SB_NAME_TYPE, names[type]);
                    p->as.expand.type_count = 1;
                }
                if (labels) p->as.expand.to_labels = labelled(f, "B");
                statement(f, p, c, NULL);
                snprintf(expected, sizeof expected, "%d\n", count);
                gives(f, expected);
            }
    static const char *const labels[] = {"A", "B", "Nowhere", NULL};
    static const char *const counts[] = {"4\n", "3\n", "0\n", "7\n"};
    for (int i = 0; i < 4; i++) {
        exec_clear(f);
        sb_var *c = var(f, SB_KIND_INT);
        sb_plan *p = plan(f, SB_PLAN_COUNT_NODES, argument(f, NULL));
        p->as.scan.node = c;
        p->as.scan.label_given = labels[i] != NULL;
        if (labels[i] != NULL) p->as.scan.label = plan_name(f, SB_NAME_LABEL, labels[i]);
        statement(f, p, c, NULL);
        gives(f, counts[i]);
    }
    close_world(w);
}

/* The ends of a relationship that is known, both ways. */
static void test_exec_paths__ends(void **state)
{
    (void)state;
    world *w = open_world(4);
    exec_fixture *f = &w->f;
    for (int i = 0; i < RELS; i++)
        for (int either = 0; either < 2; either++) {
            const edge *e = &w->edges[i];
            char line[30];
            exec_clear(f);
            sb_var *r = var(f, SB_KIND_REL), *a = var(f, SB_KIND_NODE), *b = var(f, SB_KIND_NODE),
                   *from, *to;
            sb_plan *p = plan(f, SB_PLAN_NODE_BY_ID, argument(f, NULL));
            p->as.by_id.node = r;
            p->as.by_id.on_rels = true;
            p->as.by_id.id = num(f, (int64_t)e->id);
            p = plan(f, SB_PLAN_NODE_BY_ID, p);
            p->as.by_id.node = r;
            p->as.by_id.on_rels = p->as.by_id.bound = true;
            p->as.by_id.either = either == 1;
            p->as.by_id.from = a;
            p->as.by_id.to = b;
            p = two_columns(f, p, prop(f, ref(f, a), "i"), prop(f, ref(f, b), "i"), &from, &to);
            statement(f, p, from, to, NULL);
            snprintf(line, sizeof line, "%d|%d", e->from, e->to);
            add_line(w, line);
            snprintf(line, sizeof line, "%d|%d", e->to, e->from);
            if (either && e->from != e->to) add_line(w, line);
            rows_are_lines(w);
        }
    close_world(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_exec_paths__trails),
        TEST(test_exec_paths__step_filter),
        TEST(test_exec_paths__reach),
        TEST(test_exec_paths__values),
        TEST(test_exec_paths__shortest),
        TEST(test_exec_paths__quantified),
        TEST(test_exec_paths__quantified_selectors),
        TEST(test_exec_paths__into),
        TEST(test_exec_paths__degree),
        TEST(test_exec_paths__statistics),
        TEST(test_exec_paths__ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
