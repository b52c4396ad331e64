/* zone.c — time zones: TZif files (RFC 8536), the POSIX rule behind their last transition, and offsets of local times.
 * A zone's file is read on first use and kept. Names come from queries, so they are checked before a file is asked for, and each
 * number of a file before it is used. */
#include "graph/text_value.h"
#include "graph/zone_priv.h"
#include "os/os.h"

#define NAME_BYTES_MAX 64u
#define TYPES_MAX      256u
#define OFFSET_MAX     64800 /* seconds: 18 hours */
#define DAY            ((int64_t)86400)
#define FILE_BYTES_MAX (1u << 20) /* one that is larger is none */
#define TZIF_HEADER    44u

/* When a POSIX rule changes the clock: day of the year, and seconds of local time from its midnight. */
typedef struct rule_day {
    char form; /* 'J': 1 to 365 without leap days; 'N': 0 to 365; 'M': month, week, weekday */
    int day, month, week;
    int32_t seconds;
} rule_day;

typedef struct posix_rule {
    bool known, has_dst;
    int32_t standard, dst; /* seconds east */
    rule_day begin, end;   /* of daylight saving time */
} posix_rule;

struct sb_zone {
    struct sb_zone *next;
    char name[NAME_BYTES_MAX + 1];
    size_t name_size;
    int64_t *times; /* owned: instants of the transitions */
    uint8_t *to;    /* owned: type from then on */
    size_t count;
    int32_t offsets[TYPES_MAX]; /* of the types */
    unsigned type_count;
    posix_rule rule; /* behind the last transition */
};

struct sb_zones {
    const sb_allocator *alloc;
    sb_zone_read read;
    void *ctx;
    sb_zone *first; /* used last: queries mostly name one zone again and again */
    sb_zone_tables tables;
};

sb_status sb_zones_create(const sb_allocator *alloc, sb_zone_read read, void *ctx, sb_zones **zones,
                          sb_err *err)
{
    *zones = sb_alloc_zero(alloc, sizeof **zones);
    if (*zones == NULL) return SB_FAIL_NOMEM(err);
    (*zones)->alloc = alloc;
    (*zones)->read = read;
    (*zones)->ctx = ctx;
    sb_buffer_init(&(*zones)->tables.zones, alloc);
    sb_buffer_init(&(*zones)->tables.since1970, alloc);
    return SB_OK;
}

static void free_zone(const sb_allocator *alloc, sb_zone *z)
{
    sb_free(alloc, z->times, z->count * sizeof *z->times);
    sb_free(alloc, z->to, z->count);
    sb_free(alloc, z, sizeof *z);
}

void sb_zones_destroy(sb_zones *zones)
{
    if (zones == NULL) return;
    while (zones->first != NULL) {
        sb_zone *next = zones->first->next;
        free_zone(zones->alloc, zones->first);
        zones->first = next;
    }
    sb_buffer_deinit(&zones->tables.zones);
    sb_buffer_deinit(&zones->tables.since1970);
    sb_free(zones->alloc, zones, sizeof *zones);
}

/* ---- POSIX rules: CET-1CEST,M3.5.0,M10.5.0/3 ------------------------------------------------------------------------ */

typedef struct reader {
    const uint8_t *p, *end;
} reader;

static bool take(reader *r, char c)
{
    if (r->p == r->end || *r->p != (uint8_t)c) return false;
    r->p++;
    return true;
}

static bool take_number(reader *r, int most, int *number)
{
    const uint8_t *begin = r->p;

    *number = 0;
    while (r->p != r->end && *r->p >= '0' && *r->p <= '9') {
        *number = *number * 10 + (*r->p++ - '0');
        if (*number > most) return false;
    }
    return r->p != begin;
}

/* An abbreviation: letters, or anything between < and >. */
static bool skip_name(reader *r)
{
    const bool quoted = take(r, '<');
    const uint8_t *begin = r->p;

    while (
        r->p != r->end &&
        (quoted ? *r->p != '>' : (*r->p >= 'A' && *r->p <= 'Z') || (*r->p >= 'a' && *r->p <= 'z')))
        r->p++;
    if (r->p == begin) return false;
    return !quoted || take(r, '>');
}

/* [+-]h[:mm[:ss]], up to a week of hours in rules' times. */
static bool take_time(reader *r, int32_t *seconds)
{
    int hours, minutes = 0, rest = 0;
    const bool negative = take(r, '-');

    if (!negative) (void)take(r, '+');
    if (!take_number(r, 167, &hours)) return false;
    if (take(r, ':')) {
        if (!take_number(r, 59, &minutes)) return false;
        if (take(r, ':') && !take_number(r, 59, &rest)) return false;
    }
    *seconds = (hours * 60 + minutes) * 60 + rest;
    if (negative) *seconds = -*seconds;
    return true;
}

