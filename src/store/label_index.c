/* label_index.c — which nodes carry a label: a slotted tree of containers of 4,096 ids each.
 * Key: label (u32, big-endian), id >> 12 (u32, big-endian). A container that is empty has no row. A sorted batch
 * touches each container once: one look-up and one put for up to 4,096 ids. */
#include "store/index_priv.h"

#define KEY_BYTES 8u

static sb_bytes make_key(uint8_t key[KEY_BYTES], sb_label_id label, uint64_t chunk)
{
    sb_store_be32(key, label);
    sb_store_be32(key + 4, (uint32_t)chunk); /* 28 bits: ids have 40 */
    return sb_bytes_of(key, KEY_BYTES);
}

static uint32_t low_of(sb_node_id id)
{
    return (uint32_t)(id & (SB_CONTAINER_IDS - 1));
}

static sb_status fail_container(sb_bytes key, sb_err *err)
{
    return SB_FAIL(err, SB_CORRUPT,
                   "label index: the container of label %u, ids from %llu, is damaged",
                   sb_load_be32(key.data),
                   (unsigned long long)sb_load_be32(key.data + 4) << SB_CONTAINER_BITS);
}

static sb_status check_ids(const sb_node_id *ids, size_t count, sb_err *err)
{
    if (count == 0) return SB_OK;
    for (size_t i = 1; i < count; i++) {
        if (SB_UNLIKELY(ids[i - 1] >= ids[i]))
            return SB_FAIL(err, SB_MISUSE, "label index: node %llu comes after %llu",
                           (unsigned long long)ids[i], (unsigned long long)ids[i - 1]);
    }
    if (ids[0] == 0 || ids[count - 1] > SB_ID_MAX)
        return SB_FAIL(err, SB_MISUSE, "label index: %llu is no node's id",
                       (unsigned long long)(ids[0] == 0 ? 0 : ids[count - 1]));
    return SB_OK;
}

/* The container of key, empty when it has no row. */
static sb_status load_container(sb_view *view, sb_bytes key, sb_container *container, bool *found,
                                sb_err *err)
{
    sb_page hold = {0};
    sb_bytes value;

    SB_TRY(sb_tree_get(view->txn, sb_store__core_tree(view, SB_CORE_LABELS), key, &hold, &value,
                       found, err));
    if (!*found) {
        sb_page_release(view->txn, &hold);
        *container = (sb_container){{0}};
        return SB_OK;
    }
    const bool valid = sb_container__decode(value, container);
    sb_page_release(view->txn, &hold);
    return SB_LIKELY(valid) ? SB_OK : fail_container(key, err);
}

static sb_status store_container(sb_view *view, sb_bytes key, const sb_container *container,
                                 bool found, sb_err *err)
{
    sb_tree *tree = sb_store__core_tree(view, SB_CORE_LABELS);
    uint8_t bytes[SB_CONTAINER_BYTES_MAX];
    const size_t size = sb_container__encode(container, bytes);

    if (size != 0) return sb_tree_put(view->txn, tree, key, sb_bytes_of(bytes, size), err);
    return found ? sb_tree_delete(view->txn, tree, key, &found, err) : SB_OK;
}

/* Ids of one container that follow one another and its last one, which is what new nodes have: its last run grows, and nothing else is decoded
 * or encoded. *done false: it is another case. */
static sb_status extend_container(sb_view *view, sb_bytes key, const sb_node_id *ids, size_t count,
                                  bool *done, sb_err *err)
{
    sb_tree *tree = sb_store__core_tree(view, SB_CORE_LABELS);
    const uint32_t first = low_of(ids[0]), last = low_of(ids[count - 1]);
    uint8_t bytes[SB_CONTAINER_BYTES_MAX];
    sb_page hold = {0};
    sb_bytes value;
    bool found;

    *done = false;
    if (last - first != count - 1) return SB_OK;
    SB_TRY(sb_tree_get(view->txn, tree, key, &hold, &value, &found, err));
    *done = found && sb_container__extend(value, first, last, bytes);
    const size_t size = value.size;
    sb_page_release(view->txn, &hold);
    return *done ? sb_tree_put(view->txn, tree, key, sb_bytes_of(bytes, size), err) : SB_OK;
}

