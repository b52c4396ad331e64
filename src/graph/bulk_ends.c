/* bulk_ends.c — ends of relationships that are nodes of the graph: for each label and key a group of ids, the texts of the values that the key
 * has there. As with files of nodes, ids are compared as texts, so 7 and "7" are one. One pass over the nodes of the label finds all; but the
 * ids of a file that is small beside them are looked up where there is an index, each when it is met. */
#include <math.h>

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

static sb_status begin_ends(ends *e, sb_bulk *bulk, sb_ids *ids, sb_err *err)
{
    *e = (ends){.bulk = bulk, .ids = ids, .arena = sb_arena_create(bulk->alloc, NULL)};
    sb_buffer_init(&e->text, bulk->alloc);
    return e->arena == NULL ? SB_FAIL_NOMEM(err) : SB_OK;
}

static void end_ends(ends *e)
{
    sb_arena_destroy(e->arena);
    sb_buffer_deinit(&e->text);
}

/* False: no node has them. */
static bool names_of(const sb_bulk *bulk, const sb_bulk_end *end, sb_label_id *label,
                     sb_key_id *key)
{
    sb_view *view = sb_graph_view(bulk->graph);

    *label = end->label.size == 0 ? 0 : sb_name_find(view, SB_NAME_LABEL, end->label);
    *key = sb_name_find(view, SB_NAME_KEY, end->key);
    return (*label != 0 || end->label.size == 0) && *key != 0;
}

static sb_status fill_group(sb_bulk *bulk, const sb_bulk_end *end, sb_ids *ids, sb_err *err)
{
    sb_label_id label;
    sb_key_id key;
    ends e;

    if (!names_of(bulk, end, &label, &key)) return SB_OK;
    sb_status st = begin_ends(&e, bulk, ids, err);
    if (st == SB_OK) st = scan_nodes(&e, label, key, err);
    end_ends(&e);
    return st;
}

/* ---- By an index --------------------------------------------------------------------------------------------------- */

/* A look-up costs about as much as twenty nodes of the scan, and an id takes about as many bytes of the file. */
static sb_status pays(const sb_bulk *bulk, const sb_bulk_end *end, bool *is_indexed, sb_err *err)
{
    sb_label_id label;
    sb_key_id key;
    uint64_t nodes;

    *is_indexed = false;
    if (bulk->bytes_total == 0 || !names_of(bulk, end, &label, &key) || label == 0 ||
        sb_graph_index_for(bulk->graph, SB_NODE, label, &key, 1) == NULL)
        return SB_OK;
    SB_TRY(sb_stats_nodes_of_label(sb_graph_view(bulk->graph), label, &nodes, err));
    *is_indexed = bulk->bytes_total < nodes;
    return SB_OK;
}

static bool is_text_of(ends *e, const sb_value *value, sb_bytes text)
{
    if (value->type == SB_TYPE_STRING)
        return sb_bytes_equal(sb_bytes_of(value->as.bytes.data, value->as.bytes.size), text);
    sb_buffer_reset(&e->text);
    return value->type != SB_TYPE_LIST && sb_value_to_text(value, &e->text) == SB_OK &&
           sb_bytes_equal(sb_buffer_bytes(&e->text), text);
}

/* Nodes whose value is equal and has that text: 1 and 1.0 are one key of an index, and two texts. */
static sb_status look_up_value(ends *e, const sb_scan_options *options, sb_key_id key,
                               sb_bytes text, sb_err *err)
{
    const sb_id_cell cell = sb_ids__cell(e->ids, text);
    sb_node_id nodes[16];
    size_t count = 1;
    sb_scan *scan;
    sb_status st;

    SB_TRY(sb_scan_open(e->bulk->graph, options, &scan, err));
    for (st = SB_OK; st == SB_OK && count != 0;) {
        st = sb_scan_next(scan, nodes, sizeof nodes / sizeof *nodes, &count, err);
        for (size_t i = 0; st == SB_OK && i < count; i++) {
            sb_value value;
            uint64_t existing;
            bool found;
            st =
                sb_graph_get_props(e->bulk->graph, SB_NODE, nodes[i], &key, 1, &value, &found, err);
            if (st != SB_OK || !found || !is_text_of(e, &value, text)) continue;
            st = sb_ids__add(e->ids, &cell, nodes[i], &existing, err);
            if (st == SB_OK && existing != 0) sb_ids__replace(e->ids, &cell, SB_BULK_SEVERAL);
        }
    }
    sb_scan_close(scan);
    return st;
}

