/* Goal: export writes what load reads back as an equal graph, for every type, mixed types, names and texts of any kind; it says
 * what it wrote, overwrites nothing, and leaves nothing when it fails.
 * Method: random graphs with random values, exported, loaded into another database, printed and digested on both sides; golden
 * files for the form. */
#include "bulk_fixture.h"

#include "graph/csv_priv.h"
#include "support/random_value.h"

static void expect_file(graph_fixture *f, const char *path, const char *expected)
{
    char *content = get_text(f, path);

    assert_string_equal(content, expected);
    free(content);
}

static void test_graph_bulk_export__form(void **state)
{
    graph_fixture f;
    sb_export_result result;

    (void)state;
    graph_fixture_open(&f, 0);
    begin_write(&f);
    put_text(&f, "n",
             "i:ID,:LABEL,name,v:int,v:string,l:float[],m:any[]\n"
             "1,A,\"x, \"\"y\"\"\",1,,1;2.5,\n"
             "2,A:B,\"\",,one,\"\",int:1;string:a\n"
             "3,, z,,,,\n");
    put_text(&f, "r", ":START_ID,:END_ID,:TYPE,d:duration\n1,2,R,P1D\n2,2,R,\n1,3,is in,\n");
    job j = make_job(&f);
    add_nodes(&j, "n", "");
    add_rels(&j, "r", "");
    j.options.store_ids = false;
    OK(&f, run(&f, &j));
    OK(&f, sb_graph_export(f.graph, f.vfs, "out", &result, &f.err));
    assert_int_equal(result.nodes, 3);
    assert_int_equal(result.rels, 3);
    assert_int_equal(result.files, 5);
    expect_file(&f, "out/nodes-A.csv",
                ":ID,:LABEL,name:string,v:int,l:float[]\n65,A,\"x, \"\"y\"\"\",1,1.0;2.5\n");
    expect_file(
        &f, "out/nodes-A+B.csv",
        ":ID,:LABEL,name:string,v:string,l:any[],m:any[]\n129,A;B,\"\",one,\"\",int:1;string:a\n");
    expect_file(&f, "out/nodes.csv", ":ID,:LABEL,name:string\n1,,\" z\"\n");
    expect_file(&f, "out/relationships-R.csv",
                ":START_ID,:END_ID,:TYPE,d:duration\n65,129,R,P1D\n129,129,R,\n");
    expect_file(&f, "out/relationships-is_in.2.csv", ":START_ID,:END_ID,:TYPE\n65,1,is in\n");
    /* Nothing is overwritten, and what the failed export made is removed. */
    bool existed;
    OK(&f, f.vfs->ops->remove(f.vfs, "out/nodes.csv", &existed, &f.err));
    FAILS(&f, sb_graph_export(f.graph, f.vfs, "out", &result, &f.err), SB_EXISTS,
          "out/nodes-A.csv");
    OK(&f, f.vfs->ops->exists(f.vfs, "out/nodes.csv", &existed, &f.err));
    assert_false(existed);
    OK(&f, f.vfs->ops->exists(f.vfs, "out/nodes-A.csv", &existed, &f.err));
    assert_true(existed);
    rollback(&f);
    graph_fixture_close(&f);
}

/* Names that a header, a file name or a list of labels could misread. */
static const char *const odd_names[] = {
    "plain",    "a:int",     "x:ID(g)", ":ID",          "a;b",  "\"q\"", "with, comma", "new\nline",
    "brace{y}", "trailing ", "ünï",     "a:b:string[]", "p(q)", "[]",    "\\",          "../up"};
#define ODD_NAMES (sizeof odd_names / sizeof odd_names[0])

typedef struct random_graph {
    graph_fixture *f;
    sb_random *random;
    sb_arena *arena;
} random_graph;

