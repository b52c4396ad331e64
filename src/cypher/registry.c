/* registry.c — functions and procedures that a program has registered, beside those that are built in. */
#include "cypher/cypher_priv.h"
#include "cypher/parse/parse.h"

#include <stdatomic.h>
#include <string.h>

typedef struct function_node {
    sb_function function;
    struct function_node *next;
} function_node;
typedef struct procedure_node {
    sb_procedure procedure;
    struct procedure_node *next;
} procedure_node;

/* Entries are never taken away while the database is open, so that statements may point at them. One thread at a time adds some, which others that
 * compile see when they are whole. */
struct sb_cypher_registry {
    sb_arena *arena; /* owned; all entries */
    const sb_allocator *alloc;
    _Atomic(function_node *) functions;
    _Atomic(procedure_node *) procedures;
};

sb_status sb_cypher_registry_create(const sb_allocator *alloc, sb_cypher_registry **registry,
                                    sb_err *err)
{
    sb_cypher_registry *made = sb_alloc_zero(alloc, sizeof *made);

    *registry = NULL;
    if (made == NULL) return SB_FAIL_NOMEM(err);
    made->alloc = alloc;
    made->arena = sb_arena_create(alloc, NULL);
    if (made->arena == NULL) {
        sb_free(alloc, made, sizeof *made);
        return SB_FAIL_NOMEM(err);
    }
    *registry = made;
    return SB_OK;
}

void sb_cypher_registry_destroy(sb_cypher_registry *registry)
{
    if (registry == NULL) return;
    sb_arena_destroy(registry->arena);
    sb_free(registry->alloc, registry, sizeof *registry);
}

void *sb_cypher_registry_alloc(sb_cypher_registry *registry, size_t bytes)
{
    return sb_arena_alloc_zero(registry->arena, bytes);
}

/* ASCII case does not matter, as for built-in names. */
static bool same_name(sb_bytes a, const char *b, size_t size)
{
    if (a.size != size) return false;
    for (size_t i = 0; i < size; i++) {
        const unsigned x = a.data[i] >= 'A' && a.data[i] <= 'Z' ? a.data[i] + 32u : a.data[i];
        const unsigned char c = (unsigned char)b[i];
        const unsigned y = c >= 'A' && c <= 'Z' ? c + 32u : c;

        if (x != y) return false;
    }
    return true;
}

static const function_node *newest_function(const sb_cypher_registry *registry)
{
    return atomic_load_explicit(&registry->functions, memory_order_acquire);
}

static const procedure_node *newest_procedure(const sb_cypher_registry *registry)
{
    return atomic_load_explicit(&registry->procedures, memory_order_acquire);
}

static const sb_function *find_function(void *ctx, sb_bytes name)
{
    const sb_cypher_registry *registry = ctx;
    const sb_function *built_in = sb_function_find(name);

    if (built_in != NULL || registry == NULL) return built_in;
    for (const function_node *node = newest_function(registry); node != NULL; node = node->next)
        if (same_name(name, node->function.name, strlen(node->function.name)))
            return &node->function;
    return NULL;
}

static size_t built_in_functions(void)
{
    size_t count = 0;

    while (sb_function_at(count) != NULL)
        count++;
    return count;
}

static const sb_function *function_at(void *ctx, size_t i)
{
    const sb_cypher_registry *registry = ctx;
    const sb_function *built_in = sb_function_at(i);

    if (built_in != NULL || registry == NULL) return built_in;
    size_t left = i - built_in_functions();
    for (const function_node *node = newest_function(registry); node != NULL; node = node->next)
        if (left-- == 0) return &node->function;
    return NULL;
}

static const sb_procedure *find_procedure(void *ctx, sb_bytes name)
{
    const sb_cypher_registry *registry = ctx;
    const sb_procedure *built_in = sb_procedure_find(name);

    if (built_in != NULL || registry == NULL) return built_in;
    for (const procedure_node *node = newest_procedure(registry); node != NULL; node = node->next)
        if (same_name(name, (const char *)node->procedure.name.data, node->procedure.name.size))
            return &node->procedure;
    return NULL;
}

