/* filter.c — a condition on one property: compiled once, then asked of column words, of cells, or of whole rows.
 * Numbers compare across integers and floats, exactly: a range of numbers becomes a closed range of int64 and one of double,
 * each with just the values that lie in it. A range holds values of its bounds' class only, and never NaN. */
#include <math.h>

#include "graph/scan_priv.h"

/* ---- Compiling ------------------------------------------------------------------------------------------------ */

static bool copy_bytes(sb_arena *arena, const void **data, size_t size)
{
    const char *copy = sb_arena_strndup(arena, size == 0 ? "" : *data, size);
    *data = copy;
    return copy != NULL;
}

/* A copy that lives as long as arena. Lists hold no lists, so this goes one level down. */
static bool copy_value(sb_arena *arena, const sb_value *from, sb_value *to)
{
    *to = *from;
    if (from->type == SB_TYPE_STRING || from->type == SB_TYPE_BYTES)
        return copy_bytes(arena, &to->as.bytes.data, from->as.bytes.size);
    if (from->type == SB_TYPE_DATETIME && from->as.datetime.zone_size != 0)
        return (to->as.datetime.zone = sb_arena_strndup(arena, from->as.datetime.zone,
                                                        from->as.datetime.zone_size)) != NULL;
    if (from->type == SB_TYPE_LIST) {
        sb_value *items = sb_arena_alloc_array(arena, from->as.list.count, sizeof *items);
        if (items == NULL) return false;
        to->as.list.items = items;
        for (size_t i = 0; i < from->as.list.count; i++) {
            if (from->as.list.items[i].type == SB_TYPE_LIST)
                items[i] = SB_VALUE_NULL; /* no property is such a list: equal to none */
            else if (!copy_value(arena, &from->as.list.items[i], &items[i]))
                return false;
        }
    }
    return true;
}

static sb_status keep_value(sb_filter *filter, const sb_value *from, const sb_value **to,
                            sb_err *err)
{
    sb_value *copy;

    if (from == NULL) return SB_OK;
    copy = sb_arena_alloc(filter->owned, sizeof *copy);
    if (copy == NULL || !copy_value(filter->owned, from, copy)) return SB_FAIL_NOMEM(err);
    *to = copy;
    return SB_OK;
}

/* Values of one class can lie in one range. */
static uint32_t class_of(const sb_value *value)
{
    return value->type == SB_TYPE_FLOAT ? (uint32_t)SB_TYPE_INT : value->type;
}

static bool is_nan(const sb_value *value)
{
    return value->type == SB_TYPE_FLOAT && isnan(value->as.real);
}

/* Nothing compares with a null, a NaN, or what has one inside: such a value does not equal itself. */
static bool compares(const sb_value *value)
{
    return value->type != SB_TYPE_NULL && sb_value_equal(value, value);
}

#define TWO_63 9223372036854775808.0

/* The least int64 at (above) a bound; false: there is none. */
static bool least_word(const sb_value *bound, bool inclusive, int64_t *word)
{
    double whole;

    if (bound->type != SB_TYPE_FLOAT) {
        *word = bound->type == SB_TYPE_BOOL ? bound->as.boolean : bound->as.integer;
        return inclusive || !SB_ADD_OVERFLOWS(*word, (int64_t)1, word);
    }
    whole = inclusive ? ceil(bound->as.real) : floor(bound->as.real);
    if (whole >= TWO_63) return false;
    *word = INT64_MIN;
    if (whole < -TWO_63) return true;
    *word = (int64_t)whole;
    return inclusive || !SB_ADD_OVERFLOWS(*word, (int64_t)1, word);
}

static bool greatest_word(const sb_value *bound, bool inclusive, int64_t *word)
{
    double whole;

    if (bound->type != SB_TYPE_FLOAT) {
        *word = bound->type == SB_TYPE_BOOL ? bound->as.boolean : bound->as.integer;
        return inclusive || !SB_SUB_OVERFLOWS(*word, (int64_t)1, word);
    }
    whole = inclusive ? floor(bound->as.real) : ceil(bound->as.real);
    if (whole < -TWO_63) return false;
    *word = INT64_MAX;
    if (whole >= TWO_63) return true;
    *word = (int64_t)whole;
    return inclusive || !SB_SUB_OVERFLOWS(*word, (int64_t)1, word);
}

/* The double next to a bound that is inside the range, going up (toward is +infinity) for low ones, down for high ones;
 * false: there is none. */
static bool inner_real(const sb_value *bound, bool inclusive, double toward, double *out)
{
    const sb_value nearest = {.type = SB_TYPE_FLOAT,
                              .as.real = bound->type == SB_TYPE_FLOAT ? bound->as.real
                                                                      : (double)bound->as.integer};
    const int order =
        toward > 0 ? sb_value_compare(&nearest, bound) : sb_value_compare(bound, &nearest);

    *out = nearest.as.real;
    if (order > 0 || (order == 0 && inclusive)) return true;
    if (*out == toward) return false;
    *out = nextafter(*out, toward);
    return true;
}

