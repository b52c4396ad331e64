/* header.c — page 0, page checksums, and the state that each commit records (docs/FORMAT.md §2, §3). */
#include "pager/pager_priv.h"

static const uint8_t header_magic[16] = "Sombra graph\0\0\0";

uint32_t sb_pager__page_crc(const uint8_t *page, uint32_t page_bytes, sb_pgno pgno)
{
    uint8_t number[8];
    sb_store_le64(number, pgno);
    return sb_crc32c(sb_crc32c(0, number, sizeof number), page + SB_PAGE_KIND,
                     page_bytes - SB_PAGE_KIND);
}

uint32_t sb_pager__header_crc(const uint8_t *page, uint32_t page_bytes)
{
    const uint32_t behind = SB_HEADER_STAMPS + SB_STAMPS_BYTES;
    uint8_t number[8] = {0};
    const uint32_t before = sb_crc32c(sb_crc32c(0, number, sizeof number), page + SB_PAGE_KIND,
                                      SB_HEADER_STAMPS - SB_PAGE_KIND);
    return sb_crc32c(before, page + behind, page_bytes - behind);
}

void sb_pager__state_encode(const sb_state *state, uint8_t *out)
{
    sb_store_le32(out + SB_STATE_PAGE_COUNT, state->page_count);
    sb_store_le32(out + SB_STATE_EXTENT, state->extent);
    sb_store_le32(out + SB_STATE_FREE_HEAD, state->free_head);
    sb_store_le32(out + SB_STATE_FREE_HEAD_COUNT, state->free_head_count);
    sb_store_le32(out + SB_STATE_FREE_COUNT, state->free_count);
    sb_store_le32(out + SB_STATE_BYPASS, state->bypass);
    sb_store_le64(out + SB_STATE_SEQ, state->seq);
    sb_store_le64(out + SB_STATE_TIME, state->time_ns);
    memcpy(out + SB_STATE_META, state->meta, SB_META_BYTES);
}

sb_status sb_pager__state_decode(const uint8_t *in, sb_state *state, const char *where, sb_err *err)
{
    state->page_count = sb_load_le32(in + SB_STATE_PAGE_COUNT);
    state->extent = sb_load_le32(in + SB_STATE_EXTENT);
    state->free_head = sb_load_le32(in + SB_STATE_FREE_HEAD);
    state->free_head_count = sb_load_le32(in + SB_STATE_FREE_HEAD_COUNT);
    state->free_count = sb_load_le32(in + SB_STATE_FREE_COUNT);
    state->bypass = sb_load_le32(in + SB_STATE_BYPASS);
    state->seq = sb_load_le64(in + SB_STATE_SEQ);
    state->time_ns = sb_load_le64(in + SB_STATE_TIME);
    memcpy(state->meta, in + SB_STATE_META, SB_META_BYTES);
    const bool sound = state->page_count >= 1 && state->page_count <= SB_PGNO_MAX &&
                       state->extent >= state->page_count && state->extent <= SB_PGNO_MAX &&
                       state->free_head < state->page_count &&
                       state->free_count < state->page_count &&
                       (state->free_head != 0) == (state->free_count != 0) &&
                       state->free_head_count <= SB_PAGE_BYTES_MAX / 4 &&
                       (state->free_count == 0 ? state->free_head_count == 0
                                               : state->free_head_count < state->free_count);
    if (!sound) return SB_FAIL_PAGE(err, 0, "%s: page counts or free list are impossible", where);
    return SB_OK;
}

void sb_pager__header_encode(const sb_pager *pager, uint64_t salt, const sb_state *state,
                             uint8_t *page)
{
    memset(page, 0, pager->page_bytes);
    page[SB_PAGE_KIND] = SB_PAGE_HEADER;
    memcpy(page + SB_HEADER_MAGIC, header_magic, sizeof header_magic);
    sb_store_le32(page + SB_HEADER_VERSION, SB_FORMAT_VERSION);
    sb_store_le32(page + SB_HEADER_PAGE_BYTES, pager->page_bytes);
    sb_store_le32(page + SB_HEADER_WRITE_BITS, pager->write_bits);
    sb_store_le64(page + SB_HEADER_SALT, salt);
    sb_pager__state_encode(state, page + SB_HEADER_STATE);
    sb_pager__stamp_new(page, salt);
    sb_store_le32(page + SB_PAGE_CRC, sb_pager__header_crc(page, pager->page_bytes));
}

static sb_status check_header(const uint8_t *page, uint32_t page_bytes, const char *path,
                              sb_header *header, sb_err *err)
{
    if (sb_pager__header_crc(page, page_bytes) != sb_load_le32(page + SB_PAGE_CRC))
        return SB_FAIL_PAGE(err, 0, "%s: page 0 has a wrong checksum", path);
    if (page[SB_PAGE_KIND] != SB_PAGE_HEADER)
        return SB_FAIL_PAGE(err, 0, "%s: page 0 is not a header page", path);
    const uint32_t version = sb_load_le32(page + SB_HEADER_VERSION);
    const uint32_t read_bits = sb_load_le32(page + SB_HEADER_READ_BITS);
    if (version != SB_FORMAT_VERSION || read_bits != 0)
        return SB_FAIL(err, SB_VERSION_NEWER,
                       "%s: format version %u with features %#x is newer than this library", path,
                       version, read_bits);
    header->write_bits = sb_load_le32(page + SB_HEADER_WRITE_BITS);
    return sb_pager__state_decode(page + SB_HEADER_STATE, &header->state, path, err);
}

