/* lineage.c — does this WAL belong to this main file *as it is*, and the main file to its WAL?
 *
 * The salt tells databases apart. Copies of one database that were made at different times have the same salt, and when
 * their files are mixed by hand a WAL would be applied to pages that it does not continue. A state is named by
 * (number of the commit, CRC of its commit payload); the time of the commit is in it, so two histories that parted differ.
 * I33 A WAL continues a main file only if page 0's state is the one that the generation began with (its header block
 *     names it) or that of one of its commits. Page 0 is written by back-fills only, which reach a commit of the
 *     WAL, and a generation begins when page 0 has the last commit and that is synced: whatever a crash leaves fits.
 * I21 Pages that bypass the WAL are in the main file alone. The commit that makes them reachable has a random number
 *     in its state (`bypass`), which is in one of page 0's two bypass stamps by the time its frame is written: an older
 *     copy of the main file, which lacks the pages, lacks the number. A stamp lists the numbers before its own, newest
 *     first, because the end of the WAL may be lost (`normal`) and an older commit be the last one then; at
 *     least the last SB_BYPASS_SYNC of them are listed, and as often the WAL is synced. Two stamps are written in turn, so that
 *     a torn one, or that of a commit that failed, leaves the last commit's.
 *     Before a transaction first writes past the extent, what page 0's state has overtaken goes from the stamps: a WAL
 *     that was moved away, and is brought back, must not find pages there that are no longer its own. The last commit's number stays, since a
 *     back-fill may have written that page 0 and not synced it yet.
 * I22 Before a back-fill writes a page, page 0's back-fill stamp names the commit that it will reach. As long as page 0's
 *     state is older than that, pages may be newer than page 0, and only a WAL with that commit makes a state of them.
 *     The stamp also vouches for page 0 when that was garbled while it was written: for the file being ours, for its salt, and for pages of commits up
 *     to the stamp's having reached it. No sync of its own: a process that ends leaves its writes in order, and when power fails the WAL is there.
 * I29 Page 0 is made again from a WAL only if the stamp has the WAL's salt: writing page 0 touches other sectors than the stamp's, so
 *     a power cut spoils one of the two at most. A file in which nothing is left (no byte but zeros) may begin with a WAL that has every page there ever was:
 *     of the first generation, without a bypass. Whatever else is there might be somebody's only copy, which a back-fill would overwrite.
 * Stamps lie in sectors of their own outside of page 0's checksum, so that writing one, by whoever has the
 * writer's or the checkpoint's lock, does not meet the writing of the header. */
#include "pager/pager_priv.h"

#define STAMP_CRC 0u /* u32: CRC-32C of the rest of the sector */

#define BYPASS_COUNT 4u  /* u32: numbers listed */
#define BYPASS_TOTAL 8u  /* u64: stamps so far, for the WAL's sync */
#define BYPASS_LIST  16u /* u32 each, newest first */
#define BYPASS_MAX   120u

#define BACKFILL_CRC      4u  /* u32 */
#define BACKFILL_SEQ      8u  /* u64 */
#define BACKFILL_SALT     16u /* u64: of the file; 0 in files made before 2026-11-28 */
#define BACKFILL_UNSYNCED 24u /* u32: SB_UNSYNCED_STAMPED bits (settle.c I31) */

static_assert(BYPASS_LIST + 4 * BYPASS_MAX <= SB_STAMP_BYTES, "the list fits its sector");

#define SB_BYPASS_SYNC 64u
static_assert(SB_BYPASS_SYNC < BYPASS_MAX, "what is not synced is listed");

sb_state_id sb_pager__state_id(const sb_state *state)
{
    uint8_t payload[SB_COMMIT_PAYLOAD] = {0};
    sb_pager__state_encode(state, payload);
    return (sb_state_id){.seq = state->seq, .crc = sb_crc32c(0, payload, sizeof payload)};
}

static bool same_state(sb_state_id a, sb_state_id b)
{
    return a.seq == b.seq && a.crc == b.crc;
}

