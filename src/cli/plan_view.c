/* plan_view.c — EXPLAIN and PROFILE drawn: a line for each operator, what feeds it below, with its rows (estimated and real), page touches,
 * time and share of all time. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "cli.h"

#define BAR_WIDTH 10

typedef struct plan_view {
    output *out;
    text_buffer indent; /* of the branches that the current operator lies in */
    double all_ns;
    bool profiled, pages; /* which figures there are */
} plan_view;

static double figure(json_t *plan, const char *key)
{
    return json_number_value(json_object_get(plan, key));
}

/* Sum of the operators' times, and whether pages were counted. jansson bounds the depth (JSON_PARSER_MAX_DEPTH). */
static void survey(plan_view *view, json_t *plan)
{
    for (; plan != NULL; plan = json_object_get(plan, "input")) {
        view->profiled = view->profiled || json_object_get(plan, "rows") != NULL;
        view->pages = view->pages || json_object_get(plan, "pages") != NULL;
        view->all_ns += figure(plan, "time_ns");
        survey(view, json_object_get(plan, "inner"));
    }
}

/* "██████     61 %" */
static const char *share_bar(double share, char *text, size_t bytes)
{
    static const char full[] = "██████████";
    const int filled = (int)lround(share * BAR_WIDTH), part = (int)(sizeof full - 1) / BAR_WIDTH;

    snprintf(text, bytes, "%.*s%*s %3.0f %%", filled * part, full, BAR_WIDTH - filled, "",
             share * 100);
    return text;
}

static void draw_operator(plan_view *view, json_t *plan, const char *mark)
{
    const char *name = json_string_value(json_object_get(plan, "operator"));
    const char *details = json_string_value(json_object_get(plan, "details"));
    const double ns = figure(plan, "time_ns");
    const size_t kept = view->indent.size;
    char share[64], ms[32];
    cell cells[7];
    size_t count = 0;

    put_text(&view->indent, mark);
    put_text(&view->indent, name == NULL ? "?" : name);
    put(&view->indent, "", 1);
    cells[count++] = cell_text(view->indent.data);
    cells[count++] = cell_text(details == NULL ? "" : details);
    cells[count++] = cell_int((uint64_t)ceil(figure(plan, "estimated_rows")));
    if (view->profiled) {
        cells[count++] = cell_int((uint64_t)figure(plan, "rows"));
        if (view->pages) cells[count++] = cell_int((uint64_t)figure(plan, "pages"));
        snprintf(ms, sizeof ms, "%.3f", ns / 1e6);
        cells[count++] = (cell){.kind = CELL_FIGURE, .text = ms, .size = strlen(ms)};
        cells[count++] =
            cell_text(share_bar(view->all_ns > 0 ? ns / view->all_ns : 0, share, sizeof share));
    }
    output_row(view->out, cells);
    view->indent.size = kept;
}

/* An operator, what it runs for each row (inner) as a branch, then what feeds it (input) below it. */
static void draw_chain(plan_view *view, json_t *plan)
{
    for (; plan != NULL; plan = json_object_get(plan, "input")) {
        json_t *inner = json_object_get(plan, "inner");
        const size_t kept = view->indent.size;

        draw_operator(view, plan, json_object_get(plan, "input") != NULL ? "┬ " : "─ ");
        if (inner == NULL) continue;
        put_text(&view->indent, "│ ");
        draw_chain(view, inner);
        view->indent.size = kept;
    }
}

bool draw_plan(const invocation *cli, const char *json, size_t size)
{
    static const char *const all[] = {"operator", "details", "est. rows", "rows",
                                      "pages",    "ms",      "share"};
    const char *columns[7];
    size_t count = 0;
    invocation drawn = *cli;
    plan_view view = {0};
    json_t *plan = json_loadb(json, size, JSON_ALLOW_NUL, NULL);

    if (plan == NULL) return false;
    if (drawn.format == FORMAT_GRAPH) drawn.format = FORMAT_TABLE;
    survey(&view, plan);
    for (size_t i = 0; i < 7; i++)
        if (i < 3 || (view.profiled && (i != 4 || view.pages))) columns[count++] = all[i];
    view.out = output_begin(&drawn, columns, count);
    output_minor_column(view.out, 1); /* the details */
    draw_chain(&view, plan);
    (void)output_end(view.out);
    free(view.indent.data);
    json_decref(plan);
    return true;
}
