// $end: node 1000
MATCH (a:Node)-[:LINK]->()-[:LINK]->(c) WHERE a.key < $end RETURN count(*)
