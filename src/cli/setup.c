/* setup.c — init, seed-demo, completions. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

/* ---- The demo graph: people, languages and machines of computing's history ------------------------------------------------ */

static const char demo[] =
    "CREATE CONSTRAINT person_name FOR (p:Person) REQUIRE p.name IS UNIQUE;"
    "CREATE CONSTRAINT language_name FOR (l:Language) REQUIRE l.name IS UNIQUE;"
    "CREATE INDEX FOR (p:Person) ON (p.born);"
    "UNWIND [['Ada Lovelace', 1815], ['Charles Babbage', 1791], ['Alan Turing', 1912], ['Grace "
    "Hopper', 1906], ['John von Neumann', 1903], ['Konrad Zuse', 1910], ['Claude Shannon', 1916], "
    "['John Backus', 1924], ['John McCarthy', 1927], ['Edsger Dijkstra', 1930], ['Ole-Johan Dahl', "
    "1931], ['Kristen Nygaard', 1926], ['Frances Allen', 1932], ['Niklaus Wirth', 1934], ['Tony "
    "Hoare', 1934], ['Margaret Hamilton', 1936], ['Donald Knuth', 1938], ['Barbara Liskov', 1939], "
    "['Alan Kay', 1940], ['Dennis Ritchie', 1941], ['Ken Thompson', 1943], ['Edgar Codd', 1923], "
    "['Bjarne Stroustrup', 1950], ['Guido van Rossum', 1956], ['Alonzo Church', 1903], ['Howard "
    "Aiken', 1900]] AS row CREATE (:Person {name: row[0], born: row[1]});"
    "UNWIND [['Plankalkül', 1945], ['Fortran', 1957], ['Lisp', 1958], ['COBOL', 1959], ['ALGOL "
    "60', 1960], ['Simula', 1967], ['BCPL', 1967], ['B', 1969], ['Pascal', 1970], ['C', 1972], "
    "['Smalltalk', 1972], ['CLU', 1975], ['Modula-2', 1978], ['C++', 1985], ['Python', 1991]] AS "
    "row CREATE (:Language {name: row[0], year: row[1]});"
    "UNWIND [['Analytical Engine', 1837], ['Z3', 1941], ['Harvard Mark I', 1944], ['EDVAC', 1949], "
    "['Apollo Guidance Computer', 1966]] AS row CREATE (:Machine {name: row[0], year: row[1]});"
    "UNWIND [['Konrad Zuse', 'Plankalkül'], ['John Backus', 'Fortran'], ['John McCarthy', 'Lisp'], "
    "['Grace Hopper', 'COBOL'], ['John Backus', 'ALGOL 60'], ['John McCarthy', 'ALGOL 60'], "
    "['Ole-Johan Dahl', 'Simula'], ['Kristen Nygaard', 'Simula'], ['Ken Thompson', 'B'], ['Dennis "
    "Ritchie', 'C'], ['Niklaus Wirth', 'Pascal'], ['Niklaus Wirth', 'Modula-2'], ['Alan Kay', "
    "'Smalltalk'], ['Barbara Liskov', 'CLU'], ['Bjarne Stroustrup', 'C++'], ['Guido van Rossum', "
    "'Python']] AS row MATCH (p:Person {name: row[0]}), (l:Language {name: row[1]}) CREATE "
    "(p)-[:DESIGNED {year: l.year}]->(l);"
    "UNWIND [['Fortran', 'ALGOL 60'], ['ALGOL 60', 'Simula'], ['ALGOL 60', 'BCPL'], ['ALGOL 60', "
    "'Pascal'], ['BCPL', 'B'], ['B', 'C'], ['Simula', 'Smalltalk'], ['Lisp', 'Smalltalk'], "
    "['Simula', 'CLU'], ['Pascal', 'Modula-2'], ['C', 'C++'], ['Simula', 'C++'], ['CLU', 'C++'], "
    "['C', 'Python'], ['Lisp', 'Python'], ['CLU', 'Python']] AS row MATCH (a:Language {name: "
    "row[0]}), (b:Language {name: row[1]}) CREATE (a)-[:INFLUENCED]->(b);"
    "UNWIND [['Charles Babbage', 'Analytical Engine', 'DESIGNED'], ['Konrad Zuse', 'Z3', "
    "'DESIGNED'], ['Howard Aiken', 'Harvard Mark I', 'DESIGNED'], ['John von Neumann', 'EDVAC', "
    "'DESIGNED'], ['Ada Lovelace', 'Analytical Engine', 'PROGRAMMED'], ['Grace Hopper', 'Harvard "
    "Mark I', 'PROGRAMMED'], ['Margaret Hamilton', 'Apollo Guidance Computer', 'PROGRAMMED']] AS "
    "row MATCH (p:Person {name: row[0]}), (m:Machine {name: row[1]}) FOREACH (x IN CASE row[2] "
    "WHEN "
    "'DESIGNED' THEN [1] ELSE [] END | CREATE (p)-[:DESIGNED {year: m.year}]->(m)) FOREACH (x IN "
    "CASE row[2] WHEN 'PROGRAMMED' THEN [1] ELSE [] END | CREATE (p)-[:PROGRAMMED]->(m));"
    "UNWIND [['Ada Lovelace', 'Charles Babbage', 1833], ['Alan Turing', 'Alonzo Church', 1936], "
    "['Alan Turing', 'John von Neumann', 1935], ['Alan Turing', 'Claude Shannon', 1943], ['Claude "
    "Shannon', 'John McCarthy', 1953], ['Grace Hopper', 'Howard Aiken', 1944], ['John McCarthy', "
    "'Barbara Liskov', 1963], ['John McCarthy', 'Donald Knuth', 1968], ['Edsger Dijkstra', 'Tony "
    "Hoare', 1964], ['Tony Hoare', 'Niklaus Wirth', 1964], ['Ole-Johan Dahl', 'Kristen Nygaard', "
    "1952], ['Ole-Johan Dahl', 'Edsger Dijkstra', 1968], ['Dennis Ritchie', 'Ken Thompson', 1967], "
    "['Dennis Ritchie', 'Bjarne Stroustrup', 1979], ['John Backus', 'Frances Allen', 1957], ['John "
    "Backus', 'Edgar Codd', 1953], ['John Backus', 'John von Neumann', 1954]] AS row MATCH "
    "(a:Person "
    "{name: row[0]}), (b:Person {name: row[1]}) CREATE (a)-[:KNEW {since: row[2]}]->(b);";

