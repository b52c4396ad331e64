/* Goal: each form of token is read as what it means, and what is none becomes one BAD token with its fault. Method: texts with the kinds
 * and values that they have; every prefix and every changed byte of a text with all forms. */
#include "cypher/lex/lex.h"

#include <math.h>

#include "unit/cypher/cypher_fixture.h"

static sb_tokens lex(cypher_fixture *f, const char *text)
{
    sb_tokens tokens;
    cypher_reset(f);
    assert_int_equal(sb_lex_tokens(f->arena, BYTES(text), NULL, &tokens, &f->err), SB_OK);
    return tokens;
}

static void assert_kinds(cypher_fixture *f, const char *text, const unsigned *kinds, size_t count)
{
    const sb_tokens tokens = lex(f, text);
    assert_int_equal(tokens.count, count + 1);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(tokens.items[i].kind, kinds[i]);
    assert_int_equal(tokens.items[count].kind, SB_TOKEN_END);
}
#define KINDS(f, text, ...)                                                                        \
    assert_kinds((f), (text), (const unsigned[]){__VA_ARGS__},                                     \
                 sizeof((const unsigned[]){__VA_ARGS__}) / sizeof(unsigned))

/* The text's first token has that meaning. */
static void assert_text(cypher_fixture *f, const char *text, unsigned kind, const char *meaning,
                        size_t bytes)
{
    const sb_tokens tokens = lex(f, text);
    assert_int_equal(tokens.items[0].kind, kind);
    const sb_bytes found = sb_lex_text(f->arena, BYTES(text), &tokens.items[0]);
    assert_true(sb_bytes_equal(found, sb_bytes_of(meaning, bytes)));
}

static void assert_bad(cypher_fixture *f, const char *text, sb_cypher_error detail, uint32_t column,
                       const char *part)
{
    const sb_tokens tokens = lex(f, text);
    const sb_token *last = &tokens.items[tokens.count - 1];
    assert_int_equal(last->kind, SB_TOKEN_BAD);
    assert_int_not_equal(sb_lex_fail_bad(&f->err, BYTES(text), last), SB_OK);
    cypher_assert_error(f, text, detail, part);
    assert_int_equal(f->err.column, column);
}

static void test_cypher_lex__tables_are_sorted_and_named(void **state)
{
    (void)state;
    for (unsigned i = 2; i < SB_KEYWORDS; i++)
        assert_true(strcmp(sb_keyword_text(i - 1), sb_keyword_text(i)) < 0);
    for (unsigned i = 1; i < SB_KEYWORDS; i++)
        assert_int_equal(sb_keyword_find(BYTES(sb_keyword_text(i))), i);
    assert_int_equal(sb_keyword_find(BYTES("rEtUrN")), SB_KEYWORD_RETURN);
    assert_int_equal(sb_keyword_find(BYTES("RETURNS")), SB_NO_KEYWORD);
    assert_int_equal(sb_keyword_find(BYTES("RETUR")), SB_NO_KEYWORD);
    assert_int_equal(sb_keyword_find(BYTES("")), SB_NO_KEYWORD);
    assert_int_equal(sb_keyword_find(sb_bytes_of("on\0 two", 7)), SB_NO_KEYWORD);
    assert_string_equal(sb_keyword_text(SB_KEYWORDS), "");
    assert_string_equal(sb_token_text(SB_TOKEN_KINDS), "");
    assert_string_equal(sb_token_text(SB_TOKEN_NE), "'<>'");
}

