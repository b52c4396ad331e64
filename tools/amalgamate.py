#!/usr/bin/env python3
"""amalgamate.py OUT [ROOT] — OUT/sombra.c, the whole library as one file, with OUT/sombra.h beside it.

    cc -O2 -c sombra.c            # and link with -lxxhash -lutf8proc -lpcre2-8 -lm -pthread
    cc -O2 -DHAVE_ZLIB=1 -c …     # with gzip input (-lz); HAVE_ZSTD likewise (-lzstd)

Files follow each other by layers (tools/layers.py has the order); each header stands where it is first included. Two files may
use one name for different things of their own: functions, variables, types, enumerators. Such names get the file's name behind
them (those of private headers the module's), macros of a file end with it. Symbols that are not of sombra.h are hidden.
"""
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from layers import SUBMODULES, USES  # noqa: E402

TOKEN = re.compile(r"""
    (?P<comment>/\*.*?\*/|//[^\n]*)
  | (?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
  | (?P<name>[A-Za-z_]\w*)
  | (?P<number>\.?\d(?:[eEpP][+-]|[\w.])*)
  | (?P<space>\s+)
  | (?P<sign>->|\#\#|.)
""", re.X | re.S)
STATIC = {"static", "SB_INLINE"}
# These may stand in front of a parenthesis in a declaration, and are not what is declared.
NOT_DECLARED = re.compile(r"struct|union|enum|__\w+|SB_[A-Z_]+|_\w+|sizeof|alignas")
BANNER = """/* sombra.c — Sombra {version} as one file, made by tools/amalgamate.py of its source: an embedded property-graph
 * database. sombra.h, beside it, is its interface and documentation.
 * Build: cc -O2 -c sombra.c; link with -lxxhash -lutf8proc -lpcre2-8 -lm -pthread. For gzip and zstd input compile with
 * -DHAVE_ZLIB=1 and -DHAVE_ZSTD=1 and add -lz and -lzstd. Linux, gcc or clang.
 * {licence} */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#define SOMBRA_BUILD 1
#if defined(__aarch64__) && !defined(__ARM_FEATURE_CRC32)
#pragma GCC target("+crc")
#endif
#pragma GCC visibility push(hidden)
"""


def tokens_of(text):
    """[(kind, text)]"""
    return [(m.lastgroup, m.group()) for m in TOKEN.finditer(text)]


def without_directives(text):
    """The text with preprocessor lines and comments blanked, for finding declarations."""
    text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.S)
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", "", text, flags=re.M)


def match_group(tokens, at):
    """Behind the bracket that closes the one at at."""
    pairs = {"{": "}", "(": ")", "[": "]"}
    depth, opening, closing = 0, tokens[at], pairs[tokens[at]]
    while at < len(tokens):
        depth += (tokens[at] == opening) - (tokens[at] == closing)
        at += 1
        if depth == 0:
            break
    return at


def is_name(token):
    return re.fullmatch(r"[A-Za-z_]\w*", token) is not None


def enumerators(tokens, start, end):
    return [tokens[i] for i in range(start + 1, end - 1)
            if is_name(tokens[i]) and tokens[i - 1] in ("{", ",")]


def declared(chunk):
    """The names that a declaration with static declares. chunk: its tokens, groups in braces left out."""
    names, i = [], 0
    while i < len(chunk):
        follows = chunk[i + 1] if i + 1 < len(chunk) else ";"
        if chunk[i] == "(" and follows == "*":  # a pointer to functions
            names.append(next(t for t in chunk[i + 2:] if is_name(t) and t != "const"))
            break
        if chunk[i] == "(":  # of an attribute
            i = match_group(chunk, i)
            continue
        if is_name(chunk[i]) and follows in ("(", "[", "=", ";", ",", "{") and not NOT_DECLARED.fullmatch(chunk[i]) \
                and not (follows == "(" and i + 2 < len(chunk) and chunk[i + 2] == "*" and chunk[i + 3] in ("const", ")")) \
                and chunk[i - 1] not in ("struct", "union", "enum"):
            names.append(chunk[i])
            if follows == "(":
                break
            i += 1
            while i < len(chunk) and chunk[i] != ",":  # past its initializer, to a further one
                i = match_group(chunk, i) if chunk[i] in "([" else i + 1
        i += 1
    return names


