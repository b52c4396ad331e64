/* json.c — values of queries as JSON text, for Arrow columns of what has no Arrow type.
 * Nodes, relationships and paths are objects as `sombra query --format json` writes them; temporal values, points and bytes are texts. */
#include <math.h>
#include <string.h>

#include "api/json.h"

static sb_status json_text(sb_buffer *out, const char *text)
{
    return sb_buffer_append(out, text, strlen(text));
}

static sb_status json_quoted(sb_buffer *out, sb_bytes text)
{
    size_t plain = 0; /* where the run of bytes begins that go out as they are */

    SB_TRY(sb_buffer_append_byte(out, '"'));
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t c = text.data[i];

        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7F) continue;
        if (i != plain) SB_TRY(sb_buffer_append(out, text.data + plain, i - plain));
        plain = i + 1;
        if (c == '"' || c == '\\') {
            const uint8_t escape[2] = {'\\', c};
            SB_TRY(sb_buffer_append(out, escape, sizeof escape));
        } else {
            SB_TRY(sb_buffer_printf(out, "\\u%04x", (unsigned)c));
        }
    }
    if (plain != text.size) SB_TRY(sb_buffer_append(out, text.data + plain, text.size - plain));
    return sb_buffer_append_byte(out, '"');
}

static sb_status json_name(const sombra_json *j, sb_name_kind kind, uint32_t id)
{
    return json_quoted(j->out, sb_name_of(sb_graph_view(j->graph), kind, id));
}

/* With another ~ in front of one, since "~id" and its kind are the entity's own. */
static sb_status json_key(const sombra_json *j, sb_key_id key)
{
    const sb_bytes name = sb_name_of(sb_graph_view(j->graph), SB_NAME_KEY, key);

    if (name.size == 0 || name.data[0] != '~') return json_quoted(j->out, name);
    uint8_t *text = sb_arena_alloc(j->scratch, name.size + 1);
    if (text == NULL) return SB_FAIL_NOMEM(j->err);
    text[0] = '~';
    memcpy(text + 1, name.data, name.size);
    return json_quoted(j->out, sb_bytes_of(text, name.size + 1));
}

/* What toString() gives, or the form of CSV cells for what it does not know, in quotes: neither form needs an escape. */
static sb_status json_canonical(const sombra_json *j, sb_val v)
{
    sb_value value;
    bool has;

    SB_TRY(sb_buffer_append_byte(j->out, '"'));
    SB_TRY(sb_val_to_string(v, j->out, &has, j->err));
    if (!has && sb_val_scalar_value(v, &value)) SB_TRY(sb_value_to_text(&value, j->out));
    return sb_buffer_append_byte(j->out, '"');
}

static sb_status json_any(const sombra_json *j, sb_val v);

static sb_status json_props(const sombra_json *j, const sb_prop *props, size_t count, bool first)
{
    for (size_t i = 0; i < count; i++) {
        sb_val value;

        if (!first || i != 0) SB_TRY(sb_buffer_append_byte(j->out, ','));
        SB_TRY(json_key(j, props[i].key));
        SB_TRY(sb_buffer_append_byte(j->out, ':'));
        SB_TRY(sb_val_from_value(j->scratch, &props[i].value, &value, j->err));
        SB_TRY(json_any(j, value));
    }
    return SB_OK;
}

/* An entity that this statement has deleted has its id and nothing else. */
static sb_status json_node(const sombra_json *j, uint64_t id)
{
    sb_node_record node;
    const sb_label_id *labels;
    size_t label_count;
    bool found;

    SB_TRY(sb_graph_node(j->graph, id, &node, &found, j->err));
    SB_TRY(sb_buffer_printf(j->out, "{\"~id\":%llu,\"~labels\":[", (unsigned long long)id));
    if (!found) return json_text(j->out, "]}");
    labels = sb_set_labels(sb_graph_view(j->graph), node.set, &label_count);
    for (size_t i = 0; i < label_count; i++) {
        if (i != 0) SB_TRY(sb_buffer_append_byte(j->out, ','));
        SB_TRY(json_name(j, SB_NAME_LABEL, labels[i]));
    }
    SB_TRY(sb_buffer_append_byte(j->out, ']'));
    SB_TRY(json_props(j, node.props, node.prop_count, false));
    return sb_buffer_append_byte(j->out, '}');
}

