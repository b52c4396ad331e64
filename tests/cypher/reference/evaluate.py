"""Rows of a query on a graph, by definition: all assignments of a pattern are tried, clause after clause works on whole tables."""
import math
import re

from . import temporal
from .language import Call, Create, Delete, Foreach, Match, Merge, Part, Project, Quantified, Set, Sort, Star, Unwind
from .values import Date, DateTime, Duration, LocalDateTime, Node, Path, Point, Rel, compare, equal, is_number, order_key, same_key


class TooMuch(Exception):
    """The query is more work than a comparison is worth."""


class Trouble(Exception):
    """The query fails when it runs."""


class Evaluator:
    def __init__(self, graph, params=None, budget=2000, backward=False):
        """backward: find the last first. What comes out then does not depend on the order of a MATCH if it is the same."""
        self.graph, self.params, self.budget = graph, params or {}, budget
        self.in_order = reversed if backward else iter

    def spend(self):
        self.budget -= 1
        if self.budget < 0:
            raise TooMuch

    # ---- Patterns ----

    def has_labels(self, names, e):
        kind = e[0]
        if kind == 'name':
            return e[1] in names
        if kind == 'any':
            return bool(names)
        if kind == 'not':
            return not self.has_labels(names, e[1])
        if kind == 'dynamic':
            return (all if e[2] else any)(name in names for name in e[1])
        left = self.has_labels(names, e[1])
        return (left and self.has_labels(names, e[2])) if kind == 'and' else (left or self.has_labels(names, e[2]))

    def props_fit(self, have, props, env):
        for key, e in props:
            if equal(have.get(key), self.value(e, env)) is not True:
                return False
        return True

    def steps(self, node, pattern, used, env):
        """Relationships that go on from a node, with the node each leads to."""
        here, rels, types, direction, props = node.id, self.graph.rels, pattern.types, pattern.direction, pattern.props
        for number in self.in_order(self.graph.incident[here]):
            self.spend()
            if used is not None and number in used:
                continue
            kind, source, target, have = rels[number]
            if (source if direction == '>' else target if direction == '<' else here) != here:
                continue
            if (types is None or self.has_labels((kind,), types)) and (not props or self.props_fit(have, props, env)):
                yield Rel(number), Node(target if source == here else source)

    def walks(self, node, pattern, used, env, so_far):
        low, high = pattern.length
        hops = len(so_far) // 2
        if hops >= low:
            yield so_far, node
        if high is not None and hops >= high:
            return
        for rel, to in self.steps(node, pattern, used, env):
            yield from self.walks(to, pattern, more(used, [rel]), env, so_far + [rel, to])

    def rounds(self, node, pattern, used, env, walk, done):
        """Ways to repeat a part from node; done: what each round has bound."""
        low, high = pattern.length
        if len(done) >= low:
            yield walk, node, done
        if high is not None and len(done) >= high:
            return
        first = self.bind_node(node, pattern.elements[0], env)
        if first is None:
            return
        for inner, taken, hops in self.match_elements(pattern.elements, 1, node, first, used, []):
            if pattern.where is None or self.value(pattern.where, inner) is True:
                yield from self.rounds(hops[-1], pattern, taken, env, walk + hops, done + [inner])

    @staticmethod
    def group(pattern, rounds):
        names = [e.var for e in pattern.elements if e.var is not None]
        return {name: [bound[name] for bound in rounds] for name in names}

    def match_elements(self, elements, at, node, env, used, parts):
        """Go on with the relationship elements[at] from node."""
        if at == len(elements):
            yield env, used, parts
            return
        rel, to_pattern = elements[at], elements[at + 1]
        if isinstance(rel, Quantified):
            for walk, to, rounds in self.rounds(node, rel, used, env, [], []):
                after = self.bind_node(to, to_pattern, {**env, **self.group(rel, rounds)})
                if after is not None:
                    yield from self.match_elements(elements, at + 2, to, after, more(used, walk[::2]), parts + walk)
            return
        if rel.length is None:
            hops = (([r, to], to) for r, to in self.steps(node, rel, used, env))
        else:
            hops = self.walks(node, rel, used, env, [])
        for walk, to in hops:
            rels = walk[::2]
            value = rels[0] if rel.length is None else rels
            after = env
            if rel.var is not None:
                if rel.var in env:
                    if same_key(env[rel.var]) != same_key(value):
                        continue
                else:
                    after = {**env, rel.var: value}
            if rel.where is not None and self.value(rel.where, after) is not True:
                continue
            after = self.bind_node(to, to_pattern, after)
            if after is not None:
                # A walk of no relationship has no node between: it ends where it began.
                yield from self.match_elements(elements, at + 2, to, after, more(used, rels), parts + walk)

    def bind_node(self, node, pattern, env):
        self.spend()
        name = pattern.var
        if name is not None and env.get(name, node) != node:
            return None
        labels, have = self.graph.nodes[node.id]
        if pattern.labels is not None and not self.has_labels(labels, pattern.labels):
            return None
        if name is not None and name not in env:
            env = {**env, name: node}
        if pattern.props and not self.props_fit(have, pattern.props, env):
            return None
        return env if pattern.where is None or self.value(pattern.where, env) is True else None

    def match_parts(self, parts, env, used=frozenset()):
        """used: relationships that must not come again; None: all may."""
        if not parts:
            yield env
            return
        for after, taken in self.match_part(parts[0], env, used) if parts[0].selector is None else self.select(parts[0], env):
            yield from self.match_parts(parts[1:], after, taken)

    def select(self, part, env):
        """Of the paths between two nodes the shortest, or one of them."""
        between = {}
        for after, _ in self.match_part(part, env, frozenset()):
            walked = after[part.path].parts
            between.setdefault((walked[0], walked[-1]), []).append(after)
        words = part.selector.split()
        count = next((int(word) for word in words if word.isdigit()), 1)
        for found in between.values():
            found.sort(key=lambda after: len(after[part.path].parts))
            lengths = sorted({len(after[part.path].parts) for after in found})
            if words[-1] in ('GROUP', 'GROUPS') or part.selector in ('ALL SHORTEST', 'allShortestPaths'):
                found = [after for after in found if len(after[part.path].parts) <= lengths[:count][-1]]
            elif part.selector != 'ALL':
                found = found[:count]
            yield from ((after, frozenset()) for after in found)

    def match_part(self, part, env, used):
        """(variables, used relationships) for each way to match a part."""
        first = part.elements[0]
        if first.var is not None and first.var in env:
            starts = [env[first.var]] if isinstance(env[first.var], Node) else []
        else:
            starts = [Node(i) for i in self.in_order(self.graph.nodes)]
        for start in starts:
            bound = self.bind_node(start, first, env)
            if bound is None:
                continue
            for after, taken, walked in self.match_elements(part.elements, 1, start, bound, used, [start]):
                if part.path is not None:
                    after = {**after, part.path: Path(tuple(walked))}
                if part.where is None or self.value(part.where, after) is True:
                    yield after, taken

    def matches(self, parts, where, env, repeatable=False):
        if where is not None and any('Path' in (part.selector or '') for part in parts):
            # What is asked of the path is part of what these functions look for.
            (part,) = parts
            parts, where = [Part(part.elements, part.path, part.selector, where)], None
        for found in self.match_parts(parts, env, None if repeatable else frozenset()):
            if where is None or self.value(where, found) is True:
                yield found

    # ---- Expressions ----

    def value(self, e, env):
        return getattr(self, 'eval_' + e[0])(e, env)

    def eval_lit(self, e, env):
        return e[1]

    def eval_param(self, e, env):
        return self.params[e[1]]

    def eval_var(self, e, env):
        return env[e[1]]

    def eval_prop(self, e, env):
        entity = self.value(e[1], env)
        if entity is None:
            return None
        return (entity if isinstance(entity, dict) else self.graph.props(entity)).get(e[2])

    eval_key = eval_prop

    def eval_part(self, e, env):
        v = self.value(e[1], env)
        return None if v is None else getattr(v, e[2]) if isinstance(v, Point) else temporal.component(v, e[2])

    def eval_map(self, e, env):
        return {key: self.value(x, env) for key, x in e[1]}

    def eval_projection(self, e, env):
        v = self.value(e[1], env)
        if v is None:
            return None
        have = v if isinstance(v, dict) else self.graph.props(v)
        out = dict(have) if ('*', None) in e[2] else {}
        out.update((key, have.get(key) if x is None else self.value(x, env)) for key, x in e[2] if key != '*')
        return out

    def eval_not(self, e, env):
        v = self.value(e[1], env)
        return None if v is None else not v

    def eval_neg(self, e, env):
        v = self.value(e[1], env)
        return None if v is None else -v

    def eval_isnull(self, e, env):
        return (self.value(e[1], env) is None) != e[2]

    def eval_list(self, e, env):
        return [self.value(x, env) for x in e[1]]

    def eval_index(self, e, env):
        items, i = self.value(e[1], env), self.value(e[2], env)
        if items is None or i is None:
            return None
        return items[i] if -len(items) <= i < len(items) else None

    def eval_slice(self, e, env):
        items = self.value(e[1], env)
        bounds = [None if x is None else (self.value(x, env),) for x in e[2:]]
        if items is None or (None,) in bounds:
            return None
        low, high = (None if bound is None else bound[0] for bound in bounds)
        return items[low:high]

    def eval_case(self, e, env):
        for when, then in e[1]:
            if self.value(when, env) is True:
                return self.value(then, env)
        return self.value(e[2], env) if e[2] else None

    def eval_match_case(self, e, env):
        v = self.value(e[1], env)
        for when, then in e[2]:
            if equal(v, self.value(when, env)) is True:
                return self.value(then, env)
        return self.value(e[3], env) if e[3] else None

    def eval_labels(self, e, env):
        v = self.value(e[1], env)
        if v is None:
            return None
        names = self.graph.nodes[v.id][0] if isinstance(v, Node) else {self.graph.rels[v.id][0]}
        return self.has_labels(names, e[2])

    def eval_comp(self, e, env):
        items = self.value(e[2], env)
        if items is None:
            return None
        out = []
        for item in items:
            inner = {**env, e[1]: item}
            if e[3] is None or self.value(e[3], inner) is True:
                out.append(self.value(e[4], inner) if e[4] else item)
        return out

    def eval_quant(self, e, env):
        items = self.value(e[3], env)
        if items is None:
            return None
        found = [self.value(e[4], {**env, e[2]: item}) for item in items]
        if e[1] == 'any':
            return True if True in found else None if None in found else False
        if e[1] == 'all':
            return False if False in found else None if None in found else True
        if e[1] == 'none':
            return False if True in found else None if None in found else True
        trues = found.count(True)
        return False if trues > 1 else None if None in found else trues == 1

    def eval_reduce(self, e, env):
        acc, items = self.value(e[2], env), self.value(e[4], env)
        if items is None:
            return None
        for item in items:
            acc = self.value(e[5], {**env, e[1]: acc, e[3]: item})
        return acc

    def eval_exists(self, e, env):
        return any(True for _ in self.matches(e[1], e[2], env))

    def eval_countsub(self, e, env):
        return sum(1 for _ in self.matches(e[1], e[2], env))

    def eval_sub(self, e, env):
        rows = self.run(e[2], [env], env)
        if e[1] == 'COLLECT':
            return [v for row in rows for v in row.values()]
        return len(rows) if e[1] == 'COUNT' else bool(rows)

    def eval_pattern(self, e, env):
        return any(True for _ in self.matches([e[1]], None, env))

    def eval_pcomp(self, e, env):
        return [self.value(e[3], found) for found in self.matches([e[1]], e[2], env)]

    def eval_agg(self, e, env):
        return env[id(e)]  # aggregated before

    def eval_bin(self, e, env):
        op = e[1]
        a = self.value(e[2], env)
        b = self.value(e[3], env)
        if op == 'AND':
            return False if a is False or b is False else None if a is None or b is None else True
        if op == 'OR':
            return True if a is True or b is True else None if a is None or b is None else False
        if op == 'XOR':
            return None if a is None or b is None else a != b
        if op == '=':
            return equal(a, b)
        if op == '<>':
            same = equal(a, b)
            return None if same is None else not same
        if op in ('<', '<=', '>', '>='):
            return compare(op, a, b)
        if op == 'IN':
            if b is None:
                return None
            found = [equal(a, x) for x in b]
            return True if True in found else None if None in found else False
        if a is None or b is None:
            return None
        if op in ('STARTS WITH', 'ENDS WITH', 'CONTAINS', '=~'):
            if not isinstance(a, str) or not isinstance(b, str):
                return None
            if op == '=~':
                return re.fullmatch(b, a) is not None
            return a.startswith(b) if op[0] == 'S' else a.endswith(b) if op[0] == 'E' else b in a
        return self.arithmetic(op, a, b)

    def arithmetic(self, op, a, b):
        if isinstance(a, Duration):
            if isinstance(b, Duration):
                return Duration(*(x + y if op == '+' else x - y for x, y in zip(a, b)))
            return Duration(*(x * b for x in a)) if op == '*' else temporal.plus(b, a, 1)
        if isinstance(b, Duration):
            return temporal.plus(a, b, 1 if op == '+' else -1)
        if op == '+':
            if isinstance(a, list):
                return a + (b if isinstance(b, list) else [b])
            return a + b
        if op == '-':
            return a - b
        if op == '*':
            return a * b
        whole = isinstance(a, int) and isinstance(b, int)
        if b == 0:
            raise Trouble
        if op == '/':
            return int(math.trunc(a / b)) if whole else a / b
        return int(math.fmod(a, b)) if whole else math.fmod(a, b)

    def eval_call(self, e, env):
        name = e[1]
        args = [self.value(x, env) for x in e[2]]
        if name == 'coalesce':
            return next((x for x in args if x is not None), None)
        if any(x is None for x in args):
            return None
        a = args[0]
        if name in ('toIntegerOrNull', 'toFloatOrNull', 'toBooleanOrNull', 'toStringOrNull'):
            return converted(name, a)
        if name in MAKERS:
            return MAKERS[name](*args)
        if name == 'id':
            return a.id
        if name == 'elementId':
            return ('n' if isinstance(a, Node) else 'r') + str(a.id)
        if name == 'type':
            return self.graph.rels[a.id][0]
        if name in ('startNode', 'endNode'):
            return Node(self.graph.rels[a.id][1 if name == 'startNode' else 2])
        if name == 'size':
            return len(a)
        if name == 'length':
            return len(a.parts) // 2
        if name in ('nodes', 'relationships'):
            return list(a.parts[0 if name == 'nodes' else 1::2])
        if name == 'labels':
            return sorted(self.graph.nodes[a.id][0])
        if name in ('keys', 'properties'):
            have = a if isinstance(a, dict) else self.graph.props(a)
            return sorted(have) if name == 'keys' else dict(have)
        if name == 'head':
            return a[0] if a else None
        if name == 'last':
            return a[-1] if a else None
        if name == 'abs':
            return abs(a)
        if name == 'tail':
            return a[1:]
        if name == 'reverse':
            return a[::-1]
        if name == 'left':
            return a[:args[1]]
        if name == 'right':
            return a[len(a) - min(len(a), args[1]):]
        if name == 'split':
            return a.split(args[1])
        if name == 'trim':
            return a.strip()
        if name == 'substring':
            return a[args[1]:args[1] + args[2]]
        if name == 'replace':
            return a.replace(args[1], args[2]) if args[1] else a
        if name == 'sign':
            return (a > 0) - (a < 0)
        if name == 'toUpper':
            return a.upper()
        if name == 'toLower':
            return a.lower()
        if name == 'toString':
            return str(a)
        if name == 'range':
            step = args[2] if len(args) > 2 else 1
            return list(range(a, args[1] + (1 if step > 0 else -1), step))
        if name == 'isEmpty':
            return not a
        raise ValueError(name)

    # ---- Clauses ----

    def aggregate(self, e, rows):
        _, name, distinct, arg, *more = e
        if arg is None:
            return len(rows)
        values = [v for v in (self.value(arg, env) for env in rows) if v is not None]
        if distinct:
            values = list({same_key(v): v for v in reversed(values)}.values())
        if name == 'count':
            return len(values)
        if name == 'collect':
            return values
        if name == 'sum':
            return total(values)
        if name in ('stDev', 'stDevP'):
            return deviation(values, len(values) - (name == 'stDev'))
        if not values:
            return None
        if name == 'avg':
            return total(values) / len(values)
        if name in ('percentileCont', 'percentileDisc'):
            return percentile(name, sorted(values, key=order_key), self.value(more[0], {}))
        return (min if name == 'min' else max)(values, key=order_key)

    def project(self, c, rows, around):
        aggregates = [x for item, _ in c.items for x in tuples_of(item) if x[0] == 'agg']
        pairs = []  # (row before, row after)
        if aggregates:
            keys = [e for e, _ in c.items if not any(x[0] == 'agg' for x in tuples_of(e))]
            groups = {}
            for env in rows:
                groups.setdefault(tuple(same_key(self.value(e, env)) for e in keys), []).append(env)
            if not keys and not groups:
                groups[()] = []
            for group in groups.values():
                env = dict(group[0]) if group else {}
                env.update({id(e): self.aggregate(e, group) for e in aggregates})
                pairs.append((around, {alias: self.value(e, env) for e, alias in c.items}))
        else:
            pairs = [(env, {alias: self.value(e, env) for e, alias in c.items}) for env in rows]
        if c.distinct:
            seen = {}
            for _, after in pairs:
                seen.setdefault(tuple(same_key(v) for v in after.values()), after)
            pairs = [(around, after) for after in seen.values()]
        for e, down in reversed(c.order):
            pairs.sort(key=lambda pair: order_key(self.value(e, {**pair[0], **pair[1]})), reverse=down)
        self.full = [after for _, after in pairs]
        out = self.full[c.skip or 0:]
        if c.limit is not None:
            out = out[:c.limit]
        if around and not c.final:
            out = [{**around, **env} for env in out]
        return [env for env in out if c.where is None or self.value(c.where, env) is True]

    def clause(self, c, rows, around):
        if isinstance(c, Match):
            out = []
            for env in rows:
                found = list(self.matches(c.parts, c.where, env, c.repeatable))
                if not found and c.optional:
                    found = [{**{name: None for name in variables(c.parts)}, **env}]
                out += found
                self.budget -= len(found)
            return out
        if isinstance(c, Unwind):
            out = []
            for env in rows:
                items = self.value(c.expr, env)
                items = [] if items is None else items if isinstance(items, list) else [items]
                out += [{**env, c.var: item} for item in items]
            return out
        if isinstance(c, Project):
            return self.project(c, rows, around)
        if isinstance(c, Star):
            rows = [{**env, **{alias: self.value(e, env) for e, alias in c.items}} for env in rows]
            return [env for env in rows if c.where is None or self.value(c.where, env) is True]
        if isinstance(c, Sort):
            rows = list(rows)
            for e, down in reversed(c.order):
                rows.sort(key=lambda env: order_key(self.value(e, env)), reverse=down)
            return rows[c.skip or 0:][:c.limit]
        if isinstance(c, Call):
            return [{**env, **found} for env in rows for found in self.sub_rows(c, {name: env[name] for name in c.imports})]
        return [after for env in rows for after in self.write(c, dict(env))]

    def sub_rows(self, c, env):
        rows = self.run(c.query, [env])
        last = c.query.branches[0][-1]
        if not isinstance(last, Project):
            return [{}]
        return [{alias: None for _, alias in last.items}] if c.optional and not rows else rows

    def run(self, query, rows, around=None):
        """The rows of all branches; self.full: those of the last clause before SKIP and LIMIT. around: variables that no WITH takes away."""
        out = []
        for branch in query.branches:
            table = rows
            for c in branch:
                table = self.clause(c, table, around or {})
                self.spend()
                if len(table) > 400:
                    raise TooMuch
            out += table
        if len(query.branches) > 1 and not query.union_all:
            seen = {}
            for row in out:
                seen.setdefault(tuple(same_key(v) for v in row.values()), row)
            out = list(self.in_order(list(seen.values())))
        return out

    # ---- Writing ----

    def create(self, part, env):
        """Everything of a pattern that has no value yet."""
        def node(pattern):
            if pattern.var is not None and pattern.var in env:
                return env[pattern.var]
            props = {k: v for k, v in ((k, self.value(e, env)) for k, e in pattern.props) if v is not None}
            made = self.graph.add_node([] if pattern.labels is None else names_of(pattern.labels), props)
            if pattern.var is not None:
                env[pattern.var] = made
            return made

        last = node(part.elements[0])
        for rel, pattern in zip(part.elements[1::2], part.elements[2::2]):
            to = node(pattern)
            ends = (to.id, last.id) if rel.direction == '<' else (last.id, to.id)
            props = {k: v for k, v in ((k, self.value(e, env)) for k, e in rel.props) if v is not None}
            made = self.graph.add_rel(names_of(rel.types)[0], *ends, props)
            if rel.var is not None:
                env[rel.var] = made
            last = to

    def set_items(self, items, env):
        for item in items:
            entity = env[item[1]]
            if entity is None:
                continue
            if item[0] in ('label', 'unlabel'):
                labels = self.graph.nodes[entity.id][0]
                (labels.add if item[0] == 'label' else labels.discard)(item[2])
                continue
            pairs = {'prop': [item[2:]], 'remove': [(item[2], ('lit', None))]}.get(item[0], item[2])
            pairs = [(key, self.value(e, env)) for key, e in pairs]
            if any(isinstance(v, list) and None in v for _, v in pairs):
                raise Trouble  # which no property can hold
            if item[0] == 'map':
                self.graph.props(entity).clear()
            for key, v in pairs:
                self.graph.props(entity)[key] = v
                if v is None:
                    del self.graph.props(entity)[key]

    def write(self, c, env):
        """The rows that follow env."""
        if isinstance(c, Merge):
            found = list(self.matches([c.part], None, env))
            for one in found:
                self.set_items(c.on_match, one)
            if found:
                return found
            self.create(c.part, env)
            self.set_items(c.on_create, env)
        elif isinstance(c, Create):
            for part in c.parts:
                self.create(part, env)
        elif isinstance(c, Foreach):
            for item in self.value(c.expr, env) or []:
                inner = [{**env, c.var: item}]
                for one in c.clauses:
                    inner = [after for row in inner for after in self.write(one, dict(row))]
        elif isinstance(c, Set):
            self.set_items(c.items, env)
        elif isinstance(c, Delete):
            for name in c.names:
                entity = env[name]
                if isinstance(entity, Node) and entity.id in self.graph.nodes:
                    self.graph.drop_node(entity.id)
                elif isinstance(entity, Rel) and entity.id in self.graph.rels:
                    self.graph.drop_rel(entity.id)
        return [env]


