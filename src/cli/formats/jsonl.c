/* jsonl.c — JSON lines, one node or relationship each, in the form of Neo4j's apoc.export.json (docs/IMPORT.md):
 *   {"type":"node","id":"1","labels":["Person"],"properties":{"name":"Ann","born":{"$date":"1990-02-28"}}}
 *   {"type":"relationship","id":"7","label":"KNOWS","start":{"id":"1"},"end":{"id":"2"},"properties":{}}
 *   {"type":"schema","kind":"unique","of":"nodes","on":"Person","keys":["email"],"name":"person_email"}
 * Values that JSON has no form for are objects of one member, whose name is '$' and the type that a CSV header would have.
 * One document is read, too: a list of such objects, or {"nodes": […], "rels": […]}. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/formats/json_priv.h"

#define MEMBERS_MAX 8u /* of an object that is a value */

/* ---- Values -------------------------------------------------------------------------------------------------- */

/* What records are read with: by one thread, those of one piece. */
typedef struct reading {
    fmt_records *records;
    fmt_json json;
    fmt_buffer text; /* scratch */
    fmt_prop *props; /* of the record at hand */
    size_t prop_capacity;
} reading;

/* From a text of a type; its problem is one of the document at start. */
static bool value_of(reading *r, const char *type, sombra_text text, const char *start,
                     sombra_value *value)
{
    const char *why;

    if (fmt_value_of(r->records, type, text, value, &why)) return true;
    return fmt_json_fail(&r->json, start, why);
}

static bool read_number(reading *r, sombra_value *value)
{
    const char *start = (fmt_json_peek(&r->json), r->json.at);
    sombra_text text;
    bool is_real;

    if (!fmt_json_number(&r->json, &text, &is_real)) return false;
    if (!is_real) {
        const bool negative = *(const char *)text.data == '-';
        const char *digit = (const char *)text.data + negative;
        const char *end = (const char *)text.data + text.size;
        uint64_t number = 0;
        bool fits = end - digit <= 19;
        for (; digit != end && fits; digit++)
            number = number * 10 + (uint64_t)(*digit - '0');
        if (!fits || number > (uint64_t)INT64_MAX + negative)
            return fmt_json_fail(&r->json, start,
                                 "the number is out of the range of an INTEGER (64 bits)");
        *value = sombra_int(negative ? (int64_t)(0 - number) : (int64_t)number);
        return true;
    }
    /* strtod stops at what follows the number, which is no part of one. */
    char few[64], *copy = few;
    if (text.size >= sizeof few) copy = fmt_arena_alloc(&r->records->arena, text.size + 1);
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    const double real = strtod(copy, NULL);
    if (isinf(real))
        return fmt_json_fail(&r->json, start, "the number is out of the range of a FLOAT");
    *value = sombra_float(real);
    return true;
}

typedef struct member {
    sombra_text key, text;
    bool is_text;
} member;

/* {"$date": "…"} */
static bool typed_value(reading *r, const member *m, const char *start, sombra_value *value)
{
    char type[24];

    if (!m->is_text || m->key.size >= sizeof type)
        return fmt_json_fail(&r->json, start,
                             "an object as a value is {\"$type\": \"text\"} or a point");
    memcpy(type, (const char *)m->key.data + 1, m->key.size - 1);
    type[m->key.size - 1] = '\0';
    return value_of(r, type, m->text, start, value);
}

/* {"crs": "wgs-84", "latitude": 1, "longitude": 2}: as the text of a point. */
static bool point_value(reading *r, const member *members, size_t count, const char *start,
                        sombra_value *value)
{
    fmt_buffer *out = &r->text;

    out->size = 0;
    fmt_put(out, "{", 1);
    for (size_t i = 0; i < count; i++) {
        if (members[i].text.data == NULL) continue; /* null */
        if (out->size > 1) fmt_puts(out, ", ");
        fmt_put(out, members[i].key.data, members[i].key.size);
        fmt_puts(out, members[i].is_text ? ": '" : ": ");
        fmt_put(out, members[i].text.data, members[i].text.size);
        fmt_puts(out, members[i].is_text ? "'" : "");
    }
    fmt_put(out, "}", 1);
    return value_of(r, "point", fmt_text(out->data, out->size), start, value);
}

