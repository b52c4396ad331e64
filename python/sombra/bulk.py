"""Tables into the graph by column: data frames, Arrow streams, Parquet and Arrow IPC files."""

from __future__ import annotations

import contextlib
import json
import os
from array import array
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence, TextIO, Tuple, Union

from . import _sombra
from ._optional import need
from .errors import ConstraintError, Error, InvalidError, NotFoundError, TypeMismatchError, status_error, told
from .result import Result
from .tables import of_own, storable

if TYPE_CHECKING:
    from .database import Database, Transaction

_Key = Optional[Tuple[str, str]]
_Ends = Optional[Tuple[str, str, _Key, _Key]]
_ROWS = 65_536  # that are read at once


@contextlib.contextmanager
def _refused(arrow: Any, place: str = "") -> Iterator[None]:
    """What pyarrow can make no column of is an error of Sombra, too."""
    try:
        yield
    except Error as error:
        with told(place.rstrip(": ")) if place else contextlib.nullcontext():
            raise error
    except (arrow.ArrowException, ValueError, TypeError, OverflowError) as error:
        status = "SOMBRA_INVALID" if isinstance(error, (ValueError, OverflowError)) else "SOMBRA_TYPE_MISMATCH"
        told_by = str(error) if isinstance(error, UnicodeError) else "; ".join(map(str, error.args))
        raise status_error(status, place + told_by) from error


def _is_of_polars(data: Any) -> bool:
    return type(data).__module__.partition(".")[0] == "polars"


def _array_of(arrow: Any, values: Any) -> Any:
    if isinstance(values, (arrow.Array, arrow.ChunkedArray)):
        return values
    if _is_of_polars(values):  # of objects it gives Arrow the addresses
        values = values.to_list() if str(values.dtype) == "Object" else values.to_arrow()
        return _array_of(arrow, values)
    if not hasattr(values, "dtype"):  # neither numpy's nor pandas'
        values = values if isinstance(values, (list, tuple)) else list(values)
        own = of_own(values)
        if own is not None:
            return own
    elif values.dtype == object:
        own = of_own([None if each != each else each for each in values])
        if own is not None:
            return own
    return arrow.array(values)


def _table_of_dict(data: "dict[Any, Any]") -> Any:
    arrow = need("pyarrow", "a dict of columns")
    columns = {}
    for name, values in data.items():
        if not isinstance(name, str):
            raise status_error("SOMBRA_TYPE_MISMATCH", f"the name of a column is a str, not {name!r}")
        if isinstance(values, (str, bytes)):
            raise status_error("SOMBRA_TYPE_MISMATCH", f"column '{name}': a {type(values).__name__} is no column: a list of it is")
        with _refused(arrow, f"column '{name}': "):
            columns[name] = _array_of(arrow, values)
    with _refused(arrow):
        return arrow.table(columns)


def _own_of_pandas(arrow: Any, frame: Any) -> "dict[int, tuple[str, Any]]":
    """By place: name and array of columns with objects of this package."""
    made = {}
    for place, name in enumerate(frame.columns):
        if frame.dtypes.iloc[place] == object:
            column = frame.iloc[:, place]
            values = [None if gone else each for each, gone in zip(column, column.isna())]
            with _refused(arrow, f"column '{name}': "):
                own = of_own(values)
            if own is not None:
                made[place] = (str(name), own)
    return made


def _table_of_pandas(frame: Any) -> Any:
    """A missing value is NaN there: null. The index is no column."""
    arrow, rows = need("pyarrow", "a pandas.DataFrame"), len(frame)
    own = _own_of_pandas(arrow, frame)
    rest = frame.iloc[:, [place for place in range(frame.shape[1]) if place not in own]] if own else frame
    with _refused(arrow):
        table = arrow.Table.from_pandas(rest, preserve_index=False)
    for place, (name, column) in own.items():
        table = table.add_column(place, name, column)
    for field in table.schema:
        if isinstance(field.type, arrow.BaseExtensionType) and field.type.extension_name.startswith("pandas."):
            raise status_error("SOMBRA_TYPE_MISMATCH", f"column '{field.name}': properties can't have the type {field.type}")
    if table.num_columns:
        return table
    empty = arrow.array([{}] * rows, arrow.struct([]))  # pyarrow takes no columns for no rows
    return arrow.Table.from_batches([arrow.RecordBatch.from_struct_array(empty)])


