/* test_slices.c — typed batches that are larger than a slice: the same graph and ids as in one piece, messages that count in the whole
 * call, nothing left of a call that fails in a late slice, memory that does not grow with the call.
 * A transaction_memory of SMALL makes slices of 1,024 rows. */
#include "support/api_fixture.h"

#include "base/random.h"

enum { SMALL = 64 << 10, NODES = 5000, RELS = 20000 };

/* What a call needs. */
typedef struct batch {
    uint32_t label, type, keys[3];
    int64_t numbers[NODES];
    sombra_value values[NODES];
    uint8_t present[(RELS + 7) / 8];
    double weights[RELS];
    uint64_t sources[RELS], targets[RELS], nodes[NODES], rels[RELS];
} batch;

static void fill_batch(batch *b)
{
    sb_random random = (sb_random){.state = 7};
    for (size_t i = 0; i < NODES; i++) {
        b->numbers[i] = (int64_t)sb_random_below(&random, 1u << 20) * NODES + (int64_t)i;
        b->values[i] = i % 3 == 0   ? sombra_string("some text that is longer than a word", i % 37)
                       : i % 3 == 1 ? sombra_float((double)i / 8)
                                    : (sombra_value){.type = SOMBRA_TYPE_NULL};
    }
    for (size_t i = 0; i < RELS; i++) {
        b->sources[i] = sb_random_below(&random, NODES);
        b->targets[i] = sb_random_below(&random, NODES);
        b->weights[i] = (double)sb_random_below(&random, 1000);
        if (sb_random_below(&random, 4) != 0) b->present[i / 8] |= (uint8_t)(1u << i % 8);
    }
}

static void name_things(api_fixture *f, batch *b)
{
    const char *const keys[] = {"number", "any", "weight"};
    b->label = api_name(f, SOMBRA_LABEL, "Node");
    b->type = api_name(f, SOMBRA_TYPE, "LINK");
    for (size_t i = 0; i < 3; i++)
        b->keys[i] = api_name(f, SOMBRA_KEY, keys[i]);
    const sombra_schema unique = {.kind = SOMBRA_UNIQUE,
                                  .name = "one",
                                  .name_size = 3,
                                  .entity = b->label,
                                  .key_count = 1,
                                  .keys = b->keys};
    uint32_t id;
    OK(f, sombra_schema_create(f->txn, &unique, &id));
}

static sombra_status make_nodes(api_fixture *f, batch *b)
{
    const sombra_column columns[] = {
        {.key = b->keys[0], .type = SOMBRA_TYPE_INT, .integers = b->numbers},
        {.key = b->keys[1], .type = SOMBRA_TYPE_NULL, .values = b->values}};
    return sombra_create_nodes(f->txn, &b->label, 1, NODES, columns, 2, b->nodes);
}

/* Ends of the batch are places among the nodes; here they become ids. */
static void resolve_ends(batch *b)
{
    for (size_t i = 0; i < RELS; i++) {
        b->sources[i] = b->nodes[b->sources[i]];
        b->targets[i] = b->nodes[b->targets[i]];
    }
}

static sombra_status make_rels(api_fixture *f, batch *b, uint64_t *ids)
{
    const sombra_column column = {
        .key = b->keys[2], .type = SOMBRA_TYPE_FLOAT, .present = b->present, .reals = b->weights};
    return sombra_create_rels(f->txn, b->type, RELS, b->sources, b->targets, &column, 1, ids);
}

/* A database with memory for slices of 1,024 rows, in a write transaction. */
static void open_small(api_fixture *f, batch *b)
{
    api_new(f);
    f->options.transaction_memory = SMALL;
    api_reopen(f);
    api_begin(f, SOMBRA_WRITE);
    fill_batch(b);
    name_things(f, b);
}

