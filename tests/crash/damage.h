/* damage.h — files damaged in every way that a disk, a copy or a hand can: bytes flipped, sectors and pages of zeros, of ones and of other
 * places, files cut off at lengths of every class (beside their own WAL, a stranger's and none), WALs of other databases. Whatever is damaged, each answer
 * is an error or right, and what recover saves is a sound database. Used by test_damage.c (a sample) and damage_files.c (as many as wanted). */
#ifndef TESTS_CRASH_DAMAGE_H
#define TESTS_CRASH_DAMAGE_H

#include "base/random.h"
#include "support/damage.h"

typedef enum damage_kind {
    DAMAGE_BITS,      /* one to eight */
    DAMAGE_BYTES,     /* a run of up to 64 random ones */
    DAMAGE_SECTOR,    /* 512 bytes of zeros, ones or junk */
    DAMAGE_PAGE,      /* a whole page of them */
    DAMAGE_MISPLACED, /* a page written to the place of another */
    DAMAGE_CUT,       /* the file is shorter */
    DAMAGE_STRANGER,  /* a WAL, or a page, of a database made elsewhere in the same way */
    DAMAGE_SEALED, /* bytes with checksums that fit: no disk does that, so an answer may be wrong, but nothing may break */
    DAMAGE_KINDS
} damage_kind;

static const char *const damage_kind_names[] = {"bits",           "bytes", "sector",   "page",
                                                "misplaced page", "cut",   "stranger", "sealed"};

typedef struct damage_tally {
    uint64_t files, refused, told,
        unhurt;     /* opening refused; some answers were errors; all answers right */
    uint64_t wrong; /* must stay 0 */
    uint64_t saved_nodes, saved_of; /* by recover, of what there was */
    char first_wrong[300];
} damage_tally;

typedef struct damage_campaign {
    damage_files whole, stranger;
    uint64_t nodes, rels; /* of the whole, at its last commit */
    uint8_t schema[16];
} damage_campaign;

static inline void damage_begin(damage_campaign *c)
{
    damage_look look;

    damage_make(&c->whole);
    c->stranger = damage_copy(&c->whole);
    /* Another salt, in both files, makes it another database. */
    for (unsigned i = 0; i < 8; i++) {
        c->stranger.bytes[0][56 + i] ^= 0x5A;
        c->stranger.bytes[1][24 + i] ^= 0x5A;
    }
    damage_seal(c->stranger.bytes[0], DAMAGE_PAGE_BYTES);
    damage_seal_wal(c->stranger.bytes[1], c->stranger.sizes[1]);
    damage_look_at(&c->whole, true, true, &look);
    if (look.opened != SOMBRA_OK || look.errors != 0 || look.findings != 0 || !look.digested ||
        memcmp(look.digest, c->whole.digests[DAMAGE_COMMITS], 16) != 0 ||
        look.recovered.nodes != look.nodes || look.recovered.rels != look.rels ||
        look.recovered.messages != 0 || memcmp(look.saved_digest, look.digest, 16) != 0)
        damage_abort("without damage", "the database is not sound");
    memcpy(c->schema, look.saved_schema, sizeof c->schema);
    c->nodes = look.nodes;
    c->rels = look.rels;
    damage_look_at(&c->stranger, false, false, &look);
    if (look.opened != SOMBRA_OK || look.errors != 0)
        damage_abort("without damage", "the stranger is not sound");
}

static inline void damage_end(damage_campaign *c)
{
    damage_free(&c->whole);
    damage_free(&c->stranger);
}

static inline void damage_fill(uint8_t *bytes, size_t size, sb_random *random)
{
    const uint64_t how = sb_random_below(random, 3);

    for (size_t i = 0; i < size; i++)
        bytes[i] = how == 0 ? 0 : how == 1 ? 0xFF : (uint8_t)sb_random_next(random);
}

/* A length of each class: nothing, less than a sector, than a page, whole pages, anything. */
static inline size_t damage_length(size_t size, sb_random *random)
{
    switch (sb_random_below(random, 5)) {
    case 0: return 0;
    case 1: return (size_t)sb_random_below(random, size < 512 ? size : 512);
    case 2: return (size_t)sb_random_below(random, size < 4096 ? size : 4096);
    case 3: return (size_t)sb_random_below(random, size / 4096) * 4096;
    default: return (size_t)sb_random_below(random, size);
    }
}

