/* arena.c — blocks in a chain, filled from the first on.
 *
 *   first ──► block ──► block ──► block ──► block ──► NULL
 *                         ▲ current          └── kept from before a reset or rewind
 *
 * I1  Blocks before `current` are full enough; those after it are empty and wait for reuse.
 * I2  `used` counts bytes of `current` alone; it is a multiple of 16 and at most its `room`.
 * I3  Release records live in the arena's own memory, newest first; each carries its birth number,
 *     as each child does, so that a rewind can see that nothing made since the mark is left. */
#include "base/arena.h"

#include <stdbool.h>
#include <string.h>

/* First block; later ones double up to the largest. A statement's arena mostly fits the first. */
#define FIRST_ROOM_BYTES   2048u
#define LARGEST_ROOM_BYTES (256u * 1024u)
/* A reset keeps blocks up to this sum, so that one large statement does not hold memory forever. */
#define KEPT_BYTES  (64u * 1024u)
#define ALIGN_BYTES 16u

typedef struct arena_block {
    struct arena_block *next; /* owned */
    size_t room;              /* bytes after the header */
} arena_block;

_Static_assert(sizeof(arena_block) % ALIGN_BYTES == 0, "what follows the header stays aligned");

typedef struct arena_release {
    struct arena_release *older; /* arena: the same */
    void (*run)(void *ctx);
    void *ctx; /* borrowed */
    uint64_t birth;
} arena_release;

struct sb_arena {
    const sb_allocator *alloc; /* borrowed */
    sb_arena *parent;          /* borrowed; NULL for a root */
    sb_arena *newest_child;    /* owned */
    sb_arena *older, *newer;   /* siblings */
    arena_release *newest_release;
    arena_block *first;   /* owned chain */
    arena_block *current; /* in the chain, or NULL while nothing is in use */
    size_t used;
    size_t held_bytes; /* sum of blocks with their headers */
    size_t next_room;
    uint64_t births;    /* children and release records made so far */
    uint64_t own_birth; /* number among the parent's births */
};

static uint8_t *block_data(arena_block *block)
{
    return (uint8_t *)(block + 1);
}

static void free_chain(sb_arena *arena, arena_block *block)
{
    while (block != NULL) {
        arena_block *next = block->next;
        const size_t bytes = sizeof *block + block->room;
        arena->held_bytes -= bytes;
        sb_free(arena->alloc, block, bytes);
        block = next;
    }
}

sb_arena *sb_arena_create(const sb_allocator *alloc, sb_arena *parent)
{
    sb_arena *arena = sb_alloc_zero(alloc, sizeof *arena);

    if (arena == NULL) return NULL;
    arena->alloc = alloc;
    arena->parent = parent;
    arena->next_room = FIRST_ROOM_BYTES;
    if (parent != NULL) {
        arena->own_birth = ++parent->births;
        arena->older = parent->newest_child;
        if (arena->older != NULL) arena->older->newer = arena;
        parent->newest_child = arena;
    }
    return arena;
}

static void run_releases(sb_arena *arena)
{
    while (arena->newest_release != NULL) {
        const arena_release *release = arena->newest_release;
        arena->newest_release = release->older;
        release->run(release->ctx);
    }
}

/* For an arena without children. */
static void destroy_childless(sb_arena *arena)
{
    run_releases(arena);
    if (arena->newer != NULL) {
        arena->newer->older = arena->older;
    } else if (arena->parent != NULL) {
        arena->parent->newest_child = arena->older;
    }
    if (arena->older != NULL) arena->older->newer = arena->newer;
    free_chain(arena, arena->first);
    sb_free(arena->alloc, arena, sizeof *arena);
}

/* Newest first, grandchildren before their parents; a loop, so that depth costs no stack. */
static void destroy_children(sb_arena *arena)
{
    while (arena->newest_child != NULL) {
        sb_arena *leaf = arena->newest_child;
        while (leaf->newest_child != NULL)
            leaf = leaf->newest_child;
        destroy_childless(leaf);
    }
}

void sb_arena_destroy(sb_arena *arena)
{
    if (arena == NULL) return;
    destroy_children(arena);
    destroy_childless(arena);
}

/* Nothing has been made in it since the last reset, and no block added to those that it keeps. */
static bool is_reset(const sb_arena *arena)
{
    return arena->current == NULL && arena->newest_child == NULL &&
           arena->next_room == FIRST_ROOM_BYTES;
}

