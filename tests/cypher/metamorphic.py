#!/usr/bin/env python3
"""Random queries on random graphs: the engine's rows against those of the reference evaluator, however the query is planned and written.

Usage: metamorphic.py [--queries N] [--seed S] [--jobs J] [--keep-going] ENGINE
ENGINE is sombra-tck. Each query is run with plans of several kinds (indexes off, orders as written, shuffled, counted by factors, spilling, on several
threads), and in another form
that means the same (reference/transform.py); one in five is an update, after which the whole graph is compared. What differs is made smaller,
and printed with the seed that finds it again: --seed S --queries 1 for it alone. Last line: what was run. Exit status: 0 when nothing differed.
"""
import argparse
import copy
import json
import math
import multiprocessing
import os
import random
import re
import sys
from collections import Counter

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from reference import generate, transform
from reference.engine import Engine, EngineGone, plain
from reference.evaluate import Evaluator, TooMuch, Trouble
from reference.language import Match, Project, params_of, query_text, text
from reference.values import bag_key, order_key, same_key

QUERIES_PER_GRAPH = 25
SENSELESS = (KeyError, TypeError, AttributeError, IndexError, ValueError)


class Difference(Exception):
    """kind: what shrinking must keep."""

    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind


# ---- Plans ----

def plans(rng):
    yield {}
    yield {}  # the plan and its operators are used again
    yield {'no_indexes': True, 'no_reorder': True, 'no_special': True}
    yield {'always_factor': True}
    yield {'always_factor': True, 'no_reorder': True}
    yield {'shuffle_seed': rng.randrange(1, 1 << 40), 'always_factor': rng.random() < 0.5}
    yield {'shuffle_seed': rng.randrange(1, 1 << 40), 'force_spill': rng.choice((1, 2, 3, 8, 50)), 'no_special': rng.random() < 0.5,
           'no_indexes': rng.random() < 0.5}
    yield {'threads': rng.choice((2, 4)), 'no_special': rng.random() < 0.3, 'no_indexes': rng.random() < 0.5,
           'shuffle_seed': rng.choice((0, rng.randrange(1, 1 << 40)))}


# ---- Reading queries ----

class Expected:
    """What the rows of a query may be."""

    def __init__(self, query, rows, full):
        last = query.branches[0][-1]
        self.aliases = [alias for _, alias in last.items]
        self.bags = query.bags
        self.count = len(rows)
        cut = len(query.branches) == 1 and (last.skip is not None or last.limit is not None)
        self.all = Counter(self.key(row.values()) for row in (full if cut else rows))
        self.cut = cut
        self.order = None
        if len(query.branches) == 1 and last.order and all(e[0] == 'var' and e[1] in self.aliases for e, _ in last.order):
            self.places = [self.aliases.index(e[1]) for e, _ in last.order]
            self.order = [self.sort_keys(list(row.values())) for row in rows]

    def key(self, values):
        return tuple(bag_key(v) if alias in self.bags else same_key(v) for alias, v in zip(self.aliases, values))

    def sort_keys(self, values):
        return [order_key(values[place]) for place in self.places]

    def check(self, rows):
        found = Counter(self.key(row) for row in rows)
        if len(rows) != self.count:
            raise Difference('rows', f'{len(rows)} rows instead of {self.count}' + self.detail(found))
        if found - self.all or not self.cut and self.all - found:
            raise Difference('rows', 'other rows' + self.detail(found))
        if self.order is not None and [self.sort_keys(row) for row in rows] != self.order:
            raise Difference('order', 'another order')

    def detail(self, found):
        return (f'\n  too many: {list((found - self.all).items())[:4]}\n'
                f'  missing:  {list((self.all - found).items())[:4] if not self.cut else "-"}')


def expected_of(graph, query):
    evaluator = Evaluator(graph)
    rows = evaluator.run(query, [{}])
    return Expected(query, rows, evaluator.full)


def rows_of(answer):
    if 'error' in answer:
        message = answer['error']['message']
        raise Difference('error ' + re.split(r'[^A-Za-z ]', message)[0], f'{answer["error"]["type"]}: {message}')
    return [[plain(v) for v in row] for row in answer['rows']]


def ask(engine, query, plan):
    return rows_of(engine.run(query_text(query), params_of(query), plan))


def check_plans(engine, query, want, ways, prefix=''):
    """The rows of the query by plans of several kinds; and what is estimated."""
    written, params = query_text(query), params_of(query)
    requests = [engine.request(written, params, plan) for plan in ways]
    requests.append(engine.request('EXPLAIN JSON ' + written, params))
    answers = engine.ask_all(requests)
    for plan, answer in zip(ways, answers):
        try:
            want.check(rows_of(answer))
        except Difference as why:
            where = f'{prefix}: {written}\n  ' if prefix else ''
            raise Difference(f'{prefix} {why.kind}'.strip(), f'{where}plan {json.dumps(plan)}: {why}') from None
    check_estimates(answers[-1])


