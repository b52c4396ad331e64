/* pager.h — pages of one database file, with snapshots and one writer.
 * Hides:    WAL, page table, checkpoint, free pages, checksums, maps, page cache, reader slots, locks.
 * Promises: a page read in a transaction never changes while the transaction is open (but for what a
 *           write transaction does itself). Commits are atomic and, in SB_DURABLE_FULL, on stable storage
 *           when commit returns. A reader never waits for the writer; the writer waits for readers only
 *           where they keep a long WAL, up to a second, once (checkpoint.c I26).
 * Needs:    os, base.
 * Threads:  sb_pager is shared by all threads. A session and its transaction belong to one thread at a
 *           time; each thread that reads at the same time as another has its own session.
 * Format:   docs/FORMAT.md, sections 1 to 5.            Tests: tests/unit/pager, tests/crash, tests/fault */
#ifndef SB_PAGER_H
#define SB_PAGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "os/os.h"

typedef uint32_t sb_pgno;
#define SB_PGNO_NONE 0u /* page 0 is the file's header, never part of a tree */
#define SB_PGNO_MAX  0xFFFFFFF0u

typedef struct sb_pager sb_pager;
typedef struct sb_session sb_session;
typedef struct sb_txn sb_txn;

/* ---- The common page header ------------------------------------------------------------------ */

#define SB_PAGE_CRC                                                                                \
    0u /* u32: CRC-32C over the page number (u64, little-endian) and bytes 4… of the page */
#define SB_PAGE_KIND   4u  /* u8: sb_page_kind */
#define SB_PAGE_LEVEL  5u  /* u8: height above the leaves; 0 for anything but inner pages */
#define SB_PAGE_FLAGS  6u  /* u16: of the kind; unused bits 0 */
#define SB_PAGE_TREE   8u  /* u32: number of the tree it belongs to; 0 for none */
#define SB_PAGE_COMMON 16u /* bytes of the common header; 12..15 are reserved, 0 */

typedef enum sb_page_kind {
    SB_PAGE_FREE = 0,   /* trunk of the free list */
    SB_PAGE_HEADER = 1, /* page 0 */
    SB_PAGE_INNER = 2,
    SB_PAGE_SLOTTED = 3,  /* leaf of variable-length keys and values */
    SB_PAGE_COLUMNAR = 4, /* leaf of table rows */
    SB_PAGE_LIST = 5,     /* leaf of adjacency lists */
    SB_PAGE_OVERFLOW = 6  /* part of a long value */
} sb_page_kind;

#define SB_PAGE_BYTES_MIN     4096u
#define SB_PAGE_BYTES_DEFAULT 8192u
#define SB_PAGE_BYTES_MAX     65536u

/* ---- Opening --------------------------------------------------------------------------------- */

typedef enum sb_durability {
    SB_DURABLE_FULL,   /* synced before commit returns */
    SB_DURABLE_NORMAL, /* synced at checkpoint: a power cut may lose the last commits, never
                        * consistency */
    SB_DURABLE_OFF     /* not synced: a power cut may damage the file; a killed process loses
                        * nothing. Once another handle has written in one of the other levels, as
                        * NORMAL (settle.c) */
} sb_durability;

typedef enum sb_read_mode { SB_READ_AUTO, SB_READ_MAP, SB_READ_CACHE } sb_read_mode;

typedef enum sb_log_level { SB_LOG_DEBUG, SB_LOG_INFO, SB_LOG_WARNING, SB_LOG_ERROR } sb_log_level;

/* Structure check of a page, run once when a page version is first touched in a process, after its
 * checksum. Installed by the tree layer. Must accept any bytes. */
typedef sb_status (*sb_page_check)(void *ctx, const uint8_t *page, uint32_t page_bytes,
                                   sb_pgno pgno, sb_err *err);