static size_t random_props(random_graph *g, sb_prop *props)
{
    const size_t count = sb_random_below(g->random, 5);
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        const sb_key_id key = key_of(g->f, odd_names[sb_random_below(g->random, ODD_NAMES)]);
        bool twice = false;
        for (size_t k = 0; k < kept; k++)
            twice = twice || props[k].key == key;
        props[kept] = (sb_prop){.key = key, .value = random_value(g->random, g->arena)};
        if (!twice && sb_value_check(&props[kept].value, NULL) == SB_OK) kept++;
    }
    return kept;
}

static void make_graph(random_graph *g, unsigned nodes, unsigned rels)
{
    sb_builder *builder;
    sb_builder_result result;
    graph_fixture *f = g->f;

    OK(f, sb_builder_open(f->graph, &builder, &f->err));
    for (unsigned i = 0; i < nodes; i++) {
        sb_label_id labels[3];
        sb_prop props[8];
        uint64_t handle;
        const size_t label_count = sb_random_below(g->random, 3);
        for (size_t k = 0; k < label_count; k++)
            labels[k] = label(f, odd_names[sb_random_below(g->random, 6)]);
        const size_t prop_count = random_props(g, props);
        OK(f, sb_builder_node(builder, labels, label_count, sb_bytes_of(NULL, 0), props, prop_count,
                              &handle, &f->err));
    }
    for (unsigned i = 0; i < rels; i++) {
        sb_prop props[8];
        const size_t prop_count = random_props(g, props);
        const sb_ref source = {.kind = SB_REF_HANDLE, .id = sb_random_below(g->random, nodes)};
        const sb_ref target = {.kind = SB_REF_HANDLE, .id = sb_random_below(g->random, nodes)};
        const sb_type_id type = type_of(f, odd_names[sb_random_below(g->random, ODD_NAMES)]);
        OK(f, sb_builder_rel(builder, &source, type, &target, props, prop_count, &f->err));
    }
    OK(f, sb_builder_execute(builder, &result, &f->err));
    sb_builder_close(builder);
}

/* Copy a file of one memory file system to another. */
static void copy_file(graph_fixture *from, graph_fixture *to, const char *path)
{
    sb_file *file;
    sb_file_info info;

    OK(from, sb_vfs_open(from->vfs, path, SB_OPEN_READ_ONLY, &file, &from->err));
    OK(from, file->ops->info(file, &info, &from->err));
    uint8_t *content = malloc(info.bytes + 1);
    OK(from, sb_file_read_all(file, 0, content, info.bytes, &from->err));
    sb_file_close(file);
    put_file(to, path, content, info.bytes);
    free(content);
}

/* The name that export gives a file: as its rule says. */
static void exported_name(const char *kind, const char *joined, uint32_t id, char *path,
                          size_t bytes)
{
    char safe[200];
    size_t used = 0;
    bool exact = true;

    for (const char *c = joined; *c != '\0'; c++) {
        const bool ok = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                        (*c >= '0' && *c <= '9') || *c == '_' || *c == '-';
        exact = exact && (ok || *c == '\x01');
        safe[used++] = *c == '\x01' ? '+' : ok ? *c : '_';
    }
    safe[used] = '\0';
    if (used == 0)
        (void)snprintf(path, bytes, "out/%s.csv", kind);
    else if (exact)
        (void)snprintf(path, bytes, "out/%s-%s.csv", kind, safe);
    else
        (void)snprintf(path, bytes, "out/%s-%s.%u.csv", kind, safe, id);
}

static size_t list_exported(graph_fixture *f, sb_entity entity, char paths[][256])
{
    const uint32_t count =
        entity == SB_NODE ? sb_set_count(f->view) : sb_name_count(f->view, SB_NAME_TYPE) + 1;
    size_t found = 0;

    for (uint32_t id = 0; id < count; id++) {
        char joined[200] = "";
        size_t names = 1;
        const uint32_t *ids = entity == SB_NODE ? sb_set_labels(f->view, id, &names) : &id;
        for (size_t i = 0; i < names; i++) {
            const sb_bytes one =
                sb_name_of(f->view, entity == SB_NODE ? SB_NAME_LABEL : SB_NAME_TYPE, ids[i]);
            if (i != 0) strcat(joined, "\x01");
            strncat(joined, one.size == 0 ? "" : (const char *)one.data, one.size);
        }
        exported_name(entity == SB_NODE ? "nodes" : "relationships", joined, id, paths[found], 256);
        bool exists;
        OK(f, f->vfs->ops->exists(f->vfs, paths[found], &exists, &f->err));
        found += exists;
    }
    return found;
}