/* ---- Stamps ---------------------------------------------------------------------------------- */

static uint32_t stamp_crc(const uint8_t *stamp)
{
    return sb_crc32c(0, stamp + STAMP_CRC + 4, SB_STAMP_BYTES - STAMP_CRC - 4);
}

static bool stamp_whole(const uint8_t *stamp)
{
    return sb_load_le32(stamp + STAMP_CRC) == stamp_crc(stamp);
}

/* All stamps as they are in the file; those that are not whole become zeros. *damaged: a bit for each of these that was no
 * stamp yet to be written either. */
static sb_status look_at_stamps(sb_pager *pager, uint8_t *stamps, unsigned *damaged, sb_err *err)
{
    static const uint8_t none[SB_STAMP_BYTES];
    sb_file *file = pager->main_file;
    size_t got = 0;
    *damaged = 0;
    memset(stamps, 0, SB_STAMPS_BYTES);
    SB_TRY(file->ops->read(file, SB_HEADER_STAMPS, stamps, SB_STAMPS_BYTES, &got, err));
    for (size_t i = 0; i < SB_STAMPS; i++) {
        uint8_t *stamp = stamps + i * SB_STAMP_BYTES;
        const bool whole =
            got >= (i + 1) * SB_STAMP_BYTES && stamp_whole(stamp) &&
            (i == SB_STAMP_BACKFILL || sb_load_le32(stamp + BYPASS_COUNT) <= BYPASS_MAX);
        if (whole) continue;
        if (memcmp(stamp, none, sizeof none) != 0) *damaged |= 1u << i;
        memset(stamp, 0, SB_STAMP_BYTES);
    }
    return SB_OK;
}

static sb_status read_stamps(sb_pager *pager, uint8_t *stamps, sb_err *err)
{
    unsigned damaged = 0;
    return look_at_stamps(pager, stamps, &damaged, err);
}

sb_status sb_pager__stamps_check(sb_pager *pager, unsigned *damaged, sb_err *err)
{
    uint8_t stamps[SB_STAMPS_BYTES];
    SB_TRY(look_at_stamps(pager, stamps, damaged, err));
    if (*damaged == 0) return SB_OK;
    /* A writer may have been at it. */
    const unsigned first = *damaged;
    pager->vfs->ops->sleep_ns(pager->vfs, 1000000);
    SB_TRY(look_at_stamps(pager, stamps, damaged, err));
    *damaged &= first;
    return SB_OK;
}

static sb_status write_stamp(sb_file *file, size_t index, uint8_t *stamp, sb_err *err)
{
    sb_store_le32(stamp + STAMP_CRC, stamp_crc(stamp));
    return sb_file_write_all(file, SB_HEADER_STAMPS + index * SB_STAMP_BYTES, stamp, SB_STAMP_BYTES,
                             err);
}

/* The back-fill stamp of a file with this salt, into which nothing was back-filled yet. */
static void empty_backfill(uint8_t *stamp, uint64_t salt)
{
    sb_store_le64(stamp + BACKFILL_SALT, salt);
    sb_store_le32(stamp + STAMP_CRC, stamp_crc(stamp));
}

void sb_pager__stamp_new(uint8_t *page, uint64_t salt)
{
    empty_backfill(page + SB_HEADER_STAMPS + SB_STAMP_BACKFILL * SB_STAMP_BYTES, salt);
}

/* Synced: what is back-filled next must not be alone in a file that does not say whose it is. */
static sb_status mend_length(sb_pager *pager, const uint8_t *backfill, sb_err *err)
{
    uint8_t stamp[SB_STAMP_BYTES] = {0};
    sb_file *file = pager->main_file;
    sb_file_info info;
    SB_TRY(file->ops->info(file, &info, err));
    if (info.bytes >= pager->page_bytes) return SB_OK;
    SB_TRY(file->ops->truncate(file, pager->page_bytes, err));
    if (stamp_whole(backfill)) return SB_OK;
    empty_backfill(stamp, pager->file_salt);
    SB_TRY(write_stamp(file, SB_STAMP_BACKFILL, stamp, err));
    const bool off =
        atomic_load_explicit(&pager->durability, memory_order_relaxed) == SB_DURABLE_OFF;
    return off ? SB_OK : file->ops->sync(file, err);
}

