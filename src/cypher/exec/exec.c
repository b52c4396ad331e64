/* exec.c — the life of a run: open, reset, next, close; its memory budget, its names, its clock. */
#include "cypher/exec/exec_priv.h"

/* ---- Memory --------------------------------------------------------------------------------------------------- */

static void note_exceeded(sb_budget *budget)
{
    atomic_store_explicit(&budget->exceeded, true, memory_order_relaxed);
}

static bool is_exceeded(const sb_budget *budget)
{
    return atomic_load_explicit(&budget->exceeded, memory_order_relaxed);
}

/* Whose limit it is. Counts are read without order: what is granted to two at once may pass the limit by what one of them asks for. */
static sb_budget *owner_of(sb_budget *budget)
{
    return budget->of != NULL ? budget->of : budget;
}

static bool within(sb_budget *budget, size_t more)
{
    sb_budget *owner = owner_of(budget);

    if (owner->limit == 0) return true;
    /* Parts may hold half of it: what puts them together needs some, too. */
    const size_t used = owner == budget ? sb_budget__used(owner)
                                        : atomic_load_explicit(&owner->lent, memory_order_relaxed) +
                                              owner->limit / 2;
    if (more <= owner->limit && used <= owner->limit - more &&
        sb_budget__used(owner) <= owner->limit - more)
        return true;
    note_exceeded(budget);
    return false;
}

/* Only the run's own thread changes what it uses, so that needs no locked instruction. */
static void note_bytes(sb_budget *budget, size_t taken, size_t given_back)
{
    if (budget->of != NULL) {
        (void)atomic_fetch_add_explicit(&budget->of->lent, taken - given_back,
                                        memory_order_relaxed);
        return;
    }
    const size_t used = atomic_load_explicit(&budget->used, memory_order_relaxed);
    atomic_store_explicit(&budget->used, used + taken - given_back, memory_order_relaxed);
}

static void *budget_alloc(void *ctx, size_t bytes)
{
    sb_budget *budget = ctx;
    void *block = within(budget, bytes) ? budget->inner->alloc(budget->inner->ctx, bytes) : NULL;

    if (block != NULL) note_bytes(budget, bytes, 0);
    return block;
}

static void *budget_resize(void *ctx, void *block, size_t old_bytes, size_t new_bytes)
{
    sb_budget *budget = ctx;
    void *moved;

    if (new_bytes > old_bytes && !within(budget, new_bytes - old_bytes)) return NULL;
    moved = budget->inner->resize(budget->inner->ctx, block, old_bytes, new_bytes);
    if (moved != NULL) note_bytes(budget, new_bytes, old_bytes);
    return moved;
}

static void budget_free(void *ctx, void *block, size_t bytes)
{
    sb_budget *budget = ctx;

    note_bytes(budget, 0, bytes);
    budget->inner->free(budget->inner->ctx, block, bytes);
}

/* The operator at work is the one that values are made for (E3). */
static const char *name_at_work(const sb_exec *run)
{
    for (const sb_operator *op = run->newest; op != NULL; op = op->older)
        if (op->step == run->func.arena) return sb_plan_operator_name(op->plan);
    return "the query";
}

sb_status(sb_exec__no_memory)(sb_exec *run)
{
    if (!is_exceeded(&run->budget)) return SB_FAIL_NOMEM(run->err);
    return SB_FAIL(run->err, SB_LIMIT,
                   "%s needs more memory than the %zu bytes that a query may use, half of "
                   "memory_limit: raise that, or ask for less at once",
                   name_at_work(run), owner_of(&run->budget)->limit);
}

#define KEPT_BYTES (1u << 20)

size_t sb_exec__keeps(const sb_exec *run)
{
    const size_t share = run->budget.limit / 1024;

    return run->budget.limit == 0 || share > KEPT_BYTES ? KEPT_BYTES : share;
}

void sb_exec__empty(const sb_exec *run, sb_buffer *buffer)
{
    if (buffer->capacity > sb_exec__keeps(run)) sb_buffer_deinit(buffer);
    sb_buffer_reset(buffer);
}

void *sb_exec__alloc_zero(sb_exec *run, size_t count, size_t size)
{
    size_t bytes;

    if (!sb_mul_size(count, size, &bytes)) return NULL;
    return sb_arena_alloc_zero(run->arena, bytes);
}

