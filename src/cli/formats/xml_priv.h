/* xml_priv.h — XML read as a stream, and what GraphML and GEXF share: declared properties, the element being
 * read, and the way back.
 *
 * X1  Document types may be there, entities may not: a declaration of one ends the reading, so that none is expanded and no
 *     other file is opened. Elements lie at most XML_DEPTH_MAX deep.
 * X2  Names are compared without their prefix, but for those of our own attributes, "sombra:…".
 * X3  XML has no form for most control characters: such texts are written as JSON strings, and marked sombra:escape="json". */
#ifndef SB_CLI_FORMATS_XML_PRIV_H
#define SB_CLI_FORMATS_XML_PRIV_H

#include "cli/formats/json_priv.h"

#define XML_DEPTH_MAX 200u

/* ---- xml.c: the stream ------------------------------------------------------------------------------------------ */

typedef struct xml_reading xml_reading;
typedef struct xml_graph xml_graph;
typedef struct xml_format {
    /* attributes: names and values in turn, NULL behind them. Anything but SOMBRA_OK ends the reading. */
    sombra_status (*start)(xml_graph *g, const char *name, const char **attributes);
    /* text: what stood directly in the element since its start, or its last child's end. */
    sombra_status (*end)(xml_graph *g, const char *name, sombra_text text);
} xml_format;
/* The whole file. */
sombra_status xml_read(fmt_loader *loader, const char *path, const xml_format *format);
/* The line of the element at hand. */
uint64_t xml_line(xml_reading *reading);
/* word: a text of the program, so that the loop is unrolled where it is compiled: a call of strcmp takes longer. */
static inline __attribute__((always_inline)) bool xml_is(const char *name, const char *word)
{
    const size_t size = strlen(word) + 1;

    for (size_t i = 0; i < size; i++)
        if (name[i] != word[i]) return false;
    return true;
}
/* NULL: none */
static inline __attribute__((always_inline)) const char *xml_attribute(const char **attributes,
                                                                       const char *name)
{
    for (; *attributes != NULL; attributes += 2)
        if (xml_is(*attributes, name)) return attributes[1];
    return NULL;
}

/* ---- xml_plain.c: XML of the plainest form ------------------------------------------------------------------------ */

typedef struct xml_handlers {
    /* name: without its prefix; place: of the tag in the text. False: no more. */
    bool (*start)(void *ctx, const char *name, const char **attributes, size_t place);
    bool (*end)(void *ctx, const char *name, sombra_text text, size_t place);
} xml_handlers;
/* Elements, one behind the other, in a text that has a NUL behind it, and is changed. False: it is not of that form, or a handler
 * wants no more; then what the handlers were told counts for nothing. */
bool xml_read_plain(char *text, size_t size, const xml_handlers *to, void *ctx);

/* ---- xml_graph.c: properties and elements ------------------------------------------------------------------------- */

/* A declared property. */
typedef struct xml_key {
    sombra_text name;
    char type[24]; /* as a CSV header has it */
    bool is_text, is_list, is_truth;
    bool json_list; /* the text is a list in JSON (APOC) */
    bool is_label;  /* no property: labels, or a type */
    bool is_timed;  /* a value for each span of time (GEXF) */
    bool has_default;
    sombra_text fallback;
} xml_key;
/* Those of nodes, and of relationships: by number, ids[…] has their ids. */
typedef struct xml_keys {
    fmt_names ids[2];
    xml_key *keys[2];
    size_t capacity[2];
    bool last[2]; /* whose keys the last declaration was of */
    size_t default_count;
    fmt_arena arena;
} xml_keys;
void xml_keys_copy(xml_keys *to, const xml_keys *from); /* to: zeroed */
void xml_keys_free(xml_keys *keys);

/* One of several values of a property. */
typedef struct xml_timed {
    uint32_t key;
    size_t place; /* among all of the element */
    sombra_value value;
} xml_timed;

struct xml_graph {
    xml_reading *reading;
    fmt_records *records;
    bool borrows;             /* names and texts that are given live as long as the records */
    const char *default_type; /* of relationships that have none; NULL: one of ours */
    const xml_keys *keys;
    xml_keys
        *declare; /* the same; NULL: they are those of the first piece, and may not be changed */
    /* The node or relationship at hand; in the records' arena. */
    bool open, is_rel;
    uint64_t open_line;
    sombra_text id, type, ends[2];
    sombra_text *labels;
    size_t label_count;
    fmt_prop *props;
    size_t prop_count, prop_capacity;
    bool
        has_builtin; /* the first of them is an attribute of the element, which gives way to a declared one of its name */
    xml_timed *timed; /* values of properties that have one for each span of time, as they come */
    size_t timed_count, timed_capacity;
    uint64_t *given; /* by key: the last record, from 1, that gives it a value */
    size_t given_capacity;
    uint64_t record;
    uint32_t hint; /* key that comes next, if elements look alike */
    bool bad;      /* it has been rejected already */
    /* The value at hand. */
    char own_type[24]; /* as a CSV header has it; empty: that of the key */
    bool escaped;      /* X3 */
    /* GraphML: the <data> (or <port>) and the <key> at hand. */
    bool in_data, in_key;
    size_t inside;     /* elements within <data> */
    bool had_content;  /* the value held elements: it is no property */
    bool is_label;     /* it tells labels or type */
    bool has_no_key;   /* it names none, or one that is not declared: unknown */
    uint32_t data_key; /* else its number */
    fmt_buffer unknown;
    /* GEXF: what the <attributes> at hand are for, whether they depend on time, and whether an <attribute> is open. */
    bool of_nodes, of_rels, of_times, in_attribute;
};

