/* query.c — get, neighbors, path, bfs, top. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define TYPES_MAX 64

/* Open, run, close; Ctrl-C meanwhile cancels. */
static int read_with(invocation *cli, int (*run)(invocation *cli))
{
    int code = open_database(cli, true, false);

    if (code != EXIT_OK || (code = begin_transaction(cli, SOMBRA_READ)) != EXIT_OK) return code;
    progress_start_late(cli, "Reading");
    code = run(cli);
    progress_stop(cli);
    return close_database(cli, code);
}

/* After rows that may have ended early: not written, or cancelled, or all. */
static int end_rows(output *out)
{
    return output_end(out) ? cancelled_code() : 9;
}

/* Until the next call of the transaction. */
static cell cell_name(invocation *cli, sombra_name_kind kind, uint32_t id)
{
    size_t size;
    const char *name = sombra_name_text(cli->txn, kind, id, &size);

    return name == NULL ? cell_text("") : (cell){.kind = CELL_TEXT, .text = name, .size = size};
}

/* ---- get ------------------------------------------------------------------------------------------------------- */

static void print_props(invocation *cli, output *out, const sombra_prop *props, size_t count)
{
    for (size_t i = 0; i < count; i++)
        output_row(out,
                   (cell[]){cell_name(cli, SOMBRA_KEY, props[i].key), cell_value(&props[i].value)});
}

static int get_node(invocation *cli, uint64_t id)
{
    static const char *const columns[] = {"property", "value"};
    sombra_node node;
    text_buffer labels = {0};
    bool found;
    output *out;

    if (sombra_get_node(cli->txn, id, &node, &found) != SOMBRA_OK) return complain_conn(cli);
    if (!found) return complain(EXIT_NOT_FOUND, "there is no node %llu", (unsigned long long)id);
    node_labels(cli, &node, &labels);
    out = output_begin(cli, columns, 2);
    output_row(out, (cell[]){cell_text("~id"), cell_int(id)});
    output_row(out, (cell[]){cell_text("~labels"), cell_of(&labels)});
    free(labels.data);
    print_props(cli, out, node.props, node.prop_count);
    return output_end(out) ? EXIT_OK : 9;
}

static int get_rel(invocation *cli, uint64_t id)
{
    static const char *const columns[] = {"property", "value"};
    sombra_rel rel;
    bool found;
    output *out;

    if (sombra_get_rel(cli->txn, id, &rel, &found) != SOMBRA_OK) return complain_conn(cli);
    if (!found)
        return complain(EXIT_NOT_FOUND, "there is no relationship %llu", (unsigned long long)id);
    out = output_begin(cli, columns, 2);
    output_row(out, (cell[]){cell_text("~id"), cell_int(id)});
    output_row(out, (cell[]){cell_text("~type"), cell_name(cli, SOMBRA_TYPE, rel.type)});
    output_row(out, (cell[]){cell_text("~start"), cell_int(rel.source)});
    output_row(out, (cell[]){cell_text("~end"), cell_int(rel.target)});
    print_props(cli, out, rel.props, rel.prop_count);
    return output_end(out) ? EXIT_OK : 9;
}

static int get_entity(invocation *cli)
{
    uint64_t id;
    char *end;

    if (!flag_given(cli, "relationship")) {
        const int code = resolve_node(cli, cli->arguments[1], &id);
        return code == EXIT_OK ? get_node(cli, id) : code;
    }
    errno = 0;
    id = strtoull(cli->arguments[1], &end, 10);
    if (errno != 0 || *end != '\0' || !isdigit((unsigned char)*cli->arguments[1]))
        return complain(EXIT_USAGE, "'%s' is no relationship id", cli->arguments[1]);
    return get_rel(cli, id);
}

int run_get(invocation *cli)
{
    return read_with(cli, get_entity);
}

/* ---- neighbors ---------------------------------------------------------------------------------------------------- */