static bool read_object_value(reading *r, sombra_value *value)
{
    fmt_json *j = &r->json;
    const char *start = (fmt_json_peek(j), j->at);
    member members[MEMBERS_MAX];
    size_t count = 0;
    bool is_real, more;
    char word;

    if (!fmt_json_take(j, '{')) return false;
    for (;;) {
        member m = {.text = {NULL, 0}};
        if (!fmt_json_member(j, count == 0, &m.key, &more)) return false;
        if (!more) break;
        const char c = fmt_json_peek(j);
        m.is_text = c == '"';
        if (m.is_text) {
            if (!fmt_json_string(j, &m.text)) return false;
        } else if (c == '-' || (c >= '0' && c <= '9')) {
            if (!fmt_json_number(j, &m.text, &is_real)) return false;
        } else if (c != 'n') {
            return fmt_json_fail(j, start, "a map is no property; only a point is an object");
        } else if (!fmt_json_word(j, &word)) {
            return false;
        }
        if (count == MEMBERS_MAX)
            return fmt_json_fail(j, start, "a map is no property; only a point is an object");
        members[count++] = m;
    }
    if (count == 1 && members[0].key.size > 1 && *(const char *)members[0].key.data == '$')
        return typed_value(r, &members[0], start, value);
    return point_value(r, members, count, start, value);
}

static bool read_scalar(reading *r, sombra_value *value)
{
    fmt_json *j = &r->json;
    sombra_text text;
    char word;

    switch (fmt_json_peek(j)) {
    case '"':
        if (!fmt_json_string(j, &text)) return false;
        *value = sombra_string(text.data, text.size);
        return true;
    case '{': return read_object_value(r, value);
    case '[': return fmt_json_fail(j, j->at, "a list in a list is no property");
    case 't':
    case 'f':
    case 'n':
        if (!fmt_json_word(j, &word)) return false;
        *value = word == 'n' ? sombra_null() : sombra_bool(word == 't');
        return true;
    default: return read_number(r, value);
    }
}

static bool read_value(reading *r, sombra_value *value)
{
    fmt_json *j = &r->json;
    sombra_value *items = NULL;
    size_t count = 0, capacity = 0;
    bool more;

    if (fmt_json_peek(j) != '[') return read_scalar(r, value);
    j->at++;
    for (;;) {
        if (!fmt_json_item(j, count == 0, &more)) return false;
        if (!more) break;
        if (count == capacity) {
            sombra_value *grown =
                fmt_arena_alloc(&r->records->arena, (2 * capacity + 4) * sizeof *grown);
            if (count != 0) memcpy(grown, items, count * sizeof *grown);
            items = grown;
            capacity = 2 * capacity + 4;
        }
        if (!read_scalar(r, &items[count++])) return false;
    }
    *value = (sombra_value){.type = SOMBRA_TYPE_LIST};
    value->as.list.items = items;
    value->as.list.count = count;
    return true;
}

/* ---- Records ---------------------------------------------------------------------------------------------------- */

typedef struct record {
    sombra_text type, id, label, kind, of, on, name;
    bool has_id;
    sombra_text *labels, *keys, *types;
    size_t label_count, key_count, type_count;
    fmt_prop *props;
    size_t prop_count;
    sombra_text ends[2];
    bool has_end[2];
} record;

/* A text or a number, as text. */
static bool read_id(reading *r, sombra_text *id)
{
    bool is_real;

    if (fmt_json_peek(&r->json) == '"') return fmt_json_string(&r->json, id);
    return fmt_json_number(&r->json, id, &is_real);
}

/* A list of texts, or one text. */
static bool read_texts(reading *r, sombra_text **texts, size_t *count)
{
    fmt_json *j = &r->json;
    size_t capacity = 0;
    bool more;
    char word;

    *count = 0;
    *texts = NULL;
    if (fmt_json_peek(j) == 'n') return fmt_json_word(j, &word);
    if (fmt_json_peek(j) == '"') {
        *texts = fmt_arena_alloc(&r->records->arena, sizeof **texts);
        *count = 1;
        return fmt_json_string(j, *texts);
    }
    if (!fmt_json_take(j, '[')) return false;
    for (;;) {
        if (!fmt_json_item(j, *count == 0, &more)) return false;
        if (!more) return true;
        if (*count == capacity) {
            sombra_text *grown =
                fmt_arena_alloc(&r->records->arena, (2 * capacity + 4) * sizeof *grown);
            if (*count != 0) memcpy(grown, *texts, *count * sizeof *grown);
            *texts = grown;
            capacity = 2 * capacity + 4;
        }
        if (!fmt_json_string(j, &(*texts)[(*count)++])) return false;
    }
}

