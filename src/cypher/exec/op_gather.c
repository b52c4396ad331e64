/* op_gather.c — GATHER of rows: morsels are read by several threads, and their rows handed on in the order of the morsels.
 * Each helping thread takes the next morsel, runs the plan for it, and keeps the rows. The statement's thread hands on what is kept, reads the
 * morsel that it needs next itself when nobody has taken it, without keeping its rows, and works ahead like the others while it would have to
 * wait. Nobody is further ahead than a window of morsels; a thread that has come to its end goes back to the pool until the window moves on.
 * A morsel whose rows do not fit the memory is left to the statement's thread. */
#include "cypher/exec/morsel.h"
#include "cypher/exec/op_priv.h"
#include "cypher/exec/table.h"

/* The rows of one morsel. */
typedef struct sb_morsel_rows {
    enum { ROWS_NONE, ROWS_READY, ROWS_LEFT } state; /* LEFT: to the statement's thread */
    sb_kept kept;
    sb_status status; /* a failure behind these rows */
    sb_err err;
} sb_morsel_rows;

typedef struct sb_gather_op sb_gather_op;

/* A helping thread's place. */
typedef struct sb_seat {
    sb_id_ranges ranges; /* first: a range's source is its seat */
    sb_gather_op *gather;
    sb_helper helper;
    sb_worker_job job;
    uint64_t morsel; /* at hand */
    bool given;      /* the scan has had it */
    bool gone;       /* it can not go on: no memory, no session */
} sb_seat;

#define WINDOW_PER_THREAD 4u
#define WATCH_NS          4000000u

struct sb_gather_op {
    sb_operator op;
    sb_division division; /* count 0: undivided */
    bool begun, streaming;
    _Atomic bool stop;
    sb_mutex *lock;
    sb_condition *changed; /* a morsel's rows are ready */
    /* guarded by the lock */
    uint64_t next, handed_on; /* morsels: to be taken next, and whose rows are being handed on */
    sb_morsel_rows *window;   /* morsel m at m % window_count */
    uint32_t window_count;
    /* the statement's thread's */
    sb_seat *seats; /* the first is its own, without a helper */
    uint32_t seat_count, threads;
    uint64_t emitted; /* rows of the morsel being handed on */
};

/* The morsel of the seat, once. */
static bool next_range(sb_id_ranges *ranges, uint64_t *first, uint64_t *last)
{
    sb_seat *seat = (sb_seat *)ranges;

    if (seat->given || atomic_load_explicit(&seat->gather->stop, memory_order_relaxed))
        return false;
    seat->given = true;
    sb_division__range(&seat->gather->division, seat->morsel, first, last);
    return true;
}

static sb_morsel_rows *rows_of(const sb_gather_op *g, uint64_t morsel)
{
    SB_ASSERT(g->window_count != 0);
    return &g->window[morsel % g->window_count];
}

/* ---- Reading a morsel ---------------------------------------------------------------------------------------------- */

/* *taken false: there is none, or the window is full. */
static void take_morsel(sb_gather_op *g, sb_seat *seat, bool *taken)
{
    sb_mutex_lock(g->lock);
    *taken = g->next < g->division.count && g->next < g->handed_on + g->window_count &&
             !atomic_load_explicit(&g->stop, memory_order_relaxed);
    if (*taken) seat->morsel = g->next++;
    sb_mutex_unlock(g->lock);
    seat->given = false;
}

/* The columns that are read above and that the rows have: the plan may name others, which somebody else brings. */
static sb_status choose_columns(const sb_plan *plan, const sb_batch *batch, sb_kept *kept)
{
    kept->slots = sb_arena_alloc_array(kept->arena, plan->live_count, sizeof *kept->slots);
    if (kept->slots == NULL) return sb_exec__no_memory(kept->run);
    for (uint32_t i = 0; i < plan->live_count; i++)
        if (batch->columns[plan->live[i]] != NULL) kept->slots[kept->width++] = plan->live[i];
    return SB_OK;
}

