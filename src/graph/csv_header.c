/* csv_header.c — what the cells of a header mean (docs/IMPORT.md):
 *   name            a property, or what the options say of a column of that name
 *   name:type       a property of that type
 *   name:ID(group)  a node's external id, or a part of it; also kept as a property when it has a name; {id-type: int} may follow
 *   name:datetime{timezone: Europe/Berlin}, name:point{crs: wgs-84}: what values without their own have
 *   :START_ID(group) :END_ID(group) :TYPE :LABEL :IGNORE */
#include "graph/csv_priv.h"

static sb_bytes trimmed(sb_bytes text)
{
    while (text.size != 0 && *text.data == ' ') {
        text.data++;
        text.size--;
    }
    while (text.size != 0 && text.data[text.size - 1] == ' ')
        text.size--;
    return text;
}

static bool names_column(const char *option, sb_bytes cell)
{
    return option != NULL && sb_bytes_equal(cell, sb_bytes_of(option, strlen(option)));
}

/* Position of the last ':' before `end`, or SIZE_MAX. */
static size_t last_colon(sb_bytes cell, size_t end)
{
    while (end != 0)
        if (cell.data[--end] == ':') return end;
    return SIZE_MAX;
}

typedef struct spec {
    sb_bytes name, word, group, braces;
    bool has_word, has_group;
} spec;

/* The last ':' before a bracket at `end`, if it is near enough for one of the words below: there may be many brackets. */
static size_t near_colon(sb_bytes cell, size_t end)
{
    for (size_t back = 1; back <= sizeof "START_ID" && back <= end; back++)
        if (cell.data[end - back] == ':') return end - back;
    return SIZE_MAX;
}

static bool is_reference(sb_bytes word)
{
    return sb_text__same(word, "ID") || sb_text__same(word, "START_ID") ||
           sb_text__same(word, "END_ID");
}

/* name:word, name:word(group), name:word(group){braces}. A bracket belongs to the word only when that takes a group, so that
 * property names may hold brackets. */
static spec split_cell(sb_bytes cell)
{
    spec parts = {.name = cell};
    sb_bytes rest = cell;

    if (rest.size != 0 && rest.data[rest.size - 1] == '}') {
        for (size_t i = rest.size; i-- != 0;) {
            if (rest.data[i] != '{') continue;
            parts.braces = sb_bytes_of(rest.data + i + 1, rest.size - i - 2);
            rest.size = i;
            break;
        }
        rest = trimmed(rest);
    }
    if (rest.size != 0 && rest.data[rest.size - 1] == ')') {
        for (size_t open = rest.size; open-- != 0;) {
            if (rest.data[open] != '(') continue;
            const size_t colon = near_colon(rest, open);
            if (colon == SIZE_MAX) continue;
            const sb_bytes word = sb_bytes_of(rest.data + colon + 1, open - colon - 1);
            if (!is_reference(word)) continue;
            parts.name = sb_bytes_of(rest.data, colon);
            parts.word = word;
            parts.group = sb_bytes_of(rest.data + open + 1, rest.size - open - 2);
            parts.has_word = parts.has_group = true;
            return parts;
        }
    }
    const size_t colon = last_colon(rest, rest.size);
    if (colon == SIZE_MAX) {
        parts.braces = sb_bytes_of(NULL, 0);
        return parts;
    }
    parts.name = sb_bytes_of(rest.data, colon);
    parts.word = trimmed(sb_bytes_of(rest.data + colon + 1, rest.size - colon - 1));
    parts.has_word = true;
    return parts;
}

static sb_status copy(sb_arena *arena, sb_bytes from, sb_bytes *to, sb_err *err)
{
    const char *made =
        sb_arena_strndup(arena, from.size == 0 ? "" : (const char *)from.data, from.size);

    if (made == NULL) return SB_FAIL_NOMEM(err);
    *to = sb_bytes_of(made, from.size);
    return SB_OK;
}

