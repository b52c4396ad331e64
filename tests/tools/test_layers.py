#!/usr/bin/env python3
"""test_layers.py — tools/layers.py sees what it promises to see: a small tree is made for each rule, broken in one place."""
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]

CLEAN = {
    "src/base/base.h": "int sb_base_x(void);\n",
    "src/store/store.h": '#include "base/base.h"\n',
    "src/cypher/cypher.h": '#include "base/base.h"\n',
    "src/cypher/cypher.c": '#include "cypher/cypher.h"\n#include "cypher/parse/parse.h"\n',
    "src/cypher/lex/lex.h": '#include "base/base.h"\n',
    "src/cypher/lex/lex_priv.h": "int sb_lex__next(void);\n",
    "src/cypher/lex/lex.c": '#include "cypher/lex/lex_priv.h"\nint x(void) { return sb_lex__next(); }\n',
    "src/cypher/parse/parse.h": '#include "cypher/lex/lex.h"\n',
    "src/cypher/plan/plan.c": '#include "cypher/parse/parse.h"\n#include "store/store.h"\n#include <pcre2.h>\n',
    "src/api/api.c": '#include "cypher/cypher.h"\n',
    "tests/unit/cypher/lex/test_lex.c": '#include "cypher/lex/lex_priv.h"\n',
}

# What is added to a file of the clean tree, and the words that the complaint must hold.
BROKEN = [
    ("src/base/base.h", '#include "store/store.h"\n', "base/ may not include store/"),
    ("src/store/store.h", '#include "cypher/cypher.h"\n', "store/ may not include cypher/"),
    ("src/store/store.h", "#include <pcre2.h>\n", "<pcre2.h> is not for store/"),
    ("src/cypher/parse/parse.h", '#include "store/store.h"\n', "cypher/parse/ may not include store/"),
    ("src/cypher/lex/lex.h", '#include "cypher/parse/parse.h"\n', "which lies above it"),
    ("src/cypher/lex/lex.h", '#include "cypher/cypher.h"\n', "which lies above it"),
    ("src/cypher/parse/parse.h", '#include "cypher/lex/lex_priv.h"\n', "is internal to cypher/lex/"),
    ("src/cypher/cypher.c", '#include "cypher/lex/lex_priv.h"\n', "is internal to cypher/lex/"),
    ("src/cypher/cypher.c", "int y(void) { return sb_lex__next(); }\n", "sb_lex__next is internal to cypher/lex/"),
    ("src/cypher/plan/plan.c", '#include "cypher/rows/rows.h"\n', "is in no known sub-module"),
    ("src/cypher/rows/rows.c", "\n", "is no sub-module"),
    ("src/api/api.c", '#include "cypher/lex/lex.h"\n', "is internal to cypher/"),
    ("src/cypher/plan/plan.c", "void z(void) { free(0); }\n", "free() is not for cypher/"),
]


def run(extra_path=None, extra_text=""):
    with tempfile.TemporaryDirectory() as folder:
        for path, text in {**CLEAN, **({extra_path: CLEAN.get(extra_path, "") + extra_text} if extra_path else {})}.items():
            file = Path(folder) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        done = subprocess.run([sys.executable, SOURCE / "tools" / "layers.py", folder], capture_output=True, text=True)
        return done.returncode, done.stdout


def main():
    code, text = run()
    assert code == 0 and text == "", f"the clean tree: {text}"
    for path, added, words in BROKEN:
        code, text = run(path, added)
        assert code == 1 and words in text, f"{path} + {added!r}: exit code {code}, {text!r}, not {words!r}"
    print(f"test_layers: {len(BROKEN)} broken trees seen")


if __name__ == "__main__":
    main()
