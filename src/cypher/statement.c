/* statement.c — one statement's life: compiled from its text, planned for a graph, run again and again.
 * The tree of a statement is annotated by semantic analysis and used up by the planner, so a new plan begins with the text. */
#include "cypher/cypher_priv.h"
#include "cypher/lex/stack.h"
#include "cypher/parse/parse.h"

#include <string.h>

struct sb_cypher_statement {
    const sb_allocator *alloc;          /* borrowed */
    const sb_cypher_registry *registry; /* borrowed; may be NULL */
    sb_arena *arena;    /* owned: tree and plan; replaced when it is planned again */
    sb_statement *tree; /* arena */
    uint32_t slot_count;
    const sb_compiled *compiled; /* arena; NULL before it is planned */
    sb_exec *exec;               /* owned; of compiled */
    sb_exec_options options;     /* of exec */
    sb_sema_env env;             /* of options */
    bool used_up;                /* the planner has worked on tree, with or without success */
    sb_plan_options planned_with;
    /* the state of the graph that compiled was last found to fit: sb_view_version (0: none), and commits and pages when entities were counted */
    uint64_t fits_version, counted_seq;
    sb_pgno counted_pages;
    sb_exec_stats schema_stats; /* of a statement that changes the schema, which has no exec */
    /* parameters, in the order of tree->params, which is that of the text */
    sb_arena *values_arena; /* owned */
    sb_val *values;
    bool *bound;
    uint32_t value_count;
};

/* ---- Compiling ------------------------------------------------------------------------------------------------------ */

/* Compiling ends when the run that it is for, or the call, shall end. */
static sb_status poll(void *ctx, sb_err *err)
{
    return sb_exec_options_poll(ctx, err);
}

static sb_status check_stack(const sb_statement *tree, sb_err *err)
{
    return sb_cypher_stack_check(tree->depth, SB_STACK_QUERY_FREE, SB_STACK_QUERY, "a query", err);
}

static sb_status analyze(sb_arena *arena, const sb_cypher_registry *registry, sb_statement *tree,
                         sb_cypher_watch *watch, uint32_t *slot_count, sb_err *err)
{
    sb_sema_env env;

    SB_TRY(check_stack(tree, err));
    sb_cypher__env(registry, &env);
    return sb_sema_analyze(arena, tree, &env, watch, slot_count, err);
}

static sb_status make_values(sb_cypher_statement *s, sb_err *err)
{
    const uint32_t count = s->tree->param_count;

    s->values_arena = sb_arena_create(s->alloc, NULL);
    if (s->values_arena == NULL) return SB_FAIL_NOMEM(err);
    if (count == 0) return SB_OK;
    s->value_count = count;
    s->values = sb_alloc_array(s->alloc, count, sizeof *s->values);
    s->bound = sb_alloc_array(s->alloc, count, sizeof *s->bound);
    if (s->values == NULL || s->bound == NULL) return SB_FAIL_NOMEM(err);
    memset(s->bound, 0, count * sizeof *s->bound);
    return SB_OK;
}

sb_status sb_cypher_prepare(const sb_allocator *alloc, const sb_cypher_registry *registry,
                            sb_bytes text, const sb_exec_options *limits,
                            sb_cypher_statement **statement, size_t *end, sb_err *err)
{
    sb_exec_options asked = {0};
    sb_cypher_watch watch = {.poll = poll, .ctx = &asked};
    sb_cypher_statement *s;
    sb_status status;

    *statement = NULL;
    *end = 0;
    if (limits != NULL) asked = *limits;
    s = sb_alloc_zero(alloc, sizeof *s);
    if (s == NULL) return SB_FAIL_NOMEM(err);
    s->alloc = alloc;
    s->registry = registry;
    sb_cypher__env(registry, &s->env);
    s->options.env = &s->env;
    s->arena = sb_arena_create(alloc, NULL);
    status = s->arena == NULL ? SB_FAIL_NOMEM(err)
                              : sb_cypher_parse(s->arena, text, &watch, &s->tree, end, err);
    if (status == SB_OK && s->tree != NULL) {
        status = analyze(s->arena, registry, s->tree, &watch, &s->slot_count, err);
        if (status == SB_OK) status = make_values(s, err);
    }
    if (status != SB_OK || s->tree == NULL) {
        sb_cypher_close(s);
        return status;
    }
    *statement = s;
    return SB_OK;
}

void sb_cypher_close(sb_cypher_statement *s)
{
    if (s == NULL) return;
    sb_exec_close(s->exec);
    if (s->values != NULL) sb_free(s->alloc, s->values, s->value_count * sizeof *s->values);
    if (s->bound != NULL) sb_free(s->alloc, s->bound, s->value_count * sizeof *s->bound);
    sb_arena_destroy(s->values_arena);
    sb_arena_destroy(s->arena);
    sb_free(s->alloc, s, sizeof *s);
}

