/* loader_waiting.c — relationships whose ends have not been seen yet: in a temporary file until all nodes are there. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/formats/loader_priv.h"

static void pack_bytes(fmt_buffer *out, const void *data, size_t bytes)
{
    const uint64_t size = bytes;

    fmt_put(out, &size, sizeof size);
    fmt_put(out, data, bytes);
}

static void pack_value(fmt_buffer *out, const sombra_value *value)
{
    fmt_put(out, value, sizeof *value);
    if (value->type == SOMBRA_TYPE_STRING || value->type == SOMBRA_TYPE_BYTES)
        fmt_put(out, value->as.bytes.data, value->as.bytes.size);
    else if (value->type == SOMBRA_TYPE_DATETIME)
        fmt_put(out, value->as.datetime.zone, value->as.datetime.zone_size);
    else if (value->type == SOMBRA_TYPE_LIST)
        for (size_t i = 0; i < value->as.list.count; i++)
            pack_value(out, &value->as.list.items[i]); /* items are no lists: check_value */
}

/* In TMPDIR, as all temporary files of the command (tmpfile() does not ask for it), and without a name. NULL: errno tells. */
static FILE *open_temporary(void)
{
    const char *directory = getenv("TMPDIR");
    char path[4096];

    if (directory == NULL || *directory == '\0') directory = "/tmp";
    if (snprintf(path, sizeof path, "%s/sombra-XXXXXX", directory) >= (int)sizeof path) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    const int fd = mkstemp(path);
    if (fd < 0) return NULL;
    (void)unlink(path);
    return fmt_need(fdopen(fd, "w+b"));
}

/* A relationship into the temporary file, with its place. */
sombra_status loader_put_aside(fmt_loader *l, const fmt_rel *rel)
{
    fmt_buffer *out = &l->packed;
    const uint64_t count = rel->prop_count;

    out->size = 0;
    fmt_put(out, &l->line, sizeof l->line);
    pack_bytes(out, l->path, strlen(l->path) + 1);
    pack_bytes(out, l->raw, l->options.rejects == NULL || l->raw == NULL ? 0 : l->raw_bytes);
    pack_bytes(out, rel->type.data, rel->type.size);
    for (unsigned end = 0; end < 2; end++) {
        pack_bytes(out, rel->ends[end].group.data, rel->ends[end].group.size);
        pack_bytes(out, rel->ends[end].text.data, rel->ends[end].text.size);
    }
    fmt_put(out, &count, sizeof count);
    for (size_t i = 0; i < rel->prop_count; i++) {
        pack_bytes(out, rel->props[i].key.data, rel->props[i].key.size);
        pack_value(out, &rel->props[i].value);
    }
    const uint64_t size = out->size;
    if (l->waiting == NULL) l->waiting = open_temporary();
    if (l->waiting == NULL || fwrite(&size, sizeof size, 1, l->waiting) != 1 ||
        fwrite(out->data, 1, out->size, l->waiting) != out->size)
        return fmt_fail(&l->error, errno == ENOSPC ? SOMBRA_FULL : SOMBRA_IO,
                        "a temporary file: %s", strerror(errno));
    l->waiting_count++;
    return SOMBRA_OK;
}

/* ---- Relationships that waited ------------------------------------------------------------------------------------------------------- */

/* What put_aside wrote: our own bytes. */
typedef struct unpacking {
    const char *at;
    fmt_arena *arena;
} unpacking;

static void take(unpacking *u, void *out, size_t bytes)
{
    memcpy(out, u->at, bytes);
    u->at += bytes;
}

static sombra_text take_bytes(unpacking *u)
{
    uint64_t size;

    take(u, &size, sizeof size);
    const sombra_text text = fmt_text(u->at, (size_t)size);
    u->at += size;
    return text;
}

static sombra_value take_value(unpacking *u)
{
    sombra_value value;

    take(u, &value, sizeof value);
    if (value.type == SOMBRA_TYPE_STRING || value.type == SOMBRA_TYPE_BYTES) {
        value.as.bytes.data = u->at;
        u->at += value.as.bytes.size;
    } else if (value.type == SOMBRA_TYPE_DATETIME) {
        value.as.datetime.zone = value.as.datetime.zone_size == 0 ? NULL : u->at;
        u->at += value.as.datetime.zone_size;
    } else if (value.type == SOMBRA_TYPE_LIST) {
        sombra_value *items = fmt_arena_alloc(u->arena, value.as.list.count * sizeof *items);
        for (size_t i = 0; i < value.as.list.count; i++)
            items[i] = take_value(u);
        value.as.list.items = items;
    }
    return value;
}

static sombra_status load_waiting(fmt_loader *l, fmt_arena *arena)
{
    unpacking u = {.at = l->packed.data, .arena = arena};
    fmt_rel rel = {0};
    uint64_t count, line;

    take(&u, &line, sizeof line);
    const sombra_text path = take_bytes(&u), raw = take_bytes(&u);
    rel.type = take_bytes(&u);
    for (unsigned end = 0; end < 2; end++) {
        rel.ends[end].group = take_bytes(&u);
        rel.ends[end].text = take_bytes(&u);
    }
    take(&u, &count, sizeof count);
    fmt_prop *props = fmt_arena_alloc(arena, ((size_t)count + 1) * sizeof *props);
    for (size_t i = 0; i < count; i++) {
        props[i].key = take_bytes(&u);
        props[i].value = take_value(&u);
    }
    rel.props = props;
    rel.prop_count = (size_t)count;
    fmt_at(l, path.data, line, raw.size == 0 ? NULL : raw.data, raw.size);
    return loader_load_waiting_rel(l, &rel);
}

sombra_status loader_load_waiting(fmt_loader *l)
{
    fmt_arena arena = {0};
    sombra_status status = SOMBRA_OK;

    if (l->waiting == NULL) return SOMBRA_OK;
    rewind(l->waiting);
    for (uint64_t i = 0; i < l->waiting_count && status == SOMBRA_OK; i++) {
        uint64_t size;
        fmt_arena_reset(&arena);
        l->packed.size = 0;
        if (fread(&size, sizeof size, 1, l->waiting) == 1 && size < SIZE_MAX / 2) {
            if (size > l->packed.capacity)
                l->packed.data = fmt_grow(l->packed.data, &l->packed.capacity, (size_t)size, 1);
            l->packed.size = fread(l->packed.data, 1, (size_t)size, l->waiting);
        }
        if (l->packed.size == 0 || l->packed.size != size)
            status = fmt_fail(&l->error, SOMBRA_IO, "a temporary file could not be read back");
        else
            status = load_waiting(l, &arena);
        if (status == SOMBRA_OK && i % 4096 == 0) status = fmt_tick(l, l->result.bytes, 0);
    }
    fmt_arena_free(&arena);
    return status;
}
