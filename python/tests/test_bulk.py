"""Tables into the graph, and files of them."""

import datetime
import json
import math
import re
import uuid

import pytest

import sombra

pa = pytest.importorskip("pyarrow")
NASTY = ["", "it's \"q\"\n", "👍 שלום", "nul \0", "x" * (1 << 20), None]


def test_dict_of_columns(db):
    ids = db.create_nodes({"name": ["Ada", None], "born": [1815, 1906]}, label="Person")
    assert list(ids) == [row.id for row in db.execute("MATCH (p:Person) RETURN id(p) AS id ORDER BY id")]
    assert db.node(ids[0]).properties == {"name": "Ada", "born": 1815} and db.node(ids[1]).properties == {"born": 1906}
    made = db.create_edges({"source": [ids[0]], "target": [ids[1]], "since": [1900]}, type="KNOWS")
    edge = db.relationship(made[0])
    assert (edge.type, edge.source, edge.target, edge["since"]) == ("KNOWS", ids[0], ids[1], 1900)


def test_labels_and_columns(db):
    table = pa.table({"a": [1], "b": [2], "c": [3]})
    assert db.node(db.create_nodes(table, ["A", "B"], columns=["a", "c"])[0]).properties == {"a": 1, "c": 3}
    assert sorted(db.execute("MATCH (n) RETURN labels(n) AS l").single().l) == ["A", "B"]
    assert db.node(db.create_nodes(table)[0]).labels == ()
    ids = db.create_nodes(table, "A")
    edges = pa.table({"x": ids.tolist(), "y": ids.tolist(), "w": [1.5], "v": [1]})
    made = db.create_edges(edges, "T", source="x", target="y", columns=["w"])
    assert db.relationship(made[0]).properties == {"w": 1.5}


def test_kinds_of_tables(db):
    polars = pytest.importorskip("polars")
    pandas = pytest.importorskip("pandas")
    for table in (
        pa.table({"s": NASTY}),
        pa.record_batch({"s": NASTY}),
        polars.DataFrame({"s": NASTY}),
        pandas.DataFrame({"s": NASTY}),
        pandas.DataFrame({"s": NASTY}, index=[5, 6, 7, 8, 9, 10]),
        pa.table({"s": pa.array(NASTY).dictionary_encode()}),
    ):
        ids = db.create_nodes(table, "T")
        assert [db.node(id).get("s") for id in ids] == NASTY
    assert db.property_keys() == ["s"]


def test_types(db):
    when = datetime.datetime(2024, 2, 29, 12, 31)
    table = pa.table(
        {
            "i": pa.array([2**62], pa.int64()),
            "small": pa.array([-3], pa.int8()),
            "f": [math.inf],
            "b": [True],
            "bin": [b"\x00"],
            "d": [datetime.date(2024, 2, 29)],
            "t": [when],
            "z": pa.array([when], pa.timestamp("us", "UTC")),
            "l": [["a", "b"]],
            "n": pa.nulls(1),
        }
    )
    node = db.node(db.create_nodes(table, "T")[0])
    assert node.properties == {
        "i": 2**62,
        "small": -3,
        "f": math.inf,
        "b": True,
        "bin": b"\x00",
        "d": datetime.date(2024, 2, 29),
        "t": when,
        "z": when.replace(tzinfo=datetime.timezone.utc),
        "l": ["a", "b"],
    }


def test_missing_values_of_pandas(db):
    pandas = pytest.importorskip("pandas")
    ids = db.create_nodes(pandas.DataFrame({"f": [1.5, math.nan], "s": ["a", None]}), "T")
    assert [db.node(id).properties for id in ids] == [{"f": 1.5, "s": "a"}, {}]
    nan = db.create_nodes(pa.table({"f": [math.nan]}), "T")
    assert math.isnan(db.node(nan[0])["f"])


