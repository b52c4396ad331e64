/* deleted.h — which nodes or relationships a run has deleted: expressions still hold them, and the type of a relationship stays known.
 * Part of exec/. What is deleted together mostly lies together, so ids are kept 32 to an entry: a byte or less for each, where an entry of its own
 * takes 24 to 48. */
#ifndef SB_EXEC_DELETED_H
#define SB_EXEC_DELETED_H

#include "base/split_map.h"
#include "graph/graph.h"

typedef struct sb_deleted_ids {
    sb_split_map
        blocks; /* id / 32 → type of the first one deleted, and a bit for each of that type */
    sb_split_map others; /* id → type, where that is not its block's */
} sb_deleted_ids;

void sb_deleted__init(sb_deleted_ids *ids, const sb_allocator *alloc);
void sb_deleted__deinit(sb_deleted_ids *ids);
/* Forgets all, and gives back what memory is more than keep bytes. */
void sb_deleted__clear(sb_deleted_ids *ids, size_t keep);
/* type: of nodes 0. */
SB_MUST_CHECK sb_status sb_deleted__put(sb_deleted_ids *ids, uint64_t id, sb_type_id type);
bool sb_deleted__find(const sb_deleted_ids *ids, uint64_t id, sb_type_id *type);
/* The next of them, in no order; 0: there are no more. */
typedef struct sb_deleted_walk {
    size_t part, at;
    uint64_t base, bits; /* of the block at hand, those to come */
    bool others;         /* blocks are done; false to begin with, as all is 0 */
} sb_deleted_walk;
uint64_t sb_deleted__next(const sb_deleted_ids *ids, sb_deleted_walk *walk);

#endif
