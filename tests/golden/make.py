#!/usr/bin/env python3
"""make.py SOMBRA VERSION — makes the golden files of a release: databases as that release writes them, compressed, and what must be
read in them. Run once for each format version, with that release's command; the files are then kept for ever, and
tests/cli/test_golden.py opens them with whatever is built.

Each file holds the same graph: every type of value, values in overflow pages, a hub whose list fills several leaves, many types,
deleted entities (free pages), every kind of index and constraint. One file for each page size; one that is a file and a WAL, as a process
that was killed leaves them.
"""
import json
import lzma
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent

GRAPH = [
    "CREATE CONSTRAINT person_name FOR (p:Person) REQUIRE p.name IS UNIQUE",
    "CREATE CONSTRAINT city_key FOR (c:City) REQUIRE (c.country, c.name) IS NODE KEY",
    "CREATE CONSTRAINT knows_since FOR ()-[k:KNOWS]-() REQUIRE k.since IS NOT NULL",
    "CREATE CONSTRAINT person_age FOR (p:Person) REQUIRE p.age IS :: INTEGER",
    "CREATE INDEX person_age_index FOR (p:Person) ON (p.age)",
    "CREATE INDEX knows_index FOR ()-[k:KNOWS]-() ON (k.since)",
    "UNWIND range(1, 400) AS i CREATE (:Person {name: 'person ' + toString(i), age: i % 90, score: i * 0.25, odd: i % 2 = 1})",
    "UNWIND range(1, 20) AS i CREATE (:City {name: 'city ' + toString(i), country: 'country ' + toString(i % 3),"
    " at: point({longitude: i * 1.5, latitude: i * 0.5})})",
    "MATCH (p:Person), (c:City) WHERE p.age % 20 + 1 = toInteger(substring(c.name, 5)) CREATE (p)-[:LIVES_IN {for: duration({days: p.age})}]->(c)",
    "MATCH (a:Person), (b:Person) WHERE b.age = (a.age * 7 + 3) % 90 CREATE (a)-[:KNOWS {since: 1900 + a.age}]->(b)",
    "CREATE (h:Hub:Person {name: 'the hub', age: 1}) WITH h MATCH (p:Person) WHERE p <> h CREATE (p)-[:FOLLOWS]->(h), (h)-[:KNOWS {since: 2000}]->(p)",
    "CREATE (v:Values {true: true, small: -1, large: 9223372036854775807, least: -9223372036854775808, float: 1.0e-300, text: 'é 日本語 🙂', empty: '',"
    " date: date('2024-02-29'), time: time('12:34:56.789+02:00'), local: localtime('23:59:59.999999999'), at: datetime('2024-02-29T12:00:00[Europe/Paris]'),"
    " offset: datetime('1582-10-15T00:00:00-08:00'), there: localdatetime('-0044-03-15T12:00:00'), span: duration('P1Y2M3DT4H5M6.7S'),"
    " p2: point({x: 1.5, y: -2}), p3: point({x: 1, y: 2, z: 3}), w3: point({longitude: 1, latitude: 2, height: 3}),"
    " ints: [1, 2, 3], floats: [0.5], texts: ['a', '', 'b'], none: [], truths: [true, false], dates: [date('1970-01-01')]})",
    "UNWIND range(1, 3) AS i CREATE (:Long {n: i, text: reduce(s = '', x IN range(1, i * 3000) | s + toString(x % 10)), list: range(1, i * 2000)})",
    "CREATE (a:Loop {name: 'self'}) CREATE (a)-[:LOOP]->(a), (a)-[:LOOP]->(a)",
    "UNWIND range(1, 60) AS i CREATE (:Gone {i: i})-[:GONE]->(:Gone {i: -i, text: reduce(s = '', x IN range(1, 200) | s + 'gone')})",
    "MATCH (g:Gone) WHERE abs(g.i) <> 7 DETACH DELETE g",
    "MATCH (p:Person) WHERE p.age = 13 SET p:Unlucky, p.score = 'text now' REMOVE p.odd",
    *(f"MATCH (a:City), (b:City) WHERE a.name = 'city {i % 20 + 1}' AND b.name = 'city {(i * 3) % 20 + 1}' CREATE (a)-[:ROAD_{i} {{km: {i}}}]->(b)" for i in range(40)),
]
LATER = [
    "MATCH (p:Person) WHERE p.age = 20 SET p.late = true",
    "MATCH (p:Person {name: 'person 33'}) DETACH DELETE p",
    "CREATE (:After {checkpoint: 'no'})-[:AFTER]->(:After)",
]
# What is asked of every file, by every version.
QUESTIONS = [
    "MATCH (n) RETURN count(n) AS nodes",
    "MATCH ()-[r]->() RETURN type(r) AS type, count(r) AS count ORDER BY type",
    "MATCH (p:Person) WHERE p.age = 42 RETURN p.name AS name ORDER BY name",
    "MATCH (v:Values) RETURN v.true, v.small, v.large, v.least, v.float, v.text, v.empty, v.ints, v.floats, v.texts, v.none, v.truths",
    "MATCH (v:Values) UNWIND [v.date, v.time, v.local, v.at, v.offset, v.there, v.span, v.dates[0]] AS t RETURN toString(t) AS t",
    "MATCH (v:Values) RETURN v.p2.srid, v.p2.x, v.p2.y, v.p3.srid, v.p3.x, v.p3.y, v.p3.z, v.w3.srid, v.w3.longitude, v.w3.latitude, v.w3.height",
    "MATCH (l:Long) RETURN l.n AS n, size(l.text) AS bytes, right(l.text, 5) AS end, size(l.list) AS size, l.list[-1] AS last ORDER BY n",
    "MATCH (:Hub)<-[f:FOLLOWS]-(p) RETURN count(f) AS followers, sum(p.age) AS ages",
    "MATCH (c:City {country: 'country 1', name: 'city 4'})<-[l:LIVES_IN]-(p) RETURN count(p) AS living, max(l.for) AS longest",
    "MATCH ()-[k:KNOWS]->() WHERE k.since = 1933 RETURN count(k) AS known",
    "MATCH (u:Unlucky) RETURN count(u) AS unlucky, collect(DISTINCT u.score) AS scores",
    "SHOW CONSTRAINTS YIELD name, type RETURN name, type ORDER BY name",
]