static int list_neighbors(invocation *cli)
{
    static const char *const columns[] = {"direction", "type", "node", "name", "relationship"};
    sombra_neighbors_options options;
    const sombra_neighbor *borrowed;
    sombra_neighbor *list;
    uint32_t types[TYPES_MAX];
    uint64_t id;
    size_t count;
    text_buffer caption = {0};
    output *out;
    char text[64];
    int code;

    memset(&options, 0, sizeof options);
    options.types = types;
    options.distinct = flag_given(cli, "distinct");
    if (!flag_number(cli, "limit", 0, &options.limit)) return EXIT_USAGE;
    if ((code = resolve_node(cli, cli->arguments[1], &id)) != EXIT_OK ||
        (code = resolve_types(cli, types, TYPES_MAX, &options.type_count)) != EXIT_OK ||
        (code = resolve_direction(cli, SOMBRA_OUT, &options.direction)) != EXIT_OK)
        return code;
    if (sombra_neighbors(cli->txn, id, &options, &borrowed, &count) != SOMBRA_OK)
        return complain_conn(cli);
    list = malloc((count + 1) * sizeof *list); /* captions below are further calls, which end the
                                                * result's life */
    if (list == NULL) return complain(8, "out of memory");
    if (count != 0) memcpy(list, borrowed, count * sizeof *list);
    out = output_begin(cli, columns, 5);
    for (size_t i = 0; i < count && !was_cancelled(); i++) {
        node_caption(cli, list[i].node, &caption);
        output_row(out, (cell[]){cell_text(list[i].outgoing ? "out" : "in"),
                                 cell_name(cli, SOMBRA_TYPE, list[i].type), cell_int(list[i].node),
                                 cell_of(&caption), cell_int(list[i].rel)});
    }
    free(caption.data);
    free(list);
    if ((code = end_rows(out)) == EXIT_OK && cli->format == FORMAT_TABLE && !cli->quiet)
        printf("%s\n", counted(count, "neighbor", "neighbors", text));
    return code;
}

int run_neighbors(invocation *cli)
{
    return read_with(cli, list_neighbors);
}

/* ---- path ------------------------------------------------------------------------------------------------------------ */

static int bfs_options(invocation *cli, sombra_bfs_options *options, uint32_t *types)
{
    uint64_t depth;
    int code;

    memset(options, 0, sizeof *options);
    options->types = types;
    if (!flag_number(cli, "max-depth", 0, &depth)) return EXIT_USAGE;
    options->max_depth = depth > UINT32_MAX ? UINT32_MAX : (uint32_t)depth;
    if ((code = resolve_types(cli, types, TYPES_MAX, &options->type_count)) != EXIT_OK) return code;
    return resolve_direction(cli, SOMBRA_OUT, &options->direction);
}

/* The way that a path's last relationship leads on, from place i - 1 to place i: its type, and its weight in *weight unless it has
 * none. */
static int describe_step(invocation *cli, const uint64_t *nodes, uint64_t id, uint32_t key,
                         text_buffer *type, double *weight)
{
    sombra_rel rel;
    cell name;
    bool found;

    if (sombra_get_rel(cli->txn, id, &rel, &found) != SOMBRA_OK) return complain_conn(cli);
    if (!found)
        return complain(EXIT_NOT_FOUND, "there is no relationship %llu", (unsigned long long)id);
    for (size_t i = 0; key != 0 && i < rel.prop_count; i++)
        if (rel.props[i].key == key)
            *weight = rel.props[i].value.type == SOMBRA_TYPE_INT
                          ? (double)rel.props[i].value.as.integer
                          : rel.props[i].value.as.real;
    name = cell_name(cli, SOMBRA_TYPE, rel.type);
    type->size = 0;
    put(type, name.text, name.size);
    if (rel.source != nodes[0]) put_text(type, " (backwards)");
    return EXIT_OK;
}