def check_estimates(answer):
    def walk(x):
        if isinstance(x, dict):
            for key in ('estimated_rows', 'estimated_cost'):
                if key in x and not (isinstance(x[key], (int, float)) and math.isfinite(x[key]) and x[key] >= 0):
                    raise Difference('estimate', f'{key} is {x[key]}')
            for y in x.values():
                walk(y)
        elif isinstance(x, list):
            for y in x:
                walk(y)

    if 'error' in answer:
        raise Difference('explain', answer['error']['message'])
    try:
        walk(json.loads(answer['rows'][0][0]))
    except json.JSONDecodeError as why:
        raise Difference('estimate', f'EXPLAIN JSON is none: {why}') from None


def check_read(engine, graph, query, seed):
    """Does every way to ask give the reference's rows?"""
    rng = random.Random(seed)
    want = expected_of(graph, query)
    check_plans(engine, query, want, list(plans(rng)))
    way = rng.choice(transform.SAME)
    other = way(copy.deepcopy(query), rng)
    if query_text(other) != query_text(query):
        check_plans(engine, other, want, [{}, {'shuffle_seed': rng.randrange(1, 1 << 40)}], way.__name__)


def check_partition(engine, graph, query, predicate):
    """p, NOT p and p IS NULL add up to the whole."""
    want = expected_of(graph, query)
    rows = []
    for part in transform.partition(query, predicate):
        rows += ask(engine, part, {})
    want.order = None
    try:
        want.check(rows)
    except Difference as why:
        raise Difference('partition ' + why.kind, f'partition by {text(predicate)}: {why}') from None


def can_partition(query):
    branch = query.branches[0]
    last = branch[-1]
    return (len(query.branches) == 1 and isinstance(branch[-2], Match) and not branch[-2].optional and
            isinstance(last, Project) and not last.distinct and last.skip is None and last.limit is None and
            not any(e[0] == 'agg' for item, _ in last.items for e in generate.tuples_of(item)))


# ---- Updates ----

def colors(graph):
    """The graph without its ids: nodes by what they have and what is around them, three steps deep."""
    def props(have):
        return tuple(sorted((key, same_key(v)) for key, v in have.items()))

    color = {i: hash((tuple(sorted(labels)), props(have))) for i, (labels, have) in graph.nodes.items()}
    for _ in range(3):
        around = {i: [] for i in graph.nodes}
        for kind, source, target, have in graph.rels.values():
            around[source].append(('out', kind, props(have), color[target]))
            around[target].append(('in', kind, props(have), color[source]))
        color = {i: hash((color[i], tuple(sorted(map(repr, around[i]))))) for i in color}
    return Counter(color.values())


DUMP = [Engine.request('MATCH (n) RETURN n'), Engine.request('MATCH ()-[r]->() RETURN r')]


def dumped(nodes, rels):
    """The graph from the answers of DUMP."""
    graph = generate.Graph()
    for (node,) in nodes['rows']:
        content = node['$node']
        graph.add_node(content['labels'], {k: plain(v) for k, v in content['properties'].items()}, content['id'])
    for (rel,) in rels['rows']:
        content = rel['$rel']
        graph.add_rel(content['type'], content['start'], content['end'],
                      {k: plain(v) for k, v in content['properties'].items()}, content['id'])
    return graph


def check_update(engine, graph, query, seed):
    rng = random.Random(seed)
    after = graph.copy()
    rows = Evaluator(after).run(query, [{}])
    last = query.branches[0][-1]
    total = rows[0]['total'] if isinstance(last, Project) else None
    want = colors(after)
    digests = set()
    written, params = query_text(query), params_of(query)
    for plan in plans(rng):
        begin, update, digest, nodes, rels, end = engine.ask_all(
            [engine.request('BEGIN'), engine.request(written, params, plan), {'op': 'digest'}, *DUMP, engine.request('ROLLBACK')])
        try:
            rows_of(begin)
            got = rows_of(update)
            rows_of(end)
            digests.add(digest['digest'])
            found = dumped(nodes, rels)
            if colors(found) != want:
                raise Difference('graph', f'another graph: {describe(found, after)}')
            if total is not None and got != [[total]]:
                raise Difference('rows', f'{got} instead of {total}')
            if len(digests) > 1:
                raise Difference('digest', 'plans leave graphs of different digests')
        except Difference as why:
            raise Difference(why.kind, f'plan {json.dumps(plan)}: {why}') from None


