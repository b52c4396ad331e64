/* output.c — results as a table that fits the terminal (plain, in a box, in Markdown), line by line, as JSON, or as CSV (RFC 4180). */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utf8proc.h>

#include "cli.h"
#include "cli/formats/formats.h"

#define LAYOUT_ROWS    1000u       /* a table's widths are those of its first rows, */
#define LAYOUT_BYTES   (16u << 20) /* or of fewer, where these are long */
#define CELL_WIDTH_MIN 4u          /* narrower columns tell nothing */

cell cell_null(void)
{
    return (cell){.kind = CELL_NULL};
}
cell cell_text(const char *text)
{
    return (cell){.kind = CELL_TEXT, .text = text, .size = strlen(text)};
}
cell cell_of(const text_buffer *text)
{
    return (cell){.kind = CELL_TEXT, .text = text->data, .size = text->size};
}
cell cell_int(uint64_t integer)
{
    return (cell){.kind = CELL_INT, .integer = (int64_t)integer};
}
cell cell_real(double real)
{
    return (cell){.kind = CELL_REAL, .real = real};
}

cell cell_value(const sombra_value *value)
{
    switch (value->type) {
    case SOMBRA_TYPE_NULL: return cell_null();
    case SOMBRA_TYPE_INT: return (cell){.kind = CELL_INT, .integer = value->as.integer};
    case SOMBRA_TYPE_FLOAT: return cell_real(value->as.real);
    case SOMBRA_TYPE_BOOL: return (cell){.kind = CELL_BOOL, .integer = value->as.boolean};
    case SOMBRA_TYPE_STRING:
        return (cell){
            .kind = CELL_TEXT, .text = value->as.bytes.data, .size = value->as.bytes.size};
    default: return (cell){.kind = CELL_VALUE, .value = value};
    }
}

/* ---- Text ---------------------------------------------------------------------------------------------------- */

void put(text_buffer *out, const char *data, size_t bytes)
{
    if (out->size + bytes > out->capacity) {
        out->capacity = 2 * (out->size + bytes) + 256;
        out->data = realloc(out->data, out->capacity);
        if (out->data == NULL) exit(complain(8, "out of memory"));
    }
    if (bytes != 0) memcpy(out->data + out->size, data, bytes);
    out->size += bytes;
}

void put_text(text_buffer *out, const char *text)
{
    put(out, text, strlen(text));
}

/* Shortest decimal that reads back as the same double; always with a point or exponent. */
void put_real(text_buffer *out, double real)
{
    char text[40];

    if (isnan(real) || isinf(real)) {
        put_text(out, isnan(real) ? "NaN" : real < 0 ? "-Infinity" : "Infinity");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, real);
        if (strtod(text, NULL) == real) break;
    }
    put_text(out, text);
    if (strpbrk(text, ".e") == NULL) put_text(out, ".0");
}

static void put_value(text_buffer *out, const sombra_value *value)
{
    char few[256], *text = few;
    size_t size = 0;

    if (sombra_value_to_text(value, few, sizeof few, &size) != SOMBRA_OK) return;
    if (size > sizeof few) {
        text = malloc(size);
        if (text == NULL) exit(complain(8, "out of memory"));
        if (sombra_value_to_text(value, text, size, &size) != SOMBRA_OK) size = 0;
    }
    put(out, text, size);
    if (text != few) free(text);
}

static void put_cell(text_buffer *out, const cell *from)
{
    char number[32];

    switch (from->kind) {
    case CELL_NULL: break;
    case CELL_JSON:
    case CELL_FIGURE:
    case CELL_TEXT: put(out, from->text, from->size); break;
    case CELL_INT:
        snprintf(number, sizeof number, "%lld", (long long)from->integer);
        put_text(out, number);
        break;
    case CELL_REAL: put_real(out, from->real); break;
    case CELL_BOOL: put_text(out, from->integer ? "true" : "false"); break;
    case CELL_VALUE: put_value(out, from->value); break;
    }
}

void put_plain(text_buffer *out, const sombra_value *value)
{
    const cell from = cell_value(value);
    put_cell(out, &from);
}

/* Vowels and finals of Korean that is written letter by letter: they stand in the syllable's first letter, which has two columns. */
static bool is_joined_hangul(int32_t c)
{
    return (c >= 0x1160 && c <= 0x11FF) || (c >= 0xD7B0 && c <= 0xD7FF);
}

