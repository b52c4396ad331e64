// $key: random
MATCH (n:Node {key: $key}) RETURN n.name
