/* page0.h — the checksum of page 0 made right again, for tests that change a field of it. */
#ifndef TESTS_PAGE0_H
#define TESTS_PAGE0_H

#include "base/base.h"

/* docs/format/file.md section 3: it leaves out the stamps at 1,024 to 2,560. */
static inline void seal_page0(uint8_t *page0, uint32_t page_bytes)
{
    const uint8_t number[8] = {0};
    const uint32_t before = sb_crc32c(sb_crc32c(0, number, sizeof number), page0 + 4, 1024 - 4);

    sb_store_le32(page0, sb_crc32c(before, page0 + 2560, page_bytes - 2560));
}

#endif