/* All values that have the text, of whatever type. NaN equals nothing, and is looked for among all nodes. */
static sb_status look_up(ends *e, const sb_bulk_end *end, sb_bytes text, sb_err *err)
{
    sb_label_id label;
    sb_key_id key;

    if (!names_of(e->bulk, end, &label, &key)) return SB_OK;
    for (uint32_t type = SB_TYPE_BOOL; type < SB_TYPE_LIST; type++) {
        const sb_text_type as = {.type = type};
        sb_value value;
        if (sb_text_to_value(&as, text, e->arena, &value, NULL) != SB_OK ||
            !is_text_of(e, &value, text))
            continue;
        const bool is_nan = type == SB_TYPE_FLOAT && isnan(value.as.real);
        const sb_scan_options options = {.entity = SB_NODE,
                                         .name = label,
                                         .key = is_nan ? 0 : key,
                                         .equal = is_nan ? NULL : &value};
        SB_TRY(look_up_value(e, &options, key, text, err));
    }
    return SB_OK;
}

static sb_status look_up_cell(ends *e, const sb_csv_cell *cell, uint32_t place, sb_err *err)
{
    sb_bulk_group *group = &e->bulk->groups[place];
    const sb_bytes text = sb_bytes_of(cell->data, cell->size);

    if (!group->is_indexed || (cell->size == 0 && !cell->quoted)) return SB_OK;
    e->ids = &group->ids;
    const sb_id_cell id = sb_ids__cell(e->ids, text);
    return sb_ids__find(e->ids, &id) != 0 ? SB_OK : look_up(e, group->end, text, err);
}

sb_status sb_bulk__look_up_ends(sb_bulk *bulk, const sb_bulk_chunk *chunk, sb_err *err)
{
    const sb_bulk_table *file = chunk->file;
    sb_csv_cell *cells = NULL;
    sb_status st = SB_OK;
    ends e;

    if (file->entity == SB_NODE || bulk->graph_ids ||
        (!bulk->groups[file->start_group].is_indexed && !bulk->groups[file->end_group].is_indexed))
        return SB_OK;
    st = begin_ends(&e, bulk, NULL, err);
    if (st == SB_OK) cells = sb_arena_alloc_array(chunk->arena, file->column_count, sizeof *cells);
    if (st == SB_OK && cells == NULL) st = SB_FAIL_NOMEM(err);
    sb_csv_reader reader = {.dialect = &bulk->dialect,
                            .pos = chunk->data,
                            .end = chunk->data + chunk->size,
                            .arena = chunk->arena,
                            .cells = cells,
                            .capacity = file->column_count};
    while (st == SB_OK && sb_csv__next_row(&reader)) {
        if (reader.problem != NULL || reader.cell_count != file->column_count) continue;
        sb_arena_reset(e.arena);
        st = look_up_cell(&e, &cells[file->start_column], file->start_group, err);
        if (st == SB_OK) st = look_up_cell(&e, &cells[file->end_column], file->end_group, err);
    }
    if (st == SB_OK && reader.status != SB_OK) st = SB_FAIL_NOMEM(err);
    end_ends(&e);
    return st;
}

/* ---- Both ends ------------------------------------------------------------------------------------------------------ */

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
        sb_bulk_group *group = &bulk->groups[*place];
        group->end = &given[end];
        SB_TRY(pays(bulk, group->end, &group->is_indexed, err));
        if (group->is_indexed)
            bulk->threads = 1; /* ids are entered between pieces */
        else
            SB_TRY(fill_group(bulk, group->end, &group->ids, err));
    }
    return SB_OK;
}
