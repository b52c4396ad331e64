/* pager_priv.h — what the files of pager/ share: formats, marks, and the structs behind the handles.
 * Files, lowest first: table.c (lock-free arrays), map.c (mapped segments), header.c (page 0 and states),
 * shm.c (shared words, slots, locks), wal.c (frames, appending), index.c (page table), cache.c,
 * lineage.c (do file and WAL belong together), recover.c, sync.c (group commit), settle.c (what was not synced), checkpoint.c, read.c, private.c (own pages of a writer),
 * alloc.c (free list), txn.c, session.c, new_file.c, backup.c, verify.c, pager.c. */
#ifndef SB_PAGER_PRIV_H
#define SB_PAGER_PRIV_H

#include <assert.h>
#include <stdatomic.h>

#include "pager/pager.h"

/* ---- Marks ----------------------------------------------------------------------------------- */

/* A place in the endless sequence of commits: generation of the WAL << 32 | position behind the
 * commit's last frame, in units of 64 bytes. Marks only grow, so they compare as numbers.
 * Generations start at 1 and stay below 2^31. */
typedef uint64_t sb_mark;
#define SB_MARK_MAIN_ONLY (1ull << 63) /* in a reader's slot: reads the main file alone */

SB_INLINE sb_mark sb_mark_of(uint32_t generation, uint32_t pos)
{
    return (uint64_t)generation << 32 | pos;
}
SB_INLINE uint32_t sb_mark_generation(sb_mark mark)
{
    return (uint32_t)(mark >> 32) & 0x7FFFFFFFu;
}
SB_INLINE uint32_t sb_mark_pos(sb_mark mark)
{
    return (uint32_t)mark;
}

/* ---- State: what one commit leaves besides pages (docs/FORMAT.md §3) ------------------------- */

typedef struct sb_state {
    uint32_t page_count; /* pages of the file, page 0 included */
    uint32_t extent;     /* no page at or past it was ever part of a commit since the file was last
                          * cut */
    uint32_t free_head;  /* first trunk of the free list, or 0 */
    uint32_t free_head_count; /* entries of it that count; the trunk's own page is not one of
                               * them */
    uint32_t free_count;      /* free pages in all, trunks included */
    uint32_t bypass;  /* random number of the last commit whose pages bypassed the WAL, or 0 */
    uint64_t seq;     /* commits so far */
    uint64_t time_ns; /* wall clock of the commit, since 1970 */
    uint8_t meta[SB_META_BYTES];
} sb_state;

#define SB_STATE_PAGE_COUNT      0u
#define SB_STATE_EXTENT          4u
#define SB_STATE_FREE_HEAD       8u
#define SB_STATE_FREE_HEAD_COUNT 12u
#define SB_STATE_FREE_COUNT      16u
#define SB_STATE_BYPASS          20u
#define SB_STATE_SEQ             24u
#define SB_STATE_TIME            32u
#define SB_STATE_META            40u
#define SB_STATE_BYTES           232u
static_assert(SB_STATE_META + SB_META_BYTES == SB_STATE_BYTES,
              "the state ends with the client's bytes");

void sb_pager__state_encode(const sb_state *state, uint8_t *out);
/* Checks what one state can tell alone. */
SB_MUST_CHECK sb_status sb_pager__state_decode(const uint8_t *in, sb_state *state,
                                               const char *where, sb_err *err);

/* ---- Page 0 (docs/FORMAT.md §3) -------------------------------------------------------------- */

#define SB_HEADER_MAGIC       16u /* 16 bytes */
#define SB_HEADER_VERSION     32u /* u32 */
#define SB_HEADER_PAGE_BYTES  36u /* u32 */
#define SB_HEADER_READ_BITS   40u /* u32: features a reader must know */
#define SB_HEADER_WRITE_BITS  44u /* u32: features a writer must know */
#define SB_HEADER_COMPAT_BITS 48u /* u32: features that may be ignored */
#define SB_HEADER_RESERVED    52u /* u32: 0 */
#define SB_HEADER_SALT        56u /* u64: random, made with the file */
#define SB_HEADER_STATE       64u /* SB_STATE_BYTES */
#define SB_HEADER_END         (SB_HEADER_STATE + SB_STATE_BYTES)
#define SB_FORMAT_VERSION     1u
static_assert(SB_HEADER_END <= 512, "the header's fields fit one sector");
/* Page 0's checksum leaves out the stamps, which are written by themselves (lineage.c). */
#define SB_HEADER_STAMPS  1024u
#define SB_STAMP_BYTES    512u /* one sector each: two of bypasses, then that of the back-fill */
#define SB_STAMP_BACKFILL 2u
#define SB_STAMPS         3u
#define SB_STAMPS_BYTES   (SB_STAMPS * SB_STAMP_BYTES)
static_assert(SB_HEADER_STAMPS + SB_STAMPS_BYTES <= SB_PAGE_BYTES_MIN, "stamps fit page 0");

/* Which state it is: two that differ in anything have different ones. */
typedef struct sb_state_id {
    uint64_t seq;
    uint32_t crc; /* of the state as a commit frame has it */
} sb_state_id;

/* ---- WAL (docs/FORMAT.md §5) ----------------------------------------------------------------- */

#define SB_WAL_UNIT         64u
#define SB_WAL_HEADER_BYTES 4096u
#define SB_WAL_START        (SB_WAL_HEADER_BYTES / SB_WAL_UNIT) /* position of the first frame */
#define SB_WAL_STEP_BYTES                                                                          \
    (1u << 20) /* no frame crosses a multiple of it, so that each lies in one map */

#define SB_WAL_MAGIC      0u  /* 16 bytes */
#define SB_WAL_VERSION    16u /* u32 */
#define SB_WAL_PAGE_BYTES 20u /* u32 */
#define SB_WAL_FILE_SALT  24u /* u64: SB_HEADER_SALT of the main file */
#define SB_WAL_SALT       32u /* u64: random, new in each generation */
#define SB_WAL_GENERATION 40u /* u32 */
#define SB_WAL_READ_BITS  44u /* u32: features a reader must know */
#define SB_WAL_BASE_SEQ   48u /* u64: the state that the generation began with */
#define SB_WAL_BASE_CRC   56u /* u32 */
#define SB_WAL_CRC        60u /* u32: CRC-32C of bytes 0 to 59 */
#define SB_WAL_USED       64u

