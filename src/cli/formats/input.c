/* input.c — bytes of a file, a pipe or standard input, plain or compressed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#if defined(HAVE_ZLIB)
#include <zlib.h>
#endif
#if defined(HAVE_ZSTD)
#include <zstd.h>
#endif

#include "cli/formats/formats.h"

#define BUFFER_BYTES ((size_t)1 << 17)

typedef enum packing { PLAIN, GZIP, ZSTD_PACKED } packing;

struct fmt_input {
    FILE *file;
    const char *path; /* for messages */
    packing packing;
    uint64_t done, total;
    unsigned char *buffer; /* as read */
    size_t at, size;
    bool ended;   /* of the file */
    bool between; /* packed: at the end of a frame, where the file may end */
#if defined(HAVE_ZLIB)
    z_stream gzip;
    bool gzip_open;
    bool padded; /* zeros have come behind the last member */
#endif
#if defined(HAVE_ZSTD)
    ZSTD_DStream *zstd;
#endif
};

static sombra_status read_file(fmt_input *input, void *data, size_t bytes, size_t *got,
                               fmt_error *error)
{
    *got = fread(data, 1, bytes, input->file);
    input->done += *got;
    if (*got < bytes) {
        if (ferror(input->file))
            return fmt_fail(error, SOMBRA_IO, "%s: %s", input->path, strerror(errno));
        input->ended = feof(input->file) != 0;
    }
    return SOMBRA_OK;
}

static sombra_status fill(fmt_input *input, fmt_error *error)
{
    if (input->at != input->size || input->ended) return SOMBRA_OK;
    input->at = 0;
    return read_file(input, input->buffer, BUFFER_BYTES, &input->size, error);
}

static sombra_status begin_packed(fmt_input *input, fmt_error *error)
{
    (void)error;
    input->between = true;
    if (input->size >= 2 && input->buffer[0] == 0x1F && input->buffer[1] == 0x8B) {
        input->packing = GZIP;
#if defined(HAVE_ZLIB)
        if (inflateInit2(&input->gzip, 15 + 16) != Z_OK) fmt_need(NULL);
        input->gzip_open = true;
#else
        return fmt_fail(error, SOMBRA_UNSUPPORTED,
                        "%s is compressed with gzip, which this build can not read", input->path);
#endif
    } else if (input->size >= 4 && memcmp(input->buffer, "\x28\xB5\x2F\xFD", 4) == 0) {
        input->packing = ZSTD_PACKED;
#if defined(HAVE_ZSTD)
        input->zstd = fmt_need(ZSTD_createDStream());
#else
        return fmt_fail(error, SOMBRA_UNSUPPORTED,
                        "%s is compressed with zstd, which this build can not read", input->path);
#endif
    }
    return SOMBRA_OK;
}

fmt_input *fmt_input_open(const char *path, fmt_error *error)
{
    const bool standard = strcmp(path, "-") == 0;
    fmt_input *input = fmt_need(calloc(1, sizeof *input));
    struct stat info;

    input->path = standard ? "standard input" : path;
    input->file = standard ? stdin : fopen(path, "rb");
    input->buffer = fmt_need(malloc(BUFFER_BYTES));
    if (input->file == NULL) {
        (void)fmt_fail_open(error, path);
    } else if (fstat(fileno(input->file), &info) == 0 && S_ISDIR(info.st_mode)) {
        (void)fmt_fail(error, SOMBRA_CANT_OPEN, "%s is a directory", path);
    } else {
        if (fstat(fileno(input->file), &info) == 0 && S_ISREG(info.st_mode))
            input->total = (uint64_t)info.st_size;
        if (fill(input, error) == SOMBRA_OK && begin_packed(input, error) == SOMBRA_OK)
            return input;
    }
    fmt_input_close(input);
    return NULL;
}

#if defined(HAVE_ZLIB)
/* Behind a member there may be another, and zeros that fill a block of a tape, which gzip passes over. */
static sombra_status begin_member(fmt_input *input, fmt_error *error)
{
    for (; input->at != input->size && input->buffer[input->at] == 0; input->at++)
        input->padded = true;
    if (input->at == input->size) return SOMBRA_OK;
    if (input->padded || input->buffer[input->at] != 0x1F)
        return fmt_fail(error, SOMBRA_SYNTAX,
                        "%s: behind the gzip data, from byte %llu of the file on, there is "
                        "something else",
                        input->path, (unsigned long long)(input->done - (input->size - input->at)));
    input->between = false;
    return SOMBRA_OK;
}

