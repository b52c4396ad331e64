/* config.h — settings that need not be typed each time: the configuration file and the environment; and where the command keeps what is its own.
 *
 * The file is $SOMBRA_CONFIG, --config, or sombra/config under $XDG_CONFIG_HOME (~/.config): lines NAME = VALUE; those before the first [SECTION] and
 * in [default] always count, those of another section when --config-profile or $SOMBRA_CONFIG_PROFILE names it. Names are those of open options, and
 * format, quiet, timeout, database. The environment has SOMBRA_NAME for each; but SOMBRA_PROFILE, which the library reads.
 * What is said later counts: the file, its section, the environment, the flags. */
#ifndef SB_CLI_CONFIG_H
#define SB_CLI_CONFIG_H

#include "cli.h"

/* Apply file and environment to the options, format, quiet, timeout and database of cli: EXIT_OK, or complained. */
int config_apply(invocation *cli);
/* Path of the file that counts, owned by the caller; NULL: none can be named. *named: the user has named it, so it must be there. */
char *config_file(const invocation *cli, bool *named);

/* sombra/name under the folder that an environment variable names, else under ~/fallback. Owned by the caller; NULL when there is no home.
 * make: folders that are missing are made, for the user alone. */
char *config_path(const char *variable, const char *fallback, const char *name, bool make);

#endif