def _table_of_polars(frame: Any) -> Any:
    return _table_of_dict({name: frame[name] for name in frame.columns}) if "Object" in map(str, frame.dtypes) else frame


def _stream_of(data: Any, columns: Optional[Sequence[str]]) -> object:
    """The capsule of an Arrow stream of a table's columns."""
    if isinstance(data, Result):  # its statement can't run on while this one writes
        data = data.to_arrow()
    elif isinstance(data, dict):
        data = _table_of_dict(data)
    elif type(data).__module__.partition(".")[0] == "pandas" and hasattr(data, "columns"):
        data = _table_of_pandas(data)
    elif _is_of_polars(data) and hasattr(data, "__arrow_c_stream__") and hasattr(data, "dtypes"):
        data = _table_of_polars(data)
    if not hasattr(data, "__arrow_c_stream__"):
        raise status_error(
            "SOMBRA_TYPE_MISMATCH",
            f"an object of type {type(data).__name__} is no table: a data frame, something with an Arrow stream, or a dict of columns is",
        )
    if columns is not None:
        data = need("pyarrow", "columns").table(data)
        missing = [name for name in columns if name not in data.column_names]
        if missing:
            raise status_error("SOMBRA_NOT_FOUND", f"the table has no column '{missing[0]}'")
        data = data.select(list(columns))
    return data.__arrow_c_stream__()


class _Watched:
    """Batches on their way into the library, which hears as text alone of what goes wrong in their making: here it is."""

    def __init__(self, batches: Iterable[Any]) -> None:
        self._batches = batches
        self.failure: Optional[BaseException] = None

    def __iter__(self) -> Iterator[Any]:
        try:
            yield from self._batches
        except GeneratorExit:  # nobody wants more
            raise
        except BaseException as error:
            self.failure = error
            raise


def _key_of(key: Any) -> _Key:
    if key is None:
        return None
    if isinstance(key, (tuple, list)) and len(key) == 2 and all(isinstance(each, str) for each in key):
        return key[0], key[1]
    raise status_error("SOMBRA_TYPE_MISMATCH", f"the key of an end is a pair of a label and a property key, not {key!r}")


def create(
    connection: _sombra.Connection, data: Any, names: Tuple[str, ...], ends: _Ends, columns: Optional[Sequence[str]]
) -> "array[int]":
    """See Database.create_nodes and create_edges."""
    if isinstance(columns, str):
        columns = [columns]
    if ends is not None:
        ends = (ends[0], ends[1], _key_of(ends[2]), _key_of(ends[3]))
    if ends is not None and columns is not None:
        columns = list(dict.fromkeys([ends[0], ends[1], *columns]))
    watched = _Watched(data) if hasattr(data, "read_next_batch") else None  # pyarrow's reader, maybe of a generator
    if watched is not None:
        data = need("pyarrow", "create").RecordBatchReader.from_batches(data.schema, watched)
    ids = array("Q")
    try:
        ids.frombytes(connection.create_from_stream(_stream_of(data, columns), names, ends))
    except Error as error:
        failure = None if watched is None else watched.failure
        if failure is not None and not isinstance(failure, Exception):  # KeyboardInterrupt
            raise failure from None
        raise error from (failure or error.__cause__)
    return ids


Paths = Union[str, "os.PathLike[str]", Sequence[Union[str, "os.PathLike[str]"]]]


def _arrow_file(arrow: Any, path: str) -> Any:
    """The whole table of an Arrow IPC file without a footer, or None."""
    try:
        with arrow.OSFile(path) as source:
            arrow.ipc.open_file(source)
        return None
    except arrow.ArrowInvalid:
        return arrow.ipc.open_stream(arrow.OSFile(path)).read_all()


def _dataset(dataset: Any, source: Any, format: str) -> Any:
    """Folders in a folder may have names like year=2024: a column, if the files have none of that name that is of another type."""
    if isinstance(source, str) and os.path.isdir(source):
        with contextlib.suppress(ValueError, TypeError):  # pyarrow's own are such
            return dataset.dataset(source, format=format, partitioning="hive")
    return dataset.dataset(source, format=format)


def _schema_of_all(arrow: Any, files: Any) -> Any:
    """Columns that only some of the files have, too: pyarrow takes those of the first one. Of several types of one the first counts that has values."""
    fields: Dict[str, Any] = {}
    for schema in (files.schema, *(each.physical_schema for each in files.get_fragments())):
        for field in schema:
            if field.name not in fields or arrow.types.is_null(fields[field.name].type):
                fields[field.name] = field
    return arrow.schema(list(fields.values()))


