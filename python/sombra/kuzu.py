"""The folder that Kuzu and Ladybug write with EXPORT DATABASE, in Parquet: `sombra import --kuzu` reads the one with CSV files."""

from __future__ import annotations

import io
import os
import re
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from ._optional import need
from .errors import status_error, told
from .tables import interval_of_bytes, storable

if TYPE_CHECKING:
    from .database import Database, Transaction

_WORD = re.compile(r"""\s+|//[^\n]*|`(?P<quoted>[^`]*)`|(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<word>\w+)|(?P<sign>.)""", re.S)
_ROWS = 65_536

# A column of type SERIAL has 22 in Kuzu's Parquet as the type that its integers were converted from. Others know no such type, and open no file
# in which it stands; 18, a signed integer of 64 bits, is what they call it. In Thrift's compact protocol a number is twice what it is.
_SERIAL, _INT_64 = 2 * 22, 2 * 18
_CONVERTED_TYPE = 6  # of a column's fields
_FOOTER_BYTES = 1 << 24  # in which all columns are told; more follows


class _Word(NamedTuple):
    kind: str  # quoted, text, word, sign
    text: str

    def says(self, word: str) -> bool:
        return self.kind in ("word", "sign") and self.text.upper() == word


class _Table:
    """A table of schema.cypher."""

    def __init__(self, name: str, is_rel: bool) -> None:
        self.name, self.is_rel = name, is_rel
        self.key: Optional[str] = None
        self.pairs: List[Tuple[str, str]] = []
        self.in_place = False  # its rows are in files that have its name, and no copy.cypher tells of them
        self.intervals: List[str] = []


def _statements(folder: str, name: str) -> Iterator[List[_Word]]:
    path = os.path.join(folder, name)
    with open(path, encoding="utf-8") as file:
        try:
            text = file.read()
        except UnicodeDecodeError as error:
            raise status_error("SOMBRA_INVALID", f"{path}: {error}") from None
    words: List[_Word] = []
    for match in _WORD.finditer(text):
        if match.lastgroup is None:
            continue
        found = _Word(match.lastgroup, match.group(match.lastgroup))
        if found.says(";"):
            yield words
            words = []
        else:
            words.append(found)
    if words:
        raise status_error("SOMBRA_SYNTAX", f"{path}: its last statement is not ended")


def _parts(words: List[_Word]) -> Iterator[List[_Word]]:
    """What stands between the commas of the first pair of brackets."""
    depth = 0
    part: List[_Word] = []
    for each in words:
        depth -= each.says(")")
        if depth == 0 and part:
            break
        if depth == 1 and each.says(","):
            yield part
            part = []
        elif depth > 0:
            part.append(each)
        depth += each.says("(")
    if part:
        yield part


def _read_table(words: List[_Word]) -> Optional[_Table]:
    if len(words) < 5 or not words[0].says("CREATE") or not words[2].says("TABLE") or not (words[1].says("NODE") or words[1].says("REL")):
        return None  # a sequence, a type
    at = 4 if words[3].says("GROUP") else 3
    at += 3 if words[at].says("IF") else 0
    if at >= len(words):
        return None
    table = _Table(words[at].text, words[1].says("REL"))
    for part in _parts(words[at + 1 :]):
        if part[0].says("FROM") and len(part) >= 4:
            table.pairs.append((part[1].text, part[3].text))
        elif part[0].says("PRIMARY"):
            table.key = next((each.text for each in part[2:] if each.kind in ("quoted", "word") and not each.says("KEY")), None)
        elif len(part) == 2 and (part[1].says("INTERVAL") or part[1].says("DURATION")):
            table.intervals.append(part[0].text)
        elif any(each.says("PRIMARY") for each in part[1:]):
            table.key = part[0].text
    table.in_place = any(each.kind == "text" and each.text[1:-1] == "icebug-disk" for each in words)
    return table