static bool read_props(reading *r, record *rec)
{
    fmt_json *j = &r->json;
    bool more, first = true;
    char word;
    size_t count = 0;

    if (fmt_json_peek(j) == 'n') return fmt_json_word(j, &word);
    if (!fmt_json_take(j, '{')) return false;
    for (;; first = false) {
        sombra_text key;
        if (!fmt_json_member(j, first, &key, &more)) return false;
        if (!more) break;
        r->props = fmt_grow(r->props, &r->prop_capacity, count + 1, sizeof *r->props);
        r->props[count].key = key;
        if (!read_value(r, &r->props[count++].value)) return false;
    }
    fmt_prop *props = fmt_arena_alloc(&r->records->arena, count * sizeof *props);
    if (count != 0) memcpy(props, r->props, count * sizeof *props);
    rec->props = props;
    rec->prop_count = count;
    return true;
}

/* {"id": "1", …}; or the id alone. */
static bool read_end(reading *r, record *rec, unsigned end)
{
    fmt_json *j = &r->json;
    bool more, first = true;
    sombra_text key;

    if (fmt_json_peek(j) != '{') {
        rec->has_end[end] = true;
        return read_id(r, &rec->ends[end]);
    }
    j->at++;
    for (;; first = false) {
        if (!fmt_json_member(j, first, &key, &more)) return false;
        if (!more) return true;
        if (fmt_is(key, "id")) {
            rec->has_end[end] = true;
            if (!read_id(r, &rec->ends[end])) return false;
        } else if (!fmt_json_ignore(j)) {
            return false;
        }
    }
}

static bool read_member(reading *r, record *rec, sombra_text key)
{
    fmt_json *j = &r->json;

    if (fmt_is(key, "type")) return fmt_json_string(j, &rec->type);
    if (fmt_is(key, "id")) {
        rec->has_id = true;
        return read_id(r, &rec->id);
    }
    if (fmt_is(key, "labels")) return read_texts(r, &rec->labels, &rec->label_count);
    if (fmt_is(key, "label")) return fmt_json_string(j, &rec->label);
    if (fmt_is(key, "properties")) {
        if (rec->props != NULL) return fmt_json_fail(j, j->at, "the properties are there twice");
        return read_props(r, rec);
    }
    if (fmt_is(key, "start")) return read_end(r, rec, 0);
    if (fmt_is(key, "end")) return read_end(r, rec, 1);
    if (fmt_is(key, "kind")) return fmt_json_string(j, &rec->kind);
    if (fmt_is(key, "of")) return fmt_json_string(j, &rec->of);
    if (fmt_is(key, "on")) return fmt_json_string(j, &rec->on);
    if (fmt_is(key, "name")) return fmt_json_string(j, &rec->name);
    if (fmt_is(key, "keys")) return read_texts(r, &rec->keys, &rec->key_count);
    if (fmt_is(key, "types")) return read_texts(r, &rec->types, &rec->type_count);
    return fmt_json_ignore(j);
}

static bool read_record(reading *r, record *rec)
{
    bool more, first = true;
    sombra_text key;

    if (!fmt_json_take(&r->json, '{')) return false;
    for (;; first = false) {
        if (!fmt_json_member(&r->json, first, &key, &more)) return false;
        if (!more) break;
        if (!read_member(r, rec, key)) return false;
    }
    if (!fmt_json_at_end(&r->json))
        return fmt_json_fail(&r->json, r->json.at, "something follows the object");
    return true;
}