/* All rows of a morsel; root: what makes them, reset. */
static sb_status keep_rows(const sb_plan *gather, sb_operator *root, sb_kept *kept)
{
    const sb_batch *batch;

    for (;;) {
        SB_TRY(sb_exec__next(root, &batch));
        if (batch == NULL) return SB_OK;
        if (batch->row_count == 0) continue;
        if (kept->count == 0) SB_TRY(choose_columns(gather, batch, kept));
        SB_TRY(sb_kept__append(kept, batch));
    }
}

/* err is that of root's run; it is taken over, and empty then. */
static void read_morsel(sb_gather_op *g, sb_seat *seat, sb_operator *root)
{
    sb_exec *run = root->run;
    sb_morsel_rows *rows = rows_of(g, seat->morsel);

    sb_exec__reset(root);
    rows->status = sb_kept__open(run, 0, &rows->kept);
    if (rows->status == SB_OK) rows->status = keep_rows(g->op.plan, root, &rows->kept);
    rows->err = *run->err;
    const bool is_short = sb_division__is_short(rows->status, run);
    if (is_short) {
        sb_kept__close(&rows->kept);
        rows->kept = (sb_kept){.run = NULL};
        sb_division__forgive(run);
        seat->gone = true;
    }
    if (run == g->op.run && rows->status != SB_OK) sb_err_clear(run->err);
    sb_mutex_lock(g->lock);
    rows->state = is_short ? ROWS_LEFT : ROWS_READY;
    sb_condition_broadcast(g->changed);
    sb_mutex_unlock(g->lock);
}

static sb_status open_helper(sb_gather_op *g, sb_seat *seat, sb_err *err)
{
    sb_entity entity;

    SB_TRY(sb_helper__open(g->op.run, g->op.plan->input, &g->stop, &seat->helper, err));
    sb_exec *run = seat->helper.exec;
    if (SB_NEVER(!sb_exec__scan_ranges(sb_division__scan(run->root->root), &seat->ranges, &entity)))
        return SB_FAIL(err, SB_MISUSE, "a part of the plan has no scan");
    return SB_OK;
}

static void leave_morsel(sb_gather_op *g, const sb_seat *seat)
{
    sb_mutex_lock(g->lock);
    rows_of(g, seat->morsel)->state = ROWS_LEFT;
    sb_condition_broadcast(g->changed);
    sb_mutex_unlock(g->lock);
}

/* On a thread of the pool. */
static void help_gathering(void *ctx)
{
    sb_seat *seat = ctx;
    sb_gather_op *g = seat->gather;
    sb_err err;
    bool taken;

    sb_err_clear(&err);
    for (take_morsel(g, seat, &taken); taken; take_morsel(g, seat, &taken)) {
        if (seat->helper.exec == NULL && open_helper(g, seat, &err) != SB_OK) {
            seat->gone = true;
            leave_morsel(g, seat);
            return;
        }
        seat->helper.exec->err = seat->helper.exec->func.err = &err;
        read_morsel(g, seat, seat->helper.exec->root->root);
        if (seat->gone) return;
        sb_err_clear(&err);
    }
}

/* ---- Beginning and end ------------------------------------------------------------------------------------------------ */

static void end_gathering(sb_gather_op *g)
{
    sb_exec *run = g->op.run;
    sb_entity entity;

    if (g->seats == NULL) return;
    atomic_store_explicit(&g->stop, true, memory_order_relaxed);
    /* In a child after fork nobody does the jobs, and what those that ran had at hand is half done: it is left alone. */
    if (!sb_workers_are_here(run->options->workers)) {
        g->window = NULL;
        g->seats = NULL;
        return;
    }
    for (uint32_t i = 1; i < g->seat_count; i++)
        sb_workers_withdraw(run->options->workers, &g->seats[i].job);
    for (uint32_t i = 0; i < g->window_count; i++)
        sb_kept__close(&g->window[i].kept);
    for (uint32_t i = 1; i < g->seat_count; i++)
        sb_helper__close(run, &g->seats[i].helper);
    (void)sb_exec__scan_ranges(g->division.scan, NULL, &entity);
    sb_free(run->alloc, g->window, g->window_count * sizeof *g->window);
    sb_free(run->alloc, g->seats, g->seat_count * sizeof *g->seats);
    g->window = NULL;
    g->seats = NULL;
}