static bool take_day(reader *r, rule_day *day)
{
    *day = (rule_day){.form = 'N', .seconds = 7200};
    if (take(r, 'M')) {
        day->form = 'M';
        if (!take_number(r, 12, &day->month) || day->month < 1 || !take(r, '.') ||
            !take_number(r, 5, &day->week) || day->week < 1 || !take(r, '.') ||
            !take_number(r, 6, &day->day))
            return false;
    } else {
        if (take(r, 'J')) day->form = 'J';
        if (!take_number(r, 365, &day->day) || (day->form == 'J' && day->day < 1)) return false;
    }
    return !take(r, '/') || take_time(r, &day->seconds);
}

static bool read_rule(sb_bytes text, posix_rule *rule)
{
    reader r = {text.data, text.data + text.size};

    *rule = (posix_rule){.known = true};
    if (!skip_name(&r) || !take_time(&r, &rule->standard)) return false;
    rule->standard = -rule->standard; /* POSIX counts westward */
    if (r.p == r.end) return true;
    rule->has_dst = true;
    rule->dst = rule->standard + 3600;
    if (!skip_name(&r)) return false;
    if (r.p != r.end && *r.p != ',') {
        if (!take_time(&r, &rule->dst)) return false;
        rule->dst = -rule->dst;
    }
    return take(&r, ',') && take_day(&r, &rule->begin) && take(&r, ',') &&
           take_day(&r, &rule->end) && r.p == r.end;
}

/* Seconds from the year's first midnight, local time. */
static int64_t rule_seconds(const rule_day *day, int64_t year)
{
    const int64_t new_year = sb_days_of_date(year, 1, 1);
    const bool leap = sb_days_of_date(year + 1, 1, 1) - new_year == 366;
    int64_t days = day->day;

    if (day->form == 'J') {
        days = day->day - 1 + (leap && day->day >= 60);
    } else if (day->form == 'M') {
        const int64_t first = sb_days_of_date(year, (unsigned)day->month, 1);
        /* 1970-01-01 was a Thursday, number 4. */
        int64_t date = first + sb_floor_mod(day->day - (first + 4), 7) + (day->week - 1) * 7;
        const int64_t next = day->month == 12 ? sb_days_of_date(year + 1, 1, 1)
                                              : sb_days_of_date(year, (unsigned)day->month + 1, 1);
        if (date >= next) date -= 7;
        days = date - new_year;
    }
    return days * DAY + day->seconds;
}

static int32_t rule_offset(const posix_rule *rule, int64_t seconds)
{
    int64_t year;
    unsigned month, day;

    if (!rule->has_dst) return rule->standard;
    sb_date_of_days(sb_floor_div(seconds + rule->standard, DAY), &year, &month, &day);
    const int64_t midnight = sb_days_of_date(year, 1, 1) * DAY;
    const int64_t begin = midnight + rule_seconds(&rule->begin, year) - rule->standard;
    const int64_t end = midnight + rule_seconds(&rule->end, year) - rule->dst;
    /* In the south summer spans the turn of the year. */
    const bool summer =
        begin < end ? seconds >= begin && seconds < end : seconds >= begin || seconds < end;
    return summer ? rule->dst : rule->standard;
}

/* ---- TZif -------------------------------------------------------------------------------------------------------- */

typedef struct tzif_counts {
    uint32_t is_ut, is_std, leaps, times, types, chars;
} tzif_counts;

static bool read_header(sb_bytes file, size_t at, uint8_t *version, tzif_counts *counts)
{
    if (file.size < TZIF_HEADER || at > file.size - TZIF_HEADER ||
        memcmp(file.data + at, "TZif", 4) != 0)
        return false;
    const uint8_t *p = file.data + at;
    *version = p[4];
    *counts = (tzif_counts){.is_ut = sb_load_be32(p + 20),
                            .is_std = sb_load_be32(p + 24),
                            .leaps = sb_load_be32(p + 28),
                            .times = sb_load_be32(p + 32),
                            .types = sb_load_be32(p + 36),
                            .chars = sb_load_be32(p + 40)};
    return counts->types >= 1 && counts->types <= TYPES_MAX;
}

/* Sums of 32-bit counts times small sizes do not reach 64 bits. */
static uint64_t block_bytes(const tzif_counts *c, unsigned time_bytes)
{
    return (uint64_t)c->times * (time_bytes + 1u) + (uint64_t)c->types * 6u + c->chars +
           (uint64_t)c->leaps * (time_bytes + 4u) + c->is_std + c->is_ut;
}

/* What a date-time can have: more is no zone on Earth. */
static bool offset_valid(int64_t offset)
{
    return offset >= -OFFSET_MAX && offset <= OFFSET_MAX;
}

