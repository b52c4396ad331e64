/* labels.c — label expressions against label sets and relationship types. */
#include "cypher/exec/op_priv.h"

/* A tree as the parser made it (its depth is bounded there), with names looked up by each run. */
struct sb_labels {
    sb_label_op op;
    sb_name_ref *name;
    sb_labels *left, *right;
    sb_label_bits *bits; /* NAME: of the label that it had when it was asked last; NULL */
    const sb_val *value; /* DYNAMIC: checked by sb_exec__check_dynamic */
    bool any;
};

sb_status sb_exec__labels_compile(sb_exec *run, const sb_label_expr *expr, sb_name_kind kind,
                                  const sb_val *dynamic, sb_labels **labels)
{
    sb_labels *made;

    *labels = NULL;
    if (expr == NULL) return SB_OK;
    made = sb_exec__alloc_zero(run, 1, sizeof *made);
    if (made == NULL) return sb_exec__no_memory(run);
    made->op = expr->op;
    if (expr->op == SB_LABEL_NAME) SB_TRY(sb_exec__name_add(run, kind, expr->name, &made->name));
    if (expr->op == SB_LABEL_DYNAMIC) {
        made->value = &dynamic[expr->arg - 1];
        made->any = expr->any;
    }
    SB_TRY(sb_exec__labels_compile(run, expr->left, kind, dynamic, &made->left));
    SB_TRY(sb_exec__labels_compile(run, expr->right, kind, dynamic, &made->right));
    *labels = made;
    return SB_OK;
}

/* ---- Names that an expression gives ---------------------------------------------------------------------------- */

static sb_status check_name(sb_exec *run, sb_val v)
{
    if (v.kind != SB_VAL_STRING)
        return sb_exec__type_error(run, "a dynamic label or type", "a string or a list of them", v);
    if (v.aux != 0) return SB_OK;
    return sb_cypher_fail_runtime(run->err, SB_CYPHER_INVALID_ARGUMENT_VALUE,
                                  "a dynamic label or type: a name is not empty");
}

sb_status sb_exec__check_dynamic(sb_exec *run, sb_val v)
{
    if (v.kind != SB_VAL_LIST) return check_name(run, v);
    for (uint64_t i = 0; i < v.as.list->count; i++)
        SB_TRY(check_name(run, v.as.list->items[i]));
    return SB_OK;
}

static sb_status append_name(sb_exec *run, sb_val v, sb_name_kind kind, bool make, sb_buffer *ids)
{
    sb_name_ref name = {.kind = kind, .text = sb_val_text(v)};
    uint32_t id = sb_exec__find_name(run, &name);

    if (id == 0 && !make) return SB_OK;
    if (id == 0) SB_TRY(sb_exec__name_make(run, &name, &id));
    return sb_buffer_append(ids, &id, sizeof id) == SB_OK ? SB_OK : sb_exec__no_memory(run);
}

sb_status sb_exec__dynamic_ids(sb_exec *run, sb_val list, sb_name_kind kind, bool make,
                               sb_buffer *ids)
{
    for (uint64_t i = 0; i < list.as.list->count; i++) {
        const sb_val v = list.as.list->items[i];

        SB_TRY(sb_exec__check_dynamic(run, v));
        if (v.kind == SB_VAL_STRING) SB_TRY(append_name(run, v, kind, make, ids));
        for (uint64_t k = 0; v.kind == SB_VAL_LIST && k < v.as.list->count; k++)
            SB_TRY(append_name(run, v.as.list->items[k], kind, make, ids));
    }
    return SB_OK;
}

static bool has_label(sb_exec *run, sb_val name, sb_set_id set)
{
    const uint32_t id = sb_name_find(run->view, SB_NAME_LABEL, sb_val_text(name));

    return id != 0 && sb_set_has(run->view, set, id);
}

static bool is_of_type(sb_exec *run, sb_val name, sb_type_id type)
{
    return sb_name_find(run->view, SB_NAME_TYPE, sb_val_text(name)) == type;
}

/* Does each name of a value fit, or (any) one of them? of: a label set, or a type. */
static bool dynamic_fits(sb_exec *run, const sb_labels *labels,
                         bool (*fits)(sb_exec *run, sb_val name, uint32_t of), uint32_t of)
{
    const sb_val v = *labels->value;

    if (v.kind == SB_VAL_STRING) return fits(run, v, of);
    for (uint64_t i = 0; i < v.as.list->count; i++)
        if (fits(run, v.as.list->items[i], of) == labels->any) return labels->any;
    return !labels->any;
}

/* ---- Matching --------------------------------------------------------------------------------------------------- */

bool sb_exec__labels_match_set(sb_exec *run, const sb_labels *labels, sb_set_id set)
{
    uint32_t id;

    switch (labels->op) {
    case SB_LABEL_NAME:
        id = sb_exec__name(run, labels->name);
        return id != 0 && sb_set_has(run->view, set, id);
    case SB_LABEL_AND:
        return sb_exec__labels_match_set(run, labels->left, set) &&
               sb_exec__labels_match_set(run, labels->right, set);
    case SB_LABEL_OR:
        return sb_exec__labels_match_set(run, labels->left, set) ||
               sb_exec__labels_match_set(run, labels->right, set);
    case SB_LABEL_NOT: return !sb_exec__labels_match_set(run, labels->left, set);
    case SB_LABEL_DYNAMIC: return dynamic_fits(run, labels, has_label, set);
    case SB_LABEL_ANY: break;
    }
    return set != 0; /* set 0 is that of nodes without labels */
}

bool sb_exec__labels_one(sb_exec *run, const sb_labels *labels, sb_label_id *label)
{
    if (labels->op != SB_LABEL_NAME) return false;
    *label = sb_exec__name(run, labels->name);
    return true;
}

