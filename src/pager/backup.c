/* backup.c — copying a snapshot to a new file, and taking over another database's content. */
#include "pager/pager_priv.h"

#define SB_COPY_BYTES (256u * 1024u)

typedef struct free_bits {
    uint8_t *map;
} free_bits;

static sb_status note_free(void *ctx, sb_pgno pgno, bool trunk, sb_err *err)
{
    free_bits *bits = ctx;
    (void)err;
    if (!trunk) sb_bit_set(bits->map, pgno);
    return SB_OK;
}

sb_status sb_pager__free_map(sb_txn *txn, uint8_t **map, size_t *bytes, sb_err *err)
{
    const sb_allocator *alloc = txn->pager->alloc;
    *bytes = (txn->now.page_count + (size_t)7) / 8;
    *map = sb_alloc_zero(alloc, *bytes);
    if (*map == NULL) return SB_FAIL_NOMEM(err);
    free_bits bits = {.map = *map};
    const sb_status st = sb_pager__free_walk(txn, note_free, &bits, err);
    if (st != SB_OK) {
        sb_free(alloc, *map, *bytes);
        *map = NULL;
    }
    return st;
}

/* What is copied, and who is told. */
typedef struct page_source {
    sb_txn *txn;
    uint8_t *free_map; /* owned */
    size_t free_map_bytes;
    uint8_t *buffer; /* owned, SB_COPY_BYTES */
    sb_progress progress;
    void *progress_ctx;
} page_source;

static sb_status open_source(page_source *source, sb_err *err)
{
    source->buffer = sb_alloc(source->txn->pager->alloc, SB_COPY_BYTES);
    if (source->buffer == NULL) return SB_FAIL_NOMEM(err);
    return sb_pager__free_map(source->txn, &source->free_map, &source->free_map_bytes, err);
}

static void close_source(page_source *source)
{
    const sb_allocator *alloc = source->txn->pager->alloc;
    sb_free(alloc, source->free_map, source->free_map_bytes);
    sb_free(alloc, source->buffer, SB_COPY_BYTES);
}

/* As many pages from first on as the buffer takes, checksums filled in; free ones as zeros. */
static sb_status read_pages(page_source *source, sb_pgno first, uint32_t *count, sb_err *err)
{
    sb_txn *txn = source->txn;
    const uint32_t page_bytes = txn->pager->page_bytes;
    const uint32_t left = txn->now.page_count - first;
    *count = left < SB_COPY_BYTES / page_bytes ? left : SB_COPY_BYTES / page_bytes;
    for (uint32_t i = 0; i < *count; i++) {
        uint8_t *out = source->buffer + (size_t)i * page_bytes;
        sb_page page;
        if (sb_bit_get(source->free_map, first + i)) {
            memset(out, 0, page_bytes);
            continue;
        }
        SB_TRY(sb_page_acquire(txn, first + i, &page, err));
        memcpy(out, page.bytes, page_bytes);
        sb_page_release(txn, &page);
        sb_store_le32(out + SB_PAGE_CRC, sb_pager__page_crc(out, page_bytes, first + i));
    }
    if (source->progress != NULL &&
        !source->progress(source->progress_ctx, first + *count, txn->now.page_count))
        return SB_FAIL(err, SB_INTERRUPT, "cancelled");
    return SB_OK;
}

/* ---- Backup ---------------------------------------------------------------------------------- */

static sb_status copy_to_file(page_source *source, sb_file *file, sb_err *err)
{
    sb_txn *txn = source->txn;
    sb_pager *pager = txn->pager;
    uint64_t salt = 0;
    for (sb_pgno pgno = 1; pgno < txn->now.page_count;) {
        uint32_t count = 0;
        SB_TRY(read_pages(source, pgno, &count, err));
        SB_TRY(sb_file_write_all(file, (uint64_t)pgno << pager->page_shift, source->buffer,
                                 (size_t)count << pager->page_shift, err));
        pgno += count;
    }
    /* A salt of its own keeps the WAL of the original from being taken for the copy's. */
    SB_TRY(pager->vfs->ops->random(pager->vfs, &salt, sizeof salt, err));
    sb_state state = txn->now;
    state.extent = state.page_count;
    state.bypass = 0;
    sb_pager__header_encode(pager, salt, &state, source->buffer);
    SB_TRY(sb_file_write_all(file, 0, source->buffer, pager->page_bytes, err));
    return file->ops->sync(file, err);
}

