/* script_literal.c — literals in a script's statements to values, without the language's parser: most of a script's bytes are such. What is
 * not plainly a literal is refused, so that the language reads it, and tells what is wrong with it. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/formats/script_priv.h"

#define DEPTH_MAX 32u /* lists and maps within each other */
#define KEYS_MAX  64u /* of one map: each is compared with the others */

static bool read_value(script_literals *l, unsigned depth, sombra_value *value);

static char peek(script_literals *l)
{
    l->at = script_blanks(l->at, l->end);
    return l->at < l->end ? *l->at : '\0';
}

static bool take(script_literals *l, char c)
{
    if (peek(l) != c) return false;
    l->at++;
    return true;
}

static bool is_name_start(char c)
{
    return script_is_word(c) && !script_is_digit(c);
}

static sombra_text read_word(script_literals *l)
{
    const char *from = l->at;

    while (l->at < l->end && script_is_word(*l->at))
        l->at++;
    return fmt_text(from, (size_t)(l->at - from));
}

/* ---- Strings ------------------------------------------------------------------------------------------------------ */

static bool put_character(const char **at, const char *end, char **out)
{
    static const char letters[] = "bfnrt\\'\"", meanings[] = "\b\f\n\r\t\\'\"";
    uint32_t code = 0;

    if (end - *at < 2) return false;
    const char c = (*at)[1];
    const char *letter = c == '\0' ? NULL : strchr(letters, c);
    if (letter != NULL) {
        *(*out)++ = meanings[letter - letters];
        *at += 2;
        return true;
    }
    if (c != 'u' || end - *at < 6) return false;
    for (unsigned i = 2; i < 6; i++) {
        const char h = (*at)[i];
        if (script_is_digit(h))
            code = 16 * code + (uint32_t)(h - '0');
        else if ((h | 0x20) >= 'a' && (h | 0x20) <= 'f')
            code = 16 * code + (uint32_t)((h | 0x20) - 'a' + 10);
        else
            return false;
    }
    if (code >= 0x80) return false; /* the dump writes control characters so */
    *(*out)++ = (char)code;
    *at += 6;
    return true;
}

static bool read_string(script_literals *l, sombra_text *text)
{
    const char quote = *l->at++, *from = l->at, *at = from;
    bool escaped = false, wide = false;

    while (at < l->end && *at != quote) {
        if (*at == '\0') return false;
        wide = wide || (*at & 0x80) != 0;
        escaped = escaped || *at == '\\';
        at += *at == '\\' ? 2 : 1;
    }
    if (at >= l->end || (wide && !fmt_utf8_valid(from, (size_t)(at - from)))) return false;
    l->at = at + 1;
    *text = fmt_text(from, (size_t)(at - from));
    if (!escaped) return true;
    char *made = fmt_arena_alloc(&l->arena, text->size + 1), *out = made;
    const char *end = at;
    for (at = from; at < end;) {
        if (*at != '\\')
            *out++ = *at++;
        else if (!put_character(&at, end, &out))
            return false;
    }
    *text = fmt_text(made, (size_t)(out - made));
    return true;
}

/* ---- Numbers ------------------------------------------------------------------------------------------------------ */

static bool read_digits(script_literals *l)
{
    const char *from = l->at;

    while (l->at < l->end && script_is_digit(*l->at))
        l->at++;
    return l->at != from;
}

static bool read_integer(const char *from, const char *end, sombra_value *value)
{
    const bool negative = *from == '-';
    uint64_t number = 0;

    for (const char *at = from + negative; at < end; at++) {
        const unsigned digit = (unsigned)(*at - '0');
        if (number > (UINT64_MAX - digit) / 10) return false;
        number = 10 * number + digit;
    }
    if (number > (uint64_t)INT64_MAX + negative) return false;
    *value = sombra_int((int64_t)(negative ? 0 - number : number));
    return true;
}

/* An integer of so few digits that it is in range, as nearly all numbers are. False: nothing is taken. */
static bool read_short_integer(script_literals *l, sombra_value *value)
{
    const bool negative = *l->at == '-';
    const char *from = l->at + negative, *at = from;
    const char *most = l->end - from > 18 ? from + 18 : l->end;
    int64_t integer = 0;

    while (at < most && script_is_digit(*at))
        integer = 10 * integer + (*at++ - '0');
    if (at == from || at == l->end || script_is_word(*at) || *at == '.' ||
        (*from == '0' && at != from + 1))
        return false;
    l->at = at;
    *value = sombra_int(negative ? -integer : integer);
    return true;
}

