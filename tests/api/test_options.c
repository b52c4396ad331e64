/* test_options.c — open options: defaults, names, parsing, ranges, and what each of them does. */
#include "support/api_fixture.h"
#include "support/api_rows.h"

#include "api/api_priv.h"

static bool truth(const api_fixture *f, const char *name)
{
    const sombra_options *o = &f->options;
    if (strcmp(name, "create") == 0) return o->create;
    if (strcmp(name, "create_whole") == 0) return o->create_whole;
    if (strcmp(name, "read_only") == 0) return o->read_only;
    if (strcmp(name, "immutable") == 0) return o->immutable;
    if (strcmp(name, "checkpoint_thread") == 0) return o->checkpoint_thread;
    if (strcmp(name, "trusted_endpoints") == 0) return o->trusted_endpoints;
    if (strcmp(name, "distinct_neighbors") == 0) return o->distinct_neighbors;
    return o->profile;
}

/* Every described option takes its own default, and options_init gives the same. */
static void test_api_options__described(void **state)
{
    api_fixture f = {0};
    sombra_options defaults, set;
    const char *name, *value, *help;
    size_t count = 0;
    (void)state;

    memset(&set, 0xEE, sizeof set);
    memset(&defaults, 0x55, sizeof defaults);
    sombra_options_init(&defaults);
    sombra_options_init(&set);
    assert_memory_equal(&defaults, &set, sizeof set);
    assert_int_equal(defaults.abi, SOMBRA_ABI);
    assert_int_equal(defaults.struct_bytes, sizeof defaults);
    for (; sombra_options_describe(count, &name, &value, &help); count++) {
        assert_true(strlen(help) > 10);
        OK_ERROR(&f, sombra_options_set(&set, name, value, &f.error));
    }
    assert_null(name);
    assert_int_equal(count, 19);
    assert_string_equal(defaults.import_dirs, "");
    assert_memory_equal(&defaults, &set, sizeof set);
    assert_true(defaults.create && defaults.checkpoint_thread);
    assert_false(defaults.read_only || defaults.immutable || defaults.trusted_endpoints ||
                 defaults.distinct_neighbors || defaults.profile || defaults.create_whole);
    assert_int_equal(defaults.durability, SOMBRA_DURABLE_FULL);
    assert_int_equal(defaults.page_size, 8192);
    assert_int_equal(defaults.autocheckpoint, 1000);
    assert_int_equal(defaults.busy_timeout_ms, 5000);
    assert_int_equal(defaults.edge_cache_capacity, 8192);
}

static void test_api_options__values(void **state)
{
    static const char *const bools[] = {"create",
                                        "create_whole",
                                        "read_only",
                                        "immutable",
                                        "checkpoint_thread",
                                        "trusted_endpoints",
                                        "distinct_neighbors",
                                        "profile"};
    static const char *const yes[] = {"true", "on", "1", "TRUE", "yes"}, *const no[] = {
                                                                             "false", "off", "0",
                                                                             "Off", "no"};
    api_fixture f = {0};
    (void)state;

    sombra_options_init(&f.options);
    for (size_t i = 0; i < sizeof bools / sizeof *bools; i++)
        for (size_t j = 0; j < 5; j++) {
            OK_ERROR(&f, sombra_options_set(&f.options, bools[i], yes[j], &f.error));
            assert_true(truth(&f, bools[i]));
            OK_ERROR(&f, sombra_options_set(&f.options, bools[i], no[j], &f.error));
            assert_false(truth(&f, bools[i]));
        }
    FAILS_ERROR(&f, sombra_options_set(&f.options, "create", "maybe", &f.error), SOMBRA_INVALID,
                "maybe");
    OK_ERROR(&f, sombra_options_set(&f.options, "import_dirs", "/a:/b", &f.error));
    assert_string_equal(f.options.import_dirs, "/a:/b");
    char folders[1100];
    memset(folders, 'x', sizeof folders - 1);
    folders[sizeof folders - 1] = '\0';
    FAILS_ERROR(&f, sombra_options_set(&f.options, "import_dirs", folders, &f.error),
                SOMBRA_INVALID, "1023 bytes");
    folders[1024] = '\0';
    FAILS_ERROR(&f, sombra_options_set(&f.options, "import_dirs", folders, &f.error),
                SOMBRA_INVALID, "1023 bytes");
    folders[1023] = '\0';
    OK_ERROR(&f, sombra_options_set(&f.options, "import_dirs", folders, &f.error));
    memset(folders, ':', 1000);
    for (size_t i = 0; i < 500; i++)
        folders[2 * i] = 'a';
    folders[1000] = '\0';
    OK_ERROR(&f, sombra_options_set(&f.options, "import_dirs", folders, &f.error));
    FAILS_ERROR(&f, sombra_open(":memory:", &f.options, &f.db, &f.error), SOMBRA_INVALID,
                "64 folders");
    OK_ERROR(&f, sombra_options_set(&f.options, "import_dirs", "", &f.error));
    OK_ERROR(&f, sombra_options_set(&f.options, "memory_limit", "3g", &f.error));
    assert_true(f.options.memory_limit == 3ull << 30);
    OK_ERROR(&f, sombra_options_set(&f.options, "transaction_memory", "5M", &f.error));
    assert_true(f.options.transaction_memory == 5ull << 20);
    OK_ERROR(&f, sombra_options_set(&f.options, "page_size", "16k", &f.error));
    assert_int_equal(f.options.page_size, 16384);
    OK_ERROR(&f, sombra_options_set(&f.options, "durability", "Normal", &f.error));
    assert_int_equal(f.options.durability, SOMBRA_DURABLE_NORMAL);
    FAILS_ERROR(&f, sombra_options_set(&f.options, "durability", "most", &f.error), SOMBRA_INVALID,
                "full, normal, off");
    FAILS_ERROR(&f, sombra_options_set(&f.options, "page_size", "12288", &f.error), SOMBRA_INVALID,
                "power of two");
    FAILS_ERROR(&f, sombra_options_set(&f.options, "page_size", "2k", &f.error), SOMBRA_INVALID,
                "4096");
    FAILS_ERROR(&f, sombra_options_set(&f.options, "cache_pages", "7", &f.error), SOMBRA_INVALID,
                "cache_pages");
    FAILS_ERROR(&f, sombra_options_set(&f.options, "cache_pages", "12x", &f.error), SOMBRA_INVALID,
                "12x");
    FAILS_ERROR(&f, sombra_options_set(&f.options, "cache_pages", "", &f.error), SOMBRA_INVALID,
                "cache_pages");
    FAILS_ERROR(&f, sombra_options_set(&f.options, "memory_limit", "-1", &f.error), SOMBRA_INVALID,
                "-1");
    FAILS_ERROR(&f, sombra_options_set(&f.options, "memory_limit", "99999999999g", &f.error),
                SOMBRA_INVALID, "memory_limit");
    FAILS_ERROR(&f,
                sombra_options_set(&f.options, "memory_limit", "99999999999999999999", &f.error),
                SOMBRA_INVALID, "memory_limit");
    FAILS_ERROR(&f, sombra_options_set(NULL, "create", "1", &f.error), SOMBRA_MISUSE, "NULL");
}

