"""What a notebook shows: results as tables, graphs as pictures, and the magic %%cypher.

A picture is a page of its own within the notebook (an iframe whose source is in it), so it needs no network, no kernel and no other package: picture.html
lays the graph out, pans, zooms, and shows what is hidden at a double click. The same graph as a still is `to_svg()`.
"""

from __future__ import annotations

import html
import json
import math
import os
import re
import shlex
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Optional, Tuple, Union

from .errors import Error, status_error
from .networks import Collected
from .types import Node, Path, Relationship

if TYPE_CHECKING:
    from .database import Database
    from .result import Result

#: Rows of a table, entities of a picture, and hidden ones, that a notebook shows.
ROWS_SHOWN = 50
NODES_SHOWN = 500
RELATIONSHIPS_SHOWN = 5000
HIDDEN_AT_MOST = 2000
_COLORS = ("#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#76b7b2", "#b07aa1", "#edc948", "#9c755f", "#ff9da7", "#86bcb6")
_TITLES = ("name", "title", "label", "id", "key")


# ---- Values as text ------------------------------------------------------------------------------------------------------


def _short(text: str, size: int) -> str:
    return text if len(text) <= size else text[: size - 1] + "…"


def _text(value: Any, size: int = 200) -> str:
    """A value as a cell shows it."""
    if isinstance(value, str):
        return _short(value, size)
    if isinstance(value, Node):
        return _short(f"({_entity(value.labels, value.properties)})", size)
    if isinstance(value, Relationship):
        return _short(f"[{_entity((value.type,), value.properties)}]", size)
    if isinstance(value, Path):
        parts = [f"({_title(value.nodes[0])})"]
        for relationship, before, node in zip(value.relationships, value.nodes, value.nodes[1:]):
            arrow = "-[:{}]->" if relationship.source == before.id else "<-[:{}]-"
            parts += [arrow.format(relationship.type), f"({_title(node)})"]
        return _short("".join(parts), size)
    if type(value) in (list, tuple):
        return _short("[" + ", ".join(_text(item, 60) for item in value[:50]) + "]", size)
    if isinstance(value, dict):
        return _short(_map(value), size)
    return _short(str(value), size)


def _entity(names: Iterable[str], properties: Dict[str, Any]) -> str:
    """Labels or type, and properties: what there is of them."""
    return " ".join(["".join(f":{name}" for name in names)] * bool(names) + [_map(properties)] * bool(properties))


def _map(value: Dict[str, Any]) -> str:
    return "{" + ", ".join(f"{key}: {_text(item, 60)}" for key, item in list(value.items())[:50]) + "}"


def _title(node: Node) -> str:
    for key in _TITLES:
        if key in node.properties:
            return _short(str(node.properties[key]), 40)
    for item in node.properties.values():
        if isinstance(item, str):
            return _short(item, 40)
    return _short(":".join(node.labels), 40) or str(node.id)


# ---- Tables --------------------------------------------------------------------------------------------------------------


def _cell(value: Any) -> str:
    if value is None:
        return '<td style="color:#999">null</td>'
    aligned = ' style="text-align:right"' if isinstance(value, (int, float)) and not isinstance(value, bool) else ' style="text-align:left"'
    return f'<td dir="auto"{aligned}>{html.escape(_text(value))}</td>'


def result_html(result: "Result") -> str:
    """The first rows as a table, and the graph in them as a picture. The result can still be read from its first row."""
    rows = result._peek(ROWS_SHOWN + 1)
    shown = rows[:ROWS_SHOWN]
    parts = []
    collected = _collect(shown, result._database)
    too_many = _too_many(collected)
    if too_many is None and (collected.relationships or collected.nodes):
        parts.append(Graph(collected, result._database, 25)._repr_html_())
    if result.columns:
        head = "".join(f'<th style="text-align:left">{html.escape(name)}</th>' for name in result.columns)
        body = "".join(f"<tr>{''.join(_cell(value) for value in row)}</tr>" for row in shown)
        parts.append(f'<table class="sombra"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>')
    if len(rows) > ROWS_SHOWN:
        count = f"the first {ROWS_SHOWN} rows"
    else:
        count = f"{len(rows)} row{'s' * (len(rows) != 1)}"
    changed = [f"{name.replace('_', ' ')}: {number}" for name, number in result.changes._asdict().items() if number]
    unseen = [] if too_many is None else [f"no picture: {too_many}"]
    parts.append(f"<p>{html.escape('; '.join([count, *changed, *unseen]))}</p>")
    return "".join(parts)


