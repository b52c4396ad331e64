/* parser.c — the parser's ground: tokens, what was expected, names, memory; and statements. */
#include "cypher/parse/parse_priv.h"

#include "cypher/lex/stack.h"

#include <stdio.h>
#include <string.h>

/* ---- Tokens ---------------------------------------------------------------------------------------------------- */

const sb_token *sb_parse__ahead(const sb_parser *p, uint32_t ahead)
{
    const uint32_t last = p->token_count - 1;
    return &p->tokens[last - p->at < ahead ? last : p->at + ahead];
}

bool sb_parse__ahead_is(const sb_parser *p, uint32_t ahead, unsigned kind)
{
    return sb_parse__ahead(p, ahead)->kind == kind;
}

bool sb_parse__ahead_is_keyword(const sb_parser *p, uint32_t ahead, unsigned keyword)
{
    const sb_token *token = sb_parse__ahead(p, ahead);
    return token->kind == SB_TOKEN_NAME && token->keyword == keyword;
}

bool sb_parse__is_name(const sb_token *token)
{
    return token->kind == SB_TOKEN_NAME || token->kind == SB_TOKEN_QUOTED_NAME;
}

bool sb_parse__starts_expr(const sb_token *token)
{
    switch (token->kind) {
    case SB_TOKEN_NAME:
    case SB_TOKEN_QUOTED_NAME:
    case SB_TOKEN_INT:
    case SB_TOKEN_FLOAT:
    case SB_TOKEN_STRING:
    case SB_TOKEN_PARAM:
    case SB_TOKEN_LPAREN:
    case SB_TOKEN_LBRACKET:
    case SB_TOKEN_LBRACE:
    case SB_TOKEN_PLUS:
    case SB_TOKEN_MINUS: return true;
    default: return false;
    }
}

void sb_parse__advance(sb_parser *p)
{
    /* The last token stays: everything fails or ends there. */
    if (p->at + 1 < p->token_count) p->at++;
}

static sb_expected *expected_here(sb_parser *p)
{
    if (p->expected.at != p->at) {
        memset(&p->expected, 0, sizeof p->expected);
        p->expected.at = p->at;
    }
    return &p->expected;
}

bool sb_parse__accept(sb_parser *p, unsigned kind)
{
    if (sb_parse__is(p, kind)) {
        sb_parse__advance(p);
        return true;
    }
    expected_here(p)->tokens |= (uint64_t)1 << kind;
    return false;
}

_Static_assert(SB_TOKEN_KINDS <= 64, "a bit for each kind of token");

bool sb_parse__accept_keyword(sb_parser *p, unsigned keyword)
{
    if (sb_parse__is_keyword(p, keyword)) {
        sb_parse__advance(p);
        return true;
    }
    expected_here(p)->keywords[keyword / 64] |= (uint64_t)1 << (keyword % 64);
    return false;
}

sb_status sb_parse__expect(sb_parser *p, unsigned kind)
{
    return sb_parse__accept(p, kind) ? SB_OK : sb_parse__unexpected(p);
}

sb_status sb_parse__expect_keyword(sb_parser *p, unsigned keyword)
{
    return sb_parse__accept_keyword(p, keyword) ? SB_OK : sb_parse__unexpected(p);
}

void sb_parse__expecting(sb_parser *p, const char *word)
{
    sb_expected *expected = expected_here(p);

    for (uint32_t i = 0; i < expected->word_count; i++)
        if (expected->words[i] == word) return;
    if (expected->word_count < SB_EXPECTED_WORDS) expected->words[expected->word_count++] = word;
}

sb_span sb_parse__span_from(const sb_parser *p, uint32_t first)
{
    const uint32_t last = p->at > first ? p->at - 1 : first;
    return (sb_span){p->tokens[first].span.start, p->tokens[last].span.end};
}

sb_bytes sb_parse__source(const sb_parser *p, uint32_t first)
{
    const sb_span span = sb_parse__span_from(p, first);
    return sb_bytes_of(p->text.data + span.start, span.end - span.start);
}

/* ---- Faults ---------------------------------------------------------------------------------------------------- */

#define EXPECTED_BYTES 256u

typedef struct expected_text {
    char data[EXPECTED_BYTES];
    size_t size;
    uint32_t count; /* items put, or left out for want of room */
} expected_text;

