/* recover_ids.c — ids that recovery has seen in the damaged file: the new ids of nodes, and which relationships were read before. Ids that follow one
 * another take 8 bytes a node and a bit a relationship; ones that lie apart, as in a damaged file they may, some 600 and 40 bytes. */
#include "graph/recover_priv.h"

#define GROUP 64u /* ids that share an entry */

/* The new id's place; *fresh: the node has not been seen before. NULL on no memory. */
static uint64_t *place_of(sb_recovery *r, uint64_t id)
{
    static const uint64_t none[GROUP];
    bool inserted;
    uint64_t *group = sb_map_at(&r->node_groups, id / GROUP, &inserted);

    if (group == NULL) return NULL;
    if (inserted) {
        *group = r->node_ids.size / sizeof none;
        if (sb_buffer_append(&r->node_ids, none, sizeof none) != SB_OK) {
            (void)sb_map_remove(&r->node_groups, id / GROUP);
            return NULL;
        }
    }
    return (uint64_t *)(void *)r->node_ids.data + *group * GROUP + id % GROUP;
}

sb_status sb_recover__see_node(sb_recovery *r, uint64_t old, bool *fresh)
{
    uint64_t *place = place_of(r, old);

    if (place == NULL) return SB_FAIL_NOMEM(r->err);
    *fresh = *place == 0;
    if (*fresh) *place = SB_RECOVER_UNMADE;
    return SB_OK;
}

void sb_recover__node_made(sb_recovery *r, uint64_t old, uint64_t made)
{
    uint64_t *place = place_of(r, old); /* it has been seen */

    if (place != NULL) *place = made;
}

uint64_t sb_recover__node(const sb_recovery *r, uint64_t old)
{
    const uint64_t *group = sb_map_find(&r->node_groups, old / GROUP);

    return group == NULL
               ? 0
               : ((const uint64_t *)(const void *)r->node_ids.data)[*group * GROUP + old % GROUP];
}

sb_status sb_recover__see_rel(sb_recovery *r, uint64_t old, bool *fresh)
{
    const uint64_t bit = (uint64_t)1 << old % GROUP;
    bool inserted;
    uint64_t *seen = sb_map_at(&r->rels, old / GROUP, &inserted);

    if (seen == NULL) return SB_FAIL_NOMEM(r->err);
    *fresh = (*seen & bit) == 0;
    *seen |= bit;
    return SB_OK;
}
