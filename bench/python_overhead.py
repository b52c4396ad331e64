#!/usr/bin/env python3
"""python_overhead [--nodes N] [--calls N] [--rows N] — what the Python package costs on top of the library.

  point query    a prepared look-up of a node by an indexed key, from the call to the row's value
  RETURN         a prepared RETURN $x, the shortest statement there is
  execute        the point query through db.execute, which finds the compiled statement by its text
  arrow          rows of one integer that no node has, into a pyarrow.Table
  rows           the same integers as Python rows
  columns        stored properties of each type into a pyarrow.Table, a pandas and a Polars data frame

Prints the best of several rounds, as of a process that nothing disturbs; run it on the wheel, or with PYTHONPATH=build/release/python.
"""
import argparse
import time

import sombra

CALLS = 1000  # of a round: short, so that some are not disturbed


# Values that hardly repeat: leaves of the file can't make them short.
STORED = {
    "integer": "x * 7919 % $n",
    "float": "x * 0.37",
    "string": "'text ' + toString(x * 7919 % $n)",
    "boolean": "x * 7919 % 3 = 0",
    "date": "date('1970-01-01') + duration({days: x * 7919 % 30000})",
    "local time": "localtime({hour: x % 24, minute: 0, second: 0, nanosecond: x})",
    "local datetime": "localdatetime('1970-01-01') + duration({seconds: x * 7919})",
    "zoned datetime": "datetime({epochSeconds: x * 7919})",
}


def columns(rows):
    """Each type of property, of all nodes and of nine in ten, as columns; all of them in one table; of relationships."""
    with sombra.open(":memory:") as db:
        keys = {name: name.replace(" ", "_") for name in STORED}
        every = ", ".join(f"{keys[name]}: {value}" for name, value in STORED.items())
        some = ", ".join(f"some_{keys[name]}: CASE x % 10 WHEN 0 THEN null ELSE {value} END" for name, value in STORED.items())
        db.execute(f"UNWIND range(0, $n - 1) AS x CREATE (:M {{{every}, {some}}})", n=rows)
        db.execute(f"UNWIND range(0, $n - 1) AS x CREATE (:End)-[:T {{{every}}}]->(:End)", n=rows // 10)

        def measure(name, query, count=rows):
            times = [best(lambda: getattr(db.execute(query), to)(), rounds=5) * 1e3 for to in ("to_arrow", "to_df", "to_polars")]
            print(f"{count:,} {name:<30} " + " ".join(f"{each:9,.1f}" for each in times))

        print("milliseconds, columns of stored properties        to_arrow     to_df to_polars")
        for name, key in keys.items():
            measure(name, f"MATCH (n:M) RETURN n.{key} AS v")
            measure(f"{name}, a tenth null", f"MATCH (n:M) RETURN n.some_{key} AS v")
        five = ", ".join(f"n.some_{key} AS {key}" for key in list(keys.values())[:5])
        measure("five columns, a tenth null", f"MATCH (n:M) RETURN {five}")
        five = ", ".join(f"r.{key} AS {key}" for key in list(keys.values())[:5])
        measure("five columns of relationships", f"MATCH ()-[r:T]->() RETURN {five}", rows // 10)


def best(function, count=1, rounds=7):
    """Seconds for each of `count` things that a call of function does, in the best round."""
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        function()
        times.append(time.perf_counter() - begin)
    return min(times) / count


def best_of_calls(calls, call):
    """Seconds for a call, which is given its number, in the best round of CALLS."""

    def run():
        for i in range(CALLS):
            call(i)

    return best(run, CALLS, max(1, calls // CALLS))


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--nodes", type=int, default=100_000)
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--only-columns", action="store_true", help="stored properties as columns, and nothing else")
    options = parser.parse_args()
    if not options.only_columns:
        calls_and_rows(options.nodes, options.calls, options.rows)
    columns(options.rows)


def show(name, seconds, unit=1e9, suffix="ns"):
    print(f"{name:<44} {seconds * unit:10,.0f} {suffix}")


def calls_and_rows(nodes, calls, rows):
    with sombra.open(":memory:") as db:
        db.execute("UNWIND range(0, $n - 1) AS x CREATE (:N {id: x, name: 'n' + x})", n=nodes)
        db.execute("CREATE INDEX FOR (n:N) ON (n.id)")
        text = "MATCH (n:N {id: $id}) RETURN n.name AS name"
        find = db.prepare(text)
        echo = db.prepare("RETURN $x AS x")
        empty = best_of_calls(calls, lambda i: None)

        show("loop and call of an empty lambda (included)", empty)
        show("point query, prepared", best_of_calls(calls, lambda i: find.execute(id=i % nodes).fetchone()))
        show("point query, prepared, and row.name", best_of_calls(calls, lambda i: find.execute(id=i % nodes).single().name))
        show("RETURN $x, prepared", best_of_calls(calls, lambda i: echo.execute(x=i).fetchone()))
        show("point query, db.execute", best_of_calls(calls, lambda i: db.execute(text, id=i % nodes).fetchone()))
        show("neighbors of a node without any", best_of_calls(calls, lambda i: db.neighbors(1)))
        integers = "UNWIND range(1, $n) AS x RETURN x"
        properties = "MATCH (n:N) RETURN n.id AS id, n.name AS name"
        show(f"{rows:,} integers into Arrow", best(lambda: db.execute(integers, n=rows).to_arrow()), 1e3, "ms")
        show(f"{nodes:,} rows of two properties into Arrow", best(lambda: db.execute(properties).to_arrow()), 1e3, "ms")
        show(f"{rows:,} integers as rows", best(lambda: db.execute(integers, n=rows).fetchall()), 1e3, "ms")


if __name__ == "__main__":
    main()