def test_columns_of_every_kind(db):
    """What pandas, Polars and Arrow write differently is one property."""
    pandas, numpy = pytest.importorskip("pandas"), pytest.importorskip("numpy")
    frame = pandas.DataFrame({
        "int": pandas.array([1, None, 3], "Int64"),
        "small": pandas.array([1, None, 3], "UInt8"),
        "float": pandas.array([0.5, None, 3], "Float64"),
        "half": numpy.array([0.5, 1, -2], "float16"),
        "bool": pandas.array([True, None, False], "boolean"),
        "string": pandas.array(["a", None, ""], "string"),
        "arrow": pandas.array([b"a", None, b""], pandas.ArrowDtype(pa.large_binary())),
        "category": pandas.Categorical(["b", None, "a"]),
        "ordered": pandas.Categorical([3, 1, 2], categories=[3, 2, 1], ordered=True),
        "second": numpy.array(["2024-01-01", "NaT", "1969-12-31T23:59:59"], "datetime64[s]"),
        "delta": numpy.array([1500, "NaT", -1], "timedelta64[ms]"),
    })
    expected = {
        "int": [1, None, 3],
        "small": [1, None, 3],
        "float": [0.5, None, 3.0],
        "half": [0.5, 1.0, -2.0],
        "bool": [True, None, False],
        "string": ["a", None, ""],
        "arrow": [b"a", None, b""],
        "category": ["b", None, "a"],
        "ordered": [3, 1, 2],
        "second": [datetime.datetime(2024, 1, 1), None, datetime.datetime(1969, 12, 31, 23, 59, 59)],
        "delta": [sombra.Duration(0, 0, 1, 500_000_000), None, sombra.Duration(0, 0, -1, 999_000_000)],
    }
    ids = db.create_nodes(frame, "P")
    assert {key: [db.node(id).get(key) for id in ids] for key in expected} == expected
    words = ["a", None, "longer than twelve bytes"]
    for column in (*(pa.array(words, kind) for kind in (pa.string(), pa.large_string(), pa.string_view())), pa.array(words, pa.large_string()).dictionary_encode()):
        ids = db.create_nodes(pa.table({"s": column, "l": pa.array([words[:1], None, []], pa.large_list(pa.string()))}), "S")
        assert [db.node(id).get("s") for id in ids] == words
        assert [db.node(id).get("l") for id in ids] == [["a"], None, []]
    for unit, nanoseconds in (("s", 0), ("ms", 5_000_000), ("us", 5_000), ("ns", 5)):
        count = {"s": 1, "ms": 1_005, "us": 1_000_005, "ns": 1_000_000_005}[unit]
        node = db.node(db.create_nodes(pa.table({"t": pa.array([count], pa.timestamp(unit)), "z": pa.array([-count], pa.timestamp(unit, "-02:00"))}), "U")[0])
        assert (node["t"].second, getattr(node["t"], "nanosecond", node["t"].microsecond * 1000)) == (1, nanoseconds)
        assert node["z"].utcoffset() == datetime.timedelta(hours=-2) and node["z"].timestamp() == pytest.approx(-count / {"s": 1, "ms": 1e3, "us": 1e6, "ns": 1e9}[unit])
    polars = pytest.importorskip("polars")
    other = polars.DataFrame({"c": ["x", None, "x"], "e": ["u", "v", "u"], "l": [[1], [], None]}, schema={"c": polars.Categorical, "e": polars.Enum(["u", "v"]), "l": polars.List(polars.Int16)})
    ids = db.create_nodes(other, "Q")
    assert [[db.node(id).get(key) for id in ids] for key in "cel"] == [["x", None, "x"], ["u", "v", "u"], [[1], [], None]]


def test_refused_values_are_named(db):
    """By column, row (from 0, over all batches), and value."""
    import decimal

    batches = [pa.record_batch({"u": pa.array([1, 2], pa.uint64())}), pa.record_batch({"u": pa.array([3, 2**63], pa.uint64())})]
    for data, error, text in (
        (pa.table({"d": [decimal.Decimal("1.5")]}), sombra.TypeMismatchError, "column 'd': properties can't have the Arrow type 'd:2,1', a decimal: make it double or text"),
        (pa.Table.from_batches(batches), sombra.InvalidError, "batch 2: column 'u', row 3: 9223372036854775808 is greater than 2^63 - 1"),
        (pa.table({"l": pa.array([[1], [2**63]], pa.list_(pa.uint64()))}), sombra.InvalidError, "column 'l', item 1: 9223372036854775808"),
        ({"a": [1, 2], "b": [1]}, sombra.InvalidError, "named b expected length 2"),
        ({"a": [1, "x"]}, sombra.InvalidError, "column 'a': Could not convert 'x'"),
        ({"a": "abc"}, sombra.TypeMismatchError, "column 'a': a str is no column"),
        ({1: [1]}, sombra.TypeMismatchError, "the name of a column is a str, not 1"),
    ):
        with pytest.raises(error, match=re.escape(text)):
            db.create_nodes(data, "T")
    with pytest.raises(sombra.NotFoundError, match="no column 'zz'"):
        db.create_nodes({"a": [1]}, "T", columns=["zz"])
    with pytest.raises(sombra.NotFoundError, match="no column 'ab'"):
        db.create_nodes({"a": [1], "b": [1]}, "T", columns="ab")
    with pytest.raises(sombra.NotFoundError, match="column 'target', row 1: no node has the id -7"):
        db.create_edges({"source": [1, 1], "target": [1, -7]}, "T")
    db.execute("CREATE CONSTRAINT FOR (p:Person) REQUIRE p.name IS UNIQUE")
    key = ("Person", "name")
    with pytest.raises(sombra.NotFoundError, match=f"column 'source', row 0: no node has the key {'é' * 30}…"):
        db.create_edges({"source": ["é" * 50], "target": ["b"]}, "T", source_key=key, target_key=key)
    pandas = pytest.importorskip("pandas")
    for frame, error, text in (
        (pandas.DataFrame({"mixed": [1, "x"]}), sombra.InvalidError, "'x'.*mixed"),
        (pandas.DataFrame({"p": pandas.period_range("2024", periods=2, freq="M")}), sombra.TypeMismatchError, "column 'p'.*period"),
        (pandas.DataFrame([[1, 2]], columns=["a", "a"]), sombra.InvalidError, "a"),
        (pandas.Series([1], name="x"), sombra.TypeMismatchError, "no table|record batches"),
    ):
        with pytest.raises(error, match=text):
            db.create_nodes(frame, "T")
    assert db.node_count() == 0


