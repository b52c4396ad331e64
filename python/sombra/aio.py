"""Sombra for asyncio: each call runs in a thread of a small pool, and gives the event loop its turn.

    from sombra import aio

    async with await aio.open("g.sombra") as db:
        async with db.transaction() as tx:
            await tx.execute("CREATE (:Person {name: $name})", name="Ada")
        async for row in await db.execute("MATCH (p:Person) RETURN p.name AS name"):
            print(row.name)

A task that is cancelled while it waits cancels the call that runs for it. A transaction, and a result until its last row was read, has a thread of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, AsyncIterator, Callable, Dict, List, Optional, Tuple, TypeVar, Union

from . import _sombra
from . import database as _database
from . import open as _open
from ._sombra import Row
from .errors import status_error
from .result import Changes
from .result import Result as _Result

if TYPE_CHECKING:
    import igraph
    import networkx
    import pandas
    import polars
    import pyarrow

    from .display import Graph

T = TypeVar("T")
_ROWS_AT_ONCE = 256


class _Worker:
    """A thread, and its connection."""

    def __init__(self, database: _database.Database) -> None:
        self._threads = ThreadPoolExecutor(1, "sombra")
        self._connection: Optional[_sombra.Connection] = None
        self._database = database

    async def run(self, function: Callable[[], T]) -> T:
        """The result of a function that the thread calls. When the waiting task is cancelled, so is the call."""
        call = asyncio.get_running_loop().run_in_executor(self._threads, self._call, function)
        try:
            return await asyncio.shield(call)
        except asyncio.CancelledError:
            while not call.done():  # again, should the call not have begun yet
                if self._connection is not None:
                    self._connection.interrupt()
                with contextlib.suppress(asyncio.CancelledError):  # once more: the thread is not free before
                    await asyncio.wait([call], timeout=0.02)
            call.exception()
            raise

    def _call(self, function: Callable[[], T]) -> T:
        self._connection = self._database._connection()
        return function()

    def stop(self) -> None:
        """End the thread, once its call has ended; its connection closes with it."""
        self._threads.shutdown(wait=False)


class _Pool:
    """Workers that nobody uses, and how many more there may be."""

    def __init__(self, database: _database.Database, workers: int) -> None:
        self._database = database
        self._idle: List[_Worker] = []
        self._free = asyncio.Semaphore(workers)

    async def take(self) -> _Worker:
        await self._free.acquire()
        return self._idle.pop() if self._idle else _Worker(self._database)

    def give(self, worker: _Worker) -> None:
        self._idle.append(worker)
        self._free.release()

    def stop(self) -> None:
        for worker in self._idle:
            worker.stop()
        self._idle.clear()


class Result:
    """The result of a statement: an asynchronous iterator over its rows; otherwise as sombra.Result."""

    def __init__(self, result: _Result, worker: _Worker, pool: Optional[_Pool]) -> None:
        self._result = result
        self._worker = worker
        self._pool = pool
        self._loop = asyncio.get_running_loop()
        self._give_back()

    def _give_back(self) -> None:
        """The thread, once nothing of the database is needed for the result."""
        if self._pool is not None and not self._result._running:
            self._pool.give(self._worker)
            self._pool = None

    async def _run(self, function: Callable[[], T]) -> T:
        try:
            return await self._worker.run(function)
        finally:
            self._give_back()

    def __del__(self) -> None:
        if self._pool is not None and not self._loop.is_closed():
            pool, worker, self._pool = self._pool, self._worker, None
            self._loop.call_soon_threadsafe(pool.give, worker)

    @property
    def columns(self) -> Tuple[str, ...]:
        """The columns' names."""
        return self._result.columns

    @property
    def ended(self) -> bool:
        """Have all rows been read?"""
        return self._result.ended

    @property
    def changes(self) -> Changes:
        """What the statement has changed."""
        return self._result.changes

    async def fetchone(self) -> Optional[Row]:
        """The next row, or None."""
        return await self._run(self._result.fetchone)

    async def fetchmany(self, count: int = 1) -> List[Row]:
        """The next rows, up to so many."""
        return await self._run(functools.partial(self._result.fetchmany, count))

    async def fetchall(self) -> List[Row]:
        """All rows that are left."""
        return await self._run(self._result.fetchall)

    async def single(self) -> Row:
        """The one row."""
        return await self._run(self._result.single)

    async def close(self) -> None:
        """End the run; rows that were not read are dropped."""
        await self._run(self._result.close)

    async def to_arrow(self) -> "pyarrow.Table":
        """As sombra.Result.to_arrow."""
        return await self._run(self._result.to_arrow)

    async def to_df(self, *, dtype_backend: Optional[str] = None) -> "pandas.DataFrame":
        """As sombra.Result.to_df."""
        return await self._run(lambda: self._result.to_df(dtype_backend=dtype_backend))

    async def to_polars(self) -> "polars.DataFrame":
        """As sombra.Result.to_polars."""
        return await self._run(self._result.to_polars)

    async def to_dict(self) -> Dict[str, List[Any]]:
        """As sombra.Result.to_dict."""
        return await self._run(self._result.to_dict)

    async def to_networkx(self, *, graphml: bool = False) -> "networkx.MultiDiGraph[Any]":
        """As sombra.Result.to_networkx."""
        return await self._run(lambda: self._result.to_networkx(graphml=graphml))

    async def to_igraph(self) -> "igraph.Graph":
        """As sombra.Result.to_igraph."""
        return await self._run(self._result.to_igraph)

    async def to_graph(self, *, expand: int = 25) -> "Graph":
        """As sombra.Result.to_graph."""
        return await self._run(lambda: self._result.to_graph(expand=expand))

    async def detach(self) -> "Result":
        """Read all rows into memory, so that nothing of the database is held."""
        await self._run(self._result.detach)
        return self

    async def __aenter__(self) -> "Result":
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    async def __aiter__(self) -> AsyncIterator[Row]:
        while True:
            rows = await self.fetchmany(_ROWS_AT_ONCE)
            if not rows:
                return
            for row in rows:
                yield row


