/* buffer.c — growth by doubling, and appends. */
#include "base/buffer.h"

#include <stdio.h>

#define FIRST_CAPACITY 64u

void sb_buffer_init(sb_buffer *buffer, const sb_allocator *alloc)
{
    *buffer = (sb_buffer){.alloc = alloc};
}

void sb_buffer_deinit(sb_buffer *buffer)
{
    sb_free(buffer->alloc, buffer->data, buffer->capacity);
    *buffer = (sb_buffer){.alloc = buffer->alloc};
}

sb_status sb_buffer_reserve(sb_buffer *buffer, size_t more)
{
    size_t need;
    size_t capacity = buffer->capacity;

    if (!sb_add_size(buffer->size, more, &need)) return SB_NOMEM;
    if (need <= capacity) return SB_OK;
    if (capacity < FIRST_CAPACITY) capacity = FIRST_CAPACITY;
    while (capacity < need) {
        if (!sb_mul_size(capacity, 2, &capacity)) {
            capacity = need;
            break;
        }
    }
    uint8_t *data = sb_resize(buffer->alloc, buffer->data, buffer->capacity, capacity);
    if (data == NULL) return SB_NOMEM;
    buffer->data = data;
    buffer->capacity = capacity;
    return SB_OK;
}

sb_status sb_buffer_append(sb_buffer *buffer, const void *data, size_t bytes)
{
    if (bytes == 0) return SB_OK;
    SB_TRY(sb_buffer_reserve(buffer, bytes));
    memcpy(buffer->data + buffer->size, data, bytes);
    buffer->size += bytes;
    return SB_OK;
}

sb_status sb_buffer_append_byte(sb_buffer *buffer, uint8_t byte)
{
    SB_TRY(sb_buffer_reserve(buffer, 1));
    buffer->data[buffer->size++] = byte;
    return SB_OK;
}

sb_status sb_buffer_printf(sb_buffer *buffer, const char *format, ...)
{
    va_list args;
    int bytes;

    va_start(args, format);
    bytes = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (bytes < 0) return SB_INVALID;
    /* vsnprintf writes a NUL behind: one byte of room that is not counted. */
    SB_TRY(sb_buffer_reserve(buffer, (size_t)bytes + 1));
    va_start(args, format);
    (void)vsnprintf((char *)buffer->data + buffer->size, (size_t)bytes + 1, format, args);
    va_end(args);
    buffer->size += (size_t)bytes;
    return SB_OK;
}
