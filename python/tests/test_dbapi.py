"""sombra.dbapi, by PEP 249."""

import datetime

import pytest

import sombra
from sombra import dbapi


@pytest.fixture
def connection():
    with dbapi.connect(":memory:") as made:
        yield made


def test_module():
    assert (dbapi.apilevel, dbapi.threadsafety, dbapi.paramstyle) == ("2.0", 1, "qmark")
    for name in "Warning Error InterfaceError DatabaseError DataError OperationalError IntegrityError InternalError ProgrammingError NotSupportedError".split():
        assert getattr(dbapi.Connection, name) is getattr(dbapi, name)
    assert issubclass(dbapi.Error, Exception) and issubclass(dbapi.Warning, Exception)
    for name in dbapi.__all__:
        assert hasattr(dbapi, name)


def test_statements(connection):
    cursor = connection.cursor()
    cursor.execute("CREATE (:P {name: ?, age: ?})", ("Ada", 36))
    assert cursor.description is None and cursor.rowcount == -1
    cursor.executemany("CREATE (:P {name: ?, age: ?})", [("Bob", 1), ("Eve", 2)])
    connection.commit()
    assert cursor.execute("MATCH (p:P) RETURN p.name AS name, p.age AS age ORDER BY age") is cursor
    assert cursor.rowcount == 3 and [column[0] for column in cursor.description] == ["name", "age"]
    assert cursor.description[0][1] == dbapi.STRING and cursor.description[1][1] == dbapi.NUMBER
    assert cursor.fetchone() == ("Bob", 1) and cursor.fetchmany() == [("Eve", 2)] and cursor.fetchall() == [("Ada", 36)]
    assert cursor.fetchone() is None and cursor.fetchall() == []
    cursor.execute("MATCH (p:P {name: $name}) RETURN p.age", {"name": "Ada"})
    assert list(cursor) == [(36,)]
    cursor.setinputsizes([1])
    cursor.setoutputsize(1)


def test_transactions(connection):
    cursor = connection.cursor()
    cursor.execute("CREATE (:P)")
    connection.rollback()
    assert cursor.execute("MATCH (p:P) RETURN count(p)").fetchone()[0] == 0
    cursor.execute("CREATE (:P)")
    assert cursor.execute("MATCH (p:P) RETURN count(p)").fetchone()[0] == 1
    connection.commit()
    connection.commit()
    connection.rollback()
    assert cursor.execute("MATCH (p:P) RETURN count(p)").fetchone()[0] == 1
    with dbapi.connect(":memory:", autocommit=True) as other:
        other.cursor().execute("CREATE (:P)")
        assert not other.database.in_transaction


def test_statements_of_transactions(connection):
    """BEGIN and COMMIT as statements, and what ends a transaction that another began."""
    cursor = connection.cursor()

    def count():
        return cursor.execute("MATCH (p:P) RETURN count(p)").fetchone()[0]

    for end, left in (("COMMIT", 1), ("ROLLBACK", 1)):
        cursor.execute("BEGIN")
        cursor.execute("CREATE (:P)")
        cursor.execute(end)
        assert count() == left and not connection.database.in_transaction
    cursor.execute("BEGIN")
    cursor.execute("CREATE (:P)")
    connection.rollback()
    assert count() == 1
    cursor.execute("CREATE (:P)")
    cursor.execute("COMMIT")
    connection.rollback()
    assert count() == 2
    cursor.execute("CREATE (:P)")
    connection.database.rollback()
    cursor.execute("CREATE (:P)")
    connection.commit()
    assert count() == 3


def test_cursors(connection):
    cursor = connection.cursor()
    cursor.execute("UNWIND [null, 1, 2] AS x RETURN x, null AS n")
    assert [column[1] for column in cursor.description] == [int, None] and cursor.description[0][1] == dbapi.NUMBER
    assert iter(cursor) is cursor and next(cursor) == (None, None)
    assert cursor.fetchmany(0) == [] and len(cursor.fetchmany(5)) == 2
    with pytest.raises(StopIteration):
        next(cursor)
    for wrong in (lambda: cursor.fetchmany(-1), lambda: cursor.execute("RETURN ?", 5), lambda: cursor.execute(b"RETURN 1"), lambda: cursor.execute(5, {})):
        with pytest.raises(dbapi.ProgrammingError):
            wrong()


