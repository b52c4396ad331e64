/* fuzz_format_gexf.c — GEXF: format_target.h says what must hold. */
#include "format_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    return fuzz_format(fmt_read_gexf, fmt_read_gexf, fmt_write_gexf, data, bytes);
}
