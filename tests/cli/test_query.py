#!/usr/bin/env python3
"""test_query.py — `sombra query`: rows in every format, parameters, several statements, plans, exit codes."""
import csv
import io
import json
import os
import pty
import sqlite3
import subprocess
import termios
import unittest

import scratch

SOMBRA = os.environ["SOMBRA"]


def query(text, *flags, code=0, stdin=None):
    done = subprocess.run([SOMBRA, "query", "q.sombra", text, *flags], input=stdin, capture_output=True, text=True)
    if done.returncode != code:
        raise AssertionError(f"{text} {flags}: exit code {done.returncode}, not {code}\n{done.stdout}{done.stderr}")
    return done.stderr if code else done.stdout


class Query(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch.clear()
        done = subprocess.run([SOMBRA, "query", "q.sombra", "CREATE (:Person {name: 'Ada', born: date('1815-12-10'), tags: ['a', 'b']})"
                               "-[:KNOWS {since: 1843}]->(:Person:Admiral {name: 'Grace', pi: 3.5})"], capture_output=True, text=True, check=True)
        cls.told = done.stderr

    def test_tells_what_changed(self):
        self.assertEqual(self.told, "2 nodes created, 1 relationship created, 6 properties set, 3 labels added\n")
        self.assertEqual(subprocess.run([SOMBRA, "query", "q.sombra", "CREATE (:Gone) WITH 1 AS x MATCH (g:Gone) DELETE g", "--quiet"],
                                        capture_output=True, text=True, check=True).stderr, "")
        for text, told in (("CREATE INDEX gone FOR (g:Gone) ON (g.n)", "1 index added\n"),
                           ("CREATE INDEX gone IF NOT EXISTS FOR (g:Gone) ON (g.n)", ""),
                           ("CREATE CONSTRAINT one FOR (g:Gone) REQUIRE g.k IS UNIQUE", "1 constraint added\n"),
                           ("DROP INDEX gone; DROP INDEX gone IF EXISTS", "1 index removed\n"),
                           ("DROP CONSTRAINT one", "1 constraint removed\n")):
            with self.subTest(text=text):
                done = subprocess.run([SOMBRA, "query", "q.sombra", text], capture_output=True, text=True, check=True)
                self.assertEqual(done.stderr, told)

    def test_warns_of_names_that_nothing_has(self):
        def told(text, *flags):
            return subprocess.run([SOMBRA, "query", "q.sombra", text, *flags], capture_output=True, text=True, check=True).stderr
        text = "MATCH (p:Persom) RETURN p"
        expected = f"warning: no node has the label 'Persom'; did you mean 'Person'? (line 1, column 10)\n{text}\n         ^\n"
        self.assertEqual(told(text), expected)
        self.assertEqual(told(text, "--format", "json"), expected)
        self.assertEqual(told(text, "--quiet"), "")
        self.assertIn("'Persom'", told("EXPLAIN " + text))

    def test_json(self):
        rows = json.loads(query("MATCH p = (a:Person)-[r:KNOWS]->(b) RETURN a, r, p, a.born AS born, 1.0 AS f, null AS n, {k: [1, 'x']} AS m", "--format", "json"))
        self.assertEqual(len(rows), 1)
        row = rows[0]
        self.assertEqual(row["a"]["~labels"], ["Person"])
        self.assertEqual(row["a"]["name"], "Ada")
        self.assertEqual(row["a"]["born"], "1815-12-10")
        self.assertEqual(row["a"]["tags"], ["a", "b"])
        self.assertEqual(row["r"]["~type"], "KNOWS")
        self.assertEqual(row["r"]["~start"], row["a"]["~id"])
        self.assertEqual(row["r"]["since"], 1843)
        self.assertEqual([n["name"] for n in row["p"]["~nodes"]], ["Ada", "Grace"])
        self.assertEqual(row["p"]["~relationships"][0], row["r"])
        self.assertEqual(row["born"], "1815-12-10")
        self.assertIsInstance(row["f"], float)
        self.assertIsNone(row["n"])
        self.assertEqual(row["m"], {"k": [1, "x"]})
        self.assertEqual(json.loads(query("MATCH (n:None) RETURN n", "--format", "json")), [])

    def test_what_the_statement_deleted(self):
        text = "CREATE p = (a)-[r:R {k: 1}]->(b) DELETE p RETURN id(r) AS id, r, p"
        row, = json.loads(query(text, "--format", "json"))
        self.assertEqual(row["r"], {"~id": row["id"]})
        self.assertEqual(row["p"]["~relationships"], [row["r"]])
        row, = csv.DictReader(io.StringIO(query(text, "--format", "csv")))
        self.assertEqual((row["r"], row["p"]), ("[]", "()-[]-()"))

    def test_json_lines(self):
        lines = query("UNWIND [1, 2] AS x RETURN x, 'a\"b' AS t", "--format", "jsonl").splitlines()
        self.assertEqual([json.loads(line) for line in lines], [{"x": 1, "t": 'a"b'}, {"x": 2, "t": 'a"b'}])

    def test_csv(self):
        text = query("MATCH (a {name: 'Ada'})-[r]->(b) RETURN a.name AS name, r, [a.name, null] AS list, '' AS empty, null AS none", "--format", "csv")
        rows = list(csv.reader(io.StringIO(text)))
        self.assertEqual(rows, [["name", "r", "list", "empty", "none"], ["Ada", "[:KNOWS {since: 1843}]", "['Ada', null]", "", ""]])
        self.assertTrue(text.endswith(',"",\n'))

    def test_table(self):
        table = query("MATCH p = (a {name: 'Grace'})<-[:KNOWS]-(b) RETURN p, a.pi AS pi")
        self.assertIn("(:Person:Admiral {name: 'Grace', pi: 3.5})<-[:KNOWS {since: 1843}]-(:Person {", table)
        self.assertIn("───", table)

    def test_tables_cut_nothing_where_no_terminal_is(self):
        numbers = query("UNWIND range(1, 200000) AS x RETURN x").splitlines()
        self.assertEqual([int(line) for line in numbers[2:]], list(range(1, 200001)))
        # behind the rows that a table is laid out by
        text = "UNWIND range(1, 1200) AS x RETURN x, CASE WHEN x > 1100 THEN 'wide|' + toString(x * 1000000) ELSE 'w' END AS t"
        for mode, last in (("table", "1200  wide|1200000000"), ("box", "│ 1200 │ wide|1200000000 │"), ("markdown", "| 1200 | wide\\|1200000000 |")):
            with self.subTest(mode=mode):
                lines = query(text, "--format", mode).splitlines()
                self.assertEqual(lines[-2 if mode == "box" else -1], last)
                self.assertFalse(any("…" in line for line in lines))

    def test_parameters(self):
        rows = json.loads(query("UNWIND $list AS x RETURN x, $map.k AS k, $t AS t", "--param", "list=[1, 2.5, null]", "--param", 'map={"k": "v"}',
                                "--param", 't="ü"', "--format", "json"))
        self.assertEqual(rows, [{"x": 1, "k": "v", "t": "ü"}, {"x": 2.5, "k": "v", "t": "ü"}, {"x": None, "k": "v", "t": "ü"}])
        self.assertIn("not JSON", query("RETURN $a", "--param", "a=text", code=2))
        self.assertIn("no statement uses $b", query("RETURN $a", "--param", "b=1", code=2))
        self.assertIn("NAME=JSON", query("RETURN $a", "--param", "a", code=2))
        self.assertIn("$a", query("RETURN $a", code=3))

    def test_several_statements(self):
        out = query("CREATE (:Temp {x: 1}); MATCH (t:Temp) SET t.x = 2; MATCH (t:Temp) RETURN t.x AS x; MATCH (t:Temp) DELETE t", "--format", "jsonl")
        self.assertEqual(json.loads(out), {"x": 2})
        self.assertEqual(query("MATCH (t:Temp) RETURN count(*) AS n", "--format", "csv"), "n\n0\n")
        self.assertEqual(query("-", "--format", "csv", stdin="RETURN 1 AS a; // end"), "a\n1\n")

    def test_empty_statements_are_passed_over(self):
        for text in ("RETURN 1 AS a;; RETURN 2 AS b", ";RETURN 1 AS a; RETURN 2 AS b;;", "RETURN 1 AS a; /* c */; RETURN 2 AS b", "// c\n; ;\nRETURN 1 AS a;\n;// d\n;RETURN 2 AS b"):
            with self.subTest(text=text):
                self.assertEqual(query(text, "--format", "csv"), "a\n1\nb\n2\n")
                self.assertEqual(query("-", "--format", "csv", stdin=text), "a\n1\nb\n2\n")
        self.assertEqual(query(" ; /* c */ ;"), "")
        self.assertIn("line 2, column 3", query("RETURN 1;;\n; oops", code=2))

    def test_transactions_in_a_script(self):
        query("BEGIN; CREATE (:Undone); ROLLBACK")
        self.assertEqual(query("MATCH (n:Undone) RETURN count(*) AS n", "--format", "csv"), "n\n0\n")
        query("BEGIN; CREATE (:Done); COMMIT")
        self.assertEqual(query("MATCH (n:Done) RETURN count(*) AS n", "--format", "csv"), "n\n1\n")
        self.assertIn("no transaction", query("COMMIT", code=2))
        self.assertIn("is rolled back: COMMIT keeps it", query("BEGIN; CREATE (:Undone)", code=1))
        self.assertIn("is rolled back: COMMIT keeps it", query("-", stdin="BEGIN;\nCREATE (:Undone);\n", code=1))
        self.assertEqual(query("MATCH (n:Undone) RETURN count(*) AS n", "--format", "csv"), "n\n0\n")

    def test_a_failing_statement_changes_nothing(self):
        query("UNWIND [2, 1, 0] AS x CREATE (:Half {x: 6 / x})", code=2)
        self.assertEqual(query("MATCH (n:Half) RETURN count(*) AS n", "--format", "csv"), "n\n0\n")

    def test_errors_show_the_place(self):
        told = query("MATCH (person)\nRETURN persn", code=2)
        self.assertIn("line 2, column 8", told)
        self.assertIn("RETURN persn\n       ^", told)
        self.assertIn("person", told)
        told = query("RETURN 1 AS x, $absent", code=3)
        self.assertIn("the parameter $absent has no value (line 1, column 16)", told)
        # found while it runs
        for text, column, code in (("OPTIONAL MATCH (n:No) CREATE (n)-[:R]->(m)", 33, 2), ("CREATE (a) DELETE a CREATE (a)-[:R]->()", 31, 3),
                                   ("CREATE (a:X) DELETE a CREATE (:Y)-[:R]->(a)", 34, 3), ("CREATE (a) DELETE a MERGE (a)-[:R]->(b)", 30, 3),
                                   ("CREATE (n:``)", 12, 2), ("CREATE (n:A {``: 1})", 15, 2), ("CREATE ()-[:``]->()", 14, 2), ("CREATE (n) SET n.`` = 1", 19, 2),
                                   ("CREATE INDEX FOR (n:``) ON (n.x)", 22, 2), ("CREATE INDEX FOR (n:A) ON (n.``)", 31, 2)):
            with self.subTest(text=text):
                self.assertIn(f"(line 1, column {column})\n{text}\n", query(text, code=code))
        # counted from the beginning of what was given, not from that of the statement
        told = query("RETURN 1;\nRETURN 'é'; RETURN nope", code=2)
        self.assertIn("'nope' is not defined (line 2, column 20)\nRETURN nope\n       ^\n", told)
        told = query("-", stdin="RETURN 1;\n\n// c\nMATCH (n)\nRETURN 1 / (0 * count(n));\n", code=2)
        self.assertIn("(line 5, column 8)\nRETURN 1 / (0 * count(n))", told)
        warned = subprocess.run([SOMBRA, "query", "q.sombra", "RETURN 1;\n MATCH (p:Persom) RETURN p"], capture_output=True, text=True, check=True).stderr
        self.assertIn("(line 2, column 11)", warned)

    def test_plans_and_a_column_of_that_name(self):
        self.assertIn("NodeByLabelScan", query("EXPLAIN MATCH (p:Person) RETURN p"))
        plain = query("PROFILE MATCH (p:Person) RETURN p")
        self.assertIn("ms", plain)
        self.assertNotIn("pages", plain)
        counted = query("PROFILE JSON MATCH (p:Person) RETURN p", "--option", "profile=on")
        plan, pages = json.loads(counted), 0
        while plan is not None:
            pages += plan["pages"]
            plan = plan.get("input")
        self.assertGreater(pages, 0)
        self.assertEqual(json.loads(query("EXPLAIN JSON MATCH (p:Person) RETURN p"))["operator"], "ProduceResults")
        self.assertEqual(query("RETURN 1 AS plan", "--format", "csv"), "plan\n1\n")

    def test_load_csv(self):
        with open("rows.csv", "w", encoding="utf-8") as file:
            file.write("name,age\nAda,36\n\"Li, Bo\",\n")
        rows = json.loads(query("LOAD CSV WITH HEADERS FROM 'file:///rows.csv' AS row RETURN row.name AS n, toInteger(row.age) AS a", "--format", "json"))
        self.assertEqual(rows, [{"n": "Ada", "a": 36}, {"n": "Li, Bo", "a": None}])
        self.assertIn("import_dirs", query("LOAD CSV FROM '../../etc/passwd' AS row RETURN row", code=2))
        self.assertIn("import_dirs", query("LOAD CSV FROM 'rows.csv' AS row RETURN row", "--option", "import_dirs=/nonexistent", code=2))
        self.assertIn("http", query("LOAD CSV FROM 'http://example.org/x.csv' AS row RETURN row", code=2))

    def test_time_and_memory_limits(self):
        self.assertIn("time limit", query("UNWIND range(1, 100000000) AS x WITH x WHERE x % 7 = 8 RETURN count(*)", "--timeout", "1", code=7))
        self.assertIn("time limit", query("UNWIND range(1, 100000000) AS x WITH x WHERE x % 7 = 8 RETURN count(*)", "--timeout", "0.3", code=7))
        for bad in ("soon", "-1", "1e3", "0x1", "1.2.3", ".", "inf", ""):
            self.assertIn(f"--timeout: '{bad}' is no number of seconds", query("RETURN 1", f"--timeout={bad}", code=2))
        self.assertIn("memory", query("RETURN size([x IN range(1, 100000000) | x])", "--memory-limit", "64m", code=2))
        self.assertIn("threads", query("RETURN 1", "--threads", "257", code=2))
        self.assertIn("threads", query("RETURN 1", "--threads", "two", code=2))
        # By its cost it is worth three threads, whatever the machine has.
        much = "EXPLAIN MATCH (a), (b), (c), (d), (e), (f), (g) WHERE a.x + b.x + c.x + d.x + e.x + f.x + g.x = 1 RETURN count(*)"
        query("UNWIND range(1, 10) AS x CREATE (:Many {x: x})")
        self.assertIn("up to 3 threads", query(much, "--threads", "3"))
        self.assertNotIn("Gather", query(much, "--threads", "1"))
        query("MATCH (n:Many) DELETE n")

    # What a terminal obeys: a title, colors in C1's form, text that runs the other way, a line that is written over.
    OBEYED = "\x1b]0;x\x07\u009b31m\u202e\r\u2066"

    def on_terminal(self, *words):
        main, second = pty.openpty()
        attributes = termios.tcgetattr(second)
        attributes[1] &= ~termios.OPOST  # else it makes a '\r' of each line end
        termios.tcsetattr(second, termios.TCSANOW, attributes)
        subprocess.run([SOMBRA, *words], stdin=subprocess.DEVNULL, stdout=second, stderr=second, env={**os.environ, "NO_COLOR": "1", "TERM": "dumb"})
        os.close(second)
        shown = b""
        try:
            while part := os.read(main, 65536):
                shown += part
        except OSError:  # read to its end
            pass
        os.close(main)
        return shown.decode()

    def written_to_a_terminal(self):
        """Dumps, exports and mappings, with escapes that mean the same."""
        name = self.OBEYED.replace("\x1b", "").replace("\x07", "")  # XML and names of SQLite have none of them
        statement = f"CREATE (:`L{name}` {{t: $x, `k{name}`: 1}})"
        subprocess.run([SOMBRA, "query", "written.sombra", statement, "--param", "x=" + json.dumps(name)], check=True)
        with sqlite3.connect("written.db") as lite:
            lite.execute(f'CREATE TABLE "t{name}" (id INTEGER PRIMARY KEY, "c{name}" TEXT)')
        lite.close()
        cases = [("dump", "written.sombra"), ("export", "written.sombra", "-", "--as", "jsonl"), ("export", "written.sombra", "-", "--as", "graphml"),
                 ("export", "written.sombra", "-", "--as", "gexf"), ("import", "written.db.sombra", "--sqlite", "written.db", "--dry-run")]
        for words in cases:
            with self.subTest(words=words):
                shown = self.on_terminal(*words)
                self.assertRegex(shown, r"(?i)\\u009b31m\\u202e|&#155;31m&#8238;")
                self.assertEqual([each for each in "\x1b\x07\u009b\u202e\u2066\r" if each in shown.replace("\r\n", "\n")], [])
                piped = subprocess.run([SOMBRA, *words], capture_output=True, check=True).stdout.decode()
                self.assertIn("\u009b31m\u202e", piped)
                if "jsonl" in words:
                    self.assertEqual(json.loads(shown), json.loads(piped))

    def test_a_terminal_has_nothing_to_obey(self):
        """Whatever values and names hold, in results, messages and reports; who reads a pipe gets them as they are."""
        value = ("--param", "x=" + json.dumps(self.OBEYED))
        with open("obeyed.jsonl", "w", encoding="utf-8") as file:
            file.write(json.dumps({"type": "node", "id": "1", "labels": ["L" + self.OBEYED], "properties": {"p" + self.OBEYED: 1}}))
        with open("wrong.jsonl", "w", encoding="utf-8") as file:
            file.write(json.dumps({"type": "no" + self.OBEYED}))
        cases = [("query", ":memory:", f"RETURN $x AS `a{self.OBEYED}`, [$x] AS l, {{k: $x}} AS m", *value, "--format", each) for each in ("table", "box", "markdown", "line", "json", "jsonl", "csv")]
        cases += [("query", ":memory:", "MATCH (n:`X" + self.OBEYED + "`) RETURN n"), ("query", ":memory:", "RETURN " + self.OBEYED),
                  ("query", ":memory:", "CREATE CONSTRAINT FOR (n:A) REQUIRE n.x IS UNIQUE; CREATE (:A {x: $x}), (:A {x: $x})", *value),
                  ("import", "obeyed.sombra", "--jsonl", "obeyed.jsonl", "--dry-run"), ("import", "obeyed.sombra", "--jsonl", "wrong.jsonl")]
        for words in cases:
            with self.subTest(words=words):
                shown = self.on_terminal(*words)
                self.assertNotEqual(shown, "")
                self.assertEqual([each for each in "\x1b\x07\u009b\u202e\u2066\r" if each in shown.replace("\r\n", "\n")], [])
        self.assertEqual(json.loads(query("RETURN $x AS x", *value, "--format", "json")), [{"x": self.OBEYED}])
        self.written_to_a_terminal()
        done = subprocess.run([SOMBRA, "query", "q.sombra", "RETURN $x AS x", *value, "--format", "csv"], capture_output=True, check=True)
        self.assertEqual(done.stdout.decode(), f'x\r\n"{self.OBEYED}"\r\n')

    def test_a_long_script(self):
        """The limit of 16 MiB is one of each statement, not of a script."""
        text = "RETURN 1;" * 3000 + ("RETURN size('" + "x" * 60000 + "') AS n;") * 300
        self.assertGreater(len(text), 17 << 20)
        self.assertEqual(query("-", "--format", "csv", stdin=text).split(), ["1"] * 6000 + ["n", "60000"] * 300)
        self.assertIn("line 1, column 27001", query("-", code=2, stdin="RETURN 1;" * 3000 + "RETRUN 1;" + text))

    def test_a_table_of_many_columns(self):
        """Those that can not fit the terminal are not narrowed first, one by one: that took the square of their number."""
        with open("wide.cypher", "w", encoding="utf-8") as file:
            file.write("RETURN " + ", ".join(f"'{'x' * 20}' AS column_{i}" for i in range(20000)) + ";")
        shown = self.on_terminal("-f", "wide.cypher")
        self.assertRegex(shown, r"^colu?…? ")
        self.assertRegex(shown, r"\(19,98\d more columns do not fit the terminal")


if __name__ == "__main__":
    unittest.main(verbosity=2)
