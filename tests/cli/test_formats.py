#!/usr/bin/env python3
"""Import and export of other formats than CSV: round trips equal by digest, hostile files, rejects, dry runs, batches.

Goal: what export writes, import reads back as an equal graph, whatever the texts and types are; and every wrong file ends with a message
that names file and line, and leaves no database behind. Method: one graph with all that is nasty, written as JSON lines here.
"""
import gzip
import importlib.util
import json
import os
import re
import resource
import sqlite3
import subprocess
import unittest

SOMBRA = os.environ["SOMBRA"]
SOURCE = os.environ["SOMBRA_SOURCE_DIR"]


def some(cases):
    """Each third of many, each of which starts programs, under sanitizers, where a program takes four times as long to start and to end."""
    return list(cases)[::3] if "SOMBRA_SANITIZED" in os.environ else cases

TEXTS = ["", " ", "\"", "'", "\\", "a\"b'c\\d", "one\ntwo", "one\r\ntwo\rthree", "tab\there", "nul\u0000here", "\u0001\u001f\u007f",
         "\ufffe\uffff", "日本語", "نص عربي", "🙂👩‍👩‍👧", "a;b", ";", "<&>]]>", "-->", "<![CDATA[x]]>", "&amp;", "{json: 1}", "[1, 2]", "null", "NaN", "007",
         " lead", "trail ", "a,b", "\u2028\u2029", "é", "é", "\U0010ffff", "x" * 1048576, ("\"\n<&" * 65536)]
VALUES = TEXTS + [
    True, False, 0, -1, 9223372036854775807, -9223372036854775808, 0.0, -0.0, 1.0, 0.1, 1e300, 5e-324, 1.7976931348623157e308,
    {"$float": "NaN"}, {"$float": "Infinity"}, {"$float": "-Infinity"},
    {"$bytes": ""}, {"$bytes": "00ff10"}, {"$date": "2024-02-29"}, {"$date": "-0044-03-15"}, {"$date": "+999999999-12-31"},
    {"$localtime": "23:59:59.999999999"}, {"$time": "10:11:12.000000001+01:00"}, {"$time": "00:00:00-18:00"}, {"$localdatetime": "2024-02-29T10:11:12.5"},
    {"$datetime": "2024-02-29T10:11:12Z"}, {"$datetime": "2024-07-29T10:11:12.123456789+02:00[Europe/Berlin]"}, {"$datetime": "0001-01-01T00:00:00-05:30"},
    {"$duration": "P1Y2M3W4DT5H6M7.8S"}, {"$duration": "PT-0.5S"}, {"$duration": "P0D"},
    {"$point": "{x: 1, y: 2}"}, {"$point": "{x: -1.5, y: 2, z: 3}"}, {"$point": "{longitude: 13.4, latitude: 52.5}"},
    {"$point": "{longitude: 13.4, latitude: 52.5, height: -1}"},
    [], [1, 2, 3], [1.5, {"$float": "NaN"}], TEXTS[:30], [""], ["", ""], [True, False], [{"$date": "2024-02-29"}, {"$date": "2024-03-01"}],
    [1, "a", 2.5, True, {"$date": "2024-02-29"}, {"$bytes": "00"}, {"$duration": "P1D"}, ""], [{"$point": "{x: 1, y: 2}"}], [{"$bytes": "ff"}, {"$bytes": ""}],
    [{"$datetime": "2024-07-29T10:11:12+02:00[Europe/Berlin]"}], [{"$time": "10:11:12Z"}], [{"$localtime": "10:11:12"}], [{"$localdatetime": "2024-02-29T10:11:12"}],
    [{"$duration": "PT1S"}, {"$duration": "P1M"}], ["x", 1], [1, 1.0],
]
NAMES = ["name", "with space", "a:b", "a;b", "quote\"s", "näme 🙂", "<tag>", "new\nline", "nul\u0000", "id", "labels", "label", "key", "a.b", ":ID", "1"]


def nasty():
    """Lines of the nasty graph: each value alone, and under one key with all the others; each name as label, type and key."""
    lines = []

    def node(number, labels, properties):
        lines.append({"type": "node", "id": f"n{number}", "labels": labels, "properties": properties})

    def rel(number, source, target, kind, properties):
        lines.append({"type": "relationship", "id": f"r{number}", "label": kind, "start": {"id": f"n{source}"}, "end": {"id": f"n{target}"}, "properties": properties})

    for i, value in enumerate(VALUES):
        node(i, ["Value"], {"mixed": value, f"v{i % 7}": value, "i": i})
        rel(i, i, (i * 7 + 1) % len(VALUES), "R", {"mixed": value, "n": i})
    for i, name in enumerate(NAMES):
        node(1000 + i, [name], {name: name, "other": i})
        node(2000 + i, [name, "Value", "Zusätzlich"], {})
        rel(1000 + i, 1000 + i, 1000 + i, name, {name: i, "w": 1.5})
    node(3000, [], {})
    node(3001, [], {"all": None})
    node(3002, NAMES, {name: i for i, name in enumerate(NAMES)})
    rel(3000, 3000, 3001, "R", {})
    rel(3001, 3000, 3001, "R", {})
    return lines


def run(*words, code=0, stdin=None):
    done = subprocess.run([SOMBRA, *words], input=stdin, capture_output=True)
    out, err = done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
    if done.returncode != code:
        raise AssertionError(f"sombra {' '.join(words)}: exit code {done.returncode}, not {code}\n{out[-2000:]}{err[-2000:]}")
    return err if code else out