/* Fresh memory is slow to touch: 0.55 ms for each MiB. */
#define ZERO_AT_ONCE (1u << 20)

sb_status sb_exec__zero(sb_exec *run, void *block, size_t bytes)
{
    for (size_t at = 0; at < bytes; at += ZERO_AT_ONCE) {
        SB_TRY(sb_exec__tick(run));
        memset((char *)block + at, 0, bytes - at < ZERO_AT_ONCE ? bytes - at : ZERO_AT_ONCE);
    }
    return SB_OK;
}

/* What a call returns: functions below report memory that ran out without knowing of the budget. */
static sb_status leave(sb_exec *run, sb_status status)
{
    if (SB_UNLIKELY(status == SB_NOMEM && is_exceeded(&run->budget))) {
        sb_err_clear(run->err);
        status = sb_exec__no_memory(run);
    }
    if (status != SB_OK) run->failed = true;
    return status;
}

/* ---- Cancel and time limit --------------------------------------------------------------------------------------- */

#define PROGRESS_NS 100000000u

static sb_status check_cancel(const sb_exec_options *o, sb_err *err)
{
    return o->cancel != NULL && atomic_load_explicit(o->cancel, memory_order_relaxed)
               ? SB_FAIL(err, SB_INTERRUPT, "the query was cancelled")
               : SB_OK;
}

static sb_status check_time(const sb_exec_options *o, uint64_t now, sb_err *err)
{
    return o->deadline_ns != 0 && now >= o->deadline_ns
               ? SB_FAIL(err, SB_TIMEOUT, "the query ran into its time limit")
               : SB_OK;
}

sb_status sb_exec_options_poll(const sb_exec_options *options, sb_err *err)
{
    SB_TRY(check_cancel(options, err));
    if (options->deadline_ns == 0) return SB_OK;
    return check_time(options, options->vfs->ops->monotonic_ns(options->vfs), err);
}

sb_status sb_exec__tick_slow(sb_exec *run)
{
    const sb_exec_options *o = run->options;

    SB_TRY(check_cancel(o, run->err));
    /* Reading the clock takes longer than many a batch. */
    if ((o->deadline_ns == 0 && o->progress == NULL) || run->ticks++ % 16 != 0) return SB_OK;
    const uint64_t now = o->vfs->ops->monotonic_ns(o->vfs);
    SB_TRY(check_time(o, now, run->err));
    if (o->progress == NULL || now < run->progress_ns) return SB_OK;
    run->progress_ns = now + PROGRESS_NS;
    return sb_exec__tell_progress(run);
}

sb_status sb_exec__tick_of(void *run)
{
    return sb_exec__tick(run);
}

sb_status sb_exec__tick_items(sb_exec *run)
{
    run->ticks = 0; /* there is work between two such looks: the clock is read each time */
    return sb_exec__tick(run);
}

/* ---- Names ------------------------------------------------------------------------------------------------------- */

uint32_t sb_exec__find_name(sb_exec *run, sb_name_ref *name)
{
    name->id = sb_name_find(run->view, name->kind, name->text);
    return name->id;
}

/* Numbers change so seldom that asking whose a number is takes less than looking for the name. */
static void find_again(sb_exec *run, sb_name_ref *name)
{
    if (name->id == 0 || !sb_bytes_equal(sb_name_of(run->view, name->kind, name->id), name->text))
        (void)sb_exec__find_name(run, name);
}

static void chain_name(sb_exec *run, sb_name_ref *name, sb_name_kind kind, sb_bytes text)
{
    name->kind = kind;
    name->text = text;
    name->next = run->all_names;
    run->all_names = name;
    if (run->view != NULL) (void)sb_exec__find_name(run, name);
}

sb_status sb_exec__name_add(sb_exec *run, sb_name_kind kind, sb_bytes text, sb_name_ref **name)
{
    *name = sb_exec__alloc_zero(run, 1, sizeof **name);
    if (*name == NULL) return sb_exec__no_memory(run);
    chain_name(run, *name, kind, text);
    return SB_OK;
}