typedef struct sb_pager_options {
    const sb_allocator *alloc; /* borrowed; outlives the pager */
    sb_vfs *vfs;               /* borrowed; outlives the pager */
    sb_profile *profile;       /* borrowed; not NULL */
    uint32_t page_bytes;       /* for a new file: a power of two, 4096 to 65536; 0: the default */
    uint64_t first_seq;        /* of a new file: commits so far (0) */
    bool create;               /* make the file when absent */
    bool
        whole; /* make it, and no other (SB_EXISTS): it has another name, and gets its own when it is closed with something
                 * committed; else nothing stays */
    bool read_only;
    bool immutable; /* nobody writes it: no locks, no WAL, no shared memory */
    sb_durability durability;
    sb_read_mode read_mode;        /* AUTO: CACHE on remote file systems, else MAP */
    uint32_t cache_pages;          /* of SB_READ_CACHE; at least 8 */
    uint32_t autocheckpoint_pages; /* WAL length that starts an automatic checkpoint; 0: never */
    bool checkpoint_thread;        /* automatic checkpoints on a thread of their own, else in the
                                    * committing call */
    uint64_t busy_timeout_ns;      /* how long to wait for the writer lock */
    bool forgive;              /* salvage: a WAL of another state is left out, instead of refused */
    uint64_t txn_memory_bytes; /* private pages of a write transaction past this are spilled */
    uint64_t (*txn_memory)(
        void *ctx); /* the same, asked when it is needed; NULL: txn_memory_bytes */
    uint64_t (*cache_memory)(
        void *
            ctx); /* bytes that the page cache keeps to, asked when there is one; NULL: cache_pages alone counts */
    void *memory_ctx;    /* of both */
    sb_page_check check; /* may be NULL */
    void *check_ctx;
    void (*log)(void *ctx, sb_log_level level,
                const char *message); /* may be NULL; called without locks */
    void *log_ctx;
} sb_pager_options;

void sb_pager_options_init(sb_pager_options *options);

/* Open or create. Recovers when the last user died. Errors: SB_CANT_OPEN, SB_NOT_A_DB (another format),
 * SB_VERSION_NEWER (unknown feature bits), SB_CORRUPT (header page), SB_IO, SB_FULL, SB_BUSY (another process
 * is recovering, past busy_timeout), SB_READ_ONLY (must recover but may not), SB_NOMEM, SB_INVALID. */
SB_MUST_CHECK sb_status sb_pager_open(const char *path, const sb_pager_options *options,
                                      sb_pager **pager, sb_err *err);
/* All sessions are closed by then, else SB_MISUSE and nothing happens. The last user of the file, of several that close at
 * the same moment one, checkpoints and removes -wal and -shm; a failure of that is returned but the pager is closed all the
 * same (the WAL then stays, and the next open recovers from it; a file that options.whole makes stays under its other name if anything was
 * committed to it, else nothing does). */
SB_MUST_CHECK sb_status sb_pager_close(sb_pager *pager, sb_err *err);

uint32_t sb_pager_page_bytes(const sb_pager *pager);
uint64_t sb_pager_txn_memory(const sb_pager *pager); /* of a write transaction, by its options */
const sb_allocator *sb_pager_alloc(const sb_pager *pager);
sb_profile *sb_pager_profile(const sb_pager *pager);
sb_vfs *sb_pager_vfs(const sb_pager *pager);
const char *sb_pager_path(const sb_pager *pager); /* as it was opened: for messages */
/* What that led to, from the root on, no symbolic link: its name plus a suffix lies beside the file, whatever this process's working directory is by
 * now. */
const char *sb_pager_real_path(const sb_pager *pager);
/* SB_MISUSE in a child after fork of the process that opened it. */
SB_MUST_CHECK sb_status sb_pager_same_process(const sb_pager *pager, sb_err *err);
void sb_pager_log(sb_pager *pager, sb_log_level level, const char *format, ...) SB_PRINTF(3, 4);
/* Change at run time; takes effect from the next commit. */
SB_MUST_CHECK sb_status sb_pager_set_durability(sb_pager *pager, sb_durability durability,
                                                sb_err *err);
