/* number.c — numbers in query texts: 42, 1_000, 0x2A, 0o52, 052, 4.2, .5, 6e23. Signs are the parser's. */
#include "cypher/lex/lex_priv.h"

#include "graph/text_value.h"

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* Value of a digit of any base; 99 for what is none. */
static unsigned digit_value(uint8_t c)
{
    if (is_digit(c)) return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f') return (unsigned)(c - 'a') + 10;
    if (c >= 'A' && c <= 'F') return (unsigned)(c - 'A') + 10;
    return 99;
}

static size_t digits_end(sb_bytes text, size_t from)
{
    size_t i = from;

    while (i < text.size && is_digit(text.data[i]))
        i++;
    return i;
}

/* Everything that a reader takes for part of the number, so that messages show it whole. */
static size_t word_end(const sb_lexer *lexer, size_t from)
{
    size_t i = from;

    while (i < lexer->text.size) {
        int32_t character;
        const size_t used = sb_lex__character(lexer, i, &character);
        if (used == 0 || !sb_lex__continues_name(character)) break;
        i += used;
    }
    return i;
}

static sb_token invalid(const sb_lexer *lexer, size_t start, size_t at)
{
    return sb_lex__bad(start, word_end(lexer, at), SB_CYPHER_INVALID_NUMBER_LITERAL,
                       "this is no number");
}

/* Digits of a base with single '_' between them, up to the end of the word. */
static sb_token lex_integer(const sb_lexer *lexer, size_t start, size_t from, unsigned base)
{
    const sb_bytes text = lexer->text;
    const size_t end = word_end(lexer, from);
    const uint64_t most = (uint64_t)1 << 63;
    uint64_t sum = 0;
    bool overflow = false;

    if (end == from) return invalid(lexer, start, from);
    for (size_t i = from; i < end; i++) {
        const uint8_t c = text.data[i];
        if (c == '_' && i > from && i + 1 < end && text.data[i - 1] != '_') continue;
        const unsigned digit = digit_value(c);
        if (digit >= base) return invalid(lexer, start, from);
        if (overflow || sum > (most - digit) / base) {
            overflow = true;
        } else {
            sum = sum * base + digit;
        }
    }
    if (overflow)
        return sb_lex__bad(start, end, SB_CYPHER_INTEGER_OVERFLOW,
                           "an integer is a 64-bit number, this one is too large");
    return (sb_token){
        .kind = SB_TOKEN_INT, .span = {(uint32_t)start, (uint32_t)end}, .value.integer = sum};
}

/* End of "e12", "E-3" at from; from when there is no exponent. */
static size_t exponent_end(sb_bytes text, size_t from)
{
    size_t i = from;

    if (i >= text.size || (text.data[i] != 'e' && text.data[i] != 'E')) return from;
    i++;
    if (i < text.size && (text.data[i] == '+' || text.data[i] == '-')) i++;
    const size_t end = digits_end(text, i);
    return end == i ? from : end;
}

static sb_token lex_real(const sb_lexer *lexer, size_t start, size_t end)
{
    const sb_bytes digits = sb_bytes_of(lexer->text.data + start, end - start);
    int32_t character;
    double real = 0;

    if (end < lexer->text.size && sb_lex__character(lexer, end, &character) != 0 &&
        sb_lex__continues_name(character))
        return invalid(lexer, start, end);
    /* These are digits, so that only their size can be wrong. */
    if (!sb_text_to_real(digits, &real))
        return sb_lex__bad(start, end, SB_CYPHER_FLOATING_POINT_OVERFLOW,
                           "a float is a 64-bit number, this one is too large");
    return (sb_token){
        .kind = SB_TOKEN_FLOAT, .span = {(uint32_t)start, (uint32_t)end}, .value.real = real};
}

/* Is what goes on with '_' at from, behind the first digits, a float: 1_000.5? *end: of what stands before the point and the first digits
 * behind it. */
static bool is_grouped_real(const sb_lexer *lexer, size_t from, size_t *end)
{
    const sb_bytes text = lexer->text;
    size_t point = from;

    while (point < text.size && (text.data[point] == '_' || is_digit(text.data[point])))
        point++;
    if (point == from || point + 1 >= text.size || text.data[point] != '.' ||
        !is_digit(text.data[point + 1]))
        return false;
    *end = digits_end(text, point + 1);
    return true;
}

sb_token sb_lex__number(const sb_lexer *lexer, size_t start)
{
    const sb_bytes text = lexer->text;
    const uint8_t second = start + 1 < text.size ? text.data[start + 1] : 0;

    if (text.data[start] == '0' && (second == 'x' || second == 'X'))
        return lex_integer(lexer, start, start + 2, 16);
    if (text.data[start] == '0' && (second == 'o' || second == 'O'))
        return lex_integer(lexer, start, start + 2, 8);
    const size_t whole = digits_end(text, start);
    size_t end = whole;
    /* "1..3" is a range, and "1.e" is no float: a digit has to follow the point. */
    if (whole + 1 < text.size && text.data[whole] == '.' && is_digit(text.data[whole + 1]))
        end = digits_end(text, whole + 1);
    end = exponent_end(text, end);
    if (end != whole) return lex_real(lexer, start, end);
    if (text.data[start] == '0' && is_digit(second)) return lex_integer(lexer, start, start, 8);
    if (is_grouped_real(lexer, whole, &end))
        return sb_lex__bad(start, word_end(lexer, end), SB_CYPHER_INVALID_NUMBER_LITERAL,
                           "the digits of a float stand without '_'");
    return lex_integer(lexer, start, start, 10);
}