def test_ends_by_key(db):
    db.execute("CREATE CONSTRAINT FOR (p:Person) REQUIRE p.mail IS UNIQUE")
    db.create_nodes({"mail": ["a@x", "b@x"]}, "Person")
    by_mail = ("Person", "mail")
    made = db.create_edges({"source": ["a@x"], "target": ["b@x"]}, "KNOWS", source_key=by_mail, target_key=by_mail)
    assert len(db.create_edges({"source": ["a@x"], "target": ["b@x"]}, "LIKES", source_key=list(by_mail), target_key=by_mail)) == 1
    for wrong in ("Person", ("Person",), ("Person", 1), ["Person", "mail", "x"]):
        with pytest.raises(sombra.Error, match="a pair of a label and a property key, not"):
            db.create_edges({"source": ["a@x"], "target": ["b@x"]}, "T", source_key=wrong)
    assert len(made) == 1 and db.execute("MATCH ({mail: 'a@x'})-[:KNOWS]->(b) RETURN b.mail AS m").single().m == "b@x"
    with pytest.raises(sombra.NotFoundError):
        db.create_edges({"source": ["a@x"], "target": ["c@x"]}, "KNOWS", source_key=by_mail, target_key=by_mail)
    with pytest.raises(sombra.NotFoundError):
        db.create_edges({"source": ["a@x"], "target": ["b@x"]}, "K", source_key=("Person", "name"), target_key=by_mail)
    assert db.relationship_count() == 2


def test_all_or_none(db):
    ids = db.create_nodes({"x": [1]}, "T")
    with pytest.raises(sombra.NotFoundError, match="999"):
        db.create_edges({"source": [ids[0], ids[0]], "target": [ids[0], 999]}, "T")
    assert db.relationship_count() == 0
    db.execute("CREATE CONSTRAINT FOR (n:U) REQUIRE n.x IS UNIQUE")
    with pytest.raises(sombra.ConstraintError):
        db.create_nodes({"x": [1, 1]}, "U")
    assert db.node_count("U") == 0


def test_in_a_transaction(db):
    with pytest.raises(KeyError):
        with db.transaction() as tx:
            tx.create_nodes({"x": [1]}, "T")
            assert tx.node_count("T") == 1
            raise KeyError
    assert db.node_count("T") == 0


def test_from_a_result(db):
    db.execute("UNWIND range(1, 100) AS x CREATE (:N {x: x})")
    assert len(db.create_nodes(db.execute("MATCH (n:N) RETURN n.x AS y"), "M")) == 100
    assert db.execute("MATCH (m:M) RETURN sum(m.y) AS s").single().s == 5050


def test_what_is_no_table(db):
    for wrong in ([1, 2], 5, "a", None):
        with pytest.raises(sombra.TypeMismatchError):
            db.create_nodes(wrong, "T")
    with pytest.raises(sombra.NotFoundError, match="target"):
        db.create_edges({"source": [1]}, "T")
    with pytest.raises(sombra.TypeMismatchError):
        db.create_nodes(pa.table({"m": [{"a": 1}]}), "T")
    with pytest.raises(TypeError):
        db.create_nodes({"x": [1]}, [5])
    used = pa.table({"x": [1]}).to_reader()
    capsule = used.__arrow_c_stream__()
    connection = db._connection()
    assert len(connection.create_from_stream(capsule, ("T",), None)) == 8
    with pytest.raises(sombra.MisuseError):
        connection.create_from_stream(capsule, ("T",), None)
    with pytest.raises(ValueError):
        connection.create_from_stream(object(), ("T",), None)


def test_a_producer_that_fails(db):
    def batches():
        yield pa.record_batch({"x": [1]})
        raise RuntimeError("no more")

    reader = pa.RecordBatchReader.from_batches(pa.schema({"x": pa.int64()}), batches())
    with pytest.raises(sombra.Error, match="no more") as caught:
        db.create_nodes(reader, "T")
    assert db.node_count() == 0 and isinstance(caught.value.__cause__, RuntimeError)

    def interrupted():
        yield pa.record_batch({"x": [1]})
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        db.create_nodes(pa.RecordBatchReader.from_batches(pa.schema({"x": pa.int64()}), interrupted()), "T")
    assert db.node_count() == 0


