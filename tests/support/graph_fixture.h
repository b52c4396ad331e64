/* graph_fixture.h — a graph in a file in memory, for the tests of the graph layer. Every allocation goes through a counting
 * allocator, and close checks that none is left. */
#ifndef TESTS_GRAPH_FIXTURE_H
#define TESTS_GRAPH_FIXTURE_H

#include "support/unit.h"

#include "graph/graph.h"

typedef struct graph_fixture {
    sb_counting_allocator alloc;
    sb_profile profile;
    sb_vfs *vfs;
    sb_pager *pager;
    sb_session *session;
    sb_txn *txn;
    sb_graph *graph;
    sb_view *view;
    sb_err err;
    sb_graph_settings settings;
    sb_durability durability;
    uint32_t page_bytes;
} graph_fixture;

#define OK(f, call)                                                                                \
    do {                                                                                           \
        const sb_status ok_status = (call);                                                        \
        if (ok_status != SB_OK) {                                                                  \
            print_error("%s: %s: %s\n", #call, sb_status_name(ok_status), (f)->err.text);          \
            fail();                                                                                \
        }                                                                                          \
    } while (0)

/* The call fails with code, and its message holds part; the error is cleared behind it. */
#define FAILS(f, call, status, part)                                                               \
    do {                                                                                           \
        assert_int_equal((call), (status));                                                        \
        assert_int_equal((f)->err.code, (status));                                                 \
        if (strstr((f)->err.text, (part)) == NULL)                                                 \
            print_error("'%s' is not in '%s'\n", (part), (f)->err.text);                           \
        assert_non_null(strstr((f)->err.text, (part)));                                            \
        sb_err_clear(&(f)->err);                                                                   \
    } while (0)

static inline void graph_open_file(graph_fixture *f)
{
    sb_pager_options options;

    sb_pager_options_init(&options);
    options.alloc = &f->alloc.base;
    options.vfs = f->vfs;
    options.profile = &f->profile;
    options.page_bytes = f->page_bytes;
    options.create = true;
    options.durability = f->durability;
    options.txn_memory_bytes = 64u << 20;
    options.check = sb_tree_check_page;
    OK(f, sb_pager_open("test.sombra", &options, &f->pager, &f->err));
    OK(f, sb_session_open(f->pager, &f->session, &f->err));
    OK(f, sb_graph_configure(f->session, &f->settings, &f->err));
}

static inline void graph_close_file(graph_fixture *f)
{
    sb_session_close(f->session);
    OK(f, sb_pager_close(f->pager, &f->err));
}

static inline void graph_reopen(graph_fixture *f)
{
    graph_close_file(f);
    graph_open_file(f);
}

static inline void graph_fixture_open(graph_fixture *f, uint32_t page_bytes)
{
    memset(f, 0, sizeof *f);
    f->page_bytes = page_bytes;
    f->durability = SB_DURABLE_OFF;
    sb_graph_settings_init(&f->settings);
    sb_counting_allocator_init(&f->alloc, &sb_allocator_libc);
    sb_err_clear(&f->err);
    OK(f, sb_vfs_mem_create(&sb_allocator_libc, &f->vfs, &f->err));
    graph_open_file(f);
}

static inline void graph_fixture_close(graph_fixture *f)
{
    graph_close_file(f);
    sb_vfs_destroy(f->vfs);
    assert_int_equal(f->alloc.live_blocks, 0);
    assert_int_equal(f->alloc.live_bytes, 0);
}

static inline void graph_bind(graph_fixture *f)
{
    OK(f, sb_graph_get(f->txn, &f->graph, &f->err));
    f->view = sb_graph_view(f->graph);
}

static inline void begin_write(graph_fixture *f)
{
    OK(f, sb_txn_begin_write(f->session, &f->txn, &f->err));
    graph_bind(f);
    OK(f, sb_view_found(f->view, &f->err));
}

static inline void begin_read(graph_fixture *f)
{
    OK(f, sb_txn_begin_read(f->session, &f->txn, &f->err));
    graph_bind(f);
}

static inline void commit(graph_fixture *f)
{
    OK(f, sb_txn_commit(f->txn, &f->err));
    f->txn = NULL;
    f->graph = NULL;
}

static inline void rollback(graph_fixture *f)
{
    sb_txn_rollback(f->txn);
    f->txn = NULL;
    f->graph = NULL;
}

static inline uint32_t savepoint(graph_fixture *f)
{
    uint32_t id = 0;
    OK(f, sb_txn_savepoint(f->txn, &id, &f->err));
    return id;
}

static inline sb_bytes text(const char *s)
{
    return sb_bytes_of(s, strlen(s));
}

static inline uint32_t name(graph_fixture *f, sb_name_kind kind, const char *s)
{
    uint32_t id = 0;
    OK(f, sb_name_intern(f->view, kind, text(s), &id, &f->err));
    return id;
}

static inline sb_label_id label(graph_fixture *f, const char *s)
{
    return name(f, SB_NAME_LABEL, s);
}

static inline sb_type_id type_of(graph_fixture *f, const char *s)
{
    return name(f, SB_NAME_TYPE, s);
}

static inline sb_key_id key_of(graph_fixture *f, const char *s)
{
    return name(f, SB_NAME_KEY, s);
}

static inline sb_set_id set_of_label(graph_fixture *f, sb_label_id id)
{
    sb_set_id set = 0;
    OK(f, sb_set_intern(f->view, &id, 1, &set, &f->err));
    return set;
}

static inline sb_value integer(int64_t v)
{
    return (sb_value){.type = SB_TYPE_INT, .as.integer = v};
}

static inline sb_value real(double v)
{
    return (sb_value){.type = SB_TYPE_FLOAT, .as.real = v};
}

static inline sb_value string(const char *s)
{
    return (sb_value){.type = SB_TYPE_STRING, .as.bytes = {s, strlen(s)}};
}

#endif