static bool read_types(const uint8_t *p, sb_zone *z)
{
    for (unsigned i = 0; i < z->type_count; i++) {
        z->offsets[i] = (int32_t)sb_load_be32(p + 6 * (size_t)i);
        if (!offset_valid(z->offsets[i])) return false;
    }
    return true;
}

/* Block of 64-bit times at `at`, whose size was checked. */
static bool read_times(const uint8_t *block, const tzif_counts *counts, sb_zone *z)
{
    const uint8_t *types = block + (size_t)counts->times * 8;

    for (size_t i = 0; i < z->count; i++) {
        z->times[i] = (int64_t)sb_load_be64(block + 8 * i);
        z->to[i] = types[i];
        if (z->to[i] >= counts->types || (i != 0 && z->times[i] <= z->times[i - 1])) return false;
    }
    return read_types(types + counts->times, z);
}

/* *nomem tells why it is false, if so. */
static bool read_tzif(const sb_allocator *alloc, sb_bytes file, sb_zone *z, bool *nomem)
{
    tzif_counts counts;
    uint8_t version;
    size_t at = 0;

    if (!read_header(file, 0, &version, &counts) || version < '2') return false;
    const uint64_t first = block_bytes(&counts, 4);
    if (first > file.size - TZIF_HEADER) return false;
    at = TZIF_HEADER + (size_t)first;
    if (!read_header(file, at, &version, &counts)) return false;
    at += TZIF_HEADER;
    const uint64_t second = block_bytes(&counts, 8);
    if (second > file.size - at) return false;
    z->times = sb_alloc_array(alloc, counts.times, sizeof *z->times);
    z->to = sb_alloc(alloc, counts.times);
    z->count = counts.times;
    z->type_count = counts.types;
    *nomem = z->times == NULL || z->to == NULL;
    if (*nomem || !read_times(file.data + at, &counts, z)) return false;
    at += (size_t)second;
    /* The footer: a rule between line feeds, or nothing. */
    if (at == file.size || file.data[at] != '\n') return false;
    at++;
    const uint8_t *end = memchr(file.data + at, '\n', file.size - at);
    if (end == NULL) return false;
    const sb_bytes footer = sb_bytes_of(file.data + at, (size_t)(end - (file.data + at)));
    if (footer.size == 0) return true;
    return read_rule(footer, &z->rule) && offset_valid(z->rule.standard) &&
           offset_valid(z->rule.dst);
}

/* ---- Finding zones -------------------------------------------------------------------------------------------------- */

/* Names of files below a folder, never a way out of it. */
static bool name_valid(sb_bytes name)
{
    if (name.size == 0 || name.size > NAME_BYTES_MAX || name.data[0] == '/') return false;
    for (size_t i = 0; i < name.size; i++) {
        const uint8_t c = name.data[i], lower = c | 0x20;
        const bool plain = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
                           c == '-' || c == '+' || c == '/';
        if (!plain) return false; /* so no dots either */
    }
    return true;
}

static sb_status load_tables(sb_zones *zones, sb_err *err)
{
    bool found;

    if (zones->tables.loaded) return SB_OK;
    sb_buffer_reset(&zones->tables.zones);
    sb_buffer_reset(&zones->tables.since1970);
    SB_TRY(zones->read(zones->ctx, "zone.tab", &zones->tables.zones, &found, err));
    SB_TRY(zones->read(zones->ctx, "zone1970.tab", &zones->tables.since1970, &found, err));
    zones->tables.loaded = true;
    return SB_OK;
}

/* The file of the zone that name shares its history with, or else its own. */
static sb_status read_file(sb_zones *zones, sb_bytes name, sb_buffer *file, bool *found,
                           sb_err *err)
{
    char path[NAME_BYTES_MAX + 1];

    SB_TRY(load_tables(zones, err));
    const sb_bytes history = sb_zone__history(&zones->tables, name);
    *found = false;
    if (name_valid(history) && !sb_bytes_equal(history, name)) {
        memcpy(path, history.data, history.size);
        path[history.size] = '\0';
        SB_TRY(zones->read(zones->ctx, path, file, found, err));
        if (*found) return SB_OK;
        sb_buffer_reset(file);
    }
    memcpy(path, name.data, name.size);
    path[name.size] = '\0';
    return zones->read(zones->ctx, path, file, found, err);
}

