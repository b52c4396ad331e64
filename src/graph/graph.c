/* graph.c — the graph object of a session: made once, bound to each transaction in turn; atomic calls. */
#include "graph/graph_priv.h"

/* ---- Session and transaction extensions ---------------------------------------------------------------- */

static sb_status create_graph(sb_session *session, void **object, sb_err *err)
{
    const sb_pager *pager = sb_session_pager(session);
    const sb_allocator *alloc = sb_pager_alloc(pager);
    sb_graph *graph = sb_alloc_zero(alloc, sizeof *graph);

    *object = NULL;
    if (graph == NULL) return SB_FAIL_NOMEM(err);
    graph->session = session;
    graph->alloc = alloc;
    graph->profile = sb_pager_profile(pager);
    sb_graph_settings_init(&graph->settings);
    sb_writer__init(&graph->writer, alloc);
    sb_buffer_init(&graph->neighbor_ids, alloc);
    sb_buffer_init(&graph->rel_ids, alloc);
    graph->results = sb_arena_create(alloc, NULL);
    if (graph->results == NULL) {
        sb_free(alloc, graph, sizeof *graph);
        return SB_FAIL_NOMEM(err);
    }
    *object = graph;
    return SB_OK;
}

static void destroy_graph(void *object)
{
    sb_graph *graph = object;
    sb_writer__deinit(graph);
    sb_arena_destroy(graph->results);
    sb_buffer_deinit(&graph->neighbor_ids);
    sb_buffer_deinit(&graph->rel_ids);
    sb_free(graph->alloc, graph, sizeof *graph);
}

static const sb_session_ext_kind session_kind = {
    .name = "graph", .create = create_graph, .destroy = destroy_graph};

/* Runs before the view writes statistics and roots: flushing changes both. */
static sb_status before_commit(void *ctx, sb_err *err)
{
    sb_graph *graph = ctx;
    if (!graph->writer.active) return SB_OK;
    graph->committing = true;
    const sb_status flushed = sb_writer__flush(graph, 0, err);
    graph->committing = false;
    if (flushed != SB_OK) return flushed;
    return sb_constraints__check_touched(graph, err);
}

static sb_status bind_graph(sb_txn *txn, void **object, sb_err *err)
{
    void *graph_object;
    sb_graph *graph;

    *object = NULL;
    SB_TRY(sb_session_ext_get(sb_txn_session(txn), &session_kind, &graph_object, err));
    graph = graph_object;
    SB_TRY(sb_view_get(txn, &graph->view, err));
    sb_view_before_commit(graph->view, before_commit, graph);
    graph->txn = txn;
    *object = graph;
    return SB_OK;
}

static sb_status mark_graph(void *object, sb_txn *txn, uint32_t savepoint, sb_err *err)
{
    (void)txn;
    return sb_writer__mark(object, savepoint, err);
}

static void rollback_graph(void *object, sb_txn *txn, uint32_t savepoint)
{
    (void)txn;
    sb_writer__rollback_to(object, savepoint);
}

static void release_graph(void *object, sb_txn *txn, uint32_t savepoint)
{
    (void)txn;
    sb_writer__release(object, savepoint);
}

static void end_graph(void *object, bool committed)
{
    sb_graph *graph = object;
    (void)committed;
    sb_writer__reset(graph);
    graph->txn = NULL;
    graph->view = NULL;
}

static const sb_txn_ext_kind txn_kind = {.name = "graph",
                                         .create = bind_graph,
                                         .savepoint = mark_graph,
                                         .rollback_to = rollback_graph,
                                         .release = release_graph,
                                         .end = end_graph};

sb_status sb_graph_get(sb_txn *txn, sb_graph **graph, sb_err *err)
{
    void *object;
    *graph = NULL;
    SB_TRY(sb_txn_ext_get(txn, &txn_kind, &object, err));
    *graph = object;
    return SB_OK;
}

sb_view *sb_graph_view(sb_graph *graph)
{
    return graph->view;
}
sb_txn *sb_graph_txn(sb_graph *graph)
{
    return graph->txn;
}
sb_arena *sb_graph_arena(sb_graph *graph)
{
    return graph->results;
}

/* ---- Settings ---------------------------------------------------------------------------------------------- */

void sb_graph_settings_init(sb_graph_settings *settings)
{
    *settings = (sb_graph_settings){.edge_cache_capacity = 8192};
}

sb_graph_settings sb_graph_settings_of(const sb_graph *graph)
{
    return graph->settings;
}

sb_status sb_graph_configure(sb_session *session, const sb_graph_settings *settings, sb_err *err)
{
    void *object;
    sb_graph *graph;

    SB_TRY(sb_session_ext_get(session, &session_kind, &object, err));
    graph = object;
    graph->settings = *settings;
    return SB_OK;
}

