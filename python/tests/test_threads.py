"""Threads, forks, signals, limits of time: who may use what when, and how long calls end."""

import contextlib
import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

import sombra

#: Takes for ever.
ENDLESS = "UNWIND range(1, 10000000) AS x UNWIND range(1, 10000000) AS y RETURN sum(x + y)"


def in_threads(count, function):
    """Call function(i) in so many threads; raise what the first that failed raised."""
    failures = []

    def call(i):
        try:
            function(i)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=call, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def test_each_thread_has_its_connection(file_db):
    def work(i):
        for k in range(20):
            with file_db.transaction() as tx:
                tx.execute("CREATE (:N {i: $i, k: $k})", i=i, k=k)
            assert file_db.execute("MATCH (n:N {i: $i}) RETURN count(n) AS c", i=i).single().c == k + 1

    in_threads(6, work)
    assert file_db.node_count("N") == 120
    gc.collect()
    assert file_db.info()["readers"] <= 1  # threads that have ended took their connections along


def test_a_statement_is_shared(db):
    db.execute("UNWIND range(0, 99) AS x CREATE (:N {x: x})")
    statement = db.prepare("MATCH (n:N {x: $x}) RETURN n.x AS x")

    def work(i):
        for k in range(200):
            assert statement.execute(x=(i + k) % 100).single().x == (i + k) % 100

    in_threads(4, work)


def test_transactions_are_a_threads_own(db):
    with db.transaction() as tx:
        tx.execute("CREATE (:N)")

        def work(i):
            assert not db.in_transaction and db.node_count("N") == 0

        in_threads(2, work)
    assert db.node_count("N") == 1


def test_a_result_goes_to_another_thread(db):
    result = db.execute("UNWIND range(1, 3000) AS x RETURN x")
    next(result)
    rows = []
    in_threads(1, lambda i: rows.extend(result))
    assert len(rows) == 2999
    # Dropped there, too.
    holder = [db.execute("UNWIND range(1, 3000) AS x RETURN x")]
    in_threads(1, lambda i: holder.clear())
    db.execute("CREATE (:N)")


def test_a_connection_is_no_later_threads(db):
    """A result keeps its thread's connection, whose identifier a later thread has: stacks of threads are used again."""
    made = []

    def run(i):
        result = db.execute("UNWIND range(1, 3000) AS x RETURN x")
        made.append((result, db._connection(), threading.get_ident()))

    for _ in range(40):
        in_threads(1, run)
    assert len({ident for _, _, ident in made}) < len(made)  # else this shows nothing
    assert len({id(connection) for _, connection, _ in made}) == len(made)
    for result, _, _ in made:
        assert len(result.fetchall()) == 3000


def test_cancel_and_limit_of_reading(db):
    """Rows are made without the library, most of the time: a call that does it is cancelled and limited all the same."""
    many = "UNWIND range(1, 100000000) AS x RETURN x"
    result = db.execute(many)
    threading.Timer(0.2, db.interrupt).start()
    with pytest.raises(sombra.InterruptError):
        result.fetchall()
    db.time_limit = 0.2
    result = db.execute(many)
    with pytest.raises(sombra.TimeLimitError):
        result.fetchall()
    db.time_limit = None
    with pytest.raises(sombra.MisuseError, match="failed"):
        result.fetchall()
    assert len(db.execute("UNWIND range(1, 5000) AS x RETURN x").fetchall()) == 5000


def test_not_by_two_at_a_time(db):
    """A connection that is within a call refuses a second thread instead of breaking."""
    started, asked = threading.Event(), threading.Event()

    def slow(x):
        started.set()
        asked.wait(20)
        return x

    db.register_function("my.slow", slow)
    result = db.execute("UNWIND range(1, 3000) AS x RETURN x")
    seen = []

    def other(i):
        started.wait()
        try:
            with pytest.raises(sombra.MisuseError, match="in use"):
                result.fetchall()
            with pytest.raises(sombra.MisuseError, match="runs"):
                db.close()
            seen.append(i)
        finally:
            asked.set()

    thread = threading.Thread(target=other, args=(1,))
    thread.start()
    assert db.execute("RETURN my.slow(1) AS x").single().x == 1
    thread.join()
    assert seen == [1] and len(result.fetchall()) == 3000


