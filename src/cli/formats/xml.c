/* xml.c — XML as a stream, by Expat; pieces of a file that are XML of the plainest form without it (xml_plain.c). Without that library the formats
 * are refused with a message.
 *
 * A long file is parsed by several threads. It is cut in front of the tags of nodes and relationships, and each piece is parsed
 * as if it began where the elements are open that were so at the end of the first piece: a guess. A piece counts only if the
 * one before it has ended like that, outside of any record, token and CDATA section; since the first piece begins where the
 * document does, all guesses that count are right. From the first one that does not on, the thread that loads parses all of
 * the text in order, with the parser of the last piece that counted, or one that is brought to where that has ended. */
#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/formats/xml_priv.h"

#if !defined(HAVE_EXPAT)

sombra_status xml_read(fmt_loader *loader, const char *path, const xml_format *format)
{
    (void)format;
    fmt_at(loader, path, 1, NULL, 0);
    return fmt_broken(loader, SOMBRA_UNSUPPORTED, 0,
                      "this build has no Expat (Debian: libexpat1-dev), which reads XML");
}

uint64_t xml_line(xml_reading *reading)
{
    (void)reading;
    return 1; /* nothing is read, so nobody asks */
}

#else

#include <expat.h>

#define STACK_MAX  6u  /* elements around a record whose names are known */
#define NAME_BYTES 40u /* of such a name */
#define PIECE_MAX  ((size_t)64 << 20)
#define TAIL_BYTES ((size_t)64 << 10) /* of a piece: where a place to cut is looked for */

/* The elements that are open. */
typedef struct element_stack {
    size_t depth;
    char names[STACK_MAX][NAME_BYTES]; /* of the outer ones; empty: too long to be known */
} element_stack;

/* A parser, and what it has come to. */
struct xml_reading {
    const struct xml_source *source;
    XML_Parser parser; /* NULL: none was needed */
    xml_graph graph;
    fmt_records *records;       /* of the piece at hand */
    element_stack begin, stack; /* where it began, and is */
    fmt_buffer text;            /* of the element at hand */
    sombra_status status;       /* DONE: properties are declared where they may not be */
    bool in_cdata;
    bool
        is_foreign; /* a document type, or another encoding than UTF-8: it is not parsed in pieces */
    XML_Index fed, before; /* bytes given to the parser; those in front of the piece at hand */
    const fmt_piece *piece;
    size_t plain_place; /* without a parser: of the tag at hand in the piece's text */
    uint64_t line;      /* of place in the piece's text */
    size_t place;
    uint64_t first_line; /* of the parser, in the file */
    int64_t first_column;
};

struct xml_source {
    fmt_cutter cutter;
    const xml_format *format;
    const char *default_type;
    uint64_t column;      /* behind the last cut */
    xml_keys keys;        /* of the first piece; not changed while others are parsed */
    element_stack guess;  /* where pieces behind it begin */
    atomic_bool in_order; /* all guesses are off */
};

static const char *local_name(const char *name)
{
    const char *colon = strchr(name, ':');
    return colon == NULL ? name : colon + 1;
}

static void stop(xml_reading *r, sombra_status status)
{
    if (status == SOMBRA_OK || r->status != SOMBRA_OK) return;
    r->status = status;
    (void)XML_StopParser(r->parser, XML_FALSE);
}

/* Where an error is: as Expat counts it, from where the parser began. */
static sombra_status broken(xml_reading *r, sombra_status status, const char *why)
{
    const uint64_t line = XML_GetCurrentLineNumber(r->parser);
    const int64_t column = (int64_t)XML_GetCurrentColumnNumber(r->parser);

    fmt_records_at(r->records, r->first_line + line - 1, NULL, 0);
    return fmt_records_broken(
        r->records, status, (uint64_t)(column + 1 + (line == 1 ? r->first_column : 0)), "%s", why);
}

