/* util.c — the planner's small tools: sets of slots, new operators, names, variables and expressions. */
#include "cypher/plan/plan_priv.h"

#include <math.h>
#include <string.h>

/* Fresh memory takes half a nanosecond a byte, a block of it as long as some bytes, and the comparison of two names. */
#define UNITS_OF_A_BLOCK 64u

/* ---- Sets of slots ------------------------------------------------------------------------------------------ */

static sb_status set_reserve(sb_planner *p, sb_slot_set *set, uint32_t words)
{
    if (words <= set->word_count) return SB_OK;
    uint32_t grown = set->word_count * 2 < words ? words : set->word_count * 2;
    uint64_t *copy;

    SB_TRY(sb_plan__alloc(p, grown, sizeof *copy, &copy));
    if (set->word_count != 0) memcpy(copy, set->words, set->word_count * sizeof *copy);
    set->words = copy;
    set->word_count = grown;
    return SB_OK;
}

sb_status sb_plan__set_add(sb_planner *p, sb_slot_set *set, uint32_t slot)
{
    SB_TRY(set_reserve(p, set, slot / 64 + 1));
    set->words[slot / 64] |= UINT64_C(1) << slot % 64;
    return SB_OK;
}

sb_status sb_plan__set_add_all(sb_planner *p, sb_slot_set *set, const sb_slot_set *other)
{
    SB_TRY(set_reserve(p, set, other->word_count));
    for (uint32_t i = 0; i < other->word_count; i++)
        set->words[i] |= other->words[i];
    return SB_OK;
}

sb_status sb_plan__set_copy(sb_planner *p, const sb_slot_set *set, sb_slot_set *copy)
{
    *copy = (sb_slot_set){NULL, 0};
    return sb_plan__set_add_all(p, copy, set);
}

bool sb_plan__set_has(const sb_slot_set *set, uint32_t slot)
{
    return slot / 64 < set->word_count && (set->words[slot / 64] >> slot % 64 & 1) != 0;
}

bool sb_plan__set_within(const sb_slot_set *a, const sb_slot_set *b)
{
    for (uint32_t i = 0; i < a->word_count; i++)
        if ((a->words[i] & ~(i < b->word_count ? b->words[i] : 0)) != 0) return false;
    return true;
}

bool sb_plan__set_meets(const sb_slot_set *a, const sb_slot_set *b)
{
    for (uint32_t i = 0; i < a->word_count && i < b->word_count; i++)
        if ((a->words[i] & b->words[i]) != 0) return true;
    return false;
}

uint32_t sb_plan__set_count(const sb_slot_set *set)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < set->word_count; i++)
        count += sb_popcount64(set->words[i]);
    return count;
}

/* ---- Numbers by hash ------------------------------------------------------------------------------------------------ */

static uint32_t chain_from(const sb_plan_index *index, uint32_t link, uint64_t hash)
{
    while (link != 0 && index->hashes[link - 1] != hash)
        link = index->nexts[link - 1];
    return link == 0 ? SB_PLAN_NONE : link - 1;
}

uint32_t sb_plan__index_find(const sb_plan_index *index, uint64_t hash)
{
    if (index->count == 0) return SB_PLAN_NONE;
    return chain_from(index, index->heads[hash & (index->capacity - 1)], hash);
}

uint32_t sb_plan__index_next(const sb_plan_index *index, uint32_t at)
{
    return chain_from(index, index->nexts[at], index->hashes[at]);
}

static void link_number(const sb_plan_index *index, uint32_t number)
{
    uint32_t *const head = &index->heads[index->hashes[number] & (index->capacity - 1)];

    index->nexts[number] = *head;
    *head = number + 1;
}

static sb_status grow_index(sb_planner *p, sb_plan_index *index)
{
    sb_plan_index grown = {.count = index->count,
                           .capacity = index->capacity == 0 ? 16 : index->capacity * 2};

    SB_TRY(sb_plan__alloc(p, grown.capacity, sizeof *grown.heads, &grown.heads));
    SB_TRY(sb_plan__alloc(p, grown.capacity, sizeof *grown.nexts, &grown.nexts));
    SB_TRY(sb_plan__alloc(p, grown.capacity, sizeof *grown.hashes, &grown.hashes));
    for (uint32_t i = 0; i < index->count; i++) {
        grown.hashes[i] = index->hashes[i];
        link_number(&grown, i);
    }
    *index = grown;
    return SB_OK;
}

