/* regex.c — regular expressions by PCRE2: compiled patterns are kept, matching is bounded.
 * Memory goes through the context's allocator; a block carries its size in front, since PCRE2 does not tell it on free. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "cypher/func/func_priv.h"

/* A query has few patterns; those made from data go round. */
#define KEPT 8u
/* Steps of one match before it is given up: some 0.1 s. Catastrophic patterns end here. */
#define MATCH_LIMIT 2000000u
#define DEPTH_LIMIT 10000u
#define HEAP_KIB    16384u
#define HEADER      16u

typedef struct compiled {
    uint8_t *pattern; /* owned */
    size_t size;
    pcre2_code *code; /* owned; NULL: a free place */
} compiled;

struct sb_regexes {
    const sb_allocator *alloc;
    pcre2_general_context *memory;
    pcre2_match_context *limits;
    pcre2_match_data *match;
    compiled kept[KEPT];
    unsigned next; /* that is replaced */
};

static void *allocate(size_t bytes, void *ctx)
{
    size_t all;
    uint8_t *block;

    if (!sb_add_size(bytes, HEADER, &all)) return NULL;
    block = sb_alloc(ctx, all);
    if (block == NULL) return NULL;
    memcpy(block, &all, sizeof all);
    return block + HEADER;
}

static void release(void *block, void *ctx)
{
    size_t all;

    if (block == NULL) return;
    uint8_t *begin = (uint8_t *)block - HEADER;
    memcpy(&all, begin, sizeof all);
    sb_free(ctx, begin, all);
}

static void forget(struct sb_regexes *regexes, compiled *entry)
{
    if (entry->code == NULL) return;
    pcre2_code_free(entry->code);
    sb_free(regexes->alloc, entry->pattern, entry->size);
    *entry = (compiled){.code = NULL};
}

void sb_func_context_deinit(sb_func_context *ctx)
{
    struct sb_regexes *regexes = ctx->regexes;

    if (regexes == NULL) return;
    for (unsigned i = 0; i < KEPT; i++)
        forget(regexes, &regexes->kept[i]);
    pcre2_match_data_free(regexes->match);
    pcre2_match_context_free(regexes->limits);
    pcre2_general_context_free(regexes->memory);
    sb_free(regexes->alloc, regexes, sizeof *regexes);
    ctx->regexes = NULL;
}

static sb_status begin(sb_func_context *ctx)
{
    /* The allocator is not written to through this pointer: PCRE2 hands it back as it is. */
    union {
        const sb_allocator *in;
        void *out;
    } alloc = {.in = ctx->alloc};
    struct sb_regexes *regexes = sb_alloc_zero(ctx->alloc, sizeof *regexes);

    if (regexes == NULL) return SB_FAIL_NOMEM(ctx->err);
    regexes->alloc = ctx->alloc;
    ctx->regexes = regexes;
    regexes->memory = pcre2_general_context_create(allocate, release, alloc.out);
    if (regexes->memory != NULL) {
        regexes->limits = pcre2_match_context_create(regexes->memory);
        regexes->match = pcre2_match_data_create(1, regexes->memory);
    }
    if (regexes->limits == NULL || regexes->match == NULL) {
        sb_func_context_deinit(ctx);
        return SB_FAIL_NOMEM(ctx->err);
    }
    (void)pcre2_set_match_limit(regexes->limits, MATCH_LIMIT);
    (void)pcre2_set_depth_limit(regexes->limits, DEPTH_LIMIT);
    (void)pcre2_set_heap_limit(regexes->limits, HEAP_KIB);
    return SB_OK;
}

static sb_status fail_pattern(sb_func_context *ctx, int code, size_t place, sb_bytes pattern)
{
    PCRE2_UCHAR message[120];

    if (code == PCRE2_ERROR_HEAP_FAILED) return SB_FAIL_NOMEM(ctx->err);
    if (pcre2_get_error_message(code, message, sizeof message) < 0) message[0] = '\0';
    return SB_FUNC_FAIL_VALUE(ctx, "'%.*s' is no regular expression: %s, at byte %zu",
                              SB_FUNC_SHOWN(pattern), (const char *)message, place);
}

static sb_status compile(sb_func_context *ctx, sb_bytes pattern, compiled *entry)
{
    struct sb_regexes *regexes = ctx->regexes;
    pcre2_compile_context *memory = pcre2_compile_context_create(regexes->memory);
    uint8_t *copy = sb_alloc(regexes->alloc, pattern.size);
    pcre2_code *code = NULL;
    int error = PCRE2_ERROR_HEAP_FAILED;
    size_t place = 0;

    if (memory != NULL && copy != NULL)
        code = pcre2_compile(pattern.size == 0 ? (PCRE2_SPTR) "" : pattern.data, pattern.size,
                             PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C, &error, &place, memory);
    pcre2_compile_context_free(memory);
    if (code == NULL) {
        sb_free(regexes->alloc, copy, pattern.size);
        if (error == 121) error = PCRE2_ERROR_HEAP_FAILED; /* "failed to allocate heap memory" */
        return fail_pattern(ctx, error, place, pattern);
    }
    if (pattern.size != 0) memcpy(copy, pattern.data, pattern.size);
    *entry = (compiled){.pattern = copy, .size = pattern.size, .code = code};
    return SB_OK;
}

static sb_status find(sb_func_context *ctx, sb_bytes pattern, pcre2_code **code)
{
    struct sb_regexes *regexes = ctx->regexes;

    for (unsigned i = 0; i < KEPT; i++) {
        const compiled *entry = &regexes->kept[i];
        if (entry->code == NULL ||
            !sb_bytes_equal(sb_bytes_of(entry->pattern, entry->size), pattern))
            continue;
        *code = entry->code;
        return SB_OK;
    }
    compiled *entry = &regexes->kept[regexes->next];
    forget(regexes, entry);
    SB_TRY(compile(ctx, pattern, entry));
    regexes->next = (regexes->next + 1) % KEPT;
    *code = entry->code;
    return SB_OK;
}

sb_status sb_func__regex(sb_func_context *ctx, sb_bytes text, sb_bytes pattern, bool *matches)
{
    pcre2_code *code;

    if (ctx->regexes == NULL) SB_TRY(begin(ctx));
    SB_TRY(find(ctx, pattern, &code));
    const int found =
        pcre2_match(code, text.size == 0 ? (PCRE2_SPTR) "" : text.data, text.size, 0,
                    PCRE2_ANCHORED | PCRE2_ENDANCHORED, ctx->regexes->match, ctx->regexes->limits);
    *matches = found >= 0;
    switch (found) {
    case PCRE2_ERROR_NOMATCH: return SB_OK;
    case PCRE2_ERROR_NOMEMORY: return SB_FAIL_NOMEM(ctx->err);
    case PCRE2_ERROR_MATCHLIMIT:
    case PCRE2_ERROR_DEPTHLIMIT:
    case PCRE2_ERROR_HEAPLIMIT:
        return sb_cypher_fail_runtime(ctx->err, SB_CYPHER_LIMIT_EXCEEDED,
                                      "matching '%.*s' takes too many steps",
                                      SB_FUNC_SHOWN(pattern));
    default: return found >= 0 ? SB_OK : fail_pattern(ctx, found, 0, pattern);
    }
}
