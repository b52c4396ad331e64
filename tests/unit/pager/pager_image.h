/* pager_image.h — the files of a store as they are at one moment, and a machine that boots with them: a process that was
 * killed then, or files that somebody has copied about. */
#ifndef TESTS_PAGER_IMAGE_H
#define TESTS_PAGER_IMAGE_H

#include "pager_fixture.h"

/* Bytes of a file; absent: NULL. */
static inline uint8_t *slurp(sb_vfs *vfs, const char *path, size_t *bytes)
{
    sb_file *file = NULL;
    sb_file_info info;
    bool exists = false;
    *bytes = 0;
    assert_int_equal(vfs->ops->exists(vfs, path, &exists, NULL), SB_OK);
    if (!exists) return NULL;
    assert_int_equal(sb_vfs_open(vfs, path, SB_OPEN_READ_ONLY, &file, NULL), SB_OK);
    assert_int_equal(file->ops->info(file, &info, NULL), SB_OK);
    uint8_t *data = malloc(info.bytes + 1);
    assert_non_null(data);
    *bytes = info.bytes;
    assert_int_equal(sb_file_read_all(file, 0, data, *bytes, NULL), SB_OK);
    sb_file_close(file);
    return data;
}
static inline void spill_out(sb_vfs *vfs, const char *path, const uint8_t *data, size_t bytes)
{
    sb_file *file = NULL;
    if (data == NULL) return;
    assert_int_equal(sb_vfs_open(vfs, path, SB_OPEN_CREATE, &file, NULL), SB_OK);
    assert_int_equal(file->ops->truncate(file, bytes, NULL), SB_OK);
    if (bytes != 0) assert_int_equal(sb_file_write_all(file, 0, data, bytes, NULL), SB_OK);
    sb_file_close(file);
}

/* What the disk holds at one moment. */
typedef struct image {
    uint8_t *main_file, *wal;
    size_t main_bytes, wal_bytes;
} image;

static inline image take_image(sb_vfs *vfs)
{
    image i;
    i.main_file = slurp(vfs, "x", &i.main_bytes);
    i.wal = slurp(vfs, "x-wal", &i.wal_bytes);
    return i;
}
static inline void free_image(image *i)
{
    free(i->main_file);
    free(i->wal);
}
static inline sb_vfs *boot(const image *i)
{
    sb_vfs *vfs = fixture_memory();
    spill_out(vfs, "x", i->main_file, i->main_bytes);
    spill_out(vfs, "x-wal", i->wal, i->wal_bytes);
    return vfs;
}

#endif