sb_status sb_plan__index_add(sb_planner *p, sb_plan_index *index, uint64_t hash)
{
    if (index->count == index->capacity) SB_TRY(grow_index(p, index));
    SB_ASSERT(index->heads != NULL && index->nexts != NULL && index->hashes != NULL);
    index->hashes[index->count] = hash;
    link_number(index, index->count++);
    return SB_OK;
}

/* ---- Operators, names, variables -------------------------------------------------------------------------------- */

sb_status sb_plan__alloc(sb_planner *p, size_t count, size_t bytes, void *out_pointer)
{
    size_t total;
    void *block = sb_mul_size(count, bytes, &total) ? sb_arena_alloc_zero(p->arena, total) : NULL;

    memcpy(out_pointer, &block, sizeof block);
    if (block == NULL) return SB_FAIL_NOMEM(p->err);
    return sb_plan__work(p, total + UNITS_OF_A_BLOCK);
}

sb_status sb_plan__work(sb_planner *p, size_t units)
{
    return sb_cypher_work(p->watch, units, p->err);
}

sb_status sb_plan__too_many(sb_planner *p)
{
    return sb_cypher_fail(p->err, p->text, (sb_span){0, 0}, SB_CYPHER_LIMIT_EXCEEDED,
                          "The statement needs more than %u operators; split it",
                          SB_PLAN_OPERATORS_MAX);
}

sb_status sb_plan__new(sb_planner *p, sb_plan_kind kind, sb_plan *input, sb_plan **plan)
{
    SB_TRY(sb_plan__alloc(p, 1, sizeof **plan, plan));
    (*plan)->kind = kind;
    (*plan)->input = input;
    (*plan)->rows = input == NULL ? 1 : input->rows;
    (*plan)->cost = input == NULL ? 0 : input->cost;
    return SB_OK;
}

sb_status sb_plan__name(sb_planner *p, sb_name_kind kind, sb_bytes text, sb_plan_name *name)
{
    const uint64_t hash = sb_hash_bytes(text.data, text.size, (uint64_t)kind);

    for (uint32_t i = sb_plan__index_find(&p->name_index, hash); i != SB_PLAN_NONE;
         i = sb_plan__index_next(&p->name_index, i)) {
        if (p->names[i].kind == kind && sb_bytes_equal(p->names[i].text, text)) {
            *name = i;
            return SB_OK;
        }
    }
    SB_TRY(sb_plan__index_add(p, &p->name_index, hash));
    if (p->name_count == p->name_capacity) {
        const uint32_t grown = p->name_capacity == 0 ? 16 : p->name_capacity * 2;
        sb_plan_name_text *names;

        SB_TRY(sb_plan__alloc(p, grown, sizeof *names, &names));
        if (p->name_count != 0) memcpy(names, p->names, p->name_count * sizeof *names);
        p->names = names;
        p->name_capacity = grown;
    }
    p->names[p->name_count] = (sb_plan_name_text){kind, text};
    *name = p->name_count++;
    return SB_OK;
}

sb_status sb_plan__var(sb_planner *p, uint32_t kinds, sb_var **var)
{
    *var = sb_sema_new_var(p->arena, &p->slot_count, kinds);
    return *var == NULL ? SB_FAIL_NOMEM(p->err) : SB_OK;
}

/* ---- Expressions -------------------------------------------------------------------------------------------------- */

static sb_status new_expr(sb_planner *p, sb_expr_kind kind, uint32_t arg_count, sb_expr **expr)
{
    SB_TRY(sb_plan__alloc(p, 1, sizeof **expr, expr));
    (*expr)->kind = (uint8_t)kind;
    (*expr)->kinds = SB_KIND_ANY;
    (*expr)->depth = 1;
    (*expr)->arg_count = arg_count;
    if (arg_count == 0) return SB_OK;
    return sb_plan__alloc(p, arg_count, sizeof *(*expr)->args, &(*expr)->args);
}

sb_status sb_plan__expr_var(sb_planner *p, const sb_var *var, sb_expr **expr)
{
    SB_TRY(new_expr(p, SB_EXPR_VAR, 0, expr));
    (*expr)->var = (sb_var *)(uintptr_t)var; /* expressions only read it, too */
    (*expr)->name = var->name;
    (*expr)->span = var->span;
    (*expr)->kinds = var->kinds;
    (*expr)->items = var->items;
    return SB_OK;
}

