/* os_fork.c — a word that tells a forked child from the process that opened a handle.
 * A private page marked MADV_WIPEONFORK (Linux 4.14) reads as zeros in a child, so the question costs
 * one load; where the kernel refuses, process numbers are compared, which costs a system call. */
#define _GNU_SOURCE 1 /* madvise, MAP_ANONYMOUS */

#include "os/os.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

struct sb_fork_guard {
    const sb_allocator *alloc; /* borrowed */
    uint32_t *word;            /* first word of our page */
    size_t page_bytes;
    uint64_t pid; /* of the maker */
    bool wiped_on_fork;
};

sb_status sb_fork_guard_create(const sb_allocator *alloc, sb_fork_guard **guard, sb_err *err)
{
    const long page_bytes = sysconf(_SC_PAGESIZE);
    sb_fork_guard *made;
    void *page;

    *guard = NULL;
    if (page_bytes <= 0) return SB_FAIL(err, SB_UNSUPPORTED, "the system tells no page size");
    made = (sb_fork_guard *)sb_alloc_zero(alloc, sizeof *made);
    if (made == NULL) return SB_FAIL_NOMEM(err);
    page =
        mmap(NULL, (size_t)page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
        const int cause = errno;
        sb_free(alloc, made, sizeof *made);
        return SB_FAIL_OS(err, SB_NOMEM, cause, "no memory for a page to notice fork");
    }
    made->alloc = alloc;
    made->word = (uint32_t *)page;
    made->page_bytes = (size_t)page_bytes;
    made->pid = sb_os_process_id();
    made->wiped_on_fork = madvise(page, made->page_bytes, MADV_WIPEONFORK) == 0;
    *made->word = 1;
    *guard = made;
    return SB_OK;
}

bool sb_fork_guard_same_process(const sb_fork_guard *guard)
{
    if (SB_LIKELY(guard->wiped_on_fork)) return *guard->word == 1;
    return guard->pid == sb_os_process_id();
}

const uint32_t *sb_fork_guard_word(const sb_fork_guard *guard)
{
    return guard->wiped_on_fork ? guard->word : NULL;
}

void sb_fork_guard_destroy(sb_fork_guard *guard)
{
    if (guard == NULL) return;
    (void)munmap(guard->word, guard->page_bytes);
    sb_free(guard->alloc, guard, sizeof *guard);
}