/* A fresh tree from the text, which the old arena holds: so the old one goes last. */
static sb_status compile_again(sb_cypher_statement *s, sb_cypher_watch *watch, sb_err *err)
{
    sb_arena *arena = sb_arena_create(s->alloc, NULL);
    sb_statement *tree = NULL;
    uint32_t slot_count = 0;
    size_t end;
    sb_status status;

    if (arena == NULL) return SB_FAIL_NOMEM(err);
    status = sb_cypher_parse(arena, s->tree->text, watch, &tree, &end, err);
    if (status == SB_OK) status = analyze(arena, s->registry, tree, watch, &slot_count, err);
    if (status != SB_OK) {
        sb_arena_destroy(arena);
        return status;
    }
    sb_exec_close(s->exec);
    s->exec = NULL;
    s->compiled = NULL;
    sb_arena_destroy(s->arena);
    s->arena = arena;
    s->tree = tree;
    s->slot_count = slot_count;
    s->used_up = false;
    return SB_OK;
}

static bool same_options(const sb_plan_options *a, const sb_plan_options *b)
{
    return a->no_indexes == b->no_indexes && a->no_reorder == b->no_reorder &&
           a->shuffle_seed == b->shuffle_seed && a->no_special == b->no_special &&
           a->always_factor == b->always_factor && a->always_seek == b->always_seek &&
           a->threads == b->threads && a->force_parallel == b->force_parallel;
}

/* The number of entities takes reading two rows of the catalog, which is more than many a statement does: a file that has as many pages
 * as when they were counted is taken to have about as many entities, for this many commits. */
#define COMMITS_UNCOUNTED 64u

static void note_fits(sb_cypher_statement *s, sb_graph *graph, bool counted)
{
    s->fits_version = sb_view_version(sb_graph_view(graph));
    if (!counted) return;
    s->counted_seq = sb_txn_seq(sb_graph_txn(graph));
    s->counted_pages = sb_txn_page_count(sb_graph_txn(graph));
}

/* Is compiled still the plan to run? */
static sb_status plan_fits(sb_cypher_statement *s, sb_graph *graph, bool *fits, sb_err *err)
{
    const uint64_t version = sb_view_version(sb_graph_view(graph));
    const sb_txn *const txn = sb_graph_txn(graph);

    *fits = version != 0 && version == s->fits_version;
    if (*fits || !sb_plan_schema_fits(s->compiled, graph)) return SB_OK;
    const bool count = sb_txn_page_count(txn) != s->counted_pages ||
                       sb_txn_seq(txn) - s->counted_seq >= COMMITS_UNCOUNTED;
    *fits = true;
    if (count) SB_TRY(sb_plan_size_fits(s->compiled, graph, fits, err));
    if (*fits) note_fits(s, graph, count);
    return SB_OK;
}

/* A plan for graph with these options (NULL: none). */
static sb_status make_plan(sb_cypher_statement *s, sb_graph *graph, const sb_plan_options *options,
                           sb_err *err)
{
    const sb_plan_options none = {0};
    sb_cypher_watch watch = {.poll = poll, .ctx = &s->options};
    sb_compiled *compiled;
    bool fits = false;

    if (options == NULL) options = &none;
    SB_TRY(check_stack(s->tree, err)); /* it may be another thread than the one that prepared it */
    if (s->used_up) {
        if (s->compiled != NULL && same_options(options, &s->planned_with))
            SB_TRY(plan_fits(s, graph, &fits, err));
        if (fits) return SB_OK;
        SB_TRY(compile_again(s, &watch, err));
    }
    s->used_up = true;
    SB_TRY(sb_plan_make(s->arena, s->tree, s->slot_count, graph, options, &watch, &compiled, err));
    s->compiled = compiled;
    s->planned_with = *options;
    note_fits(s, graph, true);
    return SB_OK;
}

/* ---- What it is -------------------------------------------------------------------------------------------------------- */

sb_statement_kind sb_cypher_kind(const sb_cypher_statement *s)
{
    return s->tree->query != NULL ? SB_STATEMENT_QUERY : s->tree->kind;
}

bool sb_cypher_writes(const sb_cypher_statement *s)
{
    return s->tree->query != NULL ? s->tree->query->writes
                                  : s->tree->kind >= SB_STATEMENT_CREATE_INDEX &&
                                        s->tree->kind <= SB_STATEMENT_DROP_CONSTRAINT;
}

bool sb_cypher_reads_clock(const sb_cypher_statement *s)
{
    return s->tree->reads_clock;
}

