/* wal.c — the write-ahead log: frames, and appending them (docs/FORMAT.md §5).
 *
 * I1  A frame's chain value covers its header, the chain before it and, by the payload's checksum, its
 *     payload; the chain starts with the header block's. What recovery accepts is therefore exactly
 *     a prefix of what was appended in one generation, torn tails end at the last whole commit.
 * I2  Only the holder of the writer lock writes frames, and only behind `appended`. What a killed or
 *     rolled-back writer left there is overwritten by the next one, which breaks its chain.
 * I3  A commit is one gathered write with the commit frame at its end (several when it is larger than
 *     a batch): a write that failed has not written the commit frame, so nothing is to be undone.
 * Rule 12 (torn writes): a commit may begin in the 4 KiB block in which the last one ended. We assume that
 *     a write leaves the bytes of other sectors alone; in the sector that both share, the earlier bytes
 *     are written again with the same content, so that a sector torn anywhere keeps them. A device
 *     that can turn a whole sector to garbage when power fails in the middle of writing it may
 *     lose the end of the commit before; the power-cut tests measure that (SB_CRASH_GARBAGE). */
#include "pager/pager_priv.h"

static const uint8_t wal_magic[16] = "Sombra WAL\0\0\0\0\0";

#define SB_WAL_FIRST_BYTES  (1u << 20)   /* written when the file is made */
#define SB_WAL_EXTEND_BYTES (2u << 20)   /* at most at once, later */
#define SB_WAL_AHEAD_BYTES  (256u << 10) /* extended when less than this is left */
#define SB_WAL_ZERO_BYTES   (16u << 10)

/* ---- Opening --------------------------------------------------------------------------------- */

/* Constant, so that opening a database makes and touches no memory for them. */
const uint8_t sb_pager__zeros[SB_PAGE_BYTES_MAX] = {0};

/* In small writes: the system keeps what one write brought as one unit of its cache, and walks through all of a unit
 * for each commit in it. Against writes of 1 MiB, 16 KiB saved 5 % of a commit of 33 KiB, 4 KiB cost 5 %. */
static sb_status write_zeros(sb_file *file, uint64_t from, uint64_t to, sb_err *err)
{
    static_assert(SB_WAL_ZERO_BYTES <= SB_PAGE_BYTES_MAX, "zeros at hand");
    while (from < to) {
        const uint64_t bytes = to - from < SB_WAL_ZERO_BYTES ? to - from : SB_WAL_ZERO_BYTES;
        SB_TRY(sb_file_write_all(file, from, sb_pager__zeros, (size_t)bytes, err));
        from += bytes;
    }
    return SB_OK;
}

/* A WAL just made: its name made durable, and written once, before anybody relies on it. The name first: who finds bytes in it, because
 * its maker was killed, takes the name for durable. */
static sb_status prepare_new_wal(sb_pager *pager, sb_file *file, sb_err *err)
{
    const bool syncs = sb_pager__is_settled(pager);
    if (syncs) SB_TRY(pager->vfs->ops->sync_directory(pager->vfs, pager->wal_path, err));
    SB_TRY(write_zeros(file, 0, SB_WAL_FIRST_BYTES, err));
    return syncs ? file->ops->sync(file, err) : SB_OK;
}

/* I32 Who has the shared memory of a name has the WAL of that name: it is opened by the name, made and removed, only while the name of the
 *     shared memory leads to the one that is open. Else all that lies there may be of a database made since. */
static sb_status names_are_ours(sb_pager *pager, sb_err *err)
{
    bool ours = true;
    if (pager->shm_file != NULL)
        SB_TRY(sb_pager__leads_to(pager->vfs, pager->shm_path, pager->shm_file, &ours, err));
    if (ours) return SB_OK;
    return SB_FAIL(err, SB_CORRUPT,
                   "%s was removed or replaced while the database is in use: close it",
                   pager->shm_path);
}

