/* Goal: scans, counts and look-ups of cut keys against filtering by hand: values of every type, all kinds of bounds, with and
 * without property indexes and the label index, while the same transaction changes what it scans.
 * Method: random entities go into the store and into an array; what matches is found by comparing values one by one. */
#include <math.h>

#include "support/graph_fixture.h"

#include "graph/graph_priv.h"

#define LONG_BYTES 9000u /* over the limit of an index key at 4 KiB pages, and in overflow pages */

typedef struct entity {
    uint64_t id;
    unsigned kind; /* nodes: bit 0 label A, bit 1 label B; relationships: 1 or 2 */
    sb_value value;
    bool gone;
} entity;

typedef struct world {
    graph_fixture f;
    entity *items[2]; /* by sb_entity */
    size_t counts[2];
    sb_label_id labels[3]; /* 0, A, B */
    sb_type_id types[3];
    sb_key_id key, absent;
    char *long_text[4];
    sb_random random;
} world;

static size_t below(world *w, size_t bound)
{
    return (size_t)sb_random_below(&w->random, bound);
}

static const sb_value list_items[3] = {{.type = SB_TYPE_INT, .as.integer = 1},
                                       {.type = SB_TYPE_FLOAT, .as.real = 2.5},
                                       {.type = SB_TYPE_STRING, .as.bytes = {"x", 1}}};

/* Few values of each type, so that most are met several times. */
static sb_value any_value(world *w)
{
    static const int64_t integers[] = {
        INT64_MIN,       INT64_MIN + 1, -3,       -1, 0, 1, 2, 3, 100, 70000, 1LL << 53,
        (1LL << 53) + 1, INT64_MAX - 1, INT64_MAX};
    static const double reals[] = {
        -9223372036854775808.0, -1e300, -2.5, -1, -0.0, 0.0, 0.5, 1, 2, 9007199254740992.0,
        9223372036854775808.0,  1e300};
    static const char *const strings[] = {"", "a", "ab", "abc", "b", "zebra"};
    const size_t pick = below(w, 24);

    if (pick < 7) return integer(integers[below(w, 14)]);
    if (pick < 11) return real(reals[below(w, 12)]);
    switch (pick) {
    case 11: return real(below(w, 2) == 0 ? (double)INFINITY : -(double)INFINITY);
    case 12: return real((double)NAN);
    case 13: return (sb_value){.type = SB_TYPE_BOOL, .as.boolean = below(w, 2) != 0};
    case 14: return (sb_value){.type = SB_TYPE_DATE, .as.integer = (int64_t)below(w, 5) - 2};
    case 15: return (sb_value){.type = SB_TYPE_LOCAL_TIME, .as.integer = (int64_t)below(w, 4)};
    case 16:
        return (sb_value){.type = SB_TYPE_TIME,
                          .as.time = {.ns = (int64_t)below(w, 3) * 3600000000000,
                                      .offset = 3600 * (int32_t)below(w, 2)}};
    case 17:
        return (sb_value){.type = SB_TYPE_LOCAL_DATETIME,
                          .extra = (uint32_t)below(w, 2),
                          .as.datetime = {.seconds = (int64_t)below(w, 3)}};
    case 18:
        if (below(w, 2) == 0)
            return (sb_value){.type = SB_TYPE_DATETIME,
                              .as.datetime = {.seconds = (int64_t)below(w, 3), .offset = 3600}};
        return (sb_value){.type = SB_TYPE_DATETIME,
                          .as.datetime = {.seconds = (int64_t)below(w, 3),
                                          .offset = 3600,
                                          .zone = "Europe/Paris",
                                          .zone_size = 12}};
    case 19: return (sb_value){.type = SB_TYPE_LIST, .as.list = {list_items, below(w, 4)}};
    case 20: return (sb_value){.type = SB_TYPE_BYTES, .as.bytes = {"\1\2\3", below(w, 4)}};
    case 21: return string(w->long_text[below(w, 4)]);
    default: return string(strings[below(w, 6)]);
    }
}

static sb_value maybe_value(world *w)
{
    return below(w, 5) == 0 ? SB_VALUE_NULL : any_value(w);
}

