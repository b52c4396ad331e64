/* regex.c — regular expressions by PCRE2: compiled patterns are kept, matching is bounded.
 * Memory goes through the context's allocator; a block carries its size in front, since PCRE2 does not tell it on free. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "cypher/func/func_priv.h"
#include "cypher/lex/stack.h"

/* A query has few patterns; those made from data go round. */
#define KEPT 8u
/* Machine code takes some 50 µs to make and a match a fifth of the time: worth it from here on. */
#define USES_BEFORE_JIT 64u
/* That of a longer pattern takes more than 5 ms to make. */
#define JIT_BYTES 2048u
/* Steps of a match before it is looked after: some 5 ms. Few real patterns get there, catastrophic ones all. */
#define QUICK_LIMIT 100000u
/* Each may go through all of the text, by each item of the pattern that is no step itself (look-behinds, back references): so many bytes in all, */
#define QUICK_BYTES 2000000u
/* with so many bytes of the pattern for one such item. */
#define ITEM_BYTES 64u
/* Longer texts are looked after at once. */
#define LONG_BYTES 65536u
/* Then it goes on with a call-out at each item of the pattern, so many of them (some 0.5 s), asking now and then whether it should. */
#define CALLOUT_LIMIT 5000000u
/* Of a text longer than this so many more for each byte: what is linear in it comes to its end. */
#define PATIENT_BYTES    ((size_t)1 << 20)
#define CALLOUTS_OF_BYTE 4u
#define CALLOUT_WORK                                                                               \
    256u /* bytes gone through otherwise in the time of one, and, since any item may go through them, */
#define CALLOUT_SHARE 5u /* a part of the text's */
/* A longer pattern makes more than PCRE2 takes, unless most of it is nothing; to find that out takes long. */
#define PATTERN_BYTES ((size_t)1 << 18)
/* Checked to be UTF-8 at once. */
#define PIECE_BYTES ((size_t)1 << 20)
/* Of the places that a match may come back to: what bounds how deep it goes, which by itself costs nothing. */
#define HEAP_KIB 16384u
#define HEADER   16u

typedef struct compiled {
    uint8_t *pattern; /* owned */
    size_t size;
    pcre2_code *code;    /* owned; NULL: a free place */
    pcre2_code *watched; /* owned: the same with call-outs; NULL: not needed so far */
    unsigned uses;       /* up to USES_BEFORE_JIT */
} compiled;

struct sb_regexes {
    const sb_allocator *alloc;
    pcre2_general_context *memory;
    pcre2_match_context *limits, *watched_limits;
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
    pcre2_code_free(entry->watched);
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
    pcre2_match_context_free(regexes->watched_limits);
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
        regexes->watched_limits = pcre2_match_context_create(regexes->memory);
        regexes->match = pcre2_match_data_create(1, regexes->memory);
    }
    if (regexes->limits == NULL || regexes->watched_limits == NULL || regexes->match == NULL) {
        sb_func_context_deinit(ctx);
        return SB_FAIL_NOMEM(ctx->err);
    }
    (void)pcre2_set_heap_limit(regexes->limits, HEAP_KIB);
    (void)pcre2_set_match_limit(regexes->watched_limits, UINT32_MAX);
    (void)pcre2_set_heap_limit(regexes->watched_limits, HEAP_KIB);
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

/* PCRE2 asks at each parenthesis, and recurses. */
static int guard_stack(uint32_t depth, void *unused)
{
    (void)unused;
    if (depth % 16 != 0) return 0;
    return sb_cypher_stack_levels(SB_STACK_QUERY) < 16;
}

/* The whole string has to match: in the pattern, since machine code does not know it as an option of the match. */
static sb_status compile(sb_func_context *ctx, sb_bytes pattern, uint32_t options,
                         pcre2_code **code)
{
    pcre2_compile_context *memory = pcre2_compile_context_create(ctx->regexes->memory);
    int error = PCRE2_ERROR_HEAP_FAILED;
    size_t place = 0;

    *code = NULL;
    if (memory != NULL) {
        (void)pcre2_set_max_pattern_length(memory, PATTERN_BYTES);
        (void)pcre2_set_compile_recursion_guard(memory, guard_stack, NULL);
        *code = pcre2_compile(pattern.size == 0 ? (PCRE2_SPTR) "" : pattern.data, pattern.size,
                              options | PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_ANCHORED |
                                  PCRE2_ENDANCHORED,
                              &error, &place, memory);
    }
    pcre2_compile_context_free(memory);
    if (*code != NULL) return SB_OK;
    if (error == PCRE2_ERROR_PATTERN_STRING_TOO_LONG || error == PCRE2_ERROR_PATTERN_TOO_LARGE)
        return sb_cypher_fail_runtime(ctx->err, SB_CYPHER_LIMIT_EXCEEDED,
                                      "the regular expression '%.*s' is too long (%zu bytes)",
                                      SB_FUNC_SHOWN(pattern), pattern.size);
    if (error == PCRE2_ERROR_PARENTHESES_STACK_CHECK)
        return sb_cypher_fail_runtime(
            ctx->err, SB_CYPHER_LIMIT_EXCEEDED,
            "the stack of this thread has no room for the regular expression '%.*s': run it in a "
            "thread with a larger one",
            SB_FUNC_SHOWN(pattern));
    return fail_pattern(ctx, error == 121 ? PCRE2_ERROR_HEAP_FAILED : error, place, pattern);
}

/* What the machine can't do, or has no memory for, is interpreted. */
static void make_machine_code(const compiled *entry, pcre2_code *code)
{
    if (entry->size <= JIT_BYTES) (void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); /* benign */
}

