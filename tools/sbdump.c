/* sbdump.c — what is in the files of a database, byte by byte, without opening it.
 *   sbdump FILE             page 0 and the kinds of all pages; of a WAL: its header and every frame
 *   sbdump FILE PAGE        one page of the main file: header fields, then all bytes
 *   sbdump FILE-wal POS     one frame of the WAL, by its position in units of 64 bytes
 * Damage is shown, never fatal: that is what the tool is for. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "pager/pager_priv.h"

static const char *kind_name(unsigned kind)
{
    static const char *const names[] = {"free",     "header", "inner",   "slotted",
                                        "columnar", "list",   "overflow"};
    return kind < sizeof names / sizeof names[0] ? names[kind] : "?";
}

static const char *frame_name(uint32_t kind)
{
    static const char *const names[] = {"?", "page", "commit", "pad", "delta"};
    return kind < sizeof names / sizeof names[0] ? names[kind] : "?";
}

/* 16 bytes a line, runs of equal lines shown once. */
static void dump_bytes(const uint8_t *bytes, size_t count, uint64_t base)
{
    bool skipping = false;
    for (size_t at = 0; at < count; at += 16) {
        if (at != 0 && at + 16 < count && memcmp(bytes + at, bytes + at - 16, 16) == 0) {
            if (!skipping) printf("  *\n");
            skipping = true;
            continue;
        }
        skipping = false;
        printf("  %08" PRIx64 " ", base + at);
        for (size_t i = at; i < at + 16 && i < count; i++)
            printf(" %02x", bytes[i]);
        printf("  |");
        for (size_t i = at; i < at + 16 && i < count; i++)
            putchar(bytes[i] >= 0x20 && bytes[i] < 0x7F ? bytes[i] : '.');
        printf("|\n");
    }
}

static void print_state(const uint8_t *in)
{
    sb_state state;
    const bool sound = sb_pager__state_decode(in, &state, "state", NULL) == SB_OK;
    printf("  commit %" PRIu64 ", time %" PRIu64 " ns, %u pages, extent %u\n", state.seq,
           state.time_ns, state.page_count, state.extent);
    printf("  free: %u pages, first trunk %u with %u entries%s\n", state.free_count,
           state.free_head, state.free_head_count, sound ? "" : "   IMPOSSIBLE");
}

static void print_page_line(const uint8_t *page, uint32_t page_bytes, uint64_t pgno)
{
    const uint32_t crc = sb_load_le32(page + SB_PAGE_CRC);
    const bool good = crc == (pgno == 0 ? sb_pager__header_crc(page, page_bytes)
                                        : sb_pager__page_crc(page, page_bytes, (sb_pgno)pgno));
    printf("page %" PRIu64 ": %s, level %u, flags %#x, tree %u, crc %08x %s\n", pgno,
           kind_name(page[SB_PAGE_KIND]), page[SB_PAGE_LEVEL], sb_load_le16(page + SB_PAGE_FLAGS),
           sb_load_le32(page + SB_PAGE_TREE), crc, good ? "good" : "BAD");
}

static void dump_main(const uint8_t *data, size_t bytes, const char *which)
{
    const uint32_t page_bytes = sb_load_le32(data + SB_HEADER_PAGE_BYTES);
    if (page_bytes < SB_PAGE_BYTES_MIN || page_bytes > SB_PAGE_BYTES_MAX ||
        (page_bytes & (page_bytes - 1)) != 0) {
        printf("page size %u is impossible\n", page_bytes);
        return;
    }
    if (which != NULL) {
        const uint64_t pgno = strtoull(which, NULL, 0);
        if (pgno >= bytes / page_bytes) {
            printf("page %" PRIu64 " lies past the end of the file\n", pgno);
            return;
        }
        print_page_line(data + pgno * page_bytes, page_bytes, pgno);
        dump_bytes(data + pgno * page_bytes, page_bytes, pgno * page_bytes);
        return;
    }
    printf("main file, %zu bytes, version %u, pages of %u bytes, salt %016" PRIx64
           ", features %#x %#x %#x\n",
           bytes, sb_load_le32(data + SB_HEADER_VERSION), page_bytes,
           sb_load_le64(data + SB_HEADER_SALT), sb_load_le32(data + SB_HEADER_READ_BITS),
           sb_load_le32(data + SB_HEADER_WRITE_BITS), sb_load_le32(data + SB_HEADER_COMPAT_BITS));
    print_state(data + SB_HEADER_STATE);
    for (uint64_t pgno = 0; pgno < bytes / page_bytes; pgno++)
        print_page_line(data + pgno * page_bytes, page_bytes, pgno);
    if (bytes % page_bytes != 0)
        printf("%zu bytes behind the last whole page\n", bytes % page_bytes);
}