sb_status sb_exec__name_make(sb_exec *run, sb_name_ref *name, uint32_t *id)
{
    *id = sb_exec__name(run, name);
    if (*id != 0) return SB_OK;
    const sb_status status = sb_name_intern(run->view, name->kind, name->text, id, run->err);
    if (status != SB_OK) {
        sb_cypher_place_name(run->err, run->compiled->statement->text, name->text);
        return status;
    }
    name->id = *id;
    return SB_OK;
}

static sb_status open_names(sb_exec *run)
{
    const sb_compiled *compiled = run->compiled;

    run->names = sb_exec__alloc_zero(run, compiled->name_count, sizeof *run->names);
    if (run->names == NULL) return sb_exec__no_memory(run);
    for (uint32_t i = 0; i < compiled->name_count; i++)
        chain_name(run, &run->names[i], compiled->names[i].kind, compiled->names[i].text);
    return SB_OK;
}

/* ---- Functions' context --------------------------------------------------------------------------------------------- */

static sb_status poll_run(void *ctx)
{
    return sb_exec__tick_items(ctx);
}

static void real_time(void *ctx, int64_t *seconds, uint32_t *nanos)
{
    const sb_exec *run = ctx;
    const uint64_t ns = run->options->vfs->ops->wall_ns(run->options->vfs);

    *seconds = (int64_t)(ns / 1000000000u);
    *nanos = (uint32_t)(ns % 1000000000u);
}

/* Two words from a seed, as SplitMix64 makes them: never both zero. */
static void seed_random(sb_exec *run, uint64_t seed)
{
    for (int i = 0; i < 2; i++) {
        seed += 0x9e3779b97f4a7c15ull;
        run->func.random[i] = sb_hash_u64(seed) | (uint64_t)(i == 0);
    }
}

static void begin_functions(sb_exec *run)
{
    sb_func_context *func = &run->func;

    func->alloc = run->alloc;
    func->reader = &run->reader;
    func->now_seconds = run->options->now_seconds;
    func->now_nanos = run->options->now_nanos;
    func->transaction_seconds = run->options->transaction_seconds;
    func->transaction_nanos = run->options->transaction_nanos;
    func->real_time = real_time;
    func->real_time_ctx = run;
    func->poll = poll_run;
    func->poll_ctx = run;
    func->default_zone = sb_bytes_of("Z", 1);
    func->arena = run->constants;
    func->err = run->err;
    seed_random(run, run->options->seed);
}

/* ---- Open, reset ---------------------------------------------------------------------------------------------------- */

static void take_options(sb_exec *run, const sb_exec_options *options)
{
    const uint64_t version = sb_view_version(sb_graph_view(options->graph));

    if (version == 0 || version != run->version || run->graph != options->graph) run->state++;
    if (run->forced != options->force_spill) run->fresh = false;
    run->forced = options->force_spill;
    run->version = version;
    run->options = options;
    run->graph = options->graph;
    run->view = sb_graph_view(options->graph);
    run->timed = options->deadline_ns != 0 || options->progress != NULL;
    run->ticks = 0;
    run->rows = 0;
    run->own_input = (sb_input_count){.total = 0};
    run->progress_ns = 0;
    if (options->progress != NULL)
        run->progress_ns = options->vfs->ops->monotonic_ns(options->vfs) + PROGRESS_NS;
    run->budget.limit = options->memory_bytes;
    atomic_store_explicit(&run->budget.exceeded, false, memory_order_relaxed);
    run->ended = run->failed = run->divided = false;
    run->current = NULL;
    if (run->compiled->writes) run->stats = (sb_exec_stats){.nodes_created = 0};
    run->generation++;
}

