/* load.c — reading the catalog into a session's cache.
 * What changed decides what is read (store I1, I2): nothing when both versions are those of the cache, only the names and
 * sets past the cached ones when the lineage is the same, all of it otherwise. Schema and tree rows are few and
 * are read again whole. */
#include "store/store_priv.h"

typedef struct load {
    sb_view *view;
    unsigned kind;
    uint32_t next;  /* id that must come next */
    uint32_t count; /* rows so far */
} load;

/* ---- Names and sets --------------------------------------------------------------------------------------- */

static sb_status load_name(void *ctx, uint32_t id, sb_bytes value, sb_err *err)
{
    load *l = ctx;
    const sb_name_kind kind = (sb_name_kind)l->kind;

    if (id != l->next || value.size == 0 || value.size > SB_NAME_BYTES_MAX ||
        !sb_utf8_valid(value) || sb_name_find(l->view, kind, value) != 0) {
        return SB_FAIL(err, SB_CORRUPT,
                       "catalog: name %u of kind %u is out of place, malformed or there twice", id,
                       l->kind);
    }
    l->next++;
    return sb_store__names_add(l->view, kind, value, err);
}

/* Labels of a set from its row into view->key_scratch. */
static sb_status decode_set(sb_view *view, uint32_t set, sb_bytes value, sb_err *err)
{
    const uint8_t *pos = value.data;
    const uint8_t *end = pos + value.size;
    uint64_t label = 0;

    sb_buffer_reset(&view->key_scratch);
    while (pos != end) {
        uint64_t difference;
        if (!sb_varint_decode(&pos, end, &difference) || difference == 0 ||
            difference > view->meta.name_counts[SB_NAME_LABEL] ||
            label + difference > view->meta.name_counts[SB_NAME_LABEL]) {
            return SB_FAIL(err, SB_CORRUPT, "catalog: label set %u holds labels that do not exist",
                           set);
        }
        label += difference;
        const sb_label_id id = (sb_label_id)label;
        if (sb_buffer_append(&view->key_scratch, &id, sizeof id) != SB_OK)
            return SB_FAIL_NOMEM(err);
    }
    return SB_OK;
}

static sb_status load_set(void *ctx, uint32_t id, sb_bytes value, sb_err *err)
{
    load *l = ctx;
    sb_view *view = l->view;

    SB_TRY(decode_set(view, id, value, err));
    const sb_bytes labels = sb_buffer_bytes(&view->key_scratch);
    if (id != l->next || labels.size == 0 ||
        sb_store__interner_find(&view->sets, labels, view->hash_seed) != SB_INTERNED_NONE) {
        return SB_FAIL(err, SB_CORRUPT,
                       "catalog: label set %u is out of place, empty or there twice", id);
    }
    l->next++;
    return sb_store__sets_add(view, (const sb_label_id *)(const void *)labels.data,
                              labels.size / sizeof(sb_label_id), err);
}

static sb_status check_count(const char *what, uint64_t found, uint64_t expected, sb_err *err)
{
    if (found == expected) return SB_OK;
    return SB_FAIL(err, SB_CORRUPT, "catalog: %llu %s where the commit counts %llu",
                   (unsigned long long)found, what, (unsigned long long)expected);
}

static sb_status load_names(sb_view *view, sb_err *err)
{
    static const char *const whats[SB_NAME_KINDS] = {"labels", "relationship types",
                                                     "property keys"};

    for (unsigned kind = 0; kind < SB_NAME_KINDS; kind++) {
        load l = {.view = view, .kind = kind, .next = view->names[kind].count + 1};
        if (view->names[kind].count == view->meta.name_counts[kind]) continue;
        SB_TRY(sb_store__each_piece_row(view, SB_ROW_NAME + kind, l.next, load_name, &l, err));
        SB_TRY(
            check_count(whats[kind], view->names[kind].count, view->meta.name_counts[kind], err));
    }
    if (view->sets.count == 0) SB_TRY(sb_store__sets_add(view, NULL, 0, err));
    if (view->sets.count != view->meta.set_count) {
        load l = {.view = view, .next = view->sets.count};
        SB_TRY(sb_store__each_piece_row(view, SB_ROW_SET, l.next, load_set, &l, err));
    }
    return check_count("label sets", view->sets.count, view->meta.set_count, err);
}

