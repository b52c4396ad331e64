/* aggregate.c — aggregation: states that are updated row by row, merged when made in parts, replayed when they have been put
 * aside, and finished. A state begins as zeros;
 * what it keeps lies in the arena that it is updated with. Nulls don't come here, nor repeated values of DISTINCT. */
#include <math.h>

#include "cypher/func/func_priv.h"

/* ---- count --------------------------------------------------------------------------------------------------- */

typedef struct count_state {
    uint64_t count;
} count_state;

static sb_status count_update(sb_func_context *ctx, sb_arena *arena, void *state,
                              const sb_val *args, uint32_t arg_count)
{
    count_state *s = state;

    (void)ctx;
    (void)arena;
    (void)args;
    (void)arg_count;
    s->count++;
    return SB_OK;
}

static sb_status count_merge(sb_func_context *ctx, sb_arena *arena, void *state, const void *other)
{
    (void)ctx;
    (void)arena;
    ((count_state *)state)->count += ((const count_state *)other)->count;
    return SB_OK;
}

static sb_status count_finish(sb_func_context *ctx, void *state, sb_val *result)
{
    (void)ctx;
    *result = sb_val_int((int64_t)((count_state *)state)->count);
    return SB_OK;
}

const sb_aggregate sb_func__count = {
    sizeof(count_state), count_update, count_merge, count_finish, NULL, true, false, NULL};

/* ---- sum, avg ---------------------------------------------------------------------------------------------------- */

/* Integers are summed in 128 bits, so that only the result can overflow, and floats exactly: the order of rows does not matter, nor does
 * whether parts of them are summed apart. */
typedef struct sum_state {
    uint64_t integers, reals, durations;
    sb_i128 integer;
    sb_exact_sum real;
    sb_amounts amounts;
} sum_state;

static sb_status sum_value(sb_func_context *ctx, sb_arena *arena, const char *name, sum_state *s,
                           sb_val v)
{
    sb_amounts amounts;

    switch (v.kind) {
    case SB_VAL_INT:
        s->integers++;
        s->integer += v.as.integer;
        break;
    case SB_VAL_FLOAT:
        s->reals++;
        if (!sb_exact_sum_add(&s->real, arena, v.as.real)) return SB_FAIL_NOMEM(ctx->err);
        break;
    case SB_VAL_DURATION:
        s->durations++;
        amounts = sb_func__amounts_of(v);
        s->amounts.months += amounts.months;
        s->amounts.days += amounts.days;
        s->amounts.nanos += amounts.nanos;
        break;
    default: return sb_func__fail_arg(ctx, name, "numbers or DURATIONs", v);
    }
    if (s->durations != 0 && s->integers + s->reals != 0)
        return SB_FUNC_FAIL_VALUE(ctx, "%s() can't add numbers and DURATIONs", name);
    return SB_OK;
}

static sb_status sum_update(sb_func_context *ctx, sb_arena *arena, void *state, const sb_val *args,
                            uint32_t arg_count)
{
    (void)arg_count;
    return sum_value(ctx, arena, "sum", state, args[0]);
}

static sb_status avg_update(sb_func_context *ctx, sb_arena *arena, void *state, const sb_val *args,
                            uint32_t arg_count)
{
    (void)arg_count;
    return sum_value(ctx, arena, "avg", state, args[0]);
}

static sb_status sum_merge(sb_func_context *ctx, sb_arena *arena, void *state, const void *other)
{
    sum_state *s = state;
    const sum_state *o = other;

    s->integers += o->integers;
    s->reals += o->reals;
    s->durations += o->durations;
    s->integer += o->integer;
    if (!sb_exact_sum_merge(&s->real, arena, &o->real)) return SB_FAIL_NOMEM(ctx->err);
    s->amounts.months += o->amounts.months;
    s->amounts.days += o->amounts.days;
    s->amounts.nanos += o->amounts.nanos;
    if (s->durations != 0 && s->integers + s->reals != 0)
        return SB_FUNC_FAIL_VALUE(ctx, "numbers and DURATIONs can't be added");
    return SB_OK;
}

