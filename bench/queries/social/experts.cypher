// $id: Person
MATCH (:Person {id: $id})-[:KNOWS]-(f:Person)<-[:HAS_CREATOR]-(c:Comment)-[:REPLY_OF]->(:Post)-[:HAS_TAG]->(:Tag)-[:HAS_TYPE]->(k:TagClass) RETURN f.id, k.id, count(*) AS replies ORDER BY replies DESC, f.id, k.id LIMIT 20
