#!/bin/sh
# The manual page says what the command's own help says: the committed page is what tools/manpage makes of it.
set -eu
"$SOMBRA_SOURCE_DIR/tools/manpage" "$SOMBRA" >page
diff -u "$SOMBRA_SOURCE_DIR/man/sombra.1" page || {
    echo "man/sombra.1 is out of date: tools/manpage build/release/sombra >man/sombra.1" >&2
    exit 1
}