sb_status sb_pager__stamps_mend(sb_pager *pager, sb_err *err)
{
    uint8_t stamps[SB_STAMPS_BYTES];
    unsigned damaged = 0;
    SB_TRY(look_at_stamps(pager, stamps, &damaged, err));
    SB_TRY(mend_length(pager, stamps + SB_STAMP_BACKFILL * SB_STAMP_BYTES, err));
    for (size_t i = 0; i < SB_STAMPS; i++) {
        if ((damaged >> i & 1) == 0) continue;
        sb_pager_log(pager, SB_LOG_WARNING, "%s: stamp %zu of page 0 was damaged, and is cleared",
                     pager->path, i);
        uint8_t *stamp = stamps + i * SB_STAMP_BYTES; /* zeros, by now */
        if (i == SB_STAMP_BACKFILL) empty_backfill(stamp, pager->file_salt);
        SB_TRY(sb_file_write_all(pager->main_file, SB_HEADER_STAMPS + i * SB_STAMP_BYTES, stamp,
                                 SB_STAMP_BYTES, err));
    }
    return SB_OK;
}

/* A back-fill stamp is as good as the magic: it tells a database whose header was being written when power failed, and whose first
 * sector the disk made garbage of, from a file of another format. */
sb_status sb_pager__is_stamped(sb_file *file, bool *stamped, sb_err *err)
{
    uint8_t stamp[SB_STAMP_BYTES];
    size_t got = 0;
    *stamped = false;
    SB_TRY(file->ops->read(file, SB_HEADER_STAMPS + SB_STAMP_BACKFILL * SB_STAMP_BYTES, stamp,
                           sizeof stamp, &got, err));
    *stamped = got == sizeof stamp && stamp_whole(stamp);
    return SB_OK;
}

/* Where a number stands in a stamp's list; its length when it does not. */
static uint32_t find_bypass(const uint8_t *stamp, uint32_t bypass)
{
    const uint32_t count = sb_load_le32(stamp + BYPASS_COUNT);
    uint32_t i = 0;
    while (i < count && sb_load_le32(stamp + BYPASS_LIST + 4 * (size_t)i) != bypass)
        i++;
    return i;
}

/* The list of the new stamp: its number, then the last commit's and those before it. */
static void fill_bypass(uint8_t *stamp, const uint8_t *kept, uint32_t from, uint32_t bypass)
{
    const uint32_t known = sb_load_le32(kept + BYPASS_COUNT) - from;
    const uint32_t count = known < BYPASS_MAX - 1 ? known : BYPASS_MAX - 1;
    memset(stamp, 0, SB_STAMP_BYTES);
    sb_store_le32(stamp + BYPASS_COUNT, count + 1);
    sb_store_le64(stamp + BYPASS_TOTAL, sb_load_le64(kept + BYPASS_TOTAL) + 1);
    sb_store_le32(stamp + BYPASS_LIST, bypass);
    memcpy(stamp + BYPASS_LIST + 4, kept + BYPASS_LIST + 4 * (size_t)from, 4 * (size_t)count);
}

/* A stamp that lists the last commit's number alone, of which there is one already: kept. */
static void fill_last(uint8_t *stamp, const uint8_t *kept, uint32_t bypass)
{
    memset(stamp, 0, SB_STAMP_BYTES);
    sb_store_le32(stamp + BYPASS_COUNT, 1);
    sb_store_le64(stamp + BYPASS_TOTAL, sb_load_le64(kept + BYPASS_TOTAL));
    sb_store_le32(stamp + BYPASS_LIST, bypass);
    sb_store_le32(stamp + STAMP_CRC, stamp_crc(stamp));
}

