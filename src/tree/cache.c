/* cache.c — the fence-checked leaf cache of a session: id range → leaf page, so that the common look-up by id reads one
 * page instead of one for each level (DESIGN §3 and §9 rule 1).
 *
 * A direct-mapped table of (page number, stamp, tag), indexed by a tree's number and id >> k, where 2^k is about a
 * quarter of the id range of the tree's leaves (learned from the leaves that misses come upon): with a page at hand its
 * fences say whether it holds the id, so splits need no upkeep. What fences can not say is whether the page is a leaf of
 * this tree in this snapshot at all: a freed page keeps its bytes. Therefore:
 *   C1 An entry has the number of the commit it was seen in: a read's snapshot, or for a write transaction that has changed
 *      something the commit it would make. It counts for a snapshot that is not older than it,
 *   C2 and when the tree's moved_at, the commit that last freed a leaf of it, is not newer: from the one to the other no leaf
 *      of the tree was freed, so what was its leaf is still.
 *   C3 Within the transaction that frees leaves, and for the commit it makes, C2 can not tell before from after: entries
 *      carry an epoch, too, which every freed leaf raises and no commit shares with another. Where entry and moved_at are of
 *      one commit, only the current epoch counts.
 *   C4 Rolling back, in whole or to a savepoint, drops all entries that the transaction put in.
 *   C6 When the whole content was replaced (vacuum, restore), commit numbers of the old content say nothing of the new
 *      trees: the layer above notices and drops everything (sb_tree_forget_leaves).
 *   C5 Tags are 32 bits of a sum and may be equal for two trees: the page's kind and tree number decide. A page that is a
 *      leaf of the right tree by C1 and C2 needs nothing else but its fences.
 *   C7 Beside it lies a table of addresses: where the page was in the map when a read transaction last looked. It counts while
 *      the session's read transactions find pages at the same addresses (sb_txn_addresses), so such a transaction needs neither
 *      C1 to C3 nor the pager. An address is only there with its entry; whatever drops the one drops the other.
 *   C8 An id beyond the fences of its block's leaf is often in the leaf that the next block on that side remembers: a block in
 *      which a leaf ends has one entry for two leaves.
 *   C9 Tags of a tree follow one another, so two trees whose tags begin at neighboring places displace each other's entries one by one.
 *      Where the cache does not grow any more, a tree that is found doing so is given other tags.
 *   C10 Keys are spread unevenly over words: a number is its length in bytes and then as many, so that a leaf of numbers of two bytes spans
 *      256 times as many words as one of three. k is therefore learned for each of eight parts of a slotted tree, by the first byte of the
 *      keys. With one for all, an index of the numbers up to 100,000 had a block for each single number below 32,768, which displaced
 *      all others: of ten look-ups six descended. */
#include "tree/cache_priv.h"
#include "tree/slots_priv.h"

#define CACHE_ENTRIES_MIN 1024u
/* 4 MiB at most: adjacency of a million nodes in both directions and its tables have 150 thousand id blocks. */
#define CACHE_ENTRIES_MAX (256u * 1024u)
#define SHIFT_DEFAULT     4u
#define MOVES_MAX         20u
#define EPOCH_BITS        20u
#define EPOCH_MAX         ((1u << EPOCH_BITS) - 1)

static sb_status create_cache(sb_session *session, void **object, sb_err *err)
{
    const sb_allocator *alloc = sb_pager_alloc(sb_session_pager(session));
    sb_leaf_cache *cache = sb_alloc_zero(alloc, sizeof *cache);
    *object = cache;
    if (cache == NULL) return SB_FAIL_NOMEM(err);
    cache->alloc = alloc;
    cache->profile = sb_pager_profile(sb_session_pager(session));
    cache->address_epoch = 1;
    return SB_OK;
}

static void free_entries(sb_leaf_cache *cache)
{
    sb_free(cache->alloc, cache->entries, cache->capacity * sizeof(sb_cache_entry));
    sb_free(cache->alloc, cache->addresses, cache->capacity * sizeof(sb_cache_address));
}

static void destroy_cache(void *object)
{
    sb_leaf_cache *cache = object;
    free_entries(cache);
    sb_free(cache->alloc, cache, sizeof *cache);
}

static const sb_session_ext_kind cache_kind = {.name = "leaf cache",
                                               .slot = SB_LEAF_CACHE_SLOT,
                                               .create = create_cache,
                                               .destroy = destroy_cache};

static void drop_all(sb_leaf_cache *cache)
{
    if (cache->entries == NULL) return;
    memset(cache->entries, 0, cache->capacity * sizeof(sb_cache_entry));
    memset(cache->addresses, 0, cache->capacity * sizeof(sb_cache_address));
}

