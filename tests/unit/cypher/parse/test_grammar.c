/* Goal: docs/grammar.ebnf and the parser are one language. Method: the grammar is read and checked (every rule defined and used, its words those of
 * the lexer); it recognizes all queries of the list, and whatever else the parser takes of them when they are spliced; sentences made at
 * random by its rules are parsed. Rules in words (? ?) are what a grammar without contexts can not say: sentences are made without such
 * alternatives, and recognized with them. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "cypher/lex/lex.h"

#include "unit/cypher/cypher_fixture.h"

/* ---- The grammar ---------------------------------------------------------------------------------------------------- */

typedef enum node_kind {
    NODE_TOKEN,
    NODE_RULE,
    NODE_ALL,
    NODE_ONE,
    NODE_MAYBE,
    NODE_MANY
} node_kind;
enum { MOST_PARTS = 48, MOST_RULES = 160, MOST_NODES = 4000, MOST_POSITIONS = 512 };

typedef struct node {
    node_kind kind;
    unsigned token, keyword; /* TOKEN */
    char text[24];           /* TOKEN: as it stands in the grammar */
    int rule;                /* RULE */
    int parts[MOST_PARTS];   /* others */
    int part_count;
    bool restricted; /* ALL: a rule in words belongs to it */
    int depth;       /* rules that a shortest sentence of it is deep */
} node;

typedef struct rule {
    char name[32];
    int body; /* -1: used, but not defined */
    bool is_terminal, is_used;
} rule;

typedef struct grammar {
    char *text;
    const char *at;
    node *nodes;
    int node_count;
    rule rules[MOST_RULES];
    int rule_count;
} grammar;

static int new_node(grammar *g, node_kind kind)
{
    assert_true(g->node_count < MOST_NODES);
    g->nodes[g->node_count] = (node){.kind = kind, .depth = 1000};
    return g->node_count++;
}

static void add_part(grammar *g, int to, int part)
{
    node *n = &g->nodes[to];
    assert_true(n->part_count < MOST_PARTS);
    n->parts[n->part_count++] = part;
}

static int rule_named(grammar *g, const char *name, size_t bytes)
{
    for (int i = 0; i < g->rule_count; i++)
        if (strlen(g->rules[i].name) == bytes && memcmp(g->rules[i].name, name, bytes) == 0)
            return i;
    assert_true(g->rule_count < MOST_RULES && bytes < sizeof g->rules[0].name);
    rule *made = &g->rules[g->rule_count];
    *made = (rule){.body = -1};
    memcpy(made->name, name, bytes);
    return g->rule_count++;
}

static void skip_space(grammar *g)
{
    for (;;) {
        while (isspace((unsigned char)*g->at))
            g->at++;
        if (g->at[0] != '(' || g->at[1] != '*') return;
        g->at = strstr(g->at, "*)");
        assert_non_null(g->at);
        g->at += 2;
    }
}

static int read_choice(grammar *g);

static int read_token(grammar *g)
{
    const char *end = strchr(g->at + 1, '"');
    sb_tokens tokens;
    sb_err err;
    sb_arena *arena = sb_arena_create(&sb_allocator_libc, NULL);
    const int made = new_node(g, NODE_TOKEN);
    node *n = &g->nodes[made];

    assert_non_null(end);
    assert_true((size_t)(end - g->at) < sizeof n->text);
    memcpy(n->text, g->at + 1, (size_t)(end - g->at - 1));
    /* '$' is a token of its own before a parenthesis alone. */
    const bool dollar = strcmp(n->text, "$") == 0;
    assert_int_equal(sb_lex_tokens(arena, BYTES(dollar ? "$(" : n->text), NULL, &tokens, &err),
                     SB_OK);
    assert_int_equal(tokens.count, dollar ? 3 : 2);
    n->token = tokens.items[0].kind;
    n->keyword = tokens.items[0].keyword;
    sb_arena_destroy(arena);
    g->at = end + 1;
    return made;
}

static int read_bracket(grammar *g, char closing, node_kind kind)
{
    g->at++;
    const int inner = read_choice(g);
    skip_space(g);
    assert_int_equal(*g->at, closing);
    g->at++;
    if (kind == NODE_ONE) return inner;
    const int made = new_node(g, kind);
    add_part(g, made, inner);
    return made;
}

