/* bulk_priv.h — what the files of bulk load share.
 *
 * A load runs in phases; each is an ordered pipeline (sb_pipe: pieces of work are done by any thread, taken in order by the
 * calling one, which alone touches the transaction):
 *   1  node files: pieces of text → records of nodes, gathered by label set; external ids are entered into tables
 *   2  nodes: records → columns → node table, label index, property indexes
 *   3  relationship files: pieces of text → records, endpoints looked up, gathered by type and range of source nodes
 *   4  each range is sorted → relationship table, outgoing lists; (target, source, id) is gathered by range of targets
 *   5  each range of targets → incoming lists
 *
 * B1  What phases 1, 3 and 4 gather lies in streams of a spool: memory up to its budget, a temporary file past it. A stream's
 *     records are in file order, so results do not depend on the number of threads.
 * B2  A spool is written by the calling thread only, and never while other threads read it.
 * B3  Node ids of this load ascend by (label set, place in the files); relationship ids by (type, source, target, place). */
#ifndef SB_BULK_PRIV_H
#define SB_BULK_PRIV_H

#include "graph/csv_priv.h"

/* ---- pipeline.c --------------------------------------------------------------------------------------------------- */

/* Steps of a pipeline over slots: objects of the caller, each doing one piece at a time. */
typedef struct sb_pipe_steps {
    /* Calling thread: put the next piece into slot; *more false: there is none. */
    sb_status (*next)(void *ctx, void *slot, bool *more, sb_err *err);
    /* Any thread: its result and status stay in the slot. */
    void (*work)(void *ctx, void *slot);
    /* Calling thread, in order. */
    sb_status (*take)(void *ctx, void *slot, sb_err *err);
} sb_pipe_steps;
/* threads includes the calling one. Needs at least one slot; twice as many as threads keep them busy. */
SB_MUST_CHECK sb_status sb_pipe__run(const sb_allocator *alloc, unsigned threads,
                                     const sb_pipe_steps *steps, void *ctx, void **slots,
                                     size_t slot_count, sb_err *err);

/* ---- spool.c ------------------------------------------------------------------------------------------------------- */

typedef struct sb_piece sb_piece;
/* Bytes appended one behind the other. Zeroed: empty. */
typedef struct sb_stream {
    sb_piece *first, *last; /* what is in memory, behind what is in the file */
    uint64_t records, bytes, memory_bytes;
    struct sb_spool_extent *extents; /* in the file, in order */
    size_t extent_count, extent_capacity;
    struct sb_stream *next; /* of the spool's streams with something in memory */
    bool listed;
    uint64_t last_source, last_rel; /* of the newest record, for differences (phase 4) */
} sb_stream;

typedef struct sb_spool {
    const sb_allocator *alloc;
    sb_vfs *vfs;
    size_t budget, memory_bytes;
    sb_file *file; /* NULL until something is spilled */
    uint64_t file_bytes;
    uint64_t spilled_bytes; /* in all, for tests */
    sb_stream *streams;
    sb_buffer scratch;
} sb_spool;

void sb_spool__init(sb_spool *spool, const sb_allocator *alloc, sb_vfs *vfs, size_t budget);
void sb_spool__deinit(sb_spool *spool); /* streams are released by then */
/* Append one record's bytes: its size as a varint, then head and body. */
SB_MUST_CHECK sb_status sb_spool__append(sb_spool *spool, sb_stream *stream, const uint8_t *head,
                                         size_t head_bytes, const uint8_t *body, size_t body_bytes,
                                         sb_err *err);
/* Append bytes as they are. */
SB_MUST_CHECK sb_status sb_spool__append_raw(sb_spool *spool, sb_stream *stream,
                                             const uint8_t *data, size_t bytes, sb_err *err);
/* All of it into out (replaced). */
SB_MUST_CHECK sb_status sb_spool__read(const sb_spool *spool, const sb_stream *stream,
                                       sb_buffer *out, sb_err *err);
