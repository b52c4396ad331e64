// $key: random
// $note: new
MATCH (n:Node {key: $key}) SET n.note = $note
