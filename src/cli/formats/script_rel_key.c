/* script_rel_key.c — Neo4j's keys of relationships, in the constraints that there are: CREATE CONSTRAINT … IS RELATIONSHIP KEY says that the
 * properties are unique together, and that each of them is there. */
#include "cli/formats/script_priv.h"

#define KEYS_MAX 16 /* of a constraint */

/* CREATE CONSTRAINT name IF NOT EXISTS FOR; the name and the condition may be left out. */
static bool take_head(script_scanner *s)
{
    script_scanner next;
    sombra_text name;

    if (!script_take_word(s, "CREATE") || !script_take_word(s, "CONSTRAINT")) return false;
    next = *s;
    if (!script_take_word(&next, "FOR") && !script_take_word(&next, "IF") &&
        !script_take_name(s, &name))
        return false;
    if (script_take_word(s, "IF") &&
        (!script_take_word(s, "NOT") || !script_take_word(s, "EXISTS")))
        return false;
    return script_take_word(s, "FOR");
}

/* ()-[rel:TYPE]-() */
static bool take_pattern(script_scanner *s, sombra_text *rel)
{
    sombra_text type;

    if (!script_take(s, "(") || !script_take(s, ")")) return false;
    (void)script_take(s, "<");
    if (!script_take(s, "-") || !script_take(s, "[") || !script_take_name(s, rel) ||
        !script_take(s, ":") || !script_take_name(s, &type) || !script_take(s, "]") ||
        !script_take(s, "-"))
        return false;
    (void)script_take(s, ">");
    return script_take(s, "(") && script_take(s, ")");
}

/* (rel.a, rel.b), or one without the brackets: how many; 0: it is something else. */
static size_t take_keys(script_scanner *s, sombra_text rel, sombra_text keys[KEYS_MAX])
{
    const bool in_brackets = script_take(s, "(");
    size_t count = 0;
    sombra_text name;

    do {
        const char *from = s->at;
        if (count == KEYS_MAX || !script_take_this(s, rel) || !script_take(s, ".") ||
            !script_take_name(s, &name))
            return 0;
        keys[count++] = fmt_text(from, (size_t)(s->at - from));
    } while (in_brackets && script_take(s, ","));
    return in_brackets && !script_take(s, ")") ? 0 : count;
}

static void put_constraint(fmt_buffer *out, sombra_text head, sombra_text key)
{
    fmt_puts(out, "CREATE CONSTRAINT IF NOT EXISTS FOR");
    fmt_put(out, head.data, head.size);
    fmt_puts(out, " REQUIRE (");
    fmt_put(out, key.data, key.size);
    fmt_put(out, ") IS NOT NULL", sizeof ") IS NOT NULL"); /* and a NUL */
}

size_t script_rel_key(const char *text, size_t size, fmt_buffer *later)
{
    fmt_arena names = {0};
    script_scanner s = {.at = text, .end = text + size, .arena = &names};
    sombra_text rel, keys[KEYS_MAX];
    size_t count = 0;

    bool is = take_head(&s);
    const char *from = s.at;
    is = is && take_pattern(&s, &rel);
    const sombra_text pattern = fmt_text(from, (size_t)(s.at - from));
    is = is && script_take_word(&s, "REQUIRE") && (count = take_keys(&s, rel, keys)) != 0;
    const size_t unique = (size_t)(s.at - text);
    is = is && script_take_word(&s, "IS") &&
         (script_take_word(&s, "RELATIONSHIP") || script_take_word(&s, "REL")) &&
         script_take_word(&s, "KEY") && script_at_end(&s);
    for (size_t i = 0; is && i < count; i++)
        put_constraint(later, pattern, keys[i]);
    fmt_arena_free(&names);
    return is ? unique : 0;
}