def entity_html(entity: "Union[Node, Relationship]") -> str:
    """A node or relationship as a table of its properties."""
    head = ":".join(entity.labels) if isinstance(entity, Node) else entity.type
    rows = "".join(
        f'<tr><th style="text-align:left">{html.escape(key)}</th>{_cell(value)}</tr>'
        for key, value in entity.properties.items()
    )
    return f'<table class="sombra"><caption>{html.escape(head)} {entity.id}</caption><tbody>{rows}</tbody></table>'


# ---- Pictures ------------------------------------------------------------------------------------------------------------


class Graph:
    """Nodes and relationships as a picture: interactive in a notebook; to_svg() and to_html() for elsewhere."""

    def __init__(self, collected: Collected, database: "Database", expand: int) -> None:
        self._collected = collected
        self._hidden = _neighbors_of(collected, database, expand)
        self._colors: Dict[str, str] = {}

    @property
    def nodes(self) -> List[Node]:
        """The nodes, without those that are hidden."""
        return list(self._collected.nodes.values())

    @property
    def relationships(self) -> List[Relationship]:
        """The relationships, without those that are hidden."""
        return list(self._collected.relationships.values())

    def _color(self, node: Node) -> str:
        label = node.labels[0] if node.labels else ""
        if label not in self._colors:
            self._colors[label] = _COLORS[len(self._colors) % len(_COLORS)]
        return self._colors[label]

    def _data(self) -> Dict[str, Any]:
        places = layout(self._collected)
        nodes: List[Dict[str, Any]] = []
        edges: List[Dict[str, Any]] = []
        for collected, hidden in ((self._collected, False), (self._hidden, True)):
            for node in collected.nodes.values():
                x, y = places.get(node.id, (None, None))
                nodes.append(
                    {
                        "id": node.id,
                        "title": _title(node),
                        "labels": list(node.labels),
                        "color": self._color(node),
                        "text": {key: _text(value) for key, value in node.properties.items()},
                        "x": x,
                        "y": y,
                        "hidden": hidden,
                    }
                )
            for edge in collected.relationships.values():
                edges.append(
                    {
                        "id": edge.id,
                        "type": edge.type,
                        "source": edge.source,
                        "target": edge.target,
                        "text": {key: _text(value) for key, value in edge.properties.items()},
                        "hidden": hidden,
                    }
                )
        return {"nodes": nodes, "edges": edges, "colors": self._colors}

    def to_html(self) -> str:
        """The picture as a page of its own, which needs nothing else."""
        with open(os.path.join(os.path.dirname(__file__), "picture.html"), encoding="utf-8") as file:
            page = file.read()
        # A string of ASCII within a script, which no "<" of it may end.
        data = json.dumps(json.dumps(self._data())).replace("<", "\\u003c")
        return page.replace("/*DATA*/", data)

    def _repr_html_(self) -> str:
        return (
            '<iframe style="width:100%;height:420px;border:1px solid #ddd" sandbox="allow-scripts" '
            f'srcdoc="{html.escape(self.to_html(), quote=True)}"></iframe>'
        )

    def to_svg(self, width: int = 800, height: int = 500) -> str:
        """The picture as it is at first, as SVG."""
        places = layout(self._collected)
        if places:
            xs, ys = [x for x, _ in places.values()], [y for _, y in places.values()]
            left, top = min(xs) - 60, min(ys) - 60
            box = f"{left:.1f} {top:.1f} {max(xs) + 60 - left:.1f} {max(ys) + 60 - top:.1f}"
        else:
            box = "0 0 100 100"
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="{box}" font-family="sans-serif" font-size="10">',
            '<defs><marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
            '<path d="M0 0L10 5L0 10z" fill="#888"/></marker></defs>',
        ]
        for edge in self._collected.relationships.values():
            if edge.source in places and edge.target in places:
                parts.append(_svg_edge(edge, places[edge.source], places[edge.target]))
        for node in self._collected.nodes.values():
            if node.id in places:
                x, y = places[node.id]
                parts.append(
                    f'<g><title>{_xml(_text(node))}</title><circle cx="{x:.1f}" cy="{y:.1f}" r="18" fill="{self._color(node)}"/>'
                    f'<text x="{x:.1f}" y="{y + 30:.1f}" text-anchor="middle">{_xml(_short(_title(node), 20))}</text></g>'
                )
        return "".join(parts) + "</svg>"