class Transaction:
    """A transaction on a thread of its own: an asynchronous context manager that commits, or rolls back when its block raises."""

    def __init__(self, pool: _Pool, write: bool) -> None:
        self._pool = pool
        self._write = write
        self._worker: Optional[_Worker] = None
        self._transaction: Optional[_database.Transaction] = None

    async def __aenter__(self) -> "Transaction":
        if self._worker is not None:
            raise status_error("SOMBRA_MISUSE", "the transaction has begun already")
        self._worker = await self._pool.take()
        database = self._pool._database
        try:
            self._transaction = await self._worker.run(lambda: database.transaction(self._write))
        except BaseException:
            await self._undo()
            raise
        return self

    async def _undo(self) -> None:
        """Also when beginning was cancelled in the moment in which it succeeded."""
        worker = self._worker
        assert worker is not None

        def undo() -> None:
            connection = self._pool._database._connection()
            if connection.in_transaction:
                connection.rollback()

        try:
            await worker.run(undo)
        finally:
            self._end()

    def _end(self) -> None:
        self._transaction = None
        if self._worker is not None:
            self._pool.give(self._worker)
            self._worker = None

    def _open(self) -> Tuple[_Worker, _database.Transaction]:
        if self._worker is None or self._transaction is None:
            raise status_error("SOMBRA_MISUSE", "the transaction is not open")
        return self._worker, self._transaction

    async def execute(
        self, query: str, parameters: Optional[Dict[str, Any]] = None, /, **named: Any
    ) -> Result:
        """Run a statement as part of the transaction."""
        worker, transaction = self._open()
        result = await worker.run(lambda: transaction.execute(query, parameters, **named))
        return Result(result, worker, None)

    async def run(self, function: Callable[[_database.Transaction], T]) -> T:
        """The result of a function that is called, with the sombra.Transaction, in the transaction's thread."""
        worker, transaction = self._open()
        return await worker.run(lambda: function(transaction))

    async def commit(self) -> None:
        """Commit now."""
        worker, transaction = self._open()
        try:
            await worker.run(transaction.commit)
        finally:
            self._end()

    async def rollback(self) -> None:
        """Undo everything now."""
        self._open()
        await self._undo()

    async def __aexit__(self, kind: Optional[type], error: object, trace: object) -> None:
        if self._worker is None:
            return
        if kind is None and self._transaction is not None and self._transaction.active:
            await self.commit()
        else:
            await self._undo()


class Database:
    """An open database. `aio.open` makes it."""

    def __init__(self, database: _database.Database, workers: int) -> None:
        self._database = database
        self._pool = _Pool(database, workers)

    @property
    def sync(self) -> _database.Database:
        """The sombra.Database behind it, for register_function and the like."""
        return self._database

    async def run(self, function: Callable[[_database.Database], T]) -> T:
        """The result of a function that is called, with the sombra.Database, in a thread: await db.run(lambda db: db.neighbors(1))."""
        worker = await self._pool.take()
        try:
            return await worker.run(lambda: function(self._database))
        finally:
            self._pool.give(worker)

    async def execute(
        self, query: str, parameters: Optional[Dict[str, Any]] = None, /, **named: Any
    ) -> Result:
        """Run a statement."""
        worker = await self._pool.take()
        try:
            result = await worker.run(lambda: self._database.execute(query, parameters, **named))
        except BaseException:
            self._pool.give(worker)
            raise
        return Result(result, worker, self._pool)

    def transaction(self, write: bool = True) -> Transaction:
        """async with db.transaction() as tx: await tx.execute(…)"""
        return Transaction(self._pool, write)

    async def close(self) -> None:
        """Close the database."""
        await asyncio.get_running_loop().run_in_executor(None, self._database.close)
        self._pool.stop()

    async def __aenter__(self) -> "Database":
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()


async def open(  # noqa: A001
    path: "Union[str, os.PathLike[str]]", *, workers: int = 4, **options: Any
) -> Database:
    """Open a database, with the options of sombra.open; at most `workers` calls, transactions and unread results at a time."""
    database = await asyncio.get_running_loop().run_in_executor(None, functools.partial(_open, path, **options))
    return Database(database, workers)
