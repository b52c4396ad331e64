/* alloc.h — memory through a table, so that a test can make each allocation fail and count them.
 * Promises: sizes on free are those given to alloc; failure is NULL, never abort. */
#ifndef SB_ALLOC_H
#define SB_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

typedef struct sb_allocator {
    void *ctx;
    /* 16-byte aligned. */
    void *(*alloc)(void *ctx, size_t bytes);
    /* The block is kept as it was when this returns NULL. */
    void *(*resize)(void *ctx, void *block, size_t old_bytes, size_t new_bytes);
    /* block is not NULL. */
    void (*free)(void *ctx, void *block, size_t bytes);
} sb_allocator;

/* malloc, realloc and free. */
extern const sb_allocator sb_allocator_libc;

/* bytes may be 0: a unique pointer that must be freed. NULL: no memory. */
SB_MUST_CHECK void *sb_alloc(const sb_allocator *alloc, size_t bytes);
SB_MUST_CHECK void *sb_alloc_zero(const sb_allocator *alloc, size_t bytes);
/* count × size checked for overflow. */
SB_MUST_CHECK void *sb_alloc_array(const sb_allocator *alloc, size_t count, size_t size);
SB_MUST_CHECK void *sb_resize(const sb_allocator *alloc, void *block, size_t old_bytes,
                              size_t new_bytes);
/* Accepts NULL. */
void sb_free(const sb_allocator *alloc, void *block, size_t bytes);

/* Checked size arithmetic: false on overflow, *out untouched. */
SB_MUST_CHECK SB_INLINE bool sb_mul_size(size_t a, size_t b, size_t *out)
{
    size_t product;
    if (SB_MUL_OVERFLOWS(a, b, &product)) return false;
    *out = product;
    return true;
}
SB_MUST_CHECK SB_INLINE bool sb_add_size(size_t a, size_t b, size_t *out)
{
    size_t sum;
    if (SB_ADD_OVERFLOWS(a, b, &sum)) return false;
    *out = sum;
    return true;
}

/* An allocator in front of another that counts, keeps a limit, and can be told to fail: the memory
 * budget of a database and the fault injection of the tests are the same thing. Atomic counters:
 * may be shared between threads. */
typedef struct sb_counting_allocator {
    sb_allocator base;         /* use this one; ctx is the struct itself */
    const sb_allocator *inner; /* borrowed */
    _Atomic size_t live_bytes;
    _Atomic size_t peak_bytes;
    _Atomic size_t live_blocks;
    _Atomic size_t alloc_count; /* alloc and growing resize calls so far */
    _Atomic size_t limit_bytes; /* 0: none */
    _Atomic size_t
        refused_at; /* bytes in use when the limit refused more; 0: the last failure was another */
    size_t (*find_limit)(void); /* asked for it when it is first needed; NULL: limit_bytes is it */
    _Atomic bool limit_found;
    _Atomic size_t fail_at;       /* 1-based alloc_count that fails; 0: none */
    _Atomic bool fail_persistent; /* all later ones fail too */
} sb_counting_allocator;

void sb_counting_allocator_init(sb_counting_allocator *counting, const sb_allocator *inner);
/* Find the limit later: when this is called, or when more than bytes are wanted. find may be called by several threads at once. */
void sb_counting_allocator_limit_later(sb_counting_allocator *counting, size_t bytes,
                                       size_t (*find)(void));
/* 0: none. */
size_t sb_counting_allocator_limit(sb_counting_allocator *counting);

#endif