static void add_record(fmt_records *records, const record *rec)
{
    const sombra_text none = {NULL, 0};

    if (fmt_is(rec->type, "node")) {
        const fmt_node node = {.id = {.text = rec->id},
                               .has_id = rec->has_id,
                               .labels = rec->labels,
                               .label_count = rec->label_count,
                               .props = rec->props,
                               .prop_count = rec->prop_count};
        fmt_add_node(records, &node);
    } else if (fmt_is(rec->type, "relationship")) {
        const fmt_rel rel = {.type = rec->label,
                             .ends = {{.text = rec->ends[0]}, {.text = rec->ends[1]}},
                             .props = rec->props,
                             .prop_count = rec->prop_count};
        if (rec->has_end[0] && rec->has_end[1])
            fmt_add_rel(records, &rel);
        else
            fmt_add_bad(records, SOMBRA_SYNTAX, 0, none, none, "the relationship has no %s node",
                        rec->has_end[0] ? "end" : "start");
    } else if (fmt_is(rec->type, "schema") && rec->of.size != 0 && !fmt_is(rec->of, "nodes") &&
               !fmt_is(rec->of, "relationships")) {
        fmt_add_bad(records, SOMBRA_SYNTAX, 0, fmt_text("of", 2), rec->of,
                    " is neither nodes nor relationships");
    } else if (fmt_is(rec->type, "schema")) {
        const fmt_schema schema = {.kind = rec->kind,
                                   .name = rec->name,
                                   .on = rec->on,
                                   .on_rels = fmt_is(rec->of, "relationships"),
                                   .keys = rec->keys,
                                   .key_count = rec->key_count,
                                   .types = rec->types,
                                   .type_count = rec->type_count};
        fmt_add_schema(records, &schema);
    } else {
        fmt_add_bad(records, SOMBRA_SYNTAX, 0, fmt_text("type", 4), rec->type,
                    "%s is none of node, relationship, schema",
                    rec->type.size == 0 ? "nothing" : "");
    }
}

/* The number that is the problem, for the message; empty when it is something else. */
static sombra_text number_at(const fmt_json *j)
{
    const char *end = j->problem_at;

    while (end != j->end && *end != '\0' && strchr("0123456789+-.eE", *end) != NULL)
        end++;
    return fmt_text(j->problem_at, (size_t)(end - j->problem_at));
}

/* One record's text, without the end of its line. */
static void take_record(reading *r, uint64_t line, const char *text, size_t size)
{
    const sombra_text none = {NULL, 0};
    record rec = {.has_id = false};

    fmt_records_at(r->records, line, text, size);
    r->json =
        (fmt_json){.begin = text, .at = text, .end = text + size, .arena = &r->records->arena};
    if (!fmt_utf8_valid(text, size)) {
        fmt_add_bad(r->records, SOMBRA_SYNTAX, 0, none, none,
                    "the line is not valid UTF-8 (a text in UTF-16 must be converted first)");
    } else if (read_record(r, &rec)) {
        add_record(r->records, &rec);
    } else {
        /* A document of many lines may hold the record: the line where it begins is told, and the column in that. */
        const sombra_text number = number_at(&r->json);
        fmt_add_bad(r->records, SOMBRA_SYNTAX, (uint64_t)(r->json.problem_at - text) + 1, none,
                    number, "%s%s", number.size == 0 ? "" : ": ", r->json.problem);
    }
}

/* ---- Where the text is cut ----------------------------------------------------------------------------------------- */

typedef struct source {
    fmt_cutter cutter;
    size_t seen; /* bytes of the cutter's text that have been looked at */
    bool begun, is_document;
    /* Of a document: where the search has come, and how deep its lists of records lie. */
    size_t depth, list_depth;
    bool in_text, escaped;
} source;

/* Does the text begin as one document does? */
static bool is_document(const char *text, size_t size)
{
    fmt_arena arena = {0};
    fmt_json json = {.begin = text, .at = text, .end = text + size, .arena = &arena};
    sombra_text key;
    bool more = false, is = fmt_json_peek(&json) == '[';

    if (!is && fmt_json_skip(&json, '{') && fmt_json_member(&json, true, &key, &more) && more)
        is = (fmt_is(key, "nodes") || fmt_is(key, "rels") || fmt_is(key, "relationships")) &&
             fmt_json_peek(&json) == '[';
    fmt_arena_free(&arena);
    return is;
}

/* Behind the last newline. */
static size_t line_place(source *s, const char *text, size_t size)
{
    const char *end = memrchr(text + s->seen, '\n', size - s->seen);
    const size_t cut = end == NULL ? 0 : (size_t)(end - text) + 1;

    s->seen = size - cut;
    return cut;
}

/* Behind the last object that lies directly in a list of records. */
static size_t document_place(source *s, const char *text, size_t size)
{
    size_t cut = 0;

    for (size_t i = s->seen; i < size; i++) {
        const char c = text[i];
        if (s->in_text) {
            if (s->escaped)
                s->escaped = false;
            else if (c == '\\')
                s->escaped = true;
            else if (c == '"')
                s->in_text = false;
        } else if (c == '"') {
            s->in_text = true;
        } else if (c == '{' || c == '[') {
            s->depth++;
        } else if ((c == '}' || c == ']') && s->depth != 0) {
            s->depth--;
            if (c == '}' && s->depth == s->list_depth) cut = i + 1;
        }
    }
    s->seen = size - cut;
    return cut;
}