static const sb_procedure *procedure_at(void *ctx, size_t i)
{
    const sb_cypher_registry *registry = ctx;
    size_t built_in = 0;

    for (; sb_procedure_at(built_in) != NULL; built_in++)
        if (built_in == i) return sb_procedure_at(i);
    size_t left = i - built_in;
    for (const procedure_node *node = registry == NULL ? NULL : newest_procedure(registry);
         node != NULL; node = node->next)
        if (left-- == 0) return &node->procedure;
    return NULL;
}

void sb_cypher__env(const sb_cypher_registry *registry, sb_sema_env *env)
{
    *env = (sb_sema_env){.find_function = find_function,
                         .function_at = function_at,
                         .find_procedure = find_procedure,
                         .procedure_at = procedure_at};
    memcpy(&env->ctx, &registry, sizeof env->ctx); /* only read through it */
}

/* ---- What signatures say ------------------------------------------------------------------------------------------- */

/* before, name, behind as a statement's text. */
static sb_status compose(sb_buffer *text, const char *before, sb_bytes name, const char *behind)
{
    SB_TRY(sb_buffer_append(text, before, strlen(before)));
    if (name.size != 0) SB_TRY(sb_buffer_append(text, name.data, name.size));
    return sb_buffer_append(text, behind, strlen(behind));
}

sb_status sb_cypher_registry_type(sb_cypher_registry *registry, sb_bytes text, sb_type_spec *type,
                                  sb_err *err)
{
    sb_statement *statement = NULL;
    sb_buffer composed;
    size_t end;
    sb_err why;
    sb_status status;

    /* The statement that has a type and nothing behind it. */
    sb_buffer_init(&composed, registry->alloc);
    sb_err_clear(&why);
    status = compose(&composed, "CREATE CONSTRAINT FOR (n:A) REQUIRE n.x IS :: ", text, "");
    if (status == SB_OK)
        status = sb_cypher_parse(registry->arena, sb_buffer_bytes(&composed), NULL, &statement,
                                 &end, &why);
    const size_t size = composed.size;
    sb_buffer_deinit(&composed);
    if (status == SB_NOMEM) return SB_FAIL_NOMEM(err);
    if (status != SB_OK || statement->schema.type == NULL ||
        statement->schema.type_span.end != size)
        return SB_FAIL(err, SB_SYNTAX, "'%.*s' is no type", (int)text.size,
                       (const char *)text.data);
    *type = *statement->schema.type;
    return SB_OK;
}