void sb_tree_forget_leaves(sb_session *session)
{
    void *object = NULL;
    sb_leaf_cache *cache;

    sb_list__forget_filters(session);
    /* none, so nothing to forget */
    if (sb_session_ext_get(session, &cache_kind, &object, NULL) != SB_OK) return;
    cache = object;
    drop_all(cache);
    memset(cache->trees, 0, sizeof cache->trees);
    memset(cache->keyed, 0, sizeof cache->keyed);
    cache->own = 0;
}

/* NULL when there is no memory for it: a look-up then descends. */
static sb_leaf_cache *find_cache(sb_session *session)
{
    void *object = NULL;
    return sb_session_ext_get(session, &cache_kind, &object, NULL) == SB_OK ? object
                                                                            : NULL; /* benign */
}

/* Its tags begin at a place that the number of moves has a part in (C9). */
static void set_shift(const sb_leaf_cache *cache, sb_tree_entry *entry, uint8_t shift)
{
    entry->shift = shift;
    entry->salt = (uint32_t)sb_hash_u64((uint64_t)entry->part << 56 | (uint64_t)cache->moves << 40 |
                                        (uint64_t)entry->tree << 8 | shift);
}

SB_INLINE sb_tree_entry *find_tree(sb_leaf_cache *cache, const sb_tree *tree, uint64_t word)
{
    const uint32_t part = sb_cache__part(tree, word);
    sb_tree_entry *entry = sb_cache__place(cache, tree, part);
    if (SB_UNLIKELY(entry->tree != tree->id)) {
        *entry = (sb_tree_entry){.tree = tree->id, .part = (uint8_t)part};
        set_shift(cache, entry, SHIFT_DEFAULT);
    }
    return entry;
}

static uint64_t stamp_of(uint64_t seq, uint32_t epoch)
{
    return seq << EPOCH_BITS | epoch;
}

/* C1 to C3. */
static bool entry_counts(const sb_leaf_cache *cache, const sb_cache_entry *entry,
                         const sb_tree *tree, uint64_t txn_seq, bool dirty)
{
    const uint64_t seq = entry->stamp >> EPOCH_BITS;
    const uint32_t epoch = (uint32_t)(entry->stamp & EPOCH_MAX);
    if (seq > txn_seq + (dirty ? 1 : 0)) return false;
    if (seq < tree->moved_at) return false;
    if (seq == tree->moved_at && seq > 0) return cache->epoch == epoch;
    return true;
}

/* The page that counts under a tag. */
static sb_pgno remembered(const sb_leaf_cache *cache, sb_txn *txn, const sb_tree *tree,
                          uint32_t tag)
{
    const sb_cache_entry *entry = &cache->entries[tag & (cache->capacity - 1)];
    if (entry->tag != tag || entry->pgno == SB_PGNO_NONE) return SB_PGNO_NONE;
    const bool dirty = sb_txn_writable(txn) && sb_txn_dirty(txn);
    return entry_counts(cache, entry, tree, sb_txn_seq(txn), dirty) ? entry->pgno : SB_PGNO_NONE;
}

sb_pgno sb_tree__leaf_hint(sb_txn *txn, const sb_tree *tree, uint64_t id)
{
    if (tree->height <= 1) return tree->root;
    sb_leaf_cache *cache = find_cache(sb_txn_session(txn));
    if (cache == NULL || cache->entries == NULL) return SB_PGNO_NONE;
    return remembered(cache, txn, tree, sb_cache__tag(find_tree(cache, tree, id), id));
}

/* ---- Addresses (C7) --------------------------------------------------------------------------------------- */

void sb_cache__next_addresses(sb_leaf_cache *cache, uint64_t key)
{
    cache->address_key = key;
    if (++cache->address_epoch != 0) return;
    memset(cache->addresses, 0, cache->capacity * sizeof(sb_cache_address));
    cache->address_epoch = 1;
}

/* The page that the entry in this place names was read at page. */
static void note_address(sb_leaf_cache *cache, sb_txn *txn, uint32_t tag, const sb_page *page)
{
    const uint64_t key = sb_txn_addresses(txn);
    sb_cache_address *address = &cache->addresses[tag & (cache->capacity - 1)];

    if (key == 0 || page->pin != NULL) {
        *address = (sb_cache_address){0};
        return;
    }
    if (key != cache->address_key) sb_cache__next_addresses(cache, key);
    *address = (sb_cache_address){.bytes = page->bytes, .tag = tag, .epoch = cache->address_epoch};
}

