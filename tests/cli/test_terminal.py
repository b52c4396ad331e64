#!/usr/bin/env python3
"""The shell as a person meets it, at a pseudo-terminal: editing, completion, history, Ctrl-C, progress, width, resizing, images."""
import base64
import os
import random
import re
import shutil
import signal
import stat
import struct
import subprocess
import sys
import termios
import unittest
import zlib

from screen import Session
import scratch

SOMBRA = os.environ["SOMBRA"]
UP, DOWN, LEFT, RIGHT = "\x1b[A", "\x1b[B", "\x1b[D", "\x1b[C"
LONG = "UNWIND [0] AS b UNWIND range(1, 10000000) AS a UNWIND range(1, 100000) AS x WITH x WHERE x % 7 = 8 RETURN count(*) AS n;"


def ctrl(letter):
    return chr(ord(letter) - ord("a") + 1)


class Terminal(unittest.TestCase):
    def setUp(self):
        scratch.clear()
        self.sessions = []

    def tearDown(self):
        for session in self.sessions:
            session.kill()

    def start(self, *words, **options):
        session = Session([SOMBRA, *words], **options)
        self.sessions.append(session)
        session.prompt()
        return session

    def graph(self, **options):
        s = self.start("t.sombra", **options)
        s.run("CREATE (:Person {name: 'Ada', born: 1815})-[:KNOWS]->(:Place {name: 'NY'}), (:`Odd one`);")
        return s

    # ---- Editing -----------------------------------------------------------------------------------------------

    def test_greets_and_leaves(self):
        s = self.start()
        s.see("Sombra 0.1.0", "The graph is in memory")
        s.type(ctrl("d"))
        self.assertEqual(s.end(), 0)

    def test_several_lines_until_the_semicolon(self):
        s = self.start()
        s.type("RETURN 1 AS one,\r")
        s.wait(lambda: s.screen.text().endswith("one,\n") and s.screen.x == 8, "the second line")
        s.type("'a;b' AS two // no end; yet\r")
        s.type(";\r")
        s.see("(1 row, ")
        self.assertIn("one  two", s.screen.text())
        self.assertIn("  1  a;b", s.screen.text())
        # the lines stand below each other, indented as far as the prompt
        self.assertIn("sombra> RETURN 1 AS one,\n        'a;b' AS two // no end; yet\n        ;", s.screen.text())

    def test_keys_change_the_text(self):
        for keys, text in (
            ("RETURN 2;" + ctrl("a") + ctrl("k") + "RETURN 3;", "3"),
            ("RETURN 12" + LEFT + "7" + ctrl("e") + ";", "172"),
            ("RETURN 1 wrong wrong" + ctrl("w") + "\x1b\x7f" + ";", "1"),
            ("RETURN 5;" + ctrl("u") + "RETURN " + ctrl("y") + "\x7f" * 9 + "6;", "6"),
            ("RETURN 'é'" + LEFT + "\x7f" + "x" + ctrl("e") + ";", "x"),
            ("RETURN 'e\u0301'" + LEFT + "\x7f" + "y" + ctrl("e") + ";", "y"),  # a combining accent goes with its letter
            ("RETURN '日本'" + LEFT + LEFT + "\x7f" + "z" + ctrl("e") + ";", "z本"),
            ("RETURN 89" + ctrl("b") + "\x1b[3~" + ";", "8"),
            ("RETURN abc" + "\x1bb" + "\x1bd" + "41;", "41"),
            ("RETURN 1\x1b\r+ 1" + UP + ctrl("e") + "0" + DOWN + ctrl("e") + "0;", "20"),
            ("9" + "\x1b[H" + "RETURN " + "\x1b[F" + "9;", "99"),
        ):
            with self.subTest(keys=keys):
                s = self.start(width=200)
                out = s.run(keys)
                self.assertEqual([line.strip() for line in out.split("\n") if line.strip()][-2], text)
                s.kill()

    def test_wide_characters_wrap_with_the_screen(self):
        s = self.start(width=20)
        s.type("RETURN '日本語日本語日本語' AS x")
        s.see("sombra> RETURN '日本", "語日本語日本語' AS x")
        s.type(";\r")
        s.see("(1 row")
        s.kill()

    def test_the_text_may_be_higher_than_the_screen(self):
        s = self.start(rows=6)
        s.type("RETURN [\x1b\r" + "".join(f"{i},\x1b\r" for i in range(20)) + "20][20] AS last")
        s.see("20][20]")
        s.type(";\r")
        s.see("last", "(1 row")

    def test_pasted_text_is_not_run_line_by_line(self):
        s = self.start()
        s.type("\x1b[200~RETURN 1 AS a;\r\nRETURN\t2 AS b;\x1b[201~")
        s.see("2 AS b;")
        self.assertNotIn("row", s.screen.text())
        s.type("\r")
        s.see("sombra> RETURN 1 AS a;\n        RETURN 2 AS b;\na\n─\n1\n", "\nb\n─\n2\n")

    def test_enter_runs_statements_and_commands_in_any_order(self):
        s = self.start()
        for text, seen in (("RETURN 'a;' AS a; // done", "\na;\n"), ("\x1b[200~RETURN 2 AS b; /* ; */\r.mode line\r:mode table\x1b[201~", "\n2\n"),
                           ("\x1b[200~.mode line\rRETURN 3 AS c; RETURN\r';' AS d;\r\x1b[201~", "d = ;\n")):
            s.type(text + "\r")
            s.see(seen)
            s.prompt()
        s.type("\x1b[200~.mode box\rRETURN 4\x1b[201~\r")  # a statement that does not end
        s.type("AS x;\r")
        s.see("│ 4 │")

    def test_colors_and_matching_brackets(self):
        s = self.start()
        s.type("MATCH (n:Label) WHERE n.x = 'text' RETURN count(n), [1")
        s.see("[1")
        for code, word in (("1;34", "MATCH"), ("0;33", "Label"), ("0;32", "'text'"), ("0;36", "count"), ("0;35", "1")):
            self.assertIn(f"\x1b[{'0;' if code == '1;34' else ''}{code}m{word}", s.screen.raw)
        s.type("]")
        s.wait(lambda: "\x1b[0;1;7m[" in s.screen.raw and "\x1b[0;1;7m]" in s.screen.raw, "the brackets")
        s.type(ctrl("c"))
        s.prompt()
        s.type(")")
        s.wait(lambda: "\x1b[0;1;31m)" in s.screen.raw, "a bracket alone")

    def test_no_color(self):
        s = self.start(NO_COLOR="1")
        s.run("RETURN 1 AS x;")
        self.assertNotRegex(s.screen.raw, r"\x1b\[[\d;]*m")

    def test_a_dumb_terminal(self):
        s = self.start(TERM="dumb")
        s.type("RETURN 1\r")
        s.see("...>")
        s.type("+ 1 AS x;\r")
        s.see("\nx\n", "2")
        self.assertNotIn("\x1b", s.screen.raw)

    @unittest.skipIf(shutil.which("bash") is None, "no shell with job control")
    def test_ctrl_z_stops_the_script_around_it(self):
        """All of the foreground job stops, as by the key at other programs: else the shell above would wait for the script."""
        with open("script.sh", "w", encoding="utf-8") as file:
            file.write(f"'{SOMBRA}'\necho behind\n")
        s = Session([shutil.which("bash"), "--norc", "--noprofile", "-i"], PS1="above> ", INPUTRC="/dev/null")
        self.sessions.append(s)
        s.prompt("above>")
        s.type("sh script.sh\r")
        s.prompt()
        s.type("RETURN 40" + ctrl("z"))
        s.see("Stopped")
        s.prompt("above>")
        s.type("fg\r")
        s.see("sh script.sh\n")
        s.wait(lambda: s.screen.text().endswith("sombra> RETURN 40"), "the text")
        s.type(" + 2;\r")
        s.see("\n    42\n")
        s.prompt()
        s.type(ctrl("d"))
        s.see("behind")

    def test_terminal_is_left_as_it_was(self):
        s = self.start()
        self.assertFalse(termios.tcgetattr(s.fd)[3] & termios.ICANON)
        os.kill(s.pid, signal.SIGTERM)
        s.wait(lambda: termios.tcgetattr(s.fd)[3] & termios.ICANON and termios.tcgetattr(s.fd)[3] & termios.ECHO, "the terminal's own mode")
        self.assertEqual(s.end(), -signal.SIGTERM)

    # ---- Completion --------------------------------------------------------------------------------------------------

    def test_completion(self):
        s = self.graph()
        os.makedirs("folder/deep")
        for name in ("script.cypher", "people.csv", "my file.csv", "it's.csv", "folder/rows.csv", "fold.csv"):
            with open(name, "w", encoding="utf-8"):
                pass
        s.run(".params year 1900")
        s.run(".params 'odd name' 1")
        s.run("CREATE INDEX by_name FOR (p:Person) ON (p.name);")
        for keys, text in (
            ("MAT\t", "MATCH "),
            ("mat\t", "match "),
            # names of the graph
            ("MATCH (p:Pe\t", "MATCH (p:Person"),
            ("MATCH (p:Person|Pl\t", "MATCH (p:Person|Place"),
            ("MATCH (p:Od\t", "MATCH (p:`Odd one`"),
            ("MATCH (p:`Odd o\t", "MATCH (p:`Odd one`"),
            ("MATCH (p)-[:KN\t", "MATCH (p)-[:KNOWS"),
            # in backquotes those that need none, too; one that stands behind the cursor is not written again
            ("MATCH (p:`Pe\t", "MATCH (p:`Person`"),
            ("MATCH (p) RETURN p.`bo\t", "MATCH (p) RETURN p.`born`"),
            ("MATCH (p:`Od`)\x1b[D\x1b[D\t", "MATCH (p:`Odd one`)"),
            ("MATCH (p:`Pe`)\x1b[D\x1b[D\t", "MATCH (p:`Person`)"),
            ("MATCH (p IS Pe\t", "MATCH (p IS Person"),
            ("MATCH ()-[k IS KN\t", "MATCH ()-[k IS KNOWS"),
            ("MATCH (p) WHERE p.name IS NU\t", "MATCH (p) WHERE p.name IS NULL "),
            ("MATCH (p)-[k:\t", "MATCH (p)-[k:KNOWS"),
            ("MATCH (p:Person {bo\t", "MATCH (p:Person {born"),
            ("MATCH (p) RETURN p.na\t", "MATCH (p) RETURN p.name"),
            ("RETURN $ye\t", "RETURN $year"),
            ("RETURN $od\t", "RETURN $`odd name`"),
            # what is no name of the graph, though ':', '{', '|' stand before it
            ("MATCH (person) RETURN {a: pers\t", "MATCH (person) RETURN {a: person"),
            ("MATCH (p) WHERE EXISTS { MAT\t", "MATCH (p) WHERE EXISTS { MATCH "),
            ("MATCH (p) CALL (p) { RETU\t", "MATCH (p) CALL (p) { RETURN "),
            ("WITH [1] AS list RETURN [x IN list | toStringO\t", "WITH [1] AS list RETURN [x IN list | toStringOrNull("),
            # functions, procedures, variables
            ("RETURN toUpp\t", "RETURN toUpper("),
            ("RETURN duration.betw\t", "RETURN duration.between("),
            ("MATCH (person) RETURN pers\t", "MATCH (person) RETURN person"),
            ("MATCH (p {person: 1}) RETURN pers\t", "MATCH (p {person: 1}) RETURN pers"),
            ("MATCH (person) RETURN 1; RETURN pers\t", "MATCH (person) RETURN 1; RETURN pers"),  # another statement's
            ("CALL db.la\t", "CALL db.labels("),
            ("CALL sombra.import.n\t", "CALL sombra.import.nodes("),
            # files
            ("LOAD CSV WITH HEADERS FROM 'peo\t", "LOAD CSV WITH HEADERS FROM 'people.csv'"),
            ('LOAD CSV FROM "peo\t', 'LOAD CSV FROM "people.csv"'),
            ("LOAD CSV FROM 'peo'\x1b[D\t", "LOAD CSV FROM 'people.csv'"),
            ("LOAD CSV FROM 'folder/r\t", "LOAD CSV FROM 'folder/rows.csv'"),
            ("LOAD CSV FROM 'folder/d\t", "LOAD CSV FROM 'folder/deep/"),
            ("LOAD CSV FROM 'it\t", "LOAD CSV FROM 'it\\'s.csv'"),
            ("CALL sombra.import.nodes('peo\t", "CALL sombra.import.nodes('people.csv'"),
            ("RETURN replace('peo\t", "RETURN replace('peo"),  # no other text is a file
            ("RETURN 'MAT\t", "RETURN 'MAT"),
            ("RETURN 1 // MAT\t", "RETURN 1 // MAT"),
            # commands and what they take
            (".ti\t", ".timer "),
            (":ti\t", ":timer "),
            (".mode mark\t", ".mode markdown "),
            (".mode graph d\t", ".mode graph dot "),
            (".timer of\t", ".timer off "),
            (".read scr\t", ".read script.cypher "),
            (".read my\t", ".read my\\ file.csv "),
            (".read my\\ f\t", ".read my\\ file.csv "),
            (".read 'my f\t", ".read 'my file.csv' "),
            ('.read "my f\t', '.read "my file.csv" '),
            (".read it\t", ".read it\\'s.csv "),
            (".export folder\t", ".export folder/"),
            *((f".{name} scr\t", f".{name} script.cypher ") for name in ("output", "once", "open", "restore", "backup", "dump", "log", "vacuum")),
            (".open --re\t", ".open --read-only "),
            (".log of\t", ".log off "),
            (".schema Pers\t", ".schema Person "),
            (".tables KN\t", ".tables KNOWS "),
            (".help sche\t", ".help schema "),
            (".stats \t", ".stats reset "),
            (".explain MAT\t", ".explain MATCH "),
            (".explain on\t", ".explain on "),
            (".explain MATCH (p:Pe\t", ".explain MATCH (p:Person"),
            (".profile MATCH (person) RETURN pers\t", ".profile MATCH (person) RETURN person"),
            (".params ye\t", ".params year "),
            (".params clear od\t", ".params clear odd\\ name "),
            (".params cl\t", ".params clear "),
            (".set dura\t", ".set durability "),
            (".set durability no\t", ".set durability normal "),
            (".import --jso\t", ".import --jsonl "),
            (".import --nodes peo\t", ".import --nodes people.csv "),
            (".import --nodes Perso\t", ".import --nodes Person="),
            (".import --nodes Person=peo\t", ".import --nodes Person=people.csv "),
            (".import --relationships KN\t", ".import --relationships KNOWS="),
            (".import --nodes 'Odd one=my\t", ".import --nodes 'Odd one=my file.csv' "),
            (".export x --as gr\t", ".export x --as graphml "),
            (".checkpoint --mode tr\t", ".checkpoint --mode truncate "),
            (".indexes --drop by\t", ".indexes --drop by_name "),
            (".indexes --create no\t", ".indexes --create no"),
            # behind other statements and commands
            ("RETURN 1; MAT\t", "RETURN 1; MATCH "),
            ("RETURN 'a;b'; .mode mark\t", "RETURN 'a;b'; .mode markdown "),
        ):
            with self.subTest(keys=keys):
                s.type(keys + ctrl("e") + "#")  # what is seen with it comes behind the Tab
                s.wait(lambda: s.screen.text().split("\n")[-1] == f"sombra> {text}#", repr(text))
                s.type(ctrl("c"))
                s.prompt()

    def test_tab_anywhere_harms_nothing(self):
        """Whatever stands before a Tab, the shell goes on."""
        s = self.graph()
        for keys in ("'\t", '"\t', "`\t", "$\t", ".\t", ":\t", "{\t", "RETURN [1,\t", "RETURN {\t", "CALL \t", "LOAD CSV FROM '\t", "LOAD CSV FROM 'no/such/\t", "MATCH (n:\t",
                     ".read '\t", ".import --nodes \t", ".import --nodes =\t", ".import --\t", ".params '\t", ".set x\t", ".explain \t", ".nothing x\t", ".read \\\t", "n.\t", "/*\t", "//\t"):
            s.type(keys + ctrl("c"))
        s.type("RETURN 77 AS x;\r")
        s.see("\n77\n")
        self.assertNotIn("\nsombra: ", s.screen.text())  # no error

    def test_completion_lists_what_is_possible(self):
        s = self.graph()
        s.type("MATCH (p:P\t")
        s.see("Person  Place")
        s.type("er\t")
        s.wait(lambda: s.screen.text().split("\n")[-1] == "sombra> MATCH (p:Person", "the label, and the list gone")

    # ---- History ------------------------------------------------------------------------------------------------------

    def test_history(self):
        s = self.start(SOMBRA_HISTORY="history")
        s.run("RETURN 'first' AS x;")
        s.type("RETURN 'second'\r")
        s.type("AS y;\r")
        s.see("second")
        s.prompt()
        s.run("RETURN 'third' AS z;")
        s.type(UP)
        s.see("sombra> RETURN 'third' AS z;")
        s.type(UP)
        s.wait(lambda: s.screen.text().endswith("sombra> RETURN 'second'\n        AS y;"), "the entry of two lines")
        s.type(UP + UP)
        s.wait(lambda: s.screen.text().endswith("sombra> RETURN 'first' AS x;"), "the first entry")
        s.type(DOWN + DOWN + DOWN + DOWN)
        s.prompt()
        # searching: the newest that holds it, an older one, then running it
        s.type(ctrl("r") + "RETURN")
        s.wait(lambda: s.screen.text().split("\n")[-1] == "search 'RETURN': RETURN 'third' AS z;", "the newest")
        s.type(ctrl("r") + ctrl("r"))
        s.wait(lambda: s.screen.text().split("\n")[-1] == "search 'RETURN': RETURN 'first' AS x;", "the oldest")
        before = s.screen.text().count("first")
        s.type("\r")
        s.wait(lambda: s.screen.text().count("first") > before, "its result")
        s.prompt()
        s.type(ctrl("r") + "nowhere")
        s.see("not found 'nowhere'")
        s.type(ctrl("c"))
        s.prompt()
        s.type(ctrl("d"))
        self.assertEqual(s.end(), 0)
        # it is kept from session to session, for the user alone
        self.assertEqual(stat.S_IMODE(os.stat("history").st_mode), 0o600)
        s = self.start(SOMBRA_HISTORY="history")
        s.type(ctrl("r") + "second")
        s.see("search 'second': RETURN 'second'")
        s.type("\x1b")
        s.see("sombra> RETURN 'second'\n        AS y;")
        with open("history", encoding="utf-8") as file:
            self.assertIn("RETURN 'second'\\nAS y;\n", file.read())

    def test_history_whose_last_line_was_cut_off(self):
        with open("history", "w", encoding="utf-8") as file:
            file.write("RETURN 1;\nRETURN 2 AS cut")
        s = self.start(SOMBRA_HISTORY="history")
        s.run("RETURN 3;")
        s.run("RETURN 4;")
        with open("history", encoding="utf-8") as file:
            self.assertEqual(file.read(), "RETURN 1;\nRETURN 2 AS cut\nRETURN 3;\nRETURN 4;\n")

    def test_history_that_is_no_file(self):
        os.mkfifo("pipe")
        for name in ("/dev/full", "pipe", ".", "no/such/file"):
            with self.subTest(name=name):
                s = self.start(SOMBRA_HISTORY=name)
                s.run("RETURN 1;")
                s.type(UP)
                s.see("sombra> RETURN 1;\n")
                s.type(ctrl("u") + ctrl("d"))
                self.assertEqual(s.end(), 0)

    def test_history_keeps_the_newest(self):
        with open("history", "w", encoding="utf-8") as file:
            file.writelines(f"RETURN {i};\n" for i in range(10_001))
        s = self.start(SOMBRA_HISTORY="history")
        s.run("RETURN 'now';")
        s.type(f"\x1b[200~RETURN '{'x' * 65_530}';\x1b[201~\r")  # too long to be kept
        s.see("(1 row", "'now'")
        s.prompt()
        with open("history", encoding="utf-8") as file:
            lines = file.readlines()
        self.assertEqual((len(lines), lines[0], lines[-1]), (5001, "RETURN 5001;\n", "RETURN 'now';\n"))

    def test_history_lies_in_the_state_folder(self):
        state = os.path.abspath("state")
        s = Session(["/usr/bin/env", "-u", "SOMBRA_HISTORY", SOMBRA], XDG_STATE_HOME=state)
        self.sessions.append(s)
        s.run("RETURN 'kept';")
        with open("state/sombra/history", encoding="utf-8") as file:
            self.assertIn("RETURN 'kept';", file.read())

    # ---- Running ----------------------------------------------------------------------------------------------------------

    def test_ctrl_c_cancels_the_statement_and_not_the_shell(self):
        s = self.start()
        s.type(LONG + "\r")
        s.see("Running", "(Ctrl-C cancels)")
        self.assertGreaterEqual(int(re.search(r"Running  (\d+) s", s.screen.raw).group(1)), 2)  # not before two seconds
        s.type(ctrl("c"))
        s.see("cancelled")
        s.prompt()
        self.assertNotIn("Running", s.screen.text())
        self.assertIn("  2", s.run("RETURN 1 + 1;"))
        s.type("RETURN nonsense" + ctrl("c"))
        s.prompt()
        s.type(ctrl("d"))
        self.assertEqual(s.end(), 0)

    def test_ctrl_c_ends_a_script_of_many_short_statements(self):
        """Whether it comes while one runs, when that can not be cancelled any more, or between two of them."""
        with open("many.cypher", "w", encoding="utf-8") as file:
            file.write("CREATE (:Many);\n" * 100_000)
        s = self.start("t.sombra")
        for line in (".read many.cypher", "\x1b[200~" + "CREATE (:Many);\r" * 5_000 + "\x1b[201~"):
            s.type(line + "\r")
            s.see("1 node created")
            s.type(ctrl("c"))
            s.see("cancelled")
            s.prompt()
            s.screen.__init__(s.screen.height, s.screen.width)
            s.type(ctrl("l"))
            s.prompt()
        self.assertLess(int(re.search(r"\n *(\d+)\n", s.run("MATCH (n:Many) RETURN count(*);")).group(1)), 100_000)

    def test_statements_tell_how_much_is_left(self):
        s = self.start()
        # the first items take next to no time, all of them more than any test: how fast the machine is does not count
        s.type("UNWIND range(1, 300000) AS a UNWIND range(1, a * a / 1000) AS x WITH x WHERE x % 7 = 8 RETURN count(*) AS n;\r")
        s.see("Running [", " %", " s left", "(Ctrl-C cancels)")
        parts = [int(part) for part in re.findall(r"Running \[[#.]{30}\] +(\d+) %", s.screen.raw)]
        self.assertEqual(parts, sorted(parts))
        self.assertLess(parts[-1], 100)
        s.type(ctrl("c"))
        s.see("cancelled")
        s.prompt()
        self.assertNotIn("Running", s.screen.text())

    def test_ctrl_c_ends_the_rows(self):
        s = self.start()
        s.run(".mode csv")
        s.type("UNWIND range(1, 50000000) AS x RETURN x;\r")
        s.see("\n2000\n")
        s.type(ctrl("c"))
        s.see("cancelled")
        s.prompt()

    def test_quick_statements_show_no_progress(self):
        s = self.start()
        s.run("RETURN 1;")
        self.assertNotIn("Running", s.screen.raw)

    def test_errors_leave_the_shell_open(self):
        s = self.start()
        out = s.run("RETURN persn;")
        self.assertIn("persn", out)
        self.assertIn("^", out)
        self.assertIn("did you mean .schema?", s.run(".shema"))
        self.assertIn("1", s.run("RETURN 1;"))

    def test_the_prompt_tells_of_a_transaction(self):
        s = self.start()
        s.type("BEGIN;\r")
        s.prompt("sombra*> ")
        s.type("CREATE (:X);\r")
        s.see("1 node created")
        s.type("ROLLBACK;\r")
        s.prompt("sombra> ")
        self.assertIn("  0", s.run("MATCH (n) RETURN count(*);"))

    # ---- Width --------------------------------------------------------------------------------------------------------------

    def test_tables_fit_the_width(self):
        s = self.start(width=40)
        out = s.run("UNWIND [1, 2] AS n RETURN n, 'a long text that does not fit in forty columns' AS a, '日本語の長いテキストはここで切れます' AS b;")
        rows = out.split("\n")
        self.assertTrue(any("…" in row for row in rows))
        self.assertEqual(sum("…" in row for row in rows), 2)  # each row is one line
        s.run(".mode box")
        out = s.run("RETURN 'x' AS a, '日本語の長いテキストはここで切れますよね' AS b, 7 AS n;")
        lines = [line for line in s.screen.lines if "".join(line).startswith(("┌", "│", "├", "└"))]
        self.assertEqual(len(lines), 5)
        self.assertTrue(all(len(line) == len(lines[0]) <= 40 for line in lines), out)

    def test_long_cells_take_the_room_there_is(self):
        s = self.start(width=100)
        self.assertIn("x" * 90, s.run(f"RETURN 1 AS n, '{'x' * 90}' AS t;"))

    def test_wide_cells_behind_the_layout(self):
        s = self.start(width=30)
        s.run("UNWIND range(1, 1003) AS n RETURN n, CASE n WHEN 1001 THEN '12345678901234567890' WHEN 1002 THEN '123456789012345678901234567890' ELSE 'short' END AS t;")
        lines = [line.rstrip() for line in s.screen.text().split("\n")]
        at = lines.index("1001  12345678901234567890")  # moves the rest of its line
        self.assertEqual(lines[at + 1], "1002  12345678901234567890123…")  # does not fit
        self.assertEqual(lines[at + 2], "1003  short")

    def test_help_is_folded(self):
        s = self.start(width=60)
        s.run(".help")
        lines = [line.rstrip() for line in s.screen.text().split("\n")]
        at = lines.index(".checkpoint [FLAGS]             move the write-ahead log")
        self.assertEqual(lines[at + 1], " " * 32 + "into the main file")

    def test_what_is_typed_is_seen_while_results_go_to_a_file(self):
        s = self.start()
        s.run(".output rows.txt")
        s.type("RETURN 'kept' AS")
        s.see("RETURN 'kept' AS")
        s.type(" word;\r")
        s.prompt("sombra> ")
        s.run(".output")
        with open("rows.txt", encoding="utf-8") as file:
            self.assertEqual(file.read(), "word\n────\nkept\n")

    def test_restoring_says_what_there_is_now(self):
        s = self.start()
        s.run("CREATE (:A)-[:R]->(:B);")
        s.run(".dump small.cypher")
        self.assertIn("2 nodes, 1 relationship restored", s.run(".restore small.cypher"))
        # and so does opening
        self.assertIn("other.sombra: 0 nodes, 0 relationships.", s.run(".open other.sombra"))
        self.assertIn("The graph is in memory", s.run(".open"))

    def test_columns_that_do_not_fit_are_counted(self):
        s = self.start(width=40)
        out = s.run("RETURN " + ", ".join(f"'value {i}' AS column{i}" for i in range(20)) + ";")
        self.assertRegex(out, r"\(\d+ more columns do")
        self.assertTrue(all(len(line) <= 40 for line in s.screen.lines))

    def test_resizing(self):
        s = self.start(width=60)
        s.type("RETURN 'some text that is longer than thirty columns'")
        s.see("longer than thirty columns")
        s.resize(24, 100)
        s.type(" AS t")
        s.see("sombra> RETURN 'some text that is longer than thirty columns' AS t")
        s.type(";\r")
        s.see("(1 row")
        s.resize(24, 30)
        out = s.run("RETURN 'some text that is longer than thirty columns' AS t;")
        self.assertIn("…", out)

    def test_narrower_while_typing(self):
        """Rows that are drawn become several when the terminal wraps them, one each when it cuts them off: what stands above stays, and no row of before is left."""
        lines = ["MATCH (a:Person)-[:KNOWS]->(b:Person {name: 'a name of many letters'})", "WHERE a.name STARTS WITH 'another text that goes on'", "  AND 日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語 = 1", "", "RETURN a"]
        for wraps in (True, False):
            for keys in ("", UP, UP * 3 + "\x1b[F", UP * 4 + "\x1b[H"):
                with self.subTest(wraps=wraps, keys=keys):
                    s = self.start(width=75, **({} if wraps else {"XTERM_VERSION": "XTerm(390)"}))
                    self.assertIn("(1 row", s.run("RETURN 7;"))
                    s.type("\x1b\r".join(lines) + keys)
                    for i, width in enumerate((33, 20, 75, 64, 30, 100)):
                        s.type("·")
                        s.wait(lambda: s.screen.text().count("·") == i + 1, f"the key at {width}")
                        while s.read(0.1):  # until the picture stands still
                            pass
                        text = s.screen.text().replace("\n", "")
                        self.assertEqual([text.count(each) for each in ("sombra>", "RETURN", "STARTS", "(1 row")], [2, 2, 1, 1], s.screen.text())
                        s.resize(24, width)
                    s.type(ctrl("c"))
                    s.prompt()
                    s.kill()

    def test_the_picture_in_the_docs(self):
        source = os.environ["SOMBRA_SOURCE_DIR"]
        subprocess.run([sys.executable, os.path.join(source, "tools", "shell-picture"), SOMBRA, "shell.svg"], check=True)
        with open("shell.svg", encoding="utf-8") as new, open(os.path.join(source, "docs", "plots", "shell.svg"), encoding="utf-8") as old:
            self.assertEqual(new.read(), old.read(), "out of date: tools/shell-picture")

    # ---- Anything -------------------------------------------------------------------------------------------------------------

    def test_random_keys(self):
        """Whatever is typed, at whatever size of the terminal: the shell goes on and leaves when it is told to."""
        seed = int(os.environ.get("SOMBRA_TEST_SEED", "1"))
        print(f"seed {seed}", end=" ")
        random_ = random.Random(seed)
        pieces = ["a", "MATCH (n:", "Person", "`", "'", '"', "(", ")", "[", "]", "{", "}", ";", "\r", "\t", UP, DOWN, LEFT, RIGHT, "\x1b[H", "\x1b[F", "\x1b[3~", "\x7f",
                  *(ctrl(c) for c in "abcefgklnopruwy"), "\x1b", "\x1bb", "\x1bf", "\x1bd", "\x1b\r", "日", "e\u0301", "🙂", "\u200d", "\x1b[200~paste\r\nx;\t\x1b[201~",
                  ".he", ".mode ", "$x", "//", "/*", "*/", "\\", "\x00", "\x1f", "\x1b[1;5C", "\x1b[999~", "\x1bO", b"\xff", b"\xc3", b"\xf0\x9f", "RETURN 1;\r", "CALL db.", "n.", ":"]
        for _ in range(10):
            s = Session([SOMBRA], rows=random_.choice([2, 6, 24]), width=random_.choice([1, 5, 20, 80]), SOMBRA_HISTORY="history")
            self.sessions.append(s)
            s.wait(lambda: ">" in s.screen.text(), "the prompt")
            keys = random_.choices(pieces, k=random_.randint(20, 150))
            for key in keys:
                s.type(key)
                if random_.random() < 0.1:
                    s.resize(random_.choice([1, 3, 24]), random_.choice([1, 7, 40, 120]))
                s.read(0)
            for _ in range(500):
                if s.ended():
                    break
                s.type(ctrl("g") + ctrl("c") + ctrl("d"))
                s.read(0.05)
            self.assertEqual(s.end(), 0, f"seed {seed}, keys {keys}")

    # ---- Images ---------------------------------------------------------------------------------------------------------------

    def check_png(self, data):
        """A PNG reader in small: chunks with right checksums, and as many points as it says."""
        self.assertTrue(data.startswith(b"\x89PNG\r\n\x1a\n"))
        at, points, seen = 8, b"", []
        while at < len(data):
            size, kind = struct.unpack(">I4s", data[at:at + 8])
            body = data[at + 8:at + 8 + size]
            self.assertEqual(struct.unpack(">I", data[at + 8 + size:at + 12 + size])[0], zlib.crc32(kind + body))
            seen.append(kind)
            if kind == b"IHDR":
                width, height = struct.unpack(">II", body[:8])
            elif kind == b"PLTE":
                colors = len(body) // 3
            elif kind == b"IDAT":
                points = zlib.decompress(body)
            at += 12 + size
        self.assertEqual(seen, [b"IHDR", b"PLTE", b"IDAT", b"IEND"])
        self.assertEqual(len(points), (width + 1) * height)
        self.assertLess(max(points), colors)
        self.assertGreater(len(set(points)), 3)  # something is drawn

    def test_graphs_as_images(self):
        for protocol in ("kitty", "iterm"):
            with self.subTest(protocol=protocol):
                s = self.graph(SOMBRA_IMAGES=protocol)
                s.run(".mode graph")
                s.run("MATCH p = ()-->() RETURN p;")
                s.see("1  Ada  (:Person)")
                raw = s.screen.raw
                if protocol == "kitty":
                    text = "".join(part.split(";", 1)[1].split("\x1b")[0] for part in raw.split("\x1b_G")[1:])
                else:
                    text = raw.split("]1337;", 1)[1].split(":", 1)[1].split("\a")[0]
                self.check_png(base64.b64decode(text))
                s.kill()
                self.setUp()


if __name__ == "__main__":
    unittest.main(verbosity=2)
