"""Functions, aggregates and procedures written in Python."""

import gc
import os
import signal
import threading
import time
import weakref

import pytest

import sombra


def test_function(db):
    db.register_function("my.clamp(x :: FLOAT?, low :: FLOAT?, high :: FLOAT?) :: FLOAT?", lambda x, low, high: min(max(x, low), high))
    assert db.execute("RETURN my.clamp(5.0, 0.0, 1.0) AS x").single().x == 1.0
    db.register_function("my.join", lambda a, b: f"{a}{b}")
    assert db.execute("UNWIND ['x', 'y'] AS a RETURN my.join(a, 1) AS s").fetchall() == [("x1",), ("y1",)]
    db.register_function("my.map", lambda v: {"v": v, "l": [v, None]})
    assert db.execute("RETURN my.map('👍') AS m").single().m == {"v": "👍", "l": ["👍", None]}
    db.register_function("my.answer", lambda: 42)
    assert db.execute("RETURN my.answer() AS x").single().x == 42
    db.register_function("my.id", lambda n: n.id)
    node = db.execute("CREATE (n) RETURN n").single().n
    assert db.execute("MATCH (n) RETURN my.id(n) AS id").single().id == node.id


def test_signatures(db):
    for wrong in ("my.f(x :: NOTHING) :: ANY?", "my.f(", "my.f() :: ", "(x :: ANY?) :: ANY?"):
        with pytest.raises(sombra.QuerySyntaxError):
            db.register_function(wrong, lambda x: x)
    with pytest.raises(sombra.InvalidError):
        db.register_function("my.f", lambda *args: 1)
    db.register_function("my.f", lambda x: x)
    with pytest.raises(sombra.ExistsError):
        db.register_function("my.f", lambda x: x)
    with pytest.raises(sombra.QuerySyntaxError):
        db.execute("RETURN my.f()")
    with pytest.raises(sombra.InvalidError):
        db.register_function("my.f", db.execute)
    with pytest.raises(sombra.InvalidError):
        db.register_aggregate("my.g", lambda: None)


def test_what_a_function_raises(db):
    db.register_function("my.bad", lambda x: {}[x])
    with pytest.raises(sombra.InvalidError, match="KeyError") as caught:
        db.execute("RETURN my.bad('k')")
    assert isinstance(caught.value.__cause__, KeyError)
    db.register_function("my.odd", lambda: object())
    with pytest.raises(sombra.InvalidError, match="counterpart") as caught:
        db.execute("RETURN my.odd()")
    assert isinstance(caught.value.__cause__, sombra.TypeMismatchError)

    def interrupt():
        raise KeyboardInterrupt

    db.register_function("my.interrupt", interrupt)
    with pytest.raises(KeyboardInterrupt):
        db.execute("RETURN my.interrupt()")
    assert db.execute("RETURN 1 AS a").single().a == 1


def test_procedures_that_take_long(db):
    """A procedure gives rows for longer than it takes until signals are looked at."""

    def count(n):
        until = time.monotonic() + 0.5
        for i in range(n):
            while i == n - 1 and time.monotonic() < until:
                yield (i,)
            yield (i,)

    db.register_procedure("my.count(n :: INTEGER?) :: (i :: INTEGER?)", count)
    assert db.execute("CALL my.count(3) YIELD i RETURN min(i) AS least, max(i) AS most").single() == (0, 2)

    def endless():
        while True:
            yield (1,)

    db.register_procedure("my.endless() :: (i :: INTEGER?)", endless)
    db.time_limit = 0.3
    with pytest.raises(sombra.TimeLimitError):
        db.execute("CALL my.endless() YIELD i RETURN count(i)")
    db.time_limit = None
    ticking = threading.Thread(target=lambda: (time.sleep(0.3), os.kill(os.getpid(), signal.SIGINT)))
    ticking.start()
    with pytest.raises(KeyboardInterrupt):
        db.execute("CALL my.endless() YIELD i RETURN count(i)")
    ticking.join()
    assert db.execute("RETURN 1 AS a").single().a == 1


