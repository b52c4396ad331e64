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
    const char *open[OPEN_MAX]; /* names of elements */
    size_t depth;
    const char *attributes[2 * ATTRIBUTES_MAX + 1];
    size_t count; /* of names and values in attributes */
} plain;

/* ---- Characters ---------------------------------------------------------------------------------------------------- */

static bool is_control(unsigned char c)
{
    return c < 0x20 && c != '\n' && c != '\t';
}

/* Is each character one that XML may have, and that Expat gives as it is? */
static bool is_clean(const char *text, size_t size)
{
    const uint64_t ones = 0x0101010101010101u;
    bool is_wide = false;
    size_t at = 0;

    for (uint64_t eight; size - at >= sizeof eight; at += sizeof eight) {
        memcpy(&eight, text + at, sizeof eight);
        is_wide = is_wide || (eight & (ones << 7)) != 0;
        if (((eight - 0x20 * ones) & ~eight & (ones << 7)) == 0) continue;
        for (size_t i = 0; i < sizeof eight; i++)
            if (is_control((unsigned char)text[at + i])) return false;
    }
    for (; at < size; at++) {
        is_wide = is_wide || (text[at] & 0x80) != 0;
        if (is_control((unsigned char)text[at])) return false;
    }
    /* U+FFFE and U+FFFF are no characters of XML */
    return !is_wide || (fmt_utf8_valid(text, size) && memmem(text, size, "\xEF\xBF", 2) == NULL);
}

/* The end of a section may not stand in a text. */
static bool has_section_end(const char *text, size_t size)
{
    for (const char *at = text, *end = text + size;
         (at = memchr(at, ']', (size_t)(end - at))) != NULL; at++)
        if (end - at > 2 && at[1] == ']' && at[2] == '>') return true;
    return false;
}

static bool is_name_start(char c)
{
    return (unsigned)((c | 0x20) - 'a') < 26 || c == '_';
}

static bool is_name(char c)
{
    return is_name_start(c) || (unsigned)(c - '0') < 10 || c == ':' || c == '-' || c == '.';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\t';
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
    return *(*at)++ == ';' && code < 0x80 && (code >= 0x20 || is_blank(*c) || *c == '\r');
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
    const char *from = p->at;

    while (is_blank(*p->at))
        p->at++;
    return p->at != from;
}

static char *skip_name(plain *p)
{
    char *from = p->at;

    if (!is_name_start(*from)) return NULL;
    while (is_name(*p->at))
        p->at++;
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
    static const bool is_special[256] = {['"'] = true,  ['\''] = true, ['&'] = true, ['<'] = true,
                                         ['\n'] = true, ['\t'] = true, ['\0'] = true};
    const char *name = skip_name(p);
    bool has_references = false;

    if (name == NULL || p->count == 2 * ATTRIBUTES_MAX || *p->at != '=') return false;
    *p->at++ = '\0';
    const char quote = *p->at++;
    if ((quote != '"' && quote != '\'') || !is_new(p, name)) return false;
    char *from = p->at, *end;
    for (;; p->at++) {
        while (!is_special[(unsigned char)*p->at])
            p->at++;
        if (*p->at == quote) break;
        if (*p->at == '<' || *p->at == '\n' || *p->at == '\t' || *p->at == '\0') return false;
        has_references = has_references || *p->at == '&';
    }
    end = p->at++;
    if (has_references && !decode(from, &end)) return false;
    *end = '\0';
    p->attributes[p->count++] = name;
    p->attributes[p->count++] = from;
    return true;
}

/* <name name="value" …>, or with a slash at its end. */
static bool read_start(plain *p, size_t place)
{
    const char *name = (p->at++, skip_name(p));
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
    p->open[p->depth++] = name;
    if (!p->to->start(p->ctx, name, p->attributes, place)) return false;
    return !is_empty || p->to->end(p->ctx, p->open[--p->depth], fmt_text("", 0), place);
}

static bool read_end(plain *p, size_t place, sombra_text text)
{
    const char *name = p->depth == 0 ? NULL : p->open[p->depth - 1];
    const size_t size = name == NULL ? 0 : strlen(name);

    if (name == NULL || strncmp(p->at + 2, name, size) != 0 || p->at[2 + size] != '>') return false;
    p->at += size + 3;
    p->depth--;
    return p->to->end(p->ctx, name, text, place);
}

bool xml_read_plain(char *text, size_t size, const xml_handlers *to, void *ctx)
{
    plain p = {.begin = text, .at = text, .end = text + size, .to = to, .ctx = ctx};

    if (!is_clean(text, size) || has_section_end(text, size)) return false;
    for (;;) {
        bool has_references = false;
        char *from = p.at;
        for (;; p.at++) {
            while (*p.at > '<' || (*p.at != '<' && *p.at != '&' && *p.at != '\0'))
                p.at++;
            if (*p.at != '&') break;
            has_references = true;
        }
        char *end = p.at;
        if (has_references && !decode(from, &end)) return false;
        if (p.at == p.end) return p.depth == 0;
        const size_t place = (size_t)(p.at - p.begin);
        *end = '\0'; /* perhaps the bracket, which is not looked at any more */
        if (p.at[1] == '/' ? !read_end(&p, place, fmt_text(from, (size_t)(end - from)))
                           : !read_start(&p, place))
            return false;
    }
}