void sb_spool__release(sb_spool *spool, sb_stream *stream); /* frees what it holds in memory */
/* The stream is about to be freed while others are still appended to. */
void sb_spool__forget(sb_spool *spool, sb_stream *stream);

/* ---- bulk_ids.c: external ids ------------------------------------------------------------------------------------------ */

/* Cells of decimal digits as they are usually written are numbers (an array where they lie densely, else a hash table);
 * all others are texts. So 7 and 007 are different ids. Values are not 0. */
typedef struct sb_id_text sb_id_text;
typedef struct sb_ids {
    const sb_allocator *alloc;
    uint64_t seed;
    uint64_t *dense;  /* by number; 0: none */
    uint32_t *narrow; /* in place of dense once values are final, when they fit: half of the cache
                       * misses */
    size_t dense_count;
    sb_map sparse;
    sb_id_text *texts;
    size_t text_count, text_capacity;
    sb_arena *keys;
    uint8_t *key_block; /* arena(keys): where the next text goes */
    size_t key_left;
    uint64_t count;
} sb_ids;
typedef struct sb_id_cell {
    bool is_number;
    uint64_t number;
    sb_bytes text;
    uint64_t hash; /* of text */
} sb_id_cell;
SB_MUST_CHECK sb_status sb_ids__init(sb_ids *ids, const sb_allocator *alloc, uint64_t seed,
                                     sb_err *err);
void sb_ids__deinit(sb_ids *ids);
sb_id_cell sb_ids__cell(const sb_ids *ids, sb_bytes text);
/* *existing: its value if it is there already, else 0 and it is added. */
SB_MUST_CHECK sb_status sb_ids__add(sb_ids *ids, const sb_id_cell *cell, uint64_t value,
                                    uint64_t *existing, sb_err *err);
/* 0: none. */
uint64_t sb_ids__find(const sb_ids *ids, const sb_id_cell *cell);
/* Another value for what is there. */
void sb_ids__replace(sb_ids *ids, const sb_id_cell *cell, uint64_t value);
/* Replace each value by what map says, which is at most `most`. Nothing is added afterwards. */
void sb_ids__rewrite(sb_ids *ids, uint64_t (*map)(void *ctx, uint64_t value), void *ctx,
                     uint64_t most);
/* Fetch what find will look at. */
SB_INLINE void sb_ids__prefetch(const sb_ids *ids, const sb_id_cell *cell)
{
    if (!cell->is_number || cell->number >= ids->dense_count) return;
    if (ids->narrow != NULL)
        SB_PREFETCH(&ids->narrow[cell->number]);
    else
        SB_PREFETCH(&ids->dense[cell->number]);
}

/* ---- The load ------------------------------------------------------------------------------------------------------------- */

/* How a property's values lie in records. */
typedef enum sb_bulk_form {
    SB_FORM_WORD,   /* zigzag varint; cell type known */
    SB_FORM_DOUBLE, /* 8 bytes */
    SB_FORM_BYTES,  /* size as a varint, bytes */
    SB_FORM_CELL,   /* cell type, then as its class says */
    SB_FORM_TEXT    /* as BYTES: the cell's text, to be read when the column's type is known */
} sb_bulk_form;

typedef struct sb_bulk_prop {
    sb_key_id key;
    uint32_t column;     /* of the file, from 0 */
    uint32_t before;     /* the one before it that may have this key; SB_CSV_NO_COLUMN */
    sb_text_type type;   /* of TEXT: known after the parse */
    uint8_t form;        /* sb_bulk_form */
    uint8_t cell_type;   /* WORD, DOUBLE, BYTES */
    uint32_t candidates; /* TEXT: types that all values so far could have: bits 1 << sb_type */
} sb_bulk_prop;

