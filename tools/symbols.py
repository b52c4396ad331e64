#!/usr/bin/env python3
"""symbols.py BUILD_DIR — what the linker sees.

  1. libsombra.so exports, and libsombra.a defines for other objects, exactly the functions that
     include/sombra.h marks SOMBRA_API.
  2. The library's code, sombra_code.o, has no writable data: no mutable globals. (Tables of pointers that
     are constant after relocation are in .data.rel.ro, which is not writable at run time.)
Not for sanitizer or coverage builds, which add their own. Exits 1 on a fault.
"""
import re
import subprocess
import sys
from pathlib import Path


def nm(*arguments):
    return subprocess.run(["nm", *map(str, arguments)], capture_output=True, text=True,
                          check=True).stdout


def main():
    build = Path(sys.argv[1])
    faults = []
    header = Path(__file__).resolve().parent.parent / "include" / "sombra.h"
    declared = set(re.findall(r"^SOMBRA_API\b[^(;]*?\b(sombra_\w+)\(", header.read_text(), re.M))
    for library, which in (("libsombra.so", "-D"), ("libsombra.a", "-g")):
        lines = nm(which, "--defined-only", build / library).splitlines()
        exported = {line.split()[-1] for line in lines if len(line.split()) == 3}
        faults += [f"{library} exports {name}" for name in sorted(exported - declared)]
        faults += [f"{library} does not export {name}" for name in sorted(declared - exported)]
    if not declared:
        faults.append("sombra.h declares nothing")

    objects = 0
    for line in nm("--format=sysv", "--defined-only", build / "sombra_code.o").splitlines():
        fields = [f.strip() for f in line.split("|")]
        if len(fields) < 7 or fields[3] != "OBJECT":
            continue
        objects += 1
        section = fields[6]
        if section.startswith((".data", ".bss", "*COM*", ".tbss", ".tdata")) and \
                not section.startswith(".data.rel.ro"):
            faults.append(f"{fields[0]} is a mutable global ({section})")
    for text in faults:
        print(text)
    print(f"symbols: {len(exported)} exported, {objects} constants, {len(faults)} faults")
    return 1 if faults or objects == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
