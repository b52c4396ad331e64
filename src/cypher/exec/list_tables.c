/* list_tables.c — when the lists that a statement looks up are unpacked.
 * A list that is looked up takes some ten times as long as one that is passed by. So once as many of a type in one direction have been looked up as
 * make up for reading all of them, whichever operators asked, they are put in a table (graph/list_table.c) for the rest of the run: whoever looks up
 * few pays for these alone. Where the plan expects as many, that is believed after a part of them. */
#include "cypher/exec/op_priv.h"
#include "cypher/exec/spill.h"

/* A list that is looked up costs as much as this many entries that are passed by (perf: 40 ns and more, against 2 to 4), or places of this many times
 * NODES_CHEAPER nodes. */
#define LOOK_UP_COST  12u
#define NODES_CHEAPER 4u
/* Rows of a batch from which on its look-ups are counted: smaller ones are of short statements. */
#define ROWS_COUNTED 64u
/* Types of an expansion that are looked for in tables. */
#define TYPES_MOST 2u

struct sb_list_lookups {
    sb_list_lookups *next;
    sb_type_id type;
    sb_direction direction;   /* OUT or IN */
    bool never;               /* no table is to be made: there is no room, or ids are too large */
    uint64_t generation;      /* of the run that all this is of */
    uint64_t asked[2];        /* lists so far, without relationships and with them */
    sb_list_table *tables[2]; /* likewise; NULL: not yet */
};

static sb_status find(sb_exec *run, sb_type_id type, sb_direction direction,
                      sb_list_lookups **found)
{
    sb_list_lookups *l = run->list_lookups;

    while (l != NULL && (l->type != type || l->direction != direction))
        l = l->next;
    if (l == NULL) {
        l = sb_exec__alloc_zero(run, 1, sizeof *l);
        if (l == NULL) return sb_exec__no_memory(run);
        *l = (sb_list_lookups){.next = run->list_lookups, .type = type, .direction = direction};
        run->list_lookups = l;
    }
    *found = l;
    return SB_OK;
}

static void forget(sb_list_lookups *l)
{
    for (unsigned i = 0; i < 2; i++) {
        sb_list_table_free(l->tables[i]);
        l->tables[i] = NULL;
        l->asked[i] = 0;
    }
    l->never = false;
}

static sb_status make(sb_exec *run, sb_list_lookups *l, bool rels)
{
    const sb_list_table_options options = {.type = l->type,
                                           .direction = l->direction,
                                           .rels = rels,
                                           .alloc = run->alloc,
                                           .poll = sb_exec__tick_of,
                                           .poll_ctx = run};
    const sb_status status = sb_list_table_make(run->graph, &options, &l->tables[rels], run->err);

    l->never = l->tables[rels] == NULL;
    if (status != SB_NOMEM) return status;
    sb_err_clear(run->err); /* benign: lists are looked up in the file */
    return SB_OK;
}

/* A table is made when it is time to: of relationships, too, if anybody has asked for them. */
static sb_status make_due(sb_exec *run, sb_list_lookups *l, double expected)
{
    const bool rels = l->asked[1] != 0;
    const uint64_t nodes = sb_ids_node_end(run->view);
    uint64_t entries;

    if (run->options->always_table) return make(run, l, rels);
    SB_TRY(sb_stats_rels_of_type(run->view, l->type, &entries, run->err));
    if (!sb_exec__is_due(run, l->asked[0] + l->asked[1], expected,
                         (entries + nodes / NODES_CHEAPER) / LOOK_UP_COST))
        return SB_OK;
    const uint64_t room = entries < nodes ? nodes : entries;
    l->never = !sb_spill__affords(run, (size_t)(nodes + (rels ? 2 : 1) * room) * 4);
    return l->never ? SB_OK : make(run, l, rels);
}

sb_status sb_exec__list_table(const sb_operator *op, sb_type_id type, sb_direction direction,
                              bool rels, uint32_t count, const sb_list_table **table)
{
    sb_exec *run = op->run;
    sb_list_lookups *l;

    *table = NULL;
    if ((count < ROWS_COUNTED && !run->options->always_table) || run->compiled->writes ||
        sb_txn_writable(sb_graph_txn(run->graph)))
        return SB_OK;
    SB_TRY(find(run, type, direction, &l));
    if (l->generation != run->generation) forget(l);
    l->generation = run->generation;
    l->asked[rels] += count;
    if (l->tables[1] == NULL && (rels || l->tables[0] == NULL) && !l->never)
        SB_TRY(make_due(run, l, op->plan->input->rows));
    *table = l->tables[1] != NULL || rels ? l->tables[1] : l->tables[0];
    return SB_OK;
}

const sb_list_table *sb_exec__list_table_made(const sb_exec *run, sb_type_id type,
                                              sb_direction direction)
{
    const sb_list_lookups *l = run->list_lookups;

    while (l != NULL && (l->type != type || l->direction != direction))
        l = l->next;
    if (l == NULL || l->generation != run->generation) return NULL;
    return l->tables[1] != NULL ? l->tables[1] : l->tables[0];
}

static sb_status use_table(const sb_operator *op, sb_expand *expand, size_t place, sb_type_id type,
                           sb_direction direction, bool rels, uint32_t count)
{
    const sb_list_table *table;

    SB_TRY(sb_exec__list_table(op, type, direction, rels, count, &table));
    if (table != NULL) sb_expand_use(expand, place, direction, table);
    return SB_OK;
}

sb_status sb_exec__expand_begin(const sb_operator *op, sb_expand *expand,
                                const sb_expand_types *types, sb_direction direction, bool rels,
                                const uint64_t *nodes, uint32_t count)
{
    const sb_type_id only = 1;
    const bool untyped = types->count == 0 && sb_name_count(op->run->view, SB_NAME_TYPE) == only;
    const sb_type_id *ids = untyped ? &only : types->ids;
    const size_t type_count = untyped ? 1 : types->count;

    sb_expand_begin(expand, nodes, count);
    for (size_t i = 0; type_count <= TYPES_MOST && i < type_count; i++) {
        if (direction != SB_IN) SB_TRY(use_table(op, expand, i, ids[i], SB_OUT, rels, count));
        if (direction != SB_OUT) SB_TRY(use_table(op, expand, i, ids[i], SB_IN, rels, count));
    }
    return SB_OK;
}

void sb_exec__list_tables_free(sb_exec *run)
{
    for (sb_list_lookups *l = run->list_lookups; l != NULL; l = l->next)
        forget(l);
}
