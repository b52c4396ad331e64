/* text.c — what strings and names in a query mean, and how they are written back. */
#include "cypher/lex/lex_priv.h"

#include <utf8proc.h>

/* ---- Escapes --------------------------------------------------------------------------------------------------- */

static unsigned hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f') return (unsigned)(c - 'a') + 10;
    if (c >= 'A' && c <= 'F') return (unsigned)(c - 'A') + 10;
    return 99;
}

/* count hexadecimal digits at `at`; false when there are fewer. */
static bool hex_digits(sb_bytes text, size_t at, unsigned count, uint32_t *value)
{
    *value = 0;
    if (text.size - at < count) return false;
    for (unsigned i = 0; i < count; i++) {
        const unsigned digit = hex_digit(text.data[at + i]);
        if (digit > 15) return false;
        *value = *value << 4 | digit;
    }
    return true;
}

typedef struct escape {
    size_t bytes;       /* of the escape, its backslash included; 0: it is none */
    uint32_t character; /* what it stands for */
    bool unicode;       /* a \u or \U that is none */
} escape;

/* \uXXXX, \UXXXXXXXX; two \u for the halves of a pair. */
static escape read_unicode(sb_bytes text, size_t at)
{
    const bool wide = text.data[at + 1] == 'U';
    const unsigned count = wide ? 8 : 4;
    uint32_t value, low;

    if (!hex_digits(text, at + 2, count, &value)) return (escape){.unicode = true};
    if (value >= 0xD800 && value < 0xDC00 && !wide && text.size - at >= 12 &&
        text.data[at + 6] == '\\' && text.data[at + 7] == 'u' &&
        hex_digits(text, at + 8, 4, &low) && low >= 0xDC00 && low < 0xE000)
        return (escape){.bytes = 12,
                        .character = 0x10000 + ((value - 0xD800) << 10) + (low - 0xDC00)};
    if (value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) return (escape){.unicode = true};
    return (escape){.bytes = 2 + count, .character = value};
}

static escape read_escape(sb_bytes text, size_t at)
{
    static const char letters[] = "bfnrt\\'\"`/";
    static const char meanings[] = "\b\f\n\r\t\\'\"`/";

    if (text.size - at < 2) return (escape){0};
    const uint8_t c = text.data[at + 1];
    if (c == 'u' || c == 'U') return read_unicode(text, at);
    const char *letter = c != 0 ? strchr(letters, c) : NULL;
    if (letter == NULL) return (escape){0};
    return (escape){.bytes = 2, .character = (uint8_t)meanings[letter - letters]};
}

/* Of the character behind a backslash; 0: there is none that could be shown. */
static size_t next_bytes(const sb_lexer *lexer, size_t at)
{
    int32_t character = 0;
    const size_t used = at < lexer->text.size ? sb_lex__character(lexer, at, &character) : 0;

    return character < ' ' ? 0 : used;
}

sb_token sb_lex__string(const sb_lexer *lexer, size_t start)
{
    const sb_bytes text = lexer->text;
    const int32_t quote = text.data[start];
    bool escaped = false;

    for (size_t i = start + 1; i < text.size;) {
        int32_t character;
        const size_t used = sb_lex__character(lexer, i, &character);
        if (used == 0)
            return sb_lex__bad(i, i + 1, SB_CYPHER_INVALID_UNICODE_CHARACTER,
                               "the query is not UTF-8 here");
        if (character == quote)
            return (sb_token){.kind = SB_TOKEN_STRING,
                              .escaped = escaped,
                              .span = {(uint32_t)start, (uint32_t)(i + 1)}};
        if (character == '\\') {
            const escape found = read_escape(text, i);
            const size_t end = i + 2 < text.size ? i + 2 : text.size;
            if (found.unicode)
                return sb_lex__bad(i, end, SB_CYPHER_INVALID_UNICODE_LITERAL,
                                   "\\u takes 4 and \\U 8 hexadecimal digits of a character");
            if (found.bytes == 0)
                return sb_lex__bad(i, i + 1 + next_bytes(lexer, i + 1), SB_CYPHER_UNEXPECTED_SYNTAX,
                                   "no such escape; a backslash is written \\\\");
            escaped = true;
            i += found.bytes;
            continue;
        }
        i += used;
    }
    return sb_lex__bad(start, text.size, SB_CYPHER_UNEXPECTED_SYNTAX, "a string does not end");
}

/* ---- What a token means ---------------------------------------------------------------------------------------- */

static size_t unescape(sb_bytes inner, bool is_string, uint8_t *out)
{
    size_t size = 0;

    for (size_t i = 0; i < inner.size;) {
        if (is_string && inner.data[i] == '\\') {
            const escape found = read_escape(inner, i);
            SB_ASSERT(found.bytes != 0);
            size += (size_t)utf8proc_encode_char((utf8proc_int32_t)found.character, out + size);
            i += found.bytes;
            continue;
        }
        /* Of two backquotes the second is left out. */
        if (!is_string && inner.data[i] == '`') i++;
        out[size++] = inner.data[i++];
    }
    return size;
}

sb_bytes sb_lex_text(sb_arena *arena, sb_bytes text, const sb_token *token)
{
    size_t start = token->span.start;
    size_t end = token->span.end;

    if (token->kind == SB_TOKEN_PARAM) start++;
    if (token->kind == SB_TOKEN_STRING || token->kind == SB_TOKEN_QUOTED_NAME ||
        (token->kind == SB_TOKEN_PARAM && text.data[start] == '`')) {
        start++;
        end--;
    }
    const sb_bytes inner = sb_bytes_of(text.data + start, end - start);
    if (!token->escaped) return inner;
    uint8_t *copy = sb_arena_alloc(arena, inner.size);
    if (copy == NULL) return (sb_bytes){0};
    return sb_bytes_of(copy, unescape(inner, token->kind == SB_TOKEN_STRING, copy));
}

/* ---- Writing --------------------------------------------------------------------------------------------------- */

sb_status sb_lex_print_name(sb_bytes name, sb_buffer *out)
{
    if (sb_lex_is_plain_name(name)) return sb_buffer_append(out, name.data, name.size);
    SB_TRY(sb_buffer_append_byte(out, '`'));
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] == '`') SB_TRY(sb_buffer_append_byte(out, '`'));
        SB_TRY(sb_buffer_append_byte(out, name.data[i]));
    }
    return sb_buffer_append_byte(out, '`');
}

sb_status sb_lex_print_string(sb_bytes text, sb_buffer *out)
{
    static const char special[] = "\b\f\n\r\t\\'";
    static const char letters[] = "bfnrt\\'";

    SB_TRY(sb_buffer_append_byte(out, '\''));
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t c = text.data[i];
        const char *found = c != 0 ? strchr(special, c) : NULL;
        if (found != NULL) {
            SB_TRY(sb_buffer_printf(out, "\\%c", letters[found - special]));
        } else if (c < 0x20 || c == 0x7F) {
            SB_TRY(sb_buffer_printf(out, "\\u%04X", c));
        } else {
            SB_TRY(sb_buffer_append_byte(out, c));
        }
    }
    return sb_buffer_append_byte(out, '\'');
}
