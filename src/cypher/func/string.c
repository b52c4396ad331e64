/* string.c — functions of strings. Positions and lengths are in characters (code points); results borrow from their arguments where
 * they can. */
#include <utf8proc.h>

#include "cypher/func/func_priv.h"

static sb_status need_string(sb_func_context *ctx, const char *name, sb_val v)
{
    return v.kind == SB_VAL_STRING ? SB_OK : sb_func__fail_arg(ctx, name, "a STRING", v);
}

/* A length or position: an INTEGER that is not negative. */
static sb_status need_count(sb_func_context *ctx, const char *name, sb_val v)
{
    if (v.kind != SB_VAL_INT) return sb_func__fail_arg(ctx, name, "an INTEGER", v);
    if (v.as.integer >= 0) return SB_OK;
    return SB_FUNC_FAIL_RANGE(ctx, "%s() needs a number of characters, not %lld", name,
                              (long long)v.as.integer);
}

static sb_bytes cut(sb_bytes text, size_t from, size_t to)
{
    return sb_bytes_of(text.data + from, to - from);
}

/* ---- Parts ----------------------------------------------------------------------------------------------------- */

sb_status sb_func__left(sb_func_context *ctx, const sb_val *args, uint32_t count, sb_val *result)
{
    (void)count;
    SB_TRY(need_string(ctx, "left", args[0]));
    SB_TRY(need_count(ctx, "left", args[1]));
    const sb_bytes text = sb_val_text(args[0]);
    *result = sb_val_string(cut(text, 0, sb_func__at(text, (uint64_t)args[1].as.integer)));
    return SB_OK;
}

sb_status sb_func__right(sb_func_context *ctx, const sb_val *args, uint32_t count, sb_val *result)
{
    (void)count;
    SB_TRY(need_string(ctx, "right", args[0]));
    SB_TRY(need_count(ctx, "right", args[1]));
    const sb_bytes text = sb_val_text(args[0]);
    const uint64_t length = sb_func__length(text), wanted = (uint64_t)args[1].as.integer;
    const size_t from = wanted >= length ? 0 : sb_func__at(text, length - wanted);
    *result = sb_val_string(cut(text, from, text.size));
    return SB_OK;
}

sb_status sb_func__substring(sb_func_context *ctx, const sb_val *args, uint32_t count,
                             sb_val *result)
{
    SB_TRY(need_string(ctx, "substring", args[0]));
    SB_TRY(need_count(ctx, "substring", args[1]));
    if (count > 2) SB_TRY(need_count(ctx, "substring", args[2]));
    const sb_bytes text = sb_val_text(args[0]);
    sb_bytes part = cut(text, sb_func__at(text, (uint64_t)args[1].as.integer), text.size);
    if (count > 2) part = cut(part, 0, sb_func__at(part, (uint64_t)args[2].as.integer));
    *result = sb_val_string(part);
    return SB_OK;
}

/* ---- Trimming ------------------------------------------------------------------------------------------------------ */

/* The character at p, and how many bytes it takes; a broken one is one byte. */
static utf8proc_int32_t character(const uint8_t *p, size_t left, size_t *bytes)
{
    utf8proc_int32_t c;
    const utf8proc_ssize_t taken = utf8proc_iterate(p, (utf8proc_ssize_t)left, &c);

    *bytes = taken > 0 ? (size_t)taken : 1;
    return taken > 0 ? c : -1;
}

static bool is_blank(utf8proc_int32_t c)
{
    if (c >= 0 && c < 128) return c == ' ' || (c >= 9 && c <= 13) || (c >= 28 && c <= 31);
    if (c < 0) return false;
    const utf8proc_category_t category = utf8proc_category(c);
    return category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL ||
           category == UTF8PROC_CATEGORY_ZP;
}

/* What goes: some characters, or white space. */
typedef struct trimmed {
    bool blanks;
    uint64_t ascii[2]; /* those of chars, a bit for each; */
    sb_bytes chars;    /* the others are looked for */
} trimmed;

static trimmed trimmed_of(sb_bytes chars)
{
    trimmed what = {.chars = chars};

    for (size_t i = 0; i < chars.size; i++)
        if (chars.data[i] < 128)
            what.ascii[chars.data[i] / 64] |= UINT64_C(1) << chars.data[i] % 64;
    return what;
}