static void test_api_options__bounds(void **state)
{
    static const struct {
        const char *name, *good, *bad;
    } bounds[] = {{"cache_pages", "8", "7"},
                  {"cache_pages", "2147483647", "2147483648"},
                  {"autocheckpoint", "0", "-1"},
                  {"autocheckpoint", "2147483647", "2147483648"},
                  {"edge_cache_capacity", "268435456", "268435457"}};
    api_fixture f = {0};
    (void)state;

    sombra_options_init(&f.options);
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        OK_ERROR(&f, sombra_options_set(&f.options, bounds[i].name, bounds[i].good, &f.error));
        FAILS_ERROR(&f, sombra_options_set(&f.options, bounds[i].name, bounds[i].bad, &f.error),
                    SOMBRA_INVALID, bounds[i].bad);
    }
}

static void test_api_options__unknown_names_the_nearest(void **state)
{
    static const char *const pairs[][2] = {
        {"durabilty", "durability"},   {"page-size", "page_size"},
        {"readonly", "read_only"},     {"busy_timeout", "busy_timeout_ms"},
        {"cachepages", "cache_pages"}, {"profil", "profile"}};
    api_fixture f = {0};
    char *huge = malloc(5000);
    (void)state;

    sombra_options_init(&f.options);
    for (size_t i = 0; i < 6; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "did you mean '%s'?", pairs[i][1]);
        FAILS_ERROR(&f, sombra_options_set(&f.options, pairs[i][0], "1", &f.error), SOMBRA_INVALID,
                    text);
        assert_non_null(strstr(f.error.message, pairs[i][0]));
    }
    memset(huge, 'x', 4999);
    huge[4999] = '\0';
    FAILS_ERROR(&f, sombra_options_set(&f.options, huge, "1", &f.error), SOMBRA_INVALID, "xxx");
    assert_int_equal(strlen(f.error.message), 511);
    free(huge);
}

/* ---- What they do ---------------------------------------------------------------------------------------------- */

static void test_api_options__abi_and_ranges(void **state)
{
    api_fixture f = {0};
    struct {
        sombra_options options;
        uint8_t newer[64];
    } longer;
    (void)state;

    assert_string_equal(sombra_version(), SOMBRA_VERSION);
    assert_int_equal(sombra_abi(), SOMBRA_ABI);
    FAILS_ERROR(&f, sombra_open(NULL, NULL, &f.db, &f.error), SOMBRA_MISUSE, "path");
    FAILS_ERROR(&f, sombra_open(API_PATH, NULL, NULL, &f.error), SOMBRA_MISUSE, "db");
    memset(&f.options, 0, sizeof f.options); /* never initialized */
    FAILS_ERROR(&f, sombra_open(API_PATH, &f.options, &f.db, &f.error), SOMBRA_MISUSE, "ABI 0");
    sombra_options_init_for(&f.options, SOMBRA_ABI + 1, sizeof f.options);
    FAILS_ERROR(&f, sombra_open(API_PATH, &f.options, &f.db, &f.error), SOMBRA_MISUSE, "ABI 2");
    /* a newer, longer struct of the same ABI */
    memset(&longer, 0xEE, sizeof longer);
    sombra_options_init_for(&longer.options, SOMBRA_ABI, sizeof longer);
    assert_int_equal(longer.newer[sizeof longer.newer - 1], 0);
    OK_ERROR(&f, sombra_open(":memory:", &longer.options, &f.db, &f.error));
    OK_ERROR(&f, sombra_close(f.db, &f.error));
    /* an older, shorter one: what it lacks has its default */
    memset(&f.options, 0xEE, sizeof f.options);
    sombra_options_init_for(&f.options, SOMBRA_ABI, offsetof(sombra_options, memory_limit));
    assert_int_equal(f.options.page_size, 8192);
    assert_int_equal(((const uint8_t *)&f.options)[sizeof f.options - 1], 0xEE);
    OK_ERROR(&f, sombra_open(":memory:", &f.options, &f.db, &f.error));
    OK_ERROR(&f, sombra_close(f.db, &f.error));
    /* fields set by hand are held to the same ranges */
    sombra_options_init(&f.options);
    f.options.durability = 3;
    FAILS_ERROR(&f, sombra_open(":memory:", &f.options, &f.db, &f.error), SOMBRA_INVALID,
                "durability: 3");
    sombra_options_init(&f.options);
    f.options.page_size = 5000;
    FAILS_ERROR(&f, sombra_open(":memory:", &f.options, &f.db, &f.error), SOMBRA_INVALID,
                "page_size: 5000");
    sombra_options_init(&f.options);
    f.options.cache_pages = 1;
    FAILS_ERROR(&f, sombra_open(":memory:", &f.options, &f.db, &f.error), SOMBRA_INVALID,
                "cache_pages: 1");
    assert_null(f.db);
    assert_int_equal(sombra_close(NULL, NULL), SOMBRA_OK);
}

