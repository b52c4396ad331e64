/* fetch.c — one property, the label set or the ends of many entities at once, as arrays.
 * A property's array begins as that of the first value's type. When a value of another type comes, what is there becomes sb_values. */
#include "graph/graph_priv.h"

/* ---- Properties ------------------------------------------------------------------------------------------- */

typedef struct fetching {
    sb_reader reader;
    sb_key_id key;
    size_t count;
    size_t first; /* the place that visits count from: what is before it has been read otherwise */
    bool copy;    /* strings: their pages may change before the arena dies */
    sb_fetched *column;
    sb_err *err;
} fetching;

static bool is_integer(uint32_t type)
{
    return type == SB_TYPE_INT || type == SB_TYPE_BOOL || type == SB_TYPE_DATE ||
           type == SB_TYPE_LOCAL_TIME;
}

/* Value i of the typed arrays. */
static sb_value typed_value(const sb_fetched *column, size_t i)
{
    sb_value value = {.type = column->type};

    if (!sb_bit_get(column->present, i)) return SB_VALUE_NULL;
    if (column->type == SB_TYPE_BOOL)
        value.as.boolean = column->integers[i] != 0;
    else if (column->integers != NULL)
        value.as.integer = column->integers[i];
    else if (column->reals != NULL)
        value.as.real = column->reals[i];
    else {
        value.as.bytes.data = column->bytes[i].data;
        value.as.bytes.size = column->bytes[i].size;
    }
    return value;
}

sb_value sb_fetched_value(const sb_fetched *column, size_t i)
{
    return column->values != NULL ? column->values[i] : typed_value(column, i);
}

/* From now on in values: those before place `end` move there. */
static sb_status make_values(fetching *f, size_t end)
{
    sb_fetched *column = f->column;

    column->values = sb_arena_alloc_zero(f->reader.arena, f->count * sizeof *column->values);
    if (column->values == NULL) return SB_FAIL_NOMEM(f->err);
    for (size_t i = 0; i < end; i++)
        column->values[i] = typed_value(column, i);
    column->integers = NULL;
    column->reals = NULL;
    column->bytes = NULL;
    return SB_OK;
}

/* Arrays for a column whose first value has this type. */
static sb_status make_arrays(fetching *f, uint32_t type, bool in_values)
{
    sb_fetched *column = f->column;
    const size_t words = f->count * sizeof(uint64_t);
    bool made;

    column->type = type;
    if (in_values) return make_values(f, 0);
    if (is_integer(type))
        made = (column->integers = sb_arena_alloc_zero(f->reader.arena, words)) != NULL;
    else if (type == SB_TYPE_FLOAT)
        made = (column->reals = sb_arena_alloc_zero(f->reader.arena, words)) != NULL;
    else
        made = (column->bytes =
                    sb_arena_alloc_zero(f->reader.arena, f->count * sizeof *column->bytes)) != NULL;
    return made ? SB_OK : SB_FAIL_NOMEM(f->err);
}

static sb_status put_typed(fetching *f, size_t i, const sb_cell *cell, bool copy)
{
    sb_fetched *column = f->column;
    sb_value value;

    if (SB_LIKELY(cell->type == SB_CELL_INT && column->integers != NULL)) {
        column->integers[i] = (int64_t)cell->word;
        return SB_OK;
    }
    SB_TRY(sb_read__value(&f->reader, cell, copy, &value, f->err)); /* checks what the file has */
    if (column->integers != NULL)
        column->integers[i] = value.type == SB_TYPE_BOOL ? value.as.boolean : value.as.integer;
    else if (column->reals != NULL)
        column->reals[i] = value.as.real;
    else
        column->bytes[i] = sb_bytes_of(value.as.bytes.data, value.as.bytes.size);
    return SB_OK;
}

/* Can cells of this type go into typed arrays as they are? */
static bool has_array(uint8_t cell_type)
{
    return cell_type == SB_CELL_INT || cell_type == SB_CELL_BOOL || cell_type == SB_CELL_DATE ||
           cell_type == SB_CELL_LOCAL_TIME || cell_type == SB_CELL_FLOAT ||
           cell_type == SB_CELL_STRING || cell_type == SB_CELL_BYTES;
}