typedef struct sb_bulk_table {
    const char *path;   /* for messages */
    const char *header; /* where the header stands; path, or another file */
    sb_entity entity;
    uint32_t number; /* among files of its entity */
    sb_bytes name;   /* as given */
    sb_csv_column *columns;
    size_t column_count; /* arena(load) */
    sb_bulk_prop *props;
    size_t prop_count; /* arena(load) */
    bool has_same_keys;
    uint32_t *id_columns; /* whose texts, one behind the other, are the id; arena(load) */
    uint32_t id_column_count;
    uint32_t start_column, end_column, type_column; /* UINT32_MAX: none */
    uint32_t id_group, start_group, end_group;
    sb_label_id *labels;
    size_t label_count;  /* from the name, arena(load) */
    sb_set_id set;       /* of labels */
    sb_type_id type;     /* from the name; 0: none */
    uint64_t line;       /* lines taken so far */
    uint32_t first_slot; /* of its props, among those of all files of the entity */
    sb_file *opened;     /* a pipe, which can be opened only once; taken when it is read */
} sb_bulk_table;

typedef struct sb_bulk_group {
    sb_bytes name;
    const sb_bulk_end *end; /* of the graph's nodes, see bulk_ends.c; NULL: of this load's */
    bool is_indexed;        /* ids are entered as they are met, from an index */
    sb_ids ids;
} sb_bulk_group;
/* In a group of the graph's nodes: several have that id. */
#define SB_BULK_SEVERAL UINT64_MAX

/* Ids [first, first + count) of this load: of nodes of one label set, or relationships of one type. */
typedef struct sb_bulk_range {
    uint64_t first, count;
    uint64_t place; /* of the first one in its set or type */
    uint32_t owner; /* place of the set or type */
} sb_bulk_range;
typedef struct sb_bulk_ranges {
    sb_bulk_range *items; /* set by set, or type by type, in order of their first ids */
    size_t count, capacity;
    bool ascending; /* ids ascend from one item to the next */
} sb_bulk_ranges;

/* Nodes of one label set. */
typedef struct sb_bulk_set {
    sb_set_id set;
    uint64_t count;
    sb_stream **streams;
    size_t stream_count, stream_capacity;
    size_t first_range, range_count; /* after phase 1 */
} sb_bulk_set;

/* Relationships of one type: one stream, or one for each range of sources. */
typedef struct sb_bulk_type {
    sb_type_id type;
    uint64_t count;
    sb_stream *streams;
    size_t stream_count;
    unsigned shift; /* stream of a source: (source - first_node) >> shift */
    sb_stream *reverse;
    size_t reverse_count; /* by target, phase 4 */
    unsigned reverse_shift;
    size_t first_range, range_count; /* of its ids, in rel_ranges; phase 4 */
} sb_bulk_type;

/* A piece of a file's text that was taken. */
typedef struct sb_bulk_piece {
    const sb_bulk_table *file;
    uint64_t first_line;
} sb_bulk_piece;
typedef struct sb_bulk_entries {
    sb_stream **streams;
    size_t count, capacity;
} sb_bulk_entries;
/* bulk_origins.c; an origin is the number of a piece << 32 | line in it. */
typedef struct sb_bulk_origins {
    sb_bulk_piece *pieces; /* by number */
    size_t piece_count, piece_capacity;
    sb_bulk_entries entries[2]; /* by entity */
    sb_spool spool;             /* read by the calling thread alone */
} sb_bulk_origins;

