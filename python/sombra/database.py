"""Databases and transactions."""

from __future__ import annotations

import contextlib
import inspect
import os
import re
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    Union,
)

from . import _sombra
from .errors import status_error
from .types import Neighbor, Node, Path, Relationship

if TYPE_CHECKING:
    from array import array

    from .result import Result

Names = Union[str, Iterable[str], None]
NodeLike = Union[int, Node]
_DIRECTIONS = {"out": 0, "in": 1, "both": 2}
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
_CHECKPOINTS = {"passive": 0, "full": 1, "restart": 2, "truncate": 3}


def _direction(name: str) -> int:
    try:
        return _DIRECTIONS[name]
    except KeyError:
        raise status_error("SOMBRA_INVALID", f"a direction is 'out', 'in' or 'both', not {name!r}") from None


def _names(names: Names) -> Optional[Tuple[str, ...]]:
    if names is None:
        return None
    return (names,) if isinstance(names, str) else tuple(names)


class Checkpoint(NamedTuple):
    """What a checkpoint did."""

    wal_frames: int
    backfilled_frames: int
    pages_written: int
    restarted: bool


class Finding(NamedTuple):
    """A fault that verify found, and the page where."""

    page: Optional[int]
    message: str


class _Graph:
    """The graph interface: what Database and Transaction share. A database runs each call in a transaction of its own, unless one is open on the thread."""

    __slots__ = ()

    def _connection(self) -> _sombra.Connection:
        raise NotImplementedError

    # ---- Reading --------------------------------------------------------------------------------------------------

    def node(self, id: NodeLike) -> Optional[Node]:
        """The node of an id, or None."""
        return self._connection().node(id)

    def relationship(self, id: Union[int, Relationship]) -> Optional[Relationship]:
        """The relationship of an id, or None."""
        return self._connection().relationship(id)

    def neighbors(
        self,
        node: NodeLike,
        type: Names = None,
        *,
        direction: str = "out",
        distinct: bool = False,
        limit: int = 0,
    ) -> List[int]:
        """Ids of the nodes that relationships of a node lead to, of some types (None: all). NotFoundError: no such node."""
        ids = self._connection().neighbors(node, _direction(direction), _names(type), distinct, limit, False)
        return ids  # type: ignore[return-value]

    def edges(
        self, node: NodeLike, type: Names = None, *, direction: str = "both", limit: int = 0
    ) -> List[Neighbor]:
        """The relationships of a node, each with the node at its other end."""
        found = self._connection().neighbors(node, _direction(direction), _names(type), False, limit, True)
        return [Neighbor(*each) for each in found]  # type: ignore[misc]

    def degree(self, node: NodeLike, type: Names = None, *, direction: str = "out") -> int:
        """How many relationships a node has."""
        return self._connection().degree(node, _direction(direction), _names(type))

    def bfs(
        self,
        start: NodeLike,
        type: Names = None,
        *,
        direction: str = "out",
        max_depth: int = 0,
        max_visits: int = 0,
    ) -> List[Tuple[int, int]]:
        """Breadth first: (node id, depth) of each node that is reached, the start first. 0: no bound."""
        return self._connection().bfs(start, _direction(direction), _names(type), max_depth, max_visits)

    def shortest_path(
        self,
        source: NodeLike,
        target: NodeLike,
        type: Names = None,
        *,
        direction: str = "out",
        max_depth: int = 0,
        weight: Optional[str] = None,
        default_weight: float = 1.0,
    ) -> Optional[Path]:
        """A path of the fewest relationships, or with `weight`, a property's key, one whose sum of it is least; None when there is none."""
        return self._connection().shortest_path(
            source, target, _direction(direction), _names(type), max_depth, weight, default_weight
        )

    def node_count(self, label: Optional[str] = None) -> int:
        """How many nodes there are, of a label or in all. Reads a number."""
        return self._connection().count(False, label)

    def relationship_count(self, type: Optional[str] = None) -> int:
        """How many relationships there are, of a type or in all. Reads a number."""
        return self._connection().count(True, type)

    def labels(self) -> List[str]:
        """Labels that nodes carry."""
        return self._connection().names(0)

    def relationship_types(self) -> List[str]:
        """Types that relationships have."""
        return self._connection().names(1)

    def property_keys(self) -> List[str]:
        """All property keys that the file has ever known."""
        return self._connection().names(2)

    # ---- Columns in -----------------------------------------------------------------------------------------------

    def create_nodes(
        self, data: Any, label: Names = None, *, columns: Optional[Sequence[str]] = None
    ) -> "array[int]":
        """Make a node of each row of a table, with its cells as properties; nulls are left out. Returns their ids.

        The table is anything that gives an Arrow stream (pyarrow, polars, a Result, …), a pandas.DataFrame, or a dict of columns. `label` is one label or
        several, `columns` the ones to take. All nodes are made, or none."""
        from .bulk import create

        return create(self._connection(), data, _names(label) or (), None, columns)

    def create_edges(
        self,
        data: Any,
        type: str,
        *,
        source: str = "source",
        target: str = "target",
        source_key: Optional[Tuple[str, str]] = None,
        target_key: Optional[Tuple[str, str]] = None,
        columns: Optional[Sequence[str]] = None,
    ) -> "array[int]":
        """Make a relationship of each row of a table. `source` and `target` name the columns of its ends; the others are properties. Returns their ids.

        Ends are ids of nodes (create_nodes returned them), or with a `source_key`, `target_key` of (label, property key) values of that key, which
        must have an index. Tables as in create_nodes. All relationships are made, or none; NotFoundError names a row whose node does not exist."""
        from .bulk import create

        ends = (source, target, source_key, target_key)
        return create(self._connection(), data, (type,), ends, columns)

    # ---- The file -------------------------------------------------------------------------------------------------

    def info(self) -> Dict[str, int]:
        """Figures of the database: page_size, pages, file_bytes, wal_bytes, nodes, rels, memory_bytes, …"""
        return self._connection().info()

    def digest(self) -> str:
        """128 bits in hexadecimal that are equal for graphs that are equal but for their ids."""
        return self._connection().digest().hex()

    def verify(self) -> List[Finding]:
        """Check everything against everything else: the faults found."""
        count, findings = self._connection().verify()
        listed = [Finding(*each) for each in findings]
        return listed + [Finding(None, "not told")] * (count - len(listed))

    def backup(self, path: "str | os.PathLike[str]") -> None:
        """Copy the database, as the transaction sees it, to a new file."""
        self._connection().backup(os.fspath(path))

    def export_csv(self, directory: "str | os.PathLike[str]") -> Dict[str, int]:
        """Write the whole graph as CSV files that `sombra import` reads back."""
        return self._connection().export_csv(os.fspath(directory))


