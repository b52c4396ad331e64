/* scope.c — which variable a name means: symbols, frames, and what fails when there is none or one too many. */
#include "cypher/sema/sema_priv.h"

#include <stdlib.h>

#define FIRST_SYMBOLS 64u

sb_status sb_sema__alloc(sb_sema *s, size_t bytes, void *place)
{
    void *made = sb_arena_alloc_zero(s->arena, bytes);

    if (made == NULL) return SB_FAIL_NOMEM(s->err);
    memcpy(place, &made, sizeof made);
    return sb_cypher_work(s->watch, bytes, s->err);
}

/* ---- Symbols ------------------------------------------------------------------------------------------------------- */

/* Where name is, or belongs. */
static sb_symbol **symbol_place(const sb_sema *s, sb_bytes name)
{
    const uint32_t mask = s->symbol_capacity - 1;
    uint32_t i = (uint32_t)sb_hash_bytes(name.data, name.size, 0) & mask;

    while (s->symbols[i] != NULL && !sb_bytes_equal(s->symbols[i]->name, name))
        i = (i + 1) & mask;
    return &s->symbols[i];
}

/* At most half full. */
static sb_status grow_symbols(sb_sema *s)
{
    sb_symbol **old = s->symbols;
    const uint32_t old_capacity = s->symbol_capacity;

    if (s->symbol_count * 2 < s->symbol_capacity) return SB_OK;
    s->symbol_capacity = old_capacity == 0 ? FIRST_SYMBOLS : old_capacity * 2;
    SB_TRY(sb_sema__alloc(s, s->symbol_capacity * sizeof(sb_symbol *), &s->symbols));
    for (uint32_t i = 0; i < old_capacity; i++)
        if (old[i] != NULL) *symbol_place(s, old[i]->name) = old[i];
    return SB_OK;
}

static sb_status get_symbol(sb_sema *s, sb_bytes name, sb_symbol **symbol)
{
    SB_TRY(grow_symbols(s));
    sb_symbol **place = symbol_place(s, name);
    if (*place == NULL) {
        SB_TRY(sb_sema__alloc(s, sizeof **place, place));
        (*place)->name = name;
        s->symbol_count++;
    }
    *symbol = *place;
    return SB_OK;
}

/* ---- Frames -------------------------------------------------------------------------------------------------------- */

void sb_sema__push(sb_sema *s, sb_frame *frame, bool barrier)
{
    const uint32_t level = s->frame == NULL ? 1 : s->frame->level + 1;

    *frame = (sb_frame){.outer = s->frame, .level = level, .number = ++s->frame_count};
    frame->barrier = barrier || s->frame == NULL ? level : s->frame->barrier;
    s->frame = frame;
}

static void clear_frame(sb_sema *s)
{
    for (sb_binding *b = s->frame->newest; b != NULL; b = b->older)
        b->symbol->top = b->hidden;
    s->frame->newest = NULL;
    s->frame->count = 0;
}

void sb_sema__leave_behind(sb_sema *s)
{
    for (sb_binding *b = s->frame->newest; b != NULL; b = b->older)
        b->symbol->left = s->frame->number;
    clear_frame(s);
}

void sb_sema__pop(sb_sema *s)
{
    clear_frame(s);
    s->frame = s->frame->outer;
}

static sb_binding *visible_from(const sb_sema *s, const sb_frame *frame, sb_bytes name)
{
    if (s->symbol_capacity == 0) return NULL;
    const sb_symbol *symbol = *symbol_place(s, name);
    if (symbol == NULL || symbol->top == NULL || symbol->top->level < frame->barrier) return NULL;
    symbol->top->var->sought = true;
    return symbol->top;
}

sb_binding *sb_sema__find_binding(const sb_sema *s, sb_bytes name)
{
    return visible_from(s, s->frame, name);
}

sb_var *sb_sema__find(const sb_sema *s, sb_bytes name)
{
    return sb_sema__find_from(s, s->frame, name);
}

sb_var *sb_sema__find_from(const sb_sema *s, const sb_frame *frame, sb_bytes name)
{
    const sb_binding *binding = visible_from(s, frame, name);
    return binding != NULL ? binding->var : NULL;
}

sb_var *sb_sema__find_own(const sb_sema *s, sb_bytes name)
{
    const sb_binding *binding = sb_sema__find_binding(s, name);
    return binding != NULL && binding->level == s->frame->level ? binding->var : NULL;
}

bool sb_sema__is_own(const sb_sema *s, const sb_var *var)
{
    return var->name.size != 0 && sb_sema__find_own(s, var->name) == var;
}

/* ---- Variables ------------------------------------------------------------------------------------------------------ */

sb_var *sb_sema_new_var(sb_arena *arena, uint32_t *slot_count, uint32_t kinds)
{
    sb_var *var = sb_arena_alloc_zero(arena, sizeof *var);

    if (var == NULL) return NULL;
    var->slot = (*slot_count)++;
    var->kinds = kinds;
    var->items = SB_KIND_ANY;
    var->nullable = (kinds & SB_KIND_NULL) != 0;
    return var;
}

sb_status sb_sema__make_var(sb_sema *s, sb_bytes name, sb_span span, uint32_t kinds, sb_var **var)
{
    *var = sb_sema_new_var(s->arena, &s->slot_count, kinds);
    if (*var == NULL) return SB_FAIL_NOMEM(s->err);
    (*var)->name = name;
    (*var)->span = span;
    return SB_OK;
}

