/* build_slotted.c — sb_build of tree.h: the slotted builder, and the hand-over to those of the other kinds.
 * Items are copied, for the caller's are gone when the next ones come. A leaf's high fence, and with it the prefix that
 * is cut from its keys, depends on the first item of the next leaf; so a few pages' worth is gathered, then cut into
 * leaves with what follows in sight, and the rest stays for the next time. */
#include "tree/columnar_priv.h"
#include "tree/list_priv.h"
#include "tree/slotted_priv.h"

#define GATHER_PAGES 16u

/* An item's place in the gathered bytes: key, then value. */
typedef struct stored_item {
    size_t place;
    uint32_t key_bytes, value_bytes;
} stored_item;

struct sb_build {
    const sb_allocator *alloc;
    sb_tree *tree;
    uint32_t page_bytes;
    sb_build_core *core;         /* owned; by list once that is there */
    sb_columnar_build *columnar; /* owned, of that kind */
    sb_list_build *list;         /* owned, of that kind */
    sb_buffer bytes;             /* slotted: keys and values not yet in leaves */
    sb_buffer stored;            /* stored_item of them */
    sb_buffer refs;              /* sb_ref of them, while leaves are cut */
    sb_buffer low, high;         /* fences of the leaf at hand */
};

static void free_build(sb_build *build)
{
    sb_columnar__build_free(build->columnar);
    sb_list__build_abort(build->list);
    sb_build__core_abort(build->core);
    sb_buffer_deinit(&build->high);
    sb_buffer_deinit(&build->low);
    sb_buffer_deinit(&build->refs);
    sb_buffer_deinit(&build->stored);
    sb_buffer_deinit(&build->bytes);
    sb_free(build->alloc, build, sizeof *build);
}

sb_status sb_build_open(sb_txn *txn, sb_tree *tree, unsigned fill_percent, sb_build **build,
                        sb_err *err)
{
    const sb_allocator *alloc = sb_pager_alloc(sb_txn_pager(txn));
    *build = NULL;
    sb_build *made = sb_alloc_zero(alloc, sizeof *made);
    if (made == NULL) return SB_FAIL_NOMEM(err);
    made->alloc = alloc;
    made->tree = tree;
    made->page_bytes = sb_pager_page_bytes(sb_txn_pager(txn));
    sb_buffer *const buffers[] = {&made->bytes, &made->stored, &made->refs, &made->low,
                                  &made->high};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        sb_buffer_init(buffers[i], alloc);

    sb_status st = sb_build__core_open(txn, tree, fill_percent, &made->core, err);
    if (st == SB_OK && tree->kind == SB_TREE_COLUMNAR)
        st = sb_columnar__build_open(txn, tree, made->core, fill_percent, &made->columnar, err);
    if (st == SB_OK && tree->kind == SB_TREE_LIST) {
        st = sb_list__build_open(txn, made->core, fill_percent, &made->list, err);
        if (st == SB_OK) made->core = NULL;
    }
    if (st != SB_OK)
        free_build(made);
    else
        *build = made;
    return st;
}

/* ---- Slotted leaves ---------------------------------------------------------------------------------------- */

static size_t stored_count(const sb_build *build)
{
    return build->stored.size / sizeof(stored_item);
}

static const stored_item *stored_items(const sb_build *build)
{
    return (const stored_item *)(const void *)build->stored.data;
}

static sb_status write_leaf(sb_build *build, const sb_rewrite *rewrite, size_t begin, size_t end,
                            sb_err *err)
{
    uint8_t *page;
    sb_pgno pgno;
    const sb_bytes low = sb_buffer_bytes(&build->low);
    const sb_bytes high =
        end < rewrite->count ? sb_slots__separator(rewrite, end) : sb_bytes_of(NULL, 0);
    SB_TRY(sb_build__leaf_begin(build->core, &page, &pgno, err));
    sb_slots__init(page, build->page_bytes, low, high);
    const uint32_t cut = sb_slots__prefix(page);
    for (size_t i = begin; i < end; i++) {
        const sb_ref *ref = &rewrite->refs[i];
        sb_slots__append(page, sb_bytes_of(NULL, 0),
                         sb_bytes_of(ref->suffix + cut, ref->suffix_bytes - cut),
                         sb_bytes_of(ref->payload, ref->payload_bytes));
    }
    sb_slots__hints(page, 0);
    SB_TRY(sb_build__leaf_end(build->core, low, err));
    sb_buffer_reset(&build->low);
    if (high.size > 0 && sb_buffer_append(&build->low, high.data, high.size) != SB_OK)
        return SB_FAIL_NOMEM(err);
    return SB_OK;
}