static bool take_role(sb_bytes word, sb_csv_role *role)
{
    static const struct {
        const char *word;
        sb_csv_role role;
    } roles[] = {{"ID", SB_CSV_ID},       {"START_ID", SB_CSV_START}, {"END_ID", SB_CSV_END},
                 {"LABEL", SB_CSV_LABEL}, {"TYPE", SB_CSV_TYPE},      {"IGNORE", SB_CSV_IGNORE}};

    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        if (!sb_text__same(word, roles[i].word)) continue;
        *role = roles[i].role;
        return true;
    }
    return false;
}

/* One of the options in braces: {id-type: int} and {label: Person} behind an ID, {timezone: +02:00} and {crs: wgs-84} behind a
 * type. The label is where Neo4j looks existing ids up, and says nothing here. */
static sb_status read_option(sb_bytes name, sb_bytes value, const sb_csv_context *context,
                             sb_csv_column *column, sb_err *err)
{
    const bool is_id = column->role == SB_CSV_ID;

    if (is_id && sb_text__same(name, "label")) return SB_OK;
    if (column->role == SB_CSV_PROPERTY && column->has_type) {
        const char *kept = sb_arena_strndup(context->arena, (const char *)value.data, value.size);
        if (kept == NULL) return SB_FAIL_NOMEM(err);
        return sb_text_type_option(&column->type, name, sb_bytes_of(kept, value.size),
                                   context->zones, err);
    }
    if (!is_id || !sb_text__same(name, "id-type"))
        return SB_FAIL(
            err, SB_SYNTAX,
            "'{%.*s: %.*s}' is not known here: only {id-type: …} and {label: …} behind an :ID, "
            "{timezone: …} and {crs: …} behind a type",
            (int)(name.size < 60 ? name.size : 60), (const char *)name.data,
            (int)(value.size < 60 ? value.size : 60),
            value.size == 0 ? "" : (const char *)value.data);
    column->infer = false;
    SB_TRY(sb_text_type_parse(value, &column->type, err));
    if (column->type.type != SB_TYPE_INT && column->type.type != SB_TYPE_STRING)
        return SB_FAIL(err, SB_SYNTAX, "the type of an id is int or string");
    return SB_OK;
}

/* name: value, name: value; neo4j-admin has semicolons. */
static sb_status read_braces(const spec *parts, const sb_csv_context *context,
                             sb_csv_column *column, sb_err *err)
{
    sb_bytes rest = parts->braces;

    while (rest.size != 0) {
        size_t size = 0;
        while (size < rest.size && rest.data[size] != ',' && rest.data[size] != ';')
            size++;
        const bool more = size < rest.size;
        const uint8_t *colon = memchr(rest.data, ':', size);
        if (colon == NULL)
            return SB_FAIL(err, SB_SYNTAX, "'{%.*s}' is not {name: value}",
                           (int)(rest.size < 60 ? rest.size : 60), (const char *)rest.data);
        const size_t name_size = (size_t)(colon - rest.data);
        SB_TRY(read_option(trimmed(sb_bytes_of(rest.data, name_size)),
                           trimmed(sb_bytes_of(colon + 1, size - name_size - 1)), context, column,
                           err));
        rest = sb_bytes_of(rest.data + size + more, rest.size - size - more);
    }
    return SB_OK;
}

static sb_status read_plain_name(const sb_bulk_options *options, sb_entity entity, sb_bytes cell,
                                 sb_csv_column *column)
{
    const bool nodes = entity == SB_NODE;

    if (nodes && names_column(options->id_column, cell))
        column->role = SB_CSV_ID;
    else if (nodes && names_column(options->label_column, cell))
        column->role = SB_CSV_LABEL;
    else if (!nodes && names_column(options->start_column, cell))
        column->role = SB_CSV_START;
    else if (!nodes && names_column(options->end_column, cell))
        column->role = SB_CSV_END;
    else if (!nodes && names_column(options->type_column, cell))
        column->role = SB_CSV_TYPE;
    else
        return SB_NOT_FOUND;
    return SB_OK;
}

