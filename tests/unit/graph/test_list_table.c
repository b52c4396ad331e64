/* Goal: tables of lists in all forms: entries at their nodes' own places, as long as no node has two, lists one behind the other, lists that go on in
 * the next leaf, and lists that come in pieces, whichever of them a table begins as.
 * Method: relationships from the n-th node to another by a rule, in both directions, with and without relationships; each node's list, length and
 * neighbors, rows of an expansion, and what nodes have in common, against the plain array of relationships. */
#include "support/graph_fixture.h"

#define NODES    3000u
#define RELS_MAX 40000u

typedef struct pairs {
    size_t count;
    uint32_t from[RELS_MAX], to[RELS_MAX]; /* numbers of nodes */
    sb_rel_id rels[RELS_MAX];
    /* by direction: of each node, and behind each of its relationships, the next of them, plus 1; 0: none */
    uint32_t firsts[2][NODES], nexts[2][RELS_MAX];
} pairs;

static sb_node_id nodes[NODES];
static pairs made;

/* Asked once for each block of lists that is read. */
static sb_status go_on(void *ctx)
{
    ++*(size_t *)ctx;
    return SB_OK;
}

static sb_status count_block(void *ctx, const sb_list_block *block)
{
    (void)block;
    ++*(size_t *)ctx;
    return SB_OK;
}

static void add(uint32_t from, uint32_t to)
{
    uint32_t *const firsts[2] = {&made.firsts[SB_OUT][from], &made.firsts[SB_IN][to]};

    for (unsigned d = 0; d < 2; d++) {
        made.nexts[d][made.count] = *firsts[d];
        *firsts[d] = (uint32_t)made.count + 1;
    }
    made.from[made.count] = from;
    made.to[made.count++] = to;
}

static void forget_all(void)
{
    made.count = 0;
    memset(made.firsts, 0, sizeof made.firsts);
}

static int compare_entries(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    if (x[0] != y[0]) return x[0] < y[0] ? -1 : 1;
    return x[1] < y[1] ? -1 : x[1] > y[1];
}

/* Entries of a node, sorted: (neighbor, relationship) each. */
static size_t expected_list(uint32_t node, sb_direction direction, uint64_t (*entries)[2])
{
    size_t count = 0;

    for (size_t i = made.firsts[direction][node]; i-- != 0; i = made.nexts[direction][i]) {
        entries[count][0] = nodes[direction == SB_OUT ? made.to[i] : made.from[i]];
        entries[count++][1] = made.rels[i];
    }
    qsort(entries, count, sizeof *entries, compare_entries);
    return count;
}

static void check_lists(const sb_list_table *table, sb_direction direction)
{
    static uint64_t entries[RELS_MAX][2];

    for (uint32_t n = 0; n < NODES; n++) {
        const size_t count = expected_list(n, direction, entries);
        const sb_chunk list = sb_list_table_list(table, nodes[n]);
        assert_int_equal(list.count, count);
        assert_int_equal(sb_list_table_length(table, nodes[n]), count);
        bool loops = false;
        for (uint32_t i = 0; i < count; i++) {
            loops = loops || entries[i][0] == nodes[n];
            assert_int_equal(sb_chunk_neighbor(&list, i), entries[i][0]);
            assert_true(table->rels == NULL || sb_chunk_rel(&list, i) == entries[i][1]);
            assert_true(sb_list_table_has(table, nodes[n], entries[i][0]));
        }
        assert_int_equal(sb_list_table_has(table, nodes[n], nodes[n]), loops);
    }
    assert_int_equal(sb_list_table_length(table, 0), 0);
    assert_int_equal(sb_list_table_length(table, SB_ID_MAX), 0);
}

/* All lists as rows, a few at a time. */
static void check_rows(graph_fixture *f, const sb_list_table *table,
                       const sb_list_table_options *options)
{
    const sb_expand_options asked = {
        .direction = options->direction, .types = &options->type, .type_count = 1};
    static uint64_t entries[RELS_MAX][2];
    uint32_t from[7];
    uint64_t ends[7], rels[7];
    const sb_expand_rows rows = {
        .from = from, .neighbors = ends, .rels = table->rels != NULL ? rels : NULL};
    size_t have = 0, at = 0;
    sb_expand *expand;

    OK(f, sb_expand_open(f->graph, &asked, &expand, &f->err));
    sb_expand_begin(expand, nodes, NODES);
    sb_expand_use(expand, 0, options->direction, table);
    for (uint32_t n = 0; n < NODES; n++) {
        const size_t count = expected_list(n, options->direction, entries);
        for (size_t i = 0; i < count; i++, at++) {
            if (at == have) {
                OK(f, sb_expand_next(expand, &rows, 7, &have, &f->err));
                assert_true(have > 0);
                at = 0;
            }
            assert_int_equal(from[at], n);
            assert_int_equal(ends[at], entries[i][0]);
            assert_true(rows.rels == NULL || rels[at] == entries[i][1]);
        }
    }
    assert_int_equal(at, have);
    OK(f, sb_expand_next(expand, &rows, 7, &have, &f->err));
    assert_int_equal(have, 0);
    sb_expand_close(expand);
}

/* What each node has in common with the next one. */
static void check_common(const sb_list_table *table, sb_direction direction)
{
    static uint64_t left[RELS_MAX][2], right[RELS_MAX][2];
    static int64_t common[NODES];
    const sb_list_table *const tables[2] = {table, table};
    const sb_node_id *const sides[2] = {nodes, nodes + 1};

    sb_list_tables_common(tables, sides, NODES - 1, common);
    for (uint32_t n = 0; n + 1 < NODES; n++) {
        const size_t count = expected_list(n, direction, left),
                     other = expected_list(n + 1, direction, right);
        int64_t expected = 0;
        for (size_t i = 0; i < count; i++)
            for (size_t k = 0; k < other; k++)
                expected += left[i][0] == right[k][0];
        assert_int_equal(common[n], expected);
    }
}

