#!/usr/bin/env python3
"""python_overhead [--nodes N] [--calls N] [--rows N] — what the Python package costs on top of the library.

  point query    a prepared look-up of a node by an indexed key, from the call to the row's value
  RETURN         a prepared RETURN $x, the shortest statement there is
  execute        the point query through db.execute, which finds the compiled statement by its text
  arrow          rows of one integer that no node has, and of stored properties, into a pyarrow.Table
  rows           the same integers as Python rows

Prints the best of several rounds, as of a process that nothing disturbs; run it on the wheel, or with PYTHONPATH=build/release/python.
"""
import argparse
import time

import sombra

CALLS = 1000  # of a round: short, so that some are not disturbed


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
    options = parser.parse_args()
    nodes, calls, rows = options.nodes, options.calls, options.rows

    with sombra.open(":memory:") as db:
        db.execute("UNWIND range(0, $n - 1) AS x CREATE (:N {id: x, name: 'n' + x})", n=nodes)
        db.execute("CREATE INDEX FOR (n:N) ON (n.id)")
        text = "MATCH (n:N {id: $id}) RETURN n.name AS name"
        find = db.prepare(text)
        echo = db.prepare("RETURN $x AS x")
        empty = best_of_calls(calls, lambda i: None)

        def show(name, seconds, unit=1e9, suffix="ns"):
            print(f"{name:<44} {seconds * unit:10,.0f} {suffix}")

        show("loop and call of an empty lambda (included)", empty)
        show("point query, prepared", best_of_calls(calls, lambda i: find.execute(id=i % nodes).fetchone()))
        show("RETURN $x, prepared", best_of_calls(calls, lambda i: echo.execute(x=i).fetchone()))
        show("point query, db.execute", best_of_calls(calls, lambda i: db.execute(text, id=i % nodes).fetchone()))
        show("neighbors of a node without any", best_of_calls(calls, lambda i: db.neighbors(1)))
        # Values that hardly repeat: leaves of the file can't make them short.
        db.execute("UNWIND range(0, $n - 1) AS x CREATE (:M {i: x * 7919 % $n, f: x * 0.37, s: 'text ' + toString(x * 7919 % $n)})", n=rows)
        integers = "UNWIND range(1, $n) AS x RETURN x"
        properties = "MATCH (n:N) RETURN n.id AS id, n.name AS name"
        show(f"{rows:,} integers into Arrow", best(lambda: db.execute(integers, n=rows).to_arrow()), 1e3, "ms")
        show(f"{nodes:,} rows of two properties into Arrow", best(lambda: db.execute(properties).to_arrow()), 1e3, "ms")
        for name, items in (("integer", "n.i AS i"), ("float", "n.f AS f"), ("string", "n.s AS s"), ("integer and float", "n.i AS i, n.f AS f")):
            stored = f"MATCH (n:M) RETURN {items}"
            show(f"{rows:,} stored: {name}, into Arrow", best(lambda: db.execute(stored).to_arrow()), 1e3, "ms")
        show(f"{rows:,} integers as rows", best(lambda: db.execute(integers, n=rows).fetchall()), 1e3, "ms")


if __name__ == "__main__":
    main()
