"""Queries as trees, and as text.

Expressions are tuples that begin with their kind:
  lit v | param name v | var name | prop e key | bin op a b | not e | neg e | isnull e negated | list [e] | index e i | slice e a b
  call name [e] | case [(when, then)] otherwise | match_case e [(value, then)] otherwise | labels e labelexpr
  comp var list where map | quant kind var list where | reduce acc init var list e
  exists parts where | countsub parts where | pattern part | pcomp part where map | agg name distinct e (count(*): e None)
  key e name (e['name']) | sub kind query (EXISTS, COUNT, COLLECT of a whole query) | map [(key, e)] | part e name (of a date, duration, point)
  projection var [(key, e)] (n {.key} where e is None, or .* where key is *) | a fifth member of agg: the percentile | a fourth one of labels: written as IS
Label expressions (of types as well): name n | any | not e | and a b | or a b | dynamic [name] every ($(…) and $any(…))
"""
import math

from .temporal import datetime_text, duration_text
from .values import Date, DateTime, Duration, LocalDateTime, Point


class NodePattern:
    def __init__(self, var=None, labels=None, props=None):
        self.var, self.labels, self.props = var, labels, props or []  # props: [(key, e)]
        self.where = None


class RelPattern:
    def __init__(self, var=None, direction='-', types=None, length=None, props=None):
        self.var, self.direction, self.types = var, direction, types  # direction: '>', '<', '-'
        self.length = length  # None: one; (low, high); high None: any
        self.props = props or []
        self.where = None


class Quantified:
    """((a)-[r]->(b)-[s]->(c) WHERE …){low,high}: stands where a relationship does; what it binds are lists."""

    def __init__(self, elements, where, length):
        self.elements, self.where, self.length = elements, where, length
        self.var = None


class Part:
    def __init__(self, elements, path=None, selector=None, where=None):
        self.elements, self.path = elements, path
        self.where = where  # of the part in parentheses: before paths are selected
        self.selector = selector  # 'ANY SHORTEST', 'ALL SHORTEST', 'SHORTEST 2', 'SHORTEST 2 GROUPS', 'ANY 2', …, 'shortestPath', 'allShortestPaths'


class Match:
    def __init__(self, parts, where=None, optional=False, repeatable=False):
        self.parts, self.where, self.optional = parts, where, optional
        self.repeatable = repeatable  # relationships may be the same


class Unwind:
    def __init__(self, expr, var):
        self.expr, self.var = expr, var


class Project:
    """WITH, or RETURN as the last clause."""

    def __init__(self, items, distinct=False, order=(), skip=None, limit=None, where=None, final=False):
        self.items = items  # [(e, alias)]
        self.distinct, self.order = distinct, list(order)  # order: [(e, descending)]
        self.skip, self.limit, self.where, self.final = skip, limit, where, final
        self.counts = None  # how SKIP and LIMIT are written, if not as numbers


class Star:
    """WITH *, and new variables; short: as LET or FILTER."""

    def __init__(self, where=None, items=(), short=False):
        self.where, self.items, self.short = where, list(items), short


class Sort:
    """ORDER BY, SKIP and LIMIT by themselves."""

    def __init__(self, order=(), skip=None, limit=None):
        self.order, self.skip, self.limit = list(order), skip, limit


class Call:
    """CALL { }: a sub-query for each row; each branch begins with WITH what it takes from there. scoped: written as CALL (imports) { }."""

    def __init__(self, imports, query, scoped=False, optional=False, transactions=''):
        self.imports, self.query = imports, query
        self.scoped, self.optional = scoped, optional
        self.transactions = transactions  # IN TRANSACTIONS …, whose number of rows changes nothing


class Create:
    def __init__(self, parts, verb='CREATE'):
        self.parts, self.verb = parts, verb


class Merge:
    def __init__(self, part, on_create=(), on_match=()):
        self.part, self.on_create, self.on_match = part, list(on_create), list(on_match)


class Set:
    """items: ('prop', var, key, e) | ('label', var, name) | ('plus', var, [(key, e)]) | ('map', var, [(key, e)]),
    or all of them ('unlabel', var, name) | ('remove', var, key)"""

    def __init__(self, items):
        self.items = items


class Delete:
    def __init__(self, names):
        self.names = names


class Foreach:
    def __init__(self, var, expr, clauses):
        self.var, self.expr, self.clauses = var, expr, clauses


class Query:
    def __init__(self, branches, union_all=False):
        self.branches, self.union_all = branches, union_all  # branches: lists of clauses
        self.params = {}  # values by name
        self.bags = frozenset()  # aliases of lists whose order nobody promises
        self.seeks = False  # it is about an index


def clone(thing):
    """A query, clause or pattern whose parts can be changed without the other's; expressions never change."""
    if isinstance(thing, list):
        return [clone(x) for x in thing]
    if not hasattr(thing, '__dict__'):
        return thing
    other = object.__new__(type(thing))
    for name, value in thing.__dict__.items():
        other.__dict__[name] = clone(value) if isinstance(value, list) or hasattr(value, '__dict__') else value
    return other


