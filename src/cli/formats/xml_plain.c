/* xml_plain.c — XML in its plainest form, as programs write it: elements, attributes, text, the five references and those of ASCII characters. Expat
 * reads all of XML, and takes ten times as long as reading this does.
 *
 * What is taken is well-formed, and means what Expat says of it; what is not plainly so is refused, be it right or wrong, and is for Expat: comments,
 * sections, instructions, document types, names that are not ASCII, carriage returns, ends of lines within values, elements that lie deep. */
#include <string.h>

#include "cli/formats/xml_priv.h"

#define OPEN_MAX       16u /* elements within each other */
#define ATTRIBUTES_MAX 16u /* of one element: each is compared with the others */

typedef struct plain {
    char *begin, *at;
    const char *end; /* a NUL stands there, and nowhere before */
    const xml_handlers *to;
    void *ctx;
    const char *open[OPEN_MAX];  /* names of elements */
    const char *local[OPEN_MAX]; /* without their prefixes */
    size_t depth;
    const char *attributes[2 * ATTRIBUTES_MAX + 1];
    size_t count; /* of names and values in attributes */
} plain;

/* ---- Characters ---------------------------------------------------------------------------------------------------- */

/* Texts that are not all ASCII: is each character one that XML may have? Of ASCII the ways through tags and texts stop at those
 * it may not have, and at carriage returns. */
static bool is_clean(const char *text, size_t size)
{
    const uint64_t high = UINT64_C(0x8080808080808080);
    uint64_t any = 0;
    size_t at = 0;

    for (uint64_t four[4]; size - at >= sizeof four; at += sizeof four) {
        memcpy(four, text + at, sizeof four);
        any |= four[0] | four[1] | four[2] | four[3];
    }
    for (; at < size; at++)
        any |= (uint64_t)(unsigned char)text[at];
    /* U+FFFE and U+FFFF are no characters of XML */
    return (any & high) == 0 ||
           (fmt_utf8_valid(text, size) && memmem(text, size, "\xEF\xBF", 2) == NULL);
}

/* The end of a section may not stand in a text. */
static bool has_section_end(const char *text, size_t size)
{
    for (const char *at = text, *end = text + size;
         (at = memchr(at, ']', (size_t)(end - at))) != NULL; at++)
        if (end - at > 2 && at[1] == ']' && at[2] == '>') return true;
    return false;
}

/* What a character is, as bits: a blank, the first of a name, one within a name (colons are looked at by themselves), the end of what is
 * plain in an attribute's value, and in a text. */
enum { BLANK = 1, FIRST = 2, NAME = 4, VALUE = 8, TEXT = 16 };
/* clang-format off */
enum { _ = 0, B = BLANK, F = FIRST | NAME, N = NAME, V = VALUE, L = BLANK | VALUE, E = VALUE | TEXT };
static const unsigned char kinds[256] = {
    E, E, E, E, E, E, E, E, E, L, L, E, E, E, E, E,
    E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E,
    B, _, V, _, _, _, E, V, _, _, _, _, _, N, N, _,
    N, N, N, N, N, N, N, N, N, N, _, _, E, _, _, _,
    _, F, F, F, F, F, F, F, F, F, F, F, F, F, F, F,
    F, F, F, F, F, F, F, F, F, F, F, _, _, _, _, F,
    _, F, F, F, F, F, F, F, F, F, F, F, F, F, F, F,
    F, F, F, F, F, F, F, F, F, F, F, _, _, _, _, _,
};
/* clang-format on */

static inline bool is(char c, unsigned kind)
{
    return (kinds[(unsigned char)c] & kind) != 0;
}

/* The character of a reference at *at, which moves behind it. */
static bool read_reference(const char **at, char *c)
{
    static const struct {
        const char *text;
        char c;
    } known[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
    unsigned code = 0;

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const size_t size = strlen(known[i].text);
        if (strncmp(*at, known[i].text, size) != 0) continue;
        *c = known[i].c;
        *at += size;
        return true;
    }
    if ((*at)[1] != '#') return false;
    for (*at += 2; (unsigned)(**at - '0') < 10 && code < 0x80; ++*at)
        code = 10 * code + (unsigned)(**at - '0');
    *c = (char)code;
    return *(*at)++ == ';' && code < 0x80 && (code >= 0x20 || is(*c, BLANK) || *c == '\r');
}

