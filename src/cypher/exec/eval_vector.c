/* eval_vector.c — expressions over whole batches: columns, properties, comparisons, logic, arithmetic. What a kernel does not know
 * (mixed kinds, overflow, errors) it leaves to the row functions, which decide what is right. */
#include "cypher/exec/eval_priv.h"

static sb_status by_rows(sb_eval *e, const sb_batch *in, const sb_vector **vector)
{
    sb_val *vals = sb_exec__out_begin(e->run, &e->out, SB_VECTOR_ANY, in->row_count);

    if (vals == NULL) return sb_exec__no_memory(e->run);
    for (uint32_t i = 0; i < in->row_count; i++)
        SB_TRY(e->row(e, in, i, &vals[i]));
    SB_TRY(sb_exec__out_from_vals(e->run, &e->out, vals, in->row_count));
    *vector = &e->out.vector;
    return SB_OK;
}

sb_status sb_exec__vector_var(sb_eval *e, const sb_batch *in, const sb_vector **vector)
{
    return sb_exec__column(e->run, in, e->expr->var, vector);
}

/* ---- Properties --------------------------------------------------------------------------------------------------- */

/* Present bits become nulls. */
static sb_status put_absent(sb_eval *e, const sb_fetched *column, uint32_t count)
{
    if (column->present_count == count) return SB_OK;
    uint8_t *nulls = sb_exec__out_nulls(&e->out, count);
    for (uint32_t i = 0; i < (count + 7) / 8; i++)
        nulls[i] = (uint8_t)~column->present[i];
    return SB_OK;
}

/* Fixed-width values as they are; *done false: they are of a type without vectors. */
static sb_status typed_column(sb_eval *e, const sb_fetched *column, uint32_t count, bool *done)
{
    const sb_vector_kind kind = column->type == SB_TYPE_INT     ? SB_VECTOR_INT
                                : column->type == SB_TYPE_FLOAT ? SB_VECTOR_FLOAT
                                : column->type == SB_TYPE_BOOL  ? SB_VECTOR_BOOL
                                                                : SB_VECTOR_ANY;

    *done = kind != SB_VECTOR_ANY;
    if (!*done) return SB_OK;
    void *to = sb_exec__out_begin(e->run, &e->out, kind, count);
    if (to == NULL) return sb_exec__no_memory(e->run);
    if (kind == SB_VECTOR_BOOL)
        for (uint32_t i = 0; i < count; i++)
            ((uint8_t *)to)[i] = column->integers[i] != 0;
    else if (kind == SB_VECTOR_INT)
        memcpy(to, column->integers, count * sizeof *column->integers);
    else
        memcpy(to, column->reals, count * sizeof *column->reals);
    return put_absent(e, column, count);
}

/* Texts, dates and times of day, whose kinds have the numbers of their types. */
static void plain_vals(const sb_fetched *column, uint32_t count, sb_val *to)
{
    const uint8_t kind = (uint8_t)column->type;

    for (uint32_t i = 0; i < count; i++) {
        to[i] = column->bytes != NULL ? sb_val_string(column->bytes[i])
                                      : sb_val_int(column->integers[i]);
        to[i].kind = sb_bit_get(column->present, i) ? kind : SB_VAL_NULL;
    }
}

static sb_status any_column(sb_eval *e, const sb_fetched *column, uint32_t count)
{
    sb_exec *run = e->run;
    sb_val *to = sb_exec__out_begin(run, &e->out, SB_VECTOR_ANY, count);

    if (to == NULL) return sb_exec__no_memory(run);
    if (column->values == NULL) {
        plain_vals(column, count, to);
        return SB_OK;
    }
    for (uint32_t i = 0; i < count; i++) {
        const sb_value *const value = &column->values[i];
        if (value->type == SB_TYPE_DATETIME || value->type == SB_TYPE_DURATION ||
            value->type == SB_TYPE_POINT) /* which lie in that arena already */
            to[i] = (sb_val){.kind = (uint8_t)value->type, .as.boxed = value};
        else if (value->type == SB_TYPE_LOCAL_DATETIME)
            to[i] = (sb_val){.kind = SB_VAL_LOCAL_DATETIME,
                             .aux = value->extra,
                             .as.integer = value->as.datetime.seconds};
        else
            SB_TRY(sb_val_from_value(run->func.arena, value, &to[i], run->err));
    }
    return SB_OK;
}

