/* register.c — functions and procedures of the program's own: their signatures, and the calls into them. */
#include <string.h>

#include "api/api_priv.h"
#include "api/stmt_priv.h"

/* An argument, or a result: of a row when a procedure's. */
typedef struct user_field {
    sb_bytes name; /* empty: a function's result */
    sb_bytes type_text;
    sb_type_spec type;
} user_field;

/* What a registered function is called through: lives as long as the database. */
typedef struct user_code {
    sombra_status (*call)(sombra_call *call);   /* function, procedure; step of an aggregate */
    sombra_status (*finish)(sombra_call *call); /* aggregate */
    void *ctx;
    sb_bytes name;
    const user_field *args, *results;
    uint32_t result_count; /* of a procedure's rows; of a function 1 */
} user_code;

struct sombra_call {
    const user_code *code;
    sb_func_context *func; /* of the run */
    sb_arena *arena;       /* its */
    const sombra_value *args;
    size_t arg_count;
    void *state;                                     /* of an aggregate */
    sb_val result;                                   /* of a function */
    sb_status (*emit)(void *ctx, const sb_val *row); /* of a procedure; NULL for others */
    void *emit_ctx;
    /* The first failure of what the callback gave, or told, whatever it makes of that; why, in arena, as it was recorded then. NULL:
     * there was no memory to keep it. */
    sb_status failed;
    const sb_err *why;
    sb_err *err;
};

/* ---- What a callback may do ---------------------------------------------------------------------------------------- */

const sombra_value *sombra_call_arg(sombra_call *call, size_t i)
{
    return call == NULL || i >= call->arg_count ? NULL : &call->args[i];
}

size_t sombra_call_arg_count(const sombra_call *call)
{
    return call == NULL ? 0 : call->arg_count;
}

void *sombra_call_context(sombra_call *call)
{
    return call == NULL ? NULL : call->code->ctx;
}

void *sombra_call_state(sombra_call *call)
{
    return call == NULL ? NULL : call->state;
}

/* Is v of the field's type? An INTEGER becomes a FLOAT where one is expected. gives: a result, else an argument. */
static sb_status check_type(const sombra_call *call, const user_field *field, bool gives, sb_val *v)
{
    const sb_bytes name = call->code->name;
    sb_val is;

    SB_TRY(sb_op_is_type(call->func, *v, &field->type, &is));
    if (is.as.boolean) return SB_OK;
    if (v->kind == SB_VAL_INT && (field->type.kinds & SB_KIND_FLOAT) != 0) {
        *v = sb_val_float((double)v->as.integer);
        return SB_OK;
    }
    return sb_cypher_fail_runtime(
        call->err, SB_CYPHER_ARGUMENT_TYPE, "%.*s: %s%s%.*s is %.*s, not a value of type %s",
        (int)name.size, (const char *)name.data, gives ? "result" : "argument",
        field->name.size == 0 ? "" : " ", (int)field->name.size, (const char *)field->name.data,
        (int)field->type_text.size, (const char *)field->type_text.data, sb_val_kind_name(v->kind));
}

static sb_status take_value(const sombra_call *call, const sombra_value *value,
                            const user_field *field, sb_val *v)
{
    sb_val borrowed;

    SB_TRY(sombra__val_from_public(call->arena, value, &borrowed, call->err));
    SB_TRY(check_type(call, field, true, &borrowed));
    return sb_val_copy(call->arena, borrowed, v, call->err);
}

/* A callback that goes on after a failure must not turn it into a null, or a row that is missing. What it is refused later is recorded in the
 * same place, so the first one is kept. */
static sombra_status note(sombra_call *call, sb_status status)
{
    if (status == SB_OK || call->failed != SB_OK) return sombra__status(status);
    sb_err *const why = sb_arena_alloc(call->arena, sizeof *why);
    if (why != NULL) *why = *call->err;
    call->why = why;
    call->failed = status;
    return sombra__status(status);
}

sombra_status sombra_call_result(sombra_call *call, const sombra_value *value)
{
    if (call == NULL) return SOMBRA_MISUSE;
    if (value == NULL || call->emit != NULL)
        return note(call, SB_FAIL(call->err, SB_MISUSE,
                                  "sombra_call_result: a value is needed, of a function"));
    return note(call, take_value(call, value, &call->code->results[0], &call->result));
}

