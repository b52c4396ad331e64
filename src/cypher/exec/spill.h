/* spill.h — values written to a temporary file and read back, for operators whose rows do not fit their memory.
 * A spill is one file of an operator; streams of values are written to it side by side, each in pieces, and each can be read again in
 * order, any number of times. The file is unnamed and goes with the run; its bytes are this process's own, so they are in memory order. */
#ifndef SB_CYPHER_SPILL_H
#define SB_CYPHER_SPILL_H

#include "cypher/exec/table.h"

typedef struct sb_spill {
    sb_operator *op; /* whose rows they are: PROFILE counts them there */
    sb_file *file;   /* NULL until the first piece */
    uint64_t size;   /* bytes in the file */
} sb_spill;

/* A piece of a stream. */
typedef struct sb_spill_extent {
    uint64_t begin, end; /* in the file */
} sb_spill_extent;

typedef struct sb_spill_stream {
    sb_spill *spill;
    sb_buffer text;    /* not written yet */
    sb_buffer extents; /* sb_spill_extent, in order */
} sb_spill_stream;

void sb_spill__open(sb_operator *op, sb_spill *spill);
void sb_spill__close(sb_spill *spill); /* accepts a zeroed one; opened again it is empty */

void sb_spill__stream_open(sb_spill *spill, sb_spill_stream *stream);
void sb_spill__stream_close(sb_spill_stream *stream); /* accepts a zeroed one */
SB_MUST_CHECK sb_status sb_spill__put(sb_spill_stream *stream, sb_val v);
/* Write what is left, and give the memory back that it was in. */
SB_MUST_CHECK sb_status sb_spill__flush(sb_spill_stream *stream);
bool sb_spill__is_empty(const sb_spill_stream *stream);

/* Reads the values of a stream that has been flushed. */
typedef struct sb_spill_reader {
    const sb_spill_stream *stream; /* NULL: not open */
    size_t extent;                 /* being read */
    uint64_t at;                   /* in the file: next to be read of it */
    sb_buffer text;
    size_t pos; /* in text */
} sb_spill_reader;
void sb_spill__read(const sb_spill_stream *stream, sb_spill_reader *reader);
void sb_spill__read_close(sb_spill_reader *reader); /* accepts a zeroed one */
bool sb_spill__at_end(const sb_spill_reader *reader);
/* Made in arena. */
SB_MUST_CHECK sb_status sb_spill__get(sb_spill_reader *reader, sb_arena *arena, sb_val *v);
/* Rows that are kept: all of them go to a stream, which is opened for the first ones, and come back, so many at a time, in place of those kept. */
SB_MUST_CHECK sb_status sb_spill__put_rows(sb_spill *spill, sb_spill_stream *stream, sb_kept *kept);
/* The same when it is time to: what an operator does for each batch that it keeps. */
SB_MUST_CHECK sb_status sb_spill__put_due_rows(sb_spill *spill, sb_spill_stream *stream,
                                               sb_kept *kept);
SB_MUST_CHECK sb_status sb_spill__get_rows(sb_spill_reader *reader, uint64_t most, sb_kept *kept);
/* Bytes that are written and read at once, so what an open stream or reader takes, about. */
size_t sb_spill__piece_bytes(const sb_exec *run);

/* What an operator holds of the run's memory, that it can write to a file. */
typedef struct sb_held {
    size_t bytes;
    size_t growth; /* more that its next batch may take at once */
    uint64_t rows;
} sb_held;
/* Is it time to spill? When an operator holds more than half of what the others leave it, or is about to need nearly all of it: so the
 * operators of a run share its budget however many there are, and some is always left for those that can not spill. */
bool sb_spill__is_due(const sb_exec *run, const sb_held *held);
/* The latter alone. */
bool sb_spill__is_urgent(const sb_exec *run, const sb_held *held);
/* Memory that an operator can do without: is there enough of it, with a quarter of the budget left? */
bool sb_spill__affords(const sb_exec *run, size_t bytes);

#endif