static sb_status sum_finish(sb_func_context *ctx, void *state, sb_val *result)
{
    const sum_state *s = state;

    if (s->durations != 0) return sb_func__duration(ctx, &s->amounts, result);
    if (s->reals != 0) {
        *result = sb_val_float(sb_exact_sum_value(&s->real) + (double)s->integer);
        return SB_OK;
    }
    if (s->integer > INT64_MAX || s->integer < INT64_MIN)
        return SB_FUNC_FAIL_OVERFLOW(ctx, "the sum() of these INTEGERs does not fit 64 bits");
    *result = sb_val_int((int64_t)s->integer);
    return SB_OK;
}

static sb_status avg_finish(sb_func_context *ctx, void *state, sb_val *result)
{
    const sum_state *s = state;
    const uint64_t numbers = s->integers + s->reals;

    *result = SB_VAL_NULL_VALUE;
    if (s->durations != 0) {
        const sb_amounts average = sb_func__amounts_divide(s->amounts, (int64_t)s->durations);
        return sb_func__duration(ctx, &average, result);
    }
    const double sum = sb_exact_sum_value(&s->real) + (double)s->integer;
    if (numbers != 0) /* integers are nothing beside a sum that no double holds */
        *result =
            sb_val_float(isinf(sum) ? sb_exact_sum_mean(&s->real, numbers) : sum / (double)numbers);
    return SB_OK;
}

static sb_exact_sum *sum_of(void *state)
{
    return &((sum_state *)state)->real;
}

const sb_aggregate sb_func__sum = {
    sizeof(sum_state), sum_update, sum_merge, sum_finish, NULL, true, false, sum_of};
const sb_aggregate sb_func__avg = {
    sizeof(sum_state), avg_update, sum_merge, avg_finish, NULL, true, false, sum_of};

/* ---- min, max -------------------------------------------------------------------------------------------------------- */

/* A string that is replaced by another lies in room, which grows by doubling: else rows in ascending order would fill the arena. */
typedef struct extreme_state {
    bool any;
    sb_val value;
    uint8_t *room;
    size_t room_bytes;
} extreme_state;

static sb_status keep(sb_func_context *ctx, sb_arena *arena, extreme_state *s, sb_val v)
{
    s->any = true;
    if (v.kind != SB_VAL_STRING) return sb_val_copy(arena, v, &s->value, ctx->err);
    if (v.aux > s->room_bytes) {
        const size_t bytes = (size_t)v.aux * 2;
        uint8_t *room = sb_arena_alloc(arena, bytes);
        if (room == NULL) return SB_FAIL_NOMEM(ctx->err);
        s->room = room;
        s->room_bytes = bytes;
    }
    if (v.aux != 0) memcpy(s->room, v.as.text, v.aux);
    s->value = sb_val_string(sb_bytes_of(s->room, v.aux));
    return SB_OK;
}

static sb_status min_update(sb_func_context *ctx, sb_arena *arena, void *state, const sb_val *args,
                            uint32_t arg_count)
{
    extreme_state *s = state;

    (void)arg_count;
    SB_TRY(sb_func_work(ctx, sb_val_work(args[0])));
    if (s->any && sb_val_order(args[0], s->value) >= 0) return SB_OK;
    return keep(ctx, arena, s, args[0]);
}

static sb_status max_update(sb_func_context *ctx, sb_arena *arena, void *state, const sb_val *args,
                            uint32_t arg_count)
{
    extreme_state *s = state;

    (void)arg_count;
    SB_TRY(sb_func_work(ctx, sb_val_work(args[0])));
    if (s->any && sb_val_order(args[0], s->value) <= 0) return SB_OK;
    return keep(ctx, arena, s, args[0]);
}

static sb_status min_merge(sb_func_context *ctx, sb_arena *arena, void *state, const void *other)
{
    const extreme_state *o = other;
    return o->any ? min_update(ctx, arena, state, &o->value, 1) : SB_OK;
}

static sb_status max_merge(sb_func_context *ctx, sb_arena *arena, void *state, const void *other)
{
    const extreme_state *o = other;
    return o->any ? max_update(ctx, arena, state, &o->value, 1) : SB_OK;
}

static sb_status extreme_finish(sb_func_context *ctx, void *state, sb_val *result)
{
    const extreme_state *s = state;

    *result = SB_VAL_NULL_VALUE;
    return s->any ? sb_val_copy(ctx->arena, s->value, result, ctx->err) : SB_OK;
}

