/* os_memory.c — large blocks as maps of their own, given back to the system behind the back of who frees them.
 * Touching fresh memory takes the system some 0.5 ms for a MiB, taking it back 0.05 ms, and neither can be cut short: a statement that
 * ends with 400 MB would answer 20 ms late, and an array of 16 MB that is copied as it grows takes as long. So
 * I1  a large block grows by moving its pages, which costs the same for each size;
 * I2  what is freed waits in a list, for the next large block that fits into it, or for a thread that gives back all but `kept_bytes`
 *     in slices and ends; it is joined at the next start, or when the memory is destroyed. It closes files, too;
 * I3  a fresh map first gives back as much as it takes of what waits past `kept_bytes`, so that a thread that gets no processor does not
 *     let the process grow;
 * I4  a child after fork has no such thread, and its parent may hold the lock: it maps and unmaps without the list;
 * I5  who has mapped HUGE_FROM already gets more in huge pages, which are made present in a fifth of the time: a block begins one, and what
 *     it leaves of the last one waits for others. So there is never more unused for their sake than what waits anyway, and a database
 *     that needs little has small pages. Below the size of such a page blocks grow by being copied, which leaves them whole. */
#define _GNU_SOURCE 1 /* mremap, MADV_HUGEPAGE */

#include "os/os.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LARGE_BYTES (128u * 1024u)       /* as malloc's own limit */
#define SLICE_BYTES (8u * 1024u * 1024u) /* unmapped at a time: 0.4 ms */
#define FRESH_BYTES (8 * SLICE_BYTES)    /* given back at most for a fresh map (I3) */
#define HUGE_BYTES  ((size_t)2 << 20)    /* where huge pages have another size: as good as others */
#define HUGE_FROM   (HUGE_BYTES / 2)     /* mapped before */
#define FILES_MOST  64u                  /* wait to be closed: others are closed at once */
#define LOOKS       16u                  /* at what waits, for one block */

/* In the first bytes of what waits; a block is taken from its end, so that this stays. */
typedef struct waiting_block {
    struct waiting_block *next;
    size_t bytes;
} waiting_block;

struct sb_memory {
    sb_allocator base;
    const sb_allocator *inner; /* borrowed */
    size_t page_bytes;
    sb_fork_guard *guard;
    sb_mutex *lock; /* of all below */
    waiting_block *waiting;
    size_t waiting_bytes, mapped_bytes, kept_bytes;
    sb_file *files; /* owned: to be closed; */
    unsigned file_count;
    sb_thread *thread; /* owned; NULL: none was started, or it has been joined */
    bool at_work;      /* the thread will look at the list again */
};

static bool is_large(size_t bytes)
{
    return !SB_SANITIZED_MEMORY && bytes >= LARGE_BYTES;
}

/* Whole pages; bytes is at most SIZE_MAX / 2. */
static size_t pages_of(const sb_memory *m, size_t bytes)
{
    return (bytes + m->page_bytes - 1) & ~(m->page_bytes - 1);
}

static bool is_shared(const sb_memory *m)
{
    return sb_fork_guard_same_process(m->guard);
}

static void lock(sb_memory *m)
{
    sb_mutex_lock(m->lock);
}

static void unlock(sb_memory *m)
{
    sb_mutex_unlock(m->lock);
}

/* ---- Giving back ----------------------------------------------------------------------------------------------- */

/* Up to most bytes of what waits, taken off the list; NULL: nothing waits. The lock is held. */
static void *take_slice(sb_memory *m, size_t most, size_t *bytes)
{
    waiting_block *block = m->waiting;

    if (block == NULL) return NULL;
    *bytes = block->bytes < most ? block->bytes : most;
    block->bytes -= *bytes;
    m->waiting_bytes -= *bytes;
    if (block->bytes == 0) m->waiting = block->next;
    return (char *)block + block->bytes;
}

/* One slice of what waits past kept_bytes; false: there is none. */
static bool give_back(sb_memory *m, size_t *bytes)
{
    void *slice = NULL;

    lock(m);
    if (m->waiting_bytes > m->kept_bytes) slice = take_slice(m, SLICE_BYTES, bytes);
    if (slice != NULL) m->mapped_bytes -= *bytes;
    unlock(m);
    if (slice != NULL) (void)munmap(slice, *bytes);
    return slice != NULL;
}

static bool close_one(sb_memory *m)
{
    lock(m);
    sb_file *file = m->files;
    if (file != NULL) {
        m->files = file->next;
        m->file_count--;
    }
    unlock(m);
    sb_file_close(file);
    return file != NULL;
}

