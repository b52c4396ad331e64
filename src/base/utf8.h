/* utf8.h — well-formed UTF-8: no overlong forms, no surrogates, nothing past U+10FFFF. */
#ifndef SB_BASE_UTF8_H
#define SB_BASE_UTF8_H

#include "base/bytes.h"

bool sb_utf8_valid(sb_bytes text);
/* Bytes of the character that begins at p, of which there are left (> 0); 0: none does. */
size_t sb_utf8_sequence(const uint8_t *p, size_t left);

#endif