static sb_status emit_row(const sombra_call *call, const sombra_value *row)
{
    const user_code *const code = call->code;
    sb_val *values = sb_arena_alloc_array(call->arena, code->result_count, sizeof *values);

    if (values == NULL) return SB_FAIL_NOMEM(call->err);
    for (uint32_t i = 0; i < code->result_count; i++)
        SB_TRY(take_value(call, &row[i], &code->results[i], &values[i]));
    return call->emit(call->emit_ctx, values);
}

sombra_status sombra_call_emit(sombra_call *call, const sombra_value *row)
{
    if (call == NULL) return SOMBRA_MISUSE;
    if (call->emit == NULL || (row == NULL && call->code->result_count != 0))
        return note(call, SB_FAIL(call->err, SB_MISUSE,
                                  "sombra_call_emit: a row is needed, of a procedure"));
    return note(call, emit_row(call, row));
}

sombra_status sombra_call_fail(sombra_call *call, sombra_status status, const char *message)
{
    if (call == NULL || status >= SOMBRA_OK || status < SOMBRA_REJECTED) return SOMBRA_MISUSE;
    return note(call, SB_FAIL(call->err, (sb_status)status, "%s", message == NULL ? "" : message));
}

/* ---- Calling ----------------------------------------------------------------------------------------------------------- */

static sb_status give_args(sombra_call *call, const sb_val *args, uint32_t count)
{
    sombra_value *values = sb_arena_alloc_array(call->arena, count, sizeof *values);

    if (values == NULL) return SB_FAIL_NOMEM(call->err);
    for (uint32_t i = 0; i < count; i++) {
        sb_val v = args[i];
        SB_TRY(check_type(call, &call->code->args[i], false, &v));
        SB_TRY(sombra__val_to_public(call->arena, v, &values[i], call->err));
    }
    call->args = values;
    call->arg_count = count;
    return SB_OK;
}

static sb_status record_failure(const sombra_call *call, sombra_status returned)
{
    if (returned == SOMBRA_OK) {
        if (call->why == NULL) return SB_FAIL_NOMEM(call->err);
        *call->err = *call->why;
    }
    if (call->err->code != SB_OK) return call->err->code;
    if (returned > SOMBRA_OK || returned < SOMBRA_REJECTED)
        return SB_FAIL(call->err, SB_INVALID,
                       "a registered function returned %d, which is no sombra_status",
                       (int)returned);
    return SB_FAIL(call->err, (sb_status)returned, "a registered function failed: %s",
                   sb_status_text((sb_status)returned));
}

/* A callback's answer: what it has recorded (what it made nothing of, too), else what it failed with. The status is its own; want of memory, and a call that was cancelled, are no faults of
 * the query. */
static sb_status answer(const sombra_call *call, sombra_status returned)
{
    if (returned == SOMBRA_OK && call->failed == SB_OK) {
        call->err->code = SB_OK; /* it may have been refused a call, and made nothing of that */
        return SB_OK;
    }
    const sb_status status = record_failure(call, returned);
    if (status != SB_NOMEM && status != SB_INTERRUPT && status != SB_TIMEOUT &&
        call->err->detail == 0) {
        call->err->detail = SB_CYPHER_PROCEDURE_CALL_FAILED;
        call->err->runtime = true;
    }
    return status;
}

static sb_status call_function(sb_func_context *ctx, const sb_val *args, uint32_t arg_count,
                               sb_val *result)
{
    sombra_call call = {
        .code = ctx->function->user_ctx, .func = ctx, .arena = ctx->arena, .err = ctx->err};

    call.result = SB_VAL_NULL_VALUE;
    SB_TRY(give_args(&call, args, arg_count));
    SB_TRY(answer(&call, call.code->call(&call)));
    *result = call.result;
    return SB_OK;
}

static sb_status aggregate_update(sb_func_context *ctx, sb_arena *arena, void *state,
                                  const sb_val *args, uint32_t arg_count)
{
    sombra_call call = {.code = ctx->function->user_ctx,
                        .func = ctx,
                        .arena = ctx->arena,
                        .state = state,
                        .err = ctx->err};

    (void)arena; /* what the callback keeps is its own */
    SB_TRY(give_args(&call, args, arg_count));
    return answer(&call, call.code->call(&call));
}

