"""Results of statements: rows, data frames, graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, Optional, Tuple

from . import _sombra
from ._optional import need

if TYPE_CHECKING:
    import igraph
    import networkx
    import pandas
    import polars
    import pyarrow

    from .display import Graph


class Changes(NamedTuple):
    """What a statement has changed."""

    nodes_created: int
    nodes_deleted: int
    relationships_created: int
    relationships_deleted: int
    properties_set: int
    labels_added: int
    labels_removed: int
    indexes_added: int
    indexes_removed: int
    #: An index behind a constraint counts as the constraint.
    constraints_added: int
    constraints_removed: int


class Result(_sombra.ResultBase):
    """The result of a statement: an iterator over its rows, which are read as they are asked for.

    Read a result once: by iterating, by `fetchone`, `fetchmany`, `fetchall` or `single`, or whole by one of the `to_…` methods. While a result is read,
    statements on the same thread that only read see the same state of the graph. Before one that writes, and before the end of a transaction, what is left
    of it is read into memory.
    """

    __slots__ = ("__weakref__",)

    def __enter__(self) -> "Result":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "ended" if self.ended else "rows to read"
        return f"<sombra.Result of {', '.join(self.columns) or 'no columns'}: {state}>"

    @property
    def changes(self) -> Changes:
        """What the statement has changed; zeros for one that only reads."""
        return Changes(*self._changes)

    # ---- Columns --------------------------------------------------------------------------------------------------

    def __arrow_c_stream__(self, requested_schema: Optional[object] = None) -> object:
        """The rows that are left as an Arrow C stream: pyarrow.table(result), polars.from_arrow(result) and others take it."""
        return self._columnar(0)

    def _columnar(self, rows_per_batch: int) -> object:
        """The capsule of a stream: of the statement itself while it stands on the first row, else of the rows that are left, asked for again
        as a query's parameter."""
        if self._streams:
            return self._stream(rows_per_batch)
        rows = [row.values() for row in self.fetchall()]
        items = ", ".join(f"row[{i}] AS `{name.replace('`', '``')}`" for i, name in enumerate(self.columns))
        query = f"UNWIND $rows AS row RETURN {items}" if items else "FINISH"
        return self._database._connection().stream(query, {"rows": rows} if items else {}, rows_per_batch)

    def to_arrow(self) -> "pyarrow.Table":
        """The rows that are left as a pyarrow.Table, made without Python objects for its values.

        The rows are looked at whole before the columns' types are decided; docs/ARROW.md has the types."""
        arrow = need("pyarrow", "to_arrow")
        connection = self._connection
        try:
            with arrow.RecordBatchReader._import_from_c_capsule(self._columnar(-1)) as reader:
                return reader.read_all()
        except Exception:
            failure = connection.take_raised()
            if failure is not None:
                raise failure from None
            raise

    def to_df(self, *, dtype_backend: Optional[str] = None) -> "pandas.DataFrame":
        """The rows that are left as a pandas.DataFrame.

        Times with parts of a microsecond are sombra.Time, durations pandas.DateOffset.

        By default integers among nulls become floats, which are exact up to 2**53. With `dtype_backend` "numpy_nullable" or "pyarrow", as of
        pandas' own readers, they stay integers."""
        from .tables import to_pandas

        types = need("pandas", "to_df")
        table = self.to_arrow()
        frame: pandas.DataFrame
        if dtype_backend is None:
            frame = to_pandas(table)
        elif dtype_backend == "pyarrow":
            frame = table.to_pandas(types_mapper=types.ArrowDtype)
        elif dtype_backend == "numpy_nullable":
            kinds = {"int64": types.Int64Dtype(), "double": types.Float64Dtype(), "bool": types.BooleanDtype(), "string": types.StringDtype()}
            frame = to_pandas(table, types_mapper=lambda kind: kinds.get(str(kind)))
        else:
            raise ValueError(f"dtype_backend {dtype_backend!r} is none of 'numpy_nullable', 'pyarrow'")
        return frame

    def to_polars(self) -> "polars.DataFrame":
        """The rows that are left as a polars.DataFrame. Durations are structs of months, days and nanoseconds."""
        from .tables import for_polars

        frame: polars.DataFrame = need("polars", "to_polars").from_arrow(for_polars(self.to_arrow()))
        return frame

    def to_dict(self) -> Dict[str, List[Any]]:
        """The rows that are left as a dict of columns, of Python objects."""
        rows = self.fetchall()
        return {name: [row[i] for row in rows] for i, name in enumerate(self.columns)}

    # ---- Graphs ---------------------------------------------------------------------------------------------------

    def to_networkx(self, *, graphml: bool = False) -> "networkx.MultiDiGraph[Any]":
        """Nodes, relationships and paths of the rows as a networkx.MultiDiGraph: nodes are known by id, edges by relationship id as key.

        Attributes are the properties, and `labels` of a node, `type` of a relationship. A property of such a name gets `_` behind it, as does one that
        ends with `_` behind such a name. Ends that no row has are read from the database.

        With `graphml` attributes are texts, numbers and booleans alone, as networkx.write_graphml needs them, in the form that `sombra import --graphml`
        reads: `labels` is ":A:B", the type is `label`, lists and maps are JSON, other values their text."""
        from .networks import to_networkx

        return to_networkx(self, graphml)

    def to_igraph(self) -> "igraph.Graph":
        """Nodes, relationships and paths of the rows as a directed igraph.Graph: ids are the attribute `id`; others, and names that clash, as in to_networkx."""
        from .networks import to_igraph

        return to_igraph(self)

    def to_graph(self, *, expand: int = 25) -> "Graph":
        """Nodes, relationships and paths of the rows as a picture: an interactive one in a notebook, SVG by its to_svg().

        A double click on a node shows its neighbors: up to `expand` of each node are put into the picture, hidden."""
        from .display import graph_of

        return graph_of(self, expand)

    def _repr_html_(self) -> str:
        from .display import result_html

        return result_html(self)

    def __reduce__(self) -> Tuple[Any, ...]:
        raise TypeError("a Result is not pickled: pickle its rows, result.fetchall()")
