/* graph_view.c — the nodes and relationships of a result as a picture: DOT text, SVG, or a bitmap shown by the terminal itself (kitty's and
 * iTerm2's protocols). Placed by forces: all nodes push each other away, relationships pull (after Fruchterman and Reingold, 1991), from fixed
 * beginnings, so that the same result gives the same picture. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "picture.h"

#define NODES_MAX                                                                                  \
    400u /* a picture of more shows nothing, and placing them takes the square of their number */
#define RELS_MAX      2000u
#define ROUNDS        300
#define CAPTION_WIDTH 24
#define LABELS_WIDTH  200

/* ---- Gathering -------------------------------------------------------------------------------------------------------------- */

typedef struct gatherer {
    invocation *cli;
    sombra_stmt *stmt;
    picture *to;
    bool failed; /* the connection tells why */
} gatherer;

/* A text of at most so many columns, without control characters. Takes the buffer. */
static char *keep_text(text_buffer *text, size_t columns)
{
    const size_t width = text_width(text->data, text->size);
    text_buffer kept = {0};

    put_fitted(&kept, text->data, text->size, width < columns ? width : columns, false);
    put(&kept, "", 1);
    free(text->data);
    return kept.data;
}

/* What to write at a node: its name, title … or else its number. */
static char *caption_of(gatherer *g, const sombra_node *node)
{
    static const char *const keys[] = {"name", "title", "label", "caption", "id"};
    text_buffer text = {0};
    char number[32];

    for (size_t k = 0; k < sizeof keys / sizeof *keys && text.size == 0; k++)
        for (size_t i = 0; i < node->prop_count && text.size == 0; i++) {
            size_t size;
            const char *key = sombra_stmt_name_text(g->stmt, SOMBRA_KEY, node->props[i].key, &size);
            if (key == NULL || size != strlen(keys[k]) || memcmp(key, keys[k], size) != 0) continue;
            put_plain(&text, &node->props[i].value);
        }
    if (text.size == 0) {
        snprintf(number, sizeof number, "#%llu", (unsigned long long)node->id);
        put_text(&text, number);
    }
    return keep_text(&text, CAPTION_WIDTH);
}

static size_t find_node(const picture *p, uint64_t id)
{
    size_t i = 0;
    while (i < p->node_count && p->nodes[i].id != id)
        i++;
    return i;
}

static void *grow(void *array, size_t count, size_t bytes)
{
    void *grown = count % 64 == 0 ? realloc(array, (count + 64) * bytes) : array;
    if (grown == NULL) exit(complain(8, "out of memory"));
    return grown;
}

/* Place of a node in the picture; SIZE_MAX: there is no room. */
static size_t add_node(gatherer *g, uint64_t id)
{
    picture *p = g->to;
    const size_t at = find_node(p, id);
    text_buffer labels = {0};
    sombra_node node;
    bool found;

    if (at < p->node_count) return at;
    if (at == NODES_MAX) {
        p->cut = true;
        return SIZE_MAX;
    }
    if (sombra_stmt_node(g->stmt, id, &node, &found) != SOMBRA_OK) {
        g->failed = true;
        return SIZE_MAX;
    }
    if (!found) node = (sombra_node){.id = id};
    p->nodes = grow(p->nodes, p->node_count, sizeof *p->nodes);
    p->nodes[at] = (picture_node){.id = id, .caption = caption_of(g, &node)};
    for (size_t i = 0; i < node.label_count; i++) {
        size_t size;
        const char *name = sombra_stmt_name_text(g->stmt, SOMBRA_LABEL, node.labels[i], &size);
        put_text(&labels, ":");
        if (name != NULL) put(&labels, name, size);
    }
    p->nodes[at].labels = keep_text(&labels, LABELS_WIDTH);
    p->node_count++;
    return at;
}

