#!/usr/bin/env python3
"""test_header_docs.py — sombra.h documents what it declares: before each function stands a comment of its own (or behind it, on its
line), and before each structure whose fields a program fills in or reads. The web page (tools/docs) is made of these comments.
"""
import re
import sys
from pathlib import Path

HEADER = Path(__file__).resolve().parents[2] / "include" / "sombra.h"


def faults_of(text):
    """(how many declarations, what is wrong)"""
    lines, faults, count = text.split("\n"), [], 0
    for number, line in enumerate(lines):
        function = re.match(r"SOMBRA_API\b.*?[ *](sombra_\w+)\(", line)
        if line.startswith("SOMBRA_API") and function is None:  # the name is on the next line
            function = re.match(r".*?[ *]?(sombra_\w+)\(", line + " " + lines[number + 1].strip())
        structure = re.match(r"typedef struct (sombra_\w+) \{", line)
        if function is None and structure is None:
            continue
        count += 1
        end = next(i for i in range(number, len(lines)) if ";" in lines[i])
        documented = lines[number - 1].rstrip().endswith("*/") or (function and "/**<" in lines[end])
        start = number - 1
        while documented and "/**<" not in lines[end] and "/*" not in lines[start]:
            start -= 1
        if documented and "/**<" not in lines[end]:
            documented = lines[start].lstrip().startswith("/**") and "/**<" not in lines[start]
        if not documented:
            name = (function or structure).group(1)
            faults.append(f"sombra.h:{number + 1}: {name} has no comment of its own")
    return count, faults


def main():
    assert faults_of("/** A. */\nSOMBRA_API int sombra_a(int x,\n    int y);\nSOMBRA_API int sombra_b(void); /**< B. */\n") == (2, [])
    for wrong in ("SOMBRA_API int sombra_a(void);", "/* A. */\nSOMBRA_API int sombra_a(void);",
                  "/** S. */\ntypedef struct sombra_s {\n    int x; /**< X. */\n} sombra_s;\n\nSOMBRA_API int sombra_a(void);",
                  "/** A. */\nSOMBRA_API int sombra_b(void);\nSOMBRA_API void *\nsombra_a(void);", "typedef struct sombra_a {"):
        count, faults = faults_of("\n" + wrong + "\n;\n")
        assert len(faults) == 1 and "sombra_a has no comment" in faults[0], (wrong, count, faults)
    count, faults = faults_of(HEADER.read_text(encoding="utf-8"))
    print("\n".join(faults + [f"test_header_docs: {count} declarations, {len(faults)} without a comment"]))
    sys.exit(1 if faults or count < 80 else 0)


if __name__ == "__main__":
    main()
