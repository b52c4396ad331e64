#!/usr/bin/env python3
"""Random queries on random graphs: the engine's rows against those of the reference evaluator, however the query is planned and written.

Usage: metamorphic.py [--queries N] [--seed S] [--jobs J] [--seconds T] [--log FILE] [--keep-going] [--kind KIND] ENGINE
ENGINE is sombra-tck. FILE gets a line for each piece of work; where it has some, seeds go on behind theirs, and the sum of all is printed, too.
Each query is run with plans of a few of several kinds (indexes off or wherever one serves, orders as written, shuffled,
counted by factors, spilling, on several threads), and perhaps in another form that means the same (reference/transform.py) or in three parts that
add up, or with parameters of other types; one in five is an update, after which the whole graph is compared; some update in several transactions.
Some have sub-queries in sub-queries, paths, or thousands of rows with little memory. KIND: only such (KINDS below).
What differs is made smaller, and printed with the seed of its graph: --seed S finds it again. Last line: what was run. Exit status: 0 when nothing differed.
"""
import argparse
import contextlib
import gc
import itertools
import json
import math
import multiprocessing
import os
import random
import re
import sys
import time
from collections import Counter

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from reference import generate, transform
from reference.deep import Deep
from reference.engine import Engine, EngineGone, plain
from reference.evaluate import Evaluator, TooMuch, Trouble
from reference.language import Match, Project, Unwind, clone, query_text, text
from reference.paths import Paths
from reference.temporal import NoSuchDay
from reference.values import bag_key, order_key, same_key
from reference.visible import Visible

QUERIES_PER_GRAPH = 100
GRAPHS_PER_PIECE = 20
BATCH = 25  # queries that the engine is sent at once: it works them off while the next ones are made
NO_ANSWER = (TooMuch, Trouble, NoSuchDay)  # of the reference
SENSELESS = (KeyError, TypeError, AttributeError, IndexError, ValueError)


class Difference(Exception):
    """kind: what shrinking must keep."""

    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind


# ---- Plans ----

def spilling(rng):
    return {'force_spill': rng.choice((1, 2, 2, 3, 5)), 'threads': rng.choice((1, 1, 1, 2)), 'always_table': rng.random() < 0.2}


PLANS = [
    lambda rng: {},  # the plan and its operators are used again
    lambda rng: {'no_indexes': True, 'no_reorder': True, 'no_special': True},
    lambda rng: {'always_factor': True},
    lambda rng: {'always_seek': True},
    lambda rng: {'always_factor': True, 'no_reorder': True},
    lambda rng: {'shuffle_seed': rng.randrange(1, 1 << 40), 'always_factor': rng.random() < 0.5, 'always_seek': rng.random() < 0.5},
    lambda rng: {'shuffle_seed': rng.randrange(1, 1 << 40), 'force_spill': rng.choice((1, 2, 3, 8, 50)), 'no_special': rng.random() < 0.5,
                 'always_seek': rng.random() < 0.5},
    spilling,
    lambda rng: {'always_table': True, 'shuffle_seed': rng.randrange(1, 1 << 40), 'always_factor': rng.random() < 0.5},
    lambda rng: {'threads': rng.choice((2, 4)), 'always_table': rng.random() < 0.3, 'no_special': rng.random() < 0.3, 'no_indexes': rng.random() < 0.5,
                 'shuffle_seed': rng.choice((0, rng.randrange(1, 1 << 40)))},
]


def keeps_rows(query):
    """Has it DISTINCT or ORDER BY, whose operators spill?"""
    return any(isinstance(c, Project) and (c.distinct or c.order) for branch in query.branches for c in branch) or len(query.branches) > 1


def plans(rng, count):
    """The plan that users have, and some of the others."""
    return [{}] + [make(rng) for make in rng.sample(PLANS, count)]


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
    evaluator = Evaluator(graph, query.params)
    rows = evaluator.run(query, [{}])
    return Expected(query, rows, evaluator.full)


def rows_of(answer):
    if 'error' in answer:
        message = answer['error']['message']
        raise Difference('error ' + re.split(r'[^A-Za-z ]', message)[0], f'{answer["error"]["type"]}: {message}')
    return [[plain(v) for v in row] for row in answer['rows']]


