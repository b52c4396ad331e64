// $id: Person
MATCH (p:Person {id: $id})-[:KNOWS]-(:Person)-[:KNOWS]-(f:Person) WHERE f <> p AND NOT (p)-[:KNOWS]-(f) RETURN f.id, count(*) AS shared ORDER BY shared DESC, f.id LIMIT 10