static void test_graph_bulk_export__round_trip(void **state)
{
    static char paths[2][200][256];
    sb_random random = test_random(3);

    (void)state;
    for (unsigned i = 0; i < 12; i++) {
        graph_fixture from, to;
        sb_export_result result;
        random_graph g = {
            .f = &from, .random = &random, .arena = sb_arena_create(&sb_allocator_libc, NULL)};
        const unsigned nodes = 1 + (unsigned)sb_random_below(&random, 300),
                       rels = (unsigned)sb_random_below(&random, 600);
        uint8_t digests[2][16];

        graph_fixture_open(&from, 0);
        graph_fixture_open(&to, 0);
        begin_write(&from);
        make_graph(&g, nodes, rels);
        OK(&from, sb_graph_flush(from.graph, &from.err));
        OK(&from, sb_graph_export(from.graph, from.vfs, "out", &result, &from.err));
        assert_int_equal(result.nodes, nodes);
        assert_int_equal(result.rels, rels);
        begin_write(&to);
        job j = make_job(&to);
        sb_bulk_file files[2][200];
        size_t counts[2];
        for (int e = 0; e < 2; e++) {
            counts[e] = list_exported(&from, (sb_entity)e, paths[e]);
            for (size_t k = 0; k < counts[e]; k++) {
                copy_file(&from, &to, paths[e][k]);
                files[e][k] = (sb_bulk_file){.path = paths[e][k]};
            }
        }
        assert_int_equal(counts[0] + counts[1], result.files);
        j.options.node_files = files[0];
        j.options.node_file_count = counts[0];
        j.options.rel_files = files[1];
        j.options.rel_file_count = counts[1];
        j.options.chunk_bytes = 1 + sb_random_below(&random, 3000);
        OK(&to, sb_graph_bulk_load(to.graph, &j.options, &j.result, &to.err));
        lines a = print_graph(&from), b = print_graph(&to);
        same_lines(&a, &b);
        free_lines(&a);
        free_lines(&b);
        OK(&from, sb_graph_digest(from.graph, digests[0], &from.err));
        OK(&to, sb_graph_digest(to.graph, digests[1], &to.err));
        assert_memory_equal(digests[0], digests[1], 16);
        sb_arena_destroy(g.arena);
        rollback(&from);
        rollback(&to);
        graph_fixture_close(&from);
        graph_fixture_close(&to);
    }
}

static void make_schema(graph_fixture *f, sb_schema_kind kind, bool on_rels, uint32_t entity,
                        const char *const *keys, uint32_t key_count, uint32_t types,
                        const char *name)
{
    sb_schema schema = {.kind = (uint8_t)kind,
                        .on_rels = on_rels,
                        .entity = entity,
                        .key_count = key_count,
                        .value_types = types,
                        .name = sb_bytes_of(name, strlen(name))};
    uint32_t id;

    for (uint32_t i = 0; i < key_count; i++)
        schema.keys[i] = key_of(f, keys[i]);
    OK(f, sb_graph_schema_create(f->graph, &schema, &id, &f->err));
}

