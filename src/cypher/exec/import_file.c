/* import_file.c — which file a query may read: only those in the folders of import_dirs. What a path leads to through links counts, not what it
 * says. */
#include "cypher/exec/import.h"

static sb_status refuse(sb_exec *run, const char *what, sb_bytes url, const char *why)
{
    return sb_cypher_fail_runtime(run->err, SB_CYPHER_EXTERNAL_RESOURCE_FAILED, "%s '%.*s': %s",
                                  what, (int)(url.size < 200 ? url.size : 200),
                                  (const char *)url.data, why);
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* file:///a%20b is /a b; what has no scheme is a path as it is. */
static sb_status path_of_url(sb_exec *run, const char *what, sb_bytes url, char **path)
{
    static const char scheme[] = "file://";
    const bool is_url =
        url.size >= sizeof scheme - 1 && memcmp(url.data, scheme, sizeof scheme - 1) == 0;
    const uint8_t *from = url.data + (is_url ? sizeof scheme - 1 : 0), *end = url.data + url.size;
    size_t size = 0;

    *path = sb_arena_strndup(run->func.arena, (const char *)url.data, url.size);
    if (*path == NULL) return sb_exec__no_memory(run);
    if (!is_url && strstr(*path, "://") != NULL)
        return refuse(run, what, url, "only files are read, as file:///… or by their path");
    if (memchr(url.data, '\0', url.size) != NULL)
        return refuse(run, what, url, "no name of a file");
    for (; from < end; from++) {
        const bool coded = is_url && *from == '%' && end - from > 2 && hex_digit(from[1]) >= 0 &&
                           hex_digit(from[2]) >= 0;
        (*path)[size++] =
            coded ? (char)(hex_digit(from[1]) * 16 + hex_digit(from[2])) : (char)*from;
        if (coded && (*path)[size - 1] == '\0') return refuse(run, what, url, "no name of a file");
        if (coded) from += 2;
    }
    (*path)[size] = '\0';
    return SB_OK;
}

/* Does a resolved path lie below a resolved folder? */
static bool is_below(const char *path, const char *folder)
{
    const size_t size = strlen(folder);

    if (strncmp(path, folder, size) != 0) return false;
    return size == 0 || folder[size - 1] == '/' || path[size] == '/';
}

static sb_status resolve(sb_exec *run, const char *path, char **resolved)
{
    sb_vfs *vfs = run->options->vfs;
    char *found;
    size_t bytes;

    SB_TRY(sb_vfs_resolve(vfs, run->alloc, path, &found, &bytes, run->err));
    *resolved = sb_arena_strndup(run->func.arena, found, bytes - 1);
    sb_free(run->alloc, found, bytes);
    return *resolved != NULL ? SB_OK : sb_exec__no_memory(run);
}

/* The file, if it is in this folder; *file NULL: it is not. */
static sb_status file_in(sb_exec *run, const char *folder, const char *path, char **file)
{
    char *base, *joined, *resolved;
    bool exists;

    *file = NULL;
    SB_TRY(resolve(run, folder, &base));
    for (int whole = 1; whole >= 0; whole--) { /* the path itself, then below the folder */
        if (whole && path[0] != '/') continue;
        const size_t bytes = strlen(base) + strlen(path) + 2;
        joined = sb_arena_alloc(run->func.arena, bytes);
        if (joined == NULL) return sb_exec__no_memory(run);
        joined[0] = '\0';
        if (!whole) {
            memcpy(joined, base, strlen(base) + 1);
            if (path[0] != '/') memcpy(joined + strlen(joined), "/", 2);
        }
        memcpy(joined + strlen(joined), path, strlen(path) + 1);
        SB_TRY(resolve(run, joined, &resolved));
        if (!is_below(resolved, base)) continue;
        SB_TRY(run->options->vfs->ops->exists(run->options->vfs, resolved, &exists, run->err));
        if (!exists) continue;
        *file = resolved;
        return SB_OK;
    }
    return SB_OK;
}

sb_status sb_import__file(sb_exec *run, const char *what, sb_val named, char **file)
{
    const sb_bytes url = sb_val_text(named);
    char *path;

    *file = NULL;
    if (named.kind != SB_VAL_STRING) return sb_exec__type_error(run, what, "a string", named);
    if (run->options->import_dir_count == 0)
        return refuse(run, what, url,
                      "reading files is off: the option import_dirs names no folder");
    SB_TRY(path_of_url(run, what, url, &path));
    for (size_t i = 0; i < run->options->import_dir_count && *file == NULL; i++)
        SB_TRY(file_in(run, run->options->import_dirs[i], path, file));
    return *file != NULL
               ? SB_OK
               : refuse(run, what, url, "there is no such file in the folders of import_dirs");
}