static void thread_main(void *ctx)
{
    sb_memory *m = ctx;
    size_t bytes;
    bool more = true;

    while (more) {
        while (close_one(m) || give_back(m, &bytes)) {
        }
        lock(m);
        more = m->at_work = m->files != NULL || m->waiting_bytes > m->kept_bytes;
        unlock(m);
    }
}

/* The lock is held, which a thread that is not at work does not take any more. A thread that can not be started costs nothing but that the
 * memory waits for I3, or for another try. */
static void start_thread(sb_memory *m)
{
    sb_err ignored; /* benign */

    sb_err_clear(&ignored);
    sb_thread_join(m->thread);
    m->thread = NULL;
    m->at_work = sb_thread_create(m->inner, thread_main, m, &m->thread, &ignored) == SB_OK;
}

static void let_wait(sb_memory *m, void *block, size_t bytes)
{
    waiting_block *freed = block;

    lock(m);
    *freed = (waiting_block){.next = m->waiting, .bytes = bytes};
    m->waiting = freed;
    m->waiting_bytes += bytes;
    if (m->waiting_bytes > m->kept_bytes && !m->at_work) start_thread(m);
    unlock(m);
}

void sb_memory_close_file(sb_memory *memory, sb_file *file)
{
    if (file == NULL) return;
    if (memory != NULL && is_shared(memory)) {
        lock(memory);
        if (!memory->at_work) start_thread(memory);
        if (memory->at_work && memory->file_count < FILES_MOST) {
            file->next = memory->files;
            memory->files = file;
            memory->file_count++;
            file = NULL;
        }
        unlock(memory);
    }
    sb_file_close(file);
}

void sb_memory_settle(sb_memory *memory)
{
    if (memory == NULL || !is_shared(memory))
        return; /* else thread and lock are the parent's (I4) */
    sb_thread_join(memory->thread);
    memory->thread = NULL;
}

/* ---- Blocks ------------------------------------------------------------------------------------------------------ */

static void *take_waiting(sb_memory *m, size_t bytes)
{
    void *taken = NULL;
    waiting_block **link = &m->waiting;

    lock(m);
    for (unsigned i = 0; i < LOOKS && *link != NULL && (*link)->bytes < bytes; i++)
        link = &(*link)->next;
    if (*link != NULL && (*link)->bytes >= bytes) {
        waiting_block *block = *link;
        block->bytes -= bytes;
        m->waiting_bytes -= bytes;
        taken = (char *)block + block->bytes;
        if (block->bytes == 0) *link = block->next;
    }
    unlock(m);
    return taken;
}

static void *map_pages(size_t bytes)
{
    void *block = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return block == MAP_FAILED ? NULL : block;
}

static size_t to_huge(size_t bytes)
{
    return (bytes + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1);
}

/* Is a block of bytes to have huge pages (I5)? */
static bool wants_huge(sb_memory *m, size_t bytes)
{
    if (!is_shared(m)) return false;
    lock(m);
    const bool wanted = m->mapped_bytes >= HUGE_FROM &&
                        m->waiting_bytes + (to_huge(bytes) - bytes) <= m->kept_bytes;
    unlock(m);
    return wanted;
}

static void count_mapped(sb_memory *m, size_t bytes)
{
    lock(m);
    m->mapped_bytes += bytes;
    unlock(m);
}

/* bytes from the start of huge pages on; the rest waits. NULL: no room for as much, where small pages may have it. */
static void *map_huge(sb_memory *m, size_t bytes)
{
    const size_t whole = to_huge(bytes);
    char *map = map_pages(whole + HUGE_BYTES);

    if (map == NULL) return NULL;
    const size_t before = to_huge((uintptr_t)map) - (uintptr_t)map;
    char *block = map + before;
    if (before != 0) (void)munmap(map, before);
    (void)munmap(block + whole, HUGE_BYTES - before);
    (void)madvise(block, whole, MADV_HUGEPAGE); /* benign: pages are small */
    count_mapped(m, whole);
    if (whole != bytes) let_wait(m, block + bytes, whole - bytes);
    return block;
}

static void *map_fresh(sb_memory *m, size_t bytes)
{
    size_t back = 0;

    for (size_t given = 0; is_shared(m) && given < bytes && given < FRESH_BYTES; given += back)
        if (!give_back(m, &back)) break;
    void *block = wants_huge(m, bytes) ? map_huge(m, bytes) : NULL;
    if (block != NULL) return block;
    block = map_pages(bytes);
    if (block != NULL && is_shared(m)) count_mapped(m, bytes);
    return block;
}

