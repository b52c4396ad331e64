/* recover.c — salvage of damaged files, which needs no handle. */
#include <string.h>

#include "api/api_priv.h"

typedef struct recovery {
    const char *damaged, *path;
    void (*lost)(void *ctx, const char *message);
    void *lost_ctx;
    sb_recover_result found;
} recovery;

static sb_status recover(sombra_db *alone, recovery *r, sb_err *err)
{
    sb_profile profile;
    sb_recover_options options = {.alloc = &alone->memory.base,
                                  .profile = &profile,
                                  .txn_memory_bytes = sombra__transaction_memory(alone),
                                  .memory = &alone->memory,
                                  .lost = r->lost,
                                  .lost_ctx = r->lost_ctx};
    sb_status status;

    memset(&profile, 0, sizeof profile);
    SB_TRY(sombra__files_open(alone, &options.vfs, err));
    status = sombra__of_new_file(
        r->path, sb_graph_recover(r->damaged, r->path, &options, &r->found, err), err);
    sombra__files_close(alone, options.vfs);
    return status;
}

/* alone: zeroed but for base. */
static sb_status recover_within(sombra_db *alone, recovery *r, const sombra_options *options,
                                sb_err *err)
{
    sb_status status;

    if (r->damaged == NULL || r->path == NULL)
        return SB_FAIL(err, SB_MISUSE,
                       "sombra_recover: the damaged file and the new one are needed");
    SB_TRY(sombra__new_path_check(r->path, err));
    SB_TRY(sombra__alone_begin(alone, options, err));
    status = recover(alone, r, err);
    sombra__alone_end(alone);
    return status;
}

sombra_status sombra__recover(const char *damaged, const char *path, const sombra_options *options,
                              const sombra_base *base, void (*lost)(void *ctx, const char *message),
                              void *ctx, sombra_recover_result *result, sombra_error *error)
{
    recovery r = {.damaged = damaged, .path = path, .lost = lost, .lost_ctx = ctx};
    sombra_db *alone = sb_alloc_zero(base->alloc, sizeof *alone);
    sb_err err;
    sb_status status;

    sb_err_clear(&err);
    if (alone == NULL) {
        status = SB_FAIL_NOMEM(&err);
    } else {
        alone->base = *base;
        status = recover_within(alone, &r, options, &err);
    }
    if (result != NULL)
        *result = (sombra_recover_result){.nodes = r.found.nodes,
                                          .rels = r.found.rels,
                                          .lost_nodes = r.found.lost_nodes,
                                          .lost_rels = r.found.lost_rels,
                                          .damaged_pages = r.found.damaged_pages,
                                          .nodes_known = r.found.nodes_known,
                                          .rels_known = r.found.rels_known,
                                          .lost_properties = r.found.lost_props,
                                          .lost_names = r.found.lost_names,
                                          .lost_label_sets = r.found.lost_sets,
                                          .lost_schemas = r.found.lost_schemas,
                                          .messages = r.found.messages};
    sombra__error_copy(&err, error);
    if (alone != NULL) sombra__name_limit(alone, error);
    sb_free(base->alloc, alone, sizeof *alone);
    return sombra__status(status);
}

sombra_status sombra_recover(const char *damaged, const char *path, const sombra_options *options,
                             void (*lost)(void *ctx, const char *message), void *ctx,
                             sombra_recover_result *result, sombra_error *error)
{
    const sombra_base base = {.alloc = &sb_allocator_libc, .maps = true};
    return sombra__recover(damaged, path, options, &base, lost, ctx, result, error);
}
