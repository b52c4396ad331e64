// $id: Person
MATCH (:Person {id: $id})-[k:KNOWS]-(f:Person) RETURN f.id, k.day ORDER BY k.day DESC, f.id
