/* Goal: LOAD CSV gives the rows of a file, and reads no other files than those it may.
 * Method: files in a memory file system; texts with quotes, empty cells, a mark of UTF-8, more cells and rows than fit at once. */
#include "exec_fixture.h"

#include <stdlib.h>

static const char *const folders[] = {"/other", "/data"};

static void write_file(exec_fixture *f, const char *path, const char *content)
{
    sb_file *file;
    OK(&f->g, sb_vfs_open(f->g.vfs, path, SB_OPEN_CREATE, &file, &f->g.err));
    OK(&f->g, sb_file_write_all(file, 0, content, strlen(content), &f->g.err));
    sb_file_close(file);
}

static void load_open(exec_fixture *f)
{
    exec_open(f);
    begin_write(&f->g);
    f->options.import_dirs = folders;
    f->options.import_dir_count = 2;
    write_file(f, "/data/a.csv",
               "\xEF\xBB\xBFid,name\n1,'x'\n\n2,\"say \"\"a\"\"\"\n3,\n4,\"\"\n5\n");
    write_file(f, "/data/b c.csv", "1;2\n");
    write_file(f, "/secret.csv", "1\n");
}

/* url NULL: a number */
static void load(exec_fixture *f, const char *url, bool headers, const char *delimiter)
{
    exec_clear(f);
    sb_var *v = var(f, SB_KIND_ANY);
    sb_plan *p = plan(f, SB_PLAN_LOAD_CSV, argument(f, NULL));
    p->as.load_csv.url = url != NULL ? str(f, url) : num(f, 1);
    p->as.load_csv.headers = headers;
    p->as.load_csv.var = v;
    if (delimiter != NULL) p->as.load_csv.delimiter = str(f, delimiter);
    statement(f, p, v, NULL);
}

static void test_exec_load_csv__rows(void **state)
{
    exec_fixture f;
    (void)state;
    load_open(&f);
    load(&f, "file:///data/a.csv", false, NULL);
    gives(&f, "['id', 'name']\n['1', '\\'x\\'']\n['2', 'say \"a\"']\n['3', null]\n['4', '']\n"
              "['5']\n");
    load(&f, "/data/a.csv", true, NULL);
    gives(&f, "{id: '1', name: '\\'x\\''}\n{id: '2', name: 'say \"a\"'}\n{id: '3', name: null}\n"
              "{id: '4', name: ''}\n{id: '5', name: null}\n");
    /* below one of the folders; a coded name; another delimiter */
    load(&f, "file:///b%20c.csv", false, ";");
    gives(&f, "['1', '2']\n");
    load(&f, "b c.csv", false, ";");
    gives(&f, "['1', '2']\n");
    exec_close(&f);
}

static void test_exec_load_csv__refuses(void **state)
{
    static const char *const urls[] = {"/secret.csv",
                                       "file:///secret.csv",
                                       "/data/none.csv",
                                       "http://example.org/a.csv",
                                       "/database/a.csv",
                                       "file://%00",
                                       ""};
    exec_fixture f;
    (void)state;
    load_open(&f);
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        load(&f, urls[i], false, NULL);
        fails(&f, SB_INVALID, SB_CYPHER_EXTERNAL_RESOURCE_FAILED, "LOAD CSV");
    }
    load(&f, NULL, false, NULL);
    fails(&f, SB_TYPE_MISMATCH, SB_CYPHER_ARGUMENT_TYPE, "LOAD CSV");
    load(&f, "/data/a.csv", false, ";;");
    fails(&f, SB_INVALID, SB_CYPHER_INVALID_ARGUMENT_VALUE, "FIELDTERMINATOR");
    write_file(&f, "/data/bad.csv", "a\n\xFF\n");
    load(&f, "/data/bad.csv", false, NULL);
    FAILS(&f.g, run(&f), SB_INVALID, "line 2");
    write_file(&f, "/data/quote.csv", "a\nb\"c\n");
    load(&f, "/data/quote.csv", false, NULL);
    FAILS(&f.g, run(&f), SB_SYNTAX, "line 2");
    f.options.import_dir_count = 0;
    load(&f, "/data/a.csv", false, NULL);
    fails(&f, SB_INVALID, SB_CYPHER_EXTERNAL_RESOURCE_FAILED, "import_dirs");
    exec_close(&f);
}

