/* input.c — bytes of a CSV file: plain, gzip or zstd, told apart by their first bytes, from a file or a pipe.
 * Files are read from front to back through the VFS, in pieces of IO_BYTES when they are compressed. */
#include "graph/csv_priv.h"

#ifdef HAVE_ZLIB
#include <zlib.h>
#endif
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

#define IO_BYTES (256u * 1024u)

typedef enum input_kind { INPUT_PLAIN, INPUT_GZIP, INPUT_ZSTD } input_kind;

struct sb_input {
    const sb_allocator *alloc;
    sb_file *file;
    const char *path; /* borrowed, for messages */
    uint64_t offset;
    input_kind kind;
    uint8_t *raw; /* IO_BYTES: bytes read and not yet given out */
    size_t raw_at, raw_size;
    bool at_end;    /* of the file */
    bool in_stream; /* inside compressed data that has not ended */
#ifdef HAVE_ZLIB
    z_stream gzip;
    bool gzip_open;
    bool padded; /* zeros have come behind the last member */
#endif
#ifdef HAVE_ZSTD
    ZSTD_DStream *zstd;
#endif
};

static sb_status fill(sb_input *input, sb_err *err)
{
    size_t got;

    if (input->raw_at != input->raw_size || input->at_end) return SB_OK;
    SB_TRY(input->file->ops->read(input->file, input->offset, input->raw, IO_BYTES, &got, err));
    input->offset += got;
    input->raw_at = 0;
    input->raw_size = got;
    input->at_end = got < IO_BYTES;
    return SB_OK;
}

static sb_status fail_damaged(const sb_input *input, const char *what, const char *detail,
                              sb_err *err)
{
    return SB_FAIL(err, SB_SYNTAX, "%s: the %s data is damaged near byte %llu of the file: %s",
                   input->path, what,
                   (unsigned long long)(input->offset - (input->raw_size - input->raw_at)), detail);
}

/* ---- gzip ------------------------------------------------------------------------------------------------------ */

#ifdef HAVE_ZLIB
/* Each block begins with its size, which sb_free wants back. */
static void *zlib_alloc(void *ctx, unsigned items, unsigned size)
{
    const sb_allocator *alloc = ctx;
    size_t bytes;

    if (!sb_mul_size(items, size, &bytes) || !sb_add_size(bytes, 16, &bytes)) return NULL;
    uint8_t *block = sb_alloc(alloc, bytes);
    if (block == NULL) return NULL;
    memcpy(block, &bytes, sizeof bytes);
    return block + 16;
}

static void zlib_free(void *ctx, void *pointer)
{
    uint8_t *block = (uint8_t *)pointer - 16;
    size_t bytes;

    memcpy(&bytes, block, sizeof bytes);
    sb_free(ctx, block, bytes);
}

static sb_status open_gzip(sb_input *input, sb_err *err)
{
    /* zlib hands the pointer back as void *; nothing is written through it. */
    memcpy(&input->gzip.opaque, &input->alloc, sizeof input->alloc);
    input->gzip.zalloc = zlib_alloc;
    input->gzip.zfree = zlib_free;
    if (inflateInit2(&input->gzip, 15 + 16) != Z_OK) return SB_FAIL_NOMEM(err);
    input->gzip_open = true;
    return SB_OK;
}

/* A gzip file may be several members, one behind the other, and zeros that fill a block of a tape, which gzip passes over. */
static sb_status begin_member(sb_input *input, sb_err *err)
{
    while (input->raw_at != input->raw_size && input->raw[input->raw_at] == 0) {
        input->raw_at++;
        input->padded = true;
    }
    if (input->raw_at == input->raw_size) return SB_OK;
    if (input->padded || input->raw[input->raw_at] != 0x1f)
        return SB_FAIL(err, SB_SYNTAX,
                       "%s: behind the gzip data, from byte %llu of the file on, there is "
                       "something else",
                       input->path,
                       (unsigned long long)(input->offset - (input->raw_size - input->raw_at)));
    input->in_stream = true;
    return SB_OK;
}

