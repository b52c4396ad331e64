/* script_run.c — how a script's statements run. Scripts hold few statements that differ in more than their literals, so what is a literal becomes
 * a parameter, and what is left is prepared once. A statement whose text is no such, or fails in that form, runs as it stands: errors
 * have their places in the text. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/formats/script_priv.h"

#define TEMPLATES_MAX 256u               /* beyond that all are forgotten */
#define TEMPLATE_MAX  ((size_t)64 << 10) /* bytes of a text that is worth to be kept */
#define LITERALS_MAX  64u                /* of one statement */
#define PARAMETER     "sombra__"         /* our parameters' names, with a number behind */

typedef struct parameter {
    sombra_text name;
    sombra_value value;
    fmt_arena arena;
} parameter;

/* A statement without its literals. */
typedef struct template
{
    sombra_stmt *stmt; /* NULL: not prepared yet */
    bool is_bad;       /* can not be prepared so */
    script_shape shape;
}
template;

struct script_runner {
    fmt_loader *loader;
    sombra_conn *conn;
    bool is_shaped; /* rows may go to the loader */
    bool takes_off; /* the statement at hand takes marks off that are in the graph */
    parameter *parameters;
    size_t parameter_count, parameter_capacity;
    script_literals literals;
    script_marks marks;
    sombra_value values[LITERALS_MAX]; /* of the statement at hand */
    size_t value_count;
    fmt_buffer text; /* of the statement at hand without its literals */
    fmt_names texts; /* numbers of templates */
    template templates[TEMPLATES_MAX];
    uint64_t statements;
};

static sombra_status run_as_it_is(void *ctx, const script_statement *s);

script_runner *script_runner_open(fmt_loader *loader)
{
    const fmt_options *options = fmt_loader_options(loader);
    script_runner *r = fmt_need(calloc(1, sizeof *r));

    r->loader = loader;
    r->conn = r->literals.conn = options->conn;
    /* Batches and rejects are of statements, and a dry run's loader writes nothing. */
    r->marks = (script_marks){.loader = loader, .run = run_as_it_is, .ctx = r};
    r->is_shaped = options->batch == 0 && options->rejects == NULL && !options->dry_run;
    return r;
}

static void forget_templates(script_runner *r)
{
    for (size_t i = 0; i < r->texts.count; i++)
        sombra_stmt_finalize(r->templates[i].stmt);
    fmt_names_free(&r->texts);
    memset(&r->texts, 0, sizeof r->texts);
}

sombra_status script_runner_end(script_runner *r)
{
    return script_marks_settle(&r->marks);
}

void script_runner_close(script_runner *r)
{
    script_marks_free(&r->marks);
    for (size_t i = 0; i < r->parameter_count; i++)
        fmt_arena_free(&r->parameters[i].arena);
    free(r->parameters);
    forget_templates(r);
    script_literals_free(&r->literals);
    free(r->text.data);
    free(r);
}

static sombra_value copy_value(fmt_arena *arena, const sombra_value *value)
{
    sombra_value made = *value;

    if (value->type == SOMBRA_TYPE_MAP) {
        sombra_entry *entries = fmt_arena_alloc(arena, (value->as.map.count + 1) * sizeof *entries);
        for (size_t i = 0; i < value->as.map.count; i++) {
            const sombra_entry *from = &value->as.map.entries[i];
            entries[i].key = fmt_arena_text(arena, from->key, from->key_size).data;
            entries[i].key_size = from->key_size;
            entries[i].value = copy_value(arena, &from->value);
        }
        made.as.map.entries = entries;
    } else if (value->type == SOMBRA_TYPE_LIST) {
        sombra_value *items = fmt_arena_alloc(arena, (value->as.list.count + 1) * sizeof *items);
        for (size_t i = 0; i < value->as.list.count; i++)
            items[i] = copy_value(arena, &value->as.list.items[i]);
        made.as.list.items = items;
    } else {
        made = fmt_value_copy(arena, value);
    }
    return made;
}

static parameter *known(const script_runner *r, const char *name, size_t size)
{
    for (size_t i = 0; i < r->parameter_count; i++)
        if (r->parameters[i].name.size == size &&
            memcmp(r->parameters[i].name.data, name, size) == 0)
            return &r->parameters[i];
    return NULL;
}

