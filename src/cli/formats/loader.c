/* loader.c — records to typed batches and transactions.
 * Nodes are gathered by label set, relationships by type; a batch is written when it is full, or when all of them hold
 * HELD_BYTES. External ids lead to numbers of nodes in order of their records, and those to node ids once their batch is
 * written. Relationships whose ends have not been seen yet go to a temporary file, and are loaded at the end. */
#include <stdlib.h>
#include <string.h>

#include "cli/formats/loader_priv.h"

/* ---- Transactions ---------------------------------------------------------------------------------------------- */

static sombra_status begin(fmt_loader *l)
{
    l->in_transaction = 0;
    return sombra_begin(l->options.conn, SOMBRA_WRITE, &l->txn) == SOMBRA_OK ? SOMBRA_OK
                                                                             : loader_fail_conn(l);
}

static sombra_status commit(fmt_loader *l)
{
    sombra_txn *txn = l->txn;

    l->txn = NULL;
    if (l->options.dry_run) {
        sombra_rollback(txn);
        return SOMBRA_OK;
    }
    /* What is left out of the graph must be in the file of rejects. */
    if (l->options.rejects != NULL && fflush(l->options.rejects) != 0) {
        (void)loader_fail_rejects(l);
        sombra_rollback(txn);
        return l->error.status;
    }
    if (sombra_commit(txn) != SOMBRA_OK) return loader_fail_conn(l);
    l->result.commits++;
    return SOMBRA_OK;
}

sombra_status fmt_loader_commit(fmt_loader *l)
{
    if (l->options.dry_run) return SOMBRA_OK;
    return loader_write_all(l, true) != SOMBRA_OK || commit(l) != SOMBRA_OK ? l->error.status
                                                                            : begin(l);
}

sombra_status fmt_loader_settle(fmt_loader *l)
{
    return loader_write_all(l, true);
}

void fmt_count(fmt_loader *l, uint64_t nodes, uint64_t rels, uint64_t properties)
{
    l->result.nodes += nodes;
    l->result.rels += rels;
    l->result.properties += properties;
}

void fmt_count_schemas(fmt_loader *l, uint64_t made, uint64_t dropped)
{
    const uint64_t so_far = l->result.schemas + made;

    l->result.schemas = so_far < dropped ? 0 : so_far - dropped;
}

void fmt_note(const fmt_loader *l, const char *text)
{
    fmt_buffer line = {0};

    if (l->options.quiet) return;
    fmt_puts(&line, "sombra: ");
    fmt_put_place(&line, l->path, l->line, 0, fmt_text(NULL, 0));
    fmt_puts(&line, ": ");
    fmt_puts(&line, text);
    fmt_blank_controls(line.data, line.size);
    fprintf(stderr, "%.*s\n", (int)line.size, line.data);
    free(line.data);
}

/* A record has been taken into a group. */
static sombra_status taken(fmt_loader *l, size_t group)
{
    if (loader_write_full(l, group) != SOMBRA_OK) return l->error.status;
    return ++l->in_transaction != l->options.batch ? SOMBRA_OK : fmt_loader_commit(l);
}

/* ---- Nodes --------------------------------------------------------------------------------------------------------------------- */

/* Which of its ids an earlier node has; NULL: none. */
static const fmt_id *taken_id(fmt_loader *l, const fmt_node *node)
{
    if (node->has_id && fmt_loader_find(l, &node->id) != 0) return &node->id;
    for (size_t i = 0; i < node->other_id_count; i++)
        if (fmt_loader_find(l, &node->other_ids[i]) != 0) return &node->other_ids[i];
    return NULL;
}

static sombra_status load_node(fmt_loader *l, const fmt_node *node)
{
    const fmt_id *known = taken_id(l, node);
    const sombra_text given =
        fmt_text(l->options.label, l->options.label == NULL ? 0 : strlen(l->options.label));
    const bool unlabeled = node->label_count == 0 && given.size != 0;
    sombra_status status;
    size_t place;

    if (known != NULL) {
        if (l->options.skip_duplicate_ids) {
            l->result.skipped++;
            return SOMBRA_DONE;
        }
        return loader_reject(fmt_bad(
            l, SOMBRA_EXISTS, 0, fmt_text("id", 2), known->text,
            " is the id of an earlier node%s%.*s", known->group.size != 0 ? " in group " : "",
            (int)(known->group.size < 60 ? known->group.size : 60),
            known->group.size != 0 ? (const char *)known->group.data : ""));
    }
    if ((status = loader_group_of(l, false, unlabeled ? &given : node->labels,
                                  unlabeled ? 1 : node->label_count, &place)) != SOMBRA_OK)
        return status;
    const uint64_t number = l->node_count;
    if ((status = loader_put_row(l, place, node->props, node->prop_count, &number)) != SOMBRA_OK)
        return status;
    l->nodes = fmt_grow(l->nodes, &l->node_capacity, l->node_count + 1, sizeof *l->nodes);
    l->nodes[l->node_count++] = 0;
    l->unwritten_nodes++;
    if (node->has_id) loader_add_id(l, &node->id, number);
    for (size_t i = 0; i < node->other_id_count; i++)
        loader_add_id(l, &node->other_ids[i], number);
    l->result.nodes++;
    return taken(l, place);
}

