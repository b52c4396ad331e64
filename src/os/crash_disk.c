/* crash_disk.c — what survives of a file when the power goes.
 *
 * Since its last sync each sector of a file has had a sequence of contents: the durable one, and one
 * more after each write or truncation that touched it. A disk with a cache may hold any of them, each sector
 * on its own: that covers lost, torn and reordered writes at once. The same goes for the size. Coins thrown
 * for each sector alone would hardly ever keep a whole page, so the seed first draws how the coins fall
 * in this file: see `draw_habit`. */
#include "os/crash_disk.h"

void *sb_os__grow(const sb_allocator *alloc, void *items, size_t *capacity, size_t needed,
                  size_t item_bytes)
{
    size_t grown = *capacity == 0 ? 16 : *capacity;
    size_t bytes;
    void *moved;

    if (needed <= *capacity) return items;
    while (grown < needed)
        if (!sb_mul_size(grown, 2, &grown)) return NULL;
    if (!sb_mul_size(grown, item_bytes, &bytes)) return NULL;
    moved = sb_resize(alloc, items, *capacity * item_bytes, bytes);
    if (moved != NULL) *capacity = grown;
    return moved;
}

/* ---- Images ------------------------------------------------------------------------------------------ */

static void image_init(sb_os__image *image, const sb_allocator *alloc)
{
    sb_buffer_init(&image->bytes, alloc);
    image->size = 0;
}

void sb_os__image_deinit(sb_os__image *image)
{
    sb_buffer_deinit(&image->bytes);
}

/* Room so that bytes up to extent can be stored. */
static sb_status image_reserve(sb_os__image *image, uint64_t extent)
{
    if (extent > SIZE_MAX) return SB_NOMEM;
    if (extent <= image->bytes.size) return SB_OK;
    return sb_buffer_reserve(&image->bytes, (size_t)extent - image->bytes.size);
}

/* The bytes [from, to), zeroed where they were not stored yet; room was reserved. */
static uint8_t *image_range(sb_os__image *image, size_t from, size_t to)
{
    if (to > image->bytes.size) {
        memset(image->bytes.data + image->bytes.size, 0, to - image->bytes.size);
        image->bytes.size = to;
    }
    return image->bytes.data + from;
}

static void image_resize(sb_os__image *image, uint64_t size)
{
    if (image->bytes.size > size) image->bytes.size = (size_t)size;
    image->size = size;
}

/* ---- Ops --------------------------------------------------------------------------------------------- */

sb_os__disk_file *sb_os__disk_file_create(const sb_allocator *alloc)
{
    sb_os__disk_file *file = (sb_os__disk_file *)sb_alloc_zero(alloc, sizeof *file);

    if (file == NULL) return NULL;
    file->alloc = alloc;
    image_init(&file->durable, alloc);
    sb_buffer_init(&file->log, alloc);
    return file;
}

void sb_os__disk_file_destroy(sb_os__disk_file *file)
{
    if (file == NULL) return;
    sb_os__image_deinit(&file->durable);
    sb_buffer_deinit(&file->log);
    sb_free(file->alloc, file->ops, file->op_capacity * sizeof *file->ops);
    sb_free(file->alloc, file, sizeof *file);
}

sb_status sb_os__disk_reserve(sb_os__disk_file *file, size_t bytes)
{
    sb_os__disk_op *ops = (sb_os__disk_op *)sb_os__grow(file->alloc, file->ops, &file->op_capacity,
                                                        file->op_count + 1, sizeof *file->ops);

    if (ops == NULL) return SB_NOMEM;
    file->ops = ops;
    return bytes == 0 ? SB_OK : sb_buffer_reserve(&file->log, bytes);
}

