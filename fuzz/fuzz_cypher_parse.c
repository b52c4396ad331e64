/* fuzz_cypher_parse.c — query text through lexer, parser, printer and semantic analysis: any bytes give a tree or an error with a place; what is
 * printed is parsed again and prints the same; analysis gives a meaning or an error, never less. The input is a script: statements between
 * ';'. Built for the fuzzer, every second mutation is one of tokens and not of bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cypher/lex/lex.h"
#include "cypher/parse/parse.h"
#include "cypher/sema/sema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void need(bool condition, const char *what, const sb_err *err)
{
    if (condition) return;
    (void)fprintf(stderr, "%s: %s\n", what, err->text);
    abort();
}

static void print(const sb_statement *statement, sb_buffer *out)
{
    sb_buffer_reset(out);
    if (sb_statement_print(statement, out) != SB_OK) abort();
}

static void check_print(sb_arena *arena, const sb_statement *statement, sb_buffer *out)
{
    sb_statement *again;
    sb_buffer second;
    sb_err err;
    size_t end;

    sb_err_clear(&err);
    sb_buffer_init(&second, out->alloc);
    print(statement, out);
    need(sb_cypher_parse(arena, sb_buffer_bytes(out), NULL, &again, &end, &err) == SB_OK ||
             err.detail == SB_CYPHER_LIMIT_EXCEEDED,
         "a printed statement is not parsed", &err);
    if (again != NULL) {
        print(again, &second);
        need(sb_bytes_equal(sb_buffer_bytes(out), sb_buffer_bytes(&second)),
             "a printed statement prints otherwise", &err);
    }
    sb_buffer_deinit(&second);
}

/* One statement; the bytes that belonged to it. */
static size_t run_statement(sb_arena *arena, sb_bytes text, sb_buffer *out)
{
    static const sb_sema_env env;
    sb_statement *statement;
    uint32_t slots;
    sb_err err;
    size_t end;

    sb_err_clear(&err);
    const sb_status parsed = sb_cypher_parse(arena, text, NULL, &statement, &end, &err);
    need(parsed == err.code && end <= text.size && (parsed == SB_OK || statement == NULL),
         "what the parser says fits not together", &err);
    if (parsed != SB_OK) {
        need(err.detail != 0 && err.line != 0 && err.column != 0, "an error without a place", &err);
        return text.size;
    }
    if (statement == NULL) return end;
    check_print(arena, statement, out);
    const sb_status st = sb_sema_analyze(arena, statement, &env, NULL, &slots, &err);
    need(st == err.code, "what the analysis says fits not together", &err);
    if (st != SB_OK) need(err.detail != 0 && err.line != 0, "an error without a place", &err);
    if (st == SB_OK) print(statement, out);
    return end;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    sb_arena *arena = sb_arena_create(&sb_allocator_libc, NULL);
    sb_buffer out;
    size_t at = 0;

    if (arena == NULL) abort();
    sb_buffer_init(&out, &sb_allocator_libc);
    do {
        sb_arena_reset(arena);
        at += run_statement(arena, sb_bytes_of(data + at, bytes - at), &out);
    } while (at < bytes);
    sb_buffer_deinit(&out);
    sb_arena_destroy(arena);
    return 0;
}

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION

size_t LLVMFuzzerMutate(uint8_t *data, size_t bytes, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t most, unsigned seed);

/* Up to eight tokens from one place put in place of up to four at another: constructs in constructs that bytes hardly find. */
static size_t splice_tokens(const sb_tokens *tokens, uint8_t *data, size_t bytes, size_t most,
                            sb_random *random)
{
    const uint32_t count = tokens->count;
    const uint32_t to = (uint32_t)sb_random_below(random, count);
    const uint32_t from = (uint32_t)sb_random_below(random, count);
    const uint32_t to_last = to + (uint32_t)sb_random_below(random, 4);
    const uint32_t from_last = from + (uint32_t)sb_random_below(random, 8);
    const size_t start = tokens->items[to].span.start;
    const size_t end = tokens->items[to_last < count ? to_last : count - 1].span.start;
    const size_t piece = tokens->items[from].span.start;
    const size_t piece_end = tokens->items[from_last < count ? from_last : count - 1].span.end;
    const size_t piece_bytes = piece_end > piece ? piece_end - piece : 0;
    const size_t rest = bytes - end;
    uint8_t *copy = malloc(bytes + 1);

    if (copy == NULL) abort();
    memcpy(copy, data, bytes);
    if (end < start || start + piece_bytes + 1 + rest > most) {
        free(copy);
        return bytes;
    }
    memcpy(data + start, copy + piece, piece_bytes);
    data[start + piece_bytes] = ' ';
    memcpy(data + start + piece_bytes + 1, copy + end, rest);
    free(copy);
    return start + piece_bytes + 1 + rest;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t most, unsigned seed)
{
    sb_random random = {.state = seed};
    sb_tokens tokens;
    sb_err err;
    size_t changed = bytes;

    if (seed % 2 == 0 || bytes == 0) return LLVMFuzzerMutate(data, bytes, most);
    sb_arena *arena = sb_arena_create(&sb_allocator_libc, NULL);
    if (arena == NULL) abort();
    if (sb_lex_tokens(arena, sb_bytes_of(data, bytes), NULL, &tokens, &err) == SB_OK &&
        tokens.count > 1)
        changed = splice_tokens(&tokens, data, bytes, most, &random);
    sb_arena_destroy(arena);
    return changed;
}

#endif