typedef struct sb_bulk {
    sb_graph *graph;
    const sb_allocator *alloc;
    const sb_bulk_options *options;
    sb_csv_dialect dialect;
    sb_bytes null_text;
    bool has_null_text;
    unsigned threads;
    size_t chunk_bytes;
    uint64_t split_count;
    sb_bulk_result *result;
    sb_arena *arena; /* arena(load) */
    sb_zones *zones;
    sb_zone_source zone_source; /* of zones */
    sb_bulk_table *files[2];
    size_t file_counts[2];
    sb_bulk_group *groups;
    size_t group_count, group_capacity;
    uint64_t seed;
    sb_bulk_set *sets;
    size_t set_count, set_capacity;
    sb_map set_index; /* set → place */
    sb_bulk_type *types;
    size_t type_count, type_capacity;
    sb_map type_index;
    sb_bulk_ranges node_ranges, rel_ranges; /* after phases 1 and 3 */
    /* node_ranges by ascending id, owner being the label set itself; and where to look for a node: bucket b of
     * (node - first_node) >> set_shift begins in range set_starts[b]. Arena (load). */
    sb_bulk_range *by_id;
    uint32_t *set_starts;
    unsigned set_shift;
    sb_node_id first_node, last_node;
    bool graph_ends;        /* no node files: endpoints are nodes of the graph, */
    bool graph_ids;         /* which are given by their node ids, */
    uint32_t end_groups[2]; /* or else by these groups */
    sb_spool spools[2];     /* by entity; reverse has its own */
    sb_spool reverse_spool;
    sb_file *reject_file;
    uint64_t reject_bytes;
    uint64_t bytes_total, bytes_before; /* of the inputs; of those done */
    bool keeps_origins[2];              /* by entity: records have where they came from */
    uint32_t pieces_cut;                /* pieces numbered so far */
    sb_bulk_origins origins;
} sb_bulk;

SB_MUST_CHECK sb_status sb_bulk__tick(sb_bulk *bulk, const sb_input *input, sb_err *err);

/* ---- bulk_parse.c: phases 1 and 3, text to records --------------------------------------------------------------------------- */

/* Something wrong with a row. Position is in the piece until the piece is taken. */
typedef struct sb_bulk_problem {
    sb_status code;
    uint32_t line, column; /* line from 0 in the piece; column from 1, 0: the row */
    uint32_t row_at, row_bytes;
    char text[232];
} sb_bulk_problem;

/* A piece of a file's text and what was found in it. */
typedef struct sb_bulk_chunk {
    const sb_bulk *bulk;
    sb_bulk_table *file;
    uint32_t number; /* among all pieces of the load */
    uint8_t *data;   /* C2 */
    size_t size, capacity;
    sb_arena *arena; /* scratch of the parse */
    sb_csv_cell *cells;
    size_t cell_capacity;
    sb_buffer out;      /* records: sb_bulk_head and body */
    sb_buffer body;     /* of the row at hand */
    sb_buffer encoded;  /* scratch of values */
    sb_buffer problems; /* sb_bulk_problem[], in order of rows */
    sb_buffer names;    /* texts of :LABEL or :TYPE cells met: size u32, bytes */
    uint32_t name_count;
    sb_bytes last_name;
    uint32_t last_number; /* of the row before; points into its cell */
    sb_map name_index;    /* hash → offset << 32 | number */
    uint32_t *candidates;
    size_t candidate_capacity; /* by property */
    sb_zone_source zone_source;
    sb_zones *zones; /* that date-times name; NULL: none yet */
    uint32_t lines;
    uint64_t rows, skipped;
    sb_status status; /* of the piece as a whole: SB_NOMEM */
} sb_bulk_chunk;

/* In front of each record of a piece. */
typedef struct sb_bulk_head {
    uint32_t body_bytes; /* behind the id text */
    uint32_t name;       /* number of the :LABEL or :TYPE cell, from 1; 0: none */
    uint32_t line, row_at, row_bytes;
    uint32_t id_bytes; /* nodes: of a text id */
    uint64_t number;   /* nodes: a number id; relationships: source */
    uint64_t hash;     /* nodes: of a text id; relationships: target */
    uint8_t id_kind;   /* nodes: 0 none, 1 number, 2 text */
} sb_bulk_head;