/* Conditions that column words answer. */
static void compile_words(sb_filter *filter)
{
    const sb_value *low = filter->kind == SB_FILTER_EQUAL ? filter->equal : filter->low;
    const sb_value *high = filter->kind == SB_FILTER_EQUAL ? filter->equal : filter->high;
    const bool low_inclusive = filter->kind == SB_FILTER_EQUAL || filter->low_inclusive;
    const bool high_inclusive = filter->kind == SB_FILTER_EQUAL || filter->high_inclusive;

    switch (class_of(low != NULL ? low : high)) {
    case SB_TYPE_INT: filter->word_type = SB_CELL_INT; break;
    case SB_TYPE_BOOL: filter->word_type = SB_CELL_BOOL; break;
    case SB_TYPE_DATE: filter->word_type = SB_CELL_DATE; break;
    case SB_TYPE_LOCAL_TIME: filter->word_type = SB_CELL_LOCAL_TIME; break;
    default: return;
    }
    filter->word_low = INT64_MIN;
    filter->word_high = INT64_MAX;
    if ((low != NULL && !least_word(low, low_inclusive, &filter->word_low)) ||
        (high != NULL && !greatest_word(high, high_inclusive, &filter->word_high))) {
        filter->word_low = 1;
        filter->word_high = 0;
    }
    if (filter->word_type != SB_CELL_INT) return;
    filter->reals = true;
    filter->real_low = -(double)INFINITY;
    filter->real_high = (double)INFINITY;
    if ((low != NULL && !inner_real(low, low_inclusive, (double)INFINITY, &filter->real_low)) ||
        (high != NULL && !inner_real(high, high_inclusive, -(double)INFINITY, &filter->real_high)))
        filter->reals = false;
}

sb_status sb_filter__open(sb_graph *graph, const sb_scan_options *options, sb_filter *filter,
                          sb_err *err)
{
    *filter = (sb_filter){.alloc = graph->alloc,
                          .key = options->key,
                          .low_inclusive = options->low_inclusive,
                          .high_inclusive = options->high_inclusive};
    sb_buffer_init(&filter->words, graph->alloc);
    sb_buffer_init(&filter->present, graph->alloc);
    if (options->key == 0) return SB_OK;
    filter->kind = SB_FILTER_NOTHING;
    if (options->key >= SB_COLUMN_SYSTEM) return SB_OK;
    filter->owned = sb_arena_create(graph->alloc, NULL);
    filter->work = sb_arena_create(graph->alloc, NULL);
    if (filter->owned == NULL || filter->work == NULL) return SB_FAIL_NOMEM(err);
    if (options->equal != NULL) {
        if (!compares(options->equal)) return SB_OK;
        SB_TRY(keep_value(filter, options->equal, &filter->equal, err));
        filter->kind = SB_FILTER_EQUAL;
    } else if (options->low != NULL || options->high != NULL) {
        if ((options->low != NULL && !compares(options->low)) ||
            (options->high != NULL && !compares(options->high)))
            return SB_OK;
        if (options->low != NULL && options->high != NULL &&
            class_of(options->low) != class_of(options->high))
            return SB_OK;
        SB_TRY(keep_value(filter, options->low, &filter->low, err));
        SB_TRY(keep_value(filter, options->high, &filter->high, err));
        filter->kind = SB_FILTER_RANGE;
    } else {
        filter->kind = SB_FILTER_PRESENT;
        return SB_OK;
    }
    compile_words(filter);
    return SB_OK;
}

void sb_filter__close(sb_filter *filter)
{
    sb_arena_destroy(filter->owned);
    sb_arena_destroy(filter->work);
    sb_buffer_deinit(&filter->words);
    sb_buffer_deinit(&filter->present);
}

/* ---- Values and cells ---------------------------------------------------------------------------------------------- */

static bool value_matches(const sb_filter *filter, const sb_value *value)
{
    int order;

    if (filter->kind == SB_FILTER_EQUAL) return sb_value_equal(value, filter->equal);
    if (is_nan(value) ||
        class_of(value) != class_of(filter->low != NULL ? filter->low : filter->high))
        return false;
    if (filter->low != NULL) {
        order = sb_value_compare(value, filter->low);
        if (order < 0 || (order == 0 && !filter->low_inclusive)) return false;
    }
    if (filter->high == NULL) return true;
    order = sb_value_compare(value, filter->high);
    return order < 0 || (order == 0 && filter->high_inclusive);
}