def total(values):
    """Of floats the sum that is rounded once, which no order changes."""
    if all(isinstance(v, (int, float)) for v in values) and any(isinstance(v, float) for v in values):
        if all(math.isfinite(v) for v in values):
            return math.fsum(values)
    return sum(values)


def deviation(values, count):
    if count < 1:
        return 0.0
    mean = sum(values) / len(values)
    return math.sqrt(sum((v - mean) ** 2 for v in values) / count)


def percentile(name, values, p):
    if name == 'percentileDisc':
        return values[max(math.ceil(p * len(values)) - 1, 0)]
    at = p * (len(values) - 1)
    low, high = values[math.floor(at)], values[math.ceil(at)]
    return low + (high - low) * (at - math.floor(at)) if low != high else float(low)


def converted(name, v):
    """By the OrNull forms, of what constants there are."""
    if name == 'toStringOrNull':
        if isinstance(v, bool):
            return 'true' if v else 'false'
        return v if isinstance(v, str) else str(v) if isinstance(v, int) else None
    if name == 'toBooleanOrNull':
        return v if isinstance(v, bool) else v != 0 if isinstance(v, int) else {'true': True, 'false': False}.get(v) if isinstance(v, str) else None
    if isinstance(v, str):
        try:
            return int(v) if name == 'toIntegerOrNull' else float(v)
        except ValueError:
            return None
    if isinstance(v, bool):
        return int(v) if name == 'toIntegerOrNull' else None
    if not is_number(v) or v != v and name == 'toIntegerOrNull':
        return None
    return int(v) if name == 'toIntegerOrNull' else float(v)