SB_MUST_CHECK sb_status sb_bulk__chunk_init(sb_bulk_chunk *chunk, const sb_bulk *bulk, sb_err *err);
void sb_bulk__chunk_deinit(sb_bulk_chunk *chunk);
/* Parse chunk->data. */
void sb_bulk__parse(sb_bulk_chunk *chunk);

/* ---- bulk_files.c: opening files, cutting pieces, rejecting rows ----------------------------------------------------------------- */

/* Run phase 1 or 3 over the files of an entity; take gets each parsed chunk in order. */
typedef sb_status (*sb_bulk_take)(sb_bulk *bulk, sb_bulk_chunk *chunk, sb_err *err);
SB_MUST_CHECK sb_status sb_bulk__read_files(sb_bulk *bulk, sb_entity entity, sb_bulk_take take,
                                            sb_err *err);
/* Can rows be rejected, or does the first bad one fail the load? */
SB_INLINE bool sb_bulk__rejects(const sb_bulk *bulk)
{
    return bulk->reject_file != NULL || bulk->options->rejected != NULL;
}
/* "people.csv, line 17, column 3 (age)"; column 0: only the line. */
void sb_bulk__describe(const sb_bulk_table *file, uint64_t line, uint32_t column, char *text,
                       size_t bytes);
/* A row is bad: rejected, or fail. problem's line counts in chunk. */
SB_MUST_CHECK sb_status sb_bulk__reject(sb_bulk *bulk, const sb_bulk_chunk *chunk,
                                        const sb_bulk_problem *problem, sb_err *err);

/* ---- bulk_batch.c: records to columns ------------------------------------------------------------------------------------------ */

typedef struct sb_batch_column {
    uint32_t key;
    uint8_t type;
    uint64_t *words;
    sb_bytes *bytes;
    uint8_t *present;
    size_t present_count;
} sb_batch_column;
/* Columns of some records. Everything is arena(batch), reset by decode. */
typedef struct sb_batch {
    const sb_allocator *alloc;
    sb_arena *arena;
    sb_batch_column *columns;
    size_t column_count, column_capacity;
    sb_map places; /* key << 8 | type → place in columns */
    uint32_t *slots;
    size_t slot_capacity; /* of each property of the files: its column + 1 */
    sb_column *table;
    size_t table_capacity; /* what sb_rows takes, system columns behind */
    size_t table_count;
    uint64_t value_count;
    uint64_t *origins; /* of each record, when the load keeps them */
} sb_batch;
void sb_batch__init(sb_batch *batch, const sb_allocator *alloc);
void sb_batch__deinit(sb_batch *batch);
/* Bodies (behind the endpoints) of count records, in order. */
SB_MUST_CHECK sb_status sb_batch__decode(sb_batch *batch, const sb_bulk *bulk, sb_entity entity,
                                         const uint8_t *const *bodies, const uint8_t *end,
                                         size_t count, sb_err *err);
/* Add a system column; words are borrowed. */
SB_MUST_CHECK sb_status sb_batch__system(sb_batch *batch, uint32_t key, const uint64_t *words,
                                         sb_err *err);
/* Enter rows into property indexes and check constraints, if any concern them. */
SB_MUST_CHECK sb_status sb_batch__upkeep(sb_batch *batch, sb_graph *graph, sb_entity entity,
                                         uint32_t set_or_type, const uint64_t *ids, size_t count,
                                         sb_err *err);

/* Fill all property indexes of an entity whose table has been built, and check its constraints. */
SB_MUST_CHECK sb_status sb_bulk__fill_indexes(sb_bulk *bulk, sb_entity entity, sb_err *err);

/* Stable sort of pairs by key; scratch of the same count. */
void sb_bulk__sort(sb_pair *items, sb_pair *scratch, size_t count);

/* ---- bulk_origins.c ---------------------------------------------------------------------------------------------------------------- */

/* A piece is being taken: its lines are not yet counted in its file. */
SB_MUST_CHECK sb_status sb_origins__add_piece(sb_bulk *bulk, const sb_bulk_chunk *chunk,
                                              sb_err *err);