/* ids: the nodes, then the relationships between them. key: of the weight, whose sum up to each node is a column then; 0: none. */
static int print_steps(invocation *cli, const uint64_t *ids, size_t length, uint32_t key,
                       double default_weight)
{
    static const char *const columns[] = {"step", "relationship", "type", "node", "name", "weight"};
    output *out = output_begin(cli, columns, key != 0 ? 6 : 5);
    text_buffer caption = {0}, type = {0};
    double sum = 0;
    int code = EXIT_OK;

    for (size_t i = 0; i <= length && code == EXIT_OK; i++) {
        double weight = default_weight;
        if (i != 0 && (code = describe_step(cli, ids + i - 1, ids[length + i], key, &type,
                                            &weight)) != EXIT_OK)
            break;
        if (i != 0) sum += weight;
        node_caption(cli, ids[i], &caption);
        output_row(out, (cell[]){cell_int(i), i == 0 ? cell_null() : cell_int(ids[length + i]),
                                 i == 0 ? cell_null() : cell_of(&type), cell_int(ids[i]),
                                 cell_of(&caption), cell_real(sum)});
        code = cancelled_code();
    }
    free(caption.data);
    free(type.data);
    return output_end(out) || code != EXIT_OK ? code : 9;
}

static int print_path(invocation *cli, const sombra_path *path, uint32_t key, double default_weight)
{
    const size_t length = path->length;
    const double weight = path->weight;
    /* the calls below end the path's life */
    uint64_t *ids = malloc((2 * length + 1) * sizeof *ids);
    char text[64];
    int code;

    if (ids == NULL) return complain(8, "out of memory");
    memcpy(ids, path->nodes, (length + 1) * sizeof *ids);
    if (length != 0) memcpy(ids + length + 1, path->rels, length * sizeof *ids);
    code = print_steps(cli, ids, length, key, default_weight);
    free(ids);
    if (code != EXIT_OK || cli->format != FORMAT_TABLE || cli->quiet) return code;
    printf("%s", counted(length, "relationship", "relationships", text));
    if (key != 0) printf(", weight %g", weight);
    printf("\n");
    return EXIT_OK;
}

static int find_path(invocation *cli)
{
    const char *weight = flag_text(cli, "weight"), *fallback = flag_text(cli, "default-weight");
    sombra_bfs_options options;
    sombra_path path;
    uint32_t types[TYPES_MAX], key = 0;
    uint64_t from, to;
    double default_weight = 1;
    sombra_status status;
    int code;

    if ((code = resolve_node(cli, cli->arguments[1], &from)) != EXIT_OK ||
        (code = resolve_node(cli, cli->arguments[2], &to)) != EXIT_OK ||
        (code = bfs_options(cli, &options, types)) != EXIT_OK)
        return code;
    if (fallback != NULL) {
        char *end;
        default_weight = strtod(fallback, &end);
        if (*end != '\0' || end == fallback)
            return complain(EXIT_USAGE, "--default-weight: '%s' is not a number", fallback);
    }
    if (weight != NULL) {
        if (sombra_name_find(cli->txn, SOMBRA_KEY, weight, SOMBRA_NUL_TERMINATED, &key) !=
            SOMBRA_OK)
            return complain_conn(cli);
        if (key == SOMBRA_NO_NAME)
            return complain(EXIT_NOT_FOUND, "there is no property '%s' in %s", weight,
                            cli->arguments[0]);
        status = sombra_weighted_path(cli->txn, from, to, &options, key, default_weight, &path);
    } else {
        status = sombra_shortest_path(cli->txn, from, to, &options, &path);
    }
    if (status != SOMBRA_OK) return complain_conn(cli);
    if (!path.found)
        return complain(EXIT_NOT_FOUND, "there is no path from %s to %s", cli->arguments[1],
                        cli->arguments[2]);
    return print_path(cli, &path, key, default_weight);
}

int run_path(invocation *cli)
{
    return read_with(cli, find_path);
}

/* ---- bfs -------------------------------------------------------------------------------------------------------------- */