static int read_name(grammar *g)
{
    const char *start = g->at;
    while (isalpha((unsigned char)*g->at))
        g->at++;
    if (g->at == start) fail_msg("grammar: what is %.20s?", start);
    const int made = new_node(g, NODE_RULE);
    g->nodes[made].rule = rule_named(g, start, (size_t)(g->at - start));
    g->rules[g->nodes[made].rule].is_used = true;
    return made;
}

static int read_sequence(grammar *g)
{
    const int made = new_node(g, NODE_ALL);
    for (;;) {
        skip_space(g);
        switch (*g->at) {
        case '|':
        case ';':
        case ')':
        case ']':
        case '}': return made;
        case '?':
            g->nodes[made].restricted = true;
            g->at = strstr(g->at + 1, " ?");
            assert_non_null(g->at);
            g->at += 2;
            break;
        case '"': add_part(g, made, read_token(g)); break;
        case '(': add_part(g, made, read_bracket(g, ')', NODE_ONE)); break;
        case '[': add_part(g, made, read_bracket(g, ']', NODE_MAYBE)); break;
        case '{': add_part(g, made, read_bracket(g, '}', NODE_MANY)); break;
        default: add_part(g, made, read_name(g)); break;
        }
    }
}

static int read_choice(grammar *g)
{
    const int made = new_node(g, NODE_ONE);
    for (;;) {
        add_part(g, made, read_sequence(g));
        skip_space(g);
        if (*g->at != '|') return made;
        g->at++;
    }
}

static void read_grammar(grammar *g)
{
    static const char path[] = SOMBRA_SOURCE_DIR "/docs/grammar.ebnf";
    FILE *file = fopen(path, "rb");
    memset(g, 0, sizeof *g);
    g->nodes = malloc(MOST_NODES * sizeof *g->nodes);
    g->text = calloc(1, 1 << 16);
    assert_true(file != NULL && g->nodes != NULL && g->text != NULL);
    assert_true(fread(g->text, 1, (1 << 16) - 1, file) < (1 << 16) - 1);
    (void)fclose(file);
    g->at = g->text;
    for (skip_space(g); *g->at != '\0'; skip_space(g)) {
        const int name = read_name(g);
        rule *r = &g->rules[g->nodes[name].rule];
        skip_space(g);
        assert_int_equal(*g->at, '=');
        g->at++;
        if (r->body != -1) fail_msg("%s is defined twice", r->name);
        r->body = read_choice(g);
        assert_int_equal(*g->at, ';');
        g->at++;
        const node *body = &g->nodes[r->body];
        r->is_terminal = body->part_count == 1 && g->nodes[body->parts[0]].part_count == 0;
    }
}

static void free_grammar(grammar *g)
{
    free(g->nodes);
    free(g->text);
}

/* ---- Checks --------------------------------------------------------------------------------------------------------------- */

static void test_cypher_grammar__rules_are_defined_and_used(void **state)
{
    (void)state;
    grammar g;
    int used[MOST_RULES] = {0};
    read_grammar(&g);
    for (int i = 0; i < g.node_count; i++)
        if (g.nodes[i].kind == NODE_RULE) used[g.nodes[i].rule]++;
    for (int i = 0; i < g.rule_count; i++) {
        if (g.rules[i].body == -1) fail_msg("%s is not defined", g.rules[i].name);
        /* Its own definition is one use. */
        if (used[i] < 2 && strcmp(g.rules[i].name, "Statement") != 0)
            fail_msg("%s is not used", g.rules[i].name);
    }
    free_grammar(&g);
}