static sb_status null_column(sb_eval *e)
{
    return sb_exec__out_constant(e->run, &e->out, SB_VAL_NULL_VALUE);
}

static sb_status fetch_properties(sb_eval *e, const sb_vector *of, uint32_t count, sb_key_id key)
{
    sb_exec *run = e->run;
    sb_fetched column;
    bool done;

    SB_TRY(sb_graph_fetch(run->graph, of->kind == SB_VECTOR_NODE ? SB_NODE : SB_REL, of->as.ids,
                          count, key, run->func.arena, &column, run->err));
    if (column.present_count == 0) return null_column(e);
    SB_TRY(typed_column(e, &column, count, &done));
    return done ? SB_OK : any_column(e, &column, count);
}

static sb_status vector_property(sb_eval *e, const sb_batch *in, const sb_vector **vector)
{
    sb_exec *run = e->run;
    const sb_vector *of;

    SB_TRY(sb_exec__eval(e->args[0], in, &of));
    if ((of->kind != SB_VECTOR_NODE && of->kind != SB_VECTOR_REL) || of->constant ||
        run->any_deleted)
        return by_rows(e, in, vector);
    const sb_key_id key = sb_exec__name(run, e->name);
    if (key == 0)
        SB_TRY(null_column(e));
    else
        SB_TRY(fetch_properties(e, of, in->row_count, key));
    *vector = &e->out.vector;
    return SB_OK;
}

/* ---- Comparing ------------------------------------------------------------------------------------------------------ */

/* a op b for each i; a step of 0 makes a side constant. */
#define COMPARE_LOOP(OP)                                                                           \
    for (uint32_t i = 0; i < count; i++)                                                           \
    to[i] = a[i * a_step] OP b[i * b_step]
#define COMPARE_FUNCTION(name, type)                                                               \
    static void name(sb_op2 op, const type *a, uint32_t a_step, const type *b, uint32_t b_step,    \
                     uint8_t *to, uint32_t count)                                                  \
    {                                                                                              \
        switch ((int)op) {                                                                         \
        case SB_OP2_EQ: COMPARE_LOOP(==); break;                                                   \
        case SB_OP2_NE: COMPARE_LOOP(!=); break;                                                   \
        case SB_OP2_LT: COMPARE_LOOP(<); break;                                                    \
        case SB_OP2_LE: COMPARE_LOOP(<=); break;                                                   \
        case SB_OP2_GT: COMPARE_LOOP(>); break;                                                    \
        default: COMPARE_LOOP(>=); break;                                                          \
        }                                                                                          \
    }
/* NaN: every comparison but <> is false, as in C. */
COMPARE_FUNCTION(compare_reals, double)
COMPARE_FUNCTION(compare_integers, int64_t)
COMPARE_FUNCTION(compare_ids, uint64_t)

/* The result is null where either side is. */
static void join_nulls(sb_out *out, const sb_vector *a, const sb_vector *b, uint32_t count)
{
    if (a->nulls == NULL && b->nulls == NULL) return;
    uint8_t *nulls = sb_exec__out_nulls(out, count);
    for (uint32_t i = 0; i < (count + 7) / 8; i++) {
        if (a->nulls != NULL) nulls[i] = a->constant ? 0xFF : a->nulls[i];
        if (b->nulls != NULL) nulls[i] = (uint8_t)(nulls[i] | (b->constant ? 0xFF : b->nulls[i]));
    }
}

static bool is_equality(sb_op2 op)
{
    return op == SB_OP2_EQ || op == SB_OP2_NE;
}

