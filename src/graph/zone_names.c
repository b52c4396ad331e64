/* zone_names.c — zones that have been alike since 1970 share one history.
 * IANA's main data ends in 1970 for most places: Europe/Stockholm is a link to Europe/Berlin there, and so it is in Java and all that
 * is built on it. Some systems (Debian) build tzdata with older, less certain histories, so that a local time of 1818 would have
 * another offset on another machine. The tables that come with tzdata tell which zones belong together. */
#include "graph/zone_priv.h"

/* Columns of a row: countries, coordinates, zone, comments. */
typedef struct row {
    sb_bytes countries, zone;
} row;

static sb_bytes take_until(sb_bytes *text, uint8_t end)
{
    const uint8_t *hit = text->size == 0 ? NULL : memchr(text->data, end, text->size);
    const size_t size = hit == NULL ? text->size : (size_t)(hit - text->data);
    const sb_bytes taken = sb_bytes_of(text->data, size);
    const size_t skipped = hit == NULL ? size : size + 1;

    *text = sb_bytes_of(text->data + skipped, text->size - skipped);
    return taken;
}

/* The next row that is no comment; false at the end. */
static bool next_row(sb_bytes *text, row *r)
{
    while (text->size != 0) {
        sb_bytes line = take_until(text, '\n');
        if (line.size == 0 || line.data[0] == '#') continue;
        r->countries = take_until(&line, '\t');
        (void)take_until(&line, '\t');
        r->zone = take_until(&line, '\t');
        if (r->zone.size != 0) return true;
    }
    return false;
}

static bool has_country(sb_bytes countries, sb_bytes country)
{
    while (countries.size != 0)
        if (sb_bytes_equal(take_until(&countries, ','), country)) return true;
    return false;
}

sb_bytes sb_zone__history(const sb_zone_tables *tables, sb_bytes name)
{
    sb_bytes text = sb_buffer_bytes(&tables->zones), country = {0}, history = name;
    unsigned found = 0;
    row r;

    while (country.size == 0 && next_row(&text, &r))
        if (sb_bytes_equal(r.zone, name)) country = r.countries;
    if (country.size == 0) return name;
    text = sb_buffer_bytes(&tables->since1970);
    while (next_row(&text, &r)) {
        if (sb_bytes_equal(r.zone, name)) return name; /* has one of its own */
        if (!has_country(r.countries, country)) continue;
        history = r.zone;
        found++;
    }
    /* A country with several: which of them it is, the tables don't tell. */
    return found == 1 ? history : name;
}
