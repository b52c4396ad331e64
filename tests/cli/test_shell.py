#!/usr/bin/env python3
"""The shell without a terminal: -c, -f, pipes, exit codes, every mode's output, every command, every error it tells."""
import json
import os
import re
import signal
import subprocess
import time
import unittest
import xml.etree.ElementTree

import scratch

SOMBRA = os.environ["SOMBRA"]
SOURCE = os.environ["SOMBRA_SOURCE_DIR"]

GRAPH = """
CREATE (a:Person {name: 'Ada', born: 1815, score: 1.5})-[:KNOWS {since: 1843}]->(b:Person:Admiral {name: 'Grace | 日本', born: 1906}),
       (b)-[:LIVES_IN]->(c:City {name: 'New\\nYork'}), (a)-[:KNOWS]->(b), (c)-[:IN]->(c);
"""


def run(*words, code=0, stdin=None, env=None):
    done = subprocess.run([SOMBRA, *words], input=stdin, capture_output=True, text=True, env={**os.environ, **(env or {})})
    if done.returncode != code:
        raise AssertionError(f"sombra {' '.join(words)}: exit code {done.returncode}, not {code}\n{done.stdout}{done.stderr}")
    return done.stderr if code else done.stdout


def shell(*texts, file="s.sombra", code=0, flags=()):
    """Commands and statements, one -c each."""
    return run(file, *flags, *(word for text in texts for word in ("-c", text)), code=code)


