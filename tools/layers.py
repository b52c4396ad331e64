#!/usr/bin/env python3
"""layers.py [ROOT] — layers go one way, and who may call is seen in the name.

Checks every C file of src/ against the table below:
  1. an #include "…" names the file's own module or the front door <m>/<m>.h of one it may use
     (base's parts are front doors each);
  2. an #include <…> is standard C, or a header that the table grants to that module;
  3. a name of the form sb_<x>__<y> (module-internal) occurs in one module only;
  4. inside of a module with sub-modules (src/cypher/lex …) includes go one way as well: a file may
     include the headers of the sub-modules below its own, but not their *_priv.h;
  5. calls that belong behind a seam (malloc, printf, exit, getenv …) occur only where granted.
Tests of a module (tests/unit/<m>) may use its internals, and the front doors it may use.
Prints FILE:LINE: message for each fault; exits 1 when there is one.
"""
import re
import sys
from pathlib import Path

# Module → the modules whose front doors it may include.
USES = {
    "base": [],
    "os": ["base"],
    "pager": ["os", "base"],
    "tree": ["pager", "base"],
    "store": ["tree", "pager", "base"],
    "graph": ["store", "pager", "os", "base"],
    "cypher": ["graph", "store", "os", "base"],
    "api": ["cypher", "graph", "store", "tree", "pager", "os", "base"],
    "cli": [],
}
# Module → its sub-modules, lowest first. Files of src/<m>/ itself lie above all of them.
SUBMODULES = {"cypher": ["lex", "parse", "func", "sema", "plan", "exec"], "cli": ["formats"]}
# Sub-modules that use less than their module does.
SUB_USES = {"cypher/lex": ["graph", "os", "base"], "cypher/parse": ["base"]}
# Front doors beside <m>/<m>.h: parts of one that compile alone. (All headers of base/ are.)
PARTS = {"store/value.h", "graph/text_value.h", "graph/zone.h"}
# Modules that may include sombra.h.
PUBLIC_HEADER = {"api", "cli"}

STANDARD = set("assert ctype errno float inttypes limits math stdalign stdarg stdatomic stdbool "
               "stddef stdint stdio stdlib stdnoreturn string".split())
# Other headers, by module. A folder ending in / grants all below it.
GRANTED = {
    "base": {"nmmintrin.h", "wmmintrin.h", "immintrin.h", "arm_acle.h"},
    "os": {"dirent.h", "fcntl.h", "pthread.h", "sched.h", "signal.h", "sys/", "time.h", "unistd.h",
           "poll.h", "linux/", "mntent.h", "semaphore.h"},
    "store": {"xxhash.h", "utf8proc.h"},
    "graph": {"xxhash.h", "utf8proc.h", "zlib.h", "zstd.h"},
    "cypher": {"xxhash.h", "utf8proc.h", "pcre2.h"},
    "api": {"xxhash.h", "utf8proc.h", "zlib.h", "zstd.h"},
    "cli": {"dirent.h", "fcntl.h", "getopt.h", "pthread.h", "signal.h", "sys/", "time.h",
            "unistd.h", "jansson.h", "xxhash.h", "zlib.h", "zstd.h", "expat.h", "sqlite3.h", "regex.h", "strings.h", "locale.h", "termios.h", "poll.h", "langinfo.h", "wchar.h", "utf8proc.h"},
}
# Calls → files or modules where they may stand. Everything else goes through sb_allocator, sb_err
# and the VFS; the library prints nothing and never exits.
SEAMS = [
    (r"(?:malloc|calloc|realloc|aligned_alloc|strdup|strndup|free)", {"base/alloc.c", "cli"}),
    (r"(?:printf|puts|putchar|perror|fprintf|fputs)", {"base/status.c", "cli"}),
    (r"(?:exit|_exit|abort|quick_exit)", {"base/status.c", "cli", "os/vfs_crash.c"}),
    (r"(?:getenv|secure_getenv)", {"os", "api", "cli"}),
    (r"__builtin_\w+", {"base", "os/os_thread.c"}),
    (r"(?:setenv|putenv|srand|rand|setlocale|strtok|setjmp|longjmp|gets|sprintf|strcpy|strcat)",
     {"cli"}),
]

COMMENT_OR_STRING = re.compile(
    r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)


def submodule(parts):
    """("cypher", "lex", "token.c") → "lex"; None for files of the module itself."""
    return parts[1] if len(parts) > 2 else None


