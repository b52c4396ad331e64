/* options.c — the options of sombra_open: one table behind defaults, names, help and parsing. */
#include <stddef.h>
#include <string.h>

#include "api/api_priv.h"

typedef enum sb_option_kind {
    OPTION_BOOL,
    OPTION_U32,
    OPTION_U64,
    OPTION_CHOICE,
    OPTION_TEXT
} sb_option_kind;

typedef struct sb_option {
    const char *name, *default_value;
    sb_option_kind kind;
    size_t offset;          /* in sombra_options */
    uint64_t min, max;      /* of numbers; of TEXT max is its room, the NUL included */
    const char *choices[4]; /* of CHOICE: value i is choices[i] */
    const char *help;
} sb_option;

#define FIELD(f) offsetof(sombra_options, f)
static const sb_option options_table[] = {
    {"create", "true", OPTION_BOOL, FIELD(create), 0, 1, {0}, "make the file when it is absent"},
    {"create_whole",
     "false",
     OPTION_BOOL,
     FIELD(create_whole),
     0,
     1,
     {0},
     "a file that create makes gets its name when it is closed after a commit"},
    {"read_only", "false", OPTION_BOOL, FIELD(read_only), 0, 1, {0}, "refuse every write"},
    {"immutable",
     "false",
     OPTION_BOOL,
     FIELD(immutable),
     0,
     1,
     {0},
     "nobody writes the file: read it without locks, WAL or shared memory"},
    {"checkpoint_thread",
     "true",
     OPTION_BOOL,
     FIELD(checkpoint_thread),
     0,
     1,
     {0},
     "automatic checkpoints run on a thread of their own"},
    {"trusted_endpoints",
     "false",
     OPTION_BOOL,
     FIELD(trusted_endpoints),
     0,
     1,
     {0},
     "do not check that the endpoints of new relationships exist"},
    {"distinct_neighbors",
     "false",
     OPTION_BOOL,
     FIELD(distinct_neighbors),
     0,
     1,
     {0},
     "list each neighbor once, however many relationships lead to it"},
    {"profile",
     "false",
     OPTION_BOOL,
     FIELD(profile),
     0,
     1,
     {0},
     "count and time the parts of the work (also SOMBRA_PROFILE=1)"},
    {"durability",
     "full",
     OPTION_CHOICE,
     FIELD(durability),
     0,
     2,
     {"full", "normal", "off", NULL},
     "full: synced before commit returns; normal: at checkpoints; off: never"},
    {"read_mode",
     "auto",
     OPTION_CHOICE,
     FIELD(read_mode),
     0,
     2,
     {"auto", "map", "cache", NULL},
     "map the file, or read it through a bounded page cache"},
    {"page_size",
     "8192",
     OPTION_U32,
     FIELD(page_size),
     4096,
     65536,
     {0},
     "bytes of a page of a new file: a power of two from 4k to 64k"},
    {"cache_pages",
     "4096",
     OPTION_U32,
     FIELD(cache_pages),
     8,
     0x7FFFFFFF,
     {0},
     "pages held with read_mode=cache; at most a quarter of memory_limit"},
    {"autocheckpoint",
     "1000",
     OPTION_U32,
     FIELD(autocheckpoint),
     0,
     0x7FFFFFFF,
     {0},
     "pages in the WAL that start a checkpoint; 0: never"},
    {"busy_timeout_ms",
     "5000",
     OPTION_U32,
     FIELD(busy_timeout_ms),
     0,
     0xFFFFFFFF,
     {0},
     "milliseconds to wait for the writer lock"},
    {"edge_cache_capacity",
     "8192",
     OPTION_U32,
     FIELD(edge_cache_capacity),
     0,
     1u << 28,
     {0},
     "entries of a write transaction's node-existence cache; 0: none"},
    {"memory_limit",
     "0",
     OPTION_U64,
     FIELD(memory_limit),
     0,
     UINT64_MAX,
     {0},
     "bytes of heap and cache; 0: a quarter of the machine's memory"},
    {"transaction_memory",
     "0",
     OPTION_U64,
     FIELD(transaction_memory),
     0,
     UINT64_MAX,
     {0},
     "bytes of changed pages a transaction holds before it spills; 0: an eighth of memory_limit"},
    {"import_dirs",
     "",
     OPTION_TEXT,
     FIELD(import_dirs),
     0,
     sizeof((sombra_options *)0)->import_dirs,
     {0},
     "folders that LOAD CSV may read, ':' between them; empty: none"},
    {"threads",
     "0",
     OPTION_U32,
     FIELD(threads),
     0,
     SB_WORKERS_MAX,
     {0},
     "threads that a statement may work with; 0: all cores"},
};
#define OPTION_COUNT (sizeof options_table / sizeof *options_table)

