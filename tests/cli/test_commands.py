#!/usr/bin/env python3
"""The sombra command as its users meet it: every command and format, messages, exit codes, pipes, a terminal.

Goal: what the manual page promises is what happens. Method: a small graph with nasty texts is imported, asked in each format, exported and
imported again; wrong uses must name what is wrong and exit with the documented code.
"""
import csv
import io
import json
import os
import pty
import resource
import shutil
import signal
import subprocess
import sys
import unittest
from pathlib import Path

import scratch

SOMBRA = os.environ["SOMBRA"]
SOURCE = os.environ["SOMBRA_SOURCE_DIR"]

PEOPLE = """id:ID(Person),name,born:int,score:float,tags:string[],since:date,note
1,Ada,1815,1.5,poet;math,2020-01-31,"says ""hi"", twice"
2,Grace,1906,,navy,,"two
lines"
3,日本語 نص 🙂,-5,NaN,,1969-12-31,
4,,,,,,""
"""
KNOWS = """:START_ID(Person),:END_ID(Person),km:float
1,2,3.5
2,3,1
1,3,9
3,3,0
1,2,2
"""


def run(*words, code=0, stdin=None):
    done = subprocess.run([SOMBRA, *words], input=stdin, capture_output=True, text=True)
    if done.returncode != code:
        raise AssertionError(f"sombra {' '.join(words)}: exit code {done.returncode}, not {code}\n{done.stdout}{done.stderr}")
    return done.stderr if code else done.stdout


def unread(words, text=None):
    """Exit code and standard error of a command whose standard output nobody reads, from its start on."""
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run([SOMBRA, *words], input=text, stdin=subprocess.DEVNULL if text is None else None, stdout=write,
                              stderr=subprocess.PIPE)
    finally:
        os.close(write)
    return done.returncode, done.stderr