/* Is the character (bytes of it at p) to go? */
static sb_status to_trim(sb_func_context *ctx, const uint8_t *p, size_t bytes, const trimmed *what,
                         bool *goes)
{
    size_t at = 0;

    if (what->blanks) {
        *goes = is_blank(character(p, bytes, &at));
        return SB_OK;
    }
    if (*p < 128) {
        *goes = (what->ascii[*p / 64] >> *p % 64 & 1) != 0;
        return SB_OK;
    }
    SB_TRY(sb_func__find(ctx, what->chars, sb_bytes_of(p, bytes), 0, &at));
    *goes = at != what->chars.size;
    return SB_OK;
}

static sb_status trim_left(sb_func_context *ctx, sb_bytes *text, const trimmed *what)
{
    bool goes;
    size_t begin = 0, asked = 0, bytes;

    for (; begin < text->size; begin += bytes) {
        SB_TRY(sb_func__poll_at(ctx, begin, &asked));
        (void)character(text->data + begin, text->size - begin, &bytes);
        SB_TRY(to_trim(ctx, text->data + begin, bytes, what, &goes));
        if (!goes) break;
    }
    *text = cut(*text, begin, text->size);
    return SB_OK;
}

static sb_status trim_right(sb_func_context *ctx, sb_bytes *text, const trimmed *what)
{
    const size_t size = text->size;
    size_t asked = 0;
    bool goes;

    while (text->size != 0) {
        size_t begin = text->size - 1;
        SB_TRY(sb_func__poll_at(ctx, size - begin, &asked));
        while (begin > 0 && (text->data[begin] & 0xC0u) == 0x80u)
            begin--;
        SB_TRY(to_trim(ctx, text->data + begin, text->size - begin, what, &goes));
        if (!goes) break;
        text->size = begin;
    }
    return SB_OK;
}

static sb_status trim(sb_func_context *ctx, const char *name, const sb_val *args, uint32_t count,
                      bool left, bool right, sb_val *result)
{
    trimmed what = {.blanks = true};

    SB_TRY(need_string(ctx, name, args[0]));
    if (count > 1) {
        SB_TRY(need_string(ctx, name, args[1]));
        what = trimmed_of(sb_val_text(args[1]));
    }
    sb_bytes text = sb_val_text(args[0]);
    if (left) SB_TRY(trim_left(ctx, &text, &what));
    if (right) SB_TRY(trim_right(ctx, &text, &what));
    *result = sb_val_string(text);
    return SB_OK;
}

sb_status sb_func__trim(sb_func_context *ctx, const sb_val *args, uint32_t count, sb_val *result)
{
    return trim(ctx, "trim", args, count, true, true, result);
}

sb_status sb_func__ltrim(sb_func_context *ctx, const sb_val *args, uint32_t count, sb_val *result)
{
    return trim(ctx, "ltrim", args, count, true, false, result);
}

sb_status sb_func__rtrim(sb_func_context *ctx, const sb_val *args, uint32_t count, sb_val *result)
{
    return trim(ctx, "rtrim", args, count, false, true, result);
}

/* ---- Case ------------------------------------------------------------------------------------------------------------ */

/* Character by character; one may need up to four bytes where it took one. ASCII goes the short way. */
static sb_status change_case(sb_func_context *ctx, sb_bytes text, bool up, sb_val *result)
{
    uint8_t *room, all = 0;
    size_t size = 0, asked = 0, bytes;

    for (size_t i = 0; i < text.size; i++)
        all |= text.data[i];
    SB_TRY(sb_func__room(ctx, all < 0x80 ? text.size : text.size * 4, &room));
    for (size_t i = 0; i < text.size; i += bytes) {
        const uint8_t c = text.data[i];
        SB_TRY(sb_func__poll_at(ctx, i, &asked));
        if (c < 0x80) {
            const bool turns = up ? c >= 'a' && c <= 'z' : c >= 'A' && c <= 'Z';
            room[size++] = turns ? c ^ 0x20 : c;
            bytes = 1;
            continue;
        }
        const utf8proc_int32_t whole = character(text.data + i, text.size - i, &bytes);
        if (whole < 0) {
            room[size++] = c;
            continue;
        }
        size += (size_t)utf8proc_encode_char(up ? utf8proc_toupper(whole) : utf8proc_tolower(whole),
                                             room + size);
    }
    *result = sb_val_string(sb_bytes_of(room, size));
    return SB_OK;
}

sb_status sb_func__to_upper(sb_func_context *ctx, const sb_val *args, uint32_t count,
                            sb_val *result)
{
    (void)count;
    SB_TRY(need_string(ctx, "toUpper", args[0]));
    return change_case(ctx, sb_val_text(args[0]), true, result);
}

sb_status sb_func__to_lower(sb_func_context *ctx, const sb_val *args, uint32_t count,
                            sb_val *result)
{
    (void)count;
    SB_TRY(need_string(ctx, "toLower", args[0]));
    return change_case(ctx, sb_val_text(args[0]), false, result);
}

