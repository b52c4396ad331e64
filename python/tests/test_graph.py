"""The graph interface, and graphs of other packages."""

import pytest

import sombra


def test_entities(people, ids):
    ada = people.node(ids["Ada"])
    assert ada["name"] == "Ada" and people.node(ada) == ada and people.node(999999) is None
    edge = people.edges(ada, "READS")[0]
    assert people.relationship(edge.relationship).type == "READS" and people.relationship(999999) is None
    with pytest.raises(TypeError):
        people.node("Ada")


def test_neighbors(people, ids):
    ada, charles, grace = ids["Ada"], ids["Charles"], ids["Grace"]
    assert sorted(people.neighbors(ada)) == sorted([charles, grace])
    assert people.neighbors(ada, "KNOWS") == [charles] and people.neighbors(ada, ["READS"]) == [grace]
    assert sorted(people.neighbors(ada, ["READS", "KNOWS", "KNOWS"])) == sorted([charles, grace])
    assert people.neighbors(ada, "NO_SUCH") == [] and people.neighbors(ada, ["NO_SUCH", "READS"]) == [grace]
    assert sorted(people.neighbors(grace, direction="in")) == sorted([ada, charles, grace])
    assert people.neighbors(grace, "KNOWS", direction="both", distinct=True).count(grace) == 1
    assert len(people.neighbors(ada, limit=1)) == 1
    assert people.degree(ada) == 2 and people.degree(grace, "KNOWS", direction="in") == 2 and people.degree(ada, "NO") == 0
    assert people.edges(ada, "KNOWS") == [sombra.Neighbor(charles, people.edges(ada, "KNOWS")[0].relationship, "KNOWS", True)]
    assert [n.outgoing for n in people.edges(charles, "KNOWS", direction="in")] == [False]
    with pytest.raises(sombra.NotFoundError):
        people.neighbors(999999)
    with pytest.raises(sombra.InvalidError, match="direction"):
        people.neighbors(ada, direction="up")
    with pytest.raises(TypeError):
        people.neighbors(ada, [5])


def test_what_is_no_id(people, ids):
    for wrong in (-1, 2**64, -(2**70)):
        for call in (people.node, people.relationship, people.neighbors, people.degree, people.bfs):
            with pytest.raises(sombra.InvalidError, match="an id is a number from 0"):
                call(wrong)
        with pytest.raises(sombra.InvalidError):
            people.shortest_path(ids["Ada"], wrong)
    assert people.node(2**64 - 1) is None
    with pytest.raises(TypeError):
        people.node("1")


def test_traversal(people, ids):
    ada, charles, grace = ids["Ada"], ids["Charles"], ids["Grace"]
    assert people.bfs(ada, "KNOWS") == [(ada, 0), (charles, 1), (grace, 2)]
    assert people.bfs(ada, "KNOWS", max_depth=1) == [(ada, 0), (charles, 1)]
    assert people.bfs(ada, "NO_SUCH") == [(ada, 0)] and len(people.bfs(ada, max_visits=2)) == 2
    path = people.shortest_path(ada, grace, "KNOWS")
    assert [node["name"] for node in path.nodes] == ["Ada", "Charles", "Grace"] and len(path) == 2
    assert len(people.shortest_path(ada, grace)) == 1 and len(people.shortest_path(ada, ada)) == 0
    assert people.shortest_path(grace, ada) is None and people.shortest_path(grace, ada, direction="both") is not None
    assert people.shortest_path(ada, grace, "NO_SUCH") is None
    assert people.shortest_path(ada, grace, "KNOWS", max_depth=1) is None
    with pytest.raises(sombra.NotFoundError):
        people.shortest_path(ada, 999999)


def test_weights(db):
    pytest.importorskip("pyarrow")  # columns go in as Arrow
    a, b, c = db.create_nodes({"x": [1, 2, 3]}, "N")
    db.execute(
        "MATCH (a {x: 1}), (b {x: 2}), (c {x: 3}) CREATE (a)-[:T {w: 10}]->(c), (a)-[:T {w: 1}]->(b), (b)-[:T {w: 2}]->(c)"
    )
    assert [n.id for n in db.shortest_path(a, c, weight="w").nodes] == [a, b, c]
    assert len(db.shortest_path(a, c, weight="no_such")) == 1
    db.execute("CREATE ({x: 4})-[:T {w: -1}]->({x: 5})")
    negative = [row.id for row in db.execute("MATCH (n) WHERE n.x >= 4 RETURN id(n) AS id ORDER BY n.x")]
    with pytest.raises(sombra.InvalidError):
        db.shortest_path(*negative, weight="w")