/* Has the file no byte that says anything? */
static sb_status is_blank(sb_file *file, bool *blank, sb_err *err)
{
    uint8_t part[SB_STAMP_BYTES];
    sb_file_info info;
    *blank = false;
    SB_TRY(file->ops->info(file, &info, err));
    if (info.bytes > SB_PAGE_BYTES_MAX) return SB_OK;
    for (uint64_t at = 0; at < info.bytes; at += sizeof part) {
        size_t got = 0;
        SB_TRY(file->ops->read(file, at, part, sizeof part, &got, err));
        if (memcmp(part, sb_pager__zeros, got) != 0) return SB_OK;
    }
    *blank = true;
    return SB_OK;
}

/* What a file is that has no magic. */
static sb_status read_stranger(sb_file *file, const char *path, sb_header *header, sb_err *err)
{
    bool stamped = false;
    SB_TRY(sb_pager__is_stamped(file, &stamped, err));
    if (stamped) return SB_FAIL_PAGE(err, 0, "%s: page 0 is damaged", path);
    SB_TRY(is_blank(file, &header->blank, err));
    return SB_FAIL(err, SB_NOT_A_DB, "%s is not a Sombra database", path);
}

bool sb_pager__header_lost(const sb_pager *pager, sb_status st, const sb_header *header)
{
    return st == SB_CORRUPT || (st == SB_NOT_A_DB && (header->blank || pager->options.forgive));
}

sb_status sb_pager__header_read(sb_file *file, const sb_allocator *alloc, const char *path,
                                sb_header *header, sb_err *err)
{
    uint8_t first[SB_HEADER_END];
    size_t got = 0;
    memset(header, 0, sizeof *header);
    SB_TRY(file->ops->read(file, 0, first, sizeof first, &got, err));
    if (got < sizeof first ||
        memcmp(first + SB_HEADER_MAGIC, header_magic, sizeof header_magic) != 0)
        return read_stranger(file, path, header, err);
    header->salt = sb_load_le64(first + SB_HEADER_SALT);
    const uint32_t page_bytes = sb_load_le32(first + SB_HEADER_PAGE_BYTES);
    if (page_bytes < SB_PAGE_BYTES_MIN || page_bytes > SB_PAGE_BYTES_MAX ||
        (page_bytes & (page_bytes - 1)) != 0)
        return SB_FAIL_PAGE(err, 0, "%s: page size %u is impossible", path, page_bytes);
    uint8_t *page = sb_alloc_zero(alloc, page_bytes);
    if (page == NULL) return SB_FAIL_NOMEM(err);
    sb_status st = file->ops->read(file, 0, page, page_bytes, &got, err);
    /* Behind the stamps are zeros, so what is cut off there is known. */
    if (st == SB_OK && got < SB_HEADER_STAMPS + SB_STAMPS_BYTES)
        st = SB_FAIL_PAGE(err, 0, "%s: page 0 is cut short", path);
    if (st == SB_OK) st = check_header(page, page_bytes, path, header, err);
    sb_free(alloc, page, page_bytes);
    if (st == SB_OK) header->page_bytes = page_bytes;
    return st;
}

static sb_status replaced(const sb_pager *pager, sb_err *err)
{
    return SB_FAIL_PAGE(err, 0, "%s: page 0 was replaced by that of another database", pager->path);
}

/* One that is lost, and will be made again from the WAL, says nothing. */
sb_status sb_pager__header_ours(sb_pager *pager, sb_err *err)
{
    sb_header header;
    sb_err cause;
    sb_err_clear(&cause);
    const sb_status st =
        sb_pager__header_read(pager->main_file, pager->alloc, pager->path, &header, &cause);
    if (header.salt != 0 && header.salt != pager->file_salt) return replaced(pager, err);
    if (st == SB_OK && header.state.seq < atomic_load(&pager->main_seq))
        return SB_FAIL_PAGE(err, 0, "%s: page 0 was replaced by that of an earlier state",
                            pager->path);
    if (st == SB_OK || st == SB_CORRUPT || st == SB_NOT_A_DB) return SB_OK;
    return SB_FAIL_OS(err, st, cause.os_error, "%s", cause.text);
}

sb_status sb_pager__header_state(sb_pager *pager, sb_state *state, sb_err *err)
{
    sb_header header;
    SB_TRY(sb_pager__header_read(pager->main_file, pager->alloc, pager->path, &header, err));
    if (header.page_bytes != pager->page_bytes || header.salt != pager->file_salt)
        return replaced(pager, err);
    *state = header.state;
    return SB_OK;
}

sb_status sb_pager__header_write(sb_pager *pager, sb_file *file, const sb_state *state, bool whole,
                                 sb_err *err)
{
    uint8_t *page = sb_alloc(pager->alloc, pager->page_bytes);
    if (page == NULL) return SB_FAIL_NOMEM(err);
    sb_pager__header_encode(pager, pager->file_salt, state, page);
    const sb_status st =
        sb_file_write_all(file, 0, page, whole ? pager->page_bytes : SB_HEADER_STAMPS, err);
    sb_free(pager->alloc, page, pager->page_bytes);
    return st;
}