static void test_cypher_lex__punctuation(void **state)
{
    (void)state;
    cypher_fixture f;
    cypher_init(&f);
    KINDS(&f, "()[]{},.:|&!+-*/%^=<>", SB_TOKEN_LPAREN, SB_TOKEN_RPAREN, SB_TOKEN_LBRACKET,
          SB_TOKEN_RBRACKET, SB_TOKEN_LBRACE, SB_TOKEN_RBRACE, SB_TOKEN_COMMA, SB_TOKEN_DOT,
          SB_TOKEN_COLON, SB_TOKEN_BAR, SB_TOKEN_AMPERSAND, SB_TOKEN_BANG, SB_TOKEN_PLUS,
          SB_TOKEN_MINUS, SB_TOKEN_STAR, SB_TOKEN_SLASH, SB_TOKEN_PERCENT, SB_TOKEN_CARET,
          SB_TOKEN_EQ, SB_TOKEN_NE);
    KINDS(&f, "..::||+==~<=>=<>", SB_TOKEN_DOTDOT, SB_TOKEN_COLONCOLON, SB_TOKEN_BARBAR,
          SB_TOKEN_PLUS_EQ, SB_TOKEN_EQ_TILDE, SB_TOKEN_LE, SB_TOKEN_GE, SB_TOKEN_NE);
    KINDS(&f, "<-[*1..3]->", SB_TOKEN_LT, SB_TOKEN_MINUS, SB_TOKEN_LBRACKET, SB_TOKEN_STAR,
          SB_TOKEN_INT, SB_TOKEN_DOTDOT, SB_TOKEN_INT, SB_TOKEN_RBRACKET, SB_TOKEN_MINUS,
          SB_TOKEN_GT);
    cypher_deinit(&f);
}

static void test_cypher_lex__white_space_and_comments(void **state)
{
    (void)state;
    cypher_fixture f;
    cypher_init(&f);
    KINDS(&f, "\xEF\xBB\xBF\t a\xC2\xA0\xE2\x80\xA8/* x * / ** */b//c\nd /**/e//", SB_TOKEN_NAME,
          SB_TOKEN_NAME, SB_TOKEN_NAME, SB_TOKEN_NAME);
    KINDS(&f, "a / b", SB_TOKEN_NAME, SB_TOKEN_SLASH, SB_TOKEN_NAME);
    KINDS(&f, "'/*' '//'", SB_TOKEN_STRING, SB_TOKEN_STRING);
    assert_int_equal(sb_lex_skip_space(BYTES("a; /* b */ // c\n d"), 2), 17);
    assert_bad(&f, "a /* b", SB_CYPHER_UNEXPECTED_SYNTAX, 3, "does not end");
    assert_bad(&f, "a /*/", SB_CYPHER_UNEXPECTED_SYNTAX, 3, "does not end");
    cypher_deinit(&f);
}

static void test_cypher_lex__names(void **state)
{
    (void)state;
    cypher_fixture f;
    cypher_init(&f);
    assert_text(&f, "_a1$", SB_TOKEN_NAME, "_a1$", 4);
    assert_text(&f, "größe変数٣€ x", SB_TOKEN_NAME, "größe変数٣€", strlen("größe変数٣€"));
    assert_text(&f, "`a b`", SB_TOKEN_QUOTED_NAME, "a b", 3);
    assert_text(&f, "`a``b```", SB_TOKEN_QUOTED_NAME, "a`b`", 4);
    assert_text(&f, "``", SB_TOKEN_QUOTED_NAME, "", 0);
    assert_text(&f, "$a", SB_TOKEN_PARAM, "a", 1);
    assert_text(&f, "$1b", SB_TOKEN_PARAM, "1b", 2);
    assert_text(&f, "$`a``b c`", SB_TOKEN_PARAM, "a`b c", 5);
    assert_int_equal(lex(&f, "match").items[0].keyword, SB_KEYWORD_MATCH);
    assert_int_equal(lex(&f, "`match`").items[0].keyword, SB_NO_KEYWORD);
    assert_bad(&f, "a `b", SB_CYPHER_UNEXPECTED_SYNTAX, 3, "backquotes");
    assert_bad(&f, "a $ b", SB_CYPHER_UNEXPECTED_SYNTAX, 3, "parameter");
    assert_bad(&f, "a $`b", SB_CYPHER_UNEXPECTED_SYNTAX, 4, "backquotes");
    assert_bad(&f, "`\xFF`", SB_CYPHER_INVALID_UNICODE_CHARACTER, 2, "UTF-8");
    assert_bad(&f, "a — b", SB_CYPHER_INVALID_UNICODE_CHARACTER, 3, "'—'");
    assert_bad(&f, "a \xC3", SB_CYPHER_INVALID_UNICODE_CHARACTER, 3, "UTF-8");
    assert_bad(&f, "ab #", SB_CYPHER_UNEXPECTED_SYNTAX, 4, "'#'");
    cypher_deinit(&f);
}