sb_status sb_sema__bind(sb_sema *s, sb_var *var)
{
    sb_symbol *symbol;
    sb_binding *binding = sb_arena_alloc_zero(s->arena, sizeof *binding);

    if (binding == NULL) return SB_FAIL_NOMEM(s->err);
    SB_TRY(get_symbol(s, var->name, &symbol));
    *binding = (sb_binding){.var = var,
                            .symbol = symbol,
                            .hidden = symbol->top,
                            .older = s->frame->newest,
                            .level = s->frame->level};
    symbol->top = binding;
    s->frame->newest = binding;
    s->frame->count++;
    return SB_OK;
}

sb_status sb_sema__declare(sb_sema *s, sb_bytes name, sb_span span, uint32_t kinds, sb_var **var)
{
    SB_TRY(sb_sema__make_var(s, name, span, kinds, var));
    return sb_sema__bind(s, *var);
}

sb_status sb_sema__declare_new(sb_sema *s, sb_bytes name, sb_span span, uint32_t kinds,
                               sb_var **var)
{
    if (sb_sema__find(s, name) != NULL) return sb_sema__fail_bound(s, name, span);
    return sb_sema__declare(s, name, span, kinds, var);
}

/* ---- Faults --------------------------------------------------------------------------------------------------------- */

typedef struct visible_names {
    const sb_sema *s;
    const sb_frame *frame; /* of the last answer */
    const sb_binding *next;
} visible_names;

/* The i-th visible binding; called with i rising from 0. */
static sb_bytes next_visible(void *ctx, size_t i)
{
    visible_names *names = ctx;

    if (i == 0) {
        names->frame = names->s->frame;
        names->next = names->frame->newest;
    }
    while (names->next == NULL) {
        if (names->frame->level <= names->s->frame->barrier) return (sb_bytes){0};
        names->frame = names->frame->outer;
        names->next = names->frame->newest;
    }
    const sb_bytes name = names->next->var->name;
    names->next = names->next->older;
    return name;
}

/* Is there such a variable before the barrier, which CALL { } has not taken in? */
static bool is_outside(const sb_sema *s, sb_bytes name)
{
    const sb_symbol *symbol = s->symbol_capacity == 0 ? NULL : *symbol_place(s, name);

    if (symbol == NULL || symbol->top == NULL) return false;
    for (uint32_t i = 0; i < s->import_count; i++)
        if (s->imports[i] == symbol->top->var) return false;
    return true;
}

/* Has a projection of this query, or of one around it, left it behind? */
static bool is_left_behind(const sb_sema *s, sb_bytes name)
{
    const sb_symbol *symbol = s->symbol_capacity == 0 ? NULL : *symbol_place(s, name);

    for (const sb_frame *f = s->frame; symbol != NULL && f != NULL; f = f->outer)
        if (f->number == symbol->left) return true;
    return false;
}

sb_status(sb_sema__fail_undefined)(sb_sema *s, sb_bytes name, sb_span span)
{
    visible_names names = {.s = s};
    sb_bytes near;

    if (is_outside(s, name))
        return SB_SEMA_FAIL(s, span, SB_CYPHER_UNDEFINED_VARIABLE,
                            "the variable '%.*s' is outside of CALL { }, which takes plain "
                            "variables from there: CALL (%.*s) { … }, or WITH %.*s, by itself, at "
                            "its beginning",
                            SB_SEMA_SHOWN(name), SB_SEMA_SHOWN(name), SB_SEMA_SHOWN(name));
    if (is_left_behind(s, name))
        return SB_SEMA_FAIL(s, span, SB_CYPHER_UNDEFINED_VARIABLE,
                            "the variable '%.*s' is not defined any more: WITH, and RETURN with "
                            "DISTINCT or an aggregation, hand on their columns alone",
                            SB_SEMA_SHOWN(name));
    if (sb_cypher_nearest(name, next_visible, &names, &near))
        return SB_SEMA_FAIL(s, span, SB_CYPHER_UNDEFINED_VARIABLE,
                            "the variable '%.*s' is not defined: did you mean '%.*s'?",
                            SB_SEMA_SHOWN(name), SB_SEMA_SHOWN(near));
    return SB_SEMA_FAIL(s, span, SB_CYPHER_UNDEFINED_VARIABLE, "the variable '%.*s' is not defined",
                        SB_SEMA_SHOWN(name));
}

sb_status(sb_sema__fail_bound)(sb_sema *s, sb_bytes name, sb_span span)
{
    return SB_SEMA_FAIL(s, span, SB_CYPHER_VARIABLE_ALREADY_BOUND,
                        "the variable '%.*s' is bound already", SB_SEMA_SHOWN(name));
}

/* ---- Lists ---------------------------------------------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
    const sb_var *const *left = a;
    const sb_var *const *right = b;
    return sb_bytes_compare((*left)->name, (*right)->name);
}

sb_status sb_sema__list(sb_sema *s, const sb_frame *frame, bool all, sb_var ***vars,
                        uint32_t *count)
{
    const uint32_t lowest = all ? frame->barrier : frame->level;
    uint32_t most = 0;

    *count = 0;
    for (const sb_frame *f = frame; f != NULL && f->level >= lowest; f = f->outer)
        most += f->count;
    SB_TRY(sb_sema__alloc(s, most * sizeof(sb_var *), vars));
    for (const sb_frame *f = frame; f != NULL && f->level >= lowest; f = f->outer)
        for (const sb_binding *b = f->newest; b != NULL; b = b->older)
            if (b->symbol->top == b) (*vars)[(*count)++] = b->var;
    for (uint32_t i = 0; i < *count; i++)
        (*vars)[i]->sought = true;
    if (*count > 1) qsort(*vars, *count, sizeof(sb_var *), compare_names);
    return SB_OK;
}
