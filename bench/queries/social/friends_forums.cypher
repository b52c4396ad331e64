// $id: Person
MATCH (:Person {id: $id})-[:KNOWS]-(f:Person)<-[:HAS_MEMBER]-(o:Forum) RETURN o.id, count(DISTINCT f) AS friends ORDER BY friends DESC, o.id LIMIT 20
