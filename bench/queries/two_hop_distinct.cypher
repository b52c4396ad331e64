// $key: random
MATCH (a:Node {key: $key})-[:LINK]->()-[:LINK]->(c) RETURN count(DISTINCT c)
