MATCH (t:Tag)<-[:HAS_TAG]-(m:Message)<-[:REPLY_OF]-(c:Comment)-[:HAS_TAG]->(u:Tag) WHERE NOT (c)-[:HAS_TAG]->(t) AND t <> u RETURN count(*)
