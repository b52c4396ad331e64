/* compiler.h — the compiler's extensions, each behind a macro of ours.
 * Hides:    gcc and clang attributes and builtins; beside it only base/ (bits, byte order, checksums, unpacking) and the pause of
 *           os/os_thread.c name them, and the build checks that (tools/layers.py).
 * Needs:    gcc 10 or clang 11, on little- or big-endian 64-bit machines. */
#ifndef SB_COMPILER_H
#define SB_COMPILER_H

#define SB_MUST_CHECK   __attribute__((warn_unused_result))
#define SB_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define SB_NORETURN     __attribute__((noreturn))
#define SB_INLINE       static inline __attribute__((always_inline))
#define SB_NOINLINE     __attribute__((noinline))
#define SB_COLD         __attribute__((cold, noinline))
#define SB_LIKELY(x)    __builtin_expect(!!(x), 1)
#define SB_UNLIKELY(x)  __builtin_expect(!!(x), 0)
#define SB_PREFETCH(p)  __builtin_prefetch((p), 0, 3)
#define SB_UNUSED       __attribute__((unused))
#define SB_MAY_ALIAS    __attribute__((may_alias))
#define SB_ALIGNED(n)   __attribute__((aligned(n)))
#define SB_THREAD_LOCAL _Thread_local
/* *out is the sum, difference or product of two integers of any types, wrapped; true when it does not fit. */
#define SB_ADD_OVERFLOWS(a, b, out)   __builtin_add_overflow((a), (b), (out))
#define SB_SUB_OVERFLOWS(a, b, out)   __builtin_sub_overflow((a), (b), (out))
#define SB_MUL_OVERFLOWS(a, b, out)   __builtin_mul_overflow((a), (b), (out))
#define SB_CONTAINER(p, type, member) ((type *)(void *)((char *)(p)-offsetof(type, member)))

/* Twice the widest standard integer, for products. */
__extension__ typedef unsigned __int128 sb_u128;
__extension__ typedef __int128 sb_i128;

/* 1: a sanitizer looks at each block that malloc gave, so all blocks must be malloc's. */
#if defined(__SANITIZE_ADDRESS__)
#define SB_SANITIZED_MEMORY 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define SB_SANITIZED_MEMORY 1
#endif
#endif
#ifndef SB_SANITIZED_MEMORY
#define SB_SANITIZED_MEMORY 0
#endif

/* Clang's thread-safety analysis; nothing elsewhere. */
#if defined(__clang__)
#define SB_GUARDED_BY(m) __attribute__((guarded_by(m)))
#define SB_REQUIRES(m)   __attribute__((exclusive_locks_required(m)))
#else
#define SB_GUARDED_BY(m)
#define SB_REQUIRES(m)
#endif

#endif
