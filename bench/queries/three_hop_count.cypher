// $key: random
MATCH (a:Node {key: $key})-[:LINK]->()-[:LINK]->()-[:LINK]->(d) RETURN count(*)