#define SB_FRAME_KIND       0u  /* u32: sb_frame_kind */
#define SB_FRAME_PGNO       4u  /* u32: of a page image, else 0 */
#define SB_FRAME_PAYLOAD    8u  /* u32: bytes behind the header, a multiple of 64 */
#define SB_FRAME_CRC        12u /* u32: of the payload: a page's own checksum; 0 for padding */
#define SB_FRAME_SALT       16u /* u64: SB_WAL_SALT */
#define SB_FRAME_GENERATION 24u /* u32 */
#define SB_FRAME_POS        28u /* u32: its own position */
#define SB_FRAME_SEQ        32u /* u64: the commit that it is part of */
#define SB_FRAME_RESERVED   40u /* 20 bytes: 0 */
#define SB_FRAME_CHAIN      60u /* u32: CRC-32C over the chain value before it and bytes 0 to 59 */
#define SB_FRAME_BYTES      64u
#define SB_COMMIT_PAYLOAD   256u /* SB_STATE_BYTES and zeros */
#define SB_COMMIT_UNITS     ((SB_FRAME_BYTES + SB_COMMIT_PAYLOAD) / SB_WAL_UNIT)
static_assert(SB_FRAME_BYTES == SB_WAL_UNIT, "a frame header is one unit");
static_assert(SB_COMMIT_PAYLOAD >= SB_STATE_BYTES && SB_COMMIT_PAYLOAD % SB_WAL_UNIT == 0,
              "commit payload");
static_assert(SB_PAGE_BYTES_MAX + SB_FRAME_BYTES + SB_WAL_HEADER_BYTES < SB_WAL_STEP_BYTES,
              "a frame fits a step");

typedef enum sb_frame_kind {
    SB_FRAME_PAGE = 1,
    SB_FRAME_COMMIT = 2,
    SB_FRAME_PAD = 3
} sb_frame_kind;

/* Where frames are put next. */
typedef struct sb_wal_tail {
    uint32_t generation;
    uint32_t pos;
    uint32_t chain;
    uint64_t salt;
} sb_wal_tail;

/* ---- Shared memory (docs/FORMAT.md §6): native byte order, never outlives the machine's boot ---- */

#define SB_SHM_SLOTS 1000u

typedef struct sb_shm_slot {
    SB_ALIGNED(64) _Atomic uint64_t mark; /* 0: no transaction */
    _Atomic uint64_t owner;               /* process tag, a hint for choosing and for messages */
} sb_shm_slot;

typedef struct sb_shm {
    uint64_t magic;
    uint64_t file_salt;
    uint32_t page_bytes;
    uint32_t crc; /* of the 20 bytes before; written last by the first opener */
    SB_ALIGNED(64) _Atomic uint64_t appended;
    SB_ALIGNED(64) _Atomic uint64_t durable;
    SB_ALIGNED(64) _Atomic uint64_t backfilled;
    SB_ALIGNED(64)
    _Atomic uint64_t wal_bytes; /* length of the WAL file; changed under the writer lock */
    _Atomic uint64_t
        writer; /* process tag of the lock's holder; of a killed one, until the next (I36) */
    _Atomic uint64_t poisoned; /* a sync failed: nothing is appended any more */
    _Atomic uint64_t unsynced; /* sb_unsynced bits; 0 once settled (settle.c) */
    _Atomic uint64_t settled;  /* everybody syncs, and what was there before is synced */
    sb_shm_slot slots[SB_SHM_SLOTS];
} sb_shm;
#define SB_SHM_MAGIC 0x31306d6873627301ull
static_assert(offsetof(sb_shm, crc) == 20, "checksummed part");
static_assert(offsetof(sb_shm, appended) == 64 && offsetof(sb_shm, durable) == 128 &&
                  offsetof(sb_shm, backfilled) == 192 && offsetof(sb_shm, wal_bytes) == 256 &&
                  offsetof(sb_shm, writer) == 264 && offsetof(sb_shm, poisoned) == 272 &&
                  offsetof(sb_shm, unsynced) == 280 && offsetof(sb_shm, settled) == 288 &&
                  offsetof(sb_shm, slots) == 320,
              "docs/FORMAT.md section 6");
static_assert(sizeof(sb_shm_slot) == 64, "one cache line for each reader");
/* What a power cut may take though it is there. */
typedef enum sb_unsynced {
    SB_UNSYNCED_WAL = 1, /* commits that recovery found */
    SB_UNSYNCED_WAL_ANEW =
        2,                /* a sync of the WAL failed: it is to be written anew before the next */
    SB_UNSYNCED_MAIN = 4, /* the main file, or a name; page 0's back-fill stamp has it, too */
    SB_UNSYNCED_MAIN_ANEW = 8 /* as of the WAL; in the stamp, too */
} sb_unsynced;
#define SB_UNSYNCED_STAMPED (SB_UNSYNCED_MAIN | SB_UNSYNCED_MAIN_ANEW)
/* All of it is written when a file is opened first: every page costs. */
#define SB_SHM_BYTES 65536u
static_assert(sizeof(sb_shm) <= SB_SHM_BYTES, "shared memory fits one map granule");

/* Bytes of the main file that stand for locks, far past any page. */
#define SB_LOCK_BASE (1ull << 62)
#define SB_LOCK_OPEN                                                                               \
    (SB_LOCK_BASE + 0) /* shared: uses the file; exclusive: recovers or closes last */
#define SB_LOCK_WRITER     (SB_LOCK_BASE + 1)
#define SB_LOCK_CHECKPOINT (SB_LOCK_BASE + 2)
#define SB_LOCK_GUARD                                                                              \
    (SB_LOCK_BASE + 3) /* shared: a reader without a slot; exclusive: back-fills or restarts */
#define SB_LOCK_MAKER   (SB_LOCK_BASE + 4) /* exclusive: makes the file, which has another name yet */
#define SB_LOCK_CLOSING (SB_LOCK_BASE + 5) /* exclusive: finds out whether it is the last user */
#define SB_LOCK_SLOTS   (SB_LOCK_BASE + 16)

/* ---- Lock-free growing array of 32-bit words ------------------------------------------------- */

#define SB_TABLE_CHUNK 2048u
typedef struct sb_table_top sb_table_top;
typedef struct sb_table {
    const sb_allocator *alloc;
    _Atomic(sb_table_top *)
        top; /* the newest; older ones stay linked until deinit, a reader may hold one */
} sb_table;

struct sb_table_top {
    size_t capacity; /* chunks */
    sb_table_top *older;
    _Atomic(_Atomic uint32_t *) chunks[];
};

void sb_table_init(sb_table *table, const sb_allocator *alloc);
void sb_table_deinit(sb_table *table);
/* Make word index exist (0 at first). One thread at a time; readers may run. */
SB_MUST_CHECK sb_status sb_table_reserve(sb_table *table, uint64_t index, sb_err *err);
void sb_table_zero(sb_table *table); /* all words; no reserve meanwhile */
/* NULL where nothing was reserved. */
SB_INLINE _Atomic uint32_t *sb_table_at(const sb_table *table, uint64_t index)
{
    /* Acquire: pairs with the release in reserve; chunk pointers and zeroed words are visible. */
    sb_table_top *top =
        atomic_load_explicit(&((sb_table *)(uintptr_t)table)->top, memory_order_acquire);
    const uint64_t chunk = index / SB_TABLE_CHUNK;
    if (SB_UNLIKELY(top == NULL || chunk >= top->capacity)) return NULL;
    _Atomic uint32_t *words = atomic_load_explicit(&top->chunks[chunk], memory_order_acquire);
    return SB_UNLIKELY(words == NULL) ? NULL : words + index % SB_TABLE_CHUNK;
}

