/* morsel.c — dividing a scan, runs of parts, and aggregation in parts.
 * An aggregation's parts: each thread begins with an equal share of the morsels, the statement's own with the first. Who is done takes over the
 * upper half of what another has left. So each part is a run of morsels, there are few of them, and merging them in order is like having
 * read one after the other. */
#include "cypher/exec/morsel.h"

/* ---- Runs of parts ------------------------------------------------------------------------------------------------ */

static sb_status begin_reading(sb_exec *of, _Atomic bool *cancel, sb_helper *h, sb_graph **graph,
                               sb_err *err)
{
    sb_graph_settings settings = sb_graph_settings_of(of->graph);

    SB_TRY(sb_workers_session(of->options->workers, &h->session, err));
    if (cancel != NULL) { /* on another thread: what asks the caller is not for it */
        settings.cancel = cancel;
        settings.progress = NULL;
    }
    SB_TRY(sb_graph_configure(h->session, &settings, err));
    SB_TRY(sb_txn_begin_shared(h->session, sb_graph_txn(of->graph), &h->txn, err));
    return sb_graph_get(h->txn, graph, err);
}

sb_status sb_helper__open(sb_exec *of, const sb_plan *plan, _Atomic bool *cancel, sb_helper *h,
                          sb_err *err)
{
    sb_graph *graph;

    *h = (sb_helper){.exec = NULL};
    sb_status status = begin_reading(of, cancel, h, &graph, err);
    if (status == SB_OK) status = sb_exec__part_open(of, plan, graph, cancel, &h->exec, err);
    if (status != SB_OK) sb_helper__leave(of, h, false);
    return status;
}

void sb_helper__leave(sb_exec *of, sb_helper *h, bool keep_root)
{
    if (h->session == NULL) return;
    if (h->exec != NULL) sb_exec__part_stop(h->exec, keep_root);
    sb_txn_rollback(h->txn);
    sb_workers_give_back(of->options->workers, h->session);
    h->txn = NULL;
    h->session = NULL;
}

void sb_helper__close(sb_exec *of, sb_helper *h)
{
    sb_helper__leave(of, h, false);
    if (h->exec != NULL) sb_exec__part_profile(of, h->exec);
    sb_exec_close(h->exec);
    h->exec = NULL;
}

/* ---- Dividing a scan ------------------------------------------------------------------------------------------------ */

/* Morsels for each thread, so that one with a longer list of work than others leaves some of it to them. */
#define MORSELS_PER_THREAD 16u
#define MORSEL_IDS_MAX     (1u << 20)
/* Of the budget for each thread: what it reads with, and some rows. */
#define MEMORY_PER_THREAD (512u << 10)

static bool has_memory(const sb_exec *run)
{
    return run->budget.limit == 0 || run->budget.limit / MEMORY_PER_THREAD >= run->options->threads;
}

sb_operator *sb_division__scan(sb_operator *root)
{
    sb_operator *op = root;

    while (op->input != NULL && op->input->plan->kind != SB_PLAN_ARGUMENT)
        op = op->input;
    return op;
}

void sb_division__make(sb_operator *root, const sb_plan *gather, sb_division *division)
{
    const sb_exec *run = root->run;
    sb_operator *scan = sb_division__scan(root);
    sb_entity entity;

    *division = (sb_division){.scan = scan};
    if (run->is_part || run->options->workers == NULL || run->options->threads < 2 ||
        run->options->force_spill || !has_memory(run) ||
        sb_txn_addresses(sb_graph_txn(run->graph)) == 0 ||
        !sb_exec__scan_ranges(scan, NULL, &entity))
        return;
    division->id_end = entity == SB_NODE ? sb_ids_node_end(run->view) : sb_ids_rel_end(run->view);
    if (division->id_end < 2) return;
    const uint64_t ids = division->id_end - 1, least = gather->as.gather.morsel_ids;
    uint64_t each = ids / ((uint64_t)run->options->threads * MORSELS_PER_THREAD);
    each = each < least ? least : each > MORSEL_IDS_MAX ? MORSEL_IDS_MAX : each;
    division->ids = each == 0 ? 1 : each;
    division->count = (ids + division->ids - 1) / division->ids;
    if (division->count < 2) division->count = 0;
}

