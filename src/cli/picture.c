/* picture.c — pictures as DOT (Graphviz) and SVG. */
#include <math.h>
#include <string.h>

#include "picture.h"

uint32_t picture_color(const picture_node *node)
{
    static const uint32_t colors[] = {0x4C8BB5, 0xD9853B, 0x5FA55A, 0xC45B5B,
                                      0x8E6BB0, 0x9C755F, 0xCF7FB0, 0x7F7F7F};
    uint32_t hash = 2166136261u; /* FNV-1a */

    for (const char *at = node->labels; *at != '\0'; at++)
        hash = (hash ^ (unsigned char)*at) * 16777619u;
    return colors[hash % (sizeof colors / sizeof *colors)];
}

static picture_point toward(picture_point from, picture_point to, double distance)
{
    const double x = to.x - from.x, y = to.y - from.y, length = sqrt(x * x + y * y) + 1e-9;
    return (picture_point){from.x + x / length * distance, from.y + y / length * distance};
}

void picture_curve(const picture *p, const picture_rel *rel, picture_point curve[4])
{
    const picture_node *a = &p->nodes[rel->source], *b = &p->nodes[rel->target];
    const picture_point from = {a->x, a->y}, to = {b->x, b->y};
    const double x = to.x - from.x, y = to.y - from.y, length = sqrt(x * x + y * y) + 1e-9;
    /* 0, 1, -1, 2, -2 … of a step, to the same side whichever way the relationship goes */
    const unsigned step = (rel->bend + 1) / 2;
    const double side =
        (rel->bend % 2 != 0 ? 1.0 : -1.0) * step * (rel->source < rel->target ? 1.0 : -1.0) * 30.0;

    if (rel->source == rel->target) { /* a loop above the node, larger for each further one */
        const double size = PICTURE_RADIUS * (2.2 + rel->bend * 0.8);
        curve[1] = (picture_point){from.x - size, from.y - size * 1.3};
        curve[2] = (picture_point){from.x + size, from.y - size * 1.3};
    } else {
        for (int i = 1; i <= 2; i++)
            curve[i] = (picture_point){from.x + x * i / 3 - y / length * side,
                                       from.y + y * i / 3 + x / length * side};
    }
    curve[0] = toward(from, curve[1], PICTURE_RADIUS);
    curve[3] = toward(to, curve[2], PICTURE_RADIUS + 2);
}

/* ---- DOT -------------------------------------------------------------------------------------------------------------- */

static void dot_text(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') fputc('\\', out);
        if (*text == '\n')
            fputs("\\n", out);
        else
            fputc(*text, out);
    }
    fputc('"', out);
}

void picture_dot(const picture *p, FILE *out)
{
    fputs("digraph sombra {\n  node [shape=ellipse, style=filled, fontcolor=white];\n", out);
    for (size_t i = 0; i < p->node_count; i++) {
        fprintf(out, "  n%llu [label=", (unsigned long long)p->nodes[i].id);
        dot_text(out, p->nodes[i].caption);
        fputs(", tooltip=", out);
        dot_text(out, p->nodes[i].labels);
        fprintf(out, ", fillcolor=\"#%06x\"];\n", picture_color(&p->nodes[i]));
    }
    for (size_t i = 0; i < p->rel_count; i++) {
        fprintf(out, "  n%llu -> n%llu [label=", (unsigned long long)p->nodes[p->rels[i].source].id,
                (unsigned long long)p->nodes[p->rels[i].target].id);
        dot_text(out, p->rels[i].type);
        fputs("];\n", out);
    }
    fputs("}\n", out);
}

/* ---- SVG -------------------------------------------------------------------------------------------------------------- */

static void xml_text(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (strncmp(text, "\xEF\xBF\xBE", 3) == 0 || strncmp(text, "\xEF\xBF\xBF", 3) == 0) {
            fputc(' ', out); /* U+FFFE and U+FFFF: XML may not hold them either */
            text += 2;
            continue;
        }
        switch (*text) {
        case '<': fputs("&lt;", out); break;
        case '>': fputs("&gt;", out); break;
        case '&': fputs("&amp;", out); break;
        case '"': fputs("&quot;", out); break;
        /* XML has no way to write other control characters */
        default: fputc((unsigned char)*text < 0x20 ? ' ' : *text, out);
        }
    }
}

static void svg_rel(const picture *p, const picture_rel *rel, FILE *out)
{
    picture_point c[4];

    picture_curve(p, rel, c);
    fprintf(out,
            "<path d=\"M%.1f,%.1f C%.1f,%.1f %.1f,%.1f %.1f,%.1f\" marker-end=\"url(#arrow)\"/>"
            "<text x=\"%.1f\" y=\"%.1f\" class=\"type\">",
            c[0].x, c[0].y, c[1].x, c[1].y, c[2].x, c[2].y, c[3].x, c[3].y,
            (c[0].x + 3 * c[1].x + 3 * c[2].x + c[3].x) / 8,
            (c[0].y + 3 * c[1].y + 3 * c[2].y + c[3].y) / 8 - 3);
    xml_text(out, rel->type);
    fputs("</text>\n", out);
}

void picture_svg(const picture *p, FILE *out)
{
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
            "height=\"%d\">\n"
            "<style>text{font:11px sans-serif;text-anchor:middle;fill:#333}"
            ".type{font-size:9px;fill:#777}path{fill:none;stroke:#999}</style>\n"
            "<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" "
            "markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\">"
            "<path d=\"M0,0 L8,4 L0,8 z\" style=\"fill:#999;stroke:none\"/></marker></defs>\n"
            "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
            PICTURE_WIDTH, PICTURE_HEIGHT, PICTURE_WIDTH, PICTURE_HEIGHT);
    for (size_t i = 0; i < p->rel_count; i++)
        svg_rel(p, &p->rels[i], out);
    for (size_t i = 0; i < p->node_count; i++) {
        const picture_node *node = &p->nodes[i];
        fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.0f\" fill=\"#%06x\"><title>", node->x,
                node->y, PICTURE_RADIUS, picture_color(node));
        xml_text(out, node->labels);
        fprintf(out, "</title></circle><text x=\"%.1f\" y=\"%.1f\">", node->x,
                node->y + PICTURE_RADIUS + 12);
        xml_text(out, node->caption);
        fputs("</text>\n", out);
    }
    fputs("</svg>\n", out);
}
