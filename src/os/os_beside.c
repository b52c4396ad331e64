/* os_beside.c — the files that a database makes beside itself belong to whom it belongs to: they get its mode, and as far as the system
 * allows its owner and group. So a WAL is not to be read by those who may not read the database, and one that root has made does not
 * keep the owner out. They are made for this process alone and given away open, never by name. */
#define _GNU_SOURCE 1 /* lstat, fchown, fchmod */

#include "os/os_priv.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#define PERMISSIONS 0777u

/* Cut one of these from the end of name; false when it has none. */
static bool cut_suffix(char *name)
{
    static const char *const suffixes[] = {"-wal", "-shm", "-making", "-vacuum"};
    const size_t bytes = strlen(name);

    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        const size_t suffix_bytes = strlen(suffixes[i]);
        if (bytes <= suffix_bytes || strcmp(name + bytes - suffix_bytes, suffixes[i]) != 0)
            continue;
        name[bytes - suffix_bytes] = '\0';
        return true;
    }
    return false;
}

bool sb_os__beside_what(const char *path, struct stat *model)
{
    char name[PATH_MAX];
    const size_t bytes = strlen(path) + 1;

    if (bytes > sizeof name) return false;
    memcpy(name, path, bytes);
    /* x-vacuum-making is beside x, while there is no x-vacuum. */
    while (cut_suffix(name))
        if (lstat(name, model) == 0) return S_ISREG(model->st_mode);
    return false;
}

void sb_os__take_after(int fd, const struct stat *model)
{
    mode_t mode = model->st_mode & PERMISSIONS;
    struct stat made;

    if (fstat(fd, &made) != 0) return; /* benign: it stays this process's alone */
    if (made.st_uid != model->st_uid && geteuid() == 0) {
        /* benign when it fails: root of a user namespace may not give files to all */
        const int given = fchown(fd, model->st_uid, (gid_t)-1);
        (void)given;
    }
    /* Where the group can not be had, its rights are not for the one that the file has now. */
    if (made.st_gid != model->st_gid && fchown(fd, (uid_t)-1, model->st_gid) != 0)
        mode = (mode & ~(mode_t)S_IRWXG) | (mode & (mode_t)S_IRWXO) << 3;
    const int changed = fchmod(fd, mode);
    (void)changed; /* benign: a file system without modes */
}
