/* json.h — values of queries as compact JSON text.
 * Tests: tests/api/test_arrow.c */
#ifndef SB_API_JSON_H
#define SB_API_JSON_H

#include "cypher/cypher.h"
#include "graph/graph.h"

typedef struct sombra_json {
    sb_graph *graph;   /* where the entities of the values are read */
    sb_arena *scratch; /* values on the way; the caller empties it */
    sb_buffer *out;    /* text is appended */
    sb_err *err;
} sombra_json;

SB_MUST_CHECK sb_status sombra__json_value(const sombra_json *j, sb_val v);
/* The properties of an entity as one object. */
SB_MUST_CHECK sb_status sombra__json_props(const sombra_json *j, const sb_prop *props,
                                           size_t count);

#endif