def test_counts_and_names(people):
    assert (people.node_count(), people.node_count("Person"), people.node_count("No")) == (3, 3, 0)
    assert (people.relationship_count(), people.relationship_count("KNOWS"), people.relationship_count("No")) == (4, 3, 0)
    people.execute("CREATE (:Gone) WITH 1 AS x MATCH (g:Gone) DELETE g")
    assert people.labels() == ["Person", "Engineer"] and set(people.relationship_types()) == {"KNOWS", "READS"}
    assert {"name", "born", "since"} <= set(people.property_keys())
    info = people.info()
    assert info["nodes"] == 3 and info["rels"] == 4


def test_networkx(people):
    networkx = pytest.importorskip("networkx")
    graph = people.execute("MATCH (a)-[r]->(b) RETURN a, r, b").to_networkx()
    assert isinstance(graph, networkx.MultiDiGraph) and len(graph) == 3 and graph.number_of_edges() == 4
    names = networkx.get_node_attributes(graph, "name")
    assert sorted(names.values()) == ["Ada", "Charles", "Grace"]
    types = sorted(data["type"] for _, _, data in graph.edges(data=True))
    assert types == ["KNOWS", "KNOWS", "KNOWS", "READS"]
    # Ends that no row has are read; paths, lists and maps are looked into; names of arguments are no trouble as properties.
    people.execute("MATCH (a {name: 'Ada'}) SET a.node_for_adding = 1, a.labels = 'x'")
    assert len(people.execute("MATCH ()-[r:READS]->() RETURN {r: [r]} AS m").to_networkx()) == 2
    assert len(people.execute("MATCH p = (:Person)-[:KNOWS*2]->() RETURN p").to_networkx()) == 3
    assert len(people.execute("MATCH (n) WHERE n.name = 'Ada' RETURN n").to_networkx()) == 1
    assert len(people.execute("RETURN 1 AS a").to_networkx()) == 0


def test_names_that_clash(db):
    networkx = pytest.importorskip("networkx")
    db.execute("CREATE (:A:B {labels: 1, labels_: 2, id: 3, type: 4})-[:T {type: 'x', label: 'y', key: 5}]->(:A)")
    graph = db.execute("MATCH (a)-[r]->(b) RETURN a, r, b").to_networkx()
    nodes = [data for _, data in graph.nodes(data=True)]
    assert nodes[0] == {"labels": ("A", "B"), "labels_": 1, "labels__": 2, "id": 3, "type": 4} and nodes[1] == {"labels": ("A",)}
    assert [data for _, _, data in graph.edges(data=True)] == [{"type": "T", "type_": "x", "label": "y", "key": 5}]
    pytest.importorskip("igraph")
    graph = db.execute("MATCH (a)-[r]->(b) RETURN a, r, b").to_igraph()
    assert (graph.vs[0]["labels_"], graph.vs[0]["labels__"], graph.vs[0]["id_"]) == (1, 2, 3) and graph.es[0]["type_"] == "x"
    assert networkx


def test_networkx_as_graphml(db, tmp_path):
    networkx = pytest.importorskip("networkx")
    db.execute("CREATE (:A:B {labels: 1, l: [1, 2], d: date('2024-01-01'), b: true, f: 1.5, s: 'x'})-[:T {label: 'y'}]->(:A)")
    graph = db.execute("MATCH (a)-[r]->(b) RETURN a, r, b").to_networkx(graphml=True)
    assert [data for _, data in graph.nodes(data=True)][0] == {"labels": ":A:B", "labels_": 1, "l": "[1, 2]", "d": "2024-01-01", "b": True, "f": 1.5, "s": "x"}
    assert [data for _, _, data in graph.edges(data=True)] == [{"label": "T", "label_": "y"}]
    networkx.write_graphml(graph, tmp_path / "g.graphml")
    assert len(networkx.read_graphml(tmp_path / "g.graphml")) == 2


def test_igraph(people):
    pytest.importorskip("igraph")
    graph = people.execute("MATCH (a)-[r]->(b) RETURN a, r, b").to_igraph()
    assert graph.is_directed() and graph.vcount() == 3 and graph.ecount() == 4
    assert sorted(graph.vs["name"]) == ["Ada", "Charles", "Grace"] and sorted(graph.es["type"])[-1] == "READS"
    assert people.execute("MATCH (n:Nobody) RETURN n").to_igraph().vcount() == 0
