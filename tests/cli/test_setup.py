#!/usr/bin/env python3
"""What surrounds the work: init, seed-demo, doctor, config with its file and environment variables, completions."""
import json
import os
import pty
import re
import select
import shutil
import subprocess
import unittest

import scratch

SOMBRA = os.environ["SOMBRA"]
WAIT = float(os.environ.get("SOMBRA_TEST_WAIT", "60"))  # seconds
CLEAN = {k: v for k, v in os.environ.items() if not k.startswith("SOMBRA_")}


def run(*words, code=0, **environment):
    done = subprocess.run([SOMBRA, *words], capture_output=True, text=True,
                          env={**CLEAN, "XDG_CONFIG_HOME": os.path.abspath("xdg"), "XDG_STATE_HOME": os.path.abspath("state"), "LC_ALL": "C.UTF-8", **environment})
    if done.returncode != code:
        raise AssertionError(f"sombra {' '.join(words)}: exit code {done.returncode}, not {code}\n{done.stdout}{done.stderr}")
    return done.stderr if code else done.stdout


def write(path, text):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


class Setup(unittest.TestCase):
    def setUp(self):
        scratch.clear()

    # ---- init, seed-demo ---------------------------------------------------------------------------------------------------

    def test_init(self):
        self.assertIn("new, empty database", run("init", "g.sombra"))
        self.assertIn("0 nodes", run("verify", "g.sombra"))
        self.assertIn("exists already", run("init", "g.sombra", code=3))
        for name in ("init", "seed-demo"):
            self.assertIn("name a file", run(name, ":memory:", code=2))
        self.assertEqual(run("init", "q.sombra", "--quiet"), "")
        run("init", "p.sombra", "--option", "page_size=16k", "--demo")
        self.assertEqual(json.loads(run("init", "j.sombra", "--format", "json")), {"file": "j.sombra", "nodes": 0, "relationships": 0})
        self.assertEqual({r["figure"]: r["value"] for r in json.loads(run("p.sombra", "-c", ".stats", "--format", "json"))}["page_size"], 16384)

    def test_the_demo_is_what_it_says(self):
        told = run("seed-demo", "d.sombra")
        figures = {r["figure"]: r["value"] for r in json.loads(run("d.sombra", "-c", ".stats", "--format", "json"))}
        self.assertIn(f"{figures['nodes']} nodes and {figures['relationships']} relationships", told)
        self.assertEqual(json.loads(run("seed-demo", "e.sombra", "--format", "json")),
                         {"file": "e.sombra", "nodes": figures["nodes"], "relationships": figures["relationships"]})
        for query in re.findall(r"^  (MATCH .*;)$", told, re.M):
            self.assertGreater(len(json.loads(run("d.sombra", "-c", query, "--format", "json"))), 1, query)
        self.assertIn("is not empty", run("seed-demo", "d.sombra", code=3))
        self.assertEqual(json.loads(run("d.sombra", "-c", "MATCH (n) WHERE NOT (n)--() RETURN n", "--format", "json")), [])

    # ---- config --------------------------------------------------------------------------------------------------------------

    def settings(self, **environment):
        return {r["name"]: r["value"] for r in json.loads(run("g.sombra", "-c", ".set", "--format", "json", **environment))}

    def test_what_is_said_later_counts(self):
        write("xdg/sombra/config", "# mine\ndurability = normal\n[fast]\ndurability = off\ntimeout = 7\n\n[default]\nbusy-timeout-ms = 10\n")
        self.assertEqual(self.settings()["durability"], "normal")
        self.assertEqual(self.settings(SOMBRA_CONFIG_PROFILE="fast")["durability"], "off")
        self.assertEqual(self.settings(SOMBRA_CONFIG_PROFILE="fast")["timeout"], "7")
        self.assertEqual(self.settings(SOMBRA_CONFIG_PROFILE="fast", SOMBRA_DURABILITY="full")["durability"], "full")
        rows = json.loads(run("g.sombra", "-c", ".set", "--format", "json", "--config-profile", "fast", "--option", "durability=normal", "--timeout", "9",
                              SOMBRA_DURABILITY="full", SOMBRA_TIMEOUT="8"))
        rows = {r["name"]: r["value"] for r in rows}
        self.assertEqual((rows["durability"], rows["timeout"]), ("normal", "9"))
        rows = json.loads(run("config", "--config-profile", "fast", "--format", "json", SOMBRA_CACHE_PAGES="99"))
        self.assertEqual([(r["setting"], r["value"]) for r in rows],
                         [("durability", "normal"), ("busy_timeout_ms", "10"), ("durability", "off"), ("timeout", "7"), ("cache_pages", "99")])
        self.assertTrue(rows[2]["from"].endswith("config, line 4"), rows[2])
        self.assertEqual(rows[4]["from"], "SOMBRA_CACHE_PAGES")
        # another file, by flag and by variable
        write("other", "durability = off\n")
        self.assertEqual(json.loads(run("config", "--config", "other", "--format", "json"))[0]["from"], "other, line 1")
        self.assertEqual(self.settings(SOMBRA_CONFIG="other")["durability"], "off")

    def test_every_setting_has_an_effect(self):
        run("init", "g.sombra")
        self.assertEqual(run("g.sombra", "-c", "RETURN 1 AS x", SOMBRA_FORMAT="csv"), "x\n1\n")
        self.assertIn("│", run("info", "g.sombra", SOMBRA_FORMAT="box"))
        self.assertEqual(run("verify", "g.sombra", SOMBRA_QUIET="true"), "")
        self.assertIn("time limit", run("g.sombra", "-c", "UNWIND range(1, 10000) AS a UNWIND range(1, 100000) AS x WITH x WHERE x % 7 = 8 RETURN count(*)", SOMBRA_TIMEOUT="1", code=7))
        self.assertIn("time limit", run("query", "g.sombra", "UNWIND range(1, 10000) AS a UNWIND range(1, 100000) AS x WITH x WHERE x % 7 = 8 RETURN count(*)", SOMBRA_TIMEOUT="1", code=7))
        run("-c", "CREATE (:X)", SOMBRA_DATABASE="other.sombra")
        self.assertEqual(run("-c", "MATCH (n) RETURN count(*) AS n", SOMBRA_DATABASE="other.sombra", SOMBRA_FORMAT="csv"), "n\n1\n")
        names = [r["option"] for r in json.loads(run("help", "options", "--format", "json"))]
        self.assertIn("read_only", names)
        for name in names:
            with self.subTest(option=name):
                variable = "SOMBRA_" + name.upper()
                if name in ("profile", "import_dirs"):
                    continue  # the library's own switch; any text is a folder
                self.assertIn(variable, run("config", code=2, **{variable: "no such value"}))
        self.assertIn("import_dirs", run("g.sombra", "-c", "LOAD CSV FROM 'x.csv' AS r RETURN r", code=2, SOMBRA_IMPORT_DIRS="/nowhere"))
        self.assertIn("for reading only", run("g.sombra", "-c", "CREATE (:X)", code=6, SOMBRA_READ_ONLY="on"))
        # SOMBRA_PROFILE is the profiling switch alone
        self.assertEqual(json.loads(run("config", "--format", "json", SOMBRA_PROFILE="fast")), [])

    def test_mistakes_in_the_file_are_placed(self):
        for text, told in (("durabilty = off", "line 1: there is no option 'durabilty'"), ("x\n", "line 1: 'x' is not NAME = VALUE"), ("\n[fast\n", "line 2: '[fast' is no [section]"),
                           ("format = xml", "'xml' is no format"), ("quiet = maybe", "neither true nor false"), ("timeout = -1", "no number of seconds"),
                           ("durability = often", "none of full, normal, off"), ("= 3", "is not NAME = VALUE")):
            with self.subTest(text=text):
                write("xdg/sombra/config", text)
                self.assertIn(told, run("config", code=2))
        write("xdg/sombra/config", "[fast]\nquiet = on\n[slow]\n")
        self.assertIn("did you mean [fast]?", run("config", "--config-profile", "fsat", code=3))
        self.assertIn("has no section [zzzzzz]", run("config", "--config-profile", "zzzzzz", code=3))
        write("xdg/sombra/config", "\ufefftimeout = 5\r\n[slow]\r\ntimeout = 6\r\n")
        self.assertEqual([json.loads(run("config", "--format", "json", *words))[-1]["value"] for words in ((), ("--config-profile", "slow"))], ["5", "6"])
        os.remove("xdg/sombra/config")
        self.assertIn("there is no configuration file", run("config", "--config-profile", "fast", code=3))
        self.assertIn("missing: No such file", run("config", "--config", "missing", code=3))
        self.assertIn("HOME is not set", run("config", HOME="", XDG_CONFIG_HOME=""))

    # ---- doctor ---------------------------------------------------------------------------------------------------------------------

    def doctor(self, *words, code=0, **environment):
        done = subprocess.run([SOMBRA, "doctor", *words, "--format", "json"], capture_output=True, text=True,
                              env={**CLEAN, "XDG_CONFIG_HOME": os.path.abspath("xdg"), "XDG_STATE_HOME": os.path.abspath("state"), "LC_ALL": "C.UTF-8", **environment})
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return {r["check"]: r for r in json.loads(done.stdout)}

    def test_doctor_of_the_environment(self):
        checks = self.doctor()
        for name in ("version", "locale", "time zones", "configuration", "history", "open files"):
            self.assertEqual(checks[name]["result"], "ok", checks[name])
        self.assertEqual(self.doctor(LC_ALL="C")["locale"]["result"], "warning")
        self.assertEqual(self.doctor(TZDIR="/nowhere")["time zones"]["result"], "warning")
        write("state/sombra/history", "x\n")
        os.chmod("state/sombra/history", 0o644)
        self.assertIn("chmod 600 " + os.path.abspath("state/sombra/history"), self.doctor()["history"]["remedy"])
        self.assertEqual(self.doctor(SOMBRA_HISTORY="")["history"]["found"], "none")
        write("mine", "x\n")
        os.chmod("mine", 0o644)
        self.assertEqual(self.doctor(SOMBRA_HISTORY="mine")["history"]["remedy"], "chmod 600 mine")
        done = subprocess.run(["sh", "-c", f"ulimit -n 64; exec {SOMBRA} doctor --format json"], capture_output=True, text=True, env=CLEAN, check=True)
        self.assertIn("ulimit -n", {r["check"]: r for r in json.loads(done.stdout)}["open files"]["remedy"])
        self.assertRegex(run("doctor"), r"\n0 faults, \d+ warnings?\n$")

    def test_doctor_of_a_database(self):
        run("init", "g.sombra", "--demo")
        with open("g.sombra", "rb") as file:
            before = file.read()
        checks = self.doctor("g.sombra", "--verify")
        self.assertTrue(all(c["result"] == "ok" for c in checks.values()), checks)
        self.assertIn("46 nodes, 56 relationships", checks["graph"]["found"])
        self.assertNotIn("content", self.doctor("g.sombra"))
        with open("g.sombra", "rb") as file:
            self.assertEqual(file.read(), before)
        self.assertEqual(sorted(os.listdir(".")), ["g.sombra"])
        self.assertIn("sombra init", self.doctor("missing.sombra", code=10)["database"]["remedy"])
        write("text.sombra", "not a database")
        self.assertEqual(self.doctor("text.sombra", code=10)["database"]["result"], "FAULT")
        # a damaged page
        with open("g.sombra", "r+b") as file:
            file.seek(-4000, os.SEEK_END)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 0x40]))
        self.assertIn("recover", self.doctor("g.sombra", "--verify", code=10)["content"]["remedy"])

    def test_doctor_of_a_database_in_use(self):
        writer = subprocess.Popen([SOMBRA, "g.sombra", "--format", "csv"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        writer.stdin.write("CREATE (:X); RETURN 1 AS x;\n")
        writer.stdin.flush()
        self.assertEqual(writer.stdout.readline() + writer.stdout.readline(), "x\n1\n")
        self.assertEqual(self.doctor("g.sombra")["writer lock"]["found"], "free")
        writer.stdin.write("BEGIN; CREATE (:X); RETURN 1 AS x;\n")
        writer.stdin.flush()
        self.assertEqual(writer.stdout.readline() + writer.stdout.readline(), "x\n1\n")
        lock = self.doctor("g.sombra")["writer lock"]
        self.assertEqual(lock["result"], "warning")
        self.assertIn(str(writer.pid), lock["found"])
        writer.kill()
        writer.communicate()
        # it was not closed: the next open recovers it, which the doctor does not
        before = sorted(os.listdir("."))
        self.doctor("g.sombra")
        self.assertEqual(sorted(os.listdir(".")), before)
        self.assertIn("0 faults", run("verify", "g.sombra"))

    # ---- completions -----------------------------------------------------------------------------------------------------------------

    def complete(self, *words):
        """What bash offers for the last word."""
        script = ('source ./completions; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _sombra; printf "%s\\n" "${COMPREPLY[@]}"')
        done = subprocess.run(["bash", "-c", script, "bash", *words], capture_output=True, text=True, check=True)
        return [answer for answer in done.stdout.splitlines() if answer]

    @unittest.skipUnless(shutil.which("bash"), "no bash")
    def test_bash_completes(self):
        write("completions", run("completions", "bash"))
        write("graph.sombra", "")
        self.assertEqual(self.complete("sombra", "imp"), ["import"])
        self.assertIn("graph.sombra", self.complete("sombra", "gr"))
        self.assertEqual(self.complete("sombra", "import", "g.sombra", "--deli"), ["--delimiter"])
        self.assertEqual(self.complete("sombra", "info", "g.sombra", "--deli"), [])
        self.assertEqual(self.complete("sombra", "info", "--format", "js"), ["json", "jsonl"])
        self.assertEqual(self.complete("sombra", "g.sombra", "--comm"), ["--command"])
        self.assertEqual(self.complete("sombra", "completions", "fi"), ["fish"])
        self.assertEqual(self.complete("sombra", "info", "graph"), ["graph.sombra"])
        self.assertEqual(self.complete("sombra", "help", "opt"), ["options"])
        write("my graph.sombra", "")
        self.assertEqual(self.complete("sombra", "info", "my"), ["my graph.sombra"])
        # flags in front, and values behind '='
        self.assertEqual(self.complete("sombra", "--format", "json", "--quiet", "inf"), ["info"])
        self.assertEqual(self.complete("sombra", "--format", "json", "info", "g.sombra", "--tr"), ["--trees"])
        self.assertEqual(self.complete("sombra", "--format", "=", "json", "info", "g.sombra", "--tr"), ["--trees"])
        self.assertEqual(self.complete("sombra", "info", "--format", "=", "js"), ["json", "jsonl"])
        self.assertEqual(self.complete("sombra", "export", "--as", "=")[:4], ["csv", "jsonl", "graphml", "gexf"])

    @unittest.skipUnless(shutil.which("fish"), "no fish")
    def test_fish_completes(self):
        write("completions", run("completions", "fish"))
        write("graph.sombra", "")

        def offered(line):
            done = subprocess.run(["fish", "-N", "-c", 'source completions; complete -C "$argv[1]"', line], capture_output=True, text=True, check=True,
                                  env={**os.environ, "HOME": os.getcwd(), "XDG_CONFIG_HOME": os.getcwd(), "XDG_DATA_HOME": os.getcwd()})
            self.assertEqual(done.stderr, "")
            return [answer.split("\t")[0] for answer in done.stdout.splitlines()]
        self.assertEqual(offered("sombra imp"), ["import"])
        self.assertEqual(offered("sombra import g.sombra --deli"), ["--delimiter"])
        self.assertEqual(offered("sombra info g.sombra --deli"), [])
        self.assertEqual(offered("sombra info import --deli"), [])
        self.assertEqual(offered("sombra info --format js"), ["json", "jsonl"])
        self.assertEqual(offered("sombra export g.sombra x --as g"), ["gexf", "graphml"])
        self.assertEqual(offered("sombra g.sombra --comm"), ["--command"])
        self.assertEqual(offered("sombra completions "), ["bash", "fish", "zsh"])
        self.assertEqual(offered("sombra info graph"), ["graph.sombra"])
        self.assertEqual(offered("sombra help opt"), ["options"])
        self.assertEqual(offered("sombra --format json --quiet inf"), ["info"])
        self.assertEqual(offered("sombra --format json info g.sombra --tr"), ["--trees"])
        self.assertEqual(offered("sombra --format=json info g.sombra --tr"), ["--trees"])

    @unittest.skipUnless(shutil.which("zsh"), "no zsh")
    def test_zsh_completes(self):
        write("graph.sombra", "")
        pid, terminal = pty.fork()
        if pid == 0:
            os.environ.update(TERM="dumb", HOME=os.getcwd(), PATH=f"{os.path.dirname(SOMBRA)}:{os.environ['PATH']}")
            os.execvp("zsh", ["zsh", "-f", "-i"])
        self.addCleanup(os.waitpid, pid, 0)
        self.addCleanup(os.close, terminal)  # first: it hangs up
        told = ""

        def say(keys, mark):
            nonlocal told
            told = ""
            os.write(terminal, keys.encode())
            while not re.search(mark, told):
                self.assertTrue(select.select([terminal], [], [], WAIT)[0], f"{keys!r}: {told!r}")
                told += os.read(terminal, 65536).decode(errors="replace")
        # Ctrl-D lists what there is, Ctrl-U drops the line; a lone answer is put in by Tab.
        say("""PS1='' PROMPT_EOL_MARK='' LISTMAX=10000; autoload -Uz compinit && compinit -u -D; eval "$(sombra completions zsh)"; """
            "setopt no_always_last_prompt; print rea''dy\n", r"ready\r?\n[^\0]*2004h")  # then it edits the line
        say("sombra imp\x04", r"import +-- load nodes")
        say("\x15sombra info --format \x04", r"box +csv +json +jsonl +line")
        say("\x15sombra export g.sombra x --as \x04", r"csv +gexf +graphml")
        say("\x15sombra g.sombra --comm\x04", r"--command +-- run statements")
        say("\x15sombra completions \x04", r"bash +fish +zsh")
        say("\x15sombra help opt\t", r"options")
        say("\x15sombra --format json --quiet imp\x04", r"import +-- load nodes")
        say("\x15sombra --format json info --\x04", r"--trees")
        say("\x15sombra import --delim\t", r"--delimiter")
        say("\x15sombra info grap\t", r"graph\.sombra")
        say("\x15sombra import --nodes=grap\t", r"--nodes=graph\.sombra")
        say("\x15sombra import --nodes Person=grap\t", r"Person=graph\.sombra")
        say("\x15sombra info --format=jsonl --tre\t", r"--format=jsonl --trees")

    def test_every_command_is_completed_in_every_shell(self):
        names = re.findall(r"^  ([a-z-]+) ", run("--help"), re.M)
        self.assertIn("seed-demo", names)
        for shell in ("bash", "zsh", "fish"):
            script = run("completions", shell)
            for name in names:
                self.assertRegex(script, rf"\b{re.escape(name)}\b", shell)
            for flag in ("skip-missing-endpoints", "config-profile", "max-depth"):
                self.assertIn(flag, script)
            if shutil.which(shell):
                write("script", script)
                subprocess.run([shell, "-n", "script"], check=True)
        self.assertIn("none of bash, zsh, fish", run("completions", "csh", code=2))


if __name__ == "__main__":
    unittest.main(verbosity=2)