/* Words that are followed by a parenthesis and something that is no list of arguments. */
static bool is_special(sb_bytes name)
{
    static const char *const words[] = {
        "all", "any", "none", "single", "reduce", "shortestPath", "allShortestPaths"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (same_name(name, words[i], strlen(words[i]))) return true;
    return false;
}

sb_status sb_cypher_callable(const sb_allocator *alloc, sb_bytes name, bool function,
                             bool *callable, sb_err *err)
{
    sb_cypher_statement *statement = NULL;
    sb_buffer text;
    size_t end;
    sb_err why;
    sb_status status;

    *callable = false;
    if (function && is_special(name)) return SB_OK;
    sb_buffer_init(&text, alloc);
    sb_err_clear(&why);
    status = compose(&text, function ? "RETURN " : "CALL ", name, "(0)");
    if (status == SB_OK)
        status =
            sb_cypher_prepare(alloc, NULL, sb_buffer_bytes(&text), NULL, &statement, &end, &why);
    sb_cypher_close(statement);
    sb_buffer_deinit(&text);
    if (status == SB_NOMEM) return SB_FAIL_NOMEM(err);
    /* It is read as a call of something that is not there. */
    *callable = status == SB_NOT_FOUND && why.detail == (function ? SB_CYPHER_UNKNOWN_FUNCTION
                                                                  : SB_CYPHER_PROCEDURE_NOT_FOUND);
    return SB_OK;
}

/* ---- Adding -------------------------------------------------------------------------------------------------------- */

static sb_status copy_text(sb_cypher_registry *registry, const char *text, const char **copy,
                           sb_err *err)
{
    *copy = NULL;
    if (text == NULL) return SB_OK;
    *copy = sb_arena_strndup(registry->arena, text, strlen(text));
    return *copy == NULL ? SB_FAIL_NOMEM(err) : SB_OK;
}

static sb_status copy_bytes(sb_cypher_registry *registry, sb_bytes text, sb_bytes *copy,
                            sb_err *err)
{
    const char *made = sb_arena_strndup(registry->arena, (const char *)text.data, text.size);

    *copy = sb_bytes_of(made, text.size);
    return made == NULL ? SB_FAIL_NOMEM(err) : SB_OK;
}

sb_status sb_cypher_add_function(sb_cypher_registry *registry, const sb_function *function,
                                 sb_err *err)
{
    function_node *node;
    const size_t kinds = function->max_args < 8 ? function->max_args : 8;
    uint32_t *arg_kinds;

    if (find_function(registry, sb_bytes_of(function->name, strlen(function->name))) != NULL)
        return SB_FAIL(err, SB_EXISTS, "there is a function %s already", function->name);
    node = sb_arena_alloc_zero(registry->arena, sizeof *node);
    if (node == NULL) return SB_FAIL_NOMEM(err);
    node->function = *function;
    SB_TRY(copy_text(registry, function->name, &node->function.name, err));
    SB_TRY(copy_text(registry, function->signature, &node->function.signature, err));
    SB_TRY(copy_text(registry, function->help, &node->function.help, err));
    SB_TRY(copy_text(registry, function->category, &node->function.category, err));
    if (function->arg_kinds != NULL && kinds != 0) {
        arg_kinds = sb_arena_alloc_array(registry->arena, kinds, sizeof *arg_kinds);
        if (arg_kinds == NULL) return SB_FAIL_NOMEM(err);
        memcpy(arg_kinds, function->arg_kinds, kinds * sizeof *arg_kinds);
        node->function.arg_kinds = arg_kinds;
    }
    node->next = atomic_load_explicit(&registry->functions, memory_order_relaxed);
    atomic_store_explicit(&registry->functions, node, memory_order_release);
    return SB_OK;
}

static sb_status copy_fields(sb_cypher_registry *registry, const sb_procedure_field *fields,
                             uint32_t count, const sb_procedure_field **copy, sb_err *err)
{
    sb_procedure_field *made = sb_arena_alloc_array(registry->arena, count, sizeof *made);

    *copy = made;
    if (made == NULL) return SB_FAIL_NOMEM(err);
    for (uint32_t i = 0; i < count; i++) {
        made[i] = fields[i];
        SB_TRY(copy_bytes(registry, fields[i].name, &made[i].name, err));
        SB_TRY(copy_text(registry, fields[i].type_text, &made[i].type_text, err));
    }
    return SB_OK;
}

sb_status sb_cypher_add_procedure(sb_cypher_registry *registry, const sb_procedure *procedure,
                                  sb_err *err)
{
    procedure_node *node;

    if (find_procedure(registry, procedure->name) != NULL)
        return SB_FAIL(err, SB_EXISTS, "there is a procedure %.*s already",
                       (int)procedure->name.size, (const char *)procedure->name.data);
    node = sb_arena_alloc_zero(registry->arena, sizeof *node);
    if (node == NULL) return SB_FAIL_NOMEM(err);
    node->procedure = *procedure;
    SB_TRY(copy_bytes(registry, procedure->name, &node->procedure.name, err));
    SB_TRY(copy_text(registry, procedure->signature, &node->procedure.signature, err));
    SB_TRY(copy_text(registry, procedure->help, &node->procedure.help, err));
    SB_TRY(
        copy_fields(registry, procedure->args, procedure->arg_count, &node->procedure.args, err));
    SB_TRY(copy_fields(registry, procedure->results, procedure->result_count,
                       &node->procedure.results, err));
    node->next = atomic_load_explicit(&registry->procedures, memory_order_relaxed);
    atomic_store_explicit(&registry->procedures, node, memory_order_release);
    return SB_OK;
}
