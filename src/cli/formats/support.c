/* support.c — memory, tables and texts of the formats. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xxhash.h>

#include "cli/formats/formats.h"

void *fmt_need(void *p)
{
    if (p != NULL) return p;
    fputs("sombra: out of memory\n", stderr);
    exit(8);
}

void *fmt_grow(void *array, size_t *capacity, size_t wanted, size_t item_bytes)
{
    size_t grown = *capacity == 0 ? 16 : *capacity;

    if (wanted <= *capacity) return array;
    while (grown < wanted)
        grown = grown > SIZE_MAX / 2 ? wanted : 2 * grown;
    if (grown > SIZE_MAX / item_bytes) return fmt_need(NULL);
    *capacity = grown;
    return fmt_need(realloc(array, grown * item_bytes));
}

/* ---- Arena -------------------------------------------------------------------------------------------------- */

#define BLOCK_MIN ((size_t)4096)
#define BLOCK_MAX ((size_t)1 << 20)

typedef struct fmt_block {
    struct fmt_block *next;
    size_t used, capacity;
    max_align_t data[];
} fmt_block;

void *fmt_arena_alloc(fmt_arena *arena, size_t bytes)
{
    fmt_block *block = arena->blocks;

    if (bytes > SIZE_MAX / 2) return fmt_need(NULL);
    bytes = (bytes + 15) & ~(size_t)15;
    if (block == NULL || block->capacity - block->used < bytes) {
        size_t capacity = block == NULL ? BLOCK_MIN : 2 * block->capacity;
        if (capacity > BLOCK_MAX) capacity = BLOCK_MAX;
        if (capacity < bytes) capacity = bytes;
        block = fmt_need(malloc(sizeof *block + capacity));
        *block = (fmt_block){.next = arena->blocks, .capacity = capacity};
        arena->blocks = block;
        arena->bytes += capacity;
    }
    void *made = (char *)block->data + block->used;
    block->used += bytes;
    return made;
}

sombra_text fmt_arena_text(fmt_arena *arena, const void *data, size_t bytes)
{
    char *made = fmt_arena_alloc(arena, bytes + 1);

    if (bytes != 0) memcpy(made, data, bytes);
    made[bytes] = '\0';
    return fmt_text(made, bytes);
}

void fmt_arena_reset(fmt_arena *arena)
{
    fmt_block *kept = arena->blocks;

    if (kept == NULL) return;
    arena->blocks = kept->next;
    fmt_arena_free(arena);
    if (kept->capacity > BLOCK_MAX) { /* of one large record */
        free(kept);
        return;
    }
    *kept = (fmt_block){.capacity = kept->capacity};
    arena->blocks = kept;
    arena->bytes = kept->capacity;
}

