/* arena.h — memory that dies together. Arenas form a tree: destroying or resetting one destroys its
 * children and runs their release callbacks, newest first (after PostgreSQL's memory contexts). */
#ifndef SB_ARENA_H
#define SB_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/status.h"

typedef struct sb_arena sb_arena;

/* parent may be NULL. NULL on no memory. */
SB_MUST_CHECK sb_arena *sb_arena_create(const sb_allocator *alloc, sb_arena *parent);
void sb_arena_destroy(sb_arena *arena); /* accepts NULL */
/* Free everything in it but keep the first blocks for reuse; children die, callbacks run. */
void sb_arena_reset(sb_arena *arena);
/* 16-byte aligned, not zeroed; NULL on no memory. bytes may be 0. */
SB_MUST_CHECK void *sb_arena_alloc(sb_arena *arena, size_t bytes);
SB_MUST_CHECK void *sb_arena_alloc_zero(sb_arena *arena, size_t bytes);
SB_MUST_CHECK void *sb_arena_alloc_array(sb_arena *arena, size_t count, size_t size);
/* Copies with a NUL behind, which size does not count. */
SB_MUST_CHECK char *sb_arena_strndup(sb_arena *arena, const char *text, size_t bytes);
/* release(ctx) runs when the arena dies or is reset. SB_NOMEM: not registered. */
SB_MUST_CHECK sb_status sb_arena_on_release(sb_arena *arena, void (*release)(void *ctx), void *ctx);
/* A mark to roll the arena back to: what was allocated since is free again. Callbacks and
 * children made since must be gone (asserted). */
typedef struct sb_arena_mark {
    void *block;     /* arena: the block in use then, or NULL */
    size_t used;     /* bytes of it in use */
    uint64_t births; /* callbacks and children made until then */
} sb_arena_mark;
sb_arena_mark sb_arena_get_mark(const sb_arena *arena);
void sb_arena_rewind(sb_arena *arena, sb_arena_mark mark);
/* Bytes held from the allocator, children not counted. */
size_t sb_arena_bytes(const sb_arena *arena);
/* Bytes that its next block takes, unless something larger is asked for. */
size_t sb_arena_next_bytes(const sb_arena *arena);

#endif
