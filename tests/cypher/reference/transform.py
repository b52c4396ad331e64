"""Other queries that mean the same, and smaller ones."""
from .language import Call, Create, Match, NodePattern, Part, Project, Quantified, Query, RelPattern, Sort, Star, clone

TURNED = {'>': '<', '<': '>', '-': '-'}


def conjunction(a, b):
    return b if a is None else a if b is None else ('bin', 'AND', a, b)


def matches_of(query, optional=True):
    """(branch, index) of each MATCH at the top."""
    return [(branch, i) for branch in query.branches for i, c in enumerate(branch)
            if isinstance(c, Match) and (optional or not c.optional)]


def reverse(query, rng):
    """Every part from its other end."""
    for branch, i in matches_of(query):
        for part in branch[i].parts:
            rels = part.elements[1::2]
            if part.path or part.where or not rels or any(isinstance(r, Quantified) or r.length is not None and r.var for r in rels):
                continue
            part.elements.reverse()
            for r in rels:
                r.direction = TURNED[r.direction]
    return query


def reorder(query, rng):
    for branch, i in matches_of(query):
        rng.shuffle(branch[i].parts)
    return query


def name_all(part, names):
    for e in part.elements:
        if e.var is None:
            names[0] += 1
            e.var = f'x{names[0]}x'


def split(query, rng):
    """A path in two, with a WITH between: the relationships must differ still."""
    names = [0]
    for branch, i in reversed(matches_of(query, optional=False)):
        c = branch[i]
        if len(c.parts) != 1 or c.repeatable or c.parts[0].path or c.parts[0].where or len(c.parts[0].elements) < 5 or \
           any(r.length is not None for r in c.parts[0].elements[1::2]):
            continue
        part = c.parts[0]
        name_all(part, names)
        at = rng.randrange(2, len(part.elements) - 2, 2)
        middle = part.elements[at]
        left, right = part.elements[:at + 1], [NodePattern(middle.var)] + part.elements[at + 1:]
        where = c.where
        for a in left[1::2]:
            for b in right[1::2]:
                where = conjunction(where, ('bin', '<>', ('var', a.var), ('var', b.var)))
        branch[i:i + 1] = [Match([Part(left)]), Star()] + [Match([Part(right)], where)]
    return query


def redundant(query, rng):
    """What is matched is there."""
    for branch, i in reversed(matches_of(query, optional=False)):
        nodes = [e.var for part in branch[i].parts for e in part.elements if isinstance(e, NodePattern) and e.var]
        if nodes:
            branch.insert(i + 1, Match([Part([NodePattern(rng.choice(nodes))])]))
    return query


def late_where(query, rng):
    for branch, i in reversed(matches_of(query, optional=False)):
        if branch[i].where is not None:
            branch.insert(i + 1, Star(branch[i].where, short=rng.random() < 0.5))
            branch[i].where = None
    return query


def outline(query, rng):
    """Labels and properties of nodes and relationships as WHERE."""
    for branch, i in matches_of(query):
        c = branch[i]
        for part in c.parts:
            ends = (part.elements[0], part.elements[-1])
            for e in part.elements:
                if e.var is None or isinstance(e, RelPattern) and e.length is not None:
                    continue
                if part.selector is not None and e not in ends:  # what is asked of the others decides which paths are the shortest; WHERE comes after that
                    continue
                if isinstance(e, NodePattern) and e.labels:
                    c.where = conjunction(c.where, ('labels', ('var', e.var), e.labels))
                    e.labels = None
                for key, value in e.props:
                    c.where = conjunction(c.where, ('bin', '=', ('prop', ('var', e.var), key), value))
                e.props = []
    return query


def inside(query, rng):
    """The whole as a sub-query; rows of a sub-query have no order."""
    last = query.branches[0][-1]
    if last.order:
        return query
    aliases = [alias for _, alias in last.items]
    around = Query([[Call([], Query(query.branches, query.union_all), rng.random() < 0.5),
                     Project([(('var', alias), alias) for alias in aliases], final=True)]])
    return around


def stars(query, rng):
    """WITH * between clauses: a border that nothing need respect."""
    for branch in query.branches:
        for i in range(len(branch) - 1, 0, -1):
            if isinstance(branch[i - 1], Match) and rng.random() < 0.5 and any(e.var for part in branch[i - 1].parts for e in part.elements):
                branch.insert(i, Star())
    return query