/* ---- Mapped segments of a file --------------------------------------------------------------- */

typedef struct sb_map_top sb_map_top;
typedef struct sb_map_file {
    sb_pager *pager;
    _Atomic(sb_file *) *file;
    unsigned shift;            /* log2 of the segment's bytes */
    _Atomic(sb_map_top *) top; /* grown under map_mutex, older ones kept as in sb_table */
} sb_map_file;
struct sb_map_top {
    size_t capacity;
    sb_map_top *older;
    _Atomic(uint8_t *) segments[];
};
void sb_map_file_deinit(sb_map_file *map);
SB_MUST_CHECK sb_status sb_map_file_slow(sb_map_file *map, uint64_t segment, uint8_t **base,
                                         sb_err *err);
/* Address of a byte of the file. The caller knows that the file reaches there. */
SB_MUST_CHECK SB_INLINE sb_status sb_map_file_at(sb_map_file *map, uint64_t offset,
                                                 const uint8_t **address, sb_err *err)
{
    const uint64_t segment = offset >> map->shift;
    const uint64_t within = offset & ((1ull << map->shift) - 1);
    /* Acquire: pairs with the release in sb_map_file_slow. */
    sb_map_top *top = atomic_load_explicit(&map->top, memory_order_acquire);
    if (SB_LIKELY(top != NULL && segment < top->capacity)) {
        const uint8_t *base = atomic_load_explicit(&top->segments[segment], memory_order_acquire);
        if (SB_LIKELY(base != NULL)) {
            *address = base + within;
            return SB_OK;
        }
    }
    uint8_t *base = NULL;
    const sb_status st = sb_map_file_slow(map, segment, &base, err);
    *address = st == SB_OK ? base + within : NULL;
    return st;
}

/* ---- Page table of the WAL: private to the process ------------------------------------------- */

#define SB_INDEX_WORDS   4u /* of one frame: previous frame of the page, page number, checked, 0 */
#define SB_INDEX_PREV    0u
#define SB_INDEX_PGNO    1u
#define SB_INDEX_CHECKED 2u
typedef struct sb_index {
    sb_table newest;       /* page number → position of its newest frame, 0: none */
    sb_table frames;       /* position >> frame_shift, × SB_INDEX_WORDS */
    unsigned frame_shift;  /* log2 of page_bytes / 64: no two page images share a cell */
    sb_wal_tail tail;      /* behind the last frame taken in; guarded by index_mutex */
    uint64_t page_frames;  /* taken in since the generation began; guarded by index_mutex */
    uint32_t cells;        /* cells of frames that may be in use; guarded by index_mutex */
    _Atomic uint64_t mark; /* everything up to it is in the table */
} sb_index;

/* ---- Page cache of SB_READ_CACHE ------------------------------------------------------------- */

typedef struct sb_cache_frame {
    uint64_t key_pgno_pos; /* pgno << 32 | WAL position (0: main file) */
    uint8_t *bytes;        /* owned, page_bytes */
    uint32_t pins;
    uint32_t next; /* in its hash chain, or UINT32_MAX */
    bool used, recent, loading;
} sb_cache_frame;
typedef struct sb_cache {
    sb_cache_frame *frames; /* count of them; all guarded by cache_mutex */
    uint32_t *buckets;      /* bucket_count, a power of two */
    uint32_t count, bucket_count, hand;
    uint64_t hits, misses;
} sb_cache;

/* ---- The pager ------------------------------------------------------------------------------- */

typedef enum sb_open_mode {
    SB_MODE_SHARED,   /* shared memory and locks: the rule */
    SB_MODE_GUARD,    /* file not writable: private page table, guard lock, reads only */
    SB_MODE_IMMUTABLE /* nothing but the main file */
} sb_open_mode;

/* One sync of the WAL under way. Lane 0 uses wal_file, lane 1 a descriptor of its own (sync.c). */
typedef struct sb_sync_lane {
    bool busy;
    sb_mark target; /* busy: what the sync will have made durable */
} sb_sync_lane;
#define SB_SYNC_LANES 2u
typedef struct sb_sync_waiter sb_sync_waiter;

typedef enum sb_lane_two {
    SB_LANE_UNWANTED, /* nobody has waited for it yet */
    SB_LANE_WANTED,   /* the next sync of lane 0 opens its descriptor */
    SB_LANE_OPENED,   /* usable when a sync of lane 0 has succeeded since */
    SB_LANE_READY,
    SB_LANE_REFUSED /* it can not be opened: one sync at a time */
} sb_lane_two;

/* A file that is being made under another name (new_file.c). */
typedef struct sb_new_file {
    sb_vfs *vfs;               /* borrowed */
    const sb_allocator *alloc; /* borrowed */
    const char *name;          /* as given, for messages; borrowed */
    char *path;                /* what name leads to through links; owned */
    size_t path_bytes;
    char *temporary; /* the other name; owned */
    sb_file *file;   /* open, empty and locked; NULL: nothing is being made */
} sb_new_file;

/* A live reader's transaction. */
typedef struct sb_reader {
    sb_mark mark; /* 0: there is none */
    uint32_t slot;
    uint64_t process_tag;
} sb_reader;

/* The reader that the last automatic checkpoint met. */
typedef struct sb_slow_reader {
    sb_reader reader;
    uint64_t since_ns; /* when one met it first */
    bool told;
} sb_slow_reader;

struct sb_pager {
    const sb_allocator *alloc;
    sb_vfs *vfs;
    sb_pager_options options;
    char *path;        /* as given, for messages; owned */
    size_t path_bytes; /* with its NUL */
    /* What path leads to through links: one file has one WAL by whatever name it is opened. Owned. */
    char *main_path, *wal_path, *shm_path;
    size_t main_path_bytes; /* of main_path with its NUL; the other two are 4 longer */
    sb_fork_guard *fork_guard;
    uint64_t process_tag; /* of who opened it */
    sb_open_mode mode;
    sb_read_mode read_mode; /* MAP or CACHE */
    bool read_only;
    bool wal_left_out; /* options.forgive had to; set while opening */
    bool wal_unproven; /* the same: it was used without a proof that it is of this file */
    sb_new_file made;  /* options.whole: the main file until it gets its name, at the close */
    uint64_t links;    /* names of the main file when it was opened, symbolic ones not counted */
    uint32_t page_bytes;
    unsigned page_shift;
    uint32_t write_bits; /* features that a writer must know: 0 unless the file may only be read */
    uint64_t file_salt;
    _Atomic uint64_t main_seq; /* commit of page 0, as last known: one with less is not ours */