def _xml(text: str) -> str:
    """Text within XML, which has no control characters, surrogates, U+FFFE and U+FFFF."""
    return html.escape(re.sub("[\0-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]", "\ufffd", text))


def _svg_edge(edge: Relationship, start: Tuple[float, float], end: Tuple[float, float]) -> str:
    (x1, y1), (x2, y2) = start, end
    name = _xml(_short(edge.type, 20))
    if edge.source == edge.target:
        path = f"M{x1 - 12:.1f} {y1 - 14:.1f}C{x1 - 40:.1f} {y1 - 60:.1f} {x1 + 40:.1f} {y1 - 60:.1f} {x1 + 12:.1f} {y1 - 14:.1f}"
        middle = (x1, y1 - 50)
    else:
        length = math.hypot(x2 - x1, y2 - y1) or 1.0
        dx, dy = (x2 - x1) / length * 20, (y2 - y1) / length * 20
        path = f"M{x1 + dx:.1f} {y1 + dy:.1f}L{x2 - dx:.1f} {y2 - dy:.1f}"
        middle = ((x1 + x2) / 2, (y1 + y2) / 2)
    return (
        f'<g><title>{_xml(_text(edge))}</title><path d="{path}" fill="none" stroke="#888" marker-end="url(#arrow)"/>'
        f'<text x="{middle[0]:.1f}" y="{middle[1] - 3:.1f}" text-anchor="middle" fill="#666">{name}</text></g>'
    )


def _neighbors_of(collected: Collected, database: "Database", expand: int) -> Collected:
    """Neighbors that are not shown, up to `expand` of each node: what a double click shows."""
    hidden = Collected()
    if expand <= 0:
        return hidden
    connection = database._connection()
    for node in list(collected.nodes.values()):
        if len(hidden.nodes) + len(hidden.relationships) >= HIDDEN_AT_MOST:
            break
        try:
            found = database.edges(node.id, limit=expand)
        except Error:  # deleted since
            continue
        for each in found:
            relationship = connection.relationship(each.relationship)
            other = connection.node(each.node)
            if relationship is None or other is None:
                continue
            if relationship.id not in collected.relationships:
                hidden.relationships.setdefault(relationship.id, relationship)
            if other.id not in collected.nodes:
                hidden.nodes.setdefault(other.id, other)
    return hidden


def _collect(rows: "Iterable[Any]", database: "Database") -> Collected:
    """The graph in some rows, or the first part of it that is too large for a picture."""
    collected = Collected()
    for row in rows:
        collected.add(list(row), NODES_SHOWN, RELATIONSHIPS_SHOWN)
    if _too_many(collected) is None:
        collected.add_ends(database, NODES_SHOWN)
    return collected


def _too_many(collected: Collected) -> Optional[str]:
    """Why a graph has no picture; None: it can have one."""
    if len(collected.nodes) <= NODES_SHOWN and len(collected.relationships) <= RELATIONSHIPS_SHOWN:
        return None
    return f"it has at most {NODES_SHOWN} nodes and {RELATIONSHIPS_SHOWN} relationships; say LIMIT in the query"


def graph_of(result: "Result", expand: int) -> Graph:
    """See Result.to_graph."""
    rows = result.fetchall()
    collected = _collect(rows, result._database)
    too_many = _too_many(collected)
    if too_many is not None:
        raise status_error("SOMBRA_LIMIT", too_many)
    return Graph(collected, result._database, expand)


