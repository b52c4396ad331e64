/* complete.h — completion: what the word before the cursor may go on as.
 * complete_at (complete.c) finds out where the cursor is; the offer_… functions (complete_words.c) add what there is of a kind. */
#ifndef SB_CLI_COMPLETE_H
#define SB_CLI_COMPLETE_H

#include "shell.h"

typedef struct completion {
    char **words; /* owned, sorted; as they are written, to stand from start to the cursor */
    size_t count;
    size_t start;
    const char *
        behind; /* stands behind a word that is the only one, unless that ends with '/', '(' or '=' */
} completion;
void complete_at(shell *sh, const char *text, size_t size, size_t cursor, completion *found);
void completion_free(completion *found);

/* How words are written. */
typedef enum spelling {
    SPELL_PLAIN,
    SPELL_WORD, /* of a command line: as split_words reads it */
    SPELL_TEXT  /* within a string of the language */
} spelling;

typedef struct word_search {
    completion *found;
    const char *typed; /* what the word is so far, without quotes */
    size_t bytes;
    size_t
        lead; /* bytes in front of typed that words must begin with, too; they are not part of what is offered */
    spelling spelled;
    char quote;  /* that the word stands in; 0: none */
    bool closed; /* the backquote that ends the word is there, behind the cursor */
    bool opens;  /* it is to be written, too */
} word_search;

/* Add a word if it goes on where the typed one ends, whatever the case of its letters; with a text behind it. */
void offer(word_search *s, const char *word, size_t bytes, const char *behind);
/* Each of several words. */
void offer_all(word_search *s, const char *const *words, size_t count);
/* "a|b|c" */
void offer_choices(word_search *s, const char *choices);
/* Names of the graph, in backquotes where the language asks for them. */
void offer_names(shell *sh, word_search *s, sombra_name_kind kind, const char *behind);
/* The first column of a query. */
void offer_listed(shell *sh, word_search *s, const char *query, const char *behind);
void offer_keywords(word_search *s);
/* Names that stand in a statement but at the place `but`: variables. */
void offer_variables(word_search *s, const char *text, size_t size, size_t but);
/* Names of parameters behind a text: "$" in a statement. */
void offer_params(shell *sh, word_search *s, const char *before);
void offer_files(word_search *s);
#endif