def make_date(v):
    if not isinstance(v, dict):
        return temporal.made(Date(''), temporal.parts(v)[0], 0)
    return Date(f'{v["year"]:04}-{v.get("month", 1):02}-{v.get("day", 1):02}')


def make_zoned(v):
    if not isinstance(v, dict):
        day, seconds = temporal.parts(v)
        return v if isinstance(v, DateTime) else temporal.at_place(day, seconds, 0, 0)
    zone = v['timezone']
    zone = zone if '/' in zone else temporal.offset_of(zone)
    if 'datetime' in v:
        of = v['datetime']
        return temporal.at_instant(of.instant, zone) if isinstance(of, DateTime) else temporal.at_place(*temporal.parts(of), zone, None)
    return temporal.at_place(*temporal.parts(make_local(v)), zone, None)


def make_local(v):
    if isinstance(v, DateTime):
        return temporal.made(LocalDateTime(''), *temporal.parts(v))
    if isinstance(v, Date):
        return temporal.made(LocalDateTime(''), temporal.parts(v)[0], 0)
    day = temporal.parts(v['date'])[0] if 'date' in v else temporal.parts(make_date(v))[0]
    return temporal.made(LocalDateTime(''), day, v.get('hour', 0) * 3600 + v.get('minute', 0) * 60 + v.get('second', 0))