/* How many ids from at on lie in the container of the first. */
static size_t of_one_container(const sb_node_id *ids, size_t at, size_t count)
{
    const size_t from = at;
    while (at < count && ids[at] >> SB_CONTAINER_BITS == ids[from] >> SB_CONTAINER_BITS)
        at++;
    return at - from;
}

/* Put ids into the containers of label, or take them out. */
static sb_status change_ids(sb_view *view, sb_label_id label, const sb_node_id *ids, size_t count,
                            bool add, sb_err *err)
{
    SB_TRY(check_ids(ids, count, err));
    SB_TRY(sb_store__begin_change(view, err));
    for (size_t i = 0; i < count;) {
        const size_t end = i + of_one_container(ids, i, count);
        uint8_t bytes[KEY_BYTES];
        const sb_bytes key = make_key(bytes, label, ids[i] >> SB_CONTAINER_BITS);
        sb_container container;
        bool found, done = false;
        if (add) SB_TRY(extend_container(view, key, ids + i, end - i, &done, err));
        if (done) {
            i = end;
            continue;
        }
        SB_TRY(load_container(view, key, &container, &found, err));
        for (; i < end; i++) {
            if (add) {
                sb_container__set(&container, low_of(ids[i]));
            } else {
                sb_container__clear(&container, low_of(ids[i]));
            }
        }
        SB_TRY(store_container(view, key, &container, found, err));
    }
    return SB_OK;
}

sb_status sb_label_index_add(sb_view *view, sb_label_id label, const sb_node_id *ids, size_t count,
                             sb_err *err)
{
    return change_ids(view, label, ids, count, true, err);
}

sb_status sb_label_index_remove(sb_view *view, sb_label_id label, const sb_node_id *ids,
                                size_t count, sb_err *err)
{
    return change_ids(view, label, ids, count, false, err);
}

sb_status sb_label_index_has(sb_view *view, sb_label_id label, sb_node_id id, bool *has,
                             sb_err *err)
{
    uint8_t bytes[KEY_BYTES];
    const sb_bytes key = make_key(bytes, label, id >> SB_CONTAINER_BITS);
    sb_page hold = {0};
    sb_bytes value;
    bool found, valid = true;

    *has = false;
    if (id > SB_ID_MAX) return SB_OK;
    SB_TRY(sb_tree_get(view->txn, sb_store__core_tree(view, SB_CORE_LABELS), key, &hold, &value,
                       &found, err));
    if (found) valid = sb_container__has(value, low_of(id), has);
    sb_page_release(view->txn, &hold);
    return SB_LIKELY(valid) ? SB_OK : fail_container(key, err);
}

/* Ids of the container that the cursor is at; *count stays 0 when it is of another label. */
static sb_status read_container(sb_cursor *cursor, sb_label_id label, sb_node_id from,
                                sb_node_id *ids, size_t capacity, size_t *count, bool *other,
                                sb_err *err)
{
    const sb_bytes key = sb_cursor_key(cursor);

    if (SB_UNLIKELY(key.size != KEY_BYTES))
        return SB_FAIL(err, SB_CORRUPT, "label index: a key of %zu bytes", key.size);
    *other = sb_load_be32(key.data) != label;
    if (*other) return SB_OK;
    const uint64_t chunk = sb_load_be32(key.data + 4), base = chunk << SB_CONTAINER_BITS;
    if (SB_UNLIKELY(base > SB_ID_MAX)) return fail_container(key, err);
    const uint32_t low =
        from > base ? (uint32_t)(from - base) : 0; /* in this chunk: it was sought */
    if (SB_UNLIKELY(!sb_container__read(sb_cursor_value(cursor), low, base, ids, capacity, count)))
        return fail_container(key, err);
    return SB_OK;
}