static sb_status extreme_replay(const void *state, sb_status (*give)(void *ctx, const sb_val *args),
                                void *ctx)
{
    const extreme_state *s = state;

    return s->any ? give(ctx, &s->value) : SB_OK;
}

const sb_aggregate sb_func__min = {sizeof(extreme_state), min_update, min_merge, extreme_finish,
                                   extreme_replay,        true,       false,     NULL};
const sb_aggregate sb_func__max = {sizeof(extreme_state), max_update, max_merge, extreme_finish,
                                   extreme_replay,        true,       false,     NULL};

/* ---- collect, percentiles: values kept in chunks that double ------------------------------------------------------------ */

typedef struct chunk {
    struct chunk *next;
    uint32_t count, room;
    sb_val items[];
} chunk;

typedef struct collect_state {
    chunk *first, *last;
    uint64_t count;
    bool has_percentile;
    double percentile;
} collect_state;

#define CHUNK_FIRST 4u
#define CHUNK_LAST  4096u

static sb_status collect_value(sb_func_context *ctx, sb_arena *arena, collect_state *s, sb_val v)
{
    if (s->last == NULL || s->last->count == s->last->room) {
        const uint32_t room = s->last == NULL              ? CHUNK_FIRST
                              : s->last->room < CHUNK_LAST ? s->last->room * 2
                                                           : CHUNK_LAST;
        chunk *added = sb_arena_alloc(arena, sizeof *added + room * sizeof(sb_val));
        if (added == NULL) return SB_FAIL_NOMEM(ctx->err);
        *added = (chunk){.room = room};
        if (s->last == NULL)
            s->first = added;
        else
            s->last->next = added;
        s->last = added;
    }
    SB_TRY(sb_val_copy(arena, v, &s->last->items[s->last->count], ctx->err));
    s->last->count++;
    s->count++;
    return SB_OK;
}

static sb_status collect_update(sb_func_context *ctx, sb_arena *arena, void *state,
                                const sb_val *args, uint32_t arg_count)
{
    (void)arg_count;
    return collect_value(ctx, arena, state, args[0]);
}

static sb_status collect_merge(sb_func_context *ctx, sb_arena *arena, void *state,
                               const void *other)
{
    const collect_state *o = other;
    collect_state *s = state;

    if (o->has_percentile && !s->has_percentile) { /* the first row's counts */
        s->has_percentile = true;
        s->percentile = o->percentile;
    }
    for (const chunk *c = o->first; c != NULL; c = c->next)
        for (uint32_t i = 0; i < c->count; i++)
            SB_TRY(collect_value(ctx, arena, s, c->items[i]));
    return SB_OK;
}

/* All values in one list; texts and what else they point at stay in the state's arena, which outlives the result's use. */
static sb_status gather(sb_func_context *ctx, const collect_state *s, sb_val_list **list,
                        unsigned *depth)
{
    uint64_t at = 0;

    *depth = 0;
    SB_TRY(sb_func__list(ctx, s->count, list));
    for (const chunk *c = s->first; c != NULL; c = c->next) {
        if (c->room == CHUNK_LAST && ctx->poll != NULL) SB_TRY(ctx->poll(ctx->poll_ctx));
        SB_TRY(sb_func__fill(ctx, *list, at, c->items, c->count, depth));
        at += c->count;
    }
    return SB_OK;
}

static sb_status collect_finish(sb_func_context *ctx, void *state, sb_val *result)
{
    sb_val_list *list;
    unsigned depth;

    SB_TRY(gather(ctx, state, &list, &depth));
    return sb_val_list_seal_at(list, depth, result, ctx->err);
}

/* Of percentiles, too. */
static sb_status collect_replay(const void *state, sb_status (*give)(void *ctx, const sb_val *args),
                                void *ctx)
{
    const collect_state *s = state;
    sb_val args[2] = {SB_VAL_NULL_VALUE, sb_val_float(s->percentile)};

    for (const chunk *c = s->first; c != NULL; c = c->next)
        for (uint32_t i = 0; i < c->count; i++) {
            args[0] = c->items[i];
            SB_TRY(give(ctx, args));
        }
    return SB_OK;
}

const sb_aggregate sb_func__collect = {
    sizeof(collect_state), collect_update, collect_merge, collect_finish,
    collect_replay,        false,          false,         NULL};