void sb_os__disk_write(sb_os__disk_file *file, uint64_t offset, const sb_io_piece *pieces,
                       size_t piece_count)
{
    sb_os__disk_op *op = &file->ops[file->op_count];
    size_t i;

    *op = (sb_os__disk_op){.offset = offset, .size_before = file->size, .data = file->log.size};
    for (i = 0; i < piece_count; i++) {
        if (pieces[i].bytes == 0) continue;
        memcpy(file->log.data + file->log.size, pieces[i].data, pieces[i].bytes);
        file->log.size += pieces[i].bytes;
    }
    op->bytes = file->log.size - op->data;
    if (op->bytes == 0) return; /* changes nothing, not even the size */
    op->size_after = file->size > offset + op->bytes ? file->size : offset + op->bytes;
    file->size = op->size_after;
    file->op_count++;
}

void sb_os__disk_truncate(sb_os__disk_file *file, uint64_t bytes)
{
    file->ops[file->op_count++] = (sb_os__disk_op){.size_before = file->size, .size_after = bytes};
    file->size = bytes;
}

/* Highest end of a write among the first op_count. */
static uint64_t ops_extent(const sb_os__disk_file *file, size_t op_count)
{
    uint64_t extent = 0;
    size_t i;

    for (i = 0; i < op_count; i++)
        if (file->ops[i].bytes > 0 && file->ops[i].offset + file->ops[i].bytes > extent)
            extent = file->ops[i].offset + file->ops[i].bytes;
    return extent;
}

/* The first op_count ops, one after the other; room was reserved. */
static void apply_ops(const sb_os__disk_file *file, size_t op_count, sb_os__image *image)
{
    size_t i;

    for (i = 0; i < op_count; i++) {
        const sb_os__disk_op *op = &file->ops[i];
        if (op->bytes > 0) {
            const size_t from = (size_t)op->offset;
            memcpy(image_range(image, from, from + (size_t)op->bytes), file->log.data + op->data,
                   (size_t)op->bytes);
        }
        image_resize(image, op->size_after);
    }
}

sb_status sb_os__disk_sync(sb_os__disk_file *file)
{
    const sb_status st = image_reserve(&file->durable, ops_extent(file, file->op_count));

    if (st != SB_OK) return st;
    apply_ops(file, file->op_count, &file->durable);
    sb_os__disk_forget(file);
    return SB_OK;
}

void sb_os__disk_forget(sb_os__disk_file *file)
{
    file->op_count = 0;
    sb_buffer_reset(&file->log);
}

/* ---- Survival ---------------------------------------------------------------------------------------- */

/* How the coins fall in one file. */
typedef struct habit {
    unsigned newest, oldest; /* in 16: chance of the newest, of the durable content; else any */
    size_t granule;          /* sectors in a row that share one throw of those */
} habit;

static habit draw_habit(sb_random *random)
{
    static const struct {
        unsigned newest, oldest;
    } chances[] = {{0, 0}, {0, 0}, {8, 8}, {15, 0}, {15, 1}, {0, 15}, {1, 15}, {16, 0}, {0, 16}};
    static const size_t granules[] = {1, 8, 64}; /* a sector, a block, a run of blocks */
    const size_t chance = (size_t)sb_random_below(random, sizeof chances / sizeof chances[0]);
    const size_t granule = (size_t)sb_random_below(random, sizeof granules / sizeof granules[0]);

    return (habit){.newest = chances[chance].newest,
                   .oldest = chances[chance].oldest,
                   .granule = granules[granule]};
}

/* Sectors that an op changes: [*first, *end). A longer file is zeros, as are sectors never written. */
static void touched_sectors(const sb_os__disk_op *op, size_t sector_bytes, size_t *first,
                            size_t *end)
{
    const uint64_t from = op->bytes > 0 ? op->offset : op->size_after;
    const uint64_t to = op->bytes > 0 ? op->offset + op->bytes : op->size_before;

    *first = (size_t)(from / sector_bytes);
    *end = to > from ? (size_t)((to + sector_bytes - 1) / sector_bytes) : *first;
}

