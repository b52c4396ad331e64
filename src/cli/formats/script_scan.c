/* script_scan.c — words and names at the front of a statement's text. */
#include <string.h>
#include <strings.h>

#include "cli/formats/script_priv.h"

static void skip_blanks(script_scanner *s)
{
    s->at = script_blanks(s->at, s->end);
}

bool script_take(script_scanner *s, const char *text)
{
    const size_t size = strlen(text);

    skip_blanks(s);
    if ((size_t)(s->end - s->at) < size || memcmp(s->at, text, size) != 0) return false;
    s->at += size;
    return true;
}

bool script_take_word(script_scanner *s, const char *word)
{
    const size_t size = strlen(word), left = (skip_blanks(s), (size_t)(s->end - s->at));

    if (left < size || strncasecmp(s->at, word, size) != 0 ||
        (left > size && script_is_word(s->at[size])))
        return false;
    s->at += size;
    return true;
}

/* A name, plain or in backquotes. */
bool script_take_name(script_scanner *s, sombra_text *name)
{
    skip_blanks(s);
    const char *from = s->at;
    if (!script_take(s, "`")) {
        while (s->at < s->end && script_is_word(*s->at))
            s->at++;
        *name = fmt_text(from, (size_t)(s->at - from));
        return name->size != 0 && !script_is_digit(*from);
    }
    char *made = fmt_arena_alloc(s->arena, (size_t)(s->end - s->at) + 1), *out = made;
    while (s->at < s->end && *s->at != '\\' && *s->at != '\0') {
        const char c = *s->at++;
        if (c == '`' && (s->at == s->end || *s->at != '`')) {
            *name = fmt_text(made, (size_t)(out - made));
            return name->size != 0;
        }
        if (c == '`') s->at++; /* a doubled one stands for itself */
        *out++ = c;
    }
    return false;
}

bool script_take_this(script_scanner *s, sombra_text name)
{
    sombra_text found;

    return script_take_name(s, &found) && script_is_same(found, name);
}

/* Of at most 18 digits; longer ones are for the language. */
bool script_take_integer(script_scanner *s, int64_t *integer)
{
    const bool negative = script_take(s, "-");
    const char *from = (skip_blanks(s), s->at);

    for (*integer = 0; s->at < s->end && script_is_digit(*s->at) && s->at - from < 19; s->at++)
        *integer = 10 * *integer + (*s->at - '0');
    const size_t digits = (size_t)(s->at - from);
    if (digits == 0 || digits == 19 || (digits > 1 && *from == '0')) return false;
    if (s->at < s->end && (script_is_word(*s->at) || *s->at == '.')) return false;
    if (negative) *integer = -*integer;
    return true;
}

bool script_at_end(script_scanner *s)
{
    skip_blanks(s);
    return s->at == s->end;
}

bool script_is_same(sombra_text a, sombra_text b)
{
    return a.size == b.size && a.size != 0 && memcmp(a.data, b.data, a.size) == 0;
}
