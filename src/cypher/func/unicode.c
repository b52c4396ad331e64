/* unicode.c — characters of UTF-8 text: counting, finding, normal forms. Strings are valid UTF-8, which sb_value_check and the lexer
 * see to; damaged files are no reason to read past an end, so a lead byte is never trusted for a length. */
#include <utf8proc.h>

#include "cypher/func/func_priv.h"

/* Not the first byte of a character. */
static bool continues(uint8_t byte)
{
    return (byte & 0xC0u) == 0x80u;
}

size_t sb_func__length(sb_bytes text)
{
    size_t count = 0;

    for (size_t i = 0; i < text.size; i++)
        count += !continues(text.data[i]);
    return count;
}

size_t sb_func__at(sb_bytes text, uint64_t index)
{
    size_t i = 0;

    for (; i < text.size; i++) {
        if (continues(text.data[i])) continue;
        if (index-- == 0) return i;
    }
    return i;
}

static bool is_ascii(sb_bytes text)
{
    uint8_t all = 0;

    for (size_t i = 0; i < text.size; i++)
        all |= text.data[i];
    return all < 0x80;
}

static bool form_options(sb_bytes form, utf8proc_option_t *options)
{
    static const struct {
        const char *name;
        unsigned options;
    } forms[] = {
        {"NFC", UTF8PROC_STABLE | UTF8PROC_COMPOSE},
        {"NFD", UTF8PROC_STABLE | UTF8PROC_DECOMPOSE},
        {"NFKC", UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT},
        {"NFKD", UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT},
    };

    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        size_t same = 0;
        while (same < form.size && forms[i].name[same] != '\0' &&
               (form.data[same] & 0xDFu) == (uint8_t)forms[i].name[same])
            same++;
        if (same != form.size || forms[i].name[same] != '\0') continue;
        *options = (utf8proc_option_t)forms[i].options;
        return true;
    }
    return false;
}

/* Bytes of a text that are brought into a normal form between two questions whether to go on, or more until a text may be cut. */
#define NORMALIZED_AT_ONCE 65536u

/* May a text be cut before this character, and both parts be brought into a normal form by themselves? So it is where the character neither combines
 * with what comes before nor is reordered, in any form: of letters with cases, digits, blanks, ideographs and syllables that is sure. */
static bool is_cut(utf8proc_int32_t c)
{
    const utf8proc_property_t *properties = utf8proc_get_property(c);

    if (c < 0x80 || (c >= 0x4E00 && c < 0xA000) || (c >= 0xAC00 && c < 0xD7A4)) return true;
    switch ((int)properties->category) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_ZS: return properties->combining_class == 0;
    default: return false;
    }
}

/* The end of the piece that begins at `from`. */
static size_t piece_end(sb_bytes text, size_t from)
{
    utf8proc_int32_t c;
    size_t at = text.size - from > NORMALIZED_AT_ONCE ? from + NORMALIZED_AT_ONCE : text.size;

    while (at < text.size &&
           (continues(text.data[at]) ||
            utf8proc_iterate(text.data + at, (utf8proc_ssize_t)(text.size - at), &c) <= 0 ||
            !is_cut(c)))
        at++;
    return at;
}

static utf8proc_ssize_t decompose(sb_bytes text, size_t from, size_t end, utf8proc_option_t options,
                                  utf8proc_int32_t *room, size_t count)
{
    return utf8proc_decompose(text.data + from, (utf8proc_ssize_t)(end - from), room,
                              (utf8proc_ssize_t)count, options);
}

static sb_status go_on(const sb_func_context *ctx)
{
    return ctx->poll == NULL ? SB_OK : ctx->poll(ctx->poll_ctx);
}

/* Characters of a text that is taken apart. */
static sb_status count_characters(sb_func_context *ctx, sb_bytes text, utf8proc_option_t options,
                                  size_t *total)
{
    size_t end;

    *total = 0;
    for (size_t from = 0; from < text.size; from = end) {
        SB_TRY(go_on(ctx));
        end = piece_end(text, from);
        const utf8proc_ssize_t count = decompose(text, from, end, options, NULL, 0);
        if (count < 0) return SB_FUNC_FAIL_VALUE(ctx, "the STRING is not valid UTF-8");
        *total += (size_t)count;
    }
    return SB_OK;
}

/* Piece by piece: characters come into the room behind those of the pieces before, become UTF-8 in place, with a NUL behind, which takes no more
 * than four bytes each, and move down to what is done. */
static sb_status normalize_pieces(sb_func_context *ctx, sb_bytes text, utf8proc_option_t options,
                                  size_t total, uint8_t *room, size_t *size)
{
    size_t end, done = 0;

    *size = 0;
    for (size_t from = 0; from < text.size; from = end) {
        utf8proc_int32_t *characters = (utf8proc_int32_t *)(void *)room + done;
        SB_TRY(go_on(ctx));
        end = piece_end(text, from);
        const utf8proc_ssize_t count =
            decompose(text, from, end, options, characters, total - done);
        const utf8proc_ssize_t bytes =
            count < 0 ? count : utf8proc_reencode(characters, count, options);
        if (bytes < 0) return SB_FUNC_FAIL_VALUE(ctx, "the STRING is not valid UTF-8");
        memmove(room + *size, characters, (size_t)bytes);
        *size += (size_t)bytes;
        done += (size_t)count;
    }
    return SB_OK;
}

sb_status sb_func__normalize(sb_func_context *ctx, sb_bytes text, sb_bytes form, sb_val *result)
{
    utf8proc_option_t options;
    size_t total, size;
    uint8_t *room;

    if (!form_options(form, &options))
        return SB_FUNC_FAIL_VALUE(ctx, "'%.*s' is no normal form: NFC, NFD, NFKC and NFKD are",
                                  SB_FUNC_SHOWN(form));
    *result = sb_val_string(text);
    if (is_ascii(text)) return SB_OK;
    SB_TRY(count_characters(ctx, text, options, &total));
    SB_TRY(sb_func__room(ctx, (total + 1) * sizeof(utf8proc_int32_t), &room));
    SB_TRY(normalize_pieces(ctx, text, options, total, room, &size));
    *result = sb_val_string(sb_bytes_of(room, size));
    return SB_OK;
}
