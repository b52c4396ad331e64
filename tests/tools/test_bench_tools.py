#!/usr/bin/env python3
"""test_bench_tools.py — bench-table, bench-plots and bench-run on invented figures: a benchmark that answers at once stands in for
sombra-bench, so that what is tested is what the tools make of its lines.
"""
import json
import os
import re
import runpy
import stat
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[2] / "tools"
DOCS = TOOLS.parent / "docs"
FAKE = """#!{python}
import json, sys
scale = int(sys.argv[sys.argv.index("--scale") + 1]) if "--scale" in sys.argv else 1
graphs = sys.argv[sys.argv.index("--graph") + 1].split(",") if "--graph" in sys.argv else ["s1k"]
for graph in graphs:
    for engine, cost in (("sombra", 10), ("lmdb", 40)):
        elements = (5000 if graph == "s1k" else 25000) * scale
        figure = dict(workload="lookup_id", graph=graph, engine=engine, metric="lookups_per_s", value=1e9 / cost, unit="1/s", elements=elements)
        print(json.dumps(figure))
        print(json.dumps(dict(figure, workload="scan_filter", metric="relationships_ms", value=elements * 0.8 * cost / 1e6, unit="ms")))
print(json.dumps(dict(stopped="query", graph="s1k", engine="sqlite", metric="triangles_ms", seconds=20)), file=sys.stderr)
print(json.dumps(dict(workload="query", graph="s1k", engine="sombra", metric="triangles_ms", value=2, unit="ms")))
print(json.dumps(dict(workload="query", graph="s1k", engine="raw", metric="triangles_ms", value=1, unit="ms")))
print(json.dumps(dict(workload="query", graph="s1k", engine="sombra", metric="threads_2_triangles_ms", value=1, unit="ms")))
print(json.dumps(dict(elapsed="scan_filter", seconds=2.4)), file=sys.stderr)
print(json.dumps({{"summary": {{}}}}))
"""
SVG = "{http://www.w3.org/2000/svg}"


def run(*words, text="", code=0):
    done = subprocess.run([str(w) for w in words], input=text, capture_output=True, text=True, env={**os.environ, "SOMBRA_BENCH_FAST": "1"})
    assert done.returncode == code, f"{words}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stderr + done.stdout


def lines_of(path):
    """{stroke: [(x, y), …]} of a plot's lines."""
    root = ElementTree.parse(path).getroot()
    return {line.get("stroke") + (line.get("stroke-dasharray") or ""): [tuple(map(float, p.split(","))) for p in line.get("points").split()]
            for line in root.iter(SVG + "polyline")}


def check_page(folder):
    """The tables of a page are rewritten, and nothing else of it; one without figures is an error, and changes nothing."""
    page, text = folder / "page.md", "before\n<!-- bench: run -->\nold\n<!-- /bench -->\nprose\n<!-- bench: query s1k -->\n<!-- /bench -->\nafter\n"
    lines = "".join((folder / "out" / name).read_text() for name in ("run.json", "table.json"))
    page.write_text(text)
    run(TOOLS / "bench-table", "--page", page, text=lines)
    made = page.read_text()
    assert made.startswith("before\n<!-- bench: run -->\n\nMeasured 2") and made.endswith("<!-- /bench -->\nafter\n"), made
    assert "old" not in made and "\n<!-- /bench -->\nprose\n<!-- bench: query s1k -->\n\n| graph" in made, made
    run(TOOLS / "bench-table", "--page", page, text=lines)
    assert page.read_text() == made
    for wrong in ("bfs", "query b1m"):
        page.write_text(f"<!-- bench: {wrong} -->\nold\n<!-- /bench -->\n")
        assert f"no figures for {wrong}" in run(TOOLS / "bench-table", "--page", page, text=lines, code=1)
        assert "old" in page.read_text()
    page.write_text("no table\n")
    assert "has no place" in run(TOOLS / "bench-table", "--page", page, text=lines, code=1)