/* "a", "a, b", with "…" in the end when there is no room for all. */
static void put_expected(expected_text *out, const char *item)
{
    static const char more[] = ", …";
    const size_t room = sizeof out->data - out->size - sizeof more;
    const size_t bytes = strlen(item) + (out->count != 0 ? 2 : 0);

    if (out->count != 0 && out->size == sizeof out->data) return;
    if (out->size != 0 && out->data[out->size - 1] == more[sizeof more - 2]) return;
    if (bytes > room) {
        memcpy(out->data + out->size, more, sizeof more);
        out->size += sizeof more - 1;
        return;
    }
    out->size += (size_t)snprintf(out->data + out->size, sizeof out->data - out->size, "%s%s",
                                  out->count != 0 ? ", " : "", item);
    out->count++;
}

static void put_all_expected(const sb_expected *expected, expected_text *out)
{
    for (uint32_t i = 0; i < expected->word_count; i++)
        put_expected(out, expected->words[i]);
    for (unsigned kind = 0; kind < SB_TOKEN_KINDS; kind++)
        if ((expected->tokens >> kind & 1) != 0) put_expected(out, sb_token_text(kind));
    for (unsigned keyword = 1; keyword < SB_KEYWORDS; keyword++)
        if ((expected->keywords[keyword / 64] >> (keyword % 64) & 1) != 0)
            put_expected(out, sb_keyword_text(keyword));
}

/* Candidates for "did you mean": the keywords that were expected. */
static sb_bytes next_keyword(void *ctx, size_t i)
{
    const sb_expected *expected = ctx;

    for (unsigned keyword = 1; keyword < SB_KEYWORDS; keyword++) {
        if ((expected->keywords[keyword / 64] >> (keyword % 64) & 1) == 0) continue;
        if (i-- == 0)
            return sb_bytes_of(sb_keyword_text(keyword), strlen(sb_keyword_text(keyword)));
    }
    return (sb_bytes){0};
}

static sb_status fail_expected(sb_parser *p, const char *found, size_t found_bytes,
                               const char *quote)
{
    const sb_token *token = sb_parse__token(p);
    expected_text expected = {.size = 0};
    sb_bytes near = {0};

    expected.data[0] = '\0';
    put_all_expected(&p->expected, &expected);
    if (token->kind == SB_TOKEN_NAME)
        (void)sb_cypher_nearest(sb_bytes_of(found, found_bytes), next_keyword, &p->expected, &near);
    if (near.size != 0)
        return sb_cypher_fail(p->err, p->text, token->span, SB_CYPHER_UNEXPECTED_SYNTAX,
                              "unexpected '%.*s': did you mean %.*s?", (int)found_bytes, found,
                              (int)near.size, (const char *)near.data);
    return sb_cypher_fail(p->err, p->text, token->span, SB_CYPHER_UNEXPECTED_SYNTAX,
                          "unexpected %s%.*s%s: expected %s", quote, (int)found_bytes, found, quote,
                          expected.data);
}

static bool expects_word(const sb_expected *expected, const char *word)
{
    for (uint32_t i = 0; i < expected->word_count; i++)
        if (strcmp(expected->words[i], word) == 0) return true;
    return false;
}

/* Words of other languages, and of other databases' Cypher, where none of ours may stand; next: the word behind, if it must be a certain one. */
static const struct {
    const char *word, *next, *advice;
} FOREIGN[] = {
    {"GROUP", "BY", "rows are grouped by the items of RETURN or WITH that have no aggregation"},
    {"HAVING", NULL, "conditions on groups stand in WITH ... WHERE, behind the aggregation"},
    {"LIKE", NULL, "strings are searched with CONTAINS, STARTS WITH, ENDS WITH or =~"},
    {"SELECT", NULL, "a query begins with what it matches and ends with RETURN"},
    {"START", NULL, "nodes are found with MATCH ... WHERE"},
    {"USE", NULL, "a database is one file, which is open: there is no other to choose"},
    {"USING", "PERIODIC", "CALL { ... } IN TRANSACTIONS commits in parts"},
    {"FULLTEXT", "INDEX", "there are indexes of values only"},
    {"VECTOR", "INDEX", "there are indexes of values only"},
    {"TRAIL", NULL, "that is what MATCH does: no relationship occurs twice"},
    {"WALK", NULL, "MATCH REPEATABLE ELEMENTS finds paths with relationships that occur again"},
    {"ACYCLIC", NULL, "there are no path modes: a condition on nodes(path) says it"},
    {"SIMPLE", NULL, "there are no path modes: a condition on nodes(path) says it"},
    {"NEXT", NULL, "a query goes on behind WITH"},
    {"NULLS", NULL, "nulls are the last, and with DESC the first"},
    {"LOOKUP", "INDEX", "nodes are found by label, and relationships by type, without one"},
};

