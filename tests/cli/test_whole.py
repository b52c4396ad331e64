#!/usr/bin/env python3
"""A database file that a command makes is there whole or not at all, and reading commands end when they are told to.

Goal: whoever finds a file under the name that was asked for has all of it. Method: every command that makes a file is killed (SIGKILL) at many
moments of its run, cancelled, or runs out of room; then the file is there, sound and equal to what a run that nobody disturbed makes, or it is
not there. What a killed run leaves under other names is gone after the next one.
"""
import json
import os
import resource
import signal
import subprocess
import sys
import time
import unittest

import scratch

SOMBRA = os.environ["SOMBRA"]
NODES = 10000
MOMENTS = 4 if "SOMBRA_SANITIZED" in os.environ else 12  # under sanitizers programs take four times as long


def run(*words, code=0):
    done = subprocess.run([SOMBRA, *words], capture_output=True, text=True)
    if done.returncode != code:
        raise AssertionError(f"sombra {' '.join(words)}: exit code {done.returncode}, not {code}\n{done.stdout}{done.stderr}")
    return done.stderr if code else done.stdout


def start(*words, limit=None):
    def set_limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    return subprocess.Popen([SOMBRA, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            preexec_fn=set_limit if limit else None)


def made(name="new.sombra"):
    return sorted(other for other in os.listdir(".") if other.startswith(name))


def remove_made():
    for name in made():
        os.remove(name)


MAKERS = {
    "backup": ["backup", "g.sombra", "new.sombra"],
    "vacuum": ["vacuum", "g.sombra", "new.sombra"],
    "recover": ["recover", "g.sombra", "new.sombra"],
    "import": ["import", "new.sombra", "--nodes", "N=n.csv", "--relationships", "R=r.csv"],
    "import --jsonl": ["import", "new.sombra", "--jsonl", "g.jsonl"],
    "restore": ["restore", "new.sombra", "small.cypher"],
}


class Whole(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch.clear()
        with open("n.csv", "w", encoding="utf-8") as file:
            file.write("id:ID,n:int,text\n" + "".join(f"{i},{i},node number {i}\n" for i in range(NODES)))
        with open("r.csv", "w", encoding="utf-8") as file:
            file.write(":START_ID,:END_ID,w:int\n" + "".join(f"{i},{i * 7919 % NODES},{i % 10}\n" for i in range(NODES)))
        run("import", "g.sombra", "--nodes", "N=n.csv", "--relationships", "R=r.csv")
        run("export", "g.sombra", "g.jsonl", "--as", "jsonl")
        run("query", "small.sombra", "UNWIND range(1, 3000) AS i CREATE (:N {n: i})-[:R]->(:M)")
        run("dump", "small.sombra", "small.cypher")
        cls.digests = {name: run("digest", "small.sombra" if name == "restore" else "g.sombra") for name in MAKERS}

    def setUp(self):
        remove_made()

    def make(self, name, words):
        """What a maker makes that nobody disturbs, whatever the ones before it have left."""
        if os.path.exists("new.sombra"):
            os.remove("new.sombra")
        run(*words)
        self.assertTrue(self.check(name))
        self.assertEqual(made(), ["new.sombra"])

    def check(self, name):
        """There whole, or not there; tells which."""
        if not os.path.exists("new.sombra"):
            return False
        self.assertIn(" 0 faults", run("verify", "new.sombra"))
        self.assertEqual(run("digest", "new.sombra"), self.digests[name])
        return True

    def test_killed_at_any_moment(self):
        for name, words in MAKERS.items():
            started = time.monotonic()
            run(*words)
            took = time.monotonic() - started
            self.assertTrue(self.check(name))
            absent = 0
            with self.subTest(name=name):
                for moment in range(MOMENTS):
                    if os.path.exists("new.sombra"):
                        os.remove("new.sombra")
                    command = start(*words)  # finds what the one before has left
                    time.sleep(took * (moment + 0.5) / MOMENTS)
                    if command.poll() is not None:  # the run before, by which the moments are chosen, was a slower one
                        took *= 0.7
                    command.kill()
                    command.communicate()
                    absent += not self.check(name)
                self.assertGreater(absent, 0)
                self.make(name, words)
            remove_made()

    def test_killed_while_it_is_made(self):
        """Right when the first bytes are there, under the other name."""
        for name, words in MAKERS.items():
            with self.subTest(name=name):
                for other in ("new.sombra-making", "new.sombra-making-wal"):
                    command = start(*words)
                    while command.poll() is None and not os.path.exists(other):
                        pass
                    command.kill()
                    command.communicate()
                    self.check(name)
                    if os.path.exists("new.sombra"):
                        os.remove("new.sombra")
                self.make(name, words)
            remove_made()

    def test_cancelled(self):
        cancelled = set()
        for name, words in MAKERS.items():
            for number in (signal.SIGINT, signal.SIGTERM):
                with self.subTest(name=name, signal=number):
                    for attempt in range(20):  # how fast it is is not known, nor when it begins to wait for signals
                        command = start(*words)
                        while command.poll() is None and not os.path.exists("new.sombra-making"):
                            pass
                        time.sleep(0.004 * attempt)
                        command.send_signal(number)
                        command.communicate()
                        self.assertIn(command.returncode, (0, 7, -number))
                        if command.returncode == 7:
                            cancelled.add(name)
                            self.assertEqual(made(), [])
                            break
                        there = self.check(name)  # a signal may end a command that has done its work
                        self.assertTrue(there or command.returncode != 0)
                        remove_made()
                    remove_made()
        self.assertLessEqual({"recover", "import --jsonl"}, cancelled)

    def test_without_room(self):
        for name, words in MAKERS.items():
            with self.subTest(name=name):
                command = start(*words, limit=100000)
                _, message = command.communicate()
                self.assertEqual(command.returncode, 9, message)
                self.assertEqual(made(), [])

    def test_no_room_to_close(self):
        """A statement that was committed succeeds though there is no room for the checkpoint when the file is closed."""
        run("query", "new.sombra", "UNWIND range(1, 100000) AS i CREATE (:P {t: 'text number ' + toString(i)})")
        limit = os.path.getsize("new.sombra")
        self.assertGreater(limit, 3 << 19)  # there is room for a WAL, and none behind the file's last page
        for _ in range(2):
            command = start("query", "new.sombra", "UNWIND range(1, 2000) AS i CREATE (:Late {t: 'late text number ' + toString(i)})", limit=limit)
            _, error = command.communicate()
            self.assertEqual((command.returncode, "warning: " in error, "what was committed is kept" in error), (0, True, True), error)
        self.assertIn("4000", run("query", "new.sombra", "MATCH (n:Late) RETURN count(n)"))
        self.assertIn(" 0 faults", run("verify", "new.sombra"))

    def test_what_is_there_stays(self):
        for there in (b"", b"somebody's", None):
            for name in ("backup", "vacuum", "recover"):
                with self.subTest(name=name, there=there):
                    if there is None:
                        os.mkdir("new.sombra")
                    else:
                        with open("new.sombra", "wb") as file:
                            file.write(there)
                    self.assertIn("new.sombra exists already", run(*MAKERS[name], code=3))
                    self.assertEqual(made(), ["new.sombra"])
                    if there is None:
                        os.rmdir("new.sombra")
                    else:
                        with open("new.sombra", "rb") as file:
                            self.assertEqual(file.read(), there)
                        os.remove("new.sombra")

    def test_one_at_a_time(self):
        command = start(*MAKERS["import"])
        while command.poll() is None and not os.path.exists("new.sombra-making-wal"):
            pass
        command.send_signal(signal.SIGSTOP)
        try:
            if command.poll() is None and not os.path.exists("new.sombra"):
                for name in ("backup", "vacuum", "import", "restore"):
                    words = [*MAKERS[name], "--option", "busy_timeout_ms=10"]
                    self.assertIn(f"new.sombra is being made already by process {command.pid} (sombra)", run(*words, code=5))
        finally:
            command.send_signal(signal.SIGCONT)
            command.communicate()
        self.assertEqual(command.returncode, 0)
        self.assertTrue(self.check("import"))
        self.assertEqual(made(), ["new.sombra"])

    def test_through_a_link(self):
        os.symlink("new.sombra", "link.sombra")
        try:
            for name in ("backup", "vacuum", "recover", "import"):
                with self.subTest(name=name):
                    run(*[word.replace("new.sombra", "link.sombra") for word in MAKERS[name]])
                    self.assertTrue(os.path.islink("link.sombra"))
                    self.assertTrue(self.check(name))
                    remove_made()
        finally:
            os.remove("link.sombra")

    def test_batches_are_seen_as_they_are_committed(self):
        command = start("import", "new.sombra", "--jsonl", "g.jsonl", "--batch", "1000")
        while command.poll() is None and (not os.path.exists("new.sombra") or
                                          json.loads(run("query", "new.sombra", "MATCH (n) RETURN count(n) AS n", "--format", "json"))[0]["n"] == 0):
            pass
        command.kill()
        command.communicate()
        nodes = json.loads(run("query", "new.sombra", "MATCH (n) RETURN count(n) AS n", "--format", "json"))[0]["n"]
        self.assertTrue(nodes == NODES or nodes % 1000 == 0, nodes)
        self.assertGreater(nodes, 0)
        self.assertIn(" 0 faults", run("verify", "new.sombra"))

    def test_a_failed_load_leaves_nothing(self):
        with open("bad.csv", "w", encoding="utf-8") as file:
            file.write("id:ID,n:int\n" + "".join(f"{i},{i}\n" for i in range(1000)) + "x,y\n")
        self.assertIn("line 1002", run("import", "new.sombra", "--nodes", "N=bad.csv", code=2))
        self.assertEqual(made(), [])
        self.assertIn("would import", run("import", "new.sombra", "--nodes", "N=n.csv", "--dry-run"))
        self.assertEqual(made(), [])


class Cancelled(unittest.TestCase):
    """Ctrl-C in commands that only read."""

    @classmethod
    def setUpClass(cls):
        count = 300000
        scratch.clear()
        with open("n.csv", "w", encoding="utf-8") as file:
            file.write("id:ID,n:int,text\n" + "".join(f"{i},{i},node number {i}\n" for i in range(count)))
        with open("r.csv", "w", encoding="utf-8") as file:  # a star, and a chain
            file.write(":START_ID,:END_ID,:TYPE,w:int\n" + "".join(f"0,{i},STAR,1\n{i - 1},{i},NEXT,1\n" for i in range(1, count)))
        run("import", "g.sombra", "--nodes", "N=n.csv", "--relationships", "r.csv")

    def test_each_ends_with_code_7(self):
        for words in (["bfs", "g.sombra", "1", "--limit", "300000"], ["bfs", "g.sombra", "1", "--type", "NEXT", "--count"],
                      ["path", "g.sombra", "1", "300000", "--type", "NEXT"], ["path", "g.sombra", "1", "300000", "--type", "NEXT", "--weight", "w"],
                      ["top", "g.sombra", "--limit", "100000"], ["info", "g.sombra", "--trees"], ["get", "g.sombra", "N.text=none such"],
                      ["neighbors", "g.sombra", "1"]):
            for number in (signal.SIGINT, signal.SIGTERM):
                with self.subTest(words=words, signal=number):
                    codes = set()
                    wait = 0.02
                    for attempt in range(40):  # when it has begun to read, and is not done yet, is not known
                        command = start(*words, "--format", "csv")
                        time.sleep(wait)
                        command.send_signal(number)
                        _, message = command.communicate()
                        codes.add(command.returncode)
                        if command.returncode == 7:
                            self.assertIn("cancelled", message)
                            break
                        wait *= 1.3 if command.returncode == -number else 0.7
                    self.assertIn(7, codes)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])
