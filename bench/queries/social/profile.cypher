// $id: Person
MATCH (p:Person {id: $id})-[:IS_LOCATED_IN]->(c:City) RETURN p.name, p.day, c.id