static void add_world_nodes(world *w, unsigned kind, size_t count)
{
    const sb_label_id both[2] = {w->labels[1], w->labels[2]};
    sb_node_id *ids = malloc(count * sizeof *ids);
    sb_value *values = malloc(count * sizeof *values);
    const sb_prop_column column = {.key = w->key, .values = values};
    sb_set_id set = 0;

    if (kind == 1) set = set_of_label(&w->f, both[0]);
    if (kind == 2) set = set_of_label(&w->f, both[1]);
    if (kind == 3) OK(&w->f, sb_set_intern(w->f.view, both, 2, &set, &w->f.err));
    for (size_t i = 0; i < count; i++)
        values[i] = maybe_value(w);
    OK(&w->f, sb_graph_create_nodes(w->f.graph, set, count, &column, 1, ids, &w->f.err));
    w->items[SB_NODE] = realloc(w->items[SB_NODE], (w->counts[SB_NODE] + count) * sizeof(entity));
    for (size_t i = 0; i < count; i++)
        w->items[SB_NODE][w->counts[SB_NODE]++] = (entity){ids[i], kind, values[i], false};
    free(ids);
    free(values);
}

static void add_world_rels(world *w, unsigned type, size_t count)
{
    sb_rel_id *ids = malloc(count * sizeof *ids);
    sb_node_id *sources = calloc(count, sizeof *sources), *targets = calloc(count, sizeof *targets);
    sb_value *values = malloc(count * sizeof *values);
    const sb_prop_column column = {.key = w->key, .values = values};

    for (size_t i = 0; i < count; i++) {
        values[i] = maybe_value(w);
        sources[i] = w->items[SB_NODE][below(w, w->counts[SB_NODE])].id;
        targets[i] = w->items[SB_NODE][below(w, w->counts[SB_NODE])].id;
    }
    OK(&w->f, sb_graph_create_rels(w->f.graph, w->types[type], count, sources, targets, &column, 1,
                                   ids, &w->f.err));
    w->items[SB_REL] = realloc(w->items[SB_REL], (w->counts[SB_REL] + count) * sizeof(entity));
    for (size_t i = 0; i < count; i++)
        w->items[SB_REL][w->counts[SB_REL]++] = (entity){ids[i], type, values[i], false};
    free(ids);
    free(sources);
    free(targets);
    free(values);
}

static void world_open(world *w, uint64_t seed)
{
    memset(w, 0, sizeof *w);
    w->random = test_random(seed);
    for (int i = 0; i < 4; i++) {
        w->long_text[i] = malloc(LONG_BYTES + 1);
        memset(w->long_text[i], 'l', LONG_BYTES);
        w->long_text[i][LONG_BYTES] = '\0';
        /* differ where a cut key does not reach */
        w->long_text[i][LONG_BYTES - 1] = (char)('0' + i);
    }
    w->long_text[3][600] = '\0';
    graph_fixture_open(&w->f, 4096);
    begin_write(&w->f);
    w->labels[1] = label(&w->f, "A");
    w->labels[2] = label(&w->f, "B");
    w->types[1] = type_of(&w->f, "T");
    w->types[2] = type_of(&w->f, "U");
    w->key = key_of(&w->f, "v");
    w->absent = key_of(&w->f, "absent");
}

static void world_close(world *w)
{
    for (int i = 0; i < 4; i++)
        free(w->long_text[i]);
    free(w->items[0]);
    free(w->items[1]);
    graph_fixture_close(&w->f);
}

static void populate(world *w, size_t scale)
{
    for (unsigned round = 0; round < 3; round++) {
        add_world_nodes(w, 0, scale);
        add_world_nodes(w, 1, scale);
        add_world_nodes(w, 2, scale / 16 + 1); /* so rare that the label index is used */
        add_world_nodes(w, 3, scale / 32 + 1);
        add_world_rels(w, 1, scale);
        add_world_rels(w, 2, scale / 2);
    }
}

/* ---- By hand ----------------------------------------------------------------------------------------------------- */

static unsigned class_by_hand(const sb_value *value)
{
    return value->type == SB_TYPE_FLOAT ? SB_TYPE_INT : value->type;
}