/* ---- Searching -------------------------------------------------------------------------------------------------------- */

static sb_status count_hits(sb_func_context *ctx, sb_bytes text, sb_bytes part, size_t *count)
{
    size_t at = 0;

    for (*count = 0;; ++*count, at += part.size) {
        SB_TRY(sb_func_work(ctx, SB_WORK_OF_A_VALUE));
        SB_TRY(sb_func__find(ctx, text, part, at, &at));
        if (at == text.size) return SB_OK;
    }
}

/* An empty text to search stands before each character and at the end. */
static sb_status replace_empty(sb_func_context *ctx, sb_bytes text, sb_bytes with, sb_val *result)
{
    const size_t places = sb_func__length(text) + 1;
    size_t bytes, size = 0, asked = 0;
    uint8_t *room;

    if (!sb_mul_size(places, with.size, &bytes) || !sb_add_size(bytes, text.size, &bytes))
        bytes = SIZE_MAX;
    SB_TRY(sb_func__room(ctx, bytes, &room));
    for (size_t i = 0; i <= text.size; i++) {
        SB_TRY(sb_func__poll_at(ctx, size, &asked));
        const bool begins = i == text.size || (text.data[i] & 0xC0u) != 0x80u;
        if (begins && with.size != 0) {
            memcpy(room + size, with.data, with.size);
            size += with.size;
        }
        if (i < text.size) room[size++] = text.data[i];
    }
    *result = sb_val_string(sb_bytes_of(room, size));
    return SB_OK;
}

sb_status sb_func__replace(sb_func_context *ctx, const sb_val *args, uint32_t count, sb_val *result)
{
    size_t bytes, hits, size = 0, from = 0;
    uint8_t *room;

    for (uint32_t i = 0; i < count; i++)
        SB_TRY(need_string(ctx, "replace", args[i]));
    const sb_bytes text = sb_val_text(args[0]), search = sb_val_text(args[1]);
    const sb_bytes with = sb_val_text(args[2]);
    if (search.size == 0) return replace_empty(ctx, text, with, result);
    SB_TRY(count_hits(ctx, text, search, &hits));
    if (!sb_mul_size(hits, with.size, &bytes) ||
        !sb_add_size(bytes, text.size - hits * search.size, &bytes))
        bytes = SIZE_MAX;
    SB_TRY(sb_func__room(ctx, bytes, &room));
    while (from < text.size) {
        size_t hit;
        SB_TRY(sb_func__find(ctx, text, search, from, &hit));
        memcpy(room + size, text.data + from, hit - from);
        size += hit - from;
        if (hit == text.size) break;
        if (with.size != 0) memcpy(room + size, with.data, with.size);
        size += with.size;
        from = hit + search.size;
    }
    *result = sb_val_string(sb_bytes_of(room, size));
    return SB_OK;
}

/* The delimiters of split(): one, or a list of which the longest that stands at a place counts. */
typedef struct delimiters {
    const sb_val *items;
    size_t *next; /* of each, where it stands next: found as soon as it is asked for */
    uint64_t count;
} delimiters;

/* The first delimiter from a place on, and how long it is; at the end of the text if there is none. */
static sb_status next_delimiter(sb_func_context *ctx, sb_bytes text, const delimiters *d,
                                size_t from, size_t *at, size_t *size)
{
    *at = text.size;
    *size = 0;
    for (uint64_t i = 0; i < d->count; i++) {
        const sb_bytes one = sb_val_text(d->items[i]);
        if (one.size == 0) continue;
        SB_TRY(sb_func_work(ctx, SB_WORK_OF_A_VALUE));
        if (d->next[i] < from) SB_TRY(sb_func__find(ctx, text, one, from, &d->next[i]));
        if (d->next[i] > *at || (d->next[i] == *at && one.size <= *size)) continue;
        if (d->next[i] == text.size) continue;
        *at = d->next[i];
        *size = one.size;
    }
    return SB_OK;
}

/* Pieces between delimiters, into list (NULL: count only). */
static sb_status split_into(sb_func_context *ctx, sb_bytes text, const delimiters *d,
                            sb_val_list *list, uint64_t *count)
{
    size_t begin = 0, at, size;

    for (uint64_t i = 0; i < d->count; i++) {
        const sb_bytes one = sb_val_text(d->items[i]);
        if (one.size != 0) SB_TRY(sb_func__find(ctx, text, one, 0, &d->next[i]));
    }
    *count = 0;
    do {
        SB_TRY(next_delimiter(ctx, text, d, begin, &at, &size));
        if (list != NULL) list->items[*count] = sb_val_string(cut(text, begin, at));
        ++*count;
        begin = at + size;
    } while (size != 0);
    return SB_OK;
}