    _Atomic(sb_file *) main_file;
    _Atomic(sb_file *) wal_file; /* NULL until needed; set once, under index_mutex */
    sb_file *wal_second;         /* the same file, opened again for lane 1; guarded by sync_mutex */
    sb_file *shm_file;
    sb_shm *shm; /* mapped; a heap block in the other modes */

    sb_map_file main_map, wal_map;
    sb_index index;
    sb_table checked;                 /* a bit for each main-file page */
    _Atomic uint64_t seen_backfilled; /* checked bits know of back-fills up to here */
    sb_cache cache;

    _Atomic uint32_t durability;     /* sb_durability */
    _Atomic uint32_t autocheckpoint; /* pages */
    _Atomic uint64_t busy_timeout_ns;
    _Atomic uint64_t syncs;
    _Atomic uint32_t session_count;

    sb_mutex *writer_mutex; /* guards writer_waiters and all stores to writer_busy */
    sb_condition *writer_free;
    _Atomic bool writer_busy;
    _Atomic bool writer_watched; /* somebody spins until it is free, and then takes the mutex */
    bool may_spin;               /* there is more than one processor */
    uint32_t writer_waiters;     /* asleep on writer_free */
    sb_mutex *checkpoint_mutex;
    sb_mutex *main_sync_mutex;      /* one call at a time that tells of lost writes of main_file */
    _Atomic uint64_t main_failures; /* how many have told of some; raised under that mutex */
    sb_mutex *sync_mutex;           /* guards the three fields below */
    sb_sync_waiter *sync_waiters;   /* borrowed: each lives on its thread's stack */
    sb_sync_lane lanes[SB_SYNC_LANES];
    sb_lane_two lane_two;
    sb_mutex *index_mutex;
    sb_mutex *map_mutex;
    sb_mutex *slots_mutex; /* guards own_slots */
    sb_mutex *cache_mutex;
    uint8_t own_slots[(SB_SHM_SLOTS + 7) / 8];
    uint32_t guard_count; /* holders of the guard lock in this process; guarded by slots_mutex */
    sb_mark guard_mark;   /* SB_MODE_GUARD: the snapshot they share, 0: none; guarded by
                           * index_mutex */
    sb_state guard_state;
    bool guard_main_only;

    sb_mutex *worker_mutex; /* guards the five fields below */
    sb_slow_reader slow_reader;
    sb_condition *worker_wake;
    sb_thread *worker;
    bool worker_stop, worker_checkpoint;
    _Atomic bool
        wal_full; /* the disk had no room for a longer WAL: the next writer makes some in it */
    _Atomic uint64_t
        restart_wait_pos; /* WAL position past which a writer may wait for readers again */
    /* Whoever reads a state up to this one has been waited for, or (waited_busy) a checkpoint or a reader without slot;
     * guarded by the writer lock. */
    sb_mark waited_for;
    bool waited_busy;
};

/* ---- Sessions and transactions --------------------------------------------------------------- */

/* How the newest version of a page within a write transaction is kept. */
typedef enum sb_own_kind {
    SB_OWN_BASE,    /* no version of its own: as the snapshot has it */
    SB_OWN_PRIVATE, /* in a buffer */
    SB_OWN_SPILLED, /* in the WAL at pos, not committed */
    SB_OWN_FRESH,   /* in the main file, past the extent that others know */
    SB_OWN_FREED    /* content matters no more */
} sb_own_kind;

typedef struct sb_own_version {
    uint8_t *buffer; /* page bytes; SB_FRAME_BYTES before it belong to the frame header. PRIVATE
                      * only */
    uint32_t pos;    /* SPILLED only */
    uint32_t level;  /* savepoint under which it was made, 0: none */
    sb_own_kind kind;
} sb_own_version;

typedef struct sb_own_page {
    sb_own_version now;
    sb_pgno pgno;
    uint32_t last_pos;     /* newest frame of it that this transaction put into the WAL, 0: none */
    uint32_t fresh_wanted; /* newest savepoint that wants its bytes in the main file, 0: none */
} sb_own_page;

typedef struct sb_undo {
    sb_own_version before;
    uint32_t index; /* into pages */
} sb_undo;

typedef struct sb_savepoint {
    uint32_t id;
    size_t undo_count;
    sb_state state;
} sb_savepoint;

typedef struct sb_txn_ext {
    const sb_txn_ext_kind *kind;
    void *object;
} sb_txn_ext;

struct sb_txn {
    sb_txn_front front; /* first */
    sb_session *session;
    sb_pager *pager;
    bool active, writable, main_only, dirty;
    bool has_lock;       /* of the writer */
    bool appended_any;   /* frames of it are in the WAL (spilled) */
    bool tail_ready;     /* tail is set */
    bool fresh_written;  /* pages of it are in the main file: sync before the commit frame */
    bool header_pending; /* the next write begins with the WAL's header block */
    bool guard_held;     /* guard lock, while a new generation's first frames are written */
    sb_mark mark;
    sb_state base, now;
    uint64_t main_failures; /* fresh_written: as of before that (I37) */
    uint32_t high_count;    /* greatest page_count while it ran */
    sb_wal_tail tail;

    sb_map own; /* page number → index into pages */
    sb_own_page *pages;
    size_t page_count, page_capacity;
    sb_undo *undo;
    size_t undo_count, undo_capacity;
    sb_savepoint *savepoints;
    size_t savepoint_count, savepoint_capacity;
    uint32_t last_savepoint; /* id given last */
    uint32_t level;          /* id of the innermost open one, 0: none */
    size_t buffers;          /* in use */

    sb_txn_ext *exts;
    size_t ext_count, ext_capacity;
};

#define SB_WAL_BATCH    160u  /* pieces of one gathered write */
#define SB_WRITER_SPINS 1000u /* some 20 µs */
#define SB_POOL_KEEP    256u  /* free buffers that a session keeps between transactions */

typedef struct sb_buffer_run sb_buffer_run; /* buffers.c */

typedef struct sb_session_ext {
    const sb_session_ext_kind *kind;
    void *object;
} sb_session_ext;

static_assert(offsetof(sb_txn, front) == 0, "sb_txn_front_of");

struct sb_session {
    sb_pager *pager;
    uint32_t slot;               /* UINT32_MAX: none (not SB_MODE_SHARED) */
    _Atomic uint64_t *slot_mark; /* NULL: none */
    sb_mark state_mark;          /* state is that of this mark; 0: none */
    sb_state state;
    sb_txn txn;