static bool matches_by_hand(const world *w, const sb_scan_options *options, const entity *item)
{
    const sb_value *value = &item->value;

    if (item->gone) return false;
    if (options->entity == SB_NODE && options->name != 0 &&
        (options->name > 2 || (item->kind & options->name) == 0))
        return false;
    if (options->entity == SB_REL && options->name != 0 && item->kind != options->name)
        return false;
    if (options->key == 0) return true;
    if (options->key != w->key || value->type == SB_TYPE_NULL) return false;
    if (options->equal != NULL) return sb_value_equal(value, options->equal);
    for (int side = 0; side < 2; side++) {
        const sb_value *bound = side == 0 ? options->low : options->high;
        int order;
        if (bound == NULL) continue;
        if (bound->type == SB_TYPE_NULL || !sb_value_equal(bound, bound) ||
            !sb_value_equal(value, value))
            return false;
        if (class_by_hand(bound) != class_by_hand(value)) return false;
        order = side == 0 ? sb_value_compare(value, bound) : sb_value_compare(bound, value);
        if (order < 0 ||
            (order == 0 && !(side == 0 ? options->low_inclusive : options->high_inclusive)))
            return false;
    }
    return true;
}

static int compare_ids(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Run a scan and a count; both agree with filtering by hand. */
static void check_scan(world *w, const sb_scan_options *options, int indexed)
{
    const entity *items = w->items[options->entity];
    const size_t count = w->counts[options->entity];
    uint64_t *expected = malloc((count + 1) * sizeof *expected),
             *found = malloc((count + 64) * sizeof *found), counted;
    size_t expected_count = 0, found_count = 0, took;
    sb_scan *scan;

    for (size_t i = 0; i < count; i++)
        if (matches_by_hand(w, options, &items[i])) expected[expected_count++] = items[i].id;
    OK(&w->f, sb_scan_open(w->f.graph, options, &scan, &w->f.err));
    if (indexed >= 0) assert_int_equal(sb_scan_uses_index(scan), indexed);
    do {
        assert_true(found_count <= count);
        OK(&w->f, sb_scan_next(scan, found + found_count, 1 + below(w, 60), &took, &w->f.err));
        found_count += took;
    } while (took != 0);
    if (!sb_scan_uses_index(scan))
        for (size_t i = 1; i < found_count; i++)
            assert_true(found[i - 1] < found[i]);
    sb_scan_close(scan);
    qsort(expected, expected_count, sizeof *expected, compare_ids);
    qsort(found, found_count, sizeof *found, compare_ids);
    assert_int_equal(found_count, expected_count);
    assert_memory_equal(found, expected, expected_count * sizeof *expected);
    OK(&w->f, sb_graph_count(w->f.graph, options, &counted, &w->f.err));
    assert_int_equal(counted, expected_count);
    free(expected);
    free(found);
}

/* indexed: whether the scan of label A (type T) with a condition should use an index. */
static void check_scans(world *w, size_t rounds, int indexed)
{
    for (size_t i = 0; i < rounds; i++) {
        const sb_value a = any_value(w), b = any_value(w), null = SB_VALUE_NULL;
        sb_scan_options options = {.entity = (sb_entity)(i % 2),
                                   .name = (uint32_t)below(w, 3),
                                   .key = w->key,
                                   .low_inclusive = below(w, 2) != 0,
                                   .high_inclusive = below(w, 2) != 0,
                                   .no_index = below(w, 4) == 0};
        switch (below(w, 10)) {
        case 0: options.key = 0; break;
        case 1: break; /* present */
        case 2: options.key = w->absent; break;
        case 3: options.equal = &null; break;
        case 4: options.low = &a; break;
        case 5: options.high = &a; break;
        case 6:
        case 7:
            options.low = &a;
            options.high = below(w, 2) == 0 ? &b : &a;
            break;
        default: options.equal = &a; break;
        }
        const bool possible = options.key == w->key && options.name == 1 && !options.no_index &&
                              options.equal != &null;
        /* A condition that nothing can meet is answered without an index. */
        const bool sure =
            possible && (options.equal != NULL ? sb_value_equal(&a, &a)
                                               : options.low == NULL && options.high == NULL);
        check_scan(w, &options, sure ? indexed : possible ? -1 : 0);
    }
    check_scan(w, &(sb_scan_options){.entity = SB_NODE, .name = 77}, 0);
    check_scan(w, &(sb_scan_options){.entity = SB_REL, .name = 77, .key = w->key}, 0);
}

static void make_index(world *w, const char *index_name, bool on_rels, uint8_t kind, uint32_t name,
                       size_t key_count, uint32_t *id)
{
    const sb_schema schema = {.kind = kind,
                              .on_rels = on_rels,
                              .entity = name,
                              .key_count = (uint32_t)key_count,
                              .keys = {w->key, w->absent},
                              .name = text(index_name)};
    OK(&w->f, sb_graph_schema_create(w->f.graph, &schema, id, &w->f.err));
}

/* ---- Cases --------------------------------------------------------------------------------------------------------- */

static void test_graph_read_scan__columns(void **state)
{
    world w;

    (void)state;
    world_open(&w, 11);
    check_scans(&w, 30, 0); /* nothing there */
    populate(&w, 400);
    check_scans(&w, 150, 0);
    commit(&w.f);
    begin_read(&w.f);
    check_scans(&w, 300, 0);
    commit(&w.f);
    world_close(&w);
}

static void test_graph_read_scan__indexes(void **state)
{
    uint32_t node_index, rel_index, wide_index;
    world w;

    (void)state;
    world_open(&w, 12);
    make_index(&w, "nodes", false, SB_SCHEMA_INDEX, 1, 1, &node_index);
    make_index(&w, "rels", true, SB_SCHEMA_INDEX, 1, 1, &rel_index);
    make_index(&w, "wide", false, SB_SCHEMA_INDEX, 2, 2, &wide_index); /* of no use for one key */
    populate(&w, 300);
    check_scans(&w, 200, 1);
    commit(&w.f);
    begin_read(&w.f);
    check_scans(&w, 400, 1);
    commit(&w.f);
    begin_write(&w.f);
    OK(&w.f, sb_graph_schema_drop(w.f.graph, node_index, &w.f.err));
    OK(&w.f, sb_graph_schema_drop(w.f.graph, rel_index, &w.f.err));
    check_scans(&w, 60, 0);
    commit(&w.f);
    world_close(&w);
}

static void test_graph_read_scan__without_label_index(void **state)
{
    world w;

    (void)state;
    world_open(&w, 13);
    populate(&w, 200);
    /* the id that a label's index has */
    OK(&w.f, sb_graph_schema_drop(w.f.graph, 0x80000000u | w.labels[2], &w.f.err));
    check_scans(&w, 150, 0);
    commit(&w.f);
    begin_read(&w.f);
    check_scans(&w, 150, 0);
    commit(&w.f);
    world_close(&w);
}

/* Bounds that differ from what is there only behind the place where keys are cut. */
static void test_graph_read_scan__ranges_of_cut_keys(void **state)
{
    world w;
    uint32_t id;

    (void)state;
    world_open(&w, 19);
    make_index(&w, "nodes", false, SB_SCHEMA_INDEX, 1, 1, &id);
    populate(&w, 300);
    for (unsigned i = 0; i < 64; i++) {
        const sb_value low = string(w.long_text[i / 4 % 4]), high = string(w.long_text[i % 4]);
        check_scan(&w,
                   &(sb_scan_options){.entity = SB_NODE,
                                      .name = 1,
                                      .key = w.key,
                                      .low = &low,
                                      .high = i < 32 ? &high : NULL,
                                      .low_inclusive = i % 2 != 0,
                                      .high_inclusive = i / 2 % 2 != 0},
                   1);
    }
    commit(&w.f);
    world_close(&w);
}

/* A range that is most of the table: the count leaves the index for the column. */
static void test_graph_read_scan__count_of_much(void **state)
{
    const sb_value low = integer(10), high = integer(89000);
    world w;
    uint32_t id;
    uint64_t count;
    sb_node_id *ids = malloc(90000 * sizeof *ids);
    int64_t *integers = malloc(90000 * sizeof *integers);

    (void)state;
    world_open(&w, 14);
    make_index(&w, "nodes", false, SB_SCHEMA_INDEX, 1, 1, &id);
    for (int64_t i = 0; i < 90000; i++)
        integers[i] = i;
    const sb_prop_column column = {.key = w.key, .type = SB_TYPE_INT, .integers = integers};
    OK(&w.f, sb_graph_create_nodes(w.f.graph, set_of_label(&w.f, w.labels[1]), 90000, &column, 1,
                                   ids, &w.f.err));
    const sb_scan_options options = {
        .entity = SB_NODE, .name = 1, .key = w.key, .low = &low, .high = &high};
    OK(&w.f, sb_graph_count(w.f.graph, &options, &count, &w.f.err));
    assert_int_equal(count, 89000 - 10 - 1);
    commit(&w.f);
    free(ids);
    free(integers);
    world_close(&w);
}

/* Rows that a count has compared so far; 0 before. */
static bool keep_progress(void *ctx, uint64_t done, uint64_t total)
{
    uint64_t *before = ctx;

    (void)total;
    assert_true(done >= *before); /* a second pass would begin anew */
    *before = done;
    return true;
}

/* However many match, columns are read once. */
static void test_graph_read_scan__count_reads_once(void **state)
{
    enum { NODES = 100000 };
    const sb_value low = integer(10), high = integer(NODES - 10);
    world w;
    sb_node_id *ids = malloc(NODES * sizeof *ids);
    int64_t *integers = malloc(NODES * sizeof *integers);
    uint64_t done = 0, count;

    (void)state;
    world_open(&w, 20);
    for (int64_t i = 0; i < NODES; i++)
        integers[i] = i * 7919 % NODES;
    const sb_prop_column column = {.key = w.key, .type = SB_TYPE_INT, .integers = integers};
    OK(&w.f, sb_graph_create_nodes(w.f.graph, set_of_label(&w.f, w.labels[1]), NODES, &column, 1,
                                   ids, &w.f.err));
    commit(&w.f);
    w.f.settings.progress = keep_progress;
    w.f.settings.progress_ctx = &done;
    OK(&w.f, sb_graph_configure(w.f.session, &w.f.settings, &w.f.err));
    begin_read(&w.f);
    const sb_scan_options options = {
        .entity = SB_NODE, .key = w.key, .low = &low, .high = &high, .low_inclusive = true};
    OK(&w.f, sb_graph_count(w.f.graph, &options, &count, &w.f.err));
    assert_int_equal(count, NODES - 20);
    assert_true(done > NODES / 2);
    commit(&w.f);
    free(ids);
    free(integers);
    world_close(&w);
}

/* Delete what a scan hands out, and set the property it looks for: each entity that matched at first comes exactly once. */
static void change_while_scanning(world *w, const sb_scan_options *options, bool deleting)
{
    entity *items = w->items[SB_REL];
    size_t expected = 0, found = 0, took;
    uint64_t ids[37];
    sb_scan *scan;

    for (size_t i = 0; i < w->counts[SB_REL]; i++)
        expected += matches_by_hand(w, options, &items[i]);
    OK(&w->f, sb_scan_open(w->f.graph, options, &scan, &w->f.err));
    do {
        OK(&w->f, sb_scan_next(scan, ids, 37, &took, &w->f.err));
        for (size_t i = 0; i < took; i++) {
            const sb_prop prop = {.key = w->key, .value = SB_VALUE_NULL};
            const sb_op op = {.kind = deleting ? SB_OP_DELETE_REL : SB_OP_SET_PROPS,
                              .entity = SB_REL,
                              .target_entity = {.id = ids[i], .result_of = -1},
                              .props = &prop,
                              .prop_count = 1};
            sb_mutation result;
            size_t place = 0;
            OK(&w->f, sb_graph_mutate(w->f.graph, &op, 1, &result, &w->f.err));
            while (items[place].id != ids[i])
                place++;
            assert_true(matches_by_hand(w, options, &items[place]));
            items[place].gone = deleting;
            items[place].value = SB_VALUE_NULL;
            found++;
        }
    } while (took != 0);
    sb_scan_close(scan);
    assert_int_equal(found, expected);
}

static void test_graph_read_scan__changes_meanwhile(void **state)
{
    const sb_value low = integer(-100), text_value = string("a");
    world w;
    uint32_t id;

    (void)state;
    for (int indexed = 0; indexed < 2; indexed++) {
        world_open(&w, 15);
        if (indexed) make_index(&w, "rels", true, SB_SCHEMA_INDEX, 1, 1, &id);
        if (indexed) make_index(&w, "nodes", false, SB_SCHEMA_INDEX, 1, 1, &id);
        populate(&w, 500);
        change_while_scanning(
            &w, &(sb_scan_options){.entity = SB_REL, .name = 1, .key = w.key, .low = &low}, true);
        change_while_scanning(
            &w, &(sb_scan_options){.entity = SB_REL, .name = 1, .key = w.key, .equal = &text_value},
            false);
        change_while_scanning(&w, &(sb_scan_options){.entity = SB_REL, .name = 2}, true);
        check_scans(&w, 60, indexed);
        commit(&w.f);
        begin_read(&w.f);
        check_scans(&w, 60, indexed);
        commit(&w.f);
        world_close(&w);
    }
}

static void test_graph_read_scan__cut_keys(void **state)
{
    world w;
    uint32_t index;
    uint64_t ids[5], id;
    bool cut;
    sb_value values[5];

    (void)state;
    world_open(&w, 16);
    make_index(&w, "nodes", false, SB_SCHEMA_INDEX, 1, 1, &index);
    for (int i = 0; i < 4; i++)
        values[i] = string(w.long_text[i]);
    values[4] = values[1];
    const sb_prop_column column = {.key = w.key, .values = values};
    OK(&w.f, sb_graph_create_nodes(w.f.graph, set_of_label(&w.f, w.labels[1]), 5, &column, 1, ids,
                                   &w.f.err));
    for (int i = 0; i < 4; i++) {
        OK(&w.f, sb_index_lookup(w.f.view, index, &values[i], 1, &id, &cut, &w.f.err));
        OK(&w.f, sb_graph_lookup_cut(w.f.graph, index, &values[i], 1, &id, &w.f.err));
        assert_int_equal(id, ids[i]);
    }
    {
        const sb_value asked[3] = {values[2], string("short, and not there"), values[0]};
        uint64_t found[3];
        OK(&w.f, sb_graph_lookup_many(w.f.graph, index, asked, 1, 3, found, &w.f.err));
        assert_int_equal(found[0], ids[2]);
        assert_int_equal(found[1], 0);
        assert_int_equal(found[2], ids[0]);
        FAILS(&w.f, sb_graph_lookup_many(w.f.graph, index, asked, 2, 1, found, &w.f.err), SB_MISUSE,
              "1 keys");
    }
    w.long_text[0][LONG_BYTES - 1] = 'X';
    const sb_value other = string(w.long_text[0]), nan = real((double)NAN);
    OK(&w.f, sb_graph_lookup_cut(w.f.graph, index, &other, 1, &id, &w.f.err));
    assert_int_equal(id, 0);
    OK(&w.f, sb_graph_lookup_cut(w.f.graph, index, &nan, 1, &id, &w.f.err));
    assert_int_equal(id, 0);
    FAILS(&w.f, sb_graph_lookup_cut(w.f.graph, 99, &other, 1, &id, &w.f.err), SB_NOT_FOUND, "99");
    FAILS(&w.f, sb_graph_lookup_cut(w.f.graph, index, values, 2, &id, &w.f.err), SB_MISUSE,
          "1 keys");
    commit(&w.f);
    world_close(&w);
}

/* Each allocation of a scan and a count fails once. */
static void test_graph_read_scan__no_memory(void **state)
{
    world w;

    (void)state;
    world_open(&w, 17);
    populate(&w, 150);
    commit(&w.f);
    begin_read(&w.f);
    for (int kind = 0; kind < 4; kind++) {
        const sb_value value = kind == 1 ? string(w.long_text[1]) : integer(1);
        const sb_scan_options options = {.entity = SB_NODE,
                                         .name = kind == 3 ? 2 : 1,
                                         .key = w.key,
                                         .equal = kind == 2 ? NULL : &value,
                                         .high = kind == 2 ? &value : NULL};
        uint64_t ids[100], count;
        sb_status status = SB_NOMEM;
        for (size_t n = 1; status == SB_NOMEM; n++) {
            sb_scan *scan;
            size_t took = 1;
            atomic_store(&w.f.alloc.fail_at, atomic_load(&w.f.alloc.alloc_count) + n);
            status = sb_scan_open(w.f.graph, &options, &scan, &w.f.err);
            if (status == SB_OK) {
                while (status == SB_OK && took != 0)
                    status = sb_scan_next(scan, ids, 100, &took, &w.f.err);
                sb_scan_close(scan);
            } else {
                assert_null(scan);
            }
            if (status == SB_OK) status = sb_graph_count(w.f.graph, &options, &count, &w.f.err);
            atomic_store(&w.f.alloc.fail_at, 0);
            sb_err_clear(&w.f.err);
        }
        assert_int_equal(status, SB_OK);
        check_scan(&w, &options, -1);
    }
    commit(&w.f);
    world_close(&w);
}

static void test_graph_read_scan__cancel(void **state)
{
    _Atomic bool cancel = true;
    const sb_value value = integer(1);
    uint64_t count;
    world w;

    (void)state;
    world_open(&w, 18);
    populate(&w, 100);
    commit(&w.f);
    w.f.settings.cancel = &cancel;
    OK(&w.f, sb_graph_configure(w.f.session, &w.f.settings, &w.f.err));
    begin_read(&w.f);
    FAILS(&w.f,
          sb_graph_count(w.f.graph,
                         &(sb_scan_options){.entity = SB_REL, .key = w.key, .equal = &value},
                         &count, &w.f.err),
          SB_INTERRUPT, "cancelled");
    commit(&w.f);
    world_close(&w);
}

/* All that a scan gives, appended to ids. */
static size_t scan_all(world *w, const sb_scan_options *options, uint64_t *ids)
{
    sb_scan *scan;
    size_t count = 0, took;

    OK(&w->f, sb_scan_open(w->f.graph, options, &scan, &w->f.err));
    do {
        OK(&w->f, sb_scan_next(scan, ids + count, 1 + below(w, 60), &took, &w->f.err));
        count += took;
    } while (took != 0);
    sb_scan_close(scan);
    return count;
}

/* Scans of ranges of ids, one behind the other, give what one scan gives: by rows and by the label index, in transactions that write and
 * that read. */
static void test_graph_read_scan__ranges_of_ids(void **state)
{
    static uint64_t whole[20000], parts[20000];
    world w;
    (void)state;

    world_open(&w, 61);
    populate(&w, 700);
    for (int reading = 0; reading < 2; reading++) {
        for (int round = 0; round < 60; round++) {
            sb_scan_options options = {.entity = (sb_entity)below(&w, 2),
                                       .name = (uint32_t)below(&w, 3)};
            const uint64_t end =
                options.entity == SB_NODE ? sb_ids_node_end(w.f.view) : sb_ids_rel_end(w.f.view);
            const size_t count = scan_all(&w, &options, whole);
            size_t found = 0;
            for (uint64_t first = 1; first < end; first = options.last_id + 1) {
                options.first_id = first;
                options.last_id = first + below(&w, 3000);
                const size_t before = found;
                found += scan_all(&w, &options, parts + found);
                if (found == before) continue;
                assert_in_range(parts[before], options.first_id, options.last_id);
                assert_in_range(parts[found - 1], options.first_id, options.last_id);
            }
            assert_int_equal(found, count);
            assert_memory_equal(whole, parts, count * sizeof *whole);
        }
        if (reading == 0) commit(&w.f);
        if (reading == 0) begin_read(&w.f);
    }
    sb_scan *scan;
    const sb_scan_options filtered = {.entity = SB_NODE, .key = w.key, .last_id = 5};
    assert_int_equal(sb_scan_open(w.f.graph, &filtered, &scan, NULL), SB_MISUSE);
    rollback(&w.f);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_graph_read_scan__columns),
        TEST(test_graph_read_scan__indexes),
        TEST(test_graph_read_scan__without_label_index),
        TEST(test_graph_read_scan__count_of_much),
        TEST(test_graph_read_scan__count_reads_once),
        TEST(test_graph_read_scan__changes_meanwhile),
        TEST(test_graph_read_scan__cut_keys),
        TEST(test_graph_read_scan__ranges_of_cut_keys),
        TEST(test_graph_read_scan__no_memory),
        TEST(test_graph_read_scan__cancel),
        TEST(test_graph_read_scan__ranges_of_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
