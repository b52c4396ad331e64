/* json.c — JSON in memory, token by token (RFC 8259). */
#include <string.h>

#include "cli/formats/json_priv.h"

#define DEPTH_MAX 200u /* of values that are left out */

bool fmt_json_fail(fmt_json *j, const char *at, const char *problem)
{
    if (j->problem == NULL) {
        j->problem = problem;
        j->problem_at = at;
    }
    return false;
}

bool fmt_json_take(fmt_json *j, char c)
{
    static const struct {
        char c;
        const char *problem;
    } expected[] = {{'{', "an object is expected here"}, {'}', "a '}' is missing here"},
                    {'[', "a list is expected here"},    {']', "a ']' is missing here"},
                    {':', "a ':' is missing here"},      {'"', "a text is expected here"}};

    if (fmt_json_skip(j, c)) return true;
    if (j->at == j->end) return fmt_json_fail(j, j->at, "the JSON text ends too early");
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        if (expected[i].c == c) return fmt_json_fail(j, j->at, expected[i].problem);
    return fmt_json_fail(j, j->at, "this is no JSON");
}

/* ---- Strings ------------------------------------------------------------------------------------------------ */

static bool hex4(fmt_json *j, uint32_t *code)
{
    *code = 0;
    if (j->end - j->at < 4)
        return fmt_json_fail(j, j->at, "\\u is followed by four hexadecimal digits");
    for (int i = 0; i < 4; i++) {
        const char c = *j->at++;
        const char lower = (char)(c | 0x20);
        if (c >= '0' && c <= '9')
            *code = *code << 4 | (uint32_t)(c - '0');
        else if (lower >= 'a' && lower <= 'f')
            *code = *code << 4 | (uint32_t)(lower - 'a' + 10);
        else
            return fmt_json_fail(j, j->at - 1, "\\u is followed by four hexadecimal digits");
    }
    return true;
}