MAKERS = {
    'date': make_date,
    'localdatetime': make_local,
    'datetime': make_zoned,
    'duration': lambda v: Duration(12 * v.get('years', 0) + v.get('months', 0), 7 * v.get('weeks', 0) + v.get('days', 0),
                                   3600 * v.get('hours', 0) + 60 * v.get('minutes', 0) + v.get('seconds', 0)),
    'date.truncate': lambda unit, v: temporal.truncate(unit, v, Date('')),
    'localdatetime.truncate': lambda unit, v: temporal.truncate(unit, v, LocalDateTime('')),
    'datetime.truncate': lambda unit, v: temporal.truncate(unit, v, None),
    'duration.between': lambda a, b: temporal.between('between', a, b),
    'duration.inMonths': lambda a, b: temporal.between('inMonths', a, b),
    'duration.inDays': lambda a, b: temporal.between('inDays', a, b),
    'duration.inSeconds': lambda a, b: temporal.between('inSeconds', a, b),
    'point': lambda v: Point(float(v['x']), float(v['y'])),
    'point.distance': lambda a, b: math.sqrt((a.x - b.x) ** 2 + (a.y - b.y) ** 2),
    'round': lambda v, digits: v if math.isnan(v) else round(v, digits),
}


def more(used, rels):
    return None if used is None else used | {rel.id for rel in rels}


def tuples_of(e):
    if isinstance(e, (tuple, list)):
        if isinstance(e, tuple) and e and isinstance(e[0], str):
            yield e
        for x in e:
            yield from tuples_of(x)


def names_of(labels):
    if labels[0] == 'dynamic':
        return list(labels[1])
    return [labels[1]] if labels[0] == 'name' else names_of(labels[1]) + names_of(labels[2])


def variables(parts):
    out = []
    for part in parts:
        out += [part.path] if part.path else []
        for e in part.elements:
            out += [x.var for x in (e.elements if isinstance(e, Quantified) else (e,)) if x.var]
    return out
