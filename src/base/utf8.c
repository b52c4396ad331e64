/* utf8.c — is a text well-formed UTF-8? Most text is ASCII, so that is taken 16 bytes at a time, and what
 * is left at the end by loads that overlap; the rest follows table 3-7 of the Unicode standard (well-formed byte sequences). */
#include "base/utf8.h"

#define HIGH_BITS 0x8080808080808080ull

size_t sb_utf8_sequence(const uint8_t *p, size_t left)
{
    const uint8_t lead = p[0];
    uint8_t low = 0x80, high = 0xBF; /* range of the second byte */
    size_t bytes = 0;

    if (lead < 0x80) return 1;
    if (lead >= 0xC2 && lead <= 0xDF) {
        bytes = 2;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
        bytes = 3;
        if (lead == 0xE0) low = 0xA0;  /* shorter forms exist below */
        if (lead == 0xED) high = 0x9F; /* surrogates */
    } else if (lead >= 0xF0 && lead <= 0xF4) {
        bytes = 4;
        if (lead == 0xF0) low = 0x90;
        if (lead == 0xF4) high = 0x8F; /* past U+10FFFF */
    } else {
        return 0;
    }
    if (left < bytes || p[1] < low || p[1] > high) return 0;
    for (size_t i = 2; i < bytes; i++) {
        if ((p[i] & 0xC0u) != 0x80u) return 0;
    }
    return bytes;
}

/* At most 16 bytes: two loads cover them from both ends. */
static bool is_ascii(const uint8_t *p, size_t size)
{
    uint8_t any = 0;

    if (size >= 8) return ((sb_load_le64(p) | sb_load_le64(p + size - 8)) & HIGH_BITS) == 0;
    if (size >= 4)
        return ((sb_load_le32(p) | sb_load_le32(p + size - 4)) & (uint32_t)HIGH_BITS) == 0;
    for (size_t i = 0; i < size; i++)
        any |= p[i];
    return any < 0x80;
}

bool sb_utf8_valid(sb_bytes text)
{
    size_t i = 0;

    while (i < text.size) {
        while (text.size - i >= 16 &&
               ((sb_load_le64(text.data + i) | sb_load_le64(text.data + i + 8)) & HIGH_BITS) == 0)
            i += 16;
        const size_t left = text.size - i;
        if (left <= 16 && is_ascii(text.data + i, left)) return true;
        /* One sequence at a time up to the next place where the fast loop may go on. */
        const size_t stop = left > 16 ? i + 16 : text.size;
        while (i < stop) {
            const size_t bytes = sb_utf8_sequence(text.data + i, text.size - i);
            if (bytes == 0) return false;
            i += bytes;
        }
    }
    return true;
}
