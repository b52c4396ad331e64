/* closing.c — the shortest trail that leads back to where it begins, by a search breadth first in which each node knows its branch: the
 * relationship at the start by which it was reached.
 *
 * I1  A shortest closed trail repeats no node but the start: what lies between two visits of one could be left out. So it is a loop, two
 *     relationships side by side, or a circle.
 * I2  Two nodes of different branches, at depths d and e, with a relationship between them, are on a closed trail of d + e + 1: the ways by which
 *     they were reached share the start alone. A loop at the start, and a second relationship to a node next to it, close one of 1 and 2.
 * I3  Of a shortest circle v1 … vk-1, k > 2, the first and the last node have no second relationship to the start, and so two branches. Somewhere on
 *     it a node vi and the next one have two, and as vi is no deeper than i and vi+1 no deeper than k - i - 1, what I2 finds there is no
 *     longer than k.
 * I4  A relationship between two branches is found at the lesser depth of its ends, from either end if they are equal: before all relationships of
 *     the levels before it were seen. So the other end is in the same level, or in the next one.
 * I5  When all nodes of a level are of one branch, the others' have no relationship left that was not seen. */
#include "cypher/exec/closing.h"

typedef struct closing {
    sb_exec *run;
    sb_expand *expand;
    uint64_t start;
    sb_map branches;       /* of the nodes that were reached; not the start's */
    sb_buffer level, next; /* uint64_t: nodes */
    bool grows;            /* a trail may close at the next level's nodes, so they are noted; */
    uint64_t branch;       /* of the first of these, */
    bool several;          /* and there are others of another one */
    bool closed;
} closing;

static uint64_t *nodes_of(const sb_buffer *level)
{
    return (uint64_t *)(void *)level->data;
}

/* A relationship leads from a node of the level to another one, which is of this branch unless it has one. */
static sb_status reach_over(closing *c, uint64_t node, uint64_t branch)
{
    bool fresh;

    if (!c->grows) {
        const uint64_t *known = sb_map_find(&c->branches, node);
        c->closed = known != NULL && *known != branch;
        return SB_OK;
    }
    uint64_t *const of_node = sb_map_at(&c->branches, node, &fresh);
    if (of_node == NULL) return sb_exec__no_memory(c->run);
    if (!fresh) {
        c->closed = *of_node != branch;
        return SB_OK;
    }
    *of_node = branch;
    if (c->next.size == 0) c->branch = branch;
    c->several = c->several || branch != c->branch;
    return sb_buffer_append(&c->next, &node, sizeof node) == SB_OK ? SB_OK
                                                                   : sb_exec__no_memory(c->run);
}

/* All relationships of the level, until one closes a trail. */
static sb_status search_level(closing *c, uint64_t depth)
{
    uint32_t from[SB_BATCH_ROWS];
    uint64_t ends[SB_BATCH_ROWS], rels[SB_BATCH_ROWS];
    const sb_expand_rows rows = {.from = from, .neighbors = ends, .rels = rels};
    const uint64_t *const nodes = nodes_of(&c->level);
    size_t count = 1;

    sb_expand_begin(c->expand, nodes, c->level.size / sizeof *nodes);
    while (!c->closed && count != 0) {
        SB_TRY(sb_exec__tick(c->run));
        SB_TRY(sb_expand_next(c->expand, &rows, SB_BATCH_ROWS, &count, c->run->err));
        for (size_t i = 0; i < count && !c->closed; i++) {
            const uint64_t branch =
                depth == 0 ? rels[i] : *sb_map_find(&c->branches, nodes[from[i]]);
            if (ends[i] != c->start)
                SB_TRY(reach_over(c, ends[i], branch));
            else
                c->closed = depth == 0; /* else it is the branch's own first one (I3) */
        }
    }
    return SB_OK;
}

static sb_status search(closing *c, uint32_t most)
{
    if (sb_buffer_append(&c->level, &c->start, sizeof c->start) != SB_OK)
        return sb_exec__no_memory(c->run);
    c->several = true;
    for (uint64_t depth = 0; c->several && !c->closed && 2 * depth + 1 <= most; depth++) {
        c->grows = 2 * depth + 2 <= most;
        c->several = false;
        sb_buffer_reset(&c->next);
        SB_TRY(search_level(c, depth));
        const sb_buffer level = c->level;
        c->level = c->next;
        c->next = level;
    }
    return SB_OK;
}

sb_status sb_exec__closes(sb_exec *run, sb_expand *expand, uint64_t start, uint32_t most,
                          bool *closes)
{
    closing c = {.run = run, .expand = expand, .start = start};

    sb_map_init(&c.branches, run->alloc);
    sb_buffer_init(&c.level, run->alloc);
    sb_buffer_init(&c.next, run->alloc);
    const sb_status status = search(&c, most);
    *closes = c.closed;
    sb_expand_begin(expand, NULL, 0); /* lets go of the list at hand, and of the level */
    sb_map_deinit(&c.branches);
    sb_buffer_deinit(&c.level);
    sb_buffer_deinit(&c.next);
    return status;
}