static void test_cypher_grammar__its_words_are_the_lexers(void **state)
{
    (void)state;
    grammar g;
    bool words[SB_KEYWORDS] = {0};
    bool tokens[SB_TOKEN_KINDS] = {0};
    read_grammar(&g);
    for (int i = 0; i < g.node_count; i++) {
        const node *n = &g.nodes[i];
        if (n->kind != NODE_TOKEN) continue;
        tokens[n->token] = true;
        if (n->token == SB_TOKEN_NAME && n->keyword == SB_NO_KEYWORD)
            fail_msg("the lexer does not know %s", n->text);
        if (n->token == SB_TOKEN_NAME) words[n->keyword] = true;
    }
    for (unsigned i = 1; i < SB_KEYWORDS; i++)
        if (!words[i]) fail_msg("the grammar lacks %s", sb_keyword_text(i));
    for (unsigned i = SB_TOKEN_LPAREN; i < SB_TOKEN_KINDS; i++)
        if (!tokens[i] && i != SB_TOKEN_SEMICOLON)
            fail_msg("the grammar lacks %s", sb_token_text(i));
    free_grammar(&g);
}

/* ---- Recognizing ------------------------------------------------------------------------------------------------------------ */

/* A set of places between tokens. */
typedef struct places {
    uint64_t words[MOST_POSITIONS / 64];
} places;

typedef struct recognizer {
    const grammar *g;
    sb_tokens tokens;
    places *memo; /* of rule × place: where it may end */
    bool *known;
} recognizer;

static bool has_place(const places *set, uint32_t i)
{
    return (set->words[i / 64] >> (i % 64) & 1) != 0;
}

static void add_place(places *set, uint32_t i)
{
    set->words[i / 64] |= (uint64_t)1 << (i % 64);
}

static bool add_places(places *set, const places *more)
{
    bool grown = false;
    for (size_t i = 0; i < MOST_POSITIONS / 64; i++) {
        grown = grown || (more->words[i] & ~set->words[i]) != 0;
        set->words[i] |= more->words[i];
    }
    return grown;
}

static bool is_terminal_token(const char *name, const sb_token *token)
{
    if (strcmp(name, "Integer") == 0) return token->kind == SB_TOKEN_INT;
    if (strcmp(name, "Float") == 0) return token->kind == SB_TOKEN_FLOAT;
    if (strcmp(name, "String") == 0) return token->kind == SB_TOKEN_STRING;
    if (strcmp(name, "Parameter") == 0) return token->kind == SB_TOKEN_PARAM;
    assert_string_equal(name, "Name");
    return token->kind == SB_TOKEN_NAME || token->kind == SB_TOKEN_QUOTED_NAME;
}

static places match(recognizer *r, int index, const places *from);

static places match_rule(recognizer *r, int index, uint32_t at)
{
    const rule *found = &r->g->rules[index];
    const size_t slot = (size_t)index * MOST_POSITIONS + at;
    places start = {{0}};
    places end = {{0}};

    if (r->known[slot]) return r->memo[slot];
    if (found->is_terminal) {
        if (is_terminal_token(found->name, &r->tokens.items[at])) add_place(&end, at + 1);
    } else {
        add_place(&start, at);
        end = match(r, found->body, &start);
    }
    r->known[slot] = true;
    r->memo[slot] = end;
    return end;
}

/* Where a token, or a rule, that begins at one of the places may end. */
static places match_each(recognizer *r, const node *n, const places *from)
{
    places end = {{0}};
    for (uint32_t i = 0; i + 1 < r->tokens.count; i++) {
        const sb_token *token = &r->tokens.items[i];
        if (!has_place(from, i)) continue;
        if (n->kind == NODE_RULE) {
            const places more = match_rule(r, n->rule, i);
            (void)add_places(&end, &more);
        } else if (token->kind == n->token &&
                   (n->token != SB_TOKEN_NAME || token->keyword == n->keyword)) {
            add_place(&end, i + 1);
        }
    }
    return end;
}

static places match(recognizer *r, int index, const places *from)
{
    const node *n = &r->g->nodes[index];
    places end = {{0}};
    places step;

    switch (n->kind) {
    case NODE_TOKEN:
    case NODE_RULE: return match_each(r, n, from);
    case NODE_ALL:
        end = *from;
        for (int i = 0; i < n->part_count; i++)
            end = match(r, n->parts[i], &end);
        return end;
    case NODE_ONE:
        for (int i = 0; i < n->part_count; i++) {
            step = match(r, n->parts[i], from);
            (void)add_places(&end, &step);
        }
        return end;
    case NODE_MAYBE:
        end = match(r, n->parts[0], from);
        (void)add_places(&end, from);
        return end;
    case NODE_MANY:
        end = *from;
        for (step = match(r, n->parts[0], &end); add_places(&end, &step);)
            step = match(r, n->parts[0], &end);
        return end;
    }
    return end;
}