static sb_status take_number(sb_func_context *ctx, sb_arena *arena, const char *name,
                             collect_state *s, const sb_val *args)
{
    if (!sb_func__is_number(args[0])) return sb_func__fail_arg(ctx, name, "numbers", args[0]);
    if (!s->has_percentile) {
        if (!sb_func__is_number(args[1]))
            return sb_func__fail_arg(ctx, name, "a number between 0 and 1", args[1]);
        s->percentile = sb_func__real(args[1]);
        if (!(s->percentile >= 0.0 && s->percentile <= 1.0))
            return SB_FUNC_FAIL_RANGE(ctx, "a percentile lies between 0.0 and 1.0: %g does not",
                                      isnan(s->percentile) ? fabs(s->percentile) : s->percentile);
        s->has_percentile = true;
    }
    return collect_value(ctx, arena, s, args[0]);
}

static sb_status percentile_disc_update(sb_func_context *ctx, sb_arena *arena, void *state,
                                        const sb_val *args, uint32_t arg_count)
{
    (void)arg_count;
    return take_number(ctx, arena, "percentileDisc", state, args);
}

static sb_status percentile_cont_update(sb_func_context *ctx, sb_arena *arena, void *state,
                                        const sb_val *args, uint32_t arg_count)
{
    (void)arg_count;
    return take_number(ctx, arena, "percentileCont", state, args);
}

static void sift_down(sb_val *heap, uint64_t root, uint64_t count)
{
    for (;;) {
        uint64_t child = 2 * root + 1;
        if (child >= count) return;
        if (child + 1 < count && sb_val_order(heap[child], heap[child + 1]) < 0) child++;
        if (sb_val_order(heap[root], heap[child]) >= 0) return;
        const sb_val moved = heap[root];
        heap[root] = heap[child];
        heap[child] = moved;
        root = child;
    }
}

/* Values sifted between two questions whether to go on: each may miss the cache twenty times. */
#define SIFTED_AT_ONCE 1024u

static sb_status poll_sifting(const sb_func_context *ctx, uint64_t i)
{
    return i % SIFTED_AT_ONCE != 0 || ctx->poll == NULL ? SB_OK : ctx->poll(ctx->poll_ctx);
}

static sb_status sort_values(sb_func_context *ctx, sb_val *items, uint64_t count)
{
    for (uint64_t root = count / 2; root-- > 0;) {
        SB_TRY(poll_sifting(ctx, root));
        sift_down(items, root, count);
    }
    for (uint64_t last = count; last-- > 1;) {
        SB_TRY(poll_sifting(ctx, last));
        const sb_val largest = items[0];
        items[0] = items[last];
        items[last] = largest;
        sift_down(items, 0, last);
    }
    return SB_OK;
}

/* The nearest value that is not below the percentile. */
static sb_status percentile_disc_finish(sb_func_context *ctx, void *state, sb_val *result)
{
    const collect_state *s = state;
    sb_val_list *list;
    unsigned depth;

    *result = SB_VAL_NULL_VALUE;
    if (s->count == 0) return SB_OK;
    SB_TRY(gather(ctx, s, &list, &depth));
    SB_TRY(sort_values(ctx, list->items, list->count));
    const double place = ceil(s->percentile * (double)s->count);
    const uint64_t rank = place < 1.0 ? 1 : (uint64_t)place;
    *result = list->items[(rank < s->count ? rank : s->count) - 1];
    return SB_OK;
}

/* Between the two nearest, in proportion. */
static sb_status percentile_cont_finish(sb_func_context *ctx, void *state, sb_val *result)
{
    const collect_state *s = state;
    sb_val_list *list;
    unsigned depth;

    *result = SB_VAL_NULL_VALUE;
    if (s->count == 0) return SB_OK;
    SB_TRY(gather(ctx, s, &list, &depth));
    SB_TRY(sort_values(ctx, list->items, list->count));
    const double place = s->percentile * (double)(s->count - 1);
    const uint64_t low = (uint64_t)floor(place);
    const uint64_t high = low + 1 < s->count ? low + 1 : low;
    const double a = sb_func__real(list->items[low]), b = sb_func__real(list->items[high]);
    const double share = place - (double)low;
    *result = sb_val_float(share == 0.0 ? a : a * (1.0 - share) + b * share);
    return SB_OK;
}

