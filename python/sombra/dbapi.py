"""DB-API 2.0 (PEP 249) over Sombra.

    from sombra import dbapi

    with dbapi.connect("g.sombra") as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE (:Person {name: ?})", ("Ada",))
        connection.commit()

Parameters are `?` with a sequence, or Cypher's own `$name` with a mapping. The first statement that writes begins a transaction, which lasts until commit or
rollback; statements that only read see the latest state, or within a transaction its own. With autocommit=True each statement is one.
"""

from __future__ import annotations

import datetime
import time as _time
from typing import Any, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

from . import open as _open
from ._sombra import Row
from .database import Database, Transaction
from .errors import (
    DatabaseError,
    DataError,
    Error,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    Warning,
)
from .types import Duration, WideDate, WideDateTime

apilevel = "2.0"
threadsafety = 1  # threads share the module, not connections
paramstyle = "qmark"


# ---- Types -------------------------------------------------------------------------------------------------------------


class DBAPIType:
    """A type object: equal to the Python types of a column's values."""

    def __init__(self, *types: type) -> None:
        self.types = frozenset(types)

    def __eq__(self, other: object) -> bool:
        return issubclass(other, tuple(self.types)) if isinstance(other, type) else self is other

    def __hash__(self) -> int:
        return hash(self.types)


STRING = DBAPIType(str)
BINARY = DBAPIType(bytes)
NUMBER = DBAPIType(int, float, bool)
DATETIME = DBAPIType(datetime.date, datetime.time, datetime.datetime, Duration, WideDate, WideDateTime)
ROWID = DBAPIType()

Date = datetime.date
Time = datetime.time
Timestamp = datetime.datetime
Binary = bytes


def DateFromTicks(ticks: float) -> datetime.date:
    """The date of so many seconds since 1970, local."""
    return datetime.date(*_time.localtime(ticks)[:3])


def TimeFromTicks(ticks: float) -> datetime.time:
    """The time of day of so many seconds since 1970, local."""
    return datetime.time(*_time.localtime(ticks)[3:6])


def TimestampFromTicks(ticks: float) -> datetime.datetime:
    """The point in time of so many seconds since 1970, local."""
    return datetime.datetime(*_time.localtime(ticks)[:6])


# ---- Parameters ----------------------------------------------------------------------------------------------------------

Parameters = Union[Sequence[Any], Mapping[str, Any], None]


def _skip(text: str, at: int) -> int:
    """Where what begins at `at` ends, if `?` within it is no parameter: a string, a quoted name, a comment; else at."""
    quote = text[at]
    if quote in "'\"`":
        end = at + 1
        while end < len(text) and text[end] != quote:
            end += 2 if text[end] == "\\" and quote != "`" else 1
        return end + 1
    if text.startswith("//", at):
        end = text.find("\n", at)
        return len(text) if end < 0 else end
    if text.startswith("/*", at):
        end = text.find("*/", at)
        return len(text) if end < 0 else end + 2
    return at


def number_parameters(text: str) -> Tuple[str, int]:
    """Cypher's parameters instead of question marks: `$_1`, `$_2`, …; and how many there are."""
    parts: List[str] = []
    count = at = start = 0
    while at < len(text):
        end = _skip(text, at)
        if end > at:
            at = end
        elif text[at] == "?":
            count += 1
            parts += [text[start:at], f"$_{count}"]
            at = start = at + 1
        else:
            at += 1
    return "".join(parts) + text[start:], count


def _bind(operation: str, parameters: Parameters) -> Tuple[str, Mapping[str, Any]]:
    if not isinstance(operation, str):
        raise ProgrammingError(f"a statement is a str, not {type(operation).__name__}")
    if isinstance(parameters, Mapping):
        return operation, dict(parameters)
    if not (parameters is None or isinstance(parameters, Iterable)):
        raise ProgrammingError(f"parameters are a sequence or a mapping, not {type(parameters).__name__}")
    given = list(parameters or ())
    text, count = number_parameters(operation)
    if count != len(given):
        raise ProgrammingError(f"the statement has {count} question marks, {len(given)} parameters were given")
    return text, {f"_{i + 1}": value for i, value in enumerate(given)}


# ---- Cursor ----------------------------------------------------------------------------------------------------------------

Description = Tuple[str, Optional[type], None, None, None, None, None]


