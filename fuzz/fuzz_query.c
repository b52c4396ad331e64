/* fuzz_query.c — statements run on a small database: any text gives rows or an error that says where, within limits of time and memory,
 * and whatever it changed, the database verifies. The input is a script, statements between ';', as for fuzz_cypher_parse, whose
 * seeds serve here, too. The first byte says whether all is one transaction, which is rolled back ('-'), and is no part of the script then. */
#include <strings.h>

#include "support/damage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

#define ROWS_MAX 500u

/* One statement; *used: its bytes. */
static void run_statement(sombra_conn *conn, const char *text, size_t bytes, size_t *used)
{
    sombra_stmt *stmt = NULL;
    sombra_status st = sombra_prepare(conn, text, bytes, &stmt, used);
    const sombra_value value = {.type = SOMBRA_TYPE_INT, .as.integer = 7};

    if (st != SOMBRA_OK) *used = bytes;
    for (size_t i = 0; st == SOMBRA_OK && i < sombra_stmt_param_count(stmt); i++)
        st = sombra_stmt_bind_at(stmt, i, &value);
    for (unsigned row = 0; stmt != NULL && row < ROWS_MAX && (st == SOMBRA_OK || st == SOMBRA_ROW);
         row++) {
        sombra_value column;
        st = sombra_stmt_step(stmt);
        for (size_t i = 0; st == SOMBRA_ROW && i < sombra_stmt_column_count(stmt); i++)
            if (sombra_stmt_column(stmt, i, &column) != SOMBRA_OK)
                damage_abort("column", sombra_error_of(conn)->message);
    }
    if (st < 0 &&
        (sombra_error_of(conn)->status != st || sombra_error_of(conn)->message[0] == '\0'))
        damage_abort(sombra_status_name(st), "without a message");
    if (st == SOMBRA_CORRUPT || st == SOMBRA_IO)
        damage_abort(sombra_status_name(st), sombra_error_of(conn)->message);
    sombra_stmt_finalize(stmt);
}

static void check(sombra_conn *conn)
{
    sombra_txn *txn = NULL;
    sombra_verify_result result;

    sombra_set_time_limit(conn, 0);
    if (sombra_begin(conn, SOMBRA_READ, &txn) != SOMBRA_OK)
        damage_abort("begin", sombra_error_of(conn)->message);
    if (sombra_verify(txn, NULL, NULL, &result) != SOMBRA_OK || result.findings != 0)
        damage_abort("verify",
                     result.findings != 0 ? "it has findings" : sombra_error_of(conn)->message);
    sombra_rollback(txn);
}

static bool commits(const uint8_t *data, size_t bytes)
{
    for (size_t i = 0; i + 6 <= bytes; i++)
        if (strncasecmp((const char *)data + i, "commit", 6) == 0) return true;
    return false;
}

/* The transaction that the script left open, if it did. */
static void end_transaction(sombra_conn *conn)
{
    sombra_stmt *stmt = NULL;

    if (sombra_prepare(conn, "ROLLBACK", SOMBRA_NUL_TERMINATED, &stmt, NULL) == SOMBRA_OK)
        (void)!sombra_stmt_step(stmt);
    sombra_stmt_finalize(stmt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static damage_files whole;
    sombra_options options;
    sombra_error error;
    sombra_db *db = NULL;
    sombra_conn *conn = NULL;
    sombra_txn *txn = NULL;
    sb_vfs *vfs = NULL;
    sb_counting_allocator memory;
    sombra_base base = {.alloc = &memory.base};
    const bool rolls_back = bytes != 0 && data[0] == '-';
    uint8_t before[16], after[16];

    if (whole.bytes[0] == NULL) damage_make(&whole);
    if (bytes == 0) return 0;
    sb_counting_allocator_init(&memory, &sb_allocator_libc);
    damage_options(&options);
    options.memory_limit = 32u << 20;
    options.durability = SOMBRA_DURABLE_OFF;
    if (sb_vfs_mem_create(&sb_allocator_libc, &vfs, NULL) != SB_OK) abort();
    base.vfs = vfs;
    damage_write(vfs, DAMAGE_PATH, whole.bytes[0], whole.sizes[0]);
    if (sombra__open(DAMAGE_PATH, &options, &base, &db, &error) != SOMBRA_OK ||
        sombra_connect(db, &conn, &error) != SOMBRA_OK)
        damage_abort("open", error.message);
    if (rolls_back) {
        damage_digest(conn, before);
        if (sombra_begin(conn, SOMBRA_WRITE, &txn) != SOMBRA_OK)
            damage_abort("begin", sombra_error_of(conn)->message);
    }
    sombra_set_time_limit(conn,
                          200); /* of each of 20 statements: well below the fuzzer's own limit */
    size_t at = rolls_back, used = 1;
    for (unsigned statements = 0; statements < 20 && used != 0 && at < bytes;
         statements++, at += used)
        run_statement(conn, (const char *)data + at, bytes - at, &used);
    end_transaction(conn);
    check(conn);
    if (rolls_back && !commits(data, bytes)) {
        damage_digest(conn, after);
        if (memcmp(before, after, 16) != 0) damage_abort("rollback", "something stayed");
    }
    sombra_disconnect(conn);
    if (sombra_close(db, &error) != SOMBRA_OK) damage_abort("close", error.message);
    if (memory.live_blocks != 0) damage_abort("run", "memory leaks");
    sb_vfs_destroy(vfs);
    return 0;
}