static sb_status aggregate_finish(sb_func_context *ctx, void *state, sb_val *result)
{
    sombra_call call = {.code = ctx->function->user_ctx,
                        .func = ctx,
                        .arena = ctx->arena,
                        .state = state,
                        .err = ctx->err};

    call.result = SB_VAL_NULL_VALUE;
    SB_TRY(answer(&call, call.code->finish(&call)));
    *result = call.result;
    return SB_OK;
}

static sb_status call_procedure(void *ctx, sb_func_context *func, sb_exec *run, const sb_val *args,
                                uint32_t arg_count,
                                sb_status (*emit)(void *emit_ctx, const sb_val *row),
                                void *emit_ctx, sb_err *err)
{
    sombra_call call = {.code = ctx,
                        .func = func,
                        .arena = func->arena,
                        .emit = emit,
                        .emit_ctx = emit_ctx,
                        .err = err};

    (void)run;
    SB_TRY(give_args(&call, args, arg_count));
    return answer(&call, call.code->call(&call));
}

/* ---- Signatures: name(arg :: TYPE?, other = default :: TYPE?, …) :: TYPE? or :: (field :: TYPE?, …) ------------------------------------------------- */

#define FIELDS_MAX 64u

typedef struct parsed_signature {
    const char *text;
    size_t at;
    sb_bytes name;
    user_field args[FIELDS_MAX], results[FIELDS_MAX];
    uint32_t arg_count, optional_count, result_count;
    bool table;                   /* results in parentheses: a procedure's */
    sb_cypher_registry *registry; /* types lie in its memory */
    sb_err *err;
} parsed_signature;

static sb_status bad_signature(const parsed_signature *s, const char *wanted)
{
    return SB_FAIL(s->err, SB_SYNTAX, "signature '%.200s': %s is expected at character %zu",
                   s->text, wanted, s->at + 1);
}

static void skip_space(parsed_signature *s)
{
    while (s->text[s->at] == ' ' || s->text[s->at] == '\t' || s->text[s->at] == '\n')
        s->at++;
}

static bool accept(parsed_signature *s, const char *token)
{
    skip_space(s);
    if (strncmp(s->text + s->at, token, strlen(token)) != 0) return false;
    s->at += strlen(token);
    return true;
}

/* Of those beyond ASCII the language tells which are letters. */
static bool is_name_character(char c)
{
    return (uint8_t)c >= 0x80 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '_';
}

/* Dots are part of the names of functions. */
static sb_status read_name(parsed_signature *s, bool dotted, sb_bytes *name)
{
    skip_space(s);
    const size_t start = s->at;
    while (is_name_character(s->text[s->at]) || (dotted && s->text[s->at] == '.'))
        s->at++;
    *name = sb_bytes_of(s->text + start, s->at - start);
    return name->size == 0 ? bad_signature(s, "a name") : SB_OK;
}

static const struct {
    const char *name;
    uint32_t kinds;
} TYPES[] = {
    {"ANY", SB_KIND_ANY},           {"BOOLEAN", SB_KIND_BOOL},
    {"INTEGER", SB_KIND_INT},       {"FLOAT", SB_KIND_FLOAT},
    {"NUMBER", SB_KIND_NUMBER},     {"STRING", SB_KIND_STRING},
    {"LIST", SB_KIND_LIST},         {"MAP", SB_KIND_MAP},
    {"NODE", SB_KIND_NODE},         {"RELATIONSHIP", SB_KIND_REL},
    {"PATH", SB_KIND_PATH},         {"BYTES", SB_KIND_BYTES},
    {"POINT", SB_KIND_POINT},       {"DATE", SB_KIND_DATE},
    {"TIME", SB_KIND_TIME},         {"LOCAL_TIME", SB_KIND_LOCAL_TIME},
    {"DATETIME", SB_KIND_DATETIME}, {"LOCAL_DATETIME", SB_KIND_LOCAL_DATETIME},
    {"DURATION", SB_KIND_DURATION},
};

/* Bytes of the type that stands here: up to a comma or parenthesis outside of <…>, without white space and question mark at the end. */
static size_t type_bytes(const parsed_signature *s)
{
    const char *text = s->text + s->at;
    size_t size = 0;

    for (unsigned depth = 0; text[size] != '\0'; size++) {
        if (depth == 0 && (text[size] == ',' || text[size] == ')')) break;
        if (text[size] == '<') depth++;
        if (text[size] == '>' && depth != 0) depth--;
    }
    while (size != 0 && strchr(" \t\n?", text[size - 1]) != NULL)
        size--;
    return size;
}