/* Run all statements of a text in one transaction. */
static int run_all(invocation *cli, const char *text)
{
    const size_t size = strlen(text);
    sombra_txn *txn;
    int code = EXIT_OK;

    if (sombra_begin(cli->conn, SOMBRA_WRITE, &txn) != SOMBRA_OK) return complain_conn(cli);
    for (size_t at = 0, used; at < size && code == EXIT_OK; at += used) {
        statement_report report;
        code = run_statement(cli, text + at, size - at, &used, &report);
    }
    if (code == EXIT_OK) return sombra_commit(txn) == SOMBRA_OK ? EXIT_OK : complain_conn(cli);
    sombra_rollback(txn);
    return code;
}

static int tell_record(const invocation *cli, uint64_t nodes, uint64_t rels)
{
    static const char *const columns[] = {"file", "nodes", "relationships"};
    const cell cells[] = {cell_text(cli->arguments[0]), cell_int(nodes), cell_int(rels)};

    return output_record(cli, columns, cells, 3) ? EXIT_OK : 9;
}

static int fill_demo(invocation *cli)
{
    const bool quiet = cli->quiet;
    sombra_info info;
    int code = begin_transaction(cli, SOMBRA_READ);

    if (code != EXIT_OK) return code;
    if (sombra_get_info(cli->txn, &info) != SOMBRA_OK) return complain_conn(cli);
    sombra_rollback(cli->txn);
    cli->txn = NULL;
    if (info.nodes != 0)
        return complain(EXIT_NOT_FOUND,
                        "%s is not empty: the demo graph needs a database of its own",
                        cli->arguments[0]);
    cli->quiet = true;
    code = run_all(cli, demo);
    cli->quiet = quiet;
    if (code != EXIT_OK) return code;
    if (cli->format != FORMAT_TABLE) return tell_record(cli, 46, 56);
    if (!quiet)
        printf(
            "46 nodes and 56 relationships: people, languages and machines. Ask them:\n"
            "  sombra %s\n"
            "  MATCH (p:Person)-[d:DESIGNED]->(l:Language) RETURN p.name, l.name, d.year ORDER BY "
            "d.year;\n"
            "  MATCH path = (:Language {name: 'Fortran'})-[:INFLUENCED*]->(:Language {name: "
            "'Python'}) RETURN path;\n",
            cli->arguments[0]);
    return EXIT_OK;
}

