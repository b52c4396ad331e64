// $id: Person
MATCH (:Person {id: $id})<-[:HAS_CREATOR]-(m:Message) RETURN m.id, m.day ORDER BY m.day DESC, m.id LIMIT 10