static sb_status read_gzip(sb_input *input, uint8_t *data, size_t bytes, size_t *got, sb_err *err)
{
    z_stream *stream = &input->gzip;
    const size_t room = bytes < UINT32_MAX ? bytes : UINT32_MAX;

    if (!input->in_stream) SB_TRY(begin_member(input, err));
    if (!input->in_stream) return SB_OK;
    stream->next_in = input->raw + input->raw_at;
    stream->avail_in = (unsigned)(input->raw_size - input->raw_at);
    stream->next_out = data;
    stream->avail_out = (unsigned)room;
    const int result = inflate(stream, Z_NO_FLUSH);
    input->raw_at = input->raw_size - stream->avail_in;
    *got = room - stream->avail_out;
    if (result == Z_STREAM_END) {
        input->in_stream = false;
        return inflateReset(stream) == Z_OK ? SB_OK
                                            : fail_damaged(input, "gzip", "it can not go on", err);
    }
    if (result == Z_MEM_ERROR) return SB_FAIL_NOMEM(err);
    if (result == Z_OK || result == Z_BUF_ERROR) return SB_OK;
    return fail_damaged(input, "gzip", stream->msg != NULL ? stream->msg : "no valid stream", err);
}
#endif

/* ---- zstd ---------------------------------------------------------------------------------------------------------- */

#ifdef HAVE_ZSTD
static sb_status read_zstd(sb_input *input, uint8_t *data, size_t bytes, size_t *got, sb_err *err)
{
    ZSTD_inBuffer in = {input->raw, input->raw_size, input->raw_at};
    ZSTD_outBuffer out = {data, bytes, 0};

    const size_t result = ZSTD_decompressStream(input->zstd, &out, &in);
    input->raw_at = in.pos;
    *got = out.pos;
    if (ZSTD_isError(result)) return fail_damaged(input, "zstd", ZSTD_getErrorName(result), err);
    input->in_stream = result != 0;
    return SB_OK;
}
#endif

/* ---- The front ---------------------------------------------------------------------------------------------------------- */

static sb_status read_some(sb_input *input, uint8_t *data, size_t bytes, size_t *got, sb_err *err)
{
    (void)err; /* plain bytes can not fail */
    *got = 0;
#ifdef HAVE_ZLIB
    if (input->kind == INPUT_GZIP) return read_gzip(input, data, bytes, got, err);
#endif
#ifdef HAVE_ZSTD
    if (input->kind == INPUT_ZSTD) return read_zstd(input, data, bytes, got, err);
#endif
    *got = input->raw_size - input->raw_at < bytes ? input->raw_size - input->raw_at : bytes;
    if (*got != 0) memcpy(data, input->raw + input->raw_at, *got);
    input->raw_at += *got;
    return SB_OK;
}

sb_status sb_input__read(sb_input *input, uint8_t *data, size_t bytes, size_t *got, sb_err *err)
{
    *got = 0;
    while (*got < bytes) {
        size_t part;
        const bool was_empty = input->raw_at == input->raw_size;
        /* Plain bytes go straight to the caller once the first ones have been given out. */
        if (input->kind == INPUT_PLAIN && was_empty && !input->at_end) {
            const size_t want = bytes - *got;
            SB_TRY(
                input->file->ops->read(input->file, input->offset, data + *got, want, &part, err));
            input->offset += part;
            input->at_end = part < want;
            *got += part;
            continue;
        }
        SB_TRY(fill(input, err));
        const bool is_empty = input->raw_at == input->raw_size;
        /* What a decoder still holds comes without input. */
        if (is_empty && input->at_end && !input->in_stream) break;
        SB_TRY(read_some(input, data + *got, bytes - *got, &part, err));
        if (part == 0 && is_empty && input->at_end && input->in_stream)
            return fail_damaged(input, input->kind == INPUT_GZIP ? "gzip" : "zstd",
                                "it ends too early", err);
        *got += part;
    }
    return SB_OK;
}