size_t next_character(const char *text, size_t bytes, int32_t *character, size_t *columns)
{
    const utf8proc_ssize_t used =
        utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)bytes, character);

    if (used <= 0) *character = 0xFFFD;
    if (*character < 0x20 || *character == 0x7F)
        *columns = 1;
    else
        *columns = is_joined_hangul(*character) ? 0 : (size_t)utf8proc_charwidth(*character);
    return used > 0 ? (size_t)used : 1;
}

size_t text_width(const char *text, size_t bytes)
{
    size_t width = 0;

    for (size_t at = 0; at < bytes;) {
        int32_t character;
        size_t columns;
        at += next_character(text + at, bytes - at, &character, &columns);
        width += columns;
    }
    return width;
}

/* C0, C1, which have no columns and are obeyed all the same, and those of direction, which would turn the rest of the line. */
static bool is_control(int32_t c)
{
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x202A && c <= 0x202E) ||
           (c >= 0x2066 && c <= 0x2069);
}

void put_fitted(text_buffer *out, const char *text, size_t bytes, size_t width, bool right)
{
    const size_t full = text_width(text, bytes);
    const size_t room = full > width && width > 0 ? width - 1 : width;
    size_t used = 0;

    if (right)
        for (size_t i = full; i < width; i++)
            put_text(out, " ");
    for (size_t at = 0; at < bytes;) {
        int32_t character;
        size_t columns;
        const size_t size = next_character(text + at, bytes - at, &character, &columns);
        if (used + columns > room) break;
        if (is_control(character))
            put_text(out, columns == 0 ? "" : " ");
        else if (character == 0xFFFD)
            put_text(out, "\xEF\xBF\xBD");
        else
            put(out, text + at, size);
        used += columns;
        at += size;
    }
    if (full > width && width > 0) put_text(out, "…"), used++;
    if (!right || full > width)
        for (; used < width; used++)
            put_text(out, " ");
}

/* ---- Names ----------------------------------------------------------------------------------------------------- */

bool is_plain_name(const char *name, size_t bytes)
{
    bool plain = bytes != 0;

    for (size_t at = 0; at < bytes && plain;) {
        int32_t c;
        size_t columns;
        const size_t used = next_character(name + at, bytes - at, &c, &columns);
        const utf8proc_category_t kind = utf8proc_category(c);

        plain = c == '_' || (kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_LO) ||
                (at != 0 && (kind == UTF8PROC_CATEGORY_MN || kind == UTF8PROC_CATEGORY_MC ||
                             kind == UTF8PROC_CATEGORY_ND));
        at += used;
    }
    return plain;
}

void put_quoted_name(text_buffer *out, const char *name, size_t bytes)
{
    put_text(out, "`");
    for (size_t i = 0; i < bytes; i++) {
        if (name[i] == '`') put_text(out, "`");
        put(out, name + i, 1);
    }
    put_text(out, "`");
}

void put_cypher_name(text_buffer *out, const char *name, size_t bytes)
{
    if (is_plain_name(name, bytes))
        put(out, name, bytes);
    else
        put_quoted_name(out, name, bytes);
}

/* ---- JSON ------------------------------------------------------------------------------------------------------ */

void put_json_text(text_buffer *out, const char *text, size_t bytes)
{
    put_text(out, "\"");
    for (size_t at = 0; at < bytes;) {
        int32_t character;
        size_t columns;
        const size_t used = next_character(text + at, bytes - at, &character, &columns);
        char escape[8];
        if (character == '"' || character == '\\') {
            escape[0] = '\\';
            escape[1] = (char)character;
            put(out, escape, 2);
        } else if (character == '\n' || character == '\t' || character == '\r') {
            put_text(out, character == '\n' ? "\\n" : character == '\t' ? "\\t" : "\\r");
        } else if (is_control(character)) {
            snprintf(escape, sizeof escape, "\\u%04x", (unsigned)character);
            put_text(out, escape);
        } else if (character == 0xFFFD) {
            put_text(out, "\xEF\xBF\xBD");
        } else {
            put(out, text + at, used);
        }
        at += used;
    }
    put_text(out, "\"");
}

