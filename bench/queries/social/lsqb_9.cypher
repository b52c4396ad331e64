MATCH (a:Person)-[:KNOWS]-(b:Person)-[:KNOWS]-(c:Person)-[:HAS_INTEREST]->(t:Tag) WHERE NOT (a)-[:KNOWS]-(c) AND a <> c RETURN count(*)
