#!/usr/bin/env python3
"""doc_tests.py [ROOT] — every test that a document names (`test_<area>__<case>`) exists under tests/.

docs/ERRORS.md, LIMITS.md and FROM_ORIGINAL.md promise a test for what they say. Exits 1 on a fault.
"""
import re
import sys
from pathlib import Path


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
    if root.is_file():
        root = root.parent.parent
    defined = set()
    for path in (root / "tests").rglob("*.c"):
        defined.update(re.findall(r"^(?:static )?void (test_\w+)\(", path.read_text(), re.M))
    named, faults = 0, []
    for page in sorted((root / "docs").rglob("*.md")):
        for name in re.findall(r"`(test_\w+__\w+)`", page.read_text()):
            named += 1
            if name not in defined:
                faults.append(f"{page.relative_to(root)}: there is no test {name}")
    for text in faults:
        print(text)
    print(f"doc_tests: {named} named, {len(defined)} defined, {len(faults)} faults")
    return 1 if faults or named == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