sb_status sb_graph__settings(sb_session *session, sb_graph_settings *settings, sb_err *err)
{
    void *object;

    SB_TRY(sb_session_ext_get(session, &session_kind, &object, err));
    *settings = ((const sb_graph *)object)->settings;
    return SB_OK;
}

sb_status sb_graph__tick(sb_graph *graph, uint64_t done, uint64_t total, sb_err *err)
{
    const sb_graph_settings *settings = &graph->settings;

    if (settings->cancel != NULL && atomic_load_explicit(settings->cancel, memory_order_relaxed))
        return SB_FAIL(err, SB_INTERRUPT, "cancelled");
    if (settings->progress != NULL && !settings->progress(settings->progress_ctx, done, total))
        return SB_FAIL(err, SB_INTERRUPT, "cancelled by the progress callback");
    return SB_OK;
}

sb_status sb_graph__work(sb_graph *graph, size_t units, sb_err *err)
{
    sb_writer *writer = &graph->writer;
    const uint64_t before = writer->work / SB_GRAPH_STEP;

    writer->work += units;
    return writer->work / SB_GRAPH_STEP == before ? SB_OK : sb_graph__poll(graph, err);
}

sb_status sb_graph__poll(sb_graph *graph, sb_err *err)
{
    if (!graph->committing) return sb_graph__tick(graph, graph->writer.work, 0, err);
    /* A commit can be cancelled, but has no time limit, and is nobody's progress. */
    return graph->settings.cancel != NULL &&
                   atomic_load_explicit(graph->settings.cancel, memory_order_relaxed)
               ? SB_FAIL(err, SB_INTERRUPT, "the commit was cancelled")
               : SB_OK;
}

/* ---- Calls --------------------------------------------------------------------------------------------------- */

sb_arena *sb_graph__results(sb_graph *graph)
{
    sb_arena_reset(graph->results);
    return graph->results;
}

sb_status sb_graph__enclosed_begin(sb_graph *graph, sb_err *err)
{
    SB_TRY(sb_writer__begin(graph, err));
    graph->writer.work = 0;
    return SB_OK;
}

sb_status sb_graph__enclosed_end(sb_graph *graph, sb_status status, sb_err *err)
{
    /* Statistics are changed by calls that can not fail; what became of them is told here. */
    return status == SB_OK ? sb_view_found(graph->view, err) : status;
}

sb_status sb_graph__atomic_begin(sb_graph *graph, uint32_t *savepoint, sb_err *err)
{
    *savepoint = 0;
    SB_TRY(sb_graph__enclosed_begin(graph, err));
    return sb_txn_savepoint(graph->txn, savepoint, err);
}

sb_status sb_graph__atomic_end(sb_graph *graph, uint32_t savepoint, sb_status status, sb_err *err)
{
    sb_status cleanup;

    status = sb_graph__enclosed_end(graph, status, err);
    if (status == SB_OK) return sb_txn_release(graph->txn, savepoint, err);
    cleanup = sb_txn_rollback_to(graph->txn, savepoint, err);
    if (cleanup == SB_OK) cleanup = sb_txn_release(graph->txn, savepoint, err);
    /* The first failure is what the caller hears of; err keeps it too. */
    return cleanup == SB_OK || status != SB_OK ? status : cleanup;
}

sb_status sb_graph__grow_array(const sb_allocator *alloc, void *array, size_t size, size_t count,
                               size_t *capacity, sb_err *err)
{
    void *old, *grown;
    size_t wanted = *capacity < 16 ? 16 : *capacity, bytes;

    while (wanted < count)
        if (!sb_mul_size(wanted, 2, &wanted)) return SB_FAIL_NOMEM(err);
    if (!sb_mul_size(wanted, size, &bytes)) return SB_FAIL_NOMEM(err);
    memcpy(&old, array, sizeof old); /* array is a pointer to a pointer of another type */
    grown = old == NULL ? sb_alloc(alloc, bytes) : sb_resize(alloc, old, *capacity * size, bytes);
    if (grown == NULL) return SB_FAIL_NOMEM(err);
    memcpy(array, &grown, sizeof grown);
    *capacity = wanted;
    return SB_OK;
}

const char *sb_graph__name(sb_graph *graph, sb_name_kind kind, uint32_t id, char *buf, size_t bytes)
{
    const sb_bytes name = sb_name_of(graph->view, kind, id);
    const size_t size = name.size < bytes - 1 ? name.size : bytes - 1;

    if (size != 0) memcpy(buf, name.data, size);
    buf[size] = '\0';
    return buf;
}