/* What would only be read as noise. */
static sb_status refuse_packed(const sb_input *input, sb_err *err)
{
    static const struct {
        const char *name;
        size_t size;
        uint8_t magic[8];
    } packed[] = {
        {"xz", 6, {0xfd, '7', 'z', 'X', 'Z', 0}},
        {"bzip2", 8, {'B', 'Z', 'h', '9', 0x31, 0x41, 0x59, 0x26}},
        {"lz4", 4, {0x04, 0x22, 0x4d, 0x18}},
        {"zip", 4, {'P', 'K', 3, 4}},
    };

    for (size_t i = 0; i < sizeof packed / sizeof packed[0]; i++)
        if (input->raw_size >= packed[i].size &&
            memcmp(input->raw, packed[i].magic, packed[i].size) == 0)
            return SB_FAIL(err, SB_UNSUPPORTED,
                           "%s is packed with %s: unpack it first, or pack it with gzip or zstd",
                           input->path, packed[i].name);
    return SB_OK;
}

static sb_status choose_kind(sb_input *input, sb_err *err)
{
    static const uint8_t gzip_magic[2] = {0x1f, 0x8b}, zstd_magic[4] = {0x28, 0xb5, 0x2f, 0xfd};

    SB_TRY(fill(input, err));
    if (input->raw_size >= 2 && memcmp(input->raw, gzip_magic, 2) == 0) {
        input->kind = INPUT_GZIP;
#ifdef HAVE_ZLIB
        return open_gzip(input, err);
#else
        return SB_FAIL(err, SB_UNSUPPORTED,
                       "%s is compressed with gzip, and this build has no zlib", input->path);
#endif
    }
    if (input->raw_size >= 4 && memcmp(input->raw, zstd_magic, 4) == 0) {
        input->kind = INPUT_ZSTD;
#ifdef HAVE_ZSTD
        input->zstd = ZSTD_createDStream();
        return input->zstd != NULL ? SB_OK : SB_FAIL_NOMEM(err);
#else
        return SB_FAIL(err, SB_UNSUPPORTED,
                       "%s is compressed with zstd, and this build has no libzstd", input->path);
#endif
    }
    return refuse_packed(input, err);
}

sb_status sb_input__open_file(sb_vfs *vfs, const char *path, sb_file **file, sb_err *err)
{
    return sb_vfs_open(vfs, strcmp(path, "-") == 0 ? "/dev/stdin" : path,
                       SB_OPEN_READ_ONLY | SB_OPEN_SEQUENTIAL, file, err);
}

sb_status sb_input__open(const sb_allocator *alloc, sb_vfs *vfs, const char *path, sb_file *opened,
                         sb_input **input, sb_err *err)
{
    sb_input *made = sb_alloc_zero(alloc, sizeof *made);
    sb_status st;

    *input = NULL;
    if (made == NULL) {
        sb_file_close(opened);
        return SB_FAIL_NOMEM(err);
    }
    made->alloc = alloc;
    made->path = strcmp(path, "-") == 0 ? "standard input" : path;
    made->file = opened;
    if (opened == NULL && (st = sb_input__open_file(vfs, path, &made->file, err)) != SB_OK)
        goto fail;
    made->raw = sb_alloc(alloc, IO_BYTES);
    if (made->raw == NULL) {
        st = SB_FAIL_NOMEM(err);
        goto fail;
    }
    if ((st = choose_kind(made, err)) != SB_OK) goto fail;
    *input = made;
    return SB_OK;

fail:
    sb_input__close(made);
    return st;
}

uint64_t sb_input__bytes_read(const sb_input *input)
{
    return input->offset - (input->raw_size - input->raw_at);
}

uint64_t sb_input__bytes_total(const sb_input *input)
{
    sb_file_info info;

    if (input->file->ops->info(input->file, &info, NULL) != SB_OK || !info.regular) return 0;
    return info.bytes;
}

void sb_input__close(sb_input *input)
{
    if (input == NULL) return;
#ifdef HAVE_ZLIB
    if (input->gzip_open) (void)inflateEnd(&input->gzip);
#endif
#ifdef HAVE_ZSTD
    (void)ZSTD_freeDStream(input->zstd); /* accepts NULL, can not fail */
#endif
    sb_free(input->alloc, input->raw, IO_BYTES);
    sb_file_close(input->file);
    sb_free(input->alloc, input, sizeof *input);
}