sb_status sb_pager__wal_open(sb_pager *pager, bool create, bool *opened, sb_err *err)
{
    sb_vfs *vfs = pager->vfs;
    sb_file *file = atomic_load_explicit(&pager->wal_file, memory_order_acquire);
    *opened = file != NULL;
    if (file != NULL) return SB_OK;
    bool exists = false;
    SB_TRY(vfs->ops->exists(vfs, pager->wal_path, &exists, err));
    if (!exists && !create) return SB_OK;
    SB_TRY(names_are_ours(pager, err));
    unsigned flags = SB_OPEN_BESIDE | (create ? SB_OPEN_CREATE : 0u);
    if (pager->mode != SB_MODE_SHARED) flags |= SB_OPEN_READ_ONLY;
    SB_TRY(sb_vfs_open(vfs, pager->wal_path, flags, &file, err));
    sb_file_info info;
    sb_status st = file->ops->info(file, &info, err);
    if (st == SB_OK && create && info.bytes == 0) {
        st = prepare_new_wal(pager, file, err);
        info.bytes = SB_WAL_FIRST_BYTES;
    }
    if (st != SB_OK) {
        sb_file_close(file);
        return st;
    }
    if (create) sb_pager__raise(&pager->shm->wal_bytes, info.bytes);
    /* Release: pairs with the acquire above and in map.c. */
    atomic_store_explicit(&pager->wal_file, file, memory_order_release);
    *opened = true;
    return SB_OK;
}

sb_status sb_pager__wal_have(sb_pager *pager, bool create, bool *opened, sb_err *err)
{
    sb_mutex_lock(pager->index_mutex);
    const sb_status st = sb_pager__wal_open(pager, create, opened, err);
    sb_mutex_unlock(pager->index_mutex);
    return st;
}

sb_status sb_pager__wal_need(sb_pager *pager, sb_err *err)
{
    bool opened = false;
    SB_TRY(sb_pager__wal_have(pager, false, &opened, err));
    if (opened) return SB_OK;
    return SB_FAIL(err, SB_CORRUPT, "%s is gone while the database is in use", pager->wal_path);
}

sb_status sb_pager__wal_identity(sb_pager *pager, uint32_t *page_bytes, uint64_t *file_salt,
                                 bool *valid, sb_err *err)
{
    uint8_t block[SB_WAL_USED];
    bool opened = false;
    size_t got = 0;
    *valid = false;
    SB_TRY(sb_pager__wal_open(pager, false, &opened, err));
    if (!opened) return SB_OK;
    sb_file *file = pager->wal_file;
    SB_TRY(file->ops->read(file, 0, block, sizeof block, &got, err));
    if (got < sizeof block || memcmp(block, wal_magic, sizeof wal_magic) != 0 ||
        sb_load_le32(block + SB_WAL_CRC) != sb_crc32c(0, block, SB_WAL_CRC))
        return SB_OK;
    *page_bytes = sb_load_le32(block + SB_WAL_PAGE_BYTES);
    *file_salt = sb_load_le64(block + SB_WAL_FILE_SALT);
    *valid = *page_bytes >= SB_PAGE_BYTES_MIN && *page_bytes <= SB_PAGE_BYTES_MAX &&
             (*page_bytes & (*page_bytes - 1)) == 0;
    return SB_OK;
}

/* ---- Decoding -------------------------------------------------------------------------------- */

sb_status sb_pager__wal_header_decode(const sb_pager *pager, const uint8_t *block,
                                      sb_wal_tail *tail, sb_state_id *base, bool *valid,
                                      sb_err *err)
{
    *valid = false;
    const uint32_t crc = sb_load_le32(block + SB_WAL_CRC);
    if (memcmp(block, wal_magic, sizeof wal_magic) != 0 || crc != sb_crc32c(0, block, SB_WAL_CRC))
        return SB_OK;
    if (sb_load_le32(block + SB_WAL_VERSION) != SB_FORMAT_VERSION ||
        sb_load_le32(block + SB_WAL_READ_BITS) != 0)
        return SB_FAIL(err, SB_VERSION_NEWER, "%s: its format is newer than this library",
                       pager->wal_path);
    if (sb_load_le64(block + SB_WAL_FILE_SALT) != pager->file_salt ||
        sb_load_le32(block + SB_WAL_PAGE_BYTES) != pager->page_bytes)
        return SB_FAIL(
            err, SB_CORRUPT,
            "%s belongs to another database than %s: move it away, or bring that one back",
            pager->wal_path, pager->path);
    tail->generation = sb_load_le32(block + SB_WAL_GENERATION);
    tail->salt = sb_load_le64(block + SB_WAL_SALT);
    tail->pos = SB_WAL_START;
    tail->chain = crc;
    base->seq = sb_load_le64(block + SB_WAL_BASE_SEQ);
    base->crc = sb_load_le32(block + SB_WAL_BASE_CRC);
    *valid = tail->generation >= 1 && tail->generation < 0x7FFFFFFFu;
    return SB_OK;
}