static sb_status open_run(sb_exec *run, const sb_plan *root)
{
    const sb_compiled *compiled = run->compiled;

    run->constants = sb_arena_create(run->alloc, NULL);
    run->locals = sb_exec__alloc_zero(run, compiled->slot_count, sizeof *run->locals);
    run->local = sb_exec__alloc_zero(run, compiled->slot_count, sizeof *run->local);
    run->no_columns.columns =
        sb_exec__alloc_zero(run, compiled->slot_count, sizeof *run->no_columns.columns);
    if (run->constants == NULL || run->locals == NULL || run->local == NULL ||
        run->no_columns.columns == NULL)
        return sb_exec__no_memory(run);
    run->no_columns.row_count = 1;
    if (run->options->profile) {
        run->profile = sb_exec__alloc_zero(run, compiled->plan_count, sizeof *run->profile);
        if (run->profile == NULL) return sb_exec__no_memory(run);
    }
    begin_functions(run);
    SB_TRY(open_names(run));
    run->zone_source = (sb_zone_source){.vfs = run->options->vfs, .alloc = run->alloc};
    SB_TRY(sb_zones_create(run->alloc, sb_zone_read_system, &run->zone_source, &run->func.zones,
                           run->err));
    SB_TRY(sb_exec__inner_open(run, root, &run->root));
    return sb_exec__inner_row(run->root, &run->no_columns, 0);
}

/* of: whose part it is, or NULL. */
static sb_status open_plan(const sb_compiled *compiled, const sb_plan *root, sb_exec *of,
                           const sb_exec_options *options, sb_exec **exec, sb_err *err)
{
    sb_exec *run = sb_alloc_zero(options->alloc, sizeof *run);

    *exec = NULL;
    if (run == NULL) return SB_FAIL_NOMEM(err);
    run->compiled = compiled;
    run->err = err;
    run->is_part = of != NULL;
    if (of != NULL) run->part_options = *options;
    run->input = of != NULL ? of->input : &run->own_input;
    run->budget.base = (sb_allocator){
        .ctx = &run->budget, .alloc = budget_alloc, .resize = budget_resize, .free = budget_free};
    run->budget.inner = options->alloc;
    run->budget.of = of == NULL ? NULL : &of->budget;
    run->alloc = &run->budget.base;
    sb_exec__reader_init(run);
    take_options(run, of != NULL ? &run->part_options : options);
    run->arena = sb_arena_create(run->alloc, NULL);
    const sb_status status =
        leave(run, run->arena == NULL ? sb_exec__no_memory(run) : open_run(run, root));
    if (status != SB_OK) {
        sb_exec_close(run);
        return status;
    }
    *exec = run;
    return SB_OK;
}

sb_status sb_exec_open(const sb_compiled *compiled, const sb_exec_options *options, sb_exec **exec,
                       sb_err *err)
{
    return open_plan(compiled, compiled->root, NULL, options, exec, err);
}

sb_status sb_exec_reset(sb_exec *run, const sb_exec_options *options, sb_err *err)
{
    const uint64_t state = run->state;

    run->err = err;
    take_options(run, options);
    if (sb_arena_bytes(run->constants) != 0) sb_arena_reset(run->constants);
    begin_functions(run);
    sb_exec__forget_deleted(run);
    sb_unique_doubts_clear(&run->doubts);
    run->any_deleted = false;
    if (run->state != state)
        for (sb_name_ref *name = run->all_names; name != NULL; name = name->next)
            find_again(run, name);
    if (run->profile != NULL)
        memset(run->profile, 0, run->compiled->plan_count * sizeof *run->profile);
    if (run->fresh) return SB_OK;
    run->fresh = true; /* nothing of the run before is kept */
    return leave(run, sb_exec__inner_row(run->root, &run->no_columns, 0));
}

void sb_exec_stop(sb_exec *run)
{
    run->current = NULL;
    run->ended = true;
    if (run->fresh) return;
    run->fresh = true;
    for (sb_operator *op = run->newest; op != NULL; op = op->older) {
        if (op->ops->reset != NULL) op->ops->reset(op);
        /* A statement may lie for long until it is run again, or given up. */
        if (sb_arena_bytes(op->step) != 0) sb_arena_reset(op->step);
    }
    /* No constant is read again before a reset, which makes them anew. */
    if (sb_arena_bytes(run->constants) != 0) sb_arena_reset(run->constants);
    sb_exec__label_bits_free(run);
    sb_exec__list_tables_free(run);
}

/* ---- Parts ------------------------------------------------------------------------------------------------------------- */

sb_status sb_exec__part_open(sb_exec *of, const sb_plan *plan, sb_graph *graph,
                             const _Atomic bool *cancel, sb_exec **part, sb_err *err)
{
    sb_exec_options options = *of->options;

    options.graph = graph;
    options.workers = NULL;
    options.next_transaction = NULL;
    if (cancel != NULL) {
        options.cancel = cancel;
        options.progress = NULL;
    }
    SB_TRY(open_plan(of->compiled, plan, of, &options, part, err));
    (*part)->fresh = false; /* it runs for one run of the statement */
    return SB_OK;
}