static void test_api_slices__same_as_in_one_piece(void **state)
{
    api_fixture f;
    batch *whole = calloc(1, sizeof *whole), *sliced = calloc(1, sizeof *sliced);
    uint8_t digests[2][16];
    uint64_t id;
    (void)state;

    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    fill_batch(whole);
    name_things(&f, whole);
    OK(&f, make_nodes(&f, whole));
    resolve_ends(whole);
    OK(&f, make_rels(&f, whole, whole->rels));
    api_verify(&f);
    OK(&f, sombra_digest(f.txn, digests[0]));
    api_commit(&f);
    api_end(&f);

    open_small(&f, sliced);
    OK(&f, make_nodes(&f, sliced));
    resolve_ends(sliced);
    OK(&f, make_rels(&f, sliced, sliced->rels));
    api_verify(&f);
    OK(&f, sombra_digest(f.txn, digests[1]));
    api_commit(&f);
    assert_memory_equal(whole->nodes, sliced->nodes, sizeof whole->nodes);
    assert_memory_equal(whole->rels, sliced->rels, sizeof whole->rels);
    assert_memory_equal(digests[0], digests[1], 16);

    /* Ids that nobody wants are given out all the same. */
    api_begin(&f, SOMBRA_WRITE);
    OK(&f, make_rels(&f, sliced, NULL));
    OK(&f,
       sombra_create_rels(f.txn, sliced->type, 1, sliced->sources, sliced->targets, NULL, 0, &id));
    assert_int_equal(id, sliced->rels[RELS - 1] + RELS + 1);
    api_verify(&f);
    api_commit(&f);
    api_end(&f);
    free(whole);
    free(sliced);
}

static bool is_as_before(api_fixture *f, const uint8_t before[16])
{
    uint8_t now[16];
    OK(f, sombra_digest(f->txn, now));
    return memcmp(now, before, 16) == 0;
}

/* Each fault lies slices behind the call's first row, and is told by its place in the call. */
static void test_api_slices__late_faults(void **state)
{
    api_fixture f;
    batch *b = calloc(1, sizeof *b);
    uint8_t before[16];
    (void)state;

    open_small(&f, b);
    OK(&f, sombra_digest(f.txn, before));
    b->numbers[4321] = b->numbers[17];
    FAILS(&f, make_nodes(&f, b), SOMBRA_CONSTRAINT, "Node");
    assert_true(is_as_before(&f, before));
    for (size_t i = 0; i < NODES; i++)
        assert_int_equal(b->nodes[i], 0); /* no ids are told */
    b->numbers[4321]++;
    b->values[4444] = (sombra_value){.type = 99};
    FAILS(&f, make_nodes(&f, b), SOMBRA_TYPE_MISMATCH, "row 4444, property any");
    assert_true(is_as_before(&f, before));
    b->values[4444] = sombra_float(1);
    OK(&f, make_nodes(&f, b));

    OK(&f, sombra_digest(f.txn, before));
    resolve_ends(b);
    const uint64_t right = b->targets[17890];
    b->targets[17890] = 1u << 30;
    FAILS(&f, make_rels(&f, b, b->rels), SOMBRA_NOT_FOUND,
          "relationship 17890: its target node 1073741824 does not exist");
    assert_true(is_as_before(&f, before));
    api_verify(&f);
    b->targets[17890] = right;
    OK(&f, make_rels(&f, b, b->rels));
    api_verify(&f);
    api_commit(&f);
    assert_int_equal(api_node_count(&f), NODES);
    api_end(&f);
    free(b);
}

