"""Results as columns: Arrow, pandas, Polars."""

import datetime
import gc
import os
import signal
import threading

import pytest

import sombra

pa = pytest.importorskip("pyarrow")


def test_types(db):
    table = db.execute(
        "UNWIND [1, 2] AS x RETURN x AS i, x / 2.0 AS f, 'a' + x AS s, x = 1 AS b, [x] AS l, date('2024-01-01') AS d, "
        "localdatetime('2024-01-01T00:00:00.000000001') AS t, datetime('2024-01-01T12:00+02:00') AS z, null AS n"
    ).to_arrow()
    types = {field.name: field.type for field in table.schema}
    assert types == {
        "i": pa.int64(),
        "f": pa.float64(),
        "s": pa.string(),
        "b": pa.bool_(),
        "l": pa.list_(pa.int64()),
        "d": pa.date32(),
        "t": pa.timestamp("ns"),
        "z": pa.timestamp("ns", "UTC"),
        "n": pa.null(),
    }
    assert table["s"].to_pylist() == ["a1", "a2"] and table["z"][0].as_py() == datetime.datetime(
        2024, 1, 1, 10, tzinfo=datetime.timezone.utc
    )
    table.validate(full=True)


def test_nasty_texts(db):
    texts = ["", "it's \"q\"\n", "👍", "שלום", "nul \0", "x" * (1 << 20), None]
    table = db.execute("UNWIND $t AS t RETURN t", t=texts).to_arrow()
    assert table["t"].to_pylist() == texts


def test_entities(people):
    table = people.execute("MATCH p = (a {name: 'Ada'})-[k:KNOWS]->(b) RETURN a, k, p").to_arrow()
    row = table.to_pylist()[0]
    assert row["a"]["labels"] == ["Person"] and '"Ada"' in row["a"]["properties"]
    assert row["k"]["type"] == "KNOWS" and len(row["p"]["nodes"]) == 2


def test_many_rows(db):
    table = db.execute("UNWIND range(1, 300000) AS x RETURN x, 's' + x AS s").to_arrow()
    assert table.num_rows == 300_000 and table["x"][-1].as_py() == 300_000
    batches = list(pa.RecordBatchReader.from_stream(db.execute("UNWIND range(1, 300000) AS x RETURN x")))
    assert sum(batch.num_rows for batch in batches) == 300_000 and len(batches) > 1


def test_types_are_decided_by_all_rows(db):
    """A property that is absent, or an integer, in the first 100,000 rows, and another thing behind them."""
    db.execute("UNWIND range(1, 100000) AS x CREATE (:N {x: x, i: 1})")
    db.execute("CREATE (:N {x: 100001, i: 1.5, late: 'yes'})")
    table = db.execute("MATCH (n:N) WITH n ORDER BY n.x RETURN n.i AS i, n.late AS late").to_arrow()
    assert table.schema.field("i").type == pa.float64() and table["late"][100_000].as_py() == "yes"
    with pytest.raises(pa.ArrowException, match="late"):
        pa.table(db.execute("MATCH (n:N) WITH n ORDER BY n.x RETURN n.late AS late"))


def test_mixed_types_under_one_key(db):
    db.execute("UNWIND [1, 'a', true] AS v CREATE (:N {v: v})")
    assert db.execute("MATCH (n:N) RETURN n.v AS v").to_arrow().schema.field("v").type == pa.string()


def test_other_consumers(db):
    result = db.execute("RETURN 1 AS a, 'x' AS b")
    assert pa.table(result).to_pydict() == {"a": [1], "b": ["x"]}
    polars = pytest.importorskip("polars")
    assert polars.DataFrame(db.execute("RETURN 1 AS a")).to_dict(as_series=False) == {"a": [1]}
    assert db.execute("UNWIND [1, 2] AS a RETURN a").to_polars()["a"].to_list() == [1, 2]


def test_data_frames(db):
    pytest.importorskip("pandas")
    frame = db.execute("UNWIND [1, null] AS x RETURN x, 'a' AS s").to_df()
    assert list(frame.columns) == ["x", "s"] and frame["x"][0] == 1 and frame["x"].isna()[1]