static void encode_header(const sb_pager *pager, const sb_state *base, sb_wal_tail *tail,
                          uint8_t *block)
{
    const sb_state_id id = sb_pager__state_id(base);
    memset(block, 0, SB_WAL_HEADER_BYTES);
    memcpy(block, wal_magic, sizeof wal_magic);
    sb_store_le32(block + SB_WAL_VERSION, SB_FORMAT_VERSION);
    sb_store_le32(block + SB_WAL_PAGE_BYTES, pager->page_bytes);
    sb_store_le64(block + SB_WAL_FILE_SALT, pager->file_salt);
    sb_store_le64(block + SB_WAL_SALT, tail->salt);
    sb_store_le32(block + SB_WAL_GENERATION, tail->generation);
    sb_store_le64(block + SB_WAL_BASE_SEQ, id.seq);
    sb_store_le32(block + SB_WAL_BASE_CRC, id.crc);
    tail->chain = sb_crc32c(0, block, SB_WAL_CRC);
    sb_store_le32(block + SB_WAL_CRC, tail->chain);
}

/* Bytes from a position to the end of its step. */
static uint32_t step_left(uint32_t pos)
{
    return SB_WAL_STEP_BYTES - (uint32_t)((uint64_t)pos * SB_WAL_UNIT % SB_WAL_STEP_BYTES);
}

static bool frame_sound(const sb_pager *pager, const sb_frame *frame, uint32_t pos)
{
    switch (frame->kind) {
    case SB_FRAME_PAGE:
        return frame->payload_bytes == pager->page_bytes && frame->pgno >= 1 &&
               frame->pgno < SB_PGNO_MAX && SB_FRAME_BYTES + frame->payload_bytes <= step_left(pos);
    case SB_FRAME_COMMIT:
        return frame->payload_bytes == SB_COMMIT_PAYLOAD &&
               SB_FRAME_BYTES + frame->payload_bytes <= step_left(pos);
    case SB_FRAME_PAD: return SB_FRAME_BYTES + frame->payload_bytes == step_left(pos);
    default: return false;
    }
}

bool sb_pager__frame_decode(const sb_pager *pager, const uint8_t *block, sb_wal_tail *tail,
                            sb_frame *frame)
{
    frame->kind = sb_load_le32(block + SB_FRAME_KIND);
    frame->pgno = sb_load_le32(block + SB_FRAME_PGNO);
    frame->payload_bytes = sb_load_le32(block + SB_FRAME_PAYLOAD);
    frame->crc = sb_load_le32(block + SB_FRAME_CRC);
    frame->seq = sb_load_le64(block + SB_FRAME_SEQ);
    if (sb_load_le64(block + SB_FRAME_SALT) != tail->salt ||
        sb_load_le32(block + SB_FRAME_GENERATION) != tail->generation ||
        sb_load_le32(block + SB_FRAME_POS) != tail->pos || !frame_sound(pager, frame, tail->pos))
        return false;
    const uint32_t chain = sb_crc32c(tail->chain, block, SB_FRAME_CHAIN);
    if (chain != sb_load_le32(block + SB_FRAME_CHAIN)) return false;
    const uint64_t next =
        (uint64_t)tail->pos + (SB_FRAME_BYTES + frame->payload_bytes) / SB_WAL_UNIT;
    if (next > UINT32_MAX) return false;
    tail->pos = (uint32_t)next;
    tail->chain = chain;
    return true;
}

sb_status sb_pager__commit_decode(const uint8_t *payload, uint32_t crc, sb_state *state,
                                  sb_err *err)
{
    if (sb_crc32c(0, payload, SB_COMMIT_PAYLOAD) != crc)
        return SB_FAIL(err, SB_CORRUPT, "a commit in the WAL has a wrong checksum");
    return sb_pager__state_decode(payload, state, "WAL", err);
}

