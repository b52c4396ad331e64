/* fuzz_temporal.c — texts as temporal values, zone files, regular expressions: any bytes give a value or an error with a detail. What is
 * read is written and read again as the same value. Input: one byte of what it is, then the text (for patterns: pattern, byte 0x1E,
 * text). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cypher/func/func.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

typedef struct fuzz_input {
    sb_bytes zone; /* the file of every zone */
} fuzz_input;

static sb_status read_zone(void *ctx, const char *name, sb_buffer *out, bool *found, sb_err *err)
{
    const fuzz_input *input = ctx;

    *found = strstr(name, ".tab") == NULL;
    if (!*found || input->zone.size == 0) return SB_OK;
    return sb_buffer_append(out, input->zone.data, input->zone.size) == SB_OK ? SB_OK
                                                                              : SB_FAIL_NOMEM(err);
}

static void check(bool holds, const char *what)
{
    if (holds) return;
    (void)fprintf(stderr, "%s does not hold\n", what);
    abort();
}

/* A value's text reads back as the value. */
static void check_again(sb_func_context *ctx, sb_val v)
{
    sb_buffer text;
    sb_val again;
    bool has;

    sb_buffer_init(&text, ctx->alloc);
    check(sb_val_to_string(v, &text, &has, ctx->err) == SB_OK && has,
          "a temporal value has a text");
    check(sb_temporal_parse(ctx, (sb_val_kind)v.kind, sb_buffer_bytes(&text), &again) == SB_OK,
          "its text can be read");
    check(sb_val_same(v, again) && sb_val_hash(v, 1) == sb_val_hash(again, 1),
          "it reads back as the same");
    sb_buffer_deinit(&text);
}

static void run(sb_func_context *ctx, fuzz_input *input, unsigned what, sb_bytes text)
{
    static const char local[] = "2024-03-31T02:30[Any/Zone]";
    sb_val v, result;
    sb_status st;

    if (what < 6) {
        st = sb_temporal_parse(ctx, (sb_val_kind)(SB_VAL_DATE + what), text, &v);
        if (st == SB_OK) check_again(ctx, v);
    } else if (what == 6) {
        input->zone = text;
        st = sb_temporal_parse(ctx, SB_VAL_DATETIME, sb_bytes_of(local, sizeof local - 1), &v);
        if (st == SB_OK) check_again(ctx, v);
    } else {
        const uint8_t *split = text.size == 0 ? NULL : memchr(text.data, 0x1E, text.size);
        const size_t size = split == NULL ? text.size : (size_t)(split - text.data);
        const sb_bytes subject =
            split == NULL ? text : sb_bytes_of(split + 1, text.size - size - 1);
        v = sb_val_string(sb_bytes_of(text.data, size));
        st = sb_op_binary(ctx, SB_OP2_REGEX, sb_val_string(subject), v, &result);
    }
    if (st == SB_OK) return;
    check(ctx->err->code == st && ctx->err->detail != 0, "a failure has a detail");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    fuzz_input input = {.zone = {NULL, 0}};
    sb_err err;
    sb_func_context ctx = {
        .alloc = &sb_allocator_libc, .default_zone = sb_bytes_of("Z", 1), .err = &err};

    if (bytes == 0) return 0;
    sb_err_clear(&err);
    ctx.arena = sb_arena_create(ctx.alloc, NULL);
    check(ctx.arena != NULL, "there is memory");
    check(sb_zones_create(ctx.alloc, read_zone, &input, &ctx.zones, &err) == SB_OK,
          "there is memory");
    run(&ctx, &input, data[0] % 8u, sb_bytes_of(data + 1, bytes - 1));
    sb_func_context_deinit(&ctx);
    sb_zones_destroy(ctx.zones);
    sb_arena_destroy(ctx.arena);
    return 0;
}
