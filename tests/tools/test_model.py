#!/usr/bin/env python3
"""test_model.py — tools/model adds up what the model tests did and fails when one fails, or passes without having run its models: shell
scripts stand in for the tests.
"""
import subprocess
import tempfile
from pathlib import Path

TOOL = Path(__file__).resolve().parents[2] / "tools" / "model"
TESTS = ("test_unit_tree_slotted", "test_unit_tree_columnar", "test_unit_tree_list", "test_model_graph_model")
GOOD = "echo operations: $SOMBRA_TEST_OPS; echo operations: $SOMBRA_TEST_OPS; echo seed $SOMBRA_TEST_SEED"


def run(code, *words, **bodies):
    with tempfile.TemporaryDirectory() as folder:
        for name in TESTS:
            program = Path(folder, name)
            program.write_text(f"#!/bin/sh\n{bodies.get(name, GOOD)}\n")
            program.chmod(0o755)
        done = subprocess.run([TOOL, folder, *words], capture_output=True, text=True)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done.stdout.splitlines(), done.stderr


lines, _ = run(0, "50", "7")
assert lines[-1] == "model: 400 operations, 0 of 4 tests failed (SEED=7)", lines
assert lines[0] == "test_unit_tree_slotted: 2 runs, 100 operations, passed: yes", lines
for body in (GOOD + "; echo wrong; exit 1", "echo operations: 49", "exit 0"):
    lines, said = run(1, "50", "7", test_unit_tree_list=body)
    assert lines[-1].endswith(" 1 of 4 tests failed (SEED=7)"), lines
    assert "wrong" in said or "wrong" not in body, said
for words in (("50",), ("many", "7"), ("50", "")):
    run(2, *words)
print("tools/model counts and fails as it should")
