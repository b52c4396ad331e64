/* fuzz_database.c — a database file with any bytes changed: it opens and everything of it is read, verified, changed and saved by recover, or
 * refused with a message; what is saved verifies. Input: one byte of options, then edits of a database that the target makes
 * (tests/support/damage.h): 16-bit page, 16-bit offset, length (above 200: that many zeros), bytes. A page of 65,535 cuts the file at the
 * offset × 64. Option 1: checksums stay wrong, as a disk leaves them. Option 2: the rest is the whole file. Option 4: it is recovered,
 * too. Option 8: it is changed, too. */
#define DAMAGE_TIME_LIMIT_MS 500u
#include "support/damage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static damage_files whole;
    damage_look look;

    if (bytes < 1) return 0;
    if (whole.bytes[0] == NULL) {
        damage_make(&whole);
        whole.sizes[1] = 0;
    }
    damage_files files = damage_copy(&whole);
    if ((data[0] & 2) != 0) {
        free(files.bytes[0]);
        files.sizes[0] = bytes - 1;
        files.bytes[0] = malloc(bytes);
        if (files.bytes[0] == NULL) abort();
        memcpy(files.bytes[0], data + 1, bytes - 1);
    } else {
        damage_edit(files.bytes[0], &files.sizes[0], data + 1, bytes - 1);
    }
    if ((data[0] & 1) == 0) damage_seal(files.bytes[0], files.sizes[0]);
    damage_look_at(&files, (data[0] & 4) != 0, (data[0] & 8) != 0, &look);
    damage_free(&files);
    return 0;
}