void sb_division__range(const sb_division *division, uint64_t morsel, uint64_t *first,
                        uint64_t *last)
{
    *first = 1 + morsel * division->ids;
    *last = *first + division->ids - 1;
}

/* ---- Aggregation ------------------------------------------------------------------------------------------------------ */

typedef struct sb_part {
    sb_id_ranges ranges; /* first: a range's source is its part */
    struct sb_reading *all;
    sb_helper helper; /* of no use for the first part, which is the operator itself */
    _Atomic bool stop;
    /* guarded by the lock */
    uint64_t first, next, end; /* morsels: begun with, next to be taken, behind the last */
    bool taken, done;
    sb_status status;
    sb_err err;
} sb_part;

#define PARTS_PER_THREAD 8u

typedef struct sb_reading {
    sb_operator *op;
    sb_division division;
    sb_mutex *lock;
    sb_condition *changed; /* a part is done */
    sb_part *parts;        /* the first is the statement's own */
    uint32_t part_count, part_capacity;
    sb_worker_job *jobs;
    uint32_t job_count;
    bool stopped;
    bool is_short;            /* there is not enough memory for parts */
    const sb_part *cancelled; /* it was not stopped by us, but cancelled or out of time; NULL */
} sb_reading;

static bool next_morsel(sb_id_ranges *ranges, uint64_t *first, uint64_t *last)
{
    sb_part *part = (sb_part *)ranges;
    sb_reading *r = part->all;

    sb_mutex_lock(r->lock);
    const bool more = !r->stopped && part->next < part->end &&
                      !atomic_load_explicit(&part->stop, memory_order_relaxed);
    const uint64_t morsel = more ? part->next++ : 0;
    sb_mutex_unlock(r->lock);
    if (more) sb_division__range(&r->division, morsel, first, last);
    return more;
}

static sb_part *add_part(sb_reading *r, uint64_t first, uint64_t end)
{
    sb_part *part = &r->parts[r->part_count++];

    part->ranges.next = next_morsel;
    part->all = r;
    sb_err_clear(&part->err);
    part->first = part->next = first;
    part->end = end;
    return part;
}

/* The upper half of the largest part under way; NULL: not worth it. With the lock held. */
static sb_part *split_part(sb_reading *r)
{
    sb_part *largest = NULL;
    uint64_t most = 1;

    if (r->part_count == r->part_capacity) return NULL;
    for (uint32_t i = 0; i < r->part_count; i++) {
        const uint64_t left = r->parts[i].done ? 0 : r->parts[i].end - r->parts[i].next;
        if (left <= most) continue;
        most = left;
        largest = &r->parts[i];
    }
    if (largest == NULL) return NULL;
    sb_part *part = add_part(r, largest->next + (most + 1) / 2, largest->end);
    largest->end = part->first;
    return part;
}

/* A part that nobody works at; NULL: there is none. */
static sb_part *take_part(sb_reading *r)
{
    sb_part *part = NULL;

    sb_mutex_lock(r->lock);
    for (uint32_t i = 0; part == NULL && i < r->part_count; i++)
        if (!r->parts[i].taken) part = &r->parts[i];
    if (r->stopped)
        part = NULL;
    else if (part == NULL)
        part = split_part(r);
    if (part != NULL) part->taken = true;
    sb_mutex_unlock(r->lock);
    return part;
}

/* With the lock held. */
static void stop_parts(sb_reading *r, uint64_t from)
{
    for (uint32_t i = 0; i < r->part_count; i++)
        if (r->parts[i].first >= from)
            atomic_store_explicit(&r->parts[i].stop, true, memory_order_relaxed);
}

static void stop_all(sb_reading *r)
{
    r->stopped = true;
    stop_parts(r, 0);
}

/* A failure makes what comes behind it useless; what comes before may fail as well, and is then what is told. With the lock held. */
static void note_failure(sb_reading *r, sb_part *part, const sb_exec *run)
{
    const bool by_us = atomic_load_explicit(&part->stop, memory_order_relaxed);

    if (sb_division__is_short(part->status, run)) {
        r->is_short = true;
        stop_all(r);
    } else if (part->status == SB_INTERRUPT || part->status == SB_TIMEOUT) {
        if (!by_us && r->cancelled == NULL) r->cancelled = part;
        if (!by_us) stop_all(r);
    } else {
        stop_parts(r, part->first + 1);
        r->stopped = r->stopped || part == &r->parts[0];
    }
}

