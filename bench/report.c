/* report.c — samples, figures as table or JSON lines, and the summary of ratios. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

/* ---- Samples ------------------------------------------------------------------------------------ */

void bench_add(bench_samples *samples, double value)
{
    if (samples->count == samples->capacity) {
        const size_t more = samples->capacity == 0 ? 64 : 2 * samples->capacity;
        double *grown = realloc(samples->values, more * sizeof *grown);
        if (grown == NULL) bench_fail("out of memory");
        samples->values = grown;
        samples->capacity = more;
    }
    samples->values[samples->count++] = value;
}

static int compare_doubles(const void *a, const void *b)
{
    const double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

double bench_quantile(bench_samples *samples, double share)
{
    double place;
    size_t below;

    if (samples->count == 0) bench_fail("no samples");
    qsort(samples->values, samples->count, sizeof *samples->values, compare_doubles);
    place = share * (double)(samples->count - 1);
    below = (size_t)place;
    if (below + 1 >= samples->count) return samples->values[samples->count - 1];
    return samples->values[below] +
           (place - (double)below) * (samples->values[below + 1] - samples->values[below]);
}

double bench_median(bench_samples *samples)
{
    return bench_quantile(samples, 0.5);
}

void bench_clear(bench_samples *samples)
{
    free(samples->values);
    *samples = (bench_samples){0};
}

/* ---- Figures ------------------------------------------------------------------------------------ */

typedef struct figure {
    char *workload, *graph, *engine, *metric, *unit;
    double value, low, high;
    unsigned rounds;
    bench_better better;
} figure;

typedef struct ratio {
    char *name;
    double value;
} ratio;

static figure *figures;
static size_t figure_count, figure_capacity;
static size_t json_count; /* of them, printed as JSON */
static ratio *ratios;
static size_t ratio_count, ratio_capacity;

static char *copy(const char *text)
{
    char *copied = strdup(text);
    if (copied == NULL) bench_fail("out of memory");
    return copied;
}

static void *grow(void *array, size_t *capacity, size_t count, size_t size)
{
    if (count < *capacity) return array;
    *capacity = *capacity == 0 ? 64 : 2 * *capacity;
    array = realloc(array, *capacity * size);
    if (array == NULL) bench_fail("out of memory");
    return array;
}

/* Counts as they are, large values without digits that mean nothing. */
static void print_value(double value)
{
    const double size = value < 0 ? -value : value;
    if (value == (double)(int64_t)value && size < 1e15)
        printf("%.0f", value);
    else
        printf("%.*f", size >= 1000 ? 0 : size >= 10 ? 2 : 5, value);
}

static void print_header(void)
{
    static bool printed;
    if (printed) return;
    printed = true;
    printf("%-22s %-6s %-7s %-48s %14s %-10s %s\n", "workload", "graph", "engine", "metric",
           "median", "unit", "quartiles, rounds");
}

static void print_row(const figure *of)
{
    print_header();
    printf("%-22s %-6s %-7s %-48s ", of->workload, of->graph, of->engine, of->metric);
    printf(of->value >= 1000 || of->value == (double)(int64_t)of->value ? "%14.0f" : "%14.3f",
           of->value);
    printf(" %-10s", of->unit);
    if (of->rounds != 0)
        printf(of->low >= 1000 ? " %.0f to %.0f, %u" : " %.3f to %.3f, %u", of->low, of->high,
               of->rounds);
    printf("\n");
    fflush(stdout);
}

void bench_figure(const char *workload, const char *graph, const char *engine, const char *metric,
                  double value, double low, double high, unsigned rounds, const char *unit,
                  bench_better better)
{
    figures = grow(figures, &figure_capacity, figure_count, sizeof *figures);
    figures[figure_count++] = (figure){.workload = copy(workload),
                                       .graph = copy(graph),
                                       .engine = copy(engine),
                                       .metric = copy(metric),
                                       .unit = copy(unit),
                                       .value = value,
                                       .low = low,
                                       .high = high,
                                       .rounds = rounds,
                                       .better = better};
    if (!bench.json) print_row(&figures[figure_count - 1]);
}

void bench_report(const char *workload, const char *graph, const char *engine, const char *metric,
                  bench_samples *samples, const char *unit, bench_better better)
{
    bench_figure(workload, graph, engine, metric, bench_median(samples),
                 bench_quantile(samples, 0.25), bench_quantile(samples, 0.75),
                 (unsigned)samples->count, unit, better);
}

void bench_count(const char *workload, const char *graph, const char *engine, const char *metric,
                 double value, const char *unit)
{
    bench_figure(workload, graph, engine, metric, value, value, value, 0, unit, BENCH_COUNT);
}

/* ---- Ratios ------------------------------------------------------------------------------------- */

/* The builder, the batch calls and statements on several threads are Sombra's own; a peer's figure for them is its plain one. */
static bool comparable(const char *ours, const char *theirs)
{
    static const char *const OWN[] = {"builder_", "batch_", "lengths_", "checkpointed_"};

    if (strcmp(ours, theirs) == 0) return true;
    for (size_t i = 0; i < sizeof OWN / sizeof *OWN; i++) {
        const size_t size = strlen(OWN[i]);
        if (strncmp(ours, OWN[i], size) == 0 && strcmp(ours + size, theirs) == 0) return true;
    }
    if (strncmp(ours, BENCH_THREADS, strlen(BENCH_THREADS)) != 0) return false;
    ours += strlen(BENCH_THREADS) + strspn(ours + strlen(BENCH_THREADS), "0123456789");
    return *ours == '_' && strcmp(ours + 1, theirs) == 0;
}

/* Is there a figure of the peer with exactly this metric? Then that one is what we compare with. */
static bool has_same(const figure *ours, const figure *theirs)
{
    for (size_t i = 0; i < figure_count; i++) {
        if (strcmp(figures[i].engine, theirs->engine) == 0 &&
            strcmp(figures[i].workload, ours->workload) == 0 &&
            strcmp(figures[i].graph, ours->graph) == 0 &&
            strcmp(figures[i].metric, ours->metric) == 0)
            return true;
    }
    return false;
}

/* Sombra's figure to a peer's, above 1 where Sombra is ahead; 0: they are not compared. */
static double ratio_to(const figure *ours, const figure *theirs)
{
    if (ours->better == BENCH_COUNT || theirs->better != ours->better ||
        strcmp(ours->engine, "sombra") != 0 || strcmp(theirs->engine, "sombra") == 0 ||
        strcmp(ours->workload, theirs->workload) != 0 || strcmp(ours->graph, theirs->graph) != 0 ||
        !comparable(ours->metric, theirs->metric) || ours->value <= 0 || theirs->value <= 0)
        return 0;
    if (strcmp(ours->metric, theirs->metric) != 0 && has_same(ours, theirs)) return 0;
    return ours->better == BENCH_HIGHER ? ours->value / theirs->value : theirs->value / ours->value;
}

/* ---- JSON --------------------------------------------------------------------------------------- */

static void print_ratios(const figure *ours)
{
    const char *before = ", \"ratios\": {";

    for (size_t i = 0; i < figure_count; i++) {
        const double value = ratio_to(ours, &figures[i]);
        if (value == 0) continue;
        printf("%s\"%s\": %.3f", before, figures[i].engine, value);
        before = ", ";
    }
    if (strcmp(before, ", ") == 0) printf("}");
}

/* The figures of a workload that has ended: only then is a ratio to each peer known. */
static void print_json(void)
{
    for (; json_count < figure_count; json_count++) {
        const figure *of = &figures[json_count];
        printf("{\"workload\": \"%s\", \"graph\": \"%s\", \"engine\": \"%s\", \"metric\": \"%s\", "
               "\"value\": ",
               of->workload, of->graph, of->engine, of->metric);
        print_value(of->value);
        printf(", \"unit\": \"%s\"", of->unit);
        if (bench_graph_elements(of->graph) != 0)
            printf(", \"elements\": %llu", (unsigned long long)bench_graph_elements(of->graph));
        if (of->rounds != 0) {
            printf(", \"low\": ");
            print_value(of->low);
            printf(", \"high\": ");
            print_value(of->high);
            printf(", \"rounds\": %u", of->rounds);
        }
        print_ratios(of);
        printf("}\n");
    }
    fflush(stdout);
}

/* ---- Beside the figures -------------------------------------------------------------------------- */

void bench_stopped(const char *workload, const char *graph, const char *engine, const char *metric,
                   unsigned seconds)
{
    if (bench.json)
        fprintf(stderr,
                "{\"stopped\": \"%s\", \"graph\": \"%s\", \"engine\": \"%s\", \"metric\": "
                "\"%s\", \"seconds\": %u}\n",
                workload, graph, engine, metric, seconds);
    else
        bench_note("(%s on %s: %s was stopped after %u s)", metric, graph, engine, seconds);
}

void bench_elapsed(const char *workload, uint64_t ns)
{
    if (!bench.json) {
        bench_note("(%s took %.1f s)", workload, (double)ns / 1e9);
        return;
    }
    print_json();
    fprintf(stderr, "{\"elapsed\": \"%s\", \"seconds\": %.1f}\n", workload, (double)ns / 1e9);
}

void bench_note(const char *format, ...)
{
    va_list list;

    if (bench.json) return;
    va_start(list, format);
    vprintf(format, list);
    va_end(list);
    printf("\n");
    fflush(stdout);
}

size_t bench_figures(void)
{
    return figure_count;
}

/* ---- Summary ------------------------------------------------------------------------------------ */

static void keep_ratio(const char *name, double value)
{
    ratios = grow(ratios, &ratio_capacity, ratio_count, sizeof *ratios);
    ratios[ratio_count++] = (ratio){.name = copy(name), .value = value};
}

void bench_ratio(const char *workload, const char *graph, const char *name, double value)
{
    char text[256];
    (void)snprintf(text, sizeof text, "%s/%s/%s", workload, graph, name);
    keep_ratio(text, value);
}

static void compare_all(void)
{
    char name[256];

    for (size_t i = 0; i < figure_count; i++) {
        for (size_t j = 0; j < figure_count; j++) {
            const double value = ratio_to(&figures[i], &figures[j]);
            if (value == 0) continue;
            (void)snprintf(name, sizeof name, "%s/%s/%s/vs_%s", figures[i].workload,
                           figures[i].graph, figures[i].metric, figures[j].engine);
            keep_ratio(name, value);
        }
    }
}

void bench_summary(void)
{
    compare_all();
    if (bench.json) {
        printf("{\"summary\": {");
        for (size_t i = 0; i < ratio_count; i++)
            printf("%s\"%s\": %.3f", i == 0 ? "" : ", ", ratios[i].name, ratios[i].value);
        printf("}}\n");
    } else {
        printf("\nratios (above 1: Sombra is ahead)\n");
        for (size_t i = 0; i < ratio_count; i++)
            printf("  %-84s %8.2f\n", ratios[i].name, ratios[i].value);
        printf("%zu figures, %zu ratios\n", figure_count, ratio_count);
    }
    for (size_t i = 0; i < figure_count; i++) {
        free(figures[i].workload);
        free(figures[i].graph);
        free(figures[i].engine);
        free(figures[i].metric);
        free(figures[i].unit);
    }
    for (size_t i = 0; i < ratio_count; i++)
        free(ratios[i].name);
    free(figures);
    free(ratios);
}
