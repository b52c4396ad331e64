/* Goal: numbers are unpacked right for each width and every length around a block of vectors, wherever they lie, and nothing is written
 * behind the last; by the processor's widest instructions as without them.
 * Method: random bytes, bases at both ends among them, against reading byte by byte. */
#include "base/unpack.h"

#include <string.h>

#include "base/random.h"
#include "support/unit.h"

enum { MOST = 300, TURNS = 4 };

typedef void (*unpacker)(const uint8_t *in, uint64_t base, size_t count, unsigned width,
                         uint64_t *out);

static uint64_t number_at(const uint8_t *in, unsigned width, size_t i)
{
    uint64_t value = 0;

    for (unsigned b = 0; b < width; b++)
        value |= (uint64_t)in[i * width + b] << (8 * b);
    return value;
}

static void check_one(unpacker unpack, const uint8_t *in, uint64_t base, size_t count,
                      unsigned width)
{
    const uint64_t untouched = 0x5a5a5a5a5a5a5a5au;
    uint64_t out[MOST + 1];

    for (size_t i = 0; i <= count; i++)
        out[i] = untouched;
    unpack(in, base, count, width, out);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(out[i], base + number_at(in, width, i));
    assert_int_equal(out[count], untouched);
}

/* The numbers lie in a block of just their size, so that a sanitizer sees what is read beside them. */
static void check_width(unpacker unpack, unsigned width, sb_random *random)
{
    for (size_t count = 0; count <= MOST; count++) {
        for (size_t turn = 0; turn < TURNS; turn++) {
            const size_t shift = turn, bytes = shift + count * width;
            const uint64_t base = turn == 0 ? 0 : turn == 1 ? UINT64_MAX : sb_random_next(random);
            uint8_t *block = malloc(bytes + (bytes == 0));

            assert_non_null(block);
            for (size_t i = 0; i < bytes; i++)
                block[i] = (uint8_t)sb_random_next(random);
            check_one(unpack, block + shift, base, count, width);
            free(block);
        }
    }
}

static void check_all(unpacker unpack)
{
    const unsigned widths[] = {0, 1, 2, 4, 8};
    sb_random random = {31};

    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
        check_width(unpack, widths[i], &random);
}

static void test_unpack__as_byte_by_byte(void **state)
{
    (void)state;
    check_all(sb_unpack);
}

static void test_unpack__portable(void **state)
{
    (void)state;
    check_all(sb_unpack_portable);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unpack__as_byte_by_byte),
        cmocka_unit_test(test_unpack__portable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
