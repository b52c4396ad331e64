// $key: start
MATCH (a:Node {key: $key})-[:LINK*1..]->(b) RETURN count(DISTINCT b)