/* What was pending when a call began is pending again when it fails, however often the call has put it into the lists. */
static void test_api_slices__pending_comes_back(void **state)
{
    enum { MANY = 200000 };
    api_fixture f;
    batch *b = calloc(1, sizeof *b);
    uint64_t *sources = calloc(MANY, sizeof *sources), *targets = calloc(MANY, sizeof *targets);
    uint8_t before[16], after[16];
    uint32_t savepoint;
    (void)state;

    open_small(&f, b);
    OK(&f, make_nodes(&f, b));
    resolve_ends(b);
    for (size_t i = 0; i < MANY; i++) {
        sources[i] = b->sources[i % RELS];
        targets[i] = b->targets[(i * 7 + i / RELS) % RELS];
    }
    OK(&f, make_rels(&f, b, b->rels));
    OK(&f, sombra_savepoint(f.txn, &savepoint));
    OK(&f, make_rels(&f, b, b->rels));
    OK(&f, sombra_digest(f.txn, before));
    targets[MANY - 1] = 1u << 30;
    for (int i = 0; i < 2; i++) {
        FAILS(&f, sombra_create_rels(f.txn, b->type, MANY, sources, targets, NULL, 0, NULL),
              SOMBRA_NOT_FOUND, "relationship 199999");
        assert_true(is_as_before(&f, before));
        api_verify(&f);
    }
    targets[MANY - 1] = targets[0];
    OK(&f, sombra_create_rels(f.txn, b->type, MANY, sources, targets, NULL, 0, NULL));
    OK(&f, make_rels(&f, b, b->rels));
    api_verify(&f);
    OK(&f, sombra_rollback_to(f.txn, savepoint));
    api_verify(&f);
    OK(&f, make_rels(&f, b, b->rels));
    OK(&f, sombra_digest(f.txn, after));
    assert_memory_equal(before, after, 16);
    api_verify(&f);
    api_commit(&f);
    assert_int_equal(api_node_count(&f), NODES);
    api_end(&f);
    free(sources);
    free(targets);
    free(b);
}

/* Greatest memory of one transaction with `memory` that makes nodes in one call and rels between random ones in calls of `call`, and
 * the bytes of WAL that it took. */
static uint64_t peak_of_calls(uint64_t memory, size_t nodes, size_t rels, size_t call,
                              uint64_t *wal_bytes)
{
    api_fixture f;
    sombra_info info;
    sb_random random = (sb_random){.state = 11};
    int64_t *numbers = calloc(nodes, sizeof *numbers);
    uint64_t *ids = calloc(nodes, sizeof *ids);
    uint64_t *sources = calloc(call, sizeof *sources), *targets = calloc(call, sizeof *targets);
    batch *b = calloc(1, sizeof *b);

    api_new(&f);
    f.options.transaction_memory = memory;
    api_reopen(&f);
    api_begin(&f, SOMBRA_WRITE);
    name_things(&f, b);
    for (size_t i = 0; i < nodes; i++)
        numbers[i] = (int64_t)((i * 7919) % nodes);
    const sombra_column column = {.key = b->keys[0], .type = SOMBRA_TYPE_INT, .integers = numbers};
    OK(&f, sombra_create_nodes(f.txn, &b->label, 1, nodes, &column, 1, ids));
    for (size_t from = 0; from < rels; from += call) {
        for (size_t i = 0; i < call; i++) {
            sources[i] = ids[sb_random_below(&random, nodes)];
            targets[i] = ids[sb_random_below(&random, nodes)];
        }
        OK(&f, sombra_create_rels(f.txn, b->type, call, sources, targets, NULL, 0, NULL));
    }
    api_commit(&f);
    api_begin(&f, SOMBRA_READ);
    OK(&f, sombra_get_info(f.txn, &info));
    sombra_rollback(f.txn);
    api_end(&f);
    free(numbers);
    free(ids);
    free(sources);
    free(targets);
    free(b);
    *wal_bytes = info.wal_bytes;
    return info.memory_peak;
}

/* Twice the budget and 8 MiB, whether a million comes in one call or in a hundred (docs/LIMITS.md). */
static void test_api_slices__memory(void **state)
{
    enum { BUDGET = 8 << 20, BOUND = 2 * BUDGET + (8 << 20) };
    const size_t calls[] = {10000, 1000000};
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        uint64_t wal_bytes;
        const uint64_t peak = peak_of_calls(BUDGET, 300000, 1000000, calls[i], &wal_bytes);
        print_message("calls of %zu: peak %llu, WAL %llu bytes\n", calls[i],
                      (unsigned long long)peak, (unsigned long long)wal_bytes);
        assert_in_range(peak, BUDGET / 2, BOUND);
    }
}

