"""Sombra: an embedded property-graph database.

    import sombra

    with sombra.open("g.sombra") as db:
        db.execute("CREATE (:Person {name: $name})", name="Ada")
        for row in db.execute("MATCH (p:Person) RETURN p.name AS name"):
            print(row.name)
"""

from __future__ import annotations

import datetime as _datetime
import logging as _logging
import os as _os
import threading as _threading
from typing import Any, Callable, List, NamedTuple, Optional, Union

from . import _sombra, errors, types
from ._sombra import Prepared, Row
from .bulk import import_ipc, import_parquet
from .database import Checkpoint, Database, Finding, Transaction, option_text
from .errors import (
    BusyError,
    BusySnapshotError,
    CantOpenError,
    ConstraintError,
    CorruptError,
    DatabaseError,
    DataError,
    Error,
    ExistsError,
    FullError,
    IntegrityError,
    InterfaceError,
    InternalError,
    InterruptError,
    InvalidError,
    IoError,
    LimitError,
    MisuseError,
    NotADatabaseError,
    NotFoundError,
    NotSupportedError,
    OperationalError,
    OutOfMemoryError,
    PoisonedError,
    ProgrammingError,
    QuerySyntaxError,
    ReadOnlyError,
    RejectedError,
    TimeLimitError,
    TypeMismatchError,
    UnsupportedError,
    VersionNewerError,
)
from .kuzu import import_kuzu
from .result import Changes, Result
from .types import (
    DateTime,
    Duration,
    Neighbor,
    Node,
    Path,
    Point,
    Relationship,
    Time,
    WideDate,
    WideDateTime,
    Zone,
)

__version__ = _sombra.library_version

errors.number_statuses(_sombra.statuses())
_sombra.configure(
    make_error=errors.make_error,
    node_class=Node,
    relationship_class=Relationship,
    path_class=Path,
    result_class=Result,
    duration_class=Duration,
    point_class=Point,
    make_date=types.make_date,
    make_time=types.make_time,
    make_datetime=types.make_datetime,
    to_value=types.to_value,
    date_from_ordinal=_datetime.date.fromordinal,
    restore_row=types.restore_row,
    local_class=_threading.local,
)

_LEVELS = (_logging.DEBUG, _logging.INFO, _logging.WARNING, _logging.ERROR)
_logger = _logging.getLogger("sombra")


class Option(NamedTuple):
    """An option of `sombra.open`."""

    name: str
    default: str
    help: str


def options() -> List[Option]:
    """All options of `sombra.open`, with their defaults and what they are for."""
    return [Option(*each) for each in _sombra.options()]


def _log(level: int, message: str) -> None:
    _logger.log(_LEVELS[level], "%s", message)


def open(  # noqa: A001  (the name that is wanted)
    path: "Union[str, _os.PathLike[str]]",
    *,
    log: Union[Callable[[int, str], object], bool, None] = None,
    **options: Any,
) -> Database:
    """Open or create a database file, or ":memory:".

    Options are those of the library, by name: read_only=True, durability="normal", memory_limit="2g", edge_cache_capacity=100_000; `sombra.options()`
    lists them. `log` is called with a level (0 … 3) and a message about recovery, failed checkpoints and slow readers, from any thread; with log=True
    they go to the logger "sombra"."""
    database = Database()
    texts = {name: option_text(value) for name, value in options.items()}
    listener = _log if log is True else log or None
    database._open(_os.fspath(path), texts, listener)
    return database


def load_ipython_extension(shell: Any) -> None:
    """%load_ext sombra: the magic %%cypher."""
    from .display import register_magic

    register_magic(shell)


__all__ = [
    "BusyError",
    "BusySnapshotError",
    "CantOpenError",
    "Changes",
    "Checkpoint",
    "ConstraintError",
    "CorruptError",
    "DataError",
    "Database",
    "DatabaseError",
    "DateTime",
    "Duration",
    "Error",
    "ExistsError",
    "Finding",
    "FullError",
    "IntegrityError",
    "InterfaceError",
    "InternalError",
    "InterruptError",
    "InvalidError",
    "IoError",
    "LimitError",
    "MisuseError",
    "Neighbor",
    "Node",
    "NotADatabaseError",
    "NotFoundError",
    "NotSupportedError",
    "OperationalError",
    "Option",
    "OutOfMemoryError",
    "Path",
    "Point",
    "PoisonedError",
    "Prepared",
    "ProgrammingError",
    "QuerySyntaxError",
    "ReadOnlyError",
    "RejectedError",
    "Relationship",
    "Result",
    "Row",
    "Time",
    "TimeLimitError",
    "Transaction",
    "TypeMismatchError",
    "UnsupportedError",
    "VersionNewerError",
    "WideDate",
    "WideDateTime",
    "Zone",
    "import_ipc",
    "import_kuzu",
    "import_parquet",
    "open",
    "options",
]
