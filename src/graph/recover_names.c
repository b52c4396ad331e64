/* recover_names.c — names, label sets and definitions of a damaged file, and what they are in the new one. */
#include "graph/recover_priv.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- Reading the catalog's leaves ----------------------------------------------------------------------------- */

static uint64_t piece_key(sb_salvage_kind kind, uint32_t id, uint32_t piece)
{
    return (uint64_t)kind << 40 | (uint64_t)id << 8 | piece;
}

static sb_status take_row(sb_recovery *r, const sb_salvage_row *row)
{
    bool inserted;

    if (row->kind == SB_SALVAGE_NODES || row->kind == SB_SALVAGE_RELS) {
        *(row->kind == SB_SALVAGE_NODES ? &r->node_total : &r->rel_total) = row->count;
        *(row->kind == SB_SALVAGE_NODES ? &r->node_total_known : &r->rel_total_known) = true;
        return SB_OK;
    }
    uint64_t *place =
        sb_map_at(&r->piece_places, piece_key(row->kind, row->id, row->piece), &inserted);
    if (place == NULL) return SB_FAIL_NOMEM(r->err);
    if (!inserted) return SB_OK; /* the first one seen is from the tree */
    *place =
        (uint64_t)r->pieces.size << 16 | (uint64_t)row->value.size << 1 | (row->last ? 1u : 0u);
    if (row->value.size == 0) return SB_OK;
    return sb_buffer_append(&r->pieces, row->value.data, row->value.size) == SB_OK
               ? SB_OK
               : SB_FAIL_NOMEM(r->err);
}

static sb_status walk_rows(sb_recovery *r, sb_cursor *cursor, sb_err *cause)
{
    bool found;

    SB_TRY(sb_cursor_first(cursor, &found, cause));
    while (found) {
        sb_salvage_row row;
        if (sb_store_salvage_row(sb_cursor_key(cursor), sb_cursor_value(cursor), &row) &&
            take_row(r, &row) != SB_OK)
            return SB_FAIL_NOMEM(cause);
        SB_TRY(sb_cursor_next(cursor, &found, cause));
    }
    return SB_OK;
}

static sb_status read_leaf(sb_recovery *r, const sb_tree *leaf)
{
    sb_cursor *cursor;
    sb_err cause;
    bool damaged = false;

    sb_err_clear(&cause);
    SB_TRY(sb_cursor_open(r->old.txn, leaf, &cursor, r->err));
    const sb_status st = walk_rows(r, cursor, &cause);
    sb_cursor_close(cursor);
    SB_TRY(sb_recover__forgive(r, st, &cause, &damaged));
    if (damaged)
        sb_recover__lost(r, "page %u of the catalog can not be read to the end: %s",
                         (unsigned)leaf->root, cause.text);
    return SB_OK;
}

sb_status sb_recover__read_names(sb_recovery *r)
{
    return sb_recover__each_leaf(r, SB_RECOVER_CATALOG, read_leaf);
}

/* The pieces of a name or set, joined behind all others; *whole false when one is missing. */
static sb_status join_pieces(sb_recovery *r, sb_salvage_kind kind, uint32_t id, sb_bytes *value,
                             bool *whole)
{
    const size_t begin = r->pieces.size;

    *whole = false;
    for (uint32_t piece = 0; piece < 256 && !*whole; piece++) {
        const uint64_t *place = sb_map_find(&r->piece_places, piece_key(kind, id, piece));
        if (place == NULL) return SB_OK;
        const size_t bytes = (size_t)(*place >> 1 & 0x7FFFu);
        if (sb_buffer_reserve(&r->pieces, bytes) != SB_OK) return SB_FAIL_NOMEM(r->err);
        if (bytes != 0)
            memcpy(r->pieces.data + r->pieces.size, r->pieces.data + (*place >> 16), bytes);
        r->pieces.size += bytes;
        *whole = (*place & 1) != 0;
    }
    *value = sb_bytes_of(r->pieces.data + begin, r->pieces.size - begin);
    r->pieces.size = begin; /* the bytes stay until the next append */
    return SB_OK;
}

/* ---- In the new database ------------------------------------------------------------------------------------------ */

/* Names are made new one by one, so that two old ids never become one: a row with both keys could not be made. */
static sb_status make_name(sb_recovery *r, sb_name_kind kind, sb_bytes name, uint32_t *id,
                           bool *made)
{
    const uint32_t before = sb_name_count(r->view, kind);
    sb_err cause;

    sb_err_clear(&cause);
    const sb_status st = sb_name_intern(r->view, kind, name, id, &cause);
    *made = st == SB_OK && *id > before;
    return st == SB_OK || st == SB_INVALID || st == SB_LIMIT
               ? SB_OK
               : SB_FAIL(r->err, st, "%s", cause.text);
}

/* label_7; label_7_1 and so on, where a label that is not lost has that name. */
static sb_status make_placeholder(sb_recovery *r, sb_name_kind kind, const char *noun, uint32_t old,
                                  uint32_t *id)
{
    const uint32_t before = sb_name_count(r->view, kind);
    char name[48];
    int size = snprintf(name, sizeof name, "%s_%u", noun, old);

    SB_TRY(sb_name_intern(r->view, kind, sb_bytes_of(name, (size_t)size), id, r->err));
    for (uint32_t n = 1; *id <= before; n++) {
        size = snprintf(name, sizeof name, "%s_%u_%u", noun, old, n);
        SB_TRY(sb_name_intern(r->view, kind, sb_bytes_of(name, (size_t)size), id, r->err));
    }
    return SB_OK;
}