/* One kind of change to each of many nodes that were there before, in lists of 500: the greatest memory of the transaction. */
static uint64_t peak_of_changes(sombra_op_kind kind)
{
    enum { MANY = 60000, LIST = 500 };
    static uint64_t ids[MANY];
    static sombra_op ops[LIST];
    api_fixture f;
    sombra_info info;

    api_new(&f);
    f.options.transaction_memory = SMALL;
    api_reopen(&f);
    api_begin(&f, SOMBRA_WRITE);
    const uint32_t label = api_name(&f, SOMBRA_LABEL, "Node"),
                   second = api_name(&f, SOMBRA_LABEL, "Second");
    OK(&f, sombra_create_nodes(f.txn, &label, 1, MANY, NULL, 0, ids));
    api_commit(&f);
    api_begin(&f, SOMBRA_WRITE);
    for (size_t from = 0; from < MANY; from += LIST) {
        for (size_t i = 0; i < LIST; i++)
            ops[i] = (sombra_op){.kind = kind,
                                 .entity = {ids[from + i], -1},
                                 .source = {0, -1},
                                 .target = {0, -1},
                                 .labels = kind == SOMBRA_ADD_LABELS ? &second : NULL,
                                 .label_count = kind == SOMBRA_ADD_LABELS};
        OK(&f, sombra_mutate(f.txn, ops, LIST, NULL));
    }
    OK(&f, sombra_get_info(f.txn, &info));
    api_verify(&f);
    api_commit(&f);
    api_end(&f);
    return info.memory_peak;
}

/* Changes of older nodes are told by their rows alone: 30 bytes a node would be more than this. */
static void test_api_slices__memory_of_changes(void **state)
{
    (void)state;
    assert_in_range(peak_of_changes(SOMBRA_DELETE_NODE), SMALL, 1800000);
    assert_in_range(peak_of_changes(SOMBRA_ADD_LABELS), SMALL, 1800000);
}

/* An older node whose row is known already gets a label, and is deleted: its new relationships count for its new labels, then there
 * can be none, and after rolling back there can. */
static void test_api_slices__changes_of_older_nodes(void **state)
{
    api_fixture f;
    uint64_t ids[2], id;
    uint32_t savepoint;
    sombra_op op = {
        .kind = SOMBRA_ADD_LABELS, .source = {0, -1}, .target = {0, -1}, .label_count = 1};
    (void)state;

    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    const uint32_t label = api_name(&f, SOMBRA_LABEL, "Node"),
                   second = api_name(&f, SOMBRA_LABEL, "Second"),
                   type = api_name(&f, SOMBRA_TYPE, "LINK");
    OK(&f, sombra_create_nodes(f.txn, &label, 1, 2, NULL, 0, ids));
    api_commit(&f);
    api_begin(&f, SOMBRA_WRITE);
    OK(&f, sombra_create_rels(f.txn, type, 1, &ids[0], &ids[1], NULL, 0, &id));
    op.entity = (sombra_op_ref){ids[1], -1};
    op.labels = &second;
    OK(&f, sombra_mutate(f.txn, &op, 1, NULL));
    OK(&f, sombra_create_rels(f.txn, type, 1, &ids[0], &ids[1], NULL, 0, &id));
    api_verify(&f); /* counts by label among them */
    OK(&f, sombra_savepoint(f.txn, &savepoint));
    op = (sombra_op){.kind = SOMBRA_DELETE_NODE,
                     .detach = true,
                     .entity = {ids[1], -1},
                     .source = {0, -1},
                     .target = {0, -1}};
    OK(&f, sombra_mutate(f.txn, &op, 1, NULL));
    FAILS(&f, sombra_create_rels(f.txn, type, 1, &ids[0], &ids[1], NULL, 0, &id), SOMBRA_NOT_FOUND,
          "does not exist");
    OK(&f, sombra_rollback_to(f.txn, savepoint));
    OK(&f, sombra_create_rels(f.txn, type, 1, &ids[0], &ids[1], NULL, 0, &id));
    api_verify(&f);
    api_commit(&f);
    api_end(&f);
}