static bool recognizes(const grammar *g, sb_arena *arena, const char *text)
{
    recognizer r = {.g = g};
    const size_t slots = (size_t)g->rule_count * MOST_POSITIONS;
    sb_err err;

    assert_int_equal(sb_lex_tokens(arena, BYTES(text), NULL, &r.tokens, &err), SB_OK);
    assert_true(r.tokens.count < MOST_POSITIONS);
    r.memo = malloc(slots * sizeof *r.memo);
    r.known = calloc(slots, sizeof *r.known);
    assert_true(r.memo != NULL && r.known != NULL);
    const places end = match_rule(&r, 0, 0);
    free(r.memo);
    free(r.known);
    return has_place(&end, r.tokens.count - 1);
}

static const char *const QUERIES[] = {
#define QUERY(text, printed) text,
#include "unit/cypher/queries.def"
#undef QUERY
};
#define QUERY_COUNT (sizeof QUERIES / sizeof QUERIES[0])

static void test_cypher_grammar__recognizes_every_query(void **state)
{
    (void)state;
    grammar g;
    cypher_fixture f;
    read_grammar(&g);
    cypher_init(&f);
    assert_string_equal(g.rules[0].name, "Statement");
    for (size_t i = 0; i < QUERY_COUNT; i++) {
        cypher_reset(&f);
        if (!recognizes(&g, f.arena, QUERIES[i])) fail_msg("no sentence: %s", QUERIES[i]);
    }
    assert_false(recognizes(&g, f.arena, "RETURN 1 +"));
    assert_false(recognizes(&g, f.arena, "MATCH (a)-(b) RETURN a"));
    cypher_deinit(&f);
    free_grammar(&g);
}

/* Whatever the parser takes is a sentence. */
static void test_cypher_grammar__recognizes_what_is_parsed(void **state)
{
    (void)state;
    grammar g;
    cypher_fixture f;
    char text[2048];
    int parsed = 0;
    sb_random random = test_random(31);
    read_grammar(&g);
    cypher_init(&f);
    for (size_t round = 0; round < 6000; round++) {
        const char *a = QUERIES[sb_random_below(&random, QUERY_COUNT)];
        const char *b = QUERIES[sb_random_below(&random, QUERY_COUNT)];
        const size_t a_bytes = sb_random_below(&random, strlen(a) + 1);
        const size_t b_from = sb_random_below(&random, strlen(b) + 1);
        (void)snprintf(text, sizeof text, "%.*s %s", (int)a_bytes, a, b + b_from);
        if (cypher_parse(&f, text) != SB_OK || f.statement == NULL) continue;
        parsed++;
        if (!recognizes(&g, f.arena, text)) fail_msg("parsed, but no sentence: %s", text);
    }
    assert_true(parsed > 100);
    cypher_deinit(&f);
    free_grammar(&g);
}

/* ---- Making ------------------------------------------------------------------------------------------------------------------ */

/* How deep each part's shortest sentence is, alternatives with rules in words left out. */
static void measure(grammar *g)
{
    for (bool changed = true; changed;) {
        changed = false;
        for (int i = 0; i < g->node_count; i++) {
            node *n = &g->nodes[i];
            int depth = n->kind == NODE_ONE ? 1000 : 0;
            if (n->kind == NODE_RULE) {
                const rule *r = &g->rules[n->rule];
                depth = r->is_terminal || strcmp(r->name, "Variable") == 0
                            ? 1
                            : g->nodes[r->body].depth + 1;
            }
            for (int k = 0; k < n->part_count; k++) {
                const int part = g->nodes[n->parts[k]].depth;
                if (n->kind == NODE_ONE ? part < depth : n->kind == NODE_ALL && part > depth)
                    depth = part;
            }
            if (n->restricted) depth = 1000;
            changed = changed || depth < n->depth;
            n->depth = depth < n->depth ? depth : n->depth;
        }
    }
}

typedef struct maker {
    const grammar *g;
    sb_random *random;
    sb_buffer *out;
} maker;