SAME = [reverse, reorder, split, redundant, late_where, outline, inside, stars]


def partition(query, predicate):
    """The query where the predicate holds, where it does not, and where it is null."""
    for p in (predicate, ('not', predicate), ('isnull', predicate, False)):
        one = clone(query)
        c = one.branches[0][-2]
        c.where = conjunction(c.where, p)
        yield one


# ---- Smaller queries ----


def replacements(e):
    """Simpler expressions of the same type."""
    if e[0] == 'bin' and e[1] in ('AND', 'OR', 'XOR'):
        yield e[2]
        yield e[3]
    elif e[0] == 'bin' and e[1] in ('+', '-', '*', '/', '%'):
        yield e[2]
    elif e[0] in ('not', 'neg'):
        yield e[1]
    elif e[0] == 'case':
        yield e[1][0][1]
    elif e[0] == 'match_case':
        yield e[2][0][1]
    elif e[0] == 'call' and e[1] == 'coalesce':
        yield from e[2]
    elif e[0] in ('exists', 'countsub') and e[2] is not None:
        yield (e[0], e[1], None)
    for i, x in enumerate(e):
        if isinstance(x, tuple) and x and isinstance(x[0], str):
            for smaller in replacements(x):
                yield e[:i] + (smaller,) + e[i + 1:]
        elif isinstance(x, tuple):
            for k, y in enumerate(x):
                if isinstance(y, tuple) and y and isinstance(y[0], str):
                    for smaller in replacements(y):
                        yield e[:i] + (x[:k] + (smaller,) + x[k + 1:],) + e[i + 1:]


def edits(query):
    """Functions that make a copy of query smaller; some make it senseless, which its reader must see."""
    def at(b, i):
        return lambda q: q.branches[b][i]

    for b, branch in enumerate(query.branches):
        if len(query.branches) > 1:
            yield lambda q, b=b: q.branches.__delitem__(b)
        for i, c in enumerate(branch):
            get = at(b, i)
            if i < len(branch) - 1 and not isinstance(c, Project):
                yield lambda q, b=b, i=i: q.branches[b].__delitem__(i)
            if getattr(c, 'where', None) is not None:
                yield lambda q, get=get: setattr(get(q), 'where', None)
                for smaller in replacements(c.where):
                    yield lambda q, get=get, s=smaller: setattr(get(q), 'where', s)
            if isinstance(c, Match):
                yield from pattern_edits(c, get)
            elif isinstance(c, Project):
                yield from project_edits(c, get)
            elif isinstance(c, Sort) and len(c.order) > 1:
                yield lambda q, get=get: get(q).order.pop()
            elif isinstance(c, Call):
                for smaller in edits(c.query):
                    yield lambda q, get=get, s=smaller: s(get(q).query)
            elif isinstance(c, Create) and len(c.parts) > 1:
                yield lambda q, get=get: get(q).parts.pop()


def pattern_edits(c, get):
    if c.optional:
        yield lambda q: setattr(get(q), 'optional', False)
    for k, part in enumerate(c.parts):
        if len(c.parts) > 1:
            yield lambda q, k=k: get(q).parts.__delitem__(k)
        if part.where:
            yield lambda q, k=k: setattr(get(q).parts[k], 'where', None)
        if part.path:
            yield lambda q, k=k: setattr(get(q).parts[k], 'path', None)
        if len(part.elements) > 1:
            yield lambda q, k=k: get(q).parts[k].elements.__delitem__(slice(0, 2))
            yield lambda q, k=k: get(q).parts[k].elements.__delitem__(slice(-2, None))
        for n, e in enumerate(part.elements):
            for name in ('props', 'labels', 'types', 'length', 'where', 'var'):
                if getattr(e, name, None):
                    empty = [] if name == 'props' else None
                    yield lambda q, k=k, n=n, name=name, empty=empty: setattr(get(q).parts[k].elements[n], name, empty)


def project_edits(c, get):
    for name, empty in (('distinct', False), ('order', []), ('skip', None), ('limit', None)):
        if getattr(c, name) not in (False, [], None):
            yield lambda q, name=name, empty=empty: setattr(get(q), name, empty)
    for k, (e, alias) in enumerate(c.items):
        if len(c.items) > 1:
            yield lambda q, k=k: get(q).items.__delitem__(k)
        for smaller in replacements(e):
            yield lambda q, k=k, s=smaller, a=alias: get(q).items.__setitem__(k, (s, a))
