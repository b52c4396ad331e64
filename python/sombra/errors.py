"""Exceptions: one class for each status of the library, below those that PEP 249 names.

Each carries `code` (the library's number), `status` (its name), and, where the error is a query's, `error_class` and `detail` ("SyntaxError",
"UndefinedVariable"), `detail_code`, and `line` and `column` from 1.
"""

from __future__ import annotations

import contextlib
from typing import Dict, Iterator, Optional, Type


class Warning(Exception):  # noqa: A001  (PEP 249's name)
    """PEP 249's class; nothing raises it."""


class Error(Exception):
    """What every failure of Sombra is."""

    #: The library's number: -6 for BUSY; 0 where none applies.
    code: int = 0
    #: Its name: "SOMBRA_BUSY".
    status: str = ""
    #: Of a query's error: its class and detail, as openCypher's conformance suite names them.
    error_class: str = ""
    detail: str = ""
    #: Of a query's error: the stable number of its detail (docs/ERRORS.md); 0: none.
    detail_code: int = 0
    #: Position in the query or input file, from 1; None where there is none.
    line: Optional[int] = None
    column: Optional[int] = None
    #: What the system answered (an errno value), and the page concerned.
    os_error: int = 0
    page: Optional[int] = None

    def __reduce__(self) -> "tuple[object, ...]":
        return (_restore, (type(self), self.args, dict(self.__dict__)))


def _restore(cls: Type[Error], args: "tuple[object, ...]", attributes: Dict[str, object]) -> Error:
    error = cls(*args)
    error.__dict__.update(attributes)
    return error


class InterfaceError(Error):
    """PEP 249: the interface was used wrongly, rather than the database."""


class DatabaseError(Error):
    """PEP 249: errors of the database."""


class DataError(DatabaseError):
    """PEP 249: a value is at fault."""


class OperationalError(DatabaseError):
    """PEP 249: what the program is not to blame for."""


class IntegrityError(DatabaseError):
    """PEP 249: a constraint would be violated."""


class InternalError(DatabaseError):
    """PEP 249: the database is not as it should be."""


class ProgrammingError(DatabaseError):
    """PEP 249: the program is at fault."""


class NotSupportedError(DatabaseError):
    """PEP 249: this can't be had here."""


class MisuseError(ProgrammingError):
    """The interface was used wrongly: closed database, ended transaction, child of a fork."""


class InvalidError(DataError):
    """A value can never be right: an unknown option, an int beyond 64 bits."""


class NotFoundError(ProgrammingError):
    """No such node, relationship, parameter or schema object."""


class ExistsError(ProgrammingError):
    """An object of that name exists already."""


class ConstraintError(IntegrityError):
    """A constraint would be violated."""


class BusyError(OperationalError):
    """Another connection or process is the writer, and stayed it for busy_timeout_ms."""


class BusySnapshotError(OperationalError):
    """Somebody has committed since this read transaction began: it can't become a write transaction."""


class ReadOnlyError(OperationalError):
    """A change in a read transaction, or of a database that was opened read-only."""


class InterruptError(OperationalError):
    """The call was cancelled."""


class TimeLimitError(OperationalError):
    """The call ran into the time limit."""


class OutOfMemoryError(OperationalError):
    """Out of memory, or of memory_limit."""


class LimitError(DataError):
    """A limit of docs/LIMITS.md, or more than one row where one was asked for."""


class IoError(OperationalError):
    """Input or output failed; os_error has the system's errno value."""


class FullError(OperationalError):
    """The disk is full."""


class CorruptError(InternalError):
    """The file is damaged; page names where."""


class NotADatabaseError(DatabaseError):
    """The file is not a Sombra database."""


class VersionNewerError(NotSupportedError):
    """The file needs a newer Sombra."""


class CantOpenError(OperationalError):
    """The file can not be opened."""


class PoisonedError(OperationalError):
    """An earlier sync failed: close the database and open it again."""


class QuerySyntaxError(ProgrammingError):
    """Text does not follow its syntax; line and column tell where."""


class TypeMismatchError(DataError):
    """A value has the wrong type."""


class UnsupportedError(NotSupportedError):
    """Not supported by this build or platform."""


class RejectedError(DataError):
    """Input rows were rejected, more than allowed."""


#: Status name → class.
CLASSES: Dict[str, Type[Error]] = {
    "SOMBRA_MISUSE": MisuseError,
    "SOMBRA_INVALID": InvalidError,
    "SOMBRA_NOT_FOUND": NotFoundError,
    "SOMBRA_EXISTS": ExistsError,
    "SOMBRA_CONSTRAINT": ConstraintError,
    "SOMBRA_BUSY": BusyError,
    "SOMBRA_BUSY_SNAPSHOT": BusySnapshotError,
    "SOMBRA_READ_ONLY": ReadOnlyError,
    "SOMBRA_INTERRUPT": InterruptError,
    "SOMBRA_TIMEOUT": TimeLimitError,
    "SOMBRA_NOMEM": OutOfMemoryError,
    "SOMBRA_LIMIT": LimitError,
    "SOMBRA_IO": IoError,
    "SOMBRA_FULL": FullError,
    "SOMBRA_CORRUPT": CorruptError,
    "SOMBRA_NOT_A_DB": NotADatabaseError,
    "SOMBRA_VERSION_NEWER": VersionNewerError,
    "SOMBRA_CANT_OPEN": CantOpenError,
    "SOMBRA_POISONED": PoisonedError,
    "SOMBRA_SYNTAX": QuerySyntaxError,
    "SOMBRA_TYPE_MISMATCH": TypeMismatchError,
    "SOMBRA_UNSUPPORTED": UnsupportedError,
    "SOMBRA_REJECTED": RejectedError,
}
_numbers: Dict[int, str] = {}


def number_statuses(statuses: "list[tuple[str, int, str]]") -> None:
    """Learn which number each status has; and give each class its own."""
    for name, number, _ in statuses:
        _numbers[number] = name
        cls = CLASSES.get(name)
        if cls is not None:
            cls.code, cls.status = number, name


def make_error(
    code: int,
    message: str,
    error_class: str = "",
    detail: str = "",
    detail_code: int = 0,
    line: int = 0,
    column: int = 0,
    os_error: int = 0,
    page: Optional[int] = None,
) -> Error:
    """The exception for a failure of the library; its C half calls this."""
    status = _numbers.get(code, "")
    error = CLASSES.get(status, DatabaseError)(message)
    error.code, error.status = code, status
    error.error_class, error.detail, error.detail_code = error_class, detail, detail_code
    error.line, error.column = line or None, column or None
    error.os_error, error.page = os_error, page
    return error


@contextlib.contextmanager
def told(place: str) -> Iterator[None]:
    """Errors within say where they are: in which file, in which rows."""
    try:
        yield
    except Error as error:
        error.args = (f"{place}: {error}", *error.args[1:])
        raise


def status_error(status: str, message: str) -> Error:
    """An exception of a status, made in Python."""
    cls = CLASSES[status]
    error = cls(message)
    error.code, error.status = cls.code, status
    return error
