"""Random graphs and queries. Expressions are made by type, so that no query fails when it runs.

Types of variables and expressions: int float str bool date ldt (local date-time) zdt (date-time with a zone) duration point map mixed ilist (of ints) node rel nodes rels
path, and (bag t): a list whose order nobody promises. A map has a: an int, s: a string, l: a list, or some of them.
Values come from small sets, so that equalities hold often. Floats are halves: their sums do not depend on an order.
"""
from .language import (Call, Create, Delete, Foreach, Match, Merge, NodePattern, Part, Project, Quantified, Query, RelPattern, Set, Sort,
                       Star, Unwind, literal)
from .evaluate import tuples_of
from .values import Date, DateTime, Duration, Graph, LocalDateTime, Point

LABELS = ['A', 'B', 'C']
TYPES = ['R', 'S', 'T']
KEYS = {'i': 'int', 'j': 'int', 'f': 'float', 's': 'str', 'b': 'bool', 'm': 'mixed', 'l': 'ilist', 'd': 'date', 't': 'ldt', 'z': 'zdt',
        'u': 'duration', 'p': 'point'}
NAN = float('nan')
MANY = {4: 85, 5: 9, 7: 6}  # relationships in a query, and how often it may have as many: with more of them most of the time is the planner's
LONG = 'x' * 2100  # more than an index keeps of a value
VALUES = {
    'int': [0, 1, 2, 3, -1],
    'float': [0.5, 1.5, -2.5, NAN, 1.0],
    'str': ['a', 'ab', 'b', '', 'ba', '\u00e9', '\U0001f600a', 'e\u0301', LONG, LONG + 'a'],
    'bool': [True, False],
    'date': [Date('2020-01-31'), Date('2020-02-29'), Date('1969-12-31'), Date('0001-01-01')],
    'ldt': [LocalDateTime('2020-01-31T12:30'), LocalDateTime('2020-02-29T00:00'), LocalDateTime('1999-12-31T23:59:59'), LocalDateTime('2020-02-29T12:00:01')],
    'zdt': [DateTime(1580473800, 0, ''), DateTime(1580473800, 3600, ''), DateTime(1580473800, 3600, 'Europe/Berlin'),  # the same instant
            DateTime(1585358999, 3600, 'Europe/Berlin'), DateTime(1603585800, 7200, 'Europe/Berlin'),  # the days before clocks change, and on which
            DateTime(1583566200, -18000, 'America/New_York'), DateTime(-86399, -12600, '')],
    'duration': [Duration(1, 0, 0), Duration(0, 1, 0), Duration(0, 0, 86400), Duration(14, -3, 3661), Duration(-1, 2, -59), Duration(0, 0, 0)],
    'point': [Point(0.0, 0.0), Point(1.0, 2.5), Point(-0.5, 2.0), Point(3.0, 4.0)],
    'map': [{}, {'a': 1}, {'a': 1, 's': 'b'}, {'s': 'b', 'a': 1}, {'a': 2, 'l': [1]}, {'a': None}],
    'mixed': [0, 1, 1.0, 0.5, 'a', 'ab', True, False, NAN, [], [1], [1, 2], [1, 'a'], ['a'], [NAN], '1', LONG, LONG + 'b', Date('2020-02-29'),
              LocalDateTime('2020-02-29T00:00'), DateTime(1580473800, 3600, 'Europe/Berlin'), Duration(0, 1, 0)],
    'ilist': [[], [1], [1, 2], [2, 1], [0, 1, 3]],
}

UNTAGGED = (Date, LocalDateTime, DateTime, Duration, Point)  # no parameters
MAP_KEYS = {'a': 'int', 's': 'str', 'l': 'ilist'}
DAY_PARTS = ['year', 'month', 'day', 'week', 'weekYear', 'dayOfWeek', 'quarter', 'ordinalDay', 'dayOfQuarter']
PARTS = {'date': DAY_PARTS, 'ldt': DAY_PARTS + ['hour', 'minute', 'second'],
         'zdt': DAY_PARTS + ['hour', 'minute', 'second', 'epochSeconds', 'offsetSeconds', 'offsetMinutes'],
         'duration': ['years', 'quarters', 'months', 'weeks', 'days', 'hours', 'minutes', 'seconds', 'monthsOfYear', 'daysOfWeek', 'secondsOfMinute']}