bool sb_exec__labels_match_type(sb_exec *run, const sb_labels *labels, sb_type_id type)
{
    switch (labels->op) {
    case SB_LABEL_NAME: return sb_exec__name(run, labels->name) == type;
    case SB_LABEL_AND:
        return sb_exec__labels_match_type(run, labels->left, type) &&
               sb_exec__labels_match_type(run, labels->right, type);
    case SB_LABEL_OR:
        return sb_exec__labels_match_type(run, labels->left, type) ||
               sb_exec__labels_match_type(run, labels->right, type);
    case SB_LABEL_NOT: return !sb_exec__labels_match_type(run, labels->left, type);
    case SB_LABEL_DYNAMIC: return dynamic_fits(run, labels, is_of_type, type);
    case SB_LABEL_ANY: break;
    }
    return true;
}

/* ---- Many nodes ------------------------------------------------------------------------------------------------------ */

/* *are: all names' bits are there. A label that nobody has is no name's, and what is not in the index (NOT, ANY) has none. */
static sb_status expect_bits(sb_exec *run, sb_labels *labels, uint32_t count, bool *are)
{
    bool left, right;

    *are = false;
    if (labels->op == SB_LABEL_AND || labels->op == SB_LABEL_OR) {
        SB_TRY(expect_bits(run, labels->left, count, &left));
        SB_TRY(expect_bits(run, labels->right, count, &right));
        *are = left && right;
    }
    if (labels->op != SB_LABEL_NAME) return SB_OK;
    const sb_label_id id = sb_exec__name(run, labels->name);
    if (id == 0) return SB_OK;
    if (labels->bits == NULL || labels->bits->label != id)
        SB_TRY(sb_exec__label_bits(run, id, &labels->bits));
    SB_TRY(sb_exec__label_bits_expect(run, labels->bits, count));
    *are = labels->bits->known;
    return SB_OK;
}

static bool match_bits(const sb_labels *labels, sb_node_id id)
{
    if (labels->op == SB_LABEL_NAME) return sb_exec__label_bit(labels->bits, id);
    const bool left = match_bits(labels->left, id);
    if (left == (labels->op == SB_LABEL_OR)) return left;
    return match_bits(labels->right, id);
}

/* What match_bits says of each; of one label, in a loop of its own. */
static void ask_bits(const sb_labels *labels, const uint64_t *ids, uint32_t count, uint8_t *are)
{
    if (labels->op != SB_LABEL_NAME || labels->bits->bits.size == 0) {
        for (uint32_t i = 0; i < count; i++)
            are[i] = match_bits(labels, ids[i]);
        return;
    }
    const uint8_t *const bits = labels->bits->bits.data; /* copies: no store changes them */
    const uint64_t first = labels->bits->first, bytes = labels->bits->bits.size;
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t place = ids[i] - first; /* huge below first */
        const bool within = place / 8 < bytes;
        are[i] = (uint8_t)(bits[within ? place / 8 : 0] >> (place & 7) & within);
    }
}

sb_status sb_exec__labels_ask(sb_exec *run, sb_labels *labels, const uint64_t *ids, uint32_t count,
                              uint8_t *are)
{
    sb_set_id sets[SB_BATCH_ROWS];
    uint8_t found[SB_BATCH_ROWS / 8];
    bool bits = false;

    SB_ASSERT(count <= SB_BATCH_ROWS);
    if (!sb_txn_writable(sb_graph_txn(run->graph))) SB_TRY(expect_bits(run, labels, count, &bits));
    if (bits) {
        ask_bits(labels, ids, count, are);
        return SB_OK;
    }
    SB_TRY(sb_graph_fetch_sets(run->graph, ids, count, sets, found, run->err));
    for (uint32_t i = 0; i < count; i++)
        are[i] = sb_bit_get(found, i) && sb_exec__labels_match_set(run, labels, sets[i]);
    return SB_OK;
}

/* ---- Ends of relationships ------------------------------------------------------------------------------------------------ */

/* Reading the statistics costs what looking so many nodes up does, about: before that they are not asked. */
#define ENDS_CHECKED 4096u

typedef struct end_check {
    sb_exec *run;
    const sb_end_labels *ends;
    const sb_expand_types *types;
    sb_direction direction;
    bool implied;
} end_check;

static sb_status check_statistic(void *ctx, int kind, sb_set_id set, sb_type_id type,
                                 sb_direction direction, uint64_t count)
{
    end_check *c = ctx;
    bool wanted = c->types->count == 0;

    /* a list of outgoing relationships has the nodes where these come in */
    if (kind != 1 || !c->implied || count == 0 || direction == c->direction) return SB_OK;
    for (size_t i = 0; i < c->types->count && !wanted; i++)
        wanted = c->types->ids[i] == type;
    if (wanted) c->implied = sb_exec__labels_match_set(c->run, c->ends->labels, set);
    return SB_OK;
}

sb_status sb_exec__end_labels(sb_exec *run, sb_end_labels *ends, const sb_expand_types *types,
                              sb_direction direction, uint32_t rows, bool *implied)
{
    end_check check = {
        .run = run, .ends = ends, .types = types, .direction = direction, .implied = true};

    if (ends->rows <= ENDS_CHECKED && !sb_txn_writable(sb_graph_txn(run->graph))) {
        ends->rows += rows;
        if (ends->rows > ENDS_CHECKED) {
            SB_TRY(sb_stats_each(run->view, check_statistic, &check, run->err));
            ends->implied = check.implied;
        }
    }
    *implied = ends->implied;
    return SB_OK;
}