    sb_buffer_run *runs; /* of page buffers, owned, newest first */
    size_t buffer_count; /* in all of them */
    uint8_t **pool;      /* owned: those that are free */
    size_t pool_count, pool_capacity;
    sb_io_piece pieces[SB_WAL_BATCH];
    size_t piece_count;
    uint64_t write_offset; /* of the gathered pieces */
    uint8_t commit_frame[SB_FRAME_BYTES + SB_COMMIT_PAYLOAD];
    uint8_t pad_frame[SB_FRAME_BYTES];
    bool pad_used;
    uint8_t *wal_header; /* SB_WAL_HEADER_BYTES, owned, made with the first write transaction */

    sb_session_ext *exts;
    size_t ext_count, ext_capacity;
    sb_watch watch; /* of its writing */
};

/* Ask who watches, if anybody does: SB_INTERRUPT. */
SB_MUST_CHECK SB_INLINE sb_status sb_pager__ask(const sb_watch *watch, uint64_t done,
                                                uint64_t total, sb_err *err)
{
    if (watch == NULL || watch->progress == NULL || watch->progress(watch->ctx, done, total))
        return SB_OK;
    return SB_FAIL(err, SB_INTERRUPT, "cancelled");
}

/* ---- header.c -------------------------------------------------------------------------------- */

uint32_t sb_pager__page_crc(const uint8_t *page, uint32_t page_bytes, sb_pgno pgno);
/* That of page 0, which leaves out the stamps. */
uint32_t sb_pager__header_crc(const uint8_t *page, uint32_t page_bytes);
/* Fill page 0 for a state, checksum included, without stamps. */
void sb_pager__header_encode(const sb_pager *pager, uint64_t salt, const sb_state *state,
                             uint8_t *page);
/* What the fixed part of page 0 says. */
typedef struct sb_header {
    uint32_t page_bytes;
    uint32_t write_bits;
    uint64_t salt; /* also of a damaged page 0 that has its magic yet; else 0 */
    sb_state state;
    bool blank; /* SB_NOT_A_DB: the file has no byte that is not zero */
} sb_header;
/* Reads page 0 and checks all of it. SB_CORRUPT when it is one of ours but damaged: a checkpoint may
 * have torn it, and then the WAL has the state. */
SB_MUST_CHECK sb_status sb_pager__header_read(sb_file *file, const sb_allocator *alloc,
                                              const char *path, sb_header *header, sb_err *err);
/* Did the reading of page 0 end (st) so that a WAL may have its state? lineage.c tells whether it has. */
bool sb_pager__header_lost(const sb_pager *pager, sb_status st, const sb_header *header);
/* State of the main file for pages already known to be of this pager. */
SB_MUST_CHECK sb_status sb_pager__header_state(sb_pager *pager, sb_state *state, sb_err *err);
/* Before pages are written to the main file: SB_CORRUPT when somebody has copied another database over it, or this one as it was earlier. */
SB_MUST_CHECK sb_status sb_pager__header_ours(sb_pager *pager, sb_err *err);
/* whole: the page was not there before; else the stamps stay as they are. */
SB_MUST_CHECK sb_status sb_pager__header_write(sb_pager *pager, sb_file *file,
                                               const sb_state *state, bool whole, sb_err *err);

/* ---- lineage.c ------------------------------------------------------------------------------- */

/* What is known of the main file, and then of the WAL that was found beside it. */
typedef struct sb_lineage {
    bool main_known;        /* page 0 is whole */
    bool main_blank;        /* the file has no byte that is not zero */
    bool main_seen;         /* the WAL begins with page 0's state, or has it */
    bool target_seen;       /* the same for target */
    uint32_t main_bypass;   /* of page 0's state */
    uint32_t target_bypass; /* target_seen: of the target's state */
    sb_state_id main;       /* page 0's state */
    sb_state_id target;     /* the back-fill that had begun was to reach it; seq 0: none had */
    uint64_t base_seq;      /* commit that the WAL began with */
    uint8_t stamps[SB_STAMPS_BYTES];
} sb_lineage;

sb_state_id sb_pager__state_id(const sb_state *state);
/* Before the transaction writes its first page past the extent. */
SB_MUST_CHECK sb_status sb_pager__stamps_begin(sb_txn *txn, sb_err *err);
/* Before the sync of the main file that precedes a commit frame: the commit has pages there. Sets now.bypass. */
SB_MUST_CHECK sb_status sb_pager__stamp_bypass(sb_txn *txn, sb_err *err);
/* Before a back-fill writes its first page. unsynced: sb_unsynced bits of the main file, as of then. */
SB_MUST_CHECK sb_status sb_pager__stamp_backfill(sb_pager *pager, const sb_state *target,
                                                 uint32_t unsynced, sb_err *err);
/* The bits of sb_unsynced that page 0 has. Changing them: nobody else back-fills. */
SB_MUST_CHECK sb_status sb_pager__stamped_unsynced(sb_pager *pager, uint32_t *unsynced,
                                                   sb_err *err);
SB_MUST_CHECK sb_status sb_pager__stamp_unsynced(sb_pager *pager, sb_file *file, uint32_t unsynced,
                                                 sb_err *err);
SB_MUST_CHECK sb_status sb_pager__lineage_begin(sb_pager *pager, const sb_header *header,
                                                bool header_ok, sb_lineage *lineage, sb_err *err);
/* The WAL's base, then each of its commits. */
void sb_pager__lineage_note(sb_lineage *lineage, sb_state_id id, uint32_t bypass);
void sb_pager__stamp_new(uint8_t *page,
                         uint64_t salt); /* into a new page 0, whose stamps are zeros */
/* *damaged: a bit for each stamp that is neither whole nor empty. */
SB_MUST_CHECK sb_status sb_pager__stamps_check(sb_pager *pager, unsigned *damaged, sb_err *err);
/* At the first open to write, after recovery, and by who settles: damaged stamps, which count for nothing, become empty ones, and a page 0 that is cut short
 * gets its length back, with the stamp that makes the file the WAL's. */
SB_MUST_CHECK sb_status sb_pager__stamps_mend(sb_pager *pager, sb_err *err);
/* Has page 0 a back-fill stamp that is whole? */
SB_MUST_CHECK sb_status sb_pager__is_stamped(sb_file *file, bool *stamped, sb_err *err);
/* last: the state of the last commit found in the WAL, if *found. SB_CORRUPT when the two do not belong together; *found
 * becomes false when the WAL is older than page 0 and counts for nothing. */
SB_MUST_CHECK sb_status sb_pager__lineage_judge(sb_pager *pager, sb_lineage *lineage,
                                                const sb_state *last, bool *found, sb_err *err);

/* ---- shm.c ----------------------------------------------------------------------------------- */

SB_MUST_CHECK sb_status sb_pager__shm_open(sb_pager *pager, bool first, sb_err *err);
/* SB_BUSY: another database has shm, the shared memory of this name. */
SB_COLD sb_status sb_pager__name_in_use(const char *name, sb_file *shm, sb_err *err);
/* Does path still lead to the file that is open? */
SB_MUST_CHECK sb_status sb_pager__leads_to(sb_vfs *vfs, const char *path, sb_file *file,
                                           bool *leads, sb_err *err);