sb_status sb_pager__commit_read(sb_pager *pager, sb_mark mark, sb_state *state, sb_err *err)
{
    uint8_t block[SB_FRAME_BYTES + SB_COMMIT_PAYLOAD];
    const uint32_t pos = sb_mark_pos(mark);
    if (SB_NEVER(pos < SB_WAL_START + SB_COMMIT_UNITS))
        return SB_FAIL(err, SB_CORRUPT, "no commit before the mark");
    SB_TRY(sb_pager__wal_need(pager, err));
    SB_TRY(sb_file_read_all(pager->wal_file, (uint64_t)(pos - SB_COMMIT_UNITS) * SB_WAL_UNIT, block,
                            sizeof block, err));
    if (sb_load_le32(block + SB_FRAME_KIND) != SB_FRAME_COMMIT ||
        sb_load_le32(block + SB_FRAME_POS) != pos - SB_COMMIT_UNITS ||
        sb_load_le32(block + SB_FRAME_GENERATION) != sb_mark_generation(mark))
        return SB_FAIL(err, SB_CORRUPT, "%s: no commit ends at position %u", pager->wal_path, pos);
    return sb_pager__commit_decode(block + SB_FRAME_BYTES, sb_load_le32(block + SB_FRAME_CRC),
                                   state, err);
}

/* ---- Appending ------------------------------------------------------------------------------- */

/* Has the file frames of an older generation? One just made or truncated has zeros. */
static sb_status has_old_frames(sb_pager *pager, bool *has, sb_err *err)
{
    uint8_t magic[sizeof wal_magic];
    size_t got = 0;
    sb_file *file = pager->wal_file;
    SB_TRY(file->ops->read(file, 0, magic, sizeof magic, &got, err));
    *has = got == sizeof magic && memcmp(magic, wal_magic, sizeof magic) == 0;
    return SB_OK;
}

/* A new generation: its header block goes out with the first frames. */
static sb_status start_generation(sb_txn *txn, sb_err *err)
{
    sb_pager *pager = txn->pager;
    sb_session *session = txn->session;
    char holder[SB_HOLDER_BYTES];
    if (session->wal_header == NULL) {
        session->wal_header = sb_alloc(pager->alloc, SB_WAL_HEADER_BYTES);
        if (session->wal_header == NULL) return SB_FAIL_NOMEM(err);
    }
    SB_TRY(pager->vfs->ops->random(pager->vfs, &txn->tail.salt, sizeof txn->tail.salt, err));
    bool old_frames = false;
    if (!txn->guard_held) SB_TRY(has_old_frames(pager, &old_frames, err));
    if (old_frames) {
        /* A reader without slot may still read them. */
        SB_TRY(sb_pager__guard_take(pager, pager->busy_timeout_ns, &txn->guard_held, err));
        if (!txn->guard_held) {
            sb_pager__holder(pager->main_file, SB_LOCK_GUARD,
                             "a process that `fuser` lists among those that have the file open",
                             holder);
            return SB_FAIL(err, SB_BUSY,
                           "%s: a reader without write permission holds up the WAL, in %s",
                           pager->path, holder);
        }
    }
    encode_header(pager, &txn->base, &txn->tail, session->wal_header);
    txn->header_pending = true;
    return SB_OK;
}

/* Zeros behind the tail, so that commits find space that was written before: a sync of a file that has grown writes what the file
 * system notes of it, too (0.8 against 0.07 ms with other work on the disk). The commit's own sync covers them. Written here, since
 * a thread of its own hardly ever finds the writer lock free while commits follow one another. */