class _Copy(NamedTuple):
    """Which file has the rows of which table, and in which columns."""

    table: _Table
    file: str
    columns: Optional[List[str]]  # None: as the file names them
    ends: Tuple[str, str]


def _find_table(name: str, tables: Dict[str, _Table]) -> Optional[Tuple[_Table, Tuple[str, str]]]:
    """A table, and between what its relationships are. Kuzu before 0.11 has a table for each pair: Lives_Person_City, of Lives from Person to City."""
    if name in tables:
        pairs = tables[name].pairs
        return tables[name], pairs[0] if len(pairs) == 1 else ("", "")
    parts = ((table, pair) for table in tables.values() for pair in table.pairs if "_".join((table.name, *pair)) == name)
    return next(parts, None)


def _read_copy(words: List[_Word], tables: Dict[str, _Table]) -> _Copy:
    """A statement of copy.cypher."""
    found = _find_table(words[1].text, tables) if len(words) >= 4 and words[0].says("COPY") else None
    if found is None:
        begin = " ".join(each.text for each in words[:4])
        raise status_error("SOMBRA_SYNTAX", f"copy.cypher: COPY and a table of schema.cypher are expected, not '{begin}'")
    table, ends = found
    place = next((i for i, each in enumerate(words) if each.says("FROM")), len(words) - 1)
    # Kuzu 0.5 to 0.7 names _ID of relationships, too, and writes it not.
    columns = [part[0].text for part in _parts(words[2:place]) if not (table.is_rel and part[0].text == "_ID")]
    # Only files of the folder are read: of a path its last part.
    file = os.path.basename(words[place + 1].text[1:-1]) if place + 1 < len(words) else ""
    options = {part[0].text.lower(): part[2].text.strip("'\"") for part in _parts(words[place + 2 :]) if len(part) > 2}
    if not file.lower().endswith(".parquet"):
        raise status_error("SOMBRA_UNSUPPORTED", f"'{file}' is no Parquet: sombra import --kuzu reads folders with CSV files")
    return _Copy(table, file, columns, (options.get("from", ends[0]), options.get("to", ends[1])))


def _read_copies(folder: str, tables: Dict[str, _Table]) -> List[_Copy]:
    """Of copy.cypher; Ladybug from 0.22 on writes none: it has one pair for each table."""
    placed = [table for table in tables.values() if table.in_place]
    if not placed or os.path.exists(os.path.join(folder, "copy.cypher")):
        return [_read_copy(words, tables) for words in _statements(folder, "copy.cypher")]
    return [_Copy(table, f"{'rels' if table.is_rel else 'nodes'}_{table.name}.parquet", None, table.pairs[0] if table.pairs else ("", "")) for table in placed]


def _number(data: bytes, at: int) -> Tuple[int, int]:
    """A number of Thrift's, without a sign, and where it ends."""
    value = 0
    for i in range(5):
        value |= (data[at + i] & 127) << 7 * i
        if data[at + i] < 128:
            return value, at + i + 1
    raise ValueError("a number is too long")


def _serial_places(footer: bytes) -> List[int]:
    """Where a Parquet file's footer says SERIAL. It begins with a version, and a list of columns: fields that are numbers (5) or texts (8)."""
    at = _number(footer, 1)[1]
    if footer[0] != 0x15 or footer[at] != 0x19:
        raise ValueError("no footer as Kuzu writes it")
    count, at = _number(footer, at + 2) if footer[at + 1] >> 4 == 15 else (footer[at + 1] >> 4, at + 2)
    places = []
    for _ in range(count):
        field = 0
        while footer[at] != 0:
            head = footer[at]
            field += head >> 4
            value, end = _number(footer, at + 1)
            if head & 15 not in (5, 8):
                raise ValueError("no column as Kuzu writes it")
            if head & 15 == 5 and field == _CONVERTED_TYPE and value == _SERIAL:
                places.append(at + 1)
            at = end + (value if head & 15 == 8 else 0)
        at += 1
    return places


