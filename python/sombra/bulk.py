"""Tables into the graph by column: data frames, Arrow streams, Parquet and Arrow IPC files."""

from __future__ import annotations

import os
from array import array
from typing import TYPE_CHECKING, Any, List, Optional, Sequence, Tuple, Union

from . import _sombra
from ._optional import need
from .errors import status_error
from .result import Result

if TYPE_CHECKING:
    from .database import Database, Transaction

_Key = Optional[Tuple[str, str]]
_Ends = Optional[Tuple[str, str, _Key, _Key]]


def _stream_of(data: Any, columns: Optional[Sequence[str]]) -> object:
    """The capsule of an Arrow stream of a table's columns."""
    if isinstance(data, Result):  # its statement can't run on while this one writes
        data = data.to_arrow()
    elif isinstance(data, dict):
        data = need("pyarrow", "a dict of columns").table(data)
    elif type(data).__module__.partition(".")[0] == "pandas":
        # A missing value is NaN there: null. The index is no column.
        data = need("pyarrow", "a pandas.DataFrame").Table.from_pandas(data, preserve_index=False)
    if not hasattr(data, "__arrow_c_stream__"):
        raise status_error(
            "SOMBRA_TYPE_MISMATCH",
            f"an object of type {type(data).__name__} is no table: a data frame, something with an Arrow stream, or a dict of columns is",
        )
    if columns is not None:
        data = need("pyarrow", "columns").table(data).select(list(columns))
    return data.__arrow_c_stream__()


def create(
    connection: _sombra.Connection, data: Any, names: Tuple[str, ...], ends: _Ends, columns: Optional[Sequence[str]]
) -> "array[int]":
    """See Database.create_nodes and create_edges."""
    if ends is not None and columns is not None:
        columns = list(dict.fromkeys([ends[0], ends[1], *columns]))
    ids = array("Q")
    ids.frombytes(connection.create_from_stream(_stream_of(data, columns), names, ends))
    return ids


Paths = Union[str, "os.PathLike[str]", Sequence[Union[str, "os.PathLike[str]"]]]


def _reader(path: Paths, format: str, columns: Optional[List[str]]) -> Any:
    """A pyarrow.RecordBatchReader of one file, several, or those of a folder."""
    dataset = need("pyarrow.dataset", f"import of {format}")
    arrow = need("pyarrow", f"import of {format}")
    if format == "ipc" and isinstance(path, (str, os.PathLike)) and os.path.isfile(path):
        try:
            with arrow.OSFile(os.fspath(path)) as source:
                arrow.ipc.open_file(source)
        except arrow.ArrowInvalid:  # the form without a footer
            table = arrow.ipc.open_stream(arrow.OSFile(os.fspath(path))).read_all()
            return (table if columns is None else table.select(columns)).to_reader()
    paths = [os.fspath(each) for each in path] if isinstance(path, (list, tuple)) else os.fspath(path)  # type: ignore[arg-type]
    return dataset.dataset(paths, format=format).scanner(columns=columns, batch_size=65_536).to_reader()


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
    ) -> int:
        wanted = _wanted(columns, type, source, target)
        reader = _reader(path, self._format, wanted)
        if (label is None) == (type is None):
            raise status_error("SOMBRA_INVALID", "say either the label of the nodes, or the type of the relationships")
        if type is None:
            return len(db.create_nodes(reader, label))
        return len(
            db.create_edges(reader, type, source=source, target=target, source_key=source_key, target_key=target_key)
        )


import_parquet = _FileImport(
    "parquet",
    """Load Parquet files, a path, several, or a folder: as nodes of a label, or as relationships of a type, as create_nodes and create_edges do.

    Files are read by pyarrow, a batch of rows at a time; all rows become part of the graph, or none. Returns how many.""",
)
import_ipc = _FileImport("ipc", """Load Arrow IPC files (Feather, `.arrow`, `.arrows`), as import_parquet does.""")


def _wanted(columns: Optional[Sequence[str]], type: Optional[str], source: str, target: str) -> Optional[List[str]]:
    if columns is None:
        return None
    return list(dict.fromkeys([source, target, *columns])) if type is not None else list(columns)
