"""Transactions, savepoints, options and files."""

import os
import weakref

import pytest

import sombra


def count(db):
    return db.node_count("N")


def test_commit_and_rollback(db):
    with db.transaction() as tx:
        assert tx.active and db.in_transaction
        tx.execute("CREATE (:N)")
        assert tx.node_count("N") == 1
    assert not tx.active and not db.in_transaction and count(db) == 1
    with pytest.raises(KeyError):
        with db.transaction() as tx:
            tx.execute("CREATE (:N)")
            raise KeyError
    assert count(db) == 1
    with db.transaction() as tx:
        tx.execute("CREATE (:N)")
        tx.rollback()
    assert count(db) == 1
    with db.transaction() as tx:
        tx.execute("CREATE (:N)")
        tx.commit()
    assert count(db) == 2
    for use in (lambda: tx.execute("RETURN 1"), tx.commit, tx.rollback, lambda: tx.node(1)):
        with pytest.raises(sombra.MisuseError):
            use()


def test_begin_commit_rollback(db):
    db.begin()
    db.execute("CREATE (:N)")
    db.rollback()
    assert count(db) == 0
    db.begin()
    db.execute("CREATE (:N)")
    with pytest.raises(sombra.MisuseError):
        db.begin()
    db.commit()
    assert count(db) == 1
    for use in (db.commit, db.rollback):
        with pytest.raises(sombra.MisuseError):
            use()


def test_as_statements(db):
    db.execute("BEGIN")
    assert db.in_transaction
    db.execute("CREATE (:N)")
    db.execute("rollback;")
    assert count(db) == 0 and not db.in_transaction
    db.execute_script("BEGIN; CREATE (:N); COMMIT")
    db.execute_script("/* a */ // b\nBegin; CREATE (:N); // c\n ROLLBACK; // d")
    assert count(db) == 1 and not db.in_transaction


def test_savepoints(db):
    with db.transaction() as tx:
        tx.execute("CREATE (:N)")
        with pytest.raises(KeyError):
            with tx.savepoint():
                tx.execute("CREATE (:N)")
                with tx.savepoint():
                    tx.execute("CREATE (:N)")
                assert tx.node_count("N") == 3
                raise KeyError
        assert tx.node_count("N") == 1
        with tx.savepoint():
            tx.execute("CREATE (:N)")
    assert count(db) == 2
    # A block may end the transaction itself.
    with db.transaction() as tx:
        with tx.savepoint():
            tx.commit()


def test_a_failed_statement_is_undone_alone(db):
    with db.transaction() as tx:
        tx.execute("CREATE (:N)")
        with pytest.raises(sombra.InvalidError):
            tx.execute("UNWIND [1, 0] AS x CREATE (:N {x: 1 / x})")
        tx.execute("CREATE (:N)")
    assert count(db) == 2


def test_results_outlive_their_transaction(db):
    with db.transaction() as tx:
        tx.execute("UNWIND range(1, 3000) AS x CREATE (:N {x: x})")
        result = tx.execute("MATCH (n:N) RETURN n.x AS x")
        next(result)
    assert len(list(result)) == 2999
    with db.transaction() as tx:
        tx.execute("CREATE (:N {x: 0})")
        result = tx.execute("MATCH (n:N) RETURN n.x AS x")
        tx.rollback()
    assert len(list(result)) == 3001


def test_read_transactions(file_db):
    with file_db.transaction(write=False) as tx:
        assert tx.node_count() == 0
        with pytest.raises(sombra.ReadOnlyError):
            tx.execute("CREATE (:N)")


def test_busy(tmp_path):
    with sombra.open(tmp_path / "g", busy_timeout_ms=0) as first, sombra.open(tmp_path / "g", busy_timeout_ms=0) as second:
        with first.transaction() as tx:
            tx.execute("CREATE (:N)")
            with pytest.raises(sombra.BusyError, match="another writer"):
                second.execute("CREATE (:N)")
            assert second.node_count() == 0
        assert second.node_count() == 1


def test_constraints(db):
    db.execute("CREATE CONSTRAINT FOR (n:N) REQUIRE n.x IS UNIQUE")
    db.execute("CREATE (:N {x: 1})")
    with pytest.raises(sombra.ConstraintError) as caught:
        db.execute("CREATE (:N {x: 1})")
    assert isinstance(caught.value, sombra.IntegrityError)


# ---- Opening -----------------------------------------------------------------------------------------------------------


def test_every_option_is_reachable(tmp_path):
    options = {option.name: option.default for option in sombra.options()}
    assert "edge_cache_capacity" in options
    for i, (name, default) in enumerate(options.items()):
        if name == "immutable":
            continue
        with sombra.open(tmp_path / str(i), **{name: default}) as database:
            assert database.node_count() == 0
    with sombra.open(
        tmp_path / "all",
        edge_cache_capacity=100,
        durability="off",
        page_size=4096,
        memory_limit="1g",
        checkpoint_thread=False,
        import_dirs=[tmp_path, str(tmp_path)],
    ) as database:
        assert database.info()["page_size"] == 4096


def test_options_that_are_wrong(tmp_path):
    with pytest.raises(sombra.InvalidError, match="durability"):
        sombra.open(":memory:", durabilty="full")
    with pytest.raises(sombra.InvalidError):
        sombra.open(":memory:", page_size=5)
    with pytest.raises(sombra.CantOpenError):
        sombra.open(tmp_path / "none", create=False)
    with pytest.raises(ValueError):
        sombra.open("a\0b")
    (tmp_path / "text").write_text("hello " * 10000)
    with pytest.raises(sombra.NotADatabaseError):
        sombra.open(tmp_path / "text")


