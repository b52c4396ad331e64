/* bitmap.c — pictures drawn point by point, as PNG files that the terminal shows. Nodes carry numbers, which a legend in text behind the
 * picture explains: so captions in any script need no font of ours.
 * Points are bytes of a palette: white, then for each color SHADES steps from white to it, which smooth the edges. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "picture.h"

#define SHADES 15

typedef struct bitmap {
    uint8_t *points; /* PICTURE_WIDTH × PICTURE_HEIGHT */
    uint32_t colors[16];
    unsigned color_count;
} bitmap;

static unsigned find_color(bitmap *map, uint32_t color)
{
    unsigned i = 0;

    while (i < map->color_count && map->colors[i] != color)
        i++;
    if (i == map->color_count && i < 16) map->colors[map->color_count++] = color;
    return i < 16 ? i : 15;
}

/* cover: 0 to 1 of the point. The darker one wins, so that edges over edges stay whole. */
static void set_point(bitmap *map, int x, int y, unsigned color, double cover)
{
    const int shade = (int)lround(cover * SHADES);

    if (x < 0 || y < 0 || x >= PICTURE_WIDTH || y >= PICTURE_HEIGHT || shade <= 0) return;
    {
        uint8_t *point = &map->points[(size_t)y * PICTURE_WIDTH + (size_t)x];
        if (*point == 0 || shade == SHADES || (*point - 1) / SHADES != (int)color ||
            (*point - 1) % SHADES + 1 < shade)
            *point = (uint8_t)(1 + color * SHADES + (unsigned)shade - 1);
    }
}

/* A line with round ends, or a disk where both are one. */
static void draw_stroke(bitmap *map, picture_point a, picture_point b, double radius,
                        unsigned color)
{
    const double x = b.x - a.x, y = b.y - a.y, square = x * x + y * y;

    for (int py = (int)(fmin(a.y, b.y) - radius - 1); py <= (int)(fmax(a.y, b.y) + radius + 1);
         py++)
        for (int px = (int)(fmin(a.x, b.x) - radius - 1); px <= (int)(fmax(a.x, b.x) + radius + 1);
             px++) {
            double t = square < 1e-9 ? 0 : ((px - a.x) * x + (py - a.y) * y) / square;
            t = fmin(1, fmax(0, t));
            {
                const double dx = px - a.x - t * x, dy = py - a.y - t * y;
                const double cover = radius + 0.5 - sqrt(dx * dx + dy * dy);
                if (cover > 0) set_point(map, px, py, color, fmin(1, cover));
            }
        }
}

static void draw_rel(bitmap *map, const picture *p, const picture_rel *rel, unsigned color)
{
    enum { STEPS = 24 };
    picture_point c[4], before, at = {0, 0};

    picture_curve(p, rel, c);
    before = c[0];
    for (int i = 1; i <= STEPS; i++) {
        const double t = (double)i / STEPS, u = 1 - t;
        at.x = u * u * u * c[0].x + 3 * u * u * t * c[1].x + 3 * u * t * t * c[2].x +
               t * t * t * c[3].x;
        at.y = u * u * u * c[0].y + 3 * u * u * t * c[1].y + 3 * u * t * t * c[2].y +
               t * t * t * c[3].y;
        draw_stroke(map, before, at, 0.6, color);
        if (i == STEPS) { /* the arrow's head */
            const double angle = atan2(at.y - before.y, at.x - before.x);
            for (int side = -1; side <= 1; side += 2)
                draw_stroke(map, at,
                            (picture_point){at.x - 9 * cos(angle + side * 0.4),
                                            at.y - 9 * sin(angle + side * 0.4)},
                            0.8, color);
        }
        before = at;
    }
}

