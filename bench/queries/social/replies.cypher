// $id: Person
MATCH (:Person {id: $id})<-[:HAS_CREATOR]-(:Message)<-[:REPLY_OF]-(c:Comment)-[:HAS_CREATOR]->(p:Person) RETURN p.id, c.id, c.day ORDER BY c.day DESC, c.id LIMIT 20
