/* partition.c — a file for each level of division, with a stream for each partition and side. */
#include "cypher/exec/partition.h"

struct sb_partition_level {
    sb_partition_level *coarser;
    sb_spill spill;
    uint32_t depth;
    uint32_t at; /* partition being read; SB_PARTITION_COUNT: all have been */
    sb_spill_stream streams[SB_PARTITION_COUNT][SB_PARTITION_SIDES];
};

void sb_partitions__open(sb_operator *op, sb_partitions *p)
{
    *p = (sb_partitions){.op = op};
}

static void level_free(const sb_partitions *p, sb_partition_level *level)
{
    if (level == NULL) return;
    for (uint32_t i = 0; i < SB_PARTITION_COUNT; i++)
        for (uint32_t side = 0; side < SB_PARTITION_SIDES; side++)
            sb_spill__stream_close(&level->streams[i][side]);
    sb_spill__close(&level->spill);
    sb_free(p->op->run->alloc, level, sizeof *level);
}

static void pop(sb_partitions *p)
{
    sb_partition_level *done = p->open;

    p->open = done->coarser;
    level_free(p, done);
}

void sb_partitions__clear(sb_partitions *p)
{
    if (p->op == NULL) return;
    sb_spill__read_close(&p->reader);
    level_free(p, p->writing);
    p->writing = NULL;
    while (p->open != NULL)
        pop(p);
    p->depth = 0;
}

sb_status sb_partitions__begin(sb_partitions *p)
{
    sb_exec *run = p->op->run;

    if (p->writing != NULL) return SB_OK;
    SB_ASSERT(sb_partitions__divides(p));
    p->writing = sb_alloc_zero(run->alloc, sizeof *p->writing);
    if (p->writing == NULL) return sb_exec__no_memory(run);
    p->writing->depth = p->depth;
    sb_spill__open(p->op, &p->writing->spill);
    for (uint32_t i = 0; i < SB_PARTITION_COUNT; i++)
        for (uint32_t side = 0; side < SB_PARTITION_SIDES; side++)
            sb_spill__stream_open(&p->writing->spill, &p->writing->streams[i][side]);
    return SB_OK;
}

size_t sb_partitions__growth(const sb_partitions *p)
{
    if (!sb_partitions__divides(p)) return 0;
    const size_t level = p->writing == NULL ? sizeof *p->writing : 0;
    /* A stream's buffer doubles. */
    return level + 2 * SB_PARTITION_COUNT * sb_spill__piece_bytes(p->op->run);
}

sb_spill_stream *sb_partitions__stream(const sb_partitions *p, uint32_t side, uint64_t hash)
{
    const uint32_t shift = 64 - SB_PARTITION_BITS * (p->writing->depth + 1);

    return &p->writing->streams[hash >> shift & (SB_PARTITION_COUNT - 1)][side];
}

sb_status sb_partitions__flush(sb_partitions *p, uint32_t side)
{
    for (uint32_t i = 0; i < SB_PARTITION_COUNT; i++)
        SB_TRY(sb_spill__flush(&p->writing->streams[i][side]));
    return SB_OK;
}

static bool has_rows(const sb_partition_level *level)
{
    for (uint32_t side = 0; side < SB_PARTITION_SIDES; side++)
        if (!sb_spill__is_empty(&level->streams[level->at][side])) return true;
    return false;
}

sb_status sb_partitions__next(sb_partitions *p, bool *more)
{
    *more = false;
    sb_spill__read_close(&p->reader);
    if (p->open != NULL) p->open->at++;
    if (p->writing != NULL) {
        for (uint32_t side = 0; side < SB_PARTITION_SIDES; side++)
            SB_TRY(sb_partitions__flush(p, side));
        p->writing->coarser = p->open;
        p->open = p->writing;
        p->writing = NULL;
    }
    for (; p->open != NULL; pop(p)) {
        sb_partition_level *level = p->open;
        while (level->at < SB_PARTITION_COUNT && !has_rows(level))
            level->at++;
        if (level->at == SB_PARTITION_COUNT) continue;
        p->depth = level->depth + 1;
        *more = true;
        return SB_OK;
    }
    p->depth = 0;
    return SB_OK;
}

sb_spill_reader *sb_partitions__reader(sb_partitions *p, uint32_t side)
{
    sb_spill__read_close(&p->reader);
    sb_spill__read(&p->open->streams[p->open->at][side], &p->reader);
    return &p->reader;
}

bool sb_partitions__side_is_empty(const sb_partitions *p, uint32_t side)
{
    return sb_spill__is_empty(&p->open->streams[p->open->at][side]);
}
