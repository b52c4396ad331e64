/* os_machine.c — what the machine and the process are: clock, randomness, memory, processors, names. */
#define _GNU_SOURCE 1 /* sched_getaffinity, strerror_r that returns the text */

#include "os/os_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- Clock and randomness ------------------------------------------------------------------ */

#define NS_PER_SECOND 1000000000ull

static uint64_t read_clock(clockid_t clock)
{
    struct timespec now = {0};

    (void)clock_gettime(clock, &now); /* can not fail for the clocks used here */
    return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

uint64_t sb_os__monotonic_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t sb_os__wall_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}

void sb_os__sleep_ns(uint64_t ns)
{
    struct timespec left = {.tv_sec = (time_t)(ns / NS_PER_SECOND),
                            .tv_nsec = (long)(ns % NS_PER_SECOND)};

    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
}

sb_status sb_os__random(void *data, size_t bytes, sb_err *err)
{
    uint8_t *out = (uint8_t *)data;

    while (bytes > 0) {
        const ssize_t got = getrandom(out, bytes, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0)
            return SB_FAIL_OS(err, SB_IO, errno, "the system gives no random bytes (getrandom)");
        out += got;
        bytes -= (size_t)got;
    }
    return SB_OK;
}

const char *sb_os__errno_text(int errno_value, char text[SB_OS__ERRNO_TEXT_BYTES])
{
    return strerror_r(errno_value, text, SB_OS__ERRNO_TEXT_BYTES);
}

/* ---- Memory and processors ------------------------------------------------------------------ */

/* Read a small file of the kernel into text, NUL-terminated; false when there is none. */
static bool read_text(const char *path, char *text, size_t bytes)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t used = 0;
    ssize_t got = 0;

    if (fd < 0) return false;
    while (used < bytes - 1) {
        got = read(fd, text + used, bytes - 1 - used);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        used += (size_t)got;
    }
    (void)close(fd);
    text[used] = '\0';
    return got >= 0;
}

/* The number in root + group + leaf; UINT64_MAX when there is none ("max", or no such file). */
static uint64_t read_limit(const char *root, const char *group, const char *leaf)
{
    char path[1024];
    char text[64];
    const int written = snprintf(path, sizeof path, "%s%s/%s", root, group, leaf);

    if (written < 0 || (size_t)written >= sizeof path) return UINT64_MAX;
    if (!read_text(path, text, sizeof text)) return UINT64_MAX;
    if (text[0] < '0' || text[0] > '9') return UINT64_MAX;
    return strtoull(text, NULL, 10);
}

/* The least limit of group and all its parents: each binds. Inside a container the group's own path
 * may not be mounted; then the root of the mount is the container's group. Cuts group up. */
static uint64_t least_limit(const char *root, char *group, const char *leaf)
{
    uint64_t least = UINT64_MAX;

    for (;;) {
        const uint64_t limit = read_limit(root, group, leaf);
        char *slash = strrchr(group, '/');
        if (limit < least) least = limit;
        if (slash == NULL) return least;
        *slash = '\0';
    }
}

/* /proc/self/cgroup has lines "id:controllers:/path"; version 2 is "0::/path". */
static uint64_t control_group_limit(void)
{
    char text[4096];
    char *rest = text;
    char *line;
    uint64_t least = UINT64_MAX;

    if (!read_text("/proc/self/cgroup", text, sizeof text)) return UINT64_MAX;
    while ((line = strtok_r(rest, "\n", &rest)) != NULL) {
        char *controllers = strchr(line, ':');
        char *group = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
        uint64_t limit = UINT64_MAX;
        if (group == NULL) continue;
        *group++ = '\0';
        controllers++;
        if (*controllers == '\0')
            limit = least_limit("/sys/fs/cgroup", group, "memory.max");
        else if (strstr(controllers, "memory") != NULL)
            limit = least_limit("/sys/fs/cgroup/memory", group, "memory.limit_in_bytes");
        if (limit < least) least = limit;
    }
    return least;
}

uint64_t sb_os_memory_bytes(void)
{
    const long pages = sysconf(_SC_PHYS_PAGES);
    const long page_bytes = sysconf(_SC_PAGESIZE);
    const uint64_t physical =
        pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes : 1ull << 30;
    const uint64_t limit = control_group_limit();

    return limit > 0 && limit < physical ? limit : physical;
}

unsigned sb_os_cpu_count(void)
{
    cpu_set_t set;
    long online;

    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        const int count = CPU_COUNT(&set);
        if (count > 0) return (unsigned)count;
    }
    online = sysconf(_SC_NPROCESSORS_ONLN); /* more processors than cpu_set_t holds */
    return online > 0 ? (unsigned)online : 1u;
}

/* ---- Process --------------------------------------------------------------------------------- */

uint64_t sb_os_process_id(void)
{
    return (uint64_t)getpid();
}

/* Numbers fit the lower half, and so do those of namespaces. */
static uint64_t pid_namespace(void)
{
    struct stat found;

    /* Without /proc all count as one: numbers are only told in messages. */
    return stat("/proc/self/ns/pid", &found) == 0 ? (uint64_t)found.st_ino << 32 : 0;
}

uint64_t sb_os_process_tag(void)
{
    return pid_namespace() | sb_os_process_id();
}

uint64_t sb_os_process_of_tag(uint64_t tag)
{
    const uint64_t number = tag & UINT32_MAX;

    return (tag ^ number) == pid_namespace() ? number : 0;
}

void sb_os_process_name(uint64_t pid, char *name, size_t bytes)
{
    char path[64];
    char text[64];
    size_t length = 0;

    if (bytes == 0) return;
    (void)snprintf(path, sizeof path, "/proc/%llu/comm", (unsigned long long)pid);
    if (!read_text(path, text, sizeof text)) text[0] = '\0';
    /* A process names itself: keep control characters out of our messages. */
    for (; text[length] != '\0' && text[length] != '\n' && length < bytes - 1; length++)
        name[length] = text[length] < ' ' || text[length] > '~' ? '?' : text[length];
    if (length == 0 && bytes > 1) name[length++] = '?';
    name[length] = '\0';
}

const char *sb_os_environment(const char *name)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe) — nothing in the library changes the environment */
    return getenv(name);
}