static void test_api_options__create_and_page_size(void **state)
{
    static const uint32_t sizes[] = {4096, 8192, 16384, 32768, 65536};
    api_fixture f = {0};
    sombra_info info;
    (void)state;

    api_remove(API_PATH);
    sombra_options_init(&f.options);
    f.options.create = false;
    FAILS_ERROR(&f, sombra_open(API_PATH, &f.options, &f.db, &f.error), SOMBRA_CANT_OPEN, API_PATH);
    f.options.create = true;
    f.options.durability = SOMBRA_DURABLE_OFF;
    for (size_t i = 0; i < 5; i++) {
        api_remove(API_PATH);
        f.options.page_size = sizes[i];
        api_open_at(&f, API_PATH);
        api_begin(&f, SOMBRA_WRITE);
        (void)api_node(&f, "Person", 1);
        api_commit(&f);
        f.options.page_size = 8192; /* an existing file has its own */
        api_reopen(&f);
        api_begin(&f, SOMBRA_READ);
        OK(&f, sombra_get_info(f.txn, &info));
        assert_int_equal(info.page_size, sizes[i]);
        assert_int_equal(info.nodes, 1);
        sombra_rollback(f.txn);
        api_close(&f);
        assert_false(api_exists(API_PATH "-wal"));
        assert_false(api_exists(API_PATH "-shm"));
    }
    api_remove(API_PATH);
}

static void test_api_options__not_a_database(void **state)
{
    api_fixture f = {0};
    FILE *file;
    (void)state;

    api_remove(API_PATH);
    sombra_options_init(&f.options);
    file = fopen(API_PATH, "wb");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++)
        assert_true(fprintf(file, "this is some other program's file\n") > 0);
    assert_int_equal(fclose(file), 0);
    FAILS_ERROR(&f, sombra_open(API_PATH, &f.options, &f.db, &f.error), SOMBRA_NOT_A_DB, API_PATH);
    assert_null(f.db);
    FAILS_ERROR(&f, sombra_open(".", &f.options, &f.db, &f.error), SOMBRA_CANT_OPEN, "/");
    /* No length, and not empty: nothing is written there. This one is the process's name. */
    FAILS_ERROR(&f, sombra_open("/proc/self/comm", &f.options, &f.db, &f.error), SOMBRA_NOT_A_DB,
                "comm");
    api_remove(API_PATH);
}

/* 40,000 properties over some hundred pages, read back in scattered order through eight pages of cache. */
/* A page cache larger than memory_limit leaves room for statements, however often the whole file is read. */
static void test_api_options__page_cache_within_the_limit(void **state)
{
    static const char *const texts[][2] = {
        {"UNWIND range(1, 60000) AS i CREATE (:P {i: i, text: 'a text of some forty bytes, number "
         "' + i})",
         ""},
        {"MATCH (p:P) RETURN count(p.text)", "60000"},
        {"MATCH (p:P) RETURN sum(p.i)", "1800030000"},
        {"MATCH (p:P) RETURN max(p.text)", "a text of some forty bytes, number 9999"},
        {"RETURN 1", "1"}};
    api_fixture f;
    sombra_info info;
    (void)state;

    api_new(&f);
    OK_ERROR(&f, sombra_options_set(&f.options, "read_mode", "cache", &f.error));
    for (unsigned round = 0; round < 3; round++) {
        if (round == 1) {
            OK_ERROR(&f, sombra_options_set(&f.options, "memory_limit", "2m", &f.error));
            api_reopen(&f);
        }
        for (size_t i = round != 0; i < sizeof texts / sizeof texts[0]; i++)
            gives(&f, texts[i][0], texts[i][1]);
        api_begin(&f, SOMBRA_READ);
        OK(&f, sombra_get_info(f.txn, &info));
        sombra_rollback(f.txn);
        if (round != 0) assert_true(info.memory_peak <= 2u << 20 && info.file_bytes > 2u << 20);
    }
    api_end(&f);
}

