/* index_key.c — the key of a property index entry: the keys of its values in order, then the entity's id. No value's
 * key is a prefix of another's, so entries are in order of the values and, of equal ones, of the ids. */
#include "store/index_priv.h"
#include "store/value_priv.h"

sb_status sb_index__value_limit(const sb_view *view, size_t key_count, size_t *limit, sb_err *err)
{
    const uint32_t bytes = sb_tree_key_limit(sb_pager_page_bytes(view->pager));

    *limit = (bytes - SB_ENTRY_ID_BYTES) / key_count;
    if (SB_NEVER(*limit < SB_KEY_LIMIT_MIN))
        return SB_FAIL(err, SB_LIMIT, "an index of %zu keys does not fit the page size", key_count);
    return SB_OK;
}

sb_status sb_index__schema(sb_view *view, uint32_t schema_id, sb_store__schema **schema,
                           sb_err *err)
{
    *schema = sb_store__schema_of(view, schema_id);
    if (SB_UNLIKELY(*schema == NULL || !(*schema)->definition.has_tree))
        return SB_FAIL(err, SB_NOT_FOUND, "there is no index with number %u", schema_id);
    return SB_OK;
}

sb_status sb_index__append_values(const sb_value *values, size_t value_count, size_t limit,
                                  sb_buffer *key, bool *cut, bool *matches, sb_err *err)
{
    bool one_cut;

    *cut = false;
    *matches = true;
    for (size_t i = 0; i < value_count; i++) {
        if (values[i].type == SB_TYPE_NULL || sb_value__has_nan(&values[i])) *matches = false;
        SB_TRY(sb_value_append_key(&values[i], limit, key, &one_cut, err));
        *cut |= one_cut;
    }
    return SB_OK;
}

/* The keys of the values of an entry; a null has none. */
static sb_status append_entry_values(const sb_value *values, size_t value_count, size_t limit,
                                     sb_buffer *key, bool *cut, sb_err *err)
{
    bool one_cut;

    *cut = false;
    for (size_t i = 0; i < value_count; i++) {
        if (SB_UNLIKELY(values[i].type == SB_TYPE_NULL || values[i].type > SB_TYPE_LIST))
            return SB_FAIL(err, SB_MISUSE, "%s has no entry in an index",
                           sb_type_name(values[i].type));
        SB_TRY(sb_value_append_key(&values[i], limit, key, &one_cut, err));
        *cut |= one_cut;
    }
    return SB_OK;
}

/* Keys of values that are no nulls, then the id unless it is 0. On failure nothing was appended. */
static sb_status append_key(const sb_value *values, size_t value_count, size_t limit, uint64_t id,
                            sb_buffer *key, bool *cut, sb_err *err)
{
    const size_t size_before = key->size;

    sb_status st = append_entry_values(values, value_count, limit, key, cut, err);
    if (st == SB_OK && id != 0) {
        st = sb_buffer_reserve(key, 8) == SB_OK ? SB_OK : SB_FAIL_NOMEM(err);
        if (st == SB_OK) {
            sb_store_be64(key->data + key->size, id << (64 - 8 * SB_ENTRY_ID_BYTES));
            key->size += SB_ENTRY_ID_BYTES;
        }
    }
    if (SB_UNLIKELY(st != SB_OK)) key->size = size_before;
    return st;
}

sb_status sb_index_form_of(sb_view *view, uint32_t schema_id, sb_index_form *form, sb_err *err)
{
    sb_store__schema *schema;

    *form = (sb_index_form){.key_count = 0};
    SB_TRY(sb_index__schema(view, schema_id, &schema, err));
    form->key_count = schema->definition.key_count;
    return sb_index__value_limit(view, form->key_count, &form->limit, err);
}

sb_status sb_index_append(const sb_index_form *form, const sb_value *values, uint64_t id,
                          sb_buffer *key, sb_err *err)
{
    bool cut;

    SB_ASSERT(id != 0 && id <= SB_ID_MAX);
    return append_key(values, form->key_count, form->limit, id, key, &cut, err);
}

sb_status sb_index_key(sb_view *view, uint32_t schema_id, const sb_value *values,
                       size_t value_count, uint64_t id, sb_buffer *key, bool *cut, sb_err *err)
{
    sb_index_form form;

    *cut = false;
    SB_TRY(sb_index_form_of(view, schema_id, &form, err));
    const size_t key_count = form.key_count;
    if (value_count > key_count || (id != 0 && value_count != key_count) || id > SB_ID_MAX)
        return SB_FAIL(err, SB_MISUSE, "index %u: no entry has %zu values and id %llu", schema_id,
                       value_count, (unsigned long long)id);
    return append_key(values, value_count, form.limit, id, key, cut, err);
}

sb_status sb_index_entry_id(sb_bytes key, uint64_t *id, sb_err *err)
{
    *id = 0;
    if (SB_LIKELY(key.size > SB_ENTRY_ID_BYTES)) {
        const uint8_t *bytes = key.data + key.size - SB_ENTRY_ID_BYTES;
        *id = (uint64_t)bytes[0] << 32 | sb_load_be32(bytes + 1);
    }
    return SB_LIKELY(*id != 0) ? SB_OK : SB_FAIL(err, SB_CORRUPT, "an index entry has no id");
}
