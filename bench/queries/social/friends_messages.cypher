// $id: Person
MATCH (:Person {id: $id})-[:KNOWS]-(f:Person)<-[:HAS_CREATOR]-(m:Message) WHERE m.day < 2000 RETURN f.id, m.id, m.day ORDER BY m.day DESC, m.id LIMIT 20
