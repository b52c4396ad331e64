#!/usr/bin/env python3
"""The statements of bench/queries/social on DuckDB, Kuzu and Ladybug, through their Python packages, beside `sombra-bench query --graph social`.

Usage: peers.py CSV [--row NAME,...] [--engine NAME,...] [--rounds N] [--threads N]
CSV is the folder that `sombra-bench query --graph social --csv CSV` wrote. An engine whose package is not installed is left out, and so is a
statement that it does not understand; a line on standard error says so. Prints one JSON line for each figure, in the form of sombra-bench --json, and the
peak of the process's memory after each engine; the rows' sum (columns weighed by their place) tells whether all found the same.
Each engine runs in a process of its own. Loading is not timed. Exits 1 when one of them ended before its last statement.
"""
import argparse
import glob
import importlib
import json
import multiprocessing
import os
import random
import re
import resource
import statistics
import sys
import time

QUERIES = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'queries', 'social')
VIEWS = {
    'message': 'SELECT * FROM Post UNION ALL SELECT * FROM Comment',
    'message_tag': 'SELECT a, b FROM Post_HAS_TAG_Tag UNION ALL SELECT a, b FROM Comment_HAS_TAG_Tag',
    'message_creator': 'SELECT a, b FROM Post_HAS_CREATOR_Person UNION ALL SELECT a, b FROM Comment_HAS_CREATOR_Person',
    'likes': 'SELECT a, b FROM Person_LIKES_Post UNION ALL SELECT a, b FROM Person_LIKES_Comment',
    'reply': 'SELECT a, b FROM Comment_REPLY_OF_Post UNION ALL SELECT a, b FROM Comment_REPLY_OF_Comment',
    'knows': 'SELECT a, b, day FROM Person_KNOWS_Person UNION ALL SELECT b, a, day FROM Person_KNOWS_Person',
    'person_country': 'SELECT l.a, p.b FROM Person_IS_LOCATED_IN_City l JOIN City_IS_PART_OF_Country p ON p.a = l.b',
}


def tables(folder):
    """(labels, [(from, type, to)]) of the files."""
    names = sorted(os.path.basename(path)[:-4] for path in glob.glob(os.path.join(folder, '*.csv')))
    return [n for n in names if '-' not in n], [tuple(n.split('-')) for n in names if '-' in n]


class DuckDB:
    def __init__(self, module, folder, threads):
        self.db = module.connect(config={'threads': threads} if threads else {})
        labels, kinds = tables(folder)
        for name in labels + ['-'.join(kind) for kind in kinds]:
            path = os.path.join(folder, name + '.csv')
            self.db.execute(f"CREATE TABLE {name.replace('-', '_')} AS SELECT * FROM read_csv('{path}')")
        for name, text in VIEWS.items():
            self.db.execute(f'CREATE VIEW {name} AS {text}')

    suffix = '.sql'

    def run(self, text, values):
        return self.db.execute(text.replace('?1', '$1'), list(values.values())).fetchall()


class Kuzu:
    """Also Ladybug, which has the same interface."""

    def __init__(self, module, folder, threads):
        self.db = module.Connection(module.Database(), num_threads=threads or 0)
        labels, kinds = tables(folder)
        for label in labels:
            self.db.execute(f'CREATE NODE TABLE {label}(id INT64, name STRING, day INT64, PRIMARY KEY(id))')
            self.db.execute(f"COPY {label} FROM '{folder}/{label}.csv' (header=true)")
        for name in sorted({kind for _, kind, _ in kinds}):
            ends = [(a, b) for a, kind, b in kinds if kind == name]
            self.db.execute(f'CREATE REL TABLE {name}({", ".join(f"FROM {a} TO {b}" for a, b in ends)}, day INT64)')
            for a, b in ends:
                pair = f", from='{a}', to='{b}'" if len(ends) > 1 else ''
                self.db.execute(f"COPY {name} FROM '{folder}/{a}-{name}-{b}.csv' (header=true{pair})")

    suffix = '.cypher'

    def run(self, text, values):
        result = self.db.execute(text.replace(':Message', ':Post:Comment'), values)
        return result.get_all() if hasattr(result, 'get_all') else list(result)


ENGINES = {'duckdb': ('duckdb', DuckDB), 'kuzu': ('kuzu', Kuzu), 'ladybug': ('real_ladybug', Kuzu)}


def statement(name, suffix):
    """(text, {parameter: where its values come from}); None: there is no such file."""
    paths = [os.path.join(QUERIES, name + end) for end in ('.cypher', suffix)]
    if not os.path.exists(paths[1]):
        return None
    head = dict(re.findall(r'^// \$(\w+): (.*)$', open(paths[0], encoding='utf-8').read(), re.M))
    return re.sub(r'^//.*\n', '', open(paths[1], encoding='utf-8').read(), flags=re.M).strip(), head


def ids(folder, label):
    with open(os.path.join(folder, label + '.csv'), encoding='utf-8') as file:
        next(file)
        return [int(line.split(',', 1)[0]) for line in file]


def row_sum(rows):
    return sum((i + 1) * (len(v.encode()) + ord(v[0]) if isinstance(v, str) else int(v)) for row in rows for i, v in enumerate(row))


def run_engine(name, folder, rows, rounds, threads):
    module, make = ENGINES[name]
    try:
        engine = make(importlib.import_module(module), folder, threads)
    except ImportError:
        print(f'{name}: there is no package {module}; left out', file=sys.stderr)
        return
    for row in rows:
        found = statement(row, engine.suffix)
        if found is None:
            continue
        text, params = found
        rng = random.Random(1)
        values = {key: rng.choice(ids(folder, label)) for key, label in params.items()}
        samples, total = [], None
        try:
            for _ in range(rounds + 1):  # the first warms caches up
                started = time.perf_counter()
                total = row_sum(engine.run(text, values))
                samples.append(1000 * (time.perf_counter() - started))
        except Exception as why:  # each package has errors of its own
            print(f'{name}: {row}: {str(why).splitlines()[0]}', file=sys.stderr)
            continue
        samples = samples[1:]
        print(json.dumps({'workload': 'query', 'graph': 'social', 'engine': name, 'metric': row + '_ms', 'value': statistics.median(samples),
                          'low': min(samples), 'high': max(samples), 'rounds': rounds, 'unit': 'ms', 'sum': total}), flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({'workload': 'query', 'graph': 'social', 'engine': name, 'metric': 'peak_memory_bytes', 'value': peak, 'rounds': 0,
                      'unit': 'bytes'}), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('csv')
    parser.add_argument('--row')
    parser.add_argument('--engine', default=','.join(ENGINES))
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--threads', type=int, default=1, help='0: all')
    options = parser.parse_args()
    if options.rounds < 1 or options.threads < 0:
        parser.error('--rounds is 1 or more, --threads 0 or more')
    if not tables(options.csv)[0]:
        parser.error(f'{options.csv} holds no CSV files: sombra-bench query --graph social --csv DIR writes them')
    failed = False
    known = sorted(os.path.basename(path)[:-7] for path in glob.glob(os.path.join(QUERIES, '*.cypher')))
    rows = options.row.split(',') if options.row else known
    for name in rows:
        if name not in known:
            parser.error(f'there is no statement {name}')
    for name in options.engine.split(','):
        if name not in ENGINES:
            parser.error(f'there is no engine {name}')
        process = multiprocessing.Process(target=run_engine, args=(name, os.path.abspath(options.csv), rows, options.rounds, options.threads))
        process.start()
        process.join()
        if process.exitcode != 0:
            print(f'{name}: ended with status {process.exitcode}', file=sys.stderr)
            failed = True
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    main()
