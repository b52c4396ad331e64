/* base.h — what every layer stands on: status, errors, memory, bytes, codecs, sorting.
 * Hides:    the C library's gaps.
 * Promises: no system call, no global state; the same input gives the same output everywhere.
 * Needs:    libc.
 * Threads:  nothing here is shared; an object belongs to one thread at a time.
 *
 * This front door only gathers the module's parts, each of which compiles alone. */
#ifndef SB_BASE_H
#define SB_BASE_H

#include "base/alloc.h"
#include "base/arena.h"
#include "base/bits.h"
#include "base/buffer.h"
#include "base/bytes.h"
#include "base/compiler.h"
#include "base/crc32c.h"
#include "base/exact_sum.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/profile.h"
#include "base/random.h"
#include "base/range_count.h"
#include "base/sort.h"
#include "base/status.h"
#include "base/utf8.h"
#include "base/varint.h"

/* Of the library: sombra.h's SOMBRA_VERSION, which a static assertion of api/ holds equal in length, and a test in content. */
#define SB_VERSION "0.1.0"

#endif