static bool is_word(const sb_parser *p, const sb_token *token, const char *word)
{
    const size_t size = strlen(word);

    if (token->span.end - token->span.start != size) return false;
    for (size_t i = 0; i < size; i++) {
        const unsigned c = p->text.data[token->span.start + i];
        if ((c >= 'a' && c <= 'z' ? c - 32u : c) != (uint8_t)word[i]) return false;
    }
    return true;
}

/* NULL: none. */
static const char *advice_on(const sb_parser *p)
{
    for (size_t i = 0; i < sizeof FOREIGN / sizeof FOREIGN[0]; i++)
        if (is_word(p, sb_parse__token(p), FOREIGN[i].word) &&
            (FOREIGN[i].next == NULL || is_word(p, sb_parse__ahead(p, 1), FOREIGN[i].next)))
            return FOREIGN[i].advice;
    return NULL;
}

sb_status(sb_parse__unexpected)(sb_parser *p)
{
    const sb_token *token = sb_parse__token(p);
    const sb_token *next = sb_parse__ahead(p, 1);
    size_t bytes = token->span.end - token->span.start;

    const sb_expected *expected = expected_here(p);
    /* Where no number may stand, what is wrong is not its form: {1a: 2}. */
    const bool wrong_number = token->kind == SB_TOKEN_BAD &&
                              token->keyword == SB_CYPHER_INVALID_NUMBER_LITERAL &&
                              !expects_word(expected, "an expression");
    if (token->kind == SB_TOKEN_BAD && !wrong_number)
        return sb_lex_fail_bad(p->err, p->text, token);
    if (token->kind == SB_TOKEN_BANG && next->kind == SB_TOKEN_EQ)
        return sb_cypher_fail(p->err, p->text, token->span, SB_CYPHER_UNEXPECTED_SYNTAX,
                              "unexpected '!=': 'not equal' is written <>");
    if (token->kind == SB_TOKEN_EQ && p->at != 0 && token[-1].kind == SB_TOKEN_EQ)
        return sb_cypher_fail(p->err, p->text, (sb_span){token[-1].span.start, token->span.end},
                              SB_CYPHER_UNEXPECTED_SYNTAX, "unexpected '==': 'equal' is written =");
    const char *const advice = advice_on(p);
    if (advice != NULL)
        return sb_cypher_fail(p->err, p->text, token->span, SB_CYPHER_UNEXPECTED_SYNTAX,
                              "unexpected '%.*s': %s", (int)bytes,
                              (const char *)p->text.data + token->span.start, advice);
    if (token->kind == SB_TOKEN_END)
        return fail_expected(p, sb_token_text(SB_TOKEN_END), strlen(sb_token_text(SB_TOKEN_END)),
                             "");
    if (bytes > 40) { /* a long string */
        const char *what = sb_token_text(token->kind);
        return fail_expected(p, what, strlen(what), "");
    }
    return fail_expected(p, (const char *)p->text.data + token->span.start, bytes, "'");
}

sb_status(sb_parse__nomem)(sb_parser *p)
{
    return SB_FAIL_NOMEM(p->err);
}

static sb_status fail_depth(sb_parser *p)
{
    const sb_span here = sb_parse__token(p)->span;

    if (p->depth < SB_CYPHER_DEPTH_MAX)
        return sb_cypher_fail(p->err, p->text, here, SB_CYPHER_LIMIT_EXCEEDED, SB_STACK_TOO_SMALL,
                              "a query", p->depth + 1);
    return sb_cypher_fail(p->err, p->text, here, SB_CYPHER_LIMIT_EXCEEDED,
                          "the query is nested more than %u deep here", SB_CYPHER_DEPTH_MAX);
}

/* Once it is deep enough to look at the stack: as deep as that has room for. */
static void look_at_stack(sb_parser *p)
{
    const uint32_t more = sb_cypher_stack_levels(SB_STACK_QUERY);

    p->depth_looked_at = true;
    p->depth_max = more < SB_CYPHER_DEPTH_MAX - p->depth ? p->depth + more : SB_CYPHER_DEPTH_MAX;
}