static void end_part(sb_reading *r, sb_part *part, sb_status status, const sb_exec *run)
{
    sb_mutex_lock(r->lock);
    part->status = status;
    part->done = true;
    if (status != SB_OK) note_failure(r, part, run);
    sb_condition_broadcast(r->changed);
    sb_mutex_unlock(r->lock);
}

static void give_up_part(sb_reading *r, sb_part *part)
{
    sb_mutex_lock(r->lock);
    part->taken = false;
    sb_condition_broadcast(r->changed);
    sb_mutex_unlock(r->lock);
}

/* False: this thread can read no part; another may. */
static bool read_part(sb_reading *r, sb_part *part, _Atomic bool *cancel)
{
    sb_exec *run = r->op->run;
    sb_helper *h = &part->helper;
    sb_entity entity;

    if (sb_helper__open(run, r->op->plan, cancel, h, &part->err) != SB_OK) {
        sb_err_clear(&part->err);
        give_up_part(r, part);
        return false;
    }
    sb_operator *root = h->exec->root->root;
    sb_status status = SB_OK;
    if (SB_NEVER(!sb_exec__scan_ranges(sb_division__scan(root), &part->ranges, &entity)))
        status = SB_FAIL(&part->err, SB_MISUSE, "a part of the plan has no scan");
    if (status == SB_OK) status = root->ops->read(root);
    sb_helper__leave(run, h, status == SB_OK);
    end_part(r, part, status, h->exec);
    return true;
}

static void help_reading(void *ctx)
{
    sb_reading *r = ctx;

    for (sb_part *part; (part = take_part(r)) != NULL;)
        if (!read_part(r, part, &part->stop)) break;
}

static sb_status begin_divided(sb_reading *r)
{
    sb_exec *run = r->op->run;
    const uint32_t threads =
        run->options->threads < SB_WORKERS_MAX ? run->options->threads : SB_WORKERS_MAX;
    const uint32_t parts = threads < r->division.count ? threads : (uint32_t)r->division.count;

    SB_TRY(sb_mutex_create(run->alloc, SB_RANK_GATHER, &r->lock, run->err));
    SB_TRY(sb_condition_create(run->alloc, &r->changed, run->err));
    r->part_capacity = parts * PARTS_PER_THREAD;
    r->parts = sb_alloc_zero(run->alloc, r->part_capacity * sizeof *r->parts);
    r->jobs = sb_alloc_zero(run->alloc, parts * sizeof *r->jobs);
    if (r->parts == NULL || r->jobs == NULL) return sb_exec__no_memory(run);
    for (uint32_t i = 0; i < parts; i++)
        (void)add_part(r, r->division.count * i / parts, r->division.count * (i + 1) / parts);
    r->parts[0].taken = true;
    for (uint32_t i = 0; i + 1 < parts; i++) {
        r->jobs[i] = (sb_worker_job){.run = help_reading, .ctx = r};
        if (!sb_workers_submit(run->options->workers, threads - 1, &r->jobs[i])) break;
        r->job_count++;
    }
    return SB_OK;
}

static void end_divided(sb_reading *r)
{
    sb_exec *run = r->op->run;

    for (uint32_t i = 0; i < r->job_count; i++)
        sb_workers_withdraw(run->options->workers, &r->jobs[i]);
    for (uint32_t i = 0; i < r->part_count; i++)
        sb_helper__close(run, &r->parts[i].helper);
    sb_free(run->alloc, r->jobs, r->part_capacity / PARTS_PER_THREAD * sizeof *r->jobs);
    sb_free(run->alloc, r->parts, r->part_capacity * sizeof *r->parts);
    sb_condition_destroy(r->changed);
    sb_mutex_destroy(r->lock);
}

static bool all_done(const sb_reading *r)
{
    for (uint32_t i = 0; i < r->part_count; i++)
        if (r->parts[i].taken && !r->parts[i].done) return false;
    return true;
}

/* How long a thread sleeps before it looks whether the statement was cancelled. */
#define WATCH_NS 4000000u

