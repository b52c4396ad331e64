/* new_file.c — a database file that appears whole: it is made under another name, `x-making`, and gets its own when it is
 * complete. So creation, backup, vacuum into a file, recovery and loads leave nothing under the name when they fail or
 * are killed; what a killed one left under the other name is taken over by the next. What was committed to a file that can not get its
 * name (somebody else has it, or the disk fails) stays under the other one, and the message of the close says so.
 *
 * Whoever makes `x` holds a lock on `x-making` of its own (a pager may have that file open, with its locks), so one
 * does at a time. The lock may come on a file that lost the name while it was waited for: removed by a maker that
 * failed, or renamed by one that was done. Then there is nothing to take over, and it begins again. */
#include "pager/pager_priv.h"

#include <errno.h>

#define RETRY_NS 1000000u

char *sb_pager__join_path(const sb_allocator *alloc, const char *path, const char *suffix)
{
    const size_t bytes = strlen(path), behind = strlen(suffix);
    char *joined = sb_alloc(alloc, bytes + behind + 1);
    if (joined == NULL) return NULL;
    memcpy(joined, path, bytes);
    memcpy(joined + bytes, suffix, behind);
    joined[bytes + behind] = '\0';
    return joined;
}

/* The WAL and the shared memory beside a file that is none yet, or none any more. */
static sb_status remove_beside(const sb_new_file *made, const char *path, sb_err *err)
{
    static const char *const suffixes[] = {"-wal", "-shm"};
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        bool existed = false;
        char *name = sb_pager__join_path(made->alloc, path, suffixes[i]);
        if (name == NULL) return SB_FAIL_NOMEM(err);
        const sb_status st = made->vfs->ops->remove(made->vfs, name, &existed, err);
        sb_free(made->alloc, name, strlen(name) + 1);
        if (st != SB_OK) return st;
    }
    return SB_OK;
}

/* Nobody uses what lies beside the name. */
static sb_status must_be_unused(const sb_new_file *made, const char *suffix, sb_err *err)
{
    sb_file *file = NULL;
    sb_err cause;
    bool held = false;
    char *beside = sb_pager__join_path(made->alloc, made->path, suffix);
    if (beside == NULL) return SB_FAIL_NOMEM(err);
    sb_err_clear(&cause);
    sb_status st =
        sb_vfs_open(made->vfs, beside, SB_OPEN_BESIDE | SB_OPEN_READ_ONLY, &file, &cause);
    sb_free(made->alloc, beside, strlen(beside) + 1);
    if (st == SB_CANT_OPEN && cause.os_error == ENOENT) return SB_OK;
    if (st != SB_OK) return SB_FAIL_OS(err, st, cause.os_error, "%s", cause.text);
    st = file->ops->lock_held(file, SB_LOCK_OPEN, 1, &held, err);
    if (st == SB_OK && held) st = sb_pager__name_in_use(made->name, file, err);
    sb_file_close(file);
    return st;
}

/* A database whose file had this name when it was opened, and was renamed or removed since, still uses WAL and shared memory of the name
 * (shm.c): both must stay, so the name is not free. A WAL has no locks: one that is in use is a database of that name. */
static sb_status must_be_free(const sb_new_file *made, sb_err *err)
{
    SB_TRY(must_be_unused(made, "-wal", err));
    return must_be_unused(made, "-shm", err);
}

void sb_pager__new_leave(sb_new_file *made)
{
    sb_file_close(made->file); /* drops the lock */
    sb_free(made->alloc, made->path, made->path_bytes);
    if (made->temporary != NULL) sb_free(made->alloc, made->temporary, strlen(made->temporary) + 1);
    *made = (sb_new_file){0};
}

static sb_status has_name(const sb_new_file *made, bool *has, sb_err *err)
{
    return sb_pager__leads_to(made->vfs, made->temporary, made->file, has, err);
}

/* Open the other name and lock it: *taken tells whether it is ours, else the file is closed again. What has it open as a database (the
 * source of this very copy, say) keeps it: OPEN is ours, too, until nothing is left of what was there. */
static sb_status claim(sb_new_file *made, bool *taken, sb_err *err)
{
    bool locked = false, unused = false;
    sb_err cause;
    sb_err_clear(&cause);
    sb_status st = sb_vfs_open(made->vfs, made->temporary, SB_OPEN_BESIDE | SB_OPEN_CREATE,
                               &made->file, &cause);
    if (st != SB_OK)
        return SB_FAIL_OS(err, st, cause.os_error, "%s can not be made: %s", made->name,
                          cause.text);
    st = made->file->ops->lock(made->file, SB_LOCK_MAKER, 1, SB_LOCK_EXCLUSIVE, &locked, err);
    if (st == SB_OK && locked)
        st = made->file->ops->lock(made->file, SB_LOCK_OPEN, 1, SB_LOCK_EXCLUSIVE, &unused, err);
    if (st == SB_OK && unused) st = has_name(made, taken, err);
    if (*taken) return SB_OK;
    sb_file_close(made->file);
    made->file = NULL;
    return st;
}