/* Which of the two has the number nearest to its head; false: none has. */
static bool find_stamp(const uint8_t *stamps, uint32_t bypass, size_t *index)
{
    uint32_t nearest = UINT32_MAX;
    for (size_t i = 0; i < SB_STAMP_BACKFILL; i++) {
        const uint8_t *stamp = stamps + i * SB_STAMP_BYTES;
        const uint32_t at = find_bypass(stamp, bypass);
        if (at >= sb_load_le32(stamp + BYPASS_COUNT) || at >= nearest) continue;
        nearest = at;
        *index = i;
    }
    return nearest != UINT32_MAX;
}

sb_status sb_pager__stamps_begin(sb_txn *txn, sb_err *err)
{
    sb_pager *pager = txn->pager;
    sb_file *file = pager->main_file;
    const uint32_t last = txn->base.bypass;
    uint8_t stamps[SB_STAMPS_BYTES], bypass[4], wanted[SB_STAMP_BACKFILL * SB_STAMP_BYTES] = {0};
    size_t kept = 0;
    SB_TRY(sb_file_read_all(file, SB_HEADER_STATE + SB_STATE_BYPASS, bypass, sizeof bypass, err));
    if (sb_load_le32(bypass) != last) return SB_OK; /* stamps of commits of this WAL */
    SB_TRY(read_stamps(pager, stamps, err));
    if (last != 0 && find_stamp(stamps, last, &kept))
        fill_last(wanted + kept * SB_STAMP_BYTES, stamps + kept * SB_STAMP_BYTES, last);
    /* That one last: whichever of the two reaches the disk, one has the number. */
    for (size_t i = 1; i <= SB_STAMP_BACKFILL; i++) {
        const size_t at = (kept + i) % SB_STAMP_BACKFILL * SB_STAMP_BYTES;
        if (memcmp(stamps + at, wanted + at, SB_STAMP_BYTES) == 0) continue;
        SB_TRY(sb_file_write_all(file, SB_HEADER_STAMPS + at, wanted + at, SB_STAMP_BYTES, err));
    }
    return SB_OK;
}

sb_status sb_pager__stamp_bypass(sb_txn *txn, sb_err *err)
{
    sb_pager *pager = txn->pager;
    uint8_t stamps[SB_STAMPS_BYTES], fresh[SB_STAMP_BYTES];
    uint32_t bypass = 0;
    size_t found = 0;
    while (bypass == 0) /* 0: no page has ever bypassed the WAL */
        SB_TRY(pager->vfs->ops->random(pager->vfs, &bypass, sizeof bypass, err));
    SB_TRY(read_stamps(pager, stamps, err));
    /* The stamp with the last commit's number nearest to its head stays. */
    const size_t kept = find_stamp(stamps, txn->base.bypass, &found) ? found : 1;
    const uint8_t *from = stamps + kept * SB_STAMP_BYTES;
    fill_bypass(fresh, from, find_bypass(from, txn->base.bypass), bypass);
    if (sb_load_le64(fresh + BYPASS_TOTAL) % SB_BYPASS_SYNC == 0 && sb_pager__is_settled(pager))
        SB_TRY(sb_pager__sync_to(pager, atomic_load(&pager->shm->appended), err));
    SB_TRY(write_stamp(pager->main_file, 1 - kept, fresh, err));
    txn->now.bypass = bypass;
    return SB_OK;
}

sb_status sb_pager__stamp_backfill(sb_pager *pager, const sb_state *target, uint32_t unsynced,
                                   sb_err *err)
{
    uint8_t stamp[SB_STAMP_BYTES] = {0};
    const sb_state_id id = sb_pager__state_id(target);
    sb_store_le64(stamp + BACKFILL_SEQ, id.seq);
    sb_store_le32(stamp + BACKFILL_CRC, id.crc);
    sb_store_le64(stamp + BACKFILL_SALT, pager->file_salt);
    sb_store_le32(stamp + BACKFILL_UNSYNCED, unsynced);
    return write_stamp(pager->main_file, SB_STAMP_BACKFILL, stamp, err);
}

