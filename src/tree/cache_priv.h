/* cache_priv.h — the leaf cache's tables, and the short way to a leaf: the one look-up that must not cost a call. cache.c says what
 * makes it right. */
#ifndef SB_TREE_CACHE_PRIV_H
#define SB_TREE_CACHE_PRIV_H

#include "tree/core_priv.h"

#define SB_LEAF_CACHE_SLOT  1u /* of the session (sb_txn_front) */
#define SB_LEAF_CACHE_TREES 1024u
#define SB_LEAF_CACHE_PARTS 8u   /* of a slotted tree */
#define SB_LEAF_CACHE_KEYED 512u /* parts of slotted trees */

typedef struct sb_cache_entry {
    uint64_t stamp; /* commit << EPOCH_BITS | epoch */
    sb_pgno pgno;   /* SB_PGNO_NONE: empty */
    uint32_t tag;   /* its low bits are the index */
} sb_cache_entry;

/* Where the page of the entry in the same place lies (C7). */
typedef struct sb_cache_address {
    const uint8_t *bytes;
    uint32_t tag;   /* the entry's */
    uint32_t epoch; /* 0: none */
} sb_cache_address;

/* What is known of a tree's leaves; of a slotted one, of an eighth of them (C10). */
typedef struct sb_tree_entry {
    uint32_t tree;
    uint32_t salt; /* of its tags */
    uint16_t span; /* 16 × log2 of the id range of a leaf, the median; 0: nothing known */
    uint8_t shift; /* k */
    uint8_t part;  /* of a slotted tree's keys; 0 of other trees */
} sb_tree_entry;

typedef struct sb_leaf_cache {
    const sb_allocator *alloc;
    sb_profile *profile;
    sb_cache_address *addresses; /* owned, with entries; NULL until the first put */
    sb_cache_entry *entries;     /* owned; NULL until the first put */
    uint32_t capacity;           /* power of two; 0 until the first put */
    uint32_t address_epoch;      /* addresses of this epoch count; not 0 */
    uint64_t address_key;        /* the sb_txn_addresses it belongs to */
    uint32_t displaced;          /* entries overwritten by others since the last growth or move */
    uint8_t moves;               /* trees that were given other tags since the last growth (C9) */
    uint32_t own;                /* entries put by the current transaction under its own commit */
    uint32_t epoch;              /* only rises, until all entries are dropped */
    uint64_t epoch_seq;          /* the commit that epoch belongs to */
    sb_tree_entry trees[SB_LEAF_CACHE_TREES];
    sb_tree_entry keyed[SB_LEAF_CACHE_KEYED]; /* those of slotted trees */
} sb_leaf_cache;

/* Which part of a tree's leaves an id, or the word of a key, belongs to. */
SB_INLINE uint32_t sb_cache__part(const sb_tree *tree, uint64_t word)
{
    return tree->kind != SB_TREE_SLOTTED ? 0 : (uint32_t)(word >> 56) % SB_LEAF_CACHE_PARTS;
}
/* Where what is known of it has its place. */
SB_INLINE sb_tree_entry *sb_cache__place(sb_leaf_cache *cache, const sb_tree *tree, uint32_t part)
{
    return tree->kind != SB_TREE_SLOTTED
               ? &cache->trees[tree->id % SB_LEAF_CACHE_TREES]
               : &cache->keyed[(SB_LEAF_CACHE_PARTS * tree->id + part) % SB_LEAF_CACHE_KEYED];
}

/* Consecutive blocks of a tree have consecutive tags, so that they do not displace each other, and share cache lines. */
SB_INLINE uint32_t sb_cache__tag(const sb_tree_entry *tree, uint64_t id)
{
    return tree->salt + (uint32_t)(id >> tree->shift);
}

/* ---- The short way ---------------------------------------------------------------------------------------- */

/* Addresses noted from now on are those of another snapshot. */
SB_COLD void sb_cache__next_addresses(sb_leaf_cache *cache, uint64_t key);

/* Remembered leaves of a tree by address, for a read transaction whose pages do not move (C7). Valid until another look-up of the
 * session. */
typedef struct sb_leaves {
    sb_leaf_cache *cache;
    uint64_t mark; /* of the pages: kind, level and tree in place */
    uint32_t salt;
    uint8_t shift;
} sb_leaves;
/* The bytes of a leaf's common header that tell whose it is: kind, level, flags, tree; flags masked out. */
#define SB_LEAF_MARK_MASK 0xFFFFFFFF0000FFFFull
static_assert(SB_PAGE_LEVEL == SB_PAGE_KIND + 1 && SB_PAGE_FLAGS == SB_PAGE_KIND + 2 &&
                  SB_PAGE_TREE == SB_PAGE_KIND + 4,
              "kind, level, flags and tree are one word");
SB_INLINE bool sb_leaves__is_one(const sb_leaves *leaves, const uint8_t *page)
{
    return (sb_load_le64(page + SB_PAGE_KIND) & SB_LEAF_MARK_MASK) == leaves->mark;
}

/* To the leaves of all ids of a tree, or to the part of a slotted one that the word belongs to. False: there is no short way, ask
 * sb_tree__leaf_of_id. */
SB_INLINE bool sb_leaves__open(const sb_txn *txn, const sb_tree *tree, uint64_t word,
                               sb_leaves *leaves)
{
    const sb_txn_front *front = sb_txn_front_of(txn);
    sb_leaf_cache *cache = front->slots[SB_LEAF_CACHE_SLOT - 1];

    if (SB_UNLIKELY(front->addresses == 0 || cache == NULL)) return false;
    const sb_tree_entry *entry = sb_cache__place(cache, tree, sb_cache__part(tree, word));
    if (SB_UNLIKELY(entry->tree != tree->id || cache->capacity == 0)) return false;
    if (SB_UNLIKELY(front->addresses != cache->address_key))
        sb_cache__next_addresses(cache, front->addresses);
    leaves->cache = cache;
    leaves->mark = (SB_PAGE_SLOTTED + (uint64_t)tree->kind) | (uint64_t)tree->id << 32;
    leaves->salt = entry->salt;
    leaves->shift = entry->shift;
    return true;
}
/* A page that is likely to be the leaf that holds id, or to be beside it: sb_leaves__is_one, then its fences, tell. side -1, 1: what is
 * remembered for the ids before, behind (C8). NULL: nothing is. */
SB_INLINE const uint8_t *sb_leaves__find(const sb_leaves *leaves, uint64_t id, int side)
{
    const sb_leaf_cache *cache = leaves->cache;
    const uint32_t tag = leaves->salt + (uint32_t)(id >> leaves->shift) + (uint32_t)side;
    const sb_cache_address *address = &cache->addresses[tag & (cache->capacity - 1)];
    return SB_LIKELY(address->tag == tag && address->epoch == cache->address_epoch) ? address->bytes
                                                                                    : NULL;
}
/* Number of the page that find gives for the same arguments. */
SB_INLINE sb_pgno sb_leaves__pgno(const sb_leaves *leaves, uint64_t id, int side)
{
    const uint32_t tag = leaves->salt + (uint32_t)(id >> leaves->shift) + (uint32_t)side;
    return leaves->cache->entries[tag & (leaves->cache->capacity - 1)].pgno;
}
/* Count look-ups answered so. */
SB_INLINE void sb_leaves__hit(const sb_leaves *leaves, size_t count)
{
    SB_PROFILE_ADD(leaves->cache->profile, LEAF_CACHE_HITS, count);
    (void)count;
}

#endif
