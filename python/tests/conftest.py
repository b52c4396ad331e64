"""Fixtures: a database in memory, and one in a file."""

import pytest

import sombra


@pytest.fixture
def db():
    with sombra.open(":memory:") as database:
        yield database


@pytest.fixture
def file_db(tmp_path):
    with sombra.open(tmp_path / "g.sombra") as database:
        yield database


@pytest.fixture
def people(db):
    """Ada knows Charles, who knows Grace, who knows herself."""
    db.execute(
        "CREATE (a:Person {name: 'Ada', born: 1815}), (c:Person:Engineer {name: 'Charles'}), (g:Person {name: 'Grace'}), "
        "(a)-[:KNOWS {since: 1833}]->(c), (c)-[:KNOWS]->(g), (g)-[:KNOWS {since: 1906}]->(g), (a)-[:READS]->(g)"
    )
    return db


@pytest.fixture
def ids(people):
    return {row.name: row.id for row in people.execute("MATCH (p:Person) RETURN p.name AS name, id(p) AS id")}