uint64_t xml_line(xml_reading *r)
{
    const XML_Index index = r->parser == NULL ? (XML_Index)r->plain_place
                                              : XML_GetCurrentByteIndex(r->parser) - r->before;

    if (r->is_foreign || index < 0 || (size_t)index > r->piece->size)
        return r->first_line + XML_GetCurrentLineNumber(r->parser) - 1;
    /* Expat would look at each character once more. */
    r->line += fmt_count_lines(r->piece->text + r->place, (size_t)index - r->place);
    r->place = (size_t)index;
    return r->line;
}

static void push(xml_reading *r, const char *name)
{
    element_stack *s = &r->stack;

    if (s->depth < STACK_MAX && strcmp(s->names[s->depth], name) != 0) {
        const size_t size = strlen(name);
        s->names[s->depth][0] = '\0';
        if (size < NAME_BYTES) memcpy(s->names[s->depth], name, size + 1);
    }
    s->depth++;
}

static void XMLCALL on_start(void *ctx, const XML_Char *name, const XML_Char **attributes)
{
    xml_reading *r = ctx;

    if (r->status != SOMBRA_OK) return;
    r->text.size = 0;
    push(r, name);
    if (r->stack.depth > XML_DEPTH_MAX)
        stop(r, broken(r, SOMBRA_LIMIT, "elements lie more than 200 deep"));
    else
        stop(r, r->source->format->start(&r->graph, local_name(name), attributes));
}

static void XMLCALL on_end(void *ctx, const XML_Char *name)
{
    xml_reading *r = ctx;

    if (r->status != SOMBRA_OK) return;
    r->stack.depth--;
    fmt_put(&r->text, "", 1); /* NUL-terminated */
    stop(r, r->source->format->end(&r->graph, local_name(name),
                                   fmt_text(r->text.data, r->text.size - 1)));
    r->text.size = 0;
}

static void XMLCALL on_text(void *ctx, const XML_Char *text, int bytes)
{
    xml_reading *r = ctx;

    if (r->status != SOMBRA_OK) return;
    fmt_put(&r->text, text, (size_t)bytes);
    if (r->text.size > FMT_RECORD_MAX)
        stop(r, broken(r, SOMBRA_LIMIT, "a text is longer than 1 GiB"));
}

static void XMLCALL on_cdata(void *ctx)
{
    xml_reading *r = ctx;
    r->in_cdata = !r->in_cdata;
}

static void XMLCALL on_declaration(void *ctx, const XML_Char *version, const XML_Char *encoding,
                                   int standalone)
{
    xml_reading *r = ctx;

    (void)version;
    (void)standalone;
    if (encoding != NULL && strcasecmp(encoding, "UTF-8") != 0) r->is_foreign = true;
}

static void XMLCALL on_type(void *ctx, const XML_Char *name, const XML_Char *system,
                            const XML_Char *public, int has_internal_subset)
{
    xml_reading *r = ctx;

    (void)name;
    (void)system;
    (void)public;
    (void)has_internal_subset;
    r->is_foreign = true;
}

static void XMLCALL on_entity(void *ctx, const XML_Char *name, int is_parameter,
                              const XML_Char *value, int bytes, const XML_Char *base,
                              const XML_Char *system, const XML_Char *public,
                              const XML_Char *notation)
{
    xml_reading *r = ctx;

    (void)name;
    (void)is_parameter;
    (void)value;
    (void)bytes;
    (void)base;
    (void)system;
    (void)public;
    (void)notation;
    stop(r, broken(r, SOMBRA_UNSUPPORTED, "entities may not be declared here"));
}

/* ---- Parsers ---------------------------------------------------------------------------------------------------- */

static void reading_free(void *state)
{
    xml_reading *r = state;

    if (r == NULL) return;
    if (r->parser != NULL) XML_ParserFree(r->parser);
    xml_graph_free(&r->graph);
    free(r->text.data);
    free(r);
}

static void parse_failed(xml_reading *r)
{
    const enum XML_Error error = XML_GetErrorCode(r->parser);

    if (r->status != SOMBRA_OK) return;
    if (error == XML_ERROR_NO_MEMORY) (void)fmt_need(NULL);
    r->status = broken(r, SOMBRA_SYNTAX, XML_ErrorString(error));
}

