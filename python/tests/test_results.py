"""Results and rows: reading, names, ends, and what runs at the same time."""

import gc
import pickle
import weakref

import pytest

import sombra

MANY = "UNWIND range(1, 5000) AS x RETURN x"


def test_rows(db):
    result = db.execute("RETURN 1 AS a, 'x' AS b, null AS `two words`")
    assert result.columns == ("a", "b", "two words")
    row = result.single()
    assert tuple(row) == (1, "x", None) and row == (1, "x", None) and row[0] == row["a"] == row.a == 1
    assert row[-1] is None and row[0:2] == (1, "x") and row["two words"] is None and len(row) == 3
    assert row.keys() == ("a", "b", "two words") and row.values() == (1, "x", None)
    assert row.as_dict() == {"a": 1, "b": "x", "two words": None} and row.get("b") == "x" and row.get("c", 7) == 7
    a, b, _ = row
    assert (a, b) == (1, "x") and "x" in row
    assert repr(row) == "Row(a=1, b='x', two words=None)"
    assert pickle.loads(pickle.dumps(row)) == row and pickle.loads(pickle.dumps(row)).a == 1
    assert hash(row) == hash((1, "x", None)) and row < (2,) and not row == 5
    for error, use in [(KeyError, lambda: row["c"]), (IndexError, lambda: row[3]), (AttributeError, lambda: row.c)]:
        with pytest.raises(error):
            use()
    with pytest.raises(ValueError):
        sombra.Row(("a",), (1, 2))


def test_reading(db):
    result = db.execute(MANY)
    assert not result.ended and next(result).x == 1 and result.fetchone().x == 2
    assert [row.x for row in result.fetchmany(3)] == [3, 4, 5]
    assert [row.x for row in result] == list(range(6, 5001))
    assert result.ended and result.fetchone() is None and result.fetchall() == [] and list(result) == []
    assert len(db.execute(MANY).fetchall()) == 5000
    with db.execute(MANY) as result:
        result.fetchone()
    assert result.ended and result.fetchall() == []
    assert len(db.execute(MANY).fetchmany(10_000)) == 5000


def test_single(db):
    assert db.execute("RETURN 1 AS a").single().a == 1
    with pytest.raises(sombra.NotFoundError):
        db.execute("UNWIND [] AS x RETURN x").single()
    with pytest.raises(sombra.LimitError):
        db.execute("UNWIND [1, 2] AS x RETURN x").single()
    with pytest.raises(sombra.LimitError):
        db.execute("UNWIND [1, 2] AS x CREATE (:A {x: x}) RETURN x").single()


def test_a_write_is_done_when_execute_returns(db):
    result = db.execute("UNWIND range(1, 3000) AS x CREATE (:N {x: x}) RETURN x")
    assert db.node_count("N") == 3000
    assert result.changes.nodes_created == 3000 and result.changes.properties_set == 3000
    changes = db.execute("CREATE CONSTRAINT FOR (n:Changed) REQUIRE n.k IS UNIQUE").changes
    assert (changes.nodes_created, changes.indexes_added, changes.constraints_added) == (0, 0, 1)
    assert [row.x for row in result] == list(range(1, 3001))


def test_writing_while_reading(db):
    """What is left of a result is kept in memory before a statement that writes."""
    db.execute("UNWIND range(1, 3000) AS x CREATE (:N {x: x})")
    seen = 0
    for row in db.execute("MATCH (n:N) RETURN n.x AS x"):
        if row.x <= 3:
            db.execute("CREATE (:N {x: 0})")
        seen += 1
    assert seen == 3000 and db.node_count("N") == 3003


def test_reading_while_reading(db):
    pairs = [(a.x, b.x) for a in db.execute("UNWIND [1, 2] AS x RETURN x") for b in db.execute("UNWIND [3, 4] AS x RETURN x")]
    assert pairs == [(1, 3), (1, 4), (2, 3), (2, 4)]


def test_graph_calls_while_reading(people):
    result = people.execute("MATCH (p:Person) RETURN p")
    first = next(result).p
    assert people.node(first.id) == first
    assert len(list(result)) == 2


def test_a_dropped_result_holds_nothing(file_db):
    file_db.execute("UNWIND range(1, 3000) AS x CREATE (:N {x: x})")
    result = file_db.execute("MATCH (n:N) RETURN n")
    result.fetchone()
    del result
    assert file_db.info()["readers"] <= 1
    file_db.execute("CREATE (:N)")
    file_db.close()


