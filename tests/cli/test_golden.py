#!/usr/bin/env python3
"""test_golden.py — files that earlier releases wrote still open, hold what they held, and can be written; files of a format that is not
known yet are refused with a message that says so. tests/golden/make.py makes the files."""
import json
import lzma
import os
import subprocess
import sys
import unittest
from pathlib import Path

SOMBRA = os.environ["SOMBRA"]
GOLDEN = Path(os.environ["SOMBRA_SOURCE_DIR"]) / "tests" / "golden"
sys.dont_write_bytecode = True
sys.path.insert(0, str(GOLDEN))
import make  # noqa: E402

ANY = sorted(GOLDEN.glob("*.json"))


def sombra(*words, code=0):
    done = subprocess.run([SOMBRA, *words], capture_output=True, text=True, check=False)
    if done.returncode != code:
        raise AssertionError(f"sombra {' '.join(words)}: exit code {done.returncode}, not {code}\n{done.stdout}{done.stderr}")
    return done.stderr if code else done.stdout


def unpack(name):
    for end in ("", "-wal", "-shm"):
        packed = GOLDEN / f"{name}{end}.xz"
        Path(name + end).unlink(missing_ok=True)
        if packed.exists():
            Path(name + end).write_bytes(lzma.decompress(packed.read_bytes()))
    return name


def crc32c(data, crc=0):
    """Bit by bit, of a few kilobytes."""
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def change(path, offset, value):
    """Four bytes of page 0, and its checksum, which leaves out the stamps (docs/format/file.md section 3)."""
    page = bytearray(Path(path).read_bytes()[:4096])
    page[offset:offset + 4] = value.to_bytes(4, "little")
    page[0:4] = crc32c(bytes(8) + bytes(page[4:1024]) + bytes(page[2560:])).to_bytes(4, "little")
    with open(path, "r+b") as file:
        file.write(page)


def change_wal(path, offset, value):
    """Four bytes of the WAL's header block, and its checksum."""
    with open(path, "r+b") as file:
        block = bytearray(file.read(64))
        block[offset:offset + 4] = value.to_bytes(4, "little")
        block[60:64] = crc32c(bytes(block[:60])).to_bytes(4, "little")
        file.seek(0)
        file.write(block)


class Golden(unittest.TestCase):
    def test_there_are_some(self):
        self.assertTrue(ANY)

    def test_hold_what_they_held(self):
        for answers in ANY:
            for name, expected in json.loads(answers.read_text(encoding="utf-8")).items():
                with self.subTest(name):
                    unpack(name)
                    self.assertEqual(make.ask(SOMBRA, name, "--option", "read_only=true"), expected)
                    sombra("verify", name)
                    self.assertEqual(make.ask(SOMBRA, name), expected)

    def test_can_be_written(self):
        for answers in ANY:
            for name, expected in json.loads(answers.read_text(encoding="utf-8")).items():
                with self.subTest(name):
                    unpack(name)
                    count = expected["answers"][0][0]["nodes"]
                    sombra("query", name, "MATCH (p:Person {age: 5}) DETACH DELETE p", "--quiet")
                    sombra("query", name, "UNWIND range(1, 50) AS i CREATE (:Person {name: 'new ' + toString(i), age: 5})-[:KNOWS {since: i}]->(:City {country: 'new', name: toString(i)})", "--quiet")
                    sombra("verify", name)
                    gone = sum(1 for i in range(1, 401) if i % 90 == 5)
                    self.assertEqual(json.loads(sombra("query", name, "MATCH (n) RETURN count(n) AS nodes", "--format", "jsonl"))["nodes"], count - gone + 100)
                    sombra("vacuum", name, "--quiet")
                    sombra("verify", name)

    def test_equal_whatever_the_page_size(self):
        for answers in ANY:
            digests = {name: e["digest"] for name, e in json.loads(answers.read_text(encoding="utf-8")).items()}
            self.assertEqual(len({d for name, d in digests.items() if "-wal" not in name}), 1)

    def test_newer_formats_are_refused(self):
        name = unpack("format1-4096.sombra")
        for offset, value in ((32, 2), (40, 1), (40, 0x80000000)):  # format version; features a reader must know
            unpack(name)
            change(name, offset, value)
            for words in (("info", name), ("query", name, "RETURN 1"), ("verify", name)):
                self.assertRegex(sombra(*words, code=10), rf"{name}: format version \d+ with features (0x)?[0-9a-f]+ is newer than this library")
        unpack(name)
        change(name, 44, 4)  # features a writer must know: reading is allowed
        self.assertIn("read", sombra("query", name, "CREATE (:X)", code=10))
        self.assertEqual(len(sombra("digest", name, "--option", "read_only=true").split()[0]), 32)
        unpack(name)
        change(name, 48, 0xFFFFFFFF)  # features that may be ignored
        sombra("query", name, "CREATE (:X)", "--quiet")
        sombra("verify", name)

    def test_newer_wal_is_refused(self):
        name = "format1-wal.sombra"
        for offset, value in ((16, 2), (44, 1)):
            unpack(name)
            change_wal(name + "-wal", offset, value)
            self.assertIn("its format is newer than this library", sombra("info", name, code=10))

    def test_other_files_are_refused(self):
        for text in (b"SQLite format 3\0" + bytes(5000), b"x" * 100, bytes(8192), b"PK\3\4" + bytes(9000)):
            Path("other").write_bytes(text)
            self.assertIn("is not a Sombra database", sombra("info", "other", code=10))
            self.assertEqual(Path("other").read_bytes(), text)


if __name__ == "__main__":
    unittest.main()