static void test_api_options__tiny_page_cache(void **state)
{
    enum { NODES = 40000 };
    api_fixture f;
    uint32_t label, key;
    int64_t *numbers = calloc(NODES, sizeof *numbers);
    uint64_t *ids = calloc(NODES, sizeof *ids), *ends = calloc(NODES, sizeof *ends);
    sombra_info info;
    (void)state;

    api_new(&f);
    OK_ERROR(&f, sombra_options_set(&f.options, "read_mode", "cache", &f.error));
    OK_ERROR(&f, sombra_options_set(&f.options, "cache_pages", "8", &f.error));
    api_reopen(&f);
    api_begin(&f, SOMBRA_WRITE);
    label = api_name(&f, SOMBRA_LABEL, "Person");
    key = api_name(&f, SOMBRA_KEY, "number");
    for (int i = 0; i < NODES; i++)
        numbers[i] = (int64_t)i * 7919;
    {
        const sombra_column column = {.key = key, .type = SOMBRA_TYPE_INT, .integers = numbers};
        OK(&f, sombra_create_nodes(f.txn, &label, 1, NODES, &column, 1, ids));
        for (int i = 0; i < NODES; i++)
            ends[i] = ids[(i * 31) % NODES];
        OK(&f, sombra_create_rels(f.txn, api_name(&f, SOMBRA_TYPE, "KNOWS"), NODES, ids, ends, NULL,
                                  0, NULL));
    }
    api_commit(&f);
    api_reopen(&f);
    api_begin(&f, SOMBRA_READ);
    OK(&f, sombra_get_info(f.txn, &info));
    assert_int_equal(info.read_mode, 2);
    for (int i = 0; i < 2000; i++) {
        const int at = (i * 7907) % NODES;
        const uint64_t *neighbors;
        size_t count;
        sombra_value value;
        bool found;
        OK(&f, sombra_get_props(f.txn, SOMBRA_NODE, ids[at], &key, 1, &value, &found));
        assert_true(found && value.as.integer == numbers[at]);
        OK(&f, sombra_neighbor_ids(f.txn, ids[at], SOMBRA_OUT, 0, &neighbors, &count));
        assert_int_equal(count, 1);
        assert_true(neighbors[0] == ends[at]);
    }
    {
        const sombra_value wanted = sombra_int(7919 * 100);
        const sombra_scan_options scan = {
            .entity = SOMBRA_NODE, .name = label, .key = key, .equal = &wanted};
        const sombra_schema index = {
            .kind = SOMBRA_UNIQUE, .entity = label, .keys = &key, .key_count = 1};
        uint64_t count;
        OK(&f, sombra_count(f.txn, &scan, &count));
        assert_int_equal(count, 1);
        sombra_rollback(f.txn);
        api_begin(&f, SOMBRA_WRITE);
        OK(&f, sombra_schema_create(f.txn, &index, NULL));
        api_verify(&f);
        api_commit(&f);
    }
    free(numbers);
    free(ids);
    free(ends);
    api_end(&f);
}

static void test_api_options__checkpoints(void **state)
{
    (void)state;
    for (int threaded = 0; threaded < 2; threaded++)
        for (int automatic = 0; automatic < 2; automatic++) {
            api_fixture f;
            sombra_info info;
            api_new(&f);
            f.options.checkpoint_thread = threaded != 0;
            f.options.autocheckpoint = automatic ? 10 : 0;
            api_reopen(&f);
            for (int i = 0; i < 50; i++) {
                api_begin(&f, SOMBRA_WRITE);
                (void)api_node(&f, "Person", i);
                api_commit(&f);
            }
            for (int wait = 0; wait < 200; wait++) { /* for the thread */
                api_begin(&f, SOMBRA_READ);
                OK(&f, sombra_get_info(f.txn, &info));
                sombra_rollback(f.txn);
                if (!automatic || !threaded || info.wal_backfilled != 0 || info.wal_frames < 50)
                    break;
                (void)usleep(10000);
            }
            if (automatic)
                assert_true(info.wal_backfilled != 0 || info.wal_frames < 50);
            else
                assert_true(info.wal_backfilled == 0 && info.wal_frames >= 50);
            api_end(&f);
        }
}

static void test_api_options__pragma(void **state)
{
    api_fixture f;
    sombra_info info;
    (void)state;

    api_new(&f);
    OK(&f, sombra_pragma(f.conn, "durability", "normal"));
    OK(&f, sombra_pragma(f.conn, "autocheckpoint", "0"));
    OK(&f, sombra_pragma(f.conn, "busy_timeout_ms", "10"));
    api_begin(&f, SOMBRA_WRITE);
    OK(&f, sombra_get_info(f.txn, &info));
    assert_int_equal(info.durability, SOMBRA_DURABLE_NORMAL);
    api_commit(&f);
    FAILS(&f, sombra_pragma(f.conn, "durabilty", "off"), SOMBRA_INVALID, "durability");
    FAILS(&f, sombra_pragma(f.conn, "durability", "much"), SOMBRA_INVALID, "much");
    FAILS(&f, sombra_pragma(f.conn, "page_size", "4096"), SOMBRA_INVALID, "fixed");
    FAILS(&f, sombra_pragma(f.conn, NULL, "off"), SOMBRA_MISUSE, "name");
    assert_int_equal(sombra_pragma(NULL, "durability", "off"), SOMBRA_MISUSE);
    api_end(&f);
}

