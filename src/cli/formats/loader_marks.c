/* loader_marks.c — ids of nodes become properties after all, with a label: what a script has said of its nodes, and what did not matter until now. */
#include "cli/formats/loader_priv.h"

#include <inttypes.h>
#include <stdlib.h>

#define MARKS 512u /* of one call */

typedef struct marker {
    fmt_loader *loader;
    uint32_t label, key;
    bool integers;
    size_t count;
    sombra_op ops[2 * MARKS]; /* the label, the property */
    sombra_prop props[MARKS];
    char texts[MARKS][24]; /* of strings that are numbers */
} marker;

static sombra_status flush(marker *m)
{
    const size_t count = m->count;

    m->count = 0;
    if (count == 0) return SOMBRA_OK;
    if (sombra_mutate(m->loader->txn, m->ops, 2 * count, NULL) != SOMBRA_OK)
        return loader_fail_conn(m->loader);
    fmt_count(m->loader, 0, 0, count);
    return SOMBRA_OK;
}

/* node: its number, + 1. */
static sombra_status mark(marker *m, uint64_t node, const sombra_value *id)
{
    sombra_op *ops = &m->ops[2 * m->count];
    sombra_prop *prop = &m->props[m->count];
    const sombra_op_ref whom = {.id = m->loader->nodes[node - 1], .result_of = -1};

    *prop = (sombra_prop){.key = m->key, .value = *id};
    ops[0] = (sombra_op){
        .kind = SOMBRA_ADD_LABELS, .entity = whom, .labels = &m->label, .label_count = 1};
    ops[1] = (sombra_op){.kind = SOMBRA_SET_PROPS, .entity = whom, .props = prop, .prop_count = 1};
    return ++m->count == MARKS ? flush(m) : SOMBRA_OK;
}

static sombra_status mark_number(marker *m, uint64_t node, uint64_t number)
{
    sombra_value id = sombra_int((int64_t)number);
    char *text = m->texts[m->count];

    if (!m->integers) {
        const int size = snprintf(text, sizeof m->texts[0], "%" PRIu64, number);
        id = sombra_string(text, (size_t)size);
    }
    return mark(m, node, &id);
}

static sombra_status mark_text(marker *m, uint64_t node, sombra_text text)
{
    const sombra_value id = m->integers ? sombra_int(strtoll(text.data, NULL, 10))
                                        : sombra_string(text.data, text.size);
    return mark(m, node, &id);
}

static sombra_status mark_all(marker *m, const loader_ids *ids)
{
    sombra_status status = SOMBRA_OK;
    uint64_t number, node;

    for (size_t i = 0; i < ids->dense_count && status == SOMBRA_OK; i++)
        if (ids->dense[i] != 0) status = mark_number(m, ids->dense[i], i);
    for (size_t at = 0; status == SOMBRA_OK && fmt_map_next(&ids->sparse, &at, &number, &node);)
        status = mark_number(m, node, number);
    for (size_t i = 0; i < ids->texts.count && status == SOMBRA_OK; i++)
        status = mark_text(m, ids->text_nodes[i], ids->texts.texts[i]);
    return status == SOMBRA_OK ? flush(m) : status;
}

sombra_status fmt_loader_mark(fmt_loader *l, sombra_text group, bool integers, sombra_text label,
                              sombra_text key)
{
    const uint32_t place = fmt_names_find(&l->group_names, group.data, group.size);
    marker *m;
    sombra_status status;

    if (place == UINT32_MAX) return SOMBRA_OK;
    m = fmt_need(calloc(1, sizeof *m));
    m->loader = l;
    m->integers = integers;
    if (sombra_name_intern(l->txn, SOMBRA_LABEL, label.data, label.size, &m->label) != SOMBRA_OK ||
        sombra_name_intern(l->txn, SOMBRA_KEY, key.data, key.size, &m->key) != SOMBRA_OK)
        status = loader_fail_conn(l);
    else
        status = mark_all(m, &l->ids[place]);
    free(m);
    return status;
}