/* Zeros when it is not whole. */
static sb_status read_backfill(sb_file *file, uint8_t *stamp, sb_err *err)
{
    size_t got = 0;
    memset(stamp, 0, SB_STAMP_BYTES);
    SB_TRY(file->ops->read(file, SB_HEADER_STAMPS + SB_STAMP_BACKFILL * SB_STAMP_BYTES, stamp,
                           SB_STAMP_BYTES, &got, err));
    if (got < SB_STAMP_BYTES || !stamp_whole(stamp)) memset(stamp, 0, SB_STAMP_BYTES);
    return SB_OK;
}

sb_status sb_pager__stamped_unsynced(sb_pager *pager, uint32_t *unsynced, sb_err *err)
{
    uint8_t stamp[SB_STAMP_BYTES];
    SB_TRY(read_backfill(pager->main_file, stamp, err));
    *unsynced = sb_load_le32(stamp + BACKFILL_UNSYNCED) & SB_UNSYNCED_STAMPED;
    return SB_OK;
}

sb_status sb_pager__stamp_unsynced(sb_pager *pager, sb_file *file, uint32_t unsynced, sb_err *err)
{
    uint8_t stamp[SB_STAMP_BYTES];
    SB_TRY(read_backfill(file, stamp, err));
    sb_store_le64(stamp + BACKFILL_SALT, pager->file_salt);
    sb_store_le32(stamp + BACKFILL_UNSYNCED, unsynced);
    return write_stamp(file, SB_STAMP_BACKFILL, stamp, err);
}

/* ---- Judging --------------------------------------------------------------------------------- */

sb_status sb_pager__lineage_begin(sb_pager *pager, const sb_header *header, bool header_ok,
                                  sb_lineage *lineage, sb_err *err)
{
    memset(lineage, 0, sizeof *lineage);
    SB_TRY(read_stamps(pager, lineage->stamps, err));
    const uint8_t *stamp = lineage->stamps + SB_STAMP_BACKFILL * SB_STAMP_BYTES;
    lineage->main_known = header_ok;
    lineage->main_blank = header->blank;
    if (header_ok) {
        lineage->main = sb_pager__state_id(&header->state);
        lineage->main_bypass = header->state.bypass;
    }
    lineage->target.seq = sb_load_le64(stamp + BACKFILL_SEQ);
    lineage->target.crc = sb_load_le32(stamp + BACKFILL_CRC);
    if (header_ok && lineage->target.seq <= header->state.seq)
        lineage->target.seq = 0; /* that back-fill came to its end */
    return SB_OK;
}

void sb_pager__lineage_note(sb_lineage *lineage, sb_state_id id, uint32_t bypass)
{
    lineage->main_seen |= same_state(id, lineage->main);
    if (!same_state(id, lineage->target)) return;
    lineage->target_seen = true;
    lineage->target_bypass = bypass;
}

static bool has_bypass(const sb_lineage *lineage, uint32_t bypass)
{
    if (bypass == 0 || (lineage->main_known && bypass == lineage->main_bypass)) return true;
    /* The file was there when a back-fill to that commit began, so when its pages were written, too. */
    if (lineage->target_seen && bypass == lineage->target_bypass) return true;
    for (size_t i = 0; i < SB_STAMP_BACKFILL; i++) {
        const uint8_t *stamp = lineage->stamps + i * SB_STAMP_BYTES;
        if (find_bypass(stamp, bypass) < sb_load_le32(stamp + BYPASS_COUNT)) return true;
    }
    return false;
}

/* Why the WAL's commits may not be taken for this main file; SB_OK when they may. A reader without a slot reads both while a writer goes
 * on: between the stamps and the WAL a commit may have come, whose stamp was there before its frame. So a number that is missing is looked
 * for once more, in the stamps as they are now. */
