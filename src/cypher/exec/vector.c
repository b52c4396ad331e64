/* vector.c — making vectors: output columns that keep their memory, gathering rows, views of one row. */
#include "cypher/exec/exec_priv.h"

static const uint8_t one_null[1] = {1};

static size_t width_of(sb_vector_kind kind)
{
    return kind == SB_VECTOR_ANY ? sizeof(sb_val) : kind == SB_VECTOR_BOOL ? 1u : sizeof(uint64_t);
}

void sb_exec__out_free(sb_exec *run, sb_out *out)
{
    sb_free(run->alloc, out->block, out->block_bytes);
    *out = (sb_out){.block = NULL};
}

/* Where the bitmap begins: behind the values, on a multiple of 16. */
static size_t nulls_at(sb_vector_kind kind, uint32_t count)
{
    return (count * width_of(kind) + 15) & ~(size_t)15;
}

void *sb_exec__out_begin(sb_exec *run, sb_out *out, sb_vector_kind kind, uint32_t count)
{
    const size_t bytes = nulls_at(kind, count) + (kind == SB_VECTOR_ANY ? 0 : (count + 7u) / 8);

    if (SB_UNLIKELY(bytes > out->block_bytes || out->block == NULL)) {
        const size_t wanted = (size_t)sb_pow2_ceil(bytes < 128 ? 128 : bytes);
        uint8_t *block = sb_alloc(run->alloc, wanted);
        if (block == NULL) return NULL;
        sb_free(run->alloc, out->block, out->block_bytes);
        out->block = block;
        out->block_bytes = wanted;
    }
    out->vector = (sb_vector){.kind = (uint8_t)kind, .as.data = out->block};
    return out->block;
}

uint8_t *sb_exec__out_nulls(sb_out *out, uint32_t count)
{
    uint8_t *nulls = out->block + nulls_at((sb_vector_kind)out->vector.kind, count);

    memset(nulls, 0, (count + 7u) / 8);
    out->vector.nulls = nulls;
    return nulls;
}

static void gather_nulls(sb_out *out, const sb_vector *in, const uint32_t *rows, uint32_t count)
{
    uint8_t *nulls = sb_exec__out_nulls(out, count);

    for (uint32_t i = 0; i < count; i++)
        if (sb_bit_get(in->nulls, rows[i])) sb_bit_set(nulls, i);
}

sb_status sb_exec__gather(sb_exec *run, sb_out *out, const sb_vector *in, const uint32_t *rows,
                          uint32_t count)
{
    if (in->constant) {
        out->vector = *in;
        return SB_OK;
    }
    void *to = sb_exec__out_begin(run, out, (sb_vector_kind)in->kind, count);
    if (to == NULL) return sb_exec__no_memory(run);
    if (in->kind == SB_VECTOR_ANY) {
        sb_val *vals = to;
        for (uint32_t i = 0; i < count; i++)
            vals[i] = in->as.vals[rows[i]];
    } else if (in->kind == SB_VECTOR_BOOL) {
        uint8_t *bools = to;
        for (uint32_t i = 0; i < count; i++)
            bools[i] = in->as.bools[rows[i]];
    } else {
        uint64_t *words = to;
        for (uint32_t i = 0; i < count; i++)
            words[i] = in->as.ids[rows[i]];
    }
    if (in->nulls != NULL) gather_nulls(out, in, rows, count);
    return SB_OK;
}

sb_status sb_exec__gather_nulls(sb_exec *run, sb_out *out, const sb_vector *in,
                                const uint32_t *rows, uint32_t count)
{
    sb_val vals[SB_BATCH_ROWS];
    uint32_t nulls = 0;

    for (uint32_t i = 0; i < count; i++)
        nulls += rows[i] == UINT32_MAX;
    if (nulls == 0) return sb_exec__gather(run, out, in, rows, count);
    for (uint32_t i = 0; i < count; i++)
        vals[i] = rows[i] == UINT32_MAX ? SB_VAL_NULL_VALUE : sb_vector_at(in, rows[i]);
    return sb_exec__out_from_vals(run, out, vals, count);
}

/* The kind of vector that holds values of a kind as they are. */
static sb_vector_kind kind_for(uint8_t val_kind)
{
    switch (val_kind) {
    case SB_VAL_BOOL: return SB_VECTOR_BOOL;
    case SB_VAL_INT: return SB_VECTOR_INT;
    case SB_VAL_FLOAT: return SB_VECTOR_FLOAT;
    case SB_VAL_NODE: return SB_VECTOR_NODE;
    case SB_VAL_REL: return SB_VECTOR_REL;
    default: return SB_VECTOR_ANY;
    }
}