static parameter *parameter_of(script_runner *r, const char *name, size_t size)
{
    parameter *found = known(r, name, size);

    if (found != NULL) {
        fmt_arena_free(&found->arena);
        return found;
    }
    r->parameters = fmt_grow(r->parameters, &r->parameter_capacity, r->parameter_count + 1,
                             sizeof *r->parameters);
    r->parameters[r->parameter_count] = (parameter){.name = {NULL, 0}};
    return &r->parameters[r->parameter_count++];
}

static void keep_parameter(script_runner *r, sombra_text name, const sombra_value *value)
{
    parameter *p = parameter_of(r, name.data, name.size);

    p->name = fmt_arena_text(&p->arena, name.data, name.size);
    p->value = copy_value(&p->arena, value);
}

/* What is no literal is for the language, and may look at the graph. */
static sombra_status compute_parameter(script_runner *r, sombra_text name, const char *text,
                                       size_t size)
{
    fmt_buffer query = {0};
    sombra_stmt *stmt = NULL;
    sombra_value value;
    sombra_status status = script_marks_settle(&r->marks);

    if (status != SOMBRA_OK) return status;
    if (fmt_loader_settle(r->loader) != SOMBRA_OK) return fmt_loader_error(r->loader)->status;
    fmt_puts(&query, "RETURN ");
    fmt_put(&query, text, size);
    if (sombra_prepare(r->conn, query.data, query.size, &stmt, NULL) == SOMBRA_OK &&
        sombra_stmt_step(stmt) == SOMBRA_ROW && sombra_stmt_column(stmt, 0, &value) == SOMBRA_OK) {
        keep_parameter(r, name, &value);
    } else {
        status = fmt_broken(r->loader, sombra_error_of(r->conn)->status, 0, "%s",
                            sombra_error_of(r->conn)->message);
    }
    sombra_stmt_finalize(stmt);
    free(query.data);
    return status;
}

sombra_status script_set_parameter(script_runner *r, sombra_text name, const char *text,
                                   size_t size)
{
    sombra_value value;

    script_literals_reset(&r->literals);
    if (!script_literal(&r->literals, text, size, &value) || r->literals.at != text + size)
        return compute_parameter(r, name, text, size);
    keep_parameter(r, name, &value);
    return SOMBRA_OK;
}

/* ---- Literals out of a statement ----------------------------------------------------------------------------------- */

/* UNWIND [literals] AS row …, UNWIND $rows AS row …: the rows, and where the text goes on. NULL: it is no such statement. */
static const sombra_value *take_rows(script_runner *r, const char *text, const char *end,
                                     const char **rest)
{
    if (end - text < 8 || strncasecmp(text, "UNWIND", 6) != 0 || script_is_word(text[6]))
        return NULL;
    const char *at = script_blanks(text + 6, end);
    if (at < end && *at == '[') {
        if (!script_literal(&r->literals, at, (size_t)(end - at), &r->values[0])) return NULL;
        *rest = r->literals.at;
        fmt_puts(&r->text, "UNWIND $" PARAMETER "0 ");
        r->value_count = 1;
    } else {
        const char *name = ++at;
        while (at < end && script_is_word(*at))
            at++;
        const parameter *p = name[-1] == '$' ? known(r, name, (size_t)(at - name)) : NULL;
        if (p == NULL) return NULL;
        *rest = at;
        fmt_put(&r->text, text, (size_t)(at - text));
        r->values[0] = p->value;
    }
    fmt_put(&r->text, *rest, (size_t)(end - *rest));
    return &r->values[0];
}

/* A value of a map, {key: literal}, at at: a parameter takes its place. */
static bool take_literal(script_runner *r, const char **at, const char *end)
{
    if (r->value_count == LITERALS_MAX ||
        !script_literal(&r->literals, *at, (size_t)(end - *at), &r->values[r->value_count]))
        return false;
    const char *next = r->literals.at;
    if (next == end || (*next != ',' && *next != '}')) return false;
    fmt_printf(&r->text, "$" PARAMETER "%zu", r->value_count++);
    *at = next;
    return true;
}

