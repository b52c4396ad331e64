/* weigh_priv.h — what op_weigh.c, which works the numbers of rows out for the nodes that are asked for, shares with weigh_all.c, which
 * does it for all nodes at once. */
#ifndef SB_CYPHER_WEIGH_PRIV_H
#define SB_CYPHER_WEIGH_PRIV_H

#include "cypher/exec/held_list.h"
#include "cypher/exec/op_priv.h"

#define SB_WEIGH_PAGE      1024u
#define SB_WEIGH_PAGES_MAX (UINT32_C(1) << 22) /* ids past this many pages are not kept */

/* A number for each node, by pages of SB_WEIGH_PAGE. All of a page are 0: NULL, or, once they are known, `none`, so that nobody need ask. */
typedef struct sb_node_numbers {
    int64_t **pages;
    int64_t *none;
    bool borrowed; /* pages are those of other numbers, which outlive these */
    uint32_t page_count;
    bool known;     /* they are worked out */
    bool never;     /* they are not to be: the transaction writes, there is no room, or it failed */
    uint64_t asked; /* nodes whose numbers were asked for so far */
} sb_node_numbers;

/* Values of nodes whose ids lie together. */
typedef struct sb_value_page {
    uint64_t known[SB_WEIGH_PAGE / 64];
    int64_t values[SB_WEIGH_PAGE];
    int64_t *bases; /* SB_WEIGH_PAGE; NULL where there are none */
} sb_value_page;

typedef struct sb_weigh_tree sb_weigh_tree;
struct sb_weigh_tree {
    const sb_plan_factor *plan; /* NULL: the node of a row itself */
    sb_weigh_tree *children;
    uint32_t child_count;
    int32_t
        back; /* the child that may not go back, -1: none. A value is then base × that child's sum */
    bool keeps;       /* values */
    bool only_length; /* all ends count one */
    bool any;         /* types are there */
    sb_expand_types types;
    sb_expand *expand;
    sb_end_labels ends;
    sb_eval **filters;
    const sb_vector **columns; /* for filters; by slot */
    sb_held_list list;
    /* kept values */
    sb_value_page **pages;
    uint32_t page_count;
    /* of all nodes: the sums of those that it leads from, the values of those that it leads to */
    sb_node_numbers all_sums, all_values;
    uint64_t entries; /* of all its lists */
    uint64_t nodes;   /* of the graph */
    double expected;  /* of these, how many the plan expects to ask for sums; 0: it does not tell */
    /* scratch of values: nodes to be worked out */
    uint64_t missing[SB_BATCH_ROWS];
    uint32_t later[SB_BATCH_ROWS]; /* places that ask for them */
    int64_t values[SB_BATCH_ROWS], bases[SB_BATCH_ROWS], sums[SB_BATCH_ROWS],
        other_sums[SB_BATCH_ROWS];
    uint32_t chosen[SB_BATCH_ROWS];
    uint8_t labelled[SB_BATCH_ROWS];
    /* scratch of sums: ends of relationships */
    uint32_t rows[SB_BATCH_ROWS];
    uint64_t end_ids[SB_BATCH_ROWS], degrees[SB_BATCH_ROWS];
    int64_t end_values[SB_BATCH_ROWS], end_bases[SB_BATCH_ROWS], times[SB_BATCH_ROWS];
};

typedef struct sb_weigh_op {
    sb_operator op;
    sb_out *product;
    sb_out *scratch;      /* by weight */
    sb_weigh_tree *roots; /* by weight */
    uint64_t generation;
    sb_arena *arena; /* of filters */
    int64_t values[SB_BATCH_ROWS], products[SB_BATCH_ROWS];
} sb_weigh_op;

/* ---- op_weigh.c ------------------------------------------------------------------------------------------------------ */

/* How many rows a tree makes of each of some nodes that it leads to. bases: without the child that may not go back; NULL: not wanted. */
SB_MUST_CHECK sb_status sb_exec__weigh_values(sb_weigh_op *x, sb_weigh_tree *t, const uint64_t *ids,
                                              uint32_t count, int64_t *values, int64_t *bases);
/* Forget what is kept of a tree. */
void sb_exec__weigh_forget(sb_exec *run, sb_weigh_tree *t);

/* ---- weigh_all.c ----------------------------------------------------------------------------------------------------- */

/* Sums, or values, of `count` more nodes are asked for: those of all nodes are worked out when it is time to. */
SB_MUST_CHECK sb_status sb_exec__weigh_expect_sums(sb_weigh_op *x, sb_weigh_tree *t,
                                                   uint64_t count);
SB_MUST_CHECK sb_status sb_exec__weigh_expect_values(sb_weigh_op *x, sb_weigh_tree *t,
                                                     uint64_t count);
/* How much that would read, of the lists as they are now. */
SB_MUST_CHECK sb_status sb_exec__weigh_begin_all(sb_weigh_op *x, sb_weigh_tree *t);
void sb_exec__weigh_forget_all(sb_exec *run, sb_node_numbers *all);
/* Of numbers that are known. */
SB_INLINE int64_t sb_exec__weigh_number(const sb_node_numbers *all, uint64_t id)
{
    const uint64_t at = id / SB_WEIGH_PAGE;
    return at < all->page_count ? all->pages[at][id % SB_WEIGH_PAGE] : 0;
}

#endif
