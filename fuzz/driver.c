/* driver.c — runs a fuzz target over files and folders without a fuzzer, so that each committed
 * corpus is a regression test with any compiler. Usage: fuzz_<x> PATH …; a missing folder is an
 * empty corpus. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static size_t inputs_run;

static int run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = NULL;
    size_t size = 0;
    size_t capacity = 0;

    if (file == NULL) {
        perror(path);
        return 1;
    }
    do {
        capacity = capacity == 0 ? 4096 : capacity * 2;
        uint8_t *grown = realloc(data, capacity);
        if (grown == NULL) abort();
        data = grown;
        size += fread(data + size, 1, capacity - size, file);
    } while (size == capacity);
    (void)fclose(file);

    /* A block of the exact size, so that a sanitizer sees a read past the end. */
    uint8_t *exact = malloc(size != 0 ? size : 1);
    if (exact == NULL) abort();
    memcpy(exact, data, size);
    free(data);
    (void)LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    inputs_run++;
    return 0;
}

static int run_path(const char *path)
{
    struct stat info;
    int failed = 0;

    if (stat(path, &info) != 0) return 0;
    if (!S_ISDIR(info.st_mode)) return run_file(path);
    DIR *dir = opendir(path);
    if (dir == NULL) {
        perror(path);
        return 1;
    }
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char name[4096];
        if (entry->d_name[0] == '.') continue;
        (void)snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        failed |= run_path(name);
    }
    (void)closedir(dir);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0;

    (void)LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++)
        failed |= run_path(argv[i]);
    printf("%zu inputs\n", inputs_run);
    return failed;
}