/* The text without the literals in its maps. False: it is better run as it is. */
static bool take_literals(script_runner *r, const char *at, const char *end)
{
    unsigned depth = 0;
    char before = '\0'; /* the last byte that is no blank */

    while (at < end) {
        const char c = *at;
        if (c == '/') return false; /* perhaps a comment */
        if (depth != 0 && before == ':' && c > ' ' && take_literal(r, &at, end)) {
            before = '\0';
            continue;
        }
        const char *from = at++;
        if (c == '\'' || c == '"' || c == '`') {
            while (at < end && *at != c)
                at += *at == '\\' && c != '`' ? 2 : 1;
            if (at >= end) return false;
            at++;
        }
        fmt_put(&r->text, from, (size_t)(at - from));
        depth += c == '{';
        depth -= c == '}' && depth != 0;
        if (c > ' ' || (c & 0x80) != 0) before = c;
    }
    return r->value_count != 0;
}

/* What the statement is without its literals; NULL: it is better run as it is. rows: of UNWIND, or NULL. */
static template *template_of(script_runner *r, const char *text, size_t size,
                             const sombra_value **rows)
{
    const char *rest = text;

    script_literals_reset(&r->literals);
    r->text.size = r->value_count = 0;
    *rows = take_rows(r, text, text + size, &rest);
    if (*rows == NULL && (size > TEMPLATE_MAX || !take_literals(r, text, text + size))) return NULL;
    if (r->text.size > TEMPLATE_MAX) return NULL;
    const size_t known = r->texts.count;
    if (known == TEMPLATES_MAX) forget_templates(r);
    const uint32_t number = fmt_names_add(&r->texts, r->text.data, r->text.size);
    template *t = &r->templates[number];
    if (number == known || known == TEMPLATES_MAX) {
        const sombra_text own = r->texts.texts[number]; /* lives as long as the template */
        const size_t left = *rows == NULL ? 0 : (size_t)(text + size - rest);
        *t = (template){.shape = script_shape_of(&r->texts.arena,
                                                 (const char *)own.data + own.size - left, left)};
    }
    return t;
}

/* ---- Running ------------------------------------------------------------------------------------------------------- */

/* Is it the statement that is wrong, and not the machine? */
static bool is_fault(sombra_status status)
{
    return status == SOMBRA_SYNTAX || status == SOMBRA_TYPE_MISMATCH || status == SOMBRA_INVALID ||
           status == SOMBRA_NOT_FOUND || status == SOMBRA_EXISTS || status == SOMBRA_CONSTRAINT ||
           status == SOMBRA_UNSUPPORTED;
}

/* The connection's error at its place in the file; a statement that is wrong may go to the rejects. */
static sombra_status fail_statement(const script_runner *r, const script_statement *s)
{
    const sombra_error error = *sombra_error_of(r->conn);
    const sombra_text none = {NULL, 0};
    const char *message =
        error.message[0] != '\0' ? error.message : sombra_status_text(error.status);
    char own_place[64] = "";

    if (!is_fault(error.status)) return fmt_broken(r->loader, error.status, 0, "%s", message);
    fmt_at(r->loader, s->path, s->line + (error.line > 1 ? error.line - 1 : 0), s->text, s->size);
    /* The place in the statement, which the message tells, is not told again beside that in the file. */
    if (error.line != 0)
        (void)snprintf(own_place, sizeof own_place, " (line %u, column %u)", error.line,
                       error.column);
    const char *place = own_place[0] == '\0' ? NULL : strstr(message, own_place);
    const size_t before = place == NULL ? strlen(message) : (size_t)(place - message);
    return fmt_bad(r->loader, error.status, error.column, none, none, "%.*s%s", (int)before,
                   message, place == NULL ? "" : place + strlen(own_place));
}

static sombra_status bind_parameters(const script_runner *r, sombra_stmt *stmt)
{
    for (size_t i = 0; i < r->parameter_count; i++) {
        const parameter *p = &r->parameters[i];
        const sombra_status status = sombra_stmt_bind(stmt, p->name.data, &p->value);
        if (status != SOMBRA_OK && status != SOMBRA_NOT_FOUND) return status;
    }
    return SOMBRA_OK;
}

