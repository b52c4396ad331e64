/* register.c — functions and procedures of the program's own: their signatures, and the calls into them. */
#include <string.h>

#include "api/api_priv.h"
#include "api/stmt_priv.h"

/* What a registered function is called through: lives as long as the database. */
typedef struct user_code {
    sombra_status (*call)(sombra_call *call);   /* function, procedure; step of an aggregate */
    sombra_status (*finish)(sombra_call *call); /* aggregate */
    void *ctx;
    uint32_t result_count; /* of a procedure's rows */
} user_code;

struct sombra_call {
    const user_code *code;
    sb_arena *arena;
    const sombra_value *args;
    size_t arg_count;
    void *state;                                     /* of an aggregate */
    sb_val result;                                   /* of a function */
    sb_status (*emit)(void *ctx, const sb_val *row); /* of a procedure; NULL for others */
    void *emit_ctx;
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

static sb_status take_value(sombra_call *call, const sombra_value *value, sb_val *v)
{
    sb_val borrowed;

    SB_TRY(sombra__val_from_public(call->arena, value, &borrowed, call->err));
    return sb_val_copy(call->arena, borrowed, v, call->err);
}

sombra_status sombra_call_result(sombra_call *call, const sombra_value *value)
{
    if (call == NULL || value == NULL || call->emit != NULL) return SOMBRA_MISUSE;
    return sombra__status(take_value(call, value, &call->result));
}

sombra_status sombra_call_emit(sombra_call *call, const sombra_value *row)
{
    sb_val *values;

    if (call == NULL || call->emit == NULL || (row == NULL && call->code->result_count != 0))
        return SOMBRA_MISUSE;
    values = sb_arena_alloc_array(call->arena, call->code->result_count, sizeof *values);
    if (values == NULL) return sombra__status(SB_FAIL_NOMEM(call->err));
    for (uint32_t i = 0; i < call->code->result_count; i++) {
        const sb_status status = take_value(call, &row[i], &values[i]);
        if (status != SB_OK) return sombra__status(status);
    }
    return sombra__status(call->emit(call->emit_ctx, values));
}

sombra_status sombra_call_fail(sombra_call *call, sombra_status status, const char *message)
{
    if (call == NULL || status >= SOMBRA_OK || status < SOMBRA_REJECTED) return SOMBRA_MISUSE;
    return sombra__status(
        SB_FAIL(call->err, (sb_status)status, "%s", message == NULL ? "" : message));
}

/* ---- Calling ----------------------------------------------------------------------------------------------------------- */

static sb_status give_args(sombra_call *call, const sb_val *args, uint32_t count)
{
    sombra_value *values = sb_arena_alloc_array(call->arena, count, sizeof *values);

    if (values == NULL) return SB_FAIL_NOMEM(call->err);
    for (uint32_t i = 0; i < count; i++)
        SB_TRY(sombra__val_to_public(call->arena, args[i], &values[i], call->err));
    call->args = values;
    call->arg_count = count;
    return SB_OK;
}

static sb_status record_failure(const sombra_call *call, sombra_status returned)
{
    if (call->err->code != SB_OK) return call->err->code;
    if (returned > SOMBRA_OK || returned < SOMBRA_REJECTED)
        return SB_FAIL(call->err, SB_INVALID,
                       "a registered function returned %d, which is no sombra_status",
                       (int)returned);
    return SB_FAIL(call->err, (sb_status)returned, "a registered function failed: %s",
                   sb_status_text((sb_status)returned));
}

/* A callback's answer: what it has recorded, else what it failed with. The status is its own; want of memory, and a call that was cancelled, are no faults of
 * the query. */
static sb_status answer(const sombra_call *call, sombra_status returned)
{
    if (returned == SOMBRA_OK) {
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
    sombra_call call = {.code = ctx->function->user_ctx, .arena = ctx->arena, .err = ctx->err};

    call.result = SB_VAL_NULL_VALUE;
    SB_TRY(give_args(&call, args, arg_count));
    SB_TRY(answer(&call, call.code->call(&call)));
    *result = call.result;
    return SB_OK;
}

static sb_status aggregate_update(sb_func_context *ctx, sb_arena *arena, void *state,
                                  const sb_val *args, uint32_t arg_count)
{
    sombra_call call = {
        .code = ctx->function->user_ctx, .arena = ctx->arena, .state = state, .err = ctx->err};

    (void)arena; /* what the callback keeps is its own */
    SB_TRY(give_args(&call, args, arg_count));
    return answer(&call, call.code->call(&call));
}

static sb_status aggregate_finish(sb_func_context *ctx, void *state, sb_val *result)
{
    sombra_call call = {
        .code = ctx->function->user_ctx, .arena = ctx->arena, .state = state, .err = ctx->err};

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
    sombra_call call = {
        .code = ctx, .arena = func->arena, .emit = emit, .emit_ctx = emit_ctx, .err = err};

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
    sb_procedure_field args[FIELDS_MAX], results[FIELDS_MAX];
    uint32_t arg_count, optional_count, result_count;
    bool table; /* results in parentheses: a procedure's */
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

static bool is_name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
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

static sb_status read_type(parsed_signature *s, sb_procedure_field *field)
{
    sb_bytes name;

    SB_TRY(read_name(s, false, &name));
    for (size_t i = 0; i < sizeof TYPES / sizeof TYPES[0]; i++) {
        if (!sb_bytes_equal(name, sb_bytes_of(TYPES[i].name, strlen(TYPES[i].name)))) continue;
        field->type_text = TYPES[i].name;
        field->kinds = TYPES[i].kinds;
        if (accept(s, "?")) field->kinds |= SB_KIND_NULL;
        return SB_OK;
    }
    s->at -= name.size;
    return bad_signature(
        s, "a type (ANY, BOOLEAN, INTEGER, FLOAT, NUMBER, STRING, LIST, MAP, NODE, …)");
}

/* Skips "= default", which is for those who read the signature: the callback has its own. False: there is none. */
static bool skip_default(parsed_signature *s)
{
    if (!accept(s, "=")) return false;
    while (s->text[s->at] != '\0' && strncmp(s->text + s->at, "::", 2) != 0)
        s->at++;
    return true;
}

/* "(", then fields, then ")". optional: of arguments, how many of the last have a default; NULL: of results. */
static sb_status read_fields(parsed_signature *s, sb_procedure_field *fields, uint32_t *count,
                             uint32_t *optional)
{
    *count = 0;
    if (!accept(s, "(")) return bad_signature(s, "(");
    if (accept(s, ")")) return SB_OK;
    do {
        if (*count == FIELDS_MAX)
            return SB_FAIL(s->err, SB_LIMIT, "a signature has at most %u fields", FIELDS_MAX);
        SB_TRY(read_name(s, false, &fields[*count].name));
        if (optional != NULL && skip_default(s))
            ++*optional;
        else if (optional != NULL && *optional != 0)
            return bad_signature(s, "a default, as the argument before has one,");
        if (!accept(s, "::")) return bad_signature(s, "::");
        SB_TRY(read_type(s, &fields[(*count)++]));
    } while (accept(s, ","));
    return accept(s, ")") ? SB_OK : bad_signature(s, ", or )");
}

static sb_status read_signature(const char *text, parsed_signature *s, sb_err *err)
{
    memset(s, 0, sizeof *s);
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

/* code is copied to memory that lives as long as the database. */
static sb_status keep_code(sombra_db *db, const user_code *code, user_code **kept, sb_err *err)
{
    *kept = sb_cypher_registry_alloc(db->registry, sizeof **kept);
    if (*kept == NULL) return SB_FAIL_NOMEM(err);
    **kept = *code;
    return SB_OK;
}

static sb_status add_function(sombra_db *db, const char *text, const user_code *code,
                              const sb_aggregate *aggregate, sb_err *err)
{
    parsed_signature s;
    user_code *kept;
    char name[256];
    uint32_t kinds[8];

    SB_TRY(read_signature(text, &s, err));
    if (s.table)
        return SB_FAIL(err, SB_SYNTAX, "signature '%.200s': a function has one result, not a table",
                       text);
    if (s.name.size >= sizeof name)
        return SB_FAIL(err, SB_LIMIT, "a function's name has at most %zu bytes", sizeof name - 1);
    memcpy(name, s.name.data, s.name.size);
    name[s.name.size] = '\0';
    for (uint32_t i = 0; i < s.arg_count && i < 8; i++)
        kinds[i] = s.args[i].kinds;
    SB_TRY(keep_code(db, code, &kept, err));
    const sb_function function = {
        .name = name,
        .flags = SB_FUNC_USER | (aggregate != NULL ? SB_FUNC_AGGREGATE : SB_FUNC_VOLATILE),
        .min_args = (uint8_t)(s.arg_count - s.optional_count),
        .max_args = (uint8_t)s.arg_count,
        .arg_kinds = s.arg_count == 0 ? NULL : kinds,
        .result_kinds = s.results[0].kinds,
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
    aggregate = sb_cypher_registry_alloc(db->registry, sizeof *aggregate);
    if (aggregate == NULL) return finish_registration(db, SB_FAIL_NOMEM(&err), &err, error);
    *aggregate = (sb_aggregate){
        .state_bytes = state_bytes, .update = aggregate_update, .finish = aggregate_finish};
    return finish_registration(db, add_function(db, signature, &code, aggregate, &err), &err,
                               error);
}

static sb_status add_procedure(sombra_db *db, const char *text, const user_code *code, sb_err *err)
{
    parsed_signature s;
    user_code *kept;

    SB_TRY(read_signature(text, &s, err));
    if (!s.table)
        return SB_FAIL(err, SB_SYNTAX,
                       "signature '%.200s': a procedure's results are in parentheses", text);
    SB_TRY(keep_code(db, code, &kept, err));
    kept->result_count = s.result_count;
    const sb_procedure procedure = {.name = s.name,
                                    .args = s.args,
                                    .results = s.results,
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