static void print_frame(const uint8_t *frame, uint64_t left, uint32_t chain)
{
    const uint32_t kind = sb_load_le32(frame + SB_FRAME_KIND),
                   payload = sb_load_le32(frame + SB_FRAME_PAYLOAD);
    printf("%10u  %-6s page %u, %u bytes, commit %" PRIu64 ", crc %08x, chain %s\n",
           sb_load_le32(frame + SB_FRAME_POS), frame_name(kind),
           sb_load_le32(frame + SB_FRAME_PGNO), payload, sb_load_le64(frame + SB_FRAME_SEQ),
           sb_load_le32(frame + SB_FRAME_CRC),
           sb_crc32c(chain, frame, SB_FRAME_CHAIN) == sb_load_le32(frame + SB_FRAME_CHAIN) ? "good"
                                                                                           : "BAD");
    if (kind == SB_FRAME_COMMIT && left >= SB_FRAME_BYTES + SB_COMMIT_PAYLOAD)
        print_state(frame + SB_FRAME_BYTES);
}

static void dump_wal(const uint8_t *data, size_t bytes, const char *which)
{
    const uint64_t salt = sb_load_le64(data + SB_WAL_SALT),
                   wanted = which == NULL ? 0 : strtoull(which, NULL, 0);
    const uint32_t crc = sb_load_le32(data + SB_WAL_CRC);
    uint32_t chain = crc;
    printf("WAL, %zu bytes, pages of %u bytes, of file %016" PRIx64
           ", generation %u, salt %016" PRIx64 ", crc %s\n",
           bytes, sb_load_le32(data + SB_WAL_PAGE_BYTES), sb_load_le64(data + SB_WAL_FILE_SALT),
           sb_load_le32(data + SB_WAL_GENERATION), salt,
           crc == sb_crc32c(0, data, SB_WAL_CRC) ? "good" : "BAD");
    for (uint64_t at = SB_WAL_HEADER_BYTES; at + SB_FRAME_BYTES <= bytes;) {
        const uint8_t *frame = data + at;
        if (sb_load_le64(frame + SB_FRAME_SALT) != salt ||
            sb_load_le32(frame + SB_FRAME_POS) != at / SB_WAL_UNIT) {
            printf("%10" PRIu64 "  no frame of this generation: the end\n", at / SB_WAL_UNIT);
            break;
        }
        const uint64_t frame_bytes =
            SB_FRAME_BYTES + (uint64_t)sb_load_le32(frame + SB_FRAME_PAYLOAD);
        if (which == NULL || wanted == at / SB_WAL_UNIT) print_frame(frame, bytes - at, chain);
        if (which != NULL && wanted == at / SB_WAL_UNIT)
            dump_bytes(frame, frame_bytes < bytes - at ? (size_t)frame_bytes : bytes - at, at);
        chain = sb_load_le32(frame + SB_FRAME_CHAIN);
        at += frame_bytes;
    }
}

int main(int argc, char **argv)
{
    sb_vfs *vfs = NULL;
    sb_file *file = NULL;
    sb_file_info info;
    sb_err err;
    uint8_t *data = NULL;
    sb_err_clear(&err);
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: sbdump FILE [PAGE]\n       sbdump FILE-wal [POSITION]\n");
        return 2;
    }
    sb_status st = sb_vfs_posix_create(&sb_allocator_libc, &vfs, &err);
    if (st == SB_OK) st = sb_vfs_open(vfs, argv[1], SB_OPEN_READ_ONLY, &file, &err);
    if (st == SB_OK) st = file->ops->info(file, &info, &err);
    if (st == SB_OK) {
        data = malloc(info.bytes + SB_WAL_HEADER_BYTES);
        st = data == NULL ? SB_FAIL_NOMEM(&err) : sb_file_read_all(file, 0, data, info.bytes, &err);
    }
    if (st != SB_OK) {
        fprintf(stderr, "sbdump: %s\n", err.text);
    } else {
        memset(data + info.bytes, 0, SB_WAL_HEADER_BYTES); /* a short file shows as zeros */
        if (memcmp(data, "Sombra WAL", 11) == 0)
            dump_wal(data, info.bytes, argc > 2 ? argv[2] : NULL);
        else if (memcmp(data + SB_HEADER_MAGIC, "Sombra graph", 13) == 0)
            dump_main(data, info.bytes, argc > 2 ? argv[2] : NULL);
        else
            printf("%s is no file of Sombra\n", argv[1]);
    }
    free(data);
    sb_file_close(file);
    sb_vfs_destroy(vfs);
    return sb_status_exit_code(st);
}
