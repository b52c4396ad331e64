/* verify_lists.c — adjacency against the relationship table, in both directions. */
#include "graph/verify_priv.h"

#define NODE_BITS 40u

typedef struct sb_list_check {
    sb_verify *v;
    sb_direction direction;
    sb_type_id type; /* of a tree of its own; 0: the shared tree, whose ids carry the type */
    sb_type_id only; /* second pass: entries of this type */
    bool exact;      /* second pass */
} sb_list_check;

static const char *direction_name(sb_direction direction)
{
    return direction == SB_OUT ? "outgoing" : "incoming";
}

/* ---- One entry ------------------------------------------------------------------------------------------------ */

/* Second pass: is this entry what a row says? */
static sb_status find_row(sb_verify *v, sb_direction direction, sb_type_id type, sb_node_id node,
                          sb_node_id neighbor, sb_rel_id rel)
{
    const sb_node_id want_source = direction == SB_OUT ? node : neighbor,
                     want_target = direction == SB_OUT ? neighbor : node;
    sb_node_id source = 0, target = 0;
    uint64_t row_type = 0;
    char name[64];
    sb_row row;
    bool found;

    SB_TRY(sb_row_find(v->txn, sb_rel_table(v->view), rel, &row, &found, v->err));
    if (found) found = sb_verify__rel_ends(&row, &source, &target, &row_type);
    const sb_pgno pgno = row.pgno;
    sb_row_release(&row);
    (void)sb_graph__name(v->graph, SB_NAME_TYPE, type, name, sizeof name);
    if (!found)
        sb_verify__report(v, SB_FINDING_LIST, SB_PGNO_NONE,
                          "the %s list of node %llu has relationship %llu of type %s (neighbor "
                          "%llu), which does not exist",
                          direction_name(direction), (unsigned long long)node,
                          (unsigned long long)rel, name, (unsigned long long)neighbor);
    else if (source != want_source || target != want_target || row_type != type)
        sb_verify__report(v, SB_FINDING_LIST, pgno,
                          "the %s list of node %llu has relationship %llu of type %s (neighbor "
                          "%llu), whose row says type %llu, %llu to %llu",
                          direction_name(direction), (unsigned long long)node,
                          (unsigned long long)rel, name, (unsigned long long)neighbor,
                          (unsigned long long)row_type, (unsigned long long)source,
                          (unsigned long long)target);
    return SB_OK;
}

static sb_status take_entry(sb_list_check *check, sb_type_id type, sb_node_id node,
                            sb_node_id neighbor, sb_rel_id rel)
{
    sb_verify *v = check->v;

    if (check->exact)
        return type == check->only ? find_row(v, check->direction, type, node, neighbor, rel)
                                   : SB_OK;
    const bool out = check->direction == SB_OUT;
    sb_verify__sum_add(
        &v->lists[check->direction][type],
        sb_verify__rel_hash(type, out ? node : neighbor, out ? neighbor : node, rel));
    return sb_verify__step(v);
}

/* Whether a type's lists are where they are looked for. */
static bool type_belongs(sb_list_check *check, uint64_t type, uint64_t id)
{
    sb_verify *v = check->v;
    uint64_t bias;

    if (type == 0 || type > v->type_count) {
        if (!check->exact)
            sb_verify__report(
                v, SB_FINDING_LIST, SB_PGNO_NONE,
                "the shared %s lists have one under id %llu, of type %llu, which does not exist",
                direction_name(check->direction), (unsigned long long)id, (unsigned long long)type);
        return false;
    }
    (void)sb_adjacency_tree(v->view, (sb_type_id)type, check->direction, &bias);
    if (bias != 0 || check->type != 0) return true;
    if (!check->exact)
        sb_verify__report(v, SB_FINDING_LIST, SB_PGNO_NONE,
                          "the shared %s lists have one of type %llu, which has a tree of its own",
                          direction_name(check->direction), (unsigned long long)type);
    return false;
}

static sb_status visit_chunk(void *ctx, uint64_t id, const sb_chunk *chunk, bool starts)
{
    sb_list_check *check = ctx;
    const uint64_t type = check->type != 0 ? check->type : id >> NODE_BITS;
    const uint64_t node = check->type != 0 ? id : id & SB_ID_MAX;

    (void)starts;
    if (!type_belongs(check, type, id)) return SB_OK;
    for (uint32_t i = 0; i < chunk->count; i++)
        SB_TRY(take_entry(check, (sb_type_id)type, node, sb_chunk_neighbor(chunk, i),
                          sb_chunk_rel(chunk, i)));
    return SB_OK;
}

/* ---- First pass: sums ------------------------------------------------------------------------------------------- */

