/* config.h — the configuration file and where the command keeps what is its own. */
#ifndef SB_CLI_CONFIG_H
#define SB_CLI_CONFIG_H

#include "cli.h"

/* sombra/name under the folder that an environment variable names, else under ~/fallback. Owned by the caller; NULL when there is no home, or
 * the path is too long. make: folders that are missing are made, for the user alone. */
char *config_path(const char *variable, const char *fallback, const char *name, bool make);

#endif