def test_the_last_row_ends_the_run(db):
    db.execute("CREATE (:N)")
    result = db.execute("MATCH (n:N) RETURN count(n) AS c")
    assert result.fetchone().c == 1 and result.ended
    db.execute("CREATE (:N)")
    assert db.execute("MATCH (n:N) RETURN count(n) AS c").fetchone().c == 2


def test_a_loop_that_closes_its_database():
    """It must not look as if there were no more rows."""
    database = sombra.open(":memory:")
    seen = []
    with pytest.raises(sombra.MisuseError):
        for row in database.execute(MANY):
            seen.append(row)
            if len(seen) == 3:
                database.close()
    assert len(seen) == 3
    with pytest.raises(sombra.InvalidError, match="fewer than no rows"):
        sombra.open(":memory:").execute(MANY).fetchmany(-1)


def test_detach(db):
    result = db.execute(MANY)
    result.fetchone()
    assert result.detach() is result
    db.execute("CREATE (:N)")
    assert len(result.fetchall()) == 4999


def test_a_result_outlives_its_database():
    database = sombra.open(":memory:")
    result = database.execute(MANY)
    read = database.execute("RETURN 1 AS a").detach()
    database.close()
    assert read.single().a == 1
    assert result.ended
    for read in (result.fetchall, result.fetchone, result.single, lambda: next(result), lambda: result.to_dict()):
        with pytest.raises(sombra.MisuseError, match="before the result's last row was read"):
            read()
    result.close()
    assert result.fetchall() == []
    dropped = sombra.open(":memory:")
    gone = weakref.ref(dropped)
    result = dropped.execute(MANY)
    del dropped
    assert gone() is not None and len(result.fetchall()) == 5000
    del result
    gc.collect()
    assert gone() is None


def test_runtime_errors(db):
    with pytest.raises(sombra.InvalidError, match="zero"):
        db.execute("UNWIND [0] AS x RETURN 1 / x")
    result = db.execute("UNWIND range(1, 5000) AS x RETURN 1 / (4000 - x) AS y")
    with pytest.raises(sombra.InvalidError, match="zero"):
        list(result)
    assert result.ended and db.execute("RETURN 1 AS a").single().a == 1


def test_parameters(db):
    assert db.execute("RETURN $a + $b AS c", a=1, b=2).single().c == 3
    assert db.execute("RETURN $a + $b AS c", {"a": 1, "b": 2}).single().c == 3
    assert db.execute("RETURN $a + $b AS c", {"a": 1}, b=2).single().c == 3
    assert db.execute("RETURN $query AS c", query=1).single().c == 1
    assert db.execute("RETURN $self AS c", self=1).single().c == 1
    assert db.execute("RETURN $`a b` AS c", {"a b": 1}).single().c == 1
    with pytest.raises(sombra.NotFoundError, match=r"\$b"):
        db.execute("RETURN $a + $b", a=1)
    with pytest.raises(sombra.NotFoundError, match=r"\$c"):
        db.execute("RETURN $a", a=1, c=2)
    with pytest.raises(TypeError):
        db.execute("RETURN 1", [1])
    with pytest.raises(TypeError):
        db.execute(b"RETURN 1")
    with pytest.raises(TypeError):
        db.execute()


def test_prepared(db):
    db.execute("UNWIND range(1, 100) AS x CREATE (:N {x: x})")
    statement = db.prepare("MATCH (n:N {x: $x}) RETURN n.x AS x")
    assert statement.columns == ("x",) and statement.parameters == ("x",) and not statement.writes
    assert statement.query.startswith("MATCH")
    for i in range(1, 101):
        assert statement.execute(x=i).single().x == i
    assert statement({"x": 5}).single().x == 5
    # Its results may be read at the same time.
    first, second = statement.execute(x=1), statement.execute(x=2)
    assert (second.single().x, first.single().x) == (2, 1)
    many = db.prepare(MANY)
    a, b = many.execute(), many.execute()
    assert next(a).x == 1 and next(b).x == 1 and len(list(a)) == len(list(b)) == 4999
    insert = db.prepare("CREATE (n:P {x: $x}) RETURN n.x AS x")
    assert insert.writes and insert.execute(x=1).single().x == 1
    with pytest.raises(sombra.NotFoundError):
        statement.execute(y=1)
    with pytest.raises(sombra.InvalidError):
        statement.execute(x=2**70)
    assert statement.execute(x=1).single().x == 1
    with pytest.raises(sombra.QuerySyntaxError):
        db.prepare("RETURN")
    db.close()
    with pytest.raises(sombra.MisuseError):
        statement.execute(x=1)