static void put_json_cell(text_buffer *out, const cell *from)
{
    text_buffer text = {0};

    switch (from->kind) {
    case CELL_NULL: put_text(out, "null"); return;
    case CELL_TEXT: put_json_text(out, from->text, from->size); return;
    case CELL_FIGURE:
    case CELL_JSON: put(out, from->text, from->size); return;
    case CELL_REAL:
        if (isnan(from->real) || isinf(from->real)) break; /* as text: JSON has no such numbers */
        put_real(out, from->real);
        return;
    case CELL_INT:
    case CELL_BOOL: put_cell(out, from); return;
    case CELL_VALUE:
        if (from->value->type == SOMBRA_TYPE_LIST) {
            put_text(out, "[");
            for (size_t i = 0; i < from->value->as.list.count; i++) {
                const cell item = cell_value(&from->value->as.list.items[i]);
                if (i != 0) put_text(out, ", ");
                put_json_cell(out, &item);
            }
            put_text(out, "]");
            return;
        }
        break;
    }
    put_cell(&text, from);
    put_json_text(out, text.data, text.size);
    free(text.data);
}

/* ---- A result ----------------------------------------------------------------------------------------------------- */

typedef struct kept_cell {
    size_t start, size, width;
    bool number, null;
} kept_cell;

struct output {
    output_format format;
    const char *const *columns;
    size_t column_count;
    uint64_t rows;
    text_buffer line;
    text_buffer kept_text; /* CSV: a cell. Table: rows held until the widths are known */
    kept_cell *kept, *names;
    size_t kept_rows;
    size_t *widths, *late; /* of the columns, and of one row behind the layout */
    size_t bound;          /* columns of the terminal that a line must fit; 0: there is no bound */
    size_t shown;          /* columns that fit; the others are left out */
    size_t minor;          /* number + 1 of the column that gives way to the others; 0: none */
    bool *right;           /* every cell that the layout knows of is a number or absent */
    bool laid_out, color, on_terminal;
};

static void write_line(output *out)
{
    progress_clear();
    if (out->line.size != 0 && fwrite(out->line.data, 1, out->line.size, stdout) != out->line.size)
        output_failed();
    out->line.size = 0;
}

/* Laid out in columns? */
static bool is_table(output_format format)
{
    return format == FORMAT_TABLE || format == FORMAT_BOX || format == FORMAT_MARKDOWN;
}

/* In quotes where RFC 4180 asks for them, or where they are wanted. As it is, but not for a terminal to obey. */
static void put_csv_text(const output *to, text_buffer *out, const char *text, size_t bytes,
                         bool quoted)
{
    const size_t start = out->size;

    for (size_t at = 0; at < bytes && !quoted; at++)
        quoted = text[at] == ',' || text[at] == '"' || text[at] == '\n' || text[at] == '\r';
    if (!quoted) {
        put(out, text, bytes);
    } else {
        put_text(out, "\"");
        for (size_t at = 0; at < bytes; at++) {
            if (text[at] == '"') put_text(out, "\"");
            put(out, text + at, 1);
        }
        put_text(out, "\"");
    }
    if (to->on_terminal && out->size != start)
        fmt_blank_controls(out->data + start, out->size - start);
}

output *output_begin(const invocation *cli, const char *const *columns, size_t column_count)
{
    output *out = calloc(1, sizeof *out);

    if (out == NULL) exit(complain(8, "out of memory"));
    out->format = cli->format;
    out->columns = columns;
    out->column_count = column_count;
    out->on_terminal = isatty(STDOUT_FILENO);
    if (out->format == FORMAT_CSV) {
        for (size_t i = 0; i < column_count; i++) {
            if (i != 0) put_text(&out->line, ",");
            put_csv_text(out, &out->line, columns[i], strlen(columns[i]), false);
        }
        put_text(&out->line, "\r\n");
        write_line(out);
    } else if (is_table(out->format)) {
        out->color = use_color(STDOUT_FILENO) && out->format != FORMAT_MARKDOWN;
        out->widths = calloc(column_count, sizeof *out->widths);
        out->late = calloc(column_count, sizeof *out->late);
        out->kept = calloc(column_count * LAYOUT_ROWS, sizeof *out->kept);
        out->names = calloc(column_count, sizeof *out->names);
        out->right = calloc(column_count, sizeof *out->right);
        if (out->widths == NULL || out->late == NULL || out->kept == NULL || out->names == NULL ||
            out->right == NULL)
            exit(complain(8, "out of memory"));
    }
    return out;
}

static void csv_row(output *out, const cell *cells)
{
    for (size_t i = 0; i < out->column_count; i++) {
        if (i != 0) put_text(&out->line, ",");
        out->kept_text.size = 0;
        put_cell(&out->kept_text, &cells[i]);
        /* An empty text is told from an absent one by its quotes. */
        put_csv_text(out, &out->line, out->kept_text.data, out->kept_text.size,
                     cells[i].kind == CELL_TEXT && out->kept_text.size == 0);
    }
    put_text(&out->line, "\r\n");
    write_line(out);
}