sb_status sb_plan__expr_property(sb_planner *p, const sb_var *var, sb_bytes key, sb_span span,
                                 sb_expr **expr)
{
    sb_expr *of;

    SB_TRY(sb_plan__expr_var(p, var, &of));
    SB_TRY(new_expr(p, SB_EXPR_PROPERTY, 1, expr));
    (*expr)->name = key;
    (*expr)->span = span;
    (*expr)->args[0] = of;
    return SB_OK;
}

sb_status sb_plan__expr_binary(sb_planner *p, sb_op2 op, sb_expr *a, sb_expr *b, sb_expr **expr)
{
    SB_TRY(new_expr(p, SB_EXPR_BINARY, 2, expr));
    (*expr)->op = (uint8_t)op;
    (*expr)->span = (sb_span){a->span.start, b->span.end};
    (*expr)->args[0] = a;
    (*expr)->args[1] = b;
    return SB_OK;
}

sb_status sb_plan__expr_not(sb_planner *p, sb_expr *a, sb_expr **expr)
{
    SB_TRY(new_expr(p, SB_EXPR_UNARY, 1, expr));
    (*expr)->op = SB_OP1_NOT;
    (*expr)->span = a->span;
    (*expr)->args[0] = a;
    return SB_OK;
}

sb_status sb_plan__expr_not_null(sb_planner *p, const sb_var *var, sb_expr **expr)
{
    SB_TRY(new_expr(p, SB_EXPR_UNARY, 1, expr));
    (*expr)->op = SB_OP1_IS_NOT_NULL;
    (*expr)->kinds = SB_KIND_BOOL;
    return sb_plan__expr_var(p, var, &(*expr)->args[0]);
}

sb_status sb_plan__expr_labels(sb_planner *p, const sb_var *var, const sb_label_expr *labels,
                               sb_expr **expr)
{
    sb_expr *of;

    SB_TRY(sb_plan__expr_var(p, var, &of));
    SB_TRY(new_expr(p, SB_EXPR_HAS_LABELS, 1, expr));
    (*expr)->labels = labels;
    (*expr)->span = labels->span;
    (*expr)->kinds = SB_KIND_BOOL;
    (*expr)->args[0] = of;
    return SB_OK;
}

/* NOT rel IN used, or none(x IN used WHERE rel IN x). */
static sb_status expr_not_in(sb_planner *p, const sb_var *rel, const sb_var *used, sb_expr **expr)
{
    const bool nested = (used->items & SB_KIND_LIST) != 0;
    sb_expr *of, *list, *in;
    sb_var *item = NULL;

    SB_TRY(sb_plan__expr_var(p, rel, &of));
    if (nested) SB_TRY(sb_plan__var(p, SB_KIND_LIST, &item));
    SB_TRY(sb_plan__expr_var(p, nested ? item : used, &list));
    SB_TRY(sb_plan__expr_binary(p, SB_OP2_IN, of, list, &in));
    if (!nested) return sb_plan__expr_not(p, in, expr);
    SB_TRY(new_expr(p, SB_EXPR_QUANTIFIER, 2, expr));
    (*expr)->op = SB_NONE;
    (*expr)->bound = item;
    (*expr)->args[1] = in;
    return sb_plan__expr_var(p, used, &(*expr)->args[0]);
}

sb_status sb_plan__expr_unlike(sb_planner *p, const sb_var *rel, const sb_var *used, sb_expr **expr)
{
    sb_expr *a, *b;

    if ((used->kinds & SB_KIND_REL) == 0) return expr_not_in(p, rel, used, expr);
    SB_TRY(sb_plan__expr_var(p, rel, &a));
    SB_TRY(sb_plan__expr_var(p, used, &b));
    return sb_plan__expr_binary(p, SB_OP2_NE, a, b, expr);
}

bool sb_plan__same_labels(const sb_label_expr *a, const sb_label_expr *b)
{
    if (a == NULL || b == NULL) return a == b;
    return a->op == b->op && sb_bytes_equal(a->name, b->name) &&
           sb_plan__same_labels(a->left, b->left) && sb_plan__same_labels(a->right, b->right);
}

static bool same_literal(const sb_expr *a, const sb_expr *b)
{
    switch ((sb_expr_kind)a->kind) {
    case SB_EXPR_BOOL: return a->value.boolean == b->value.boolean;
    case SB_EXPR_INT: return a->value.integer == b->value.integer;
    case SB_EXPR_FLOAT: /* 0.0 and -0.0 are two; none is NaN */
        return a->value.real == b->value.real && signbit(a->value.real) == signbit(b->value.real);
    default: return true;
    }
}