void xml_graph_free(xml_graph *g);
/* Is a record, a value or a declaration open? */
bool xml_graph_busy(const xml_graph *g);
/* What the record at hand points at into another arena. */
void xml_graph_move(xml_graph *g, fmt_arena *arena);
/* Properties are declared behind the first piece: SOMBRA_OK when that may be. */
sombra_status xml_may_declare(const xml_graph *g);
/* name: what the property is called; type: the format's own name of its type, list: of its items; attributes: for our own. */
sombra_status xml_add_key(xml_graph *g, bool for_nodes, bool for_rels, const char *id,
                          const char *name, const char *type, bool list, const char **attributes);
/* The default of the key declared last. */
void xml_key_default(xml_graph *g, sombra_text text);
/* The key of nodes or relationships that was declared last has labels or types. */
void xml_key_is_label(xml_graph *g, bool of_rels);
/* The declaration made last is of a property with several values: they become a list. */
void xml_key_is_timed(xml_graph *g);
/* An element begins. */
sombra_status xml_begin(xml_graph *g, bool is_rel, const char *id, const char *source,
                        const char *target, const char **attributes);
/* ":A:B" or, of our own attributes, a list in JSON. */
void xml_labels(xml_graph *g, sombra_text text);
/* Number of a key of the record at hand by its id; UINT32_MAX: none. */
uint32_t xml_find_key(xml_graph *g, const char *id);
/* A value's own type, and whether it is as X3 says, of its attributes: for xml_value. */
void xml_begin_value(xml_graph *g, const char **attributes);
/* Value of a key. */
void xml_value(xml_graph *g, uint32_t key, sombra_text text);
/* A number or string, an attribute of the element itself: the first property, if any. name: static. */
void xml_property(xml_graph *g, const char *name, sombra_value value);
/* The element is complete: into the records. */
void xml_end(xml_graph *g);
/* The element at hand is wrong. */
void xml_bad(xml_graph *g, sombra_status status, sombra_text where, sombra_text value,
             const char *why);
/* A failure that is no record's. */
sombra_status xml_broken(xml_graph *g, sombra_status status, const char *why);

/* ---- xml_write.c: writing -------------------------------------------------------------------------------------------------------- */

/* A property, declared once for nodes and once for relationships. */
typedef struct xml_column {
    bool on_rels;
    uint32_t key;
    uint64_t kinds; /* of its values: bits */
    char type[24];  /* that is declared; values of another one have it with them */
} xml_column;
typedef struct xml_writing {
    fmt_walk *walk;
    fmt_output *out;
    fmt_map numbers; /* key and entity → place in columns + 1 */
    xml_column *columns;
    size_t column_count, column_capacity;
    fmt_buffer text, escaped; /* scratch */
    fmt_buffer label_text;
    fmt_arena arena; /* scratch */
} xml_writing;
/* Find the columns of all nodes and relationships. */
sombra_status xml_survey(xml_writing *w);
size_t xml_column_of(xml_writing *w, bool on_rels, uint32_t key);
void xml_put_text(fmt_buffer *out,
                  sombra_text text); /* in elements and, between double quotes, attributes */
bool xml_plain(sombra_text text);    /* X3: can it be written as it is? */
/* Text of a value into w->text; written are the attributes that it needs: sombra:type if the column's is another one, and X3. */
sombra_status xml_begin_text(xml_writing *w, size_t column, const sombra_value *value);
/* sombra:NAME="…", a string or a list of strings in JSON. */
void xml_put_own(xml_writing *w, const char *name, const sombra_text *texts, size_t count,
                 bool is_list);
/* Labels as an attribute of a node, labels=":A:B" where that is unambiguous (then label_text is its text, escaped), else our own;
 * and a type as one of a relationship. */
void xml_put_labels(xml_writing *w, const sombra_node *node);
void xml_put_type(xml_writing *w, uint32_t type, const char *name);
/* The nearest type that GraphML and GEXF have. */
const char *xml_type_name(const char *type);
void xml_writing_free(xml_writing *w);

#endif