static void add_rel(gatherer *g, uint64_t id)
{
    picture *p = g->to;
    text_buffer type = {0};
    sombra_rel rel;
    const char *name;
    size_t size, source, target;
    bool found;

    for (size_t i = 0; i < p->rel_count; i++)
        if (p->rels[i].id == id) return;
    if (p->rel_count == RELS_MAX) {
        p->cut = true;
        return;
    }
    if (sombra_stmt_rel(g->stmt, id, &rel, &found) != SOMBRA_OK) {
        g->failed = true;
        return;
    }
    if (!found) return; /* deleted by the statement */
    name = sombra_stmt_name_text(g->stmt, SOMBRA_TYPE, rel.type, &size);
    if (name != NULL) put(&type, name, size);
    source = add_node(g, rel.source);
    target = add_node(g, rel.target);
    if (source == SIZE_MAX || target == SIZE_MAX) {
        free(type.data);
        return;
    }
    p->rels = grow(p->rels, p->rel_count, sizeof *p->rels);
    p->rels[p->rel_count++] = (picture_rel){
        .id = id, .source = source, .target = target, .type = keep_text(&type, LABELS_WIDTH)};
}

/* Lists and maps are at most 1,000 deep (docs/LIMITS.md). True when the value holds something to draw. */
static bool add_value(gatherer *g, const sombra_value *value)
{
    bool any = false;

    switch ((sombra_type)value->type) {
    case SOMBRA_TYPE_NODE: (void)add_node(g, value->as.id); return true;
    case SOMBRA_TYPE_REL: add_rel(g, value->as.id); return true;
    case SOMBRA_TYPE_PATH:
        for (size_t i = 0; i <= value->as.path.length; i++)
            (void)add_node(g, value->as.path.nodes[i]);
        for (size_t i = 0; i < value->as.path.length; i++)
            add_rel(g, value->as.path.rels[i]);
        return true;
    case SOMBRA_TYPE_LIST:
        for (size_t i = 0; i < value->as.list.count; i++)
            any = add_value(g, &value->as.list.items[i]) || any;
        return any;
    case SOMBRA_TYPE_MAP:
        for (size_t i = 0; i < value->as.map.count; i++)
            any = add_value(g, &value->as.map.entries[i].value) || any;
        return any;
    default: return false;
    }
}

/* ---- Placing ----------------------------------------------------------------------------------------------------------------- */

static void push_apart(picture *p, double *dx, double *dy, double k)
{
    for (size_t i = 0; i < p->node_count; i++)
        for (size_t j = 0; j < i; j++) {
            const double x = p->nodes[i].x - p->nodes[j].x, y = p->nodes[i].y - p->nodes[j].y;
            const double square = x * x + y * y + 1e-9, force = k * k / square;
            dx[i] += x * force, dy[i] += y * force;
            dx[j] -= x * force, dy[j] -= y * force;
        }
}

static void pull_together(picture *p, double *dx, double *dy, double k)
{
    for (size_t r = 0; r < p->rel_count; r++) {
        const size_t i = p->rels[r].source, j = p->rels[r].target;
        const double x = p->nodes[i].x - p->nodes[j].x, y = p->nodes[i].y - p->nodes[j].y;
        const double force = sqrt(x * x + y * y) / k;
        if (i == j) continue;
        dx[i] -= x * force, dy[i] -= y * force;
        dx[j] += x * force, dy[j] += y * force;
    }
}

/* Stretch what was found over the picture, with a margin. */
static void fit(picture *p)
{
    double low[2] = {(double)INFINITY, (double)INFINITY},
           high[2] = {-(double)INFINITY, -(double)INFINITY};

    for (size_t i = 0; i < p->node_count; i++) {
        low[0] = fmin(low[0], p->nodes[i].x), high[0] = fmax(high[0], p->nodes[i].x);
        low[1] = fmin(low[1], p->nodes[i].y), high[1] = fmax(high[1], p->nodes[i].y);
    }
    for (size_t i = 0; i < p->node_count; i++) {
        picture_node *n = &p->nodes[i];
        const double w = high[0] - low[0], h = high[1] - low[1];
        n->x = w < 1e-6
                   ? PICTURE_WIDTH / 2.0
                   : PICTURE_MARGIN + (n->x - low[0]) / w * (PICTURE_WIDTH - 2 * PICTURE_MARGIN);
        n->y = h < 1e-6
                   ? PICTURE_HEIGHT / 2.0
                   : PICTURE_MARGIN + (n->y - low[1]) / h * (PICTURE_HEIGHT - 2 * PICTURE_MARGIN);
    }
}