class Commands(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch.clear()
        for name, text in (("people.csv", PEOPLE), ("knows.csv", KNOWS)):
            with open(name, "w", encoding="utf-8", newline="") as file:
                file.write(text)
        cls.imported = run("import", "g.sombra", "--nodes", "Person=people.csv", "--relationships", "KNOWS=knows.csv")

    def test_import_says_what_it_made(self):
        self.assertRegex(self.imported, r"^imported 4 nodes, 5 relationships, \d+ properties in .* rows/s\)\n$")

    def test_info_counts(self):
        rows = json.loads(run("info", "g.sombra", "--format", "json"))
        self.assertIn({"what": "label", "name": "Person", "count": 4, "detail": None}, rows)
        self.assertIn({"what": "type", "name": "KNOWS", "count": 5, "detail": None}, rows)
        trees = json.loads(run("info", "g.sombra", "--trees", "--format", "json"))
        self.assertTrue(any(row["what"] == "tree" and row["name"] == "nodes" and row["count"] == 4 for row in trees))

    def test_get_in_each_format(self):
        table = run("get", "g.sombra", "Person.name=Ada")
        self.assertRegex(table, r"\nborn +1815\n")
        rows = {row["property"]: row["value"] for row in json.loads(run("get", "g.sombra", "Person.name=Ada", "--format", "json"))}
        self.assertEqual(rows["note"], 'says "hi", twice')
        self.assertEqual(rows["tags"], ["poet", "math"])
        self.assertEqual(rows["since"], "2020-01-31")
        self.assertEqual(rows["score"], 1.5)
        text = run("get", "g.sombra", "Person.name=Grace", "--format", "csv")
        rows = {row[0]: row[1] for row in csv.reader(io.StringIO(text, newline=""))}
        self.assertEqual(rows["note"], "two\nlines")

    def test_get_of_unicode_nan_and_empty(self):
        rows = {row["property"]: row["value"] for row in json.loads(run("get", "g.sombra", "Person.born:int=-5", "--format", "json"))}
        self.assertEqual(rows["name"], "日本語 نص 🙂")
        self.assertEqual(rows["score"], "NaN")
        self.assertNotIn("note", rows)
        # An empty quoted cell is an empty text; an empty unquoted one is absent.
        rows = {row["property"]: row["value"] for row in json.loads(run("get", "g.sombra", "Person.note=", "--format", "json"))}
        self.assertEqual(rows["note"], "")
        self.assertNotIn("name", rows)

    def test_long_names_are_whole(self):
        """Names have up to 1,024 bytes, captions any number, and typed constraints many types: no command cuts them for its own sake."""
        labels, key, kind, name = [f"L{i:02}" + "é" * 60 for i in range(20)], "k" * 1024, "T" * 1024, "n" + "é" * 3000
        if os.path.exists("long.sombra"):
            os.remove("long.sombra")
        types = [of for each in ("BOOLEAN", "INTEGER", "FLOAT", "STRING", "BYTES", "DATE", "LOCAL TIME", "ZONED TIME", "LOCAL DATETIME", "ZONED DATETIME", "DURATION", "POINT") for of in (each, f"LIST<{each} NOT NULL>")]
        run("query", "long.sombra", "-", stdin=f"CREATE (:{':'.join(labels)} {{`{key}`: 1, name: '{name}'}})-[:{kind} {{`{key}`: 2}}]->(:B {{name: 'b'}}); CREATE INDEX FOR (n:B) ON (n.`{key}`, n.name, n.`{key[:-1]}x`); "
            f"CREATE CONSTRAINT FOR (n:B) REQUIRE n.name IS :: {' | '.join(types)}")
        node, other, rel = (json.loads(run("query", "long.sombra", "MATCH (a)-[r]->(b) RETURN id(a) AS a, id(b) AS b, id(r) AS r", "--format", "json"))[0][each] for each in "abr")

        def rows(*words):
            return json.loads(run(words[0], "long.sombra", *map(str, words[1:]), "--format", "json"))

        self.assertEqual([row["value"] for row in rows("get", node) if row["property"] in ("~labels", key, "name")], ["".join(f":{each}" for each in labels), 1, name])
        self.assertEqual([row["value"] for row in rows("get", rel, "--relationship") if row["property"] in ("~type", key)], [kind, 2])
        self.assertEqual([(row["type"], row["name"]) for row in rows("neighbors", other, "--direction", "in")], [(kind, name)])
        self.assertEqual([(row["type"], row["name"]) for row in rows("path", other, node, "--direction", "both")], [(None, "b"), (kind + " (backwards)", name)])
        for words in (("bfs", node), ("top",)):
            self.assertIn(name, [row["name"] for row in rows(*words)])
        schemas = {row["kind"]: row for row in rows("schema") if row["on"].startswith(":B(")}
        self.assertEqual(schemas["index"]["on"], f":B({key}, name, {key[:-1]}x)")
        self.assertEqual(len(schemas["typed"]["types"].split(" or ")), len(types))
        details = {row["what"]: row["detail"] for row in rows("info")}
        self.assertEqual((details["index"], details["typed"]), (schemas["index"]["on"], f":B(name) is {schemas['typed']['types']}"))
        of_name = [row["index"] for row in json.loads(run("long.sombra", "-c", ".schema B", "--format", "json")) if row["property"] == "name"]
        self.assertIn(schemas["typed"]["types"], of_name[0])

    def test_get_relationship(self):
        rows = {row["property"]: row["value"] for row in json.loads(run("get", "g.sombra", "1", "--relationship", "--format", "json"))}
        self.assertEqual(rows["~type"], "KNOWS")
        self.assertIn("km", rows)

    def test_neighbors(self):
        rows = json.loads(run("neighbors", "g.sombra", "Person.name=Ada", "--format", "json"))
        self.assertEqual([row["name"] for row in rows], ["Grace", "Grace", "日本語 نص 🙂"])
        rows = json.loads(run("neighbors", "g.sombra", "Person.name=Ada", "--distinct", "--format", "json"))
        self.assertEqual([row["name"] for row in rows], ["Grace", "日本語 نص 🙂"])
        rows = json.loads(run("neighbors", "g.sombra", "Person.born:int=-5", "--direction", "both", "--format", "json"))
        self.assertEqual(len(rows), 4)  # a loop is there twice
        self.assertEqual(len(json.loads(run("neighbors", "g.sombra", "1", "--limit", "1", "--format", "json"))), 1)

    def test_paths(self):
        rows = json.loads(run("path", "g.sombra", "Person.name=Ada", "Person.born:int=-5", "--format", "json"))
        self.assertEqual(len(rows), 2)
        rows = json.loads(run("path", "g.sombra", "Person.name=Ada", "Person.born:int=-5", "--weight", "km", "--format", "json"))
        self.assertEqual([row["name"] for row in rows], ["Ada", "Grace", "日本語 نص 🙂"])
        self.assertEqual([row["weight"] for row in rows], [0.0, 2.0, 3.0])
        words = ["path", "g.sombra", "Person.born:int=-5", "Person.name=Ada", "--direction", "in", "--weight", "km"]
        self.assertEqual([row["weight"] for row in csv.DictReader(io.StringIO(run(*words, "--format", "csv"), newline=""))], ["0.0", "1.0", "3.0"])
        self.assertTrue(run(*words).endswith("2 relationships, weight 3\n"))
        words[-1] = "note"  # no relationship has it
        self.assertEqual([row["weight"] for row in json.loads(run(*words, "--default-weight", "2.5", "--format", "json"))], [0.0, 2.5])
        self.assertIn("no path", run("path", "g.sombra", "Person.born:int=-5", "Person.name=Ada", code=3))
        for depth, nodes in (("0", 3), ("1", 2), ("2", 3)): # 0: no bound
            rows = json.loads(run("path", "g.sombra", "Person.name=Ada", "Person.born:int=-5", "--weight", "km", "--max-depth", depth, "--format", "json"))
            self.assertEqual(len(rows), nodes)
        rows = json.loads(run("path", "g.sombra", "Person.born:int=-5", "Person.name=Ada", "--direction", "in", "--format", "json"))
        self.assertEqual(len(rows), 2)

    def test_bfs_and_top(self):
        rows = json.loads(run("bfs", "g.sombra", "Person.name=Ada", "--format", "json"))
        self.assertEqual(sorted(row["depth"] for row in rows), [0, 1, 1])
        rows = json.loads(run("bfs", "g.sombra", "Person.name=Ada", "--count", "--format", "json"))
        self.assertEqual(rows, [{"depth": 0, "nodes": 1}, {"depth": 1, "nodes": 2}])
        self.assertIn("stopped at --max-visits", run("bfs", "g.sombra", "Person.name=Ada", "--max-visits", "2"))
        self.assertNotIn("stopped at --max-visits", run("bfs", "g.sombra", "Person.name=Ada", "--max-visits", "3"))
        rows = json.loads(run("top", "g.sombra", "--label", "Person", "--direction", "in", "--limit", "1", "--format", "json"))
        self.assertEqual((rows[0]["degree"], rows[0]["name"]), (3, "日本語 نص 🙂"))

    def test_what_bfs_leaves_out_is_told_beside_the_rows(self):
        for form in ("csv", "json", "jsonl"):
            done = subprocess.run([SOMBRA, "bfs", "g.sombra", "1", "--limit", "1", "--max-visits", "2", "--format", form], capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, "(the first 1 of 2 nodes: --limit)\n(stopped at --max-visits)\n"))

    @unittest.skipIf(os.getuid() != 0, "only root can be somebody else")
    def test_what_may_not_be_written_is_read(self):
        os.makedirs("theirs", exist_ok=True)
        shutil.copy("g.sombra", "theirs/g.sombra")
        os.chmod("theirs/g.sombra", 0o444)
        os.chmod("theirs", 0o555)

        def told(*words):
            done = subprocess.run([SOMBRA, *words], capture_output=True, text=True, user=65534, group=65534, extra_groups=[])
            return done.returncode, done.stdout, done.stderr

        try:
            here = told("info", "theirs/g.sombra")[0] == 0
        except PermissionError:
            here = False
        if not here:
            self.skipTest("nobody else may come here")
        read = told("query", "theirs/g.sombra", "MATCH (n) RETURN count(*) AS n", "--format", "csv")
        note = "(theirs/g.sombra can not be written here: it is opened read-only)\n"
        self.assertEqual(read, (0, "n\n4\n", note))
        code, _, error = told("query", "theirs/g.sombra", "CREATE (:X)")
        self.assertEqual((code, error[: len(note)]), (6, note))
        self.assertEqual(told("vacuum", "theirs/g.sombra")[0], 6)

    def test_export_and_import_give_an_equal_graph(self):
        before = run("digest", "g.sombra")
        self.assertRegex(before, r"^[0-9a-f]{32}\n$")
        run("export", "g.sombra", "out")
        if os.path.exists("again.sombra"):
            os.remove("again.sombra")
        run("import", "again.sombra", "--from", "out")
        self.assertEqual(run("digest", "again.sombra"), before)
        # one of nothing, too
        run("init", "nothing.sombra")
        run("export", "nothing.sombra", "out-nothing")
        run("import", "again-nothing.sombra", "--from", "out-nothing")
        self.assertEqual(os.listdir("out-nothing"), ["nodes.csv"])
        self.assertEqual(run("digest", "again-nothing.sombra", "--schema"), run("digest", "nothing.sombra", "--schema"))

    def test_maintenance(self):
        for name in ("copy.sombra", "small.sombra", "saved.sombra"):
            if os.path.exists(name):
                os.remove(name)
        before = run("digest", "g.sombra")
        self.assertIn("copied", run("backup", "g.sombra", "copy.sombra"))
        self.assertEqual(run("digest", "copy.sombra"), before)
        self.assertIn("exists", run("backup", "g.sombra", "copy.sombra", code=3))
        self.assertIn("rebuilt", run("vacuum", "copy.sombra"))
        self.assertIn("wrote", run("vacuum", "copy.sombra", "small.sombra"))
        self.assertEqual(run("digest", "small.sombra"), before)
        self.assertIn("0 faults", run("verify", "small.sombra"))
        self.assertIn("main file", run("checkpoint", "small.sombra", "--mode", "truncate"))
        self.assertIn("saved 4 nodes and 5 relationships", run("recover", "small.sombra", "saved.sombra"))
        self.assertEqual(run("digest", "saved.sombra"), before)

    def test_what_is_no_file_is_refused(self):
        """A pipe, above all: who reads from it would wait for ever."""
        os.mkfifo("pipe")
        os.mkdir("folder")
        for name in ("pipe", "folder", "/dev/zero"):
            for words in (["info"], ["verify"], ["recover"], ["backup"], ["query"]):
                target = ["not-made.sombra"] if words[0] in ("recover", "backup") else ["RETURN 1"] if words[0] == "query" else []
                self.assertRegex(run(*words, name, *target, code=9), f"{name}( is not a regular file|: can not open: Is a directory)")
        self.assertFalse(os.path.exists("not-made.sombra"))
        os.remove("pipe")
        os.rmdir("folder")

    def test_a_limit_of_file_sizes_is_a_full_disk(self):
        """The WAL can not grow, and there is room in the main file: it begins anew. Then the main file can not grow, and what is there stays."""
        with open("many.cypher", "w", encoding="utf-8") as file:
            file.write("UNWIND range(1, 400) AS i CREATE (:B {x: i, t: 'some text ' + toString(i)});\n" * 60)

        def limited(*words):
            return subprocess.run([SOMBRA, "limited.sombra", *words], capture_output=True, text=True, check=False,
                                  preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, 2 << 20)))

        done = limited("--option", "autocheckpoint=0", "-f", "many.cypher")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        done = limited("-c", "UNWIND range(1, 200000) AS i CREATE (:C {t: 'some text ' + toString(i)})")
        self.assertEqual(done.returncode, 9)
        self.assertIn("File too large", done.stderr)
        self.assertEqual(json.loads(run("query", "limited.sombra", "MATCH (n) RETURN count(n) AS n", "--format", "json")), [{"n": 24000}])
        self.assertIn("0 faults", run("verify", "limited.sombra"))
        os.remove("many.cypher")
        os.remove("limited.sombra")

    def test_memory_limit_holds(self):
        """The system counts: with room for memory_limit, an eighth of it that waits to be used again, and what a program needs by itself,
        loads, statements and copies of a graph several times larger work, and what can not says so."""
        own = 12 << 20  # the program, its libraries, and stacks of threads of 256 KiB

        def limited(mib, *words):
            most = (mib << 20) * 9 // 8 + own
            return subprocess.run(["sh", "-c", 'ulimit -s 256 && ulimit -d "$0" && exec "$@"', str(most // 1024), SOMBRA, *words,
                                   "--option", f"memory_limit={mib}m"], capture_output=True, text=True, check=False)

        if limited(16, "info", "g.sombra").returncode != 0:
            self.skipTest("a sanitizer needs more than the limit by itself")
        with open("many.csv", "w", encoding="utf-8") as file:
            file.write("id:ID,name,text\n" + "".join(f"{i},name {i},{'x' * 200}{i % 7}\n" for i in range(100000)))
        with open("pairs.csv", "w", encoding="utf-8") as file:
            file.write(":START_ID,:END_ID\n" + "".join(f"{i},{i * 7919 % 100000}\n" for i in range(100000)))
        for words in (["import", "many.sombra", "--nodes", "N=many.csv", "--relationships", "T=pairs.csv"],
                      ["query", "many.sombra", "MATCH (n:N) SET n.name = n.name + n.text"],
                      ["query", "many.sombra", "MATCH (n:N) WITH n.text AS t, n.name AS s ORDER BY s DESC RETURN count(DISTINCT s + t)"],
                      ["query", "many.sombra", "MATCH (a:N)-[:T]->(b) CREATE (a)-[:U {name: b.name}]->(b)"],
                      ["query", "many.sombra", "CREATE INDEX of_names FOR (n:N) ON (n.name)"],
                      ["backup", "many.sombra", "many-copy.sombra"], ["vacuum", "many.sombra"], ["verify", "many.sombra"], ["digest", "many.sombra"],
                      ["recover", "many.sombra", "many-saved.sombra"], ["export", "many.sombra", "many-out"]):
            done = limited({"import": 48, "recover": 32}.get(words[0], 16), *words)
            self.assertEqual((words, done.returncode, done.stderr), (words, 0, done.stderr))
        done = limited(16, "query", "many.sombra", "MATCH (n:N) RETURN size(collect(n.name + n.text))")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn(f"more memory than the {8 << 20} bytes that a query may use, half of memory_limit", done.stderr)
        for name in ("many.csv", "pairs.csv", "many.sombra", "many-copy.sombra", "many-saved.sombra"):
            os.remove(name)
        shutil.rmtree("many-out")

    def test_recover_loses_nothing_of_a_sound_file(self):
        with open("wide.csv", "w", encoding="utf-8") as file:
            file.write(":LABEL\n" + ";".join(f"L{i}" for i in range(4097)) + "\n")
        run("import", "wide.sombra", "--nodes", "N=wide.csv")
        run("schema", "wide.sombra", "--drop", "L7")
        figures = json.loads(run("recover", "wide.sombra", "wide-saved.sombra", "--format", "json"))
        self.assertEqual(figures.pop("nodes"), 1)
        self.assertEqual(set(figures.values()), {0})
        for words in (["digest"], ["schema"]):
            self.assertEqual(run(*words, "wide-saved.sombra"), run(*words, "wide.sombra"))

    def test_recover_tells_a_doubt_by_its_exit_code(self):
        for name in ("doubt.sombra", "stranger.sombra"):
            run("vacuum", "g.sombra", name)
        writer = subprocess.Popen([SOMBRA, "stranger.sombra", "--format", "csv"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        writer.stdin.write("CREATE (:X); RETURN 1 AS x;\n")
        writer.stdin.flush()
        self.assertEqual(writer.stdout.readline() + writer.stdout.readline(), "x\n1\n")
        writer.kill()
        writer.communicate()
        os.rename("stranger.sombra-wal", "doubt.sombra-wal")
        done = subprocess.run([SOMBRA, "recover", "doubt.sombra", "doubt-saved.sombra", "--format", "json"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 10)
        self.assertIn("belongs to another state of the database", done.stderr)
        figures = json.loads(done.stdout)
        self.assertEqual(figures["messages"], 1)
        self.assertEqual(sum(figures.values()) - figures["nodes"] - figures["relationships"], 1)

    def test_verify_names_damage(self):
        run("vacuum", "g.sombra", "bad.sombra")
        with open("bad.sombra", "rb") as file:
            whole = file.read()
        in_trees = 0
        for page in range(1, len(whole) // 8192):
            with open("bad.sombra", "wb") as file:
                file.write(whole[: page * 8192 + 100] + bytes([whole[page * 8192 + 100] ^ 0x40]) + whole[page * 8192 + 101 :])
            done = subprocess.run([SOMBRA, "verify", "bad.sombra"], capture_output=True, text=True)
            self.assertEqual(done.returncode, 10, done.stdout + done.stderr)
            self.assertEqual((done.stdout + done.stderr).count("checksum"), 1, done.stdout + done.stderr)
            self.assertIn(f"page {page} of bad.sombra has a wrong checksum", done.stdout + done.stderr)
            in_trees += f"fault: page {page} of bad.sombra has a wrong checksum (tree: " in done.stdout
        self.assertGreater(in_trees, 3)
        os.remove("bad.sombra")
        run("backup", "g.sombra", "bad.sombra")
        with open("bad.sombra", "r+b") as file:
            file.seek(2060)
            file.write(b"x")
        done = subprocess.run([SOMBRA, "verify", "bad.sombra"], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout.splitlines()[0]), (10, "fault: page 0: the back-fill stamp is damaged; opening the file to write clears it"))
        run("checkpoint", "bad.sombra")
        self.assertIn(" 0 faults", run("verify", "bad.sombra"))

    def test_schema(self):
        run("backup", "g.sombra", "schema.sombra")
        run("schema", "schema.sombra", "--create", "index", "--on", "Person", "--keys", "name,born", "--name", "name_born")
        self.assertIn("name_born", run("schema", "schema.sombra"))
        self.assertEqual(run("schema", "schema.sombra", "--create", "unique", "--on", "Person", "--keys", "name"), "")
        # to programs: what was made and dropped, by the name that it has got
        for change in (("--create", "index", "--on", "Person", "--keys", "born,name"), ("--drop", "Person_born_name")):
            self.assertEqual(json.loads(run("schema", "schema.sombra", *change, "--format", "json")),
                             {"kind": "index", "name": "Person_born_name", "on": ":Person(born, name)", "types": None})
        for form in ("csv", "box", "markdown", "line", "jsonl"):
            for change in (("--create", "typed", "--on", "Person", "--keys", "born", "--types", "int", "--name", "whole"), ("--drop", "whole")):
                self.assertRegex(run("schema", "schema.sombra", *change, "--format", form), "(?s)whole.*INTEGER")
        message = run("schema", "schema.sombra", "--create", "exists", "--on", "Person", "--keys", "score", code=4)
        self.assertIn("score", message)
        run("schema", "schema.sombra", "--drop", "name_born")
        self.assertNotIn("name_born", run("schema", "schema.sombra"))
        self.assertIn("no index", run("schema", "schema.sombra", "--drop", "name_born", code=3))

    def test_typed_constraints(self):
        run("backup", "g.sombra", "typed.sombra")
        schema = lambda *words, code=0: run("schema", "typed.sombra", *words, code=code)
        schema("--create", "typed", "--on", "Person", "--keys", "born", "--types", "int,Local DateTime")
        schema("--create", "typed", "--on", "KNOWS", "--relationships", "--keys", "km", "--types", "float,bool", "--name", "km")
        rows = {row["name"]: row for row in json.loads(schema("--format", "json"))}
        self.assertEqual(rows["Person_born"], {"kind": "typed", "name": "Person_born", "on": ":Person(born)",
                                               "types": "INTEGER or LOCAL DATETIME"})
        self.assertEqual((rows["km"]["on"], rows["km"]["types"]), ("[:KNOWS](km)", "BOOLEAN or FLOAT"))
        self.assertIsNone(rows["Person"]["types"])
        self.assertIn(":Person(born) is INTEGER or LOCAL DATETIME", run("info", "typed.sombra"))
        # The data must fit, and does not: tags are lists.
        self.assertIn("tags", schema("--create", "typed", "--on", "Person", "--keys", "tags", "--types", "string", code=4))
        schema("--create", "typed", "--on", "Person", "--keys", "tags", "--types", "list")
        schema("--create", "typed", "--on", "Person", "--keys", "dates", "--types", "List<Local DateTime>,list<int>", code=2)
        schema("--create", "typed", "--on", "Person", "--keys", "dates", "--types", "List<Local DateTime>,list<integer>", "--name", "dates")
        self.assertIn("LIST<INTEGER> or LIST<LOCAL DATETIME>", schema())
        schema("--drop", "dates")
        for words, text in ((("--types", "int"), "--types is for --create"), (("--drop", "km", "--on", "Person"), "--on is for --create"), (("--create", "typed", "--on", "Person", "--keys", "x"), "needs --types"),
                            (("--create", "typed", "--on", "Person", "--keys", "x", "--types", "local"), "'local' is no type"),
                            (("--create", "typed", "--on", "Person", "--keys", "x", "--types", "int,"), "'' is no type"),
                            (("--create", "index", "--on", "Person", "--keys", "x", "--types", "int"), "for --create typed")):
            self.assertIn(text, schema(*words, code=2))
        schema("--drop", "Person_born")
        schema("--drop", "Person")  # the label index
        self.assertEqual([row["name"] for row in json.loads(schema("--format", "json"))], ["km", "Person_tags"])
        schema("--create", "label-index", "--on", "Person")
        self.assertIn("label index", schema())

    def test_schemas_are_exported_and_imported(self):
        run("backup", "g.sombra", "schemas.sombra")
        for words in (("index", "--on", "Person", "--keys", "name,born"), ("unique", "--on", "Person", "--keys", "id"),
                      ("exists", "--on", "KNOWS", "--relationships", "--keys", "km", "--name", "a \"name\", indeed"),
                      ("typed", "--on", "Person", "--keys", "born", "--types", "int,float")):
            run("schema", "schemas.sombra", "--create", *words)
        self.assertIn("4 indexes and constraints as 3 files", run("export", "schemas.sombra", "schemas"))
        self.assertEqual(sorted(os.listdir("schemas")), ["nodes-Person.csv", "relationships-KNOWS.csv", "schema.csv"])
        self.assertRegex(run("import", "from.sombra", "--from", "schemas"), "made 4 indexes and constraints\nimported 4 nodes, 5 rel")
        self.assertEqual(run("schema", "from.sombra"), run("schema", "schemas.sombra"))
        self.assertEqual(run("digest", "from.sombra"), run("digest", "g.sombra"))
        self.assertIn("0 faults", run("verify", "from.sombra"))
        # The schema alone, into a graph that breaks it: nothing of it stays.
        with open("twice.csv", "w", encoding="utf-8") as file:
            file.write("key,id\n1,7\n2,7\n")
        run("import", "twice.sombra", "--nodes", "Person=twice.csv")
        self.assertIn("schemas/schema.csv, line 3: ", run("import", "twice.sombra", "--schema", "schemas/schema.csv", code=4))
        self.assertNotIn("unique", run("schema", "twice.sombra"))
        self.assertNotIn("Person_name_born", run("schema", "twice.sombra"))
        os.mkdir("empty")
        self.assertIn("empty holds no files", run("import", "twice.sombra", "--from", "empty", code=3))
        self.assertIn("nowhere: No such file", run("import", "twice.sombra", "--from", "nowhere", code=3))

    def test_a_cancelled_export_leaves_nothing(self):
        with open("many.csv", "w", encoding="utf-8") as file:
            file.write("n:int,text\n" + "".join(f"{i},node number {i}\n" for i in range(150000)))
        run("import", "many.sombra", "--nodes", "N=many.csv")
        # How fast it is is not known: if it was done before the signal came, again.
        for attempt in range(20):
            command = subprocess.Popen([SOMBRA, "export", "many.sombra", "cancelled"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            while command.poll() is None and not os.path.exists("cancelled"):
                pass
            command.send_signal(signal.SIGINT)
            _, message = command.communicate()
            if command.returncode != 0:
                break
            shutil.rmtree("cancelled")
        self.assertEqual((command.returncode, message), (7, "sombra: cancelled\n"))
        self.assertFalse(os.path.exists("cancelled"))

    def test_one_is_singular(self):
        with open("one.csv", "w", encoding="utf-8") as file:
            file.write("id:ID\n1\n")
        with open("loop.csv", "w", encoding="utf-8") as file:
            file.write(":START_ID,:END_ID\n1,1\n")
        run("import", "one.sombra", "--nodes", "P=one.csv", "--relationships", "R=loop.csv")
        run("import", "two.sombra", "--nodes", "P=one.csv", "--nodes", "P=one.csv", "--skip-duplicate-ids")
        run("schema", "one.sombra", "--create", "index", "--on", "P", "--keys", "id")
        for words, text in ((["export", "one.sombra", "one"], "1 node, 1 relationship, 1 index or constraint as 3 files"),
                            (["verify", "one.sombra"], "1 node, 1 relationship checked"),
                            (["neighbors", "one.sombra", "1"], "1 neighbor\n"),
                            (["bfs", "one.sombra", "1"], "1 node reached, up to 0 relationships away"),
                            (["recover", "one.sombra", "one-saved.sombra"], "saved 1 node and 1 relationship in"),
                            (["import", "three.sombra", "--nodes", "P=one.csv"], "imported 1 node, 0 relationships, 1 property in")):
            self.assertIn(text, run(*words))

    def test_wrong_use_is_named(self):
        for words, code, text in (
            (["impotr"], 2, "did you mean 'import'"),
            (["import", "x.sombra"], 2, "nothing to import"),
            (["import", "x.sombra", "--ndoes", "a.csv"], 2, "did you mean --nodes"),
            (["import", "x.sombra", "--nodes"], 2, "needs a value"),
            (["import", "x.sombra", "--nodes", "a.csv", "--threads", "many"], 2, "not a number"),
            (["import", "x.sombra", "--nodes", "a.csv", "--delimiter", "::"], 2, "not one character"),
            (["import", "x.sombra", "--nodes", "a.csv", "--max-rejects", "5"], 2, "needs --rejects"),
            (["schema", "g.sombra", "--create", "index", "--on", "Nope", "--keys", "k"], 3, "no label 'Nope'"),
            (["info"], 2, "usage: sombra info FILE"),
            (["info", ""], 2, "the name of the file is empty"),
            (["info", "-q", "g.sombra"], 2, "no flag -q: flags have two dashes"),
            (["recover", "people.csv", "x.sombra"], 10, "sombra: people.csv has no page"),
            (["recover", "g.sombra", "g.sombra"], 3, "g.sombra exists already"),
            (["recover", "missing.sombra", "x.sombra"], 3, "missing.sombra"),
            (["recover", "g.sombra", ":memory:"], 2, "':memory:' is no file"),
            (["recover", "g.sombra", ""], 2, "the name of the new file is empty"),
            (["backup", "g.sombra", ""], 2, "the name of the new file is empty"),
            (["backup", "g.sombra", "-"], 2, "a database does not go to standard output"),
            (["vacuum", "g.sombra", "-"], 2, "a database does not go to standard output"),
            (["recover", "g.sombra", "-"], 2, "a database does not go to standard output"),
            (["export", "g.sombra", "-"], 2, "or write one text with --as jsonl"),
            (["vacuum", "g.sombra", ""], 2, "the name of the new file is empty"),
            (["dump", "g.sombra", "g.sombra"], 2, "the script, g.sombra, is the database's own"),
            (["-c", ".output g.sombra", "g.sombra"], 2, "the output, g.sombra, is the database's own"),
            (["-c", ".once g.sombra", "g.sombra"], 2, "is the database's own"),
            (["-c", ".dump ./g.sombra", "g.sombra"], 2, "is the database's own"),
            (["-c", ".log g.sombra", "g.sombra"], 2, "the log, g.sombra, is the database's own"),
            (["info", "people.csv"], 10, "not a Sombra database"),
            (["info", "g.sombra", "--format", "xml"], 2, "none of table, box, markdown, line, json, jsonl, csv"),
            (["info", "g.sombra", "--option", "durabilty=off"], 2, "did you mean 'durability'"),
            (["info", "g.sombra", "--option", "durability=often"], 2, "none of full, normal, off"),
            (["get", "g.sombra", "99"], 3, "no node 99"),
            (["get", "g.sombra", "Ada"], 2, "names no node"),
            (["get", "g.sombra", "Human.name=Ada"], 3, "no label 'Human'"),
            (["get", "g.sombra", "Person.nom=Ada"], 3, "no property 'nom'"),
            (["get", "g.sombra", "Person.name=Eve"], 3, "no node Person.name=Eve"),
            (["get", "g.sombra", "Person.born:integer[=1"], 2, "integer["),
            (["get", "g.sombra", "Person.born:int=x"], 2, "'x'"),
            (["neighbors", "g.sombra", "1", "--type", "LIKES"], 3, "no relationship type 'LIKES'"),
            (["neighbors", "g.sombra", "1", "--direction", "up"], 2, "none of out, in, both"),
            (["path", "g.sombra", "1", "99"], 3, "99"),
            (["checkpoint", "g.sombra", "--mode", "hard"], 2, "none of passive"),
            (["help", "nothing"], 2, "no command 'nothing'"),
        ):
            with self.subTest(words=words):
                self.assertIn(text, run(*words, code=code))
        self.assertFalse(os.path.exists("x.sombra"))

    def test_what_is_not_there_is_not_found(self):
        """One rule: exit code 3, and the name."""
        none = "none.sombra"
        for words in (["shell", none, "--read-only", "-c", "RETURN 1"], ["shell", "g.sombra", "-f", "none.cypher"], ["query", none, "RETURN 1", "--option", "create=false"],
                      ["import", "x.sombra", "--nodes", "none.csv"], ["import", "x.sombra", "--relationships", "none.csv"], ["import", "x.sombra", "--from", "none"],
                      ["import", "x.sombra", "--nodes", "none-[0-9].csv"], ["import", "x.sombra", "--nodes", "people.csv,none.csv"], ["import", "x.sombra", "--schema", "none.csv"],
                      ["import", "none/x.sombra", "--nodes", "Person=people.csv"], ["import", "x.sombra", "--nodes", "Person=people.csv", "--rejects", "none/r.csv"],
                      ["import", "x.sombra", "--jsonl", "none.jsonl"], ["import", "x.sombra", "--graphml", "none.graphml"], ["import", "x.sombra", "--gexf", "none.gexf"],
                      ["import", "x.sombra", "--cypher", "none.cypher"], ["import", "x.sombra", "--kuzu", "none"], ["import", "x.sombra", "--sqlite", "none.db"],
                      ["import", "x.sombra", "--jsonl", "none.jsonl", "--dry-run"], ["export", none, "out-none"], ["export", none, "-", "--as", "jsonl"],
                      ["export", "g.sombra", "none/out"], ["export", "g.sombra", "none/out.jsonl", "--as", "jsonl"], ["dump", none], ["dump", "g.sombra", "none/g.cypher"],
                      ["restore", "x.sombra", "none.cypher"], ["restore", "none/x.sombra", "none.cypher"], ["info", none], ["info", none + "/" + none], ["info", "people.csv/x"], ["get", none, "1"],
                      ["neighbors", none, "1"], ["path", none, "1", "2"], ["bfs", none, "1"], ["top", none], ["schema", none],
                      ["schema", none, "--create", "index", "--on", "P", "--keys", "k"], ["verify", none], ["recover", none, "x.sombra"], ["recover", "g.sombra", "none/x.sombra"],
                      ["checkpoint", none], ["vacuum", none], ["vacuum", none, "x.sombra"], ["vacuum", "g.sombra", "none/x.sombra"], ["backup", none, "x.sombra"],
                      ["backup", "g.sombra", "none/x.sombra"], ["digest", none], ["init", "none/x.sombra"], ["seed-demo", "none/x.sombra"], ["config", "--config", "none.ini"]):
            with self.subTest(words=words):
                self.assertRegex(run(*words, code=3), "none|people.csv/x")
        self.assertEqual([name for name in os.listdir(".") if name.startswith(("none", "x.sombra", "out-none"))], [])

    def test_flags_before_the_command(self):
        self.assertEqual(run("--format", "csv", "digest", "g.sombra"), run("digest", "g.sombra", "--format", "csv"))
        self.assertEqual(run("--format=csv", "--trees", "info", "g.sombra"), run("info", "g.sombra", "--trees", "--format", "csv"))
        self.assertEqual(run("--option", "read_mode=cache", "--option", "cache_pages=8", "get", "g.sombra", "1"), run("get", "g.sombra", "1"))
        self.assertEqual(run("--read-only", "--format", "csv", "g.sombra", "-c", "RETURN 1 AS n"), "n\n1\n")
        self.assertEqual(run("--format", "csv", "-c", "RETURN 1 AS n"), "n\n1\n")
        self.assertEqual(run("--quiet", "--help"), run("help", "shell"))
        self.assertIn("did you mean 'info'", run("--quiet", "inof", "g.sombra", code=2))
        self.assertIn("info has no flag --distinct", run("--distinct", "info", "g.sombra", code=2))
        self.assertIn("no flag --nonsense", run("--nonsense", "info", "g.sombra", code=2))
        self.assertIn("--format needs a value", run("--format", code=2))

    def test_a_row_that_violates_a_constraint_is_named(self):
        Path("c1.csv").write_text("id:ID,name\n1,Ann\n2,Bob\n")
        Path("c2.csv").write_text("id:ID,age:int,name\n3,x,Cid\n4,1,Ann\n")
        run("import", "c.sombra", "--nodes", "Person=c1.csv")
        run("query", "c.sombra", "CREATE CONSTRAINT one FOR (p:Person) REQUIRE p.name IS UNIQUE")
        message = run("import", "c.sombra", "--nodes", "Person=c2.csv", "--rejects", "c-rejects.csv", code=4)
        self.assertEqual(message, "sombra: c2.csv, line 3, column 3 (name): its node and node 1 both have :Person(name) = 'Ann' (constraint one)\n")
        self.assertTrue(Path("c-rejects.csv").read_text().startswith("3,x,Cid,"))
        run("query", "c.sombra", "CREATE CONSTRAINT there FOR (p:Person) REQUIRE p.name IS NOT NULL")
        Path("c2.csv").write_text("id:ID,age:int,name\n3,3,Cid\n4,1,\n")
        message = run("import", "c.sombra", "--nodes", "Person=c2.csv", code=4)  # as its commit says
        self.assertEqual(message, "sombra: c2.csv, line 3, column 3 (name): its node has no :Person(name) (constraint there)\n")

    def test_bad_rows_are_placed(self):
        with open("bad.csv", "w", encoding="utf-8") as file:
            file.write("id:ID,age:int\n1,7\n2,seven\n3,8\n")
        self.assertIn("name a file", run("info", ":memory:", code=2))
        message = run("import", "r.sombra", "--nodes", "P=bad.csv", code=2)
        for part in ("bad.csv", "3", "age", "seven"):
            self.assertIn(part, message)
        self.assertFalse(os.path.exists("r.sombra"))
        run("query", "r.sombra", "RETURN 1")
        # The file for rejected rows is written over, so it is never one that is read, nor the database.
        with open("bad.csv", "rb") as file:
            bad = file.read()
        if not os.path.islink("link.csv"):
            os.symlink("bad.csv", "link.csv")
        for same in ("bad.csv", "./bad.csv", "link.csv", "r.sombra", "r.sombra-wal"):
            message = run("import", "r.sombra", "--nodes", "P=bad.csv", "--rejects", same, code=2)
            self.assertIn("name another", message)
        with open("bad.csv", "rb") as file:
            self.assertEqual(file.read(), bad)
        run("verify", "r.sombra")
        message = run("import", "r.sombra", "--nodes", "P=bad.csv", "--rejects", "rejects.csv", code=11)
        self.assertIn("1 row was rejected", message)
        with open("rejects.csv", encoding="utf-8") as file:
            self.assertIn("seven", file.read())
        counts = {(row["what"], row["name"]): row["count"] for row in json.loads(run("info", "r.sombra", "--format", "json"))}
        self.assertEqual(counts[("graph", "nodes")], 2)

    def test_a_record_has_a_limit(self):
        with open("long.csv", "wb") as file:  # a cell of NUL bytes, most of which the disk does not hold
            file.write(b'id:ID,n\n1,"')
            file.truncate(1100 << 20)
            file.seek(0, os.SEEK_END)
            file.write(b'"\n')
        message = run("import", "long.sombra", "--nodes", "P=long.csv", "--option", "memory_limit=16g", code=2)
        self.assertIn("long.csv, behind line 1: a record is longer than 1073741824 bytes", message)
        os.remove("long.csv")

    def test_standard_input(self):
        if os.path.exists("stdin.sombra"):
            os.remove("stdin.sombra")
        run("import", "stdin.sombra", "--nodes", "P=-", stdin="id:ID\n1\n2\n3\n")
        self.assertIn("3 nodes", run("verify", "stdin.sombra"))

    def test_standard_input_is_read_once(self):
        for flags in (["--nodes", "P=-", "--relationships", "R=-"], ["--nodes", "P=-", "--schema", "-"], ["--jsonl", "-", "--graphml", "-"]):
            with self.subTest(flags=flags):
                self.assertIn("standard input ('-') is given 2 times: it can be read once", run("import", "twice-stdin.sombra", *flags, stdin="", code=2))
                self.assertFalse(os.path.exists("twice-stdin.sombra"))

    def test_json_escapes_line_ends_shortly(self):
        self.assertIn(r'"two\nlines"', run("get", "g.sombra", "Person.name=Grace", "--format", "json"))

    def test_file_size_limit_is_an_error(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        done = subprocess.run([SOMBRA, "backup", "g.sombra", "limited.sombra"], capture_output=True, text=True, preexec_fn=limit)
        self.assertEqual(done.returncode, 9, done.stderr)

    def test_figures_in_each_format(self):
        for name in ("f1.sombra", "f2.sombra", "f3.sombra", "f4.sombra"):
            if os.path.exists(name):
                os.remove(name)
        for words, names in (
            (["import", "f1.sombra", "--nodes", "Person=people.csv"], {"nodes", "relationships", "seconds"}),
            (["verify", "g.sombra"], {"nodes", "relationships", "findings", "seconds"}),
            (["digest", "g.sombra"], {"digest"}),
            (["checkpoint", "f1.sombra"], {"pages_written"}),
            (["backup", "g.sombra", "f2.sombra"], {"pages", "seconds"}),
            (["vacuum", "f1.sombra"], {"pages_before", "pages_after"}),
            (["vacuum", "g.sombra", "f3.sombra"], {"file"}),
            (["export", "g.sombra", "figures"], {"nodes", "relationships", "files"}),
            (["recover", "g.sombra", "f4.sombra"], {"nodes", "lost_nodes"}),
        ):
            with self.subTest(words=words):
                figures = json.loads(run(*words, "--format", "json"))
                self.assertLessEqual(names, figures.keys())
                if words[0] in ("verify", "digest", "checkpoint"):
                    rows = list(csv.DictReader(io.StringIO(run(*words, "--format", "csv"), newline="")))
                    self.assertEqual([row.keys() for row in rows], [figures.keys()])

    def test_every_open_option_is_taken(self):
        options = json.loads(run("help", "options", "--format", "json"))
        self.assertGreater(len(options), 15)
        for option in options:
            with self.subTest(option=option["option"]):
                run("info", "g.sombra", "--option", f"{option['option']}={option['default']}")
                self.assertIn(option["option"], run("info", "g.sombra", "--option", f"{option['option']}={'~' * 2000}", code=2))

    def test_a_full_disk_under_the_output_is_an_error(self):
        for words in (["info", "g.sombra"], ["digest", "g.sombra"], ["get", "g.sombra", "1", "--format", "json"], ["help"], ["--version"],
                      ["neighbors", "g.sombra", "1", "--format", "csv"], ["get", "g.sombra", "99"]):
            with self.subTest(words=words), open("/dev/full", "w") as full:
                done = subprocess.run([SOMBRA, *words], stdout=full, stderr=subprocess.PIPE, text=True)
                if words[-1] == "99":
                    self.assertEqual((done.returncode, done.stderr), (3, "sombra: there is no node 99\n"))
                else:
                    self.assertEqual((done.returncode, done.stderr), (9, "sombra: standard output: No space left on device\n"))

    def test_much_output_on_a_full_disk_says_so_once(self):
        with open("rows.csv", "w", encoding="utf-8") as file:
            file.write("n:int\n" + "".join(f"{i}\n" for i in range(5000)))
        run("import", "rows.sombra", "--nodes", "N=rows.csv")
        for form in ("table", "json", "csv"):
            with open("/dev/full", "w") as full:
                done = subprocess.run([SOMBRA, "top", "rows.sombra", "--limit", "5000", "--format", form], stdout=full, stderr=subprocess.PIPE, text=True)
            self.assertEqual((done.returncode, done.stderr), (9, "sombra: standard output: No space left on device\n"))

    def test_a_dump_that_fails_leaves_no_script(self):
        with open("script.csv", "w", encoding="utf-8") as file:
            file.write("n:int\n" + "".join(f"{i}\n" for i in range(20000)))
        run("import", "script.sombra", "--nodes", "N=script.csv")

        def small():  # room for shared memory
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (70000, 70000))
        done = subprocess.run([SOMBRA, "dump", "script.sombra", "large.cypher"], capture_output=True, text=True, preexec_fn=small)
        self.assertEqual((done.returncode, done.stderr), (9, "sombra: large.cypher: File too large\n"))
        self.assertFalse(os.path.exists("large.cypher"))
        self.assertIn("/dev/full: No space left on device", run("dump", "g.sombra", "/dev/full", code=9))
        self.assertTrue(os.path.exists("/dev/full"))

    def test_a_cancelled_recovery_leaves_nothing(self):
        with open("recovered.csv", "w", encoding="utf-8") as file:
            file.write("n:int,text\n" + "".join(f"{i},node number {i}\n" for i in range(100000)))
        run("import", "large.sombra", "--nodes", "N=recovered.csv")
        for attempt in range(20):
            command = subprocess.Popen([SOMBRA, "recover", "large.sombra", "rescued.sombra"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            while command.poll() is None and not os.path.exists("rescued.sombra-salvage"):
                pass
            command.send_signal(signal.SIGINT)
            command.communicate()
            if command.returncode != 0:
                break
            os.remove("rescued.sombra")
        self.assertEqual(command.returncode, 7)
        self.assertEqual([name for name in os.listdir(".") if name.startswith("rescued")], [])

    def test_a_closed_pipe_is_quiet(self):
        self.assertEqual(unread(["help", "import"]), (-signal.SIGPIPE, b""))

    def test_who_reads_no_further_ends_the_command(self):
        """By SIGPIPE, whether it is met while rows are written or at the end, in one call or a script; what a script has not come to is not done."""
        rows = "UNWIND range(1, 200000) AS x RETURN x;"
        with open("rows.cypher", "w", encoding="utf-8") as file:
            file.write(rows + "\nCREATE (:After);\n")
        for words, text in ((["query", "g.sombra", rows], None), (["g.sombra", "-c", rows + " CREATE (:After);"], None), (["g.sombra", "-f", "rows.cypher"], None), (["g.sombra"], rows.encode() + b"\nCREATE (:After);\n"),
                            (["g.sombra", "--format", "json", "-c", rows], None), (["g.sombra", "-c", "RETURN 1;"], None), (["dump", "g.sombra"], None), (["g.sombra", "-c", ".dump"], None), (["info", "g.sombra"], None)):
            with self.subTest(words=words):
                self.assertEqual(unread(words, text), (-signal.SIGPIPE, b""))
        self.assertIn("0", run("query", "g.sombra", "MATCH (n:After) RETURN count(n)", "--quiet"))
        # a program of .output that reads no further is no error of the script
        self.assertEqual(run("g.sombra", "-c", f".once |head -n 1 >/dev/null\n{rows}\nRETURN 7 AS on;").split(), ["on", "──", "7"])

    def test_closed_standard_streams_are_not_taken_by_files(self):
        """What the command opens gets the number of no standard stream that was closed before its start."""
        words = [SOMBRA, "-c", ".mode csv", "-c", ".output closed.txt", "-c", "RETURN 1 AS x", "-c", "RETUR 2"]
        for closed in range(3):
            with self.subTest(closed=closed):
                done = subprocess.run(words, capture_output=True, text=True, preexec_fn=lambda: os.close(closed))
                self.assertEqual((done.returncode, done.stdout, "RETUR" in done.stderr), (2, "", closed != 2))
                with open("closed.txt", encoding="utf-8") as file:
                    self.assertEqual(file.read(), "x\n1\n")
        # nobody gets what goes to a closed one
        done = subprocess.run([SOMBRA, "-c", "RETURN 1 AS x"], stderr=subprocess.PIPE, text=True, preexec_fn=lambda: os.close(1))
        self.assertEqual((done.returncode, done.stderr), (9, "sombra: standard output: Bad file descriptor\n"))

    def test_every_command_has_help(self):
        for name in ("shell query import export info get neighbors path bfs top schema verify recover checkpoint vacuum backup digest").split():
            with self.subTest(command=name):
                text = run(name, "--help")
                self.assertIn("Usage: sombra " + name, text)
                self.assertIn("Examples:", text)
        self.assertIn("edge_cache_capacity", run("help", "options"))
        for word in ("--version", "-V", "version"):
            self.assertRegex(run(word), r"^sombra \d+\.\d+\.\d+\n$")
        self.assertEqual(run("info", "-h"), run("help", "info"))

    def test_a_terminal_gets_fitted_tables(self):
        main, second = pty.openpty()
        import fcntl
        import struct
        import termios
        fcntl.ioctl(second, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 30, 0, 0))
        command = subprocess.Popen([SOMBRA, "neighbors", "g.sombra", "Person.name=Ada"], stdout=second, env={**os.environ, "NO_COLOR": "1"})
        command.wait()
        os.close(second)
        lines = os.read(main, 100000).decode().splitlines()
        os.close(main)
        self.assertTrue(all(len(line) <= 30 for line in lines[:4]), lines)
        self.assertTrue(any("…" in line for line in lines), lines)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])