static sb_status load_zone(sb_zones *zones, sb_bytes name, sb_zone **loaded, bool *damaged,
                           sb_err *err)
{
    sb_buffer file;
    bool found = false, nomem = false;
    sb_zone *z = sb_alloc_zero(zones->alloc, sizeof *z);

    *loaded = NULL;
    if (z == NULL) return SB_FAIL_NOMEM(err);
    memcpy(z->name, name.data, name.size);
    z->name_size = name.size;
    sb_buffer_init(&file, zones->alloc);
    sb_status st = read_file(zones, name, &file, &found, err);
    *damaged = st == SB_OK && found && !read_tzif(zones->alloc, sb_buffer_bytes(&file), z, &nomem);
    if (nomem) st = SB_FAIL_NOMEM(err);
    sb_buffer_deinit(&file);
    if (st != SB_OK || !found || *damaged) {
        free_zone(zones->alloc, z);
        return st;
    }
    z->next = zones->first;
    zones->first = z;
    *loaded = z;
    return SB_OK;
}

sb_status sb_zones_find(sb_zones *zones, sb_bytes name, const sb_zone **found, bool *damaged,
                        sb_err *err)
{
    sb_zone *z = NULL;

    *found = NULL;
    *damaged = false;
    if (zones == NULL || !name_valid(name)) return SB_OK;
    for (sb_zone **at = &zones->first; *at != NULL && z == NULL; at = &(*at)->next) {
        if (!sb_bytes_equal(sb_bytes_of((*at)->name, (*at)->name_size), name)) continue;
        z = *at;
        *at = z->next;
        z->next = zones->first;
        zones->first = z;
        break;
    }
    if (z == NULL) SB_TRY(load_zone(zones, name, &z, damaged, err));
    *found = z;
    return SB_OK;
}

/* ---- Files of the system ------------------------------------------------------------------------------------------ */

static sb_status read_whole(sb_vfs *vfs, const char *path, sb_buffer *out, bool *found, sb_err *err)
{
    sb_file *file = NULL;
    sb_file_info info;

    SB_TRY(vfs->ops->exists(vfs, path, found, err));
    if (!*found) return SB_OK;
    SB_TRY(sb_vfs_open(vfs, path, SB_OPEN_READ_ONLY, &file, err));
    sb_status status = file->ops->info(file, &info, err);
    *found = status == SB_OK && info.regular && info.bytes <= FILE_BYTES_MAX;
    if (*found && sb_buffer_reserve(out, (size_t)info.bytes) != SB_OK) status = SB_FAIL_NOMEM(err);
    if (*found && status == SB_OK)
        status = sb_file_read_all(file, 0, out->data + out->size, (size_t)info.bytes, err);
    if (*found && status == SB_OK) out->size += (size_t)info.bytes;
    sb_file_close(file);
    return status;
}

sb_status sb_zone_read_system(void *ctx, const char *name, sb_buffer *out, bool *found, sb_err *err)
{
    const sb_zone_source *source = ctx;
    const char *folder = sb_os_environment("TZDIR");
    sb_buffer path;
    sb_status status;

    *found = false;
    sb_buffer_init(&path, source->alloc);
    status =
        sb_buffer_printf(&path, "%s/%s", folder != NULL ? folder : "/usr/share/zoneinfo", name);
    if (status == SB_OK) status = sb_buffer_append_byte(&path, '\0');
    status = status == SB_OK ? read_whole(source->vfs, (const char *)path.data, out, found, err)
                             : SB_FAIL_NOMEM(err);
    sb_buffer_deinit(&path);
    return status;
}

/* ---- Offsets ----------------------------------------------------------------------------------------------------------- */

int32_t sb_zone_offset_at(const sb_zone *z, int64_t seconds)
{
    size_t low = 0, high = z->count;

    while (low < high) { /* the first transition past seconds */
        const size_t middle = low + (high - low) / 2;
        if (z->times[middle] <= seconds)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == z->count && z->rule.known) return rule_offset(&z->rule, seconds);
    return z->offsets[low == 0 ? 0 : z->to[low - 1]];
}

bool sb_zone_fits(const sb_zone *z, int64_t local, int32_t offset)
{
    return sb_zone_offset_at(z, local - offset) == offset;
}

static int32_t candidate(const sb_zone *z, unsigned i)
{
    if (i < z->type_count) return z->offsets[i];
    return i == z->type_count ? z->rule.standard : z->rule.dst;
}

int32_t sb_zone_offset_of(const sb_zone *z, int64_t local, int32_t *skipped)
{
    const unsigned candidates = z->type_count + (z->rule.known ? 2 : 0);
    bool found = false;
    int32_t best = 0;

    *skipped = 0;
    for (unsigned i = 0; i < candidates; i++) {
        const int32_t offset = candidate(z, i);
        if (!sb_zone_fits(z, local, offset) || (found && offset <= best)) continue;
        best = offset;
        found = true;
    }
    for (unsigned i = 0; i < candidates && !found; i++) {
        const int32_t after = candidate(z, i), before = sb_zone_offset_at(z, local - after);
        found = before < after && sb_zone_offset_at(z, local - before) == after;
        if (!found) continue;
        best = after;
        *skipped = after - before;
    }
    return found ? best : sb_zone_offset_at(z, local);
}