def layout(collected: Collected, steps: int = 200) -> Dict[int, Tuple[float, float]]:
    """Places of nodes: pushed apart from each other and pulled together by relationships (after Fruchterman and Reingold), the same each time."""
    ids = list(collected.nodes)
    count = len(ids)
    if count == 0:
        return {}
    spread = 90.0
    # On a spiral, so that no two lie on each other.
    at = [
        [spread * math.sqrt(i + 0.5) * math.cos(i * 2.399963), spread * math.sqrt(i + 0.5) * math.sin(i * 2.399963)]
        for i in range(count)
    ]
    number = {id: i for i, id in enumerate(ids)}
    pairs = {
        (number[edge.source], number[edge.target])
        for edge in collected.relationships.values()
        if edge.source in number and edge.target in number and edge.source != edge.target
    }
    for step in range(min(steps, 2_000_000 // (count * count + 4 * len(pairs)) + 1)):
        move = [[0.0, 0.0] for _ in ids]
        for i in range(count):
            for k in range(i):
                dx, dy = at[i][0] - at[k][0], at[i][1] - at[k][1]
                squared = dx * dx + dy * dy or 0.01
                force = spread * spread / squared
                move[i][0] += dx * force
                move[i][1] += dy * force
                move[k][0] -= dx * force
                move[k][1] -= dy * force
        for i, k in pairs:
            dx, dy = at[i][0] - at[k][0], at[i][1] - at[k][1]
            force = math.hypot(dx, dy) / spread
            move[i][0] -= dx * force
            move[i][1] -= dy * force
            move[k][0] += dx * force
            move[k][1] += dy * force
        longest = spread * (1 - step / steps) * 0.5 + 1
        for i in range(count):
            move[i][0] -= at[i][0] * 0.8  # to the middle: parts that nothing connects do not drift away
            move[i][1] -= at[i][1] * 0.8
            length = math.hypot(*move[i]) or 1.0
            scale = min(length, longest) / length
            at[i][0] += move[i][0] * scale
            at[i][1] += move[i][1] * scale
    return {id: (round(at[i][0], 1), round(at[i][1], 1)) for id, i in number.items()}


# ---- Magic ----------------------------------------------------------------------------------------------------------------


def _database_of(shell: Any, name: Optional[str]) -> "Database":
    """The database that a cell means: a variable, a file's path, or the only one that the notebook has."""
    from . import Database
    from . import open as open_database

    variables = shell.user_ns
    if name is not None:
        known = variables.get(name)
        if isinstance(known, Database):
            return known
        if name.isidentifier() and not os.path.exists(name):  # a misspelled variable is no new file
            raise status_error(
                "SOMBRA_NOT_FOUND", f"the notebook has no database {name}, and there is no such file: a new one is ./{name}"
            )
        opened: Dict[str, Database] = variables.setdefault("_sombra_opened", {})
        if name not in opened or opened[name].closed:
            opened[name] = open_database(name)
        return opened[name]
    found = {id(v): v for k, v in variables.items() if isinstance(v, Database) and not k.startswith("_") and not v.closed}
    if len(found) == 1:
        return next(iter(found.values()))
    raise status_error(
        "SOMBRA_MISUSE",
        f"the notebook has {len(found) or 'no'} open databases: name one, %%cypher db, or a file, %%cypher g.sombra",
    )


def cypher(shell: Any, line: str, cell: Optional[str] = None) -> Any:
    """%%cypher [database] [-o name]: run the cell's statement; parameters are the notebook's variables of the same names.

    The database is a variable or a path; it may be left out when the notebook has one alone. With -o the result goes into a variable."""
    try:
        words = shlex.split(line if cell is not None else "")
    except ValueError as error:
        raise status_error("SOMBRA_INVALID", f"%%cypher {line}: {error}") from None
    output = None
    if "-o" in words:
        at = words.index("-o")
        if at + 1 == len(words) or not words[at + 1].isidentifier():
            raise status_error("SOMBRA_INVALID", "-o needs the name of a variable")
        output = words[at + 1]
        del words[at : at + 2]
    if len(words) > 1:
        raise status_error("SOMBRA_INVALID", f"%%cypher takes one database, not {' '.join(words)!r}")
    database = _database_of(shell, words[0] if words else None)
    prepared = database.prepare(line if cell is None else cell)
    missing = [name for name in prepared.parameters if name not in shell.user_ns]
    if missing:
        raise status_error("SOMBRA_NOT_FOUND", f"the notebook has no variable {missing[0]} for the parameter ${missing[0]}")
    result = prepared.execute({name: shell.user_ns[name] for name in prepared.parameters})
    if output is None:
        return result
    shell.user_ns[output] = result
    return None


def register_magic(shell: Any) -> None:
    """Of sombra.load_ipython_extension."""
    from IPython.core.magic import no_var_expand

    as_it_stands: Any = no_var_expand  # IPython gives it no types
    # Of a line IPython would put a variable's text where the statement has $name, and it would be run as a part of it.
    shell.register_magic_function(as_it_stands(lambda line: cypher(shell, line)), "line", "cypher")
    shell.register_magic_function(lambda line, cell: cypher(shell, line, cell), "cell", "cypher")
