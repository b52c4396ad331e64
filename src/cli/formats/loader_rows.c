/* loader_rows.c — records gathered by label set or type, as columns, and written when a batch is full. */
#include <stdlib.h>
#include <string.h>

#include "cli/formats/loader_priv.h"

#define BATCH_ROWS  ((size_t)8192)
#define BATCH_BYTES ((size_t)8 << 20)
#define HELD_BYTES  ((size_t)64 << 20)
#define FEW_COLUMNS 16u               /* found by looking at each */
#define CELLS_MAX   ((size_t)1 << 20) /* rows times columns of a batch */

/* ---- Batches ------------------------------------------------------------------------------------------------------------ */

/* Values of one type as the array that the API takes; others as they are. */
static sombra_column pack(fmt_loader *l, const loader_group *g, const loader_column *c)
{
    sombra_column out = {.key = l->key_ids[c->key], .type = SOMBRA_TYPE_NULL, .values = c->values};
    int64_t *integers;
    double *reals;
    sombra_text *texts;

    if (c->present != g->rows) {
        uint8_t *present = fmt_arena_alloc(&l->scratch, (g->rows + 7) / 8);
        memset(present, 0, (g->rows + 7) / 8);
        for (size_t i = 0; i < g->rows; i++)
            if (c->values[i].type != SOMBRA_TYPE_NULL) present[i / 8] |= (uint8_t)(1u << i % 8);
        out.present = present;
    }
    if (c->mixed) return out;
    switch (c->type) {
    case SOMBRA_TYPE_BOOL:
    case SOMBRA_TYPE_INT:
    case SOMBRA_TYPE_DATE:
    case SOMBRA_TYPE_LOCAL_TIME:
        integers = fmt_arena_alloc(&l->scratch, g->rows * sizeof *integers);
        for (size_t i = 0; i < g->rows; i++)
            integers[i] = c->type == SOMBRA_TYPE_BOOL ? (int64_t)c->values[i].as.boolean
                                                      : c->values[i].as.integer;
        out.integers = integers;
        break;
    case SOMBRA_TYPE_FLOAT:
        reals = fmt_arena_alloc(&l->scratch, g->rows * sizeof *reals);
        for (size_t i = 0; i < g->rows; i++)
            reals[i] = c->values[i].as.real;
        out.reals = reals;
        break;
    case SOMBRA_TYPE_STRING:
    case SOMBRA_TYPE_BYTES:
        texts = fmt_arena_alloc(&l->scratch, g->rows * sizeof *texts);
        for (size_t i = 0; i < g->rows; i++)
            texts[i] = (sombra_text){c->values[i].as.bytes.data, c->values[i].as.bytes.size};
        out.texts = texts;
        break;
    default: return out;
    }
    out.type = c->type;
    out.values = NULL;
    return out;
}

static sombra_status create(fmt_loader *l, const loader_group *g, const sombra_column *columns,
                            size_t column_count)
{
    const sombra_column *given = column_count == 0 ? NULL : columns;

    if (!g->is_rel) {
        uint64_t *ids = fmt_arena_alloc(&l->scratch, g->rows * sizeof *ids);
        if (sombra_create_nodes(l->txn, g->names, g->name_count, g->rows, given, column_count,
                                ids) != SOMBRA_OK)
            return SOMBRA_INVALID;
        for (size_t i = 0; i < g->rows; i++)
            l->nodes[g->ends[0][i]] = ids[i];
        return SOMBRA_OK;
    }
    for (unsigned end = 0; end < 2; end++)
        for (size_t i = 0; i < g->rows; i++)
            g->ends[end][i] = l->nodes[g->ends[end][i]];
    return sombra_create_rels(l->txn, g->names[0], g->rows, g->ends[0], g->ends[1], given,
                              column_count, NULL);
}