class Transaction(_Graph):
    """A transaction: a context manager that commits at the end of its block, or rolls back when that raises.

    It belongs to the thread that began it."""

    __slots__ = ("__weakref__", "_database", "_open")

    def __init__(self, database: "Database", write: bool) -> None:
        self._database = database
        self._open: Optional[_sombra.Connection] = database._connection()
        self._open.begin(write)

    def _connection(self) -> _sombra.Connection:
        if self._open is None:
            raise status_error("SOMBRA_MISUSE", "the transaction has ended")
        return self._open

    @property
    def active(self) -> bool:
        """Has it neither been committed nor rolled back?"""
        return self._open is not None and self._open.in_transaction

    def execute(
        self, query: str, parameters: Optional[Dict[str, Any]] = None, /, **named: Any
    ) -> "Result":
        """Run a statement as part of the transaction."""
        return self._connection().execute(query, parameters, **named)

    def commit(self) -> None:
        """Commit: the changes are on stable storage when this returns (with durability 'full')."""
        connection = self._connection()
        self._open = None
        connection.commit()

    def rollback(self) -> None:
        """Undo everything."""
        connection = self._connection()
        self._open = None
        connection.rollback()

    @contextlib.contextmanager
    def savepoint(self) -> Iterator[None]:
        """A part that is undone alone when its block raises. Savepoints nest."""
        number = self._connection().savepoint()
        try:
            yield
        except BaseException:
            if self.active:
                self._connection().rollback_to(number)
                self._connection().release(number)
            raise
        if self.active:
            self._connection().release(number)

    def __enter__(self) -> "Transaction":
        self._connection()
        return self

    def __exit__(self, kind: Optional[type], error: object, trace: object) -> None:
        if not self.active:
            undone = self._open is not None and self._database.closed
            self._open = None
            if undone and kind is None:
                raise status_error("SOMBRA_MISUSE", "the database was closed within the transaction's block: its changes are undone")
        elif kind is None:
            self.commit()
        else:
            self.rollback()


