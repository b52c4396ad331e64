/* fuzz_format_jsonl.c — JSON lines and documents: format_target.h says what must hold. */
#include "format_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    return fuzz_format(fmt_read_jsonl, fmt_read_jsonl, fmt_write_jsonl, data, bytes);
}