static sb_status json_rel(const sombra_json *j, uint64_t id)
{
    sb_rel_record rel;
    bool found;

    SB_TRY(sb_graph_rel(j->graph, id, &rel, &found, j->err));
    if (!found) return sb_buffer_printf(j->out, "{\"~id\":%llu}", (unsigned long long)id);
    SB_TRY(sb_buffer_printf(j->out, "{\"~id\":%llu,\"~type\":", (unsigned long long)id));
    SB_TRY(json_name(j, SB_NAME_TYPE, rel.type));
    SB_TRY(sb_buffer_printf(j->out, ",\"~start\":%llu,\"~end\":%llu",
                            (unsigned long long)rel.source, (unsigned long long)rel.target));
    SB_TRY(json_props(j, rel.props, rel.prop_count, false));
    return sb_buffer_append_byte(j->out, '}');
}

static sb_status json_path(const sombra_json *j, const sb_val_path *path)
{
    SB_TRY(json_text(j->out, "{\"~nodes\":["));
    for (uint64_t i = 0; i <= path->length; i++) {
        if (i != 0) SB_TRY(sb_buffer_append_byte(j->out, ','));
        SB_TRY(json_node(j, path->nodes[i]));
    }
    SB_TRY(json_text(j->out, "],\"~relationships\":["));
    for (uint64_t i = 0; i < path->length; i++) {
        if (i != 0) SB_TRY(sb_buffer_append_byte(j->out, ','));
        SB_TRY(json_rel(j, path->rels[i]));
    }
    return json_text(j->out, "]}");
}

static sb_status json_list(const sombra_json *j, const sb_val_list *list)
{
    SB_TRY(sb_buffer_append_byte(j->out, '['));
    for (uint64_t i = 0; i < list->count; i++) {
        if (i != 0) SB_TRY(sb_buffer_append_byte(j->out, ','));
        SB_TRY(json_any(j, list->items[i]));
    }
    return sb_buffer_append_byte(j->out, ']');
}

static sb_status json_map(const sombra_json *j, const sb_val_map *map)
{
    SB_TRY(sb_buffer_append_byte(j->out, '{'));
    for (uint32_t i = 0; i < map->count; i++) {
        if (i != 0) SB_TRY(sb_buffer_append_byte(j->out, ','));
        SB_TRY(json_quoted(j->out, map->entries[i].key));
        SB_TRY(sb_buffer_append_byte(j->out, ':'));
        SB_TRY(json_any(j, map->entries[i].value));
    }
    return sb_buffer_append_byte(j->out, '}');
}

/* Recurses no deeper than values nest (SB_VAL_DEPTH_MAX). */
static sb_status json_any(const sombra_json *j, sb_val v)
{
    switch ((sb_val_kind)v.kind) {
    case SB_VAL_NULL: return json_text(j->out, "null");
    case SB_VAL_BOOL: return json_text(j->out, v.as.boolean ? "true" : "false");
    case SB_VAL_INT: return sb_buffer_printf(j->out, "%lld", (long long)v.as.integer);
    case SB_VAL_FLOAT: /* JSON has no NaN and no infinity: they are texts */
        return isfinite(v.as.real) ? sb_float_to_string(v.as.real, j->out) : json_canonical(j, v);
    case SB_VAL_STRING: return json_quoted(j->out, sb_val_text(v));
    case SB_VAL_LIST: return json_list(j, v.as.list);
    case SB_VAL_MAP: return json_map(j, v.as.map);
    case SB_VAL_NODE: return json_node(j, v.as.id);
    case SB_VAL_REL: return json_rel(j, v.as.id);
    case SB_VAL_PATH: return json_path(j, v.as.path);
    default: return json_canonical(j, v);
    }
}

/* Buffers do not record that there was no memory. */
static sb_status json_recorded(const sombra_json *j, sb_status status)
{
    return status == SB_NOMEM ? SB_FAIL_NOMEM(j->err) : status;
}

sb_status sombra__json_value(const sombra_json *j, sb_val v)
{
    return json_recorded(j, json_any(j, v));
}

sb_status sombra__json_props(const sombra_json *j, const sb_prop *props, size_t count)
{
    sb_status status = sb_buffer_append_byte(j->out, '{');

    if (status == SB_OK) status = json_props(j, props, count, true);
    if (status == SB_OK) status = sb_buffer_append_byte(j->out, '}');
    return json_recorded(j, status);
}
