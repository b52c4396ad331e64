/* recover_pages.c — which pages of a damaged file hold rows that count.
 *
 * A page that can not be reached from its tree's root may be an old leaf, freed long ago with its bytes still in place.
 * So leaves are taken in two steps: first those that the tree leads to; then, only when part of the tree could not be
 * followed, those that are not free. When the free list is damaged too these may hold old rows, which is told; a row
 * that was saved already is not taken again. */
#include "graph/recover_priv.h"

/* ---- Survey ---------------------------------------------------------------------------------------------------- */

static sb_recover_tree tree_of(const sb_recovery *r, uint32_t id)
{
    for (unsigned tree = 0; tree < SB_RECOVER_TREES; tree++)
        if (r->trees[tree].id == id) return (sb_recover_tree)tree;
    return SB_RECOVER_TREES;
}

static void note_root(sb_root_choice *choice, sb_pgno pgno, uint8_t level)
{
    if (choice->count != 0 && level < choice->level) return;
    if (choice->count == 0 || level > choice->level) *choice = (sb_root_choice){.level = level};
    if (choice->count < SB_ROOTS_MAX) choice->pages[choice->count] = pgno;
    choice->count++;
}

static void classify(sb_recovery *r, sb_pgno pgno, const uint8_t *page)
{
    const sb_recover_tree tree = tree_of(r, sb_load_le32(page + SB_PAGE_TREE));

    if (tree == SB_RECOVER_TREES) return;
    const unsigned leaf_kind =
        r->trees[tree].kind == SB_TREE_SLOTTED ? SB_PAGE_SLOTTED : SB_PAGE_COLUMNAR;
    if (page[SB_PAGE_KIND] == leaf_kind && page[SB_PAGE_LEVEL] == 0)
        r->uses[pgno] = (uint8_t)(SB_PAGE_CATALOG_LEAF + (unsigned)tree);
    if (page[SB_PAGE_KIND] == leaf_kind || page[SB_PAGE_KIND] == SB_PAGE_INNER)
        note_root(&r->roots[tree], pgno, page[SB_PAGE_LEVEL]);
}

static sb_status survey_page(sb_recovery *r, sb_pgno pgno)
{
    sb_err cause;
    sb_page page;
    bool damaged = false;

    if (sb_bit_get(r->free, pgno)) return SB_OK;
    sb_err_clear(&cause);
    const sb_status st = sb_page_acquire(r->old.txn, pgno, &page, &cause);
    if (st == SB_OK) {
        classify(r, pgno, page.bytes);
        sb_page_release(r->old.txn, &page);
        return SB_OK;
    }
    SB_TRY(sb_recover__forgive(r, st, &cause, &damaged));
    r->uses[pgno] = SB_PAGE_DAMAGED;
    r->result->damaged_pages++;
    sb_recover__lost(r, "page %u is damaged: %s", (unsigned)pgno, cause.text);
    return SB_OK;
}

/* ---- Ids ------------------------------------------------------------------------------------------------------------ */

/* A leaf alone is a tree of one level. */
static sb_tree leaf_alone(const sb_recovery *r, sb_recover_tree tree, sb_pgno pgno)
{
    return (sb_tree){.id = r->trees[tree].id,
                     .kind = r->trees[tree].kind,
                     .height = 1,
                     .root = pgno,
                     .leaf_count = 1};
}

/* Without a header the leaves tell, old ones too, how far ids went at least. What can not be read tells nothing. */
static void find_id_ends(sb_recovery *r)
{
    for (sb_pgno pgno = 1; pgno < r->pages_there; pgno++) {
        const bool nodes = r->uses[pgno] == SB_PAGE_NODES_LEAF;
        sb_row_scan *scan = NULL;
        size_t count = 0;
        if (!nodes && r->uses[pgno] != SB_PAGE_RELS_LEAF) continue;
        const sb_tree leaf = leaf_alone(r, nodes ? SB_RECOVER_NODES : SB_RECOVER_RELS, pgno);
        uint64_t *end = &r->id_end[nodes ? SB_NODE : SB_REL];
        if (sb_row_scan_open(r->old.txn, &leaf, 0, UINT64_MAX, &scan, NULL) != SB_OK) continue;
        if (sb_row_scan_next(scan, &count, NULL) == SB_OK && count != 0) {
            const uint64_t last = sb_row_scan_ids(scan)[count - 1];
            if (last <= SB_ID_MAX && last >= *end) *end = last + 1;
        }
        sb_row_scan_close(scan);
    }
}

/* ---- Roots --------------------------------------------------------------------------------------------------------- */

static sb_status try_tree(sb_recovery *r, const sb_tree *tree, uint8_t *used, sb_tree_stats *stats,
                          uint64_t *findings)
{
    sb_err cause;
    bool damaged = false;

    sb_err_clear(&cause);
    *findings = 0;
    const sb_status st =
        sb_tree_verify(r->old.txn, tree, used, NULL, NULL, stats, findings, &cause);
    if (st == SB_CORRUPT) ++*findings;
    return sb_recover__forgive(r, st, &cause, &damaged);
}