static void extend_ahead(sb_txn *txn)
{
    sb_pager *pager = txn->pager;
    sb_file *file = pager->wal_file;
    const uint64_t bytes = atomic_load(&pager->shm->wal_bytes);
    if (atomic_load_explicit(&pager->durability, memory_order_relaxed) != SB_DURABLE_FULL ||
        bytes >= (uint64_t)txn->tail.pos * SB_WAL_UNIT + SB_WAL_AHEAD_BYTES)
        return;
    /* As much as there is, so that a few extensions lead to the length that checkpoints keep it at. */
    uint64_t more = bytes < SB_WAL_FIRST_BYTES ? SB_WAL_FIRST_BYTES : bytes;
    if (more > SB_WAL_EXTEND_BYTES) more = SB_WAL_EXTEND_BYTES;
    if (write_zeros(file, bytes, bytes + more, NULL) == SB_OK) {
        atomic_store(&pager->shm->wal_bytes, bytes + more);
    } else {
        /* benign: what room there is, is the commit's */
        const sb_status cut = file->ops->truncate(file, bytes, NULL);
        (void)cut;
    }
}

/* The tail to append at; a new generation when readers allow. */
static sb_status prepare_tail(sb_txn *txn, sb_err *err)
{
    sb_pager *pager = txn->pager;
    bool opened = false;
    SB_TRY(sb_pager__begin_unsynced(pager, err));
    SB_TRY(sb_pager__wal_have(pager, true, &opened, err));
    /* Only a writer that reads the main file alone may restart: pointers into the WAL would change under it. */
    if (txn->main_only && sb_mark_pos(atomic_load(&pager->shm->appended)) > SB_WAL_START)
        SB_TRY(sb_pager__restart(pager, true, &txn->guard_held, err));
    sb_mutex_lock(pager->index_mutex);
    const sb_status st =
        sb_pager__index_catch_up_locked(pager, atomic_load(&pager->shm->appended), err);
    txn->tail = pager->index.tail;
    sb_mutex_unlock(pager->index_mutex);
    if (st != SB_OK) return st;
    if (txn->tail.pos == SB_WAL_START) SB_TRY(start_generation(txn, err));
    /* Nobody reads old frames any more, which a WAL that could not be cut off has still. */
    extend_ahead(txn);
    txn->tail_ready = true;
    return SB_OK;
}

static void put_piece(sb_session *session, const void *data, size_t bytes)
{
    SB_ASSERT(session->piece_count < SB_WAL_BATCH);
    session->pieces[session->piece_count++] = (sb_io_piece){.data = data, .bytes = bytes};
}

sb_status sb_pager__append_begin(sb_txn *txn, sb_err *err)
{
    sb_session *session = txn->session;
    if (!txn->tail_ready) {
        const sb_status st = prepare_tail(txn, err);
        if (st != SB_OK) {
            if (txn->guard_held) sb_pager__guard_drop(txn->pager);
            txn->guard_held = false;
            return st;
        }
    }
    session->piece_count = 0;
    session->pad_used = false;
    session->write_offset = (uint64_t)txn->tail.pos * SB_WAL_UNIT;
    if (txn->header_pending) {
        session->write_offset = 0;
        put_piece(session, session->wal_header, SB_WAL_HEADER_BYTES);
    }
    return SB_OK;
}

static sb_status flush_pieces(sb_txn *txn, sb_err *err)
{
    sb_session *session = txn->session;
    sb_pager *pager = txn->pager;
    if (session->piece_count == 0) return SB_OK;
    sb_file *file = pager->wal_file;
    const sb_status st =
        file->ops->write(file, session->write_offset, session->pieces, session->piece_count, err);
    session->piece_count = 0;
    session->pad_used = false;
    if (st == SB_FULL) atomic_store_explicit(&pager->wal_full, true, memory_order_relaxed);
    if (st != SB_OK) return st;
    const uint64_t end = (uint64_t)txn->tail.pos * SB_WAL_UNIT;
    SB_PROFILE_ADD(pager->options.profile, WAL_BYTES, end - session->write_offset);
    session->write_offset = end;
    sb_pager__raise(&pager->shm->wal_bytes, end);
    txn->header_pending = false;
    if (txn->guard_held) sb_pager__guard_drop(pager);
    txn->guard_held = false;
    return SB_OK;
}