void sb_exec__part_stop(sb_exec *part, bool keep_root)
{
    part->fresh = true;
    for (sb_operator *op = part->newest; op != NULL; op = op->older)
        if (op->ops->reset != NULL && !(keep_root && op == part->root->root)) op->ops->reset(op);
}

void sb_exec__part_profile(sb_exec *of, const sb_exec *part)
{
    if (of->profile == NULL || part->profile == NULL) return;
    for (uint32_t i = 0; i < of->compiled->plan_count; i++) {
        of->profile[i].rows += part->profile[i].rows;
        of->profile[i].batches += part->profile[i].batches;
        of->profile[i].time_ns += part->profile[i].time_ns;
        of->profile[i].pages += part->profile[i].pages;
        of->profile[i].spilled_bytes += part->profile[i].spilled_bytes;
        of->profile[i].spilled_parts += part->profile[i].spilled_parts;
    }
}

/* Look-ups that are made before an estimate of just as many as are worth it is believed: one in so many. The more are expected, the further off the
 * estimate would have to be, and the fewer are made. */
#define DOUBTED 8u

bool sb_exec__is_due(const sb_exec *run, uint64_t asked, double expected, uint64_t worth)
{
    const double mine = run->is_part ? expected / run->options->threads : expected,
                 least = (double)worth;
    return asked >= worth || (mine >= least && (double)asked * DOUBTED * mine >= least * least);
}

/* ---- Rows --------------------------------------------------------------------------------------------------------------- */

sb_status sb_exec_next(sb_exec *run, uint32_t *row_count, sb_err *err)
{
    *row_count = 0;
    run->err = err;
    run->func.err = err;
    run->current = NULL;
    if (run->failed) return SB_FAIL(err, SB_MISUSE, "the run has failed: reset it first");
    if (run->ended) return SB_OK;
    run->fresh = false;
    SB_TRY(leave(run, sb_exec__tick(run)));
    SB_TRY(leave(run, sb_exec__next(run->root->root, &run->current)));
    if (run->current == NULL) {
        run->ended = true;
        return leave(run, sb_exec__settle(run));
    }
    *row_count = run->current->row_count;
    run->ended = run->current->last && !run->compiled->writes;
    run->rows += *row_count;
    return SB_OK;
}

uint32_t sb_exec_depth(const sb_exec *run)
{
    return run->deepest;
}

bool sb_exec_is_over(const sb_exec *run)
{
    return run->ended;
}

const struct sb_vector *sb_exec_vector(const sb_exec *run, uint32_t column)
{
    const sb_plan *root = run->compiled->root;

    return run->current->columns[root->as.result.columns[column]->slot];
}

sb_val sb_exec_value(const sb_exec *run, uint32_t column, uint32_t row)
{
    return sb_vector_at(sb_exec_vector(run, column), row);
}

size_t sb_exec_memory(const sb_exec *run)
{
    return run == NULL ? 0 : run->budget.used;
}

void sb_exec_stats_get(const sb_exec *run, sb_exec_stats *stats)
{
    *stats = run->stats;
}

const sb_exec_operator_profile *sb_exec_profile(const sb_exec *run)
{
    return run->profile;
}

void sb_exec_close(sb_exec *run)
{
    if (run == NULL) return;
    for (sb_operator *op = run->newest; op != NULL; op = op->older)
        sb_exec__operator_close(op);
    sb_exec__evals_close(run);
    sb_exec__label_bits_free(run);
    sb_exec__list_tables_free(run);
    sb_func_context_deinit(&run->func);
    sb_zones_destroy(run->func.zones);
    sb_deleted__deinit(&run->deleted.nodes);
    sb_deleted__deinit(&run->deleted.rels);
    sb_deleted__deinit(&run->deleted.pending);
    sb_unique_doubts_clear(&run->doubts);
    sb_arena_destroy(run->constants);
    sb_arena_destroy(run->arena);
    sb_free(run->budget.inner, run, sizeof *run);
}
