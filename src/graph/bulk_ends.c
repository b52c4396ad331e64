/* bulk_ends.c — ends of relationships that are nodes of the graph: for each label and key a group of ids, the texts of the values that the key
 * has there. One pass over the nodes of the label; as with files of nodes, ids are compared as texts, so 7 and "7" are one. */
#include "graph/bulk_priv.h"

#define BATCH_NODES 1024u

typedef struct ends {
    sb_bulk *bulk;
    sb_ids *ids;
    sb_arena *arena; /* of a batch */
    sb_buffer text;
} ends;

static sb_status add_value(ends *e, const sb_value *value, sb_node_id node, sb_err *err)
{
    sb_bytes text;

    if (value->type == SB_TYPE_LIST) return SB_OK; /* no cell names it */
    if (value->type == SB_TYPE_STRING) {
        text = sb_bytes_of(value->as.bytes.data, value->as.bytes.size);
    } else {
        sb_buffer_reset(&e->text);
        if (sb_value_to_text(value, &e->text) != SB_OK) return SB_FAIL_NOMEM(err);
        text = sb_bytes_of(e->text.data, e->text.size);
    }
    const sb_id_cell cell = sb_ids__cell(e->ids, text);
    uint64_t existing;
    SB_TRY(sb_ids__add(e->ids, &cell, node, &existing, err));
    if (existing != 0) sb_ids__replace(e->ids, &cell, SB_BULK_SEVERAL);
    return SB_OK;
}

static sb_status add_nodes(ends *e, sb_key_id key, const sb_node_id *nodes, size_t count,
                           sb_err *err)
{
    sb_fetched column;

    sb_arena_reset(e->arena);
    SB_TRY(sb_graph_fetch(e->bulk->graph, SB_NODE, nodes, count, key, e->arena, &column, err));
    for (size_t i = 0; i < count && column.present_count != 0; i++) {
        if (!sb_bit_get(column.present, i)) continue;
        const sb_value value = sb_fetched_value(&column, i);
        SB_TRY(add_value(e, &value, nodes[i], err));
    }
    return sb_bulk__tick(e->bulk, NULL, err);
}

static sb_status scan_nodes(ends *e, sb_label_id label, sb_key_id key, sb_err *err)
{
    const sb_scan_options options = {.entity = SB_NODE, .name = label};
    sb_node_id nodes[BATCH_NODES];
    size_t count = 1;
    sb_scan *scan;
    sb_status st;

    SB_TRY(sb_scan_open(e->bulk->graph, &options, &scan, err));
    for (st = SB_OK; st == SB_OK && count != 0;) {
        st = sb_scan_next(scan, nodes, BATCH_NODES, &count, err);
        if (st == SB_OK && count != 0) st = add_nodes(e, key, nodes, count, err);
    }
    sb_scan_close(scan);
    return st;
}

static sb_status fill_group(sb_bulk *bulk, const sb_bulk_end *end, sb_ids *ids, sb_err *err)
{
    sb_view *view = sb_graph_view(bulk->graph);
    const sb_label_id label =
        end->label.size == 0 ? 0 : sb_name_find(view, SB_NAME_LABEL, end->label);
    const sb_key_id key = sb_name_find(view, SB_NAME_KEY, end->key);
    ends e = {.bulk = bulk, .ids = ids};

    if ((label == 0 && end->label.size != 0) || key == 0) return SB_OK;
    sb_buffer_init(&e.text, bulk->alloc);
    e.arena = sb_arena_create(bulk->alloc, NULL);
    const sb_status st = e.arena == NULL ? SB_FAIL_NOMEM(err) : scan_nodes(&e, label, key, err);
    sb_arena_destroy(e.arena);
    sb_buffer_deinit(&e.text);
    return st;
}

static bool same_end(const sb_bulk_end *a, const sb_bulk_end *b)
{
    return sb_bytes_equal(a->label, b->label) && sb_bytes_equal(a->key, b->key);
}

sb_status sb_bulk__find_ends(sb_bulk *bulk, sb_err *err)
{
    static const char *const names[2] = {"start", "end"};
    const sb_bulk_end *given = bulk->options->ends;

    for (unsigned end = 0; end < 2; end++) {
        uint32_t *place = &bulk->end_groups[end];
        if (end == 1 && same_end(&given[0], &given[1])) {
            *place = bulk->end_groups[0];
            break;
        }
        SB_TRY(sb_bulk__add_group(bulk, sb_bytes_of(names[end], strlen(names[end])), place, err));
        bulk->groups[*place].end = &given[end];
        SB_TRY(fill_group(bulk, &given[end], &bulk->groups[*place].ids, err));
    }
    return SB_OK;
}