/* Forget the batch. keep: its arrays serve the next one. */
static void empty_group(fmt_loader *l, loader_group *g, bool keep)
{
    l->held_bytes -= g->arena.bytes + g->array_bytes;
    for (size_t i = 0; i < g->used_count; i++) {
        loader_column *c = &g->columns[g->used[i]];
        memset(c->values, 0, (g->rows < c->capacity ? g->rows : c->capacity) * sizeof *c->values);
        c->present = 0;
        c->type = SOMBRA_TYPE_NULL;
        c->mixed = false;
    }
    g->used_count = g->rows = 0;
    for (size_t i = 0; i < g->column_count && !keep; i++) {
        free(g->columns[i].values);
        g->columns[i].values = NULL;
        g->columns[i].capacity = 0;
    }
    if (keep) {
        fmt_arena_reset(&g->arena);
    } else {
        fmt_arena_free(&g->arena);
        for (unsigned end = 0; end < 2; end++) {
            free(g->ends[end]);
            g->ends[end] = NULL;
            g->end_capacity[end] = 0;
        }
        g->array_bytes = 0;
    }
    l->held_bytes += g->arena.bytes + g->array_bytes;
}

/* Values of a column for so many rows; new ones are absent. */
static void room_for(fmt_loader *l, loader_group *g, loader_column *c, size_t rows)
{
    const size_t before = c->capacity;

    if (before >= rows) return;
    c->values = fmt_grow(c->values, &c->capacity, rows, sizeof *c->values);
    memset(c->values + before, 0, (c->capacity - before) * sizeof *c->values);
    g->array_bytes += (c->capacity - before) * sizeof *c->values;
    l->held_bytes += (c->capacity - before) * sizeof *c->values;
}

static sombra_status write_nodes(fmt_loader *l);

static sombra_status write_group(fmt_loader *l, loader_group *g, bool keep)
{
    const size_t rows = g->rows;

    if (rows == 0) return SOMBRA_OK;
    if (g->is_rel && l->unwritten_nodes != 0 && write_nodes(l) != SOMBRA_OK) return l->error.status;
    if (!l->options.dry_run) {
        fmt_arena_reset(&l->scratch);
        sombra_column *columns =
            fmt_arena_alloc(&l->scratch, (g->used_count + 1) * sizeof *columns);
        for (size_t i = 0; i < g->used_count; i++) {
            loader_column *c = &g->columns[g->used[i]];
            room_for(l, g, c, rows); /* the last rows may lack it */
            columns[i] = pack(l, g, c);
        }
        if (create(l, g, columns, g->used_count) != SOMBRA_OK) {
            const sombra_error *error = sombra_error_of(l->options.conn);
            return fmt_fail(&l->error, error->status, "%s, lines %llu to %llu: %s", l->path,
                            (unsigned long long)g->first_line, (unsigned long long)l->line,
                            error->message);
        }
    } else if (!g->is_rel) {
        for (size_t i = 0; i < rows; i++)
            l->nodes[g->ends[0][i]] = 1;
    }
    if (!g->is_rel) l->unwritten_nodes -= rows;
    empty_group(l, g, keep);
    return SOMBRA_OK;
}

static sombra_status write_nodes(fmt_loader *l)
{
    for (size_t i = 0; i < l->group_count; i++)
        if (!l->groups[i].is_rel &&
            write_group(l, &l->groups[i], l->group_count <= 64) != SOMBRA_OK)
            return l->error.status;
    return SOMBRA_OK;
}

sombra_status loader_write_all(fmt_loader *l, bool keep)
{
    if (write_nodes(l) != SOMBRA_OK) return l->error.status;
    for (size_t i = 0; i < l->group_count; i++) {
        if (write_group(l, &l->groups[i], keep) != SOMBRA_OK) return l->error.status;
        if (!keep) empty_group(l, &l->groups[i], false);
    }
    return SOMBRA_OK;
}

/* ---- Records to rows ------------------------------------------------------------------------------------------------------ */

