/* text_priv.h — what the files that read and write values as text share. */
#ifndef SB_TEXT_PRIV_H
#define SB_TEXT_PRIV_H

#include "graph/text_value.h"

/* Are they the same, letters of either case being equal? */
bool sb_text__same(sb_bytes text, const char *name);

/* text_time.c: false when text has not the form. Type is set by the caller; ranges of the result are checked by it too. */
bool sb_text__date(sb_bytes text, sb_value *value);
bool sb_text__local_time(sb_bytes text, sb_value *value);
bool sb_text__time(sb_bytes text, sb_value *value);
bool sb_text__local_datetime(sb_bytes text, sb_value *value);
bool sb_text__datetime(sb_bytes text, sb_value *value);
bool sb_text__duration(sb_bytes text, sb_value *value);

#endif