/* Set for each sector how many of the ops that touch it reach the disk. */
static void draw_versions(const sb_os__disk_file *file, size_t op_count, size_t sector_bytes,
                          sb_random *random, uint32_t *kept, size_t sector_count)
{
    const habit coins = draw_habit(random);
    uint64_t throw = 0;
    size_t i;
    size_t sector;

    for (i = 0; i < op_count; i++) {
        size_t end;
        touched_sectors(&file->ops[i], sector_bytes, &sector, &end);
        for (; sector < end && sector < sector_count; sector++)
            kept[sector]++;
    }
    for (sector = 0; sector < sector_count; sector++) {
        if (sector % coins.granule == 0) throw = sb_random_below(random, 16);
        if (throw < coins.newest) continue;
        if (throw < coins.newest + coins.oldest)
            kept[sector] = 0;
        else if (kept[sector] > 0)
            kept[sector] = (uint32_t)sb_random_below(random, (uint64_t)kept[sector] + 1);
    }
}

/* The part of an op that lies in one sector. */
static void apply_sector(const sb_os__disk_file *file, const sb_os__disk_op *op, size_t sector,
                         size_t sector_bytes, sb_os__image *image)
{
    const uint64_t start = (uint64_t)sector * sector_bytes;
    const uint64_t op_start = op->bytes > 0 ? op->offset : op->size_after;
    const uint64_t op_end = op->bytes > 0 ? op->offset + op->bytes : op->size_before;
    const size_t from = (size_t)(op_start > start ? op_start : start);
    const size_t to = (size_t)(op_end < start + sector_bytes ? op_end : start + sector_bytes);
    uint8_t *bytes = image_range(image, from, to);

    if (op->bytes > 0)
        memcpy(bytes, file->log.data + op->data + (from - (size_t)op_start), to - from);
    else
        memset(bytes, 0, to - from);
}

static void apply_versions(const sb_os__disk_file *file, size_t op_count, size_t sector_bytes,
                           uint32_t *kept, size_t sector_count, sb_os__image *image)
{
    size_t i;

    for (i = 0; i < op_count; i++) {
        size_t sector;
        size_t end;
        touched_sectors(&file->ops[i], sector_bytes, &sector, &end);
        for (; sector < end && sector < sector_count; sector++) {
            if (kept[sector] == 0) continue;
            kept[sector]--;
            apply_sector(file, &file->ops[i], sector, sector_bytes, image);
        }
    }
}

static uint64_t draw_size(const sb_os__disk_file *file, size_t op_count, sb_random *random)
{
    const uint64_t kind = sb_random_below(random, 4);
    const size_t kept = kind < 2    ? op_count
                        : kind == 2 ? 0
                                    : (size_t)sb_random_below(random, (uint64_t)op_count + 1);

    return kept == 0 ? file->durable.size : file->ops[kept - 1].size_after;
}

/* Fill one sector of a write that was under way with garbage; room for whole sectors was reserved. */
static void spoil_sector(const sb_os__disk_file *file, size_t op_count, size_t sector_bytes,
                         sb_random *random, sb_os__image *image)
{
    const sb_os__disk_op *op = &file->ops[op_count - 1];
    size_t first;
    size_t end;
    size_t from;
    size_t to;
    uint8_t *bytes;

    if (!file->in_flight) op = &file->ops[sb_random_below(random, op_count)];
    if (op->bytes == 0) return; /* a truncation writes no sector */
    touched_sectors(op, sector_bytes, &first, &end);
    from = (first + (size_t)sb_random_below(random, end - first)) * sector_bytes;
    to = from + sector_bytes;
    bytes = image_range(image, from, to);
    for (; from < to; from++)
        *bytes++ = (uint8_t)sb_random_next(random);
}