static sombra_status key_of(fmt_loader *l, sombra_text name, uint32_t *key)
{
    const size_t before = l->keys.count;

    *key = fmt_names_find(&l->keys, name.data, name.size);
    if (*key != UINT32_MAX) return SOMBRA_OK;
    uint32_t id;
    if (sombra_name_intern(l->txn, SOMBRA_KEY, name.size == 0 ? "" : name.data, name.size, &id) !=
        SOMBRA_OK) {
        const sombra_error *error = sombra_error_of(l->options.conn);
        if (error->status != SOMBRA_INVALID && error->status != SOMBRA_LIMIT)
            return loader_fail_conn(l);
        return loader_reject(fmt_bad(l, error->status, 0, fmt_text(NULL, 0), name,
                                     " as a property's name: %s", error->message));
    }
    l->key_ids = fmt_grow(l->key_ids, &l->key_capacity, before + 1, sizeof *l->key_ids);
    l->key_ids[before] = id;
    *key = fmt_names_add(&l->keys, name.data, name.size);
    return SOMBRA_OK;
}

static bool is_column(const fmt_loader *l, const loader_column *c, sombra_text name)
{
    const sombra_text own = l->keys.texts[c->key];

    return own.size == name.size && (own.size == 0 || memcmp(own.data, name.data, own.size) == 0);
}

static sombra_status column_of(fmt_loader *l, loader_group *g, sombra_text name, size_t *place)
{
    uint32_t key;

    *place = g->hint;
    if (*place >= g->column_count || !is_column(l, &g->columns[*place], name)) {
        const sombra_status status = key_of(l, name, &key);
        if (status != SOMBRA_OK) return status;
        if (g->column_count > FEW_COLUMNS)
            *place = (size_t)fmt_map_get(&g->by_key, (uint64_t)key + 1) - 1;
        else
            for (*place = 0; *place < g->column_count && g->columns[*place].key != key;)
                ++*place;
        if (*place >= g->column_count) {
            g->columns =
                fmt_grow(g->columns, &g->column_capacity, g->column_count + 1, sizeof *g->columns);
            *place = g->column_count++;
            g->columns[*place] = (loader_column){
                .key = key,
            };
            if (g->column_count == FEW_COLUMNS + 1)
                for (size_t i = 0; i < *place; i++)
                    fmt_map_put(&g->by_key, (uint64_t)g->columns[i].key + 1, i + 1);
            if (g->column_count > FEW_COLUMNS)
                fmt_map_put(&g->by_key, (uint64_t)key + 1, *place + 1);
        }
    }
    g->hint = *place + 1;
    return SOMBRA_OK;
}

/* A list as a property holds values of any storable type, but no nulls and no lists. */
sombra_status loader_check_value(fmt_loader *l, sombra_text name, const sombra_value *value)
{
    if (value->type > SOMBRA_TYPE_LIST)
        return loader_reject(fmt_bad(l, SOMBRA_TYPE_MISMATCH, 0, name, fmt_text(NULL, 0),
                                     "a %s is no property", sombra_type_name(value->type)));
    if ((value->type == SOMBRA_TYPE_STRING || value->type == SOMBRA_TYPE_BYTES) &&
        value->as.bytes.size > INT32_MAX)
        return loader_reject(fmt_bad(l, SOMBRA_LIMIT, 0, name, fmt_text(NULL, 0),
                                     "a value of more than 2,147,483,647 bytes"));
    for (size_t i = 0; value->type == SOMBRA_TYPE_LIST && i < value->as.list.count; i++)
        if (value->as.list.items[i].type == SOMBRA_TYPE_NULL ||
            value->as.list.items[i].type >= SOMBRA_TYPE_LIST)
            return loader_reject(fmt_bad(l, SOMBRA_TYPE_MISMATCH, 0, name, fmt_text(NULL, 0),
                                         "a list that holds a %s is no property",
                                         value->as.list.items[i].type == SOMBRA_TYPE_NULL
                                             ? "null"
                                             : sombra_type_name(value->as.list.items[i].type)));
    return SOMBRA_OK;
}

