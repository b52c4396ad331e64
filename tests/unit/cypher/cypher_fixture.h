/* cypher_fixture.h — a statement's arena that counts and can fail, and queries parsed into it. */
#ifndef TESTS_CYPHER_FIXTURE_H
#define TESTS_CYPHER_FIXTURE_H

#include "cypher/parse/parse.h"

#include "support/unit.h"

typedef struct cypher_fixture {
    sb_counting_allocator alloc;
    sb_arena *arena;
    sb_buffer out;
    sb_err err;
    sb_statement *statement;
    size_t end;
} cypher_fixture;

static inline void cypher_init(cypher_fixture *f)
{
    memset(f, 0, sizeof *f);
    sb_counting_allocator_init(&f->alloc, &sb_allocator_libc);
    f->arena = sb_arena_create(&f->alloc.base, NULL);
    assert_non_null(f->arena);
    sb_buffer_init(&f->out, &f->alloc.base);
    sb_err_clear(&f->err);
}

static inline void cypher_deinit(cypher_fixture *f)
{
    sb_buffer_deinit(&f->out);
    sb_arena_destroy(f->arena);
    assert_int_equal(f->alloc.live_blocks, 0);
}

static inline void cypher_reset(cypher_fixture *f)
{
    sb_arena_reset(f->arena);
    sb_buffer_reset(&f->out);
    sb_err_clear(&f->err);
}

static inline sb_status cypher_parse_bytes(cypher_fixture *f, const void *text, size_t bytes)
{
    cypher_reset(f);
    return sb_cypher_parse(f->arena, sb_bytes_of(text, bytes), NULL, &f->statement, &f->end,
                           &f->err);
}

static inline sb_status cypher_parse(cypher_fixture *f, const char *text)
{
    return cypher_parse_bytes(f, text, strlen(text));
}

static inline void cypher_parsed(cypher_fixture *f, const char *text)
{
    if (cypher_parse(f, text) != SB_OK) print_error("%s\n%s\n", text, f->err.text);
    assert_int_equal(f->err.code, SB_OK);
    assert_non_null(f->statement);
}

/* The statement as text, NUL-terminated, in the fixture's buffer. */
static inline const char *cypher_print(cypher_fixture *f)
{
    sb_buffer_reset(&f->out);
    assert_int_equal(sb_statement_print(f->statement, &f->out), SB_OK);
    assert_int_equal(sb_buffer_append_byte(&f->out, 0), SB_OK);
    return (const char *)f->out.data;
}

/* Expression i of a statement that is RETURN alone. */
static inline sb_expr *cypher_returned(const cypher_fixture *f, uint32_t i)
{
    const sb_single_query *part = f->statement->query->parts[0];
    const sb_clause *clause = part->clauses[part->count - 1];
    assert_int_equal(clause->kind, SB_CLAUSE_RETURN);
    assert_true(i < clause->as.projection.item_count);
    return clause->as.projection.items[i].expr;
}

/* err is of that detail, found while compiling, and its message holds part. */
static inline void cypher_assert_error(const cypher_fixture *f, const char *query,
                                       sb_cypher_error detail, const char *part)
{
    if (f->err.detail != (uint32_t)detail || strstr(f->err.text, part) == NULL)
        print_error("%s\n%s: %s\n", query, sb_cypher_error_name(f->err.detail), f->err.text);
    assert_int_equal(f->err.detail, detail);
    assert_false(f->err.runtime);
    assert_int_not_equal(f->err.code, SB_OK);
    assert_non_null(strstr(f->err.text, part));
    assert_true(f->err.line > 0 && f->err.column > 0);
}

#define BYTES(text)               sb_bytes_of((text), strlen(text))
#define assert_bytes(bytes, text) assert_true(sb_bytes_equal((bytes), BYTES(text)))

#endif