def test_integers_among_nulls_of_data_frames(db):
    pandas = pytest.importorskip("pandas")
    query = "UNWIND [9007199254740993, null] AS x RETURN x, x / 2.0 AS f, x > 1 AS b, toString(x) AS s, [x] AS l"
    assert db.execute(query).to_df()["x"][0] == 9007199254740992.0
    for backend, integer in (("numpy_nullable", pandas.Int64Dtype()), ("pyarrow", "int64[pyarrow]")):
        frame = db.execute(query).to_df(dtype_backend=backend)
        assert frame["x"].dtype == integer and frame["x"][0] == 9007199254740993 and frame["x"].isna()[1]
        assert frame["b"][0] and frame["s"][0] == "9007199254740993" and frame["f"].isna()[1]
    with pytest.raises(ValueError, match="numpy_nullable"):
        db.execute(query).to_df(dtype_backend="numpy")


DURATIONS = "UNWIND [duration('P1Y2M3DT4.5S'), null, duration('PT-1S')] AS d RETURN d, [d] AS l, 1 AS x"
PARTS = [{"months": 14, "days": 3, "nanoseconds": 4_500_000_000}, None, {"months": 0, "days": 0, "nanoseconds": -1_000_000_000}]


def test_durations_of_polars(db):
    pytest.importorskip("polars")
    frame = db.execute(DURATIONS).to_polars()
    assert frame["d"].to_list() == PARTS and frame["x"].to_list() == [1, 1, 1]
    assert [each.to_list() if hasattr(each, "to_list") else each for each in frame["l"].to_list()] == [[part] for part in PARTS]
    assert db.execute("MATCH (n:None) RETURN duration.between(n.a, n.b) AS d").to_polars().height == 0


def test_nanoseconds_of_pandas(db):
    pytest.importorskip("pandas")
    query = "UNWIND [localtime('12:00:00.123456789'), null] AS t RETURN 1 AS x, t, [t] AS l, time('01:00:00.000000001+01:00') AS z, localtime('10:00') AS c"
    for options in ({}, {"dtype_backend": "numpy_nullable"}):
        frame = db.execute(query).to_df(**options)
        fine = sombra.Time(12, nanosecond=123456789)
        assert list(frame.columns) == ["x", "t", "l", "z", "c"]
        assert frame["t"][0] == fine and frame["t"][0].nanosecond == 123456789 and frame["t"][1] is None
        assert list(frame["l"][0]) == [fine] and frame["z"][0] == {"time": sombra.Time(1, nanosecond=1), "offset": 3600}
        assert frame["c"][0] == datetime.time(10)
    assert str(db.execute(query).to_df(dtype_backend="pyarrow")["t"].dtype) == "time64[ns][pyarrow]"


def test_far_dates_of_pandas(db):
    pytest.importorskip("pandas")
    frame = db.execute("UNWIND [date('-0001-01-01'), null, date('2024-01-01'), date('+10000-01-01')] AS d RETURN d, 1 AS x, date('9999-12-31') AS last").to_df()
    assert [str(each) for each in frame["d"]] == ["-0001-01-01", "None", "2024-01-01", "+10000-01-01"]
    assert isinstance(frame["d"][0], sombra.WideDate) and frame["d"][2] == datetime.date(2024, 1, 1)
    assert list(frame.columns) == ["d", "x", "last"] and frame["last"][0] == datetime.date.max


def test_zones_of_data_frames(db):
    """A column whose date-times are all in one zone keeps it, both ways; others come as instants in UTC."""
    pandas = pytest.importorskip("pandas")
    times = pandas.date_range("2024-03-30", periods=48, freq="h", tz="Europe/Berlin")
    frame = pandas.DataFrame({"i": range(48), "t": times, "none": times.where(times.hour > 20), "utc": times.tz_convert("UTC"), "local": times.tz_localize(None)})
    db.create_nodes(frame, "N")
    query = "MATCH (n:N) WITH n ORDER BY n.i RETURN n.i AS i, n.t AS t, n.none AS none, n.utc AS utc, n.local AS local"
    back = db.execute(query).to_df()
    for name in frame.columns:
        assert (back[name].dropna() == frame[name].dropna()).all() and len(back[name].dropna()) == len(frame[name].dropna())
    assert [str(back[name].dt.tz) for name in ("t", "none", "utc", "local")] == ["Europe/Berlin", "Europe/Berlin", "UTC", "None"]
    row = db.execute("MATCH (n:N {i: 30}) RETURN n.t AS t, n.t.timezone AS zone").single()
    assert (row.zone, row.t.utcoffset()) == ("Europe/Berlin", datetime.timedelta(hours=2))
    assert str(row.t.tzinfo) == "Europe/Berlin"
    mixed = db.execute("UNWIND ['Europe/Berlin', 'Asia/Tokyo'] AS z RETURN datetime({epochSeconds: 0, timezone: z}) AS t").to_df()
    assert list(mixed["t"]) == [pandas.Timestamp(0, tz="UTC")] * 2 and str(mixed["t"].dt.tz) == "UTC"
    polars = pytest.importorskip("polars")
    assert db.execute(query).to_polars()["t"].dtype == polars.Datetime("ns", "Europe/Berlin")
    with pytest.raises(sombra.InvalidError, match="column 't': the system has no time zone 'Mars/Phobos'"):
        db.create_nodes(pa.table({"t": pa.array([0], pa.timestamp("s", "Mars/Phobos"))}), "M")