/* ---- Epochs ----------------------------------------------------------------------------------------------- */

static void next_epoch(sb_leaf_cache *cache)
{
    if (cache->epoch < EPOCH_MAX) {
        cache->epoch++;
        return;
    }
    drop_all(cache);
    cache->epoch = 1;
}

/* The current epoch, which is one of commit seq afterwards. */
static uint32_t epoch_of(sb_leaf_cache *cache, uint64_t seq)
{
    if (cache->epoch_seq != seq) {
        cache->epoch_seq = seq;
        next_epoch(cache);
    }
    return cache->epoch;
}

/* ---- Remembering ---------------------------------------------------------------------------------------- */

static bool grow_cache(sb_leaf_cache *cache)
{
    const uint32_t capacity = cache->entries == NULL ? CACHE_ENTRIES_MIN : cache->capacity * 2;
    sb_cache_entry *entries = sb_alloc_zero(cache->alloc, capacity * sizeof(sb_cache_entry));
    sb_cache_address *addresses = sb_alloc_zero(cache->alloc, capacity * sizeof(sb_cache_address));
    cache->displaced = 0;
    cache->moves = 0;
    if (entries == NULL || addresses == NULL) {
        sb_free(cache->alloc, entries, capacity * sizeof(sb_cache_entry));
        sb_free(cache->alloc, addresses, capacity * sizeof(sb_cache_address));
        return false;
    }
    for (uint32_t i = 0; cache->entries != NULL && i < cache->capacity; i++) {
        const uint32_t place = cache->entries[i].tag & (capacity - 1);
        if (cache->entries[i].pgno == SB_PGNO_NONE) continue;
        entries[place] = cache->entries[i];
        addresses[place] = cache->addresses[i];
    }
    free_entries(cache);
    cache->entries = entries;
    cache->addresses = addresses;
    cache->capacity = capacity;
    return true;
}

/* Not for a tree of few leaves: keys that are spread unevenly over words make many blocks of a leaf, and more room would hold more of
 * them and be as useless. 16: blocks of a leaf, and several trees. */
static bool may_grow(const sb_leaf_cache *cache, const sb_tree *tree)
{
    return cache->capacity < CACHE_ENTRIES_MAX && cache->capacity / 16 < tree->leaf_count;
}

/* C9: a tree moves away from another. Everything is dropped: what lay under its old tags would be displaced by others for nothing. */
static void move_tree(sb_leaf_cache *cache, sb_tree_entry *tree)
{
    if (cache->moves < MOVES_MAX) cache->moves++;
    cache->displaced = 0;
    set_shift(cache, tree, tree->shift);
    drop_all(cache);
}

/* Growth first; where there is none, each move waits for twice as many displaced entries as the one before. */
static bool may_move(const sb_leaf_cache *cache)
{
    return cache->displaced >> cache->moves > cache->capacity / 2;
}

/* Learn k from a leaf: log2 of its range less 2. What is kept is the median of what misses see, by small steps towards
 * each, so that a few wide leaves, where ids were deleted, do not move it (all entries of a tree are lost when it moves). */
static void learn_shift(const sb_leaf_cache *cache, sb_tree_entry *tree, const uint8_t *page,
                        uint32_t page_bytes)
{
    sb_fences fences;
    sb_tree__fences(page, page_bytes, &fences);
    if (fences.low.size == 0 || fences.high.size == 0) return;
    const uint64_t low = sb_bytes_word(fences.low), high = sb_bytes_word(fences.high);
    const uint64_t range = high > low ? high - low : 1;
    const unsigned whole = 63 - sb_clz64(range);
    const unsigned part = whole >= 4 ? (unsigned)(range >> (whole - 4)) & 15u
                                     : (unsigned)(range << (4 - whole)) & 15u;
    const int seen = (int)(16 * whole + part);
    if (tree->span == 0)
        tree->span = (uint16_t)(seen == 0 ? 1 : seen);
    else if (seen > tree->span)
        tree->span++;
    else if (seen < tree->span && tree->span > 1)
        tree->span--;
    const int wanted = ((int)tree->span + 8) / 16 - 2;
    const int off = (int)tree->span - 16 * ((int)tree->shift + 2);
    if (off > 12 || off < -12) set_shift(cache, tree, (uint8_t)(wanted < 0 ? 0 : wanted));
}