static inline void damage_do(const damage_campaign *c, damage_files *files, unsigned which,
                             damage_kind kind, sb_random *random)
{
    uint8_t *bytes = files->bytes[which];
    const size_t size = files->sizes[which], pages = size / DAMAGE_PAGE_BYTES;

    switch (kind) {
    case DAMAGE_BITS:
        for (uint64_t left = 1 + sb_random_below(random, 8); left > 0; left--)
            bytes[sb_random_below(random, size)] ^= (uint8_t)(1u << sb_random_below(random, 8));
        break;
    case DAMAGE_BYTES:
    case DAMAGE_SEALED: {
        const size_t at = (size_t)sb_random_below(random, size),
                     most = size - at < 64 ? size - at : 64;
        damage_fill(
            bytes + at,
            1 + (size_t)sb_random_below(random, kind == DAMAGE_SEALED && most > 4 ? 4 : most),
            random);
        if (kind == DAMAGE_SEALED && which == 0) damage_seal(bytes, size);
        if (kind == DAMAGE_SEALED && which == 1) damage_seal_wal(bytes, size);
        break;
    }
    case DAMAGE_SECTOR:
        damage_fill(bytes + 512 * sb_random_below(random, size / 512), 512, random);
        break;
    case DAMAGE_PAGE:
        damage_fill(bytes + DAMAGE_PAGE_BYTES * sb_random_below(random, pages), DAMAGE_PAGE_BYTES,
                    random);
        break;
    case DAMAGE_MISPLACED:
        memcpy(bytes + DAMAGE_PAGE_BYTES * sb_random_below(random, pages),
               bytes + DAMAGE_PAGE_BYTES * sb_random_below(random, pages), DAMAGE_PAGE_BYTES);
        break;
    case DAMAGE_CUT: files->sizes[which] = damage_length(size, random); break;
    case DAMAGE_STRANGER:
        if (which == 1)
            memcpy(bytes, c->stranger.bytes[1], size);
        else
            memcpy(bytes, c->stranger.bytes[0], DAMAGE_PAGE_BYTES);
        break;
    case DAMAGE_KINDS:
    default: break;
    }
}

static inline void damage_tell(damage_tally *tally, uint64_t seed, damage_kind kind, unsigned which,
                               bool has_wal, bool swapped, const char *what)
{
    tally->wrong++;
    (void)snprintf(tally->first_wrong, sizeof tally->first_wrong, "seed %llu: %s in the %s%s: %s",
                   (unsigned long long)seed, damage_kind_names[kind],
                   which == 1 ? "WAL" : "main file",
                   swapped   ? ", a stranger's WAL"
                   : has_wal ? ""
                             : ", no WAL",
                   what);
}

/* Where recovery tells of no loss, nothing is lost; of a damaged WAL what is whole counts. */
static inline bool damage_is_told(const damage_campaign *c, const damage_look *look, unsigned which,
                                  const uint8_t newest[16])
{
    if (look->saved != SOMBRA_OK || look->recovered.messages != 0) return true;
    return memcmp(look->saved_schema, c->schema, sizeof c->schema) == 0 &&
           (which == 1 ? damage_is_a_state(&c->whole, look->saved_digest)
                       : memcmp(look->saved_digest, newest, 16) == 0);
}

/* One damaged database. what: for messages, what was done. */
static inline void damage_try(const damage_campaign *c, uint64_t seed, damage_tally *tally)
{
    sb_random random = {.state = seed};
    const damage_kind kind = (damage_kind)sb_random_below(&random, DAMAGE_KINDS);
    const bool has_wal = sb_random_below(&random, 2) == 0;
    const unsigned which = has_wal && sb_random_below(&random, 2) == 0 ? 1 : 0;
    const uint8_t *newest = c->whole.digests[has_wal ? DAMAGE_COMMITS : 0];
    const bool saves = sb_random_below(&random, 4) == 0;
    damage_files files = damage_copy(&c->whole);
    damage_look look;

    if (!has_wal) files.sizes[1] = 0;
    damage_do(c, &files, which, kind, &random);
    const bool swapped =
        kind == DAMAGE_CUT && which == 0 && has_wal && sb_random_below(&random, 2) == 0;
    if (swapped) memcpy(files.bytes[1], c->stranger.bytes[1], files.sizes[1]);
    damage_look_at(&files, saves, true, &look);
    tally->files++;
    if (look.opened != SOMBRA_OK)
        tally->refused++;
    else if (look.errors != 0)
        tally->told++;
    else
        tally->unhurt++;
    if (kind != DAMAGE_SEALED && look.opened == SOMBRA_OK && look.digested) {
        /* Of a damaged WAL what is whole counts: any commit of it, but nothing else; of a stranger's beside a file that was cut, none. */
        const bool right = which == 1 ? damage_is_a_state(&c->whole, look.digest)
                                      : !swapped && memcmp(look.digest, newest, 16) == 0;
        /* A file of no bytes without a WAL is a database yet to begin (docs/RELIABILITY.md, what is not noticed). */
        const bool empty = files.sizes[0] == 0 && !has_wal;
        if (!right && !empty)
            damage_tell(tally, seed, kind, which, has_wal, swapped, "a state that never was");
    }
    if (saves && kind != DAMAGE_SEALED && !damage_is_told(c, &look, which, newest))
        damage_tell(tally, seed, kind, which, has_wal, swapped, "recover tells of no loss");
    if (saves && which == 0 && kind <= DAMAGE_PAGE) {
        tally->saved_nodes += look.recovered.nodes;
        tally->saved_of += c->nodes;
    }
    damage_free(&files);
}

static inline void damage_print(const damage_tally *tally)
{
    printf("%llu damaged files: %llu refused, %llu with errors told, %llu unhurt, %llu wrong; "
           "recover saved %.1f %% of the nodes\n",
           (unsigned long long)tally->files, (unsigned long long)tally->refused,
           (unsigned long long)tally->told, (unsigned long long)tally->unhurt,
           (unsigned long long)tally->wrong,
           tally->saved_of == 0 ? 0 : 100.0 * (double)tally->saved_nodes / (double)tally->saved_of);
}

#endif