static bool read_number(script_literals *l, sombra_value *value)
{
    const char *from = l->at;
    bool real = false;
    char *end;

    if (read_short_integer(l, value)) return true;
    if (*l->at == '-') l->at++;
    const char *digits = l->at;
    if (!read_digits(l) || (*digits == '0' && l->at != digits + 1)) return false;
    if (l->end - l->at > 1 && *l->at == '.' && script_is_digit(l->at[1])) {
        real = true;
        l->at++;
        (void)read_digits(l);
    }
    if (l->at < l->end && (*l->at | 0x20) == 'e') {
        real = true;
        l->at++;
        if (l->at < l->end && (*l->at == '-' || *l->at == '+')) l->at++;
        if (!read_digits(l)) return false;
    }
    /* The text goes on, so strtod finds an end. */
    if (l->at == l->end || is_name_start(*l->at) || *l->at == '.') return false;
    if (!real) return read_integer(from, l->at, value);
    *value = sombra_float(strtod(from, &end));
    return end == l->at && isfinite(value->as.real);
}

/* 0.0 / 0.0: so the dump writes NaN and the infinities. */
static bool read_quotient(script_literals *l, sombra_value *value)
{
    sombra_value below;

    if (!read_number(l, value)) return false;
    if (peek(l) != '/') return true;
    l->at++;
    const char c = peek(l);
    if (value->type != SOMBRA_TYPE_FLOAT || !script_is_digit(c) || !read_number(l, &below) ||
        below.type != SOMBRA_TYPE_FLOAT)
        return false;
    value->as.real /= below.as.real;
    return true;
}

/* ---- Lists, maps, functions ----------------------------------------------------------------------------------------- */

static bool read_list(script_literals *l, unsigned depth, sombra_value *value)
{
    const size_t first = l->item_count;

    l->at++;
    for (bool more = peek(l) != ']'; more; more = take(l, ',')) {
        sombra_value item;
        if (!read_value(l, depth + 1, &item)) return false;
        if (l->item_count == l->item_capacity)
            l->items = fmt_grow(l->items, &l->item_capacity, l->item_count + 1, sizeof *l->items);
        l->items[l->item_count++] = item;
    }
    if (!take(l, ']')) return false;
    const size_t count = l->item_count - first;
    sombra_value *items = fmt_arena_alloc(&l->arena, (count + 1) * sizeof *items);
    if (count != 0) memcpy(items, l->items + first, count * sizeof *items);
    l->item_count = first;
    memset(value, 0, sizeof *value);
    value->type = SOMBRA_TYPE_LIST;
    value->as.list.items = items;
    value->as.list.count = count;
    return true;
}

static bool read_key(script_literals *l, sombra_text *key)
{
    if (peek(l) != '`') {
        *key = read_word(l);
        return key->size != 0 && !script_is_digit(*(const char *)key->data);
    }
    const char *from = ++l->at;
    while (l->at < l->end && *l->at != '`' && *l->at != '\\' && *l->at != '\0')
        l->at++;
    *key = fmt_text(from, (size_t)(l->at - from));
    /* "``" and escapes are for the language */
    if (l->end - l->at < 2 || l->at[0] != '`' || l->at[1] == '`') return false;
    l->at++;
    return key->size != 0 && fmt_utf8_valid(from, key->size);
}

static bool is_new(const script_literals *l, size_t first, sombra_text key)
{
    if (l->entry_count - first == KEYS_MAX) return false;
    for (size_t i = first; i < l->entry_count; i++)
        if (l->entries[i].key_size == key.size &&
            memcmp(l->entries[i].key, key.data, key.size) == 0)
            return false;
    return true;
}

static bool read_map(script_literals *l, unsigned depth, sombra_value *value)
{
    const size_t first = l->entry_count;

    l->at++;
    for (bool more = peek(l) != '}'; more; more = take(l, ',')) {
        sombra_text key;
        sombra_value item;
        if (!read_key(l, &key) || !is_new(l, first, key) || !take(l, ':') ||
            !read_value(l, depth + 1, &item))
            return false;
        if (l->entry_count == l->entry_capacity)
            l->entries =
                fmt_grow(l->entries, &l->entry_capacity, l->entry_count + 1, sizeof *l->entries);
        l->entries[l->entry_count++] =
            (sombra_entry){.key = key.data, .key_size = key.size, .value = item};
    }
    if (!take(l, '}')) return false;
    const size_t count = l->entry_count - first;
    sombra_entry *entries = fmt_arena_alloc(&l->arena, (count + 1) * sizeof *entries);
    if (count != 0) memcpy(entries, l->entries + first, count * sizeof *entries);
    l->entry_count = first;
    memset(value, 0, sizeof *value);
    value->type = SOMBRA_TYPE_MAP;
    value->as.map.entries = entries;
    value->as.map.count = count;
    return true;
}