static char *put_utf8(char *out, uint32_t code)
{
    if (code < 0x80) {
        *out++ = (char)code;
    } else if (code < 0x800) {
        *out++ = (char)(0xC0 | code >> 6);
        *out++ = (char)(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        *out++ = (char)(0xE0 | code >> 12);
        *out++ = (char)(0x80 | (code >> 6 & 0x3F));
        *out++ = (char)(0x80 | (code & 0x3F));
    } else {
        *out++ = (char)(0xF0 | code >> 18);
        *out++ = (char)(0x80 | (code >> 12 & 0x3F));
        *out++ = (char)(0x80 | (code >> 6 & 0x3F));
        *out++ = (char)(0x80 | (code & 0x3F));
    }
    return out;
}

/* Behind a backslash. */
static bool escape(fmt_json *j, char **out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *start = j->at - 1;
    uint32_t code, low;

    if (j->at == j->end) return fmt_json_fail(j, start, "the text is not closed");
    const char c = *j->at++;
    const char *known = c == '\0' ? NULL : strchr(from, c);
    if (known != NULL) {
        *(*out)++ = to[known - from];
        return true;
    }
    if (c != 'u') return fmt_json_fail(j, start, "there is no such escape");
    if (!hex4(j, &code)) return false;
    if (code >= 0xDC00 && code < 0xE000)
        return fmt_json_fail(j, start, "half of a surrogate pair stands alone");
    if (code >= 0xD800 && code < 0xDC00) {
        if (j->end - j->at < 2 || j->at[0] != '\\' || j->at[1] != 'u')
            return fmt_json_fail(j, start, "half of a surrogate pair stands alone");
        j->at += 2;
        if (!hex4(j, &low)) return false;
        if (low < 0xDC00 || low > 0xDFFF)
            return fmt_json_fail(j, start, "half of a surrogate pair stands alone");
        code = 0x10000 + ((code - 0xD800) << 10 | (low - 0xDC00));
    }
    *out = put_utf8(*out, code);
    return true;
}

/* The end of a string's plain part: a quote, a backslash, a control character, or the end. Most are short. */
static const char *plain_end(const char *at, const char *end)
{
    static const bool is_end[256] = {1, 1, 1, 1, 1, 1, 1, 1, 1,         1,         1, 1,
                                     1, 1, 1, 1, 1, 1, 1, 1, 1,         1,         1, 1,
                                     1, 1, 1, 1, 1, 1, 1, 1, ['"'] = 1, ['\\'] = 1};

    for (const char *near = end - at < 12 ? end : at + 12; at != near; at++)
        if (is_end[(unsigned char)*at]) return at;
    while (end - at >= 8) {
        uint64_t v, low = 0x0101010101010101u, high = 0x8080808080808080u;
        memcpy(&v, at, 8);
        const uint64_t quote = v ^ (low * '"'), back = v ^ (low * '\\');
        const uint64_t hit =
            ((quote - low) & ~quote) | ((back - low) & ~back) | ((v - low * 0x20) & ~v);
        if ((hit & high) != 0) break; /* one of these eight, or one that follows it */
        at += 8;
    }
    while (at != end && !is_end[(unsigned char)*at])
        at++;
    return at;
}

/* One that has escapes, or is wrong, from start on; j->at is where its plain part ends. Not inlined: most texts have none, and are read faster
 * by a function that keeps nothing. */
static bool __attribute__((noinline))
escaped_string(fmt_json *j, const char *start, sombra_text *text)
{
    /* The text is no longer than what is left of it in the document: each escape shrinks. */
    const char *last = j->at;
    while (last != j->end && *last != '"')
        last += *last == '\\' && j->end - last > 1 ? 2 : 1;
    char *made = fmt_arena_alloc(j->arena, (size_t)(last - start) + 1), *out = made;
    memcpy(out, start, (size_t)(j->at - start));
    out += j->at - start;
    while (j->at != j->end && *j->at != '"') {
        if ((unsigned char)*j->at < 0x20)
            return fmt_json_fail(j, j->at, "a control character in a text is written as an escape");
        if (*j->at == '\\') {
            j->at++;
            if (!escape(j, &out)) return false;
            continue;
        }
        const char *part = j->at;
        j->at = plain_end(part, j->end);
        memcpy(out, part, (size_t)(j->at - part));
        out += j->at - part;
    }
    if (j->at == j->end) return fmt_json_fail(j, start - 1, "the text is not closed");
    j->at++;
    *out = '\0';
    *text = fmt_text(made, (size_t)(out - made));
    return true;
}

bool fmt_json_string(fmt_json *j, sombra_text *text)
{
    if (j->at != j->end && *j->at == '"')
        j->at++;
    else if (!fmt_json_take(j, '"'))
        return false;
    const char *start = j->at, *end = plain_end(start, j->end);
    j->at = end;
    if (end == j->end || *end != '"') return escaped_string(j, start, text);
    *text = fmt_text(start, (size_t)(end - start));
    j->at = end + 1;
    return true;
}

/* ---- Numbers and words --------------------------------------------------------------------------------------------- */

static bool digits(fmt_json *j)
{
    const char *start = j->at;

    while (j->at != j->end && *j->at >= '0' && *j->at <= '9')
        j->at++;
    return j->at != start;
}

bool fmt_json_number(fmt_json *j, sombra_text *text, bool *is_real)
{
    (void)fmt_json_peek(j);
    const char *start = j->at;

    *is_real = false;
    if (j->at != j->end && *j->at == '-') j->at++;
    const char *first = j->at;
    if (!digits(j)) return fmt_json_fail(j, start, "a value is expected here");
    if (*first == '0' && j->at - first > 1)
        return fmt_json_fail(j, start, "a number does not begin with 0");
    if (j->at != j->end && *j->at == '.') {
        j->at++;
        *is_real = true;
        if (!digits(j)) return fmt_json_fail(j, j->at, "digits follow the point of a number");
    }
    if (j->at != j->end && (*j->at == 'e' || *j->at == 'E')) {
        j->at++;
        *is_real = true;
        if (j->at != j->end && (*j->at == '+' || *j->at == '-')) j->at++;
        if (!digits(j)) return fmt_json_fail(j, j->at, "digits follow the exponent of a number");
    }
    *text = fmt_text(start, (size_t)(j->at - start));
    return true;
}

bool fmt_json_word(fmt_json *j, char *word)
{
    static const char *const words[] = {"true", "false", "null"};

    (void)fmt_json_peek(j);
    for (size_t i = 0; i < 3; i++) {
        const size_t size = strlen(words[i]);
        if ((size_t)(j->end - j->at) < size || memcmp(j->at, words[i], size) != 0) continue;
        j->at += size;
        *word = *words[i];
        return true;
    }
    return fmt_json_fail(
        j, j->at, j->at == j->end ? "the JSON text ends too early" : "a value is expected here");
}

/* ---- Lists and objects ------------------------------------------------------------------------------------------------- */

bool fmt_json_member(fmt_json *j, bool first, sombra_text *key, bool *more)
{
    *more = false;
    if (fmt_json_skip(j, '}')) return true;
    if (!first && !fmt_json_skip(j, ','))
        return fmt_json_fail(j, j->at,
                             j->at == j->end ? "the JSON text ends too early"
                                             : "a ',' or '}' is expected here");
    *more = true;
    if (!fmt_json_string(j, key)) return false;
    if (j->at == j->end || *j->at != ':') return fmt_json_take(j, ':');
    j->at++;
    return true;
}

bool fmt_json_item(fmt_json *j, bool first, bool *more)
{
    *more = false;
    if (fmt_json_skip(j, ']')) return true;
    if (!first && !fmt_json_skip(j, ','))
        return fmt_json_fail(j, j->at,
                             j->at == j->end ? "the JSON text ends too early"
                                             : "a ',' or ']' is expected here");
    *more = true;
    return true;
}

/* A value that is neither list nor object. */
static bool ignore_scalar(fmt_json *j)
{
    sombra_text text;
    bool is_real;
    char word;
    const char c = fmt_json_peek(j);

    if (c == '"') return fmt_json_string(j, &text);
    if (c == '-' || (c >= '0' && c <= '9')) return fmt_json_number(j, &text, &is_real);
    return fmt_json_word(j, &word);
}

bool fmt_json_ignore(fmt_json *j)
{
    char closers[DEPTH_MAX];
    size_t depth = 0;
    bool first = true; /* in the list or object at hand */
    sombra_text key;
    bool more;

    do {
        if (depth != 0) {
            const bool object = closers[depth - 1] == '}';
            if (object ? !fmt_json_member(j, first, &key, &more) : !fmt_json_item(j, first, &more))
                return false;
            first = false;
            if (!more) {
                depth--;
                continue;
            }
        }
        const char c = fmt_json_peek(j);
        if (c != '{' && c != '[') {
            if (!ignore_scalar(j)) return false;
            continue;
        }
        if (depth == DEPTH_MAX) return fmt_json_fail(j, j->at, "lists and objects lie too deep");
        closers[depth++] = c == '{' ? '}' : ']';
        j->at++;
        first = true;
    } while (depth != 0);
    return true;
}

void fmt_put_json(fmt_buffer *out, const void *text, size_t bytes)
{
    const char *at = text, *end = at + bytes;

    fmt_put(out, "\"", 1);
    while (at != end) {
        const char *next = plain_end(at, end);
        fmt_put(out, at, (size_t)(next - at));
        at = next;
        if (at == end) break;
        if (*at == '"' || *at == '\\')
            fmt_printf(out, "\\%c", *at);
        else if (*at == '\n')
            fmt_puts(out, "\\n");
        else if (*at == '\t')
            fmt_puts(out, "\\t");
        else if (*at == '\r')
            fmt_puts(out, "\\r");
        else {
            const unsigned code = (unsigned char)*at;
            const char made[] = {
                '\\', 'u', '0', '0', (char)('0' + code / 16), "0123456789abcdef"[code % 16]};
            fmt_put(out, made, sizeof made);
        }
        at++;
    }
    fmt_put(out, "\"", 1);
}