class Shell(unittest.TestCase):
    def setUp(self):
        scratch.clear()
        shell(GRAPH)

    # ---- Where statements come from --------------------------------------------------------------------------------------

    def test_text_files_and_pipes(self):
        with open("a.cypher", "w", encoding="utf-8") as file:
            file.write("// a comment; with a semicolon\nRETURN 'a;\nb' AS x; /* ; */ RETURN 2 AS y;\n.mode json\nRETURN 3 AS z")
        expected = 'x\n────\na; b\ny\n─\n2\n[\n  {"z": 3}\n]\n'
        self.assertEqual(run("s.sombra", "-f", "a.cypher"), expected)
        self.assertEqual(run("s.sombra", "--file", "a.cypher"), expected)
        with open("a.cypher", encoding="utf-8") as file:
            text = file.read()
        self.assertEqual(run("shell", "s.sombra", "-f", "-", stdin=text), expected)
        self.assertEqual(run("s.sombra", stdin=text), expected)
        with open("a.cypher", "wb") as file:  # as some editors write it
            file.write(b"\xef\xbb\xbf.mode csv\r\nRETURN\r\n 1 AS x;\r\n")
        self.assertEqual(run("s.sombra", "-f", "a.cypher"), "x\n1\n")
        with open("a.cypher", "w", encoding="utf-8") as file:
            file.write(text)
        # in the order in which they are given
        self.assertEqual(run("s.sombra", "-c", ".mode csv", "-f", "a.cypher", "-c", "RETURN 4 AS w"),
                         'x\n"a;\nb"\ny\n2\n[\n  {"z": 3}\n]\n[\n  {"w": 4}\n]\n')

    def test_without_a_file_the_graph_is_in_memory(self):
        self.assertEqual(run("-c", "CREATE (:X); MATCH (n) RETURN count(*) AS n", "--format", "csv"), "n\n1\n")
        self.assertEqual(run("--format", "csv", stdin="RETURN 1 AS a;"), "a\n1\n")
        self.assertEqual(os.listdir("."), ["s.sombra"])

    def test_statements_of_a_pipe_run_as_they_come(self):
        command = subprocess.Popen([SOMBRA, "s.sombra", "--format", "csv"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        command.stdin.write("RETURN 1 AS a;\n")
        command.stdin.flush()
        self.assertEqual(command.stdout.readline() + command.stdout.readline(), "a\n1\n")
        command.stdin.close()
        self.assertEqual(command.wait(), 0)
        command.stdout.close()

    def test_comments_stand_before_anything(self):
        script = "// one\n.mode csv\n/* two\n*/ // three\n.mode json\nRETURN 1 AS a; // four\n.mode csv\nRETURN 2 AS b; // five"
        expected = '[\n  {"a": 1}\n]\nb\n2\n'
        with open("c.cypher", "w", encoding="utf-8") as file:
            file.write(script)
        self.assertEqual(shell(script), expected)
        self.assertEqual(run("s.sombra", "-f", "c.cypher"), expected)
        self.assertEqual(run("s.sombra", stdin=script), expected)

    def test_a_quiet_script_prints_rows_alone(self):
        done = subprocess.run([SOMBRA, "s.sombra", "-c", "CREATE (:Y); RETURN 1 AS x"], capture_output=True, text=True, check=True)
        self.assertEqual((done.stdout, done.stderr), ("x\n─\n1\n", ""))

    def test_the_first_error_ends_a_script_with_its_class(self):
        for text, code in (("RETURN 1 +", 2), ("RETURN $x", 3), ("RETURN 1/0", 2), (".nothing", 2), (".read missing.cypher", 3),
                           (".open missing/x.sombra", 3), (".schema Nothing", 3), (".export s", 3), (".quit 42", 42)):
            with self.subTest(text=text):
                if text == ".export s":
                    os.mkdir("s")
                    with open("s/nodes-City.csv", "w", encoding="utf-8"):
                        pass
                told = shell("CREATE (:Z)", text, "RETURN 'after' AS x", code=code)
                self.assertNotIn("after", told)
        with open("bad.cypher", "w", encoding="utf-8") as file:
            file.write("RETURN 1;\n\nRETURN\n  nope;\nRETURN 'after';\n")
        done = subprocess.run([SOMBRA, "s.sombra", "-f", "bad.cypher"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)
        self.assertIn("(line 4, column 3)\n  nope;\n  ^\nsombra: in bad.cypher, what begins in line 3", done.stderr)
        self.assertNotIn("after", done.stdout)
        # a transaction that is open at the end is rolled back
        shell("BEGIN; CREATE (:Undone);", "RETURN nope", code=2)
        self.assertEqual(shell("MATCH (n:Undone) RETURN count(*) AS n", flags=("--format", "csv")), "n\n0\n")
        self.assertIn("is rolled back: COMMIT keeps it", shell("BEGIN; CREATE (:Undone)", code=1))
        self.assertEqual(shell("MATCH (n:Undone) RETURN count(*) AS n", flags=("--format", "csv")), "n\n0\n")

    def test_empty_statements_and_places(self):
        script = ";;\n.mode csv\nRETURN 1 AS a;; /* c */;\n;RETURN 2 AS b;\n"
        with open("empty.cypher", "w", encoding="utf-8") as file:
            file.write(script)
        for words in (("-f", "empty.cypher"), ("-c", ".read empty.cypher"), ("-c", script)):
            self.assertEqual(run("s.sombra", *words), "a\n1\nb\n2\n")
        self.assertEqual(run("s.sombra", stdin=script), "a\n1\nb\n2\n")
        # behind EXPLAIN, which the shell puts there, places are the user's, too
        self.assertIn("(line 2, column 18)", shell(".explain on", "RETURN 1;\nRETURN 2; RETURN nope", code=2))

    def test_names_of_databases_and_of_commands(self):
        self.assertIn("did you mean 'import'", run("impotr", code=2))
        self.assertIn("a new database in this folder is ./graph", run("graph", code=2))
        self.assertEqual(run("./graph", "-c", "RETURN 1 AS x", "--format", "csv"), "x\n1\n")
        self.assertEqual(run("graph", "-c", "RETURN 2 AS x", "--format", "csv"), "x\n2\n")  # it exists now
        self.assertIn("no flag -x", run("s.sombra", "-x", code=2))
        self.assertIn("needs a value", run("s.sombra", "-c", code=2))
        self.assertIn("for reading only", shell("CREATE (:X)", flags=("--read-only",), code=6))
        self.assertIn("missing.sombra", run("missing.sombra", "--read-only", "-c", "RETURN 1", code=3))

    # ---- Modes ---------------------------------------------------------------------------------------------------------------

    QUERY = "MATCH (n:Person) RETURN n.name AS name, n.born AS born, n.score AS score ORDER BY name"
    GOLDEN = {
        "table": """\
name          born  score
────────────  ────  ─────
Ada           1815    1.5
Grace | 日本  1906
""",
        "box": """\
┌──────────────┬──────┬───────┐
│ name         │ born │ score │
├──────────────┼──────┼───────┤
│ Ada          │ 1815 │   1.5 │
│ Grace | 日本 │ 1906 │       │
└──────────────┴──────┴───────┘
""",
        "markdown": """\
| name          | born | score |
| ------------- | ---: | ----: |
| Ada           | 1815 |   1.5 |
| Grace \\| 日本 | 1906 |       |
""",
        "line": """\
 name = Ada
 born = 1815
score = 1.5

 name = Grace | 日本
 born = 1906
score = 
""",
        "json": """\
[
  {"name": "Ada", "born": 1815, "score": 1.5},
  {"name": "Grace | 日本", "born": 1906, "score": null}
]
""",
        "jsonl": """\
{"name": "Ada", "born": 1815, "score": 1.5}
{"name": "Grace | 日本", "born": 1906, "score": null}
""",
        "csv": """\
name,born,score
Ada,1815,1.5
Grace | 日本,1906,
""",
    }
    DOT = """\
digraph sombra {
  node [shape=ellipse, style=filled, fontcolor=white];
  nA [label="Ada", tooltip=":Person", fillcolor="#4c8bb5"];
  nB [label="Grace | 日本", tooltip=":Person:Admiral", fillcolor="#8e6bb0"];
  nC [label="New York", tooltip=":City", fillcolor="#5fa55a"];
  nA -> nB [label="KNOWS"];
  nA -> nB [label="KNOWS"];
  nB -> nC [label="LIVES_IN"];
  nC -> nC [label="IN"];
}
"""

    def test_every_mode(self):
        for mode, expected in self.GOLDEN.items():
            with self.subTest(mode=mode):
                self.assertEqual(shell(f".mode {mode}", self.QUERY), expected)
                self.assertEqual(shell(self.QUERY, flags=("--format", mode)), expected)
        self.assertEqual(shell(".mode box", ".mode"), "box\n")

    def test_names_of_columns_are_written_as_cells_are(self):
        self.assertEqual(shell("RETURN [1, 2], 3 AS `a|b\"c`", flags=("--format", "csv")), '"[1, 2]","a|b""c"\n"[1, 2]",3\n')
        # a number of one character: a rule of ':' alone makes no table
        self.assertEqual(shell("RETURN 1 AS x, 'a' AS y", flags=("--format", "markdown")), "|  x | y |\n| -: | - |\n|  1 | a |\n")
        # Korean letter by letter, and as one character, have the same width
        self.assertEqual(shell("UNWIND ['\u1112\u1161\u11ab', '\ud55c', 'ab'] AS x RETURN x", flags=("--format", "box")),
                         "┌────┐\n│ x  │\n├────┤\n│ \u1112\u1161\u11ab │\n│ \ud55c │\n│ ab │\n└────┘\n")
        self.assertEqual(shell("RETURN [1, 2], '|' AS `a|b`", flags=("--format", "markdown")), "| [1, 2] | a\\|b |\n| ------ | ---- |\n| [1, 2] | \\|   |\n")

    def test_long_cells(self):
        """A megabyte in a cell takes its own time and memory, in each mode, and not its square nor that of a thousand rows."""
        text = "reduce(s = '|\\\'\"\\n,é', i IN range(1, 17) | s + s)"
        for mode in ("table", "box", "markdown", "line", "json", "jsonl", "csv"):
            with self.subTest(mode=mode):
                done = subprocess.run([SOMBRA, "-c", f"RETURN {text} AS t", "--format", mode], capture_output=True, check=True)
                self.assertGreater(len(done.stdout), 7 << 17)
        # 16 MB are enough to lay out a table: what comes later moves its own line alone
        out = shell(".set width 40", f"WITH {text} AS t UNWIND range(1, 24) AS x RETURN CASE x WHEN 24 THEN 'late' ELSE '' END AS x, t").splitlines()
        self.assertEqual((len(out), out[0], out[-1][:7]), (26, "x  t", "late  |"))

    def test_terminals_get_no_control_characters(self):
        for mode in ("table", "box", "markdown", "line", "graph"):
            out = shell(f".mode {mode}", "CREATE (n:X {name: 'a\\u001b[2Jb\\u009b1mc\\u202ed\\u2066e'}) RETURN n, n.name")
            self.assertIn("[2Jb", out, mode)
            self.assertNotRegex(out, "[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

    def test_nothing_in_every_mode(self):
        for mode, expected in (("table", "x\n─\n"), ("box", "┌───┐\n│ x │\n├───┤\n└───┘\n"), ("markdown", "| x |\n| - |\n"), ("line", ""),
                               ("json", "[]\n"), ("jsonl", ""), ("csv", "x\n"), ("graph", "digraph sombra {\n  node [shape=ellipse, style=filled, fontcolor=white];\n}\n")):
            self.assertEqual(shell(f".mode {mode}", "MATCH (x:None) RETURN x"), expected, mode)

    def test_graphs_are_drawn(self):
        paths = "MATCH p = ()-->() RETURN p ORDER BY type(relationships(p)[0]) = 'IN', type(relationships(p)[0])"
        text = shell(".mode graph", paths)
        ids = {}
        for i in re.findall(r"^  n(\d+) \[", text, re.M):
            ids[i] = "nABC"[len(ids) + 1]
        self.assertEqual(re.sub(r"\bn(\d+)", lambda m: "n" + ids[m.group(1)], text), self.DOT)
        # nodes alone, in lists and maps too, are drawn
        self.assertEqual(shell(".mode graph dot", "MATCH (n) RETURN {all: collect(n)} AS m").count("label="), 3)
        # a picture for browsers: equal each time, well-formed, all within its borders
        shell(".once p.svg", ".mode graph", paths, ".once q.svg", paths)
        with open("p.svg", encoding="utf-8") as first, open("q.svg", encoding="utf-8") as second:
            picture = first.read()
            self.assertEqual(picture, second.read())
        root = xml.etree.ElementTree.fromstring(picture)
        name = lambda kind: "{http://www.w3.org/2000/svg}" + kind
        circles = root.findall(name("circle"))
        self.assertEqual(len(circles), 3)
        places = [(float(c.get("cx")), float(c.get("cy"))) for c in circles]
        self.assertTrue(all(0 < x < 800 and 0 < y < 600 for x, y in places), places)
        for i in range(3):
            for j in range(i):
                self.assertGreater(abs(places[i][0] - places[j][0]) + abs(places[i][1] - places[j][1]), 40)
        curves = [p.get("d") for p in root.findall(name("path"))]
        self.assertEqual((len(curves), len(set(curves))), (4, 4))  # parallel ones lie apart
        self.assertIn("Grace | 日本", [t.text for t in root.findall(name("text"))])
        self.assertEqual(shell(".mode graph svg", paths), picture)
        shell("CREATE (:`<&\">` {name: '</text>\u0001'})")
        xml.etree.ElementTree.fromstring(shell(".mode graph svg", "MATCH (n) RETURN n"))
        text = shell(".mode graph svg", r"CREATE (n:Odd {name: 'a\uFFFEb\uFFFFc\u0001d\uFFFDe'}) RETURN n")  # what XML can not hold
        self.assertIn(">a b c d\ufffde<", text)
        xml.etree.ElementTree.fromstring(text)
        # more than a picture can show
        many = shell("UNWIND range(1, 500) AS i CREATE (:Many)-[:R]->(:Many)", ".mode graph dot", "MATCH p = (:Many)-->() RETURN p")
        self.assertEqual(many.count("tooltip="), 400)

    def test_plans_are_drawn(self):
        plan = shell("EXPLAIN MATCH (a:Person)-[:KNOWS]->(b) RETURN a.name, count(b)")
        self.assertIn("Person", plan)
        self.assertRegex(plan.splitlines()[0], r"^operator +details +est. rows$")
        self.assertRegex(plan, r"(?m)^─ Argument")
        plan = shell(".profile MATCH (a:Person)-[:KNOWS]->(b) RETURN a.name, count(b)")
        self.assertRegex(plan.splitlines()[0], r"^operator +details +est. rows +rows +pages +ms +share$")
        shares = [int(s) for s in re.findall(r"(\d+) %", plan)]
        self.assertAlmostEqual(sum(shares), 100, delta=len(shares))
        self.assertIn("█", plan)
        # Where it does not fit, details give way: names of operators and shares are whole.
        plan = shell(".set width 80", ".profile MATCH (a:Person)-[:KNOWS]->(b) WHERE a.name <> 'nobody of this rather long name' RETURN a.name AS name, count(b) AS friends ORDER BY friends")
        self.assertTrue(all(len(line) <= 80 for line in plan.splitlines()), plan)
        table = [line for line in plan.splitlines() if line[:1] in "┬─│" and not line.startswith("──")]
        self.assertTrue(all("…" not in line[:24] and line.rstrip().endswith("%") for line in table) and len(table) > 3, plan)
        self.assertIn("…", plan)
        self.assertIn("│ ", shell(".explain MATCH (a:Person) CALL (a) { MATCH (a)-->(b) RETURN count(b) AS c } RETURN c"))
        self.assertEqual(json.loads(shell("EXPLAIN JSON RETURN 1"))["operator"], "ProduceResults")
        # for programs it is an object
        for mode, read in (("json", lambda text: json.loads(text)[0]), ("jsonl", json.loads)):
            for text in (".explain RETURN 1", "EXPLAIN JSON RETURN 1", "PROFILE RETURN 1"):
                plan = read(shell(f".mode {mode}", text))["plan"]
                self.assertEqual((plan["operator"], "rows" in plan), ("ProduceResults", "PROFILE" in text))
        self.assertTrue(shell(".mode csv", "EXPLAIN RETURN 1").startswith("plan\n"))
        # several statements; and those that have no plan
        self.assertEqual(shell(".explain RETURN 1; RETURN 2;").count("ProduceResults"), 2)
        self.assertIn("is no query", shell(".explain .explain RETURN 1", code=2))
        self.assertEqual(shell(".explain on", "CREATE INDEX FOR (n:X) ON (n.y)", "CREATE RANGE INDEX FOR (n:X) ON (n.z)", "CREATE CONSTRAINT FOR (n:X) REQUIRE n.w IS UNIQUE"), "")
        self.assertIn("Create ", shell(".explain on;", "CREATE (index)", "CREATE constraint = ()"))
        self.assertIn("ProduceResults", shell(".explain RETURN '" + "a b " * 100 + "' // it's"))  # words and quotes are the query's
        out = shell(".explain on", "RETURN 1", "SHOW INDEXES", ".explain off", "RETURN 7 AS x")
        self.assertIn("ProduceResults", out)
        self.assertTrue(out.endswith("x\n─\n7\n"))

    # ---- Commands ---------------------------------------------------------------------------------------------------------------

    def test_schema(self):
        shell("CREATE INDEX FOR (n:Person) ON (n.name, n.born); CREATE CONSTRAINT FOR (n:City) REQUIRE n.name IS UNIQUE;"
              "CREATE CONSTRAINT FOR (n:Person) REQUIRE n.born IS :: INTEGER | FLOAT; MATCH (n:Person {name: 'Ada'}) SET n.score = 'high'")
        rows = json.loads(shell(".mode json", ".schema"))
        find = lambda what, prop=None: next(r for r in rows if r["what"] == what and r["property"] == prop)
        self.assertEqual(find("(:Person)")["count"], 2)
        self.assertEqual(find("(:Person)", "born"), {"what": "(:Person)", "property": "born", "types": "INTEGER", "fill %": 100, "count": 2,
                                                     "index": "index (2 of 2), INTEGER or FLOAT"})
        self.assertEqual((find("(:Person)", "score")["fill %"], find("(:Person)", "score")["types"]), (50, "STRING"))
        self.assertEqual(find("(:City)", "name")["index"], "unique")
        self.assertEqual((find("[:KNOWS]")["count"], find("[:KNOWS]", "since")["fill %"]), (2, 50))
        self.assertEqual(find("(:Person)-[:KNOWS]->(:Person:Admiral)")["count"], 2)
        self.assertEqual(find("(:City)-[:IN]->(:City)")["count"], 1)
        self.assertEqual(json.loads(shell(".mode json", ":tables City")), [r for r in rows if "(:City)" in r["what"]])
        self.assertEqual([r["what"] for r in json.loads(shell(".mode json", ".schema KNOWS"))], ["[:KNOWS]", "[:KNOWS]", "(:Person)-[:KNOWS]->(:Person:Admiral)"])
        self.assertIn("Person_name_born", shell(".indexes"))
        # what an open transaction has made is there, too
        out = shell("BEGIN; CREATE (:Fresh {k: date()})", ".mode json", ".schema Fresh", "ROLLBACK")
        self.assertEqual([r["types"] for r in json.loads(out)], [None, "DATE"])

    def test_output_goes_to_files_and_programs(self):
        out = shell(".mode csv", ".once one.txt", "RETURN 1 AS x", "RETURN 2 AS x", ".output two.txt", "RETURN 3 AS x", ".mode",
                    ".output", "RETURN 4 AS x", ".output '|tr a-z A-Z'", "RETURN 'five' AS x", ".output -", "RETURN 6 AS x")
        self.assertEqual(out, "x\n2\nx\n4\nX\nFIVE\nx\n6\n")
        with open("one.txt", encoding="utf-8") as file:
            self.assertEqual(file.read(), "x\n1\n")
        with open("two.txt", encoding="utf-8") as file:
            self.assertEqual(file.read(), "x\n3\ncsv\n")
        # .once, and .dump to a file, are asides of .output; of .once to the terminal, too
        self.assertEqual(shell(".mode csv", ".once -", "RETURN 0 AS x", ".output three.txt", "RETURN 1 AS x", ".once -", "RETURN 2 AS x", "RETURN 3 AS x"), "x\n0\nx\n2\n")
        with open("three.txt", encoding="utf-8") as file:
            self.assertEqual(file.read(), "x\n1\nx\n3\n")
        self.assertEqual(shell(".mode csv", ".output two.txt", "RETURN 1 AS x", ".once one.txt", "RETURN 2 AS x", "RETURN 3 AS x", ".dump d.cypher", "RETURN 4 AS x",
                               ".once |tr x y", "RETURN 5 AS x", ".output", "RETURN 6 AS x"), "x\n6\n")
        with open("one.txt", encoding="utf-8") as one, open("two.txt", encoding="utf-8") as two, open("d.cypher", encoding="utf-8") as dump:
            self.assertEqual((one.read(), two.read()), ("x\n2\n", "x\n1\nx\n3\nx\n4\ny\n5\n"))
            self.assertIn("COMMIT;", dump.read())
        # what reads no further ends nothing but itself
        self.assertEqual(shell(".once |head -1", ".mode csv", "UNWIND range(1, 200000) AS x RETURN x", "RETURN 1 AS y"), "x\ny\n1\n")
        self.assertIn("No such file", shell(".output no/such/file", code=3))
        # a program gets SIGPIPE as from other shells
        self.assertEqual(shell(".once |yes | head -1; cat >/dev/null", "RETURN 1"), "y\n")
        # what can not be written is told with its name, at the statement, and once; the next result goes on
        for command in (".output /dev/full", ".once /dev/full"):
            told = shell(command, "RETURN 1", code=9)
            self.assertEqual(told, "sombra: /dev/full: No space left on device\n")
            done = subprocess.run([SOMBRA, "s.sombra", "-c", command, "-c", "UNWIND range(1, 100000) AS x RETURN x", "-c", "CREATE (:After)"], capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (9, told))
        self.assertEqual(shell(".dump /dev/full", code=9), "sombra: /dev/full: No space left on device\n")
        self.assertEqual(shell("MATCH (n:After) RETURN n", ".mode"), "n\n─\ntable\n")
        # names with blanks
        shell(".once 'a b.txt'", ".help help")
        self.assertTrue(os.path.exists("a b.txt"))

    def test_timer_and_log(self):
        self.assertRegex(shell(".timer on", "UNWIND [1, 2] AS x RETURN x"), r"\n\(2 rows, \d+\.\d ms\)\n$")
        shell(".log log.txt", "RETURN 1;\nRETURN\n2", ".log off", "RETURN 3")
        with open("log.txt", encoding="utf-8") as file:
            self.assertEqual(file.read(), "RETURN 1;\nRETURN\n2\n")
        self.assertIn("neither on nor off", shell(".timer maybe", code=2))
        self.assertIn("the log: No space", shell(".log /dev/full", "RETURN 1", code=9))
        self.assertRegex(shell(".timer on;", "RETURN 1"), "1 row")  # fingers are used to the ';'

    def test_params(self):
        self.assertEqual(shell(".params x [1, {\"k\": null}]", ".params $y=\"ü\"", ".mode json", "RETURN $x AS x, $y AS y"),
                         '[\n  {"x": [1, {"k": null}], "y": "ü"}\n]\n')
        self.assertEqual(shell(".params a 1", ".params b 2", ".params a 3", ".mode csv", ".params", ".params clear b", ".params"),
                         "name,value\nb,2\na,3\nname,value\na,3\n")
        self.assertEqual(shell("RETURN $z AS z", flags=("--param", "z=5", "--format", "csv")), "z\n5\n")
        # any name, and any JSON: its quotes and blanks are its own
        many = list(range(100))
        self.assertEqual(json.loads(shell(f".params 'odd name' {json.dumps(many)}", '.params `b` = "it\'s \\"so\\""', ".mode json", "RETURN $`odd name` AS a, $b AS b")),
                         [{"a": many, "b": "it's \"so\""}])
        # as at Neo4j's prompt
        self.assertEqual(shell(":param a => [1, {\"k\": 2}]", ":param b=>2", ":param c: 3", ":param 'd:' 4", ".mode csv", "RETURN $a[1].k AS k, $b AS b, $c AS c, $`d:` AS d"), "k,b,c,d\n2,2,3,4\n")
        long = "x" * 1000
        self.assertEqual(shell(f".params {long} 1", ".mode csv", f"RETURN ${long} AS y"), "y\n1\n")
        self.assertEqual(shell(f"RETURN ${long} AS y", flags=("--param", f"{long}=2", "--format", "csv")), "y\n2\n")
        self.assertEqual(run("query", "s.sombra", f"RETURN ${long} AS y", "--param", f"{long}=2", "--format", "csv"), "y\n2\n")
        self.assertIn("usage", shell(".params 'a=b' 1", code=2))
        self.assertIn("usage", shell(".params $ 1", code=2))
        self.assertIn("usage", shell(".params 'a 1", code=2))
        self.assertIn("usage", shell(".params clear a b", code=2))
        self.assertEqual(shell(".params a 1", ".params clear $a", ".mode csv", ".params"), "name,value\n")
        self.assertIn("is not JSON", shell(".params a {", code=2))
        self.assertIn("is not JSON", shell(".params a x", code=2))
        self.assertIn("--param a: '[[[[", run("-c", "RETURN $a", "--param", "a=" + "[" * 100000, code=2))
        self.assertLess(len(run("-c", "RETURN $a", "--param", "a=" + "[" * 100000, code=2)), 300)
        self.assertIn("usage", shell(".params a", code=2))
        self.assertIn("no parameter q", shell(".params clear q", code=3))

    def test_settings(self):
        self.assertIn("time limit", shell(".set timeout 1", "UNWIND range(1, 10000) AS a UNWIND range(1, 100000) AS x WITH x WHERE x % 7 = 8 RETURN count(*)", code=7))
        self.assertEqual(shell(".set width 20", "RETURN 'a text that is too long for it' AS t"), "t\n────────────────────\na text that is too …\n")
        rows = {r["name"]: r["value"] for r in json.loads(shell(".set durability off", ".mode json", ".set"))}
        self.assertEqual((rows["durability"], rows["mode"], rows["file"]), ("off", "json", "s.sombra"))
        self.assertIn("durability", shell(".set durabilty off", code=2))
        self.assertEqual(json.loads(shell(".set timeout 0.25", ".mode json", ".set"))[3], {"name": "timeout", "value": "0.25"})
        self.assertIn("no number of seconds", shell(".set timeout soon", code=2))
        self.assertIn("no whole number", shell(".set width 1.5", code=2))
        self.assertIn("usage: .set", shell(".set timeout", code=2))

    def test_open_read_quit(self):
        with open("a.cypher", "w", encoding="utf-8") as file:
            file.write("MATCH (n) RETURN count(*) AS n;\n.read b.cypher\n")
        with open("b.cypher", "w", encoding="utf-8") as file:
            file.write(".quit 3\nRETURN 'after';\n")
        done = subprocess.run([SOMBRA, "s.sombra", "-c", ".mode csv", "-c", ".open", "-c", ".read a.cypher", "-c", "RETURN 1"], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (3, "n\n0\n"))
        self.assertEqual(shell(".open other.sombra", "CREATE (:X)", ".open s.sombra --read-only", ".mode csv", "MATCH (n) RETURN count(*) AS n"), "n\n3\n")
        self.assertIn("for reading only", shell(".open s.sombra --read-only", "CREATE (:X)", code=6))
        # what can not be opened leaves the present one open
        done = subprocess.run([SOMBRA, "s.sombra"], input=".open no/such\n", capture_output=True, text=True)
        self.assertEqual(done.returncode, 3)
        self.assertIn("transaction is open", shell("BEGIN", ".open x.sombra", code=2))
        with open("loop.cypher", "w", encoding="utf-8") as file:
            file.write(".read loop.cypher\n")
        self.assertIn("scripts read each other", shell(".read loop.cypher", code=2))
        with open("binary", "wb") as file:
            file.write(b"RETURN 1;\n\0")
        self.assertIn("no text", shell(".read binary", code=2))
        self.assertIn("no exit code", shell(".quit soon", code=2))

    def test_commands_of_sombra(self):
        self.assertRegex(shell(".digest"), r"^[0-9a-f]{32}\n$")
        self.assertEqual(shell(".digest"), run("digest", "s.sombra"))
        content, schema = shell(".digest --schema").split()
        self.assertEqual(content + "\n", run("digest", "s.sombra"))
        self.assertEqual(json.loads(run("digest", "s.sombra", "--schema", "--format", "json")), {"digest": content, "schema": schema})
        shell("CREATE INDEX other FOR (n:Admiral) ON (n.x)")
        self.assertEqual(shell(".digest --schema").split()[0], content)
        self.assertNotEqual(shell(".digest --schema").split()[1], schema)
        shell("DROP INDEX other")
        self.assertEqual(shell(".digest --schema").split(), [content, schema])
        self.assertIn("0 faults", shell(".verify"))
        shell(".backup copy.sombra", ".export out", ".vacuum small.sombra", ".vacuum", ".checkpoint --mode truncate")
        for name in ("copy.sombra", "small.sombra"):
            self.assertEqual(run("digest", name), run("digest", "s.sombra"))
        out = run("-c", ".import --from out", "-c", ".digest")
        self.assertTrue(out.endswith(run("digest", "s.sombra")), out)
        shell(".export out.jsonl --as jsonl")
        self.assertTrue(run("-c", ".import --jsonl out.jsonl", "-c", ".digest").endswith(run("digest", "s.sombra")))
        self.assertIn("Person", shell(".info"))
        figures = {r["figure"]: r["value"] for r in json.loads(shell(".mode json", ".stats"))}
        self.assertEqual((figures["nodes"], figures["relationships"], figures["page_size"]), (3, 4, 8192))
        self.assertGreater(figures["tree_descents"], 0)
        rows = [(r["figure"], r["of"]) for r in json.loads(shell(".mode json", ".stats"))]
        self.assertEqual(len(rows), len(set(rows)))
        self.assertIn(("nodes", "graph"), rows)
        reset = [json.loads(part) for part in shell(".mode json", ".stats reset", ".stats").replace("]\n[", "]\x00[").split("\x00")]
        count = lambda rows: next((r["value"] for r in rows if r["figure"] == "tree_descents"), 0)
        self.assertLess(count(reset[1]), count(reset[0]))
        self.assertIn("usage: .stats", shell(".stats more", code=2))
        shell(".indexes --create index --on Person --keys name")
        self.assertIn("Person_name", shell(".indexes"))
        self.assertIn("did you mean --keys", shell(".indexes --key x", code=2))
        for text in (".vacuum", ".checkpoint", ".import --nodes x.csv", ".indexes --drop Person_name"):
            self.assertIn("COMMIT or ROLLBACK first", shell("BEGIN", text, code=2))
        # reading goes on within the transaction
        self.assertIn("digest", shell("BEGIN; CREATE (:X)", ".mode json", ".digest", "ROLLBACK"))

    def test_transactions(self):
        self.assertEqual(shell("BEGIN TRANSACTION; CREATE (:T); COMMIT", "begin; CREATE (:T); rollback transaction;", ".mode csv",
                               "MATCH (n:T) RETURN count(*) AS n"), "n\n1\n")
        self.assertEqual(shell(":begin", "CREATE (:Typed)", ":rollback", ".begin", "CREATE (:Typed)", ":commit", ".mode csv", "MATCH (n:Typed) RETURN count(*) AS n"), "n\n1\n")
        for each in ("COMMIT", ":commit", ".rollback"):
            self.assertIn("no transaction is open", shell(each, code=2))
        self.assertIn("transaction", shell("BEGIN; BEGIN", code=2))

    def test_help_and_wrong_commands(self):
        names = re.findall(r"^\.(\w+)", shell(".help"), re.M)
        for name in ("help open schema mode output once timer explain profile import export dump restore backup indexes stats params set log "
                     "verify vacuum read quit").split():
            self.assertIn(name, names)
            self.assertIn("." + name, shell(f".help {name}"))
            self.assertIn("." + name, shell(f":help :{name}"))
        self.assertIn("--delimiter", shell(".help import"))
        self.assertIn("--delimiter", shell(".import --help"))
        for text, told in ((".shema", "did you mean .schema?"), (".xyzzy", ".help lists them"), (".mode", None), (".mode xml", "no mode"),
                           (".mode graph png", "auto, dot or svg"), (".mode box now", "usage"), (".once", "usage: .once FILE"), (".once a b", "'b' is one word too many"), (".output a b", "one word too many"), (".open --nothing", "usage: .open"), (".read 'x", "not closed"),
                           (".indexes" + " x" * 65, "more than 64 words"), (".indexes" + " x" * 64, "too many arguments"), (".help nope", "no command"), (".read", "usage: .read SCRIPT"), (".open a b", "usage")):
            if told:
                with self.subTest(text=text):
                    self.assertIn(told, shell(text, code=2))
        with open(os.path.join(SOURCE, "docs", "SHELL.md"), encoding="utf-8") as file:
            documented = set(re.findall(r"^\| `\.(\w+)", file.read(), re.M))
        self.assertEqual(documented, set(names))

    # ---- Dump and restore --------------------------------------------------------------------------------------------------------

    def whole(self, file):
        """Data, indexes and constraints."""
        return run("digest", file, "--schema")

    def test_dump_and_restore(self):
        run("n.sombra", "-f", os.path.join(SOURCE, "tests", "cli", "nasty.cypher"))
        before = self.whole("n.sombra")
        label = run("n.sombra", "-c", "MATCH (n) UNWIND labels(n) AS l RETURN l ORDER BY size(l) DESC, l LIMIT 1", "--format", "csv").splitlines()[1]
        # indexes of labels that are dropped, of one that has nodes and of one that has none, are so again
        run("n.sombra", "-c", f"DROP INDEX ON :`{label}`; DROP INDEX ON :`no node's`")
        digest = self.whole("n.sombra")
        self.assertNotEqual(digest, before)
        self.assertIn("INTEGER or FLOAT or STRING or BYTES", run("schema", "n.sombra"))
        # all ways out, and all ways in
        run("n.sombra", "-c", ".dump d.cypher")
        run("dump", "n.sombra", "e.cypher")
        with open("d.cypher", encoding="utf-8") as one, open("e.cypher", encoding="utf-8") as two:
            script = one.read()
            self.assertEqual(script, two.read())
        self.assertEqual(run("dump", "n.sombra"), script)
        self.assertEqual(run("dump", "n.sombra", "-"), script)
        self.assertEqual(run("n.sombra", "-c", ".dump -"), script)
        self.assertFalse(os.path.exists("-"))
        # to programs: what a script holds that they do not see
        told = json.loads(run("dump", "n.sombra", "j.cypher", "--format", "json"))
        self.assertEqual(told["nodes"], json.loads(run("verify", "n.sombra", "--format", "json"))["nodes"])
        self.assertEqual(set(told), {"nodes", "relationships", "seconds"})
        for form in ("csv", "box", "markdown", "line", "jsonl"):
            self.assertRegex(run("dump", "n.sombra", "j.cypher", "--format", form), f"nodes(.|\n)*{told['nodes']}")
        self.assertEqual(run("n.sombra", "-c", ".dump"), script)
        for name, words, stdin in (("a", ["restore", "a.sombra", "d.cypher"], None), ("b", ["restore", "b.sombra", "-"], script),
                                   ("c", ["c.sombra", "-c", ".restore d.cypher"], None), ("d", ["d.sombra", "-f", "d.cypher"], None),
                                   ("e", ["query", "e.sombra", "-"], script)):
            with self.subTest(words=words):
                run(*words, stdin=stdin)
                self.assertEqual(self.whole(f"{name}.sombra"), digest)
                if name == "a":
                    told = json.loads(run("restore", "j.sombra", "d.cypher", "--format", "json"))
                    self.assertEqual(told["nodes"], json.loads(run("verify", "a.sombra", "--format", "json"))["nodes"])
                    self.assertEqual(set(told), {"nodes", "relationships", "seconds"})
                    for i, form in enumerate(("csv", "box", "markdown", "line", "jsonl")):
                        self.assertRegex(run("restore", f"j{i}.sombra", "d.cypher", "--format", form), f"nodes(.|\n)*{told['nodes']}")
                self.assertIn("0 faults", run("verify", f"{name}.sombra"))
        # no mark is left on a node, and what was restored can be dumped again
        self.assertEqual(run("a.sombra", "-c", "MATCH (n) WHERE n:`~dump` OR n.`~node` IS NOT NULL RETURN count(n) AS n", "--format", "csv"), "n\n0\n")
        # nor shown in any list of what there is
        for words in (["info", "a.sombra"], ["schema", "a.sombra"], *(["a.sombra", "-c", text] for text in (".schema", ".indexes", "CALL db.labels()"))):
            with self.subTest(words=words):
                self.assertNotIn("~", run(*words))
        run("dump", "a.sombra", "again.cypher")
        run("restore", "f.sombra", "again.cypher")
        self.assertEqual(self.whole("f.sombra"), digest)
        # the whole goes into a graph that holds other things, too
        run("restore", "s.sombra", "d.cypher")
        self.assertEqual(run("s.sombra", "-c", "MATCH (n:Admiral)<-[:KNOWS]-() RETURN count(*) AS n", "--format", "csv"), "n\n2\n")
        # statements are of a size that a database takes, however many rows there are
        longest = max(len(part) for part in script.split(";\n"))
        self.assertLess(longest, 2_000_000)
        self.assertGreater(script.count("] AS row CREATE (n:`~dump`:Even"), 1)

    def test_names_of_the_dump_are_free_ones(self):
        run("n.sombra", "-c", "CREATE (:`~dump` {`~node`: 1})-[:R]->({`~node1`: 2}); CREATE INDEX `~dump2` FOR (n:X) ON (n.y)")
        script = run("dump", "n.sombra")
        self.assertIn("`~dump3`", script)
        run("restore", "a.sombra", "-", stdin=script)
        self.assertEqual(self.whole("a.sombra"), self.whole("n.sombra"))

    def test_every_keyword_may_be_a_name_in_a_dump(self):
        with open(os.path.join(SOURCE, "src", "cypher", "lex", "keyword.def"), encoding="utf-8") as file:
            words = re.findall(r"SB_KEYWORD\(([A-Z_]+)\)", file.read())
        self.assertGreater(len(words), 100)
        with open("words.cypher", "w", encoding="utf-8") as file:
            for word in words:
                file.write(f"CREATE (:`{word}` {{`{word}`: 1}})-[:`{word}` {{`{word}`: 2}}]->(:`{word.lower()}` {{`{word.lower()}`: 3}});\n"
                           f"CREATE INDEX `{word}` FOR (n:`{word}`) ON (n.`{word}`);\n"
                           f"CREATE CONSTRAINT `{word.lower()}` FOR (n:`{word}`) REQUIRE n.`{word.lower()}` IS UNIQUE;\n")
        run("n.sombra", "-f", "words.cypher")
        run("dump", "n.sombra", "d.cypher")
        for name, words in (("a", ("restore", "a.sombra", "d.cypher")), ("b", ("b.sombra", "-f", "d.cypher"))):
            run(*words)
            self.assertEqual(run("digest", f"{name}.sombra"), run("digest", "n.sombra"))

    def test_names_are_shown_as_statements_write_them(self):
        shell("CREATE (:`Odd one`:`Größe`:`a``b`:`1st` {`full name`: 1, Übung: {}.x, `✓`: true})-[:`IS |`]->(:Plain)")
        node = "(:`Odd one`:Größe:`a``b`:`1st` {`full name`: 1, `✓`: true})"
        self.assertEqual(shell("MATCH p = (n:Plain)<--() RETURN [p, {`k k`: n}] AS v", flags=("--format", "csv")),
                         f'v\n"[(:Plain)<-[:`IS |`]-{node}, {{`k k`: (:Plain)}}]"\n')
        rows = {(r["what"], r["property"]) for r in json.loads(shell(".mode json", ".schema"))}
        self.assertIn(("(:`Odd one`)", "full name"), rows)
        self.assertTrue(any(what.startswith("(:") and "`Odd one`" in what and what.endswith(")-[:`IS |`]->(:Plain)") for what, _ in rows), rows)

    def test_dump_of_large_properties(self):
        """Up to 15 MiB of text as a statement writes them."""
        for size, code in ((7864313, 0), (7864314, 2)):
            run("query", f"{code}.sombra", "WITH reduce(s = 'x', i IN range(1, 23) | s + s) AS s "
                f"CREATE (:T {{a: substring(s, 0, {size}), b: substring(s, 0, {size})}})")
            told = run("dump", f"{code}.sombra", "d.cypher", code=code)
            self.assertEqual("15 MiB" in told, code != 0, told)

    def test_dump_without_relationships_needs_no_mark(self):
        run("n.sombra", "-c", "CREATE (:X {a: 1}), (:Y)")
        script = run("dump", "n.sombra")
        self.assertEqual(script.split("\n", 1)[1], "BEGIN;\nUNWIND [\n{a: 1}\n] AS row CREATE (n:X) SET n = row;\n"
                         "UNWIND [\n{}\n] AS row CREATE (n:Y) SET n = row;\nCOMMIT;\n")
        run("restore", "a.sombra", "-", stdin=script)
        self.assertEqual(self.whole("a.sombra"), self.whole("n.sombra"))
        # an empty graph, too
        self.assertEqual(run("-c", ".dump").split("\n", 1)[1], "BEGIN;\nCOMMIT;\n")

    def test_a_restore_that_fails_leaves_nothing(self):
        script = run("dump", "s.sombra")
        with open("bad.cypher", "w", encoding="utf-8") as file:
            file.write(script.replace("COMMIT;", "RETURN nonsense;\nCOMMIT;"))
        with open("open.cypher", "w", encoding="utf-8") as file:
            file.write(script.replace("COMMIT;", ""))
        for name, told in (("bad", "nothing of bad.cypher is kept"), ("open", "does not end with COMMIT")):
            self.assertIn(told, run("restore", "x.sombra", f"{name}.cypher", code=2))
            self.assertIn(told, run("x.sombra", "-c", f".restore {name}.cypher", code=2))
            self.assertEqual(run("x.sombra", "-c", "MATCH (n) RETURN count(*) AS n", "--format", "csv"), "n\n0\n")
        self.assertIn("transaction is open", shell("BEGIN", ".restore bad.cypher", code=2))
        self.assertIn("No such file", run("restore", "x.sombra", "missing.cypher", code=3))
        self.assertIn("missing.sombra", run("dump", "missing.sombra", code=3))
        self.assertIn("No such file", run("dump", "s.sombra", "no/such/file", code=3))

    def test_the_dump_shows_what_the_open_transaction_sees(self):
        self.assertIn("Fresh", shell("BEGIN; CREATE (:Fresh)", ".dump", "ROLLBACK"))

    def test_values_beyond_a_statement_are_named(self):
        run("n.sombra", "-c", "CREATE (:Huge {s: reduce(s = '0123456789abcdef', j IN range(1, 20) | s || s)})")
        self.assertRegex(run("dump", "n.sombra", code=2), r"node \d+ has more than 15 MiB")

    # ---- Beside the language ------------------------------------------------------------------------------------------------------

    def test_keywords_are_those_of_the_language(self):
        with open(os.path.join(SOURCE, "src", "cypher", "lex", "keyword.def"), encoding="utf-8") as file:
            known = set(re.findall(r"SB_KEYWORD\((\w+)\)", file.read()))
        with open(os.path.join(SOURCE, "src", "cli", "cypher_scan.c"), encoding="utf-8") as file:
            text = file.read()
        own = re.findall(r'"([A-Z]+)"', text[text.index("keywords[] = {"):text.index("};")])
        self.assertEqual(own, sorted(own))
        self.assertEqual(set(own) - known, set())
        for word in ("MATCH", "RETURN", "WHERE", "UNWIND", "MERGE"):
            self.assertIn(word, own)

    def test_ctrl_c_ends_a_script(self):
        command = subprocess.Popen([SOMBRA, "s.sombra", "-c", "RETURN 1 AS x", "-c", "UNWIND range(1, 10000) AS a UNWIND range(1, 100000) AS x WITH x WHERE x % 7 = 8 RETURN count(*)",
                                    "-c", "RETURN 2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertEqual(command.stdout.readline(), "x\n")  # the first statement is through
        time.sleep(0.2)
        command.send_signal(signal.SIGINT)
        out, told = command.communicate()
        self.assertEqual(command.returncode, 7, told)
        self.assertIn("cancelled", told)
        self.assertNotIn("2", out)

    def test_ctrl_c_ends_a_script_of_many_short_statements(self):
        with open("many.cypher", "w", encoding="utf-8") as file:
            file.write("CREATE (:Many) RETURN 1 AS x;\n" * 100_000)
        for words, given in ((["s.sombra", "-f", "many.cypher"], None), (["query", "s.sombra", "-"], "many.cypher")):
            with open(given or os.devnull, encoding="utf-8") as script, \
                 subprocess.Popen([SOMBRA, *words], stdin=script, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as command:
                self.assertEqual(command.stdout.readline(), "x\n")
                command.send_signal(signal.SIGINT)
                told = command.communicate()[1]
                self.assertEqual(command.returncode, 7, told)
                self.assertIn("cancelled", told)
        self.assertLess(int(shell("MATCH (n:Many) RETURN count(*) AS n", flags=("--format", "csv")).split()[1]), 100_000)


if __name__ == "__main__":
    unittest.main(verbosity=2)
