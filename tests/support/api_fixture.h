/* api_fixture.h — a database file opened through sombra.h alone, for the tests of the public interface. Files lie in the
 * test's own directory, the working one. */
#ifndef TESTS_API_FIXTURE_H
#define TESTS_API_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sombra.h"

#define API_PATH "api.sombra"

typedef struct api_fixture {
    sombra_options options;
    sombra_db *db;
    sombra_conn *conn;
    sombra_txn *txn;
    sombra_error error;
} api_fixture;

/* The call on the fixture's connection succeeds. */
#define OK(f, call)                                                                                \
    do {                                                                                           \
        const sombra_status ok_status = (call);                                                    \
        if (ok_status != SOMBRA_OK) {                                                              \
            print_error("%s: %s: %s\n", #call, sombra_status_name(ok_status),                      \
                        sombra_error_of((f)->conn)->message);                                      \
            fail();                                                                                \
        }                                                                                          \
    } while (0)
/* It fails with status, and the connection's message holds part. */
#define FAILS(f, call, wanted, part)                                                               \
    do {                                                                                           \
        const sombra_status fails_status = (call);                                                 \
        const sombra_error *told = sombra_error_of((f)->conn);                                     \
        if (fails_status != (wanted) || told->status != (wanted) ||                                \
            strstr(told->message, (part)) == NULL)                                                 \
            print_error("%s: %s, '%s' told\n", #call, sombra_status_name(fails_status),            \
                        told->message);                                                            \
        assert_int_equal(fails_status, (wanted));                                                  \
        assert_int_equal(told->status, (wanted));                                                  \
        assert_non_null(strstr(told->message, (part)));                                            \
        assert_true(told->source[0] != '\0');                                                      \
    } while (0)
/* The same for calls that tell through the fixture's error. */
#define OK_ERROR(f, call)                                                                          \
    do {                                                                                           \
        if ((call) != SOMBRA_OK) {                                                                 \
            print_error("%s: %s\n", #call, (f)->error.message);                                    \
            fail();                                                                                \
        }                                                                                          \
        assert_int_equal((f)->error.status, SOMBRA_OK);                                            \
    } while (0)
#define FAILS_ERROR(f, call, wanted, part)                                                         \
    do {                                                                                           \
        const sombra_status fails_status = (call);                                                 \
        if (fails_status != (wanted) || strstr((f)->error.message, (part)) == NULL)                \
            print_error("%s: %s, '%s' told\n", #call, sombra_status_name(fails_status),            \
                        (f)->error.message);                                                       \
        assert_int_equal(fails_status, (wanted));                                                  \
        assert_int_equal((f)->error.status, (wanted));                                             \
        assert_non_null(strstr((f)->error.message, (part)));                                       \
    } while (0)

static inline void api_remove(const char *path)
{
    char name[256];
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(name, sizeof name, "%s%s", path, ends[i]);
        (void)unlink(name);
    }
}

static inline bool api_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static inline void api_open_at(api_fixture *f, const char *path)
{
    OK_ERROR(f, sombra_open(path, &f->options, &f->db, &f->error));
    OK_ERROR(f, sombra_connect(f->db, &f->conn, &f->error));
}

static inline void api_close(api_fixture *f)
{
    sombra_disconnect(f->conn);
    f->conn = NULL;
    f->txn = NULL;
    OK_ERROR(f, sombra_close(f->db, &f->error));
    f->db = NULL;
}

/* A new, empty file; syncs are left out unless a test asks for them. */
static inline void api_new(api_fixture *f)
{
    memset(f, 0, sizeof *f);
    api_remove(API_PATH);
    sombra_options_init(&f->options);
    f->options.durability = SOMBRA_DURABLE_OFF;
    api_open_at(f, API_PATH);
}

static inline void api_reopen(api_fixture *f)
{
    api_close(f);
    api_open_at(f, API_PATH);
}

static inline void api_end(api_fixture *f)
{
    api_close(f);
    api_remove(API_PATH);
}

static inline void api_begin(api_fixture *f, sombra_mode mode)
{
    OK(f, sombra_begin(f->conn, mode, &f->txn));
}
static inline void api_commit(api_fixture *f)
{
    OK(f, sombra_commit(f->txn));
}

static inline uint32_t api_name(api_fixture *f, sombra_name_kind kind, const char *name)
{
    uint32_t id = 0;
    OK(f, sombra_name_intern(f->txn, kind, name, SOMBRA_NUL_TERMINATED, &id));
    assert_int_not_equal(id, 0);
    return id;
}

/* One node of a label with one integer property, of the open write transaction. */
static inline uint64_t api_node(api_fixture *f, const char *label, int64_t number)
{
    const uint32_t label_id = api_name(f, SOMBRA_LABEL, label);
    const sombra_column column = {
        .key = api_name(f, SOMBRA_KEY, "number"), .type = SOMBRA_TYPE_INT, .integers = &number};
    uint64_t id = 0;
    OK(f, sombra_create_nodes(f->txn, &label_id, 1, 1, &column, 1, &id));
    return id;
}

static inline uint64_t api_rel(api_fixture *f, uint64_t source, const char *type, uint64_t target)
{
    uint64_t id = 0;
    OK(f, sombra_create_rels(f->txn, api_name(f, SOMBRA_TYPE, type), 1, &source, &target, NULL, 0,
                             &id));
    return id;
}

/* The graph of the open transaction is whole: as verify finds it. */
static inline void api_print_finding(void *ctx, uint64_t page, const char *message)
{
    (void)ctx;
    print_error("page %llu: %s\n", (unsigned long long)page, message);
}
static inline void api_verify(api_fixture *f)
{
    sombra_verify_result result;
    OK(f, sombra_verify(f->txn, api_print_finding, NULL, &result));
    assert_int_equal(result.findings, 0);
}

/* Nodes in the committed state. */
static inline uint64_t api_node_count(api_fixture *f)
{
    uint64_t count = 0;
    api_begin(f, SOMBRA_READ);
    OK(f, sombra_name_entities(f->txn, SOMBRA_LABEL, 0, &count));
    api_verify(f);
    sombra_rollback(f->txn);
    f->txn = NULL;
    return count;
}

static inline sombra_value api_text(const char *s)
{
    return sombra_string(s, strlen(s));
}

#endif