void sb_tree__leaf_remember(sb_txn *txn, const sb_tree *tree, uint64_t id, sb_pgno pgno,
                            const sb_page *page)
{
    sb_leaf_cache *cache = find_cache(sb_txn_session(txn));
    if (cache == NULL) return;
    if (cache->entries == NULL || (cache->displaced > cache->capacity / 2 && may_grow(cache, tree)))
        if (!grow_cache(cache) && cache->entries == NULL) return;

    uint64_t seq = sb_txn_seq(txn);
    uint32_t epoch = 0;
    if (sb_txn_writable(txn) && sb_txn_dirty(txn)) {
        sb_tree_txn *state; /* its hooks drop the entry if need be (C4) */
        if (sb_tree__txn(txn, &state, NULL) != SB_OK) return; /* benign */
        seq++;
        epoch = epoch_of(cache, seq);
        cache->own++;
    } else if (seq == tree->moved_at) {
        /* Found by descent in the state that this commit left: after its last freed leaf. */
        epoch = epoch_of(cache, seq);
    }
    sb_tree_entry *known = find_tree(cache, tree, id);
    if (SB_UNLIKELY(may_move(cache))) move_tree(cache, known);
    learn_shift(cache, known, page->bytes, sb_pager_page_bytes(sb_txn_pager(txn)));
    const uint32_t tag = sb_cache__tag(known, id);
    sb_cache_entry *entry = &cache->entries[tag & (cache->capacity - 1)];
    if (entry->pgno != SB_PGNO_NONE && entry->tag != tag) cache->displaced++;
    *entry = (sb_cache_entry){.stamp = stamp_of(seq, epoch), .pgno = pgno, .tag = tag};
    note_address(cache, txn, tag, page);
}

/* ---- Forgetting ----------------------------------------------------------------------------------------------- */

sb_status sb_tree__leaf_freed(sb_txn *txn, sb_tree *tree, sb_err *err)
{
    (void)err;
    const uint64_t seq = sb_txn_seq(txn) + 1;
    sb_leaf_cache *cache = find_cache(sb_txn_session(txn));
    tree->moved_at = seq;
    if (cache == NULL) return SB_OK;
    cache->epoch_seq = seq;
    if (cache->entries != NULL) next_epoch(cache);
    return SB_OK;
}

/* C4: a sweep, only when there is something to find. */
static void drop_own(sb_leaf_cache *cache, uint64_t txn_seq)
{
    if (cache->own == 0) return;
    for (uint32_t i = 0; i < cache->capacity; i++) {
        if (cache->entries[i].stamp >> EPOCH_BITS <= txn_seq) continue;
        cache->entries[i] = (sb_cache_entry){0};
        cache->addresses[i] = (sb_cache_address){0};
    }
    cache->own = 0;
}

void sb_tree__cache_rollback(sb_session *session, uint64_t txn_seq)
{
    sb_leaf_cache *cache = find_cache(session);
    if (cache != NULL) drop_own(cache, txn_seq);
}

void sb_tree__cache_end(sb_session *session, uint64_t txn_seq, bool committed)
{
    sb_leaf_cache *cache = find_cache(session);
    if (cache == NULL) return;
    if (!committed) {
        drop_own(cache, txn_seq);
        /* The number will be given to another commit: its epochs are not known here. */
        if (cache->epoch_seq == txn_seq + 1) cache->epoch_seq = 0;
    }
    cache->own = 0;
}

/* ---- Look-up ---------------------------------------------------------------------------------------------- */

/* Where (id, 0, 0) lies by the fences: as bytes, the id, then zeros as far as the fence goes. */
static int side_by_fences(const uint8_t *page, uint32_t page_bytes, uint64_t id)
{
    sb_fences fences;
    uint8_t key[SB_LIST_KEY_BYTES] = {0};
    sb_store_be64(key, id);
    sb_tree__fences(page, page_bytes, &fences);
    const sb_bytes low = fences.low, high = fences.high;
    if (low.size != 0 && memcmp(key, low.data, low.size < sizeof key ? low.size : sizeof key) < 0)
        return -1;
    return high.size != 0 &&
           memcmp(key, high.data, high.size < sizeof key ? high.size : sizeof key) >= 0;
}

int sb_tree__leaf_side(const sb_tree *tree, const uint8_t *page, uint32_t page_bytes, uint64_t id)
{
    const sb_leaf_ops *ops = sb_tree__leaf_ops(tree->kind);
    if (page[SB_PAGE_KIND] != ops->page_kind || sb_load_le32(page + SB_PAGE_TREE) != tree->id)
        return SB_SIDE_OTHER; /* C5 */
    return ops->side != NULL ? ops->side(page, id) : side_by_fences(page, page_bytes, id);
}