bool sombra_options_describe(size_t i, const char **name, const char **default_value,
                             const char **help)
{
    *name = *default_value = *help = NULL;
    if (i >= OPTION_COUNT) return false;
    *name = options_table[i].name;
    *default_value = options_table[i].default_value;
    *help = options_table[i].help;
    return true;
}

/* Case of ASCII alone: option names and values are ASCII. */
static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool equal_ignoring_case(const char *a, const char *b)
{
    while (*a != '\0' && lower(*a) == lower(*b))
        a++, b++;
    return *a == '\0' && *b == '\0';
}

bool sombra__parse_bool(const char *text, bool *value)
{
    static const char *const names[2][5] = {{"false", "off", "no", "0", NULL},
                                            {"true", "on", "yes", "1", NULL}};

    for (int truth = 0; truth < 2; truth++)
        for (int i = 0; names[truth][i] != NULL; i++)
            if (equal_ignoring_case(text, names[truth][i])) {
                *value = truth != 0;
                return true;
            }
    return false;
}

/* Decimal digits with an optional k, m or g (1,024 each) behind. */
static bool parse_size(const char *text, uint64_t *value)
{
    uint64_t number = 0;
    unsigned shift = 0;

    if (*text < '0' || *text > '9') return false;
    for (; *text >= '0' && *text <= '9'; text++)
        if (SB_MUL_OVERFLOWS(number, 10u, &number) ||
            SB_ADD_OVERFLOWS(number, (uint64_t)(*text - '0'), &number))
            return false;
    switch (lower(*text)) {
    case 'k': shift = 10; break;
    case 'm': shift = 20; break;
    case 'g': shift = 30; break;
    default: break;
    }
    if (shift != 0) text++;
    if (*text != '\0' || number > UINT64_MAX >> shift) return false;
    *value = number << shift;
    return true;
}

/* Name number i of the options, for sb_cypher_nearest. */
static sb_bytes next_option(void *ctx, size_t i)
{
    (void)ctx;
    if (i >= OPTION_COUNT) return (sb_bytes){0};
    return sb_bytes_of(options_table[i].name, strlen(options_table[i].name));
}

static sb_status no_such_option(const char *name, sb_err *err)
{
    sb_bytes near;

    if (!sb_cypher_nearest(sb_bytes_of(name, strlen(name)), next_option, NULL, &near))
        return SB_FAIL(err, SB_INVALID, "there is no option '%s'", name);
    return SB_FAIL(err, SB_INVALID, "there is no option '%s'; did you mean '%.*s'?", name,
                   (int)near.size, (const char *)near.data);
}

static sb_status set_number(sombra_options *options, const sb_option *option, const char *value,
                            sb_err *err)
{
    uint64_t number;
    uint8_t *field = (uint8_t *)options + option->offset;

    if (!parse_size(value, &number) || number < option->min || number > option->max)
        return SB_FAIL(err, SB_INVALID, "option %s: '%s' is no number from %llu to %llu",
                       option->name, value, (unsigned long long)option->min,
                       (unsigned long long)option->max);
    if (option->offset == FIELD(page_size) && (number & (number - 1)) != 0)
        return SB_FAIL(err, SB_INVALID, "option page_size: %s is not a power of two", value);
    if (option->kind == OPTION_U32) {
        const uint32_t narrow = (uint32_t)number;
        memcpy(field, &narrow, sizeof narrow);
    } else {
        memcpy(field, &number, sizeof number);
    }
    return SB_OK;
}

