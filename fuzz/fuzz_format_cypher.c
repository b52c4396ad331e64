/* fuzz_format_cypher.c — scripts of Cypher statements: format_target.h says what must hold; and rows that go to the loader in batches make the
 * graph that their statements make when each is run. */
#include <ctype.h>

#include "format_target.h"

/* Does the graph not depend on the time, or on the order of things that are not ordered? By words that a script does not hold. */
static bool is_definite(const uint8_t *data, size_t bytes)
{
    static const char *const words[] = {"id(",   "rand",    "time",   "date",    "limit",
                                        "skip",  "uuid",    "call",   "collect", "[..",
                                        "order", "foreach", "delete", "last(",   "head("};
    char *text = malloc(bytes + 1);
    bool definite = true;

    fuzz_check(text != NULL, "memory");
    for (size_t i = 0; i < bytes; i++)
        text[i] = (char)(data[i] == 0 ? ' ' : tolower(data[i]));
    text[bytes] = '\0';
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        definite = definite && strstr(text, words[i]) == NULL;
    free(text);
    return definite;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    /* Batches are of statements: a loader that commits after so many of them runs each. */
    const uint8_t run = 4;
    uint8_t digests[2][16];
    bool loaded[2];
    char path[64];

    (void)fuzz_format(fmt_read_cypher, fmt_read_jsonl, fmt_write_jsonl, data, bytes);
    if (bytes == 0 || !is_definite(data, bytes)) return 0;
    const int file = memfd_create("fuzz", 0);
    fuzz_fill(file, data + 1, bytes - 1);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    for (unsigned i = 0; i < 2; i++) {
        fuzz_graph g = fuzz_open();
        loaded[i] = fuzz_load(&g, fmt_read_cypher, path, i == 0 ? 0 : run);
        fuzz_digest(&g, digests[i]);
        fuzz_close(&g);
    }
    (void)close(file);
    /* What is refused leaves batches behind. */
    fuzz_check(loaded[0] == loaded[1], "a script is taken or refused");
    fuzz_check(!loaded[0] || memcmp(digests[0], digests[1], sizeof *digests) == 0,
               "rows and statements give an equal digest");
    return 0;
}