static void test_api_options__trusted_distinct_and_cache(void **state)
{
    api_fixture f;
    sombra_writer_stats stats;
    sombra_neighbors_options in = {.direction = SOMBRA_IN};
    const sombra_neighbor *neighbors;
    uint64_t sources[2] = {1, 1}, targets[2] = {2, 2};
    uint32_t type;
    size_t count;
    (void)state;

    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    assert_int_equal(api_node(&f, "Person", 1), 1);
    assert_int_equal(api_node(&f, "Person", 2), 2);
    type = api_name(&f, SOMBRA_TYPE, "KNOWS");
    api_commit(&f);
    for (int trusted = 0; trusted < 2; trusted++)
        for (uint32_t capacity = 0; capacity <= 64; capacity += 64) {
            f.options.trusted_endpoints = trusted != 0;
            f.options.edge_cache_capacity = capacity;
            api_reopen(&f);
            api_begin(&f, SOMBRA_WRITE);
            for (int call = 0; call < 3; call++)
                OK(&f, sombra_create_rels(f.txn, type, 2, sources, targets, NULL, 0, NULL));
            OK(&f, sombra_get_writer_stats(f.txn, &stats));
            assert_int_equal(stats.endpoint_checks, 12);
#ifdef NDEBUG
            assert_int_equal(stats.trusted, trusted ? 12 : 0);
#else
            assert_int_equal(stats.trusted, 0); /* a debug build checks all the same */
#endif
            if (stats.trusted == 0 && capacity != 0)
                assert_int_equal(stats.node_lookups, 2);
            else if (stats.trusted == 0)
                assert_int_equal(stats.node_lookups, 6); /* once for each end of each call */
            sombra_rollback(f.txn);
        }
    f.options.trusted_endpoints = false;
    f.options.distinct_neighbors = true;
    api_reopen(&f);
    api_begin(&f, SOMBRA_WRITE);
    OK(&f, sombra_create_rels(f.txn, type, 2, sources, targets, NULL, 0, NULL));
    OK(&f, sombra_neighbors(f.txn, 1, NULL, &neighbors, &count));
    assert_int_equal(count, 1);
    OK(&f, sombra_neighbors(f.txn, 2, &in, &neighbors, &count));
    assert_int_equal(count, 1);
    api_commit(&f);
    f.options.distinct_neighbors = false;
    api_reopen(&f);
    api_begin(&f, SOMBRA_READ);
    OK(&f, sombra_neighbors(f.txn, 1, NULL, &neighbors, &count));
    assert_int_equal(count, 2);
    in.distinct = true;
    OK(&f, sombra_neighbors(f.txn, 2, &in, &neighbors, &count));
    assert_int_equal(count, 1);
    api_end(&f);
}

/* The limit refuses, names itself by its status, and all goes on below it. */
static void test_api_options__memory_limit(void **state)
{
    api_fixture f;
    sombra_value value;
    sombra_column column = {.type = SOMBRA_TYPE_NULL, .values = &value};
    const size_t bytes = 64u << 20;
    char *big = calloc(1, bytes);
    uint32_t label;
    uint64_t id;
    sombra_builder *builder;
    sombra_info info;
    (void)state;

    api_new(&f);
    f.options.memory_limit = 24u << 20;
    f.options.transaction_memory = 2u << 20;
    api_reopen(&f);
    api_begin(&f, SOMBRA_WRITE);
    label = api_name(&f, SOMBRA_LABEL, "Blob");
    column.key = api_name(&f, SOMBRA_KEY, "data");
    OK(&f, sombra_builder_open(f.txn, &builder)); /* which copies what it is given */
    FAILS(&f,
          sombra_builder_node(builder, &label, 1, NULL, 0,
                              &(sombra_prop){.key = column.key, .value = sombra_bytes(big, bytes)},
                              1, &id),
          SOMBRA_NOMEM, "memory_limit is 25165824 bytes, ");
    assert_non_null(strstr(sombra_error_of(f.conn)->message, "were in use when it was reached"));
    sombra_builder_close(builder);
    /* A value larger than the memory goes out page by page. */
    value = sombra_bytes(big, bytes);
    OK(&f, sombra_create_nodes(f.txn, &label, 1, 1, &column, 1, &id));
    sombra_rollback(f.txn);
    api_begin(&f, SOMBRA_WRITE);
    label = api_name(&f, SOMBRA_LABEL, "Blob");
    column.key = api_name(&f, SOMBRA_KEY, "data");
    value = sombra_bytes(big, 1u << 20);
    OK(&f, sombra_create_nodes(f.txn, &label, 1, 1, &column, 1, &id));
    api_commit(&f);
    api_begin(&f, SOMBRA_READ);
    OK(&f, sombra_get_info(f.txn, &info));
    assert_true(info.memory_peak <= 24u << 20);
    assert_true(info.memory_bytes != 0);
    sombra_rollback(f.txn);
    assert_int_equal(api_node_count(&f), 1);
    /* more than transaction_memory in small pieces spills instead */
    api_begin(&f, SOMBRA_WRITE);
    for (int i = 0; i < 30; i++)
        OK(&f, sombra_create_nodes(f.txn, &label, 1, 1, &column, 1, NULL));
    api_commit(&f);
    assert_int_equal(api_node_count(&f), 31);
    f.options.memory_limit = 4000; /* not enough to open */
    api_close(&f);
    FAILS_ERROR(&f, sombra_open(API_PATH, &f.options, &f.db, &f.error), SOMBRA_NOMEM,
                "memory_limit is 4000 bytes");
    assert_null(f.db);
    f.options.memory_limit = 0;
    api_open_at(&f, API_PATH);
    assert_int_equal(api_node_count(&f), 31);
    free(big);
    api_end(&f);
}