static void json_row(output *out, const cell *cells)
{
    if (out->format == FORMAT_JSONL)
        put_text(&out->line, "{");
    else
        put_text(&out->line, out->rows == 0 ? "[\n  {" : ",\n  {");
    for (size_t i = 0; i < out->column_count; i++) {
        if (i != 0) put_text(&out->line, ", ");
        put_json_text(&out->line, out->columns[i], strlen(out->columns[i]));
        put_text(&out->line, ": ");
        put_json_cell(&out->line, &cells[i]);
    }
    put_text(&out->line, out->format == FORMAT_JSONL ? "}\n" : "}");
    write_line(out);
}

/* ---- Lines ---------------------------------------------------------------------------------------------------------- */

/* "name = value" for each column, a blank line between rows. */
static void line_row(output *out, const cell *cells)
{
    size_t widest = 0;

    for (size_t i = 0; i < out->column_count; i++) {
        const size_t width = text_width(out->columns[i], strlen(out->columns[i]));
        if (width > widest) widest = width;
    }
    if (out->rows != 0) put_text(&out->line, "\n");
    for (size_t i = 0; i < out->column_count; i++) {
        put_fitted(&out->line, out->columns[i], strlen(out->columns[i]), widest, true);
        put_text(&out->line, " = ");
        {
            const size_t start = out->line.size;
            put_cell(&out->line, &cells[i]);
            fmt_blank_controls(out->line.data + start, out->line.size - start);
        }
        put_text(&out->line, "\n");
    }
    write_line(out);
}

/* ---- Table ---------------------------------------------------------------------------------------------------------- */

static size_t width_wanted;

void set_terminal_width(size_t columns)
{
    width_wanted = columns;
}

size_t terminal_width(void)
{
    struct winsize size;

    if (width_wanted != 0) return width_wanted;
    if (!isatty(STDOUT_FILENO)) return 0; /* no bound: a program or file reads it */
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
    return size.ws_col;
}

bool use_color(int fd)
{
    const char *off = getenv("NO_COLOR"), *terminal = getenv("TERM");

    return isatty(fd) && (off == NULL || *off == '\0') &&
           (terminal == NULL || strcmp(terminal, "dumb") != 0);
}

/* What stands before, between and behind the cells of a line, and how its rules are drawn. */
typedef struct frame {
    const char *left, *between, *right, *dash;
    const char *top[3], *middle[3], *bottom[3]; /* left, crossing, right; NULL: there is none */
    size_t edge, gap;                           /* columns of left and right, and of between */
} frame;

static const frame frames[] = {
    [FORMAT_TABLE] =
        {.left = "", .between = "  ", .right = "", .dash = "─", .middle = {"", "  ", ""}, .gap = 2},
    [FORMAT_BOX] = {.left = "│ ",
                    .between = " │ ",
                    .right = " │",
                    .dash = "─",
                    .top = {"┌─", "─┬─", "─┐"},
                    .middle = {"├─", "─┼─", "─┤"},
                    .bottom = {"└─", "─┴─", "─┘"},
                    .edge = 4,
                    .gap = 3},
    [FORMAT_MARKDOWN] = {.left = "| ",
                         .between = " | ",
                         .right = " |",
                         .dash = "-",
                         .middle = {"| ", " | ", " |"},
                         .edge = 4,
                         .gap = 3},
};

static void end_line(output *out)
{
    if (out->format == FORMAT_TABLE)
        while (out->line.size > 0 && out->line.data[out->line.size - 1] == ' ')
            out->line.size--;
    put_text(&out->line, "\n");
}

static void table_rule(output *out, const char *const ends[3])
{
    const frame *f = &frames[out->format];

    if (ends[0] == NULL) return;
    put_text(&out->line, ends[0]);
    for (size_t i = 0; i < out->shown; i++) {
        if (i != 0) put_text(&out->line, ends[1]);
        for (size_t w = 0; w < out->widths[i]; w++)
            put_text(&out->line,
                     out->format == FORMAT_MARKDOWN && out->right[i] && w + 1 == out->widths[i]
                         ? ":"
                         : f->dash);
    }
    put_text(&out->line, ends[2]);
    put_text(&out->line, "\n");
}

