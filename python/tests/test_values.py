"""Values: each kind there and back, as a parameter and as a property, nasty ones above all."""

import copy
import datetime
import enum
import math
import pickle
import uuid
import zoneinfo

import pytest

import sombra

UTC = datetime.timezone.utc
BERLIN, NEW_YORK = zoneinfo.ZoneInfo("Europe/Berlin"), zoneinfo.ZoneInfo("America/New_York")
READS_REPR = {"sombra": sombra, "datetime": datetime, "zoneinfo": zoneinfo, "inf": math.inf, **vars(sombra)}

STORED = [
    True,
    False,
    0,
    -1,
    2**63 - 1,
    -(2**63),
    0.0,
    -0.0,
    1.5e300,
    5e-324,
    math.inf,
    -math.inf,
    "",
    "it's \"quoted\" `so` \\ and\nnew\r\nlines\ttabs",
    "👩‍👩‍👧‍👦 emoji, שלום and مرحبا",
    "nul \0 within",
    "e\u0301 is not \u00e9",
    "x" * (1 << 20),
    "ü" * (1 << 19),
    b"",
    b"\x00\xff'\"",
    [],
    [1, 2, 3],
    ["a", "", "👍"],
    [1.5, -0.0],
    [True, False],
    datetime.date(2024, 2, 29),
    datetime.date.min,
    datetime.date.max,
    datetime.time(0, 0),
    datetime.time(23, 59, 59, 999999),
    datetime.time(12, 31, tzinfo=datetime.timezone(datetime.timedelta(hours=-3, minutes=-30))),
    sombra.Time(12, 31, nanosecond=123456789),
    sombra.Time(12, 31, tzinfo=UTC, nanosecond=1),
    datetime.datetime(2024, 2, 29, 12, 31),
    datetime.datetime(1, 1, 1),
    datetime.datetime(9999, 12, 31, 23, 59, 59, 999999),
    datetime.datetime(1969, 12, 31, 23, 59, 59, 1),
    sombra.DateTime(2024, 2, 29, 12, 31, nanosecond=999999999),
    sombra.DateTime(1901, 2, 28, 12, 31, nanosecond=1),
    datetime.datetime(2024, 2, 29, 12, 31, tzinfo=UTC),
    datetime.datetime(2024, 7, 1, 12, 31, tzinfo=BERLIN),
    datetime.datetime(2024, 10, 27, 2, 30, tzinfo=BERLIN, fold=0),
    datetime.datetime(2024, 10, 27, 2, 30, tzinfo=BERLIN, fold=1),
    sombra.DateTime(2024, 7, 1, 12, 31, tzinfo=BERLIN, nanosecond=7),
    sombra.DateTime(2024, 10, 27, 2, 30, tzinfo=BERLIN, nanosecond=7),
    sombra.DateTime(2024, 10, 27, 2, 30, tzinfo=BERLIN, fold=1, nanosecond=7),
    sombra.DateTime(2024, 7, 1, 12, 31, tzinfo=sombra.Zone(3600, "Europe/Berlin"), nanosecond=7),
    datetime.datetime(1, 1, 1, tzinfo=BERLIN),
    sombra.DateTime(9999, 12, 31, 23, 59, 59, tzinfo=NEW_YORK, nanosecond=999999999),
    datetime.datetime(2024, 7, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=18))),
    sombra.Duration(14, 3, 14706, 700000000),
    sombra.Duration(-1, 5, -7, 1),
    sombra.Point(1.0, -2.5, None, 7203),
    sombra.Point(1, 2),
    sombra.Point(1.0, -2.5, 3.0, 9157),
    sombra.Point(13.4, 52.5, None, 4326),
    sombra.Point(13.4, 52.5, 100.0, 4979),
    sombra.WideDate(-1_000_000),
    sombra.WideDateTime(10**12, 123456789),
    sombra.WideDateTime(-(10**12), 0, 3600),
    sombra.WideDateTime(10**12, 1, 3600, "Europe/Berlin"),
    [datetime.date(2024, 1, 1), datetime.date(2025, 1, 1)],
]


def same(a, b):
    """Equal, and of the same type down to zeros' signs, offsets and names of zones."""
    if type(a) is not type(b) or a != b:
        return False
    if isinstance(a, float):
        return math.copysign(1, a) == math.copysign(1, b)
    if isinstance(a, datetime.datetime):
        return a.utcoffset() == b.utcoffset() and getattr(a.tzinfo, "key", None) == getattr(b.tzinfo, "key", None)
    if isinstance(a, list):
        return all(same(x, y) for x, y in zip(a, b))
    return True