/* Who has a lock on the byte of a file that another open of it was refused, for messages: "process 4711 (sombra)", "this process", and what
 * unknown says where the system does not tell. */
#define SB_HOLDER_BYTES 112u
SB_COLD void sb_pager__holder(sb_file *file, uint64_t byte, const char *unknown,
                              char text[SB_HOLDER_BYTES]);
/* The same of who has said in shared memory that it has the lock byte of the main file, by its tag. */
SB_COLD void sb_pager__holder_tagged(sb_pager *pager, uint64_t byte, uint64_t tag,
                                     char text[SB_HOLDER_BYTES]);
void sb_pager__shm_publish_header(sb_pager *pager);
void sb_pager__shm_close(sb_pager *pager);
/* Set word to the greater of it and mark. */
void sb_pager__raise(_Atomic uint64_t *word, sb_mark mark);
SB_MUST_CHECK sb_status sb_pager__slot_take(sb_session *session, sb_err *err);
void sb_pager__slot_drop(sb_session *session);
/* Least mark of all live readers, at most limit. Slots of dead owners are cleared. */
SB_MUST_CHECK sb_status sb_pager__slots_limit(sb_pager *pager, sb_mark limit, sb_mark *least,
                                              sb_err *err);
/* The oldest of those who keep the WAL from being back-filled up to `end` or from starting anew: it reads an older state, or
 * frames of the WAL. */
SB_MUST_CHECK sb_status sb_pager__slots_in_the_way(sb_pager *pager, sb_mark end, sb_reader *oldest,
                                                   sb_err *err);
/* Does a live reader use frames of the WAL? */
SB_MUST_CHECK sb_status sb_pager__slots_in_wal(sb_pager *pager, bool *in_wal, sb_err *err);
void sb_pager__slots_count(sb_pager *pager, uint64_t *readers, sb_mark *oldest);
/* Take a lock byte, trying again until the time is over; *taken tells. */
SB_MUST_CHECK sb_status sb_pager__lock(sb_pager *pager, uint64_t byte, sb_lock_kind kind,
                                       uint64_t timeout_ns, bool *taken, sb_err *err);
void sb_pager__unlock(sb_pager *pager, uint64_t byte);
/* The guard lock, counted: all threads of the process hold it together. */
SB_MUST_CHECK sb_status sb_pager__guard_take(sb_pager *pager, uint64_t timeout_ns, bool *taken,
                                             sb_err *err);
bool sb_pager__guard_drop(sb_pager *pager); /* true: nobody in the process holds it any more */
/* The writer lock of process and file; who takes it in full or normal settles first (settle.c). */
SB_MUST_CHECK sb_status sb_pager__writer_lock(sb_pager *pager, uint64_t timeout_ns, sb_err *err);
void sb_pager__writer_unlock(sb_pager *pager);
bool sb_pager__poisoned(const sb_pager *pager);
SB_COLD sb_status sb_pager__poisoned_error(sb_err *err);

/* ---- wal.c ----------------------------------------------------------------------------------- */

/* What the WAL's header says of its database, for when page 0 is damaged. */
SB_MUST_CHECK sb_status sb_pager__wal_identity(sb_pager *pager, uint32_t *page_bytes,
                                               uint64_t *file_salt, bool *valid, sb_err *err);
/* Open the WAL file when it is not open yet; *opened false when there is none and create is false. index_mutex is held, or nobody else
 * knows of the pager yet. */
SB_MUST_CHECK sb_status sb_pager__wal_open(sb_pager *pager, bool create, bool *opened, sb_err *err);
/* The same, where index_mutex is not held. */
SB_MUST_CHECK sb_status sb_pager__wal_have(sb_pager *pager, bool create, bool *opened, sb_err *err);
/* One that is needed, since commits in it count: SB_CORRUPT, it is gone. */
SB_MUST_CHECK sb_status sb_pager__wal_need(sb_pager *pager, sb_err *err);
/* Decode and check a header block; *valid false when it is no (whole) header of this file's WAL. */
SB_MUST_CHECK sb_status sb_pager__wal_header_decode(const sb_pager *pager, const uint8_t *block,
                                                    sb_wal_tail *tail, sb_state_id *base,
                                                    bool *valid, sb_err *err);
/* One decoded frame header. */
typedef struct sb_frame {
    uint32_t kind, pgno, payload_bytes, crc;
    uint64_t seq;
} sb_frame;
/* Is block a frame that follows tail? Moves tail past it when so. */
SB_MUST_CHECK bool sb_pager__frame_decode(const sb_pager *pager, const uint8_t *block,
                                          sb_wal_tail *tail, sb_frame *frame);
SB_MUST_CHECK sb_status sb_pager__commit_decode(const uint8_t *payload, uint32_t crc,
                                                sb_state *state, sb_err *err);
/* State of the commit that ends at mark. */
SB_MUST_CHECK sb_status sb_pager__commit_read(sb_pager *pager, sb_mark mark, sb_state *state,
                                              sb_err *err);
/* Appending: begin once per batch of frames, put each, then end writes what is gathered. */
SB_MUST_CHECK sb_status sb_pager__append_begin(sb_txn *txn, sb_err *err);
/* buffer: page bytes with room for the frame header before them; must stay until end. Its checksum is filled in. */
SB_MUST_CHECK sb_status sb_pager__append_page(sb_txn *txn, sb_pgno pgno, uint8_t *buffer,
                                              uint32_t *pos, sb_err *err);
SB_MUST_CHECK sb_status sb_pager__append_commit(sb_txn *txn, const sb_state *state, sb_err *err);
SB_MUST_CHECK sb_status sb_pager__append_end(sb_txn *txn, sb_err *err);
/* The WAL found no room on the disk: start it anew under the transaction, whose commit can then be written again from
 * append_begin on. False when that can not be: frames of it are there already, readers hold the WAL, or it is
 * empty. */
bool sb_pager__wal_make_room(sb_txn *txn);
extern const uint8_t sb_pager__zeros[SB_PAGE_BYTES_MAX];

/* ---- index.c --------------------------------------------------------------------------------- */

void sb_pager__index_init(sb_pager *pager);
void sb_pager__index_deinit(sb_pager *pager);
/* Position of the newest frame of a page before the position end, 0: none. */
SB_INLINE uint32_t sb_pager__index_find(const sb_index *index, sb_pgno pgno, uint32_t end)
{
    const _Atomic uint32_t *newest = sb_table_at(&index->newest, pgno);
    if (newest == NULL) return 0;
    /* Acquire: pairs with the release in index_put; the frame's words are visible. */
    uint32_t pos = atomic_load_explicit(newest, memory_order_acquire);
    while (SB_UNLIKELY(pos >= end)) {
        const _Atomic uint32_t *frame =
            sb_table_at(&index->frames, (uint64_t)(pos >> index->frame_shift) * SB_INDEX_WORDS);
        pos = atomic_load_explicit(frame + SB_INDEX_PREV, memory_order_relaxed);
    }
    return pos;
}
SB_INLINE _Atomic uint32_t *sb_pager__index_frame(const sb_index *index, uint32_t pos)
{
    return sb_table_at(&index->frames, (uint64_t)(pos >> index->frame_shift) * SB_INDEX_WORDS);
}
/* These five: index_mutex is held. */
SB_MUST_CHECK sb_status sb_pager__index_reserve(sb_pager *pager, sb_pgno pgno, uint32_t pos,
                                                sb_err *err);
