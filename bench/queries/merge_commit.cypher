// $key: new
// $note: random
MERGE (n:Node {key: $key}) ON CREATE SET n.note = $note
