// $key: random
MATCH (a:Node {key: $key})-[:LINK]->(b) RETURN id(b)
