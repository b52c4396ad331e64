"""What a notebook shows, and %%cypher."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

import sombra

HERE = pathlib.Path(__file__).parent
SCRIPT = "<script>alert(1)</script>"


def picture_data(html):
    return json.loads(json.loads(re.search(r"const data = JSON.parse\((.*)\); //", html).group(1)))


def test_tables(db):
    html = db.execute("RETURN 1 AS a, $s AS `<b>`, null AS n", s=SCRIPT + "\n")._repr_html_()
    assert "&lt;b&gt;" in html and "&lt;script&gt;" in html and SCRIPT not in html and "null" in html and "1 row" in html
    assert "<iframe" not in html
    result = db.execute("UNWIND range(1, 5000) AS x RETURN x")
    html = result._repr_html_()
    assert html.count("<tr>") == 51 and "first 50 rows" in html
    assert len(result.fetchall()) == 5000  # looking reads nothing away
    assert "nodes created: 1" in db.execute("CREATE (:N)")._repr_html_()
    cells = db.execute("CREATE (a:A:B {k: 1})-[r:R]->(b), (c {k: 2}) RETURN a, r, b, c")._repr_html_()
    for cell in ("(:A:B {k: 1})", "[:R]", "()", "({k: 2})"):
        assert f">{cell}<" in cells
    assert "0 rows" in db.execute("MATCH (n:Nobody) RETURN n")._repr_html_()


def test_tables_of_entities(people):
    result = people.execute("MATCH p = (a {name: 'Ada'})-[k:KNOWS]->(b) RETURN a, k, p")
    html = result._repr_html_()
    assert "<iframe" in html and "(Ada)-[:KNOWS]-&gt;(Charles)" in html and "1833" in html
    node = people.execute("MATCH (a {name: 'Ada'}) RETURN a").single().a
    assert "1815" in node._repr_html_() and "Person" in node._repr_html_()
    assert len(result.fetchall()) == 1


def test_picture(people):
    people.execute("MATCH (a {name: 'Ada'}) SET a.note = $s", s=SCRIPT + "\u2028'\"")
    graph = people.execute("MATCH (a {name: 'Ada'})-[k:KNOWS]->(b) RETURN a, k, b").to_graph()
    assert len(graph.nodes) == 2 and len(graph.relationships) == 1
    html = graph.to_html()
    data = picture_data(html)
    shown = [node for node in data["nodes"] if not node["hidden"]]
    hidden = [node for node in data["nodes"] if node["hidden"]]
    assert {node["title"] for node in shown} == {"Ada", "Charles"} and [node["title"] for node in hidden] == ["Grace"]
    assert all(isinstance(node["x"], float) for node in shown)
    assert [edge["type"] for edge in data["edges"] if not edge["hidden"]] == ["KNOWS"]
    assert sorted(edge["type"] for edge in data["edges"] if edge["hidden"]) == ["KNOWS", "READS"]
    assert shown[0]["text"]["note"].startswith(SCRIPT)
    # Nothing of the data is markup, and nothing is fetched from anywhere.
    assert html.count("<script") == 1 and "\u2028" not in html
    assert not re.search(r"(src|href)=|https?://(?!www\.w3\.org/)|import\(|fetch\(", html)
    assert graph._repr_html_().startswith("<iframe") and "<script" not in graph._repr_html_()
    none = people.execute("MATCH (a {name: 'Ada'}) RETURN a").to_graph(expand=0)
    assert len(picture_data(none.to_html())["nodes"]) == 1


def test_picture_in_use(people, tmp_path):
    """The picture's script: a double click shows neighbors; hovering, dragging, moving and zooming do what they say."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    page = tmp_path / "picture.html"
    page.write_text(people.execute("MATCH (a {name: 'Ada'})-[k:KNOWS]->(b) RETURN a, k, b").to_graph().to_html(), encoding="utf-8")
    done = subprocess.run([node, str(HERE / "picture.js"), str(page)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert (seen["nodes"], seen["edges"], seen["more"]) == (2, 1, 2)
    assert (seen["expanded_nodes"], seen["expanded_edges"], seen["still_more"]) == (3, 3, 0)
    assert seen["tip"] == ":Person " + seen["tip"].split()[1] + "\nname: Ada\nborn: 1815"
    assert seen["dragged"] and seen["moved"] and seen["zoomed"] and seen["fitted"] and seen["legend"] == 1
    assert seen["shown"] and seen["resized"] and seen["kept"]


def test_names_that_scripts_know(db, tmp_path):
    """Properties and labels named as what JavaScript's objects have are shown as others are."""
    db.execute("CREATE (:`__proto__` {`__proto__`: 'x', name: 'Ada', born: 1815})-[:T]->()")
    html = db.execute("MATCH (a)-[r]->(b) RETURN a, r, b").to_graph().to_html()
    assert "__proto__" in picture_data(html)["colors"]
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    (tmp_path / "picture.html").write_text(html, encoding="utf-8")
    done = subprocess.run([node, str(HERE / "picture.js"), str(tmp_path / "picture.html")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["legend"] == 2 and "__proto__: x" in seen["tip"]


def test_svg(people):
    graph = people.execute("MATCH (a)-[r]->(b) RETURN a, r, b").to_graph()
    root = ElementTree.fromstring(graph.to_svg())
    name = "{http://www.w3.org/2000/svg}"
    assert len(root.findall(f"{name}g/{name}circle")) == 3 and len(root.findall(f"{name}g/{name}path")) == 4
    assert graph.to_svg() == people.execute("MATCH (a)-[r]->(b) RETURN a, r, b").to_graph().to_svg()
    ElementTree.fromstring(people.execute("MATCH (n:Nobody) RETURN n").to_graph().to_svg())
    hostile = people.execute("CREATE (a {name: $s})-[r:`\u0001<\u001b>`]->(a) RETURN a, r", s="\0\x1b]\ufffe</title>&amp;👍").to_graph()
    assert "👍" in "".join(ElementTree.fromstring(hostile.to_svg()).itertext())
    family = people.execute("CREATE (a {name: $s}) RETURN a", s="👩\u200d👩\u200d👧\xa0\U0001fae8").to_graph()  # what holds an emoji together, a wide blank, one of 2023
    assert "👩\u200d👩\u200d👧\xa0\U0001fae8" in "".join(ElementTree.fromstring(family.to_svg()).itertext())


def test_too_large(db):
    db.execute("UNWIND range(1, 600) AS x CREATE (:N {x: x})")
    with pytest.raises(sombra.LimitError, match="500"):
        db.execute("MATCH (n:N) RETURN n").to_graph()
    html = db.execute("MATCH (n:N) RETURN collect(n) AS all")._repr_html_()
    assert "<iframe" not in html and "no picture: it has at most 500 nodes" in html
    db.execute("MATCH (a:N {x: 1}), (b:N) CREATE (a)-[:T]->(b)")
    for ends in ("r", "a, r, b"):
        html = db.execute(f"MATCH (a)-[r:T]->(b) RETURN collect([{ends}]) AS all")._repr_html_()
        assert "<iframe" not in html and "no picture" in html
    db.execute("MATCH (a:N), (b:N) WHERE a.x <= 75 AND b.x <= 75 CREATE (a)-[:D]->(b)")
    with pytest.raises(sombra.LimitError, match="5000"):
        db.execute("MATCH (a)-[r:D]->(b) RETURN r").to_graph()


@pytest.fixture
def shell():
    interactive = pytest.importorskip("IPython.core.interactiveshell")
    shell = interactive.InteractiveShell.instance()
    shell.user_ns.clear()
    shell.run_line_magic("load_ext", "sombra") if "cypher" not in shell.magics_manager.magics["cell"] else None
    return shell


def test_magic(shell, people, tmp_path):
    shell.user_ns["db"] = people
    shell.user_ns["name"] = "Ada"
    result = shell.run_cell_magic("cypher", "", "MATCH (p:Person {name: $name}) RETURN p.born AS born")
    assert result.single().born == 1815
    assert shell.run_line_magic("cypher", "RETURN 1 AS a").single().a == 1
    # a parameter in a line is one, whatever stands in it
    shell.user_ns["text"] = "0 AS v //"
    assert shell.run_line_magic("cypher", "RETURN $text AS v, {name: 1} AS m").single() == ("0 AS v //", {"name": 1})
    assert shell.run_cell_magic("cypher", "db -o kept", "RETURN 2 AS a") is None
    assert shell.user_ns["kept"].single().a == 2
    path = str(tmp_path / "g.sombra")
    shell.run_cell_magic("cypher", path, "CREATE (:N)")
    assert shell.run_cell_magic("cypher", path, "MATCH (n:N) RETURN count(n) AS c").single().c == 1
    shell.user_ns["path"] = path
    assert shell.run_cell_magic("cypher", "{path}", "MATCH (n:N) RETURN count(n) AS c").single().c == 1
    shell.user_ns["_sombra_opened"][path].close()
    for line, cell, error in [
        ("", "RETURN $missing", sombra.NotFoundError),
        ("a b", "RETURN 1", sombra.InvalidError),
        ("-o", "RETURN 1", sombra.InvalidError),
        ("-o 1x", "RETURN 1", sombra.InvalidError),
        ("'db", "RETURN 1", sombra.InvalidError),
        ("dbb", "RETURN 1", sombra.NotFoundError),
        ("name", "RETURN 1", sombra.NotFoundError),
        ("", "RETURN", sombra.QuerySyntaxError),
    ]:
        with pytest.raises(error):
            shell.run_cell_magic("cypher", line, cell)
    assert not os.path.exists("dbb") and not os.path.exists("name")
    shell.user_ns.pop("db")
    with pytest.raises(sombra.MisuseError, match="name one"):
        shell.run_cell_magic("cypher", "", "RETURN 1")