def test_functions_use_other_databases(db):
    """What is raised behind that is still the cause of this database's error."""
    other = sombra.open(":memory:")

    def look(error):
        assert other.execute("RETURN 1 AS a").single().a == 1
        raise error

    db.register_function("my.missing", lambda: look(KeyError("k")))
    db.register_function("my.interrupt", lambda: look(KeyboardInterrupt()))
    with pytest.raises(sombra.InvalidError, match="KeyError") as caught:
        db.execute("RETURN my.missing()")
    assert isinstance(caught.value.__cause__, KeyError)
    with pytest.raises(KeyboardInterrupt):
        db.execute("RETURN my.interrupt()")


def test_a_function_may_not_use_its_connection(db):
    db.register_function("my.again", lambda: db.execute("RETURN 1 AS a").single().a)
    with pytest.raises(sombra.InvalidError) as caught:
        db.execute("RETURN my.again()")
    assert isinstance(caught.value.__cause__, sombra.MisuseError)
    db.register_function("my.close", lambda: db.close())
    with pytest.raises(sombra.InvalidError) as caught:
        db.execute("RETURN my.close()")
    assert isinstance(caught.value.__cause__, sombra.MisuseError) and not db.closed


class Median:
    made = 0

    def __init__(self):
        Median.made += 1
        self.values = []

    def step(self, value):
        if value is not None:
            self.values.append(value)

    def finish(self):
        ordered = sorted(self.values)
        return ordered[len(ordered) // 2] if ordered else None


def test_aggregate(db):
    db.register_aggregate("my.median", Median)
    assert db.execute("UNWIND [3, 1, 2, null] AS x RETURN my.median(x) AS m").single().m == 2
    rows = db.execute("UNWIND range(0, 9) AS x RETURN x % 2 AS odd, my.median(x) AS m ORDER BY odd").fetchall()
    assert rows == [(0, 4), (1, 5)]
    assert db.execute("UNWIND [] AS x RETURN my.median(x) AS m").single().m is None


def test_an_aggregate_that_fails_leaves_nothing(db):
    alive = weakref.WeakSet()

    class Fails:
        def __init__(self):
            alive.add(self)

        def step(self, value):
            if value == 50:
                raise RuntimeError("fifty")

        def finish(self):
            return 1

    db.register_aggregate("my.fails", Fails)
    with pytest.raises(sombra.InvalidError, match="fifty") as caught:
        db.execute("UNWIND range(1, 100) AS x RETURN x % 7 AS g, my.fails(x) AS f")
    assert isinstance(caught.value.__cause__, RuntimeError)
    del caught
    db.execute("RETURN 1").close()
    gc.collect()
    assert len(alive) == 0
    assert len(db.execute("UNWIND range(1, 40) AS x RETURN x % 7 AS g, my.fails(x) AS f").fetchall()) == 7
    gc.collect()
    assert len(alive) == 0


def test_arguments_left_out(db):
    db.register_function("my.power", lambda base, exponent=2: base**exponent)
    assert tuple(db.execute("RETURN my.power(3) AS a, my.power(3, 3) AS b").single()) == (9, 27)
    db.register_function("my.typed(a :: INTEGER, b = 7 :: INTEGER, c = [1, 2] :: LIST) :: ANY?", lambda *given: len(given))
    assert [db.execute(f"RETURN my.typed({args}) AS n").single().n for args in ("1", "1, 2", "1, 2, []")] == [1, 2, 3]
    for query in ("RETURN my.power()", "RETURN my.power(1, 2, 3)", "RETURN my.typed()", "RETURN my.typed(1, 'x')"):
        with pytest.raises(sombra.Error):
            db.execute(query)
    db.register_procedure("my.rows(count = 2 :: INTEGER) :: (n :: INTEGER)", lambda count: [(i,) for i in range(2 if count is None else count)])
    assert [len(db.execute(f"CALL my.rows({args}) YIELD n RETURN n").fetchall()) for args in ("", "3")] == [2, 3]
    for signature in ("my.w(a = 1 :: INTEGER, b :: INTEGER) :: ANY?", "my.w(a = 1) :: ANY?", "my.w() :: (a = 1 :: INTEGER)"):
        with pytest.raises(sombra.QuerySyntaxError):
            db.register_function(signature, len)


def test_procedure(db):
    def numbers(count):
        for i in range(count):
            yield i, str(i)

    db.register_procedure("my.numbers(count :: INTEGER?) :: (n :: INTEGER?, s :: STRING?)", numbers)
    assert db.execute("CALL my.numbers(3) YIELD n, s RETURN n, s").fetchall() == [(0, "0"), (1, "1"), (2, "2")]
    assert db.execute("UNWIND [1, 2] AS x CALL my.numbers(x) YIELD n RETURN count(*) AS c").single().c == 3
    db.register_procedure("my.wrong() :: (n :: INTEGER?)", lambda: [(1, 2)])
    with pytest.raises(sombra.InvalidError, match="1"):
        db.execute("CALL my.wrong() YIELD n RETURN n")


def test_functions_do_not_keep_their_database():
    database = sombra.open(":memory:")
    database.register_function("my.path", lambda: str(database.path))
    assert database.execute("RETURN my.path() AS p").single().p == ":memory:"
    gone = weakref.ref(database)
    del database
    gc.collect()
    assert gone() is None


def test_statements_of_several_threads():
    """Functions in Python, ends of time and signals where the library works with several threads."""
    with sombra.open(":memory:", threads=4) as database:
        database.execute("UNWIND range(1, 100000) AS x CREATE (:N {x: x})")
        odd = database.prepare("MATCH (n:N) WHERE n.x % 2 = 1 AND n.x < $max RETURN count(n) AS c")
        assert [odd.execute(max=n).single().c for n in (3, 3, 3, 10**6)] == [1, 1, 1, 50_000]
        database.register_function("my.odd", lambda x: x % 2 == 1)
        assert database.execute("MATCH (n:N) WHERE my.odd(n.x) RETURN count(n) AS c").single().c == 50_000
        database.register_function("my.bad", lambda x: 1 // (x - 90_000))
        with pytest.raises(sombra.InvalidError, match="ZeroDivisionError"):
            database.execute("MATCH (n:N) WITH my.bad(n.x) AS y RETURN sum(y) AS s")
        database.time_limit = 0.1
        with pytest.raises(sombra.TimeLimitError):
            database.execute("MATCH (n:N), (m:N) WHERE n.x * m.x % 7 = 3 RETURN count(*) AS c")


def test_results_of_a_procedure_are_counted_as_the_library_counts_them(db):
    """Types may hold comments, and white space may stand behind the last bracket: a row was short of a value, or the stack of room for it."""
    db.register_procedure("my.two() :: (a :: INTEGER, b :: LIST<INTEGER /* ( */>)\n", lambda: [(1, [2])])
    assert db.execute("CALL my.two() YIELD a, b RETURN a, b").fetchall() == [(1, [2])]
    db.register_procedure(f"my.one() :: (a :: LIST<INTEGER /* {',' * 300} */>)", lambda: [([1],)])
    assert db.execute("CALL my.one() YIELD a RETURN a").single().a == [1]
    called = []
    db.register_procedure("my.none() :: ()\n", lambda: called.append(1))
    db.execute("CALL my.none()").close()
    assert called == [1]
    db._register(2, "my.wrong() :: (a :: INTEGER, b :: INTEGER)", (lambda: [tuple(range(300))], 300))
    with pytest.raises(sombra.InvalidError, match="300 values"):
        db.execute("CALL my.wrong() YIELD a RETURN a").fetchall()
