#!/usr/bin/env python3
"""Queries that once gave wrong rows, found by metamorphic.py or by readers: each with the rows that are right, by all kinds of plans.

Usage: test_found.py ENGINE (sombra-tck)
"""
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from reference.engine import Engine, plain

PLANS = [{}, {'no_reorder': True, 'no_indexes': True, 'no_special': True}, {'shuffle_seed': 1}, {'shuffle_seed': 2},
         {'force_spill': 1}]


class Found(unittest.TestCase):
    def gives(self, setup, query, rows):
        """In any order, twice by each plan; updates are undone after each run. setup: statements, separated by semicolons."""
        engine = Engine(sys.argv[1])
        for statement in setup.split('; ') if setup else []:
            engine.must(statement)
        for plan in [plan for plan in PLANS for _ in range(2)]:
            engine.must('BEGIN')
            answer = engine.run(query, None, plan)
            engine.must('ROLLBACK')
            self.assertNotIn('error', answer)
            got = [[plain(v) for v in row] for row in answer['rows']]
            self.assertCountEqual(got, rows, f'{query} with plan {plan}')
        engine.close()

    def test_an_inner_side_that_was_put_aside_is_built_again(self):
        nodes = "CREATE (:A {s: 'a', i: 1}), (:A {s: 'a', i: 2}), (:A {s: 'b', i: 3}), (:A {i: 4}), (:A {i: 5})"
        rows = [[1, 1], [1, 2], [2, 1], [2, 2], [3, 3]]
        self.gives(nodes, 'MATCH (n) OPTIONAL MATCH (m) WHERE m.s = n.s RETURN n.i, m.i', [*rows, [4, None], [5, None]])
        self.gives(nodes, 'MATCH (n) CALL { WITH n MATCH (m) WHERE m.s = n.s RETURN m } RETURN n.i, m.i', rows)
        self.gives(nodes, 'MATCH (n) RETURN n.i, COUNT { MATCH (m) WHERE m.s = n.s } AS c', [[1, 2], [2, 2], [3, 1], [4, 0], [5, 0]])

    def test_a_null_node_alone_matches_nothing(self):
        nodes = 'CREATE (:A), (:B)'
        self.gives(nodes, 'OPTIONAL MATCH (n {m: 1}) MATCH (n) RETURN n', [])
        self.gives(nodes, 'OPTIONAL MATCH (n {m: 1}) WITH n AS k MATCH (k), (m) RETURN m', [])
        self.gives(nodes, 'OPTIONAL MATCH (n {m: 1}) CALL { WITH n MATCH (n) RETURN 1 AS c } RETURN c', [])
        self.gives(nodes, 'OPTIONAL MATCH (n {m: 1}) RETURN EXISTS { MATCH (n) } AS e, COUNT { (n) } AS c', [[False, 0]])
        self.gives(nodes, 'UNWIND [null] AS n MATCH (n) RETURN n', [])
        self.gives(nodes, 'OPTIONAL MATCH (n {m: 1}) OPTIONAL MATCH p = (n) RETURN p', [[None]])

    def test_the_inner_side_of_a_product_comes_after_updates(self):
        nodes = 'CREATE (a {k: 0}), (b {k: 1}), (a)-[:T]->(b)'
        update = 'MATCH (b {k: 1}) CREATE (b)-[:U]->(b) WITH collect(b) AS z UNWIND range(1, 3) AS y '
        self.gives(nodes, update + 'MATCH (x)-[r]->() RETURN type(r), count(*)', [['T', 3], ['U', 3]])
        self.gives(nodes, update + 'MATCH (x)-[r]->(e) WHERE x.k = y RETURN type(r), count(*)', [['U', 1]])

    def test_an_expansion_begun_again_forgets_types(self):
        nodes = 'CREATE (a {k: 1}), (:C)-[:R]->(a), (a)-[:R]->(a), (:B)-[:T]->({k: 2})'
        self.gives(nodes, 'MATCH (n)--() RETURN DISTINCT labels(n) AS l, n.k', [[[], 1], [[], 2], [['B'], None], [['C'], None]])
        self.gives(nodes, 'MATCH (n) WHERE EXISTS { MATCH (n)--() } SET n.j = 1 RETURN count(*)', [[4]])

    def test_an_index_knows_only_entities_with_all_its_keys(self):
        nodes = ('CREATE INDEX both FOR (n:B) ON (n.s, n.i); '
                 "CREATE (:B {s: 'a', k: 1}), (:B {s: 'a', i: 1, k: 2}), (:B {s: 'b', i: 2, k: 3}), (:B {i: 3, k: 4})")
        self.gives(nodes, "MATCH (n:B {s: 'a'}) RETURN n.k", [[1], [2]])
        self.gives(nodes, "MATCH (n:B) WHERE n.s > '' RETURN n.k", [[1], [2], [3]])
        self.gives(nodes, "MATCH (n:B {s: 'a'}) WHERE n.i IS NOT NULL RETURN n.k", [[2]])
        self.gives(nodes, "MATCH (n:B) WHERE n.s IN ['a', 'b'] AND n.i <> 1 RETURN n.k", [[3]])

    def test_bounds_of_a_key_do_not_move_to_the_next(self):
        nodes = ('CREATE INDEX both FOR (n:B) ON (n.i, n.j); '
                 'CREATE (:B {i: 2, j: 0, k: 1}), (:B {i: 2, j: 5, k: 2}), (:B {i: 3, j: 5, k: 3})')
        self.gives(nodes, 'MATCH (n:B) WHERE n.i > 1 AND n.i = 2 AND n.j IS NOT NULL RETURN n.k', [[1], [2]])
        self.gives(nodes, 'MATCH (n:B) WHERE n.i < 1 AND n.i = 2 AND n.j > 1 RETURN n.k', [])

    def test_a_failed_run_leaves_nothing_for_the_next(self):
        engine = Engine(sys.argv[1])
        for query, count in (('UNWIND $l AS x CREATE (:A {k: 1 / x})', 1), ('UNWIND $l AS x MERGE (:M {k: 1 / x})', 1),
                             ('FOREACH (x IN $l | CREATE (:F {k: 1 / x}))', 1), ('MATCH (n:A) UNWIND $l AS x SET n.j = 1 / x', 0)):
            self.assertIn('error', engine.run(query, {'l': [1, 0]}))
            self.assertEqual(engine.run(query, {'l': [1]})['stats']['nodes_created'], count, query)
        self.assertEqual(engine.must('MATCH (n) RETURN n.k'), [[1], [1], [1]])
        engine.close()

    def test_updates_end_before_those_of_the_next_clause_begin(self):
        many = "UNWIND range(1, 1500) AS i CREATE (a:A)-[:T]->(b:B) WITH collect(a) AS x, collect(b) AS y "
        many += 'FOREACH (i IN range(0, 1498) | FOREACH (b IN [y[i]] | FOREACH (a IN [x[i + 1]] | CREATE (b)-[:T]->(a))))'
        self.gives(many, 'MATCH (n)-[:T]->(m) SET m.i = 1 SET n.i = 2 WITH count(*) AS c MATCH (n) RETURN n.i, count(*)',
                   [[2, 2999], [1, 1]])
        self.gives('UNWIND range(1, 1100) AS i CREATE (:A)', 'UNWIND [1, 2] AS i MATCH (n:A) CREATE (n)-[:T]->(n) DETACH DELETE n', [])
        self.gives('UNWIND range(1, 600) AS i CREATE (a:C)-[:T]->(), (a)-[:U]->(), (a)<-[:T]-()',
                   'MATCH ()-->(n)-->() REMOVE n:C RETURN count(*)', [[1200]])

    def test_groups_of_a_sub_query_know_the_row_around_them(self):
        sub = 'UNWIND [1, 2] AS y CALL { WITH y UNWIND [1, 2, 3] AS x RETURN %s } RETURN y, x'
        rows = [[y, x] for y in (1, 2) for x in (1, 2, 3)]
        self.gives('', sub % 'count(*) AS c, x ORDER BY x', rows)
        self.gives('', sub % 'DISTINCT count(*) AS c, x', rows)
        self.gives('', 'UNWIND [1, 2] AS y RETURN COUNT { UNWIND [1, 2, 3] AS x WITH x, count(*) AS c WHERE x < y RETURN x } AS c', [[0], [1]])
        self.gives('', 'UNWIND [1, 2] AS y RETURN COLLECT { UNWIND [1, 3] AS x WITH x, count(*) AS c ORDER BY c, x RETURN x + y } AS l',
                   [[[2, 4]], [[3, 5]]])

    def test_what_kept_rows_do_not_have_stands_in_no_inner_plan(self):
        nodes = 'CREATE (:A), (:A), (:B {i: 1}), (:B {i: 2}), (:B), (:C)'
        sub = 'CALL { WITH u MATCH (y) WITH u MATCH (x) WHERE x:B&B WITH u, count(*) AS c %s } RETURN %s'
        rows = 'UNWIND [1, 2] AS u WITH u ORDER BY u ' + sub
        self.gives(nodes, rows % ('RETURN u AS v, c', 'v, c'), [[1, 18], [2, 18]])
        self.gives(nodes, 'UNWIND [1, 2] AS u CREATE (:C) ' + sub % ('RETURN u AS v, c', 'v, c'), [[1, 24], [2, 24]])
        self.gives(nodes, rows % ('CREATE (:D {i: u})', 'count(*) AS c') + ' UNION ALL MATCH (n:D) RETURN n.i AS c', [[2], [1], [2]])
        self.gives(nodes, 'MATCH (u:C) WITH u ORDER BY u.i ' + sub % ('CREATE (u)-[:R]->(:D)', 'count(*)'), [[1]])

    def test_a_selector_over_one_relationship_binds_it(self):
        nodes = 'CREATE (a:A {i: 1})-[:R {i: 5}]->(b:C {i: 2}), (b)-[:S {i: 6}]->(c:C {i: 3}), (a)-[:S {i: 7}]->(b), (a)-[:T {i: 8}]->(c)'
        self.gives(nodes, 'MATCH SHORTEST GROUP (:A)-[r]->() RETURN r.i', [[5], [7], [8]])
        self.gives(nodes, 'MATCH p = ANY SHORTEST (:A)-[r:!R&!T]->(c) RETURN r.i, c.i, length(p)', [[7, 2, 1]])
        self.gives(nodes, 'MATCH ANY (a:A)-[r:R]->(b), (c {i: 3}) WHERE c.i > b.i AND a.i < 2 RETURN r.i', [[5]])
        self.gives(nodes, 'MATCH (a:A), (b:C), p = shortestPath((a)-[r]->(b)) WHERE r.i > 5 RETURN r.i, length(p)', [[7, 1], [8, 1]])
        self.gives(nodes, 'MATCH p = allShortestPaths((:A)-[r:R|S]->(b)) RETURN r.i, relationships(p) = [r]', [[5, True], [7, True]])
        self.gives(nodes, 'MATCH (a:A) OPTIONAL MATCH ANY SHORTEST (a)-[r:S]->(c:C {i: 3}) RETURN r', [[None]])

    def test_a_selector_over_a_node_has_a_condition(self):
        nodes = 'CREATE (:A), (:C {i: 1}), (:C {i: 2})'
        self.gives(nodes, 'MATCH p = ANY SHORTEST ((n:C) WHERE n.i > 1) RETURN n.i, length(p)', [[2, 0]])
        self.gives(nodes, 'MATCH (a:A) OPTIONAL MATCH p = SHORTEST 2 GROUPS ((n:C) WHERE n.i > 9) RETURN length(p)', [[None]])

    def test_rows_in_order_find_what_is_optional(self):
        nodes = 'UNWIND [1, 2, 3, 4] AS k CREATE (a:A {k: k}) FOREACH (x IN CASE WHEN k % 2 = 0 THEN [k] ELSE [] END | CREATE (a)-[:R]->({k: -x}))'
        rows = [[1, None], [2, -2], [3, None], [4, -4]]
        self.gives(nodes, 'MATCH (n:A) WITH n ORDER BY n.k OPTIONAL MATCH (n)-->(m) RETURN n.k, m.k', rows)
        self.gives(nodes, 'MATCH (n:A) WITH n ORDER BY n.k LIMIT 3 OPTIONAL MATCH (n)-->(m) RETURN n.k, m.k', rows[:3])

    def test_the_last_clause_that_sets_wins_for_all_rows(self):
        nodes = 'CREATE (a:A)-[:R]->(b:A)'
        for last in ('FOREACH (x IN [1] | SET b.j = 2)', 'CALL { WITH b SET b.j = 2 }', 'MERGE (b)-[r:R]-(a) ON MATCH SET b.j = 2'):
            self.gives(nodes, f'MATCH (a:A)--(b:A) FOREACH (x IN [1] | SET a.j = 1) {last} WITH count(*) AS c MATCH (n) RETURN n.j', [[2], [2]])

    def test_a_repeated_relationship_without_a_name_is_used_once(self):
        nodes = 'CREATE (:A)-[:R]->()-[:R]->()'
        self.gives(nodes, 'MATCH (:A) (()-[:R]-()){2,} (b) RETURN count(b)', [[1]])
        self.gives(nodes, 'MATCH p = (:A) (()-[:R]-(x)){1,3} (b) RETURN length(p)', [[1], [2]])
        self.gives(nodes, 'MATCH p = (:A) (()-[:R]->()-[:R]-()){1,2} (b) RETURN length(p)', [[2]])

    def test_what_is_counted_is_not_carried(self):
        engine = Engine(sys.argv[1])
        engine.must('UNWIND range(1, 40) AS i CREATE (n {k: i}), (n)-[:R]->(), (n)-[:R]->(), (n)-[:T]->(m), (m)-[:S]->({k: i % 3})')
        for spill in (1, 3, 50):
            for seed in range(1, 30):
                plan = {'shuffle_seed': seed, 'always_factor': True, 'force_spill': spill}
                answer = engine.run('MATCH (n)-[:R]->(), (n)-[:T]->(m), (m)-[:S]->(), (n)-[:R]->() RETURN count(n)', None, plan)
                self.assertEqual(answer.get('rows'), [[80]], plan)
                answer = engine.run('MATCH (n)-[:R]->(a), (n)-[:T]->(m)-[:S]->(s) RETURN s.k, count(a), count(n)', None, plan)
                self.assertCountEqual(answer.get('rows'), [[0, 26, 26], [1, 28, 28], [2, 26, 26]], plan)
        engine.close()

    def test_properties_of_a_walk_read_what_the_pattern_binds(self):
        nodes = 'CREATE ({i: 1})-[:R {i: 1}]->({i: 2})-[:R {i: 2}]->({i: 3}), (:Z {i: 1}), (:Z {i: 4})'
        self.gives(nodes, 'MATCH (a)-[:R*1..2 {i: z.i}]->(b), (z:Z) RETURN a.i, b.i', [[1, 2]])
        self.gives(nodes, 'MATCH (a)-[:R*1..2 {i: b.i - 1}]->(b) RETURN a.i, b.i', [[1, 2], [2, 3]])
        self.gives(nodes, 'MATCH (a)-[:R*2..2 {i: a.i}]->(b)-[q]->(), ()-[:R* {i: q.i}]->() RETURN a.i', [])
        self.gives(nodes, 'MATCH p = allShortestPaths((a)-[:R* {i: z.i}]->(b)), (z:Z) RETURN length(p), a.i', [[1, 1]])
        engine = Engine(sys.argv[1])
        answer = engine.run('MATCH ()-[r:R* {i: size(r)}]->() RETURN r')
        self.assertEqual(answer['error']['detail'], 'UndefinedVariable')
        engine.close()

    def test_a_part_in_parentheses_has_its_own_condition(self):
        nodes = ('CREATE (a:S {k: 0})-[:R {w: 1}]->({k: 1})-[:R {w: 2}]->({k: 2})-[:R {w: 1}]->(e:E {k: 9}), '
                 '(a)-[:R {w: 9}]->({k: 5})-[:R {w: 9}]->(e)')
        self.gives(nodes, 'MATCH ((:S)-[r:R]->(e) WHERE r.w < 5) RETURN e.k', [[1]])
        self.gives(nodes, 'MATCH p = ((:S)-[r:R]->+(:E) WHERE all(x IN r WHERE x.w < 5)) RETURN length(p)', [[3]])
        self.gives(nodes, 'MATCH ((a:S)-[r]->(e) WHERE r.w < 5), ((e)-[q]->(f) WHERE q.w > a.k) RETURN e.k, f.k', [[1, 2]])
        self.gives(nodes, 'OPTIONAL MATCH ((:S)-[r:R]->(e) WHERE r.w < 0) RETURN e', [[None]])
        self.gives(nodes, 'RETURN COUNT { ((:S)-[r:R]->(e) WHERE r.w < 5 AND COUNT { (e)-->() } = 1) } AS c', [[1]])
        shortest = 'MATCH p = ANY SHORTEST ((:S)-[r:R]->+(:E) WHERE %s) RETURN length(p)'
        self.gives(nodes, shortest % 'all(x IN r WHERE x.w < 5)', [[3]])
        self.gives(nodes, shortest % 'length(p) > 2', [[3]])
        self.gives(nodes, shortest % 'false', [])

    def test_ranges_of_an_index_hold_what_the_language_compares(self):
        nodes = ("CREATE INDEX FOR (n:A) ON (n.x); UNWIND [[1, 'a'], [1, 3], [1], [2], ['a'], [true], [0.0 / 0.0], duration('P1D'), "
                 "duration('P2D'), point({x: 1, y: 1}), [duration('P1D')]] AS x CREATE (:A {x: x}); UNWIND range(1, 100) AS i CREATE (:A {x: i})")
        self.gives(nodes, 'MATCH (n:A) WHERE n.x > [1, 2] AND n.x < [3] RETURN n.x', [[[1, 3]], [[2]]])
        self.gives(nodes, "MATCH (n:A) WHERE n.x >= [1, 'a'] RETURN n.x", [[[1, 'a']], [[2]]])
        for bound in ("duration('PT1H')", 'point({x: 0, y: 0})'):
            for sign in ('<', '<=', '>', '>='):
                self.gives(nodes, f'MATCH (n:A) WHERE n.x {sign} {bound} RETURN n.x', [])
        self.gives(nodes, "MATCH (n:A) WHERE n.x >= [duration('P1D')] RETURN size(n.x)", [[1]])

    def test_what_is_around_is_known_behind_an_aggregation(self):
        """A pattern took the variable of the query around it for a new one."""
        nodes = 'CREATE (:X {n: 1})-[:T {b: 7}]->(:Y {n: 3}), (:X {n: 2})'
        self.gives(nodes, 'MATCH (a:X) RETURN a.n, COUNT { WITH count(*) AS c MATCH (a)-->(b) RETURN b }', [[1, 1], [2, 0]])
        self.gives(nodes, 'MATCH (a:X) WHERE EXISTS { MATCH (z) WITH max(z.n) AS m MATCH (a)-->({n: m}) } RETURN a.n', [[1]])
        self.gives(nodes, 'MATCH (a:X) CALL (a) { MATCH (z) WITH count(z) AS c MATCH (a)-->(b) RETURN b.n + c AS d } RETURN a.n, d', [[1, 6]])
        self.gives(nodes, 'MATCH (a:X) RETURN a.n, COLLECT { UNWIND [1, 2] AS i CALL (i, a) { WITH sum(i) AS s MATCH (a)-->(b) RETURN b.n + i AS d } RETURN d }',
                   [[1, [4, 5]], [2, []]])
        self.gives(nodes, 'MATCH (:X)-[r]->(y) RETURN COUNT { WITH max(y.n) AS m MATCH ()-[*1..1 {b: r.b}]->(x) WHERE x.n = m RETURN x }', [[1]])
        # An imported variable that no WITH takes along is a new one.
        self.gives(nodes, 'MATCH (a:X) CALL { WITH a MATCH (z) WITH count(z) AS c MATCH (a)-->(b) RETURN b.n AS d } RETURN a.n, d', [[1, 3], [2, 3]])

    def test_ids_are_what_the_functions_give(self):
        nodes = 'CREATE (:A)-[:R]->(:A)'
        for entity, by, count in (('(n)', "elementId(n) = 'n1'", 1), ('(n)', "elementId(n) = 'r1'", 0), ('(n)', "elementId(n) IN ['n1', 'r1', 'n02', 1, null]", 1),
                                  ('(n)', 'elementId(n) = 1', 0), ('(n)', "id(n) = '1'", 0), ('(n)', "id(n) IN ['1', 2.0]", 1), ('()-[n]-()', "elementId(n) = 'r1'", 2),
                                  ('()-[n]->()', "elementId(n) IN ['n1', 'r1']", 1), ('()-[n]->()', "elementId(n) = 'n1'", 0), ('()-[n]->()', "id(n) = 'r1'", 0)):
            self.gives(nodes, f'MATCH {entity} WHERE {by} RETURN count(*)', [[count]])
        self.gives(nodes, 'MATCH (m) MATCH (n) WHERE elementId(n) = elementId(m) RETURN id(n)', [[1], [2]])

    def test_a_bound_stays_while_rows_are_looked_at(self):
        nodes = ("%sUNWIND range(10, 40) AS i CREATE (:V {i: i, v: i, w: 1})-[:R {v: i}]->(); UNWIND [1, 2, 3] AS i WITH i, reduce(s = '', x IN range(1, 3000) | s + 'x') AS s "
                 "CREATE (:V {i: i, v: s + toString(i), w: 1})-[:R {v: s + toString(i)}]->()")
        rows = [[2, [1]], [3, [1, 2]]]
        for index in ('', 'CREATE INDEX FOR (n:V) ON (n.v); ', 'CREATE INDEX FOR (n:V) ON (n.w, n.v); CREATE INDEX FOR ()-[r:R]-() ON (r.v); '):
            few = 'MATCH (m:V) WHERE m.i IN [1, 2, 3] '
            for bounded in ('n.v < m.v', "n.v < m.v AND n.v >= ''", 'n.w = 1 AND n.v < m.v', 'm.v > n.v AND n.w = m.w'):
                self.gives(nodes % index, few + f'MATCH (n:V) WHERE {bounded} WITH m, n ORDER BY n.i RETURN m.i, collect(n.i)', rows)
            self.gives(nodes % index, few + 'MATCH (n:V) WHERE n.v >= m.v RETURN m.i, count(n)', [[1, 3], [2, 2], [3, 1]])
            self.gives(nodes % index, few + 'MATCH (n:V) WHERE n.v STARTS WITH m.v RETURN m.i, n.i', [[1, 1], [2, 2], [3, 3]])
            self.gives(nodes % index, few + 'OPTIONAL MATCH (n:V) WHERE n.v < m.v RETURN m.i, count(n)', [[1, 0], [2, 1], [3, 2]])
            self.gives(nodes % index, few + 'RETURN m.i, EXISTS { MATCH (n:V) WHERE n.v < m.v }, COUNT { MATCH (n:V) WHERE n.v < m.v }',
                       [[1, False, 0], [2, True, 1], [3, True, 2]])
            self.gives(nodes % index, few + 'MATCH ()-[r:R]->() WHERE r.v < m.v RETURN m.i, count(r)', [[2, 1], [3, 2]])

    def test_bounds_that_are_lists(self):
        for index in ('', 'CREATE INDEX FOR (n:V) ON (n.v); '):
            nodes = index + "UNWIND [[1, ['a']], [2, [1, 'a']], [3, [1, 2]], [4, []], [5, [2]], [6, [0.0 / 0.0]], [7, 1]] AS p CREATE (:V {i: p[0], v: p[1]})"
            self.gives(nodes, 'MATCH (m:V {i: 2}) MATCH (n:V) WHERE n.v < m.v RETURN n.i', [[4]])
            for bound, below, above in (('[1, null]', [4], [5]), ('[1, {a: 1}]', [4], [5]), ('[[1]]', [4], []), ('[1, 0.0 / 0.0]', [4], [5]), ('[null]', [4], []),
                                        ("[1, 'b']", [2, 4], [5]), ('[]', [], [1, 2, 3, 5, 6])):
                self.gives(nodes, f'MATCH (n:V) WHERE n.v < {bound} RETURN n.i', [[i] for i in below])
                self.gives(nodes, f'MATCH (n:V) WHERE n.v > {bound} RETURN n.i', [[i] for i in above])
                self.gives(nodes, f'MATCH (n:V) WHERE n.v >= {bound} AND n.v < [7, null] RETURN n.i', [[i] for i in above if i not in (1, 6)] + [[4]] * (bound == '[]'))
                self.gives(nodes, f'MATCH (n:V) WHERE n.v >= {bound} AND n.v < 7 RETURN n.i', [])

    def test_rows_that_are_kept_leave_what_an_expression_binds(self):
        setup = 'CREATE (a {j: 2})-[:S]->(a)-[:S]->()'
        for between in ('WITH n ORDER BY n.j LIMIT 1', 'WITH n ORDER BY n.j', 'CALL { WITH n RETURN count(1) AS c ORDER BY c } WITH n'):
            self.gives(setup, f'MATCH (n {{j: 2}}) {between} RETURN [x IN [n] | size([(x)--(m) | 1])]', [[[2]]])
            self.gives(setup, f'MATCH (n {{j: 2}}) {between} RETURN all(x IN [n] WHERE EXISTS {{ (x)-->() }}), reduce(s = 0, x IN [n] | s + COUNT {{ (x)-->() }})', [[True, 2]])

    def test_what_decides_nothing_is_not_computed(self):
        self.gives('', 'UNWIND [0, 2] AS x RETURN coalesce(x, 1 / x) AS c', [[0], [2]])
        self.gives('', 'UNWIND [null, 2] AS x RETURN coalesce(null, x, 1 / (2 - x)) AS c', [[None], [2]])
        self.gives('', 'UNWIND [0, 2] AS x RETURN CASE x WHEN 0, null THEN 0 WHEN > 1 / x THEN 1 ELSE 1 / 0 END AS c', [[0], [1]])

    def test_indexes_and_constraints_need_no_name(self):
        self.gives('CREATE INDEX index_2 FOR (n:A) ON (n.i); CREATE INDEX FOR (n:A) ON (n.j); CREATE INDEX FOR (n:A) ON (n.k); '
                   'CREATE CONSTRAINT FOR (n:A) REQUIRE n.u IS UNIQUE',
                   'SHOW INDEXES YIELD name, properties RETURN name, properties',
                   [['index_2', ['i']], ['A_j', ['j']], ['A_k', ['k']], ['A_u', ['u']]])

    def test_ends_without_a_direction(self):
        engine = Engine(sys.argv[1])  # a ring of 6 with all edges doubled: hundreds of trails to each node
        engine.must('UNWIND range(0, 5) AS i CREATE (:N {i: i})')
        engine.must('MATCH (a:N), (b:N) WHERE b.i = (a.i + 1) % 6 CREATE (a)-[:R]->(b), (a)-[:R]->(b)')
        engine.must('CREATE (:N {i: 6})-[:R]->(:N {i: 7})')
        for i, end, rows in ((0, '*0..', 6), (0, '*0..2', 5), (6, '*0..', 2)):
            plan = json.loads(engine.must(f'PROFILE JSON MATCH (a:N {{i: {i}}})-[:R{end}]-(b) RETURN DISTINCT b.i')[0][0])
            while plan['operator'] != 'VarLengthExpand':
                plan = plan['input']
            self.assertEqual(plan['rows'], rows, end)
        # A node that only going back leads to is no end: with a step at least, trails are followed.
        self.assertEqual(engine.must('MATCH (a:N {i: 6})-[:R*]-(b) RETURN DISTINCT b.i'), [[7]])
        self.assertEqual(engine.must('MATCH (a:N {i: 6})-[:R*0..]-(b) RETURN DISTINCT b.i ORDER BY b.i'), [[6], [7]])
        self.assertEqual(engine.must('MATCH (a:N {i: 0})-[:R*..2]-(b) RETURN DISTINCT b.i ORDER BY b.i'), [[0], [1], [2], [4], [5]])
        engine.close()

    def test_only_ends_are_reached_where_nothing_counts_paths(self):
        engine = Engine(sys.argv[1])  # 2 ** 12 ways to the last of 13 nodes
        for statement in ('UNWIND range(0, 12) AS i CREATE (:N {i: i}), (:C {k: i})',
                          'MATCH (a:N), (b:N) WHERE b.i = a.i + 1 CREATE (a)-[:R]->(b), (a)-[:R]->(b)'):
            engine.must(statement)
        walk = 'MATCH (a:N {i: 0})-[:R*]->(b) '
        for rest, rows in (('MATCH (c:C) WHERE c.k = b.i RETURN DISTINCT c.k', 12), ('UNWIND [1, 2] AS x RETURN DISTINCT x + b.i', 12),
                           ('MATCH (c:C) WITH DISTINCT b, c RETURN count(*)', 12), ('WITH b ORDER BY b.i RETURN DISTINCT b.i % 2', 12),
                           ('CALL (b) { MATCH (c:C) WHERE c.k = b.i RETURN c } RETURN count(DISTINCT c)', 12),
                           # … but where each path is written for, numbered, left out or counted
                           ('WITH b, rand() AS r RETURN count(DISTINCT r)', 2 ** 13 - 2), ('RETURN rand() AS r, max(b.i)', 2 ** 13 - 2), ('CALL (b) { RETURN rand() AS r } RETURN count(DISTINCT r)', 2 ** 13 - 2),
                           ('CALL (b) { SET b.c = coalesce(b.c, 0) + 1 RETURN 1 AS x } RETURN DISTINCT x', 2 ** 13 - 2),
                           ('WITH b SKIP 1 RETURN DISTINCT b.i % 2', 2 ** 13 - 2), ('MATCH (c:C) WHERE c.k = b.i RETURN c.k, count(*)', 2 ** 13 - 2)):
            plan = json.loads(engine.must('PROFILE JSON ' + walk + rest)[0][0])
            while plan['operator'] != 'VarLengthExpand':
                plan = plan['input']
            self.assertEqual(plan['rows'], rows, rest)
        self.assertEqual(engine.must('MATCH (n:N {i: 12}) RETURN n.c'), [[2 ** 12]])
        engine.close()

    def test_a_part_that_no_row_changes_is_read_once(self):
        engine = Engine(sys.argv[1])
        for statement in ('UNWIND range(1, 50) AS i CREATE (:A {i: i}), (:B {i: i}), (:C {i: i})',
                          'MATCH (b:B), (c:C) WHERE c.i > b.i CREATE (b)-[:S]->(c)'):
            engine.must(statement)

        def read(query):
            """Rows of each expansion, wherever it is."""
            def walk(plan):
                while plan is not None:
                    if plan['operator'] == 'Expand':
                        yield plan['rows']
                    yield from walk(plan.get('inner'))
                    plan = plan.get('input')
            return list(walk(json.loads(engine.must('PROFILE JSON ' + query)[0][0])))
        for condition, count in (('a.i < x.i', 60025), ('a.i = x.i', 2450)):
            inside = f'MATCH (a:A), (b:B)-[:S]->(c:C {{i: 50}}) WHERE {condition}'
            for query in (f'MATCH (x:A) CALL (x) {{ {inside} RETURN a, b }} RETURN count(*)', f'MATCH (x:A) OPTIONAL {inside} RETURN count(b)'):
                self.assertEqual(read(query), [49], query)
                self.gives('UNWIND range(1, 50) AS i CREATE (:A {i: i}), (:B {i: i}), (:C {i: i}); '
                           'MATCH (b:B), (c:C) WHERE c.i > b.i CREATE (b)-[:S]->(c)', query, [[count]])
        # What the row before has written is read.
        nodes = 'UNWIND range(1, 20) AS i CREATE (:A {i: i}), (:B)-[:S]->(:C)'
        self.gives(nodes, 'MATCH (x:A) WITH x ORDER BY x.i CALL (x) { MATCH (a:A), (b:B)-[:S]->(c:C) WHERE a.i < 3 WITH x, count(*) AS n '
                   'CREATE (:B)-[:S]->(:C) RETURN n } RETURN sum(n)', [[sum(2 * (20 + i) for i in range(20))]])
        engine.close()

    def test_a_range_of_relationships_either_way_fills_whole_batches(self):
        rels = 'CREATE INDEX FOR ()-[r:R]-() ON (r.w); UNWIND range(1, 3000) AS i CREATE (:A {i: i})-[:R {w: i}]->(:B {i: -i})'
        self.gives(rels, 'MATCH (a)-[r:R]-(b) WHERE r.w > 100 RETURN count(*), count(DISTINCT a), sum(r.w), sum(a.i), sum(b.i), sum(a.i * b.i)',
                   [[5800, 5800, 2 * sum(range(101, 3001)), 0, 0, -2 * sum(i * i for i in range(101, 3001))]])

    def test_what_a_row_writes_the_next_one_reads(self):
        nodes = 'UNWIND range(1, 300) AS i CREATE (:A {k: i}), (:C {k: -i}); CREATE (:C {k: 1})'
        own = 'MATCH (c:C) WHERE c.k = a.k'
        one_by_one = 'MATCH (a:A) WITH a ORDER BY a.k '
        more = 'CREATE (:C {k: a.k + 1})'
        self.gives(nodes, f'{one_by_one}CALL (a) {{ {own} {more} RETURN 1 AS x }} RETURN count(*)', [[300]])
        self.gives(nodes, f'{one_by_one}FOREACH (x IN COLLECT {{ {own} RETURN 1 }} | {more}) WITH count(*) AS y MATCH (c:C) WHERE c.k > 0 RETURN count(c)', [[301]])
        # … but not one that comes to it in the same clause
        self.gives(nodes, f'MATCH (a:A) OPTIONAL MATCH (c:C) WHERE c.k = a.k {more} RETURN count(c)', [[1]])
        self.gives(nodes, f'MATCH (a:A) WHERE EXISTS {{ {own} }} {more} RETURN count(*)', [[1]])

    def test_a_list_of_relationships_that_has_a_value(self):
        nodes = 'CREATE (a {n: 1})-[:R]->(b {n: 2})-[:R]->(c {n: 3})-[:S]->(a), (b)-[:S]->(b), ({n: 4})'
        some = 'MATCH ({n: 1})-[rs*1..2]->() WITH rs '
        ends = [[1, 2], [1, 2], [1, 3]]
        self.gives(nodes, some + 'MATCH (x)-[rs*]->(y) RETURN x.n, y.n', ends)
        self.gives(nodes, some + 'MATCH (y)<-[rs*1..3]-(x) RETURN x.n, y.n', [[1, 2]])  # the list is in the order of the pattern
        self.gives(nodes, some + 'MATCH (z {n: 4}), (x)-[rs*]->(y) RETURN x.n, y.n', ends)
        self.gives(nodes, some + 'MATCH (x)-[rs*]->(y)-->(z) RETURN y.n, count(z)', [[2, 3], [3, 1]])
        self.gives(nodes, some + 'OPTIONAL MATCH (x)-[rs*]->({n: 3}) RETURN x.n', [[None], [None], [1]])

    def test_a_quantified_relationship_takes_any_expression_of_types(self):
        graph = 'CREATE (a:S {k: 0})-[:R]->({k: 1})-[:R]->(c:E {k: 2}), (a)-[:T]->(c)'
        self.gives(graph, 'MATCH (:S)-[r:R&!T]->+(e) RETURN e.k, size(r)', [[1, 1], [2, 2]])
        self.gives(graph, 'MATCH (:S)-[:!R]-*(e) RETURN e.k', [[0], [2]])
        self.gives(graph, 'MATCH p = (:S)-[:%]->{1,2}(e:E) RETURN length(p)', [[1], [2]])
        self.gives(graph, 'MATCH p = ANY SHORTEST (:S)-[:!T]->+(:E) RETURN length(p)', [[2]])
        self.gives(graph, 'MATCH (s:S) RETURN EXISTS { (s)-[:!(R|T)]->+() } AS e, COUNT { (s)-[:R|!T]->+() } AS c', [[False, 2]])

    def test_relationships_differ_from_all_of_a_quantified_part(self):
        chain = 'CREATE (:A)-[:R]->()-[:R]->()-[:R]->()-[:R]->()-[:R]->()'
        part = '((x)-[a]->()-[b]->()-[c]->()-[d]->()-[e]->(y)){1}'
        self.gives(chain, f'MATCH (:A) {part} (), (v)-[q]->(w) RETURN count(*)', [[0]])
        self.gives(chain, f'MATCH (:A) {part} () MATCH (v)-[q]->(w) RETURN count(*)', [[5]])
        # of variable length within: each repetition has a list
        self.gives('CREATE ()-[:R]->()-[:R]->()', 'MATCH ((x)-[r*1..2]->(y))+ (), (v)-[q]->(w) RETURN count(*)', [[2]])
        self.gives('CREATE ()-[:R]->()-[:R]->()', 'MATCH ((x)-[r*1..2]->(y))+ ()-[q]->(w) RETURN count(*)', [[1]])
        self.gives('CREATE ()-[:R]->()-[:R]->()', 'MATCH ((x)-[r*1..2]->(y))+ ()-[q]-(w) RETURN count(DISTINCT w)', [[1]])

    def test_the_shortest_way_back_is_a_circle(self):
        triangle = "CREATE (a:A {i: 1})-[:R]->(b {i: 2})-[:R]->(c {i: 3})-[:R]->(a)"
        for selector, circles in (('ANY SHORTEST', 1), ('ALL SHORTEST', 2), ('SHORTEST 1', 1), ('SHORTEST GROUP', 2), ('ANY', 1)):
            self.gives(triangle, f'MATCH p = {selector} (a:A) ((x)-[:R]-(y))+ (a) RETURN length(p)', [[3]] * circles)
            self.gives(triangle, f'MATCH p = {selector} (a:A) ((x)-[:R]-(y))+ (b) RETURN b.i, length(p)',
                       [[2, 1], [3, 1], *[[1, 3]] * circles])
        # relationships side by side, a loop, a way in and out again, a circle with a handle
        self.gives('CREATE (a:A)-[:R]->(b), (b)-[:R]->(a)', 'MATCH p = ALL SHORTEST (a:A) ((x)--(y))+ (a) RETURN length(p)', [[2], [2]])
        self.gives('CREATE (a:A)-[:R]->(a)', 'MATCH p = ALL SHORTEST (a:A) ((x)--(y))+ (a) RETURN length(p)', [[1]])
        self.gives('CREATE (a:A)-[:R]->()-[:R]->()', 'MATCH p = ANY SHORTEST (a:A) ((x)--(y))+ (a) RETURN length(p)', [])
        self.gives('CREATE (a:A)-[:R]->(b)-[:R]->(c)-[:R]->(d)-[:R]->(b)', 'MATCH p = ANY SHORTEST (a:A) ((x)--(y))+ (a) RETURN length(p)', [])

    def test_a_repetition_of_two_steps_may_come_to_a_node_again(self):
        # in steps of two by a, and back to a, leads over a->b again; by c it does not
        nodes = 'CREATE (s:S)-[:R]->(a)-[:R]->(b)-[:R]->(e:E), (s)-[:R]->(c)-[:R]->(b)-[:R]->()-[:R]->(a)'
        for selector in ('ANY SHORTEST', 'ALL SHORTEST', 'SHORTEST 2', 'ANY'):
            self.gives(nodes, f'MATCH p = {selector} (:S) ((x)-[:R]->()-[:R]->(y))+ (e:E) RETURN length(p)', [[6]])

    def test_rows_of_later_batches_see_no_more_than_the_first(self):
        self.gives('', 'UNWIND range(0, 3000) AS i OPTIONAL MATCH (n) WHERE id(n) = 3000 - i CREATE (:X) RETURN count(n)', [[0]])
        self.gives('', 'UNWIND range(0, 3000) AS i OPTIONAL MATCH ()-[r]->() WHERE id(r) = 3000 - i CREATE (:X)-[:R]->(:Y) RETURN count(r)',
                   [[0]])
        self.gives('', 'UNWIND range(1, 3000) AS i CREATE (p:P {i: COUNT { (:P) }}) RETURN sum(p.i)', [[0]])
        self.gives('', 'UNWIND range(1, 3000) AS i CREATE (:P)-[r:R {i: size([(:P)-->(q) | q])}]->() RETURN sum(r.i)', [[0]])
        self.gives('UNWIND range(1, 3000) AS i CREATE (:A {i: i})',
                   'MATCH (a:A) WITH a ORDER BY a.i DELETE COLLECT { MATCH (b:A) WHERE b.i = 3001 - a.i RETURN b }[0] '
                   'WITH count(*) AS c MATCH (a:A) RETURN c, count(a)', [])

    def test_what_is_deleted_for_another_row_is_gone_for_all(self):
        engine = Engine(sys.argv[1])
        engine.must('UNWIND range(1, 2000) AS i CREATE (a:N {i: i}), (b {i: 2000 + i}), (c:N {i: 4000 + i}) CREATE (a)-[:R]->(b), (c)-[:R]->(a)')
        for update in ('SET a.x = 1', 'CREATE (a)-[:R]->()', 'MERGE (a)-[:Q]->(:Q)'):
            answer = engine.run(f'MATCH (a:N)-[:R]->(b) WITH a, b ORDER BY a.i DETACH DELETE b {update}')
            self.assertIn('error', answer, update)
        engine.close()

    def test_what_is_kept_from_row_to_row_is_not_the_row(self):
        self.gives('CREATE (:A {j: 0}), (:A {j: 0})', 'UNWIND [0, 1, 3] AS u OPTIONAL MATCH (n) WHERE n.j < 1.0 RETURN u', [[0], [0], [1], [1], [3], [3]])
        self.gives('CREATE (:A {j: 0}), (:A {j: 0})', 'UNWIND [0, 1, 3] AS u CALL (u) { MATCH (n) WHERE n.j < 1.0 RETURN u AS v } RETURN u, v',
                   [[0, 0], [0, 0], [1, 1], [1, 1], [3, 3], [3, 3]])

    def test_a_repeated_part_waits_for_what_it_reads_of_its_clause(self):
        nodes = ('CREATE (a:A {i: 1})-[:R {w: 1}]->(b:B {i: 2})-[:R {w: 2}]->(c:C {i: 3})-[:R {w: 3}]->(d:D {i: 4})-[:R {w: 4}]->(a), '
                 '(a)-[:R {w: 5}]->(c), (b)-[:R {w: 6}]->(b)')
        self.gives(nodes, 'MATCH (x:A)((a)-[r]->(b) WHERE b.i < y.i)*(y) RETURN y.i, size(r)', [[1, 0]])
        self.gives(nodes, 'MATCH (x)((a)-[r]->(b) WHERE b.i < x.i + 3)+(y:D {i: 4}) RETURN x.i, size(r)', [[2, 2], [2, 3], [3, 1], [4, 4], [4, 3], [4, 5]])
        self.gives(nodes, 'MATCH (x:A)((a)-[r]->(b) WHERE b.i <= z.i)+(y), (z:B) RETURN y.i, size(r)', [[2, 1], [2, 2]])
        self.gives(nodes, 'MATCH (x:A)((a)-[r]->(b) WHERE a.i < z.i)+(y)-[:R]->(z) RETURN y.i, z.i, size(r)',
                   [[2, 2, 1], [2, 3, 1], [2, 3, 2], [3, 4, 1], [3, 4, 2], [3, 4, 3]])
        self.gives(nodes, 'MATCH (x:A)((a)-[r]->(b) WHERE EXISTS { (b)-->(y) })+(y) RETURN y.i, size(r)', [[2, 1], [2, 2]])
        self.gives(nodes, 'MATCH (x:A)((a)-[r]->(b) WHERE size(q) = 1)+(y:C)((c)-[q]->(d))+(z:D) RETURN size(r)', [[1], [2], [3]])
        self.gives(nodes, 'MATCH (x:A)-[r WHERE r.w < y.i]->+(y) RETURN y.i, size(r)', [[2, 1], [3, 2], [4, 3]])
        self.gives(nodes, 'MATCH (x:A) RETURN COUNT { (x)((a)-[r]->(b) WHERE b.i <= y.i)+(y) } AS c', [[8]])
        for selector in ('ANY SHORTEST', 'ALL SHORTEST', 'SHORTEST 1'):
            self.gives(nodes, f'MATCH {selector} (x:A)((a)-[r]->(b) WHERE b.i <= y.i)+(y) RETURN y.i, size(r)', [[2, 1], [3, 1], [4, 2]])


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1])