void sb_pager_set_autocheckpoint(sb_pager *pager, uint32_t pages);
void sb_pager_set_busy_timeout(sb_pager *pager, uint64_t timeout_ns);
/* The three as they are with another. */
void sb_pager_take_settings(sb_pager *pager, const sb_pager *from);

typedef struct sb_pager_info {
    uint32_t page_bytes;
    uint64_t page_count, free_pages; /* of the newest committed state */
    uint64_t file_bytes, wal_bytes, wal_used_bytes;
    uint64_t wal_frames, backfilled_frames;
    uint64_t commit_seq, durable_seq;
    uint64_t readers, oldest_reader_seq; /* of all processes; reader slots in use */
    uint64_t syncs;                      /* data syncs by this pager: WAL and main file */
    sb_durability durability;
    sb_read_mode read_mode; /* MAP or CACHE */
    bool poisoned;
} sb_pager_info;
SB_MUST_CHECK sb_status sb_pager_get_info(sb_pager *pager, sb_pager_info *info, sb_err *err);

/* ---- Sessions -------------------------------------------------------------------------------- */

/* Called with pages done and in all; returning false cancels (SB_INTERRUPT). */
typedef bool (*sb_progress)(void *ctx, uint64_t done, uint64_t total);
typedef struct sb_watch {
    sb_progress progress; /* NULL: nobody watches */
    void *ctx;
} sb_watch;

/* A session owns a reader slot (shared memory) while open and carries caches of the layers above.
 * SB_LIMIT when all 1,000 slots of the file are taken. SB_MISUSE in a child after fork. */
SB_MUST_CHECK sb_status sb_session_open(sb_pager *pager, sb_session **session, sb_err *err);
void sb_session_close(sb_session *session); /* its transaction is ended by then; accepts NULL */
sb_pager *sb_session_pager(const sb_session *session);
/* Who is asked while the session's transactions write many pages, up to the commit frame: a commit that is cancelled is rolled back. */
void sb_session_watch(sb_session *session, const sb_watch *watch);

/* An object that a layer above hangs on a session (leaf cache): made on first use, destroyed at close. */
#define SB_SESSION_SLOTS 2u
typedef struct sb_session_ext_kind {
    const char *name;
    uint8_t slot; /* 1 to SB_SESSION_SLOTS, its own: found in one step; 0: searched for */
    sb_status (*create)(sb_session *session, void **object, sb_err *err);
    void (*destroy)(void *object);
} sb_session_ext_kind;
SB_MUST_CHECK sb_status sb_session_ext_get(sb_session *session, const sb_session_ext_kind *kind,
                                           void **object, sb_err *err);

/* ---- Transactions ---------------------------------------------------------------------------- */

/* A read transaction: the newest durable (SB_DURABLE_FULL) or appended state. One transaction at a
 * time per session (SB_MISUSE). Costs no system call and takes no lock while nothing new was committed
 * by another process. */
SB_MUST_CHECK sb_status sb_txn_begin_read(sb_session *session, sb_txn **txn, sb_err *err);
/* A read transaction of the very state that `of` reads, for a session on another thread. of must stay open until this one has ended, and
 * is a read transaction with fixed addresses (sb_txn_addresses is not 0: SB_MISUSE). */
SB_MUST_CHECK sb_status sb_txn_begin_shared(sb_session *session, const sb_txn *of, sb_txn **txn,
                                            sb_err *err);
/* A write transaction: takes the writer lock (waits busy_timeout; SB_BUSY names the holder's process),
 * then the newest appended state. SB_READ_ONLY, SB_POISONED. */
SB_MUST_CHECK sb_status sb_txn_begin_write(sb_session *session, sb_txn **txn, sb_err *err);
/* Turn a read transaction into a write one. SB_BUSY_SNAPSHOT when somebody has committed since; the
 * transaction then goes on reading. */
SB_MUST_CHECK sb_status sb_txn_upgrade(sb_txn *txn, sb_err *err);
/* End a write transaction and make it visible and durable; ends a read transaction. In every case txn is
 * gone afterwards; on failure nothing of it stays, except: a failed sync (SB_POISONED) leaves the commit
 * undecided until the file is recovered, and says so. */
