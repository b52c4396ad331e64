"""Exceptions: a class for each status, what they carry, and PEP 249's order of them."""

import pickle

import pytest

import sombra
from sombra import _sombra, errors


def test_a_class_for_each_status():
    names = {name for name, _, _ in _sombra.statuses()}
    assert names == set(errors.CLASSES)
    assert len(set(errors.CLASSES.values())) == len(names)
    for name, number, _ in _sombra.statuses():
        cls = errors.CLASSES[name]
        assert (cls.status, cls.code) == (name, number) and issubclass(cls, sombra.Error) and cls.__doc__
        assert getattr(sombra, cls.__name__) is cls
        made = errors.make_error(number, "message")
        assert type(made) is cls and (made.code, made.status, str(made)) == (number, name, "message")


def test_what_a_querys_error_carries(db):
    with pytest.raises(sombra.QuerySyntaxError) as caught:
        db.execute("MATCH (n)\nRETURN m")
    error = caught.value
    assert (error.line, error.column) == (2, 8)
    assert (error.error_class, error.detail, error.detail_code) == ("SyntaxError", "UndefinedVariable", 2)
    assert error.status == "SOMBRA_SYNTAX" and error.code == -20 and "'m'" in str(error)
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error) and (copy.line, copy.detail, str(copy)) == (2, "UndefinedVariable", str(error))


def test_what_others_carry(tmp_path):
    with pytest.raises(sombra.CantOpenError) as caught:
        sombra.open(tmp_path / "no" / "such" / "folder")
    assert caught.value.os_error != 0 and caught.value.line is None and caught.value.page is None


@pytest.mark.parametrize(
    "query, cls",
    [
        ("RETURN 1 +", sombra.QuerySyntaxError),
        ("RETURN toUper('x')", sombra.NotFoundError),
        ("RETURN NOT 1", sombra.TypeMismatchError),
        ("RETURN 1 LIMIT -1", sombra.InvalidError),
        ("CREATE (a)-[:T]->() DELETE a", sombra.ConstraintError),
        ("RETURN range(1, 1000000000)", sombra.LimitError),
    ],
)
def test_classes_of_queries(db, query, cls):
    with pytest.raises(cls):
        db.execute(query)


def test_memory_limit():
    with sombra.open(":memory:", memory_limit="8m") as database:
        with pytest.raises(sombra.LimitError, match="memory_limit"):
            database.execute("UNWIND range(1, 10000000) AS x RETURN collect(x)")
        assert database.execute("RETURN 1 AS a").single().a == 1


def test_pep_249():
    from sombra import dbapi

    assert issubclass(sombra.ConstraintError, dbapi.IntegrityError)
    assert issubclass(sombra.BusyError, dbapi.OperationalError)
    assert issubclass(dbapi.DatabaseError, dbapi.Error) and dbapi.Error is sombra.Error