/* Strings against a constant one; other kinds are left to the operator. */
static sb_status compare_strings(sb_eval *e, const sb_vector *a, sb_val b, uint32_t count,
                                 const sb_vector **vector)
{
    sb_exec *run = e->run;
    const sb_op2 op = (sb_op2)e->expr->op;
    uint8_t *to = sb_exec__out_begin(run, &e->out, SB_VECTOR_BOOL, count), *nulls = NULL;

    if (to == NULL) return sb_exec__no_memory(run);
    for (uint32_t i = 0; i < count; i++) {
        const sb_val v = a->as.vals[i];
        if (v.kind == SB_VAL_STRING) {
            if (v.aux == b.aux) SB_TRY(sb_func_work(&run->func, b.aux));
            to[i] =
                (v.aux == b.aux && memcmp(v.as.text, b.as.text, b.aux) == 0) == (op == SB_OP2_EQ);
        } else if (v.kind == SB_VAL_NULL) {
            if (nulls == NULL) nulls = sb_exec__out_nulls(&e->out, count);
            sb_bit_set(nulls, i);
            to[i] = 0;
        } else { /* values of different kinds are not equal */
            to[i] = op == SB_OP2_NE;
        }
    }
    *vector = &e->out.vector;
    return SB_OK;
}

static sb_status operate(sb_eval *e, const sb_vector *a, const sb_vector *b, uint32_t count,
                         const sb_vector **vector)
{
    sb_exec *run = e->run;
    sb_val *vals = sb_exec__out_begin(run, &e->out, SB_VECTOR_ANY, count);

    if (vals == NULL) return sb_exec__no_memory(run);
    for (uint32_t i = 0; i < count; i++)
        SB_TRY(sb_op_binary(&run->func, (sb_op2)e->expr->op, sb_vector_at(a, i), sb_vector_at(b, i),
                            &vals[i]));
    SB_TRY(sb_exec__out_from_vals(run, &e->out, vals, count));
    *vector = &e->out.vector;
    return SB_OK;
}

static sb_status vector_compare(sb_eval *e, const sb_batch *in, const sb_vector **vector)
{
    const sb_op2 op = (sb_op2)e->expr->op;
    const uint32_t count = in->row_count;
    const sb_vector *a, *b;

    SB_TRY(sb_exec__eval(e->args[0], in, &a));
    SB_TRY(sb_exec__eval(e->args[1], in, &b));
    if (a->kind == SB_VECTOR_ANY && !a->constant && is_equality(op) && b->constant &&
        b->kind == SB_VECTOR_ANY && b->as.vals[0].kind == SB_VAL_STRING)
        return compare_strings(e, a, b->as.vals[0], count, vector);
    const bool entities =
        (a->kind == SB_VECTOR_NODE || a->kind == SB_VECTOR_REL) && is_equality(op);
    if (a->kind != b->kind || (a->kind != SB_VECTOR_INT && a->kind != SB_VECTOR_FLOAT && !entities))
        return operate(e, a, b, count, vector);
    uint8_t *to = sb_exec__out_begin(e->run, &e->out, SB_VECTOR_BOOL, count);
    if (to == NULL) return sb_exec__no_memory(e->run);
    if (a->kind == SB_VECTOR_INT)
        compare_integers(op, a->as.integers, !a->constant, b->as.integers, !b->constant, to, count);
    else if (a->kind == SB_VECTOR_FLOAT)
        compare_reals(op, a->as.reals, !a->constant, b->as.reals, !b->constant, to, count);
    else
        compare_ids(op, a->as.ids, !a->constant, b->as.ids, !b->constant, to, count);
    join_nulls(&e->out, a, b, count);
    *vector = &e->out.vector;
    return SB_OK;
}

/* ---- Arithmetic --------------------------------------------------------------------------------------------------------- */

/* False: a sum or product does not fit; the row functions say which. */
static bool add_integers(sb_op2 op, const int64_t *a, uint32_t a_step, const int64_t *b,
                         uint32_t b_step, int64_t *to, uint32_t count)
{
    bool over = false;

    for (uint32_t i = 0; i < count; i++) {
        const int64_t x = a[i * a_step], y = b[i * b_step];
        over |= op == SB_OP2_ADD   ? SB_ADD_OVERFLOWS(x, y, &to[i])
                : op == SB_OP2_SUB ? SB_SUB_OVERFLOWS(x, y, &to[i])
                                   : SB_MUL_OVERFLOWS(x, y, &to[i]);
    }
    return !over;
}

