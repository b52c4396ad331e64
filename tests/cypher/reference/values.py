"""Values: null None, booleans, numbers, strings, lists and maps Python's own, dates and the like; entities by id. A graph holds what entities have."""
import math
from collections import namedtuple

Node = namedtuple('Node', 'id')
Rel = namedtuple('Rel', 'id')
Path = namedtuple('Path', 'parts')  # node, relationship, node, …
Date = namedtuple('Date', 'text')  # as ISO 8601 has it: texts compare as dates do
LocalDateTime = namedtuple('LocalDateTime', 'text')  # the same, without seconds that are zero
DateTime = namedtuple('DateTime', 'instant offset zone')  # seconds since 1970, seconds, '' or the zone's name: they compare in this order
Duration = namedtuple('Duration', 'months days seconds')
Point = namedtuple('Point', 'x y')  # Cartesian


class Graph:
    def __init__(self):
        self.nodes = {}  # id → (labels: set, properties: dict)
        self.rels = {}  # id → (type, source, target, properties)
        self.incident = {}  # node id → relationship ids, a loop once
        self.next_id = 1 << 40  # of what a query creates

    def add_node(self, labels, props, number=None):
        if number is None:
            number = self.next_id
            self.next_id += 1
        self.nodes[number] = (set(labels), props)
        self.incident[number] = []
        return Node(number)

    def add_rel(self, kind, source, target, props, number=None):
        if number is None:
            number = self.next_id
            self.next_id += 1
        self.rels[number] = (kind, source, target, props)
        self.incident[source].append(number)
        if target != source:
            self.incident[target].append(number)
        return Rel(number)

    def drop_rel(self, number):
        _, source, target, _ = self.rels.pop(number)
        self.incident[source].remove(number)
        if target != source:
            self.incident[target].remove(number)

    def drop_node(self, number):
        for rel in list(self.incident[number]):
            self.drop_rel(rel)
        del self.incident[number]
        del self.nodes[number]

    def props(self, entity):
        return self.nodes[entity.id][1] if isinstance(entity, Node) else self.rels[entity.id][3]

    def copy(self):
        other = Graph()
        other.nodes = {i: (set(labels), dict(props)) for i, (labels, props) in self.nodes.items()}
        other.rels = {i: (t, s, e, dict(props)) for i, (t, s, e, props) in self.rels.items()}
        other.incident = {i: list(rels) for i, rels in self.incident.items()}
        other.next_id = self.next_id
        return other


def is_number(v):
    return isinstance(v, (int, float)) and not isinstance(v, bool)


def is_nan(v):
    return isinstance(v, float) and math.isnan(v)


def equal(a, b):
    """Of three values: = of the language."""
    if a is None or b is None:
        return None
    if is_number(a) and is_number(b):
        return a == b
    if isinstance(a, list) and isinstance(b, list):
        if len(a) != len(b):
            return False
        unknown = False
        for x, y in zip(a, b):
            same = equal(x, y)
            if same is False:
                return False
            unknown = unknown or same is None
        return None if unknown else True
    if isinstance(a, dict) and isinstance(b, dict):
        return equal([a[key] for key in sorted(a)], [b[key] for key in sorted(b)]) if set(a) == set(b) else False
    return type(a) is type(b) and a == b


def less(a, b):
    """a < b; None where the two cannot be compared."""
    if is_number(a) and is_number(b):
        return a < b
    if isinstance(a, str) and isinstance(b, str):
        return a < b
    if type(a) is type(b) and isinstance(a, (bool, Date, LocalDateTime, DateTime)):
        return a < b
    if isinstance(a, list) and isinstance(b, list):
        for x, y in zip(a, b):
            same = equal(x, y)
            if same is not True:
                return None if same is None else less(x, y)
        return len(a) < len(b)
    return None


def compare(op, a, b):
    if a is None or b is None:
        return None
    if is_nan(a) and is_number(b) or is_nan(b) and is_number(a):
        return False
    if op == '<':
        return less(a, b)
    if op == '>':
        return less(b, a)
    less_than = less(a, b) if op == '<=' else less(b, a)
    return None if less_than is None else less_than or equal(a, b)


def order_key(v):
    """Orders all values but maps and points: nodes, relationships, lists, paths, date-times, local date-times, dates, durations, strings, booleans, numbers
    (NaN last), null."""
    if v is None:
        return (9,)
    if isinstance(v, bool):
        return (6, v)
    if is_number(v):
        return (7, 1, 0) if is_nan(v) else (7, 0, v)
    if isinstance(v, str):
        return (5, v)
    if isinstance(v, list):
        return (3, [order_key(x) for x in v])
    if isinstance(v, Node):
        return (1, v.id)
    if isinstance(v, Rel):
        return (2, v.id)
    if isinstance(v, Date):
        return (4.5, v.text)
    if isinstance(v, DateTime):
        return (4.3, v)
    if isinstance(v, LocalDateTime):
        return (4.4, v.text)
    if isinstance(v, Duration):
        return (4.6, v.months * 2629746 + v.days * 86400 + v.seconds)
    return (4, [part.id for part in v.parts])


def same_key(v):
    """Equal for values that DISTINCT and grouping take for one."""
    if isinstance(v, list):
        return ('list', tuple(same_key(x) for x in v))
    if isinstance(v, dict):
        return ('map', tuple((key, same_key(v[key])) for key in sorted(v)))
    if isinstance(v, bool):
        return ('bool', v)
    if is_number(v):
        return ('nan',) if is_nan(v) else ('number', v)
    if isinstance(v, Path):
        return ('path', tuple((type(x).__name__, x.id) for x in v.parts))
    return (type(v).__name__, v)


def bag_key(v):
    """same_key of a list whose order is nobody's promise."""
    if isinstance(v, list):
        return ('bag', tuple(sorted((repr(bag_key(x)) for x in v))))
    return same_key(v)