sb_status sb_exec__out_constant(sb_exec *run, sb_out *out, sb_val value)
{
    const sb_vector_kind kind = kind_for(value.kind);
    void *to = sb_exec__out_begin(run, out, kind, 1);

    if (to == NULL) return sb_exec__no_memory(run);
    if (kind == SB_VECTOR_ANY)
        *(sb_val *)to = value;
    else if (kind == SB_VECTOR_BOOL)
        *(uint8_t *)to = value.as.boolean;
    else
        *(uint64_t *)to = value.as.id;
    out->vector.constant = true;
    return SB_OK;
}

/* The kind of all values but nulls; SB_VECTOR_ANY when they differ, or all are null. */
static sb_vector_kind common_kind(const sb_val *vals, uint32_t count, bool *nulls)
{
    uint8_t kind = SB_VAL_NULL;

    *nulls = false;
    for (uint32_t i = 0; i < count; i++) {
        if (vals[i].kind == SB_VAL_NULL)
            *nulls = true;
        else if (kind == SB_VAL_NULL)
            kind = vals[i].kind;
        else if (kind != vals[i].kind)
            return SB_VECTOR_ANY;
    }
    return kind_for(kind);
}

sb_status sb_exec__out_from_vals(sb_exec *run, sb_out *out, const sb_val *vals, uint32_t count)
{
    bool with_nulls;
    const sb_vector_kind kind = common_kind(vals, count, &with_nulls);
    const bool own = out->block != NULL && (const void *)vals == out->block;
    uint8_t *nulls = NULL;

    /* Narrower values may be written over out's own, from the front: entry i ends before val i + 1 begins. The bitmap would not be
     * clear of them, so out's own values with nulls stay as they are. */
    if (own && (kind == SB_VECTOR_ANY || with_nulls)) {
        out->vector = (sb_vector){.kind = SB_VECTOR_ANY, .as.data = out->block};
        return SB_OK;
    }
    void *to = sb_exec__out_begin(run, out, kind, count);
    if (to == NULL) return sb_exec__no_memory(run);
    if (kind == SB_VECTOR_ANY) {
        memcpy(to, vals, count * sizeof *vals);
        return SB_OK;
    }
    if (with_nulls) nulls = sb_exec__out_nulls(out, count);
    for (uint32_t i = 0; i < count; i++) {
        const sb_val v = vals[i];
        if (v.kind == SB_VAL_NULL) sb_bit_set(nulls, i);
        if (kind == SB_VECTOR_BOOL)
            ((uint8_t *)to)[i] = v.kind != SB_VAL_NULL && v.as.boolean;
        else
            ((uint64_t *)to)[i] = v.kind == SB_VAL_NULL ? 0 : v.as.id;
    }
    return SB_OK;
}

sb_vector sb_exec__row_view(const sb_vector *v, uint32_t row)
{
    sb_vector view = *v;

    if (v->constant) return view;
    view.constant = true;
    view.nulls = v->nulls != NULL && sb_bit_get(v->nulls, row) ? one_null : NULL;
    if (v->kind == SB_VECTOR_ANY)
        view.as.vals += row;
    else if (v->kind == SB_VECTOR_BOOL)
        view.as.bools += row;
    else
        view.as.ids += row;
    return view;
}

sb_status sb_exec__ids(sb_exec *run, const sb_batch *in, const sb_var *var, sb_vector_kind kind,
                       sb_out *scratch, const uint64_t **ids)
{
    const uint8_t wanted = kind == SB_VECTOR_NODE ? SB_VAL_NODE : SB_VAL_REL;
    const sb_vector *v;

    SB_TRY(sb_exec__column(run, in, var, &v));
    if (v->kind == kind && !v->constant && v->nulls == NULL) {
        *ids = v->as.ids;
        return SB_OK;
    }
    uint64_t *to = sb_exec__out_begin(run, scratch, kind, in->row_count);
    if (to == NULL) return sb_exec__no_memory(run);
    for (uint32_t i = 0; i < in->row_count; i++) {
        const sb_val value = sb_vector_at(v, i);
        if (value.kind != wanted && value.kind != SB_VAL_NULL)
            return sb_exec__type_error(run, "pattern",
                                       kind == SB_VECTOR_NODE ? "a node" : "a relationship", value);
        to[i] = value.kind == SB_VAL_NULL ? 0 : value.as.id;
    }
    *ids = to;
    return SB_OK;
}