static double real_at(const sb_vector *v, uint32_t i)
{
    if (v->constant) i = 0;
    return v->kind == SB_VECTOR_INT ? (double)v->as.integers[i] : v->as.reals[i];
}

static void add_reals(sb_op2 op, const sb_vector *a, const sb_vector *b, double *to, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const double x = real_at(a, i), y = real_at(b, i);
        to[i] = op == SB_OP2_ADD ? x + y : op == SB_OP2_SUB ? x - y : x * y;
    }
}

static sb_status vector_arithmetic(sb_eval *e, const sb_batch *in, const sb_vector **vector)
{
    const sb_op2 op = (sb_op2)e->expr->op;
    const uint32_t count = in->row_count;
    const sb_vector *a, *b;

    SB_TRY(sb_exec__eval(e->args[0], in, &a));
    SB_TRY(sb_exec__eval(e->args[1], in, &b));
    const bool numbers = (a->kind == SB_VECTOR_INT || a->kind == SB_VECTOR_FLOAT) &&
                         (b->kind == SB_VECTOR_INT || b->kind == SB_VECTOR_FLOAT);
    if (!numbers) return operate(e, a, b, count, vector);
    const bool integers = a->kind == SB_VECTOR_INT && b->kind == SB_VECTOR_INT;
    void *to =
        sb_exec__out_begin(e->run, &e->out, integers ? SB_VECTOR_INT : SB_VECTOR_FLOAT, count);
    if (to == NULL) return sb_exec__no_memory(e->run);
    if (!integers)
        add_reals(op, a, b, to, count);
    else if (!add_integers(op, a->as.integers, !a->constant, b->as.integers, !b->constant, to,
                           count))
        return operate(e, a, b, count, vector);
    join_nulls(&e->out, a, b, count);
    *vector = &e->out.vector;
    return SB_OK;
}

/* ---- Logic ------------------------------------------------------------------------------------------------------------------ */

/* Truth values of a column, 0, 1 or 2 (unknown). *known false: a value is no boolean. */
static bool truth(const sb_vector *v, uint32_t i, uint8_t *t)
{
    bool is_bool = true;

    if (v->kind == SB_VECTOR_BOOL)
        *t = sb_vector_is_null(v, i) ? SB_UNKNOWN : v->as.bools[v->constant ? 0 : i];
    else
        *t = (uint8_t)sb_ternary_of(sb_vector_at(v, i), &is_bool);
    return is_bool;
}

static sb_status put_truth(sb_eval *e, const uint8_t *truths, uint32_t count,
                           const sb_vector **vector)
{
    uint8_t *to = sb_exec__out_begin(e->run, &e->out, SB_VECTOR_BOOL, count), *nulls = NULL;

    if (to == NULL) return sb_exec__no_memory(e->run);
    for (uint32_t i = 0; i < count; i++) {
        to[i] = truths[i] == SB_TRUE;
        if (truths[i] != SB_UNKNOWN) continue;
        if (nulls == NULL) nulls = sb_exec__out_nulls(&e->out, count);
        sb_bit_set(nulls, i);
    }
    *vector = &e->out.vector;
    return SB_OK;
}

static sb_status vector_logic(sb_eval *e, const sb_batch *in, const sb_vector **vector)
{
    const uint8_t decides = e->expr->op == SB_OP2_AND ? SB_FALSE : SB_TRUE;
    uint8_t truths[SB_BATCH_ROWS];
    const sb_vector *a, *b;

    SB_TRY(sb_exec__eval(e->args[0], in, &a));
    SB_TRY(sb_exec__eval(e->args[1], in, &b));
    for (uint32_t i = 0; i < in->row_count; i++) {
        uint8_t x, y;
        if (!truth(a, i, &x) || !truth(b, i, &y)) return by_rows(e, in, vector);
        truths[i] = x == decides || y == decides         ? decides
                    : x == SB_UNKNOWN || y == SB_UNKNOWN ? (uint8_t)SB_UNKNOWN
                                                         : x;
    }
    return put_truth(e, truths, in->row_count, vector);
}

