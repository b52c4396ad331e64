/* history.c — one entry a line, with "\\n" for line ends and "\\\\" for backslashes. Sessions add at the end, so several at a time lose
 * nothing; one that finds more than twice KEPT entries writes the file anew. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "history.h"

#define KEPT      5000u
#define ENTRY_MAX 65536u /* bytes; longer texts are remembered in the session alone */

struct history {
    char **entries; /* owned */
    size_t count;
    char *path;  /* owned; NULL: no file */
    bool is_cut; /* the file's last line has no end: the disk was full, or the power gone */
};

static void add_entry(history *h, char *text)
{
    char **grown = realloc(h->entries, (h->count + 1) * sizeof *grown);

    if (grown == NULL) exit(complain(8, "out of memory"));
    h->entries = grown;
    grown[h->count++] = text;
}

/* A line of the file as it was typed. */
static char *decode(const char *line, size_t bytes)
{
    char *text = malloc(bytes + 1), *to = text;

    if (text == NULL) exit(complain(8, "out of memory"));
    for (size_t i = 0; i < bytes; i++) {
        if (line[i] == '\\' && i + 1 < bytes) {
            i++;
            *to++ = line[i] == 'n' ? '\n' : line[i];
        } else {
            *to++ = line[i];
        }
    }
    *to = '\0';
    return text;
}

static void encode(text_buffer *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n')
            put_text(out, "\\n");
        else if (*text == '\\')
            put_text(out, "\\\\");
        else
            put(out, text, 1);
    }
    put_text(out, "\n");
}

/* A file that can not be written costs the history alone. */
static void write_entries(history *h, size_t first, bool anew)
{
    text_buffer text = {0};
    const int file =
        open(h->path, O_WRONLY | O_CREAT | O_CLOEXEC | (anew ? O_TRUNC : O_APPEND), 0600);

    if (file < 0) return;
    if (h->is_cut && !anew) put_text(&text, "\n");
    h->is_cut = false;
    for (size_t i = first; i < h->count; i++)
        if (strlen(h->entries[i]) <= ENTRY_MAX) encode(&text, h->entries[i]);
    (void)!write(file, text.data, text.size); /* one write: sessions do not mix their lines */
    (void)close(file);
    free(text.data);
}

char *history_path(bool make)
{
    const char *named = getenv("SOMBRA_HISTORY");
    char *path;

    if (named == NULL) return config_path("XDG_STATE_HOME", ".local/state", "history", make);
    if (*named == '\0') return NULL;
    if ((path = strdup(named)) == NULL) exit(complain(8, "out of memory"));
    return path;
}

history *history_open(void)
{
    history *h = calloc(1, sizeof *h);
    char *line = NULL;
    size_t capacity = 0;
    struct stat about;
    ssize_t bytes;
    FILE *file;

    if (h == NULL) exit(complain(8, "out of memory"));
    h->path = history_path(true);
    if (h->path != NULL && stat(h->path, &about) == 0 && !S_ISREG(about.st_mode)) {
        free(h->path); /* a device or pipe may give no end, or wait for ever */
        h->path = NULL;
    }
    if (h->path == NULL || (file = fopen(h->path, "re")) == NULL) return h;
    while ((bytes = getline(&line, &capacity, file)) > 0) {
        h->is_cut = line[bytes - 1] != '\n';
        if (bytes > 1) add_entry(h, decode(line, (size_t)bytes - !h->is_cut));
    }
    free(line);
    (void)fclose(file);
    if (h->count > 2 * KEPT) write_entries(h, h->count - KEPT, true);
    return h;
}

void history_close(history *h)
{
    for (size_t i = 0; i < h->count; i++)
        free(h->entries[i]);
    free(h->entries);
    free(h->path);
    free(h);
}

size_t history_count(const history *h)
{
    return h->count;
}

const char *history_at(const history *h, size_t i)
{
    return h->entries[i];
}

void history_add(history *h, const char *text, size_t bytes)
{
    char *copy;

    while (bytes != 0 && strchr(" \t\n", text[bytes - 1]) != NULL)
        bytes--;
    if (bytes == 0) return;
    copy = strndup(text, bytes);
    if (copy == NULL) exit(complain(8, "out of memory"));
    if (h->count != 0 && strcmp(h->entries[h->count - 1], copy) == 0) {
        free(copy);
        return;
    }
    add_entry(h, copy);
    if (h->path != NULL) write_entries(h, h->count - 1, false);
}

size_t history_find(const history *h, const char *text, size_t bytes, size_t before)
{
    for (size_t i = before < h->count ? before : h->count; i-- > 0;)
        if (memmem(h->entries[i], strlen(h->entries[i]), text, bytes) != NULL) return i;
    return SIZE_MAX;
}
