/* buffer.h — a growing byte buffer that is reused: reset keeps its block. */
#ifndef SB_BUFFER_H
#define SB_BUFFER_H

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/status.h"

typedef struct sb_buffer {
    const sb_allocator *alloc; /* borrowed */
    uint8_t *data;             /* owned; NULL while capacity is 0 */
    size_t size;               /* bytes used */
    size_t capacity;           /* bytes allocated */
} sb_buffer;

void sb_buffer_init(sb_buffer *buffer, const sb_allocator *alloc);
void sb_buffer_deinit(sb_buffer *buffer);
/* Room for more bytes past size; grows by doubling. SB_NOMEM leaves the buffer as it was. */
SB_MUST_CHECK sb_status sb_buffer_reserve(sb_buffer *buffer, size_t more);
SB_MUST_CHECK sb_status sb_buffer_append(sb_buffer *buffer, const void *data, size_t bytes);
SB_MUST_CHECK sb_status sb_buffer_append_byte(sb_buffer *buffer, uint8_t byte);
/* printf at the end, without the terminating NUL. */
SB_MUST_CHECK sb_status sb_buffer_printf(sb_buffer *buffer, const char *format, ...)
    SB_PRINTF(2, 3);
SB_INLINE void sb_buffer_reset(sb_buffer *buffer)
{
    buffer->size = 0;
}
SB_INLINE sb_bytes sb_buffer_bytes(const sb_buffer *buffer)
{
    return sb_bytes_of(buffer->data, buffer->size);
}

#endif