def check_targets():
    """Each kind of measure, met and missed; what was not run has no line; the page's table is the same."""

    def line(workload, graph, engine, metric, value, unit):
        return json.dumps(dict(workload=workload, graph=graph, engine=engine, metric=metric, value=value, unit=unit)) + "\n"

    rate, cost = ("lookup_id", "b1m"), ("scan_filter", "b1m")
    text = line(*rate, "sombra", "lookups_per_s", 9e6, "1/s") + line(*rate, "lmdb", "lookups_per_s", 3e6, "1/s")
    text += line(*rate, "sombra", "batch_lookups_per_s", 24e6, "1/s")
    text += line(*cost, "sombra", "relationships_ms", 4, "ms") + line(*cost, "raw", "relationships_ms", 2, "ms")
    text += line("commit_each", "none", "sombra", "median_us", 105, "us") + line("commit_each", "none", "raw", "median_us", 100, "us")
    for threads, value in (("1_thread", 10), ("8_threads", 39)):
        text += line("commit_each", "none", "sombra", f"commits_per_s_{threads}", value, "1/s")
    for graph, value in (("s1k", 100), ("s5k", 130), ("s20k", 90)):
        text += line("bulk_edge_creation", graph, "sombra", "ns_per_element_without_sync", value, "ns")
    text += line("three_hop_count", "b1m", "sombra", "lengths_nodes_per_s", 80, "1/s") + line("three_hop_count", "b1m", "raw", "nodes_per_s", 10, "1/s")
    text += line("query", "b1m", "sombra", "point_lookup_queries_per_s", 1e6, "1/s") + line("query", "b1m", "native", "point_lookup_queries_per_s", 2e6, "1/s")
    for engine, metric, value in (("sombra", "in_order_relationships_per_s", 250e6), ("raw", "in_order_relationships_per_s", 400e6),
                                  ("raw", "relationships_per_s", 100e6), ("lmdb", "relationships_per_s", 20e6)):
        text += line("bfs", "b1m", engine, metric, value, "1/s")
    made = run(TOOLS / "bench-table", text=text + '{"summary": {}}\n')
    wanted = ["`lookup_id` | b1m | `lookups_per_s` | at least 8,000,000 look-ups/s | 9,000,000 | met", "at least 4× LMDB | 3 | **missed**",
              "at least 8× LMDB, by batch | 8 | met", "at most 3 ms, values of one byte | 4 | **missed**",
              "`relationships_ms` | at least 0.3× the raw array | 0.5 | met", "at most 1.1× the raw write and sync | 1.05 | met",
              "at least 4× one thread's rate, by 8 | 3.9 | **missed**", "at most 1.3× between sizes | 1.44 | **missed**",
              "at least 7× the array that enumerates, by lengths | 8 | met", "at most 300 ns over the call | 500 | **missed**",
              "Of 13 targets, 7 were met in this run."]
    for each in wanted:
        assert each in made, f"{each}\n{made}"
    assert "`mixed`" not in made, made
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.md"
        page.write_text("<!-- bench: summary -->\n<!-- /bench -->\n")
        run(TOOLS / "bench-table", "--page", page, text=text + '{"summary": {}}\n')
        assert "| nodes looked up by id, two properties, per second | 9 M | 3 M |  |  |" in page.read_text(), page.read_text()
        # Beside the arrays' faster search, not their plain queue.
        assert "| breadth first, relationships per second | 250 M | 20 M |  | 400 M |" in page.read_text(), page.read_text()
        assert "| commits of one node each, per second | 10 |  |  |  |" in page.read_text(), page.read_text()