static void begin(source *s, const char *text, size_t size)
{
    fmt_json json = {.begin = text, .at = text, .end = text + size};

    if (s->begun) return;
    s->begun = true;
    s->is_document = is_document(text, size);
    s->list_depth = fmt_json_peek(&json) == '[' ? 1 : 2;
}

static size_t place(void *ctx, const char *text, size_t size)
{
    source *s = ctx;

    begin(s, text, size);
    return s->is_document ? document_place(s, text, size) : line_place(s, text, size);
}

static void cut(void *ctx, fmt_piece *piece)
{
    source *s = ctx;

    fmt_cut(&s->cutter, piece);
    begin(s, piece->text, piece->size);
}

/* ---- Lines --------------------------------------------------------------------------------------------------------- */

static void read_lines(reading *r, const fmt_piece *piece)
{
    const char *at = piece->text, *end = at + piece->size;

    for (uint64_t line = piece->line; at != end; line++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t size = (size_t)((newline == NULL ? end : newline) - at);
        const char *text = at;
        at = newline == NULL ? end : newline + 1;
        while (size != 0 && (text[size - 1] == '\r' || text[size - 1] == ' '))
            size--;
        if (size != 0) take_record(r, line, text, size);
    }
}

/* ---- One document ----------------------------------------------------------------------------------------------------- */

/* Bytes of the object at the front of text; 0: its end is not there. */
static size_t object_bytes(const char *text, size_t size)
{
    bool in_text = false;
    size_t depth = 0;

    for (size_t i = 0; i < size; i++) {
        const char c = text[i];
        if (in_text) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_text = false;
        } else if (c == '"') {
            in_text = true;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if ((c == '}' || c == ']') && --depth == 0) {
            return i + 1;
        }
    }
    return 0;
}

/* Brackets of a document that are not closed yet, the inmost last. */
typedef struct brackets {
    char open[2];
    size_t depth;
} brackets;

/* What lies between the records of a document: blanks, commas, brackets, and the names of its lists. Bytes taken; 0: it does not
 * belong there, which is recorded. */
static size_t document_between(reading *r, brackets *b, const char *at, size_t left)
{
    static const char *const lists[] = {"\"nodes\"", "\"rels\"", "\"relationships\""};

    if (*at == '[' && b->depth < 2 && (b->depth == 0 || b->open[0] == '{')) {
        b->open[b->depth++] = '[';
        return 1;
    }
    if (*at == '{' && b->depth == 0) {
        b->open[b->depth++] = '{';
        return 1;
    }
    if (b->depth != 0 && *at == (b->open[b->depth - 1] == '[' ? ']' : '}')) {
        b->depth--;
        return 1;
    }
    if (*at == '"') {
        for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
            if (left >= strlen(lists[i]) && memcmp(at, lists[i], strlen(lists[i])) == 0 &&
                b->depth == 1 && b->open[0] == '{')
                return strlen(lists[i]);
        (void)fmt_records_broken(
            r->records, SOMBRA_SYNTAX, 0,
            "a document is a list of objects, or {\"nodes\": […], \"rels\": […]}");
        return 0;
    }
    if (*at != '\0' && strchr(" \t\r\n,:", *at) != NULL) return 1;
    (void)fmt_records_broken(r->records, SOMBRA_SYNTAX, 0, "an object is expected here");
    return 0;
}

static void read_document(reading *r, const source *s, const fmt_piece *piece)
{
    brackets b = {.open = {s->list_depth == 1 ? '[' : '{', '['},
                  .depth = piece->number == 0 ? 0 : s->list_depth};
    const char *at = piece->text, *end = at + piece->size;
    uint64_t line = piece->line;

    while (at != end) {
        size_t size;
        fmt_records_at(r->records, line, NULL, 0);
        if (*at == '{' && b.depth != 0 && b.open[b.depth - 1] == '[') {
            size = object_bytes(at, (size_t)(end - at));
            if (size == 0)
                (void)fmt_records_broken(r->records, SOMBRA_SYNTAX, 0,
                                         "the object that begins here is not closed");
            else
                take_record(r, line, at, size);
        } else {
            size = document_between(r, &b, at, (size_t)(end - at));
        }
        if (size == 0) return;
        line += fmt_count_lines(at, size);
        at += size;
    }
    fmt_records_at(r->records, line, NULL, 0);
    if (piece->last && b.depth != 0)
        (void)fmt_records_broken(r->records, SOMBRA_SYNTAX, 0, "the document ends too early");
}

