/* text.c — values as text and back. */
#include <string.h>

#include "api/api_priv.h"

sombra_status sombra_value_to_text(const sombra_value *value, char *text, size_t capacity,
                                   size_t *size)
{
    const sb_value *inner = (const sb_value *)(const void *)value;
    sb_buffer out;
    sb_status status;

    if (size != NULL) *size = 0;
    if (value == NULL || size == NULL || (text == NULL && capacity != 0)) return SOMBRA_MISUSE;
    status = sb_value_check(inner, NULL);
    if (status != SB_OK) return sombra__status(status);
    sb_buffer_init(&out, &sb_allocator_libc);
    status = inner->type == SB_TYPE_LIST ? sb_list_to_text(inner, ';', false, &out)
                                         : sb_value_to_text(inner, &out);
    if (status == SB_OK) {
        *size = out.size;
        if (out.size != 0 && capacity != 0)
            memcpy(text, out.data, out.size < capacity ? out.size : capacity);
    }
    sb_buffer_deinit(&out);
    return sombra__status(status);
}

sombra_status sombra_value_from_text(sombra_txn *txn, const char *type, const char *text,
                                     size_t size, sombra_value *value)
{
    sb_text_type parsed;
    sb_status status;

    if (value != NULL) memset(value, 0, sizeof *value);
    SOMBRA_ENTER(txn);
    SOMBRA_ARG_GIVEN(txn, type);
    SOMBRA_ARG_GIVEN(txn, text);
    SOMBRA_ARG_GIVEN(txn, value);
    status =
        sb_text_type_parse(sombra__text(type, SOMBRA_NUL_TERMINATED), &parsed, &txn->conn->err);
    if (status != SB_OK) return sombra__status(status);
    sb_arena_reset(sb_graph_arena(txn->graph));
    status = sb_text_to_value(&parsed, sombra__text(text, size), sb_graph_arena(txn->graph),
                              (sb_value *)(void *)value, &txn->conn->err);
    if (status != SB_OK) memset(value, 0, sizeof *value);
    return sombra__status(status);
}