@pytest.mark.parametrize("value", STORED, ids=lambda v: repr(v)[:40])
def test_there_and_back(db, value):
    assert same(db.execute("RETURN $v AS v", v=value).single().v, value)
    db.execute("CREATE (:V {v: $v})", v=value)
    row = db.execute("MATCH (n:V) RETURN n.v AS v, n").single()
    assert same(row.v, value)
    assert same(row.n["v"], value)
    assert same(pickle.loads(pickle.dumps(row.v)), value)
    again = [copy.copy(row.v), copy.deepcopy(row.v), eval(repr(row.v), READS_REPR)]
    if type(row.v).__module__.startswith("sombra"):  # before protocol 4 datetime itself loses which of two times it is
        again += [pickle.loads(pickle.dumps(row.v, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    for each in again:
        assert same(each, row.v) and repr(each) == repr(row.v)
        assert isinstance(value, list) or hash(each) == hash(row.v) == hash(value)


@pytest.mark.parametrize("value", [None, [1, None, "a", [2.5, [True]]], {"a": 1, "": [None, {"b": "ü"}], "`'\"\n": 2}, {}])
def test_of_queries_alone(db, value):
    assert db.execute("RETURN $v AS v", v=value).single().v == value


def test_nan(db):
    db.execute("CREATE (:V {v: $v})", v=math.nan)
    assert math.isnan(db.execute("MATCH (n:V) RETURN n.v AS v").single().v)


def test_mixed_types_under_one_key(db):
    values = [1, "1", 1.5, True, b"1", datetime.date(2024, 1, 1), [1], "", 2**63 - 1]
    for i, value in enumerate(values):
        db.execute("CREATE (:M {i: $i, v: $v})", i=i, v=value)
    assert [row.v for row in db.execute("MATCH (n:M) RETURN n.v AS v ORDER BY n.i")] == values


def test_nasty_names(db):
    db.execute("CREATE (:`a b\n'\"` {`k 'e\ny👍`: 1})-[:`T Y\"P`]->()")
    row = db.execute("MATCH (a)-[r]->() RETURN a, r").single()
    assert row.a.labels == ("a b\n'\"",)
    assert row.a["k 'e\ny👍"] == 1
    assert row.r.type == 'T Y"P'


def test_names_that_differ_in_the_middle(db):
    """Keys are found again by their bytes, not by their ends."""
    keys = [f"aaaaaaaa{i}bbbbbbbb" for i in range(10)]
    db.execute("CREATE (n:N) SET n = $p", p={key: i for i, key in enumerate(keys)})
    assert db.execute("MATCH (n:N) RETURN n").single().n.properties == {key: i for i, key in enumerate(keys)}
    assert db.execute("RETURN 1 AS aaaaaaaa1bbbbbbbb, 2 AS aaaaaaaa2bbbbbbbb").columns == tuple(keys[1:3])


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 10**100, [10**30], {"a": 2**64}])
def test_huge_integers_are_refused(db, value):
    with pytest.raises(sombra.InvalidError, match="64 bits"):
        db.execute("RETURN $v", v=value)


class Color(enum.Enum):
    RED = 1


@pytest.mark.parametrize("value", [object(), 1j, Color.RED, {1: 2}, {"a": {None: 1}}, [print]], ids=repr)
def test_what_has_no_counterpart(db, value):
    with pytest.raises(sombra.TypeMismatchError):
        db.execute("RETURN $v", v=value)


def test_depth(db):
    deep = []
    for _ in range(200):
        deep = [deep]
    with pytest.raises(sombra.LimitError):
        db.execute("RETURN $v", v=deep)
    circle = []
    circle.append(circle)
    with pytest.raises(sombra.LimitError):
        db.execute("RETURN $v", v=circle)


def test_lone_surrogates_are_refused(db):
    with pytest.raises(UnicodeEncodeError):
        db.execute("RETURN $v", v="\ud800")


def test_conversions(db):
    value = lambda v: db.execute("RETURN $v AS v", v=v).single().v  # noqa: E731
    assert value((1, 2)) == [1, 2]
    assert value(range(3)) == [0, 1, 2]
    assert sorted(value({1, 2})) == [1, 2]
    assert value(bytearray(b"a")) == value(memoryview(b"a")) == b"a"
    assert value(uuid.UUID(int=1)) == "00000000-0000-0000-0000-000000000001"
    assert value(datetime.timedelta(days=1, seconds=2, microseconds=3)) == sombra.Duration(0, 1, 2, 3000)
    assert value(datetime.timedelta(hours=-1)) == sombra.Duration(0, 0, -3600, 0)
    assert value(datetime.timedelta(hours=-1)).to_timedelta() == datetime.timedelta(hours=-1)
    assert value(sombra.Point(1, 2)).srid == 7203
    assert value(sombra.Point(1, 2, 3)).srid == 9157


def test_numpy_and_pandas(db):
    numpy = pytest.importorskip("numpy")
    pandas = pytest.importorskip("pandas")
    value = lambda v: db.execute("RETURN $v AS v", v=v).single().v  # noqa: E731
    for scalar, expected in [
        (numpy.int8(-3), -3),
        (numpy.uint64(7), 7),
        (numpy.float32(1.5), 1.5),
        (numpy.float64(1.5), 1.5),
        (numpy.bool_(True), True),
        (numpy.str_("a"), "a"),
        (numpy.datetime64("2024-02-29T12:31:00.000000001"), sombra.DateTime(2024, 2, 29, 12, 31, nanosecond=1)),
        (numpy.datetime64("NaT", "ns"), None),
        (numpy.timedelta64(1500, "ms"), sombra.Duration(0, 0, 1, 500000000)),
        (numpy.datetime64("3000-01-01"), datetime.datetime(3000, 1, 1)),
        (numpy.datetime64("0999-12-31T23:59:59.999999"), datetime.datetime(999, 12, 31, 23, 59, 59, 999999)),
        (numpy.datetime64("1969-12-31T23:59:59.123456789123"), sombra.DateTime(1969, 12, 31, 23, 59, 59, nanosecond=123456789)),
        (numpy.timedelta64(300, "W"), sombra.Duration(0, 0, 300 * 7 * 86400)),
        (numpy.timedelta64(-1, "ns"), sombra.Duration(0, 0, -1, 999999999)),
        (numpy.timedelta64(3, "Y"), sombra.Duration(36)),
        (numpy.zeros(1, dtype=[("a", "i4")])[0], [0]),
        (numpy.array([1, 2]), [1, 2]),
        (numpy.array([[1.5], [2.5]]), [[1.5], [2.5]]),
        (pandas.Timestamp("2024-02-29T12:31:00.000000001"), sombra.DateTime(2024, 2, 29, 12, 31, nanosecond=1)),
        (pandas.Timestamp("2024-07-01T12:31", tz="Europe/Berlin"), datetime.datetime(2024, 7, 1, 12, 31, tzinfo=BERLIN)),
        (pandas.NaT, None),
        (pandas.NA, None),
        (pandas.Timedelta(1, "ns"), sombra.Duration(0, 0, 0, 1)),
    ]:
        assert same(value(scalar), expected), scalar


def test_arithmetic_of_durations(db):
    one, other = sombra.Duration(1, 2, 3, 600_000_000), sombra.Duration(0, -5, 0, 500_000_000)
    for text, value in [
        ("$a + $b", one + other),
        ("$a - $b", one - other),
        ("$a * 3", one * 3),
        ("$b * -1", -other),
        ("$a + duration('PT1H')", one + datetime.timedelta(hours=1)),
        ("duration('PT1H') + $a", datetime.timedelta(hours=1) + one),
        ("$a - duration('PT1H')", one - datetime.timedelta(hours=1)),
    ]:
        assert isinstance(value, sombra.Duration)
        found = db.execute(f"WITH $a AS a, $b AS b RETURN {text} AS v", a=one, b=other).single().v
        assert found == value, text
    for wrong in (lambda: one + 1, lambda: one + (1, 2, 3, 4), lambda: one - 1, lambda: one * 1.5, lambda: 1 + one):
        with pytest.raises(TypeError):
            wrong()


def test_numpy_times_beyond_seconds(db):
    numpy = pytest.importorskip("numpy")
    for wrong in (numpy.datetime64(10**17, "Y"), numpy.timedelta64(10**18, "D"), numpy.timedelta64(3)):
        with pytest.raises(sombra.InvalidError):
            db.execute("RETURN $v AS v", v=wrong)


def test_zones_that_are_not_known_here(db):
    """The offset that a zone had when it was stored stays, and so does its name."""
    stored = datetime.datetime(2024, 7, 1, 12, tzinfo=sombra.Zone(7200, "Europe/Berlin"))
    back = db.execute("RETURN $v AS v", v=stored).single().v
    assert back == stored and back.tzinfo.key == "Europe/Berlin"
    other = datetime.datetime(2024, 7, 1, 12, tzinfo=sombra.Zone(3600, "Europe/Berlin"))
    try:
        back = db.execute("RETURN $v AS v", v=other).single().v
    except sombra.Error:
        pass  # a library that knows the zone may refuse it
    else:
        assert back.utcoffset() == datetime.timedelta(hours=1) and back.tzinfo.key == "Europe/Berlin"
    assert pickle.loads(pickle.dumps(other)) == other


def test_finer_times_compare(db):
    a, b = sombra.DateTime(2024, 1, 1, nanosecond=1), sombra.DateTime(2024, 1, 1, nanosecond=2)
    plain = datetime.datetime(2024, 1, 1)
    assert plain < a < b and a <= a and b > a > plain and a != b and a != plain and plain != a
    assert sombra.DateTime(2024, 1, 1) == plain and hash(sombra.DateTime(2024, 1, 1)) == hash(plain)
    assert len({a, b, plain, sombra.DateTime(2024, 1, 1, nanosecond=1)}) == 3
    assert (a + datetime.timedelta(1)).nanosecond == 1 and b - a == datetime.timedelta(0)
    assert a.replace(year=2025).nanosecond == 1 and a.replace(nanosecond=5).nanosecond == 5
    assert a.replace(tzinfo=UTC).astimezone(BERLIN).nanosecond == 1
    assert a.isoformat() == "2024-01-01T00:00:00.000000001" and str(a) == "2024-01-01 00:00:00.000000001"
    assert sombra.DateTime.fromisoformat(b.replace(tzinfo=UTC).isoformat()) == b.replace(tzinfo=UTC)
    s, t = sombra.Time(1, nanosecond=1), sombra.Time(1, nanosecond=2)
    assert datetime.time(1) < s < t and s != t and s.isoformat() == "01:00:00.000000001"
    assert sombra.Time.fromisoformat(t.isoformat()) == t and t.replace(hour=2).nanosecond == 2
    assert b.time() == sombra.Time(0, nanosecond=2)
    with pytest.raises(ValueError):
        sombra.Time(1, nanosecond=10**9)


def test_wide_dates(db):
    row = db.execute("RETURN date('-0044-03-15') AS d, localdatetime('+10000-01-02T03:04:05') AS t").single()
    assert (row.d.year, row.d.month, row.d.day, str(row.d)) == (-44, 3, 15, "-0044-03-15")
    assert (row.t.year, row.t.month, row.t.day) == (10000, 1, 2)
    assert "10000-01-02T03:04:05" in str(row.t)


def test_texts_of_values(db):
    assert str(sombra.Duration(14, 3, 14706, 700000000)) == "P1Y2M3DT4H5M6.7S"
    assert "7203" in str(sombra.Point(1.0, 2.0, None, 7203))
    with pytest.raises(ValueError):
        sombra.Duration(1).to_timedelta()
    with pytest.raises(sombra.InvalidError):
        db.execute("RETURN $p", p=sombra.Point(1, 2, 3, 4326))


def test_entities(people):
    row = people.execute("MATCH p = (a:Person {name: 'Ada'})-[k:KNOWS]->(c) RETURN p, a, k, c").single()
    assert row.a.labels == ("Person",) and row.a["name"] == "Ada" and "born" in row.a and len(row.a) == 2
    assert row.a.get("none") is None and sorted(row.a) == ["born", "name"] and dict(row.a.properties) == dict(row.a)
    assert (row.k.type, row.k.source, row.k.target, row.k["since"]) == ("KNOWS", row.a.id, row.c.id, 1833)
    assert row.p.start == row.a and row.p.end == row.c and len(row.p) == 1 and list(row.p) == [row.k]
    assert sorted(row.c.labels) == ["Engineer", "Person"]
    for value in (row.a, row.k, row.p, row):
        assert pickle.loads(pickle.dumps(value)) == value
        assert repr(value)
    assert len({row.a, row.c, row.a}) == 2 and row.a != row.c and row.a != row.k
    with pytest.raises(AttributeError):
        row.a.id = 5
    assert people.execute("MATCH (n) WHERE id(n) = id($n) RETURN n", n=row.a).single().n == row.a
    assert people.execute("MATCH ()-[r]->() WHERE id(r) = id($r) RETURN r", r=row.k).single().r == row.k
    with pytest.raises(sombra.TypeMismatchError):
        people.execute("RETURN $p", p=row.p)


def test_deleted_entities_have_their_id(people):
    row = people.execute("MATCH (a {name: 'Ada'}) DETACH DELETE a RETURN a").single()
    assert row.a.id > 0 and row.a.labels == () and row.a.properties == {}


def test_a_parameter_whose_dict_is_emptied_while_it_is_converted(db):
    class Emptying:
        def __index__(self):
            given.clear()
            return 1

    given = {"items": [Emptying()] + ["x" * 100] * 1000}
    assert db.execute("RETURN size($items) AS count", given).single().count == 1001
