/* fuzz_format_kuzu.c — folders of Kuzu: format_target.h says what must hold. The input is four files, with a NUL between each two: schema.cypher,
 * copy.cypher, a.csv and b.csv. */
#include "format_target.h"

static const char *const names[] = {"schema.cypher", "copy.cypher", "a.csv", "b.csv"};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    char folder[] = "/tmp/sombra-fuzz-XXXXXX", path[64], target[64];
    int files[sizeof names / sizeof *names];
    size_t at = 1;

    if (bytes == 0) return 0;
    fuzz_check(mkdtemp(folder) != NULL, "a folder");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const uint8_t *nul = memchr(data + at, '\0', bytes - at);
        const size_t size = nul == NULL ? bytes - at : (size_t)(nul - (data + at));
        files[i] = memfd_create("fuzz", 0);
        fuzz_fill(files[i], data + at, size);
        at += nul == NULL ? size : size + 1;
        (void)snprintf(target, sizeof target, "/proc/self/fd/%d", files[i]);
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        fuzz_check(symlink(target, path) == 0, "a file in the folder");
    }
    fuzz_path(fmt_read_kuzu, folder, data[0], fmt_read_jsonl, fmt_write_jsonl);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)unlink(path);
        (void)close(files[i]);
    }
    (void)rmdir(folder);
    return 0;
}
