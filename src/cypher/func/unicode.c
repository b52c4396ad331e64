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

sb_status sb_func__normalize(sb_func_context *ctx, sb_bytes text, sb_bytes form, sb_val *result)
{
    utf8proc_option_t options;
    utf8proc_ssize_t count, bytes;
    uint8_t *room;

    if (!form_options(form, &options))
        return SB_FUNC_FAIL_VALUE(ctx, "'%.*s' is no normal form: NFC, NFD, NFKC and NFKD are",
                                  SB_FUNC_SHOWN(form));
    *result = sb_val_string(text);
    if (is_ascii(text)) return SB_OK;
    count = utf8proc_decompose(text.data, (utf8proc_ssize_t)text.size, NULL, 0, options);
    if (count < 0) return SB_FUNC_FAIL_VALUE(ctx, "the STRING is not valid UTF-8");
    /* Room for the characters, which utf8proc_reencode turns into UTF-8 in place, with a NUL behind. */
    SB_TRY(sb_func__room(ctx, ((size_t)count + 1) * sizeof(utf8proc_int32_t), &room));
    utf8proc_int32_t *characters = (utf8proc_int32_t *)(void *)room;
    count = utf8proc_decompose(text.data, (utf8proc_ssize_t)text.size, characters, count, options);
    bytes = count < 0 ? count : utf8proc_reencode(characters, count, options);
    if (bytes < 0) return SB_FUNC_FAIL_VALUE(ctx, "the STRING is not valid UTF-8");
    *result = sb_val_string(sb_bytes_of(room, (size_t)bytes));
    return SB_OK;
}