static void feed(xml_reading *r, const char *text, size_t size, bool last)
{
    while (r->status == SOMBRA_OK) {
        const int part = size < (1u << 30) ? (int)size : 1 << 30;
        r->fed += part;
        if (XML_Parse(r->parser, text, part, last && (size_t)part == size) != XML_STATUS_OK)
            parse_failed(r);
        text += part;
        size -= (size_t)part;
        if (size == 0) return;
    }
}

/* The next text of the file, records into records. */
static void begin_text(xml_reading *r, const fmt_piece *piece, fmt_records *records)
{
    r->records = r->graph.records = records;
    records->path = r->source->cutter.path;
    r->piece = piece;
    r->line = piece->line;
    r->place = 0;
}

static void parse_text(xml_reading *r, const fmt_piece *piece, fmt_records *records)
{
    begin_text(r, piece, records);
    r->before = r->fed;
    feed(r, piece->text, piece->size, piece->last);
}

static void set_handlers(xml_reading *r)
{
    XML_SetElementHandler(r->parser, on_start, on_end);
    XML_SetCharacterDataHandler(r->parser, on_text);
    XML_SetCdataSectionHandler(r->parser, on_cdata, on_cdata);
    XML_SetXmlDeclHandler(r->parser, on_declaration);
    XML_SetStartDoctypeDeclHandler(r->parser, on_type);
    XML_SetEntityDeclHandler(r->parser, on_entity);
}

static xml_reading *reading_new(const struct xml_source *s)
{
    xml_reading *r = fmt_need(calloc(1, sizeof *r));

    r->source = s;
    r->graph.reading = r;
    r->graph.keys = &s->keys;
    r->graph.default_type = s->default_type;
    r->first_line = 1;
    return r;
}

static void add_parser(xml_reading *r, const char *encoding)
{
    r->parser = fmt_need(XML_ParserCreate(encoding));
    r->graph.borrows = false;
    XML_SetUserData(r->parser, r);
    (void)XML_SetParamEntityParsing(r->parser, XML_PARAM_ENTITY_PARSING_NEVER);
}

/* A parser that is in the elements where the piece begins. */
static void add_parser_at(xml_reading *r, const fmt_piece *piece)
{
    char tags[STACK_MAX * (NAME_BYTES + 2)];
    size_t size = 0;

    add_parser(r, "UTF-8");
    for (size_t i = 0; i < r->stack.depth; i++)
        size += (size_t)snprintf(tags + size, sizeof tags - size, "<%s>", r->stack.names[i]);
    /* At once: Expat puts off to look again at a token that was not whole before, past the handlers' coming. */
    feed(r, tags, size, false);
    assert(XML_GetCurrentByteIndex(r->parser) == r->fed);
    r->first_line = piece->line;
    r->first_column = (int64_t)piece->column - (int64_t)r->fed;
    set_handlers(r);
}

/* ---- Pieces ----------------------------------------------------------------------------------------------------- */

/* Does the tag of a node or relationship begin here? */
static bool is_record(const char *text, size_t left, bool *is_rel)
{
    size_t at = 1;

    if (*text != '<') return false;
    while (at < left && at < NAME_BYTES && text[at] != ':' && (unsigned char)text[at] > ' ' &&
           text[at] != '>' && text[at] != '/')
        at++;
    at = at < left && text[at] == ':' ? at + 1 : 1;
    if (left - at < 5 || (text[at + 4] != ' ' && text[at + 4] != '\n')) return false;
    *is_rel = memcmp(text + at, "edge", 4) == 0;
    return *is_rel || memcmp(text + at, "node", 4) == 0;
}

/* In front of the last tag of a record; so a piece begins with one. What has none goes on until it is long. */
static size_t place(void *ctx, const char *text, size_t size)
{
    const size_t from = size > TAIL_BYTES ? size - TAIL_BYTES : 1;
    const char *end = text + size, *at;
    bool is_rel;

    (void)ctx;
    for (const char *stop = end;
         (at = memrchr(text + from, '<', (size_t)(stop - text) - from)) != NULL; stop = at)
        if (is_record(at, (size_t)(end - at), &is_rel)) return (size_t)(at - text);
    return size >= PIECE_MAX ? size : 0;
}

