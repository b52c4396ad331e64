/* picture.h — nodes and relationships with places, and the forms in which they are drawn (picture.c, bitmap.c). */
#ifndef SB_CLI_PICTURE_H
#define SB_CLI_PICTURE_H

#include "cli.h"

#define PICTURE_WIDTH  800
#define PICTURE_HEIGHT 600
#define PICTURE_MARGIN 60
#define PICTURE_RADIUS 18.0 /* of a node */

typedef struct picture_node {
    uint64_t id;
    char *caption, *labels; /* owned; ":Person:Admin" */
    double x, y;            /* within the picture */
} picture_node;
typedef struct picture_rel {
    uint64_t id;
    size_t source, target; /* places in nodes */
    char *type;            /* owned */
    unsigned bend;         /* number among those between the same nodes */
} picture_rel;
typedef struct picture {
    picture_node *nodes;
    size_t node_count;
    picture_rel *rels;
    size_t rel_count;
    bool cut; /* there was more */
    bool any; /* a value was of the graph */
} picture;

typedef struct picture_point {
    double x, y;
} picture_point;
/* The curve of a relationship, from the edge of its source to the edge of its target: start, two control points, end. */
void picture_curve(const picture *p, const picture_rel *rel, picture_point curve[4]);
/* Color of a node by its labels: 0xRRGGBB. */
uint32_t picture_color(const picture_node *node);

void picture_dot(const picture *p, FILE *out);
void picture_svg(const picture *p, FILE *out);
/* Show it in the terminal behind standard output, with a legend; false when that shows no images. */
bool picture_show(const picture *p, FILE *out);
/* As a PNG file: palette, not compressed. */
void picture_png(const picture *p, text_buffer *out);

#endif
