// $from: random
// $to: other
MATCH (a:Node {key: $from}), (b:Node {key: $to})
MATCH p = shortestPath((a)-[:LINK*]->(b))
RETURN length(p)