/* What is made here is for later. */
static int check_stays(const invocation *cli)
{
    return strcmp(cli->arguments[0], ":memory:") != 0
               ? EXIT_OK
               : complain(EXIT_USAGE, "':memory:' is gone when the command ends: name a file");
}

int run_seed_demo(invocation *cli)
{
    int code = check_stays(cli);

    if (code != EXIT_OK) return code;
    cli->options.create_whole = true;
    code = open_database(cli, false, true);
    return code != EXIT_OK ? code : close_database(cli, fill_demo(cli));
}

int run_init(invocation *cli)
{
    int code = check_stays(cli);

    if (code != EXIT_OK) return code;
    if (access(cli->arguments[0], F_OK) == 0)
        return complain(EXIT_NOT_FOUND, "%s exists already", cli->arguments[0]);
    cli->options.create_whole = flag_given(cli, "demo"); /* an empty one is whole at once */
    if ((code = open_database(cli, false, true)) != EXIT_OK) return code;
    if (flag_given(cli, "demo"))
        code = fill_demo(cli);
    else if (cli->format != FORMAT_TABLE)
        code = tell_record(cli, 0, 0);
    else if (!cli->quiet)
        printf("%s is a new, empty database. Next:\n"
               "  sombra %s                      ask and change it\n"
               "  sombra import %s --nodes …     load CSV files (sombra help import)\n",
               cli->arguments[0], cli->arguments[0], cli->arguments[0]);
    return close_database(cli, code);
}

/* ---- completions ------------------------------------------------------------------------------------------------------------ */

/* In single quotes for a shell. */
static void put_shell_text(const char *text)
{
    putchar('\'');
    for (; *text != '\0'; text++)
        if (*text == '\'')
            fputs("'\\''", stdout);
        else
            putchar(*text);
    putchar('\'');
}

static void list_flags(const flag_spec *flags)
{
    for (; flags->name != NULL; flags++)
        printf(" --%s", flags->name);
}

static bool told_before(const command *end, const flag_spec *flag);

/* All flags that take a value, once each, with what stands between and behind them. */
static void list_value_flags(const char *between, const char *behind)
{
    const char *before = "";

    for (size_t c = 0; c <= command_count(); c++) {
        const flag_spec *flags = c < command_count() ? commands[c].flags : common_flags;

        for (; flags->name != NULL; flags++) {
            if (flags->placeholder == NULL || told_before(&commands[c], flags)) continue;
            printf("%s--%s%s", before, flags->name, behind);
            before = between;
        }
    }
}

static bool has_choices(const flag_spec *flag)
{
    return flag->placeholder != NULL && strchr(flag->placeholder, '|') != NULL;
}

/* "a|b" as "a b". */
static void put_choices(const flag_spec *flag)
{
    for (const char *at = flag->placeholder; *at != '\0'; at++)
        putchar(*at == '|' ? ' ' : *at);
}

/* What a FILE in place of a command means. */
static const command *shell_itself(void)
{
    const command *shell = find_command("shell");

    assert(shell != NULL && shell->name != NULL);
    return shell;
}

#define SHELLS "bash zsh fish"

/* Several commands may have a flag: it means the same, and is told at the first. */
static bool told_before(const command *end, const flag_spec *flag)
{
    for (const command *at = commands; at != end; at++)
        for (const flag_spec *other = at->flags; other->name != NULL; other++)
            if (strcmp(other->name, flag->name) == 0) return true;
    return false;
}

static void bash_choices(const flag_spec *flags, const command *of)
{
    for (; flags->name != NULL; flags++) {
        if (!has_choices(flags) || (of != NULL && told_before(of, flags))) continue;
        printf("        --%s) COMPREPLY=($(compgen -W '", flags->name);
        put_choices(flags);
        puts("' -- \"$word\")); return ;;");
    }
}