static sb_status keep(sb_func_context *ctx, sb_bytes pattern, compiled *entry)
{
    uint8_t *copy = sb_alloc(ctx->alloc, pattern.size);

    if (copy == NULL) return SB_FAIL_NOMEM(ctx->err);
    const sb_status st = compile(ctx, pattern, 0, &entry->code);
    if (st != SB_OK) {
        sb_free(ctx->alloc, copy, pattern.size);
        return st;
    }
    if (pattern.size != 0) memcpy(copy, pattern.data, pattern.size);
    entry->pattern = copy;
    entry->size = pattern.size;
    return SB_OK;
}

static sb_status find(sb_func_context *ctx, sb_bytes pattern, compiled **found)
{
    struct sb_regexes *regexes = ctx->regexes;

    for (unsigned i = 0; i < KEPT; i++) {
        compiled *entry = &regexes->kept[i];
        if (entry->code == NULL ||
            !sb_bytes_equal(sb_bytes_of(entry->pattern, entry->size), pattern))
            continue;
        *found = entry;
        if (entry->uses < USES_BEFORE_JIT && ++entry->uses == USES_BEFORE_JIT)
            make_machine_code(entry, entry->code);
        return SB_OK;
    }
    *found = &regexes->kept[regexes->next];
    forget(regexes, *found);
    SB_TRY(keep(ctx, pattern, *found));
    regexes->next = (regexes->next + 1) % KEPT;
    return SB_OK;
}

/* ---- Matching ------------------------------------------------------------------------------------------------ */

static int match(sb_func_context *ctx, const pcre2_code *code, sb_bytes text, uint32_t options,
                 pcre2_match_context *limits)
{
    return pcre2_match(code, text.size == 0 ? (PCRE2_SPTR) "" : text.data, text.size, 0, options,
                       ctx->regexes->match, limits);
}

typedef struct watch {
    sb_func_context *ctx;
    uint64_t callouts_left, work;
    sb_status status; /* of poll */
} watch;

/* At each item of the pattern: go on (0), or end the match. */
static int watch_match(pcre2_callout_block *block, void *data)
{
    watch *w = data;

    (void)block;
    if (w->callouts_left-- == 0) return PCRE2_ERROR_MATCHLIMIT;
    w->status = sb_func_work(w->ctx, w->work);
    return w->status == SB_OK ? 0 : PCRE2_ERROR_CALLOUT;
}

/* From the beginning, with an eye on it. */
static sb_status match_watched(sb_func_context *ctx, compiled *entry, sb_bytes text,
                               uint32_t options, int *found)
{
    watch w = {.ctx = ctx,
               .status = SB_OK,
               .callouts_left = CALLOUT_LIMIT,
               .work = CALLOUT_WORK + text.size / CALLOUT_SHARE};

    if (text.size > PATIENT_BYTES) w.callouts_left += (uint64_t)text.size * CALLOUTS_OF_BYTE;

    if (entry->watched == NULL) {
        SB_TRY(compile(ctx, sb_bytes_of(entry->pattern, entry->size), PCRE2_AUTO_CALLOUT,
                       &entry->watched));
        make_machine_code(entry, entry->watched);
    }
    (void)pcre2_set_callout(ctx->regexes->watched_limits, watch_match, &w);
    *found = match(ctx, entry->watched, text, options, ctx->regexes->watched_limits);
    if (*found == PCRE2_ERROR_JIT_STACKLIMIT)
        *found =
            match(ctx, entry->watched, text, options | PCRE2_NO_JIT, ctx->regexes->watched_limits);
    return w.status;
}

/* A piece of the text from `at` on that ends with a character. */
static sb_bytes piece_at(sb_bytes text, size_t at)
{
    size_t end = text.size - at > PIECE_BYTES ? at + PIECE_BYTES : text.size;

    for (unsigned i = 0; i < 3 && end < text.size && (text.data[end] & 0xC0) == 0x80; i++)
        end--;
    return sb_bytes_of(text.data + at, end - at);
}

/* PCRE2 asks between two items of a pattern alone. What it need not do is done here, piece by piece: to see that the text is UTF-8. */
static sb_status match_long(sb_func_context *ctx, compiled *entry, sb_bytes text, int *found)
{
    bool valid = true;

    for (size_t at = 0; at < text.size && valid;) {
        const sb_bytes piece = piece_at(text, at);
        SB_TRY(sb_func_work(ctx, piece.size));
        valid = sb_utf8_valid(piece);
        at += piece.size;
    }
    return match_watched(ctx, entry, text, valid ? PCRE2_NO_UTF_CHECK : 0, found);
}

static sb_status match_short(sb_func_context *ctx, compiled *entry, sb_bytes text, int *found)
{
    const size_t steps = QUICK_BYTES / ((text.size + 1) * (1 + entry->size / ITEM_BYTES));

    (void)pcre2_set_match_limit(ctx->regexes->limits,
                                steps < QUICK_LIMIT ? (uint32_t)steps : QUICK_LIMIT);
    *found = match(ctx, entry->code, text, 0, ctx->regexes->limits);
    if (*found == PCRE2_ERROR_JIT_STACKLIMIT)
        *found = match(ctx, entry->code, text, PCRE2_NO_JIT, ctx->regexes->limits);
    return *found == PCRE2_ERROR_MATCHLIMIT ? match_watched(ctx, entry, text, 0, found) : SB_OK;
}

sb_status sb_func__regex(sb_func_context *ctx, sb_bytes text, sb_bytes pattern, bool *matches)
{
    compiled *entry;
    int found;

    if (ctx->regexes == NULL) SB_TRY(begin(ctx));
    SB_TRY(find(ctx, pattern, &entry));
    SB_TRY(text.size > LONG_BYTES ? match_long(ctx, entry, text, &found)
                                  : match_short(ctx, entry, text, &found));
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