static bool commits_inside(const sb_query *query)
{
    for (uint32_t i = 0; query != NULL && i < query->part_count; i++)
        for (uint32_t k = 0; k < query->parts[i]->count; k++) {
            const sb_clause *clause = query->parts[i]->clauses[k];

            if (clause->kind == SB_CLAUSE_SUBQUERY && clause->as.subquery.in_transactions)
                return true;
        }
    return false;
}

bool sb_cypher_commits(const sb_cypher_statement *s)
{
    return commits_inside(s->tree->query);
}

sb_explain sb_cypher_explains(const sb_cypher_statement *s)
{
    return s->tree->explain;
}

bool sb_cypher_explains_json(const sb_cypher_statement *s)
{
    return s->tree->explain_json;
}

uint32_t sb_cypher_column_count(const sb_cypher_statement *s)
{
    return s->tree->query == NULL ? 0 : s->tree->query->column_count;
}

sb_bytes sb_cypher_column_name(const sb_cypher_statement *s, uint32_t column)
{
    return s->tree->query->columns[column]->name;
}

void sb_cypher_column_kinds(const sb_cypher_statement *s, uint32_t column, uint32_t *kinds,
                            uint32_t *items)
{
    *kinds = s->tree->query->columns[column]->kinds;
    *items = s->tree->query->columns[column]->items;
}

uint32_t sb_cypher_param_count(const sb_cypher_statement *s)
{
    return s->value_count;
}

sb_bytes sb_cypher_param_name(const sb_cypher_statement *s, uint32_t param)
{
    return s->tree->params[param];
}

/* ---- Parameters ------------------------------------------------------------------------------------------------------------ */

/* Values of fixed size need no arena, so binding numbers again and again does not grow it. */
static bool is_plain(sb_val value)
{
    return value.kind == SB_VAL_NULL || value.kind == SB_VAL_BOOL || value.kind == SB_VAL_INT ||
           value.kind == SB_VAL_FLOAT || value.kind == SB_VAL_NODE || value.kind == SB_VAL_REL;
}

/* The arena holds dead values of earlier bindings: keep only the live ones, once it has grown to twice their size. */
static sb_status compact_values(sb_cypher_statement *s, sb_err *err)
{
    size_t live = 0;
    sb_arena *fresh;

    for (uint32_t i = 0; i < s->value_count; i++)
        if (s->bound[i] && !is_plain(s->values[i])) live += sb_val_bytes(s->values[i]);
    if (sb_arena_bytes(s->values_arena) <= 2 * live + 65536) return SB_OK;
    fresh = sb_arena_create(s->alloc, NULL);
    if (fresh == NULL) return SB_FAIL_NOMEM(err);
    for (uint32_t i = 0; i < s->value_count; i++) {
        sb_status status = SB_OK;
        sb_val copy = s->values[i];

        if (s->bound[i] && !is_plain(copy)) status = sb_val_copy(fresh, s->values[i], &copy, err);
        if (status != SB_OK) {
            sb_arena_destroy(fresh);
            return status;
        }
        s->values[i] = copy;
    }
    sb_arena_destroy(s->values_arena);
    s->values_arena = fresh;
    return SB_OK;
}

sb_status sb_cypher_bind(sb_cypher_statement *s, uint32_t param, sb_val value, sb_err *err)
{
    if (is_plain(value)) {
        s->values[param] = value;
    } else {
        s->bound[param] = false;
        SB_TRY(compact_values(s, err));
        SB_TRY(sb_val_copy(s->values_arena, value, &s->values[param], err));
    }
    s->bound[param] = true;
    return SB_OK;
}

void sb_cypher_unbind(sb_cypher_statement *s)
{
    sb_arena_reset(s->values_arena);
    if (s->value_count != 0) memset(s->bound, 0, s->value_count * sizeof *s->bound);
}

/* ---- Running --------------------------------------------------------------------------------------------------------------------- */

/* Where a name stands in the text with its $; the beginning for one in backquotes with escapes, which has a copy. */
static sb_span param_span(const sb_cypher_statement *s, sb_bytes name)
{
    sb_span span;

    if (sb_cypher_span_of(s->tree->text, name, &span) && span.start != 0) span.start--;
    return span;
}

sb_exec_options *sb_cypher_options(sb_cypher_statement *s)
{
    return &s->options;
}