/* A file of definitions, filled up with empty lines, that is as long as it may be, and one longer by a byte. */
static void test_graph_bulk_export__schema_bytes(void **state)
{
    static const char text_of_file[] = "kind,of,on,keys,types,name\nindex,nodes,A,k,,i\n";
    const size_t most = (size_t)64 << 20;
    graph_fixture f;
    sb_file *file;
    char *all = malloc(most + 1);
    (void)state;

    assert_non_null(all);
    memset(all, '\n', most + 1);
    memcpy(all, text_of_file, sizeof text_of_file - 1);
    graph_fixture_open(&f, 0);
    begin_write(&f);
    job j = make_job(&f);
    j.options.schema_path = "schema.csv";
    for (size_t over = 1; over < 2; over--) {
        OK(&f, sb_vfs_open(f.vfs, "schema.csv", SB_OPEN_CREATE, &file, &f.err));
        OK(&f, file->ops->truncate(file, 0, &f.err));
        OK(&f, sb_file_write_all(file, 0, all, most + over, &f.err));
        sb_file_close(file);
        if (over == 1)
            FAILS(&f, run(&f, &j), SB_LIMIT, "67108864");
        else
            OK(&f, run(&f, &j));
    }
    assert_int_equal(j.result.schemas, 1);
    free(all);
    rollback(&f);
    graph_fixture_close(&f);
}

/* A file that was written to holds no memory until it has more: of one after the other, not of all together. */
static void test_graph_bulk_export__memory(void **state)
{
    enum { FILES = 12, LONG = 300000 };
    char *const value = calloc(1, LONG), name[8];
    sb_export_result result;
    graph_fixture f;

    (void)state;
    memset(value, 'v', LONG);
    graph_fixture_open(&f, 0);
    begin_write(&f);
    const sb_bytes bytes = sb_bytes_of(value, LONG);
    const sb_prop_column column = {.key = key_of(&f, "k"), .type = SB_TYPE_STRING, .bytes = &bytes};
    for (unsigned i = 0; i < FILES; i++) {
        sb_node_id id;
        (void)snprintf(name, sizeof name, "L%u", i);
        OK(&f, sb_graph_create_nodes(f.graph, set_of_label(&f, label(&f, name)), 1, &column, 1, &id,
                                     &f.err));
    }
    commit(&f);
    begin_read(&f);
    const size_t before = f.alloc.live_bytes;
    f.alloc.peak_bytes = before;
    OK(&f, sb_graph_export(f.graph, f.vfs, "out", &result, &f.err));
    assert_int_equal(result.nodes, FILES);
    assert_true(result.bytes > (uint64_t)FILES * LONG);
    assert_true(f.alloc.peak_bytes - before < 8 * LONG);
    rollback(&f);
    free(value);
    graph_fixture_close(&f);
}

static const char schema_text[] = "kind,of,on,keys,types,name\n"
                                  "index,nodes,A,\"k;\"\"x;y\"\"\",,\"i, 1\"\n"
                                  "unique,relationships,R,k,,u\n"
                                  "node-key,nodes,A,k,,n\n"
                                  "exists,nodes,A,k,,e\n"
                                  "typed,nodes,A,k,INTEGER;LOCAL DATETIME;LIST,t\n"
                                  "no-label-index,nodes,\"B\"\"\",,,\n";