@pytest.mark.parametrize("made", ["dict", "pandas", "numpy", "polars"])
def test_columns_of_objects(db, made):
    """What the package gives as a value goes back as it was: pyarrow would make lists of durations, and cut times short, and polars gives addresses."""
    numpy, pandas = pytest.importorskip("numpy"), pytest.importorskip("pandas")
    polars = pytest.importorskip("polars") if made == "polars" else None
    berlin, utc = sombra.Zone(7200, "Europe/Berlin"), datetime.timezone.utc
    hour = datetime.timezone(datetime.timedelta(hours=-5, minutes=-30))

    def back(values):
        with db.transaction() as tx:
            array = numpy.array([*values, None], dtype=object)[:-1]
            columns = {"dict": {"c": values}, "pandas": pandas.DataFrame({"x": 1, "c": pandas.Series(values, dtype=object)})}
            if polars is not None:
                column = polars.Series("c", values, dtype=polars.Object)
                columns["polars"] = polars.DataFrame([polars.Series("x", [1] * len(values)), column]) if len(values) > 1 else {"c": column}
            tx.create_nodes(columns.get(made, {"c": array}), "N")
            rows = [row.c for row in tx.execute("MATCH (n:N) RETURN n.c AS c ORDER BY id(n)").fetchall()]
            tx.rollback()
            return rows

    for values in [
        [sombra.Duration(1, -2, 3, 4), None, sombra.Duration(0, 0, -1, 5)],
        [sombra.Point(1.0, 2.0, None, 7203), None, sombra.Point(1.0, 2.0, 3.0, 4979)],
        [sombra.Time(1, nanosecond=1), datetime.time(2), None],
        [sombra.Time(1, nanosecond=1, tzinfo=utc), datetime.time(2, tzinfo=hour), None],
        [datetime.time(2, tzinfo=utc)],
        [sombra.DateTime(2024, 1, 1, nanosecond=1), None, datetime.datetime(1969, 1, 2)],
        [sombra.DateTime(2024, 7, 1, nanosecond=1, tzinfo=berlin)],
        [sombra.DateTime(2024, 7, 1, nanosecond=1, tzinfo=hour), datetime.datetime(2024, 1, 1, tzinfo=hour)],
        [sombra.DateTime(2024, 7, 1, nanosecond=1, tzinfo=hour), datetime.datetime(2024, 1, 1, tzinfo=utc)],
        [sombra.WideDate(10**9), datetime.date(2024, 1, 1), None],
        [sombra.WideDateTime(10**12), datetime.datetime(2024, 1, 1)],
        [sombra.WideDateTime(-(10**12), 1000, 3600), None],
    ]:
        found = back(values)
        assert [getattr(each, "seconds", each) for each in found] == [getattr(each, "seconds", each) for each in values], values
        assert [type(each) for each in found] == [type(each) for each in values]
    assert back([sombra.DateTime(2024, 7, 1, nanosecond=1, tzinfo=hour)])[0].utcoffset() == hour.utcoffset(None)
    assert back([sombra.DateTime(2024, 7, 1, nanosecond=1, tzinfo=berlin)])[0].tzinfo.key == "Europe/Berlin"
    assert back([sombra.Duration(0, 1), datetime.timedelta(hours=1)]) == [sombra.Duration(0, 1), sombra.Duration(0, 0, 3600)]
    for wrong, error in [
        ([sombra.Duration(1), 5], sombra.TypeMismatchError),
        ([sombra.DateTime(2024, 1, 1), datetime.datetime(2024, 1, 1, tzinfo=utc)], sombra.TypeMismatchError),
        ([sombra.WideDateTime(10**12, 1)], sombra.InvalidError),
        ([sombra.Duration(2**40)], sombra.InvalidError),
        ([sombra.Point(1.0, 2.0, 3.0, 4326)], sombra.InvalidError),
    ]:
        with pytest.raises(error, match="column 'c'"):
            back(wrong)
    assert back([uuid.UUID(int=1), None]) == ["00000000-0000-0000-0000-000000000001", None]
    with pytest.raises(sombra.InvalidError, match="too large"):
        db.create_nodes({"x": [2**64]}, "N")


def test_frame_without_columns(db):
    pandas = pytest.importorskip("pandas")
    assert len(db.create_nodes(pandas.DataFrame(index=range(3)), "E")) == 3 and db.node_count("E") == 3
    assert len(db.create_nodes(pandas.DataFrame(), "E")) == 0


def test_unsupported_columns(db):
    for values, kind in (
        (pa.RunEndEncodedArray.from_arrays([2, 3], ["a", "b"]), r"\+r"),
        (pa.UnionArray.from_sparse(pa.array([0, 0, 1], pa.int8()), [pa.array([1, 2, 3]), pa.array(["a", "b", "c"])]), r"\+us"),
    ):
        with pytest.raises(sombra.TypeMismatchError, match=kind):
            db.create_nodes(pa.table({"x": values}), "R")
    assert db.node_count() == 0


# ---- Files ---------------------------------------------------------------------------------------------------------------


def test_parquet(db, tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    table = pa.table({"id": list(range(100_000)), "s": [NASTY[i % 4] for i in range(100_000)]})
    pq.write_table(table, tmp_path / "nodes.parquet")
    assert sombra.import_parquet(db, tmp_path / "nodes.parquet", label="N") == 100_000
    assert db.node_count("N") == 100_000
    db.execute("CREATE CONSTRAINT FOR (n:N) REQUIRE n.id IS UNIQUE")
    pq.write_table(pa.table({"a": [0, 1], "b": [1, 2], "w": [1.5, None]}), tmp_path / "edges.parquet")
    key = ("N", "id")
    made = sombra.import_parquet(db, str(tmp_path / "edges.parquet"), type="T", source="a", target="b", source_key=key, target_key=key)
    assert made == 2 and db.execute("MATCH ({id: 0})-[r:T]->({id: 1}) RETURN r.w AS w").single().w == 1.5
    (tmp_path / "folder").mkdir()
    for i in range(3):
        pq.write_table(pa.table({"x": [i], "y": [i]}), tmp_path / "folder" / f"{i}.parquet")
    assert sombra.import_parquet(db, tmp_path / "folder", label="F", columns=["x"]) == 3
    assert sombra.import_parquet(db, [tmp_path / "folder" / "0.parquet", tmp_path / "folder" / "1.parquet"], label="F") == 2
    assert "y" in db.property_keys()
    with pytest.raises(sombra.InvalidError):
        sombra.import_parquet(db, tmp_path / "nodes.parquet")
    with pytest.raises(sombra.InvalidError):
        sombra.import_parquet(db, tmp_path / "nodes.parquet", label="N", type="T")
    with pytest.raises(OSError):
        sombra.import_parquet(db, tmp_path / "none.parquet", label="N")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 is not enough")
    with pytest.raises((OSError, pa.ArrowException)):
        sombra.import_parquet(db, tmp_path / "broken.parquet", label="B")
    assert db.node_count("B") == 0


def test_columns_that_no_property_can_be(db, tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    import decimal

    table = pa.table({
        "i": [1, 2],
        "d": [decimal.Decimal("12.345"), None],
        "ld": pa.array([[decimal.Decimal("0.5")], None]),
        "ll": [[[1, 2], [3]], None],
        "s": [{"a": 1, "b": "é"}, None],
        "m": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64())),
        "l": [["a"], ["b", "c"]],
    })
    pq.write_table(table, tmp_path / "odd.parquet")
    assert sombra.import_parquet(db, tmp_path / "odd.parquet", label="N") == 2
    assert [row.p for row in db.execute("MATCH (n:N) RETURN properties(n) AS p ORDER BY n.i")] == [
        {"i": 1, "d": 12.345, "ld": [0.5], "ll": "[[1, 2], [3]]", "s": '{"a": 1, "b": "é"}', "m": '[["k", 1]]', "l": ["a"]},
        {"i": 2, "l": ["b", "c"]},
    ]