class _Rows:
    """The rows of one file, several, or those of a folder, a batch at a time, in the form that properties have."""

    def __init__(self, path: Paths, format: str, columns: Optional[List[str]], batch: int) -> None:
        dataset = need("pyarrow.dataset", f"import of {format}")
        self._arrow = arrow = need("pyarrow", f"import of {format}")
        one = os.fspath(path) if isinstance(path, (str, os.PathLike)) else None
        table = _arrow_file(arrow, one) if format == "ipc" and one is not None and os.path.isfile(one) else None
        source = table if table is not None else one or [os.fspath(each) for each in path]  # type: ignore[union-attr]
        self._set = dataset.dataset(table) if table is not None else _dataset(dataset, source, format)
        if table is None:
            self._set = self._set.replace_schema(_schema_of_all(arrow, self._set))
        self.files: List[str] = [os.fspath(one)] if table is not None and one is not None else self._set.files
        self._columns, self._batch = columns, batch
        for name in columns or ():
            if name not in self._set.schema.names:
                raise status_error("SOMBRA_NOT_FOUND", f"there is no column '{name}'")
        self.total = self._set.count_rows()

    def batches(self) -> Iterator[Any]:
        for batch in self._set.scanner(columns=self._columns, batch_size=self._batch).to_batches():
            yield self._arrow.RecordBatch.from_arrays([storable(each) for each in batch.columns], batch.schema.names)

    def schema(self) -> Any:
        """Of these batches."""
        schema = self._set.schema
        fields = [schema.field(name) for name in self._columns or schema.names]
        empty = [storable(self._arrow.array([], field.type)) for field in fields]
        return self._arrow.schema([(field.name, each.type) for field, each in zip(fields, empty)])


class _Rejects:
    """Rows that are wrong, as lines of JSON: `row`, `error`, `record`. Made with the first one."""

    def __init__(self, path: "str | os.PathLike[str]", most: int) -> None:
        self._path, self._most, self.count = path, most, 0
        self._file: Optional[TextIO] = None

    def add(self, row: int, error: Error, record: Any) -> None:
        self.count += 1
        if self.count > self._most:
            with told(f"row {row}"):
                raise error
        if self._file is None:
            self._file = open(self._path, "w", encoding="utf-8")
        line = {"row": row, "error": str(error), "record": record.to_pylist()[0]}
        self._file.write(json.dumps(line, default=str, ensure_ascii=False) + "\n")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def _check_rejects(path: "str | os.PathLike[str]", files: Sequence[str]) -> None:
    """They must not be written over what is read, under whatever name."""
    for each in files:
        if os.path.exists(path) and os.path.exists(each) and os.path.samefile(path, each):
            raise status_error("SOMBRA_INVALID", f"the rejects can't be written to {os.fspath(path)}: it is the load's own file")


def _make_good(tx: "Transaction", make: Callable[[Any, Any], int], batch: Any, first: int, rejects: _Rejects) -> int:
    """Make what can be made of a batch: where one fails, each half of it. Returns how many rows."""
    if not batch.num_rows:
        return 0
    try:
        with tx.savepoint():
            return make(tx, batch)
    except (NotFoundError, ConstraintError, InvalidError, TypeMismatchError) as error:
        if batch.num_rows == 1:
            rejects.add(first, error, batch)
            return 0
    half = batch.num_rows // 2
    made = _make_good(tx, make, batch.slice(0, half), first, rejects)
    return made + _make_good(tx, make, batch.slice(half), first + half, rejects)