SB_MUST_CHECK sb_status sb_txn_commit(sb_txn *txn, sb_err *err);
void sb_txn_rollback(sb_txn *txn); /* also ends a read transaction; accepts NULL */

/* What the shortest reads look at, without a call: sb_txn begins with it. */
typedef struct sb_txn_front {
    /* Read transactions of one session with the same number, which is not 0, find the bytes of every page at the same addresses, unless
     * the page was handed out with a pin. 0: nothing is promised (writable, read_mode=cache, file that can not be written). */
    uint64_t addresses;
    void *slots
        [SB_SESSION_SLOTS];  /* the session's objects of kinds with a slot; NULL: not made yet */
    const uint32_t *process; /* sb_fork_guard_word */
} sb_txn_front;
SB_INLINE const sb_txn_front *sb_txn_front_of(const sb_txn *txn)
{
    return (const sb_txn_front *)(const void *)txn;
}
SB_INLINE uint64_t sb_txn_addresses(const sb_txn *txn)
{
    return sb_txn_front_of(txn)->addresses;
}

/* Is this the process that opened the database, and not a child after fork of it? */
bool sb_txn_ask_process(const sb_txn *txn);
SB_INLINE bool sb_txn_same_process(const sb_txn *txn)
{
    const uint32_t *word = sb_txn_front_of(txn)->process;
    return SB_LIKELY(word != NULL) ? *word == 1 : sb_txn_ask_process(txn);
}

bool sb_txn_writable(const sb_txn *txn);
sb_session *sb_txn_session(const sb_txn *txn);
sb_pager *sb_txn_pager(const sb_txn *txn);
/* Number of commits in the state that the transaction started from. Rises by one per write commit. */
uint64_t sb_txn_seq(const sb_txn *txn);
/* Pages in the file as this transaction sees it: every valid page number is below. */
sb_pgno sb_txn_page_count(const sb_txn *txn);
/* Those of them that file and WAL have room for: fewer where the file was cut off, or the number of pages is a lie. Free pages need not be
 * there. */
SB_MUST_CHECK sb_status sb_txn_pages_there(sb_txn *txn, sb_pgno *count, sb_err *err);
/* Syncs the state that a write transaction began on, where that is not yet durable, so that readers are shown it. */
SB_MUST_CHECK sb_status sb_txn_make_durable(sb_txn *txn, sb_err *err);
/* True once the write transaction has changed anything. */
bool sb_txn_dirty(const sb_txn *txn);

/* The client area: bytes that are part of each commit (roots, counters). Zero in a new file. */
#define SB_META_BYTES 192u
const uint8_t *sb_txn_meta(const sb_txn *txn);
uint8_t *sb_txn_meta_mut(sb_txn *txn); /* write transactions only (asserted) */

/* Savepoints nest; ids count up from 1 within a transaction. Rolling back to one undoes pages, meta,
 * allocations and extensions since, and keeps it; release drops it and those inside, keeping changes. Making
 * one costs no page copies; the first change of a page after it copies the page. */
SB_MUST_CHECK sb_status sb_txn_savepoint(sb_txn *txn, uint32_t *savepoint, sb_err *err);
SB_MUST_CHECK sb_status sb_txn_rollback_to(sb_txn *txn, uint32_t savepoint, sb_err *err);
SB_MUST_CHECK sb_status sb_txn_release(sb_txn *txn, uint32_t savepoint, sb_err *err);

/* Extensions: named objects of the layers above, owned by the transaction. Hooks may be NULL. One made under open
 * savepoints is told of later ones only; rollback_to may then name a savepoint older than the object: all of it
 * is to go. Hooks end in reverse order of creation. */