/* What the language's function makes of the values. */
static bool call(script_literals *l, const char *function, sombra_stmt **stmt,
                 const sombra_value *values, size_t count, sombra_value *value)
{
    char query[64];
    sombra_value made;

    (void)snprintf(query, sizeof query, "RETURN %s(%s)", function, count == 1 ? "$a" : "$a, $b");
    if (*stmt == NULL &&
        sombra_prepare(l->conn, query, SOMBRA_NUL_TERMINATED, stmt, NULL) != SOMBRA_OK)
        return false;
    bool is_bound = true;
    for (size_t i = 0; i < count; i++)
        is_bound = is_bound && sombra_stmt_bind_at(*stmt, i, &values[i]) == SOMBRA_OK;
    const bool is_made = is_bound && sombra_stmt_step(*stmt) == SOMBRA_ROW &&
                         sombra_stmt_column(*stmt, 0, &made) == SOMBRA_OK &&
                         made.type != SOMBRA_TYPE_LIST && made.type != SOMBRA_TYPE_MAP;
    if (is_made) *value = fmt_value_copy(&l->arena, &made);
    return sombra_stmt_reset(*stmt) == SOMBRA_OK && is_made;
}

static bool read_call(script_literals *l, unsigned depth, sombra_text word, sombra_value *value)
{
    static const struct {
        const char *name;
        size_t arguments;
    } functions[SCRIPT_FUNCTIONS] = {{"date", 1},  {"datetime", 1},  {"localdatetime", 1},
                                     {"time", 1},  {"localtime", 1}, {"duration", 1},
                                     {"point", 1}, {"fromText", 2}};

    for (size_t i = 0; i < SCRIPT_FUNCTIONS; i++) {
        sombra_value arguments[2];
        if (strlen(functions[i].name) != word.size ||
            strncasecmp(functions[i].name, word.data, word.size) != 0)
            continue;
        for (size_t n = 0; n < functions[i].arguments; n++)
            if (!take(l, n == 0 ? '(' : ',') || !read_value(l, depth + 1, &arguments[n]))
                return false;
        return take(l, ')') && call(l, functions[i].name, &l->functions[i], arguments,
                                    functions[i].arguments, value);
    }
    return false;
}

static bool read_named(script_literals *l, unsigned depth, sombra_value *value)
{
    const sombra_text word = read_word(l);

    if (word.size == 4 && strncasecmp(word.data, "true", 4) == 0)
        *value = sombra_bool(true);
    else if (word.size == 5 && strncasecmp(word.data, "false", 5) == 0)
        *value = sombra_bool(false);
    else if (word.size == 4 && strncasecmp(word.data, "null", 4) == 0)
        memset(value, 0, sizeof *value);
    else
        return read_call(l, depth, word, value);
    return true;
}

static bool read_value(script_literals *l, unsigned depth, sombra_value *value)
{
    const char c = peek(l);
    sombra_text text;

    if (depth == DEPTH_MAX) return false;
    if (c == '\'' || c == '"') {
        if (!read_string(l, &text)) return false;
        *value = sombra_string(text.data, text.size);
        return true;
    }
    if (c == '-' || script_is_digit(c)) return read_quotient(l, value);
    if (c == '[') return read_list(l, depth, value);
    if (c == '{') return read_map(l, depth, value);
    return is_name_start(c) && read_named(l, depth, value);
}

bool script_literal(script_literals *l, const char *text, size_t size, sombra_value *value)
{
    l->at = text;
    l->end = text + size;
    l->item_count = l->entry_count = 0;
    if (!read_value(l, 0, value)) return false;
    (void)peek(l);
    return true;
}

void script_literals_reset(script_literals *l)
{
    fmt_arena_reset(&l->arena);
}

void script_literals_free(script_literals *l)
{
    for (size_t i = 0; i < SCRIPT_FUNCTIONS; i++)
        sombra_stmt_finalize(l->functions[i]);
    free(l->items);
    free(l->entries);
    fmt_arena_free(&l->arena);
}
