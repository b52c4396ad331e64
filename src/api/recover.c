/* recover.c — salvage of damaged files, which needs no handle. */
#include <string.h>

#include "api/api_priv.h"

static sb_status recover(const char *damaged, const char *path, const sombra_base *base,
                         void (*lost)(void *ctx, const char *message), void *ctx,
                         sb_recover_result *result, sb_err *err)
{
    sb_profile profile;
    sb_recover_options options = {
        .alloc = base->alloc, .vfs = base->vfs, .profile = &profile, .lost = lost, .lost_ctx = ctx};
    sb_status status;

    if (damaged == NULL || path == NULL)
        return SB_FAIL(err, SB_MISUSE,
                       "sombra_recover: the damaged file and the new one are needed");
    SB_TRY(sombra__new_path_check(path, err));
    memset(&profile, 0, sizeof profile);
    if (options.vfs == NULL) SB_TRY(sb_vfs_posix_create(base->alloc, &options.vfs, err));
    status = sombra__of_new_file(path, sb_graph_recover(damaged, path, &options, result, err), err);
    if (options.vfs != base->vfs) sb_vfs_destroy(options.vfs);
    return status;
}

sombra_status sombra__recover(const char *damaged, const char *path, const sombra_base *base,
                              void (*lost)(void *ctx, const char *message), void *ctx,
                              sombra_recover_result *result, sombra_error *error)
{
    sb_recover_result found;
    sb_err err;
    sb_status status;

    sb_err_clear(&err);
    memset(&found, 0, sizeof found);
    status = recover(damaged, path, base, lost, ctx, &found, &err);
    if (result != NULL)
        *result = (sombra_recover_result){.nodes = found.nodes,
                                          .rels = found.rels,
                                          .lost_nodes = found.lost_nodes,
                                          .lost_rels = found.lost_rels,
                                          .damaged_pages = found.damaged_pages};
    sombra__error_copy(&err, error);
    return sombra__status(status);
}

sombra_status sombra_recover(const char *damaged, const char *path,
                             void (*lost)(void *ctx, const char *message), void *ctx,
                             sombra_recover_result *result, sombra_error *error)
{
    const sombra_base base = {.alloc = &sb_allocator_libc};
    return sombra__recover(damaged, path, &base, lost, ctx, result, error);
}
