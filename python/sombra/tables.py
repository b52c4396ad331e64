"""Arrow tables changed column by column: what pandas, Polars or a property has no form for."""

from __future__ import annotations

import datetime
import json
import struct
import uuid
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from ._optional import need
from .errors import status_error
from .types import (
    _DATE,
    _DATETIME,
    _DURATION,
    _LOCAL_DATETIME,
    _LOCAL_TIME,
    _POINT,
    _TIME,
    DateTime,
    Duration,
    Point,
    Time,
    WideDate,
    WideDateTime,
    make_date,
    make_time,
    to_value,
)

# ---- Any column, with its parts ------------------------------------------------------------------------------------------


def _is_list(kind: Any) -> bool:
    types = need("pyarrow", "tables").types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _has(kind: Any, wanted: Callable[[Any], bool]) -> bool:
    """Is a type, or one of its parts, wanted?"""
    return wanted(kind) or any(_has(kind.field(i).type, wanted) for i in range(kind.num_fields))


def _convert(values: Any, wanted: Callable[[Any], bool], make: Callable[[Any], Any]) -> Any:
    """An array whose wanted parts, in lists too, are made into others."""
    arrow = need("pyarrow", "tables")
    if wanted(values.type):
        return make(values)
    if not arrow.types.is_list(values.type) or not _has(values.type, wanted):
        return values
    items = _convert(values.values, wanted, make)
    return arrow.Array.from_buffers(
        arrow.list_(items.type), len(values), values.buffers()[:2], values.null_count, values.offset, [items]
    )


# ---- Polars ------------------------------------------------------------------------------------------------------------------


def _interval_parts(values: Any) -> Any:
    """month_day_nano_interval as struct<months, days, nanoseconds>: 16 bytes a value, which are taken apart where they lie."""
    arrow, element = need("pyarrow", "to_polars"), need("pyarrow.compute", "to_polars").list_element
    data, count = values.buffers()[1], values.offset + len(values)
    halves = arrow.FixedSizeListArray.from_arrays(arrow.Array.from_buffers(arrow.int32(), 4 * count, [None, data]), 4)
    wholes = arrow.FixedSizeListArray.from_arrays(arrow.Array.from_buffers(arrow.int64(), 2 * count, [None, data]), 2)
    parts = [element(each.slice(values.offset), place) for each, place in ((halves, 0), (halves, 1), (wholes, 1))]
    return arrow.StructArray.from_arrays(parts, ["months", "days", "nanoseconds"], mask=values.is_null())


def for_polars(table: Any) -> Any:
    """Polars has no durations with months: they become structs."""
    arrow = need("pyarrow", "to_polars")
    for place, field in enumerate(table.schema):
        if _has(field.type, arrow.types.is_interval):
            chunks = [_convert(chunk, arrow.types.is_interval, _interval_parts) for chunk in table.column(place).chunks]
            made = arrow.chunked_array(chunks or [_convert(arrow.array([], field.type), arrow.types.is_interval, _interval_parts)])
            table = table.set_column(place, field.name, made)
    return table


# ---- pandas ------------------------------------------------------------------------------------------------------------------


def _times(kind: Any, value: Any) -> Any:
    """A value whose times are still nanoseconds, as Python has it."""
    arrow = need("pyarrow", "to_df")
    if value is None:
        return None
    if arrow.types.is_time64(kind):
        return make_time(value, None)
    if _is_list(kind):
        return [_times(kind.value_type, each) for each in value]
    return {field.name: _times(field.type, value[field.name]) for field in kind} if arrow.types.is_struct(kind) else value


def _as_numbers(kind: Any) -> Any:
    """The type with int64 in place of times."""
    arrow = need("pyarrow", "to_df")
    if arrow.types.is_time64(kind):
        return arrow.int64()
    if _is_list(kind):
        return arrow.list_(_as_numbers(kind.value_type))
    return arrow.struct([(field.name, _as_numbers(field.type)) for field in kind]) if arrow.types.is_struct(kind) else kind


_EPOCH = datetime.date(1970, 1, 1).toordinal()