def describe(found, want):
    def of(graph):
        nodes = Counter(repr((sorted(labels), sorted(have.items()))) for labels, have in graph.nodes.values())
        rels = Counter(repr((kind, sorted(have.items()))) for kind, _, _, have in graph.rels.values())
        return nodes, rels

    return '; '.join(f'too many {list((a - b).items())[:3]}, missing {list((b - a).items())[:3]}'
                     for a, b in zip(of(found), of(want)))


# ---- Making a failing query smaller ----

def shrink(query, fails, kind):
    """fails(query): the Difference, or None."""
    again = True
    rounds = 0
    while again and rounds < 200:
        again = False
        for edit in list(transform.edits(query)):
            smaller = copy.deepcopy(query)
            try:
                edit(smaller)
                why = fails(smaller)
            except SENSELESS:
                continue
            rounds += 1
            if why is not None and why.kind == kind:
                query = smaller
                again = True
                break
    return query


# ---- A run ----

def build(engine, rng):
    """A random graph in the engine, and as the reference sees it: ids are the engine's."""
    made = generate.random_graph(rng)
    engine.ask({'op': 'reset'})
    definitions = generate.schema(rng)
    script = [statement for statement, _ in definitions]
    late = rng.random() < 0.5
    texts = [generate.create_text(made)] + script if late else script + [generate.create_text(made)]
    for one in texts:
        engine.must(one)
    graph = dumped(*engine.ask_all(DUMP))
    if colors(graph) != colors(made):
        raise RuntimeError(f'loading a graph changes it: {texts}')
    return graph, texts, [index for _, index in definitions]


def one_query(engine, graph, indexes, seed):
    """Returns (query, check): check(query) raises Difference."""
    rng = random.Random(seed)
    generator = generate.Generator(rng, indexes)
    if rng.random() < 0.2:
        query = generator.update()
        return query, lambda q: check_update(engine, graph, q, seed)
    query = generator.query()
    if can_partition(query) and rng.random() < 0.3:
        predicate = generator.predicate(generator.before_return, 2)
        return query, lambda q: check_partition(engine, graph, q, predicate)
    return query, lambda q: check_read(engine, graph, q, seed)


def run_seed(engine, seed, queries, report):
    """Queries of one graph. Returns how many were compared and how many differed."""
    compared = differed = 0
    rng = random.Random(seed)
    graph, texts, indexes = build(engine, rng)
    for number in range(queries):
        skipped = []
        first = ''
        query, check = one_query(engine, graph, indexes, f'{seed}.{number}')

        def fails(q):
            try:
                check(q)
                return None
            except (TooMuch, Trouble):
                skipped.append(True)
                return None
            except Difference as why:
                return why

        try:
            why = fails(query)
            if why is not None:
                differed += 1
                first = query_text(query)
                query = shrink(query, fails, why.kind)
                why = fails(query) or why
                skipped.clear()
        except EngineGone as gone:
            differed += 1
            why = Difference('crash', str(gone))
            engine.start()
            for one in texts:
                engine.must(one)
        compared += not skipped
        if why is not None:
            report(f'--- seed {seed}, query {number}: {why.kind}\n' + ''.join(t + ';\n' for t in texts) +
                   f'{query_text(query)}\n  parameters {params_of(query)}\n  {why}\n  as generated: {first}')
    return compared, differed


def work(args):
    command, seeds, queries, keep_going = args
    engine = Engine(command)
    compared = differed = 0
    for seed in seeds:
        try:
            a, b = run_seed(engine, seed, queries, lambda message: print(message, flush=True))
        except EngineGone as gone:
            print(f'--- seed {seed}: {gone}', flush=True)
            a, b = 0, 1
            engine.start()
        compared += a
        differed += b
        if differed and not keep_going:
            break
    engine.close()
    return compared, differed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('engine')
    parser.add_argument('--queries', type=int, default=1000)
    parser.add_argument('--seed', type=int, default=None)
    parser.add_argument('--jobs', type=int, default=1)
    parser.add_argument('--keep-going', action='store_true')
    args = parser.parse_args()
    first = args.seed if args.seed is not None else random.SystemRandom().randrange(1 << 30)
    each = min(args.queries, QUERIES_PER_GRAPH)
    seeds = range(first, first + -(-args.queries // each))
    print(f'seed {first}', flush=True)
    shares = [(args.engine, seeds[j::args.jobs], each, args.keep_going) for j in range(args.jobs)]
    if args.jobs == 1:
        results = [work(shares[0])]
    else:
        with multiprocessing.Pool(args.jobs) as pool:
            results = pool.map(work, shares)
    compared = sum(a for a, _ in results)
    differed = sum(b for _, b in results)
    print(f'metamorphic: {compared} queries, {differed} differed (seed {first})')
    return 1 if differed or compared == 0 else 0


if __name__ == '__main__':
    sys.exit(main())