/* Every kind, with names that need quotes, is written, read and written again. */
static void test_graph_bulk_export__schema(void **state)
{
    graph_fixture f, to;
    sb_export_result result;
    const char *const keys[] = {"k", "x;y"};

    (void)state;
    graph_fixture_open(&f, 0);
    begin_write(&f);
    const sb_label_id a = label(&f, "A"), b = label(&f, "B\"");
    make_schema(&f, SB_SCHEMA_INDEX, false, a, keys, 2, 0, "i, 1");
    make_schema(&f, SB_SCHEMA_UNIQUE, true, type_of(&f, "R"), keys, 1, 0, "u");
    make_schema(&f, SB_SCHEMA_NODE_KEY, false, a, keys, 1, 0, "n");
    make_schema(&f, SB_SCHEMA_EXISTS, false, a, keys, 1, 0, "e");
    make_schema(&f, SB_SCHEMA_TYPED, false, a, keys, 1,
                1u << SB_TYPE_INT | 1u << SB_TYPE_LOCAL_DATETIME | 1u << SB_TYPE_LIST, "t");
    OK(&f, sb_graph_schema_drop(f.graph, SB_GRAPH_LABEL_INDEX | b, &f.err));
    OK(&f, sb_graph_export(f.graph, f.vfs, "out", &result, &f.err));
    assert_int_equal(result.schemas, 6);
    assert_int_equal(result.files, 1);
    assert_int_equal(result.bytes, sizeof schema_text - 1);
    expect_file(&f, "out/schema.csv", schema_text);
    FAILS(&f, sb_graph_export(f.graph, f.vfs, "out", &result, &f.err), SB_EXISTS, "schema.csv");
    expect_file(&f, "out/schema.csv", schema_text);

    graph_fixture_open(&to, 0);
    begin_write(&to);
    copy_file(&f, &to, "out/schema.csv");
    job j = make_job(&to);
    j.options.schema_path = "out/schema.csv";
    OK(&to, run(&to, &j));
    assert_int_equal(j.result.schemas, 6);
    OK(&to, sb_graph_export(to.graph, to.vfs, "again", &result, &to.err));
    expect_file(&to, "again/schema.csv", schema_text);
    /* They are there already, and nothing of a load that fails stays. */
    assert_int_equal(run(&to, &j), SB_EXISTS);
    assert_non_null(strstr(to.err.text, "out/schema.csv, line 2: "));
    assert_int_equal(to.err.line, 2);
    sb_err_clear(&to.err);
    rollback(&f);
    rollback(&to);
    graph_fixture_close(&f);
    graph_fixture_close(&to);
}

static void test_graph_bulk_export__wrong_schemas(void **state)
{
    static const struct {
        const char *rows;
        sb_status status;
        const char *message;
        uint32_t line, column;
    } wrong[] = {
        {"kind,of,on\n", SB_SYNTAX, "s, line 1: a schema file begins with", 1, 0},
        {"kind,of,on,keys,name,types\n", SB_SYNTAX, "s, line 1: a schema file begins with", 1, 0},
        {"H\nindex,nodes,A\n", SB_SYNTAX, "s, line 2: a row has six cells", 2, 0},
        {"H\nindex,nodes,A,\"k,,n\n", SB_SYNTAX, "s, line 2: a quoted cell has no", 2, 0},
        {"H\n\nidx,nodes,A,k,,n\n", SB_SYNTAX, "column 1 (kind): 'idx' is none of", 3, 1},
        {"H\nindex,node,A,k,,n\n", SB_SYNTAX, "column 2 (of): 'node' is neither", 2, 2},
        {"H\ntyped,nodes,A,k,INT,n\n", SB_SYNTAX, "column 5 (types): 'INT' names a type", 2, 5},
        {"H\nindex,nodes,A,1;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16;17,,n\n", SB_SYNTAX,
         "more keys than an index may have", 2, 4},
        {"H\nno-label-index,relationships,R,,,\n", SB_SYNTAX, "have no label index", 2, 2},
        {"H\nindex,nodes,,k,,n\n", SB_INVALID, "s, line 2: ", 2, 0},
        {"H\nindex,nodes,A,,,n\n", SB_INVALID, "s, line 2: ", 2, 0},
        {"H\ntyped,nodes,A,k,,n\n", SB_INVALID, "s, line 2: ", 2, 0},
        {"H\nindex,nodes,A,k,,\n", SB_INVALID, "s, line 2: ", 2, 0},
        {"H\nindex,nodes,A,k,,\xff\n", SB_INVALID, "s, line 2: ", 2, 0},
        {"H\nunique,nodes,A,v,,n\n", SB_CONSTRAINT, "s, line 2: ", 2, 0},
    };
    graph_fixture f;

    (void)state;
    graph_fixture_open(&f, 0);
    begin_write(&f);
    put_text(&f, "n", "v:int\n1\n1\n");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const bool short_header = wrong[i].rows[0] == 'H';
        char text[256];
        (void)snprintf(text, sizeof text, "%s%s",
                       short_header ? "\xEF\xBB\xBFkind,of,on,keys,types,name" : "",
                       wrong[i].rows + short_header);
        put_text(&f, "s", text);
        job j = make_job(&f);
        add_nodes(&j, "n", "A");
        j.options.schema_path = "s";
        assert_int_equal(run(&f, &j), wrong[i].status);
        assert_non_null(strstr(f.err.text, wrong[i].message));
        assert_int_equal(f.err.line, wrong[i].line);
        assert_int_equal(f.err.column, wrong[i].column);
        sb_err_clear(&f.err);
        uint64_t nodes;
        OK(&f, sb_stats_nodes_of_label(sb_graph_view(f.graph), 0, &nodes, &f.err));
        assert_int_equal(nodes, 0);
    }
    job j = make_job(&f);
    j.options.schema_path = "absent";
    FAILS(&f, run(&f, &j), SB_CANT_OPEN, "absent");
    put_text(&f, "s", "");
    j.options.schema_path = "s";
    OK(&f, run(&f, &j));
    assert_int_equal(j.result.schemas, 0);
    rollback(&f);
    graph_fixture_close(&f);
}