def test_stored_types_with_absent_values(db):
    """Columns of stored properties, which come leaf by leaf, are what the rows have."""
    values = "i: x, f: x / 4.0, s: 's' + x, b: x % 3 = 0, d: date('2000-01-01') + duration({days: x}), t: localtime({hour: 0, minute: 0, second: x % 60}), " \
        "l: localdatetime('1970-01-01') + duration({seconds: x}), z: datetime({epochSeconds: x, timezone: '+01:00'}), v: duration({days: x}), long: CASE x % 1000 WHEN 7 THEN $long END"
    names = ["i", "f", "s", "b", "d", "t", "l", "z", "v", "long"]
    for label, condition in (("All", "true"), ("Most", "x % 10 <> 0"), ("Few", "x % 50 = 0")):
        db.execute(f"UNWIND range(1, 5000) AS x CREATE (n:{label}) WITH n, x WHERE {condition} SET n = {{{values}}}", long="x" * 5000)
        query = f"MATCH (n:{label}) WITH n ORDER BY id(n) RETURN {', '.join(f'n.{name} AS {name}' for name in names)}"
        rows = db.execute(query).fetchall()
        table = db.execute(query.replace("WITH n ORDER BY id(n) ", "")).to_arrow()
        table.validate(full=True)
        for name in ("i", "f", "s", "b", "d", "long"):
            assert table[name].to_pylist() == [row[name] for row in rows], (label, name)
        assert table.num_rows == 5000
        nulls = [sum(row[name] is None for row in rows) for name in names]
        assert [table[name].null_count for name in names] == nulls and len(set(nulls[:9])) == 1


def test_rest_of_a_result(people):
    """Rows that Python has seen before, or that a statement wrote, become columns, too."""
    result = people.execute("MATCH (p:Person) RETURN p.name AS name, p ORDER BY name")
    next(result)
    assert result.to_arrow()["name"].to_pylist() == ["Charles", "Grace"]
    written = people.execute("UNWIND [1, 2] AS x CREATE (n:N {x: x}) RETURN x AS `a ``b`, n")
    assert written.to_arrow()["a `b"].to_pylist() == [1, 2]
    assert written.to_arrow().num_rows == 0
    empty = people.execute("MATCH (n:Nobody) RETURN n.x AS x").to_arrow()
    assert empty.num_rows == 0 and empty.column_names == ["x"]
    assert people.execute("CREATE (:N)").to_arrow().num_columns == 0


def test_failures_are_sombras(db):
    with pytest.raises(sombra.InvalidError, match="zero"):
        db.execute("UNWIND range(1, 200000) AS x RETURN 1 / (150000 - x) AS y").to_arrow()
    with pytest.raises(pa.ArrowException, match="zero"):
        pa.table(db.execute("UNWIND range(1, 200000) AS x RETURN 1 / (150000 - x) AS y"))
    db.time_limit = 0.1
    with pytest.raises(sombra.TimeLimitError):
        db.execute("UNWIND range(1, 100000000) AS x UNWIND range(1, 1000) AS y RETURN x + y").to_arrow()
    db.time_limit = None
    assert db.execute("RETURN 1 AS a").to_arrow().num_rows == 1


def test_keyboard_interrupt(db):
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        db.execute("UNWIND range(1, 100000000) AS x UNWIND range(1, 1000) AS y RETURN x + y").to_arrow()
    timer.join()
    assert db.execute("RETURN 1 AS a").to_arrow().num_rows == 1


def test_a_stream_that_is_not_read(db):
    stream = db.execute("UNWIND range(1, 500000) AS x RETURN x").__arrow_c_stream__()
    with pytest.raises(sombra.MisuseError, match="stream"):
        db.execute("CREATE (:N)")
    assert db.execute("RETURN 1 AS a").single().a == 1
    del stream
    db.execute("CREATE (:N)")