def blank(match):
    """Comments and strings become spaces, so that line numbers stay."""
    return re.sub(r"[^\n]", " ", match.group(0))


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent)
    faults = []
    internal = {}  # internal name → {module: first place}

    def fault(path, line, text):
        faults.append(f"{path.relative_to(root)}:{line}: {text}")

    def check_own(path, line, module, sub, target):
        """An include inside of a module: of another sub-module?"""
        order = SUBMODULES.get(module, [])
        parts = target.split("/")
        target_sub = submodule(parts)
        if target_sub == sub or not order:
            return
        if target_sub is None:
            fault(path, line, f'{module}/{sub}/ may not include "{target}", which lies above it')
        elif target_sub not in order:
            fault(path, line, f'"{target}" is in no known sub-module')
        elif sub is not None and order.index(target_sub) > order.index(sub):
            fault(path, line, f"{module}/{sub}/ may not include {module}/{target_sub}/, which lies "
                              "above it")
        elif target.endswith("_priv.h"):
            fault(path, line, f'"{target}" is internal to {module}/{target_sub}/')

    def check_include(path, line, module, sub, is_test, kind, target):
        if kind == "<":
            if target == "sombra.h" and module in PUBLIC_HEADER:
                return
            name = target[:-2] if target.endswith(".h") else target
            granted = GRANTED.get(module, set())
            if name in STANDARD or target in granted:
                return
            if any(g.endswith("/") and target.startswith(g) for g in granted) or is_test:
                return
            fault(path, line, f"<{target}> is not for {module}/: it belongs behind os/ or a "
                              "library's front door")
            return
        if target == "sombra.h":
            if module not in PUBLIC_HEADER and not is_test:
                fault(path, line, f"{module}/ may not include sombra.h")
            return
        other = target.split("/")[0]
        if "/" not in target:
            # A file beside it; then it is the same module.
            if not (path.parent / target).exists() and not is_test:
                fault(path, line, f'"{target}": write the path from src/')
            return
        if is_test and other in ("support", "unit"):
            return
        if other == module:
            if not is_test:
                check_own(path, line, module, sub, target)
            return
        here = f"{module}/{sub}" if sub else module
        uses = USES[module] if is_test else SUB_USES.get(here, USES[module])
        if other not in USES:
            fault(path, line, f'"{target}" is in no known module')
        elif other not in uses:
            allowed = ", ".join(uses) or "nothing"
            fault(path, line, f'{here}/ may not include {other}/ (it may use: {allowed})')
        elif other != "base" and target != f"{other}/{other}.h" and target not in PARTS:
            fault(path, line, f'"{target}" is internal to {other}/; its front door is '
                              f"{other}/{other}.h")

    def check_file(path, module, sub, is_test):
        text = path.read_text(encoding="utf-8")
        bare = COMMENT_OR_STRING.sub(blank, text)
        commentless = re.sub(r"/\*.*?\*/", blank, text, flags=re.S)
        for number, line in enumerate(commentless.split("\n"), 1):
            include = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
            if include:
                check_include(path, number, module, sub, is_test, *include.groups())
        if is_test:
            return
        for number, line in enumerate(bare.split("\n"), 1):
            for name in re.findall(r"\bsb_[a-z0-9]+(?:_[a-z0-9]+)*__\w+", line):
                # sb_lex__x is internal to cypher/lex/, sb_cypher__x to cypher/.
                owner = name.split("_")[1]
                place = f"{module}/{sub}" if owner in SUBMODULES.get(module, []) else module
                internal.setdefault(name, {}).setdefault(place, (path, number))
            for pattern, allowed in SEAMS:
                call = re.search(r"(?<![\w.>])(" + pattern + r")\s*\(", line)
                here = str(path.relative_to(root / "src"))
                if call and module not in allowed and here not in allowed:
                    fault(path, number, f"{call.group(1)}() is not for {module}/")

    src = root / "src"
    for path in sorted(src.rglob("*")):
        if path.suffix not in (".c", ".h", ".def") or not path.is_file():
            continue
        parts = path.relative_to(src).parts
        module, sub = parts[0], submodule(parts)
        if module not in USES:
            fault(path, 1, f"src/{module}/ is in no layer: add it to tools/layers.py")
            continue
        if len(parts) > 3 or (sub and sub not in SUBMODULES.get(module, [])):
            fault(path, 1, f"src/{'/'.join(parts[:-1])}/ is no sub-module: add it to tools/layers.py")
            continue
        check_file(path, module, sub, False)
    for path in sorted((root / "tests" / "unit").rglob("*.[ch]")):
        module = path.relative_to(root / "tests" / "unit").parts[0]
        if module in USES:
            check_file(path, module, None, True)

    subs = {sub: f"{module}/{sub}" for module, names in SUBMODULES.items() for sub in names}
    for name, places in sorted(internal.items()):
        owner = name.split("_")[1]
        owner = subs.get(owner, owner)
        for place, (path, line) in places.items():
            if (owner in USES or "/" in owner) and owner != place:
                fault(path, line, f"{name} is internal to {owner}/")
            elif owner not in USES and "/" not in owner and len(places) > 1:
                fault(path, line, f"{name} is internal, but used in {', '.join(sorted(places))}")

    for line in faults:
        print(line)
    print(f"layers: {len(faults)} faults", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