static void parse(void *ctx, fmt_piece *piece)
{
    const source *s = ctx;
    reading r = {.records = &piece->records};

    if (s->is_document)
        read_document(&r, s, piece);
    else
        read_lines(&r, piece);
    free(r.text.data);
    free(r.props);
}

sombra_status fmt_read_jsonl(fmt_loader *loader, const char *path)
{
    static const fmt_steps steps = {.cut = cut, .parse = parse};
    fmt_error *error = fmt_loader_error(loader);
    source s = {.cutter = {.input = fmt_input_open(path, error),
                           .path = path,
                           .too_long = "the record is longer than 1 GiB",
                           .place = place,
                           .ctx = &s}};

    if (s.cutter.input == NULL) return error->status;
    const sombra_status status = fmt_pipeline_run(loader, &steps, &s);
    fmt_cutter_close(&s.cutter);
    return status;
}

/* ---- Writing ----------------------------------------------------------------------------------------------------------- */

typedef struct writing {
    fmt_walk *walk;
    fmt_output *out;
    fmt_buffer text; /* scratch */
} writing;

static sombra_status put_scalar(writing *w, const sombra_value *value)
{
    fmt_buffer *out = &w->out->buffer;
    char type[24];

    switch (value->type) {
    case SOMBRA_TYPE_BOOL: fmt_puts(out, value->as.boolean ? "true" : "false"); return SOMBRA_OK;
    case SOMBRA_TYPE_INT: fmt_printf(out, "%lld", (long long)value->as.integer); return SOMBRA_OK;
    case SOMBRA_TYPE_STRING:
        fmt_put_json(out, value->as.bytes.data, value->as.bytes.size);
        return SOMBRA_OK;
    case SOMBRA_TYPE_FLOAT:
        if (!isnan(value->as.real) && !isinf(value->as.real)) {
            char real[40];
            size_t size = 0;
            const sombra_status status =
                sombra_value_to_string(value, real, sizeof real, &size); /* 1.0, not 1 */
            fmt_put(out, real, size < sizeof real ? size : sizeof real);
            return status;
        }
        break;
    default: break;
    }
    fmt_type_name(value, type);
    fmt_printf(out, "{\"$%s\":", type);
    w->text.size = 0;
    const sombra_status status = fmt_put_value(w->walk, &w->text, value);
    fmt_put_json(out, w->text.data, w->text.size);
    fmt_puts(out, "}");
    return status;
}

static sombra_status put_value(writing *w, const sombra_value *value)
{
    sombra_status status = SOMBRA_OK;

    if (value->type != SOMBRA_TYPE_LIST) return put_scalar(w, value);
    fmt_puts(&w->out->buffer, "[");
    for (size_t i = 0; i < value->as.list.count && status == SOMBRA_OK; i++) {
        if (i != 0) fmt_puts(&w->out->buffer, ",");
        status = put_scalar(w, &value->as.list.items[i]);
    }
    fmt_puts(&w->out->buffer, "]");
    return status;
}

static sombra_status put_props(writing *w, const sombra_prop *props, size_t count)
{
    fmt_buffer *out = &w->out->buffer;
    sombra_status status = SOMBRA_OK;

    fmt_puts(out, ",\"properties\":{");
    for (size_t i = 0; i < count && status == SOMBRA_OK; i++) {
        const sombra_text key = fmt_name(w->walk, SOMBRA_KEY, props[i].key);
        if (i != 0) fmt_puts(out, ",");
        fmt_put_json(out, key.data, key.size);
        fmt_puts(out, ":");
        status = put_value(w, &props[i].value);
    }
    fmt_puts(out, "}}\n");
    return status == SOMBRA_OK ? fmt_output_flush(w->out, false, w->walk->error) : status;
}

static sombra_status put_node(void *ctx, const sombra_node *node)
{
    writing *w = ctx;
    fmt_buffer *out = &w->out->buffer;

    fmt_printf(out, "{\"type\":\"node\",\"id\":\"%llu\",\"labels\":[",
               (unsigned long long)node->id);
    for (size_t i = 0; i < node->label_count; i++) {
        const sombra_text label = fmt_name(w->walk, SOMBRA_LABEL, node->labels[i]);
        if (i != 0) fmt_puts(out, ",");
        fmt_put_json(out, label.data, label.size);
    }
    fmt_puts(out, "]");
    return put_props(w, node->props, node->prop_count);
}

