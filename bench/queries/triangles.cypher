MATCH (a:Node)-[:LINK]->(b)-[:LINK]->(c)-[:LINK]->(a) RETURN count(*)