/* What a text splits into where nothing delimits: its characters, or an empty text. */
static sb_status split_characters(sb_func_context *ctx, sb_bytes text, sb_val_list **list)
{
    const uint64_t length = sb_func__length(text);
    uint64_t pieces = 0;
    size_t begin = 0, asked = 0;

    SB_TRY(sb_func__list(ctx, length == 0 ? 1 : length, list));
    for (size_t i = 1; i < text.size; i++) {
        SB_TRY(sb_func__poll_at(ctx, i, &asked));
        if ((text.data[i] & 0xC0u) == 0x80u) continue;
        (*list)->items[pieces++] = sb_val_string(cut(text, begin, i));
        begin = i;
    }
    (*list)->items[pieces] = sb_val_string(cut(text, begin, text.size));
    return SB_OK;
}

sb_status sb_func__split(sb_func_context *ctx, const sb_val *args, uint32_t count, sb_val *result)
{
    delimiters d = {.items = &args[1], .count = 1};
    bool characters = true;
    sb_val_list *list;
    uint64_t pieces;

    (void)count;
    SB_TRY(need_string(ctx, "split", args[0]));
    if (args[1].kind == SB_VAL_LIST)
        d = (delimiters){.items = args[1].as.list->items, .count = args[1].as.list->count};
    for (uint64_t i = 0; i < d.count; i++) {
        SB_TRY(need_string(ctx, "split", d.items[i]));
        characters = characters && d.items[i].aux == 0;
    }
    const sb_bytes text = sb_val_text(args[0]);
    if (characters) {
        SB_TRY(split_characters(ctx, text, &list));
    } else {
        d.next = sb_arena_alloc(ctx->arena, d.count * sizeof *d.next);
        if (d.next == NULL) return SB_FAIL_NOMEM(ctx->err);
        SB_TRY(split_into(ctx, text, &d, NULL, &pieces));
        SB_TRY(sb_func__list(ctx, pieces, &list));
        SB_TRY(split_into(ctx, text, &d, list, &pieces));
    }
    *result = sb_val_flat_list(list);
    return SB_OK;
}

/* ---- Others -------------------------------------------------------------------------------------------------------------- */

sb_status sb_func__char_length(sb_func_context *ctx, const sb_val *args, uint32_t count,
                               sb_val *result)
{
    (void)count;
    SB_TRY(need_string(ctx, "char_length", args[0]));
    *result = sb_val_int((int64_t)sb_func__length(sb_val_text(args[0])));
    return SB_OK;
}

sb_status sb_func__normalize_text(sb_func_context *ctx, const sb_val *args, uint32_t count,
                                  sb_val *result)
{
    SB_TRY(need_string(ctx, "normalize", args[0]));
    if (count > 1) SB_TRY(need_string(ctx, "normalize", args[1]));
    return sb_func__normalize(ctx, sb_val_text(args[0]),
                              count > 1 ? sb_val_text(args[1]) : sb_bytes_of("NFC", 3), result);
}

static sb_status reverse_string(sb_func_context *ctx, sb_bytes text, sb_val *result)
{
    uint8_t *room;
    size_t end = text.size, size = 0, asked = 0;

    SB_TRY(sb_func__room(ctx, text.size, &room));
    while (end > 0) {
        size_t begin = end - 1;
        SB_TRY(sb_func__poll_at(ctx, size, &asked));
        while (begin > 0 && (text.data[begin] & 0xC0u) == 0x80u)
            begin--;
        memcpy(room + size, text.data + begin, end - begin);
        size += end - begin;
        end = begin;
    }
    *result = sb_val_string(sb_bytes_of(room, size));
    return SB_OK;
}

sb_status sb_func__reverse(sb_func_context *ctx, const sb_val *args, uint32_t count, sb_val *result)
{
    sb_val_list *list;

    (void)count;
    if (args[0].kind == SB_VAL_STRING) return reverse_string(ctx, sb_val_text(args[0]), result);
    if (args[0].kind != SB_VAL_LIST)
        return sb_func__fail_arg(ctx, "reverse", "a STRING or LIST", args[0]);
    const uint64_t items = args[0].as.list->count;
    SB_TRY(sb_func__list(ctx, items, &list));
    for (uint64_t i = 0; i < items; i++) {
        SB_FUNC_POLL(ctx);
        list->items[i] = args[0].as.list->items[items - 1 - i];
    }
    return sb_val_list_seal(list, result, ctx->err);
}
