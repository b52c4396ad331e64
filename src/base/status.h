/* status.h — status codes, error texts, and the checks that return them.
 * Promises: recording an error allocates nothing. */
#ifndef SB_STATUS_H
#define SB_STATUS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

typedef enum sb_status {
#define SB_STATUS(name, value, class, text) SB_##name = (value),
#include "base/status.def"
#undef SB_STATUS
} sb_status;

#define SB_ERR_TEXT_BYTES 512u

/* What went wrong. Lives on the handle of whoever called (connection, transaction); the place that
 * detects the fault fills it, callers pass it up. The first failure wins: sb_err_set on an err that
 * already holds a failure is ignored, so clean-up can not overwrite the cause. */
typedef struct sb_err {
    sb_status code;
    uint32_t source_line;    /* line of the detecting file, for bug reports */
    const char *source_file; /* static */
    uint64_t pgno;           /* page concerned, or UINT64_MAX */
    int os_error;            /* errno value, or 0 */
    uint32_t line, column;   /* position in a query or input file, from 1; 0: none */
    uint32_t detail;         /* of a query's error: its number in cypher/lex/error.def; 0: none */
    bool runtime;            /* of a query's error: found while running, not while compiling */
    char text[SB_ERR_TEXT_BYTES]; /* NUL-terminated UTF-8, cut on a character border */
} sb_err;

#define SB_NO_PGNO UINT64_MAX

/* Make err empty. */
void sb_err_clear(sb_err *err);

/* Record a failure and return code. err may be NULL (then only code is returned). Text is
 * formatted into err->text; it names the object and says what to do. */
sb_status sb_err_set_at(sb_err *err, const char *file, uint32_t line, sb_status code, uint64_t pgno,
                        int os_error, const char *format, ...) SB_PRINTF(7, 8) SB_COLD;

/* Add "prefix: " text in front of a recorded failure; nothing if there is none. */
void sb_err_prefix(sb_err *err, const char *format, ...) SB_PRINTF(2, 3);

/* The code of a failure that was just recorded. It is code itself and not what sb_err_set_at returned,
 * so that compilers and analyzers see a constant and know that callers go no further. */
SB_INLINE sb_status sb_err_recorded(sb_status returned, sb_status code)
{
    (void)returned;
    return code;
}

/* The same for functions that record and return one of several codes. They are wrapped in a macro of their own name:
 *   #define sb_x_fail(...) sb_err_failed(sb_x_fail(__VA_ARGS__))   and defined as   sb_status(sb_x_fail)(…) */
#ifdef __clang_analyzer__ /* it looks into calls only so deep; this it sees everywhere */
#define sb_err_failed(status) sb_err_recorded((status), SB_MISUSE)
#else
SB_INLINE sb_status sb_err_failed(sb_status status)
{
    return status != SB_OK ? status : SB_MISUSE;
}
#endif

/* Each evaluates code twice. */
#define SB_FAIL(err, code, ...) SB_FAIL_FULLY((err), (code), SB_NO_PGNO, 0, __VA_ARGS__)
#define SB_FAIL_OS(err, code, errno_value, ...)                                                    \
    SB_FAIL_FULLY((err), (code), SB_NO_PGNO, (errno_value), __VA_ARGS__)
#define SB_FAIL_PAGE(err, pgno, ...) SB_FAIL_FULLY((err), SB_CORRUPT, (pgno), 0, __VA_ARGS__)
#define SB_FAIL_FULLY(err, code, pgno, os_error, ...)                                              \
    sb_err_recorded(sb_err_set_at(err, __FILE__, __LINE__, code, pgno, os_error, __VA_ARGS__), code)
/* Out of memory: recorded without formatting anything that could need memory. */
#define SB_FAIL_NOMEM(err) SB_FAIL((err), SB_NOMEM, "out of memory")

/* Static text of a code: "out of memory". Never NULL. */
const char *sb_status_text(sb_status status);
/* Static name of a code: "SOMBRA_NOMEM". Never NULL. */
const char *sb_status_name(sb_status status);
/* Exit code of the command for a status: the class column of status.def. */
int sb_status_exit_code(sb_status status);

/* Return on failure; only where nothing is owned. */
#define SB_TRY(expr)                                                                               \
    do {                                                                                           \
        const sb_status sb_try_status = (expr);                                                    \
        if (SB_UNLIKELY(sb_try_status != SB_OK)) return sb_try_status;                             \
    } while (0)

/* Anything read from a file: not so → SB_CORRUPT naming the page and the broken rule. */
#define SB_CHECK_PAGE(err, pgno, x)                                                                \
    do {                                                                                           \
        if (SB_UNLIKELY(!(x)))                                                                     \
            return SB_FAIL_PAGE((err), (pgno), "page %llu: %s does not hold",                      \
                                (unsigned long long)(pgno), #x);                                   \
    } while (0)

/* Anything from a caller of the public interface: not so → SB_MISUSE. */
#define SB_CHECK_ARG(err, x)                                                                       \
    do {                                                                                           \
        if (SB_UNLIKELY(!(x)))                                                                     \
            return SB_FAIL((err), SB_MISUSE, "%s: %s does not hold", __func__, #x);                \
    } while (0)

/* Our own bugs. Gone in release. */
#ifdef NDEBUG
#define SB_ASSERT(x) ((void)sizeof(!(x)))
#else
SB_NORETURN void sb_assert_failed(const char *file, uint32_t line, const char *text);
#define SB_ASSERT(x) ((x) ? (void)0 : sb_assert_failed(__FILE__, __LINE__, #x))
#endif
/* A defensive branch believed dead: evaluates in release, asserts in debug, not counted in coverage. */
#ifdef NDEBUG
#define SB_NEVER(x) SB_UNLIKELY(x)
#else
#define SB_NEVER(x) ((x) ? (sb_assert_failed(__FILE__, __LINE__, "never: " #x), 1) : 0)
#endif

#endif
