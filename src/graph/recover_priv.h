/* recover_priv.h — what the parts of recovery share: the damaged file, which of its pages can be used, the names that were
 * found, and the new database being filled. */
#ifndef SB_RECOVER_PRIV_H
#define SB_RECOVER_PRIV_H

#include "graph/graph_priv.h"

/* What a page of the damaged file is to recovery. */
typedef enum sb_page_use {
    SB_PAGE_OF_OTHERS = 0,
    SB_PAGE_DAMAGED,
    SB_PAGE_CATALOG_LEAF, /* + sb_recover_tree */
    SB_PAGE_NODES_LEAF,
    SB_PAGE_RELS_LEAF
} sb_page_use;
typedef enum sb_recover_tree {
    SB_RECOVER_CATALOG = 0,
    SB_RECOVER_NODES = 1,
    SB_RECOVER_RELS = 2,
    SB_RECOVER_TREES = 3
} sb_recover_tree;

/* A database that recovery has open. */
typedef struct sb_open_file {
    sb_pager *pager;
    sb_session *session;
    sb_txn *txn;
} sb_open_file;

/* Pages that may be a tree's root, when nothing says which is: those of the highest level seen. */
#define SB_ROOTS_MAX 16u
typedef struct sb_root_choice {
    uint8_t level;
    size_t count; /* may be more than there is room for */
    sb_pgno pages[SB_ROOTS_MAX];
} sb_root_choice;

typedef struct sb_recovery {
    const sb_recover_options *options;
    const char *damaged, *scratch; /* the file, and the copy of it that is worked on */
    const sb_allocator *alloc;
    sb_err *err;
    sb_recover_result *result;
    char message[1024];
    /* The damaged file. */
    sb_open_file old;
    bool header_lost;
    sb_pgno page_count, pages_there; /* all; those that the files have room for */
    uint8_t *free, *used;            /* bitmaps of page_count bits; owned */
    uint8_t *uses;                   /* sb_page_use of each page that is there; owned */
    bool free_whole;
    sb_tree trees[SB_RECOVER_TREES];
    bool tree_whole[SB_RECOVER_TREES];
    sb_root_choice roots[SB_RECOVER_TREES];
    uint64_t id_end[2]; /* by sb_entity: behind all ids that the damaged file is known to have
                         * given */
    /* Names: pieces in one buffer, found by kind, id and piece. */
    sb_buffer pieces;
    sb_map piece_places; /* key → offset << 16 | bytes << 1 | last */
    bool node_total_known, rel_total_known;
    uint64_t node_total, rel_total;
    sb_map names; /* kind << 32 | old id → new one */
    sb_map sets;  /* old label set → new one */
    /* The new database. */
    sb_open_file fresh;
    sb_graph *graph;
    sb_view *view;
    /* Ids (recover_ids.c). */
    sb_map node_groups;     /* group of old ids → place in node_ids */
    sb_buffer node_ids;     /* uint64_t: new ids, by group */
    sb_map rels;            /* group of old ids → bits of those seen, when a row may come twice */
    sb_arena *arena;        /* of the batch */
    sb_buffer ops;          /* sb_op[] of the batch */
    sb_buffer olds;         /* their old ids */
    uint64_t row_losses[2]; /* rows lost one by one: nodes, relationships */
} sb_recovery;

/* Tell of a loss. */
void sb_recover__lost(sb_recovery *r, const char *format, ...) SB_PRINTF(2, 3);
/* Damage is a loss that cause describes: SB_OK. Anything else is passed on. */
SB_MUST_CHECK sb_status sb_recover__forgive(sb_recovery *r, sb_status st, const sb_err *cause,
                                            bool *damaged);

/* recover_ids.c: an old id is seen; *fresh: for the first time. */
SB_MUST_CHECK sb_status sb_recover__see_node(sb_recovery *r, uint64_t old, bool *fresh);
SB_MUST_CHECK sb_status sb_recover__see_rel(sb_recovery *r, uint64_t old, bool *fresh);
/* The new id of a node that was seen, until it is made SB_RECOVER_UNMADE; 0: it was not seen. */
#define SB_RECOVER_UNMADE UINT64_MAX
uint64_t sb_recover__node(const sb_recovery *r, uint64_t old);
void sb_recover__node_made(sb_recovery *r, uint64_t old, uint64_t made);

/* recover_pages.c: classify pages, find the trees; then visit the leaves of one that are, or may be, part of it. */
SB_MUST_CHECK sb_status sb_recover__survey(sb_recovery *r);
typedef sb_status (*sb_leaf_visit)(sb_recovery *r, const sb_tree *leaf);
SB_MUST_CHECK sb_status sb_recover__each_leaf(sb_recovery *r, sb_recover_tree tree,
                                              sb_leaf_visit visit);

/* recover_names.c: read the catalog's leaves; then the new id of an old name or label set. */
SB_MUST_CHECK sb_status sb_recover__read_names(sb_recovery *r);
SB_MUST_CHECK sb_status sb_recover__name(sb_recovery *r, sb_name_kind kind, uint32_t old,
                                         uint32_t *id);
SB_MUST_CHECK sb_status sb_recover__set(sb_recovery *r, uint64_t old, sb_set_id *set);
/* Indexes and constraints, when the catalog is whole. */
SB_MUST_CHECK sb_status sb_recover__schemas(sb_recovery *r);

#endif
