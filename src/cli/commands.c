/* commands.c — the table of commands and their flags: parsing, help and the manual page's test all
 * read it. */
#include "cli.h"

const flag_spec common_flags[] = {
    {"option", "NAME=VALUE", "set an open option (sombra help options lists them)", true},
    {"format", "table|box|markdown|line|json|jsonl|csv", "how results are printed (table)", false},
    {"quiet", NULL, "print neither progress nor summaries", false},
    {"help", NULL, "print this help", false},
    {NULL, NULL, NULL, false},
};

/* A table, drawn for its readers. */
/* clang-format off */
#define DIRECTION {"direction", "out|in|both", "which relationships to follow (out)", false}
#define TYPE      {"type", "TYPE", "only relationships of this type; may be repeated", true}
#define END       {NULL, NULL, NULL, false}

const command commands[] = {
    {"shell", "[FILE]", "ask and change a graph at a prompt, or by a script; without FILE a graph in memory ('sombra FILE' for short)",
     "  sombra g.sombra\n"
     "  sombra g.sombra -c 'MATCH (p:Person) RETURN p.name; .schema'\n"
     "  sombra g.sombra -f script.cypher --format csv\n"
     "  echo 'RETURN 1 + 1;' | sombra\n",
     run_shell,
     {{"command", "TEXT", "run statements and shell commands, then end (-c); may be repeated", true},
      {"file", "SCRIPT", "run a script, then end (-f; '-': standard input); may be repeated", true},
      {"param", "NAME=JSON", "the value of $NAME; may be repeated", true},
      {"timeout", "SECONDS", "stop statements that take longer", false},
      {"memory-limit", "BYTES", "memory of queries and caches; k, m, g may follow", false},
      {"read-only", NULL, "refuse to change the file", false},
      END}},
    {"query", "FILE QUERY", "run openCypher statements (several, with ';' between); QUERY '-': from standard input",
     "  sombra query g.sombra 'MATCH (p:Person)-[:KNOWS]->(q) RETURN p.name, count(q) ORDER BY count(q) DESC LIMIT 10'\n"
     "  sombra query g.sombra 'MATCH (p:Person {name: $name}) RETURN p' --param name='\"Ada\"' --format json\n"
     "  sombra query g.sombra 'EXPLAIN MATCH (p:Person) RETURN p.name'\n",
     run_query,
     {{"param", "NAME=JSON", "the value of $NAME; may be repeated", true},
      {"timeout", "SECONDS", "stop statements that take longer", false},
      {"memory-limit", "BYTES", "memory of queries and caches; k, m, g may follow", false},
      END}},
    {"import", "FILE", "load nodes and relationships from CSV files",
     "  sombra import g.sombra --nodes Person=people.csv --relationships KNOWS=knows.csv\n"
     "  sombra import g.sombra --nodes people.csv --delimiter '|' --rejects bad.csv --max-rejects 100\n"
     "  zcat people.csv.gz | sombra import g.sombra --nodes Person=-\n"
     "  sombra import copy.sombra --from exported/\n",
     run_import,
     {{"nodes", "[LABEL[:LABEL]=]CSV", "a file of nodes ('-': standard input); may be repeated", true},
      {"relationships", "[TYPE=]CSV", "a file of relationships; may be repeated", true},
      {"from", "DIRECTORY", "all that export wrote there: nodes, relationships, indexes, constraints", false},
      {"schema", "CSV", "indexes and constraints to make when all is loaded, as export writes them", false},
      {"delimiter", "CHAR", "between cells (,); 'tab' for a tab", false},
      {"quote", "CHAR", "around cells (\")", false},
      {"array-delimiter", "CHAR", "between items of a list (;)", false},
      {"id-column", "NAME", "the id column of plain headers", false},
      {"start-column", "NAME", "the source column of plain headers", false},
      {"end-column", "NAME", "the target column of plain headers", false},
      {"type-column", "NAME", "the type column of plain headers", false},
      {"label-column", "NAME", "the label column of plain headers", false},
      {"null", "TEXT", "cells equal to TEXT are absent", false},
      {"infer-types", NULL, "find the types of plain columns from their values", false},
      {"trim", NULL, "drop spaces around unquoted cells", false},
      {"skip-missing-endpoints", NULL, "leave out relationships whose ends do not exist", false},
      {"skip-duplicate-ids", NULL, "leave out nodes whose id came before", false},
      {"rejects", "CSV", "write rows that can not be loaded here, instead of failing", false},
      {"max-rejects", "N", "fail when more rows are rejected (1000 with --rejects)", false},
      {"threads", "N", "threads that parse (all cores)", false},
      {"memory", "BYTES", "memory for sorting; k, m, g may follow (half of memory_limit)", false},
      {"no-store-ids", NULL, "do not keep the id column as a property", false},
      END}},
    {"export", "FILE DIRECTORY", "write the whole graph as CSV files that import reads back",
     "  sombra export g.sombra out/\n  sombra import copy.sombra --from out/\n", run_export, {END}},
    {"dump", "FILE [SCRIPT]", "write the graph as a Cypher script that makes it anew, schema and data",
     "  sombra dump g.sombra g.cypher\n  sombra dump g.sombra | gzip >g.cypher.gz\n", run_dump, {END}},
    {"restore", "FILE SCRIPT", "run a script that dump wrote, all of it or nothing; '-': from standard input",
     "  sombra restore copy.sombra g.cypher\n  zcat g.cypher.gz | sombra restore copy.sombra -\n", run_restore, {END}},
    {"info", "FILE", "labels, types, counts, sizes, indexes and fill factors",
     "  sombra info g.sombra\n  sombra info g.sombra --trees --format json\n", run_info,
     {{"trees", NULL, "also size and fill of every tree (reads the whole file)", false}, END}},
    {"get", "FILE NODE", "one node (or relationship) with its properties",
     "  sombra get g.sombra 17\n  sombra get g.sombra Person.name=Ada\n  sombra get g.sombra 4711 --relationship\n", run_get,
     {{"relationship", NULL, "the id is a relationship's", false}, END}},
    {"neighbors", "FILE NODE", "the neighbors of a node",
     "  sombra neighbors g.sombra Person.name=Ada --type KNOWS --direction both\n", run_neighbors,
     {DIRECTION, TYPE, {"distinct", NULL, "each neighbor once", false}, {"limit", "N", "at most N (0: all)", false}, END}},
    {"path", "FILE FROM TO", "a shortest path between two nodes",
     "  sombra path g.sombra Person.name=Ada Person.name=Grace\n  sombra path g.sombra 1 9 --weight km\n", run_path,
     {DIRECTION, TYPE, {"max-depth", "N", "at most N relationships", false},
      {"weight", "KEY", "cheapest by this relationship property", false},
      {"default-weight", "NUMBER", "weight of relationships without it (1)", false}, END}},
    {"bfs", "FILE NODE", "everything that can be reached from a node",
     "  sombra bfs g.sombra Person.name=Ada --max-depth 2\n", run_bfs,
     {DIRECTION, TYPE, {"max-depth", "N", "at most N relationships away", false},
      {"max-visits", "N", "stop after N nodes", false}, {"limit", "N", "list at most N nodes (100)", false},
      {"count", NULL, "only count, by depth", false}, END}},
    {"top", "FILE", "the nodes with the most relationships",
     "  sombra top g.sombra --label Package --type DEPENDS --direction in --limit 10\n", run_top,
     {{"label", "LABEL", "only nodes with this label", false}, DIRECTION, TYPE, {"limit", "N", "how many (10)", false}, END}},
    {"schema", "FILE", "list, make or drop indexes and constraints",
     "  sombra schema g.sombra\n  sombra schema g.sombra --create index --on Person --keys name,born\n"
     "  sombra schema g.sombra --create unique --on Person --keys email --name person_email\n"
     "  sombra schema g.sombra --create typed --on KNOWS --relationships --keys since --types date,localdatetime\n"
     "  sombra schema g.sombra --drop person_email\n", run_schema,
     {{"create", "KIND", "index, unique, node-key, exists, typed or label-index", false},
      {"on", "LABEL", "the label (with --relationships: the type)", false},
      {"keys", "KEY[,KEY]", "property keys", false},
      {"types", "TYPE[,TYPE]", "what --create typed admits: boolean, integer, float, string, bytes, date …", false},
      {"name", "NAME", "its name (one is made up)", false},
      {"relationships", NULL, "on relationships of a type", false},
      {"drop", "NAME", "drop the one of this name", false}, END}},
    {"verify", "FILE", "check everything in the file against everything else",
     "  sombra verify g.sombra\n", run_verify, {END}},
    {"recover", "FILE NEWFILE", "salvage what can be read of a damaged file",
     "  sombra recover damaged.sombra saved.sombra\n", run_recover, {END}},
    {"checkpoint", "FILE", "move the write-ahead log into the main file",
     "  sombra checkpoint g.sombra --mode truncate\n", run_checkpoint,
     {{"mode", "passive|full|restart|truncate", "how far to go (full)", false}, END}},
    {"vacuum", "FILE [NEWFILE]", "rebuild the file compactly, in place or as a new file",
     "  sombra vacuum g.sombra\n  sombra vacuum g.sombra small.sombra\n", run_vacuum, {END}},
    {"backup", "FILE NEWFILE", "copy a database while it is in use",
     "  sombra backup g.sombra monday.sombra\n", run_backup, {END}},
    {"digest", "FILE", "a digest of the content: equal for equal graphs",
     "  sombra digest g.sombra\n", run_digest, {END}},
    {"help", "[COMMAND]", "help on a command, or on 'options'",
     "  sombra help import\n  sombra help options\n", run_help, {END}},
    {NULL, NULL, NULL, NULL, NULL, {END}},
};
/* clang-format on */