static void complete_bash(void)
{
    puts("# Completion of sombra for bash: eval \"$(sombra completions bash)\"\n"
         "_sombra() {\n"
         "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} at=1 flags=\n"
         "    COMPREPLY=()\n"
         "    # --flag=value is three words here\n"
         "    if [[ $word == '=' ]]; then word=; fi\n"
         "    if [[ $before == '=' ]]; then before=${COMP_WORDS[COMP_CWORD-2]}; fi");
    fputs("    while [[ at -lt COMP_CWORD && ${COMP_WORDS[at]} == --* ]]; do\n"
          "        case ${COMP_WORDS[at]}${COMP_WORDS[at+1]} in\n"
          "            *=) at=$((at + 3)) ;;\n"
          "            ",
          stdout);
    list_value_flags("|", "*");
    puts(") at=$((at + 2)) ;;\n"
         "            *) at=$((at + 1)) ;;\n"
         "        esac\n"
         "    done\n"
         "    case $before in");
    for (const command *at = commands; at->name != NULL; at++)
        bash_choices(at->flags, at);
    bash_choices(common_flags, NULL);
    puts("    esac\n"
         "    case ${COMP_WORDS[at]} in");
    for (const command *at = commands; at->name != NULL; at++) {
        printf("        %s) flags='", at->name);
        list_flags(at->flags);
        puts("' ;;");
    }
    fputs("        *) flags='", stdout);
    list_flags(shell_itself()->flags);
    puts("' ;;\n"
         "    esac");
    fputs("    if [[ $word == -* ]]; then\n        COMPREPLY=($(compgen -W \"$flags", stdout);
    list_flags(common_flags);
    puts("\" -- \"$word\"))\n"
         "        return\n"
         "    fi");
    fputs("    local commands='", stdout);
    for (const command *at = commands; at->name != NULL; at++)
        printf("%s%s", at == commands ? "" : " ", at->name);
    puts("'\n"
         "    if [[ $COMP_CWORD == $at ]]; then COMPREPLY=($(compgen -W \"$commands\" -- "
         "\"$word\")); "
         "fi\n"
         "    if [[ $COMP_CWORD == $((at + 1)) ]]; then\n"
         "        case ${COMP_WORDS[at]} in\n"
         "            completions) COMPREPLY=($(compgen -W '" SHELLS "' -- \"$word\")); return ;;\n"
         "            help) COMPREPLY=($(compgen -W \"$commands options\" -- \"$word\")); return "
         ";;\n"
         "        esac\n"
         "    fi\n"
         "    local -a files # with blanks in their names, too\n"
         "    mapfile -t files < <(compgen -f -- \"$word\")\n"
         "    COMPREPLY+=(\"${files[@]}\")\n"
         "}\n"
         "complete -o default -o filenames -F _sombra sombra");
}

/* ' and ] would end what zsh reads; : separates. */
static void put_zsh_text(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            fputs("'\\''", stdout);
        else if (strchr("[]:\\", *text) != NULL)
            printf("\\%c", *text);
        else
            putchar(*text);
    }
}

static void zsh_flags(const flag_spec *flags)
{
    for (; flags->name != NULL; flags++) {
        const char *value = flags->placeholder;
        /* --flag=value as well as --flag value; a value may be a name, '=' and a file */
        printf("                '%s--%s%s[", flags->repeated ? "*" : "", flags->name,
               value == NULL ? "" : "=");
        put_zsh_text(flags->help);
        fputs("]", stdout);
        if (value != NULL) {
            fputs(":", stdout);
            put_zsh_text(value);
            fputs(has_choices(flags)           ? ":("
                  : strchr(value, '=') != NULL ? ":{compset -P \"*=\"; _files}"
                                               : ":_files",
                  stdout);
            if (has_choices(flags)) put_choices(flags);
            if (has_choices(flags)) fputs(")", stdout);
        }
        puts("' \\");
    }
}

static void zsh_command(const char *pattern, const command *at)
{
    printf("        %s)\n            _arguments \\\n", pattern);
    zsh_flags(at->flags);
    zsh_flags(common_flags);
    puts(strcmp(at->name, "completions") == 0 ? "                '2:shell:(" SHELLS ")' ;;"
         : strcmp(at->name, "help") == 0
             ? "                '2:command:((options\\:\"the open options\" $commands))' ;;"
             : "                '*:file:_files' ;;");
}