def file_scope_names(text, bodies_only=False):
    """Functions, variables, types and enumerators that a file keeps for itself. bodies_only: without types whose structure is
    elsewhere, which several headers may name."""
    tokens = [t for kind, t in tokens_of(without_directives(text)) if kind not in ("space", "comment")]
    names, i = set(), 0
    while i < len(tokens):
        chunk, start = [], i
        while i < len(tokens) and tokens[i] != ";":
            if tokens[i] == "{":
                end = match_group(tokens, i)
                before = tokens[i - 1]
                if tokens[i - 2] in ("struct", "union", "enum") and is_name(before):
                    names.add(before)
                if before == "enum" or tokens[i - 2] == "enum":
                    names.update(enumerators(tokens, i, end))
                body = before == ")" and "=" not in chunk
                i = end
                if body:
                    break
                chunk.append("{")
                continue
            chunk.append(tokens[i])
            i += 1
        if i < len(tokens) and tokens[i] == ";":
            i += 1
        if i == start:
            i += 1
        if not chunk:
            continue
        if chunk[0] == "typedef" and bodies_only and "{" not in chunk:
            continue
        if chunk[0] == "typedef":
            pointer = [chunk[k + 2] for k in range(len(chunk) - 2) if chunk[k] == "(" and chunk[k + 1] == "*"]
            plain = [t for t in chunk if is_name(t)]
            function = [chunk[k] for k in range(1, len(chunk) - 1) if chunk[k + 1] == "(" and is_name(chunk[k])]
            names.add(pointer[0] if pointer and chunk.index("(") == chunk.index(pointer[0]) - 2
                      else function[0] if function else plain[-1])
        elif STATIC & set(chunk):
            names.update(declared([t for t in chunk if t not in STATIC]))
    return names


def renamed(text, names, suffix):
    """The text with a suffix behind each of the names, but where a member of a structure is meant."""
    out, previous, structures, tokens = [], "", [], tokens_of(text)
    meant = [t for kind, t in tokens if kind not in ("space", "comment")] + ["", "", ""]
    at = -1  # in meant
    for kind, token in tokens:
        if kind in ("space", "comment"):
            out.append(token)
            continue
        at += 1
        if token == "{":
            structures.append(meant[at - 1] in ("struct", "union") or meant[at - 2] in ("struct", "union"))
        elif token == "}" and structures:
            structures.pop()
        member = previous in (".", "->") or (structures and structures[-1] and
                                             (meant[at + 1] in (";", ",", "[", ":") or meant[at + 1:at + 3] == [")", "("]))
        out.append(token + suffix if kind == "name" and token in names and not member else token)
        previous = token
    return "".join(out)