class Cursor:
    """Runs statements, and holds the rows of the last one."""

    def __init__(self, connection: "Connection") -> None:
        self.connection = connection
        self.arraysize = 1
        self.description: Optional[Tuple[Description, ...]] = None
        self.rowcount = -1
        self.lastrowid = None
        self._rows: Optional[List[Row]] = None
        self._at = 0
        self._closed = False

    def _check(self) -> None:
        if self._closed:
            raise ProgrammingError("the cursor is closed")
        self.connection._check()

    def execute(self, operation: str, parameters: Parameters = None) -> "Cursor":
        """Run a statement."""
        self._check()
        self._rows = self.description = None
        self.rowcount = -1
        text, named = _bind(operation, parameters)
        result = self.connection._run(text, named)
        rows = result.fetchall()
        if result.columns:
            first = (next((row[i] for row in rows if row[i] is not None), None) for i in range(len(result.columns)))
            self.description = tuple(
                (name, None if value is None else type(value), None, None, None, None, None)
                for name, value in zip(result.columns, first)
            )
            self._rows, self._at, self.rowcount = rows, 0, len(rows)
        return self

    def executemany(self, operation: str, seq_of_parameters: Iterable[Parameters]) -> "Cursor":
        """Run a statement once for each set of parameters. Rows are dropped."""
        self._check()
        for parameters in seq_of_parameters:
            self.execute(operation, parameters)
        self._rows = self.description = None
        self.rowcount = -1
        return self

    def _fetch(self, count: int) -> List[Row]:
        self._check()
        if self._rows is None:
            raise ProgrammingError("the last statement has no rows")
        rows = self._rows[self._at : self._at + count]
        self._at += len(rows)
        return rows

    def fetchone(self) -> Optional[Row]:
        """The next row, or None."""
        rows = self._fetch(1)
        return rows[0] if rows else None

    def fetchmany(self, size: Optional[int] = None) -> List[Row]:
        """The next rows, up to size (arraysize)."""
        count = self.arraysize if size is None else size
        if count < 0:
            raise ProgrammingError(f"{count} rows can't be asked for")
        return self._fetch(count)

    def fetchall(self) -> List[Row]:
        """All rows that are left."""
        return self._fetch(len(self._rows or ()))

    def __iter__(self) -> Iterator[Row]:
        return self

    def __next__(self) -> Row:
        row = self.fetchone()
        if row is None:
            raise StopIteration
        return row

    def setinputsizes(self, sizes: Any) -> None:
        """Nothing to do."""

    def setoutputsize(self, size: int, column: Optional[int] = None) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """From now on the cursor is unusable."""
        self._closed = True
        self._rows = None

    def __enter__(self) -> "Cursor":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


# ---- Connection --------------------------------------------------------------------------------------------------------------


class Connection:
    """A connection: one database, one transaction at a time. As a context manager it commits, or rolls back, and closes."""

    Warning = Warning
    Error = Error
    InterfaceError = InterfaceError
    DatabaseError = DatabaseError
    DataError = DataError
    OperationalError = OperationalError
    IntegrityError = IntegrityError
    InternalError = InternalError
    ProgrammingError = ProgrammingError
    NotSupportedError = NotSupportedError

    def __init__(self, database: Database, autocommit: bool) -> None:
        self._database = database
        self._transaction: Optional[Transaction] = None
        self.autocommit = autocommit

    def _check(self) -> None:
        if self._database.closed:
            raise ProgrammingError("the connection is closed")

    def _run(self, text: str, named: Mapping[str, Any]) -> Any:
        prepared = self._database.prepare(text)
        if prepared.writes and not self.autocommit and self._open() is None:
            self._transaction = self._database.transaction()
        return prepared.execute(named)

    def _open(self) -> "Union[Transaction, Database, None]":
        """What has a transaction open: the connection's own, or the database, by the statement BEGIN."""
        if self._transaction is not None and self._transaction.active:
            return self._transaction
        self._transaction = None
        return self._database if self._database.in_transaction else None

    @property
    def database(self) -> Database:
        """The sombra.Database behind it."""
        return self._database

    def cursor(self) -> Cursor:
        """A new cursor."""
        self._check()
        return Cursor(self)

    def commit(self) -> None:
        """Commit the open transaction, if there is one."""
        self._check()
        opened = self._open()
        if opened is not None:
            opened.commit()

    def rollback(self) -> None:
        """Undo the open transaction, if there is one."""
        self._check()
        opened = self._open()
        if opened is not None:
            opened.rollback()

    def close(self) -> None:
        """Close: what was not committed is undone."""
        self._transaction = None
        self._database.close()

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, kind: Optional[type], error: object, trace: object) -> None:
        try:
            if not self._database.closed:
                self.commit() if kind is None else self.rollback()
        finally:
            self.close()


def connect(path: str, *, autocommit: bool = False, **options: Any) -> Connection:
    """Open a database file, or ":memory:", with the options of sombra.open."""
    return Connection(_open(path, **options), autocommit)


__all__ = [
    "BINARY",
    "Binary",
    "Connection",
    "Cursor",
    "DATETIME",
    "DataError",
    "DatabaseError",
    "Date",
    "DateFromTicks",
    "Error",
    "IntegrityError",
    "InterfaceError",
    "InternalError",
    "NUMBER",
    "NotSupportedError",
    "OperationalError",
    "ProgrammingError",
    "ROWID",
    "STRING",
    "Time",
    "TimeFromTicks",
    "Timestamp",
    "TimestampFromTicks",
    "Warning",
    "apilevel",
    "connect",
    "paramstyle",
    "threadsafety",
]