typedef struct sb_txn_ext_kind {
    const char *name;
    sb_status (*create)(sb_txn *txn, void **object, sb_err *err);
    /* Before commit, in order of creation; may change pages. Failure rolls the transaction back. */
    sb_status (*before_commit)(void *object, sb_txn *txn, sb_err *err);
    sb_status (*savepoint)(void *object, sb_txn *txn, uint32_t savepoint, sb_err *err);
    void (*rollback_to)(void *object, sb_txn *txn, uint32_t savepoint); /* can not fail */
    void (*release)(void *object, sb_txn *txn, uint32_t savepoint);
    /* The transaction is over: committed or not. Frees object. txn may no longer be used for pages. */
    void (*end)(void *object, bool committed);
} sb_txn_ext_kind;
SB_MUST_CHECK sb_status sb_txn_ext_get(sb_txn *txn, const sb_txn_ext_kind *kind, void **object,
                                       sb_err *err);
void *sb_txn_ext_find(const sb_txn *txn, const sb_txn_ext_kind *kind); /* NULL when not made yet */

/* ---- Pages ----------------------------------------------------------------------------------- */

/* A page held for reading. bytes is valid until sb_page_release (and, in mapped mode, until the
 * transaction ends). It shows the page as it was when acquired. One exception: a page that the transaction has
 * private already is handed out as it is, so later changes through sb_page_mut under the same savepoint show,
 * and the pointer is valid only as long as one from sb_page_mut. */
typedef struct sb_page {
    const uint8_t *bytes;
    void *pin; /* NULL in mapped mode */
} sb_page;

/* SB_CORRUPT: outside the file, bad checksum, bad structure. SB_LIMIT: every frame of the page cache is held. */
SB_MUST_CHECK sb_status sb_page_acquire(sb_txn *txn, sb_pgno pgno, sb_page *page, sb_err *err);
/* Empty in mapped mode. Accepts a zeroed page; zeroes it. */
void sb_page_release(sb_txn *txn, sb_page *page);
/* Hint that these pages are read soon. Never fails. */
void sb_page_prefetch(sb_txn *txn, const sb_pgno *pgnos, size_t count);

/* The private copy of a page, to be changed in place. Valid until the transaction ends, a savepoint is made or
 * rolled back, or sb_txn_spill. The checksum is the pager's business. */
SB_MUST_CHECK sb_status sb_page_mut(sb_txn *txn, sb_pgno pgno, uint8_t **bytes, sb_err *err);
/* A zeroed private page with kind and tree in its header. SB_LIMIT when the file is at its limit. */
SB_MUST_CHECK sb_status sb_page_alloc(sb_txn *txn, sb_page_kind kind, uint32_t tree, sb_pgno *pgno,
                                      uint8_t **bytes, sb_err *err);
/* Give a page back. Its bytes stay readable in older snapshots. */
SB_MUST_CHECK sb_status sb_page_free(sb_txn *txn, sb_pgno pgno, sb_err *err);
/* count new pages in a row at the end of the file, for sb_page_write_fresh. They belong to the
 * transaction; what is not written reads as SB_CORRUPT. */
SB_MUST_CHECK sb_status sb_page_alloc_run(sb_txn *txn, uint32_t count, sb_pgno *first, sb_err *err);
/* Write finished pages of a run straight to the main file, past what any snapshot knows (DESIGN §9
 * rule 2). pages: count × page_bytes, changed here (checksums filled in). Readable through sb_page_acquire at
 * once; commit syncs the file first. */
SB_MUST_CHECK sb_status sb_page_write_fresh(sb_txn *txn, sb_pgno first, uint8_t *pages,
                                            uint32_t count, sb_err *err);
/* Move private pages past the budget out to WAL or file. Call between operations, when no pointers from
 * page_mut are held. Cheap when below the budget. */
SB_MUST_CHECK sb_status sb_txn_spill(sb_txn *txn, sb_err *err);

/* ---- Checkpoint, backup, vacuum, verify ------------------------------------------------------ */