static sombra_status put_rel(void *ctx, const sombra_rel *rel)
{
    writing *w = ctx;
    fmt_buffer *out = &w->out->buffer;
    const sombra_text type = fmt_name(w->walk, SOMBRA_TYPE, rel->type);

    fmt_printf(
        out, "{\"type\":\"relationship\",\"id\":\"%llu\",\"label\":", (unsigned long long)rel->id);
    fmt_put_json(out, type.data, type.size);
    fmt_printf(out, ",\"start\":{\"id\":\"%llu\"},\"end\":{\"id\":\"%llu\"}",
               (unsigned long long)rel->source, (unsigned long long)rel->target);
    return put_props(w, rel->props, rel->prop_count);
}

static void put_schema(writing *w, const char *kind, bool on_rels, uint32_t entity,
                       const sombra_schema *schema)
{
    fmt_buffer *out = &w->out->buffer;
    const sombra_text on = fmt_name(w->walk, on_rels ? SOMBRA_TYPE : SOMBRA_LABEL, entity);
    bool first = true;

    fmt_printf(out, "{\"type\":\"schema\",\"kind\":\"%s\",\"of\":\"%s\",\"on\":", kind,
               on_rels ? "relationships" : "nodes");
    fmt_put_json(out, on.data, on.size);
    if (schema != NULL) {
        fmt_puts(out, ",\"keys\":[");
        for (size_t i = 0; i < schema->key_count; i++) {
            const sombra_text key = fmt_name(w->walk, SOMBRA_KEY, schema->keys[i]);
            if (i != 0) fmt_puts(out, ",");
            fmt_put_json(out, key.data, key.size);
        }
        fmt_puts(out, "]");
        if (schema->kind == SOMBRA_TYPED) fmt_puts(out, ",\"types\":[");
        for (uint32_t type = 1; schema->kind == SOMBRA_TYPED && type < 32; type++) {
            if ((schema->value_types & 1u << type) == 0) continue;
            fmt_printf(out, "%s\"%s\"", first ? "" : ",", sombra_type_name(type));
            first = false;
        }
        if (schema->kind == SOMBRA_TYPED) fmt_puts(out, "]");
        fmt_puts(out, ",\"name\":");
        fmt_put_json(out, schema->name, schema->name_size);
    }
    fmt_puts(out, "}\n");
}

/* Indexes and constraints; and labels whose index has been dropped. */
static sombra_status put_schemas(writing *w)
{
    static const char *const kinds[] = {"", "index", "unique", "node-key", "exists", "typed"};
    sombra_txn *txn = w->walk->txn;
    const uint32_t labels = sombra_name_count(txn, SOMBRA_LABEL);
    uint8_t *indexed = fmt_need(calloc((size_t)labels + 2, 1));
    sombra_status status = SOMBRA_OK;
    sombra_schema schema;
    bool more = true;

    for (size_t i = 0; status == SOMBRA_OK; i++) {
        if (sombra_schema_at(txn, i, &schema, &more) != SOMBRA_OK)
            status = fmt_fail(w->walk->error, sombra_error_of(w->walk->conn)->status, "%s",
                              sombra_error_of(w->walk->conn)->message);
        if (status != SOMBRA_OK || !more) break;
        if (schema.kind != SOMBRA_LABEL_INDEX)
            put_schema(w, kinds[schema.kind], schema.on_rels, schema.entity, &schema);
        else if (schema.entity <= labels)
            indexed[schema.entity] = 1;
        status = fmt_output_flush(w->out, false, w->walk->error);
    }
    for (uint32_t label = 1; label <= labels && status == SOMBRA_OK; label++)
        if (!indexed[label]) put_schema(w, "no-label-index", false, label, NULL);
    free(indexed);
    return status;
}

sombra_status fmt_write_jsonl(fmt_walk *walk, fmt_output *out)
{
    writing w = {.walk = walk, .out = out};
    sombra_status status = fmt_each_node(walk, put_node, &w);

    if (status == SOMBRA_OK) status = fmt_each_rel(walk, put_rel, &w);
    if (status == SOMBRA_OK) status = put_schemas(&w);
    free(w.text.data);
    return status;
}