def check_links():
    """Each plot that is made is shown on the page of the benchmarks."""
    made = {f"{name}.svg" for name in runpy.run_path(str(TOOLS / "bench-plots"))["PLOTS"]}
    page = (DOCS / "BENCHMARKS.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"\(plots/([\w-]+\.svg)\)", page))
    assert made == shown, made ^ shown


def check_limits():
    """Of each target that the page's run missed, the page says what limits it, what shows that, and what was tried."""
    page = (DOCS / "BENCHMARKS.md").read_text(encoding="utf-8")
    told = page.split("\n### What limits what, and what was tried\n")[1].split("\n### ")[0]
    headed = {}
    for part in told.split("\n#### ")[1:]:
        heading, _, body = part.partition("\n")
        if all(f"- **{word}**" in body for word in ("Limit", "Shown by", "Tried")):
            headed.update({word.split()[0]: body for word in re.findall("`([^`]+)`", heading)})
    items = set(re.findall(r"^ *- `(\w+)`", told, re.M))
    missed = re.findall(r"^\| `(\w+)` \|[^|]*\| `(\w+)` \|.*\*\*missed\*\*", page, re.M)
    assert missed, "no target was missed: this check looks at nothing"
    for workload, metric in missed:
        if workload == "query":
            row = re.sub("_(queries_per_s|commits_per_s|rows_per_s|ms)$", "", metric)
            names = {row, row.removesuffix("_commit").upper()}
        else:
            names = {workload}
        assert names & (set(headed) | items), f"{workload} {metric} was missed, and nothing says what limits it"


def main():
    check_targets()
    check_links()
    check_limits()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        fake = folder / "bench"
        fake.write_text(FAKE.format(python=sys.executable))
        fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
        said = run(TOOLS / "bench-run", fake, folder / "out", folder / "plots")
        last = said.splitlines()[-1]
        assert last.startswith("bench: 29 figures in ") and " (scan_filter 7); tables in " in last, said
        assert sorted(p.name for p in (folder / "plots").iterdir()) == ["lookup-id.svg", "scan.svg"], said
        assert "fewer than two sizes for ingest," in said, said
        tables = (folder / "out" / "table.md").read_text()
        assert "| s1k | lookups_per_s | 1/s | 100,000,000 | 25,000,000 | 4.00 |" in tables
        assert "| s1k | triangles_ms | ms | 2 | > 20 s | 1 |  | 0.50 |" in tables, tables
        assert "| s1k | threads_2_triangles_ms | ms | 1 | > 20 s | 1 |  | 1.00 |" in tables, tables
        check_page(folder)
        for name in ("lookup-id.svg", "scan.svg"):
            # The same cost at each of three sizes (5,000 to 250,000; one size is there twice): flat, Sombra's line below the other.
            lines = lines_of(folder / "plots" / name)
            assert len(lines) == 2, lines
            sombra, lmdb = lines["#b5371f"], lines["#2f6f9f"]
            for line in (sombra, lmdb):
                assert len(line) == 4 and len({y for _, y in line}) == 1, (name, line)
                assert [x for x, _ in line] == sorted(x for x, _ in line)
            assert sombra[0][1] > lmdb[0][1], (name, lines)
        # Ten times the cost at ten times the size rises.
        figure = dict(workload="bfs", graph="s1k", engine="raw", metric="relationships_per_s", unit="1/s")
        text = "".join(json.dumps(dict(figure, elements=n, value=1e12 / n)) + "\n" for n in (1000, 10000))
        assert "1 plots in" in run(TOOLS / "bench-plots", folder / "more", text=text)
        (low, high), = lines_of(folder / "more" / "bfs.svg").values()
        assert high[1] < low[1], (low, high)
        # A graph of many types is no point of the curve.
        wide = json.dumps(dict(figure, graph="w1m", elements=100000, value=1)) + "\n"
        run(TOOLS / "bench-plots", folder / "more", text=text + wide)
        assert lines_of(folder / "more" / "bfs.svg") == {"#777777": [low, high]}
        # One size is no plot, and figures that are none are refused.
        run(TOOLS / "bench-plots", folder / "none", text=text.splitlines()[0], code=1)
        assert "did the run end well" in run(TOOLS / "bench-table", text=text, code=1)
        # A benchmark that fails ends the run.
        fake.write_text("#!/bin/sh\nexit 1\n")
        assert "the table failed" in run(TOOLS / "bench-run", fake, folder / "out", folder / "plots", code=1)
    print("test_bench_tools: passed")


if __name__ == "__main__":
    main()