/* Cut leaves off the front of what is gathered: all of it at the end, else while an item is left to begin the next. */
static sb_status cut_leaves(sb_build *build, bool finish, sb_err *err)
{
    const size_t count = stored_count(build);
    const stored_item *items = stored_items(build);
    sb_buffer_reset(&build->refs);
    if (sb_buffer_reserve(&build->refs, count * sizeof(sb_ref)) != SB_OK) return SB_FAIL_NOMEM(err);
    sb_ref *refs = (sb_ref *)(void *)build->refs.data;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *key = build->bytes.data + items[i].place;
        refs[i] = (sb_ref){key, key + items[i].key_bytes, items[i].key_bytes, items[i].value_bytes};
    }
    const sb_rewrite rewrite = {
        .kind = SB_PAGE_SLOTTED, .refs = refs, .count = count, .target = SIZE_MAX};
    size_t begin = 0;
    while (begin < count) {
        const size_t end = sb_slots__page_end(&rewrite, begin, sb_buffer_bytes(&build->low),
                                              sb_build__fill_bytes(build->core));
        if (end == count && !finish) break;
        SB_TRY(write_leaf(build, &rewrite, begin, end, err));
        begin = end;
    }
    /* What is left moves to the front. */
    if (begin == count) {
        sb_buffer_reset(&build->bytes);
        sb_buffer_reset(&build->stored);
        return SB_OK;
    }
    const size_t place = items[begin].place;
    stored_item *left = (stored_item *)(void *)build->stored.data;
    memmove(build->bytes.data, build->bytes.data + place, build->bytes.size - place);
    build->bytes.size -= place;
    for (size_t i = begin; i < count; i++) {
        left[i - begin] = left[i];
        left[i - begin].place -= place;
    }
    build->stored.size = (count - begin) * sizeof(stored_item);
    return SB_OK;
}

static sb_status add_item(sb_build *build, const sb_item *item, sb_err *err)
{
    SB_TRY(sb_slotted__check_item(build->tree, build->page_bytes, item->key, item->value, err));
    const size_t count = stored_count(build);
    if (count > 0) {
        const stored_item *last = &stored_items(build)[count - 1];
        if (sb_bytes_compare(sb_bytes_of(build->bytes.data + last->place, last->key_bytes),
                             item->key) >= 0)
            return SB_FAIL(err, SB_MISUSE, "tree %u: the items to build from do not ascend",
                           (unsigned)build->tree->id);
    }
    const stored_item stored = {build->bytes.size, (uint32_t)item->key.size,
                                (uint32_t)item->value.size};
    if (sb_buffer_append(&build->stored, &stored, sizeof stored) != SB_OK ||
        sb_buffer_append(&build->bytes, item->key.data, item->key.size) != SB_OK ||
        (item->value.size > 0 &&
         sb_buffer_append(&build->bytes, item->value.data, item->value.size) != SB_OK))
        return SB_FAIL_NOMEM(err);
    if (build->bytes.size + (count + 1) * SB_SLOT_BYTES < (size_t)GATHER_PAGES * build->page_bytes)
        return SB_OK;
    return cut_leaves(build, false, err);
}

/* ---- The interface ---------------------------------------------------------------------------------------- */

sb_status sb_build_items(sb_build *build, const sb_item *items, size_t count, sb_err *err)
{
    SB_ASSERT(build->tree->kind == SB_TREE_SLOTTED);
    for (size_t i = 0; i < count; i++)
        SB_TRY(add_item(build, &items[i], err));
    return SB_OK;
}

sb_status sb_build_rows(sb_build *build, const sb_rows *rows, sb_err *err)
{
    SB_ASSERT(build->tree->kind == SB_TREE_COLUMNAR);
    return sb_columnar__build_rows(build->columnar, rows, err);
}

sb_status sb_build_triples(sb_build *build, const sb_triple *triples, size_t count, sb_err *err)
{
    SB_ASSERT(build->tree->kind == SB_TREE_LIST);
    return sb_list__build_triples(build->list, triples, count, err);
}

sb_status sb_build_finish(sb_build *build, sb_err *err)
{
    sb_status st = SB_OK;
    if (build->list != NULL) {
        sb_list_build *list = build->list;
        build->list = NULL;
        st = sb_list__build_finish(list, err);
    } else {
        st = build->columnar != NULL ? sb_columnar__build_finish(build->columnar, err)
                                     : cut_leaves(build, true, err);
        if (st == SB_OK) {
            sb_build_core *core = build->core;
            build->core = NULL;
            st = sb_build__core_finish(core, err);
        }
    }
    free_build(build);
    return st;
}

void sb_build_abort(sb_build *build)
{
    if (build != NULL) free_build(build);
}