static sb_status scan_tree(sb_list_check *check, const sb_tree *tree, uint64_t first, uint64_t last,
                           bool *whole)
{
    sb_err local;
    sb_status st;

    if (tree == NULL) return SB_OK;
    sb_err_clear(&local);
    st = sb_lists_scan(check->v->txn, tree, first, last, visit_chunk, check, &local);
    /* What the visitor met is in v->err. */
    if (st != SB_OK && local.code == SB_OK && check->v->err != NULL) local = *check->v->err;
    return sb_verify__swallow(check->v, st, &local,
                              check->direction == SB_OUT ? "outgoing lists" : "incoming lists",
                              whole);
}

static sb_status sum_direction(sb_verify *v, sb_direction direction, bool *whole)
{
    sb_list_check check = {.v = v, .direction = direction};
    uint64_t bias;

    SB_TRY(
        scan_tree(&check, sb_adjacency_tree(v->view, 0, direction, &bias), 0, UINT64_MAX, whole));
    for (sb_type_id type = 1; type <= v->type_count; type++) {
        const sb_tree *tree = sb_adjacency_tree(v->view, type, direction, &bias);
        if (bias != 0) continue;
        check.type = type;
        SB_TRY(scan_tree(&check, tree, 0, UINT64_MAX, whole));
    }
    return SB_OK;
}

/* ---- Second pass: names ------------------------------------------------------------------------------------------- */

/* Is a row's relationship in the list where it belongs? */
static sb_status find_entry(sb_verify *v, uint64_t id, const sb_row *row, void *ctx)
{
    const sb_list_check *check = ctx;
    const bool out = check->direction == SB_OUT;
    sb_node_id source, target;
    uint64_t type, bias;
    char name[64];
    bool found = false;

    if (!sb_verify__rel_ends(row, &source, &target, &type) || type != check->only) return SB_OK;
    const sb_node_id node = out ? source : target, neighbor = out ? target : source;
    const sb_tree *tree = sb_adjacency_tree(v->view, check->only, check->direction, &bias);
    if (tree != NULL && node <= SB_ID_MAX) {
        sb_list list;
        SB_TRY(sb_list_seek(v->txn, tree, node + bias, neighbor, id, &list, v->err));
        found = list.chunk.count != 0 && sb_chunk_neighbor(&list.chunk, 0) == neighbor &&
                sb_chunk_rel(&list.chunk, 0) == id;
        sb_list_close(&list);
    }
    if (!found)
        sb_verify__report(
            v, SB_FINDING_LIST, row->pgno,
            "relationship %llu of type %s, %llu to %llu, is not in the %s list of node %llu",
            (unsigned long long)id,
            sb_graph__name(v->graph, SB_NAME_TYPE, check->only, name, sizeof name),
            (unsigned long long)source, (unsigned long long)target,
            direction_name(check->direction), (unsigned long long)node);
    return sb_verify__step(v);
}

static sb_status name_differences(sb_verify *v, sb_type_id type, sb_direction direction)
{
    sb_list_check check = {.v = v, .direction = direction, .only = type, .exact = true};
    const uint64_t before = v->found[SB_FINDING_LIST];
    uint64_t bias;
    char name[64];
    bool whole = true;
    const sb_tree *tree = sb_adjacency_tree(v->view, type, direction, &bias);

    check.type = bias == 0 ? type : 0;
    if (!sb_verify__told_enough(v, SB_FINDING_LIST)) {
        SB_TRY(scan_tree(&check, tree, bias, bias == 0 ? UINT64_MAX : bias | SB_ID_MAX, &whole));
        SB_TRY(sb_verify__each_row(v, SB_REL, find_entry, &check, &whole));
    }
    if (v->found[SB_FINDING_LIST] != before) return SB_OK;
    sb_verify__report(v, SB_FINDING_LIST, SB_PGNO_NONE,
                      "%s lists of type %s and the table do not agree: %llu entries, and %llu",
                      direction_name(direction),
                      sb_graph__name(v->graph, SB_NAME_TYPE, type, name, sizeof name),
                      (unsigned long long)v->lists[direction][type].count,
                      (unsigned long long)v->rels[type].count);
    return SB_OK;
}

sb_status sb_verify__lists(sb_verify *v)
{
    for (unsigned d = SB_OUT; d <= SB_IN; d++) {
        bool whole = true;
        SB_TRY(sum_direction(v, (sb_direction)d, &whole));
        for (sb_type_id type = 1; whole && type <= v->type_count; type++)
            if (!sb_verify__sum_equal(&v->rels[type], &v->lists[d][type]))
                SB_TRY(name_differences(v, type, (sb_direction)d));
    }
    return SB_OK;
}
