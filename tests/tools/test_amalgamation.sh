#!/bin/sh
# test_amalgamation.sh — the library as one file: tools/amalgamate.py makes it, one command compiles it without warnings, the example
# program links with it and runs, and it exports the functions of sombra.h alone.
# Run by CTest with SOMBRA_SOURCE_DIR, CC, and LIBS (what it stands on).
set -eu
cc=${CC:-cc}
rm -rf out
python3 "$SOMBRA_SOURCE_DIR/tools/amalgamate.py" out
# shellcheck disable=SC2086
"$cc" -std=c11 -O0 -fPIC -Wall -Wextra -Werror $DEFINES -c out/sombra.c -o sombra.o
# shellcheck disable=SC2086
"$cc" -std=c11 -Iout "$SOMBRA_SOURCE_DIR/examples/quickstart.c" sombra.o $LIBS -o quickstart
rm -f people.sombra
./quickstart people.sombra >said
printf 'Ada knows 2 people\nAda -> Alan -> Barbara\n' | cmp - said

# shellcheck disable=SC2086
"$cc" -shared sombra.o $LIBS -o libone.so
nm -D --defined-only libone.so | sed 's/.* //' | sort >exported
sed -n 's/^SOMBRA_API.*[ *]\(sombra_[a-z0-9_]*\)(.*/\1/p' out/sombra.h | sort >declared
if ! comm -3 exported declared | cmp -s - /dev/null; then
    echo "test_amalgamation: exported and declared functions differ:" >&2
    comm -3 exported declared >&2
    exit 1
fi
echo "test_amalgamation: $(wc -l <exported) functions"