static sb_status check_role(sb_entity entity, const sb_csv_column *column, sb_err *err)
{
    const sb_csv_role role = column->role;

    if (entity == SB_NODE && (role == SB_CSV_START || role == SB_CSV_END || role == SB_CSV_TYPE))
        return SB_FAIL(err, SB_SYNTAX, "a file of nodes has no :START_ID, :END_ID or :TYPE");
    if (entity == SB_REL && (role == SB_CSV_ID || role == SB_CSV_LABEL))
        return SB_FAIL(err, SB_SYNTAX, "a file of relationships has no :ID or :LABEL");
    if (column->is_property && column->name.size == 0)
        return SB_FAIL(err, SB_SYNTAX, "the column has no name: give it one, or :IGNORE");
    if (column->is_property && column->name.size > SB_NAME_BYTES_MAX)
        return SB_FAIL(err, SB_LIMIT, "the column's name has %zu bytes; the limit is %u",
                       column->name.size, SB_NAME_BYTES_MAX);
    return SB_OK;
}

static sb_status read_cell(const sb_csv_context *context, sb_entity entity, sb_bytes cell,
                           sb_csv_column *column, sb_err *err)
{
    const sb_bulk_options *options = context->options;
    const sb_text_type text = {.type = SB_TYPE_STRING, .delimiter = options->array_delimiter};
    spec parts = {.name = cell};

    *column = (sb_csv_column){.role = SB_CSV_PROPERTY,
                              .type = text,
                              .infer = options->infer_types,
                              .before = SB_CSV_NO_COLUMN};
    if (read_plain_name(options, entity, cell, column) != SB_OK) {
        parts = split_cell(cell);
        if (parts.has_word && !take_role(parts.word, &column->role)) {
            SB_TRY(sb_text_type_parse(parts.word, &column->type, err));
            column->type.delimiter = options->array_delimiter;
            column->infer = false;
            column->has_type = true;
        }
        column->is_marked = column->role != SB_CSV_PROPERTY;
        SB_TRY(read_braces(&parts, context, column, err));
    }
    column->is_property = column->role == SB_CSV_PROPERTY ||
                          (column->role == SB_CSV_ID && options->store_ids && parts.name.size != 0);
    SB_TRY(copy(context->arena, parts.name, &column->name, err));
    SB_TRY(copy(context->arena, parts.group, &column->group, err));
    return check_role(entity, column, err);
}

typedef struct header_names {
    sb_map last;                       /* hash of a property's name → the last column with it */
    uint32_t of_role[SB_CSV_TYPE + 1]; /* the column + 1; 0: none */
} header_names;

/* Several columns are one id, their texts one behind the other, as neo4j-admin has it: of one group, and texts. */
static sb_status check_ids(const sb_csv_column *first, const sb_csv_column *more,
                           uint32_t first_number, sb_err *err)
{
    if (!sb_bytes_equal(first->group, more->group))
        return SB_FAIL(err, SB_SYNTAX,
                       "several :ID columns are one id, and of one group: that of column %u is "
                       "'%.*s'",
                       first_number, (int)(first->group.size < 60 ? first->group.size : 60),
                       (const char *)first->group.data);
    if (first->type.type != SB_TYPE_STRING || more->type.type != SB_TYPE_STRING)
        return SB_FAIL(err, SB_SYNTAX,
                       "column %u is a part of the id, too: ids of several columns are texts, "
                       "without {id-type: …}",
                       first_number);
    return SB_OK;
}

/* Roles that occur once; an :ID column may have others behind it. */
static sb_status check_once(header_names *names, const sb_csv_column *columns, uint32_t number,
                            sb_err *err)
{
    const sb_csv_column *column = &columns[number];
    const sb_csv_role role = column->role;
    const uint32_t first = names->of_role[role];

    if (role == SB_CSV_PROPERTY || role == SB_CSV_IGNORE || role == SB_CSV_LABEL) return SB_OK;
    if (first == 0) {
        names->of_role[role] = number + 1;
        return SB_OK;
    }
    if (role == SB_CSV_ID && column->is_marked && columns[first - 1].is_marked)
        return check_ids(&columns[first - 1], column, first, err);
    return SB_FAIL(err, SB_SYNTAX, "column %u has the same meaning%s", first,
                   role == SB_CSV_START || role == SB_CSV_END
                       ? ": an id of several columns stands in one, its texts one behind the other"
                       : "");
}