/* One statement that touches more pages than memory_limit holds: they are written out between its operations. */
static void test_api_options__scattered_changes_spill(void **state)
{
    api_fixture f;
    sombra_info info;
    (void)state;

    api_new(&f);
    gives(&f,
          "UNWIND range(1, 60000) AS i CREATE (p:P {i: i, bio: 'of number ' + i + ': "
          "0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 "
          "0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789'})",
          "");
    gives(&f, "MATCH (p:P) WHERE p.i % 30 = 3 MATCH (q:P) WHERE q.i = p.i - 2 CREATE (p)-[:R]->(q)",
          "");
    f.options.memory_limit = 12u << 20;
    f.options.transaction_memory = 1u << 20;
    api_reopen(&f);
    gives(&f, "MATCH (p:P) WHERE p.i % 30 = 0 SET p.z = p.bio", "");
    gives(&f, "MATCH (p:P) WHERE p.i % 30 = 1 SET p:Q REMOVE p.i", "");
    gives(&f, "MATCH (p:P) WHERE p.i % 30 = 2 DELETE p", "");
    gives(&f, "MATCH (p:P) WHERE p.i % 30 = 3 DETACH DELETE p", "");
    gives(&f, "MATCH (p:P) RETURN count(*), count(p.z), count(p.i), sum(CASE WHEN p:Q THEN 1 END)",
          "56000|2000|54000|2000");
    api_begin(&f, SOMBRA_READ);
    OK(&f, sombra_get_info(f.txn, &info));
    assert_true(info.file_bytes > f.options.memory_limit);
    api_verify(&f);
    sombra_rollback(f.txn);
    api_end(&f);
}

/* Look-ups after an open do not wait for what the system says about memory; statements and writes need it. */
static void test_api_options__memory_is_asked_for_late(void **state)
{
    api_fixture f;
    sombra_stmt *stmt;
    uint64_t id;
    bool found;
    sombra_node node;
    (void)state;

    api_new(&f);
    api_begin(&f, SOMBRA_WRITE);
    id = api_node(&f, "Person", 1);
    assert_true(f.db->memory.limit_found);
    assert_int_equal(sombra__memory_limit(f.db), sb_os_memory_bytes() / 4);
    api_commit(&f);
    api_reopen(&f);
    api_begin(&f, SOMBRA_READ);
    OK(&f, sombra_get_node(f.txn, id, &node, &found));
    assert_true(found);
    assert_false(f.db->memory.limit_found);
    sombra_rollback(f.txn);
    OK(&f, sombra_prepare(f.conn, "RETURN 1", SOMBRA_NUL_TERMINATED, &stmt, NULL));
    assert_int_equal(sombra_stmt_step(stmt), SOMBRA_ROW);
    assert_true(f.db->memory.limit_found);
    sombra_stmt_finalize(stmt);
    api_end(&f);
}

static uint64_t any_below(uint64_t *random, uint64_t end)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return (*random >> 33) % end;
}

/* One transaction makes count nodes and twice as many relationships among them at random, in calls of 10,000; the
 * greatest memory it took. */
static uint64_t peak_of(size_t count)
{
    enum { CALL = 10000 };
    static uint64_t ids[CALL], sources[2 * CALL], targets[2 * CALL];
    static int64_t numbers[CALL];
    uint64_t random = 20261127;
    sombra_info info;
    api_fixture f;
    uint32_t label, type;
    uint64_t first = 0, rels;
    sombra_column column = {.type = SOMBRA_TYPE_INT, .integers = numbers};

    api_new(&f);
    f.options.transaction_memory = 2u << 20;
    api_reopen(&f);
    api_begin(&f, SOMBRA_WRITE);
    label = api_name(&f, SOMBRA_LABEL, "Node");
    type = api_name(&f, SOMBRA_TYPE, "LINK");
    column.key = api_name(&f, SOMBRA_KEY, "number");
    for (size_t from = 0; from < count; from += CALL) {
        for (size_t i = 0; i < CALL; i++)
            numbers[i] = (int64_t)(from + i);
        OK(&f, sombra_create_nodes(f.txn, &label, 1, CALL, &column, 1, ids));
        if (from == 0) first = ids[0];
        for (size_t i = 0; i < 2 * (size_t)CALL; i++) {
            sources[i] = first + any_below(&random, from + CALL);
            targets[i] = first + any_below(&random, from + CALL);
        }
        OK(&f, sombra_create_rels(f.txn, type, 2 * (size_t)CALL, sources, targets, NULL, 0, NULL));
    }
    api_commit(&f);
    assert_int_equal(api_node_count(&f), count);
    api_begin(&f, SOMBRA_READ);
    OK(&f, sombra_name_entities(f.txn, SOMBRA_TYPE, type, &rels));
    assert_int_equal(rels, 2 * count);
    OK(&f, sombra_get_info(f.txn, &info));
    sombra_rollback(f.txn);
    api_end(&f);
    return info.memory_peak;
}

/* What a transaction holds is bounded by transaction_memory, not by how much it changes. */
static void test_api_options__transaction_memory(void **state)
{
    (void)state;
    const uint64_t some = peak_of(50000), more = peak_of(200000);
    print_message("peak %llu and %llu bytes\n", (unsigned long long)some, (unsigned long long)more);
    assert_true(more < 24u << 20);
    assert_true(more < some + some / 2);
}

