#!/usr/bin/env python3
"""test_docs.py — the pages of docs/ and the README do what they show: each block ```console is run, page by page, in an empty folder
that has examples/debian-sample as `sample`.

A line that begins with "$ " is a command of sh, and goes on on the lines behind it that begin with "> "; what follows up to the next command is what it
prints, standard error included. "…" in it stands for any text within a line (times, sizes), a line "…" alone for any lines. C blocks
(```c) are excerpts of examples/*.c, indentation aside, which the tests compile and run.
"""
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOMBRA = Path(os.environ["SOMBRA"]).resolve()
PAGES = sorted((ROOT / "docs").glob("*.md"))


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.M | re.S)


def commands(block):
    """(command, expected output) of a console block."""
    found = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append([line[2:], []])
        elif line.startswith("> ") and not found[-1][1]:
            found[-1][0] += "\n" + line[2:]
        else:
            found[-1][1].append(line.rstrip())
    return found


def pattern(lines):
    parts = ["(.*\n)*" if line == "…" else ".*".join(re.escape(part) for part in line.split("…")) + "\n" for line in lines]
    return "".join(parts)


class Docs(unittest.TestCase):
    def run_page(self, page):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(ROOT / "examples" / "debian-sample", Path(folder) / "sample")
            environment = dict(os.environ, PATH=f"{SOMBRA.parent}:{os.environ['PATH']}", NO_COLOR="1", HOME=folder)
            for block in blocks(page, "console"):
                for command, expected in commands(block):
                    done = subprocess.run(["sh", "-c", command], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                    told = "".join(line.rstrip() + "\n" for line in done.stdout.splitlines())
                    self.assertRegex(told, rf"\A{pattern(expected)}\Z", f"{page.name}: {command}")

    def test_consoles(self):
        count = 0
        for page in PAGES:
            count += len(blocks(page, "console"))
            with self.subTest(page=page.name):
                self.run_page(page)
        self.assertGreater(count, 10)

    def test_c_blocks(self):
        programs = {path.name: re.sub(r"\s+", " ", path.read_text()) for path in (ROOT / "examples").glob("*.c")}
        count = 0
        for page in [ROOT / "README.md", *PAGES]:
            for block in blocks(page, "c"):
                count += 1
                text = re.sub(r"\s+", " ", block).strip()
                self.assertTrue(any(text in program for program in programs.values()), f"{page.name}: no program has\n{block}")
        self.assertGreater(count, 0)

    def test_procedures(self):
        done = subprocess.run([SOMBRA, ":memory:", "-c", "SHOW PROCEDURES YIELD name", "--format", "csv"], stdout=subprocess.PIPE, text=True, check=True)
        text = (ROOT / "docs" / "CYPHER.md").read_text()
        section = text[text.index("### Procedures"):text.index("## Operators")]
        self.assertEqual(set(done.stdout.split()[1:]), set(re.findall(r"`([\w.]+)\(", section)))


if __name__ == "__main__":
    unittest.main()