/* Reserved before. checked: its bytes need no check in this process. */
void sb_pager__index_put(sb_pager *pager, sb_pgno pgno, uint32_t pos, bool checked);
void sb_pager__index_reset(sb_pager *pager, const sb_wal_tail *tail);
/* The highest page number that has a frame; 0: none has. */
sb_pgno sb_pager__index_last_page(sb_pager *pager);
SB_MUST_CHECK sb_status sb_pager__index_catch_up_locked(sb_pager *pager, sb_mark mark, sb_err *err);
void sb_pager__index_see_backfill_locked(sb_pager *pager, sb_mark backfilled);
/* As the former, by the process that has back-filled from..to itself: the pages keep what was checked of their
 * frames. */
void sb_pager__index_own_backfill_locked(sb_pager *pager, sb_mark from, sb_mark to);
/* Take in frames up to mark (main_only: not needed), and forget checks of pages back-filled since. */
SB_MUST_CHECK sb_status sb_pager__index_catch_up(sb_pager *pager, sb_mark mark, bool main_only,
                                                 sb_mark backfilled, sb_err *err);

/* ---- recover.c ------------------------------------------------------------------------------- */

/* Read the WAL frame by frame, checking everything, from the index's tail on; takes whole commits into
 * the index, and notes them in lineage. *state is that of the last one found; untouched when none was. index_mutex is
 * held. */
SB_MUST_CHECK sb_status sb_pager__wal_scan(sb_pager *pager, sb_lineage *lineage, sb_state *state,
                                           bool *found, sb_err *err);
/* First opener: set the shared words from main file and WAL. */
SB_MUST_CHECK sb_status sb_pager__recover(sb_pager *pager, const sb_header *header, bool header_ok,
                                          sb_err *err);
/* Make known to all what a writer that was killed has committed and not told of (I36). The writer lock is held, or nobody else has the file
 * open. What fails leaves it to the next one. */
SB_MUST_CHECK sb_status sb_pager__adopt(sb_pager *pager, sb_err *err);
/* A reader without slot begins: takes the guard lock and reads what is committed in the WAL now. While others
 * of this process hold the lock it shares their snapshot, since they share the page table. */
SB_MUST_CHECK sb_status sb_pager__guard_snapshot(sb_txn *txn, sb_err *err);
void sb_pager__guard_leave(sb_pager *pager);

/* ---- sync.c ---------------------------------------------------------------------------------- */

/* Return once durable covers mark. SB_POISONED when a sync failed, now or earlier. */
SB_MUST_CHECK sb_status sb_pager__sync_to(sb_pager *pager, sb_mark mark, sb_err *err);
/* Failed syncs of the main file so far: looked up before the first write that sync_main is to make durable (I37). */
SB_INLINE uint64_t sb_pager__main_failures(const sb_pager *pager)
{
    return atomic_load(&pager->main_failures);
}
SB_MUST_CHECK sb_status sb_pager__sync_main(sb_pager *pager, uint64_t failures, sb_err *err);
SB_MUST_CHECK sb_status sb_pager__write_back_main(sb_pager *pager, uint64_t offset, uint64_t bytes,
                                                  sb_err *err);

/* ---- settle.c -------------------------------------------------------------------------------- */

/* Does everybody sync? The caller holds the writer's or the checkpoint's lock, so it stays so. */
SB_INLINE bool sb_pager__is_settled(const sb_pager *pager)
{
    return atomic_load_explicit(&pager->shm->settled, memory_order_acquire) != 0;
}
/* May the pager rely on what is there, and is it the first to? */
SB_INLINE bool sb_pager__must_settle(const sb_pager *pager)
{
    return SB_UNLIKELY(!sb_pager__is_settled(pager)) && !pager->read_only &&
           atomic_load_explicit(&pager->durability, memory_order_relaxed) != SB_DURABLE_OFF;
}
/* Make durable all that is there; everybody syncs from then on. The caller holds the writer lock, or has the file alone. */
SB_MUST_CHECK sb_status sb_pager__settle(sb_pager *pager, sb_err *err);
/* As the first opener, with what recovery has found in sb_shm.unsynced; commits up to mark are in the WAL. */
SB_MUST_CHECK sb_status sb_pager__settle_found(sb_pager *pager, sb_mark mark, sb_err *err);
/* Before a writer writes what will not be synced, unless everybody syncs. The caller holds the writer lock. */
SB_MUST_CHECK sb_status sb_pager__begin_unsynced(sb_pager *pager, sb_err *err);

/* ---- checkpoint.c ---------------------------------------------------------------------------- */

/* Back-fill what readers allow. has_writer: the caller holds the writer lock, so commits wait for it: as fast as it
 * goes, instead of sparing them the device. watch may be NULL. *busy: somebody else is at it. */
SB_MUST_CHECK sb_status sb_pager__backfill(sb_pager *pager, bool has_writer, const sb_watch *watch,
                                           sb_checkpoint_result *result, bool *busy, sb_err *err);
/* Finish what one has begun who was killed while he started a new generation (I35). The caller holds the writer lock. */
void sb_pager__restart_finish(sb_pager *pager);
/* Start a new generation if nobody reads the WAL; the caller holds the writer lock and all is
 * back-filled. Leaves the guard lock taken when *restarted and keep_guard. */
SB_MUST_CHECK sb_status sb_pager__restart(sb_pager *pager, bool keep_guard, bool *restarted,
                                          sb_err *err);
/* After a commit: start or run an automatic checkpoint. Never fails: logs. */
void sb_pager__after_commit(sb_pager *pager);
/* At the start of a write transaction: bring an overlong WAL to its restart, waiting a bounded moment. */
void sb_pager__before_write(sb_pager *pager);
void sb_pager__worker_stop(sb_pager *pager);

/* ---- cache.c --------------------------------------------------------------------------------- */

SB_MUST_CHECK sb_status sb_pager__cache_init(sb_pager *pager, sb_err *err);
void sb_pager__cache_deinit(sb_pager *pager);
/* A pinned frame for (pgno, pos); *loaded false: the caller fills bytes, then calls _filled. */
SB_MUST_CHECK sb_status sb_pager__cache_get(sb_pager *pager, sb_pgno pgno, uint32_t pos,
                                            sb_cache_frame **frame, bool *loaded, sb_err *err);