/* Down to what both states have. */
static void truncate_names(sb_view *view)
{
    uint32_t counts[SB_NAME_KINDS];

    for (unsigned kind = 0; kind < SB_NAME_KINDS; kind++) {
        const uint32_t cached = view->names[kind].count;
        counts[kind] =
            cached < view->meta.name_counts[kind] ? cached : view->meta.name_counts[kind];
    }
    sb_store__sets_truncate(view, view->sets.count < view->meta.set_count ? view->sets.count
                                                                          : view->meta.set_count);
    sb_store__names_truncate(view, counts);
}

/* ---- Schema and trees --------------------------------------------------------------------------------------- */

static void clear_schemas(sb_view *view)
{
    while (view->schema_count != 0) {
        sb_store__schema *last = view->schemas[view->schema_count - 1];
        sb_store__schema_remove(view, last->definition.id);
        sb_store__schema_free(view, last);
    }
}

static sb_status load_schema(void *ctx, uint32_t id, sb_bytes value, sb_err *err)
{
    load *l = ctx;
    sb_store__schema *schema = NULL;

    if (id < l->next || id >= l->view->meta.next_schema)
        return SB_FAIL(err, SB_CORRUPT, "catalog: schema definition %u is out of place", id);
    l->next = id + 1;
    SB_TRY(sb_store__schema_decode(l->view, id, value, &schema, err));
    if (sb_store__schema_insert(l->view, schema) != SB_OK) {
        sb_store__schema_free(l->view, schema);
        return SB_FAIL_NOMEM(err);
    }
    return SB_OK;
}

static sb_status decode_tree(sb_view *view, sb_bytes value, uint8_t kind, sb_tree *tree,
                             sb_err *err)
{
    SB_TRY(sb_store__tree_decode(value, sb_txn_page_count(view->txn), kind, tree, err));
    if (tree->id < SB_FIRST_TREE || tree->id >= view->meta.next_tree)
        return SB_FAIL(err, SB_CORRUPT, "catalog: tree number %u was never given out", tree->id);
    return SB_OK;
}

static sb_status load_adjacency(void *ctx, sb_bytes key, sb_bytes value, sb_err *err)
{
    load *l = ctx;
    sb_store__adjacency *entry = NULL;

    if (key.size != 6)
        return SB_FAIL(err, SB_CORRUPT, "catalog: the key of an adjacency row has %zu bytes",
                       key.size);
    const sb_type_id type = sb_load_be32(key.data + 1);
    const unsigned lane = key.data[5];
    if (type == 0 || type > l->view->meta.name_counts[SB_NAME_TYPE] || lane >= SB_LANES) {
        return SB_FAIL(err, SB_CORRUPT, "catalog: an adjacency row of type %u, direction %u", type,
                       lane);
    }
    entry = sb_store__adjacency_entry(l->view, type, lane);
    if (entry == NULL) return SB_FAIL_NOMEM(err);
    SB_TRY(decode_tree(l->view, value, SB_TREE_LIST, &entry->tree, err));
    entry->saved = entry->tree;
    if (lane < SB_LANE_SIDE_OUT) return SB_OK;
    /* A side lies beside a tree, whose row comes before, and is read with it. */
    sb_store__adjacency *own = sb_store__adjacency_find(l->view, type, lane - SB_LANE_SIDE_OUT);
    if (own == NULL || (own->tree.root == SB_PGNO_NONE && entry->tree.root != SB_PGNO_NONE)) {
        return SB_FAIL(err, SB_CORRUPT, "catalog: lists of type %u aside, but none to be beside of",
                       type);
    }
    sb_store__adjacency_join(l->view, &own->tree, entry);
    own->saved = own->tree;
    return SB_OK;
}

static sb_status load_index(void *ctx, sb_bytes key, sb_bytes value, sb_err *err)
{
    load *l = ctx;

    if (key.size != 5)
        return SB_FAIL(err, SB_CORRUPT, "catalog: the key of an index row has %zu bytes", key.size);
    const uint32_t id = sb_load_be32(key.data + 1);
    sb_store__schema *schema = sb_store__schema_of(l->view, id);
    if (schema == NULL || !schema->definition.has_tree)
        return SB_FAIL(err, SB_CORRUPT,
                       "catalog: an index row of schema definition %u, which has no index", id);
    SB_TRY(decode_tree(l->view, value, SB_TREE_SLOTTED, &schema->tree, err));
    schema->saved = schema->tree;
    l->count++;
    return SB_OK;
}