static sb_status fetch_cell(void *ctx, size_t at, const sb_row *row)
{
    fetching *f = ctx;
    sb_fetched *column = f->column;
    const size_t i = f->first + at;
    sb_cell cell;

    if (row == NULL || !sb_row_cell(row, f->key, &cell)) return SB_OK;
    const uint32_t type = cell.type & ~SB_CLASS_MASK;
    const bool copy = f->copy || row->page.pin != NULL || row->wide;
    if (SB_UNLIKELY(column->type != type)) {
        if (column->type == SB_TYPE_NULL) {
            SB_TRY(make_arrays(f, type, !has_array(cell.type)));
        } else if (column->type != SB_TYPE_MIXED) {
            if (column->values == NULL) SB_TRY(make_values(f, i));
            column->type = SB_TYPE_MIXED;
        }
    }
    sb_bit_set(column->present, i);
    column->present_count++;
    if (column->values == NULL) return put_typed(f, i, &cell, copy);
    return sb_read__value(&f->reader, &cell, copy, &column->values[i], f->err);
}

/* Ids as a scan gives them: many, and not far from one another. Others are looked for many at once, not leaf by leaf. */
#define DENSE_MIN 32u
#define DENSE_GAP 8u

static bool are_dense(const uint64_t *ids, size_t count)
{
    return count >= DENSE_MIN && ids[count - 1] - ids[0] < DENSE_GAP * (uint64_t)count;
}

/* Words that the file may have out of the range of their type: the least and the greatest tell. Absent ones are 0, which is in all ranges. */
static sb_status check_range(fetching *f, uint8_t cell_type)
{
    const int64_t *const integers = f->column->integers;
    int64_t ends[2] = {0, 0};

    for (size_t i = 0; i < f->first; i++) {
        ends[0] = integers[i] < ends[0] ? integers[i] : ends[0];
        ends[1] = integers[i] > ends[1] ? integers[i] : ends[1];
    }
    for (size_t i = 0; i < 2; i++) {
        const sb_cell cell = {.key = f->key, .type = cell_type, .word = (uint64_t)ends[i]};
        sb_value value;
        SB_TRY(sb_read__value(&f->reader, &cell, false, &value, f->err));
    }
    return SB_OK;
}

/* Cells whose values have no array of their own. */
static sb_status read_taken(fetching *f, const sb_rows_column *taken)
{
    sb_fetched *const column = f->column;

    SB_TRY(make_arrays(f, column->type, true));
    for (size_t i = sb_bits_next(column->present, 0, f->first); i < f->first;
         i = sb_bits_next(column->present, i + 1, f->first)) {
        sb_cell cell = {.key = f->key, .type = taken->type};
        if ((taken->type & SB_CLASS_MASK) == SB_CLASS_BYTES)
            cell.bytes = taken->bytes[i];
        else if (SB_LIKELY(sb_value_from_word(taken->type, taken->words[i], &column->values[i])))
            continue;
        else /* reading it again tells what is wrong */
            cell.word = taken->words[i];
        SB_TRY(sb_read__value(&f->reader, &cell, false, &column->values[i], f->err));
    }
    return SB_OK;
}

/* Of dense ids, as far as cells come column by column. */
static sb_status fetch_dense(fetching *f, const sb_tree *table, const uint64_t *ids)
{
    sb_fetched *const column = f->column;
    void *const block = sb_arena_alloc_zero(f->reader.arena, f->count * sizeof(sb_bytes));
    sb_rows_column taken = {
        .words = block, .bytes = block, .present = column->present, .borrows = !f->copy};

    if (block == NULL) return SB_FAIL_NOMEM(f->err);
    SB_TRY(sb_rows_take(f->reader.graph->txn, table, ids, f->count, f->key, &taken, &f->first,
                        f->err));
    column->present_count = taken.present_count;
    if (taken.present_count == 0) return SB_OK;
    column->type = taken.type & ~SB_CLASS_MASK;
    if (!has_array(taken.type)) return read_taken(f, &taken);
    if (taken.type == SB_CELL_STRING || taken.type == SB_CELL_BYTES)
        column->bytes = block;
    else if (taken.type == SB_CELL_FLOAT)
        column->reals = block;
    else
        column->integers = block;
    return column->integers == NULL || taken.type == SB_CELL_INT ? SB_OK
                                                                 : check_range(f, taken.type);
}

