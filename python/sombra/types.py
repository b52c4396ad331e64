"""Values of the graph that Python has no type for: nodes, relationships, paths, durations, points, and times finer or further than datetime's.

Dates and times come as `datetime.date`, `time` and `datetime` wherever these can hold them without loss. A fraction finer than a microsecond makes them
`Time` or `DateTime`, which are subclasses with `nanosecond`; a year outside of 1 … 9999 makes them `WideDate` or `WideDateTime`.
"""

from __future__ import annotations

import datetime as _datetime
import functools
import operator
import uuid
from collections.abc import Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any, Dict, Iterator, KeysView, NamedTuple, Optional, Tuple, Union, cast

from . import _sombra
from .errors import status_error

try:
    import zoneinfo as _zoneinfo
except ImportError:  # pragma: no cover
    _zoneinfo = None  # type: ignore[assignment]

# sombra_type of sombra.h
_DATE, _LOCAL_TIME, _TIME, _LOCAL_DATETIME, _DATETIME, _DURATION, _POINT = 6, 7, 8, 9, 10, 11, 12
_EPOCH = _datetime.datetime(1970, 1, 1)
_EPOCH_UTC = _datetime.datetime(1970, 1, 1, tzinfo=_datetime.timezone.utc)
_EPOCH_ORDINAL = _EPOCH.toordinal()
_DAY = 86_400


# ---- Entities ----------------------------------------------------------------------------------------------------------


class _Properties:
    """What nodes and relationships share: they are looked into as dicts of their properties."""

    __slots__ = ()

    if TYPE_CHECKING:

        @property
        def properties(self) -> Dict[str, Any]: ...

    def __getitem__(self, key: str) -> Any:
        return self.properties[key]

    def __contains__(self, key: object) -> bool:
        return key in self.properties

    def __iter__(self) -> Iterator[str]:
        return iter(self.properties)

    def __len__(self) -> int:
        return len(self.properties)

    def __bool__(self) -> bool:
        return True  # without properties, too

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a property, or a default."""
        return self.properties.get(key, default)

    def keys(self) -> KeysView[str]:
        """The properties' keys."""
        return self.properties.keys()


class Node(_sombra.NodeBase, _Properties):
    """A node as it was when it was read. Equal to another of the same id."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Node) and self.id == other.id

    def __hash__(self) -> int:
        return hash((Node, self.id))

    def __repr__(self) -> str:
        return f"Node({self.id}, {self.labels!r}, {self.properties!r})"

    def __reduce__(self) -> Tuple[Any, ...]:
        return (Node, (self.id, self.labels, self.properties))

    def _repr_html_(self) -> str:
        from .display import entity_html

        return entity_html(self)


class Relationship(_sombra.RelationshipBase, _Properties):
    """A relationship as it was when it was read. Equal to another of the same id."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Relationship) and self.id == other.id

    def __hash__(self) -> int:
        return hash((Relationship, self.id))

    def __repr__(self) -> str:
        return (
            f"Relationship({self.id}, {self.type!r}, {self.source} -> {self.target}, {self.properties!r})"
        )

    def __reduce__(self) -> Tuple[Any, ...]:
        return (Relationship, (self.id, self.type, self.source, self.target, self.properties))

    def _repr_html_(self) -> str:
        from .display import entity_html

        return entity_html(self)


class Path(_sombra.PathBase):
    """A path: its nodes and the relationships between them. Its length is the number of relationships."""

    __slots__ = ()

    @property
    def start(self) -> Node:
        """The first node."""
        return self.nodes[0]

    @property
    def end(self) -> Node:
        """The last node."""
        return self.nodes[-1]

    def __len__(self) -> int:
        return len(self.relationships)

    def __bool__(self) -> bool:
        return True  # of length 0, too

    def __iter__(self) -> Iterator[Relationship]:
        return iter(self.relationships)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Path)
            and self.nodes == other.nodes
            and self.relationships == other.relationships
        )

    def __hash__(self) -> int:
        return hash((self.nodes, self.relationships))

    def __repr__(self) -> str:
        return f"Path({self.nodes!r}, {self.relationships!r})"

    def __reduce__(self) -> Tuple[Any, ...]:
        return (Path, (self.nodes, self.relationships))


