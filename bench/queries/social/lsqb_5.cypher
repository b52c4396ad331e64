MATCH (t:Tag)<-[:HAS_TAG]-(m:Message)<-[:REPLY_OF]-(c:Comment)-[:HAS_TAG]->(u:Tag) WHERE t <> u RETURN count(*)
