"""Random queries whose sub-queries are queries of several clauses, one in another."""
from .evaluate import tuples_of
from .generate import Generator
from .language import Project, Query


class Deep(Generator):
    MOST = 3

    def predicate(self, scope, depth=2, where=False):
        nodes = self.of_kind(scope, 'node')
        if depth > 0 and self.depth < self.MOST and nodes and self.chance(0.2):
            kind = self.pick({'EXISTS': 3, 'COUNT': 2, 'COLLECT': 1})
            query = self.whole(scope)
            if kind == 'EXISTS':
                return ('sub', 'EXISTS', query)
            value = self.expr('int', scope, 0)
            if kind == 'COUNT':
                return ('bin', self.rng.choice(['=', '<', '>', '>=']), ('sub', 'COUNT', query), value)
            return ('bin', 'IN', value, ('sub', 'COLLECT', query))
        return super().predicate(scope, depth, where)

    def make_int(self, scope, depth):
        if self.depth < self.MOST and self.of_kind(scope, 'node', 'int') and self.chance(0.12):
            query = self.whole(scope)
            return ('sub', 'COUNT', query) if self.chance(0.6) else ('call', 'size', (('sub', 'COLLECT', query),))
        return super().make_int(scope, depth)

    def whole(self, scope):
        if self.chance(0.3) and self.of_kind(scope, 'node'):
            return super().whole(scope)
        self.depth += 1
        saved = getattr(self, 'used_rels', set())
        branches = []
        for _ in range(self.pick({1: 6, 2: 1})):
            # What is around is read from everywhere in the sub-query: WITH drops its variables, and those from around come again.
            around = {name: kind for name, kind in scope.items() if kind in ('node', 'rel', 'int', 'str', 'path', 'nodes', 'rels')}
            own = dict(around)
            clauses = []
            for k in range(self.pick({1: 3, 2: 4, 3: 2})):
                options = {'match': 6, 'optional': 2, 'unwind': 1, 'with': 2 * bool(k), 'call': 0.5, 'let': 0.5 * bool(k)}
                if self.rels_made > self.many:
                    options = {'unwind': 1, 'with': 2}
                what = self.pick(options)
                if what == 'with':
                    clauses.append(self.project_within(own, around))
                    own.update(around)
                elif what == 'unwind':
                    clauses.append(self.unwind(own))
                elif what == 'let':
                    clauses.append(self.let(own))
                elif what == 'call':
                    clauses.append(self.sub_query(own))
                else:
                    clauses.append(self.match(own, what == 'optional'))
            item = self.expr('int', own, 1)
            if self.chance(0.25):
                item = ('agg', self.rng.choice(['count', 'sum', 'max', 'min']), self.chance(0.3), item)
            last = Project([(item, 'o')], self.chance(0.3), final=True)
            if self.chance(0.25):
                last.order = [(('var', 'o'), self.chance(0.5))]
                last.limit = self.rng.choice([0, 1, 2])
                last.skip = self.rng.choice([None, None, 1])
            branches.append(clauses + [last])
        self.used_rels = saved
        self.depth -= 1
        return Query(branches, self.chance(0.5))

    def project_within(self, scope, around):
        """WITH that keeps no name of what is around: it stays as it is."""
        c = self.project(scope)
        c.items = [(e, alias) for e, alias in c.items if alias not in around] or [(('lit', 1), self.fresh('v'))]
        kept = {alias for _, alias in c.items}
        for name in list(scope):
            if name not in kept:
                del scope[name]
        for alias in kept:
            scope.setdefault(alias, 'int')
        if any(not self.reads_only(e, kept | set(around)) for e, _ in c.order):
            c.order, c.skip, c.limit = [], None, None
        return c

    def reads_only(self, e, names):
        return all(x[1] in names for x in tuples_of(e) if x[0] == 'var')
