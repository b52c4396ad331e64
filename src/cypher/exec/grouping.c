/* grouping.c — groups of rows by place or by hash. */
#include "cypher/exec/grouping.h"

#include "cypher/exec/spill.h"

sb_status sb_grouping__open(sb_exec *run, uint32_t key_count, sb_grouping *g)
{
    g->key_count = key_count;
    g->direct = key_count == 1;
    g->mixed = !g->direct;
    g->keys = sb_exec__alloc_zero(run, key_count, sizeof(const sb_vector *));
    g->row = sb_exec__alloc_zero(run, key_count, sizeof *g->row);
    if (g->keys == NULL || g->row == NULL) return sb_exec__no_memory(run);
    return sb_groups__open(run, key_count, &g->groups);
}

static void free_places(sb_grouping *g)
{
    if (g->places != NULL)
        sb_free(g->groups.keys.run->alloc, g->places, g->place_count * sizeof *g->places);
    g->places = NULL;
    g->place_count = 0;
}

void sb_grouping__close(sb_grouping *g)
{
    free_places(g);
    sb_groups__close(&g->groups);
}

/* Places that any number of rows may take. */
#define FIRST_PLACES 65536u

void sb_grouping__clear(sb_grouping *g)
{
    sb_groups__clear(&g->groups);
    if (g->place_count * sizeof *g->places > sb_exec__keeps(g->groups.keys.run)) free_places(g);
    if (g->places != NULL) memset(g->places, 0, g->place_count * sizeof *g->places);
    g->direct = g->key_count == 1;
    g->mixed = !g->direct;
    g->most = 0;
    g->rows = 0;
}

/* Room for all keys; *made false: they are too far away for the rows that there are. */
static sb_status make_places(sb_grouping *g, bool *made)
{
    sb_exec *run = g->groups.keys.run;
    const size_t before = g->place_count;

    *made = g->most < g->place_count;
    if (*made || g->most >= UINT32_MAX) return SB_OK;
    const uint64_t wanted = sb_pow2_ceil(g->most + 1);
    if (wanted > 16 * g->rows + FIRST_PLACES || wanted > UINT32_MAX ||
        !sb_spill__affords(run, (size_t)wanted * sizeof *g->places))
        return SB_OK;
    uint32_t *places =
        sb_resize(run->alloc, g->places, before * sizeof *places, (size_t)wanted * sizeof *places);
    if (places == NULL) return SB_OK; /* hashing takes less */
    g->places = places;
    g->place_count = (size_t)wanted;
    *made = true;
    return sb_exec__zero(run, places + before, ((size_t)wanted - before) * sizeof *places);
}

/* Find groups by place, if there is room: those that were found by hashing move there. */
static sb_status take_places(sb_grouping *g, bool *taken)
{
    SB_TRY(make_places(g, taken));
    if (!*taken || g->direct) return SB_OK;
    for (uint64_t i = 0; i < g->groups.keys.count; i++) {
        if (i % 4096 == 4095) SB_TRY(sb_exec__tick(g->groups.keys.run));
        g->places[sb_kept__row(&g->groups.keys, i)->as.id] = (uint32_t)i + 1;
    }
    sb_groups__forget_index(&g->groups);
    g->direct = true;
    return SB_OK;
}

/* Can the batch's keys be places, as all before? */
static bool keys_are_places(sb_grouping *g, uint32_t row_count)
{
    const sb_vector *v = g->keys[0];

    if ((v->kind != SB_VECTOR_INT && v->kind != SB_VECTOR_NODE && v->kind != SB_VECTOR_REL) ||
        v->constant || v->nulls != NULL)
        return false;
    if (g->groups.keys.count == 0) g->direct_kind = v->kind;
    if (g->direct_kind != v->kind) return false;
    for (uint32_t i = 0; i < row_count; i++)
        g->most |= v->as.ids[i]; /* a negative number is a huge one */
    return true;
}

static sb_status group_direct(sb_grouping *g, uint32_t row_count)
{
    const sb_vector *v = g->keys[0];

    for (uint32_t i = 0; i < row_count; i++) {
        uint32_t *place = &g->places[v->as.ids[i]];
        g->made[i] = *place == 0;
        if (g->made[i]) {
            g->row[0] = sb_vector_at(v, i);
            SB_TRY(sb_groups__append(&g->groups, g->row, &g->of[i]));
            *place = g->of[i] + 1;
        } else {
            g->of[i] = *place - 1;
        }
    }
    return SB_OK;
}