def _wide_dates(column: Any) -> Optional[List[Any]]:
    """The dates of a column with years that Python's do not reach; None: it has none."""
    days = column.cast(need("pyarrow", "to_df").int32())
    ends = need("pyarrow.compute", "to_df").min_max(days).as_py()
    first, last = 1 - _EPOCH, datetime.date.max.toordinal() - _EPOCH
    if ends["min"] is None or (ends["min"] >= first and ends["max"] <= last):
        return None
    made = (None if each is None else datetime.date.fromordinal(_EPOCH + each) if first <= each <= last else make_date(each) for each in days.to_pylist())
    return list(made)


def to_pandas(table: Any, **options: Any) -> Any:
    """A DataFrame. Columns with times that have parts of a microsecond hold sombra.Time, those with dates of far years sombra.WideDate: pyarrow refuses them."""
    arrow = need("pyarrow", "to_df")
    fine: Dict[int, List[Any]] = {}
    for place, field in enumerate(table.schema):
        column = table.column(place)
        if arrow.types.is_date32(field.type):
            wide = _wide_dates(column)
            if wide is not None:
                fine[place] = wide
                table = table.set_column(place, field.name, arrow.nulls(len(column)))
        if not _has(field.type, arrow.types.is_time64):
            continue
        try:
            column.to_pandas()
        except arrow.ArrowInvalid:
            numbers = column.cast(_as_numbers(field.type)).to_pylist()
            fine[place] = [_times(field.type, value) for value in numbers]
            table = table.set_column(place, field.name, arrow.nulls(len(column)))
    frame = table.to_pandas(**options)
    pandas = need("pandas", "to_df")
    for place, values in fine.items():
        frame.isetitem(place, pandas.Series(values, dtype="object"))
    return frame


# ---- Python objects ----------------------------------------------------------------------------------------------------------

_OWN = (Duration, Point, Time, DateTime, WideDate, WideDateTime)
_Packed = List[Optional[Tuple[Any, ...]]]


def of_own(values: Sequence[Any]) -> Any:
    """The Arrow array of a column with objects of this package, UUIDs, or times of a zone, of which pyarrow would make lists, or times cut short; None: it has none."""
    kinds = set(map(type, values))
    if uuid.UUID in kinds:  # texts, as they are as parameters
        return need("pyarrow", "a column of objects").array([str(each) if isinstance(each, uuid.UUID) else each for each in values])
    if not (kinds & set(_OWN) or (datetime.time in kinds and any(isinstance(each, datetime.time) and each.tzinfo for each in values))):
        return None
    packed: _Packed = []
    for each in values:
        known = None if each is None else to_value(each)
        packed.append(None if known is None else known[0] if isinstance(known, tuple) else (type(each).__name__,))
    found = {each[0] for each in packed if each is not None}
    if len(found) > 1 or not found <= set(_ARRAYS):
        names = sorted(each.__name__ for each in kinds if each is not type(None))
        raise status_error("SOMBRA_TYPE_MISMATCH", f"a column has values of one type, not {', '.join(names)}")
    return _ARRAYS[found.pop()](need("pyarrow", "a column of objects"), packed)


def _parts(packed: _Packed, place: int) -> List[Any]:
    return [None if each is None else each[place] for each in packed]


def _dates(arrow: Any, packed: _Packed) -> Any:
    return arrow.array(_parts(packed, 2), arrow.int32()).cast(arrow.date32())


def _clocks(arrow: Any, packed: _Packed) -> Any:
    return arrow.array(_parts(packed, 2), arrow.int64()).cast(arrow.time64("ns"))


def _zoned_clocks(arrow: Any, packed: _Packed) -> Any:
    offsets = arrow.array(_parts(packed, 3), arrow.int32())
    return arrow.StructArray.from_arrays([_clocks(arrow, packed), offsets], ["time", "offset"], mask=offsets.is_null())


