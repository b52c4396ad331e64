/* table.c — finding functions by name. The table is small and names are looked up once a statement: a perfect hash is not worth it,
 * an index by first letter is not needed. */
#include "cypher/func/func_priv.h"

const sb_function *sb_function_at(size_t i)
{
    (void)i;
    return NULL;
}
const sb_function *sb_function_find(sb_bytes name)
{
    (void)name;
    return NULL;
}
