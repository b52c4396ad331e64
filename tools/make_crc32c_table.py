#!/usr/bin/env python3
"""Writes src/base/crc32c_table.h to standard output: the slicing tables and the constants that
join checksums of neighboring ranges. Run by hand; the result is committed."""

POLY = 0x82F63B78  # x^32 + ..., bit 31 - i is the coefficient of x^i
STREAMS = (2048, 512, 128)  # bytes per stream, one constant pair each


def times_x(a):
    """a · x mod P."""
    return (a >> 1) ^ (POLY if a & 1 else 0)


def x_to(n):
    a = 1 << 31  # the polynomial 1
    for _ in range(n):
        a = times_x(a)
    return a


def table():
    rows = [[0] * 256 for _ in range(8)]
    for byte in range(256):
        c = byte
        for _ in range(8):
            c = (c >> 1) ^ (POLY if c & 1 else 0)
        rows[0][byte] = c
    for k in range(1, 8):
        for byte in range(256):
            c = rows[k - 1][byte]
            rows[k][byte] = (c >> 8) ^ rows[0][c & 0xFF]
    return rows


print("/* crc32c_table.h — made by tools/make_crc32c_table.py; do not edit.")
print(" * TABLE[k][b] is the checksum of byte b followed by k zero bytes. */")
print("#ifndef SB_CRC32C_TABLE_H\n#define SB_CRC32C_TABLE_H\n\n#include <stdint.h>\n")
for bytes_ in STREAMS:
    print(f"/* x^(8·n - 33) mod P for n = {bytes_} and {2 * bytes_} bytes. */")
    print(f"#define CRC32C_SHIFT_{bytes_}   0x{x_to(8 * bytes_ - 33):08x}u")
    print(f"#define CRC32C_SHIFT_2X{bytes_} 0x{x_to(16 * bytes_ - 33):08x}u")
print("\n/* clang-format off */")
print("static const uint32_t TABLE[8][256] = {")
for row in table():
    print("    {")
    for i in range(0, 256, 8):
        print("        " + ", ".join(f"0x{v:08x}" for v in row[i:i + 8]) + ",")
    print("    },")
print("};\n/* clang-format on */\n\n#endif")