sombra_status fmt_load_node(fmt_loader *l, const fmt_node *node)
{
    return loader_outcome(load_node(l, node));
}

/* ---- Relationships ----------------------------------------------------------------------------------------------------------------- */
static sombra_status missing_end(fmt_loader *l, const fmt_rel *rel, unsigned end)
{
    const fmt_id *id = &rel->ends[end];

    if (l->options.skip_missing_endpoints) {
        l->result.skipped++;
        return SOMBRA_DONE;
    }
    return loader_reject(
        fmt_bad(l, SOMBRA_NOT_FOUND, 0, end == 0 ? fmt_text("start", 5) : fmt_text("end", 3),
                id->text, " is the id of no node%s%.*s", id->group.size != 0 ? " in group " : "",
                (int)(id->group.size < 60 ? id->group.size : 60),
                id->group.size != 0 ? (const char *)id->group.data : ""));
}

/* ends: numbers of nodes. */
static sombra_status put_rel(fmt_loader *l, sombra_text type, const uint64_t ends[2],
                             const fmt_prop *props, size_t count)
{
    sombra_status status;
    size_t place;

    if ((status = loader_group_of(l, true, &type, 1, &place)) != SOMBRA_OK) return status;
    if ((status = loader_put_row(l, place, props, count, ends)) != SOMBRA_OK) return status;
    l->result.rels++;
    return taken(l, place);
}

sombra_status fmt_load_rel_between(fmt_loader *l, sombra_text type, const uint64_t ends[2],
                                   const fmt_prop *props, size_t count)
{
    return loader_outcome(
        put_rel(l, type, (const uint64_t[2]){ends[0] - 1, ends[1] - 1}, props, count));
}

/* found: its ends, from fmt_loader_find; 0: not looked up, or not there then. last: no node will follow. */
static sombra_status load_rel(fmt_loader *l, const fmt_rel *given, const uint64_t found[2],
                              bool last)
{
    fmt_rel rel = *given;
    uint64_t ends[2];
    sombra_status status;

    if (rel.type.size == 0 && l->options.type != NULL)
        rel.type = fmt_text(l->options.type, strlen(l->options.type));
    if (rel.type.size == 0)
        return loader_reject(fmt_bad(l, SOMBRA_SYNTAX, 0, fmt_text(NULL, 0), fmt_text(NULL, 0),
                                     "the relationship has no type"));
    for (unsigned end = 0; end < 2; end++) {
        ends[end] = (found[end] != 0 ? found[end] : fmt_loader_find(l, &rel.ends[end])) - 1;
        if (ends[end] != UINT64_MAX) continue;
        if (last) return missing_end(l, &rel, end);
        for (size_t i = 0; i < rel.prop_count; i++)
            if ((status = loader_check_value(l, rel.props[i].key, &rel.props[i].value)) !=
                SOMBRA_OK)
                return status;
        return loader_put_aside(l, &rel);
    }
    return put_rel(l, rel.type, ends, rel.props, rel.prop_count);
}

static const uint64_t not_looked_up[2] = {0, 0};

sombra_status loader_load_waiting_rel(fmt_loader *l, const fmt_rel *rel)
{
    return loader_outcome(load_rel(l, rel, not_looked_up, true));
}

sombra_status fmt_load_rel(fmt_loader *l, const fmt_rel *rel)
{
    return loader_outcome(load_rel(l, rel, not_looked_up, false));
}

/* ---- What readers have found --------------------------------------------------------------------------------- */

#define AHEAD (LOADER_FIND_MAX / 2) /* records whose ends are looked up together */

/* One that is not there yet is looked up again when its relationship comes. */
static void find_ends(fmt_loader *l, const fmt_record *records, size_t count, uint64_t found[][2])
{
    const fmt_id *ids[LOADER_FIND_MAX];
    uint64_t nodes[LOADER_FIND_MAX];
    size_t asked = 0, at = 0;

    for (size_t i = 0; i < count; i++)
        for (unsigned end = 0; end < 2 && records[i].kind == FMT_REL; end++)
            ids[asked++] = &records[i].as.rel.ends[end];
    loader_find_all(l, ids, asked, nodes);
    for (size_t i = 0; i < count; i++)
        for (unsigned end = 0; end < 2; end++)
            found[i][end] = records[i].kind == FMT_REL ? nodes[at++] : 0;
}

static sombra_status load_record(fmt_loader *l, const fmt_record *record, const uint64_t found[2])
{
    const fmt_problem *p;

    l->line = record->line;
    l->raw = record->raw;
    l->raw_bytes = record->raw_bytes;
    switch (record->kind) {
    case FMT_NODE: return fmt_load_node(l, &record->as.node);
    case FMT_REL: return loader_outcome(load_rel(l, &record->as.rel, found, false));
    case FMT_SCHEMA: return fmt_load_schema(l, record->as.schema);
    case FMT_BAD:
        p = record->as.problem;
        return fmt_bad(l, p->status, p->column, p->where, p->value, "%s", p->why);
    case FMT_NOTE: fmt_note(l, record->as.note); return SOMBRA_OK;
    }
    return SOMBRA_OK;
}

