SELECT e.target FROM nodes a JOIN edges e ON e.source = a.id AND e.type = 1 WHERE a.key = ?1