static void count_look_up(sb_txn *txn, bool hit)
{
    sb_profile *profile = sb_pager_profile(sb_txn_pager(txn));
    if (hit)
        SB_PROFILE_ADD(profile, LEAF_CACHE_HITS, 1);
    else
        SB_PROFILE_ADD(profile, LEAF_CACHE_MISSES, 1);
    if (!sb_txn_writable(txn)) return;
    sb_tree_txn *state = sb_tree__txn_find(txn);
    if (state == NULL) return;
    if (hit)
        state->counters.leaf_cache_hits++;
    else
        state->counters.leaf_cache_misses++;
}

/* What is looked for: an id, or the key of a slotted tree with the word it is remembered under. */
typedef struct wanted {
    uint64_t word;
    const sb_bytes *key; /* NULL: an id */
} wanted;

static int side_of(const sb_tree *tree, const uint8_t *page, uint32_t page_bytes,
                   const wanted *what)
{
    if (what->key == NULL) return sb_tree__leaf_side(tree, page, page_bytes, what->word);
    if (page[SB_PAGE_KIND] != SB_PAGE_SLOTTED || sb_load_le32(page + SB_PAGE_TREE) != tree->id)
        return SB_SIDE_OTHER; /* C5 */
    return sb_slots__side(page, page_bytes, *what->key, what->word);
}

/* The remembered leaf of the word's block, or of the next one on its side (C8), held in *page when it holds what is wanted; else
 * *pgno is SB_PGNO_NONE. */
static sb_status look_in_cache(sb_txn *txn, const sb_tree *tree, const wanted *what, sb_page *page,
                               sb_pgno *pgno, sb_err *err)
{
    const uint32_t page_bytes = sb_pager_page_bytes(sb_txn_pager(txn));
    sb_leaf_cache *cache = find_cache(sb_txn_session(txn));

    *pgno = SB_PGNO_NONE;
    if (cache == NULL || cache->entries == NULL) return SB_OK;
    uint32_t tag = sb_cache__tag(find_tree(cache, tree, what->word), what->word);
    for (int moved = 0, side = 0; moved < 2; moved++) {
        const sb_pgno hint = remembered(cache, txn, tree, tag);
        if (hint == SB_PGNO_NONE) return SB_OK;
        SB_TRY(sb_page_acquire(txn, hint, page, err));
        side = side_of(tree, page->bytes, page_bytes, what);
        if (SB_LIKELY(side == 0)) {
            note_address(cache, txn, tag, page);
            *pgno = hint;
            return SB_OK;
        }
        sb_page_release(txn, page);
        if (side == SB_SIDE_OTHER) return SB_OK;
        tag += (uint32_t)side;
    }
    return SB_OK;
}

/* Through the cache, else by descent along key, and remembered. The tree has several levels. */
static sb_status find_leaf(sb_txn *txn, const sb_tree *tree, const wanted *what, sb_bytes key,
                           sb_page *page, sb_pgno *pgno, sb_err *err)
{
    sb_path path;

    SB_TRY(look_in_cache(txn, tree, what, page, pgno, err));
    count_look_up(txn, *pgno != SB_PGNO_NONE);
    if (*pgno != SB_PGNO_NONE) return SB_OK;
    SB_TRY(sb_tree__descend_page(txn, tree, key, &path, page, err));
    *pgno = path.leaf;
    sb_tree__leaf_remember(txn, tree, what->word, path.leaf, page);
    return SB_OK;
}

sb_status sb_tree__leaf_of_id(sb_txn *txn, const sb_tree *tree, uint64_t id, sb_page *page,
                              sb_pgno *pgno, sb_err *err)
{
    *page = (sb_page){0};
    *pgno = SB_PGNO_NONE;
    if (tree->root == SB_PGNO_NONE) return SB_OK;
    if (tree->height == 1) { /* the only leaf holds everything */
        *pgno = tree->root;
        return sb_tree__acquire(txn, tree, tree->root, 0, page, err);
    }
    uint8_t key[SB_ROW_KEY_BYTES];
    sb_store_be64(key, id);
    return find_leaf(txn, tree, &(wanted){.word = id}, sb_bytes_of(key, sizeof key), page, pgno,
                     err);
}

sb_status sb_tree__leaf_of_key(sb_txn *txn, const sb_tree *tree, sb_bytes key, sb_page *page,
                               sb_err *err)
{
    sb_pgno pgno;

    *page = (sb_page){0};
    if (tree->height == 1) return sb_tree__acquire(txn, tree, tree->root, 0, page, err);
    return find_leaf(txn, tree, &(wanted){.word = sb_bytes_word(key), .key = &key}, key, page,
                     &pgno, err);
}