class _FileImport:
    """A function that loads files of one format: both take the same arguments."""

    def __init__(self, format: str, doc: str) -> None:
        self._format = format
        self.__name__ = f"import_{format}"
        self.__doc__ = doc

    def __call__(
        self,
        db: "Union[Database, Transaction]",
        path: Paths,
        *,
        label: "Union[str, Sequence[str], None]" = None,
        type: Optional[str] = None,
        source: str = "source",
        target: str = "target",
        source_key: _Key = None,
        target_key: _Key = None,
        columns: Optional[Sequence[str]] = None,
        batch: Optional[int] = None,
        rejects: "str | os.PathLike[str] | None" = None,
        max_rejects: int = 1000,
        dry_run: bool = False,
        progress: Optional[Callable[[int, int], Any]] = None,
    ) -> int:
        if (label is None) == (type is None):
            raise status_error("SOMBRA_INVALID", "say either the label of the nodes, or the type of the relationships")
        if batch is not None and batch < 1:
            raise status_error("SOMBRA_INVALID", "a batch has at least one row")

        def make(to: "Union[Database, Transaction]", data: Any) -> int:
            if type is None:
                return len(to.create_nodes(data, label))
            return len(
                to.create_edges(data, type, source=source, target=target, source_key=source_key, target_key=target_key)
            )

        with told(os.fspath(path) if isinstance(path, (str, os.PathLike)) else f"{len(path)} files"):
            rows = _Rows(path, self._format, _wanted(columns, type, source, target), min(batch or _ROWS, _ROWS))
            load = _Load(rows, make, progress)
            if batch is None and rejects is None and not dry_run:
                return load.whole(db)
            refused = None
            if rejects is not None:
                owner: Any = getattr(db, "_database", db)  # of a transaction
                _check_rejects(rejects, [*rows.files, owner.path or ""])
                refused = _Rejects(rejects, max_rejects)
            try:
                return load.by_transaction(db, batch, refused, dry_run)
            finally:
                if refused is not None:
                    refused.close()


class _Load:
    """One load of a file's rows by `make`."""

    def __init__(
        self,
        rows: _Rows,
        make: "Callable[[Union[Database, Transaction], Any], int]",
        progress: Optional[Callable[[int, int], Any]],
    ) -> None:
        self._rows, self._make, self._progress, self._done = rows, make, progress, 0

    def _batches(self) -> Iterator[Any]:
        for each in self._rows.batches():
            yield each
            self._done += each.num_rows
            if self._progress is not None:
                self._progress(self._done, self._rows.total)

    def whole(self, db: "Union[Database, Transaction]") -> int:
        """All rows as one stream, in one call."""
        reader = need("pyarrow", "import").RecordBatchReader
        watched = _Watched(self._batches())
        try:
            return self._make(db, reader.from_batches(self._rows.schema(), watched))
        except Error:
            if watched.failure is not None:  # what reading or `progress` raised, not what the library heard of it
                raise watched.failure from None
            raise

    def by_transaction(
        self, db: "Union[Database, Transaction]", batch: Optional[int], rejects: Optional[_Rejects], dry_run: bool
    ) -> int:
        """In the caller's transaction; or in one, or one for every `batch` rows, of its own."""
        if not hasattr(db, "transaction"):
            if batch is not None or dry_run:
                raise status_error("SOMBRA_INVALID", "batches and dry runs need a database, not a transaction")
            return sum(self._put(db, each, rejects) for each in self._batches())
        made, waiting = 0, 0
        tx = db.transaction()
        try:
            for each in self._batches():
                made += self._put(tx, each, rejects)
                waiting += each.num_rows
                if batch is not None and waiting >= batch and not dry_run:
                    tx.commit()
                    tx, waiting = db.transaction(), 0
            if not dry_run:
                tx.commit()
        finally:
            if tx.active:
                tx.rollback()
        return made

    def _put(self, tx: "Transaction", batch: Any, rejects: Optional[_Rejects]) -> int:
        if rejects is not None:
            return _make_good(tx, self._make, batch, self._done, rejects)
        with told(f"in the {batch.num_rows} rows from {self._done} on"):
            return self._make(tx, batch)


import_parquet = _FileImport(
    "parquet",
    """Load Parquet files, a path, several, or a folder: as nodes of a label, or as relationships of a type, as create_nodes and create_edges do.

    Files are read by pyarrow, a batch of rows at a time; all rows become part of the graph, or none. Returns how many. What a property can not be is
    converted: decimals are floats, UUIDs texts, lists of lists, structs and maps JSON texts.

    `batch`: commit after so many rows (the batches of the file are cut there); what was committed before an error stays. `rejects`: rows that are wrong go
    to this file as lines of JSON, up to `max_rejects`. `dry_run`: all is done and undone. `progress(rows, all rows)` is called after each batch.""",
)
import_ipc = _FileImport("ipc", """Load Arrow IPC files (Feather, `.arrow`, `.arrows`), as import_parquet does.""")


def _wanted(columns: Optional[Sequence[str]], type: Optional[str], source: str, target: str) -> Optional[List[str]]:
    if columns is None:
        return None
    if isinstance(columns, str):
        columns = [columns]
    return list(dict.fromkeys([source, target, *columns])) if type is not None else list(columns)
