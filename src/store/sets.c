/* sets.c — label sets: each distinct combination of labels is one number, so that a node's labels are one small
 * column. Set 0 is the empty one. Beside the sets, for each label, the sets that hold it. */
#include <assert.h>

#include "store/store_priv.h"

/* A row of a set is 256 pieces at most, and a difference of labels at most five bytes. */
static_assert(SB_SET_LABELS_MAX == 255u * SB_ROW_PIECE / 5u, "the pieces of a row hold a set");

#define SETS_MAX (UINT32_MAX - 2)

static sb_bytes label_bytes(const sb_label_id *labels, size_t count)
{
    return sb_bytes_of(labels, count * sizeof *labels);
}

const sb_label_id *sb_set_labels(sb_view *view, sb_set_id set, size_t *count)
{
    *count = 0;
    if (set >= view->sets.count) return NULL;
    *count = view->sets.items[set].size / sizeof(sb_label_id);
    return (const sb_label_id *)(const void *)view->sets.items[set]
        .data; /* aligned: an array in the arena */
}

bool sb_set_has(sb_view *view, sb_set_id set, sb_label_id label)
{
    size_t count;
    const sb_label_id *labels = sb_set_labels(view, set, &count);

    for (size_t i = 0; i < count;
         i++) { /* sets are small; they end at the first label that is higher */
        if (labels[i] >= label) return labels[i] == label;
    }
    return false;
}

uint32_t sb_set_count(sb_view *view)
{
    return view->sets.count;
}

const sb_set_id *sb_label_sets(sb_view *view, sb_label_id label, size_t *count)
{
    *count = 0;
    if (label >= view->label_sets_capacity) return NULL;
    *count = view->label_sets[label].count;
    return view->label_sets[label].sets;
}

/* Room for one more set in the list of each label. */
static sb_status reserve_lists(sb_view *view, const sb_label_id *labels, size_t count)
{
    const size_t old_capacity = view->label_sets_capacity;

    if (count == 0) return SB_OK;
    SB_TRY(sb_store__grow(view->alloc, &view->label_sets, sizeof *view->label_sets,
                          (size_t)labels[count - 1] + 1, &view->label_sets_capacity));
    for (size_t i = old_capacity; i < view->label_sets_capacity; i++) {
        view->label_sets[i] = (sb_store__set_list){0};
    }
    for (size_t i = 0; i < count; i++) {
        sb_store__set_list *list = &view->label_sets[labels[i]];
        SB_TRY(sb_store__grow(view->alloc, &list->sets, sizeof *list->sets, list->count + 1,
                              &list->capacity));
    }
    return SB_OK;
}

sb_status sb_store__sets_add(sb_view *view, const sb_label_id *labels, size_t count, sb_err *err)
{
    sb_label_id *copy = NULL;

    if (reserve_lists(view, labels, count) != SB_OK ||
        sb_store__interner_reserve(&view->sets, view->alloc) != SB_OK) {
        return SB_FAIL_NOMEM(err);
    }
    if (count != 0) {
        copy = sb_arena_alloc_array(view->arena, count, sizeof *copy);
        if (copy == NULL) return SB_FAIL_NOMEM(err);
        memcpy(copy, labels, count * sizeof *copy);
    }
    for (size_t i = 0; i < count; i++) {
        sb_store__set_list *list = &view->label_sets[labels[i]];
        list->sets[list->count++] = view->sets.count;
    }
    sb_store__interner_add(&view->sets, label_bytes(copy, count), view->hash_seed);
    return SB_OK;
}

static sb_status check_labels(sb_view *view, const sb_label_id *labels, size_t count, sb_err *err)
{
    if (count > SB_SET_LABELS_MAX)
        return SB_FAIL(err, SB_LIMIT, "a node has %zu labels; the limit is %u", count,
                       SB_SET_LABELS_MAX);
    for (size_t i = 0; i < count; i++) {
        if (labels[i] == 0 || labels[i] > view->names[SB_NAME_LABEL].count ||
            (i != 0 && labels[i] <= labels[i - 1])) {
            return SB_FAIL(err, SB_MISUSE,
                           "label ids of a set must exist and ascend: %u at place %zu", labels[i],
                           i);
        }
    }
    return SB_OK;
}

sb_status sb_set_intern(sb_view *view, const sb_label_id *labels, size_t count, sb_set_id *set,
                        sb_err *err)
{
    const uint32_t found =
        sb_store__interner_find(&view->sets, label_bytes(labels, count), view->hash_seed);

    *set = found == SB_INTERNED_NONE ? 0 : found;
    if (found != SB_INTERNED_NONE) return SB_OK;
    SB_TRY(sb_store__begin_change(view, err));
    SB_TRY(check_labels(view, labels, count, err));
    if (view->sets.count >= SETS_MAX)
        return SB_FAIL(err, SB_LIMIT, "the limit of %u label sets is reached", SETS_MAX);
    SB_TRY(sb_store__sets_add(view, labels, count, err));
    view->meta.set_count = view->sets.count;
    view->writer.names_changed = true;
    *set = view->sets.count - 1;
    return SB_OK;
}

void sb_store__sets_truncate(sb_view *view, uint32_t count)
{
    while (view->sets.count > count) { /* the last set is the last in each of its lists */
        size_t label_count;
        const sb_label_id *labels = sb_set_labels(view, view->sets.count - 1, &label_count);
        for (size_t i = 0; i < label_count; i++) {
            view->label_sets[labels[i]].count--;
        }
        sb_store__interner_truncate(&view->sets, view->sets.count - 1);
    }
}
