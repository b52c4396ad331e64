/* script_marks.c — marks of a script's nodes that are never written. A script finds the ends of its relationships by a label and a property
 * that it puts on all its nodes and takes off at its end: apoc.export.cypher calls them UNIQUE IMPORT LABEL and UNIQUE IMPORT ID, our dump
 * ~dump and ~node. While rows go to the loader, which knows its nodes by that property as it is, nobody looks at either; so nodes are made
 * without them, and the statements that take them off are kept. When all are taken off, they are forgotten.
 *
 * Whatever could see the difference settles first: nodes get the marks that they lack, the statements that were kept are run, and from then on
 * the script's nodes are made as it says. It is the same graph; the names say only where it is worth to wait for. */
#include <stdlib.h>
#include <string.h>

#include "cli/formats/script_priv.h"

/* ---- Which marks ------------------------------------------------------------------------------------------------- */

/* What follows the text in front; NULL: something else is in front. */
static bool rest_of(sombra_text name, const char *front, sombra_text *rest)
{
    const size_t size = strlen(front);

    if (name.size < size || memcmp(name.data, front, size) != 0) return false;
    *rest = fmt_text((const char *)name.data + size, name.size - size);
    return true;
}

static bool is_mark(sombra_text label, sombra_text key)
{
    sombra_text numbers[2];

    if (fmt_is(label, "UNIQUE IMPORT LABEL")) return fmt_is(key, "UNIQUE IMPORT ID");
    return rest_of(label, "~dump", &numbers[0]) && rest_of(key, "~node", &numbers[1]) &&
           numbers[0].size == numbers[1].size &&
           memcmp(numbers[0].data, numbers[1].data, numbers[0].size) == 0;
}

static bool has_label(const script_node *node, sombra_text label)
{
    for (size_t i = 0; i < node->label_count; i++)
        if (script_is_same(node->labels[i], label)) return true;
    return false;
}

static sombra_text own_text(script_marks *marks, sombra_text text)
{
    return fmt_arena_text(&marks->arena, text.data, text.size);
}

/* The first node of a script. Nobody must have the mark, nor an index of it see the node, if not by the key alone; and a label for nodes
 * that have none is not for those whose mark is one. */
static sombra_status begin(script_marks *marks, const script_node *node, bool *left)
{
    if (marks->is_off || fmt_loader_options(marks->loader)->label != NULL ||
        !is_mark(node->labels[0], node->key))
        return SOMBRA_OK;
    if (fmt_loader_settle(marks->loader) != SOMBRA_OK)
        return fmt_loader_error(marks->loader)->status;
    marks->is_off = !fmt_loader_is_unused(marks->loader, node->labels[0], node->key);
    if (marks->is_off) return SOMBRA_OK;
    marks->label = own_text(marks, node->labels[0]);
    marks->key = own_text(marks, node->key);
    for (unsigned kind = 0; kind < 2; kind++)
        marks->groups[kind] = own_text(marks, node->groups[kind]);
    *left = true;
    return SOMBRA_OK;
}

sombra_status script_marks_leave(script_marks *marks, const script_node *node, bool *left)
{
    *left = false;
    if (node->key.size == 0 && marks->count == 0) return SOMBRA_OK;
    if (marks->count == 0) return begin(marks, node, left);
    *left = script_is_same(node->labels[0], marks->label) && script_is_same(node->key, marks->key);
    return *left || !has_label(node, marks->label) ? SOMBRA_OK : script_marks_settle(marks);
}

void script_marks_add(script_marks *marks, const sombra_value *mark)
{
    const bool is_first = marks->count++ == 0;

    if (mark->type == SOMBRA_TYPE_STRING) {
        marks->has_strings = true;
        return;
    }
    const int64_t integer = mark->as.integer;
    if (is_first || integer < marks->lowest) marks->lowest = integer;
    if (is_first || integer > marks->highest) marks->highest = integer;
}

/* ---- Taken off ------------------------------------------------------------------------------------------------------ */

typedef struct removal {
    uint64_t limit;
    int64_t above, through;
} removal;

/* WITH n LIMIT 20000, or WHERE n.key > 0 AND n.key <= 10000, or nothing: all. */
static bool take_which(script_scanner *s, const script_marks *marks, sombra_text node,
                       removal *which)
{
    int64_t limit;

    *which = (removal){0};
    if (script_take_word(s, "WITH")) {
        if (!script_take_this(s, node) || !script_take_word(s, "LIMIT") ||
            !script_take_integer(s, &limit) || limit < 0)
            return false;
        which->limit = (uint64_t)limit;
        return true;
    }
    if (script_take_word(s, "WHERE"))
        return script_take_this(s, node) && script_take(s, ".") &&
               script_take_this(s, marks->key) && script_take(s, ">") &&
               script_take_integer(s, &which->above) && script_take_word(s, "AND") &&
               script_take_this(s, node) && script_take(s, ".") &&
               script_take_this(s, marks->key) && script_take(s, "<=") &&
               script_take_integer(s, &which->through) && which->above < which->through;
    which->limit = UINT64_MAX;
    return true;
}