static uint64_t profile_sum(api_fixture *f, bool reset)
{
    sombra_counter counters[256];
    size_t count;
    uint64_t sum = 0;
    assert_int_equal(sombra_profile_snapshot(f->db, reset, counters, 256, &count), SOMBRA_OK);
    assert_in_range(count, 1, 256);
    for (size_t i = 0; i < count; i++) {
        assert_true(strlen(counters[i].name) > 2);
        sum += counters[i].value;
    }
    return sum;
}

/* A file that is there whole or not at all. */
static void test_api_options__create_whole(void **state)
{
    api_fixture f = {0};
    sombra_db *second;
    (void)state;

    api_remove(API_PATH);
    sombra_options_init(&f.options);
    f.options.durability = SOMBRA_DURABLE_OFF;
    f.options.create_whole = true;
    f.options.busy_timeout_ms = 1;
    for (int commits = 0; commits < 2; commits++) {
        api_open_at(&f, API_PATH);
        api_begin(&f, SOMBRA_WRITE);
        (void)api_node(&f, "Person", 1);
        if (commits == 1)
            api_commit(&f);
        else
            sombra_rollback(f.txn);
        assert_false(api_exists(API_PATH));
        FAILS_ERROR(&f, sombra_open(API_PATH, &f.options, &second, &f.error), SOMBRA_BUSY,
                    API_PATH " is being made already by this process");
        api_close(&f);
        assert_int_equal(api_exists(API_PATH), commits == 1);
        assert_false(api_exists(API_PATH "-making"));
    }
    /* The name is taken meanwhile: what was committed is kept, by the other name. */
    api_remove(API_PATH);
    api_open_at(&f, API_PATH);
    api_begin(&f, SOMBRA_WRITE);
    (void)api_node(&f, "Person", 1);
    api_commit(&f);
    assert_int_equal(fclose(fopen(API_PATH, "w")), 0);
    sombra_disconnect(f.conn);
    FAILS_ERROR(&f, sombra_close(f.db, &f.error), SOMBRA_EXISTS,
                API_PATH "-making: " API_PATH " exists already");
    api_open_at(&f, API_PATH "-making");
    assert_int_equal(api_node_count(&f), 1);
    api_close(&f);
    assert_int_equal(rename(API_PATH "-making", API_PATH), 0);
    api_open_at(&f, API_PATH); /* it is there: the option means nothing */
    assert_int_equal(api_node_count(&f), 1);
    api_close(&f);
    api_open_at(&f, ":memory:"); /* nor here */
    api_begin(&f, SOMBRA_WRITE);
    (void)api_node(&f, "Person", 1);
    api_commit(&f);
    api_close(&f);
    f.options.read_only = true;
    api_remove(API_PATH);
    FAILS_ERROR(&f, sombra_open(API_PATH, &f.options, &f.db, &f.error), SOMBRA_CANT_OPEN,
                API_PATH " does not exist");
    FAILS_ERROR(&f, sombra_open(":memory:", &f.options, &f.db, &f.error), SOMBRA_INVALID,
                "':memory:' is a new, empty database: it can not be opened with read_only=true");
    f.options.read_only = false;
    f.options.create = false;
    FAILS_ERROR(&f, sombra_open(":memory:", &f.options, &f.db, &f.error), SOMBRA_INVALID,
                "create=false");
}

/* The environment has the words of the option; unset and empty are off, and other words are refused by name. */
static void test_api_options__profile_switch(void **state)
{
    static const struct {
        const char *value;
        bool option, on;
    } cases[] = {
        {NULL, false, false},  {"", false, false},   {"0", false, false},   {"false", false, false},
        {"off", false, false}, {"1", false, true},   {"true", false, true}, {NULL, true, true},
        {"0", true, true},     {"No", false, false}, {"Yes", false, true},  {"ON", false, true},
    };
    static const char *const unknown[] = {"maybe", "2", "00", " 1", "falsee", "of"};
    size_t count = 0;
    (void)state;

    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        api_fixture f = {0};
        sombra_options_init(&f.options);
        assert_int_equal(setenv("SOMBRA_PROFILE", unknown[i], 1), 0);
        FAILS_ERROR(&f, sombra_open(":memory:", &f.options, &f.db, &f.error), SOMBRA_INVALID,
                    "SOMBRA_PROFILE");
        FAILS_ERROR(&f, sombra_options_set(&f.options, "profile", unknown[i], &f.error),
                    SOMBRA_INVALID, "option profile");
    }

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        api_fixture f;
        if (cases[i].value == NULL)
            assert_int_equal(unsetenv("SOMBRA_PROFILE"), 0);
        else
            assert_int_equal(setenv("SOMBRA_PROFILE", cases[i].value, 1), 0);
        api_new(&f);
        f.options.profile = cases[i].option;
        api_reopen(&f);
        api_begin(&f, SOMBRA_WRITE);
        (void)api_node(&f, "Person", 1);
        api_commit(&f);
#ifdef SOMBRA_NO_PROFILE
        assert_int_equal(profile_sum(&f, true), 0);
#else
        assert_int_equal(profile_sum(&f, false) != 0, cases[i].on);
        assert_int_equal(profile_sum(&f, true) != 0, cases[i].on);
        assert_int_equal(profile_sum(&f, false), 0);