sb_status sb_cypher_start(sb_cypher_statement *s, const sb_plan_options *plan_options, sb_err *err)
{
    for (uint32_t i = 0; i < s->value_count; i++) {
        if (s->bound[i]) continue;
        const sb_bytes name = s->tree->params[i];

        return sb_cypher_fail(err, s->tree->text, param_span(s, name), SB_CYPHER_MISSING_PARAMETER,
                              "the parameter $%.*s has no value",
                              (int)(name.size < 200 ? name.size : 200), (const char *)name.data);
    }
    SB_TRY(make_plan(s, s->options.graph, plan_options, err));
    s->options.params = s->values;
    if (s->exec != NULL) return sb_exec_reset(s->exec, &s->options, err);
    return sb_exec_open(s->compiled, &s->options, &s->exec, err);
}

sb_status sb_cypher_next(sb_cypher_statement *s, uint32_t *row_count, sb_err *err)
{
    *row_count = 0;
    SB_TRY(check_stack(s->tree, err));
    SB_TRY(sb_cypher_stack_check(sb_exec_depth(s->exec), SB_STACK_OPERATOR_FREE, SB_STACK_OPERATOR,
                                 "a plan", err));
    return sb_exec_next(s->exec, row_count, err);
}

bool sb_cypher_is_over(const sb_cypher_statement *s)
{
    return s->exec != NULL && sb_exec_is_over(s->exec);
}

void sb_cypher_stop(sb_cypher_statement *s)
{
    if (s->exec != NULL) sb_exec_stop(s->exec);
}

sb_exec *sb_cypher_exec(const sb_cypher_statement *s)
{
    return s->exec;
}

const sb_compiled *sb_cypher_compiled(const sb_cypher_statement *s)
{
    return s->compiled;
}

sb_status sb_cypher_plan(sb_cypher_statement *s, sb_graph *graph, const sb_plan_options *options,
                         const sb_compiled **compiled, sb_err *err)
{
    *compiled = NULL;
    SB_TRY(make_plan(s, graph, options, err));
    *compiled = s->compiled;
    return SB_OK;
}

/* ---- Warnings -------------------------------------------------------------------------------------------------------------------- */

static sb_name_kind name_kind_of(const sb_asked *asked)
{
    return asked->kind == SB_ASKED_LABEL  ? SB_NAME_LABEL
           : asked->kind == SB_ASKED_TYPE ? SB_NAME_TYPE
                                          : SB_NAME_KEY;
}

/* More than these are not told. */
#define WARNINGS_MAX 16u

/* The first places of names that the database has not. */
static size_t find_unknown(const sb_cypher_statement *s, sb_view *view,
                           const sb_asked *unknown[WARNINGS_MAX])
{
    size_t count = 0;

    for (const sb_asked *asked = s->tree->asked; asked != NULL && count < WARNINGS_MAX;
         asked = asked->next) {
        size_t k = 0;
        if (sb_name_find(view, name_kind_of(asked), asked->name) != 0) continue;
        while (k < count &&
               !(unknown[k]->kind == asked->kind && sb_bytes_equal(unknown[k]->name, asked->name)))
            k++;
        if (k == count) unknown[count++] = asked;
    }
    return count;
}

typedef struct names_of {
    sb_view *view;
    sb_name_kind kind;
} names_of;

static sb_bytes next_known_name(void *ctx, size_t i)
{
    const names_of *names = ctx;

    return i < sb_name_count(names->view, names->kind)
               ? sb_name_of(names->view, names->kind, (uint32_t)i + 1)
               : sb_bytes_of(NULL, 0);
}

bool sb_cypher_warning(const sb_cypher_statement *s, sb_view *view, size_t i, sb_err *warning)
{
    static const char *const what[] = {"node has the label", "relationship has the type",
                                       "node or relationship has the property"};
    const sb_asked *unknown[WARNINGS_MAX];
    sb_bytes near;

    if (i >= find_unknown(s, view, unknown)) return false;
    const sb_asked *asked = unknown[i];
    names_of names = {.view = view, .kind = name_kind_of(asked)};
    const bool any = sb_cypher_nearest(asked->name, next_known_name, &names, &near);
    sb_cypher_warn(warning, s->tree->text, asked->span, "no %s '%.*s'%s%.*s%s", what[asked->kind],
                   (int)(asked->name.size < 60 ? asked->name.size : 60),
                   (const char *)asked->name.data, any ? "; did you mean '" : "",
                   any ? (int)(near.size < 60 ? near.size : 60) : 0,
                   any ? (const char *)near.data : "", any ? "'?" : "");
    return true;
}

sb_status sb_cypher_run_schema(sb_cypher_statement *s, sb_graph *graph, sb_err *err)
{
    s->schema_stats = (sb_exec_stats){0};
    return sb_cypher__schema(s->tree, graph, &s->schema_stats, err);
}

void sb_cypher_stats(const sb_cypher_statement *s, sb_exec_stats *stats)
{
    *stats = s->schema_stats;
    if (s->exec != NULL) sb_exec_stats_get(s->exec, stats);
}