static sb_status vector_not(sb_eval *e, const sb_batch *in, const sb_vector **vector)
{
    uint8_t truths[SB_BATCH_ROWS];
    const sb_vector *a;

    SB_TRY(sb_exec__eval(e->args[0], in, &a));
    for (uint32_t i = 0; i < in->row_count; i++) {
        if (!truth(a, i, &truths[i])) return by_rows(e, in, vector);
        if (truths[i] != SB_UNKNOWN) truths[i] = !truths[i];
    }
    return put_truth(e, truths, in->row_count, vector);
}

static sb_status vector_is_null(sb_eval *e, const sb_batch *in, const sb_vector **vector)
{
    const bool wanted = e->expr->op == SB_OP1_IS_NULL;
    const sb_vector *a;

    SB_TRY(sb_exec__eval(e->args[0], in, &a));
    uint8_t *to = sb_exec__out_begin(e->run, &e->out, SB_VECTOR_BOOL, in->row_count);
    if (to == NULL) return sb_exec__no_memory(e->run);
    for (uint32_t i = 0; i < in->row_count; i++)
        to[i] = sb_vector_is_null(a, i) == wanted;
    *vector = &e->out.vector;
    return SB_OK;
}

/* ---- Functions -------------------------------------------------------------------------------------------------------------- */

/* id(n): the column of ids is one of integers. */
static sb_status vector_id(sb_eval *e, const sb_batch *in, const sb_vector **vector)
{
    const sb_vector *of;

    SB_TRY(sb_exec__eval(e->args[0], in, &of));
    if (of->kind != SB_VECTOR_NODE && of->kind != SB_VECTOR_REL) return by_rows(e, in, vector);
    e->out.vector = *of;
    e->out.vector.kind = SB_VECTOR_INT;
    *vector = &e->out.vector;
    return SB_OK;
}

static bool is_id(const sb_function *function)
{
    return (function->flags & SB_FUNC_USER) == 0 && strcmp(function->name, "id") == 0;
}

/* ---- Which kernel ---------------------------------------------------------------------------------------------------------- */

static sb_eval_vector binary_kernel(const sb_eval *e)
{
    switch (e->expr->op) {
    case SB_OP2_AND:
    case SB_OP2_OR: return e->args[1]->safe ? vector_logic : NULL; /* V1 */
    case SB_OP2_EQ:
    case SB_OP2_NE:
    case SB_OP2_LT:
    case SB_OP2_LE:
    case SB_OP2_GT:
    case SB_OP2_GE: return vector_compare;
    case SB_OP2_ADD:
    case SB_OP2_SUB:
    case SB_OP2_MUL: return vector_arithmetic;
    default: return NULL;
    }
}

/* A part that must be evaluated with the row at hand: what binds variables around it sets them row by row. */
static bool has_local(const sb_eval *e)
{
    for (uint32_t i = 0; i < e->arg_count; i++)
        if (e->args[i] != NULL && e->args[i]->per_row) return true;
    return false;
}

sb_eval_vector sb_exec__kernel_for(const sb_eval *e)
{
    if (has_local(e)) return NULL;
    switch ((int)e->expr->kind) {
    case SB_EXPR_PROPERTY: return vector_property;
    case SB_EXPR_BINARY: return binary_kernel(e);
    case SB_EXPR_CALL: return e->arg_count == 1 && is_id(e->expr->function) ? vector_id : NULL;
    case SB_EXPR_UNARY:
        if (e->expr->op == SB_OP1_NOT) return vector_not;
        return e->expr->op == SB_OP1_IS_NULL || e->expr->op == SB_OP1_IS_NOT_NULL ? vector_is_null
                                                                                  : NULL;
    default: return NULL;
    }
}