sb_status sb_graph_fetch(sb_graph *graph, sb_entity entity, const uint64_t *ids, size_t count,
                         sb_key_id key, sb_arena *arena, sb_fetched *column, sb_err *err)
{
    fetching f = {.reader = {.graph = graph, .arena = arena},
                  .key = key,
                  .count = count,
                  .copy = sb_txn_writable(graph->txn),
                  .column = column,
                  .err = err};

    *column = (sb_fetched){.type = SB_TYPE_NULL};
    column->present = sb_arena_alloc_zero(arena, (count + 7) / 8);
    if (column->present == NULL) return SB_FAIL_NOMEM(err);
    if (key >= SB_COLUMN_SYSTEM) return SB_OK;
    const sb_tree *const table =
        entity == SB_NODE ? sb_node_table(graph->view) : sb_rel_table(graph->view);
    if (are_dense(ids, count)) SB_TRY(fetch_dense(&f, table, ids));
    return sb_rows_find(graph->txn, table, ids + f.first, count - f.first, fetch_cell, &f, err);
}

/* ---- System columns ---------------------------------------------------------------------------------------- */

typedef struct system_fetching {
    const uint64_t *ids;
    sb_set_id *sets;
    sb_node_id *sources, *targets;
    sb_type_id *types;
    uint8_t *found;
    sb_err *err;
} system_fetching;

static void note_found(uint8_t *found, size_t i, bool is)
{
    if (is)
        sb_bit_set(found, i);
    else
        sb_bit_clear(found, i);
}

static sb_status fetch_set(void *ctx, size_t i, const sb_row *row)
{
    const system_fetching *f = ctx;
    uint64_t set = 0;

    note_found(f->found, i, row != NULL);
    if (row != NULL) SB_TRY(sb_read__system(row, "node", f->ids[i], SB_COLUMN_SET, &set, f->err));
    f->sets[i] = (sb_set_id)set;
    return SB_OK;
}

sb_status sb_graph_fetch_sets(sb_graph *graph, const sb_node_id *ids, size_t count, sb_set_id *sets,
                              uint8_t *found, sb_err *err)
{
    system_fetching f = {.ids = ids, .sets = sets, .found = found, .err = err};

    return sb_rows_find(graph->txn, sb_node_table(graph->view), ids, count, fetch_set, &f, err);
}

static sb_status fetch_ends(void *ctx, size_t i, const sb_row *row)
{
    const system_fetching *f = ctx;
    const struct {
        uint32_t key;
        bool wanted;
    } columns[] = {{SB_COLUMN_SOURCE, f->sources != NULL},
                   {SB_COLUMN_TARGET, f->targets != NULL},
                   {SB_COLUMN_TYPE, f->types != NULL}};
    uint64_t words[3] = {0, 0, 0};

    note_found(f->found, i, row != NULL);
    for (size_t k = 0; row != NULL && k < 3; k++)
        if (columns[k].wanted)
            SB_TRY(
                sb_read__system(row, "relationship", f->ids[i], columns[k].key, &words[k], f->err));
    if (f->sources != NULL) f->sources[i] = words[0];
    if (f->targets != NULL) f->targets[i] = words[1];
    if (f->types != NULL) f->types[i] = (sb_type_id)words[2];
    return SB_OK;
}

sb_status sb_graph_fetch_ends(sb_graph *graph, const sb_rel_id *ids, size_t count,
                              sb_node_id *sources, sb_node_id *targets, sb_type_id *types,
                              uint8_t *found, sb_err *err)
{
    system_fetching f = {.ids = ids,
                         .sources = sources,
                         .targets = targets,
                         .types = types,
                         .found = found,
                         .err = err};

    return sb_rows_find(graph->txn, sb_rel_table(graph->view), ids, count, fetch_ends, &f, err);
}
