"""Random updates whose clauses read what others, or rows before them, have written.

Rows come in an order: of a list, or of a key that each has only once. A sub-query then sees what it did for the rows before, and what is set last stays.
Within a sub-query nothing depends on the order in which a MATCH finds.
What the query gives are numbers and texts: what is made has other ids in engine and reference.
"""
from .evaluate import tuples_of
from .generate import LABELS, TYPES, Generator
from .language import Call, Create, Delete, Foreach, Match, Merge, NodePattern, Part, Project, Query, RelPattern, Set, Star, Unwind

INTS = [0, 1, 2, 3]
KEYS = ['i', 'i', 'i', 'j']


def prop(name, key):
    return ('prop', ('var', name), key)


def both(a, b):
    return b if a is None else ('bin', 'AND', a, b)


class Visible(Generator):
    """Scopes hold nodes and ints."""

    def small(self):
        return ('lit', self.rng.choice(INTS))

    def number(self, scope, depth=1):
        """An int, or null, that the row alone decides."""
        ints, nodes = self.of_kind(scope, 'int'), self.of_kind(scope, 'node')
        what = self.pick({'lit': 2, 'int': 4 * bool(ints), 'prop': 2 * bool(nodes), 'op': depth, 'degree': 0.6 * bool(nodes) * depth,
                          'count': 0.8 * depth, 'else': 0.7 * bool(nodes), 'bag': 0.4 * bool(nodes) * depth})
        if what == 'lit':
            return self.small()
        if what == 'int':
            return ('var', self.rng.choice(ints))
        if what == 'prop':
            return prop(self.rng.choice(nodes), self.rng.choice(KEYS))
        if what == 'op':
            return ('bin', self.rng.choice('+-*'), self.number(scope, 0), self.small())
        if what == 'else':
            return ('call', 'coalesce', (prop(self.rng.choice(nodes), self.rng.choice(KEYS)), self.small()))
        if what == 'degree':
            return ('countsub', [self.step(self.rng.choice(nodes))], None)
        if what == 'bag':
            name = self.fresh('e')
            part = self.step(self.rng.choice(nodes), name)
            return ('call', 'size', (('pcomp', part, self.about(name, scope, 0) if self.chance(0.5) else None, prop(name, 'i')),))
        parts, where, _ = self.found(scope, depth - 1)
        return ('countsub', parts, where)

    def step(self, name, to=None):
        types = ('name', self.rng.choice(TYPES)) if self.chance(0.5) else None
        length = self.rng.choice([(1, 2), (0, 1), (1, 1)]) if self.chance(0.1) else None
        return Part([NodePattern(name), RelPattern(None, self.rng.choice('><-'), types, length),
                     NodePattern(to, self.label_expr(LABELS, 1) if self.chance(0.3) else None)])

    def about(self, name, scope, depth=1):
        """A condition of a node that has been found."""
        nodes = self.of_kind(scope, 'node')
        what = self.pick({'compare': 6, 'null': 1, 'in': 1, 'label': 1, 'rel': depth, 'exists': 0.6 * depth, 'same': 0.6 * bool(nodes), 'or': 0.5 * depth,
                          'not': 0.5 * depth})
        if what == 'compare':
            return ('bin', self.rng.choice(['=', '=', '=', '<', '<=', '>', '>=', '<>']), prop(name, self.rng.choice(KEYS)), self.number(scope, 0))
        if what == 'null':
            return ('isnull', prop(name, self.rng.choice(KEYS + ['k'])), self.chance(0.5))
        if what == 'in':
            return ('bin', 'IN', prop(name, self.rng.choice(KEYS)), ('list', tuple(self.number(scope, 0) for _ in range(2))))
        if what == 'label':
            return ('labels', ('var', name), self.label_expr(LABELS, 1))
        if what == 'same':
            return ('bin', self.rng.choice(['=', '<>']), ('var', name), ('var', self.rng.choice(nodes)))
        if what == 'or':
            return ('bin', 'OR', self.about(name, scope, 0), self.about(name, scope, 0))
        if what == 'not':
            return ('not', self.about(name, scope, 0))
        if what == 'exists':
            other = self.fresh('e')
            return ('exists', [self.step(name, other)], self.about(other, scope, 0))
        part = self.step(name, self.rng.choice(nodes) if nodes and self.chance(0.4) else None)
        return ('not', ('pattern', part)) if self.chance(0.4) else ('pattern', part)

    def found(self, scope, depth=1):
        """A pattern, its condition, and the new nodes' names."""
        name, nodes = self.fresh('x'), self.of_kind(scope, 'node')
        props = [(self.rng.choice(KEYS), self.number(scope, 0))] if self.chance(0.35) else []
        node = NodePattern(name, ('name', self.rng.choice(LABELS)) if self.chance(0.6) else None, props)
        elements, new = [node], [name]
        if self.chance(0.45):
            types = ('name', self.rng.choice(TYPES)) if self.chance(0.5) else None
            other = self.fresh('x')
            if nodes and self.chance(0.6):
                other = self.rng.choice(nodes)
            else:
                new.append(other)
            elements += [RelPattern(None, self.rng.choice('><-'), types), NodePattern(other)]
        where = self.about(self.rng.choice(new), scope, depth) if self.chance(0.5) else None
        return [Part(elements)], where, new

    def plain(self, scope):
        """A number that no clause changes for another row of its own by making something."""
        while True:
            e = self.number(scope)
            if not any(x[0] in ('countsub', 'pcomp') for x in tuples_of(e)):
                return e

    def made_node(self, scope):
        props = [(key, self.plain(scope)) for key in ('i', 'j') if self.chance(0.6)]
        return NodePattern(None, ('name', self.rng.choice(LABELS)), props)

    def make(self, scope):
        """CREATE; what it makes may get a name."""
        nodes = self.of_kind(scope, 'node')
        first = self.made_node(scope)
        if self.chance(0.3):
            first.var = self.fresh('y')
        elements = [first]
        if self.chance(0.5):
            to = NodePattern(self.rng.choice(nodes)) if nodes and self.chance(0.7) else self.made_node(scope)
            elements += [RelPattern(None, self.rng.choice('><'), ('name', self.rng.choice(TYPES))), to]
        if first.var is not None:
            scope[first.var] = 'node'
        return Create([Part(elements)])

    def find_or_make(self, scope):
        nodes = self.of_kind(scope, 'node')

        def number():
            return ('call', 'coalesce', (self.plain(scope), self.small()))

        name = self.fresh('y')
        if nodes and self.chance(0.4):
            rel = RelPattern(None, self.rng.choice('><-'), ('name', self.rng.choice(TYPES)))
            to = NodePattern(self.rng.choice(nodes)) if self.chance(0.5) else NodePattern(None, ('name', self.rng.choice(LABELS)), [('i', number())])
            merge = Merge(Part([NodePattern(self.rng.choice(nodes)), rel, to]))
            target, value = self.rng.choice(nodes), number
        else:
            merge = Merge(Part([NodePattern(name, ('name', self.rng.choice(LABELS)), [('i', number())])]))
            scope[name] = 'node'
            target = name

            def value():
                one_more = ('bin', '+', ('call', 'coalesce', (prop(name, 'j'), ('lit', 0))), ('lit', 1))
                return one_more if self.chance(0.4) else number()
        for events in (merge.on_create, merge.on_match):
            if self.chance(0.4):
                events.append(('prop', target, self.rng.choice(['j', 'j', 'i']), value()))
        return merge

    def change(self, scope):
        nodes = self.of_kind(scope, 'node')
        name = self.rng.choice(nodes)
        what = self.pick({'set': 5, 'label': 1.5, 'remove': 1, 'plus': 1, 'both': 0.7})
        if what == 'label':
            return Set([(self.rng.choice(['label', 'unlabel']), name, self.rng.choice(LABELS))])
        if what == 'remove':
            return Set([('remove', name, self.rng.choice(KEYS))])
        if what == 'plus':
            return Set([('plus', name, [('i', self.plain(scope)), ('s', ('lit', self.rng.choice(['a', 'b', None])))])])
        if what == 'both':
            return Set([('prop', name, 'i', self.plain(scope)), ('label', self.rng.choice(nodes), self.rng.choice(LABELS))])
        return Set([('prop', name, self.rng.choice(KEYS), self.plain(scope))])

    def every(self, scope):
        """FOREACH, whose items have an order."""
        item, inner = self.fresh('f'), dict(scope)
        inner[item] = 'int'
        items = ('lit', [self.rng.choice(INTS) for _ in range(self.rng.randrange(4))])
        if self.chance(0.4):
            items = ('call', 'range', (('lit', 0), self.number(scope, 0)))
            items = ('slice', items, ('lit', 0), ('lit', 3))
        clauses = [self.effect(inner, True) for _ in range(self.rng.choice([1, 1, 2]))]
        return Foreach(item, items, clauses)

    def effect(self, scope, within=False):
        nodes = self.of_kind(scope, 'node')
        what = self.pick({'make': 3, 'merge': 4, 'change': 4 * bool(nodes), 'foreach': 0.4 if within else 1})
        if what == 'make':
            return self.make(scope)
        if what == 'merge':
            return self.find_or_make(scope)
        return self.change(scope) if what == 'change' else self.every(scope)

    def removal(self, scope):
        """Clauses that delete relationships, or nodes that were made since: others know only nodes with a key."""
        parts, where, new = self.found(scope)
        if self.chance(0.5) and len(parts[0].elements) > 1:
            rel = parts[0].elements[1]
            rel.var = self.fresh('r')
            return [Match(parts, where), Delete([rel.var])]
        lone = ('isnull', prop(new[0], 'k'), False)
        return [Match(parts, both(where, lone)), Delete([new[0]])]

    def summed(self, scope, imports):
        """MATCH, and numbers that its rows add up to."""
        parts, where, new = self.found(scope)
        optional = self.chance(0.2)
        number = prop(new[0], self.rng.choice(KEYS))
        value = self.rng.choice([('agg', 'count', False, None), ('agg', 'count', True, number), ('agg', 'sum', False, number), ('agg', 'max', False, number),
                                 ('agg', 'min', False, number), ('agg', 'count', False, number)])
        alias = self.fresh('c')
        project = Project([(('var', name), name) for name in imports] + [(value, alias)])
        scope = {**{name: scope[name] for name in imports}, alias: 'int'}
        return [Match(parts, where, optional), project], scope

    def body(self, imports, scope, depth):
        """Clauses of a sub-query, and the kinds of its columns."""
        own = {name: scope[name] for name in imports}
        clauses, keep = [], list(imports)
        for _ in range(self.pick({1: 3, 2: 4, 3: 2})):
            what = self.pick({'sum': 4, 'effect': 5, 'if': 1.5, 'call': 0.8 * depth, 'with': 0.6, 'unwind': 0.6, 'removal': 0.8})
            if what == 'sum':
                some, own = self.summed(own, keep)
                clauses += some
                keep = list(own)
            elif what == 'removal':
                clauses += self.removal(own)
                clauses.append(Project([(('agg', 'count', False, None), alias := self.fresh('c'))]))
                own, keep = {alias: 'int'}, [alias]
            elif what == 'effect':
                clauses.append(self.effect(own))
            elif what == 'if':
                parts, where, _ = self.found(own)
                e = ('exists', parts, where)
                clauses.append(Star(('not', e) if self.chance(0.6) else e) if own else Unwind(('lit', [1]), self.fresh('u')))
            elif what == 'unwind':
                name = self.fresh('u')
                clauses.append(Unwind(('lit', [self.rng.choice(INTS) for _ in range(self.rng.randrange(1, 4))]), name))
                own[name] = 'int'
            elif what == 'call':
                clauses.append(self.inner(own, depth - 1))
            elif own:
                alias = self.fresh('v')
                clauses.append(Star(None, [(self.number(own), alias)]))
                own[alias] = 'int'
        return clauses, own

    def inner(self, scope, depth=1):
        """CALL { }; scope gains its columns."""
        imports = [name for name in scope if self.chance(0.7)]
        head = [Project([(('var', name), name) for name in imports])] if imports else []
        unit = self.chance(0.3)
        aliases = [self.fresh('c') for _ in range(self.rng.choice([1, 1, 2]))]
        branches = []
        for _ in range(1 if self.chance(0.85) else 2):
            clauses, own = self.body(imports, scope, depth)
            if unit:
                if not any(isinstance(c, (Create, Merge, Set, Delete, Foreach)) or isinstance(c, Call) for c in clauses[-1:]):
                    clauses.append(self.effect(own))
                branches.append(head + clauses)
                break
            if self.chance(0.3):
                items = [(self.rng.choice([('agg', 'count', False, None), ('agg', 'sum', False, self.number(own, 0)), ('agg', 'max', False, self.number(own, 0))]), alias)
                         for alias in aliases]
            else:
                items = [(self.number(own), alias) for alias in aliases]
            last = Project(items, self.chance(0.15), final=True)
            if not last.distinct and self.chance(0.3):
                last.order = [(('var', alias), self.chance(0.5)) for alias in aliases]
                last.limit = self.rng.choice([1, 1, 2, 3])
            branches.append(head + clauses + [last])
        if not unit:
            scope.update((alias, 'int') for alias in aliases)
        return Call(imports, Query(branches, self.chance(0.6)), self.chance(0.5), not unit and self.chance(0.15))

    def begin(self, scope):
        what = self.pick({'list': 4, 'nodes': 4, 'pairs': 2, 'none': 1})
        if what == 'list':
            scope[name := self.fresh('u')] = 'int'
            return [Unwind(('lit', [self.rng.choice(INTS) for _ in range(self.rng.randrange(1, 6))]), name)]
        if what == 'none':
            return []
        names = [self.fresh('n') for _ in range(1 if what == 'nodes' else 2)]
        elements = [NodePattern(names[0], ('name', self.rng.choice(LABELS)) if self.chance(0.5) else None)]
        if what == 'pairs':
            elements += [RelPattern(None, self.rng.choice('><-'), ('name', self.rng.choice(TYPES)) if self.chance(0.4) else None), NodePattern(names[1])]
        scope.update((name, 'node') for name in names)
        last = Project([(('var', name), name) for name in names], order=[(prop(name, 'k'), self.chance(0.3)) for name in names])
        if self.chance(0.3):
            last.limit = self.rng.choice([1, 2, 3])
        where = self.about(names[0], {}) if self.chance(0.4) else None
        for name in names:  # what another branch has made has no key
            where = both(where, ('isnull', prop(name, 'k'), True))
        clauses = [Match([Part(elements)], where), last]
        if self.chance(0.2):
            scope[name := self.fresh('u')] = 'int'
            clauses.append(Unwind(('lit', [self.rng.choice(INTS) for _ in range(self.rng.randrange(1, 4))]), name))
        return clauses

    def transactional(self):
        """A sub-query in transactions of some rows, whose number changes nothing."""
        scope = {}
        clauses = self.begin(scope)
        call = self.inner(scope)
        call.optional = False
        call.transactions = f' IN TRANSACTIONS OF {self.rng.choice([1, 1, 2, 3, 10])} ROWS' + \
            self.rng.choice(['', '', ' ON ERROR FAIL', ' ON ERROR CONTINUE', ' ON ERROR BREAK'])
        clauses.append(call)
        items = [(('var', name), name) for name in self.of_kind(scope, 'int')] + [(('agg', 'count', False, None), 'z')]
        return self.made([clauses + [Project(items, final=True)]])

    def update(self):
        if self.chance(0.9):
            return self.made([self.one_branch()])
        branches = [self.one_branch() for _ in range(2)]  # of which the second sees what the first has written
        for clauses in branches:
            clauses[-1] = Project([(('agg', 'count', False, None), 'c')], final=True)
        return self.made(branches, self.chance(0.7))

    def one_branch(self):
        scope = {}
        clauses = self.begin(scope)
        for _ in range(self.pick({1: 3, 2: 4, 3: 2, 4: 1})):
            what = self.pick({'call': 5, 'effect': 4, 'with': 1, 'if': 1, 'unwind': 0.5})
            if what == 'call':
                clauses.append(self.inner(scope))
            elif what == 'effect':
                clauses.append(self.effect(scope))
            elif what == 'if' and scope:
                parts, where, _ = self.found(scope)
                e = ('exists', parts, where)
                clauses.append(Star(('not', e) if self.chance(0.5) else e))
            elif what == 'with' and scope:
                clauses.append(Star(None, [(self.number(scope), alias := self.fresh('v'))]))
                scope[alias] = 'int'
            else:
                scope[name := self.fresh('u')] = 'int'
                clauses.append(Unwind(('lit', [self.rng.choice(INTS) for _ in range(self.rng.randrange(1, 3))]), name))
        if self.chance(0.15):
            clauses += self.removal(scope)
            clauses.append(Project([(('agg', 'count', False, None), 'c')], final=True))
        elif self.chance(0.3):
            parts, where, new = self.found(scope)
            number = prop(new[0], 'i')
            clauses.append(Match(parts, where))
            items = [(number, 'x'), (('agg', 'count', False, None), 'c')]
            clauses.append(Project(items, final=True))
        elif self.chance(0.4):
            clauses.append(Project([(('agg', self.rng.choice(['count', 'sum', 'max']), self.chance(0.3), self.number(scope, 0)), 'c')], final=True))
        else:
            items = [(('var', name), name) for name in self.of_kind(scope, 'int')] + [(self.number(scope), 'z')]
            clauses.append(Project(items, self.chance(0.15), final=True))
        return clauses
