/* names.c — label names, type names, property keys: numbers from 1 in order of first use, never taken back once
 * committed. A name made in a transaction is in the view's cache at once and reaches the catalog when it commits. */
#include "store/store_priv.h"

static const char *const kind_names[SB_NAME_KINDS] = {"label", "relationship type", "property key"};

/* Highest id of each kind: types share a 64-bit list key with a node id; the last property keys are the layers' own
 * columns. */
static const uint32_t id_limits[SB_NAME_KINDS] = {UINT32_MAX - 2, SB_TYPE_ID_MAX,
                                                  SB_COLUMN_SYSTEM - 1};

uint32_t sb_name_find(sb_view *view, sb_name_kind kind, sb_bytes name)
{
    const uint32_t index = sb_store__interner_find(&view->names[kind], name, view->hash_seed);
    return index == SB_INTERNED_NONE ? 0 : index + 1;
}

sb_bytes sb_name_of(sb_view *view, sb_name_kind kind, uint32_t id)
{
    const sb_store__interner *names = &view->names[kind];
    if (id == 0 || id > names->count) return sb_bytes_of(NULL, 0);
    return sb_bytes_of(names->items[id - 1].data, names->items[id - 1].size);
}

uint32_t sb_name_count(sb_view *view, sb_name_kind kind)
{
    return view->names[kind].count;
}

sb_status sb_store__names_add(sb_view *view, sb_name_kind kind, sb_bytes name, sb_err *err)
{
    if (sb_store__interner_reserve(&view->names[kind], view->alloc) != SB_OK)
        return SB_FAIL_NOMEM(err);
    char *copy = sb_arena_strndup(view->arena, (const char *)name.data, name.size);
    if (copy == NULL) return SB_FAIL_NOMEM(err);
    sb_store__interner_add(&view->names[kind], sb_bytes_of(copy, name.size), view->hash_seed);
    return SB_OK;
}

sb_status sb_name_intern(sb_view *view, sb_name_kind kind, sb_bytes name, uint32_t *id, sb_err *err)
{
    *id = sb_name_find(view, kind, name);
    if (*id != 0) return SB_OK;
    if (name.size == 0)
        return SB_FAIL(err, SB_INVALID, "a %s needs a name of at least one byte", kind_names[kind]);
    if (name.size > SB_NAME_BYTES_MAX) {
        return SB_FAIL(err, SB_LIMIT, "the name of a %s has %zu bytes; the limit is %u",
                       kind_names[kind], name.size, SB_NAME_BYTES_MAX);
    }
    if (!sb_utf8_valid(name))
        return SB_FAIL(err, SB_INVALID, "the name of a %s is not UTF-8", kind_names[kind]);
    SB_TRY(sb_store__begin_change(view, err));
    if (view->names[kind].count >= id_limits[kind]) {
        return SB_FAIL(err, SB_LIMIT, "the limit of %u %ss is reached at '%.*s'", id_limits[kind],
                       kind_names[kind], (int)name.size, (const char *)name.data);
    }
    SB_TRY(sb_store__names_add(view, kind, name, err));
    view->meta.name_counts[kind] = view->names[kind].count;
    view->writer.names_changed = true;
    *id = view->names[kind].count;
    return SB_OK;
}

void sb_store__names_truncate(sb_view *view, const uint32_t counts[SB_NAME_KINDS])
{
    for (unsigned kind = 0; kind < SB_NAME_KINDS; kind++) {
        sb_store__interner_truncate(&view->names[kind], counts[kind]);
    }
}