def write(name, text):
    with open(name, "wb") as file:
        file.write(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    return name


def remove(*names):
    for name in names:
        for end in ("", "-wal", "-shm"):
            if os.path.exists(name + end):
                os.remove(name + end)


def lacks(flag):
    """Was the command built without the library that reads this?"""
    done = subprocess.run([SOMBRA, "import", ":memory:", flag, "none"], capture_output=True, text=True, check=False)
    return "this build has no" in done.stderr


NO_EXPAT, NO_SQLITE = lacks("--graphml"), lacks("--sqlite")


def digest(name):
    return run("digest", name).strip()


class Formats(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        remove("nasty.sombra")
        cls.lines = nasty()
        write("nasty.jsonl", "".join(json.dumps(line, ensure_ascii=i % 2 == 0) + "\n" for i, line in enumerate(cls.lines)))
        cls.imported = json.loads(run("import", "nasty.sombra", "--jsonl", "nasty.jsonl", "--format", "json"))
        cls.imported = cls.imported[0] if isinstance(cls.imported, list) else cls.imported
        cls.digest = digest("nasty.sombra")

    def round_trip(self, kind, *flags):
        remove("again.sombra", "out." + kind)
        run("export", "nasty.sombra", "out." + kind, "--as", kind)
        run("import", "again.sombra", f"--{kind}", "out." + kind, *flags)
        self.assertEqual(digest("again.sombra"), self.digest)
        run("verify", "again.sombra")

    def fails(self, flag, text, *parts, code=2, flags=()):
        """A file of this text is refused; the message has these parts, and no database is left."""
        remove("bad.sombra")
        write("bad.in", text)
        told = run("import", "bad.sombra", flag, "bad.in", *flags, code=code)
        for part in parts:
            self.assertIn(part, told)
        for end in ("", "-wal", "-shm"):
            self.assertFalse(os.path.exists("bad.sombra" + end), told)
        return told


class Loaded(Formats):
    def test_counts(self):
        nodes = [line for line in self.lines if line["type"] == "node"]
        self.assertEqual(self.imported["nodes"], len(nodes))
        self.assertEqual(self.imported["relationships"], len(self.lines) - len(nodes))
        self.assertEqual(self.imported["properties"], sum(v is not None for line in self.lines for v in line["properties"].values()))
        rows = run("query", "nasty.sombra", "MATCH (n:Value) WHERE n.i < 35 RETURN n.mixed AS m ORDER BY n.i", "--format", "jsonl")
        self.assertEqual([json.loads(row)["m"] for row in rows.rstrip("\n").split("\n")], TEXTS)

    def test_csv_agrees(self):
        remove("again.sombra")
        subprocess.run(["rm", "-rf", "csv"], check=True)
        run("export", "nasty.sombra", "csv")
        run("import", "again.sombra", "--from", "csv")
        self.assertEqual(digest("again.sombra"), self.digest)


class JsonLines(Formats):
    def test_round_trip(self):
        self.round_trip("jsonl")

    def test_schema_comes_along(self):
        remove("schema.sombra", "again.sombra", "schema.jsonl")
        for text in ("CREATE (:Person {name: 'a', n: 1})-[:KNOWS {since: 1}]->(:Gone)", "CREATE CONSTRAINT c FOR (p:Person) REQUIRE p.name IS UNIQUE",
                     "CREATE INDEX i FOR ()-[r:KNOWS]-() ON (r.since, r.place)", "CREATE CONSTRAINT e FOR (p:Person) REQUIRE p.name IS NOT NULL",
                     "CREATE CONSTRAINT t FOR (p:Person) REQUIRE p.n IS :: INTEGER",
                     "CREATE CONSTRAINT l FOR (p:Person) REQUIRE p.l IS :: STRING | LIST<INTEGER> | LIST<ZONED DATETIME>"):
            run("query", "schema.sombra", text)
        run("schema", "schema.sombra", "--drop", "label index Gone") if "label index Gone" in run("schema", "schema.sombra", "--format", "csv") else None
        run("export", "schema.sombra", "schema.jsonl", "--as", "jsonl")
        run("import", "again.sombra", "--jsonl", "schema.jsonl")
        self.assertEqual(sorted(run("schema", "again.sombra", "--format", "csv").splitlines()), sorted(run("schema", "schema.sombra", "--format", "csv").splitlines()))
        self.assertIn("STRING or LIST<INTEGER> or LIST<DATETIME>", run("schema", "again.sombra", "--format", "csv"))

    def test_pipes_and_compression(self):
        remove("again.sombra")
        text = subprocess.run([SOMBRA, "export", "nasty.sombra", "-", "--as", "jsonl"], capture_output=True, check=True).stdout
        run("import", "again.sombra", "--jsonl", "-", stdin=text)
        self.assertEqual(digest("again.sombra"), self.digest)
        for tool in ("gzip", "zstd"):
            remove("again.sombra")
            try:
                packed = subprocess.run([tool, "-c"], input=text, capture_output=True, check=True).stdout
            except FileNotFoundError:
                continue
            write("packed.jsonl", packed)
            if "this build can not read" in subprocess.run([SOMBRA, "import", ":memory:", "--jsonl", "packed.jsonl"], capture_output=True, text=True, check=False).stderr:
                continue
            run("import", "again.sombra", "--jsonl", "packed.jsonl")
            self.assertEqual(digest("again.sombra"), self.digest)
            self.fails("--jsonl", packed[:len(packed) // 2], "cut short")

    def test_behind_gzip_members(self):
        """Another member, or zeros to the end, however many: as gzip reads them. All else is told as what it is."""
        parts = {"csv": (b":ID,x:int\n1,1\n", b"2,2\n"), "jsonl": (b'{"type":"node","id":1}\n', b'{"type":"node","id":2}\n')}
        for form, (first, second) in parts.items():
            flag = "--nodes" if form == "csv" else "--jsonl"
            packed, more = gzip.compress(first), gzip.compress(second)
            path = write("packed.gz", packed)
            if "can not read" in subprocess.run([SOMBRA, "import", ":memory:", "--jsonl", path], capture_output=True, text=True, check=False).stderr:
                self.skipTest("a build without zlib")
            for behind, nodes in ((b"", 1), (more, 2), (bytes(1), 1), (bytes(1 << 19), 1), (more + bytes(511), 2)):
                with self.subTest(form=form, behind=behind[:40]):
                    remove("again.sombra")
                    self.assertIn("would import %d node" % nodes if form == "jsonl" else "imported %d node" % nodes, run("import", "again.sombra", flag, write(path, packed + behind), *(["--dry-run"] if form == "jsonl" else [])))
            for behind in (b"x", b"garbage\n", bytes(700) + b"x", bytes(9) + more, b"\x1e" + more):
                with self.subTest(form=form, behind=behind[:40]):
                    self.assertIn(f"packed.gz: behind the gzip data, from byte {len(packed) + len(behind) - len(behind.lstrip(bytes(1)))} of the file on, there is something else",
                                  run("import", "bad.sombra", flag, write(path, packed + behind), code=2))
            for behind in (b"\x1f", b"\x1fx", more[:9]):
                self.assertIn("the gzip data is damaged", run("import", "bad.sombra", flag, write(path, packed + behind), code=2))

    def test_forms_of_apoc(self):
        """apoc.export.json's forms: lines, a list, an object of two lists; nodes and relationships in any order, ids as numbers."""
        apoc = [{"type": "relationship", "id": "0", "label": "KNOWS", "properties": {"since": 1993, "bffSince": "P5M1DT12H"},
                 "start": {"id": "0", "labels": ["User"], "properties": {"name": "Adam"}}, "end": {"id": 1, "labels": ["User"]}},
                {"type": "node", "id": "0", "labels": ["User"], "properties": {"born": "2015-07-04T19:32:24", "name": "Adam", "age": 42, "male": True, "kids": ["Sam", "Anna"],
                 "place": {"crs": "wgs-84-3d", "latitude": 13.1, "longitude": 33.46789, "height": 100.0}, "flat": {"crs": "cartesian", "x": 1.0, "y": 2, "z": None}}},
                {"type": "node", "id": "1", "labels": ["User"], "properties": {"name": "Jim", "age": 42}}, {"type": "node", "id": "2", "properties": {"age": 12}}]
        lists = {"nodes": apoc[1:], "rels": apoc[:1]}
        digests = set()
        for text in ("".join(json.dumps(line) + "\r\n" for line in apoc), "\ufeff" + json.dumps(apoc), json.dumps(apoc, indent=2), json.dumps(lists), json.dumps(lists, indent=1)):
            remove("apoc.sombra")
            run("import", "apoc.sombra", "--jsonl", write("apoc.jsonl", text))
            digests.add(digest("apoc.sombra"))
        self.assertEqual(len(digests), 1)
        row = json.loads(run("query", "apoc.sombra", "MATCH (a)-[r:KNOWS]->(b) RETURN a.place.height AS h, a.place.latitude AS l, a.flat.y AS y, b.name AS n, r.since AS s", "--format", "json"))
        self.assertEqual(row, [{"h": 100.0, "l": 13.1, "y": 2.0, "n": "Jim", "s": 1993}])

    def test_hostile(self):
        node = '{"type":"node","id":"1","labels":["A"],"properties":{"x":%s}}\n'
        for text, *parts in (
                (node % 1 + node % 2, "bad.in, line 2 (id): '1' is the id of an earlier node"),
                (node % "99999999999999999999", "bad.in, line 1, column 58: '99999999999999999999': the number is out of the range of an INTEGER"),
                (node % "9223372036854775808", "INTEGER"), (node % "-9223372036854775809", "INTEGER"), (node % "1e999", "FLOAT"),
                (node % "01", "does not begin with 0"), (node % "1.", "digits"), (node % "+1", "value is expected"), (node % "nul", "value is expected"),
                (node % "NaN", "value is expected"), (node % "[[1]]", "a list in a list"), (node % "[null]", "(x)", "holds a null"), (node % '{"a":{"b":1}}', "a map is no property"),
                (node % '{"a":1}', "is not a POINT"), (node % '{"$date":"yesterday"}', "'yesterday' is not a DATE"), (node % '{"$what":"x"}', "what"), (node % '{"$date":5}', "object as a value"),
                (node % '{"$bytes":"0"}', "line 1"), (node % '{"crs":"wgs-84","x":1,"y":2,"z":3,"a":4,"b":5,"c":6,"d":7,"e":8}', "a map is no property"),
                (node % '1,"x":2', "(x): the property is there twice"), (node % '"\\ud800"', "surrogate"), (node % '"\\udc00"', "surrogate"), (node % '"\\x"', "no such escape"),
                (node % '"\\u12g4"', "hexadecimal"), (node % '"a\tb"', "control character"), (b'{"type":"node","properties":{"x":"\xff"}}\n', "not valid UTF-8"),
                (node % '"abc', "line 1, column 58: the text is not closed"), ('{"type":"node","properties":{"x":1}', "line 1"), ('{"type":"node"} x', "something follows"),
                ('{"type":"node"}\0{"type":"node"}', "something follows"), ('{"type":"node"}\0\n', "something follows"),
                ('{"type":"node","id":1}\n'.encode("utf-16"), "line 1", "a text in UTF-16 must be converted first"), ("\n\n\nnonsense\n", "line 4, column 1"), ('{"type":"edge"}', "'edge' is none of"), ("{}", "nothing is none of"), ('{"type":5}', "text is expected"),
                ('{"type":"node","labels":[5]}', "text is expected"), ('{"type":"node","labels":[""]}', "label"), ('{"type":"node","properties":{"":1}}', "property"),
                ('{"type":"node","labels":["%s"]}' % ("x" * 1025), "1024"), ('{"type":"node","properties":{"%s":1}}' % ("x" * 1025), "1024"),
                ('{"type":"relationship","label":"R","start":{"id":1}}', "no end node"), ('{"type":"relationship","label":"R","end":{"id":1}}', "no start node"),
                (node % 1 + '{"type":"relationship","start":{"id":1},"end":{"id":1}}', "no type"), ('{"a":' + "[" * 300 + "]" * 300 + "}", "too deep"),
                ('{"type":"schema","kind":"index","of":"edges","on":"A","keys":["x"]}', "line 1 (of): 'edges' is neither nodes nor relationships"),
                ("[" * 100000, "line 1"), ('{"nodes":[{"type":"node"}', "ends too early"), ("[" + node % 1, "ends too early"), ('[{"type":"node"}', "ends too early"),
                ("[nonsense]", "object is expected"), ('{"nodes":[],"others":[]}', "a document is"), ('[{"type":"node","properties":{"a":1}', "not closed"),
                ('{"type":"schema","kind":"what","on":"A","keys":["x"]}', "'what' is no kind"), ('{"type":"schema","kind":"typed","on":"A","keys":["x"],"types":["INT"]}', "'INT' is no type")):
            with self.subTest(text=text[:100]):
                self.fails("--jsonl", text, "bad.in", *parts, code=3 if "earlier node" in parts[0] else 2)
        self.fails("--jsonl", node % 1 + '{"type":"relationship","label":"R","start":{"id":"1"},"end":{"id":"77"}}\n', "line 2 (end): '77' is the id of no node", code=3)
        self.fails("--jsonl", node % 1 + '{"type":"schema","kind":"exists","on":"A","keys":["y"],"name":"c"}', "line 2", code=4)
        self.assertIn("No such file", run("import", "bad.sombra", "--jsonl", "none.jsonl", code=3))
        self.assertFalse(os.path.exists("bad.sombra"))

    def test_a_record_has_a_limit(self):
        with open("long.jsonl", "wb") as file:  # a line of NUL bytes, which the disk does not hold
            file.write(b'{}\n{"type":"')
            file.truncate(1100 << 20)
        self.assertIn("long.jsonl, line 2: the record is longer than 1 GiB", run("import", "long.sombra", "--jsonl", "long.jsonl", "--rejects", "rejects.jsonl", code=2))
        os.remove("long.jsonl")

    def test_wide_and_many(self):
        """Many keys, labels and groups take linear time and bounded memory: they end at all."""
        remove("wide.sombra")
        lines = [{"type": "node", "id": 0, "properties": {f"k{i}": i for i in range(20000)}}]
        lines += [{"type": "node", "id": i, "labels": [f"L{i % 5000}"], "properties": {f"k{i * 37 % 20000}": i}} for i in range(1, 20001)]
        lines += [{"type": "relationship", "label": f"T{i % 300}", "start": {"id": i}, "end": {"id": i * 31 % 20001}} for i in range(20001)]
        run("import", "wide.sombra", "--jsonl", write("wide.jsonl", "\n".join(map(json.dumps, lines))))
        counts = json.loads(run("query", "wide.sombra", "MATCH (n) WITH count(n) AS n MATCH ()-[r]->() RETURN n, count(r) AS r", "--format", "json"))
        self.assertEqual(counts, [{"n": 20001, "r": 20001}])

    def test_rejects(self):
        remove("rejects.sombra")
        text = ('{"type":"node","id":"1","labels":["A"]}\n{"type":"node","id":"1"}\n{"type":"relationship","label":"R","start":{"id":"1"},"end":{"id":"7"}}\n'
                '{"type":"node","id":"2","properties":{"x":{"$date":"no"}}}\nnonsense "\\ \u0001\n{"type":"relationship","label":"R","start":{"id":"1"},"end":{"id":"1"}}\n')
        write("bad.jsonl", text)
        told = run("import", "rejects.sombra", "--jsonl", "bad.jsonl", "--rejects", "rejects.jsonl", code=11)
        self.assertIn("4 records were rejected; see rejects.jsonl", told)
        with open("rejects.jsonl", encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        self.assertEqual([(row["file"], row["line"]) for row in rows], [("bad.jsonl", line) for line in (2, 4, 5, 3)])
        self.assertEqual([row["record"] for row in rows], [text.split("\n")[line - 1] for line in (2, 4, 5, 3)])
        self.assertEqual((rows[0]["where"], rows[0]["value"]), ("id", "1"))
        self.assertEqual((rows[3]["where"], rows[3]["value"], rows[3]["error"]), ("end", "7", "'7' is the id of no node"))
        self.assertEqual(json.loads(run("query", "rejects.sombra", "MATCH (a)-[r]->(a) RETURN count(*) AS n", "--format", "json")), [{"n": 1}])
        self.fails("--jsonl", text, "more than 2 records are wrong", "line 5", code=11, flags=("--rejects", "rejects.jsonl", "--max-rejects", "2"))
        self.assertIn("--max-rejects needs --rejects", self.fails("--jsonl", text, flags=("--max-rejects", "2")))

    @unittest.skipUnless(os.path.exists("/dev/full"), "there is no /dev/full")
    def test_rejects_that_can_not_be_kept(self):
        """What is left out must be somewhere: the load fails before it commits."""
        remove("full.sombra")
        write("one-bad.jsonl", '{"type":"node"}\nnonsense\n')
        self.assertIn("No space left", run("import", "full.sombra", "--jsonl", "one-bad.jsonl", "--rejects", "/dev/full", code=9))
        self.assertFalse(os.path.exists("full.sombra"))

    def test_rejects_do_not_overwrite(self):
        remove("bad.sombra", "keep.sombra")
        write("bad.jsonl", "{}\n")
        for other in ("hard.jsonl", "soft.jsonl"):
            if os.path.lexists(other):
                os.remove(other)
        os.link("bad.jsonl", "hard.jsonl")
        os.symlink("bad.jsonl", "soft.jsonl")
        run("query", "keep.sombra", "CREATE ()")
        os.link("keep.sombra", "other.db") if not os.path.exists("other.db") else None
        for rejects in ("bad.jsonl", "hard.jsonl", "soft.jsonl"):
            self.assertIn("is read, too", run("import", "bad.sombra", "--jsonl", "bad.jsonl", "--rejects", rejects, code=2))
            self.assertFalse(os.path.exists("bad.sombra"))
        self.assertIn("the database's own", run("import", "keep.sombra", "--jsonl", "bad.jsonl", "--rejects", "keep.sombra", code=2))
        write("n.csv", ":ID\n1\n")
        if os.path.exists("n2.csv"):
            os.remove("n2.csv")
        os.link("n.csv", "n2.csv")
        self.assertIn("is read, too", run("import", "bad.sombra", "--nodes", "n.csv", "--rejects", "n2.csv", code=2))
        self.assertFalse(os.path.exists("bad.sombra"))
        with open("bad.jsonl", encoding="utf-8") as file:
            self.assertEqual(file.read(), "{}\n")

    def test_temporary_files(self):
        """Relationships wait for their ends in TMPDIR, in a file without a name."""
        remove("waits.sombra")
        write("waits.jsonl", '{"type":"relationship","label":"R","start":1,"end":1}\n{"type":"node","id":1}\n')
        os.makedirs("temporary", exist_ok=True)
        for folder, code in (("none", 9), ("temporary", 0)):
            done = subprocess.run([SOMBRA, "import", "waits.sombra", "--jsonl", "waits.jsonl"], capture_output=True, text=True, check=False, env={**os.environ, "TMPDIR": folder})
            self.assertEqual((done.returncode, "a temporary file: No such file" in done.stderr), (code, code != 0))
        self.assertEqual(os.listdir("temporary"), [])

    def test_nothing_to_load(self):
        """The database is there behind a load that said nothing of a failure."""
        write("nothing.jsonl", "\n")
        write("nothing.cypher", "BEGIN;\nCOMMIT;\n")
        for words in (("import", "none.sombra", "--jsonl", "nothing.jsonl"),
                      ("import", "none.sombra", "--jsonl", "nothing.jsonl", "--batch", "10"), ("import", "none.sombra", "--cypher", "nothing.cypher"),
                      ("restore", "none.sombra", "nothing.cypher")):
            with self.subTest(words=words):
                remove("none.sombra")
                run(*words)
                run("verify", "none.sombra")
        remove("none.sombra")
        run("import", "none.sombra", "--jsonl", "nothing.jsonl", "--dry-run")
        self.assertFalse(os.path.exists("none.sombra"))

    def test_ids_of_many_letters(self):
        """Each letter has a table of numbers of its own: some are made while ends of several relationships are looked up."""
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
        ids = [f"{letter}{number}" for number in (7, 700000) for letter in letters] + [str(number) for number in range(3)] + ["x-y", ""]
        nodes = [json.dumps({"type": "node", "id": name, "properties": {"i": name}}) for name in ids]
        rels = [json.dumps({"type": "relationship", "label": "R", "start": {"id": a}, "end": {"id": b}, "properties": {"s": a + " " + b}}) for a, b in zip(ids, ids[1:] + ids[:1])]
        for lines in (rels + nodes, nodes + rels, rels[:60] + nodes + rels[60:]):
            remove("again.sombra")
            run("import", "again.sombra", "--jsonl", write("letters.jsonl", "\n".join(lines)))
            self.assertEqual(json.loads(run("query", "again.sombra", "MATCH (a)-[r:R]->(b) RETURN count(*) AS n, sum(CASE WHEN r.s = a.i + ' ' + b.i THEN 1 ELSE 0 END) AS same", "--format", "json")), [{"n": len(ids), "same": len(ids)}])

    def test_ids_are_texts(self):
        remove("ids.sombra")
        ids = ["7", "007", "n7", "n07", "N7", "n", "", "7n", "n7 ", "18446744073709551616", "999999999999999999", "n999999999999999999", "é7", "[7", "\u00007"]
        lines = [{"type": "node", "id": i, "properties": {"i": i}} for i in ids]
        lines += [{"type": "relationship", "label": "R", "start": i, "end": i, "properties": {"i": i}} for i in ids]
        run("import", "ids.sombra", "--jsonl", write("ids.jsonl", "\n".join(map(json.dumps, lines[::-1]))))
        self.assertEqual(json.loads(run("query", "ids.sombra", "MATCH (n)-[r]->(n) WHERE n.i = r.i RETURN count(*) AS n", "--format", "json")), [{"n": len(ids)}])

    def test_empty_texts_are_named(self):
        for lines, told in (([{"type": "node", "id": ""}] * 2, "line 2 (id): an empty text is the id of an earlier node"),
                            ([{"type": "relationship", "label": "R", "start": "", "end": ""}], "line 1 (start): an empty text is the id of no node"),
                            ([{"type": "node", "labels": [""]}], "line 1: an empty text as a label")):
            self.assertIn(told, run("import", "empty.sombra", "--jsonl", write("empty.jsonl", "\n".join(map(json.dumps, lines))), code=3 if "id" in told else 2))

    def test_skips(self):
        remove("skip.sombra")
        text = '{"type":"node","id":1}\n{"type":"node","id":1}\n{"type":"relationship","label":"R","start":{"id":1},"end":{"id":2}}\n'
        told = run("import", "skip.sombra", "--jsonl", write("skip.jsonl", text), "--skip-duplicate-ids", "--skip-missing-endpoints")
        self.assertIn("skipped 2 records", told)
        self.assertIn("imported 1 node, 0 relationships", told)

    def test_batches(self):
        remove("batch.sombra")
        run("import", "batch.sombra", "--jsonl", "nasty.jsonl", "--batch", "7")
        self.assertEqual(digest("batch.sombra"), self.digest)
        # What has been committed before the fault stays.
        remove("batch.sombra")
        text = "".join('{"type":"node","id":%d}\n' % i for i in range(10)) + "nonsense\n"
        told = run("import", "batch.sombra", "--jsonl", write("batch.jsonl", text), "--batch", "4", code=2)
        self.assertIn("the 2 batches before that are in batch.sombra", told)
        self.assertEqual(json.loads(run("query", "batch.sombra", "MATCH (n) RETURN count(n) AS n", "--format", "json")), [{"n": 8}])

    def test_dry_run(self):
        remove("dry.sombra")
        told = run("import", "dry.sombra", "--jsonl", "nasty.jsonl", "--dry-run")
        self.assertFalse(os.path.exists("dry.sombra"))
        self.assertIn("nodes :Value: %d\n" % len(VALUES), told)
        self.assertIn("would import", told)
        self.assertRegex(told, r"(?m)^    mixed: .*STRING \(35\).*DURATION \(3\)")
        found = json.loads(run("import", "dry.sombra", "--jsonl", "nasty.jsonl", "--dry-run", "--format", "jsonl"))["found"]
        self.assertEqual([kind["properties"]["mixed"]["STRING"] for kind in found if kind["name"] == ":Value"], [35])
        before = digest("nasty.sombra")
        run("import", "nasty.sombra", "--jsonl", "nasty.jsonl", "--dry-run")
        self.assertEqual(digest("nasty.sombra"), before)

    def test_given_names(self):
        remove("given.sombra")
        run("import", "given.sombra", "--jsonl", write("given.jsonl", '{"type":"node","id":1}\n{"type":"relationship","start":1,"end":1}\n'), "--label", "Thing", "--type", "HAS")
        self.assertEqual(json.loads(run("query", "given.sombra", "MATCH (a:Thing)-[r:HAS]->(a) RETURN count(*) AS n", "--format", "json")), [{"n": 1}])

    def test_export_does_not_overwrite(self):
        write("there.jsonl", "mine")
        self.assertIn("exists", run("export", "nasty.sombra", "there.jsonl", "--as", "jsonl", code=3))
        with open("there.jsonl", encoding="utf-8") as file:
            self.assertEqual(file.read(), "mine")
        self.assertIn("none of", run("export", "nasty.sombra", "x.y", "--as", "xlsx", code=2))


BILLION_LAUGHS = """<?xml version="1.0"?><!DOCTYPE g [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>
<graphml><graph><node id="1"><data key="x">&c;</data></node></graph></graphml>"""
EXTERNAL = """<?xml version="1.0"?><!DOCTYPE g [<!ENTITY a SYSTEM "file:///etc/passwd">]><graphml><graph><node id="&a;"/></graph></graphml>"""
PARAMETER = """<?xml version="1.0"?><!DOCTYPE g [<!ENTITY % a SYSTEM "file:///etc/passwd"> %a;]><graphml><graph/></graphml>"""


class Xml(Formats):
    """What GraphML and GEXF share."""

    def hostile(self, flag, open_, close, node):
        for text, *parts in (
                (BILLION_LAUGHS, "entities may not be declared"), (EXTERNAL, "entities may not be declared"), (PARAMETER, "entities may not be declared"),
                (open_ + '<node id="&what;"/>' + close, "undefined entity"), (open_ + "<node", "unclosed token"), (open_ + node, "no element found"), ("", "no element found"), ("nonsense", "syntax error"),
                (open_ + "</wrong>", "mismatched tag"), (open_ + node + close + "more", "junk"), ("<a>" * 201, "200 deep"), ("<a>" * 200, "no element found"), ("<a>" * 100000, "200 deep"),
                ((open_ + node + close).encode("utf-8").replace(b"Ann", b"A\xff\xfe"), "not well-formed"), (open_ + "<node id=\"a\u0001\"/>" + close, "not well-formed"),
                ('<?xml version="1.0" encoding="what"?>' + open_ + close, "unknown encoding"), (open_ + "<node/>" + close, "the node has no id")):
            with self.subTest(text=text[:100]):
                self.fails(flag, text, "bad.in", *parts)
        utf16 = (open_ + node + close).replace("Ann", "日本 🙂")
        remove("utf16.sombra")
        run("import", "utf16.sombra", flag, write("utf16.xml", utf16.encode("utf-16")))
        self.assertEqual(json.loads(run("query", "utf16.sombra", "MATCH (n) RETURN n.name AS name", "--format", "json")), [{"name": "日本 🙂"}])


@unittest.skipIf(NO_EXPAT, "a build without Expat")
class GraphML(Xml):
    OPEN = '<graphml><key id="k" for="node" attr.name="name" attr.type="string"/><key id="i" for="node" attr.name="i" attr.type="int"/><graph edgedefault="directed">'
    CLOSE = "</graph></graphml>"
    NODE = '<node id="1"><data key="k">Ann</data></node>'

    def test_round_trip(self):
        self.round_trip("graphml")

    def test_hostile(self):
        self.hostile("--graphml", self.OPEN, self.CLOSE, self.NODE)
        for body, part, code in (
                ('<node id="1"/>\n<node id="1"/>', "bad.in, line 2 (id): '1' is the id of an earlier node", 3), ('<node id="1"/>\n\n<edge source="1" target="7"/>', "line 3 (end): '7' is the id of no node", 3),
                ('<node id="1">\n<data key="i">x</data></node>', "line 2 (i): 'x' is not an INTEGER", 2), ('<node id="1"><data key="i"></data></node>', "(i)", 2),
                ('<node id="1"><data key="what">x</data></node>', "'what' is the id of no property", 2), ('<node id="1"><data>x</data></node>', "is the id of no property", 2),
                ('<edge source="1"/>', "no source or no target", 2), ('<hyperedge/>', "hyperedge", 2), ('<edge source="1" target="2"><node id="3"/></edge>', "inside of another", 2),
                ('<node id="1"><data key="k">a</data><data key="k">b</data></node>', "(name): the property is there twice", 2),
                ('<node id="1" sombra:labels="x"/>', "our own attributes", 2), ('<node id="1"><data key="k" sombra:escape="json">x</data></node>', "no JSON string", 2)):
            with self.subTest(body=body):
                self.fails("--graphml", self.OPEN + body + self.CLOSE, part, code=code)
        for key in ('<key for="node"/>', '<key id="a" for="node" sombra:type="%s"/>' % ("x" * 30), '<key id="a" for="node"/><key id="a" for="node"/>', '<key id="a" sombra:name="x"/>'):
            self.fails("--graphml", "<graphml>" + key + "<graph/></graphml>", "line 1")
        self.fails("--graphml", '<graphml><key id="a" for="node" sombra:type="what"/><graph><node id="1"><data key="a">1</data></node></graph></graphml>', "what")

    def test_rewritten(self):
        """Our file as NetworkX reads and writes it: ids of keys are others, names stay. Properties that are called as labels and types are."""
        for name in ("rewritten.sombra", "again.sombra"):
            remove(name)
        run("query", "rewritten.sombra", "CREATE (:A:B {labels: 'x', labels_: 'y', name: 'n'})-[:KNOWS {label: 'z', since: 1}]->(:C)")
        remove("out.graphml")
        run("export", "rewritten.sombra", "out.graphml", "--as", "graphml")
        with open("out.graphml", encoding="utf-8") as file:
            text = file.read()
        names = re.findall(r'<key id="[^"]*" for="(\w+)" attr.name="([^"]*)"', text)
        self.assertEqual(len(names), len(set(names)))  # igraph refuses two of one name
        run("import", "again.sombra", "--graphml", "out.graphml")
        self.assertEqual(digest("rewritten.sombra"), digest("again.sombra"))
        rewritten = """<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
<key id="d1" for="edge" attr.name="label" attr.type="string"/><key id="d2" for="edge" attr.name="since" attr.type="long"/><key id="d3" for="node" attr.name="labels_" attr.type="string"/>
<key id="d0" for="node" attr.name="labels" attr.type="string"><default>:Z</default></key><key id="d4" for="node" attr.name="label" attr.type="string"/>
<graph edgedefault="directed"><node id="n1"><data key="d0">:A:B</data><data key="d3">y</data><data key="d4">q</data></node><node id="n2"/>
<edge source="n1" target="n2" id="e1"><data key="d1">KNOWS</data><data key="d2">1</data></edge></graph></graphml>"""
        remove("again.sombra")
        run("import", "again.sombra", "--graphml", write("rewritten.graphml", rewritten))
        self.assertEqual(json.loads(run("query", "again.sombra", "MATCH (a)-[r]->(b) RETURN labels(a) AS a, properties(a) AS p, type(r) AS t, properties(r) AS r, labels(b) AS b", "--format", "json")),
                         [{"a": ["A", "B"], "p": {"labels_": "y", "label": "q"}, "t": "KNOWS", "r": {"since": 1}, "b": ["Z"]}])

    MIXED = ("CREATE (:A {x: 1, n: 1, one: date('2024-02-29')}), (:A {x: 'a', n: 1.5}), (:A {x: date('2024-01-01'), n: -2}), (:A {x: [1, 2]}), (:A {x: ['a']}), (:A {x: true}), (:A {x: 'a\\u0001'}), "
             "(:A {x: [1, 'a']})-[:R {x: 1.5}]->(:A {x: ''})-[:R {x: 'b'}]->(:A {x: 0.5})")

    def test_values_of_several_types(self):
        """A property is declared once, with a type that all its values can be read as; the values keep theirs."""
        for name in ("mixed.sombra", "again.sombra"):
            remove(name)
        run("query", "mixed.sombra", self.MIXED)
        remove("out.graphml")
        run("export", "mixed.sombra", "out.graphml", "--as", "graphml")
        with open("out.graphml", encoding="utf-8") as file:
            text = file.read()
        self.assertEqual(sorted(re.findall(r'<key id="d\d+" for="(\w+)" attr.name="([^"]*)" attr.type="(\w+)"', text)),
                         [("edge", "x", "string"), ("node", "n", "double"), ("node", "one", "string"), ("node", "x", "string")])
        run("import", "again.sombra", "--graphml", "out.graphml")
        self.assertEqual(digest("mixed.sombra"), digest("again.sombra"))
        # As older versions wrote it: a key for each type.
        remove("again.sombra")
        run("import", "again.sombra", "--graphml", write("old.graphml", '<graphml xmlns:sombra="urn:sombra:graph"><key id="d0" for="node" attr.name="x" attr.type="long"/><key id="d1" for="node" attr.name="x" attr.type="string" sombra:type="date"/>'
            '<graph><node id="1"><data key="d0">1</data></node><node id="2"><data key="d1">2024-01-01</data></node></graph></graphml>'))
        self.assertEqual(json.loads(run("query", "again.sombra", "MATCH (n) RETURN valueType(n.x) AS t ORDER BY t", "--format", "json")), [{"t": "DATE NOT NULL"}, {"t": "INTEGER NOT NULL"}])
        for kind in ("what", "x" * 30, "int["):
            self.fails("--graphml", self.OPEN + f'<node id="1"><data key="k" sombra:type="{kind}">1</data></node>' + self.CLOSE, "line 1")

    @unittest.skipIf(importlib.util.find_spec("networkx") is None, "NetworkX is not installed")
    def test_networkx_reads_it(self):
        import networkx
        remove("mixed.sombra", "out.graphml", "out.gexf")
        run("query", "mixed.sombra", self.MIXED)
        run("export", "mixed.sombra", "out.graphml", "--as", "graphml")
        run("export", "mixed.sombra", "out.gexf", "--as", "gexf")
        for graph in (networkx.read_graphml("out.graphml"), networkx.read_gexf("out.gexf")):
            self.assertEqual({type(values["x"]) for _, values in graph.nodes(data=True)}, {str})
            self.assertEqual(sorted(values["n"] for _, values in graph.nodes(data=True) if "n" in values), [-2.0, 1.0, 1.5])
            self.assertEqual({type(values["n"]) for _, values in graph.nodes(data=True) if "n" in values}, {float})
            self.assertEqual(sorted(values["x"] for _, _, values in graph.edges(data=True)), ["1.5", "b"])

    def test_of_others(self):
        """APOC's labels and lists, NetworkX's keys, yEd's nested data and defaults, nested graphs, ports."""
        text = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE graphml SYSTEM "http://graphml.graphdrawing.org/dtds/graphml.dtd">
<g:graphml xmlns:g="http://graphml.graphdrawing.org/xmlns" xmlns:y="http://www.yworks.com/xml/graphml">
<g:desc>A graph</g:desc>
<g:key id="born" for="node" attr.name="born" attr.type="long"/><g:key id="tags" for="node" attr.name="tags" attr.type="string" attr.list="string"/>
<g:key id="nums" for="node" attr.name="nums" attr.list="long" attr.type="string"/><g:key id="w" for="all" attr.name="w" attr.type="double"><g:default>1.5</g:default></g:key>
<g:key id="labels" for="node" attr.name="labels" attr.type="string"/><g:key id="label" for="edge" attr.name="label" attr.type="string"/><g:key id="y" for="node" yfiles.type="nodegraphics"/>
<g:key id="ok" for="edge" attr.name="ok" attr.type="boolean"/>
<g:graph id="G" edgedefault="undirected"><g:data key="x">of the graph</g:data>
<g:node id="n0" labels=":Person:User"><g:data key="labels">:Person:User</g:data><g:data key="born"> 1815 </g:data><g:data key="tags">["a","b \u00e9"]</g:data><g:data key="nums">[1,2]</g:data>
  <g:data key="y"><y:ShapeNode><y:Geometry height="30.0"/>text</y:ShapeNode></g:data><g:port name="p"><g:data key="w">7</g:data><g:port name="q"><g:data key="born">1</g:data></g:port></g:port></g:node>
<g:node id="n1"><g:data key="w">2</g:data><g:graph id="inner"><g:node id="n2"/></g:graph></g:node>
<g:edge id="e0" source="n0" target="n1" label="KNOWS"><g:data key="label">KNOWS</g:data><g:data key="ok">True</g:data></g:edge><g:edge source="n1" target="n2"/><g:edge source="n2" target="n0"><g:data key="label">LIKES</g:data></g:edge>
</g:graph></g:graphml>"""
        remove("others.sombra")
        run("import", "others.sombra", "--graphml", write("others.graphml", text))
        rows = json.loads(run("query", "others.sombra", "MATCH (n) RETURN labels(n) AS l, properties(n) AS p ORDER BY n.w, size(labels(n))", "--format", "json"))
        self.assertEqual(rows, [{"l": [], "p": {"w": 1.5}}, {"l": ["Person", "User"], "p": {"born": 1815, "tags": ["a", "b é"], "nums": [1, 2], "w": 1.5}}, {"l": [], "p": {"w": 2.0}}])
        rows = json.loads(run("query", "others.sombra", "MATCH ()-[r]->() RETURN type(r) AS t, properties(r) AS p ORDER BY t", "--format", "json"))
        self.assertEqual(rows, [{"t": "KNOWS", "p": {"ok": True, "w": 1.5}}, {"t": "LIKES", "p": {"w": 1.5}}, {"t": "RELATED", "p": {"w": 1.5}}])
        remove("others.sombra")
        run("import", "others.sombra", "--graphml", "others.graphml", "--type", "T")
        self.assertIn('"t": "T"', run("query", "others.sombra", "MATCH ()-[r]->() RETURN type(r) AS t", "--format", "json"))

    def test_truth(self):
        """Truth values as Python, Java and schemas of XML write them."""
        values = ("true", "True", "1", " TRUE ", "false", "False", "0", "FALSE")
        remove("truth.sombra")
        write("truth.graphml", '<graphml><key id="b" for="node" attr.name="b" attr.type="boolean"/><graph>' + "".join(f'<node id="{i}"><data key="b">{value}</data></node>' for i, value in enumerate(values)) + "</graph></graphml>")
        run("import", "truth.sombra", "--graphml", "truth.graphml")
        self.assertEqual([row["b"] for row in json.loads(run("query", "truth.sombra", "MATCH (n) RETURN n.b AS b ORDER BY id(n)", "--format", "json"))], [True] * 4 + [False] * 4)
        for value in ("2", "10", "yes", ""):
            self.fails("--graphml", f'<graphml><key id="b" for="node" attr.name="b" attr.type="boolean"/><graph><node id="1"><data key="b">{value}</data></node></graph></graphml>', "is not a BOOLEAN")

    def test_room_is_in_proportion(self):
        """A long text of labels or of a list takes memory for what is in it, not for each of its characters."""
        def limited(*words):
            return subprocess.run(["sh", "-c", 'ulimit -v 400000 && exec "$0" "$@"', SOMBRA, *words], capture_output=True, text=True, check=False)

        def load(body):
            return limited("import", "long.sombra", "--dry-run", "--threads", "1", "--graphml",
                           write("long.graphml", f'<graphml><key id="l" for="node" attr.name="l" attr.list="long"/><graph>{body}</graph></graphml>'))

        blanks = " " * (12 << 20)
        if load('<node id="1"/>').returncode != 0:
            self.skipTest("a sanitizer needs more than the limit by itself")
        for body in (f'<node id="1" labels="{blanks}"/>', f'<node id="1"><data key="l">[{blanks}]</data></node>'):
            self.assertNotIn("out of memory", load(body).stderr)
        os.remove("long.graphml")

    def test_rejects(self):
        remove("rejects.sombra")
        write("bad.graphml", self.OPEN + '<node id="1"/>\n<node id="1"/>\n<node id="2"><data key="i">x</data></node>\n<edge source="1" target="2"/>\n<edge source="1" target="1"/>' + self.CLOSE)
        run("import", "rejects.sombra", "--graphml", "bad.graphml", "--rejects", "rejects.jsonl", code=11)
        with open("rejects.jsonl", encoding="utf-8") as file:
            self.assertEqual([json.loads(line)["line"] for line in file], [2, 3, 4])

    def test_long_attribute(self):
        """A long attribute takes linear time."""
        remove("long.sombra")
        text = self.OPEN + '<node id="%s"/>' % ("x" * (64 << 20)) + self.CLOSE
        run("import", "long.sombra", "--graphml", write("long.graphml", text))
        os.remove("long.graphml")


@unittest.skipIf(NO_EXPAT, "a build without Expat")
class Defaults(Formats):
    def test_many_keys_with_defaults(self):
        """Each record has those that it does not give, whatever others have given; 30,000 keys would take the square of their number."""
        count = 30000
        keys = "".join(f'<key id="k{i}" for="all" attr.name="p{i}" attr.type="int"><default>{i}</default></key>' for i in range(count))
        given = [{i: -1 for i in range(place, count, 3)} for place in range(3)]
        data = ["".join(f'<data key="k{i}">-1</data>' for i in each) for each in given]
        write("defaults.graphml", f"<graphml>{keys}<graph edgedefault='directed'><node id='a'>{data[0]}</node><node id='b'>{data[1]}</node><edge source='a' target='b'>{data[2]}</edge></graph></graphml>")
        remove("defaults.sombra")
        run("import", "defaults.sombra", "--graphml", "defaults.graphml")
        row, = json.loads(run("query", "defaults.sombra", "MATCH (a)-[r]->(b) RETURN properties(a) AS a, properties(b) AS b, properties(r) AS r", "--format", "json"))
        for name, each in zip("abr", given):
            self.assertTrue(row[name] == {f"p{i}": each.get(i, i) for i in range(count)}, name)


@unittest.skipIf(NO_EXPAT, "a build without Expat")
class Gexf(Xml):
    OPEN = '<gexf version="1.3"><graph><attributes class="node"><attribute id="k" title="name" type="string"/><attribute id="i" title="i" type="integer"/></attributes><nodes>'
    CLOSE = "</nodes></graph></gexf>"
    NODE = '<node id="1"><attvalues><attvalue for="k" value="Ann"/></attvalues></node>'

    def test_round_trip(self):
        self.round_trip("gexf")

    def test_hostile(self):
        self.hostile("--gexf", self.OPEN, self.CLOSE, self.NODE)
        for body, part, code in (
                ('<node id="1"/>\n<node id="1"/>', "bad.in, line 2 (id): '1' is the id of an earlier node", 3), ('<node id="1"/>\n<edge source="1" target="7"/>', "line 2 (end): '7' is the id of no node", 3),
                ('<node id="1">\n<attvalue for="i" value="x"/></node>', "line 2 (i): 'x' is not an INTEGER", 2), ('<node id="1"><attvalue for="what" value="x"/></node>', "'what' is the id of no property", 2),
                ('<node id="1"><attvalue value="x"/></node>', "names no property", 2), ('<edge source="1"/>', "no source or no target", 2), ('<edge source="1" target="2" weight="x"/>', "(weight): 'x' is not a FLOAT", 2),
                ('<edge source="1" target="2"><edge source="3" target="3"/></edge>', "inside of another", 2)):
            with self.subTest(body=body):
                self.fails("--gexf", self.OPEN + body + self.CLOSE, part, code=code)

    def test_of_gephi(self):
        text = """<?xml version="1.0" encoding="UTF-8"?>
<gexf xmlns="http://www.gexf.net/1.2draft" xmlns:viz="http://www.gexf.net/1.2draft/viz" version="1.2"><meta lastmodifieddate="2009-03-20"><creator>Gephi</creator></meta>
<graph defaultedgetype="directed"><attributes class="node"><attribute id="0" title="url" type="anyURI"/><attribute id="1" title="indegree" type="float"/>
<attribute id="2" title="frog" type="boolean"><default>true</default></attribute></attributes>
<nodes><node id="0" label="Gephi"><attvalues><attvalue for="0" value="https://gephi.org"/><attvalue for="1" value="1"/></attvalues><viz:color r="239" g="173" b="66"/></node>
<node id="1" label="BarabasiLab"><attvalues><attvalue id="2" value="false"/></attvalues><nodes><node id="2"/></nodes></node></nodes>
<edges><edge id="0" source="0" target="1" weight="2.5"/><edge id="1" source="0" target="2" kind="LINKS"/></edges></graph></gexf>"""
        remove("gephi.sombra")
        run("import", "gephi.sombra", "--gexf", write("gephi.gexf", text))
        rows = json.loads(run("query", "gephi.sombra", "MATCH (n) RETURN properties(n) AS p ORDER BY n.label", "--format", "json"))
        self.assertEqual([row["p"] for row in rows], [{"label": "BarabasiLab", "frog": False}, {"label": "Gephi", "url": "https://gephi.org", "indegree": 1.0, "frog": True}, {"frog": True}])
        rows = json.loads(run("query", "gephi.sombra", "MATCH ()-[r]->() RETURN type(r) AS t, r.weight AS w ORDER BY t", "--format", "json"))
        self.assertEqual(rows, [{"t": "LINKS", "w": None}, {"t": "RELATED", "w": 2.5}])

    def test_values_that_depend_on_time(self):
        """As Gephi and NetworkX write them: all values of a property, one for each span of time, are a list; one alone is itself."""
        text = """<gexf version="1.3"><graph mode="dynamic" timeformat="date"><attributes class="node" mode="dynamic"><attribute id="s" title="score" type="float"/>
<attribute id="t" title="tag" type="string"><default>none</default></attribute></attributes><attributes class="edge" mode="dynamic"><attribute id="s" title="weight" type="integer"/></attributes>
<nodes><node id="0"><attvalues><attvalue for="s" value="2.5" start="2012-06-01"/><attvalue for="t" value="b" end="3"/><attvalue for="s" value="1.5" end="2012-06-01"/><attvalue for="t" value="a"/>
<attvalue for="s" value="3" timestamp="4"/></attvalues><spells><spell start="1"/></spells></node><node id="1"><attvalues><attvalue for="s" value="1" start="0"/></attvalues></node></nodes>
<edges><edge source="0" target="1" weight="1"><attvalues><attvalue for="s" value="4" start="0"/><attvalue for="s" value="5" start="1"/></attvalues></edge></edges></graph></gexf>"""
        remove("times.sombra")
        run("import", "times.sombra", "--gexf", write("times.gexf", text))
        rows = json.loads(run("query", "times.sombra", "MATCH (a)-[r]->(b) RETURN properties(a) AS a, properties(r) AS r, properties(b) AS b", "--format", "json"))
        self.assertEqual(rows, [{"a": {"score": [2.5, 1.5, 3.0], "tag": ["b", "a"]}, "r": {"weight": [4, 5]}, "b": {"score": 1.0, "tag": "none"}}])

    def test_declared_properties_called_as_attributes(self):
        """A declared property called label (of an edge: weight) counts more than the element's own attribute; two are refused."""
        text = """<gexf version="1.3"><graph><attributes class="node"><attribute id="l" title="label" type="string"/></attributes><attributes class="edge"><attribute id="w" title="weight" type="integer"/>
</attributes><nodes><node id="0" label="a"><attvalue for="l" value="b"/></node><node id="1" label="c"/></nodes><edges><edge source="0" target="1" weight="1.5"><attvalue for="w" value="7"/></edge></edges></graph></gexf>"""
        remove("called.sombra")
        run("import", "called.sombra", "--gexf", write("called.gexf", text))
        rows = json.loads(run("query", "called.sombra", "MATCH (a)-[r]->(b) RETURN a.label AS a, r.weight AS w, b.label AS b", "--format", "json"))
        self.assertEqual(rows, [{"a": "b", "w": 7, "b": "c"}])
        self.fails("--gexf", text.replace('value="b"/>', 'value="b"/><attvalue for="l" value="d"/>'), "(label): the property is there twice")


class Neo4jCsv(unittest.TestCase):
    """Files as neo4j-admin database import takes them."""

    def query(self, text):
        return json.loads(run("query", "neo.sombra", text, "--format", "json"))

    def test_headers(self):
        remove("neo.sombra")
        write("movies.csv", "movieId:ID(Movie){label:Movie},title,year:int,:LABEL,place:point{crs:WGS-84-3D},seen:datetime{timezone:+02:00},at:time{timezone:'Z'}[]\n"
              if False else "\"movieId:ID(Movie){id-type: int, label:Movie}\",title,year:int,:LABEL,place:point{crs:WGS-84-3D},seen:datetime{timezone:+02:00},at:time{timezone:'-01:30'},x:IGNORE,langs:string[],n:long[],b:byte,c:char\n"
              "1,\"The \"\"Matrix\"\"\",1999,Movie;Sequel,\"{x:1, y:2, z:3}\",2024-01-01T12:00:00,12:00,junk,en;de,1;2,7,c\n2,\"\",,Movie,\"{latitude:1, longitude:2, height:3}\",2024-01-01T12:00:00Z,12:00Z,,,,,\n")
        write("roles.csv", ":START_ID(Actor),role,:END_ID(Movie),:TYPE,since:datetime{timezone:UTC}\nkeanu,Neo,1,ACTED_IN,2024-01-01T00:00\n")
        write("actors.csv", "id:ID(Actor),name\nkeanu,Keanu\n")
        run("import", "neo.sombra", "--nodes=movies.csv", "--nodes=Actor:Person=actors.csv", "--relationships=roles.csv")
        self.assertEqual(self.query("MATCH (m:Movie) RETURN m.movieId AS i, labels(m) AS l, m.place.srid AS s, m.place.z AS z, toString(m.seen) AS t, toString(m.at) AS a, m.x AS x, m.langs AS g, m.n AS n, m.b AS b ORDER BY i"),
                         [{"i": 1, "l": ["Movie", "Sequel"], "s": 4979, "z": 3.0, "t": "2024-01-01T12:00+02:00", "a": "12:00-01:30", "x": None, "g": ["en", "de"], "n": [1, 2], "b": 7},
                          {"i": 2, "l": ["Movie"], "s": 4979, "z": 3.0, "t": "2024-01-01T12:00Z", "a": "12:00Z", "x": None, "g": None, "n": None, "b": None}])
        self.assertEqual(self.query("MATCH (a:Actor:Person)-[r:ACTED_IN]->(m) RETURN a.name AS n, r.role AS r, m.title AS t, toString(r.since) AS s"),
                         [{"n": "Keanu", "r": "Neo", "t": "The \"Matrix\"", "s": "2024-01-01T00:00Z"}])

    def test_header_files_and_expressions(self):
        remove("neo.sombra")
        write("h-nodes.csv", "\ufeffid:ID,n:int\n")
        for i, rows in ((1, "a,1\n"), (2, "b,2\nc,3\n"), (10, "d,4")):
            write(f"part{i}.csv", rows)
        write("first.csv", ":START_ID;:END_ID;:TYPE\na;b;R\n")
        write("second.csv", "\ufeffc;d;R\r\n")
        write("heads.csv", ":START_ID;:END_ID;:TYPE\n")
        run("import", "neo.sombra", "--nodes", "P:Q=h-nodes.csv,part[0-9]+.csv", code=0)
        self.assertEqual(self.query("MATCH (p:P:Q) RETURN p.id AS id, p.n AS n ORDER BY id(p)"), [{"id": c, "n": i + 1} for i, c in enumerate("abcd")])
        self.assertEqual(self.query("MATCH ()-[r:R]->() RETURN count(r) AS n"), [{"n": 0}])
        remove("neo.sombra")
        write("h2.csv", "id:ID;n:int\n")
        write("p2.csv", "a;1\nb;2\nc;3\nd;4\n")
        run("import", "neo.sombra", "--nodes", "h2.csv,p2.csv", "--relationships", "first.csv,second.csv", "--delimiter", ";", "--array-delimiter", "|")
        self.assertEqual(self.query("MATCH (a)-[r:R]->(b) RETURN a.id AS a, b.id AS b ORDER BY a"), [{"a": "a", "b": "b"}, {"a": "c", "b": "d"}])
        for words, part, code in ((("--nodes", "h-nodes.csv,nothing.*\\.csv"), "there is no such file, and no file", 3), (("--nodes", "h-nodes.csv,"), "", 0), (("--nodes", ",h-nodes.csv"), "no name between", 2),
                                  (("--nodes", "h-nodes.csv,p2.csv"), "p2.csv, line 1: 1 cell where the header has 2", 2)):
            remove("neo2.sombra")
            self.assertIn(part, run("import", "neo2.sombra", *words, code=code))
        # Without --array-delimiter lists of such a file are separated by commas; the same character for both is refused.
        write("lists.csv", "id:ID;l:string[]\na;x,y\n")
        remove("neo2.sombra")
        run("import", "neo2.sombra", "--nodes", "lists.csv", "--delimiter", ";")
        self.assertIn('["x", "y"]', run("query", "neo2.sombra", "MATCH (n) RETURN n.l AS l", "--format", "json"))
        remove("neo2.sombra")
        for words, part in ((("--delimiter", ";", "--array-delimiter", ";"), "delimiter and array delimiter are both ';'"), (("--array-delimiter", ","), "are both ','"),
                            (("--delimiter", '"'), "the quote is"), (("--quote", "'", "--array-delimiter", "'"), "neither line end nor quote")):
            self.assertIn(part, run("import", "neo2.sombra", "--nodes", "lists.csv", *words, code=2))
        for name in ("P:", ":P", "P::Q", ":", "P;"):
            self.assertIn(f"'{name}', the labels of a file, has an empty one", run("import", "neo2.sombra", "--nodes", f"{name}=part1.csv", code=2))
        write("plain.csv", "from,to\na,b\n")
        for words, part in ((("--relationships", "R=plain.csv"), "by --start-column and --end-column"), (("--relationships", "R=plain.csv", "--start-column", "from"), "and --end-column"),
                            (("--relationships", "plain.csv", "--start-column", "from", "--end-column", "to"), "or --type-column"),
                            (("--nodes", "P=part1.csv", "--relationships", "R=plain.csv", "--start-column", "from", "--end-column", "to"), "--id-column names the id of a plain header")):
            self.assertIn(part, run("import", "neo2.sombra", *words, code=2))
        self.assertFalse(os.path.exists("neo2.sombra"))
        write("bad-head.csv", "id:ID,n:what\n")
        self.assertIn("bad-head.csv, line 1, column 2: there is no type 'what'", run("import", "neo2.sombra", "--nodes", "bad-head.csv,part1.csv", code=2))
        self.assertIn("part10.csv, line 1, column 2 (n): 'x' is not an INTEGER", run("import", "neo2.sombra", "--nodes", "h-nodes.csv,part1.csv," + write("part10.csv", "d,x"), code=2))
        for rejects in ("h-nodes.csv", "part1.csv"):
            self.assertIn("is read, too", run("import", "neo2.sombra", "--nodes", "h-nodes.csv,part1.csv", "--rejects", rejects, code=2))

    def test_named_zones_of_headers(self):
        """Local times are in the zone, as the query language has them: summer, winter, the hour that is skipped, the one that is there twice."""
        write("zones.csv", "n:int,t:datetime{timezone:Europe/Stockholm},l:datetime[]{timezone:Europe/Stockholm}\n1,2024-07-01T12:00,2024-01-01T00:00;2024-07-01\n2,2024-01-01,\n3,2024-03-31T02:30,\n"
              "4,2024-10-27T02:30,\n5,2024-07-01T12:00Z,\n6,2024-07-01T12:00+02:00[Europe/Berlin],\n7,1818-01-01T00:00,\n8,2524-07-01T12:00:00.000000001,\n")
        remove("neo3.sombra")
        run("import", "neo3.sombra", "--nodes", "T=zones.csv")
        rows = json.loads(run("query", "neo3.sombra", "MATCH (n:T) RETURN n.n AS n, toString(n.t) AS t, [x IN n.l | toString(x)] AS l ORDER BY n", "--format", "json"))
        zone = "[Europe/Stockholm]"
        texts = {1: "2024-07-01T12:00" + zone, 2: "2024-01-01T00:00" + zone, 3: "2024-03-31T02:30" + zone, 4: "2024-10-27T02:30" + zone, 5: "2024-07-01T12:00Z", 6: "2024-07-01T12:00+02:00[Europe/Berlin]",
                 7: "1818-01-01T00:00" + zone, 8: "2524-07-01T12:00:00.000000001" + zone}
        for row in rows:
            self.assertEqual(row["t"], json.loads(run("query", "neo3.sombra", "RETURN toString(datetime('" + texts[row["n"]] + "')) AS t", "--format", "json"))[0]["t"])
        self.assertEqual(rows[0]["t"], "2024-07-01T12:00+02:00" + zone)
        self.assertEqual(rows[0]["l"], ["2024-01-01T00:00+01:00" + zone, "2024-07-01T00:00+02:00" + zone])
        self.assertEqual(rows[2]["t"], "2024-03-31T03:30+02:00" + zone)
        self.assertEqual(run("query", "neo3.sombra", "CALL sombra.import.nodes('zones.csv', {label: 'U'}) YIELD nodes RETURN nodes", "--format", "csv").split(), ["nodes", "8"])

    def test_ids_of_several_columns(self):
        """As the manual of neo4j-admin has them: the texts one behind the other, each a property if it has a name."""
        remove("neo.sombra", "neo2.sombra")
        write("nodes.csv", "personId:ID(G){label: P},name,memberId:ID(G),:ID(G)\naa,John,11,\"\"\nbb,Paul,22,x\n1,Ann,2,\"\"\n")
        write("rels.csv", ":START_ID(G),:TYPE,:END_ID(G)\naa11,KNOWS,bb22x\n12,KNOWS,aa11\n")
        run("import", "neo.sombra", "--nodes", "P=nodes.csv", "--relationships", "rels.csv")
        self.assertEqual(self.query("MATCH (a:P)-[:KNOWS]->(b:P) RETURN properties(a) AS a, b.name AS b ORDER BY b"),
                         [{"a": {"personId": "1", "memberId": "2", "name": "Ann"}, "b": "John"}, {"a": {"personId": "aa", "memberId": "11", "name": "John"}, "b": "Paul"}])
        write("rejects.csv", ":ID,:ID,n\na,bc,1\nab,c,2\n,d,3\nd,,4\ne,f,5\n")
        told = run("import", "neo2.sombra", "--nodes", "rejects.csv", code=3)
        self.assertIn("rejects.csv, line 3, column 1 (:ID): 'abc' is the id of an earlier node", told)
        run("import", "neo2.sombra", "--nodes", "rejects.csv", "--rejects", "rejected.csv", code=11)
        with open("rejected.csv", encoding="utf-8") as file:
            lines = file.read().splitlines()
        self.assertEqual([line.rsplit(":", 1)[1].strip(' "') for line in lines], ["'abc' is the id of an earlier node", "a part of the node's id is not there", "a part of the node's id is not there"])
        self.assertIn("line 5, column 2", lines[2])

    def test_zones_of_values(self):
        """A date-time may name its zone without an offset, in columns with a zone of their own and in others; times may not."""
        remove("neo.sombra")
        write("zoned.csv", "n:int,a:datetime{timezone:Europe/Stockholm},b:datetime,c:datetime[]\n1,2018-05-10T10:30,2018-01-10T12:30[Europe/Berlin],2018-05-10T12:30[America/New_York];2018-05-10T12:30Z\n"
              "2,2018-05-10T10:30[Asia/Tokyo],2018-05-10T12:30+02:00[Europe/Berlin],\n")
        run("import", "neo.sombra", "--nodes", "T=zoned.csv")
        self.assertEqual(self.query("MATCH (n:T) RETURN toString(n.a) AS a, toString(n.b) AS b, [x IN n.c | toString(x)] AS c ORDER BY n.n"),
                         [{"a": "2018-05-10T10:30+02:00[Europe/Stockholm]", "b": "2018-01-10T12:30+01:00[Europe/Berlin]", "c": ["2018-05-10T12:30-04:00[America/New_York]", "2018-05-10T12:30Z"]},
                          {"a": "2018-05-10T10:30+09:00[Asia/Tokyo]", "b": "2018-05-10T12:30+02:00[Europe/Berlin]", "c": None}])
        for kind, text in (("datetime", "2018-05-10T12:30[Europe/Nowhere]"), ("datetime", "2018-05-10T12:30[../../etc/passwd]"), ("datetime", "[Europe/Berlin]"), ("datetime", "2018-05-10T12:30[]"),
                           ("datetime", "2018-05-10T12:30"), ("time", "12:30[Europe/Berlin]"), ("datetime", "2018-05-10T12:30[Europe/Berlin")):
            with self.subTest(text=text):
                remove("neo2.sombra")
                self.assertIn("line 2, column 1 (a): '", run("import", "neo2.sombra", "--nodes", write("zoned.csv", f"a:{kind}\n{text}\n"), code=2))

    def test_delimiters(self):
        write("bars.csv", "id:ID|l:string[]\n1|a\tb\n")
        for delimiter, array in (("|", "tab"), ("U+007C", "\\t"), ("\\124", "U+0009"), ("u+7c", "TAB"), ("\\124", "\\9")):
            remove("neo.sombra")
            run("import", "neo.sombra", "--nodes", "bars.csv", "--delimiter", delimiter, "--array-delimiter", array)
            self.assertEqual(self.query("MATCH (n) RETURN n.l AS l"), [{"l": ["a", "b"]}])
        for wrong in ("", "ab", "U+20AC", "€", "U+", "\\0", "\\128", "U+7C ", "\\-1", "U+-7C"):
            self.assertIn("is not one character of ASCII", run("import", "neo2.sombra", "--nodes", "bars.csv", "--delimiter", wrong, code=2))

    def test_wrong_options_of_headers(self):
        for head, part in (("x:int{crs:wgs-84}", "'crs' is no option of the type int"), ("x:point{crs:moon}", "'moon' is no coordinate system"), ("x:datetime{timezone:Europe/Nowhere}", "there is no time zone 'Europe/Nowhere'"), ("x:datetime{timezone:../passwd}", "there is no time zone"), ("x:time{timezone:Europe/Berlin}", "offset from UTC"),
                           ("x:datetime{timezone:}", "there is no time zone ''"), ("x:date{timezone:Z}", "no option of the type date"), ("x:point{crs}", "is not {name: value}"), ("x:ID{what:1}", "is not known here"),
                           ("x:LABEL{a:1}", "is not known here"), ("x:ID{id-type: float}", "int or string"), ('"x:datetime{timezone:+02:00, what:1}"', "'what' is no option")):
            with self.subTest(head=head):
                remove("neo2.sombra")
                self.assertIn(part, run("import", "neo2.sombra", "--nodes", write("head.csv", head + "\n"), code=2))


class Scripts(Formats):
    def query(self, text):
        return json.loads(run("query", "script.sombra", text, "--format", "json"))

    def test_forms_of_apoc(self):
        """The three shells' forms, the one with parameters, and what Neo4j 4 wrote: one graph."""
        digests = set()
        with open(os.path.join(SOURCE, "tests/cli/apoc/plain.cypher"), encoding="utf-8") as file:
            old = re.sub(r"CREATE CONSTRAINT \S+ FOR \((\w+):(.*?)\) REQUIRE \((.*?)\) IS UNIQUE;", r"CREATE CONSTRAINT ON (\1:\2) ASSERT (\3) IS UNIQUE;", file.read())
        old = re.sub(r"DROP CONSTRAINT UNIQUE_IMPORT_NAME;", "DROP CONSTRAINT ON (node:`UNIQUE IMPORT LABEL`) ASSERT (node.`UNIQUE IMPORT ID`) IS UNIQUE;", old)
        self.assertEqual((old.count("CREATE CONSTRAINT ON"), old.count("DROP CONSTRAINT ON")), (2, 1))
        remove("script.sombra")
        self.assertIn("imported 4 nodes, 2 relationships", run("import", "script.sombra", "--cypher", write("old.cypher", old)))
        digests.add(digest("script.sombra"))
        for form in ("plain", "cypher-shell", "neo4j-shell", "params"):
            for flags in ((), ("--batch", "1"), ("--batch", "3")):
                remove("script.sombra")
                told = run("import", "script.sombra", "--cypher", os.path.join(SOURCE, "tests/cli/apoc", form + ".cypher"), *flags)
                self.assertIn("imported 4 nodes, 2 relationships", told)
                self.assertIn("made 2 indexes and constraints\n", told)  # the script's own is gone again
                digests.add(digest("script.sombra"))
        self.assertEqual(len(digests), 1)
        self.assertEqual(self.query("MATCH (a:Foo {name: 'foo'})-[r:KNOWS]->(p:Person) RETURN a.born AS b, r.since AS s, p.first_name AS n, labels(p) AS l, a.where.z AS z"),
                         [{"b": "2018-10-31", "s": 1993, "n": "it's; a \"test\"\n// no comment", "l": ["Bar", "Person"], "z": 1.1}])
        self.assertEqual(self.query("MATCH (n:`odd ``label`) RETURN properties(n) AS p"), [{"p": {"age": 12}}])
        schema = run("schema", "script.sombra", "--format", "csv")
        self.assertIn("uniqueConstraint", schema)
        self.assertNotIn("UNIQUE_IMPORT_NAME", schema)

    # What looks like rows for the loader, and what looks like a literal: each is to do what the statements do when they run one by one.
    UNIQUE = "CREATE CONSTRAINT u FOR (n:L) REQUIRE n.k IS UNIQUE;"
    NODES = "UNWIND [{k: 1, p: {a: 1}}, {k: 'x', p: {a: null, b: [1, 2]}}, {k: -3, p: {}}, {k: '1', p: {}}] AS row CREATE (n:L {k: row.k}) SET n += row.p SET n:M;"
    LINKS = "UNWIND [[1, 'x', {s: 1}], [-3, '1', {s: 2.5, t: date('2024-01-01')}]] AS row MATCH (a:L {k: row[0]}), (b:L {k: row[1]}) CREATE (a)-[r:R]->(b) SET r = row[2];"
    ALIKE = (
        ("as apoc", UNIQUE + NODES + LINKS),
        ("ends that are not there", UNIQUE + NODES + LINKS.replace("-3,", "7,")),
        ("without a constraint", NODES + NODES + LINKS),
        ("the constraint comes later", NODES + UNIQUE + LINKS),
        ("the constraint is of another key", UNIQUE.replace("n.k", "n.a") + NODES + LINKS),
        ("the constraint is gone", UNIQUE + NODES + "DROP CONSTRAINT u; CREATE (:L {k: 1});" + LINKS),
        ("a key has changed", UNIQUE + NODES + "MATCH (n:L {k: 1}) SET n.k = 5; CREATE (:L {k: 1, other: true});" + LINKS),
        ("nodes are gone", UNIQUE + NODES + "MATCH (n:L {k: 1}) DELETE n;" + LINKS),
        ("a label is gone", UNIQUE + NODES + "MATCH (n:L {k: 1}) REMOVE n:L;" + LINKS),
        ("1.0 is 1", UNIQUE + NODES + LINKS.replace("[1,", "[1.0,")),
        ("nodes of other statements", UNIQUE + "CREATE (:L {k: 1}), (:L {k: 'x'}), (:L {k: -3}), (:L {k: '1'});" + LINKS),
        ("two kinds of rows between each other", UNIQUE + NODES + LINKS + NODES.replace("{k: ", "{k: 1").replace("1row", "row").replace("1'x'", "'y'").replace("1-3", "-13").replace("1'1'", "'z'") + LINKS.replace("[1,", "[11,") + LINKS),
        ("the key in the map, too", "UNWIND [{k: 1, p: {k: 2, a: 3}}] AS row CREATE (n:L {k: row.k}) SET n += row.p;"),
        ("a key twice", "UNWIND [{a: 1, a: 2}] AS row CREATE (n:L) SET n = row;"),
        ("a null as key", "UNWIND [{k: null, p: {a: 1}}, {p: {a: 2}}] AS row CREATE (n:L {k: row.k}) SET n += row.p;"),
        ("rows of maps alone", "UNWIND [{}, {a: 'b'}] AS row CREATE (n:L:`a ``b`) SET n = row;"),
        ("row, by other names", "unwind [{k: 1}] as `the row` create (x:L{k:`the row`.k}) set x:M;"),
        ("computed rows", "UNWIND [{k: 1 + 1}] AS row CREATE (n:L {k: row.k});"),
        ("literals", "UNWIND [{a: -9223372036854775808, b: 9223372036854775807, c: 1.5e-3, d: -0.0, e: 0.0 / 0.0, f: -1.0 / 0.0, g: 'it\\'s \\\"\\\\ \\n \\u0041\\u0001 🙂', h: \"'\", i: TRUE, "
                     "`a key`: [], `b``c`: 0x1F, l: ['', 'x'], m: point({x: 1, y: 2}), n: duration('P1M'), o: datetime('2024-07-01T12:00[Europe/Berlin]'), p: fromText('bytes', '00ff'), q: 007}] AS row CREATE (n:L) SET n = row;"),
        ("literals of a pattern", "CREATE (:L {a: 1, b: 'x:{1', c: [1, 2], d: {x: 1}.x, e: point({x: 1.0, y: 2}), `f``:`: true, g: 1 + 2, h: -1})-[:T {since: 2001}]->(:M {a: 'b'});"
                                  "CREATE (:L {a: 2, b: 'y', c: [], d: {x: 1}.x, e: point({x: 1.0, y: 3}), `f``:`: true, g: 1 + 2, h: -1})-[:T {since: 2002}]->(:M {a: \"c\"}); MATCH (a:L {a: 1}), (b:M {a: 'c'}) CREATE (a)-[:U {x: [1.5]}]->(b);"),
        ("comments", "CREATE (:L {a: 1 /* , b: 2 */, c: '// 3'}); // CREATE (:M {a: 1})\nUNWIND [1, /* 2 */ 3] AS row CREATE (:N {a: row});"),
        ("sub-queries and limits", "CREATE (:L {a: 1})-[:T]->(:L {a: 2}); MATCH (n:L {a: 1}) CALL { WITH n MATCH (n)-[:T*1..2]->(m:L {a: 2}) RETURN m LIMIT 1 } SET m.b = 2, n.c = 3;"),
        ("MERGE", "UNWIND [{k: 1}, {k: 1}, {k: 2}] AS row MERGE (n:L {k: row.k}) ON CREATE SET n.c = 1; MERGE (:L {k: 3}); MERGE (:L {k: 3}); MERGE (:L {k: 4});"),
    )

    # Marks by which a script finds its nodes: they are not written unless somebody could see it. The number is that of properties in the report:
    # those of the maps, and where marks had to be written one for each, and one for each that a statement took off.
    MARK = "CREATE CONSTRAINT mark FOR (n:`UNIQUE IMPORT LABEL`) REQUIRE (n.`UNIQUE IMPORT ID`) IS UNIQUE;"
    MARKED = ("UNWIND [{_id: 1, p: {a: 1}}, {_id: 2, p: {}}, {_id: -3, p: {b: 'x'}}, {_id: 999999999999, p: {}}, {_id: 9223372036854775807, p: {c: []}}] AS row\n"
              "CREATE (n:`UNIQUE IMPORT LABEL`{`UNIQUE IMPORT ID`: row._id}) SET n += row.p SET n:A;")
    TEXTS = "UNWIND [{_id: '1', p: {}}, {_id: '007', p: {}}, {_id: 'x', p: {}}] AS row CREATE (n:`UNIQUE IMPORT LABEL`{`UNIQUE IMPORT ID`: row._id}) SET n += row.p;"
    ENDS = ("UNWIND [{s: 1, e: 2, p: {w: 1}}, {s: -3, e: 999999999999, p: {}}, {s: 9223372036854775807, e: 1, p: {}}] AS row MATCH (a:`UNIQUE IMPORT LABEL`{`UNIQUE IMPORT ID`: row.s})\n"
            "MATCH (b:`UNIQUE IMPORT LABEL`{`UNIQUE IMPORT ID`: row.e}) CREATE (a)-[r:R]->(b) SET r += row.p;")
    OFF = "MATCH (n:`UNIQUE IMPORT LABEL`)  WITH n LIMIT 20000 REMOVE n:`UNIQUE IMPORT LABEL` REMOVE n.`UNIQUE IMPORT ID`;"
    SCRIPT = MARK + MARKED + ENDS + OFF + "DROP CONSTRAINT mark;"
    LOOK = "MATCH (n:`UNIQUE IMPORT LABEL`) WITH count(n) AS c CREATE (:Seen {c: c});"
    DUMP = "CREATE CONSTRAINT `~dump3` FOR (n:`~dump3`) REQUIRE n.`~node3` IS UNIQUE;"
    DUMPED = "UNWIND [[1, {a: 1}], [2, {}], [7, {b: 'x'}]] AS row CREATE (n:`~dump3`:A {`~node3`: row[0]}) SET n += row[1];"
    JOINED = "UNWIND [[1, 2], [7, 7], [2, 1]] AS row MATCH (a:`~dump3` {`~node3`: row[0]}), (b:`~dump3` {`~node3`: row[1]}) CREATE (a)-[r:R]->(b);"

    @staticmethod
    def between(above, through):
        return f"MATCH (n:`~dump3`) WHERE n.`~node3` > {above} AND n.`~node3` <= {through} REMOVE n:`~dump3`, n.`~node3`;"

    def marks(self):
        dump = self.DUMPED + self.DUMP + self.JOINED
        return (
            ("as apoc", self.SCRIPT, 4),
            ("texts, too", self.MARK + self.MARKED + self.TEXTS + self.ENDS + self.OFF, 4),
            ("without relationships", self.MARKED + self.OFF, 3),
            ("in two goes", self.MARK + self.MARKED + self.ENDS + self.OFF.replace("20000", "3") + self.OFF.replace("20000", "2"), 4),
            ("two scripts in one", self.SCRIPT + self.SCRIPT, 8),
            ("all at once", self.MARK + self.MARKED + self.ENDS + self.OFF.replace("WITH n LIMIT 20000", ""), 4),
            ("never taken off", self.MARK + self.MARKED + self.TEXTS + self.ENDS, 12),
            ("some are left", self.MARK + self.MARKED + self.ENDS + self.OFF.replace("20000", "3"), 12),
            ("some are left, and seen", self.MARK + self.MARKED + self.ENDS + self.OFF.replace("20000", "3") + self.LOOK + self.OFF, 15),
            ("seen before the end", self.MARK + self.MARKED + self.TEXTS + self.LOOK + self.ENDS + self.OFF, 21),
            ("seen at the end", self.MARK + self.MARKED + self.ENDS + self.OFF + self.LOOK, 5),
            ("changed", self.MARK + self.MARKED + "MATCH (n:`UNIQUE IMPORT LABEL` {`UNIQUE IMPORT ID`: 2}) SET n.`UNIQUE IMPORT ID` = 5, n.x = 1;" + self.ENDS + self.OFF, 15),
            ("used behind the end", self.MARK + self.MARKED + self.OFF + self.ENDS, 3),
            ("used when some are left", self.MARK + self.MARKED + self.OFF.replace("20000", "1") + self.ENDS + self.OFF, 13),
            ("more nodes behind the end", self.MARK + self.MARKED + self.OFF + self.MARKED + self.ENDS, 12),
            ("others have the label", "CREATE (:`UNIQUE IMPORT LABEL` {`UNIQUE IMPORT ID`: 17});" + self.SCRIPT, 16),
            ("others get the label", self.MARK + self.MARKED + "UNWIND [{k: 1}] AS row CREATE (n:Foo {k: row.k}) SET n:`UNIQUE IMPORT LABEL`;" + self.ENDS + self.OFF, 15),
            ("others first", "UNWIND [{k: 1}] AS row CREATE (n:Foo {k: row.k}) SET n:`UNIQUE IMPORT LABEL`;" + self.SCRIPT, 15),
            ("others with the key", self.MARK + "UNWIND [{k: 1, p: {`UNIQUE IMPORT ID`: 1}}] AS row CREATE (n:A {k: row.k}) SET n += row.p;" + self.MARKED + self.ENDS + self.OFF, 6),
            ("the label twice", self.MARK + self.MARKED.replace("n:A", "n:A:`UNIQUE IMPORT LABEL`") + self.ENDS + self.OFF, 4),
            ("the key in the map", self.MARK + self.MARKED + "UNWIND [{_id: 5, p: {`UNIQUE IMPORT ID`: 6}}] AS row CREATE (n:`UNIQUE IMPORT LABEL`{`UNIQUE IMPORT ID`: row._id}) SET n += row.p SET n:A;" + self.ENDS + self.OFF, 17),
            ("a mark twice", self.MARKED + self.MARKED + self.OFF.replace("20000", "7"), 23),
            ("an index of the key", "CREATE INDEX i FOR (n:A) ON (n.`UNIQUE IMPORT ID`);" + self.SCRIPT, 14),
            ("an index of the key, later", self.MARK + self.MARKED + "CREATE INDEX i FOR (n:A) ON (n.`UNIQUE IMPORT ID`);" + self.ENDS + self.OFF, 14),
            ("a constraint of the label", "CREATE CONSTRAINT c FOR (n:`UNIQUE IMPORT LABEL`) REQUIRE n.a IS UNIQUE;" + self.SCRIPT, 14),
            ("the label stays", self.MARK + self.MARKED + self.ENDS + self.OFF.replace("REMOVE n:`UNIQUE IMPORT LABEL`", ""), 14),
            ("the key stays", self.MARK + self.MARKED + self.ENDS + self.OFF.replace("REMOVE n.`UNIQUE IMPORT ID`", ""), 9),
            ("another property goes", self.MARK + self.MARKED + self.ENDS + self.OFF.replace(";", ", n.a;"), 15),
            ("marks of the dump", dump + self.between(0, 2) + self.between(2, 7) + "DROP CONSTRAINT `~dump3`;", 2),
            ("a gap", dump + self.between(0, 1) + self.between(2, 7), 7),
            ("not from the front", dump + self.between(1, 7), 7),
            ("not to the end", dump + self.between(-5, 6), 7),
            ("back to front", dump + self.between(1, 7) + self.between(0, 1), 8),
            ("overlapping", dump + self.between(0, 3) + self.between(1, 9), 2),
            ("nothing between", dump + self.between(3, 3) + self.between(9, 1), 5),
            ("numbers that no mark has", dump.replace("7", "'7'") + self.between(0, 9), 7),
            ("numbers of two names", (dump + self.between(0, 9)).replace("~node3", "~node4"), 8),
        )

    def alike(self, text, *flags):
        remove("script.sombra")
        remove("shell.sombra")
        told = run("import", "script.sombra", "--cypher", write("alike.cypher", text), *flags)
        run("shell.sombra", "-f", "alike.cypher")
        self.assertEqual(digest("script.sombra"), digest("shell.sombra"))
        self.assertIn("0 faults", run("verify", "script.sombra"))
        return told

    def test_a_script_does_what_its_statements_do(self):
        for name, text in self.ALIKE:
            with self.subTest(name=name):
                self.alike(text)

    def test_marks_are_written_when_they_matter(self):
        for name, text, properties in some(self.marks()):
            with self.subTest(name=name):
                self.assertIn(f", {properties} properties", self.alike(text))
        for flags in (("--batch", "1000"), ("--rejects", "rejects.jsonl")):  # then all statements are run, and what is taken off is not counted
            self.assertIn(", 4 properties", self.alike(self.SCRIPT, *flags))
        self.assertIn("would import 5 nodes, 3 relationships", run("import", "marks.sombra", "--cypher", "alike.cypher", "--dry-run"))
        # a label for nodes that have none is not for those whose mark is one
        run("import", "marks.sombra", "--cypher", write("alike.cypher", self.MARK + self.TEXTS + self.OFF), "--label", "Given")
        self.assertEqual(run("query", "marks.sombra", "MATCH (n) RETURN labels(n) AS l, count(*) AS c", "--format", "jsonl"), '{"l": [], "c": 3}\n')
        remove("marks.sombra")
        # a parameter may look, too
        for value, written in (("[1, {a: 'b'}]", 0), ("COUNT { MATCH (n:`UNIQUE IMPORT LABEL`) }", 5)):
            run("import", "marks.sombra", "--cypher", write("alike.cypher", f"{self.MARK + self.MARKED}\n:param x => {value}\nWITH $x AS x CREATE (:Seen {{x: x IN [5]}});"))
            self.assertEqual(json.loads(run("query", "marks.sombra", "MATCH (n:Seen) RETURN n.x AS x", "--format", "json")), [{"x": written == 5}])
            remove("marks.sombra")
        # and a constraint sees the mark that is there twice
        self.fails("--cypher", self.MARK + self.MARKED + "\n" + self.MARKED, "both have :UNIQUE IMPORT LABEL(UNIQUE IMPORT ID)", code=4)
        self.fails("--cypher", self.MARKED + self.MARKED + "\n" + self.MARK, "both have :UNIQUE IMPORT LABEL(UNIQUE IMPORT ID)", code=4)

    def test_ids_of_other_files_stay(self):
        """What statements change makes keys of nodes unknown, but not the ids of the files beside the script."""
        lines = [{"type": "relationship", "label": "R", "start": "1", "end": "2"}, {"type": "node", "id": "1"}, {"type": "node", "id": "2", "labels": ["N"]}]
        remove("script.sombra")
        told = run("import", "script.sombra", "--jsonl", write("beside.jsonl", "\n".join(map(json.dumps, lines))), "--cypher", write("beside.cypher", "MATCH (n:N) SET n.x = 1;"))
        self.assertIn("2 nodes, 1 relationship", told)
        self.assertEqual(self.query("MATCH ()-[:R]->(n) RETURN n.x AS x"), [{"x": 1}])

    def test_rows_are_loaded_in_batches(self):
        """A constraint that rows violate is told with the lines of their batch: the rows were not run as a statement."""
        text = self.UNIQUE + "\n" + "\n".join("UNWIND [{k: %d}] AS row CREATE (n:L {k: row.k});" % (i % 9) for i in range(10))
        self.fails("--cypher", text, "lines 2 to 11", "both have :L(k)", code=4)
        self.fails("--cypher", text + "\nMATCH (n) RETURN n;", "lines 2 to 12", code=4)

    def test_transactions_of_a_script(self):
        for begin, commit in (("BEGIN;", "COMMIT;"), (":begin\n", ":commit\n"), ("BEGIN\n", "COMMIT\n")):
            with self.subTest(begin=begin):
                self.fails("--cypher", begin + "CREATE (:A);\n", "does not end with COMMIT")
                self.fails("--cypher", begin + "CREATE (:A);\n" + commit + begin + "CREATE (:B);", "does not end with COMMIT")
                self.fails("--cypher", begin + "CREATE (:A);\n" + commit.replace("COMMIT", "ROLLBACK").replace("commit", "rollback"), "line 2" if ";" in begin else "line 3", "takes back a part of itself")

    def test_a_failed_script_leaves_nothing(self):
        for text, *parts in (("CREATE (:A);\nCREATE (:B;\n", "bad.in, line 2, column"), ("CREATE (:A);\n\n// c;\nMATCH (n)\nRETURN\n  x;", "line 6, column 3", "x"), (":what\n", "line 1", "':what' is no command"),
                             ("CREATE (:A {x: 'y);\n", "line 1"), (":param x\n", "NAME => VALUE"), (":param x => [1\n", "line 1"), ("RETURN 1/0", "line 1"), ("\xff".encode("latin-1"), "line 1"),
                             ("CREATE CONSTRAINT c FOR (n:A) REQUIRE n.x IS UNIQUE; CREATE (:A {x:1}), (:A {x:1});", "line 1")):
            with self.subTest(text=text):
                self.fails("--cypher", text, *parts, code=4 if b"UNIQUE" in (text if isinstance(text, bytes) else text.encode()) else 2)
        self.fails("--cypher", self.UNIQUE + self.NODES + self.LINKS.replace("[r:R]", "[a:R]").replace(" SET r = row[2]", ""), "line 1", "a")
        self.fails("--cypher", "CREATE (:A {x: '" + "y" * (18 << 20), "longer than 16 MiB")

    def test_one_long_line(self):
        """The end of a line is of no concern to statements, however far away it is."""
        remove("script.sombra")
        text = "BEGIN; " + f"CREATE (:A {{x: '{'y' * 65000}'}}); " * 300 + "COMMIT  ;begin;CREATE (:B);COMMIT"
        self.assertGreater(len(text), 17 << 20)
        self.assertIn("imported 301 nodes", run("import", "script.sombra", "--cypher", write("script.cypher", text)))
        remove("script.sombra")
        words = "BEGIN \t\r\nCREATE\n(:A);\ncommit\nSCHEMA  AWAIT\n:begin\nMATCH\n(n:A)\nCREATE (:B);\n:commit\nBEGIN\nCREATE (:C);Commit  "
        self.assertIn("imported 3 nodes", run("import", "script.sombra", "--cypher", write("script.cypher", words)))

    def test_marks_are_no_properties(self):
        """What a script puts on its nodes and takes off again is not counted, however it is loaded."""
        remove("counted.sombra")
        run("seed-demo", "counted.sombra")
        dump = write("counted.cypher", run("dump", "counted.sombra"))
        for script in (dump, os.path.join(SOURCE, "tests/cli/apoc/cypher-shell.cypher")):
            counts = []
            for flags in ((), ("--dry-run",), ("--batch", "1"), ("--batch", "100"), ("--rejects", "counted.rejects")):
                remove("count.sombra", "counted.rejects")
                told = json.loads(run("import", "count.sombra", "--cypher", script, "--format", "json", *flags))
                counts.append([told[each] for each in ("nodes", "relationships", "properties")])
            self.assertEqual([each for each in counts if each != counts[0]], [])

    def test_a_wrong_value_has_one_place(self):
        self.fails("--cypher", "CREATE (:A);\n\nCREATE (:A {x:\n date('2020-13-01')});", "line 4, column 2: '2020-13-01' is no DATE\n", code=2)

    def test_keys_of_relationships(self):
        """apoc.export.cypher of Neo4j 5.7 and later: they become what they say, unique together, and each there."""
        constraints = ("CREATE CONSTRAINT k1 FOR ()-[rel:KNOWS]-() REQUIRE (rel.a, rel.`b c`) IS RELATIONSHIP KEY;\n"
                       "create constraint if not exists for ()<-[`r x`:`T ``y`]-()\n  require `r x`.a is rel key;\nCREATE CONSTRAINT `k.3` IF NOT EXISTS FOR ()-[r:X]->() REQUIRE (r.u) IS RELATIONSHIP KEY;\n")
        rows = "CREATE (a)-[:KNOWS {a: 1, `b c`: 1}]->(a), (a)-[:KNOWS {a: 1, `b c`: 2}]->(a), (a)-[:`T ``y` {a: 1}]->(a);\n"
        for options in ((), ("--batch", "2")):
            remove("script.sombra")
            run("import", "script.sombra", "--cypher", write("script.cypher", ":begin\n" + constraints + ":commit\n" + rows), *options)
            made = self.query("SHOW CONSTRAINTS YIELD type, labelsOrTypes, properties")
            self.assertEqual(sorted((each["type"].split("_")[-1], *each["labelsOrTypes"], *each["properties"]) for each in made),
                             [("EXISTENCE", "KNOWS", "a"), ("EXISTENCE", "KNOWS", "b c"), ("EXISTENCE", "T `y", "a"), ("EXISTENCE", "X", "u"),
                              ("UNIQUENESS", "KNOWS", "a", "b c"), ("UNIQUENESS", "T `y", "a"), ("UNIQUENESS", "X", "u")])
        self.assertIn("k.3", run("schema", "script.sombra"))
        remove("script.sombra")  # a constraint of its own that says a part of it
        run("import", "script.sombra", "--cypher", write("script.cypher", constraints + "CREATE CONSTRAINT own FOR ()-[r:KNOWS]-() REQUIRE r.a IS NOT NULL;\n" + rows))
        self.assertEqual(self.query("SHOW CONSTRAINTS YIELD name, type, labelsOrTypes, properties WHERE type CONTAINS 'EXISTENCE' AND labelsOrTypes = ['KNOWS'] AND properties = ['a'] RETURN name"), [{"name": "own"}])
        for wrong, part in (("(a)-[:KNOWS {a: 1, `b c`: 2}]->(a)", "k1"), ("(a)-[:KNOWS {a: 1}]->(a)", "b c"), ("(a)-[:X]->(a)", "u")):
            self.fails("--cypher", constraints + rows + "CREATE " + wrong, part, code=4)
        for text in ("CREATE CONSTRAINT k FOR ()-[r:T]-() REQUIRE (r.a, q.b) IS RELATIONSHIP KEY", "CREATE CONSTRAINT k FOR (n:T) REQUIRE n.a IS RELATIONSHIP KEY",
                     "CREATE CONSTRAINT k FOR ()-[r:T]-() REQUIRE (r.a IS RELATIONSHIP KEY", "CREATE CONSTRAINT k FOR ()-[r:T]-() REQUIRE r.a IS RELATIONSHIP KEY what"):
            self.fails("--cypher", text, "line 1, column", code=2)

    def test_batches_rejects_and_dry_runs(self):
        remove("script.sombra")
        text = "CREATE (:A);\nnonsense;\nCREATE (:B) /* ; */ ;;\nCREATE (:C {x: 1/0});\nCREATE BTREE INDEX b FOR (n:A) ON (n.x);\nCREATE FULLTEXT INDEX f FOR (n:A) ON EACH [n.x];CREATE (:D)"
        told = run("import", "script.sombra", "--cypher", write("script.cypher", text), "--rejects", "rejects.jsonl", code=11)
        self.assertIn("script.cypher, line 6: there is no such kind of index", told)
        with open("rejects.jsonl", encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        self.assertEqual([(row["line"], row["record"]) for row in rows], [(2, "nonsense"), (4, "CREATE (:C {x: 1/0})")])
        self.assertEqual(self.query("MATCH (n) RETURN count(n) AS n"), [{"n": 3}])
        self.assertIn(",:A(x)", run("schema", "script.sombra", "--format", "csv"))
        remove("script.sombra")
        self.assertIn("would import 1 node", run("import", "script.sombra", "--cypher", write("script.cypher", "CREATE (:A)"), "--dry-run"))
        self.assertFalse(os.path.exists("script.sombra"))
        told = run("import", "script.sombra", "--cypher", write("script.cypher", "CREATE (:A);CREATE (:A);CREATE (:A);x"), "--batch", "2", code=2)
        self.assertIn("the 1 batches before that", told)
        self.assertEqual(self.query("MATCH (n) RETURN count(n) AS n"), [{"n": 2}])


class Kuzu(Formats):
    FOLDER = os.path.join(SOURCE, "tests/cli/kuzu")  # as Kuzu 0.11.3 wrote it

    def query(self, text):
        return json.loads(run("query", "kuzu.sombra", text, "--format", "json"))

    def folder(self, **files):
        """A copy of the folder with other files in it."""
        subprocess.run("rm -rf kz && cp -r '%s' kz && chmod -R u+w kz" % self.FOLDER, shell=True, check=True)
        for name, text in files.items():
            write("kz/" + name.replace("_cypher", ".cypher").replace("_csv", ".csv"), text)
        return "kz"

    def test_a_folder(self):
        remove("kuzu.sombra")
        told = run("import", "kuzu.sombra", "--kuzu", self.FOLDER)
        self.assertIn("imported 5 nodes, 4 relationships", told)
        self.assertEqual(self.query("MATCH (u:User {age: 41}) RETURN u.name AS name, u.h AS h, u.ok AS ok, toString(u.born) AS born, toString(u.ts) AS ts, toString(u.tz) AS tz, toString(u.iv) AS iv, "
                                    "u.nums AS nums, u.u AS u, u.st AS st, u.m AS m, u.nested AS nested, u.d AS d, u.ar AS ar"),
                         [{"name": 'Ann "q" n, x', "h": 1.5, "ok": True, "born": "1983-02-28", "ts": "2011-08-20T11:25:30.123456", "tz": "2011-08-20T09:25:30Z", "iv": "P3Y2DT1H2M3.5S", "nums": [1, 2, 3],
                           "u": "47183823-2574-4bfd-b411-99ed177d3e43", "st": "{a: 1, b: x}", "m": "{k=1}", "nested": "[[1,2],[3]]", "d": 12.34, "ar": [1.0, 2.0, 3.0]}])
        self.assertEqual(self.query("MATCH (u:User {name: ''}) RETURN keys(u) AS k"), [{"k": ["name"]}])
        self.assertEqual(self.query("MATCH (u:User {name: '日本 🙂'}) RETURN u.tags AS t, u.nums AS n, toString(u.iv) AS i, u.ok AS ok"), [{"t": [], "n": [], "i": "P1D", "ok": False}])
        self.assertEqual(self.query("MATCH (a:User)-[r:LivesIn]->(c:City) RETURN a.age AS a, toString(r.since) AS s, c.id AS id, c.name AS n"), [{"a": 41, "s": "2020-01-01", "id": 0, "n": "Berlin"}])
        self.assertEqual(self.query("MATCH (a:City)-[r:LivesIn]->(c:City) RETURN a.name AS a, r.since AS s, c.name AS n"), [{"a": "", "s": None, "n": "Berlin"}])
        self.assertEqual(self.query("MATCH (a)-[r:Follows]->(b) RETURN b.age AS b, r.since AS s, r.note AS n ORDER BY s"), [{"b": None, "s": 2001, "n": 'x;"y"'}, {"b": 41, "s": None, "n": None}])
        schema = run("schema", "kuzu.sombra", "--format", "csv")
        for part in (":User(name)", ":City(id)"):
            self.assertIn(part, schema)

    def test_script_bytes(self):
        remove("bad.sombra")
        for text, part in (("x".ljust((64 << 20) + 1), "schema.cypher is longer than 64 MiB"), ("x".ljust(64 << 20), "the statement makes no table")):
            self.assertIn(part, run("import", "bad.sombra", "--kuzu", self.folder(schema_cypher=text), code=2))

    def test_older_forms(self):
        """Names without quotes, headers, escapes by backslash, other delimiters, columns in another order, paths."""
        remove("kuzu.sombra")
        subprocess.run("rm -rf kz; mkdir kz", shell=True, check=True)
        write("kz/schema.cypher", "// a comment\nCREATE NODE TABLE IF NOT EXISTS P (id INT64 PRIMARY KEY, t STRING DEFAULT 'a,b)', b BLOB);CREATE NODE TABLE `From` (`primary` INT64, `from` STRING, PRIMARY KEY(`primary`));CREATE REL TABLE R(FROM P TO P, MANY_ONE) WITH (storage_direction='fwd');\nCREATE MACRO f(x) AS x + 1;\n")
        write("kz/copy.cypher", "COPY P (t, id, b) FROM '/somewhere/else/p.csv' (ESCAPE ='\\\\', DELIM ='|', QUOTE='\\'', HEADER=true);\nCOPY R FROM \"r.csv\" (header=false, delim='\\t');\n")
        write("kz/p.csv", "a.t|a.id|a.b\r\n'it\\'s|\\\\ two\nlines'|1|x\\x00y\r\n|2|\r\n\r\n''|3|\n")
        write("kz/r.csv", "1\t2\n3\t1")
        self.assertIn("line 3: the statement makes no table", subprocess.run([SOMBRA, "import", "kuzu.sombra", "--kuzu", "kz"], capture_output=True, text=True, check=True).stderr)
        self.assertEqual(self.query("MATCH (p:P) RETURN p.id AS id, p.t AS t ORDER BY id"), [{"id": 1, "t": "it's|\\ two\nlines"}, {"id": 2, "t": None}, {"id": 3, "t": ""}])
        self.assertEqual(self.query("MATCH (a)-[:R]->(b) RETURN a.id AS a, b.id AS b ORDER BY a"), [{"a": 1, "b": 2}, {"a": 3, "b": 1}])

    # Relationships as each version writes them: (who wrote it, options of COPY, names of the columns, has a pair a table of its own)
    VERSIONS = (("0.4", "(escape ='\\\\', delim =',', quote='\\\"', header=false)", "", True), ("0.5 to 0.7", "(escape ='\\\"', delim =',', quote='\\\"', header=false)", " ( _ID,since )", True),
                ("0.8 to 0.10", "", " (since)", True), ("0.11", "(to='%s', from='P', parallel=true)", " (`since`)", False))

    def test_tables_of_several_pairs_in_each_version(self):
        for version, options, names, parts in self.VERSIONS:
            with self.subTest(version=version):
                subprocess.run("rm -rf kz; mkdir kz", shell=True, check=True)
                write("kz/schema.cypher", "CREATE NODE TABLE P (id INT64, PRIMARY KEY(id));\nCREATE NODE TABLE C (name STRING, PRIMARY KEY(name));\nCREATE REL TABLE %sLives (FROM P TO C, FROM P TO P, since INT64,MANY_MANY);\n"
                      "CREATE REL TABLE Knows (FROM P TO P, since INT64);" % ("GROUP " if parts else ""))
                lives = [f'COPY {"Lives_P_" + end if parts else "`Lives`"}{names} FROM "Lives_P_{end}.csv" {options.replace("%s", end)};\n' for end in "CP"]
                write("kz/copy.cypher", 'COPY P FROM "P.csv" ;\nCOPY C FROM "C.csv";\n' + "".join(lives) + f'COPY Knows{names} FROM "Knows.csv" {options.replace("%s", "P")} ;\n')
                for name, text in (("P", "1\n2\n"), ("C", "x\n"), ("Lives_P_C", "1,x,5\n"), ("Lives_P_P", "1,2,\n"), ("Knows", "2,1,7\n")):
                    write(f"kz/{name}.csv", text)
                remove("kuzu.sombra")
                run("import", "kuzu.sombra", "--kuzu", "kz")
                self.assertEqual(self.query("MATCH (a)-[r]->(b) RETURN a.id AS a, type(r) AS t, r.since AS s, coalesce(b.name, b.id) AS b ORDER BY t, s"),
                                 [{"a": 2, "t": "Knows", "s": 7, "b": 1}, {"a": 1, "t": "Lives", "s": 5, "b": "x"}, {"a": 1, "t": "Lives", "s": None, "b": 2}])

    def test_tables_alone(self):
        """EXPORT DATABASE with schema_only writes no copy.cypher."""
        folder = self.folder()
        os.remove(folder + "/copy.cypher")
        remove("kuzu.sombra")
        self.assertIn("there is no copy.cypher: tables are made, and no rows", subprocess.run([SOMBRA, "import", "kuzu.sombra", "--kuzu", folder], capture_output=True, text=True, check=True).stderr)
        self.assertIn(":City(id)", run("schema", "kuzu.sombra", "--format", "csv"))
        write(folder + "/schema.cypher", "CREATE NODE TABLE `P` (`id` INT64, PRIMARY KEY(`id`)) WITH (storage = '/x', format = 'icebug-disk');")  # as Ladybug 0.22 writes it
        remove("kuzu.sombra")
        self.assertIn("the rows are in Parquet", run("import", "kuzu.sombra", "--kuzu", folder, code=2))

    def test_many_columns(self):
        """Names in quotes take the room that they need: each took as much as the rest of the script has."""
        subprocess.run("rm -rf kz; mkdir kz", shell=True, check=True)
        names = ["`id`", *(f"`c{i}`" for i in range(50000))]
        write("kz/schema.cypher", "CREATE NODE TABLE `P` (" + " STRING, ".join(names) + " STRING, PRIMARY KEY(`id`));")
        write("kz/copy.cypher", "COPY `P` (" + ",".join(names) + ") FROM 'p.csv' (header=false);")
        write("kz/p.csv", "a" + ",b" * 50000)
        remove("kuzu.sombra")

        def limit():
            if "SOMBRA_SANITIZED" not in os.environ:  # a sanitizer takes terabytes of addresses
                resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))

        told = subprocess.run([SOMBRA, "import", "kuzu.sombra", "--kuzu", "kz"], capture_output=True, text=True, preexec_fn=limit)
        self.assertIn("imported 1 node, 0 relationships, 50,001 properties", told.stdout + told.stderr)

    def test_hostile(self):
        def fails(part, code=2, **files):
            remove("bad.sombra")
            self.assertIn(part, run("import", "bad.sombra", "--kuzu", self.folder(**files), code=code))
            self.assertFalse(os.path.exists("bad.sombra"))

        user = 'COPY `City` (`id`,`name`) FROM "City.csv" (%s);'
        for part, files in (("City.csv, line 2, column 1 (id): 'x' is not an INTEGER", {"City_csv": "0,a\nx,b\n"}), ("City.csv, line 1: 3 cells where the table has 2", {"City_csv": "0,a,b\n"}),
                            ("the primary key is absent", {"City_csv": ",a\n"}), ("not valid UTF-8", {"City_csv": b"0,\xff\n"}), ("kz/copy.cypher, line 1: the table has no such column", {"copy_cypher": "COPY City (what) FROM 'City.csv';"}),
                            ("schema.cypher has no such table", {"copy_cypher": "\nCOPY What FROM 'x.csv';"}), ("schema.cypher has no such table", {"copy_cypher": "COPY LivesIn_User_What FROM 'x.csv';"}),
                            ("the table has no such column", {"copy_cypher": "COPY City (_ID) FROM 'City.csv';"}), ("node tables are not in schema.cypher", {"copy_cypher": "COPY LivesIn (since) FROM 'x.csv';"}),
                            ("(Kuzu 0.4 writes no SERIAL columns", {"City_csv": "Berlin\n"}), ("(nums): a list that holds a NULL is no property", {"User_csv": "a,1,,,,,,,,\"[1,,3]\"" + "," * 7 + "\n"}), ("COPY is expected", {"copy_cypher": "nonsense"}), ("FROM and a file are expected", {"copy_cypher": "COPY City 'x.csv'"}),
                            ("an option is not closed", {"copy_cypher": "COPY City FROM 'City.csv' (header=true"}), ("one character each", {"copy_cypher": user % "delim=''"}), ("one character each", {"copy_cypher": user % "delim='\"'"}),
                            ("sombra.import_kuzu", {"copy_cypher": 'COPY `City` FROM "City.parquet";'}), ("no table as EXPORT DATABASE writes it", {"schema_cypher": "CREATE NODE TABLE `City` (`id`"}),
                            ("no primary key", {"schema_cypher": "CREATE NODE TABLE City (id INT64);"}), ("no FROM and TO", {"schema_cypher": "CREATE REL TABLE City (id INT64);"}),
                            ("a table is there twice", {"schema_cypher": "CREATE NODE TABLE A (i INT64, PRIMARY KEY(i));CREATE NODE TABLE A (i INT64, PRIMARY KEY(i));"}),
                            ("node tables are not in schema.cypher", {"schema_cypher": "CREATE REL TABLE R (FROM A TO B);", "copy_cypher": "COPY R FROM 'r.csv';"}), ("not valid UTF-8", {"schema_cypher": b"\xff"}),
                            ("no table as", {"schema_cypher": "CREATE NODE TABLE A (i STRUCT(" + "a STRUCT(" * 100000}), ("(born): 'x' is not a DATE", {"User_csv": "a,1,,,x" + "," * 12 + "\n"}),
                            ("(iv)", {"User_csv": "a,1,,,,,,3 moons" + "," * 9 + "\n"}), ("(iv)", {"User_csv": "a,1,,,,,,99999999999999999999 days" + "," * 9 + "\n"}),
                            ("(iv)", {"User_csv": "a,1,,,,,,9223372036854775807 days 9223372036854775807 days 3 days" + "," * 9 + "\n"}), ("(nums): the text is no list", {"User_csv": "a,1,,,,,,,,x" + "," * 7 + "\n"}), ("(b): the text is no BLOB", {"User_csv": "a,1,,,,,,,,,\\xZZ" + "," * 6 + "\n"})):
            with self.subTest(part=part):
                fails(part, **files)
        fails("City.csv, line 2 (id): '0' is the id of an earlier node in group City", code=3, City_csv="0,a\n0,b\n")
        fails("LivesIn_City_City.csv, line 1 (end): '9' is the id of no node in group City", code=3, LivesIn_City_City_csv="1,9,\n")
        remove("bad.sombra")
        self.assertIn("schema.cypher: No such file", run("import", "bad.sombra", "--kuzu", "csv" if os.path.isdir("csv") else ".", code=3))


@unittest.skipIf(NO_SQLITE, "a build without SQLite")
class Sqlite(Formats):
    SCHEMA = """
CREATE TABLE city (id INTEGER PRIMARY KEY, name TEXT NOT NULL, founded DATE, mayor INTEGER REFERENCES person);
CREATE TABLE person (id INTEGER PRIMARY KEY, "full name" TEXT, city_id INTEGER REFERENCES city(id), bossId INT REFERENCES person(id), active BOOLEAN, seen TIMESTAMP, odd DATE, score REAL, photo BLOB, any);
CREATE TABLE knows (a INTEGER REFERENCES person(id), b INTEGER REFERENCES person(id), since INTEGER, PRIMARY KEY (a, b)) WITHOUT ROWID;
CREATE TABLE order_items (order_no INTEGER, line INTEGER, what TEXT, PRIMARY KEY (order_no, line));
CREATE TABLE delivery (id INTEGER PRIMARY KEY, o INTEGER, l INTEGER, to_city INTEGER REFERENCES city, note TEXT, FOREIGN KEY (o, l) REFERENCES order_items(order_no, line));
CREATE TABLE country (code TEXT UNIQUE, name TEXT);
CREATE TABLE borders (one TEXT REFERENCES country(code), other TEXT REFERENCES country(code), km REAL);
CREATE TABLE plain (x);
CREATE VIEW v AS SELECT * FROM city;
INSERT INTO city VALUES (1, 'Berlin', '1237-10-28', 2), (2, '', NULL, NULL);
INSERT INTO person VALUES (1, 'Ann "q"', 1, NULL, 1, '2024-01-01 12:00:00', '2024-01-01', 1.5, x'00ff', 1), (2, '日本 🙂', 1, 1, 0, NULL, 'soon', 2, x'', 'text'), (3, NULL, NULL, 1, NULL, NULL, NULL, NULL, NULL, 2.5);
INSERT INTO knows VALUES (1, 2, 2001), (2, 1, NULL);
INSERT INTO order_items VALUES (1, 1, 'a'), (1, 2, 'b'), (11, 2, 'c');
INSERT INTO delivery VALUES (1, 1, 2, 2, 'x'), (2, 11, 2, NULL, NULL), (3, 1, NULL, 1, NULL);
INSERT INTO country VALUES ('DE', 'Germany'), ('PL', 'Poland'), (NULL, 'nowhere');
INSERT INTO borders VALUES ('DE', 'PL', 467.0);
CREATE TABLE price (n REAL PRIMARY KEY);
CREATE TABLE tag (id INTEGER PRIMARY KEY, price NUMERIC REFERENCES price);
INSERT INTO price VALUES (7), (7.5);
INSERT INTO tag VALUES (1, 7), (2, 7.5), (3, 7.0);
INSERT INTO plain VALUES (1), ('x');
"""

    def make(self, script=SCHEMA, name="shop.db"):
        remove(name)
        db = sqlite3.connect(name)
        db.executescript(script)
        db.close()
        return name

    def query(self, text):
        return json.loads(run("query", "lite.sombra", text, "--format", "json"))

    def test_as_proposed(self):
        remove("lite.sombra")
        told = run("import", "lite.sombra", "--sqlite", self.make())
        self.assertIn("imported 21 nodes, 15 relationships", told)
        self.assertEqual(self.query("MATCH (p:Person {id: 1}) RETURN p.`full name` AS n, p.active AS a, toString(p.seen) AS s, p.odd AS o, p.score AS f, p.any AS y, keys(p) AS k"),
                         [{"n": 'Ann "q"', "a": True, "s": "2024-01-01T12:00", "o": "2024-01-01", "f": 1.5, "y": 1, "k": ["id", "full name", "active", "seen", "odd", "score", "photo", "any"]}])
        self.assertEqual(self.query("MATCH (p:Person)-[r:CITY|BOSS]->(x) RETURN p.id AS p, type(r) AS t, labels(x)[0] AS l, x.id AS x ORDER BY p, t"),
                         [{"p": 1, "t": "CITY", "l": "City", "x": 1}, {"p": 2, "t": "BOSS", "l": "Person", "x": 1}, {"p": 2, "t": "CITY", "l": "City", "x": 1}, {"p": 3, "t": "BOSS", "l": "Person", "x": 1}])
        self.assertEqual(self.query("MATCH (c:City)-[:MAYOR]->(p) RETURN toString(c.founded) AS f, p.id AS p"), [{"f": "1237-10-28", "p": 2}])
        self.assertEqual(self.query("MATCH (a)-[r:KNOWS]->(b) RETURN a.id AS a, b.id AS b, r.since AS s ORDER BY a"), [{"a": 1, "b": 2, "s": 2001}, {"a": 2, "b": 1, "s": None}])
        # A row has no city, another a part of the other key: they are nodes, and what makes no relationship is kept.
        self.assertEqual(self.query("MATCH (d:Delivery) RETURN properties(d) AS d, COLLECT {MATCH (d)-[:ORDER_ITEMS]->(i) RETURN i.what} AS i, COLLECT {MATCH (d)-[:TO_CITY]->(c) RETURN c.id} AS c ORDER BY d.id"),
                         [{"d": {"id": 1, "o": 1, "l": 2, "note": "x"}, "i": ["b"], "c": [2]}, {"d": {"id": 2, "o": 11, "l": 2}, "i": ["c"], "c": []}, {"d": {"id": 3, "o": 1}, "i": [], "c": [1]}])
        self.assertEqual(self.query("MATCH (a:Country)-[r:BORDERS]->(b) RETURN a.code AS a, b.name AS b, r.km AS k"), [{"a": "DE", "b": "Poland", "k": 467.0}])
        self.assertEqual(self.query("MATCH (p:Plain) RETURN p.x AS x"), [{"x": 1}, {"x": "x"}])
        run("verify", "lite.sombra")

    def test_foreign_keys(self):
        """Keys to different unique columns of one table, to none, to a primary key in its own order; generated columns; what virtual tables keep."""
        script = """
CREATE TABLE city (id INTEGER PRIMARY KEY, code TEXT UNIQUE, a INT, b INT, UNIQUE (a, b));
CREATE TABLE person (id INTEGER PRIMARY KEY, city_id INTEGER REFERENCES city(id), gone INTEGER REFERENCES nowhere(id), code TEXT REFERENCES city(a), twice INT AS (2 * id), thrice INT AS (3 * id) STORED);
CREATE TABLE trip (id INTEGER PRIMARY KEY, to_code TEXT REFERENCES city(code), x INT, y INT, FOREIGN KEY (y, x) REFERENCES city(b, a));
CREATE TABLE pair (p INT, q INT, PRIMARY KEY (q, p));
CREATE TABLE half (u INT, v INT, FOREIGN KEY (u, v) REFERENCES pair);
CREATE TABLE odd (name TEXT PRIMARY KEY, city_id REFERENCES city);
CREATE TABLE counted (RowId TEXT, city_id REFERENCES city);
CREATE TABLE again (rowid TEXT, _rowid_ TEXT, c);
INSERT INTO counted VALUES ('x', 1), ('x', 2), (NULL, NULL);
INSERT INTO again VALUES ('x', 'y', 1), ('x', 'y', 2);
INSERT INTO city VALUES (1, 'B', 5, 6), (2, 'P', 6, 5), (3, NULL, NULL, 1);
INSERT INTO person (id, city_id, gone, code) VALUES (1, 2, 77, 'x'), (2, NULL, 5, NULL);
INSERT INTO trip VALUES (1, 'B', 6, 5), (2, 'P', NULL, NULL);
INSERT INTO pair VALUES (1, 2);
INSERT INTO half VALUES (2, 1);
"""
        remove("lite.sombra")
        run("import", "lite.sombra", "--sqlite", self.make(script))
        self.assertEqual(self.query("MATCH (p:Person) RETURN properties(p) AS p, COLLECT {MATCH (p)-[:CITY]->(c) RETURN c.id} AS c ORDER BY p.id"),
                         [{"p": {"id": 1, "gone": 77, "code": "x", "twice": 2, "thrice": 3}, "c": [2]}, {"p": {"id": 2, "gone": 5, "twice": 4, "thrice": 6}, "c": []}])
        self.assertEqual(self.query("MATCH (t:Trip)-[r]->(c) RETURN t.id AS t, type(r) AS r, c.id AS c ORDER BY t, r"), [{"t": 1, "r": "CITY", "c": 2}, {"t": 1, "r": "TO_CODE", "c": 1}, {"t": 2, "r": "TO_CODE", "c": 2}])
        # columns that are called as SQLite calls the number of a row
        self.assertEqual(self.query("MATCH (n:Counted) RETURN n.RowId AS r, COLLECT {MATCH (n)-[:CITY]->(c) RETURN c.id} AS c ORDER BY c"), [{"r": None, "c": []}, {"r": "x", "c": [1]}, {"r": "x", "c": [2]}])
        self.assertEqual(self.query("MATCH (n:Again) RETURN properties(n) AS p ORDER BY n.c"), [{"p": {"rowid": "x", "_rowid_": "y", "c": c}} for c in (1, 2)])
        self.assertEqual([node["id"] for node in json.loads(run("import", "lite.sombra", "--sqlite", "shop.db", "--dry-run"))["nodes"] if node["table"] in ("counted", "again")], [["_rowid_"], ["oid"]])
        self.assertEqual(self.query("MATCH (:Half)-[r]->(c:Pair) RETURN type(r) AS r, c.p AS p, c.q AS q"), [{"r": "PAIR", "p": 1, "q": 2}])
        for change, part, code in (("INSERT INTO trip VALUES (3, 'Z', NULL, NULL)", "(table trip), line 3 (end): 'Z' is the id of no node in group city(code)", 3),
                                   ("INSERT INTO odd VALUES (NULL, 1)", "(table odd), line 1 (start): the row's own id is NULL", 3)):
            self.make(script + change, "other.db")
            remove("bad.sombra")
            self.assertIn(part, run("import", "bad.sombra", "--sqlite", "other.db", code=code))
        self.make("PRAGMA user_version = 1;", "other.db")
        self.assertIn("other.db has no table", run("import", "bad.sombra", "--sqlite", "other.db", code=3))
        self.assertFalse(os.path.exists("bad.sombra"))

    def test_collations(self):
        """Keys that are equal as the column that they refer to compares, in each encoding of texts; an index that holds what the column takes for equal apart."""
        script = """
CREATE TABLE country (code TEXT PRIMARY KEY COLLATE NOCASE, name TEXT COLLATE RTRIM UNIQUE);
CREATE TABLE city (id INTEGER PRIMARY KEY, country TEXT REFERENCES country(code), c2 TEXT REFERENCES country(name), n REFERENCES number);
CREATE TABLE pair (a TEXT COLLATE NOCASE, b TEXT, c TEXT COLLATE NOCASE, PRIMARY KEY (a, b)) WITHOUT ROWID;
CREATE TABLE half (u TEXT, v TEXT, FOREIGN KEY (v, u) REFERENCES pair(b, a));
CREATE TABLE apart (k TEXT COLLATE NOCASE, UNIQUE (k COLLATE BINARY));
CREATE TABLE part (k TEXT REFERENCES apart(k));
CREATE TABLE number (n TEXT PRIMARY KEY);
INSERT INTO country VALUES ('De', 'Germany'), ('pl', 'Poland  '), ('ÄB', 'x'), ('äb', ''), ('  ', ' y');
INSERT INTO city VALUES (1, 'DE', 'Germany  ', 7), (2, 'Pl', 'Poland', '7'), (3, 'Äb', 'x   ', NULL), (4, 'ä' || 'B', '   ', NULL), (5, '  ', ' y ', NULL);
INSERT INTO pair VALUES ('x', 'Y', 'q'), ('x', 'y', 'Q');
INSERT INTO half VALUES ('X', 'Y'), ('X', 'y');
INSERT INTO apart VALUES ('a'), ('A');
INSERT INTO part VALUES ('a'), ('A');
INSERT INTO number VALUES ('7');
"""
        for encoding in ("UTF-8", "UTF-16le", "UTF-16be"):
            remove("lite.sombra")
            run("import", "lite.sombra", "--sqlite", self.make(f"PRAGMA encoding = '{encoding}';" + script))
            self.assertEqual(self.query("MATCH (c:City) RETURN COLLECT {MATCH (c)-[:COUNTRY]->(x) RETURN x.code} + COLLECT {MATCH (c)-[:C2]->(x) RETURN x.name} + COLLECT {MATCH (c)-[:N]->(x) RETURN x.n} AS x ORDER BY c.id"),
                             [{"x": x} for x in (["De", "Germany", "7"], ["pl", "Poland  ", "7"], ["ÄB", "x"], ["äb", ""], ["  ", " y"])])
            self.assertEqual(self.query("MATCH (h:Half)-->(p:Pair) RETURN p.a + p.b + p.c AS p ORDER BY p"), [{"p": "xYq"}, {"p": "xyQ"}])
            self.assertEqual(self.query("MATCH (:Part)-[:K]->(a) RETURN a.k AS k ORDER BY k"), [{"k": "A"}, {"k": "a"}])

    def test_virtual_tables(self):
        try:
            self.make("CREATE VIRTUAL TABLE docs USING fts5(body); INSERT INTO docs VALUES ('x'); CREATE TABLE docs_more (x); INSERT INTO docs_more VALUES (1);", "other.db")
        except sqlite3.OperationalError:
            self.skipTest("Python's SQLite has no FTS5")
        remove("lite.sombra")
        done = subprocess.run([SOMBRA, "import", "lite.sombra", "--sqlite", "other.db"], capture_output=True, text=True, check=True)
        self.assertIn("docs, line 1: a virtual table is left out", done.stderr)
        self.assertEqual(self.query("MATCH (n) RETURN labels(n) AS l, properties(n) AS p"), [{"l": ["DocsMore"], "p": {"x": 1}}])

    def test_mapping(self):
        """The mapping that a dry run prints loads the same graph; a changed one another."""
        self.make()
        remove("lite.sombra")
        text = run("import", "lite.sombra", "--sqlite", "shop.db", "--dry-run")
        self.assertFalse(os.path.exists("lite.sombra"))
        mapping = json.loads(text)
        self.assertEqual([n["table"] for n in mapping["nodes"]], ["city", "person", "order_items", "delivery", "country", "plain", "price", "tag"])
        self.assertEqual(mapping["nodes"][0], {"table": "city", "labels": ["City"], "id": ["id"], "properties": {"id": "id", "name": "name", "founded": {"name": "founded", "type": "date"}}})
        self.assertEqual([r["type"] for r in mapping["relationships"]], ["MAYOR", "CITY", "BOSS", "KNOWS", "TO_CITY", "ORDER_ITEMS", "BORDERS", "PRICE"])
        self.assertEqual(mapping["relationships"][6]["end"], {"table": "country", "columns": ["other"], "refers_to": ["code"]})
        digests = set()
        for flags in ((), ("--mapping", write("mapping.json", text)), ("--mapping", "mapping.json", "--batch", "2")):
            remove("lite.sombra")
            run("import", "lite.sombra", "--sqlite", "shop.db", *flags)
            digests.add(digest("lite.sombra"))
        self.assertEqual(len(digests), 1)
        told = run("import", "lite.sombra", "--sqlite", "shop.db", "--mapping", "mapping.json", "--dry-run")
        self.assertIn("nodes :Person: 3", told)
        changed = {"nodes": [{"table": "person", "label": ["Human", "Being"], "id": "id", "properties": {"full name": "name", "id": {"name": "key", "type": "string"}}}],
                   "relationships": [{"table": "person", "type": "REPORTS_TO", "start": {"table": "person", "columns": ["id"]}, "end": {"table": "person", "columns": "bossId"}, "properties": {"score": "score"}}]}
        remove("lite.sombra")
        run("import", "lite.sombra", "--sqlite", "shop.db", "--mapping", write("mapping.json", json.dumps(changed, indent=1)))
        # a table that is taken out while relationships refer to it: they are named, with their line
        changed["nodes"][0]["table"] = "city"
        text = json.dumps(changed, indent=1)
        line = text[:text.index('"REPORTS_TO"')].count("\n") - 1  # it begins two lines above
        self.assertIn(f"mapping.json, line {line}: an end of relationships is no table of nodes: 'person'",
                      run("import", "wrong.sombra", "--sqlite", "shop.db", "--mapping", write("mapping.json", text), code=2))
        self.assertEqual(self.query("MATCH (a:Human:Being)-[r:REPORTS_TO]->(b) RETURN a.key AS a, b.name AS b, r.score AS s ORDER BY a"), [{"a": "2", "b": 'Ann "q"', "s": 2.0}, {"a": "3", "b": 'Ann "q"', "s": None}])

    def test_mapping_bytes(self):
        self.make()
        remove("bad.sombra")
        for text, part in (("{} x".ljust((64 << 20) + 1), "mapping.json is longer than 64 MiB"), ("{} x".ljust(64 << 20), "something follows")):
            self.assertIn(part, run("import", "bad.sombra", "--sqlite", "shop.db", "--mapping", write("mapping.json", text), code=2))

    def test_hostile(self):
        self.make()
        node = {"table": "city", "labels": ["City"], "id": ["id"], "properties": {}}
        for mapping, part, code in (("nonsense", "mapping.json, line 1: an object is expected", 2), ('{"nodes": [\n5]}', "line 2", 2), ('{"what": []}', "a mapping has nodes and relationships", 2), ("{} x", "something follows", 2),
                                    ('{"nodes": [{"what": 1}]}', "no such member", 2), ('{"nodes": [{}]}', "nodes need a table", 2), ('{"relationships": [{}]}', "need a table, a type", 2), (b"\xff", "not valid UTF-8", 2),
                                    (json.dumps({"nodes": [dict(node, table="what")]}), "has no table 'what'", 3), (json.dumps({"nodes": [dict(node, properties={"what": "x"})]}), "has no column 'what'", 3),
                                    (json.dumps({"nodes": [dict(node, properties={"name": {"name": "n", "type": "int"}})]}), "shop.db (table city), line 1, column 1 (name): 'Berlin' is not an INTEGER", 2),
                                    (json.dumps({"nodes": [dict(node, properties={"name": {"name": "n", "type": "what"}})]}), "there is no type 'what'", 2),
                                    (json.dumps({"nodes": [node], "relationships": [{"table": "city", "type": "T", "start": {"table": "city", "columns": ["id"]}, "end": {"table": "x", "columns": ["id"]}}]}), "no table of nodes", 2),
                                    (json.dumps({"nodes": [node], "relationships": [{"table": "city", "type": "T", "start": {"table": "city", "columns": ["id"]}, "end": {"table": "city", "columns": ["id", "name"]}}]}), "as many columns", 2),
                                    (json.dumps({"nodes": [node], "relationships": [{"table": "city", "type": "T", "start": {"table": "city", "columns": ["id"]}, "end": {"table": "city", "columns": ["mayor"]}}]}), "", 0)):
            with self.subTest(mapping=mapping):
                remove("bad.sombra")
                told = run("import", "bad.sombra", "--sqlite", "shop.db", "--mapping", write("mapping.json", mapping), code=code)
                self.assertIn(part, told)
                self.assertEqual(os.path.exists("bad.sombra"), code == 0)
        remove("bad.sombra")
        self.assertIn("--mapping is of --sqlite", run("import", "bad.sombra", "--jsonl", "x", "--mapping", "mapping.json", code=2))
        self.fails("--sqlite", "no database at all" * 100, "bad.in: SQLite says: file is not a database")
        with open("shop.db", "rb") as file:
            whole = file.read()
        self.fails("--sqlite", whole[:len(whole) // 2], "SQLite says")
        self.assertIn("none.db: No such file", run("import", "bad.sombra", "--sqlite", "none.db", code=3))
        self.assertFalse(os.path.exists("bad.sombra"))
        # Ends that are not there, text that is no UTF-8, names with quotes.
        self.make("CREATE TABLE a (id INTEGER PRIMARY KEY, b REFERENCES a); INSERT INTO a VALUES (1, 9);", "other.db")
        self.assertIn("other.db (table a), line 1 (end): '9' is the id of no node in group a", run("import", "bad.sombra", "--sqlite", "other.db", code=3))
        self.make("CREATE TABLE a (id INTEGER PRIMARY KEY, t TEXT); INSERT INTO a VALUES (1, CAST(x'ff' AS TEXT));", "other.db")
        self.assertIn("(t): the text is not valid UTF-8", run("import", "bad.sombra", "--sqlite", "other.db", code=2))
        run("import", "bad.sombra", "--sqlite", "other.db", "--rejects", "rejects.jsonl", code=11)
        remove("bad.sombra")
        self.make('CREATE TABLE "a""b" ("x""y" INTEGER PRIMARY KEY, "sel ect" TEXT); INSERT INTO "a""b" VALUES (1, 2);', "other.db")
        run("import", "bad.sombra", "--sqlite", "other.db")
        self.make("CREATE TABLE a (x REFERENCES gone(id)); CREATE TABLE b (x REFERENCES a(y)); INSERT INTO a VALUES (1);", "other.db")
        remove("bad.sombra")
        done = subprocess.run([SOMBRA, "import", "bad.sombra", "--sqlite", "other.db"], capture_output=True, text=True, check=False)
        self.assertIn('a, line 1: the foreign key ("x") refers to no columns of a table here whose values are unique', done.stderr)


class Pieces(Formats):
    """Files of many pieces (256 KiB each): the graph, its messages and rejects are those of one thread, wherever the cuts lie. A thousand and a few hundred lines fill a piece."""
    COUNT = 6000
    TEXT = "some text that is as long as it has to be, ü, for a file of several pieces, <&> in it"

    def load(self, flag, path, *flags, code=0):
        """Told the same, and the digest, for one thread and for several."""
        told = []
        for threads in ("1", "4"):
            remove("piece.sombra")
            text = run("import", "piece.sombra", flag, path, "--threads", threads, "--format", "json", *flags, code=code)
            rejects = b""
            if "--rejects" in flags:
                with open("rejects.jsonl", "rb") as file:
                    rejects = file.read()
            text = json.loads(text) if code == 0 else text
            if code == 0:
                (text[0] if isinstance(text, list) else text).pop("seconds")
            told.append((text, rejects, digest("piece.sombra") if code in (0, 11) else None))
        self.assertEqual(told[0], told[1])
        return told[0][0]

    def all_lines(self):
        for i in range(self.COUNT):
            yield {"type": "node", "id": str(i), "labels": ["A", f"L{i % 3}"], "properties": {"i": i, "text": self.TEXT}}
        for i in range(self.COUNT):
            yield {"type": "relationship", "label": "R", "start": {"id": str(i)}, "end": {"id": str(i * 7 % self.COUNT)}, "properties": {"w": i / 2}}

    def counts(self, told):
        told = told[0] if isinstance(told, list) else told
        return told["nodes"], told["relationships"]

    def test_json(self):
        lines = list(self.all_lines())
        self.assertEqual(self.counts(self.load("--jsonl", write("piece.jsonl", "\n".join(map(json.dumps, lines))))), (self.COUNT, self.COUNT))
        expected = digest("piece.sombra")
        half = len(lines) // 2
        for text in (json.dumps(lines), json.dumps({"nodes": lines[:half], "rels": lines[half:]}, indent=2)):
            self.load("--jsonl", write("piece.json", text))
            self.assertEqual(digest("piece.sombra"), expected)
        lines[10000] = lines[3]
        text = "\n".join(map(json.dumps, lines))
        self.assertIn("piece.jsonl, line 10001 (id): '3' is the id of an earlier node", self.load("--jsonl", write("piece.jsonl", text), code=3))
        text = text.replace('"i": 3500,', '"i": x,').replace('"i": 5500,', '"i": 1e999,')
        self.assertIn("line 3501, column ", self.load("--jsonl", write("piece.jsonl", text), code=2))
        self.load("--jsonl", "piece.jsonl", "--rejects", "rejects.jsonl", code=11)
        with open("rejects.jsonl", encoding="utf-8") as file:
            self.assertEqual([json.loads(line)["line"] for line in file], [3501, 5501, 10001] +
                             [self.COUNT + 1 + i for i in range(self.COUNT) if i != 4000 and {i, i * 7 % self.COUNT} & {3500, 5500}])
        del lines[10000]
        self.assertIn("object is expected here", self.load("--jsonl", write("piece.json", json.dumps(lines)[:-1] + " x]"), code=2))
        self.assertIn("is not closed", self.load("--jsonl", write("piece.json", json.dumps(lines)[:-3]), code=2))
        self.load("--jsonl", "nasty.jsonl")
        self.assertEqual(digest("piece.sombra"), self.digest)

    def graphml(self, prefix=""):
        """Lines of a file; node i stands on line 3 + i, relationship i on line 3 + COUNT + i."""
        p, text = prefix, self.TEXT.replace("&", "&amp;").replace("<", "&lt;")
        lines = [f"<{p}graphml" + (f' xmlns:{p[:-1]}="x">' if p else ">") + f'<{p}key id="i" for="all" attr.name="i" attr.type="int"/><{p}key id="t" for="node" attr.name="t"/>', f"<{p}graph>"]
        lines += [f'<{p}node id="n{i}" labels=":A"><{p}data key="i">{i}</{p}data><{p}data key="t">{text}</{p}data></{p}node>' for i in range(self.COUNT)]
        lines += [f'<{p}edge source="n{i}" target="n{i * 7 % self.COUNT}" label="R"><{p}data key="i">{i}</{p}data></{p}edge>' for i in range(self.COUNT)]
        return lines + [f"</{p}graph></{p}graphml>"]

    @unittest.skipIf(NO_EXPAT, "a build without Expat")
    def test_graphml(self):
        lines = self.graphml()
        self.assertEqual(self.counts(self.load("--graphml", write("piece.xml", "\n".join(lines)))), (self.COUNT, self.COUNT))
        expected = digest("piece.sombra")
        decoy = '<node id="n1"><data key="i">1</data></node>\n' * 50
        odd = {"no line ends": "".join(lines), "prefixes": "\n".join(self.graphml("g:")), "UTF-8 is said": '<?xml version="1.0" encoding="utf-8"?>\n' + "\n".join(lines),
               "another encoding": ('<?xml version="1.0" encoding="ISO-8859-1"?>\n' + "\n".join(lines)).encode("latin-1"), "UTF-16": "\n".join(lines).encode("utf-16"),
               "a document type": "<!DOCTYPE graphml>\n" + "\n".join(lines)}
        # Tags of records where there are none: in comments, sections and instructions, in every piece.
        for name, open_, close in (("comments", "<!--", "-->"), ("sections", '<desc><![CDATA[', "]]></desc>"), ("instructions", "<?x ", "?>")):
            odd[name] = "\n".join(line + (open_ + decoy + close if i % 50 == 40 else "") for i, line in enumerate(lines[:-1])) + lines[-1]
        # All in a graph within a node: what is open behind the first piece is not what was so in it.
        at = 4500
        odd["nested"] = "\n".join(lines[:at] + ["<graph>"] + lines[at:-1] + ["</graph>"] + lines[-1:])
        # Properties that are declared late, or not by all pieces' threads.
        odd["late keys"] = "\n".join(lines[:at] + ['<key id="late" for="node" attr.name="late"/>'] + lines[at:])
        for name, text in odd.items():
            with self.subTest(name):
                self.assertEqual(self.counts(self.load("--graphml", write("piece.xml", text))), (self.COUNT, self.COUNT))
                self.assertEqual(digest("piece.sombra"), expected)
        late = lines[:at] + ['<key id="late" for="node" attr.name="late"/>'] + lines[at:]
        late[at + 1] = late[at + 1].replace("</node>", '<data key="late">yes</data></node>')
        self.load("--graphml", write("piece.xml", "\n".join(late)))
        self.assertEqual(json.loads(run("query", "piece.sombra", "MATCH (n {late: 'yes'}) RETURN n.i AS i", "--format", "json")), [{"i": at - 2}])

    @unittest.skipIf(NO_EXPAT, "a build without Expat")
    def test_graphml_is_wrong(self):
        lines = self.graphml()
        for at, line, *parts in ((4500, '<node id="n5"/>', "line 4501 (id): 'n5' is the id of an earlier node"), (7500, '<edge source="n1" target="none"/>', "line 7501 (end): 'none' is the id of no node"),
                                 (4000, '<node id="x"><data key="i">x</data></node>', "line 4001 (i): 'x' is not an INTEGER"), (4000, "<node id='x'><data key='what'>x</data></node>", "line 4001: 'what' is the id of no property"),
                                 (5000, "  ü<node id='x'></edge>", "line 5001, column ", "mismatched tag"), (5000, "ü <node id=x>", "line 5001, column ", "not well-formed"), (10000, "</graph>", "mismatched tag")):
            with self.subTest(line):
                told = self.load("--graphml", write("piece.xml", "\n".join(lines[:at] + [line] + lines[at:])), code=3 if "the id of" in parts[0] and "property" not in parts[0] else 2)
                for part in parts:
                    self.assertIn(part, told)
                if ", column" in told:  # the same as in a file of one piece
                    short = self.load("--graphml", write("piece.xml", "\n".join(lines[:2] + [line] + lines[2:3] + lines[-1:])), code=2)
                    self.assertEqual(told.split(", column")[1], short.split(", column")[1])
        bad = [line.replace(">7<", ">seven<").replace(">4999<", ">x<") for line in lines]
        self.load("--graphml", write("piece.xml", "\n".join(bad)), "--rejects", "rejects.jsonl", code=11)

    PLAIN = (  # a line among nodes: what it holds is, right or wrong, what Expat makes of it
        *(f'<node id="x"><data key="t">{text}</data></node>' for text in (
            "&amp;lt; &lt;&gt;&quot;&apos; a&#10;&#9;&#13;&#65;&#x42;&#200;&#128512; &amp;", "", " ", "\t\n", ">", "]]", "]]>", "]]&gt;", "a\r\nb", "&nbsp;", "&", "&amp", "&#;", "&#0;", "&#1;", "&#xFFFE;", "&#127;", "&#128;",
            "\x01", "\x7f", "\ufffd", "\ufffe", "\uffff", "🙂", "ü<desc/>ö", "<desc>x</desc>", "<!-- c -->a", "<![CDATA[<b>]]>c", "<?x y?>d", "'\"=/")),
        *(f'<node id="x"><data key="i">{text}</data></node>' for text in ("7", " 7\n", "&#55;", "x", "<![CDATA[7]]>", "<a/>7", "")),
        *(f"<node {attributes}/>" for attributes in (
            'id="x" labels=":A:B"', "id='x' labels=':\"'", 'id="x"\n\tlabels=":A"', 'id = "x"', 'id="x"labels=":A"', 'id="x" id="y"', 'id="x" labels=":a&amp;&#10;b"', 'id="x" labels=":a\nb"', 'id="x" labels=":a\tb"',
            'id="x" labels=":<"', 'id="x" labels=":>"', 'id="x" labels=":A\'', 'id="x" labels', 'id=x', 'id="x" ü="y"', 'id="x" 1="y"', 'id="x" _-.:1="y"', 'labels=":A"', 'id="x" labels=":&lt;]]>"', 'id="&#x78;"',
            'id="x" ' + " ".join(f'a{i}="{i}"' for i in range(20)), 'id="x" ' + " ".join(f'a{i % 15}="{i}"' for i in range(16)))),
        '<node id="x"/ >', '<node id="x" />', '<node id="x"></node >', '<node id="x"></nodes>', '<node id="x"></nod>', '<node id="x">', "</node>", "</graph>", "<desc>", "<desc><x></desc>", "text", "&amp;", "<desc>" * 9 + "</desc>" * 9, "<desc>" * 30 + "</desc>" * 30,
        "<desc>" * 300 + "</desc>" * 300, '<node id="x"><node id="y"/></node>', '<node id="x"><graph><node id="y"/></graph></node>', "<", "<a", "< a/>", "<:a/>", "<ä/>", "<a:b:c/>", '<key id="z" for="node"/>', "<hyperedge/>")

    @unittest.skipIf(NO_EXPAT, "a build without Expat")
    def test_plain_xml_is_read_as_expat_reads_it(self):
        """A document type in front, and Expat reads all of the file; without, pieces of the plainest form are read by our own reader."""
        lines = self.graphml()
        lines = lines[:1900] + lines[-1:]
        for line in some((*self.PLAIN, b'<node id="x"><data key="t">\xff</data></node>', b"<node id='x' labels=':\xc3'/>", b"\xed\xa0\x80")):
            with self.subTest(line=line):
                told = []
                for front in (b"", b"<!DOCTYPE graphml>"):
                    remove("plain.sombra")
                    line = line if isinstance(line, bytes) else line.encode()
                    write("plain.xml", front + b"\n".join([text.encode() for text in lines[:1600]] + [line] + [text.encode() for text in lines[1600:]]))
                    done = subprocess.run([SOMBRA, "import", "plain.sombra", "--graphml", "plain.xml"], capture_output=True)
                    told.append((done.returncode, done.stderr, digest("plain.sombra") if done.returncode == 0 else None))
                self.assertEqual(*told)

    @unittest.skipIf(NO_EXPAT, "a build without Expat")
    def test_gexf(self):
        text = self.TEXT.replace("&", "&amp;").replace("<", "&lt;")
        lines = ['<gexf><graph><attributes class="node"><attribute id="0" title="i" type="integer"/><attribute id="1" title="t" type="string"><default>none</default></attribute></attributes>',
                 '<attributes class="edge"><attribute id="0" title="w" type="double"/></attributes><nodes>']
        lines += [f'<node id="{i}"><attvalues><attvalue for="0" value="{i}"/>' + (f'<attvalue for="1" value="{text}"/>' if i % 2 else "") + "</attvalues></node>" for i in range(self.COUNT)]
        lines += ["</nodes><edges>"] + [f'<edge source="{i}" target="{i * 7 % self.COUNT}" weight="{i}"><attvalues><attvalue for="0" value="{i}.5"/></attvalues></edge>' for i in range(self.COUNT)]
        lines += ["</edges></graph></gexf>"]
        self.assertEqual(self.counts(self.load("--gexf", write("piece.xml", "\n".join(lines)))), (self.COUNT, self.COUNT))
        self.assertEqual(json.loads(run("query", "piece.sombra", "MATCH (n {t: 'none'}) WITH count(*) AS n MATCH ()-[r]->() RETURN n, sum(r.w) AS w, sum(r.weight) AS weight", "--format", "json")),
                         [{"n": self.COUNT // 2, "w": sum(i + 0.5 for i in range(self.COUNT)), "weight": float(sum(range(self.COUNT)))}])

    def test_kuzu(self):
        os.makedirs("kz-piece", exist_ok=True)
        write("kz-piece/schema.cypher", "CREATE NODE TABLE A(id INT64, t STRING, PRIMARY KEY(id)); CREATE REL TABLE R(FROM A TO A, w DOUBLE);")
        for copy, quote in (("", '""'), (", escape='\\\\'", '\\"')):
            write("kz-piece/copy.cypher", f"COPY A (id, t) FROM 'a.csv' (header=true{copy}); COPY R (w) FROM 'r.csv' (header=true);")
            write("kz-piece/a.csv", "id,t\n" + "".join(f'{i},"{self.TEXT}\n{quote}quoted{quote}, {i}"\r\n' if i % 100 == 7 else f"{i},{self.TEXT.replace(',', '')}\n" for i in range(self.COUNT)))
            write("kz-piece/r.csv", "from,to,w\n" + "".join(f"{i},{i * 7 % self.COUNT},{i}.5\n" for i in range(self.COUNT)))
            self.assertEqual(self.counts(self.load("--kuzu", "kz-piece")), (self.COUNT, self.COUNT))
            self.assertEqual(json.loads(run("query", "piece.sombra", "MATCH (a:A {id: 907}) RETURN a.t AS t", "--format", "json")), [{"t": self.TEXT + '\n"quoted", 907'}])
        with open("kz-piece/a.csv", "a", encoding="utf-8") as file:
            file.write("x,y\n")
        self.assertIn(f"a.csv, line {2 + self.COUNT + self.COUNT // 100}, column 1 (id): 'x' is not an INTEGER", self.load("--kuzu", "kz-piece", code=2))

    @unittest.skipIf(NO_SQLITE, "a build without SQLite")
    def test_sqlite(self):
        count = 2 * self.COUNT  # types are proposed by the first 10,000 rows
        remove("piece.db")
        db = sqlite3.connect("piece.db")
        db.execute("CREATE TABLE a (id INTEGER PRIMARY KEY, t TEXT)")
        db.execute("CREATE TABLE r (x INTEGER REFERENCES a(id), y INTEGER REFERENCES A(id), d DATE)")
        db.executemany("INSERT INTO a VALUES (?, ?)", ((i - 6000, self.TEXT) for i in range(count)))
        db.executemany("INSERT INTO r VALUES (?, ?, ?)", ((i - 6000, i * 7 % count - 6000, "soon" if i == 11000 else "2024-02-29") for i in range(count)))
        db.commit()
        db.close()
        self.assertIn("piece.db (table r), line 11001, column 1 (d): 'soon' is not a DATE", self.load("--sqlite", "piece.db", code=2))
        self.load("--sqlite", "piece.db", "--rejects", "rejects.jsonl", code=11)
        self.assertEqual(json.loads(run("query", "piece.sombra", "MATCH (a:A {id: -6000})-[r]->(a) RETURN toString(r.d) AS d", "--format", "json")), [{"d": "2024-02-29"}])


class Lacking(Formats):
    """A build without a library says so, and what to install."""

    def test_message(self):
        for flag, lacking, part in (("--graphml", NO_EXPAT, "libexpat1-dev"), ("--gexf", NO_EXPAT, "libexpat1-dev"), ("--sqlite", NO_SQLITE, "libsqlite3-dev")):
            told = self.fails(flag, "nonsense")
            self.assertEqual(part in told, lacking, told)


class DryRunsOfCsv(unittest.TestCase):
    def test_dry_run(self):
        remove("dry.sombra")
        write("n.csv", "id:ID,a,b,:LABEL\n1,7,x,P\n2,1.5,2024-01-01,P;Q\n")
        write("r.csv", ":START_ID,:END_ID,w:int\n1,2,5\n2,2,\n")
        os.makedirs("tmp", exist_ok=True)
        os.environ["TMPDIR"] = "tmp"
        self.addCleanup(os.environ.pop, "TMPDIR")
        told = run("import", "dry.sombra", "--nodes", "n.csv", "--relationships", "T=r.csv", "--infer-types", "--dry-run", "--rejects", "rejects.csv")
        self.assertIn("nodes :P: 1\n    id: INTEGER (1)\n    a: FLOAT (1)\n    b: STRING (1)\nnodes :P:Q: 1\n", told)
        self.assertIn("relationships T: 2\n    w: INTEGER (1)\nwould import 2 nodes, 2 relationships", told)
        told = json.loads(run("import", "dry.sombra", "--nodes", "n.csv", "--relationships", "T=r.csv", "--infer-types", "--dry-run", "--format", "json"))
        self.assertEqual((told["nodes"], told["found"]),
                         (2, [{"of": "nodes", "name": ":P", "count": 1, "properties": {"id": {"INTEGER": 1}, "a": {"FLOAT": 1}, "b": {"STRING": 1}}},
                              {"of": "nodes", "name": ":P:Q", "count": 1, "properties": {"id": {"INTEGER": 1}, "a": {"FLOAT": 1}, "b": {"STRING": 1}}},
                              {"of": "relationships", "name": "T", "count": 2, "properties": {"w": {"INTEGER": 1}}}]))
        self.assertNotIn("found", run("import", "dry.sombra", "--nodes", "n.csv", "--dry-run", "--format", "csv"))
        for path in ("dry.sombra", "dry.sombra-wal"):
            self.assertFalse(os.path.exists(path))
        run("query", "dry.sombra", "CREATE (:A), (:A)")
        write("r.csv", ":START_ID,:END_ID\n1,2\n")
        before = digest("dry.sombra")
        self.assertIn("would import 0 nodes, 1 relationship", run("import", "dry.sombra", "--relationships", "T=r.csv", "--dry-run"))
        self.assertIn("would import 2 nodes", run("import", "dry.sombra", "--nodes", "n.csv", "--dry-run"))
        self.assertEqual(digest("dry.sombra"), before)
        self.assertIn("line 2", run("import", "none.sombra", "--nodes", write("bad.csv", "id:ID,n:int\n1,x\n"), "--dry-run", code=2))
        self.assertFalse(os.path.exists("none.sombra"))
        self.assertEqual(os.listdir("tmp"), [])

    def test_flags_of_other_formats(self):
        for flag in ("--batch", "--label", "--type", "--mapping"):
            self.assertIn("is not for CSV", run("import", "none.sombra", "--nodes", "n.csv", flag, "1", code=2))
        self.assertIn("by two commands", run("import", "none.sombra", "--nodes", "n.csv", "--jsonl", "n.jsonl", code=2))
        self.assertFalse(os.path.exists("none.sombra"))


class FailedLoads(unittest.TestCase):
    def test_csv_leaves_no_new_database(self):
        remove("bad.sombra")
        write("bad.csv", ":ID,x:int\n1,2\n2,x\n")
        self.assertIn("line 3", run("import", "bad.sombra", "--nodes", "bad.csv", code=2))
        for end in ("", "-wal", "-shm"):
            self.assertFalse(os.path.exists("bad.sombra" + end))
        run("query", "bad.sombra", "CREATE (:Kept)")
        run("import", "bad.sombra", "--nodes", "bad.csv", code=2)
        self.assertEqual(json.loads(run("query", "bad.sombra", "MATCH (n) RETURN count(n) AS n", "--format", "json")), [{"n": 1}])


if __name__ == "__main__":
    unittest.main()
