/* fuzz_wal.c — a sound database with a write-ahead log of which any bytes are changed: what is whole of the log counts, or the files are
 * refused; everything is read, verified, changed, and saved by recover. Input: one byte of options, then edits of the log, as in
 * fuzz_database.c. Option 1: checksums and chain stay wrong; then the state that is shown must be that of one of the
 * commits. Options 4 and 8 as there. */
#define DAMAGE_TIME_LIMIT_MS 500u
#include "support/damage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static damage_files whole;
    damage_look look;

    if (bytes < 1) return 0;
    if (whole.bytes[0] == NULL) damage_make(&whole);
    damage_files files = damage_copy(&whole);
    damage_edit(files.bytes[1], &files.sizes[1], data + 1, bytes - 1);
    if ((data[0] & 1) == 0) damage_seal_wal(files.bytes[1], files.sizes[1]);
    damage_look_at(&files, (data[0] & 4) != 0, (data[0] & 8) != 0, &look);
    if ((data[0] & 1) != 0 && look.opened == SOMBRA_OK && look.digested &&
        !damage_is_a_state(&whole, look.digest))
        damage_abort("the log", "gives a state that never was");
    damage_free(&files);
    return 0;
}