def test_descriptions(connection):
    """Each type of a column is one of the type objects', those of the package included."""
    cursor = connection.cursor()
    for value, expected in [
        ("true", dbapi.NUMBER),
        ("date('2024-01-01')", dbapi.DATETIME),
        ("date('-0044-03-15')", dbapi.DATETIME),
        ("localtime('10:00:00.000000001')", dbapi.DATETIME),
        ("datetime('2024-01-01T00:00:00.000000001Z')", dbapi.DATETIME),
        ("duration('P1D')", dbapi.DATETIME),
    ]:
        kind = cursor.execute(f"RETURN {value} AS v").description[0][1]
        assert kind == expected and expected == kind and kind != dbapi.STRING, value


def test_context_manager(tmp_path):
    path = str(tmp_path / "g")
    with dbapi.connect(path) as made:
        made.cursor().execute("CREATE (:P)")
    with pytest.raises(KeyError):
        with dbapi.connect(path) as made:
            made.cursor().execute("CREATE (:P)")
            raise KeyError
    with dbapi.connect(path) as made, made.cursor() as cursor:
        assert cursor.execute("MATCH (p:P) RETURN count(p)").fetchone() == (1,)


@pytest.mark.parametrize(
    "text, numbered, count",
    [
        ("RETURN ?, ?", "RETURN $_1, $_2", 2),
        ("RETURN '?', \"?\", ? // ?\n, ? /* ? */", "RETURN '?', \"?\", $_1 // ?\n, $_2 /* ? */", 2),
        (r"RETURN 'it\'s ?', `a?`, ?", r"RETURN 'it\'s ?', `a?`, $_1", 1),
        ("RETURN 6 / 2, ?", "RETURN 6 / 2, $_1", 1),
        ("// ?", "// ?", 0),
        ("/* ?", "/* ?", 0),
        ("RETURN '?", "RETURN '?", 0),
        ("", "", 0),
    ],
)
def test_question_marks(text, numbered, count):
    assert dbapi.number_parameters(text) == (numbered, count)


def test_errors(connection):
    cursor = connection.cursor()
    with pytest.raises(dbapi.ProgrammingError):
        cursor.execute("RETURN")
    with pytest.raises(dbapi.ProgrammingError, match="question marks"):
        cursor.execute("RETURN ?", (1, 2))
    with pytest.raises(dbapi.DataError):
        cursor.execute("RETURN ?", (2**70,))
    with pytest.raises(dbapi.ProgrammingError):
        cursor.fetchone()
    cursor.execute("CREATE CONSTRAINT FOR (p:P) REQUIRE p.x IS UNIQUE")
    cursor.execute("CREATE (:P {x: 1})")
    with pytest.raises(dbapi.IntegrityError):
        cursor.execute("CREATE (:P {x: 1})")
    cursor.close()
    with pytest.raises(dbapi.ProgrammingError):
        cursor.execute("RETURN 1")
    other = connection.cursor()
    connection.close()
    for use in (connection.cursor, connection.commit, connection.rollback, lambda: other.execute("RETURN 1")):
        with pytest.raises(dbapi.ProgrammingError):
            use()
    assert isinstance(connection.database, sombra.Database)


def test_types():
    assert dbapi.Date(2024, 1, 2) == datetime.date(2024, 1, 2)
    assert dbapi.Timestamp(2024, 1, 2, 3) == datetime.datetime(2024, 1, 2, 3) and dbapi.Binary(b"a") == b"a"
    assert isinstance(dbapi.DateFromTicks(0), datetime.date) and isinstance(dbapi.TimeFromTicks(0), datetime.time)
    assert isinstance(dbapi.TimestampFromTicks(0), datetime.datetime)
    assert dbapi.STRING == str and dbapi.STRING != int and dbapi.NUMBER == float and dbapi.DATETIME == datetime.date
    assert dbapi.STRING == dbapi.STRING and dbapi.STRING != dbapi.BINARY and len({dbapi.STRING, dbapi.BINARY}) == 2