static void test_cypher_lex__plain_names(void **state)
{
    (void)state;
    assert_true(sb_lex_is_plain_name(BYTES("return")));
    assert_true(sb_lex_is_plain_name(BYTES("größe1")));
    assert_false(sb_lex_is_plain_name(BYTES("")));
    assert_false(sb_lex_is_plain_name(BYTES("1a")));
    assert_false(sb_lex_is_plain_name(BYTES("a b")));
    assert_false(sb_lex_is_plain_name(BYTES("a\xFF")));
}

static void assert_integer(cypher_fixture *f, const char *text, uint64_t value)
{
    const sb_tokens tokens = lex(f, text);
    assert_int_equal(tokens.items[0].kind, SB_TOKEN_INT);
    assert_int_equal(tokens.items[0].span.end, strlen(text));
    assert_true(tokens.items[0].value.integer == value);
}

static void test_cypher_lex__integers(void **state)
{
    (void)state;
    cypher_fixture f;
    cypher_init(&f);
    assert_integer(&f, "0", 0);
    assert_integer(&f, "00", 0);
    assert_integer(&f, "42", 42);
    assert_integer(&f, "1_000_000", 1000000);
    assert_integer(&f, "9223372036854775808", 1ull << 63);
    assert_integer(&f, "0x1aF", 0x1AF);
    assert_integer(&f, "0X7FFFFFFFFFFFFFFF", INT64_MAX);
    assert_integer(&f, "0x8000000000000000", 1ull << 63);
    assert_integer(&f, "0xFF_FF", 0xFFFF);
    assert_integer(&f, "0o17", 15);
    assert_integer(&f, "017", 15);
    assert_integer(&f, "0o1000000000000000000000", 1ull << 63);
    assert_bad(&f, "9223372036854775809", SB_CYPHER_INTEGER_OVERFLOW, 1, "64-bit");
    assert_bad(&f, "99999999999999999999999", SB_CYPHER_INTEGER_OVERFLOW, 1, "64-bit");
    assert_bad(&f, "0x8000000000000001", SB_CYPHER_INTEGER_OVERFLOW, 1, "64-bit");
    assert_bad(&f, "0o1000000000000000000001", SB_CYPHER_INTEGER_OVERFLOW, 1, "64-bit");
    const char *const wrong[] = {"0x",   "0xg",  "0o",  "0o8", "08", "1a",   "1_",  "1__2",
                                 "0x_1", "0x1_", "12ä", "1e",  "1$", "1e+x", "0o1_"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_bad(&f, wrong[i], SB_CYPHER_INVALID_NUMBER_LITERAL, 1, "no number");
    KINDS(&f, "1..2", SB_TOKEN_INT, SB_TOKEN_DOTDOT, SB_TOKEN_INT);
    KINDS(&f, "1.a", SB_TOKEN_INT, SB_TOKEN_DOT, SB_TOKEN_NAME);
    cypher_deinit(&f);
}

static void assert_real(cypher_fixture *f, const char *text, double value)
{
    const sb_tokens tokens = lex(f, text);
    assert_int_equal(tokens.items[0].kind, SB_TOKEN_FLOAT);
    assert_int_equal(tokens.items[0].span.end, strlen(text));
    assert_true(tokens.items[0].value.real == value);
}

static void test_cypher_lex__floats(void **state)
{
    (void)state;
    cypher_fixture f;
    cypher_init(&f);
    assert_real(&f, "1.5", 1.5);
    assert_real(&f, ".5", .5);
    assert_real(&f, "0.0", 0);
    assert_real(&f, "1e3", 1e3);
    assert_real(&f, "1.25E-3", 1.25e-3);
    assert_real(&f, "6.02e+23", 6.02e23);
    assert_real(&f, "1.7976931348623157e308", 1.7976931348623157e308);
    assert_real(&f, "1e-400", 0);
    assert_real(&f, "00.5", .5);
    assert_bad(&f, "1.8e308", SB_CYPHER_FLOATING_POINT_OVERFLOW, 1, "64-bit");
    assert_bad(&f, "1.34E999", SB_CYPHER_FLOATING_POINT_OVERFLOW, 1, "64-bit");
    assert_bad(&f, "1.5x", SB_CYPHER_INVALID_NUMBER_LITERAL, 1, "'1.5x'");
    assert_bad(&f, "1.5e", SB_CYPHER_INVALID_NUMBER_LITERAL, 1, "'1.5e'");
    cypher_deinit(&f);
}

static void test_cypher_lex__strings(void **state)
{
    (void)state;
    cypher_fixture f;
    cypher_init(&f);
    assert_text(&f, "'a\"b'", SB_TOKEN_STRING, "a\"b", 3);
    assert_text(&f, "\"a'b\"", SB_TOKEN_STRING, "a'b", 3);
    assert_text(&f, "''", SB_TOKEN_STRING, "", 0);
    assert_text(&f, "'a\nb'", SB_TOKEN_STRING, "a\nb", 3);
    assert_text(&f, "'\\b\\f\\n\\r\\t\\\\\\'\\\"\\`\\/'", SB_TOKEN_STRING, "\b\f\n\r\t\\'\"`/", 10);
    assert_text(&f, "'\\u0041\\u00e9\\u5909\\U0001F600\\u0000'", SB_TOKEN_STRING, "Aé変😀\0",
                strlen("Aé変😀") + 1);
    assert_text(&f, "'\\uD83D\\uDE00!'", SB_TOKEN_STRING, "😀!", strlen("😀!"));
    assert_bad(&f, "'abc", SB_CYPHER_UNEXPECTED_SYNTAX, 1, "does not end");
    assert_bad(&f, "'abc\\'", SB_CYPHER_UNEXPECTED_SYNTAX, 1, "does not end");
    assert_bad(&f, "'abc\\", SB_CYPHER_UNEXPECTED_SYNTAX, 5, "escape");
    assert_bad(&f, "'\\.'", SB_CYPHER_UNEXPECTED_SYNTAX, 2, "escape");
    const char *const wrong[] = {"'\\uH'",       "'\\u004'",         "'\\u'",
                                 "'\\U0001F60'", "'\\U00110000'",    "'\\uD83D'",
                                 "'\\uDE00'",    "'\\uD83D\\u0041'", "'\\U0000D83D\\uDE00'"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_bad(&f, wrong[i], SB_CYPHER_INVALID_UNICODE_LITERAL, 2, "hexadecimal");
    assert_bad(&f, "'a\xFF'", SB_CYPHER_INVALID_UNICODE_CHARACTER, 3, "UTF-8");
    cypher_deinit(&f);
}

static void test_cypher_lex__what_is_written_is_read_again(void **state)
{
    (void)state;
    cypher_fixture f;
    cypher_init(&f);
    static const char text[] = "a'\"\\\n\t\b\f\r`é変😀\x01\x7F\0z";
    const sb_bytes all = sb_bytes_of(text, sizeof text - 1);
    assert_int_equal(sb_lex_print_string(all, &f.out), SB_OK);
    sb_tokens tokens;
    assert_int_equal(sb_lex_tokens(f.arena, sb_buffer_bytes(&f.out), NULL, &tokens, &f.err), SB_OK);
    assert_int_equal(tokens.items[0].kind, SB_TOKEN_STRING);
    assert_true(
        sb_bytes_equal(sb_lex_text(f.arena, sb_buffer_bytes(&f.out), &tokens.items[0]), all));
    sb_buffer_reset(&f.out);
    assert_int_equal(sb_lex_print_name(BYTES("a`b"), &f.out), SB_OK);
    assert_bytes(sb_buffer_bytes(&f.out), "`a``b`");
    cypher_deinit(&f);
}

static void test_cypher_lex__brackets_know_their_partners(void **state)
{
    (void)state;
    cypher_fixture f;
    cypher_init(&f);
    sb_tokens tokens = lex(&f, "([{}]) (] [)");
    assert_int_equal(tokens.items[0].partner, 5);
    assert_int_equal(tokens.items[1].partner, 4);
    assert_int_equal(tokens.items[2].partner, 3);
    assert_int_equal(tokens.items[6].partner, SB_NO_PARTNER);
    assert_int_equal(tokens.items[8].partner, SB_NO_PARTNER);
    tokens = lex(&f, ")(");
    assert_int_equal(tokens.items[1].partner, SB_NO_PARTNER);
    cypher_deinit(&f);
}

static void test_cypher_lex__a_semicolon_ends_it(void **state)
{
    (void)state;
    cypher_fixture f;
    cypher_init(&f);
    sb_tokens tokens = lex(&f, "a ';' `;` /*;*/ ; b");
    assert_int_equal(tokens.count, 4);
    assert_int_equal(tokens.items[3].kind, SB_TOKEN_SEMICOLON);
    tokens = lex(&f, ";/* a */; // b\n;c;");
    assert_int_equal(tokens.count, 2);
    assert_int_equal(tokens.items[0].kind, SB_TOKEN_NAME);
    assert_int_equal(tokens.items[0].span.start, 16);
    tokens = lex(&f, " ; ;");
    assert_int_equal(tokens.count, 1);
    assert_int_equal(tokens.items[0].kind, SB_TOKEN_END);
    cypher_deinit(&f);
}

/* Every prefix, and every byte changed, gives tokens that lie one behind the other in the text. */
static void test_cypher_lex__any_bytes_give_tokens(void **state)
{
    (void)state;
    cypher_fixture f;
    static const char text[] = "MATCH (`a``b`:größe)-[r*1..2]->() WHERE 'x\\u00e9\\\\' <= 0x1F /* "
                               "c */ RETURN $p, 1.5e3 // d";
    uint8_t changed[sizeof text];
    sb_random random = test_random(3);
    cypher_init(&f);
    for (size_t round = 0; round < 20000; round++) {
        size_t bytes = sizeof text - 1;
        memcpy(changed, text, bytes);
        if (round < bytes) bytes = round;
        for (size_t i = 0; round >= sizeof text && i < 1 + round % 3; i++)
            changed[sb_random_below(&random, bytes)] = (uint8_t)sb_random_below(&random, 256);
        sb_tokens tokens;
        cypher_reset(&f);
        assert_int_equal(sb_lex_tokens(f.arena, sb_bytes_of(changed, bytes), NULL, &tokens, &f.err),
                         SB_OK);
        size_t end = 0;
        for (uint32_t i = 0; i < tokens.count; i++) {
            assert_true(tokens.items[i].span.start >= end || tokens.items[i].kind == SB_TOKEN_BAD);
            assert_true(tokens.items[i].span.end >= tokens.items[i].span.start);
            end = tokens.items[i].span.end;
            assert_true(end <= bytes);
        }
    }
    cypher_deinit(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_cypher_lex__tables_are_sorted_and_named),
        TEST(test_cypher_lex__punctuation),
        TEST(test_cypher_lex__white_space_and_comments),
        TEST(test_cypher_lex__names),
        TEST(test_cypher_lex__plain_names),
        TEST(test_cypher_lex__integers),
        TEST(test_cypher_lex__floats),
        TEST(test_cypher_lex__strings),
        TEST(test_cypher_lex__what_is_written_is_read_again),
        TEST(test_cypher_lex__brackets_know_their_partners),
        TEST(test_cypher_lex__a_semicolon_ends_it),
        TEST(test_cypher_lex__any_bytes_give_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