static void complete_zsh(void)
{
    puts("#compdef sombra\n"
         "# Completion of sombra for zsh: sombra completions zsh >\"${fpath[1]}/_sombra\", or "
         "behind\n"
         "# compinit eval \"$(sombra completions zsh)\"\n"
         "_sombra() {\n"
         "    local -a commands\n"
         "    commands=(");
    for (const command *at = commands; at->name != NULL; at++) {
        printf("        '%s:", at->name);
        put_zsh_text(at->summary);
        puts("'");
    }
    puts("    )\n"
         "    local -i at=2");
    fputs("    while (( at < CURRENT )) && [[ $words[at] == --* ]]; do\n"
          "        case $words[at] in\n"
          "            ",
          stdout);
    list_value_flags("|", "");
    puts(") at+=2 ;;\n"
         "            *) at+=1 ;;\n"
         "        esac\n"
         "    done\n"
         "    if (( CURRENT >= at )); then # flags in front of the command are done with\n"
         "        words=(sombra \"${(@)words[at,-1]}\")\n"
         "        CURRENT=$(( CURRENT - at + 2 ))\n"
         "    fi\n"
         "    if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then\n"
         "        _describe command commands\n"
         "        _files\n"
         "        return\n"
         "    fi\n"
         "    case $words[2] in");
    for (const command *at = commands; at->name != NULL; at++)
        zsh_command(at->name, at);
    zsh_command("*", shell_itself());
    puts("    esac\n"
         "}\n"
         "if [[ $funcstack[1] == _sombra ]]; then _sombra \"$@\"; else compdef _sombra sombra; fi");
}

/* condition: of fish, for which words before; NULL: any. */
static void fish_flags(const flag_spec *flags, const char *condition)
{
    for (; flags->name != NULL; flags++) {
        fputs("complete -c sombra", stdout);
        if (condition != NULL) printf(" -n '%s'", condition);
        printf(" -l %s", flags->name);
        if (has_choices(flags)) {
            fputs(" -x -a '", stdout);
            put_choices(flags);
            putchar('\'');
        } else if (flags->placeholder != NULL) {
            fputs(" -r", stdout);
        }
        fputs(" -d ", stdout);
        put_shell_text(flags->help);
        putchar('\n');
    }
}

static void complete_fish(void)
{
    char condition[80];

    puts("# Completion of sombra for fish: sombra completions fish "
         ">~/.config/fish/completions/sombra.fish\n"
         "function __sombra_command # the first word that is neither a flag nor its value\n"
         "    set -l words (commandline -opc)\n"
         "    set -e words[1]\n"
         "    while string match -q -- '--*' $words[1]");
    fputs("        contains -- $words[1] ", stdout);
    list_value_flags(" ", "");
    puts("; and set -e words[1]\n"
         "        set -e words[1]\n"
         "    end\n"
         "    echo $words[1]\n"
         "end\n"
         "function __sombra_is; set -l word (__sombra_command); contains -- \"$word\" $argv; end");
    fputs("function __sombra_is_file; not __sombra_is ''", stdout);
    for (const command *at = commands; at->name != NULL; at++)
        printf(" %s", at->name);
    puts("; end");
    for (const command *at = commands; at->name != NULL; at++) {
        printf("complete -c sombra -n \"__sombra_is ''\" -a %s -d ", at->name);
        put_shell_text(at->summary);
        putchar('\n');
        snprintf(condition, sizeof condition, "__sombra_is %s", at->name);
        fish_flags(at->flags, condition);
    }
    fish_flags(shell_itself()->flags, "__sombra_is_file");
    puts("complete -c sombra -n '__sombra_is completions' -f -a '" SHELLS "'");
    fputs("complete -c sombra -n '__sombra_is help' -f -a 'options", stdout);
    for (const command *at = commands; at->name != NULL; at++)
        printf(" %s", at->name);
    puts("'");
    fish_flags(common_flags, NULL);
}

int run_completions(invocation *cli)
{
    static const struct {
        const char *name;
        void (*print)(void);
    } shells[] = {{"bash", complete_bash}, {"zsh", complete_zsh}, {"fish", complete_fish}};

    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++) {
        if (strcmp(cli->arguments[0], shells[i].name) != 0) continue;
        shells[i].print();
        return EXIT_OK;
    }
    return complain(EXIT_USAGE, "'%s' is none of bash, zsh, fish", cli->arguments[0]);
}