#endif
        api_end(&f);
    }
    assert_int_equal(unsetenv("SOMBRA_PROFILE"), 0);
    assert_int_equal(sombra_profile_snapshot(NULL, false, NULL, 0, &count), SOMBRA_MISUSE);
}

#ifndef SOMBRA_NO_PROFILE
/* Work of every kind: no counter is one that nothing raises. */
static void test_api_options__profile_counts_all(void **state)
{
    sombra_counter counters[64];
    size_t count = 0;
    api_fixture f;
    (void)state;

    api_new(&f);
    api_close(&f);
    api_remove(API_PATH);
    f.options.profile = true;
    f.options.page_size = 4096;
    f.options.durability = SOMBRA_DURABLE_FULL;
    f.options.transaction_memory = 1u << 20;
    api_open_at(&f, API_PATH);
    gives(&f, "UNWIND range(1, 5000) AS i CREATE (:P {k: i * 7 % 5003, t: 'text ' + i})", "");
    gives(&f, "CREATE INDEX FOR (n:P) ON (n.k)", "");
    gives(&f,
          "UNWIND range(1, 20000) AS i MATCH (a:P {k: i * 31 % 5003}), (b:P {k: i * 17 % 5003}) "
          "CREATE (a)-[:R {w: i}]->(b)",
          "");
    gives(&f, "MATCH (n:P) WHERE n.k % 2 = 0 SET n.t = 'another text of another length'", "");
    gives(&f, "MATCH (n:P) WHERE n.k > 100 DETACH DELETE n", "");
    OK(&f, sombra_checkpoint(f.conn, SOMBRA_TRUNCATE, NULL));
    gives(&f, "UNWIND range(1, 50000) AS i CREATE (:Q {k: i * 7 % 50021, t: 'text ' + i})", "");
    gives(&f, "MATCH (n:Q) SET n.t = n.t + ' and more'", "");
    api_begin(&f, SOMBRA_WRITE);
    for (unsigned i = 0; i < 100; i++)
        (void)api_node(&f, "Person", i);
    api_commit(&f);
    assert_int_equal(sombra_profile_snapshot(f.db, false, counters, 64, &count), SOMBRA_OK);
    assert_in_range(count, 30, 64);
    for (size_t i = 0; i < count; i++)
        if (counters[i].value == 0) fail_msg("nothing raises %s", counters[i].name);
    api_end(&f);
}
#endif

typedef struct log_seen {
    unsigned messages;
    char last[512];
} log_seen;
static void on_log(void *ctx, sombra_log_level level, const char *message)
{
    log_seen *seen = ctx;
    assert_in_range(level, SOMBRA_LOG_DEBUG, SOMBRA_LOG_ERROR);
    seen->messages++;
    (void)snprintf(seen->last, sizeof seen->last, "%s", message);
}

static void copy_file(const char *from, const char *to)
{
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    int c;
    assert_non_null(in);
    assert_non_null(out);
    while ((c = fgetc(in)) != EOF)
        assert_int_equal(fputc(c, out), c);
    assert_int_equal(fclose(in), 0);
    assert_int_equal(fclose(out), 0);
}

/* A file and its WAL as a killed process leaves them: recovery is logged, and nothing is lost. */
static void test_api_options__log_tells_of_recovery(void **state)
{
    api_fixture f, g;
    log_seen seen = {0};
    (void)state;

    api_new(&f);
    f.options.autocheckpoint = 0;
    api_reopen(&f);
    api_begin(&f, SOMBRA_WRITE);
    (void)api_node(&f, "Person", 1);
    api_commit(&f);
    api_remove("copy.sombra");
    copy_file(API_PATH, "copy.sombra");
    copy_file(API_PATH "-wal", "copy.sombra-wal");
    memset(&g, 0, sizeof g);
    sombra_options_init(&g.options);
    g.options.read_only = true;
    g.options.log = on_log;
    g.options.log_ctx = &seen;
    g.options.read_only = false;
    api_open_at(&g, "copy.sombra");
    assert_int_not_equal(seen.messages, 0);
    assert_non_null(strstr(seen.last, "copy.sombra"));
    assert_int_equal(api_node_count(&g), 1);
    api_close(&g);
    api_remove("copy.sombra");
    api_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_options__described),
        cmocka_unit_test(test_api_options__values),
        cmocka_unit_test(test_api_options__bounds),
        cmocka_unit_test(test_api_options__unknown_names_the_nearest),
        cmocka_unit_test(test_api_options__abi_and_ranges),
        cmocka_unit_test(test_api_options__create_and_page_size),
        cmocka_unit_test(test_api_options__not_a_database),
        cmocka_unit_test(test_api_options__tiny_page_cache),
        cmocka_unit_test(test_api_options__page_cache_within_the_limit),
        cmocka_unit_test(test_api_options__checkpoints),
        cmocka_unit_test(test_api_options__pragma),
        cmocka_unit_test(test_api_options__trusted_distinct_and_cache),
        cmocka_unit_test(test_api_options__memory_limit),
        cmocka_unit_test(test_api_options__scattered_changes_spill),
        cmocka_unit_test(test_api_options__memory_is_asked_for_late),
        cmocka_unit_test(test_api_options__transaction_memory),
        cmocka_unit_test(test_api_options__create_whole),
        cmocka_unit_test(test_api_options__profile_switch),
#ifndef SOMBRA_NO_PROFILE
        cmocka_unit_test(test_api_options__profile_counts_all),
#endif
        cmocka_unit_test(test_api_options__log_tells_of_recovery),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