def test_a_stream_at_its_end_holds_nothing(db):
    result = db.execute("UNWIND range(1, 100000) AS x RETURN x")
    reader = pa.RecordBatchReader.from_stream(result)
    assert sum(batch.num_rows for batch in reader) == 100_000
    assert result.ended
    db.execute("CREATE (:N)")


def test_a_result_that_streams_has_no_rows(db):
    result = db.execute("UNWIND range(1, 500000) AS x RETURN x")
    stream = result.__arrow_c_stream__()
    assert result.fetchone() is None
    with pytest.raises(sombra.MisuseError):
        result.fetchall()
    del stream
    assert result.ended


def test_a_stream_outlives_its_database():
    database = sombra.open(":memory:")
    reader = pa.RecordBatchReader.from_stream(database.execute("UNWIND range(1, 500000) AS x RETURN x"))
    reader.read_next_batch()
    database.close()
    with pytest.raises(pa.ArrowException):
        reader.read_all()
    database = sombra.open(":memory:")
    reader = pa.RecordBatchReader.from_stream(database.execute("UNWIND range(1, 500000) AS x RETURN x"))
    del database
    assert reader.read_all().num_rows == 500_000


def test_functions_within_a_stream(db):
    """Python is called back from a consumer that does not hold the GIL."""
    db.register_function("my.twice", lambda x: 2 * x)
    assert db.execute("UNWIND range(1, 70000) AS x RETURN my.twice(x) AS y").to_arrow()["y"][-1].as_py() == 140_000
    db.register_function("my.bad", lambda x: 1 // (60000 - x))
    with pytest.raises(sombra.InvalidError) as caught:
        db.execute("UNWIND range(1, 70000) AS x RETURN my.bad(x) AS y").to_arrow()
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_stream_that_the_collector_finds(db):
    """In the midst of a call on its own connection: the call does not wait for itself, and the run ends behind it."""

    class Cycle:
        pass

    def leave():
        cycle = Cycle()
        cycle.itself, cycle.stream = cycle, db.execute("UNWIND range(1, 10) AS x RETURN x").__arrow_c_stream__()

    db.register_function("my.collect", gc.collect)
    gc.disable()
    try:
        leave()
        assert db.execute("RETURN my.collect() AS found").single().found > 0
        leave()
        rows = db.execute("UNWIND range(1, 3) AS x RETURN my.collect() AS found")
        db.execute("CREATE (:After)")  # no run is left that would hold a transaction
        assert [row.found > 0 for row in rows] == [True, False, False]
    finally:
        gc.enable()


def test_zoned_date_times_of_many_rows(db):
    """They are kept until the type is known: nulls, offsets, far years and zones are what they were."""
    moments = "UNWIND range(0, 2999) AS x WITH x, CASE x % 7 WHEN 0 THEN null ELSE datetime({epochSeconds: x * 7919, nanosecond: x * 1000, timezone: '+02:00'}) END AS t"
    expected = [None if row.t is None else round(row.t.timestamp() * 1e6) * 1000 for row in db.execute(f"{moments} RETURN t").fetchall()]
    column = db.execute(f"{moments} RETURN t").to_arrow()["t"]
    assert column.type == pa.timestamp("ns", "UTC") and column.null_count == 429
    assert column.cast(pa.int64()).to_pylist() == expected
    for last, kind in (("datetime('9999-12-31T23:59:59Z')", pa.timestamp("us", "UTC")), ("'text'", pa.string())):
        mixed = f"{moments} WITH CASE x WHEN 2999 THEN {last} ELSE t END AS t, toString(t) AS s RETURN t, s"
        table = db.execute(mixed).to_arrow()
        assert table["t"].type == kind
        if kind == pa.string():
            assert [None if each is None else f'"{each}"' for each in table["s"].to_pylist()][:-1] == table["t"].to_pylist()[:-1]
        else:
            micros = table["t"].cast(pa.int64()).to_pylist()
            assert micros[:-1] == [None if each is None else each // 1000 for each in expected][:-1]
    named = f"{moments} RETURN CASE x WHEN 2999 THEN datetime('2024-01-01T00:00[Europe/Berlin]') ELSE t END AS t"
    assert db.execute(named).to_arrow()["t"].type == pa.timestamp("ns", "UTC")