def _moments(arrow: Any, packed: _Packed) -> Any:
    """In nanoseconds, or in microseconds where years are further; in the one zone, or at the one offset, that all have, else in UTC."""
    there = [each for each in packed if each is not None]
    far = any(not -_REACH < each[2] < _REACH for each in there)
    if far and any(each[1] % 1000 for each in there):
        raise status_error("SOMBRA_INVALID", "date-times of years out of 1677 to 2262 have whole microseconds in a column")
    whole, divisor = (1_000_000, 1000) if far else (1_000_000_000, 1)
    zone = None
    if there[0][0] == _DATETIME:
        names, offsets = {each[4] for each in there}, {each[3] for each in there}
        offset = offsets.pop() if names == {None} and len(offsets) == 1 else 1
        zone = "UTC" if offset % 60 else "{}{:02}:{:02}".format("-" if offset < 0 else "+", *divmod(abs(offset) // 60, 60))
        zone = names.pop() or zone if len(names) == 1 else "UTC"
    numbers = [None if each is None else each[2] * whole + each[1] // divisor for each in packed]
    return arrow.array(numbers, arrow.int64()).cast(arrow.timestamp("us" if far else "ns", zone))


def _durations(arrow: Any, packed: _Packed) -> Any:
    made = [None if each is None else (each[2], each[3], each[4] * 1_000_000_000 + each[5]) for each in packed]
    return arrow.array(made, arrow.month_day_nano_interval())


def _points(arrow: Any, packed: _Packed) -> Any:
    flat = [None if each is None or each[1] not in (4979, 9157) else each[4] for each in packed]
    parts = [_parts(packed, 1), _parts(packed, 2), _parts(packed, 3), flat]
    srids, *others = [arrow.array(part, arrow.float64() if i else arrow.int32()) for i, part in enumerate(parts)]
    return arrow.StructArray.from_arrays([srids, *others], ["srid", "x", "y", "z"], mask=srids.is_null())


_REACH = 2**63 // 1_000_000_000 - 1
_ARRAYS: Dict[int, Callable[[Any, _Packed], Any]] = {
    _DATE: _dates,
    _LOCAL_TIME: _clocks,
    _TIME: _zoned_clocks,
    _LOCAL_DATETIME: _moments,
    _DATETIME: _moments,
    _DURATION: _durations,
    _POINT: _points,
}


# ---- Properties --------------------------------------------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    """What JSON has no form for, as text."""
    return value.hex() if isinstance(value, bytes) else str(value)


def _json(values: Any) -> Any:
    arrow = need("pyarrow", "import")
    texts = [None if each is None else json.dumps(each, default=_plain, ensure_ascii=False) for each in values.to_pylist()]
    return arrow.array(texts, arrow.string())


def _is_property(kind: Any) -> bool:
    """Can a struct be a property: a point or a zoned time?"""
    names = {kind.field(i).name for i in range(kind.num_fields)}
    return names in ({"srid", "x", "y", "z"}, {"time", "offset"})


def storable(values: Any) -> Any:
    """A column of a file as properties can be: decimals as floats, UUIDs as text, lists of lists, structs and maps as JSON text."""
    arrow = need("pyarrow", "import")
    types, kind = arrow.types, values.type
    if types.is_run_end_encoded(kind):
        return storable(need("pyarrow.compute", "import").run_end_decode(values))
    if isinstance(kind, arrow.BaseExtensionType):
        if kind.extension_name == "arrow.uuid":
            return arrow.array([None if each is None else str(each) for each in values.to_pylist()], arrow.string())
        return storable(values.storage)
    if types.is_map(kind) or (types.is_struct(kind) and not _is_property(kind)):
        return _json(values)
    if _is_list(kind) and _has(kind.value_type, lambda part: _is_list(part) or types.is_map(part) or types.is_struct(part)):
        return _json(values)
    if types.is_decimal(kind):
        return values.cast(arrow.float64(), safe=False)
    if _is_list(kind) and types.is_decimal(kind.value_type):
        return values.cast(arrow.list_(arrow.float64()), safe=False)
    return values


def interval_of_bytes(values: Any) -> Any:
    """Parquet's INTERVAL, which pyarrow reads as 12 bytes: months, days and milliseconds."""
    arrow = need("pyarrow", "import")
    made = []
    for each in values.to_pylist():
        parts = None if each is None else struct.unpack("<III", each)
        made.append(None if parts is None else (parts[0], parts[1], parts[2] * 1_000_000))
    return arrow.array(made, arrow.month_day_nano_interval())