/* Properties of one name need different types, of which there are few: so a column is compared with few others. */
static sb_status check_name(sb_csv_context *context, header_names *names, sb_csv_column *columns,
                            uint32_t number, sb_err *err)
{
    sb_csv_column *b = &columns[number];
    const uint64_t hash = sb_hash_bytes(b->name.data, b->name.size, context->seed) >> 1;
    uint32_t same = SB_CSV_NO_COLUMN;
    bool inserted;
    uint64_t *last = sb_map_at(&names->last, hash, &inserted);

    if (last == NULL) return SB_FAIL_NOMEM(err);
    b->before = inserted ? SB_CSV_NO_COLUMN : (uint32_t)*last;
    *last = number;
    for (uint32_t i = b->before; i != SB_CSV_NO_COLUMN; i = columns[i].before) {
        const sb_csv_column *a = &columns[i];
        context->compared++;
        if (sb_bytes_equal(a->name, b->name) &&
            (a->infer || b->infer ||
             (a->type.type == b->type.type && a->type.list == b->type.list)))
            same = i;
    }
    if (same == SB_CSV_NO_COLUMN) return SB_OK;
    return SB_FAIL(
        err, SB_SYNTAX,
        "column %u is the same property: two columns of one property need different types",
        same + 1);
}

static bool has_role(const sb_csv_column *columns, size_t count, sb_csv_role role)
{
    for (size_t i = 0; i < count; i++)
        if (columns[i].role == role) return true;
    return false;
}

/* An option names a column that must be there, unless the header marks one of its own for the role. */
static sb_status check_named(const char *option, const char *what, sb_csv_role role,
                             const sb_csv_column *columns, size_t count, sb_err *err)
{
    if (option == NULL || has_role(columns, count, role)) return SB_OK;
    return SB_FAIL(err, SB_SYNTAX, "there is no column '%s', which is to be the %s column", option,
                   what);
}

static sb_status check_options(const sb_bulk_options *options, sb_entity entity,
                               const sb_csv_column *columns, size_t count, sb_err *err)
{
    if (entity == SB_NODE) {
        SB_TRY(check_named(options->id_column, "id", SB_CSV_ID, columns, count, err));
        return check_named(options->label_column, "label", SB_CSV_LABEL, columns, count, err);
    }
    SB_TRY(check_named(options->start_column, "start", SB_CSV_START, columns, count, err));
    SB_TRY(check_named(options->end_column, "end", SB_CSV_END, columns, count, err));
    return check_named(options->type_column, "type", SB_CSV_TYPE, columns, count, err);
}

static sb_status read_cells(sb_csv_context *context, sb_entity entity, const sb_csv_cell *cells,
                            size_t count, sb_csv_column *columns, sb_err *err)
{
    header_names names = {.of_role = {0}};
    sb_status st = SB_OK;

    sb_map_init(&names.last, context->alloc);
    for (uint32_t i = 0; i < count && st == SB_OK; i++) {
        sb_csv_column *column = &columns[i];
        if (i % SB_CSV_TICK_COLUMNS == 0 && context->tick != NULL)
            st = context->tick(context->tick_ctx, err);
        if (st != SB_OK) break;
        st = read_cell(context, entity, sb_bytes_of(cells[i].data, cells[i].size), column, err);
        if (st == SB_OK) st = check_once(&names, columns, i, err);
        if (st == SB_OK && column->is_property) st = check_name(context, &names, columns, i, err);
        if (st != SB_OK && err != NULL) err->column = i + 1;
    }
    sb_map_deinit(&names.last);
    return st;
}

sb_status sb_csv__header(sb_csv_context *context, sb_entity entity, const sb_csv_cell *cells,
                         size_t count, sb_csv_column *columns, sb_err *err)
{
    const sb_bulk_options *options = context->options;

    SB_TRY(read_cells(context, entity, cells, count, columns, err));
    SB_TRY(check_options(options, entity, columns, count, err));
    if (entity == SB_REL &&
        (!has_role(columns, count, SB_CSV_START) || !has_role(columns, count, SB_CSV_END)))
        return SB_FAIL(
            err, SB_SYNTAX,
            "a file of relationships needs a :START_ID and an :END_ID column, with no type%s",
            options->start_column == NULL || options->end_column == NULL
                ? " (those of a plain header are named by --start-column and --end-column, in a "
                  "query by start and end)"
                : "");
    return SB_OK;
}