static sombra_status read_gzip(fmt_input *input, unsigned char *data, size_t bytes, size_t *got,
                               fmt_error *error)
{
    z_stream *gzip = &input->gzip;

    while (*got < bytes) {
        const size_t room = bytes - *got < UINT32_MAX / 2 ? bytes - *got : UINT32_MAX / 2;
        if (fill(input, error) != SOMBRA_OK) return error->status;
        if (input->at == input->size && input->between) return SOMBRA_OK;
        if (input->between && begin_member(input, error) != SOMBRA_OK) return error->status;
        if (input->between) continue;
        gzip->next_in = input->buffer + input->at;
        gzip->avail_in = (uInt)(input->size - input->at);
        gzip->next_out = data + *got;
        gzip->avail_out = (uInt)room;
        const int result = inflate(gzip, Z_NO_FLUSH);
        input->at = input->size - gzip->avail_in;
        *got += room - gzip->avail_out;
        if (result == Z_STREAM_END) { /* another member may follow */
            input->between = true;
            if (inflateReset(gzip) != Z_OK) fmt_need(NULL);
        } else if (result != Z_OK ||
                   (input->ended && input->at == input->size && gzip->avail_out != 0)) {
            return fmt_fail(error, SOMBRA_SYNTAX, "%s: the gzip data is damaged or cut short",
                            input->path);
        }
    }
    return SOMBRA_OK;
}
#endif

#if defined(HAVE_ZSTD)
static sombra_status read_zstd(fmt_input *input, unsigned char *data, size_t bytes, size_t *got,
                               fmt_error *error)
{
    while (*got < bytes) {
        if (fill(input, error) != SOMBRA_OK) return error->status;
        if (input->at == input->size && input->between) return SOMBRA_OK;
        ZSTD_inBuffer in = {input->buffer + input->at, input->size - input->at, 0};
        ZSTD_outBuffer out = {data + *got, bytes - *got, 0};
        const size_t left = ZSTD_decompressStream(input->zstd, &out, &in);
        input->at += in.pos;
        *got += out.pos;
        if (ZSTD_isError(left) ||
            (left != 0 && input->ended && input->at == input->size && out.pos < out.size))
            return fmt_fail(error, SOMBRA_SYNTAX, "%s: the zstd data is damaged or cut short",
                            input->path);
        input->between = left == 0;
    }
    return SOMBRA_OK;
}
#endif

sombra_status fmt_input_read(fmt_input *input, void *data, size_t bytes, size_t *got,
                             fmt_error *error)
{
    *got = 0;
#if defined(HAVE_ZLIB)
    if (input->packing == GZIP) return read_gzip(input, data, bytes, got, error);
#endif
#if defined(HAVE_ZSTD)
    if (input->packing == ZSTD_PACKED) return read_zstd(input, data, bytes, got, error);
#endif
    const size_t left = input->size - input->at, part = left < bytes ? left : bytes;
    size_t more = 0;
    memcpy(data, input->buffer + input->at, part);
    input->at += part;
    if (part < bytes && !input->ended &&
        read_file(input, (char *)data + part, bytes - part, &more, error) != SOMBRA_OK)
        return error->status;
    *got = part + more;
    return SOMBRA_OK;
}

uint64_t fmt_input_done(const fmt_input *input)
{
    return input->done - (input->size - input->at);
}

uint64_t fmt_input_total(const fmt_input *input)
{
    return input->total;
}

void fmt_input_close(fmt_input *input)
{
    if (input == NULL) return;
#if defined(HAVE_ZLIB)
    if (input->gzip_open) (void)inflateEnd(&input->gzip);
#endif
#if defined(HAVE_ZSTD)
    (void)ZSTD_freeDStream(input->zstd);
#endif
    if (input->file != NULL && input->file != stdin) (void)fclose(input->file);
    free(input->buffer);
    free(input);
}