class Neighbor(NamedTuple):
    """A neighbor, and the relationship that leads to it."""

    node: int
    relationship: int
    type: str
    #: Does the relationship go out from the node that was asked about?
    outgoing: bool


# ---- Durations and points -------------------------------------------------------------------------------------------------


class Duration(NamedTuple):
    """A duration: months, days, seconds with nanoseconds, each with its own sign, since none is a fixed number of another."""

    months: int = 0
    days: int = 0
    seconds: int = 0
    #: 0 … 999,999,999, added to the seconds.
    nanoseconds: int = 0

    @classmethod
    def from_timedelta(cls, delta: _datetime.timedelta) -> "Duration":
        """The duration of so many days and seconds."""
        days, seconds, micros = delta.days, delta.seconds, delta.microseconds
        if days < 0 and (seconds or micros):  # days and seconds of one sign: -1 h is not a day less 23 h
            days, seconds = days + 1, seconds - _DAY
        return cls(0, days, seconds, micros * 1000)

    def to_timedelta(self) -> _datetime.timedelta:
        """As a timedelta, to the microsecond. ValueError: it has months, whose length is not known."""
        if self.months:
            raise ValueError("a duration with months has no fixed length")
        return _datetime.timedelta(self.days, self.seconds, self.nanoseconds // 1000)

    def __add__(self, other: object) -> "Duration":
        """Part by part, as in Cypher: of a tuple it would be what is behind it."""
        if isinstance(other, _datetime.timedelta):
            other = Duration.from_timedelta(other)
        return self._of([a + b for a, b in zip(self, other)]) if isinstance(other, Duration) else NotImplemented

    def __radd__(self, other: object) -> "Duration":
        return self + other

    def __neg__(self) -> "Duration":
        return self * -1

    def __sub__(self, other: object) -> "Duration":
        return self + -other if isinstance(other, (Duration, _datetime.timedelta)) else NotImplemented

    def __mul__(self, factor: object) -> "Duration":
        return self._of([each * factor for each in self]) if isinstance(factor, int) else NotImplemented

    def __rmul__(self, factor: object) -> "Duration":
        return self * factor

    @classmethod
    def _of(cls, parts: "list[int]") -> "Duration":
        months, days, seconds, nanoseconds = parts
        return cls(months, days, seconds + nanoseconds // 1_000_000_000, nanoseconds % 1_000_000_000)

    def __str__(self) -> str:
        return _sombra.value_text(self)


class Point(NamedTuple):
    """A point on the Earth (srid 4326, 4979) or in a plane or space (7203, 9157)."""

    x: float
    y: float
    z: Optional[float] = None
    srid: int = 0

    def _key(self) -> Tuple[Any, ...]:
        return (self.x, self.y, self.z, _srid_of(self))

    def __eq__(self, other: object) -> bool:
        """Without an srid it is what the graph makes of it."""
        return self._key() == (other._key() if isinstance(other, Point) else other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self._key())

    @property
    def longitude(self) -> float:
        """Degrees east; the same as x."""
        return self.x

    @property
    def latitude(self) -> float:
        """Degrees north; the same as y."""
        return self.y

    def __str__(self) -> str:
        return _sombra.value_text(self)


# ---- Times that datetime has no room for -------------------------------------------------------------------------------------


class Zone(_datetime.tzinfo):
    """A named time zone with the offset that it had then: where this machine does not know the zone, or knows another offset."""

    def __init__(self, offset: int, key: str) -> None:
        self.offset = offset
        self.key = key

    def utcoffset(self, when: Optional[_datetime.datetime]) -> _datetime.timedelta:
        return _datetime.timedelta(seconds=self.offset)

    def dst(self, when: Optional[_datetime.datetime]) -> Optional[_datetime.timedelta]:
        return None

    def tzname(self, when: Optional[_datetime.datetime]) -> str:
        return self.key

    def fromutc(self, when: _datetime.datetime) -> _datetime.datetime:
        return when + _datetime.timedelta(seconds=self.offset)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Zone) and (self.offset, self.key) == (other.offset, other.key)

    def __hash__(self) -> int:
        return hash((self.offset, self.key))

    def __repr__(self) -> str:
        return f"sombra.Zone({self.offset}, {self.key!r})"

    def __reduce__(self) -> Tuple[Any, ...]:
        return (Zone, (self.offset, self.key))


def _fraction(text: str, nanosecond: int) -> str:
    """ISO text with nine digits instead of its six."""
    head, _, tail = text.partition(".")
    return f"{head}.{nanosecond:09}{tail[6:]}"


class _Finer:
    """What Time and DateTime share: they compare and hash by what a microsecond cuts off, too."""

    __slots__ = ()

    if TYPE_CHECKING:
        nanosecond: int

    def _key(self) -> int:
        return self.nanosecond % 1000

    def __eq__(self, other: object) -> Any:
        base = super().__eq__(other)
        return base if base is NotImplemented else bool(base) and self._key() == _finer(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __lt__(self, other: Any) -> Any:
        return self._order(other, operator.lt)

    def __le__(self, other: Any) -> Any:
        return self._order(other, operator.le)

    def __gt__(self, other: Any) -> Any:
        return self._order(other, operator.gt)

    def __ge__(self, other: Any) -> Any:
        return self._order(other, operator.ge)

    def _order(self, other: Any, op: Any) -> Any:
        """The base class's order, and where its values are equal that of what they cut off."""
        clock = isinstance(self, Time)
        plain: Any = _plain_time if clock else _plain_datetime
        if not isinstance(other, _datetime.time if clock else _datetime.datetime):
            return NotImplemented
        return op((plain(self), self._key()), (plain(other), _finer(other)))

    def __hash__(self) -> int:
        return hash((super().__hash__(), self._key())) if self._key() else super().__hash__()


class Time(_Finer, _datetime.time):
    """A time of day with nanoseconds: a `datetime.time` whose `nanosecond` (0 … 999,999,999) has what `microsecond` cuts off."""

    __slots__ = ("nanosecond",)
    nanosecond: int

    def __new__(
        cls,
        hour: int = 0,
        minute: int = 0,
        second: int = 0,
        microsecond: int = 0,
        tzinfo: Optional[_datetime.tzinfo] = None,
        *,
        fold: int = 0,
        nanosecond: Optional[int] = None,
    ) -> "Time":
        if nanosecond is None:
            nanosecond = microsecond * 1000
        if not 0 <= nanosecond < 1_000_000_000:
            raise ValueError("nanosecond must be in 0..999999999")
        self = super().__new__(cls, hour, minute, second, nanosecond // 1000, tzinfo, fold=fold)
        self.nanosecond = nanosecond
        return self

    def isoformat(self, timespec: str = "auto") -> str:
        if timespec != "auto":
            return super().isoformat(timespec)
        return _fraction(super().isoformat("microseconds"), self.nanosecond)

    __str__ = isoformat

    def __repr__(self) -> str:
        return _repr(self, self.hour, self.minute, self.second, 0)

    @classmethod
    def fromisoformat(cls, text: str) -> "Time":
        """Read what isoformat wrote."""
        short, nanosecond = _cut_fraction(text)
        base = _datetime.time.fromisoformat(short)
        return cls(base.hour, base.minute, base.second, 0, base.tzinfo, fold=base.fold, nanosecond=nanosecond)

    def replace(self, *args: Any, **named: Any) -> "Time":
        nanosecond = named.pop("nanosecond", None)
        base = _plain_time(self).replace(*args, **named)
        if nanosecond is None:
            nanosecond = base.microsecond * 1000 + (self._key() if base.microsecond == self.microsecond else 0)
        return Time(base.hour, base.minute, base.second, 0, base.tzinfo, fold=base.fold, nanosecond=nanosecond)

    def __reduce_ex__(self, protocol: Any) -> Tuple[Any, ...]:
        return (_restore_time, (_plain_time(self), self.nanosecond, self.fold))


class DateTime(_Finer, _datetime.datetime):
    """A point in time with nanoseconds: a `datetime.datetime` whose `nanosecond` (0 … 999,999,999) has what `microsecond` cuts off."""

    __slots__ = ("nanosecond",)
    nanosecond: int

    def __new__(
        cls,
        year: int,
        month: int,
        day: int,
        hour: int = 0,
        minute: int = 0,
        second: int = 0,
        microsecond: int = 0,
        tzinfo: Optional[_datetime.tzinfo] = None,
        *,
        fold: int = 0,
        nanosecond: Optional[int] = None,
    ) -> "DateTime":
        if nanosecond is None:
            nanosecond = microsecond * 1000
        if not 0 <= nanosecond < 1_000_000_000:
            raise ValueError("nanosecond must be in 0..999999999")
        self = super().__new__(
            cls, year, month, day, hour, minute, second, nanosecond // 1000, tzinfo, fold=fold
        )
        self.nanosecond = nanosecond
        return self

    def isoformat(self, sep: str = "T", timespec: str = "auto") -> str:
        if timespec != "auto":
            return super().isoformat(sep, timespec)
        date, _, clock = super().isoformat(sep, "microseconds").partition(sep)
        return date + sep + _fraction(clock, self.nanosecond)

    def __str__(self) -> str:
        return self.isoformat(" ")

    def __repr__(self) -> str:
        return _repr(self, self.year, self.month, self.day, self.hour, self.minute, self.second, 0)

    @classmethod
    def fromisoformat(cls, text: str) -> "DateTime":
        """Read what isoformat wrote."""
        short, nanosecond = _cut_fraction(text)
        return _with_nanosecond(_datetime.datetime.fromisoformat(short), nanosecond)

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, _datetime.timedelta):
            return NotImplemented
        return self._again(_plain_datetime(self) + other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        if isinstance(other, _datetime.timedelta):
            return self._again(_plain_datetime(self) - other)
        if isinstance(other, _datetime.datetime):
            return _plain_datetime(self) - _plain_datetime(other)
        return NotImplemented

    def _again(self, base: _datetime.datetime) -> "DateTime":
        return _with_nanosecond(base, base.microsecond * 1000 + self._key())

    def astimezone(self, tz: Optional[_datetime.tzinfo] = None) -> "DateTime":
        return self._again(_plain_datetime(self).astimezone(tz))

    def replace(self, *args: Any, **named: Any) -> "DateTime":
        nanosecond = named.pop("nanosecond", None)
        base = _plain_datetime(self).replace(*args, **named)
        if nanosecond is None:
            nanosecond = base.microsecond * 1000 + (self._key() if base.microsecond == self.microsecond else 0)
        return _with_nanosecond(base, nanosecond)

    def time(self) -> _datetime.time:
        return Time(self.hour, self.minute, self.second, fold=self.fold, nanosecond=self.nanosecond)

    def timetz(self) -> _datetime.time:
        return Time(
            self.hour, self.minute, self.second, 0, self.tzinfo, fold=self.fold, nanosecond=self.nanosecond
        )

    def __reduce_ex__(self, protocol: Any) -> Tuple[Any, ...]:
        return (_with_nanosecond, (_plain_datetime(self), self.nanosecond, self.fold))


def _cut_fraction(text: str) -> Tuple[str, int]:
    """ISO text without its fraction of a second, and that in nanoseconds."""
    head, dot, tail = text.partition(".")
    if not dot:
        return text, 0
    digits = len(tail) - len(tail.lstrip("0123456789"))
    if digits > 9 or digits == 0:
        raise ValueError(f"a fraction has one to nine digits: {text!r}")
    return head + tail[digits:], int(tail[:digits].ljust(9, "0"))


def _repr(value: Union[Time, DateTime], *parts: int) -> str:
    """As ISO text, or where that leaves something out (a zone's name, which of two equal clock times it is), as a call."""
    name = f"sombra.{type(value).__name__}"
    if not value.fold and (value.tzinfo is None or isinstance(value.tzinfo, _datetime.timezone)):
        return f"{name}.fromisoformat({value.isoformat()!r})"
    zone = "" if value.tzinfo is None else f", tzinfo={value.tzinfo!r}"
    fold = ", fold=1" if value.fold else ""
    return f"{name}({', '.join(map(str, parts))}{zone}{fold}, nanosecond={value.nanosecond})"


def _plain_time(value: _datetime.time) -> _datetime.time:
    return _datetime.time(
        value.hour, value.minute, value.second, value.microsecond, value.tzinfo, fold=value.fold
    )


def _plain_datetime(value: _datetime.datetime) -> _datetime.datetime:
    return _datetime.datetime(
        value.year,
        value.month,
        value.day,
        value.hour,
        value.minute,
        value.second,
        value.microsecond,
        value.tzinfo,
        fold=value.fold,
    )


def _with_nanosecond(base: _datetime.datetime, nanosecond: int, fold: Optional[int] = None) -> DateTime:
    """fold: base's, unless given; before protocol 4 a datetime is pickled without it."""
    return DateTime(
        base.year,
        base.month,
        base.day,
        base.hour,
        base.minute,
        base.second,
        0,
        base.tzinfo,
        fold=base.fold if fold is None else fold,
        nanosecond=nanosecond,
    )


def _restore_time(base: _datetime.time, nanosecond: int, fold: int) -> Time:
    return Time(base.hour, base.minute, base.second, 0, base.tzinfo, fold=fold, nanosecond=nanosecond)


def _finer(value: object) -> int:
    return value._key() if isinstance(value, _Finer) else 0


class WideDate(NamedTuple):
    """A date of a year outside of 1 … 9999 (year 0 is 1 BC)."""

    days: int  #: since 1970-01-01

    @property
    def year(self) -> int:
        return _civil(self.days)[0]

    @property
    def month(self) -> int:
        return _civil(self.days)[1]

    @property
    def day(self) -> int:
        return _civil(self.days)[2]

    def isoformat(self) -> str:
        """As Cypher's toString() gives it."""
        return _sombra.value_text(self)

    def __str__(self) -> str:
        return self.isoformat()


class WideDateTime(NamedTuple):
    """A point in time of a year outside of 1 … 9999."""

    #: Since 1970-01-01T00:00: of UTC where there is an offset, else of local time.
    seconds: int
    nanosecond: int = 0
    #: Seconds east of UTC; None: local.
    offset: Optional[int] = None
    zone: Optional[str] = None

    @property
    def year(self) -> int:
        return _civil((self.seconds + (self.offset or 0)) // _DAY)[0]

    @property
    def month(self) -> int:
        return _civil((self.seconds + (self.offset or 0)) // _DAY)[1]

    @property
    def day(self) -> int:
        return _civil((self.seconds + (self.offset or 0)) // _DAY)[2]

    def isoformat(self) -> str:
        """As Cypher's toString() gives it."""
        return _sombra.value_text(self)

    def __str__(self) -> str:
        return self.isoformat()


def _civil(days: int) -> Tuple[int, int, int]:
    """Year, month, day: by moving the date a whole number of 400 years to where datetime knows it."""
    eras, rest = divmod(days + _EPOCH_ORDINAL - 1, 146_097)
    date = _datetime.date.fromordinal(rest + 1)
    return date.year + eras * 400, date.month, date.day


# ---- From the library ----------------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=256)
def _fixed_zone(offset: int) -> _datetime.timezone:
    return _datetime.timezone(_datetime.timedelta(seconds=offset)) if offset else _datetime.timezone.utc


@functools.lru_cache(maxsize=256)
def _named_zone(name: str) -> Optional[_datetime.tzinfo]:
    try:
        return _zoneinfo.ZoneInfo(name)
    except Exception:  # unknown here, or a name that is no file's: Zone keeps it
        return None


def make_date(days: int) -> WideDate:
    """Of a date that datetime.date can't be."""
    return WideDate(days)


def make_time(ns: int, offset: Optional[int]) -> _datetime.time:
    """Of nanoseconds since midnight."""
    seconds, nanosecond = divmod(ns, 1_000_000_000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    zone = None if offset is None else _fixed_zone(offset)
    if nanosecond % 1000 == 0:
        return _datetime.time(hour, minute, second, nanosecond // 1000, zone)
    return Time(hour, minute, second, 0, zone, nanosecond=nanosecond)


def make_datetime(
    seconds: int, nanosecond: int, offset: Optional[int], zone: Optional[str]
) -> Union[_datetime.datetime, WideDateTime]:
    """Of seconds since 1970: of UTC where there is an offset, else of local time."""
    try:
        base = _EPOCH + _datetime.timedelta(0, seconds + (offset or 0), nanosecond // 1000)
    except OverflowError:
        return WideDateTime(seconds, nanosecond, offset, zone)
    if offset is not None:
        known = _named_zone(zone) if zone else _fixed_zone(offset)
        if zone and known is not None:
            try:
                at = (_EPOCH_UTC + _datetime.timedelta(0, seconds, nanosecond // 1000)).astimezone(known)
            except OverflowError:  # within a day of where datetime ends
                at = base.replace(tzinfo=known)
            there = at.utcoffset()
            if there is None or there.total_seconds() != offset or at.replace(tzinfo=None) != base:
                at = base.replace(tzinfo=Zone(offset, zone))
            base = at
        else:
            base = base.replace(tzinfo=known or Zone(offset, cast(str, zone)))
    return base if nanosecond % 1000 == 0 else _with_nanosecond(base, nanosecond)


# ---- To the library -------------------------------------------------------------------------------------------------------------


def _offset_of(delta: _datetime.timedelta) -> int:
    if delta.microseconds:
        raise status_error("SOMBRA_INVALID", "an offset from UTC of a fraction of a second can't be stored")
    return delta.days * _DAY + delta.seconds


def _nanosecond_of(value: Any) -> int:
    if isinstance(value, (Time, DateTime)):
        return value.nanosecond
    # pandas' Timestamp has those behind the microsecond in `nanosecond`
    return int(value.microsecond) * 1000 + int(getattr(value, "nanosecond", 0))


def _pack_datetime(value: _datetime.datetime) -> Tuple[Any, ...]:
    delta = value.utcoffset()
    since = value.toordinal() - _EPOCH_ORDINAL
    seconds = since * _DAY + value.hour * 3600 + value.minute * 60 + value.second
    if delta is None:
        return (_LOCAL_DATETIME, _nanosecond_of(value), seconds, 0, None)
    offset = _offset_of(delta)
    zone = value.tzinfo
    key = getattr(zone, "key", None) or getattr(zone, "zone", None)  # zoneinfo and Zone; pytz
    return (
        _DATETIME,
        _nanosecond_of(value),
        seconds - offset,
        offset,
        key if isinstance(key, str) else None,
    )


def _pack_time(value: _datetime.time) -> Tuple[Any, ...]:
    ns = (value.hour * 3600 + value.minute * 60 + value.second) * 1_000_000_000 + _nanosecond_of(value)
    if value.tzinfo is None:
        return (_LOCAL_TIME, 0, ns)
    delta = value.utcoffset()
    if delta is None:
        raise status_error("SOMBRA_INVALID", "a time without a date has no offset in a named zone")
    return (_TIME, 0, ns, _offset_of(delta))


def _srid_of(value: Point) -> int:
    return value.srid or (9157 if value.z is not None else 7203)


def _pack_point(value: Point) -> Tuple[Any, ...]:
    srid = _srid_of(value)
    if (value.z is not None) != (srid in (4979, 9157)):
        raise status_error("SOMBRA_INVALID", f"a point of srid {srid} has {'three' if value.z is None else 'two'} coordinates")
    return (_POINT, srid, float(value.x), float(value.y), float(value.z or 0.0))


def _pack_numpy_time(value: Any, kind: str) -> Tuple[Any, ...]:
    """Seconds and what is left apart: as nanoseconds alone they would reach from 1678 to 2262, and numpy does not tell of more."""
    unit = value.dtype.str[4:-1].lstrip("0123456789")
    if kind == "m" and unit in ("Y", "M"):
        return (_DURATION, 0, int(value.astype("timedelta64[M]").astype("int64")), 0, 0, 0)
    whole = value.astype(f"{kind}8[s]")
    rest = value - whole
    if not unit or (whole + rest).astype(value.dtype) != value:
        raise status_error("SOMBRA_INVALID", f"{value!r} has no unit, or is more seconds than 64 bits hold")
    carry, nanosecond = divmod(int(rest.astype("m8[ns]").astype("int64")), 1_000_000_000)
    seconds = int(whole.astype("int64")) + carry
    if kind == "M":
        return (_LOCAL_DATETIME, nanosecond, seconds, 0, None)
    return (_DURATION, 0, 0, 0, seconds, nanosecond)


def _from_numpy(value: Any) -> Any:
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    if getattr(value, "ndim", 0) > 0:  # times and records are converted one by one
        return list(value) if kind in "mMV" else value.tolist()
    if type(value).__name__ == "MaskedConstant":
        return None
    if kind in "Mm" and kind:
        if value != value:  # NaT
            return None
        return (_pack_numpy_time(value, kind),)
    item = value.item()
    if isinstance(item, tuple):  # of a record
        return list(item)
    return float(item) if hasattr(item, "dtype") else item  # of a long double, item is one


def to_value(value: Any) -> Any:
    """What the C half knows for an object that it does not know; packed structs as a tuple of one tuple."""
    if isinstance(value, _datetime.datetime):
        if value != value:  # pandas' NaT
            return None
        return (_pack_datetime(value),)
    if isinstance(value, _datetime.date):
        return ((_DATE, 0, value.toordinal() - _EPOCH_ORDINAL),)
    if isinstance(value, _datetime.time):
        return (_pack_time(value),)
    if isinstance(value, _datetime.timedelta):
        if value != value:
            return None
        value = Duration.from_timedelta(value)._replace(
            nanoseconds=value.microseconds * 1000 + int(getattr(value, "nanoseconds", 0))
        )
    if isinstance(value, Duration):
        carry, nanoseconds = divmod(value.nanoseconds, 1_000_000_000)
        return ((_DURATION, 0, value.months, value.days, value.seconds + carry, nanoseconds),)
    if isinstance(value, Point):
        return (_pack_point(value),)
    if isinstance(value, WideDate):
        return ((_DATE, 0, value.days),)
    if isinstance(value, WideDateTime):
        kind = _LOCAL_DATETIME if value.offset is None else _DATETIME
        return ((kind, value.nanosecond, value.seconds, value.offset or 0, value.zone),)
    module = type(value).__module__.partition(".")[0]
    if module == "numpy":
        return _from_numpy(value)
    if module == "pandas" and type(value).__name__ in ("NAType", "NaTType"):
        return None
    if module == "pandas" and hasattr(value, "tolist"):  # a column, whose values keep their types so
        return value.tolist()
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (Sequence, Set)):
        return list(value)
    if hasattr(value, "__index__"):
        return operator.index(value)
    if hasattr(value, "__dlpack__") or hasattr(value, "__array__"):
        return _from_numpy(value.__array__())
    raise status_error(
        "SOMBRA_TYPE_MISMATCH", f"an object of type {type(value).__name__} has no counterpart in the graph"
    )


def restore_row(names: Tuple[str, ...], values: Tuple[Any, ...]) -> _sombra.Row:
    """Of pickle."""
    return _sombra.Row(names, values)
