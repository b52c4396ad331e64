/* json_priv.h — JSON in memory, read token by token; what the formats that hold JSON share.
 * All text of a document is checked to be UTF-8 before it is read. Nothing here recurses. */
#ifndef SB_CLI_FORMATS_JSON_PRIV_H
#define SB_CLI_FORMATS_JSON_PRIV_H

#include "cli/formats/formats.h"

typedef struct fmt_json {
    const char *begin, *at, *end;
    fmt_arena *arena;    /* for texts with escapes */
    const char *problem; /* NULL: none yet */
    const char *problem_at;
} fmt_json;

/* The next character that is no blank, not taken; '\0' at the end. */
static inline char fmt_json_peek(fmt_json *json)
{
    while (json->at != json->end && (unsigned char)*json->at <= ' ' &&
           (*json->at == ' ' || *json->at == '\t' || *json->at == '\n' || *json->at == '\r'))
        json->at++;
    return json->at == json->end ? '\0' : *json->at;
}
/* Nothing but blanks follows. */
static inline bool fmt_json_at_end(fmt_json *json)
{
    return fmt_json_peek(json) == '\0' && json->at == json->end;
}
/* Take it if it is next. */
static inline bool fmt_json_skip(fmt_json *json, char c)
{
    if (fmt_json_peek(json) != c || json->at == json->end) return false;
    json->at++;
    return true;
}
/* Take a character, or fail. */
bool fmt_json_take(fmt_json *json, char c);
bool fmt_json_fail(fmt_json *json, const char *at, const char *problem); /* returns false */
/* A string; NUL-terminated only when it had escapes. */
bool fmt_json_string(fmt_json *json, sombra_text *text);
/* Text of a number. */
bool fmt_json_number(fmt_json *json, sombra_text *text, bool *is_real);
/* true, false or null: *word is its first letter. */
bool fmt_json_word(fmt_json *json, char *word);
/* Any value, left out. */
bool fmt_json_ignore(fmt_json *json);
/* In an object behind '{' or a member: *more with the next key, its ':' taken; or '}' taken. first: no ',' comes before. */
bool fmt_json_member(fmt_json *json, bool first, sombra_text *key, bool *more);
/* In an array behind '[' or an item: *more, or ']' taken. */
bool fmt_json_item(fmt_json *json, bool first, bool *more);

/* A string with its quotes, appended. */
void fmt_put_json(fmt_buffer *out, const void *text, size_t bytes);

#endif