typedef struct reached {
    uint64_t *nodes; /* the first `limit` */
    uint32_t *depths;
    size_t count, limit;
    uint64_t *per_depth;
    size_t depth_capacity;
    bool nomem;
} reached;

static bool note_reached(void *ctx, uint64_t node, uint32_t depth)
{
    reached *to = ctx;

    if (to->count < to->limit) {
        to->nodes[to->count] = node;
        to->depths[to->count++] = depth;
    }
    if (depth >= to->depth_capacity) {
        const size_t capacity = 2 * (size_t)depth + 16;
        uint64_t *grown = realloc(to->per_depth, capacity * sizeof *grown);
        if (grown == NULL) {
            to->nomem = true;
            return false;
        }
        memset(grown + to->depth_capacity, 0, (capacity - to->depth_capacity) * sizeof *grown);
        to->per_depth = grown;
        to->depth_capacity = capacity;
    }
    to->per_depth[depth]++;
    return true;
}

static int print_reached(invocation *cli, const reached *to, const sombra_bfs_result *result)
{
    static const char *const node_columns[] = {"depth", "node", "name"}, *const depth_columns[] = {
                                                                             "depth", "nodes"};
    const bool only_count = flag_given(cli, "count");
    /* not among the rows of formats for programs */
    FILE *notes = cli->format == FORMAT_TABLE ? stdout : stderr;
    output *out = output_begin(cli, only_count ? depth_columns : node_columns, only_count ? 2 : 3);
    text_buffer caption = {0};
    char a[64], b[64];
    int code;

    if (only_count) {
        for (size_t depth = 0; depth <= result->depth && depth < to->depth_capacity; depth++)
            output_row(out, (cell[]){cell_int(depth), cell_int(to->per_depth[depth])});
    } else {
        for (size_t i = 0; i < to->count && !was_cancelled(); i++) {
            node_caption(cli, to->nodes[i], &caption);
            output_row(
                out, (cell[]){cell_int(to->depths[i]), cell_int(to->nodes[i]), cell_of(&caption)});
        }
    }
    free(caption.data);
    if ((code = end_rows(out)) != EXIT_OK || cli->quiet) return code;
    if (!only_count && to->count < result->visited)
        fprintf(notes, "(the first %zu of %s: --limit)\n", to->count,
                counted(result->visited, "node", "nodes", a));
    if (result->truncated) fprintf(notes, "(stopped at --max-visits)\n");
    if (cli->format == FORMAT_TABLE)
        printf("%s reached, up to %s away\n", counted(result->visited, "node", "nodes", a),
               counted(result->depth, "relationship", "relationships", b));
    return EXIT_OK;
}

static int search(invocation *cli)
{
    sombra_bfs_options options;
    sombra_bfs_result result;
    uint32_t types[TYPES_MAX];
    uint64_t start, limit;
    reached to;
    sombra_status status;
    int code;

    memset(&to, 0, sizeof to);
    if ((code = resolve_node(cli, cli->arguments[1], &start)) != EXIT_OK ||
        (code = bfs_options(cli, &options, types)) != EXIT_OK)
        return code;
    if (!flag_number(cli, "max-visits", 0, &options.max_visits) ||
        !flag_number(cli, "limit", 100, &limit))
        return EXIT_USAGE;
    to.limit = limit > 100000000 ? 100000000 : (size_t)limit;
    to.nodes = malloc((to.limit + 1) * sizeof *to.nodes);
    to.depths = malloc((to.limit + 1) * sizeof *to.depths);
    if (to.nodes == NULL || to.depths == NULL) {
        code = complain(8, "out of memory");
    } else {
        status = sombra_bfs(cli->txn, start, &options, note_reached, &to, &result);
        code = to.nomem              ? complain(8, "out of memory")
               : status != SOMBRA_OK ? complain_conn(cli)
                                     : print_reached(cli, &to, &result);
    }
    free(to.nodes);
    free(to.depths);
    free(to.per_depth);
    return code;
}

