/* ask.c — the labels, types and keys that a statement asks for: what is matched and read, not what CREATE, MERGE and SET make. A name
 * that the database has never had is most often misspelled, so sb_cypher_warning looks them up. */
#include "cypher/sema/sema_priv.h"

static sb_status ask(sb_sema *s, sb_asked_kind kind, sb_bytes name, sb_span span)
{
    sb_asked *asked;

    SB_TRY(sb_sema__alloc(s, sizeof *asked, (void *)&asked));
    *asked = (sb_asked){.kind = kind, .name = name, .span = span};
    *s->last_asked = asked;
    s->last_asked = &asked->next;
    return SB_OK;
}

sb_status sb_sema__ask_labels(sb_sema *s, const sb_label_expr *labels, sb_asked_kind kind)
{
    if (labels == NULL) return SB_OK;
    if (labels->op == SB_LABEL_NAME) return ask(s, kind, labels->name, labels->span);
    SB_TRY(sb_sema__ask_labels(s, labels->left, kind));
    return sb_sema__ask_labels(s, labels->right, kind);
}

sb_status sb_sema__ask_props(sb_sema *s, const sb_expr *props)
{
    if (props == NULL || props->kind != SB_EXPR_MAP) return SB_OK;
    for (uint32_t i = 0; i < props->arg_count; i++)
        SB_TRY(ask(s, SB_ASKED_KEY, props->keys[i], props->span));
    return SB_OK;
}

/* Is it a node or relationship, or null, and nothing else? Maps have keys of their own. */
static bool is_entity(const sb_expr *e, uint32_t kinds)
{
    const uint32_t given = e->kinds & ~(uint32_t)SB_KIND_NULL;
    return given != 0 && (given & ~kinds) == 0;
}

sb_status sb_sema__ask_property(sb_sema *s, const sb_expr *e)
{
    return is_entity(e->args[0], SB_KIND_ENTITY) ? ask(s, SB_ASKED_KEY, e->name, e->span) : SB_OK;
}

sb_status sb_sema__ask_has_labels(sb_sema *s, const sb_expr *e)
{
    if (is_entity(e->args[0], SB_KIND_NODE))
        return sb_sema__ask_labels(s, e->labels, SB_ASKED_LABEL);
    return is_entity(e->args[0], SB_KIND_REL) ? sb_sema__ask_labels(s, e->labels, SB_ASKED_TYPE)
                                              : SB_OK;
}
