/* config.c — places of the command's own files, after the XDG Base Directory Specification. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config.h"

/* Make the folders of a path that are missing. */
static void make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(path, 0700); /* one that can not be made shows when the file is opened */
        *slash = '/';
    }
}

char *config_path(const char *variable, const char *fallback, const char *name, bool make)
{
    const char *folder = getenv(variable), *home = getenv("HOME");
    text_buffer path = {0};

    /* the specification: what is not absolute is not followed */
    if (folder != NULL && folder[0] == '/') {
        put_text(&path, folder);
    } else if (home != NULL && home[0] == '/') {
        put_text(&path, home);
        put_text(&path, "/");
        put_text(&path, fallback);
    } else {
        return NULL;
    }
    put_text(&path, "/sombra/");
    put_text(&path, name);
    put(&path, "", 1);
    if (make) make_folders(path.data);
    return path.data;
}