sb_status sb_pager_backup(sb_txn *txn, sb_vfs *vfs, const char *path, sb_progress progress,
                          void *ctx, sb_err *err)
{
    page_source source = {.txn = txn, .progress = progress, .progress_ctx = ctx};
    sb_new_file made;
    bool exists = false;
    SB_ASSERT(txn->active);
    SB_TRY(sb_pager_same_process(txn->pager, err));
    SB_TRY(sb_pager__new_begin(&made, vfs, txn->pager->alloc, path,
                               atomic_load(&txn->pager->busy_timeout_ns), &exists, err));
    if (exists) return SB_FAIL(err, SB_EXISTS, "%s exists already", path);
    sb_status st = open_source(&source, err);
    if (st == SB_OK) st = copy_to_file(&source, made.file, err);
    close_source(&source);
    if (st == SB_OK) return sb_pager__new_keep(&made, true, err);
    sb_pager__new_drop(&made);
    return st;
}

/* ---- Replace --------------------------------------------------------------------------------- */

static sb_status put_pages(sb_txn *txn, page_source *source, sb_pgno first, uint32_t count,
                           sb_err *err)
{
    const uint32_t page_bytes = txn->pager->page_bytes;
    uint32_t done = 0;
    while (done < count && first + done < txn->base.extent) {
        const sb_pgno pgno = first + done;
        if (!sb_bit_get(source->free_map, pgno)) {
            uint8_t *spare = NULL, *buffer = NULL;
            sb_own_page *entry = NULL;
            SB_TRY(sb_pager__buffer_take(txn, &buffer, err));
            const sb_status st = sb_pager__own_touch(txn, pgno, &entry, &spare, err);
            if (st != SB_OK) {
                sb_pager__buffer_give(txn, buffer);
                return st;
            }
            memcpy(buffer, source->buffer + (size_t)done * page_bytes, page_bytes);
            if (spare != NULL) sb_pager__buffer_give(txn, spare);
            entry->now.kind = SB_OWN_PRIVATE;
            entry->now.buffer = buffer;
            SB_TRY(sb_txn_spill(txn, err));
        }
        done++;
    }
    if (done == count) return SB_OK;
    return sb_page_write_fresh(txn, first + done, source->buffer + (size_t)done * page_bytes,
                               count - done, err);
}

static sb_status take_over(sb_txn *txn, page_source *source, const uint8_t *meta, sb_err *err)
{
    const sb_state *from = &source->txn->now;
    txn->dirty = true;
    txn->now.page_count = from->page_count;
    if (txn->now.page_count > txn->high_count) txn->high_count = txn->now.page_count;
    txn->now.free_head = from->free_head;
    txn->now.free_head_count = from->free_head_count;
    txn->now.free_count = from->free_count;
    memcpy(txn->now.meta, meta, SB_META_BYTES);
    for (sb_pgno pgno = 1; pgno < from->page_count;) {
        uint32_t count = 0;
        SB_TRY(read_pages(source, pgno, &count, err));
        SB_TRY(put_pages(txn, source, pgno, count, err));
        pgno += count;
    }
    return SB_OK;
}

/* Only our own transaction is under way, in any process. */
static bool is_alone(sb_pager *pager)
{
    uint64_t readers = 0;
    sb_mark oldest = 0;
    sb_pager__slots_count(pager, &readers, &oldest);
    return readers <= 1;
}