static void table_line(output *out, const kept_cell *row, const char *base, const size_t *widths)
{
    const frame *f = &frames[out->format];

    put_text(&out->line, f->left);
    for (size_t i = 0; i < out->shown; i++) {
        if (i != 0) put_text(&out->line, f->between);
        put_fitted(&out->line, base + row[i].start, row[i].size, widths[i], out->right[i]);
    }
    put_text(&out->line, f->right);
    end_line(out);
    write_line(out);
}

void output_minor_column(output *out, size_t column)
{
    out->minor = column + 1;
}

static size_t line_width(const output *out, const size_t *widths)
{
    const frame *f = &frames[out->format];
    size_t sum = f->edge;

    for (size_t i = 0; i < out->shown; i++)
        sum += widths[i] + (i != 0 ? f->gap : 0);
    return sum;
}

/* Narrow the minor column, then the widest ones until the line fits, or none is wider than the narrowest may be; returns the line's width then. */
static size_t narrow(const output *out, size_t *widths, size_t bound)
{
    size_t sum;

    for (size_t i = 0; i < out->shown; i++)
        if (widths[i] > bound) widths[i] = bound;
    sum = line_width(out, widths);
    while (sum > bound && out->minor != 0 && out->minor <= out->shown &&
           widths[out->minor - 1] > CELL_WIDTH_MIN) {
        widths[out->minor - 1]--;
        sum--;
    }
    for (; sum > bound; sum--) {
        size_t widest = 0;
        for (size_t i = 1; i < out->shown; i++)
            if (widths[i] > widths[widest]) widest = i;
        if (widths[widest] <= CELL_WIDTH_MIN) break;
        widths[widest]--;
    }
    return sum;
}

/* The last columns are left out if narrowing them all is not enough. */
static void fit_widths(output *out)
{
    out->bound = out->format == FORMAT_MARKDOWN ? 0 : terminal_width();
    out->shown = out->column_count;
    for (size_t i = 0; i < out->shown && out->format == FORMAT_MARKDOWN; i++)
        if (out->right[i] && out->widths[i] < 2) out->widths[i] = 2; /* of "-:" */
    if (out->bound == 0) return;
    if (out->shown > out->bound) out->shown = out->bound; /* each takes one column at least */
    while (narrow(out, out->widths, out->bound) > out->bound && out->shown > 1)
        out->shown--;
}

/* A row behind the layout: what is wider than its column moves the rest of its line, and is cut only where the line, without what it is
 * padded with, does not fit the terminal. */
static void late_line(output *out, const kept_cell *row)
{
    const size_t bound = out->bound;
    size_t sum;

    for (size_t i = 0; i < out->shown; i++)
        out->late[i] = row[i].width > out->widths[i] ? row[i].width : out->widths[i];
    sum = bound == 0 ? 0 : line_width(out, out->late);
    for (size_t i = 0; i < out->shown && sum > bound; i++) {
        const size_t padding = out->late[i] - row[i].width;
        const size_t taken = padding < sum - bound ? padding : sum - bound;
        out->late[i] -= taken;
        sum -= taken;
    }
    if (sum > bound) (void)narrow(out, out->late, bound);
    table_line(out, row, out->kept_text.data, out->late);
}

/* In Markdown a bar would end the cell, unless a backslash stands before it. */
static void escape_bars(text_buffer *text, size_t start)
{
    size_t bars = 0, from = text->size, to;

    for (size_t at = start; at < text->size; at++)
        bars += text->data[at] == '|';
    for (size_t i = 0; i < bars; i++)
        put_text(text, " ");
    for (to = text->size; to != from;) {
        text->data[--to] = text->data[--from];
        if (text->data[to] == '|') text->data[--to] = '\\';
    }
}

/* Names of columns are laid out as their cells are. */
static void lay_out_names(output *out)
{
    for (size_t i = 0; i < out->column_count; i++) {
        const size_t start = out->kept_text.size;
        put_text(&out->kept_text, out->columns[i]);
        if (out->format == FORMAT_MARKDOWN) escape_bars(&out->kept_text, start);
        out->names[i] = (kept_cell){.start = start, .size = out->kept_text.size - start};
        if (out->names[i].size != 0)
            out->names[i].width = text_width(out->kept_text.data + start, out->names[i].size);
    }
}