def literal(v):
    if v is None:
        return 'null'
    if isinstance(v, bool):
        return 'true' if v else 'false'
    if isinstance(v, float):
        return '(0.0 / 0.0)' if math.isnan(v) else repr(v)
    if isinstance(v, Date):
        return f"date('{v.text}')"
    if isinstance(v, LocalDateTime):
        return f"localdatetime('{v.text}')"
    if isinstance(v, DateTime):
        return f"datetime('{datetime_text(v)}')"
    if isinstance(v, Duration):
        return f"duration('{duration_text(v)}')"
    if isinstance(v, Point):
        return f'point({{x: {v.x}, y: {v.y}}})'
    if isinstance(v, dict):
        return '{' + ', '.join(f'{key}: {literal(x)}' for key, x in v.items()) + '}'
    if isinstance(v, str):
        return "'" + v.replace('\\', '\\\\').replace("'", "\\'") + "'"
    if isinstance(v, list):
        return '[' + ', '.join(literal(x) for x in v) + ']'
    return str(v)


def labels_text(e):
    if e[0] == 'name':
        return e[1]
    if e[0] == 'any':
        return '%'
    if e[0] == 'not':
        return '!' + wrapped(e[1])
    if e[0] == 'dynamic':
        return ('$(' if e[2] else '$any(') + literal(list(e[1])) + ')'
    return wrapped(e[1]) + ('&' if e[0] == 'and' else '|') + wrapped(e[2])


def wrapped(e):
    return labels_text(e) if e[0] in ('name', 'any', 'dynamic') else '(' + labels_text(e) + ')'


def types_text(e):
    """A choice of names needs no brackets."""
    if e[0] == 'or':
        return types_text(e[1]) + '|' + types_text(e[2])
    return labels_text(e) if e[0] in ('name', 'any', 'not', 'dynamic') else wrapped(e)


def props_text(props):
    return ' {' + ', '.join(f'{key}: {text(e)}' for key, e in props) + '}' if props else ''


def where_text(e):
    return ' WHERE ' + text(e.where) if e.where else ''


def element_text(e):
    if isinstance(e, NodePattern):
        return '(' + (e.var or '') + (':' + labels_text(e.labels) if e.labels else '') + props_text(e.props) + where_text(e) + ')'
    if isinstance(e, Quantified):
        low, high = e.length
        count = {(0, None): '*', (1, None): '+'}.get(e.length, f'{{{low},{"" if high is None else high}}}')
        return f' ({"".join(map(element_text, e.elements))}{where_text(e)}){count} '
    inner = (e.var or '') + (':' + types_text(e.types) if e.types else '')
    if e.length is not None:
        low, high = e.length
        inner += f'*{low}..' + ('' if high is None else str(high))
    inner += props_text(e.props) + where_text(e)
    inner = f'[{inner}]' if inner else ''
    return ('<' if e.direction == '<' else '') + f'-{inner}-' + ('>' if e.direction == '>' else '')


def part_text(part):
    out = ''.join(element_text(e) for e in part.elements)
    out = f'({out} WHERE {text(part.where)})' if part.where else out
    if part.selector is not None:
        out = f'{part.selector}({out})' if 'Path' in part.selector else f'{part.selector} {out}'
    return (part.path + ' = ' if part.path else '') + out


def parts_text(parts, where):
    return ', '.join(part_text(p) for p in parts) + (' WHERE ' + text(where) if where else '')


def text(e):
    kind = e[0]
    if kind == 'lit':
        return literal(e[1])
    if kind == 'param':
        return '$' + e[1]
    if kind == 'var':
        return e[1]
    if kind in ('prop', 'part'):
        return f'{text(e[1])}.{e[2]}'
    if kind == 'key':
        return f"{text(e[1])}['{e[2]}']"
    if kind == 'map':
        return '{' + ', '.join(f'{key}: {text(x)}' for key, x in e[1]) + '}'
    if kind == 'projection':
        return text(e[1]) + ' {' + ', '.join('.' + key if x is None else f'{key}: {text(x)}' for key, x in e[2]) + '}'
    if kind == 'sub':
        return f'{e[1]} {{ {query_text(e[2])} }}'
    if kind == 'bin':
        return f'({text(e[2])} {e[1]} {text(e[3])})'
    if kind == 'not':
        return f'(NOT {text(e[1])})'
    if kind == 'neg':
        return f'(-{text(e[1])})'
    if kind == 'isnull':
        return f'({text(e[1])} IS {"NOT " if e[2] else ""}NULL)'
    if kind == 'list':
        return '[' + ', '.join(text(x) for x in e[1]) + ']'
    if kind == 'index':
        return f'{text(e[1])}[{text(e[2])}]'
    if kind == 'slice':
        low, high = ('' if x is None else text(x) for x in e[2:])
        return f'{text(e[1])}[{low}..{high}]'
    if kind == 'call':
        return f'{e[1]}({", ".join(text(x) for x in e[2])})'
    if kind in ('case', 'match_case'):
        value, arms, otherwise = ('', e[1], e[2]) if kind == 'case' else (' ' + text(e[1]), e[2], e[3])
        arms = ' '.join(f'WHEN {text(when)} THEN {text(then)}' for when, then in arms)
        return f'CASE{value} {arms}' + (f' ELSE {text(otherwise)}' if otherwise else '') + ' END'
    if kind == 'labels':
        return f'({text(e[1])}{" IS " if len(e) > 3 else ":"}{labels_text(e[2])})'
    if kind == 'comp':
        where = f' WHERE {text(e[3])}' if e[3] else ''
        return f'[{e[1]} IN {text(e[2])}{where}' + (f' | {text(e[4])}]' if e[4] else ']')
    if kind == 'quant':
        return f'{e[1]}({e[2]} IN {text(e[3])} WHERE {text(e[4])})'
    if kind == 'reduce':
        return f'reduce({e[1]} = {text(e[2])}, {e[3]} IN {text(e[4])} | {text(e[5])})'
    if kind == 'exists':
        return f'EXISTS {{ MATCH {parts_text(e[1], e[2])} }}'
    if kind == 'countsub':
        return f'COUNT {{ MATCH {parts_text(e[1], e[2])} }}'
    if kind == 'pattern':
        return part_text(e[1])
    if kind == 'pcomp':
        return f'[{parts_text([e[1]], e[2])} | {text(e[3])}]'
    if kind == 'agg':
        more = ''.join(', ' + text(x) for x in e[4:])
        return f'{e[1]}({"DISTINCT " if e[2] else ""}{"*" if e[3] is None else text(e[3])}{more})'
    raise ValueError(kind)


