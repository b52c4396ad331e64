// $key: new
// $note: random
CREATE (:Node {key: $key, note: $note})
