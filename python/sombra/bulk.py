"""Tables into the graph: data frames, Arrow streams, Parquet and Arrow IPC files, by column."""

from __future__ import annotations

from typing import Any, List, Optional, Sequence, Tuple

from . import _sombra


def create_nodes(
    connection: _sombra.Connection, data: Any, labels: Tuple[str, ...], columns: Optional[Sequence[str]]
) -> "range | List[int]":
    raise NotImplementedError


def create_edges(
    connection: _sombra.Connection,
    data: Any,
    type: str,
    source: str,
    target: str,
    columns: Optional[Sequence[str]],
) -> "range | List[int]":
    raise NotImplementedError


def import_parquet() -> None:
    raise NotImplementedError


def import_ipc() -> None:
    raise NotImplementedError
