SELECT name FROM nodes WHERE key = ?1
