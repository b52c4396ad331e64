/* os_holder.c — which process holds an open-file-description lock. No process owns such a lock, so F_GETLK answers -1; but
 * /proc/PID/fdinfo lists the locks of each open file. All of them are read, without memory of its own, when a lock was waited for in vain. */
#define _GNU_SOURCE 1 /* getdents64 */

#include "os/os_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The entries of a directory of /proc whose names are numbers. */
typedef struct numbers {
    int fd;
    size_t at, end;
    _Alignas(struct dirent64) char entries[4096];
} numbers;

static bool numbers_open(numbers *n, const char *path)
{
    n->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    n->at = n->end = 0;
    /* MemorySanitizer does not see getdents64 fill it in. */
    memset(n->entries, 0, sizeof n->entries);
    return n->fd >= 0;
}

static bool numbers_next(numbers *n, uint64_t *number)
{
    for (;;) {
        if (n->at == n->end) {
            const ssize_t got = getdents64(n->fd, n->entries, sizeof n->entries);
            if (got <= 0) return false;
            n->at = 0;
            n->end = (size_t)got;
        }
        const struct dirent64 *entry = (const void *)(n->entries + n->at);
        n->at += entry->d_reclen;
        if (entry->d_name[0] < '0' || entry->d_name[0] > '9') continue;
        *number = strtoull(entry->d_name, NULL, 10);
        return true;
    }
}

/* "lock: 1: OFDLCK ADVISORY WRITE -1 fe:00:4711 10 20": bytes 10 to 20, or to EOF. Cuts line up. */
static bool line_covers(char *line, uint64_t at)
{
    enum { NAME, NUMBER, KIND, ADVISORY, MODE, PROCESS, FILE_NUMBER, START, END, FIELDS };
    char *fields[FIELDS];
    char *rest = line;

    for (size_t i = 0; i < FIELDS; i++)
        if ((fields[i] = strtok_r(rest, " \t", &rest)) == NULL) return false;
    if (strcmp(fields[NAME], "lock:") != 0 || strcmp(fields[KIND], "OFDLCK") != 0) return false;
    return strtoull(fields[START], NULL, 10) <= at &&
           (strcmp(fields[END], "EOF") == 0 || at <= strtoull(fields[END], NULL, 10));
}

/* Has the open file that path of fdinfo tells of a lock on the byte? */
static bool open_file_covers(const char *path, uint64_t at)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    char text[2048];
    size_t used = 0;
    bool found = false;

    if (fd < 0) return false;
    while (!found) {
        const ssize_t got = read(fd, text + used, sizeof text - 1 - used);
        char *line = text;
        char *end;
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        text[used + (size_t)got] = '\0';
        for (; !found && (end = strchr(line, '\n')) != NULL; line = end + 1) {
            *end = '\0';
            found = line_covers(line, at);
        }
        used = strlen(line); /* the rest is the beginning of a line */
        memmove(text, line, used);
    }
    (void)close(fd);
    return found;
}

/* A process that has gone meanwhile, or that this one may not look into, has none. */
static bool process_covers(uint64_t pid, int but_fd, const struct stat *file, uint64_t at)
{
    char path[64];
    numbers fds;
    uint64_t fd;
    bool found = false;

    (void)snprintf(path, sizeof path, "/proc/%llu/fd", (unsigned long long)pid);
    if (!numbers_open(&fds, path)) return false;
    while (!found && numbers_next(&fds, &fd)) {
        struct stat opened;
        if (but_fd >= 0 && fd == (uint64_t)but_fd) continue;
        (void)snprintf(path, sizeof path, "/proc/%llu/fdinfo/%llu", (unsigned long long)pid,
                       (unsigned long long)fd);
        if (!open_file_covers(path, at)) continue;
        /* Other files may have a lock there, too. Asked last: of a file of a dead server stat would not come back. */
        (void)snprintf(path, sizeof path, "/proc/%llu/fd/%llu", (unsigned long long)pid,
                       (unsigned long long)fd);
        found = stat(path, &opened) == 0 && opened.st_dev == file->st_dev &&
                opened.st_ino == file->st_ino;
    }
    (void)close(fds.fd);
    return found;
}

uint64_t sb_os__lock_holder(int fd, uint64_t at)
{
    const uint64_t own = sb_os_process_id();
    numbers processes;
    struct stat file;
    uint64_t pid = 0, holder = 0;

    if (fstat(fd, &file) != 0 || !numbers_open(&processes, "/proc")) return 0;
    while (holder == 0 && numbers_next(&processes, &pid))
        if (process_covers(pid, pid == own ? fd : -1, &file, at)) holder = pid;
    (void)close(processes.fd);
    return holder;
}