/* once: the lists are read once. */
static void check_table(graph_fixture *f, sb_type_id type, sb_direction direction, bool rels,
                        bool singles, bool once)
{
    size_t blocks = 0, read = 0;
    const sb_list_table_options options = {.type = type,
                                           .direction = direction,
                                           .rels = rels,
                                           .alloc = &f->alloc.base,
                                           .poll = go_on,
                                           .poll_ctx = &read};
    sb_list_table *table;

    OK(f, sb_list_table_make(f->graph, &options, &table, &f->err));
    assert_non_null(table);
    assert_int_equal(table->singles, singles);
    OK(f, sb_graph_scan_lists(f->graph, direction, type, count_block, &blocks, &f->err));
    assert_true(once ? read == blocks : read > blocks);
    check_lists(table, direction);
    check_rows(f, table, &options);
    check_common(table, direction);
    sb_list_table_free(table);
}

/* Relationships [first, end) of those that were added. */
static void create(graph_fixture *f, sb_type_id type, size_t first, size_t end)
{
    static sb_node_id sources[RELS_MAX], targets[RELS_MAX];

    for (size_t i = first; i < end; i++) {
        sources[i] = nodes[made.from[i]];
        targets[i] = nodes[made.to[i]];
    }
    OK(f, sb_graph_create_rels(f->graph, type, end - first, sources + first, targets + first, NULL,
                               0, made.rels + first, &f->err));
}

/* Tables of the relationships that were added; are they singles, by direction? */
static void check(bool out_singles, bool in_singles)
{
    graph_fixture f;

    graph_fixture_open(&f, 4096);
    begin_write(&f);
    OK(&f, sb_graph_create_nodes(f.graph, set_of_label(&f, label(&f, "A")), NODES, NULL, 0, nodes,
                                 &f.err));
    const sb_type_id type = type_of(&f, "T");
    create(&f, type, 0, made.count);
    commit(&f);
    begin_read(&f);
    for (unsigned rels = 0; rels < 2; rels++) {
        check_table(&f, type, SB_OUT, rels != 0, out_singles, true);
        check_table(&f, type, SB_IN, rels != 0, in_singles, true);
    }
    rollback(&f);
    graph_fixture_close(&f);
    forget_all();
}

static void test_graph_list_table__singles(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < NODES; i++) /* each once in both directions */
        add(i, (i * 7) % NODES);
    check(true, true);
    for (uint32_t i = 5; i < NODES; i += 2) /* with gaps: two, then many, to few */
        if (i % 100 < 50) add(i, i / 500);
    for (uint32_t i = 0; i < 400; i++)
        add(2 * i, i / 200);
    check(true, false);
}

static void test_graph_list_table__longer_list(void **state)
{
    const uint32_t at[] = {0, 1, 1500, NODES - 1};

    (void)state;
    for (size_t k = 0; k < sizeof at / sizeof *at; k++) {
        for (uint32_t i = 0; i < NODES - 2; i += 2)
            add(i, i / 2);
        add(at[k], 2999); /* behind one there is, or a second one to the same node */
        add(at[k], 2999);
        check(false, false);
    }
}

static void test_graph_list_table__few(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 700; i++) /* a quarter of the ids would be 750 */
        add(4 * i + 1, i);
    check(false, false);
}

/* A list of several pages, behind nodes of one entry each; before others, and as the last one. */
static void test_graph_list_table__goes_on(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 1000; i++)
        add(i, i);
    for (uint32_t i = 0; i < 1900; i++)
        add(1500, (i * 11) % NODES);
    check(false, false);
    for (uint32_t i = 0; i < 1900; i++)
        add(1500, (i * 11) % NODES);
    for (uint32_t i = 1600; i < 1700; i++)
        add(i, i);
    check(false, false);
}

/* What is created later lies aside: of nodes all over, or of the one whose list, of several leaves, is the last at home: then what is aside begins
 * with the node that came last. */
static void check_aside(const uint32_t *from, size_t count)
{
    graph_fixture f;

    graph_fixture_open(&f, 4096);
    begin_write(&f);
    OK(&f, sb_graph_create_nodes(f.graph, set_of_label(&f, label(&f, "A")), NODES, NULL, 0, nodes,
                                 &f.err));
    const sb_type_id type = type_of(&f, "T");
    for (uint32_t i = 0; i < 36000; i++)
        add(i * 7 % NODES, 1000 + i % 500);
    for (uint32_t i = 0; i < 1500; i++)
        add(NODES - 1, 1000 + i);
    create(&f, type, 0, made.count);
    commit(&f);
    begin_write(&f);
    const size_t first = made.count;
    for (size_t i = 0; i < count; i++)
        add(from[i], 10 + (uint32_t)i);
    create(&f, type, first, made.count);
    commit(&f);
    begin_read(&f);
    check_table(&f, type, SB_OUT, false, false, false);
    check_table(&f, type, SB_OUT, true, false, false);
    rollback(&f);
    graph_fixture_close(&f);
    forget_all();
}

static void test_graph_list_table__pieces(void **state)
{
    const uint32_t all_over[] = {5, 700, 1300, 2000}, last[] = {NODES - 1};

    (void)state;
    check_aside(all_over, sizeof all_over / sizeof *all_over);
    check_aside(last, sizeof last / sizeof *last);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_graph_list_table__singles), TEST(test_graph_list_table__longer_list),
        TEST(test_graph_list_table__few),     TEST(test_graph_list_table__goes_on),
        TEST(test_graph_list_table__pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