void fmt_arena_free(fmt_arena *arena)
{
    while (arena->blocks != NULL) {
        fmt_block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
    arena->bytes = 0;
}

sombra_value fmt_value_copy(fmt_arena *arena, const sombra_value *value)
{
    sombra_value made = *value;

    switch (value->type) {
    case SOMBRA_TYPE_STRING:
    case SOMBRA_TYPE_BYTES:
        made.as.bytes.data = fmt_arena_text(arena, value->as.bytes.data, value->as.bytes.size).data;
        break;
    case SOMBRA_TYPE_DATETIME:
        if (value->as.datetime.zone_size != 0)
            made.as.datetime.zone =
                fmt_arena_text(arena, value->as.datetime.zone, value->as.datetime.zone_size).data;
        break;
    case SOMBRA_TYPE_LIST: {
        sombra_value *items = fmt_arena_alloc(arena, value->as.list.count * sizeof(sombra_value));
        for (size_t i = 0; i < value->as.list.count; i++)
            items[i] = fmt_value_copy(arena, &value->as.list.items[i]); /* items are no lists */
        made.as.list.items = items;
        break;
    }
    default: break;
    }
    return made;
}

/* ---- Map ------------------------------------------------------------------------------------------------------ */

typedef struct fmt_map_entry {
    uint64_t key, value; /* value 0: free */
} fmt_map_entry;

static size_t map_place(const fmt_map *map, uint64_t key)
{
    uint64_t hash = key * 0x9E3779B97F4A7C15u;
    size_t at;

    hash ^= hash >> 32;
    hash *= 0xD6E8FEB86659FD93u;
    at = (size_t)(hash >> 20) & (map->capacity - 1);
    while (map->entries[at].value != 0 && map->entries[at].key != key)
        at = (at + 1) & (map->capacity - 1);
    return at;
}

uint64_t fmt_map_get(const fmt_map *map, uint64_t key)
{
    return map->count == 0 ? 0 : map->entries[map_place(map, key)].value;
}

void fmt_map_put(fmt_map *map, uint64_t key, uint64_t value)
{
    if (map->count + 1 > map->capacity / 4 * 3) {
        fmt_map grown = {.capacity = map->capacity == 0 ? 16 : 2 * map->capacity};
        grown.entries = fmt_need(calloc(grown.capacity, sizeof *grown.entries));
        for (size_t i = 0; i < map->capacity; i++)
            if (map->entries[i].value != 0)
                grown.entries[map_place(&grown, map->entries[i].key)] = map->entries[i];
        grown.count = map->count;
        free(map->entries);
        *map = grown;
    }
    const size_t at = map_place(map, key);
    map->count += map->entries[at].value == 0;
    map->entries[at] = (fmt_map_entry){key, value};
}

bool fmt_map_next(const fmt_map *map, size_t *at, uint64_t *key, uint64_t *value)
{
    while (*at < map->capacity) {
        const fmt_map_entry *entry = &map->entries[(*at)++];
        if (entry->value == 0) continue;
        *key = entry->key;
        *value = entry->value;
        return true;
    }
    return false;
}

void fmt_map_free(fmt_map *map)
{
    free(map->entries);
    *map = (fmt_map){0};
}

/* ---- Names ------------------------------------------------------------------------------------------------------- */

static uint64_t hash_of(const void *data, size_t bytes)
{
    return XXH3_64bits(bytes == 0 ? "" : data, bytes);
}

/* The slot of a text, or the free one where it belongs. */
static size_t name_place(const fmt_names *names, uint64_t hash, const void *data, size_t bytes)
{
    size_t at = (size_t)hash & (names->slot_count - 1);

    for (; names->slots[at] != 0; at = (at + 1) & (names->slot_count - 1)) {
        const uint32_t number = names->slots[at] - 1;
        if (names->hashes[number] == hash && names->texts[number].size == bytes &&
            (bytes == 0 || memcmp(names->texts[number].data, data, bytes) == 0))
            return at;
    }
    return at;
}

uint32_t fmt_names_find(const fmt_names *names, const void *data, size_t bytes)
{
    if (names->count == 0) return UINT32_MAX;
    return names->slots[name_place(names, hash_of(data, bytes), data, bytes)] - 1;
}

static void grow_slots(fmt_names *names)
{
    const size_t count = names->slot_count == 0 ? 32 : 2 * names->slot_count;

    free(names->slots);
    names->slots = fmt_need(calloc(count, sizeof *names->slots));
    names->slot_count = count;
    for (size_t i = 0; i < names->count; i++) {
        size_t at = (size_t)names->hashes[i] & (count - 1);
        while (names->slots[at] != 0)
            at = (at + 1) & (count - 1);
        names->slots[at] = (uint32_t)i + 1;
    }
}

uint32_t fmt_names_add(fmt_names *names, const void *data, size_t bytes)
{
    const uint64_t hash = hash_of(data, bytes);

    if (names->count + 1 > names->slot_count / 4 * 3) grow_slots(names);
    const size_t at = name_place(names, hash, data, bytes);
    if (names->slots[at] != 0) return names->slots[at] - 1;
    if (names->count == UINT32_MAX - 1) {
        fputs("sombra: more than 4 billion different texts\n", stderr);
        exit(2);
    }
    names->texts = fmt_grow(names->texts, &names->capacity, names->count + 1, sizeof *names->texts);
    names->hashes =
        fmt_grow(names->hashes, &names->hash_capacity, names->count + 1, sizeof *names->hashes);
    names->texts[names->count] = fmt_arena_text(&names->arena, data, bytes);
    names->hashes[names->count] = hash;
    names->slots[at] = (uint32_t)++names->count;
    return (uint32_t)names->count - 1;
}

void fmt_names_free(fmt_names *names)
{
    free(names->texts);
    free(names->hashes);
    free(names->slots);
    fmt_arena_free(&names->arena);
    *names = (fmt_names){0};
}

/* ---- Texts ------------------------------------------------------------------------------------------------------- */

void fmt_put(fmt_buffer *out, const void *data, size_t bytes)
{
    if (bytes > out->capacity - out->size)
        out->data = fmt_grow(out->data, &out->capacity, out->size + bytes, 1);
    if (bytes != 0) memcpy(out->data + out->size, data, bytes);
    out->size += bytes;
}

void fmt_puts(fmt_buffer *out, const char *text)
{
    fmt_put(out, text, strlen(text));
}

void fmt_printf(fmt_buffer *out, const char *format, ...)
{
    char text[512];
    va_list list;

    va_start(list, format);
    const int size = vsnprintf(text, sizeof text, format, list);
    va_end(list);
    fmt_put(out, text, size < (int)sizeof text ? (size_t)size : sizeof text - 1);
}

bool fmt_utf8_valid(const void *data, size_t bytes)
{
    if (bytes == 0) return true; /* then data may be NULL */
    const uint8_t *at = data, *end = at + bytes;

    while (at != end) {
        uint64_t eight;
        while (end - at >= 8) {
            memcpy(&eight, at, 8);
            if ((eight & 0x8080808080808080u) != 0) break;
            at += 8;
        }
        if (at == end) break;
        if (*at < 0x80) {
            at++;
            continue;
        }
        const size_t more = *at >= 0xF0 ? 3 : *at >= 0xE0 ? 2 : 1;
        uint32_t code = *at & (0x3Fu >> more);
        static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
        if (*at < 0xC2 || *at > 0xF4 || (size_t)(end - at) <= more) return false;
        for (size_t i = 1; i <= more; i++) {
            if ((at[i] & 0xC0) != 0x80) return false;
            code = code << 6 | (at[i] & 0x3Fu);
        }
        if (code < least[more] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
            return false;
        at += more + 1;
    }
    return true;
}

/* Bytes of such a character at text; 0: another one stands there. */
static size_t control_bytes(const unsigned char *text, size_t left)
{
    if (text[0] < 0x20 || text[0] == 0x7F) return text[0] != '\n' && text[0] != '\t';
    if (text[0] == 0xC2 && left >= 2) return text[1] >= 0x80 && text[1] < 0xA0 ? 2 : 0;
    if (text[0] != 0xE2 || left < 3) return 0;
    return (text[1] == 0x80 && text[2] >= 0xAA && text[2] <= 0xAE) ||      /* U+202A to U+202E */
                   (text[1] == 0x81 && text[2] >= 0xA6 && text[2] <= 0xA9) /* U+2066 to U+2069 */
               ? 3
               : 0;
}

void fmt_blank_controls(char *text, size_t bytes)
{
    for (size_t at = 0; at < bytes; at++) {
        const size_t found = control_bytes((const unsigned char *)text + at, bytes - at);
        if (found == 0) continue;
        memset(text + at, ' ', found);
        at += found - 1;
    }
}

bool fmt_write(FILE *file, const char *text, size_t bytes, bool xml)
{
    const unsigned char *at = (const unsigned char *)text, *end = at + bytes;

    if (bytes == 0) return true; /* an empty graph has no text */
    if (!isatty(fileno(file))) return fwrite(text, 1, bytes, file) == bytes;
    while (at != end) {
        const size_t found = control_bytes(at, (size_t)(end - at));

        if (found == 0) {
            if (putc(*at++, file) == EOF) return false;
            continue;
        }
        const unsigned code = found == 1   ? at[0]
                              : found == 2 ? at[1]
                                           : 0x2000u | (at[1] & 0x3Fu) << 6 | (at[2] & 0x3Fu);
        if (fprintf(file, xml ? "&#%u;" : "\\u%04X", code) < 0) return false;
        at += found;
    }
    return true;
}

sombra_status fmt_fail(fmt_error *error, sombra_status status, const char *format, ...)
{
    va_list list;

    if (error->status != SOMBRA_OK) return error->status;
    error->status = status;
    va_start(list, format);
    (void)vsnprintf(error->text, sizeof error->text, format, list);
    va_end(list);
    return status;
}

sombra_status fmt_fail_open(fmt_error *error, const char *path)
{
    const int cause = errno;
    return fmt_fail(error,
                    cause == ENOENT || cause == ENOTDIR ? SOMBRA_NOT_FOUND : SOMBRA_CANT_OPEN,
                    "%s: %s", path, strerror(cause));
}