def check_answers(answers, ways, check, prefix=''):
    """What the plans gave; None: the same as the first."""
    for plan, answer in zip(ways, answers):
        try:
            if answer is not None:
                check(answer)
        except Difference as why:
            raise Difference(f'{prefix} {why.kind}'.strip(), f'{prefix} plan {json.dumps(plan)}: {why}'.strip()) from None


ESTIMATE = re.compile(r'"estimated_(?:rows|cost)": ?([^,}\s]*)')


def check_estimates(answer):
    if 'error' in answer:
        raise Difference('explain', answer['error']['message'])
    plan = answer['rows'][0][0]
    try:
        json.loads(plan)
        estimates = [float(x) for x in ESTIMATE.findall(plan)]
    except ValueError as why:
        raise Difference('estimate', f'EXPLAIN JSON is none: {why}') from None
    if not estimates or not all(math.isfinite(x) and x >= 0 for x in estimates):
        raise Difference('estimate', f'estimated: {estimates}')


# What checks a query has two steps: read_trial and its like give the requests to the engine, and a function that judges the answers.

def read_trial(graph, query, seed):
    """Does every way to ask give the reference's rows?"""
    rng = random.Random(seed)
    want = expected_of(graph, query)
    written = query_text(query)
    more = [{'always_seek': True}] * query.seeks + [spilling(rng)] * (keeps_rows(query) and rng.random() < 0.4)
    ways = [('', written, plans(rng, rng.choice((1, 1, 2, 4))) + more)]
    if rng.random() < 0.5:
        change = rng.choice(transform.SAME)
        other = query_text(change(clone(query), rng))
        if other != written:
            ways.append((f'{change.__name__}: {other}\n ', other, [rng.choice(PLANS)(rng)]))
    requests = [Engine.trial(one, query.params, asked, want.order is not None) for _, one, asked in ways]
    if rng.random() < 0.3:
        requests.append(Engine.request('EXPLAIN JSON ' + written, query.params, ways[0][2][-1]))

    def judge(answers):
        for (prefix, _, asked), answer in zip(ways, answers):
            check_answers(answer['answers'], asked, lambda one: want.check(rows_of(one)), prefix)
        for answer in answers[len(ways):]:
            check_estimates(answer)

    return requests, judge


def partition_trial(graph, query, predicate):
    """p, NOT p and p IS NULL add up to the whole."""
    want = expected_of(graph, query)
    want.order = None

    def judge(answers):
        try:
            want.check([row for answer in answers for row in rows_of(answer['answers'][0])])
        except Difference as why:
            raise Difference('partition ' + why.kind, f'partition by {text(predicate)}: {why}') from None

    return [Engine.trial(query_text(part), query.params, [{}]) for part in transform.partition(query, predicate)], judge


def can_partition(query):
    branch = query.branches[0]
    last = branch[-1]
    return (len(query.branches) == 1 and isinstance(branch[-2], Match) and not branch[-2].optional and
            isinstance(last, Project) and not last.distinct and last.skip is None and last.limit is None and
            not any(e[0] == 'agg' for item, _ in last.items for e in generate.tuples_of(item)))


COMPARISONS = ('=', '<>', '<', '<=', '>', '>=', 'STARTS WITH', 'ENDS WITH', 'CONTAINS')


def operands(thing, free, used):
    """Counts where parameters stand: free: where a value of any type may."""
    if isinstance(thing, tuple) and thing and isinstance(thing[0], str):
        if thing[0] == 'param':
            used[thing[1]] += 1
        elif thing[0] == 'bin' and (thing[1] in COMPARISONS or thing[1] == 'IN'):
            sides = thing[2:3] if thing[1] == 'IN' else thing[2:4]
            free.update(side[1] for side in sides if side[0] == 'param')
        elif thing[0] == 'isnull' and thing[1][0] == 'param':
            free[thing[1][1]] += 1
    if hasattr(thing, 'props'):
        free.update(e[1] for _, e in thing.props if e[0] == 'param')
    inside = thing if isinstance(thing, (list, tuple)) else vars(thing).values() if hasattr(thing, '__dict__') else ()
    for x in inside:
        operands(x, free, used)


