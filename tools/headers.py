#!/usr/bin/env python3
"""headers.py [--cc CC] [ROOT] — each header compiles alone, and twice in a row.

sombra.h also as pedantic C99 and, when a C++ compiler is there, as C++11. Exits 1 on a fault.
"""
import argparse
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

POSIX_MODULES = ("os", "cli")


def compile_stub(command, include, times):
    """Error text, or None."""
    stub = "".join(f'#include "{include}"\n' for _ in range(times)) + "typedef int nothing_else;\n"
    done = subprocess.run(command + ["-"], input=stub, text=True, capture_output=True)
    return None if done.returncode == 0 else done.stderr


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cc", default=os.environ.get("CC", "cc"))
    parser.add_argument("root", nargs="?", default=Path(__file__).resolve().parent.parent)
    options = parser.parse_args()
    root = Path(options.root)
    base = ["-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Wundef", "-Werror",
            "-I", str(root / "src"), "-I", str(root / "include")]
    jobs = []
    for path in sorted((root / "src").rglob("*.h")):
        name = path.relative_to(root / "src")
        extra = ["-D_GNU_SOURCE"] if name.parts[0] in POSIX_MODULES else []
        jobs.append((str(name), [options.cc, "-x", "c", "-std=c11", *base, *extra]))
    if (root / "include" / "sombra.h").exists():
        jobs.append(("sombra.h", [options.cc, "-x", "c", "-std=c11", *base]))
        jobs.append(("sombra.h", [options.cc, "-x", "c", "-std=c99", "-pedantic-errors", *base]))
        cxx = shutil.which(os.environ.get("CXX", "c++")) or shutil.which("clang++")
        if cxx:
            jobs.append(("sombra.h", [cxx, "-x", "c++", "-std=c++11", "-pedantic-errors", *base]))
        else:
            print("headers: no C++ compiler (Debian: g++); sombra.h not tried as C++")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda job: compile_stub(job[1], job[0], 2), jobs))
    faults = 0
    for (name, command), errors in zip(jobs, results):
        if errors is not None:
            faults += 1
            print(f"{name} does not compile alone ({' '.join(command[:4])}):\n{errors}")
    print(f"headers: {len(jobs)} compiled, {faults} faults")
    return 1 if faults or not jobs else 0


if __name__ == "__main__":
    sys.exit(main())
