"""sombra.aio."""

import asyncio
import gc

import pytest

import sombra
from sombra import aio

ENDLESS = "UNWIND range(1, 10000000) AS x UNWIND range(1, 10000000) AS y RETURN sum(x + y)"


def run(test):
    """Run an asynchronous test with a database in memory."""

    async def call():
        async with await aio.open(":memory:", workers=3) as db:
            await asyncio.wait_for(test(db), 60)

    asyncio.run(call())


def test_statements():
    async def test(db):
        created = await db.execute("UNWIND range(1, 1000) AS x CREATE (:N {x: x})")
        assert created.changes.nodes_created == 1000
        result = await db.execute("MATCH (n:N) RETURN n.x AS x ORDER BY x")
        assert result.columns == ("x",) and (await result.fetchone()).x == 1
        assert [row.x for row in await result.fetchmany(2)] == [2, 3]
        assert [row.x async for row in result] == list(range(4, 1001))
        assert (await (await db.execute("RETURN $a AS a", a=1)).single()).a == 1
        assert len(await (await db.execute("MATCH (n:N) RETURN n")).fetchall()) == 1000
        with pytest.raises(sombra.QuerySyntaxError):
            await db.execute("RETURN")
        assert await db.run(lambda database: database.node_count()) == 1000
        db.sync.register_function("my.twice", lambda x: 2 * x)
        assert (await (await db.execute("RETURN my.twice(2) AS x")).single()).x == 4

    run(test)


def test_many_at_a_time():
    async def test(db):
        await db.execute("UNWIND range(1, 3000) AS x CREATE (:N {x: x})")

        async def read(i):
            return len([row async for row in await db.execute("MATCH (n:N) RETURN n.x AS x")])

        assert await asyncio.gather(*(read(i) for i in range(20))) == [3000] * 20

    run(test)


def test_unread_results_give_their_threads_back():
    async def test(db):
        for i in range(10):
            result = await db.execute("UNWIND range(1, 5000) AS x RETURN x")
            if i % 2:
                await result.close()
            else:
                del result
                gc.collect()
        assert (await (await db.execute("RETURN 1 AS a")).single()).a == 1

    run(test)


def test_transactions():
    async def test(db):
        async with db.transaction() as tx:
            await tx.execute("CREATE (:N)")
            assert await db.run(lambda database: database.node_count()) == 0
            assert await tx.run(lambda transaction: transaction.node_count()) == 1
        assert await db.run(lambda database: database.node_count()) == 1
        with pytest.raises(KeyError):
            async with db.transaction() as tx:
                await tx.execute("CREATE (:N)")
                raise KeyError
        async with db.transaction() as tx:
            await tx.execute("CREATE (:N)")
            await tx.rollback()
        with pytest.raises(sombra.MisuseError):
            await tx.execute("RETURN 1")
        async with db.transaction() as tx:
            await tx.execute("CREATE (:N)")
            await tx.commit()
        assert await db.run(lambda database: database.node_count()) == 2

    run(test)


def test_writers_wait_for_each_other():
    async def test(db):
        async def add(i):
            async with db.transaction() as tx:
                await tx.execute("CREATE (:N {i: $i})", i=i)

        await asyncio.gather(*(add(i) for i in range(20)))
        assert await db.run(lambda database: database.node_count()) == 20

    run(test)


def test_cancel():
    async def test(db):
        task = asyncio.ensure_future(db.execute(ENDLESS))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(db.execute(ENDLESS), 0.1)
        with pytest.raises(asyncio.TimeoutError):
            async with db.transaction() as tx:
                await tx.execute("CREATE (:N)")
                await asyncio.wait_for(tx.execute(ENDLESS), 0.1)
        assert await db.run(lambda database: database.node_count()) == 0

    run(test)


def test_columns():
    pytest.importorskip("pyarrow")

    async def test(db):
        await db.execute("UNWIND range(1, 1000) AS x CREATE (:N {x: x})")
        assert (await (await db.execute("MATCH (n:N) RETURN n.x AS x")).to_arrow()).num_rows == 1000

    run(test)


def test_the_loop_goes_on():
    async def test(db):
        ticks = 0
        task = asyncio.ensure_future(db.execute(ENDLESS))
        while ticks < 20:
            await asyncio.sleep(0.001)
            ticks += 1
        assert not task.done()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(test)


def test_results_have_all_that_others_have():
    missing = {name for name in dir(sombra.Result) if not name.startswith("_")} - set(dir(aio.Result))
    assert missing == set()

    async def main():
        async with await aio.open(":memory:") as db:
            async with await db.execute("UNWIND range(1, 3000) AS x RETURN x") as result:
                assert (await result.fetchone()).x == 1 and not result.ended
            assert result.ended
            assert await (await db.execute("UNWIND [1, 2] AS x RETURN x")).to_dict() == {"x": [1, 2]}
            kept = await (await db.execute("UNWIND range(1, 3000) AS x RETURN x")).detach()
            await db.execute("CREATE (:N)")
            assert not kept.ended and len(await kept.fetchall()) == 3000 and kept.ended
            graph = await (await db.execute("CREATE (a:A)-[r:R]->(b) RETURN a, r, b")).to_graph(expand=0)
            assert len(graph.nodes) == 2 and len(graph.relationships) == 1

    asyncio.run(main())


def test_a_task_that_is_cancelled_twice():
    """The thread is free, and what its call raised is heard, before the task ends."""

    async def main():
        unheard = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: unheard.append(context))
        async with await aio.open(":memory:", workers=1) as db:
            task = asyncio.create_task(db.execute(ENDLESS))
            await asyncio.sleep(0.2)
            for _ in range(3):
                task.cancel()
                await asyncio.sleep(0)
            with pytest.raises(asyncio.CancelledError):
                await task
            gc.collect()
            assert (await (await db.execute("RETURN 1 AS a")).single()).a == 1
        return unheard

    assert asyncio.run(main()) == []
