/* spill.h — values written to a temporary file and read back, for operators whose rows do not fit their memory.
 * The file is unnamed and goes with the run; its bytes are this process's own, so they are in memory order. */
#ifndef SB_CYPHER_SPILL_H
#define SB_CYPHER_SPILL_H

#include "cypher/exec/exec_priv.h"

typedef struct sb_spill {
    sb_exec *run;
    sb_file *file;  /* NULL until the first value */
    uint64_t size;  /* bytes in the file */
    sb_buffer text; /* not written yet */
} sb_spill;

void sb_spill__open(sb_exec *run, sb_spill *spill);
void sb_spill__close(sb_spill *spill); /* accepts a zeroed one; opened again it is empty */
SB_MUST_CHECK sb_status sb_spill__put(sb_spill *spill, sb_val v);
/* Write what is left; *end: where the next value will lie. */
SB_MUST_CHECK sb_status sb_spill__flush(sb_spill *spill, uint64_t *end);

/* Reads values from a part of the file, in order. */
typedef struct sb_spill_reader {
    const sb_spill *spill;
    uint64_t at, end; /* in the file: next to be read */
    sb_buffer text;
    size_t pos; /* in text */
} sb_spill_reader;
void sb_spill__read(const sb_spill *spill, uint64_t begin, uint64_t end, sb_spill_reader *reader);
void sb_spill__read_close(sb_spill_reader *reader);
bool sb_spill__at_end(const sb_spill_reader *reader);
/* Made in arena. */
SB_MUST_CHECK sb_status sb_spill__get(sb_spill_reader *reader, sb_arena *arena, sb_val *v);

/* Is it time to spill? Of a run with a budget when half of it is used. kept: rows in memory. */
bool sb_spill__is_due(const sb_exec *run, uint64_t kept);

#endif