/* Null is a value of every type, as in the language, but of one that is NOT NULL. */
static sb_status read_type(parsed_signature *s, user_field *field)
{
    sb_err why;
    bool known = false;

    skip_space(s);
    field->type_text = sb_bytes_of(s->text + s->at, type_bytes(s));
    for (size_t i = 0; i < sizeof TYPES / sizeof TYPES[0] && !known; i++) {
        known = sb_bytes_equal(field->type_text, sb_bytes_of(TYPES[i].name, strlen(TYPES[i].name)));
        if (known) field->type = (sb_type_spec){.kinds = TYPES[i].kinds | SB_KIND_NULL};
    }
    if (!known) {
        sb_err_clear(&why);
        const sb_status status =
            sb_cypher_registry_type(s->registry, field->type_text, &field->type, &why);
        if (status == SB_NOMEM) return SB_FAIL_NOMEM(s->err);
        /* NOTHING and NULL are types, but of no use here. */
        if (status != SB_OK || (field->type.kinds & ~(uint32_t)SB_KIND_NULL) == 0)
            return bad_signature(
                s, "a type (ANY, BOOLEAN, INTEGER, FLOAT, NUMBER, STRING, LIST, MAP, NODE, …)");
    }
    s->at += field->type_text.size;
    (void)accept(s, "?");
    return SB_OK;
}

/* Skips "= default", which is for those who read the signature: the callback has its own. False: there is none. */
static bool skip_default(parsed_signature *s)
{
    if (!accept(s, "=")) return false;
    while (s->text[s->at] != '\0' && strncmp(s->text + s->at, "::", 2) != 0)
        s->at++;
    return true;
}

/* No field before has the name of this one, which is an identifier of the language. */
static sb_status check_new(const parsed_signature *s, const user_field *fields, uint32_t count)
{
    const sb_bytes name = fields[count].name;
    bool callable = true;

    for (uint32_t i = 0; i < count; i++)
        if (sb_bytes_equal(fields[i].name, name))
            return SB_FAIL(s->err, SB_SYNTAX,
                           "signature '%.200s': the name '%.*s' stands there twice", s->text,
                           (int)name.size, (const char *)name.data);
    for (size_t i = 0; i < name.size && callable; i++)
        if (name.data[i] >= 0x80) { /* letters and others are told apart by the lexer */
            SB_TRY(sb_cypher_callable(&sb_allocator_libc, name, true, &callable, s->err));
            break;
        }
    return callable ? SB_OK : bad_signature(s, "a name of letters");
}

/* "(", then fields, then ")". optional: of arguments, how many of the last have a default; NULL: of results. */
static sb_status read_fields(parsed_signature *s, user_field *fields, uint32_t *count,
                             uint32_t *optional)
{
    *count = 0;
    if (!accept(s, "(")) return bad_signature(s, "(");
    if (accept(s, ")")) return SB_OK;
    do {
        if (*count == FIELDS_MAX)
            return SB_FAIL(s->err, SB_LIMIT, "a signature has at most %u fields", FIELDS_MAX);
        SB_TRY(read_name(s, false, &fields[*count].name));
        SB_TRY(check_new(s, fields, *count));
        if (optional != NULL && skip_default(s))
            ++*optional;
        else if (optional != NULL && *optional != 0)
            return bad_signature(s, "a default, as the argument before has one,");
        if (!accept(s, "::")) return bad_signature(s, "::");
        SB_TRY(read_type(s, &fields[(*count)++]));
    } while (accept(s, ","));
    return accept(s, ")") ? SB_OK : bad_signature(s, ", or )");
}

static sb_status read_signature(const sombra_db *db, const char *text, parsed_signature *s,
                                sb_err *err)
{
    memset(s, 0, sizeof *s);
    s->registry = db->registry;
    s->text = text;
    s->err = err;
    SB_TRY(read_name(s, true, &s->name));
    SB_TRY(read_fields(s, s->args, &s->arg_count, &s->optional_count));
    if (!accept(s, "::")) return bad_signature(s, "::");
    skip_space(s);
    s->table = s->text[s->at] == '(';
    if (s->table) {
        SB_TRY(read_fields(s, s->results, &s->result_count, NULL));
    } else {
        SB_TRY(read_type(s, &s->results[0]));
        s->result_count = 1;
    }
    skip_space(s);
    return s->text[s->at] == '\0' ? SB_OK : bad_signature(s, "the end");
}