/* Columns of all properties, before any is entered: a record is taken whole or not at all. */
static sombra_status place_props(fmt_loader *l, loader_group *g, const fmt_prop *props,
                                 size_t count, size_t *places)
{
    l->record++;
    g->hint = 0;
    for (size_t i = 0; i < count; i++) {
        sombra_status status;
        if (props[i].value.type == SOMBRA_TYPE_NULL) continue;
        if ((status = loader_check_value(l, props[i].key, &props[i].value)) != SOMBRA_OK ||
            (status = column_of(l, g, props[i].key, &places[i])) != SOMBRA_OK)
            return status;
        if (g->columns[places[i]].last_record == l->record)
            return loader_reject(fmt_bad(l, SOMBRA_SYNTAX, 0, props[i].key, fmt_text(NULL, 0),
                                         "the property is there twice"));
        g->columns[places[i]].last_record = l->record;
    }
    /* A wide record behind many narrow ones would need a row of all its columns for each of these. */
    if ((g->rows + 1) * (g->used_count + count) > CELLS_MAX) return write_group(l, g, true);
    return SOMBRA_OK;
}

static void put_value(fmt_loader *l, loader_group *g, loader_column *c, const sombra_value *value)
{
    if (g->rows >= c->capacity) room_for(l, g, c, g->rows + 1);
    if (value->type < SOMBRA_TYPE_STRING)
        c->values[g->rows] = *value;
    else
        c->values[g->rows] = fmt_value_copy(&g->arena, value);
    if (c->present++ == 0) {
        c->type = value->type;
        g->used = fmt_grow(g->used, &g->used_capacity, g->used_count + 1, sizeof *g->used);
        g->used[g->used_count++] = (size_t)(c - g->columns);
    } else {
        c->mixed = c->mixed || c->type != value->type;
    }
    c->kinds[value->type]++;
    l->result.properties++;
}

sombra_status loader_put_row(fmt_loader *l, size_t place, const fmt_prop *props, size_t count,
                             const uint64_t *ends)
{
    loader_group *g = &l->groups[place];
    const size_t before = g->arena.bytes;

    fmt_arena_reset(&l->row_scratch);
    size_t *places = fmt_arena_alloc(&l->row_scratch, (count + 1) * sizeof *places);
    const sombra_status status = place_props(l, g, props, count, places);
    if (status != SOMBRA_OK) return status;
    if (g->rows == 0) g->first_line = l->line;
    for (unsigned end = 0; end < (g->is_rel ? 2u : 1u); end++) {
        if (g->rows == g->end_capacity[end]) {
            const size_t had = g->end_capacity[end];
            g->ends[end] =
                fmt_grow(g->ends[end], &g->end_capacity[end], g->rows + 1, sizeof **g->ends);
            g->array_bytes += (g->end_capacity[end] - had) * sizeof **g->ends;
            l->held_bytes += (g->end_capacity[end] - had) * sizeof **g->ends;
        }
        g->ends[end][g->rows] = ends[end];
    }
    for (size_t i = 0; i < count; i++)
        if (props[i].value.type != SOMBRA_TYPE_NULL)
            put_value(l, g, &g->columns[places[i]], &props[i].value);
    g->rows++;
    g->total++;
    l->held_bytes += g->arena.bytes - before;
    return SOMBRA_OK;
}

sombra_status loader_write_full(fmt_loader *l, size_t place)
{
    loader_group *g = &l->groups[place];

    if ((g->rows >= BATCH_ROWS || g->arena.bytes > BATCH_BYTES) &&
        write_group(l, g, true) != SOMBRA_OK)
        return l->error.status;
    return l->held_bytes > HELD_BYTES ? loader_write_all(l, false) : SOMBRA_OK;
}

/* ---- Groups ----------------------------------------------------------------------------------------------------------------- */

static sombra_status intern(fmt_loader *l, sombra_name_kind kind, sombra_text name, uint32_t *id)
{
    if (sombra_name_intern(l->txn, kind, name.size == 0 ? "" : name.data, name.size, id) ==
        SOMBRA_OK)
        return SOMBRA_OK;
    const sombra_error *error = sombra_error_of(l->options.conn);
    if (error->status != SOMBRA_INVALID && error->status != SOMBRA_LIMIT)
        return loader_fail_conn(l);
    return loader_reject(fmt_bad(l, error->status, 0, fmt_text(NULL, 0), name, " as %s: %s",
                                 kind == SOMBRA_LABEL ? "a label" : "a relationship type",
                                 error->message));
}