static void test_graph_bulk_export__faults(void **state)
{
    graph_fixture f;
    bool passed = false, exists;

    (void)state;
    graph_fixture_open(&f, 0);
    begin_write(&f);
    put_text(&f, "n", "i:ID,:LABEL,l:int[]\n1,A,1;2\n2,B:C,3\n");
    put_text(&f, "r", ":START_ID,:END_ID,:TYPE\n1,2,R\n");
    job j = make_job(&f);
    add_nodes(&j, "n", "");
    add_rels(&j, "r", "");
    OK(&f, run(&f, &j));
    make_schema(&f, SB_SCHEMA_INDEX, false, label(&f, "A"), (const char *[]){"i"}, 1, 0, "s");
    commit(&f);
    begin_read(&f);
    for (size_t at = 1; !passed; at++) {
        sb_export_result result;
        atomic_store(&f.alloc.fail_at, atomic_load(&f.alloc.alloc_count) + at);
        const sb_status st = sb_graph_export(f.graph, f.vfs, "out", &result, &f.err);
        atomic_store(&f.alloc.fail_at, 0);
        passed = st == SB_OK;
        if (!passed) assert_int_equal(st, SB_NOMEM);
        sb_err_clear(&f.err);
        OK(&f, f.vfs->ops->exists(f.vfs, "out/nodes-A.csv", &exists, &f.err));
        assert_true(exists == passed);
        OK(&f, f.vfs->ops->exists(f.vfs, "out/schema.csv", &exists, &f.err));
        assert_true(exists == passed);
    }
    rollback(&f);
    begin_write(&f);
    passed = false;
    put_text(&f, "s",
             "kind,of,on,keys,types,name\nindex,nodes,A,\"k;\"\"x;y\"\"\",,\"i, 1\"\n"
             "typed,nodes,A,k,INTEGER,t\nno-label-index,nodes,C,,,\n");
    for (size_t at = 1; !passed; at++) {
        uint64_t count;
        uint32_t savepoint;
        OK(&f, sb_graph__atomic_begin(f.graph, &savepoint, &f.err));
        atomic_store(&f.alloc.fail_at, atomic_load(&f.alloc.alloc_count) + at);
        const sb_status st = sb_graph__schema_read(f.graph, f.vfs, "s", &count, &f.err);
        atomic_store(&f.alloc.fail_at, 0);
        passed = st == SB_OK;
        if (!passed) assert_int_equal(st, SB_NOMEM);
        if (passed) assert_int_equal(count, 3);
        sb_err_clear(&f.err);
        assert_int_equal(sb_graph__atomic_end(f.graph, savepoint, SB_NOMEM, &f.err), SB_NOMEM);
        sb_err_clear(&f.err);
    }
    rollback(&f);
    graph_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_graph_bulk_export__form),          TEST(test_graph_bulk_export__round_trip),
        TEST(test_graph_bulk_export__memory),        TEST(test_graph_bulk_export__schema),
        TEST(test_graph_bulk_export__wrong_schemas), TEST(test_graph_bulk_export__faults),
        TEST(test_graph_bulk_export__schema_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