static sb_status set_option(sombra_options *options, const char *name, const char *value,
                            sb_err *err)
{
    const sb_option *option = NULL;
    uint8_t *field;

    for (size_t i = 0; i < OPTION_COUNT && option == NULL; i++)
        if (equal_ignoring_case(name, options_table[i].name)) option = &options_table[i];
    if (option == NULL) return no_such_option(name, err);
    field = (uint8_t *)options + option->offset;
    switch (option->kind) {
    case OPTION_BOOL: {
        bool truth;
        if (!sombra__parse_bool(value, &truth))
            return SB_FAIL(err, SB_INVALID, "option %s: '%s' is neither true nor false",
                           option->name, value);
        memcpy(field, &truth, sizeof truth);
        return SB_OK;
    }
    case OPTION_CHOICE:
        for (uint8_t i = 0; option->choices[i] != NULL; i++)
            if (equal_ignoring_case(value, option->choices[i])) {
                *field = i;
                return SB_OK;
            }
        return SB_FAIL(err, SB_INVALID, "option %s: '%s' is none of %s, %s, %s", option->name,
                       value, option->choices[0], option->choices[1], option->choices[2]);
    case OPTION_U32:
    case OPTION_U64: return set_number(options, option, value, err);
    case OPTION_TEXT:
        if (strlen(value) >= option->max)
            return SB_FAIL(err, SB_INVALID, "option %s: more than %llu bytes", option->name,
                           (unsigned long long)option->max - 1);
        memset(field, 0, option->max);
        memcpy(field, value, strlen(value) + 1);
        return SB_OK;
    }
    return SB_OK;
}

sb_status sombra__options_check(const sombra_options *options, sb_err *err)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const sb_option *option = &options_table[i];
        const uint8_t *field = (const uint8_t *)options + option->offset;
        uint64_t number = *field; /* of a choice; a bool is 0 or 1 by its type */
        uint32_t narrow;

        if (option->kind == OPTION_TEXT) {
            if (memchr(field, '\0', option->max) == NULL)
                return SB_FAIL(err, SB_INVALID, "option %s has no end", option->name);
            continue;
        }

        if (option->kind == OPTION_U32) {
            memcpy(&narrow, field, sizeof narrow);
            number = narrow;
        } else if (option->kind == OPTION_U64) {
            memcpy(&number, field, sizeof number);
        }
        if (number < option->min || number > option->max ||
            (option->offset == FIELD(page_size) && (number & (number - 1)) != 0))
            return SB_FAIL(err, SB_INVALID, "option %s: %llu is not allowed", option->name,
                           (unsigned long long)number);
    }
    return SB_OK;
}

sombra_status sombra_options_set(sombra_options *options, const char *name, const char *value,
                                 sombra_error *error)
{
    sb_err err;
    sb_status status;

    sb_err_clear(&err);
    status = options == NULL || name == NULL || value == NULL
                 ? SB_FAIL(&err, SB_MISUSE, "sombra_options_set: an argument is NULL")
                 : set_option(options, name, value, &err);
    sombra__error_copy(&err, error);
    return sombra__status(status);
}

void sombra_options_init_for(sombra_options *options, uint32_t abi, uint32_t struct_bytes)
{
    sombra_options defaults;

    memset(&defaults, 0, sizeof defaults);
    for (size_t i = 0; i < OPTION_COUNT; i++) /* the table's own defaults parse: tests see to it */
        (void)!set_option(&defaults, options_table[i].name, options_table[i].default_value, NULL);
    defaults.abi = abi;
    defaults.struct_bytes = struct_bytes;
    /* A caller with a shorter, older struct gets its part; in a longer, newer one the rest is 0. */
    if (struct_bytes > sizeof defaults)
        memset((uint8_t *)options + sizeof defaults, 0, struct_bytes - sizeof defaults);
    memcpy(options, &defaults, struct_bytes < sizeof defaults ? struct_bytes : sizeof defaults);
}