/* Those that are not at work; a job that runs just now sees the window for itself, or is sent when the next morsel is through. */
static void send_helpers(sb_gather_op *g)
{
    sb_workers *workers = g->op.run->options->workers;

    for (uint32_t i = 1; i < g->seat_count; i++)
        if (sb_workers_is_idle(workers, &g->seats[i].job) && !g->seats[i].gone &&
            !sb_workers_submit(workers, g->threads - 1, &g->seats[i].job))
            return; /* there is no thread: this one does it all */
}

static sb_status make_lock(sb_gather_op *g)
{
    sb_exec *run = g->op.run;

    if (g->lock == NULL) SB_TRY(sb_mutex_create(run->alloc, SB_RANK_GATHER, &g->lock, run->err));
    if (g->changed == NULL) SB_TRY(sb_condition_create(run->alloc, &g->changed, run->err));
    return SB_OK;
}

static sb_status begin_gathering(sb_gather_op *g)
{
    sb_exec *run = g->op.run;
    sb_entity entity;

    g->begun = true;
    sb_division__make(g->op.input, g->op.plan, &g->division);
    if (g->division.count == 0) return SB_OK;
    SB_TRY(make_lock(g));
    g->threads =
        run->options->threads < SB_WORKERS_MAX ? (uint32_t)run->options->threads : SB_WORKERS_MAX;
    g->next = g->handed_on = g->emitted = 0;
    g->streaming = false;
    atomic_store_explicit(&g->stop, false, memory_order_relaxed);
    g->window_count = g->threads * WINDOW_PER_THREAD;
    g->seat_count = g->threads;
    g->window = sb_alloc_zero(run->alloc, g->window_count * sizeof *g->window);
    g->seats = sb_alloc_zero(run->alloc, g->seat_count * sizeof *g->seats);
    if (g->window == NULL || g->seats == NULL) {
        sb_free(run->alloc, g->window, g->window_count * sizeof *g->window);
        sb_free(run->alloc, g->seats, g->seat_count * sizeof *g->seats);
        g->window = NULL;
        g->seats = NULL;
        return sb_exec__no_memory(run);
    }
    for (uint32_t i = 0; i < g->seat_count; i++) {
        sb_seat *seat = &g->seats[i];
        seat->ranges.next = next_range;
        seat->gather = g;
        seat->job = (sb_worker_job){.run = help_gathering, .ctx = seat};
    }
    (void)sb_exec__scan_ranges(g->division.scan, &g->seats[0].ranges, &entity);
    send_helpers(g);
    return SB_OK;
}

/* ---- Handing on ---------------------------------------------------------------------------------------------------------- */

static void end_morsel(sb_gather_op *g)
{
    sb_morsel_rows *rows = rows_of(g, g->handed_on);

    sb_kept__close(&rows->kept);
    *rows = (sb_morsel_rows){.state = ROWS_NONE};
    g->emitted = 0;
    sb_mutex_lock(g->lock);
    g->handed_on++;
    sb_mutex_unlock(g->lock);
    send_helpers(g);
}

/* Rows that were kept, then the failure behind them; *batch NULL: the morsel is through. */
static sb_status emit_kept(sb_gather_op *g, sb_morsel_rows *rows, const sb_batch **batch)
{
    const uint64_t left = rows->kept.count - g->emitted;
    const uint32_t count = left < SB_BATCH_ROWS ? (uint32_t)left : SB_BATCH_ROWS;

    *batch = NULL;
    if (count != 0) {
        SB_TRY(sb_kept__emit(&g->op, &rows->kept, g->emitted, NULL, count));
        g->emitted += count;
        *batch = &g->op.out;
        return SB_OK;
    }
    if (rows->status != SB_OK) {
        *g->op.run->err = rows->err;
        return rows->status;
    }
    end_morsel(g);
    return SB_OK;
}

/* Rows of the morsel that is read here and handed on as they come. */
static sb_status stream(sb_gather_op *g, const sb_batch **batch)
{
    const sb_batch *in;

    *batch = NULL;
    SB_TRY(sb_exec__pull(&g->op, &in));
    if (in == NULL) {
        g->streaming = false;
        end_morsel(g);
        return SB_OK;
    }
    sb_exec__pass(&g->op, in);
    g->op.out.last = false;
    *batch = &g->op.out;
    return SB_OK;
}