class Database(_sombra.DatabaseBase, _Graph):
    """An open database, for any number of threads. `sombra.open` makes it. As a context manager it closes at the end."""

    __slots__ = ("__weakref__",)

    if TYPE_CHECKING:

        def _connection(self) -> _sombra.Connection: ...

    def __enter__(self) -> "Database":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<sombra.Database {self.path!r}{' (closed)' if self.closed else ''}>"

    def __reduce__(self) -> Tuple[Any, ...]:
        raise TypeError("a Database is not pickled: open the file again, sombra.open(db.path)")

    # ---- Statements -----------------------------------------------------------------------------------------------

    def execute_script(self, text: str) -> int:
        """Run the statements of a text, one after the other, each in a transaction of its own unless one is open. Returns their number."""
        return self._connection().execute_script(text)

    def prepare(self, query: str) -> "_sombra.Prepared":
        """Compile a statement once, to run it many times: prepared.execute(x=1), by any thread."""
        return _sombra.Prepared(self, query)

    def warnings(self, query: str) -> List[str]:
        """Labels, types and property keys that a statement asks for and that nothing in the database ever had: most often misspelled ones."""
        return [message for message, _, _ in self._connection().warnings(query)]

    # ---- Transactions ---------------------------------------------------------------------------------------------

    def transaction(self, write: bool = True) -> Transaction:
        """Begin a transaction on this thread: with db.transaction() as tx: tx.execute(…)."""
        return Transaction(self, write)

    def begin(self, write: bool = True) -> None:
        """Begin a transaction on this thread; its statements are part of it until commit or rollback."""
        self._connection().begin(write)

    def commit(self) -> None:
        """Commit this thread's transaction."""
        self._connection().commit()

    def rollback(self) -> None:
        """Roll this thread's transaction back."""
        self._connection().rollback()

    @property
    def in_transaction(self) -> bool:
        """Is a transaction open on this thread?"""
        return not self.closed and self._connection().in_transaction

    # ---- Functions of one's own -----------------------------------------------------------------------------------

    def register_function(self, signature: str, function: Callable[..., Any]) -> None:
        """Let queries call a Python function.

        `signature` is "my.clamp(x :: FLOAT?, low = 0.0 :: FLOAT?) :: FLOAT?" or a name alone: then the arguments are those of the function, of any type.
        Those with a default may be left out: Python's own counts, not the signature's. Arguments
        that are nodes or relationships have their id alone; the function may not use the database."""
        self._register(0, _signature(signature, function, ":: ANY?"), function)

    def register_aggregate(self, signature: str, factory: Callable[[], Any]) -> None:
        """Let queries aggregate in Python: for each group `factory()` makes an object, whose step(…) is called for each row, and finish() for the result."""
        step = getattr(factory, "step", None)
        if "(" not in signature and step is None:
            raise status_error("SOMBRA_INVALID", "an aggregate without a signature needs a class with a method step")
        self._register(1, _signature(signature, step, ":: ANY?", method=True), factory)

    def register_procedure(self, signature: str, function: Callable[..., Iterable[Sequence[Any]]]) -> None:
        """Let queries CALL a Python function, which returns or yields rows: "my.proc(name :: STRING?) :: (city :: STRING?, code :: INTEGER?)".
        An argument with a default in the signature may be left out: it is None."""
        results = _COMMENT.sub("", re.split(r"::\s*\(", signature)[-1]).partition(")")[0]
        self._register(2, signature, (function, len(results.split(",")) if results.strip() else 0))

    # ---- The file -------------------------------------------------------------------------------------------------

    def checkpoint(self, mode: str = "passive") -> Checkpoint:
        """Move the write-ahead log's pages into the file: 'passive', 'full', 'restart' or 'truncate'."""
        try:
            number = _CHECKPOINTS[mode]
        except KeyError:
            raise status_error("SOMBRA_INVALID", f"a checkpoint is one of {', '.join(_CHECKPOINTS)}") from None
        return Checkpoint(*self._connection().checkpoint(number))

    def restore(self, path: "str | os.PathLike[str]") -> None:
        """Replace the content of this database by that of a file."""
        self._connection().restore(os.fspath(path))

    def vacuum(self, path: "str | os.PathLike[str] | None" = None) -> None:
        """Rebuild the database compactly, in place or into a new file."""
        self._connection().vacuum(None if path is None else os.fspath(path))

    def pragma(self, name: str, value: Any) -> None:
        """Change an option of the open database: durability, autocheckpoint, busy_timeout_ms."""
        self._connection().pragma(name, option_text(value))


def option_text(value: Any) -> str:
    """An option's value as the library reads it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, os.PathLike)):
        return os.fspath(value)
    if isinstance(value, (list, tuple)):  # import_dirs
        return ":".join(os.fspath(each) for each in value)
    return str(value)


def _signature(signature: str, function: Any, type: str, method: bool = False) -> str:
    """With the arguments of a function, when it is a name alone."""
    if "(" in signature:
        return signature
    try:
        parameters = list(inspect.signature(function).parameters.values())[1 if method else 0 :]
    except ValueError:
        raise status_error("SOMBRA_INVALID", f"{signature}: Python does not know its arguments, so say which there are") from None
    for each in parameters:
        if each.kind not in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD):
            raise status_error(
                "SOMBRA_INVALID", f"{signature}: say which arguments there are: *args and keywords do not tell"
            )
    arguments = [f"{each.name}{'' if each.default is each.empty else ' = default'} {type}" for each in parameters]
    return f"{signature}({', '.join(arguments)}) {type}"