/* ---- Registering ------------------------------------------------------------------------------------------------------------- */

static sb_status keep_text(sombra_db *db, sb_bytes text, sb_bytes *kept, sb_err *err)
{
    uint8_t *copy = sb_cypher_registry_alloc(db->registry, text.size + 1);

    if (copy == NULL) return SB_FAIL_NOMEM(err);
    if (text.size != 0) memcpy(copy, text.data, text.size);
    *kept = sb_bytes_of(copy, text.size);
    return SB_OK;
}

static sb_status keep_fields(sombra_db *db, const user_field *fields, uint32_t count,
                             const user_field **kept, sb_err *err)
{
    user_field *copy = sb_cypher_registry_alloc(db->registry, (count + 1) * sizeof *copy);

    if (copy == NULL) return SB_FAIL_NOMEM(err);
    for (uint32_t i = 0; i < count; i++) {
        copy[i] = fields[i];
        SB_TRY(keep_text(db, fields[i].name, &copy[i].name, err));
        SB_TRY(keep_text(db, fields[i].type_text, &copy[i].type_text, err));
    }
    *kept = copy;
    return SB_OK;
}

/* code, and what the signature says, are copied to memory that lives as long as the database. */
static sb_status keep_code(sombra_db *db, const user_code *code, const parsed_signature *s,
                           user_code **kept, sb_err *err)
{
    *kept = sb_cypher_registry_alloc(db->registry, sizeof **kept);
    if (*kept == NULL) return SB_FAIL_NOMEM(err);
    **kept = *code;
    (*kept)->result_count = s->result_count;
    SB_TRY(keep_text(db, s->name, &(*kept)->name, err));
    SB_TRY(keep_fields(db, s->args, s->arg_count, &(*kept)->args, err));
    return keep_fields(db, s->results, s->result_count, &(*kept)->results, err);
}

/* A name that is taken is told by whoever adds it. */
static sb_status check_callable(const parsed_signature *s, bool function)
{
    const bool taken =
        function ? sb_function_find(s->name) != NULL : sb_procedure_find(s->name) != NULL;
    bool callable = true;

    if (!taken)
        SB_TRY(sb_cypher_callable(&sb_allocator_libc, s->name, function, &callable, s->err));
    return callable ? SB_OK
                    : SB_FAIL(s->err, SB_SYNTAX,
                              "signature '%.200s': a statement can't call what is named '%.*s'",
                              s->text, (int)s->name.size, (const char *)s->name.data);
}

/* What an argument may be before it is converted. */
static uint32_t taken_kinds(const user_field *arg)
{
    return arg->type.kinds | ((arg->type.kinds & SB_KIND_FLOAT) != 0 ? SB_KIND_INT : 0);
}

static sb_status add_function(sombra_db *db, const char *text, const user_code *code,
                              const sb_aggregate *aggregate, sb_err *err)
{
    parsed_signature s;
    user_code *kept;
    char name[256];
    uint32_t kinds[8];

    SB_TRY(read_signature(db, text, &s, err));
    if (s.table)
        return SB_FAIL(err, SB_SYNTAX, "signature '%.200s': a function has one result, not a table",
                       text);
    if (s.name.size >= sizeof name)
        return SB_FAIL(err, SB_LIMIT, "a function's name has at most %zu bytes", sizeof name - 1);
    memcpy(name, s.name.data, s.name.size);
    name[s.name.size] = '\0';
    for (uint32_t i = 0; i < s.arg_count && i < 8; i++)
        kinds[i] = taken_kinds(&s.args[i]);
    SB_TRY(check_callable(&s, true));
    SB_TRY(keep_code(db, code, &s, &kept, err));
    const sb_function function = {
        .name = name,
        .flags = SB_FUNC_USER | (aggregate != NULL ? SB_FUNC_AGGREGATE : SB_FUNC_VOLATILE),
        .min_args = (uint8_t)(s.arg_count - s.optional_count),
        .max_args = (uint8_t)s.arg_count,
        .arg_kinds = s.arg_count == 0 ? NULL : kinds,
        .result_kinds = s.results[0].type.kinds,
        .call = aggregate != NULL ? NULL : call_function,
        .aggregate = aggregate,
        .signature = text,
        .help = "registered by the program",
        .category = "user",
        .user_ctx = kept};
    return sb_cypher_add_function(db->registry, &function, err);
}