@contextlib.contextmanager
def ticks():
    """What another thread counts meanwhile, every millisecond in which it gets the GIL."""
    counted = []
    stop = threading.Event()

    def count():
        while not stop.is_set():
            counted.append(1)
            time.sleep(0.001)

    thread = threading.Thread(target=count)
    thread.start()
    try:
        yield counted
    finally:
        stop.set()
        thread.join()


def test_others_run_during_a_long_call(db):
    """The GIL is given away: another thread's counter goes on."""
    db.time_limit = 1
    with ticks() as counted, pytest.raises(sombra.TimeLimitError):
        db.execute(ENDLESS)
    assert len(counted) > 3  # some hundred, but on a machine with much else to do


def test_others_run_while_a_long_text_is_compiled(db):
    text = f"RETURN [{', '.join(map(str, range(100000)))}] AS x"
    with ticks() as counted:
        before = len(counted)
        db.prepare(text)
        during = len(counted) - before
    assert during > 3


def lets_others_run(call):
    """Does another thread get the GIL while a call is repeated? The interpreter takes it from nobody meanwhile: only the call can give it away."""
    ran = []
    thread = threading.Thread(target=lambda: (time.sleep(0.02), ran.append(1)))
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    try:
        thread.start()
        end = time.monotonic() + 5
        while not ran and time.monotonic() < end:
            call()
        return bool(ran)
    finally:
        sys.setswitchinterval(interval)
        thread.join()


def test_others_run_while_a_savepoint_is_gone_back_to(db):
    with db.transaction() as tx:
        tx.execute("UNWIND range(1, 1000) AS x CREATE (:N {x: x})")
        connection = db._connection()
        savepoint = connection.savepoint()
        assert lets_others_run(lambda: connection.rollback_to(savepoint))
        assert lets_others_run(lambda: connection.release(connection.savepoint()))


def test_others_run_while_a_long_script_is_read(db):
    def run():
        with pytest.raises(sombra.QuerySyntaxError):
            db.execute_script(f"RETURN [{', '.join(map(str, range(10000)))}] AS x y;")

    assert lets_others_run(run)


def test_a_quick_statement_that_is_slow_for_once(db):
    """A prepared statement that was quick keeps the GIL, until it turns out to be slow."""
    statement = db.prepare("UNWIND range(1, $n) AS x UNWIND range(1, $n) AS y RETURN sum(x + y) AS s")
    for _ in range(3):
        statement.execute(n=1).single()
    db.time_limit = 1
    with ticks() as counted:
        before = len(counted)
        with pytest.raises(sombra.TimeLimitError):
            statement.execute(n=10_000_000).single()
        assert len(counted) > before + 3


def test_time_limit(db):
    assert db.time_limit is None
    db.time_limit = 0.05
    assert db.time_limit == 0.05
    with pytest.raises(sombra.TimeLimitError):
        db.execute(ENDLESS)
    db.time_limit = None
    assert db.execute("RETURN 1 AS a").single().a == 1
    for wrong in (0, -1, float("nan")):
        with pytest.raises(ValueError):
            db.time_limit = wrong
    with pytest.raises(TypeError):
        db.time_limit = "1"


def test_interrupt_from_another_thread(db):
    def stop(i):
        while not done.wait(0.02):
            db.interrupt()

    done = threading.Event()
    thread = threading.Thread(target=stop, args=(0,))
    thread.start()
    with pytest.raises(sombra.InterruptError):
        db.execute(ENDLESS)
    done.set()
    thread.join()
    assert db.execute("RETURN 1 AS a").single().a == 1