static void begin_stream(sb_gather_op *g)
{
    g->seats[0].morsel = g->handed_on;
    g->seats[0].given = false;
    g->streaming = true;
    sb_exec__reset(g->op.input);
}

/* What the next morsel to be handed on needs. */
typedef enum sb_gather_step { STEP_EMIT, STEP_STREAM, STEP_AHEAD, STEP_WAIT } sb_gather_step;

static sb_gather_step next_step(sb_gather_op *g)
{
    sb_gather_step step = STEP_WAIT;

    sb_mutex_lock(g->lock);
    if (g->next == g->handed_on) {
        g->next++;
        step = STEP_STREAM;
    } else if (rows_of(g, g->handed_on)->state != ROWS_NONE) {
        step = rows_of(g, g->handed_on)->state == ROWS_READY ? STEP_EMIT : STEP_STREAM;
    } else if (g->next < g->division.count && g->next < g->handed_on + g->window_count &&
               !g->seats[0].gone) {
        step = STEP_AHEAD;
    }
    sb_mutex_unlock(g->lock);
    return step;
}

static sb_status wait_for_rows(sb_gather_op *g)
{
    sb_exec *run = g->op.run;

    sb_mutex_lock(g->lock);
    if (rows_of(g, g->handed_on)->state == ROWS_NONE)
        (void)sb_condition_wait_for(g->changed, g->lock, WATCH_NS);
    sb_mutex_unlock(g->lock);
    run->ticks = 0; /* the clock too */
    return sb_exec__tick(run);
}

static sb_status work_ahead(sb_gather_op *g)
{
    sb_seat *seat = &g->seats[0];
    bool taken;

    take_morsel(g, seat, &taken);
    if (!taken) return SB_OK;
    read_morsel(g, seat, g->op.input);
    const sb_morsel_rows *rows = rows_of(g, seat->morsel);
    if (rows->status != SB_INTERRUPT && rows->status != SB_TIMEOUT) return SB_OK;
    *g->op.run->err = rows->err; /* the statement is cancelled, not its part */
    return rows->status;
}

static sb_status gather_divided(sb_gather_op *g, const sb_batch **batch)
{
    *batch = NULL;
    while (*batch == NULL && g->handed_on < g->division.count) {
        if (g->streaming) {
            SB_TRY(stream(g, batch));
            continue;
        }
        switch (next_step(g)) {
        case STEP_EMIT: SB_TRY(emit_kept(g, rows_of(g, g->handed_on), batch)); break;
        case STEP_STREAM: begin_stream(g); break;
        case STEP_AHEAD: SB_TRY(work_ahead(g)); break;
        case STEP_WAIT: SB_TRY(wait_for_rows(g)); break;
        }
    }
    if (*batch == NULL) end_gathering(g);
    return SB_OK;
}

static sb_status gather_next(sb_operator *op, const sb_batch **batch)
{
    sb_gather_op *g = (sb_gather_op *)op;

    if (!g->begun) {
        const sb_status status = begin_gathering(g);
        if (status != SB_OK) {
            if (!sb_division__is_short(status, op->run)) return status;
            end_gathering(g);
            sb_division__forgive(op->run);
            g->division.count = 0;
        }
    }
    if (g->division.count != 0) return gather_divided(g, batch);
    return sb_exec__pull(op, batch);
}

static sb_status gather_open(sb_operator *op)
{
    return sb_exec__need_outs(op);
}

static void gather_reset(sb_operator *op)
{
    sb_gather_op *g = (sb_gather_op *)op;

    end_gathering(g);
    g->begun = g->streaming = false;
}

static void gather_close(sb_operator *op)
{
    sb_gather_op *g = (sb_gather_op *)op;

    end_gathering(g);
    if (op->run->options->workers != NULL && !sb_workers_are_here(op->run->options->workers))
        return;
    sb_condition_destroy(g->changed);
    sb_mutex_destroy(g->lock);
}

const sb_operator_ops sb_exec__gather_rows = {.state_bytes = sizeof(sb_gather_op),
                                              .open = gather_open,
                                              .next = gather_next,
                                              .reset = gather_reset,
                                              .close = gather_close};