/* Until all parts that somebody works at are done. */
static sb_status wait_for_parts(sb_reading *r)
{
    sb_exec *run = r->op->run;
    sb_status status = SB_OK;

    sb_mutex_lock(r->lock);
    while (!all_done(r)) {
        if (sb_condition_wait_for(r->changed, r->lock, WATCH_NS) || status != SB_OK) continue;
        sb_mutex_unlock(r->lock);
        run->ticks = 0; /* the clock too */
        status = sb_exec__tick(run);
        sb_mutex_lock(r->lock);
        if (status != SB_OK) stop_all(r);
    }
    sb_mutex_unlock(r->lock);
    return status;
}

/* The statement's own part, and those that nobody else takes; *undivided: nobody can read them in parts. */
static sb_status read_own(sb_reading *r, bool *undivided)
{
    sb_operator *op = r->op;
    sb_exec *run = op->run;
    sb_entity entity;

    (void)sb_exec__scan_ranges(r->division.scan, &r->parts[0].ranges, &entity);
    sb_status status = op->ops->read(op);
    (void)sb_exec__scan_ranges(r->division.scan, NULL, &entity);
    if (status != SB_OK) { /* what ends the waiting for others is told by itself */
        r->parts[0].err = *run->err;
        sb_err_clear(run->err);
    }
    end_part(r, &r->parts[0], status, run);
    for (;;) {
        sb_part *part = take_part(r);
        if (part == NULL) {
            SB_TRY(wait_for_parts(r));
            part = take_part(r); /* given up by another meanwhile */
        }
        if (part == NULL) break;
        if (read_part(r, part, NULL)) continue;
        *undivided = true;
        sb_mutex_lock(r->lock);
        stop_all(r);
        sb_mutex_unlock(r->lock);
        return wait_for_parts(r);
    }
    *undivided = r->is_short;
    return SB_OK;
}

/* The failure to be told: that of the lowest part. */
static const sb_part *find_failure(const sb_reading *r)
{
    const sb_part *lowest = NULL;

    if (r->cancelled != NULL) return r->cancelled;
    for (uint32_t i = 0; i < r->part_count; i++) {
        const sb_part *part = &r->parts[i];
        if (part->status != SB_OK && (lowest == NULL || part->first < lowest->first)) lowest = part;
    }
    return lowest;
}

/* In order; there are few. */
static sb_status merge_parts(sb_reading *r)
{
    sb_operator *op = r->op;

    for (uint64_t merged = 0; merged < r->division.count;) {
        sb_part *part = NULL;
        for (uint32_t i = 0; part == NULL && i < r->part_count; i++)
            if (r->parts[i].first == merged) part = &r->parts[i];
        if (SB_NEVER(part == NULL || part->next != part->end))
            return SB_FAIL(op->run->err, SB_MISUSE, "morsels from %llu on were not read",
                           (unsigned long long)merged);
        if (part != &r->parts[0]) SB_TRY(op->ops->merge(op, part->helper.exec->root->root));
        merged = part->end;
    }
    return SB_OK;
}

static sb_status read_in_parts(sb_reading *r, bool *undivided)
{
    sb_exec *run = r->op->run;

    if (r->job_count == 0) { /* no thread is to be had */
        *undivided = true;
        return SB_OK;
    }
    SB_TRY(read_own(r, undivided));
    if (*undivided) return SB_OK;
    const sb_part *failed = find_failure(r);
    if (failed != NULL) {
        *run->err = failed->err;
        return failed->status;
    }
    const sb_status status = merge_parts(r);
    *undivided = sb_division__is_short(status, run);
    return *undivided ? SB_OK : status;
}

sb_status sb_exec__read_divided(sb_operator *op)
{
    sb_exec *run = op->run;
    sb_reading r = {.op = op};
    bool undivided = false;

    sb_division__make(op, op->plan->input, &r.division);
    if (r.division.count == 0) return op->ops->read(op);
    run->divided = true;
    sb_status status = begin_divided(&r);
    if (status != SB_OK)
        undivided = sb_division__is_short(status, run);
    else
        status = read_in_parts(&r, &undivided);
    end_divided(&r);
    if (run->profile != NULL) /* nobody runs the GATHER itself */
        run->profile[op->plan->input->number] = run->profile[op->plan->input->input->number];
    run->divided = false;
    if (!undivided) return status;
    sb_division__forgive(run);
    sb_exec__reset(op);
    return op->ops->read(op);
}
