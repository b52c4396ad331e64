"""Results as graphs of other packages."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Dict, Iterable

from ._optional import need
from .types import Node, Path, Relationship

if TYPE_CHECKING:
    import igraph
    import networkx

    from .result import Result


class Collected:
    """The nodes and relationships of some values, each once, in the order of their first appearance."""

    def __init__(self) -> None:
        self.nodes: Dict[int, Node] = {}
        self.relationships: Dict[int, Relationship] = {}

    def add(self, value: Any, nodes: float = math.inf, relationships: float = math.inf) -> None:
        """Add what a value has in it, until there are more than so many. A value is never nested deeper than the language lets it (1,000), lists of lists
        are walked by hand."""
        pending = [value]
        while pending and len(self.nodes) <= nodes and len(self.relationships) <= relationships:
            value = pending.pop()
            if isinstance(value, Node):
                self.nodes.setdefault(value.id, value)
            elif isinstance(value, Relationship):
                self.relationships.setdefault(value.id, value)
            elif isinstance(value, Path):
                pending.extend(reversed(value.relationships))
                pending.extend(reversed(value.nodes))
            elif isinstance(value, (list, tuple)):
                pending.extend(reversed(value))
            elif isinstance(value, dict):
                pending.extend(reversed(list(value.values())))

    def add_ends(self, database: Any, nodes: float = math.inf) -> None:
        """Read the ends of relationships that are not there yet, until there are more than so many nodes."""
        for relationship in self.relationships.values():
            if len(self.nodes) > nodes:
                return
            for end in (relationship.source, relationship.target):
                if end not in self.nodes:
                    node = database.node(end)
                    if node is not None:
                        self.nodes[end] = node


def collect(rows: "Iterable[Any]", database: Any) -> Collected:
    """The graph in some rows, with all ends."""
    collected = Collected()
    for row in rows:
        collected.add(list(row))
    collected.add_ends(database)
    return collected


def _attributes(properties: Dict[str, Any], own: Dict[str, Any]) -> Dict[str, Any]:
    """Properties beside what the entity has of its own. A name of those, with any number of `_` behind it, gets one more: none is lost, nor are two the same."""
    renamed = {key + "_" if key.rstrip("_") in own else key: value for key, value in properties.items()}
    return {**renamed, **own}


def _scalar(value: Any) -> Any:
    """A value as GraphML has it."""
    if isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, bytes):
        return value.hex()
    return json.dumps(value, default=_scalar, ensure_ascii=False) if isinstance(value, (list, dict)) else str(value)


def to_networkx(result: "Result", graphml: bool) -> "networkx.MultiDiGraph[Any]":
    """See Result.to_networkx."""
    package = need("networkx", "to_networkx")
    collected = collect(result.fetchall(), result._database)
    graph: networkx.MultiDiGraph[Any] = package.MultiDiGraph()

    def attributes(properties: Dict[str, Any], own: Dict[str, Any]) -> Dict[str, Any]:
        all = _attributes(properties, own)
        return {key: _scalar(value) for key, value in all.items()} if graphml else all

    for node in collected.nodes.values():
        labels = "".join(f":{label}" for label in node.labels) if graphml else node.labels
        graph.add_node(node.id)
        graph.nodes[node.id].update(attributes(node.properties, {"labels": labels}))
    for relationship in collected.relationships.values():
        graph.add_edge(relationship.source, relationship.target, key=relationship.id)
        graph.edges[relationship.source, relationship.target, relationship.id].update(
            attributes(relationship.properties, {"label" if graphml else "type": relationship.type})
        )
    return graph


def to_igraph(result: "Result") -> "igraph.Graph":
    """See Result.to_igraph."""
    package = need("igraph", "to_igraph")
    collected = collect(result.fetchall(), result._database)
    graph = package.Graph(directed=True)
    places = {id: place for place, id in enumerate(collected.nodes)}
    graph.add_vertices(len(places))
    _set_attributes(graph.vs, [_attributes(n.properties, {"labels": n.labels, "id": n.id}) for n in collected.nodes.values()])
    edges = list(collected.relationships.values())
    graph.add_edges([(places[edge.source], places[edge.target]) for edge in edges])
    _set_attributes(graph.es, [_attributes(edge.properties, {"type": edge.type, "id": edge.id}) for edge in edges])
    return graph


def _set_attributes(sequence: Any, attributes: "list[dict[str, Any]]") -> None:
    """igraph keeps attributes by column; absent ones are None."""
    keys = dict.fromkeys(key for each in attributes for key in each)
    for key in keys:
        sequence[key] = [each.get(key) for each in attributes]