/* Rows have got their ids. */
SB_MUST_CHECK sb_status sb_origins__add(sb_bulk *bulk, sb_entity entity, const uint64_t *ids,
                                        const uint64_t *origins, size_t count, sb_err *err);
/* An sb_row_finder's find; ctx is the load. Called while no pipeline writes. */
bool sb_origins__place(void *ctx, sb_entity entity, uint64_t id, sb_key_id key,
                       sb_row_place *place);
void sb_origins__deinit(sb_bulk *bulk);

/* ---- bulk_nodes.c, bulk_rels.c ---------------------------------------------------------------------------------------------------- */

SB_MUST_CHECK sb_status sb_bulk__take_nodes(sb_bulk *bulk, sb_bulk_chunk *chunk,
                                            sb_err *err);                 /* phase 1 */
SB_MUST_CHECK sb_status sb_bulk__build_nodes(sb_bulk *bulk, sb_err *err); /* phase 2 */
void sb_bulk__nodes_deinit(sb_bulk *bulk);
SB_MUST_CHECK sb_status sb_bulk__take_rels(sb_bulk *bulk, sb_bulk_chunk *chunk,
                                           sb_err *err);                 /* phase 3 */
SB_MUST_CHECK sb_status sb_bulk__build_rels(sb_bulk *bulk, sb_err *err); /* phases 4 and 5 */
void sb_bulk__rels_deinit(sb_bulk *bulk);
/* Label set of a node of this load, or of the graph with graph_ends. *hint: where it was found last; start with 0. */
SB_MUST_CHECK sb_status sb_bulk__set_of(const sb_bulk *bulk, sb_node_id node, size_t *hint,
                                        sb_set_id *set, sb_err *err);
/* Take count ids for owner number owner, which is a label set or type, as ranges. */
SB_MUST_CHECK sb_status sb_bulk__take_ids(sb_bulk *bulk, sb_entity entity, uint32_t set_or_type,
                                          uint32_t owner, uint64_t count, sb_err *err);
/* Ids of `count` records of an owner from place on. first_range: of the owner; *range: where to look first. */
void sb_bulk__ids_at(const sb_bulk_ranges *ranges, size_t *range, uint64_t place, size_t count,
                     uint64_t *ids);
/* Set ascending, if need be after ordering owners by their ids; else leave them by owner. by_id (ranges->count items, may
 * be NULL) is set to them by id. */
void sb_bulk__order_ranges(sb_bulk_ranges *ranges, sb_bulk_range *by_id);

/* Types of all files' properties of an entity, decided by the candidates left. */
void sb_bulk__decide_types(sb_bulk *bulk, sb_entity entity);
/* Split a list of labels at ':' and the array delimiter, intern them, ascending without duplicates, with base among them. */
SB_MUST_CHECK sb_status sb_bulk__labels(sb_bulk *bulk, sb_bytes text, const sb_label_id *base,
                                        size_t base_count, sb_arena *arena, sb_label_id **labels,
                                        size_t *count, sb_err *err);
/* Place of a group by name, or UINT32_MAX. */
uint32_t sb_bulk__group(const sb_bulk *bulk, sb_bytes name);
SB_MUST_CHECK sb_status sb_bulk__add_group(sb_bulk *bulk, sb_bytes name, uint32_t *place,
                                           sb_err *err);

/* ---- bulk_ends.c ------------------------------------------------------------------------------------------------------------------ */

/* Make the groups of options->ends, from the graph. */
SB_MUST_CHECK sb_status sb_bulk__find_ends(sb_bulk *bulk, sb_err *err);
/* Before a piece is parsed: the ids in it that an index is to find. By the calling thread, while no other one parses. */
SB_MUST_CHECK sb_status sb_bulk__look_up_ends(sb_bulk *bulk, const sb_bulk_chunk *chunk,
                                              sb_err *err);

#endif