def set_text(items):
    out = []
    for item in items:
        if item[0] == 'prop':
            out.append(f'{item[1]}.{item[2]} = {text(item[3])}')
        elif item[0] == 'label':
            out.append(f'{item[1]}:{item[2]}')
        elif item[0] in ('plus', 'map'):
            out.append(f'{item[1]} {"+=" if item[0] == "plus" else "="}{props_text(item[2])}')
    return ', '.join(out)


def sort_text(order, counts):
    """counts: by SKIP and LIMIT"""
    out = ' ORDER BY ' + ', '.join(text(e) + (' DESC' if down else '') for e, down in order) if order else ''
    return out + ''.join(f' {word} {count}' for word, count in counts.items() if count is not None)


def clause_text(c):
    if isinstance(c, Sort):
        return sort_text(c.order, {'SKIP': c.skip, 'LIMIT': c.limit})[1:]
    if isinstance(c, Match):
        return ('OPTIONAL ' if c.optional else '') + 'MATCH ' + ('REPEATABLE ELEMENTS ' if c.repeatable else '') + \
            parts_text(c.parts, c.where)
    if isinstance(c, Unwind):
        return f'UNWIND {text(c.expr)} AS {c.var}'
    if isinstance(c, Create):
        return c.verb + ' ' + ', '.join(part_text(p) for p in c.parts)
    if isinstance(c, Foreach):
        return f'FOREACH ({c.var} IN {text(c.expr)} | {" ".join(clause_text(x) for x in c.clauses)})'
    if isinstance(c, Merge):
        out = 'MERGE ' + part_text(c.part)
        out += ' ON CREATE SET ' + set_text(c.on_create) if c.on_create else ''
        return out + (' ON MATCH SET ' + set_text(c.on_match) if c.on_match else '')
    if isinstance(c, Set):
        signs = {'unlabel': ':', 'remove': '.'}
        if c.items[0][0] in signs:
            return 'REMOVE ' + ', '.join(i[1] + signs[i[0]] + i[2] for i in c.items)
        return 'SET ' + set_text(c.items)
    if isinstance(c, Delete):
        return 'DETACH DELETE ' + ', '.join(c.names)
    if isinstance(c, Star):
        items = [(text(e), alias) for e, alias in c.items]
        if c.short:
            return ('LET ' + ', '.join(f'{alias} = {e}' for e, alias in items) if items else '') + \
                (' FILTER ' + text(c.where) if c.where else '')
        return 'WITH *' + ''.join(f', {e} AS {alias}' for e, alias in items) + (' WHERE ' + text(c.where) if c.where else '')
    if isinstance(c, Call):
        optional = 'OPTIONAL ' if c.optional else ''
        if not c.scoped:
            return optional + 'CALL { ' + query_text(c.query) + ' }' + c.transactions
        inner = Query([branch[bool(c.imports):] for branch in c.query.branches], c.query.union_all)
        return f'{optional}CALL ({", ".join(c.imports)}) {{ {query_text(inner)} }}{c.transactions}'
    out, counts = 'RETURN ' if c.final else 'WITH ', {}
    out += 'DISTINCT ' if c.distinct else ''
    out += ', '.join(text(e) if e == ('var', alias) else f'{text(e)} AS {alias}' for e, alias in c.items)
    for word, count in (('SKIP', c.skip), ('LIMIT', c.limit)):
        counts[word] = count if c.counts is None or count is None else c.counts[word]
    return out + sort_text(c.order, counts) + where_text(c)


def query_text(query):
    union = ' UNION ALL ' if query.union_all else ' UNION '
    return union.join(' '.join(clause_text(c) for c in branch) for branch in query.branches)