class _Readable(io.FileIO):
    """A Parquet file of Kuzu's as others would write it."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self._places: List[int] = []
        size = self.seek(0, os.SEEK_END)
        self.seek(max(0, size - 8))
        footer = size - 8 - int.from_bytes(super().read(4), "little")
        if footer >= 0:
            self.seek(footer)
            try:
                self._places = [footer + place for place in _serial_places(super().read(min(size - footer, _FOOTER_BYTES)))]
            except (IndexError, ValueError):
                pass  # pyarrow knows it, or tells what is wrong
        self.seek(0)

    def read(self, size: Optional[int] = -1) -> bytes:
        at = self.tell()
        data = super().read(size)
        if any(at <= place < at + len(data) for place in self._places):
            changed = bytearray(data)
            for place in self._places:
                if at <= place < at + len(data):
                    changed[place - at] = _INT_64
            data = bytes(changed)
        return data


def _column(values: Any, is_interval: bool) -> Any:
    if is_interval and need("pyarrow", "import_kuzu").types.is_fixed_size_binary(values.type):
        return interval_of_bytes(values)
    return storable(values)


def _load(tx: "Transaction", folder: str, copy: _Copy, tables: Dict[str, _Table]) -> int:
    """The rows of one file. Its columns are told by their place: of relationships the ends' keys come first."""
    arrow = need("pyarrow", "import_kuzu")
    ends = ["source", "target"] if copy.table.is_rel else []
    made = 0
    with _Readable(os.path.join(folder, copy.file)) as source, need("pyarrow.parquet", "import_kuzu").ParquetFile(source) as file:
        columns = file.schema_arrow.names[len(ends) :] if copy.columns is None else copy.columns
        for batch in file.iter_batches(_ROWS):
            if batch.num_columns != len(ends) + len(columns):
                raise status_error("SOMBRA_SYNTAX", f"it has {batch.num_columns} columns, copy.cypher names {len(ends) + len(columns)}")
            properties = [_column(each, name in copy.table.intervals) for each, name in zip(batch.columns[len(ends) :], columns)]
            data = arrow.RecordBatch.from_arrays(properties, columns)
            if not ends:
                made += len(tx.create_nodes(data, copy.table.name))
                continue
            names = [_free(name, columns) for name in ends]
            data = arrow.RecordBatch.from_arrays([*batch.columns[:2], *properties], [*names, *columns])
            keys = [(tables[end].name, tables[end].key or "") for end in copy.ends]
            made += len(tx.create_edges(data, copy.table.name, source=names[0], target=names[1], source_key=keys[0], target_key=keys[1]))
    return made


def _free(name: str, taken: List[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def import_kuzu(db: "Database", folder: "str | os.PathLike[str]") -> Tuple[int, int]:
    """Load the folder that Kuzu or Ladybug has written with EXPORT DATABASE 'folder', in Parquet, their default: how many nodes and relationships.

    A node table becomes a label, its primary key a node key (constraint) and a property; a relationship table becomes a type. All of it is loaded, or
    nothing. What a property can not be is converted as by import_parquet. A folder with CSV files is for `sombra import --kuzu`."""
    folder = os.fspath(folder)
    tables = {table.name: table for table in map(_read_table, _statements(folder, "schema.cypher")) if table is not None}
    copies = _read_copies(folder, tables)
    for copy in copies:
        if copy.table.is_rel and not all(end in tables and tables[end].key for end in copy.ends):
            raise status_error("SOMBRA_SYNTAX", f"{copy.file}: the relationships' node tables are not in schema.cypher")
    made = [0, 0]
    with db.transaction() as tx:
        for table in tables.values():
            if table.key is not None:
                tx.execute(f"CREATE CONSTRAINT IF NOT EXISTS FOR (n:{_quoted(table.name)}) REQUIRE n.{_quoted(table.key)} IS NODE KEY").close()
        for copy in sorted(copies, key=lambda each: each.table.is_rel):
            with told(copy.file):
                made[copy.table.is_rel] += _load(tx, folder, copy, tables)
    return made[0], made[1]
