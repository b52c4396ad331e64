/* loader_ids.c — external ids to numbers of nodes: numbers where ids are written as numbers usually are, else texts. */
#include <stdlib.h>
#include <string.h>

#include "cli/formats/loader_priv.h"

static bool is_number(sombra_text text, uint64_t *number)
{
    const char *digits = text.data;

    if (text.size == 0 || text.size > 18 || (digits[0] == '0' && text.size > 1)) return false;
    *number = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (digits[i] < '0' || digits[i] > '9') return false;
        *number = 10 * *number + (uint64_t)(digits[i] - '0');
    }
    return true;
}

/* The table of a group of ids. Most files ask for two of them by turns. */
static loader_ids *table_of(fmt_loader *l, sombra_text name)
{
    for (unsigned i = 0; i < 2; i++) {
        const uint32_t last = l->last_groups[i];
        if (last == 0) continue;
        const sombra_text known = l->group_names.texts[last - 1];
        if (known.size == name.size &&
            (name.size == 0 || memcmp(known.data, name.data, name.size) == 0))
            return &l->ids[last - 1];
    }
    const uint32_t place = fmt_names_add(&l->group_names, name.data, name.size);
    const size_t before = l->id_capacity;

    l->last_groups[1] = l->last_groups[0];
    l->last_groups[0] = place + 1;
    l->ids = fmt_grow(l->ids, &l->id_capacity, (size_t)place + 1, sizeof *l->ids);
    if (l->id_capacity != before)
        memset(l->ids + before, 0, (l->id_capacity - before) * sizeof *l->ids);
    return &l->ids[place];
}

/* Where an id is looked up. */
typedef struct id_place {
    loader_ids *table;
    bool is_number;
    uint64_t number;
    sombra_text text; /* else */
} id_place;

/* A letter and a number, as "n17", is a number of the letter's own table: so ids are in most files of GraphML. */
static id_place place_of(fmt_loader *l, const fmt_id *id)
{
    const unsigned char *at = id->text.data;
    id_place place = {.text = id->text};

    if (id->group.size != 0 || id->text.size < 2 || at[0] < 'A' || at[0] > 'z' ||
        !is_number(fmt_text((const char *)at + 1, id->text.size - 1), &place.number)) {
        place.table = table_of(l, id->group);
        place.is_number = is_number(id->text, &place.number);
        return place;
    }
    uint32_t *letter = &l->letters[at[0] - 'A'];
    if (*letter == 0) {
        const char name[2] = {'\0', (char)at[0]}; /* no group is called so */
        *letter = (uint32_t)(table_of(l, fmt_text(name, 2)) - l->ids) + 1;
    }
    place.table = &l->ids[*letter - 1];
    place.is_number = true;
    return place;
}

static uint64_t find_number(const loader_ids *table, uint64_t number)
{
    if (number < table->dense_count && table->dense[number] != 0) return table->dense[number];
    return fmt_map_get(&table->sparse, number);
}

/* They lie all over the table: one behind the other, with nothing in between, the processor waits for many at a time. */
bool fmt_loader_find_numbers(fmt_loader *l, sombra_text group, uint64_t *ids, size_t count)
{
    const loader_ids *table = table_of(l, group);

    for (size_t i = 0; i < count; i++) {
        ids[i] = find_number(table, ids[i]);
        if (ids[i] == 0) return false;
    }
    return true;
}

static uint64_t find_at(const id_place *in)
{
    if (in->is_number) return find_number(in->table, in->number);
    const uint32_t place = fmt_names_find(&in->table->texts, in->text.data, in->text.size);
    return place == UINT32_MAX ? 0 : in->table->text_nodes[place];
}

uint64_t fmt_loader_find(fmt_loader *l, const fmt_id *id)
{
    const id_place in = place_of(l, id);

    return find_at(&in);
}

/* As fmt_loader_find_numbers: first what is to be looked up, then nothing but that. */
void loader_find_all(fmt_loader *l, const fmt_id *const *ids, size_t count, uint64_t *found)
{
    id_place places[LOADER_FIND_MAX];
    size_t tables[LOADER_FIND_MAX]; /* a new one may move the others */

    for (size_t i = 0; i < count; i++) {
        places[i] = place_of(l, ids[i]);
        tables[i] = (size_t)(places[i].table - l->ids);
    }
    for (size_t i = 0; i < count; i++) {
        places[i].table = &l->ids[tables[i]];
        found[i] = find_at(&places[i]);
    }
}

/* Numbers that lie about as densely as there are ids go to an array. */
void loader_add_id(fmt_loader *l, const fmt_id *id, uint64_t node)
{
    const id_place in = place_of(l, id);
    loader_ids *table = in.table;
    const uint64_t number = in.number;

    table->count++;
    if (in.is_number) {
        const size_t before = table->dense_count;
        if (number >= before && number < 65536 + 8 * table->count) {
            table->dense = fmt_grow(table->dense, &table->dense_count, (size_t)number + 1,
                                    sizeof *table->dense);
            memset(table->dense + before, 0, (table->dense_count - before) * sizeof *table->dense);
        }
        if (number < table->dense_count)
            table->dense[number] = node + 1;
        else
            fmt_map_put(&table->sparse, number, node + 1);
        return;
    }
    const uint32_t place = fmt_names_add(&table->texts, in.text.data, in.text.size);
    table->text_nodes = fmt_grow(table->text_nodes, &table->text_capacity, (size_t)place + 1,
                                 sizeof *table->text_nodes);
    table->text_nodes[place] = node + 1;
}

static void empty_table(loader_ids *table)
{
    free(table->dense);
    free(table->text_nodes);
    fmt_map_free(&table->sparse);
    fmt_names_free(&table->texts);
    memset(table, 0, sizeof *table);
}

void fmt_loader_forget(fmt_loader *l, sombra_text begin)
{
    for (size_t i = 0; i < l->group_names.count; i++) {
        const sombra_text name = l->group_names.texts[i];
        if (name.size >= begin.size && memcmp(name.data, begin.data, begin.size) == 0)
            empty_table(&l->ids[i]);
    }
}

void loader_free_ids(fmt_loader *l)
{
    for (size_t i = 0; i < l->id_capacity; i++)
        empty_table(&l->ids[i]);
    free(l->ids);
    fmt_names_free(&l->group_names);
}