static void put(maker *m, const char *text)
{
    assert_int_equal(sb_buffer_append(m->out, text, strlen(text)), SB_OK);
    assert_int_equal(sb_buffer_append_byte(m->out, ' '), SB_OK);
}

static void make_terminal(maker *m, const char *name)
{
    static const char *const names[] = {"a", "bc", "`x y`", "größe", "_1", "`return`"};
    static const char *const integers[] = {"1", "2", "0x1F", "1_0", "0o7"};
    static const char *const floats[] = {"1.5", ".5", "1e3", "2.5E-1"};
    static const char *const strings[] = {"'a'", "\"b'\"", "''", "'\\u00e9\\n'"};
    static const char *const parameters[] = {"$p", "$0", "$`q r`"};
    const size_t pick = sb_random_below(m->random, 60);

    if (strcmp(name, "Integer") == 0) put(m, integers[pick % 5]);
    if (strcmp(name, "Float") == 0) put(m, floats[pick % 4]);
    if (strcmp(name, "String") == 0) put(m, strings[pick % 4]);
    if (strcmp(name, "Parameter") == 0) put(m, parameters[pick % 3]);
    if (strcmp(name, "Variable") == 0) put(m, "n");
    if (strcmp(name, "Name") == 0) put(m, names[pick % 6]);
}

static void make(maker *m, int index, int room);

/* An alternative that fits in the room that is left; the shallowest when none does. */
static int choose(maker *m, const node *n, int room)
{
    int best = n->parts[0];
    int fitting[MOST_PARTS];
    int count = 0;

    for (int i = 0; i < n->part_count; i++) {
        const int depth = m->g->nodes[n->parts[i]].depth;
        if (depth < m->g->nodes[best].depth) best = n->parts[i];
        if (depth <= room) fitting[count++] = n->parts[i];
    }
    return count == 0 ? best : fitting[sb_random_below(m->random, (uint64_t)count)];
}

static void make(maker *m, int index, int room)
{
    const node *n = &m->g->nodes[index];
    const rule *r;
    uint64_t times;

    switch (n->kind) {
    case NODE_TOKEN: put(m, n->text); break;
    case NODE_RULE:
        r = &m->g->rules[n->rule];
        if (r->is_terminal || strcmp(r->name, "Variable") == 0) {
            make_terminal(m, r->name);
        } else {
            make(m, r->body, room - 1);
        }
        break;
    case NODE_ALL:
        for (int i = 0; i < n->part_count; i++)
            make(m, n->parts[i], room);
        break;
    case NODE_ONE: make(m, choose(m, n, room), room); break;
    case NODE_MAYBE:
    case NODE_MANY:
        if (m->g->nodes[n->parts[0]].depth > room) break;
        times = sb_random_below(m->random, n->kind == NODE_MAYBE ? 2 : 3);
        if (m->out->size > 2000) times = 0;
        while (times-- > 0)
            make(m, n->parts[0], room);
        break;
    }
}

static void test_cypher_grammar__its_sentences_are_parsed(void **state)
{
    (void)state;
    grammar g;
    cypher_fixture f;
    sb_buffer text;
    sb_random random = test_random(32);
    read_grammar(&g);
    measure(&g);
    cypher_init(&f);
    sb_buffer_init(&text, &sb_allocator_libc);
    for (size_t round = 0; round < 20000; round++) {
        maker m = {.g = &g, .random = &random, .out = &text};
        sb_buffer_reset(&text);
        make(&m, g.rules[0].body, 20 + (int)sb_random_below(&random, 30));
        if (cypher_parse_bytes(&f, text.data, text.size) != SB_OK)
            fail_msg("a sentence, but: %s\n%.*s", f.err.text, (int)text.size,
                     (const char *)text.data);
        assert_non_null(f.statement);
    }
    sb_buffer_deinit(&text);
    cypher_deinit(&f);
    free_grammar(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_cypher_grammar__rules_are_defined_and_used),
        TEST(test_cypher_grammar__its_words_are_the_lexers),
        TEST(test_cypher_grammar__recognizes_every_query),
        TEST(test_cypher_grammar__recognizes_what_is_parsed),
        TEST(test_cypher_grammar__its_sentences_are_parsed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