/* SOMBRA_OK, or the connection's error; nothing of the statement stays then. */
static sombra_status step(const script_runner *r, sombra_stmt *stmt)
{
    sombra_stmt_changes c;
    sombra_status status = bind_parameters(r, stmt);

    while (status == SOMBRA_OK || status == SOMBRA_ROW)
        status = sombra_stmt_step(stmt);
    if (status != SOMBRA_DONE) return status;
    (void)sombra_stmt_get_changes(stmt, &c);
    /* What is taken off again was counted when it was set. */
    fmt_count(r->loader, c.nodes_created, c.rels_created,
              r->takes_off ? 0 - (uint64_t)c.properties_set : c.properties_set);
    fmt_count_schemas(r->loader, c.indexes_added + c.constraints_added,
                      c.indexes_removed + c.constraints_removed);
    if ((c.nodes_created | c.nodes_deleted | c.properties_set | c.labels_added |
         c.labels_removed) != 0)
        fmt_loader_forget(r->loader, SCRIPT_GROUPS);
    return SOMBRA_OK;
}

static sombra_status step_template(script_runner *r, template *t)
{
    char name[32];

    if (t->stmt == NULL &&
        sombra_prepare(r->conn, r->text.data, r->text.size, &t->stmt, NULL) != SOMBRA_OK) {
        t->is_bad = true;
        return SOMBRA_SYNTAX;
    }
    for (size_t i = 0; i < r->value_count; i++) {
        (void)snprintf(name, sizeof name, PARAMETER "%zu", i);
        const sombra_status bound = sombra_stmt_bind(t->stmt, name, &r->values[i]);
        if (bound != SOMBRA_OK) return bound;
    }
    const sombra_status status = step(r, t->stmt);
    const sombra_status reset = sombra_stmt_reset(t->stmt);
    return status != SOMBRA_OK ? status : reset;
}

static sombra_status run_as_it_is(void *ctx, const script_statement *s)
{
    const script_runner *r = ctx;
    sombra_stmt *stmt = NULL;
    sombra_status status = sombra_prepare(r->conn, s->text, s->size, &stmt, NULL);

    if (status == SOMBRA_OK && stmt != NULL) status = step(r, stmt);
    if (status != SOMBRA_OK) status = fail_statement(r, s);
    sombra_stmt_finalize(stmt);
    return status;
}

sombra_status script_run(script_runner *r, const script_statement *s)
{
    const sombra_value *rows;
    sombra_status status = SOMBRA_OK;
    bool taken = false;

    if (r->marks.count != 0 && script_marks_take(&r->marks, s)) return SOMBRA_OK;
    if (r->marks.removal_count != 0) status = script_marks_settle(&r->marks);
    if (status != SOMBRA_OK) return status;
    template *t = template_of(r, s->text, s->size, &rows);
    if (t != NULL && r->is_shaped && rows != NULL) {
        status =
            script_shape_load(r->loader, &r->marks, &t->shape, rows, &r->literals.arena, &taken);
        if (taken || status != SOMBRA_OK) return status;
    }
    if (r->marks.count != 0 && !script_marks_allow(&r->marks, s->text, s->size))
        status = script_marks_settle(&r->marks);
    if (status != SOMBRA_OK) return status;
    if (fmt_loader_settle(r->loader) != SOMBRA_OK) return fmt_loader_error(r->loader)->status;
    r->takes_off =
        !r->is_shaped && script_marks_are_off(&r->marks, s, rows != NULL ? &t->shape : NULL);
    status = t == NULL || t->is_bad ? SOMBRA_SYNTAX : step_template(r, t);
    if (is_fault(status))
        status = run_as_it_is(r, s);
    else if (status != SOMBRA_OK)
        status = fail_statement(r, s);
    if (status != SOMBRA_OK) return status;
    const uint64_t batch = fmt_loader_options(r->loader)->batch;
    return batch != 0 && ++r->statements % batch == 0 ? fmt_loader_commit(r->loader) : SOMBRA_OK;
}
