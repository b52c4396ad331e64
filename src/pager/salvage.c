/* salvage.c — making a damaged file openable, in a copy: what the recovery of damaged databases begins with.
 * The damaged file is only read, and parts that can not be read are taken as zeros, which no checksum accepts. */
#include "pager/pager_priv.h"

#include <stdio.h>

#define PIECE_BYTES  (256u * 1024u)
#define SECTOR_BYTES 4096u
#define SUFFIX_BYTES 5u /* "-wal" and the NUL */

/* ---- What must stay --------------------------------------------------------------------------- */

static sb_status check_name(sb_vfs *vfs, const sb_allocator *alloc, sb_file *damaged,
                            const char *path, const char *suffix, sb_err *err)
{
    bool is = false;
    char *name = sb_pager__join_path(alloc, path, suffix);
    if (name == NULL) return SB_FAIL_NOMEM(err);
    sb_status st = sb_pager__leads_to(vfs, name, damaged, &is, err);
    if (st == SB_OK && is)
        st = SB_FAIL(err, SB_INVALID,
                     "%s would be written over: give the new file a name that it does not begin "
                     "with",
                     damaged->path);
    sb_free(alloc, name, strlen(name) + 1);
    return st;
}

static sb_status check_names(sb_vfs *vfs, const sb_allocator *alloc, sb_file *damaged,
                             const char *path, const char *scratch, sb_err *err)
{
    static const char *const making[] = {"-wal", "-shm", "-making", "-making-wal", "-making-shm"};
    static const char *const copy[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < sizeof making / sizeof making[0]; i++)
        SB_TRY(check_name(vfs, alloc, damaged, path, making[i], err));
    for (size_t i = 0; i < sizeof copy / sizeof copy[0]; i++)
        SB_TRY(check_name(vfs, alloc, damaged, scratch, copy[i], err));
    return SB_OK;
}

sb_status sb_pager_salvage_check(sb_vfs *vfs, const sb_allocator *alloc, const char *damaged,
                                 const char *path, const char *scratch, sb_err *err)
{
    char *real = NULL;
    size_t real_bytes = 0;
    sb_file *file = NULL;
    SB_TRY(sb_vfs_open(vfs, damaged, SB_OPEN_READ_ONLY, &file, err));
    sb_status st = sb_vfs_resolve(vfs, alloc, path, &real, &real_bytes, err);
    if (st == SB_OK) st = check_names(vfs, alloc, file, real, scratch, err);
    sb_free(alloc, real, real_bytes);
    sb_file_close(file);
    return st;
}

/* ---- Copying --------------------------------------------------------------------------------- */

/* Read what can be read; the rest of the piece is zeros. */
static void read_piece(sb_file *file, uint64_t offset, uint8_t *piece, size_t bytes)
{
    size_t got = 0;

    memset(piece, 0, bytes);
    if (file->ops->read(file, offset, piece, bytes, &got, NULL) == SB_OK) return;
    memset(piece, 0, bytes);
    for (size_t at = 0; at < bytes; at += SECTOR_BYTES) {
        const size_t part = bytes - at < SECTOR_BYTES ? bytes - at : SECTOR_BYTES;
        if (file->ops->read(file, offset + at, piece + at, part, &got, NULL) != SB_OK)
            memset(piece + at, 0, part);
    }
}

static sb_status copy_bytes(sb_file *from, sb_file *to, uint8_t *piece, sb_err *err)
{
    sb_file_info info;

    SB_TRY(from->ops->info(from, &info, err));
    if (!info.regular) return SB_FAIL(err, SB_CANT_OPEN, "%s is not a regular file", from->path);
    for (uint64_t at = 0; at < info.bytes; at += PIECE_BYTES) {
        const size_t part = info.bytes - at < PIECE_BYTES ? (size_t)(info.bytes - at) : PIECE_BYTES;
        read_piece(from, at, piece, part);
        SB_TRY(sb_file_write_all(to, at, piece, part, err));
    }
    return SB_OK;
}

/* The copy is for nobody else, whoever may read the original: it is of one recovery, and gone behind it. */
static sb_status copy_file(sb_vfs *vfs, const sb_allocator *alloc, const char *path,
                           const char *scratch, sb_err *err)
{
    sb_file *from = NULL, *to = NULL;
    uint8_t *piece = sb_alloc(alloc, PIECE_BYTES);
    sb_status st;

    if (piece == NULL) return SB_FAIL_NOMEM(err);
    st = sb_vfs_open(vfs, path, SB_OPEN_READ_ONLY, &from, err);
    if (st == SB_OK)
        st = sb_vfs_open(vfs, scratch, SB_OPEN_CREATE | SB_OPEN_EXCLUSIVE | SB_OPEN_PRIVATE, &to,
                         err);
    if (st == SB_OK) st = copy_bytes(from, to, piece, err);
    sb_file_close(from);
    sb_file_close(to);
    sb_free(alloc, piece, PIECE_BYTES);
    return st;
}

static char *join(const sb_allocator *alloc, const char *path, const char *suffix)
{
    const size_t bytes = strlen(path);
    char *joined = sb_alloc(alloc, bytes + SUFFIX_BYTES);

    if (joined == NULL) return NULL;
    /* NOLINTNEXTLINE(bugprone-not-null-terminated-result) — the suffix ends it */
    memcpy(joined, path, bytes);
    memcpy(joined + bytes, suffix, SUFFIX_BYTES);
    return joined;
}