static void lay_out(output *out)
{
    const frame *f = &frames[out->format];

    lay_out_names(out);
    for (size_t i = 0; i < out->column_count; i++) {
        out->widths[i] = out->names[i].width;
        out->right[i] = out->kept_rows > 0;
        for (size_t r = 0; r < out->kept_rows; r++) {
            const kept_cell *kept = &out->kept[r * out->column_count + i];
            if (kept->width > out->widths[i]) out->widths[i] = kept->width;
            out->right[i] = out->right[i] && (kept->number || kept->null);
        }
        if (out->widths[i] == 0) out->widths[i] = 1;
    }
    fit_widths(out);
    table_rule(out, f->top);
    put_text(&out->line, f->left);
    for (size_t i = 0; i < out->shown; i++) {
        if (i != 0) put_text(&out->line, f->between);
        if (out->color) put_text(&out->line, "\033[1m");
        put_fitted(&out->line, out->kept_text.data + out->names[i].start, out->names[i].size,
                   out->widths[i], out->right[i]);
        if (out->color) put_text(&out->line, "\033[0m");
    }
    put_text(&out->line, f->right);
    end_line(out);
    table_rule(out, f->middle);
    write_line(out);
    for (size_t r = 0; r < out->kept_rows; r++)
        table_line(out, out->kept + r * out->column_count, out->kept_text.data, out->widths);
    out->laid_out = true;
}

static void end_table(output *out)
{
    char text[64];

    if (!out->laid_out) lay_out(out);
    table_rule(out, frames[out->format].bottom);
    if (out->shown < out->column_count) {
        put_text(&out->line, "(");
        put_text(&out->line, counted(out->column_count - out->shown, "more column does",
                                     "more columns do", text));
        put_text(&out->line, " not fit the terminal: 'line' is a format that shows all)\n");
    }
    write_line(out);
}

static void table_row(output *out, const cell *cells)
{
    kept_cell *row;

    if (out->laid_out) out->kept_text.size = 0;
    row = out->kept + (out->laid_out ? 0 : out->kept_rows * out->column_count);
    for (size_t i = 0; i < out->column_count; i++) {
        const size_t start = out->kept_text.size;
        put_cell(&out->kept_text, &cells[i]);
        if (out->format == FORMAT_MARKDOWN) escape_bars(&out->kept_text, start);
        row[i] = (kept_cell){.start = start,
                             .size = out->kept_text.size - start,
                             .number = cells[i].kind == CELL_INT || cells[i].kind == CELL_REAL ||
                                       cells[i].kind == CELL_FIGURE,
                             .null = cells[i].kind == CELL_NULL};
        if (row[i].size != 0) row[i].width = text_width(out->kept_text.data + start, row[i].size);
    }
    if (out->laid_out)
        late_line(out, row);
    else if (++out->kept_rows == LAYOUT_ROWS || out->kept_text.size > LAYOUT_BYTES)
        lay_out(out);
}

void output_row(output *out, const cell *cells)
{
    switch (out->format) {
    case FORMAT_TABLE:
    case FORMAT_BOX:
    case FORMAT_MARKDOWN: table_row(out, cells); break;
    case FORMAT_GRAPH: /* what is not of the graph goes line by line */
    case FORMAT_LINE: line_row(out, cells); break;
    case FORMAT_JSONL:
    case FORMAT_JSON: json_row(out, cells); break;
    case FORMAT_CSV: csv_row(out, cells); break;
    }
    out->rows++;
}

bool output_end(output *out)
{
    if (out->format == FORMAT_JSON) fputs(out->rows == 0 ? "[]\n" : "\n]\n", stdout);
    if (is_table(out->format)) end_table(out);
    free(out->line.data);
    free(out->kept_text.data);
    free(out->kept);
    free(out->names);
    free(out->widths);
    free(out->late);
    free(out->right);
    free(out);
    return !ferror(stdout);
}

bool output_record(const invocation *cli, const char *const *columns, const cell *cells,
                   size_t count)
{
    text_buffer line = {0};

    if (cli->format != FORMAT_JSON && cli->format != FORMAT_JSONL) {
        output *out = output_begin(cli, columns, count);
        output_row(out, cells);
        return output_end(out);
    }
    for (size_t i = 0; i < count; i++) {
        put_text(&line, i == 0 ? "{" : ", ");
        put_json_text(&line, columns[i], strlen(columns[i]));
        put_text(&line, ": ");
        put_json_cell(&line, &cells[i]);
    }
    put_text(&line, "}\n");
    if (fwrite(line.data, 1, line.size, stdout) != line.size) output_failed();
    free(line.data);
    return !ferror(stdout);
}
