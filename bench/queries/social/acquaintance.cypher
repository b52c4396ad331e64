// $id: Person
// $other: Person
MATCH (a:Person {id: $id}), (b:Person {id: $other}) MATCH p = shortestPath((a)-[:KNOWS*0..]-(b)) RETURN length(p)
