/* fuzz_format_graphml.c — GraphML: format_target.h says what must hold. */
#include "format_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    return fuzz_format(fmt_read_graphml, fmt_read_graphml, fmt_write_graphml, data, bytes);
}