typedef enum sb_checkpoint_mode {
    SB_CHECKPOINT_PASSIVE, /* what is possible without waiting for anybody */
    SB_CHECKPOINT_FULL,    /* waits (busy_timeout) for the writer and for readers of old states; all
                            * is back-filled */
    SB_CHECKPOINT_RESTART, /* and the next writer starts the WAL from its beginning */
    SB_CHECKPOINT_TRUNCATE /* and the WAL file is cut to nothing */
} sb_checkpoint_mode;
typedef struct sb_checkpoint_result {
    uint64_t wal_frames;        /* frames in the WAL when it began */
    uint64_t backfilled_frames; /* of these, now in the main file */
    uint64_t pages_written;
    bool restarted;
} sb_checkpoint_result;
/* SB_BUSY: FULL and above could not get all in time (what was done stays done). */
SB_MUST_CHECK sb_status sb_pager_checkpoint(sb_pager *pager, sb_checkpoint_mode mode,
                                            sb_checkpoint_result *result, sb_err *err);
/* The same, asking watch after each quarter of a MiB. SB_INTERRUPT: what was done stays done, but counts when another one has done all. */
SB_MUST_CHECK sb_status sb_pager_checkpoint_watched(sb_pager *pager, sb_checkpoint_mode mode,
                                                    const sb_watch *watch,
                                                    sb_checkpoint_result *result, sb_err *err);

/* Copy the state that txn sees to a new file at path on vfs (SB_EXISTS when there is one), synced, which appears when it
 * is whole. Writers go on meanwhile. */
SB_MUST_CHECK sb_status sb_pager_backup(sb_txn *txn, sb_vfs *vfs, const char *path,
                                        sb_progress progress, void *ctx, sb_err *err);
/* Replace the whole content by that of another pager's transaction (same page size), as one write
 * transaction; afterwards, when nobody else has the file open, cut the file to its new length. The commit's client area
 * becomes meta, which is the source's as far as the client does not say more. txn must be fresh and is committed here (gone in
 * every case). */
SB_MUST_CHECK sb_status sb_pager_replace(sb_txn *txn, sb_txn *source,
                                         const uint8_t meta[SB_META_BYTES], sb_progress progress,
                                         void *ctx, sb_err *err);

/* Findings of verify: what is wrong and where. */
typedef void (*sb_finding)(void *ctx, sb_pgno pgno, const char *message);
/* Read every page afresh: checksums, structure (check), free list. used: bitmap of page_count bits, those that
 * the layers above reached; a page that is used and free, or neither, is a finding. */
SB_MUST_CHECK sb_status sb_pager_verify(sb_txn *txn, const uint8_t *used, sb_finding finding,
                                        void *ctx, sb_progress progress, void *progress_ctx,
                                        uint64_t *findings, sb_err *err);

/* ---- Salvage: what the recovery of a damaged file begins with -------------------------------- */

/* SB_INVALID where the damaged file lies under a name that is written over or removed on the way to a new file by way of scratch: those of
 * its making, or of the copy. */
SB_MUST_CHECK sb_status sb_pager_salvage_check(sb_vfs *vfs, const sb_allocator *alloc,
                                               const char *damaged, const char *path,
                                               const char *scratch, sb_err *err);
/* Copy a damaged file and its WAL to scratch (SB_EXISTS) on the same vfs: parts that can not be read as zeros. The
 * damaged one is only read. */
SB_MUST_CHECK sb_status sb_pager_salvage(sb_vfs *vfs, const sb_allocator *alloc, const char *path,
                                         const char *scratch, sb_err *err);
/* The copy does not open: give it a page 0 made from nothing (all pages that the file has, no free list, a client area of
 * zeros), and drop its WAL. The page size is the one by which most pages have valid checksums; SB_NOT_A_DB: none has. */
SB_MUST_CHECK sb_status sb_pager_salvage_header(sb_vfs *vfs, const sb_allocator *alloc,
                                                const char *scratch, sb_err *err);
/* Set the bits of all free pages in map (of sb_txn_page_count bits), as far as the free list can be followed; *whole
 * false: not to its end. */
SB_MUST_CHECK sb_status sb_pager_free_map(sb_txn *txn, uint8_t *map, bool *whole, sb_err *err);

#endif