/* More rows than a piece, a row of many cells, a quoted line end over pieces, and nothing at the end of the last line. */
static void test_exec_load_csv__large(void **state)
{
    exec_fixture f;
    const size_t room = 3u << 20;
    char *content = malloc(room);
    size_t size = 0;
    uint32_t count;
    uint64_t rows = 0, cells = 0;
    (void)state;
    assert_non_null(content);
    load_open(&f);
    for (int i = 0; i < 100000; i++)
        size += (size_t)snprintf(content + size, room - size, "%d,\"two\nlines\"\n", i);
    for (int i = 0; i < 500; i++)
        size += (size_t)snprintf(content + size, room - size, "%s%d", i == 0 ? "" : ",", i);
    write_file(&f, "/data/large.csv", content);
    free(content);
    load(&f, "/data/large.csv", false, NULL);
    OK(&f.g, sb_exec_open(&f.compiled, &f.options, &f.exec, &f.g.err));
    do {
        OK(&f.g, sb_exec_next(f.exec, &count, &f.g.err));
        for (uint32_t i = 0; i < count; i++)
            cells += sb_exec_value(f.exec, 0, i).as.list->count;
        rows += count;
    } while (count != 0);
    assert_int_equal(rows, 100001);
    assert_int_equal(cells, 200500);
    exec_close(&f);
}

static uint64_t clock_reads; /* what the clock below says is how often it was read */

static uint64_t count_clock_reads(sb_vfs *vfs)
{
    (void)vfs;
    return ++clock_reads;
}

/* A file of count times part between first and last: so often at least it is asked whether to go on. */
static void looks(exec_fixture *f, const char *first, const char *part, size_t count,
                  const char *last, uint64_t at_least)
{
    const size_t size = strlen(part);
    char *content = malloc(strlen(first) + count * size + strlen(last) + 1), *at = content;
    assert_non_null(content);
    at += sprintf(at, "%s", first);
    for (size_t i = 0; i < count; i++, at += size)
        memcpy(at, part, size);
    (void)sprintf(at, "%s", last);
    write_file(f, "/data/long.csv", content);
    free(content);
    load(f, "/data/long.csv", false, NULL);
    sb_vfs_ops ops = *f->g.vfs->ops;
    const sb_vfs_ops *own = f->g.vfs->ops;
    ops.monotonic_ns = count_clock_reads;
    f->g.vfs->ops = &ops;
    for (uint64_t stop = at_least; stop >= at_least / 2; stop -= at_least / 2) {
        f->options.deadline_ns = stop;
        clock_reads = 0;
        FAILS(&f->g, run(f), SB_TIMEOUT, "time limit");
        assert_int_equal(clock_reads, stop);
    }
    f->g.vfs->ops = own;
    f->options.deadline_ns = 0;
}

static void test_exec_load_csv__looks(void **state)
{
    exec_fixture f;
    (void)state;
    load_open(&f);
    looks(&f, "", "\n", 8u << 20, "1", 30);      /* pieces without a row */
    looks(&f, "\"", "\"\"", 4u << 20, "\"", 45); /* quotes: found, read and halved */
    looks(&f, "\"", "\n", 8u << 20, "\"", 150);  /* lines in a cell */
    looks(&f, "1", ",1", 500000, "", 480);       /* cells */
    exec_close(&f);
}

static void test_exec_load_csv__cells_of_a_row(void **state)
{
    enum { MOST = 1048576 };
    exec_fixture f;
    char *commas = malloc(MOST + 1);
    uint32_t count;
    (void)state;

    assert_non_null(commas);
    load_open(&f);
    memset(commas, ',', MOST);
    commas[MOST] = '\0';
    write_file(&f, "/data/wide.csv", commas);
    load(&f, "/data/wide.csv", false, NULL);
    FAILS(&f.g, run(&f), SB_LIMIT, "1048576 cells");
    commas[MOST - 1] = '\0'; /* as many cells as commas, and one */
    write_file(&f, "/data/as-wide.csv", commas);
    free(commas);
    load(&f, "/data/as-wide.csv", false, NULL);
    OK(&f.g, sb_exec_open(&f.compiled, &f.options, &f.exec, &f.g.err));
    OK(&f.g, sb_exec_next(f.exec, &count, &f.g.err));
    assert_int_equal(count, 1);
    assert_int_equal(sb_exec_value(f.exec, 0, 0).as.list->count, MOST);
    exec_close(&f);
}

/* Each allocation fails once. */
static void test_exec_load_csv__no_memory(void **state)
{
    exec_fixture f;
    (void)state;
    load_open(&f);
    load(&f, "/data/a.csv", true, NULL);
    sb_status st = SB_NOMEM;
    for (size_t at = 1; st == SB_NOMEM; at++) {
        f.g.alloc.fail_at = f.g.alloc.alloc_count + at;
        st = run(&f);
        f.g.alloc.fail_at = 0;
        if (st != SB_OK) sb_err_clear(&f.g.err);
    }
    assert_int_equal(st, SB_OK);
    exec_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_exec_load_csv__rows),  TEST(test_exec_load_csv__refuses),
        TEST(test_exec_load_csv__large), TEST(test_exec_load_csv__cells_of_a_row),
        TEST(test_exec_load_csv__looks), TEST(test_exec_load_csv__no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