/* Sizes and texts, one behind the other: a key of the set. */
static void put_set(fmt_buffer *out, bool is_rel, const sombra_text *names, size_t count)
{
    out->size = 0;
    fmt_put(out, is_rel ? "r" : "n", 1);
    for (size_t i = 0; i < count; i++) {
        const uint32_t size = (uint32_t)names[i].size;
        fmt_put(out, &size, sizeof size);
        fmt_put(out, names[i].data, names[i].size);
    }
}

static sombra_status make_group(fmt_loader *l, bool is_rel, const sombra_text *names, size_t count)
{
    loader_group made = {.is_rel = is_rel};
    fmt_buffer caption = {0};
    sombra_status status = SOMBRA_OK;

    made.names = fmt_need(calloc(count + 1, sizeof *made.names));
    for (size_t i = 0; i < count && status == SOMBRA_OK; i++) {
        bool known = false;
        status =
            intern(l, is_rel ? SOMBRA_TYPE : SOMBRA_LABEL, names[i], &made.names[made.name_count]);
        for (size_t j = 0; j < made.name_count; j++)
            known = known || made.names[j] == made.names[made.name_count];
        if (status != SOMBRA_OK || known) continue;
        if (!is_rel) fmt_put(&caption, ":", 1);
        fmt_put(&caption, names[i].data, names[i].size);
        made.name_count++;
    }
    if (status == SOMBRA_OK) {
        made.caption = fmt_arena_text(&l->set_texts.arena, caption.data, caption.size);
        l->groups = fmt_grow(l->groups, &l->group_capacity, l->group_count + 1, sizeof *l->groups);
        l->groups[l->group_count++] = made;
    } else {
        free(made.names);
    }
    free(caption.data);
    return status;
}

sombra_status loader_group_of(fmt_loader *l, bool is_rel, const sombra_text *names, size_t count,
                              size_t *place)
{
    const sombra_text *last = &l->last_names[is_rel];

    if (count == 1 && last->data != NULL && last->size == names->size &&
        memcmp(last->data, names->data, last->size) == 0) {
        *place = l->last_places[is_rel];
        return SOMBRA_OK;
    }
    put_set(&l->set_text, is_rel, names, count);
    uint32_t found = fmt_names_find(&l->set_texts, l->set_text.data, l->set_text.size);
    if (found == UINT32_MAX) {
        if (!is_rel && count > 26112)
            return loader_reject(fmt_bad(l, SOMBRA_LIMIT, 0, fmt_text(NULL, 0), fmt_text(NULL, 0),
                                         "a node has at most 26,112 labels"));
        const sombra_status status = make_group(l, is_rel, names, count);
        if (status != SOMBRA_OK) return status;
        found = fmt_names_add(&l->set_texts, l->set_text.data, l->set_text.size);
    }
    *place = found;
    if (count == 1) { /* the set's text ends with the name */
        const sombra_text set = l->set_texts.texts[found];
        l->last_places[is_rel] = found;
        l->last_names[is_rel] =
            fmt_text((const char *)set.data + set.size - names->size, names->size);
    }
    return SOMBRA_OK;
}

void loader_free_groups(fmt_loader *l)
{
    for (size_t i = 0; i < l->group_count; i++) {
        loader_group *g = &l->groups[i];
        for (size_t j = 0; j < g->column_count; j++)
            free(g->columns[j].values);
        free(g->columns);
        free(g->used);
        free(g->names);
        free(g->ends[0]);
        free(g->ends[1]);
        fmt_map_free(&g->by_key);
        fmt_arena_free(&g->arena);
    }
    free(l->groups);
    free(l->key_ids);
    free(l->set_text.data);
    fmt_names_free(&l->keys);
    fmt_names_free(&l->set_texts);
    fmt_arena_free(&l->scratch);
    fmt_arena_free(&l->row_scratch);
}