static sb_status check_commits(sb_pager *pager, sb_lineage *lineage, const sb_state *last,
                               sb_err *err)
{
    if (lineage->main_known && !lineage->main_seen)
        return SB_FAIL(err, SB_CORRUPT,
                       "%s holds commits up to %llu of another state of the database than %s, "
                       "which is at commit "
                       "%llu: bring back the two files of one time, or move the WAL away",
                       pager->wal_path, (unsigned long long)last->seq, pager->path,
                       (unsigned long long)lineage->main.seq);
    if (has_bypass(lineage, last->bypass)) return SB_OK;
    SB_TRY(read_stamps(pager, lineage->stamps, err));
    if (!has_bypass(lineage, last->bypass))
        return SB_FAIL(err, SB_CORRUPT,
                       "%s is older than %s: pages of commit %llu were written to the file of that "
                       "time alone: bring "
                       "back the two files of one time, or move the WAL away",
                       pager->path, pager->wal_path, (unsigned long long)last->seq);
    return SB_OK;
}

/* Why page 0 may not be made again from the WAL; SB_OK when it may, or need not (I29). A stamp without a salt is one of a file made before
 * they had it: then the commit that it names, which check_target looks for, tells. */
static sb_status check_proof(const sb_pager *pager, const sb_lineage *lineage, const sb_state *last,
                             sb_err *err)
{
    const uint8_t *stamp = lineage->stamps + SB_STAMP_BACKFILL * SB_STAMP_BYTES;
    const uint64_t salt = sb_load_le64(stamp + BACKFILL_SALT);
    if (lineage->main_known) return SB_OK;
    if (stamp_whole(stamp) && (salt == pager->file_salt || (salt == 0 && lineage->target.seq != 0)))
        return SB_OK;
    if (lineage->main_blank && lineage->base_seq == 0 && last->bypass == 0) return SB_OK;
    return SB_FAIL(
        err, SB_CORRUPT,
        "page 0 of %s is lost, and nothing in the file tells that %s belongs to it: bring "
        "back the two files of one time, or save what can be read with `sombra recover`",
        pager->path, pager->wal_path);
}

static sb_status check_target(const sb_pager *pager, const sb_lineage *lineage, bool found,
                              sb_err *err)
{
    if (lineage->target.seq == 0 || (found && lineage->target_seen)) return SB_OK;
    return SB_FAIL(err, SB_CORRUPT,
                   "%s was being brought to commit %llu when its process ended, and %s does not "
                   "hold that commit: "
                   "bring that file back, or save what can be read with `sombra recover`",
                   pager->path, (unsigned long long)lineage->target.seq, pager->wal_path);
}

static sb_status judge(sb_pager *pager, sb_lineage *lineage, const sb_state *last, bool *found,
                       sb_err *err)
{
    /* Frames older than page 0 are leftovers of an ended generation (I19). */
    if (*found && lineage->main_known && last->seq < lineage->main.seq) *found = false;
    if (*found) SB_TRY(check_proof(pager, lineage, last, err));
    if (*found) SB_TRY(check_commits(pager, lineage, last, err));
    return check_target(pager, lineage, *found, err);
}

sb_status sb_pager__lineage_judge(sb_pager *pager, sb_lineage *lineage, const sb_state *last,
                                  bool *found, sb_err *err)
{
    if (!pager->options.forgive) return judge(pager, lineage, last, found, err);
    if (judge(pager, lineage, last, found, NULL) == SB_OK) return SB_OK;
    /* The main file alone is what there is to save; a WAL only when there is no page 0, and no page that the WAL does not know of. */
    if (*found && !lineage->main_known) {
        sb_file *file = pager->main_file;
        sb_file_info info;
        SB_TRY(file->ops->info(file, &info, err));
        pager->wal_unproven = info.bytes <= (uint64_t)last->extent * pager->page_bytes;
    }
    *found = pager->wal_unproven;
    pager->wal_left_out = !pager->wal_unproven;
    return SB_OK;
}