/* What one transaction knows of older nodes the next one does not: another connection may have deleted them. */
static void test_api_slices__nothing_known_from_before(void **state)
{
    api_fixture f;
    sombra_conn *other;
    sombra_txn *txn;
    uint64_t ids[2], id;
    const sombra_op op = {.kind = SOMBRA_DELETE_NODE,
                          .detach = true,
                          .entity = {2, -1},
                          .source = {0, -1},
                          .target = {0, -1}};
    (void)state;

    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    const uint32_t label = api_name(&f, SOMBRA_LABEL, "Node"),
                   type = api_name(&f, SOMBRA_TYPE, "LINK");
    OK(&f, sombra_create_nodes(f.txn, &label, 1, 2, NULL, 0, ids));
    assert_int_equal(ids[1], 2);
    api_commit(&f);
    api_begin(&f, SOMBRA_WRITE);
    OK(&f, sombra_create_rels(f.txn, type, 1, &ids[0], &ids[1], NULL, 0, &id));
    api_commit(&f);
    OK(&f, sombra_connect(f.db, &other, NULL));
    OK(&f, sombra_begin(other, SOMBRA_WRITE, &txn));
    OK(&f, sombra_mutate(txn, &op, 1, NULL));
    OK(&f, sombra_commit(txn));
    sombra_disconnect(other);
    api_begin(&f, SOMBRA_WRITE);
    FAILS(&f, sombra_create_rels(f.txn, type, 1, &ids[0], &ids[1], NULL, 0, &id), SOMBRA_NOT_FOUND,
          "does not exist");
    api_verify(&f);
    sombra_rollback(f.txn);
    api_end(&f);
}

static bool stop_late(void *ctx, uint64_t done, uint64_t total)
{
    (void)total;
    return done < *(const uint64_t *)ctx;
}

/* A call is cancelled in whatever slice it is at, and leaves nothing. */
static void test_api_slices__cancelled(void **state)
{
    enum { MANY = 400000 };
    api_fixture f;
    batch *b = calloc(1, sizeof *b);
    uint64_t *ends = calloc(MANY, sizeof *ends);
    uint8_t before[16];
    (void)state;

    open_small(&f, b);
    OK(&f, make_nodes(&f, b));
    for (size_t i = 0; i < MANY; i++)
        ends[i] = b->nodes[i % NODES];
    OK(&f, sombra_digest(f.txn, before));
    for (uint64_t limit = 65536; limit <= MANY; limit += 3 * 65536) {
        sombra_set_progress(f.conn, stop_late, &limit);
        FAILS(&f, sombra_create_rels(f.txn, b->type, MANY, ends, ends, NULL, 0, NULL),
              SOMBRA_INTERRUPT, "progress");
        sombra_set_progress(f.conn, NULL, NULL);
        assert_true(is_as_before(&f, before));
    }
    api_verify(&f);
    sombra_rollback(f.txn);
    api_end(&f);
    free(ends);
    free(b);
}

/* Bytes of WAL that the changes of the open transaction take. */
static uint64_t commit_bytes(api_fixture *f)
{
    sombra_info info;

    api_commit(f);
    api_begin(f, SOMBRA_READ);
    OK(f, sombra_get_info(f->txn, &info));
    sombra_rollback(f->txn);
    return info.wal_bytes;
}

/* Relationships of two types between random nodes, and an index on a key of theirs. */
static void make_random_graph(api_fixture *f, batch *b, uint64_t *rels)
{
    const uint32_t other = api_name(f, SOMBRA_TYPE, "OTHER");
    const sombra_schema index = {.kind = SOMBRA_INDEX,
                                 .name = "weights",
                                 .name_size = 7,
                                 .on_rels = true,
                                 .entity = b->type,
                                 .key_count = 1,
                                 .keys = b->keys + 2};
    uint32_t id;

    OK(f, make_nodes(f, b));
    resolve_ends(b);
    OK(f, make_rels(f, b, rels));
    OK(f, sombra_create_rels(f->txn, other, RELS, b->targets, b->sources, NULL, 0, rels + RELS));
    OK(f, sombra_schema_create(f->txn, &index, &id));
}

/* Ops whose entities the change hook hears of in their order. */
typedef struct heard {
    const sombra_op *ops;
    size_t count;
    bool in_order;
} heard;