/* MATCH (n:Mark) … REMOVE n:Mark REMOVE n.key, or with a comma. */
static bool take_removal(script_scanner *s, const script_marks *marks, removal *which)
{
    bool removed[2] = {false, false}; /* the label, the property */
    sombra_text node;

    if (!script_take_word(s, "MATCH") || !script_take(s, "(") || !script_take_name(s, &node) ||
        !script_take(s, ":") || !script_take_this(s, marks->label) || !script_take(s, ")") ||
        !take_which(s, marks, node, which) || !script_take_word(s, "REMOVE"))
        return false;
    do {
        if (!script_take_this(s, node)) return false;
        const bool is_label = script_take(s, ":");
        if (!is_label && !script_take(s, ".")) return false;
        if (!script_take_this(s, is_label ? marks->label : marks->key)) return false;
        removed[is_label] = true;
    } while (script_take(s, ",") || script_take_word(s, "REMOVE"));
    return removed[0] && removed[1] && script_at_end(s);
}

static script_scanner scan(const char *text, size_t size, fmt_arena *arena)
{
    return (script_scanner){.at = text, .end = text + size, .arena = arena};
}

bool script_marks_take(script_marks *marks, const script_statement *statement)
{
    fmt_arena names = {0};
    script_scanner s = scan(statement->text, statement->size, &names);
    removal which;
    const bool taken = take_removal(&s, marks, &which);

    fmt_arena_free(&names);
    if (!taken) return false;
    marks->removals = fmt_grow(marks->removals, &marks->removal_capacity, marks->removal_count + 1,
                               sizeof *marks->removals);
    script_statement *kept = &marks->removals[marks->removal_count++];
    *kept = *statement;
    kept->text = fmt_arena_text(&marks->arena, statement->text, statement->size).data;
    marks->limit =
        which.limit > UINT64_MAX - marks->limit ? UINT64_MAX : marks->limit + which.limit;
    if (marks->above == marks->through) marks->above = marks->through = which.above;
    if (which.above <= marks->through && which.above >= marks->above &&
        which.through > marks->through)
        marks->through = which.through;
    return true;
}

bool script_marks_are_off(script_marks *marks, const script_statement *statement,
                          const script_shape *shape)
{
    fmt_arena names = {0};
    script_scanner s = scan(statement->text, statement->size, &names);
    removal which;

    if (shape != NULL) {
        const script_node *node = &shape->nodes[0];
        if (shape->kind == SCRIPT_NODES && node->key.size != 0 && marks->key.size == 0 &&
            is_mark(node->labels[0], node->key)) {
            marks->label = own_text(marks, node->labels[0]);
            marks->key = own_text(marks, node->key);
        }
        return false;
    }
    const bool off = marks->key.size != 0 && take_removal(&s, marks, &which);
    fmt_arena_free(&names);
    return off;
}

/* CREATE CONSTRAINT name FOR (n:Mark) REQUIRE n.key IS UNIQUE: no mark is there twice, so it is the same without them. */
bool script_marks_allow(const script_marks *marks, const char *text, size_t size)
{
    fmt_arena names = {0};
    script_scanner s = scan(text, size, &names);
    sombra_text name, node;
    bool in_brackets;

    const bool allowed =
        script_take_word(&s, "CREATE") && script_take_word(&s, "CONSTRAINT") &&
        script_take_name(&s, &name) && script_take_word(&s, "FOR") && script_take(&s, "(") &&
        script_take_name(&s, &node) && script_take(&s, ":") && script_take_this(&s, marks->label) &&
        script_take(&s, ")") && script_take_word(&s, "REQUIRE") &&
        ((in_brackets = script_take(&s, "(")) || true) && script_take_this(&s, node) &&
        script_take(&s, ".") && script_take_this(&s, marks->key) &&
        (!in_brackets || script_take(&s, ")")) && script_take_word(&s, "IS") &&
        script_take_word(&s, "UNIQUE") && script_at_end(&s);
    fmt_arena_free(&names);
    return allowed;
}

/* ---- As if they had been written ---------------------------------------------------------------------------------- */

static bool are_all_gone(const script_marks *marks)
{
    return marks->limit >= marks->count || (!marks->has_strings && marks->lowest > marks->above &&
                                            marks->highest <= marks->through);
}

static void forget(script_marks *marks)
{
    marks->count = marks->removal_count = 0;
    marks->limit = 0;
    marks->above = marks->through = 0;
    marks->has_strings = false;
    fmt_arena_free(&marks->arena);
}

static sombra_status write_marks(script_marks *marks)
{
    sombra_status status = fmt_loader_settle(marks->loader);

    marks->is_off = true;
    for (unsigned kind = 0; kind < 2 && status == SOMBRA_OK; kind++)
        status = fmt_loader_mark(marks->loader, marks->groups[kind], kind == 0, marks->label,
                                 marks->key);
    for (size_t i = 0; i < marks->removal_count && status == SOMBRA_OK; i++)
        status = marks->run(marks->ctx, &marks->removals[i]);
    return status;
}

sombra_status script_marks_settle(script_marks *marks)
{
    sombra_status status = SOMBRA_OK;

    if (marks->count == 0) return SOMBRA_OK;
    if (are_all_gone(marks))
        fmt_loader_forget(marks->loader, SCRIPT_GROUPS);
    else
        status = write_marks(marks);
    forget(marks);
    return status;
}

void script_marks_free(script_marks *marks)
{
    fmt_arena_free(&marks->arena);
    free(marks->removals);
}