ZONES = ['Z', '+05:30', '-03:00', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe']
UNITS = ['millennium', 'century', 'decade', 'year', 'weekYear', 'quarter', 'month', 'week', 'day']

BEGINNINGS = ['a', 'b', 'ab', '', 'xx', '\u00e9', 'e', LONG, LONG[:-1] + 'y']
REGEXES = ['a.*', '.*b', '[ab]+', 'a|b', '(?i)A.*', '.', '', 'e?.', 'x{3,}a?']
DISTANCES = [0.1, 2.2, 3.3, 9.0]  # no two points of VALUES are as far from each other

UNSTORED = [[1, None], [None], [1, {'a': 1}], [[1]], [1, NAN]]  # lists that no property is equal to, which are above some and below others

ITEMS = {'rels': 'rel', 'nodes': 'node'}


def random_graph(rng):
    graph = Graph()

    def props(chance):
        return {key: rng.choice(VALUES[kind]) for key, kind in KEYS.items() if rng.random() < chance}

    count = rng.choice([1, 2, 4, 5, 6, 7, 8, 9])
    chance = rng.choice([0.3, 0.6, 0.9])
    for i in range(count):
        graph.add_node([x for x in LABELS if rng.random() < 0.4], {**props(chance), 'k': i}, i)
    for i in range(rng.randrange(0, 2 * count + 2)):
        source, target = rng.randrange(count), rng.randrange(count)
        for _ in range(2 if rng.random() < 0.15 else 1):
            graph.add_rel(rng.choice(TYPES), source, target, props(chance / 2), len(graph.rels))
    return graph


def value_of_any_kind(rng):
    """As a parameter."""
    v = rng.choice(VALUES[rng.choice(['int', 'float', 'str', 'bool', 'ilist', 'map'])])
    return None if rng.random() < 0.1 else v


def schema(rng):
    """[(statement, (is a relationship's, label or type, keys))]"""
    out, seen = [], set()
    for i in range(rng.randrange(4)):
        keys = tuple(rng.sample(list(KEYS) + ['s', 'i'], rng.choice([1, 1, 2, 2, 3])))
        keys = tuple(dict.fromkeys(keys))
        on_rels = rng.random() < 0.35
        name = rng.choice(TYPES if on_rels else LABELS)
        if (on_rels, name, keys) in seen:
            continue
        seen.add((on_rels, name, keys))
        pattern = f'()-[x:{name}]-()' if on_rels else f'(x:{name})'
        of = {'s': 'TEXT ', 'p': 'POINT '}.get(keys[0], '') if len(keys) == 1 and rng.random() < 0.5 else ''
        out.append((f'CREATE {of}INDEX index_{i} FOR {pattern} ON ({", ".join("x." + key for key in keys)})',
                    (on_rels, name, keys)))
    if rng.random() < 0.3:
        label = rng.choice(LABELS)
        out.append((f'CREATE CONSTRAINT one FOR (x:{label}) REQUIRE x.k IS UNIQUE', (False, label, ('k',))))
    return out


def create_text(graph):
    """A statement that makes the graph."""
    def props(have):
        return ' {' + ', '.join(f'{k}: {literal(v)}' for k, v in have.items()) + '}' if have else ''

    parts = [f'(n{i}{"".join(":" + x for x in sorted(labels))}{props(have)})' for i, (labels, have) in graph.nodes.items()]
    parts += [f'(n{s})-[:{kind}{props(have)}]->(n{e})' for kind, s, e, have in graph.rels.values()]
    return 'CREATE ' + ', '.join(parts)


class Generator:
    def __init__(self, rng, indexes=()):
        """indexes: (is a relationship's, label or type, keys), which queries shall have a use for."""
        self.rng = rng
        self.indexes = indexes
        self.names = 0
        self.depth = 0
        self.bags = set()  # names of lists without an order
        self.params = {}
        self.rels_made = 0
        self.ids_known = True  # an update makes nodes and relationships whose numbers the reference can not tell
        self.many = self.pick(MANY)

    def fresh(self, prefix):
        self.names += 1
        return f'{prefix}{self.names}'

    def chance(self, p):
        return self.rng.random() < p

    def pick(self, weighted):
        return self.rng.choices(list(weighted), list(weighted.values()))[0]

    # ---- Expressions ----

    def constant(self, kind):
        v = self.rng.choice(VALUES[kind])
        if self.chance(0.25) and not isinstance(v, UNTAGGED):
            name = self.fresh('p')
            self.params[name] = v
            return ('param', name)
        return ('lit', v)

    def of_kind(self, scope, *kinds):
        return [name for name, kind in scope.items() if kind in kinds]

    def property(self, scope, kind):
        entities = self.of_kind(scope, 'node', 'rel')
        keys = [key for key, of in KEYS.items() if of == kind] + (['k'] if kind == 'int' else [])
        if not entities or not keys:
            return None
        return ('key' if self.chance(0.05) else 'prop', ('var', self.rng.choice(entities)), self.rng.choice(keys))

    def expr(self, kind, scope, depth=2):
        """An expression of a plain type."""
        have = self.of_kind(scope, kind)
        roll = self.rng.random()
        if have and roll < 0.25:
            return ('var', self.rng.choice(have))
        if roll < 0.6 or depth == 0:
            found = self.property(scope, kind)
            if found is not None:
                return found
        if kind in MAP_KEYS.values() and self.of_kind(scope, 'map') and self.chance(0.2):
            key = self.rng.choice([key for key, of in MAP_KEYS.items() if of == kind])
            return ('prop' if self.chance(0.7) else 'key', ('var', self.rng.choice(self.of_kind(scope, 'map'))), key)
        if depth == 0 or roll < 0.75:
            return ('lit', None) if self.chance(0.05) else self.constant(kind)
        if self.chance(0.25):
            return self.conditional(kind, scope, depth - 1)
        return getattr(self, 'make_' + kind)(scope, depth - 1)

    def conditional(self, kind, scope, depth):
        roll = self.rng.random()
        if roll < 0.3:
            return ('call', 'coalesce', (self.expr(kind, scope, depth), self.expr(kind, scope, depth)))
        otherwise = self.expr(kind, scope, depth) if self.chance(0.7) else None
        if roll < 0.7:
            return ('case', ((self.predicate(scope, depth), self.expr(kind, scope, depth)),), otherwise)
        of = self.rng.choice(['int', 'str', 'mixed'])
        return ('match_case', self.expr(of, scope, depth),
                ((self.constant(of), self.expr(kind, scope, depth)), (self.constant(of), self.expr(kind, scope, depth))),
                otherwise)

    def make_int(self, scope, depth):
        options = {'op': 3, 'div': 1, 'neg': 1, 'abs': 1, 'index': 1, 'reduce': 1, 'sizes': 1, 'sizel': 1, 'part': 2, 'keys': 0.5, 'convert': 0.5}
        nodes, rels = self.of_kind(scope, 'node'), self.of_kind(scope, 'rel')
        lists = self.of_kind(scope, 'rels', 'nodes') + [n for n, kind in scope.items() if isinstance(kind, tuple)]
        paths = self.of_kind(scope, 'path')
        options.update({'id': 1} if self.ids_known and (nodes or rels) else {})
        options.update({'list': 3} if lists else {})
        options.update({'path': 2} if paths else {})
        nested = 0 < self.depth < 3 and self.chance(0.06)
        options.update({'sub': 2, 'pcomp': 1, 'whole': 1} if nodes and depth >= 0 and (self.depth == 0 or nested) else {})
        what = self.pick(options)
        if what == 'op':
            return ('bin', self.rng.choice('+-*'), self.expr('int', scope, depth), self.expr('int', scope, depth))
        if what == 'div':
            return ('bin', self.rng.choice('/%'), self.expr('int', scope, depth), ('lit', self.rng.choice([1, 2, 3])))
        if what == 'neg':
            return ('neg', self.expr('int', scope, depth))
        if what == 'abs':
            return ('call', self.rng.choice(['abs', 'sign']), (self.expr('int', scope, depth),))
        if what == 'part':
            of = self.rng.choice(list(PARTS))
            return ('part', self.expr(of, scope, depth), self.rng.choice(PARTS[of]))
        if what == 'keys':
            return ('call', 'size', (('call', 'keys', (self.expr('map', scope, depth),)),))
        if what == 'convert':
            return ('call', 'toIntegerOrNull', (self.expr(self.rng.choice(['str', 'bool', 'int', 'ilist', 'map']), scope, 0),))
        if what == 'whole':
            query = self.whole(scope)
            return ('sub', 'COUNT', query) if self.chance(0.6) else ('call', 'size', (('sub', 'COLLECT', query),))
        if what == 'index':
            return ('index', self.expr('ilist', scope, depth), ('lit', self.rng.choice([0, 1, -1, 5])))
        if what == 'reduce':
            acc, item = self.fresh('x'), self.fresh('x')
            return ('reduce', acc, ('lit', 0), item, self.expr('ilist', scope, depth),
                    ('bin', '+', ('var', acc), ('var', item)))
        if what == 'sizes':
            return ('call', 'size', (self.expr('str', scope, depth),))
        if what == 'sizel':
            return ('call', 'size', (self.expr('ilist', scope, depth),))
        if what == 'id':
            return ('call', 'id', (('var', self.rng.choice(nodes + rels)),))
        if what == 'list':
            return ('call', 'size', (('var', self.rng.choice(lists)),))
        if what == 'path':
            return ('call', 'length', (('var', self.rng.choice(paths)),))
        if what == 'pcomp':
            return ('call', 'size', (self.pattern_comprehension(scope),))
        parts, inner = self.inner_pattern(scope)
        return ('countsub', parts, self.inner_where(inner))

    def make_float(self, scope, depth):
        roll = self.rng.random()
        if roll < 0.15:
            return ('part', self.expr('point', scope, depth), self.rng.choice('xy'))
        if roll < 0.3:
            far = ('call', 'point.distance', (self.expr('point', scope, depth), self.expr('point', scope, depth)))
            return ('call', 'round', (far, ('lit', 6)))
        if roll < 0.4:
            return ('call', 'toFloatOrNull', (self.expr(self.rng.choice(['str', 'float', 'int', 'bool', 'ilist']), scope, 0),))
        return ('bin', self.rng.choice('+-'), self.expr('float', scope, depth), self.expr(self.rng.choice(['float', 'int']), scope, depth))

    def make_str(self, scope, depth):
        rels = self.of_kind(scope, 'rel')
        if rels and self.chance(0.4):
            return ('call', 'type', (('var', self.rng.choice(rels)),))
        if self.chance(0.3):
            return ('call', self.rng.choice(['toUpper', 'toLower', 'toString', 'reverse', 'trim']), (self.expr('str', scope, depth),))
        if self.chance(0.2):
            name = self.rng.choice(['left', 'right', 'substring', 'replace'])
            more = {'left': (1,), 'right': (1,), 'substring': (1, 1), 'replace': ('a', 'xy')}[name]
            return ('call', name, (self.expr('str', scope, depth), *(('lit', v) for v in more)))
        if self.chance(0.15):
            return ('part', self.expr('zdt', scope, depth), self.rng.choice(['timezone', 'offset']))
        if self.chance(0.3):
            return ('call', 'toString', (self.expr('int', scope, depth),))
        if self.chance(0.15):
            return ('index', ('call', 'split', (self.expr('str', scope, depth), ('lit', 'a'))), ('lit', self.rng.choice([0, 1, -1])))
        if self.chance(0.15):
            return ('call', 'toStringOrNull', (self.expr(self.rng.choice(['str', 'int', 'bool', 'ilist', 'map']), scope, 0),))
        if self.chance(0.15):
            acc, item = self.fresh('x'), self.fresh('x')
            return ('reduce', acc, self.expr('str', scope, 0), item, self.expr('ilist', scope, depth),
                    ('bin', '+', ('var', acc), ('call', 'toString', (('var', item),))))
        return ('bin', '+', self.expr('str', scope, depth), self.expr('str', scope, depth))

    def make_bool(self, scope, depth):
        return self.predicate(scope, depth)

    def make_date(self, scope, depth):
        return self.make_day('date', scope, depth)

    def make_ldt(self, scope, depth):
        return self.make_day('ldt', scope, depth)

    def make_zdt(self, scope, depth):
        what = self.pick({'plus': 4, 'truncate': 2, 'other': 1, 'map': 2, 'of': 2, 'conditional': 1})
        zone = ('timezone', ('lit', self.rng.choice(ZONES)))
        if what == 'plus':
            return ('bin', self.rng.choice('+-'), self.expr('zdt', scope, depth), self.expr('duration', scope, depth))
        if what == 'truncate':
            return ('call', 'datetime.truncate', (('lit', self.rng.choice(UNITS + ['hour', 'minute', 'second'])), self.expr('zdt', scope, depth)))
        if what == 'other':
            return ('call', 'datetime', (self.expr(self.rng.choice(['date', 'ldt', 'zdt']), scope, depth),))
        if what == 'conditional':
            return self.conditional('zdt', scope, depth)
        if what == 'of':
            return ('call', 'datetime', (('map', (('datetime', self.constant('zdt')), zone)),))
        month, day = self.rng.choice([(3, 29), (10, 25), (11, 1), (4, 5), (7, 1)])  # most of them days on which clocks change
        return ('call', 'datetime', (('map', (('year', ('lit', 2020)), ('month', ('lit', month)), ('day', ('lit', day)),
                                             ('hour', ('lit', self.rng.randrange(4))), ('minute', ('lit', self.rng.choice([0, 30]))), zone)),))

    def make_day(self, kind, scope, depth):
        what = self.pick({'plus': 3, 'truncate': 2, 'other': 1, 'map': 1, 'conditional': 1})
        name = {'date': 'date', 'ldt': 'localdatetime'}[kind]
        if what == 'plus':
            return ('bin', self.rng.choice('+-'), self.expr(kind, scope, depth), self.expr('duration', scope, depth))
        if what == 'truncate':
            units = UNITS + ['hour', 'minute', 'second'] * (kind == 'ldt')
            return ('call', name + '.truncate', (('lit', self.rng.choice(units)), self.expr(kind, scope, depth)))
        if what == 'other':
            return ('call', name, (self.expr(self.rng.choice(['ldt' if kind == 'date' else 'date', 'zdt']), scope, depth),))
        if what == 'conditional':
            return self.conditional(kind, scope, depth)
        day = [('year', ('lit', self.rng.choice([1999, 2020, 2021]))), ('month', ('lit', self.rng.randrange(1, 13))), ('day', ('lit', self.rng.randrange(1, 29)))]
        time = [('hour', ('lit', self.rng.randrange(24))), ('minute', ('lit', self.rng.randrange(60))), ('second', ('lit', self.rng.randrange(60)))]
        if kind == 'ldt' and self.chance(0.4):
            day = [('date', self.constant('date'))]
        return ('call', name, (('map', tuple(day[:self.rng.choice([1, 2, 3])] + (time[:self.rng.randrange(4)] if kind == 'ldt' else []))),))

    def make_duration(self, scope, depth):
        roll = self.rng.random()
        if roll < 0.3:
            return ('bin', self.rng.choice('+-'), self.expr('duration', scope, depth), self.expr('duration', scope, depth))
        if roll < 0.4:
            return ('bin', '*', self.expr('duration', scope, depth), ('lit', self.rng.choice([-1, 0, 2])))
        if roll < 0.6:
            units = self.rng.sample(['years', 'months', 'weeks', 'days', 'hours', 'minutes', 'seconds'], 2)
            return ('call', 'duration', (('map', tuple((unit, ('lit', self.rng.randrange(-3, 40))) for unit in units)),))
        if roll < 0.7:
            return ('call', 'duration.inSeconds', (self.expr('zdt', scope, depth), self.expr('zdt', scope, depth)))
        name = self.rng.choice(['between', 'between', 'inMonths', 'inDays', 'inSeconds'])
        return ('call', 'duration.' + name, tuple(self.expr(self.rng.choice(['date', 'ldt']), scope, depth) for _ in range(2)))

    def make_point(self, scope, depth):
        return self.conditional('point', scope, depth)

    def make_map(self, scope, depth):
        entities = self.of_kind(scope, 'node', 'rel', 'map')
        keys = self.rng.sample(list(MAP_KEYS), self.rng.randrange(4))
        if entities and self.chance(0.5):
            of = self.rng.choice(entities)
            items = [(key, self.expr(MAP_KEYS[key], scope, depth)) for key in keys if key == 'a' or scope[of] == 'map' or self.chance(0.3)]
            items += [(key, None) for key in ('l', 's') if key not in dict(items)]
            if self.chance(0.3):
                items.insert(self.rng.randrange(len(items) + 1), ('*', None))
            return ('projection', ('var', of), tuple(items))
        return ('map', tuple((key, self.expr(MAP_KEYS[key], scope, depth)) for key in keys))

    def make_mixed(self, scope, depth):
        return self.expr(self.rng.choice(['int', 'str', 'bool', 'float', 'date', 'ldt', 'zdt']), scope, depth)

    def make_ilist(self, scope, depth):
        roll = self.rng.random()
        if self.depth == 0 and self.of_kind(scope, 'node') and self.chance(0.1):
            query = self.whole(scope)
            if len(query.branches) == 1:
                query.branches[0][-1].order = [(('var', 'o'), self.chance(0.5))]
                return ('sub', 'COLLECT', query)
        if roll < 0.3:
            return ('list', tuple(self.expr('int', scope, depth) for _ in range(self.rng.randrange(4))))
        if roll < 0.5:
            return ('call', 'range', (('lit', self.rng.choice([0, 1])), ('lit', self.rng.choice([0, 2, 3])), *([('lit', 2)] if self.chance(0.2) else [])))
        if roll < 0.6:
            low, high = (('lit', self.rng.choice([0, 1, 2, -1, -2, 9, -9])) if self.chance(0.8) else None for _ in range(2))
            return ('slice', self.expr('ilist', scope, depth), low or ('lit', 0), high)
        if roll < 0.7:
            return ('bin', '+', self.expr('ilist', scope, depth), self.expr('ilist', scope, depth))
        if roll < 0.75:
            return ('call', self.rng.choice(['tail', 'reverse']), (self.expr('ilist', scope, depth),))
        item = self.fresh('x')
        inner = {**scope, item: 'int'}
        where = self.compare_with(('var', item), 'int', inner, 0) if self.chance(0.6) else None
        mapped = self.expr('int', inner, min(depth, 1)) if self.chance(0.6) else None
        lists = self.of_kind(scope, *ITEMS)
        if self.depth == 0 and self.of_kind(scope, 'node', 'nodes') and self.chance(0.4):
            return self.pattern_in_comprehension(scope, item)
        if lists and self.chance(0.5):
            return ('comp', item, ('var', self.rng.choice(lists)), None, ('prop', ('var', item), 'i'))
        return ('comp', item, self.expr('ilist', scope, depth), where, mapped)

    def pattern_in_comprehension(self, scope, item):
        """[x IN nodes WHERE (x)--() | …]"""
        lists, nodes = self.of_kind(scope, 'nodes'), self.of_kind(scope, 'node')
        if not nodes or lists and self.chance(0.6):
            of = ('var', self.rng.choice(lists))
        else:
            of = ('list', tuple(('var', name) for name in self.rng.sample(nodes, min(len(nodes), self.rng.choice([1, 2])))))
        parts, _ = self.inner_pattern({item: 'node'}, named=False)
        where = ('not', ('pattern', parts[0])) if self.chance(0.3) else ('pattern', parts[0]) if self.chance(0.7) else None
        mapped = ('prop', ('var', item), 'i') if self.chance(0.5) else ('call', 'size', (self.pattern_comprehension({item: 'node'}),))
        return ('comp', item, of, where, mapped)

    def pattern_comprehension(self, scope, nested=False):
        """Of ints; perhaps with another one in it."""
        parts, inner = self.inner_pattern(scope)
        where = self.inner_where(inner)
        if not nested and self.of_kind(inner, 'node') and self.chance(0.2):
            self.depth += 1
            value = ('call', 'size', (self.pattern_comprehension(inner, True),))
            self.depth -= 1
        else:
            value = self.inner_value('int', inner)
        return ('pcomp', parts[0], where, value)

    def compare_with(self, e, kind, scope, depth):
        ops = ['=', '=', '=', '<>', 'IN', 'isnull']
        ops += ['<', '<=', '>', '>='] if kind in ('int', 'float', 'str', 'mixed', 'date', 'ldt', 'zdt', 'duration', 'ilist') else []
        ops += ['STARTS WITH', 'ENDS WITH', 'CONTAINS', '=~'] if kind == 'str' else []
        ops += ['near', 'near'] if kind == 'point' else []
        op = self.rng.choice(ops)
        if op == '=~':
            return ('bin', op, e, ('lit', self.rng.choice(REGEXES)))
        if op == 'near':
            far = ('call', 'point.distance', (e, self.constant(kind)))
            return ('bin', self.rng.choice(['<', '<=', '>']), far, ('lit', self.rng.choice(DISTANCES)))
        if op == 'isnull':
            return ('isnull', e, self.chance(0.5))
        if op == 'IN':
            if kind == 'int' and self.chance(0.4):
                return ('bin', 'IN', e, self.expr('ilist', scope, depth))
            return ('bin', 'IN', e, ('list', tuple(self.expr(kind, scope, 0) for _ in range(self.rng.randrange(1, 4)))))
        other = self.rng.choice(['int', 'float']) if kind in ('int', 'float') else kind
        other = self.expr(other, scope, depth)
        return ('bin', op, e, other) if self.chance(0.8) or len(op) > 2 else ('bin', op, other, e)

    def predicate(self, scope, depth=2, where=False):
        """where: a pattern may stand here."""
        nodes = self.of_kind(scope, 'node')
        rels = self.of_kind(scope, 'rel')
        options = {'compare': 8, 'isnull': 1}
        options.update({'and': 2, 'or': 2, 'xor': 0.5, 'not': 2, 'bool': 1, 'quant': 1} if depth > 0 else {})
        options.update({'labels': 2} if nodes else {})
        options.update({'types': 1} if rels else {})
        options.update({'ids': 0.7} if nodes or rels else {})
        options.update({'same': 1} if len(nodes) > 1 else {})
        options.update({'samerel': 1} if len(rels) > 1 else {})
        nested = 0 < self.depth < 3 and self.chance(0.1)
        options.update({'exists': 1.5, 'whole': 0.7} if nodes and (self.depth == 0 or nested) else {})
        options.update({'pattern': 1.5} if nodes and self.depth == 0 and where else {})
        options.update({'ends': 0.5} if rels and nodes else {})
        what = self.pick(options)
        if what in ('and', 'or', 'xor'):
            return ('bin', what.upper(), self.predicate(scope, depth - 1, where), self.predicate(scope, depth - 1, where))
        if what == 'not':
            return ('not', self.predicate(scope, depth - 1, where))
        if what == 'bool':
            return self.expr('bool', scope, depth - 1)
        if what == 'quant':
            item = self.fresh('x')
            kind = self.rng.choice(['any', 'all', 'none', 'single'])
            lists = self.of_kind(scope, *ITEMS)
            if nodes and self.depth == 0 and self.chance(0.3):
                found = self.pattern_comprehension(scope)
                if self.chance(0.4):
                    return ('bin', 'IN', self.expr('int', scope, 0), found)
                return ('quant', kind, item, found, self.compare_with(('var', item), 'int', {item: 'int'}, 0))
            if lists and self.chance(0.6):
                of = self.rng.choice(lists)
                return ('quant', kind, item, ('var', of), self.compare_with(('prop', ('var', item), 'i'), 'int', {item: ITEMS[scope[of]]}, 0))
            return ('quant', kind, item, self.expr('ilist', scope, depth - 1), self.compare_with(('var', item), 'int', {**scope, item: 'int'}, 0))
        if what == 'labels':
            return ('labels', ('var', self.rng.choice(nodes)), self.label_expr(LABELS, 2), *[True] * self.chance(0.15))
        if what == 'types':
            return ('labels', ('var', self.rng.choice(rels)), self.label_expr(TYPES, 2), *[True] * self.chance(0.15))
        if what == 'ids':
            return self.by_id(scope, nodes + rels)
        if what in ('same', 'samerel'):
            a, b = self.rng.sample(nodes if what == 'same' else rels, 2)
            return ('bin', self.rng.choice(['=', '<>']), ('var', a), ('var', b))
        if what == 'ends':
            end = ('call', self.rng.choice(['startNode', 'endNode']), (('var', self.rng.choice(rels)),))
            return ('bin', self.rng.choice(['=', '<>']), end, ('var', self.rng.choice(nodes)))
        if what == 'exists':
            parts, inner = self.inner_pattern(scope)
            return ('exists', parts, self.inner_where(inner))
        if what == 'whole':
            return ('sub', 'EXISTS', self.whole(scope))
        if what == 'pattern':
            parts, _ = self.inner_pattern(scope, named=False)
            return ('pattern', parts[0])
        kind = self.rng.choice(['int', 'int', 'int', 'float', 'str', 'mixed', 'bool', 'ilist', 'date', 'ldt', 'zdt', 'duration', 'point', 'map'])
        if what == 'isnull':
            return ('isnull', self.expr(kind, scope, depth - 1 if depth > 0 else 0), self.chance(0.5))
        return self.compare_with(self.expr(kind, scope, min(depth, 1)), kind, scope, min(depth, 1))

    def by_id(self, scope, entities):
        """Of id() or elementId(), what it is and what it is not."""
        of, other = self.rng.choice(entities), self.rng.choice(entities)
        name = self.rng.choice(['id', 'elementId'])
        known = [1, 2, 3, 3.0, '1', 'n1', 'n2', 'r1', 'r2', 'n01', None]
        if self.ids_known and self.chance(0.3):
            return ('bin', 'IN', ('call', name, (('var', of),)), ('lit', self.rng.sample(known, 4)))
        value = ('call', name, (('var', other),)) if not self.ids_known or self.chance(0.3) else ('lit', self.rng.choice(known))
        return ('bin', '=', ('call', name, (('var', of),)), value)

    # ---- Patterns ----

    def label_expr(self, names, depth):
        if depth == 0 or self.chance(0.6):
            if self.chance(0.05):
                return ('dynamic', tuple(self.rng.sample(names, self.rng.choice([1, 2]))), self.chance(0.5))
            return ('any',) if self.chance(0.06) else ('name', self.rng.choice(names))
        if self.chance(0.3):
            return ('not', self.label_expr(names, depth - 1))
        return (self.rng.choice(['and', 'or']), self.label_expr(names, depth - 1), self.label_expr(names, depth - 1))

    def props(self, scope):
        if not self.chance(0.12):
            return []
        key = self.rng.choice(['i', 'i', 'j', 's', 'b', 'm', 'f', 'd', 't', 'z', 'u', 'p'])
        return [(key, self.expr(KEYS[key], scope, 1) if self.chance(0.3) else self.constant(KEYS[key]))]

    def node(self, old, new, reuse=0.25, named=True):
        """old: variables that may be read in properties; new: gains what is bound."""
        have = self.of_kind({**old, **new}, 'node')
        pattern = NodePattern()
        if have and self.chance(reuse):
            pattern.var = self.rng.choice(have)
        elif named and self.chance(0.75):
            pattern.var = self.fresh('n')
        if self.chance(0.3):
            pattern.labels = self.label_expr(LABELS, 2)
        pattern.props = self.props(old)
        if pattern.var is not None and pattern.var not in old:
            new[pattern.var] = 'node'
            pattern.where = self.own_where(pattern.var, 'node', old) if named else None
        return pattern

    def own_where(self, name, kind, old):
        """WHERE inside of a node or relationship, about it and what was there before."""
        if not self.chance(0.04):
            return None
        self.depth += 1
        where = self.predicate({**old, name: kind}, 1)
        self.depth -= 1
        return where

    def rel(self, old, new, named=True):
        self.rels_made += 1
        pattern = RelPattern(direction=self.rng.choice('><-'))
        if self.chance(0.2):
            low = self.rng.choice([0, 1, 1, 1, 2])
            pattern.length = (low, self.rng.choice([low, low + 1, 2, 3, None]))
            if pattern.length[1] is not None and pattern.length[1] < low:
                pattern.length = (low, low)
        if self.chance(0.45):
            pattern.types = ('name', self.rng.choice(TYPES))
            if self.chance(0.3):
                pattern.types = ('or', *(('name', x) for x in self.rng.sample(TYPES, 2)))
            elif pattern.length is None and self.chance(0.2):
                pattern.types = self.label_expr(TYPES, 2)
        rels = self.of_kind(old, 'rel')
        if pattern.length is None and rels and named and self.chance(0.12):
            pattern.var = self.rng.choice(rels)
            if pattern.var in self.used_rels:
                pattern.var = None
            else:
                self.used_rels.add(pattern.var)
        elif pattern.length is not None and named and self.chance(0.4) and self.unused_lists(old):
            pattern.var = self.rng.choice(self.unused_lists(old))
            self.used_rels.add(pattern.var)
        elif named and self.chance(0.5):
            pattern.var = self.fresh('r')
            new[pattern.var] = 'rel' if pattern.length is None else 'rels'
            pattern.where = self.own_where(pattern.var, 'rel', old) if pattern.length is None else None
        pattern.props = self.props(old)
        return pattern

    def unused_lists(self, old):
        """Of relationships: a walk may go over them."""
        return [name for name in self.of_kind(old, 'rels') if name not in self.used_rels]

    def repeated(self, old, new):
        """A quantified part; new gains its lists."""
        self.rels_made += 1
        inner = {}

        def node():
            return NodePattern(self.fresh('n') if self.chance(0.6) else None, ('name', self.rng.choice(LABELS)) if self.chance(0.2) else None)

        elements = [node()]
        for _ in range(2 if self.chance(0.2) else 1):
            elements += [RelPattern(self.fresh('r') if self.chance(0.5) else None, self.rng.choice('><-'),
                                    ('name', self.rng.choice(TYPES)) if self.chance(0.4) else None), node()]
        for e in elements:
            if e.var is not None:
                inner[e.var] = 'node' if isinstance(e, NodePattern) else 'rel'
        self.depth += 1
        where = self.predicate({**self.seen_before(old), **inner}, 1) if inner and self.chance(0.4) else None
        self.depth -= 1
        new.update((name, kind + 's') for name, kind in inner.items())
        return Quantified(elements, where, self.rng.choice([(0, None), (1, None), (1, 2), (0, 2), (2, 3), (1, 1), (2, None)]))

    def seen_before(self, old):
        """What a repeated part may read beside its own."""
        return old if self.chance(0.3) else {}

    def part(self, old, new, lengths, named=True, reuse=0.25):
        elements = [self.node(old, new, reuse, named)]
        most = max(self.many - self.rels_made, min(lengths)) if self.chance(0.98) else max(lengths)
        for _ in range(min(self.pick(lengths), most)):
            repeats = named and self.depth == 0 and self.chance(0.06)
            elements += [self.repeated(old, new) if repeats else self.rel(old, new, named), self.node(old, new, reuse, named)]
        part = Part(elements)
        if named and self.depth == 0 and self.chance(0.04):
            bound = {name: kind for name, kind in new.items() if name in {e.var for e in elements}}
            self.depth += 1
            part.where = self.predicate({**old, **bound}, 1)
            self.depth -= 1
        if named and len(elements) > 1 and self.chance(0.1):
            part.path = self.fresh('q')
            new[part.path] = 'path'
        return part

    def inner_pattern(self, scope, named=True):
        """Of a sub-query: begins at a node of scope most of the time."""
        self.depth += 1
        saved, self.used_rels = getattr(self, 'used_rels', set()), set()
        old = {name: kind for name, kind in scope.items()}
        new = {}
        part = self.part(old, new, {1: 4, 2: 2}, named)
        part.path = None
        new = {name: kind for name, kind in new.items() if kind != 'path'}
        if not named or self.chance(0.85):
            part.elements[0].var = self.rng.choice(self.of_kind(scope, 'node'))
            part.elements[0].where = None
            new = {name: kind for name, kind in new.items() if name in
                   [e.var for e in part.elements]}
        self.used_rels = saved
        self.depth -= 1
        return [part], {**scope, **new}

    def inner_where(self, scope):
        self.depth += 1
        where = self.predicate(scope, 1) if self.chance(0.5) else None
        self.depth -= 1
        return where

    def inner_value(self, kind, scope):
        self.depth += 1
        e = self.expr(kind, scope, 1)
        self.depth -= 1
        return e

    def whole(self, scope):
        """A query of one column, for EXISTS, COUNT or COLLECT."""
        branches = []
        for _ in range(self.pick({1: 6, 2: 1})):
            parts, inner = self.inner_pattern(scope)
            clauses = [Match(parts, self.inner_where(inner), self.chance(0.15))]
            item = self.inner_value('int', inner)
            if self.chance(0.2):
                item = ('agg', self.rng.choice(['count', 'sum', 'max']), False, item)
            last = Project([(item, 'o')], self.chance(0.3), final=True)
            if self.chance(0.15):
                last.limit = self.rng.choice([0, 1, 2])
            branches.append(clauses + [last])
        return Query(branches, self.chance(0.5))

    def shortest(self, scope):
        """MATCH of shortest paths, and their length as a variable: which path is taken may be nobody's promise."""
        self.rels_made += 1
        name, length = self.fresh('q'), self.fresh('v')
        have = self.of_kind(scope, 'node')
        ends = []
        for _ in range(2):
            known = have and self.chance(0.5)
            ends.append(NodePattern(self.rng.choice(have) if known else self.fresh('n'),
                                    ('name', self.rng.choice(LABELS)) if self.chance(0.2) else None))
            scope[ends[-1].var] = 'node'
        types = ('name', self.rng.choice(TYPES)) if self.chance(0.4) else None
        rel = RelPattern(None, self.rng.choice('><-'), types, self.rng.choice([(1, None), (0, None), (1, 3), (1, 1), (0, 2)]))
        selector = self.rng.choice(['ANY SHORTEST', 'ALL SHORTEST', 'SHORTEST 1', 'SHORTEST 2', 'ALL SHORTEST', 'shortestPath', 'allShortestPaths',
                                    'SHORTEST GROUP', 'SHORTEST 2 GROUPS', 'ANY', 'ANY 2', 'ALL'])
        whichever = selector in ('ANY', 'ANY 2')  # even the length is nobody's promise
        rel.var = self.fresh('r')
        inner = {ends[0].var: 'node', ends[1].var: 'node', rel.var: 'rels', name: 'path'}
        part = Part([ends[0], rel, ends[1]], name, selector)
        if 'Path' not in selector and self.chance(0.2):  # a repeated part, or one relationship before
            if self.chance(0.5):
                del inner[rel.var]
                part.elements[1] = Quantified([NodePattern(), RelPattern(None, rel.direction, types), NodePattern()], None, rel.length)
            else:
                part.elements[1:1] = [RelPattern(None, self.rng.choice('><-')), NodePattern()]
        where = None
        if self.chance(0.4):
            self.depth += 1
            where = self.predicate(inner, 1)
            self.depth -= 1
        every = selector in ('ALL SHORTEST', 'SHORTEST GROUP', 'SHORTEST 2 GROUPS', 'ALL')
        if where and 'Path' not in selector and (not every or self.chance(0.6)):
            part.where, where = where, None  # of one of several paths it would be a matter of chance
        if every or selector == 'allShortestPaths':
            scope[name] = 'path'
        if whichever:
            return [Match([part], where, self.chance(0.3))] + [Project([(('var', n), n) for n in scope])]
        scope[length] = 'int'
        return [Match([part], where, self.chance(0.3)),
                Star(None, [(('call', 'length', (('var', name),)), length)], self.chance(0.5))]

    def match(self, scope, optional=False):
        new = {}
        self.used_rels = set()
        parts = self.shape(scope, new) if self.chance(0.15) else []
        for _ in range(0 if parts else self.pick({1: 6, 2: 3, 3: 1})):
            parts.append(self.part(scope, new, {0: 2, 1: 5, 2: 4, 3: 1, 4: 0.5}, reuse=0.35))
        where = self.seek(parts, scope, new) if self.indexes and self.chance(0.4) else None
        everything = {**scope, **new}
        if self.chance(0.6):
            other = self.predicate(everything, 2, True)
            where = other if where is None else ('bin', 'AND', where, other)
        scope.update(new)
        bounded = all(e.length is None or e.length[1] is not None for part in parts for e in part.elements[1::2])
        return Match(parts, where, optional, bounded and self.chance(0.04))

    def shape(self, scope, new):
        """Parts whose relationships close circles between few nodes, or branch out from them."""
        cycles = [[(0, 1), (1, 2), (2, 0)], [(0, 1), (1, 2), (2, 3), (3, 0)], [(0, 1), (0, 2), (1, 3), (2, 3), (0, 3)],
                  [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)], [(0, 1), (0, 1), (1, 0)], [(0, 1), (1, 2), (0, 2), (0, 2)]]
        trees = [[(0, 1), (1, 2), (2, 3)], [(0, 1), (0, 2), (0, 3)], [(0, 1), (1, 2), (1, 3), (3, 4)], [(0, 1), (2, 1), (1, 3)]]
        edges = self.rng.choice(cycles if self.chance(0.6) else trees)
        self.rels_made += len(edges)
        nodes = [self.fresh('n') for _ in range(5)]
        if self.of_kind(scope, 'node') and self.chance(0.4):
            nodes[0] = self.rng.choice(self.of_kind(scope, 'node'))
        types = self.rng.choice([None, None, 'R', 'S'])
        parts = []
        for a, b in edges:
            rel = self.rel(scope, {}, named=False) if self.chance(0.25) else RelPattern(
                direction=self.rng.choice('>>>-<'), types=None if types is None else ('name', types))
            if self.chance(0.2):
                rel.var = self.fresh('r')
                new[rel.var] = 'rel' if rel.length is None else 'rels'
            left, right = (NodePattern(nodes[i], self.label_expr(LABELS, 1) if self.chance(0.15) else None) for i in (a, b))
            for node in (left, right):
                if node.var not in scope:
                    new[node.var] = 'node'
            if parts and parts[-1].elements[-1].var == left.var and self.chance(0.7):
                parts[-1].elements += [rel, right]
            else:
                parts.append(Part([left, rel, right]))
        return parts

    def difference(self, new):
        """Of two nodes that were bound, or that they have (no) relationship."""
        nodes = self.of_kind(new, 'node')
        a, b = (('var', self.rng.choice(nodes)) for _ in range(2))
        if self.chance(0.5):
            return ('bin', '<>', a, b)
        rel = RelPattern(direction=self.rng.choice('><-'), types=('name', self.rng.choice(TYPES)) if self.chance(0.5) else None)
        related = ('pattern', Part([NodePattern(a[1]), rel, NodePattern(b[1])]))
        return ('not', related) if self.chance(0.7) else related

    def seek(self, parts, scope, new):
        """Make a node or relationship one that an index is about, and ask for some of its keys; None: there is none."""
        on_rels, name, keys = self.rng.choice(self.indexes)
        found = [e for part in parts for e in part.elements if isinstance(e, RelPattern if on_rels else NodePattern) and
                 (not on_rels or e.length is None) and e.var not in scope]
        if not found:
            return None
        pattern = self.rng.choice(found)
        if pattern.var is None:
            pattern.var = self.fresh('r' if on_rels else 'n')
            new[pattern.var] = 'rel' if on_rels else 'node'
        if on_rels:
            pattern.types = ('name', name)
        else:
            pattern.labels = ('name', name) if self.chance(0.7) else ('and', ('name', name), self.label_expr(LABELS, 1))
        where = None
        for key in keys:
            kind = KEYS.get(key, 'int')
            for _ in range(self.pick({0: 1, 1: 6, 2: 1.5})):
                of = ('prop', ('var', pattern.var), key)
                # What the other side reads may be of this clause: then the index is asked for each row.
                one = self.compare_with(of, kind, {**scope, **new} if self.chance(0.3) else scope, 0)
                where = one if where is None else ('bin', 'AND', where, one)
        return where

    # ---- Clauses ----

    def aggregate(self, scope):
        what = self.pick({'star': 3, 'count': 3, 'sum': 2, 'avg': 1, 'min': 2, 'max': 2, 'collect': 2, 'percentile': 0.7, 'stDev': 0.5})
        distinct = self.chance(0.3)
        if what == 'star':
            return ('agg', 'count', False, None), 'int'
        if what == 'count':
            names = [n for n, kind in scope.items() if not isinstance(kind, tuple)]
            if names and self.chance(0.6):
                return ('agg', 'count', distinct, ('var', self.rng.choice(names))), 'int'
            return ('agg', 'count', distinct, self.expr(self.rng.choice(['int', 'str', 'mixed']), scope, 1)), 'int'
        if what == 'percentile':
            name, p = self.rng.choice(['percentileCont', 'percentileDisc']), self.rng.choice([0.0, 0.25, 0.5, 0.75, 1.0])
            return ('agg', name, distinct, self.expr('int', scope, 1), ('lit', p)), 'float' if name == 'percentileCont' else 'int'
        if what == 'stDev':
            return ('call', 'round', (('agg', self.rng.choice(['stDev', 'stDevP']), distinct, self.expr('int', scope, 1)), ('lit', 6))), 'float'
        if what in ('sum', 'avg'):
            kind = self.rng.choice(['int', 'float'])
            return ('agg', what, distinct, self.expr(kind, scope, 1)), 'float' if what == 'avg' else kind
        if what == 'collect':
            names = self.of_kind(scope, 'node', 'rel')
            if names and self.chance(0.5):
                name = self.rng.choice(names)
                return ('agg', 'collect', distinct, ('var', name)), ('bag', scope[name])
            return ('agg', 'collect', distinct, self.expr('int', scope, 1)), ('bag', 'int')
        kind = self.rng.choice(['int', 'str', 'float', 'mixed', 'date', 'ldt', 'zdt'])
        return ('agg', what, False, self.expr(kind, scope, 1)), kind

    def items(self, scope, aggregating, final, plain):
        """[(expression, alias)], and the scope that follows. plain: no bags."""
        out, after = [], {}
        names = [n for n, kind in scope.items() if not (isinstance(kind, tuple) and (plain or aggregating))]
        keep = self.rng.sample(names, min(len(names), self.rng.randrange(0, 4)))
        for name in keep:
            out.append((('var', name), name))
            after[name] = scope[name]
        for _ in range(self.rng.randrange(0 if out else 1, 3)):
            kind = self.rng.choice(['int', 'int', 'str', 'bool', 'mixed', 'float', 'ilist', 'date', 'ldt', 'zdt', 'duration', 'point', 'map'])
            alias = self.fresh('v')
            out.append((self.expr(kind, scope, 2), alias))
            after[alias] = kind
        if aggregating:
            for _ in range(self.rng.randrange(1, 3)):
                e, kind = self.aggregate(scope)
                if kind == 'int' and self.chance(0.2):
                    e = ('bin', '+', e, ('lit', 1))
                alias = self.fresh('v')
                out.append((e, alias))
                after[alias] = kind
            if self.chance(0.3):
                out = out[-1:]
                after = {alias: after[alias] for _, alias in out}
            self.rng.shuffle(out)
        return out, after

    def counts(self, c):
        """SKIP and LIMIT as parameters or sums."""
        out = {}
        for word, count in (('SKIP', c.skip), ('LIMIT', c.limit)):
            if count is not None and self.chance(0.5):
                name = self.fresh('p')
                self.params[name] = count
                out[word] = '$' + name
            elif count is not None:
                out[word] = f'{count} + 1 - 1'
        return out

    def project(self, scope, final=False):
        """final: RETURN. Replaces what scope holds."""
        aggregating = self.chance(0.3)
        distinct = self.chance(0.2)
        limited = self.chance(0.2)
        items, after = self.items(scope, aggregating, final, distinct or limited)
        bags = any(isinstance(kind, tuple) for kind in after.values())
        c = Project(items, distinct and not bags, final=final)
        if limited and not bags and (final or not self.of_kind(after, 'path', 'map', 'point', 'duration', *ITEMS)):
            c.limit = self.rng.choice([0, 1, 2, 5]) if self.chance(0.8) else None
            c.skip = self.rng.choice([0, 1, 2]) if c.limit is None or self.chance(0.4) else None
            c.counts = self.counts(c) if self.chance(0.3) else None
        cut = c.limit is not None or c.skip is not None
        aliases = [alias for _, alias in items if not isinstance(after[alias], tuple) and after[alias] not in ('map', 'point', 'duration')]
        if cut and not final:  # the rows that stay must be no matter of chance
            self.rng.shuffle(aliases)
            c.order = [(('var', alias), self.chance(0.5)) for alias in aliases]
        elif aliases and self.chance(0.35):
            c.order = [(('var', alias), self.chance(0.5)) for alias in self.rng.sample(aliases, self.rng.randrange(1, len(aliases) + 1))]
            if not aggregating and not c.distinct and not cut and self.chance(0.4):
                kind = self.rng.choice(['int', 'int', 'mixed', 'str', 'date', 'bool'])
                c.order = [(self.expr(kind, {**scope, **after}, 1), self.chance(0.5))]
        if not final and after and self.chance(0.3):
            c.where = self.predicate(after, 2, True)
        scope.clear()
        scope.update(after)
        self.bags |= {name for name, kind in after.items() if isinstance(kind, tuple)}
        return c

    def sort(self, scope):
        """ORDER BY, SKIP and LIMIT by themselves."""
        if not scope or self.chance(0.3):
            return Sort([(self.expr(self.rng.choice(['int', 'str', 'mixed', 'date']), scope, 1), self.chance(0.5))])
        if any(isinstance(kind, tuple) or kind in ('path', 'map', 'point', 'duration', *ITEMS) for kind in scope.values()):
            return Sort(skip=0) if self.chance(0.5) else Sort(limit=400)
        names = list(scope)  # of all: the rows that stay must be no matter of chance
        self.rng.shuffle(names)
        sort = Sort([(('var', name), self.chance(0.5)) for name in names])
        sort.limit = self.rng.choice([0, 1, 2, 5]) if self.chance(0.7) else None
        sort.skip = self.rng.choice([0, 1, 2]) if sort.limit is None or self.chance(0.4) else None
        return sort

    def optional_chain(self):
        """OPTIONAL MATCH behind OPTIONAL MATCH, each with a predicate over what was there and what it finds."""
        scope, self.used_rels = {}, set()
        clauses = [Match([self.part({}, scope, {0: 4, 1: 1}, reuse=0)])]
        for _ in range(self.pick({1: 2, 2: 4, 3: 2})):
            new, self.used_rels = {}, set()
            part = self.part(scope, new, {0: 1, 1: 4, 2: 1}, reuse=0.2)
            if self.of_kind(scope, 'node') and self.chance(0.7):
                first = part.elements[0]
                if first.var not in {e.var for e in part.elements[1:]}:
                    new.pop(first.var, None)
                first.var, first.where, part.where = self.rng.choice(self.of_kind(scope, 'node')), None, None
            both = {**scope, **new}
            where = self.across(scope, new) if self.chance(0.8) else None
            if self.chance(0.3):
                other = self.predicate(both, 1, True)
                where = other if where is None else ('bin', self.rng.choice(['AND', 'OR']), where, other)
            scope.update(new)
            clauses.append(Match([part], where, True))
            if self.chance(0.1):
                clauses.append(Star(self.predicate(scope, 1)))
        self.before_return = dict(scope)
        return self.made([clauses + [self.project(scope, True)]])

    def across(self, old, new):
        """A comparison of something known with something found; None: there is nothing."""
        found, known = self.of_kind(new, 'node', 'rel'), self.of_kind(old, 'node', 'rel')
        if not found or not known:
            return None
        key, other = (self.rng.choice(['i', 'j', 'f', 's', 'm', 'd']) for _ in range(2))
        other = key if self.chance(0.8) else other
        return ('bin', self.rng.choice(['=', '=', '<>', '<', '<=', '>']), ('prop', ('var', self.rng.choice(found)), key),
                ('prop', ('var', self.rng.choice(known)), other))

    def unwind(self, scope):
        bags = [n for n, kind in scope.items() if isinstance(kind, tuple)]
        if bags and self.chance(0.6):
            name = self.rng.choice(bags)
            kind, e = scope[name][1], ('var', name)
        elif self.of_kind(scope, *ITEMS) and self.chance(0.4):
            name = self.rng.choice(self.of_kind(scope, *ITEMS))
            kind, e = ITEMS[scope[name]], ('var', name)
        elif self.of_kind(scope, 'path') and self.chance(0.6):
            kind, e = 'node', ('call', 'nodes', (('var', self.rng.choice(self.of_kind(scope, 'path'))),))
        else:
            kind, e = 'int', self.expr('ilist', scope, 1)
        var = self.fresh('u')
        scope[var] = kind
        return Unwind(e, var)

    def sub_query(self, scope):
        """CALL { }, whose columns are new names."""
        imports = [n for n, kind in scope.items() if kind in ('node', 'rel', 'int') and self.chance(0.5)]
        kinds = self.rng.choices(['int', 'str', 'mixed'], k=self.rng.randrange(1, 3))
        aliases = [self.fresh('c') for _ in kinds]
        aggregating = self.chance(0.4)
        branches = []
        for _ in range(self.pick({1: 3, 2: 1})):
            own = {n: scope[n] for n in imports}
            clauses = [Project([(('var', n), n) for n in imports])] if imports else []
            clauses += [self.match(own, self.chance(0.3))]
            if self.chance(0.15) and self.rels_made <= self.many:
                clauses.append(self.sub_query(own) if self.chance(0.6) else self.unwind(own))
            items = [(self.expr(kind, own), alias) for kind, alias in zip(kinds, aliases)]
            if aggregating:
                items[0] = (('agg', 'count', self.chance(0.3), items[0][0]), aliases[0])
            last = Project(items, self.chance(0.2), final=True)
            if self.chance(0.2):  # of all columns: rows that stay must be no matter of chance
                last.order = [(('var', alias), self.chance(0.5)) for alias in aliases]
                last.limit = self.rng.choice([0, 1, 2])
            branches.append(clauses + [last])
        scope.update(zip(aliases, kinds))
        if aggregating:
            scope[aliases[0]] = 'int'
        return Call(imports, Query(branches, self.chance(0.5)), self.chance(0.4), self.chance(0.2))

    def let(self, scope):
        kinds = self.rng.choices(['int', 'str', 'bool', 'date', 'ldt', 'zdt', 'duration', 'map'], k=self.rng.randrange(1, 3))
        items = [(self.expr(kind, scope), self.fresh('v')) for kind in kinds]
        scope.update((alias, kind) for (_, alias), kind in zip(items, kinds))
        return Star(self.predicate(scope, 1) if self.chance(0.4) else None, items, self.chance(0.6))

    def branch(self, scope):
        clauses = []
        for _ in range(self.pick({1: 5, 2: 4, 3: 2, 4: 1})):
            options = {'match': 5, 'optional': 2, 'unwind': 1, 'with': 2, 'call': 0.7, 'let': 0.5, 'shortest': 0.5, 'sort': 0.5}
            if not scope:
                options = {'match': 9, 'optional': 1, 'unwind': 0.5, 'shortest': 0.3}
            if self.rels_made > self.many:
                options = {'unwind': 1, 'with': 3}
            what = self.pick(options)
            if what == 'with':
                clauses.append(self.project(scope))
            elif what == 'call':
                clauses.append(self.sub_query(scope))
            elif what == 'let':
                clauses.append(self.let(scope))
            elif what == 'sort':
                clauses.append(self.sort(scope))
            elif what == 'shortest':
                clauses += self.shortest(scope)
            elif what == 'unwind':
                clauses.append(self.unwind(scope))
            else:
                clauses.append(self.match(scope, what == 'optional'))
        return clauses

    def counting(self):
        """MATCH of a shape, of which rows are counted, all or by something."""
        scope = {}
        self.used_rels = set()
        parts = self.shape(scope, scope)
        clauses = [Match(parts, self.difference(scope) if self.chance(0.4) else None)]
        if self.chance(0.3):
            new = {}
            clauses.append(Match(self.shape(scope, new), None, self.chance(0.7)))
            scope.update(new)
        items = [(('agg', 'count', False, None), 'x')]
        if self.chance(0.3):
            items.append((('agg', 'count', self.chance(0.7), ('var', self.rng.choice(self.of_kind(scope, 'node')))), 'z'))
        if self.chance(0.35):
            node = ('var', self.rng.choice(self.of_kind(scope, 'node')))
            items.append((node if self.chance(0.4) else ('prop', node, self.rng.choice(['i', 's'])), 'y'))
        self.before_return = dict(scope)
        return self.made([clauses + [Project(items, final=True)]])

    def counting_tree(self):
        """Rows of a tree of few types, of which little is read: what factors are for."""
        trees = [[(0, 1)], [(0, 1), (1, 2)], [(0, 1), (0, 2)], [(0, 1), (1, 2), (2, 3)], [(0, 1), (0, 2), (0, 3)], [(0, 1), (1, 2), (1, 3)],
                 [(0, 1), (1, 2), (2, 3), (2, 4)], [(0, 1), (0, 2), (1, 3), (1, 4)], [(0, 1), (0, 2), (2, 3), (0, 4)]]
        edges = self.rng.choice(trees)
        nodes = [self.fresh('n') for _ in range(8)]
        types = self.rng.choice([[None], ['R'], ['R', 'S'], ['R', 'S', 'T'], ['R', None]])
        directions = self.rng.choice(['-', '>', '><', '><-'])

        def part(a, b):
            kind = self.rng.choice(types)
            rel = RelPattern(direction=self.rng.choice(directions), types=None if kind is None else ('name', kind))
            left, right = (NodePattern(nodes[i], ('name', self.rng.choice(LABELS)) if self.chance(0.2) else None) for i in (a, b))
            return Part([left, rel, right])

        where = None
        for _ in range(self.pick({0: 4, 1: 4, 2: 1})):
            a, b = self.rng.choice([(0, 2), (1, 2), (1, 3), (2, 3), (0, 1), (2, 4)])
            if any(max(a, b) in edge for edge in edges):
                one = ('bin', '<>', ('var', nodes[a]), ('var', nodes[b]))
                where = one if where is None else ('bin', 'AND', where, one)
        if self.chance(0.2):
            one = ('bin', '>', ('prop', ('var', nodes[edges[-1][1]]), 'i'), ('lit', 0))
            where = one if where is None else ('bin', 'AND', where, one)
        clauses = [Match([part(a, b) for a, b in edges], where)]
        if self.chance(0.2):  # relationships of two clauses may be the same
            clauses[0].where, moved = None, clauses[0].parts[1:]
            if moved:
                clauses = [Match(clauses[0].parts[:1]), Match(moved, where)]
        if self.chance(0.4):
            a = self.rng.choice(edges)[1]
            clauses.append(Match([part(a, 5)] + ([part(5, 6)] if self.chance(0.4) else []), None, True))
            if self.chance(0.4):
                clauses.append(Match([part(self.rng.choice([0, a]), 7)], None, True))
        items = [(('agg', 'count', False, None if self.chance(0.7) else ('var', nodes[0])), 'x')]
        if self.chance(0.3):
            node = ('var', nodes[self.rng.choice(edges)[0]])
            items.append((node if self.chance(0.4) else ('prop', node, self.rng.choice(['i', 's'])), 'y'))
        self.before_return = {}
        return self.made([clauses + [Project(items, final=True)]])

    def seeking(self):
        """What an index is for: bounds, values and lists of its keys, known before or row by row."""
        on_rels, name, keys = self.rng.choice(self.indexes)
        scope, new, clauses = {}, {}, []
        self.used_rels = set()
        if self.chance(0.3):
            clauses.append(self.match(scope) if self.chance(0.5) else self.unwind(scope))
            self.used_rels = set()
        found = NodePattern(self.fresh('n'), ('name', name))
        elements = [found]
        if on_rels:
            found = RelPattern(self.fresh('r'), self.rng.choice('><-'), ('name', name))
            elements = [self.node(scope, new), found, self.node(scope, new)]
        new[found.var] = 'rel' if on_rels else 'node'
        if self.chance(0.4):
            elements += [self.rel(scope, new), self.node(scope, new)]
        where = None
        for key in keys:
            for _ in range(self.pick({0: 1, 1: 6, 2: 3})):
                of, kind = ('prop', ('var', found.var), key), KEYS.get(key, 'int')
                one = self.compare_with(of, kind, scope, 0)
                if kind != 'ilist' and self.chance(0.5):
                    bound = ('lit', self.rng.choice(UNSTORED)) if kind == 'mixed' and self.chance(0.2) else self.constant(kind)
                    one = ('bin', self.rng.choice(['<', '<=', '>', '>=']), of, bound)
                if kind == 'str' and self.chance(0.4):
                    one = ('bin', self.rng.choice(['STARTS WITH', 'STARTS WITH', 'ENDS WITH', 'CONTAINS']), of, ('lit', self.rng.choice(BEGINNINGS)))
                where = one if where is None else ('bin', 'AND', where, one)
        clauses.append(Match([Part(elements)], where, bool(clauses) and self.chance(0.3)))
        scope.update(new)
        self.before_return = dict(scope)
        query = self.made([clauses + [self.project(scope, True)]])
        query.seeks = True
        return query

    def joining(self):
        """Two patterns that only values connect."""
        scope = {}
        self.used_rels = set()
        parts = [self.part({}, scope, {0: 3, 1: 2}, reuse=0) for _ in range(2)]
        where = None
        for part in parts:
            part.elements[0].var = part.elements[0].var or self.fresh('n')
            scope[part.elements[0].var] = 'node'
        for _ in range(self.pick({1: 4, 2: 1})):
            a, b = self.rng.sample(parts, 2)
            key = self.rng.choice(['i', 'j', 's', 'm', 'b', 'f', 'd', 'l', 't', 'z', 'u', 'p'])
            other = key if self.chance(0.7) else self.rng.choice(list(KEYS))
            one = ('bin', '=', ('prop', ('var', a.elements[0].var), key), ('prop', ('var', b.elements[0].var), other))
            where = one if where is None else ('bin', 'AND', where, one)
        if self.chance(0.3):
            where = ('bin', 'AND', where, self.predicate(scope, 1))
        self.before_return = dict(scope)
        return self.made([[Match(parts, where), self.project(scope, True)]])

    def query(self):
        if self.chance(0.15):
            return self.counting() if self.chance(0.4) else self.counting_tree()
        if self.indexes and self.chance(0.12):
            return self.seeking()
        if self.chance(0.06):
            return self.joining()
        if self.chance(0.05):
            return self.optional_chain()
        if self.chance(0.08):
            branches = []
            for _ in range(2):
                scope = {}
                clauses = self.branch(scope)
                clauses.append(Project([(self.expr('int', scope), 'x'), (self.expr('mixed', scope), 'y')], final=True,
                                       distinct=self.chance(0.2)))
                branches.append(clauses)
            return self.made(branches, self.chance(0.5))
        scope = {}
        clauses = self.branch(scope)
        self.before_return = dict(scope)
        return self.made([clauses + [self.project(scope, True)]])

    def made(self, branches, union_all=False):
        query = Query(branches, union_all)
        query.bags, query.params = self.bags, self.params
        return query

    # ---- Queries that write ----

    def write(self, scope, inner=False):
        """A clause whose effect does not depend on the order of rows. inner: of a sub-query, whose variables are read after it."""
        nodes, rels = self.of_kind(scope, 'node'), self.of_kind(scope, 'rel')
        known = bool(nodes or rels)
        what = self.pick({'set': 3 * known, 'label': 2 if nodes else 0, 'create': 3, 'merge': 2, 'delete': known and not inner,
                          'foreach': 1, 'call': 0.5 if nodes and not inner else 0})
        if what == 'set':
            return self.set_some(self.rng.choice(nodes + rels))
        if what == 'label':
            return Set([(self.rng.choice(['label', 'unlabel']), self.rng.choice(nodes), self.rng.choice(LABELS))])
        if what == 'delete':
            return Delete([self.rng.choice(nodes + rels)])
        if what == 'foreach':
            return self.foreach(scope, self.expr('ilist', scope, 1))
        if what == 'call':
            imports = self.rng.sample(nodes, 1)
            inner = [Project([(('var', name), name) for name in imports])]
            return Call(imports, Query([inner + [self.write({name: scope[name] for name in imports}, True)]]))
        return self.merge(nodes) if what == 'merge' else self.create(nodes)

    def set_some(self, name):
        """What is set of a node or relationship is the same for all rows that have it."""
        value = self.constant('int')
        what = self.pick({'map': 3, 'remove': 1, 'next': 2, 'value': 3, 'other': 2})
        if what == 'map':
            return Set([(self.rng.choice(['plus', 'plus', 'map']), name,
                         [('i', value), ('j', self.constant('int') if self.chance(0.8) else ('lit', None)), ('s', self.constant('str'))])])
        if what == 'remove':
            return Set([('remove', name, self.rng.choice(list(KEYS)))])
        if what == 'next':
            return Set([('prop', name, 'i', ('bin', '+', ('prop', ('var', name), 'i'), ('lit', 1)))])
        if what == 'other':
            key = self.rng.choice(['s', 'd', 't', 'z', 'u', 'p', 'l', 'b'])
            return Set([('prop', name, key, self.expr(KEYS[key], {}, 1))])
        return Set([('prop', name, self.rng.choice(['i', 'j']), value if self.chance(0.8) else ('lit', None))])

    def foreach(self, scope, items, outer=None):
        """outer: the value that the one around it sets, the label of what it makes and of what it merges. These are the same within, since rows
        have no order: several may set the value of one node, and what one makes another must not find."""
        item = self.fresh('x')
        value, made, merged = same = outer or (self.constant('int'), *self.rng.sample(LABELS, 2))
        nodes = self.of_kind(scope, 'node')
        choices = [Create([Part([NodePattern(None, ('name', made), [('i', ('var', item))])])]),
                   Merge(Part([NodePattern(None, ('name', merged), [('i', value)])]))]
        if nodes:
            choices.append(Set([('prop', self.rng.choice(nodes), 'j', value)]))
        if outer is None:
            choices.append(self.foreach(scope, ('call', 'range', (('lit', 0), ('var', item))), same))
        return Foreach(item, items, self.rng.sample(choices, 1 if self.chance(0.7) else 2))

    def new_node(self):
        return NodePattern(None, ('name', self.rng.choice(LABELS)), [('i', self.constant('int'))] if self.chance(0.5) else [])

    def merge(self, nodes):
        if self.chance(0.4):
            found = NodePattern(self.fresh('n'), ('name', self.rng.choice(LABELS)), [('i', self.constant('int'))])
            merge = Merge(Part([found]))
        else:
            elements = [self.merge_end(nodes)]
            for kind in self.rng.sample(TYPES, 1 if self.chance(0.7) else 2):
                found = RelPattern(self.fresh('r'), self.rng.choice('><'), ('name', kind), None,
                                   [('j', self.constant('int'))] if self.chance(0.2) else [])
                elements += [found, self.merge_end(nodes)]
            if len(elements) > 3:
                elements[2] = self.new_node()  # else parts made for several rows would make a whole for another one, in some orders of them
            merge = Merge(Part(elements))
        for events in (merge.on_create, merge.on_match):
            if self.chance(0.3):
                events += self.on_event(found.var)
        return merge

    def merge_end(self, nodes):
        return NodePattern(self.rng.choice(nodes)) if nodes and self.chance(0.7) else self.new_node()

    def on_event(self, name):
        if self.chance(0.3):
            return [('plus', name, [('j', self.constant('int')), ('s', self.constant('str'))])]
        return [('prop', name, 'j', self.constant('int'))]

    def create(self, nodes):
        verb = self.rng.choice(['CREATE', 'CREATE', 'INSERT'])
        kind = ('name', self.rng.choice(TYPES))
        if self.chance(0.4):
            return Create([Part([NodePattern(None, ('name', self.rng.choice(LABELS)), [('i', self.constant('int'))])])], verb)
        from_, to = (self.merge_end(nodes) for _ in range(2))
        return Create([Part([from_, RelPattern(None, '>', kind, None, [('j', self.constant('int'))] if self.chance(0.4) else []), to])], verb)

    def transactional(self):
        """MATCH, and updates for each row in transactions of some rows."""
        scope, self.ids_known = {}, False
        clauses = [Match(c.parts, c.where) if isinstance(c, Match) else c for c in self.branch(scope)]
        have = self.of_kind(scope, 'node', 'rel')
        imports = self.rng.sample(have, min(len(have), self.rng.randrange(3)))
        inner = [Project([(('var', name), name) for name in imports])] if imports else []
        if imports and self.chance(0.5):  # what has been deleted, perhaps by an earlier transaction, nobody else touches
            inner.append(Delete(imports))
            known = {}
        else:
            known = {name: scope[name] for name in imports}
        inner += self.writes_of_a_row(known)
        rows = self.rng.choice([1, 1, 2, 3, 10])
        transactions = f' IN TRANSACTIONS OF {rows} ROWS' + self.rng.choice(['', '', ' ON ERROR FAIL', ' ON ERROR CONTINUE', ' ON ERROR BREAK'])
        clauses.append(Call(imports, Query([inner]), self.chance(0.5), transactions=transactions))
        clauses.append(Project([(('agg', 'count', False, None), 'total')], final=True))
        return self.made([clauses])

    def writes_of_a_row(self, scope):
        """Of a sub-query, which one row runs through before the next: of two clauses that set or merge the order of rows would be seen."""
        if self.chance(0.25):
            nodes = self.of_kind(scope, 'node')
            return [self.create(nodes), self.create(nodes)]
        return [self.write(scope, True)]

    def walking(self, scope):
        """Several ways from one node to another, of which little is read but where they end."""
        ends = [NodePattern(self.fresh('n'), ('name', self.rng.choice(LABELS)) if self.chance(0.2) else None) for _ in range(2)]
        rel = RelPattern(None, self.rng.choice('>-'), None, self.rng.choice([(0, 2), (1, 2), (1, 3), (2, 3)]))
        if self.chance(0.3):
            rel = Quantified([NodePattern(), RelPattern(None, rel.direction), NodePattern()], None, rel.length)
        scope.update((node.var, 'node') for node in ends)
        return [Match([Part([ends[0], rel, ends[1]])])]

    def calling(self):
        """Sub-queries that write: what is read of their rows must not change how often they run."""
        scope = {}
        clauses = self.walking(scope) if self.chance(0.5) else self.branch(scope)
        clauses = [Match(c.parts, c.where) if isinstance(c, Match) else c for c in clauses]
        have = self.of_kind(scope, 'node', 'rel')
        imports = self.rng.sample(have, min(len(have), self.rng.randrange(3)))
        own = {name: scope[name] for name in imports}
        inner = [Project([(('var', name), name) for name in imports])] if imports else []
        inner += self.writes_of_a_row(own)
        alias = self.fresh('c')
        value = ('lit', 1) if not imports or self.chance(0.4) else ('bin', '%', ('call', 'id', (('var', imports[0]),)), ('lit', 2))
        if self.chance(0.75):
            inner.append(Project([(value, alias)], final=True))
            scope[alias] = 'int'
        clauses.append(Call(imports, Query([inner]), self.chance(0.5)))
        known = [name for name in scope if scope[name] in ('node', 'rel', 'int')]
        of = ('var', self.rng.choice(known)) if known else ('lit', 1)
        if self.chance(0.4):
            last = Project([(('agg', 'count', True, of), 'total')], final=True)
            return self.made([clauses + [last]])
        below = Project([(of, self.fresh('v'))], self.chance(0.6))
        if not below.distinct or self.chance(0.2):
            below.limit = self.rng.choice([0, 1, 2])
        return self.made([clauses + [below, Project([(('agg', 'count', False, None), 'total')], final=True)]])

    def update(self):
        """MATCH and updates; then a MATCH that sees them, and a count."""
        self.ids_known = False
        if self.chance(0.15):
            return self.calling()
        scope = {}
        clauses = self.branch(scope)
        nullable = any(isinstance(c, Match) and c.optional for c in clauses)
        if nullable:
            clauses = [Match(c.parts, c.where) if isinstance(c, Match) else c for c in clauses]
        deleted = False
        for _ in range(self.pick({1: 3, 2: 2, 3: 1})):
            c = self.write(scope)
            clauses.append(c)
            if isinstance(c, Delete):
                deleted = True
                break
        if not deleted and self.chance(0.5):
            keep = self.of_kind(scope, 'node', 'rel')
            if keep and self.chance(0.7):
                keep = self.rng.sample(keep, 1)
                clauses.append(Project([(('var', name), name) for name in keep]))
                scope = {name: scope[name] for name in keep}
            else:
                clauses.append(Project([(('agg', 'count', False, None), 'total')]))
                scope = {'total': 'int'}
            clauses.append(self.match(scope))
            if self.chance(0.3):
                clauses.append(self.write(scope))
                return self.made([clauses])
        if not deleted:
            clauses.append(Project([(('agg', 'count', False, None), 'total')], final=True))
        return self.made([clauses])