sb_status sb_pager__cut_behind(sb_pager *pager, sb_pgno extent, sb_err *err)
{
    sb_file *file = pager->main_file;
    const uint64_t bytes = (uint64_t)extent << pager->page_shift;
    sb_file_info info;
    SB_TRY(file->ops->info(file, &info, err));
    return info.bytes > bytes ? file->ops->truncate(file, bytes, err) : SB_OK;
}

/* With the file to ourselves: lower the extent by a commit of its own, after a restart of the WAL, so that
 * neither a frame nor a snapshot names a page past it; then cut the file there (DESIGN §9 rule 2). */
static sb_status cut_file(sb_session *session, sb_err *err)
{
    sb_pager *pager = session->pager;
    sb_txn *txn = NULL;
    SB_TRY(sb_pager_checkpoint(pager, SB_CHECKPOINT_RESTART, NULL, err));
    SB_TRY(sb_txn_begin_write(session, &txn, err));
    const bool lower = is_alone(pager) && txn->now.extent > txn->now.page_count;
    if (lower) {
        txn->now.extent = txn->now.page_count;
        txn->dirty = true;
    }
    SB_TRY(sb_txn_commit(txn, err));
    if (!lower) return SB_OK;
    SB_TRY(sb_pager_checkpoint(pager, SB_CHECKPOINT_RESTART, NULL, err));
    SB_TRY(sb_txn_begin_write(session, &txn, err)); /* nobody writes past the extent meanwhile */
    const sb_status st = sb_pager__cut_behind(pager, txn->now.extent, err);
    sb_txn_rollback(txn);
    return st;
}

static sb_status cut_if_alone(sb_session *session, sb_err *err)
{
    sb_pager *pager = session->pager;
    bool alone = false, shared = false;
    SB_TRY(sb_pager__lock(pager, SB_LOCK_OPEN, SB_LOCK_EXCLUSIVE, 0, &alone, err));
    if (!alone) return SB_OK;
    const sb_status st = cut_file(session, err);
    const sb_status back = sb_pager__lock(pager, SB_LOCK_OPEN, SB_LOCK_SHARED, 0, &shared, err);
    return st != SB_OK ? st : back;
}

sb_status sb_pager_replace(sb_txn *txn, sb_txn *source_txn, const uint8_t meta[SB_META_BYTES],
                           sb_progress progress, void *ctx, sb_err *err)
{
    page_source source = {.txn = source_txn, .progress = progress, .progress_ctx = ctx};
    sb_session *session = txn->session;
    sb_err cut_err;
    SB_ASSERT(txn->active && txn->writable && source_txn->active);
    sb_status st = SB_OK;
    if (txn->page_count != 0 || sb_txn_dirty(txn))
        st = SB_FAIL(err, SB_MISUSE, "replace: the transaction has changed something already");
    else if (source_txn->pager->page_bytes != txn->pager->page_bytes)
        st = SB_FAIL(err, SB_INVALID,
                     "replace: pages of %u bytes can not take the place of pages of %u",
                     source_txn->pager->page_bytes, txn->pager->page_bytes);
    else if (source_txn->pager->write_bits != 0)
        st = SB_FAIL(err, SB_VERSION_NEWER,
                     "the pages of %s can only be read by this library: it has features %#x",
                     source_txn->pager->path, source_txn->pager->write_bits);
    if (st == SB_OK) st = open_source(&source, err);
    if (st == SB_OK) st = take_over(txn, &source, meta, err);
    close_source(&source);
    if (st != SB_OK) {
        sb_txn_rollback(txn);
        return st;
    }
    SB_TRY(sb_txn_commit(txn, err));
    /* The content is replaced by now; a file that could not be made shorter is no failure. */
    sb_err_clear(&cut_err);
    if (cut_if_alone(session, &cut_err) != SB_OK)
        sb_pager_log(session->pager, SB_LOG_WARNING, "%s keeps its length: %s",
                     session->pager->path, cut_err.text);
    return SB_OK;
}