static sb_status leave_places(sb_grouping *g)
{
    if (!g->direct) return SB_OK;
    g->direct = false;
    free_places(g);
    return sb_groups__index(&g->groups);
}

sb_status sb_grouping__hash(sb_grouping *g)
{
    g->mixed = true;
    return leave_places(g);
}

sb_status sb_grouping__rows(sb_grouping *g, uint32_t row_count)
{
    bool taken = false;

    g->rows += row_count;
    if (!g->mixed) g->mixed = !keys_are_places(g, row_count);
    if (!g->mixed) SB_TRY(take_places(g, &taken));
    if (taken) return group_direct(g, row_count);
    SB_TRY(leave_places(g));
    for (uint32_t i = 0; i < row_count; i++) {
        for (uint32_t k = 0; k < g->key_count; k++)
            g->row[k] = sb_vector_at(g->keys[k], i);
        SB_TRY(sb_groups__at(&g->groups, g->row, sb_groups__hash(g->row, g->key_count), &g->of[i],
                             &g->made[i]));
    }
    return SB_OK;
}

sb_status sb_grouping__at(sb_grouping *g, uint64_t hash, uint32_t *group, bool *made)
{
    SB_ASSERT(!g->direct);
    return sb_groups__at(&g->groups, g->row, hash, group, made);
}

/* A float that is a whole number is the same key as the integer. */
static uint32_t find_place(const sb_grouping *g)
{
    const sb_val v = g->row[0];
    uint64_t place = v.as.id;

    switch (g->direct_kind) {
    case SB_VECTOR_INT:
        if (v.kind == SB_VAL_FLOAT && v.as.real >= 0 && v.as.real < (double)g->place_count &&
            v.as.real == (double)(uint64_t)v.as.real)
            place = (uint64_t)v.as.real;
        else if (v.kind != SB_VAL_INT)
            return SB_GROUP_NONE;
        break;
    case SB_VECTOR_NODE:
        if (v.kind != SB_VAL_NODE) return SB_GROUP_NONE;
        break;
    default:
        if (v.kind != SB_VAL_REL) return SB_GROUP_NONE;
        break;
    }
    return place < g->place_count ? g->places[place] - 1 : SB_GROUP_NONE; /* 0 - 1: none */
}

uint32_t sb_grouping__find(const sb_grouping *g, uint64_t hash)
{
    return g->direct ? find_place(g) : sb_groups__find(&g->groups, g->row, hash);
}

/* The group of a part's keys, made when it is not there. */
static sb_status merge_group(sb_grouping *g, const sb_val *keys, uint32_t *group)
{
    bool made;

    if (!g->direct)
        return sb_groups__at(&g->groups, keys, sb_groups__hash(keys, g->key_count), group, &made);
    uint32_t *place = &g->places[keys[0].as.id];
    if (*place == 0) {
        SB_TRY(sb_groups__append(&g->groups, keys, group));
        *place = *group + 1;
    }
    *group = *place - 1;
    return SB_OK;
}

sb_status sb_grouping__merge(sb_grouping *g, const sb_grouping *part, uint32_t *of)
{
    const uint64_t count = part->groups.keys.count;
    bool taken = false;

    if (count == 0) return SB_OK;
    if (g->groups.keys.count == 0) g->direct_kind = part->direct_kind;
    g->rows += part->rows;
    g->most |= part->most;
    g->mixed = g->mixed || part->mixed || g->direct_kind != part->direct_kind;
    if (!g->mixed) SB_TRY(take_places(g, &taken));
    if (!taken) SB_TRY(leave_places(g));
    for (uint64_t i = 0; i < count; i++)
        SB_TRY(merge_group(g, sb_kept__row(&part->groups.keys, i), &of[i]));
    return SB_OK;
}

size_t sb_grouping__bytes(const sb_grouping *g)
{
    return sb_groups__bytes(&g->groups) + g->place_count * sizeof *g->places;
}

size_t sb_grouping__growth(const sb_grouping *g, uint64_t rows)
{
    /* Places that are refused cost nothing. */
    return g->direct ? sb_kept__growth(&g->groups.keys, rows) : sb_groups__growth(&g->groups, rows);
}