@pytest.mark.parametrize("prepared", [False, True])
def test_keyboard_interrupt(db, prepared):
    run = db.prepare(ENDLESS).execute if prepared else lambda: db.execute(ENDLESS)
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        run()
    timer.join()
    assert db.execute("RETURN 1 AS a").single().a == 1


def test_keyboard_interrupt_undoes_the_statement(db):
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        db.execute("UNWIND range(1, 100000000) AS x CREATE (:N {x: x})")
    timer.join()
    assert db.node_count("N") == 0


def test_what_a_signals_handler_raises(db):
    class Alarm(Exception):
        pass

    def handler(number, frame):
        raise Alarm

    old = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(Alarm):
            db.execute(ENDLESS)
    finally:
        signal.signal(signal.SIGALRM, old)


def test_fork(tmp_path):
    """Handles of the parent refuse to work in a child, which opens the file anew; the parent goes on."""
    script = textwrap.dedent(
        """
        import os, sys, sombra
        path = sys.argv[1]
        db = sombra.open(path)
        db.execute("CREATE (:N)")
        statement = db.prepare("MATCH (n:N) RETURN count(n) AS c")
        pending = db.execute("UNWIND range(1, 5000) AS x RETURN x")
        child = os.fork()
        if child == 0:
            code = 0
            for use in (lambda: db.execute("CREATE (:N)"), lambda: db.execute("MATCH (n) RETURN n").fetchall(), lambda: statement.execute().single(),
                        lambda: db.node(1), db.begin, lambda: db.prepare("RETURN 1").execute().single()):
                try:
                    use()
                    code = 1
                    print("worked:", use, file=sys.stderr)
                except sombra.MisuseError:
                    pass
            del pending, statement, use
            with sombra.open(path) as own:
                code += 2 * (own.execute("MATCH (n:N) RETURN count(n) AS c").single().c != 1)
                own.execute("CREATE (:N)")
            db.close()
            sys.exit(code)
        assert os.waitpid(child, 0)[1] == 0, "the child failed"
        assert len(pending.fetchall()) == 5000
        assert statement.execute().single().c == 2
        db.close()
        with sombra.open(path) as again:
            assert again.node_count("N") == 2 and again.verify() == []
        """
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "g")], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_other_interpreters_are_refused():
    """Two in one process would share classes: exceptions of the first were none of its own any more."""
    script = textwrap.dedent(
        """
        import sombra
        try:
            import _interpreters as interpreters
            ask = lambda id, text: print(interpreters.exec(id, text).formatted)
            other = interpreters.create("legacy")
        except ImportError:
            import _xxsubinterpreters as interpreters
            other = interpreters.create(isolated=False)
            def ask(id, text):
                try:
                    interpreters.run_string(id, text)
                except interpreters.RunFailedError as error:
                    print(error)
        ask(other, "import sombra")
        interpreters.destroy(other)
        with sombra.open(":memory:") as db:
            try:
                db.execute("RETRUN")
            except sombra.Error:
                print("caught", isinstance(db.execute("CREATE (n) RETURN n").single().n, sombra.Node))
        """
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert "another interpreter" in done.stdout and done.stdout.endswith("caught True\n"), done.stdout + done.stderr


def test_an_open_database_at_exit(tmp_path):
    """Neither open databases nor unread results trouble the interpreter's end."""
    script = textwrap.dedent(
        """
        import sys, threading, sombra
        db = sombra.open(sys.argv[1])
        db.execute("CREATE (:N)")
        rest = db.execute("UNWIND range(1, 5000) AS x RETURN x")
        next(rest)
        stream = db.execute("UNWIND range(1, 500000) AS x RETURN x").__arrow_c_stream__()
        tx = sombra.open(sys.argv[1] + "2").transaction()
        thread = threading.Thread(target=lambda: db.execute("RETURN 1"))
        thread.start(); thread.join()
        """
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "g")], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
