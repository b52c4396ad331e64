// $id: Tag
MATCH (t:Tag {id: $id})<-[:HAS_TAG]-(:Post)-[:HAS_TAG]->(u:Tag) WHERE u <> t RETURN u.id, count(*) AS posts ORDER BY posts DESC, u.id LIMIT 10