sb_status sb_label_index_scan(sb_view *view, sb_label_id label, sb_node_id from, sb_node_id *ids,
                              size_t capacity, size_t *count, sb_err *err)
{
    uint8_t bytes[KEY_BYTES];
    sb_cursor *cursor = NULL;
    bool found, other = false;
    sb_status st;

    *count = 0;
    if (from > SB_ID_MAX || capacity == 0) return SB_OK;
    const sb_tree *tree = sb_store__core_tree(view, SB_CORE_LABELS);
    SB_TRY(sb_cursor_open(view->txn, tree, &cursor, err));
    st = sb_cursor_seek(cursor, make_key(bytes, label, from >> SB_CONTAINER_BITS), &found, err);
    while (st == SB_OK && found && *count < capacity) {
        size_t more = 0;
        st = read_container(cursor, label, from, ids + *count, capacity - *count, &more, &other,
                            err);
        if (st != SB_OK || other) break;
        *count += more;
        if (*count < capacity) st = sb_cursor_next(cursor, &found, err);
    }
    sb_cursor_close(cursor);
    if (st != SB_OK) *count = 0;
    return st;
}

/* The container that the cursor is at, behind the bits that there are; *more false: it is of another label. */
static sb_status append_bits(sb_cursor *cursor, sb_label_id label, size_t most, sb_buffer *bits,
                             sb_node_id *first, bool *fits, bool *more, sb_err *err)
{
    const sb_bytes key = sb_cursor_key(cursor);
    sb_container container;

    if (SB_UNLIKELY(key.size != KEY_BYTES))
        return SB_FAIL(err, SB_CORRUPT, "label index: a key of %zu bytes", key.size);
    *more = sb_load_be32(key.data) == label;
    if (!*more) return SB_OK;
    const uint64_t base = (uint64_t)sb_load_be32(key.data + 4) << SB_CONTAINER_BITS;
    if (SB_UNLIKELY(base > SB_ID_MAX || !sb_container__decode(sb_cursor_value(cursor), &container)))
        return fail_container(key, err);
    if (bits->size == 0) *first = base;
    const uint64_t gap = (base - *first) / 8 - bits->size; /* keys ascend */
    *fits = gap + sizeof container <= most - bits->size;
    if (!*fits) return SB_OK;
    if (sb_buffer_reserve(bits, (size_t)gap + sizeof container) != SB_OK) return SB_FAIL_NOMEM(err);
    memset(bits->data + bits->size, 0, (size_t)gap);
    bits->size += (size_t)gap;
    for (size_t i = 0; i < SB_CONTAINER_WORDS; i++, bits->size += 8)
        sb_store_le64(bits->data + bits->size, container.words[i]);
    return SB_OK;
}

sb_status sb_label_index_bits(sb_view *view, sb_label_id label, size_t most, sb_buffer *bits,
                              sb_node_id *first, bool *fits, sb_err *err)
{
    uint8_t bytes[KEY_BYTES];
    sb_cursor *cursor = NULL;
    bool more;

    *first = 0;
    *fits = true;
    SB_TRY(sb_cursor_open(view->txn, sb_store__core_tree(view, SB_CORE_LABELS), &cursor, err));
    sb_status st = sb_cursor_seek(cursor, make_key(bytes, label, 0), &more, err);
    while (st == SB_OK && more) {
        st = append_bits(cursor, label, most, bits, first, fits, &more, err);
        if (st != SB_OK || !more || !*fits) break;
        st = sb_cursor_next(cursor, &more, err);
    }
    sb_cursor_close(cursor);
    if (st != SB_OK || !*fits) sb_buffer_reset(bits);
    return st;
}