sb_status sb_parse__enter(sb_parser *p)
{
    if (p->depth >= p->depth_max && !p->depth_looked_at) look_at_stack(p);
    if (p->depth >= p->depth_max) return fail_depth(p);
    p->depth++;
    if (p->depth > p->statement->depth) p->statement->depth = p->depth;
    return SB_OK;
}

void sb_parse__leave(sb_parser *p)
{
    p->depth--;
}

/* ---- Memory ---------------------------------------------------------------------------------------------------- */

#define UNITS_OF_A_BLOCK                                                                           \
    64u /* and one for each byte (sb_cypher_work): there is no work that goes on without memory */

sb_status sb_parse__alloc(sb_parser *p, size_t bytes, void *place)
{
    void *made = sb_arena_alloc_zero(p->arena, bytes);

    if (made == NULL) return sb_parse__nomem(p);
    memcpy(place, &made, sizeof made);
    return sb_cypher_work(p->watch, UNITS_OF_A_BLOCK + bytes, p->err);
}

sb_status sb_parse__room(sb_parser *p, void *items, uint32_t count, size_t size)
{
    void *old;

    /* Full at 0 and at each power of two from 2 on. */
    if (count == 1 || (count & (count - 1)) != 0) return SB_OK;
    void *made = sb_arena_alloc_array(p->arena, count == 0 ? 2 : (size_t)count * 2, size);
    if (made == NULL) return sb_parse__nomem(p);
    memcpy(&old, items, sizeof old);
    if (count != 0) memcpy(made, old, count * size);
    memcpy(items, &made, sizeof made);
    return sb_cypher_work(p->watch, UNITS_OF_A_BLOCK + count * size, p->err);
}

/* ---- Names ----------------------------------------------------------------------------------------------------- */

sb_status sb_parse__token_text(sb_parser *p, const sb_token *token, sb_bytes *text)
{
    *text = sb_lex_text(p->arena, p->text, token);
    return text->data != NULL ? SB_OK : sb_parse__nomem(p);
}

sb_status sb_parse__name(sb_parser *p, const char *what, sb_bytes *name)
{
    const sb_token *token = sb_parse__token(p);

    *name = (sb_bytes){0};
    if (!sb_parse__is_name(token)) {
        sb_parse__expecting(p, what);
        return sb_parse__unexpected(p);
    }
    sb_parse__advance(p);
    return sb_parse__token_text(p, token, name);
}

static sb_status join_names(sb_parser *p, sb_bytes *name, sb_bytes next)
{
    uint8_t *joined = sb_arena_alloc(p->arena, name->size + 1 + next.size);

    if (joined == NULL) return sb_parse__nomem(p);
    if (name->size != 0) memcpy(joined, name->data, name->size);
    joined[name->size] = '.';
    if (next.size != 0) memcpy(joined + name->size + 1, next.data, next.size);
    *name = sb_bytes_of(joined, name->size + 1 + next.size);
    return SB_OK;
}

sb_status sb_parse__dotted_name(sb_parser *p, const char *what, sb_bytes *name)
{
    const uint32_t first = p->at;
    uint32_t parts = 1;

    SB_TRY(sb_parse__name(p, what, name));
    while (sb_parse__is(p, SB_TOKEN_DOT) && sb_parse__is_name(sb_parse__ahead(p, 1))) {
        sb_bytes next;
        /* Each part copies those before it. */
        if (++parts > 16)
            return sb_cypher_fail(p->err, p->text, sb_parse__span_from(p, first),
                                  SB_CYPHER_LIMIT_EXCEEDED, "a name has at most 16 parts");
        sb_parse__advance(p);
        SB_TRY(sb_parse__name(p, what, &next));
        SB_TRY(join_names(p, name, next));
    }
    return SB_OK;
}

/* ---- Statements -------------------------------------------------------------------------------------------------- */

/* CYPHER 5 runtime=parallel …: what Neo4j's planner is told means nothing here. */
static sb_status skip_options(sb_parser *p)
{
    if (!sb_parse__accept_keyword(p, SB_KEYWORD_CYPHER)) return SB_OK;
    if (!sb_parse__accept(p, SB_TOKEN_INT)) (void)sb_parse__accept(p, SB_TOKEN_FLOAT);
    while (sb_parse__is_name(sb_parse__token(p)) && sb_parse__ahead_is(p, 1, SB_TOKEN_EQ)) {
        sb_bytes value;
        sb_parse__advance(p);
        sb_parse__advance(p);
        if (!sb_parse__accept(p, SB_TOKEN_INT)) SB_TRY(sb_parse__name(p, "a value", &value));
    }
    return SB_OK;
}

