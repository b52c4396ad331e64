/* explain.c — a plan as text for people and as JSON for programs.
 *
 *     +ProduceResults         | name                      |   10 rows
 *     |
 *     +Projection             | p.name AS name            |   10
 *     …
 * An operator's inner plan is indented below it, before its input, as it runs for each row of the input. */
#include "cypher/cypher_priv.h"

#include <math.h>
#include <string.h>

#define NAME_COLUMNS   34u
#define DETAIL_COLUMNS 60u
#define DETAIL_BYTES   400u /* of a long expression, in text */

typedef struct explainer {
    const sb_compiled *compiled;
    const sb_exec_operator_profile *profile; /* NULL: none */
    bool pages;                              /* does profile have them? */
    bool spills;                             /* has an operator written to temporary files? */
    sb_buffer *out;
    sb_buffer details; /* scratch */
    uint64_t total_ns; /* of the root, for shares */
} explainer;

static sb_status text(sb_buffer *out, const char *s)
{
    return sb_buffer_append(out, s, strlen(s));
}

/* Characters of UTF-8, for columns. */
static size_t characters(const uint8_t *data, size_t size)
{
    size_t count = 0;

    for (size_t i = 0; i < size; i++)
        count += (data[i] & 0xC0u) != 0x80u;
    return count;
}

static sb_status pad(sb_buffer *out, size_t used, size_t columns)
{
    for (; used < columns; used++)
        SB_TRY(sb_buffer_append_byte(out, ' '));
    return SB_OK;
}

/* Details on one line, cut on a character. */
static sb_status flat_details(explainer *x, const sb_plan *plan)
{
    sb_buffer_reset(&x->details);
    SB_TRY(sb_plan_details(x->compiled, plan, &x->details));
    for (size_t i = 0; i < x->details.size; i++)
        if (x->details.data[i] < ' ') x->details.data[i] = ' ';
    if (x->details.size <= DETAIL_BYTES) return SB_OK;
    x->details.size = DETAIL_BYTES;
    while (x->details.size > 0 && (x->details.data[x->details.size] & 0xC0u) == 0x80u)
        x->details.size--;
    return text(&x->details, "…");
}

/* Time of an operator without its inputs. */
static uint64_t own_ns(const explainer *x, const sb_plan *plan)
{
    uint64_t inside = 0;
    const uint64_t all = x->profile[plan->number].time_ns;

    if (plan->input != NULL) inside += x->profile[plan->input->number].time_ns;
    if (plan->inner != NULL) inside += x->profile[plan->inner->number].time_ns;
    return all > inside ? all - inside : 0;
}

/* Pages that an operator read without its inputs. */
static uint64_t own_pages(const explainer *x, const sb_plan *plan)
{
    uint64_t inside = 0;
    const uint64_t all = x->profile[plan->number].pages;

    if (plan->input != NULL) inside += x->profile[plan->input->number].pages;
    if (plan->inner != NULL) inside += x->profile[plan->inner->number].pages;
    return all > inside ? all - inside : 0;
}

static sb_status numbers(explainer *x, const sb_plan *plan)
{
    SB_TRY(sb_buffer_printf(x->out, " | %12.0f", ceil(plan->rows)));
    if (x->profile == NULL) return SB_OK;
    const sb_exec_operator_profile *seen = &x->profile[plan->number];
    const double own = (double)own_ns(x, plan);
    SB_TRY(sb_buffer_printf(x->out, " | %12llu | %10.3f | %5.1f", (unsigned long long)seen->rows,
                            own / 1e6, x->total_ns == 0 ? 0 : 100 * own / (double)x->total_ns));
    if (x->pages)
        SB_TRY(sb_buffer_printf(x->out, " | %10llu", (unsigned long long)own_pages(x, plan)));
    if (x->spills)
        SB_TRY(sb_buffer_printf(x->out, " | %11.1f | %6llu", (double)seen->spilled_bytes / 1024,
                                (unsigned long long)seen->spilled_parts));
    return SB_OK;
}

static sb_status line(explainer *x, const sb_plan *plan, unsigned indent)
{
    const size_t start = x->out->size;

    for (unsigned i = 0; i < indent; i++)
        SB_TRY(text(x->out, "| "));
    SB_TRY(text(x->out, "+"));
    SB_TRY(text(x->out, sb_plan_operator_name(plan)));
    SB_TRY(pad(x->out, x->out->size - start, NAME_COLUMNS));
    SB_TRY(flat_details(x, plan));
    SB_TRY(text(x->out, " | "));
    SB_TRY(sb_buffer_append(x->out, x->details.data, x->details.size));
    SB_TRY(pad(x->out, characters(x->details.data, x->details.size), DETAIL_COLUMNS));
    SB_TRY(numbers(x, plan));
    return text(x->out, "\n");
}

static sb_status tree(explainer *x, const sb_plan *plan, unsigned indent)
{
    for (; plan != NULL; plan = plan->input) {
        SB_TRY(line(x, plan, indent));
        if (plan->inner != NULL) SB_TRY(tree(x, plan->inner, indent + 1));
    }
    return SB_OK;
}