static sb_status place_name(sb_recovery *r, sb_name_kind kind, uint32_t old, uint32_t *id)
{
    static const char *const nouns[SB_NAME_KINDS] = {"label", "type", "key"};
    sb_bytes name;
    bool whole, made = false;

    SB_TRY(join_pieces(r, (sb_salvage_kind)kind, old, &name, &whole));
    if (whole) SB_TRY(make_name(r, kind, name, id, &made));
    if (made) return SB_OK;
    SB_TRY(make_placeholder(r, kind, nouns[kind], old, id));
    const sb_bytes placeholder = sb_name_of(r->view, kind, *id);
    r->result->lost_names++;
    sb_recover__lost(r, "the name of %s %u is lost: it becomes %.*s", nouns[kind], old,
                     (int)placeholder.size, (const char *)placeholder.data);
    return SB_OK;
}

sb_status sb_recover__name(sb_recovery *r, sb_name_kind kind, uint32_t old, uint32_t *id)
{
    const uint64_t key = (uint64_t)kind << 32 | old;
    const uint64_t *found = sb_map_find(&r->names, key);

    if (found != NULL) {
        *id = (uint32_t)*found;
        return SB_OK;
    }
    SB_TRY(place_name(r, kind, old, id));
    return sb_map_put(&r->names, key, *id) == SB_OK ? SB_OK : SB_FAIL_NOMEM(r->err);
}

static int compare_labels(const void *a, const void *b)
{
    const sb_label_id x = *(const sb_label_id *)a, y = *(const sb_label_id *)b;
    return x < y ? -1 : x > y;
}

/* The labels of a set that is whole, as they are in the new database; arena(batch). */
static sb_status read_set(sb_recovery *r, uint32_t old, sb_label_id **labels, size_t *count,
                          bool *whole)
{
    sb_bytes value = sb_bytes_of(NULL, 0);

    SB_TRY(join_pieces(r, SB_SALVAGE_SET, old, &value, whole));
    *labels =
        sb_arena_alloc_array(r->arena, value.size + 1, sizeof **labels); /* a byte each, or more */
    if (*labels == NULL) return SB_FAIL_NOMEM(r->err);
    if (*whole) *whole = sb_store_salvage_set(value, *labels, SB_SET_LABELS_MAX, count);
    for (size_t i = 0; *whole && i < *count; i++)
        SB_TRY(sb_recover__name(r, SB_NAME_LABEL, (*labels)[i], &(*labels)[i]));
    return SB_OK;
}

static sb_status place_set(sb_recovery *r, uint32_t old, sb_set_id *set)
{
    sb_label_id *labels;
    size_t count = 0;
    bool whole;

    SB_TRY(read_set(r, old, &labels, &count, &whole));
    if (!whole) {
        SB_TRY(make_placeholder(r, SB_NAME_LABEL, "set", old, &labels[0]));
        const sb_bytes placeholder = sb_name_of(r->view, SB_NAME_LABEL, labels[0]);
        r->result->lost_sets++;
        sb_recover__lost(r, "the labels of set %u are lost: its nodes get label %.*s", old,
                         (int)placeholder.size, (const char *)placeholder.data);
        count = 1;
    }
    if (count > 1) qsort(labels, count, sizeof *labels, compare_labels);
    return sb_set_intern(r->view, labels, count, set, r->err);
}

sb_status sb_recover__set(sb_recovery *r, uint64_t old, sb_set_id *set)
{
    const uint64_t *found = sb_map_find(&r->sets, old);

    *set = 0;
    if (old == 0) return SB_OK; /* the empty set has no row */
    if (found != NULL) {
        *set = (sb_set_id)*found;
        return SB_OK;
    }
    SB_TRY(place_set(r, (uint32_t)old, set));
    return sb_map_put(&r->sets, old, *set) == SB_OK ? SB_OK : SB_FAIL_NOMEM(r->err);
}

/* ---- Definitions ------------------------------------------------------------------------------------------------------ */

static sb_status place_schema(sb_recovery *r, const sb_schema *old)
{
    sb_schema schema = *old;
    sb_err cause;
    uint32_t id;

    SB_TRY(sb_recover__name(r, old->on_rels ? SB_NAME_TYPE : SB_NAME_LABEL, old->entity,
                            &schema.entity));
    for (uint32_t i = 0; i < old->key_count; i++)
        SB_TRY(sb_recover__name(r, SB_NAME_KEY, old->keys[i], &schema.keys[i]));
    sb_err_clear(&cause);
    const bool dropped = old->kind == SB_SCHEMA_LABEL_INDEX; /* what the marker of one says */
    const sb_status st =
        dropped ? sb_graph_schema_drop(r->graph, SB_GRAPH_LABEL_INDEX | schema.entity, &cause)
                : sb_graph_schema_create(r->graph, &schema, &id, &cause);
    if (st == SB_NOMEM || st == SB_IO || st == SB_FULL || st == SB_INTERRUPT)
        return SB_FAIL(r->err, st, "%s", cause.text);
    if (st == SB_OK) return SB_OK;
    r->result->lost_schemas++;
    sb_recover__lost(r, "index or constraint %.*s is not made again: %s", (int)old->name.size,
                     (const char *)old->name.data, cause.text);
    return SB_OK;
}

sb_status sb_recover__schemas(sb_recovery *r)
{
    sb_view *view = NULL;
    sb_err cause;
    size_t count;
    bool damaged = false;

    sb_err_clear(&cause);
    const sb_status st = r->header_lost ? SB_CORRUPT : sb_view_get(r->old.txn, &view, &cause);
    SB_TRY(sb_recover__forgive(r, st, &cause, &damaged));
    if (damaged) {
        sb_recover__lost(r, "indexes and constraints are lost: make them again");
        return SB_OK;
    }
    const sb_schema *schemas = sb_schemas(view, &count);
    for (size_t i = 0; i < count; i++)
        SB_TRY(place_schema(r, &schemas[i]));
    return SB_OK;
}
