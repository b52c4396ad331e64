#!/bin/sh
# test_install.sh — what `make install` leaves is enough for a stranger: examples/quickstart.c is compiled and run against
# an installed prefix through pkg-config and through CMake, with the shared and the static library, as C and as C++.
# Run by CTest with SOMBRA_SOURCE_DIR and SOMBRA_BUILD_DIR.
set -eu

source=$SOMBRA_SOURCE_DIR
here=$(mktemp -d) # outside of the build tree, which nothing installed may name
trap 'rm -rf "$here"' EXIT
prefix=$here/prefix
cc=${CC:-cc}

fail() {
    echo "test_install: $*" >&2
    exit 1
}

cmake --install "$SOMBRA_BUILD_DIR" --prefix "$prefix" >"$here/install.log"

header=$(find "$prefix" -name sombra.h)
libdir=$(dirname "$(find "$prefix" -name libsombra.a)")
[ "$header" = "$prefix/include/sombra.h" ] || fail "the header is at '$header'"
[ -x "$prefix/bin/sombra" ] || fail "bin/sombra is missing"
[ -f "$prefix/share/man/man1/sombra.1" ] || fail "the manual page is missing"
[ -L "$libdir/libsombra.so" ] || fail "libsombra.so is no link"
readelf -d "$libdir/libsombra.so" | grep -q 'SONAME.*\[libsombra.so.0\]' || fail "the soname is not libsombra.so.0"
"$prefix/bin/sombra" --version | grep -q '0\.1\.0' || fail "sombra --version"
# nothing installed as text may name the place where it was built
if grep -rIlF -e "$SOMBRA_BUILD_DIR" -e "$source" "$prefix" --include='*.cmake' --include='*.pc' --include='*.h' --include='*.1'; then
    fail "installed files name the build tree"
fi

# A program with names of its own that are the library's inside: none of them may meet.
cp "$source/examples/quickstart.c" "$here/clash.c"
nm -g --defined-only "$SOMBRA_BUILD_DIR"/CMakeFiles/sombra_tree.dir/src/tree/*.o | sed -n 's/^[0-9a-f]* T \(sb_[a-z_]*\)$/int \1(void); int \1(void) { return 1; }/p' \
    >>"$here/clash.c"
[ "$(grep -c sb_tree_ "$here/clash.c")" -gt 5 ] || fail "no names of the library's to clash with"

# The program's two lines, whatever it was built with.
expect() {
    rm -f "$here/people.sombra"
    "$@" "$here/people.sombra" >"$here/out" || fail "$1 failed"
    printf 'Ada knows 2 people\nAda -> Alan -> Barbara\n' | cmp -s - "$here/out" || fail "$1 printed $(cat "$here/out")"
    "$prefix/bin/sombra" verify "$here/people.sombra" >/dev/null || fail "$1 left a file that does not verify"
}

if command -v pkg-config >/dev/null 2>&1; then
    PKG_CONFIG_PATH=$libdir/pkgconfig
    export PKG_CONFIG_PATH
    [ "$(pkg-config --modversion sombra)" = 0.1.0 ] || fail "pkg-config --modversion"
    # shellcheck disable=SC2046
    "$cc" -std=c11 -Wall -Wextra -Werror "$source/examples/quickstart.c" $(pkg-config --cflags --libs sombra) -o "$here/shared"
    LD_LIBRARY_PATH=$libdir expect "$here/shared"
    # shellcheck disable=SC2046
    "$cc" -std=c11 "$source/examples/quickstart.c" $(pkg-config --cflags sombra) "$libdir/libsombra.a" \
        $(pkg-config --libs --static sombra | sed 's/-lsombra//') -o "$here/static"
    expect "$here/static"
    # shellcheck disable=SC2046
    "$cc" -std=c11 -fno-lto "$here/clash.c" $(pkg-config --cflags sombra) "$libdir/libsombra.a" \
        $(pkg-config --libs --static sombra | sed 's/-lsombra//') -o "$here/clash"
    expect "$here/clash"
    if command -v c++ >/dev/null 2>&1; then
        printf '#include <sombra.h>\nint main() { return sombra_abi() == SOMBRA_ABI ? 0 : 1; }\n' >"$here/program.cpp"
        # shellcheck disable=SC2046
        c++ -std=c++11 -Wall -Wextra -Werror "$here/program.cpp" $(pkg-config --cflags --libs sombra) -o "$here/cpp"
        LD_LIBRARY_PATH=$libdir "$here/cpp" || fail "the C++ program failed"
    fi
fi

cmake -S "$source/examples" -B "$here/cmake" -DCMAKE_PREFIX_PATH="$prefix" >"$here/cmake.log"
cmake --build "$here/cmake" >>"$here/cmake.log"
expect "$here/cmake/quickstart"
expect "$here/cmake/quickstart_static"
echo "test_install: passed"
