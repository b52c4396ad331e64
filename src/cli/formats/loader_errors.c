/* loader_errors.c — where in which file something is wrong, the file of rejected records, the progress. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/formats/loader_priv.h"

#define SHOWN_BYTES 80 /* of a value in a message */

fmt_error *fmt_loader_error(fmt_loader *loader)
{
    return &loader->error;
}

const fmt_options *fmt_loader_options(const fmt_loader *loader)
{
    return &loader->options;
}

void fmt_at(fmt_loader *loader, const char *path, uint64_t line, const char *raw, size_t raw_bytes)
{
    path = fmt_path_name(path);
    if (strcmp(loader->path, path) != 0) {
        const uint32_t place = fmt_names_add(&loader->paths, path, strlen(path));
        loader->path = loader->paths.texts[place].data;
    }
    loader->line = line;
    loader->raw = raw;
    loader->raw_bytes = raw_bytes;
}

/* Rejects are lines of JSON, whatever the format; bytes of what is no UTF-8 become U+FFFD. */
static void put_json(fmt_buffer *out, const char *data, size_t bytes)
{
    fmt_buffer text = {0};

    if (fmt_utf8_valid(data, bytes)) {
        fmt_put_json(out, data, bytes);
        return;
    }
    for (size_t i = 0; i < bytes; i++)
        if ((unsigned char)data[i] < 0x80)
            fmt_put(&text, data + i, 1);
        else
            fmt_puts(&text, "\xEF\xBF\xBD");
    fmt_put_json(out, text.data, text.size);
    free(text.data);
}

sombra_status loader_fail_rejects(fmt_loader *l)
{
    return fmt_fail(&l->error, errno == ENOSPC ? SOMBRA_FULL : SOMBRA_IO,
                    "the file for rejected records: %s", strerror(errno));
}

static sombra_status write_reject(fmt_loader *l, uint64_t column, sombra_text where,
                                  sombra_text value, const char *why)
{
    fmt_buffer out = {0};
    bool written;

    fmt_puts(&out, "{\"file\":");
    put_json(&out, l->path, strlen(l->path));
    fmt_printf(&out, ",\"line\":%llu", (unsigned long long)l->line);
    if (column != 0) fmt_printf(&out, ",\"column\":%llu", (unsigned long long)column);
    if (where.size != 0) {
        fmt_puts(&out, ",\"where\":");
        put_json(&out, where.data, where.size);
    }
    if (value.size != 0) {
        fmt_puts(&out, ",\"value\":");
        put_json(&out, value.data, value.size);
    }
    fmt_puts(&out, ",\"error\":");
    put_json(&out, why, strlen(why));
    if (l->raw != NULL) {
        fmt_puts(&out, ",\"record\":");
        put_json(&out, l->raw, l->raw_bytes);
    }
    fmt_puts(&out, "}\n");
    written = fwrite(out.data, 1, out.size, l->options.rejects) == out.size;
    free(out.data);
    return written ? SOMBRA_OK : loader_fail_rejects(l);
}

sombra_status fmt_bad(fmt_loader *l, sombra_status status, uint64_t column, sombra_text where,
                      sombra_text value, const char *format, ...)
{
    fmt_buffer place = {0};
    char why[512];
    va_list list;
    size_t used = 0;

    if (l->error.status != SOMBRA_OK) return l->error.status;
    if (value.size != 0) {
        size_t shown = value.size < SHOWN_BYTES ? value.size : SHOWN_BYTES;
        while (shown < value.size && shown != 0 &&
               (((const unsigned char *)value.data)[shown] & 0xC0) == 0x80)
            shown--; /* no half characters */
        used = (size_t)snprintf(why, sizeof why, "'%.*s%s'", (int)shown, (const char *)value.data,
                                shown < value.size ? "…" : "");
    } else if (*format == ' ') { /* it goes on behind the value */
        used = (size_t)snprintf(why, sizeof why, "an empty text");
    }
    va_start(list, format);
    (void)vsnprintf(why + used, sizeof why - used, format, list);
    va_end(list);
    fmt_put_place(&place, l->path, l->line, column, where);
    if (l->options.rejects == NULL)
        status = fmt_fail(&l->error, status, "%.*s: %s", (int)place.size, place.data, why);
    else if (l->result.rejected >= l->options.max_rejects)
        status = fmt_fail(
            &l->error, SOMBRA_REJECTED, "more than %llu records are wrong; this one is %.*s: %s",
            (unsigned long long)l->options.max_rejects, (int)place.size, place.data, why);
    else {
        l->result.rejected++;
        status = write_reject(l, column, where, value, why);
    }
    free(place.data);
    return status;
}

sombra_status fmt_broken(fmt_loader *l, sombra_status status, uint64_t column, const char *format,
                         ...)
{
    va_list list;

    va_start(list, format);
    status = fmt_fail_at(&l->error, status, l->path, l->line, column, format, list);
    va_end(list);
    return status;
}

sombra_status loader_fail_conn(fmt_loader *l)
{
    const sombra_error *error = sombra_error_of(l->options.conn);

    return fmt_fail(&l->error, error->status, "%s",
                    error->message[0] != '\0' ? error->message : sombra_status_text(error->status));
}

sombra_status fmt_tick(fmt_loader *l, uint64_t done, uint64_t total)
{
    l->result.bytes = done;
    if (l->options.tick != NULL && !l->options.tick(l->options.tick_ctx, done, total))
        return fmt_fail(&l->error, SOMBRA_INTERRUPT, "the import was cancelled");
    return SOMBRA_OK;
}