static bool any_spills(const explainer *x)
{
    for (uint32_t i = 0; x->profile != NULL && i < x->compiled->plan_count; i++)
        if (x->profile[i].spilled_bytes != 0) return true;
    return false;
}

static sb_status finish(explainer *x, sb_status status, sb_err *err)
{
    sb_buffer_deinit(&x->details);
    return status == SB_NOMEM ? SB_FAIL_NOMEM(err) : status;
}

sb_status sb_cypher_explain_text(const sb_compiled *compiled,
                                 const sb_exec_operator_profile *profile, bool pages,
                                 sb_buffer *out, sb_err *err)
{
    explainer x = {.compiled = compiled, .profile = profile, .pages = pages, .out = out};
    sb_status status;

    sb_buffer_init(&x.details, out->alloc);
    if (compiled->root == NULL) return finish(&x, text(out, "(no plan: runs as it is)\n"), err);
    if (profile != NULL) x.total_ns = profile[compiled->root->number].time_ns;
    x.spills = any_spills(&x);
    status = sb_buffer_printf(out, "%-*s | %-*s | %12s", (int)NAME_COLUMNS, "operator",
                              (int)DETAIL_COLUMNS, "details", "rows, about");
    if (status == SB_OK && profile != NULL)
        status = text(out, " |         rows |         ms |     %");
    if (status == SB_OK && profile != NULL && pages) status = text(out, " |      pages");
    if (status == SB_OK && x.spills) status = text(out, " | spilled KiB |  parts");
    if (status == SB_OK) status = text(out, "\n");
    if (status == SB_OK) status = tree(&x, compiled->root, 0);
    return finish(&x, status, err);
}

/* ---- JSON ------------------------------------------------------------------------------------------------------------ */

static sb_status json_string(sb_buffer *out, const uint8_t *data, size_t size)
{
    SB_TRY(text(out, "\""));
    for (size_t i = 0; i < size; i++) {
        if (data[i] == '"' || data[i] == '\\') SB_TRY(text(out, "\\"));
        if (data[i] < ' ')
            SB_TRY(sb_buffer_printf(out, "\\u%04x", (unsigned)data[i]));
        else
            SB_TRY(sb_buffer_append_byte(out, data[i]));
    }
    return text(out, "\"");
}

static sb_status json_chain(explainer *x, const sb_plan *root);

/* One operator, its object left open for its input. */
static sb_status json_operator(explainer *x, const sb_plan *plan)
{
    const char *name = sb_plan_operator_name(plan);

    SB_TRY(text(x->out, "{\"operator\":"));
    SB_TRY(json_string(x->out, (const uint8_t *)name, strlen(name)));
    sb_buffer_reset(&x->details);
    SB_TRY(sb_plan_details(x->compiled, plan, &x->details));
    SB_TRY(text(x->out, ",\"details\":"));
    SB_TRY(json_string(x->out, x->details.data, x->details.size));
    SB_TRY(sb_buffer_printf(x->out, ",\"estimated_rows\":%.6g,\"estimated_cost\":%.6g", plan->rows,
                            plan->cost));
    if (x->profile != NULL) {
        const sb_exec_operator_profile *seen = &x->profile[plan->number];

        SB_TRY(sb_buffer_printf(x->out, ",\"rows\":%llu,\"batches\":%llu,\"time_ns\":%llu",
                                (unsigned long long)seen->rows, (unsigned long long)seen->batches,
                                (unsigned long long)own_ns(x, plan)));
        if (x->pages)
            SB_TRY(sb_buffer_printf(x->out, ",\"pages\":%llu",
                                    (unsigned long long)own_pages(x, plan)));
        SB_TRY(sb_buffer_printf(x->out, ",\"spilled_bytes\":%llu,\"spilled_parts\":%llu",
                                (unsigned long long)seen->spilled_bytes,
                                (unsigned long long)seen->spilled_parts));
    }
    if (plan->inner != NULL) {
        SB_TRY(text(x->out, ",\"inner\":"));
        SB_TRY(json_chain(x, plan->inner));
    }
    return SB_OK;
}

/* Inputs nest to the right: {…,"input":{…}}; closed all at once at the end, so that a long chain needs no recursion. */
static sb_status json_chain(explainer *x, const sb_plan *root)
{
    size_t open = 0;

    for (const sb_plan *plan = root; plan != NULL; plan = plan->input, open++) {
        if (plan != root) SB_TRY(text(x->out, ",\"input\":"));
        SB_TRY(json_operator(x, plan));
    }
    for (; open != 0; open--)
        SB_TRY(text(x->out, "}"));
    return SB_OK;
}

sb_status sb_cypher_explain_json(const sb_compiled *compiled,
                                 const sb_exec_operator_profile *profile, bool pages,
                                 sb_buffer *out, sb_err *err)
{
    explainer x = {.compiled = compiled, .profile = profile, .pages = pages, .out = out};

    sb_buffer_init(&x.details, out->alloc);
    if (compiled->root == NULL) return finish(&x, text(out, "null"), err);
    return finish(&x, json_chain(&x, compiled->root), err);
}