/* Why the other name could not be had: another maker has it, or it is open as a database. */
static sb_status not_claimed(const sb_new_file *made, sb_err *err)
{
    char holder[SB_HOLDER_BYTES] = "another process";
    bool making = true;
    sb_file *file = NULL;
    if (sb_vfs_open(made->vfs, made->temporary, SB_OPEN_BESIDE | SB_OPEN_READ_ONLY, &file, NULL) ==
        SB_OK) {
        const sb_status st = file->ops->lock_held(file, SB_LOCK_MAKER, 1, &making, NULL);
        (void)st; /* benign: then it counts as held */
        sb_pager__holder(file, making ? SB_LOCK_MAKER : SB_LOCK_OPEN, "another process", holder);
    }
    sb_file_close(file);
    if (making) return SB_FAIL(err, SB_BUSY, "%s is being made already by %s", made->name, holder);
    return SB_FAIL(err, SB_BUSY, "%s can not be made: %s, its name until then, is in use by %s",
                   made->name, made->temporary, holder);
}

static sb_status claim_in_time(sb_new_file *made, uint64_t timeout_ns, bool *exists, sb_err *err)
{
    sb_vfs *vfs = made->vfs;
    const uint64_t started = vfs->ops->monotonic_ns(vfs);
    for (bool taken = false;;) {
        SB_TRY(vfs->ops->exists(vfs, made->path, exists, err));
        if (*exists) return SB_OK;
        SB_TRY(claim(made, &taken, err));
        if (taken) return vfs->ops->exists(vfs, made->path, exists, err);
        if (vfs->ops->monotonic_ns(vfs) - started >= timeout_ns) return not_claimed(made, err);
        vfs->ops->sleep_ns(vfs, RETRY_NS);
    }
}

static sb_status begin(sb_new_file *made, uint64_t timeout_ns, bool *exists, sb_err *err)
{
    bool dropped = false;
    SB_TRY(sb_vfs_resolve(made->vfs, made->alloc, made->name, &made->path, &made->path_bytes, err));
    made->temporary = sb_pager__join_path(made->alloc, made->path, "-making");
    if (made->temporary == NULL) return SB_FAIL_NOMEM(err);
    SB_TRY(claim_in_time(made, timeout_ns, exists, err));
    if (*exists) return SB_OK;
    SB_TRY(must_be_free(made, err));
    SB_TRY(made->file->ops->truncate(made->file, 0, err));
    SB_TRY(remove_beside(made, made->temporary, err));
    return made->file->ops->lock(made->file, SB_LOCK_OPEN, 1, SB_LOCK_NONE, &dropped, err);
}

sb_status sb_pager__new_begin(sb_new_file *made, sb_vfs *vfs, const sb_allocator *alloc,
                              const char *name, uint64_t timeout_ns, bool *exists, sb_err *err)
{
    *made = (sb_new_file){.vfs = vfs, .alloc = alloc, .name = name};
    *exists = false;
    const sb_status st = begin(made, timeout_ns, exists, err);
    if (st == SB_OK && !*exists) return SB_OK;
    if (made->file != NULL)
        sb_pager__new_drop(made);
    else
        sb_pager__new_leave(made);
    return st;
}

void sb_pager__new_drop(sb_new_file *made)
{
    bool existed = false, has = true;
    /* Somebody who removed it may have begun anew under the name. */
    if (has_name(made, &has, NULL) != SB_OK || has) {
        const sb_status st = made->vfs->ops->remove(made->vfs, made->temporary, &existed, NULL);
        const sb_status beside = remove_beside(made, made->temporary, NULL);
        (void)st; /* benign: what stays is taken over by the next */
        (void)beside;
    }
    sb_pager__new_leave(made);
}

static sb_status take_name(sb_new_file *made, bool sync, sb_err *err)
{
    sb_vfs *vfs = made->vfs;
    bool exists = false, has = false;
    SB_TRY(vfs->ops->exists(vfs, made->path, &exists, err));
    if (exists) return SB_FAIL(err, SB_EXISTS, "%s exists already", made->name);
    SB_TRY(has_name(made, &has, err));
    if (!has)
        return SB_FAIL(err, SB_IO, "%s was removed or replaced while %s was being made",
                       made->temporary, made->name);
    SB_TRY(must_be_free(made, err));
    /* What an earlier database of this name left behind is none of ours. */
    SB_TRY(remove_beside(made, made->path, err));
    SB_TRY(vfs->ops->rename(vfs, made->temporary, made->path, err));
    if (!sync) return SB_OK;
    const sb_status st = vfs->ops->sync_directory(vfs, made->path, err);
    if (st == SB_OK) return SB_OK;
    const sb_status back = vfs->ops->rename(vfs, made->path, made->temporary, NULL);
    (void)back; /* benign: the failure is told, and what is there is whole */
    return st;
}

sb_status sb_pager__new_keep(sb_new_file *made, bool sync, sb_err *err)
{
    const sb_status st = take_name(made, sync, err);
    if (st == SB_OK)
        sb_pager__new_leave(made);
    else
        sb_pager__new_drop(made);
    return st;
}

sb_status sb_pager__new_keep_commits(sb_new_file *made, bool sync, sb_status st, sb_err *err)
{
    bool stays = true;
    if (st == SB_OK) st = take_name(made, sync, err);
    if (st != SB_OK && err != NULL && (has_name(made, &stays, NULL) != SB_OK || stays))
        sb_err_prefix(err, "what was committed stays in %s", made->temporary);
    sb_pager__new_leave(made);
    return st;
}