/* References of [from, *end) become what they stand for, and *end where that ends. */
static bool decode(char *from, char **end)
{
    const char *at = from;
    char *out = from;

    while (at != *end) {
        if (*at != '&')
            *out++ = *at++;
        else if (!read_reference(&at, out++))
            return false;
    }
    *end = out;
    return true;
}

/* ---- Tags ------------------------------------------------------------------------------------------------------------ */

static bool skip_blanks(plain *p)
{
    char *at = p->at;

    while (is(*at, BLANK))
        at++;
    const bool skipped = at != p->at;
    p->at = at;
    return skipped;
}

/* *local: behind its prefix. */
static char *skip_name(plain *p, const char **local)
{
    char *from = p->at, *at = from;

    *local = from;
    if (!is(*from, FIRST)) return NULL;
    for (;; at++) {
        while (is(*at, NAME))
            at++;
        if (*at != ':') break;
        if (*local == from) *local = at + 1; /* the first colon, as for other parsers */
    }
    p->at = at;
    return from;
}

static bool is_new(const plain *p, const char *name)
{
    for (size_t i = 0; i < p->count; i += 2)
        if (*p->attributes[i] == *name && strcmp(p->attributes[i], name) == 0) return false;
    return true;
}

/* name="value" */
static bool read_attribute(plain *p)
{
    const char *local, *name = skip_name(p, &local);
    bool has_references = false;

    if (name == NULL || p->count == 2 * ATTRIBUTES_MAX || *p->at != '=') return false;
    *p->at++ = '\0';
    const char quote = *p->at++;
    if ((quote != '"' && quote != '\'') || !is_new(p, name)) return false;
    char *from = p->at, *at = from;
    for (;; at++) {
        while (!is(*at, VALUE))
            at++;
        if (*at == quote) break;
        if (*at != '"' && *at != '\'' && *at != '&') return false;
        has_references = has_references || *at == '&';
    }
    p->at = at + 1;
    if (has_references && !decode(from, &at)) return false;
    *at = '\0';
    p->attributes[p->count++] = name;
    p->attributes[p->count++] = from;
    return true;
}

/* <name name="value" …>, or with a slash at its end. */
static bool read_start(plain *p, size_t place)
{
    const char *local, *name = (p->at++, skip_name(p, &local));
    char *name_end = p->at;

    if (name == NULL || p->depth == OPEN_MAX) return false;
    p->count = 0;
    while (skip_blanks(p) && *p->at != '>' && *p->at != '/')
        if (!read_attribute(p)) return false;
    const bool is_empty = *p->at == '/';
    p->at += is_empty;
    if (*p->at++ != '>') return false;
    *name_end = '\0'; /* a blank, slash or bracket that has been read */
    p->attributes[p->count] = NULL;
    p->local[p->depth] = local;
    p->open[p->depth++] = name;
    if (!p->to->start(p->ctx, local, p->attributes, place)) return false;
    return !is_empty || p->to->end(p->ctx, p->local[--p->depth], fmt_text("", 0), place);
}

static bool read_end(plain *p, size_t place, sombra_text text)
{
    char *at = p->at + 2; /* stops at the NUL behind all, at the latest */

    if (p->depth == 0) return false;
    for (const char *name = p->open[p->depth - 1]; *name != '\0'; name++)
        if (*at++ != *name) return false;
    if (*at != '>') return false;
    p->at = at + 1;
    p->depth--;
    return p->to->end(p->ctx, p->local[p->depth], text, place);
}

bool xml_read_plain(char *text, size_t size, const xml_handlers *to, void *ctx)
{
    plain p = {.begin = text, .at = text, .end = text + size, .to = to, .ctx = ctx};

    if (!is_clean(text, size) || has_section_end(text, size)) return false;
    for (;;) {
        bool has_references = false;
        char *from = p.at, *end = from;
        for (;; end++) {
            while (!is(*end, TEXT))
                end++;
            if (*end != '&') break;
            has_references = true;
        }
        p.at = end;
        if (has_references && !decode(from, &end)) return false;
        if (*p.at != '<') return p.at == p.end && p.depth == 0;
        const size_t place = (size_t)(p.at - p.begin);
        *end = '\0'; /* perhaps the bracket, which is not looked at any more */
        if (p.at[1] == '/' ? !read_end(&p, place, fmt_text(from, (size_t)(end - from)))
                           : !read_start(&p, place))
            return false;
    }
}