/* A digit of seven strokes, 6 × 10 points around its middle. */
static void draw_digit(bitmap *map, int digit, double x, double y, unsigned color)
{
    /*  0
     * 5 1
     *  6
     * 4 2
     *  3  : bits of the strokes that are drawn */
    static const uint8_t strokes[] = {0x3F, 0x06, 0x5B, 0x4F, 0x66, 0x6D, 0x7D, 0x07, 0x7F, 0x6F};
    static const int8_t ends[7][4] = {{-3, -5, 3, -5}, {3, -5, 3, 0},   {3, 0, 3, 5}, {-3, 5, 3, 5},
                                      {-3, 0, -3, 5},  {-3, -5, -3, 0}, {-3, 0, 3, 0}};

    for (int i = 0; i < 7; i++)
        if (strokes[digit] >> i & 1)
            draw_stroke(map, (picture_point){x + ends[i][0], y + ends[i][1]},
                        (picture_point){x + ends[i][2], y + ends[i][3]}, 0.7, color);
}

static void draw_number(bitmap *map, size_t number, double x, double y, unsigned color)
{
    char digits[24];
    const int count = snprintf(digits, sizeof digits, "%zu", number);

    for (int i = 0; i < count; i++)
        draw_digit(map, digits[i] - '0', x + (i - (count - 1) / 2.0) * 10, y, color);
}

/* ---- PNG (W3C Recommendation, second edition) ----------------------------------------------------------------------------- */

static void put_u32(text_buffer *out, uint32_t number)
{
    const char bytes[4] = {(char)(number >> 24), (char)(number >> 16), (char)(number >> 8),
                           (char)number};
    put(out, bytes, 4);
}

static uint32_t crc32_of(const char *data, size_t bytes)
{
    uint32_t crc = 0xFFFFFFFFu;

    for (size_t i = 0; i < bytes; i++) {
        crc ^= (unsigned char)data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (0xEDB88320u & -(crc & 1));
    }
    return ~crc;
}

static void put_chunk(text_buffer *out, const char *type, const text_buffer *data)
{
    const size_t start = out->size + 4;

    put_u32(out, (uint32_t)data->size);
    put_text(out, type);
    put(out, data->data, data->size);
    put_u32(out, crc32_of(out->data + start, out->size - start));
}

/* Points in zlib's form, in blocks that are stored as they are; each line begins with its filter, none. */
static void put_points(text_buffer *out, const bitmap *map)
{
    uint32_t a = 1, b = 0; /* Adler-32 */

    put(out, "\x78\x01", 2);
    for (int y = 0; y < PICTURE_HEIGHT; y++) {
        const unsigned bytes = PICTURE_WIDTH + 1, inverse = 0xFFFFu - bytes;
        const uint8_t *line = map->points + (size_t)y * PICTURE_WIDTH;
        const char head[6] = {y + 1 == PICTURE_HEIGHT, (char)bytes,          (char)(bytes >> 8),
                              (char)inverse,           (char)(inverse >> 8), 0};
        put(out, head, 6);
        put(out, (const char *)line, PICTURE_WIDTH);
        b = (b + a) % 65521; /* the filter byte, 0 */
        for (int x = 0; x < PICTURE_WIDTH; x++) {
            a = (a + line[x]) % 65521;
            b = (b + a) % 65521;
        }
    }
    put_u32(out, b << 16 | a);
}

static void put_palette(text_buffer *out, const bitmap *map)
{
    put(out, "\xFF\xFF\xFF", 3);
    for (unsigned c = 0; c < map->color_count; c++)
        for (unsigned shade = 1; shade <= SHADES; shade++)
            for (int shift = 16; shift >= 0; shift -= 8) {
                const unsigned full = map->colors[c] >> shift & 0xFF;
                const char byte = (char)(0xFF - (0xFF - full) * shade / SHADES);
                put(out, &byte, 1);
            }
}

