// $id: Person
MATCH (:Person {id: $id})-[:KNOWS]-(:Person)<-[:HAS_CREATOR]-(:Post)-[:HAS_TAG]->(t:Tag) RETURN t.id, count(*) AS posts ORDER BY posts DESC, t.id LIMIT 10