def free_params(query):
    free, used = Counter(), Counter()
    operands(query.branches, free, used)
    return [name for name in free if free[name] == used[name]]


def params_trial(graph, query, seed):
    """One text with values of other types, back and forth: what the plan cache keeps must not know them."""
    rng = random.Random(seed)
    other = clone(query)
    other.params = {**query.params, **{name: generate.value_of_any_kind(rng) for name in free_params(query)}}
    given = [query, other, query, other]
    wants = [expected_of(graph, one) for one in given[:2]] * 2

    def judge(answers):
        for one, want, answer in zip(given, wants, answers):
            check_answers(answer['answers'], [{}], lambda got: want.check(rows_of(got)), f'parameters {one.params}')

    return [Engine.trial(query_text(query), one.params, [{}]) for one in given], judge


# ---- Many rows ----

BUDGETS = (40_000, 80_000, 150_000, 250_000, 500_000, 1_000_000)


def is_cut(query):
    return any(getattr(c, name, None) is not None for branch in query.branches for c in branch for name in ('skip', 'limit'))


def many_trial(graph, query, seed):
    """Every row many times over, with a number that goes along: of each number there must be the same rows."""
    rng = random.Random(seed)
    want = expected_of(graph, query)
    want.order = None
    times = max(2, min(rng.choice((300, 1100, 2100)), 5000 // max(1, want.count)))
    other = clone(query)
    for branch in other.branches:
        for c in branch:
            if isinstance(c, Project):
                if all(any(x[0] == 'agg' for x in generate.tuples_of(item)) for item, _ in c.items):
                    raise Trouble  # it has a row where there was none
                c.items = c.items + [(('var', 'times'), 'times')]
        branch.insert(0, Unwind(('call', 'range', (('lit', 1), ('lit', times))), 'times'))
    if is_cut(query):
        raise Trouble
    ways = plans(rng, 1)

    def check(answer):
        groups = {}
        for row in rows_of(answer):
            groups.setdefault(row.pop(), []).append(row)
        if want.count and len(groups) != times:
            raise Difference('times', f'{len(groups)} numbers instead of {times}')
        for rows in groups.values():
            want.check(rows)

    return [Engine.trial(query_text(other), query.params, [way]) for way in ways], \
        lambda answers: check_answers([answer['answers'][0] for answer in answers], ways, check)


def too_little(answer):
    return answer is not None and 'error' in answer and 'more memory than' in answer['error']['message']


def memory_trial(graph, query, seed):
    """Every row many times over, with memory for some of them: what all memory gives, or the clear error."""
    rng = random.Random(seed)
    if query.bags or is_cut(query):
        raise Trouble
    other = clone(query)
    for branch in other.branches:
        branch.insert(0, Unwind(('call', 'range', (('lit', 1), ('lit', rng.choice((200, 1000))))), 'times'))
    ways = [{}] + [{'memory': rng.choice(BUDGETS), **rng.choice(PLANS)(rng), 'threads': rng.choice((1, 1, 3))} for _ in range(3)]

    def bag(answer):
        return Counter(tuple(same_key(v) for v in row) for row in rows_of(answer))

    def judge(answers):
        first, *more = answers[0]['answers']
        want = bag(first)

        def check(answer):
            if bag(answer) != want:
                raise Difference('memory', f'other rows: {list((bag(answer) - want).items())[:3]}, missing {list((want - bag(answer)).items())[:3]}')

        check_answers([None if too_little(answer) else answer for answer in more], ways[1:], check)

    return [Engine.trial(query_text(other), query.params, ways)], judge


# ---- Updates ----

def colors(graph):
    """The graph without its ids: nodes by what they have and what is around them, three steps deep."""
    def props(have):
        return frozenset([(key, same_key(v)) for key, v in have.items()])

    color = {i: hash((frozenset(labels), props(have))) for i, (labels, have) in graph.nodes.items()}
    rels = [(source, target, hash((kind, props(have)))) for kind, source, target, have in graph.rels.values()]
    for _ in range(3 if rels else 0):
        around = dict.fromkeys(color, 0)  # sums: relationships have no order
        for source, target, rel in rels:
            around[source] += hash((rel, 1, color[target]))
            around[target] += hash((rel, 2, color[source]))
        color = {i: hash((own, around[i])) for i, own in color.items()}
    return Counter(color.values())


DUMP = [Engine.request('MATCH (n) RETURN n'), Engine.request('MATCH ()-[r]->() RETURN r')]


def graph_of(nodes, rels):
    """The graph from the rows of DUMP."""
    graph = generate.Graph()
    for (node,) in nodes:
        content = node['$node']
        graph.add_node(content['labels'], {k: plain(v) for k, v in content['properties'].items()}, content['id'])
    for (rel,) in rels:
        content = rel['$rel']
        graph.add_rel(content['type'], content['start'], content['end'],
                      {k: plain(v) for k, v in content['properties'].items()}, content['id'])
    return graph


def updated(graph, query, backward=False):
    """The graph that an update leaves, and what it gives, if it gives rows."""
    after = graph.copy()
    try:
        rows = Evaluator(after, query.params, backward=backward).run(query, [{}])
    except KeyError:  # what has been deleted is read
        raise Trouble from None
    return after, Expected(query, rows, rows) if isinstance(query.branches[0][-1], Project) else None


def demand_order_is_no_matter(after, graph, query):
    """Trouble: the reference leaves another graph when it finds the last first."""
    if colors(updated(graph, query, backward=True)[0]) != colors(after):
        raise Trouble


def must_be_left(found, after, graph, query):
    """Is the graph that was found the one that the reference leaves?"""
    if colors(found) != colors(after):
        demand_order_is_no_matter(after, graph, query)
        raise Difference('graph', f'another graph: {describe(found, after)}')


def update_trial(graph, query, seed):
    """Does every plan leave the graph that the reference leaves?"""
    rng = random.Random(seed)
    after, want = updated(graph, query)
    ways = plans(rng, rng.choice((1, 1, 2, 4)))

    def judge(answers):
        answers = answers[0]['answers']

        def check(answer):
            got = rows_of(answer)
            if 'nodes' in answer:
                found = graph_of(answer['nodes'], answer['rels'])
                must_be_left(found, after, graph, query)
            elif answer['digest'] != answers[0]['digest']:
                demand_order_is_no_matter(after, graph, query)
                raise Difference('digest', 'plans leave graphs of different digests')
            if want is not None:
                want.check(got)
            if answer['stats'] != answers[0]['stats']:
                raise Difference('counts', f'{answer["stats"]} instead of {answers[0]["stats"]}')

        check_answers(answers, ways, check)

    return [Engine.trial(query_text(query), query.params, ways, undo=True)], judge


def transaction_trial(graph, texts, query, seed):
    """The same of CALL { } IN TRANSACTIONS, which no transaction around it can undo: the graph is made anew after each run."""
    rng = random.Random(seed)
    after, want = updated(graph, query)
    ways = plans(rng, rng.choice((1, 2)))
    again = [{'op': 'reset'}] + [Engine.request(one) for one in texts]
    requests = [request for way in ways for request in [Engine.request(query_text(query), query.params, way)] + DUMP + again]

    def judge(answers):
        def check(some):
            want.check(rows_of(some[0]))
            found = graph_of(*(answer['rows'] for answer in some[1:3]))
            must_be_left(found, after, graph, query)

        each = len(requests) // len(ways)
        check_answers([answers[i:i + each] for i in range(0, len(answers), each)], ways, check)

    return requests, judge


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
            smaller = clone(query)
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
    graph = graph_of(*(answer['rows'] for answer in engine.ask_all(DUMP)))
    if colors(graph) != colors(made):
        raise RuntimeError(f'loading a graph changes it: {texts}')
    return graph, texts, [index for _, index in definitions]


def ran_too_long(answer):
    """Did a plan run into the engine's time limit? It says nothing of the rows."""
    if answer is None:
        return False
    return 'error' in answer and 'time limit' in answer['error']['message'] or any(map(ran_too_long, answer.get('answers', ())))


KINDS = {'plain': 72, 'update': 18, 'visible': 3, 'transactional': 1.5, 'deep': 3, 'paths': 4, 'many': 0.3, 'memory': 0.2}  # and how many of a hundred
READING = {'plain': generate.Generator, 'deep': Deep, 'paths': Paths}


class Trial:
    """A query, and how it is checked: trial(query) gives requests and their judge."""

    def __init__(self, engine, graph, texts, indexes, seed, kind=None):
        rng = random.Random(seed)
        kind = kind or rng.choices(list(KINDS), list(KINDS.values()))[0]
        self.engine = engine
        if kind == 'transactional':
            generator = (generate.Generator if rng.random() < 0.5 else Visible)(rng, indexes)
            self.query = generator.transactional()
            self.trial = lambda query: transaction_trial(graph, texts, query, seed)
        elif kind in ('update', 'visible'):
            generator = (Visible if kind == 'visible' else generate.Generator)(rng, indexes)
            self.query = generator.update()
            self.trial = lambda query: update_trial(graph, query, seed)
        else:
            generator = (READING[kind] if kind in READING else rng.choice(list(READING.values())))(rng, indexes)
            self.query = generator.query()
            self.trial = self.reading(kind, generator, rng, graph, seed)

    def reading(self, kind, generator, rng, graph, seed):
        if kind in ('many', 'memory'):
            trial = many_trial if kind == 'many' else memory_trial
            return lambda query: trial(graph, query, seed)
        if self.query.params and rng.random() < 0.12 and free_params(self.query):
            return lambda query: params_trial(graph, query, seed)
        if can_partition(self.query) and rng.random() < 0.3:
            predicate = generator.predicate(generator.before_return, 2)
            return lambda query: partition_trial(graph, query, predicate)
        return lambda query: read_trial(graph, query, seed)

    def prepare(self):
        """False: the reference has no answer."""
        try:
            self.requests, self.judge = self.trial(self.query)
        except NO_ANSWER:
            return False
        return True

    def difference(self, answers):
        """The Difference, or None. NO_ANSWER: the reference is found to have none."""
        try:
            self.judge(answers)
        except Difference as why:
            return why
        return None

    def fails(self, query):
        """The Difference of another query, or None."""
        try:
            requests, judge = self.trial(query)
            answers = self.engine.ask_all(requests)
            if not any(map(ran_too_long, answers)):
                judge(answers)
        except NO_ANSWER:
            return None
        except Difference as why:
            return why
        return None


def answers_of(engine, texts, trials):
    """For each trial that was sent its answers, or None where the engine ended."""
    try:
        answers = iter(engine.receive())
        return [list(itertools.islice(answers, len(trial.requests))) for trial in trials]
    except EngineGone:
        pass
    out = []
    for trial in trials:
        try:
            reload(engine, texts)
            out.append(engine.ask_all(trial.requests))
        except EngineGone:
            out.append(None)
    reload(engine, texts)
    return out


def reload(engine, texts):
    engine.start()
    for one in texts:
        engine.must(one)


def run_seed(engine, seed, queries, report, kind=None):
    """Queries of one graph. Returns how many were compared, how many ran into the time limit and how many differed."""
    counts = Counter()
    graph, texts, indexes = build(engine, random.Random(seed))

    def judge(made):
        for (number, trial), answers in zip(made, answers_of(engine, texts, [trial for _, trial in made])):
            counts[verdict(seed, texts, number, trial, answers, report)] += 1

    at_work = []
    for begin in range(0, queries, BATCH):
        made = [(number, Trial(engine, graph, texts, indexes, f'{seed}.{number}', kind)) for number in range(begin, min(queries, begin + BATCH))]
        made = [(number, trial) for number, trial in made if trial.prepare()]
        judge(at_work)
        engine.send([request for _, trial in made for request in trial.requests])
        at_work = made
    judge(at_work)
    return counts['same'] + counts['differs'], counts['slow'], counts['differs']


def verdict(seed, texts, number, trial, answers, report):
    query = trial.query
    if answers is None:
        why = Difference('crash', 'the engine ended')
    elif any(map(ran_too_long, answers)):
        report(f'--- seed {seed}, query {number}: ran into the time limit\n{query_text(query)}\n  parameters {query.params}')
        return 'slow'
    else:
        try:
            why = trial.difference(answers)
        except NO_ANSWER:
            return 'unanswered'
        if why is None:
            return 'same'
        query = shrink(query, trial.fails, why.kind)
        why = trial.fails(query) or why
    report(f'--- seed {seed}, query {number}: {why.kind}\n' + ''.join(t + ';\n' for t in texts) +
           f'{query_text(query)}\n  parameters {query.params}\n  {why}\n  as generated: {query_text(trial.query)}')
    return 'differs'


class Campaign:
    """What was run: counts of pieces of some graphs each, summed up, and kept in a file if there is one."""

    FIELDS = ('seed', 'graphs', 'queries', 'executions', 'slow', 'differed', 'seconds')

    def __init__(self, log):
        self.log = log
        self.now, self.all = Counter(), Counter()
        self.next_seed = 0
        if log and os.path.exists(log):
            with open(log, encoding='utf-8') as lines:
                for line in lines:
                    self.count(dict(zip(self.FIELDS, map(int, line.split()[1::2]))), self.all)

    def count(self, piece, *sums):
        for total in sums:
            total.update(piece)
        self.next_seed = max(self.next_seed, piece['seed'] + piece['graphs'])

    def add(self, piece):
        self.count(piece, self.now, self.all)
        if self.log:
            with open(self.log, 'a', encoding='utf-8') as out:
                print(*(f'{name} {piece[name]}' for name in self.FIELDS), file=out)

    @staticmethod
    def text(total):
        return (f'{total["queries"]} queries, {total["executions"]} executions, {total["differed"]} differed, {total["slow"]} ran into the time limit, '
                f'{total["seconds"]} s')


def work(piece):
    """Queries on some graphs: piece is (command, seeds, queries, keep_going, kind)."""
    command, seeds, queries, keep_going, kind = piece
    began = time.monotonic()
    gc.set_threshold(100000)  # what is made is made for one query, mostly without circles
    engine = Engine(command)
    total = Counter(seed=seeds[0], graphs=len(seeds))
    for seed in seeds:
        try:
            compared, slow, differed = run_seed(engine, seed, queries, lambda message: print(message, flush=True), kind)
        except EngineGone as gone:
            print(f'--- seed {seed}: {gone}', flush=True)
            compared, slow, differed = 0, 0, 1
            engine.start()
        total.update(queries=compared, slow=slow, differed=differed)
        if differed and not keep_going:
            break
    engine.close()
    total.update(executions=engine.executions, seconds=round(time.monotonic() - began))
    return total


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('engine')
    parser.add_argument('--queries', type=int, default=1000)
    parser.add_argument('--seed', type=int, default=None)
    parser.add_argument('--jobs', type=int, default=1)
    parser.add_argument('--seconds', type=int, default=None)
    parser.add_argument('--log', default=None)
    parser.add_argument('--keep-going', action='store_true')
    parser.add_argument('--kind', choices=KINDS, default=None)
    args = parser.parse_args()
    campaign = Campaign(args.log)
    first = args.seed if args.seed is not None else random.SystemRandom().randrange(1 << 30)
    first = campaign.next_seed or first
    each = min(args.queries, QUERIES_PER_GRAPH)
    end = first + -(-args.queries // each)
    print(f'seed {first}', flush=True)
    graphs = max(1, min(GRAPHS_PER_PIECE, (end - first) // args.jobs))
    pieces = ((args.engine, range(at, min(at + graphs, end)), each, args.keep_going, args.kind) for at in range(first, end, graphs))
    began = time.monotonic()
    # One job has no other process, which a sanitizer or a profiler would have to follow.
    with multiprocessing.Pool(args.jobs) if args.jobs > 1 else contextlib.nullcontext() as pool:
        for piece in pool.imap_unordered(work, pieces) if pool else map(work, pieces):
            campaign.add(piece)
            late = args.seconds is not None and time.monotonic() - began > args.seconds
            if late or piece['differed'] and not args.keep_going:
                break
    print(f'metamorphic: {campaign.text(campaign.now)} (seed {first})')
    if args.log:
        print(f'all of {args.log}: {campaign.text(campaign.all)}')
    return 1 if campaign.now['differed'] or campaign.now['queries'] == 0 else 0


if __name__ == '__main__':
    sys.exit(main())