void picture_png(const picture *p, text_buffer *out)
{
    bitmap map = {.points = calloc(PICTURE_WIDTH, PICTURE_HEIGHT)};
    text_buffer head = {0}, palette = {0}, points = {0}, end = {0};
    unsigned grey, white;

    if (map.points == NULL) exit(complain(8, "out of memory"));
    grey = find_color(&map, 0x999999);
    white = find_color(&map, 0xFFFFFE); /* apart from the ground, so that it covers */
    for (size_t i = 0; i < p->rel_count; i++)
        draw_rel(&map, p, &p->rels[i], grey);
    for (size_t i = 0; i < p->node_count; i++) {
        const picture_point at = {p->nodes[i].x, p->nodes[i].y};
        draw_stroke(&map, at, at, PICTURE_RADIUS, find_color(&map, picture_color(&p->nodes[i])));
        draw_number(&map, i + 1, at.x, at.y, white);
    }
    put_u32(&head, PICTURE_WIDTH);
    put_u32(&head, PICTURE_HEIGHT);
    put(&head, "\x08\x03\0\0\0", 5); /* 8 bits, palette */
    put_palette(&palette, &map);
    put_points(&points, &map);
    put(out, "\x89PNG\r\n\x1A\n", 8);
    put_chunk(out, "IHDR", &head);
    put_chunk(out, "PLTE", &palette);
    put_chunk(out, "IDAT", &points);
    put_chunk(out, "IEND", &end);
    free(map.points);
    free(head.data);
    free(palette.data);
    free(points.data);
}

/* ---- Terminals ------------------------------------------------------------------------------------------------------------- */

typedef enum image_protocol { IMAGES_NONE, IMAGES_KITTY, IMAGES_ITERM } image_protocol;

static bool environment_has(const char *name, const char *text)
{
    const char *value = getenv(name);
    return value != NULL && strstr(value, text) != NULL;
}

/* SOMBRA_IMAGES says it, or what terminals set. */
static image_protocol find_protocol(void)
{
    if (!isatty(STDOUT_FILENO)) return IMAGES_NONE;
    if (getenv("SOMBRA_IMAGES") != NULL)
        return environment_has("SOMBRA_IMAGES", "kitty")   ? IMAGES_KITTY
               : environment_has("SOMBRA_IMAGES", "iterm") ? IMAGES_ITERM
                                                           : IMAGES_NONE;
    if (getenv("KITTY_WINDOW_ID") != NULL || environment_has("TERM", "kitty") ||
        environment_has("TERM_PROGRAM", "ghostty"))
        return IMAGES_KITTY;
    return environment_has("TERM_PROGRAM", "iTerm") || environment_has("LC_TERMINAL", "iTerm") ||
                   environment_has("TERM_PROGRAM", "WezTerm")
               ? IMAGES_ITERM
               : IMAGES_NONE;
}

static void put_base64(text_buffer *out, const text_buffer *data)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < data->size; i += 3) {
        const size_t rest = data->size - i;
        const unsigned char *at = (const unsigned char *)data->data + i;
        const unsigned bits =
            (unsigned)at[0] << 16 | (rest > 1 ? (unsigned)at[1] << 8 : 0) | (rest > 2 ? at[2] : 0);
        const char four[4] = {digits[bits >> 18], digits[bits >> 12 & 63],
                              rest > 1 ? digits[bits >> 6 & 63] : '=',
                              rest > 2 ? digits[bits & 63] : '='};
        put(out, four, 4);
    }
}

static void print_legend(const picture *p, FILE *out)
{
    for (size_t i = 0; i < p->node_count; i++)
        fprintf(out, "%4zu  %s  (%s)\n", i + 1, p->nodes[i].caption, p->nodes[i].labels);
}

bool picture_show(const picture *p, FILE *out)
{
    enum { PIECE = 4096 }; /* kitty takes no more at a time */
    const image_protocol protocol = find_protocol();
    text_buffer png = {0}, text = {0};

    if (protocol == IMAGES_NONE) return false;
    picture_png(p, &png);
    put_base64(&text, &png);
    if (protocol == IMAGES_ITERM)
        fprintf(out, "\033]1337;File=inline=1;size=%zu:%.*s\a\n", png.size, (int)text.size,
                text.data);
    else
        for (size_t at = 0; at < text.size; at += PIECE) {
            const size_t left = text.size - at, bytes = left < PIECE ? left : PIECE;
            fprintf(out, "\033_G%sm=%d;%.*s\033\\", at == 0 ? "a=T,f=100," : "", left > PIECE,
                    (int)bytes, text.data + at);
        }
    if (protocol == IMAGES_KITTY) fputc('\n', out);
    print_legend(p, out);
    free(png.data);
    free(text.data);
    return true;
}