void sb_arena_reset(sb_arena *arena)
{
    size_t kept_bytes = 0;
    arena_block **link = &arena->first;

    if (is_reset(arena)) return;
    destroy_children(arena);
    run_releases(arena);
    while (*link != NULL && kept_bytes + (*link)->room <= KEPT_BYTES) {
        kept_bytes += (*link)->room;
        link = &(*link)->next;
    }
    free_chain(arena, *link);
    *link = NULL;
    arena->current = NULL;
    arena->used = 0;
    arena->next_room = FIRST_ROOM_BYTES;
}

/* Makes a block with room for bytes the current one: the next kept one when it is large enough,
 * else a new one in front of it. */
static bool advance(sb_arena *arena, size_t bytes)
{
    arena_block **link = arena->current != NULL ? &arena->current->next : &arena->first;

    if (*link == NULL || (*link)->room < bytes) {
        const size_t room = bytes > arena->next_room ? bytes : arena->next_room;
        size_t block_bytes;
        if (!sb_add_size(room, sizeof(arena_block), &block_bytes)) return false;
        arena_block *block = sb_alloc(arena->alloc, block_bytes);
        if (block == NULL) return false;
        block->room = room;
        block->next = *link;
        *link = block;
        arena->held_bytes += block_bytes;
        if (arena->next_room < LARGEST_ROOM_BYTES) arena->next_room *= 2;
    }
    arena->current = *link;
    arena->used = 0;
    return true;
}

void *sb_arena_alloc(sb_arena *arena, size_t bytes)
{
    size_t rounded;

    /* At least one unit, so that each allocation has an address of its own. */
    if (!sb_add_size(bytes == 0 ? 1 : bytes, ALIGN_BYTES - 1, &rounded)) return NULL;
    rounded &= ~(size_t)(ALIGN_BYTES - 1);
    if (arena->current == NULL || arena->current->room - arena->used < rounded) {
        if (!advance(arena, rounded)) return NULL;
    }
    void *place = block_data(arena->current) + arena->used;
    /* Only a block of odd size (one made for a single large request) has no room divisible by 16,
     * and requests are rounded before: used never passes room. */
    arena->used += rounded;
    return place;
}

void *sb_arena_alloc_zero(sb_arena *arena, size_t bytes)
{
    void *place = sb_arena_alloc(arena, bytes);

    if (place != NULL) memset(place, 0, bytes);
    return place;
}

void *sb_arena_alloc_array(sb_arena *arena, size_t count, size_t size)
{
    size_t bytes;

    if (!sb_mul_size(count, size, &bytes)) return NULL;
    return sb_arena_alloc(arena, bytes);
}

char *sb_arena_strndup(sb_arena *arena, const char *text, size_t bytes)
{
    size_t with_nul;

    if (!sb_add_size(bytes, 1, &with_nul)) return NULL;
    char *copy = sb_arena_alloc(arena, with_nul);
    if (copy == NULL) return NULL;
    if (bytes != 0) memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    return copy;
}

sb_status sb_arena_on_release(sb_arena *arena, void (*release)(void *ctx), void *ctx)
{
    arena_release *record = sb_arena_alloc(arena, sizeof *record);

    if (record == NULL) return SB_NOMEM;
    record->run = release;
    record->ctx = ctx;
    record->birth = ++arena->births;
    record->older = arena->newest_release;
    arena->newest_release = record;
    return SB_OK;
}

sb_arena_mark sb_arena_get_mark(const sb_arena *arena)
{
    return (sb_arena_mark){.block = arena->current, .used = arena->used, .births = arena->births};
}

void sb_arena_rewind(sb_arena *arena, sb_arena_mark mark)
{
    SB_ASSERT(arena->newest_release == NULL || arena->newest_release->birth <= mark.births);
    SB_ASSERT(arena->newest_child == NULL || arena->newest_child->own_birth <= mark.births);
    arena->current = mark.block;
    arena->used = mark.used;
}

size_t sb_arena_bytes(const sb_arena *arena)
{
    return arena->held_bytes;
}

size_t sb_arena_next_bytes(const sb_arena *arena)
{
    return arena->next_room + sizeof(arena_block);
}