static void encode_frame(sb_txn *txn, const sb_frame *frame, uint8_t *out)
{
    sb_wal_tail *tail = &txn->tail;
    memset(out, 0, SB_FRAME_BYTES);
    sb_store_le32(out + SB_FRAME_KIND, frame->kind);
    sb_store_le32(out + SB_FRAME_PGNO, frame->pgno);
    sb_store_le32(out + SB_FRAME_PAYLOAD, frame->payload_bytes);
    sb_store_le32(out + SB_FRAME_CRC, frame->crc);
    sb_store_le64(out + SB_FRAME_SALT, tail->salt);
    sb_store_le32(out + SB_FRAME_GENERATION, tail->generation);
    sb_store_le32(out + SB_FRAME_POS, tail->pos);
    sb_store_le64(out + SB_FRAME_SEQ, frame->seq);
    tail->chain = sb_crc32c(tail->chain, out, SB_FRAME_CHAIN);
    sb_store_le32(out + SB_FRAME_CHAIN, tail->chain);
    tail->pos += (SB_FRAME_BYTES + frame->payload_bytes) / SB_WAL_UNIT;
}

/* Room for a frame with payload at the tail: writes what is gathered when the batch is full, pads to the
 * next step when the frame would cross it. */
static sb_status make_room(sb_txn *txn, uint32_t payload_bytes, sb_err *err)
{
    sb_session *session = txn->session;
    if (txn->tail.pos > UINT32_MAX - 4 * (SB_WAL_STEP_BYTES / SB_WAL_UNIT))
        return SB_FAIL(err, SB_LIMIT, "the write-ahead log is at its limit of 256 GiB");
    const uint32_t left = step_left(txn->tail.pos);
    const bool pad = SB_FRAME_BYTES + payload_bytes > left;
    if (session->piece_count + 4 > SB_WAL_BATCH || (pad && session->pad_used))
        SB_TRY(flush_pieces(txn, err));
    if (!pad) return SB_OK;
    const sb_frame frame = {
        .kind = SB_FRAME_PAD, .payload_bytes = left - SB_FRAME_BYTES, .seq = txn->base.seq + 1};
    encode_frame(txn, &frame, session->pad_frame);
    session->pad_used = true;
    put_piece(session, session->pad_frame, SB_FRAME_BYTES);
    if (frame.payload_bytes != 0) put_piece(session, sb_pager__zeros, frame.payload_bytes);
    return SB_OK;
}

sb_status sb_pager__append_page(sb_txn *txn, sb_pgno pgno, uint8_t *buffer, uint32_t *pos,
                                sb_err *err)
{
    sb_pager *pager = txn->pager;
    SB_TRY(make_room(txn, pager->page_bytes, err));
    const uint32_t crc = sb_pager__page_crc(buffer, pager->page_bytes, pgno);
    sb_store_le32(buffer + SB_PAGE_CRC, crc);
    const sb_frame frame = {.kind = SB_FRAME_PAGE,
                            .pgno = pgno,
                            .payload_bytes = pager->page_bytes,
                            .crc = crc,
                            .seq = txn->base.seq + 1};
    *pos = txn->tail.pos;
    encode_frame(txn, &frame, buffer - SB_FRAME_BYTES);
    put_piece(txn->session, buffer - SB_FRAME_BYTES, SB_FRAME_BYTES + (size_t)pager->page_bytes);
    SB_PROFILE_ADD(pager->options.profile, WAL_FRAMES, 1);
    return SB_OK;
}

sb_status sb_pager__append_commit(sb_txn *txn, const sb_state *state, sb_err *err)
{
    uint8_t *out = txn->session->commit_frame;
    SB_TRY(make_room(txn, SB_COMMIT_PAYLOAD, err));
    memset(out + SB_FRAME_BYTES, 0, SB_COMMIT_PAYLOAD);
    sb_pager__state_encode(state, out + SB_FRAME_BYTES);
    const sb_frame frame = {.kind = SB_FRAME_COMMIT,
                            .payload_bytes = SB_COMMIT_PAYLOAD,
                            .crc = sb_crc32c(0, out + SB_FRAME_BYTES, SB_COMMIT_PAYLOAD),
                            .seq = state->seq};
    encode_frame(txn, &frame, out);
    put_piece(txn->session, out, SB_FRAME_BYTES + SB_COMMIT_PAYLOAD);
    return SB_OK;
}

sb_status sb_pager__append_end(sb_txn *txn, sb_err *err)
{
    return flush_pieces(txn, err);
}