static sb_status parse_explain(sb_parser *p)
{
    sb_statement *statement = p->statement;

    if (sb_parse__accept_keyword(p, SB_KEYWORD_EXPLAIN)) {
        statement->explain = SB_EXPLAIN_PLAN;
    } else if (sb_parse__accept_keyword(p, SB_KEYWORD_PROFILE)) {
        statement->explain = SB_EXPLAIN_PROFILE;
    } else {
        return SB_OK;
    }
    statement->explain_json = sb_parse__accept_keyword(p, SB_KEYWORD_JSON);
    return SB_OK;
}

/* CALL proc(…) as the whole statement: its results are the statement's. */
static void mark_standalone_call(const sb_query *query)
{
    if (query->part_count != 1 || query->parts[0]->count != 1) return;
    sb_clause *clause = query->parts[0]->clauses[0];
    if (clause->kind == SB_CLAUSE_CALL) clause->as.call.standalone = true;
}

static sb_status parse_statement(sb_parser *p)
{
    bool is_command;

    SB_TRY(skip_options(p));
    SB_TRY(parse_explain(p));
    if (p->statement->explain == SB_EXPLAIN_NO) {
        SB_TRY(sb_parse__command(p, &is_command));
        if (is_command) return SB_OK;
    }
    p->statement->kind = SB_STATEMENT_QUERY;
    SB_TRY(sb_parse__query(p, &p->statement->query));
    mark_standalone_call(p->statement->query);
    return SB_OK;
}

static sb_status parse_all(sb_parser *p)
{
    SB_TRY(parse_statement(p));
    if (!sb_parse__is(p, SB_TOKEN_SEMICOLON) && !sb_parse__accept(p, SB_TOKEN_END))
        return sb_parse__unexpected(p);
    return SB_OK;
}

static sb_status too_long(sb_bytes text, sb_err *err)
{
    return sb_cypher_fail(err, (sb_bytes){0}, (sb_span){0, 0}, SB_CYPHER_LIMIT_EXCEEDED,
                          "the query has %zu bytes, the limit is %u", text.size,
                          SB_CYPHER_TEXT_MAX);
}

sb_status sb_cypher_parse(sb_arena *arena, sb_bytes text, sb_cypher_watch *watch,
                          sb_statement **statement, size_t *end, sb_err *err)
{
    /* The limit is one of a statement, which many others may follow. */
    const bool is_cut = text.size > SB_CYPHER_TEXT_MAX;
    const sb_bytes front = sb_bytes_of(text.data, is_cut ? SB_CYPHER_TEXT_MAX : text.size);
    sb_tokens tokens;

    *statement = NULL;
    *end = text.size;
    if (is_cut && memchr(front.data, ';', front.size) == NULL) return too_long(text, err);
    SB_TRY(sb_lex_tokens(arena, front, watch, &tokens, err));
    const sb_token *last = &tokens.items[tokens.count - 1];
    if (is_cut && last->kind != SB_TOKEN_SEMICOLON && last->span.end >= front.size)
        return too_long(text, err);
    *end = last->kind == SB_TOKEN_SEMICOLON ? sb_lex_skip_space(text, last->span.end) : text.size;
    if (tokens.count == 1 && last->kind != SB_TOKEN_BAD) return SB_OK;

    char *copy = sb_arena_strndup(arena, (const char *)text.data, *end);
    sb_statement *made = sb_arena_alloc_zero(arena, sizeof *made);
    if (copy == NULL || made == NULL) return SB_FAIL_NOMEM(err);
    made->text = sb_bytes_of(copy, *end);
    sb_parser p = {.arena = arena,
                   .text = made->text,
                   .tokens = tokens.items,
                   .token_count = tokens.count,
                   .statement = made,
                   .watch = watch,
                   .depth_max = SB_STACK_QUERY_FREE,
                   .expected.at = UINT32_MAX,
                   .err = err};
    SB_TRY(parse_all(&p));
    *statement = made;
    return SB_OK;
}