int run_bfs(invocation *cli)
{
    return read_with(cli, search);
}

/* ---- top -------------------------------------------------------------------------------------------------------------- */

typedef struct ranked {
    uint64_t node, degree;
} ranked;

/* Keep the `limit` highest degrees, highest first; of equal ones the lower id. */
static void rank(ranked *list, size_t *count, size_t limit, ranked candidate)
{
    size_t at = *count;

    if (at == limit && list[at - 1].degree >= candidate.degree) return;
    if (at < limit) ++*count;
    at = *count - 1;
    for (; at > 0 && list[at - 1].degree < candidate.degree; at--)
        list[at] = list[at - 1];
    list[at] = candidate;
}

/* The degrees of all nodes that the scan gives; the highest are kept. */
static int rank_all(invocation *cli, sombra_scan *scan, ranked *list, size_t limit, size_t *kept)
{
    enum { BATCH = 1024 };
    uint32_t types[TYPES_MAX];
    sombra_direction direction;
    uint64_t ids[BATCH];
    size_t type_count, count = 1;
    int code;

    if ((code = resolve_types(cli, types, TYPES_MAX, &type_count)) != EXIT_OK ||
        (code = resolve_direction(cli, SOMBRA_OUT, &direction)) != EXIT_OK)
        return code;
    while (code == EXIT_OK && count != 0) {
        if (sombra_scan_next(scan, ids, BATCH, &count) != SOMBRA_OK) return complain_conn(cli);
        for (size_t i = 0; i < count; i++) {
            ranked candidate = {.node = ids[i]};
            if (sombra_degree(cli->txn, ids[i], direction, types, type_count, &candidate.degree) !=
                SOMBRA_OK)
                return complain_conn(cli);
            rank(list, kept, limit, candidate);
        }
        code = cancelled_code();
    }
    return code;
}

static int print_ranked(invocation *cli, const ranked *list, size_t count)
{
    static const char *const columns[] = {"degree", "node", "name"};
    output *out = output_begin(cli, columns, 3);
    text_buffer caption = {0};

    for (size_t i = 0; i < count && !was_cancelled(); i++) {
        node_caption(cli, list[i].node, &caption);
        output_row(out,
                   (cell[]){cell_int(list[i].degree), cell_int(list[i].node), cell_of(&caption)});
    }
    free(caption.data);
    return end_rows(out);
}

static int print_top(invocation *cli)
{
    enum { LIMIT_MAX = 100000 };
    sombra_scan_options options;
    sombra_scan *scan;
    uint64_t limit;
    size_t kept = 0;
    const char *label = flag_text(cli, "label");
    ranked *list;
    int code;

    memset(&options, 0, sizeof options);
    if (label != NULL) {
        if (sombra_name_find(cli->txn, SOMBRA_LABEL, label, SOMBRA_NUL_TERMINATED, &options.name) !=
            SOMBRA_OK)
            return complain_conn(cli);
        if (options.name == SOMBRA_NO_NAME)
            return complain(EXIT_NOT_FOUND, "there is no label '%s' in %s", label,
                            cli->arguments[0]);
    }
    if (!flag_number(cli, "limit", 10, &limit)) return EXIT_USAGE;
    if (limit == 0 || limit > LIMIT_MAX)
        return complain(EXIT_USAGE, "--limit: give 1 to %d", LIMIT_MAX);
    list = calloc((size_t)limit, sizeof *list);
    if (list == NULL) return complain(8, "out of memory");
    if (sombra_scan_open(cli->txn, &options, &scan) == SOMBRA_OK) {
        code = rank_all(cli, scan, list, (size_t)limit, &kept);
        sombra_scan_close(scan);
    } else {
        code = complain_conn(cli);
    }
    if (code == EXIT_OK) code = print_ranked(cli, list, kept);
    free(list);
    return code;
}

int run_top(invocation *cli)
{
    return read_with(cli, print_top);
}