static bool is_known(const element_stack *s)
{
    for (size_t i = 0; i < s->depth; i++)
        if (i >= STACK_MAX || s->names[i][0] == '\0') return false;
    return s->depth != 0;
}

static bool same_stack(const element_stack *a, const element_stack *b)
{
    for (size_t i = 0; i < a->depth && i < STACK_MAX; i++)
        if (strcmp(a->names[i], b->names[i]) != 0) return false;
    return a->depth == b->depth;
}

/* Outside of any record, token and section? */
static bool is_between(const xml_reading *r)
{
    return r->status == SOMBRA_OK && !r->in_cdata && !xml_graph_busy(&r->graph) &&
           (r->parser == NULL || XML_GetCurrentByteIndex(r->parser) == r->fed);
}

static void begin_file(struct xml_source *s, fmt_piece *piece)
{
    xml_reading *r = reading_new(s);

    add_parser(r, NULL);
    r->is_foreign =
        memchr(piece->text, '\0', piece->size < 4 ? piece->size : 4) != NULL; /* UTF-16 */
    r->graph.declare = &s->keys;
    set_handlers(r);
    parse_text(r, piece, &piece->records);
    s->guess = r->stack;
    piece->state = r;
    atomic_store_explicit(&s->in_order, r->is_foreign || !is_between(r) || !is_known(&s->guess),
                          memory_order_relaxed); /* the pipeline's mutex orders it */
}

static void cut(void *ctx, fmt_piece *piece)
{
    struct xml_source *s = ctx;

    fmt_cut(&s->cutter, piece);
    piece->column = s->column;
    const char *newline = piece->size == 0 ? NULL : memrchr(piece->text, '\n', piece->size);
    const char *from = newline == NULL ? piece->text : newline + 1;
    if (newline != NULL) s->column = 0;
    for (const char *end = piece->text + piece->size; from != end; from++)
        s->column += (*from & 0xC0) != 0x80;
    if (piece->number == 0 && piece->records.error.status == SOMBRA_OK) begin_file(s, piece);
}

/* GEXF has nodes and relationships each in an element of their own. */
static void guess_parent(element_stack *s, bool is_rel)
{
    char *parent = s->names[s->depth - 1], *name = strchr(parent, ':');

    name = name == NULL ? parent : name + 1;
    if (strcmp(name, "nodes") == 0 || strcmp(name, "edges") == 0)
        memcpy(name, is_rel ? "edges" : "nodes", 5);
}

static bool on_plain_start(void *ctx, const char *name, const char **attributes, size_t at)
{
    xml_reading *r = ctx;

    r->plain_place = at;
    return r->source->format->start(&r->graph, name, attributes) == SOMBRA_OK;
}

static bool on_plain_end(void *ctx, const char *name, sombra_text text, size_t at)
{
    xml_reading *r = ctx;

    r->plain_place = at;
    return r->source->format->end(&r->graph, name, text) == SOMBRA_OK;
}

/* NULL: the piece needs a parser. */
static xml_reading *parse_plain(const struct xml_source *s, const element_stack *begin,
                                fmt_piece *piece)
{
    static const xml_handlers handlers = {.start = on_plain_start, .end = on_plain_end};
    xml_reading *r;

    if (piece->last) return NULL; /* the document ends in it */
    r = reading_new(s);
    r->begin = r->stack = *begin;
    r->graph.borrows = true;
    begin_text(r, piece, &piece->records);
    char *text = fmt_arena_alloc(&piece->records.arena, piece->size + 1);
    memcpy(text, piece->text, piece->size);
    text[piece->size] = '\0';
    if (xml_read_plain(text, piece->size, &handlers, r) && is_between(r)) return r;
    reading_free(r);
    fmt_records_reset(&piece->records);
    return NULL;
}

static void parse(void *ctx, fmt_piece *piece)
{
    struct xml_source *s = ctx;
    element_stack begin = s->guess;
    bool is_rel = false;

    if (piece->number == 0 || atomic_load_explicit(&s->in_order, memory_order_relaxed) ||
        piece->size == 0 || !is_record(piece->text, piece->size, &is_rel))
        return;
    guess_parent(&begin, is_rel);
    xml_reading *r = parse_plain(s, &begin, piece);
    if (r == NULL) {
        r = reading_new(s);
        r->begin = r->stack = begin;
        add_parser_at(r, piece);
        parse_text(r, piece, &piece->records);
    }
    piece->state = r;
}