static sb_status cell_matches(sb_filter *filter, sb_txn *txn, const sb_cell *cell, bool *matches,
                              sb_err *err)
{
    sb_value value;
    sb_status status;

    *matches = filter->kind == SB_FILTER_PRESENT;
    if (*matches) return SB_OK;
    if (filter->kind == SB_FILTER_EQUAL && filter->equal->type == SB_TYPE_STRING) {
        /* Told apart by type and length without reading the text, wherever it lies. */
        if (cell->type != SB_CELL_STRING || cell->word != filter->equal->as.bytes.size)
            return SB_OK;
        if (!cell->overflow) {
            *matches = cell->word == 0 || memcmp(cell->bytes.data, filter->equal->as.bytes.data,
                                                 filter->equal->as.bytes.size) == 0;
            return SB_OK;
        }
    }
    status = sb_value_from_cell(txn, cell, filter->work, &value, err);
    if (status == SB_OK) *matches = value_matches(filter, &value);
    sb_arena_reset(filter->work);
    return status;
}

sb_status sb_filter__row(sb_filter *filter, const sb_row *row, bool *matches, sb_err *err)
{
    sb_cell cell;

    *matches = filter->kind == SB_FILTER_NONE;
    if (filter->kind <= SB_FILTER_NOTHING || !sb_row_cell(row, filter->key, &cell)) return SB_OK;
    return cell_matches(filter, row->txn, &cell, matches, err);
}

typedef struct sb_keeping {
    sb_filter *filter;
    uint64_t *ids;
    size_t kept;
    sb_err *err;
} sb_keeping;

/* Those kept move down; the look-ups read ahead of that. */
static sb_status keep_row(void *ctx, size_t i, const sb_row *row)
{
    sb_keeping *keeping = ctx;
    const uint64_t id = keeping->ids[i];
    bool matches = false;

    if (row != NULL) SB_TRY(sb_filter__row(keeping->filter, row, &matches, keeping->err));
    if (matches) keeping->ids[keeping->kept++] = id;
    return SB_OK;
}

sb_status sb_filter__keep(sb_graph *graph, sb_filter *filter, const sb_tree *table, uint64_t *ids,
                          size_t *count, sb_err *err)
{
    sb_keeping keeping = {.filter = filter, .ids = ids, .err = err};

    SB_TRY(sb_rows_find(graph->txn, table, ids, *count, keep_row, &keeping, err));
    *count = keeping.kept;
    return SB_OK;
}

/* ---- Leaves -------------------------------------------------------------------------------------------------------- */

static bool has_room(sb_buffer *buffer, size_t bytes)
{
    sb_buffer_reset(buffer);
    return sb_buffer_reserve(buffer, bytes) == SB_OK;
}

/* Add the rows whose FLOAT lies in the range. */
static sb_status match_reals(sb_filter *filter, sb_row_scan *rows, size_t row_count,
                             uint8_t *matches, size_t *match_count, sb_err *err)
{
    uint64_t *words;
    bool any;

    if (!has_room(&filter->words, row_count * sizeof *words) ||
        !has_room(&filter->present, (row_count + 7) / 8))
        return SB_FAIL_NOMEM(err);
    words = (uint64_t *)(void *)filter->words.data;
    SB_TRY(sb_row_scan_words(rows, filter->key, SB_CELL_FLOAT, words, filter->present.data, &any,
                             err));
    if (!any) return SB_OK;
    for (size_t i = 0; i < row_count; i += 8) {
        const size_t take = row_count - i < 8 ? row_count - i : 8;
        unsigned bits = 0;
        for (size_t k = 0; k < take; k++) {
            double real;
            memcpy(&real, &words[i + k], sizeof real);
            bits |= (unsigned)(real >= filter->real_low && real <= filter->real_high) << k;
        }
        bits &= filter->present.data[i / 8];
        *match_count += sb_popcount64(bits); /* a row has one value: these bits are not set yet */
        matches[i / 8] = (uint8_t)(matches[i / 8] | bits);
    }
    return SB_OK;
}

static sb_status match_cells(sb_filter *filter, sb_row_scan *rows, size_t row_count,
                             const uint8_t *candidates, uint8_t *matches, size_t *match_count,
                             sb_err *err)
{
    *match_count = 0;
    memset(matches, 0, (row_count + 7) / 8);
    for (size_t i = 0; i < row_count; i++) {
        bool row_matches;
        if (candidates != NULL) i = sb_bits_next(candidates, i, row_count);
        if (i == row_count) break;
        SB_TRY(sb_filter__row(filter, sb_row_scan_row(rows, i), &row_matches, err));
        if (!row_matches) continue;
        sb_bit_set(matches, i);
        ++*match_count;
    }
    return SB_OK;
}

sb_status sb_filter__leaf(sb_filter *filter, sb_row_scan *rows, size_t row_count,
                          const uint8_t *candidates, uint8_t *matches, size_t *match_count,
                          sb_err *err)
{
    if (filter->word_type == 0)
        return match_cells(filter, rows, row_count, candidates, matches, match_count, err);
    SB_TRY(sb_row_scan_filter_int(rows, filter->key, filter->word_type, filter->word_low,
                                  filter->word_high, matches, match_count, err));
    return filter->reals ? match_reals(filter, rows, row_count, matches, match_count, err) : SB_OK;
}