/* Without a header: of the pages that may be the root the one under which the least is wrong. */
static sb_status choose_root(sb_recovery *r, sb_recover_tree tree)
{
    const sb_root_choice *choice = &r->roots[tree];
    uint64_t least = UINT64_MAX, most = 0, findings;
    sb_tree best = r->trees[tree];
    sb_tree_stats stats;

    if (choice->level == 0 && choice->count > 1) return SB_OK; /* all inner pages are lost */
    if (choice->level >= SB_TREE_MAX_HEIGHT) return SB_OK;
    for (size_t i = 0; i < choice->count && i < SB_ROOTS_MAX; i++) {
        sb_tree candidate = r->trees[tree];
        candidate.root = choice->pages[i];
        candidate.height = (uint8_t)(choice->level + 1);
        SB_TRY(try_tree(r, &candidate, NULL, &stats, &findings));
        if (findings > least || (findings == least && stats.leaf_pages <= most)) continue;
        least = findings;
        most = stats.leaf_pages;
        best = candidate;
        best.leaf_count = stats.leaf_pages; /* not known otherwise, so nothing to be wrong about */
    }
    r->trees[tree] = best;
    return SB_OK;
}

static sb_status follow_tree(sb_recovery *r, sb_recover_tree tree)
{
    sb_tree_stats stats;
    uint64_t findings = 0;

    if (r->trees[tree].root == SB_PGNO_NONE && r->roots[tree].count != 0 && r->header_lost)
        SB_TRY(choose_root(r, tree));
    const bool known = r->trees[tree].root != SB_PGNO_NONE || !r->header_lost;
    SB_TRY(try_tree(r, &r->trees[tree], r->used, &stats, &findings));
    r->tree_whole[tree] = findings == 0 && known;
    return SB_OK;
}

static sb_status make_maps(sb_recovery *r)
{
    const size_t bytes = (size_t)r->page_count / 8 + 1;

    r->free = sb_alloc_zero(r->alloc, bytes);
    r->used = sb_alloc_zero(r->alloc, bytes);
    r->uses = sb_alloc_zero(r->alloc, r->pages_there);
    return r->free != NULL && r->used != NULL && r->uses != NULL ? SB_OK : SB_FAIL_NOMEM(r->err);
}

/* Free pages need not be there. */
static void note_missing(sb_recovery *r)
{
    const uint64_t missing =
        r->page_count - r->pages_there -
        (sb_bits_count(r->free, r->page_count) - sb_bits_count(r->free, r->pages_there));

    if (missing == 0) return;
    r->result->damaged_pages += missing;
    sb_recover__lost(r, "%llu pages from page %u on lie past the end of the file",
                     (unsigned long long)missing, (unsigned)r->pages_there);
}

sb_status sb_recover__survey(sb_recovery *r)
{
    sb_salvage_trees trees;

    r->page_count = sb_txn_page_count(r->old.txn);
    SB_TRY(sb_txn_pages_there(r->old.txn, &r->pages_there, r->err));
    SB_TRY(make_maps(r));
    SB_TRY(sb_pager_free_map(r->old.txn, r->free, &r->free_whole, r->err));
    if (r->header_lost) r->free_whole = false;
    sb_store_salvage_trees(r->old.txn, &trees);
    if (!trees.known) r->header_lost = true;
    r->trees[SB_RECOVER_CATALOG] = trees.catalog;
    r->trees[SB_RECOVER_NODES] = trees.nodes;
    r->trees[SB_RECOVER_RELS] = trees.rels;
    r->id_end[SB_NODE] = trees.node_end;
    r->id_end[SB_REL] = trees.rel_end;
    for (sb_pgno pgno = 1; pgno < r->pages_there; pgno++)
        SB_TRY(survey_page(r, pgno));
    note_missing(r);
    if (!trees.known) find_id_ends(r);
    for (unsigned tree = 0; tree < SB_RECOVER_TREES; tree++)
        SB_TRY(follow_tree(r, (sb_recover_tree)tree));
    return SB_OK;
}

/* ---- Leaves ----------------------------------------------------------------------------------------------------------- */

static sb_status visit_leaf(sb_recovery *r, sb_recover_tree tree, sb_pgno pgno, sb_leaf_visit visit)
{
    const sb_tree leaf = leaf_alone(r, tree, pgno);
    return visit(r, &leaf);
}

sb_status sb_recover__each_leaf(sb_recovery *r, sb_recover_tree tree, sb_leaf_visit visit)
{
    static const char *const names[SB_RECOVER_TREES] = {"names", "nodes", "relationships"};
    const uint8_t use = (uint8_t)(SB_PAGE_CATALOG_LEAF + (unsigned)tree);
    bool doubtful = false;

    for (sb_pgno pgno = 1; pgno < r->pages_there; pgno++)
        if (r->uses[pgno] == use && sb_bit_get(r->used, pgno))
            SB_TRY(visit_leaf(r, tree, pgno, visit));
    if (r->tree_whole[tree]) return SB_OK;
    for (sb_pgno pgno = 1; pgno < r->pages_there; pgno++) {
        if (r->uses[pgno] != use || sb_bit_get(r->used, pgno)) continue;
        if (!r->free_whole && !doubtful)
            sb_recover__lost(r,
                             "%s: part of the tree can not be followed, and the list of free pages "
                             "is damaged: what is read from pages "
                             "outside of the tree may be old",
                             names[tree]);
        doubtful = true;
        SB_TRY(visit_leaf(r, tree, pgno, visit));
    }
    return SB_OK;
}