class Amalgamation:
    def __init__(self, root):
        self.src = root / "src"
        self.texts = {p: p.read_text(encoding="utf-8") for p in sorted(self.src.rglob("*"))
                      if p.suffix in (".c", ".h", ".def") and p.relative_to(self.src).parts[0] not in ("cli", "server")}
        self.words = {}  # name → files that mention it
        for path, text in self.texts.items():
            for kind, token in set(tokens_of(text)):
                if kind == "name":
                    self.words.setdefault(token, set()).add(path)
        self.defined = {}  # name → files that define it
        for path, text in self.texts.items():
            for name in file_scope_names(text, bodies_only=True):
                self.defined.setdefault(name, set()).add(path)
        self.seen, self.system, self.out = set(), set(), []
        self.own = (set(), "")  # names of the file at hand that are changed, and what is put behind them
        self.rename_private()

    def module(self, path):
        return path.relative_to(self.src).parts[0]

    def rename_private(self):
        """What a private header defines and another module's headers define too gets the module's name behind it."""
        owners = {}  # name → {module: is it private there?}
        for name, paths in self.defined.items():
            for path in paths:
                if path.suffix == ".h":
                    private = owners.setdefault(name, {})
                    private[self.module(path)] = private.get(self.module(path), True) and path.name.endswith("_priv.h")
        for path, text in self.texts.items():
            module = self.module(path)
            names = {n for n, private in owners.items() if len(private) > 1 and private.get(module)}
            if names:
                self.texts[path] = renamed(text, names, "__" + module)

    def order(self):
        """The .c files, by layers."""
        def key(path):
            parts = path.relative_to(self.src).parts
            modules = list(USES)
            subs = SUBMODULES.get(parts[0], [])
            sub = subs.index(parts[1]) if len(parts) > 2 else len(subs)
            return modules.index(parts[0]), sub, parts
        return sorted((p for p in self.texts if p.suffix == ".c"), key=key)

    def resolve(self, path, target):
        for folder in (self.src, path.parent):
            if (folder / target) in self.texts:
                return folder / target
        raise SystemExit(f"{path}: cannot find {target}")

    def put_file(self, path, text):
        self.out.append(f"\n/* ==== {path.relative_to(self.src.parent)} ==== */\n")
        depth = 0  # of #if; the guard of a header is the first
        for line in text.split("\n"):
            directive = re.match(r"\s*#\s*(\w+)(.*)", line)
            word = directive.group(1) if directive else ""
            depth += word.startswith("if")
            depth -= word == "endif"
            target = re.match(r'\s*(["<])([^">]+)[">]', directive.group(2)) if word == "include" else None
            if target is None:
                self.out.append(line + "\n")
            elif target.group(2) == "sombra.h":
                self.put_system('#include "sombra.h"', True)
            elif target.group(1) == "<":
                self.put_system(line, depth == (path.suffix == ".h"))
            else:
                self.put_include(self.resolve(path, target.group(2)))

    def put_system(self, line, always):
        """An include of a header that is not ours: what it declares is not hidden."""
        if line in self.system:
            return
        if always:
            self.system.add(line)
        self.out.append(f"#pragma GCC visibility push(default)\n{line}\n#pragma GCC visibility pop\n")

    def put_include(self, path):
        if path in self.seen:
            return
        if path.suffix == ".def":  # speaks of what the file that includes it has
            self.put_file(path, renamed(self.texts[path], *self.own))
            return
        self.seen.add(path)
        including, self.own = self.own, (set(), "")
        self.put_file(path, self.texts[path])
        self.own = including

    def put_source(self, path):
        text = self.texts[path]
        macros = set(re.findall(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", text, re.M))
        # A single word may be the system's. A name with the library's prefix may be of a structure that a header names and that is
        # defined here; only if it is defined elsewhere, too, it is another one.
        names = {n for n in file_scope_names(text) - macros
                 if (self.defined.get(n, set()) - {path} if n.startswith(("sb_", "sombra_"))
                     else self.words[n] - {path} or "_" not in n)}
        suffix = "__" + "_".join(path.relative_to(self.src).with_suffix("").parts)
        self.own = (names, suffix)
        self.put_file(path, renamed(text, names, suffix))
        self.out.extend(f"#undef {name}\n" for name in sorted(macros) if not name.startswith("PCRE2_"))

    def make(self, banner):
        self.out.append(banner)
        for path in self.order():
            self.put_source(path)
        self.out.append("\n#pragma GCC visibility pop\n")
        return "".join(self.out)


def main():
    out = Path(sys.argv[1])
    root = Path(sys.argv[2] if len(sys.argv) > 2 else Path(__file__).resolve().parent.parent)
    header = (root / "include" / "sombra.h").read_text(encoding="utf-8")
    version = re.search(r'#define SOMBRA_VERSION\s+"([^"]+)"', header).group(1)
    licence = next(line for line in (root / "LICENSE").read_text().splitlines() if line.startswith("Copyright"))
    text = Amalgamation(root).make(BANNER.format(version=version, licence=f"MIT licence. {licence}"))
    out.mkdir(parents=True, exist_ok=True)
    (out / "sombra.c").write_text(text, encoding="utf-8")
    (out / "sombra.h").write_text(header, encoding="utf-8")
    print(f"amalgamation: {out}/sombra.c, {len(text.splitlines())} lines")


if __name__ == "__main__":
    main()
