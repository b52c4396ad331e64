"""Random queries about paths: repeated parts beside walks and selectors, and what is done with a path afterwards."""
from .generate import LABELS, TYPES, Generator
from .language import Match, NodePattern, Part, Project, RelPattern, Star


class Paths(Generator):
    def end(self, scope, new, reuse=0.4):
        have = self.of_kind({**scope, **new}, 'node')
        if have and self.chance(reuse):
            return NodePattern(self.rng.choice(have), ('name', self.rng.choice(LABELS)) if self.chance(0.1) else None)
        node = NodePattern(self.fresh('n') if self.chance(0.8) else None, self.label_expr(LABELS, 1) if self.chance(0.3) else None)
        if node.var is not None:
            new[node.var] = 'node'
        return node

    def hop(self, scope, new):
        what = self.pick({'one': 3, 'walk': 3, 'part': 4})
        types = self.label_expr(TYPES, 1) if what == 'one' and self.chance(0.4) else ('name', self.rng.choice(TYPES)) if self.chance(0.35) else None
        if what == 'one':
            rel = RelPattern(None, self.rng.choice('><-'), types)
            if self.chance(0.4):
                rel.var = self.fresh('r')
                new[rel.var] = 'rel'
            return rel
        if what == 'walk':
            rel = RelPattern(None, self.rng.choice('>><-'), types, self.rng.choice([(1, 2), (0, 1), (0, 2), (2, 2), (1, 3), (0, 0), (2, 3), (1, None)]))
            if self.chance(0.5):
                rel.var = self.fresh('r')
                new[rel.var] = 'rels'
            if self.chance(0.15):
                rel.props = [('i', self.constant('int'))]
            return rel
        self.used_rels = set()
        part = self.repeated(scope, new)
        part.length = self.rng.choice([(0, 1), (0, 2), (1, 2), (1, 1), (2, 2), (1, 3), (1, None), (0, None), (2, None)])
        return part

    def path_part(self, scope, new):
        elements = [self.end(scope, new)]
        for _ in range(self.pick({1: 5, 2: 4, 3: 1})):
            if self.rels_made > 4:
                break
            self.rels_made += 1
            elements += [self.hop(scope, new), self.end(scope, new)]
        part = Part(elements)
        if self.chance(0.6):
            part.path = self.fresh('q')
            new[part.path] = 'path'
        return part

    def selected(self, scope):
        """A selector over several hops, in a MATCH of its own; what is read of it is what all choices have."""
        new = {}
        part = self.path_part(scope, new)
        if part.path is None:
            part.path = self.fresh('q')
        ends = []
        for e in (part.elements[0], part.elements[-1]):
            if e.var is None:
                e.var = self.fresh('n')
            ends.append(e.var)
        selector = self.rng.choice(['ALL SHORTEST', 'SHORTEST GROUP', 'SHORTEST 2 GROUPS', 'ALL', 'ANY SHORTEST', 'SHORTEST 2', 'SHORTEST 1'])
        part.selector = selector
        every = selector in ('ALL SHORTEST', 'SHORTEST GROUP', 'SHORTEST 2 GROUPS', 'ALL')
        if self.chance(0.4):
            self.depth += 1
            part.where = self.predicate({**scope, **{k: v for k, v in new.items() if k != part.path}}, 1)
            self.depth -= 1
        where = None
        new[part.path] = 'path'
        if every and self.chance(0.4):
            where = self.of_path({**scope, **new})
        optional = self.chance(0.25)
        if every:
            scope.update(new)
            scope.update((name, 'node') for name in ends)
            return [Match([part], where, optional)]
        known = {name: kind for name, kind in scope.items()}
        known.update((name, 'node') for name in ends)
        length = self.fresh('v')
        items = [(('var', name), name) for name in known] + [(('call', 'length', (('var', part.path),)), length)]
        scope.update(known)
        scope[length] = 'int'
        return [Match([part], None, optional), Project(items)]

    def of_path(self, scope):
        """A predicate of a path, its nodes or relationships."""
        paths, lists = self.of_kind(scope, 'path'), self.of_kind(scope, 'nodes', 'rels')
        what = self.pick({'length': 2 * bool(paths), 'items': 3 * bool(paths), 'in': bool(paths) and bool(self.of_kind(scope, 'node')), 'same': len(paths) > 1,
                          'list': 2 * bool(lists), 'plain': 1})
        if what == 'plain':
            return self.predicate(scope, 1)
        if what == 'length':
            return ('bin', self.rng.choice(['=', '<', '>', '<>', '>=']), ('call', 'length', (('var', self.rng.choice(paths)),)), self.expr('int', scope, 0))
        if what == 'same':
            a, b = self.rng.sample(paths, 2)
            return ('bin', self.rng.choice(['=', '<>']), ('var', a), ('var', b))
        item = self.fresh('x')
        if what == 'list':
            of, kind = ('var', name := self.rng.choice(lists)), {'nodes': 'node', 'rels': 'rel'}[scope[name]]
        else:
            name, kind = self.rng.choice([('nodes', 'node'), ('relationships', 'rel')])
            of = ('call', name, (('var', self.rng.choice(paths)),))
        if what == 'in':
            return ('bin', 'IN', ('var', self.rng.choice(self.of_kind(scope, 'node'))), of)
        self.depth += 1
        inner = self.predicate({**scope, item: kind}, 0)
        self.depth -= 1
        return ('quant', self.rng.choice(['any', 'all', 'none', 'single']), item, of, inner)

    def match(self, scope, optional=False):
        self.used_rels = set()
        if self.chance(0.2):
            return super().match(scope, optional)
        new = {}
        parts = [self.path_part(scope, new) for _ in range(self.pick({1: 4, 2: 2}))]
        where = None
        both = {**scope, **new}
        if self.chance(0.6):
            where = self.of_path(both)
            if self.chance(0.3):
                where = ('bin', self.rng.choice(['AND', 'OR']), where, self.of_path(both))
        scope.update(new)
        return Match(parts, where, optional)

    def about_paths(self, scope):
        """Items that read paths and lists."""
        paths, lists = self.of_kind(scope, 'path'), self.of_kind(scope, 'nodes', 'rels')
        out = []
        for name in self.rng.sample(paths, min(len(paths), 2)):
            out.append(self.rng.choice([('var', name), ('call', 'length', (('var', name),)), ('call', 'nodes', (('var', name),)),
                                        ('call', 'relationships', (('var', name),)),
                                        ('comp', x := self.fresh('x'), ('call', 'nodes', (('var', name),)), None, ('prop', ('var', x), 'i')),
                                        ('call', 'last', (('call', 'nodes', (('var', name),)),)), ('call', 'head', (('call', 'nodes', (('var', name),)),))]))
        for name in self.rng.sample(lists, min(len(lists), 2)):
            out.append(self.rng.choice([('var', name), ('call', 'size', (('var', name),)), ('comp', x := self.fresh('x'), ('var', name), None, ('prop', ('var', x), 'i')),
                                        ('call', 'head', (('var', name),)), ('slice', ('var', name), ('lit', 1), None), ('index', ('var', name), ('lit', -1))]))
        return out

    def query(self):
        scope, clauses = {}, []
        for k in range(self.pick({1: 5, 2: 4, 3: 1})):
            if k and self.rels_made > self.many:
                break
            if self.chance(0.3):
                clauses += self.selected(scope)
            elif k and self.chance(0.2):
                clauses.append(self.unwind(scope) if self.chance(0.5) else Star(self.of_path(scope)))
            else:
                clauses.append(self.match(scope, self.chance(0.25)))
        self.before_return = dict(scope)
        if self.chance(0.3):
            return self.made([clauses + [self.project(scope, True)]])
        items = [(e, self.fresh('v')) for e in self.about_paths(scope)]
        nodes = self.of_kind(scope, 'node', 'rel', 'int')
        items += [(('var', name), name) for name in self.rng.sample(nodes, min(len(nodes), self.rng.randrange(3)))]
        if self.chance(0.3) or not items:
            of = ('var', self.rng.choice(list(scope))) if scope and self.chance(0.6) else None
            items.append((('agg', 'count', of is not None and self.chance(0.5), of), 'c'))
        last = Project(items, self.chance(0.3), final=True)
        return self.made([clauses + [last]])
