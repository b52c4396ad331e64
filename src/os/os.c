/* os.c — shorthands over the tables of a file and a virtual file system. */
#include "os/os.h"

#include <string.h>

sb_status sb_vfs_open(sb_vfs *vfs, const char *path, unsigned flags, sb_file **file, sb_err *err)
{
    *file = NULL;
    return vfs->ops->open(vfs, path, flags, file, err);
}

sb_status sb_vfs_make_directory(sb_vfs *vfs, const char *path, bool *made, sb_err *err)
{
    *made = false;
    if (vfs->ops->make_directory == NULL) return SB_OK;
    return vfs->ops->make_directory(vfs, path, made, err);
}

sb_status sb_vfs_remove_directory(sb_vfs *vfs, const char *path, sb_err *err)
{
    return vfs->ops->remove_directory == NULL ? SB_OK : vfs->ops->remove_directory(vfs, path, err);
}

sb_status sb_vfs_resolve(sb_vfs *vfs, const sb_allocator *alloc, const char *path, char **resolved,
                         size_t *bytes, sb_err *err)
{
    *resolved = NULL;
    *bytes = 0;
    if (vfs->ops->resolve != NULL) return vfs->ops->resolve(vfs, alloc, path, resolved, bytes, err);
    const size_t path_bytes = strlen(path) + 1;
    *resolved = (char *)sb_alloc(alloc, path_bytes);
    if (*resolved == NULL) return SB_FAIL_NOMEM(err);
    memcpy(*resolved, path, path_bytes);
    *bytes = path_bytes;
    return SB_OK;
}

void sb_vfs_destroy(sb_vfs *vfs)
{
    if (vfs != NULL) vfs->ops->destroy(vfs);
}

void sb_file_close(sb_file *file)
{
    if (file != NULL) file->ops->close(file);
}

sb_status sb_file_read_all(sb_file *file, uint64_t offset, void *data, size_t bytes, sb_err *err)
{
    size_t got = 0;
    const sb_status st = file->ops->read(file, offset, data, bytes, &got, err);

    if (st != SB_OK) return st;
    if (got != bytes)
        return SB_FAIL(err, SB_IO, "%s: short read: the file ends after %zu of %zu bytes at %llu",
                       file->path, got, bytes, (unsigned long long)offset);
    return SB_OK;
}

sb_status sb_file_write_all(sb_file *file, uint64_t offset, const void *data, size_t bytes,
                            sb_err *err)
{
    const sb_io_piece piece = {.data = data, .bytes = bytes};

    return file->ops->write(file, offset, &piece, 1, err);
}

sb_status sb_file_write_back(sb_file *file, uint64_t offset, uint64_t bytes, sb_err *err)
{
    return file->ops->write_back == NULL ? SB_OK : file->ops->write_back(file, offset, bytes, err);
}