/* ---- The file, in order ------------------------------------------------------------------------------------------ */

/* The reading that has come this far, with the records of its piece. */
typedef struct progress {
    xml_reading *reading;
    fmt_records records;
    fmt_arena spare;
    bool in_order;
    xml_keys keys; /* of what is declared behind the first piece */
} progress;

/* Did the piece begin where the one before it has ended? */
static bool follows(const xml_reading *before, const xml_reading *r)
{
    return r != NULL && r->status != SOMBRA_DONE && is_between(before) &&
           same_stack(&before->stack, &r->begin);
}

/* From here on without guesses. */
static void go_in_order(struct xml_source *s, fmt_pipeline *pipeline, progress *p)
{
    xml_graph *g = &p->reading->graph;

    atomic_store_explicit(&s->in_order, true, memory_order_relaxed);
    fmt_pipeline_rest(pipeline); /* nobody looks at the keys any more */
    if (g->declare != NULL) return;
    xml_keys_copy(&p->keys, &s->keys);
    g->keys = g->declare = &p->keys;
}

static void parse_in_order(progress *p, const fmt_piece *piece)
{
    xml_reading *r = p->reading;
    fmt_arena swap;

    if (r->parser == NULL) add_parser_at(r, piece);
    /* A record that is open moves out of the arena that is reset. */
    xml_graph_move(&r->graph, &p->spare);
    fmt_records_reset(&p->records);
    swap = p->records.arena;
    p->records.arena = p->spare;
    p->spare = swap;
    parse_text(r, piece, &p->records);
    if (r->status == SOMBRA_OK &&
        (size_t)(r->fed - XML_GetCurrentByteIndex(r->parser)) > FMT_RECORD_MAX)
        r->status = broken(r, SOMBRA_LIMIT, "something here is longer than 1 GiB");
}

static void take_piece(struct xml_source *s, fmt_pipeline *pipeline, progress *p, fmt_piece *piece)
{
    xml_reading *r = piece->state;

    piece->state = NULL;
    if (p->reading == NULL || follows(p->reading, r)) {
        const fmt_records swap = p->records;
        reading_free(p->reading);
        p->reading = r;
        p->records = piece->records;
        piece->records = swap;
        return;
    }
    reading_free(r);
    if (!p->in_order) go_in_order(s, pipeline, p);
    p->in_order = true;
    parse_in_order(p, piece);
}

sombra_status xml_read(fmt_loader *loader, const char *path, const xml_format *format)
{
    static const fmt_steps steps = {.cut = cut, .parse = parse, .free_state = reading_free};
    fmt_error *error = fmt_loader_error(loader);
    struct xml_source s = {.cutter = {.input = fmt_input_open(path, error),
                                      .path = path,
                                      .too_long = "something here is longer than 1 GiB",
                                      .place = place},
                           .default_type = fmt_loader_options(loader)->type,
                           .format = format};
    progress p = {0};
    fmt_piece *piece;
    sombra_status status = SOMBRA_OK;

    if (s.cutter.input == NULL) return error->status;
    fmt_pipeline *pipeline = fmt_pipeline_open(loader, &steps, &s);
    while (status == SOMBRA_OK && (piece = fmt_pipeline_next(pipeline)) != NULL) {
        take_piece(&s, pipeline, &p, piece);
        status = fmt_load_records(loader, &p.records);
        if (status == SOMBRA_OK) status = fmt_tick(loader, piece->done, piece->total);
        fmt_pipeline_release(pipeline);
    }
    fmt_pipeline_close(pipeline);
    reading_free(p.reading);
    fmt_records_free(&p.records);
    fmt_arena_free(&p.spare);
    xml_keys_free(&p.keys);
    xml_keys_free(&s.keys);
    fmt_cutter_close(&s.cutter);
    return error->status;
}

#endif