static void hear(void *ctx, sombra_change change, uint64_t id)
{
    heard *h = ctx;
    h->in_order = h->in_order && change == SOMBRA_REL_DELETED && h->ops[h->count].entity.id == id;
    h->count++;
}

/* What a list deletes in a row is deleted together, in the order of each tree: one by one, with this little memory, a page of two lists
 * and one of the table went to the WAL for each. */
static void test_api_slices__deleted_together(void **state)
{
    api_fixture f;
    sb_random random = (sb_random){.state = 5};
    batch *b = calloc(1, sizeof *b);
    uint64_t *rels = calloc(2 * (size_t)RELS, sizeof *rels);
    sombra_op *ops = calloc(2 * (size_t)RELS, sizeof *ops);
    sombra_mutation summary;
    uint8_t before[16];
    (void)state;

    open_small(&f, b);
    make_random_graph(&f, b, rels);
    for (size_t i = 0; i < 2 * RELS; i++) {
        const size_t other = sb_random_below(&random, i + 1);
        ops[i] = ops[other];
        ops[other] = (sombra_op){.kind = SOMBRA_DELETE_REL,
                                 .entity = {rels[i], -1},
                                 .source = {0, -1},
                                 .target = {0, -1}};
    }
    OK(&f, sombra_digest(f.txn, before));
    /* One of many that is there twice, or not at all, is named, and nothing is deleted. */
    const sombra_op good = ops[3000];
    ops[3000] = ops[2000];
    FAILS(&f, sombra_mutate(f.txn, ops, 2 * RELS, NULL), SOMBRA_NOT_FOUND, "op 3000: relationship");
    ops[3000].entity.id = 1u << 30;
    FAILS(&f, sombra_mutate(f.txn, ops, 2 * RELS, NULL), SOMBRA_NOT_FOUND, "op 3000: relationship");
    ops[3000] = good;
    assert_true(is_as_before(&f, before));
    api_commit(&f);
    api_reopen(&f);
    heard told = {.ops = ops, .in_order = true};
    sombra_set_change_hook(f.conn, hear, &told);
    api_begin(&f, SOMBRA_WRITE);
    OK(&f, sombra_mutate(f.txn, ops, 2 * RELS, &summary));
    sombra_set_change_hook(f.conn, NULL, NULL);
    assert_int_equal(summary.rels_deleted, 2 * RELS);
    assert_true(told.in_order && told.count == 2 * RELS);
    api_verify(&f);
    const uint64_t rel_bytes = commit_bytes(&f);
    for (size_t i = 0; i < NODES; i++) {
        ops[i].kind = SOMBRA_DELETE_NODE;
        ops[i].entity.id = b->nodes[i * 7919 % NODES];
    }
    api_reopen(&f);
    api_begin(&f, SOMBRA_WRITE);
    OK(&f, sombra_mutate(f.txn, ops, NODES, &summary));
    assert_int_equal(summary.nodes_deleted, NODES);
    api_verify(&f);
    const uint64_t node_bytes = commit_bytes(&f);
    print_message("WAL: %llu bytes for %d relationships, %llu for %d nodes\n",
                  (unsigned long long)rel_bytes, 2 * RELS, (unsigned long long)node_bytes, NODES);
    assert_in_range(rel_bytes, 1, 2 * RELS * 1024);
    assert_in_range(node_bytes, 1, NODES * 1024);
    assert_int_equal(api_node_count(&f), 0);
    api_end(&f);
    free(ops);
    free(rels);
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_slices__same_as_in_one_piece),
        cmocka_unit_test(test_api_slices__late_faults),
        cmocka_unit_test(test_api_slices__pending_comes_back),
        cmocka_unit_test(test_api_slices__memory),
        cmocka_unit_test(test_api_slices__memory_of_changes),
        cmocka_unit_test(test_api_slices__changes_of_older_nodes),
        cmocka_unit_test(test_api_slices__nothing_known_from_before),
        cmocka_unit_test(test_api_slices__cancelled),
        cmocka_unit_test(test_api_slices__deleted_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