/* Each sector and the size on their own. */
static sb_status survive_by_chance(const sb_os__disk_file *file, size_t op_count,
                                   sb_os__survival how, sb_random *random, sb_os__image *image)
{
    const uint64_t written = ops_extent(file, op_count);
    const uint64_t extent = written > image->bytes.size ? written : image->bytes.size;
    const size_t sector_count = (size_t)((extent + how.sector_bytes - 1) / how.sector_bytes);
    uint32_t *kept;
    sb_status st = SB_OK;

    if (op_count == 0) return SB_OK;
    kept = (uint32_t *)sb_alloc_zero(file->alloc, sector_count * sizeof *kept);
    if (kept == NULL) return SB_NOMEM;
    /* Whole sectors: garbage fills what the write only touched. */
    st = image_reserve(image, (uint64_t)sector_count * how.sector_bytes);
    if (st != SB_OK) goto done;
    draw_versions(file, op_count, how.sector_bytes, random, kept, sector_count);
    apply_versions(file, op_count, how.sector_bytes, kept, sector_count, image);
    if (how.garbage && sb_random_below(random, 4) != 0)
        spoil_sector(file, op_count, how.sector_bytes, random, image);
    image_resize(image, draw_size(file, op_count, random));

done:
    sb_free(file->alloc, kept, sector_count * sizeof *kept);
    return st;
}

sb_status sb_os__disk_survive(const sb_os__disk_file *file, sb_os__survival how, sb_random *random,
                              sb_os__image *out)
{
    const bool counts_last = how.mode == SB_CRASH_GARBAGE || !file->in_flight;
    const size_t op_count = counts_last ? file->op_count : file->op_count - 1;
    sb_status st;

    image_init(out, file->alloc);
    st = sb_buffer_append(&out->bytes, file->durable.bytes.data, file->durable.bytes.size);
    if (st != SB_OK) return st;
    out->size = file->durable.size;
    switch (how.mode) {
    case SB_CRASH_LOSE_ALL: break;
    case SB_CRASH_KEEP_ALL:
        st = image_reserve(out, ops_extent(file, op_count));
        if (st == SB_OK) apply_ops(file, op_count, out);
        break;
    case SB_CRASH_RANDOM:
    case SB_CRASH_GARBAGE: st = survive_by_chance(file, op_count, how, random, out); break;
    }
    return st;
}

/* ---- Names ------------------------------------------------------------------------------------------- */

/* Place of path, or count. */
static size_t name_index(const sb_os__names *names, const char *path)
{
    size_t i;

    for (i = 0; i < names->count; i++)
        if (names->items[i].path == path) break;
    return i;
}

sb_os__disk_file *sb_os__names_find(const sb_os__names *names, const char *path)
{
    const size_t i = name_index(names, path);

    return i < names->count ? names->items[i].file : NULL;
}

sb_status sb_os__names_reserve(sb_os__names *names, const sb_allocator *alloc)
{
    sb_os__name *items = (sb_os__name *)sb_os__grow(alloc, names->items, &names->capacity,
                                                    names->count + 1, sizeof *names->items);

    if (items == NULL) return SB_NOMEM;
    names->items = items;
    return SB_OK;
}

static void put_name(sb_os__names *names, const char *path, sb_os__disk_file *file)
{
    const size_t i = name_index(names, path);

    SB_ASSERT(i < names->capacity);
    if (i == names->count) names->count++;
    names->items[i] = (sb_os__name){.path = path, .file = file};
}

static void drop_name(sb_os__names *names, const char *path)
{
    const size_t i = name_index(names, path);

    if (i == names->count) return;
    names->count--;
    memmove(&names->items[i], &names->items[i + 1], (names->count - i) * sizeof *names->items);
}

void sb_os__names_apply(sb_os__names *names, const sb_os__name_op *op)
{
    switch (op->change) {
    case SB_OS__CREATE: put_name(names, op->path, op->file); break;
    case SB_OS__REMOVE: drop_name(names, op->path); break;
    case SB_OS__RENAME:
        /* The old name may belong to another file by now, where not all changes survived. */
        if (op->path != op->new_path && sb_os__names_find(names, op->path) == op->file)
            drop_name(names, op->path);
        put_name(names, op->new_path, op->file);
        break;
    }
}

void sb_os__names_deinit(sb_os__names *names, const sb_allocator *alloc)
{
    sb_free(alloc, names->items, names->capacity * sizeof *names->items);
    *names = (sb_os__names){0};
}