def test_scripts(db):
    assert db.execute_script("// people\nCREATE (:A {s: ';'}); CREATE (:B);\n MATCH (n) RETURN n; ; /* end */") >= 3
    assert db.node_count() == 2
    with pytest.raises(sombra.QuerySyntaxError):
        db.execute_script("CREATE (:A); CREATE (")
    assert db.node_count("A") == 2
    assert db.execute_script("  // nothing") == 0
    with pytest.raises(sombra.QuerySyntaxError, match="more than one"):
        db.execute("RETURN 1; RETURN 2")
    with pytest.raises(sombra.QuerySyntaxError, match="no statement"):
        db.execute("  ")


def test_columns_named_as_methods(db):
    row = db.execute("RETURN 1 AS keys, 2 AS `__class__`, 3 AS _own, 4 AS values_, 5 AS index").single()
    assert callable(row.keys) and isinstance(row, sombra.Row) and row._own == 3 and row.values_ == 4 and row.index == 5
    assert row["keys"] == 1 and row["__class__"] == 2
    for missing in ("value", "_missing", "__missing__"):
        with pytest.raises(AttributeError, match="no column"):
            getattr(row, missing)


#: Fails behind its 3,000th row.
FAILS = "UNWIND range(1, 3000) + [0] AS x RETURN 10 / x AS y"


def test_a_run_that_fails_is_never_an_end(db):
    """Who reads on behind a failure hears that rows are missing."""
    for read in (sombra.Result.fetchall, sombra.Result.to_arrow, list, lambda result: result.fetchmany(5000)):
        if read is sombra.Result.to_arrow:
            pytest.importorskip("pyarrow")
        result = db.execute(FAILS)
        with pytest.raises(sombra.InvalidError, match="zero"):
            read(result)
        with pytest.raises(sombra.MisuseError, match="failed"):
            result.fetchall()
        with pytest.raises(sombra.MisuseError, match="failed"):
            list(result)
        result.close()
        assert result.fetchall() == []


def test_failures_of_what_is_read_ahead(db):
    """They are for its reader, not for the statement before which it is read into memory."""
    result = db.execute(FAILS)
    first = result.fetchone()
    db.execute("CREATE (:N)")
    assert db.node_count("N") == 1 and first.y == 10
    rows = [first]
    with pytest.raises(sombra.InvalidError, match="zero"):
        rows.extend(result.fetchmany(2000))
        rows.extend(result.fetchmany(2000))
    assert len(rows) == 2001
    with pytest.raises(sombra.MisuseError, match="failed"):
        result.fetchall()
    for look in (lambda result: result.fetchall(), lambda result: list(result), lambda result: result.to_dict()):
        result = db.execute(FAILS)
        result.fetchone()
        with db.transaction() as tx:
            tx.execute("CREATE (:N)")
        with pytest.raises(sombra.InvalidError, match="zero"):
            look(result)
    assert db.node_count("N") == 4
    few = db.execute(FAILS)
    db.execute("CREATE (:N)")
    assert "50 rows" in few._repr_html_() and few.fetchone().y == 10
    # A cancel is the reading call's own.
    result = db.execute("UNWIND range(1, 10000000) AS x UNWIND range(1, 10000000) AS y RETURN x")
    result.fetchone()
    db.time_limit = 0.2
    with pytest.raises(sombra.TimeLimitError):
        db.execute("CREATE (:N)")
    db.time_limit = None
    assert db.node_count("N") == 5
    with pytest.raises(sombra.MisuseError, match="failed"):
        result.fetchall()


def test_not_made_by_hand():
    for cls in (sombra.Result, type(sombra.open(":memory:")._connection())):
        with pytest.raises(TypeError):
            cls()
    with pytest.raises(TypeError):
        pickle.dumps(sombra.open(":memory:").execute("RETURN 1"))
    with pytest.raises(TypeError):
        pickle.dumps(sombra.open(":memory:"))


def test_explain(db):
    assert "AllNodesScan" in db.execute("EXPLAIN MATCH (n) RETURN n").single().plan
    assert db.execute("PROFILE MATCH (n) RETURN n").columns == ("plan",)


def test_to_dict(db):
    assert db.execute("UNWIND [1, 2] AS x RETURN x, x * 2 AS y").to_dict() == {"x": [1, 2], "y": [2, 4]}


def test_warnings(people):
    assert people.warnings("MATCH (p:Person) RETURN p.name") == []
    (warning,) = people.warnings("MATCH (p:Persn) RETURN p.name")
    assert "Persn" in warning and "Person" in warning
    with pytest.raises(sombra.QuerySyntaxError):
        people.warnings("RETURN")
    with pytest.raises(TypeError):
        people.warnings(5)