static sb_status copy_wal(sb_vfs *vfs, const sb_allocator *alloc, const char *path,
                          const char *scratch, sb_err *err)
{
    char *real = NULL; /* the WAL lies beside the file that path leads to */
    size_t real_bytes = 0;
    bool exists = false;

    SB_TRY(sb_vfs_resolve(vfs, alloc, path, &real, &real_bytes, err));
    char *from = join(alloc, real, "-wal"), *to = join(alloc, scratch, "-wal");
    sb_status st = from == NULL || to == NULL ? SB_FAIL_NOMEM(err) : SB_OK;

    if (st == SB_OK) st = vfs->ops->exists(vfs, from, &exists, err);
    if (st == SB_OK && exists) st = copy_file(vfs, alloc, from, to, err);
    sb_free(alloc, from, strlen(real) + SUFFIX_BYTES);
    sb_free(alloc, to, strlen(scratch) + SUFFIX_BYTES);
    sb_free(alloc, real, real_bytes);
    return st;
}

sb_status sb_pager_salvage(sb_vfs *vfs, const sb_allocator *alloc, const char *path,
                           const char *scratch, sb_err *err)
{
    SB_TRY(copy_file(vfs, alloc, path, scratch, err));
    return copy_wal(vfs, alloc, path, scratch, err);
}

/* ---- A header from nothing ------------------------------------------------------------------- */

/* Bytes of the file in pages whose checksum is valid for a page size. */
static sb_status count_valid(sb_file *file, uint64_t file_bytes, uint32_t page_bytes, uint8_t *page,
                             uint64_t *valid, sb_err *err)
{
    *valid = 0;
    for (uint64_t pgno = 1; pgno < SB_PGNO_MAX && (pgno + 1) * page_bytes <= file_bytes; pgno++) {
        SB_TRY(sb_file_read_all(file, pgno * page_bytes, page, page_bytes, err));
        if (page[SB_PAGE_KIND] > SB_PAGE_OVERFLOW) continue;
        if (sb_pager__page_crc(page, page_bytes, (sb_pgno)pgno) == sb_load_le32(page + SB_PAGE_CRC))
            *valid += page_bytes;
    }
    return SB_OK;
}

static sb_status guess_page_bytes(sb_file *file, uint64_t file_bytes, uint8_t *page,
                                  uint32_t *page_bytes, sb_err *err)
{
    uint64_t best = 0, valid;

    *page_bytes = 0;
    for (uint32_t bytes = SB_PAGE_BYTES_MIN; bytes <= SB_PAGE_BYTES_MAX; bytes *= 2) {
        SB_TRY(count_valid(file, file_bytes, bytes, page, &valid, err));
        if (valid <= best) continue;
        best = valid;
        *page_bytes = bytes;
    }
    return best != 0
               ? SB_OK
               : SB_FAIL(err, SB_NOT_A_DB, "%s has no page with a valid checksum", file->path);
}

static sb_status write_header(sb_vfs *vfs, sb_file *file, uint64_t file_bytes, uint8_t *page,
                              uint32_t page_bytes, sb_err *err)
{
    const sb_pager shape = {.page_bytes = page_bytes};
    const uint64_t pages = file_bytes / page_bytes;
    sb_state state = {.page_count = pages < SB_PGNO_MAX ? (uint32_t)pages : SB_PGNO_MAX};
    uint64_t salt;

    state.extent = state.page_count;
    SB_TRY(vfs->ops->random(vfs, &salt, sizeof salt, err));
    sb_pager__header_encode(&shape, salt, &state, page);
    return sb_file_write_all(file, 0, page, page_bytes, err);
}

sb_status sb_pager_salvage_header(sb_vfs *vfs, const sb_allocator *alloc, const char *scratch,
                                  sb_err *err)
{
    sb_file *file = NULL;
    sb_file_info info = {0};
    uint32_t page_bytes = 0;
    bool existed;
    char *wal = join(alloc, scratch, "-wal");
    uint8_t *page = sb_alloc(alloc, SB_PAGE_BYTES_MAX);
    sb_status st = wal == NULL || page == NULL ? SB_FAIL_NOMEM(err) : SB_OK;

    if (st == SB_OK) st = vfs->ops->remove(vfs, wal, &existed, err);
    if (st == SB_OK) st = sb_vfs_open(vfs, scratch, 0, &file, err);
    if (st == SB_OK) st = file->ops->info(file, &info, err);
    if (st == SB_OK) st = guess_page_bytes(file, info.bytes, page, &page_bytes, err);
    if (st == SB_OK) st = write_header(vfs, file, info.bytes, page, page_bytes, err);
    sb_file_close(file);
    sb_free(alloc, page, SB_PAGE_BYTES_MAX);
    sb_free(alloc, wal, strlen(scratch) + SUFFIX_BYTES);
    return st;
}

/* ---- Free pages ------------------------------------------------------------------------------ */

static sb_status note_free(void *ctx, sb_pgno pgno, bool trunk, sb_err *err)
{
    (void)trunk;
    (void)err;
    sb_bit_set(ctx, pgno);
    return SB_OK;
}

sb_status sb_pager_free_map(sb_txn *txn, uint8_t *map, bool *whole, sb_err *err)
{
    sb_err cause;

    sb_err_clear(&cause);
    const sb_status st = sb_pager__free_walk(txn, note_free, map, &cause);
    *whole = st == SB_OK;
    return st == SB_OK || st == SB_CORRUPT ? SB_OK : SB_FAIL(err, st, "%s", cause.text);
}