const sb_aggregate sb_func__percentile_disc = {sizeof(collect_state),
                                               percentile_disc_update,
                                               collect_merge,
                                               percentile_disc_finish,
                                               collect_replay,
                                               true,
                                               false,
                                               NULL};
const sb_aggregate sb_func__percentile_cont = {sizeof(collect_state),
                                               percentile_cont_update,
                                               collect_merge,
                                               percentile_cont_finish,
                                               collect_replay,
                                               true,
                                               false,
                                               NULL};

/* ---- stDev, stDevP -------------------------------------------------------------------------------------------------------- */

/* Mean and sum of squared distances from it, updated at each value (Welford 1962), merged as Chan et al. (1979) say. Values are taken times a power
 * of two that makes all of them less than 1, so that neither the distance of two doubles nor its square overflows; nor do squares of small
 * ones vanish. */
typedef struct deviation_state {
    double count, mean, squares;
    double factor;    /* 2 ^ -exponent; 0: all values were 0 so far */
    int32_t exponent; /* of the largest value */
} deviation_state;

#define EXPONENT_MIN (-1000) /* whose factor is a double */

static void scale_deviation(deviation_state *s, int32_t exponent)
{
    s->mean = ldexp(s->mean, s->exponent - exponent);
    s->squares = ldexp(s->squares, 2 * (s->exponent - exponent));
    s->factor = ldexp(1.0, -exponent);
    s->exponent = exponent;
}

static void fit_deviation(deviation_state *s, double v)
{
    int exponent = 0;

    if (isfinite(v))
        (void)frexp(v, &exponent);
    else if (s->factor != 0.0)
        return; /* the result is none, whatever the scale */
    scale_deviation(s, exponent < EXPONENT_MIN ? EXPONENT_MIN : exponent);
}

static sb_status deviation_update(sb_func_context *ctx, sb_arena *arena, void *state,
                                  const sb_val *args, uint32_t arg_count)
{
    deviation_state *s = state;

    (void)arena;
    (void)arg_count;
    if (!sb_func__is_number(args[0])) return sb_func__fail_arg(ctx, "stDev", "numbers", args[0]);
    const double v = sb_func__real(args[0]);
    if (s->factor == 0.0 ? v != 0.0 : fabs(v * s->factor) >= 1.0) fit_deviation(s, v);
    const double scaled = v * s->factor, before = scaled - s->mean;
    s->count += 1.0;
    s->mean += before / s->count;
    s->squares += before * (scaled - s->mean);
    return SB_OK;
}

static sb_status deviation_merge(sb_func_context *ctx, sb_arena *arena, void *state,
                                 const void *other)
{
    deviation_state *s = state;
    deviation_state o = *(const deviation_state *)other;
    const double count = s->count + o.count;

    (void)ctx;
    (void)arena;
    if (o.count == 0.0) return SB_OK;
    if (o.factor != 0.0 && (s->factor == 0.0 || o.exponent > s->exponent))
        scale_deviation(s, o.exponent);
    else if (o.factor != 0.0)
        scale_deviation(&o, s->exponent);
    const double distance = o.mean - s->mean;
    s->squares += o.squares + distance * distance * s->count * o.count / count;
    s->mean += distance * o.count / count;
    s->count = count;
    return SB_OK;
}

static void finish_deviation(const deviation_state *s, double least, sb_val *result)
{
    *result = sb_val_float(
        s->count < least ? 0.0 : ldexp(sqrt(s->squares / (s->count - least + 1.0)), s->exponent));
}

static sb_status deviation_finish(sb_func_context *ctx, void *state, sb_val *result)
{
    (void)ctx;
    finish_deviation(state, 2.0, result);
    return SB_OK;
}

static sb_status deviation_p_finish(sb_func_context *ctx, void *state, sb_val *result)
{
    (void)ctx;
    finish_deviation(state, 1.0, result);
    return SB_OK;
}

const sb_aggregate sb_func__st_dev = {sizeof(deviation_state),
                                      deviation_update,
                                      deviation_merge,
                                      deviation_finish,
                                      NULL,
                                      true,
                                      true,
                                      NULL};
const sb_aggregate sb_func__st_dev_p = {sizeof(deviation_state),
                                        deviation_update,
                                        deviation_merge,
                                        deviation_p_finish,
                                        NULL,
                                        true,
                                        true,
                                        NULL};