/* Patterns, sub-queries and lambdas are the same only when they are one and the same tree: each has variables of its own. */
bool sb_plan__expr_same(const sb_expr *a, const sb_expr *b)
{
    if (a == b) return true;
    if (a == NULL || b == NULL || a->kind != b->kind || a->op != b->op) return false;
    if (a->distinct != b->distinct || a->negated != b->negated || a->star != b->star) return false;
    if (a->pattern != NULL || b->pattern != NULL || a->query != NULL || b->query != NULL)
        return false;
    if (a->bound != NULL || b->bound != NULL || a->type != b->type) return false;
    if (a->kind == SB_EXPR_VAR) return a->var == b->var;
    if (a->arg_count != b->arg_count || a->function != b->function || !same_literal(a, b))
        return false;
    /* Names of functions may be written differently, and floats may. */
    if (a->kind != SB_EXPR_CALL && a->kind != SB_EXPR_FLOAT && !sb_bytes_equal(a->name, b->name))
        return false;
    if (!sb_plan__same_labels(a->labels, b->labels)) return false;
    for (uint32_t i = 0; i < a->arg_count; i++) {
        if (!sb_plan__expr_same(a->args[i], b->args[i])) return false;
        if (a->keys != NULL && (b->keys == NULL || !sb_bytes_equal(a->keys[i], b->keys[i])))
            return false;
    }
    return true;
}

sb_bytes sb_plan__written(const sb_planner *p, const sb_expr *e)
{
    if (e->span.start >= e->span.end || e->span.end > p->text.size) return sb_bytes_of(NULL, 0);
    return sb_bytes_of(p->text.data + e->span.start, e->span.end - e->span.start);
}

uint64_t sb_plan__expr_hash(const sb_expr *e)
{
    if (e == NULL) return 0;
    uint64_t hash = sb_hash_u64((uint64_t)e->kind | (uint64_t)e->op << 8);
    if (e->kind == SB_EXPR_VAR) return sb_hash_u64(hash + e->var->slot);
    if (e->kind == SB_EXPR_INT) hash += (uint64_t)e->value.integer;
    if (e->kind == SB_EXPR_CALL)
        hash += (uintptr_t)e->function;
    else if (e->kind != SB_EXPR_FLOAT)
        hash = sb_hash_bytes(e->name.data, e->name.size, hash);
    for (uint32_t i = 0; i < e->arg_count; i++)
        hash = sb_hash_u64(hash + sb_plan__expr_hash(e->args[i]));
    return sb_hash_u64(hash);
}

bool sb_plan__is_difference(const sb_expr *e)
{
    if (e->kind != SB_EXPR_BINARY || e->op != SB_OP2_NE) return false;
    for (unsigned i = 0; i < 2; i++)
        if (e->args[i]->kind != SB_EXPR_VAR || e->args[i]->var->kinds != SB_KIND_NODE ||
            e->args[i]->var->nullable)
            return false;
    return e->args[0]->var != e->args[1]->var;
}

/* ---- Plans ---------------------------------------------------------------------------------------------------------- */

bool sb_plan_writes(const sb_plan *plan)
{
    /* A loop along the inputs, which may be many; recursion into inner plans, which the parser bounds. */
    for (; plan != NULL; plan = plan->input) {
        switch ((int)plan->kind) {
        case SB_PLAN_CREATE:
        case SB_PLAN_MERGE:
        case SB_PLAN_SET:
        case SB_PLAN_DELETE:
        case SB_PLAN_FOREACH: return true;
        case SB_PLAN_CALL:
            if (plan->as.call.procedure->writes) return true;
            break;
        default: break;
        }
        if (plan->inner != NULL && sb_plan_writes(plan->inner)) return true;
    }
    return false;
}

bool sb_plan__is_plain(const sb_expr *e)
{
    if (e == NULL) return true;
    switch ((int)e->kind) {
    case SB_EXPR_PATTERN_COMPREHENSION:
    case SB_EXPR_PATTERN:
    case SB_EXPR_SHORTEST:
    case SB_EXPR_EXISTS:
    case SB_EXPR_COUNT:
    case SB_EXPR_COLLECT: return false;
    default: break;
    }
    for (uint32_t i = 0; i < e->arg_count; i++)
        if (!sb_plan__is_plain(e->args[i])) return false;
    return true;
}
