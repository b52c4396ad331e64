/* xml.c — XML as a stream, by Expat. Without that library the formats are refused with a message. */
#include <stdlib.h>
#include <string.h>

#include "cli/formats/xml_priv.h"

const char *xml_attribute(const char **attributes, const char *name)
{
    for (; *attributes != NULL; attributes += 2)
        if (strcmp(*attributes, name) == 0) return attributes[1];
    return NULL;
}

#if !defined(HAVE_EXPAT)

sombra_status xml_read(fmt_loader *loader, const char *path, const xml_handlers *handlers,
                       void *ctx, uint64_t *line)
{
    (void)handlers;
    (void)ctx;
    (void)line;
    fmt_at(loader, path, 1, NULL, 0);
    return fmt_broken(loader, SOMBRA_UNSUPPORTED, 0,
                      "this build has no Expat (Debian: libexpat1-dev), which reads XML");
}

#else

#include <expat.h>

#define CHUNK_MIN ((size_t)1 << 17)
#define CHUNK_MAX ((size_t)1 << 26)

struct xml_reading {
    fmt_loader *loader;
    const char *path;
    const xml_handlers *handlers;
    void *ctx;
    uint64_t *line;
    XML_Parser parser;
    size_t depth;
    fmt_buffer text;
    sombra_status status;
    uint64_t events; /* so far: a chunk without any is part of something long */
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

static void take_place(xml_reading *r)
{
    *r->line = XML_GetCurrentLineNumber(r->parser);
    fmt_at(r->loader, r->path, *r->line, NULL, 0);
}

static sombra_status broken(xml_reading *r, sombra_status status, const char *why)
{
    take_place(r);
    return fmt_broken(r->loader, status, XML_GetCurrentColumnNumber(r->parser) + 1, "%s", why);
}

static void XMLCALL on_start(void *ctx, const XML_Char *name, const XML_Char **attributes)
{
    xml_reading *r = ctx;

    if (r->status != SOMBRA_OK) return;
    r->events++;
    r->text.size = 0;
    if (++r->depth > XML_DEPTH_MAX) {
        stop(r, broken(r, SOMBRA_LIMIT, "elements lie more than 200 deep"));
        return;
    }
    take_place(r);
    stop(r, r->handlers->start(r->ctx, local_name(name), attributes));
}

static void XMLCALL on_end(void *ctx, const XML_Char *name)
{
    xml_reading *r = ctx;

    if (r->status != SOMBRA_OK) return;
    r->events++;
    r->depth--;
    take_place(r);
    fmt_put(&r->text, "", 1); /* NUL-terminated */
    stop(r, r->handlers->end(r->ctx, local_name(name), fmt_text(r->text.data, r->text.size - 1)));
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

static sombra_status parse_failed(xml_reading *r)
{
    const enum XML_Error error = XML_GetErrorCode(r->parser);

    if (r->status != SOMBRA_OK) return r->status;
    if (error == XML_ERROR_NO_MEMORY) fmt_need(NULL);
    return broken(r, SOMBRA_SYNTAX, XML_ErrorString(error));
}

/* Chunks grow while nothing comes of them, so that an attribute of any length is not looked at again and again. */
static sombra_status parse_all(xml_reading *r, fmt_input *input)
{
    fmt_error *error = fmt_loader_error(r->loader);
    size_t chunk = CHUNK_MIN, got = 0, idle = 0;
    bool ended = false;

    while (!ended) {
        const uint64_t before = r->events;
        void *buffer = fmt_need(XML_GetBuffer(r->parser, (int)chunk));
        if (fmt_input_read(input, buffer, chunk, &got, error) != SOMBRA_OK) return error->status;
        ended = got < chunk;
        if (XML_ParseBuffer(r->parser, (int)got, ended) != XML_STATUS_OK) return parse_failed(r);
        if (fmt_tick(r->loader, fmt_input_done(input), fmt_input_total(input)) != SOMBRA_OK)
            return error->status;
        idle = r->events == before ? idle + got : 0;
        if (idle > FMT_RECORD_MAX)
            return broken(r, SOMBRA_LIMIT, "something here is longer than 1 GiB");
        chunk = idle == 0 ? CHUNK_MIN : chunk < CHUNK_MAX ? 2 * chunk : chunk;
    }
    return SOMBRA_OK;
}

sombra_status xml_read(fmt_loader *loader, const char *path, const xml_handlers *handlers,
                       void *ctx, uint64_t *line)
{
    xml_reading r = {
        .loader = loader, .path = path, .handlers = handlers, .ctx = ctx, .line = line};
    fmt_error *error = fmt_loader_error(loader);
    sombra_status status = SOMBRA_OK;

    fmt_at(loader, path, 1, NULL, 0);
    fmt_input *input = fmt_input_open(path, error);
    if (input == NULL) return error->status;
    r.parser = fmt_need(XML_ParserCreate(NULL));
    XML_SetUserData(r.parser, &r);
    XML_SetElementHandler(r.parser, on_start, on_end);
    XML_SetCharacterDataHandler(r.parser, on_text);
    XML_SetEntityDeclHandler(r.parser, on_entity);
    (void)XML_SetParamEntityParsing(r.parser, XML_PARAM_ENTITY_PARSING_NEVER);
    status = parse_all(&r, input);
    XML_ParserFree(r.parser);
    fmt_input_close(input);
    free(r.text.data);
    return status;
}

#endif