static void *memory_alloc(void *ctx, size_t bytes)
{
    sb_memory *m = ctx;

    if (!is_large(bytes)) return sb_alloc(m->inner, bytes);
    if (bytes > SIZE_MAX / 2) return NULL;
    const size_t whole = pages_of(m, bytes);
    void *block = is_shared(m) ? take_waiting(m, whole) : NULL;
    return block != NULL ? block : map_fresh(m, whole);
}

static void memory_free(void *ctx, void *block, size_t bytes)
{
    sb_memory *m = ctx;

    if (!is_large(bytes))
        sb_free(m->inner, block, bytes);
    else if (is_shared(m))
        let_wait(m, block, pages_of(m, bytes));
    else
        (void)munmap(block, pages_of(m, bytes));
}

/* Between two large sizes: by moving pages. */
static void *remap(sb_memory *m, void *block, size_t old_bytes, size_t new_bytes)
{
    const size_t old_whole = pages_of(m, old_bytes), new_whole = pages_of(m, new_bytes);
    void *moved = mremap(block, old_whole, new_whole, MREMAP_MAYMOVE);
    if (moved == MAP_FAILED) return NULL;
    if (is_shared(m)) count_mapped(m, new_whole - old_whole);
    return moved;
}

static void *memory_resize(void *ctx, void *block, size_t old_bytes, size_t new_bytes)
{
    sb_memory *m = ctx;

    if (!is_large(old_bytes) && !is_large(new_bytes))
        return sb_resize(m->inner, block, old_bytes, new_bytes);
    if (is_large(old_bytes) && is_large(new_bytes)) {
        if (new_bytes > SIZE_MAX / 2) return NULL;
        if (pages_of(m, old_bytes) == pages_of(m, new_bytes)) return block;
        if (old_bytes >= HUGE_BYTES || old_bytes > new_bytes || !wants_huge(m, new_bytes))
            return remap(m, block, old_bytes, new_bytes);
    }
    void *moved = memory_alloc(m, new_bytes);
    if (moved == NULL) return NULL;
    memcpy(moved, block, old_bytes < new_bytes ? old_bytes : new_bytes);
    memory_free(m, block, old_bytes);
    return moved;
}

/* ---- The memory itself ------------------------------------------------------------------------------------------- */

sb_status sb_memory_create(const sb_allocator *inner, sb_memory **memory, sb_err *err)
{
    const long page_bytes = sysconf(_SC_PAGESIZE);
    sb_memory *m = sb_alloc_zero(inner, sizeof *m);

    *memory = NULL;
    if (m == NULL) return SB_FAIL_NOMEM(err);
    m->base = (sb_allocator){
        .ctx = m, .alloc = memory_alloc, .resize = memory_resize, .free = memory_free};
    m->inner = inner;
    m->page_bytes = page_bytes > 0 ? (size_t)page_bytes : LARGE_BYTES;
    sb_status st = sb_fork_guard_create(inner, &m->guard, err);
    if (st == SB_OK) st = sb_mutex_create(inner, SB_RANK_MEMORY, &m->lock, err);
    if (st != SB_OK) {
        sb_fork_guard_destroy(m->guard);
        sb_free(inner, m, sizeof *m);
        return st;
    }
    *memory = m;
    return SB_OK;
}

const sb_allocator *sb_memory_allocator(const sb_memory *memory)
{
    return &memory->base;
}

void sb_memory_keep(sb_memory *memory, size_t bytes)
{
    lock(memory);
    memory->kept_bytes = bytes;
    unlock(memory);
}

sb_memory_count sb_memory_counts(sb_memory *memory)
{
    lock(memory);
    const sb_memory_count count = {.mapped_bytes = memory->mapped_bytes,
                                   .waiting_bytes = memory->waiting_bytes};
    unlock(memory);
    return count;
}

void sb_memory_destroy(sb_memory *memory)
{
    size_t bytes;

    if (memory == NULL) return;
    sb_memory_settle(memory);
    if (is_shared(memory)) {
        for (void *slice; (slice = take_slice(memory, SIZE_MAX, &bytes)) != NULL;)
            (void)munmap(slice, bytes);
        sb_mutex_destroy(memory->lock);
    }
    sb_fork_guard_destroy(memory->guard);
    sb_free(memory->inner, memory, sizeof *memory);
}