def test_edge_cache_capacity_has_an_effect(tmp_path):
    pytest.importorskip("pyarrow")  # columns go in as Arrow
    for capacity in (0, 8192):
        with sombra.open(tmp_path / str(capacity), edge_cache_capacity=capacity) as database:
            ids = database.create_nodes({"x": list(range(10))}, "N")
            database.create_edges({"source": ids[:5], "target": ids[5:]}, "T")
            assert database.relationship_count("T") == 5


def test_read_only(tmp_path):
    with sombra.open(tmp_path / "g") as database:
        database.execute("CREATE (:N)")
    with sombra.open(tmp_path / "g", read_only=True) as database:
        assert count(database) == 1
        with pytest.raises(sombra.ReadOnlyError):
            database.execute("CREATE (:N)")
        database.execute_script("BEGIN; MATCH (n) RETURN n; COMMIT")
    with sombra.open(tmp_path / "g", immutable=True) as database:
        assert count(database) == 1


def test_paths_that_are_not_ascii(tmp_path):
    with sombra.open(tmp_path / "größe 👍") as database:
        database.execute("CREATE (:N)")
    assert (tmp_path / "größe 👍").exists()


def test_closing(tmp_path):
    database = sombra.open(tmp_path / "g")
    database.execute("CREATE (:N)")
    transaction = database.transaction()
    transaction.execute("CREATE (:N)")
    database.close()
    database.close()
    assert database.closed and "closed" in repr(database) and not database.in_transaction
    for use in (
        lambda: database.execute("RETURN 1"),
        lambda: database.node(1),
        lambda: database.prepare("RETURN 1"),
        lambda: transaction.execute("RETURN 1"),
        database.begin,
        lambda: database.register_function("my.f", lambda: 1),
    ):
        with pytest.raises(sombra.MisuseError, match="closed"):
            use()
    assert sorted(os.listdir(tmp_path)) == ["g"]
    with sombra.open(tmp_path / "g") as again:
        assert count(again) == 1
    with pytest.raises(sombra.MisuseError):
        sombra.Database().execute("RETURN 1")


def test_prepared_statements_of_transactions(db):
    begin, commit, rollback = (db.prepare(text) for text in ("BEGIN", "/* all */ COMMIT", "ROLLBACK"))
    for end, left in ((commit, 1), (rollback, 1)):
        begin.execute()
        assert db.in_transaction
        db.execute("CREATE (:N)")
        end.execute()
        assert not db.in_transaction and count(db) == left
    begin()
    with pytest.raises(sombra.MisuseError, match="open"):
        begin()
    db.rollback()
    with pytest.raises(sombra.MisuseError):
        commit()
    with pytest.raises(sombra.NotFoundError, match="no parameter"):
        begin(x=1)
    assert not db.in_transaction


def test_closing_within_a_block(tmp_path):
    """What looks like a commit is none."""
    database = sombra.open(tmp_path / "g")
    with pytest.raises(sombra.MisuseError, match="undone"):
        with database.transaction() as tx:
            tx.execute("CREATE (:N)")
            database.close()
    database = sombra.open(tmp_path / "g")
    with pytest.raises(KeyError):
        with database.transaction() as tx:
            database.close()
            raise KeyError
    with sombra.open(tmp_path / "g") as again:
        assert count(again) == 0
        with again.transaction() as tx:
            tx.execute("CREATE (:N)")
            tx.commit()
        transaction = again.transaction()
        weak = weakref.ref(transaction), weakref.ref(again.execute("RETURN 1"))
        assert weak[0]() is transaction and weak[1]() is None
        transaction.rollback()


def test_files(tmp_path):
    with sombra.open(tmp_path / "g") as database:
        database.execute("UNWIND range(1, 1000) AS x CREATE (:N {x: x})-[:T]->(:M)")
        digest = database.digest()
        assert len(digest) == 32 and database.verify() == []
        database.backup(tmp_path / "copy")
        with pytest.raises(sombra.ExistsError):
            database.backup(tmp_path / "copy")
        database.vacuum(tmp_path / "compact")
        database.vacuum()
        assert database.checkpoint("truncate").wal_frames >= 0
        with pytest.raises(sombra.InvalidError):
            database.checkpoint("often")
        written = database.export_csv(tmp_path / "csv")
        assert (written["nodes"], written["relationships"]) == (2000, 1000)
        database.pragma("durability", "normal")
        with pytest.raises(sombra.InvalidError):
            database.pragma("page_size", 4096)
    for name in ("copy", "compact"):
        with sombra.open(tmp_path / name, read_only=True) as other:
            assert other.digest() == digest
    with sombra.open(":memory:") as memory:
        memory.restore(tmp_path / "copy")
        assert memory.digest() == digest


def test_the_log(tmp_path, caplog):
    import logging

    messages = []
    path = tmp_path / "g"
    with sombra.open(path) as database:
        database.execute("CREATE (:N)")
    with sombra.open(path, log=lambda level, message: messages.append((level, message))):
        pass
    with caplog.at_level(logging.DEBUG, "sombra"):
        with sombra.open(path, log=True):
            pass
    assert all(isinstance(level, int) and isinstance(message, str) for level, message in messages)


def test_a_script_longer_than_a_statement_may_be(db):
    """16 MiB is the limit of each statement."""
    long = "CREATE (:Long {text: '" + "x" * 60000 + "'});"
    assert db.execute_script("CREATE (:Short);" * 1000 + long * 300) == 1300
    assert (db.node_count("Short"), db.node_count("Long")) == (1000, 300)