void sb_pager__cache_filled(sb_pager *pager, sb_cache_frame *frame, bool ok);
void sb_pager__cache_unpin(sb_pager *pager, sb_cache_frame *frame);
/* Forget unpinned frames: of one main-file page; of all main-file pages from pgno on; of WAL positions from pos on. */
void sb_pager__cache_drop_page(sb_pager *pager, sb_pgno pgno);
void sb_pager__cache_drop_main_from(sb_pager *pager, sb_pgno pgno);
void sb_pager__cache_drop_wal_from(sb_pager *pager, uint32_t pos);

/* ---- new_file.c ------------------------------------------------------------------------------ */

/* The name of a file beside another; the caller's, strlen + 1 bytes. NULL: no memory. */
char *sb_pager__join_path(const sb_allocator *alloc, const char *path, const char *suffix);
/* Take the other name of a file that is not there, and what a killed maker left under it. *exists: the file is there, and nothing was taken.
 * SB_BUSY: somebody makes it, past timeout_ns, or a database that had the name is still in use. */
SB_MUST_CHECK sb_status sb_pager__new_begin(sb_new_file *made, sb_vfs *vfs,
                                            const sb_allocator *alloc, const char *name,
                                            uint64_t timeout_ns, bool *exists, sb_err *err);
/* Give the complete file its name, unless somebody else has it now (SB_EXISTS); sync: durably, then its bytes are synced already. When it
 * fails, nothing is left. */
SB_MUST_CHECK sb_status sb_pager__new_keep(sb_new_file *made, bool sync, sb_err *err);
/* The same for a file with acknowledged commits: when it fails, or st is a failure before it, the file stays under its other name, which the
 * message has. */
SB_MUST_CHECK sb_status sb_pager__new_keep_commits(sb_new_file *made, bool sync, sb_status st,
                                                   sb_err *err);
/* Remove what was made. */
void sb_pager__new_drop(sb_new_file *made);
/* Let it lie: in a child after fork it is the parent's. */
void sb_pager__new_leave(sb_new_file *made);

/* ---- backup.c -------------------------------------------------------------------------------- */

/* Cut the main file behind the extent: no commit has a page there, so no snapshot and no other process looks. The
 * caller holds the writer lock (only a writer writes there), or has the file alone. */
SB_MUST_CHECK sb_status sb_pager__cut_behind(sb_pager *pager, sb_pgno extent, sb_err *err);

/* ---- read.c ---------------------------------------------------------------------------------- */

/* A version of a page: pos 0 is the main file's. */
SB_MUST_CHECK sb_status sb_pager__read_version(sb_txn *txn, sb_pgno pgno, uint32_t pos, bool own,
                                               sb_page *page, sb_err *err);
/* As the snapshot has it, leaving out the transaction's own versions. */
SB_MUST_CHECK sb_status sb_pager__read_base(sb_txn *txn, sb_pgno pgno, sb_page *page, sb_err *err);
/* The bytes of a version from its file, unchecked. */
SB_MUST_CHECK sb_status sb_pager__read_bytes(sb_pager *pager, sb_pgno pgno, uint32_t pos,
                                             uint8_t *out, sb_err *err);
/* Check bytes just read: checksum, kind and structure. */
SB_MUST_CHECK sb_status sb_pager__check_page(sb_pager *pager, sb_pgno pgno, const uint8_t *bytes,
                                             sb_err *err);
void sb_pager__checked_clear(sb_pager *pager, sb_pgno pgno);
/* index_mutex is held. */
void sb_pager__checked_set_locked(sb_pager *pager, sb_pgno pgno);
void sb_pager__checked_clear_from(sb_pager *pager, sb_pgno first, sb_pgno end);

/* ---- buffers.c ------------------------------------------------------------------------------- */

/* Page bytes, with SB_FRAME_BYTES before them. */
SB_MUST_CHECK sb_status sb_pager__buffer_take(sb_txn *txn, uint8_t **buffer, sb_err *err);
void sb_pager__buffer_give(sb_txn *txn, uint8_t *buffer);
/* Between transactions: free all but about `most`. */
void sb_pager__buffers_keep(sb_session *session, size_t most);
void sb_pager__buffers_free(sb_session *session);

/* ---- private.c ------------------------------------------------------------------------------- */

/* The transaction's own version of a page, or NULL. */
SB_INLINE sb_own_page *sb_pager__own_find(const sb_txn *txn, sb_pgno pgno)
{
    if (txn->page_count == 0) return NULL;
    const uint64_t *index = sb_map_find(&txn->own, pgno);
    return index == NULL ? NULL : &txn->pages[*index];
}
/* The page's entry, its version ready to be replaced by the caller: what a savepoint needs goes to the
 * undo list. *spare is the old version's buffer when nobody wants it any more (the caller's now). */
SB_MUST_CHECK sb_status sb_pager__own_touch(sb_txn *txn, sb_pgno pgno, sb_own_page **page,
                                            uint8_t **spare, sb_err *err);
/* Undo back to a length of the undo list. */
void sb_pager__own_undo(sb_txn *txn, size_t undo_count);
/* Forget a savepoint's undo records that the next outer one (level outer, 0: none) has no use for. */
void sb_pager__own_merge(sb_txn *txn, size_t undo_count, uint32_t outer);
void sb_pager__own_clear(sb_txn *txn);
/* Write the private pages out and drop their buffers, if those in use are more than bytes. */
SB_MUST_CHECK sb_status sb_pager__own_spill(sb_txn *txn, uint64_t bytes, sb_err *err);
/* Write all that commit needs, the commit frame last. The page table has room for it afterwards. */
SB_MUST_CHECK sb_status sb_pager__own_commit(sb_txn *txn, sb_err *err);

/* ---- alloc.c --------------------------------------------------------------------------------- */

/* Call item for every free page, trunks included. SB_CORRUPT when the list does not add up. */
SB_MUST_CHECK sb_status sb_pager__free_walk(sb_txn *txn,
                                            sb_status (*item)(void *ctx, sb_pgno pgno, bool trunk,
                                                              sb_err *err),
                                            void *ctx, sb_err *err);

/* A bitmap of the free pages that are no trunks; bytes: its size. */
SB_MUST_CHECK sb_status sb_pager__free_map(sb_txn *txn, uint8_t **map, size_t *bytes, sb_err *err);

/* ---- txn.c ----------------------------------------------------------------------------------- */

void sb_pager__txn_init(sb_session *session);
void sb_pager__txn_deinit(sb_session *session); /* free what its transactions reuse */
/* State of the commits up to mark, from the session's memory when it has not changed. */
SB_MUST_CHECK sb_status sb_pager__state_at(sb_session *session, sb_mark mark, bool main_only,
                                           sb_err *err);

#endif