sombra_status fmt_load_records(fmt_loader *l, const fmt_records *records)
{
    sombra_status status = SOMBRA_OK;
    uint64_t found[AHEAD][2];

    fmt_at(l, records->path, 1, NULL, 0);
    for (size_t i = 0; i < records->count && status == SOMBRA_OK; i++) {
        const size_t left = records->count - i;
        if (i % AHEAD == 0) find_ends(l, &records->items[i], left < AHEAD ? left : AHEAD, found);
        status = load_record(l, &records->items[i], found[i % AHEAD]);
    }
    if (status == SOMBRA_OK && records->error.status != SOMBRA_OK)
        status = fmt_fail(&l->error, records->error.status, "%s", records->error.text);
    return status;
}

/* ---- The whole load -------------------------------------------------------------------------------------------------------------- */

fmt_loader *fmt_loader_open(const fmt_options *options, fmt_error *error)
{
    fmt_loader *l = fmt_need(calloc(1, sizeof *l));

    l->options = *options;
    l->path = "";
    if (begin(l) != SOMBRA_OK) {
        *error = l->error;
        fmt_loader_close(l, NULL);
        return NULL;
    }
    return l;
}

sombra_status fmt_loader_finish(fmt_loader *l, fmt_result *result)
{
    if (l->error.status == SOMBRA_OK && loader_load_waiting(l) == SOMBRA_OK &&
        loader_write_all(l, false) == SOMBRA_OK && loader_make_schemas(l) == SOMBRA_OK)
        (void)commit(l);
    *result = l->result;
    return l->error.status;
}

/* Without what a terminal would obey. */
static void put_shown(fmt_buffer *out, sombra_text name)
{
    const size_t start = out->size;

    if (name.size == 0) return;
    fmt_put(out, name.data, name.size);
    fmt_blank_controls(out->data + start, name.size);
}

/* "    name: STRING (2), FLOAT (1)", or as a member of JSON. */
static void put_types(const fmt_loader *l, const loader_column *c, bool json, fmt_buffer *out)
{
    const sombra_text key = l->keys.texts[c->key];
    bool first = true;

    if (json) {
        fmt_put_json(out, key.data, key.size);
    } else {
        fmt_puts(out, "    ");
        put_shown(out, key);
    }
    fmt_puts(out, json ? ": {" : ": ");
    for (uint32_t kind = 0; kind < LOADER_KINDS; kind++) {
        const unsigned long long count = c->kinds[kind];
        if (count == 0) continue;
        if (!first) fmt_puts(out, ", ");
        if (json)
            fmt_printf(out, "\"%s\": %llu", sombra_type_name(kind), count);
        else
            fmt_printf(out, "%s (%llu)", sombra_type_name(kind), count);
        first = false;
    }
    fmt_puts(out, json ? "}" : "\n");
}

static bool has_values(const loader_column *c)
{
    bool any = false;

    for (uint32_t kind = 0; kind < LOADER_KINDS; kind++)
        any = any || c->kinds[kind] != 0;
    return any;
}

void fmt_loader_survey(const fmt_loader *l, bool json, fmt_buffer *out)
{
    const char *before = "[";

    for (size_t i = 0; i < l->group_count; i++) {
        const loader_group *g = &l->groups[i];
        const char *of = g->is_rel ? "relationships" : "nodes";
        const unsigned long long total = g->total;
        bool first = true;
        if (total == 0) continue;
        if (json) {
            fmt_printf(out, "%s{\"of\": \"%s\", \"name\": ", before, of);
            fmt_put_json(out, g->caption.data, g->caption.size);
            fmt_printf(out, ", \"count\": %llu, \"properties\": {", total);
            before = ", ";
        } else {
            fmt_printf(out, "%s ", of);
            put_shown(out, g->caption);
            fmt_printf(out, ": %llu\n", total);
        }
        for (size_t j = 0; j < g->column_count; j++) {
            if (!has_values(&g->columns[j])) continue;
            if (json && !first) fmt_puts(out, ", ");
            put_types(l, &g->columns[j], json, out);
            first = false;
        }
        if (json) fmt_puts(out, "}}");
    }
    if (json) fmt_puts(out, *before == '[' ? "[]" : "]");
}

void fmt_loader_close(fmt_loader *l, fmt_result *result)
{
    if (result != NULL) *result = l->result;
    sombra_rollback(l->txn);
    loader_free_groups(l);
    loader_free_ids(l);
    free(l->nodes);
    free(l->packed.data);
    free(l->schemas);
    fmt_names_free(&l->paths);
    fmt_arena_free(&l->schema_arena);
    if (l->waiting != NULL) (void)fclose(l->waiting);
    free(l);
}
