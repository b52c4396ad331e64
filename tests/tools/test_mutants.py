#!/usr/bin/env python3
"""test_mutants.py — each breakage of tests/mutants/mutants.txt still applies and names tests that exist; and tools/mutants sees when
one does not. `make mutants` runs them: this is what can be told without building."""
import importlib.machinery
import importlib.util
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
TOOL = SOURCE / "tools" / "mutants"

loader = importlib.machinery.SourceFileLoader("mutants", str(TOOL))
mutants = importlib.util.module_from_spec(importlib.util.spec_from_loader("mutants", loader))
sys.dont_write_bytecode = True
loader.exec_module(mutants)

TEXT = "int f(void)\n{\n    sync();\n    return 1;\n}\nint g(void)\n{\n    sync();\n    return 2;\n}"


def main():
    done = subprocess.run([sys.executable, TOOL, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    count = int(done.stdout.split()[0])
    assert count >= 25, done.stdout

    page = (SOURCE / "docs" / "RELIABILITY.md").read_text(encoding="utf-8")
    for mutant in mutants.parse(mutants.LIST.read_text(encoding="utf-8")):
        assert f"| `{mutant.name}` | {mutant.what} |" in page, f"docs/RELIABILITY.md lacks {mutant.name}"

    changed, fault = mutants.apply_block(TEXT, [("-", "sync();"), ("+", "(void)0;"), ("=", "return 2;")])
    assert fault is None and changed == TEXT.replace("    sync();\n    return 2;", "(void)0;\n    return 2;"), changed
    for lines in (["sync();"], ["fence();"], ["sync();", "return 3;"], []):
        changed, fault = mutants.apply_block(TEXT, [("-", line) for line in lines])
        assert changed is None and "times" in fault, lines

    parsed = mutants.parse("# x\nmutant a: b\ntest test_unit_base_alloc\nfile src/base/alloc.c\n- not there\n")
    assert len(parsed) == 1 and mutants.check(parsed) == 1
    parsed = mutants.parse("mutant a: b\ntest test_no_such\nfile src/base/alloc.c\n= #include \"base/alloc.h\"\n")
    assert mutants.check(parsed) == 1

    # A test that hangs is ended with all that it has started.
    with tempfile.TemporaryDirectory() as place:
        mutants.COPY = Path(place)
        assert mutants.run(["sh", "-c", "sleep 300 & echo $! >child; wait"], mutants.COPY / "log", timeout=1) == -1
        child = Path("/proc") / (mutants.COPY / "child").read_text(encoding="utf-8").strip()
    for _ in range(100):  # until the system has taken it away
        if not child.exists():
            break
        time.sleep(0.1)
    else:
        raise AssertionError("what a hung test had started still runs")
    print(f"{count} mutants apply")


if __name__ == "__main__":
    main()