def sombra(command, *words):
    done = subprocess.run([command, *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)}: {done.stdout}{done.stderr}")
    return done.stdout


def ask(command, path, *options):
    """Digest and answers."""
    answers = [sombra(command, "query", path, question, "--format", "jsonl", *options) for question in QUESTIONS]
    return {"digest": sombra(command, "digest", path, *options).split()[0],
            "answers": [[json.loads(line) for line in answer.splitlines()] for answer in answers]}


def keep(path, name):
    (HERE / f"{name}.xz").write_bytes(lzma.compress(Path(path).read_bytes(), preset=9 | lzma.PRESET_EXTREME))


def main():
    command, version = sys.argv[1], sys.argv[2]
    expected = {}
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for page_size in (4096, 8192, 16384, 32768, 65536):
            name = f"{version}-{page_size}.sombra"
            for statement in GRAPH:
                sombra(command, "query", name, statement, "--quiet", "--option", f"page_size={page_size}")
            expected[name] = ask(command, name)
            keep(name, name)
        # While another process has the file open, closing leaves the WAL as it is.
        name = f"{version}-wal.sombra"
        shutil.copy(f"{version}-4096.sombra", name)
        with subprocess.Popen([command, "query", name, "UNWIND range(1, 100000000) AS x RETURN x", "--format", "csv"], stdout=subprocess.PIPE) as holder:
            holder.stdout.readline()
            for statement in LATER:
                sombra(command, "query", name, statement, "--quiet", "--option", "autocheckpoint=0")
            keep(name, name)
            keep(name + "-wal", name + "-wal")
            holder.kill()
        expected[name] = ask(command, name)
    (HERE / f"{version}.json").write_text(json.dumps(expected, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