static sb_status load_trees(sb_view *view, sb_err *err)
{
    load l = {.view = view};
    uint32_t with_tree = 0;

    view->adjacency_count = 0;
    if (view->adjacency_types != 0)
        memset(view->adjacency_index, 0,
               SB_LANES * (size_t)view->adjacency_types * sizeof *view->adjacency_index);
    SB_TRY(sb_store__each_row(view, SB_ROW_ADJACENCY, load_adjacency, &l, err));
    SB_TRY(sb_store__each_row(view, SB_ROW_INDEX, load_index, &l, err));
    for (size_t i = 0; i < view->schema_count; i++) {
        with_tree += view->definitions[i].has_tree ? 1u : 0u;
    }
    return check_count("index trees", l.count, with_tree, err);
}

static sb_status load_schemas(sb_view *view, sb_err *err)
{
    load l = {.view = view, .next = 1};

    clear_schemas(view);
    return sb_store__each_piece_row(view, SB_ROW_SCHEMA, 0, load_schema, &l, err);
}

/* ---- The whole -------------------------------------------------------------------------------------------------- */

void sb_store__unload(sb_view *view)
{
    const uint32_t none[SB_NAME_KINDS] = {0, 0, 0};

    view->cached = false;
    for (size_t label = 0; label < view->label_sets_capacity; label++) {
        view->label_sets[label].count = 0;
    }
    sb_store__interner_clear(&view->sets);
    sb_store__names_truncate(view, none);
    sb_arena_reset(view->arena);
    clear_schemas(view);
    view->adjacency_count = 0;
    if (view->adjacency_types != 0)
        memset(view->adjacency_index, 0,
               SB_LANES * (size_t)view->adjacency_types * sizeof *view->adjacency_index);
}

static sb_status load_changes(sb_view *view, const sb_store__meta *old, sb_err *err)
{
    const bool same_names = view->cached && old->names_version == view->meta.names_version;
    const bool same_trees = same_names && old->trees_version == view->meta.trees_version;

    if (!same_names) {
        truncate_names(view);
        SB_TRY(load_names(view, err));
        SB_TRY(load_schemas(view, err));
    }
    return same_trees ? SB_OK : load_trees(view, err);
}

sb_status sb_store__load(sb_view *view, const sb_store__meta *old, sb_err *err)
{
    if (!view->cached || old->founded != view->meta.founded || old->lineage != view->meta.lineage)
        sb_store__unload(view);
    const sb_status st = load_changes(view, old, err);
    if (st != SB_OK) {
        sb_store__unload(view);
        return st;
    }
    view->cached = true;
    return SB_OK;
}

void sb_store__free_cache(sb_view *view)
{
    const sb_allocator *alloc = view->alloc;

    clear_schemas(view);
    sb_free(alloc, view->schemas, view->schema_capacity * sizeof *view->schemas);
    sb_free(alloc, view->definitions, view->definition_capacity * sizeof *view->definitions);
    for (unsigned kind = 0; kind < SB_NAME_KINDS; kind++) {
        sb_store__interner_deinit(&view->names[kind], alloc);
    }
    sb_store__interner_deinit(&view->sets, alloc);
    for (size_t label = 0; label < view->label_sets_capacity; label++) {
        sb_free(alloc, view->label_sets[label].sets,
                view->label_sets[label].capacity * sizeof(sb_set_id));
    }
    sb_free(alloc, view->label_sets, view->label_sets_capacity * sizeof *view->label_sets);
    for (uint32_t block = 0; block < view->adjacency_block_count; block++) {
        sb_free(alloc, view->adjacency_blocks[block],
                SB_ADJACENCY_BLOCK * sizeof(sb_store__adjacency));
    }
    sb_free(alloc, view->adjacency_blocks,
            view->adjacency_block_capacity * sizeof *view->adjacency_blocks);
    sb_free(alloc, view->adjacency_index, view->adjacency_capacity * sizeof *view->adjacency_index);
    sb_arena_destroy(view->arena);
}