/* Shared end of the three: under the database's lock, error copied out. */
static sombra_status finish_registration(sombra_db *db, sb_status status, const sb_err *err,
                                         sombra_error *error)
{
    sb_mutex_unlock(db->lock);
    sombra__error_copy(err, error);
    return sombra__status(status);
}

sombra_status sombra_register_function(sombra_db *db, const char *signature,
                                       sombra_status (*call)(sombra_call *call), void *ctx,
                                       sombra_error *error)
{
    sb_err err;
    const user_code code = {.call = call, .ctx = ctx};

    sb_err_clear(&err);
    sombra__error_copy(&err, error);
    if (db == NULL || signature == NULL || call == NULL) return SOMBRA_MISUSE;
    sb_mutex_lock(db->lock);
    return finish_registration(db, add_function(db, signature, &code, NULL, &err), &err, error);
}

sombra_status sombra_register_aggregate(sombra_db *db, const char *signature, size_t state_bytes,
                                        sombra_status (*step)(sombra_call *call),
                                        sombra_status (*finish)(sombra_call *call), void *ctx,
                                        sombra_error *error)
{
    sb_err err;
    const user_code code = {.call = step, .finish = finish, .ctx = ctx};
    sb_aggregate *aggregate;

    sb_err_clear(&err);
    sombra__error_copy(&err, error);
    if (db == NULL || signature == NULL || step == NULL || finish == NULL) return SOMBRA_MISUSE;
    sb_mutex_lock(db->lock);
    /* One that does not fit the memory goes to a file as a value does. */
    if (state_bytes > SB_VALUE_BYTES_MAX)
        return finish_registration(
            db, SB_FAIL(&err, SB_LIMIT, "an aggregate's state has at most 2 GiB"), &err, error);
    aggregate = sb_cypher_registry_alloc(db->registry, sizeof *aggregate);
    if (aggregate == NULL) return finish_registration(db, SB_FAIL_NOMEM(&err), &err, error);
    *aggregate = (sb_aggregate){
        .state_bytes = state_bytes, .update = aggregate_update, .finish = aggregate_finish};
    return finish_registration(db, add_function(db, signature, &code, aggregate, &err), &err,
                               error);
}

static void take_fields(const user_field *fields, uint32_t count, sb_procedure_field *taken)
{
    for (uint32_t i = 0; i < count; i++)
        taken[i] = (sb_procedure_field){.name = fields[i].name,
                                        .kinds = fields[i].type.kinds,
                                        .type_text = (const char *)fields[i].type_text.data};
}

static sb_status add_procedure(sombra_db *db, const char *text, const user_code *code, sb_err *err)
{
    sb_procedure_field args[FIELDS_MAX], results[FIELDS_MAX];
    parsed_signature s;
    user_code *kept;

    SB_TRY(read_signature(db, text, &s, err));
    if (!s.table)
        return SB_FAIL(err, SB_SYNTAX,
                       "signature '%.200s': a procedure's results are in parentheses", text);
    SB_TRY(check_callable(&s, false));
    SB_TRY(keep_code(db, code, &s, &kept, err));
    take_fields(kept->args, s.arg_count, args);
    for (uint32_t i = 0; i < s.arg_count; i++)
        args[i].kinds = taken_kinds(&kept->args[i]);
    take_fields(kept->results, s.result_count, results);
    const sb_procedure procedure = {.name = s.name,
                                    .args = args,
                                    .results = results,
                                    .arg_count = s.arg_count,
                                    .optional_count = s.optional_count,
                                    .result_count = s.result_count,
                                    .signature = text,
                                    .help = "registered by the program",
                                    .call = call_procedure,
                                    .ctx = kept};
    return sb_cypher_add_procedure(db->registry, &procedure, err);
}

sombra_status sombra_register_procedure(sombra_db *db, const char *signature,
                                        sombra_status (*call)(sombra_call *call), void *ctx,
                                        sombra_error *error)
{
    sb_err err;
    const user_code code = {.call = call, .ctx = ctx};

    sb_err_clear(&err);
    sombra__error_copy(&err, error);
    if (db == NULL || signature == NULL || call == NULL) return SOMBRA_MISUSE;
    sb_mutex_lock(db->lock);
    return finish_registration(db, add_procedure(db, signature, &code, &err), &err, error);
}