static void place(picture *p)
{
    const double k = 1.0 / sqrt((double)p->node_count + 1);
    double *dx = calloc(p->node_count + 1, sizeof *dx), *dy = calloc(p->node_count + 1, sizeof *dy);

    if (dx == NULL || dy == NULL) exit(complain(8, "out of memory"));
    /* a spiral: no two at one place, none in a line */
    for (size_t i = 0; i < p->node_count; i++) {
        const double turn = (double)i * 2.399963229728653; /* the golden angle */
        const double radius = sqrt((double)i + 0.5) * k / 2;
        p->nodes[i].x = radius * cos(turn);
        p->nodes[i].y = radius * sin(turn);
    }
    for (int round = 0; round < ROUNDS; round++) {
        const double most = 0.1 * (1.0 - (double)round / ROUNDS); /* the farthest move */
        memset(dx, 0, p->node_count * sizeof *dx);
        memset(dy, 0, p->node_count * sizeof *dy);
        push_apart(p, dx, dy, k);
        pull_together(p, dx, dy, k);
        for (size_t i = 0; i < p->node_count; i++) {
            /* parts that nothing connects must not fly away */
            const double x = dx[i] - p->nodes[i].x * 0.5, y = dy[i] - p->nodes[i].y * 0.5;
            const double length = sqrt(x * x + y * y) + 1e-9, step = fmin(length, most);
            p->nodes[i].x += x / length * step;
            p->nodes[i].y += y / length * step;
        }
    }
    free(dx);
    free(dy);
    fit(p);
    /* relationships between the same two nodes, whichever way, are bent apart */
    for (size_t r = 0; r < p->rel_count; r++) {
        const picture_rel *rel = &p->rels[r];
        unsigned before = 0;
        for (size_t q = 0; q < r; q++)
            before += (p->rels[q].source == rel->source && p->rels[q].target == rel->target) ||
                      (p->rels[q].source == rel->target && p->rels[q].target == rel->source);
        p->rels[r].bend = before;
    }
}

/* ---- A result ----------------------------------------------------------------------------------------------------------------- */

static void free_picture(picture *p)
{
    for (size_t i = 0; i < p->node_count; i++) {
        free(p->nodes[i].caption);
        free(p->nodes[i].labels);
    }
    for (size_t i = 0; i < p->rel_count; i++)
        free(p->rels[i].type);
    free(p->nodes);
    free(p->rels);
}

static int gather(gatherer *g, statement_report *report)
{
    sombra_status status;

    while ((status = sombra_stmt_step(g->stmt)) == SOMBRA_ROW) {
        for (size_t i = 0; i < report->columns; i++) {
            sombra_value value;
            if (sombra_stmt_column(g->stmt, i, &value) != SOMBRA_OK) return complain_conn(g->cli);
            if (add_value(g, &value)) g->to->any = true;
            if (g->failed) return complain_conn(g->cli);
        }
        report->rows++;
        if (was_cancelled()) return cancelled_code();
    }
    return status == SOMBRA_DONE ? EXIT_OK : complain_conn(g->cli);
}

int print_graph(invocation *cli, sombra_stmt *stmt, statement_report *report)
{
    picture p = {0};
    gatherer g = {.cli = cli, .stmt = stmt, .to = &p};
    const int code = gather(&g, report);

    if (code == EXIT_OK && report->columns != 0) {
        progress_clear();
        if (!p.any && report->rows != 0 && !cli->quiet)
            fputs("(nothing to draw: no column holds nodes, relationships or paths)\n", stderr);
        if (p.cut && !cli->quiet)
            fprintf(stderr, "(too much to draw: the first %u nodes and %u relationships)\n",
                    NODES_MAX, RELS_MAX);
        place(&p);
        if (cli->picture == PICTURE_SVG)
            picture_svg(&p, stdout);
        else if (cli->picture == PICTURE_DOT || !p.any || !picture_show(&p, stdout))
            picture_dot(&p, stdout);
    }
    free_picture(&p);
    return code == EXIT_OK && ferror(stdout) ? output_failed() : code;
}