def test_batches_rejects_dry_runs_progress(db, tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    path, rejects = tmp_path / "n.parquet", tmp_path / "rejects.jsonl"
    db.execute("CREATE CONSTRAINT FOR (n:N) REQUIRE n.x IS UNIQUE")
    pq.write_table(pa.table({"x": [*range(10), 3, 10, 5]}), path)
    heard = []
    assert sombra.import_parquet(db, path, label="D", dry_run=True, batch=4, progress=lambda *each: heard.append(each)) == 13
    assert heard == [(4, 13), (8, 13), (12, 13), (13, 13)] and db.node_count() == 0
    with pytest.raises(sombra.ConstraintError):
        sombra.import_parquet(db, path, label="N")
    assert db.node_count() == 0
    with pytest.raises(sombra.ConstraintError):  # what was committed before stays
        sombra.import_parquet(db, path, label="N", batch=4)
    assert db.node_count() == 8
    db.execute("MATCH (n) DELETE n")
    assert sombra.import_parquet(db, path, label="N", rejects=rejects) == 11
    lines = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert [(line["row"], line["record"]) for line in lines] == [(10, {"x": 3}), (12, {"x": 5})] and "x" in lines[0]["error"]
    db.execute("MATCH (n) DELETE n")
    with pytest.raises(sombra.ConstraintError):
        sombra.import_parquet(db, path, label="N", rejects=rejects, max_rejects=1)
    assert db.node_count() == 0 and len(rejects.read_text().splitlines()) == 1
    with db.transaction() as tx:
        assert sombra.import_parquet(tx, path, label="N", rejects=rejects) == 11
        for wrong in ({"batch": 4}, {"dry_run": True}):
            with pytest.raises(sombra.InvalidError, match="not a transaction"):
                sombra.import_parquet(tx, path, label="M", **wrong)
    with pytest.raises(sombra.InvalidError, match="at least one row"):
        sombra.import_parquet(db, path, label="M", batch=0)


def test_rejects_are_not_written_over_what_is_read(tmp_path):
    pq, feather = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("pyarrow.feather")
    table = pa.table({"x": [[1], [2, None]]})
    (tmp_path / "folder").mkdir()
    pq.write_table(table, tmp_path / "folder" / "a.parquet")
    feather.write_feather(table, tmp_path / "a.feather")
    (tmp_path / "link").symlink_to(tmp_path / "folder" / "a.parquet")
    with sombra.open(tmp_path / "g.sombra") as db:
        for load, path, rejects in (
            (sombra.import_parquet, "folder", "folder/a.parquet"),
            (sombra.import_parquet, "folder/a.parquet", "link"),
            (sombra.import_ipc, "a.feather", "a.feather"),
            (sombra.import_parquet, "folder", "g.sombra"),
        ):
            before = (tmp_path / rejects).read_bytes()
            with pytest.raises(sombra.InvalidError, match="the load's own file"):
                load(db, tmp_path / path, label="N", rejects=tmp_path / rejects)
            with db.transaction() as tx, pytest.raises(sombra.InvalidError, match="the load's own file"):
                load(tx, tmp_path / path, label="N", rejects=tmp_path / rejects)
            assert (tmp_path / rejects).read_bytes() == before
        assert db.node_count() == 0


def test_errors_of_files_say_where(db, tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    db.execute("CREATE CONSTRAINT FOR (n:N) REQUIRE n.x IS UNIQUE")
    db.create_nodes({"x": list(range(100_000))}, "N")
    path = tmp_path / "e.parquet"
    pq.write_table(pa.table({"source": list(range(100_000)), "target": [*range(99_999), 2**40]}), path)
    ends = {"type": "T", "source_key": ("N", "x"), "target_key": ("N", "x")}
    for options, text in (
        ({}, f"{path}: batch 2: column 'target', row 99999: no node has the key {2**40}"),
        ({"batch": 50_000}, rf"{path}: in the \d+ rows from \d+ on: batch 1: column 'target', row \d+: no node has the key {2**40}"),
        ({"rejects": tmp_path / "r", "max_rejects": 0}, f"{path}: row 99999: batch 1: column 'target', row 0: no node"),
        ({"columns": ["w"]}, f"{path}: there is no column 'w'"),
        ({"source": "from"}, f"{path}: the Arrow stream has no column 'from'"),
    ):
        with pytest.raises(sombra.NotFoundError, match=text):
            sombra.import_parquet(db, path, **{**ends, **options})
    with pytest.raises(KeyError, match="enough"):
        sombra.import_parquet(db, path, **ends, progress=lambda *each: {}["enough"])
    assert db.relationship_count() == 50_000  # of the import by batches


@pytest.mark.parametrize("format, write", [("parquet", "pyarrow.parquet.write_table"), ("ipc", "pyarrow.feather.write_feather")])
def test_columns_of_folders_and_of_later_files(db, tmp_path, format, write):
    """pyarrow alone takes the columns of the first file."""
    module, _, name = write.rpartition(".")
    put, load = getattr(pytest.importorskip(module), name), getattr(sombra, f"import_{format}")

    def files(**tables):
        db.execute("MATCH (n) DELETE n")
        root = tmp_path / str(len(list(tmp_path.iterdir())))
        for each, table in tables.items():
            place = root / each.replace("_is_", "=").replace("_in_", "/")
            place.parent.mkdir(parents=True, exist_ok=True)
            put(pa.table(table), str(place))
        return root

    def loaded(path):
        load(db, path, label="N")
        return [row.p for row in db.execute("MATCH (n:N) RETURN properties(n) AS p ORDER BY n.x")]

    root = files(a={"x": [1]}, b={"x": [2], "y": ["z"]}, c={"x": [3], "y": [None]})
    assert loaded(root) == [{"x": 1}, {"x": 2, "y": "z"}, {"x": 3}]
    db.execute("MATCH (n) DELETE n")
    assert loaded([root / "c", root / "b"]) == [{"x": 2, "y": "z"}, {"x": 3}]
    root = files(year_is_2023_in_a={"x": [1]}, year_is_2024_in_b={"x": [2]})
    assert loaded(root) == [{"x": 1, "year": 2023}, {"x": 2, "year": 2024}]
    assert loaded(files(year_is_2023_in_a={"x": [1], "year": ["so"]})) == [{"x": 1, "year": "so"}]


# ---- Folders of Kuzu ---------------------------------------------------------------------------------------------------


def kuzu_folder(folder, **changes):
    """What Kuzu 0.11 writes: names of columns, an interval of 12 bytes, and scripts."""
    pq = pytest.importorskip("pyarrow.parquet")
    interval = pa.array([b"\x0c\0\0\0\x02\0\0\0\x80\xcb\xa4\0", None], pa.binary(12))
    files = {
        "City": pa.table({"a.id": [1, 2], "a.iv": interval, "a.ll": [[[1, 2], [3]], None], "a.st": [{"a": 1}, None], "a.b": [b"\xaa", None]}),
        "Per`son": pa.table({"a.name": ["Ann", "Bob"], "a.source": pa.array([3, None], pa.int32())}),
        "Lives_Person_City": pa.table({"a.name": ["Ann", "Bob"], "b.id": [1, 1], "r.since": [datetime.date(2021, 1, 1), None], "r.source": [1, 2]}),
        "Knows_Person_Person": pa.table({"a.name": ["Ann"], "b.name": ["Bob"]}),
        "Knows_Person_City": pa.table({"a.name": ["Bob"], "b.id": [2]}),
    }
    texts = {
        "schema.cypher": """CREATE NODE TABLE `City` (`id` INT64,`iv` INTERVAL,`ll` INT64[][],`st` STRUCT(a INT64, b DECIMAL(3, 1)),`b` BLOB, PRIMARY KEY(`id`));
CREATE NODE TABLE Person (name STRING PRIMARY KEY, source INT32); // a comment
CREATE SEQUENCE s START 1;
CREATE REL TABLE `Lives` (FROM `Person` TO `City`, `since` DATE,`source` INT64,MANY_MANY);
CREATE REL TABLE `Knows` (FROM `Person` TO `Person`, FROM `Person` TO `City`, MANY_MANY);
""",
        "copy.cypher": """COPY `Lives` (`since`,`source`) FROM "Lives_Person_City.parquet" (to='City', from='Person', parallel=true);
COPY `City` (`id`,`iv`,`ll`,`st`,`b`) FROM "/somewhere/City.parquet" (parallel=true);
COPY `Person` (`name`,`source`) FROM "Per`son.parquet" (parallel=true);
COPY `Knows` FROM "Knows_Person_Person.parquet" (to='Person', from='Person', parallel=true);
COPY `Knows` FROM "Knows_Person_City.parquet" (to='City', from='Person', parallel=true);
""",
    }
    folder.mkdir(exist_ok=True)
    for name, table in files.items():
        pq.write_table(table, folder / f"{name}.parquet")
    for name, text in {**texts, **changes}.items():
        (folder / name).write_text(text)
    return folder


def test_kuzu(db, tmp_path):
    assert sombra.import_kuzu(db, kuzu_folder(tmp_path / "kuzu")) == (4, 4)
    assert db.execute("MATCH (c:City {id: 1}) RETURN properties(c) AS p").single().p == {
        "id": 1, "iv": sombra.Duration(12, 2, 10800), "ll": "[[1, 2], [3]]", "st": '{"a": 1}', "b": b"\xaa"}
    rows = db.execute("MATCH (a)-[r]->(b) RETURN a.name AS a, type(r) AS t, coalesce(b.name, b.id) AS b, properties(r) AS p ORDER BY t, a")
    assert [tuple(row) for row in rows] == [
        ("Ann", "Knows", "Bob", {}), ("Bob", "Knows", 2, {}), ("Ann", "Lives", 1, {"since": datetime.date(2021, 1, 1), "source": 1}), ("Bob", "Lives", 1, {"source": 2})]
    assert db.execute("SHOW CONSTRAINTS").fetchall() and db.verify() == []


@pytest.mark.parametrize("names", ["`since`,`source`", " _ID,since,source "])
def test_kuzu_of_other_versions(db, tmp_path, names):
    """Before 0.11 there is a table of its own for each pair, and 0.5 to 0.7 names a column _ID that is not there."""
    id_alone = " ( _ID ) " if "_ID" in names else " "
    copy = (f'COPY City ( id,iv,ll,st,b ) FROM "City.parquet" ;COPY Person ( name,source ) FROM "Per`son.parquet" ;COPY Lives ({names}) FROM "Lives_Person_City.parquet" ;'
            f'COPY Knows_Person_City{id_alone}FROM "Knows_Person_City.parquet" ;COPY `Knows_Person_Person`{id_alone}FROM "Knows_Person_Person.parquet" ;')
    folder = kuzu_folder(tmp_path / "kuzu", **{"copy.cypher": copy})
    (folder / "schema.cypher").write_text((folder / "schema.cypher").read_text().replace("REL TABLE `Knows`", "REL TABLE GROUP Knows"))
    assert sombra.import_kuzu(db, folder) == (4, 4)
    rows = db.execute("MATCH (a)-[r]->(b) RETURN a.name AS a, type(r) AS t, coalesce(b.name, b.id) AS b, r.source AS s ORDER BY t, a")
    assert [tuple(row) for row in rows] == [("Ann", "Knows", "Bob", None), ("Bob", "Knows", 2, None), ("Ann", "Lives", 1, 1), ("Bob", "Lives", 1, 2)]


def test_ladybug_without_copy(db, tmp_path):
    """Ladybug 0.22 writes tables in files of their names, and no copy.cypher."""
    pq = pytest.importorskip("pyarrow.parquet")
    place = " WITH (storage = '/somewhere', format = 'icebug-disk');\n"
    (tmp_path / "schema.cypher").write_text("CREATE NODE TABLE `P` (`id` INT64,`n` STRING, PRIMARY KEY(`id`))" + place +
                                            "CREATE REL TABLE `K` (FROM `P` TO `P`, `since` DATE,MANY_MANY)" + place)
    pq.write_table(pa.table({"id": [1, 2], "n": ["a", None]}), tmp_path / "nodes_P.parquet")
    pq.write_table(pa.table([pa.array([1]), pa.array([2]), pa.array([datetime.date(2021, 1, 1)])], ["from", "to", "since"]), tmp_path / "rels_K.parquet")
    assert sombra.import_kuzu(db, tmp_path) == (2, 1)
    assert db.execute("MATCH (a {n: 'a'})-[k:K]->(b) RETURN k.since AS since, b.id AS id").single() == (datetime.date(2021, 1, 1), 2)


@pytest.mark.parametrize("changes, error, part", [
    ({"copy.cypher": 'COPY `City` FROM "City.csv" (header=true);'}, "UnsupportedError", "sombra import --kuzu"),
    ({"copy.cypher": 'COPY `What` FROM "What.parquet";'}, "QuerySyntaxError", "a table of schema.cypher are expected, not 'COPY What FROM "),
    ({"copy.cypher": "COPY `City`;"}, "QuerySyntaxError", "are expected"),
    ({"copy.cypher": "COPY `City` ("}, "QuerySyntaxError", "not ended"),
    ({"copy.cypher": 'COPY `City` (`id`) FROM "City.parquet";'}, "QuerySyntaxError", "City.parquet: it has 5 columns, copy.cypher names 1"),
    ({"copy.cypher": 'COPY `Lives` (`since`, `source`) FROM "Lives_Person_City.parquet" (from=\'X\');'}, "QuerySyntaxError", "not in schema.cypher"),
    ({"copy.cypher": 'COPY `Knows` FROM "Knows_Person_Person.parquet" (from=\'Person\', to=\'Person\');'}, "NotFoundError", "node"),
])
def test_kuzu_refuses(db, tmp_path, changes, error, part):
    with pytest.raises(getattr(sombra, error), match=part):
        sombra.import_kuzu(db, kuzu_folder(tmp_path / "kuzu", **changes))
    assert db.node_count() == 0 and db.execute("SHOW CONSTRAINTS").fetchall() == []


# Files of Kuzu 0.11: (:S {id, v: 'x'}), (:S {id, v: 'y'}), whose ids are SERIAL; and from a (:P {id: 2}) to the second one.
SERIALS = {
    "S": "504152311500152c15302c150415001506150600001654020000000401000000000000000001000000000000001500152015242c15041500150615060000103c020000000401010000007801000000791502193c3500"
         "180b6b757a755f736368656d61150400150425021804612e6964252c00150c25021803612e762500001604191c192c26001c1504191500191804612e696415021604164e165226083c180801000000000000001808000000"
         "00000000001600280801000000000000001808000000000000000000000026001c150c191500191803612e761502160416421646265a3c1801791801781600280179180178000000168401160426080028044b555a5500b5"
         "00000050415231",
    "ONE_P_S": "504152311500151c15202c150215001506150600000e3402000000020102000000000000001500151c15202c150215001506150600000e3402000000020101000000000000001502193c3500180b6b757a755f73636865"
               "6d61150400150425021804612e6964252400150425021804622e6964252c001602191c192c26001c1504191500191804612e696415021602163e164226083c180802000000000000001808020000000000000016002808"
               "02000000000000001808020000000000000000000026001c1504191500191804622e696415021602163e1642264a3c18080100000000000000180801000000000000001600280801000000000000001808010000000000"
               "00000000001632160226080028044b555a5500d200000050415231",
}


def test_serials_of_kuzu(db, tmp_path):
    """pyarrow opens no file with a column that Kuzu calls a SERIAL."""
    pq = pytest.importorskip("pyarrow.parquet")
    for name, data in SERIALS.items():
        (tmp_path / f"{name}.parquet").write_bytes(bytes.fromhex(data))
        with pytest.raises(OSError):
            pq.read_table(tmp_path / f"{name}.parquet")
    pq.write_table(pa.table({"a.id": [2]}), tmp_path / "P.parquet")
    (tmp_path / "schema.cypher").write_text("CREATE NODE TABLE `P` (`id` INT64, PRIMARY KEY(`id`));\nCREATE NODE TABLE `S` (`id` SERIAL,`v` STRING, PRIMARY KEY(`id`));\n"
                                            "CREATE REL TABLE `ONE` (FROM `P` TO `S`, MANY_ONE);\n")
    (tmp_path / "copy.cypher").write_text('COPY `P` (`id`) FROM "P.parquet" (parallel=true);\nCOPY `S` (`id`,`v`) FROM "S.parquet" (parallel=true);\n'
                                          "COPY `ONE` FROM \"ONE_P_S.parquet\" (to='S', from='P', parallel=true);\n")
    assert sombra.import_kuzu(db, tmp_path) == (3, 1)
    assert db.execute("MATCH (s:S) RETURN s.id AS id, s.v AS v ORDER BY id").fetchall() == [(0, "x"), (1, "y")]
    assert db.execute("MATCH (p:P)-[:ONE]->(s) RETURN p.id AS p, s.v AS v").single() == (2, "y")


def test_broken_files_of_kuzu(tmp_path):
    """Whatever a byte of the footer becomes: the load ends, with an error that says so or without one."""
    pytest.importorskip("pyarrow.parquet")
    whole = bytes.fromhex(SERIALS["S"])
    (tmp_path / "schema.cypher").write_text("CREATE NODE TABLE `S` (`id` SERIAL,`v` STRING, PRIMARY KEY(`id`));\n")
    (tmp_path / "copy.cypher").write_text('COPY `S` (`id`,`v`) FROM "S.parquet" (parallel=true);\n')
    for at in range(len(whole) - 100, len(whole)):
        for data in (whole[:at], whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :]):
            (tmp_path / "S.parquet").write_bytes(data)
            with sombra.open(":memory:") as db:
                try:
                    sombra.import_kuzu(db, tmp_path)
                except (sombra.Error, OSError, ValueError):
                    pass


def test_a_folder_of_kuzu_that_is_no_text(db, tmp_path):
    folder = kuzu_folder(tmp_path / "kuzu")
    (folder / "copy.cypher").write_bytes(b"COPY \xff")
    with pytest.raises(sombra.InvalidError, match="copy.cypher: 'utf-8' codec can't decode byte 0xff"):
        sombra.import_kuzu(db, folder)
    (folder / "copy.cypher").unlink()
    with pytest.raises(FileNotFoundError, match="copy.cypher"):
        sombra.import_kuzu(db, folder)
    assert db.node_count() == 0


@pytest.mark.parametrize("write", [pa.ipc.new_file, pa.ipc.new_stream])
def test_ipc(db, tmp_path, write):
    table = pa.table({"x": [1, 2], "s": ["a", None]})
    path = tmp_path / "t.arrow"
    with pa.OSFile(str(path), "wb") as sink, write(sink, table.schema) as writer:
        writer.write_table(table)
    assert sombra.import_ipc(db, path, label="N") == 2
    assert sombra.import_ipc(db, path, label="M", columns=["x"]) == 2
    with db.transaction() as tx:
        assert sombra.import_ipc(tx, path, label="N") == 2
    assert [row.s for row in db.execute("MATCH (n:N) RETURN n.s AS s ORDER BY n.x")] == ["a", "a", None, None]


def test_round_trip_by_digest(people, tmp_path):
    """Nodes and relationships out as tables and in again: the same graph."""
    nodes = people.execute("MATCH (n) RETURN id(n) AS id, labels(n) AS labels, n.name AS name, n.born AS born").to_arrow().to_pylist()
    edges = people.execute("MATCH (a)-[r]->(b) RETURN id(a) AS a, type(r) AS type, id(b) AS b, r.since AS since").to_arrow().to_pylist()
    with sombra.open(":memory:") as other:
        ids = {}
        for node in nodes:
            ids[node["id"]] = other.create_nodes({"name": [node["name"]], "born": [node["born"]]}, node["labels"])[0]
        for edge in edges:
            other.create_edges({"source": [ids[edge["a"]]], "target": [ids[edge["b"]]], "since": [edge["since"]]}, edge["type"])
        assert other.digest() == people.digest()
